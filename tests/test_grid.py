"""Grids of numbers: what is read, what is refused and where, what is printed."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcli import grid
from convcli.errors import InputError


@pytest.mark.parametrize(
    "text",
    [
        "1 2 3\n4 5 6\n",
        "1 2 3\n4 5 6",
        "1,2,3\n4,5,6\n",
        "1, 2, 3\n 4 ,5,6\n",
        "1\t2\t3\n4\t5\t6\n",
        "1 2 3\r\n4 5 6\r\n",
        "# made by hand\n1 2 3 # first\n\n   \n4 5 6\n# end",
        "1,2,3\n4 5 6\n",
        "  1  2\t3\n+4 5. 6e0",
        "1 4/2 3\n4 5 12/2",
        b"\xef\xbb\xbf1 2 3\r\n4 5 6\r\n",
    ],
)
def test_the_same_grid_in_many_hands(text):
    np.testing.assert_array_equal(grid.read(text)[:, :, 0], [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no numbers in it"),
        ("# nothing\n\n", "no numbers in it"),
        ("1 2\n\n3", "line 3 has 1 number, line 1 has 2"),
        ("1 2\n3 x", 'line 2, column 3: "x" is not a number'),
        ("1 0,5", 'line 1, column 1: "1 0" is not a number'),
        ("a,0", 'line 1, column 1: "a" is not a number'),
        ("1,,2", "line 1, column 3: a number is missing"),
        ("1,2,\n3,4,5", "line 1, column 5: a number is missing"),
        ("1 nan", 'line 1, column 3: "nan" is not a number'),
        ("1 inf", 'line 1, column 3: "inf" is not a number'),
        ("1 1e999", 'line 1, column 3: "1e999" is out of range'),
        ("1/0", '"1/0" divides by zero'),
        ("1_0", '"1_0" is not a number'),
        ("0x10", '"0x10" is not a number'),
        ("1;2", '"1;2" is not a number'),
        ("\u0661 2", "is not a number"),
        ("1 \u22122", "line 1, column 3: "),
        ("1\xa02", r"1\\xa02"),
        ("1\x0c2", r"1\\x0c2"),
        ("1\r2", r"1\\r2"),
        ("1 \x00", r'"\\x00" is not a number'),
        ("1 " + "z" * 1000, "line 1, column 3: a word of 1000 characters is not a number"),
        (b"\xff\xfe1\x00", "UTF-16"),
        (b"1 2\n# caf\xe9", "line 2: byte 0xe9 is not UTF-8 text"),
    ],
)
def test_mistakes_are_told_in_a_line(text, message):
    with pytest.raises(InputError, match=message) as caught:
        grid.read(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=width, max_size=width), min_size=1
        )
    ),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from([" ", ",", "\t"]),
)
def test_text_reads_back_equal(rows, dtype, separator):
    with np.errstate(over="ignore"):
        pixels = np.nan_to_num(np.array(rows, dtype))[:, :, None]
    text = grid.to_text(pixels, separator)
    np.testing.assert_array_equal(grid.read(text).astype(dtype), pixels)


def test_numbers_are_printed_as_short_as_they_are():
    pixels = np.array([[-4.0, 0.1, 1e20, -0.0, 16777216.0]])[:, :, None]
    assert grid.to_text(pixels.astype(np.float32)) == "-4 0.1 1e+20 0 16777216\n"
    assert grid.to_text(np.array([[[-4.0], [-0.0]]])) == "-4 0\n"
    assert grid.to_text(np.array([[[200], [7]]], np.uint8), ",") == "200,7\n"
    assert grid.to_text(np.array([[[True], [False]]])) == "1 0\n"


def test_text_has_one_channel():
    with pytest.raises(InputError, match=r"one channel, not 3 \(.npy"):
        grid.to_text(np.zeros((2, 2, 3)))


def test_arrays_come_in_and_go_out():
    for shape in [(3, 2), (3, 2, 1), (3, 2, 4)]:
        for dtype in ["bool", "uint8", "int64", ">f4", "float64"]:
            array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
            target = BytesIO()
            np.save(target, np.asfortranarray(array))
            pixels = grid.read(target.getvalue())
            assert pixels.dtype == np.float64
            assert pixels.ndim == 3
            np.testing.assert_array_equal(pixels.reshape(shape), array)
    target = BytesIO()
    grid.write_npy(target, pixels[:, ::-1])
    np.testing.assert_array_equal(np.load(BytesIO(target.getvalue())), pixels[:, ::-1])


def saved(array, **options) -> bytes:
    target = BytesIO()
    np.save(target, array, **options)
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (saved(np.array([[{}]], object), allow_pickle=True), "Python objects"),
        (saved(np.zeros((2, 2), complex)), "complex128"),
        (saved(np.array([["a"]])), "not of real numbers"),
        (saved(np.zeros(3)), r"shape \(3,\)"),
        (saved(np.zeros((0, 3))), r"shape \(0, 3\)"),
        (saved(np.zeros((3, 3)))[:-1], "do not agree"),
        (saved(np.zeros((3, 3))).replace(b"(3, 3)", b"(9999999999, 9999999999)"), "do not agree"),
        (saved(np.zeros((3, 3)))[:9], "do not agree"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535, "do not agree"),
    ],
)
def test_arrays_that_are_none(data, message):
    with pytest.raises(InputError, match=message):
        grid.read(data)


def test_a_file_is_read_by_its_path(tmp_path):
    path = tmp_path / "g.txt"
    path.write_text("1 2")
    assert grid.read(path).shape == (1, 2, 1)
    with pytest.raises(InputError, match="no such file"):
        grid.read(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"0 0 1", True),
        (b"# a comment", True),
        (b"\xef\xbb\xbf1 2", True),
        (b"<html>", True),
        (b"", False),
        (b"P5\n3 2\n255\n", False),
        (b"P2 3 2", False),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"GIF89a\x01\x00", False),
        (b"\xff\xd8\xff\xe0", False),
        (b"1 2\x00", False),
    ],
)
def test_text_is_told_from_pictures(head, answer):
    assert grid.looks_like_text(head) is answer
