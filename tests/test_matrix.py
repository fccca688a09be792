"""Matrices: every spelling read, every mistake named with its place, and written text that reads back the same."""

import io
import json
import os
import tomllib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from convcli import matrix
from convcli.errors import ConvError
from convcli.filters import Kernel

SOBEL = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]

INLINE = [
    ("1 0 -1; 2 0 -2; 1 0 -1", SOBEL),
    ("1,0,-1;2,0,-2;1,0,-1", SOBEL),
    ("1, 0, -1 ;\n 2,\t0 , -2\n1 0  -1;\n", SOBEL),
    ("[[1,0,-1],[2,0,-2],[1,0,-1]]", SOBEL),
    ("3x3: 1,0,-1 2,0,-2 1,0,-1", SOBEL),
    ("3x3:1,0,-1,2,0,-2 1 0 -1", SOBEL),
    ("1", [[1]]),
    ("-1 .5 +2. 1e-1 1/4", [[-1, 0.5, 2, 0.1, 0.25]]),
    ("1;2", [[1], [2]]),
    ("[1, 2, 3]", [[1, 2, 3]]),
    ("[[1/9, .5], [+1, -2]]", [[1 / 9, 0.5], [1, -2]]),
    ("[[[1, 2]], [[3, 4]]]", [[[1, 2]], [[3, 4]]]),
    ("[[[[1]], [[2]]]]", [[[[1]], [[2]]]]),
    ("3x2: 1 2 3 4 5 6", [[1, 2, 3], [4, 5, 6]]),  # width by height
    ("2x2: nan,1 -,2", [[0, 1], [0, 2]]),
    ("1 2 # a remark", [[1, 2]]),
]


@pytest.mark.parametrize(("text", "expected"), INLINE)
def test_inline(text, expected):
    assert matrix.is_matrix(text)
    kernel = matrix.parse(text)
    assert kernel.matrix.tolist() == expected
    assert kernel.anchor == tuple((k - 1) // 2 for k in kernel.taps)


def test_imagemagick_names_the_anchor_x_first():
    assert matrix.parse("3x2+2+0: 1 2 3 4 5 6").anchor == (0, 2)


@pytest.mark.parametrize(
    "text",
    [
        "sobel-x",
        "box:3",
        "gaussian:sigma=2",
        "max-pool:2x2",
        "3.txt",
        "2/k.csv",
        "3d.toml",
        "7.png",
        "",
        "|",
        "-",
        "x 1",
    ],
)
def test_not_a_matrix(text):
    assert not matrix.is_matrix(text)


WRONG = [
    ("1 2; 3", "matrix: row 2 has 1 value, row 1 has 2"),
    ("1; 2 3; 4", "matrix: row 2 has 2 values, row 1 has 1"),
    ("1 2; 3 x", 'matrix: row 2, column 2: "x" is not a number'),
    ("1,,2", 'matrix: row 1, column 2: "" is not a number'),
    ("1,2,", 'matrix: row 1, column 3: "" is not a number'),
    ("0,5 0,25", 'matrix: row 1, column 1: "0,5" is not a number (use a point)'),
    ("1 nan", '"nan" is not a number'),
    ("nan 1", '"nan" is not a number'),
    ("1e400", "out of range"),
    ("1/0", "divides by zero"),
    ("0x10 1", '"0x10" is not a number'),
    ("1_0", '"1_0" is not a number'),
    ("\u22121 0 1", "plain digits, points and - signs only"),
    ("\uff11 2", "plain digits"),
    ("1\u00a02", "plain digits"),
    ("1 2\r3 4", '"2\\r3" is not a number'),
    ("1\f 2", '"1\\x0c" is not a number'),
    ("1" * 5000, "is not a number"),
    (";", "holds no numbers"),
    ("[[1,0],[2]]", "matrix: row 2 has 1 value, row 1 has 2"),
    ("[[1,2],3]", "matrix: row 2: wanted a list of columns"),
    ("[[1,2],[3,[4]]]", "matrix: row 2, column 2: wanted a number"),
    ("[[1,2],[3,x]]", 'matrix: row 2, column 2: "x" is not a number'),
    ("[[[1]],[[2],[3]]]", "matrix: plane 2 has 2 rows, plane 1 has 1"),
    ("[[[[1,2]]],[[[3]]]]", "matrix: map 2, plane 1, row 1 has 1 value, row 1 has 2"),
    ("[[[[[1]]]]]", "wanted a list of rows"),
    ("[]", "wanted a list of rows"),
    ("[[]]", "wanted a list of rows"),
    ("[[1,2]", "matrix:1:"),
    ("[" * 100_000, "nested too deep"),
    ("3x3: 1 2", "3x3 wants 9 values, 2 are given"),
    ("0x0:", "0x0 wants 0 values"),
    ("2x1+2+0: 1 2", "anchor 0,2 lies outside the kernel of 1x2"),
    ("2x1: 1 x", '"x" is not a number'),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[repr(text[:16]) for text, _ in WRONG])
def test_wrong_inline(text, message):
    with pytest.raises(ConvError) as caught:
        matrix.parse(text)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def npy(array, version=(1, 0)):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version)
    return buffer.getvalue()


