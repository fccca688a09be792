"""Files opened with suspicion: what they are, how large, and every error of a decoder as one line.

The content of a file, not its name, picks the decoder from a short list, and the size is checked before anything
is decoded.
"""

import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from convcli.errors import ConvError, InputError, printable, reason
from convcli.formats import kind_of

__all__ = [
    "MAX_PIXELS",
    "Source",
    "check_size",
    "check_total",
    "content",
    "guarded",
    "heard",
    "hush",
    "named",
    "opened",
    "opener",
    "pillow",
    "room",
    "stream_of",
]

Source = Path | str | bytes
MAX_PIXELS = 178_956_970

# What of Pillow opens each kind of file that is read.
_OPENERS = {
    "PNG": "PngImagePlugin.PngImageFile",
    "JPEG": "JpegImagePlugin.jpeg_factory",
    "GIF": "GifImagePlugin.GifImageFile",
    "BMP": "BmpImagePlugin.BmpImageFile",
    "TIFF": "TiffImagePlugin.TiffImageFile",
    "WEBP": "WebPImagePlugin.WebPImageFile",
    "AVIF": "AvifImagePlugin.AvifImageFile",
    **dict.fromkeys(("PBM", "PGM", "PPM", "PFM"), "PpmImagePlugin.PpmImageFile"),
}


@contextmanager
def named(source: Source) -> Iterator[None]:
    """Nothing; an InputError gets the path in front, where there is one, and a file that cannot be read becomes one."""
    try:
        yield
    except (InputError, OSError) as error:
        told = error if isinstance(error, InputError) else InputError(reason(error))
        raise told if isinstance(source, bytes) else told.at(source) from error


