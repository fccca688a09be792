"""What the page `api.md` says of the functions, one promise after the other."""

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import naive
import numpy as np
import pytest
from data import picture, weights

import convcli
from convcli import api
from convcli.border import Border
from convcli.errors import ConvError, FilterError, GeometryError, InputError, OutputError
from convcli.filters import Filter, Kernel, Step

SOBEL_X = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
DTYPES = ("uint8", "uint16", "int16", "int32", "float32", "float64")


def flat(pixels) -> np.ndarray:
    """(H, W) of a picture of one channel."""
    return pixels[:, :, 0]


# ---------------------------------------------------------------- the names, and what they cost


ERRORS = ["ConvError", "FilterError", "GeometryError", "InputError", "OutputError"]
FUNCTIONS = ["apply", "convolve", "corners", "correlate", "kernel", "learn", "open", "plan", "save", "shape"]


def test_all_is_exact():
    assert sorted(convcli.__all__) == [*ERRORS, *FUNCTIONS]
    assert sorted(dir(convcli)) == sorted([*convcli.__all__, "__version__"])
    for name in convcli.__all__:
        assert getattr(convcli, name).__doc__, f"{name} has no docstring"
    assert set(FUNCTIONS) <= set(api.__all__)


def test_version_and_unknown_names():
    assert convcli.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="module 'convcli' has no attribute 'aply'"):
        convcli.aply  # noqa: B018


def _loaded_after(code: str) -> set[str]:
    """Top-level names of the modules that a fresh interpreter has loaded after some code."""
    code += "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    root = str(Path(convcli.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": root}
    )
    assert done.stderr == ""
    *printed, names = done.stdout.splitlines()
    assert printed == [], "something was printed"
    return set(json.loads(names))


def test_importing_is_cheap():
    loaded = _loaded_after("import convcli; convcli.ConvError; dir(convcli)")
    assert not loaded & {"numpy", "scipy", "PIL", "click", "tomllib", "importlib.metadata"}


def test_arrays_need_neither_pillow_nor_click_nor_scipy():
    code = "import convcli, numpy; convcli.apply(numpy.ones((9, 8), 'uint8'), 'sobel-x | box:3', stride=2)"
    loaded = _loaded_after(code)
    assert "numpy" in loaded
    assert not loaded & {"scipy", "PIL", "click"}


