"""Sums to levels: the range rules, the one rounding, what cannot be shown, and what the tally says of it."""

import math
from dataclasses import replace
from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest
from data import links, picture, weights

from convcli import graph
from convcli.engine import play
from convcli.errors import ConvError
from convcli.filters import Kernel
from convcli.finish import Finish, Tally
from convcli.geometry import Window
from convcli.graph import Program
from convcli.levels import RULES, render, resolve, white_of
from convcli.pipeline import Layout, compile_chain
from convcli.signal import Signal

WHITES = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}
SUMS = ("int16", "int32", "float32", "float64", "uint8", "uint16")


def levels(sums, rule="clip", white_in=255.0, dtype="uint8", white=None, alpha=False, bounds=(0.0, 1.0)):
    """Levels and tally of one strip of sums (H, W, C)."""
    sums = np.array(sums)
    finish = Finish(rule, white_in, WHITES[dtype] if white is None else white, dtype, alpha, bounds)
    out = np.zeros(sums.shape, dtype)
    return out, finish.apply(sums, out)


def column(*samples, dtype="float64") -> np.ndarray:
    return np.array(samples, dtype).reshape(-1, 1, 1)


def half_even(x: float, white: float) -> float:
    """Python's own rounding, which is half to even."""
    return min(max(round(x), 0), white)


# ---------------------------------------------------------------- the one rounding


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_golden_rounding(dtype):
    found, _ = levels(column(0.5, 1.5, 2.5, 300, -3, dtype=dtype))
    assert found.ravel().tolist() == [0, 2, 2, 255, 0]


