"""Sizes against tables worked by hand, and against counting the windows one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcli.border import Border
from convcli.errors import GeometryError
from convcli.geometry import Axis, Field, Geometry, Window

# size, taps, stride, dilation, padding -> lo, hi, out, unread
TABLE = [
    # the textbook's: M - K + 1, and (M - K) / stride + 1
    (4, 2, 1, 1, "valid", 0, 0, 3, 0),
    (4, 2, 2, 1, "valid", 0, 0, 2, 0),
    (4, 2, 3, 1, "valid", 0, 0, 1, 2),
    (28, 3, 2, 1, "valid", 0, 0, 13, 1),
    (27, 3, 2, 1, "valid", 0, 0, 13, 0),
    (227, 11, 4, 1, "valid", 0, 0, 55, 0),
    (5, 5, 9, 1, "valid", 0, 0, 1, 0),
    (1, 1, 1, 1, "valid", 0, 0, 1, 0),
    # padding in pixels
    (4, 2, 3, 1, 1, 1, 1, 2, 1),
    (224, 7, 2, 1, 3, 3, 3, 112, 1),
    (28, 3, 2, 1, 1, 1, 1, 14, 1),
    (2, 5, 1, 1, 2, 2, 2, 2, 0),
    (3, 1, 1, 1, 4, 4, 4, 11, 0),
    # same: the padding does not know of the stride
    (28, 3, 2, 1, "same", 1, 1, 14, 1),
    (28, 5, 2, 1, "same", 2, 2, 14, 1),
    (224, 7, 2, 1, "same", 3, 3, 112, 1),
    (28, 4, 2, 1, "same", 1, 2, 14, 1),
    (28, 3, 2, 2, "same", 2, 2, 14, 1),
    (9, 2, 1, 1, "same", 0, 1, 9, 0),
    (7, 6, 3, 2, "same", 4, 6, 3, 0),
    (1, 9, 4, 3, "same", 12, 12, 1, 0),
    # full: d + k - 1
    (3, 2, 1, 1, "full", 1, 1, 4, 0),
    (100, 3, 1, 1, "full", 2, 2, 102, 0),
    (100, 3, 2, 1, "full", 2, 2, 51, 1),
    (6, 3, 1, 2, "full", 4, 4, 10, 0),
    # dilation
    (7, 3, 1, 2, "valid", 0, 0, 3, 0),
    (28, 3, 2, 2, "valid", 0, 0, 12, 1),
    (10, 4, 2, 3, "valid", 0, 0, 1, 0),
    (9, 1, 2, 5, "valid", 0, 0, 5, 0),
]

axes = st.builds(
    lambda taps, anchor, **rest: Axis(taps=taps, anchor=anchor % taps, **rest),
    size=st.integers(1, 30),
    taps=st.integers(1, 6),
    anchor=st.integers(0, 5),
    stride=st.integers(1, 5),
    dilation=st.integers(1, 4),
    lo=st.integers(0, 9),
    hi=st.integers(0, 9),
).filter(lambda axis: axis.size + axis.lo + axis.hi >= axis.reach)


def windows(axis: Axis) -> list[range]:
    """Positions under each window, found by pushing it along the padded line until it falls off."""
    found, begin = [], -axis.lo
    while begin + axis.dilation * (axis.taps - 1) < axis.size + axis.hi:
        found.append(range(begin, begin + axis.dilation * (axis.taps - 1) + 1, axis.dilation))
        begin += axis.stride
    return found


@pytest.mark.parametrize(("size", "taps", "stride", "dilation", "padding", "lo", "hi", "out", "unread"), TABLE)
def test_table(size, taps, stride, dilation, padding, lo, hi, out, unread):
    """The row lies on y, then on x, while the other axis holds something else."""
    pads = (padding, padding, 1, 0), (1, 0, padding, padding)
    on_y, on_x = (padding, padding) if isinstance(padding, str) else pads
    y = Window((stride, 2), (dilation, 1), on_y).fit((size, 13), (taps, 3)).y
    x = Window((2, stride), (1, dilation), on_x).fit((13, size), (3, taps)).x
    assert (y.lo, y.hi, y.out, y.unread) == (lo, hi, out, unread)
    assert x == y


def test_axes_stay_apart():
    geometry = Window((2, 3), (1, 2), (0, 1, 2, 3), Border("edge")).fit((11, 20), (2, 5), (1, 3))
    assert geometry == Geometry(Axis(11, 2, 1, 2, 1, 0, 1), Axis(20, 5, 3, 3, 2, 2, 3), Border("edge"))
    assert geometry.out == (6, 6)
    assert geometry.unread == (0, 1)
    assert geometry.kernel == (2, 5)
    assert geometry.stride == (2, 3)
    assert geometry.dilation == (1, 2)
    assert geometry.padding == (0, 1, 2, 3)
    assert geometry.x.reach == 9


@pytest.mark.parametrize(
    ("taps", "anchor", "dilation", "lo", "hi"),
    [(4, None, 1, 1, 2), (4, 2, 1, 2, 1), (4, 0, 1, 0, 3), (4, 3, 1, 3, 0), (3, 2, 2, 4, 0), (2, 1, 3, 3, 0)],
)
def test_the_anchor_divides_the_padding_of_same(taps, anchor, dilation, lo, hi):
    window = Window(dilation=(dilation, 1))
    geometry = window.fit((12, 8), (taps, 1), None if anchor is None else (anchor, 0))
    assert geometry.padding == (lo, hi, 0, 0)
    assert geometry.out == (12, 8)


def test_the_anchor_leaves_other_padding_alone():
    for padding, expected in (("valid", (0, 0, 0, 0)), ("full", (2, 2, 1, 1)), ((1, 0, 2, 0), (1, 0, 2, 0))):
        assert Window(padding=padding).fit((9, 9), (3, 2), (2, 1)).padding == expected


@pytest.mark.parametrize(
    ("axis", "filling"),
    [
        (Axis(28, 3, stride=2), (0, 1)),  # nothing to take away: one more
        (Axis(28, 3, stride=2, lo=1, hi=1), (1, 0)),  # one less is as near as one more, and cheaper
        (Axis(4, 2, stride=3, lo=1, hi=1), (1, 0)),
        (Axis(10, 3, stride=4, lo=2, hi=3), (2, 3)),  # nothing unread
        (Axis(9, 2, stride=5, lo=0, hi=3), (0, 3)),
        (Axis(9, 2, stride=5, lo=0, hi=1), (0, 3)),  # 3 unread, 1 to take away: 2 more
        (Axis(11, 2, stride=5, lo=0, hi=2), (0, 1)),
        (Axis(13, 2, stride=5, lo=0, hi=2), (0, 4)),  # 3 unread cannot come off 2, so 2 more
    ],
)
def test_filling(axis, filling):
    assert axis.filling == filling


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Window(stride=(1, 0)), "stride 0 is too small"),
        (lambda: Window(dilation=(0, 1)), "dilation 0 .*1 is dense"),
        (lambda: Window(anchor=(0, -1)), "anchor -1"),
        (lambda: Window(op="fold"), "op fold is neither correlate nor convolve"),
        (lambda: Window(padding="some"), "padding some is none of same, valid, full"),
        (lambda: Window(padding=(0, 0, -2, 0)), "padding -2"),
        (lambda: Window(padding="valid").fit((4, 9), (7, 3)), "7 high, the input 4"),
        (lambda: Window(padding="valid").fit((9, 4), (3, 7)), "7 wide, the input 4"),
        (
            lambda: Window((1, 1), (1, 3), (0, 0, 1, 1)).fit((9, 4), (1, 3)),
            r"7 wide \(3 taps, dilation 3\).*4 \+ 1 \+ 1",
        ),
        (lambda: Window().fit((9, 0), (3, 3)), "does not fit"),
        (lambda: Window().fit((9, 9), (3, 3), (3, 0)), "anchor 3 lies outside the kernel of 3x3"),
        (lambda: Window().fit((9, 9), (3, 2), (0, 2)), "anchor 2 lies outside the kernel of 3x2"),
    ],
)
def test_errors(build, words):
    with pytest.raises(GeometryError, match=words):
        build()


@given(axes)
def test_out_and_unread_count_the_windows(axis):
    found = windows(axis)
    assert axis.out == len(found)
    assert axis.unread == axis.size + axis.hi - (found[-1][-1] + 1)
    assert axis.reach == found[0][-1] - found[0][0] + 1


@given(axes, st.data())
def test_needs_is_what_the_windows_read(axis, data):
    start = data.draw(st.integers(0, axis.out - 1))
    stop = data.draw(st.integers(start + 1, axis.out))
    read = [position for window in windows(axis)[start:stop] for position in window]
    assert axis.needs(start, stop) == (min(read), max(read) + 1)


@given(axes)
def test_filling_is_the_nearest_that_leaves_nothing(axis):
    def leaves_nothing(hi):
        size = axis.size + axis.lo + hi
        return size >= axis.reach and (size - axis.reach) % axis.stride == 0

    nearest = min(filter(leaves_nothing, range(axis.hi + axis.stride + 1)), key=lambda hi: (abs(hi - axis.hi), hi))
    assert axis.filling == (axis.lo, nearest)


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 6), st.integers(1, 4), st.data())
def test_same_gives_size_over_stride_rounded_up(size, taps, stride, dilation, data):
    anchor = data.draw(st.integers(0, taps - 1))
    window = Window((1, stride), (1, dilation))
    axis = window.fit((5, size), (1, taps), (0, anchor)).x
    assert axis.out == -(-size // stride)
    # Output i has its anchor over input i * stride: the strided result is the dense one, sampled.
    assert [positions[anchor] for positions in windows(axis)] == list(range(0, size, stride))


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4))
def test_full_meets_every_overlap(size, taps, dilation):
    axis = Window(dilation=(dilation, 1), padding="full").fit((size, 5), (taps, 1)).y
    found = windows(axis)
    assert axis.out == len(found) == size + axis.reach - 1
    assert (found[0][-1], found[-1][0]) == (0, size - 1)


# layers of (size, taps, stride, dilation, padding) -> receptive field, jump and start, on one axis
FIELDS = [
    ([(100, 3, 1, 1, 0), (98, 3, 1, 1, 0)], 5, 1, 2.0),
    ([(28, 3, 2, 1, 0)], 3, 2, 1.0),
    ([(28, 3, 2, 1, 1)] * 5, 63, 32, 0.0),
    ([(60, 3, 1, 2, 2)] * 2, 9, 1, 0.0),
    ([(60, 5, 2, 2, 4), (30, 2, 2, 1, 0)], 11, 4, 1.0),
    ([(60, 4, 1, 1, 0), (57, 2, 3, 1, 1)], 5, 3, 1.0),
    ([(9, 1, 1, 1, 0)], 1, 1, 0.0),
]


@pytest.mark.parametrize(("layers", "size", "jump", "start"), FIELDS)
def test_field(layers, size, jump, start):
    """The case lies on x, while y holds windows of one tap, which see one sample and move by one."""
    field = Field()
    for n, taps, stride, dilation, padding in layers:
        field = field.through(Window((1, stride), (1, dilation), (0, 0, padding, padding)).fit((3, n), (1, taps)))
    assert (field.size, field.jump, field.start) == ((1, size), (1, jump), (0.0, start))


def seen(position: int, layers: list[Axis]) -> set[int]:
    """Samples of the first input, padding included, that an output of the last layer depends on."""
    if not layers:
        return {position}
    *earlier, last = layers
    taps = [position * last.stride - last.lo + tap * last.dilation for tap in range(last.taps)]
    return set().union(*(seen(tap, earlier) for tap in taps))


@given(st.lists(axes, min_size=1, max_size=3), st.integers(0, 5))
def test_field_is_what_an_output_sees(layers, output):
    field, first = Field(), output
    for axis in layers:
        field = field.through(Geometry(axis, Axis(1, 1)))
    samples = seen(output, layers)
    assert field.size == (max(samples) - min(samples) + 1, 1)
    assert field.start[0] + output * field.jump[0] == (max(samples) + min(samples)) / 2
    for axis in reversed(layers):  # from anchor to anchor, back to the first input
        output = output * axis.stride - axis.lo + axis.dilation * axis.anchor
    assert output == field.at[0] + first * field.jump[0]


@given(axes, axes, axes)
def test_since_takes_the_earlier_layers_away(first, second, third):
    earlier = Field().through(Geometry(first, second))
    later = Geometry(second, third)
    rest, alone = earlier.through(later).since(earlier), Field().through(later)
    assert (rest.at, rest.jump) == (alone.at, alone.jump)


def test_numbers_beyond_any_picture():
    billion = 10**9
    geometry = Window((1, 7), (1, billion)).fit((billion, 10**12), (billion, 3))
    assert geometry.out == (billion, -(-(10**12) // 7))
    assert geometry.padding == ((billion - 1) // 2, billion // 2, billion, billion)
