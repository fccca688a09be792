"""The names that results get, all of them known before anything is written."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from convcli import files, formats, job, raster
from convcli.errors import ConvError
from convcli.inputs import Input
from convcli.job import Request
from convcli.naming import STREAM

__all__ = ["Destination", "Target", "plan_targets", "result_names"]


class Destination(NamedTuple):
    """Where results go and how they are written.

    output: a file, a folder, `-`, or None for beside the input. format: an extension or None. on_exists: `error`,
    `skip` or `overwrite`.
    """

    output: str | None = None
    format: str | None = None
    on_exists: str = "error"
    quality: int | None = None
    compression: str = "fast"


class Target(NamedTuple):
    """An input and the name its result will have; `output` may still get another ending: see `Job.format`.

    fault: why there will be none.
    """

    input: str
    output: str
    fault: str | None = None


def plan_targets(
    inputs: Iterable[Input], slug: str, request: Request, destination: Destination, many: bool = False
) -> list[Target]:
    """Names for all results. Raises ConvError where two would be one file, before anything is written.

    many: the output is a folder however many inputs there are.
    """
    inputs = list(inputs)
    if sum(source.path == STREAM for source in inputs) > 1:
        raise ConvError("standard input can be read once")
    targets = [_target(source, slug, destination, many or len(inputs) > 1) for source in inputs]
    if sum(target.output == STREAM for target in targets) > 1:
        raise ConvError("standard output takes one result (name a folder with -o)")
    pairs = [(t.input, t.output) for t in targets if STREAM not in (t.input, t.output) and t.output]
    if request.format is None:  # the input's format may not hold the result: then the name ends differently
        stems = Counter(os.path.splitext(output)[0] for _, output in pairs)
        pairs = [
            (name, _final(name, output, request) if stems[os.path.splitext(output)[0]] > 1 else output)
            for name, output in pairs
        ]
    files.plan_outputs(pairs, in_place=destination.on_exists == "overwrite")
    return targets


def result_names(path: Path, prepared: job.Job, asked: str | None, suffix: str) -> list[Path]:
    """The name of each result: with another ending where the input's format cannot hold it, numbered for maps.

    suffix: the input's; an input without one gets that of its format.
    """
    if asked is None:
        form = formats.FORMATS[prepared.format]
        if not suffix:
            path = path.with_name(f"{path.name}.{form.extensions[0]}")
        elif suffix.lower().lstrip(".") not in form.extensions:
            path = path.with_suffix(f".{form.extensions[0]}")
    if not prepared.splits_maps or prepared.has_pages:
        return [path]
    return [path.with_suffix(f".{n}{path.suffix}") for n in range(prepared.program.signal.channels)]


def _target(source: Input, slug: str, destination: Destination, many: bool) -> Target:
    name, output = source.path, destination.output
    if source.fault or not name:
        return Target(name, "", source.fault or "an empty name is no file")
    if output == STREAM or (name == STREAM and output is None):
        return Target(name, STREAM)
    if name == STREAM:
        if many or files.is_folder(output):
            raise ConvError("standard input has no name for a file in a folder (name the file with -o)")
        return Target(name, output)
    if source.below:
        output, many = os.path.join(output, os.path.dirname(source.below)), True
    return Target(name, str(files.output_path(Path(name), slug, output, destination.format, many)))


def _final(name: str, output: str, request: Request) -> str:
    """The name a result will really have, as far as the input's header tells."""
    try:
        if Path(name).is_fifo():  # it is read once, and not here
            return output
        header = raster.header(Path(name), request.frames, request.format, max_pixels=request.max_pixels)
        prepared = job.prepare(request, header, (header.height, header.width, header.channels))
        return str(result_names(Path(output), prepared, request.format, Path(name).suffix)[0])
    except ConvError:  # it will be told when its turn comes
        return output
