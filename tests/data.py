"""Awkward pictures and weights, seeded; and the short way from them through a chain, past files and words."""

import numpy as np

from convcli.filters import Filter, Kernel, Link, Step
from convcli.geometry import Window
from convcli.pipeline import compile_chain
from convcli.signal import Signal


def picture(height: int, width: int, channels: int = 1, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    """Random samples (H, W, C) over the whole range of `dtype`, every eighth an extreme one.

    Read-only, with gaps between the samples and the rows from bottom to top, so that nobody counts on more.
    """
    rng = np.random.default_rng([seed, height, width, channels])
    shape = (height * 2, width * 3, channels)
    if np.dtype(dtype).kind == "f":
        samples = rng.normal(0.4, 1.0, shape).astype(dtype)
    else:
        ends = np.iinfo(dtype)
        samples = rng.integers(ends.min, ends.max, shape, dtype, endpoint=True)
        samples[rng.random(shape) < 1 / 16] = ends.min
        samples[rng.random(shape) < 1 / 16] = ends.max
    view = samples[::-2, ::3]
    view.flags.writeable = False
    return view


def weights(*shape: int, whole: bool = True, seed: int = 0) -> np.ndarray:
    """Random weights: whole ones in -4..4, or normal ones; no symmetry to hide behind."""
    rng = np.random.default_rng([seed, *shape])
    return rng.integers(-4, 4, shape, endpoint=True).astype(float) if whole else rng.normal(0, 0.5, shape)


def links(*actions) -> tuple[Link, ...]:
    """A chain. An action is a Filter, Kernel, Point, Pool or array of weights, or a pair of it and its own window."""
    chain = []
    for n, action in enumerate(actions):
        action, window = action if isinstance(action, tuple) else (action, {})
        if isinstance(action, np.ndarray | list):
            action = Kernel(action)
        if not isinstance(action, Filter):
            action = Filter(f"step{n}", (Step("it", action),))
        chain.append(Link(action, window))
    return tuple(chain)


def program(shape, dtype, *actions, window=None, layout=None, method="auto"):
    """The compiled chain for a picture of that shape and dtype."""
    return compile_chain(links(*actions), Signal.of(shape, dtype), window or Window(), layout, method)


def run(pixels, *actions, window=None, layout=None, method="auto", threads=1) -> np.ndarray:
    """The sums of a chain over (H, W, C), as float64, neither clipped nor rounded.

    Whatever the chain: every sample is written once, and what was known before the first of them holds.
    """
    compiled = program(pixels.shape, pixels.dtype.name, *actions, window=window, layout=layout, method=method)
    out, times = np.zeros(compiled.signal.shape), np.zeros(compiled.signal.height, int)

    def sink(start, block):
        out[start : start + len(block)] = block
        times[start : start + len(block)] += 1

    compiled.run(pixels, threads, sink)
    assert (times == 1).all(), "a row was written twice, or not at all"
    signal, slack = compiled.signal, 1e-2
    if np.isfinite(out).all():
        assert signal.low - slack <= out.min(), f"{out.min()} lies below the bound {signal.low}"
        assert out.max() <= signal.high + slack, f"{out.max()} lies above the bound {signal.high}"
        assert not signal.whole or (out == np.rint(out)).all(), "samples are not whole"
    return out
