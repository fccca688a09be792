"""Kernels as pictures: heat maps of the weights and, beside each, the frequency response.

A sheet shows one kernel large, a few smaller, and a bank as a grid of small panels.
"""

from collections.abc import Sequence

import numpy as np

from convcli.filters import Filter, Kernel
from convcli.frequency import response
from convcli.panel import DARK, GAP, GREY, LINE, Look, Panel, draw_map, draw_response, fitted
from convcli.raster import Canvas

__all__ = ["MOST", "panels_of", "sheet", "steps_of"]

MOST = 96  # panels of a sheet
_EDGE = 24

# odd sides, so that zero frequency has a pixel of its own
_LOOKS = ((1, Look(401, 88, 12.5, True)), (6, Look(217, 56, 11.0, True)), (MOST, Look(105, 40, 10.0, False)))


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
    blocks = [fitted(panel.matrix, look) for panel in shown]
    responses = [response(panel.matrix * panel.scale, look.side) for panel in shown]
    largest = [float(abs(panel.matrix).max()) for panel in shown]
    peaks = [float(values.max()) for values in responses]
    if shared:
        largest, peaks = [max(largest)] * len(shown), [max(peaks)] * len(shown)

    high = max(look.side, *(cell[0] * len(matrix) for matrix, cell in blocks))
    wide = max(cell[1] * len(matrix[0]) for matrix, cell in blocks)
    width, height = 2 * (look.left + look.bar) + wide + look.side, LINE + 4 + high + look.below
    columns = _columns(shown, width, height)
    rows = -(-len(shown) // columns)
    head = _EDGE + 28 + LINE * len(facts) + GAP
    lines = [(_EDGE, title, 20, DARK), *((_EDGE + 30 + LINE * n, fact, 13, GREY) for n, fact in enumerate(facts))]
    measure = Canvas(1, 1)
    words = max(measure.width_of(line, size) for _, line, size, _ in lines)
    room = max(columns * (width + GAP) - GAP, min(900, int(words) + 1))
    canvas = Canvas(head + rows * (height + GAP) - GAP + _EDGE, room + 2 * _EDGE)
    for y, line, size, colour in lines:
        canvas.text(y, _EDGE, canvas.cut(line, room, size), size, colour)
    for n, panel in enumerate(shown):
        y, x = head + n // columns * (height + GAP), _EDGE + n % columns * (width + GAP)
        canvas.text(y, x, canvas.cut(panel.label or "weights", width - GAP, look.type + 1), look.type + 1, DARK)
        if not panel.label:
            canvas.text(y, x + look.left * 2 + wide + look.bar, "frequency response", look.type + 1, DARK)
        y += LINE + 4
        draw_map(canvas, y, x + look.left, panel, blocks[n], largest[n], look, wide)
        draw_response(canvas, y, x + look.left * 2 + wide + look.bar, responses[n], peaks[n], look)
    return canvas.pixels


def _columns(panels: Sequence[Panel], width: int, height: int) -> int:
    """How many panels stand side by side: so many that the sheet is about as high as wide, planes of a map together."""
    planes = next((n for n, panel in enumerate(panels[1:], 1) if panel.label.endswith("plane 0")), 1)
    fitting = max(1, round((len(panels) * height / width) ** 0.5))
    if planes > 1:
        return planes * max(1, round(fitting / planes))
    return min(len(panels), fitting)
