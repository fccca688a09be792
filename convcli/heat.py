"""Weights to look at: a matrix as aligned words, and a colour for each value.

Zero is nearly white; positive weights go to orange and negative ones to blue, two hues that people with any kind
of colour blindness tell apart, and the darker the larger.
"""

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["diverging", "ink", "rising", "spell_cells", "strongest"]

_POSITIVE, _NEGATIVE = (
    ((247, 247, 247), (250, 190, 120), (176, 74, 0)),
    ((247, 247, 247), (140, 185, 228), (12, 76, 150)),
)
_RISING = ((10, 14, 48), (32, 74, 130), (46, 138, 140), (168, 200, 96), (255, 246, 190))


def spell_cells(rows: np.ndarray, digits: int = 4) -> list[list[str]]:
    """The values as text: whole numbers as they are, others with `digits` of the largest one, none as `-0.00`.

    >>> spell_cells(np.array([[0, 0.125], [-12.5, 1]]), 3)
    [['0', '0.1'], ['-12.5', '1.0']]
    """
    decimals = 0
    if not (rows == rows.round()).all():
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(rows).max())))
    return [["0" if value == 0 else f"{value:z.{decimals}f}" for value in row] for row in rows]


def diverging(values: np.ndarray, largest: float) -> np.ndarray:
    """A colour for each value from -largest to largest, (..., 3) uint8.

    >>> diverging(np.array([-2.0, 0, 2.0]), 2).tolist()
    [[12, 76, 150], [247, 247, 247], [176, 74, 0]]
    """
    share = np.asarray(values, float) / (largest or 1)
    signs = (share < 0)[..., None]
    return np.where(signs, _between(_NEGATIVE, -share), _between(_POSITIVE, share))


def rising(values: np.ndarray, largest: float) -> np.ndarray:
    """A colour for each value from 0 to largest, dark to bright, (..., 3) uint8."""
    return _between(_RISING, np.asarray(values, float) / (largest or 1))


def strongest(matrix: np.ndarray, share: int) -> np.ndarray:
    """The matrix with `share` taps of each axis in the place of one: the largest of them, whatever its sign.

    >>> strongest(np.array([[1.0, -3.0, 2.0]]), 2).tolist()
    [[-3.0, 2.0]]
    """
    for axis in (0, 1) if share > 1 else ():
        starts = np.arange(0, matrix.shape[axis], share)
        most, least = np.maximum.reduceat(matrix, starts, axis), np.minimum.reduceat(matrix, starts, axis)
        matrix = np.where(most >= -least, most, least)
    return matrix


def ink(colour: Sequence[int]) -> tuple[int, int, int]:
    """Black or white, whichever is read better on the colour (by its luminance, as sRGB has it)."""
    red, green, blue = ((level / 255) ** 2.2 for level in colour)
    return (0, 0, 0) if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else (255, 255, 255)


def _between(stops: Sequence[Sequence[int]], share: np.ndarray) -> np.ndarray:
    """Colours on the straight lines from stop to stop; what lies outside of 0..1 gets the last one."""
    at = np.linspace(0, 1, len(stops))
    return np.stack([np.rint(np.interp(share, at, levels)) for levels in zip(*stops, strict=True)], -1).astype(np.uint8)
