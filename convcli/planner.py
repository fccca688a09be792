"""How a convolution will be done, decided before a sample is touched.

`choose` is a pure function of sizes, weights and bounds. It picks the method and the dtype in which the
sums are exact (whole numbers) or within 1e-3 of a level (all others), and can say why.
"""

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from convcli import engine
from convcli.errors import ConvError, hint
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["Plan", "choose"]

_TOLERANCE = 1e-3  # of a level: what a sum may be off when it is not whole
_EXACT = (("int16", 2**15 - 1), ("int32", 2**31 - 1), ("float64", 2**53))


@dataclass(frozen=True, slots=True)
class Plan:
    """A method, the dtype of its sums, multiply-adds, bytes of working memory for each row, and the reason.

    low, high: bounds of the result, scale and bias included. whole: the result is whole numbers. real: the
    dtype of a result that is scaled or has a bias.
    """

    method: str
    dtype: str
    macs: int
    row_bytes: int
    why: str
    low: float = -inf
    high: float = inf
    whole: bool = False
    real: str = "float32"

    def __str__(self) -> str:
        return f"{self.method} in {self.dtype}: {self.why}"


def choose(geometry: Geometry, kernel: Kernel, signal: Signal, bias: float = 0.0, method: str = "auto") -> Plan:
    """The plan for one kernel over one signal. Raises ConvError where `method` cannot do it, and says why."""
    if kernel.planes is not None and kernel.planes != signal.channels:
        raise ConvError(
            f"the kernel has {kernel.planes} plane{'s' * (kernel.planes != 1)}, one for each channel, "
            f"and the picture has {signal.channels} channel{'s' * (signal.channels != 1)}"
            + (" (--channels gray gives one)" if kernel.planes == 1 else "")
        )
    if method != "auto":
        if method not in engine.METHODS:
            raise ConvError(f'method "{method}" is not known{hint(method, engine.METHODS)} ({_names()})')
        refusal = engine.load(method).refusal(kernel, geometry, signal)
        if refusal:
            raise ConvError(f"method {method} cannot do this: {refusal}")
    low, high = _reach_of_border(signal, geometry)
    plus, minus, taps = _extent(kernel)
    dtype, why, whole = _sums(kernel, signal, geometry, max(abs(low), abs(high)) * (plus + minus), taps)
    ends = sorted(
        (
            kernel.scale * (plus * high - minus * low) + bias,
            kernel.scale * (plus * low - minus * high) + bias,
        )
    )
    bounded = low > -inf and high < inf
    maps = kernel.maps or signal.channels
    depth = 1 if kernel.planes is None else kernel.planes
    macs = geometry.y.out * geometry.x.out * maps * depth * geometry.y.taps * geometry.x.taps
    width = geometry.x.size + geometry.x.lo + geometry.x.hi
    row_bytes = np.dtype(dtype).itemsize * (width * signal.channels * 2 + geometry.x.out * maps * 3)
    if not bounded:
        ends = [-inf, inf]
    # a float32 holds a thousandth of a level up to 2^13 levels
    narrow = signal.real == "float32" and dtype != "float64" and (not bounded or max(map(abs, ends)) <= 2**13)
    return Plan(
        "direct" if method == "auto" else method,
        dtype,
        macs,
        row_bytes,
        why,
        *ends,
        whole=whole and kernel.scale == int(kernel.scale) and bias == int(bias),
        real="float32" if narrow else "float64",
    )


def _names() -> str:
    return ", ".join(["auto", *engine.METHODS])


def _reach_of_border(signal: Signal, geometry: Geometry) -> tuple[float, float]:
    """The bounds of the signal with what stands outside it."""
    flat = {"zeros": 0.0, "constant": geometry.border.value}
    if geometry.border.mode in flat and any(geometry.padding):
        value = flat[geometry.border.mode]
        return (min(signal.low, value), max(signal.high, value))
    return (signal.low, signal.high)


def _extent(kernel: Kernel) -> tuple[float, float, int]:
    """Largest sum of positive weights, of negative ones (as a size), and number of weights in one map."""
    maps = kernel.matrix.reshape(-1 if kernel.matrix.ndim == 4 else 1, int(np.prod(kernel.matrix.shape[-3:])))
    return (
        float(np.maximum(maps, 0).sum(axis=1).max()),
        float(np.maximum(-maps, 0).sum(axis=1).max()),
        int(np.count_nonzero(maps, axis=1).max()),
    )


def _sums(kernel: Kernel, signal: Signal, geometry: Geometry, bound: float, taps: int) -> tuple[str, str, bool]:
    """The dtype of the sums, the reason, and whether they are whole; `bound` is the largest possible one."""
    border = geometry.border
    padded = any(geometry.padding)
    even = not padded or (border.mode != "mean" and border.value == int(border.value))
    if signal.whole and kernel.is_whole and even:
        for dtype, limit in _EXACT:
            if bound <= limit:
                return dtype, f"whole weights, sums of at most {bound:.0f} are exact", True
    if signal.real == "float32":
        # rounding errors of a running sum grow like a random walk: sqrt(taps) half units of the largest sum
        error = 2**-24 * bound * abs(kernel.scale) * (1 + sqrt(taps))
        if error <= _TOLERANCE or not signal.is_bounded:
            return "float32", "24 bits keep sums within a thousandth of a level", False
    return "float64", "more than 24 bits are needed", False
