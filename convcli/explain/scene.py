"""What a page or a film walks over: a small grid, of its own or cut from a picture, one kernel and its window."""

from dataclasses import dataclass, replace

import numpy as np

from convcli.border import locate
from convcli.errors import ConvError, GeometryError
from convcli.filters import Kernel, Link
from convcli.geometry import Geometry, Window
from convcli.luma import LUMA

__all__ = ["MOST_TAPS", "SIDE", "Scene", "cut", "example", "kernel_of"]

SIDE, MOST_SIDE = 12, 32  # of a cut: as asked for, at most
EXAMPLE = 7
WORDS = {"r": "red", "g": "green", "b": "blue", "c": "cyan", "m": "magenta", "y": "yellow", "k": "black", "l": "gray"}
MOST_TAPS, MOST_PLANES = 15, 8  # what a page can show


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """planes: (C, H, W), the grid; names: of its channels; white: their white level, None for plain numbers.

    kernel, window: what walks. origin: row and column of the grid's first sample in the picture it was cut from, whose
    size is `whole`. start: row and column of the result to begin with.
    """

    planes: np.ndarray
    names: tuple[str, ...]
    white: float | None
    kernel: Kernel
    window: Window
    origin: tuple[int, int]
    whole: tuple[int, int]
    start: tuple[int, int] = (0, 0)

    @property
    def applied(self) -> Kernel:
        """The kernel as it meets the samples: with the window's anchor, and turned where that is asked for."""
        return self.kernel.under(self.window)

    @property
    def padded(self) -> np.ndarray:
        """(C, H', W'), the grid with what stands outside of it."""
        geometry = self.geometry
        (y, x), border = (geometry.y, geometry.x), geometry.border
        rows, columns = np.arange(-y.lo, y.size + y.hi), np.arange(-x.lo, x.size + x.hi)
        mode = "edge" if border.is_flat else border.mode
        grown = self.planes[:, locate(mode, rows, y.size)][:, :, locate(mode, columns, x.size)]
        if border.is_flat:
            outside = ((rows < 0) | (rows >= y.size))[:, None] | (columns < 0) | (columns >= x.size)
            means = self.planes.mean(axis=(1, 2)) if border.mode == "mean" else np.full(len(grown), border.value)
            grown[:, outside] = means[:, None]
        return grown

    @property
    def geometry(self) -> Geometry:
        """The window over the grid. Raises GeometryError where it does not fit."""
        return _fitted(self.window, self.planes.shape[1:], self.kernel)


def kernel_of(links: tuple[Link, ...]) -> tuple[Kernel, dict]:
    """The one kernel of a chain that can be walked, and the words of its own window.

    Raises ConvError for chains, composites and kernels too large to be shown.
    """
    if len(links) != 1 or links[0].filter.kernel is None:
        raise ConvError("one kernel walks over the grid, not a chain or a composite (--at explains those)")
    kernel = links[0].filter.kernel
    if max(kernel.taps) > MOST_TAPS:
        raise ConvError(
            f"a kernel of {kernel.taps[0]}x{kernel.taps[1]} is too large to be walked (at most {MOST_TAPS}x{MOST_TAPS})"
        )
    if (kernel.planes or 1) > MOST_PLANES:
        raise ConvError(f"a kernel of {kernel.planes} planes is too deep to be walked (at most {MOST_PLANES})")
    return kernel, links[0].window


