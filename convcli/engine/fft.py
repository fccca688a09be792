"""Products of spectra: tiles that overlap, transformed, multiplied and cut to the part that did not wrap round.

The cost of a tile hardly depends on the kernel, so this is for large ones of full rank. Tiles keep to a grid, which
makes the result the same for every strip. What is known to be whole is snapped to whole numbers, so that a
flat picture's Laplacian is exactly zero.

numpy's transforms are there already, and quick in double precision only. scipy's take two thirds of the time in single
precision, after they have been found and loaded, which costs what they save on some two megapixels.
"""

from math import inf, log2, prod, sqrt

import numpy as np

from convcli.engine import Blocks, Lay, Numbers, Tape
from convcli.engine.costs import FFT, PLANES, SCIPY
from convcli.engine.scratch import Scratch
from convcli.engine.sums import TOLERANCE, Limits
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["blocks", "build", "cost", "exact", "refusal", "rounding", "tile_of"]

LARGE = 1 << 21  # samples of a tile that is made smaller if it can be
LEAST = 128  # rows of a tile: the calls for a smaller one are so short that threads meet at the interpreter's lock
BATCH = 1 << 18  # samples of the tiles that are transformed at once


def refusal(kernel: Kernel, geometry: Geometry, signal: Signal) -> str | None:
    """Why spectra would spoil the picture."""
    if not signal.is_bounded:
        return "float samples may be infinite, and a transform spreads that over whole tiles"
    if kernel.planes is not None:
        return "the kernel has planes"
    return None


def tile_of(geometry: Geometry) -> tuple[int, int]:
    """Rows and columns of a tile: powers of two of some six reaches, so that little of it is overlap; twelve across.

    A higher tile wants more rows in memory, a wider one does not. None has less than LEAST rows and twice as many
    columns, but where the padded picture asks for no more; and none has more than LARGE samples while it is more than
    twice as long as what it loses.
    """
    axes = (geometry.y, geometry.x)
    lost = [max(axis.reach, axis.stride) for axis in axes]
    whole = [_power(max(axis.lo + axis.size + axis.hi, axis.reach + axis.stride)) for axis in axes]
    wished = [times * max(LEAST, _power(3 * n + 1)) for times, n in zip((1, 2), lost, strict=True)]
    tile = [min(wish, most) for wish, most in zip(wished, whole, strict=True)]
    while prod(tile) > LARGE:
        ratio, n = max((tile[n] / lost[n], n) for n in (0, 1))
        if ratio < 4:
            break
        tile[n] //= 2
    return tile[0], tile[1]


def _power(least: int) -> int:
    """The power of two that is at least so much."""
    return 1 << (least - 1).bit_length()


