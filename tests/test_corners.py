"""Corners from Python: boards whose corners are known, other detectors, and responses worked out the slow way."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import convcli
from convcli import ConvError, detector, peaks, subpixel

SAMPLES = Path(__file__).parent.parent / "samples"
METHODS = ("harris", "shi-tomasi", "sobel")


def board(angle: float, square=24.0, blur=1.5, noise=0.02, size=(250, 262), seed=0) -> tuple[np.ndarray, np.ndarray]:
    """A board of 8 x 8 squares, turned by degrees and blurred, levels from 0 to 1; and its 49 inner corners as x, y."""
    middle, (c, s) = (size[1] / 2 - 0.7, size[0] / 2 - 0.4), (np.cos(np.radians(angle)), np.sin(np.radians(angle)))
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    tone, offsets = np.zeros(size), (np.arange(4) + 0.5) / 4 - 0.5
    for dy in offsets:
        for dx in offsets:
            across, down = x + dx - middle[0], y + dy - middle[1]
            u, v = (c * across + s * down) / square, (c * down - s * across) / square
            dark = (np.maximum(abs(u), abs(v)) < 4) & ((np.floor(u) + np.floor(v)) % 2 == 0)
            tone += np.where(dark, 0.16, 0.84) / 16
    tone = ndimage.gaussian_filter(tone, blur) + np.random.default_rng(seed).normal(0, noise, size)
    v, u = (grid.ravel() * square for grid in np.mgrid[-3:4, -3:4])
    return np.clip(tone, 0, 1), np.stack((c * u - s * v + middle[0], s * u + c * v + middle[1]), axis=1)


def misses(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """How far each corner is from the nearest point."""
    away = corners[:, None] - np.stack((points["x"], points["y"]), axis=1)
    return np.hypot(away[..., 0], away[..., 1]).min(axis=1)


def deep(levels: np.ndarray, dtype: str) -> np.ndarray:
    return np.rint(levels * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("method", ["harris", "shi-tomasi"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(("angle", "blur", "most"), [(3, 0.8, 0.06), (17, 1.5, 0.11), (31, 2, 0.16), (45, 2.5, 0.27)])
def test_the_corners_of_a_turned_blurred_board_are_found(method, dtype, angle, blur, most):
    tone, corners = board(angle, blur=blur, seed=angle)
    away = misses(convcli.corners(deep(tone, dtype), method=method), corners)
    assert (away < 2.5).all()
    assert np.median(away) < most


def test_what_is_far_out_of_focus_is_still_found():
    tone, corners = board(60, blur=3, noise=0.04)
    away = misses(convcli.corners(deep(tone, "uint8")), corners)
    assert (away < 2.5).mean() >= 0.95


def test_one_sobel_after_the_other_finds_corners_that_stand_upright():
    tone, corners = board(4, blur=1)
    away = misses(convcli.corners(deep(tone, "uint8"), method="sobel"), corners)
    assert (away < 2.5).mean() >= 0.95


def test_the_board_of_the_samples():
    corners = np.loadtxt(SAMPLES / "chessboard.csv", delimiter=",")
    points = convcli.corners(convcli.open(SAMPLES / "chessboard.png").pixels)
    away = misses(points, corners)
    assert away.max() < 0.12
    assert np.median(away) < 0.05
    assert len(points) == 49 + 30  # and the corners that the outer squares have alone


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_has_the_same_corners_at_every_depth(method):
    levels = np.random.default_rng(5).integers(0, 256, (33, 46, 3), dtype=np.uint8)
    points = convcli.corners(levels, method=method)
    assert len(points) > 5
    assert (points == convcli.corners(levels.astype(np.uint16) * 257, method=method)).all()
    assert (points == convcli.corners(levels.astype(np.float32) / np.float32(255), method=method)).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_response_is_that_of_the_filter_on_levels_over_white(method):
    levels = np.random.default_rng(6).random((21, 34)).astype(np.float32)
    points = convcli.corners(levels, method=method, quality=0.2, min_distance=0, subpixel=False)
    map_ = np.abs(convcli.apply(levels, {"sobel": "corner"}.get(method, method)))
    assert len(points) > 3
    places = points["y"].astype(int), points["x"].astype(int)
    np.testing.assert_allclose(points["response"], map_[places], rtol=1e-6)
    assert (np.diff(points["response"]) <= 0).all()
    assert points["response"].min() >= 0.2 * map_[1:-1, 1:-1].max()


def test_parameters_reach_the_filter():
    levels = np.random.default_rng(7).random((25, 40)).astype(np.float32)
    asked = convcli.corners(levels, sigma=2.5, k=0.1, subpixel=False)
    map_ = convcli.apply(levels, "harris:sigma=2.5,k=0.1")
    assert len(asked)
    np.testing.assert_allclose(asked["response"], map_[asked["y"].astype(int), asked["x"].astype(int)], rtol=1e-6)


def test_colours_count_by_their_luma():
    rng = np.random.default_rng(8)
    colours = rng.random((24, 31, 3)).astype(np.float32)
    luma = colours @ np.array([0.299, 0.587, 0.114], np.float32)
    of_colours, of_luma = convcli.corners(colours), convcli.corners(luma)
    assert len(of_luma) > 3
    for name in ("x", "y", "response"):
        np.testing.assert_allclose(of_colours[name], of_luma[name], rtol=1e-4)


def test_what_nobody_sees_has_no_corners():
    hidden = np.random.default_rng(9).integers(0, 256, (40, 50, 4), dtype=np.uint8)
    hidden[..., 3] = 0
    assert len(convcli.corners(hidden)) == 0
    hidden[10:30, 15:35] = (0, 0, 0, 255)
    points = convcli.corners(hidden)
    found = sorted(zip(points["y"].round().tolist(), points["x"].round().tolist(), strict=True))
    assert np.array(found) == pytest.approx(np.array([(10, 15), (10, 34), (29, 15), (29, 34)]), abs=1)


def test_the_edges_of_a_square_meet_where_they_should():
    tone = np.full((48, 61), 0.2)
    tone[14:31, 20:44] = 0.9
    points = convcli.corners(ndimage.gaussian_filter(tone, 1.2).astype(np.float32))
    found = sorted(zip(points["y"].tolist(), points["x"].tolist(), strict=True))
    wanted = [(13.5, 19.5), (13.5, 43.5), (30.5, 19.5), (30.5, 43.5)]  # between the pixels
    assert np.abs(np.array(found) - wanted).max() < 0.45  # a corner that is round has its edges meet inside
    peaks_alone = convcli.corners(ndimage.gaussian_filter(tone, 1.2).astype(np.float32), subpixel=False)
    assert (peaks_alone["x"] % 1 == 0).all()
    assert len(peaks_alone) == 4


def test_max_and_quality_take_the_strongest():
    levels = np.random.default_rng(10).random((60, 70)).astype(np.float32)
    everything = convcli.corners(levels)
    assert (convcli.corners(levels, max=7) == everything[:7]).all()
    least = everything["response"][0] * 0.5
    stronger = convcli.corners(levels, quality=0.5)
    assert 0 < len(stronger) < len(everything)
    assert (stronger["response"] >= least * (1 - 1e-6)).all()


@pytest.mark.parametrize("most", [1, 260, 700])
def test_max_gives_the_first_of_all_where_many_come_to_one_place(most):
    tone, _ = board(31, blur=3.5, noise=0.15, size=(300, 320))
    everything = convcli.corners(tone, quality=0, min_distance=4)
    assert len(everything) > 700
    np.testing.assert_allclose(convcli.corners(tone, quality=0, min_distance=4, max=most)["x"], everything["x"][:most])


@pytest.mark.parametrize("distance", [0, 1, 4.5, 12, 500])
def test_no_two_points_are_nearer_than_asked(distance):
    levels = np.random.default_rng(11).random((60, 75)).astype(np.float32)
    points = convcli.corners(levels, min_distance=distance, quality=0)
    place = points["x"] + 1j * points["y"]
    away = abs(place[:, None] - place) + 1e9 * np.eye(len(points))
    assert len(points) == 1 or away.min() >= distance
    assert (len(points) == 1) == (distance == 500)


def test_points_are_spread_as_the_loop_has_it():
    rng = np.random.default_rng(12)
    y, x = rng.uniform(-3, 40, 400), rng.uniform(-3, 55, 400)
    kept = []
    for n in range(len(y)):
        if all((y[n] - y[m]) ** 2 + (x[n] - x[m]) ** 2 >= 3.7**2 for m in kept):
            kept.append(n)
    assert 20 < len(kept) < 300
    assert peaks.spread(y, x, 3.7).tolist() == kept


def test_maxima_are_those_of_a_maximum_filter():
    response = np.random.default_rng(13).normal(size=(37, 52)).astype(np.float32)
    response[5, 7] = response[6, 8] = 9  # equal neighbours are one
    best = (ndimage.maximum_filter(response, 3) == response) & (response >= 0.3 * 9)
    best[[0, -1]] = best[:, [0, -1]] = False
    best[6, 8] = False
    y, x = peaks.maxima(response, 0.3)
    assert sorted(zip(y, x, strict=True)) == sorted(zip(*np.nonzero(best), strict=True))
    assert (np.diff(response[y, x]) <= 0).all()


def test_maxima_do_not_depend_on_strips(monkeypatch):
    response = np.random.default_rng(14).normal(size=(41, 29)).astype(np.float32)
    whole = peaks.maxima(response, 0.01)
    monkeypatch.setattr(peaks, "_SAMPLES", 3 * 29)
    assert np.array_equal(whole, peaks.maxima(response, 0.01))


def test_a_parabola_has_its_summit_where_it_is():
    y, x = np.mgrid[:9, :12]
    response = 50 - (y - 4.3) ** 2 - 2 * (x - 6.8) ** 2
    assert peaks.summits(response, np.array([4]), np.array([7])) == pytest.approx((4.3, 6.8))


def test_a_point_on_an_edge_stays():
    gray = np.zeros((30, 40), np.float32)
    gray[:, 20:] = 1
    assert subpixel.refine(gray, np.array([15]), np.array([19]), 3.0) == (15, 19)


@pytest.mark.parametrize(("name", "value"), [("_AT_ONCE", 5), ("_SAMPLES", 1), ("_SAMPLES", 7 * 19**2)])
def test_points_are_refined_alike_in_any_company(name, value, monkeypatch):
    tone, corners = board(17)
    y, x = np.rint(corners[:, 1]), np.rint(corners[:, 0])
    together = subpixel.refine(tone.astype(np.float32), y, x, 3.0)
    counts, refined = [], subpixel._refined
    monkeypatch.setattr(subpixel, "_refined", lambda *args: counts.append(len(args[1])) or refined(*args))
    monkeypatch.setattr(subpixel, name, value)
    np.testing.assert_allclose(subpixel.refine(tone.astype(np.float32), y, x, 3.0), together, atol=1e-9)
    assert (max(counts), sum(counts)) == (min(value, 7), len(y))


def test_no_more_memory_is_taken_for_wide_surroundings(monkeypatch):
    sizes, products = [], subpixel._products
    monkeypatch.setattr(subpixel, "_products", lambda *args: sizes.append(products(*args).nbytes) or products(*args))
    gray = np.random.default_rng(3).random((60, 70), np.float32)
    for sigma, count in ((3.0, 600), (12.0, 120), (40.0, 10)):
        subpixel.refine(gray, *(np.arange(count) % n for n in gray.shape), sigma)
    assert max(sizes) < 8e6


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (9, 2), (3, 3), (4, 17, 1)])
@pytest.mark.parametrize("method", METHODS)
def test_small_and_flat_pictures_have_no_corners(shape, method):
    assert len(convcli.corners(np.full(shape, 77, np.uint8), method=method)) == 0


def test_numbers_that_are_none_hide_no_corners_elsewhere():
    tone = np.zeros((60, 80), np.float32)
    tone[35:, 50:] = 1
    alone = convcli.corners(tone)
    tone[8, 9], tone[11, 30] = np.nan, np.inf
    assert len(alone) == 1
    assert (convcli.corners(tone) == alone).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "haris"}, 'method "haris" is none of harris, shi-tomasi, sobel; did you mean harris?'),
        ({"max": 0}, "max is 0, wanted a whole number of at least 1"),
        ({"quality": 1.5}, "quality is 1.5, wanted a number from 0 to 1"),
        ({"min_distance": -1}, "min-distance is -1, wanted a number of pixels, at least 0"),
        ({"min_distance": float("nan")}, "min-distance is nan"),
        ({"sigma": 0}, "sigma 0 is out of range"),
        ({"method": "shi-tomasi", "k": 0.1}, "k does not go with shi-tomasi"),
        ({"method": "sobel", "sigma": 2}, "sigma does not go with sobel"),
    ],
)
def test_nonsense_is_refused(options, words):
    with pytest.raises(ConvError) as raised:
        convcli.corners(np.zeros((9, 9), np.uint8), **options)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((3, 4, 5), np.uint8), "gray is made of red, green and blue, and the picture has 5 channels"),
        (np.zeros((3, 4), np.complex64), "pixels are complex64"),
        (np.zeros((3, 4, 3, 2), np.uint8), "pixels have shape"),
        (np.zeros((0, 4), np.uint8), "pixels have shape"),
    ],
)
def test_what_is_no_picture_is_refused(pixels, words):
    with pytest.raises(ConvError) as raised:
        convcli.corners(pixels)
    assert words in str(raised.value)


# ---------------------------------------------------------------- other detectors


def test_shi_tomasi_finds_what_opencv_finds():
    cv2 = pytest.importorskip("cv2")
    picture = np.ascontiguousarray(convcli.open(SAMPLES / "chessboard.png").pixels[:, :, 0])
    theirs = cv2.goodFeaturesToTrack(picture, 0, 0.1, 5, blockSize=5)
    refined = cv2.cornerSubPix(picture, theirs.copy(), (6, 6), (-1, -1), (3, 50, 0.001))[:, 0]
    ours = convcli.corners(picture, method="shi-tomasi")
    away = misses(ours, refined)
    assert len(ours) == len(refined) == 79
    assert np.median(away) < 0.05
    assert away.max() < 0.3
    corners = np.loadtxt(SAMPLES / "chessboard.csv", delimiter=",")
    peer = np.hypot(*(corners[:, None] - refined).transpose(2, 0, 1)).min(axis=1)
    assert np.median(misses(ours, corners)) < 1.2 * np.median(peer)  # as near as theirs


def test_harris_is_opencvs_under_another_window():
    cv2 = pytest.importorskip("cv2")
    levels = np.random.default_rng(15).random((40, 53)).astype(np.float32)
    gx, gy = (
        cv2.Sobel(levels, cv2.CV_64F, *order, scale=1 / 8, borderType=cv2.BORDER_REFLECT_101)
        for order in ((1, 0), (0, 1))
    )
    xx, xy, yy = (ndimage.gaussian_filter(p, 1.5, mode="mirror", radius=6) for p in (gx * gx, gx * gy, gy * gy))
    wanted = xx * yy - xy * xy - 0.05 * (xx + yy) ** 2
    points = convcli.corners(levels, quality=0.1, subpixel=False)
    places = points["y"].astype(int), points["x"].astype(int)
    inner = (points["y"] > 8) & (points["y"] < 31) & (points["x"] > 8) & (points["x"] < 44)
    assert inner.sum() > 3
    np.testing.assert_allclose(points["response"][inner], wanted[places][inner], rtol=2e-2)  # the windows end elsewhere


def test_harris_peaks_are_those_of_scikit_image():
    feature = pytest.importorskip("skimage.feature")
    tone, _ = board(17, blur=1)
    tone = tone.astype(np.float32)
    map_ = detector.response(tone, detector.Search())
    theirs = feature.corner_peaks(map_, min_distance=1, threshold_rel=0.01, exclude_border=1, indices=True)
    ours = convcli.corners(tone, min_distance=0, subpixel=False)
    assert len(ours) > 49
    assert {(y, x) for y, x in theirs.tolist()} == set(
        zip(ours["y"].astype(int).tolist(), ours["x"].astype(int).tolist(), strict=True)
    )
