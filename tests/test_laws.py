"""What holds for every convolution, whatever the numbers: the laws, over awkward windows, weights and pictures.

A law is a function of a `Case` that raises AssertionError. `test_faults.py` plants faults and asks which laws
notice. Where numbers are whole the laws hold exactly, elsewhere to a thousandth of a level.
"""

from dataclasses import dataclass, replace
from unittest.mock import patch

import naive
import numpy as np
import pytest
from data import picture, program, run, weights
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convcli import engine, graph
from convcli.border import Border
from convcli.engine import strips
from convcli.errors import ConvError
from convcli.filters import Filter, Kernel, Point, Pool, Step
from convcli.geometry import Window
from convcli.graph import Program
from convcli.pipeline import Layout

MODES = ("reflect", "edge", "symmetric", "wrap", "zeros", "constant", "mean")
INTEGERS = ("uint8", "uint16", "int16", "int32")


@dataclass(frozen=True)
class Case:
    """A picture, a kernel and a window; all random numbers come from the seed."""

    height: int = 9
    width: int = 14
    channels: int = 1
    dtype: str = "uint8"
    taps: tuple[int, int] = (2, 3)
    maps: int | None = None  # None: each channel alone; else a bank of that many maps
    whole: bool = True
    scale: float = 1.0
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: str | tuple[int, int, int, int] = "same"
    mode: str = "reflect"
    value: float = 0.0
    op: str = "correlate"
    anchor: tuple[int, int] | None = None
    bias: float = 0.0
    seed: int = 0

    @property
    def pixels(self) -> np.ndarray:
        return picture(self.height, self.width, self.channels, self.dtype, self.seed)

    @property
    def matrix(self) -> np.ndarray:
        planes = () if self.maps is None else (self.maps, self.channels)
        return weights(*planes, *self.taps, whole=self.whole, seed=self.seed)

    @property
    def kernel(self) -> Kernel:
        return Kernel(self.matrix, self.scale)

    @property
    def reach(self) -> tuple[int, int]:
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.taps, strict=True))

    @property
    def at(self) -> tuple[int, int]:
        """The anchor, made definite."""
        return self.anchor or tuple((k - 1) // 2 for k in self.taps)

    @property
    def tolerance(self) -> float:
        """0 where all numbers are whole; else the thousandth of a level that the page grants."""
        outside_is_whole = self.padding == "valid" or (self.mode != "mean" and self.value == int(self.value))
        is_whole = self.whole and self.scale == 1 and self.bias == int(self.bias) and outside_is_whole
        return 0.0 if is_whole and self.dtype in INTEGERS else 1e-3

    @property
    def window(self) -> Window:
        border = Border(self.mode, self.value if self.mode == "constant" else 0.0)
        return Window(self.stride, self.dilation, self.padding, border, self.op, self.bias, self.anchor)

    def run(self, pixels=None, kernel=None, method="auto", **changes) -> np.ndarray:
        """The sums, for other pixels, another kernel or a window with changes."""
        window = replace(self.window, **changes)
        pixels = self.pixels if pixels is None else pixels
        return run(pixels, self.kernel if kernel is None else kernel, window=window, method=method)

    def naive(self) -> np.ndarray:
        """The same by the definition."""
        return naive.filtered(
            self.pixels,
            self.matrix * self.scale,
            self.stride,
            self.dilation,
            self.padding,
            self.mode,
            self.value,
            self.op,
            self.anchor,
            self.bias,
        )


def equal(found: np.ndarray, wanted: np.ndarray, tolerance: float = 0.0) -> None:
    """Raises AssertionError unless shapes are the same and no sample is further off than the tolerance."""
    assert found.shape == wanted.shape, f"{found.shape} is not {wanted.shape}"
    worst = np.abs(np.asarray(found, np.float64) - np.asarray(wanted, np.float64)).max()
    assert worst <= tolerance, f"off by {worst}, more than {tolerance}"


# ---------------------------------------------------------------- the laws


def equals_the_definition(case: Case) -> None:
    equal(case.run(), case.naive(), case.tolerance)


def stride_samples_the_dense_result(case: Case) -> None:
    sy, sx = case.stride
    equal(case.run(), case.run(stride=(1, 1))[::sy, ::sx], case.tolerance)


def dilation_is_zeros_between_taps(case: Case) -> None:
    (dy, dx), (ay, ax) = case.dilation, case.at
    spread = np.zeros((*case.matrix.shape[:-2], *case.reach))
    spread[..., ::dy, ::dx] = case.matrix
    kernel = Kernel(spread, case.scale, anchor=(dy * ay, dx * ax))
    equal(case.run(), case.run(kernel=kernel, dilation=(1, 1), anchor=None), case.tolerance)


def impulse_gives_the_kernel_turned(case: Case) -> None:
    case = replace(case, maps=None, stride=(1, 1), padding="same", mode="zeros", bias=0.0)
    (dy, dx), (ay, ax) = case.dilation, case.at
    at = (case.height // 2, case.width // 3)
    impulse = np.zeros((case.height, case.width, 1), "uint8")
    impulse[at] = 1
    wanted = np.zeros(impulse.shape)
    turn = 1 if case.op == "convolve" else -1
    for (u, v), weight in np.ndenumerate(case.matrix):
        i, j = at[0] + turn * dy * (u - ay), at[1] + turn * dx * (v - ax)
        if 0 <= i < case.height and 0 <= j < case.width:
            wanted[i, j] = weight * case.scale
    equal(case.run(impulse), wanted, case.tolerance)


def weights_of_sum_one_keep_a_constant_picture(case: Case) -> None:
    if case.mode in ("zeros", "constant"):
        return
    matrix = weights(*case.taps, whole=case.whole, seed=case.seed)
    matrix[0, -1] += 1 - matrix.sum()
    flat = np.full((case.height, case.width, case.channels), 200, np.uint8)
    found = case.run(flat, Kernel(matrix), bias=0.0)
    equal(found, np.full(found.shape, 200.0), 0.0 if case.whole and case.mode != "mean" else 1e-3)


def shift_goes_through_under_wrap(case: Case) -> None:
    case = replace(case, mode="wrap", padding="same", stride=(1, 1))
    shift = (1 + case.seed % 3, -2)
    moved = np.roll(case.pixels, shift, axis=(0, 1))
    equal(case.run(moved), np.roll(case.run(), shift, axis=(0, 1)), case.tolerance)


def flip_of_picture_and_kernel_flips_the_result(case: Case) -> None:
    case = replace(case, stride=(1, 1))
    for axis in (0, 1):
        anchor, pads = list(case.at), case.padding
        anchor[axis] = case.taps[axis] - 1 - anchor[axis]
        if not isinstance(pads, str):
            pads = list(pads)
            pads[2 * axis : 2 * axis + 2] = pads[2 * axis + 1], pads[2 * axis]
        kernel = Kernel(np.flip(case.matrix, axis - 2), case.scale)
        found = case.run(np.flip(case.pixels, axis), kernel, anchor=tuple(anchor), padding=pads)
        equal(found, np.flip(case.run(), axis), case.tolerance)


def transposed_picture_and_kernel_transpose_the_result(case: Case) -> None:
    pads = case.padding if isinstance(case.padding, str) else (*case.padding[2:], *case.padding[:2])
    found = case.run(
        case.pixels.swapaxes(0, 1),
        Kernel(case.matrix.swapaxes(-1, -2), case.scale),
        stride=case.stride[::-1],
        dilation=case.dilation[::-1],
        padding=pads,
        anchor=case.at[::-1],
    )
    equal(found, case.run().swapaxes(0, 1), case.tolerance)


def adjoint_moves_to_the_other_side(case: Case) -> None:
    """<Kx, y> = <x, K'y>: K' spreads y over the strides and convolves fully with the bank transposed."""
    case = replace(case, padding="valid", mode="zeros", op="correlate", bias=0.0, dtype="float64", anchor=None)
    case = replace(case, height=case.height + case.reach[0], width=case.width + case.reach[1])
    x, kx = case.pixels, case.run()
    y = picture(*kx.shape, dtype="float64", seed=case.seed + 1)
    spread = np.zeros((case.height - case.reach[0] + 1, case.width - case.reach[1] + 1, y.shape[2]))
    spread[:: case.stride[0], :: case.stride[1]] = y
    back = case.matrix if case.maps is None else case.matrix.swapaxes(0, 1)
    ky = case.run(spread, Kernel(back, case.scale), stride=(1, 1), padding="full", op="convolve")
    assert ky.shape == x.shape
    left, right = float((kx * y).sum()), float((x * ky).sum())
    assert abs(left - right) <= 1e-9 * float(np.abs(x).sum() * np.abs(case.matrix).sum()), f"{left} is not {right}"


def two_filters_are_their_full_convolution(case: Case) -> None:
    case = replace(case, maps=None, padding="valid", stride=(1, 1), scale=1.0, bias=0.0, whole=True, anchor=None)
    other = weights(3, 2, seed=case.seed + 7)
    case = replace(case, height=case.height + 2 * case.reach[0] + 4, width=case.width + 2 * case.reach[1] + 4)
    spread = np.zeros(case.reach)
    spread[:: case.dilation[0], :: case.dilation[1]] = case.matrix
    both = np.zeros((2 * case.dilation[0] + 1, case.dilation[1] + 1))
    both[:: case.dilation[0], :: case.dilation[1]] = other
    twice = run(case.pixels, case.kernel, Kernel(other), window=case.window)
    once = case.run(kernel=Kernel(naive.convolved_fully(spread, both)), dilation=(1, 1))
    equal(twice, once, case.tolerance)


def sums_are_linear(case: Case) -> None:
    case = replace(case, dtype="float64", bias=0.0, value=0.0)
    x, y = case.pixels, picture(case.height, case.width, case.channels, "float64", case.seed + 1)
    equal(case.run(2 * x - 3 * y), 2 * case.run(x) - 3 * case.run(y), 1e-9 * 100 * np.abs(case.matrix).sum())


def all_methods_agree(case: Case) -> None:
    wanted = case.naive()
    for method in engine.METHODS:
        try:
            found = case.run(method=method)
        except ConvError as refusal:
            if "cannot do this" not in str(refusal):
                raise
            continue
        equal(found, wanted, case.tolerance)


LAWS = (
    equals_the_definition,
    stride_samples_the_dense_result,
    dilation_is_zeros_between_taps,
    impulse_gives_the_kernel_turned,
    weights_of_sum_one_keep_a_constant_picture,
    shift_goes_through_under_wrap,
    flip_of_picture_and_kernel_flips_the_result,
    transposed_picture_and_kernel_transpose_the_result,
    adjoint_moves_to_the_other_side,
    two_filters_are_their_full_convolution,
    sums_are_linear,
    all_methods_agree,
)


@st.composite
def cases(draw) -> Case:
    """Cases that fit: small pictures, all windows, all dtypes."""
    pair = lambda most: st.tuples(st.integers(1, most), st.integers(1, most))  # noqa: E731
    taps, dilation, stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 5))), draw(pair(3)), draw(pair(3))
    padding = draw(st.sampled_from(["same", "same", "valid", "full"]) | st.tuples(*[st.integers(0, 7)] * 4))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 11))
    if padding == "valid" or not isinstance(padding, str):
        height, width = height + dilation[0] * (taps[0] - 1), width + dilation[1] * (taps[1] - 1)
    anchor = draw(st.none() | st.tuples(st.integers(0, taps[0] - 1), st.integers(0, taps[1] - 1)))
    return Case(
        height,
        width,
        channels=draw(st.sampled_from([1, 2, 3])),
        dtype=draw(st.sampled_from([*INTEGERS, "float32", "float64"])),
        taps=taps,
        maps=draw(st.sampled_from([None, None, 1, 2, 3])),
        whole=draw(st.booleans()),
        scale=draw(st.sampled_from([1.0, 1.0, 1 / 9, -2.0])),
        stride=stride,
        dilation=dilation,
        padding=padding,
        mode=draw(st.sampled_from(MODES)),
        value=draw(st.sampled_from([0.0, 3.0, -7.5])),
        op=draw(st.sampled_from(["correlate", "convolve"])),
        anchor=anchor,
        bias=draw(st.sampled_from([0.0, 0.0, 5.0, -0.25])),
        seed=draw(st.integers(0, 999)),
    )


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(max_examples=200)
@given(case=cases())
@example(case=Case(stride=(2, 3), dilation=(1, 2), padding=(3, 0, 1, 4)))
@example(case=Case(taps=(4, 2), stride=(3, 1), dilation=(2, 1), op="convolve"))
@example(case=Case(channels=3, maps=2, stride=(1, 2), dilation=(2, 3), padding="full", mode="wrap"))
def test_law(law, case):
    law(case)


