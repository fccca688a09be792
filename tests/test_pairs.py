"""Patterns that taps share: every tap once, never more additions than one by one, and the same sums."""

import numpy as np
import pytest
from naive import filtered

from convcli import api
from convcli.engine.pairs import pattern

RING = [(u, v) for u in range(3) for v in range(3) if (u, v) != (1, 1)]
CASES = {
    "nothing": ([], -1),
    "one": ([(2, 3)], 0),
    "three": ([(0, 0), (0, 1), (5, 2)], 2),
    "cross": ([(0, 1), (1, 0), (1, 2), (2, 1)], 2),
    "ring": (RING, 5),
    "line": ([(n, n) for n in range(8)], 3),
    "plus with its middle": ([(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)], 3),
    "no pattern": ([(0, 0), (0, 1), (0, 3), (3, 7)], 3),
}


def spread(found) -> list[tuple[int, int]]:
    """The taps that a pattern sums, each as often as it does."""

    def below(level, u, v):
        if level == 0:
            return [(u, v)]
        dy, dx = found.shifts[level - 1]
        return below(level - 1, u, v) + below(level - 1, u + dy, v + dx)

    return [tap for level, u, v in found.taps for tap in below(level, u, v)]


@pytest.mark.parametrize(("taps", "additions"), CASES.values(), ids=CASES)
def test_additions_of_known_shapes(taps, additions):
    found = pattern(taps)
    assert sorted(spread(found)) == sorted(taps)
    assert found.passes == additions


@pytest.mark.parametrize("seed", range(40))
def test_random_taps_are_all_summed_once(seed):
    rng = np.random.default_rng(seed)
    taps = [tuple(map(int, tap)) for tap in np.argwhere(rng.random(rng.integers(1, 9, 2)) < 0.7)]
    found = pattern(taps)
    assert sorted(spread(found)) == sorted(taps)
    assert found.passes <= len(taps) - 1


@pytest.mark.parametrize("dilation", [(1, 1), (2, 3), (3, 1)])
@pytest.mark.parametrize("seed", range(12))
def test_the_sums_are_those_of_the_definition(seed, dilation):
    rng = np.random.default_rng(seed)
    kernel = rng.choice([0, 1, 1, 1, 5, -2], (int(rng.integers(2, 6)), int(rng.integers(2, 7)))).astype(float)
    pixels = rng.integers(0, 256, (17, 23, 3), dtype=np.uint8)
    found = api.correlate(pixels, kernel, dilation=dilation, padding="valid", method="direct")
    expected = filtered(pixels, kernel, dilation=dilation, padding="valid")
    assert np.array_equal(found, expected)
