"""`convcli shape`: sizes, receptive fields and parameter counts, without an image."""

from dataclasses import replace
from math import prod

import click

from convcli.cli import sizes
from convcli.cli.options import AMOUNT, COUNT, PAIR, SIZE, complete_filter
from convcli.errors import ConvError
from convcli.geometry import Window
from convcli.layers import Layer
from convcli.stack import LayerError, Report, Row, stack
from convcli.words import spell, spell_padding

__all__ = ["command"]


@click.command("shape")
@click.option("--m", "--input", "size", type=PAIR, metavar="N|HxW", help="Size of the input: 28, or 480x640.")
@click.option("--image", metavar="FILE", help="Size and channels of a picture; its header alone is read.")
@click.option("--k", "--kernel-size", "taps", type=PAIR, metavar="N|HxW", help="Size of the kernel: 3, or 3x5.")
@click.option("--stride", type=PAIR, metavar="S|SY,SX", help="Step of the window.  [1]")
@click.option(
    "--padding", type=AMOUNT, metavar="PAD", help="same, valid, full, P, PY,PX or TOP,BOTTOM,LEFT,RIGHT.  [0]"
)
@click.option("--dilation", type=PAIR, metavar="D|DY,DX", help="Distance of taps; 1 is dense.  [1]")
@click.option("--anchor", type=SIZE, metavar="Y,X", help="Tap over the output position.  [(k-1)//2]")
@click.option("--in-channels", "--channels", type=COUNT, metavar="C", help="Channels of the input.  [1]")
@click.option("--out-channels", type=COUNT, metavar="N", help="Kernels, one feature map each.  [1]")
@click.option("--groups", type=COUNT, metavar="G", help="Groups of channels that do not mix.  [1]")
@click.option("--no-bias", is_flag=True, help="No bias for each kernel.")
@click.option(
    "--layer", "layers", metavar="WORDS", multiple=True, help='"conv 16 k3 s2 p1"; once for each layer of a stack.'
)
@click.option(
    "--kernel",
    "chain",
    metavar="FILTER",
    help="A filter or chain, as `convcli apply` takes it.",
    shell_complete=complete_filter,
)
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
            click.echo(sizes.table(error.report))
        raise
    if quiet:
        click.echo(spell(report.output[1:]) if len(report.output) == 3 else report.output[0])
    elif as_json:
        import json

        click.echo(json.dumps(report.as_dict()))
    elif as_csv:
        click.echo(sizes.csv(report), nl=False)
    else:
        click.echo(sizes.text(report, "p" if layers else "--padding "))
        if chain and not asked["padding"] and any(row.groups for row in report.rows):
            click.echo(sizes.dim("\n`convcli apply` pads `same` unless told otherwise; so does --padding same here"))


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
    from convcli.filters import Point
    from convcli.library import parse
    from convcli.pipeline import compile_chain
    from convcli.signal import Signal

    channels, height, width = shape
    links, window, rows, told = parse(chain), _window(asked), [], 0
    sliding = [n for n, link in enumerate(links) if not isinstance(link.filter.steps[0].action, Point)]
    for n, link in enumerate(links):
        # A beginning of the chain tells what one number sees there; the stride is for the last window of all.
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
    is_composite = not filter_.is_single
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
