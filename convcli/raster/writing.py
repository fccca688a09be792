"""From a Raster to the bytes of a file."""

import os
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from convcli import grid, png
from convcli.formats import BARE, FORMATS, can_take, holders
from convcli.raster import gif, tiff
from convcli.raster.opening import hush, pillow
from convcli.raster.picture import FormatError, Metadata, Raster

if TYPE_CHECKING:
    from mmap import mmap

__all__ = ["check_fits", "encode", "encoded", "kept"]

_USUAL = (72, 72)  # what files say that know no better
_DTYPES = {"I;16": "<u2", "I": "=i4", "F": "=f4"}
_ENCODERS = {
    "JPEG": ("JPEG", "Jpeg"),
    "WEBP": ("WEBP", "WebP"),
    "AVIF": ("AVIF", "Avif"),
    "BMP": ("BMP", "Bmp"),
}


def encode(
    raster: Raster,
    format: str,
    target: BinaryIO,
    *,
    quality: int | None = None,
    compression: str = "fast",
    threads: int = 1,
) -> tuple[str, ...]:
    """What the format could not keep, a line each; `target` gets the file.

    format: a name from `format_of`. quality: 1 to 100, for the formats that have one. compression: fast, default
    or best. Raises FormatError where the format cannot hold the picture, and what `target` raises.
    """
    check_fits(raster, format)
    pixels = raster.pixels
    info, notes = kept(raster, format)
    if format == "PNG":
        chunks = png.described(info.icc, info.exif, info.xmp, info.dpi, info.text)
        png.write(target, pixels, chunks, compression=compression, threads=threads)
    elif format == "TIFF":
        notes += tiff.write(target, [(pixels, raster.mode, info)], compression=compression, threads=threads)
    elif format == "GIF":
        notes += gif.write(target, [(pixels, 0)], comment="\n".join(value for _, value in info.text))
    elif format == "NPY":
        grid.write_npy(target, pixels)
    elif format in grid.SEPARATORS:
        target.write(grid.to_text(pixels, grid.SEPARATORS[format]).encode("ascii"))
    else:
        try:
            data = encoded(raster, format, info, quality, compression)
        except FormatError:
            bare = Metadata(shown=info.shown, plays=info.plays, sampling=info.sampling)
            if info == bare:
                raise
            data = encoded(raster, format, bare, quality, compression)
            notes = (f"all metadata dropped, {format} could not take it",)
        target.write(data)
    return notes


def check_fits(raster: Raster, format: str) -> None:
    """Nothing, or a FormatError where the format cannot hold the picture."""
    pixels, form = raster.pixels, FORMATS[format]
    if not can_take(format, raster.mode, pixels.shape[2]):
        what = f"{pixels.shape[2]} channels of {pixels.dtype}" if raster.mode == "grid" else raster.mode
        able = holders(raster.mode, pixels.shape[2])
        raise FormatError(f"{format} cannot hold {what} ({', '.join(able)} can)")
    if max(pixels.shape[:2]) > form.side:
        raise FormatError(f"{format} cannot hold {pixels.shape[0]} x {pixels.shape[1]} (at most {form.side} a side)")