# ---------------------------------------------------------------- identity, and pictures left alone


@pytest.mark.parametrize("dtype", [*INTEGERS, "float32", "float64"])
@pytest.mark.parametrize("mode", MODES)
def test_a_single_one_gives_the_picture_back(dtype, mode):
    pixels = picture(7, 5, 3, dtype)
    found = run(pixels, [[1.0]], window=Window(border=Border(mode, 3.0 if mode == "constant" else 0.0)))
    assert (found == pixels).all()


@pytest.mark.parametrize("method", engine.METHODS)
@pytest.mark.parametrize("actions", [([[1.0, 2]],), ([[1.0]],), (Point("relu"),), (Pool("max", (2, 2)),)])
def test_the_input_is_not_written_to(method, actions):
    pixels = np.ascontiguousarray(picture(9, 8, 2, "int16"))
    before = pixels.copy()
    run(pixels, *actions, method=method)
    assert (pixels == before).all()
    pixels.flags.writeable = False
    run(pixels, *actions, method=method)


# ---------------------------------------------------------------- whole numbers are exact, the others near


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("size", [1, 3, 60, 1000, 30000])
@pytest.mark.parametrize("sign", ["mixed", "plus", "minus"])
def test_whole_weights_over_whole_pictures_are_exact(dtype, size, sign):
    rng = np.random.default_rng(size)
    matrix = rng.integers(-size, size, (3, 4), endpoint=True).astype(float)
    matrix = {"mixed": matrix, "plus": np.abs(matrix), "minus": -np.abs(matrix)}[sign]
    pixels = picture(11, 9, 2, dtype, seed=size)
    window = Window(stride=(1, 2), dilation=(2, 1), padding=(3, 0, 1, 2), border=Border("symmetric"))
    wanted = naive.filtered(
        pixels, matrix, window.stride, window.dilation, window.padding, window.border.mode, exact=True
    )
    assert (run(pixels, matrix, window=window) == wanted.astype(np.float64)).all()


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("end", ["min", "max"])
@pytest.mark.parametrize("matrix", [[[1.0]], [[-1.0]], [[1.0, 1.0]], [[-1.0, -1.0]], [[128.0]], [[-129.0]], [[257.0]]])
def test_flat_extremes_do_not_wrap(dtype, end, matrix):
    level = int(getattr(np.iinfo(dtype), end))
    pixels = np.full((4, 5, 1), level, dtype)
    found = run(pixels, matrix, window=Window(border=Border("edge")))
    assert (found == level * np.sum(matrix)).all()


