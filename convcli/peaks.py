"""Peaks of a response map: where it is larger than all around, and those of them that keep a distance."""

import numpy as np

__all__ = ["maxima", "spread", "summits"]

_SAMPLES = 1 << 20  # of the map that are looked at at once
_BEFORE = ((-1, -1), (-1, 0), (-1, 1), (0, -1))  # neighbours as y, x; the other four lie opposite


def maxima(response: np.ndarray, quality: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the places above their eight neighbours, the strongest first.

    response: (H, W) without NaN. quality: the least share of the strongest place; what is not positive is none. Of
    equal neighbours the first counts. The frame of one pixel, which lacks neighbours, has none.
    """
    height, width = response.shape
    if min(height, width) < 3:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    least = max(quality * float(response[1:-1, 1:-1].max()), np.finfo(response.dtype).tiny)
    found, rows = [], max(1, _SAMPLES // width)
    for start in range(1, height - 1, rows):
        y, x = np.nonzero(response[start : min(start + rows, height - 1), 1:-1] >= least)
        y, x = y + start, x + 1
        for dy, dx in _BEFORE:  # few places are left after the first comparisons
            above = response[y, x] > response[y + dy, x + dx]
            y, x = y[above], x[above]
            above = response[y, x] >= response[y - dy, x - dx]
            y, x = y[above], x[above]
        found.append((y, x))
    y, x = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(-response[y, x], kind="stable")
    return y[order], x[order]


def summits(response: np.ndarray, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The maxima at y, x to a fraction of a pixel: the tops of parabolas through their neighbours, down and across."""
    middle = response[y, x].astype(np.float64)
    places = []
    for at, dy, dx in ((y, 1, 0), (x, 0, 1)):
        before, after = (response[y + way * dy, x + way * dx].astype(np.float64) for way in (-1, 1))
        bend = 2 * middle - before - after  # 0 where all three are equal
        places.append(at + (after - before) / np.where(bend > 0, 2 * bend, np.inf))
    return tuple(places)


def spread(y: np.ndarray, x: np.ndarray, distance: float) -> np.ndarray:
    """Indices of the points that lie at least `distance` from every one kept before them.

    Whoever comes first stays. The plane is cut into squares of that distance, so a point meets only those of nine
    squares, however many there are.

    >>> spread(np.array([0, 0, 0]), np.array([0, 2, 4]), 3).tolist()
    [0, 2]
    """
    if distance < 1e-6:  # nearer than places are known
        return np.arange(len(y))
    kept: dict[tuple[int, int], list[tuple[float, float]]] = {}
    indices, limit = [], distance * distance
    cells = zip((y // distance).astype(int).tolist(), (x // distance).astype(int).tolist(), strict=True)
    for n, (b, a, (row, column)) in enumerate(zip(y.tolist(), x.tolist(), cells, strict=True)):
        if not any(
            (b - q) ** 2 + (a - p) ** 2 < limit
            for i in (row, row - 1, row + 1)
            for j in (column, column - 1, column + 1)
            for q, p in kept.get((i, j), ())
        ):
            kept.setdefault((row, column), []).append((b, a))
            indices.append(n)
    return np.array(indices, np.intp)
