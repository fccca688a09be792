"""The sheet that plots are drawn on: y before x, and what is drawn is where it was asked for."""

import numpy as np
import pytest

from convcli.raster import Canvas

RED = (255, 0, 0)


def test_a_sheet_has_its_size_and_colour():
    assert Canvas(5, 9, (1, 2, 3)).pixels.shape == (5, 9, 3)
    assert (Canvas(5, 9, (1, 2, 3)).pixels == (1, 2, 3)).all()


def test_a_picture_is_pasted_with_its_corner_at_y_x():
    canvas = Canvas(8, 11)
    patch = np.random.default_rng(3).integers(0, 255, (3, 4, 3), dtype=np.uint8)
    canvas.paste(2, 5, patch)
    assert (canvas.pixels[2:5, 5:9] == patch).all()
    assert (canvas.pixels == 255).all(axis=2).sum() == 8 * 11 - 12
    canvas.paste(0, 0, patch[:, :, :1])
    assert (canvas.pixels[:3, :4] == patch[:, :, :1]).all()


def test_a_box_has_its_height_and_width():
    canvas = Canvas(9, 12)
    canvas.box(1, 2, 4, 7, fill=RED)
    ys, xs = np.nonzero((canvas.pixels == RED).all(axis=2))
    assert (ys.min(), ys.max(), xs.min(), xs.max(), ys.size) == (1, 4, 2, 8, 28)


def test_a_line_and_a_circle_are_where_they_were_asked_for():
    canvas = Canvas(20, 30)
    canvas.line([(3, 4), (3, 25)], RED)
    ys, xs = np.nonzero((canvas.pixels == RED).all(axis=2))
    assert set(ys) == {3}
    assert (xs.min(), xs.max()) == (4, 25)
    canvas = Canvas(20, 30)
    canvas.circle(10, 20, 5, RED)
    ys, xs = np.nonzero((canvas.pixels == RED).all(axis=2))
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (5, 15, 15, 25)


def test_words_are_as_wide_as_they_say():
    canvas = Canvas(40, 200)
    canvas.text(5, 10, "-12.5", 20, RED)
    ys, xs = np.nonzero((canvas.pixels != 255).any(axis=2))
    assert xs.min() >= 9
    assert xs.max() <= 10 + canvas.width_of("-12.5", 20) + 1
    assert ys.min() >= 5
    assert ys.max() < 5 + 24


@pytest.mark.parametrize(
    "words", ["To AV. fill", "1 0 -1; 2 0 -2; 1 0 -1", "sobel-x | gaussian:1.4", "Wi\N{COMBINING ACUTE ACCENT}l."]
)
@pytest.mark.parametrize("size", [11, 17])
def test_words_are_cut_where_one_letter_more_is_too_wide(words, size):
    canvas = Canvas(1, 1)
    assert canvas.cut(words, canvas.width_of(words, size), size) == words
    for room in np.linspace(0, canvas.width_of(words, size) - 0.1, 61):
        letters = words
        while letters and canvas.width_of(f"{letters}...", size) > room:
            letters = letters[:-1]
        assert canvas.cut(words, room, size) == f"{letters}..."


def test_a_long_text_is_cut_in_few_steps(monkeypatch):
    measured = []
    plain = Canvas.width_of
    monkeypatch.setattr(Canvas, "width_of", lambda *given: measured.append(given[1]) or plain(*given))
    cut = Canvas(1, 1).cut("1 0 -1; " * 500, 300)
    assert cut.endswith("...")
    assert 290 < plain(Canvas(1, 1), cut) <= 300
    assert len(measured) < 20