def test_a_border_value_beyond_the_levels_does_not_wrap():
    pixels = picture(3, 4)
    for value in (300.0, -40000.0, 3e6):
        found = run(pixels, [[1.0, 2.0, -1.0]], window=Window(padding="full", border=Border("constant", value)))
        assert (found == naive.filtered(pixels, [[1, 2, -1]], padding="full", mode="constant", value=value)).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
@pytest.mark.parametrize("taps", [(1, 1), (3, 5), (4, 4), (15, 2), (9, 9), (31, 31)])
@pytest.mark.parametrize("kind", ["smooth", "signed", "scaled", "large"])
def test_other_weights_are_within_a_thousandth_of_a_level(dtype, taps, kind):
    rng = np.random.default_rng([*taps, len(kind)])
    matrix, scale = rng.random(taps), 1.0
    if kind == "smooth":
        matrix /= matrix.sum()
    elif kind == "signed":
        matrix = (matrix - 0.5) / np.sqrt(matrix.size)
    elif kind == "scaled":
        matrix, scale = rng.integers(0, 9000, taps).astype(float), 1 / 4500 / matrix.size
    else:
        matrix *= 40
    pixels = np.concatenate([picture(40, 37, 1, dtype), np.full((9, 37, 1), np.iinfo(dtype).max, dtype)])
    wanted = naive.filtered(pixels, matrix * scale, mode="edge")
    equal(run(pixels, Kernel(matrix, scale), window=Window(border=Border("edge"))), wanted, 1e-3)


