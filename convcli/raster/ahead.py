"""The first pictures of a run, read by a thread of its own while the rest of the program is still being imported.

A decoder lets other threads run, and imports take as long as the decoding of some megapixels.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread

from convcli.formats import kind_of
from convcli.naming import STREAM
from convcli.raster.opening import MAX_PIXELS, opener
from convcli.raster.picture import Raster
from convcli.raster.reading import frames_begun

__all__ = ["Ahead", "kind_worth_it"]

LEAST = 1 << 18  # bytes of a file below which a thread costs more than it saves
ENOUGH = 1 << 23  # decoded pixels after which no other picture is begun
KINDS = ("JPEG", "PNG")  # the decoders of others may keep standard error to themselves for a while


def kind_worth_it(name: str) -> str | None:
    """The kind of file, if it is a JPEG or PNG of some size."""
    path = Path(name)
    try:
        if name == STREAM or not path.is_file() or path.stat().st_size < LEAST:
            return None
        with path.open("rb") as stream:
            kind = kind_of(stream.read(64))
    except (OSError, ValueError):  # whoever reads it in earnest will say so
        return None
    return kind if kind in KINDS else None


class Ahead:
    """The frames of the first files, as `frames` gives them; the first of each is decoded before anybody asks.

    One file after the other, those that are worth it, until somebody takes one: then all there is to run is there.
    kind: of the first file.
    """

    def __init__(
        self,
        names: Iterable[str],
        kind: str,
        which: str | int | None = None,
        into: str | None = None,
        limit: int = MAX_PIXELS,
    ):
        self._names, self._options = names, (which, into, limit, True)  # pixels may be shared
        self._begun: dict[str, _Begun] = {}
        self._is_over, self._lock = False, Lock()
        opener(kind)  # two that import wait for each other, and the thread would have nothing to decode
        self.thread = Thread(target=self._read, daemon=True)
        with suppress(RuntimeError):  # no more threads to be had: nothing is begun
            self.thread.start()

    def take(self, name: str) -> Iterator[Raster] | None:
        """The frames of a file, once; None where it was not begun. They raise what `frames` would have raised."""
        with self._lock:
            self._is_over = True
            begun = self._begun.pop(name, None)
        return begun and begun.taken()

    def _read(self) -> None:
        pixels = 0
        for name in self._names:
            if pixels >= ENOUGH or not kind_worth_it(name):
                return
            begun = _Begun(frames_begun(Path(name), *self._options))
            with self._lock:
                if self._is_over:
                    return
                self._begun[name] = begun
            pixels += begun.decode()


class _Begun:
    """A file whose first frame is decoded in one thread and taken in another."""

    def __init__(self, found: Iterator):
        self._found, self._is_decoded = found, Event()
        self._failure: BaseException | None = None

    def decode(self) -> int:
        """The pixels of the first frame, which is decoded then."""
        try:
            return next(self._found)
        except BaseException as failure:  # it belongs to whoever takes the picture
            self._failure = failure
            return 0
        finally:
            self._is_decoded.set()

    def taken(self) -> Iterator[Raster]:
        """The frames."""
        self._is_decoded.wait()
        if self._failure:
            raise self._failure
        yield from self._found
