"""What an open image will be, before it is decoded: its mode, its depth, and the colour that stands for transparent."""

import re
import sys
from typing import Any

from convcli.errors import InputError
from convcli.raster.opening import pillow

__all__ = ["CONVERTED", "depth_in", "has_sign", "is_deep_avif", "key_in", "mode_in", "relaid", "swapped"]

# Modes that become another: a filter needs samples that grow with the light.
CONVERTED = {"1": "L", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}


def mode_in(im: Any, kind: str, moves: bool) -> str:
    """The mode of the Raster that an open image becomes; moves: together with the rest of its animation."""
    if moves and kind == "GIF":  # a later frame may bring colours and holes
        return "RGBA"
    depth = depth_in(im, kind, moves)
    if depth == "packed":
        return "LA;16"
    if im.mode in ("P", "PA"):
        return _palette_mode(im)
    name = "I" if has_sign(im, kind) else CONVERTED.get(im.mode, im.mode)
    if name.startswith("I;16") or (name == "I" and kind == "PGM"):
        return "I;16" if key_in(im) is None else "LA;16"
    return f"{name}{'' if key_in(im) is None else 'A'}{';16' if depth == 'exact' else ''}"


def _palette_mode(im: Any) -> str:
    """L or RGB by the colours of the palette, used or not, with A where one of them is transparent."""
    probe = pillow().new("P", (1, 1))
    probe.putpalette(im.palette)
    colours = probe.getpalette("RGBA")
    key = im.info.get("transparency", b"")
    is_clear = min(key, default=255) < 255 if isinstance(key, bytes) else key < len(colours) // 4
    has_alpha = im.mode == "PA" or is_clear or min(colours[3::4], default=255) < 255
    return ("L" if colours[::4] == colours[1::4] == colours[2::4] else "RGB") + "A" * has_alpha


def key_in(im: Any) -> Any:
    """The colour that stands for transparent, in the samples' own scale, or None; palettes have their own way."""
    key = im.info.get("transparency")
    if im.mode not in ("1", "L", "RGB", "I;16") or not isinstance(key, int | tuple):
        return None
    scale = {"L;2": 85, "L;4": 17}.get(_raw_mode_of(im.tile[0]), 1)  # Pillow spreads the samples but not the key
    return key * scale  # a tuple has 8 or 16 bits and scale 1


def _raw_mode_of(tile: Any) -> str:
    args = tile[3] or ("",)
    return args if isinstance(args, str) else args[0]


def relaid(tile: Any, name: str) -> Any:
    """The piece of picture with its samples laid out in another way."""
    return tile._replace(args=name if isinstance(tile[3], str) else (name, *tile[3][1:]))


def depth_in(im: Any, kind: str, moves: bool) -> str | None:
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


def swapped(tile: Any) -> Any:
    """The piece of picture with the two bytes of each sample the other way round; N is the machine's own order."""
    layout, order = _raw_mode_of(tile).split(";16")
    other = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
    return relaid(tile, f"{layout};16{other[order]}")


def has_sign(im: Any, kind: str) -> bool:
    """True for a TIFF of 8-bit samples with a sign, of which Pillow takes no notice."""
    return kind == "TIFF" and im.mode == "L" and im.tag_v2.get(339) == (2,)


def is_deep_avif(data: bytes) -> bool:
    """True where the bytes are an AVIF of 10 or 12 bits."""
    at = data.find(b"av1C", 0, 1 << 16)
    return at > 0 and bool(data[at + 6 : at + 7].ljust(1, b"\0")[0] & 0x40)