@pytest.mark.parametrize("sums", ["float32", "float64"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_halves_go_to_even(sums, dtype):
    white = WHITES[dtype]
    halves = np.arange(-3, 300) + 0.5
    found, _ = levels(column(*halves, dtype=sums), white_in=white, dtype=dtype)
    assert found.ravel().tolist() == [half_even(x, white) for x in halves]


def test_what_lies_just_beside_a_half_is_not_a_half():
    below, above = np.nextafter(np.float32(2.5), np.float32(0)), np.nextafter(np.float32(2.5), np.float32(9))
    assert levels(column(below, above, dtype="float32"))[0].ravel().tolist() == [2, 3]


# ---------------------------------------------------------------- the rules

RULE = {
    "clip": lambda x, first, last, white: x,
    "abs": lambda x, first, last, white: abs(x),
    "offset": lambda x, first, last, white: x / 2 + white / 2,
    "stretch": lambda x, first, last, white: (x - first) * white / (last - first),
}


@pytest.mark.parametrize("rule", RULE)
@pytest.mark.parametrize("sums", SUMS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_rules_against_plain_arithmetic(rule, sums, dtype):
    white = WHITES[dtype]
    rng = np.random.default_rng(len(rule))
    low, high = (0, 255) if sums == "uint8" else (0, 60000) if sums == "uint16" else (-9000, 32000)
    samples = rng.integers(low, high, (40, 3, 1)).astype(sums)
    if sums.startswith("float"):
        samples = (samples / 64).astype(sums)  # halves and quarters, exact in both
    first, last = float(samples.min()), float(samples.max())
    found, tally = levels(samples, rule, white, dtype, bounds=(first, last))
    mapped = [RULE[rule](float(x), first, last, white) for x in samples.ravel()]
    for level, x in zip(found.ravel().tolist(), mapped, strict=True):
        is_near_half = rule == "stretch" and abs(x % 1 - 0.5) < 0.02  # a quotient: float32 may fall to either side
        assert abs(level - half_even(x, white)) <= is_near_half, x
    if rule != "stretch":
        assert (tally.low, tally.high) == (sum(x < -1e-3 for x in mapped), sum(x > white + 1e-3 for x in mapped))
    assert (tally.min, tally.max, tally.samples) == (first, last, 120)


@pytest.mark.parametrize(("dtype", "sums"), [("uint8", "int16"), ("uint8", "float32"), ("uint16", "int32")])
def test_offset_puts_zero_on_mid_grey(dtype, sums):
    white = WHITES[dtype]
    found, tally = levels(column(0, -white, white, 2, dtype=sums), "offset", white, dtype)
    assert found.ravel().tolist() == [half_even(white / 2, white), 0, white, half_even(white / 2 + 1, white)]
    assert (tally.low, tally.high) == (0, 0)


def test_abs_of_the_most_negative_integers():
    for sums, end in (("int16", 2**15), ("int32", 2**31)):
        found, tally = levels(column(-end, -end + 1, end - 1, -7, 0, dtype=sums), "abs", 65535.0, "uint16")
        assert found.ravel().tolist() == [min(end, 65535), min(end - 1, 65535), min(end - 1, 65535), 7, 0]
        assert (tally.min, tally.max) == (-end, end - 1)


@pytest.mark.parametrize("white_in", [1.0, 255.0, 65535.0])
@pytest.mark.parametrize("dtype", WHITES)
@pytest.mark.parametrize("rule", ["clip", "abs", "offset"])
def test_depth_is_changed_by_the_ratio_of_the_whites(white_in, dtype, rule):
    white = WHITES[dtype]
    share = np.array([0, 0.25, 0.5, 1, -0.5, 1.5])
    found, tally = levels(column(*share * white_in), rule, white_in, dtype)
    for level, x in zip(found.ravel().tolist(), share, strict=True):
        y = min(max({"clip": x, "abs": abs(x), "offset": x / 2 + 0.5}[rule], 0), 1) * white
        assert level == (pytest.approx(y, abs=1e-6) if dtype == "float32" else round(y))
    assert (tally.min, tally.max) == (-0.5 * white_in, 1.5 * white_in)


@pytest.mark.parametrize("sums", ["int16", "int32", "uint8"])
def test_eight_bits_become_sixteen_by_257(sums):
    samples = np.arange(256).reshape(-1, 1, 1).astype(sums)
    found, _ = levels(samples, "clip", 255.0, "uint16")
    assert (found.ravel() == np.arange(256) * 257).all()
    back, _ = levels(found.astype("int32"), "clip", 65535.0, "uint8")
    assert (back.ravel() == np.arange(256)).all()


@pytest.mark.parametrize("rule", RULE)
def test_float_output_is_not_rounded_and_ends_at_white(rule):
    samples = column(-0.5, 0.1, 0.7, 1.5)
    found, _ = levels(samples, rule, 1.0, "float32", bounds=(-0.5, 1.5))
    wanted = [min(max(RULE[rule](x, -0.5, 1.5, 1.0), 0), 1) for x in samples.ravel().tolist()]
    assert found.ravel() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("sums", SUMS)
def test_none_leaves_everything_as_it_is(sums):
    samples = column(0, 7, 200, dtype=sums) if sums[0] == "u" else column(-3, 0, 300, 1234, dtype=sums)
    for dtype in ("float32", "float64"):
        out = np.zeros(samples.shape, dtype)
        Finish("none", 255.0, 1.0, dtype).apply(samples.copy(), out)
        assert (out == samples).all()


@pytest.mark.parametrize("alpha", [False, True])
def test_stretch_runs_from_black_to_white_over_the_whole_picture(alpha):
    pixels = picture(60, 9, 4 if alpha else 3, "uint8", seed=2)
    matrix = np.array([[1, -1], [1, -2.0]])
    layout = Layout("rgb", alpha=alpha)
    program = compile_chain(links(matrix), Signal.of(pixels.shape, "uint8"), Window(), layout)
    with patch.object(Program, "strip", 7), patch.object(graph, "SMALL", 0):
        found, tally = render(program, pixels, Finish("stretch", 255.0, 255.0, "uint8", alpha), 2)
    colour = found[:, :, :3]
    assert (colour.min(), colour.max()) == (0, 255)
    sums, _ = render(program, pixels, Finish("none", 255.0, 255.0, "float64", alpha), 1)
    first, last = sums[:, :, :3].min(), sums[:, :, :3].max()
    assert (tally.min, tally.max, tally.low, tally.high) == (first, last, 0, 0)
    assert np.abs(colour - (sums[:, :, :3] - first) * 255 / (last - first)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("level", [0.0, 7.0, -300.0, 255.0, 1e30])
@pytest.mark.parametrize("dtype", WHITES)
def test_stretch_of_a_constant_picture_is_black(level, dtype):
    found, tally = levels(np.full((3, 2, 1), level, np.float32), "stretch", 255.0, dtype, bounds=(level, level))
    assert (found == 0).all()
    assert (tally.low, tally.high) == (0, 0)


# ---------------------------------------------------------------- nan and infinities


@pytest.mark.parametrize("sums", ["float32", "float64"])
@pytest.mark.parametrize("dtype", WHITES)
@pytest.mark.parametrize("white_in", [1.0, 255.0])
def test_nan_and_infinities_end_at_black_and_white(sums, dtype, white_in):
    """NaN is no light; an infinity is as bright or as dark as it gets; nothing wraps, and no warning is given."""
    white = WHITES[dtype]
    samples = column(np.nan, np.inf, -np.inf, 0.5 * white_in, dtype=sums)
    half = white / 2 if dtype == "float32" else round(white / 2)
    quarter = white * 3 / 4 if dtype == "float32" else round(white * 3 / 4)
    for rule, wanted in {
        "clip": [0, white, 0, half],
        "abs": [0, white, white, half],
        "offset": [half, white, 0, quarter],
    }.items():
        found, tally = levels(samples, rule, white_in, dtype)
        assert found.ravel().tolist() == wanted, rule
        assert math.isfinite(tally.min)
        assert math.isfinite(tally.max)


@pytest.mark.parametrize("sums", ["float32", "float64"])
@pytest.mark.parametrize("dtype", WHITES)
@pytest.mark.parametrize("ends", [(np.nan, np.inf), (-np.inf, np.inf), (-np.inf, 1.0), (-3e38, 3e38)], ids=str)
def test_a_picture_with_infinities_is_stretched_without_a_warning(sums, dtype, ends):
    pixels = np.full((4, 5, 1), 0.25, sums)
    pixels[0, 0], pixels[3, 4] = ends
    program = compile_chain(links([[1.0]]), Signal.of(pixels.shape, sums), Window(), Layout(white=1.0))
    found, tally = render(program, pixels, Finish("stretch", 1.0, WHITES[dtype], dtype), 1)
    off = 1e-6 if dtype == "float32" else 0
    assert found[3, 4, 0] == found.max() == pytest.approx(WHITES[dtype], abs=off)
    assert found.min() == pytest.approx(0, abs=off)
    assert tally.samples == 20


@pytest.mark.parametrize("rule", ["clip", "abs", "offset", "stretch", "none"])
@pytest.mark.parametrize("matrix", [np.array([[1.0, -1.0]]), np.array([[0.5, 0.25, 0.25]])], ids=["difference", "mean"])
def test_infinite_pictures_go_through_a_chain_without_a_warning(rule, matrix):
    pixels = np.array([[np.inf, np.inf, -np.inf, np.nan, 1, 3e38, 3e38, 0]], np.float32)[:, :, None]
    program = compile_chain(links(matrix), Signal.of(pixels.shape, "float32"), Window(), Layout(white=1.0))
    dtype = "float32" if rule == "none" else "uint8"
    found, _ = render(program, pixels, Finish(rule, 1.0, 255.0, dtype), 1)
    assert found.shape == pixels.shape


def test_sums_that_are_no_numbers_do_not_hide_the_others_from_the_report():
    _, tally = levels(column(3.0, np.nan, -2.0), "none", dtype="float32")
    assert (tally.min, tally.max) == (-2, 3)


def test_alpha_that_is_no_number_is_transparent():
    samples = np.array([[[9.0, np.nan], [9.0, np.inf], [9.0, -np.inf]]])
    found, _ = levels(samples, "clip", alpha=True)
    assert found[0, :, 1].tolist() == [0, 255, 0]


# ---------------------------------------------------------------- alpha has no rule


@pytest.mark.parametrize("rule", ["clip", "abs", "offset", "stretch"])
@pytest.mark.parametrize("sums", ["int32", "float32"])
def test_alpha_is_clipped_and_rounded_whatever_the_rule(rule, sums):
    samples = np.array([[[100, -40], [-60, 90], [10, 300]]], sums)
    found, tally = levels(samples, rule, alpha=True, bounds=(-60.0, 100.0))
    assert found[0, :, 1].tolist() == [0, 90, 255]
    assert (tally.samples, tally.min, tally.max) == (3, -60, 100)


def test_alpha_changes_depth_with_the_colours():
    found, _ = levels(np.array([[[255.0, 128.0]]]), white_in=255.0, dtype="uint16", alpha=True)
    assert found.ravel().tolist() == [65535, 128 * 257]
    found, _ = levels(np.array([[[300.0, 51.0]]]), "none", 255.0, "float32", alpha=True)
    assert found.ravel().tolist() == [300, 51]


# ---------------------------------------------------------------- the tally


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("rule", ["clip", "abs", "offset"])
def test_tallies_of_a_picture_are_exact(rule, threads):
    pixels, matrix = picture(203, 31, 3, "uint8", seed=4), weights(3, 2, seed=4)
    program = compile_chain(links(matrix), Signal.of(pixels.shape, "uint8"), Window(), Layout("rgb"))
    sums, none = render(program, pixels, Finish("none", 255.0, 255.0, "float64"), 1)
    mapped = RULE[rule](sums, 0, 0, 255.0)
    with patch.object(Program, "strip", 9), patch.object(graph, "SMALL", 0):
        found, tally = render(program, pixels, Finish(rule, 255.0, 255.0, "uint8"), threads)
    lost = {"low": int((mapped < -1e-3).sum()), "high": int((mapped > 255.001).sum()), "samples": sums.size}
    assert tally == Tally(rule, white=255.0, min=sums.min(), max=sums.max(), **lost)
    assert (found == np.clip(np.rint(mapped), 0, 255)).all()
    assert none == Tally("none", white=255.0, min=sums.min(), max=sums.max(), samples=sums.size)


def test_a_white_picture_that_is_only_blurred_is_not_said_to_be_clipped():
    """Sums of 255.00002 are 255: nothing is lost, and the line for the user must not say so."""
    white = np.full((30, 40, 3), 255, np.uint8)
    for seed in range(8):
        matrix = np.random.default_rng(seed).random((5, 5))
        program = compile_chain(
            links(Kernel(matrix / matrix.sum())), Signal.of(white.shape, "uint8"), Window(), Layout("rgb")
        )
        found, tally = render(program, white, Finish("clip", 255.0, 255.0, "uint8"), 1)
        assert (found == 255).all()
        assert (tally.low, tally.high, tally.remedy) == (0, 0, None)


def test_tallies_add_up():
    total = Tally("clip")
    for ends in ({"min": -3, "max": 200, "low": 1, "samples": 10}, {"min": 5, "max": 300, "high": 4, "samples": 20}):
        total.add(Tally("clip", **ends))
    assert total == Tally("clip", min=-3, max=300, low=1, high=4, samples=30)


@pytest.mark.parametrize(
    ("rule", "least", "low", "high", "remedy"),
    [
        ("clip", 0, 0, 0, None),
        ("clip", -9, 10, 0, None),  # one in a hundred
        ("clip", -9, 11, 0, "abs"),
        ("clip", -255, 11, 0, "abs"),
        ("clip", -256, 11, 0, "stretch"),  # abs would lose some as well
        ("clip", -9, 6, 5, "abs"),
        ("clip", -9, 600, 11, "stretch"),
        ("clip", 0, 0, 11, "stretch"),
        ("abs", -9, 0, 11, "stretch"),
        ("offset", -999, 11, 0, "stretch"),
    ],
)
def test_remedy_above_one_percent(rule, least, low, high, remedy):
    tally = Tally(rule, white=255.0, min=least, max=999, low=low, high=high, samples=1000, signed=True)
    assert tally.remedy == remedy
    if remedy == "abs":  # it would fold what only dips below black
        assert replace(tally, signed=False).remedy == "stretch"


@pytest.mark.parametrize("matrix", [np.ones((3, 3)) / 9, np.eye(3) / 3, np.array([[1.0]])], ids=["box", "eye", "one"])
def test_levels_are_the_same_where_bounds_prove_that_nothing_needs_clipping(matrix):
    pixels = picture(40, 33, 3, "uint8", seed=5)
    program = compile_chain(links(matrix), Signal.of(pixels.shape, "uint8"), Window(), Layout("rgb"))
    unknown = tuple(node._replace(signal=node.signal.but(low=-np.inf, high=np.inf)) for node in program.nodes)
    finish = Finish("clip", 255.0, 255.0, "uint8")
    found, tally = render(program, pixels, finish, 1)
    wanted, other = render(program._replace(nodes=unknown), pixels, finish, 1)
    assert (found == wanted).all()
    assert tally == other


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("rule", "declared", "is_signed", "is_float", "wanted"),
    [
        ("auto", None, False, False, "clip"),
        ("auto", None, True, False, "abs"),
        ("auto", "offset", True, False, "offset"),
        ("auto", "offset", True, True, "none"),
        ("auto", None, False, True, "none"),
        ("clip", "offset", True, True, "clip"),
        ("none", "abs", True, False, "none"),
        ("stretch", None, False, False, "stretch"),
    ],
)
def test_auto_is_made_definite(rule, declared, is_signed, is_float, wanted):
    assert resolve(rule, declared, is_signed, is_float) == wanted


def test_an_unknown_rule_is_refused():
    with pytest.raises(ConvError, match='range "clamp" is none of auto, clip, abs, offset, stretch, none'):
        resolve("clamp", None, False, False)
    assert set(RULES) == {"auto", "clip", "abs", "offset", "stretch", "none"}


def test_white():
    wanted = {"bool": 1, "uint8": 255, "uint16": 65535, "int16": 32767, "int32": 2**31 - 1, "float32": 1, "float64": 1}
    assert {dtype: white_of(dtype) for dtype in wanted} == wanted


# ---------------------------------------------------------------- whole sums over a whole number


@pytest.mark.parametrize("share", [2, 3, 4, 8, 9, 15, 16, 25, 225, 256])
@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32"])
def test_whole_sums_are_divided_and_rounded_in_integers(share, dtype):
    room = np.iinfo(dtype).max
    sums = np.arange(min(255 * share, room - share) + 1)
    finish = Finish("clip", 255.0, 255.0, "uint8", measures=False, share=share)
    out = np.zeros((1, sums.size, 1), "uint8")
    finish.apply(sums.astype(dtype).reshape(out.shape), out)
    assert out.ravel().tolist() == [round(Fraction(int(n), share)) for n in sums]


SHARES = [  # weights, scale, what the sums are divided by in integers (1: they are not)
    ([[1, 2, 1], [2, 4, 2], [1, 2, 1]], 1 / 16, 16),
    ([[1, 1, 1, 1, 1]] * 3, 1 / 15, 15),
    ([[1, 1, 1, 1]] * 3, 1 / 12, 1),  # a half may be any remainder of an even number
    ([[1, -1, 1]], 1 / 3, 1),  # sums below zero
    ([[2, 1, 1]], 1 / 3, 1),  # sums above white
]


@pytest.mark.parametrize(("drawn", "scale", "share"), SHARES)
@pytest.mark.parametrize("measures", [False, True])
def test_a_program_leaves_the_division_to_the_last_step(drawn, scale, share, measures):
    kernel, pixels = Kernel(np.array(drawn, float), scale), picture(23, 31, 3)
    program = compile_chain(links(kernel), Signal.of(pixels.shape, "uint8"), Window(), Layout(white=255.0))
    finish = Finish("clip", 255.0, 255.0, "uint8", measures=measures)
    finish = finish._replace(proven=(program.signal.low, program.signal.high))
    shares, plain = set(), Finish.lay

    def watched(self, block):
        shares.add(self.share)
        return plain(self, block)

    with patch.object(Finish, "lay", watched):
        out, _ = render(program, pixels, finish, 2)
    assert shares == {1 if measures else share}
    sums, _ = render(program, pixels, finish._replace(rule="none", dtype="float64"), 1)
    part = Fraction(scale).limit_denominator(1000)
    exact = [min(max(round(round(x / scale) * part), 0), 255) for x in sums.ravel()]
    assert out.ravel().tolist() == exact


@pytest.mark.parametrize("past", [0.0, 1e-9, 0.3, 0.39, 0.41, 0.5, 0.51, 3.0])
@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255.0), ("uint16", 65535.0)])
def test_sums_a_little_outside_are_rounded_or_clipped(past, dtype, white):
    """Nothing is clipped that rounding brings back; what is told does not depend on that."""
    sums = np.array([-past, -past / 2, 0, 17.5, 18.5, white, white + past / 2, white + past])
    for measures in (True, False):
        finish = Finish("clip", white, white, dtype, proven=(-past, white + past), measures=measures)
        out = np.zeros((1, 8, 1), dtype)
        tally = finish.apply(sums.reshape(out.shape).copy(), out)
        assert out.ravel().tolist() == [0, 0, 0, 18, 18, *[white] * 3]
        assert (tally.low, tally.high) == ((sums < -1e-3).sum(), (sums > white + 1e-3).sum())