@pytest.mark.parametrize(
    ("weight", "scale", "bias"),
    [(128875.0, 2.4515912772922786e-4, 0.0), (60.1, 1.0, -8000.0), (131193.0, 4.895182501508058e-4, -8190.0)],
)
def test_scaled_sums_near_the_end_of_float32_are_within_a_thousandth_of_a_level(weight, scale, bias):
    """Below 2^13 levels a float32 holds a thousandth; so must the sum, the scale, the product before the bias."""
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    wanted = naive.filtered(pixels, np.array([[weight * scale]]), bias=bias)
    equal(run(pixels, Kernel([[weight]], scale), window=Window(bias=bias)), wanted, 1e-3)


@pytest.mark.parametrize(
    "actions",
    [
        (Kernel(np.ones((3, 3)), 1 / 9), Kernel([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], 25.0)),
        (Kernel(np.ones((3, 3)), 1 / 9), Kernel([[100.0]])),
        (Kernel(np.ones((3, 3)), 1 / 9), Point("square")),
        (Point("square"), Kernel([[1.0, 2.0]]), Point("sqrt")),
    ],
    ids=["box, laplacian times 25", "box, times 100", "box, square", "square, sum, sqrt"],
)
def test_chains_are_within_a_thousandth_of_a_level(actions):
    """Nothing is rounded between the steps, so what one step is off must not grow beyond that in the next."""
    pixels = picture(30, 23, 1, "uint8")
    wanted = pixels
    for action in actions:
        if isinstance(action, Kernel):
            wanted = naive.filtered(wanted, action.matrix * action.scale)
        else:
            wanted = {"square": np.square, "sqrt": np.sqrt}[action.name](np.asarray(wanted, np.float64))
    equal(run(pixels, *actions), wanted, 1e-3)


