"""PNG: what is written is read back, by Pillow too; damage in what came in is found."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from data import picture
from PIL import Image

from convcli import png
from convcli.errors import InputError


def written(pixels, **options) -> bytes:
    target = BytesIO()
    png.write(target, pixels, **options)
    return target.getvalue()


def decoded(data: bytes) -> np.ndarray:
    """The samples by the definition of the format, in loops."""
    at, stream = 8, b""
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        if name == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        if name == b"IDAT":
            stream += body
        at += size + 12
    channels = {0: 1, 4: 2, 2: 3, 6: 4}[colour]
    reach = channels * depth // 8
    plain, line, at = zlib.decompress(stream), bytes(width * reach), 0
    rows = []
    for _ in range(height):
        kind, above, line = plain[at], line, bytearray(plain[at + 1 : at + 1 + width * reach])
        at += 1 + width * reach
        for i in range(len(line)):
            left, corner = (line[i - reach], above[i - reach]) if i >= reach else (0, 0)
            guess = left + above[i] - corner
            nearest = min((left, above[i], corner), key=lambda near: abs(guess - near))
            line[i] = (line[i] + (0, left, above[i], (left + above[i]) // 2, nearest)[kind]) & 255
        rows.append(bytes(line))
    return np.frombuffer(b"".join(rows), ">u2" if depth == 16 else "u1").reshape(height, width, channels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("size", [(7, 5), (1, 1), (1, 9), (9, 1)])
def test_what_is_written_is_read_back(size, dtype, channels):
    pixels = picture(*size, channels, dtype)
    data = written(pixels)
    png.check(data)
    np.testing.assert_array_equal(decoded(data), pixels)
    if dtype == "uint8":
        seen = np.asarray(Image.open(BytesIO(data)))
        np.testing.assert_array_equal(seen.reshape(pixels.shape), pixels)


@pytest.mark.parametrize("compression", ["fast", "default", "best"])
def test_strips_make_one_stream_whatever_the_threads(compression, monkeypatch):
    monkeypatch.setattr(png, "_STRIP", 2000)
    monkeypatch.setattr(png, "_BLOCK", 500)
    ramp = np.add.outer(np.arange(61) * 3, np.arange(47))[:, :, None] + picture(61, 47, 3) // 16
    pixels = (ramp % 256).astype(np.uint8)
    data = written(pixels, compression=compression, threads=1)
    assert data == written(pixels, compression=compression, threads=3)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(data))), pixels)


def test_every_filter_is_used_where_it_fits():
    rows = np.arange(64, dtype=np.uint8)
    smooth = np.add.outer(rows, rows)[:, :, None] * np.ones(3, np.uint8)
    noise = np.random.default_rng(5).integers(0, 3, (64, 64, 1), dtype=np.uint8)
    assert len(written(smooth)) < smooth.size / 10
    np.testing.assert_array_equal(decoded(written(noise)), noise)


def test_chunks_say_what_they_are_told():
    told = png.described(b"profile", b"MM\0*exif", b"<xmp/>", (300, 150), [("Title", "caf\xe9"), ("Motto", "\u4f60")])
    data = written(picture(3, 2), chunks=told)
    png.check(data)
    im = Image.open(BytesIO(data))
    im.load()
    assert im.info["icc_profile"] == b"profile"
    assert im.info["exif"] == b"Exif\0\0MM\0*exif"
    assert im.info["xmp"] == b"<xmp/>"
    assert im.info["dpi"] == pytest.approx((300, 150), abs=0.02)
    assert (im.text["Title"], im.text["Motto"]) == ("caf\xe9", "\u4f60")
    assert png.exif(BytesIO(data)) == b"MM\0*exif"
    assert png.exif(BytesIO(written(picture(3, 2)))) is None


def test_damage_is_found_wherever_it_is():
    data = written(picture(7, 5, 3))
    for end in range(8, len(data)):
        with pytest.raises(InputError, match="file ends after"):
            png.check(data[:end])
    for at in range(12, len(data) - 12):
        broken = bytearray(data)
        broken[at] ^= 16
        with pytest.raises(InputError, match="damaged image"):
            png.check(bytes(broken))
    png.check(data + b"what follows the end is nobody's business")


def test_a_damaged_remark_is_no_damaged_picture():
    data = bytearray(written(picture(7, 5), chunks=[(b"tEXt", b"Title\0good")]))
    data[data.index(b"good")] ^= 1
    png.check(bytes(data))
