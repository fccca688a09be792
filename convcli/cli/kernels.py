"""`convcli kernels`: the kernels that are there, and what is in one."""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convcli import library, matrix
from convcli.errors import ConvError, FilterError, printable
from convcli.kernelfile import Definition

if TYPE_CHECKING:  # a list needs no numpy
    from convcli.filters import Filter, Kernel

__all__ = ["command"]

WIDTH, ROWS, MATRICES = 80, 20, 8  # what is shown of a large kernel; --format writes all of it
FORMATS = ("toml", "csv", "txt", "npy")


class Browser(click.Group):
    """A group whose first command is meant where none is named."""

    def parse_args(self, ctx, args):
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _complete(ctx, param, incomplete: str) -> list[str]:
    return [name for name in library.names() if name.startswith(incomplete)]


folder_option = click.option(
    "--kernel-dir",
    "folders",
    multiple=True,
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="Look here first.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print everything, as JSON.")


@click.group("kernels", cls=Browser)
def command():
    """List the kernels, show one, save one.

    \b
    Examples:
      convcli kernels
      convcli kernels show gaussian:2
      convcli kernels show sobel-x --format toml -o my-sobel.toml
    """


@command.command("list")
@folder_option
@json_option
def list_(folders, as_json):
    """List the kernels: name, size, title.

    Kernels of your own come first: those of --kernel-dir, of the folders in $CONVCLI_KERNELS, and of the
    folder convcli/kernels where your system keeps settings. Of two with one name the first counts.

    \b
    Examples:
      convcli kernels list
      convcli kernels list --json | jq -r '.[].name'
    """
    entries = library.entries(folders)
    if as_json:
        click.echo(json.dumps([_listed(entry) for entry in entries], indent=1))
        return
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        here = "" if entry.path.parent == library.packaged() else f"  [{printable(entry.path)}]"
        size, title = _size(entry.found), _title(entry.found)
        space = WIDTH - width - 14
        title = title if len(title) <= space else f"{title[: space - 3]}..."
        click.echo(f"{printable(entry.name):{width}}  {size:>10}  {title}{here}")
    points = ", ".join((*library.POINTS[:-1], "threshold:T", *(f"{pool}:SIZE" for pool in library.POOLS)))
    click.echo(f"\nSteps that are no convolutions: {points}")
