"""`convcli explain --matrix`: the matrix it prints, times the picture, is what `convcli apply` gives."""

import numpy as np
import pytest
from test_apply_command import convcli, refused

pytestmark = pytest.mark.usefixtures("desk")


def text_of(grid, end="\n") -> str:
    return end.join(" ".join(map(str, row)) for row in grid.tolist())


def both(filter_: str, grid: np.ndarray, *options: str) -> tuple[np.ndarray, np.ndarray]:
    """The matrix times the picture, and what apply makes of it."""
    told = convcli("explain", "-k", filter_, "--matrix", "--m", "x".join(map(str, grid.shape)), *options)
    assert (told.code, told.errors) == (0, [])
    matrix = told.grid
    outside = [] if "--padding" in options else ["--padding", "valid"]
    outside += [] if "--padding-mode" in options else ["--padding-mode", "zeros"]
    applied = convcli("apply", "-k", filter_, "-", *options, *outside, stdin=text_of(grid))
    assert (applied.code, applied.errors) == (0, [])
    assert matrix.shape == (applied.grid.size, grid.size)
    return matrix @ grid.ravel(), applied.grid.ravel()


MODES = ["zeros", "reflect", "edge", "symmetric", "wrap", "mean", "constant:0"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(12))
def test_the_matrix_does_what_apply_does(mode, seed):
    rng = np.random.default_rng([seed, 7])
    grid = rng.integers(-9, 10, rng.integers(2, 8, 2))
    weights = rng.integers(-4, 5, rng.integers(1, 5, 2))
    dilation, stride = rng.integers(1, 3, 2), rng.integers(1, 4, 2)
    reach = dilation * (np.array(weights.shape) - 1) + 1
    least = int(max(0, *(reach - grid.shape)))
    pads = rng.integers(0, 4, 4) + least
    anchor = [int(rng.integers(k)) for k in weights.shape]
    options = [
        ["--padding", ",".join(map(str, pads))],
        ["--padding", "full"],
        ["--padding", "same", "--anchor", f"{anchor[0]},{anchor[1]}"],
    ][seed % 3]
    options += ["--stride", f"{stride[0]},{stride[1]}", "--dilation", f"{dilation[0]},{dilation[1]}"]
    options += ["--op", ("correlate", "convolve")[seed % 2], "--padding-mode", mode]
    got, wanted = both(text_of(weights, ";"), grid, *options)
    if mode == "mean":
        assert np.allclose(got, wanted, rtol=0, atol=1e-9)
    else:
        assert got.tolist() == wanted.tolist()
    assert wanted.any() or not weights.any() or not grid.any()


def test_it_pads_nothing_unless_told():
    grid = np.arange(20).reshape(4, 5)
    got, wanted = both("1 2; 3 4", grid)
    assert (got == wanted).all()
    assert got.size == 12


@pytest.mark.parametrize(
    ("spelled", "options"),
    [
        ("box:2", []),
        ("gaussian:1", ["--padding", "same", "--padding-mode", "reflect"]),
        ("0.1 -1/3", []),
        ("1 2; 3 4:stride=2", []),
        ("1 2; 3 4:op=convolve,padding=full", []),
        ("sobel-x:dilation=2,padding_mode=edge", ["--padding", "2"]),
        ("shift:dx=1", ["--padding", "same"]),
    ],
)
def test_names_fractions_and_windows_of_a_step(spelled, options):
    grid = np.random.default_rng(1).integers(-9, 10, (6, 7))
    got, wanted = both(spelled, grid, *options)
    assert np.allclose(got, wanted, rtol=0, atol=1e-9)


def test_the_lines_of_the_matrix():
    """Each line is the one before it moved on by a sample, and there is a block of them for each row."""
    ran = convcli("explain", "1 2 3; 4 5 6", "--matrix", "--m", "3x5")
    assert ran.lines[0] == "1 2 3 0 0 4 5 6 0 0 0 0 0 0 0"
    for n, line in enumerate(ran.lines):
        shift = n % 3 + n // 3 * 5
        assert (np.array(line.split(), int) == np.roll(np.array(ran.lines[0].split(), int), shift)).all()
    assert len(ran.lines) == 6


