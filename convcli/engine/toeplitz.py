"""Banded matrix products: a column of weights, repeated along a diagonal, times a block of rows.

For B rows of output the matrix has B rows of (B - 1) stride + reach entries, and times that many rows of the picture
it gives what B windows give: one call of BLAS for any stride and dilation, without a copy of the picture. A
kernel of kw columns is kw such products on the picture shifted sideways, added up; a kernel with planes sums over
those too, or lays out its windows (`columns`) where that is cheaper. BLAS rounds a sum in an order that depends on the
shape of its matrices, so blocks keep to a grid (`grain`).
"""

import numpy as np

from convcli.engine import Blocks, Lay, Numbers, Tape, bands, columns, sums
from convcli.engine.costs import GATHER, PASS
from convcli.engine.scratch import Scratch
from convcli.engine.sums import laid_by_map, rows_in_cache
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["blocks", "build", "cost", "refusal", "rounding"]


def refusal(kernel: Kernel, geometry: Geometry, signal: Signal) -> str | None:
    """Why a matrix product would spoil the picture."""
    if not signal.is_bounded:
        return "float samples may be infinite, and a matrix product spreads that over whole blocks of rows"
    return None


def exact(kernel: Kernel) -> sums.Limits:
    """The digits that a float has."""
    return (("float32", 2**24), ("float64", 2**53))


def rounding(kernel: Kernel, geometry: Geometry, signal: Signal, bound: float) -> float:
    """A rounding for each tap that is not zero."""
    return sums.rounding(bound * abs(kernel.scale), int(np.count_nonzero(kernel.matrix)))


def cost(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> float:
    """Of the bands, or of the windows laid out, whichever is less."""
    banded = _banded(kernel, geometry, numbers)
    return min(banded, columns.cost(kernel, geometry, numbers)) if kernel.planes else banded


def _banded(kernel: Kernel, geometry: Geometry, numbers: Numbers) -> float:
    """A product for each column of each plane that is not zero, and an addition for each but the first."""
    y, x = geometry.y, geometry.x
    products = int(np.count_nonzero(kernel.matrix.any(axis=-2))) / (kernel.maps or 1)
    dealt = y.stride * x.stride * GATHER if x.stride > 1 or kernel.planes else 0
    return products * (bands.cost(y, bands.grain_of(y), numbers.dtype) + PASS[numbers.dtype]) + dealt


def _is_columns(kernel: Kernel, geometry: Geometry, numbers: Numbers) -> bool:
    """Whether the windows are laid out for one product."""
    return bool(kernel.planes) and columns.cost(kernel, geometry, numbers) <= _banded(kernel, geometry, numbers)


def blocks(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Blocks:
    """Rows by the block of the band, channels side by side."""
    return Blocks(columns.GRAIN if _is_columns(kernel, geometry, numbers) else bands.grain_of(geometry.y))


def build(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Lay:
    """The sums of `convcli.engine` for one kernel."""
    if _is_columns(kernel, geometry, numbers):
        return columns.build(kernel, geometry, numbers)
    y, x = geometry.y, geometry.x
    grain = bands.grain_of(y)
    terms = [
        [
            (c, v, bands.band(plane[:, v], y, grain, numbers.dtype))
            for c, plane in enumerate(planes)
            for v in range(x.taps)
            if plane[:, v].any()
        ]
        for planes in kernel.bank
    ]

    def lay_map(o: int, planes: list, out: np.ndarray, channels: int, scratch: Scratch, tape: Tape) -> None:
        if not terms[o]:
            tape.append((out.fill, (0,)))
        part = max(rows_in_cache(out) // grain, 1) * grain
        share = scratch.take("share", (min(part, len(out)), out.shape[1]), out.dtype)
        for top in range(0, len(out), part):
            target = out[top : top + part]
            for n, (c, v, matrix) in enumerate(terms[o]):
                line = planes[c][v * x.dilation % x.stride]
                start = v * x.dilation // x.stride * channels
                rows = line[top * y.stride :, start : start + out.shape[1]]
                bands.down(matrix, y, rows, share[: len(target)] if n else target, tape)
                if n:
                    tape.append((np.add, (target, share[: len(target)], target)))

    return laid_by_map(kernel.planes is not None, x.stride, lay_map)
