"""Pictures in and out: every mode and format, orientation, metadata, 16-bit colour, and files that are none."""

import csv
import os
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from data import blocks, chunk, picture, turned
from PIL import Image, ImageCms

from convcli import raster
from convcli.errors import ConvError, InputError
from convcli.formats import FORMATS, WHITE
from convcli.raster import FormatError, Metadata, Raster, can_hold, encode, header, opening, read

DTYPES = {"I;16": "uint16", "LA;16": "uint16", "RGB;16": "uint16", "RGBA;16": "uint16", "I": "int32", "F": "float32"}
CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "I": 1, "F": 1}


def sample(mode: str, height: int = 7, width: int = 5) -> np.ndarray:
    """Random pixels of a mode."""
    channels = CHANNELS[mode.partition(";")[0]]
    return picture(height, width, channels, DTYPES.get(mode, "uint8")).astype(DTYPES.get(mode, "uint8"))


def encoded(pixels: np.ndarray, mode: str, format: str, info: Metadata | None = None, **options) -> bytes:
    target = BytesIO()
    encode(Raster(pixels, mode, info=info or Metadata()), format, target, **options)
    return target.getvalue()


def saved(im: Image.Image, format: str, **options) -> bytes:
    target = BytesIO()
    im.save(target, format, **options)
    return target.getvalue()


def refusal(data: bytes, **options) -> str | None:
    """Why header and pixels are refused, in a short line; None where the picture can be read."""
    message = None
    for ask in (header, read):
        try:
            ask(data, **options)
        except InputError as error:
            message = str(error)
    assert message is None or (len(message) < 200 and message.isprintable())
    return message


def seen(data: bytes) -> Raster:
    """The picture in the bytes; its header has to say the same."""
    got, head = read(data), header(data)
    assert (head.height, head.width, head.channels) == got.pixels.shape
    assert (head.mode, head.format, head.white, head.alpha) == (got.mode, got.format, got.white, got.alpha)
    assert head.colours == got.pixels.shape[2] - got.alpha
    assert got.pixels.dtype.isnative
    return got


EXACT = [
    (format, mode)
    for format, form in FORMATS.items()
    for mode in form.modes
    if format not in ("JPEG", "WEBP", "AVIF") and mode != "grid"
]


@pytest.mark.parametrize(("format", "mode"), EXACT)
@pytest.mark.parametrize("compression", ["fast", "default", "best"])
def test_what_is_written_is_read_back(format, mode, compression):
    pixels = sample(mode)
    got = seen(encoded(pixels, mode, format, compression=compression))
    np.testing.assert_array_equal(got.pixels.astype(pixels.dtype), pixels)
    if FORMATS[format].keeps or format == "GIF":
        assert (got.mode, got.format, got.pixels.dtype, got.notes) == (mode, format, pixels.dtype, ())


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_keeps_what_a_jpeg_can(mode):
    smooth = np.add.outer(np.arange(40), 2 * np.arange(30))[:, :, None] + np.arange(CHANNELS[mode]) * 20
    got = seen(encoded(smooth.astype(np.uint8), mode, "JPEG"))
    assert (got.mode, got.format) == (mode, "JPEG")
    assert np.abs(got.pixels.astype(int) - smooth).max() <= 6


