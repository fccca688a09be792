"""The library's filters over the still life, against SciPy, OpenCV and scikit-image where they have the same one.

Tolerances are in levels of 255 unless a test says otherwise: sums of whole numbers are exact, others within a
thousandth. Where a library means something else by the name, the test says what, and compares what can be compared.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import convcli

STILL_LIFE = Path(__file__).parent.parent / "samples" / "still-life.png"
EXACT, CLOSE = 0.0, 1e-3


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """The still life in gray, (H, W) uint8."""
    with Image.open(STILL_LIFE) as picture:
        return np.asarray(picture.convert("L")).copy()


def worst(found: np.ndarray, wanted: np.ndarray, margin: int = 0) -> float:
    """The largest difference, `margin` pixels from the borders on."""
    inside = slice(margin, -margin or None)
    return float(abs(found.astype(np.float64) - wanted)[inside, inside].max())


SCIPY = {
    "sobel-x": (lambda p: ndimage.sobel(p, 1, mode="mirror"), EXACT),
    "sobel-y": (lambda p: ndimage.sobel(p, 0, mode="mirror"), EXACT),
    "sobel": (lambda p: np.hypot(ndimage.sobel(p, 0, mode="mirror"), ndimage.sobel(p, 1, mode="mirror")), CLOSE),
    "prewitt-x": (lambda p: ndimage.prewitt(p, 1, mode="mirror"), EXACT),
    "prewitt": (lambda p: np.hypot(ndimage.prewitt(p, 0, mode="mirror"), ndimage.prewitt(p, 1, mode="mirror")), CLOSE),
    "laplacian": (lambda p: ndimage.laplace(p, mode="mirror"), EXACT),
    "corner": (lambda p: ndimage.sobel(ndimage.sobel(p, 1, mode="mirror"), 0, mode="mirror"), EXACT),
    "box:5": (lambda p: ndimage.uniform_filter(p, 5, mode="mirror"), CLOSE),
    "local-mean": (lambda p: ndimage.uniform_filter(p, 7, mode="mirror"), CLOSE),
    # the root of a small difference of large squares
    "local-std": (lambda p: ndimage.generic_filter(p[:40, :40], np.std, 7, mode="mirror"), CLOSE),
    # both cut at 4 sigma, SciPy after rounding and we after rounding up: the same where 4 sigma is whole
    "gaussian:2": (lambda p: ndimage.gaussian_filter(p, 2, mode="mirror", truncate=4), CLOSE),
    "gaussian:1.6": (lambda p: ndimage.gaussian_filter(p, 1.6, mode="mirror", radius=7), CLOSE),
    "gaussian-dx:2": (lambda p: ndimage.gaussian_filter(p, 2, order=(0, 1), mode="mirror", truncate=4), 0.05),
    "sobel-angle": (
        lambda p: np.degrees(np.arctan2(ndimage.sobel(p, 0, mode="mirror"), ndimage.sobel(p, 1, mode="mirror"))),
        1e-4,  # degrees
    ),
}


@pytest.mark.parametrize("name", SCIPY)
def test_against_scipy(photo, name):
    theirs, tolerance = SCIPY[name]
    pixels = photo[:40, :40] if name == "local-std" else photo
    assert worst(convcli.apply(pixels, name), theirs(photo.astype(np.float64))) <= tolerance


def test_log_against_scipy(photo):
    """SciPy adds two second derivatives of sampled Gaussians, we sample their sum and take its mean away."""
    wanted = ndimage.gaussian_laplace(photo.astype(np.float64), 2, mode="mirror", truncate=4)
    assert worst(convcli.apply(photo, "log:2"), wanted) <= 0.01 * np.ptp(wanted)


def opencv_filters(cv2):
    """OpenCV's answers for gray float64 pictures, and how near ours are."""
    mirror = cv2.BORDER_REFLECT_101

    def sobel(p, dx, dy, size=3):
        return cv2.Sobel(p, cv2.CV_64F, dx, dy, ksize=size, borderType=mirror)

    return {
        "sobel-x": (lambda p: sobel(p, 1, 0), EXACT),
        "sobel-y": (lambda p: sobel(p, 0, 1), EXACT),
        "sobel": (lambda p: cv2.magnitude(sobel(p, 1, 0), sobel(p, 0, 1)), CLOSE),
        "scharr-x": (lambda p: sobel(p, 1, 0, cv2.FILTER_SCHARR), EXACT),
        "scharr-y": (lambda p: sobel(p, 0, 1, cv2.FILTER_SCHARR), EXACT),
        "laplacian": (lambda p: cv2.Laplacian(p, cv2.CV_64F, ksize=1, borderType=mirror), EXACT),
        "gaussian:2": (lambda p: cv2.GaussianBlur(p, (17, 17), 2, borderType=mirror), CLOSE),
        "box:5": (lambda p: cv2.blur(p, (5, 5), borderType=mirror), CLOSE),
        "local-mean": (lambda p: cv2.blur(p, (7, 7), borderType=mirror), CLOSE),
        "sharpen": (
            lambda p: cv2.filter2D(p, -1, np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0.0]]), borderType=mirror),
            EXACT,
        ),
    }


