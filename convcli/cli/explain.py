"""`convcli explain`."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convcli import naming
from convcli.border import Border
from convcli.cli.options import (
    COUNT,
    SIZE,
    Sectioned,
    Words,
    check_values,
    complete_filter,
    filter_options,
    value_options,
    window_of,
    window_options,
)
from convcli.errors import ConvError, printable
from convcli.words import integer, quoted

if TYPE_CHECKING:
    from convcli.explain.scene import Scene
    from convcli.filters import Link
    from convcli.geometry import Window
    from convcli.job import Request
    from convcli.raster import Raster

__all__ = ["command"]

SECTIONS = {
    "What to show": ("at", "html", "gif", "matrix", "size", "as_json", "as_csv", "output", "force"),
    "The filter": ("kernel", "folders", "normalize", "scale"),
    "The window": ("stride", "dilation", "padding", "border", "anchor", "op", "bias"),
    "Values": ("rule", "depth", "select", "alpha", "linear", "max_pixels"),
}


def _read_place(text: str, what: str) -> tuple[int, int]:
    """Row and column from X,Y."""
    parts = text.split(",")
    if len(parts) != 2:
        raise ConvError(f"{what}: {quoted(text)} is no place (X,Y: the column, then the row)")
    x, y = (integer(part, what) for part in parts)
    return y, x


@click.command("explain", cls=Sectioned, sections=SECTIONS)
@click.argument("args", metavar="FILTER [IMAGE]", nargs=-1, shell_complete=complete_filter)
@click.option(
    "--at",
    type=Words("place", _read_place),
    metavar="X,Y",
    help="Column and row of the sample of the result to explain, counted from 0.",
)
@click.option("--html", metavar="FILE", help="Write a page on which the kernel walks over the grid; no network.")
@click.option("--gif", metavar="FILE", help="Write the same walk as an animation.")
@click.option("--matrix", is_flag=True, help="The matrix that times the picture, as one column, is the result.")
@click.option(
    "--m", "--input", "size", type=SIZE, metavar="N|HxW", help="Size of the grid, for --matrix, --html, --gif."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything --at knows, as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Commas between the numbers of --matrix.")
@click.option("-o", "--output", metavar="FILE", help="Write the matrix to a file: .npy, .csv, .tsv or .txt.")
@click.option("-f", "--force", is_flag=True, help="Overwrite a file that is there.")
@filter_options
@window_options("same; valid with --matrix", "reflect; zeros with --matrix", help_only=True)
@value_options
@click.option("--max-pixels", type=COUNT, metavar="N", help="Refuse larger images before decoding.  [178956970]")
def command(args, kernel, **asked):
    """Show the arithmetic of a convolution.

    --at X,Y tells how one sample of the result comes to be: the window, the weights, the products, their sum, and
    what becomes of it. It is what convcli apply with the same options writes at column X, row Y.

    --html writes one page that needs nothing else: the kernel walks over the grid, and everything can be changed on it;
    --gif writes the walk as an animation.
    Of a picture it shows 12x12 samples around --at; without an IMAGE a grid of its own.

    --matrix prints the matrix that times the picture, row after row as one column, gives the result: a line for each
    output sample, a number for each input sample.

    \b
    Examples:
      convcli explain sobel-x photo.png --at 12,8
      convcli explain "gaussian:1 | sobel" photo.png --at 0,0 --json
      convcli explain sobel-x --html walk.html
      convcli explain box:3 photo.png --at 12,8 --stride 2 --html box.html
      convcli explain sobel-x --gif walk.gif
      convcli explain "1 2; 3 4" --matrix --m 3
      convcli explain blur --matrix --m 28x28 -o blur.npy
    """
    filter_text, image = _filter_and_image(kernel, args)
    check_values(asked)
    if asked["matrix"]:
        if (
            asked["size"] is None
            or image is not None
            or asked["at"]
            or asked["as_json"]
            or asked["html"]
            or asked["gif"]
        ):
            raise click.UsageError("--matrix takes a FILTER and the size of the picture: --matrix --m HxW")
        _show_matrix(filter_text, asked)
        return
    if asked["as_csv"] or asked["output"]:
        raise click.UsageError("--csv and -o belong to --matrix")
    if (asked["html"], asked["gif"]) != (None, None):
        if asked["as_json"]:
            raise click.UsageError("--json is for --at alone")
        if asked["linear"] or (asked["rule"], asked["depth"], asked["alpha"]) != ("auto", "keep", "auto"):
            raise click.UsageError(
                "a walk shows plain sums: --range, --depth, --alpha and --linear have no place in it"
            )
        _write_walk(filter_text, image, asked)
        return
    if asked["size"]:
        raise click.UsageError("--m belongs to --matrix, --html and --gif")
    if image is None or asked["at"] is None:
        raise click.UsageError(
            "say what to explain: FILTER IMAGE --at X,Y, FILTER --html FILE (or --gif), or FILTER --matrix --m HxW"
        )
    _show_sample(filter_text, image, asked)


def _filter_and_image(kernel: str | None, args: tuple[str, ...]) -> tuple[str, str | None]:
    """The filter and the image, which may be missing; with -k the only argument is the image."""
    words = [*([kernel] if kernel is not None else []), *args]
    if not 1 <= len(words) <= 2:
        raise click.UsageError("explain takes one FILTER and at most one IMAGE")
    return words[0], words[1] if len(words) > 1 else None


def _window(asked: dict, padding: str, border: str) -> "Window":
    """The window asked for, with the defaults of what is shown."""
    asked = {**asked, "padding": asked["padding"] or padding, "border": asked["border"] or Border.parse(border)}
    return window_of(asked, asked["bias"])


def _links(filter_text: str, asked: dict) -> "tuple[Link, ...]":
    from convcli import library
    from convcli.filters import adjusted

    return adjusted(library.parse(filter_text, asked["folders"]), asked["normalize"], asked["scale"])


def _show_matrix(filter_text: str, asked: dict) -> None:
    from convcli import files, formats, grid, raster
    from convcli.explain.toeplitz import toeplitz

    links = _links(filter_text, asked)
    if len(links) != 1 or links[0].filter.kernel is None:
        raise ConvError("the matrix is shown for one kernel, not for chains and composites")
    window = replace(_window(asked, "valid", "zeros"), **links[0].window)
    output = asked["output"]
    if output in (None, "-"):
        separator = "," if asked["as_csv"] else " "
        click.echo(grid.to_text(toeplitz(links[0].filter.kernel, asked["size"], window), separator), nl=False)
        return
    path = Path(output)
    if path.suffix.lower() not in (".npy", ".csv", ".tsv", ".txt"):
        raise click.UsageError(f"{printable(output)}: a matrix is written as .npy, .csv, .tsv or .txt")
    matrix = raster.Raster(toeplitz(links[0].filter.kernel, asked["size"], window)[:, :, None], "grid")
    form = formats.format_of(path.suffix)
    files.write_atomic(path, lambda stream: raster.encode(matrix, form, stream), asked["force"])


def _write_walk(filter_text: str, image: str | None, asked: dict) -> None:
    """The page and the animation, of a picture or of the built-in grid."""
    from convcli import files

    wanted = {kind: Path(asked[kind]) for kind in ("html", "gif") if asked[kind] is not None}
    for kind, path in wanted.items():
        if path.suffix.lower() not in {"html": (".html", ".htm"), "gif": (".gif",)}[kind]:
            what = {"html": "a page", "gif": "an animation"}[kind]
            raise click.UsageError(f"{printable(path)}: {what} is written as .{kind}")
        files.check_output(path, asked["force"])  # before a picture is read for nothing
    scene = _scene(filter_text, image, asked)
    if "html" in wanted:
        from convcli.explain.page import render

        page = render(scene, filter_text, image)
        files.write_bytes(wanted["html"], page.encode(), asked["force"])
    if "gif" in wanted:
        from convcli import raster
        from convcli.explain import film

        stops, title = film.count(scene), printable(filter_text + (f" over {image}" if image else ""))
        pictures = film.frames(scene, title)
        files.write_atomic(
            wanted["gif"], lambda stream: raster.encode_frames(pictures, stops, "GIF", stream), asked["force"]
        )


def _scene(filter_text: str, image: str | None, asked: dict) -> "Scene":
    from convcli import raster
    from convcli.explain import scene
    from convcli.filters import check_anchor

    links = _links(filter_text, asked)
    kernel, own = scene.kernel_of(links)
    window = replace(_window(asked, "same", "reflect"), **own)
    check_anchor(links, window.anchor)
    if image is None:
        if asked["at"]:
            raise click.UsageError("--at wants an IMAGE")
        return scene.example(kernel, window, asked["size"])
    picture = _picture(image, asked["max_pixels"] or raster.MAX_PIXELS)
    letters = "" if picture.mode == "grid" else picture.mode.partition(";")[0].removesuffix("A").lower()
    letters = "l" if letters in ("i", "f") else letters
    select = "gray" if links[0].filter.input == "gray" else asked["select"]
    try:
        pixels = picture.pixels[:, :, : picture.pixels.shape[2] - picture.alpha]
        white = None if picture.mode == "grid" else picture.white
        return scene.cut(pixels, white, kernel, window, asked["at"], asked["size"], letters, select)
    except ConvError as error:
        raise error.at(naming.called(image)) from None


def _show_sample(filter_text: str, image: str, asked: dict) -> None:
    from convcli.api import usable_cores
    from convcli.explain.story import tell
    from convcli.explain.trace import document
    from convcli.explain.way import trace
    from convcli.job import is_opaque, prepare

    request = _request(filter_text, asked)
    picture = _picture(image, request.max_pixels)
    try:
        job = prepare(request, picture, picture.pixels.shape, is_opaque(picture))
        told = trace(job, picture, asked["at"], usable_cores())
    except ConvError as error:
        raise error.at(naming.called(image)) from None
    if asked["as_json"]:
        click.echo(json.dumps({"filter": filter_text, "input": printable(image)} | document(told)))
        return
    height, width = picture.pixels.shape[:2]
    click.echo(f"{printable(filter_text)} over {printable(image)}, {height}x{width} {picture.mode}")
    for section in tell(told):
        if section.heading:
            click.secho(f"\n{section.heading}", bold=True)
        for line in section.lines:
            click.echo(re.sub(r"\[[^\]]*\]", lambda found: click.style(found[0], dim=True), line))


def _request(filter_text: str, asked: dict) -> "Request":
    """What apply would be asked for."""
    from convcli.filters import check_anchor
    from convcli.job import Request
    from convcli.pipeline import check_window
    from convcli.raster import MAX_PIXELS

    links, window = _links(filter_text, asked), _window(asked, "same", "reflect")
    check_anchor(links, window.anchor)
    check_window(links, window)
    return Request(
        links,
        window,
        select=asked["select"],
        alpha=asked["alpha"],
        linear=asked["linear"],
        range=asked["rule"],
        depth=asked["depth"],
        measures=False,
        max_pixels=asked["max_pixels"] or MAX_PIXELS,
    )


def _picture(image: str, max_pixels: int) -> "Raster":
    from convcli import raster

    try:
        return raster.read(naming.source(image, raster.room(max_pixels)), max_pixels=max_pixels)
    except ConvError as error:
        raise type(error)(naming.placed(error, image)) from None
