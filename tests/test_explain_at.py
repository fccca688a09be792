"""`convcli explain FILTER IMAGE --at X,Y`: what it tells adds up, and is what `convcli apply` writes there."""

import json
import re
from math import fsum

import naive
import numpy as np
import pytest
from data import picture, weights
from PIL import Image
from test_apply_command import convcli, refused

from convcli import png, raster
from convcli.formula import Formula

pytestmark = pytest.mark.usefixtures("desk")

MODES = ["reflect", "edge", "symmetric", "wrap", "zeros", "constant:7", "mean"]


def text_of(grid, end="\n") -> str:
    return end.join(" ".join(map(str, row)) for row in grid.tolist())


def told(*words, stdin="") -> dict:
    ran = convcli("explain", *words, "--json", stdin=stdin)
    assert (ran.code, ran.errors) == (0, []), ran.errors
    assert len(ran.lines) == 1
    return json.loads(ran.lines[0])


def check_sums(document: dict) -> int:
    """Every step adds up from the numbers it shows, and reads what the step before it gives: so many steps do."""
    given, readers = {}, 0
    for step in document["steps"]:
        for channel in step["channels"]:
            if "planes" not in channel:
                continue
            if step["kind"] == "max":
                wanted = max(v for row in channel["planes"][0]["window"] for v in row if v is not None)
            else:
                sums = []
                for plane in channel["planes"]:
                    products = np.multiply(plane["window"], plane["weights"])
                    assert np.array_equal(products, plane["products"])
                    assert plane["sum"] == fsum(products.ravel())
                    sums.append(plane["sum"])
                wanted = fsum(sums) * step["scale"] + step["bias"]
            assert channel["value"] == pytest.approx(wanted, rel=1e-12, abs=1e-12)
        if "outside" in step:
            shape = (len(step["rows"]), len(step["columns"]))
            assert np.shape(step["outside"]) == shape == tuple(step["kernel"])
        given[step["step"], step["at"]["y"], step["at"]["x"]] = step
    for step in document["steps"]:
        for source, y, x in given:
            if step["of"] != source or "rows" not in step or y not in step["rows"] or x not in step["columns"]:
                continue
            if step["step"] == "the same filter over alpha":  # what comes before it there is not shown
                continue
            row, column = step["rows"].index(y), step["columns"].index(x)
            read = [channel["planes"][0]["window"][row][column] for channel in step["channels"]]
            made = [channel["value"] for channel in given[source, y, x]["channels"]]
            if given[source, y, x]["kind"] == "unweigh":  # alpha is not filtered
                made.pop()
            assert read == pytest.approx(made, rel=1e-4, abs=2e-3)
            readers += 1
    return readers


