"""`convcli learn` as its user meets it: kernels that are drawn at random, applied, and found again from the files."""

import json
import shlex
import tomllib
from pathlib import Path

import naive
import numpy as np
import pytest
from test_apply_command import convcli, load, refused, save

from convcli import library

pytestmark = pytest.mark.usefixtures("desk")


def drawn(seed: int, *shape: int, gain: float = 0.5) -> np.ndarray:
    """Weights that leave most samples of a picture within the levels."""
    weights = np.random.default_rng([seed, *shape]).normal(0, gain / np.sqrt(np.prod(shape)), shape)
    weights[..., shape[-2] // 2, shape[-1] // 3] += gain
    return weights


def noise(seed: int, *shape: int, dtype: str = "uint8") -> np.ndarray:
    """Half smooth, half noise, within the middle levels."""
    rng, white = np.random.default_rng([seed, *shape]), np.iinfo(dtype).max
    slopes = np.add.outer(np.sin(np.arange(shape[0]) / 9), np.cos(np.arange(shape[1]) / 7))[:, :, None] / 4
    wave = slopes.reshape(shape[:2] + (1,) * (len(shape) - 2)) + rng.random(shape) * 0.8
    return np.clip((wave + 0.1) * white * 0.6, 0, white).astype(dtype)


def written(name: str, weights: np.ndarray) -> str:
    np.save(name, weights)
    return name


def found(name: str = "found.toml") -> np.ndarray:
    """The weights of a kernel file, as `apply` reads them."""
    return library.parse(name)[0].filter.kernel.weights


CASES = [
    ((5, 5), []),
    ((3, 4), ["--stride", "2,1"]),
    ((4, 1), ["--dilation", "1,2", "--op", "convolve"]),
    ((2, 5), ["--padding", "valid", "--stride", "1,3"]),
    ((3, 3), ["--padding", "full", "--dilation", "3", "--padding-mode", "wrap"]),
    ((5, 3), ["--padding", "1,2,0,3", "--padding-mode", "constant:200"]),
    ((2, 2), ["--anchor", "1,0", "--padding-mode", "mean"]),
    ((3, 5), ["--padding-mode", "symmetric", "--op", "convolve", "--anchor", "2,1"]),
    ((5, 4), ["--padding-mode", "zeros", "--stride", "3,2", "--padding", "2"]),
    ((1, 6), ["--padding-mode", "edge", "--op", "convolve"]),
]


@pytest.mark.parametrize(("size", "window"), CASES, ids=lambda part: "x".join(map(str, part)) if part else "plain")
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_kernel_is_found_from_what_apply_wrote(desk, size, window, dtype):
    kernel, bias = drawn(len(window), *size), 7.25 * (1 if dtype == "uint8" else 257)
    shape = (47, 61, 3) if dtype == "uint8" else (47, 61)
    before = save("before.png", noise(3, *shape, dtype=dtype))
    assert convcli("apply", written("k.npy", kernel), before, *window, "--bias", bias, "-o", "after.png").code == 0
    k = "x".join(map(str, size))
    ran = convcli("learn", before, "after.png", "--k", k, *window, "-o", "found.toml")
    assert (ran.code, ran.errors) == (0, [])
    close = 0.02 if dtype == "uint8" else 1e-4
    assert np.abs(found() - kernel).max() < close
    again = ran.lines[-1].removeprefix("apply").split()
    assert convcli(*again[1:]).code == 0
    assert np.abs(load("again.png").astype(int) - load("after.png")).max() <= 1


@pytest.mark.parametrize(("size", "window"), CASES, ids=lambda part: "x".join(map(str, part)) if part else "plain")
def test_grids_give_it_to_all_digits(desk, size, window):
    kernel = drawn(1, *size)
    np.savetxt("before.txt", noise(4, 40, 37))
    assert (
        convcli("apply", written("k.npy", kernel), "before.txt", *window, "--bias", "-3", "-o", "after.csv").code == 0
    )
    ran = convcli("learn", "before.txt", "after.csv", "--k", "x".join(map(str, size)), *window, "--json")
    assert (ran.code, ran.errors) == (0, [])
    told = json.loads(ran.out)
    assert np.abs(np.array(told["weights"]) - kernel).max() < 1e-7
    assert abs(told["bias"] + 3) < 1e-6
    assert told["linear"]
    assert told["notes"] == []


def test_the_report_and_the_file(desk):
    before = save("photo.png", noise(5, 50, 70, 3))
    weights = np.array([[0, 0.5172, 0], [0.2533, 1, -0.4911], [0, -0.2637, 0]])
    assert convcli("apply", written("k.npy", weights), before, "-o", "after.png").code == 0
    ran = convcli("learn", before, "after.png", "--k", "3", "-o", "found.toml")
    assert ran.lines[0] == "photo.png  50x70 RGB -> after.png  50x70 RGB  (3x3, same, reflect)"
    table = np.array([line.split() for line in ran.lines[2:5]], float)
    assert np.abs(table - weights).max() < 0.003
    words = [line.split()[0] for line in ran.lines[6:]]
    assert words == ["bias", "samples", "residual", "explains", "agree", "weights", "apply"]
    clipped = int(((load("after.png") == 0) | (load("after.png") == 255)).sum())
    assert clipped > 0
    assert f"10,500, {clipped:,} of them clipped and left out" in ran.lines[7]
    assert "rounding alone leaves 0.29" in ran.lines[8]
    assert all(len(line) <= 80 for line in ran.lines[:-1])
    text = Path("found.toml").read_text()
    table = tomllib.loads(text)
    assert text.startswith("# convcli apply found.toml photo.png")
    assert table["title"] == "Learned from photo.png and after.png"
    assert table["range"] == "clip"
    assert convcli("learn", before, "after.png", "--k", "3", "-q").out == b""


def test_what_json_holds(desk):
    before = save("a.png", noise(6, 30, 40))
    kernel = drawn(2, 2, 3)
    convcli("apply", written("k.npy", kernel), before, "-o", "b.png")
    told = json.loads(convcli("learn", before, "b.png", "--k", "2x3", "--json", "-o", "k.toml").out)
    assert set(told) == {
        *("kernel", "weights", "anchor", "bias", "errors", "channels", "unknowns", "condition", "samples", "clipped"),
        *("rms", "max", "agree", "explained", "linear", "notes", "output", "apply"),
    }
    assert (told["kernel"], told["anchor"], told["unknowns"]) == ([2, 3], [0, 1], 7)
    assert (told["samples"], told["channels"], told["output"]) == (1200, "each", "k.toml")
    errors = np.array(told["errors"])
    assert errors.shape == (2, 3)
    assert (np.abs(np.array(told["weights"]) - kernel) < 5 * errors).all()
    assert 0.2 < told["rms"] < 0.35
    assert told["max"] < 0.75
    assert told["agree"] > 0.97
    assert told["condition"] > 1
    sums = naive.filtered(load("a.png"), np.array(told["weights"]), bias=told["bias"])
    agreed = (np.clip(np.rint(sums), 0, 255) == load("b.png")).mean()
    assert told["agree"] == pytest.approx(agreed, abs=1e-3)


@pytest.mark.parametrize("suffix", ["txt", "csv", "npy", "toml"])
def test_every_kind_of_kernel_file_works_in_apply(desk, suffix):
    before, kernel = save("a.png", noise(7, 30, 40, 3)), drawn(3, 4, 3)
    convcli("apply", written("k.npy", kernel), before, "--anchor", "0,2", "-o", "b.png", "--bias", "4")
    ran = convcli("learn", before, "b.png", "--k", "4x3", "--anchor", "0,2", "-o", f"found.{suffix}")
    assert np.abs(found(f"found.{suffix}") - kernel).max() < 0.02
    assert convcli(*shlex.split(ran.lines[-1])[2:]).code == 0
    assert np.abs(load("again.png").astype(int) - load("b.png")).max() <= 1


def test_the_kernel_alone_on_standard_output(desk):
    before = save("a.png", noise(8, 30, 40))
    convcli("apply", "gaussian:0.5", before, "-o", "b.png")
    ran = convcli("learn", before, "b.png", "--k", "3", "-o", "-")
    assert tomllib.loads(ran.out.decode())["range"] == "clip"
    assert any(line.startswith("apply ") for line in ran.errors)


def test_planes_are_summed_to_one_map(desk):
    before, kernel = save("a.png", noise(9, 40, 50, 3)), drawn(4, 3, 3, 2, gain=0.25)
    convcli("apply", written("k.npy", kernel), before, "--bias", "9", "-o", "b.png")
    assert load("b.png").shape == (40, 50, 1)
    ran = convcli("learn", before, "b.png", "--k", "3x2", "--channels", "sum", "-o", "found.toml")
    assert np.abs(found() - kernel).max() < 0.02
    assert convcli(*shlex.split(ran.lines[-1])[2:]).code == 0
    assert np.abs(load("again.png").astype(int) - load("b.png")).max() <= 1


def test_a_bank_is_found_from_its_maps(desk):
    np.save("a.npy", noise(10, 30, 35, 3).astype(float))
    kernel = drawn(5, 4, 3, 2, 3)
    convcli("apply", written("k.npy", kernel), "a.npy", "--bias", "2", "-o", "b.npy", "--op", "convolve")
    words = ["--k", "2x3", "--channels", "sum", "--op", "convolve"]
    ran = convcli("learn", "a.npy", "b.npy", *words, "-o", "found.toml", "--json")
    assert ran.errors == []
    assert np.abs(found() - kernel).max() < 1e-6
    assert json.loads(ran.out)["bias"] == pytest.approx(2, abs=1e-5)


def test_luma(desk):
    before, kernel = save("a.png", noise(11, 40, 50, 3)), drawn(6, 3, 3)
    convcli("apply", written("k.npy", kernel), before, "--channels", "gray", "--range", "clip", "-o", "b.png")
    ran = convcli("learn", before, "b.png", "--k", "3", "--channels", "gray", "-o", "found.toml")
    assert np.abs(found() - kernel).max() < 0.02
    assert convcli(*shlex.split(ran.lines[-1])[2:]).code == 0
    assert np.abs(load("again.png").astype(int) - load("b.png")).max() <= 1


def test_several_pairs_are_one_problem(desk):
    """Each pair varies along one axis alone, and leaves the other open."""
    kernel, names = drawn(7, 3, 3), []
    for n, ramp in enumerate((noise(12, 1, 60).repeat(50, axis=0), noise(13, 50, 1).repeat(60, axis=1))):
        names += [save(f"a{n}.png", ramp), f"b{n}.png"]
        convcli("apply", written("k.npy", kernel), names[-2], "-o", names[-1])
    assert "cannot determine" in refused("learn", *names[:2], "--k", "3", code=1)
    mixed = save("c.png", noise(14, 20, 60))
    convcli("apply", "k.npy", mixed, "-o", "d.png")
    told = json.loads(convcli("learn", *names, mixed, "d.png", "--k", "3", "--json").out)
    assert np.abs(np.array(told["weights"]) - kernel).max() < 0.02
    assert told["samples"] == 2 * 3000 + 1200


@pytest.mark.parametrize(("size", "name"), [(1, "0.5"), (3, "gaussian:0.4"), (5, "binomial-5"), (7, "box:7")])
def test_the_size_is_found(desk, size, name):
    before = save("a.png", noise(15, 60, 50))
    convcli("apply", name, before, "-o", "b.png")
    told = json.loads(convcli("learn", before, "b.png", "--json").out)
    assert told["kernel"] == [size, size]


@pytest.mark.parametrize(("padding", "k"), [("valid", [4, 7]), ("full", [2, 3]), ("0,2,1,1", [6, 1])])
def test_the_size_is_told_by_the_sizes(desk, padding, k):
    before = save("a.png", noise(16, 60, 50))
    convcli("apply", written("k.npy", drawn(8, *k)), before, "--padding", padding, "-o", "b.png")
    told = json.loads(convcli("learn", before, "b.png", "--padding", padding, "--json").out)
    assert told["kernel"] == k


def test_a_bias_that_is_given_stays(desk):
    before = save("a.png", noise(17, 40, 50))
    convcli("apply", "gaussian:0.6", before, "--bias", "10", "-o", "b.png")
    told = json.loads(convcli("learn", before, "b.png", "--k", "5", "--bias", "10", "--json").out)
    assert (told["bias"], told["unknowns"]) == (10, 25)
    assert told["rms"] < 0.35
    off = json.loads(convcli("learn", before, "b.png", "--k", "5", "--bias", "0", "--json").out)
    assert off["bias"] == 0
    assert off["rms"] > 0.5


def test_offset_is_half_of_it_around_mid_grey(desk):
    before, kernel = save("a.png", noise(18, 40, 50)), drawn(9, 3, 3) * 2
    convcli("apply", written("k.npy", kernel), before, "--range", "offset", "-o", "b.png")
    told = json.loads(convcli("learn", before, "b.png", "--k", "3", "--json").out)
    assert np.abs(np.array(told["weights"]) - kernel / 2).max() < 0.01
    assert abs(told["bias"] - 127.5) < 1


@pytest.mark.parametrize(
    ("name", "under", "options"),
    [
        ("box:3", 9, []),
        ("binomial-5", 256, ["--stride", "2,1"]),
        ("sobel-x", 2, ["--range", "offset"]),
        ("0 0.2 0; -0.3 0.9 0.1; 0 0.05 0", 20, ["--bias", "9"]),
    ],
)
def test_weights_that_were_drawn_by_hand_are_found_exactly(desk, name, under, options):
    before = save("a.png", noise(28, 60, 70, 3))
    convcli("apply", name, before, *options, "-o", "b.png")
    window = options[:2] * (options[:1] == ["--stride"])
    ran = convcli("learn", before, "b.png", "--k", "5" if name == "binomial-5" else "3", *window, "-o", "found.toml")
    half = 0.5 if "offset" in options else 1
    assert np.array_equal(found(), np.rint(library.parse(name)[0].filter.kernel.weights * under * half) * (1 / under))
    assert any(line.startswith(f"weights    multiples of 1/{under}, known to") for line in ran.lines)
    assert convcli(*shlex.split(ran.lines[-1])[2:]).code == 0
    assert (load("again.png") == load("b.png")).mean() > 0.99


def test_signs_that_were_lost_are_told(desk):
    before = save("a.png", noise(29, 60, 70))
    convcli("apply", "sobel-x", before, "-o", "b.png")
    assert "--range abs" in " ".join(" ".join(convcli("learn", before, "b.png", "--k", "3").lines).split())


def test_stretched_values_are_told(desk):
    before = save("a.png", noise(19, 40, 50))
    convcli("apply", "sobel-x", before, "--range", "stretch", "-o", "b.png")
    ran = convcli("learn", before, "b.png", "--k", "3")
    assert any("--range stretch" in line for line in ran.lines)
    convcli("apply", "sobel-x", before, "--range", "offset", "-o", "c.png")
    assert not any("stretch" in line for line in convcli("learn", before, "c.png", "--k", "3").lines)


def test_depths_differ(desk):
    before, kernel = save("a.png", noise(20, 40, 50)), drawn(10, 3, 3)
    convcli("apply", written("k.npy", kernel), before, "--depth", "16", "--bias", "5", "-o", "b.png")
    ran = convcli("learn", before, "b.png", "--k", "3", "-o", "found.toml")
    assert np.abs(found() - kernel).max() < 1e-3
    assert convcli(*shlex.split(ran.lines[-1])[2:]).code == 0
    assert np.abs(load("again.png").astype(int) - load("b.png")).max() <= 1
    convcli("apply", "k.npy", before, "-o", "c.npy")
    told = json.loads(convcli("learn", before, "c.npy", "--k", "3", "--json").out)
    assert np.abs(np.array(told["weights"]) - kernel).max() < 1e-5
    assert (told["clipped"], told["agree"]) == (0, None)


# ---------------------------------------------------------------- doubts


def filtered_by_hand(kind: str, pixels: np.ndarray) -> np.ndarray:
    blurred = naive.filtered(pixels, np.full((3, 3), 1 / 9), mode="edge" if kind == "border" else "reflect")
    if kind == "median":
        seen = [np.roll(np.roll(pixels, y, 0), x, 1) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        return np.median(seen, axis=0).astype(np.uint8)
    if kind == "gamma":
        blurred = 255 * (blurred / 255) ** 0.4
    return np.rint(blurred).astype(np.uint8)


@pytest.mark.parametrize(
    ("kind", "word"),
    [("median", "not linear, as a median"), ("gamma", "follows the level"), ("border", "--padding-mode")],
)
def test_what_is_no_linear_filter_is_told(desk, kind, word):
    pixels = noise(21, 60, 70, 1)
    pixels[8:30, 5:50] //= 4
    before = save("a.png", pixels[:, :, 0])
    save("b.png", filtered_by_hand(kind, pixels)[:, :, 0])
    ran = convcli("learn", before, "b.png", "--k", "3", "-o", "found.toml")
    assert ran.code == 0
    assert word in " ".join(" ".join(ran.lines).split())
    assert not json.loads(convcli("learn", before, "b.png", "--k", "3", "--json").out)["linear"]
    assert word in refused("learn", before, "b.png", "--k", "3", "--strict", "-o", "other.toml", code=1)
    assert not Path("other.toml").exists()


def test_a_picture_that_tells_little_is_told(desk):
    smooth = (100 + 90 * np.sin(np.arange(60) / 20)[:, None] * np.cos(np.arange(50) / 15)).astype(np.uint8)
    before = save("a.png", smooth)
    convcli("apply", "box:5", before, "-o", "b.png")
    ran = convcli("learn", before, "b.png", "--k", "5")
    assert any("only to within" in line for line in ran.lines)
    even = json.loads(convcli("learn", before, "b.png", "--k", "5", "--symmetry", "isotropic", "--json").out)
    plain = json.loads(convcli("learn", before, "b.png", "--k", "5", "--json").out)
    assert even["unknowns"] == 7
    assert np.mean(even["errors"]) < np.mean(plain["errors"]) / 1.2


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.full((20, 20), 9, np.uint8), "is flat"),
        # a slope: the columns of a window are alike, its three rows are not, as those at the mirrored ends differ
        (np.arange(20, dtype=np.uint8).repeat(20).reshape(20, 20), "tells 3 of 9 weights apart"),
    ],
)
def test_pairs_that_do_not_determine_it(desk, pixels, says):
    before = save("a.png", pixels)
    convcli("apply", "0.5", before, "--bias", "40", "-o", "b.png")
    line = refused("learn", before, "b.png", "--k", "3", "-o", "found.toml", code=1, stdin=b"")
    assert "a.png: cannot determine the kernel" in line
    assert says in line
    assert not Path("found.toml").exists()
    ran = convcli("learn", before, "b.png", "--k", "3", "--ridge", "1e-3", "--json")
    assert (ran.code, ran.errors) == (0, [])


