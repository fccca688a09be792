"""Convolutions against other people's code, and against the definition in `naive.py`."""

import itertools
from dataclasses import replace

import naive
import numpy as np
import pytest
from data import picture, run, weights
from scipy import ndimage

from convcli import engine
from convcli.border import Border
from convcli.engine.strips import Convolved, Picture
from convcli.errors import ConvError
from convcli.filters import Kernel
from convcli.geometry import Window
from convcli.planner import choose
from convcli.signal import Signal

SCIPY = {"reflect": "mirror", "symmetric": "reflect", "edge": "nearest", "wrap": "wrap", "constant": "constant"}
TAPS = [(1, 1), (3, 3), (2, 3), (1, 4), (5, 2), (4, 4)]


@pytest.mark.parametrize("mode", SCIPY)
@pytest.mark.parametrize("taps", TAPS, ids=str)
@pytest.mark.parametrize("op", ["correlate", "convolve"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float64"])
def test_against_scipy(mode, taps, op, dtype):
    pixels, matrix = picture(11, 8, 1, dtype), weights(*taps, seed=3)
    for anchor in itertools.product(*map(range, taps)):
        # scipy lays tap k // 2 + origin over the output position
        origin = [a - k // 2 for a, k in zip(anchor, taps, strict=True)]
        wanted = getattr(ndimage, op)(
            pixels[:, :, 0].astype(float), matrix, mode=SCIPY[mode], cval=17.0 * (mode == "constant"), origin=origin
        )
        border = Border(mode, 17.0 * (mode == "constant"))
        found = run(pixels, matrix, window=Window(border=border, op=op, anchor=anchor))[:, :, 0]
        assert found == pytest.approx(wanted, rel=0, abs=1e-9)


@pytest.mark.parametrize("border", ["REFLECT_101", "REFLECT", "REPLICATE", "CONSTANT"])
@pytest.mark.parametrize("taps", TAPS, ids=str)
def test_against_opencv(border, taps):
    cv2 = pytest.importorskip("cv2")
    mode = {"REFLECT_101": "reflect", "REFLECT": "symmetric", "REPLICATE": "edge", "CONSTANT": "zeros"}[border]
    pixels, matrix = picture(9, 13, 3, "uint8"), weights(*taps, whole=False, seed=4)
    at = tuple((k - 1) // 2 for k in taps)
    wanted = cv2.filter2D(
        pixels.astype(np.float64), -1, matrix, anchor=at[::-1], borderType=getattr(cv2, f"BORDER_{border}")
    )
    assert run(pixels, matrix, window=Window(border=Border(mode))) == pytest.approx(wanted, rel=0, abs=1e-3)


def _window(rng, taps) -> Window:
    """Any window over those taps."""
    padding = rng.choice(["same", "valid", "full", "pixels"])
    return Window(
        stride=tuple(int(n) for n in rng.integers(1, 5, 2)),
        dilation=tuple(int(n) for n in rng.integers(1, 4, 2)),
        padding=tuple(int(n) for n in rng.integers(0, 9, 4)) if padding == "pixels" else str(padding),
        border=Border(str(rng.choice(["reflect", "symmetric", "edge", "wrap", "zeros", "mean"]))),
        op=str(rng.choice(["correlate", "convolve"])),
        bias=float(rng.choice([0, 0, 0.75, -3])),
        anchor=None if rng.random() < 0.5 else tuple(int(rng.integers(0, k)) for k in taps),
    )


@pytest.mark.parametrize("block", range(20))
def test_against_torch(block):
    """Five hundred windows: stride, dilation, padding, even kernels, both ops, banks; torch pads nothing itself."""
    torch = pytest.importorskip("torch")
    for seed in range(25 * block, 25 * (block + 1)):
        rng = np.random.default_rng([7, seed])
        taps = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
        window = _window(rng, taps)
        channels, maps = int(rng.integers(1, 4)), [None, 1, 3, 5][seed % 4]
        planes = () if maps is None else (maps, channels)
        matrix = weights(*planes, *taps, whole=seed % 3 > 0, seed=seed)
        pixels = picture(
            13 + int(rng.integers(9)), 13 + int(rng.integers(9)), channels, ["uint8", "float32"][seed % 2], seed
        )
        anchor = window.anchor or tuple((k - 1) // 2 for k in taps)
        bank = matrix if maps else np.repeat(matrix[None, None], channels, axis=0)
        if window.op == "convolve":
            bank, anchor = bank[..., ::-1, ::-1], tuple(k - 1 - a for k, a in zip(taps, anchor, strict=True))
        pads = naive.amounts(window.padding, taps, window.dilation, anchor)
        x = torch.from_numpy(naive.padded(pixels, pads, window.border.mode).transpose(2, 0, 1)[None].copy())
        wanted = torch.nn.functional.conv2d(
            x,
            torch.from_numpy(bank.copy()),
            torch.full((len(bank),), window.bias, dtype=torch.float64),
            window.stride,
            dilation=window.dilation,
            groups=1 if maps else channels,
        )
        found = run(pixels, matrix, window=window)
        assert found == pytest.approx(wanted[0].numpy().transpose(1, 2, 0), rel=0, abs=2e-3), (seed, window)


def test_weights_of_a_torch_layer_go_in_as_they_are():
    torch = pytest.importorskip("torch")
    torch.manual_seed(5)
    layer = torch.nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), bias=False)
    pixels = picture(10, 12, 3, "float32", seed=5)
    wanted = layer(torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy())).detach().numpy()[0].transpose(1, 2, 0)
    window = Window((2, 1), (1, 2), (1, 1, 2, 2), Border("zeros"))
    assert run(pixels, layer.weight.detach().numpy(), window=window) == pytest.approx(wanted, rel=0, abs=1e-5)


# ---------------------------------------------------------------- every method, alone and in its place


def _summed(method: str, pixels, kernel: Kernel, window: Window, start: int, stop: int) -> np.ndarray | None:
    """What a method makes of rows start..stop-1, called as a walk calls it; None where it refuses."""
    signal = Signal.of(pixels.shape, pixels.dtype.name)
    geometry = window.fit(signal.size, kernel.taps, kernel.anchor)
    if engine.load(method).refusal(kernel, geometry, signal):
        return None
    plan = choose(geometry, kernel, signal, method=method)
    assert plan.method == method
    height, width = geometry.out
    out_signal = signal.but(height=height, width=width, channels=kernel.maps or signal.channels, dtype="float64")
    out = np.full((stop - start, width, out_signal.channels), 99.0)
    Convolved(out_signal, Picture(pixels, signal), kernel, geometry, plan).fill(start, stop, out)
    return out


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
@pytest.mark.parametrize("method", engine.METHODS)
def test_every_method_equals_the_definition(method, dtype):
    done = 0
    for seed in range(40):
        rng = np.random.default_rng([11, seed])
        taps = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
        channels, maps = int(rng.integers(1, 4)), [None, None, 2, 1][seed % 4]
        matrix = weights(*(() if maps is None else (maps, channels)), *taps, whole=seed % 2 > 0, seed=seed)
        if seed % 5 == 0:  # of rank one, for those who ask for it
            matrix = matrix[..., :1] * weights(1, taps[1], seed=seed + 1)
        window = replace(_window(rng, taps), border=Border(["reflect", "symmetric", "edge", "wrap", "zeros"][seed % 5]))
        pixels = picture(14, 15, channels, dtype, seed)
        kernel = Kernel(matrix, anchor=window.anchor)
        kernel = kernel.turned() if window.op == "convolve" else kernel
        wanted = naive.filtered(
            pixels, kernel.matrix, window.stride, window.dilation, window.padding, window.border.mode,
            anchor=kernel.anchor,
        )  # fmt: skip
        n = len(wanted)
        for start, stop in {(0, n), (0, 1), (n - 1, n), (min(1, n - 1), min(3, n))}:
            found = _summed(method, pixels, kernel, window, start, stop)
            if found is None:
                continue
            is_exact = dtype in ("uint8", "int32") and seed % 2 > 0
            off = 0 if is_exact else 1e-3
            assert found == pytest.approx(wanted[start:stop], rel=0, abs=off), (seed, window, start, stop)
            done += 1
    if not (dtype.startswith("float") and method in ("toeplitz", "fft")):  # infinite samples would spread
        assert done >= 20, f"{method} refused nearly everything"


@pytest.mark.parametrize("taps", [(1, 1), (2, 3), (7, 4), (1, 9), (12, 11)], ids=str)
@pytest.mark.parametrize("method", engine.METHODS)
def test_every_method_in_a_chain(method, taps):
    pixels = picture(23, 17, 3, "uint8", seed=8)
    done = 0
    for rank_one in (True, False):
        matrix = weights(taps[0], 1, seed=1) * weights(1, taps[1], seed=2) if rank_one else weights(*taps, seed=3)
        for window in (Window(), Window((2, 3), (1, 2), "full", Border("wrap"), "convolve", 2.0)):
            try:
                found = run(pixels, Kernel(matrix, 1 / 3), window=window, method=method)
            except ConvError as refusal:
                if f"method {method} cannot do this: " not in str(refusal):
                    raise
                continue
            wanted = naive.filtered(
                pixels, matrix / 3, window.stride, window.dilation, window.padding, window.border.mode,
                op=window.op, bias=window.bias,
            )  # fmt: skip
            assert found == pytest.approx(wanted, rel=0, abs=1e-3)
            done += 1
    assert done >= (1 if taps == (1, 1) else 2), f"{method} refused nearly everything"


def _agrees(method, pixels, kernel, window, off=0.0) -> bool:
    """Compares with the definition; False where the method refuses."""
    try:
        found = run(pixels, kernel, window=window, method=method)
    except ConvError as refusal:
        if f"method {method} cannot do this: " not in str(refusal):
            raise
        return False
    wanted = naive.filtered(
        pixels, kernel.matrix * kernel.scale, window.stride, window.dilation, window.padding, window.border.mode,
        window.border.value, window.op, bias=window.bias,
    )  # fmt: skip
    worst = np.abs(found - wanted).max()
    assert worst <= off, f"{method} is off by {worst}"
    return True


TILES = [
    ((9, 13), Window(border=Border("wrap"))),
    ((9, 13), Window((2, 3), (2, 1), (5, 0, 21, 3))),
    ((22, 21), Window((5, 1), padding="valid")),
    ((3, 4), Window((1, 7), (11, 5), "full", Border("symmetric"), "convolve")),
]


@pytest.mark.parametrize("method", ["direct", "separable", "toeplitz", "fft"])
@pytest.mark.parametrize(("taps", "window"), TILES, ids=["large", "strided", "larger", "dilated"])
def test_every_method_over_many_tiles_and_blocks(method, taps, window):
    done = 0
    for dtype, whole in (("uint8", True), ("uint8", False), ("uint16", True), ("int32", False)):
        pixels = picture(131, 157, 1, dtype, seed=2)
        for matrix in (
            weights(taps[0], 1, whole=whole) * weights(1, taps[1], whole=whole),
            weights(*taps, whole=whole),
        ):
            done += _agrees(method, pixels, Kernel(matrix), window, 0.0 if whole else 1e-3)
    assert done >= 4


def _line(rng) -> np.ndarray:
    """Weights with factors worth taking out: runs, binomials, signs, holes."""
    line = np.ones(1)
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(5)
        if kind == 0:
            factor = np.ones(rng.integers(2, 12))
        elif kind == 1:
            factor = np.array([1.0, 1.0])
        elif kind == 2:
            factor = rng.integers(-3, 4, rng.integers(2, 4)).astype(float)
        elif kind == 3:
            factor = np.array([1.0, 0.0, rng.choice([-1.0, 1.0])])
        else:
            factor = np.array([float(rng.integers(1, 9)), 1.0])
        line = np.convolve(line, factor)
    return line


@pytest.mark.parametrize("block", range(8))
def test_lines_with_factors(block):
    """Two passes take neighbours and runs out of the weights; whole sums stay exact through all of it."""
    done = 0
    for seed in range(25 * block, 25 * (block + 1)):
        rng = np.random.default_rng([13, seed])
        column, row = _line(rng)[:, None], _line(rng)[None]
        sign = rng.choice([-1, 1])
        kernel = Kernel(sign * column * row * float(rng.integers(1, 4)), float(rng.choice([1.0, 0.125])))
        stride, dilation = rng.integers(1, 4, 2), rng.integers(1, 4, 2)
        window = Window(tuple(map(int, stride)), tuple(map(int, dilation)), border=Border("edge"))
        pixels = picture(17, 19, 2, ["uint8", "uint16", "int16", "int32"][seed % 4], seed)
        off = 0.0 if kernel.scale == 1 else 1e-3
        done += _agrees("separable", pixels, kernel, window, off)
        _agrees("auto", pixels, kernel, window, off)
    assert done >= 20


@pytest.mark.parametrize("method", ["auto", "separable", "toeplitz"])
def test_boxes_of_every_length(method):
    pixels = picture(23, 29, 2, "uint8", seed=3)
    for length in range(1, 72):
        for taps in ((length, 1), (1, length), (length, 3)):
            found = run(pixels, np.ones(taps), method=method)
            wanted = naive.filtered(pixels, np.ones(taps))
            assert (found == wanted).all(), f"box of {taps[0]}x{taps[1]}"


@pytest.mark.parametrize("method", ["direct", "separable", "toeplitz", "fft"])
@pytest.mark.parametrize(
    "matrix",
    [
        np.outer([8], [9, 8, 6, 7]),  # 61200: fits 16 bits without a sign, and (1 + z) leaves a negative weight
        np.outer([2, 6], [9, 8, 6, 7]),
        np.full((1, 257), 1),
        np.full((12, 21), 1),  # 64260
        np.full((22, 23), 1),  # 129030: near what a spectrum in float32 keeps whole
        np.full((40, 41), 40),  # 2^24
        np.full((3, 3), 900_000),  # 2^31
        np.full((3, 3), 2.0**39),  # 2^50
    ],
    ids=lambda m: f"{m.shape[0]}x{m.shape[1]} of {np.sum(m):.0f}",
)
def test_whole_sums_at_the_limits_of_a_dtype(method, matrix):
    bright = np.concatenate([np.full((60, 60, 1), 255, np.uint8), picture(20, 60)])
    done = _agrees(method, bright, Kernel(matrix), Window(padding="full", border=Border("edge")))
    signs = np.where(np.indices(matrix.shape).sum(axis=0) % 2, -1, 1)
    done += _agrees(method, bright, Kernel(matrix * signs), Window(padding="full", border=Border("zeros")))
    if method in ("direct", "toeplitz"):
        assert done == 2


@pytest.mark.parametrize(("method", "runs"), {"direct": 2, "toeplitz": 2, "fft": 1, "reference": 2}.items())
def test_maps_and_kernels_of_zeros_leave_nothing_of_what_was_in_memory_before(method, runs):
    """Without `separable`, which takes neither maps nor a matrix of rank 0; `fft` takes no maps."""
    done = 0
    pixels, bank = picture(30, 9, 2), weights(3, 2, 2, 3)
    bank[1] = 0
    for matrix in (bank, np.zeros((2, 3))):
        try:
            found = run(pixels, bank.sum(axis=(0, 1)) + 1, matrix, method=method)
        except ConvError as refusal:
            if f"method {method} cannot do this: " not in str(refusal):
                raise
            continue
        first = naive.filtered(pixels, bank.sum(axis=(0, 1)) + 1)
        assert (found == naive.filtered(first, matrix)).all()
        done += 1
    assert done == runs


@pytest.mark.parametrize("method", ["direct", "separable"])
def test_infinite_samples_stay_where_they_are(method):
    pixels = np.zeros((40, 50, 1), np.float32)
    pixels[20, 25] = np.inf
    pixels[5, 5] = np.nan
    with np.errstate(all="ignore"):
        found = run(pixels, np.outer([1.0, 2, 1], [1.0, 3, 3, 1]), method=method)
    touched = np.argwhere(~np.isfinite(found[:, :, 0]))
    assert {tuple(map(int, at)) for at in touched} == {
        (y + u, x + v) for y, x in ((20, 25), (5, 5)) for u in (-1, 0, 1) for v in (-2, -1, 0, 1)
    }


# ---------------------------------------------------------------- golden values of the page


def _row(*levels) -> np.ndarray:
    return np.array(levels, np.uint8).reshape(1, -1, 1)


def test_golden_even_kernel():
    found = run(_row(0, 0, 0, 0, 1, 0, 0, 0, 0), [[1.0, 2.0]], window=Window(border=Border("zeros")))
    assert found.ravel().tolist() == [0, 0, 0, 2, 1, 0, 0, 0, 0]


def test_golden_step_edge():
    step = np.repeat(_row(10, 10, 10, 10, 30, 30, 30, 30), 5, axis=0)
    found = run(step, [[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    assert found[:, :, 0].tolist() == [[0, 0, 0, 80, 80, 0, 0, 0]] * 5


@pytest.mark.parametrize(("op", "at"), [("correlate", (3, 3)), ("convolve", (1, 1))])
def test_golden_impulse(op, at):
    impulse = np.zeros((5, 5, 1), np.uint8)
    impulse[2, 2] = 1
    found = run(impulse, [[1.0, 0, 0], [0, 0, 0], [0, 0, 0]], window=Window(op=op))
    assert np.argwhere(found[:, :, 0]).tolist() == [list(at)]


@pytest.mark.parametrize(
    ("row", "matrix", "window", "wanted"),
    [
        ((2, 1, 1), [1, 1, 2], Window(padding="full", border=Border("zeros"), op="convolve"), [2, 3, 6, 3, 2]),
        ((2, 1, 1), [1, 1, 2], Window((2, 2), padding="full", border=Border("zeros"), op="convolve"), [2, 6, 2]),
        ((2, 1, 1), [1, 1, 2], Window(padding="full", border=Border("zeros")), [4, 4, 5, 2, 1]),
        ((1, 0, 3, 0), [1, 2], Window((3, 3), padding=(0, 0, 1, 1), border=Border("zeros")), [2, 3]),
    ],
)
def test_golden_rows(row, matrix, window, wanted):
    window = window if window.padding != "full" else Window(
        (1, window.stride[1]), padding=(0, 0, 2, 2), border=window.border, op=window.op
    )  # fmt: skip
    assert run(_row(*row), [matrix], window=window).ravel().tolist() == wanted


@pytest.mark.parametrize("width", [63, 64, 65, 97, 641])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_columns_that_are_left_over(width, dilation):
    """Products along a row work in blocks of 32 columns; the last one may have a single column, with holes."""
    rng = np.random.default_rng(width)
    line = rng.random(31)
    pixels, kernel = picture(19, width, 1, "uint8", width), Kernel(np.outer(line, line) / line.sum() ** 2)
    window = Window(dilation=(1, dilation))
    found = [run(pixels, kernel, window=window, method=method) for method in ("separable", "direct")]
    assert np.abs(found[0].astype(float) - found[1]).max() <= 1e-3


def test_infinity_is_not_taken_from_infinity():
    """A kernel of low rank is a sum of several, which would disagree about an infinite sample."""
    rng = np.random.default_rng(3)
    matrix = np.outer(rng.normal(size=7), rng.normal(size=7)) + np.outer(rng.normal(size=7), rng.normal(size=7))
    pixels = np.zeros((20, 21, 1), np.float32)
    pixels[9, 10] = np.inf
    found = run(pixels, Kernel(matrix), method="auto")
    assert np.isinf(found[6:13, 7:14]).all()
    assert np.isinf(found).sum() == 49
    assert not np.isnan(found).any()