# ---------------------------------------------------------------- grids: every window


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(8))
def test_a_window_of_a_grid_is_the_one_of_the_definition(mode, seed):
    rng = np.random.default_rng([seed, 3])
    grid = rng.integers(-9, 10, rng.integers(2, 9, 2))
    matrix = rng.integers(-4, 5, rng.integers(1, 5, 2))
    dilation, stride = rng.integers(1, 3, 2), rng.integers(1, 4, 2)
    least = int(max(0, *(dilation * (np.array(matrix.shape) - 1) + 1 - grid.shape)))
    op, bias = ("correlate", "convolve")[seed % 2], [0, 2.5][seed // 2 % 2]
    anchor = [int(rng.integers(k)) for k in matrix.shape]
    pads = [int(pad) for pad in rng.integers(0, 4, 4) + least]
    padding = ["same", "full", tuple(pads)][seed % 3]
    written = padding if isinstance(padding, str) else ",".join(map(str, padding))
    options = ["--padding", written, "--padding-mode", mode, "--op", op, "--bias", bias]
    options += ["--anchor", f"{anchor[0]},{anchor[1]}"]
    options += ["--stride", f"{stride[0]},{stride[1]}", "--dilation", f"{dilation[0]},{dilation[1]}"]
    value = 7.0 if mode.startswith("constant") else 0.0
    name = mode.partition(":")[0]
    wanted = naive.filtered(grid[:, :, None], matrix, stride, dilation, padding, name, value, op, tuple(anchor), bias)[
        :, :, 0
    ]
    turned = matrix[::-1, ::-1] if op == "convolve" else matrix
    own = [k - 1 - a for k, a in zip(matrix.shape, anchor, strict=True)] if op == "convolve" else anchor
    sides = naive.amounts(padding, matrix.shape, dilation, own)
    padded = naive.padded(grid[:, :, None], sides, name, value)[:, :, 0]
    inside = naive.padded(np.ones((*grid.shape, 1)), sides, "zeros")[:, :, 0]
    for y, x in {(0, 0), (wanted.shape[0] - 1, wanted.shape[1] - 1), tuple(rng.integers(0, wanted.shape))}:
        document = told("-k", text_of(matrix, ";"), "-", "--at", f"{x},{y}", *options, stdin=text_of(grid))
        (step,) = document["steps"]
        (channel,) = step["channels"]
        ys = y * stride[0] + dilation[0] * np.arange(matrix.shape[0])
        xs = x * stride[1] + dilation[1] * np.arange(matrix.shape[1])
        window = np.array(channel["planes"][0]["window"])
        assert np.allclose(window, padded[np.ix_(ys, xs)], rtol=0, atol=1e-12)
        assert (np.array(step["outside"]) == (inside[np.ix_(ys, xs)] == 0)).all()
        assert channel["planes"][0]["weights"] == turned.tolist()
        assert step["rows"] == (ys - sides[0]).tolist()
        assert step["columns"] == (xs - sides[2]).tolist()
        assert document["channels"][0]["value"] == pytest.approx(wanted[y, x], rel=0, abs=1e-9)
        assert document["out"] == list(wanted.shape)
        check_sums(document)


# ---------------------------------------------------------------- pictures: what apply writes


def make_pictures() -> None:
    """Pictures of many modes, each with every eighth sample an extreme one."""
    for name, channels in (("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)):
        pixels = np.ascontiguousarray(picture(13, 17, channels, seed=channels))
        Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels, name).save(f"{name}.png")
        deep = np.ascontiguousarray(picture(13, 17, channels, "uint16", seed=channels))
        with open(f"{name}16.png", "wb") as stream:
            png.write(stream, deep, [], compression="fast", threads=1)
    opaque = np.ascontiguousarray(picture(13, 17, 4, seed=9))
    opaque[:, :, 3] = 255
    Image.fromarray(opaque, "RGBA").save("opaque.png")
    np.save("stack.npy", picture(11, 12, 3, "float64"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_pictures()
        np.save("planes.npy", weights(3, 3, 2))
        np.save("bank.npy", weights(4, 3, 2, 3, whole=False))
    return folder


FILTERS = [
    "sobel-x",
    "box:3",
    "box:2",
    "gaussian:0.8",
    "sobel",
    "sobel-angle",
    "harris:sigma=0.5",
    "local-std:3",
    "unsharp",
    "laplacian",
    "gaussian:0.6 | sobel-x",
    "box:3,stride=2 | relu | max-pool:2",
    "box:3 | threshold:100",
    "sobel-y | abs | avg-pool:2",
    "sobel | square | sqrt",
    "max-pool:3,padding=1,stride=2",
    "1 2; 3 4:op=convolve,dilation=2 | box:2,padding=full",
    "identity",
]
READING = [text for text in FILTERS if re.search(r"\|.*(pool|sobel|box)", text)]  # windows of what the first step gives
OPTIONS = [
    [],
    ["--range", "offset"],
    ["--range", "stretch"],
    ["--range", "clip", "--depth", "16"],
    ["--stride", "2,3"],
    ["--padding-mode", "zeros", "--bias", "9"],
    ["--padding-mode", "mean", "--stride", "2"],
    ["--channels", "gray"],
    ["--alpha", "keep"],
    ["--alpha", "filter", "--range", "abs"],
    ["--alpha", "drop", "--depth", "8"],
    ["--range", "none", "--depth", "float"],
]


NAMES = ["L", "LA", "RGB", "RGBA", "L16", "LA16", "RGB16", "RGBA16", "opaque", "stack"]
# each filter and each option several times over, never all pairs
MIXED = [
    (n, FILTERS[n % len(FILTERS)], NAMES[(n * 3 + n // 7) % len(NAMES)], OPTIONS[(n * 5 + n // 18) % len(OPTIONS)])
    for n in range(90)
]
REFUSED = {51}  # a bias for a pool


@pytest.mark.parametrize(("seed", "filter_", "name", "options"), MIXED)
def test_what_it_tells_is_what_apply_writes(seed, filter_, name, options, pictures, desk):
    source = pictures / (f"{name}.npy" if name == "stack" else f"{name}.png")
    output = "out.npy" if name == "stack" or "none" in options else "out.png"
    applied = convcli("apply", filter_, source, "-o", output, "-q", *options)
    assert (applied.code != 0) == (seed in REFUSED)
    if applied.code:  # what apply refuses is refused in the same words
        assert refused("explain", filter_, source, "--at", "0,0", *options) == applied.errors[0]
        return
    written = raster.read(desk / output).pixels
    height, width = written.shape[:2]
    rng, readers = np.random.default_rng([seed, 5]), 0
    for y, x in [(0, 0), (height - 1, width - 1), *(rng.integers(0, (height, width)) for _ in range(3))]:
        document = told(filter_, source, "--at", f"{x},{y}", *options)
        assert [channel["value"] for channel in document["channels"]] == written[y, x].tolist()
        assert document["out"] == [height, width]
        readers += check_sums(document)
    assert readers or filter_ not in READING


@pytest.mark.parametrize("filter_", ["planes.npy", "bank.npy", "bank.npy | relu | max-pool:2"])
def test_planes_are_summed_and_a_bank_gives_its_maps(filter_, pictures, desk):
    filter_ = f"{pictures}/{filter_}"
    source = pictures / "RGB.png"
    applied = convcli("apply", filter_, source, "-o", "out.npy", "-q", "--stride", "2", "--range", "none")
    assert (applied.code, applied.errors) == (0, [])
    written = np.load("out.npy")
    written = written.reshape(*written.shape[:2], -1)
    for y, x in ((0, 0), (2, 3), (written.shape[0] - 1, written.shape[1] - 1)):
        document = told(filter_, source, "--at", f"{x},{y}", "--stride", "2", "--range", "none")
        values = [channel["value"] for channel in document["channels"]]
        assert values == pytest.approx(written[y, x].tolist(), rel=1e-6)
        assert {len(channel["planes"]) for channel in document["steps"][0]["channels"]} == {3}
        assert check_sums(document) == ("|" in filter_)


# ---------------------------------------------------------------- numbers that are none, or nearly too large


def odd_grid(kind: str) -> np.ndarray:
    """(9, 11), or a stack of three, with what sums cannot hold in the middle."""
    grid = np.random.default_rng(6).normal(size=(9, 11))
    if kind in ("huge", "three"):
        grid = np.clip(grid, -1.7, 1.7) * 1e308
        return np.stack([grid, np.abs(grid), -grid[::-1]], 2) if kind == "three" else grid
    if kind == "full":
        return np.full((9, 11), 1.7e308)
    wrong = {"inf": [np.inf], "-inf": [-np.inf], "nan": [np.nan], "both": [np.inf, -np.inf], "all": [np.inf, np.nan]}
    for n, value in enumerate(wrong[kind]):
        grid[4, 5 + 2 * n] = value
    return grid


def finite(values) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in np.ravel(values).tolist()]


ODD = ["box:3", "sobel-x", "gaussian:1", "log:1", "1 2; 3 4", "identity", "box:3*-1", "max-pool:3,stride=1", "harris"]
ODD += ["box:3 | relu | laplacian"]


RULES = [["--bias", "2.5"], ["--range", "stretch"], ["--range", "abs", "--depth", "8"]]
KINDS = ["inf", "-inf", "nan", "both", "all", "huge", "full", "three"]
MIXED_ODD = [(kind, filter_, RULES[(m + n) % 3]) for m, kind in enumerate(KINDS) for n, filter_ in enumerate(ODD)]
REFUSED_ODD = {("nan", "max-pool:3,stride=1"), ("huge", "max-pool:3,stride=1")}  # a bias for a pool


@pytest.mark.parametrize(("kind", "filter_", "options"), [*MIXED_ODD, ("three", "planes.npy", [])])
def test_sums_that_no_float_holds_are_told_as_apply_writes_them(kind, filter_, options, pictures, desk):
    filter_ = f"{pictures}/{filter_}" if filter_ == "planes.npy" else filter_
    np.save("odd.npy", odd_grid(kind))
    applied = convcli("apply", filter_, "odd.npy", "-o", "out.npy", "-q", *options)
    assert (applied.code != 0) == ((kind, filter_) in REFUSED_ODD)
    if applied.code:
        assert refused("explain", filter_, "odd.npy", "--at", "0,0", *options) == applied.errors[0]
        return
    written = np.load("out.npy")
    for x, y in ((5, 4), (6, 4), (8, 5)):
        document = told(filter_, "odd.npy", "--at", f"{x},{y}", *options)
        assert [channel["value"] for channel in document["channels"]] == finite(written[y, x])
        last = document["steps"][-1]["channels"]
        least = 1e294 if kind in ("huge", "three", "full") else 1e-9
        for own, end in zip(last, document["channels"], strict=True):
            assert own["value"] == (end["sum"] and pytest.approx(end["sum"], rel=1e-6, abs=least)), (x, y)
        ran = convcli("explain", filter_, "odd.npy", "--at", f"{x},{y}", *options)
        assert (ran.code, ran.errors) == (0, [])
        said = re.search(r"\)\sis\s(.*?)\.(?:\n\n)", "\n".join(ran.lines[1:]), re.S)[1]
        assert [words.split()[-1] for words in said.split(",")] == [f"{v + 0.0:.6g}" for v in np.ravel(written[y, x])]


def test_what_is_added_up_is_what_is_told(desk):
    np.save("odd.npy", odd_grid("both"))
    lines = lines_of("sobel-x", "odd.npy", "--at", "6,4")
    assert "  the products add up to -inf" in lines
    assert any(re.search(r"4 \| +inf .* -inf +-2 +0 +2 +-inf .* -inf$", line) for line in lines), lines
    lines = lines_of("sobel-x", "odd.npy", "--at", "5,4")  # a weight of zero reads nothing
    assert any(re.search(r"4 \| .* inf .* -2 +0 +2 .* 0\.000 +[-0-9.]+$", line) for line in lines), lines
    lines = lines_of("max-pool:3,stride=1,padding=1", "odd.npy", "--at", "0,0")
    assert "nothing" in "".join(lines)
    lines = lines_of("box:3", "odd.npy", "--scale", "-1", "--at", "4,4")
    assert "  the products add up to inf; times 1/-9 that is -inf" in lines


def test_a_colour_is_told_as_none_where_alpha_is_but_rounding(desk):
    """The colour far from what can be seen is 0 and no quotient, as it is written; nearer it is one."""
    pixels = np.full((60, 60, 4), 200, np.uint8)
    pixels[..., 3] = 0
    pixels[:30, :30, 3] = 255
    Image.fromarray(pixels).save("b.png")
    assert convcli("apply", "gaussian:2", "b.png", "-o", "out.npy", "--range", "none").code == 0
    written, formulas = np.load("out.npy"), {}
    for at in (35, 36, 37, 38):
        document = told("gaussian:2", "b.png", "--at", f"{at},{at}", "--range", "none")
        assert [channel["value"] for channel in document["channels"]] == finite(written[at, at])
        step = next(step for step in document["steps"] if step["kind"] == "unweigh")
        formulas[at] = [channel["formula"] for channel in step["channels"][:3]]
        for channel in step["channels"]:
            assert Formula.parse(channel["formula"], [], "it").evaluate({}) == pytest.approx(channel["value"], rel=1e-5)
    assert written[35, 35, 0] == pytest.approx(200)
    assert all(" / " in words for words in formulas[35])
    assert written[36, 36, 3] > written[37, 37, 3] > 0  # there is some alpha, but less than rounding may leave
    assert formulas[36] == formulas[37] == formulas[38] == ["0"] * 3


# ---------------------------------------------------------------- for people


def lines_of(*words, stdin="") -> list[str]:
    ran = convcli("explain", *words, stdin=stdin)
    assert (ran.code, ran.errors) == (0, [])
    assert max(map(len, ran.lines)) <= 80
    return ran.lines


STEP = text_of(np.repeat([[10, 30]], 8, axis=0).repeat(4, axis=1))


def test_the_story_of_a_step():
    """Column 3 of a step from 10 to 30, Sobel along x: 80, with every number on the way."""
    lines = lines_of("sobel-x", "-", "--at", "3,0", stdin=STEP)
    assert lines[1] == "Column 3, row 0 of the result (8 rows of 8 columns, counted from 0) is 80."
    assert [line.split() for line in lines if "|" in line] == [
        ["|", "2", "3", "4", "weights", "products"],
        ["-1", "|", "[10]", "[10]", "[30]", "-1", "0", "1", "-10", "0", "30"],
        ["0", "|", "10", "10", "30", "-2", "0", "2", "-20", "0", "60"],
        ["1", "|", "10", "10", "30", "-1", "0", "1", "-10", "0", "30"],
    ]
    assert "  the products add up to 80" in lines
    assert any("reflect" in line for line in lines)


def test_scale_bias_range_and_rounding_are_told(desk):
    Image.fromarray(np.full((3, 3), 100, np.uint8)).save("flat.png")
    text = " ".join(
        line.strip() for line in lines_of("box:3", "flat.png", "--at", "1,1", "--bias", "-30.5", "--range", "offset")
    )
    assert "add up to 900; times 1/9 that is 100; with the bias -30.5 it is 69.5" in text
    assert "adds 127.5" in text
    assert re.search(r"gray +69.5 +162.25 +162 +162", text)


@pytest.mark.parametrize(
    ("grid", "rule", "row"),
    [
        ("-1.234567e-5", "abs", "value  -1.23457e-05  1.23457e-05  1.23457e-05"),
        ("-1.234567e-105", "offset", "value  -1.23457e-105        0.5        0.5"),
        ("-98765432101234", "clip", "value  -98765432101234          0"),
        ("80", "abs", "value         80         80          1"),
    ],
)
def test_numbers_of_the_levels_never_touch(grid, rule, row):
    lines = lines_of("identity", "-", "--at", "0,0", "--range", rule, stdin=grid)
    at = next(n for n, line in enumerate(lines) if line.startswith("  value "))
    assert lines[at] == f"  {row}"
    heads = list(re.finditer(r"\S+", lines[at - 1]))
    assert [head.end() for head in heads] == [cell.end() for cell in re.finditer(r"\S+", lines[at])][1:]


def test_each_step_of_a_chain_has_its_window_and_says_whose_numbers_it_reads():
    lines = lines_of("1 2 1 | 1 -1 | relu", "-", "--at", "2,2", "--stride", "2", stdin=STEP)
    heads = [line for line in lines if " at column " in line]
    assert heads == ["relu at column 2, row 2", "matrix at column 2, row 2", "matrix at column 4, row 4"]
    assert any("of what matrix gives" in line for line in lines)


def test_a_composite_shows_its_formula_with_numbers():
    lines = lines_of("sobel", "-", "--at", "3,3", stdin=STEP)
    formula = next(line for line in lines if line.startswith("  value  hypot("))
    words, value = formula.split("value")[1].split(" = ")
    assert Formula.parse(words, [], "it").evaluate({}) == float(value) == 80


@pytest.mark.parametrize("taps", [(5, 5), (5, 1), (1, 9), (9, 9), (31, 31), (1, 101), (101, 1)])
@pytest.mark.parametrize("whole", [True, False])
def test_a_page_is_eighty_columns_wide(taps, whole, desk):
    """Of a large window the middle is shown, and the sum of each row."""
    np.savetxt("k.txt", weights(*taps, whole=whole), fmt="%.17g")
    deep = np.ascontiguousarray(picture(40, 50, 1, "uint16"))
    with open("deep.png", "wb") as stream:
        png.write(stream, deep, [], compression="fast", threads=1)
    lines = lines_of("./k.txt", "deep.png", "--at", "0,0")
    is_cut = any("..." in line for line in lines)
    if max(taps) <= 5:
        assert not is_cut
    if max(taps) > 15:
        assert is_cut
    if is_cut and taps[0] > 1:
        text = " ".join(line.strip() for line in lines)
        sums = text.partition("from the first to the last, add up to ")[2].partition(" the products")[0].split(", ")
        assert len(sums) == taps[0]


def test_padding_that_no_weight_reaches_is_not_explained():
    lines = lines_of("box:3", "-", "--at", "3,3", stdin=STEP)
    assert not any("bracket" in line for line in lines)


def test_a_window_that_lies_wholly_outside():
    document = told("1 2 | 3 4", "-", "--at", "0,0", "--padding", "3", "--padding-mode", "zeros", stdin=STEP)
    assert document["steps"][-1]["channels"][0]["value"] == 0
    assert np.array(document["steps"][-1]["outside"]).all()
    assert len(document["steps"]) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sobel-x", "g.txt"], "--at X,Y"),
        (["sobel-x", "--at", "1,1"], "IMAGE"),
        (["sobel-x", "g.txt", "--at", "8,0"], "g.txt: at 8,0 lies outside the result of 8 columns and 8 rows"),
        (["sobel-x", "g.txt", "--at", "0,8"], "outside"),
        (["sobel-x", "g.txt", "--at", "0"], "X,Y"),
        (["sobel-x", "g.txt", "--at", "0,1,2"], "X,Y"),
        (["sobel-x", "g.txt", "--at", "-1,0"], "too small"),
        (["sobel-x", "g.txt", "--at", "a,0"], "whole number"),
        (["sobel-x", "g.txt", "h.txt", "--at", "0,0"], "one IMAGE"),
        (["sobel-x", "g.txt", "--at", "0,0", "--m", "3"], "--matrix"),
        (["sobel-x", "g.txt", "--at", "0,0", "-o", "x.npy"], "--matrix"),
        (["sobel-x", "g.txt", "--at", "0,0", "--matrix", "--m", "3"], "--matrix takes"),
        (["sobelx", "g.txt", "--at", "0,0"], "sobel-x"),
        (["gaussian:9", "g.txt", "--at", "0,0", "--padding", "valid"], "does not fit"),
        (["sobel-x", "g.txt", "--at", "0,0", "--anchor", "3,3"], "anchor"),
        (["relu", "g.txt", "--at", "0,0", "--stride", "2"], "stride"),
        (["sobel-x", "g.txt", "--at", "0,0", "--channels", "purple"], "channels"),
    ],
)
def test_what_cannot_be_explained(words, says, desk):
    (desk / "g.txt").write_text(STEP)
    (desk / "h.txt").write_text(STEP)
    assert says in refused("explain", *words)


def test_a_picture_that_cannot_be_read_ends_with_one(desk):
    ran = convcli("explain", "sobel-x", "none.png", "--at", "0,0")
    assert (ran.code, ran.out) == (1, b"")
    assert ran.errors == ["convcli: none.png: no such file or directory"]


def test_a_single_row_is_one_row():
    ran = convcli("explain", "1 2 3", "-", "--padding", "valid", "--at", "0,0", stdin=b"4 5 6\n")
    assert "of the result (1 row of 1 column, counted from 0) is 32." in ran.out.decode().replace("\n", " ")


def test_a_wide_kernel_is_cut_to_the_page_at_once(monkeypatch, desk):
    """Not by trying every width from its own on: a kernel of 801 columns took minutes."""
    from convcli.explain import story

    tried = []
    cells = story._cells
    monkeypatch.setattr(story, "_cells", lambda table, ys, xs: tried.append(len(xs)) or cells(table, ys, xs))
    ran = convcli("explain", "gaussian:30", "-", "--at", "1,0", stdin="1 2 3\n4 5 7\n")
    assert ran.code == 0
    assert max(map(len, ran.lines)) <= 80
    assert 3 < max(tried) <= 42
