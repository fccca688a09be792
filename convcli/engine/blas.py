"""What is asked of the BLAS that numpy brought along without numpy between: its threads, and sums of scaled arrays.

Matrix products take one thread each while strips run side by side: more would only wait for each other. The command
says so to numpy before it is imported. A program that has imported numpy already is asked through the library, and
gets its threads back afterwards.
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

from convcli.engine import Tape

__all__ = ["REALS", "add_scaled", "can_add_scaled", "one_thread"]

NAMES = [(first, last) for first in ("scipy_", "") for last in ("64_", "_64_", "_64", "")]  # around those of OpenBLAS
ROW_MAJOR = 101  # of CBLAS
REALS = {"float32": ("s", ctypes.c_float), "float64": ("d", ctypes.c_double)}  # letter of BLAS, and of C


class Library(NamedTuple):
    """Functions of OpenBLAS: threads of a product; scaled sums by dtype, with its C type; how lengths are counted."""

    get: ctypes._CFuncPtr
    set: ctypes._CFuncPtr
    adds: dict[str, tuple[ctypes._CFuncPtr, type]]
    integer: type


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


def can_add_scaled(dtype: np.dtype) -> bool:
    """True where `add_scaled` can be asked for arrays of the dtype."""
    return dtype.kind == "f" and (library := _library()) is not None and dtype.char in library.adds


def add_scaled(before: float, out: np.ndarray, weight: float, array: np.ndarray, tape: Tape) -> None:
    """Puts on the tape: `out` becomes before * out + weight * array, in one pass where numpy takes two or three.

    out, array: (rows, width) of the same dtype, one for which `can_add_scaled`; neighbours in a row side by side.
    """
    _, _, adds, integer = _library()
    call, real = adds[out.dtype.char]
    rows, width = out.shape

    def place(of: np.ndarray) -> tuple:
        """Where it is, which keeps it in memory, and from row to row."""
        return of.ctypes.data_as(ctypes.c_void_p), integer(of.strides[0] // of.itemsize if rows > 1 else width)

    sides = (real(weight), *place(array), real(before), *place(out))
    tape.append((call, (ROW_MAJOR, integer(rows), integer(width), *sides)))


@cache
def _library() -> Library | None:
    """The OpenBLAS that numpy's wheels carry; None where numpy was built with another."""
    folder = Path(np.__file__).parent
    for path in (*folder.parent.glob("numpy.libs/*openblas*"), *folder.glob(".dylibs/*openblas*")):
        try:
            found = ctypes.CDLL(str(path))
        except OSError:
            continue
        for first, last in NAMES:
            threads = [getattr(found, f"{first}openblas_{verb}_num_threads{last}", None) for verb in ("get", "set")]
            if all(threads):
                adds = {}
                for dtype, (letter, real) in REALS.items():
                    if add := getattr(found, f"{first}cblas_{letter}geadd{last}", None):
                        add.restype = None
                        adds[np.dtype(dtype).char] = (add, real)
                return Library(*threads, adds, ctypes.c_int64 if "64" in last else ctypes.c_int)
    return None
