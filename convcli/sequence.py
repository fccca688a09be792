"""Frames of an animation, or pages: each through a job of its own, one in memory at a time."""

from collections.abc import Callable, Iterator

from convcli import job, levels
from convcli.errors import ConvError
from convcli.finish import Tally
from convcli.job import Job, Request
from convcli.raster import FormatError, Raster

__all__ = ["Sequence"]


class Sequence:
    """The frames of one input on their way to one file, or to one for each feature map.

    begun: all frames, of which the first has been read for `prepared`, its job, which decides the format for all.
    frames: opens the input and gives its frames once more; called for each pass but the first. `tally` and `notes`
    are complete when `results(0)` has come to its end.
    """

    def __init__(
        self,
        request: Request,
        prepared: Job,
        frames: Callable[[], Iterator[Raster]],
        begun: Iterator[Raster],
        threads: int,
    ):
        self.request, self.prepared, self.frames, self.threads = request, prepared, frames, threads
        self._begun: Iterator[Raster] | None = begun
        finish = prepared.finish
        self.tally = Tally(finish.rule, white=finish.white_in, signed=finish.signed)
        self.notes: dict[str, None] = {}  # in the order they came
        self._jobs: dict[tuple, Job] = {}
        self._bounds: tuple[float, float] | None = None

    def results(self, index: int = 0) -> Iterator[Raster]:
        """What becomes of every frame; index: of the feature map that is wanted."""
        # one stretch for all, or they would flicker
        if self.prepared.finish.rule == "stretch" and self._bounds is None:
            ends = [
                levels.bounds(one.program, job.samples(one, frame), one.finish.alpha, self.threads)
                for one, frame in self._all()
            ]
            self._bounds = min(low for low, _ in ends), max(high for _, high in ends)
        for one, frame in self._all():
            if self._bounds:
                one = one._replace(finish=one.finish._replace(bounds=self._bounds))
            result = job.run(one, frame, self.threads)
            if index == 0:
                self.tally.add(result.tally)
                self.notes |= dict.fromkeys(frame.notes)
            yield result.rasters[index]

    def _all(self) -> Iterator[tuple[Job, Raster]]:
        """Every frame with its job."""
        frames, self._begun = self._begun or self.frames(), None
        for number, frame in enumerate(frames, 1):
            is_opaque = job.is_opaque(frame)
            kind = job.kind(frame, frame.pixels.shape, is_opaque)
            if not self._jobs:
                self._jobs[kind] = self.prepared
            if kind not in self._jobs:
                self._jobs[kind] = self._prepare(frame, is_opaque, number)
            yield self._jobs[kind], frame

    def _prepare(self, frame: Raster, is_opaque: bool, number: int) -> Job:
        try:
            made = job.prepare(self.request, frame, frame.pixels.shape, is_opaque)
        except ConvError as error:
            raise error.at(f"frame {number}") from None
        first = self.prepared
        if made.format != first.format:
            raise FormatError(f"frame {number} needs {made.format}, the first {first.format} (--frames picks one)")
        if _files(made) != _files(first):
            raise FormatError(f"frame {number} gives {_files(made)} maps, and the first {_files(first)}")
        return made


def _files(made: Job) -> int:
    """How many files the results of a job are."""
    return made.channels if made.splits_maps else 1
