"""What there is to say about one sample of a result: stops on the way to it, and how sums become levels."""

from collections.abc import Sequence
from math import fsum, isfinite
from typing import NamedTuple

import numpy as np

from convcli.geometry import Geometry

__all__ = ["Ending", "Part", "Stop", "Term", "Trace", "document", "spell", "total"]

ENDING = ("name", "sum", "ranged", "rounded", "value")  # what JSON calls the fields of an Ending


class Term(NamedTuple):
    """One channel under a window: its samples (kh, kw), and the weights they meet; None where the largest wins."""

    channel: str
    samples: np.ndarray
    weights: np.ndarray | None

    @property
    def products(self) -> np.ndarray | None:
        """Sample times weight, tap by tap; a weight of zero reads nothing, be it infinite."""
        if self.weights is None:
            return None
        return np.where((self.weights == 0) & ~np.isfinite(self.samples), 0.0, self.samples * self.weights)

    @property
    def sum(self) -> float:
        """The sum of the products, rounded once; the largest sample where there are no weights."""
        return float(self.samples.max()) if self.weights is None else total(self.products.ravel())


class Part(NamedTuple):
    """One channel of what a step gives: its value in the engine, and what it is made of.

    terms: the channels under the window, for a step that has one. words: the formula with numbers in it, else.
    """

    name: str
    value: float
    terms: tuple[Term, ...] = ()
    words: str = ""

    @property
    def sum(self) -> float:
        """The sum of the products of all terms."""
        return total([term.sum for term in self.terms])


class Stop(NamedTuple):
    """A step at one place.

    kind: `kernel`, `max`, `formula`, `point`, `gray`, `light`, `unlight`, `weigh`, `unweigh` or `sample`. at: row and
    column of what the step gives, which is `size`. source: whose samples it reads, in words. rows, columns: where in
    its input the taps lie; outside: (kh, kw), true where that is padding. focus: the sample of the input that is looked
    into next, None where none is.
    """

    name: str
    kind: str
    at: tuple[int, int]
    size: tuple[int, int]
    parts: tuple[Part, ...]
    source: str = "the picture"
    op: str = ""
    geometry: Geometry | None = None
    scale: float = 1.0
    bias: float = 0.0
    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()
    outside: np.ndarray | None = None
    focus: tuple[int, int] | None = None

    def sums(self, part: Part) -> tuple[float, float, float]:
        """The sum of a part's products, that times the scale, and that with the bias.

        Where floats overflow, the order in which they are added decides; all three are as the engine has them then.
        """
        whole = part.sum
        scaled = whole * self.scale
        if isfinite(scaled + self.bias) and isfinite(part.value):
            return whole, scaled, scaled + self.bias
        scaled = part.value - self.bias
        return scaled / self.scale if self.scale else whole, scaled, part.value


class Ending(NamedTuple):
    """One channel through the range rule: the engine's value, after the rule, after rounding, and as written."""

    name: str
    value: float
    ranged: float
    rounded: float
    written: float


class Trace(NamedTuple):
    """All stops, the last step first, then what that one reads; and how the sums become levels.

    bounds: what `stretch` spans. is_whole: the result holds whole levels, so that it is rounded.
    """

    at: tuple[int, int]
    size_in: tuple[int, int]
    size: tuple[int, int]
    stops: tuple[Stop, ...]
    endings: tuple[Ending, ...]
    rule: str
    white_in: float
    white: float
    bounds: tuple[float, float]
    is_whole: bool


def total(values: Sequence[float] | np.ndarray) -> float:
    """The sum, rounded once; what floats make of it, infinite or no number, where it goes beyond them.

    >>> total([0.1] * 10), total([1e308, 1e308]), total([float("inf"), float("-inf")])
    (1.0, inf, nan)
    """
    try:
        return fsum(values)
    except (OverflowError, ValueError):
        with np.errstate(all="ignore"):
            return float(np.sum(values))


def spell(value: float) -> str:
    """A number as people write it: whole ones without a point, others with six digits.

    >>> spell(80.0), spell(-0.0), spell(1 / 9)
    ('80', '0', '0.111111')
    """
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else f"{value:.6g}"


@np.errstate(all="ignore")  # a float picture may hold infinities
def document(trace: Trace) -> dict:
    """A trace for JSON, in the words of the command line: x is the column, y the row; null is no finite number."""
    return {
        "at": _place(trace.at),
        "in": list(trace.size_in),
        "out": list(trace.size),
        "range": {"rule": trace.rule, "white_in": trace.white_in, "white": trace.white}
        | ({"min": trace.bounds[0], "max": trace.bounds[1]} if trace.rule == "stretch" else {}),
        "channels": [{name: _plain(value) for name, value in zip(ENDING, end, strict=True)} for end in trace.endings],
        "steps": [_step(stop) for stop in reversed(trace.stops)],
    }


def _step(stop: Stop) -> dict:
    """A stop for JSON; a step with a window has more to say."""
    facts = {"step": stop.name, "kind": stop.kind, "of": stop.source, "at": _place(stop.at), "out": list(stop.size)}
    if stop.geometry is None:
        return facts | {
            "channels": [{"name": p.name, "formula": p.words, "value": _plain(p.value)} for p in stop.parts]
        }
    geometry = stop.geometry
    return (
        facts
        | {name: list(getattr(geometry, name)) for name in ("kernel", "stride", "dilation", "padding")}
        | {"padding_mode": str(geometry.border), "op": stop.op, "rows": list(stop.rows), "columns": list(stop.columns)}
        | {"outside": stop.outside.tolist(), "scale": stop.scale, "bias": stop.bias}
        | {"channels": [_channel(part, stop) for part in stop.parts]}
    )


def _channel(part: Part, stop: Stop) -> dict:
    planes = [
        {"channel": term.channel, "window": _plain(term.samples.tolist())}
        | ({} if term.weights is None else {"weights": term.weights.tolist()})
        | ({} if term.weights is None else {"products": _plain(term.products.tolist()), "sum": _plain(term.sum)})
        for term in part.terms
    ]
    value = part.value if stop.kind == "max" else stop.sums(part)[2]
    return {"name": part.name, "planes": planes, "value": _plain(value)}


def _place(at: tuple[int, int]) -> dict:
    return {"x": at[1], "y": at[0]}


def _plain(value):
    """Numbers and lists of them as JSON knows them."""
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value if isinstance(value, str) or isfinite(value) else None
