"""`convcli corners`."""

import os
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click

from convcli.cli.options import COUNT, NUMBER, Choice, Sectioned
from convcli.errors import ConvError, OutputError, printable
from convcli.files import ExistsError
from convcli.naming import STREAM, called, placed, source

if TYPE_CHECKING:
    import numpy as np

    from convcli.detector import Search
    from convcli.raster import Raster

SECTIONS = {
    "What is a corner": ("method", "sigma", "k", "subpixel"),
    "Which are kept": ("max", "quality", "min_distance"),
    "Files": ("points", "as_json", "output", "force", "max_pixels"),
}


@click.command("corners", cls=Sectioned, sections=SECTIONS)
@click.argument("images", metavar="IMAGE...", nargs=-1)
@click.option(
    "--method",
    type=Choice(["harris", "shi-tomasi", "sobel"]),
    default="harris",
    help="Whose response; sobel is one Sobel after the other.  [harris]",
)
@click.option("--sigma", type=NUMBER, metavar="S", help="Of the window of harris and shi-tomasi, in pixels.  [1.5]")
@click.option("--k", type=NUMBER, metavar="K", help="How much harris holds edges down.  [0.05]")
@click.option(
    "--subpixel/--no-subpixel",
    default=True,
    help="Where the edges meet, or the peaks of the response, whole pixels.  [--subpixel]",
)
@click.option("--max", type=COUNT, metavar="N", help="At most so many, the strongest.  [all]")
@click.option(
    "--quality",
    type=NUMBER,
    metavar="Q",
    help="Least response, a share of the strongest.  [harris 0.01, shi-tomasi 0.1, sobel 0.3]",
)
@click.option(
    "--min-distance", type=NUMBER, default="5", metavar="D", help="No two are nearer, in pixels; 0 keeps all.  [5]"
)
@click.option("--points", metavar="FILE", help="x, y and response as .csv or .json; - for CSV on standard output.")
@click.option("--json", "as_json", is_flag=True, help="Print the points as JSON.")
@click.option(
    "-o", "--output", metavar="PATH", help="The picture with its corners marked; a folder for many; - for PNG."
)
@click.option("-f", "--force", is_flag=True, help="Overwrite files that are there.")
@click.option("--max-pixels", type=COUNT, metavar="N", help="Refuse larger images before decoding.  [178956970]")
@click.option("-q", "--quiet", is_flag=True, help="Print errors and points only, without a head.")
def command(images, points, as_json, output, force, max_pixels, quiet, **asked):
    """Find the corners of pictures, to a fraction of a pixel.

    The strongest come first; pixel centres are whole numbers, x to the right and y down. The response is that of
    `convcli apply harris`, of levels over white: 8 and 16 bits give the same. Where several images are named, the last
    column says which one a point belongs to.

    \b
    Examples:
      convcli corners photo.png
      convcli corners photo.png --points corners.csv -o marked.png
      convcli corners photo.png --method shi-tomasi --max 49 --min-distance 8
      convcli corners *.jpg --points all.csv -o marked/
    """
    _refuse_nonsense(images, points, as_json, output)
    from convcli.detector import Search
    from convcli.points import kind_of, lines, table

    kind = "json" if as_json else "csv" if points == STREAM else points and kind_of(points)
    search, targets = Search(**asked), _targets(images, output, points)
    _check(points, force)
    is_table, many = not (kind or output), len(images) > 1
    says_what = not (quiet or is_table or as_json or STREAM in (points, output))
    found = []
    for name, target in targets:
        began = perf_counter()
        try:
            _check(target, force)
            picture, corners = _searched(name, search, max_pixels)
            if target:
                _draw(picture, corners, target, force)
        except OutputError:
            raise  # nothing after it would fare better
        except (ConvError, MemoryError) as error:
            known = isinstance(error, ExistsError)  # a file that is there is named already
            click.echo(f"convcli: {f'{error} (-f overwrites)' if known else placed(error, name)}", err=True)
            continue
        found.append((name, corners))
        for note in () if quiet else picture.notes:
            click.echo(f"convcli: warning: {called(name)}: {note}", err=True)
        if is_table:
            click.echo(lines(corners, name if many else None, has_head=not quiet and len(found) == 1), nl=False)
        elif says_what:
            _say(picture, corners, name, target, f"{search.method}, {(perf_counter() - began) * 1000:.0f} ms")
    if kind and found:
        _write(table(found, kind, has_names=many), points, force)
    return 0 if len(found) == len(images) else 1


