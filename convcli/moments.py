"""Second moments of a picture's windows and of what stands for them in another: all that least squares needs.

Each position of the window gives a row `[taps, 1, results]`; the moments are the sum of the outer products of these
rows. They are added up strip by strip, so their size is that of the kernel, whatever the picture's.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from convcli.engine.strips import Picture, Rows, pad
from convcli.geometry import Geometry
from convcli.pointwise import Gray
from convcli.signal import Signal

__all__ = ["Pair", "gather"]

POSITIONS = 1 << 13  # of the window at once: what they read is then still in the cache when it is multiplied
SHARES = 8  # runs of strips that are summed apart, whatever the threads, so that the sum does not depend on them
WORK = 1.5e11  # multiply-adds; beyond it strips are left out


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A picture before and after. before: (H, W, C). after: (H', W', O), finite or NaN where it is unknown.

    factor: levels of `before` that one of `after` stands for. ends: the levels of `after` at which samples may have
    been clipped, and count for nothing. gray: the luma of `before` is meant. names: what messages call the two.
    """

    before: np.ndarray
    after: np.ndarray
    factor: float = 1.0
    ends: tuple[float, float] | None = None
    gray: bool = False
    names: tuple[str, str] = ("before", "after")

    @property
    def channels(self) -> int:
        """Channels that the window sees."""
        return 1 if self.gray else self.before.shape[2]

    def rows(self) -> Rows:
        """What the window sees; for one thread."""
        signal = Signal.of(self.before.shape, self.before.dtype.name)
        picture = Picture(self.before, signal)
        return Gray(signal.but(channels=1, dtype="float64", whole=False), picture) if self.gray else picture

    def known(self, part: np.ndarray) -> np.ndarray:
        """Where samples of `after` say what came out of the filter."""
        if self.ends is not None:
            return (part > self.ends[0]) & (part < self.ends[1])
        return np.isfinite(part) if part.dtype.kind == "f" else np.ones(part.shape, bool)


def gather(
    pairs: Sequence[Pair], geometries: Sequence[Geometry], summed: bool, centre: float, threads: int
) -> tuple[np.ndarray, int]:
    """The moments (n, n) of rows `[taps, 1, results]`, and of how many strips one was taken.

    summed: every result is a sum over all channels: taps are (C, kh, kw) and results O. Otherwise each channel goes
    alone and gives rows of its own, of kh kw taps and one result. centre is taken from taps and results first, which
    keeps their squares small. Positions with an unknown result count for nothing, for any result.
    """
    (kh, kw), channels = geometries[0].kernel, pairs[0].channels
    taps = kh * kw * (channels if summed else 1)
    width = taps + 1 + (pairs[0].after.shape[2] if summed else 1)
    strips = [
        (pair, geometry, start)
        for pair, geometry in zip(pairs, geometries, strict=True)
        for start in range(0, geometry.y.out, _height(geometry))
    ]
    samples = sum(g.out[0] * g.out[1] * (1 if summed else channels) for g in geometries)
    every = max(1, round(samples * width * width / WORK))
    while every > 1 and samples / every < 100 * width:
        every -= 1
    chosen = strips[:: min(every, len(strips))]
    runs = [chosen[len(chosen) * n // SHARES : len(chosen) * (n + 1) // SHARES] for n in range(SHARES)]
    means = [_outside(pair, geometry) for pair, geometry in zip(pairs, geometries, strict=True)]
    outside = {id(pair): mean for pair, mean in zip(pairs, means, strict=True)}

    def share(run) -> np.ndarray:
        total = np.zeros((width, width))
        for pair, geometry, start in run:
            _add(total, pair, geometry, start, summed, centre, outside[id(pair)])
        return total

    with ThreadPoolExecutor(max(1, min(threads, SHARES))) as workers:
        return sum(workers.map(share, runs)), every


def _height(geometry: Geometry) -> int:
    """Rows of a strip."""
    return max(1, POSITIONS // geometry.x.out)


def _outside(pair: Pair, geometry: Geometry) -> np.ndarray | float:
    """What stands outside where the border is flat."""
    if geometry.border.mode != "mean":
        return geometry.border.value
    rows, height = pair.rows(), pair.before.shape[0]
    total = sum(rows.read(at, min(at + 64, height)).sum(axis=(0, 1), dtype=np.float64) for at in range(0, height, 64))
    return total / (height * pair.before.shape[1])


def _add(total: np.ndarray, pair: Pair, geometry: Geometry, start: int, summed: bool, centre: float, outside) -> None:
    """Adds the moments of the strip whose first row of results is `start`."""
    stop = min(start + _height(geometry), geometry.y.out)
    first, last = geometry.y.needs(start, stop)
    across = geometry.x.lo + geometry.x.size + geometry.x.hi
    block = np.empty((pair.channels, last - first, across))
    pad(pair.rows(), geometry, first, last, block.transpose(1, 2, 0), outside)
    block -= centre
    after = pair.after[start:stop]
    for group in [slice(None)] if summed else [slice(c, c + 1) for c in range(pair.channels)]:
        known = pair.known(after[:, :, group]).all(axis=2)
        planes, results = block[group], after[:, :, group].transpose(2, 0, 1)
        table = np.empty((len(total), *known.shape))
        for at, view in enumerate(_views(planes, geometry, known.shape)):
            table[at] = view
        ones = len(total) - len(results) - 1
        table[ones] = 1
        np.multiply(results, pair.factor, out=table[ones + 1 :])
        table[ones + 1 :] -= centre
        if not known.all():
            np.copyto(table, 0, where=~known)
        flat = table.reshape(len(total), -1)
        total += flat @ flat.T


def _views(planes: np.ndarray, geometry: Geometry, size: tuple[int, int]):
    """The planes under each tap, in the order of the weights (C, kh, kw), as they are applied."""
    (sy, sx), (dy, dx), (kh, kw) = geometry.stride, geometry.dilation, geometry.kernel
    for plane in planes:
        for y in range(0, kh * dy, dy):
            for x in range(0, kw * dx, dx):
                yield plane[y : y + (size[0] - 1) * sy + 1 : sy, x : x + (size[1] - 1) * sx + 1 : sx]