def test_commas_between_the_numbers():
    plain = convcli("explain", "1 -2.5", "--matrix", "--m", "1x3")
    commas = convcli("explain", "1 -2.5", "--matrix", "--m", "1x3", "--csv")
    assert plain.out == b"1 -2.5 0\n0 1 -2.5\n"
    assert commas.out == b"1,-2.5,0\n0,1,-2.5\n"


@pytest.mark.parametrize("name", ["m.npy", "m.csv", "m.tsv", "m.txt", "M.NPY"])
def test_a_matrix_in_a_file_is_the_one_on_the_page(name, desk):
    words = ("1 -2.5; 0.1 3", "--matrix", "--m", "4x3", "--stride", "2,1", "--padding", "1")
    page = convcli("explain", *words)
    ran = convcli("explain", *words, "-o", name)
    assert (ran.code, ran.out, ran.errors) == (0, b"", [])
    separator = {"csv": ",", "tsv": "\t"}.get(name[-3:])
    matrix = np.load(name) if name.lower().endswith("npy") else np.loadtxt(name, delimiter=separator)
    assert matrix.dtype == np.float64
    assert matrix.shape == (12, 12)
    assert (matrix == page.grid).all()


def test_a_matrix_replaces_nothing_in_silence(desk):
    words = ("explain", "1 2", "--matrix", "--m", "1x3", "-o", "m.npy")
    assert convcli(*words).code == 0
    again = convcli(*words)
    assert (again.code, again.errors) == (1, ["convcli: m.npy: exists already (-f overwrites)"])
    assert convcli(*words, "-f").code == 0
    assert ".npy" in refused(*words[:-1], "m.png")
    assert convcli(*words[:-1], "none/m.npy").code == 3


def test_a_single_weight_is_the_unit_matrix():
    assert (convcli("explain", "1", "--matrix", "--m", "3x2").grid == np.eye(6)).all()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "FILTER"),
        (["1 2", "-k", "1 2", "--matrix", "--m", "3"], "FILTER"),
        (["1 2"], "--matrix"),
        (["1 2", "--matrix"], "--m"),
        (["1 2", "--m", "3"], "--matrix"),
        (["1 2", "--matrix", "--m", "0"], "m"),
        (["1 2", "--matrix", "--m", "3x"], "m"),
        (["1 2", "--matrix", "--m", "nan"], "m"),
        (["1 2; 3 4", "--matrix", "--m", "1"], "does not fit"),
        (["1 2", "--matrix", "--m", "3", "--stride", "0"], "stride"),
        (["1 2", "--matrix", "--m", "3", "--dilation", "0"], "dilation"),
        (["1 2", "--matrix", "--m", "3", "--padding-mode", "mirror"], "symmetric"),
        (["1 2", "--matrix", "--m", "3", "--padding", "1", "--padding-mode", "constant:5"], "constant"),
        (["1 2", "--matrix", "--m", "3", "--anchor", "0,5"], "anchor"),
        (["1 2 | 3 4", "--matrix", "--m", "3"], "chain"),
        (["sobel", "--matrix", "--m", "3"], "one kernel"),
        (["max-pool:2", "--matrix", "--m", "3"], "one kernel"),
        (["relu", "--matrix", "--m", "3"], "one kernel"),
        (["bank.npy", "--matrix", "--m", "3"], "plane"),
        (["sobelx", "--matrix", "--m", "3"], "sobel-x"),
        (["1 2; 3", "--matrix", "--m", "3"], "row 2"),
        (["-1 2", "--matrix", "--m", "3"], "-k"),
        (["1 2", "--matrix", "--m", "100x100"], "limit"),
        (["1 2", "--matrix", "--m", "999999999x999999999"], "limit"),
        (["1 2", "--matrix", "--m", "3", "--padding", "99999999"], "limit"),
    ],
)
def test_what_has_no_matrix(words, says):
    np.save("bank.npy", np.ones((2, 3, 3, 3)))
    line = refused("explain", *words)
    assert says in line


def test_a_constant_outside_that_is_never_read_does_not_matter():
    ran = convcli("explain", "1 2", "--matrix", "--m", "1x2", "--padding", "valid", "--padding-mode", "constant:5")
    assert ran.lines == ["1 2"]


def test_a_bias_is_not_left_out_in_silence():
    """The matrix has no place for it, so a filter that has one is refused, or the bias told."""
    ran = convcli("explain", "1 2:bias=3", "--matrix", "--m", "1x2")
    assert "bias" in "".join(ran.errors)
