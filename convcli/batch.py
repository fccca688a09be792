"""Many pictures, some at once: what fails is told and the rest goes on.

Prints nothing: every item and every warning is handed to the caller's `tell` as it happens.
"""

import os
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from itertools import chain
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import NamedTuple

import numpy as np

from convcli import files, formats, job, naming, raster
from convcli.errors import ConvError, InputError, OutputError, confession, printable
from convcli.job import Request
from convcli.naming import STREAM
from convcli.raster import Raster
from convcli.raster.ahead import Ahead
from convcli.report import Item
from convcli.targets import Destination, Target, result_names
from convcli.workers import Workers

__all__ = ["Options", "run"]

TEXTS = ("TXT", "CSV", "TSV")


class Options(NamedTuple):
    """How a run goes: pictures at once, threads for all of them, and what counts as a failure."""

    jobs: int = 1
    threads: int = 1
    dry_run: bool = False
    fail_fast: bool = False
    strict: bool = False


def run(
    request: Request,
    targets: list[Target],
    destination: Destination,
    options: Options,
    tell: Callable,
    ahead: Ahead | None = None,
) -> None:
    """Calls `tell(item, warnings)` for each target, in their order. ahead: pictures that are being read already.

    An item that could not be written (`is_fatal`) ends the run: nothing after it would fare better. A fault of ours
    (`Item.bug`) costs its own picture only.
    """
    jobs = max(1, min(options.jobs, len(targets)))
    runner = _Runner(request, destination, options._replace(threads=max(1, options.threads // jobs)), ahead)
    workers, written = Workers(jobs, runner.one, targets), 0
    try:
        for item, warnings in workers:
            written += item.status == "written"
            if item.is_fatal and len(targets) > 1:
                item.message += f"; {written} of {len(targets)} written, stopping"
            tell(item, warnings)
            if item.is_fatal or (options.fail_fast and item.status == "failed"):
                workers.wind_up()
                break
    finally:
        for item, warnings in workers.done():  # whatever ended the run, they are there
            is_cut = item.input == STREAM and item.status == "failed"  # whoever fed it was ended too
            if not item.is_fatal and not is_cut:
                tell(item, warnings)
        for folder in tuple(runner.folders):  # a worker may still be adding
            files.sync_folder(folder)


class _Runner:
    """What the pictures of a run share: what is asked for, and the names written so far."""

    def __init__(self, request: Request, destination: Destination, options: Options, ahead: Ahead | None):
        self.request, self.destination, self.options = request, destination, options
        self.ahead = ahead
        self.written: set[str] = set()
        self.folders: set[Path] = set()
        self.last: tuple[tuple | None, job.Job | None] = (None, None)  # pictures of a folder are often alike
        self.lock = Lock()

    @np.errstate(all="ignore")
    def one(self, target: Target) -> tuple[Item, list[str]]:
        """One picture: its item and the warnings about it."""
        item, warnings, began = Item(target.input, target.output or None), [], perf_counter()
        try:
            self._one(target, item, warnings)
        except OutputError as error:
            item.is_fatal, item.message = True, str(error)
        except files.ExistsError as error:
            item.message = f"{error} (-f overwrites, --skip-existing skips)"
        except (ConvError, MemoryError) as error:
            item.message = naming.placed(error, target.input)
        except OSError:  # those of files are told above; standard output takes no more of anything
            raise
        except Exception as bug:
            item.bug, item.message = bug, f"{printable(target.input)}: {confession(bug)}"
        item.seconds = perf_counter() - began
        return item, warnings

    def _one(self, target: Target, item: Item, warnings: list[str]) -> None:
        """Fills `item` as it learns."""
        options, on_exists, limit = self.options, self.destination.on_exists, self.request.max_pixels
        if target.fault:
            raise InputError(target.fault)
        ahead = self.ahead and self.ahead.take(target.input)  # here, or what is not wanted stays in memory
        source = naming.source(target.input, raster.room(limit))
        guess = Path(target.output) if target.output not in (STREAM, "") else None
        if isinstance(source, Path) and source.is_fifo():
            source = raster.content(source, limit)  # a pipe is read once
        if options.dry_run or on_exists == "skip" or (on_exists == "error" and guess and os.path.exists(guess)):
            header = raster.header(source, self.request.frames, self.request.format, max_pixels=limit)
            shape = (header.height, header.width, header.channels)
            _, outputs = self._prepared(header, shape, target, item)
            if on_exists == "skip" and all(path and path.exists() for path in outputs):
                item.status, item.program = "skipped", None
                return
            self._check(outputs)
            if options.dry_run:
                item.status = "planned"
                return
        elif guess:
            self._check([guess])  # before a picture is decoded for nothing
        request = self.request

        def frames():
            return raster.frames(source, request.frames, request.format, max_pixels=limit, shares=True)

        pictures = ahead or frames()
        picture = next(pictures)
        prepared, outputs = self._prepared(picture, picture.pixels.shape, target, item, job.is_opaque(picture))
        self._check(outputs)
        if picture.frames > 1:
            from convcli.sequence import Sequence  # few move

            sequence = Sequence(request, prepared, frames, chain((picture,), pictures), options.threads)
            del picture
            for index, name in enumerate(outputs):
                self._write(sequence.results(index), item.frames, prepared.format, name, warnings, sequence)
            item.tally = sequence.tally
        else:
            pictures.close()
            warnings += picture.notes
            result = job.run(prepared, picture, options.threads)
            del picture  # a picture freed early is a picture less in memory
            item.tally = result.tally
            warnings += filter(None, [job.clipped(result.tally)])
            self._if_strict(warnings)
            written = [result.rasters] if prepared.has_pages else [(one,) for one in result.rasters]
            for name, filtered in zip(outputs, written, strict=True):
                self._write(filtered, len(filtered), prepared.format, name, warnings)
        item.status = "written"

    def _check(self, outputs: list[Path | None]) -> None:
        """Raises what writing would; the folder that -o names is made on the way."""
        folder = self.destination.output
        for path in outputs:
            if path is None:
                continue
            if folder and Path(folder) in path.parents and not path.parent.is_dir():
                if self.options.dry_run:
                    continue
                files.make_folder(path.parent)
            files.check_output(path, self.destination.on_exists == "overwrite")

    def _prepared(self, picture, shape, target: Target, item: Item, is_opaque=False) -> tuple[job.Job, list]:
        """The job for a picture and the names of its results, None for the stream; both are noted in `item`."""
        kind = job.kind(picture, shape, is_opaque)
        last, prepared = self.last
        if kind != last:
            prepared = job.prepare(self.request, picture, shape, is_opaque)
            self.last = (kind, prepared)
        if picture.frames > 1 and not formats.FORMATS[prepared.format].frames:
            raise raster.FormatError(f"{prepared.format} cannot hold {picture.frames} frames (--frames first)")
        if picture.frames > 1 and prepared.has_pages:
            raise ConvError("a file has pages for frames or for maps, not for both (--frames first, or --maps files)")
        item.shape_in, item.program, item.frames = shape, prepared.program, picture.frames
        item.mode = (picture.mode, prepared.mode)
        item.shape_out = (*prepared.program.signal.shape[:2], prepared.channels)
        if target.output == STREAM:
            if prepared.splits_maps and not prepared.has_pages:
                raise ConvError("several maps do not fit into standard output (--format npy, or name a file with -o)")
            return prepared, [None]
        outputs = result_names(Path(target.output), prepared, self.request.format, Path(target.input).suffix)
        item.output = ", ".join(map(str, outputs))
        return prepared, outputs

    def _if_strict(self, warnings: list[str]) -> None:
        """Raises ConvError where warnings count as failures and there are some."""
        if self.options.strict and warnings:
            raise ConvError("; ".join(warnings))

    def _write(
        self, pictures: Iterable[Raster], count: int, form: str, path: Path | None, warnings: list[str], sequence=None
    ) -> None:
        """One file, or standard output; what the format cannot keep becomes a warning."""
        destination, options = self.destination, self.options

        def fill(stream) -> None:
            lost = raster.encode_frames(
                pictures,
                count,
                form,
                stream,
                quality=destination.quality,
                compression=destination.compression,
                threads=options.threads,
            )
            if sequence:
                lost = (*sequence.notes, *filter(None, [job.clipped(sequence.tally)]), *lost)
            warnings.extend(line for line in lost if line not in warnings)
            self._if_strict(warnings)  # before the file gets its name

        if path is None:
            if form not in TEXTS and sys.stdout.isatty():
                raise ConvError(f"{form} is not for a terminal (name a file with -o)")
            if count == 1 and not options.strict:
                fill(sys.stdout.buffer)
            else:  # a later frame may turn out to be damaged, or something not to be kept
                whole = BytesIO()
                fill(whole)
                sys.stdout.buffer.write(whole.getbuffer())
            sys.stdout.buffer.flush()
            return
        with self.lock:
            if str(path) in self.written:
                raise ConvError(f"{printable(path)} was written for another input of this run (name a folder with -o)")
            self.written.add(str(path))
            self.folders.add(path.parent)
        files.write_atomic(path, fill, destination.on_exists == "overwrite")
