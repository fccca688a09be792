"""Formulas: what they work out, over numbers and arrays, and all that they refuse."""

import math
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcli.errors import FilterError
from convcli.formula import FUNCTIONS, Formula

NAMES = ("x", "y", "sigma", "radius")


def value(text, **values):
    """What a text gives, every name standing for its number or array."""
    return Formula.parse(text, NAMES, "formula").evaluate(values)


def refusal(text, **values):
    with pytest.raises(FilterError) as caught:
        value(text, **values)
    return str(caught.value)


NUMBERS = [
    ("1 + 2 * 3 - 4 / 8", 6.5),
    ("-2 ** 2", -4.0),  # as in Python: the power binds tighter
    ("2 ** -1", 0.5),
    ("2 ** 3 ** 2", 512.0),
    ("+(-3)", -3.0),
    ("1.5e3 + .5 + 2. + 1E-1", 1502.6),
    ("pi", math.pi),
    ("7 / 2", 3.5),
    ("ceil(2.1) + floor(-2.1)", 0.0),
    ("rint(0.5) + rint(1.5) + rint(2.5)", 4.0),  # half to even, as in numpy
    ("maximum(1, 5, 3) - minimum(4, 2, 9, 8)", 3.0),
    ("hypot(3, 4) + abs(-2)", 7.0),
    ("where(2 > 1, 10, 20) + where(2 < 1, 10, 20)", 30.0),
    ("(1 < 2) + (1 <= 1) + (2 > 1) + (1 >= 1) + (1 == 1) + (1 != 2)", 6.0),
    ("(1 > 2) + (1 == 2)", 0.0),
    ("sqrt(16) + exp(0) + log(1) + cos(0) + sin(0) + tan(0)", 6.0),
    ("arctan2(1, -1)", 3 * math.pi / 4),
    ("  1\n  + 1 ", 2.0),
]


@pytest.mark.parametrize(("text", "expected"), NUMBERS)
def test_numbers(text, expected):
    result = value(text)
    assert type(result) is float
    assert result == pytest.approx(expected, rel=1e-15)


def test_names_and_calls_are_those_used():
    formula = Formula.parse("exp(-x**2) / pi", NAMES, "formula")
    assert (formula.names, formula.calls) == ({"x"}, {"exp"})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "text",
    [
        *("x + 1", "x / 3", "x ** 2", "2 ** x", "-x", "x < 0.5", "sigma * x", "hypot(x, sigma)", "rint(x)", "abs(x)"),
        *(
            "where(x > 0, 1, 0)",
            "where(x > 0, x, sigma)",
            "where(sigma, x, 0)",
            "maximum(x, 0, pi)",
            "minimum(sigma, x)",
        ),
        *("unit(x)", "zero(x)", "arctan2(x + 0, sigma) * 180 / pi", "x * sqrt(2)", "exp(x)", "floor(x) + ceil(x)"),
    ],
)
def test_arrays_keep_their_dtype_and_agree_with_float64(text, dtype):
    x = np.array([[-1.5, 0.25, 2.0], [0.5, 3.0, -0.75]])
    x.flags.writeable = False
    result = value(text, x=x.astype(dtype), sigma=np.float64(1.25))
    names = {name: getattr(np, name) for name in FUNCTIONS if hasattr(np, name)}
    names |= {"maximum": lambda *a: np.max(np.broadcast_arrays(*a), axis=0), "pi": np.pi, "sigma": 1.25}
    names |= {"unit": lambda a: a / a.sum(), "zero": lambda a: a - a.mean()}
    expected = eval(text, {"__builtins__": {}}, names | {"x": x})  # the plain meaning, from Python itself
    assert result.dtype == dtype
    np.testing.assert_allclose(result, expected, rtol=1e-5 if dtype == "float32" else 1e-14)


def test_integer_arrays_do_not_wrap():
    x = np.array([[200, 100]], np.uint8)
    assert value("x + x", x=x).tolist() == [[400.0, 200.0]]
    assert value("x - 2 * x", x=x).tolist() == [[-200.0, -100.0]]


def test_arrays_take_infinities_where_numbers_are_refused():
    assert np.isinf(value("1 / x", x=np.zeros((1, 1)))).all()
    assert np.isnan(value("sqrt(x)", x=-np.ones((1, 1)))).all()
    assert refusal("1 / x", x=0.0) == "formula: 1 / x has no finite value where x = 0"


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=60))
def test_maximum_of_many(numbers):
    assert value(f"maximum({', '.join(map(str, numbers))})") == max(numbers)


