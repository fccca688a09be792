"""`convcli shape`: sizes, receptive fields and parameter counts, without an image."""

from dataclasses import replace
from math import prod

import click

from convcli.cli.options import AMOUNT, COUNT, PAIR, SIZE
from convcli.errors import ConvError
from convcli.geometry import Axis, Window
from convcli.layers import Layer, LayerError, Report, Row, spell, spell_padding, stack

__all__ = ["command"]

WIDTH = 80  # columns of a table, whatever the terminal: the same words give the same lines
LEGEND = """
unread: rows, columns at the end that no window covers; field: input that one
number sees; jump: how far apart neighbours see; start: centre of the first."""


@click.command("shape")
@click.option("--m", "--input", "size", type=PAIR, metavar="N|HxW", help="Size of the input: 28, or 480x640.")
@click.option("--image", metavar="FILE", help="Size and channels of a picture; its header alone is read.")
@click.option("--k", "--kernel-size", "taps", type=PAIR, metavar="N|HxW", help="Size of the kernel: 3, or 3x5.")
@click.option("--stride", type=PAIR, metavar="S|SY,SX", help="Step of the window.  [default: 1]")
@click.option(
    "--padding", type=AMOUNT, metavar="PAD", help="P, PY,PX, TOP,BOTTOM,LEFT,RIGHT, same, valid, full.  [default: 0]"
)
@click.option(
    "--dilation", type=PAIR, metavar="D|DY,DX", help="Distance of neighbouring taps; 1 is dense.  [default: 1]"
)
@click.option("--anchor", type=SIZE, metavar="Y,X", help="Tap over the output position.  [default: (k-1)//2]")
@click.option("--in-channels", "--channels", type=COUNT, metavar="C", help="Channels of the input.  [default: 1]")
@click.option("--out-channels", type=COUNT, metavar="N", help="Kernels, one feature map each.  [default: 1]")
@click.option("--groups", type=COUNT, metavar="G", help="Groups of channels that do not mix.  [default: 1]")
@click.option("--no-bias", is_flag=True, help="No bias for each kernel.")
@click.option(
    "--layer", "layers", metavar="WORDS", multiple=True, help='"conv 16 k3 s2 p1"; once for each layer of a stack.'
)
@click.option("--kernel", "chain", metavar="FILTER", help="A filter or chain, as `convcli apply` takes it.")
@click.option("-q", "--quiet", is_flag=True, help="Print the bare size: 13, or 240x320.")
@click.option("--json", "as_json", is_flag=True, help="Print everything, as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print everything, one row for each layer.")
def command(size, image, taps, layers, chain, in_channels, quiet, as_json, as_csv, **asked):
    """Work out what comes out of a convolution, what it costs, and how far one number sees.

    \b
    Examples:
      convcli shape --m 28 --k 3 --stride 2
      convcli shape --m 480x640 --channels 3 --k 3x5 --padding 1,2
      convcli shape --m 28 --layer "conv 8 k5 s2 p2" --layer "max-pool 2"
      convcli shape --image photo.png --kernel sobel-x --stride 2 --padding same

    \b
    Layers, with the short words in any order:
      conv OUT kK sS pP dD gG      depthwise kK      linear OUT      flatten
      max-pool K sS pP             avg-pool K        relu
    p takes same, valid and full too; no-bias drops the bias.
    """
    _one_of({"-q": quiet, "--json": as_json, "--csv": as_csv})
    _one_of({"--m": size, "--image": image}, "the size of the input is missing (--m 28, --m 480x640 or --image FILE)")
    _one_of(
        {"--k": taps, "--layer": layers, "--kernel": chain},
        'the size of the kernel is missing (--k 3, --layer "conv 16 k3" for each layer of a stack, or --kernel FILTER)',
    )
    shape = _input(size, image, in_channels)
    try:
        if taps:
            report = stack(shape, [_conv(taps, asked)])
        elif layers:
            report = stack(shape, _layers(layers, asked))
        else:
            report = _filtered(shape, chain, asked)
    except LayerError as error:
        if error.report.rows and not (quiet or as_json or as_csv):
            click.echo(_table(error.report))
        raise
    if quiet:
        click.echo(spell(report.output[1:]) if len(report.output) == 3 else report.output[0])
    elif as_json:
        import json

        click.echo(json.dumps(report.as_dict()))
    elif as_csv:
        click.echo(_csv(report), nl=False)
    else:
        click.echo(_text(report, "p" if layers else "--padding "))
        if chain and not asked["padding"] and any(row.groups for row in report.rows):
            click.echo(_dim("\n`convcli apply` pads `same` unless told otherwise; so does --padding same here"))


