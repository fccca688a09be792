"""What the name of an input stands for, and what messages call it."""

import sys
from pathlib import Path

from convcli.errors import InputError, printable

__all__ = ["STREAM", "called", "placed", "source"]

STREAM = "-"  # standard input, where an input is named; standard output, where a result is


def source(name: str, most: int) -> Path | bytes:
    """The path of an input, or what standard input holds for `-`, at most one byte more than `most`.

    Raises InputError where that is closed.
    """
    if name != STREAM:
        return Path(name)
    if sys.stdin is None:
        raise InputError(f"{called(STREAM)}: it is closed")
    return sys.stdin.buffer.read(most + 1)


def called(name: str) -> str:
    """What a message calls an input.

    >>> called("a.png"), called("-"), called("")
    ('a.png', 'standard input', '""')
    """
    return "standard input" if name == STREAM else printable(name or '""')


def placed(error: Exception, name: str) -> str:
    """The message of an error with the input in front, once.

    >>> placed(InputError("is damaged"), "a.png"), placed(InputError("a.png: is damaged"), "a.png")
    ('a.png: is damaged', 'a.png: is damaged')
    """
    text = "not enough memory" if isinstance(error, MemoryError) else str(error)
    return text if text.startswith(f"{called(name)}:") else f"{called(name)}: {text}"
