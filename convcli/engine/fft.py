"""Products of spectra: tiles that overlap, transformed, multiplied and cut to the part that did not wrap round.

The cost of a tile hardly depends on the kernel, so this is for large ones of full rank. Tiles keep to a grid, which
makes the result the same for every strip. What is known to be whole is snapped to whole numbers, so that a
flat picture's Laplacian is exactly zero.
"""

from math import inf, log2, sqrt

import numpy as np

from convcli.engine import Blocks, Lay, Numbers, Tape
from convcli.engine.costs import FFT, GATHER, SCIPY
from convcli.engine.scratch import Scratch
from convcli.engine.sums import TOLERANCE, Limits
from convcli.filters import Kernel
from convcli.geometry import Axis, Geometry
from convcli.signal import Signal

__all__ = ["blocks", "build", "cost", "exact", "refusal", "rounding", "tile_of"]

BATCH = 1 << 22  # samples of the tiles that are transformed at once


def refusal(kernel: Kernel, geometry: Geometry, signal: Signal) -> str | None:
    """Why spectra would spoil the picture."""
    if not signal.is_bounded:
        return "float samples may be infinite, and a transform spreads that over whole tiles"
    if kernel.planes is not None:
        return "the kernel has planes"
    return None


def tile_of(axis: Axis) -> int:
    """Samples of a tile along one axis: a power of two of some six reaches, so that little of it is overlap."""
    return max(64, 1 << (6 * max(axis.reach, axis.stride) - 1).bit_length() - 1)


def _step(tile: tuple[int, int], geometry: Geometry) -> tuple[int, int]:
    """Dense outputs of a tile, a multiple of the stride so that every tile starts on an output."""
    axes = zip(tile, (geometry.y, geometry.x), strict=True)
    return tuple((n - axis.reach + 1) // axis.stride * axis.stride for n, axis in axes)


def exact(kernel: Kernel) -> Limits:
    """A spectrum needs room for its rounding."""
    return (("float32", 2**17), ("float64", 2**40))


def rounding(kernel: Kernel, geometry: Geometry, signal: Signal, bound: float) -> float:
    """A spectrum spreads the rounding of the whole tile over all its samples; inf where double precision shows it."""
    area = (6 * geometry.y.reach) * (6 * geometry.x.reach)
    peak, size = signal.peak / 2, float(np.sqrt((kernel.weights**2).sum()))
    error = 2.0**-24 * peak * sqrt(area) * size * log2(max(area, 2)) / 4
    return inf if error * 2**-29 > TOLERANCE else error


def cost(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> float:
    """Transforms of whole tiles, whatever part of them is wanted; and the import of scipy."""
    y, x = geometry.y, geometry.x
    tile = (tile_of(y), tile_of(x))
    step = _step(tile, geometry)
    tiles = [-(-(axis.out * axis.stride) // n) for axis, n in zip((y, x), step, strict=True)]
    area = tiles[0] * tile[0] * tiles[1] * tile[1] / (y.out * x.out)
    return area * (FFT[numbers.dtype] + 2 * GATHER) + SCIPY / (y.out * x.out * channels)


def blocks(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Blocks:
    """Rows by the tile, in planes."""
    tile = (tile_of(geometry.y), tile_of(geometry.x))
    return Blocks(_step(tile, geometry)[0] // geometry.y.stride, planar=True)


def build(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Lay:
    """The sums of `convcli.engine` for one kernel."""
    from scipy import fft

    y, x = geometry.y, geometry.x
    tile = (tile_of(y), tile_of(x))
    step = _step(tile, geometry)
    spread = np.zeros((y.reach, x.reach))
    spread[:: y.dilation, :: x.dilation] = kernel.matrix
    batch = min(8, max(1, BATCH // (tile[0] * tile[1])))
    spectrum = np.conj(fft.rfft2(spread, tile)).astype(np.result_type(numbers.dtype, np.complex64))

    def fill(block: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
        channels, height, width = out.shape
        across = -(-((width - 1) * x.stride + 1) // step[1])
        tiles = scratch.take("tiles", (min(across, batch), *tile), block.dtype)
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
                    spectra = fft.rfft2(some)
                    spectra *= spectrum
                    sums = fft.irfft2(spectra, tile, overwrite_x=True)
                    for n, one in enumerate(sums, first):
                        target = out[c, top : top + high, n * wide : (n + 1) * wide]
                        kept = one[: step[0] : y.stride, : step[1] : x.stride]
                        target[:] = kept[: target.shape[0], : target.shape[1]]
                        if numbers.whole:
                            np.rint(target, out=target)

    def lay(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
        tape.append((fill, (block, out, scratch)))

    return lay