def test_a_formula_without_arrays_stays_a_number():
    assert value("ceil(4 * sigma)", sigma=1.1) == 5.0


def test_inside_looks_at_the_outermost_call_alone():
    parse = Formula.parse
    assert parse("unit(x + 1)", NAMES, "formula").inside("unit").evaluate({"x": 2.0}) == 3.0
    assert parse("2 * unit(x)", NAMES, "formula").inside("unit") is None
    assert parse("zero(unit(x))", NAMES, "formula").inside("unit") is None
    assert parse("x", NAMES, "formula").inside("unit") is None


REFUSED = [
    ("", "the formula is empty"),
    ("1 +", "cannot read 1 +"),
    ("(1", "cannot read (1"),
    ("1, 2", "not arithmetic"),
    ("sgima", 'formula: "sgima" is not known here; did you mean sigma? (known: radius, sigma, x, y, pi)'),
    ("sqr(2)", '"sqr" is not a function; did you mean sqrt?'),
    ("sqrt", "sqrt is a function and wants brackets: sqrt(...)"),
    ("sqrt(1, 2)", "sqrt takes 1 values, not 2"),
    ("maximum(1)", "maximum takes 2 or more values, not 1"),
    ("where(1, 2)", "where takes 3 values, not 2"),
    ("hypot(*x)", "not 1"),
    ("hypot(x=1, y=2)", "not arithmetic"),
    ("hypot(**x)", "not arithmetic"),
    ("__import__('os')", 'cannot read "\'"'),
    ("__import__(x)", '"__import__" is not a function'),
    ("x.real", "x.real is not arithmetic"),
    ("(1).real", "not arithmetic"),
    ("x[0]", 'cannot read "["'),
    ("lambda: 1", 'cannot read ":"'),
    ("x := 1", 'cannot read ":"'),
    ("[y for y in x]", 'cannot read "["'),
    ("x if y else 1", "not arithmetic"),
    ("x and y", "not arithmetic"),
    ("not x", "not arithmetic"),
    ("x < y < 1", "not arithmetic"),
    ("x // y", "not arithmetic"),
    ("x % y", 'cannot read "%"'),
    ("x = 1", "cannot read x = 1"),
    ("True + None", "True is not arithmetic"),
    ("'a' * 9", "cannot read"),
    ('f"{x}"', "cannot read"),
    ("1j", 'cannot read "1j"'),
    ("0x10", 'cannot read "0x10"'),
    ("1_000", 'cannot read "1_000"'),
    ("1or 2", 'cannot read "1or"'),  # Python would warn on standard error
    ("2sigma", 'cannot read "2sigma"'),
    ("ｘ", "cannot read"),  # Python would take it for x
    ("x\u2212y", "cannot read"),
    ("1\0", "cannot read"),
    ("1e999", "out of range"),
    ("9" * 1999, "out of range"),
    ("unit(2)", "unit and zero are for arrays"),
    ("1 / 0", "has no finite value"),
    ("log(0)", "has no finite value"),
    ("(-8) ** 0.5", "has no finite value"),
    ("exp(1000)", "has no finite value"),
    ("1e308 * 10", "has no finite value"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[repr(text[:20]) for text, _ in REFUSED])
def test_refused(text, reason):
    message = refusal(text, x=1.0, y=2.0, sigma=1.0)
    assert message.startswith("formula: ")
    assert reason in message
    assert len(message) < 300
    assert message.isprintable()


HOSTILE = [
    "9**9**9**9**9",
    "**".join(["9"] * 30),
    "(" * 900 + "1" + ")" * 900,
    "-" * 1990 + "1",
    "not " * 400 + "x",
    "+".join(["x"] * 900),
    f"maximum({','.join(['x'] * 700)})",
    "sqrt(" * 300 + "x" + ")" * 300,
    "x" * 3000,
    "1" * 1_000_000,
    "1.1.1" * 390,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:12] for text in HOSTILE])
def test_hostile_text_is_refused_at_once(text):
    begin = time.perf_counter()
    assert len(refusal(text, x=1.0)) < 300
    assert time.perf_counter() - begin < 1


def test_powers_of_numbers_inside_arrays_end_in_an_error_too():
    assert "has no finite value" in refusal("x * 9**9**9**9", x=np.ones((2, 2)))


def test_numbers_need_no_numpy():
    code = "import sys; from convcli.formula import Formula; Formula.parse('ceil(4*s)', 's', 'r').evaluate({'s': 2})"
    script = f"{code}; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
