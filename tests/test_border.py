"""Padding modes against the page's pictures, against numpy.pad, and against the words people use for them."""

import naive
import numpy as np
import pytest
from data import picture, run

from convcli.border import MODES, PICTURES, Border, locate
from convcli.errors import ConvError
from convcli.geometry import Window

# the table of the page, on `a b c d` with three samples of padding
DRAWN = {
    "reflect": "dcb abcd cba",
    "symmetric": "cba abcd dcb",
    "edge": "aaa abcd ddd",
    "wrap": "bcd abcd abc",
    "zeros": "000 abcd 000",
    "constant:7": "777 abcd 777",
    "mean": "mmm abcd mmm",
}
ALIASES = {
    "reflect": ["reflect101", "reflect_101", "whole-sample"],
    "symmetric": ["half-sample"],
    "edge": ["replicate", "border", "nearest", "clamp", "copy"],
    "wrap": ["circular", "periodic", "tile"],
    "zeros": ["zero", "black", "constant"],
}
MIRRORS = ("reflect", "symmetric", "edge", "wrap")


def grown(pixels, pads, mode: str) -> np.ndarray:
    """The picture with its padding, seen through a single one."""
    return run(pixels, [[1.0]], window=Window(padding=pads, border=Border.parse(mode)))


@pytest.mark.parametrize("mode", DRAWN)
@pytest.mark.parametrize("axis", [0, 1])
def test_the_pictures_of_the_page(mode, axis):
    levels = {"a": 10, "b": 20, "c": 50, "d": 90, "0": 0, "7": 7, "m": 42.5}
    row = np.array([10, 20, 50, 90], np.uint8).reshape((4, 1, 1) if axis == 0 else (1, 4, 1))
    pads = (3, 3, 0, 0) if axis == 0 else (0, 0, 3, 3)
    wanted = [levels[letter] for letter in DRAWN[mode].replace(" ", "")]
    assert grown(row, pads, mode).ravel().tolist() == wanted


@pytest.mark.parametrize("mode", DRAWN)
def test_what_errors_and_help_draw_is_the_page(mode):
    drawn = PICTURES[mode.partition(":")[0]].replace("V", "7").replace(" . ", "|").replace(" ", "").replace("|", " ")
    assert drawn == DRAWN[mode]


def test_reflection_goes_on_for_any_amount():
    assert "".join("abcd"[locate("reflect", i, 4)] for i in range(-9, 0)).endswith("cbabcdcb")
    assert "".join("abcd"[locate("reflect", i, 4)] for i in range(4, 14)) == "cbabcdcbab"
    assert "".join("abcd"[locate("symmetric", i, 4)] for i in range(-9, 0)) == "aabcddcba"


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("mode", MIRRORS)
def test_places_against_copies_laid_side_by_side(mode, n):
    far = 4 * n + 3
    wanted = naive.line(mode, n, far, far)
    assert [locate(mode, i, n) for i in range(-far, n + far)] == wanted
    found = locate(mode, np.arange(-far, n + far), n)
    assert found.dtype.kind == "i"
    assert found.tolist() == wanted


@pytest.mark.parametrize(("mode", "period"), [("reflect", 8), ("symmetric", 10), ("wrap", 5)])
def test_the_extension_has_the_period_of_the_page(mode, period):
    at = [locate(mode, i, 5) for i in range(-40, 40)]
    assert at[period:] == at[:-period]
    assert at[period - 1 :] != at[: 1 - period]


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 1), (2, 5), (7, 3)])
@pytest.mark.parametrize("pads", [(1, 0, 0, 0), (0, 2, 0, 0), (0, 0, 3, 0), (0, 0, 0, 4), (5, 2, 0, 7), (9, 17, 13, 6)])
@pytest.mark.parametrize("mode", [*MIRRORS, "zeros", "constant:-2.5", "mean"])
def test_against_numpy_pad(mode, size, pads):
    pixels = picture(*size, 2, "int16", seed=sum(pads))
    word, _, value = mode.partition(":")
    options = {"mode": word}
    if word in ("zeros", "constant"):
        options = {"mode": "constant", "constant_values": float(value or 0)}
    elif word == "mean":  # of the whole channel; numpy's is of each line
        options = {"mode": "constant", "constant_values": np.nan}
    wanted = np.pad(pixels.astype(float), (pads[:2], pads[2:], (0, 0)), **options)
    if word == "mean":
        wanted = np.where(np.isnan(wanted), pixels.mean(axis=(0, 1)), wanted)
    assert grown(pixels, pads, mode) == pytest.approx(wanted, rel=0, abs=1e-9 if word == "mean" else 0)


@pytest.mark.parametrize(("alias", "mode"), [(alias, mode) for mode in ALIASES for alias in [mode, *ALIASES[mode]]])
def test_aliases(alias, mode):
    assert Border.parse(alias) == Border(mode)
    assert Border.parse(f" {alias.upper()} ") == Border(mode)


def test_every_mode_has_a_picture_and_every_alias_is_on_the_page():
    assert set(PICTURES) == set(MODES) == {mode.partition(":")[0] for mode in DRAWN}
    aliases = [alias for mode in MODES for alias in MODES[mode]]
    assert len(aliases) == len(set(aliases))
    assert {mode: set(MODES[mode]) - {"reflect-101"} for mode in MODES if MODES[mode]} == {
        mode: set(names) for mode, names in ALIASES.items()
    }


@pytest.mark.parametrize(
    ("text", "value"), [("constant:128", 128.0), ("constant:-1.5", -1.5), ("constant:1/8", 0.125), ("Constant:0", 0.0)]
)
def test_constant_takes_a_number(text, value):
    border = Border.parse(text)
    assert border == Border("constant", value)
    assert border.is_flat


@pytest.mark.parametrize(
    "border", [*map(Border, MIRRORS), Border("mean"), Border("zeros"), Border("constant", 12345.678)]
)
def test_the_word_for_a_border_reads_back_as_the_same(border):
    assert Border.parse(str(border)) == border
    assert border.is_flat == (border.mode not in MIRRORS)


def test_mirror_is_refused_with_both_meanings_drawn():
    for word in ("mirror", "MIRROR", " mirror"):
        with pytest.raises(ConvError) as refusal:
            Border.parse(word)
        message = str(refusal.value)
        assert "reflect (d c b . a b c d . c b a)" in message
        assert "symmetric (c b a . a b c d . d c b)" in message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("refelct", "did you mean reflect"),
        ("blak", "did you mean black"),
        ("", "is not known"),
        ("zeros:3", "is not known"),
        ("mean:1", "is not known"),
        ("constant:", "is not a number"),
        ("constant:red", '"red" is not a number'),
        ("constant:nan", "is not a number"),
        ("constant:inf", "is not a number"),
        ("constant:1e999", "out of range"),
        ("constant:1,5", "use a point"),
    ],
)
def test_words_that_mean_nothing(text, part):
    with pytest.raises(ConvError, match=part):
        Border.parse(text)
