"""`convcli kernels`: the kernels that are there, what is in one, and a picture of it."""

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convcli import library, matrix
from convcli.cli.options import complete_filter
from convcli.errors import ConvError, FilterError, printable
from convcli.kernelfile import Definition, Parameter

if TYPE_CHECKING:  # a list needs no numpy
    from convcli.filters import Filter, Kernel

__all__ = ["command"]

WIDTH = 80
FORMATS = ("toml", "csv", "txt", "npy")


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
    """List the kernels, show one, save one, plot one.

    \b
    Examples:
      convcli kernels
      convcli kernels show gaussian:2
      convcli kernels plot log:3 -o log.png
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
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        here = "" if entry.path.parent == library.packaged() else f"  [{printable(entry.path)}]"
        size, title = _size(entry.found), _title(entry.found)
        space = WIDTH - width - 14
        title = title if len(title) <= space else f"{title[: space - 3]}..."
        click.echo(f"{printable(entry.name):{width}}  {size:>10}  {title}{here}")
    points = ", ".join((*library.POINTS[:-1], "threshold:T", *(f"{pool}:SIZE" for pool in library.POOLS)))
    click.echo("\n" + click.wrap_text(f"Steps that are no convolutions: {points}", WIDTH))


@command.command("show")
@click.argument("text", metavar="FILTER", required=False, shell_complete=complete_filter)
@click.option(
    "-k",
    "--kernel",
    metavar="FILTER",
    help="The filter, where it begins with a minus sign.",
    shell_complete=complete_filter,
)
@click.option("--as-applied", is_flag=True, help="The weights as they will be multiplied: scaled, and turned by --op.")
@click.option("--op", type=click.Choice(["correlate", "convolve"]), help="How they are applied; means --as-applied.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Print the weights as a file of this kind.")
@click.option("-o", "--output", metavar="FILE", help="Write to a file; its name says the format.  [default: -]")
@click.option("-f", "--force", is_flag=True, help="Replace the file if it is there.")
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
    text, filter_, kernel = _asked("show", text, kernel, as_applied, op, folders)
    if form or output not in (None, "-"):
        _save(filter_, kernel, form or Path(output).suffix[1:].lower(), output, force)
        return
    definition = library.definition(text, folders)
    if as_json:
        click.echo(json.dumps(_everything(filter_, kernel, definition)))
    else:
        click.echo("\n".join(_page(filter_, kernel, definition)))


@command.command("plot")
@click.argument("text", metavar="FILTER", required=False, shell_complete=complete_filter)
@click.option(
    "-k",
    "--kernel",
    metavar="FILTER",
    help="The filter, where it begins with a minus sign.",
    shell_complete=complete_filter,
)
@click.option("--as-applied", is_flag=True, help="The weights as they will be multiplied: scaled, and turned by --op.")
@click.option("--op", type=click.Choice(["correlate", "convolve"]), help="How they are applied; means --as-applied.")
@click.option("-o", "--output", metavar="FILE", help="The picture; its name says the format. - is standard output.")
@click.option("-f", "--force", is_flag=True, help="Replace the file if it is there.")
@folder_option
def plot(text, kernel, as_applied, op, output, force, folders):
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
    text, filter_, kernel = _asked("plot", text, kernel, as_applied, op, folders)
    if output is None:
        raise click.UsageError("plot wants a name for the picture (-o kernel.png)")

    from convcli import plot

    if kernel is not None:
        panels, facts = plot.panels_of(kernel), [f"{_size_of(kernel)}, sum {_sum_of(kernel)}"]
    else:
        definition = library.definition(text, folders)
        names = [step["kernel"] for step in _steps(filter_, definition)]
        panels = plot.steps_of(filter_, names)
        facts = [f"the kernels of its steps; the result is {filter_.result}"] if filter_.result else []
    if not panels:
        raise FilterError(f"{printable(filter_.name)} has no weights to plot")
    title = f"{printable(filter_.name)}   {printable(filter_.title)}".rstrip()
    _write_picture(plot.sheet(panels, title, facts, shared=kernel is not None), output, force)


def _asked(command: str, text: str | None, kernel: str | None, as_applied: bool, op: str | None, folders: tuple):
    """The text of the one FILTER that a command was given, the filter, and its kernel as it is to be shown."""
    if (text is None) == (kernel is None):
        raise click.UsageError(f"{command} takes one FILTER (convcli kernels {command} sobel-x)")
    text = text or kernel
    links = library.parse(text, folders)
    if len(links) != 1:
        raise FilterError(f"{printable(text)} is a chain, {command} takes one filter")
    filter_, kernel = links[0].filter, links[0].filter.kernel
    if kernel is not None and (as_applied or op):
        kernel = kernel.turned() if (op or links[0].window.get("op")) == "convolve" else kernel
        kernel = kernel.changed(matrix=kernel.weights, scale=1.0)
    return text, filter_, kernel


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
        facts |= {"steps": _steps(filter_, definition), "result": filter_.result}
    return facts | {"plan": plan_line(filter_)}


def _steps(filter_: "Filter", definition: Definition | None) -> list[dict]:
    """The steps with their parameters filled in; a point or pooling step names itself."""
    names = [draft.filled(filter_.params) for draft in definition.steps] if definition else [filter_.name]
    return [{"name": step.name, "kernel": name, "of": step.of} for step, name in zip(filter_.steps, names, strict=True)]


def _page(filter_: "Filter", kernel: "Kernel | None", definition: Definition | None) -> list[str]:
    """A filter for people, line by line."""
    from convcli.cli import matrices

    lines, facts = [f"{printable(filter_.name)}  {printable(filter_.title)}".rstrip(), ""], []
    if kernel is not None:
        lines += matrices.drawn(kernel, matrices.colours_of_terminal())
        facts = _kernel_facts(kernel)
    elif definition:
        steps = _steps(filter_, definition)
        width = max(len(step["name"]) for step in steps)
        lines += [f"  {step['name']:{width}} = {step['kernel']} of {step['of']}" for step in steps]
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
        ("size", _size_of(kernel)),
        ("anchor", f"{kernel.anchor[0]},{kernel.anchor[1]}"),
        ("sum", _sum_of(kernel)),
        ("rank", f"{kernel.rank}{' (a column times a row)' if kernel.rank == 1 else ''}"),
        ("symmetry", f"{kernel.symmetry} under half a turn" if kernel.symmetry != "none" else "none"),
    ]


def _size_of(kernel: "Kernel") -> str:
    counts = {"plane": kernel.planes, "map": kernel.maps if kernel.matrix.ndim == 4 else None}
    words = [f"{n} {kind}{'s' * (n > 1)}" for kind, n in counts.items() if n]
    return ", ".join([f"{kernel.taps[0]}x{kernel.taps[1]}", *words])


def _sum_of(kernel: "Kernel") -> str:
    return "0" if kernel.is_zero_sum else f"{kernel.sum:.6g}"


def _save(filter_: "Filter", kernel: "Kernel | None", form: str, output: str | None, force: bool) -> None:
    """Writes the weights to a file, or to standard output."""
    if kernel is None:
        raise FilterError(f"{printable(filter_.name)} is more than one kernel, there is no one matrix to write")
    if form not in FORMATS:
        raise FilterError(f'{printable(output)}: "{printable(form)}" is no format of kernels ({", ".join(FORMATS)})')
    data = _encoded(filter_, kernel, form)
    if output not in (None, "-"):
        _write(Path(output), data, force)
        return
    if form == "npy" and sys.stdout.isatty():
        raise FilterError("npy is not for a terminal (write it to a file with -o)")
    click.echo(data, nl=False)


def _write_picture(pixels, output: str, force: bool) -> None:
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


def _encoded(filter_: "Filter", kernel: "Kernel", form: str) -> bytes:
    if form == "npy":
        import numpy as np

        buffer = io.BytesIO()
        np.save(buffer, kernel.weights)
        return buffer.getvalue()
    if form == "toml":
        more = {"input": filter_.input} if filter_.input != "each" else {}
        more |= {"range": filter_.range} if filter_.range else {}
        title, source = filter_.title or filter_.name, filter_.source or "given as a matrix"
        return matrix.to_toml(kernel, title, source, **more).encode()
    return (matrix.to_csv(kernel) if form == "csv" else matrix.to_text(kernel)).encode()


def _write(path: Path, data: bytes, overwrite: bool) -> None:
    from convcli import files

    files.write_bytes(path, data, overwrite)
