"""Memory that is kept from strip to strip, and from picture to picture.

A strip's arrays are one or two megabytes, a result some tens. Allocated afresh they come from the system page by page,
and a page that is touched for the first time costs more than the arithmetic on it.
"""

import sys
from math import prod
from threading import Lock

import numpy as np

__all__ = ["Scratch", "empty", "forget", "fresh"]

LARGE = 1 << 17  # bytes from which memory is worth keeping
MAPPED = 1 << 20  # bytes from which it is asked of the system
MOST = 1 << 26  # bytes that are kept


def _holders(kept: list[np.ndarray], n: int) -> int:
    """How many look at memory n, the list and this question among them; any array over it is one more."""
    return sys.getrefcount(kept[n])


NOBODY = _holders([np.empty(0, np.uint8)], 0)  # versions of Python count differently
_kept: list[np.ndarray] = []
_lock = Lock()


def fresh(size: int) -> np.ndarray:
    """Memory that nobody else looks at, (size,) uint8, contents undefined; some that was used before, if it fits."""
    if not LARGE <= size <= MOST:
        return np.empty(size, np.uint8)
    with _lock:
        for n in range(len(_kept)):
            if size <= _kept[n].nbytes <= size * 5 // 4 and _holders(_kept, n) == NOBODY:
                return _kept[n][:size]
        memory = _mapped(size) if size >= MAPPED else np.empty(size, np.uint8)
        _kept.append(memory)
        while sum(held.nbytes for held in _kept) > MOST:
            del _kept[0]  # whoever looks at it still has it
        return memory[:size]


def _mapped(size: int) -> np.ndarray:
    """Memory straight from the system: what it gets back is gone, and a C library would keep some for its threads."""
    import mmap  # late: small pictures need none

    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    try:
        return np.frombuffer(mmap.mmap(-1, size, **private), np.uint8)
    except OSError:  # there is none, which numpy says as everybody expects it
        return np.empty(size, np.uint8)


def empty(shape: tuple[int, ...], dtype) -> np.ndarray:
    """An array of fresh memory, contiguous; it is used again when nobody looks at it any more."""
    return fresh(prod(shape) * np.dtype(dtype).itemsize).view(dtype).reshape(shape)


def forget() -> None:
    """Gives back what is kept: after a large picture, memory is worth more than the time to get it again."""
    with _lock:
        _kept.clear()


class Scratch:
    """Arrays by name; the same name gives the same memory again, grown where needed, contents undefined."""

    def __init__(self):
        self._held: dict[str, np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...] | int, dtype) -> np.ndarray:
        """A contiguous array of `shape`; it overwrites the one of that name taken before."""
        size = (shape if isinstance(shape, int) else prod(shape)) * np.dtype(dtype).itemsize
        held = self._held.get(name)
        if held is None or held.nbytes < size:
            held = self._held[name] = fresh(size)
        return held[:size].view(dtype).reshape(shape)