FILES = [
    ("k.txt", "# Sobel\n1 0 -1\n2 0 -2   # the middle\n\n1 0 -1", SOBEL),
    ("k.TXT", "\ufeff1 0 -1\r\n2 0 -2\r\n1 0 -1\r\n", SOBEL),
    ("k.txt", "1 0 -1; 2 0 -2; 1 0 -1", SOBEL),
    ("k.csv", "1,0,-1\n2,0,-2\n1,0,-1\n", SOBEL),
    ("k.csv", "1, 0, -1\n 2 ,0 , -2\n1 0 -1\n", SOBEL),
    ("k.tsv", "1\t0\t-1\n2\t0\t-2\n1\t0\t-1\n", SOBEL),
    ("k", "1 0 -1\n2 0 -2\n1 0 -1\n", SOBEL),
    ("k.json", json.dumps(SOBEL), SOBEL),
    ("k.json", json.dumps({"weights": SOBEL, "title": "t"}), SOBEL),
    ("k.json", '[["1/4", 1e-1, 2]]', [[0.25, 0.1, 2]]),
    ("k.json", "[[[1]], [[2]]]", [[[1]], [[2]]]),
    ("k.mat", "3 3\n1 0 -1\n2 0 -2\n1 0 -1\n", SOBEL),
    ("k.mat", "# vips\n2 1 1 0\n3 4\n", [[3, 4]]),
    ("k.npy", npy(np.array(SOBEL)), SOBEL),
    ("k.npy", npy(np.asfortranarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])), [[1, 2, 3], [4, 5, 6]]),
    ("k.npy", npy(np.arange(6, dtype=">i2").reshape(3, 2), (2, 0)), [[0, 1], [2, 3], [4, 5]]),
    ("k.npy", npy(np.array([[[True, False]]])), [[[1, 0]]]),
    ("k.npy", npy(np.ones((1, 1, 1, 2), np.float16), (3, 0)), [[[[1, 1]]]]),
]


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(("name", "content", "expected"), FILES)
def test_files(tmp_path, name, content, expected):
    assert matrix.read(write(tmp_path, name, content)).matrix.tolist() == expected


def test_what_goes_with_the_weights(tmp_path):
    text = '{"weights": [[1, 2, 3]], "scale": "1/6", "anchor": [0, 2], "title": "t", "source": "s"}'
    kernel = matrix.read(write(tmp_path, "k.json", text))
    assert (kernel.scale, kernel.anchor, kernel.title, kernel.source) == (1 / 6, (0, 2), "t", "s")
    assert matrix.read(write(tmp_path, "k.mat", "2 1 8\n3 5\n")).weights.tolist() == [[0.375, 0.625]]


