"""The text of one step, taken apart: what it names, the words behind its colon, the variants at its end."""

import re
from typing import NamedTuple

from convcli import matrix, variants
from convcli.border import Border
from convcli.definition import WINDOW_WORDS
from convcli.errors import ConvError, FilterError, printable
from convcli.variants import Variant
from convcli.words import amount, number, pair

__all__ = ["Spelling", "spelling"]

_SUFFIXES = "|".join(re.escape(suffix) for suffix in (".toml", *matrix.SUFFIXES, *matrix.PICTURES))
_FILE = re.compile(rf"(.*?(?:{_SUFFIXES}))(?::(.*))?", re.IGNORECASE | re.DOTALL)
_PATH = re.compile(r"((?:[A-Za-z]:(?=[/\\]))?[^:]*[/\\][^:]*)(?::(.*))?", re.DOTALL)
_MATRIX = rf"(?s)(.*?)(?:\s*:\s*((?:{'|'.join(WINDOW_WORDS)})\s*=.*))?"  # compiled when it is first asked for


class Spelling(NamedTuple):
    """A step taken apart: its kind (matrix, file, name), what it names, the words for its kernel, its window, variants.

    The key "" stands for the first parameter; the keys of `window` are fields of geometry.Window.
    """

    kind: str
    head: str
    params: dict[str, str]
    window: dict
    variants: tuple[Variant, ...] = ()


def spelling(step: str) -> Spelling:
    """A step taken apart; whether there is such a kernel or file is another question.

    >>> spelling("box:3,stride=2").params, spelling("box:3,stride=2").window
    ({'': '3'}, {'stride': (2, 2)})
    """
    whole = step.strip()
    step, changes = variants.divide(whole)
    if whole[len(step) :].startswith("*") and whole[0] != "[" and matrix.is_matrix(step):  # `1 0 -1*2`: of which?
        step, changes = whole, ()
    if matrix.is_matrix(step):
        kind, (head, words) = "matrix", re.fullmatch(_MATRIX, step).groups()
    elif match := _FILE.fullmatch(step) or _PATH.fullmatch(step):
        kind, (head, words) = "file", match.groups()
    else:
        kind, (head, colon, words) = "name", step.partition(":")
        words = words if colon else None
    params, window = _words(step, words) if words is not None else ({}, {})
    return Spelling(kind, head.strip(), params, window, changes)


def _words(step: str, text: str) -> tuple[dict[str, str], dict]:
    """The words behind the colon, sorted into parameters and window."""
    params, window = {}, {}
    for n, part in enumerate(printable(text).split(",")):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not equals:
            key, value = "", key
        if not value:
            raise FilterError(f'"{printable(step)}" lacks a value')
        if not key and (equals or n > 0):
            raise FilterError(f'"{printable(step)}": {value} wants a name, only the first parameter has none')
        word = key.replace("-", "_")
        given, key = (window, word) if word in WINDOW_WORDS else (params, key)
        if key in given:
            raise FilterError(f"{printable(step)}: {key} is given twice")
        given[key] = value
    try:
        return params, dict(_window_value(word, value) for word, value in window.items())
    except ConvError as error:
        raise error.at(step) from None


def _window_value(word: str, value: str) -> tuple[str, object]:
    """A field of geometry.Window and its value."""
    if word in ("stride", "dilation"):
        return word, pair(value, word, 1)
    if word == "padding":
        return word, amount(value)
    if word == "padding_mode":
        return "border", Border.parse(value)
    if word == "bias":
        return word, number(value, word)
    if value not in ("correlate", "convolve"):
        raise FilterError(f'op: "{value}" is neither correlate nor convolve')
    return word, value
