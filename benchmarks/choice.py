"""`auto` against every method it could have taken, over a grid of sizes, kernels, strides and dtypes.

    python benchmarks/choice.py

A row tells what `auto` took and how much longer that was than the best method; the last line counts the rows
over 1.5. What it takes for floats depends on the samples, so there all of it is timed, the look at them included.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from engine import kernels, ours
from timing import machine, side_by_side

import convcli
from convcli.engine import METHODS
from convcli.errors import ConvError

SIZES = ((192, 256), (1000, 1333))


def main() -> None:
    """Prints the table."""
    rng, worst = np.random.default_rng(2), []
    print(f"{machine()}\n\n| picture | kernel | auto took | of the best |\n|---|---|---|---|")
    for shape in SIZES:
        for dtype in ("uint8", "uint16", "float32"):
            pixels = (rng.random((*shape, 3), dtype=np.float32) * (1 if dtype == "float32" else 255)).astype(dtype)
            for name, weights in kernels().items():
                worst += [row(pixels, name, weights, stride) for stride in (1, 2, 4)]
    print(f"\n{sum(ratio > 1.5 for ratio in worst)} of {len(worst)} rows over 1.5, the worst {max(worst):.2f}")


def row(pixels: np.ndarray, name: str, weights: np.ndarray, stride: int) -> float:
    """One line; how many times longer `auto` takes than the best method."""
    sides, took = {}, convcli.plan(pixels.shape, weights, dtype=pixels.dtype, stride=stride).method
    if pixels.dtype.kind == "f":
        took = "auto"
        sides[took] = ours(pixels, name, weights, stride, 1)
    for method in METHODS:
        if method == "reference":
            continue
        try:
            run = ours(pixels, name, weights, stride, 1, method)
            run()
        except ConvError:
            continue
        sides[method] = run
    seen = {method: best for method, (best, _) in side_by_side(sides, 40, 1.0).items()}
    best = min((method for method in seen if method != "auto"), key=seen.get)
    ratio = seen[took] / seen[best]
    picture = f"{pixels.shape[0]}x{pixels.shape[1]} {pixels.dtype}"
    print(f"| {picture} | {name} s{stride} | {took} | {ratio:.2f} ({best}) |", flush=True)
    return ratio


if __name__ == "__main__":
    main()
