"""Formats of picture files: how they begin, what they are called, what they hold. No decoder is known here."""

import re
from typing import NamedTuple

from convcli.errors import ConvError, hint, printable

__all__ = [
    "BARE",
    "FORMATS",
    "WHITE",
    "Format",
    "can_hold",
    "can_take",
    "format_of",
    "holders",
    "is_picture_name",
    "kind_of",
    "mode_of",
]

# The level that is white in each mode: the largest a sample can be, and 1 for floats. That goes for the 32 bits
# of "I" too: its files hold counts and heights, of which nothing above zero is to be clipped. "grid" is any array.
WHITE = {
    **dict.fromkeys(("L", "LA", "RGB", "RGBA", "CMYK"), 255.0),
    **dict.fromkeys(("I;16", "LA;16", "RGB;16", "RGBA;16"), 65535.0),
    "I": 2147483647.0,
    "F": 1.0,
    "grid": 1.0,
}


class Format(NamedTuple):
    """A format that can be written: its extensions, the modes it holds, the metadata it keeps, its longest side.

    frames: a file may hold several pictures. rounds: modes that it takes too, with a loss that is told.
    """

    extensions: tuple[str, ...]
    modes: tuple[str, ...]
    keeps: tuple[str, ...] = ()
    side: int = 2**31 - 1
    has_quality: bool = False
    frames: bool = False
    rounds: tuple[str, ...] = ()


_COLOURS = ("L", "LA", "RGB", "RGBA")
_DEEP = ("I;16", "LA;16", "RGB;16", "RGBA;16")
_TIFF = (*_COLOURS, "CMYK", "I;16", "RGB;16", "RGBA;16", "I", "F")
_SINGLE = ("L", "I;16", "I", "F", "grid")  # one number a pixel

FORMATS = {
    "PNG": Format(("png",), _COLOURS + _DEEP, ("icc", "exif", "xmp", "dpi", "text"), frames=True),
    "JPEG": Format(
        ("jpg", "jpeg", "jpe", "jfif"), ("L", "RGB", "CMYK"), ("icc", "exif", "xmp", "dpi", "text"), 65500, True
    ),
    "WEBP": Format(("webp",), _COLOURS, ("icc", "exif", "xmp"), 16383, True, True),
    "TIFF": Format(("tif", "tiff"), _TIFF, ("icc", "exif", "xmp", "dpi"), frames=True),
    "AVIF": Format(("avif",), _COLOURS, ("icc", "exif", "xmp"), 65535, True),
    "GIF": Format(("gif",), ("L",), ("text",), 65535, frames=True, rounds=_COLOURS),
    "BMP": Format(("bmp",), ("L", "RGB"), ("dpi",)),
    "PGM": Format(("pgm",), ("L", "I;16")),
    "PPM": Format(("ppm",), ("RGB",)),
    "PNM": Format(("pnm",), ("L", "RGB", "I;16")),
    "PFM": Format(("pfm",), ("F",)),
    "TXT": Format(("txt",), _SINGLE),
    "CSV": Format(("csv",), _SINGLE),
    "TSV": Format(("tsv",), _SINGLE),
    "NPY": Format(("npy",), tuple(WHITE)),
}

BARE = ("NPY", "TXT", "CSV", "TSV")  # bare numbers, of which nobody expects more
# Endings of the files that are taken from folders: what can be written, without text, and what can only be read.
_PICTURES = {
    *(ending for name, form in FORMATS.items() if name not in ("TXT", "CSV", "TSV") for ending in form.extensions),
    *("pbm", "apng", "dib", "mpo", "avifs"),
}

