"""Modes and depths through a whole command: what comes in, what goes out, nothing of it lost in silence."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from data import picture
from PIL import Image
from test_apply_command import convcli, load, mode_of, refused, samples

from convcli import raster
from convcli.raster import tiff

pytestmark = pytest.mark.usefixtures("desk")


def as_mode(mode: str, pixels: np.ndarray) -> Image.Image:
    return Image.frombytes(mode, pixels.shape[1::-1], np.ascontiguousarray(pixels).tobytes())


def unchanged(name: str, *options: str) -> tuple[np.ndarray, list[str]]:
    """The samples of what the identity makes of a file, and the lines beyond the first; of its kind where it can be."""
    ran = convcli("apply", "identity", name, "-o", f"out-{name}", *options)
    assert (ran.code, ran.errors) == (0, [])
    return raster.read(Path(f"out-{name}")).pixels, ran.lines[1:]


def test_bilevel_becomes_gray():
    pixels = samples(6, 19) // 128 * 255
    for name, options in (("a.png", {}), ("a.tif", {"compression": "group4"}), ("a.bmp", {})):
        Image.fromarray(pixels).convert("1").save(name, **options)
        got, lines = unchanged(name)
        np.testing.assert_array_equal(got[..., 0], pixels)
        assert lines == []


def test_palettes_become_what_their_colours_need():
    colours = [(250, 20, 30), (10, 200, 90), (0, 0, 255)]
    image = Image.fromarray(picture(6, 7)[..., 0] % 3).convert("L")
    flat = Image.frombytes("P", image.size, image.tobytes())
    for palette, mode in ((colours, "RGB"), ([(v, v, v) for v in (9, 90, 200)], "L")):
        flat.putpalette([value for colour in palette for value in colour])
        flat.save("a.png")
        got, lines = unchanged("a.png", "-f")
        np.testing.assert_array_equal(got, np.array(palette)[np.asarray(flat)][..., : len(mode)])
        assert (mode_of("out-a.png"), lines) == (mode, [])
        flat.save("a.png", transparency=1)
        got, _ = unchanged("a.png", "-f")
        assert mode_of("out-a.png") == f"{mode}A"
        np.testing.assert_array_equal(got[..., -1], np.where(np.asarray(flat) == 1, 0, 255))


@pytest.mark.parametrize("mode", ["La", "RGBa"])
def test_colours_that_came_multiplied_are_divided(mode):
    pixels = np.array([[[40, 80], [0, 0], [255, 255]]], np.uint8)
    if mode == "RGBa":
        pixels = np.dstack([pixels[..., :1] // 2, pixels[..., :1], pixels])
    extra = {"La": "LA", "RGBa": "RGBA"}[mode]
    target = BytesIO()
    tiff.write(target, [(pixels, extra, raster.Metadata())])
    data = bytearray(target.getvalue())
    at = data.index(b"\x52\x01\x03\x00\x01\x00\x00\x00\x02")  # extra samples: alpha by which nothing is multiplied
    data[at + 8] = 1
    Path("a.tif").write_bytes(data)
    got, _ = unchanged("a.tif")
    want = {"La": [[127, 80], [0, 0], [255, 255]], "RGBa": [[63, 127, 127, 80], [0, 0, 0, 0], [127, 255, 255, 255]]}
    np.testing.assert_array_equal(got, [want[mode]])


def test_a_fourth_sample_that_is_no_alpha_is_dropped():
    pixels = samples(5, 6, 4)
    as_mode("RGBX", pixels).save("a.tif")
    got, lines = unchanged("a.tif")
    np.testing.assert_array_equal(got, pixels[..., :3])
    assert lines == []


def test_inks_stay_inks_whichever_way_a_jpeg_counts_them():
    pixels = np.full((16, 24, 4), (200, 40, 90, 10), np.uint8)
    as_mode("CMYK", pixels).save("a.jpg", quality=98)
    as_mode("CMYK", pixels).save("a.tif")
    for name, slack in (("a.jpg", 3), ("a.tif", 0)):
        got, lines = unchanged(name, *(["--quality", "98"] if slack else []))
        assert np.abs(got.astype(int) - pixels).max() <= slack
        assert (mode_of(f"out-{name}"), lines) == ("CMYK", [])


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_colours_of_other_kinds_become_rgb_and_that_is_told(mode):
    pixels = np.full((8, 8, 3), (120, 140, 100), np.uint8)
    image = as_mode(mode, pixels)
    image.save("a.tif")
    got, lines = unchanged("a.tif")
    np.testing.assert_array_equal(got, np.asarray(image.convert("RGB")))
    assert lines == [f"  {mode} converted to RGB"]
    assert mode_of("out-a.tif") == "RGB"


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_of_gray_in_both_orders(order):
    pixels = samples(5, 8, dtype="uint16")
    as_mode("I;16" if order == "<" else "I;16B", pixels.astype(f"{order}u2")).save("a.tif")
    assert Path("a.tif").read_bytes()[:2] == (b"II" if order == "<" else b"MM")
    Image.fromarray(pixels).save("b.png")
    for name in ("a.tif", "b.png"):
        got, lines = unchanged(name)
        np.testing.assert_array_equal(got[..., 0], pixels)
        assert (got.dtype, lines) == (np.uint16, [])


@pytest.mark.parametrize("mode", ["RGB;16", "RGBA;16"])
@pytest.mark.parametrize("compression", ["fast", "default", "best"])
@pytest.mark.parametrize("extension", ["png", "tif"])
def test_sixteen_bits_of_colour_there_and_back(extension, compression, mode):
    cv2 = pytest.importorskip("cv2")
    pixels = samples(23, 31, len(mode) - 3, dtype="uint16", low=1)
    swapped = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    for source in ("png", "tif"):
        cv2.imwrite(f"a.{source}", swapped)
        ran = convcli("apply", "identity", f"a.{source}", "-f", "-o", f"b.{extension}", "--compression", compression)
        assert (ran.code, ran.errors, len(ran.lines)) == (0, [], 1)
        got = cv2.imread(f"b.{extension}", cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(got, swapped)


def test_sixteen_bits_that_cannot_be_are_told():
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite("a.ppm", samples(6, 7, 3, dtype="uint16"))
    _, lines = unchanged("a.ppm")
    assert lines == ["  16-bit colour read as 8-bit"]
    assert "read as 8-bit" in refused("apply", "identity", "a.ppm", "-o", "b.png", "--strict", code=1)
    cv2.imwrite("a.png", samples(6, 7, 3, dtype="uint16"))
    line = refused("apply", "identity", "a.png", "-o", "b.jpg", code=1)
    assert "JPEG cannot hold 3 channels of 16 bits (png, tiff, npy can)" in line
    assert convcli("apply", "identity", "a.png", "-o", "b.jpg", "--depth", "8").code == 0


def test_heights_below_zero_stay():
    pixels = np.array([[-40000, -1, 0], [7, 2**31 - 1, -(2**31)], [5, 5, 5]], np.int32)
    Image.fromarray(pixels).save("a.tif")
    got, lines = unchanged("a.tif")
    np.testing.assert_array_equal(got[..., 0], pixels)
    assert (got.dtype, lines) == (np.int32, [])
    smooth = np.array([[-9, -8, -7, -3]], np.int32)
    Image.fromarray(smooth).save("b.tif")
    convcli("apply", "0.5 0.5", "b.tif", "--padding", "valid", "-o", "c.tif")
    np.testing.assert_array_equal(load("c.tif")[..., 0], [[-8, -8, -5]])  # half to even


def test_small_integers_with_a_sign_are_read_with_it():
    pixels = np.array([[-128, -1, 0, 127]], np.int8)
    target = BytesIO()
    tiff.write(target, [(pixels[..., None], "L", raster.Metadata())])
    Path("a.tif").write_bytes(target.getvalue())
    got, _ = unchanged("a.tif")
    np.testing.assert_array_equal(got[..., 0], pixels)


def test_floats_that_are_no_numbers_stay_and_are_counted():
    pixels = samples(5, 6).astype(np.float32) / 100 - 1
    pixels[0, 0], pixels[1, 2], pixels[3, 4] = np.nan, np.inf, -np.inf
    Image.fromarray(pixels).save("a.tif")
    got, lines = unchanged("a.tif")
    np.testing.assert_array_equal(got[..., 0], pixels)
    assert lines == ["  3 samples are not finite"]
    ran = convcli("apply", "box:3", "a.tif", "-o", "b.tif")
    assert ran.code == 0
    assert np.isnan(load("b.tif")[:2, :2]).all()
    assert np.isfinite(load("b.tif")[..., 0][4, 0])


def test_kinds_of_samples_that_nobody_reads_are_refused_in_a_line():
    for dtype in ("float64", "float16"):
        target = BytesIO()
        tiff.write(target, [(np.ones((4, 5, 1), dtype), "F", raster.Metadata())])
        Path("a.tif").write_bytes(target.getvalue())
        assert "samples of this kind are not supported" in refused("apply", "box:3", "a.tif", code=1)


def test_alpha_is_no_channel_of_a_list():
    Image.fromarray(samples(5, 6, 4)).save("a.png")
    line = refused("apply", "box:3", "a.png", "--channels", "r,a", code=1)
    assert line.endswith('no channel of this picture is called "a" (r,g,b; --alpha filter is for alpha)')
