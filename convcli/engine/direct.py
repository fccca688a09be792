"""Shifted copies of the picture, weighted and added up: one numpy pass for each tap that is not zero.

Rows of an interleaved picture are long lines of samples, in which one pixel to the right is C samples
further; so colour costs nothing extra. Taps of equal size are added before the one multiplication they
share, and weights of one are not multiplied at all. A stride along x would make every pass a gather, so
the columns are dealt out to `stride` phases first, after which each tap reads one phase in a straight line.
"""

import numpy as np

from convcli.engine.scratch import Scratch
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["build", "refusal"]


def refusal(kernel: Kernel, geometry: Geometry, signal: Signal) -> str | None:
    """None: any kernel, stride and dilation will do."""
    return None


def build(kernel: Kernel, geometry: Geometry, dtype: str):
    """The run of `convcli.engine` for one kernel."""
    x = geometry.x
    if kernel.planes is None:
        terms = _terms(kernel.matrix[None])

        def run(block: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
            lines = _phases(block, x.stride, scratch, "phases")
            _sum(terms, [lines], out.reshape(len(out), -1), block.shape[2], geometry, scratch)

        return run
    bank = [_terms(planes) for planes in kernel.matrix.reshape(-1, *kernel.matrix.shape[-3:])]

    def run_bank(block: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
        planes = [_phases(block[:, :, c : c + 1], x.stride, scratch, f"plane {c}") for c in range(block.shape[2])]
        plane = scratch.take("map", out.shape[:2], out.dtype)
        for o, terms in enumerate(bank):
            _sum(terms, planes, plane, 1, geometry, scratch)
            out[:, :, o] = plane

    return run_bank


def _terms(planes: np.ndarray) -> list[tuple[float, list[tuple[bool, int, int, int]]]]:
    """Taps by size: (size, [(is positive, plane, u, v), ...]); a positive tap first, size 1 last."""
    groups: dict[float, list] = {}
    for (c, u, v), weight in np.ndenumerate(planes):
        if weight:
            groups.setdefault(abs(float(weight)), []).append((bool(weight > 0), c, u, v))
    terms = [(size, sorted(taps, key=lambda tap: not tap[0])) for size, taps in groups.items()]
    return sorted(terms, key=lambda term: (term[0] == 1, not term[1][0][0]))


def _phases(block: np.ndarray, stride: int, scratch: Scratch, name: str) -> list[np.ndarray]:
    """Every stride-th column from each start, as contiguous (rows, columns * C) arrays."""
    if stride == 1 and block.flags.c_contiguous:
        return [block.reshape(len(block), -1)]
    lines = []
    for start in range(min(stride, block.shape[1])):
        phase = block[:, start::stride]
        line = scratch.take(f"{name} {start}", phase.shape, phase.dtype)
        line[:] = phase
        lines.append(line.reshape(len(block), -1))
    return lines


def _sum(terms: list, planes: list, out: np.ndarray, channels: int, geometry: Geometry, scratch: Scratch) -> None:
    """Fills `out` (rows, width) with the weighted sum of the taps over `planes`, lists of phases."""
    y, x = geometry.y, geometry.x
    if not terms:
        out[:] = 0
        return

    def under(c: int, u: int, v: int) -> np.ndarray:
        """The samples that a tap meets, one for each sample of `out`."""
        phase, step = planes[c][v * x.dilation % x.stride], v * x.dilation // x.stride * channels
        top = u * y.dilation
        return phase[top : top + (len(out) - 1) * y.stride + 1 : y.stride, step : step + out.shape[1]]

    share = scratch.take("share", out.shape, out.dtype) if len(terms) > 1 else out
    total = out
    for size, ((plus, *first), *others) in terms:
        factor = out.dtype.type(size)
        if not others:
            np.multiply(under(*first), factor if plus else -factor, out=total)
        else:
            (second_plus, *second), *rest = others
            if plus:
                (np.add if second_plus else np.subtract)(under(*first), under(*second), out=total)
            else:
                np.negative(under(*first), out=total)
                np.subtract(total, under(*second), out=total)
            for next_plus, *tap in rest:
                (np.add if next_plus else np.subtract)(total, under(*tap), out=total)
            if size != 1:
                np.multiply(total, factor, out=total)
        if total is share and share is not out:
            np.add(out, share, out=out)
        total = share