def test_options_are_by_keyword_and_have_the_defaults_of_the_page():
    signature = inspect.signature(convcli.apply)
    positional = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    keywords = {p.name: p.default for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert positional == ["pixels", "filter"]
    assert keywords == {
        "stride": 1,
        "dilation": 1,
        "padding": "same",
        "padding_mode": "reflect",
        "anchor": None,
        "op": "correlate",
        "bias": 0,
        "range": None,
        "linear": False,
        "method": "auto",
        "threads": None,
    }
    with pytest.raises(TypeError):
        convcli.apply(picture(3, 3), SOBEL_X, 2)


# ---------------------------------------------------------------- the lines of the example


def test_a_chain_by_name():
    pixels = picture(12, 15, 3)
    found = convcli.apply(pixels, "box:3 | sobel-x", stride=2)
    wanted = naive.filtered(naive.filtered(pixels, np.ones((3, 3)) / 9), SOBEL_X, (2, 2))
    assert found == pytest.approx(wanted, rel=0, abs=1e-3)


def test_correlate_with_all_options():
    pixels, matrix = picture(13, 15, 2), weights(2, 3)
    found = convcli.correlate(pixels, matrix, stride=(2, 1), padding="valid", dilation=2, bias=0.5)
    wanted = naive.filtered(pixels, matrix, (2, 1), (2, 2), "valid", bias=0.5)
    assert found == pytest.approx(wanted, rel=0, abs=1e-3)
    assert found.shape == (6, 11, 2)


def test_convolve_turns_the_kernel():
    pixels, matrix = picture(7, 9, 2), weights(2, 4)
    options = {"padding_mode": "wrap", "anchor": (1, 0)}
    found = convcli.convolve(pixels, matrix, **options)
    assert (found == naive.filtered(pixels, matrix, mode="wrap", op="convolve", anchor=(1, 0))).all()
    assert (found == convcli.apply(pixels, matrix, op="convolve", **options)).all()
    assert (found != convcli.correlate(pixels, matrix, **options)).any()


def test_plan_touches_no_pixels_and_says_how():
    plan = convcli.plan((480, 640), "disk:9", dtype="uint8")
    assert plan.method in ("direct", "separable", "toeplitz", "fft")
    assert plan.macs == 480 * 640 * 19 * 19
    assert [stage.size_out for stage in plan.stages] == [(480, 640, 1)]
    assert plan.method in str(plan)
    assert "disk" in str(plan)
    assert convcli.plan((10**6, 10**6, 3), SOBEL_X, dtype=np.uint16, stride=(2, 5)).signal.shape == (
        500_000,
        200_000,
        3,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("filter_", ["sobel-x", "threshold:0.5 | box:5 | laplacian", "gaussian:2", "sobel"])
def test_plan_is_what_apply_does(dtype, filter_, monkeypatch):
    made = []

    def compile_chain(*args, **options):
        made.append(compile_chain.own(*args, **options))
        return made[-1]

    compile_chain.own = api.compile_chain
    planned = convcli.plan((21, 17, 3), filter_, dtype=dtype, stride=2, bias=3)
    monkeypatch.setattr(api, "compile_chain", compile_chain)
    convcli.apply(picture(21, 17, 3, dtype), filter_, stride=2, bias=3)
    assert str(planned) == str(made[0])
    assert planned.stages == made[0].stages


def test_shape_is_the_geometry():
    size = convcli.shape((28, 28), kernel=3, stride=2)
    assert (size.out, size.unread, size.padding) == ((13, 13), (1, 1), (0, 0, 0, 0))
    size = convcli.shape((480, 640), kernel=(3, 5), padding=(1, 2), dilation=(1, 2), stride=(2, 3))
    assert (size.out, size.padding) == ((240, 212), (1, 1, 2, 2))
    assert convcli.shape((9, 9), kernel=(2, 4), padding="same").padding == (0, 1, 1, 2)
    assert convcli.shape((9, 9), kernel=(2, 4), padding="same", anchor=(1, 0)).padding == (1, 0, 0, 3)
    assert convcli.shape((9, 7), kernel=3, padding=(0, 1, 2, 3)).out == (8, 10)


def test_kernel_is_read_only_and_knows_itself():
    kernel = convcli.kernel("sobel-x")
    assert kernel.weights.tolist() == SOBEL_X
    assert (kernel.sum, kernel.rank) == (0, 1)
    with pytest.raises(ValueError, match="read-only"):
        kernel.weights[0, 0] = 9
    assert convcli.kernel("box:3").weights == pytest.approx(np.full((3, 3), 1 / 9))
    assert convcli.kernel("1 2; 3 4").rank == 2
    for text in ("box:3 | sobel-x", "sobel", "relu", "max-pool:2"):
        with pytest.raises(FilterError, match="no single kernel"):
            convcli.kernel(text)


def test_weights_given_are_copied():
    matrix = np.ones((3, 3))
    kernel = Kernel(matrix)
    matrix[:] = 7
    assert kernel.weights.sum() == 9
    assert matrix.flags.writeable


def test_open_and_save(tmp_path):
    from PIL import Image

    pixels = np.ascontiguousarray(picture(5, 7, 3))
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    img = convcli.open(tmp_path / "photo.png")
    assert (img.pixels == pixels).all()
    assert (img.mode, img.white, img.alpha) == ("RGB", 255, False)
    convcli.save(img, str(tmp_path / "out.png"))
    assert (convcli.open(str(tmp_path / "out.png")).pixels == pixels).all()
    with pytest.raises(InputError, match=r"none\.png"):
        convcli.open(tmp_path / "none.png")
    with pytest.raises(ConvError):
        convcli.save(img, tmp_path / "out.png")  # it is there
    with pytest.raises(OutputError):
        convcli.save(img, tmp_path / "nowhere" / "out.png")


@pytest.mark.parametrize("shape", [(0, 5), (5, 0, 3), (2, 3, 0), (4,), (1, 2, 3, 4)])
@pytest.mark.parametrize("name", ["x.png", "x.npy"])
def test_what_is_no_picture_is_not_saved(tmp_path, shape, name):
    with pytest.raises(ConvError, match=f"of shape {re.escape(str(shape))}, wanted numbers"):
        convcli.save(np.zeros(shape), tmp_path / name)
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- what a filter may be


def test_every_way_to_say_the_same_filter(tmp_path):
    pixels = picture(8, 9)
    wanted = naive.filtered(pixels, SOBEL_X)
    (tmp_path / "mine.txt").write_text("-1 0 1\n-2 0 2\n-1 0 1\n")
    np.save(tmp_path / "mine.npy", np.array(SOBEL_X))
    ways = [
        "sobel-x",
        "-1 0 1; -2 0 2; -1 0 1",
        "[[-1,0,1],[-2,0,2],[-1,0,1]]",
        str(tmp_path / "mine.txt"),
        tmp_path / "mine.txt",
        tmp_path / "mine.npy",
        SOBEL_X,
        tuple(map(tuple, SOBEL_X)),
        np.array(SOBEL_X, "int8"),
        np.array(SOBEL_X, "float32").T.copy().T,
        Kernel(SOBEL_X),
        Filter("mine", (Step("it", Kernel(SOBEL_X)),)),
    ]
    for way in ways:
        assert (convcli.apply(pixels, way) == wanted).all(), way


# ---------------------------------------------------------------- shapes and dtypes


def test_shapes():
    grey, colour = picture(9, 11), picture(9, 11, 3)
    cases = {
        "plain": (flat(grey), weights(2, 3), (9, 11)),
        "one channel": (grey, weights(2, 3), (9, 11, 1)),
        "colours": (colour, weights(2, 3), (9, 11, 3)),
        "planes": (colour, weights(3, 2, 3), (9, 11)),
        "a plane": (flat(grey), weights(1, 2, 3), (9, 11)),
        "bank": (colour, weights(5, 3, 2, 3), (9, 11, 5)),
        "bank of one": (colour, weights(1, 3, 2, 3), (9, 11, 1)),
        "bank over grey": (flat(grey), weights(5, 1, 2, 3), (9, 11, 5)),
    }
    found = {name: convcli.correlate(pixels, matrix).shape for name, (pixels, matrix, _) in cases.items()}
    assert found == {name: shape for name, (_, _, shape) in cases.items()}


@pytest.mark.parametrize("dtype", DTYPES)
def test_planes_and_banks_are_those_of_the_definition(dtype):
    pixels, planes, bank = picture(9, 11, 3, dtype), weights(3, 2, 3), weights(5, 3, 2, 3)
    assert np.squeeze(convcli.correlate(pixels, planes)) == pytest.approx(
        flat(naive.filtered(pixels, planes)), rel=1e-6, abs=1e-3
    )
    assert convcli.correlate(pixels, bank, stride=(1, 2)) == pytest.approx(
        naive.filtered(pixels, bank, (1, 2)), rel=1e-6, abs=1e-3
    )


def test_a_stack_goes_through_a_bank():
    stack = np.stack([picture(9, 11, 3, seed=n) for n in range(4)])
    bank = weights(5, 3, 2, 3)
    found = convcli.correlate(stack, bank, stride=2)
    assert found.shape == (4, 5, 6, 5)
    for one, pixels in zip(found, stack, strict=True):
        assert (one == naive.filtered(pixels, bank, (2, 2))).all()
    with pytest.raises(ConvError, match="no picture"):
        convcli.correlate(stack[:0], bank)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("matrix", [weights(2, 3), weights(2, 3, whole=False)], ids=["whole", "fractions"])
def test_sums_come_as_they_are_in_float(dtype, matrix):
    pixels = picture(9, 11, 2, dtype)
    found, wanted = convcli.correlate(pixels, matrix), naive.filtered(pixels, matrix)
    if dtype == "float64":
        assert found.dtype == np.float64
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12)
    elif dtype in ("uint8", "int16", "float32", "uint16"):
        assert found.dtype == np.float32
        assert found == pytest.approx(wanted, rel=2**-24, abs=1e-3)
    else:
        assert found.dtype.kind == "f"
        assert found == pytest.approx(wanted, rel=2**-24, abs=1e-3)


def test_whole_sums_beyond_float32_are_exact():
    pixels = picture(9, 11, 1, "int32")
    found = convcli.correlate(pixels, weights(2, 3))
    assert (found == naive.filtered(pixels, weights(2, 3))).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32"])
@pytest.mark.parametrize("rule", ["clip", "abs", "offset", "stretch"])
def test_a_range_gives_the_dtype_of_the_pixels_rounded_once(dtype, rule):
    pixels, white = picture(9, 11, 2, dtype), float(np.iinfo(dtype).max)
    found = convcli.apply(pixels, "0.25 0.5; -0.25 0.25", range=rule)
    sums = naive.filtered(pixels, [[0.25, 0.5], [-0.25, 0.25]])
    mapped = {
        "clip": lambda: sums,
        "abs": lambda: np.abs(sums),
        "offset": lambda: sums / 2 + white / 2,
        "stretch": lambda: (sums - sums.min()) * white / (sums.max() - sums.min()),
    }[rule]()
    assert found.dtype == dtype
    off = 0.51 if rule == "stretch" else 0
    assert np.abs(found - (mapped if off else np.clip(np.rint(mapped), 0, white))).max() <= off


@pytest.mark.parametrize("dtype", DTYPES)
def test_pixels_are_never_written_to_and_need_not_be_contiguous(dtype):
    pixels = np.asfortranarray(picture(12, 10, 3, dtype))
    before = pixels.copy()
    for view in (pixels, pixels[::-1, ::2], pixels.transpose(1, 0, 2), pixels[:, :, ::-1], pixels[3:, 1:, 1]):
        for filter_ in ("identity", "relu", "sobel", "max-pool:2", weights(2, 3)):
            again = convcli.apply(np.ascontiguousarray(view), filter_)
            assert np.array_equal(convcli.apply(view, filter_), again)
    assert (pixels == before).all()
    pixels.flags.writeable = False
    convcli.apply(pixels, "identity", range="stretch" if pixels.dtype.kind != "f" else None)


def test_the_result_is_a_new_array_even_where_nothing_is_done():
    pixels = np.ascontiguousarray(picture(4, 5, 3, "float32"))
    for filter_ in ("identity", [[1]]):
        found = convcli.apply(pixels, filter_)
        assert not np.shares_memory(found, pixels)
        assert found.flags.writeable


def test_bytes_in_the_other_order_are_the_same_picture():
    pixels = picture(6, 7, 2, "uint16")
    assert (convcli.apply(pixels.astype(">u2"), SOBEL_X) == convcli.apply(pixels.astype("<u2"), SOBEL_X)).all()


@pytest.mark.parametrize("threads", [None, 1, 2, 5])
def test_threads_change_nothing(threads):
    pixels = picture(900, 800, 3)
    wanted = naive.filtered(pixels[:12], np.ones((3, 5)))[:10]
    assert (convcli.apply(pixels, np.ones((3, 5)), threads=threads)[:10] == wanted).all()
    assert threads is not None or convcli.api.usable_cores() >= 1


# ---------------------------------------------------------------- padding in all its spellings


@pytest.mark.parametrize(
    ("padding", "pads"),
    [
        (2, (2, 2, 2, 2)),
        (0, (0, 0, 0, 0)),
        (np.int64(1), (1, 1, 1, 1)),
        ((1, 2), (1, 1, 2, 2)),
        ([0, 3], (0, 0, 3, 3)),
        ((4, 3, 2, 1), (4, 3, 2, 1)),
        (np.array([4, 3, 2, 1]), (4, 3, 2, 1)),
        ("2", (2, 2, 2, 2)),
        ("1,2", (1, 1, 2, 2)),
        ("4,3,2,1", (4, 3, 2, 1)),
    ],
    ids=str,
)
def test_padding_in_pixels(padding, pads):
    pixels, matrix = picture(6, 7), weights(2, 3)
    wanted = naive.filtered(pixels, matrix, padding=pads, mode="symmetric")
    for mode in ("symmetric", "half-sample", Border("symmetric")):
        assert (convcli.correlate(pixels, matrix, padding=padding, padding_mode=mode) == wanted).all()


@pytest.mark.parametrize("stride", [(2, 3), [2, 3], np.array([2, 3]), (np.int32(2), np.uint8(3))], ids=repr)
def test_pairs_may_be_any_sequence_of_whole_numbers(stride):
    pixels, matrix = picture(9, 11), weights(2, 3)
    found = convcli.correlate(pixels, matrix, stride=stride, dilation=stride, anchor=(1, 0))
    assert (found == naive.filtered(pixels, matrix, (2, 3), (2, 3), anchor=(1, 0))).all()
    assert (convcli.correlate(pixels, matrix, stride=np.int64(2)) == naive.filtered(pixels, matrix, (2, 2))).all()


# ---------------------------------------------------------------- errors

WRONG = [
    (GeometryError, {"stride": 0}, "stride 0 is too small, at least 1"),
    (GeometryError, {"dilation": (1, 0)}, "dilation 0 is too small.*1 is dense"),
    (GeometryError, {"padding": -1}, "padding -1 is too small"),
    (GeometryError, {"op": "cross"}, "op cross is neither correlate nor convolve"),
    (GeometryError, {"padding": "valid", "dilation": 9}, "does not fit: it is 19 high .3 taps, dilation 9.*input 6"),
    (GeometryError, {"anchor": (-1, 0)}, "anchor -1 is too small"),
    (ConvError, {"anchor": (0, 3)}, "anchor 0,3 lies outside the kernel of 3x3"),
    (ConvError, {"stride": (1, 2, 3)}, "stride is .1, 2, 3., wanted a whole number or a pair"),
    (ConvError, {"stride": 1.5}, "stride"),
    (ConvError, {"stride": "two"}, "stride"),
    (ConvError, {"dilation": (2, 2.5)}, "dilation"),
    (ConvError, {"padding": (1, 2, 3)}, "padding"),
    (ConvError, {"padding": 1.5}, "padding"),
    (ConvError, {"padding": (1, 2, 3, 4, 5)}, "padding"),
    (ConvError, {"padding": "most"}, '"most" is none of same, valid, full'),
    (ConvError, {"padding": None}, "padding"),
    (ConvError, {"padding_mode": "mirror"}, "reflect .*symmetric"),
    (ConvError, {"padding_mode": "refelct"}, "did you mean reflect"),
    (ConvError, {"method": "fastest"}, 'method "fastest" is not known'),
    (ConvError, {"range": "squash"}, 'range "squash" is none of'),
    (ConvError, {"bias": float("nan")}, "bias"),
    (ConvError, {"bias": float("inf")}, "bias"),
    (ConvError, {"bias": "much"}, "bias"),
]


@pytest.mark.parametrize(("kind", "options", "message"), WRONG, ids=str)
def test_wrong_options_are_errors_in_words(kind, options, message):
    with pytest.raises(ConvError, match=message) as error:
        convcli.apply(picture(6, 7), SOBEL_X, **options)
    assert isinstance(error.value, kind)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.ones(5), r"pixels have shape \(5,\), wanted \(H, W\) or \(H, W, C\)"),
        (np.ones((0, 5)), r"pixels have shape \(0, 5\)"),
        (np.ones((3, 5, 0)), r"pixels have shape \(3, 5, 0\)"),
        (np.ones((1, 2, 3, 4, 5)), "pixels have shape"),
        (np.ones((3, 5), "int64"), "pixels are int64, wanted one of uint8, uint16, int16, int32, float32, float64"),
        (np.ones((3, 5), bool), "pixels are bool"),
        (np.ones((3, 5), complex), "pixels are complex128"),
        (np.array([["a", "b"]]), "pixels are str"),
        ([[1, 2], [3, 4]], "pixels are int64"),
    ],
)
def test_wrong_pixels_are_errors_in_words(pixels, message):
    with pytest.raises(ConvError, match=message):
        convcli.apply(pixels, SOBEL_X)


