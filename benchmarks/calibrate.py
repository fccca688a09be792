"""Measures the constants of the cost model, for `convcli/engine/costs.py`: nanoseconds for each element on one thread.

    python benchmarks/calibrate.py

Every operation is timed as the engine uses it: on arrays as long as a strip's, with memory that is used again.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from timing import best, machine

from convcli.engine import bands
from convcli.geometry import Axis

ELEMENTS = 1 << 17  # of an array among those of a pass


def nanoseconds(run, elements: int, rounds: int = 200) -> float:
    """The best of some rounds, for each element."""
    return best(run, rounds) / elements * 1e9


def passes() -> dict[str, float]:
    """One pass: the mean of an addition and a multiplication."""
    seen = {}
    for dtype in ("int16", "int32", "float32", "float64"):
        a, b, out = (np.ones(ELEMENTS, dtype) for _ in range(3))
        factor = out.dtype.type(3)
        add = nanoseconds(lambda a=a, b=b, out=out: np.add(a, b, out=out), ELEMENTS)
        times = nanoseconds(lambda a=a, out=out, factor=factor: np.multiply(a, factor, out=out), ELEMENTS)
        seen[dtype] = (add + times) / 2
    return seen


def ends() -> dict[str, float]:
    """A picture of bytes into a dtype, and sums of it back into bytes, rounded."""
    picture, levels, seen = np.ones(ELEMENTS, np.uint8), np.ones(ELEMENTS, np.uint8), {}
    for dtype in ("int16", "int32", "float32", "float64"):
        block = np.empty(ELEMENTS, dtype)

        def run(block=block):
            np.copyto(block, picture)
            if block.dtype.kind == "f":
                np.rint(block, out=block)
            np.copyto(levels, block, casting="unsafe")

        seen[dtype] = nanoseconds(run, ELEMENTS)
    return seen


def products() -> dict[str, tuple[float, float]]:
    """A multiply-add of a band, and how many more of them its rows cost: from bands of 5 and of 31 taps."""
    seen = {}
    for dtype in ("float32", "float64"):
        times = []
        for taps in (5, 31):
            axis = Axis(4096, taps)
            matrix = bands.band(np.ones(taps), axis, bands.grain_of(taps), dtype)
            lines, out = np.ones((64 + taps - 1, 12000), dtype), np.empty((64, 12000), dtype)
            tape = []
            bands.down(matrix, 1, lines, out, tape)
            run = nanoseconds(lambda tape=tape: [call(*args) for call, args in tape], out.size, 50)
            times.append((run, matrix.shape[1]))
        (short, few), (long, many) = times
        each = (long - short) / (many - few)
        seen[dtype] = (each, short / each - few)
    return seen


def transforms() -> dict[str, float]:
    """Forward, product and inverse for each sample of tiles of 256 x 256."""
    from scipy import fft

    seen = {}
    for dtype in ("float32", "float64"):
        tiles = np.ones((8, 256, 256), dtype)
        spectrum = fft.rfft2(tiles[0])

        def run(tiles=tiles, spectrum=spectrum):
            spectra = fft.rfft2(tiles)
            spectra *= spectrum
            fft.irfft2(spectra, (256, 256), overwrite_x=True)

        seen[dtype] = nanoseconds(run, tiles.size, 20)
    return seen


def gather() -> float:
    """Every second pixel of RGB rows, copied."""
    pixels = np.ones((32, 2048, 3), np.float32)
    out = np.empty((32, 1024, 3), np.float32)
    return nanoseconds(lambda: np.copyto(out, pixels[:, ::2]), out.size)


def main() -> None:
    """Prints the constants."""
    print(machine())
    for name, seen in (("PASS", passes()), ("READ", ends()), ("FFT", transforms())):
        print(name, {dtype: round(value, 3) for dtype, value in seen.items()})
    print("PRODUCT, BAND", {dtype: (round(each, 4), round(more, 1)) for dtype, (each, more) in products().items()})
    print("GATHER", round(gather(), 3))


if __name__ == "__main__":
    main()
