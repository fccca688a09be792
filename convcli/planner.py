"""How a convolution will be done, decided before a sample is touched.

`choose` is a pure function of sizes, weights and bounds. It picks the method that costs least, and the dtype in
which its sums are exact (whole numbers) or within 1e-3 of a level (all others), and can say why.
"""

from functools import lru_cache
from math import inf
from typing import NamedTuple

import numpy as np

from convcli import engine
from convcli.engine import Blocks, Numbers
from convcli.engine.costs import READ
from convcli.engine.sums import TOLERANCE
from convcli.errors import ConvError, hint
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal, is_narrow

__all__ = ["Plan", "choose"]

FEW = 1024  # taps up to which a choice is remembered; more take longer to compare


class Plan(NamedTuple):
    """A method, the numbers it works in, multiply-adds, bytes of working memory for each row, and the reason.

    cost: nanoseconds a sample on one thread. low, high: bounds of the result, scale and bias included. whole: the
    result is whole numbers. real: the dtype of a result that is scaled or has a bias. blocks: the memory it wants.
    """

    method: str
    numbers: Numbers
    macs: int
    row_bytes: int
    cost: float
    why: str
    low: float = -inf
    high: float = inf
    whole: bool = False
    real: str = "float32"
    blocks: Blocks = Blocks()

    def __str__(self) -> str:
        return f"{self.method} in {self.numbers.dtype}: {self.why}"

    def share(self, kernel: Kernel, bias: float) -> int:
        """The whole number that sums of whole weights are to be divided by, where integers can do that and round.

        0 where they cannot: halves go to even, which is cheap only where there are none (odd numbers) or where they
        show in a bit (powers of two).
        """
        kind = np.dtype(self.numbers.dtype)
        number = round(1 / kernel.scale) if 0 < kernel.scale < 1 else 0
        if kind.kind not in "iu" or bias or number < 2 or kernel.scale != 1 / number or self.low < 0:
            return 0
        has_room = self.high * number + number <= np.iinfo(kind).max
        return number if has_room and (number % 2 or number & (number - 1) == 0) else 0


class _Asked:
    """A kernel as far as a plan depends on it, equal to one of the same weights."""

    __slots__ = ("kernel", "key")

    def __init__(self, kernel: Kernel):
        self.kernel, self.key = kernel, (kernel.matrix.shape, kernel.matrix.tobytes(), float(kernel.scale))

    def __eq__(self, other: "_Asked") -> bool:
        return self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def choose(geometry: Geometry, kernel: Kernel, signal: Signal, bias: float = 0.0, method: str = "auto") -> Plan:
    """The plan for one kernel over one signal. Raises ConvError where `method` cannot do it, and says why.

    What was asked before, as for every picture of a film, is remembered.
    """
    if kernel.matrix.size <= FEW:
        return _remembered(geometry, _Asked(kernel), signal, bias, method)
    return _plan(geometry, kernel, signal, bias, method)


@lru_cache(maxsize=256)
def _remembered(geometry: Geometry, asked: _Asked, signal: Signal, bias: float, method: str) -> Plan:
    return _plan(geometry, asked.kernel, signal, bias, method)


@np.errstate(all="ignore")
def _plan(geometry: Geometry, kernel: Kernel, signal: Signal, bias: float, method: str) -> Plan:
    """The plan, worked out."""
    if kernel.planes is not None and kernel.planes != signal.channels:
        raise ConvError(
            f"the kernel has {kernel.planes} plane{'s' * (kernel.planes != 1)}, one for each channel, "
            f"and the picture has {signal.channels} channel{'s' * (signal.channels != 1)}"
            + (" (--channels gray gives one)" if kernel.planes == 1 else "")
        )
    low, high = _reach_of_border(signal, geometry)
    plus, minus = _extent(kernel)
    bound = max(abs(low), abs(high)) * (plus + minus)
    chosen, numbers, cost, why = _method(geometry, kernel, signal, bound, (low, high), method)
    ends = [kernel.scale * (plus * high - minus * low) + bias, kernel.scale * (plus * low - minus * high) + bias]
    low, high = (min(ends), max(ends)) if bound < inf else (-inf, inf)
    peak = abs(kernel.scale) * bound + abs(bias)
    narrow = signal.real == "float32" and numbers.dtype != "float64" and (bound == inf or is_narrow(peak))
    maps = kernel.maps or signal.channels
    blocks = engine.load(chosen).blocks(kernel, geometry, signal.channels, numbers)
    side = (geometry.x.size + geometry.x.lo + geometry.x.hi) * (1 if blocks.planar else signal.channels)
    return Plan(
        chosen,
        numbers,
        geometry.y.out * geometry.x.out * maps * (kernel.planes or 1) * geometry.y.taps * geometry.x.taps,
        np.dtype(numbers.dtype).itemsize * (2 * side + geometry.x.out * maps * (blocks.arrays - 2)),
        cost,
        why,
        low,
        high,
        whole=numbers.whole and kernel.scale == int(kernel.scale) and bias == int(bias),
        real="float32" if narrow else "float64",
        blocks=blocks,
    )


