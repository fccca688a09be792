"""A kernel of rank one as two passes: its column down the rows, then its row along the columns.

A line of weights is a polynomial. Where (1 + z) divides it, adding neighbours takes that factor out: 1 4 6 4 1
is four additions and no product. A run of k equal weights is made by doubling: windows of 1, 2, 4, 8 ... samples,
and those that make up k put side by side, so that a box of any length costs some log2 k passes.
"""

from dataclasses import dataclass
from math import gcd, inf

import numpy as np

from convcli.engine import Numbers, Sums
from convcli.engine.costs import GATHER, PASS, PRODUCT
from convcli.engine.scratch import Scratch
from convcli.engine.sums import group, passes, phases, weighted_sum
from convcli.engine.toeplitz import band, grain_of
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["build", "cost", "factors", "refusal"]


def refusal(kernel: Kernel, geometry: Geometry, signal: Signal) -> str | None:
    """Why the kernel is no product of a column and a row."""
    if kernel.planes is not None:
        return "the kernel has planes, and each would need passes of its own"
    if factors(kernel) is None:
        return f"the weights have rank {kernel.rank}, and only rank 1 is a column times a row"
    return None


def factors(kernel: Kernel) -> tuple[np.ndarray, np.ndarray] | None:
    """Column (kh,) and row (kw,) whose product is the matrix, whole where it is whole; None for other ranks."""
    matrix = kernel.matrix
    if matrix.ndim != 2 or not matrix.any():
        return None
    i, j = np.unravel_index(np.abs(matrix).argmax(), matrix.shape)
    row, column = matrix[i], matrix[:, j] / matrix[i, j]
    if kernel.is_whole and np.abs(matrix).max() < 2**53:
        row = row / gcd(*(int(weight) for weight in row))
        column = matrix[:, j] / row[j]
    exact = (np.outer(column, row) == matrix).all()
    near = np.abs(np.outer(column, row) - matrix).max() <= 1e-15 * np.abs(matrix).max() * matrix.size
    return (column, row) if exact or (near and not kernel.is_whole) else None


@dataclass(frozen=True, slots=True)
class Line:
    """Weights along one axis as stages: lengths of runs to sum, one after the other, and the terms that remain.

    terms is None where the runs leave nothing to do. passes: over the output, or `stride` times that.
    """

    runs: tuple[int, ...]
    terms: list | None
    passes: float

    @classmethod
    def of(cls, weights: np.ndarray, stride: int = 1) -> "Line":
        """The stages with the fewest passes; all but the last work on every position, `stride` or not."""
        terms = group(enumerate(weights))
        lines = [cls((), terms, passes(terms))]
        if len(weights) > 2 and (weights == weights[0]).all():
            last = None if weights[0] == 1 and stride == 1 else group([(0, weights[0])])
            lines.append(cls((len(weights),), last, stride * _run_passes(len(weights)) + (last is not None)))
        if len(weights) > 1 and (weights == np.rint(weights)).all():
            signs = (-1.0) ** np.arange(len(weights))
            quotient = np.cumsum(weights * signs) * signs  # by (1 + z), the remainder last
            if quotient[-1] == 0:
                rest = cls.of(quotient[:-1], stride)
                done = stride == 1 and not rest.runs and len(quotient) == 2 and quotient[0] == 1
                lines.append(cls((2, *rest.runs), None if done else rest.terms, stride + (0 if done else rest.passes)))
        return min(lines, key=lambda line: line.passes)


def _run_passes(length: int) -> int:
    return length.bit_length() - 1 + length.bit_count() - 1


def _band_cost(geometry: Geometry, numbers: Numbers) -> float:
    """Nanoseconds a sample for the column as a banded matrix product; no option for integers and endless floats."""
    if numbers.dtype not in PRODUCT or not numbers.bounded:
        return inf
    grain = grain_of(geometry.y.reach)
    return PRODUCT[numbers.dtype] * ((grain - 1) * geometry.y.stride + geometry.y.reach)


