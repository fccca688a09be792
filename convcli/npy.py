"""NumPy's array files, read by their three facts alone: what cannot be spelled so is no plain array."""

import math
import re
from typing import TYPE_CHECKING

from convcli.errors import FilterError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["parse"]

_HEAD = re.compile(
    rb"\x93NUMPY(?:\x01\0..|[\x02\x03]\0....)\{'descr': '([<>|]?(?:f[248]|[iu][1248]|b1|U[1-9][0-9]{0,3}))', "
    rb"'fortran_order': (True|False), 'shape': \(((?:[0-9]{1,9}, ?){0,4}(?:[0-9]{1,9})?)\),? *\} *\n",
    re.DOTALL,
)


def parse(data: bytes) -> "np.ndarray":
    """The array of numbers or words in the bytes of an .npy file; never an object, so that nothing is unpickled.

    Raises FilterError, with what is wrong and without a name.
    """
    import numpy as np

    match = _HEAD.match(data)
    if not match:
        raise FilterError("is not a NumPy array of plain numbers")
    shape = tuple(int(part) for part in re.findall(rb"[0-9]+", match[3]))
    dtype = np.dtype(match[1].decode())
    if math.prod(shape) * dtype.itemsize != len(data) - match.end() or not math.prod(shape):
        raise FilterError(f"{len(data) - match.end()} bytes do not make an array of shape {shape}")
    array = np.frombuffer(data, dtype, offset=match.end())
    return array.reshape(shape, order="F" if match[2] == b"True" else "C")
