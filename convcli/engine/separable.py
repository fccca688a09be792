"""A kernel of rank one as two passes: its column down the rows, then its row along the columns; and of low rank as a
few such pairs, whose results are added.

A line of weights is a polynomial. Where (1 + z) divides it, adding neighbours takes that factor out: 1 4 6 4 1
is four additions and no product. A run of k equal weights is made as powers are in arithmetic: a run of runs, or a run
and one sample more, so that a box of any length costs some log2 k passes, and one of 15 five.
"""

from functools import cache, lru_cache
from itertools import count
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcli.engine import Blocks, Lay, Numbers, Tape, bands, sums
from convcli.engine.costs import GATHER, PASS, PLANES, PRODUCT
from convcli.engine.factors import growth, pairs
from convcli.engine.scratch import Scratch
from convcli.engine.sums import group, passes, phases, rows_in_cache, weighted_sum
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["blocks", "build", "cost", "exact", "refusal", "rounding"]

ROWS, COLUMNS = 64, 32  # of a block of the product along the columns
RUN_ARRAYS = 6  # of a strip, where sums of sums are kept for later
SNAP = 0.25  # how far off a sum may be that is snapped to a whole number


def refusal(kernel: Kernel, geometry: Geometry, signal: Signal) -> str | None:
    """Why the kernel is no product of a column and a row."""
    if kernel.planes is not None:
        return "the kernel has planes, and each would need passes of its own"
    found = pairs(kernel)
    if len(found) > 1 and not signal.is_bounded:
        return "float samples may be infinite, and several columns times rows would take infinity from infinity"
    if found:
        return None
    if kernel.rank is None:
        return "the weights are no column times a row, and too many to look for more of them"
    return f"the weights have rank {kernel.rank}, and as many columns times rows cost no less than the matrix"


class Line(NamedTuple):
    """Weights along one axis as stages: lengths of runs to sum, one after the other, and the terms that remain.

    terms is None where the runs leave nothing to do. passes: over the output, or `stride` times that.
    """

    runs: tuple[int, ...]
    terms: list | None
    passes: float

    @classmethod
    def of(cls, weights: np.ndarray, dtype: str, stride: int = 1) -> "Line":
        """The stages with the fewest passes; all but the last work on every position, `stride` or not."""
        return _line(tuple(weights.tolist()), dtype, stride)  # asked for by the cost, the shape of memory and the tape


@lru_cache(maxsize=256)
def _line(taps: tuple[float, ...], dtype: str, stride: int) -> Line:
    """See `Line.of`."""
    weights, terms = np.array(taps), group(enumerate(taps))
    lines = [Line((), terms, passes(terms, dtype))]
    if len(weights) > 2 and (weights == weights[0]).all():
        last = None if weights[0] == 1 and stride == 1 else group([(0, weights[0])])
        lines.append(Line((len(weights),), last, stride * _adds(len(weights)) + (last is not None)))
    if len(weights) > 1 and (weights == np.rint(weights)).all():
        signs = (-1.0) ** np.arange(len(weights))
        quotient = np.cumsum(weights * signs) * signs  # by (1 + z), the remainder last
        if quotient[-1] == 0:
            rest = Line.of(quotient[:-1], dtype, stride)
            done = stride == 1 and not rest.runs and len(quotient) == 2 and quotient[0] == 1
            lines.append(Line((2, *rest.runs), None if done else rest.terms, stride + (0 if done else rest.passes)))
    return min(lines, key=lambda line: line.passes)


