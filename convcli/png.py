"""PNG in our own hands: a check of what came in, and a writer.

Pillow neither checks the sums over the picture data nor writes 16-bit colour, and its encoder is the
slowest step of a whole command. Here rows are filtered in numpy and compressed in strips, which threads can
share; the strips depend on the picture alone, so the bytes are the same for any number of threads.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from convcli.errors import InputError, printable

if TYPE_CHECKING:
    import numpy as np

__all__ = ["animate", "check", "described", "exif", "in_order", "rows_in_strip", "write"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FRAMES = (b"acTL", b"fcTL", b"fdAT")
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> gray, gray and alpha, RGB, RGBA
_STRIP = 1 << 20  # bytes compressed at once
_BLOCK = 1 << 17  # bytes filtered at once: what fits a core's cache
_SAMPLE = 1 << 16  # bytes that decide how a strip is compressed
_ADLER = 65521

# Run lengths suit noise and flat areas, matches suit the rest: each strip takes what does better on its first rows.
_LEVELS = {
    "fast": ((6, zlib.Z_RLE), (1, zlib.Z_DEFAULT_STRATEGY)),
    "default": ((6, zlib.Z_RLE), (6, zlib.Z_DEFAULT_STRATEGY)),
    "best": ((6, zlib.Z_RLE), (9, zlib.Z_DEFAULT_STRATEGY)),
}


def check(data: bytes) -> None:
    """Nothing, or an InputError where a chunk that carries the picture is damaged or missing."""
    view, at = memoryview(data), len(SIGNATURE)
    while at + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        end = at + 8 + size
        if end + 4 > len(data):
            break
        if (name[:1].isupper() or name in _FRAMES) and zlib.crc32(view[at + 4 : end]) != int.from_bytes(
            view[end : end + 4], "big"
        ):
            word = printable(name.decode("latin-1"))
            raise InputError(f"damaged image: check sum of the {word} chunk at byte {at} is wrong")
        if name == b"IEND":
            return
        at = end + 4
    raise InputError(f"damaged image: file ends after {len(data)} bytes, before the picture does")


def exif(stream: BinaryIO) -> bytes | None:
    """The content of the EXIF chunk, which may come after the picture; found by walking from chunk to chunk."""
    stream.seek(len(SIGNATURE))
    while len(head := stream.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        if name == b"eXIf":
            return stream.read(size)
        if name == b"IEND":
            break
        stream.seek(size + 4, 1)
    return None


def described(
    icc: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    text: Iterable[tuple[str, str]] = (),
) -> list[tuple[bytes, bytes]]:
    """Chunks (name, content) that say these things about the picture; `exif` begins with its byte order."""
    chunks = []
    if icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(d / 0.0254) for d in dpi), 1)))  # per metre
    if exif:
        chunks.append((b"eXIf", exif))
    if xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    for key, value in text:
        name, value = key.encode("latin-1", "replace")[:79], value.replace("\0", " ")
        try:
            chunks.append((b"tEXt", name + b"\0" + value.encode("latin-1")))
        except UnicodeEncodeError:
            chunks.append((b"iTXt", name + b"\0\0\0\0\0" + value.encode("utf-8", "replace")))
    return chunks


def write(
    target: BinaryIO,
    pixels: "np.ndarray",
    chunks: Iterable[tuple[bytes, bytes]] = (),
    *,
    compression: str = "fast",
    threads: int = 1,
) -> None:
    """Nothing; `target` gets the picture: pixels (H, W, C), uint8 or uint16, 1 to 4 channels."""
    _begin(target, pixels, chunks)
    for content in _packed(pixels, compression, threads):
        _chunk(target, b"IDAT", content)
    _chunk(target, b"IEND", b"")


def animate(
    target: BinaryIO,
    parts: "Iterable[tuple[np.ndarray, int, int, float | None]]",
    count: int,
    plays: int = 0,
    chunks: Iterable[tuple[bytes, bytes]] = (),
    *,
    compression: str = "fast",
    threads: int = 1,
) -> None:
    """Nothing; `target` gets an animation of `count` pictures.

    parts: what each picture changes of the one before: pixels as in `write`, their first corner y, x, and the
    milliseconds it is shown; the first is the whole picture, and so is the second after one that is shown where nothing
    can move alone (None). plays: how often, 0 for ever.
    """
    sequence = 0
    for number, (pixels, y, x, shown) in enumerate(parts):
        if number == 0:
            _begin(target, pixels, [(b"acTL", struct.pack(">II", count - (shown is None), plays)), *chunks])
        if shown is not None:
            height, width = pixels.shape[:2]
            place = struct.pack(">IIIII", sequence, width, height, x, y)
            _chunk(target, b"fcTL", place + struct.pack(">HHBB", *_seconds(shown), 0, 0))  # it stays, and covers
            sequence += 1
        for content in _packed(pixels, compression, threads):
            if number == 0:
                _chunk(target, b"IDAT", content)
            else:
                _chunk(target, b"fdAT", struct.pack(">I", sequence) + content)
                sequence += 1
    _chunk(target, b"IEND", b"")


def _seconds(shown: float) -> tuple[int, int]:
    """Milliseconds as a fraction of seconds that two numbers of 16 bits hold."""
    from fractions import Fraction  # late: pictures that stand still do without

    seconds = Fraction(shown / 1000).limit_denominator(1000)
    return seconds.as_integer_ratio() if seconds.numerator < 2**16 else (min(round(shown / 1000), 65535), 1)


def _begin(target: BinaryIO, pixels: "np.ndarray", chunks: Iterable[tuple[bytes, bytes]]) -> None:
    """Nothing; the signature, the header and the chunks before the picture."""
    height, width, channels = pixels.shape
    target.write(SIGNATURE)
    depth = 8 * pixels.itemsize
    _chunk(target, b"IHDR", struct.pack(">IIBBBBB", width, height, depth, _COLOUR_TYPES[channels], 0, 0, 0))
    for name, content in chunks:
        _chunk(target, name, content)


def _packed(pixels: "np.ndarray", compression: str, threads: int) -> Iterator[bytes]:
    """The stream that is the picture, in pieces."""
    low, high = 1, 0  # the two halves of the sum over the whole stream, joined from those of the strips
    start = b"\x78\x01"
    for stream, size, adler in in_order(lambda rows: _strip(pixels, rows, _LEVELS[compression]), pixels, threads):
        high = (high + (adler >> 16) + size * (low - 1)) % _ADLER
        low = (low + (adler & 0xFFFF) - 1) % _ADLER
        yield start + stream
        start = b""
    yield b"\x03\x00" + struct.pack(">I", high << 16 | low)  # an empty last block


def _chunk(target: BinaryIO, name: bytes, content: bytes) -> None:
    target.write(struct.pack(">I", len(content)) + name)
    target.write(content)
    target.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(name))))


def rows_in_strip(pixels: "np.ndarray") -> int:
    """Rows of (H, W, C) that are compressed at once."""
    return max(1, _STRIP // pixels[0].nbytes)


def in_order(work, pixels: "np.ndarray", threads: int) -> Iterator:
    """What `work` gives for each strip of rows, a slice, from the top."""
    height, step = len(pixels), rows_in_strip(pixels)
    strips = [slice(y, min(y + step, height)) for y in range(0, height, step)]
    if threads == 1 or len(strips) == 1:
        yield from map(work, strips)
        return
    from concurrent.futures import ThreadPoolExecutor  # late: small pictures do without

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, strips)


def _strip(pixels: "np.ndarray", rows: slice, levels: tuple) -> tuple[bytes, int, int]:
    """The strip as deflate blocks that end on a byte and refer to nothing before; its plain size and Adler sum."""
    import numpy as np

    step = max(1, _BLOCK // pixels[0].nbytes)
    reach = pixels.shape[2] * pixels.itemsize
    plain = np.empty((rows.stop - rows.start, pixels[0].nbytes + 1), np.uint8)
    for y in range(rows.start, rows.stop, step):
        stop = min(y + step, rows.stop)
        raw = pixels[max(y - 1, 0) : stop]
        raw = np.ascontiguousarray(raw, raw.dtype.newbyteorder(">")).view(np.uint8).reshape(len(raw), -1)
        above = raw[:-1] if y else np.concatenate([np.zeros_like(raw[:1]), raw[:-1]])
        _filter(raw[-(stop - y) :], above, reach, plain[y - rows.start : stop - rows.start])
    flat = plain.reshape(-1)
    tried = {level: _deflate(flat[:_SAMPLE], level) for level in levels}
    level = min(tried, key=lambda level: len(tried[level]))
    packed = tried[level] if flat.size <= _SAMPLE else _deflate(flat, level)
    return packed, flat.size, zlib.adler32(flat)


def _deflate(data, level: tuple[int, int]) -> bytes:
    packer = zlib.compressobj(level[0], zlib.DEFLATED, -15, 9, level[1])
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


def _filter(raw: "np.ndarray", above: "np.ndarray", reach: int, out: "np.ndarray") -> None:
    """Nothing; each row of `out` gets a filter's number and bytes, of the filter with the least absolute sum."""
    import numpy as np

    left, corner = np.zeros_like(raw), np.zeros_like(raw)
    left[:, reach:] = raw[:, :-reach]
    corner[:, reach:] = above[:, :-reach]
    least = np.full(len(raw), np.iinfo(np.int64).max)
    for kind in range(5):
        if kind == 0:
            tried = raw
        elif kind == 1:
            tried = raw - left
        elif kind == 2:
            tried = raw - above
        elif kind == 3:
            tried = raw - ((left & above) + ((left ^ above) >> 1))
        else:
            tried = raw - _paeth(left, above, corner)
        cost = np.abs(tried.view(np.int8)).view(np.uint8).sum(axis=1, dtype=np.uint32)
        better = cost < least
        least[better] = cost[better]
        out[better, 0] = kind
        out[better, 1:] = tried[better]


def _paeth(left: "np.ndarray", above: "np.ndarray", corner: "np.ndarray") -> "np.ndarray":
    """Of the three neighbours the one nearest to left + above - corner, ties in this order.

    Chosen by masks: `where` on bytes is forty times slower.
    """
    import numpy as np

    wide = corner.astype(np.int16)
    to_left = above.astype(np.int16) - wide
    to_above = left.astype(np.int16) - wide
    to_corner = np.abs(to_left + to_above)
    np.abs(to_left, out=to_left)
    np.abs(to_above, out=to_above)
    take_above = 0 - (to_above <= to_corner).view(np.uint8)  # 0 or 255
    take_left = 0 - ((to_left <= to_above) & (to_left <= to_corner)).view(np.uint8)
    other = corner ^ ((corner ^ above) & take_above)
    return other ^ ((other ^ left) & take_left)
