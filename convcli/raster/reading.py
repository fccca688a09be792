"""From a file to a Raster: modes, 16-bit colour, transparency, orientation."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, nullcontext
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from convcli import grid, png
from convcli.errors import InputError
from convcli.formats import FORMATS, WHITE, kind_of
from convcli.raster import gif, memory
from convcli.raster.metadata import metadata_of, orientation_of
from convcli.raster.modes import CONVERTED, depth_in, has_sign, is_deep_avif, key_in, mode_in, relaid, swapped
from convcli.raster.opening import (
    MAX_PIXELS,
    Source,
    check_size,
    check_total,
    content,
    guarded,
    heard,
    named,
    opened,
    stream_of,
)
from convcli.raster.picture import FormatError, Header, Raster

if TYPE_CHECKING:
    import numpy as np

__all__ = ["frames", "frames_begun", "header", "read"]

_DTYPES = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2", "I;16N": "=u2", "I": "=i4", "F": "=f4"}
BLOCK = 1 << 26  # bytes handed to a decoder at once
_STRIP = 16  # rows taken out of Pillow's memory at once
_UPRIGHT = {  # EXIF orientation: swap the axes, then mirror rows, columns
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def read(source: Source, *, max_pixels: int = MAX_PIXELS) -> Raster:
    """The picture or grid in a file, or in its bytes; the first one where there are several, which a note says.

    Raises InputError, with the path in front where there is one.
    """
    with closing(frames(source, into="", max_pixels=max_pixels)) as found:
        return next(found)


def frames(
    source: Source,
    which: str | int | None = None,
    into: str | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    shares: bool = False,
) -> Iterator[Raster]:
    """Each frame of an animation, as it is seen, or each page of a TIFF; every Raster says how many are to come.

    which: `all`, `first`, or the number of one, from 1 on; None means all where the format to write (`into`, or that
    of the file) holds them, and else the first, with a note. max_pixels is for all of them together. shares: pixels may
    be Pillow's memory, read-only and four bytes apart.
    Raises InputError, and FormatError where all are asked for and cannot be held.
    """
    begun = frames_begun(source, which, into, max_pixels, shares)
    next(begun)
    yield from begun


def frames_begun(
    source: Source, which: str | int | None, into: str | None, max_pixels: int, shares: bool
) -> Iterator[Any]:
    """The same after the number of pixels of the first one, which is decoded by then, but no array yet."""
    with named(source):
        held = [content(source, max_pixels)]
        if _is_grid(source, held[0][:64]):
            yield 0
            _check_number(which, 1)
            yield _grid(source, held.pop(), max_pixels)
            return
        held.append(BytesIO(held[0]))
        with opened(held[1], max_pixels) as (im, kind):
            with guarded(kind, max_pixels):
                numbers, notes = _chosen(im, kind, which, into)
                _check_sizes(im, kind, numbers, max_pixels)
            if kind == "PNG":
                png.check(held[0])
            if kind == "GIF":
                notes += gif.check(held[0])
            for number in numbers:
                with guarded(kind, max_pixels):
                    im.seek(number)
                    check_size(im.height, im.width, max_pixels)  # pages differ
                    layout = _decode(im, kind, len(numbers))
                if number == numbers[0]:
                    yield im.height * im.width
                with guarded(kind, max_pixels):
                    one = held if len(numbers) == 1 else held[:1]
                    raster = _raster(im, kind, layout, one, max_pixels, notes, len(numbers), shares)
                yield raster


def header(
    source: Source, which: str | int | None = "first", into: str | None = None, *, max_pixels: int = MAX_PIXELS
) -> Header:
    """What `frames` would begin with, from the head of the file alone; a grid is read whole."""
    with named(source), ExitStack() as stack:
        if not isinstance(source, bytes) and Path(source).is_fifo():
            source = content(source, max_pixels)  # it is read once
        stream = stack.enter_context(BytesIO(source) if isinstance(source, bytes) else stream_of(source))
        if _is_grid(source, stream.read(64)):
            _check_number(which, 1)
            raster = _grid(source, content(source, max_pixels), max_pixels)
            return Header(*raster.pixels.shape, raster.mode, raster.format)
        stream.seek(0)
        with opened(stream, max_pixels) as (im, kind), guarded(kind, max_pixels):
            numbers, _ = _chosen(im, kind, which, into)
            _check_sizes(im, kind, numbers, max_pixels)
            if numbers[0]:
                im.seek(numbers[0])
                check_size(im.height, im.width, max_pixels)
            if kind == "PNG" and "exif" not in im.info and (late := png.exif(stream)):
                im.info["exif"] = late
            height, width = im.height, im.width
            if kind != "TIFF" and orientation_of(im) >= 5:
                height, width = width, height
            mode = mode_in(im, kind, len(numbers) > 1)
            return Header(height, width, len(mode.partition(";")[0]), mode, kind, len(numbers))


def _chosen(im: Any, kind: str, which: str | int | None, into: str | None) -> tuple[range, tuple[str, ...]]:
    """The places in the file of the frames to read, and a note where others are left out unasked."""
    count = getattr(im, "n_frames", 1)
    im.seek(0)  # counting may have gone to the last one
    into = kind if into is None else into
    pages = kind in ("TIFF", "JPEG")  # they are no animation; those of a JPEG are previews, which nobody means unasked
    able = [name for name, form in FORMATS.items() if form.frames and (name == "TIFF" or not pages)]
    fits = count == 1 or (into in able and (kind != "JPEG" or which == "all"))
    if isinstance(which, int):
        _check_number(which, count)
        return range(which - 1, which), ()
    if which == "first":
        return range(1), ()
    if fits:  # what a PNG shows where it cannot move is no part of the animation
        return range(1 if kind == "PNG" and im.default_image and into != "PNG" and count > 1 else 0, count), ()
    what = f"{count} {'pages' if kind == 'TIFF' else 'pictures' if kind == 'JPEG' else 'frames'}"
    if which == "all":
        raise FormatError(f"{into} cannot hold {what} ({', '.join(able).lower()} can, or --frames first)")
    why = f", {into} holds one (--frames N picks another)" if into else ""
    return range(1), (f"{what}, only the first is filtered{why}",)


def _check_number(which: str | int | None, count: int) -> None:
    """Nothing, or an InputError where there is no such frame."""
    if isinstance(which, int) and not 1 <= which <= count:
        raise InputError(f"there is no frame {which}, the last is {count}")


def _check_sizes(im: Any, kind: str, numbers: range, max_pixels: int) -> None:
    """Nothing, or an InputError where the frames are too large together."""
    count = len(numbers)
    if count == 1:
        return
    pixels, what = im.height * im.width * count, f"{count} frames of {im.height} x {im.width}"
    if kind == "TIFF":  # pages differ
        pixels, what = 0, f"{count} pages"
        for number in numbers:
            im.seek(number)
            pixels += im.height * im.width
        im.seek(0)
    check_total(pixels, what, max_pixels)


def _is_grid(source: Source, head: bytes) -> bool:
    """True for arrays, for text files by their name, and for text that came without a name."""
    if grid.looks_like_npy(head):
        return True
    suffix = "" if isinstance(source, bytes) else Path(source).suffix.lower()
    return not kind_of(head) and (suffix in (".txt", ".csv", ".tsv") or (not suffix and grid.looks_like_text(head)))


def _grid(source: Source, data: bytes, max_pixels: int) -> Raster:
    pixels = grid.read(data)
    check_size(*pixels.shape[:2], max_pixels)
    suffix = "" if isinstance(source, bytes) else Path(source).suffix[1:].upper()
    format = "NPY" if grid.looks_like_npy(data[:64]) else suffix or "TXT"
    return Raster(pixels, "grid", format, notes=_not_finite(pixels))


class _Layout(NamedTuple):
    """What has to be asked before an image is decoded: its mode here, its depth, its transparent colour."""

    mode: str
    depth: str
    key: tuple[int, ...] | None
    moves: bool


def _decode(im: Any, kind: str, count: int) -> _Layout:
    """The layout of the open image, one of `count`, which is decoded then."""
    if kind == "TIFF" and sum((x1 - x0) * (y1 - y0) for _, (x0, y0, x1, y1), *_ in im.tile) < im.height * im.width:
        raise InputError("damaged TIFF file: a part of the picture is not in it")  # Pillow leaves it black
    moves = count > 1 and kind != "TIFF"
    layout = _Layout(mode_in(im, kind, moves), depth_in(im, kind, moves), key_in(im), moves)
    if layout.depth == "packed":
        im.tile = [relaid(tile, "RGBA") for tile in im.tile]
    with heard() if kind == "TIFF" and im.tile[0][0] == "libtiff" else nullcontext():
        im.decodermaxblock = BLOCK  # fed in small pieces, a decoder would ask for the interpreter's lock at each
        im.load()
    return layout


def _raster(
    im: Any, kind: str, layout: _Layout, held: list, max_pixels: int, notes: tuple[str, ...], count: int, shares: bool
) -> Raster:
    """The decoded image, one of `count`.

    held: the bytes of the file, and a stream of them or none; let go as soon as they are not needed, so that they are
    not in memory beside the pixels. shares: as for `frames`.
    """
    import numpy as np  # late: while it is imported, pictures can be decoded

    mode, depth, key, moves = layout
    if im.mode in ("LAB", "YCbCr", "HSV"):
        notes += (f"{im.mode} converted to RGB",)
    if depth == "lost":
        notes += ("16-bit colour read as 8-bit",)
    if kind == "AVIF" and is_deep_avif(held[0]):
        notes += ("10- or 12-bit colour read as 8-bit",)
    orientation = 1 if kind == "TIFF" else orientation_of(im)  # Pillow turns TIFF itself, and no other
    info, more = metadata_of(im, kind, orientation)
    if depth != "exact" and kind in ("PNG", "JPEG", "BMP"):  # those that are read in one go
        for stream in held[1:]:
            stream.close()
        held.clear()
    plain = im.convert(mode) if im.mode in ("P", "PA") or (moves and kind == "GIF") else im
    shares = shares and count == 1  # a next frame may be drawn over this one
    whole = memory.shared(plain) if shares else None
    pixels = _pixels(plain) if whole is None else whole[:, :, : len(plain.getbands())]
    if depth == "packed":
        pixels = pixels.view(">u2").astype(np.uint16)
    elif depth == "exact":
        pixels = pixels.astype(np.uint16) << 8
        pixels |= _low_bytes(held[0], im.tell(), max_pixels)
    elif mode in ("I;16", "LA;16"):
        pixels = pixels.astype(np.uint16, copy=False)
    if kind == "TIFF":
        pixels = _by_tags(pixels, im)
    if key is not None:
        opaque = (pixels != np.array(key)).any(axis=2, keepdims=True)
        pixels = np.concatenate([pixels, opaque.astype(pixels.dtype) * pixels.dtype.type(WHITE[mode])], axis=2)
    if mode == "F":
        notes += _not_finite(pixels)
    is_spare = whole is not None and mode == "RGB" and key is None and orientation == 1
    return Raster(_turned(pixels, orientation), mode, kind, info, notes + more, count, whole if is_spare else None)


def _low_bytes(data: bytes, number: int, max_pixels: int) -> "np.ndarray":
    """The low bytes of 16-bit colour."""
    with opened(BytesIO(data), max_pixels) as (im, _):
        im.seek(number)
        im.tile = [swapped(tile) for tile in im.tile]
        im.load()
        return _pixels(im)


def _pixels(im: Any) -> "np.ndarray":
    """The pixels (H, W, C) of a decoded image, in strips: a third of the time and less memory than `asarray`."""
    import numpy as np

    if im.mode in CONVERTED:
        im = im.convert(CONVERTED[im.mode])
    dtype = np.dtype(_DTYPES.get(im.mode, "u1"))
    out = np.empty((im.height, im.width, len(im.getbands())), dtype.newbyteorder("="))
    for y in range(0, im.height, _STRIP):
        rows = out[y : y + _STRIP]
        strip = im.crop((0, y, im.width, y + len(rows)))
        rows[:] = np.frombuffer(strip.tobytes(), dtype).reshape(rows.shape)
    return out


def _by_tags(pixels: "np.ndarray", im: Any) -> "np.ndarray":
    """The pixels of a TIFF as its tags mean them, where Pillow takes no notice."""
    import numpy as np

    if im.mode.startswith("I;16") and im.tag_v2.get(262) == 0:  # white is zero
        return 65535 - pixels
    if im.mode == "LA" and im.tag_v2.get(338) == (1,):  # multiplied by alpha; of RGB Pillow knows
        gray, alpha = pixels[:, :, :1].astype("i4"), pixels[:, :, 1:]
        return np.concatenate([(255 * gray // np.maximum(alpha, 1)).clip(0, 255).astype("u1"), alpha], axis=2)
    if has_sign(im, "TIFF"):
        return pixels.view("i1").astype("i4")
    if im.mode == "I" and im.tag_v2.get(339, (1,))[0] == 1 and pixels.min() < 0:
        raise InputError("unsigned samples over 2147483647 are not supported")
    return pixels


def _turned(pixels: "np.ndarray", orientation: int) -> "np.ndarray":
    import numpy as np

    if orientation == 1:
        return pixels
    swap, mirror_y, mirror_x = _UPRIGHT[orientation]
    whole = pixels.view(f"V{pixels.shape[2] * pixels.itemsize}")  # a pixel moves as one
    if swap:
        whole = whole.swapaxes(0, 1)
    whole = whole[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
    return np.ascontiguousarray(whole).view(pixels.dtype)


def _not_finite(pixels: "np.ndarray") -> tuple[str, ...]:
    import numpy as np

    count = pixels.size - int(np.count_nonzero(np.isfinite(pixels)))
    return (f"{count} samples are not finite",) if count else ()