def cost(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> float:
    """Passes down, over rows as wide as the input, and passes along."""
    column, row = factors(kernel)
    y, x = geometry.y, geometry.x
    wide = (x.size + x.lo + x.hi) / x.out
    down = min(Line.of(column, y.stride).passes * PASS[numbers.dtype], _band_cost(geometry, numbers))
    along = Line.of(row, x.stride).passes * PASS[numbers.dtype]
    return down * wide + along + (x.stride * GATHER if x.stride > 1 else 0)


def build(kernel: Kernel, geometry: Geometry, numbers: Numbers) -> Sums:
    """The sums of `convcli.engine` for one kernel of rank one."""
    y, x = geometry.y, geometry.x
    column, row = factors(kernel)
    down, along = Line.of(column, y.stride), Line.of(row, x.stride)
    matrix = None
    if _band_cost(geometry, numbers) < down.passes * PASS[numbers.dtype]:
        matrix = band(column, y, grain_of(y.reach), numbers.dtype)

    def fill(block: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
        channels, flat = block.shape[2], out.reshape(len(out), -1)
        lines = block.reshape(len(block), -1)
        for n, length in enumerate(() if matrix is not None else down.runs):
            lines = _sum_run(lines, length, 0, y.dilation, scratch, f"down {n % 2}")
        if matrix is not None:
            columns = scratch.take("columns", (len(out), lines.shape[1]), out.dtype)
            for top in range(0, len(out), len(matrix)):
                below = lines[top * y.stride : top * y.stride + matrix.shape[1]]
                np.matmul(matrix, below, out=columns[top : top + len(matrix)])
            lines = columns
        elif down.terms is not None:
            last = (len(out) - 1) * y.stride + 1
            columns = scratch.take("columns", (len(out), lines.shape[1]), out.dtype)

            def below(tap: int) -> np.ndarray:
                return lines[tap * y.dilation : tap * y.dilation + last : y.stride]

            weighted_sum(down.terms, below, columns, scratch)
            lines = columns
        for n, length in enumerate(along.runs):
            is_last = along.terms is None and n == len(along.runs) - 1
            name = f"along {n % 2}"
            lines = _sum_run(lines, length, 1, x.dilation * channels, scratch, name, flat if is_last else None)
        if along.terms is not None:
            parts = phases(lines.reshape(len(lines), -1, channels), x.stride, scratch)

            def beside(tap: int) -> np.ndarray:
                start = tap * x.dilation // x.stride * channels
                return parts[tap * x.dilation % x.stride][:, start : start + flat.shape[1]]

            weighted_sum(along.terms, beside, flat, scratch)

    return Sums(fill, 1 if matrix is None else len(matrix))


def _sum_run(lines, length: int, axis: int, step: int, scratch: Scratch, name: str, out=None) -> np.ndarray:
    """Sums of `length` samples of (rows, width), `step` apart along an axis, at every position where they fit."""
    size = lines.shape[axis] - (length - 1) * step

    def cut(array: np.ndarray, start: int, count: int) -> np.ndarray:
        return array[start : start + count] if axis == 0 else array[:, start : start + count]

    def room(key: str, count: int) -> np.ndarray:
        shape = (count, lines.shape[1]) if axis == 0 else (len(lines), count)
        return scratch.take(f"{name} {key}", shape, lines.dtype)

    power, span, total, covered = lines, 1, None, 0  # power: sums of `span` samples
    while True:
        if length & span:
            here = cut(power, covered * step, size)
            is_last = covered + span == length
            if total is None:
                total = here
            else:
                target = out if is_last and out is not None else room("total", size)
                total = np.add(total, here, out=target)
            covered += span
            if is_last:
                return total
        count = power.shape[axis] - span * step
        is_last = span * 2 == length
        # the first window that counts lies where the powers after it must not
        turn = f"power {span.bit_length() % 2}{'' if total is None else ' later'}"
        target = out if is_last and out is not None else room(turn, count)
        power = np.add(cut(power, 0, count), cut(power, span * step, count), out=target)
        span *= 2