@pytest.mark.parametrize("name", opencv_filters(type("cv2", (), {"BORDER_REFLECT_101": 4})))
def test_against_opencv(photo, name):
    cv2 = pytest.importorskip("cv2")
    theirs, tolerance = opencv_filters(cv2)[name]
    assert worst(convcli.apply(photo, name), theirs(photo.astype(np.float64))) <= tolerance


def test_sobel_angle_against_opencv(photo):
    """OpenCV counts from 0 to 360 and is good to a third of a degree, as its page says."""
    cv2 = pytest.importorskip("cv2")
    gx, gy = (cv2.Sobel(photo, cv2.CV_64F, *d, borderType=cv2.BORDER_REFLECT_101) for d in ((1, 0), (0, 1)))
    apart = convcli.apply(photo, "sobel-angle") - cv2.phase(gx, gy, angleInDegrees=True)
    assert abs((apart + 180) % 360 - 180).max() <= 0.35


def test_harris_and_shi_tomasi_against_opencv(photo):
    """OpenCV's window is a box, ours a Gaussian; within one window their responses rank the same places first."""
    cv2 = pytest.importorskip("cv2")
    for name, theirs in (
        ("harris:k=0.05,sigma=1.5", cv2.cornerHarris(photo, 5, 3, 0.05)),
        ("shi-tomasi:1.5", cv2.cornerMinEigenVal(photo, 5, ksize=3)),
    ):
        ours = convcli.apply(photo, name)
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.95, name


SKIMAGE = {
    # their masks are divided by the sum of the positive weights, and a magnitude by the square root of 2
    "sobel": (lambda f, p: f.sobel(p) * 4 * np.sqrt(2), 1),
    "scharr": (lambda f, p: f.scharr(p) * 16 * np.sqrt(2), 1),
    "prewitt": (lambda f, p: f.prewitt(p) * 3 * np.sqrt(2), 1),
    # a farther neighbour stands on their other side of the picture's edge
    "gaussian:2": (lambda f, p: f.gaussian(p, 2, mode="mirror", truncate=4, preserve_range=True), 0),
}


@pytest.mark.parametrize("name", SKIMAGE)
def test_against_skimage(photo, name):
    filters = pytest.importorskip("skimage.filters")
    theirs, margin = SKIMAGE[name]
    assert worst(convcli.apply(photo, name), theirs(filters, photo.astype(np.float64)), margin) <= 5e-3


@pytest.mark.parametrize(
    ("name", "function", "options", "power"),
    [
        ("harris:k=0.05,sigma=1.5", "corner_harris", {"method": "k", "k": 0.05, "sigma": 1.5}, 4),
        ("shi-tomasi:1.5", "corner_shi_tomasi", {"sigma": 1.5}, 2),
    ],
)
def test_corners_against_skimage(photo, name, function, options, power):
    """Its derivatives are not divided by 8, and beyond the borders it sees black: compared away from them."""
    feature = pytest.importorskip("skimage.feature")
    wanted = getattr(feature, function)(photo / 255.0, **options) / 8.0**power
    assert worst(convcli.apply(photo, name), wanted, 10) <= 1e-5 * abs(wanted[10:-10, 10:-10]).max()