# ---------------------------------------------------------------- threads and strips change nothing


def _gradient(name: str = "magnitude") -> Filter:
    across = Kernel([[-1.0, 0, 1, 2]])
    return Filter(
        name,
        (Step("gx", across), Step("gy", Kernel(across.matrix.T)), Step("low", Kernel(np.ones((5, 2)), 0.1), "gx * gx")),
        result="hypot(gx, gy) + image - low",
    )


CHAINS = {
    "one": ([[1.0, -2, 3], [0, 1, 5]],),
    "large reach": (weights(9, 3), weights(2, 11), weights(13, 1)),
    "smooth": (Kernel(weights(3, 4, whole=False)), Kernel(np.ones((4, 4)), 1 / 16)),
    "composite": (_gradient(),),
    "composite of a computed picture": (weights(3, 2), _gradient(), weights(2, 5)),
    "the same picture twice in a formula": (
        weights(2, 3),
        Filter("sharp", (Step("low", Kernel(np.ones((5, 5)), 1 / 25)),), result="2 * image - low"),
    ),
    "points": (weights(3, 2), Point("abs"), Point("sqrt"), weights(1, 2), Point("relu")),
    "pools": (weights(3, 2), (Pool("max", (3, 2)), {"stride": (1, 2)}), (Pool("avg", (2, 2)), {"stride": (2, 1)})),
    "threshold": (weights(3, 2), Point("threshold", 10.0), Kernel(np.ones((7, 7)))),
    "composite of a composite": (_gradient("first"), _gradient("second")),
    "bank": (weights(2, 3, 5, 4), weights(3, 2, 2, 3)),
}
WINDOWS = [
    Window(),
    Window(stride=(3, 2), dilation=(4, 1), border=Border("wrap")),
    Window(dilation=(2, 3), border=Border("mean")),
    Window(stride=(2, 1), padding=(19, 0, 2, 7), border=Border("reflect")),
    Window(padding="full", border=Border("symmetric"), op="convolve"),
    Window(padding=(0, 33, 1, 1), border=Border("constant", 9.5), bias=1.5),
]


