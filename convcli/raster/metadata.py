"""What travels with a picture: colour profile, EXIF, XMP, resolution, text. Damage in it is never fatal."""

import re
from typing import Any

from convcli.raster.opening import pillow
from convcli.raster.picture import Metadata

__all__ = ["DESCRIPTIVE", "DIRECTORIES", "metadata_of", "orientation_of"]

_ORIENTATION = 0x0112
# Of a TIFF's own tags those that describe the picture and not the file: description, make, model, software, date,
# artist, copyright, rating, and what Windows adds: title, comment, author, keywords, subject; and the directories of
# EXIF and GPS.
DESCRIPTIVE = (270, 271, 272, 305, 306, 315, 18246, 18249, 33432, *range(40091, 40096))
DIRECTORIES = (34665, 34853)


def orientation_of(im: Any) -> int:
    """How the open image has to be turned: 1 for not at all."""
    try:
        value = pillow().Image.getexif(im).get(_ORIENTATION, 1)  # PNG's own would decode the picture
    except Exception:  # damaged EXIF is no reason to refuse a picture
        return 1
    return value if value in range(2, 9) else 1


def metadata_of(im: Any, kind: str, orientation: int) -> tuple[Metadata, tuple[str, ...]]:
    """What the decoded image says about itself, and a line for what of it is damaged."""
    notes = ()
    icc, xmp = im.info.get("icc_profile"), im.info.get("xmp")
    if icc is not None and (not isinstance(icc, bytes) or icc[36:40] != b"acsp"):
        icc, notes = None, ("damaged colour profile dropped",)
    try:
        exif = _exif(im, kind)
    except Exception:
        exif, notes = None, (*notes, "damaged EXIF dropped")
    xmp = re.sub(rb'(tiff:Orientation(?:="|>))[0-9]', rb"\g<1>1", xmp) if isinstance(xmp, bytes) else None
    dpi, text = _dpi(im, orientation >= 5), _text(im, kind)
    return Metadata(icc, exif, xmp, dpi, text, *_time(im, kind), _sampling(im, kind)), notes


def _sampling(im: Any, kind: str) -> int | None:
    if kind != "JPEG" or im.mode != "RGB":
        return None
    from PIL.JpegImagePlugin import get_sampling

    found = get_sampling(im)
    return None if found < 0 else found


def _time(im: Any, kind: str) -> tuple[float | None, int]:
    """Milliseconds that this frame is shown, and how often the whole animation is, 0 for ever."""
    if not getattr(im, "is_animated", False):
        return 0, 0
    shown, loop = im.info.get("duration", 0), im.info.get("loop")
    if kind == "GIF":  # it counts what follows the first time
        loop = 1 if loop is None else loop and loop + 1
    shown = shown if isinstance(shown, int | float) and shown > 0 else 0
    stands_in = kind == "PNG" and im.tell() == 0 and im.default_image
    return None if stands_in else shown, loop or 0


def _exif(im: Any, kind: str) -> bytes | None:
    """EXIF without orientation and thumbnail; as it was, byte for byte, where it had neither."""
    image, raw = pillow(), im.info.get("exif")
    if isinstance(raw, bytes):  # read anew: an image that failed to read its own once has none from then on
        exif = image.Exif()
        exif.load(raw)
    else:
        exif = image.Image.getexif(im)
    if kind == "TIFF":
        told = image.Exif()
        told.update({tag: exif[tag] for tag in DESCRIPTIVE if tag in exif})
        told.update({tag: exif.get_ifd(tag) for tag in DIRECTORIES if exif.get_ifd(tag)})
        exif = told
    elif raw and _ORIENTATION not in exif and not exif.get_ifd(image.ExifTags.IFD.IFD1):
        return raw.removeprefix(b"Exif\0\0")
    exif.pop(_ORIENTATION, None)
    return exif.tobytes().removeprefix(b"Exif\0\0") if len(exif) else None


def _dpi(im: Any, swap: bool) -> tuple[float, float] | None:
    try:
        x, y = map(float, im.info.get("dpi", ()))
    except (TypeError, ValueError, ArithmeticError):
        return None
    if not (0 < x < 1e6 and 0 < y < 1e6):
        return None
    return (y, x) if swap else (x, y)


def _text(im: Any, kind: str) -> tuple[tuple[str, str], ...]:
    if kind == "PNG":  # its other entries are no text
        skipped = ("XML:com.adobe.xmp", "Raw profile type")
        return tuple((k, str(v)) for k, v in im.info.items() if isinstance(v, str) and not k.startswith(skipped))
    comment = im.info.get("comment")
    return (("Comment", comment.decode("latin-1")),) if isinstance(comment, bytes) and comment else ()
