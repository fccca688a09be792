"""`convcli learn`: a kernel from pictures before and after."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convcli.cli import classes
from convcli.cli.options import COUNT, NUMBER, PAIR, Choice, Sectioned, window_of, window_options
from convcli.errors import InputError, printable
from convcli.exports import encode, form_of
from convcli.words import spell_padding

if TYPE_CHECKING:
    from convcli.learning import Fit
    from convcli.moments import Pair
    from convcli.raster import Raster

SECTIONS = {
    "The kernel": ("size", "select", "bias", "rank", "symmetry", "ridge"),
    "The window, as in apply": ("stride", "dilation", "padding", "border", "anchor", "op"),
    "Classes": classes.NAMES,
    "Results": ("output", "force", "as_json", "strict", "quiet", "verbose"),
}


@click.command("learn", cls=Sectioned, sections=SECTIONS)
@click.argument("names", metavar="BEFORE AFTER...", nargs=-1)
@click.option("--k", "size", type=PAIR, metavar="N|HxW", help="Its size.  [the smallest that does]")
@click.option(
    "--channels",
    "select",
    type=Choice(["each", "gray", "sum"]),
    default="each",
    help="One matrix for every channel, one for the luma, or a plane for each channel, summed.  [each]",
)
@click.option("--bias", type=NUMBER, metavar="B", help="Take this one.  [found]")
@click.option("--rank", type=COUNT, metavar="R", help="Of the matrix, at most; 1 is a column times a row.")
@click.option(
    "--symmetry",
    type=Choice(["even", "odd", "horizontal", "vertical", "isotropic"]),
    help="even, odd: under half a turn; horizontal, vertical: mirrored left to right, top to bottom; isotropic: all"
    " quarter turns and mirrors.",
)
@click.option("--ridge", type=NUMBER, default="0", metavar="R", help="Favour small weights; 1e-6 is a little.  [0]")
@window_options()
@classes.options
@click.option("-o", "--output", metavar="FILE", help="Kernel file: .toml, .csv, .txt or .npy; - prints TOML.")
@click.option("-f", "--force", is_flag=True, help="Overwrite a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print everything, as JSON.")
@click.option("--strict", is_flag=True, help="Write nothing where there are doubts.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Print the standard error of every weight.")
def command(names, size, output, force, as_json, strict, quiet, verbose, select, bias, rank, symmetry, ridge, **asked):
    """Find the kernel that turns one picture into another.

    BEFORE and AFTER are pictures or grids of numbers; more pairs may follow. The kernel and the bias are those that
    leave the smallest squares. AFTER has to be what `apply` writes with --range clip, none or offset.

    \b
    Examples:
      convcli learn before.png after.png --k 5 -o found.toml
      convcli learn before.png after.png --k 3x5 --padding-mode edge
      convcli learn before.png after.png --k 3 --channels sum --symmetry even
      convcli learn --classes digits -o digits.npz
    """
    if asked["folder"] is not None:
        return classes.run({**asked, "output": output, "force": force, "as_json": as_json, "quiet": quiet})
    classes.refuse_alone()
    if len(names) < 2 or len(names) % 2:
        raise click.UsageError("learn takes pairs of pictures: BEFORE AFTER (convcli learn a.png b.png --k 5)")
    if output == "-" and as_json:
        raise click.UsageError("standard output takes the kernel or the report, not both")
    form = "toml" if output in (None, "-") else form_of(output)

    from convcli import api, files, learning
    from convcli.cli import matrices

    if output not in (None, "-"):
        files.check_output(Path(output), force)
    pairs = [_pair(*map(Path, names[n : n + 2])) for n in range(0, len(names), 2)]
    fit = learning.learn(
        [pair for pair, _, _ in pairs],
        window_of(asked),
        size,
        select=select,
        bias=bias,
        rank=rank,
        symmetry=symmetry,
        ridge=ridge,
        threads=api.usable_cores(),
    )
    first, before, after = pairs[0]
    doubts = [*(note for _, *both in pairs for raster in both for note in raster.notes), *fit.notes]
    if strict and doubts:
        raise InputError(f"{printable(first.names[1])}: {'; '.join(doubts)}")
    again = _again(fit, before, after, first.names, output or "found.toml")
    data = _encoded(fit, form, first.names, _is_level(after), again)
    if output == "-":
        click.echo(data, nl=False)
    elif output is not None:
        files.write_bytes(Path(output), data, force)
    if as_json:
        click.echo(json.dumps({**_record(fit), "notes": doubts, "output": output, "apply": again}, indent=1))
    elif not quiet:
        _tell(fit, first, before, after, verbose, err=output == "-")
        for doubt in doubts:
            click.secho(click.wrap_text(doubt, matrices.WIDTH, "  ", "  "), fg="yellow", err=output == "-")
        click.echo(f"{'apply':10} {again}", err=output == "-")
    return 0


def _pair(before: Path, after: Path) -> "tuple[Pair, Raster, Raster]":
    """Two files as a pair, and as they were read."""
    from convcli import raster
    from convcli.moments import Pair

    one, other = raster.read(before), raster.read(after)
    is_level = other.mode not in ("F", "grid")
    factor = one.white / other.white if is_level and one.mode != "grid" else 1.0
    ends = (0.0, other.white) if is_level else None
    pixels = [_opaque(picture, path) for picture, path in ((one, before), (other, after))]
    return Pair(*pixels, factor, ends, names=(str(before), str(after))), one, other


def _opaque(picture: "Raster", path: Path):
    """The colours of a picture that hides nothing."""
    if not picture.alpha:
        return picture.pixels
    if picture.pixels[:, :, -1].min() < picture.white:
        raise InputError(f"{printable(path)}: is transparent in places (convcli apply identity --alpha drop ends that)")
    return picture.pixels[:, :, :-1]


def _again(fit: "Fit", before: "Raster", after: "Raster", names: tuple[str, str], kernel: str) -> str:
    """The command that makes AFTER of BEFORE."""
    from convcli import matrix

    window, is_toml = fit.window, kernel.endswith((".toml", "-"))
    words = ["convcli", "apply", "found.toml" if kernel == "-" else kernel, names[0]]
    words += ["--bias", matrix.spell(window.bias)] * bool(window.bias)
    for name in ("stride", "dilation"):
        pair = getattr(window, name)
        words += [f"--{name}", ",".join(map(str, dict.fromkeys(pair)))] * (pair != (1, 1))
    padding = window.padding if isinstance(window.padding, str) else spell_padding(window.padding)
    words += ["--padding", padding] * (padding != "same")
    words += ["--padding-mode", str(window.border)] * (str(window.border) != "reflect" and padding != "valid")
    if not is_toml:
        anchor, usual = fit.kernel.anchor, tuple((k - 1) // 2 for k in fit.kernel.taps)
        words += ["--anchor", f"{anchor[0]},{anchor[1]}"] * (anchor != usual)
        words += ["--channels", "gray"] * (fit.select == "gray") + ["--range", "clip"] * _is_level(after)
    words += ["--op", "convolve"] * (window.op == "convolve")
    depth = "float" if after.mode == "F" else {"uint8": "8", "uint16": "16"}.get(after.pixels.dtype.name)
    words += ["--depth", depth] * (depth is not None and before.pixels.dtype != after.pixels.dtype)
    return shlex.join([*words, "-o", f"again{Path(names[1]).suffix}"])


def _is_level(picture: "Raster") -> bool:
    return picture.mode not in ("F", "grid")


def _encoded(fit: "Fit", form: str, names: tuple[str, str], is_level: bool, again: str) -> bytes:
    """The kernel as a file; where AFTER has levels, the file says that they were clipped."""
    before, after = (Path(name).name for name in names)
    more = {"input": "gray"} if fit.select == "gray" else {}
    more |= {"range": "clip"} if is_level else {}
    title = f"Learned from {before} and {after}"
    comment = f"# {printable(again)}\n".encode() if form == "toml" else b""
    return comment + encode(fit.kernel, form, title, "least squares, convcli learn", **more)


def _record(fit: "Fit") -> dict:
    """The fit with the names of the JSON report."""
    left = fit.residual
    return {
        "kernel": list(fit.kernel.taps),
        "weights": fit.kernel.weights.tolist(),
        "anchor": list(fit.kernel.anchor),
        "bias": fit.bias,
        "errors": fit.errors.tolist(),
        "channels": fit.select,
        "unknowns": fit.unknowns,
        "condition": fit.condition if fit.condition < float("inf") else None,
        "samples": left.samples,
        "clipped": left.samples - left.known,
        "rms": left.rms,
        "max": left.peak,
        "agree": left.agreed,
        "explained": left.explained,
        "linear": bool(left.is_exact),
    }


def _tell(fit: "Fit", pair: "Pair", before: "Raster", after: "Raster", verbose: bool, err: bool) -> None:
    """The report, for people."""
    from convcli import matrix
    from convcli.cli import matrices

    window, left = fit.window, fit.residual
    sizes = ["x".join(map(str, raster.pixels.shape[:2])) + f" {raster.mode}" for raster in (before, after)]
    padding = window.padding if isinstance(window.padding, str) else f"padding {spell_padding(window.padding)}"
    words = ["x".join(map(str, fit.kernel.taps)), padding, *[str(window.border)] * (padding != "valid")]
    names = [printable(name) for name in pair.names]
    lines = [f"{names[0]}  {sizes[0]} -> {names[1]}  {sizes[1]}  ({', '.join(words)})", ""]
    lines += matrices.drawn(fit.kernel, 0 if err else matrices.colours_of_terminal())
    if verbose:
        lines += ["", "standard errors", *matrices.drawn(fit.kernel.changed(matrix=fit.errors, scale=1.0))]
    clipped = left.samples - left.known
    fraction = f"{clipped:,} of them clipped and left out" if clipped else "none clipped"
    lines += ["", f"bias       {fit.bias:.6g}", f"samples    {left.samples:,}, {fraction}"]
    rounding = f"; rounding alone leaves {left.noise:.2g}" if left.is_rounded else ""
    lines.append(f"residual   {left.rms:.3g} root mean square, at most {left.peak:.3g}{rounding}")
    lines.append(f"explains   {_share(left.explained)} of the variance")
    if left.is_rounded:
        lines.append(f"agree      {_share(left.agreed)} of the samples, clipped and rounded")
    scale = f"multiples of {matrix.spell_scale(fit.kernel.scale)}, " * fit.is_simple
    known = f"known to {fit.errors.max():.1g}" if fit.errors.any() else "known exactly"
    lines.append(f"weights    {scale}{known}; condition {fit.condition:.3g}")
    click.echo("\n".join(lines), err=err)


def _share(share: float) -> str:
    """A share in per cent, never rounded to all of it where it is not."""
    text = f"{100 * share:.2f}"
    return "100 %" if share == 1 else f"{'99.99' if text == '100.00' else text} %"