WRONG_FILES = [
    ("k.txt", "# c\n1 2 3\n1 2 3 0,5\n", 'k.txt:3:7: "0,5" is not a number (use a point)'),
    ("k.txt", "1 2\n\n  3 x\n", 'k.txt:3:5: "x" is not a number'),
    ("k.txt", "1 2; 3 x\n", 'k.txt:1:8: "x" is not a number'),
    ("k.txt", "1 2\n3", "k.txt: row 2 has 1 value, row 1 has 2"),
    ("k.txt", "", "k.txt: holds no numbers"),
    ("k.txt", "# nothing\n\n", "k.txt: holds no numbers"),
    ("k.txt", "1 2\r3 4\r", 'k.txt:1:3: "2\\r3" is not a number'),
    ("k.txt", "1 2\n".encode("utf-16"), "k.txt: is UTF-16 text (save it as UTF-8)"),
    ("k.txt", b"1 2\n3 4 # caf\xe9\n", "k.txt:2: is not UTF-8 text"),
    ("k.txt", b"1 2\0", "k.txt: is not text, it holds zero bytes"),
    ("k.txt", b"1 " * 600_000, "k.txt: is too large for a kernel (1200000 bytes, at most 1000000)"),
    ("k.csv", "1;2", 'k.csv:1:1: "1;2" is not a number'),
    ("k.csv", "1,2,\n3,4,\n", 'k.csv:1:5: "" is not a number'),
    ("k.json", "[[1, 2], [3]]", "k.json: row 2 has 1 value, row 1 has 2"),
    ("k.json", '{"weights": [[1, 2], [3]]}', "k.json: weights: row 2 has 1 value, row 1 has 2"),
    ("k.json", '{"weigths": [[1]]}', 'k.json: unknown key "weigths"; did you mean weights?'),
    ("k.json", '{"weights": [[1]], "weights": [[2]]}', "k.json: a key is given twice"),
    ("k.json", '{"title": "t"}', "k.json: weights is missing"),
    ("k.json", '{"weights": [[1]], "anchor": [true, 0]}', "k.json: anchor: wanted [y, x], two whole numbers"),
    ("k.json", '{"weights": [[1]], "scale": null}', "k.json: scale: wanted a number"),
    ("k.json", "[[NaN]]", "k.json: NaN is not a number"),
    ("k.json", "[[1e999]]", '"inf" is not a number'),
    ("k.json", f"[[{'9' * 5000}]]", "k.json: a number is out of range"),
    ("k.json", "[[true]]", "k.json: row 1, column 1: wanted a number"),
    ("k.json", "[[null]]", "k.json: row 1, column 1: wanted a number"),
    ("k.json", "[[1],\n [2,]]", "k.json:2:5: expecting value"),
    ("k.json", "[" * 400_000, "k.json: lists are nested too deep"),
    (
        "k.mat",
        "3 3 8 128\n1 2 3\n4 5 6\n7 8 9\n",
        "k.mat: the offset is no part of a kernel (make it 0 and use --bias 128)",
    ),
    ("k.mat", "2 2\n1 2\n", "k.mat: the first line says 2 wide and 2 high"),
    ("k.mat", "2 1\n1 2 3\n", "k.mat: the first line says 2 wide and 1 high"),
    ("k.mat", "1 1 0\n1\n", "k.mat: the scale is 0"),
    ("k.mat", "9\n", "k.mat: the first line has 1 values"),
    ("k.mat", "1e9 1e9\n1\n", "k.mat: the first line says 1e+09 wide"),
    ("k.mat", "2 1\n", "k.mat: the first line says 2 wide and 1 high"),
    ("k.npy", npy(np.ones(3)), "k.npy: weights have shape (3,)"),
    ("k.npy", npy(np.array([[np.nan]])), "k.npy: weights must be finite numbers"),
    ("k.npy", npy(np.ones((2, 2)))[:-1], "k.npy: 31 bytes do not make an array of shape (2, 2)"),
    ("k.npy", npy(np.ones((0, 2))), "k.npy: 0 bytes do not make"),
    ("k.npy", npy(np.ones((2, 2), complex)), "k.npy: is not a NumPy array of plain numbers"),
    ("k.npy", npy(np.array([[{}]], object)), "k.npy: is not a NumPy array of plain numbers"),
    ("k.npy", b"PK\x03\x04", "k.npy: is not a NumPy array of plain numbers"),
    ("k.npy", npy(np.ones((1, 1))).replace(b"(1, 1)", b"(999999999, 999999999)"), "k.npy: "),
    ("k.png", b"\x89PNG", "k.png: is a picture, not a kernel (the filter comes first"),
    ("k.yaml", "1", "k.yaml: no kind of kernel file ends in .yaml (.toml .txt"),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG_FILES, ids=range(len(WRONG_FILES)))
