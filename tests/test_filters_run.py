"""Every filter of the library over a small colour picture: any parameters it allows, any padding mode."""

import os

import numpy as np
import pytest
from data import picture

import convcli
from convcli import library

MODES = ("reflect", "edge", "symmetric", "wrap", "zeros", "constant:77", "mean")
ENTRIES = {entry.name: entry.found for entry in library.entries([])}
LARGE = 100_000  # taps; kernels of millions take seconds each, CONVCLI_TEST_LARGE=1 runs them all the same


def text_of(name: str, bound: str, most: float = float("inf")) -> str:
    """The filter with every parameter at its default, min or max; at `most` where that is more."""
    values = {p.name: max(min(getattr(p, bound), most), -most) for p in ENTRIES[name].params.values()}
    return f"{name}:{','.join(f'{key}={value!r}' for key, value in values.items())}" if values else name


CASES = [
    (name, bound)
    for name, found in ENTRIES.items()
    for bound in (("default", "min", "max") if found.params else ("default",))
]


def taps_of(filter_) -> int:
    """Taps of the largest kernel."""
    return max(step.action.matrix.size for step in filter_.steps)


@pytest.mark.parametrize(("name", "bound"), CASES)
def test_every_filter_runs_in_every_padding_mode(name, bound):
    (link,) = library.parse(text_of(name, bound))
    if taps_of(link.filter) > LARGE and not os.environ.get("CONVCLI_TEST_LARGE"):
        (link,) = library.parse(text_of(name, bound, 40))
    pixels = picture(17, 23, 3)
    results = [convcli.apply(pixels, link.filter, padding_mode=mode, threads=1) for mode in MODES]
    for out in results:
        assert out.shape == results[0].shape
        assert out.shape[:2] == (17, 23)
        assert np.isfinite(out).all()
    inside = [out[8:9, 11:12] for out in results]  # what the modes have in common
    if all(side <= 17 for side in _reach(link.filter)):
        assert all((abs(one - inside[0]) <= 2e-3 * max(1, abs(inside[0]).max())).all() for one in inside)


def _reach(filter_) -> tuple[int, int]:
    """Rows and columns that one sample can see, at most."""
    return tuple(1 + sum(step.action.taps[axis] - 1 for step in filter_.steps) for axis in (0, 1))


@pytest.mark.parametrize("name", [name for name, found in ENTRIES.items() if found.size() is None])
def test_composites_run_over_gray_deep_and_tiny_pictures(name):
    for shape, dtype in [((17, 23), "uint8"), ((5, 4, 3), "uint16"), ((1, 1), "uint8"), ((2, 9, 3), "float32")]:
        out = convcli.apply(np.ascontiguousarray(picture(*(*shape, 1)[:3], dtype)).reshape(shape), name)
        assert out.shape[:2] == shape[:2]
        assert np.isfinite(out).all()
