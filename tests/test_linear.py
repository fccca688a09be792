"""Linear light: the curve against its definition, every level there and back, and filters against a plain oracle."""

from pathlib import Path

import numpy as np
import pytest
from data import picture
from PIL import Image
from scipy import ndimage
from test_apply_command import convcli, load, refused, samples

import convcli as api
from convcli.errors import ConvError
from convcli.light import as_levels, as_light

pytestmark = pytest.mark.usefixtures("desk")


def light_of(levels, white=255.0):
    """IEC 61966-2-1, sample by sample, mirrored at zero."""
    share = abs(float(levels)) / white
    light = share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
    return np.copysign(light * white, levels)


def levels_of(light, white=255.0):
    share = abs(float(light)) / white
    level = 12.92 * share if share <= 0.04045 / 12.92 else 1.055 * share ** (1 / 2.4) - 0.055
    return np.copysign(level * white, light)


LIGHT, LEVELS = np.vectorize(light_of, otypes=[float]), np.vectorize(levels_of, otypes=[float])


def test_the_curve_is_that_of_the_standard():
    values = np.array([-300.0, -255, -3, 0, 1e-9, 10.3, 10.4, 128, 255, 900])
    np.testing.assert_allclose(as_light(values, 255.0), LIGHT(values), rtol=1e-14)
    np.testing.assert_allclose(as_levels(values, 255.0, np.empty(10)), LEVELS(values), rtol=1e-14)
    assert abs(float(as_light(188.0, 255.0)) - 127.5) < 1.5  # half the light looks three quarters bright


@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535)])
def test_every_level_comes_back(dtype, white):
    levels = np.arange(white + 1, dtype=dtype).reshape(1 << 4, -1)
    np.testing.assert_array_equal(api.apply(levels, "identity", linear=True, range="clip"), levels)
    np.testing.assert_array_equal(api.apply(levels, "box:1", linear=True, range="clip"), levels)


def test_depth_and_pictures_without_change():
    pixels = samples(13, 17, 4, low=1)  # where alpha is 0, nothing is left of the colour
    Image.fromarray(pixels).save("a.png")
    deep = samples(13, 17, dtype="uint16")
    Image.fromarray(deep).save("b.png")
    assert convcli("apply", "identity", "a.png", "b.png", "--linear").code == 0
    np.testing.assert_array_equal(load("a.identity.png"), pixels)
    np.testing.assert_array_equal(load("b.identity.png")[..., 0], deep)


