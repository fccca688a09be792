"""Spectra by numpy and by scipy: both are the definition, whatever stands around the picture."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from data import picture, weights
from naive import filtered
from PIL import Image
from test_apply_command import convcli as convcli_command

import convcli
from convcli.engine import Numbers, fft, pocketfft
from convcli.filters import Kernel
from convcli.geometry import Window

BORDERS = [("reflect", 0), ("zeros", 0), ("constant", 17.5), ("constant", -300), ("mean", 0)]


@pytest.fixture
def library(request, monkeypatch):
    """Transforms by the one or the other, and never by both."""
    monkeypatch.setattr(fft, "SCIPY", 0 if request.param == "scipy" else 1e15)
    monkeypatch.delattr(fft, "_Double" if request.param == "scipy" else "_single")


# levels of 16 bits want double precision, which is numpy's
@pytest.mark.parametrize(
    ("library", "dtype"), [("numpy", "uint8"), ("numpy", "uint16"), ("scipy", "uint8")], indirect=["library"]
)
@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(("mode", "value"), BORDERS)
def test_the_sums_are_those_of_the_definition(mode, value, dtype):
    pixels = picture(150, 171, 3).astype(dtype) * (1 if dtype == "uint8" else 3)
    kernel = weights(12, 15, whole=False) / 180
    options = {"stride": (2, 3), "dilation": (1, 2), "padding": (7, 11)}
    found = convcli.correlate(
        pixels, kernel, method="fft", padding_mode=f"{mode}:{value}" if value else mode, **options
    )
    expected = filtered(pixels, kernel, **(options | {"padding": (7, 7, 11, 11)}), mode=mode, value=value)
    assert np.abs(found - expected).max() <= 1e-3


@pytest.mark.parametrize("library", ["numpy", "scipy"], indirect=True)
@pytest.mark.usefixtures("library")
def test_threads_and_strips_do_not_matter():
    pixels, kernel = picture(400, 130, 3), weights(13, 10, whole=False) / 130
    results = [convcli.correlate(pixels, kernel, method="fft", threads=n) for n in (1, 2, 3)]
    assert all(np.array_equal(results[0], one) for one in results)


def test_scipys_are_loaded_where_it_repays():
    kernel, numbers = Kernel(weights(31, 31)), Numbers("float32")
    for size, is_worth_it in (((256, 256), False), ((512, 512), False), ((2000, 3000), True)):
        geometry = Window().fit(size, kernel.taps, kernel.anchor)
        assert fft._cost(geometry, 3, numbers)[1] == is_worth_it
        assert not fft._cost(geometry, 3, Numbers("float64"))[1]


@pytest.fixture
def another_scipy(monkeypatch):
    """Scipy with other transforms, or none; called with the module to be found."""

    def put(module):
        monkeypatch.setattr(fft, "SCIPY", 0)
        monkeypatch.setitem(sys.modules, "scipy.fft._pocketfft.pypocketfft", module)
        pocketfft.transforms.cache_clear()

    yield put
    pocketfft.transforms.cache_clear()


def _twice(*args):
    args[-2][:] = 2


@pytest.mark.parametrize(
    "module",
    [
        SimpleNamespace(),
        SimpleNamespace(r2c=lambda a: a, c2c=lambda a: a, c2r=lambda a: a),
        SimpleNamespace(r2c=_twice, c2c=_twice, c2r=_twice),
    ],
    ids=["others", "other arguments", "other results"],
)
def test_transforms_that_are_not_what_is_expected_are_not_used(another_scipy, module):
    another_scipy(module)
    assert pocketfft.transforms() is None
    pixels, kernel = picture(150, 171, 3), weights(12, 15, whole=False) / 180
    found = convcli.correlate(pixels, kernel, method="fft", padding=(7, 11), padding_mode="reflect")
    assert np.abs(found - filtered(pixels, kernel, padding=(7, 7, 11, 11), mode="reflect")).max() <= 1e-3


def test_a_scipy_without_the_file_is_none(another_scipy, monkeypatch, tmp_path):
    another_scipy(None)
    monkeypatch.setattr(pocketfft, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[tmp_path]))
    assert pocketfft.transforms() is None


@pytest.mark.parametrize("first", ["transforms()", "import scipy.fft"])
def test_scipy_is_what_it_was_when_its_transforms_have_been_loaded(first):
    """In an interpreter of its own: the module is loaded once for scipy, once without."""
    second = "import scipy.fft" if first == "transforms()" else "transforms()"
    code = (
        f"import sys, numpy as np\nfrom convcli.engine.pocketfft import transforms\n{first}\n"
        f"is_alone = 'scipy.fft' not in sys.modules\n{second}\n"
        "x = np.arange(12.0).reshape(3, 4)\n"
        "print(is_alone, transforms() is not None, np.allclose(scipy.fft.irfft2(scipy.fft.rfft2(x)), x))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (out.stdout.split(), out.stderr) == ([str(first == "transforms()"), "True", "True"], "")


def test_nothing_of_alpha_is_nothing_of_colour(tmp_path):
    """A spectrum leaves 1e-13 of alpha where there is none; colour divided by that would be anything."""
    pixels = np.random.default_rng(0).integers(0, 256, (120, 180, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[:, 90:, 3] = 0
    kernel = np.random.default_rng(1).random((21, 19))
    results = [run(tmp_path, pixels, kernel / kernel.sum(), method) for method in ("fft", "direct")]
    assert not results[1][:, 110:].any()
    assert np.abs(results[0].astype(int) - results[1]).max() <= 1
    assert np.ptp(results[0][:, :70, :3]) > 50  # the range is that of what is seen


def run(folder, pixels, kernel, method):
    """What the command writes."""
    Image.fromarray(pixels).save(folder / "a.png")
    np.savetxt(folder / "k.txt", kernel)
    names = [str(folder / name) for name in ("k.txt", "a.png")]
    out = convcli_command(
        "apply", *names, "-o", str(folder / f"{method}.png"), "--range", "stretch", "--method", method
    )
    assert out.code == 0, out.err
    return np.asarray(Image.open(folder / f"{method}.png"))


@pytest.mark.parametrize(
    ("size", "taps", "dilation"),
    [
        ((1000, 1500), (31, 31), 1),
        ((2000, 3000), (31, 31), 60),
        ((4000, 5000), (101, 101), 20),
        ((100, 1), (12, 15), 1),
    ],
)
def test_a_tile_is_no_larger_than_it_has_to_be(size, taps, dilation):
    geometry = Window(dilation=(dilation, dilation)).fit(size, taps, (taps[0] // 2, taps[1] // 2))
    tile = fft.tile_of(geometry)
    for length, axis in zip(tile, (geometry.y, geometry.x), strict=True):
        assert axis.reach < length < 2 * (axis.size + axis.lo + axis.hi + axis.reach)
    assert np.prod(tile) <= fft.LARGE or all(
        n < 4 * axis.reach for n, axis in zip(tile, (geometry.y, geometry.x), strict=True)
    )


def test_a_kernel_of_zeros_over_a_border_that_no_short_number_holds():
    pixels = picture(9, 11)
    found = convcli.correlate(pixels, np.zeros((3, 3)), padding_mode="constant:70000")
    assert found.shape == pixels.shape
    assert not found.any()
