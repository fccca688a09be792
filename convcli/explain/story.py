"""A trace in words and tables, for people: eighty columns, plain sentences, padding in brackets."""

import math
from collections.abc import Iterator
from textwrap import wrap
from typing import NamedTuple

import numpy as np

from convcli.explain.trace import Ending, Stop, Term, Trace, spell
from convcli.matrix import spell_scale

__all__ = ["Section", "tell"]

WIDTH = 80  # of a page
ROWS, MIDDLE = 15, 9  # of a table; of a larger one the middle is shown
TABLES = 12  # of one step: a bank of kernels over many maps has thousands
DIGITS = 4  # of the largest number of a table

_POINTS = {
    "formula": "A formula joins what the steps give at one and the same place:",
    "point": "A point step changes each sample by itself:",
    "gray": "Luminance is made of red, green and blue as ITU-R BT.601 weighs them:",
    "light": "Levels become light, on the scale of the levels, by the curve of sRGB:",
    "unlight": "Light becomes levels again:",
    "weigh": "Colours are multiplied by alpha, so that what nobody sees does not bleed into the sums:",
    "unweigh": "Colours and alpha were filtered alike; their quotient is the colour again:",
    "sample": "These channels are not filtered; they are read under the anchors of the whole chain:",
}
_BORDERS = {
    "reflect": "reflect mirrors the picture at its last sample, which is not repeated",
    "symmetric": "symmetric mirrors the picture, its last sample included",
    "edge": "edge repeats the last sample",
    "wrap": "wrap goes on at the other side of the picture",
    "zeros": "zeros puts 0 there",
    "constant": "a constant stands there",
    "mean": "the mean of the channel stands there",
}


class Section(NamedTuple):
    """A part of a story: its heading, empty for the first, and its lines."""

    heading: str
    lines: list[str]


@np.errstate(all="ignore")  # a float picture may hold infinities
def tell(trace: Trace) -> list[Section]:
    """The story of a trace: the answer, the last step, the levels, then what that step read, step by step."""
    values = ", ".join(f"{end.name} {spell(end.written)}" for end in trace.endings).removeprefix("value ")
    (y, x), (height, width) = trace.at, trace.size
    size = f"{height} row{'s' * (height > 1)} of {width} column{'s' * (width > 1)}"
    place = f"Column {x}, row {y} of the result ({size}, counted from 0)"
    sections, told = [Section("", _said(f"{place} is {values}."))], set()
    for stop in trace.stops:
        lines = list(_windowed(stop, told) if stop.geometry else _pointwise(stop))
        sections.append(Section(f"{stop.name} at column {stop.at[1]}, row {stop.at[0]}", lines))
    sections.insert(2, Section("From the sum to the level that is written", list(_levels(trace))))
    if any(not _is_whole(term.samples) or not _is_whole(term.sum) for term in _terms(trace)):
        sections[-1].lines.extend(["", "Numbers are rounded to be shown; what is added up is not."])
    return sections


def _terms(trace: Trace) -> Iterator[Term]:
    return (term for stop in trace.stops for part in stop.parts for term in part.terms)


def _said(text: str) -> list[str]:
    return wrap(text, WIDTH, break_long_words=False)


def _pointwise(stop: Stop) -> Iterator[str]:
    """A step that looks at one place."""
    yield from _said(_POINTS[stop.kind])
    width = max(len(part.name) for part in stop.parts)
    for part in stop.parts:
        is_sentence = stop.kind == "sample" or part.words == "as it is"
        yield f"  {part.name:{width}}  {part.words}{': ' if is_sentence else ' = '}{spell(part.value)}"


def _windowed(stop: Stop, told: set[str]) -> Iterator[str]:
    """A step with a window: where it lies, and a table for each channel. told: the borders explained so far."""
    yield from _said(_place(stop))
    if stop.outside.any():
        mode = stop.geometry.border.mode
        rule = "they never win" if stop.kind == "max" else _BORDERS[mode]
        if rule not in told:
            yield from _said(f"Numbers in brackets stand outside of it: {rule}.")
        told.add(rule)
    tables = 0
    for part in stop.parts:
        tables += len(part.terms)
        yield ""
        if tables <= TABLES:
            for term in part.terms:
                several = len(part.terms) > 1
                yield f"{part.name}, {term.channel}:" if several else f"{part.name}:"
                yield from _tables(stop, term)
                if several:
                    yield f"  the products add up to {spell(term.sum)}"
        yield from _said_sum(stop, part)


