"""Working memory that is kept from strip to strip.

A strip's arrays are about a megabyte: allocated afresh they would come from the system each time, page by
page, at a price above that of the arithmetic.
"""

from math import prod

import numpy as np

__all__ = ["Scratch"]


class Scratch:
    """Arrays by name; the same name gives the same memory again, grown where needed, contents undefined."""

    def __init__(self):
        self._held: dict[str, np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...] | int, dtype) -> np.ndarray:
        """A contiguous array of `shape`; it overwrites the one of that name taken before."""
        size = (shape if isinstance(shape, int) else prod(shape)) * np.dtype(dtype).itemsize
        held = self._held.get(name)
        if held is None or held.nbytes < size:
            held = self._held[name] = np.empty(size, np.uint8)
        return held[:size].view(dtype).reshape(shape)
