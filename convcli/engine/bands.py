"""Bands of weights times blocks of a picture: as many small products of matrices as it takes, in one or two calls.

BLAS is quickest where a product's matrices stay in the cache and need not be packed first, so that a long row is worked
in tiles; numpy walks through the tiles of all blocks in one call.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcli.engine import Tape
from convcli.engine.costs import BAND, PRODUCT
from convcli.geometry import Axis

__all__ = ["across", "band", "cost", "down", "grain_of"]

TILE = 1024  # columns
FEW = 5  # taps
SMALL = 1_000_000  # multiply-adds up to which OpenBLAS packs nothing (its interface for small matrices)


def cost(axis: Axis, rows: int, dtype: str) -> float:
    """Nanoseconds for each sample of what a band of `rows` gives."""
    return PRODUCT[dtype] * (_entries(axis, rows) + BAND[dtype])


def _entries(axis: Axis, rows: int) -> int:
    """Samples that a band of `rows` reads; a single row reads its taps alone."""
    return axis.taps if rows == 1 else (rows - 1) * axis.stride + axis.reach


def grain_of(axis: Axis) -> int:
    """Rows of a band: few have few waste entries in its corners, many repeat less of the picture.

    A single row is a product with a vector, which is as quick as long as there are few taps, and has no waste at all.
    """
    rows = 4 if axis.reach <= 7 else 8 if axis.reach <= 15 else 16
    return 1 if axis.taps <= FEW or _entries(axis, rows) > 2 * axis.taps else rows


def band(weights: np.ndarray, axis: Axis, rows: int, dtype: str) -> np.ndarray:
    """The matrix (rows, (rows - 1) stride + reach) with `weights` (k,) along its diagonal.

    >>> band(np.array([1, 2]), Axis(9, 2, stride=2, dilation=2), 2, "float32").tolist()
    [[1.0, 0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 2.0]]
    """
    matrix = np.zeros((rows, max((rows - 1) * axis.stride + axis.reach, 0)), dtype)
    for row in range(rows):
        matrix[row, row * axis.stride : row * axis.stride + axis.reach : axis.dilation] = weights
    return matrix


def down(matrix: np.ndarray, axis: Axis, lines: np.ndarray, out: np.ndarray, tape: Tape) -> None:
    """Puts on the tape: every block of rows of `out` is the matrix (rows, entries) times the entries below it.

    lines, out: (rows, width), neighbours side by side; out has a multiple of the matrix's rows.
    """
    if len(matrix) == 1:  # it needs no zeros between its taps
        matrix = matrix[:, :: axis.dilation].copy()
    rows, entries = matrix.shape
    blocks, width = len(out) // rows, out.shape[1]
    tile, apart = (width, axis.dilation) if rows == 1 else (max(min(TILE, SMALL // matrix.size // 16 * 16), 16), 1)
    for start, count, wide in ((0, width // tile, tile), (width - width % tile, 1, width % tile)):
        if count and wide:
            source = _tiles(lines[:, start:], (blocks, count, entries, wide), rows * axis.stride, apart)
            tape.append((np.matmul, (matrix, source, _tiles(out[:, start:], (blocks, count, rows, wide), rows))))


def _tiles(lines: np.ndarray, shape: tuple[int, int, int, int], step: int, apart: int = 1) -> np.ndarray:
    """Blocks that begin `step` rows apart, of rows that are `apart`, cut into tiles: (blocks, tiles, rows, columns)."""
    row, sample = lines.strides
    return as_strided(lines, shape, (step * row, shape[3] * sample, apart * row, sample))


def across(matrices: list[np.ndarray], step: int, lines: np.ndarray, out: np.ndarray, tape: Tape) -> None:
    """Puts on the tape: every block of columns of `out` is the entries above it times the matrix (entries, columns).

    The blocks begin `step` samples apart in `lines`; the second matrix is for the columns that are left over.
    """
    wide, narrow = matrices
    rows, (entries, columns) = len(lines), wide.shape
    count, size = out.shape[1] // columns, lines.itemsize
    if count:
        source = as_strided(lines, (count, rows, entries), (step * size, *lines.strides), writeable=False)
        target = as_strided(out, (count, rows, columns), (columns * size, *out.strides))
        tape.append((np.matmul, (source, wide, target)))
    if narrow.size:
        start = count * step
        tape.append((np.matmul, (lines[:, start : start + len(narrow)], narrow, out[:, count * columns :])))
