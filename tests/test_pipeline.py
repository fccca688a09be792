"""Chains: whose window a step has, what composites and pools give, what becomes of alpha and of other channels."""

from dataclasses import replace
from unittest.mock import patch

import naive
import numpy as np
import pytest
from data import links, picture, program, run, weights
from PIL import Image

from convcli import graph, job
from convcli.border import Border
from convcli.engine import METHODS
from convcli.errors import ConvError
from convcli.filters import Filter, Kernel, Point, Pool, Step
from convcli.finish import Finish
from convcli.geometry import Window
from convcli.graph import Program
from convcli.levels import render
from convcli.pipeline import Layout, check_window, compile_chain
from convcli.raster import Raster
from convcli.signal import Signal

SOBEL_X = Kernel([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
BOX = Kernel(np.ones((3, 3)), 1 / 9)
MAX_POOL = (Pool("max", (2, 3)), {"stride": (2, 3)})
RGB, RGBA, LA = Layout("rgb"), Layout("rgb", alpha=True), Layout("l", alpha=True)


def near(wanted, off: float = 1e-3):
    """To a thousandth of a level."""
    return pytest.approx(np.asarray(wanted, np.float64), rel=0, abs=off)


# ---------------------------------------------------------------- whose window


def test_each_step_sees_what_the_one_before_gives():
    pixels, first, second = picture(9, 14, 2), weights(2, 3), weights(4, 1, seed=1)
    wanted = naive.filtered(naive.filtered(pixels, first, mode="edge"), second, mode="edge")
    assert run(pixels, first, second, window=Window(border=Border("edge"))) == near(wanted, 0)


def test_the_stride_goes_to_the_last_filter_and_all_else_to_every_step():
    pixels, first, second = picture(15, 17), weights(2, 3), weights(3, 2, seed=1)
    window = Window((2, 3), (1, 2), "full", Border("wrap"), "convolve", bias=3.0)
    options = {"dilation": (1, 2), "padding": "full", "mode": "wrap", "op": "convolve", "bias": 3.0}
    dense = naive.filtered(pixels, first, **options)
    assert run(pixels, first, second, window=window) == near(naive.filtered(dense, second, (2, 3), **options), 0)


@pytest.mark.parametrize("last", [Point("relu"), Point("abs")])
def test_the_stride_goes_past_point_steps(last):
    pixels, first = picture(15, 17), weights(2, 3)
    once = naive.filtered(pixels, first, (3, 2))
    wanted = {"relu": lambda: np.maximum(once, 0), "abs": lambda: np.abs(once)}[last.name]()
    assert run(pixels, first, last, window=Window((3, 2))) == near(wanted, 0)


def test_the_stride_of_a_chain_that_ends_in_a_pool_is_the_pool_s():
    pixels, first = picture(15, 17), weights(2, 3)
    wanted = naive.max_pooled(naive.filtered(pixels, first), (2, 2), (3, 1))
    pool = (Pool("max", (2, 2)), {"stride": (2, 2)})
    assert run(pixels, first, pool, window=Window((3, 1))) == near(wanted, 0)
    own = (Pool("max", (2, 2)), {"stride": (1, 2)})  # said at the step itself
    assert run(pixels, first, own, window=Window((3, 1))) == near(
        naive.max_pooled(naive.filtered(pixels, first), (2, 2), (1, 2)), 0
    )


def test_the_words_of_a_step_are_stronger_than_the_window():
    pixels, first, second = picture(15, 17), weights(2, 3), weights(3, 2, seed=1)
    own = {"stride": (2, 1), "padding": "valid", "bias": -1.0, "op": "convolve", "border": Border("zeros")}
    once = naive.filtered(pixels, first, (2, 1), padding="valid", op="convolve", bias=-1.0)
    wanted = naive.filtered(once, second, (1, 3), padding=(0, 1, 2, 3), mode="edge", bias=7.0)
    window = Window((1, 3), padding=(0, 1, 2, 3), border=Border("edge"), bias=7.0)
    assert run(pixels, (Kernel(first), own), second, window=window) == near(wanted, 0)


def test_a_stride_of_the_last_step_itself_is_stronger_than_the_window():
    pixels, matrix = picture(15, 17), weights(2, 3)
    found = run(pixels, matrix, (Kernel(matrix), {"stride": (4, 1)}), window=Window((2, 2)))
    assert found == near(naive.filtered(naive.filtered(pixels, matrix), matrix, (4, 1)), 0)


@pytest.mark.parametrize(
    "window",
    [
        Window(padding="full"),
        Window(padding=(5, 5, 5, 5), border=Border("wrap")),
        Window(padding=(5, 5, 5, 5), bias=9.0),
    ],
)
def test_the_window_does_not_reach_pools(window):
    pixels, pool = picture(8, 9), (Pool("max", (3, 2)), {"stride": (3, 2)})
    assert run(pixels, pool, window=window) == near(naive.max_pooled(pixels, (3, 2), (3, 2)), 0)


def test_a_bias_that_reaches_nothing_is_refused():
    pool = (Pool("max", (3, 2)), {"stride": (3, 2)})
    with pytest.raises(ConvError, match="no step of this chain takes the bias"):
        check_window(links(pool, Point("relu")), Window(bias=9.0))
    check_window(links(pool, BOX), Window(bias=9.0))


# ---------------------------------------------------------------- any chain

POINTS = {
    Point("relu"): lambda x: np.maximum(x, 0),
    Point("abs"): np.abs,
    Point("square"): np.square,
    Point("sqrt"): lambda x: np.sqrt(np.maximum(x, 0)),
    Point("threshold", 10.0): lambda x: 255.0 * (x > 10),
    Point("threshold", -0.5): lambda x: 255.0 * (x > -0.5),
}


def _kernel(rng) -> Kernel:
    taps, whole = rng.integers(1, 4, 2), rng.random() < 0.6
    matrix = weights(*taps, whole=whole, seed=int(rng.integers(999))) * rng.choice([1, 1, 1, 7, 60])
    return Kernel(matrix, float(rng.choice([1.0, 1.0, 1 / 9, -0.5])))


def _any_step(rng):
    """A step with its own window, and the same by the definition."""
    kind = rng.choice(["kernel", "kernel", "point", "max", "avg"])
    stride, dilation = tuple(map(int, rng.integers(1, 3, 2))), tuple(map(int, rng.integers(1, 3, 2)))
    if kind == "kernel":
        kernel, border = _kernel(rng), Border.parse(str(rng.choice(["reflect", "mean", "constant:-7", "wrap"])))
        padding = ["same", "full", (2, 0, 1, 3)][rng.integers(3)]
        own = {"stride": stride, "dilation": dilation, "border": border, "padding": padding}
        own |= {"bias": float(rng.choice([0, 0, 30, -0.5])), "op": str(rng.choice(["correlate", "convolve"]))}
        options = {**own, "mode": border.mode, "value": border.value}
        del options["border"]
        return (kernel, own), lambda x: naive.filtered(x, kernel.matrix * kernel.scale, **options)
    if kind == "point":
        point = list(POINTS)[rng.integers(len(POINTS))]
        return point, POINTS[point]
    size = tuple(map(int, rng.integers(1, 4, 2)))
    pads = tuple(int(n) for k in size for n in rng.integers(0, k // 2 + 1, 2))
    own = {"stride": stride, "padding": pads}
    if kind == "max":
        return (Pool("max", size), own), lambda x: naive.max_pooled(x, size, stride, pads=pads)
    ones = np.ones(size) / np.prod(size)
    return (Pool("avg", size), own), lambda x: naive.filtered(x, ones, stride, padding=pads, mode="zeros")


@pytest.mark.parametrize("block", range(12))
def test_any_chain_is_its_steps_one_after_the_other(block):
    for seed in range(20 * block, 20 * (block + 1)):
        rng = np.random.default_rng([17, seed])
        dtype = ["uint8", "uint8", "uint16", "int16", "int32"][seed % 5]
        pixels = picture(int(rng.integers(9, 30)), int(rng.integers(9, 20)), int(rng.integers(1, 3)), dtype, seed)
        steps = [_any_step(rng) for _ in range(rng.integers(1, 5))]
        wanted = pixels.astype(np.float64)
        for n, (step, own) in enumerate(steps):
            if isinstance(step, Point) and step.name == "threshold" and np.abs(wanted - step.value).min() < 1e-3:
                steps = steps[:n]  # too near to tell on which side it falls
                break
            wanted = own(wanted)
        with patch.object(Program, "strip", int(rng.integers(1, 9))), patch.object(graph, "SMALL", 0):
            found = run(pixels, *[step for step, _ in steps], threads=int(rng.integers(1, 4)))
        off = max(1e-3, 1e-12 * np.abs(wanted).max())
        assert found == near(wanted, off), (seed, dtype, [step for step, _ in steps])


# ---------------------------------------------------------------- points and pools


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.name} {point.value}")
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_point_steps(point, dtype):
    pixels = picture(6, 7, 2, dtype)
    wanted = POINTS[point](pixels.astype(np.float64))
    assert run(pixels, point) == pytest.approx(wanted, rel=1e-6, abs=1e-3)


@pytest.mark.parametrize(
    "point", [point for point in POINTS if point.name != "threshold"], ids=lambda point: point.name
)
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_point_steps_between_convolutions(point, dtype):
    pixels, first, second = picture(7, 6, 1, dtype), weights(2, 3), weights(1, 2, seed=1)
    wanted = naive.filtered(POINTS[point](naive.filtered(pixels, first)), second)
    assert run(pixels, first, point, second) == pytest.approx(wanted, rel=1e-6, abs=1e-3)


def test_threshold_compares_sums_and_not_what_float32_makes_of_them():
    pixels = np.array([[[255], [254]]], np.uint8)
    found = run(pixels, [[100001.0]], Point("threshold", 25500254.5))  # the first sum is 25500255
    assert found.ravel().tolist() == [255, 0]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_what_lies_on_the_threshold_is_black(dtype):
    pixels = np.array([9, 10, 11], dtype).reshape(1, 3, 1)
    found = run(pixels, Point("threshold", 10.0)).ravel()
    assert (found > 0).tolist() == [False, False, True]


def test_threshold_gives_the_white_of_the_picture():
    for white in (1.0, 65535.0):
        assert run(picture(3, 4), Point("threshold", 99.0), layout=Layout(white=white)).max() == white


def pooling(seed: int):
    """A picture, and a size, a stride, a dilation and pads (at most half of the size) of a pool."""
    rng = np.random.default_rng(seed)
    size, stride, dilation = (tuple(map(int, rng.integers(1, end, 2))) for end in (5, 4, 3))
    pad = tuple(int(rng.integers(0, k // 2 + 1)) for k in size)
    return picture(13, 11, 2, ["uint8", "int16", "float32"][seed % 3], seed), size, stride, dilation, pad


def pads_of(pad: tuple[int, int]) -> tuple[int, int, int, int]:
    """The same above and below, and the same left and right."""
    return pad[0], pad[0], pad[1], pad[1]


def max_pooled(pixels, size, stride, dilation, pad) -> np.ndarray:
    return run(pixels, (Pool("max", size), {"stride": stride, "dilation": dilation, "padding": pads_of(pad)}))


def average_pooled(pixels, size, stride, pad) -> np.ndarray:
    return run(pixels, (Pool("avg", size), {"stride": stride, "padding": pads_of(pad)}))


@pytest.mark.parametrize("seed", range(30))
def test_max_pooling_against_the_definition(seed):
    pixels, size, stride, dilation, pad = pooling(seed)
    wanted = naive.max_pooled(pixels, size, stride, dilation, pads_of(pad))
    assert (max_pooled(pixels, size, stride, dilation, pad) == wanted).all()


@pytest.mark.parametrize("seed", range(30))
def test_max_pooling_against_torch(seed):
    torch = pytest.importorskip("torch")
    pixels, size, stride, dilation, pad = pooling(seed)
    x = torch.from_numpy(pixels.astype(np.float64).transpose(2, 0, 1)[None].copy())
    wanted = torch.nn.functional.max_pool2d(x, size, stride, pad, dilation)
    assert (max_pooled(pixels, size, stride, dilation, pad) == wanted[0].numpy().transpose(1, 2, 0)).all()


@pytest.mark.parametrize("seed", range(20))
def test_average_pooling_against_the_definition(seed):
    pixels, size, stride, _, pad = pooling(seed)
    ones = np.ones(size) / np.prod(size)
    wanted = naive.filtered(pixels, ones, stride, padding=pads_of(pad), mode="zeros")
    assert average_pooled(pixels, size, stride, pad) == near(wanted)


@pytest.mark.parametrize("seed", range(20))
def test_average_pooling_against_torch(seed):
    torch = pytest.importorskip("torch")
    pixels, size, stride, _, pad = pooling(seed)
    x = torch.from_numpy(pixels.astype(np.float64).transpose(2, 0, 1)[None].copy())
    wanted = torch.nn.functional.avg_pool2d(x, size, stride, pad)
    assert average_pooled(pixels, size, stride, pad) == near(wanted[0].numpy().transpose(1, 2, 0))


def test_golden_pools():
    pixels = np.array([[200, 150, 150], [100, 50, 100], [25, 25, 10]], np.uint8)[:, :, None]
    own = {"stride": (3, 3)}
    assert run(pixels, (Pool("max", (3, 3)), own)).tolist() == [[[200]]]
    assert run(pixels, (Pool("avg", (3, 3)), own)).ravel() == near([90])
    rows = np.array([[5, 1, 4, 2, 9], [3, 3, 1, 0, 7]], np.uint8)[:, :, None]
    chain = (Kernel([[1, -1]]), Point("relu"), (Pool("max", (2, 2)), {"stride": (2, 2)}))
    assert run(rows, *chain, window=Window(padding="valid")).ravel().tolist() == [4, 2]


# ---------------------------------------------------------------- composites

MAGNITUDE = Filter(
    "magnitude",
    (Step("gx", SOBEL_X), Step("gy", Kernel(SOBEL_X.matrix.T))),
    result="hypot(gx, gy)",
)


def magnitude(pixels, **options) -> np.ndarray:
    x, y = (naive.filtered(pixels, m, **options) for m in (SOBEL_X.matrix, SOBEL_X.matrix.T))
    return np.hypot(x, y)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float64"])
@pytest.mark.parametrize("padding", ["same", "valid", "full", (0, 3, 1, 5)])
def test_gradient_magnitude(dtype, padding):
    pixels = picture(8, 11, 3, dtype)
    window = Window(dilation=(1, 2), padding=padding, border=Border("wrap"), op="convolve")
    wanted = magnitude(pixels, dilation=(1, 2), padding=padding, mode="wrap", op="convolve")
    assert run(pixels, MAGNITUDE, window=window) == near(wanted)


@pytest.mark.parametrize("stride", [(2, 1), (1, 3), (3, 2)])
@pytest.mark.parametrize("padding", ["same", "valid", "full"])
def test_the_stride_of_a_composite_samples_its_dense_result(stride, padding):
    pixels = picture(13, 11, 2)
    window = Window(padding=padding, border=Border("symmetric"), bias=2.5)
    dense = run(pixels, MAGNITUDE, window=window)
    found = run(pixels, MAGNITUDE, window=replace(window, stride=stride))
    assert found == near(dense[:: stride[0], :: stride[1]], 1e-4)
    assert dense == near(magnitude(pixels, padding=padding, mode="symmetric") + 2.5)


def test_a_composite_in_the_middle_of_a_chain():
    pixels, first, last = picture(11, 12, 2), weights(2, 3), weights(3, 2, seed=2)
    wanted = naive.filtered(magnitude(naive.filtered(pixels, first)), last, (2, 3))
    assert run(pixels, first, MAGNITUDE, last, window=Window((2, 3))) == pytest.approx(wanted, rel=1e-6, abs=1e-3)


def test_a_picture_met_twice_in_a_formula_after_other_steps():
    """The formula wants rows of a picture, and of its blur, which wants more rows of the same picture."""
    sharp = Filter("sharp", (Step("low", Kernel(np.ones((5, 3)), 1 / 15)),), result="2 * image - low")
    pixels, first = picture(40, 12, 1), weights(3, 2, whole=False)
    once = naive.filtered(pixels, first)
    for n in (1, 2, 3):
        once = 2 * once - naive.filtered(once, np.ones((5, 3)) / 15)
        assert run(pixels, first, *[sharp] * n) == near(once, 1e-2)


def test_steps_of_formulas_of_steps():
    filter_ = Filter(
        "corner",
        (
            Step("gx", Kernel([[-1, 0, 1]])),
            Step("gy", Kernel([[-1], [0], [1]])),
            Step("sxx", BOX, "gx * gx"),
            Step("syy", BOX, "gy * gy"),
            Step("sxy", BOX, "gx * gy"),
            Step("most", Pool("max", (3, 3)), "sxx * syy - sxy ** 2 - 0.05 * (sxx + syy) ** 2"),
        ),
        result="most / white ** 4",
    )
    pixels = picture(9, 7)
    gx, gy = naive.filtered(pixels, [[-1, 0, 1]]), naive.filtered(pixels, [[-1], [0], [1]])
    sxx, syy, sxy = (naive.filtered(a * b, BOX.matrix / 9) for a, b in ((gx, gx), (gy, gy), (gx, gy)))
    wanted = naive.max_pooled(sxx * syy - sxy**2 - 0.05 * (sxx + syy) ** 2, (3, 3), (1, 1), pads=(1, 1, 1, 1)) / 255**4
    assert run(pixels, filter_) == pytest.approx(wanted, rel=1e-5, abs=1e-9)


def test_a_formula_may_name_the_picture_and_white():
    filter_ = Filter("negative", (Step("same", Kernel([[1.0]])),), result="white - (image + same) / 2")
    pixels = picture(5, 4, 3)
    assert run(pixels, filter_) == near(255.0 - pixels)


def test_the_result_of_steps_without_a_formula_is_the_last_one():
    filter_ = Filter("two", (Step("a", Kernel([[1, 2]])), Step("b", Kernel([[3], [1]]), "a")))
    pixels = picture(5, 4, 3)
    assert run(pixels, filter_) == near(naive.filtered(naive.filtered(pixels, [[1, 2]]), [[3], [1]]), 0)


def test_pictures_of_different_sizes_do_not_meet():
    filter_ = Filter("odd", (Step("a", Kernel([[1, 2]])), Step("b", Kernel([[3], [1]]))), result="a + b")
    with pytest.raises(ConvError, match=r"odd: pictures of different sizes.*a is 5x3x1, b is 4x4x1"):
        run(picture(5, 4), filter_, window=Window(padding="valid"))
    assert run(picture(5, 4), filter_).shape == (5, 4, 1)


# ---------------------------------------------------------------- what one output sample sees


def _seen(pixels_shape, *actions, window=None) -> tuple:
    """Height and width of what output 0, 0 sees, and the centre of it, found by changing one sample at a time."""
    base = np.random.default_rng(1).random((*pixels_shape, 1))
    before = run(base, *actions, window=window)[0, 0]
    hits = []
    for i, j in np.ndindex(*pixels_shape):
        other = base.copy()
        other[i, j] += 1
        if (run(other, *actions, window=window)[0, 0] != before).any():
            hits.append((i, j))
    low, high = np.min(hits, axis=0), np.max(hits, axis=0)
    return tuple(high - low + 1), tuple((low + high) / 2)


FIELDS = {
    "two 3x3": ((np.ones((3, 3)), np.ones((3, 3))), (5, 5)),
    "oblong, even": ((np.ones((2, 3)), np.ones((4, 1))), (5, 3)),
    "strides in between": (((Kernel(np.ones((3, 2))), {"stride": (2, 3)}), np.ones((2, 2))), (5, 5)),
    "dilation": (((Kernel(np.ones((3, 2))), {"dilation": (2, 3)}), np.ones((2, 2))), (6, 5)),
    "average pool": (((Pool("avg", (2, 3)), {"stride": (2, 3)}), np.ones((3, 2))), (6, 6)),
    "point": ((np.ones((3, 2)), Point("square"), np.ones((3, 2))), (5, 3)),
}


@pytest.mark.parametrize("chain", FIELDS)
def test_receptive_field_of_a_chain(chain):
    actions, size = FIELDS[chain]
    window = Window(padding="valid")
    field = program((12, 11, 1), "float64", *actions, window=window).field
    assert field.size == size
    assert (field.size, field.start) == _seen((12, 11), *actions, window=window)


def test_receptive_field_of_a_composite_is_what_its_steps_see_together():
    across = Kernel([[-1, 0, 1.0]])
    oblong = Filter("m", (Step("x", across), Step("y", Kernel(across.matrix.T))), result="abs(x) + abs(y)")
    field = program((9, 9, 1), "float64", oblong, window=Window()).field
    assert field.size == (3, 3)
    assert field.start == (0, 0)


def test_stages_tell_what_ran_in_order():
    compiled = program(
        (15, 17, 3), "uint8", weights(2, 3), Point("relu"), (Pool("max", (2, 2)), {"stride": (2, 2)}), MAGNITUDE,
        window=Window((3, 1), op="convolve"),
    )  # fmt: skip
    stages = compiled.stages
    assert [stage.op for stage in stages] == ["convolve", "relu", "max-pool", "convolve", "convolve"]
    assert [stage.step for stage in stages[-2:]] == ["magnitude/gx", "magnitude/gy"]
    assert stages[0].size_in == (15, 17, 3)
    assert [stage.size_out for stage in stages[:3]] == [(15, 17, 3), (15, 17, 3), (7, 8, 3)]
    assert stages[0].weights == 6
    assert stages[0].plan.macs == 15 * 17 * 3 * 6
    assert compiled.signal.shape == (3, 8, 3)
    assert compiled.macs == 15 * 17 * 3 * 6 + 2 * 3 * 8 * 3 * 9  # nothing is computed that the stride drops
    assert set(compiled.method.split(", ")) <= set(METHODS)


@pytest.mark.parametrize(
    ("actions", "is_signed"),
    [
        ((BOX,), False),
        ((SOBEL_X,), True),
        ((Kernel(np.zeros((2, 2))),), True),
        ((Point("relu"),), False),
        ((Pool("avg", (2, 2)),), False),
        ((BOX, SOBEL_X), True),
        ((SOBEL_X, BOX), True),
        ((weights(2, 3, 2, 2) + 9,), False),
        ((weights(2, 3, 2, 1) * [1, -1],), True),
        ((np.array([[[[1, -1]]] * 3, [[[1, 1]]] * 3]),), False),
    ],
)
def test_zero_sum_weights_leave_a_result_around_zero(actions, is_signed):
    assert program((9, 9, 3), "uint8", *actions).is_signed == is_signed


@pytest.mark.parametrize(
    ("actions", "layout", "colours"),
    [
        ((BOX,), RGB, "rgb"),
        ((weights(3, 2, 2),), RGB, "l"),
        ((weights(1, 3, 2, 2),), RGB, "l"),
        ((weights(3, 3, 2, 2),), RGB, ""),
        ((BOX,), RGB._replace(select="gray"), "l"),
        ((BOX,), RGB._replace(select="g"), "rgb"),
    ],
)
def test_what_the_channels_of_a_result_are_called(actions, layout, colours):
    assert program((9, 9, 3), "uint8", *actions, layout=layout).colours == colours


# ---------------------------------------------------------------- alpha


def _levels(pixels, *actions, window=None, layout=RGBA, rule="clip", dtype="uint8") -> np.ndarray:
    compiled = compile_chain(links(*actions), Signal.of(pixels.shape, pixels.dtype.name), window or Window(), layout)
    white = float(np.iinfo(dtype).max)
    return render(compiled, pixels, Finish(rule, layout.white, white, dtype, compiled.alpha), 1)[0]


def _weighted(pixels, matrix, white=255.0, value=0.0, bias=0.0, **options) -> np.ndarray:
    """The rule of the page: colour times alpha and alpha are both filtered, and divided."""
    pixels = np.asarray(pixels, np.float64)
    colour, alpha, gain = pixels[:, :, :-1], pixels[:, :, -1:], np.sum(matrix)
    weighed = naive.filtered(colour * alpha, matrix, value=value * white, **options)
    if options.get("mode") in ("zeros", "constant"):
        options["mode"] = "constant"  # outside is as opaque as outside a picture without alpha
    coverage = naive.filtered(alpha, matrix, value=white, **options) / gain
    colour = np.where(coverage > 1e-9, weighed / np.where(coverage > 1e-9, coverage, 1), 0) + bias
    return np.concatenate([colour, coverage], axis=2)


def test_golden_red_beside_transparent_green_is_never_green():
    red, green = (255, 0, 0, 255), (0, 255, 0, 0)
    pixels = np.array([[red, red, green, green]] * 3, np.uint8)
    for wide in (pixels, pixels.swapaxes(0, 1)):
        found = _levels(wide, BOX)
        found = found if wide is pixels else found.swapaxes(0, 1)
        assert found[1, 1:3].tolist() == [[255, 0, 0, 170], [255, 0, 0, 85]]
        assert (found[:, :, 1] == 0).all()
        assert found[1, [0, 3]].tolist() == [[255, 0, 0, 255], [0, 0, 0, 0]]


@pytest.mark.parametrize("layout", [RGBA, LA], ids=["RGBA", "LA"])
@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap", "zeros", "constant"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_smoothing_weighs_colour_by_alpha(layout, mode, dtype):
    layout = layout._replace(white=float(np.iinfo(dtype).max))
    pixels = picture(9, 11, 4 if layout.colours == "rgb" else 2, dtype, seed=3)
    matrix = np.abs(weights(2, 3, seed=4)) + 1
    options = {"stride": (2, 1), "dilation": (1, 2), "mode": mode, "value": 40.0, "op": "convolve", "bias": 7.0}
    window = Window((2, 1), (1, 2), "full", Border(mode, 40.0 * (mode == "constant")), "convolve", 7.0)
    wanted = _weighted(pixels, matrix / matrix.sum(), layout.white, padding="full", **options)
    found = run(pixels, Kernel(matrix, 1 / matrix.sum()), window=window, layout=layout)
    assert found[:, :, -1] == near(wanted[:, :, -1])
    there = wanted[:, :, -1] > 1  # where next to nothing is left of alpha its colour is anybody's guess
    assert there.mean() > 0.5
    assert found[there] == near(wanted[there], 1e-2)


def test_weighing_goes_on_through_a_chain():
    pixels, first, second = picture(9, 11, 4, seed=3), np.ones((2, 3)) / 6, np.ones((3, 1)) / 3
    wanted = _weighted(_weighted(pixels, first), second, stride=(2, 2))
    found = run(
        pixels, Kernel(np.ones((2, 3)), 1 / 6), Kernel(np.ones((3, 1)), 1 / 3), window=Window((2, 2)), layout=RGBA
    )
    there = wanted[:, :, -1] > 1
    assert found[:, :, -1] == near(wanted[:, :, -1])
    assert found[there] == near(wanted[there], 1e-2)


def test_fractions_of_alpha_survive_a_threshold_of_the_colours():
    pixels = picture(9, 11, 4, seed=3)
    once = _weighted(pixels, np.ones((3, 3)) / 9)
    once[:, :, :-1] = 255.0 * (once[:, :, :-1] > 100)
    wanted = _weighted(once, np.ones((3, 3)) / 9)
    found = run(pixels, BOX, Point("threshold", 100.0), BOX, layout=RGBA)
    assert found == near(wanted, 1e-2)


KINDS = {
    "whole": Kernel(weights(2, 3, seed=1) + 5),
    "box of six": Kernel(np.ones((2, 3)), 1 / 6),
    "box of nine": BOX,
    "box of four": Kernel(np.ones((4, 1)), 1 / 4),
    "smooth": Kernel(np.outer([0.25, 0.5, 0.25], [0.1, 0.3, 0.6])),
    "sharp": Kernel([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "negative sum": Kernel([[-1, 2, -4]]),
    "fractions": Kernel(weights(4, 3, whole=False, seed=2)),
    "zero sum": SOBEL_X,
    "zero sum of fractions": Kernel(np.array([[1.5, -1.25, -0.25]]), 1 / 3),
    "zeros": Kernel(np.zeros((2, 2))),
    "one": Kernel([[1.0]]),
    "scaled to nothing": Kernel(np.ones((2, 3)), 0.0),
    "nearly zero sum": Kernel([[1.0, -0.9999]]),
}


@pytest.mark.parametrize("mode", ["reflect", "symmetric", "wrap", "zeros", "constant", "mean"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_opaque_picture_gives_exactly_what_the_one_without_alpha_gives(kind, mode):
    """The tool leaves an alpha out that hides nothing: so it does here, by way of the job."""
    for dtype, bias in (("uint8", 0.0), ("uint8", 12.5), ("uint16", 0.0)):
        white = np.iinfo(dtype).max
        pixels = picture(21, 26, 3, dtype, seed=9)
        opaque = np.concatenate([pixels, np.full((21, 26, 1), white, dtype)], axis=2)
        border = Border(mode, 99.0 if mode == "constant" else 0.0)
        window = Window((1, 2), (2, 1), (3, 1, 0, 2), border, "convolve", bias)
        rgb, rgba = (_through_the_job(p, KINDS[kind], window=window, rule="clip") for p in (pixels, opaque))
        assert (rgba[:, :, 3] == white).all()
        assert (rgba[:, :, :3] == rgb).all()


def _through_the_job(pixels, *chain, window, rule) -> np.ndarray:
    mode = ("RGB" if pixels.shape[2] == 3 else "RGBA") + (";16" if pixels.dtype == np.uint16 else "")
    raster = Raster(pixels, mode, "PNG")
    request = job.Request(links(*chain), window, range=rule)
    prepared = job.prepare(request, raster, pixels.shape, job.is_opaque(raster))
    return job.run(prepared, raster, 1).rasters[0].pixels


@pytest.mark.parametrize("kind", KINDS)
def test_weighing_by_an_alpha_that_hides_nothing_changes_nothing_but_ties(kind):
    pixels = picture(21, 26, 3, seed=9)
    opaque = np.concatenate([pixels, np.full((21, 26, 1), 255, np.uint8)], axis=2)
    rgb = run(pixels, KINDS[kind], layout=RGB)
    rgba = run(opaque, KINDS[kind], layout=RGBA)
    assert rgba[:, :, :3] == near(rgb)
    assert rgba[:, :, 3] == near(np.full(rgba.shape[:2], 255.0))


@pytest.mark.parametrize(
    "chain",
    [
        (BOX, SOBEL_X),
        (SOBEL_X, BOX),
        (MAGNITUDE,),
        (BOX, Point("threshold", 99.0), (Pool("avg", (2, 2)), {"stride": (2, 2)})),
        ((Pool("max", (3, 2)), {"stride": (3, 2)}), KINDS["fractions"]),
    ],
)
def test_an_opaque_picture_through_a_chain(chain):
    pixels = picture(17, 19, 3)
    opaque = np.concatenate([pixels, np.full((17, 19, 1), 255, np.uint8)], axis=2)
    for rule in ("clip", "abs", "offset", "stretch"):
        rgb, rgba = (_through_the_job(p, *chain, window=Window((2, 1)), rule=rule) for p in (pixels, opaque))
        assert (rgba[:, :, 3] == 255).all()
        assert (rgba[:, :, :3] == rgb).all()


def test_an_opaque_picture_with_a_very_bright_outside():
    pixels = picture(5, 6, 3)
    opaque = np.concatenate([pixels, np.full((5, 6, 1), 255, np.uint8)], axis=2)
    window = Window(border=Border("constant", 1e6))
    wanted = run(pixels, Kernel(np.ones((3, 3))), window=window, layout=RGB)
    assert run(opaque, Kernel(np.ones((3, 3))), window=window, layout=RGBA)[:, :, :3] == near(wanted)


@pytest.mark.parametrize("layout", [RGBA, LA], ids=["RGBA", "LA"])
@pytest.mark.parametrize(
    ("window", "rows", "columns"),
    [
        (Window(), slice(None), slice(None)),
        (Window((2, 3)), slice(None, None, 2), slice(None, None, 3)),
        (Window((2, 1), padding="valid"), slice(1, -2, 2), slice(0, -1)),
        (Window((1, 2), (2, 3), "valid"), slice(2, -4), slice(0, -3, 2)),
        (Window(padding="valid", op="convolve"), slice(2, -1), slice(1, None)),
        (Window(padding="valid", anchor=(3, 1)), slice(3, None), slice(1, None)),
    ],
)
def test_zero_sum_filters_keep_alpha_as_sampled_at_the_anchor(layout, window, rows, columns):
    matrix = np.array([[1, 2], [0, -3], [2, 2], [-1, -3.0]])
    pixels = picture(11, 13, len(layout.colours) + 1, seed=5)
    found = run(pixels, Kernel(matrix), window=window, layout=layout)
    assert (found[:, :, -1] == pixels[rows, columns, -1]).all()
    alone = run(pixels[:, :, :-1], Kernel(matrix), window=window)
    assert (found[:, :, :-1] == alone).all()


@pytest.mark.parametrize("mode", ["reflect", "wrap", "edge", "zeros", "constant"])
@pytest.mark.parametrize("padding", ["full", (3, 0, 1, 0), (0, 3, 0, 1), (5, 9, 2, 17)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_alpha_outside_is_extended_like_the_colours_and_opaque_where_the_border_is_flat(mode, padding, stride):
    matrix = np.array([[1, 2], [0, -3], [2, 2], [-1, -3.0]])  # (3, 0, 1, 0) moves the picture, and keeps its size
    pixels, border = picture(11, 13, 4, seed=5), Border(mode, 40.0 * (mode == "constant"))
    found = run(pixels, Kernel(matrix), window=Window(stride, padding=padding, border=border), layout=RGBA)
    pads = naive.amounts(padding, (4, 2), (1, 1), (1, 0))
    flat = {"mode": "constant", "value": 255} if border.is_flat else {"mode": mode}
    wanted = naive.padded(pixels[:, :, 3:], pads, **flat)[1 :: stride[0], :: stride[1]]
    assert (found[:, :, 3:] == wanted[: found.shape[0], : found.shape[1]]).all()


@pytest.mark.parametrize(
    ("actions", "window", "rows", "columns"),
    [
        ((MAGNITUDE,), Window((2, 3), padding="valid"), slice(1, -1, 2), slice(1, -1, 3)),
        ((SOBEL_X, MAGNITUDE), Window((3, 1), (1, 2), "valid"), slice(2, -2, 3), slice(4, -4)),
        ((Kernel([[1, 2, -3, 0]]), SOBEL_X), Window((1, 2), padding="valid"), slice(1, -1), slice(2, -3, 2)),
        ((SOBEL_X, MAX_POOL), Window(padding="valid"), slice(1, -1, 2), slice(2, -1, 3)),
        ((MAX_POOL, SOBEL_X), Window((2, 1)), slice(0, None, 4), slice(1, None, 3)),
    ],
)
def test_alpha_follows_the_anchors_of_a_chain(actions, window, rows, columns):
    pixels = picture(18, 21, 4, seed=5)
    found = run(pixels, *actions, window=window, layout=RGBA)
    kept = pixels[rows, columns, 3]
    assert (found[:, :, 3] == kept[: found.shape[0], : found.shape[1]]).all()
    assert (found[:, :, :3] == run(pixels[:, :, :3], *actions, window=window)).all()


@pytest.mark.parametrize("rule", ["auto", "keep", "filter"])
@pytest.mark.parametrize("kernel", [BOX, SOBEL_X, KINDS["sharp"]], ids=["box", "sobel", "sharp"])
def test_bias_never_touches_alpha(rule, kernel):
    pixels, layout = picture(7, 9, 4, seed=6), RGBA._replace(alpha_rule=rule)
    without = run(pixels, kernel, layout=layout)
    with_bias = run(pixels, kernel, window=Window(bias=50.0), layout=layout)
    assert with_bias[:, :, 3] == near(without[:, :, 3], 1e-9)
    assert with_bias[:, :, :3] == near(without[:, :, :3] + 50)


def test_alpha_rules_keep_and_filter():
    pixels = picture(7, 9, 4, seed=6)
    wanted = naive.filtered(pixels, np.ones((3, 3)) / 9, (2, 1))
    keep = run(pixels, BOX, window=Window((2, 1)), layout=RGBA._replace(alpha_rule="keep"))
    assert keep[:, :, :3] == near(wanted[:, :, :3])
    assert (keep[:, :, 3] == pixels[::2, :, 3]).all()
    assert run(pixels, BOX, window=Window((2, 1)), layout=RGBA._replace(alpha_rule="filter")) == near(wanted)


@pytest.mark.parametrize("step", [Point("relu"), Point("threshold", 100.0), Point("sqrt"), Point("square")])
def test_point_steps_leave_alpha_alone(step):
    pixels = picture(7, 9, 4, seed=6)
    assert (run(pixels, step, layout=RGBA)[:, :, 3] == pixels[:, :, 3]).all()


def test_average_pools_weigh_and_max_pools_sample_alpha():
    pixels = picture(8, 9, 4, seed=6)
    average = run(pixels, (Pool("avg", (2, 3)), {"stride": (2, 3)}), layout=RGBA)
    wanted = _weighted(pixels, np.ones((2, 3)) / 6, stride=(2, 3), padding="valid")
    assert average == near(wanted, 1e-2)
    most = run(pixels, (Pool("max", (2, 3)), {"stride": (2, 3)}), layout=RGBA)
    assert (most[:, :, :3] == naive.max_pooled(pixels[:, :, :3], (2, 3), (2, 3))).all()
    assert (most[:, :, 3] == pixels[::2, 1::3, 3]).all()


# ---------------------------------------------------------------- channels

SELECTIONS = {"r": [0], "g": [1], "r,b": [0, 2], "b,r": [0, 2], "rg": [0, 1], "B": [2], "r,g,b": [0, 1, 2]}


@pytest.mark.parametrize("select", SELECTIONS)
@pytest.mark.parametrize("kernel", [weights(2, 4, seed=3), weights(4, 3, whole=False)], ids=["whole", "fractions"])
def test_channels_that_are_not_chosen_pass_through(select, kernel):
    pixels, chosen = picture(11, 12, 3, seed=7), SELECTIONS[select]
    for window, rows, columns in (
        (Window(), slice(None), slice(None)),
        (Window((2, 3)), slice(None, None, 2), slice(None, None, 3)),
        (Window((3, 2), padding="valid"), slice((kernel.shape[0] - 1) // 2, None, 3), slice(1, None, 2)),
    ):
        found = run(pixels, kernel, window=window, layout=RGB._replace(select=select))
        filtered = naive.filtered(pixels, kernel, window.stride, padding=window.padding)
        for c in range(3):
            if c in chosen:
                assert found[:, :, c] == near(filtered[:, :, c])
            else:
                passed = pixels[rows, columns, c][: found.shape[0], : found.shape[1]]
                assert (found[:, :, c] == passed).all()


@pytest.mark.parametrize(
    "mode", ["reflect", "edge", "symmetric", "wrap", "zeros", "constant:300", "constant:0.5", "mean"]
)
def test_channels_that_pass_through_are_extended_by_the_same_border(mode):
    pixels = picture(5, 6, 3, seed=8)
    border = Border.parse(mode)
    window = Window((1, 2), padding=(4, 2, 3, 5), border=border)
    found = run(pixels, [[1.0, 2], [3, 4]], window=window, layout=RGB._replace(select="r"))
    extended = naive.padded(pixels, (4, 2, 3, 5), border.mode, border.value)
    wanted = extended[: found.shape[0], : 2 * found.shape[1] : 2]
    assert found[:, :, 1:] == near(wanted[:, :, 1:])


def test_chosen_channels_beside_alpha():
    pixels = picture(9, 8, 4, seed=9)
    found = run(pixels, SOBEL_X, layout=RGBA._replace(select="g"))
    assert (found[:, :, 1] == naive.filtered(pixels, SOBEL_X.matrix)[:, :, 1]).all()
    assert (found[:, :, [0, 2, 3]] == pixels[:, :, [0, 2, 3]]).all()
    smooth = run(pixels, BOX, layout=RGBA._replace(select="g"))
    assert smooth[:, :, 1] == near(naive.filtered(pixels, np.ones((3, 3)) / 9)[:, :, 1])
    assert (smooth[:, :, [0, 2, 3]] == pixels[:, :, [0, 2, 3]]).all()  # a new alpha would show what theirs hid


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float64"])
def test_gray_is_luma_in_float(dtype):
    pixels = picture(7, 9, 3, dtype, seed=10)
    matrix = weights(2, 3, seed=5)
    found = run(pixels, matrix, window=Window((2, 1)), layout=RGB._replace(select="gray"))
    assert found == pytest.approx(naive.filtered(naive.luma(pixels), matrix, (2, 1)), rel=1e-9, abs=1e-3)


def test_gray_is_what_pillow_means_by_it():
    pixels = np.ascontiguousarray(picture(40, 50, 3, seed=10))
    wanted = np.asarray(Image.fromarray(pixels).convert("L"), float)
    found = run(pixels, [[1.0]], layout=RGB._replace(select="gray"))[:, :, 0]
    assert np.abs(found - wanted).max() <= 0.51  # it rounds, and its weights have 16 bits


def test_gray_leaves_alpha_beside_it():
    pixels = picture(7, 9, 4, seed=10)
    found = run(pixels, SOBEL_X, layout=RGBA._replace(select="gray"))
    assert found.shape == (7, 9, 2)
    assert found[:, :, :1] == near(naive.filtered(naive.luma(pixels[:, :, :3]), SOBEL_X.matrix))
    assert (found[:, :, 1] == pixels[:, :, 3]).all()


@pytest.mark.parametrize("pixels", [picture(7, 9, 4), picture(7, 9, 2)], ids=["RGBA", "LA"])
def test_gray_with_alpha_filtered_like_a_colour(pixels):
    layout = Layout("rgb" if pixels.shape[2] == 4 else "l", alpha=True, select="gray", alpha_rule="filter")
    found = run(pixels, BOX, layout=layout)
    light = naive.luma(pixels[:, :, :3]) if pixels.shape[2] == 4 else pixels[:, :, :1]
    wanted = naive.filtered(np.concatenate([light, pixels[:, :, -1:]], axis=2), np.ones((3, 3)) / 9)
    assert found == near(wanted)


def test_a_filter_may_ask_for_gray_anywhere_in_a_chain():
    pixels, matrix = picture(7, 9, 3, seed=10), weights(2, 3, seed=5)
    gray = Filter("gray", (Step("it", Kernel(matrix)),), input="gray")
    wanted = naive.filtered(naive.luma(naive.filtered(pixels, matrix)), matrix)
    found = run(pixels, matrix, gray, layout=RGB)
    assert found == near(wanted)
    assert run(picture(7, 9, 1), gray) == near(naive.filtered(picture(7, 9, 1), matrix))


def test_planes_are_summed_and_a_bank_gives_its_maps():
    pixels = picture(9, 8, 3, seed=11)
    planes, bank, second = weights(3, 2, 4), weights(5, 3, 3, 2), weights(2, 5, 2, 2)
    assert run(pixels, planes).shape == (9, 8, 1)
    assert run(pixels, planes) == near(naive.filtered(pixels, planes), 0)
    window = Window((2, 1), (1, 2), "valid")
    once = naive.filtered(pixels, bank, dilation=(1, 2), padding="valid")
    wanted = naive.filtered(once, second, (2, 1), (1, 2), "valid")
    assert run(pixels, bank, second, window=window) == near(wanted, 0)


def test_planes_of_a_picture_with_alpha_see_its_colours():
    pixels, planes = picture(9, 8, 4, seed=11), weights(3, 2, 4)
    found = run(pixels, planes, layout=RGBA)
    assert found[:, :, :1] == near(naive.filtered(pixels[:, :, :3], planes), 0)
    assert (found[:, :, 1] == pixels[:, :, 3]).all()
    compiled = program(pixels.shape, "uint8", planes, layout=RGBA)
    assert (compiled.colours, compiled.alpha) == ("l", True)


# ---------------------------------------------------------------- what is refused, and how


@pytest.mark.parametrize(
    ("shape", "actions", "layout", "message"),
    [
        ((5, 6, 3), (np.ones((2, 3, 3)),), RGB, "the kernel has 2 planes, .* and the picture has 3 channels"),
        ((5, 6, 1), (np.ones((4, 3, 3, 3)),), Layout("l"), "the kernel has 3 planes.* has 1 channel$"),
        ((5, 6, 3), (np.ones((1, 3, 3)),), RGB, "--channels gray"),
        ((5, 6, 3), (BOX,), Layout("rgb", select="r,x"), '"x" \\(r,g,b\\)'),
        ((5, 6, 2), (BOX,), Layout(select="r"), "they have no names"),
        ((5, 6, 3), (BOX,), Layout("rgb", select=","), "channel"),
        ((5, 6, 4), (BOX,), Layout("cmyk", select="gray"), "gray is made of .* and the picture has 4"),
        ((5, 6, 3), (np.ones((2, 3, 1, 1)),), Layout("rgb", select="r"), "planes"),
        ((5, 6, 3), (np.ones((1, 1, 1)),), Layout("rgb", select="gray"), None),
        ((5, 6, 3), (np.ones((1, 2, 2, 2)),), Layout("rgb", select="r,g"), "cannot pass through"),
        ((5, 6, 3), (np.ones((2, 2, 2, 2)),), Layout("rgb", select="r,g"), "cannot pass through"),
        ((5, 6, 1), (Filter("f", (Step("a", BOX),), input="rgb"),), Layout("l"), "f needs a picture of red, green and"),
        ((5, 6, 1), (Filter("f", (Step("a", BOX),), result="3 + white"),), Layout("l"), "neither the image nor a step"),
        ((5, 6, 1), (Filter("f", (Step("a", BOX),), result="b + 1"),), Layout("l"), '"b" is not known'),
        ((5, 6, 1), (BOX, (np.ones((9, 9)), {"padding": "valid"})), Layout("l"), "it is 9 high.*the input 5"),
        ((5, 6, 1), ((Pool("max", (6, 2)), {}),), Layout("l"), "it is 6 high"),
        ((5, 6, 1), (Point("blush"),), Layout("l"), "blush is not a point step"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_words(shape, actions, layout, message):
    actions = [(Kernel(a[0]), a[1]) if isinstance(a, tuple) and isinstance(a[0], np.ndarray) else a for a in actions]
    if message is None:
        program(shape, "uint8", *actions, layout=layout)
        return
    with pytest.raises(ConvError, match=message):
        program(shape, "uint8", *actions, layout=layout)


def test_an_anchor_outside_a_kernel_of_the_chain_is_refused():
    with pytest.raises(ConvError, match="anchor 2,0 lies outside the kernel of 2x5"):
        run(picture(9, 9), np.ones((3, 3)), np.ones((2, 5)), window=Window(anchor=(2, 0)))


def test_windows_of_max_pools_that_see_only_padding_are_refused():
    """The least number of the dtype would come out: below the bounds that later steps count on. Torch refuses too."""
    with pytest.raises(ConvError, match="padding 3 is more than half of the pooling window of 2"):
        run(picture(6, 7), [[1.0]], (Pool("max", (2, 2)), {"padding": (3, 3, 3, 3)}), [[2.0]])
