"""Layers: their words, and sizes and counts against tables worked by hand and against counting in loops."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcli.errors import ConvError, GeometryError
from convcli.geometry import Window
from convcli.layers import KINDS, Layer
from convcli.stack import LayerError, stack


def report(shape, *texts):
    return stack(shape, [Layer.parse(text) for text in texts])


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("conv 4 k3", Layer("conv", 4, (3, 3))),
        ("conv k3 p1 4 s2", Layer("conv", 4, (3, 3), Window((2, 2), padding=(1, 1, 1, 1)))),
        ("CONV 4  K3X5 S2x1 D1,2", Layer("conv", 4, (3, 5), Window((2, 1), (1, 2), "valid"))),
        ("conv 4 kernel=3 stride=2 padding=1,2", Layer("conv", 4, (3, 3), Window((2, 2), padding=(1, 1, 2, 2)))),
        ("conv 6 k2 g3 no-bias p0,1,2,3", Layer("conv", 6, (2, 2), Window(padding=(0, 1, 2, 3)), 3, False)),
        ("conv 4 k3 psame", Layer("conv", 4, (3, 3), Window(padding="same"))),
        ("conv 4 k 3 p full", Layer("conv", 4, (3, 3), Window(padding="full"))),
        ("conv 4 k3 same", Layer("conv", 4, (3, 3), Window(padding="same"))),
        ("depthwise k3", Layer("depthwise", None, (3, 3))),
        ("depthwise 8 k3 no-bias", Layer("depthwise", 8, (3, 3), bias=False)),
        ("max-pool 2", Layer("max-pool", None, (2, 2), Window((2, 2), padding="valid"))),
        ("max-pool 3x2", Layer("max-pool", None, (3, 2), Window((3, 2), padding="valid"))),
        ("avg-pool k3 s2 p1", Layer("avg-pool", None, (3, 3), Window((2, 2), padding=(1, 1, 1, 1)))),
        ("relu", Layer("relu")),
        ("flatten", Layer("flatten")),
        ("linear 10", Layer("linear", 10)),
        ("linear no-bias 10", Layer("linear", 10, bias=False)),
    ],
)
def test_parse(text, layer):
    assert Layer.parse(text) == layer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'layer "" is not known .*conv, depthwise, max-pool'),
        ("conv2d 4 k3", "did you mean conv"),
        ("maxpool 2", "did you mean max-pool"),
        ("max_pool 2", "did you mean max-pool"),
        ("conv k3", "conv lacks its number of outputs"),
        ("conv 4", "conv lacks its kernel size"),
        ("depthwise", "depthwise lacks its kernel size"),
        ("max-pool s2", "max-pool lacks its kernel size"),
        ("linear", "linear lacks its number of outputs"),
        ("conv 4 k3 q2", '"q2" is not known.*conv takes OUT, kK, sS, pP, dD, gG, no-bias'),
        ("conv 4 k3 nobias", "did you mean no-bias"),
        ("conv 4 k3 paddin=1", "did you mean padding"),
        ("conv 4 k3 k5", 'kernel is given twice, "k5"'),
        ("conv 4 k3 8", 'OUT is given twice, "8"'),
        ("max-pool 2 k3", "kernel is given twice"),
        ("max-pool 2 g2", "max-pool takes no groups"),
        ("max-pool 2 no-bias", "max-pool takes no no-bias"),
        ("relu 3", "relu takes no OUT.*relu stands alone"),
        ("linear 3 k2", "linear takes no kernel"),
        ("conv 0 k3", "outputs: 0 is too small"),
        ("conv 4 k0", "kernel: 0 is too small"),
        ("conv 4 k3 s0", "stride: 0 is too small"),
        ("conv 4 k3 d0", "dilation 0 .*1 is dense"),
        ("conv 4 k3 g0", "groups: 0 is too small"),
        ("conv 4 k", 'kernel: "" is not a whole number'),
        ("conv 4 k3x3x3", "kernel: .*3 numbers"),
        ("conv 4 k3 p1,2,3", "padding: .*3 numbers"),
        ("conv 4x4 k3", 'outputs: "4x4" is not a whole number'),
        ("conv 4 \x1b[31m", r'"\\x1b\[31m" is not known'),
    ],
)
def test_parse_errors(text, words):
    with pytest.raises(ConvError, match=words):
        Layer.parse(text)


@given(st.sampled_from(["conv", "depthwise"]), st.permutations(["5", "k3x2", "s2", "p1", "d2x1", "no-bias"]))
def test_the_order_of_the_words_does_not_matter(kind, words):
    assert Layer.parse(" ".join([kind, *words])) == Layer.parse(f"{kind} 5 k3x2 s2 p1 d2x1 no-bias")


@pytest.mark.parametrize("text", ["conv 4 k3x5 s2 p0,1,2,2 d1x2 g2 no-bias", "max-pool 3x2 s2 p1", "linear 3", "relu"])
def test_spelled_words_mean_the_same_layer(text):
    layer = Layer.parse(text)
    assert Layer.parse(layer.spelled(layer.window.padding)) == layer


# input, layers, and for each layer: out, weights, biases, macs
STACKS = [
    # the small net of the course: 28 -> 14 -> 7 -> 4 -> 2 -> 1
    (
        (1, 28, 28),
        {
            "conv 4 k3 s2 p1": ((4, 14, 14), 36, 4, 36 * 196),
            "conv 8 k3 s2 p1": ((8, 7, 7), 288, 8, 288 * 49),
            "conv 16 k3 s2 p1": ((16, 4, 4), 1152, 16, 1152 * 16),
            "conv 32 k3 s2 p1": ((32, 2, 2), 4608, 32, 4608 * 4),
            "conv 2 k3 s2 p1": ((2, 1, 1), 576, 2, 576),
            "flatten": ((2,), 0, 0, 0),
        },
    ),
    # LeNet-5 with full connections between its maps
    (
        (1, 32, 32),
        {
            "conv 6 k5": ((6, 28, 28), 150, 6, 150 * 784),
            "avg-pool 2": ((6, 14, 14), 0, 0, 0),
            "conv 16 k5": ((16, 10, 10), 2400, 16, 240000),
            "max-pool 2": ((16, 5, 5), 0, 0, 0),
            "conv 120 k5": ((120, 1, 1), 48000, 120, 48000),
            "flatten": ((120,), 0, 0, 0),
            "linear 84": ((84,), 10080, 84, 10080),
            "relu": ((84,), 0, 0, 0),
            "linear 10 no-bias": ((10,), 840, 0, 840),
        },
    ),
    # a rectangle, other numbers on each axis, a depthwise pair
    (
        (3, 20, 31),
        {
            "conv 12 k3x5 s2x3 p1,0 g3": ((12, 10, 9), 180, 12, 180 * 90),
            "depthwise k3 psame": ((12, 10, 9), 108, 12, 108 * 90),
            "depthwise 24 k2x1 no-bias": ((24, 9, 9), 48, 0, 48 * 81),
            "conv 7 k1": ((7, 9, 9), 168, 7, 168 * 81),
            "max-pool 3x2 s2 p1,0": ((7, 5, 4), 0, 0, 0),
            "linear 5": ((5,), 700, 5, 700),  # a vector is made of the maps without being asked
        },
    ),
    ((3, 224, 224), {"conv 64 k7 s2 p3 no-bias": ((64, 112, 112), 9408, 0, 9408 * 12544)}),
    ((3, 10, 10), {"conv 5 k5 psame": ((5, 10, 10), 375, 5, 37500)}),
    ((3, 9, 9), {"conv 16 k3": ((16, 7, 7), 432, 16, 432 * 49)}),
]


@pytest.mark.parametrize(("shape", "layers"), STACKS)
def test_stack(shape, layers):
    found = report(shape, *layers)
    rows = [(row.out, row.weights, row.biases, row.macs) for row in found.rows]
    assert rows == list(layers.values())
    assert [row.input for row in found.rows] == [shape, *(row.out for row in found.rows[:-1])]
    assert found.output == rows[-1][0]
    assert found.parameters == sum(weights + biases for _, weights, biases, _ in rows)
    assert found.macs == sum(macs for *_, macs in rows)


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(3, 6), st.integers(3, 6)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.integers(1, 2),
)
def test_counts_are_those_of_the_loops(multiples, size, taps, stride):
    """Multiplications of a grouped convolution, counted one by one."""
    groups, into, each = multiples
    maps, height, width = report(
        (groups * into, *size), f"conv {groups * each} k{taps[0]}x{taps[1]} s{stride} g{groups}"
    ).output
    used, macs = set(), 0
    for out, i, j in itertools.product(range(maps), range(height), range(width)):
        for channel in range(groups * into):
            if channel // into != out // each:
                continue
            for u, v in itertools.product(range(taps[0]), range(taps[1])):
                assert i * stride + u < size[0]
                assert j * stride + v < size[1]
                used.add((out, channel, u, v))
                macs += 1
    row = report((groups * into, *size), f"conv {groups * each} k{taps[0]}x{taps[1]} s{stride} g{groups}").rows[0]
    assert (row.weights, row.macs, row.groups) == (len(used), macs, groups)


def test_dense_parameters_join_every_number_to_every_number():
    found = report((3, 5, 7), "conv 2 k2x3")
    assert found.output == (2, 4, 5)
    assert found.dense_parameters == (3 * 5 * 7) * (2 * 4 * 5) + 2 * 4 * 5


def test_fields_of_a_stack():
    rows = report((1, 40, 50), "conv 1 k3x5 s2x1", "relu", "max-pool 2", "conv 1 k3 d2", "flatten", "linear 3").rows
    fields = [row.as_dict() for row in rows]
    assert [f["receptive_field"] for f in fields[:4]] == [[3, 5], [3, 5], [5, 6], [21, 14]]
    assert [f["jump"] for f in fields] == [[2, 1], [2, 1], [4, 2], [4, 2], None, None]
    assert [f["start"] for f in fields] == [[1.0, 2.0], [1.0, 2.0], [2.0, 2.5], [10.0, 6.5], None, None]
    # 19x46 -> 9x23 -> 5x19: a number of the vector sees what it saw on the grid, and the linear layer what all saw.
    assert fields[4]["receptive_field"] == [21, 14]
    assert fields[5]["receptive_field"] == [21 + 4 * 4, 14 + 18 * 2]


def test_a_linear_layer_does_not_see_what_was_left_unread():
    assert report((1, 28, 28), "conv 1 k3 s2", "linear 10").rows[-1].field.size == (27, 27)


def test_every_row_has_the_same_keys():
    rows = report((1, 8, 8), "conv 2 k3", "relu", "avg-pool 2", "flatten", "linear 3").as_dict()["layers"]
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    assert [row["layer"] for row in rows] == ["conv", "relu", "avg-pool", "flatten", "linear"]
    assert [row["kernel"] for row in rows] == [[3, 3], None, [2, 2], None, None]
    assert [row["groups"] for row in rows] == [1, None, None, None, None]


@pytest.mark.parametrize(
    ("shape", "texts", "words", "outs"),
    [
        ((1, 8, 8), ["conv 4 k3", "relu", "conv 4 k7"], r"layer 3 \(conv 4 k7\): .*7 high, the input 6", 2),
        ((1, 8, 3), ["conv 4 k3", "max-pool 2"], r"layer 2 \(max-pool 2\): .*2 wide, the input 1", 1),
        ((1, 8, 8), ["flatten", "conv 4 k3"], r"layer 2 \(conv 4 k3\): conv needs rows and columns", 1),
        ((1, 8, 8), ["linear 9", "max-pool 2"], r"layer 2 \(max-pool 2\): max-pool needs rows and columns", 1),
        ((3, 8, 8), ["conv 4 k3 g2"], "^conv 4 k3 g2: 3 channels do not divide into 2 groups", 0),
        ((4, 8, 8), ["relu", "conv 6 k3 g4"], r"layer 2 \(conv 6 k3 g4\): 6 maps do not divide into 4 groups", 1),
        ((4, 8, 8), ["depthwise 6 k3"], "6 maps do not divide into 4 groups", 0),
        ((1, 8, 8), ["max-pool 3 p2"], "padding 2 is more than half of the pooling window of 3", 0),
        ((1, 8, 8), ["avg-pool 2x4 pfull"], "padding 3 is more than half of the pooling window of 4", 0),
        ((1, 1, 1), ["conv 1 k1 s100000000000000000"] * 20, "too large to count", 19),
    ],
)
def test_a_layer_that_cannot_follow(shape, texts, words, outs):
    with pytest.raises(LayerError, match=words) as caught:
        report(shape, *texts)
    assert isinstance(caught.value, GeometryError)
    assert caught.value.exit_code == 2
    assert caught.value.report == report(shape, *texts[:outs])


def test_pooling_may_be_padded_by_half_its_window():
    assert report((1, 9, 9), "max-pool 3 p1", "avg-pool 4 psame s1").output == (1, 3, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_parser_takes_the_words_it_says_it_takes(kind):
    samples = {"OUT": "4", "K": "3", "no-bias": "no-bias"}
    words = [samples.get(word, f"{word[0]}2") for word in KINDS[kind].split()]
    assert Layer.parse(" ".join([kind, *words])).kind == kind


def test_numbers_beyond_any_picture():
    found = report((3, 10**12, 10**9), "conv 4 k3 s2 p1", "max-pool 1000000", "conv 9 k100000x100")
    assert found.rows[1].out == (4, 500000, 500)
    assert found.output == (9, 400001, 401)
    assert found.rows[0].macs == 4 * 3 * 9 * (10**12 // 2) * (10**9 // 2)
