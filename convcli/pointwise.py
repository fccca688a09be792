"""Steps that look at one position only: they change, join, weigh or pick samples of other pictures."""

import numpy as np

from convcli.border import Border, locate
from convcli.engine.strips import Rows
from convcli.engine.sums import slack
from convcli.errors import ConvError
from convcli.filters import Point
from convcli.light import as_levels, as_light
from convcli.luma import LUMA
from convcli.signal import Signal

__all__ = [
    "Computed",
    "Gray",
    "Joined",
    "Lit",
    "Mapped",
    "Picked",
    "Sampled",
    "Unlit",
    "Unweighted",
    "Weighted",
    "point_signal",
]


class _Of(Rows):
    """Rows made of other Rows, position by position."""

    def __init__(self, signal: Signal, *of: Rows):
        super().__init__(signal)
        self.of = of

    def blocks(self, start: int, stop: int, dtype=None) -> list[np.ndarray]:
        """The rows of every input, as arrays that hold together: reading one may overwrite what another gave."""
        blocks = []
        for n, of in enumerate(self.of):
            rows = of.read(start, stop)
            own = self.scratch.take(f"input {n}", rows.shape, dtype or rows.dtype)
            own[:] = rows
            blocks.append(own)
        return blocks


class Picked(_Of):
    """Some channels of a picture, in the order given."""

    def __init__(self, signal: Signal, of: Rows, channels: list[int]):
        super().__init__(signal, of)
        first, last = channels[0], channels[-1]
        is_run = channels == list(range(first, last + 1))
        self.channels = slice(first, last + 1) if is_run else channels

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        out[:] = self.of[0].read(start, stop)[:, :, self.channels]


class Joined(_Of):
    """The channels of several pictures of one size, `order` saying which comes where."""

    def __init__(self, signal: Signal, *of: Rows, order: list[int]):
        super().__init__(signal, *of)
        self.order = order

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        channel = 0
        for of in self.of:
            block = of.read(start, stop)
            for c in range(block.shape[2]):
                out[:, :, self.order.index(channel)] = block[:, :, c]
                channel += 1


class Gray(_Of):
    """Luma of red, green and blue: one channel."""

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        rows, luma = self.of[0].read(start, stop), out[:, :, 0]
        share = self.scratch.take("share", luma.shape, luma.dtype)
        for channel, weight in enumerate(LUMA):
            total = share if channel else luma
            np.multiply(rows[:, :, channel], weight, out=total, dtype=luma.dtype)
            if channel:
                luma += share


class Lit(_Of):
    """Whole levels as light, by a table."""

    def __init__(self, signal: Signal, of: Rows, white: float):
        super().__init__(signal, of)
        self.table = as_light(np.arange(int(white) + 1), white)

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        np.take(
            self.table, self.of[0].read(start, stop), out=out, mode="clip"
        )  # nothing is outside; "raise" would copy


class Unlit(_Of):
    """Light as levels again."""

    def __init__(self, signal: Signal, of: Rows, white: float):
        super().__init__(signal, of)
        self.white = white

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        as_levels(self.of[0].read(start, stop), self.white, out)


class Weighted(_Of):
    """Colours times alpha, and alpha as one more channel."""

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        colour, alpha = self.blocks(start, stop)
        np.multiply(colour, alpha, out=out[:, :, :-1], dtype=out.dtype, casting="unsafe")
        out[:, :, -1:] = alpha


class Unweighted(_Of):
    """Filtered colours divided by the filtered alpha beside them; `gain` is the sum of the weights.

    An opaque picture comes out as if it had no alpha; where nothing is left of alpha but what sums are rounded by,
    colour is 0.
    """

    def __init__(self, signal: Signal, of: Rows, gain: float, bias: float, white: float):
        super().__init__(signal, of)
        self.gain, self.bias, self.least = gain, bias, slack(white)

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        rows, colour, alpha = self.of[0].read(start, stop), out[:, :, :-1], out[:, :, -1:]
        np.divide(rows[:, :, -1:], self.gain, out=alpha, casting="unsafe")
        colour[:] = 0
        np.divide(rows[:, :, :-1], alpha, out=colour, where=alpha > self.least, casting="unsafe")
        colour += self.bias


class Sampled(_Of):
    """Samples of a picture at `at + position * jump`; `outside` where the border is flat."""

    def __init__(
        self, signal: Signal, of: Rows, at: tuple[int, int], jump: tuple[int, int], border: Border, outside: float
    ):
        super().__init__(signal, of)
        self.at, self.jump, self.border, self.outside = at, jump, border, outside

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        source = self.of[0].signal
        mode = "edge" if self.border.is_flat else self.border.mode
        ys = self.at[0] + np.arange(start, stop) * self.jump[0]
        xs = self.at[1] + np.arange(self.signal.width) * self.jump[1]
        rows, columns = locate(mode, ys, source.height), locate(mode, xs, source.width)
        first = int(rows.min())
        out[:] = self.of[0].read(first, int(rows.max()) + 1)[rows - first][:, columns]
        if self.border.is_flat:
            beyond = ((ys < 0) | (ys >= source.height))[:, None] | ((xs < 0) | (xs >= source.width))
            out[beyond] = self.outside


class Mapped(_Of):
    """Every sample through a point step."""

    def __init__(self, signal: Signal, of: Rows, point: Point, white: float):
        super().__init__(signal, of)
        self.name, self.threshold, self.white = point.name, point.value, white

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        rows = self.of[0].read(start, stop)
        if self.threshold is not None:  # compared before the samples become anything else
            np.multiply(rows > self.threshold, self.white, out=out, casting="unsafe")
            return
        out[:] = rows
        _POINTS[self.name](out)


class Computed(_Of):
    """A formula over pictures of one size; `values` are its plain numbers."""

    def __init__(self, signal: Signal, *of: Rows, formula, names: list[str], values: dict[str, float]):
        super().__init__(signal, *of)
        self.formula, self.names, self.values = formula, names, values

    def fill(self, start: int, stop: int, out: np.ndarray) -> None:
        # in the widest dtype there is: a small difference of large numbers is not for the narrow one of the result
        dtype = np.result_type(out.dtype, *(of.signal.dtype for of in self.of))
        named = dict(zip(self.names, self.blocks(start, stop, dtype), strict=True))
        np.copyto(out, self.formula.evaluate(self.values | named), casting="unsafe")


_POINTS = {  # each changes an array in place
    "relu": lambda x: np.clip(x, 0, None, out=x),
    "abs": lambda x: np.abs(x, out=x),
    "square": lambda x: np.square(x, out=x),
    "sqrt": lambda x: np.sqrt(np.clip(x, 0, None, out=x), out=x),
}


def point_signal(point: Point, signal: Signal, white: float) -> Signal:
    """The signal after a point step; threshold gives white above its value and 0 elsewhere."""
    low, high, peak = signal.low, signal.high, signal.peak
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
