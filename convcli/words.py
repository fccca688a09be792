"""Text from the outside, turned into numbers once: the only spelling rules for numbers and pairs.

Python's own `int` and `float` take more than a person means (`1_000`, Arabic digits, `nan`), so the shape
of the text is checked first.
"""

import re

from convcli.errors import ConvError

__all__ = ["amount", "integer", "number", "pair", "quoted", "spell", "spell_padding", "which"]

_MODES = frozenset(
    ["reflect", "edge", "replicate", "symmetric", "wrap", "circular", "zeros", "constant", "mean"]
)  # often mistaken
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)


def number(text: str, what: str) -> float:
    """A finite number.

    >>> number("-2.5e1", "bias")
    -25.0
    >>> number("1/8", "scale")
    0.125
    """
    over, slash, under = text.strip().partition("/")
    if not _NUMBER.fullmatch(over) or (slash and not _NUMBER.fullmatch(under)):
        comma = " (use a point)" if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", text.strip()) else ""
        raise ConvError(f"{what}: {quoted(text)} is not a number{comma}")
    value = float(over)
    if slash:
        if float(under) == 0:
            raise ConvError(f"{what}: {quoted(text)} divides by zero")
        value /= float(under)
    if value - value != 0:
        raise ConvError(f"{what}: {quoted(text)} is out of range")
    return value


def integer(text: str, what: str, least: int = 0) -> int:
    """A whole number of at least `least`.

    >>> integer("3", "stride", 1)
    3
    """
    if not _INTEGER.fullmatch(text.strip()):
        raise ConvError(f"{what}: {quoted(text)} is not a whole number")
    if len(text.strip()) > 18:
        raise ConvError(f"{what}: {text.strip()[:18]}... is too large")
    value = int(text)
    if value < least:
        raise ConvError(f"{what}: {value} is too small (at least {least})")
    return value


def pair(text: str, what: str, least: int = 0) -> tuple[int, int]:
    """Two whole numbers, y then x, from `N`, `Y,X` or `HxW`.

    >>> pair("3", "stride", 1), pair("2,3", "stride", 1), pair("480x640", "input")
    ((3, 3), (2, 3), (480, 640))
    """
    parts = _parts(text, what)
    if len(parts) > 2:
        raise ConvError(f"{what}: {quoted(text)} has {len(parts)} numbers (one for both axes, or Y,X)")
    values = [integer(part, what, least) for part in parts]
    return (values[0], values[-1])


def amount(text: str) -> str | tuple[int, int, int, int]:
    """How much padding: `same`, `valid`, `full`, or top, bottom, left, right in pixels.

    >>> amount("same"), amount("1"), amount("1,2"), amount("0,1,2,3")
    ('same', (1, 1, 1, 1), (1, 1, 2, 2), (0, 1, 2, 3))
    """
    if text in ("same", "valid", "full"):
        return text
    try:
        values = [integer(part, "padding") for part in _parts(text, "padding")]
    except ConvError:
        if text.partition(":")[0] in _MODES:
            raise ConvError(f"padding: {quoted(text)} is no amount; did you mean --padding-mode {text}?") from None
        raise ConvError(
            f'padding: {quoted(text)} is none of same, valid, full, P, "PY,PX" or "TOP,BOTTOM,LEFT,RIGHT" in pixels'
        ) from None
    if len(values) == 1:
        values *= 4
    elif len(values) == 2:
        values = [values[0], values[0], values[1], values[1]]
    elif len(values) != 4:
        raise ConvError(f"padding: {quoted(text)} has {len(values)} numbers (1, 2 or 4)")
    return tuple(values)


def which(text: str, what: str) -> str | int:
    """`all`, `first`, or the number of one, counted from 1.

    >>> which("all", "frames"), which("2", "frames")
    ('all', 2)
    """
    if text in ("all", "first"):
        return text
    if not _INTEGER.fullmatch(text.strip()):
        raise ConvError(f"{what}: {quoted(text)} is none of all, first, or the number of one, from 1")
    return integer(text, what, 1)


def quoted(text: str) -> str:
    """What was typed, for a message: in quotes, and a long one by its beginning.

    >>> quoted("1e400")
    '"1e400"'
    """
    return f'"{text}"' if len(text) <= 60 else f'"{text[:50]}..."'


def _parts(text: str, what: str) -> list[str]:
    """The numbers of a text, between commas or `x`; 0x10 is one number, and none of ours."""
    if re.fullmatch(r"\s*0[xX][0-9a-fA-F]+\s*", text):
        raise ConvError(f"{what}: {quoted(text)} is not a whole number")
    return re.split(r"[x×,]", text.strip())


def spell(pair: tuple) -> str:
    """A pair in its shortest words: one number where both are equal.

    >>> spell((3, 3)), spell((480, 640))
    ('3', '480x640')
    """
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def spell_padding(padding: tuple[int, int, int, int]) -> str:
    """Top, bottom, left and right in the shortest words that `--padding` takes.

    >>> spell_padding((1, 1, 1, 1)), spell_padding((1, 1, 2, 2)), spell_padding((0, 1, 2, 2))
    ('1', '1,2', '0,1,2,2')
    """
    top, bottom, left, right = padding
    if len(set(padding)) == 1:
        return str(top)
    return f"{top},{left}" if (top, left) == (bottom, right) else ",".join(map(str, padding))
