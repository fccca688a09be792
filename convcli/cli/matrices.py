"""Matrices of weights as text: aligned, the middle of what is large, and in colours where the terminal has them."""

import os
import sys
from typing import TYPE_CHECKING

import click

from convcli import heat, matrix

if TYPE_CHECKING:
    import numpy as np

    from convcli.filters import Kernel

__all__ = ["WIDTH", "colours_of_terminal", "drawn"]

WIDTH, ROWS, MATRICES = 80, 20, 8  # what is shown of a large kernel; --format writes all of it
_LEVELS = (0, 95, 135, 175, 215, 255)  # of the 6 x 6 x 6 colours that terminals of 256 have from number 16 on


def drawn(kernel: "Kernel", colours: int = 0) -> list[str]:
    """The matrices of a kernel, line by line, one below the other, and their scale.

    colours: how many the terminal has. The letters are the same with and without.
    """
    matrices, lines = kernel.matrix.reshape(-1, *kernel.taps), []
    largest = float(abs(kernel.matrix).max())
    for n, rows in enumerate(matrices[:MATRICES]):
        if kernel.planes is not None:
            number = n // kernel.planes
            name = f" {kernel.labels[number]}" if kernel.labels else ""
            place = f"map {number}{name}, " if kernel.matrix.ndim == 4 else ""
            lines.append(f"  {place}plane {n % kernel.planes}:")
        lines += _table(rows, largest, colours)
    if len(matrices) > MATRICES:
        lines.append(f"  ... and {len(matrices) - MATRICES} more")
    scale = matrix.spell_scale(kernel.scale)
    return lines if scale == "1" else [*lines, f"  x {scale if '/' in scale else format(kernel.scale, '.6g')}"]


def colours_of_terminal() -> int:
    """How many colours standard output shows: 0 where it is no terminal, or where somebody asked for none."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return 0
    if os.environ.get("COLORTERM") in ("truecolor", "24bit") or "WT_SESSION" in os.environ:  # the latter on Windows
        return 1 << 24
    return 256 if "256color" in os.environ.get("TERM", "") else 0


def _table(rows: "np.ndarray", largest: float, colours: int) -> list[str]:
    """Aligned columns; of a large matrix the middle, as wide as a page."""
    high, wide = rows.shape
    ys = _middle(high, ROWS)
    for digits, columns in [(4, wide), *((3, n) for n in range(min(wide, WIDTH // 2), 0, -1))]:
        xs = _middle(wide, min(columns, WIDTH))
        words = heat.spell_cells(rows[_span(ys)][:, _span(xs)], digits)
        width = max(3 * (None in (*ys, *xs)), *(len(word) for row in words for word in row))
        if 2 + len(xs) * (width + 2) - 2 <= WIDTH:
            break
    top, left = _span(ys).start, _span(xs).start
    papers = heat.diverging(rows[_span(ys)][:, _span(xs)], largest)

    def cell(y: int | None, x: int | None) -> str:
        if None in (y, x):
            return f" {'...':>{width}} "
        text = f" {words[y - top][x - left]:>{width}} "
        return _painted(text, papers[y - top, x - left], colours) if colours else text

    lines = [f" {''.join(cell(y, x) for x in xs)}".rstrip() for y in ys]
    if None in (*ys, *xs):
        lines.append(f"  (the middle of {high}x{wide}; --format txt has all of it)")
    return lines


def _span(places: list[int | None]) -> slice:
    """The numbers among them, which follow each other."""
    numbers = [place for place in places if place is not None]
    return slice(numbers[0], numbers[-1] + 1)


def _middle(n: int, most: int) -> list[int | None]:
    """Places 0..n-1; where they are more than `most` those in the middle, None standing for the rest."""
    start = (n - most) // 2
    return list(range(n)) if n <= most else [None, *range(start, start + most), None]


def _painted(cell: str, colour: "np.ndarray", colours: int) -> str:
    """The cell on its colour: paper and ink are both named, so it is read on dark and on light terminals alike."""
    paper = tuple(int(level) for level in colour)
    ink = heat.ink(paper)
    if colours == 256:
        return click.style(cell, fg=_nearest(ink), bg=_nearest(paper))
    return click.style(cell, fg=ink, bg=paper)


def _nearest(colour: tuple[int, int, int]) -> int:
    """The number of the nearest of 256 colours: one of the cube, or of the 24 greys."""
    cube = [min(range(6), key=lambda n, level=level: abs(_LEVELS[n] - level)) for level in colour]
    grey = min(range(24), key=lambda n: abs(8 + 10 * n - sum(colour) / 3))
    away = {
        16 + 36 * cube[0] + 6 * cube[1] + cube[2]: [_LEVELS[n] for n in cube],
        232 + grey: [8 + 10 * grey] * 3,
    }
    return min(away, key=lambda number: sum((a - b) ** 2 for a, b in zip(away[number], colour, strict=True)))
