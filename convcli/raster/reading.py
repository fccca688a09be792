"""From a file to a Raster: modes, 16-bit colour, transparency, orientation."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, nullcontext
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convcli import grid, png
from convcli.errors import InputError
from convcli.formats import FORMATS, WHITE, kind_of
from convcli.raster.metadata import metadata_of, orientation_of
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
    pillow,
    stream_of,
)
from convcli.raster.picture import FormatError, Header, Raster

if TYPE_CHECKING:
    import numpy as np

__all__ = ["frames", "header", "read"]

# Modes that become another: a filter needs samples that grow with the light.
_CONVERTED = {"1": "L", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}
_DTYPES = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2", "I;16N": "=u2", "I": "=i4", "F": "=f4"}
_STRIP = 64  # rows taken out of Pillow's memory at once
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
    source: Source, which: str | int | None = None, into: str | None = None, *, max_pixels: int = MAX_PIXELS
) -> Iterator[Raster]:
    """Each frame of an animation, as it is seen, or each page of a TIFF; every Raster says how many are to come.

    which: `all`, `first`, or the number of one, from 1 on; None means all where the format to write (`into`, or that
    of the file) holds them, and else the first, with a note. max_pixels is for all of them together.
    Raises InputError, and FormatError where all are asked for and cannot be held.
    """
    with named(source):
        held = [content(source, max_pixels)]
        if _is_grid(source, held[0][:64]):
            _check_number(which, 1)
            yield _grid(source, held.pop(), max_pixels)
            return
        held.append(BytesIO(held[0]))
        with opened(held[1], max_pixels) as (im, kind):
            with guarded(kind, max_pixels):
                numbers, notes = _chosen(im, kind, which, into)
                _check_sizes(im, kind, numbers, max_pixels)
            for number in numbers:
                with guarded(kind, max_pixels):
                    im.seek(number)
                    one = held if len(numbers) == 1 else held[:1]
                    raster = _raster(im, kind, one, max_pixels, notes, len(numbers))
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
            if kind == "PNG" and "exif" not in im.info and (late := png.exif(stream)):
                im.info["exif"] = late
            height, width = im.height, im.width
            if kind != "TIFF" and orientation_of(im) >= 5:
                height, width = width, height
            mode = _mode(im, kind, len(numbers) > 1)
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
    if len(numbers) == 1:
        return
    pixels = im.height * im.width * len(numbers)
    if kind == "TIFF":  # pages differ
        pixels = 0
        for number in numbers:
            im.seek(number)
            pixels += im.height * im.width
        im.seek(0)
    check_total(
        pixels, f"{len(numbers)} {'pages' if kind == 'TIFF' else f'frames of {im.height} x {im.width}'}", max_pixels
    )


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


def _raster(im: Any, kind: str, held: list, max_pixels: int, notes: tuple[str, ...], count: int) -> Raster:
    """The open image, one of `count`, decoded.

    held: the bytes of the file, and a stream of them or none; let go as soon as they are not needed, so that they are
    not in memory beside the pixels.
    """
    import numpy as np

    if kind == "PNG" and im.tell() == 0:
        png.check(held[0])
    if kind == "TIFF" and sum((x1 - x0) * (y1 - y0) for _, (x0, y0, x1, y1), *_ in im.tile) < im.height * im.width:
        raise InputError("damaged TIFF file: a part of the picture is not in it")  # Pillow leaves it black
    moves = count > 1 and kind != "TIFF"
    mode, depth, key, number = _mode(im, kind, moves), _depth(im, kind, moves), _key(im), im.tell()
    if depth == "packed":
        im.tile = [_raw_mode(tile, "RGBA") for tile in im.tile]
    with heard() if kind == "TIFF" else nullcontext():
        im.load()
    if im.mode in ("LAB", "YCbCr", "HSV"):
        notes += (f"{im.mode} converted to RGB",)
    if depth == "lost":
        notes += ("16-bit colour read as 8-bit",)
    if kind == "AVIF" and _is_deep_avif(held[0]):
        notes += ("10- or 12-bit colour read as 8-bit",)
    orientation = 1 if kind == "TIFF" else orientation_of(im)  # Pillow turns TIFF itself, and no other
    info, more = metadata_of(im, kind, orientation)
    if depth != "exact" and kind in ("PNG", "JPEG", "BMP"):  # those that are read in one go
        for stream in held[1:]:
            stream.close()
        held.clear()
    pixels = _pixels(im.convert(mode) if im.mode in ("P", "PA") or (moves and kind == "GIF") else im)
    if depth == "packed":
        pixels = pixels.view(">u2").astype(np.uint16)
    elif depth == "exact":
        pixels = pixels.astype(np.uint16) << 8
        pixels |= _low_bytes(held[0], number, max_pixels)
    elif mode in ("I;16", "LA;16"):
        pixels = pixels.astype(np.uint16, copy=False)
    if kind == "TIFF":
        pixels = _by_tags(pixels, im)
    if key is not None:
        opaque = (pixels != np.array(key)).any(axis=2, keepdims=True)
        pixels = np.concatenate([pixels, opaque.astype(pixels.dtype) * pixels.dtype.type(WHITE[mode])], axis=2)
    if mode == "F":
        notes += _not_finite(pixels)
    return Raster(_turned(pixels, orientation), mode, kind, info, notes + more, count)


def _low_bytes(data: bytes, number: int, max_pixels: int) -> "np.ndarray":
    """The low bytes of 16-bit colour."""
    with opened(BytesIO(data), max_pixels) as (im, _):
        im.seek(number)
        im.tile = [_raw_mode(tile, _swapped(_raw_mode_of(tile))) for tile in im.tile]
        im.load()
        return _pixels(im)


def _mode(im: Any, kind: str, moves: bool) -> str:
    """The mode `_raster` will give an open image that is not decoded yet; moves: with the rest of its animation."""
    if moves and kind == "GIF":  # a later frame may bring colours and holes
        return "RGBA"
    depth = _depth(im, kind, moves)
    if depth == "packed":
        return "LA;16"
    if im.mode in ("P", "PA"):
        return _palette_mode(im)
    name = _CONVERTED.get(im.mode, im.mode)
    if name.startswith("I;16") or (name == "I" and kind == "PGM"):
        return "I;16" if _key(im) is None else "LA;16"
    return f"{name}{'' if _key(im) is None else 'A'}{';16' if depth == 'exact' else ''}"


def _palette_mode(im: Any) -> str:
    """L or RGB by the colours of the palette, used or not, with A where one of them is transparent."""
    probe = pillow().new("P", (1, 1))
    probe.putpalette(im.palette)
    colours = probe.getpalette("RGBA")
    key = im.info.get("transparency", b"")
    is_clear = min(key, default=255) < 255 if isinstance(key, bytes) else key < len(colours) // 4
    has_alpha = im.mode == "PA" or is_clear or min(colours[3::4], default=255) < 255
    return ("L" if colours[::4] == colours[1::4] == colours[2::4] else "RGB") + "A" * has_alpha


def _key(im: Any) -> Any:
    """The colour that stands for transparent, in the samples' own scale, or None; palettes have their own way."""
    key = im.info.get("transparency")
    if im.mode not in ("1", "L", "RGB", "I;16") or not isinstance(key, int | tuple):
        return None
    scale = {"L;2": 85, "L;4": 17}.get(_raw_mode_of(im.tile[0]), 1)  # Pillow spreads the samples but not the key
    return key * scale  # a tuple has 8 or 16 bits and scale 1


