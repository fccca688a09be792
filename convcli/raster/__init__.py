"""Pictures: from the bytes of a file to numbers with a meaning, and back.

The only package that knows Pillow, which it loads with the first picture that needs it: grids and the writing
of PNG do without.
"""

from convcli.formats import FORMATS, can_hold, can_take, format_of, mode_of
from convcli.raster.animation import encode_frames
from convcli.raster.canvas import Canvas
from convcli.raster.opening import MAX_PIXELS, content, room
from convcli.raster.picture import FormatError, Header, Metadata, Raster
from convcli.raster.reading import frames, header, read
from convcli.raster.writing import encode

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "Canvas",
    "FormatError",
    "Header",
    "Metadata",
    "Raster",
    "can_hold",
    "can_take",
    "content",
    "encode",
    "encode_frames",
    "format_of",
    "frames",
    "header",
    "mode_of",
    "read",
    "room",
]
