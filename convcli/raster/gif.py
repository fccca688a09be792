"""GIF in our own hands: pictures one after the other, each with the colours it needs.

Pillow packs the samples; palettes, times and what each picture leaves behind are decided here, so that nobody has
to hold more than three pictures at once. A picture of 256 colours or fewer keeps every one of them.
"""

import struct
from collections.abc import Iterable
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from convcli.errors import InputError
from convcli.raster.opening import pillow

if TYPE_CHECKING:
    import numpy as np

__all__ = ["check", "write"]

_WHOLE = (slice(None), slice(None))
_ENOUGH = 1 << 14  # samples of a picture that choose its colours
KEEP, CLEAR = 1, 2  # what becomes of a picture when its time is over


class _Indexed(NamedTuple):
    """A picture as places in a palette (n, 3); `clear` is the place that shows what is below, or None."""

    places: "np.ndarray"
    palette: "np.ndarray"
    clear: int | None
    notes: tuple[str, ...]


def check(data: bytes) -> tuple[str, ...]:
    """A line where the file ends without its end mark; an InputError where it ends inside a picture.

    Pillow takes what it finds for all there is.
    """
    at = 13 + _table_size(data[10:11])
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x21:
            at = _behind_blocks(data, at + 2)
        elif data[at] == 0x2C:
            at = _behind_blocks(data, at + 11 + _table_size(data[at + 9 : at + 10]))
        else:  # what fills a gap
            at += 1
    if at > len(data):
        raise InputError(f"damaged GIF file: it ends after {len(data)} bytes, inside a picture")
    return () if at < len(data) else ("the file has no end mark: frames may be missing",)


def _behind_blocks(data: bytes, at: int) -> int:
    """The place behind the sub-blocks that begin at `at`, the empty one included; beyond the data where it is cut."""
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1


