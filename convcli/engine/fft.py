"""Products of spectra: tiles that overlap, transformed, multiplied and cut to the part that did not wrap round.

The cost of a tile hardly depends on the kernel, so this is for large ones of full rank. Tiles keep to a grid, which
makes the result the same for every strip. What is known to be whole is snapped to whole numbers, so that a
flat picture's Laplacian is exactly zero.
"""

from math import log2

import numpy as np

from convcli.engine import Numbers, Sums
from convcli.engine.costs import FFT, GATHER, SCIPY
from convcli.engine.scratch import Scratch
from convcli.filters import Kernel
from convcli.geometry import Axis, Geometry
from convcli.signal import Signal

__all__ = ["build", "cost", "refusal", "tile_of"]


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


def cost(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> float:
    """Transforms of whole tiles, whatever part of them is wanted; and the import of scipy."""
    y, x = geometry.y, geometry.x
    tile = (tile_of(y), tile_of(x))
    step = _step(tile, geometry)
    tiles = [-(-(axis.out * axis.stride) // n) for axis, n in zip((y, x), step, strict=True)]
    area = tiles[0] * tile[0] * tiles[1] * tile[1] / (y.out * x.out)
    return area * (FFT[numbers.dtype] * log2(tile[0] * tile[1]) + 2 * GATHER) + SCIPY / (y.out * x.out * channels)


def build(kernel: Kernel, geometry: Geometry, numbers: Numbers) -> Sums:
    """The sums of `convcli.engine` for one kernel."""
    from scipy import fft

    y, x = geometry.y, geometry.x
    tile = (tile_of(y), tile_of(x))
    step = _step(tile, geometry)
    spread = np.zeros((y.reach, x.reach))
    spread[:: y.dilation, :: x.dilation] = kernel.matrix
    spectrum = np.conj(fft.rfft2(spread, tile)).astype(np.result_type(numbers.dtype, np.complex64))

    def fill(block: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
        channels, width = block.shape[2], out.shape[1]
        across = -(-((width - 1) * x.stride + 1) // step[1])
        tiles = scratch.take("tiles", (across, channels, *tile), block.dtype)
        for top in range(0, (len(out) - 1) * y.stride + 1, step[0]):
            rows = block[top : top + step[0] - y.stride + y.reach]  # all that is needed, whatever follows
            tiles[:, :, len(rows) :] = 0
            for n in range(across):
                part = rows[:, n * step[1] : (n + 1) * step[1] - x.stride + x.reach]
                tiles[n, :, : len(rows), : part.shape[1]] = part.transpose(2, 0, 1)
                tiles[n, :, :, part.shape[1] :] = 0
            spectra = fft.rfft2(tiles, overwrite_x=True)
            spectra *= spectrum
            sums = fft.irfft2(spectra, tile, overwrite_x=True)[:, :, : step[0] : y.stride, : step[1] : x.stride]
            if numbers.whole:
                np.rint(sums, out=sums)
            first, high = top // y.stride, min(step[0] // y.stride, len(out) - top // y.stride)
            for n in range(across):
                start = n * step[1] // x.stride
                wide = min(step[1] // x.stride, width - start)
                out[first : first + high, start : start + wide] = sums[n, :, :high, :wide].transpose(1, 2, 0)

    return Sums(fill, step[0] // y.stride)
