"""Matrix products on one thread each, while strips run side by side: more threads would only wait for each other.

The command says so to numpy before it is imported. A program that has imported numpy already is asked through the
library that numpy brought along, and gets its threads back afterwards.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

__all__ = ["one_thread"]

NAMES = [f"{first}openblas_{{}}_num_threads{last}" for first in ("scipy_", "") for last in ("64_", "_64_", "_64", "")]


class Library(NamedTuple):
    """The two functions of OpenBLAS that know how many threads a product takes."""

    get: ctypes._CFuncPtr
    set: ctypes._CFuncPtr


class Users:
    """How many runs want one thread now, and what was set before the first of them."""

    lock = Lock()
    count = 0
    before = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """A product takes one thread inside, wherever that can be asked for."""
    library = None if os.environ.get("OPENBLAS_NUM_THREADS") == "1" else _library()
    if library is None:
        yield
        return
    with Users.lock:
        if Users.count == 0:
            Users.before = library.get()
            library.set(1)
        Users.count += 1
    try:
        yield
    finally:
        with Users.lock:
            Users.count -= 1
            if Users.count == 0:
                library.set(Users.before)


@cache
def _library() -> Library | None:
    """The OpenBLAS that numpy's wheels carry; None where numpy was built with another."""
    folder = Path(np.__file__).parent
    for path in (*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")):
        try:
            found = ctypes.CDLL(str(path))
        except OSError:
            continue
        for name in NAMES:
            if hasattr(found, name.format("set")):
                return Library(getattr(found, name.format("get")), getattr(found, name.format("set")))
    return None
