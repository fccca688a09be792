"""Faults planted one at a time: each must be noticed by the laws, and each law must notice some.

This is what keeps the laws from being true of everything. A fault is a patch of one function; the cases are a
fixed handful, with nothing square, odd or symmetric about them.
"""

from dataclasses import replace

import naive
import numpy as np
import pytest
from test_laws import LAWS, Case, equals_the_definition

from convcli import engine, graph, planner
from convcli.border import locate
from convcli.engine import Numbers, strips
from convcli.filters import Kernel
from convcli.geometry import Geometry, Window

CASES = (
    Case(stride=(2, 3), dilation=(1, 2), padding=(3, 0, 1, 4)),
    Case(taps=(4, 2), stride=(1, 2), dilation=(2, 1), op="convolve", bias=5.0, scale=1 / 9, seed=1),
    Case(channels=3, maps=3, taps=(2, 3), stride=(3, 2), padding="full", mode="edge", dtype="int16", seed=2),
    Case(dtype="uint16", taps=(1, 4), mode="constant", value=70.0, padding=(1, 2, 5, 3), dilation=(3, 2), seed=3),
    Case(height=6, width=17, dtype="float32", whole=False, taps=(3, 2), mode="mean", anchor=(0, 1), seed=4),
    Case(channels=2, taps=(2, 5), mode="symmetric", padding=(2, 3, 4, 1), op="convolve", anchor=(1, 3), seed=5),
    Case(height=13, width=8, taps=(3, 4), mode="zeros", padding="valid", stride=(1, 2), bias=-3.0, seed=6),
)


# ---------------------------------------------------------------- a convolution with room for faults


def loops(matrix=lambda m: m, geometry=lambda y, x: (y, x), phase=(0, 0), rows=lambda n: n):
    """A `Convolved` that is right as it stands: loops over taps, with indices held inside the padded picture."""

    class Loops(strips.Convolved):
        def __init__(self, signal, of, kernel, *rest):
            super().__init__(signal, of, kernel, *rest)
            self.kernel = kernel

        def fill(self, start, stop, out):
            border, pads, source = self.geometry.border, self.geometry.padding, self.of.signal
            x_in = naive.padded(self.of.read(0, source.height), pads, border.mode, border.value)
            y, x = geometry(self.geometry.y, self.geometry.x)
            weights, total = np.asarray(matrix(self.kernel.matrix)), np.zeros(out.shape)
            for o in range(out.shape[2]):
                planes = [(o, weights)]
                if self.kernel.planes is not None:
                    planes = enumerate(weights.reshape(-1, *weights.shape[-3:])[o])
                for c, plane in planes:
                    for (u, v), weight in np.ndenumerate(plane):
                        ys = np.arange(start, stop) * y.stride + u * y.dilation + phase[0]
                        xs = np.arange(out.shape[1]) * x.stride + v * x.dilation + phase[1]
                        ys, xs = np.minimum(ys, len(x_in) - 1), np.minimum(xs, x_in.shape[1] - 1)
                        total[:, :, o] += x_in[ys][:, xs, c] * weight
            total[rows(len(total)) :] = 0
            out[:] = total * self.kernel.scale + self.bias

    return Loops


def _transposed(matrix):
    """The same numbers read column by column."""
    return matrix.swapaxes(-1, -2).reshape(matrix.shape)


def _exchanged(y, x, *names):
    """The two axes with the values of some fields exchanged."""
    return y._replace(**{n: getattr(x, n) for n in names}), x._replace(**{n: getattr(y, n) for n in names})


LOOPS = {
    "kernel flipped": loops(matrix=lambda m: m[..., ::-1, ::-1]),
    "kernel flipped upside down": loops(matrix=lambda m: m[..., ::-1, :]),
    "kernel flipped left to right": loops(matrix=lambda m: m[..., ::-1]),
    "weights transposed": loops(matrix=_transposed),
    "maps and planes of a bank exchanged": loops(matrix=lambda m: m.swapaxes(0, 1) if m.ndim == 4 else m),
    "strides exchanged": loops(geometry=lambda y, x: _exchanged(y, x, "stride")),
    "dilations exchanged": loops(geometry=lambda y, x: _exchanged(y, x, "dilation")),
    "dilation ignored": loops(geometry=lambda y, x: (y._replace(dilation=1), x._replace(dilation=1))),
    "stride ignored along x": loops(geometry=lambda y, x: (y, x._replace(stride=1))),
    "one row late": loops(phase=(1, 0)),
    "one column late": loops(phase=(0, 1)),
    "last row dropped": loops(rows=lambda n: n - 1),
    "first tap forgotten": loops(matrix=lambda m: m * (np.arange(m.size).reshape(m.shape) > 0)),
    "absolute weights": loops(matrix=np.abs),
    "weights rounded up": loops(matrix=lambda m: np.ceil(m * 4) / 4),
}


# ---------------------------------------------------------------- faults of the rooms around it


def _patched_window(change):
    """Window.fit, with its geometry changed."""
    fit = Window.fit
    return Window, "fit", lambda self, size, taps, anchor=None: change(fit, self, size, taps, anchor)


