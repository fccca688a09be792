"""A matrix of weights as columns times rows: one pair where its rank is one, few pairs where its rank is low."""

from functools import lru_cache
from math import gcd

import numpy as np

from convcli.filters import Kernel

__all__ = ["Pair", "growth", "pairs"]

Pair = tuple[np.ndarray, np.ndarray]
SIDE = 256  # taps a side up to which the rank of a matrix is looked for
NOISE = 1e-13  # of the largest singular value: what is below is the rounding of the matrix itself
DIGITS = 14  # of the factors: equal weights come out equal


@lru_cache(maxsize=8)  # a plan asks several times; what is kept keeps its kernel
def pairs(kernel: Kernel) -> tuple[Pair, ...]:
    """Columns (kh,) and rows (kw,) whose products add up to the matrix; none where they would cost more than it does.

    A single pair of a whole matrix is whole. More pairs are singular vectors, the fewest there are
    (Eckart and Young 1936).
    """
    matrix = kernel.matrix
    if matrix.ndim != 2 or not matrix.any():
        return ()
    single = _pair(kernel)
    if single:
        return (single,)
    height, width = matrix.shape
    if max(height, width) > SIDE:
        return ()
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    rank = int(np.count_nonzero(sizes > NOISE * sizes[0]))
    if rank * (height + width) >= height * width:
        return ()
    root = np.sqrt(sizes[:rank])
    return tuple((_even(left[:, n] * root[n]), _even(right[n] * root[n])) for n in range(rank))


def growth(kernel: Kernel) -> float:
    """How many times larger the sums of the pairs may be than those of the matrix, with every sample at its worst."""
    worst = sum(np.abs(column).sum() * np.abs(row).sum() for column, row in pairs(kernel))
    return float(worst / np.abs(kernel.matrix).sum())


def _pair(kernel: Kernel) -> Pair | None:
    """The column and the row of a matrix of rank one."""
    matrix = kernel.matrix
    i, j = np.unravel_index(np.abs(matrix).argmax(), matrix.shape)
    row, column = matrix[i] / matrix[i, j], matrix[:, j]  # a middle weight of 1 saves the row's pass a product
    if kernel.is_whole and np.abs(matrix).max() < 2**53:
        row = matrix[i] / gcd(*(int(weight) for weight in matrix[i]))
        column = matrix[:, j] / row[j]
    exact = (np.outer(column, row) == matrix).all()
    near = np.abs(np.outer(column, row) - matrix).max() <= 1e-15 * np.abs(matrix).max() * matrix.size
    return (column, row) if exact or (near and not kernel.is_whole) else None


def _even(weights: np.ndarray) -> np.ndarray:
    """Weights without the last digits, in which equal ones differ."""
    largest = np.abs(weights).max()
    return np.round(weights / largest, DIGITS) * largest