def _method(geometry, kernel, signal, bound, ends, asked) -> tuple[str, Numbers, float, str]:
    """The method, its numbers, its cost and the reason."""
    if asked != "auto" and asked not in engine.METHODS:
        raise ConvError(
            f'method "{asked}" is not known{hint(asked, engine.METHODS)} (auto, {", ".join(engine.METHODS)})'
        )
    rows, read = [], geometry.y.size * geometry.x.size / (geometry.y.out * geometry.x.out)
    for name in engine.METHODS if asked == "auto" else [asked]:
        module = engine.load(name)
        numbers, why = None, module.refusal(kernel, geometry, signal)
        if why is None:
            numbers, why = _numbers(module, kernel, signal, geometry, bound, ends)
        if numbers is None:
            if asked != "auto":
                raise ConvError(f"method {asked} cannot do this: {why}")
            continue
        own = module.cost(kernel, geometry, signal.channels, numbers)
        rows.append((own + READ[numbers.dtype] * (read + 1) / 2, name, numbers, why))
    rows.sort(key=lambda row: row[0])
    cost, name, numbers, why = rows[0]
    if len(rows) > 1:
        why = f"{why}; {cost:.2g} ns a sample, {rows[1][1]} would take {rows[1][0]:.2g}"
    return name, numbers, cost, why


def _reach_of_border(signal: Signal, geometry: Geometry) -> tuple[float, float]:
    """The bounds of the signal with what stands outside it."""
    flat = {"zeros": 0.0, "constant": geometry.border.value}
    if geometry.border.mode in flat and any(geometry.padding):
        value = flat[geometry.border.mode]
        return (min(signal.low, value), max(signal.high, value))
    return (signal.low, signal.high)


def _extent(kernel: Kernel) -> tuple[float, float]:
    """Largest sum of positive weights in one map, and of negative ones (as a size)."""
    maps = kernel.by_map
    return (float(np.maximum(maps, 0).sum(axis=1).max()), float(np.maximum(-maps, 0).sum(axis=1).max()))


def _numbers(method, kernel, signal, geometry, bound, ends) -> tuple[Numbers | None, str]:
    """The narrowest numbers that keep the promise, and why; None where the method has none.

    bound: the size of the largest possible sum. ends: the bounds of the samples, with what stands outside.
    """
    border, padded = geometry.border, any(geometry.padding)
    is_even = not padded or (border.mode != "mean" and border.value == int(border.value))
    if signal.whole and kernel.is_whole and is_even:
        for dtype, limit in method.exact(kernel):
            if dtype == "uint16" and (ends[0] < 0 or (kernel.matrix < 0).any()):
                continue
            if max(bound, *map(abs, ends)) <= limit:  # a kernel of zeros has no sums, but samples
                return Numbers(dtype, True), f"whole weights, sums of at most {bound:.0f} are exact"
    bounded = bound < inf
    error = method.rounding(kernel, geometry, signal, bound) if bounded else 0.0
    if error == inf:
        return None, f"sums of up to {bound:.3g} would show the rounding of double precision"
    if signal.real == "float32" and error <= TOLERANCE:
        return Numbers("float32", False, bounded), "24 bits keep sums within a thousandth of a level"
    return Numbers("float64", False, bounded), "more than 24 bits are needed"