@pytest.mark.parametrize("format", ["WEBP", "AVIF"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_webp_and_avif_keep_alpha(format, mode):
    pixels = np.full((32, 24, CHANNELS[mode]), 200, np.uint8)
    pixels[:, 12:, -1] = 90
    got = seen(encoded(pixels, mode, format, quality=95))
    assert got.alpha == ("A" in mode)
    shown = np.broadcast_to(got.pixels[:, :, :1] if got.mode[0] == "L" else got.pixels[:, :, :3], (32, 24, 3))
    wanted = pixels[:, :, :1] if mode[0] == "L" else pixels[:, :, :3]
    assert np.abs(shown.astype(int) - wanted)[:, :10].max() <= 8
    if got.alpha:
        assert np.abs(got.pixels[:, :, -1].astype(int) - pixels[:, :, -1]).max() <= 8


def test_quality_counts_and_fine_colour_is_kept():
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, ::2, 0] = 255
    sizes = [len(encoded(pixels, "RGB", "JPEG", quality=quality)) for quality in (30, 60, None, 100)]
    assert sizes == sorted(sizes)
    assert np.abs(read(encoded(pixels, "RGB", "JPEG")).pixels.astype(int) - pixels).max() < 40


def test_a_format_that_cannot_hold_a_picture_says_which_can():
    for mode, format, message in [
        ("RGBA", "JPEG", r"JPEG cannot hold RGBA \(PNG, WEBP, TIFF, AVIF, NPY can\)"),
        ("RGB;16", "WEBP", r"WEBP cannot hold RGB;16 \(PNG, TIFF, NPY can\)"),
        ("F", "PNG", r"PNG cannot hold F \(TIFF, PFM, TXT"),
        ("CMYK", "GIF", "GIF cannot hold CMYK"),
    ]:
        assert not can_hold(format, mode)
        with pytest.raises(FormatError, match=message) as caught:
            encoded(sample(mode), mode, format)
        assert caught.value.exit_code == 1
    with pytest.raises(FormatError, match="TXT cannot hold 3 channels of float32"):
        encoded(np.zeros((2, 2, 3), np.float32), "grid", "TXT")
    with pytest.raises(FormatError, match="WEBP cannot hold 1 x 16384"):
        encoded(np.zeros((1, 16384, 1), np.uint8), "L", "WEBP")


def test_extensions_and_modes():
    assert [raster.format_of(word) for word in (".png", "JPG", ".tiff", ".npy", "pgm")] == [
        "PNG", "JPEG", "TIFF", "NPY", "PGM",
    ]  # fmt: skip
    with pytest.raises(ConvError, match=r'"pngg" is no format that can be written; did you mean png\? \(png, jpg'):
        raster.format_of(".pngg")
    with pytest.raises(ConvError, match="needs an extension"):
        raster.format_of("")
    for mode in WHITE:
        pixels = sample(mode) if mode != "grid" else np.zeros((2, 2, 3))
        if mode != "CMYK":
            assert raster.mode_of(pixels.dtype.name, pixels.shape[2], "A" in mode) == mode


def test_grids_are_pictures_too(tmp_path):
    pixels = np.array([[0.5, 2, -1], [3, 4, 5]])[:, :, None]
    for format in ("TXT", "CSV", "TSV", "NPY"):
        data = encoded(pixels, "grid", format)
        got = seen(data)
        np.testing.assert_array_equal(got.pixels, pixels)
        assert (got.mode, got.white, got.alpha, got.format) == ("grid", 1, False, "NPY" if format == "NPY" else "TXT")
        path = tmp_path / f"g.{format.lower()}"
        path.write_bytes(data)
        assert read(path).format == format
    (tmp_path / "g.txt").write_text("x")
    with pytest.raises(InputError, match=r'g.txt: line 1, column 1: "x" is not a number'):
        read(tmp_path / "g.txt")
    assert read(encoded(np.array([[[np.nan], [1]]]), "grid", "NPY")).notes == ("1 samples are not finite",)


def test_modes_that_become_others():
    rng = np.random.default_rng(3)
    colours = rng.integers(0, 256, (7, 5, 3), np.uint8)
    bits = Image.fromarray(colours[:, :, 0]).convert("1", dither=0)
    got = seen(saved(bits, "PNG"))
    assert (got.mode, set(np.unique(got.pixels))) == ("L", {0, 255})

    indexed = Image.fromarray(colours).quantize(16)
    got = seen(saved(indexed, "PNG"))
    assert got.mode == "RGB"
    np.testing.assert_array_equal(got.pixels, np.asarray(indexed.convert("RGB")))

    gray = Image.fromarray(rng.integers(0, 4, (7, 5), np.uint8), "P")
    gray.putpalette([v for level in (9, 60, 130, 255) for v in (level,) * 3])
    np.testing.assert_array_equal(
        seen(saved(gray, "PNG")).pixels[:, :, 0], np.array([9, 60, 130, 255])[np.asarray(gray)]
    )
    for im, mode in ((gray, "LA"), (indexed, "RGBA")):
        for key in (2, bytes([255, 40, 0])):
            got = seen(saved(im, "PNG", transparency=key))
            clear = {2: 0} if key == 2 else {1: 40, 2: 0}
            wanted = [[clear.get(int(v), 255) for v in row] for row in np.asarray(im)]
            assert got.mode == mode
            np.testing.assert_array_equal(got.pixels[:, :, -1], wanted)
    assert seen(saved(indexed, "PNG", transparency=bytes([255] * 3))).mode == "RGB"

    lab = Image.merge("LAB", [Image.new("L", (5, 7), v) for v in (128, 128, 128)])
    if ImageCms.core is not None:
        got = seen(saved(lab, "TIFF"))
        assert (got.mode, got.notes) == ("RGB", ("LAB converted to RGB",))
        assert np.ptp(got.pixels) < 10


def test_a_colour_may_stand_for_transparent():
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = (10, 20, 30)
    got = seen(saved(Image.fromarray(pixels), "PNG", transparency=(10, 20, 30)))
    assert got.mode == "RGBA"
    np.testing.assert_array_equal(got.pixels[:, :, 3], [[0, 255], [255, 255]])
    deep = encoded(sample("RGB;16", 2, 2), "RGB;16", "PNG")
    key = sample("RGB;16", 2, 2)[1, 0].astype(">u2").tobytes()
    with_key = deep[:33] + chunk(b"tRNS", key) + deep[33:]
    got = seen(with_key)
    assert got.mode == "RGBA;16"
    np.testing.assert_array_equal(got.pixels[:, :, 3], [[65535, 65535], [0, 65535]])
    # four bits a sample: the key counts to 15, the samples to 255
    small = Image.fromarray(np.array([[0, 17, 34]], np.uint8))
    got = seen(saved(small, "PNG", bits=4, transparency=2))
    np.testing.assert_array_equal(got.pixels, [[[0, 255], [17, 255], [34, 0]]])


def tiff(pixels: np.ndarray, order: str = "<", planes: bool = False, deflate: bool = False, photometric: int = 2):
    """A TIFF file of two strips, in either byte order."""
    height, width, channels = pixels.shape
    rows = (height + 1) // 2
    parts = [pixels[..., c : c + 1] for c in range(channels)] if planes else [pixels]
    strips = [
        part[y : y + rows].astype(pixels.dtype.newbyteorder(order)).tobytes()
        for part in parts
        for y in range(0, height, rows)
    ]
    strips = [zlib.compress(strip) if deflate else strip for strip in strips]
    at = 1000
    tags = {
        256: [width], 257: [height], 258: [8 * pixels.itemsize] * channels, 259: [8 if deflate else 1],
        262: [photometric], 273: [at + sum(map(len, strips[:n])) for n in range(len(strips))], 277: [channels],
        278: [rows], 279: [len(strip) for strip in strips], 284: [2 if planes else 1],
    }  # fmt: skip
    if channels == 4:
        tags[338] = [2]
    table, extra = b"", b""
    for tag, values in tags.items():
        body = struct.pack(f"{order}{len(values)}I", *values)
        if len(body) > 4:
            body, extra = struct.pack(f"{order}I", 500 + len(extra)), extra + body
        table += struct.pack(f"{order}HHI", tag, 4, len(values)) + body
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags)) + table
    return head.ljust(500, b"\0") + extra.ljust(500, b"\0") + b"".join(strips)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("mode", ["I;16", "RGB;16", "RGBA;16"])