def test_too_few_samples(desk):
    before = save("a.png", noise(22, 4, 5))
    convcli("apply", "box", before, "-o", "b.png")
    assert "20 samples" in refused("learn", before, "b.png", "--k", "5", code=1)
    save("white.png", np.full((4, 5), 255, np.uint8))
    assert "b.png" not in refused("learn", before, "white.png", "--k", "1", code=1)
    assert "0 samples" in refused("learn", before, "white.png", "--k", "1", code=1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a.png"], "pairs"),
        (["a.png", "b.png", "a.png"], "pairs"),
        (["a.png", "b.png", "--k", "0"], "k: 0 is too small"),
        (["a.png", "b.png", "--k", "3", "--stride", "2"], "20x30, and a 3x3 kernel makes 10x15 of 20x30 (--stride 1 "),
        (["a.png", "half.png", "--k", "3"], "half.png: is 10x15, and a 3x3 kernel makes 20x30 of 20x30 (--stride 2 "),
        (["a.png", "inner.png", "--k", "3"], "is 18x28, and a 3x3 kernel makes 20x30 of 20x30 (--padding valid "),
        (["a.png", "odd.png", "--k", "3"], "odd.png: is 13x29, and a 3x3 kernel makes 20x30 of 20x30"),
        (["a.png", "odd.png", "--padding", "full"], "odd.png: is 13 high, and no kernel"),
        (["a.png", "odd.png", "--padding", "valid", "--stride", "2"], "give --k"),
        (["rgb.png", "b.png", "--k", "3"], "--channels"),
        (["rgb.png", "b.png", "a.png", "b.png", "--k", "3", "--channels", "sum"], "pairs differ"),
        (["a.png", "rgb.png", "--k", "3", "--channels", "gray"], "gray"),
        (["a.png", "b.png", "--k", "3", "--rank", "0"], "rank"),
        (["a.png", "b.png", "--k", "3", "--rank", "1", "--symmetry", "even"], "rank and symmetry"),
        (["a.png", "b.png", "--k", "3x5", "--symmetry", "isotropic"], "square"),
        (["a.png", "b.png", "--k", "1", "--symmetry", "odd"], "odd"),
        (["a.png", "b.png", "--k", "3", "--ridge", "-1"], "ridge"),
        (["a.png", "b.png", "--k", "3", "--anchor", "3,0"], "anchor"),
        (["a.png", "b.png", "--anchor", "0,0"], "--k"),
        (["rgb.png", "b.png", "--channels", "sum"], "--k"),
        (["a.png", "b.png", "--k", "3", "-o", "found.png"], "no format of kernels"),
        (["a.png", "b.png", "--k", "3", "-o", "-", "--json"], "not both"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused(desk, words, says):
    save("a.png", noise(23, 20, 30))
    save("rgb.png", noise(23, 20, 30, 3))
    save("odd.png", noise(23, 13, 29))
    convcli("apply", "box", "a.png", "-o", "b.png")
    convcli("apply", "box", "a.png", "-o", "half.png", "--stride", "2")
    convcli("apply", "box", "a.png", "-o", "inner.png", "--padding", "valid")
    assert says in refused("learn", *words)


def test_files_that_cannot_be_used(desk):
    before = save("a.png", noise(24, 20, 30))
    clear = np.full((20, 30, 4), 200, np.uint8)
    clear[3, 4, 3] = 90
    save("clear.png", clear)
    assert "clear.png: is transparent" in refused("learn", "clear.png", before, "--k", "3", code=1)
    assert "gone.png" in refused("learn", "gone.png", before, "--k", "3", code=1)
    Path("nan.txt").write_text("1 2 3\n4 5 6\n7 8 x\n")
    assert "nan.txt" in refused("learn", "nan.txt", before, "--k", "3", code=1)
    Path("found.toml").write_text("mine")
    assert "exists already" in refused("learn", before, before, "--k", "1", "-o", "found.toml", code=1)
    assert Path("found.toml").read_text() == "mine"
    assert convcli("learn", before, before, "--k", "1", "-o", "found.toml", "-f", "-q").code == 0
    assert found().item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("k", [["--k", "3"], ["--k", "3", "--rank", "1"], []])
def test_numbers_whose_squares_no_float_holds_are_refused(desk, k):
    before = np.random.default_rng(5).normal(size=(20, 31))
    after = before[:, ::-1].copy()
    after[3, 4] = np.nan  # what is unknown counts for nothing
    for sign in (1, -1):
        wrong = after.copy()
        wrong[5, 6] = sign * np.inf
        np.save("before.npy", before)
        np.save("wrong.npy", wrong)
        said = refused("learn", "before.npy", "wrong.npy", *k, code=1)
        assert said == "convcli: wrong.npy: holds numbers that are infinite (nan stands for what is unknown)"
    for factor in (1e-300, 1e-70, 1e70, 1e307):
        np.save("wrong.npy", before * factor)
        np.save("after.npy", after)
        for pair in (("wrong.npy", "after.npy"), ("before.npy", "wrong.npy")):
            assert "wrong.npy: its largest number is " in refused("learn", *pair, *k, code=1)
    for first in (1e-59, 1, 1e59):
        for second in (1e-59, 0, 1, 1e59):
            np.save("before.npy", before * first)
            np.save("after.npy", after * second)
            assert convcli("learn", "before.npy", "after.npy", *k, "-q").code == 0, (first, second)


def test_an_opaque_picture_is_what_its_colours_are(desk):
    pixels = np.full((20, 30, 4), 255, np.uint8)
    pixels[:, :, :3] = noise(25, 20, 30, 3)
    before = save("a.png", pixels)
    convcli("apply", "gaussian:0.5", before, "-o", "b.png")
    assert load("b.png").shape[2] == 4
    ran = convcli("learn", before, "b.png", "--k", "5", "-o", "found.toml")
    assert np.abs(found() - library.parse("gaussian:0.5")[0].filter.kernel.weights).max() < 0.02
    assert "RGBA" in ran.lines[0]


def test_opencv(desk):
    cv2 = pytest.importorskip("cv2")
    pixels, kernel = noise(26, 60, 80, 3), drawn(11, 4, 5)
    before = save("a.png", pixels)
    after = cv2.filter2D(pixels, -1, kernel, anchor=(1, 2), delta=7, borderType=cv2.BORDER_REPLICATE)
    save("b.png", after)
    ran = convcli("learn", before, "b.png", "--k", "4x5", "--anchor", "2,1", "--padding-mode", "edge", "-o", "k.toml")
    assert np.abs(found("k.toml") - kernel).max() < 0.02
    assert not any("residual of" in line for line in ran.lines)