@pytest.mark.parametrize(("base", "span"), [(1000, 1), (281.1, 2.6), (-5e4, 0.25), (0.1, 1e-3)])
@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535)])
def test_a_stretch_of_large_numbers_that_hardly_differ(base, span, dtype, white):
    """The smallest is taken off before the rest is multiplied; nothing wraps round."""
    sums = np.linspace(base, base + span, 500).astype(np.float32)
    bounds = (float(sums.min()), float(sums.max()))
    finish = Finish("stretch", 1.0, float(white), dtype, bounds=bounds)
    out = np.zeros((1, sums.size, 1), dtype)
    finish.apply(sums.reshape(out.shape).copy(), out)
    wanted = (sums.astype(float) - bounds[0]) * white / (bounds[1] - bounds[0])
    assert np.abs(out.ravel() - wanted).max() <= 0.51
    assert (out[0, 0, 0], out[0, -1, 0]) == (0, white)


def test_levels_of_more_bits_never_wrap():
    """Sums of 8 bits are multiplied by 257, and so is what they were rounded by."""
    finish = Finish("clip", 255.0, 65535.0, "uint16", proven=(0.0, 255.0), measures=False)
    out = np.zeros((1, 3, 1), "uint16")
    finish.apply(np.float32([[[255.011], [-0.011], [255]]]), out)
    assert out.ravel().tolist() == [65535, 0, 65535]


