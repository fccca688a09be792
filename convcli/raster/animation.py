"""Several pictures to one file: animations, and pages of a TIFF. They are asked for one at a time."""

import struct
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from convcli import png
from convcli.formats import FORMATS
from convcli.raster import gif, tiff
from convcli.raster.picture import FormatError, Metadata, Raster
from convcli.raster.writing import check_fits, encode, encoded, kept

if TYPE_CHECKING:
    import numpy as np

__all__ = ["encode_frames"]


def encode_frames(
    frames: Iterable[Raster],
    count: int,
    format: str,
    target: BinaryIO,
    *,
    quality: int | None = None,
    compression: str = "fast",
    threads: int = 1,
) -> tuple[str, ...]:
    """What the format could not keep, a line each; `target` gets a file of `count` pictures.

    frames: all of one size but for TIFF; how long each is shown (`info.shown`, milliseconds), and how often the whole
    is (`info.plays` of the first, 0 for ever), are told by the pictures. format: one whose `frames` is true; one
    picture goes into every format. Errors as in `encode`, and whatever the frames raise.
    """
    frames = iter(frames)
    first = next(frames)
    if count == 1:
        return encode(first, format, target, quality=quality, compression=compression, threads=threads)
    if not FORMATS[format].frames:
        able = [name for name, form in FORMATS.items() if form.frames]
        raise FormatError(f"{format} holds one picture, and there are {count} ({', '.join(able)} hold more)")
    info, notes = kept(first, format)
    told = dict.fromkeys(notes)
    every = _alike(chain([first], frames), format, told)
    del first
    if format == "TIFF":
        if info.shown:
            told["TIFF cannot keep times"] = None
        pages = ((frame.pixels, frame.mode, kept(frame, format)[0]) for frame in every)
        told |= dict.fromkeys(tiff.write(target, pages, count, compression=compression, threads=threads))
    elif format == "GIF":
        comment = "\n".join(value for key, value in info.text if key == "Comment")
        told |= dict.fromkeys(gif.write(target, ((one.pixels, one.info.shown) for one in every), info.plays, comment))
    elif format == "PNG":
        chunks = png.described(info.icc, info.exif, info.xmp, info.dpi, info.text)
        png.animate(target, _parts(every), count, info.plays, chunks, compression=compression, threads=threads)
    else:
        _write_webp(target, every, info, quality, compression)
    return tuple(told)


def _alike(frames: Iterable[Raster], format: str, told: dict) -> Iterator[Raster]:
    """The frames, each checked; those of an animation have to be like the first."""
    first = None
    for number, frame in enumerate(frames, 1):
        check_fits(frame, format)
        told |= dict.fromkeys(kept(frame, format)[1])
        looks = (frame.pixels.shape, frame.mode)
        first = first or looks
        if looks != first and format != "TIFF":
            (height, width, _), mode = looks
            begun = f"{first[0][0]}x{first[0][1]} {first[1]}"
            raise FormatError(
                f"{format} holds pictures of one size: the first is {begun}, number {number} {height}x{width} {mode}"
                " (TIFF holds different ones)"
            )
        yield frame


def _parts(frames: Iterable[Raster], grain: int = 1) -> "Iterator[tuple[np.ndarray, int, int, float]]":
    """What each picture changes of the one before: pixels, their first corner (y, x), and the time it is shown.

    The corner lies at multiples of `grain`.
    """
    import numpy as np

    before = None
    for frame in frames:
        pixels, y, x = frame.pixels, 0, 0
        if before is not None:
            changed = (pixels != before).any(axis=2)
            ys, xs = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
            (y, y1), (x, x1) = ((int(at[0]), int(at[-1]) + 1) if len(at) else (0, 1) for at in (ys, xs))
            y, x = y - y % grain, x - x % grain
            pixels = pixels[y:y1, x:x1]
        before = None if frame.info.shown is None else frame.pixels
        yield pixels, y, x, frame.info.shown


def _write_webp(
    target: BinaryIO, frames: Iterable[Raster], info: Metadata, quality: int | None, compression: str
) -> None:
    """Nothing; pictures as Pillow packs them, joined as RFC 9649 has it: each covers what it changes, and stays."""
    height = width = has_alpha = 0
    packed = []
    for pixels, y, x, shown in _parts(frames, 2):
        part = Raster(pixels, ("L", "LA", "RGB", "RGBA")[pixels.shape[2] - 1])
        if not packed:
            height, width, has_alpha = *pixels.shape[:2], part.alpha
        data = encoded(part, "WEBP", Metadata(), quality, compression)
        place = (n.to_bytes(3, "little") for n in (x // 2, y // 2, pixels.shape[1] - 1, pixels.shape[0] - 1))
        time = min(round(shown), 2**24 - 1).to_bytes(3, "little")
        packed.append(_riff(b"ANMF", b"".join((*place, time, b"\x02", *_picture_of(data)))))
    flags = 2 | 0x10 * has_alpha | 0x20 * bool(info.icc) | 8 * bool(info.exif) | 4 * bool(info.xmp)
    size = b"".join((n - 1).to_bytes(3, "little") for n in (width, height))
    chunks = [
        _riff(b"VP8X", struct.pack("<I", flags) + size),
        *([_riff(b"ICCP", info.icc)] if info.icc else []),
        _riff(b"ANIM", struct.pack("<IH", 0, min(info.plays, 65535))),
        *packed,
        *([_riff(b"EXIF", info.exif)] if info.exif else []),
        *([_riff(b"XMP ", info.xmp)] if info.xmp else []),
    ]
    target.write(b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WEBP")
    for chunk in chunks:
        target.write(chunk)


def _riff(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _picture_of(data: bytes) -> Iterator[bytes]:
    """The chunks of a WebP file that are its picture."""
    at = 12
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        end += end % 2
        if data[at : at + 4] in (b"ALPH", b"VP8 ", b"VP8L"):
            yield data[at:end]
        at = end
