"""`convcli kernels plot`: a picture of a kernel."""

import io
import sys
from pathlib import Path

import click

from convcli import library
from convcli.cli.kernel import asked, kernel_options, size_of, steps, sum_of
from convcli.cli.options import folder_option
from convcli.errors import ConvError, FilterError, printable

__all__ = ["command"]


@click.command("plot", short_help="A picture of the weights, and of what they do to waves.")
@kernel_options
@click.option("-o", "--output", metavar="FILE", help="The picture; its name says the format. - is standard output.")
@click.option("-f", "--force", is_flag=True, help="Overwrite a file that is there.")
@folder_option
def command(text, kernel, as_applied, op, output, force, folders):
    """Plot a kernel: a heat map of its weights, and its frequency response beside it.

    FILTER is a name with or without parameters, a file or a matrix, as in `convcli apply`. Of a composite the kernels
    of its steps are plotted, of a bank every matrix. The response says by how much a wave is multiplied, for each
    direction and pace of it: the middle stands for flat parts, the rim for the finest detail that pixels can hold.

    \b
    Examples:
      convcli kernels plot gaussian:2 -o gaussian.png
      convcli kernels plot harris -o harris.png
      convcli kernels plot emboss --op convolve -o emboss.png
    """
    text, filter_, kernel = asked("plot", text, kernel, as_applied, op, folders)
    if output is None:
        raise click.UsageError("plot wants a name for the picture (-o kernel.png)")

    from convcli import plot

    if kernel is not None:
        panels, facts = plot.panels_of(kernel), [f"{size_of(kernel)}, sum {sum_of(kernel)}"]
    else:
        definition = library.definition(text, folders)
        names = [step["kernel"] for step in steps(filter_, definition)]
        panels = plot.steps_of(filter_, names)
        facts = [f"the kernels of its steps; the result is {filter_.result}"] if filter_.result else []
    if not panels:
        raise FilterError(f"{printable(filter_.name)} has no weights to plot")
    title = f"{printable(filter_.name)}   {printable(filter_.title)}".rstrip()
    _write(plot.sheet(panels, title, facts, shared=kernel is not None), output, force)


def _write(pixels, output: str, force: bool) -> None:
    """Writes a picture to a file, or as PNG to standard output."""
    from convcli import files, formats, raster

    if output == "-" and sys.stdout.isatty():
        raise FilterError("a picture is not for a terminal (write it to a file with -o)")
    buffer = io.BytesIO()
    try:
        form = "PNG" if output == "-" else formats.format_of(Path(output).suffix)
        raster.encode(raster.Raster(pixels, "RGB"), form, buffer, compression="default")
    except ConvError as error:
        raise error.at(output) from None
    if output == "-":
        click.echo(buffer.getvalue(), nl=False)
    else:
        files.write_bytes(Path(output), buffer.getvalue(), force)
