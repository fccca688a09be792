"""Kernels as pictures: heat maps of the weights and, beside each, the frequency response.

A sheet shows one kernel large, a few smaller, and a bank as a grid of small panels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from convcli import heat
from convcli.filters import Filter, Kernel
from convcli.frequency import response
from convcli.matrix import spell_scale
from convcli.raster import Canvas

__all__ = ["MOST", "Panel", "panels_of", "sheet", "steps_of"]

MOST = 96  # panels of a sheet
_EDGE, _GAP, _LINE = 24, 16, 18
_GREY, _DARK = (110, 110, 110), (30, 30, 30)
_FINEST = 9.0  # of the sizes of type


class Panel(NamedTuple):
    """One matrix of a sheet: its heading, weights as drawn, their factor, and the tap over the output position."""

    label: str
    matrix: np.ndarray
    scale: float
    anchor: tuple[int, int]


class _Look(NamedTuple):
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
        return 88 if self.is_full else _GAP

    @property
    def below(self) -> int:
        """Room under a map: numbers and the name of an axis, or what the colours span."""
        return 2 * _LINE + 4 if self.is_full else _LINE + 4


# odd sides, so that zero frequency has a pixel of its own
_LOOKS = ((1, _Look(401, 88, 12.5, True)), (6, _Look(217, 56, 11.0, True)), (MOST, _Look(105, 40, 10.0, False)))


def panels_of(kernel: Kernel, label: str = "") -> list[Panel]:
    """A panel for each matrix of a kernel: one, or one for every plane of every map."""
    matrices, found = kernel.matrix.reshape(-1, *kernel.taps), []
    for n, matrix in enumerate(matrices):
        parts = [label] if label else []
        if kernel.matrix.ndim == 4 and kernel.maps > 1:
            parts.append(_named(kernel, n // kernel.planes))
        if (kernel.planes or 1) > 1:
            parts.append(f"plane {n % kernel.planes}")
        found.append(Panel(", ".join(parts), matrix, kernel.scale, kernel.anchor))
    return found


def _named(kernel: Kernel, number: int) -> str:
    """A map of a bank by its number, and what it is called where it has a name."""
    return f"map {number}: {kernel.labels[number]}" if kernel.labels else f"map {number}"


def steps_of(filter_: Filter, names: Sequence[str]) -> list[Panel]:
    """Panels of the steps of a composite, those of one kernel in one; `names` say what each step's kernel is called."""
    called: dict[str, list[str]] = {}
    kernels: dict[str, Kernel] = {}
    for step, name in zip(filter_.steps, names, strict=True):
        if isinstance(step.action, Kernel):
            called.setdefault(name, []).append(step.name)
            kernels[name] = step.action
    return [
        panel for name, kernel in kernels.items() for panel in panels_of(kernel, f"{', '.join(called[name])} = {name}")
    ]