def _place(stop: Stop) -> str:
    """Where a window lies, and how its weights come."""
    axes = []
    for name, places, axis in (("row", stop.rows, stop.geometry.y), ("column", stop.columns, stop.geometry.x)):
        if len(places) == 1:
            axes.append(f"{name} {places[0]}")
        else:
            holes = f" in steps of {axis.dilation}" if axis.dilation > 1 else ""
            axes.append(f"{name}s {places[0]} to {places[-1]}{holes}")
    kernel = "x".join(map(str, stop.geometry.kernel))
    text = f"The {kernel} window lies on {axes[1]} and {axes[0]} of {_of(stop.source)}."
    if stop.geometry.stride != (1, 1):
        y, x = stop.geometry.stride
        lo, left = stop.geometry.y.lo, stop.geometry.x.lo
        text += (
            f" It moves by {x} column{'s' * (x > 1)} and {y} row{'s' * (y > 1)}: column {stop.at[1]} x {x} - {left}"
            f" = {stop.columns[0]} is its first, row {stop.at[0]} x {y} - {lo} = {stop.rows[0]}."
        )
    if stop.op == "convolve":
        text += " The weights are turned by 180 degrees, as a convolution has it."
    if stop.op == "avg-pool":
        text += " The mean is a sum with equal weights."
    return text


def _of(source: str) -> str:
    return source if source.startswith("the ") else f"what {source} gives"


def _said_sum(stop: Stop, part) -> Iterator[str]:
    """The sum, the scale and the bias of one channel."""
    if stop.kind == "max":
        yield f"  the largest is {spell(part.value)}"
        return
    total, scaled, value = stop.sums(part)
    if len(part.terms) > 1:
        words = " + ".join(spell(term.sum) for term in part.terms).replace("+ -", "- ")
        text = f"{part.name}: the channels add up to {words} = {spell(total)}"
    else:
        text = f"the products add up to {spell(total)}"
    if stop.scale != 1:
        scale = spell_scale(stop.scale)
        text += f"; times {scale if '/' in scale else spell(stop.scale)} that is {spell(scaled)}"
    if stop.bias:
        text += f"; with the bias {spell(stop.bias)} it is {spell(value)}"
    yield from (f"  {line}" for line in wrap(text, WIDTH - 2))


