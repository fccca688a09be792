"""The names that results get, all of them known before anything is written."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from convcli import files, formats, job, raster
from convcli.errors import ConvError
from convcli.job import Request

__all__ = ["STREAM", "Destination", "Target", "plan_targets", "result_names"]

STREAM = "-"


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
    """An input and the name its result will have; `output` may still get another ending: see `Job.format`."""

    input: str
    output: str


def plan_targets(inputs: Iterable[str], slug: str, request: Request, destination: Destination) -> list[Target]:
    """Names for all results. Raises ConvError where two would be one file, before anything is written."""
    inputs = list(inputs)
    if inputs.count(STREAM) > 1:
        raise ConvError("standard input can be read once")
    targets = [_target(name, slug, destination, len(inputs) > 1) for name in inputs]
    if sum(target.output == STREAM for target in targets) > 1:
        raise ConvError("standard output takes one result (name a folder with -o)")
    pairs = [(t.input, Path(t.output)) for t in targets if STREAM not in (t.input, t.output) and t.output]
    if request.format is None:  # the input's format may not hold the result: then the name ends differently
        stems = Counter(path.with_suffix("") for _, path in pairs)
        pairs = [
            (name, _final(name, path, request) if stems[path.with_suffix("")] > 1 else path) for name, path in pairs
        ]
    files.plan_outputs([(Path(name), path) for name, path in pairs], in_place=destination.on_exists == "overwrite")
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


def _target(name: str, slug: str, destination: Destination, many: bool) -> Target:
    if destination.output == STREAM or (name == STREAM and destination.output is None):
        return Target(name, STREAM)
    if name == STREAM:
        if many or files.is_folder(destination.output):
            raise ConvError("standard input has no name for a file in a folder (name the file with -o)")
        return Target(name, destination.output)
    if not name or os.path.isdir(name):
        return Target(name, "")  # reading it will say so
    return Target(name, str(files.output_path(Path(name), slug, destination.output, destination.format, many)))


def _final(name: str, path: Path, request: Request) -> Path:
    """The name a result will really have, as far as the input's header tells."""
    try:
        if Path(name).is_fifo():  # it is read once, and not here
            return path
        header = raster.header(Path(name), request.frames, request.format, max_pixels=request.max_pixels)
        prepared = job.prepare(request, header, (header.height, header.width, header.channels))
        return result_names(path, prepared, request.format, Path(name).suffix)[0]
    except ConvError:  # it will be told when its turn comes
        return path