@pytest.mark.parametrize(
    ("filter_", "message"),
    [
        ("sobelx", "sobel-x"),
        ("", "."),
        ("1 2; 3", "row 2"),
        ([1, 2, 3], r"weights have shape \(3,\)"),
        (np.ones((1, 1, 1, 1, 1)), "weights have shape"),
        (np.ones((0, 3)), "weights have shape"),
        ([[1, 2], [3]], "no rectangular array of numbers"),
        ([["a"]], "no rectangular array of numbers"),
        (None, "weights|filter"),
        ([[1, float("nan")]], "weights must be finite"),
        ([[1, float("inf")]], "weights must be finite"),
        (np.array([[1 + 2j]]), "weights|number"),
    ],
)
def test_wrong_filters_are_filter_errors(filter_, message):
    with pytest.raises(FilterError, match=message):
        convcli.apply(picture(6, 7), filter_)


def test_errors_have_one_root_and_exit_codes():
    for kind, code in ((FilterError, 2), (GeometryError, 2), (InputError, 1), (OutputError, 3)):
        assert issubclass(kind, ConvError)
        assert kind.exit_code == code
        placed = kind("the reason").at("a\nb.png")
        assert type(placed) is kind
        assert str(placed) == r"a\nb.png: the reason"
    assert ConvError.exit_code == 2
    assert convcli.ConvError is ConvError