def _tables(stop: Stop, term: Term) -> Iterator[str]:
    """The window, the weights and the products, side by side where a page is wide enough."""
    high, wide = term.samples.shape
    for fitting in range(min(wide, WIDTH // 2), 0, -1):  # no column is narrower than two
        ys, xs = _middle(high, high if high <= ROWS else MIDDLE), _middle(wide, fitting)
        blocks = [_window(stop, term.samples, ys, xs)]
        if term.weights is not None:
            blocks += [_block("weights", term.weights, ys, xs), _block("products", term.products, ys, xs)]
        if max(len(block[0]) for block in blocks) + 2 <= WIDTH:
            break
    if sum(len(block[0]) + 3 for block in blocks) <= WIDTH + 1:
        yield from _beside(blocks)
    elif term.weights is not None and len(blocks[0][0]) + len(blocks[1][0]) + 5 <= WIDTH:
        yield from _beside(blocks[:2])
        yield ""
        yield from _beside(blocks[2:])
    else:
        for n, block in enumerate(blocks):
            yield from ["", *_beside([block])] if n else _beside([block])
    if None in (*ys, *xs):
        yield f"  (the middle of {high} rows and {wide} columns; --json has them all)"
        if term.weights is not None and high > 1:
            sums = ", ".join(spell(row) for row in term.products.sum(axis=1))
            text = f"the products of each row, from the first to the last, add up to {sums}"
            yield from (f"  {line}" for line in wrap(text, WIDTH - 2))


def _beside(blocks: list[list[str]]) -> Iterator[str]:
    for lines in zip(*blocks, strict=True):
        yield f"  {'   '.join(lines)}".rstrip()


def _window(stop: Stop, samples: np.ndarray, ys: list, xs: list) -> list[str]:
    """The samples with their rows and columns; what lies outside in brackets."""
    cells = _cells(samples, ys, xs)
    for i, y in enumerate(ys):
        for j, x in enumerate(xs):
            if None in (y, x):
                continue
            if stop.outside[y, x]:
                cells[i][j] = "[nothing]" if stop.kind == "max" else f"[{cells[i][j]}]"
            else:
                cells[i][j] += " "
    head = ["..." if x is None else f"{stop.columns[x]} " for x in xs]
    width = max(len(cell) for row in (head, *cells) for cell in row)
    labels = ["..." if y is None else f"{stop.rows[y]}" for y in ys]
    side = max(len(label) for label in (*labels, "row"))
    lines = [f"{'':{side}} |{''.join(f'{cell:>{width + 1}}' for cell in head)}"]
    for label, row in zip(labels, cells, strict=True):
        lines.append(f"{label:>{side}} |{''.join(f'{cell:>{width + 1}}' for cell in row)}")
    return lines


def _block(title: str, table: np.ndarray, ys: list, xs: list) -> list[str]:
    cells = _cells(table, ys, xs)
    width = max(len(cell) for row in cells for cell in row)
    lines = ["  ".join(f"{cell:>{width}}" for cell in row) for row in cells]
    wide = max(len(title), len(lines[0]))
    return [f"{line:<{wide}}" for line in (title, *lines)]


def _cells(table: np.ndarray, ys: list, xs: list) -> list[list[str]]:
    """The places as text: whole numbers as they are, others with four digits of the largest one."""
    finite = np.abs(table[np.isfinite(table)])
    peak = float(finite.max()) if finite.size else 0.0
    if _is_whole(table) and peak < 1e9:
        decimals = 0
    elif 1e-4 <= peak < 1e7:
        decimals = max(0, DIGITS - 1 - math.floor(math.log10(peak)))
    else:
        decimals = None
    return [["..." if None in (y, x) else _cell(table[y, x], decimals) for x in xs] for y in ys]


def _cell(value: float, decimals: int | None) -> str:
    if not math.isfinite(value):
        return str(value)
    if decimals is None:
        return f"{value:.3g}"
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def _is_whole(table) -> bool:
    return bool((np.rint(table) == table).all())


def _middle(n: int, most: int) -> list[int | None]:
    """Places 0..n-1; where they are more than `most` those in the middle, None standing for the rest."""
    start = (n - most) // 2
    return list(range(n)) if n <= most else [None, *range(start, start + most), None]


def _levels(trace: Trace) -> Iterator[str]:
    """What the range rule does to each channel."""
    white, factor = spell(trace.white), trace.white / trace.white_in
    if trace.rule == "none":
        yield "Range none: the sum is the result, neither rounded nor clipped."
        yield from (f"  {end.name}: {spell(end.written)}".replace("  value: ", "  ") for end in trace.endings)
        return
    low, high = trace.bounds
    rules = {
        "clip": "takes the sum as it is",
        "abs": "takes the absolute value",
        "offset": f"halves the sum and adds {spell(trace.white / 2)}, so that zero is mid-grey",
        "stretch": f"puts {spell(low)}..{spell(high)}, what the whole result spans, on 0..{white}",
    }
    text = f"Range {trace.rule} {rules[trace.rule]}"
    if factor != 1 and trace.rule != "stretch":
        text += f", times {spell(factor)} for the new depth"
    text += f"; {'it is rounded, half to even, and ' if trace.is_whole else ''}clipped to 0..{white}."
    yield from _said(text)
    heads = ["sum", *(["ranged"] if _changes(trace) else []), *(["rounded"] if trace.is_whole else []), "written"]
    rows = [["", *heads], *([end.name, *(spell(value) for value in _shown(end, heads))] for end in trace.endings)]
    side, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    widths = [max(11, width + 2) for width in widths]  # numbers never touch
    for name, *cells in rows:
        yield f"  {name:{side}}{''.join(f'{cell:>{width}}' for cell, width in zip(cells, widths, strict=True))}"


def _changes(trace: Trace) -> bool:
    return trace.rule != "clip" or trace.white != trace.white_in


def _shown(end: Ending, heads: list[str]) -> list[float]:
    columns = {"sum": end.value, "ranged": end.ranged, "rounded": end.rounded, "written": end.written}
    return [columns[head] for head in heads]
