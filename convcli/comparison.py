"""What a kernel leaves: the picture before, filtered by the engine, against the picture after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from convcli.engine.strips import taking
from convcli.filters import Filter, Kernel, Link, Step
from convcli.geometry import Axis, Window
from convcli.graph import Program
from convcli.moments import Pair
from convcli.pipeline import Layout, compile_chain
from convcli.signal import Signal

__all__ = ["Comparison", "Span", "compare", "span"]

ROUNDED = 1 / np.sqrt(12)  # the standard deviation of what rounding to whole levels takes off
FLOAT = 3e-5  # of the spread of the samples: what float32 and printed numbers leave
BINS = 256  # of the level, for a curve that came after the filter


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Residuals in the levels of the picture after, over the samples that say what came out of the filter.

    squares: (O,), sums of squares for each channel of the result. known: how many samples count, of all `samples`.
    inside, border: the root of the mean square where no window reaches outside, and of the rest. peak: the largest
    residual, clipped samples included. agreed: the share of all samples that are equal after clipping and rounding;
    None where they are not whole. spread: the standard deviation of the samples. curved: the share of the residual
    that depends on the level alone. beyond: how far the sums leave the levels.
    """

    squares: np.ndarray
    known: int
    samples: int
    inside: float
    border: float
    peak: float
    agreed: float | None
    spread: float
    curved: float
    beyond: float

    @property
    def rms(self) -> float:
        """The root of the mean square."""
        return float(np.sqrt(self.squares.sum() / max(self.known, 1)))

    @property
    def is_rounded(self) -> bool:
        """True for a picture of whole levels."""
        return self.agreed is not None

    @property
    def noise(self) -> float:
        """What rounding alone would leave."""
        return ROUNDED if self.is_rounded else FLOAT * self.spread

    @property
    def is_exact(self) -> bool:
        """True where the residual is no more than rounding leaves; where halves are common that is more than usual."""
        return self.rms <= 1.25 * self.noise or (self.is_rounded and self.peak <= 0.75)

    @property
    def explained(self) -> float:
        """The share of the samples' variance that the kernel explains."""
        return max(0.0, 1 - (self.rms / self.spread) ** 2) if self.spread else 1.0

    @property
    def verdict(self) -> str:
        """What kind of residual it is, where it is no rounding."""
        if self.border > 3 * self.inside:
            return f"a residual of {self.border:.3g} lies along the borders alone: another --padding-mode stood outside"
        ratio = self.rms / self.noise if self.noise else np.inf
        size = f"{ratio:.0f} times what rounding leaves" if ratio < 1e6 else "and rounding leaves none"
        if self.explained < 0.5 and self.is_rounded:
            cause = "hardly any of it is linear, as after --range abs; --range offset keeps the signs"
        elif self.curved > 0.5:
            cause = "it follows the level, as after gamma or a threshold"
        else:
            cause = "a larger kernel, other options, a lossy file, or a filter that is not linear, as a median"
        return f"not a linear filter of this window: a residual of {self.rms:.3g}, {size} ({cause})"


class Span(NamedTuple):
    """What all pictures after hold: from `low` to `high`, whole numbers alone or not, so many samples."""

    low: float
    high: float
    is_whole: bool
    samples: int


def span(pairs: Sequence[Pair]) -> Span:
    """The Span of the pictures after: it stays the same whatever they are compared with."""
    afters = [pair.after for pair in pairs]
    # NaN is not whole; row by row, since a copy of a large picture is large
    is_whole = all(after.dtype.kind in "iu" or all((row == np.rint(row)).all() for row in after) for after in afters)
    low, high = min(float(np.nanmin(after)) for after in afters), max(float(np.nanmax(after)) for after in afters)
    return Span(low, high, is_whole, sum(after.size for after in afters))