def _pads_exchanged(fit, window, *args):
    right = fit(window, *args)
    y, x = right.y, right.x
    return Geometry(y._replace(lo=y.hi, hi=y.lo), x._replace(lo=x.hi, hi=x.lo), right.border)


def _strides_of_the_window_exchanged(fit, window, *args):
    return fit(replace(window, stride=window.stride[::-1]), *args)


def _anchor_of_scipy(fit, window, size, taps, anchor):
    return fit(
        window, size, taps, tuple(a + 1 if k % 2 == 0 and a + 1 < k else a for a, k in zip(anchor, taps, strict=True))
    )


def _anchor_left_alone(kernel):
    return kernel.changed(matrix=kernel.matrix[..., ::-1, ::-1])


def _wrong_place(mode, i, n):
    return locate({"reflect": "symmetric", "symmetric": "reflect", "edge": "wrap", "wrap": "edge"}[mode], i, n)


def _one_too_far(mode, i, n):
    return np.where((i >= 0) & (i < n), i, locate(mode, i - (i < 0), n))


class _Unscaled(strips.Convolved):
    def __init__(self, signal, of, kernel, *rest):
        super().__init__(signal, of, kernel.changed(scale=1.0), *rest)


class _BiasBeforeScale(strips.Convolved):
    def __init__(self, signal, of, kernel, geometry, plan, bias, outside):
        super().__init__(signal, of, kernel, geometry, plan, bias * kernel.scale, outside)


class _BiasTwice(strips.Convolved):
    def __init__(self, signal, of, kernel, geometry, plan, bias, outside):
        super().__init__(signal, of, kernel, geometry, plan, 2 * bias, outside)


class _BlackOutside(strips.Convolved):
    def __init__(self, signal, of, kernel, geometry, plan, bias, outside=0.0):
        super().__init__(signal, of, kernel, geometry, plan, bias, 0.0)


class _Rounded(strips.Convolved):
    def fill(self, start, stop, out):
        super().fill(start, stop, out)
        np.rint(out, out=out, casting="unsafe")


class _Clipped(strips.Convolved):
    def fill(self, start, stop, out):
        super().fill(start, stop, out)
        out[:] = np.maximum(out, 0)


def _narrow(*args, **options):
    plan = choose(*args, **options)
    return plan._replace(numbers=Numbers("int16", True)) if plan.numbers.whole else plan


def _half(*args, **options):
    plan = choose(*args, **options)
    return plan if plan.numbers.whole else plan._replace(numbers=Numbers("float16"))


choose = planner.choose
AROUND = {
    "lo and hi exchanged": _patched_window(_pads_exchanged),
    "strides of the window exchanged": _patched_window(_strides_of_the_window_exchanged),
    "even kernels anchored at k // 2": _patched_window(_anchor_of_scipy),
    "convolve does not turn the anchor": (Kernel, "turned", _anchor_left_alone),
    "convolve does not turn the kernel": (Kernel, "turned", lambda kernel: kernel),
    "wrong border mode": (strips, "locate", _wrong_place),
    "border off by one": (strips, "locate", _one_too_far),
    "black outside, whatever was asked": (graph, "Convolved", _BlackOutside),
    "scale ignored": (graph, "Convolved", _Unscaled),
    "bias before the scale": (graph, "Convolved", _BiasBeforeScale),
    "bias twice": (graph, "Convolved", _BiasTwice),
    "rounded between steps": (graph, "Convolved", _Rounded),
    "clipped between steps": (graph, "Convolved", _Clipped),
    "sums wrap in int16": (planner, "choose", _narrow),
    "sums of eleven bits": (planner, "choose", _half),
}
FAULTS = {name: (graph, "Convolved", fault) for name, fault in LOOPS.items()} | AROUND


def noticed() -> set[str]:
    """Names of the laws that do not hold now."""
    return {law.__name__ for law in LAWS if not all(_holds(law, case) for case in CASES)}


def _holds(law, case) -> bool:
    try:
        with np.errstate(all="ignore"):
            law(case)
    except (AssertionError, ValueError, IndexError):  # a wrong shape may be noticed by numpy first
        return False
    return True


def _plant(fault: str, monkeypatch) -> None:
    """One fault; those of the numbers would make some methods stumble before they go wrong."""
    monkeypatch.setattr(*FAULTS[fault])
    if FAULTS[fault][0] is planner:
        monkeypatch.setattr(engine, "METHODS", {name: engine.METHODS[name] for name in ("direct", "reference")})


def test_without_a_fault_all_laws_hold():
    assert noticed() == set()


def test_the_loops_with_room_for_faults_are_right_without_one(monkeypatch):
    monkeypatch.setattr(graph, "Convolved", loops())
    assert noticed() == set()


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_noticed(fault, monkeypatch):
    _plant(fault, monkeypatch)
    assert equals_the_definition.__name__ in noticed()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_notices_a_fault(law, monkeypatch):
    for fault in FAULTS:
        with monkeypatch.context() as patched:
            _plant(fault, patched)
            if not all(_holds(law, case) for case in CASES):
                return
    pytest.fail("no fault was noticed: the law is true of everything")
