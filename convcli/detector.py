"""Corners of a picture: response, peaks, distance, place.

The picture becomes gray levels over white, so that 8 and 16 bits of the same picture give the same numbers; the
response is that of the filter in the library, whose file holds the formula and its source.
"""

from dataclasses import dataclass
from math import inf
from numbers import Integral, Real

import numpy as np

from convcli import library
from convcli.engine.strips import taking
from convcli.errors import ConvError, hint
from convcli.filters import Link
from convcli.geometry import Window
from convcli.luma import levels_over_white
from convcli.peaks import maxima, spread, summits
from convcli.pipeline import Layout, compile_chain
from convcli.signal import Signal
from convcli.subpixel import refine

__all__ = ["POINT", "Search", "detect", "response"]

POINT = np.dtype([("x", np.float64), ("y", np.float64), ("response", np.float64)])

# The filter of each method, the parameters it takes, and its quality by default. Harris' response grows with the fourth
# power of the contrast, Shi-Tomasi's with the second, Sobel's with the first: each keeps what has a third of the most.
METHODS = {
    "harris": ("harris", ("sigma", "k"), 0.01),
    "shi-tomasi": ("shi-tomasi", ("sigma",), 0.1),
    "sobel": ("corner", (), 0.3),
}
SIGMA = 1.5  # of the filters, where nobody says otherwise
WIDER = 2.0  # times that sigma for the place: wide enough for a blur of 3 pixels, narrow enough for squares of 8


@dataclass(frozen=True, slots=True)
class Search:
    """What counts as a corner, checked; what the words mean says `api.corners`. Raises ConvError and its children."""

    method: str = "harris"
    max: int | None = None
    quality: float | None = None
    min_distance: float = 5.0
    sigma: float | None = None
    k: float | None = None
    subpixel: bool = True

    def __post_init__(self):
        if self.method not in METHODS:
            near = hint(str(self.method), METHODS)
            raise ConvError(f'method "{self.method}" is none of {", ".join(METHODS)}{near}')
        if self.max is not None and not (isinstance(self.max, Integral) and self.max >= 1):
            raise ConvError(f"max is {self.max!r}, wanted a whole number of at least 1")
        if self.quality is not None and not (isinstance(self.quality, Real) and 0 <= self.quality <= 1):
            raise ConvError(f"quality is {self.quality!r}, wanted a number from 0 to 1")
        if not (isinstance(self.min_distance, Real) and 0 <= self.min_distance < inf):
            raise ConvError(f"min-distance is {self.min_distance!r}, wanted a number of pixels, at least 0")
        self.links()

    @property
    def share(self) -> float:
        """The quality asked for, or the method's own."""
        return METHODS[self.method][2] if self.quality is None else float(self.quality)

    def links(self) -> tuple[Link, ...]:
        """The filter with its parameters."""
        name, takes, _ = METHODS[self.method]
        given = {word: value for word in ("sigma", "k") if (value := getattr(self, word)) is not None}
        for word, value in given.items():
            if word not in takes:
                raise ConvError(f"{word} does not go with {self.method}")
            if not isinstance(value, Real):
                raise ConvError(f"{word} is {value!r}, wanted a number")
        words = ",".join(f"{word}={float(value)!r}" for word, value in given.items())
        return library.parse(f"{name}:{words}" if words else name)


def detect(pixels: np.ndarray, white: float, alpha: bool, search: Search, threads: int = 1) -> np.ndarray:
    """The corners, an array of POINT, the strongest first; pixel centres at whole x and y.

    pixels: (H, W, C), the last channel alpha where `alpha` says so; the others are one, or red, green and blue.
    """
    gray = levels_over_white(pixels, white, alpha)
    strength = response(gray, search, threads)
    y, x = maxima(strength, search.share)
    kept = spread(y, x, search.min_distance)
    y, x = y[kept], x[kept]
    wanted = len(y) if search.max is None else search.max
    points = _points(y, x, strength[y, x])
    if search.subpixel:
        points = _placed(gray, strength, points, wanted, search)
    return points[:wanted]


def _placed(gray: np.ndarray, strength: np.ndarray, points: np.ndarray, wanted: int, search: Search) -> np.ndarray:
    """The points where the edges meet: all, or as many of the strongest as give those wanted."""
    count = max(2 * wanted, 512)
    while True:
        some = points[:count]
        places = summits(strength, some["y"].astype(int), some["x"].astype(int))
        y, x = refine(gray, *places, WIDER * float(search.sigma or SIGMA))
        kept = spread(y, x, search.min_distance)  # several peaks of one blurred corner come to the same place
        if len(kept) >= wanted or len(some) == len(points):
            return _points(y, x, some["response"])[kept]
        count *= 2


def _points(y: np.ndarray, x: np.ndarray, values: np.ndarray) -> np.ndarray:
    points = np.empty(len(y), POINT)
    points["x"], points["y"], points["response"] = x, y, values
    return points


def response(gray: np.ndarray, search: Search, threads: int = 1) -> np.ndarray:
    """The response to levels over white, (H, W) float32; 0 where it is no finite number."""
    planes = gray[:, :, None]
    program = compile_chain(search.links(), Signal.of(planes.shape, "float32"), Window(), Layout(white=1.0))
    out = np.empty(gray.shape, np.float32)

    def keep(start: int, block: np.ndarray) -> None:
        part = out[start : start + len(block)]
        part[:] = block[:, :, 0]
        part[~np.isfinite(part)] = 0
        if search.method == "sobel":  # a corner is as good with its colours exchanged
            np.abs(part, out=part)

    program.run(planes, threads, taking(keep))
    return out
