"""The worked examples of the lectures, the lab and the notes, and the golden values of our own, as commands.

What is not about sizes alone, which `test_shape_command.py` has. Each is what is typed, what is fed, what is said.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from test_apply_command import convcli, load, refused, samples, save

pytestmark = pytest.mark.usefixtures("desk")

STRIPE = "0 0 1 0 0\n" * 5
ONES = "1 1 1 1\n" * 4
CORNER = "0 0 0 0 0 0\n" * 3 + "0 0 0 1 1 1\n" * 3
PRODUCT = "200 150 150\n100 50 100\n25 25 10\n"
NOISE = "-0.4685 -1.2821 -0.2023\n-0.4453 -1.313 -0.4968\n-0.957 0.7594 -0.0128\n1.0972 .69 -.5578\n"
RAMPS = "0 1 2 3 4 5\n1 2 3 4 5 6\n4 5 6 7 8 9\n9 10 11 12 13 14\n16 17 18 19 20 21\n"
STEP = "10 10 10 10 30 30 30 30\n" * 5
SCHARP = "1 0 -1; 2 0 -2; 1 0 -1"
FULL = "--padding full --padding-mode zeros"

EXAMPLES = {
    # sliding windows, the bias, strides that do not divide
    "upright stripe": (SCHARP, "--padding valid", STRIPE, [[-4, 0, 4]] * 3),
    "sums of four ones": ("1 1; 1 1", "--padding valid", ONES, [[4] * 3] * 3),
    "every second window": ("1 1; 1 1", "--padding valid --stride 2", ONES, [[4, 4]] * 2),
    "every third window": ("1 1; 1 1", "--padding valid --stride 3", ONES, [[4]]),
    "every third window, padded": ("1 1; 1 1", "--padding 1 --padding-mode zeros --stride 3", ONES, [[1, 2], [2, 4]]),
    "a kernel of zeros": ("0 0 0; 0 0 0; 0 0 0", "--padding valid", NOISE, [[0], [0]]),
    "one bias for all": ("1 1; 1 1", "--padding valid --bias 2.5", ONES, [[6.5] * 3] * 3),
    # true convolution, in full
    "a line in full": ("1 1 2", f"--op convolve {FULL}", "2 -1 1\n", [[2, 1, 4, -1, 2]]),
    "a line in full, every second": ("1 1 2", f"--op convolve {FULL} --stride 2", "2 -1 1\n", [[2, 4, 2]]),
    "a line correlated": ("1 1 2", FULL, "2 -1 1\n", [[4, 0, 3, 0, 1]]),
    "line and kernel change places": ("2 -1 1", f"--op convolve {FULL}", "1 1 2\n", [[2, 1, 4, -1, 2]]),
    "three by three grows to four": (
        "1 2; 3 4",
        f"--op convolve {FULL}",
        "0 0 0\n0 1 0\n0 0 0\n",
        [[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0], [0, 0, 0, 0]],
    ),
    # what stands outside
    "reflected by two": (
        "1",
        "--padding 2 --padding-mode reflect",
        "0 1 2\n3 4 5\n6 7 8\n",
        [[y * 3 + x for x in (2, 1, 0, 1, 2, 1, 0)] for y in (2, 1, 0, 1, 2, 1, 0)],
    ),
    "the mean outside": (
        "1",
        "--padding 1 --padding-mode mean",
        "1 2\n3 6\n",
        [[3, 3, 3, 3], [3, 1, 2, 3], [3, 3, 6, 3], [3, 3, 3, 3]],
    ),
    "the border outside": (
        "1",
        "--padding 1 --padding-mode border",
        "1 2\n3 6\n",
        [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 6, 6], [3, 3, 6, 6]],
    ),
    # holes, columns times rows, one after the other
    "holes in a kernel": ("1 2 3; 4 5 6; 7 8 9", "--padding valid --dilation 2", RAMPS, [[546, 591]]),
    "a column times a row": ("3 4 5; 6 8 10; 9 12 15", "--padding valid", "1 0 2\n0 1 0\n3 0 1\n", [[63]]),
    "the row, then the column": ("3 4 5 | 1; 2; 3", "--padding valid", "1 0 2\n0 1 0\n3 0 1\n", [[63]]),
    "one Sobel after the other": ("sobel-x | sobel-y", "--padding valid", CORNER, [[9, 9], [9, 9]]),
    "the corner kernel": ("corner", "--padding valid --range none", CORNER, [[9, 9], [9, 9]]),
    "a top edge": ("top-edge", "--padding valid", "0 0 0\n142 155 246\n254 254 254\n", [[762]]),
    "a left edge": ("left-edge", "--padding valid", "0 142 254\n0 155 254\n0 246 254\n", [[762]]),
    "a product by hand": (SCHARP, "--padding valid", PRODUCT, [[65]]),
    "the same by its name": ("sobel-left", "--padding valid", PRODUCT, [[65]]),
    "the other sign": ("sobel-x", "--padding valid", PRODUCT, [[-65]]),
    "the mirrored kernel convolved": ("-1 0 1; -2 0 2; -1 0 1", "--padding valid --op convolve", PRODUCT, [[65]]),
    # pooling, and what the laws say
    "the largest of nine": ("max-pool:3", "", PRODUCT, [[200]]),
    "the mean of nine": ("avg-pool:3", "", PRODUCT, [[90]]),
    "convolved, cut, pooled": ("1 -1 | relu | max-pool:2", "--padding valid", "5 1 4 2 9\n3 3 1 0 7\n", [[4, 2]]),
    "twice a diagonal": ("2 0; 0 2", "--padding valid", "1 2\n3 4\n", [[10]]),
    "the diagonal, twice": ("1 0; 0 1 | 2", "--padding valid", "1 2\n3 4\n", [[10]]),
    # golden values of our own
    "a step": ("sobel-x", "", STEP, [[0, 0, 0, 80, 80, 0, 0, 0]] * 5),
    "an even kernel hangs on its left tap": (
        "1 2",
        "--padding-mode zeros",
        "0 0 0 0 1 0 0 0 0\n",
        [[0, 0, 0, 2, 1, 0, 0, 0, 0]],
    ),
    "an even kernel convolved": (
        "1 2",
        "--padding-mode zeros --op convolve",
        "0 0 0 0 1 0 0 0 0\n",
        [[0, 0, 0, 0, 1, 2, 0, 0, 0]],
    ),
    "blur, four in the middle": ("blur", "--padding valid", "8 8 8\n8 0 8\n8 8 8\n", [[4]]),
    "blur, eight in the middle": ("blur:center=8", "--padding valid", "12 12 12\n12 0 12\n12 12 12\n", [[4]]),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_examples(name):
    filter_, options, grid, wanted = EXAMPLES[name]
    ran = convcli("apply", "-k", filter_, "-", "-o", "-", *options.split(), stdin=grid)
    assert (ran.code, ran.errors) == (0, [])
    assert ran.grid.tolist() == wanted


def test_whole_numbers_are_printed_without_a_point():
    assert convcli("apply", SCHARP, "-", "--padding", "valid", "-o", "-", stdin=STRIPE).out == b"-4 0 4\n" * 3
    assert convcli("apply", "1/2", "-", stdin="1 2 -3\n").out == b"0.5 1 -1.5\n"


@pytest.mark.parametrize(
    ("words", "stdin", "says"),
    [
        (["apply", "1 1", "-", "-o", "-", "--padding-mode", "mirror"], "1 2 3\n", "symmetric"),
        (["apply", "1 1", "-", "-o", "-", "--padding-mode", "mirror"], "1 2 3\n", "reflect"),
        (["apply", "1 2; 3", "-", "-o", "-"], "1 2 3\n", "row 2"),
        (["apply", "sobelx", "-", "-o", "-"], "1 2 3\n", "sobel-x"),
        (["apply", "1 1", "-", "--dilation", "0"], "1 2 3\n", "dilation"),
        (["shape", "--m", "4", "--k", "7"], "", "7"),
        (["shape", "--m", "9", "--k", "3", "--dilation", "0"], "", "dilation"),
    ],
)
def test_what_has_no_answer(words, stdin, says):
    assert says in refused(*words, stdin=stdin)


def test_the_matrix_of_two_by_two_on_three_by_three():
    ran = convcli("explain", "1 2; 3 4", "--matrix", "--m", "3")
    rows = [
        [1, 2, 0, 3, 4, 0, 0, 0, 0],
        [0, 1, 2, 0, 3, 4, 0, 0, 0],
        [0, 0, 0, 1, 2, 0, 3, 4, 0],
        [0, 0, 0, 0, 1, 2, 0, 3, 4],
    ]
    assert ran.grid.tolist() == rows


@pytest.mark.parametrize(("op", "place"), [("correlate", (3, 3)), ("convolve", (1, 1))])
def test_where_an_impulse_goes(op, place):
    grid = np.zeros((5, 5), int)
    grid[2, 2] = 1
    text = "\n".join(" ".join(map(str, row)) for row in grid)
    got = convcli("apply", "1 0 0; 0 0 0; 0 0 0", "-", "--op", op, "--padding-mode", "zeros", stdin=text).grid
    assert np.argwhere(got).tolist() == [list(place)]
    assert got[place] == 1


def test_a_step_in_a_picture():
    save("step.png", np.array([[10] * 4 + [30] * 4] * 5, np.uint8))
    for filter_ in ("sobel-x", "-1 0 1; -2 0 2; -1 0 1"):
        assert convcli("apply", "-k", filter_, "step.png", "-o", "x.png", "-f").code == 0
        assert load("x.png")[:, :, 0].tolist() == [[0, 0, 0, 80, 80, 0, 0, 0]] * 5


def test_rounding_to_eight_bits():
    ran = convcli("apply", "1", "-", "--depth", "8", "--range", "clip", stdin="0.5 1.5 2.5 300 -3\n")
    assert ran.out == b"0 2 2 255 0\n"


@pytest.mark.parametrize(
    ("mode", "line"),
    [
        ("reflect", "4 3 2 1 2 3 4 3 2 1"),
        ("symmetric", "3 2 1 1 2 3 4 4 3 2"),
        ("edge", "1 1 1 1 2 3 4 4 4 4"),
        ("wrap", "2 3 4 1 2 3 4 1 2 3"),
        ("zeros", "0 0 0 1 2 3 4 0 0 0"),
        ("constant:9", "9 9 9 1 2 3 4 9 9 9"),
        ("mean", "2.5 2.5 2.5 1 2 3 4 2.5 2.5 2.5"),
    ],
)
def test_three_pixels_of_every_padding_mode(mode, line):
    ran = convcli("apply", "1", "-", "--padding", "0,3", "--padding-mode", mode, stdin="1 2 3 4\n")
    assert ran.lines == [line]


@pytest.mark.parametrize(
    ("mode", "line"),
    [
        ("reflect", "4 3 2 1 2 3 4 3 2 1 2 3 4"),
        ("symmetric", "1 1 2 3 4 4 3 2 1 1 2 3 4"),
        ("wrap", "4 1 2 3 4 1 2 3 4 1 2 3 4"),
    ],
)
def test_padding_that_goes_round(mode, line):
    ran = convcli("apply", "1", "-", "--padding", "0,0,9,0", "--padding-mode", mode, stdin="1 2 3 4\n")
    assert ran.lines == [line]


@pytest.mark.parametrize("mode", ["reflect", "symmetric", "edge", "wrap", "mean"])
def test_a_single_pixel_repeats(mode):
    ran = convcli("apply", "1", "-", "--padding", "2", "--padding-mode", mode, stdin="7\n")
    assert ran.lines == ["7 7 7 7 7"] * 5


@pytest.mark.parametrize(
    ("size", "kernel", "options", "out", "unread"),
    [
        ((28, 28), 3, "--stride 2 --padding valid", (13, 13), [1, 1]),
        ((28, 28), 3, "--stride 2 --padding same", (14, 14), [1, 1]),
        ((224, 224), 7, "--stride 2 --padding 3", (112, 112), [1, 1]),
        ((7, 7), 3, "--dilation 2 --padding valid", (3, 3), [0, 0]),
        ((1, 100), 3, "--padding 0,0,2,2", None, None),
        ((100, 100), 3, "--padding full", (102, 102), [0, 0]),
        ((100, 100), 3, "--padding full --stride 2", (51, 51), [1, 1]),
        ((4, 4), 2, "--stride 3 --padding 1", (2, 2), [1, 1]),
        ((480, 640), 5, "--stride 2 --padding 1,2", (239, 320), [1, 1]),
    ],
)
def test_the_size_that_is_told_is_the_size_that_is_written(size, kernel, options, out, unread):
    save("a.png", samples(*size))
    ran = convcli("apply", f"box:{kernel}", "a.png", "-o", "x.png", "--report", "-", *options.split())
    if out is None:
        assert (ran.code, "does not fit" in ran.errors[0]) == (1, True)
        return
    told = convcli("shape", "--m", f"{size[0]}x{size[1]}", "--k", kernel, *options.split(), "--json")
    assert json.loads(told.out)["output"] == [1, *out]
    assert load("x.png").shape == (*out, 1)
    (stage,) = json.loads(ran.out)["stages"]
    assert stage["unread"] == unread == json.loads(told.out)["layers"][0]["unread"]


def test_two_layers_of_three_see_five():
    save("a.png", samples(20, 20))
    ran = convcli("apply", "box:3 | box:3", "a.png", "--report", "-", "--padding", "valid")
    assert json.loads(ran.out)["receptive_field"] == [5, 5]


def test_a_stride_samples_the_dense_result():
    save("a.png", samples(23, 31))
    convcli("apply", "gaussian:1", "a.png", "-o", "dense.png")
    convcli("apply", "gaussian:1", "a.png", "-o", "some.png", "--stride", "3,4")
    assert (load("some.png") == load("dense.png")[::3, ::4]).all()


def test_no_colour_bleeds_out_of_what_is_transparent():
    red, green = (255, 0, 0, 255), (0, 255, 0, 0)
    save("a.png", np.array([[red] * 4 + [green] * 4] * 5, np.uint8))
    assert convcli("apply", "box:3", "a.png", "-o", "x.png").code == 0
    got = load("x.png")
    assert got[:, :, 3].tolist() == [[255, 255, 255, 170, 85, 0, 0, 0]] * 5
    assert (got[:, :5, :3] == red[:3]).all()
    assert (got[:, :, 1] * got[:, :, 3].astype(int) == 0).all()  # never green where anything is seen


def test_sixteen_kernels_over_three_channels():
    np.save("bank.npy", np.zeros((16, 3, 3, 3)))
    save("a.png", samples(9, 9, 3))
    ran = convcli("apply", "bank.npy", "a.png", "-o", "x.npy", "--padding", "valid", "--report", "-")
    assert json.loads(ran.out)["stages"][0]["weights"] == 432
    told = convcli("shape", "--m", "9", "--k", "3", "--in-channels", "3", "--out-channels", "16", "--json")
    assert json.loads(told.out)["parameters"] == 448
    assert json.loads(told.out)["output"] == [16, *np.load("x.npy").shape[:2]]


def test_a_batch_through_a_bank():
    """Pictures of 28x28 and four kernels of 3x3: four maps of 26x26 for each."""
    bank = np.random.default_rng(0).integers(-2, 3, (4, 1, 3, 3)).astype(float)
    np.save("bank.npy", bank)
    names = [save(f"{n}.png", samples(28, 28, seed=n)) for n in range(6)]
    words = ["--padding", "valid", "--range", "none", "--maps", "stack", "-o", "maps", "--format", "npy"]
    assert convcli("apply", "bank.npy", *names, *words).code == 0
    for name in names:
        got = np.load(f"maps/{Path(name).stem}.npy")
        assert got.shape == (26, 26, 4)
        seen = load(name)[5:8, 9:12, 0].astype(float)
        assert got[5, 9].tolist() == [(seen * bank[n, 0]).sum() for n in range(4)]


def test_five_maps_of_three_channels():
    """15 planes, 375 weights; the sum over the channels, and a bias."""
    bank = np.random.default_rng(0).integers(-2, 3, (5, 3, 5, 5)).astype(float)
    np.save("bank.npy", bank)
    save("a.png", samples(10, 10, 3))
    ran = convcli("apply", "bank.npy", "a.png", "-o", "x.npy", "--bias", "0.5", "--report", "-")
    (stage,) = json.loads(ran.out)["stages"]
    assert (stage["weights"], stage["in"], stage["out"]) == (375, [10, 10, 3], [10, 10, 5])
    seen = load("a.png")[2:7, 3:8].astype(float)
    assert np.load("x.npy")[4, 5].tolist() == [(seen.transpose(2, 0, 1) * bank[n]).sum() + 0.5 for n in range(5)]


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("sobel-x", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
        ("sobel-y", [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
        ("sobel-left", [[1, 0, -1], [2, 0, -2], [1, 0, -1]]),
        ("laplacian", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        ("top-edge", [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]),
        ("left-edge", [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]),
        ("diag1-edge", [[0, -1, 1], [-1, 1, 0], [1, 0, 0]]),
        ("diag2-edge", [[1, -1, 0], [0, 1, -1], [0, 0, 1]]),
        ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    ],
)
def test_the_named_kernels_as_an_impulse_shows_them(name, weights):
    grid = "0 0 0 0 0\n0 0 0 0 0\n0 0 1 0 0\n0 0 0 0 0\n0 0 0 0 0\n"
    got = convcli("apply", name, "-", "--op", "convolve", "--padding", "valid", stdin=grid).grid
    assert got.tolist() == weights
