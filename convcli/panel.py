"""One panel of a plot: the heat map of a matrix and its frequency response, drawn on a sheet."""

from typing import NamedTuple

import numpy as np

from convcli import heat
from convcli.matrix import spell_scale
from convcli.raster import Canvas

__all__ = [
    "DARK",
    "GAP",
    "GREY",
    "LINE",
    "Look",
    "Panel",
    "Type",
    "draw_map",
    "draw_numbers",
    "draw_response",
    "fitted",
    "spell_factor",
]

GAP, LINE = 16, 18
GREY, DARK = (110, 110, 110), (30, 30, 30)


class Panel(NamedTuple):
    """One matrix of a sheet: its heading, weights as drawn, their factor, and the tap over the output position."""

    label: str
    matrix: np.ndarray
    scale: float
    anchor: tuple[int, int]


class Look(NamedTuple):
    """How large a panel is, its lettering, and whether it has axes and colour bars."""

    side: int
    cell: int
    type: float
    is_full: bool

    @property
    def left(self) -> int:
        """Room for the numbers beside the rows of a map."""
        return 30 if self.is_full else 0

    @property
    def bar(self) -> int:
        """Room for a colour bar and its numbers."""
        return 88 if self.is_full else GAP

    @property
    def below(self) -> int:
        """Room under a map: numbers and the name of an axis, or what the colours span."""
        return 2 * LINE + 4 if self.is_full else LINE + 4


class Type(NamedTuple):
    """The lettering of weights in their cells: its sizes, the most digits, and the pixels that a number may take."""

    least: float
    most: float
    digits: int
    room: float


