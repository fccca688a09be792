"""Measures the constants of the cost model, for `convcli/engine/costs.py`: nanoseconds for each element on one thread.

    python benchmarks/calibrate.py

Every operation is timed as the engine uses it: on arrays as long as a strip's, with memory that is used again.
"""

import os
import subprocess
import sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from timing import best, machine

from convcli.engine import bands, fft, pocketfft
from convcli.engine.scratch import Scratch
from convcli.engine.sums import phases
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
            matrix = bands.band(np.ones(taps), axis, bands.grain_of(axis), dtype)
            lines, out = np.ones((64 + taps - 1, 12000), dtype), np.empty((64, 12000), dtype)
            tape = []
            bands.down(matrix, axis, lines, out, tape)
            run = nanoseconds(lambda tape=tape: [call(*args) for call, args in tape], out.size, 50)
            times.append((run, matrix.shape[1]))
        (short, few), (long, many) = times
        each = (long - short) / (many - few)
        seen[dtype] = (each, short / each - few)
    return seen


def transforms() -> dict[str, float]:
    """Forward, product and inverse for each sample of tiles of 128 x 256: by scipy in single precision, by numpy."""
    seen = {}
    for transforms, dtype in ((pocketfft.transforms(), "complex64"), (fft._Double, "complex128")):
        tiles = np.ones((4, 128, 256), transforms.dtype)
        args = (tiles, np.ones((128, 129), dtype), transforms, Scratch())  # which leaves them as they are every time
        seen[transforms.dtype] = nanoseconds(lambda args=args: fft._filter(*args), tiles.size, 20)
    return seen


def loading() -> float:
    """Finding and loading scipy's transforms: the least nanoseconds of some interpreters."""
    code = """
import time, numpy.fft
start = time.perf_counter()
from convcli.engine import pocketfft
assert pocketfft.transforms()
print((time.perf_counter() - start) * 1e9)
"""
    return min(float(subprocess.run([sys.executable, "-c", code], capture_output=True).stdout) for _ in range(5))


def gather() -> float:
    """All pixels of RGB rows, every fourth at a time."""
    pixels, tape = np.ones((64, 4096, 3), np.float32), []
    phases(pixels, 4, Scratch(), tape)
    return nanoseconds(lambda: [call(*args) for call, args in tape], pixels.size)


def planes() -> float:
    """What bytes of RGB rows into planes of floats, and back, take more than to rows of floats."""
    pixels, rows, floats = (np.ones((64, 4096, 3), dtype) for dtype in (np.uint8, np.uint8, np.float32))
    apart = np.empty((3, 64, 4096), np.float32)

    def cut():
        for c in range(3):
            np.copyto(apart[c], pixels[:, :, c])
        for c in range(3):
            np.copyto(rows[:, :, c], apart[c], casting="unsafe")

    def keep():
        np.copyto(floats, pixels)
        np.copyto(rows, floats, casting="unsafe")

    return nanoseconds(cut, rows.size, 50) - nanoseconds(keep, rows.size, 50)


def main() -> None:
    """Prints the constants."""
    print(machine())
    for name, seen in (("PASS", passes()), ("READ", ends()), ("FFT", transforms())):
        print(name, {dtype: round(value, 3) for dtype, value in seen.items()})
    print("PRODUCT, BAND", {dtype: (round(each, 4), round(more, 1)) for dtype, (each, more) in products().items()})
    print(f"SCIPY {loading():.1e}")
    print("GATHER", round(gather(), 3), "PLANES", round(planes(), 3))


if __name__ == "__main__":
    main()
