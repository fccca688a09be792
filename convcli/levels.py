"""Sums to the levels of a file: one range rule, one rounding, on the strip.

    clip     as it is          abs      absolute value         offset   x/2 + white/2
    stretch  min..max of the whole picture to 0..white         none     floats, as they are

Then `clip(rint(x))`, half to even, once. Alpha has no rule: it is clipped and rounded.
"""

from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from convcli.errors import ConvError
from convcli.graph import Program

__all__ = ["RULES", "Finish", "Tally", "render", "resolve", "white_of"]

RULES = ("auto", "clip", "abs", "offset", "stretch", "none")


@dataclass(slots=True)
class Tally:
    """What a range rule met: bounds of the sums, and how many samples fell below 0 and above white.

    low and high count samples after the rule, before clipping; `samples` is how many there were.
    """

    rule: str
    min: float = np.inf
    max: float = -np.inf
    low: int = 0
    high: int = 0
    samples: int = 0

    def add(self, other: "Tally") -> None:
        """Takes another tally in."""
        self.min, self.max = min(self.min, other.min), max(self.max, other.max)
        self.low, self.high, self.samples = self.low + other.low, self.high + other.high, self.samples + other.samples

    @property
    def remedy(self) -> str | None:
        """The range that keeps what was lost, where more than 1 % of the samples was; else None."""
        if self.low + self.high <= 0.01 * self.samples:
            return None
        return "stretch" if self.rule != "clip" or self.high > self.low else "abs"


@dataclass(frozen=True, slots=True)
class Finish:
    """The last step: strips of sums to strips of levels.

    rule: resolved, not `auto`. white_in, white: the picture's own white level and the output's. dtype: of the
    output. bounds: smallest and largest sum, for `stretch`. alpha: the last channel is alpha.
    """

    rule: str
    white_in: float
    white: float
    dtype: str
    alpha: bool = False
    bounds: tuple[float, float] = (0.0, 1.0)

    def apply(self, block: np.ndarray, out: np.ndarray) -> Tally:
        """Writes the levels of `block` (n, W, C) into `out`, and tells what was clipped; `block` stays as it is."""
        if not self.alpha:
            return self._colours(block, out)
        alpha = block[:, :, -1:]
        if self.rule == "none":
            np.copyto(out[:, :, -1:], alpha, casting="unsafe")
        else:
            self._round(_scaled(alpha, self.white / self.white_in), out[:, :, -1:])
        return self._colours(block[:, :, :-1], out[:, :, :-1])

    def _colours(self, block: np.ndarray, out: np.ndarray) -> Tally:
        tally = Tally(self.rule, samples=block.size)
        if self.rule == "none":
            np.copyto(out, block, casting="unsafe")
            return tally
        block, tally.min, tally.max = _finite(block)
        factor = self.white / self.white_in
        low, high = tally.min * factor, tally.max * factor
        if self.rule == "abs":
            if low < 0:
                block = np.abs(block, dtype=_wider(block.dtype, low, high))
            low, high = (0 if low < 0 < high else min(abs(low), abs(high))), max(abs(low), abs(high))
        if self.rule == "offset":
            block = block * _real(block)(factor / 2) + _real(block)(self.white / 2)
            low, high = (low + self.white) / 2, (high + self.white) / 2
        elif self.rule == "stretch":
            first, last = self.bounds
            span = last - first if last > first else 1.0
            block = (block - _real(block)(first)) * _real(block)(self.white / span)
            low, high = 0, self.white
        else:
            block = _scaled(block, factor)
        if low < 0:
            tally.low = int(np.count_nonzero(block < 0))
        if high > self.white:
            tally.high = int(np.count_nonzero(block > self.white))
        self._round(block, out, clip=low < 0 or high > self.white)
        return tally

    def _round(self, block: np.ndarray, out: np.ndarray, clip: bool = True) -> None:
        is_float = block.dtype.kind == "f"
        if np.dtype(self.dtype).kind == "f":
            np.copyto(out, np.clip(block, 0, self.white) if clip else block, casting="unsafe")
            return
        if is_float:
            block = np.rint(block)
        if clip:
            block = np.clip(block, 0, self.white)
        np.copyto(out, block, casting="unsafe")


def render(program: Program, pixels: np.ndarray, finish: Finish, threads: int) -> tuple[np.ndarray, Tally]:
    """The levels (H', W', C') of a program over `pixels` (H, W, C), and what the range rule met."""
    out = np.empty(program.signal.shape, finish.dtype)
    if finish.rule == "stretch":
        finish = replace(finish, bounds=_bounds(program, pixels, finish.alpha, threads))
    tallies: list[Tally] = []
    program.run(
        pixels, threads, lambda start, block: tallies.append(finish.apply(block, out[start : start + len(block)]))
    )
    total = Tally(finish.rule)
    for tally in tallies:
        total.add(tally)
    return out, total


def _bounds(program: Program, pixels: np.ndarray, alpha: bool, threads: int) -> tuple[float, float]:
    """Smallest and largest sum of the colours: a whole pass of its own, since no float picture is kept."""
    ends: list[tuple[float, float]] = []
    colours = slice(0, -1 if alpha else None)
    program.run(pixels, threads, lambda start, block: ends.append(_finite(block[:, :, colours])[1:]))
    return (min(low for low, _ in ends), max(high for _, high in ends))


def white_of(dtype: str) -> float:
    """The white level of a dtype: the largest value of unsigned integers and int32, 1.0 for floats."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return 1.0
    return float(np.iinfo(kind).max) if kind.kind in "iu" else 1.0


def resolve(rule: str, declared: str | None, is_signed: bool, is_float: bool) -> str:
    """`auto` made definite: none for floats, what the filter's file says, abs for zero-sum weights, clip."""
    if rule not in RULES:
        raise ConvError(f'range "{rule}" is none of {", ".join(RULES)}')
    if rule != "auto":
        return rule
    return "none" if is_float else declared or ("abs" if is_signed else "clip")


def _finite(block: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The block, its smallest and its largest sample; where it holds NaN or infinities, a block without them.

    NaN becomes 0, infinities the largest floats: a range rule has to put them somewhere.
    """
    low, high = float(block.min()), float(block.max())
    if isfinite(low) and isfinite(high):
        return block, low, high
    limit = float(np.finfo(np.float32).max)
    block = np.nan_to_num(block, nan=0.0, posinf=limit, neginf=-limit)
    return block, float(block.min()), float(block.max())


def _real(block: np.ndarray) -> type:
    return np.float64 if block.dtype in (np.float64, np.int32) else np.float32


def _wider(dtype: np.dtype, low: float, high: float) -> np.dtype:
    """A dtype that holds the absolute values: int16 cannot hold 32768."""
    if dtype.kind == "i" and low <= np.iinfo(dtype).min:
        return np.dtype("int32" if dtype.itemsize == 2 else "float64")
    return dtype


def _scaled(block: np.ndarray, factor: float) -> np.ndarray:
    return block if factor == 1 else block * _real(block)(factor)
