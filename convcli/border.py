"""Padding modes: their names, their pictures and their index arithmetic.

`locate` says which sample of the line stands at position `i` when the line is extended without end. It is
plain arithmetic without branches, so it serves Python integers and integer arrays alike.
"""

from typing import NamedTuple

from convcli.errors import ConvError, hint
from convcli.words import number, quoted

__all__ = ["MODES", "PICTURES", "Border", "locate"]

MODES = {
    "reflect": ("reflect101", "reflect_101", "reflect-101", "whole-sample"),
    "edge": ("replicate", "border", "nearest", "clamp", "copy"),
    "symmetric": ("half-sample",),
    "wrap": ("circular", "periodic", "tile"),
    "zeros": ("zero", "black", "constant"),
    "constant": (),
    "mean": (),
}
PICTURES = {
    "reflect": "d c b . a b c d . c b a",
    "edge": "a a a . a b c d . d d d",
    "symmetric": "c b a . a b c d . d c b",
    "wrap": "b c d . a b c d . a b c",
    "zeros": "0 0 0 . a b c d . 0 0 0",
    "constant": "V V V . a b c d . V V V",
    "mean": "m m m . a b c d . m m m",
}
_ALIASES = {alias: mode for mode, aliases in MODES.items() for alias in aliases}


class Border(NamedTuple):
    """What stands outside the picture: a mode, and the value of `constant:V` in the picture's own levels."""

    mode: str = "reflect"
    value: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Border":
        """The border that a word means.

        >>> Border.parse("replicate"), Border.parse("constant:128")
        (Border(mode='edge', value=0.0), Border(mode='constant', value=128.0))
        """
        word, colon, value = text.strip().lower().partition(":")
        if word == "constant" and colon:
            return cls("constant", number(value, "padding mode constant"))
        if word == "mirror":
            raise ConvError(
                "padding mode mirror means two things: "
                f"reflect ({PICTURES['reflect']}) or symmetric ({PICTURES['symmetric']})"
            )
        mode = _ALIASES.get(word, word)
        if colon or mode not in MODES or mode == "constant":
            known = [*MODES, *_ALIASES]
            raise ConvError(
                f"padding mode {quoted(text)} is not known{hint(word, known)}"
                " (reflect, edge, symmetric, wrap, zeros, constant:V, mean)"
            )
        return cls(mode)

    def __str__(self) -> str:
        return f"constant:{self.value!r}".removesuffix(".0") if self.mode == "constant" else self.mode

    @property
    def is_flat(self) -> bool:
        """True where one value stands everywhere outside."""
        return self.mode in ("zeros", "constant", "mean")


def locate(mode: str, i, n: int):
    """Index in 0..n-1 of the sample at position `i` (an integer or an integer array) of the extended line.

    >>> "".join("abcd"[locate("reflect", i, 4)] for i in range(-9, 0))
    'dcbabcdcb'
    >>> [locate("symmetric", i, 1) for i in (-2, 5)]
    [0, 0]
    """
    if mode == "edge":
        return (abs(i) - abs(i - (n - 1)) + n - 1) // 2
    if mode == "wrap":
        return i % n
    if mode == "symmetric":
        return (2 * n - 1 - abs(2 * (i % (2 * n)) - (2 * n - 1))) // 2
    if mode == "reflect":
        last = max(n - 1, 1)
        return (last - abs(i % (2 * last) - last)) % n  # % n: a single sample repeats
    raise ValueError(mode)
