"""Pillow's own memory of an image, looked at where it lies.

Pillow keeps red, green and blue four bytes apart, and every way out of it that is not this one copies them while no
other thread runs. This way is the Arrow C data interface (its specification gives the fields of the structure).
"""

import ctypes
from math import prod
from typing import TYPE_CHECKING, Any

from convcli.raster.opening import pillow

if TYPE_CHECKING:
    import numpy as np

__all__ = ["shared"]

_SAMPLES = {"L": 1, "RGB": 4, "RGBA": 4, "CMYK": 4}  # in memory


class _Array(ctypes.Structure):
    """An `ArrowArray`."""


_Array._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    *((name, ctypes.c_void_p) for name in ("dictionary", "release", "private_data")),
]


def shared(im: Any) -> "np.ndarray | None":
    """The memory of a decoded image of 8 bits, (H, W, 1) or (H, W, 4), read-only; it stays when the image is closed.

    What stands where RGB has no fourth sample means nothing. None where Pillow has the image in several pieces, as all
    of more than 16 MiB are, four megapixels of colours; it is well so, for a copy of red, green and blue takes three
    bytes a pixel, not four.
    """
    import numpy as np  # late: while it is imported, pictures can be decoded

    has_gaps = pillow().core.get_alignment() > 1  # between lines, of which older ones say nothing
    if im.mode not in _SAMPLES or has_gaps:
        return None
    try:
        _, capsule = held = im.__arrow_c_array__()
    except ValueError:
        return None
    array = ctypes.cast(_pointer(capsule, b"arrow_array"), ctypes.POINTER(_Array)).contents
    samples = array.children[0].contents if array.n_children else array
    shape = (im.height, im.width, _SAMPLES[im.mode])
    if samples.length != prod(shape) or samples.offset or samples.n_buffers != 2:
        return None
    memory = (ctypes.c_uint8 * samples.length).from_address(samples.buffers[1])
    memory.held = held
    pixels = np.frombuffer(memory, np.uint8).reshape(shape)
    pixels.flags.writeable = False
    return pixels


def _pointer(capsule: object, name: bytes) -> int:
    """What a capsule holds."""
    kind = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)  # of our own: others share pythonapi
    return kind(("PyCapsule_GetPointer", ctypes.pythonapi))(capsule, name)
