"""Values as TOML and JSON give them, checked: each function takes a value and what a message is to call it."""

from collections.abc import Callable

from convcli import words
from convcli.errors import FilterError, hint, printable

__all__ = [
    "MAX_SIDE",
    "anchor",
    "matrix",
    "named_tables",
    "nested",
    "note",
    "number",
    "one_of",
    "ragged",
    "read",
    "sides",
    "sums",
    "tables",
    "text",
    "texts",
    "vector",
]

MAX_SIDE = 2048  # taps


def read(table: dict, checks: dict[str, Callable], needed: tuple[str, ...], place: str = "") -> dict:
    """The table with every value checked and converted by the function that `checks` has for its key."""
    for key in table:
        if key not in checks:
            known = f" (known: {', '.join(checks)})"
            raise FilterError(f'{place}unknown key "{printable(key)}"{hint(key, checks) or known}')
    for key in needed:
        if key not in table:
            raise FilterError(f"{place}{key} is missing")
    return {key: checks[key](value, f"{place}{key}") for key, value in table.items()}


def text(value, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise FilterError(f"{what}: wanted text")
    return value


def texts(value, what: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise FilterError(f"{what}: wanted a list of texts")
    return tuple(text(part, what) for part in value)


def note(value, what: str) -> str:
    return value if value == "" else text(value, what)


def one_of(*known: str) -> Callable:
    def check(value, what: str) -> str:
        if value not in known:
            raise FilterError(
                f'{what}: "{printable(value)}" is not known{hint(str(value), known)} ({", ".join(known)})'
            )
        return value

    return check


def tables(checks: dict[str, Callable], *needed: str) -> Callable:
    def check(value, what: str) -> list[dict]:
        if not isinstance(value, list) or not value or not all(isinstance(part, dict) for part in value):
            raise FilterError(f"{what}: wanted tables [[{what}]]")
        return [read(part, checks, needed, f"{what} {n}: ") for n, part in enumerate(value, 1)]

    return check


def named_tables(value, what: str) -> dict:
    if not isinstance(value, dict) or not all(isinstance(part, dict) for part in value.values()):
        raise FilterError(f"{what}: wanted tables [{what}.NAME]")
    return value


def anchor(value, what: str) -> tuple[int, int]:
    if not isinstance(value, list) or [type(part) for part in value] != [int, int]:
        raise FilterError(f"{what}: wanted [y, x], two whole numbers")
    return tuple(value)


def sides(value, what: str) -> tuple[str, ...]:
    """Two formulas, of y and x."""
    sides = value if isinstance(value, list) else [value, value]
    if len(sides) != 2:
        raise FilterError(f"{what}: wanted one value, or [y, x]")
    return tuple(side if isinstance(side, str) else repr(number(side, what)) for side in sides)


def vector(value, what: str) -> list[float]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_SIDE:
        raise FilterError(f"{what}: wanted a list of up to {MAX_SIDE} numbers")
    return [number(part, f"{what}: value {n}") for n, part in enumerate(value, 1)]


def sums(value, what: str) -> tuple[float, ...]:
    """One number for all maps, or one for each."""
    return tuple(vector(value, what)) if isinstance(value, list) else (number(value, what),)


def matrix(value, what: str) -> list:
    rows = nested(value, what)
    if isinstance(rows[0][0], list):
        raise FilterError(f"{what}: wanted a list of rows")
    return rows


def number(value, what: str) -> float:
    """A number of TOML, or a fraction in quotes."""
    return filled(value, what, [], [])


def nested(value, what: str) -> list:
    """Nested lists of one shape, two to four deep, with floats in them; a flat list is one row."""
    shape, inner = [], value
    while isinstance(inner, list) and inner:
        shape.append(len(inner))
        inner = inner[0]
    if len(shape) == 1:
        value, shape = [value], [1, *shape]
    if len(shape) not in (2, 3, 4) or isinstance(inner, list):
        raise FilterError(f"{what}: wanted a list of rows, or planes of rows")
    return filled(value, f"{what}:", shape, ["map", "plane", "row", "column"][-len(shape) :])


def ragged(place: str, length: int, kind: str, wanted: int) -> FilterError:
    """The error for a row, plane or map that is not as long as the first one."""
    unit = {"row": "value", "plane": "row", "map": "plane"}[kind]
    return FilterError(f"{place} has {length} {unit}{'s' * (length != 1)}, {kind} 1 has {wanted}")


def filled(value, place: str, shape: list[int], kinds: list[str], own_kind: str = ""):
    """The lists or the number at one place, `kinds` naming what stands at each level below it."""
    what = place.rstrip(",:")
    if not shape:
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            spelled = str(value)
            return words.number(spelled if len(spelled) < 60 else f"{spelled[:20]}...", what)
        raise FilterError(f"{what}: wanted a number")
    if not isinstance(value, list):
        raise FilterError(f"{what}: wanted a list of {kinds[0]}s")
    if len(value) != shape[0]:
        raise ragged(what, len(value), own_kind, shape[0])
    if len(shape) == 1 and all(type(part) in (int, float) and abs(part) < 1e15 for part in value):
        return list(map(float, value))  # there may be a million, and no place has to be told
    return [filled(part, f"{place} {kinds[0]} {n},", shape[1:], kinds[1:], kinds[0]) for n, part in enumerate(value, 1)]
