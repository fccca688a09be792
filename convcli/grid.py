"""Grids of numbers as pictures: text with one row a line, and .npy arrays.

Text that holds nothing but the signs numbers are made of goes to numpy's parser. What that one refuses is
read again cell by cell, which is the definition: it knows fractions, and the line and column of a mistake.
"""

import re
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from convcli.errors import ConvError, InputError, printable, reason
from convcli.words import number

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SEPARATORS", "looks_like_npy", "looks_like_text", "read", "to_text", "write_npy"]

SEPARATORS = {"TXT": " ", "CSV": ",", "TSV": "\t"}

_BOM = b"\xef\xbb\xbf"
_CONTROL = rb"[\x00-\x08\x0e-\x1f\x7f]"  # patterns are compiled when they are first asked for
_NETPBM = rb"P[1-7fFyY][\s#]"
_COMMENT = r"#[^\n]*"
_PLAIN = r"[0-9eE+\-., \t\n]*"
_LARGEST_PLAIN = 1e16  # whole floats below it are printed digit by digit


def looks_like_npy(head: bytes) -> bool:
    """True for the first bytes of a numpy array file."""
    return head.startswith(b"\x93NUMPY")


def looks_like_text(head: bytes) -> bool:
    """True for first bytes that can begin a grid of numbers, or a text that is none: no picture begins so.

    >>> looks_like_text(b"0 0 1\\n"), looks_like_text(b"\\x89PNG"), looks_like_text(b"P2\\n3 3\\n")
    (True, False, False)
    """
    body = head.removeprefix(_BOM)
    return (
        bool(body) and not re.search(_CONTROL, body) and not re.match(_NETPBM, body) and (body[0] < 128 or body != head)
    )


def read(source: Path | bytes | str) -> "np.ndarray":
    """The grid as float64 (H, W, C) from a file, its bytes or a text; C is 1 for text.

    >>> read("1 2 # a comment\\n3,4").shape
    (2, 2, 1)
    """
    if isinstance(source, Path):
        try:
            source = source.read_bytes()
        except OSError as error:
            raise InputError(reason(error)) from None
    if isinstance(source, str):
        return _from_text(source)
    if looks_like_npy(source):
        return _from_npy(source)
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError("UTF-16 text is not supported (save it as UTF-8)")
    try:
        return _from_text(source.removeprefix(_BOM).decode("utf-8"))
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise InputError(f"line {line}: byte 0x{source[error.start]:02x} is not UTF-8 text") from None


def _from_text(text: str) -> "np.ndarray":
    import numpy as np

    text = re.sub(_COMMENT, "", text.replace("\r\n", "\n"))
    if text.isspace() or not text:
        raise InputError("no numbers in it")
    grid = None
    if re.fullmatch(_PLAIN, text):
        with suppress(ValueError):  # the other way knows what is wrong, and where
            grid = np.loadtxt(text.split("\n"), delimiter="," if "," in text else None, ndmin=2)
    if grid is None or not np.isfinite(grid).all():
        grid = np.array(_rows(text))
    return grid[:, :, None]


def _rows(text: str) -> list[list[float]]:
    """The numbers of each line; where a line has commas they are its only separators."""
    rows, first = [], 0
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip(" \t"):
            continue
        row = []
        for found in re.finditer(r"(?:^|(?<=,))[^,]*" if "," in line else r"[^ \t]+", line):
            cell = found.group().strip(" \t")
            place = f"line {at}, column {found.start() + 1 + found.group().index(cell)}"
            if not cell:
                raise InputError(f"{place}: a number is missing")
            try:
                row.append(number(cell, place))
            except ConvError as error:
                long = f"{place}: a word of {len(cell)} characters is not a number"
                raise InputError(long if len(cell) > 100 else printable(error)) from None
        if rows and len(row) != len(rows[0]):
            raise InputError(f"line {at} has {len(row)} number{'s' * (len(row) != 1)}, line {first} has {len(rows[0])}")
        rows.append(row)
        first = first or at
    return rows


def _from_npy(data: bytes) -> "np.ndarray":
    import numpy as np

    try:
        grid = np.load(BytesIO(data), allow_pickle=False)
    except Exception as error:  # its own errors, and whatever a forged header brings about
        detail = (
            "it holds Python objects" if "Object arrays" in str(error) else "its header and its length do not agree"
        )
        raise InputError(f"damaged array: {detail}") from error
    if grid.dtype.kind not in "biuf":
        raise InputError(f"an array of {grid.dtype}, not of real numbers")
    if grid.ndim not in (2, 3) or not grid.size:
        raise InputError(f"an array of shape {grid.shape}, not (H, W) or (H, W, C)")
    return np.ascontiguousarray(grid.reshape(*grid.shape[:2], -1), np.float64)


def to_text(pixels: "np.ndarray", separator: str = " ") -> str:
    """One row a line; whole numbers without a point, others in the shortest form that reads back equal.

    Text has rows and columns and no third axis, so that a grid of several channels is refused.

    >>> import numpy as np
    >>> to_text(np.array([[[-4.0], [0.1]], [[2.5], [1e20]]], np.float32))
    '-4 0.1\\n2.5 1e+20\\n'
    """
    import numpy as np

    if pixels.ndim == 3 and pixels.shape[2] != 1:
        raise InputError(f"text holds one channel, not {pixels.shape[2]} (.npy holds them all)")
    grid = pixels.reshape(pixels.shape[:2])
    if grid.dtype.kind == "b":
        grid = grid.astype(np.uint8)
    if grid.dtype.kind == "f":
        if (np.abs(grid) < _LARGEST_PLAIN).all() and (grid == np.rint(grid)).all():
            grid = grid.astype(np.int64)
        elif grid.dtype.itemsize < 8:  # the float64 with the decimals of the float32, not with its bits
            grid = grid.astype(str).astype(np.float64)
    if grid.dtype.kind in "iu":
        lines = [separator.join(map(str, row)) for row in grid.tolist()]
    else:  # + 0 takes the sign from -0
        lines = [separator.join([repr(value).removesuffix(".0") for value in row]) for row in (grid + 0.0).tolist()]
    return "\n".join(lines) + "\n"


def write_npy(target: BinaryIO, pixels: "np.ndarray") -> None:
    """Nothing; `target` gets the array, (H, W) where there is one channel.

    numpy's own `save` hands a real file to C code, which loses the reason when a write fails.
    """
    import numpy as np

    array = np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    np.lib.format.write_array_header_1_0(target, np.lib.format.header_data_from_array_1_0(array))
    target.write(array.data)