def test_wrong_files(desk, name, content, message):
    write(desk, name, content)
    with pytest.raises(ConvError) as caught:
        matrix.read(Path(name))
    assert str(caught.value).startswith(message) or message in str(caught.value)
    assert str(caught.value).startswith(name)
    assert len(str(caught.value)) < 200


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")  # opening it would wait for ever
    cases = {
        tmp_path: "is a folder",
        tmp_path / "pipe.txt": "is not a regular file",
        tmp_path / "none.txt": "no such file or directory",
        tmp_path / ("x" * 300): "file name too long",
        tmp_path / "a\0b": "embedded null byte",
    }
    for path, message in cases.items():
        with pytest.raises(ConvError) as caught:
            matrix.read(path)
        assert str(caught.value).endswith(message)
        assert str(caught.value).isprintable()


WEIGHTS = st.one_of(
    st.integers(-(10**6), 10**6).map(float),
    st.floats(-1e9, 1e9, allow_nan=False),
    st.sampled_from([1e-300, 1 / 3, 1e22, -0.0, 123456789012345678.0]),
)


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=4), elements=WEIGHTS))
def test_text_reads_back_the_same(array):
    kernel = Kernel(array)
    for text in (matrix.to_text(kernel), matrix.to_csv(kernel)):
        assert matrix.parse(text).matrix.tolist() == array.tolist()


@given(
    arrays(np.float64, array_shapes(min_dims=2, max_dims=4, max_side=3), elements=WEIGHTS),
    st.sampled_from([1.0, 1 / 9, 0.3, -1 / 4, 7.0]),
)
def test_toml_reads_back_the_same(array, scale):
    anchor = (array.shape[-2] - 1, array.shape[-1] - 1)
    text = matrix.to_toml(Kernel(array, scale, anchor), 'a "title"\n', "s\\", range="abs")
    table = tomllib.loads(text)
    assert table["weights"] == array.tolist()
    assert float(matrix.number(table.get("scale", "1"), "scale")) == scale
    assert tuple(table.get("anchor", ((array.shape[-2] - 1) // 2, (array.shape[-1] - 1) // 2))) == anchor
    assert (table["title"], table["source"], table["range"]) == ('a "title"\\n', "s\\", "abs")


def test_text_of_scaled_and_anchored_weights():
    kernel = Kernel([[1, 2], [3, 4.5]], 0.5, (1, 0))
    assert matrix.to_text(kernel) == "# --anchor 1,0\n0.5 1\n1.5 2.25\n"
    with pytest.raises(ConvError, match="holds one matrix"):
        matrix.to_csv(Kernel(np.ones((3, 2, 2))))


MUTATED = [content if isinstance(content, bytes) else content.encode() for _, content, _ in FILES]


@given(st.sampled_from(range(len(FILES))), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4))
def test_damaged_files_are_read_or_refused(tmp_path_factory, which, damage):
    data = bytearray(MUTATED[which])
    for place, byte in damage:
        data[place % len(data)] = byte
    path = write(tmp_path_factory.getbasetemp(), FILES[which][0], bytes(data))
    with suppress(ConvError):
        assert np.isfinite(matrix.read(path).weights).all()
