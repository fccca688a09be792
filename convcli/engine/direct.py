"""Shifted copies of the picture, weighted and added up: one numpy pass for each tap that is not zero, or fewer.

Rows of an interleaved picture are long lines of samples, in which one pixel to the right is C samples
further; so colour costs nothing extra.
"""

import numpy as np

from convcli.engine import Blocks, Lay, Numbers, Tape, sums
from convcli.engine.blas import REALS
from convcli.engine.costs import GATHER, PASS
from convcli.engine.pairs import Pattern, pattern
from convcli.engine.scratch import Scratch
from convcli.engine.sums import Terms, add_group, group, laid_by_map, passes, weighted_sum
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["blocks", "build", "cost", "exact", "refusal", "rounding"]

MANY = 1024  # weights beyond which the cost is a guess: to look for equal ones and patterns takes seconds


def refusal(kernel: Kernel, geometry: Geometry, signal: Signal) -> str | None:
    """None: any kernel, stride and dilation will do."""
    return None


def exact(kernel: Kernel) -> sums.Limits:
    """The limits of additions."""
    return sums.EXACT


def rounding(kernel: Kernel, geometry: Geometry, signal: Signal, bound: float) -> float:
    """A rounding for each tap that is not zero."""
    return sums.rounding(bound * abs(kernel.scale), int(np.count_nonzero(kernel.matrix)))


def cost(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> float:
    """Passes over the result; with a stride along x, the picture is dealt out first."""
    if kernel.planes:
        maps = kernel.by_map
        work = sum(_passes(weights, numbers.dtype) for weights in np.abs(maps)) / len(maps)
    elif kernel.matrix.size > MANY:
        work = _passes(np.abs(kernel.matrix), numbers.dtype)
    else:
        terms = group(np.ndenumerate(kernel.matrix))
        work = passes(terms, numbers.dtype)
        if _is_dense(kernel, geometry):
            work += sum(found.passes - len(taps) + 1 for (_, taps), found in zip(terms, _patterns(terms), strict=True))
    dealt = geometry.y.stride * geometry.x.stride * GATHER * (kernel.planes or 1) / (kernel.maps or 1)
    return work * PASS[numbers.dtype] + (dealt if geometry.x.stride > 1 or kernel.planes else 0)


def _passes(sizes: np.ndarray, dtype: str) -> float:
    """`passes` of weights of these sizes, but for signs and patterns: for those with too many taps to group."""
    sizes, counts = np.unique(sizes[sizes > 0], return_counts=True)
    if dtype in REALS:
        return float(counts.sum() - (counts > 1).any())
    return float(counts.sum() - np.count_nonzero(sizes == 1) + max(len(sizes) - 1, 0))


def blocks(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Blocks:
    """Any rows, channels side by side."""
    return Blocks()


def build(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Lay:
    """The sums of `convcli.engine` for one kernel."""
    if _is_dense(kernel, geometry):
        return _dense(group(np.ndenumerate(kernel.matrix)), geometry)
    y, x = geometry.y, geometry.x
    bank = [group(np.ndenumerate(planes)) for planes in kernel.bank]

    def lay_map(o: int, planes: list, out: np.ndarray, channels: int, scratch: Scratch, tape: Tape) -> None:
        def under(tap: tuple[int, int, int]) -> np.ndarray:
            """The samples that a tap (plane, row, column) meets, one for each sample of `out`."""
            c, u, v = tap
            phase, step = planes[c][v * x.dilation % x.stride], v * x.dilation // x.stride * channels
            top = u * y.dilation
            return phase[top : top + (len(out) - 1) * y.stride + 1 : y.stride, step : step + out.shape[1]]

        weighted_sum(bank[o], under, out, scratch, tape)

    return laid_by_map(kernel.planes is not None, x.stride, lay_map)


def _is_dense(kernel: Kernel, geometry: Geometry) -> bool:
    """True where the sums that patterns share are sums that are asked for: without planes and strides."""
    return kernel.planes is None and (geometry.y.stride, geometry.x.stride) == (1, 1)


def _patterns(terms: Terms) -> list[Pattern]:
    """For each group of equal weights the cheapest way to sum it; taps that are subtracted stay alone."""
    return [
        pattern(tap for _, tap in taps)
        if all(plus for plus, _ in taps)
        else Pattern((), tuple((0, *tap) for _, tap in taps))
        for _, taps in terms
    ]


def _dense(terms: Terms, geometry: Geometry) -> Lay:
    """The sums of a kernel without planes and strides: lone taps first, then one group with a pattern after another."""
    patterns = _patterns(terms)
    plain = [term for term, found in zip(terms, patterns, strict=True) if not found.shifts]
    shared = [(size, found) for (size, _), found in zip(terms, patterns, strict=True) if found.shifts]

    def lay(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
        channels, out = block.shape[2], out.reshape(len(out), -1)
        lines = block.reshape(len(block), -1)
        down, across = geometry.y.dilation, geometry.x.dilation * channels

        def under(tap: tuple[int, int]) -> np.ndarray:
            """The samples that a tap meets, one for each sample of `out`."""
            return lines[tap[0] * down : tap[0] * down + len(out), tap[1] * across : tap[1] * across + out.shape[1]]

        is_begun = bool(plain) or not shared
        if is_begun:
            weighted_sum(plain, under, out, scratch, tape)
        for size, found in shared:
            total = scratch.take("group", out.shape, out.dtype) if is_begun else out
            _shared(found, 1.0 if is_begun else size, lines, total, (down, across), scratch, tape)
            if is_begun:
                add_group(total, size, out, tape)
            is_begun = True

    return lay


def _shared(found: Pattern, weight: float, lines, out: np.ndarray, step: tuple[int, int], scratch, tape: Tape) -> None:
    """Puts weight times the sum of a pattern's taps into `out`; step: samples from tap to tap, down and across."""
    down, across = step
    made, start = [(lines, 0)], 0  # each picture, and how far right of the block it begins
    for level, (y, x) in enumerate(found.shifts):
        size = (lines.shape[0] - y * down, lines.shape[1] - abs(x) * across)
        total = scratch.take(f"pattern {level}", size, lines.dtype)
        here, there = max(-x, 0) * across, max(x, 0) * across
        first = lines[: size[0], here : here + size[1]]
        tape.append((np.add, (first, lines[y * down :, there : there + size[1]], total)))
        lines, start = total, start + here
        made.append((lines, start))

    def under(tap: tuple[int, int, int]) -> np.ndarray:
        """The samples that a tap (picture, row, column) meets, one for each sample of `out`."""
        level, u, v = tap
        picture, begin = made[level]
        left = v * across - begin
        return picture[u * down : u * down + len(out), left : left + out.shape[1]]

    weighted_sum([(weight, [(True, tap) for tap in found.taps])], under, out, scratch, tape)
