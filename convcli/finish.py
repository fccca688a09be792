"""Sums to the levels of a file, a strip at a time: one range rule, one rounding.

    clip     as it is          abs      absolute value         offset   x/2 + white/2
    stretch  min..max of the whole picture to 0..white         none     floats, as they are

Then `clip(rint(x))`, half to even, once. Alpha has no rule: it is clipped and rounded.
"""

from dataclasses import dataclass
from functools import cache
from math import inf, isfinite
from typing import NamedTuple

import numpy as np

from convcli.engine import Tape, play
from convcli.engine.scratch import empty
from convcli.engine.strips import copy
from convcli.engine.sums import number, slack

try:  # np.clip is a function around it, and other threads wait ten times as long for that
    from numpy._core.umath import clip
except ImportError:
    clip = np.clip

__all__ = ["Finish", "Tally", "finite_ends"]

_THREE = np.array([1, 1, 1, 0], np.uint8).view(np.uint32)  # three of four, as truths


@dataclass(slots=True)
class Tally:
    """What a range rule met: bounds of the sums, and how many samples fell below 0 and above white.

    min and max are in the picture's own levels, whose white is `white`. low and high count samples after the rule,
    before clipping; `samples` is how many there were. signed: the sums lie around zero by their nature.
    """

    rule: str
    min: float = np.inf
    max: float = -np.inf
    low: int = 0
    high: int = 0
    samples: int = 0
    white: float = 255.0
    signed: bool = False

    def add(self, other: "Tally") -> None:
        """Takes another tally in."""
        self.min, self.max = min(self.min, other.min), max(self.max, other.max)
        self.low, self.high, self.samples = self.low + other.low, self.high + other.high, self.samples + other.samples

    @property
    def remedy(self) -> str | None:
        """The range that keeps what was lost, where more than 1 % of the samples was; else None."""
        if self.low + self.high <= 0.01 * self.samples:
            return None
        fits = self.signed and -self.min <= self.white and self.high <= 0.01 * self.samples
        return "abs" if self.rule == "clip" and fits else "stretch"