def example(kernel: Kernel, window: Window, size: tuple[int, int] | None) -> Scene:
    """A disc of small whole numbers for each plane of the kernel, where there is no picture; 7x7 without a size."""
    height, width = _checked(size or (EXAMPLE, EXAMPLE))
    planes = []
    for n in range(kernel.planes or 1):
        y, x = np.mgrid[:height, :width]
        centre = (0.4 * (height - 1) + n % 2, 0.45 * (width - 1) + n // 2)
        distance = np.hypot(y - centre[0], x - centre[1]) / max(2.0, 0.36 * min(height, width))
        planes.append(np.rint(9 * np.clip(1.6 - distance, 0, 1)))
    names = ("grid",) if len(planes) == 1 else tuple(f"channel {n}" for n in range(len(planes)))
    scene = Scene(np.array(planes), names, None, kernel, window, (0, 0), (height, width))
    _ = scene.geometry
    return scene


def cut(
    pixels: np.ndarray,
    white: float | None,
    kernel: Kernel,
    window: Window,
    at: tuple[int, int] | None = None,
    size: tuple[int, int] | None = None,
    letters: str = "",
    select: str = "each",
) -> Scene:
    """The part of a picture (H, W, C), which has no alpha, around the window of the result's sample `at`.

    size: of the part; 12x12, or more for a wide window, where nobody says. Without `at` the middle is cut, and the walk
    begins at its first sample. The stride's grid is kept, so that the samples of the result are those of the whole
    picture wherever the window does not reach over the edge of the cut.
    letters: of the colours, none where they have no names; select: the channels asked for.
    Raises ConvError where the picture has no such channels or place, or numbers in the part that are not finite.
    """
    whole = pixels.shape[:2]
    geometry = _fitted(window, whole, kernel)
    is_asked, at = at is not None, at if at is not None else tuple(n // 2 for n in geometry.out)
    if not all(0 <= a < n for a, n in zip(at, geometry.out, strict=True)):
        raise ConvError(
            f"at {at[1]},{at[0]} lies outside the result of {geometry.out[1]} columns and {geometry.out[0]} rows"
        )
    sides = _checked(size) if size else tuple(max(SIDE, axis.reach + 5) for axis in (geometry.y, geometry.x))
    origin, start = [], []
    for place, n, side, axis in zip(at, whole, sides, (geometry.y, geometry.x), strict=True):
        middle = place * axis.stride - axis.lo + (axis.reach - 1) // 2
        first = min(max(middle - (side - 1) // 2, 0), max(n - side, 0))
        first -= first % axis.stride
        origin.append(first)
        start.append(place - first // axis.stride)
    (top, left), (high, wide) = origin, sides
    planes, names = _channels(pixels[top : top + high, left : left + wide], letters, select)
    if kernel.planes is not None and kernel.planes != len(planes):
        raise ConvError(f"the kernel has {kernel.planes} planes, and the picture {len(planes)} channels")
    _check_finite(planes, (top, left))
    scene = Scene(planes, names, white, kernel, window, (top, left), whole)
    begin = (
        (0, 0) if not is_asked else tuple(min(max(s, 0), n - 1) for s, n in zip(start, scene.geometry.out, strict=True))
    )
    return replace(scene, start=begin)


def _channels(pixels: np.ndarray, letters: str, select: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The channels asked for, (C, H, W) as float64, and their names."""
    planes = np.moveaxis(pixels, 2, 0).astype(np.float64)
    if select == "gray" and len(planes) == 3:
        return np.tensordot(LUMA, planes, 1)[None], ("gray",)
    names = tuple(WORDS[letter] for letter in letters) or tuple(f"channel {n}" for n in range(len(planes)))
    names = ("grid",) if not letters and len(planes) == 1 else names
    if select in ("each", "gray"):
        return planes, names
    wanted = sorted({letters.find(letter) for letter in select.lower().replace(",", "").replace(" ", "")})
    if wanted[0] < 0:
        raise ConvError(
            f'channels: "{select}" are not all channels of this picture ({",".join(letters) or "they have no names"})'
        )
    return planes[wanted], tuple(names[n] for n in wanted)


def _check_finite(planes: np.ndarray, origin: tuple[int, int]) -> None:
    """Raises ConvError where the part of a picture that begins at `origin` holds what is no finite number."""
    wrong = np.argwhere(~np.isfinite(planes))
    if len(wrong):
        _, y, x = found = tuple(map(int, wrong[0]))
        raise ConvError(
            f"is {planes[found]} at column {x + origin[1]}, row {y + origin[0]}, and a walk takes finite numbers"
            " (--at and --m show another part; --at without --html and --gif tells any sample)"
        )


def _fitted(window: Window, size: tuple[int, int], kernel: Kernel) -> Geometry:
    kernel = kernel.under(window)
    return window.fit(tuple(size), kernel.taps, kernel.anchor)


def _checked(size: tuple[int, int]) -> tuple[int, int]:
    if min(size) < 1 or max(size) > MOST_SIDE:
        raise GeometryError(f"a grid of {size[0]}x{size[1]} cannot be walked (1x1 to {MOST_SIDE}x{MOST_SIDE})")
    return size