def _refuse_nonsense(images: tuple[str, ...], points: str | None, as_json: bool, output: str | None) -> None:
    """Raises UsageError for words that no picture could make sense of."""
    if not images:
        raise click.UsageError("corners takes at least one IMAGE (convcli corners photo.png)")
    for name, value in {"output": output, "points": points}.items():
        if value == "":
            raise click.UsageError(f"{name}: an empty name is no file")
    if as_json and points:
        raise click.UsageError("--json and --points exclude each other (--points FILE.json writes JSON)")
    if output == STREAM and (as_json or points == STREAM):
        raise click.UsageError("standard output takes the picture or the points, not both")
    if images.count(STREAM) > 1:
        raise click.UsageError("standard input can be read once")


def _targets(images: tuple[str, ...], output: str | None, points: str | None) -> list[tuple[str, Path | str | None]]:
    """Each image with the name of its marked picture, or None. Raises where one file would be two things."""
    from convcli import files, formats

    many, names = len(images) > 1, [None] * len(images)
    if output == STREAM:
        if many:
            raise click.UsageError("standard output takes one picture (name a folder with -o)")
        names = [STREAM]
    elif output:
        is_folder = many or files.is_folder(output)
        if is_folder and STREAM in images:
            raise click.UsageError("standard input has no name for a file in a folder (name the file with -o)")
        names = [Path(output, f"{Path(name).stem}.png") if is_folder else Path(output) for name in images]
        if not is_folder and not formats.can_hold(formats.format_of(names[0].suffix), "RGB"):
            raise click.UsageError(f"{printable(output)}: the format holds no marked picture (.png does)")
        files.plan_outputs((Path(name), path) for name, path in zip(images, names, strict=True))
        if is_folder:
            files.make_folder(Path(output))
    if points not in (None, STREAM):
        taken = {os.path.realpath(name) for name in (*images, *names) if name not in (None, STREAM)}
        if os.path.realpath(points) in taken:
            raise ConvError(f"{printable(points)}: is an image or its marked picture (give the points another name)")
    return list(zip(images, names, strict=True))


def _check(path: Path | str | None, force: bool) -> None:
    """Raises what writing the file would."""
    from convcli import files

    if path not in (None, STREAM):
        files.check_output(Path(path), force)


def _searched(name: str, search: "Search", max_pixels: int | None) -> "tuple[Raster, np.ndarray]":
    """A picture and its corners."""
    from convcli import api, raster
    from convcli.detector import detect

    limit = max_pixels or raster.MAX_PIXELS
    picture = raster.read(source(name, raster.room(limit)), max_pixels=limit)
    return picture, detect(picture.pixels, picture.white, picture.alpha, search, api.usable_cores())


def _draw(picture: "Raster", corners: "np.ndarray", target: Path | str, force: bool) -> None:
    """Writes the picture with its corners marked."""
    from convcli import files, formats, raster
    from convcli.overlay import marked

    if target == STREAM and sys.stdout.isatty():
        raise ConvError("PNG is not for a terminal (name a file with -o)")
    form = "PNG" if target == STREAM else formats.format_of(target.suffix)
    drawn = marked(picture, corners)
    if target == STREAM:
        raster.encode(drawn, form, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        files.write_atomic(target, lambda stream: raster.encode(drawn, form, stream), force)


def _write(text: str, points: str | None, force: bool) -> None:
    """The table of points, to a file or standard output."""
    from convcli import files

    if points in (None, STREAM):
        click.echo(text, nl=False)
    else:
        files.write_bytes(Path(points), text.encode(), force)


def _say(picture: "Raster", corners: "np.ndarray", name: str, target: Path | None, how: str) -> None:
    """A line for one image."""
    height, width = picture.pixels.shape[:2]
    where = f" -> {printable(target)}" if target else ""
    count = f"{len(corners)} corner{'s' * (len(corners) != 1)}"
    click.echo(f"{called(name)}  {height}x{width} {picture.mode}{where}  {count}  ({how})")
