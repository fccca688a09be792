"""Steps that look at one position only: they change, join, weigh or pick samples of other pictures."""

import numpy as np

from convcli.border import Border, locate
from convcli.engine.strips import Rows
from convcli.errors import ConvError
from convcli.filters import Point
from convcli.signal import Signal

__all__ = ["Computed", "Gray", "Joined", "Mapped", "Picked", "Sampled", "Unweighted", "Weighted", "point_signal"]

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601-7, table 2: what Pillow's mode L is made with


class _Of(Rows):
    """Rows made of other Rows, position by position."""

    def __init__(self, signal: Signal, *of: Rows):
        super().__init__(signal)
        self.of = of


class Picked(_Of):
    """Some channels of a picture, in the order given."""

    def __init__(self, signal: Signal, of: Rows, channels: list[int]):
        super().__init__(signal, of)
        first, last = channels[0], channels[-1]
        is_run = channels == list(range(first, last + 1))
        self.channels = slice(first, last + 1) if is_run else channels  # a run of channels is a view

    def compute(self, start: int, stop: int) -> np.ndarray:
        return self.of[0].read(start, stop)[:, :, self.channels]


class Joined(_Of):
    """The channels of several pictures of one size, `order` saying which comes where."""

    def __init__(self, signal: Signal, *of: Rows, order: list[int]):
        super().__init__(signal, *of)
        self.order = order

    def compute(self, start: int, stop: int) -> np.ndarray:
        block = np.empty((stop - start, self.signal.width, self.signal.channels), self.signal.dtype)
        sources = [(rows, c) for rows in (of.read(start, stop) for of in self.of) for c in range(rows.shape[2])]
        for channel, source in enumerate(self.order):
            rows, c = sources[source]
            block[:, :, channel] = rows[:, :, c]
        return block


class Gray(_Of):
    """Luma of red, green and blue: one channel."""

    def compute(self, start: int, stop: int) -> np.ndarray:
        rows = self.of[0].read(start, stop)
        kind = np.dtype(self.signal.dtype).type
        luma = rows[:, :, 0] * kind(LUMA[0])
        for channel in (1, 2):
            luma += rows[:, :, channel] * kind(LUMA[channel])
        return luma[:, :, None]


class Weighted(_Of):
    """Colours times alpha, and alpha as one more channel."""

    def compute(self, start: int, stop: int) -> np.ndarray:
        colour, alpha = (of.read(start, stop) for of in self.of)
        block = np.empty((stop - start, self.signal.width, self.signal.channels), self.signal.dtype)
        np.multiply(colour, alpha, out=block[:, :, :-1], dtype=self.signal.dtype, casting="unsafe")
        block[:, :, -1:] = alpha
        return block


class Unweighted(_Of):
    """Filtered colours divided by the filtered alpha beside them; `gain` is the sum of the weights.

    An opaque picture comes out as if it had no alpha; where nothing is left of alpha, colour is 0.
    """

    def __init__(self, signal: Signal, of: Rows, gain: float, bias: float):
        super().__init__(signal, of)
        self.gain, self.bias = gain, bias

    def compute(self, start: int, stop: int) -> np.ndarray:
        rows = self.of[0].read(start, stop)
        block = np.empty(rows.shape, self.signal.dtype)
        alpha = block[:, :, -1:]
        np.divide(rows[:, :, -1:], self.gain, out=alpha, casting="unsafe")
        is_there = alpha > 0
        block[:, :, :-1] = 0
        np.divide(rows[:, :, :-1], alpha, out=block[:, :, :-1], where=is_there, casting="unsafe")
        block[:, :, :-1] += self.bias
        return block


class Sampled(_Of):
    """Samples of a picture at `at + position * jump`, on a grid of the signal's size; `fill` where the border is flat."""

    def __init__(
        self, signal: Signal, of: Rows, at: tuple[int, int], jump: tuple[int, int], border: Border, fill: float
    ):
        super().__init__(signal, of)
        self.at, self.jump, self.border, self.fill = at, jump, border, fill

    def compute(self, start: int, stop: int) -> np.ndarray:
        source = self.of[0].signal
        mode = "edge" if self.border.is_flat else self.border.mode
        ys = self.at[0] + np.arange(start, stop) * self.jump[0]
        xs = self.at[1] + np.arange(self.signal.width) * self.jump[1]
        rows, columns = locate(mode, ys, source.height), locate(mode, xs, source.width)
        first = int(rows.min())
        block = self.of[0].read(first, int(rows.max()) + 1)[rows - first][:, columns]
        if self.border.is_flat:
            outside = ((ys < 0) | (ys >= source.height))[:, None] | ((xs < 0) | (xs >= source.width))
            block[outside] = self.fill
        return block


class Mapped(_Of):
    """Every sample through a point step."""

    def __init__(self, signal: Signal, of: Rows, point: Point, white: float):
        super().__init__(signal, of)
        self.function = _POINTS[point.name](point.value, white)

    def compute(self, start: int, stop: int) -> np.ndarray:
        return self.function(self.of[0].read(start, stop).astype(self.signal.dtype, copy=False))


class Computed(_Of):
    """A formula over pictures of one size; `values` are its plain numbers."""

    def __init__(self, signal: Signal, *of: Rows, formula, names: list[str], values: dict[str, float]):
        super().__init__(signal, *of)
        self.formula, self.names, self.values = formula, names, values

    def compute(self, start: int, stop: int) -> np.ndarray:
        blocks = (of.read(start, stop).astype(self.signal.dtype, copy=False) for of in self.of)
        value = self.formula.evaluate(self.values | dict(zip(self.names, blocks, strict=True)))
        return np.asarray(value, self.signal.dtype)


_POINTS = {
    "relu": lambda value, white: lambda x: np.clip(x, 0, None),
    "abs": lambda value, white: np.abs,
    "square": lambda value, white: np.square,
    "sqrt": lambda value, white: lambda x: np.sqrt(np.clip(x, 0, None)),
    "threshold": lambda value, white: lambda x: np.where(x > value, x.dtype.type(white), x.dtype.type(0)),
}


def point_signal(point: Point, signal: Signal, white: float) -> Signal:
    """The signal after a point step; threshold gives white above its value and 0 elsewhere."""
    low, high = signal.low, signal.high
    peak = max(abs(low), abs(high))
    if point.name == "relu":
        return signal.but(low=max(low, 0), high=max(high, 0))
    if point.name == "abs":  # the most negative integer has no positive twin
        wider = {"int16": "int32", "int32": "float64"}.get(signal.dtype, signal.dtype)
        return signal.but(low=0, high=peak, dtype=wider)
    if point.name == "square":
        return signal.but(low=0, high=peak * peak, dtype="float64" if signal.whole else signal.real)
    if point.name == "sqrt":
        return signal.but(low=0, high=max(high, 0) ** 0.5, dtype=signal.real, whole=False)
    if point.name == "threshold":
        return signal.but(low=0, high=white, dtype=signal.real, whole=white == int(white))
    raise ConvError(f"{point.name} is not a point step")
