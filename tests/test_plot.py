"""`convcli kernels plot`: the colours say what the weights say, and the response is the Fourier transform."""

import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from data import printed, weights

import convcli
from convcli import heat, library, plot
from convcli.cli.kernels import command
from convcli.errors import ConvError, FilterError
from convcli.filters import Kernel
from convcli.frequency import response

pytestmark = pytest.mark.usefixtures("desk")


def count(pixels, colour):
    """How many pixels of a picture have that colour."""
    return int((pixels == colour).all(axis=-1).sum())


# ---------------------------------------------------------------- the frequency response


@pytest.mark.parametrize("taps", [(1, 1), (3, 3), (2, 5), (7, 4)], ids=str)
def test_the_response_is_the_fourier_transform(taps):
    matrix = weights(*taps, whole=False, seed=9)
    size = 32
    wanted = np.abs(np.fft.fftshift(np.fft.fft2(matrix, (size, size))))  # -0.5 ... 15/32
    found = response(matrix, size + 1)
    np.testing.assert_allclose(found[:-1, :-1], wanted, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found[-1], found[0], rtol=0, atol=1e-12)  # half a cycle is the same on both sides


def test_rows_of_the_response_are_frequencies_along_y():
    smooth_down = response(np.ones((5, 1)) / 5, 9)  # a column smooths along y and leaves x alone
    np.testing.assert_allclose(smooth_down[4], 1)
    assert smooth_down[0, 4] < 0.21
    assert response(library.parse("sobel-x")[0].filter.kernel.weights, 9)[4, 4] == pytest.approx(0, abs=1e-12)
    assert response(library.parse("gaussian:2")[0].filter.kernel.weights, 9)[4, 4] == pytest.approx(1)


# ---------------------------------------------------------------- colours


def test_signs_have_two_hues_and_zero_has_none():
    negative, zero, positive = heat.diverging(np.array([-3.0, 0.0, 3.0]), 3).astype(int)
    assert negative[2] > negative[0] + 60
    assert positive[0] > positive[2] + 60
    assert len(set(zero.tolist())) == 1
    small = heat.diverging(np.array([-1e9, -0.001, 0.001, 1e9]), 3)  # beyond the ends nothing wraps
    np.testing.assert_array_equal(small[[0, 3]], [negative, positive])
    assert heat.diverging(np.zeros((2, 3)), 0).shape == (2, 3, 3)


def luminance(colours):
    """Relative luminance as WCAG defines it, which no kind of colour blindness takes away."""
    levels = np.asarray(colours, float) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_larger_is_darker_in_weights_and_brighter_in_responses():
    ramp = np.linspace(0, 1, 101)
    for sign in (1, -1):
        assert (np.diff(luminance(heat.diverging(sign * ramp, 1))) <= 0).all()
    assert (np.diff(luminance(heat.rising(ramp, 1))) > -1e-3).all()
    assert luminance(heat.rising(np.array(1.0), 1)) > 10 * luminance(heat.rising(np.array(0.0), 1))