def test_sixteen_bits_of_a_tiff_are_kept_or_the_loss_is_told(mode, order, deflate):
    pixels = sample(mode)
    got = seen(tiff(pixels, order, deflate=deflate, photometric=1 if mode == "I;16" else 2))
    assert (got.mode, got.notes) == (mode, ())
    np.testing.assert_array_equal(got.pixels, pixels)
    if mode == "I;16":
        got = seen(tiff(pixels, order, deflate=deflate, photometric=0)) if order == "<" else None
        assert got is None or (got.pixels == 65535 - pixels).all()
    elif deflate:
        got = seen(tiff(pixels, order, planes=True, deflate=True))
        assert got.notes == ("16-bit colour read as 8-bit",)
        np.testing.assert_array_equal(got.pixels, pixels >> 8)
    else:  # Pillow would make noise of these
        with pytest.raises(InputError, match="not supported without compression"):
            read(tiff(pixels, order, planes=True))


def test_sixteen_bits_of_a_ppm_are_told_to_be_lost():
    pixels = sample("RGB;16")
    data = b"P6\n5 7\n65535\n" + pixels.astype(">u2").tobytes()
    assert seen(data).notes == ("16-bit colour read as 8-bit",)
    gray = b"P5\n5 7\n65535\n" + pixels[:, :, 0].astype(">u2").tobytes()
    assert (seen(gray).mode, seen(gray).pixels.dtype) == ("I;16", np.uint16)
    np.testing.assert_array_equal(seen(gray).pixels[:, :, 0], pixels[:, :, 0])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_pictures_are_turned_once(format, orientation):
    upright = blocks()
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "maker"
    stored = Image.fromarray(turned(upright, orientation))
    got = seen(saved(stored, format, exif=exif, quality=95))
    assert got.pixels.shape == upright.shape
    assert np.abs(got.pixels.astype(int) - upright)[4::16, 4::16].max() < 30
    again = seen(encoded(got.pixels, "RGB", format, got.info))
    assert np.abs(again.pixels.astype(int) - upright)[4::16, 4::16].max() < 30
    with Image.open(BytesIO(encoded(got.pixels, "RGB", format, got.info))) as im:
        assert (im.getexif().get(0x0112, 1), im.getexif()[0x010F]) == (1, "maker")


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientations_that_are_none_are_ignored(value):
    exif = Image.Exif()
    exif[0x0112] = value
    assert seen(saved(Image.new("RGB", (5, 7)), "JPEG", exif=exif)).pixels.shape == (7, 5, 3)