def _step(tile: tuple[int, int], geometry: Geometry) -> tuple[int, int]:
    """Dense outputs of a tile, a multiple of the stride so that every tile starts on an output."""
    axes = zip(tile, (geometry.y, geometry.x), strict=True)
    return tuple((n - axis.reach + 1) // axis.stride * axis.stride for n, axis in axes)


def exact(kernel: Kernel) -> Limits:
    """A spectrum needs room for its rounding."""
    return (("float32", 2**17), ("float64", 2**40))


def rounding(kernel: Kernel, geometry: Geometry, signal: Signal, bound: float) -> float:
    """A spectrum spreads the rounding of the whole tile over all its samples; inf where double precision shows it."""
    area = prod(tile_of(geometry))
    around = abs(geometry.border.value) if geometry.border.mode == "constant" else 0.0
    peak, size = max(signal.peak, around) / 2, float(np.sqrt((kernel.weights**2).sum()))
    error = 2.0**-24 * peak * sqrt(area) * size * log2(area) / 4
    return inf if error * 2**-29 > TOLERANCE else error


def cost(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> float:
    """Transforms of whole tiles, whatever part of them is wanted, and the loading of scipy's where it repays."""
    return _cost(geometry, channels, numbers)[0]


def _cost(geometry: Geometry, channels: int, numbers: Numbers) -> tuple[float, bool]:
    """Nanoseconds for each sample, and whether the transforms are scipy's: in single precision, of large pictures.

    Loading counts twice: it goes on alone, and the transforms side by side.
    """
    y, x = geometry.y, geometry.x
    tile = tile_of(geometry)
    across = zip((y, x), tile, _step(tile, geometry), strict=True)
    area = prod(-(-(axis.out * axis.stride) // step) * size for axis, size, step in across) / (y.out * x.out)
    by_numpy, by_scipy = area * FFT["float64"], inf
    if numbers.dtype == "float32":
        by_scipy = area * FFT["float32"] + 2 * SCIPY / (y.out * x.out * channels)
    return area * PLANES + min(by_numpy, by_scipy), by_scipy < by_numpy


def blocks(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Blocks:
    """Rows by the tile, in planes; the samples may come as they are."""
    rows, _ = _step(tile_of(geometry), geometry)
    return Blocks(rows // geometry.y.stride, planar=True, raw=True)


def build(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Lay:
    """The sums of `convcli.engine` for one kernel."""
    y, x = geometry.y, geometry.x
    tile = tile_of(geometry)
    _, is_worth_scipy = _cost(geometry, channels, numbers)
    step = _step(tile, geometry)
    spread = np.zeros((y.reach, x.reach))
    spread[:: y.dilation, :: x.dilation] = kernel.matrix
    batch = min(8, max(1, BATCH // prod(tile)))
    transforms = (_single() if is_worth_scipy else None) or _Double
    spectrum = np.conj(np.fft.rfft2(spread, tile)).astype(np.result_type(transforms.dtype, "complex64"))

    def fill(block: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
        channels, height, width = out.shape
        across = -(-((width - 1) * x.stride + 1) // step[1])
        tiles = scratch.take("tiles", (min(across, batch), *tile), transforms.dtype)
        high, wide = step[0] // y.stride, step[1] // x.stride
        for c in range(channels):
            for top in range(0, height, high):
                # exactly the rows that are needed, whatever follows them
                rows = block[c, top * y.stride : top * y.stride + step[0] - y.stride + y.reach]
                for first in range(0, across, batch):
                    some = tiles[: min(batch, across - first)]
                    some[:, len(rows) :] = 0
                    for n, one in enumerate(some, first):
                        part = rows[:, n * step[1] : (n + 1) * step[1] - x.stride + x.reach]
                        one[: len(rows), : part.shape[1]] = part
                        one[: len(rows), part.shape[1] :] = 0
                    _filter(some, spectrum, transforms, scratch)
                    for n, one in enumerate(some, first):
                        target = out[c, top : top + high, n * wide : (n + 1) * wide]
                        kept = one[: step[0] : y.stride, : step[1] : x.stride]
                        target[:] = kept[: target.shape[0], : target.shape[1]]
                        if numbers.whole:
                            np.rint(target, out=target)

    def lay(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
        tape.append((fill, (block, out, scratch)))

    return lay


class _Double:
    """numpy's transforms, into memory that is there: new memory costs as much again."""

    dtype = "float64"

    @staticmethod
    def forward(tiles: np.ndarray, spectra: np.ndarray) -> None:
        """See `pocketfft.Transforms`."""
        np.fft.rfft(tiles, axis=2, out=spectra)
        np.fft.fft(spectra, axis=1, out=spectra)

    @staticmethod
    def backward(spectra: np.ndarray, tiles: np.ndarray) -> None:
        """See `pocketfft.Transforms`."""
        np.fft.ifft(spectra, axis=1, out=spectra)
        np.fft.irfft(spectra, tiles.shape[2], axis=2, out=tiles)


def _single():
    """scipy's transforms; None where they are not to be had."""
    from convcli.engine import pocketfft

    return pocketfft.transforms()


def _filter(tiles: np.ndarray, spectrum: np.ndarray, transforms, scratch: Scratch) -> None:
    """Every tile (n, rows, columns) becomes what a kernel of that spectrum makes of it."""
    spectra = scratch.take("spectra", (len(tiles), *spectrum.shape), spectrum.dtype)
    transforms.forward(tiles, spectra)
    np.multiply(spectra, spectrum, out=spectra)
    transforms.backward(spectra, tiles)
