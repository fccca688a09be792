"""What is decided before a sample is touched: rows of (picture, weights, window) and the plan for each."""

import itertools

import numpy as np
import pytest
from data import picture, run

from convcli import engine, planner
from convcli.border import Border
from convcli.engine import Numbers, direct, sums
from convcli.engine.costs import PASS
from convcli.errors import ConvError
from convcli.filters import Kernel
from convcli.geometry import Window
from convcli.planner import Plan, choose
from convcli.signal import Signal

SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
ONES = np.ones((3, 3))
INF = float("inf")


def plan(dtype: str, matrix, scale=1.0, window=None, bias=0.0, method="auto", shape=(40, 50, 1), **bounds) -> Plan:
    """The plan for a picture of that dtype; `bounds` are parts of its signal that earlier steps would have set."""
    window, kernel = window or Window(), Kernel(matrix, scale)
    signal = Signal.of(shape, dtype).but(**bounds)
    return choose(window.fit(signal.size, kernel.taps, kernel.anchor), kernel, signal, bias, method)


# dtype of the picture, matrix, scale, bias -> dtype of the sums by adding, bounds and wholeness of the result
TABLE = [
    ("uint8", SOBEL, 1, 0, "int16", -1020, 1020, True),
    ("uint8", ONES, 1, 0, "int16", 0, 2295, True),
    ("uint8", ONES, 1 / 9, 0, "int16", 0, 255, False),
    ("uint8", ONES, -2, 0, "int16", -4590, 0, True),
    ("uint8", ONES, 1, 7, "int16", 7, 2302, True),
    ("uint8", ONES, 1, -0.5, "int16", -0.5, 2294.5, False),
    ("uint8", [[128]], 1, 0, "int16", 0, 32640, True),
    ("uint8", [[129]], 1, 0, "uint16", 0, 32895, True),
    ("uint8", [[257]], 1, 0, "uint16", 0, 65535, True),
    ("uint8", [[-129]], 1, 0, "int32", -32895, 0, True),
    ("uint8", [[128, -1]], 1, 0, "int32", -255, 32640, True),
    ("uint8", [[258]], 1, 0, "int32", 0, 65790, True),
    ("uint8", [[8421504]], 1, 0, "int32", 0, 2147483520, True),
    ("uint8", [[8421505]], 1, 0, "float64", 0, 2147483775, True),
    ("uint8", np.zeros((2, 2)), 1, 0, "int16", 0, 0, True),
    ("uint16", [[1]], 1, 0, "uint16", 0, 65535, True),
    ("uint16", [[-1]], 1, 0, "int32", -65535, 0, True),
    ("uint16", SOBEL, 1, 0, "int32", -262140, 262140, True),
    ("uint16", [[32768]], 1, 0, "int32", 0, 2147450880, True),
    ("uint16", [[32769]], 1, 0, "float64", 0, 2147516415, True),
    ("int16", [[1]], 1, 0, "int32", -32768, 32767, True),
    ("int16", [[-1]], 1, 0, "int32", -32767, 32768, True),
    ("int32", [[1]], 1, 0, "float64", -(2**31), 2**31 - 1, True),
    ("int32", [[2**22]], 1, 0, "float64", -(2**53), 2**53 - 2**22, True),
    ("bool", ONES, 1, 0, "int16", 0, 9, True),
    ("uint8", [[0.5, 0.25]], 1, 0, "float32", 0, 191.25, False),
    ("uint8", [[0.5, -0.25]], 1, 3, "float32", -60.75, 130.5, False),
    ("uint8", [[300.5]], 1, 0, "float64", 0, 76627.5, False),
    ("uint16", [[0.5]], 1, 0, "float64", 0, 32767.5, False),
    ("int16", [[0.5]], 1, 0, "float64", -16384, 16383.5, False),
    ("int32", [[0.5]], 1, 0, "float64", -(2**30), 2**30 - 0.5, False),
    ("float32", SOBEL, 1, 0, "float32", -INF, INF, False),
    ("float32", [[0.5]], 1, 0, "float32", -INF, INF, False),
    ("float64", [[2]], 1, 0, "float64", -INF, INF, False),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {np.sum(row[1]):g}x{row[2]:.3g}+{row[3]}")
def test_numbers_and_bounds(row):
    dtype, matrix, scale, bias, sums, low, high, whole = row
    found = plan(dtype, matrix, scale, bias=bias, method="direct")
    assert found.numbers.dtype == sums
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert found.whole == whole
    assert found.numbers.bounded == (high < INF)


@pytest.mark.parametrize(("dtype", "matrix"), [(row[0], row[1]) for row in TABLE])
def test_bounds_are_reached_and_not_passed(dtype, matrix):
    """The brightest and darkest picture that a kernel can see are made for it, tap by tap."""
    signal = Signal.of((1, 1, 1), dtype)
    if not signal.is_bounded:
        return
    matrix = np.array(matrix, float)
    found = plan(dtype, matrix)
    assert (np.where(matrix > 0, signal.high, signal.low) * matrix).sum() == found.high
    assert (np.where(matrix > 0, signal.low, signal.high) * matrix).sum() == found.low


@pytest.mark.parametrize(
    ("window", "low", "high", "dtype", "whole"),
    [
        (Window(border=Border("zeros")), 0, 2295, "int16", True),
        (Window(border=Border("mean")), 0, 2295, "float32", False),
        (Window(border=Border("mean"), padding="valid"), 0, 2295, "int16", True),
        (Window(border=Border("constant", -10.0)), -90, 2295, "int16", True),
        (Window(border=Border("constant", 4000.0)), 0, 36000, "uint16", True),
        (Window(border=Border("constant", -4000.0)), -36000, 2295, "int32", True),
        (Window(border=Border("constant", 4000.0), padding="valid"), 0, 2295, "int16", True),
        (Window(border=Border("constant", 0.5)), 0, 2295, "float32", False),
        (Window(border=Border("constant", 0.5), padding=(0, 0, 0, 0)), 0, 2295, "int16", True),
    ],
)
def test_what_stands_outside_counts(window, low, high, dtype, whole):
    found = plan("uint8", ONES, window=window, method="direct")
    assert (found.low, found.high, found.numbers.dtype, found.whole) == (low, high, dtype, whole)


@pytest.mark.parametrize(
    ("dtype", "matrix", "scale", "bias", "real"),
    [
        ("uint8", ONES, 1 / 9, 0, "float32"),
        ("uint8", ONES, 0.89, 0, "float32"),  # 2043, below 2^11
        ("uint8", ONES, 0.9, 0, "float64"),
        ("uint8", ONES, 0.5, -1000, "float64"),  # the product is beyond, though the result is not
        ("uint8", ONES, 1.0, -9000, "float64"),
        ("uint16", ONES, 1 / 9, 0, "float64"),
        ("int32", ONES, 1 / 9, 0, "float64"),
        ("float32", ONES, 100.0, 5, "float32"),
        ("float64", ONES, 1 / 9, 0, "float64"),
    ],
)
def test_scaled_results_get_a_float_that_holds_a_thousandth_of_a_level(dtype, matrix, scale, bias, real):
    assert plan(dtype, matrix, scale, bias=bias, method="direct").real == real


@pytest.mark.parametrize(
    ("planes", "shape", "low", "high"),
    [
        ([[[1, -2]], [[3, -4]]], (9, 9, 2), -6 * 255, 4 * 255),
        ([[[[1, -2]], [[3, -4]]], [[[5, 0]], [[0, -9]]]], (9, 9, 2), -9 * 255, 5 * 255),
    ],
)
def test_bounds_of_planes_are_those_of_the_widest_map(planes, shape, low, high):
    found = plan("uint8", planes, shape=shape)
    assert (found.low, found.high, found.whole) == (low, high, True)


@pytest.mark.parametrize(
    ("shape", "matrix", "window", "macs"),
    [
        ((40, 50, 1), ONES, Window(), 40 * 50 * 9),
        ((40, 50, 3), np.ones((2, 5)), Window((2, 3)), 20 * 17 * 3 * 10),
        ((40, 50, 3), np.ones((3, 2, 5)), Window(padding="valid"), 39 * 46 * 3 * 10),
        ((40, 50, 3), np.ones((7, 3, 2, 5)), Window(padding="full", dilation=(3, 2)), 43 * 58 * 7 * 3 * 10),
    ],
)
def test_multiply_adds(shape, matrix, window, macs):
    assert plan("uint8", matrix, window=window, shape=shape).macs == macs


# ---------------------------------------------------------------- which method

LARGE = {"shape": (1000, 1500, 1)}
BIG_RANDOM = np.random.default_rng(1).normal(0, 0.01, (61, 67))


@pytest.mark.parametrize(
    ("dtype", "matrix", "among"),
    [
        ("uint8", [[1.0]], {"direct", "separable"}),
        ("uint8", [[0, -1, 0], [-1, 4, -1], [0, -1, 0]], {"direct"}),
        ("uint8", np.ones((31, 31)), {"separable"}),
        ("uint8", np.outer(*[np.exp(-(np.arange(-12, 13) ** 2) / 32.0)] * 2), {"separable"}),
        ("uint8", BIG_RANDOM, {"fft"}),
        ("float32", BIG_RANDOM, {"direct"}),  # infinite samples must not spread
        ("uint8", np.random.default_rng(1).normal(0, 0.05, (9, 7)), {"toeplitz"}),
    ],
)
def test_auto_takes_what_costs_least(dtype, matrix, among):
    assert plan(dtype, matrix, **LARGE).method in among


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("taps", [(1, 1), (3, 4), (15, 2), (40, 40)], ids=str)
def test_auto_is_no_dearer_than_any_method_that_was_asked_for(dtype, taps):
    matrix = np.random.default_rng(2).normal(0, 1, taps)
    auto = plan(dtype, matrix, **LARGE)
    for method in engine.METHODS:
        try:
            asked = plan(dtype, matrix, method=method, **LARGE)
        except ConvError:
            continue
        assert asked.method == method
        assert auto.cost <= asked.cost
    assert auto.method != "reference"


@pytest.mark.parametrize("method", engine.METHODS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32"])
def test_whole_stays_exact_by_every_method(dtype, method):
    """Sums of 2^53 and less have an exact way; a method that cannot keep them must not be taken."""
    for size, taps in itertools.product((1, 100, 90_000), ((1, 1), (5, 7), (1, 700))):
        matrix = np.full(taps, size)
        bound = Signal.of((1, 1, 1), dtype).peak * matrix.sum()
        try:
            found = plan(dtype, matrix, method=method, shape=(800, 900, 1))
        except ConvError as refusal:
            if "cannot do this" not in str(refusal):
                raise
            continue
        if bound <= 2**53:
            assert found.numbers.whole, f"{method} in {found.numbers.dtype} for sums of {bound:.3g}"
            assert found.whole
        if found.numbers.dtype == "float32":
            assert bound <= 2**24
        elif found.numbers.dtype != "float64":
            assert bound <= np.iinfo(found.numbers.dtype).max


def test_bounds_that_earlier_steps_have_set_are_used():
    assert plan("int32", [[1]], low=-5, high=9, method="direct").numbers.dtype == "int16"
    assert plan("int32", [[1]], low=0, high=65535, method="direct").numbers.dtype == "uint16"
    found = plan("float32", [[2]], low=-5.0, high=9.0, whole=False)
    assert (found.low, found.high) == (-10, 18)


@pytest.mark.parametrize("method", ["auto", *engine.METHODS])
@pytest.mark.parametrize("weight", [100.0, 40000.0, 1e6, 3e9])
def test_weights_that_nothing_is_left_for_need_no_room_either(method, weight):
    """After a kernel of zeros the bounds are 0..0, and the next weights may be any size."""
    pixels, zeros = picture(8, 9), Kernel(np.zeros((2, 2)))
    if method != "separable":  # of rank zero
        assert (run(pixels, zeros, [[weight]], method=method) == 0).all()
    dark = Signal.of((8, 9, 1), "uint8").but(low=0, high=0, dtype="int16")
    chosen = choose(Window().fit((8, 9), (1, 1)), Kernel([[weight]]), dark, method=method)
    assert (chosen.low, chosen.high, chosen.whole) == (0, 0, True)


# ---------------------------------------------------------------- words


def test_a_plan_says_what_and_why():
    assert str(plan("uint8", SOBEL, method="direct")).startswith("direct in int16: whole weights, sums of at most 2040")
    assert "24 bits" in str(plan("uint8", [[0.5]], method="direct"))
    assert "more than 24 bits are needed" in str(plan("uint16", [[0.5]], method="direct"))
    assert "ns a sample" in plan("uint8", SOBEL).why


@pytest.mark.parametrize(
    ("method", "matrix", "dtype", "message"),
    [
        ("winograd", SOBEL, "uint8", r'method "winograd" is not known.*\(auto, direct, separable, toeplitz, fft, ref'),
        ("separble", SOBEL, "uint8", "did you mean separable"),
        ("separable", [[1, 2], [3, 4]], "uint8", "method separable cannot do this: the weights have rank 2"),
        ("separable", np.ones((1, 2, 2)), "uint8", "cannot do this: the kernel has planes"),
        ("separable", np.zeros((2, 2)), "uint8", "method separable cannot do this: the weights have rank 0"),
        ("toeplitz", SOBEL, "float32", "method toeplitz cannot do this: float samples may be infinite"),
        ("fft", SOBEL, "float64", "method fft cannot do this: float samples may be infinite"),
        ("fft", np.ones((1, 2, 2)), "uint8", "method fft cannot do this: the kernel has planes"),
        ("auto", np.ones((2, 3, 3)), "uint8", "the kernel has 2 planes, one for each channel, .* has 1 channel$"),
        ("auto", np.ones((5, 2, 3, 3)), "uint8", "the kernel has 2 planes"),
    ],
)
def test_refusals_say_why(method, matrix, dtype, message):
    with pytest.raises(ConvError, match=message):
        plan(dtype, matrix, method=method)


def test_a_refusal_is_the_methods_own(monkeypatch):
    monkeypatch.setattr(engine.load("direct"), "refusal", lambda kernel, geometry, signal: "it is Sunday")
    with pytest.raises(ConvError, match=r"^method direct cannot do this: it is Sunday$"):
        plan("uint8", SOBEL, method="direct")
    assert plan("uint8", [[0, 1], [1, 1]]).method != "direct"


@pytest.mark.parametrize("taps", [(33, 32), (41, 57)])
def test_large_kernels_are_planned_without_a_look_at_every_tap(monkeypatch, taps):
    """The guess is near the passes that are counted tap by tap."""
    rng = np.random.default_rng(3)
    for values in (7, 10**6):  # many equal weights, none
        matrix = rng.integers(1, values, taps) * rng.choice([1, -1], taps)
        kernel, signal = Kernel(matrix), Signal.of((90, 80, 1), "uint8")
        counted = sums.passes(sums.group(np.ndenumerate(kernel.matrix)), "float32")
        numbers = Numbers("float32", True)
        with monkeypatch.context() as patch:
            patch.setattr(direct, "group", None)
            geometry = Window(stride=(2, 1)).fit(signal.size, kernel.taps, kernel.anchor)
            guess = direct.cost(kernel, geometry, 1, numbers) / PASS["float32"]
        assert 0.9 * counted < guess < 1.1 * counted + 1


def test_a_choice_is_made_once(monkeypatch):
    """For the same weights over the same picture; anything else that is asked is another question."""
    asked, plain = [], planner._plan
    monkeypatch.setattr(planner, "_plan", lambda *question: asked.append(question) or plain(*question))
    matrix, signal = np.arange(15.0).reshape(3, 5), Signal.of((70, 90, 3), "uint8")
    fit = Window().fit(signal.size, (3, 5), (1, 2))
    first = choose(fit, Kernel(matrix), signal)
    assert choose(fit, Kernel(matrix.copy(), title="the same"), signal) is first
    assert len(asked) == 1
    others = [
        (fit, Kernel(matrix, 0.5), signal, 0.0, "auto"),
        (fit, Kernel(matrix + 1), signal, 0.0, "auto"),
        (Window(stride=(2, 1)).fit(signal.size, (3, 5), (1, 2)), Kernel(matrix), signal, 0.0, "auto"),
        (fit, Kernel(matrix), signal.but(high=254), 0.0, "auto"),
        (fit, Kernel(matrix), signal, 1.0, "auto"),
        (fit, Kernel(matrix), signal, 0.0, "toeplitz"),
        (Window().fit(signal.size, (5, 3), (2, 1)), Kernel(matrix.reshape(5, 3)), signal, 0.0, "auto"),
    ]
    for n, question in enumerate(others, 2):
        assert choose(*question) == plain(*question)
        assert len(asked) == n
    with pytest.raises(ConvError):
        choose(fit, Kernel(matrix), signal, 0.0, "none")
    with pytest.raises(ConvError):
        choose(fit, Kernel(matrix), signal, 0.0, "none")
    large = Kernel(np.ones((33, 32)))
    fit, before = Window().fit(signal.size, large.taps, large.anchor), len(asked)
    assert choose(fit, large, signal) == choose(fit, large, signal)
    assert len(asked) == before + 2  # too large to be compared
