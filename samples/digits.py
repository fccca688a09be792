"""Threes and sevens as unlike hands write them: slanted, stretched, thin and thick, off the middle, on dirty paper.

python samples/digits.py FOLDER [COUNT]     COUNT of each, 200 unless told, in FOLDER/3 and FOLDER/7
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

THREE = [
    (-0.5, -0.8),
    (0.1, -1.0),
    (0.5, -0.6),
    (0.3, -0.2),
    (-0.1, 0.0),
    (0.4, 0.2),
    (0.5, 0.7),
    (0.0, 1.0),
    (-0.6, 0.8),
]
SEVEN = [(-0.6, -0.9), (0.0, -0.9), (0.6, -0.9), (0.4, -0.4), (0.2, 0.0), (0.0, 0.5), (-0.1, 1.0)]
BAR = [(-0.3, 0.05), (0.1, 0.0), (0.45, 0.05)]  # some cross their sevens


def digit(which: str, rng: np.random.Generator, size: int = 28) -> np.ndarray:
    """One of them, white on black, uint8 (size, size)."""
    strokes = [SEVEN, BAR] if which == "7" and rng.random() < 0.4 else [SEVEN if which == "7" else THREE]
    slant, angle = rng.normal(0.15, 0.15), rng.normal(0, 0.12)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = rng.uniform(0.26, 0.38, 2) * size
    middle = (size - 1) / 2 + rng.normal(0, 0.03 * size, 2)
    y, x = np.mgrid[:size, :size].astype(float)
    gap = np.full((size, size), np.inf)
    for stroke in strokes:
        points = np.array(stroke) + rng.normal(0, 0.06, (len(stroke), 2))
        points[:, 0] -= slant * points[:, 1]
        points = points @ turn.T * stretch + middle
        for a, b in pairwise(points):
            along = ((x - a[0]) * (b - a)[0] + (y - a[1]) * (b - a)[1]) / ((b - a) @ (b - a))
            along = along.clip(0, 1)
            gap = np.minimum(gap, np.hypot(x - a[0] - along * (b - a)[0], y - a[1] - along * (b - a)[1]))
    ink = (rng.uniform(0.03, 0.08) * size + 0.5 - gap).clip(0, 1) * rng.uniform(0.6, 1)
    return np.rint(255 * (ink + rng.normal(0, 0.05, ink.shape)).clip(0, 1)).astype(np.uint8)


def write(folder: Path, count: int = 200, seed: int = 1, classes: str = "37", size: int = 28) -> Path:
    """The folder, which holds `count` pictures of each class in a sub-folder."""
    rng = np.random.default_rng(seed)
    for which in classes:
        (folder / which).mkdir(parents=True)
        for n in range(count):
            Image.fromarray(digit(which, rng, size)).save(folder / which / f"{n}.png")
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]), *map(int, sys.argv[2:]))
