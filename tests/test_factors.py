"""Matrices as columns times rows: the pairs add up to the matrix, and their sums to what the definition gives."""

import numpy as np
import pytest
from data import picture
from naive import filtered

import convcli
from convcli.engine import Numbers, separable, sums
from convcli.engine.factors import growth, pairs
from convcli.filters import Kernel
from convcli.geometry import Window


def low(rank: int, height: int, width: int, whole: bool, seed: int = 0) -> np.ndarray:
    """A matrix of that rank."""
    rng = np.random.default_rng([seed, rank, height, width])
    if whole:
        return (rng.integers(-3, 4, (height, rank)) @ rng.integers(-3, 4, (rank, width))).astype(float)
    return rng.normal(0, 1, (height, rank)) @ rng.normal(0, 1, (rank, width)) / 9


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("rank", "size"), [(1, (5, 8)), (2, (9, 12)), (3, (16, 11)), (4, (31, 15))])
def test_pairs_add_up_to_the_matrix(rank, size, whole):
    kernel = Kernel(low(rank, *size, whole))
    found = pairs(kernel)
    assert len(found) == kernel.rank == rank
    total = sum(np.outer(column, row) for column, row in found)
    assert np.abs(total - kernel.matrix).max() <= 1e-12 * np.abs(kernel.matrix).max()
    assert growth(kernel) >= 1 - 1e-9
    if rank == 1 and whole:
        assert np.array_equal(total, kernel.matrix)


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((4, 5)),
        [[0, 1, 0], [1, -4, 1], [0, 1, 0]],  # two pairs are twelve taps
        np.random.default_rng(1).random((9, 9)),
        [[1, 2], [3, 5]],
        np.eye(300),  # too large to look
    ],
)
def test_no_pairs_where_the_matrix_is_cheaper(matrix):
    assert pairs(Kernel(np.array(matrix, float))) == ()


def test_equal_weights_stay_equal():
    x = np.arange(-10, 11)
    bell = np.exp(-(x**2) / 18)
    kernel = Kernel(np.outer(bell, bell) - np.outer(bell**2, bell**2))
    for column, row in pairs(kernel):
        assert np.array_equal(np.abs(column), np.abs(column[::-1]))
        assert np.array_equal(np.abs(row), np.abs(row[::-1]))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("stride", "dilation"), [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 2), (3, 2))])
def test_the_sums_are_those_of_the_definition(dtype, whole, stride, dilation):
    kernel, pixels = low(2, 9, 12, whole), picture(41, 53, 3, dtype)
    options = {"stride": stride, "dilation": dilation}
    found = convcli.correlate(pixels, kernel, method="separable", **options)
    exact = filtered(pixels, kernel, **options)
    if whole and dtype != "float32":
        assert np.array_equal(found, exact)
    else:
        last_bit = np.spacing(np.abs(found).max())  # of the float32 that the sums are given in
        assert np.abs(found - exact).max() <= last_bit + (1e-3 if dtype != "float32" else 1e-4)


def test_threads_and_strips_do_not_matter():
    kernel, pixels = low(2, 17, 13, False), picture(200, 90, 3)
    results = [convcli.correlate(pixels, kernel, method="separable", threads=n) for n in (1, 2, 3)]
    assert all(np.array_equal(results[0], one) for one in results)


@pytest.mark.parametrize("cached", [1 << 9, 1 << 11, 1 << 14])
@pytest.mark.parametrize("size", [(15, 31), (7, 4), (1, 30), (23, 2)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_runs_share_memory_and_nothing_that_is_still_needed(monkeypatch, cached, size, stride):
    """Sums of sums, in parts of few rows, in buffers that down and along have in common."""
    pixels, box = picture(97, 61, 3), np.ones(size)
    whole = convcli.correlate(pixels, box, stride=stride, dilation=(1, 2), method="direct")
    monkeypatch.setattr(sums, "CACHED", cached)
    found = convcli.correlate(pixels, box, stride=stride, dilation=(1, 2), method="separable")
    assert np.array_equal(found, whole)


@pytest.mark.parametrize("stride", [(1, 4), (3, 5), (4, 4)])
def test_a_stride_beyond_the_kernel_and_a_width_in_whole_blocks(stride):
    """No column is left over for the last product, and a band of none is as wide as nothing."""
    pixels, kernel = picture(40, 32 * stride[1], 3, "float32"), np.outer([0.2, 0.5, 0.3], [0.1, 0.6, 0.3])
    found = convcli.correlate(pixels, kernel, stride=stride)
    assert found.shape[1] == 32
    assert np.abs(found - filtered(pixels, kernel, stride=stride)).max() <= 1e-5
    made = separable._pair(*pairs(Kernel(kernel))[0], separable.Way(None, None, 0.0), *_window(pixels, kernel, stride))
    assert callable(made)


def _window(pixels, kernel, stride):
    return Window(stride=stride).fit(pixels.shape[:2], kernel.shape, (1, 1)), Numbers("float32")
