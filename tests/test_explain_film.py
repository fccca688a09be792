"""`convcli explain --gif`: a picture for each stop, whose numbers are those of `convcli apply`."""

from itertools import pairwise

import numpy as np
import pytest
from data import weights
from PIL import Image
from test_apply_command import convcli, refused
from test_explain_page import drawn, options_of, text_of

from convcli.border import Border
from convcli.explain import film, scene
from convcli.filters import Kernel
from convcli.geometry import Window

pytestmark = pytest.mark.usefixtures("desk")


def applied(filter_, *options, stdin) -> np.ndarray:
    ran = convcli("apply", "-k", filter_, "-", "-o", "out.npy", "-f", *options, stdin=stdin)
    assert (ran.code, ran.errors) == (0, []), ran.errors
    return np.load("out.npy")


@pytest.mark.parametrize("seed", range(14))
def test_its_numbers_are_those_of_apply(seed):
    grid, matrix, stride, dilation, padding, mode, op = drawn(seed)
    wanted = applied(text_of(matrix, ";"), *options_of(stride, dilation, padding, mode, op, 2.5), stdin=text_of(grid))
    pads = padding if isinstance(padding, str) else tuple(padding)
    window = Window(tuple(map(int, stride)), tuple(map(int, dilation)), pads, Border.parse(mode), op, 2.5)
    walked = scene.cut(grid[:, :, None], None, Kernel(matrix), window)
    assert film.count(walked) == wanted.size
    assert np.allclose(film.results(walked), wanted.ravel(), rtol=0, atol=1e-9)


def test_planes_are_summed():
    bank = weights(2, 3, 3, 2, whole=False)
    grid = np.random.default_rng(3).normal(size=(6, 5, 3))
    np.save("bank.npy", bank)
    np.save("grid.npy", grid)
    assert convcli("apply", "bank.npy", "grid.npy", "-o", "out.npy", "-q", "--stride", "2").code == 0
    walked = scene.cut(grid, None, Kernel(bank), Window((2, 2)))
    assert np.allclose(film.results(walked), np.load("out.npy")[:, :, 0].ravel(), rtol=0, atol=1e-9)


def test_there_is_a_picture_for_each_stop(desk):
    ran = convcli("explain", "box:3", "-", "--gif", "w.gif", stdin="1 2 3 4\n5 6 7 8\n9 8 7 6\n")
    assert (ran.code, ran.out, ran.errors) == (0, b"", [])
    with Image.open("w.gif") as film_:
        assert film_.n_frames == 12
        assert film_.info["loop"] == 0
        pictures, times = [], []
        for n in range(12):
            film_.seek(n)
            times.append(film_.info["duration"])
            pictures.append(np.asarray(film_.convert("RGB")))
    assert times[-1] > times[0] > 0
    assert max(pictures[0].shape[:2]) <= 1280
    ink = [(picture.min(axis=2) < 120).sum() for picture in pictures]
    assert all((a != b).any() for a, b in pairwise(pictures))
    assert ink[-1] > ink[0]


def test_a_picture_has_no_more_colours_than_a_gif_holds():
    grid = np.random.default_rng(4).integers(0, 256, (12, 12, 1))
    kernel = Kernel([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    walked = scene.cut(grid, 255.0, kernel, Window((2, 2)), letters="r")
    *_, last = film.frames(walked, "it")
    assert len(np.unique(last.pixels.reshape(-1, 3), axis=0)) <= 256


def test_a_picture_of_the_largest_cut_fits_a_slide():
    kernel = Kernel(np.ones((3, 3)))
    walked = scene.cut(np.ones((12, 12, 1)), 255.0, kernel, Window(), letters="r")
    assert 1000 < next(film.frames(walked, "it")).pixels.shape[1] <= 1280


def test_page_and_animation_at_once(desk):
    ran = convcli("explain", "sobel-x", "--m", "4", "--html", "w.html", "--gif", "w.gif")
    assert (ran.code, ran.errors) == (0, [])
    assert (desk / "w.html").exists()
    again = convcli("explain", "sobel-x", "--m", "4", "--gif", "w.gif")
    assert (again.code, again.errors) == (1, ["convcli: w.gif: exists already (-f overwrites)"])
    assert ".gif" in refused("explain", "sobel-x", "--gif", "w.png")
    assert "one kernel" in refused("explain", "sobel", "--gif", "x.gif")
    assert "too long" in refused("explain", "1", "--m", "32", "--padding", "1", "--gif", "x.gif")
    assert not (desk / "x.gif").exists()


@pytest.mark.parametrize("mode", ["reflect", "mean"])
@pytest.mark.parametrize("filter_", ["box:3", "sobel-x"])
@pytest.mark.parametrize("spread", [False, True])
def test_a_walk_over_numbers_whose_sums_no_float_holds(spread, filter_, mode, desk):
    grid = np.full((5, 4), 1.7e308)
    grid[2:, ::2] *= -1 if spread else 1
    np.save("huge.npy", grid)
    ran = convcli("explain", filter_, "huge.npy", "--gif", "w.gif", "--padding-mode", mode)
    assert (ran.code, ran.errors) == (0, [])
    with Image.open("w.gif") as film_:
        assert film_.n_frames == 20


def test_greys_go_from_the_lowest_number_to_the_highest():
    assert [film._level(value, -1e-300, 1e-300) for value in (-1e-300, 0, 1e-300)] == [0, 127, 255]
    assert [film._level(value, -1.7e308, 1.7e308) for value in (-1.7e308, 0.85e308, 1.7e308)] == [0, 191, 255]
    assert film._level(7.0, 7.0, 7.0) == 0