@pytest.mark.parametrize("filter_", ["box:3", "gaussian:1.3", "sobel-x", "laplacian", "sharpen", "motion:7"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_sums_are_those_of_a_plain_float64_reference(filter_, dtype):
    pixels = picture(21, 26, 3, dtype)
    white = float(np.iinfo(dtype).max)
    weights = api.kernel(filter_).weights
    got = api.apply(pixels, filter_, linear=True)
    for c in range(3):
        light = LIGHT(pixels[..., c], white)
        origin = [(k - 1) // 2 - k // 2 for k in weights.shape]
        want = LEVELS(ndimage.correlate(light, weights, mode="mirror", origin=origin), white)
        assert (np.abs(got[..., c] - want) < 1e-3 + 2**-24 * np.abs(want)).all()  # the sums come as float32


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("method", ["auto", "direct", "toeplitz", "fft", "reference"])
def test_strips_methods_and_threads_agree(method, threads):
    pixels = picture(300 if method != "reference" else 30, 41, 3)
    want = api.apply(pixels, "gaussian:1 | sharpen", linear=True, stride=(2, 3), dilation=2, method="reference")
    got = api.apply(
        pixels, "gaussian:1 | sharpen", linear=True, stride=(2, 3), dilation=2, method=method, threads=threads
    )
    assert np.abs(got - want).max() < 1e-3


def test_the_middle_of_black_and_white_is_half_the_light():
    pixels = np.zeros((6, 8), np.uint8)
    pixels[:, ::2] = 255
    Image.fromarray(pixels).save("a.png")
    convcli("apply", "0.5 0.5", "a.png", "--padding", "valid", "-o", "b.png")
    convcli("apply", "0.5 0.5", "a.png", "--padding", "valid", "--linear", "-o", "c.png")
    assert (int(load("b.png")[0, 0, 0]), int(load("c.png")[0, 0, 0])) == (128, 188)


def test_gray_is_made_of_light():
    pixels = samples(7, 9, 3)
    Image.fromarray(pixels).save("a.png")
    assert convcli("apply", "identity", "a.png", "--channels", "gray", "--linear", "-o", "b.png").code == 0
    want = np.rint(LEVELS(LIGHT(pixels) @ [0.299, 0.587, 0.114]))
    np.testing.assert_array_equal(load("b.png")[..., 0], want)


def test_alpha_weighs_light_and_has_no_curve():
    pixels = samples(9, 10, 4)
    pixels[2:5, 3:6, 3] = 0
    Image.fromarray(pixels).save("a.png")
    assert convcli("apply", "box:3", "a.png", "--linear", "-o", "b.png").code == 0

    def mean(plane):
        return ndimage.uniform_filter(plane, 3, mode="mirror")

    alpha = pixels[..., 3].astype(float)
    np.testing.assert_array_equal(load("b.png")[..., 3], np.rint(mean(alpha)))
    for c in range(3):
        light = mean(LIGHT(pixels[..., c]) * alpha)
        want = LEVELS(np.divide(light, mean(alpha), out=np.zeros_like(light), where=mean(alpha) > 1e-9))
        assert np.abs(load("b.png")[..., c] - want).max() <= 0.501


def test_ranges_see_levels():
    pixels = samples(8, 9)
    Image.fromarray(pixels).save("a.png")
    for rule, want in (("offset", lambda x: x / 2 + 127.5), ("abs", np.abs), ("clip", lambda x: x)):
        assert convcli("apply", "sobel-x", "a.png", "--linear", "--range", rule, "-f", "-o", "b.png").code == 0
        sums = LEVELS(ndimage.correlate(LIGHT(pixels), api.kernel("sobel-x").weights, mode="mirror"))
        np.testing.assert_array_equal(load("b.png")[..., 0], np.clip(np.rint(want(sums)), 0, 255))


def test_what_stands_outside_is_a_level_like_those_inside():
    pixels = np.full((5, 6), 100, np.uint8)
    got = api.apply(pixels, "box:3", linear=True, padding_mode="constant:100", range="clip")
    np.testing.assert_array_equal(got, pixels)
    got = api.apply(pixels, "box:3 | box:5,padding_mode=constant:100", linear=True, range="clip")
    np.testing.assert_array_equal(got, pixels)


def test_channels_that_pass_through_stay_as_they_are():
    pixels = samples(8, 9, 3)
    Image.fromarray(pixels).save("a.png")
    assert convcli("apply", "box:5", "a.png", "--linear", "--channels", "g", "-o", "b.png").code == 0
    np.testing.assert_array_equal(load("b.png")[..., [0, 2]], pixels[..., [0, 2]])
    assert (load("b.png")[..., 1] != pixels[..., 1]).any()


def test_what_has_no_curve_is_refused_in_a_line():
    Path("a.txt").write_text("1 2 3\n4 5 6\n")
    assert "linear light is for levels of 8 or 16 bits" in refused("apply", "box:3", "a.txt", "--linear", code=1)
    Image.fromarray(np.ones((4, 5), np.float32)).save("a.tif")
    assert "float32" in refused("apply", "box:3", "a.tif", "--linear", code=1)
    Image.new("CMYK", (5, 4)).save("b.tif")
    assert "inks are no light" in refused("apply", "box:3", "b.tif", "--linear", code=1)
    for dtype in ("int16", "int32", "float32", "float64"):
        with pytest.raises(ConvError, match=f"these are {dtype}"):
            api.apply(np.ones((4, 5), dtype), "box:3", linear=True)


def test_explain_tells_of_light():
    Image.fromarray(samples(6, 7)).save("a.png")
    ran = convcli("explain", "box:3", "a.png", "--at", "2,3", "--linear")
    assert (ran.code, ran.errors) == (0, [])
    assert "light of level" in ran.out.decode()
    assert "level of light" in ran.out.decode()
