"""The one FILTER that `convcli kernels show` and `plot` are about: how it is named, and what is said of it."""

from typing import TYPE_CHECKING

import click

from convcli import library
from convcli.cli.options import Choice, complete_filter
from convcli.errors import FilterError, printable

if TYPE_CHECKING:  # a list needs no numpy
    from convcli.definition import Definition
    from convcli.filters import Filter, Kernel

__all__ = ["asked", "kernel_options", "size_of", "steps", "sum_of"]


def kernel_options(command):
    """A decorator: the FILTER as an argument or an option, and whether it is shown as drawn or as applied."""
    for option in (
        click.option("--op", type=Choice(["correlate", "convolve"]), help="How they are applied; means --as-applied."),
        click.option(
            "--as-applied", is_flag=True, help="The weights as they will be multiplied: scaled, and turned by --op."
        ),
        click.option(
            "-k",
            "--kernel",
            metavar="FILTER",
            help="The filter as an option, for one that begins with a minus sign.",
            shell_complete=complete_filter,
        ),
        click.argument("text", metavar="FILTER", required=False, shell_complete=complete_filter),
    ):
        command = option(command)
    return command


def asked(command: str, text: str | None, kernel: str | None, as_applied: bool, op: str | None, folders: tuple):
    """The text of the one FILTER that a command was given, the filter, and its kernel as it is to be shown."""
    if (text is None) == (kernel is None):
        raise click.UsageError(f"{command} takes one FILTER (convcli kernels {command} sobel-x)")
    text = kernel if text is None else text
    links = library.parse(text, folders)
    if len(links) != 1:
        raise FilterError(f"{printable(text)} is a chain, {command} takes one filter")
    filter_, kernel = links[0].filter, links[0].filter.kernel
    if kernel is not None and (as_applied or op):
        kernel = kernel.turned() if (op or links[0].window.get("op")) == "convolve" else kernel
        kernel = kernel.changed(matrix=kernel.weights, scale=1.0)
    return text, filter_, kernel


def steps(filter_: "Filter", definition: "Definition | None") -> list[dict]:
    """The steps with their parameters filled in; a point or pooling step names itself."""
    names = [draft.filled(filter_.params) for draft in definition.steps] if definition else [filter_.name]
    return [{"name": step.name, "kernel": name, "of": step.of} for step, name in zip(filter_.steps, names, strict=True)]


def size_of(kernel: "Kernel") -> str:
    """Rows, columns, planes and maps in words."""
    counts = {"plane": kernel.planes, "map": kernel.maps if kernel.matrix.ndim == 4 else None}
    words = [f"{n} {kind}{'s' * (n > 1)}" for kind, n in counts.items() if n]
    return ", ".join([f"{kernel.taps[0]}x{kernel.taps[1]}", *words])


def sum_of(kernel: "Kernel") -> str:
    """The sum of the weights; 0 where they cancel up to rounding."""
    return "0" if kernel.is_zero_sum else f"{kernel.sum:.6g}"