@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: f"{w.border}-{w.padding}-{w.stride}")
@pytest.mark.parametrize("chain", CHAINS)
def test_strips_and_threads_change_nothing(chain, window):
    layout = Layout("rg", alpha=True) if chain in ("one", "smooth", "pools") else Layout()
    fitting = replace(window, padding="same") if "composite" in chain or "formula" in chain else window
    pixels = picture(45, 19, 3, "uint8", seed=5)
    with patch.object(Program, "strip", 10**6):
        whole = run(pixels, *CHAINS[chain], window=fitting, layout=layout)
    assert np.isfinite(whole).all()
    assert np.ptp(whole) > 1
    for strip, threads in ((1, 1), (1, 2), (3, 7), (7, 1), (16, 3), (44, 2)):
        with patch.object(Program, "strip", strip), patch.object(graph, "SMALL", 0):
            found = run(pixels, *CHAINS[chain], window=fitting, layout=layout, threads=threads)
        assert (found == whole).all(), f"strips of {strip} rows, {threads} threads"


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
@pytest.mark.parametrize("taps", [(3, 4), (11, 9), (21, 2)], ids=str)
@pytest.mark.parametrize("method", ["auto", "direct", "separable", "toeplitz", "fft"])
def test_strips_and_threads_change_nothing_for_any_method(method, taps, dtype):
    """BLAS and spectra round by the shape of their blocks: the blocks must not follow the strips."""
    matrix = np.outer(weights(taps[0], whole=False), weights(taps[1], whole=False, seed=1))
    pixels = picture(83, 21, 2, dtype, seed=5)
    window = Window((2, 1), border=Border("wrap"), bias=0.5)
    with patch.object(Program, "strip", 10**6):
        whole = run(pixels, matrix, matrix.T, window=window, method=method)
    for strip, threads in ((1, 1), (5, 3), (8, 2), (13, 1), (40, 2)):
        with patch.object(Program, "strip", strip), patch.object(graph, "SMALL", 0):
            found = run(pixels, matrix, matrix.T, window=window, method=method, threads=threads)
        assert (found == whole).all(), f"strips of {strip} rows, {threads} threads"


@pytest.mark.parametrize("threads", [1, 2, 3, 64])
@pytest.mark.parametrize("memory", [1, 1 << 12, 1 << 30])
def test_memory_for_strips_changes_nothing(memory, threads):
    pixels = picture(150, 64, 3, "uint8", seed=6)
    wanted = naive.filtered(pixels, np.ones((5, 3)), mode="wrap")
    with patch.object(graph, "STRIP_BYTES", memory), patch.object(graph, "SMALL", 0):
        found = run(pixels, np.ones((5, 3)), window=Window(border=Border("wrap")), threads=threads)
    assert (found == wanted).all()


def test_a_fault_in_any_thread_reaches_the_caller():
    class Broken(Exception):
        pass

    def sink(start, block):
        if start >= 40:
            raise Broken

    compiled = program((64, 9, 1), "uint8", np.ones((3, 3)))
    with patch.object(graph, "SMALL", 0), patch.object(Program, "strip", 8), pytest.raises(Broken):
        compiled.run(picture(64, 9), 4, strips.taking(sink))


def test_planes_do_not_make_the_step_before_once_for_each():
    """Rows outside under `wrap` lie far away, and what the step before keeps is only what lies together."""
    window = Window(border=Border("wrap"))
    kernel, wide = Kernel(np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]])), np.outer(*[np.hanning(41)[1:-1]] * 2)
    compiled = program((400, 700, 3), "uint8", kernel, Kernel(wide / wide.sum()), window=window)
    assert compiled.stages[1].plan.blocks.planar
    made, plain = [], strips.Convolved._fill

    def counted(self, start, stop, out):
        made.append((self.kernel is kernel) * (stop - start))
        plain(self, start, stop, out)

    with patch.object(strips.Convolved, "_fill", counted), patch.object(Program, "strip", 64):
        compiled.run(picture(400, 700, 3), 1, strips.taking(lambda start, block: None))
    assert 400 <= sum(made) < 700
