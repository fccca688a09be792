"""Many pictures, one after the other: what fails is told and the rest goes on.

Prints nothing: every item and every warning is handed to the caller's `tell` as it happens.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from convcli import files, formats, job, raster
from convcli.errors import ConvError, OutputError, printable
from convcli.job import Request
from convcli.report import Item

__all__ = ["Destination", "Target", "plan_targets", "run"]

STREAM = "-"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where results go and how they are written.

    output: a file, a folder, `-`, or None for beside the input. format: an extension or None. on_exists: `error`,
    `skip` or `overwrite`.
    """

    output: str | None = None
    format: str | None = None
    on_exists: str = "error"
    quality: int | None = None
    compression: str = "fast"


@dataclass(frozen=True, slots=True)
class Target:
    """An input and the name its result will have; `output` may still get another ending: see `Job.format`."""

    input: str
    output: str


def plan_targets(inputs: Iterable[str], slug: str, destination: Destination) -> list[Target]:
    """Names for all results. Raises ConvError where two would be one file, before anything is written."""
    inputs = list(inputs)
    targets = []
    for name in inputs:
        if destination.output == STREAM or (name == STREAM and destination.output is None):
            targets.append(Target(name, STREAM))
        elif name == STREAM:
            targets.append(Target(name, destination.output))
        else:
            many = len(inputs) > 1
            path = files.output_path(Path(name), slug, destination.output, destination.format, many)
            targets.append(Target(name, str(path)))
    if sum(target.output == STREAM for target in targets) > 1:
        raise ConvError("standard output takes one result (name a folder with -o)")
    if inputs.count(STREAM) > 1:
        raise ConvError("standard input can be read once")
    pairs = [(Path(t.input), Path(t.output)) for t in targets if STREAM not in (t.input, t.output)]
    files.plan_outputs(pairs, in_place=destination.on_exists == "overwrite")
    return targets


def run(
    request: Request,
    targets: list[Target],
    destination: Destination,
    tell: Callable[[Item, list[str]], None],
    *,
    threads: int,
    max_pixels: int,
    dry_run: bool = False,
    fail_fast: bool = False,
    strict: bool = False,
) -> list[Item]:
    """An item for each target, in order. Raises OutputError where a result cannot be written: nothing more would be.

    tell: called after each item with the warnings about it. strict: a warning makes the item fail.
    """
    items: list[Item] = []
    written: set[str] = set()
    for target in targets:
        item, warnings, began = Item(target.input, target.output), [], perf_counter()
        try:
            _one(request, target, destination, item, warnings, written, threads, max_pixels, dry_run, strict)
        except OutputError as error:
            item.message = str(error)
            items.append(item)
            raise
        except ConvError as error:
            item.status, item.message = "failed", _placed(error, target.input)
        except MemoryError:
            item.status, item.message = "failed", f"{printable(target.input)}: not enough memory"
        item.seconds = perf_counter() - began
        items.append(item)
        tell(item, warnings)
        if fail_fast and item.status == "failed":
            break
    return items


def _one(request, target, destination, item, warnings, written, threads, max_pixels, dry_run, strict) -> None:
    """One picture, start to end; fills `item` as it learns."""
    path = Path(target.output)
    is_stream = target.output == STREAM
    if destination.on_exists == "skip" and not is_stream and path.exists():
        item.status = "skipped"
        return
    source = sys.stdin.buffer.read() if target.input == STREAM else Path(target.input)
    if dry_run:
        header = raster.header(source, max_pixels=max_pixels)
        shape = (header.height, header.width, header.channels)
        prepared = job.prepare(request, header, shape)
    else:
        if not is_stream:
            if destination.output and path != Path(destination.output):  # it names a folder
                files.make_folder(path.parent)
            files.check_output(path, destination.on_exists == "overwrite")
        header = raster.read(source, max_pixels=max_pixels)
        shape = header.pixels.shape
        prepared = job.prepare(request, header, shape, job.is_opaque(header))
        warnings += header.notes
    item.shape_in, item.program = shape, prepared.program
    item.mode = (header.mode, prepared.mode)
    item.shape_out = (*prepared.program.signal.shape[:2], prepared.program.signal.channels)
    outputs = [path] if is_stream else _names(path, prepared, request.format)
    item.output = STREAM if is_stream else ", ".join(map(str, outputs))
    if dry_run:
        item.status = "planned"
        return
    result = job.run(prepared, header, threads)
    del header  # a picture freed early is a picture less in memory
    item.tally, item.shape_out = result.tally, result.shape
    if result.note:
        warnings.append(result.note)
    if strict and warnings:
        raise ConvError("; ".join(warnings))
    options = {"quality": destination.quality, "compression": destination.compression, "threads": threads}
    lost: list[str] = []
    for name, picture in zip(outputs, result.rasters, strict=True):
        if str(name) in written:
            raise ConvError(f"{printable(name)} was written for another input of this run (name a folder with -o)")

        def fill(stream, picture=picture) -> None:
            lost.extend(raster.encode(picture, prepared.format, stream, **options))
            if strict and lost:  # before the file gets its name
                raise ConvError("; ".join(lost))

        if is_stream:
            fill(sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            files.write_atomic(name, fill, destination.on_exists == "overwrite")
            written.add(str(name))
    warnings += dict.fromkeys(lost)
    item.status = "written"


def _names(path: Path, prepared: job.Job, asked: str | None) -> list[Path]:
    """The name of each result: with another ending where the input's format cannot hold it, numbered for maps."""
    if asked is None and prepared.format != formats.format_of(path.suffix):
        path = path.with_suffix(f".{formats.FORMATS[prepared.format].extensions[0]}")
    if not prepared.splits_maps:
        return [path]
    return [path.with_suffix(f".{n}{path.suffix}") for n in range(prepared.program.signal.channels)]


def _placed(error: ConvError, place: str) -> str:
    """The message with the input in front, once."""
    name = printable("standard input" if place == STREAM else place)
    return str(error) if isinstance(error, files.ExistsError) or str(error).startswith(name) else f"{name}: {error}"
