"""The first picture of a run, read by a thread of its own while the rest of the program is still being imported.

A decoder lets other threads run, and imports take as long as the decoding of some megapixels.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

from convcli.formats import kind_of
from convcli.raster.opening import MAX_PIXELS
from convcli.raster.picture import Raster
from convcli.raster.reading import frames

__all__ = ["Ahead", "is_worth_it"]

LEAST = 1 << 18  # bytes of a file below which a thread costs more than it saves
KINDS = ("JPEG", "PNG")  # the decoders of others may keep standard error to themselves for a while


def is_worth_it(name: str) -> bool:
    """True for a JPEG or PNG file of some size."""
    path = Path(name)
    try:
        if not path.is_file() or path.stat().st_size < LEAST:
            return False
        with path.open("rb") as stream:
            return kind_of(stream.read(64)) in KINDS
    except (OSError, ValueError):  # whoever reads it in earnest will say so
        return False


class Ahead:
    """The frames of a file, as `frames` gives them; the first one is being read already."""

    def __init__(self, name: str, which: str | int | None = None, into: str | None = None, limit: int = MAX_PIXELS):
        self.name = name
        self._frames = frames(Path(name), which, into, max_pixels=limit)
        self._first: Raster | None = None
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def take(self) -> Iterator[Raster]:
        """The frames, once. Raises what `frames` would have raised."""
        self._thread.join()
        if self._failure:
            raise self._failure
        first, self._first = self._first, None
        try:
            yield first
            del first
            yield from self._frames
        finally:
            self._frames.close()  # it holds the frame that it gave last

    def _read(self) -> None:
        try:
            self._first = next(self._frames)
        except BaseException as failure:  # it belongs to whoever takes the picture
            self._failure = failure
