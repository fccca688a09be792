"""`convcli apply`."""

import gc
import os
import sys

import click

from convcli.cli.options import (
    COUNT,
    FRAMES,
    Choice,
    Sectioned,
    check_values,
    complete_filter,
    filter_options,
    value_options,
    window_of,
    window_options,
)
from convcli.cli.progress import Bar, is_terminal
from convcli.engine import METHODS
from convcli.errors import ConvError

SHORT = 2e-4  # seconds: a decoder that wants its next bytes must not wait for imports, nor an encoder for a strip

SECTIONS = {
    "The filter": ("kernel", "folders", "normalize", "scale", "method"),
    "The window": ("stride", "dilation", "padding", "border", "anchor", "op", "bias"),
    "Values": ("rule", "depth", "select", "alpha", "linear"),
    "Files": (
        (
            "output",
            "extension",
            "on_exists",
            "force",
            "skip_existing",
            "maps",
            "frames",
            "quality",
            "compression",
            "max_pixels",
        )
    ),
    "Many images": ("recursive", "include", "exclude", "list_of_names", "jobs", "fail_fast", "strict", "progress"),
    "Reports": ("report", "report_format", "dry_run", "quiet", "verbose"),
}


@click.command("apply", cls=Sectioned, sections=SECTIONS)
@click.argument("args", metavar="FILTER IMAGE...", nargs=-1, shell_complete=complete_filter)
@filter_options
@click.option(
    "--method",
    type=Choice(("auto", *METHODS)),
    default="auto",
    metavar="NAME",
    help="auto, direct, separable, toeplitz, fft or reference; all give the same.  [auto]",
)
@window_options()
@value_options
@click.option("-o", "--output", metavar="PATH", help="A file; a folder for many images; - for standard output.")
@click.option("--format", "extension", metavar="EXT", help="Output format where the name does not say.")
@click.option(
    "--on-exists", type=Choice(["error", "skip", "overwrite"]), default="error", help="Of an output.  [error]"
)
@click.option("-f", "--force", is_flag=True, help="Short for --on-exists overwrite.")
@click.option("--skip-existing", is_flag=True, help="Short for --on-exists skip.")
@click.option(
    "--maps",
    type=Choice(["files", "montage", "stack"]),
    default="files",
    help="Feature maps: a file each, one sheet with their kernels, or one .npy or .tif.  [files]",
)
@click.option(
    "--frames",
    type=FRAMES,
    metavar="WHICH",
    help="Of animations and pages: all, first, or one of them by its number.  [all]",
)
@click.option("--quality", type=COUNT, metavar="N", help="1 to 100, of lossy encoders.")
@click.option(
    "--compression",
    type=Choice(["fast", "default", "best"]),
    default="fast",
    help="Of lossless encoders.  [fast]",
)
@click.option("-r", "--recursive", is_flag=True, help="Folders with the folders in them.")
@click.option("--include", metavar="GLOB", multiple=True, help="Of folders: only what matches; *.txt asks for text.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="Of folders: not what matches; sub/ is a folder.")
@click.option(
    "--files0-from", "list_of_names", metavar="FILE", help="Names from a file, or - for standard input, ended by NUL."
)
@click.option(
    "--progress",
    type=Choice(["auto", "on", "off"]),
    default="auto",
    help="A bar on a terminal, on standard error.  [auto]",
)
@click.option("-j", "--jobs", type=COUNT, metavar="N", help="Images at once.  [the usable cores]")
@click.option("--max-pixels", type=COUNT, metavar="N", help="Refuse larger images before decoding.  [178956970]")
@click.option("--report", metavar="FILE", help="Size report: .json, .csv, .txt, or - for standard output.")
@click.option(
    "--report-format",
    type=Choice(["json", "lines", "csv", "txt"]),
    help="Of a report on standard output.  [lines]",
)
@click.option("--dry-run", is_flag=True, help="Plan, sizes and names; nothing is written.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first failure.")
@click.option("--strict", is_flag=True, help="Turn warnings into failures.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Say how each step is computed, and why.")
def command(args, kernel, output, quiet, verbose, report, report_format, dry_run, fail_fast, strict, **asked):
    """Filter pictures or grids of numbers.

    FILTER is a name (sobel-x, gaussian:2), a matrix ("1 0 -1; 2 0 -2; 1 0 -1"), a kernel file, or a chain of these
    ("gaussian:1.4 | sobel"). IMAGE is a picture, a folder of pictures (with -o), a grid of numbers (.txt, .csv, .tsv,
    .npy), or - for standard input.

    \b
    Examples:
      convcli apply sobel-x photo.png
      convcli apply gaussian:2 *.jpg -o soft/
      convcli apply gaussian:2 photos/ -r -o soft/
      convcli apply "gaussian:1.4 | sobel" photo.png --stride 2
      convcli apply -k "-1 0 1; -2 0 2; -1 0 1" photo.png --range offset
      printf '1 2 3\\n4 5 6\\n' | convcli apply box:3 -
    """
    list_of_names = asked["list_of_names"]
    filter_text, names = _filter_and_images(kernel, args, list_of_names)
    on_exists = _on_exists(asked)
    _refuse_nonsense(asked, output, report)

    sys.setswitchinterval(SHORT)
    is_sure = not dry_run and not list_of_names and on_exists != "skip"  # that the first one has to be decoded
    ahead = _ahead(names, output, asked) if is_sure else None
    from convcli import api, batch, formats, inputs, library, raster, targets
    from convcli.cli.talk import Ledger, Talk
    from convcli.filters import adjusted, check_anchor
    from convcli.job import Request
    from convcli.naming import STREAM
    from convcli.pipeline import check_window

    links = adjusted(library.parse(filter_text, asked["folders"]), asked["normalize"], asked["scale"])
    window = window_of(asked, asked["bias"])
    check_anchor(links, window.anchor)
    check_window(links, window)
    names += inputs.read_list(list_of_names) if list_of_names else []
    if list_of_names == STREAM and STREAM in names:
        raise click.UsageError("standard input is a list of names or an image, not both")
    choice = inputs.Choice(asked["recursive"], asked["include"], asked["exclude"])
    found = inputs.find(names, choice, output)
    is_batch = bool(list_of_names) or any(map(os.path.isdir, names))
    many = is_batch or len(names) > 1
    is_stream = output == STREAM or (STREAM in names and output is None)
    request = Request(
        links,
        window,
        select=asked["select"],
        alpha=asked["alpha"],
        linear=asked["linear"],
        range=asked["rule"],
        depth=asked["depth"],
        method=asked["method"],
        format=_format(many, output, asked["extension"], formats.format_of),
        maps=asked["maps"],
        measures=report is not None,
        frames=asked["frames"],
        max_pixels=asked["max_pixels"] or raster.MAX_PIXELS,
        **({"fallbacks": ("PNG",)} if is_stream else {}),
    )
    where = targets.Destination(output, asked["extension"], on_exists, asked["quality"], asked["compression"])
    planned = targets.plan_targets(found.inputs, library.slug(links), request, where, many)
    if report == STREAM and is_stream and not dry_run:
        raise click.UsageError("standard output takes the result or the report, not both")
    is_stdout_free = report != STREAM and (dry_run or not is_stream)
    talk = Talk(window, quiet, verbose, is_stdout_free, click.get_current_context().find_root().obj)
    bar = _bar(asked["progress"], quiet, len(planned))
    cores = api.usable_cores()
    options = batch.Options(asked["jobs"] or cores, cores, dry_run, fail_fast, strict)
    files = [name for target in planned for name in (target.input, target.output)]
    with Ledger(report, report_format, files, on_exists != "error") as ledger:

        def tell(item, warnings):
            ledger.add(item)
            with bar.item(item.status):
                talk.item(item, warnings)

        gc.freeze()  # what is imported is no garbage
        gc.enable()
        try:
            batch.run(request, planned, where, options, tell, ahead)
        except BaseException as end:
            bar.clear()
            if not isinstance(end, Exception):  # a signal
                talk.interrupted(ledger.counts, len(planned))
            raise
        bar.clear()
    talk.summary(ledger.counts, found.aside, is_batch)
    return 70 if ledger.has_bug else 3 if ledger.is_fatal else 1 if ledger.counts["failed"] else 0


def _ahead(names: list[str], output: str | None, asked: dict):
    """The first pictures, if they are of some size: they are decoded while what follows is imported."""
    from convcli.raster import ahead

    kind = ahead.kind_worth_it(names[0]) if names else None
    if not kind:
        return None
    from convcli import formats

    try:
        into = _format(len(names) > 1, output, asked["extension"], formats.format_of)
    except ConvError:  # it will be told in its turn
        return None
    return ahead.Ahead(tuple(names), kind, asked["frames"], into, asked["max_pixels"] or ahead.MAX_PIXELS)


def _bar(progress: str, quiet: bool, total: int) -> Bar:
    """The bar, shown or not."""
    has_line = is_terminal()
    is_wanted = progress == "on" or (progress == "auto" and has_line)
    return Bar(total, is_wanted and not quiet and total > 1, is_plain=not has_line)


def _filter_and_images(kernel: str | None, args: tuple[str, ...], list_of_names: str | None) -> tuple[str, list[str]]:
    """The filter and the images; with -k every argument is an image."""
    few = 1 if list_of_names is None else 0
    if kernel is None and len(args) == few == 1 and os.path.exists(args[0]):
        raise click.UsageError(f'"{args[0]}" is an image or a kernel, and the other is missing: apply FILTER IMAGE...')
    if kernel is None and len(args) < 1 + few:
        raise click.UsageError("apply takes a FILTER and at least one IMAGE (convcli apply sobel-x photo.png)")
    if kernel is not None and len(args) < few:
        raise click.UsageError("apply takes at least one IMAGE")
    return (args[0], list(args[1:])) if kernel is None else (kernel, list(args))


def _refuse_nonsense(asked: dict, output: str | None, report: str | None) -> None:
    """Raises UsageError for words that no picture could make sense of."""
    words = {"output": output, "report": report, "format": asked["extension"], "files0-from": asked["list_of_names"]}
    for name, value in words.items():
        if value == "":
            raise click.UsageError(f"{name}: an empty name is no file")
    check_values(asked)
    if asked["quality"] and asked["quality"] > 100:
        raise click.UsageError(f"quality {asked['quality']} is too large (at most 100)")


def _on_exists(asked: dict) -> str:
    """What to do with outputs that are there."""
    if asked["force"] and asked["skip_existing"]:
        raise click.UsageError("-f and --skip-existing contradict each other")
    return "overwrite" if asked["force"] else "skip" if asked["skip_existing"] else asked["on_exists"]


def _format(many: bool, output: str | None, extension: str | None, format_of) -> str | None:
    """The format asked for, by the output's name or by --format."""
    is_file = output and output != "-" and not many and not output.endswith(("/", os.sep))
    if is_file and not os.path.isdir(output):
        ending = os.path.splitext(output)[1]
        if ending or not extension:
            try:
                return format_of(ending)
            except ConvError as error:
                raise error.at(output) from None
    return format_of(extension) if extension else None
