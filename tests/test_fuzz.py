"""Broken files of every kind, in one process: read or refused in a line, and nothing else ever.

`tests/fuzz.py` does the same through whole runs of the program, for as long as it is told to.
"""

import struct
import zlib
from io import BytesIO

import mutations
import numpy as np
import pytest
from data import chunk
from hypothesis import given, settings
from hypothesis import strategies as st

from convcli import library, raster
from convcli.errors import ConvError

FILES = mutations.rendered()
KINDS = sorted({name.partition(".")[2] for name in FILES})
LIMIT = 10**6  # pixels


def tried(data: bytes) -> bool:
    """True where the file is read; its header tells what is read then, and refusals are lines."""
    told = []
    for which in ("first", "all"):
        try:
            told.append(raster.header(data, which, max_pixels=LIMIT))
        except ConvError as error:
            told.append(None)
            check(error)
    try:
        pictures = list(raster.frames(data, "all", max_pixels=LIMIT))
    except ConvError as error:
        check(error)
        return False
    first, every = told  # of the first frame, of all
    assert first is not None
    assert every is not None
    assert every.frames == len(pictures)
    assert pictures[0].pixels.shape == (every.height, every.width, every.channels)
    raster.encode_frames(iter(pictures[:1]), 1, "NPY", BytesIO())
    return True


def check(error: ConvError) -> None:
    """A refusal is one line of some length that names no class of Python's."""
    line = str(error)
    assert line
    assert line.isprintable()
    assert len(line) < 250
    assert "Error" not in line


@pytest.mark.parametrize("name", FILES)
def test_whole_files_are_read(name):
    assert tried(FILES[name]) == (name != "three.avif")  # we do not write such


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_files_with_a_few_bytes_changed(kind, data):
    names = sorted(name for name in FILES if name.endswith(kind))
    broken = bytearray(FILES[data.draw(st.sampled_from(names))])
    places = st.integers(0, len(broken) - 1) | st.integers(0, min(60, len(broken) - 1))
    numbers = st.sampled_from(mutations.ODD) | st.integers(0, 2**32 - 1)
    for at, number, form in data.draw(
        st.lists(st.tuples(places, numbers, st.sampled_from(["B", "<H", ">H", "<I", ">I"])), min_size=1, max_size=5)
    ):
        size = struct.calcsize(form)
        broken[at : at + size] = struct.pack(form, number % 2 ** (8 * size))
    tried(bytes(broken))


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_had_accidents(kind, capfd):
    rng = np.random.default_rng(len(kind))
    names = sorted(name for name in FILES if name.endswith(kind))
    for number in range(60):
        tried(mutations.mutated(FILES[names[number % len(names)]], rng, FILES[names[0]]))
    assert capfd.readouterr() == ("", "")


CHUNKS = ["IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "iCCP", "pHYs", "tEXt", "zTXt", "iTXt", "eXIf"]
CHUNKS += ["acTL", "fcTL", "fdAT", "sRGB", "teSt", "TesT"]


@given(
    st.lists(st.tuples(st.sampled_from(CHUNKS), st.binary(max_size=40), st.booleans()), max_size=6),
    st.tuples(st.integers(0, 2**32 - 1) | st.integers(1, 9), st.integers(1, 9), *[st.integers(0, 17)] * 5),
)
def test_pngs_of_any_chunks(chunks, head):
    parts = [("IHDR", struct.pack(">IIBBBBB", *head), False), *chunks, ("IDAT", bytes(200), True), ("IEND", b"", False)]
    data = b"\x89PNG\r\n\x1a\n"
    for name, body, is_packed in parts:
        data += chunk(name.encode(), zlib.compress(body) if is_packed else body)
    tried(data)


@given(
    st.lists(
        st.tuples(st.integers(254, 340) | st.integers(0, 65535), st.integers(0, 14), *[st.integers(0, 2**32 - 1)] * 2),
        max_size=12,
    ),
    st.booleans(),
)
def test_tiffs_of_any_tags(entries, is_small):
    order = "<" if is_small else ">"
    head = (b"II*\0" if is_small else b"MM\0*") + struct.pack(f"{order}I", 8)
    sizes = [(256, 3, 1, 3 if is_small else 3 << 16), (257, 3, 1, 3 if is_small else 3 << 16)]
    tags = sorted([*sizes, *((tag, kind, count % 9 if count % 2 else count, at) for tag, kind, count, at in entries)])
    body = b"".join(struct.pack(f"{order}HHII", *tag) for tag in tags)
    tried(head + struct.pack(f"{order}H", len(tags)) + body + bytes(64))


HEADS = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"RIFF\0\0\0\0WEBP"]
HEADS += [b"\0\0\0\x1cftypavif", b"P1\n", b"P2 ", b"P3", b"P4\n", b"P5\n", b"P6 9 9 255\n", b"Pf\n", b"PF\n9 9\n-1\n"]
HEADS += [b"\x93NUMPY\1\0", b"1 2\n3 ", b"1,2\n3,", b"\xef\xbb\xbf", b"\xff\xfe1\0", b""]


@given(st.sampled_from(HEADS), st.binary(max_size=300))
def test_anything_behind_a_known_head(head, tail):
    tried(head + tail)


@given(st.text(alphabet="0123456789.,;eE+-/ \t\n\r#naif\0éx", max_size=60))
def test_grids_of_any_text(text):
    tried(text.encode())


KERNEL = 'title = "t"\nsource = "s"\n'
WORDS = ["weights", "formula", "radius", "scale", "sum", "column", "row", "size", "params", "plane", "step", "anchor"]
WORDS += [
    "[[",
    "]]",
    "[",
    "]",
    "=",
    "1",
    "-2.5",
    "1e309",
    '"x"',
    "'x*y'",
    "\n",
    ",",
    "{",
    "}",
    "#",
    "true",
    "inf",
    "\0",
]


@given(st.lists(st.sampled_from(WORDS), max_size=25), st.sampled_from(["toml", "txt", "csv", "json", "mat", "npy"]))
def test_kernel_files_of_any_words(tmp_path_factory, words, ending):
    path = tmp_path_factory.getbasetemp() / f"kernel.{ending}"
    path.write_text((KERNEL if ending == "toml" else "") + " ".join(words))
    read_as_filter(str(path))


@given(st.text(alphabet="sobel-x:box3gausin.,;|=@^T*[]() \n0129%/", max_size=40) | st.text(max_size=12))
def test_filters_of_any_text(text):
    read_as_filter(text)


def read_as_filter(text: str) -> None:
    """It is one, or a line says why it is none."""
    try:
        library.parse(text, ())
    except ConvError as error:
        line = str(error)
    else:
        line = "fine"
    assert 0 < len(line) < 500
