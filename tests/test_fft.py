"""Spectra by numpy and by scipy: both are the definition, whatever stands around the picture."""

import numpy as np
import pytest
from data import picture, weights
from naive import filtered

import convcli
from convcli.engine import Numbers, fft
from convcli.filters import Kernel
from convcli.geometry import Window

BORDERS = [("reflect", 0), ("zeros", 0), ("constant", 17.5), ("constant", -300), ("mean", 0)]


@pytest.fixture
def library(request, monkeypatch):
    """Transforms by the one or the other, and never by both."""
    monkeypatch.setattr(fft, "SCIPY", 0 if request.param == "scipy" else 1e15)
    monkeypatch.delattr(fft, "_with_numpy" if request.param == "scipy" else "_with_scipy")


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


def test_scipy_is_imported_where_it_repays():
    kernel, numbers = Kernel(weights(31, 31)), Numbers("float32")
    for size, is_worth_it in (((512, 512), False), ((4000, 6000), False), ((8000, 12000), True)):
        geometry = Window().fit(size, kernel.taps, kernel.anchor)
        area = fft._area(geometry) * fft.FFT["float64"]
        assert (fft._by_scipy(geometry, 3, numbers) < area) == is_worth_it
        assert fft._by_scipy(geometry, 3, Numbers("float64")) > area