def _table_size(flags: bytes) -> int:
    """Bytes of the palette that the flags of a screen or a picture announce."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def write(
    target: BinaryIO,
    pictures: "Iterable[tuple[np.ndarray, float]]",
    plays: int = 1,
    comment: str = "",
) -> tuple[str, ...]:
    """What had to be rounded, a line each; `target` gets the file.

    pictures: pixels (H, W, C) uint8 of one size, C as in L, LA, RGB and RGBA, and the milliseconds that each is
    shown. plays: how often the whole is shown, 0 for ever.
    """
    import numpy as np

    pictures = iter(pictures)
    pixels, shown = next(pictures)
    shape, canvas = pixels.shape, np.zeros((*pixels.shape[:2], 4), np.uint8)
    now, palette, notes = _visible(pixels), None, {}
    for number, following in enumerate(chain(pictures, [None])):
        later = None if following is None else _visible(following[0])
        # where the next one shows nothing this one has to go
        goes = np.zeros(shape[:2], bool) if later is None else now[:, :, 3] > later[:, :, 3]
        rows, columns = _box(goes | (now != canvas).any(axis=2)) if number else _WHOLE
        part = _indexed(now[rows, columns], shape[2] < 3, palette)
        if number == 0:
            palette = part.palette
            target.write(_head(palette, shape, plays, comment))
        disposal = CLEAR if goes.any() else KEEP
        own = None if part.palette is palette else part.palette
        target.write(_picture(part, rows.start or 0, columns.start or 0, disposal, shown, own))
        notes |= dict.fromkeys(part.notes)
        if shape[2] in (2, 4) and ((pixels[:, :, -1] > 0) & (pixels[:, :, -1] < 255)).any():
            notes["GIF has alpha on or off: less than half of it is off"] = None
        if shown % 10:
            notes["GIF counts time in hundredths of a second"] = None
        if following is None:
            break
        canvas, now, (pixels, shown) = now.copy(), later, following
        if disposal == CLEAR:
            canvas[rows, columns] = 0
    target.write(b";")
    return tuple(notes)


def _visible(pixels: "np.ndarray") -> "np.ndarray":
    """The picture as a GIF can show it, (H, W, 4): alpha 0 or 255, and no colour where it is 0."""
    import numpy as np

    out = np.empty((*pixels.shape[:2], 4), np.uint8)
    channels = pixels.shape[2]
    out[:, :, :3] = pixels[:, :, :1] if channels < 3 else pixels[:, :, :3]
    out[:, :, 3] = 255
    if channels in (2, 4):
        out[pixels[:, :, -1] < 128] = 0
    return out


def _box(changed: "np.ndarray") -> tuple[slice, slice]:
    """The smallest rectangle around all that is true; a single place where nothing is."""
    import numpy as np

    ys, xs = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not len(ys):
        return slice(0, 1), slice(0, 1)
    return slice(int(ys[0]), int(ys[-1]) + 1), slice(int(xs[0]), int(xs[-1]) + 1)


def _indexed(pixels: "np.ndarray", is_gray: bool, known: "np.ndarray | None") -> _Indexed:
    """The picture over the palette that is known, where that has all its colours, or over its own."""
    import numpy as np

    is_clear = pixels[:, :, 3] == 0
    has_clear, notes = bool(is_clear.any()), ()
    colour = np.ascontiguousarray(pixels[:, :, :3])
    if has_clear and not is_clear.all():
        colour[is_clear] = colour[~is_clear][0]  # what nobody sees takes no place
    if is_gray and not has_clear:
        palette = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    else:
        room, image = 256 - has_clear, pillow().fromarray(colour)
        if (found := image.getcolors(room)) is None:
            notes = (f"GIF holds {room} colours in a picture: those nearest are taken",)
            step = 1 + int((image.width * image.height / _ENOUGH) ** 0.5)
            some = pillow().fromarray(np.ascontiguousarray(colour[::step, ::step]))
            chosen = some.quantize(room, method=pillow().Quantize.MEDIANCUT, kmeans=1)
            image = image.quantize(palette=chosen, dither=pillow().Dither.NONE).convert("RGB")
            colour, found = np.asarray(image), image.getcolors(room)
        palette = np.array(sorted(value for _, value in found), np.uint8)
    if known is not None and len(known) + has_clear <= 256 and set(_packed(palette)) <= set(_packed(known)):
        palette = known
    places = np.searchsorted(_packed(palette), _packed(colour)).astype(np.uint8)  # palettes are sorted
    if not has_clear:
        return _Indexed(places, palette, None, notes)
    places[is_clear] = len(palette)
    return _Indexed(places, palette, len(palette), notes)


def _packed(colours: "np.ndarray") -> "np.ndarray":
    """Each colour as one number."""
    import numpy as np

    wide = colours.astype(np.int32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _head(palette: "np.ndarray", shape: tuple[int, ...], plays: int, comment: str) -> bytes:
    """Everything before the first picture."""
    size, table = _table(palette)
    head = b"GIF89a" + struct.pack("<HHBBB", shape[1], shape[0], 0xF0 | size, 0, 0) + table
    if plays != 1:  # it counts what follows the first time
        head += b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", min(max(plays - 1, 0), 65535), 0)
    if comment:
        text = comment.encode("latin-1", "replace")
        pieces = (text[at : at + 255] for at in range(0, len(text), 255))
        head += b"\x21\xfe" + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"
    return head


def _table(palette: "np.ndarray") -> tuple[int, bytes]:
    """A palette as it stands in a file, with room for one place more; the number that tells its length."""
    size = max(min(len(palette), 255).bit_length() - 1, 0)
    return size, palette.tobytes().ljust(3 << size + 1, b"\0")


def _picture(part: _Indexed, y: int, x: int, disposal: int, shown: float, palette: "np.ndarray | None") -> bytes:
    """One picture, its first corner at y, x; palette: its own, or None for that of the file."""
    flags = disposal << 2 | (part.clear is not None)
    delay = min(round(shown / 10), 65535)
    control = b"\x21\xf9\x04" + struct.pack("<BHBB", flags, delay, part.clear or 0, 0)
    size, table = (0, b"") if palette is None else _table(palette)
    height, width = part.places.shape
    place = b"," + struct.pack("<HHHHB", x, y, width, height, 0 if palette is None else 0x80 | size)
    return control + place + table + _packed_places(part.places)


def _packed_places(places: "np.ndarray") -> bytes:
    """The samples as Pillow packs them: what stands behind the place of the only picture of a file."""
    import numpy as np

    image = pillow().fromarray(np.ascontiguousarray(places)).convert("L")
    image = pillow().frombuffer("P", image.size, image.tobytes(), "raw", "P", 0, 1)
    image.putpalette(bytes(range(256)) * 3)
    stream = BytesIO()
    image.save(stream, "GIF", optimize=False, interlace=False)
    data = stream.getvalue()
    at = 13 + _table_size(data[10:11])
    while data[at] == 0x21:  # extensions
        at = _behind_blocks(data, at + 2)
    return data[at + 10 + _table_size(data[at + 9 : at + 10]) : -1]