def stream_of(path: Path | str) -> BinaryIO:
    """The open file."""
    try:
        stream = open(path, "rb")  # noqa: SIM115 (the caller closes it)
    except OSError as error:
        raise InputError(reason(error)) from None
    except ValueError:
        raise InputError("is no file name") from None
    if stat.S_ISCHR(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise InputError("is a device, not a file")
    return stream


def room(max_pixels: int) -> int:
    """Bytes that a file of so many pixels may have: of the largest pixel there is, and room for metadata."""
    return 16 * max_pixels + 2**26


def content(source: Source, max_pixels: int) -> bytes:
    """The whole file: what happens to it later no longer matters, and it may be the output too."""
    limit = room(max_pixels)
    if isinstance(source, bytes):
        data = source
    else:
        with stream_of(source) as stream:
            info = os.fstat(stream.fileno())
            try:
                data = stream.read() if stat.S_ISREG(info.st_mode) and info.st_size <= limit else stream.read(limit + 1)
            except OSError as error:
                raise InputError(reason(error)) from None
    if len(data) > limit:
        raise InputError(f"file is over {limit / 1e9:.1f} GB (raise with --max-pixels)")
    return data


_EAR = Lock()
_COMPLAINT = rb"(_?[A-Z]\w*|tempfile\.tif): "


@cache
def pillow() -> Any:
    """Pillow's main module."""
    import logging

    from PIL import Image

    logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its errors go to standard error
    return Image


def hush() -> None:
    """Nothing; from here on Pillow's warnings go nowhere, even where warnings are errors.

    Filters belong to the process, and pictures are read by several threads: a filter that came and went would take
    another thread's with it.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")


@contextmanager
def guarded(kind: str, max_pixels: int) -> Iterator[None]:
    """Nothing; whatever a decoder raises in the block becomes an InputError."""
    hush()
    try:
        yield
    except ConvError:
        raise
    except pillow().DecompressionBombError as error:
        count = re.search(r"\d+", str(error))
        raise InputError(_too_large(int(count[0]) if count else max_pixels + 1, max_pixels)) from error
    except Exception as error:  # decoders raise more than they say: TypeError, KeyError, struct.error ...
        raise InputError(_reason(error, kind)) from error


def opener(kind: str) -> Any:
    """What of Pillow opens a kind of file."""
    module, _, name = _OPENERS[kind].partition(".")
    return getattr(import_module(f"PIL.{module}"), name)


@contextmanager
def opened(stream: BinaryIO, max_pixels: int) -> Iterator[tuple[Any, str]]:
    """Pillow's image, with nothing but its header read, and what kind of file it is."""
    head = stream.read(64)
    stream.seek(0)
    kind = kind_of(head)
    if not head:
        raise InputError("empty file")
    if kind is None:
        raise InputError(f"is no picture of a known kind ({', '.join(_OPENERS)})")
    if kind not in _OPENERS:
        raise InputError(f"looks like {kind}, which is not supported")
    image = pillow()
    if image.MAX_IMAGE_PIXELS and max_pixels > 2 * image.MAX_IMAGE_PIXELS:
        image.MAX_IMAGE_PIXELS = max_pixels  # Pillow refuses at twice this; it is only ever loosened, when asked for
    with guarded(kind, max_pixels):
        im = opener(kind)(stream)
    with im:
        check_size(im.height, im.width, max_pixels)
        yield im, kind


@contextmanager
def heard() -> Iterator[None]:
    """Nothing, or an InputError where libtiff complained on standard error: Pillow then goes on without a word.

    The descriptor is that of the whole process: one thread listens at a time, for a short call, and what others say
    meanwhile is passed on.
    """
    with _EAR:
        yield from _listening()


def _listening() -> Iterator[None]:
    try:
        kept, ear = os.dup(2), os.memfd_create("stderr")
    except (OSError, AttributeError):  # no standard error, or a system without files in memory
        yield
        return
    said = b""
    try:
        import fcntl  # late: not every system has it, and those without have no files in memory

        fcntl.fcntl(ear, fcntl.F_SETFL, os.O_APPEND)  # threads that write at once would write over each other
        os.dup2(ear, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            said = os.pread(ear, os.fstat(ear).st_size, 0)
    finally:
        os.close(kept)
        os.close(ear)
        lines = said.splitlines(keepends=True)
        complaints = [line for line in lines if re.match(_COMPLAINT, line)]
        if others := b"".join(line for line in lines if line not in complaints):
            os.write(2, others)
    if complaints:
        line = complaints[0].rstrip().decode("ascii", "replace")
        raise InputError(f"damaged TIFF file: {printable(line[:100].rstrip('.'))}")


def _reason(error: Exception, kind: str) -> str:
    """A decoder's complaint as one short line."""
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    lines = str(error).splitlines()
    is_told = isinstance(error, OSError | SyntaxError | ValueError | EOFError) and lines and lines[0].isprintable()
    if not is_told or len(lines[0]) > 120 or re.search(r"object at|this driver|out of range|\(\)", lines[0]):
        return f"damaged {kind} file"
    if lines[0] == "unknown pixel mode":
        return f"{kind} file: samples of this kind are not supported (8 and 16 bits are, and 32 for one channel)"
    is_whole = "upport" in lines[0] or "unknown" in lines[0]  # only beyond Pillow
    return f"{'' if is_whole else 'damaged '}{kind} file: {lines[0][0].lower()}{lines[0][1:]}"


def check_size(height: int, width: int, max_pixels: int) -> None:
    """Nothing, or an InputError that says by how much the picture is too large."""
    if height * width > max_pixels:
        raise InputError(f"{height} x {width} is {_too_large(height * width, max_pixels)}")


def check_total(pixels: int, what: str, max_pixels: int) -> None:
    """The same for several pictures together."""
    if pixels > max_pixels:
        raise InputError(f"{what} are {_too_large(pixels, max_pixels)}")


def _too_large(pixels: int, max_pixels: int) -> str:
    digits = 1 if max_pixels >= 1e6 else 6
    return f"{pixels / 1e6:.{digits}f} MP, over the limit of {max_pixels / 1e6:.{digits}f} MP (raise with --max-pixels)"