def _one_of(options: dict[str, object], missing: str = "") -> None:
    """Raises ConvError where two of the options are given; or none, where `missing` says what to do."""
    given = [name for name, value in options.items() if value]
    if len(given) > 1:
        raise ConvError(f"{' and '.join(given)} exclude each other")
    if missing and not given:
        raise ConvError(missing)


def _refuse(asked: dict, names, why: str) -> None:
    for name in names:
        if asked[name]:
            raise ConvError(f"--{name.replace('_', '-')} does not go with {why}")


def _input(size: tuple[int, int] | None, image: str | None, channels: int | None) -> tuple[int, int, int]:
    """Channels, height and width of the input."""
    if not image:
        return (channels or 1, *size)
    if channels:
        raise ConvError("--image and --in-channels exclude each other: a picture's channels are counted")
    from convcli.raster import header

    found = header(image)
    return (found.colours, found.height, found.width)


def _window(asked: dict) -> Window:
    one = (1, 1)
    return Window(asked["stride"] or one, asked["dilation"] or one, asked["padding"] or "valid", anchor=asked["anchor"])


def _conv(taps: tuple[int, int], asked: dict) -> Layer:
    """The one layer that the command's own options describe."""
    return Layer("conv", asked["out_channels"] or 1, taps, _window(asked), asked["groups"] or 1, not asked["no_bias"])


def _layers(texts: tuple[str, ...], asked: dict) -> list[Layer]:
    _refuse(asked, asked, '--layer: write it in the layer, as in "conv 16 k3 s2 p1 no-bias"')
    layers = []
    for number, text in enumerate(texts, 1):
        try:
            layers.append(Layer.parse(text))
        except ConvError as error:
            raise error.at(f"layer {number} ({text})") from None
    return layers


def _filtered(shape: tuple[int, int, int], chain: str, asked: dict) -> Report:
    """The report of a filter or chain, compiled by the code that `apply` runs."""
    _refuse(asked, ("out_channels", "groups", "no_bias"), "--kernel: a filter brings its own weights")
    from convcli.filters import Point, Pool
    from convcli.library import parse
    from convcli.pipeline import compile_chain
    from convcli.signal import Signal

    channels, height, width = shape
    links, window, rows, told = parse(chain), _window(asked), [], 0
    sliding = [n for n, link in enumerate(links) if not isinstance(link.filter.steps[0].action, Point | Pool)]
    for n, link in enumerate(links):
        # A beginning of the chain tells what one number sees there; the stride is for the last kernel of all.
        own = window if n >= max(sliding, default=0) else replace(window, stride=(1, 1))
        try:
            program = compile_chain(links[: n + 1], Signal.of((height, width, channels), "uint8"), own)
        except ConvError as error:
            place = f"step {n + 1} ({link.filter.name})" if len(links) > 1 else link.filter.name
            raise LayerError(f"{place}: {error}", Report(shape, tuple(rows))) from None
        rows += _stages(link.filter, program, told, rows[-1].out if rows else shape)
        told = len(program.stages)
    return Report(shape, tuple(rows))


