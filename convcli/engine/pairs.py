"""Equal taps that lie in one pattern twice: the pattern is summed once, and its sums are added to themselves shifted.

The four neighbours of a pixel are two diagonal pairs, so two additions give what three would; the eight around it
take five instead of seven.
"""

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Pattern", "pattern"]

MOST = 128  # taps among which patterns are looked for
Tap = tuple[int, int]


class Pattern(NamedTuple):
    """Picture n + 1 is picture n plus itself shifted by shifts[n] (rows, columns); the sum is that of all `taps`.

    A tap is (picture, row, column).
    """

    shifts: tuple[Tap, ...]
    taps: tuple[tuple[int, int, int], ...]

    @property
    def passes(self) -> int:
        """Additions."""
        return len(self.shifts) + len(self.taps) - 1


def pattern(taps: Iterable[Tap]) -> Pattern:
    """How to sum taps of equal weight.

    >>> pattern([(0, 1), (1, 0), (1, 2), (2, 1)])
    Pattern(shifts=((1, -1),), taps=((1, 0, 1), (1, 1, 2)))
    """
    some, shifts, single = sorted(taps), [], []
    while 4 <= len(some) <= MOST:
        shift, half = max(((shift, _first(some, shift)) for shift in _shifts(some)), key=lambda way: len(way[1]))
        rest = set(some).difference(half, (_moved(tap, shift) for tap in half))
        if len(half) + len(rest) >= len(some) - 1:  # an addition to make it, and none saved
            break
        single += [(len(shifts), *tap) for tap in sorted(rest)]
        shifts.append(shift)
        some = half
    return Pattern(tuple(shifts), (*single, *((len(shifts), *tap) for tap in some)))


def _shifts(taps: list[Tap]) -> list[Tap]:
    """From the first tap to each of the others."""
    (top, left), *others = taps
    return [(y - top, x - left) for y, x in others]


def _first(taps: list[Tap], shift: Tap) -> list[Tap]:
    """As many of the taps as there are pairs that lie `shift` apart: the first of each pair, no tap in two."""
    free, first = set(taps), []
    for tap in taps:
        partner = _moved(tap, shift)
        if tap in free and partner in free:
            free -= {tap, partner}
            first.append(tap)
    return first


def _moved(tap: Tap, shift: Tap) -> Tap:
    return tap[0] + shift[0], tap[1] + shift[1]
