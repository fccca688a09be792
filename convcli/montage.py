"""Feature maps on one sheet: every map with its number, its name, and the kernel that made it.

Maps are scaled by whole numbers alone: down as means of squares of pixels, up as larger pixels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from convcli import heat
from convcli.filters import Filter, Kernel
from convcli.panel import Type, draw_numbers, spell_factor
from convcli.raster import Canvas

__all__ = ["MOST", "bank_of", "sheet"]

MOST = 1024  # maps of a sheet
_EDGE, _GAP, _LINE, _TYPE = 20, 14, 18, 12.0
_GREY, _DARK = (110, 110, 110), (30, 30, 30)


class _Look(NamedTuple):
    """The longest and the shortest side that a map should have, and the longest of a kernel, in pixels."""

    most: int
    least: int
    kernel: int


_LOOKS = ((4, _Look(480, 160, 108)), (16, _Look(288, 128, 96)), (64, _Look(160, 96, 60)), (MOST, _Look(96, 64, 40)))


def bank_of(filters: Sequence[Filter], maps: int) -> Kernel | None:
    """The kernel whose maps a chain of filters ends in: the last one that gives so many, None where none does."""
    actions = [step.action for filter_ in filters for step in filter_.steps]
    banks = [action for action in actions if isinstance(action, Kernel) and action.maps == maps]
    return banks[-1] if banks else None


def sheet(maps: np.ndarray, kernel: Kernel | None = None, title: str = "", fact: str = "") -> np.ndarray:
    """The picture, (h, w, 3) uint8, of maps (H, W, O) uint8.

    kernel: a bank of O kernels; each is drawn beside its map, its planes below one another. title, fact: lines on
    top. Of more than `MOST` maps the first are shown, and a line says so.
    """
    count = maps.shape[2]
    shown = min(count, MOST)
    look = next(look for most, look in _LOOKS if shown <= most)
    tiles = [_scaled(maps[:, :, n], look) for n in range(shown)]
    kernels = _Kernels(kernel, look, len(tiles[0])) if kernel is not None else None
    facts = [fact] if fact else []
    if kernel is not None and kernel.scale != 1:
        facts.append(f"weights x {spell_factor(kernel.scale)}")
    if shown < count:
        facts.append(f"the first {shown} of {count} maps")
    beside = kernels.width + 8 if kernels else 0
    width = beside + max(tiles[0].shape[1], 48)
    height = _LINE + max(len(tiles[0]), kernels.height if kernels else 0)
    columns = _columns(shown, height, width)
    rows = -(-shown // columns)
    head = _EDGE + (24 if title else 0) + (20 if facts else 0) + (6 if title or facts else 0)
    room = max(columns * (width + _GAP) - _GAP, 240)
    canvas = Canvas(head + rows * (height + _GAP) - _GAP + _EDGE, room + 2 * _EDGE)
    canvas.text(_EDGE, _EDGE, canvas.cut(title, room, 17), 17, _DARK)
    line = ", ".join(facts)
    canvas.text(_EDGE + (24 if title else 0), _EDGE, canvas.cut(line, room, _TYPE), _TYPE, _GREY)
    for n, tile in enumerate(tiles):
        y, x = head + n // columns * (height + _GAP), _EDGE + n % columns * (width + _GAP)
        name = f"{n}  {kernel.labels[n]}" if kernel is not None and kernel.labels else str(n)
        canvas.text(y, x, canvas.cut(name, width, _TYPE), _TYPE, _DARK)
        y += _LINE
        if kernels:
            kernels.draw(canvas, y, x, n)
        canvas.paste(y, x + beside, tile)
        canvas.box(y - 1, x + beside - 1, len(tile) + 2, tile.shape[1] + 2, None, _GREY)
    return canvas.pixels


class _Kernels:
    """The kernels of a bank as small heat maps in one scale of colours, the planes of a map below one another."""

    def __init__(self, kernel: Kernel, look: _Look, room: int):
        self.matrices = kernel.bank
        self.largest = float(abs(kernel.matrix).max())
        planes, most = kernel.planes, look.kernel
        if planes <= 4:  # such as red, green and blue: all of them are shown
            most = min(most, max(24, (room + 4) // planes - 4))
        self.share = -(-max(kernel.taps) // most)  # taps that share a pixel
        sides = [-(-k // self.share) for k in kernel.taps]
        self.cell = max(1, min(36, most // max(sides)))
        self.high, self.wide = (max(6, side * self.cell) for side in sides)
        fitting = (room - 12) // (self.high + 4)
        self.planes = planes if planes <= 4 else max(1, min(planes, fitting))
        self.rest = planes - self.planes
        self.height = self.planes * (self.high + 4) - 4 + (16 if self.rest else 0)
        self.width = max(self.wide, 40 if self.rest else 0)

    def draw(self, canvas: Canvas, y: int, x: int, n: int) -> None:
        """The kernel of map n."""
        for matrix in self.matrices[n, : self.planes]:
            self._draw_plane(canvas, y, x, matrix)
            y += self.high + 4
        if self.rest:
            canvas.text(y, x, f"+ {self.rest}", 10, _GREY)

    def _draw_plane(self, canvas: Canvas, y: int, x: int, matrix: np.ndarray) -> None:
        matrix = heat.strongest(matrix, self.share)
        colours = heat.diverging(matrix, self.largest)
        tall, broad = self.high // len(matrix), self.wide // len(matrix[0])
        canvas.paste(y, x, colours.repeat(tall, 0).repeat(broad, 1))
        canvas.box(y - 1, x - 1, self.high + 2, self.wide + 2, None, _GREY)
        if self.share == 1:
            type_ = Type(8.5, min(13.0, 0.6 * self.cell), 3, self.cell - 5)
            draw_numbers(canvas, y, x, matrix, colours, (self.cell, self.cell), type_)


def _columns(count: int, height: int, width: int) -> int:
    """How many tiles stand side by side: about so many that the sheet is a third wider than high, few places empty."""
    fitting = round((4 / 3 * count * height / width) ** 0.5)
    near = range(max(1, min(count, fitting - 1)), max(1, min(count, fitting + 1)) + 1)
    return min(near, key=lambda n: (-(-count // n) * n - count) / count + 0.05 * abs(n - fitting))


def _scaled(tile: np.ndarray, look: _Look) -> np.ndarray:
    """A map (H, W) as large as it should be shown: by a whole number, the same along both sides."""
    share = -(-max(tile.shape) // look.most)
    if share > 1:
        starts = [np.arange(0, n, share) for n in tile.shape]
        counts = [np.diff([*start, n]) for start, n in zip(starts, tile.shape, strict=True)]
        sums = np.add.reduceat(np.add.reduceat(tile, starts[0], 0, dtype=np.uint32), starts[1], 1)
        tile = np.rint(sums / np.outer(*counts)).astype(np.uint8)
    times = max(1, look.least // max(tile.shape))
    thin = [max(times, -(-8 // n)) for n in tile.shape]  # a line of pixels would not be seen
    return np.ascontiguousarray(tile.repeat(thin[0], 0).repeat(thin[1], 1))
