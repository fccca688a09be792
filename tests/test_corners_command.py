"""`convcli corners` as its user meets it: tables, marked pictures, messages and exit codes."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_apply_command import convcli, refused

import convcli as package

pytestmark = pytest.mark.usefixtures("desk")

SQUARES = ((10, 12), (27, 38))


@pytest.fixture
def board(desk):
    """A picture with two dark squares on bright ground, eight corners in all; 8 and 16 bits."""
    tone = np.full((48, 61), 230.0)
    for y, x in SQUARES:
        tone[y : y + 12, x : x + 12] = 30
    for _ in range(2):  # a little soft
        tone = (np.roll(tone, 1, 0) + 2 * tone + np.roll(tone, -1, 0)) / 4
        tone = (np.roll(tone, 1, 1) + 2 * tone + np.roll(tone, -1, 1)) / 4
    levels = np.rint(tone).astype(np.uint8)
    Image.fromarray(levels).save("board.png")
    Image.fromarray(levels.astype(np.uint16) * 257).save("deep.png")
    return levels


def points_of(text: str) -> np.ndarray:
    """x and y of a CSV."""
    return np.array([(float(row["x"]), float(row["y"])) for row in csv.DictReader(io.StringIO(text))])


def is_there(points: np.ndarray) -> bool:
    """True for the eight corners of the squares and no others."""
    wanted = np.array([(x + dx, y + dy) for y, x in SQUARES for dy in (-0.5, 11.5) for dx in (-0.5, 11.5)])
    away = np.hypot(*(points[:, None] - wanted).transpose(2, 0, 1))
    return len(points) == 8 and away.min(axis=0).max() < 1


def test_points_are_printed_as_a_table(board):
    ran = convcli("corners", "board.png")
    assert (ran.code, ran.errors) == (0, [])
    assert ran.lines[0].split() == ["x", "y", "response"]
    assert is_there(np.array([[float(cell) for cell in line.split()[:2]] for line in ran.lines[1:]]))
    assert len({len(line.split()) for line in ran.lines}) == 1
    ends = {line.index(line.split()[1]) + len(line.split()[1]) for line in ran.lines}
    assert len(ends) == 1, "a column has one right edge"


def test_quiet_leaves_the_head_away(board):
    assert convcli("corners", "board.png", "-q").lines == convcli("corners", "board.png").lines[1:]


def test_both_depths_print_the_same(board):
    assert convcli("corners", "board.png").out == convcli("corners", "deep.png").out


def test_python_says_what_the_command_says(board):
    found = package.corners(board, method="shi-tomasi", quality=0.3, min_distance=7, sigma=2, max=5)
    words = "--method shi-tomasi --quality 0.3 --min-distance 7 --sigma 2 --max 5 --json"
    ran = convcli("corners", "board.png", *words.split())
    told = json.loads(ran.out)
    assert [list(point) for point in told] == [["x", "y", "response"]] * 5
    for name in ("x", "y", "response"):
        np.testing.assert_allclose([point[name] for point in told], found[name], rtol=1e-4)


def test_points_go_to_a_file(board):
    ran = convcli("corners", "board.png", "--points", "points.csv")
    assert (ran.code, ran.errors) == (0, [])
    assert "48x61 L  8 corners  (harris, " in ran.lines[0]
    text = Path("points.csv").read_bytes().decode()
    assert text.startswith("x,y,response\n")
    assert is_there(points_of(text))
    assert convcli("corners", "board.png", "--points", "points.json", "-q").out == b""
    told = json.loads(Path("points.json").read_text())
    assert [f"{point['x']},{point['y']},{point['response']}" for point in told] == text.splitlines()[1:]


def test_points_go_to_standard_output(board):
    ran = convcli("corners", "board.png", "--points", "-")
    assert is_there(points_of(ran.out.decode()))
    assert not os.path.exists("-")


def test_the_picture_is_marked_where_the_corners_are(board):
    ran = convcli("corners", "board.png", "-o", "marked.png")
    assert (ran.code, len(ran.lines)) == (0, 1)
    assert ran.lines[0].startswith("board.png  48x61 L -> marked.png  8 corners  (harris, ")
    marked = np.asarray(Image.open("marked.png")).astype(int)
    assert marked.shape == (48, 61, 3)
    changed = (marked != board[:, :, None]).any(axis=2)
    near = np.zeros_like(changed)
    for y, x in SQUARES:
        for dy in (0, 12):
            for dx in (0, 12):
                near[y + dy - 8 : y + dy + 8, x + dx - 8 : x + dx + 8] = True
                ring = marked[y + dy - 7 : y + dy + 7, x + dx - 7 : x + dx + 7].reshape(-1, 3).tolist()
                assert [255, 230, 0] in ring
                assert [0, 0, 0] in ring
    assert changed.any()
    assert not changed[~near].any()
    assert not changed[SQUARES[0][0], SQUARES[0][1]], "the corner itself stays free"


def test_points_and_picture_in_one_run(board):
    assert convcli("corners", "board.png", "--points", "p.json", "-o", "m.jpg").code == 0
    with Image.open("m.jpg") as marked:
        assert marked.format == "JPEG"
    assert len(json.loads(Path("p.json").read_text())) == 8


def test_the_marked_picture_goes_to_standard_output(board):
    ran = convcli("corners", "-", "-o", "-", stdin=Path("board.png").read_bytes())
    assert (ran.code, ran.errors) == (0, [])
    assert Image.open(io.BytesIO(ran.out)).size == (61, 48)


def test_a_picture_comes_from_standard_input(board):
    ran = convcli("corners", "-", stdin=Path("board.png").read_bytes())
    assert ran.lines == convcli("corners", "board.png").lines


def test_a_grid_of_numbers_has_corners_too(board):
    np.save("grid.npy", board / 255)
    ran = convcli("corners", "grid.npy", "--points", "-")
    assert is_there(points_of(ran.out.decode()))
    np.save("large.npy", board * 40.0)
    assert convcli("corners", "large.npy", "-o", "large.png").code == 0
    shown = np.asarray(Image.open("large.png"))[:3, :3]
    assert (shown == 255).all(), "what has no white is shown up to its largest"


def test_several_pictures_share_a_table_with_their_names_last(board):
    alone = convcli("corners", "board.png").lines
    ran = convcli("corners", "board.png", "deep.png")
    assert ran.lines[0].split() == ["x", "y", "response", "image"]
    assert [line.split()[:3] for line in ran.lines[1:9]] == [line.split() for line in alone[1:]]
    assert [line.split()[3] for line in ran.lines[1:]] == ["board.png"] * 8 + ["deep.png"] * 8
    rows = list(csv.DictReader(io.StringIO(convcli("corners", "board.png", "deep.png", "--points", "-").out.decode())))
    assert [list(row) for row in rows] == [["x", "y", "response", "image"]] * 16
    assert [row["image"] for row in rows] == ["board.png"] * 8 + ["deep.png"] * 8


def test_several_pictures_are_marked_in_a_folder(board):
    Image.fromarray(board).save("photo.jpg")
    ran = convcli("corners", "board.png", "photo.jpg", "-o", "marked/")
    assert ran.code == 0
    assert sorted(os.listdir("marked")) == ["board.png", "photo.png"]
    assert len(ran.lines) == 2


def test_pictures_are_taken_upright(board):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    Image.fromarray(np.rot90(board)).save("turned.png", exif=exif)
    assert convcli("corners", "turned.png").out == convcli("corners", "board.png").out
    convcli("corners", "turned.png", "-o", "marked.png", "-q")
    with Image.open("marked.png") as marked:
        assert marked.size == (61, 48)
        assert marked.getexif().get(0x0112, 1) == 1


def test_a_failure_is_one_line_and_the_rest_goes_on(board):
    ran = convcli("corners", "missing.png", "board.png", "--points", "p.csv")
    assert ran.code == 1
    assert ran.errors == ["convcli: missing.png: no such file or directory"]
    assert {row["image"] for row in csv.DictReader(Path("p.csv").read_text().splitlines())} == {"board.png"}


def test_without_any_picture_there_is_no_table(board):
    refused("corners", "missing.png", "--points", "p.csv", code=1)
    assert not os.path.exists("p.csv")


def test_a_flat_picture_has_none(desk):
    Image.new("L", (20, 30), 90).save("flat.png")
    assert convcli("corners", "flat.png").lines == ["        x         y  response"]
    assert convcli("corners", "flat.png", "--json").lines == ["[]"]
    assert "  0 corners  " in convcli("corners", "flat.png", "-o", "m.png").lines[0]


def test_what_is_there_is_not_overwritten(board):
    for name in ("p.csv", "m.png"):
        Path(name).write_text("mine")
    assert refused("corners", "board.png", "--points", "p.csv", code=1) == (
        "convcli: p.csv: exists already (-f overwrites)"
    )
    assert refused("corners", "board.png", "-o", "m.png", code=1) == "convcli: m.png: exists already (-f overwrites)"
    assert {Path(name).read_text() for name in ("p.csv", "m.png")} == {"mine"}
    assert convcli("corners", "board.png", "--points", "p.csv", "-o", "m.png", "-f").code == 0
    assert "mine" not in Path("p.csv").read_text()


def test_what_cannot_be_written_stops_the_run(board):
    line = refused("corners", "board.png", "deep.png", "--points", "nowhere/p.csv", code=3)
    assert "nowhere" in line
    assert "nowhere" in refused("corners", "board.png", "-o", "nowhere/m.png", code=3)


def test_large_pictures_are_refused_before_they_are_decoded(board):
    assert "(raise with --max-pixels)" in refused("corners", "board.png", "--max-pixels", "100", code=1)


def test_only_the_first_frame_is_searched_and_that_is_said(board):
    frames = [Image.fromarray(board), Image.fromarray(board[::-1])]
    frames[0].save("two.gif", save_all=True, append_images=frames[1:])
    ran = convcli("corners", "two.gif")
    assert (ran.code, len(ran.errors)) == (0, 1)
    assert ran.errors[0].startswith("convcli: warning: two.gif: 2 frames")
    assert convcli("corners", "two.gif", "-q").errors == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "corners takes at least one IMAGE"),
        ("board.png --method haris", "method"),
        ("board.png --max 0", "max: 0 is too small (at least 1)"),
        ("board.png --quality 2", "quality is 2.0, wanted a number from 0 to 1"),
        ("board.png --quality x", 'quality: "x" is not a number'),
        ("board.png --min-distance -2", "min-distance is -2.0"),
        ("board.png --sigma 0", "sigma 0 is out of range"),
        ("board.png --method sobel --k 0.1", "k does not go with sobel"),
        ("board.png --points p.txt", "p.txt: a file of points is .csv or .json"),
        ("board.png --points p.csv --json", "--json and --points exclude each other"),
        ("board.png --points - -o -", "standard output takes the picture or the points, not both"),
        ("board.png deep.png -o -", "standard output takes one picture (name a folder with -o)"),
        ("board.png -o m.txt", "m.txt: the format holds no marked picture (.png does)"),
        ("board.png -o m", "the name needs an extension"),
        ("board.png -o board.png -f", "board.png: is an input"),
        ("board.png sub/board.png -o m/", "would both be written to m/board.png"),
        ("- -", "standard input can be read once"),
        ("- -o m/", "standard input has no name for a file in a folder"),
        ("grid.csv --points grid.csv -f", "grid.csv: is an image or its marked picture"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_done(board, words, said):
    before = sorted(os.listdir())
    assert said in refused("corners", *words.split(), stdin=b"")
    assert sorted(os.listdir()) == before


def test_help_has_an_example():
    text = "\n".join(convcli("corners", "--help").lines)
    assert "convcli corners photo.png --points corners.csv -o marked.png" in text
