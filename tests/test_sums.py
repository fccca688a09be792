"""Weighted sums: as many passes as are counted, and the same sums with the library for products and without it."""

import numpy as np
import pytest

from convcli.engine import blas, sums
from convcli.engine.scratch import Scratch

WEIGHTS = {
    "a gaussian": [0.1, 0.2, 0.4, 0.2, 0.1],
    "equal": [0.25, 0.25, 0.25, 0.25],
    "negative": [-2, -2, -2],
    "ones": [1, -1, 1, 0, -1],
    "one": [0, -3, 0],
    "a single one": [1],
    "none": [0, 0],
    "all apart": [0.3, -0.1, 0.7, 1, -1.5],
    "groups of both signs": [5, -3, 3, -5, 0, -3, 7, -7, -7],
    "lone ones first": [-1, 2, 2, -1, 9, 9, 9],
}


def laid(weights, dtype, picture):
    """The tape of a sum down the rows of a picture, and where it puts the sum."""
    out, tape = np.full((len(picture) - len(weights) + 1, picture.shape[1] - 5), 77, dtype), []
    terms = sums.group(enumerate(weights))
    sums.weighted_sum(terms, lambda tap: picture[tap : tap + len(out), 3:-2], out, Scratch(), tape)
    return terms, tape, out


@pytest.mark.parametrize("has_library", [True, False])
@pytest.mark.parametrize("dtype", ["int32", "float32", "float64"])
@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_sums_and_their_passes(weights, dtype, has_library, monkeypatch):
    is_float = dtype.startswith("float")
    if not is_float and any(weight != int(weight) for weight in weights):
        weights = [round(10 * weight) for weight in weights]
    if has_library and is_float and not blas.can_add_scaled(np.dtype(dtype)):
        pytest.skip("numpy has another library for products")
    if not has_library:
        monkeypatch.setattr(blas, "_library", lambda: None)
    picture = np.random.default_rng(5).integers(-99, 99, (31, 47)).astype(dtype)
    before = picture.copy()
    terms, tape, out = laid(weights, dtype, picture)
    if has_library or not is_float:
        assert len(tape) == max(sums.passes(terms, dtype), 1)  # without terms, zeros are one
    for call, args in tape:
        call(*args)
    rows = len(out)
    wanted = sum(weight * picture[k : k + rows, 3:-2].astype(float) for k, weight in enumerate(weights))
    np.testing.assert_allclose(out, wanted, rtol=1e-6, atol=1e-4 if is_float else 0)
    assert (picture == before).all()


def test_what_is_infinite_stays_where_it_is():
    picture = np.zeros((9, 40), np.float32)
    picture[4, 20] = np.inf
    _, tape, out = laid([0.1, 0.2, 0.4, 0.2, 0.1], "float32", picture)
    with np.errstate(all="ignore"):
        for call, args in tape:
            call(*args)
    assert np.isinf(out[:, 17]).all()  # five windows meet it
    out[:, 17] = 0
    assert (out == 0).all()
