"""Pictures that exist only a strip at a time, and the walk that asks for the strips.

`Rows` is a picture that gives any range of its rows on demand. A step is a `Rows` that asks the `Rows`
before it for what it needs; nobody holds a whole float picture, and what stands outside a picture is the
same whatever the strip, because a step always sees its input as one picture without end.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import chain, pairwise
from math import prod
from threading import Thread

import numpy as np

from convcli import engine
from convcli.border import Border, locate
from convcli.engine.scratch import Scratch, empty, fresh
from convcli.engine.sums import number, rows_in_cache
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.planner import Plan
from convcli.signal import Signal

__all__ = ["Convolved", "Picture", "Rows", "Sink", "copy", "pad", "taking", "walk"]

# Asked once for each place in memory; what it gives is called with the first row of every strip that lies there, and
# may write there
Sink = Callable[[np.ndarray], Callable[[int], None]]

PLACES = 8  # in memory for which a step remembers its calls: strips of a walk come to the same few


class Rows:
    """A picture given by ranges of its rows: `fill` makes them, `read` remembers the last ones.

    One thread uses one Rows: a walk with two threads builds two.
    """

    def __init__(self, signal: Signal):
        self.signal = signal
        self.scratch = Scratch()
        self._kept = np.empty((0, signal.width, signal.channels), signal.dtype)
        self._first = self._last = 0

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        """Rows start..stop-1 into `out` (stop - start, W, C), contiguous or plane by plane.

        0 <= start < stop <= H, or the end of the grain in which H lies.
        """
        raise NotImplementedError

    @property
    def grain(self) -> int:
        """The rows that `fill` makes are a multiple of it, whatever it is asked for."""
        return 1

    @property
    def planar(self) -> bool:
        """True where `fill` would rather fill planes."""
        return False

    def read(self, start: int, stop: int) -> np.ndarray:
        """The same as an array that holds until the next call; rows that the last call gave are not made again."""
        if start < self._first or stop > self._last:
            held = self._last - start if self._first <= start < self._last else 0
            kept = self._kept
            if len(kept) < stop - start:
                kept = np.empty((stop - start, *kept.shape[1:]), kept.dtype)
            if held:
                kept[:held] = self._kept[start - self._first : self._last - self._first]
            self._kept, self._first, self._last = kept, start, stop
            self.fill(start + held, stop, kept[held : stop - start])
        return self._kept[start - self._first : stop - self._first]


class Picture(Rows):
    """A whole array (H, W, C), read as it is."""

    def __init__(self, pixels: np.ndarray, signal: Signal):
        super().__init__(signal)
        self.pixels = pixels

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        copy(out, self.pixels[start:stop])

    def read(self, start: int, stop: int) -> np.ndarray:
        return self.pixels[start:stop]


class Convolved(Rows):
    """Another picture under a kernel, scaled, with the bias added.

    outside: what stands outside where the border is flat, a value for each channel or one for all.
    """

    def __init__(
        self,
        signal: Signal,
        of: Rows,
        kernel: Kernel,
        geometry: Geometry,
        plan: Plan,
        bias: float = 0.0,
        outside: np.ndarray | float = 0.0,
    ):
        super().__init__(signal)
        self.of, self.geometry, self.dtype, self.outside = of, geometry, plan.numbers.dtype, outside
        self.kernel, self.scale, self.bias = kernel, kernel.scale, bias
        self.blocks = plan.blocks
        is_held = not geometry.border.is_flat or not np.any(outside)  # by the picture's dtype, what stands around it
        self.narrow = of.signal.dtype if is_held else self.dtype
        self.taken = self.narrow if plan.blocks.raw else self.dtype
        self.lay = engine.load(plan.method).build(kernel, geometry, of.signal.channels, plan.numbers)
        self._laid: dict[tuple, list[tuple[slice, np.ndarray, engine.Tape]]] = {}

    @property
    def planar(self) -> bool:
        return self.blocks.planar

    @property
    def grain(self) -> int:
        return self.blocks.grain

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        grain = self.grain
        if start % grain or stop % grain:  # more rows, so that they begin and end on the grain
            begin, end = start // grain * grain, _whole(stop, grain)
            more = room(self.scratch.take("more", (end - begin) * out[0].size, out.dtype), out.shape[1:], self.planar)
            self._fill(begin, end, more)
            copy(out, more[start - begin : stop - begin])
        else:
            self._fill(start, stop, out)

    def _fill(self, start: int, stop: int, out: np.ndarray) -> None:
        first, last = self.geometry.y.needs(start, stop)
        place = (len(out), last - first, out.strides, out.__array_interface__["data"][0])
        if place not in self._laid:
            if len(self._laid) >= PLACES:
                self._laid.clear()
            self._laid[place] = self._tapes(last - first, out)
        tapes = self._laid[place]
        if len(tapes) == 1:
            ((_, inner, tape),) = tapes
            _read(self.of, self.geometry.border, first, last, inner, self.outside)
            engine.play(tape)
            return
        rows = self._rows(first, last)
        for channels, inner, tape in tapes:
            copy(inner, rows[:, :, channels])
            engine.play(tape)

    def _rows(self, first: int, last: int) -> np.ndarray:
        """Input rows first..last-1 for all planes: those that stand outside may have to be made far away, and once."""
        signal = self.of.signal
        if first >= 0 and last <= signal.height:
            return self.of.read(first, last)
        rows = empty((last - first, signal.width, signal.channels), self.narrow)  # few strips are at an edge
        _read(self.of, self.geometry.border, first, last, rows, self.outside)
        return rows

    def _tapes(self, rows: int, out: np.ndarray) -> list[tuple[slice, np.ndarray, engine.Tape]]:
        """For all channels, or for each plane: where the rows have to be, and the calls that then fill `out`.

        Planes lie in the same memory one after the other, which stays in the cache.
        """
        count = self.of.signal.channels
        shares = [slice(c, c + 1) for c in range(count)] if self.planar else [slice(0, count)]
        # otherwise all channels give all maps, however many a bank has
        return [(share, *self._tape(rows, out[:, :, share] if self.planar else out, share)) for share in shares]

    def _tape(self, rows: int, out: np.ndarray, channels: slice) -> tuple[np.ndarray, engine.Tape]:
        """Where the rows of some channels have to be, and the calls that pad them to both sides and fill `out`."""
        x = self.geometry.x
        shape = (rows, x.lo + x.size + x.hi, channels.stop - channels.start)
        block = self.scratch.take("block", shape, self.taken)
        tape, sums = _sides(self.geometry, block, self._outside(channels)), out
        if out.dtype != self.dtype or not out.flags.c_contiguous:
            sums = self.scratch.take("sums", out.shape, self.dtype)
        if self.planar:
            self.lay(block.transpose(2, 0, 1), sums.transpose(2, 0, 1), self.scratch, tape)
        else:
            self.lay(block, sums, self.scratch, tape)
        if sums is not out:
            tape.append((copy, (out, sums)))
        if self.scale != 1:
            tape.append((np.multiply, (out, number(self.scale, out.dtype), out)))
        if self.bias:
            tape.append((np.add, (out, number(self.bias, out.dtype), out)))
        return block[:, x.lo : x.lo + x.size], tape

    def _outside(self, channels: slice) -> np.ndarray | float:
        """What stands outside some channels."""
        return self.outside[channels] if np.ndim(self.outside) else self.outside


def _whole(rows: int, grain: int) -> int:
    """So many rows, or as many more as complete a grain."""
    return -(-rows // grain) * grain


def room(memory: np.ndarray, inner: tuple[int, int], planar: bool) -> np.ndarray:
    """Flat memory as (rows, columns, C) of the inner shape (columns, C); planar: one channel after the other."""
    columns, channels = inner
    if planar:
        return memory.reshape(channels, -1, columns).transpose(1, 2, 0)
    return memory.reshape(-1, columns, channels)


def copy(out: np.ndarray, block: np.ndarray) -> None:
    """Copies (rows, columns, C), channel by channel where layouts differ: numpy would go pixel by pixel."""
    if out.strides[1] * block.itemsize == block.strides[1] * out.itemsize:
        np.copyto(out, block, casting="unsafe")
        return
    for channel in range(out.shape[2]):
        np.copyto(out[:, :, channel], block[:, :, channel], casting="unsafe")


def pad(of: Rows, geometry: Geometry, start: int, stop: int, block: np.ndarray, outside=0.0) -> None:
    """Input rows start..stop-1, which may lie outside, into `block` with what stands left and right of them."""
    left, width = geometry.x.lo, geometry.x.size
    _read(of, geometry.border, start, stop, block[:, left : left + width], outside)
    engine.play(_sides(geometry, block, outside))


def _sides(geometry: Geometry, block: np.ndarray, outside) -> engine.Tape:
    """The calls that fill what stands left and right of the rows in `block`."""
    left, right, width, border = geometry.x.lo, geometry.x.hi, geometry.x.size, geometry.border
    inner, tape = block[:, left : left + width], []
    for edge, first, count in ((block[:, :left], -left, left), (block[:, left + width :], width, right)):
        if not count:
            continue
        if border.is_flat:
            tape.append((np.copyto, (edge, outside, "unsafe")))
            continue
        places = _columns(border.mode, first, count, width)
        if isinstance(places, slice):
            tape.append((np.copyto, (edge, inner[:, places])))
        else:
            tape.append((np.take, (inner, places, 1, edge, "clip")))
    return tape


def _read(of: Rows, border: Border, start: int, stop: int, inner: np.ndarray, outside) -> None:
    """Input rows start..stop-1, which may lie outside, into `inner`."""
    height = of.signal.height
    if start >= 0 and stop <= height:
        copy(inner, of.read(start, stop))
        return
    first, last = max(start, 0), min(stop, height)
    if first < last:
        copy(inner[first - start : last - start], of.read(first, last))
    for beyond in (range(start, min(stop, 0)), range(max(start, height), stop)):
        if not beyond:
            continue
        at = slice(beyond.start - start, beyond.stop - start)
        if border.is_flat:
            inner[at] = outside
            continue
        rows = locate(border.mode, np.arange(beyond.start, beyond.stop), height)
        low, high = int(rows.min()), int(rows.max()) + 1
        if first <= low and high <= last:  # the strip holds them already, converted
            inner[at] = inner[rows - start]
        else:
            inner[at] = of.read(low, high)[rows - low]


@lru_cache(maxsize=64)
def _columns(mode: str, first: int, count: int, width: int) -> np.ndarray | slice:
    """Which columns stand in the place of `count` columns from `first`; as a slice where they are neighbours."""
    places = locate(mode, np.arange(first, first + count), width)
    steps = np.diff(places)
    if (steps == 0).all():
        return slice(int(places[0]), int(places[0]) + 1)  # the same column in every place
    for step in (1, -1):
        if (steps == step).all():
            stop = int(places[-1]) + step
            return slice(int(places[0]), stop if stop >= 0 else None, step)
    return places


def taking(take: Callable[[int, np.ndarray], None]) -> Sink:
    """The sink that calls `take(start, block)` for every strip."""
    return lambda block: partial(take, block=block)


def walk(each: list[Rows], height: int, strip: int, sink: Sink, is_apart: bool = False) -> None:
    """Gives all strips of a picture of `height` rows to a sink, in any order.

    each: the picture as Rows, one for each thread; this thread takes the first.
    is_apart: strips share no work, and each thread takes the next one that is left, so that threads end together.
    Otherwise it walks its own run of neighbouring strips, so that a step finds most of the rows it needs among those
    it has just made.
    """
    starts = range(0, height, strip)
    bounds = [len(starts) * n // len(each) for n in range(len(each) + 1)]
    shares = [iter(starts)] * len(each) if is_apart else [iter(starts[a:b]) for a, b in pairwise(bounds)]
    failures = []

    def work(rows: Rows, mine: Iterator[int]) -> None:
        try:
            inner = (rows.signal.width, rows.signal.channels)
            size = _whole(min(strip, height), rows.grain) * prod(inner) * np.dtype(rows.signal.dtype).itemsize
            block = room(fresh(size).view(rows.signal.dtype), inner, rows.planar)
            part, sinks = rows_in_cache(block), {}
            with np.errstate(all="ignore"):  # a float picture may hold infinities
                for start in mine:
                    if failures:
                        return
                    count = min(strip, height - start)
                    made = _whole(count, rows.grain)  # the last strip has room for more rows than there are
                    rows.fill(start, start + made, block[:made])
                    if count not in sinks:
                        sinks[count] = [
                            (top, sink(block[top : min(top + part, count)])) for top in range(0, count, part)
                        ]
                    for top, done in sinks[count]:
                        done(start + top)
        except BaseException as failure:  # whatever it is, it belongs to the caller's thread
            failures.append(failure)

    others = [Thread(target=work, args=pair, daemon=True) for pair in zip(each[1:], shares[1:], strict=True)]
    for n, other in enumerate(others):
        try:
            other.start()
        except RuntimeError:  # no more threads to be had: this one does the rest
            shares[0] = chain(shares[0], *shares[n + 1 :])
            del others[n:]
            break
    work(each[0], shares[0])
    for other in others if not failures or isinstance(failures[0], Exception) else ():  # a signal does not wait
        other.join()
    if failures:
        raise failures[0]