@cache
def _adds(length: int) -> int:
    """Additions that make sums of `length` neighbours: those of a run of runs, or of a run and one sample more."""
    if length == 1:
        return 0
    whole = [_adds(part) + _adds(length // part) for part in (3, 5, 7) if length % part == 0 and part < length]
    return min([_adds(length // 2) + 1 if length % 2 == 0 else _adds(length - 1) + 1, *whole])


def _part(length: int) -> int:
    """The run whose runs make up `length` with the fewest additions; 0 where one sample more is as good."""
    for part in (2, 3, 5, 7):
        if length % part == 0 and part < length and _adds(part) + _adds(length // part) == _adds(length):
            return part
    return 0


class Way(NamedTuple):
    """How two passes run: as adds where a line is given, as a banded product where it is None; and the cost."""

    down: Line | None
    along: Line | None
    cost: float


def _ways(column: np.ndarray, row: np.ndarray, geometry: Geometry, numbers: Numbers) -> tuple[Way, Way]:
    """The cheapest way with adds along the columns, and with products; integers and unbounded samples have none."""
    y, x = geometry.y, geometry.x
    down, along = (Line.of(line, numbers.dtype, axis.stride) for line, axis in ((column, y), (row, x)))
    add, has_products = PASS[numbers.dtype], numbers.bounded and numbers.dtype in PRODUCT
    down_cost, along_cost = (
        down.passes * add,
        along.passes * add + (x.stride * GATHER if x.stride > 1 else 0),
    )
    down_product = bands.cost(y, bands.grain_of(y), numbers.dtype) if has_products else inf
    along_product = bands.cost(x, COLUMNS, numbers.dtype) if has_products else inf
    wide = (x.size + x.lo + x.hi) / x.out
    first = down if down_cost <= down_product else None
    below = min(down_cost, down_product) * wide
    return Way(first, along, below + along_cost), Way(first, None, below + along_product)


def _way(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> tuple[list[Way], float]:
    """A way for each pair, all with adds along the columns or all with products, and what they cost together."""
    ways = [_ways(column, row, geometry, numbers) for column, row in pairs(kernel)]
    by_kind = [[way[kind] for way in ways] for kind in (0, 1)]
    costs = [sum(way.cost for way in kind) + (len(ways) - 1) * PASS[numbers.dtype] for kind in by_kind]
    if channels > 1:
        costs[1] += PLANES  # planes have to be made and put together again, once for all pairs
    return (by_kind[0], costs[0]) if costs[0] <= costs[1] else (by_kind[1], costs[1])


def exact(kernel: Kernel) -> sums.Limits:
    """The limits of additions; pairs are no whole numbers, and their sums are snapped to the nearest."""
    if len(pairs(kernel)) == 1:
        return sums.EXACT
    error = sums.rounding(growth(kernel), sum(kernel.taps))
    return (("float32", SNAP / error), ("float64", SNAP * 2**29 / error))


def rounding(kernel: Kernel, geometry: Geometry, signal: Signal, bound: float) -> float:
    """A rounding for each tap of the column and of the row."""
    return sums.rounding(bound * growth(kernel) * abs(kernel.scale), sum(kernel.taps))


def cost(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> float:
    """Passes down, over rows as wide as the input, and passes along, for each pair."""
    return _way(kernel, geometry, channels, numbers)[1]


def blocks(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Blocks:
    """Any rows for adds; whole bands down, and planes of many rows along, for products."""
    ways, _ = _way(kernel, geometry, channels, numbers)
    if ways[0].along is None:
        return Blocks(ROWS, planar=True, arrays=3)
    has_runs = any(max(line.runs, default=0) > 2 for way in ways for line in (way.down, way.along) if line)
    grain = bands.grain_of(geometry.y) if any(way.down is None for way in ways) else 1
    return Blocks(grain, arrays=RUN_ARRAYS if has_runs else 5)


def build(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Lay:
    """The sums of `convcli.engine` for one kernel of low rank."""
    ways, _ = _way(kernel, geometry, channels, numbers)
    each = [_pair(column, row, way, geometry, numbers) for (column, row), way in zip(pairs(kernel), ways, strict=True)]
    if len(each) == 1:
        return each[0]

    def lay(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
        share = scratch.take("pair", out.shape, out.dtype)
        for n, one in enumerate(each):
            one(block, share if n else out, scratch, tape)
            if n:
                tape.append((np.add, (out, share, out)))
        if numbers.whole:
            tape.append((np.rint, (out, out)))

    return lay


def _pair(column: np.ndarray, row: np.ndarray, way: Way, geometry: Geometry, numbers: Numbers) -> Lay:
    """The sums of a column times a row."""
    down = _down_by_product(column, geometry, numbers) if way.down is None else _down_by_adds(way.down, geometry)
    if way.along is not None:
        along = _along_by_adds(way.along, geometry)

        def lay(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
            lines = down(block.reshape(len(block), -1), len(out), scratch, tape)
            along(lines.reshape(len(lines), -1, block.shape[2]), out.reshape(len(out), -1), scratch, tape)

        return lay
    matrices = [bands.band(row, geometry.x, n, numbers.dtype).T.copy() for n in (COLUMNS, geometry.x.out % COLUMNS)]

    def lay_planes(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
        for plane, target in zip(block, out, strict=True):
            lines = down(plane, len(target), scratch, tape)
            for top in range(0, len(target), ROWS):
                part = slice(top, top + ROWS)
                bands.across(matrices, COLUMNS * geometry.x.stride, lines[part], target[part], tape)

    return lay_planes


def _down_by_product(column: np.ndarray, geometry: Geometry, numbers: Numbers):
    y = geometry.y
    matrix = bands.band(column, y, bands.grain_of(y), numbers.dtype)

    def down(lines: np.ndarray, rows: int, scratch: Scratch, tape: Tape) -> np.ndarray:
        columns = scratch.take("columns", (rows, lines.shape[1]), lines.dtype)
        bands.down(matrix, y, lines, columns, tape)
        return columns

    return down


def _down_by_adds(line: Line, geometry: Geometry):
    y = geometry.y

    def down(lines: np.ndarray, rows: int, scratch: Scratch, tape: Tape) -> np.ndarray:
        block = lines
        for length in line.runs:
            lines = Runs(scratch, tape).sums(lines, length, y.dilation, (block,))
        if line.terms is None:
            return lines
        last = (rows - 1) * y.stride + 1
        columns = scratch.take("columns", (rows, lines.shape[1]), lines.dtype)

        def below(tap: int) -> np.ndarray:
            return lines[tap * y.dilation : tap * y.dilation + last : y.stride]

        weighted_sum(line.terms, below, columns, scratch, tape)
        return columns

    return down


def _along_by_adds(line: Line, geometry: Geometry):
    x = geometry.x

    def along(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
        rows = rows_in_cache(block)
        for top in range(0, len(block), rows):
            few_rows(block[top : top + rows], out[top : top + rows], scratch, tape)

    def few_rows(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
        channels = block.shape[2]
        lines = block.reshape(len(block), -1)
        if line.runs:  # all rows as one: a call is shorter, and nobody reads the sums that go beyond the end of a row
            flat, runs = lines.reshape(-1), Runs(scratch, tape)
            *first, last = [(length, x.dilation * channels, (lines,)) for length in line.runs]
            for run in first:
                flat = runs.sums(flat, *run)
            if line.terms is None:
                sides = (_rows(side, out.shape, lines) for side in runs.pair(flat, *last))
                tape.append((np.add, (*sides, out)))
                return
            lost = sum((length - 1) * step for length, step, _ in (*first, last))
            lines = _rows(runs.sums(flat, *last), (len(lines), lines.shape[1] - lost), lines)
        parts = [lines] if x.stride == 1 else phases(lines.reshape(len(lines), -1, channels), x.stride, scratch, tape)

        def beside(tap: int) -> np.ndarray:
            start = tap * x.dilation // x.stride * channels
            return parts[tap * x.dilation % x.stride][:, start : start + out.shape[1]]

        weighted_sum(line.terms, beside, out, scratch, tape)

    return along


def _rows(flat: np.ndarray, shape: tuple[int, int], lines: np.ndarray) -> np.ndarray:
    """What a flat array has in the place of the lines, or of the first part of each."""
    return as_strided(flat, shape, lines.strides)


class Runs(NamedTuple):
    """Sums of samples that are a step apart along the first axis of (rows, width) or flat arrays, laid on a tape."""

    scratch: Scratch
    tape: Tape

    def sums(self, base: np.ndarray, length: int, step: int, busy: tuple[np.ndarray, ...] = ()) -> np.ndarray:
        """Where the sums of `length` samples will be: at every position where they fit.

        busy: arrays that are still needed; the base may be lost where it is none of them.
        """
        less, more = self.pair(base, length, step, busy)
        # whole numbers may take the place of those they are sums of, for numpy goes forward; floats it would copy first
        kept = busy if base.dtype.kind in "iu" else (*busy, more)
        out = less if _is_apart(less, kept) else self._room(less, (*busy, more))
        self.tape.append((np.add, (less, more, out)))
        return out

    def pair(self, base: np.ndarray, length: int, step: int, busy: tuple[np.ndarray, ...] = ()) -> tuple:
        """Two arrays that give the sums when they are added."""
        if length > 2 and (part := _part(length)):
            inner = self.sums(base, part, step, busy)
            return self.pair(inner, length // part, part * step, busy)
        less = base if length == 2 else self.sums(base, length - 1, step, (*busy, base))
        first = (length - 1) * step
        return less[: len(base) - first], base[first:]

    def _room(self, like: np.ndarray, busy: tuple[np.ndarray, ...]) -> np.ndarray:
        """The first memory that none of the busy arrays lies in."""
        rooms = (self.scratch.take(f"run {n}", like.shape, like.dtype) for n in count())
        return next(room for room in rooms if _is_apart(room, busy))


def _is_apart(array: np.ndarray, busy: tuple[np.ndarray, ...]) -> bool:
    """Whether an array lies in the memory of none of the others."""
    return not any(np.may_share_memory(array, other) for other in busy)
