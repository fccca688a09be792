"""Shifted copies of the picture, weighted and added up: one numpy pass for each tap that is not zero.

Rows of an interleaved picture are long lines of samples, in which one pixel to the right is C samples
further; so colour costs nothing extra. Taps of equal size are added before the one multiplication they
share, and weights of one are not multiplied at all. A stride along x would make every pass a gather, so
the columns are dealt out to `stride` phases first, after which each tap reads one phase in a straight line.
"""

import numpy as np

from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["refusal", "run"]


def refusal(geometry: Geometry, kernel: Kernel, signal: Signal) -> str | None:
    """None: any kernel, stride and dilation will do."""
    return None


def run(block: np.ndarray, kernel: Kernel, geometry: Geometry) -> np.ndarray:
    """Sums of `kernel.matrix` over `block`, see `convcli.engine`."""
    rows = (len(block) - geometry.y.reach) // geometry.y.stride + 1
    matrix = kernel.matrix
    if kernel.planes is None:
        channels = block.shape[2]
        out = np.empty((rows, geometry.x.out * channels), dtype=block.dtype)
        _sum_taps(out, [(matrix, _phases(block, geometry))], channels, geometry)
        return out.reshape(rows, geometry.x.out, channels)
    bank = matrix.reshape(-1, *matrix.shape[-3:])
    planes = [_phases(block[:, :, c : c + 1], geometry) for c in range(block.shape[2])]
    out = np.empty((rows, geometry.x.out, len(bank)), dtype=block.dtype)
    for o, weights in enumerate(bank):
        plane = np.empty((rows, geometry.x.out), dtype=block.dtype)
        _sum_taps(plane, list(zip(weights, planes, strict=True)), 1, geometry)
        out[:, :, o] = plane
    return out


def _phases(block: np.ndarray, geometry: Geometry) -> list[np.ndarray]:
    """Every stride-th column from each start, as contiguous (rows, columns * C) arrays."""
    stride = geometry.x.stride
    lines = (np.ascontiguousarray(block[:, p::stride]) for p in range(min(stride, block.shape[1])))
    return [line.reshape(len(line), -1) for line in lines]


def _sum_taps(out: np.ndarray, planes: list, channels: int, geometry: Geometry) -> None:
    """Fills `out` (rows, width) with the sum over all (weights, phases) pairs."""
    y, x = geometry.y, geometry.x

    def under(phases, u, v):
        """The samples that tap (u, v) meets, one for each sample of `out`."""
        phase, step = phases[v * x.dilation % x.stride], v * x.dilation // x.stride * channels
        top = u * y.dilation
        return phase[top : top + (len(out) - 1) * y.stride + 1 : y.stride, step : step + out.shape[1]]

    groups: dict[float, list] = {}
    for weights, phases in planes:
        for (u, v), weight in np.ndenumerate(weights):
            if weight:
                groups.setdefault(abs(float(weight)), []).append((weight > 0, under(phases, u, v)))
    if not groups:
        out[:] = 0
        return
    share = np.empty_like(out)  # the sum of one group before its multiplication
    for n, (size, taps) in enumerate(sorted(groups.items(), key=lambda item: item[0] == 1)):
        taps.sort(key=lambda tap: not tap[0])  # a positive one first saves the negation
        total = out if n == 0 else share
        factor = out.dtype.type(size)
        first_plus, first = taps[0]
        if len(taps) == 1:
            np.multiply(first, factor if first_plus else -factor, out=total)
        else:
            plus, second = taps[1]
            if first_plus:
                (np.add if plus else np.subtract)(first, second, out=total)
            else:
                np.negative(first, out=total)
                np.subtract(total, second, out=total)
            for plus, tap in taps[2:]:
                (np.add if plus else np.subtract)(total, tap, out=total)
            if size != 1:
                np.multiply(total, factor, out=total)
        if n:
            np.add(out, share, out=out)