class Finish(NamedTuple):
    """The last step: strips of sums to strips of levels.

    rule: resolved, not `auto`. white_in, white: the picture's own white level and the output's. dtype: of the
    output. bounds: smallest and largest sum, for `stretch`; None for the picture's own. alpha: the last channel is
    alpha. proven: bounds of all sums that the weights prove; where they keep within the levels, nothing is looked at
    but by wish (`measures`). signed: the sums lie around zero by their nature. share: what the sums, whole and
    within the levels, are still to be divided by. counts: somebody wants to know what was clipped. floor: the lowest
    level. spare: the last channel means nothing, and is not counted.
    """

    rule: str
    white_in: float
    white: float
    dtype: str
    alpha: bool = False
    bounds: tuple[float, float] | None = None
    proven: tuple[float, float] = (-inf, inf)
    measures: bool = True
    signed: bool = False
    share: int = 1
    counts: bool = True
    floor: float = 0.0
    spare: bool = False

    def apply(self, block: np.ndarray, out: np.ndarray) -> Tally:
        """Writes the levels of `block` (n, W, C) into `out`, and tells what was clipped; `block` is used up."""
        if not self.alpha:
            return self._colours(block, out)
        alpha = block[:, :, -1:]
        finite_ends(alpha)
        if self.rule == "none":
            np.copyto(out[:, :, -1:], alpha, casting="unsafe")
        else:
            tape: Tape = []
            alpha = _scaled(alpha, tape, self.white / self.white_in)
            self._round(alpha, True, tape)
            play(tape)
            copy(out[:, :, -1:], alpha)
        return self._colours(block[:, :, :-1], out[:, :, :-1])

    def lay(self, block: np.ndarray) -> tuple[Tape, np.ndarray] | None:
        """The calls that make levels of what is in `block`, and where these will be; `apply` without its tally.

        None where samples have to be looked at. Between two calls other threads wait, and so this is done once for
        all strips that lie in the same memory.
        """
        if self.alpha or self.rule == "none" or self._looks():
            return None
        tape: Tape = []
        low, high = self._ends(*self.proven)
        block = self._rule(block, self.proven[0], tape)
        if self.counts and self._is_outside(low, high, block.dtype):
            return None
        self._round(block, self._clips(low, high, block.dtype), tape)
        return tape, block

    def _colours(self, block: np.ndarray, out: np.ndarray) -> Tally:
        tally = Tally(self.rule, samples=self.samples(block), white=self.white_in, signed=self.signed)
        if self.rule == "none":
            if self.measures:
                tally.min, tally.max = float(np.fmin.reduce(block, axis=None)), float(np.fmax.reduce(block, axis=None))
            copy(out, block)
            return tally
        tally.min, tally.max = finite_ends(block) if self._looks() else self.proven
        tape: Tape = []
        low, high = self._ends(tally.min, tally.max)
        block = self._rule(block, tally.min, tape)
        play(tape)
        clips = self._clips(low, high, block.dtype)
        if self.counts and self._is_outside(low, high, block.dtype):
            self._count(block, low, high, tally)
            clips = clips and (block.dtype.kind == "f" or tally.low + tally.high > 0)
        tape = []
        self._round(block, clips, tape)
        play(tape)
        copy(out, block)
        return tally

    def _rule(self, block: np.ndarray, low: float, tape: Tape) -> np.ndarray:
        """Puts the range rule on the tape: where its results will be; low: what no sum is below."""
        if self.share > 1:
            return _divided(block, self.share, tape)
        factor = self.white / self.white_in
        if self.rule == "offset":
            return _scaled(block, tape, factor / 2, self.white / 2)
        if self.rule == "stretch":
            first, last = self.bounds
            share = 0.0 if self._is_flat(first, last) else self.white / (last - first)
            return _scaled(block, tape, share, less=first)
        if self.rule == "abs" and low < 0:
            block = _absolute(block, low, tape)
        return _scaled(block, tape, factor)

    def _ends(self, low: float, high: float) -> tuple[float, float]:
        """The bounds of the levels, before they are clipped, of sums between low and high."""
        if self.share > 1 or self.rule == "stretch":
            return 0.0, self.white
        low, high = (bound * self.white / self.white_in for bound in (low, high))
        if self.rule == "offset":
            return (low + self.white) / 2, (high + self.white) / 2
        return (0.0, max(-low, high)) if self.rule == "abs" and low < 0 else (low, high)

    def _clips(self, low: float, high: float, dtype: np.dtype) -> bool:
        """Whether levels between low and high have to be clipped."""
        if dtype.kind != "f":
            return self._is_outside(low, high, dtype)
        # what rounding brings back needs no clip; but what is multiplied was rounded before, by more than it seems
        past = 0.0 if self.dtype.startswith("float") else 0.4
        is_multiplied = self.rule == "stretch" or self.white > self.white_in
        return is_multiplied or low < self.floor - past or high > self.white + past

    def _is_outside(self, low: float, high: float, dtype: np.dtype) -> bool:
        """Whether levels between low and high may lie outside by more than rounding; whole ones below zero do not."""
        if dtype.kind == "f":
            return low < self.floor - slack(self.white) or high > self.white + slack(self.white)
        return self.floor >= 0 and (low < 0 or high > self.white)

    def _count(self, block: np.ndarray, low: float, high: float, tally: Tally) -> None:
        """How many levels, which are between low and high, lie outside."""
        if block.dtype.kind == "f":
            if low < self.floor - slack(self.white):
                tally.low = _counted(np.less, block, self.floor - slack(self.white), self.spare)
            if high > self.white + slack(self.white):
                tally.high = _counted(np.greater, block, self.white + slack(self.white), self.spare)
            return
        outside, is_wide = 0, self.white <= _most(block.dtype)
        if is_wide:  # without its sign, what is below zero lies above white
            outside = _counted(np.greater, block.view(f"u{block.itemsize}"), self.white, self.spare)
        if low < 0 and (outside or not is_wide):
            tally.low = _counted(np.less, block, 0, self.spare)
        tally.high = max(outside - tally.low, 0)

    def samples(self, block: np.ndarray) -> int:
        """How many samples of a block mean something."""
        return block.size - self.spare * block.size // block.shape[2]

    @property
    def is_by_sample(self) -> bool:
        """True where no sample makes a difference to another's level, or to what is told but by being counted."""
        return self.rule != "stretch" and not (self.alpha or self._looks())

    def _looks(self) -> bool:
        """Whether the smallest and the largest sum have to be found, where their bounds do not tell enough."""
        if self.share > 1:  # they are within the levels, and still to be divided
            return False
        is_bounded = isfinite(self.proven[0]) and isfinite(self.proven[1])
        if self.measures or not is_bounded:
            return True
        return self.rule == "clip" and self.signed and self.counts  # for which range would keep what is clipped

    def _is_flat(self, first: float, last: float) -> bool:
        """True where the sums differ by no more than rounding: a stretch would show its noise."""
        is_bounded = isfinite(self.proven[0]) and isfinite(self.proven[1])
        return last - first <= (2 * slack(self.white) if is_bounded else 1e-6 * max(abs(first), abs(last)))

    def _keeps_within_levels(self) -> bool:
        """True where no sum can leave floor..white."""
        low, high = self._ends(*self.proven)
        return self.rule != "stretch" and low >= self.floor and high <= self.white + slack(self.white)

    @property
    def takes_whole(self) -> bool:
        """True where whole sums can be divided and rounded in integers, and nothing else is to be done with them."""
        is_plain = self.rule in ("clip", "abs") and self.white == self.white_in and not (self.alpha or self.measures)
        return is_plain and np.dtype(self.dtype).kind in "iu" and self.floor == 0 and self._keeps_within_levels()

    def _round(self, block: np.ndarray, clips: bool, tape: Tape) -> None:
        """Puts on the tape what rounds and clips levels, in place."""
        is_float = block.dtype.kind == "f"
        if is_float and not self.dtype.startswith("float"):
            tape.append((np.rint, (block, block)))
        if clips:
            most = self.white if is_float else min(int(self.white), _most(block.dtype))
            tape.append((clip, (block, number(self.floor, block.dtype), number(most, block.dtype), block)))


