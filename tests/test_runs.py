"""Sums of runs: at every position, in few additions, and what they are made of stays as it was."""

from math import log2

import numpy as np
import pytest

from convcli.engine import play
from convcli.engine.scratch import Scratch
from convcli.engine.separable import Runs


@pytest.mark.parametrize("length", [2, 3, 4, 5, 6, 7, 9, 15, 21, 31])
@pytest.mark.parametrize("shape", [(3,), ()], ids=["rows", "flat"])
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_the_sums_are_those_of_the_samples(length, shape, dtype):
    rng = np.random.default_rng(length)
    for step in (1, 3, 50):
        for positions in (1, 2, 49, 50, 51, 200):
            base = rng.integers(0, 100, (positions + (length - 1) * step, *shape)).astype(dtype)
            before, tape = base.copy(), []
            found = Runs(Scratch(), tape).sums(base, length, step, (base,))
            play(tape)
            expected = sum(before[n * step : n * step + positions] for n in range(length))
            assert np.array_equal(found, expected), (step, positions)
            assert np.array_equal(base, before), (step, positions)
            assert len(tape) < 2 * log2(length) + 0.1, (step, positions)
