"""Pictures that exist only a strip at a time, and the walk that asks for the strips.

`Rows` is a picture that gives any range of its rows on demand. A step is a `Rows` that asks the `Rows`
before it for what it needs; nobody holds a whole float picture, and what stands outside a picture is the
same whatever the strip, because a step always sees its input as one picture without end.
"""

from itertools import pairwise
from threading import Thread

import numpy as np

from convcli import engine
from convcli.border import locate
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.planner import Plan
from convcli.signal import Signal

__all__ = ["Convolved", "Picture", "Rows", "padded", "walk"]


class Rows:
    """A picture given by ranges of its rows; `compute` makes them, `read` remembers the last ones.

    One thread uses one Rows: a walk with two threads builds two.
    """

    def __init__(self, signal: Signal):
        self.signal = signal
        self._kept = (0, 0, None)

    def compute(self, start: int, stop: int) -> np.ndarray:
        """Rows start..stop-1 as (stop - start, W, C), 0 <= start < stop <= H."""
        raise NotImplementedError

    def read(self, start: int, stop: int) -> np.ndarray:
        """The same, where rows that the last call gave are not computed again; not to be written to."""
        first, last, block = self._kept
        if first <= start and stop <= last:
            return block[start - first : stop - first]
        if first <= start < last:
            block = np.concatenate((block[start - first :], self.compute(last, stop)))
        else:
            block = self.compute(start, stop)
        self._kept = (start, stop, block)
        return block


class Picture(Rows):
    """A whole array (H, W, C), read as it is."""

    def __init__(self, pixels: np.ndarray, signal: Signal):
        super().__init__(signal)
        self.pixels = pixels

    def compute(self, start: int, stop: int) -> np.ndarray:
        return self.pixels[start:stop]

    read = compute


class Convolved(Rows):
    """Another picture under a kernel, scaled, with the bias added.

    fill: what stands outside where the border is flat, a value for each channel.
    """

    def __init__(
        self,
        signal: Signal,
        of: Rows,
        kernel: Kernel,
        geometry: Geometry,
        plan: Plan,
        bias: float = 0.0,
        fill: np.ndarray | float = 0.0,
    ):
        super().__init__(signal)
        self.of, self.kernel, self.geometry, self.plan, self.bias, self.fill = of, kernel, geometry, plan, bias, fill
        self.run = engine.load(plan.method).run

    def compute(self, start: int, stop: int) -> np.ndarray:
        block = padded(self.of, self.geometry, *self.geometry.y.needs(start, stop), self.plan.dtype, self.fill)
        sums = self.run(block, self.kernel, self.geometry)
        if self.kernel.scale != 1:
            sums = np.multiply(sums, self.kernel.scale, dtype=self.signal.dtype)
        if self.bias:
            sums = np.add(sums, self.bias, dtype=self.signal.dtype)
        return sums


def padded(of: Rows, geometry: Geometry, start: int, stop: int, dtype: str, fill=0.0) -> np.ndarray:
    """Input rows start..stop-1 with left and right padding, as a new array of `dtype`; rows may lie outside."""
    height, width, channels = of.signal.shape
    left, right, mode = geometry.x.lo, geometry.x.hi, geometry.border.mode
    block = np.empty((stop - start, left + width + right, channels), dtype=dtype)
    inner = block[:, left : left + width]
    first, last = max(start, 0), min(stop, height)
    if first < last:
        inner[first - start : last - start] = of.read(first, last)
    for outside in (range(start, min(stop, 0)), range(max(start, height), stop)):
        if not outside:
            continue
        at = slice(outside.start - start, outside.stop - start)
        if geometry.border.is_flat:
            inner[at] = fill
            continue
        rows = locate(mode, np.arange(outside.start, outside.stop), height)
        low, high = int(rows.min()), int(rows.max()) + 1
        if first <= low and high <= last:  # the strip holds them already, converted
            inner[at] = inner[rows + (0 - start)]
        else:
            inner[at] = of.compute(low, high)[rows - low]
    for edge, columns in ((block[:, :left], range(-left, 0)), (block[:, left + width :], range(width, width + right))):
        if not columns:
            continue
        if geometry.border.is_flat:
            edge[:] = fill
        else:
            edge[:] = inner[:, locate(mode, np.arange(columns.start, columns.stop), width)]
    return block


def walk(open_rows, height: int, strip: int, threads: int, sink) -> None:
    """Calls `sink(start, block)` for all strips of a picture of `height` rows, in any order.

    open_rows: makes a Rows, once for each thread. Every thread walks its own run of neighbouring strips, so
    that a step finds most of the rows it needs among those it has just computed.
    """
    starts = range(0, height, strip)
    threads = max(1, min(threads, len(starts)))
    bounds = [len(starts) * n // threads for n in range(threads + 1)]
    failures = []

    def work(mine: range) -> None:
        try:
            rows = open_rows()
            for start in mine:
                if failures:
                    return
                sink(start, rows.compute(start, min(start + strip, height)))
        except BaseException as failure:  # whatever it is, it belongs to the caller's thread
            failures.append(failure)

    shares = [starts[a:b] for a, b in pairwise(bounds)]
    helpers = [Thread(target=work, args=(share,), daemon=True) for share in shares[1:]]
    for helper in helpers:
        helper.start()
    work(shares[0])
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]
