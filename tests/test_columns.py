"""Banks by one product (im2col) and by bands: both are the definition, and the cheaper one is taken."""

import numpy as np
import pytest
from data import picture, weights
from naive import filtered

import convcli
from convcli.engine import Numbers, toeplitz
from convcli.filters import Kernel
from convcli.geometry import Window

BANKS = {  # shape, and whether windows are laid out
    "many maps": ((16, 3, 3, 4), True),
    "deep": ((5, 3, 2, 3), True),
    "few maps of many taps": ((1, 3, 21, 23), False),
}


@pytest.mark.parametrize(("shape", "is_laid_out"), BANKS.values(), ids=BANKS)
def test_the_cheaper_way_is_taken(shape, is_laid_out):
    kernel, numbers = Kernel(weights(*shape)), Numbers("float32", True)
    geometry = Window().fit((64, 80), kernel.taps, kernel.anchor)
    grain = toeplitz.blocks(kernel, geometry, 3, numbers).grain
    assert (grain == toeplitz.columns.GRAIN) == is_laid_out
    laid_out = toeplitz.columns.cost(kernel, geometry, numbers)
    assert (toeplitz.cost(kernel, geometry, 3, numbers) == laid_out) == is_laid_out


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("stride", "dilation"), [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((3, 1), (2, 3))])
@pytest.mark.parametrize("shape", [shape for shape, _ in BANKS.values()], ids=BANKS)
def test_the_sums_are_those_of_the_definition(shape, stride, dilation, whole):
    pixels, bank = picture(37, 41, 3), weights(*shape, whole=whole)
    found = convcli.correlate(pixels, bank, stride=stride, dilation=dilation, method="toeplitz")
    exact = filtered(pixels, bank, stride=stride, dilation=dilation).reshape(found.shape)
    assert np.array_equal(found, exact) if whole else np.abs(found - exact).max() <= 1e-3


def test_threads_and_strips_do_not_matter():
    pixels, bank = picture(300, 130, 3), weights(9, 3, 5, 3, whole=False)
    results = [convcli.correlate(pixels, bank, method="toeplitz", threads=n) for n in (1, 2, 3)]
    assert all(np.array_equal(results[0], one) for one in results)
    part = convcli.correlate(pixels[:101], bank, method="toeplitz", padding=(0, 1), padding_mode="zeros")
    whole = convcli.correlate(pixels, bank, method="toeplitz", padding=(0, 1), padding_mode="zeros")
    assert np.array_equal(part[:90], whole[:90])
