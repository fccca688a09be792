"""The library as a whole: every name that was promised, no picture that shows nothing, a gallery that has them all."""

import re
from pathlib import Path

import numpy as np
import pytest

import convcli
from convcli import library
from convcli.cli.apply import command

ROOT = Path(__file__).parents[1]
GALLERY = ROOT / "docs" / "gallery.md"
NAMES = sorted(path.stem for path in library.packaged().glob("*.toml"))
ASKED = (
    "identity shift blur box gaussian binomial-3 binomial-5 binomial-7 disk motion sharpen sharpen-8 high-boost "
    "unsharp emboss outline laplacian laplacian-8 log dog mexican-hat "
    "sobel-x sobel-y sobel-left sobel-right sobel-top sobel-bottom sobel-45 sobel-135 scharr-x scharr-y "
    "prewitt-x prewitt-y roberts-1 roberts-2 frei-chen-x frei-chen-y farid-x farid-y central-x central-y "
    "top-edge left-edge bottom-edge right-edge diag1-edge diag2-edge line-0 line-45 line-90 line-135 "
    "gaussian-dx gaussian-dy gabor "
    "sobel scharr prewitt roberts sobel-angle kirsch corner harris shi-tomasi hessian "
    "local-mean local-std local-contrast high-pass "
)
COMPASS = [
    f"{name}-{way}" for name in ("kirsch", "robinson", "emboss") for way in ("n", "ne", "e", "se", "s", "sw", "w", "nw")
]


@pytest.mark.parametrize("name", [*ASKED.split(), *COMPASS])
def test_every_name_that_was_promised_is_there(name):
    assert name in NAMES


def test_there_are_more_than_seventy():
    assert len(NAMES) >= 90


# ---------------------------------------------------------------- pictures that show something


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """The still life at half its size, in a folder for results."""
    path = tmp_path_factory.mktemp("gallery") / "still.png"
    convcli.save(
        convcli.apply(convcli.open(ROOT / "samples/still-life.png").pixels, "box:2,stride=2", range="clip"), path
    )
    return path


SPARSE = {"shi-tomasi": "corners are few", "harris": "corners are few"}


@pytest.mark.parametrize("name", NAMES)
def test_no_filter_shows_a_black_square(name, still):
    """With its defaults on a photograph: not black, not white, not flat."""
    kernel = library.parse(name)[0].filter.kernel
    if kernel is not None and (kernel.maps or 1) > 1:
        pytest.skip("a bank writes a file for each map")
    target = still.with_name(f"{name}.png")
    command.main([name, str(still), "-o", str(target), "-q"], standalone_mode=False)
    shown = convcli.open(target).pixels.astype(float)
    assert shown.std() > 5
    if name not in SPARSE:
        assert (shown > 24).mean() > 0.08, "nearly black"
    assert (shown == 255).mean() < 0.45, "nearly white"


STRETCHED = "dog log mexican-hat gabor gaussian-dx gaussian-dy farid-x farid-y central-x central-y"


@pytest.mark.parametrize("name", STRETCHED.split())
def test_small_sums_are_shown_stretched_and_say_so(name, still):
    """Their weights keep the scale that the field knows; the picture alone is made visible."""
    definition = library.definition(name)
    assert definition.range == "stretch"
    assert "stretched" in definition.source
    pixels = convcli.open(still).pixels
    sums = convcli.apply(pixels, name)
    assert np.abs(sums).mean() < 8
    shown = convcli.apply(pixels, name, range="stretch").astype(float)
    assert (shown.min(), shown.max()) == (0, 255)
    assert np.corrcoef(sums.ravel(), shown.ravel())[0, 1] > 0.999, "brighter is larger, the sign as it is"


# ---------------------------------------------------------------- the gallery


def test_the_gallery_has_every_filter():
    """Run docs/gallery.py where this fails."""
    shown = re.findall(r"!\[(.*?)\]\(gallery/(.*?)\.webp\)<br>`(.*?)`<br>([^|<]*)", GALLERY.read_text(encoding="utf-8"))
    assert sorted(name for _, name, _, _ in shown) == NAMES
    for alternative, name, text, title in shown:
        assert re.split("[: ]", text)[0] == name
        assert title.strip() == alternative == library.definition(name).title


def test_the_gallery_has_its_pictures_and_no_others():
    files = list((ROOT / "docs" / "gallery").iterdir())
    assert {path.name for path in files} == {f"{name}.webp" for name in NAMES}
    assert sum(path.stat().st_size for path in files) < 1_500_000
