"""The largest sample under a window, by doubling: a window of k needs log2 k passes along each axis."""

import numpy as np

from convcli.engine.strips import Rows, pad
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["MaxPooled"]


class MaxPooled(Rows):
    """Another picture under a sliding maximum; padding never wins, as in the deep-learning libraries."""

    def __init__(self, signal: Signal, of: Rows, geometry: Geometry):
        super().__init__(signal)
        self.of, self.geometry = of, geometry
        kind = np.dtype(signal.dtype)
        self.least = np.iinfo(kind).min if kind.kind in "iu" else -np.inf

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        y, x = self.geometry.y, self.geometry.x
        first, last = y.needs(start, stop)
        block = self.scratch.take("block", (last - first, x.lo + x.size + x.hi, out.shape[2]), out.dtype)
        pad(self.of, self.geometry, first, last, block, self.least)
        block = _sliding(block, y.taps, y.dilation)[:: y.stride]
        out[:] = _sliding(block.swapaxes(0, 1), x.taps, x.dilation)[:: x.stride].swapaxes(0, 1)


def _sliding(block: np.ndarray, taps: int, dilation: int) -> np.ndarray:
    """Maximum over `taps` samples, `dilation` apart, along the first axis; as long as windows fit."""
    out = len(block) - (taps - 1) * dilation
    span = 1
    while span * 2 <= taps:
        block = np.maximum(block[: len(block) - span * dilation], block[span * dilation :])
        span *= 2
    rest = (taps - span) * dilation
    return np.maximum(block[:out], block[rest : rest + out]) if rest else block[:out]