def test_exif_after_the_picture_counts_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(sample("L"), "L", "PNG")
    data = data[:-12] + chunk(b"eXIf", exif.tobytes()[6:]) + data[-12:]
    assert seen(data).pixels.shape == (5, 7, 1)


def test_orientation_in_xmp_is_turned_and_reset():
    xmp = b'<x xmlns:tiff="t" tiff:Orientation="6"/>'
    got = seen(encoded(sample("RGB"), "RGB", "PNG", Metadata(xmp=xmp)))
    assert got.pixels.shape == (5, 7, 3)
    assert got.info.xmp == xmp.replace(b"6", b"1")


def profile(space: str) -> bytes:
    if space == "GRAY":
        rgb = profile("RGB ")
        return rgb[:16] + b"GRAY" + rgb[20:]
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_metadata_travels(format):
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif.get_ifd(0x8769)[0x9003] = "2024:01:02 03:04:05"
    exif.get_ifd(0x8825)[1] = "N"
    dpi = (300.0, 150.0)
    info = Metadata(profile("RGB "), exif.tobytes()[6:], b"<xmp/>", dpi, (("Comment", "caf\xe9"), ("Title", "t")))
    keeps = FORMATS[format].keeps
    got = seen(encoded(sample("RGB"), "RGB", format, info)).info
    assert (got.icc, got.xmp) == (info.icc, info.xmp)
    back = Image.Exif()
    back.load(got.exif)
    assert back[0x010F] == "maker"
    assert back.get_ifd(0x8769)[0x9003] == "2024:01:02 03:04:05"
    assert back.get_ifd(0x8825)[1] == "N"
    if "dpi" in keeps:
        assert got.dpi == pytest.approx(dpi, abs=0.02)
    if format in ("PNG", "JPEG"):
        assert got.text == (info.text if format == "PNG" else info.text[:1])


def test_what_a_format_cannot_keep_is_told():
    exif = Image.Exif()
    exif[0x010F] = "maker"
    info = Metadata(profile("RGB "), exif.tobytes()[6:])
    notes = encode(Raster(sample("RGB"), "RGB", info=info), "BMP", BytesIO())
    assert notes == ("BMP cannot keep the colour profile, EXIF",)
    notes = encode(Raster(sample("L"), "L", info=info), "PNG", BytesIO())
    assert notes == ("the colour profile is for RGB, and the result is L: dropped",)
    assert encode(Raster(sample("RGB"), "RGB", info=info), "PNG", BytesIO()) == ()
    gray = Metadata(profile("GRAY"))
    assert encode(Raster(sample("L"), "L", info=gray), "PNG", BytesIO()) == ()
    large = Metadata(exif=b"MM\0*\0\0\0\x08\0\0\0\0\0\0" + bytes(70_000))
    assert encode(Raster(sample("L"), "L", info=large), "JPEG", BytesIO()) != ()