def sheet(panels: Sequence[Panel], title: str, facts: Sequence[str] = (), shared: bool = False) -> np.ndarray:
    """The picture, (H, W, 3) uint8.

    facts: lines under the title. shared: one colour scale for all panels, so that the maps of a bank can be compared.
    Of more than `MOST` panels the first are shown, and a line says so.
    """
    facts, shown = list(facts), list(panels[:MOST])
    if len(panels) > MOST:
        facts.append(f"the first {MOST} of {len(panels)} matrices")
    look = next(look for most, look in _LOOKS if len(shown) <= most)
    blocks = [_fitted(panel.matrix, look) for panel in shown]
    responses = [response(panel.matrix * panel.scale, look.side) for panel in shown]
    largest = [float(abs(panel.matrix).max()) for panel in shown]
    peaks = [float(values.max()) for values in responses]
    if shared:
        largest, peaks = [max(largest)] * len(shown), [max(peaks)] * len(shown)

    high = max(look.side, *(cell[0] * len(matrix) for matrix, cell in blocks))
    wide = max(cell[1] * len(matrix[0]) for matrix, cell in blocks)
    width = look.left + wide + look.bar + look.left + look.side + look.bar
    height = _LINE + 4 + high + look.below
    columns = _columns(shown, width, height)
    rows = -(-len(shown) // columns)
    head = _EDGE + 28 + _LINE * len(facts) + _GAP
    measure = Canvas(1, 1)
    across = max(
        columns * width + (columns - 1) * _GAP,
        int(min(900, max(measure.width_of(title, 20), *(measure.width_of(fact, 13) for fact in ("", *facts))))) + 1,
    )
    canvas = Canvas(head + rows * height + (rows - 1) * _GAP + _EDGE, across + 2 * _EDGE)
    room = across
    canvas.text(_EDGE, _EDGE, _cut(canvas, title, 20, room), 20, _DARK)
    for n, fact in enumerate(facts):
        canvas.text(_EDGE + 30 + _LINE * n, _EDGE, _cut(canvas, fact, 13, room), 13, _GREY)
    for n, panel in enumerate(shown):
        y, x = head + n // columns * (height + _GAP), _EDGE + n % columns * (width + _GAP)
        canvas.text(y, x, _cut(canvas, panel.label or "weights", look.type + 1, width - _GAP), look.type + 1, _DARK)
        if not panel.label:
            canvas.text(y, x + look.left * 2 + wide + look.bar, "frequency response", look.type + 1, _DARK)
        y += _LINE + 4
        _draw_map(canvas, y, x + look.left, panel, blocks[n], largest[n], look, wide)
        _draw_response(canvas, y, x + look.left * 2 + wide + look.bar, responses[n], peaks[n], look)
    return canvas.pixels


def _columns(panels: Sequence[Panel], width: int, height: int) -> int:
    """How many panels stand side by side: so many that the sheet is about as high as wide, planes of a map together."""
    planes = next((n for n, panel in enumerate(panels[1:], 1) if panel.label.endswith("plane 0")), 1)
    fitting = max(1, round((len(panels) * height / width) ** 0.5))
    if planes > 1:
        return planes * max(1, round(fitting / planes))
    return min(len(panels), fitting)


def _fitted(matrix: np.ndarray, look: _Look) -> tuple[np.ndarray, tuple[int, int]]:
    """The matrix and the pixels of a cell, (y, x): a square, but a row or column that would be a thread is broader.

    Where taps are finer than pixels, the largest of several stands for them.
    """
    share = -(-max(matrix.shape) // look.side)
    for axis in (0, 1) if share > 1 else ():
        starts = np.arange(0, matrix.shape[axis], share)
        most, least = np.maximum.reduceat(matrix, starts, axis), np.minimum.reduceat(matrix, starts, axis)
        matrix = np.where(most >= -least, most, least)
    cell = min(look.cell, look.side // max(matrix.shape))
    return matrix, tuple(max(cell, min(16, look.side // 4 // k)) for k in matrix.shape)


def _draw_map(canvas: Canvas, y: int, x: int, panel: Panel, block: tuple, largest: float, look: _Look, wide: int):
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
    canvas.box(y - 1, x - 1, rows + 2, columns + 2, None, _GREY)
    _draw_numbers(canvas, y, x, matrix, colours, cell)
    _draw_anchor(canvas, y, x, panel, rows, columns)
    factor = spell_scale(panel.scale)
    factor = "" if factor == "1" else f"x {factor if '/' in factor else format(panel.scale, '.4g')}"
    if not look.is_full:
        spans = f"{_number(panel.matrix.min())} to {_number(panel.matrix.max())} {factor}".rstrip()
        canvas.text(y + rows + 4, x, _cut(canvas, spans, look.type, wide + _GAP), look.type, _GREY)
        return
    for tap, at in _ticks(panel, 0, rows):
        canvas.text(y + at, x - 6, str(tap), look.type, _GREY, "rm")
    for tap, at in _ticks(panel, 1, columns):
        canvas.text(y + rows + 5, x + at, str(tap), look.type, _GREY, "ma")
    if factor:
        canvas.text(y + rows + 5 + _LINE, x, factor, look.type + 1, _DARK)
    canvas.text(
        y + rows + 5 + _LINE, x + columns, f"anchor {panel.anchor[0]},{panel.anchor[1]}", look.type, _GREY, "ra"
    )
    ends = [(0.0, largest), (1.0, -largest), (0.5, 0.0)] if largest else [(0.5, 0.0)]
    _draw_bar(canvas, y, x + wide + 16, max(rows, 64), heat.diverging(np.linspace(1, -1, 256), 1), ends, look)


def _ticks(panel: Panel, axis: int, pixels: int) -> list[tuple[int, float]]:
    """The first tap, the anchor and the last one of an axis, and where their middles lie; near ones only once."""
    taps = panel.matrix.shape[axis]
    middles = {tap: (tap + 0.5) * pixels / taps for tap in (0, taps - 1, panel.anchor[axis])}
    crowded = any(abs(middles[panel.anchor[axis]] - middles[end]) < 24 for end in {0, taps - 1} - {panel.anchor[axis]})
    return [(tap, at) for tap, at in middles.items() if not crowded or tap in (0, taps - 1)]


def _draw_numbers(canvas: Canvas, y: int, x: int, matrix: np.ndarray, colours: np.ndarray, cell: tuple) -> None:
    """The weights in their cells, with as many digits as there is room for; none where there is no room."""
    room = min(24, cell[0] * 0.6, cell[1] * 0.6)
    if room < _FINEST:
        return
    for digits in (4, 3, 2):
        words = heat.spell_cells(matrix, digits)
        longest = max((word for row in words for word in row), key=len)
        type_ = min(room, 12 * (cell[1] * 0.88 - 3) / canvas.width_of(longest))
        if type_ >= _FINEST:
            break
    else:
        return
    for v, row in enumerate(words):
        for u, word in enumerate(row):
            canvas.text(y + (v + 0.5) * cell[0], x + (u + 0.5) * cell[1], word, type_, heat.ink(colours[v, u]), "mm")


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


def _draw_response(canvas: Canvas, y: int, x: int, values: np.ndarray, peak: float, look: _Look) -> None:
    """The magnitudes, zero frequency in the middle, fast waves along y up and down."""
    side = look.side
    canvas.paste(y, x, heat.rising(values, peak))
    canvas.box(y - 1, x - 1, side + 2, side + 2, None, _GREY)
    if not look.is_full:
        canvas.text(y + side + 4, x, f"0 to {_number(peak)}", look.type, _GREY)
        return
    for share, word in (0, "-0.5"), (0.5, "0"), (1, "0.5"):
        at = share * (side - 1)
        canvas.line([(y + side + 1, x + at), (y + side + 4, x + at)], _GREY)
        canvas.text(y + side + 5, x + at, word, look.type, _GREY, "ma")
        canvas.line([(y + at, x - 4), (y + at, x - 1)], _GREY)
        canvas.text(y + at, x - 6, word, look.type, _GREY, "rm")
    canvas.text(y + side + 5 + _LINE, x + side / 2, "x and y: cycles per pixel", look.type, _GREY, "ma")
    ends = [(0.0, peak), (1.0, 0.0)] if peak else [(1.0, 0.0)]
    _draw_bar(canvas, y, x + side + 16, side, heat.rising(np.linspace(1, 0, 256), 1), ends, look)


def _draw_bar(canvas: Canvas, y: int, x: int, high: int, colours: np.ndarray, ends: list, look: _Look) -> None:
    """A colour bar; ends: (share of the height, number) pairs."""
    near = np.rint(np.linspace(0, len(colours) - 1, high)).astype(int)
    canvas.paste(y, x, colours[near][:, None].repeat(12, 1))
    canvas.box(y - 1, x - 1, high + 2, 14, None, _GREY)
    for share, value in ends:
        canvas.text(y + share * (high - 1), x + 17, _number(value), look.type, _GREY, "lm")


def _number(value: float) -> str:
    """A number with four digits at most, whole ones without a point.

    >>> _number(-2.0), _number(0.0183156), _number(1234567.0)
    ('-2', '0.01832', '1.235e+06')
    """
    return f"{value + 0.0:.4g}"


def _cut(canvas: Canvas, words: str, size: float, room: float) -> str:
    """The words, or as many of their letters as there is room for."""
    if canvas.width_of(words, size) <= room:
        return words
    while words and canvas.width_of(f"{words}...", size) > room:
        words = words[:-1]
    return f"{words}..."