# ---------------------------------------------------------------- laid once for all strips


def laid_as_applied(finish: Finish, sums: str, low: int, high: int) -> None:
    """Checks `lay` against `apply`; twice, for a tape is run again over other sums in the same memory."""
    rng, block = np.random.default_rng(5), np.zeros((6, 7, 3), sums)
    tape, made = finish.lay(block)
    for _ in range(2):
        values = rng.integers(low, high, block.shape, endpoint=True).astype(sums)
        wanted, found = np.zeros(block.shape, finish.dtype), np.zeros(block.shape, finish.dtype)
        finish.apply(values.copy(), wanted)
        block[:] = values
        play(tape)
        np.copyto(found, made, casting="unsafe")
        assert np.array_equal(found, wanted)
        assert len(np.unique(wanted)) > 8


@pytest.mark.parametrize("rule", ["clip", "abs", "offset", "stretch"])
@pytest.mark.parametrize("sums", ["int16", "int32", "float32", "float64"])
@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255.0), ("uint16", 65535.0), ("float32", 255.0)])
def test_what_is_laid_gives_what_is_applied(rule, sums, dtype, white):
    finish = Finish(rule, 255.0, white, dtype, bounds=(-850.0, 1650.0), proven=(-900.0, 1700.0))
    laid_as_applied(finish._replace(measures=False, counts=False), sums, -900, 1700)


@pytest.mark.parametrize("sums", ["int16", "uint16", "int32"])
@pytest.mark.parametrize("share", [9, 16, 2])
def test_what_is_laid_divides_as_what_is_applied(sums, share):
    finish = Finish("clip", 255.0, 255.0, "uint8", proven=(0.0, 255.0), measures=False, share=share)
    laid_as_applied(finish, sums, 0, 255 * share)


@pytest.mark.parametrize(
    "asked",
    [
        {"measures": True},
        {"alpha": True},
        {"rule": "none"},
        {"proven": (-math.inf, math.inf)},
        {"rule": "abs"},  # what rises above white is counted
        {"signed": True},
    ],
)
def test_what_depends_on_the_samples_is_not_laid(asked):
    usual = Finish("clip", 255.0, 255.0, "uint8", proven=(-900.0, 1700.0), measures=False)
    assert usual._replace(proven=(0.0, 255.0)).lay(np.zeros((2, 2, 1), "float32"))
    assert usual._replace(**asked).lay(np.zeros((2, 2, 1), "float32")) is None