def fitted(matrix: np.ndarray, look: Look) -> tuple[np.ndarray, tuple[int, int]]:
    """The matrix and the pixels of a cell, (y, x): a square, but a row or column that would be a thread is broader.

    Where taps are finer than pixels, the largest of several stands for them.
    """
    matrix = heat.strongest(matrix, -(-max(matrix.shape) // look.side))
    cell = min(look.cell, look.side // max(matrix.shape))
    return matrix, tuple(max(cell, min(16, look.side // 4 // k)) for k in matrix.shape)


def draw_map(canvas: Canvas, y: int, x: int, panel: Panel, block: tuple, largest: float, look: Look, wide: int):
    """The heat map with its numbers, its anchor, and what its colours mean."""
    matrix, cell = block
    rows, columns = (n * pixels for n, pixels in zip(matrix.shape, cell, strict=True))
    colours = heat.diverging(matrix, largest)
    canvas.paste(y, x, colours.repeat(cell[0], 0).repeat(cell[1], 1))
    if min(cell) >= 8:
        for at in range(cell[0], rows, cell[0]):
            canvas.line([(y + at, x), (y + at, x + columns - 1)], (255, 255, 255))
        for at in range(cell[1], columns, cell[1]):
            canvas.line([(y, x + at), (y + rows - 1, x + at)], (255, 255, 255))
    canvas.box(y - 1, x - 1, rows + 2, columns + 2, None, GREY)
    type_ = Type(9.0, min(24, 0.6 * cell[0], 0.6 * cell[1]), 4, 0.88 * cell[1] - 3)
    draw_numbers(canvas, y, x, matrix, colours, cell, type_)
    _draw_anchor(canvas, y, x, panel, rows, columns)
    factor = spell_factor(panel.scale)
    factor = "" if factor == "1" else f"x {factor}"
    if not look.is_full:
        spans = f"{_number(panel.matrix.min())} to {_number(panel.matrix.max())} {factor}".rstrip()
        canvas.text(y + rows + 4, x, canvas.cut(spans, wide + GAP, look.type), look.type, GREY)
        return
    for tap, at in _ticks(panel, 0, rows):
        canvas.text(y + at, x - 6, str(tap), look.type, GREY, "rm")
    for tap, at in _ticks(panel, 1, columns):
        canvas.text(y + rows + 5, x + at, str(tap), look.type, GREY, "ma")
    if factor:
        canvas.text(y + rows + 5 + LINE, x, factor, look.type + 1, DARK)
    canvas.text(y + rows + 5 + LINE, x + columns, f"anchor {panel.anchor[0]},{panel.anchor[1]}", look.type, GREY, "ra")
    ends = [(0.0, largest), (1.0, -largest), (0.5, 0.0)] if largest else [(0.5, 0.0)]
    _draw_bar(canvas, y, x + wide + 16, max(rows, 64), heat.diverging(np.linspace(1, -1, 256), 1), ends, look)


def _ticks(panel: Panel, axis: int, pixels: int) -> list[tuple[int, float]]:
    """The first tap, the anchor and the last one of an axis, and where their middles lie; near ones only once."""
    taps = panel.matrix.shape[axis]
    middles = {tap: (tap + 0.5) * pixels / taps for tap in (0, taps - 1, panel.anchor[axis])}
    crowded = any(abs(middles[panel.anchor[axis]] - middles[end]) < 24 for end in {0, taps - 1} - {panel.anchor[axis]})
    return [(tap, at) for tap, at in middles.items() if not crowded or tap in (0, taps - 1)]


def draw_numbers(
    canvas: Canvas, y: int, x: int, matrix: np.ndarray, colours: np.ndarray, cell: tuple[int, int], look: Type
) -> None:
    """The weights in their cells, with as many digits as there is room for; none where there is no room."""
    if look.most < look.least:
        return
    for digits in range(look.digits, 1, -1):
        words = heat.spell_cells(matrix, digits)
        widest = max(canvas.width_of(word) for row in words for word in row)
        size = min(look.most, 12 * look.room / widest)
        if size >= look.least:
            break
    else:
        return
    for v, row in enumerate(words):
        for u, word in enumerate(row):
            canvas.text(y + (v + 0.5) * cell[0], x + (u + 0.5) * cell[1], word, size, heat.ink(colours[v, u]), "mm")


def spell_factor(scale: float) -> str:
    """What weights are multiplied by: a fraction where it is one, else four digits.

    >>> spell_factor(1 / 9), spell_factor(0.123456)
    ('1/9', '0.1235')
    """
    spelled = spell_scale(scale)
    return spelled if "/" in spelled else f"{scale:.4g}"


def _draw_anchor(canvas: Canvas, y: int, x: int, panel: Panel, rows: int, columns: int) -> None:
    """A frame round the anchor's cell, black in white so that it is seen on every colour."""
    cell = rows / panel.matrix.shape[0], columns / panel.matrix.shape[1]
    high, wide = (max(7, round(pixels) + 1) for pixels in cell)
    top = y + round((panel.anchor[0] + 0.5) * cell[0] - high / 2)
    left = x + round((panel.anchor[1] + 0.5) * cell[1] - wide / 2)
    canvas.box(top - 1, left - 1, high + 2, wide + 2, None, (255, 255, 255))
    canvas.box(top, left, high, wide, None, (0, 0, 0))
    if min(cell) >= 16:
        canvas.box(top + 1, left + 1, high - 2, wide - 2, None, (0, 0, 0))


def draw_response(canvas: Canvas, y: int, x: int, values: np.ndarray, peak: float, look: Look) -> None:
    """The magnitudes, zero frequency in the middle, fast waves along y up and down."""
    side = look.side
    canvas.paste(y, x, heat.rising(values, peak))
    canvas.box(y - 1, x - 1, side + 2, side + 2, None, GREY)
    if not look.is_full:
        canvas.text(y + side + 4, x, f"0 to {_number(peak)}", look.type, GREY)
        return
    for share, word in (0, "-0.5"), (0.5, "0"), (1, "0.5"):
        at = share * (side - 1)
        canvas.line([(y + side + 1, x + at), (y + side + 4, x + at)], GREY)
        canvas.text(y + side + 5, x + at, word, look.type, GREY, "ma")
        canvas.line([(y + at, x - 4), (y + at, x - 1)], GREY)
        canvas.text(y + at, x - 6, word, look.type, GREY, "rm")
    canvas.text(y + side + 5 + LINE, x + side / 2, "x and y: cycles per pixel", look.type, GREY, "ma")
    ends = [(0.0, peak), (1.0, 0.0)] if peak else [(1.0, 0.0)]
    _draw_bar(canvas, y, x + side + 16, side, heat.rising(np.linspace(1, 0, 256), 1), ends, look)


def _draw_bar(canvas: Canvas, y: int, x: int, high: int, colours: np.ndarray, ends: list, look: Look) -> None:
    """A colour bar; ends: (share of the height, number) pairs."""
    near = np.rint(np.linspace(0, len(colours) - 1, high)).astype(int)
    canvas.paste(y, x, colours[near][:, None].repeat(12, 1))
    canvas.box(y - 1, x - 1, high + 2, 14, None, GREY)
    for share, value in ends:
        canvas.text(y + share * (high - 1), x + 17, _number(value), look.type, GREY, "lm")


def _number(value: float) -> str:
    """A number with four digits at most, whole ones without a point.

    >>> _number(-2.0), _number(0.0183156), _number(1234567.0)
    ('-2', '0.01832', '1.235e+06')
    """
    return f"{value + 0.0:.4g}"
