"""Files of every kind and mode that is read, rendered anew, and what may happen to the bytes of a file."""

import struct
from io import BytesIO

import numpy as np
from data import chunk
from PIL import Image

__all__ = ["mutated", "rendered"]

ODD = (0, 1, 2, 7, 8, 16, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
SAVED = {  # what Pillow writes: name, modes, what it is told
    "png": ("PNG", "1 L LA P RGB RGBA I;16", [{}, {"optimize": True}]),
    "jpg": ("JPEG", "L RGB CMYK", [{}, {"progressive": True, "quality": 30}, {"subsampling": 2, "dpi": (30, 40)}]),
    "gif": ("GIF", "1 L P RGB RGBA", [{}, {"interlace": 0}]),
    "bmp": ("BMP", "1 L P RGB RGBA", [{}]),
    "webp": ("WEBP", "RGB RGBA", [{}, {"lossless": True}]),
    "avif": ("AVIF", "RGB RGBA", [{"speed": 10}]),
    "ppm": ("PPM", "1 L RGB I;16", [{}]),
    "pfm": ("PPM", "F", [{}]),
    "tif": (
        "TIFF",
        "1 L LA P PA RGB RGBA RGBX CMYK YCbCr LAB I;16 I F",
        [{}, *({"compression": name} for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits"))],
    ),
}


def rendered(seed: int = 0, height: int = 19, width: int = 23) -> dict[str, bytes]:
    """Small files by their names, of each kind, mode and way of packing that can be made here; some move."""
    rng, files = np.random.default_rng(seed), {}
    for extension, (name, modes, ways) in SAVED.items():
        for mode in modes.split():
            for number, told in enumerate(ways):
                im = _picture(rng, mode, height, width)
                if (data := _packed(im, name, **told)) is not None:
                    files[f"{mode.replace(';', '')}-{number}.{extension}"] = data
    for extension, name in (("gif", "GIF"), ("png", "PNG"), ("webp", "WEBP"), ("tif", "TIFF"), ("avif", "AVIF")):
        first, *rest = (_picture(rng, "RGB", height, width) for _ in range(3))
        told = {"speed": 10} if name == "AVIF" else {} if name == "TIFF" else {"loop": 3}
        if name != "TIFF":
            told["duration"] = [40, 70, 90]
        if (data := _packed(first, name, save_all=True, append_images=rest, **told)) is not None:
            files[f"three.{extension}"] = data
    for compression in ("group3", "group4", "jpeg"):
        im = _picture(rng, "L" if compression == "jpeg" else "1", height, width)
        if (data := _packed(im, "TIFF", compression=compression)) is not None:
            files[f"{compression}.tif"] = data
    keyed = _picture(rng, "P", height, width)
    files["keyed.png"] = _packed(keyed, "PNG", transparency=3)
    files["keyed.gif"] = _packed(keyed, "GIF", transparency=3)
    exif = Image.Exif()
    exif[0x0112] = 6
    for extension, name in (("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP"), ("tif", "TIFF")):
        files[f"turned.{extension}"] = _packed(_picture(rng, "RGB", height, width), name, exif=exif)
    return files


def _picture(rng: np.random.Generator, mode: str, height: int, width: int) -> Image.Image:
    """A soft slope with noise on it."""
    slope = np.add.outer(np.arange(height) * 5.0, np.arange(width) * 3.0)[..., None] + rng.normal(0, 9, (1, 1, 4))
    levels = (slope + rng.normal(0, 6, (height, width, 4))).clip(0, 255).astype(np.uint8)
    if mode in ("I;16", "I"):
        wide = levels[..., 0].astype(np.uint16) << 8 | levels[..., 1]
        return Image.fromarray(wide if mode == "I;16" else wide.astype(np.int32) - 9000)
    if mode == "F":
        return Image.fromarray(slope[..., 0].astype(np.float32) / 255)
    if mode in ("PA", "RGBX", "LAB"):  # Pillow converts to none of them in one step
        return Image.frombytes(mode, (width, height), np.ascontiguousarray(levels[..., : len(mode)]).tobytes())
    return Image.fromarray(levels).convert("RGB" if mode == "CMYK" else mode).convert(mode)


def _packed(im: Image.Image, name: str, **told) -> bytes | None:
    """The file, or None where this Pillow does not write such."""
    stream = BytesIO()
    try:
        im.save(stream, name, **told)
    except (OSError, ValueError, KeyError):
        return None
    return stream.getvalue()


def mutated(data: bytes, rng: np.random.Generator, other: bytes = b"") -> bytes:
    """The file with some bytes changed, lost, doubled or taken from `other`; half of the PNGs with sums that fit."""
    damaged = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 2, 4, 12]))):
        _change(damaged, rng, other)
    if damaged[:8] == b"\x89PNG\r\n\x1a\n" and rng.random() < 0.5:
        return _summed(bytes(damaged))
    return bytes(damaged)


def _change(data: bytearray, rng: np.random.Generator, other: bytes) -> None:
    """One accident, more often in the head of a file than in its middle."""
    if not data:
        return
    reach = len(data) if rng.random() < 0.5 else min(len(data), 200)
    at, size = int(rng.integers(reach)), int(rng.integers(1, 1 + min(64, len(data))))
    match rng.integers(9):
        case 0:
            data[at] ^= 1 << int(rng.integers(8))
        case 1:
            data[at] = int(rng.choice([0, 255, int(rng.integers(256))]))
        case 2 | 3:
            form = str(rng.choice(["<H", ">H", "<I", ">I"]))
            number = int(rng.choice(ODD)) & (2 ** (8 * struct.calcsize(form)) - 1)
            data[at : at + struct.calcsize(form)] = struct.pack(form, number)
        case 4:
            del data[at : at + size]
        case 5:
            data[at:at] = data[at : at + size] * int(rng.choice([1, 3, 100]))
        case 6:
            data[at : at + size] = rng.bytes(size)
        case 7 if rng.random() < 0.5:
            del data[at:]
        case _:
            start = int(rng.integers(max(1, len(other))))
            data[at : at + size] = other[start : start + size] or bytes(size)


def _summed(data: bytes) -> bytes:
    """A PNG whose chunks end in the sums of what they hold now."""
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + size > len(data):
            break
        out += chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + size])
        at += 12 + size
    return bytes(out + data[at:])