def test_an_option_given_twice_is_pythons_own_error():
    with pytest.raises(TypeError):
        convcli.correlate(picture(6, 7), SOBEL_X, op="convolve")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_finite_float_pixels_may_go_through_products_and_others_do_not(dtype):
    rng = np.random.default_rng(4)
    pixels, kernel = rng.normal(0.4, 1.0, (61, 83)).astype(dtype), rng.normal(0, 1, (13, 15))
    plain = convcli.apply(pixels, kernel, method="direct")
    quick = convcli.apply(pixels, kernel)
    assert np.abs(quick - plain).max() < 1e-4
    assert not np.array_equal(quick, plain)  # another order of additions: it was no sum of shifted copies
    for value in (np.inf, np.nan):
        spoiled = pixels.copy()
        spoiled[30, 40] = value
        found = convcli.apply(spoiled, kernel)
        reached = np.zeros(found.shape, bool)
        reached[30 - 6 : 30 + 7, 40 - 7 : 40 + 8] = True
        assert np.array_equal(found[~reached], plain[~reached])
        assert not np.isfinite(found[reached]).any()


@pytest.mark.parametrize("method", ["separable", "toeplitz", "fft"])
def test_a_method_that_is_asked_for_looks_at_floats_first(method):
    """Finite ones it takes; where one is infinite it says why not."""
    rng = np.random.default_rng(8)
    pixels = rng.normal(size=(33, 45)).astype(np.float32)
    kernel = np.outer(rng.normal(size=5), rng.normal(size=6)) + np.outer(rng.normal(size=5), rng.normal(size=6))
    found = convcli.correlate(pixels, kernel, method=method)
    assert np.abs(found - convcli.correlate(pixels, kernel, method="reference")).max() < 1e-4
    pixels[7, 7] = np.inf
    with pytest.raises(convcli.ConvError, match="float samples may be infinite"):
        convcli.correlate(pixels, kernel, method=method)