def _raw_mode_of(tile: Any) -> str:
    args = tile[3] or ("",)
    return args if isinstance(args, str) else args[0]


def _raw_mode(tile: Any, name: str) -> Any:
    """The piece of picture with its samples laid out in another way."""
    return tile._replace(args=name if isinstance(tile[3], str) else (name, *tile[3][1:]))


def _depth(im: Any, kind: str, moves: bool) -> str | None:
    """How to come by colour of 16 bits, of which Pillow keeps the high bytes: None where it is not 16 bits.

    "exact": read once more with the bytes swapped, which gives the low ones. "packed": gray with alpha is four
    bytes a pixel, so it can be read as RGBA. "lost": by neither, as in animations, whose frames are laid over others.
    """
    names = [_raw_mode_of(tile) for tile in im.tile]
    is_planar = kind == "TIFF" and im.tag_v2.get(284) == 2  # a plane for each colour
    if is_planar and im.tile[0][0] == "raw" and max(im.tag_v2.get(258, (1,))) > 8:
        raise InputError("TIFF file: planes of more than 8 bits are not supported without compression")  # read wrongly
    if kind == "PPM":
        args = im.tile[0][3]
        return "lost" if isinstance(args, tuple) and args[-1] > 255 else None
    if kind not in ("PNG", "TIFF") or im.mode.startswith("I") or not all(";16" in name for name in names):
        return None
    if moves:
        return "lost"
    if names == ["LA;16B"]:
        return "packed"
    return "exact" if not is_planar and all(re.fullmatch("RGB[AX]?;16[BLN]", name) for name in names) else "lost"


def _swapped(name: str) -> str:
    """The raw mode that has the two bytes of each sample the other way round; N is the machine's own order."""
    layout, order = name.split(";16")
    other = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
    return f"{layout};16{other[order]}"


def _is_deep_avif(data: bytes) -> bool:
    at = data.find(b"av1C", 0, 1 << 16)
    return at > 0 and bool(data[at + 6 : at + 7].ljust(1, b"\0")[0] & 0x40)


def _pixels(im: Any) -> "np.ndarray":
    """The pixels (H, W, C) of a decoded image, in strips: a third of the time and less memory than `asarray`."""
    import numpy as np

    if im.mode in _CONVERTED:
        im = im.convert(_CONVERTED[im.mode])
    dtype = np.dtype(_DTYPES.get(im.mode, "u1"))
    out = np.empty((im.height, im.width, len(im.getbands())), dtype.newbyteorder("="))
    for y in range(0, im.height, _STRIP):
        rows = out[y : y + _STRIP]
        strip = im.crop((0, y, im.width, y + len(rows)))
        rows[:] = np.frombuffer(strip.tobytes(), dtype).reshape(rows.shape)
    return out


def _by_tags(pixels: "np.ndarray", im: Any) -> "np.ndarray":
    """The pixels of a TIFF as its tags mean them, where Pillow takes no notice."""
    if im.mode.startswith("I;16") and im.tag_v2.get(262) == 0:  # white is zero
        return 65535 - pixels
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