def test_numbers_are_read_on_every_colour():
    for paper in heat.diverging(np.linspace(-1, 1, 201), 1):
        light, dark = sorted([luminance(heat.ink(paper)), luminance(paper)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, paper  # WCAG's bound for small type


# ---------------------------------------------------------------- sheets


@pytest.mark.parametrize("taps", [(1, 1), (1, 9), (9, 1), (2, 3), (1, 31), (31, 1), (31, 31), (101, 101), (3, 900)])
def test_every_weight_has_its_colour(taps):
    matrix = weights(*taps, whole=True, seed=4)
    sheet = plot.sheet(plot.panels_of(Kernel(matrix)), "title")
    largest, cells = abs(matrix).max(), matrix.size
    assert sheet.shape[0] <= 700
    assert 500 < sheet.shape[1] < 1200
    for value in {matrix.min(), matrix.max()} - {0}:
        share = (matrix == value).sum() / cells
        assert count(sheet, heat.diverging(value, largest)) > 0.2 * share * min(cells, 400)


def test_positions_are_kept():
    """Row by row, column by column: the colours of the map are those of the weights, in their places."""
    matrix = np.array([[1.0, -2, 3, 0], [0, 3, -1, 2]])
    sheet = plot.sheet(plot.panels_of(Kernel(matrix, anchor=(0, 2))), "")
    ys, xs = np.nonzero((sheet == heat.diverging(3.0, 3)).all(axis=-1) & (np.arange(sheet.shape[1]) < 400))
    cell = 88
    top, left = ys.min(), xs.min() - cell  # of the map: row 0 has a 3 in column 2, row 1 in column 1
    left = min(left, xs.min() - cell)
    for (y, x), value in np.ndenumerate(matrix):
        place = sheet[top + y * cell + 9, left + x * cell + 9]
        np.testing.assert_array_equal(place, heat.diverging(value, 3), err_msg=f"{y},{x}")
    frame = sheet[top + cell // 4, left + 2 * cell - 3 : left + 2 * cell + 3]
    assert (frame == 0).all(axis=-1).any(), "the anchor's cell has a black frame"
    assert not (sheet[top + cell // 4 + cell, left + 2 * cell - 3 : left + 2 * cell + 3] == 0).all(axis=-1).any()


def test_numbers_stand_in_the_cells_where_they_fit():
    def inked(name):
        kernel = library.parse(name)[0].filter.kernel.changed(anchor=(0, 0))
        sheet = plot.sheet(plot.panels_of(kernel), "")
        side = min(88, 401 // kernel.taps[0])
        y, x = 71 + kernel.taps[0] // 2 * side, 54 + kernel.taps[1] // 2 * side  # near the middle cell
        return count(sheet[y + side : y + 2 * side, x : x + side], (0, 0, 0))

    assert inked("5 5 5; 5 1 5; 5 1 5") > 20
    assert inked("gaussian:1") > 5
    assert inked("box:31") == 0


def test_a_bank_is_a_grid_with_one_scale():
    bank = Kernel(weights(3, 2, 2, 4, seed=5))
    labels = [panel.label for panel in plot.panels_of(bank)]
    assert labels == [f"map {n}, plane {c}" for n in range(3) for c in range(2)]
    sheet = plot.sheet(plot.panels_of(bank), "bank", shared=True)
    alone = plot.sheet(plot.panels_of(bank), "bank")
    strongest = heat.diverging(1.0, 1)
    assert 0 < count(sheet, strongest) < count(alone, strongest)
    assert [panel.label for panel in plot.panels_of(Kernel(np.ones((1, 1, 2, 2))))] == [""]


def test_maps_that_have_names_are_called_by_them():
    panels = plot.panels_of(library.parse("edges-4")[0].filter.kernel)
    assert [panel.label for panel in panels][1:3] == ["map 1: left", "map 2: diagonal rising"]


def test_a_sheet_of_a_network_has_an_end():
    panels = plot.panels_of(Kernel(weights(64, 3, 3, 3, seed=1)), "conv1")
    assert len(panels) == 192
    assert panels[4].label == "conv1, map 1, plane 1"
    assert plot.sheet(panels, "net").shape == plot.sheet(panels[: plot.MOST], "net", ["one line more"]).shape


def test_steps_of_one_kernel_share_a_panel():
    filter_ = library.parse("harris")[0].filter
    panels = plot.steps_of(filter_, ["sobel-x", "sobel-y", "g", "g", "g"])
    assert [panel.label for panel in panels] == ["gx = sobel-x", "gy = sobel-y", "sxx, sxy, syy = g"]


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize("name", ["sobel-x", "shift:300", "harris", "kirsch", "disk:50", "'0 0; 0 0'", "local-mean"])
def test_plots_are_pictures(name):
    printed(command, f"plot {name} -o k.png")
    picture = convcli.open("k.png")
    assert picture.mode == "RGB"
    assert min(picture.pixels.shape[:2]) > 300


def test_what_is_turned_looks_turned():
    printed(command, "plot '1 0 0; 0 0 0; 0 0 0' -o a.png")
    printed(command, "plot '0 0 0; 0 0 0; 0 0 1' -o b.png")
    printed(command, "plot '1 0 0; 0 0 0; 0 0 0' --op convolve -o c.png")
    assert Path("a.png").read_bytes() != Path("b.png").read_bytes() == Path("c.png").read_bytes()


def test_as_applied_shows_other_numbers():
    printed(command, "plot box -o a.png")
    printed(command, "plot box --as-applied -o b.png")
    assert Path("a.png").read_bytes() != Path("b.png").read_bytes()


def test_a_picture_goes_to_a_pipe():
    printed(command, "plot log -o k.png")
    assert printed(command, "plot log -o -") == Path("k.png").read_bytes()


def test_a_matrix_with_a_minus_goes_behind_k():
    printed(command, "plot -k '-1 0 1' -o k.webp")
    assert convcli.open("k.webp").pixels.shape[2] == 3


def test_nothing_is_overwritten():
    Path("k.png").write_bytes(b"mine")
    with pytest.raises(ConvError, match=r"k\.png: exists"):
        printed(command, "plot box -o k.png")
    assert Path("k.png").read_bytes() == b"mine"
    printed(command, "plot box -o k.png -f")
    assert Path("k.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("plot relu -o k.png", "relu has no weights to plot"),
        ("plot 'box | sobel' -o k.png", "box | sobel is a chain, plot takes one filter"),
        ("plot sobelx -o k.png", "did you mean sobel-x"),
        ("plot box -o k.foo", 'k.foo: "foo" is no format that can be written'),
        ("plot box -o k.pgm", "k.pgm: PGM cannot hold RGB"),
        ("plot box -o none/k.png", "none/k.png: "),
    ],
)
def test_errors(line, message):
    with pytest.raises(ConvError) as caught:
        printed(command, line)
    assert message in str(caught.value)
    assert os.listdir() == []


def test_a_name_for_the_picture_is_needed():
    done = CliRunner().invoke(command, ["plot", "box"])
    assert done.exit_code == 2
    assert "plot wants a name for the picture (-o kernel.png)" in done.output
    with pytest.raises(FilterError):
        printed(command, "plot none-such -o k.png")
