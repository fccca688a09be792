"""`convcli kernels`: the kernels that are there, what is in one, and the file it goes to."""

import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convcli import library
from convcli.cli import plots
from convcli.cli.kernel import asked, kernel_options, size_of, steps, sum_of
from convcli.cli.options import Choice, folder_option
from convcli.definition import Definition, Parameter
from convcli.errors import ConvError, FilterError, hint, printable
from convcli.exports import FORMATS, encode, form_of

if TYPE_CHECKING:  # a list needs no numpy
    from convcli.filters import Filter, Kernel

__all__ = ["command"]

WIDTH = 80


class Browser(click.Group):
    """A group whose first command is meant where none is named."""

    def parse_args(self, ctx, args):
        if (
            not ctx.resilient_parsing
            and not any(arg in self.commands or arg in ctx.help_option_names for arg in args)
            and (not args or args[0].startswith("-"))
        ):
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx, args):
        if args[0] not in self.commands:
            known = sorted(self.commands)
            ctx.fail(f'kernels has no command "{args[0]}"{hint(args[0], known)} ({", ".join(known)})')
        return super().resolve_command(ctx, args)


def plan_line(filter_: "Filter") -> str | None:
    """How the planner would run the filter on an 8-bit photograph, in a line; None where it fits none."""
    from convcli.filters import Link
    from convcli.geometry import Window
    from convcli.pipeline import Layout, compile_chain
    from convcli.signal import Signal

    try:
        program = compile_chain((Link(filter_),), Signal.of((3000, 4000, 3), "uint8"), Window(), Layout("rgb"))
    except ConvError:
        return None
    plans = [stage.plan for stage in program.stages if stage.plan]
    if len(plans) == 1:
        return str(plans[0])
    return ", ".join(dict.fromkeys(f"{plan.method} in {plan.numbers.dtype}" for plan in plans)) or None


json_option = click.option("--json", "as_json", is_flag=True, help="Print everything, as JSON.")


@click.group("kernels", cls=Browser)
def command():
    """List the kernels, show one, save one, plot one.

    \b
    Examples:
      convcli kernels
      convcli kernels show gaussian:2
      convcli kernels plot log:3 -o log.png
      convcli kernels show sobel-x --format toml -o my-sobel.toml
    """


command.add_command(plots.command)


@command.command("list", short_help="Their names, sizes and titles.")
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
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        here = "" if entry.path.parent == library.packaged() else f"  [{printable(entry.path)}]"
        size, title = _size(entry.found), _title(entry.found)
        space = WIDTH - width - 14
        title = title if len(title) <= space else f"{title[: space - 3]}..."
        click.echo(f"{printable(entry.name):{width}}  {size:>10}  {title}{here}")
    points = ", ".join((*library.POINTS[:-1], "threshold:T", *(f"{pool}:SIZE" for pool in library.POOLS)))
    click.echo("\n" + textwrap.fill(f"Steps that are no convolutions: {points}", WIDTH, break_on_hyphens=False))


@command.command("show", short_help="One in numbers: weights, sum, rank, source; or as a file.")
@kernel_options
@click.option("--format", "form", type=Choice(FORMATS), help="Print the weights as a file of this kind.")
@click.option("-o", "--output", metavar="FILE", help="Write to a file; its name says the format.  [-]")
@click.option("-f", "--force", is_flag=True, help="Overwrite a file that is there.")
@folder_option
@json_option
def show(text, kernel, as_applied, op, form, output, force, folders, as_json):
    """Show a kernel: its weights, what they add up to, where they come from.

    FILTER is a name with or without parameters, a file or a matrix, as in `convcli apply`.

    \b
    Examples:
      convcli kernels show gaussian:2
      convcli kernels show harris
      convcli kernels show emboss --as-applied --op convolve
      convcli kernels show gabor:theta=45 --format csv -o gabor.csv
    """
    text, filter_, kernel = asked("show", text, kernel, as_applied, op, folders)
    if form or output not in (None, "-"):
        _save(filter_, kernel, form, output, force)
        return
    definition = library.definition(text, folders)
    if as_json:
        click.echo(json.dumps(_everything(filter_, kernel, definition)))
    else:
        click.echo("\n".join(_page(filter_, kernel, definition)))


def _size(found: Definition | ConvError) -> str:
    if isinstance(found, ConvError):
        return "?"
    try:
        taps = found.size()
    except ConvError:
        return "?"
    return f"{taps[0]}x{taps[1]}" if taps else "steps"


def _title(found: Definition | ConvError) -> str:
    return printable(found if isinstance(found, ConvError) else found.title)