@pytest.mark.parametrize(
    ("exif", "told"),
    [
        (struct.pack("<4sIHHHII", b"II*\0", 8, 1, 270, 3, 1, 7) + bytes(4), ()),  # a description made of shorts
        (b"nonsense", ("all metadata dropped, TIFF could not take it",)),
    ],
    ids=["description of shorts", "nonsense"],
)
def test_metadata_that_an_encoder_refuses_costs_no_picture(capfd, exif, told):
    raster = Raster(sample("RGB"), "RGB", info=Metadata(exif=exif))
    target = BytesIO()
    notes = encode(raster, "TIFF", target, compression="default")
    got = seen(target.getvalue())
    np.testing.assert_array_equal(got.pixels, raster.pixels)
    assert notes == told
    assert (got.info.exif is None) == bool(told)
    assert capfd.readouterr() == ("", "")


def test_a_thumbnail_is_dropped_and_exif_without_one_is_kept_to_the_byte():
    exif = Image.Exif()
    exif[0x010F] = "maker"
    plain = exif.tobytes()[6:]
    assert seen(encoded(sample("RGB"), "RGB", "PNG", Metadata(exif=plain))).info.exif == plain
    end = int.from_bytes(plain[8:10], "little" if plain[:2] == b"II" else "big") * 12 + 10
    order = "<" if plain[:2] == b"II" else ">"
    second = struct.pack(f"{order}HHHII", 1, 0x0103, 3, 1, 6) + bytes(4) + b"THUMBNAIL"
    with_thumbnail = plain[:end] + struct.pack(f"{order}I", len(plain)) + plain[end + 4 :] + second
    got = seen(encoded(sample("RGB"), "RGB", "PNG", Metadata(exif=with_thumbnail))).info.exif
    assert b"THUMBNAIL" not in got
    assert b"maker" in got


def test_damaged_metadata_is_dropped_with_a_word():
    data = encoded(sample("RGB"), "RGB", "PNG", Metadata(icc=b"x" * 200))
    got = seen(data)
    assert (got.info.icc, got.notes) == (None, ("damaged colour profile dropped",))
    got = seen(encoded(sample("RGB"), "RGB", "PNG", Metadata(exif=b"II*\0\xff\xff\xff\xff")))
    assert got.pixels.shape == (7, 5, 3)
    got = seen(encoded(sample("RGB"), "RGB", "PNG", Metadata(exif=b"nonsense")))
    assert got.notes == ("damaged EXIF dropped",)


def opaque(pixels: np.ndarray) -> np.ndarray:
    """The colours, where an animation brought alpha along: it hides nothing."""
    assert (pixels[:, :, 3:] == 255).all()
    return pixels[:, :, :3]


def test_of_many_frames_the_first_is_read_and_the_rest_told():
    frames = [Image.fromarray(sample("RGB") ^ n) for n in range(3)]
    for format, options in [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("GIF", {}), ("MPO", {})]:
        data = saved(frames[0], format, save_all=True, append_images=frames[1:], duration=40, **options)
        got = seen(data)
        what = {"TIFF": "pages", "MPO": "pictures"}.get(format, "frames")
        assert got.notes == (f"3 {what}, only the first is filtered",)
        assert header(data, None).frames == (1 if format == "MPO" else 3)
        every = list(raster.frames(data, "all", "TIFF"))
        assert [one.frames for one in every] == [3, 3, 3]
        np.testing.assert_array_equal(opaque(every[0].pixels), got.pixels)
        if format in ("PNG", "TIFF", "WEBP"):
            np.testing.assert_array_equal(got.pixels, sample("RGB"))
            np.testing.assert_array_equal(opaque(every[2].pixels), sample("RGB") ^ 2)
        with pytest.raises(InputError, match="over the limit"):
            list(raster.frames(data, "all", "TIFF", max_pixels=100))
    assert len(list(raster.frames(b"1 2"))) == 1


def test_floats_that_are_none_are_told():
    pixels = sample("F")
    pixels[0, 0] = np.nan
    pixels[1, 1] = -np.inf
    assert seen(encoded(pixels, "F", "TIFF")).notes == ("2 samples are not finite",)