# How files begin, those we read before those we only know by name.
_KINDS = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "WEBP": rb"RIFF.{4}WEBP",
    "AVIF": rb".{4}ftyp.{0,20}avi[fs]",
    "PBM": rb"P[14][\s#]",
    "PGM": rb"P[25][\s#]",
    "PPM": rb"P[36][\s#]",
    "PFM": rb"Pf[\s#]",
    "colour PFM": rb"PF[\s#]",
    "PAM": rb"P7[\s#]",
    "EPS": rb"%!PS|\xc5\xd0\xd3\xc6",
    "PDF": rb"%PDF",
    "PSD": rb"8BPS",
    "HTML": rb"(?i:(\xef\xbb\xbf)?\s*<(!doctype )?html)",
    "SVG": rb"(?i:(\xef\xbb\xbf)?\s*<(\?xml|svg|!doctype svg))",
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "JPEG XL": rb"\0\0\0\x0cJXL |\xff\x0a",
    "HEIC": rb".{4}ftyp(he[iv]|mif|msf)",
    "OpenEXR": rb"v/1\x01",
    "Radiance HDR": rb"#\?R(ADIANC|GB)E",
    "ICO": rb"\0\0\x01\0|\0\0\x02\0[^\0]\0",  # cursors too, but not TGA
    "DDS": rb"DDS ",
    "ZIP": rb"PK\x03\x04",
}


def kind_of(head: bytes) -> str | None:
    """What a file is whose first 64 bytes these are; None when nothing known begins so.

    >>> kind_of(b"P5 3 2 255 "), kind_of(b"%!PS-Adobe"), kind_of(b"1 0 -1")
    ('PGM', 'EPS', None)
    """
    return next((name for name, pattern in _KINDS.items() if re.match(pattern, head, re.DOTALL)), None)


def format_of(extension: str) -> str:
    """The name of the format an extension stands for.

    >>> format_of(".JPG"), format_of("tif")
    ('JPEG', 'TIFF')
    """
    word = extension.lower().removeprefix(".")
    known = {extension: name for name, form in FORMATS.items() for extension in form.extensions}
    if not word:
        raise ConvError(f"the name needs an extension, or a / at its end for a folder ({', '.join(known)})")
    if word not in known:
        raise ConvError(f'"{printable(word)}" is no format that can be written{hint(word, known)} ({", ".join(known)})')
    return known[word]


def is_picture_name(name: str) -> bool:
    """True for a name that ends like a picture we read, or an array; text may be anything, and is not taken unasked.

    >>> is_picture_name("a.JPG"), is_picture_name("a.txt"), is_picture_name("jpg")
    (True, False, False)
    """
    return "." in name and name.rpartition(".")[2].lower() in _PICTURES


def can_hold(format: str, mode: str, channels: int = 1) -> bool:
    """True where a format holds pictures of this mode without loss of depth, colours or alpha.

    `channels` counts for grids alone: text has one number a place.
    """
    form = FORMATS.get(format)
    return form is not None and mode in form.modes and (mode != "grid" or format == "NPY" or channels == 1)


def can_take(format: str, mode: str, channels: int = 1) -> bool:
    """True where a format holds such pictures at all, be it with fewer colours.

    >>> can_hold("GIF", "RGB"), can_take("GIF", "RGB"), can_take("GIF", "CMYK")
    (False, True, False)
    """
    return can_hold(format, mode, channels) or (format in FORMATS and mode in FORMATS[format].rounds)


def holders(mode: str, channels: int = 1) -> list[str]:
    """The formats that hold such pictures without loss."""
    return [name for name in FORMATS if can_hold(name, mode, channels)]


def mode_of(dtype: str, channels: int, alpha: bool = False) -> str:
    """The mode of a picture with such samples; "grid" where no picture file holds them.

    >>> mode_of("uint8", 3), mode_of("uint16", 2, alpha=True), mode_of("float32", 3)
    ('RGB', 'LA;16', 'grid')
    """
    if channels == 1 and not alpha:
        return {"uint8": "L", "uint16": "I;16", "int32": "I", "float32": "F"}.get(dtype, "grid")
    name = {(2, True): "LA", (3, False): "RGB", (4, True): "RGBA"}.get((channels, alpha))
    suffix = {"uint8": "", "uint16": ";16"}.get(dtype)
    return "grid" if name is None or suffix is None else name + suffix
