"""`convcli explain`."""

import click

from convcli.cli.options import AMOUNT, BORDER, PAIR, SIZE, window_of
from convcli.errors import ConvError


@click.command(
    "explain",
    epilog="""\b
Example:
  convcli explain "1 2; 3 4" --matrix --m 3
""",
)
@click.argument("filter_", metavar="FILTER", required=False)
@click.option("-k", "--kernel", metavar="FILTER", help="The kernel, where it begins with a minus sign.")
@click.option("--matrix", is_flag=True, help="Print the Toeplitz matrix.")
@click.option("--m", "--input", "size", type=SIZE, metavar="N|HxW", help="Size of the picture.")
@click.option("--stride", type=PAIR, default="1", show_default=True, metavar="S|SY,SX")
@click.option("--dilation", type=PAIR, default="1", show_default=True, metavar="D|DY,DX")
@click.option("--padding", type=AMOUNT, default="valid", show_default=True, metavar="HOW-MUCH")
@click.option("--padding-mode", type=BORDER, default="zeros", show_default=True, metavar="MODE")
@click.option("--anchor", type=SIZE, metavar="Y,X", help="Tap over the output position.")
@click.option("--op", type=click.Choice(["correlate", "convolve"]), default="correlate", show_default=True)
@click.option("--csv", "as_csv", is_flag=True, help="Commas between the numbers.")
def command(filter_, kernel, matrix, size, as_csv, **window):
    """Show the arithmetic of a convolution.

    --matrix prints the matrix that times the picture, row after row as one column, gives the result: one line for each
    output sample, one number for each input sample.
    """
    if (filter_ is None) == (kernel is None):
        raise click.UsageError("explain takes one FILTER")
    if not matrix or size is None:
        raise click.UsageError("say what to explain: --matrix with --m HxW")
    from convcli import explain, grid, library

    links = library.parse(kernel or filter_)
    if len(links) != 1 or links[0].filter.kernel is None:
        raise ConvError("the matrix is shown for one kernel, not for chains and composites")
    toeplitz = explain.toeplitz(links[0].filter.kernel, size, window_of(**window, **links[0].window))
    click.echo(grid.to_text(toeplitz, "," if as_csv else " "), nl=False)
