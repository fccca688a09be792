"""Kernel files: what a file means, what is refused and how, and that every file we ship keeps its word."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from convcli import kernelfile, library
from convcli.errors import FilterError
from convcli.filters import Filter, Kernel, Pool, Step
from convcli.kernelfile import parse

HEAD = 'title = "t"\nsource = "s"\n'
SHIPPED = sorted(library.packaged().glob("*.toml"))


def lookup(text):
    """A kernel of one tap for every name, which says what it was called with."""
    return Filter(text, (Step(text, Kernel([[1]], title=text)),))


def built(body, **params):
    return parse(HEAD + body, "k").build(params, lookup)


def refusal(body, **params):
    with pytest.raises(FilterError) as caught:
        built(body, **params)
    return str(caught.value)


FORMS = [
    ("weights = [[1, 2.5], [-3, 1e1]]", [[1, 2.5], [-3, 10]], 1),
    ("weights = [[1, 1, 1]]\nscale = '1/3'\nsum = 1", [[1, 1, 1]], 1 / 3),
    ("weights = [[1]]\nscale = 0.25", [[1]], 0.25),
    ("weights = [['1/4', 0.75]]", [[0.25, 0.75]], 1),
    ("weights = [1, 2]", [[1, 2]], 1),
    ("weights = [[[1, 2]], [[3, 4]]]", [[[1, 2]], [[3, 4]]], 1),
    ("weights = [[[[1]]], [[[2]]]]", [[[[1]]], [[[2]]]], 1),
    ("column = [1, 2]\nrow = [-1, 0, 1]\nscale = 2", [[-1, 0, 1], [-2, 0, 2]], 2),
    ("formula = 'x + 10 * y'\nradius = 1", [[-11, -10, -9], [-1, 0, 1], [9, 10, 11]], 1),
    ("formula = 'x'\nradius = [0, 1]", [[-1, 0, 1]], 1),
    ("formula = 'x'\nsize = [2, 4]", [[-1, 0, 1, 2], [-1, 0, 1, 2]], 1),  # anchor (k - 1) // 2
    ("formula = 'x'\nsize = [1, 3]\nanchor = [0, 2]", [[-2, -1, 0]], 1),
    ("formula = '3 * delta'\nradius = 1", [[0, 0, 0], [0, 3, 0], [0, 0, 0]], 1),
    ("formula = 'unit(1)'\nsize = 3\nsum = 1", [[1, 1, 1]] * 3, 1 / 9),  # whole numbers stay whole
    ("formula = 'unit(2 * (x == 0))'\nradius = 1\nscale = 3", [[0, 2, 0]] * 3, 0.5),
    ("formula = '2 * unit(x + 2)'\nsize = [1, 3]", [[2 / 6, 4 / 6, 1]], 1),
    ("[[plane]]\nof = 'r'\nweights = [[1]]\n[[plane]]\nof = 'g'\nweights = [[2]]\n[[plane]]\nof = 'b'\nweights = [[3]]",
     [[[1]], [[2]], [[3]]], 1),
    ("[[plane]]\nof = '0'\nweights = [[1, 2]]", [[[1, 2]]], 1),
]  # fmt: skip


@pytest.mark.parametrize(("body", "matrix", "scale"), FORMS)
def test_forms(body, matrix, scale):
    definition = parse(HEAD + body, "k")
    kernel = definition.build({}, lookup).kernel
    assert kernel.matrix.tolist() == pytest.approx(np.array(matrix))
    assert kernel.scale == pytest.approx(scale, rel=1e-15)
    assert definition.size() == kernel.taps
    assert definition.anchor in (None, kernel.anchor)


def test_what_a_filter_takes_over_from_its_file():
    filter_ = built("weights = [[1]]\ninput = 'gray'\nrange = 'abs'\ntags = ['edge']\n[params.a]\ndefault = 2", a=3)
    assert (filter_.name, filter_.title, filter_.source) == ("k", "t", "s")
    assert (filter_.input, filter_.range, filter_.params) == ("gray", "abs", {"a": 3.0})
    assert filter_.kernel.title == "t"


PARAMS = """
formula = "a * delta + b"
radius = "ceil(a)"
[params.a]
default = 1
min = 0.5
max = 900
unit = "px"
[params.b]
default = 0
"""


def test_parameters():
    definition = parse(HEAD + PARAMS, "k")
    assert [definition.size(p) for p in ({}, {"a": 1.5}, {"a": 0.5})] == [(3, 3), (5, 5), (3, 3)]
    assert definition.build({"a": 1, "b": 7}, lookup).kernel.matrix.tolist() == [[7, 7, 7], [7, 8, 7], [7, 7, 7]]
    assert [p.limits for p in definition.params.values()] == ["0.5 to 900 px", ""]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"c": 1}, 'no parameter is called "c" (parameters: a, b)'),
        ({"a": 0.4}, "a 0.4 is out of range (0.5 to 900 px)"),
        ({"a": 901}, "a 901 is out of range (0.5 to 900 px)"),
        ({"a": float("nan")}, "a nan is out of range (0.5 to 900 px)"),
        ({"a": 1024}, "a 1024 is out of range (0.5 to 900 px)"),
        ({"b": float("inf")}, "b inf is out of range"),
    ],
)
def test_wrong_parameters(params, message):
    assert message in refusal(PARAMS, **params)


def test_size_limits():
    assert parse(HEAD + "formula = 'x'\nsize = [1, 2048]", "k").size() == (1, 2048)
    assert "too large" in refusal("formula = 'x'\nsize = [1, 2049]")
    assert "too large" in refusal("formula = 'x'\nradius = 1024")
    assert "2048x1954 taps are too many" in refusal("formula = 'x'\nsize = [2048, 1954]")


COMPOSITE = """
result = "white * g - k * b"
[params.k]
default = -0.5
[params.s]
default = 2
[[step]]
name = "g"
kernel = "gaussian:sigma=2*s,other=maximum(s, 7)"
of = "image / white"
[[step]]
name = "m"
kernel = "1 0; 0 1"
of = "g * k"
[[step]]
name = "b"
kernel = "box:s+1"
"""


def test_composite():
    filter_ = built(COMPOSITE, s=1.5)
    assert [(step.name, step.action.title, step.of) for step in filter_.steps] == [
        ("g", "gaussian:sigma=3,other=7", "image / white"),
        ("m", "1 0; 0 1", "g * (-0.5)"),
        ("b", "box:2.5", "image"),
    ]
    assert filter_.result == "white * g - (-0.5) * b"
    assert filter_.kernel is None
    assert parse(HEAD + COMPOSITE, "k").size() is None


def test_composite_without_result_and_with_pooling():
    definition = parse(HEAD + '[[step]]\nname = "a"\nkernel = "max-pool:2"', "k")
    filter_ = definition.build({}, lambda text: Filter(text, (Step(text, Pool("max", (2, 2))),)))
    assert (filter_.result, filter_.steps[0].name, filter_.steps[0].action) == (None, "a", Pool("max", (2, 2)))


def test_a_step_takes_one_kernel():
    double = Filter("double", (Step("a", Kernel([[1]])), Step("b", Kernel([[1]]))))
    with pytest.raises(FilterError, match="step a: double is made of steps itself"):
        parse(HEAD + '[[step]]\nname = "a"\nkernel = "double"', "k").build({}, lambda text: double)


WRONG = [
    ("", "k.toml: no weights (wanted weights, column and row, formula and radius, [[plane]] or [[step]])"),
    ("weigths = [[1]]", 'k.toml: unknown key "weigths"; did you mean weights?'),
    ("weights = [[1, 2, 3], [1, 2, 3, 4]]", "k.toml: weights: row 2 has 4 values, row 1 has 3"),
    ("weights = [[1, 'x']]", 'k.toml: weights: row 1, column 2: "x" is not a number'),
    ("weights = [[1], [true]]", "k.toml: weights: row 2, column 1: wanted a number"),
    ("weights = [[1, nan]]", "row 1, column 2"),
    ("weights = [[1e999]]", "row 1, column 1"),
    ("weights = [[1979-05-27]]", "k.toml: weights: row 1, column 1: wanted a number"),
    ("weights = []", "k.toml: weights: wanted a list of rows"),
    ("weights = [[]]", "k.toml: weights: wanted a list of rows"),
    ("weights = 3", "k.toml: weights: wanted a list of rows"),
    ("weights = [[1], 2]", "k.toml: weights: row 2: wanted a list of columns"),
    ("weights = [[[1]], [[1], [2]]]", "k.toml: weights: plane 2 has 2 rows, plane 1 has 1"),
    ("weights = [[1e200]]\nscale = 1e200", "weights must be finite numbers"),
    ("weights = [[1, 1]]\nsum = 1", "weights sum to 2, the file says sum = 1"),
    ("weights = [[1, 1]]\nscale = '1/2'\nsum = 2", "weights sum to 1, the file says sum = 2"),
    ("weights = [[1, 1.00001]]\nsum = 2", "weights sum to 2.00001, the file says sum = 2"),
    ("weights = [[[[1]]], [[[2]]]]\nsum = 1", "weights sum to 2, the file says sum = 1"),
    ("weights = [[1]]\nsum = inf", "k.toml: sum"),
    ("weights = [[1]]\nscale = 'x'", 'k.toml: scale: "x" is not a number'),
    ("weights = [[1]]\nscale = '1/0'", "divides by zero"),
    ("weights = [[1]]\nanchor = [0, 1]", "anchor 0,1 lies outside the kernel of 1x1"),
    ("weights = [[1]]\nanchor = [0.0, 0]", "k.toml: anchor: wanted [y, x], two whole numbers"),
    ("weights = [[1]]\nanchor = [true, true]", "k.toml: anchor: wanted"),
    ("weights = [[1]]\ninput = 'grey'", 'k.toml: input: "grey" is not known; did you mean gray? (each, gray, rgb)'),
    ("weights = [[1]]\nrange = 'auto'", 'k.toml: range: "auto" is not known'),
    ("weights = [[1]]\nrange = ['abs']", "k.toml: range"),
    ("weights = [[1]]\ntags = 'edge'", "k.toml: tags: wanted a list of texts"),
    ("weights = [[1]]\ntags = [1]", "k.toml: tags: wanted text"),
    ("weights = [[1]\n", "k.toml: unclosed array"),
    ("weights [[1]]", "k.toml:3:9: expected '=' after a key"),
    ("column = [1]", "k.toml: column also needs row"),
    ("row = [1]", "k.toml: row also needs column"),
    ("column = [1]\nrow = []", "k.toml: row: wanted a list of up to 2048 numbers"),
    ("column = [[1]]\nrow = [1]", "k.toml: column: value 1: wanted a number"),
    ("weights = [[1]]\nformula = '1'\nradius = 1", "k.toml: weights and formula and radius do not go together"),
    ("formula = '1'", "k.toml: formula needs one of radius and size"),
    ("formula = '1'\nradius = 1\nsize = 3", "k.toml: formula needs one of radius and size"),
    ("radius = 1", "k.toml: radius also needs formula"),
    ("result = 'image'", "k.toml: result also needs step"),
    ("formula = 'x + sigma'\nradius = 1", 'k.toml: formula: "sigma" is not known here'),
    ("formula = 'x + image'\nradius = 1", 'k.toml: formula: "image" is not known here'),
    ("formula = 'x'\nradius = 'x'", 'k.toml: radius: "x" is not known here'),
    ("formula = 'x'\nradius = 0.5", "radius: 0.5 is 0.5, not a whole number (ceil, floor and rint make one)"),
    ("formula = 'x'\nradius = -1", "radius: -1.0 is -1, too small"),
    ("formula = 'x'\nsize = 0", "size: 0.0 is 0, too small"),
    ("formula = 'x'\nsize = 1e300", "size: 1e+300 is 1e+300, too large"),
    ("formula = 'x'\nradius = [1, 2, 3]", "k.toml: radius: wanted one value, or [y, x]"),
    ("formula = '1 / x'\nradius = 1", "weights must be finite numbers"),
    ("formula = 'unit(x)'\nradius = 1", "formula: the weights sum to 0, and unit divides by that"),
    ("formula = 'x * 9**9**9'\nradius = 1", "formula: x * 9**9**9 has no finite value"),
    ("weights = [[1]]\n[params]\na = 1", "k.toml: params: wanted tables [params.NAME]"),
    ("weights = [[1]]\n[params.a]\nmin = 1", "k.toml: params.a: default is missing"),
    ("weights = [[1]]\n[params.a]\ndefault = 0\nmin = 1", "k.toml: params.a: default: a 0 is out of range (at least"),
    ("weights = [[1]]\n[params.a]\ndefault = 0\nmaxx = 1", 'k.toml: params.a: unknown key "maxx"; did you mean max?'),
    ("weights = [[1]]\n[params.a]\ndefault = '0.5x'", 'k.toml: params.a: default: "0.5x" is not a number'),
    ("weights = [[1]]\n[params.a-b]\ndefault = 0", "k.toml: params: a-b is no name"),
    ("[[plane]]\nof = 'r'\nweights = [[1]]", "k.toml: plane: the planes are of r, g, b in this order"),
    ("[[plane]]\nof = '1'\nweights = [[1]]", "k.toml: plane: the planes are of r, g, b in this order"),
    ("[[plane]]\nof = '0'", "k.toml: plane 1: weights is missing"),
    ("[[plane]]\nof = '0'\nweights = [[[1]]]", "k.toml: plane 1: weights: wanted a list of rows"),
    ("[[plane]]\nof = '0'\nweights = [[1]]\n[[plane]]\nof = '1'\nweights = [[1, 2]]", "plane 2, row 1 has 2 values"),
    ("plane = []", "k.toml: plane: wanted tables [[plane]]"),
    ("[[step]]\nname = 'a'", "k.toml: step 1: kernel is missing"),
    ("[[step]]\nname = 'a'\nkernel = 'k'\n[[step]]\nname = 'a'\nkernel = 'k'", 'step: the name "a" cannot be used'),
    ("[[step]]\nname = 'image'\nkernel = 'k'", 'k.toml: step: the name "image" cannot be used'),
    ("[[step]]\nname = 'a b'\nkernel = 'k'", 'k.toml: step: the name "a b" cannot be used'),
    ("[params.a]\ndefault = 1\n[[step]]\nname = 'a'\nkernel = 'k'", 'k.toml: step: the name "a" cannot be used'),
    ("[[step]]\nname = 'a'\nkernel = 'k'\nof = 'a'", 'k.toml: step a: of: "a" is not known here'),
    ("[[step]]\nname = 'a'\nkernel = 'k'\nof = 'x'", 'k.toml: step a: of: "x" is not known here'),
    ("[[step]]\nname = 'a'\nkernel = 'k'\nof = 'zero(image)'", "k.toml: step a: of: unit and zero are for the weights"),
    ("result = 'unit(a)'\n[[step]]\nname = 'a'\nkernel = 'k'", "k.toml: result: unit and zero are for the weights"),
    ("result = 'b'\n[[step]]\nname = 'a'\nkernel = 'k'", 'k.toml: result: "b" is not known here'),
    ("[[step]]\nname = 'a'\nkernel = 'k:sigma=s'", 'k.toml: step a: kernel: "s" is not known here'),
    ("[[step]]\nname = 'a'\nkernel = 'k:sigma='", "k.toml: step a: kernel: the formula is empty"),
    ("sum = 1\n[[step]]\nname = 'a'\nkernel = 'k'", "k.toml: sum does not go with [[step]]"),
    ("\n".join(f"[[step]]\nname = 's{n}'\nkernel = 'k'" for n in range(65)), "k.toml: 65 steps are too many"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "message"), WRONG, ids=[body[:20] + str(n) for n, (body, _) in enumerate(WRONG)])
def test_wrong(body, message):
    assert message in refusal(body)


@pytest.mark.parametrize("name", ["x", "y", "delta", "pi", "image", "white", "exp", "stride", "padding_mode", "op"])
def test_taken_names_of_parameters(name):
    assert "means something already" in refusal(f"weights = [[1]]\n[params.{name}]\ndefault = 1")


@pytest.mark.parametrize("text", ["", "weights = [[1]]", 'title = "t"\nweights = [[1]]', 'title = " "\nsource = "s"'])
def test_title_and_source_are_needed(text):
    with pytest.raises(FilterError, match=r"mine.toml: (title|source)( is missing|: wanted text)"):
        parse(text, "k", "mine.toml")


@pytest.mark.parametrize(
    "text",
    [
        "a." * 400_000 + "a = 1",
        '"a" . ' * 160_000 + "a = 1",
        "[" + "a." * 400_000 + "a]",
        "x = " + "[" * 400_000,
        "x = " + "{a = " * 200_000,
        "x = " + "9" * 400_000,
        'x = "' + '\\"' * 400_000,
        HEAD + f"weights = [{'[1],' * 50_000}]",
        HEAD + "weights = [[1]]\n" + "".join(f"[params.p{n}]\n" for n in range(20_000)),
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_is_refused_soon(text):
    begin = time.perf_counter()
    with pytest.raises(FilterError):
        parse(text, "k").build({}, lookup)
    assert time.perf_counter() - begin < 3


def values(definition, bound):
    """The parameters at their default, min or max."""
    return {p.name: p.default if getattr(p, bound) is None else getattr(p, bound) for p in definition.params.values()}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("bound", ["default", "min", "max"])
def test_shipped(path, bound):
    definition = library.definition(path.stem)
    params = values(definition, bound)
    filter_ = definition.build(params, lambda step: library.parse(step)[0].filter)
    assert filter_.params == params
    if filter_.kernel:
        assert filter_.kernel.taps == definition.size(params)
        assert filter_.kernel.matrix.any() or bound != "default"
        assert definition.sum is not None


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_words(path):
    definition = library.definition(path.stem)
    assert len(definition.title) <= 53, "a list shows it in one line"
    assert definition.source
    assert definition.tags
    assert all(p.help and p.min is not None and p.max is not None for p in definition.params.values())


def test_the_folder_is_there():
    assert len(SHIPPED) >= 90
    assert library.packaged() == Path(kernelfile.__file__).parent.parent / "kernels"


def test_files_are_read_without_numpy():
    script = (
        "import sys; from convcli import library; "
        "sizes = [entry.found.size() for entry in library.entries()]; sys.exit('numpy' in sys.modules or not sizes)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("values", [2047, 2048, 2049, 5000])
@pytest.mark.parametrize("tail", ["", ",", ", # 1, 2, 3"])
def test_a_row_has_at_most_so_many_taps(values, tail):
    """Whoever counts them, before the text is read or after; commas in strings and comments are none."""
    row = ",".join(["1"] * values)
    text = f"title = '{',' * 3000}'\nsource = 'b'\nweights = [[{row}{tail}\n]]"
    if values <= 2048:
        assert parse(text, "long").size() == (1, values)
    else:
        with pytest.raises(FilterError, match=r"too many.*2048"):
            parse(text, "long").size()