def _stages(filter_, program, begin: int, source: tuple[int, ...]) -> list[Row]:
    """The rows of the last filter of a chain: its stages, and for a composite what joins them."""
    is_composite = len(filter_.steps) > 1 or filter_.result is not None
    seen = None if is_composite else program.field  # steps side by side have no place in a column of fields
    rows = []
    for stage in program.stages[begin:]:
        into, out = _chw(stage.size_in), _chw(stage.size_out)
        window, text, groups = stage.geometry, stage.step, None
        if window:
            text += f" k{spell(window.kernel)} s{spell(window.stride)} p{spell_padding(window.padding)}"
            text += f" d{spell(window.dilation)}" * (window.dilation != (1, 1))
        if stage.weights:  # a lone matrix serves every channel by itself, a bank has planes for all
            groups = into[0] if stage.weights == prod(window.kernel) and into[0] == out[0] else 1
        macs = stage.plan.macs if stage.plan else 0
        rows.append(Row(stage.step, text, into, out, window, groups, stage.weights, 0, macs, seen))
    if is_composite:
        text = f"{filter_.name} = {filter_.result or filter_.steps[-1].name}"
        rows.append(Row(filter_.name, text, source, _chw(program.signal.shape), field=program.field))
    return rows


def _chw(size: tuple[int, int, int]) -> tuple[int, int, int]:
    return (size[2], size[0], size[1])


def _text(report: Report, ask: str) -> str:
    """The report for people: one window in words, several layers as a table. `ask` is how padding is asked for."""
    if len(report.rows) == 1 and report.rows[0].geometry:
        head = _facts(_window_facts(report.rows[0], ask))
    else:
        head = f"{_table(report)}\n{_dim(LEGEND)}"
    return f"{head}\n\n{_facts(_cost_facts(report))}"


def _facts(facts: list[tuple[str, str]]) -> str:
    return "\n".join(f"{name:17}{value}" for name, value in facts)


def _dim(text: str) -> str:
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
        facts.append(("reach", _dim("dilation x (kernel - 1) + 1, from the first tap to the last")))
        facts += [(name, f"{axis.dilation} x ({axis.taps} - 1) + 1 = {axis.reach}") for name, axis in axes]
    facts.append(("output size", _dim(f"floor((input + padding - {length}) / stride) + 1")))
    facts += [(name, _formula(axis)) for name, axis in axes]
    facts.append(("output", click.style(_by(window.out), bold=True) + f", {_count(row.out[0], 'channel')}"))
    sides = ", ".join(f"{n} {name}" for n, name in zip(window.padding, ("top", "bottom", "left", "right"), strict=True))
    facts.append(("padding", sides if len(set(window.padding)) > 1 else f"{y.lo} on every side"))
    facts += _unread_facts(y, x, ask if row.groups else None)
    if any(axis.taps != 2 * axis.anchor + 1 for axis in (y, x)):
        even = _dim(": an even kernel has none in the middle (--anchor Y,X)") if y.taps % 2 * x.taps % 2 == 0 else ""
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
        out = tuple(replace(a, lo=lo, hi=hi).out for a, lo, hi in ((y, top, bottom), (x, left, right)))
        facts.append(
            ("", _dim(f"{ask}{spell_padding((top, bottom, left, right))} leaves nothing, and gives {_by(out)}"))
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
            weights += _dim(f" = {_count(maps, 'map')} x {_count(planes, 'channel')} x {_by(last.geometry.kernel)}")
        else:
            weights += _dim(f" = {_by(last.geometry.kernel)}, the same for every channel")
        times, rest = divmod(last.macs, last.weights * prod(last.geometry.out))
        if times and not rest:
            each = f" x {_count(times, 'channel')}" * (times > 1)
            macs += _dim(f" = {_count(last.weights, 'weight')} x {_by(last.geometry.out)} positions{each}")
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
        ("", _dim(f"{ins:,} x {outs:,} + {outs:,}: every input to every output")),
    ]


def _field(report: Report) -> str:
    """What one output number sees of the input, in words."""
    last = report.rows[-1]
    text = click.style(_by(last.field.size), bold=True)
    if any(seen > size for seen, size in zip(last.field.size, report.input[1:], strict=True)):
        text += _dim(" (padding counted)")
    if len(last.out) == 3:
        text += _dim(f", the first centred on {_at(last.field.start)}, its neighbours {spell(last.field.jump)} apart")
    return text


def _table(report: Report) -> str:
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


def _csv(report: Report) -> str:
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
