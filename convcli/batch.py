"""Many pictures, some at once: what fails is told and the rest goes on.

Prints nothing: every item and every warning is handed to the caller's `tell` as it happens.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Condition, Lock, Thread
from time import perf_counter

from convcli import files, formats, job, raster
from convcli.errors import ConvError, OutputError, printable
from convcli.job import Request
from convcli.raster import Raster
from convcli.report import Item

__all__ = ["Destination", "Options", "Target", "plan_targets", "run"]

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
class Options:
    """How a run goes: pictures at once, threads for all of them, limits, and what counts as a failure."""

    jobs: int = 1
    threads: int = 1
    max_pixels: int = raster.MAX_PIXELS
    dry_run: bool = False
    fail_fast: bool = False
    strict: bool = False


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
    request: Request, targets: list[Target], destination: Destination, options: Options, tell: Callable
) -> list[Item]:
    """An item for each target, in their order; `tell(item, warnings)` is called for each, in that order too.

    Raises OutputError where a result cannot be written: nothing after it would fare better.
    """
    jobs = max(1, min(options.jobs, len(targets)))
    runner = _Runner(request, destination, replace(options, threads=max(1, options.threads // jobs)))
    if jobs == 1:
        return runner.follow(targets, map(runner.one, targets), tell)
    with _Workers(jobs, runner.one, targets) as outcomes:
        return runner.follow(targets, outcomes, tell)


class _Workers:
    """Threads that work ahead on the targets, and their outcomes in the order of the targets.

    A decoder, an encoder and a long numpy call let other threads run, so threads are enough; and no worker is
    more than a few pictures ahead, so that memory does not grow with the number of files.
    """

    def __init__(self, jobs: int, work: Callable, targets: list[Target]):
        self.work, self.waiting = work, iter(enumerate(targets))
        self.outcomes: dict[int, object] = {}
        self.given, self.total, self.ahead = 0, len(targets), 2 * jobs
        self.changed, self.is_over = Condition(), False
        self.threads = [Thread(target=self._loop, daemon=True) for _ in range(jobs)]

    def _loop(self) -> None:
        while True:
            with self.changed:
                index, target = next(self.waiting, (None, None))
                while index is not None and index >= self.given + self.ahead and not self.is_over:
                    self.changed.wait()
                if index is None or self.is_over:
                    return
            try:
                outcome = self.work(target)
            except BaseException as error:  # it belongs to whoever asks for the outcome
                outcome = error
            with self.changed:
                self.outcomes[index] = outcome
                self.changed.notify_all()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error) -> None:
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def __iter__(self):
        for index in range(self.total):
            with self.changed:
                while index not in self.outcomes:
                    self.changed.wait()
                outcome = self.outcomes.pop(index)
                self.given = index + 1
                self.changed.notify_all()
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome


class _Runner:
    """What the pictures of a run share: what is asked for, and the names written so far."""

    def __init__(self, request: Request, destination: Destination, options: Options):
        self.request, self.destination, self.options = request, destination, options
        self.written: set[str] = set()
        self.lock = Lock()

    def follow(self, targets, outcomes, tell) -> list[Item]:
        """Hands on each outcome as it comes."""
        items: list[Item] = []
        for item, warnings, error in outcomes:
            items.append(item)
            tell(item, warnings)
            if error is not None:
                raise error
            if self.options.fail_fast and item.status == "failed":
                break
        return items

    def one(self, target: Target) -> tuple[Item, list[str], OutputError | None]:
        """One picture: its item, warnings, and the error that has to end the run."""
        item, warnings, began = Item(target.input, target.output), [], perf_counter()
        fatal = None
        try:
            self._one(target, item, warnings)
        except OutputError as error:
            fatal, item.message = error, str(error)
        except ConvError as error:
            item.message = _placed(error, target.input)
        except MemoryError:
            item.message = f"{printable(target.input)}: not enough memory"
        item.seconds = perf_counter() - began
        return item, warnings, fatal

    def _one(self, target: Target, item: Item, warnings: list[str]) -> None:
        """Fills `item` as it learns."""
        request, destination, options = self.request, self.destination, self.options
        path, is_stream = Path(target.output), target.output == STREAM
        if destination.on_exists == "skip" and not is_stream and path.exists():
            item.status = "skipped"
            return
        source = sys.stdin.buffer.read() if target.input == STREAM else Path(target.input)
        if options.dry_run:
            picture = raster.header(source, max_pixels=options.max_pixels)
            shape, is_opaque = (picture.height, picture.width, picture.channels), False
        else:
            if not is_stream:
                if destination.output and path != Path(destination.output):  # it names a folder
                    files.make_folder(path.parent)
                files.check_output(path, destination.on_exists == "overwrite")
            picture = raster.read(source, max_pixels=options.max_pixels)
            shape, is_opaque = picture.pixels.shape, job.is_opaque(picture)
            warnings += picture.notes
        prepared = job.prepare(request, picture, shape, is_opaque)
        outputs = [path] if is_stream else _names(path, prepared, request.format, Path(target.input).suffix)
        item.shape_in, item.program, item.mode = shape, prepared.program, (picture.mode, prepared.mode)
        item.shape_out = (*prepared.program.signal.shape[:2], prepared.channels)
        item.output = STREAM if is_stream else ", ".join(map(str, outputs))
        if options.dry_run:
            item.status = "planned"
            return
        result = job.run(prepared, picture, options.threads)
        del picture  # a picture freed early is a picture less in memory
        item.tally = result.tally
        if result.note:
            warnings.append(result.note)
        if options.strict and warnings:
            raise ConvError("; ".join(warnings))
        for name, filtered in zip(outputs, result.rasters, strict=True):
            self._write(filtered, prepared.format, name, is_stream, warnings)
        item.status = "written"

    def _write(self, picture: Raster, form: str, path: Path, is_stream: bool, warnings: list[str]) -> None:
        """One file, or the stream; what the format cannot keep becomes a warning."""
        destination, options = self.destination, self.options

        def fill(stream) -> None:
            lost = raster.encode(
                picture,
                form,
                stream,
                quality=destination.quality,
                compression=destination.compression,
                threads=options.threads,
            )
            if options.strict and lost:  # before the file gets its name
                raise ConvError("; ".join(lost))
            warnings.extend(line for line in lost if line not in warnings)

        if is_stream:
            fill(sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        with self.lock:
            if str(path) in self.written:
                raise ConvError(f"{printable(path)} was written for another input of this run (name a folder with -o)")
            self.written.add(str(path))
        files.write_atomic(path, fill, destination.on_exists == "overwrite")


def _names(path: Path, prepared: job.Job, asked: str | None, suffix: str) -> list[Path]:
    """The name of each result: with another ending where the input's format cannot hold it, numbered for maps.

    suffix: the input's; an input without one gets that of its format.
    """
    if asked is None:
        form = formats.FORMATS[prepared.format]
        if not suffix:
            path = path.with_name(f"{path.name}.{form.extensions[0]}")
        elif suffix.lower().lstrip(".") not in form.extensions:
            path = path.with_suffix(f".{form.extensions[0]}")
    if not prepared.splits_maps:
        return [path]
    return [path.with_suffix(f".{n}{path.suffix}") for n in range(prepared.program.signal.channels)]


def _placed(error: ConvError, place: str) -> str:
    """The message with the input in front, once."""
    name = printable("standard input" if place == STREAM else place)
    return str(error) if isinstance(error, files.ExistsError) or str(error).startswith(name) else f"{name}: {error}"
