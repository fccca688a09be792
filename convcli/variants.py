"""Variants of a kernel: turned, transposed, multiplied; as the end of a step's text says it.

    sobel-x@90      turned by 90 degrees as the hands of a clock turn, from x towards y: that is sobel-y
    kirsch-n@45     every ring of a square moved on by an eighth of its length: that is kirsch-ne
    mine.toml^T     rows become columns
    sobel-x*-1      every weight times -1; `*1/8` works too

One follows the other, `sobel-x@45*-1`, and the anchor goes where its tap goes. Weights only change places and
are multiplied: nothing is interpolated, so angles are whole multiples of 45 degrees.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from convcli.errors import FilterError, printable
from convcli.words import number

if TYPE_CHECKING:  # numpy comes with the first kernel that is varied
    import numpy as np

    from convcli.filters import Kernel

__all__ = ["Variant", "divide", "varied"]

MOST = 16  # variants of one kernel

_VALUE = r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?"
_MARK = rf"@\s*{_VALUE}|\^\s*[tT]|\*\s*{_VALUE}(?:/{_VALUE})?"  # compiled when it is first asked for


class Variant(NamedTuple):
    """One change: `@` and degrees, `^` (transposed), or `*` and a factor."""

    mark: str
    value: float = 0.0

    def __str__(self) -> str:
        return f"{self.mark}{'T' if self.mark == '^' else format(self.value, '.12g')}"

    @property
    def words(self) -> str:
        """What it does, for a title."""
        told = {"@": f"turned by {self.value:g} degrees", "^": "transposed", "*": f"times {self.value:g}"}
        return told[self.mark]


def divide(step: str, is_formula: bool = False) -> tuple[str, tuple[Variant, ...]]:
    """The text of a step without the variants at its end, and those.

    is_formula: the text ends in arithmetic, which keeps a factor that follows no other variant.
    Raises FilterError for a number that cannot be read, and for more than `MOST`.

    >>> divide("gaussian-dx:2@90*-1")
    ('gaussian-dx:2', (Variant(mark='@', value=90.0), Variant(mark='*', value=-1.0)))
    >>> divide("box:2*s*3", is_formula=True)
    ('box:2*s*3', ())
    """
    left, found = step.rstrip(), []
    while (at := max(map(left.rfind, "@^*"))) >= 0 and re.fullmatch(_MARK, left[at:]):
        found.insert(0, (at, left[at:]))
        left = left[:at].rstrip()
        if len(found) > MOST:
            raise FilterError(f"{printable(step[:40])}...: a kernel has at most {MOST} variants")
    while is_formula and found and found[0][1][0] == "*":
        left = step[: found[0][0]] + found.pop(0)[1]
    return (left.strip(), tuple(_variant(part, step) for _, part in found)) if found else (step, ())


def varied(kernel: "Kernel", variants: tuple[Variant, ...]) -> "Kernel":
    """The kernel after its variants, one after the other; of planes and banks, every matrix.

    Raises FilterError for an angle that would need weights between the weights.
    """
    import numpy as np

    for variant in variants:
        if variant.mark == "*":
            whole = variant.value == int(variant.value)  # then whole weights stay whole
            factor, scale = (variant.value, 1.0) if whole else (np.sign(variant.value), abs(variant.value))
            kernel = kernel.changed(matrix=kernel.matrix * factor + 0.0, scale=kernel.scale * scale)  # + 0: no -0
            continue
        # where each tap comes from: the anchor is found again by its number
        taps = np.arange(kernel.taps[0] * kernel.taps[1]).reshape(kernel.taps)
        source = taps.T if variant.mark == "^" else _turned(taps, variant.value)
        matrix = kernel.matrix.reshape(*kernel.matrix.shape[:-2], -1)[..., source]
        y, x = np.argwhere(source == taps[kernel.anchor])[0]
        kernel = kernel.changed(matrix=matrix, anchor=(int(y), int(x)))
    titles = [kernel.title, *(variant.words for variant in variants)]
    return kernel.changed(title=", ".join(title for title in titles if title)) if variants else kernel


def _variant(text: str, step: str) -> Variant:
    mark, value = text[0], text[1:].strip()
    if mark == "^":
        return Variant("^")
    return Variant(mark, number(value, f"{step}: {'angle' if mark == '@' else 'factor'}"))


def _turned(taps: "np.ndarray", degrees: float) -> "np.ndarray":
    """A matrix turned clockwise."""
    import numpy as np

    eighths, rest = divmod(degrees, 45)
    if rest:
        raise FilterError(
            f"@{degrees:g} is no multiple of 45 degrees (gabor:theta=A and motion:angle=A take any angle)"
        )
    quarters, is_odd = divmod(int(eighths % 8), 2)
    taps = np.rot90(taps, -quarters)
    if not is_odd:
        return taps
    high, wide = taps.shape
    if high != wide or high % 2 == 0:
        raise FilterError(
            f"@{degrees:g} is for squares with an odd side, not {high}x{wide} (@90, @180 and @270 turn any)"
        )
    turned, middle = taps.copy(), high // 2
    for r in range(1, middle + 1):  # a ring at distance r has 8 r taps, so an eighth of it is r
        along, edge = np.arange(-r, r), np.full(2 * r, r)
        y = middle + np.concatenate((-edge, along, edge, -along))
        x = middle + np.concatenate((along, edge, -along, -edge))
        turned[y, x] = np.roll(taps[y, x], r)
    return turned