def _divided(block: np.ndarray, share: int, tape: Tape) -> np.ndarray:
    """Puts on the tape: the whole samples, none below zero, over a whole number: to the nearest, half to even.

    An odd number leaves no halves. A power of two shifts, and adds a little less than a half where the result is even.
    """
    block = block.view(f"u{block.itemsize}")
    kind = block.dtype
    if share % 2:
        tape.append((np.add, (block, number(share // 2, kind), block)))
        tape.append((np.floor_divide, (block, number(share, kind), block)))
        return block
    bits, is_odd = number(share.bit_length() - 1, kind), empty(block.shape, block.dtype)
    tape.append((np.right_shift, (block, bits, is_odd)))
    tape.append((np.bitwise_and, (is_odd, number(1, kind), is_odd)))
    tape.append((np.add, (block, is_odd, block)))
    tape.append((np.add, (block, number(share // 2 - 1, kind), block)))
    tape.append((np.right_shift, (block, bits, block)))
    return block


def _counted(compare: np.ufunc, block: np.ndarray, bound: float, spare: bool) -> int:
    """How many samples compare so with the bound; spare: the last of four does not count."""
    if block.dtype.kind != "f":
        bound = block.dtype.type(min(int(bound), _most(block.dtype)))  # beside a float all would become floats
    found = compare(block, bound, out=empty(block.shape, bool))
    if spare:
        found.view(_THREE.dtype)[:] &= _THREE
    return int(np.count_nonzero(found))


@cache
def _most(dtype: np.dtype) -> int:
    """The largest whole number of a dtype."""
    return int(np.iinfo(dtype).max)


def finite_ends(block: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest sample. NaN becomes 0 first and infinities huge numbers, in place.

    A range rule has to put them somewhere, and as integers they have no meaning.
    """
    low, high = float(block.min()), float(block.max())
    if isfinite(low) and isfinite(high):
        return low, high
    np.nan_to_num(block, copy=False, nan=0.0, posinf=1e30, neginf=-1e30)
    return float(block.min()), float(block.max())


def _absolute(block: np.ndarray, low: float, tape: Tape) -> np.ndarray:
    """Puts the absolute values on the tape; in a wider dtype where the most negative integer has no positive twin."""
    if block.dtype.kind == "i" and low <= -_most(block.dtype) - 1:
        block = _converted(block, "int32" if block.dtype.itemsize == 2 else "float64", tape)
    tape.append((np.abs, (block, block)))
    return block


def _scaled(block: np.ndarray, tape: Tape, factor: float, offset: float = 0.0, less: float = 0.0) -> np.ndarray:
    """Puts (block - less) * factor + offset on the tape, in place where the block holds floats."""
    if factor == 1 and offset == 0 and less == 0:
        return block
    if block.dtype.kind != "f":
        block = _converted(block, "float32" if block.dtype.itemsize <= 2 else "float64", tape)
    kind = block.dtype
    if less:  # first, or large numbers that hardly differ would lose what they differ by
        tape.append((np.subtract, (block, number(less, kind), block)))
    tape.append((np.multiply, (block, number(factor, kind), block)))
    if offset:
        tape.append((np.add, (block, number(offset, kind), block)))
    return block


def _converted(block: np.ndarray, dtype: str, tape: Tape) -> np.ndarray:
    """Puts on the tape: the samples in another dtype."""
    wide = np.empty_like(block, dtype)
    tape.append((np.copyto, (wide, block)))
    return wide
