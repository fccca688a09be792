"""Size reports as people and spreadsheets read them."""

from math import prod

import click

from convcli.geometry import Axis
from convcli.stack import Report, Row
from convcli.words import spell, spell_padding

__all__ = ["csv", "dim", "table", "text"]

WIDTH = 80  # columns of a table, whatever the terminal: the same words give the same lines
LEGEND = """
unread: rows, columns at the end that no window covers; field: input that one
number sees; jump: how far apart neighbours see; start: centre of the first."""


def text(report: Report, ask: str) -> str:
    """The report for people: one window in words, several layers as a table. `ask` is how padding is asked for."""
    if len(report.rows) == 1 and report.rows[0].geometry:
        head = _facts(_window_facts(report.rows[0], ask))
    else:
        head = f"{table(report)}\n{dim(LEGEND)}"
    return f"{head}\n\n{_facts(_cost_facts(report))}"


def _facts(facts: list[tuple[str, str]]) -> str:
    return "\n".join(f"{name:17}{value}" for name, value in facts)


def dim(text: str) -> str:
    return click.style(text, dim=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _by(pair: tuple) -> str:
    return f"{pair[0]}x{pair[1]}"


def _at(pair: tuple[float, float], short: bool = False) -> str:
    """Coordinates y,x, which are whole or half; one where `short` and both are equal."""
    texts = [f"{value:.1f}".removesuffix(".0") for value in pair]
    return texts[0] if short and texts[0] == texts[1] else ",".join(texts)


def _window_facts(row: Row, ask: str) -> list[tuple[str, str]]:
    """How the size of one window's output comes about."""
    window = row.geometry
    y, x = window.y, window.x
    axes = [("", y)] if y == x else [("  height", y), ("  width", x)]
    length = "kernel" if window.dilation == (1, 1) else "reach"
    facts = [("input", f"{_by(row.input[1:])}, {_count(row.input[0], 'channel')}")]
    if length == "reach":
        facts.append(("reach", dim("dilation x (kernel - 1) + 1, from the first tap to the last")))
        facts += [(name, f"{axis.dilation} x ({axis.taps} - 1) + 1 = {axis.reach}") for name, axis in axes]
    facts.append(("output size", dim(f"floor((input + padding - {length}) / stride) + 1")))
    facts += [(name, _formula(axis)) for name, axis in axes]
    facts.append(("output", click.style(_by(window.out), bold=True) + f", {_count(row.out[0], 'channel')}"))
    sides = ", ".join(f"{n} {name}" for n, name in zip(window.padding, ("top", "bottom", "left", "right"), strict=True))
    facts.append(("padding", sides if len(set(window.padding)) > 1 else f"{y.lo} on every side"))
    facts += _unread_facts(y, x, ask if row.groups else None)
    if any(axis.taps != 2 * axis.anchor + 1 for axis in (y, x)):
        even = dim(": an even kernel has none in the middle (--anchor Y,X)") if y.taps % 2 * x.taps % 2 == 0 else ""
        facts.append(("anchor", f"tap {y.anchor},{x.anchor}{even}"))
    return facts


def _formula(axis: Axis) -> str:
    """The size of one axis, worked out."""
    whole, rest = divmod(axis.size + axis.lo + axis.hi - axis.reach, axis.stride)
    decimals = f".{rest * 1000 // axis.stride:03}".rstrip("0")
    step = f" = floor({whole}{decimals}) + 1" if len(decimals) > 1 else ""
    return f"floor(({axis.size} + {axis.lo} + {axis.hi} - {axis.reach}) / {axis.stride}) + 1{step} = {axis.out}"


def _unread_facts(y: Axis, x: Axis, ask: str | None) -> list[tuple[str, str]]:
    """What no window covers at the end, and the padding that would leave nothing."""
    parts = []
    for axis, noun, side in ((y, "row", "at the bottom"), (x, "column", "at the right")):
        if axis.unread:
            empty = min(axis.unread, axis.hi)
            note = f" ({'' if empty == axis.unread else f'{empty} of them '}padding)" if empty else ""
            parts.append(f"{_count(axis.unread, noun)} {side}{note}")
    facts = [("unread", ", ".join(parts) or "nothing")]
    if parts and ask:
        (top, bottom), (left, right) = y.filling, x.filling
        out = tuple(a._replace(lo=lo, hi=hi).out for a, lo, hi in ((y, top, bottom), (x, left, right)))
        facts.append(
            ("", dim(f"{ask}{spell_padding((top, bottom, left, right))} leaves nothing, and gives {_by(out)}"))
        )
    gaps = [
        _count(a.stride - a.reach, noun) for a, noun in ((y, "row"), (x, "column")) if a.stride > a.reach and a.out > 1
    ]
    if gaps:
        facts.append(("skipped", f"{' and '.join(gaps)} between neighbouring windows"))
    return facts


def _cost_facts(report: Report) -> list[tuple[str, str]]:
    """Counts of the whole report, with their arithmetic where it is one window."""
    last = report.rows[-1]
    alone = last.geometry and last.weights and len(report.rows) == 1
    weights, macs = f"{report.weights:,}", f"{report.macs:,}"
    if alone:
        maps, planes = last.out[0], last.weights // (last.out[0] * prod(last.geometry.kernel))
        if planes:
            weights += dim(f" = {_count(maps, 'map')} x {_count(planes, 'channel')} x {_by(last.geometry.kernel)}")
        else:
            weights += dim(f" = {_by(last.geometry.kernel)}, the same for every channel")
        times, rest = divmod(last.macs, last.weights * prod(last.geometry.out))
        if times and not rest:
            each = f" x {_count(times, 'channel')}" * (times > 1)
            macs += dim(f" = {_count(last.weights, 'weight')} x {_by(last.geometry.out)} positions{each}")
    facts = [
        ("weights", weights),
        ("biases", f"{report.biases:,}"),
        ("parameters", f"{report.parameters:,}"),
        ("multiply-adds", macs),
        ("receptive field", _field(report)),
    ]
    dense = f"{report.dense_parameters:,} parameters"
    if report.parameters:
        times = report.dense_parameters / report.parameters
        dense += f", {times:,.0f} times as many" if times >= 10 else f", {times:.2g} times as many"
    ins, outs = prod(report.input), prod(report.output)
    return [
        *facts,
        ("fully connected", dense),
        ("", dim(f"{ins:,} x {outs:,} + {outs:,}: every input to every output")),
    ]


def _field(report: Report) -> str:
    """What one output number sees of the input, in words."""
    last = report.rows[-1]
    text = click.style(_by(last.field.size), bold=True)
    if any(seen > size for seen, size in zip(last.field.size, report.input[1:], strict=True)):
        text += dim(" (padding counted)")
    if len(last.out) == 3:
        text += dim(f", the first centred on {_at(last.field.start)}, its neighbours {spell(last.field.jump)} apart")
    return text


def table(report: Report) -> str:
    """The layers, a line each, within WIDTH columns: heads give way first, then counts; long words go on below."""
    import textwrap

    exact, heads = "{:,}".format, ("params", "mult-adds")
    for count, names in ((exact, ("parameters", "multiply-adds")), (exact, heads), (_short, heads)):
        cells = _cells(report, count, names)
        widths = _widths(cells)
        if sum(widths) <= WIDTH:
            break
    widths[1] = max(min(widths[1], WIDTH - sum(widths) + widths[1]), 13)
    lines = []
    for number, text, *rest in cells:
        words, *more = textwrap.wrap(text, widths[1] - 1, break_on_hyphens=False) or [""]
        numbers = "".join(f"{cell:>{width}}" for cell, width in zip(rest, widths[2:], strict=True))
        lines.append(f"{number:>{widths[0]}} {words:{widths[1] - 1}}{numbers}".rstrip())
        lines += [f"{'':{widths[0]}}   {words}" for words in more]
    return "\n".join([click.style(lines[0], bold=True), *lines[1:]])


def _cells(report: Report, count, heads: tuple[str, str]) -> list[tuple[str, ...]]:
    """The table as text: a head, the input, the layers."""
    cells = [("", "layer", "output", "unread", *heads, "field", "jump", "start")]
    cells.append(("", "input", "x".join(map(str, report.input)), *[""] * 6))
    for number, row in enumerate(report.rows, 1):
        size = spell(row.field.size) if row.field else ""
        places = (
            (spell(row.field.jump), _at(row.field.start, short=True)) if row.field and len(row.out) == 3 else ("", "")
        )
        unread = spell(row.geometry.unread) if row.geometry else ""
        counts = [count(n) if n else "" for n in (row.parameters, row.macs)]
        cells.append((str(number), row.text, "x".join(map(str, row.out)), unread, *counts, size, *places))
    return cells


def _widths(cells: list[tuple[str, ...]]) -> list[int]:
    """Width of each column, with the gap on its left."""
    return [max(map(len, column)) + gap for column, gap in zip(zip(*cells, strict=True), (0, 1, *[2] * 7), strict=True)]


def _short(number: int) -> str:
    """Three digits and a letter.

    >>> _short(999), _short(36928), _short(1849688064), _short(999999)
    ('999', '36.9k', '1.85G', '1M')
    """
    if number < 1000:
        return str(number)
    mantissa, exponent = f"{number:.2e}".split("e")
    letters = "kMGTPEZY"
    group = min(int(exponent) // 3, len(letters))
    return f"{float(mantissa) * 10 ** (int(exponent) - 3 * group):.4g}{letters[group - 1]}"


def csv(report: Report) -> str:
    """A row for each layer, with a column for each number; empty where one means nothing."""
    import csv
    import io

    sides = {
        "in": ("channels", "height", "width"),
        "out": ("channels", "height", "width"),
        "padding": ("top", "bottom", "left", "right"),
    }
    text = io.StringIO()
    rows = [row.as_dict() for row in report.rows]
    pairs = ("kernel", "stride", "dilation", "unread", "receptive_field", "jump", "start")
    names = {key: sides.get(key, ("y", "x") if key in pairs else ("",)) for key in rows[0]}
    out = csv.writer(text, lineterminator="\n")
    out.writerow([f"{key}_{part}".rstrip("_") for key, parts in names.items() for part in parts])
    for row in rows:
        values = [row[key] if isinstance(row[key], list) else [row[key]] for key in names]
        pad = [[*value, *[""] * (len(parts) - len(value))] for value, parts in zip(values, names.values(), strict=True)]
        out.writerow([value for cells in pad for value in cells])
    return text.getvalue()