# -- files that are none


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty file"),
        (b"\x00", "no picture of a known kind"),
        (b"hello", '"hello" is not a number'),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "looks like EPS, which is not supported"),
        (b"\xc5\xd0\xd3\xc6" + bytes(40), "looks like EPS"),
        (b"%PDF-1.4", "looks like PDF"),
        (b"8BPS\0\1", "looks like PSD"),
        (b'<?xml version="1.0"?><svg/>', "looks like SVG"),
        (b"<!DOCTYPE html><title>404</title>", "looks like HTML"),
        (b"\0\0\0\x1cftypheic", "looks like HEIC"),
        (b"PK\3\4", "looks like ZIP"),
        (b"\0\0\1\0", "looks like ICO"),
        (b"\0\0\2\0\0\0\0\0", "is no picture of a known kind"),  # TGA
        (b"P7\nWIDTH 1\n", "looks like PAM"),
        (b"P5\nx", "damaged PGM"),
        (b"\x89PNG\r\n\x1a\n", "damaged PNG"),
        (b"II*\0\x08\0\0\0\0\0", "damaged TIFF"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "damaged WEBP"),
        (b"GIF89a\1\0\1\0", "damaged GIF"),
    ],
)
def test_what_is_no_picture_is_refused(data, message, tmp_path):
    for ask in (read, header):
        with pytest.raises(InputError, match=message) as caught:
            ask(data)
        assert caught.value.exit_code == 1
        path = tmp_path / "a.png"
        path.write_bytes(data)
        if data != b"hello":
            with pytest.raises(InputError, match=f"{path}: .*{message}"):
                ask(path)
    path.write_bytes(b"1 2 3")  # the name promises more than a grid
    with pytest.raises(InputError, match="is no picture of a known kind"):
        read(path)


def test_places_without_a_picture(tmp_path):
    for path, message in [
        (tmp_path, "is a folder"),
        (tmp_path / "none.png", "no such file"),
        ("/dev/zero", "is a device"),
        ("a\0b", "is no file name"),
    ]:
        for ask in (read, header):
            with pytest.raises(InputError, match=message):
                ask(path)


def png_header(height: int, width: int) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