def compare(
    pairs: Sequence[Pair], spanned: Span, kernel: Kernel, window: Window, select: str, threads: int
) -> Comparison:
    """The comparison over all pairs, which have channels and levels in common, and which `spanned` is of."""
    links = (Link(Filter("found", (Step("found", kernel),))),)
    tally = _Tally(spanned)
    for pair in pairs:
        height, width, channels = pair.before.shape
        layout = Layout("rgb" if pair.gray else "", select="gray" if pair.gray else "each")
        signal = Signal.of((height, width, channels), pair.before.dtype.name)
        program = compile_chain(links, signal, window, layout)
        tally.open(pair, program)
        program.run(pair.before, threads, taking(tally.add))
    return tally.comparison()


class _Tally:
    """Adds up what the strips give; they come in any order and from several threads."""

    def __init__(self, spanned: Span):
        self.spanned = spanned
        self.parts: list[dict[str, np.ndarray]] = []

    def open(self, pair: Pair, program: Program) -> None:
        """The pair that the next strips are of."""
        self.pair, geometry = pair, program.stages[0].geometry
        self.inside_y, self.inside_x = _inside(geometry.y), _inside(geometry.x)

    def add(self, start: int, block: np.ndarray) -> None:
        """A strip of sums."""
        there = self.pair.after[start : start + len(block)]
        sums, known = block / np.float64(self.pair.factor), self.pair.known(there)
        clipped = np.clip(sums, *self.pair.ends) if self.pair.ends else sums
        off = np.where(np.isfinite(there), clipped - there, 0)
        left = np.where(known, sums - there, 0)
        squares = left * left
        inside = np.zeros(known.shape[:2], bool)
        rows = slice(max(self.inside_y.start - start, 0), max(self.inside_y.stop - start, 0))
        inside[rows, self.inside_x] = True
        low, high = self.spanned.low, self.spanned.high
        bins = np.clip((sums[known] - low) * (BINS / ((high - low) or 1.0)), 0, BINS - 1).astype(np.intp)
        self.parts.append(
            {
                "squares": squares.sum(axis=(0, 1)),
                "known": np.count_nonzero(known),
                "inside": squares[inside].sum(),
                "known_inside": np.count_nonzero(known[inside]),
                "peak": float(np.abs(off).max()),
                "beyond": float(np.abs(sums - clipped).max()),
                "agreed": np.count_nonzero(np.rint(clipped) == there) if self.spanned.is_whole else 0,
                "first": np.sum(there, where=known, dtype=np.float64),
                "second": np.sum(np.square(there, dtype=np.float64), where=known),
                "binned": np.bincount(bins, minlength=BINS),
                "binned_left": np.bincount(bins, left[known], BINS),
            }
        )

    def comparison(self) -> Comparison:
        """What the strips give together."""
        total = {name: sum(part[name] for part in self.parts) for name in self.parts[0]}
        known, squares = int(total["known"]), float(total["squares"].sum())
        outside = known - total["known_inside"]
        used = total["binned"] > 0
        between = float((total["binned_left"][used] ** 2 / total["binned"][used]).sum())
        free = known - int(used.sum())
        varied = 0.0  # of equal samples rounding would leave more than nothing
        if self.spanned.high > self.spanned.low:
            varied = max(total["second"] / max(known, 1) - (total["first"] / max(known, 1)) ** 2, 0)
        return Comparison(
            squares=total["squares"],
            known=known,
            samples=self.spanned.samples,
            inside=float(np.sqrt(total["inside"] / max(total["known_inside"], 1))),
            border=float(np.sqrt(max(squares - total["inside"], 0) / max(outside, 1))),
            peak=float(max(part["peak"] for part in self.parts)),
            beyond=max(part["beyond"] for part in self.parts),
            agreed=int(total["agreed"]) / self.spanned.samples if self.spanned.is_whole else None,
            spread=float(np.sqrt(varied)),
            curved=1 - (squares - between) / squares * known / free if squares > 0 and free > 0 else 0.0,
        )


def _inside(axis: Axis) -> slice:
    """The results along an axis whose windows keep within the picture."""
    first = -(-axis.lo // axis.stride)
    last = (axis.size + axis.lo - axis.reach) // axis.stride
    return slice(first, max(first, last + 1))
