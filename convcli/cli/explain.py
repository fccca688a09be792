"""`convcli explain`."""

from dataclasses import replace

import click

from convcli.cli.options import SIZE, window_of, window_options
from convcli.errors import ConvError


@click.command("explain")
@click.argument("filter_", metavar="FILTER", required=False)
@click.option("-k", "--kernel", metavar="FILTER", help="The kernel, where it begins with a minus sign.")
@click.option("--matrix", is_flag=True, help="Print the Toeplitz matrix.")
@click.option("--m", "--input", "size", type=SIZE, metavar="N|HxW", help="Size of the picture.")
@window_options(padding="valid", padding_mode="zeros")
@click.option("--csv", "as_csv", is_flag=True, help="Commas between the numbers.")
def command(filter_, kernel, matrix, size, as_csv, **asked):
    """Show the arithmetic of a convolution.

    --matrix prints the matrix that times the picture, row after row as one column, gives the result: a line for each
    output sample, a number for each input sample.

    \b
    Example:
      convcli explain "1 2; 3 4" --matrix --m 3
    """
    if (filter_ is None) == (kernel is None):
        raise click.UsageError("explain takes one FILTER")
    if not matrix or size is None:
        raise click.UsageError("say what to explain: --matrix with --m HxW")
    from convcli import explain, grid, library

    links = library.parse(kernel or filter_)
    if len(links) != 1 or links[0].filter.kernel is None:
        raise ConvError("the matrix is shown for one kernel, not for chains and composites")
    window = replace(window_of(asked), **links[0].window)
    toeplitz = explain.toeplitz(links[0].filter.kernel, size, window)
    click.echo(grid.to_text(toeplitz, "," if as_csv else " "), nl=False)