BOMBS = {
    "PNG": png_header(65536, 65536),
    "BMP": b"BM" + struct.pack("<IIIIiiHHIIIIII", 99, 0, 54, 40, 65536, 65536, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(99),
    "PPM": b"P6\n65536 65536\n255\n",
    "GIF": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\2\1\0\0;",
    "WEBP": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0\xff\x3f\0",
    "TIFF": tiff(np.zeros((2, 2, 3), np.uint8)).replace(
        struct.pack("<HHII", 256, 4, 1, 2), struct.pack("<HHII", 256, 4, 1, 2**31 - 1)
    ),
}


@pytest.mark.parametrize("format", BOMBS)
def test_bombs_are_refused_by_their_header(format):
    for ask in (read, header):
        with pytest.raises(InputError, match=r"over the limit of 179.0 MP \(raise with --max-pixels\)"):
            ask(BOMBS[format])


def test_the_limit_says_by_how_much_and_can_be_moved():
    with pytest.raises(InputError, match=r"^65536 x 65536 is 4295.0 MP, over the limit of 179.0 MP"):
        header(BOMBS["PNG"])
    assert header(BOMBS["PNG"], max_pixels=2**32).height == 65536
    with pytest.raises(InputError, match=r"over the limit of 0\.000034 MP"):
        read(encoded(sample("L"), "L", "PNG"), max_pixels=34)
    assert read(encoded(sample("L"), "L", "PNG"), max_pixels=35).pixels.size == 35
    with pytest.raises(InputError, match="over the limit"):
        read(b"1 2 3", max_pixels=2)


SMALL = {
    **{format: encoded(sample("RGB"), "RGB", format) for format in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM")},
    "PNG 16": encoded(sample("RGB;16"), "RGB;16", "PNG"),
    "TIFF LZW": encoded(sample("RGB"), "RGB", "TIFF", compression="default"),
    "TIFF 16": tiff(sample("RGB;16"), deflate=True),
    "GIF": encoded(sample("L"), "L", "GIF"),
    "PFM": encoded(sample("F"), "F", "PFM"),
    "AVIF": encoded(sample("RGB"), "RGB", "AVIF"),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_file_cut_anywhere_is_refused(name, capfd):
    data = SMALL[name]
    whole = read(data).pixels
    for end in range(len(data)):
        if refusal(data[:end]) is None:  # nothing but the end mark was lost, or padding
            assert end >= len(data) - 2
            np.testing.assert_array_equal(read(data[:end]).pixels, whole)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", SMALL)
def test_a_damaged_file_is_read_or_refused_but_never_worse(name, capfd):
    data, rng = SMALL[name], np.random.default_rng(7)
    for _ in range(150):
        broken = bytearray(data)
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            broken[at] = rng.choice([0, 255, broken[at] ^ 1, broken[at] ^ 128, rng.integers(256)])
        refusal(bytes(broken), max_pixels=10**6)
    assert capfd.readouterr() == ("", "")


def test_a_tiff_that_lacks_strips_is_refused():
    data = tiff(np.zeros((6, 5, 3), np.uint8)).replace(
        struct.pack("<HHII", 257, 4, 1, 6), struct.pack("<HHII", 257, 4, 1, 600)
    )
    with pytest.raises(InputError, match="a part of the picture is not in it"):
        read(data)


def test_what_libtiff_says_is_heard(capfd):
    fax = Image.fromarray(sample("L", 64, 64)[:, :, 0]).convert("1")
    data = bytearray(saved(fax, "TIFF", compression="group4"))
    at = data.index(b"\0\0\x20\x40") if b"\0\0\x20\x40" in data else 200
    data[at : at + 8] = b"\xaa" * 8
    with pytest.raises(InputError, match="damaged"):
        read(bytes(data))
    assert capfd.readouterr() == ("", "")


def test_what_others_say_while_somebody_listens_is_passed_on(capfd):
    """All of it, also where several write at once: nobody's line is written over."""
    said = [[f"{str(n) * 3000} {number}" for number in range(100)] for n in range(4)]

    def say(lines):
        for line in lines:
            os.write(2, f"{line}\n".encode())

    with opening.heard():
        threads = [Thread(target=say, args=(lines,)) for lines in said]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(capfd.readouterr().err.splitlines()) == sorted(line for lines in said for line in lines)


def test_pillow_arrives_with_the_first_picture_only():
    code = """
import sys
from convcli import files, formats, grid, png, raster
assert not {"PIL", "numpy"} & set(sys.modules), "too early"
raster.header(b"1 2 3")
raster.encode(raster.read(b"1 2 3"), "NPY", open("/dev/null", "wb"))
assert "PIL" not in sys.modules, "a grid needs no Pillow"
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_a_jpeg_needs_no_other_plugin_of_pillows(tmp_path):
    """And is the file that Pillow's own `save` makes."""
    pixels = np.random.default_rng(3).integers(0, 256, (37, 53, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=83)
    code = """
import sys
from convcli import raster
picture = raster.read(open("a.jpg", "rb").read())
with open("b.jpg", "wb") as file:
    raster.encode(picture, "JPEG", file, quality=90)
print(sorted(name for name in sys.modules if name.endswith("ImagePlugin")))
"""
    run = [sys.executable, "-c", code]
    ran = subprocess.run(run, check=True, cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.strip() == "['PIL.JpegImagePlugin']"
    with Image.open(tmp_path / "a.jpg") as im:
        im.save(tmp_path / "c.jpg", quality=90, subsampling=0)
    assert (tmp_path / "b.jpg").read_bytes() == (tmp_path / "c.jpg").read_bytes()


DATA = Path(os.environ.get("CONVCLI_DATA", "none"))


@pytest.mark.skipif(not (DATA / "MANIFEST.tsv").exists(), reason="CONVCLI_DATA names no folder of test pictures")
def test_the_corpus_is_read_as_its_list_says(capfd):
    with open(DATA / "MANIFEST.tsv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    wrong = []
    for row in rows:
        try:
            seen((DATA / row["file"]).read_bytes())
            got = "ACCEPT"
        except InputError:
            got = "REFUSE"
        if row["expected"] in ("ACCEPT", "REFUSE") and row["expected"] != got:
            wrong.append((row["file"], row["expected"], got))
    assert not wrong
    assert capfd.readouterr() == ("", "")