def kept(raster: Raster, format: str) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata that format and mode have room for, and a line for what is lost."""
    info, keeps = raster.info, FORMATS[format].keeps
    room = 65500 if format == "JPEG" else 2**31
    icc, exif, xmp = (
        value if value and name in keeps and len(value) < most else None
        for name, value, most in (("icc", info.icc, 2**24), ("exif", info.exif, room), ("xmp", info.xmp, room))
    )
    # a JPEG has room for one comment, a GIF for comments
    is_kept = {"PNG": len(info.text), "JPEG": 1}.get(format)
    comments = tuple(pair for pair in info.text if pair[0] == "Comment")
    text = (info.text if format == "PNG" else comments if "text" in keeps else ())[:is_kept]
    dpi = info.dpi if "dpi" in keeps and (format != "JPEG" or max(info.dpi or (0,)) < 2**16) else None
    lost = [
        ("the colour profile", info.icc and not icc),
        ("EXIF", info.exif and not exif),
        ("XMP", info.xmp and not xmp),
        ("the resolution", info.dpi and not dpi and info.dpi != _USUAL),
        ("text", len(text) < len(info.text)),
    ]
    names = [name for name, is_lost in lost if is_lost]
    notes = [f"{format} cannot keep {', '.join(names)}"] * bool(names and format not in BARE)
    space = {b"GRAY": ("L", "I", "F"), b"CMYK": ("CMYK",)}.get(icc[16:20] if icc else b"", ("RGB",))
    if icc and raster.mode.partition(";")[0].removesuffix("A") not in space:
        icc = None
        notes.append(f"the colour profile is for {space[0]}, and the result is {raster.mode}: dropped")
    return Metadata(icc, exif, xmp, dpi, text, info.shown, info.plays, info.sampling), tuple(notes)


def encoded(raster: Raster, format: str, info: Metadata, quality: int | None, compression: str) -> "bytes | mmap":
    """The file as Pillow writes it, in memory: so that errors of the encoder and of the disk cannot be confused."""
    import numpy as np

    image = pillow()
    mode, pixels = raster.mode, raster.pixels
    if format == "JPEG" and raster.spare is not None:
        mode, pixels = "RGBX", raster.spare  # as Pillow has it in memory
    pixels = np.ascontiguousarray(pixels, _DTYPES.get(mode, "u1"))
    size = (pixels.shape[1], pixels.shape[0])
    name, module = _ENCODERS.get(format, ("PPM", "Ppm"))
    try:
        hush()
        import_module(f"PIL.{module}ImagePlugin")
        im = image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)
        options = _options(format, info, quality, compression)
        if format == "JPEG" and (data := _beside_others(im, options)):
            return data
        stream = BytesIO()
        _save(im, stream, name, options)
        return stream.getvalue()
    except Exception as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0]
        raise FormatError(f"cannot be written as {format}: {detail}") from error


def _save(im: Any, stream: BinaryIO, name: str, options: dict[str, Any]) -> None:
    """What `im.save` does; for a JPEG without the five plugins that it imports first, as long as a megapixel takes."""
    if name != "JPEG":
        im.save(stream, name, **options)
        return
    im.encoderinfo, im.encoderconfig = options, ()
    pillow().SAVE[name](im, stream, "")


def _beside_others(im: Any, options: dict[str, Any]) -> "mmap | None":
    """The JPEG file, by way of a file of the system's that is in memory; None where there is no such thing.

    Pillow's encoder writes into a real file and lets other threads run; into any other stream it does not.
    """
    from mmap import mmap  # late: few write a JPEG

    try:
        with os.fdopen(os.memfd_create("jpeg"), "w+b") as stream:
            _save(im, stream, "JPEG", options)
            data = mmap(stream.fileno(), 0)
    except (
        AttributeError,
        OSError,
        ValueError,
    ):  # other systems; a limit of the size of files, which is not for this one
        return None
    return data if data[-2:] == b"\xff\xd9" else None  # Pillow does not see when less than all of it was written


def _options(format: str, info: Metadata, quality: int | None, compression: str) -> dict[str, Any]:
    """What Pillow's encoder is told.

    Lossy files get quality 90, and from 90 on every pixel its own colour: edges are what filters make, and halved
    colour smears them. But what came out of a JPEG has its colours stored as they were, unless a quality is asked for.
    """
    told: dict[str, Any] = {}
    effort = ("fast", "default", "best").index(compression)
    if info.icc:
        told["icc_profile"] = info.icc
    if info.exif:
        told["exif"] = b"Exif\0\0" + info.exif
    if info.dpi:
        told["dpi"] = info.dpi
    if info.xmp:
        told["xmp"] = info.xmp
    if FORMATS[format].has_quality:
        told["quality"] = 90 if quality is None else quality
    if format == "JPEG":
        sampling = 0 if told["quality"] >= 90 else 2
        if quality is None and info.sampling is not None:
            sampling = info.sampling
        told |= {"subsampling": sampling, "optimize": effort == 2, "progressive": effort == 2}
        if info.text:
            told["comment"] = info.text[0][1].encode("latin-1", "replace")
    elif format == "WEBP":
        told |= {"method": (2, 4, 6)[effort], "exact": True}
    elif format == "AVIF":
        told |= {"speed": (8, 6, 4)[effort], "subsampling": "4:4:4" if told["quality"] >= 90 else "4:2:0"}
    return told