def _listed(entry: library.Entry) -> dict:
    """An entry for JSON."""
    place = {"name": printable(entry.name), "path": printable(entry.path)}
    if isinstance(entry.found, ConvError):
        return place | {"error": str(entry.found)}
    found = entry.found
    facts = {key: getattr(found, key) for key in ("title", "source", "input", "range", "tags")}
    params = {name: _parameter(parameter) for name, parameter in found.params.items()}
    return place | facts | {"size": None if _size(found) == "?" else found.size(), "params": params}


def _parameter(parameter: Parameter) -> dict:
    return {key: getattr(parameter, key) for key in ("default", "min", "max", "unit", "help")}


def _everything(filter_: "Filter", kernel: "Kernel | None", definition: Definition | None) -> dict:
    """A filter for JSON."""
    facts = {key: getattr(filter_, key) for key in ("name", "title", "source", "input", "range")}
    params = definition.params.items() if definition else ()
    facts["params"] = {name: _parameter(parameter) | {"value": filter_.params[name]} for name, parameter in params}
    if kernel is not None:
        facts |= {"size": kernel.taps, "anchor": kernel.anchor, "scale": kernel.scale}
        facts |= {"matrix": kernel.matrix.tolist(), "weights": kernel.weights.tolist()}
        facts |= {"sum": kernel.sum, "rank": kernel.rank, "symmetry": kernel.symmetry}
    else:
        facts |= {"steps": steps(filter_, definition), "result": filter_.result}
    return facts | {"plan": plan_line(filter_)}


def _page(filter_: "Filter", kernel: "Kernel | None", definition: Definition | None) -> list[str]:
    """A filter for people, line by line."""
    from convcli.cli import matrices

    lines, facts = [f"{printable(filter_.name)}  {printable(filter_.title)}".rstrip(), ""], []
    if kernel is not None:
        lines += matrices.drawn(kernel, matrices.colours_of_terminal())
        facts = _kernel_facts(kernel)
    elif definition:
        parts = steps(filter_, definition)
        width = max(len(part["name"]) for part in parts)
        lines += [f"  {part['name']:{width}} = {part['kernel']} of {part['of']}" for part in parts]
        facts = [("result", filter_.result)]
    else:
        lines.append("  a step without weights")
    facts += [("range", filter_.range), ("input", filter_.input if filter_.input != "each" else None)]
    for name, parameter in definition.params.items() if definition else ():
        limits = f" ({parameter.limits})" if parameter.limits else ""
        facts.append(("parameter", f"{name} = {filter_.params[name]:g}{limits} {printable(parameter.help)}"))
    facts += [("source", printable(filter_.source)), ("planner", plan_line(filter_))]
    wrapped = [click.wrap_text(text, WIDTH, f"{label:10} ", " " * 11) for label, text in facts if text]
    return [*lines, "", *wrapped] if wrapped else lines


def _kernel_facts(kernel: "Kernel") -> list[tuple[str, str]]:
    return [
        ("size", size_of(kernel)),
        ("anchor", f"{kernel.anchor[0]},{kernel.anchor[1]}"),
        ("sum", sum_of(kernel)),
        ("rank", _rank_of(kernel)),
        ("symmetry", f"{kernel.symmetry} under half a turn" if kernel.symmetry != "none" else "none"),
    ]


def _rank_of(kernel: "Kernel") -> str:
    from convcli.filters import LOW, RANKED

    if kernel.rank is None:
        return f"more than {LOW} (counted further up to {RANKED}x{RANKED})"
    return f"{kernel.rank} (a column times a row)" if kernel.rank == 1 else str(kernel.rank)


def _save(filter_: "Filter", kernel: "Kernel | None", form: str | None, output: str | None, force: bool) -> None:
    """Writes the weights to a file, or to standard output; its name says the format where nobody does."""
    if kernel is None:
        raise FilterError(f"{printable(filter_.name)} is more than one kernel, there is no one matrix to write")
    form = form or form_of(output)
    more = {"input": filter_.input} if filter_.input != "each" else {}
    more |= {"range": filter_.range} if filter_.range else {}
    title, source = filter_.title or filter_.name, filter_.source or "given as a matrix"
    data = encode(kernel, form, title, source, **more)
    if output not in (None, "-"):
        from convcli import files

        files.write_bytes(Path(output), data, force)
        return
    if form == "npy" and sys.stdout.isatty():
        raise FilterError("npy is not for a terminal (write it to a file with -o)")
    click.echo(data, nl=False)
