"""Awkward pictures and weights, seeded; and the short way from them through a chain, past files and words."""

import shlex
import struct
import zlib

import click
import numpy as np
from click.testing import CliRunner

from convcli.engine.strips import taking
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


def blocks() -> np.ndarray:
    """Six blocks of colour, no two alike, 32 rows of 48 columns: what is turned or stored with loss is known again."""
    colours = [[[250, 20, 20], [20, 250, 20], [20, 20, 250]], [[240] * 3, [10] * 3, [90] * 3]]
    return np.kron(np.array(colours), np.ones((16, 16, 1))).astype(np.uint8)


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The pixels as a camera would store them that held the picture this way: an orientation of EXIF, 1 to 8."""
    way = {
        1: lambda p: p,
        2: np.fliplr,
        3: lambda p: np.rot90(p, 2),
        4: np.flipud,
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
        8: lambda p: np.rot90(p, 3),
    }[orientation]
    return np.ascontiguousarray(way(pixels))


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG with its length and its check sum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def weights(*shape: int, whole: bool = True, seed: int = 0) -> np.ndarray:
    """Random weights: whole ones in -4..4, or normal ones; no symmetry to hide behind."""
    rng = np.random.default_rng([seed, *shape])
    return rng.integers(-4, 4, shape, endpoint=True).astype(float) if whole else rng.normal(0, 0.5, shape)


def links(*actions) -> tuple[Link, ...]:
    """A chain. An action is a Filter, Kernel, Point, Pool or array of weights, or a pair of it and its own window."""
    chain = []
    for n, action in enumerate(actions):
        action, window = action if type(action) is tuple else (action, {})
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

    compiled.run(pixels, threads, taking(sink))
    assert (times == 1).all(), "a row was written twice, or not at all"
    signal, slack = compiled.signal, 1e-2
    if np.isfinite(out).all():
        assert signal.low - slack <= out.min(), f"{out.min()} lies below the bound {signal.low}"
        assert out.max() <= signal.high + slack, f"{out.max()} lies above the bound {signal.high}"
        assert not signal.whole or (out == np.rint(out)).all(), "samples are not whole"
    return out


def printed(command: click.Command, line: str) -> bytes:
    """What a command prints for a line of words. Errors are raised."""
    words = shlex.split(line)
    return CliRunner().invoke(command, words, catch_exceptions=False, standalone_mode=False).stdout_bytes
