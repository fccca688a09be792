"""TIFF in our own hands: pages one after the other, samples of 8, 16 or 32 bits, plain or deflated.

Pillow writes no 16-bit colour, keeps all pages in memory, and what libtiff packs for it loses directories of EXIF.
Every page is its directory and then its strips (TIFF 6.0, part 1), so that nothing has to be gone back to.
"""

import struct
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

from convcli import png
from convcli.raster.metadata import DESCRIPTIVE, DIRECTORIES
from convcli.raster.opening import pillow
from convcli.raster.picture import FormatError, Metadata

if TYPE_CHECKING:
    import numpy as np

__all__ = ["write"]

_LEVELS = {"fast": None, "default": 6, "best": 9}  # of deflate
_PHOTOMETRIC = {"RGB": 2, "RGBA": 2, "CMYK": 5}  # others: 1, zero is black
_SHORT, _LONG, _BYTE, _UNDEFINED = 3, 4, 1, 7


def write(
    target: BinaryIO,
    pages: "Iterable[tuple[np.ndarray, str, Metadata]]",
    count: int = 1,
    *,
    compression: str = "fast",
    threads: int = 1,
) -> tuple[str, ...]:
    """What could not be kept, a line each; `target` gets the file.

    pages: `count` of them, each pixels (H, W, C), their mode, and what is said of them.

    Raises FormatError where the file would grow over 4 GB.
    """
    target.write(b"II*\0\x08\0\0\0")
    at, notes = 8, ()
    for number, (pixels, mode, info) in enumerate(pages, 1):
        strips, tags = _strips(pixels, _LEVELS[compression], threads)
        tags |= _layout(pixels, mode)
        if count > 1:
            tags |= {254: 2, 297: (number - 1, count)}  # a page of several
        sizes = [memoryview(strip).nbytes for strip in strips]
        if at + sum(sizes) > 2**32 - 2**26:
            raise FormatError("TIFF files end at 4 GB (--format png, or fewer --frames)")
        try:
            head = _directory(_described(info) | tags, sizes, at)
        except Exception:  # EXIF comes from anywhere, and packing it fails in many ways
            head, notes = _directory(tags, sizes, at), ("all metadata dropped, TIFF could not take it",)
        at += len(head) + sum(sizes)
        odd = at % 2  # directories begin at even places
        at += odd
        link = 2 + 12 * int.from_bytes(head[:2], "little")
        following = at if number < count else 0
        target.write(head[:link] + struct.pack("<I", following) + head[link + 4 :])
        for strip in strips:
            target.write(strip)
        target.write(b"\0" * odd)
    return notes


def _layout(pixels: "np.ndarray", mode: str) -> dict[int, Any]:
    """The tags that say what the samples are."""
    channels, kind = pixels.shape[2], pixels.dtype.kind
    plain = mode.partition(";")[0]
    tags = {
        256: pixels.shape[1],
        257: pixels.shape[0],
        258: (8 * pixels.itemsize,) * channels,
        262: _PHOTOMETRIC.get(plain, 1),
        277: channels,
        284: 1,  # the samples of a pixel stand together
        339: ({"u": 1, "i": 2, "f": 3}[kind],) * channels,
    }
    return tags | {338: (2,)} if plain in ("LA", "RGBA") else tags  # alpha by which colours are not multiplied


def _strips(pixels: "np.ndarray", level: int | None, threads: int) -> tuple[list, dict[int, Any]]:
    """The samples as they stand in the file, in strips, and the tags that say so."""
    import numpy as np

    pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    predicts = pixels.dtype.kind != "f"

    def packed(rows: slice) -> bytes:
        part = pixels[rows]
        if predicts:  # each sample less its left neighbour
            part = part.copy()
            part[:, 1:] -= pixels[rows, :-1]
        return zlib.compress(part, level)

    if level is None:
        rows, strips = len(pixels), [pixels.reshape(-1).view(np.uint8)]
        tags = {259: 1}
    else:
        rows, strips = png.rows_in_strip(pixels), list(png.in_order(packed, pixels, threads))
        tags = {259: 8, 317: 2 if predicts else 1}
    return strips, {**tags, 278: rows}


def _described(info: Metadata) -> dict[int, Any]:
    """The tags that describe the picture."""
    exif = pillow().Exif()
    exif.load(b"Exif\0\0" + (info.exif or b""))
    tags = {tag: exif[tag] for tag in DESCRIPTIVE if tag in exif}
    tags |= {tag: values for tag in DIRECTORIES if (values := exif.get_ifd(tag))}
    for tag, value in ((34675, info.icc), (700, info.xmp)):
        if value:
            tags[tag] = value
    if info.dpi:
        tags |= {282: info.dpi[0], 283: info.dpi[1], 296: 2}
    return tags


def _directory(tags: dict[int, Any], sizes: list[int], at: int) -> bytes:
    """A directory that stands at `at` and has the strips right behind it."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    directory = ImageFileDirectory_v2(b"II*\0\x08\0\0\0")
    for tag, kind in ((273, _LONG), (279, _LONG), (297, _SHORT), (700, _BYTE), (34675, _UNDEFINED)):
        directory.tagtype[tag] = kind
    for tag, value in tags.items():
        directory[tag] = value
    directory[279] = tuple(sizes)
    directory[273] = tuple(sum(sizes[:n]) for n in range(len(sizes)))  # told from the directory's end on
    return directory.tobytes(at)
