"""`convcli apply`."""

import click

from convcli.cli.options import AMOUNT, BORDER, NUMBER, PAIR, SIZE, WHOLE, window_of

RANGES = ["auto", "clip", "abs", "offset", "stretch", "none"]


@click.command(
    "apply",
    epilog="""\b
Examples:
  convcli apply sobel-x photo.png
  convcli apply gaussian:2 *.jpg -o soft/
  convcli apply "gaussian:1.4 | sobel" photo.png --stride 2
  convcli apply -k "-1 0 1; -2 0 2; -1 0 1" photo.png --range offset
  printf '1 2 3\\n4 5 6\\n' | convcli apply box:3 -
""",
)
@click.argument("args", metavar="FILTER IMAGE...", nargs=-1)
@click.option(
    "-k", "--kernel", metavar="FILTER", help="The filter as an option: for one that begins with a minus sign."
)
@click.option(
    "--kernel-dir", "folders", metavar="DIR", multiple=True, help="A folder of kernel files that comes first."
)
@click.option("--stride", type=PAIR, default="1", show_default=True, metavar="S|SY,SX", help="Step of the window.")
@click.option("--dilation", type=PAIR, default="1", show_default=True, metavar="D|DY,DX", help="Distance of the taps.")
@click.option(
    "--padding",
    type=AMOUNT,
    default="same",
    show_default=True,
    metavar="HOW-MUCH",
    help="same, valid, full, P, PY,PX or TOP,BOTTOM,LEFT,RIGHT.",
)
@click.option(
    "--padding-mode",
    type=BORDER,
    default="reflect",
    show_default=True,
    metavar="MODE",
    help="reflect, edge, symmetric, wrap, zeros, constant:V, mean.",
)
@click.option("--anchor", type=SIZE, metavar="Y,X", help="Tap over the output position.  [default: (k-1)//2]")
@click.option(
    "--op",
    type=click.Choice(["correlate", "convolve"]),
    default="correlate",
    show_default=True,
    help="Weights as drawn, or turned by 180 degrees.",
)
@click.option("--bias", type=NUMBER, default="0", show_default=True, metavar="B", help="Added to every output sample.")
@click.option("--method", default="auto", show_default=True, metavar="NAME", help="auto, direct, separable, reference.")
@click.option("--range", "rule", type=click.Choice(RANGES), default="auto", show_default=True, help="Sums to levels.")
@click.option(
    "--depth",
    type=click.Choice(["keep", "8", "16", "float"]),
    default="keep",
    show_default=True,
    help="Bits of the result.",
)
@click.option(
    "--channels",
    "select",
    default="each",
    show_default=True,
    metavar="WHICH",
    help="each, gray, or a list such as r,g; the others pass through.",
)
@click.option(
    "--alpha",
    type=click.Choice(["auto", "keep", "filter", "drop"]),
    default="auto",
    show_default=True,
    help="What becomes of transparency.",
)
@click.option("--normalize", is_flag=True, help="Divide the weights by their sum.")
@click.option(
    "--scale", type=NUMBER, default="1", show_default=True, metavar="S", help="Multiply the weights; 1/8 too."
)
@click.option("-o", "--output", metavar="PATH", help="A file, a folder (ends in /, exists, or many images), or -.")
@click.option("--format", "extension", metavar="EXT", help="Output format when the name does not say.")
@click.option("--quality", type=click.IntRange(1, 100), metavar="N", help="Of lossy encoders.")
@click.option(
    "--compression",
    type=click.Choice(["fast", "default", "best"]),
    default="fast",
    show_default=True,
    help="Of lossless encoders.",
)
@click.option(
    "--on-exists",
    type=click.Choice(["error", "skip", "overwrite"]),
    default="error",
    show_default=True,
    help="What to do with an output that is there.",
)
@click.option("-f", "--force", is_flag=True, help="Short for --on-exists overwrite.")
@click.option("--skip-existing", is_flag=True, help="Short for --on-exists skip.")
@click.option(
    "--maps",
    type=click.Choice(["files", "stack"]),
    default="files",
    show_default=True,
    help="Feature maps: a file each, or one .npy.",
)
@click.option("--report", metavar="FILE", help="Size report: .json, .csv, .txt, or - for standard output.")
@click.option(
    "--report-format",
    type=click.Choice(["json", "lines", "csv", "txt"]),
    help="Of a report on standard output.  [default: lines]",
)
@click.option("--dry-run", is_flag=True, help="Plan, sizes and names only; nothing is written.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first failure.")
@click.option("--strict", is_flag=True, help="Turn warnings into failures.")
@click.option(
    "--max-pixels", type=WHOLE, metavar="N", help="Refuse larger images before decoding.  [default: 178956970]"
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Say how each step is computed, and why.")
def command(
    args, kernel, output, quiet, verbose, report, report_format, dry_run, fail_fast, strict, max_pixels, **asked
):
    """Filter pictures or grids of numbers.

    FILTER is a name (sobel-x, gaussian:2), a matrix ("1 0 -1; 2 0 -2; 1 0 -1"), a kernel file, or a chain of these
    ("gaussian:1.4 | sobel"). IMAGE is a picture, a grid of numbers (.txt, .csv, .tsv, .npy), or - for standard input.
    """
    import os

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the strips are what runs side by side
    if kernel is None:
        if len(args) < 2:
            raise click.UsageError("apply takes a FILTER and at least one IMAGE" + _near_miss(args))
        kernel, *inputs = args
    else:
        inputs = list(args)
        if not inputs:
            raise click.UsageError("apply takes at least one IMAGE")
    on_exists = _on_exists(asked.pop("on_exists"), asked.pop("force"), asked.pop("skip_existing"))

    from convcli import api, batch, formats, library, raster
    from convcli.job import Request

    links = library.parse(kernel, asked["folders"])
    if asked["normalize"]:
        links = tuple(library.changed(link, lambda one: one.normalized()) for link in links)
    if asked["scale"] != 1:
        links = tuple(library.changed(link, lambda one: one.scaled(asked["scale"])) for link in links)
    window = window_of(
        **{name: asked[name] for name in ("stride", "dilation", "padding", "padding_mode", "op", "bias", "anchor")}
    )
    form = _format(inputs, output, asked["extension"], formats.format_of)
    request = Request(
        links,
        window,
        asked["select"],
        asked["alpha"],
        asked["rule"],
        asked["depth"],
        asked["method"],
        form,
        asked["maps"],
    )
    where = batch.Destination(output, asked["extension"], on_exists, asked["quality"], asked["compression"])
    targets = batch.plan_targets(inputs, library.slug(links), where)
    talk = _Talk(
        quiet, verbose, on_stdout=all(target.output != "-" for target in targets) and report != "-", window=window
    )
    threads = api.usable_cores()
    limit = max_pixels or raster.MAX_PIXELS
    with _Report(report, report_format, on_exists) as ledger:
        batch.run(
            request,
            targets,
            where,
            lambda item, notes: (ledger.items.append(item), talk.item(item, notes)),
            threads=threads,
            max_pixels=limit,
            dry_run=dry_run,
            fail_fast=fail_fast,
            strict=strict,
        )
    failed = sum(item.status == "failed" for item in ledger.items)
    talk.summary(ledger.items)
    return 1 if failed else 0


def _near_miss(args) -> str:
    """What a single argument may have meant."""
    import os

    if len(args) == 1 and os.path.exists(args[0]):
        return f' (only the image {args[0]} is given; put a kernel before it, as in "convcli apply sobel-x {args[0]}")'
    return " (as in: convcli apply sobel-x photo.png)"


def _on_exists(word: str, force: bool, skip: bool) -> str:
    if force and skip:
        raise click.UsageError("-f and --skip-existing contradict each other")
    return "overwrite" if force else "skip" if skip else word


def _format(inputs, output, extension, format_of) -> str | None:
    """The format asked for, by --format or by the output's name."""
    import os

    if extension:
        return format_of(extension)
    is_file = output and output != "-" and len(inputs) == 1 and not output.endswith(("/", os.sep))
    return format_of(os.path.splitext(output)[1]) if is_file and not os.path.isdir(output) else None


class _Talk:
    """What is printed: a line for each item on standard output, warnings and errors on standard error."""

    def __init__(self, quiet: bool, verbose: bool, on_stdout: bool, window):
        self.quiet, self.verbose, self.on_stdout, self.window = quiet, verbose, on_stdout, window

    def item(self, item, notes) -> None:
        """One item, as it is done."""
        from convcli.errors import printable

        if item.status == "failed":
            click.echo(f"convcli: {item.message}", err=True)
            return
        if not self.on_stdout:
            notes = notes if not self.quiet else []
            for note in notes:
                click.echo(f"convcli: warning: {printable(item.input)}: {note}", err=True)
            return
        if self.quiet:
            return
        if item.status == "skipped":
            click.echo(f"{printable(item.input)} -> {printable(item.output)}  exists, skipped")
            return
        click.echo(
            f"{printable(item.input)}  {_size(item.shape_in)} {item.mode[0]} -> {printable(item.output)}  "
            f"{_size(item.shape_out)} {item.mode[1]}  ({self._how(item)})"
        )
        for note in notes:
            click.secho(f"  {note}", fg="yellow")
        if self.verbose:
            for line in str(item.program).splitlines():
                click.secho(f"  {line}", dim=True)

    def _how(self, item) -> str:
        """Kernel size, padding, mode, method and time."""
        shapes = [stage.geometry.kernel for stage in item.program.stages if stage.geometry]
        size = "x".join(map(str, shapes[0])) if len(shapes) == 1 else f"{len(item.program.stages)} steps"
        amount = self.window.padding
        padding = amount if isinstance(amount, str) else "padding " + ",".join(map(str, amount))
        when = "planned" if item.status == "planned" else f"{item.seconds * 1000:.0f} ms"
        return f"{size}, {padding}, {self.window.border}; {item.program.method}, {when}"

    def summary(self, items) -> None:
        """A last line, where there were many."""
        if self.quiet or not self.on_stdout or len(items) < 2:
            return
        parts = [f"{sum(item.status == s for item in items)} {s}" for s in ("written", "planned", "skipped", "failed")]
        click.echo(", ".join(part for part in parts if not part.startswith("0 ")))


class _Report:
    """The report, written when the run ends, however it ends."""

    def __init__(self, name, kind, on_exists):
        from time import perf_counter

        from convcli import report

        self.items, self.name, self.began, self.on_exists = [], name, perf_counter(), on_exists
        self.kind = None
        if name:
            self.kind = kind or ("lines" if name == "-" else report.kind_of(name))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if not self.name:
            return
        from pathlib import Path
        from time import perf_counter

        from convcli import files, report

        text = report.render(report.document(self.items, perf_counter() - self.began), self.kind)
        if self.name == "-":
            click.echo(text, nl=False)
        else:
            files.write_bytes(Path(self.name), text.encode(), overwrite=True)


def _size(shape) -> str:
    return f"{shape[0]}x{shape[1]}"
