"""`convcli apply` as its user meets it: the whole command line from words to files, in this process.

`convcli` below runs `main` itself, so that messages and exit codes are those of the program.
"""

import csv
import io
import json
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import naive
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageCms, PngImagePlugin

from convcli import cli

pytestmark = pytest.mark.usefixtures("desk")


@dataclass
class Ran:
    """How a command ended: exit code, standard output as bytes, standard error as lines."""

    code: int
    out: bytes
    errors: list[str]

    @property
    def lines(self) -> list[str]:
        return self.out.decode().splitlines()

    @property
    def grid(self) -> np.ndarray:
        return np.array([[float(cell) for cell in line.split()] for line in self.lines])


def _ended(code: int):
    raise SystemExit(code)


def convcli(*words: object, stdin: bytes | str = b"") -> Ran:
    """The command line run in this process, its end as an exit code."""
    threads = set(threading.enumerate())
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGXFSZ)}
    code = None
    with (
        patch.object(cli, "_leave", side_effect=_ended),
        patch.dict(os.environ),
        CliRunner().isolation(input=stdin) as (out, err, _),
    ):
        try:
            cli.main([str(word) for word in words])
        except SystemExit as left:
            code = left.code
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            for thread in (
                set(threading.enumerate()) - threads
            ):  # a process ends them; here they would meet the next test
                thread.join(10)
    return Ran(code, out.getvalue(), err.getvalue().decode("utf-8", "surrogateescape").splitlines())


def refused(*words: object, code: int = 2, stdin: bytes | str = b"") -> str:
    """The one line on standard error of a command that has to fail so."""
    ran = convcli(*words, stdin=stdin)
    assert (ran.code, len(ran.errors)) == (code, 1), (words, ran)
    (line,) = ran.errors
    assert line.startswith("convcli: ")
    assert line.isprintable()
    assert not any(word in line for word in ("Traceback", "Error", "PosixPath", "object at")), line
    return line


def listing(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with what is in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def samples(*shape: int, dtype: str = "uint8", seed: int = 0, low: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).integers(low, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def save(name: str | Path, pixels: np.ndarray, mode: str | None = None, **options) -> str:
    """A picture file of the pixels."""
    Image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes()).save(name, **options) if mode else Image.fromarray(
        pixels
    ).save(name, **options)
    return str(name)


def load(name: str | Path) -> np.ndarray:
    """The samples of a picture file, (H, W, C)."""
    with Image.open(name) as im:
        pixels = np.asarray(im)
    return pixels.reshape(*pixels.shape[:2], -1)


def mode_of(name: str | Path) -> str:
    with Image.open(name) as im:
        return im.mode


def levels(sums: np.ndarray, white: float = 255) -> np.ndarray:
    return np.clip(np.rint(sums), 0, white)


def spoken(value: object) -> str:
    """A case's name: its words, not a number."""
    return " ".join(map(str, value))[:60] if isinstance(value, list) else str(value)


# ---------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("filter_", "image", "result"),
    [
        ("sobel-x", "photo.png", "photo.sobel-x.png"),
        ("gaussian:2", "photo.png", "photo.gaussian-2.png"),
        ("gaussian:1.4 | sobel", "photo.png", "photo.gaussian-1.4+sobel.png"),
        ("1 0 -1", "photo.png", "photo.matrix.png"),
        ("max-pool:2 | relu", "photo.png", "photo.max-pool-2+relu.png"),
        ("box:3", "a/b/photo.v2.png", "a/b/photo.v2.box-3.png"),
        ("box:3", "UP.PNG", "UP.box-3.PNG"),
        ("box:3", ".hidden.png", ".hidden.box-3.png"),
        ("box:3", "photo.jpeg", "photo.box-3.jpeg"),
        ("box:3", "two words.bmp", "two words.box-3.bmp"),
        ("box:3", "colour.gif", "colour.box-3.png"),  # a GIF of ours is gray
        ("box:3", "photo", "photo.box-3.png"),
        ("gaussian:1.4", "photo", "photo.gaussian-1.4.png"),
        ("box:3", "scan.dat", "scan.box-3.png"),
    ],
)
def test_default_names(desk, filter_, image, result):
    Path(image).parent.mkdir(parents=True, exist_ok=True)
    save(
        image, samples(9, 8, 3), format=None if Image.registered_extensions().get(Path(image).suffix.lower()) else "PNG"
    )
    before = listing(desk)
    ran = convcli("apply", filter_, image)
    assert (ran.code, ran.errors) == (0, [])
    assert sorted(listing(desk)) == sorted([*before, result])
    assert ran.lines[0].startswith(f"{image}  9x8 RGB -> {result}  ")


def test_the_line_of_the_contract():
    save("photo.png", samples(30, 40, 3))
    (line,) = convcli("apply", "box:3", "photo.png", "--stride", 2, "--method", "direct").lines
    head, time = line.rsplit(", ", 1)
    assert head == "photo.png  30x40 RGB -> photo.box-3.png  15x20 RGB  (3x3, same, reflect; direct"
    assert time.removesuffix(" ms)").isdigit()


def test_the_line_names_the_padding_of_a_pool():
    save("photo.png", samples(30, 40))
    (line,) = convcli("apply", "max-pool:2", "photo.png").lines
    assert "15x20 L" in line
    assert "same" not in line  # a pool pads nothing unless it is told to
    assert "reflect" not in line


@pytest.mark.parametrize(
    ("options", "results"),
    [
        (["-o", "out.png"], ["out.png"]),
        (["-o", "out.tif"], ["out.tif"]),
        (["-o", "new/"], ["new/a.png"]),
        (["-o", "new/deeper/"], ["new/deeper/a.png"]),
        (["-o", "there"], ["there/a.png"]),
        (["-o", "there", "--format", "bmp"], ["there/a.bmp"]),
        (["--format", "tif"], ["a.identity.tif"]),
        (["--format", ".TIF"], ["a.identity.tif"]),
        (["-o", "there/deep.v1.png"], ["there/deep.v1.png"]),
    ],
)
def test_where_one_result_goes(desk, options, results):
    Path("there").mkdir()
    pixels = samples(6, 7)
    save("a.png", pixels)
    assert convcli("apply", "identity", "a.png", *options).code == 0
    assert [name for name in listing(desk) if name != "a.png"] == results
    assert (load(results[0])[:, :, 0] == pixels).all()


@pytest.mark.parametrize(("output", "folder"), [("new", "new"), ("new/", "new"), ("there", "there")])
def test_many_results_go_to_a_folder(desk, output, folder):
    Path("there").mkdir()
    save("a.png", samples(6, 7))
    save("b.bmp", samples(5, 4))
    ran = convcli("apply", "identity", "a.png", "b.bmp", "-o", output)
    assert ran.code == 0
    assert set(listing(desk)) == {"a.png", "b.bmp", f"{folder}/a.png", f"{folder}/b.bmp"}
    assert ran.lines[-1] == "2 written"


@pytest.mark.parametrize(
    ("extension", "kind"),
    [
        ("png", "PNG"),
        ("jpg", "JPEG"),
        ("webp", "WEBP"),
        ("tiff", "TIFF"),
        ("bmp", "BMP"),
        ("gif", "GIF"),
        ("pgm", "PPM"),
    ],
)
def test_format_makes_that_kind_of_file(extension, kind):
    save("a.png", samples(6, 7))
    assert convcli("apply", "identity", "a.png", "--format", extension).code == 0
    with Image.open(f"a.identity.{extension}") as im:
        assert (im.format, im.size) == (kind, (7, 6))


def test_the_name_of_the_output_wins_over_the_format():
    """--format is for where the name does not say."""
    save("a.png", samples(6, 7))
    convcli("apply", "identity", "a.png", "-o", "x.bmp", "--format", "png")
    with Image.open("x.bmp") as im:
        assert im.format == "BMP"


def test_content_not_the_name_picks_the_decoder():
    pixels = samples(6, 7)
    save("lie.jpg", pixels, format="PNG")
    assert convcli("apply", "identity", "lie.jpg", "-o", "x.png").code == 0
    assert (load("x.png")[:, :, 0] == pixels).all()


# ------------------------------------------------------------------------------------- outputs that are there


@pytest.mark.parametrize(
    ("options", "code", "replaced"),
    [
        ([], 1, False),
        (["--on-exists", "error"], 1, False),
        (["--on-exists", "skip"], 0, False),
        (["--skip-existing"], 0, False),
        (["--on-exists", "overwrite"], 0, True),
        (["-f"], 0, True),
        (["--force"], 0, True),
    ],
)
def test_an_output_that_is_there(desk, options, code, replaced):
    save("a.png", samples(6, 7))
    Path("a.box-3.png").write_bytes(b"precious")
    os.utime("a.box-3.png", (1, 1))
    ran = convcli("apply", "box:3", "a.png", *options)
    assert ran.code == code
    assert set(listing(desk)) == {"a.png", "a.box-3.png"}
    is_old = Path("a.box-3.png").read_bytes() == b"precious" and Path("a.box-3.png").stat().st_mtime == 1
    assert is_old != replaced
    if code:
        assert ran.errors == ["convcli: a.box-3.png: exists already (-f overwrites, --skip-existing skips)"]
        assert ran.lines == []
    if "skip" in str(options):
        assert ran.lines == ["a.png -> a.box-3.png  exists, skipped"]


# Inputs whose results have another name than the first guess: another ending, or a number for each map.
RENAMED = {"colour.gif": ("box:3", ["colour.box-3.png"]), "l.png": ("bank.npy", ["l.bank.0.png", "l.bank.1.png"])}


@pytest.mark.parametrize("image", [*RENAMED, "plain.png"])
@pytest.mark.parametrize(("option", "code"), [("--skip-existing", 0), ("-f", 0), ("--on-exists=error", 1)])
def test_a_second_run(desk, image, option, code):
    save("colour.gif", samples(6, 7, 3))
    save("l.png", samples(6, 7))
    save("plain.png", samples(6, 7))
    np.save("bank.npy", np.ones((2, 1, 3, 3)))
    filter_, results = RENAMED.get(image, ("box:3", ["plain.box-3.png"]))
    before = listing(desk)
    assert convcli("apply", filter_, image).code == 0
    first = listing(desk)
    assert sorted(first) == sorted([*before, *results])
    again = convcli("apply", filter_, image, option)
    assert (again.code, len(again.errors)) == (code, code)
    assert listing(desk) == first
    if option == "--skip-existing":
        assert "skipped" in again.lines[0]


def test_of_a_bank_nothing_is_written_where_one_of_its_files_is_there(desk):
    save("l.png", samples(6, 7))
    np.save("bank.npy", np.ones((3, 1, 3, 3)))
    Path("l.bank.1.png").write_bytes(b"precious")
    before = listing(desk)
    refused("apply", "bank.npy", "l.png", code=1)
    assert listing(desk) == before


def test_force_and_skip_contradict():
    save("a.png", samples(6, 7))
    assert "contradict" in refused("apply", "box:3", "a.png", "-f", "--skip-existing")


def test_a_picture_may_replace_itself_when_forced(desk):
    pixels = samples(6, 7)
    save("a.png", pixels)
    assert "a.png: is an input" in refused("apply", "1", "a.png", "-o", "a.png")
    assert (load("a.png")[:, :, 0] == pixels).all()
    assert convcli("apply", "0", "a.png", "-o", "a.png", "-f").code == 0
    assert (load("a.png") == 0).all()
    assert set(listing(desk)) == {"a.png"}


@pytest.mark.parametrize(
    ("inputs", "options", "named"),
    [
        (["a.png", "a.bmp"], ["--format", "png"], "a.identity.png"),
        (["a.png", "a.bmp"], ["-o", "out/", "--format", "png"], "out/a.png"),
        (["one/a.png", "two/a.png"], ["-o", "out/"], "out/a.png"),
        (["one/a.png", "two/A.png"], ["-o", "out/"], "out/A.png"),  # one file on many systems
        (["a.png", "a.png"], [], "a.identity.png"),
        (["a.png", "./a.png"], [], "a.identity.png"),
        (["a.png", "b.png"], ["-o", "."], "a.png"),  # they are the inputs
        (["a.gif", "a.png"], [], "a.identity.png"),  # colour, which a GIF of ours cannot hold
        (["a.gif", "a.png"], ["-o", "out/"], "out/a.png"),
        (["a.gif", "a.png"], ["-o", "out/", "-f"], "out/a.png"),
        (["a.gif", "a.png"], ["-o", "./", "-f"], "a.png"),
    ],
    ids=spoken,
)
def test_colliding_names_stop_everything(desk, inputs, options, named):
    for name in {*inputs}:
        Path(name).parent.mkdir(exist_ok=True)
        save(name, samples(6, 7, 3, seed=len(name)))
    before = listing(desk)
    ran = convcli("apply", "identity", *inputs, *options)
    assert listing(desk) == before
    assert (ran.code, len(ran.errors), ran.lines) == (2, 1, [])
    assert named in ran.errors[0]


def test_only_the_name_that_will_be_written_is_in_the_way(desk):
    """`--range none` cannot be a PNG here: the PNG of an earlier run is not what would be overwritten."""
    save("a.png", samples(6, 7))
    assert convcli("apply", "sobel-x", "a.png").code == 0
    before = listing(desk)
    assert convcli("apply", "sobel-x", "a.png", "--range", "none").code == 0
    assert set(listing(desk)) - set(before) == {"a.sobel-x.tif"}
    assert "a.sobel-x.tif: exists already" in refused("apply", "sobel-x", "a.png", "--range", "none", code=1)
    assert "a.sobel-x.png: exists already" in refused("apply", "sobel-x", "a.png", code=1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
@pytest.mark.parametrize(
    "words",
    [
        ["apply", "box:3", "pipe", "-o", "x.png"],
        ["apply", "box:3", "pipe", "-o", "x.png", "--dry-run"],
        ["apply", "box:3", "pipe", "-o", "x.png", "--skip-existing"],
        ["shape", "--image", "pipe", "--k", "3"],
    ],
    ids=spoken,
)
def test_a_pipe_with_a_name_is_read_once(desk, words):
    save("a.png", samples(6, 7))
    os.mkfifo("pipe")
    feeder = threading.Thread(target=lambda: Path("pipe").write_bytes(Path("a.png").read_bytes()), daemon=True)
    feeder.start()
    ran = convcli(*words)
    feeder.join(10)
    assert not feeder.is_alive()
    assert (ran.code, ran.errors) == (0, [])
    assert "6x7" in ran.out.decode()


def test_two_results_cannot_share_standard_output(desk):
    save("a.png", samples(6, 7))
    save("b.png", samples(6, 7))
    assert "standard output takes one" in refused("apply", "box:3", "a.png", "b.png", "-o", "-")
    assert "once" in refused("apply", "box:3", "-", "-", "-o", "out/")


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_folder_is_synced_once_when_all_is_there(desk, jobs):
    names = [f"{n}.png" for n in range(5)]
    for name in names:
        save(name, samples(6, 7))
    Path("3.png").write_bytes(b"no picture")
    seen = []
    with patch("convcli.files.sync_folder", lambda folder: seen.append((str(folder), listing(folder)))):
        convcli("apply", "box:3", *names, "-o", "out/", "-j", jobs)
    assert seen == [("out", listing(Path("out")))]
    assert len(seen[0][1]) == 4


# ----------------------------------------------------------------------------------- many inputs, some bad


def bad_inputs() -> dict[str, str]:
    """Things that are no pictures, and what has to be said about them."""
    save("whole.png", samples(40, 40, 3))
    Path("cut.png").write_bytes(Path("whole.png").read_bytes()[:900])
    Path("empty.png").touch()
    Path("text.png").write_text("this is no picture\n")
    Path("page.png").write_text("<!DOCTYPE html><html></html>")
    Path("folder.png").mkdir()
    Path("ragged.txt").write_text("1 2 3\n4 5\n")
    Path("words.csv").write_text("1,two\n")
    return {
        "cut.png": "damaged",
        "empty.png": "empty file",
        "text.png": "no picture",
        "page.png": "looks like HTML",
        "folder.png": "folder|directory",
        "ragged.txt": "line 2 has 2 numbers",
        "words.csv": "line 1, column 3",
        "nothere.png": "no such file",
    }


def test_bad_inputs_do_not_stop_the_others(desk):
    bad = bad_inputs()
    good = ["g1.png", "g2.png"]
    for name in good:
        save(name, samples(6, 7))
    ran = convcli("apply", "box:3", good[0], *bad, good[1], "-o", "out/")
    assert ran.code == 1
    assert sorted(name for name in listing(desk) if name.startswith("out/")) == ["out/g1.png", "out/g2.png"]
    assert [line.split(": ")[1] for line in ran.errors] == list(bad)
    assert ran.lines[-1] == f"2 written, {len(bad)} failed"
    assert len(ran.lines) == 3


@pytest.mark.parametrize("name", ["cut.png", "empty.png", "text.png", "page.png", "ragged.txt", "words.csv"])
def test_a_bad_input_says_what_is_wrong(desk, name):
    wanted = bad_inputs()[name]
    before = listing(desk)
    line = refused("apply", "box:3", name, code=1)
    assert line.startswith(f"convcli: {name}: ")
    assert wanted in line
    assert listing(desk) == before


def test_a_missing_input_says_so_in_lower_case():
    assert refused("apply", "box:3", "nothere.png", code=1) == "convcli: nothere.png: no such file or directory"


@pytest.mark.parametrize("name", ["folder.png", "folder", ".", "..", "/"])
def test_a_folder_as_input(desk, name):
    """Whether a folder is wrong use or a bad input, it is one line, and nothing is written."""
    Path("folder.png").mkdir()
    Path("folder").mkdir()
    ran = convcli("apply", "box:3", name)
    assert ran.code in (1, 2)
    (line,) = ran.errors
    assert "folder" in line.partition(": ")[2].partition(": ")[2] or "directory" in line
    assert listing(desk) == {}


def test_fail_fast_stops_at_the_first(desk):
    save("a.png", samples(6, 7))
    Path("bad.png").write_text("no")
    save("z.png", samples(6, 7))
    ran = convcli("apply", "box:3", "a.png", "bad.png", "z.png", "--fail-fast", "--report", "r.json", "-j", 1)
    assert (ran.code, len(ran.errors)) == (1, 1)
    assert set(listing(desk)) == {"a.png", "bad.png", "z.png", "a.box-3.png", "r.json"}
    assert [item["status"] for item in json.loads(Path("r.json").read_text())["items"]] == ["written", "failed"]


def test_fail_fast_with_images_at_once(desk):
    """What is in flight may end, but the rest of a long line is not begun; the error is told once."""
    Path("bad.png").write_text("no")
    many = [save(f"{n}.png", samples(6, 7)) for n in range(40)]
    ran = convcli("apply", "box:3", "bad.png", *many, "--fail-fast", "-j", 4, "-o", "out/", "--report", "r.json")
    assert (ran.code, len(ran.errors)) == (1, 1)
    written = [name for name in listing(desk) if name.startswith("out/")]
    assert len(written) < 20
    items = json.loads(Path("r.json").read_text())["items"]
    assert {item["output"] for item in items if item["status"] == "written"} == set(written)


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_images_at_once_give_the_same_in_the_same_order(desk, jobs):
    bad = bad_inputs()
    good = [save(f"g{n}.png", samples(5 + 9 * (n % 3), 7, seed=n)) for n in range(6)]
    names = [name for pair in zip(good, bad, strict=False) for name in pair]
    ran = convcli("apply", "sharpen", *names, "-o", "out/", "--report", "r.json", "-j", jobs)
    assert ran.code == 1
    assert [line.split("  ")[0] for line in ran.lines[:-1] if line[0] != " "] == good
    assert [line.split(": ")[1] for line in ran.errors] == list(bad)[:6]
    assert [item["input"] for item in json.loads(Path("r.json").read_text())["items"]] == names
    for name in good:
        wanted = levels(naive.filtered(load(name), [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]))
        assert (load(f"out/{name}") == wanted).all()


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_jobs_that_makes_no_sense(desk, jobs):
    save("a.png", samples(6, 7))
    assert "jobs" in refused("apply", "box:3", "a.png", "--jobs", jobs)


def test_strict_turns_warnings_into_failures(desk):
    save("bright.png", np.full((6, 7), 200, np.uint8))
    save("dark.png", np.full((6, 7), 20, np.uint8))
    ran = convcli("apply", "2", "bright.png", "dark.png", "--strict")
    assert (ran.code, len(ran.errors)) == (1, 1)
    assert ran.errors[0].startswith("convcli: bright.png: clipped samples")
    assert set(listing(desk)) == {"bright.png", "dark.png", "dark.matrix.png"}


# ------------------------------------------------------------------------------------------- wrong use


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sobelx", "a.png"], ["sobelx", "did you mean sobel-x"]),
        (["gausian:2", "a.png"], ["did you mean gaussian"]),
        (["gaussian:sgma=2", "a.png"], ["did you mean sigma"]),
        (["box:3,strid=2", "a.png"], ["strid", "did you mean stride"]),
        (["box:3", "a.png", "--padding-mode", "reflct"], ["did you mean reflect"]),
        (["box:3", "a.png", "--padding-mode", "mirror"], ["reflect (d c b", "symmetric (c b a"]),
        (["box:3", "a.png", "--method", "fftt"], ["did you mean fft"]),
        (["box:3", "a.png", "--methd", "fft"], ["--methd", "did you mean --method"]),
        (["box:3", "a.png", "--padding", "sam"], ["same, valid, full"]),
        (["box:3", "a.png", "--range", "absolute"], ["range", "abs"]),
        (["box:3", "a.png", "--depth", "12"], ["depth", "16"]),
        (["box:3", "a.png", "--alpha", "none"], ["alpha", "keep"]),
        (["box:3", "a.png", "--op", "conv"], ["op", "convolve"]),
        (["box:3", "a.png", "--format", "jpgg"], ["jpgg", "did you mean jpg"]),
        (["box:3", "a.png", "-o", "x.pgn"], ["pgn", "did you mean png"]),
        (["box:3", "a.png", "-o", "noending"], ["noending", "extension"]),
        (["box:3", "a.png", "--report", "r.xml"], ["r.xml", ".json, .csv or .txt"]),
        (["box:3", "a.png", "--kernel-dir", "nowhere"], ["nowhere"]),
        (["box:3", "a.png", "--quality", "101"], ["quality", "100"]),
        (["box:3", "a.png", "--range", "none", "--depth", "8"], ["range none", "depth 8"]),
        (["1 2; 3", "a.png"], ["row 2 has 1 value, row 1 has 2"]),
        (["[[1,2],[3]]", "a.png"], ["row 2 has 1 value, row 1 has 2"]),
        (["1 x", "a.png"], ["row 1, column 2", '"x"']),
        (["1,5 2", "a.png"], ["use a point"]),
        (["-1 0 1", "a.png"], ["-k"]),
        (["-.5 1", "a.png"], ["-k"]),
        (["1 nan", "a.png"], ["nan"]),
        (["1 1e999", "a.png"], ["1e999"]),
        (["3x3: 1 2", "a.png"], ["wants 9 values"]),
        (["box:0", "a.png"], ["size 0"]),
        (["box:3 | ", "a.png"], ["step 2", "empty"]),
        (["| box:3", "a.png"], ["step 1", "empty"]),
        (["", "a.png"], ["filter", "empty"]),
        (["a.png", "box:3"], ["picture", "filter comes first"]),
        (["a.png"], ["apply FILTER IMAGE"]),
        (["sobel-x"], ["IMAGE"]),
        ([], ["FILTER", "IMAGE"]),
        (["-k", "box:3"], ["IMAGE"]),
        (["k.toml", "a.png"], ["k.toml", "no such file"]),
        (["0 0 0", "a.png", "--normalize"], ["sum to zero"]),
        (["sobel", "a.png", "--normalize"], ["several steps"]),
    ],
    ids=spoken,
)
def test_wrong_use_is_one_line_and_changes_nothing(desk, words, says):
    save("a.png", samples(6, 7))
    before = listing(desk)
    line = refused("apply", *words)
    assert [word for word in says if word not in line] == [], line
    assert listing(desk) == before


NONSENSE = ["nan", "inf", "1e999", "0x10", "1_000", "", " ", "١٢", "--", "1.5.2", "1e", "two"]
WHOLE = [*NONSENSE, "1.5", "9" * 25, "-1", "1,2,3,4,5"]


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--stride", [*WHOLE, "0", "1,0", "2,", "1,2,3"]),
        ("--dilation", [*WHOLE, "0", "1,0"]),
        ("--padding", [*WHOLE, "1,2,3"]),
        ("--anchor", [*WHOLE, "1,2,3"]),
        ("--bias", [*NONSENSE, "1,5", "1/0"]),
        ("--scale", [*NONSENSE, "1/0", "/8", "1/"]),
        ("--quality", [*WHOLE, "0", "101"]),
        ("--max-pixels", [*WHOLE, "0"]),
        ("--padding-mode", ["", "constant:", "constant:nan", "constant:1e999", "zeros:1", "2"]),
        ("--channels", ["", ","]),
        ("--kernel-dir", [""]),
        ("--report", [""]),
        ("--format", ["", "."]),
        ("-o", [""]),
        ("-k", ["", " "]),
        ("--depth", [""]),
    ],
    ids=spoken,
)
def test_values_that_make_no_sense(desk, option, values):
    save("a.png", samples(20, 30, 3))
    before = listing(desk)
    wrong = {}
    for value in values:
        words = ["a.png"] if option == "-k" else ["box:3", "a.png"]
        ran = convcli(
            "apply",
            *words,
            f"{option}={value}" if option.startswith("--") else option,
            *([value] if not option.startswith("--") else []),
        )
        if (ran.code, len(ran.errors), ran.lines) != (2, 1, []):
            wrong[value] = ran
        for name in set(listing(desk)) - set(before):
            os.remove(name)
    assert wrong == {}


def test_an_empty_name_is_no_input(desk):
    line = refused("apply", "box:3", "", code=1)
    assert "Error" not in line
    assert listing(desk) == {}


def test_an_anchor_outside_the_kernel(desk):
    save("a.png", samples(6, 7))
    assert "outside the kernel of 3x3" in refused("apply", "box:3", "a.png", "--anchor", "3,3")


def test_a_number_that_is_too_large_is_not_called_no_number():
    save("a.png", samples(6, 7))
    assert "not a whole number" not in refused("apply", "box:3", "a.png", "--stride", "9" * 25)


# --------------------------------------------------------------------------------------------- filters

EDGE = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
EDGE_TEXT = "1 0 -1; 2 0 -2; 1 0 -1"
PICTURE = np.random.default_rng(5).integers(-9, 9, (6, 7)).astype(float)
TEXT = "\n".join(" ".join(str(int(value)) for value in row) for row in PICTURE) + "\n"


def applied(*words: object) -> np.ndarray:
    """What a filter makes of PICTURE."""
    ran = convcli("apply", *words, "-", "-o", "-", stdin=TEXT)
    assert (ran.code, ran.errors) == (0, []), ran
    return ran.grid


def expected(weights=EDGE, **window) -> np.ndarray:
    return naive.filtered(PICTURE[:, :, None], weights, **window)[:, :, 0]


@pytest.mark.parametrize(
    "spelling",
    [
        "1 0 -1; 2 0 -2; 1 0 -1",
        "1,0,-1;2,0,-2;1,0,-1",
        "1, 0, -1; 2, 0, -2; 1, 0, -1",
        "1 0 -1\n2 0 -2\n1 0 -1",
        "1 0 -1\n2 0 -2\n1 0 -1\n",
        "  +1 0.0 -1e0; 4/2 0 -2. ;1 0 -1;",
        "[[1,0,-1],[2,0,-2],[1,0,-1]]",
        "[[1, 0, -1], [2/1, 0, -2], [1, 0, -1]]",
        "3x3: 1,0,-1 2,0,-2 1,0,-1",
        "3x3:1,0,-1,2,0,-2,1,0,-1",
        "3x3+1+1: 1,0,-1 2,0,-2 1,0,-1",
        "sobel-left",
        " sobel-left ",
    ],
)
def test_every_spelling_of_a_matrix(spelling):
    assert (applied(spelling) == expected()).all()
    assert (applied("-k", spelling) == expected()).all()


def test_a_matrix_that_begins_with_minus():
    turned = [[-value for value in row] for row in EDGE]
    text = "; ".join(" ".join(map(str, row)) for row in turned)
    assert (applied("-k", text) == expected(turned)).all()
    assert (applied(f"--kernel={text}") == expected(turned)).all()
    ran = convcli("apply", "-o", "-", "--", text, "-", stdin=TEXT)
    assert (ran.grid == expected(turned)).all()


EDGE_ROWS = "1 0 -1\n2 0 -2\n1 0 -1\n"
TOML = 'title = "edge"\nsource = "here"\n'
FILES = {
    "weights.toml": TOML + "weights = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]\nsum = 0\n",
    "scaled.toml": TOML + 'weights = [[4, 0, -4], [8, 0, -8], [4, 0, -4]]\nscale = "1/4"\n',
    "product.toml": TOML + "column = [1, 2, 1]\nrow = [1, 0, -1]\n",
    "formula.toml": TOML
    + 'formula = "-x * (2 - abs(y)) * gain"\nradius = "1"\n[params.gain]\ndefault = 1\nhelp = "g"\n',
    "steps.toml": TOML
    + 'result = "a - b"\n[[step]]\nname = "a"\nkernel = "1 0 0; 2 0 0; 1 0 0"\nof = "image"\n'
    + '[[step]]\nname = "b"\nkernel = "0 0 1; 0 0 2; 0 0 1"\nof = "image"\n',
    "m.txt": "# left edges\n" + EDGE_ROWS,
    "m.csv": "1,0,-1\n2,0,-2\n1,0,-1\n",
    "m.tsv": "1\t0\t-1\n2\t0\t-2\n1\t0\t-1\n",
    "bom.txt": "\ufeff" + EDGE_ROWS.replace("\n", "\r\n"),
    "m.json": "[[1, 0, -1], [2, 0, -2], [1, 0, -1]]",
    "o.json": '{"weights": [[2, 0, -2], [4, 0, -4], [2, 0, -2]], "scale": "1/2"}',
    "m.mat": "3 3 1 0\n" + EDGE_ROWS,
    "scale.mat": "3 3 2 0\n2 0 -2\n4 0 -4\n2 0 -2\n",
    "two words.txt": EDGE_ROWS,
    "UPPER.TXT": EDGE_ROWS,
}


@pytest.mark.parametrize("name", [*FILES, "m.npy", "f32.npy"])
def test_every_form_of_kernel_file(desk, name):
    np.save("m.npy", np.array(EDGE))
    np.save("f32.npy", np.asfortranarray(np.array(EDGE, ">f4")))
    for file, text in FILES.items():
        Path(file).write_text(text)
    assert (applied(name) == expected()).all()
    assert (applied(f"./{name}") == expected()).all()
    assert (applied(desk / name) == expected()).all()
    assert (applied(f"{name}:stride=2,bias=1") == expected(stride=(2, 2), bias=1)).all()


def test_a_parameter_of_a_file():
    Path("formula.toml").write_text(FILES["formula.toml"])
    assert (applied("formula.toml:gain=3") == 3 * expected()).all()
    assert (applied("formula.toml:3") == 3 * expected()).all()


def test_kernel_folders_in_their_order(desk, monkeypatch):
    for folder, weight in (("one", 1), ("two", 2), ("three", 3)):
        Path(folder).mkdir()
        Path(folder, "mine.toml").write_text(TOML + f"weights = [[{weight}]]\n")
    Path("two", "only.toml").write_text(TOML + "weights = [[20]]\n")
    Path("one", "sobel-x.toml").write_text(TOML + "weights = [[9]]\n")
    assert 'no kernel is called "mine"' in refused("apply", "mine", "-", stdin=TEXT)
    assert (applied("mine", "--kernel-dir", "one") == PICTURE).all()
    assert (applied("sobel-x", "--kernel-dir", "one") == 9 * PICTURE).all()
    monkeypatch.setenv("CONVCLI_KERNELS", os.pathsep.join(("two", "three")))
    assert (applied("mine") == 2 * PICTURE).all()
    assert (applied("only") == 20 * PICTURE).all()
    assert (applied("mine", "--kernel-dir", desk / "three") == 3 * PICTURE).all()
    assert (applied("mine", "--kernel-dir", "one", "--kernel-dir", "three") == PICTURE).all()
    assert (applied("sobel-x") == expected([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])).all()


# ---------------------------------------------------------------------------------------------- window

LOPSIDED = [[1, -2, 3, 0], [4, 5, -6, 2]]
LOPSIDED_TEXT = "1 -2 3 0; 4 5 -6 2"


@pytest.mark.parametrize(
    ("options", "window"),
    [
        ("", {}),
        ("--stride 2", {"stride": (2, 2)}),
        ("--stride 3,1", {"stride": (3, 1)}),
        ("--dilation 2", {"dilation": (2, 2)}),
        ("--dilation 3,2 --stride 2,3", {"dilation": (3, 2), "stride": (2, 3)}),
        ("--padding valid", {"padding": "valid"}),
        ("--padding full", {"padding": "full"}),
        ("--padding 2", {"padding": (2, 2, 2, 2)}),
        ("--padding 0,3", {"padding": (0, 0, 3, 3)}),
        ("--padding 1,2,3,4", {"padding": (1, 2, 3, 4)}),
        ("--op convolve", {"op": "convolve"}),
        ("--op convolve --stride 2 --padding full", {"op": "convolve", "stride": (2, 2), "padding": "full"}),
        ("--anchor 0,0", {"anchor": (0, 0)}),
        ("--anchor 1,3 --op convolve", {"anchor": (1, 3), "op": "convolve"}),
        ("--bias 2.5", {"bias": 2.5}),
        ("--bias -3 --padding valid", {"bias": -3, "padding": "valid"}),
    ],
)
def test_the_window(options, window):
    got = applied(LOPSIDED_TEXT, *options.split())
    assert got.tolist() == expected(LOPSIDED, **window).tolist()


@pytest.mark.parametrize(
    ("words", "mode", "value"),
    [
        ("reflect reflect101 reflect_101 whole-sample REFLECT", "reflect", 0),
        ("edge replicate border nearest clamp copy", "edge", 0),
        ("symmetric half-sample", "symmetric", 0),
        ("wrap circular periodic tile", "wrap", 0),
        ("zeros zero black constant constant:0", "zeros", 0),
        ("constant:7 constant:7.0", "constant", 7),
        ("constant:-2.5", "constant", -2.5),
        ("mean", "mean", 0),
    ],
)
def test_padding_modes_and_their_other_names(words, mode, value):
    for word in words.split():
        for padding in ("same", "full", "9"):
            amount = padding if padding != "9" else (9,) * 4
            got = applied(LOPSIDED_TEXT, "--padding-mode", word, "--padding", padding)
            assert np.allclose(got, expected(LOPSIDED, mode=mode, value=value, padding=amount), rtol=0, atol=1e-9), word


@pytest.mark.parametrize("method", ["auto", "direct", "separable", "toeplitz", "fft", "reference"])
def test_every_method_gives_the_same(method):
    pixels = samples(12, 13)
    save("a.png", pixels)
    words = ["a.png", "--method", method, "--stride", "2,1", "--padding", "full", "--range", "none", "-o", "x.npy"]
    ran = convcli("apply", "3 4 5; 6 8 10; 9 12 15", *words, "--report", "-")
    assert (ran.code, ran.errors) == (0, [])
    used = json.loads(ran.out)["stages"][0]["method"]
    assert used == method or method == "auto"
    wanted = naive.filtered(pixels[:, :, None], [[3, 4, 5], [6, 8, 10], [9, 12, 15]], stride=(2, 1), padding="full")
    assert np.abs(np.load("x.npy") - wanted[:, :, 0]).max() <= 1e-3


def test_a_method_that_cannot_do_it_says_why():
    save("a.png", samples(9, 9))
    line = refused("apply", "1 0; 0 1", "a.png", "--method", "separable", code=1)
    assert "rank 2" in line


def test_weights_scaled_and_normalized():
    assert np.allclose(applied("1 2 5", "--scale", "1/8"), expected([[1 / 8, 2 / 8, 5 / 8]]), rtol=0, atol=1e-12)
    assert np.allclose(applied("1 2 5", "--normalize"), expected([[1 / 8, 2 / 8, 5 / 8]]), rtol=0, atol=1e-12)
    assert np.allclose(applied("1 2 -3", "--normalize"), expected([[1 / 3, 2 / 3, -1]]), rtol=0, atol=1e-12)
    assert np.allclose(applied("1 3", "--normalize", "--scale", "-2"), expected([[-0.5, -1.5]]), rtol=0, atol=1e-12)
    assert (applied("1 2 5", "--scale", "0") == 0).all()


# A chain, the command's options, and the same as windows of single steps, in order.
BOX, STEP = np.ones((3, 3)) / 9, [[1, 2, -3]]
CHAINS = [
    ("box:3 | 1 2 -3", "", [(BOX, {}), (STEP, {})]),
    ("box:3 | 1 2 -3", "--stride 2", [(BOX, {}), (STEP, {"stride": (2, 2)})]),
    ("box:3,stride=2 | 1 2 -3", "", [(BOX, {"stride": (2, 2)}), (STEP, {})]),
    ("box:3,padding=full | 1 2 -3:padding=valid", "", [(BOX, {"padding": "full"}), (STEP, {"padding": "valid"})]),
    ("box:3,padding_mode=wrap | 1 2 -3", "--padding-mode zeros", [(BOX, {"mode": "wrap"}), (STEP, {"mode": "zeros"})]),
    ("box:3,dilation=2 | 1 2 -3:op=convolve", "", [(BOX, {"dilation": (2, 2)}), (STEP, {"op": "convolve"})]),
    ("box:3,bias=-2 | 1 2 -3", "--bias 3", [(BOX, {"bias": -2}), (STEP, {"bias": 3})]),
    ("box:3 | 1 2 -3", "--bias 3 --padding valid", [(w, {"bias": 3, "padding": "valid"}) for w in (BOX, STEP)]),
    (
        "1 2 -3 | box:3",
        "--stride 3,2 --dilation 2,1",
        [(STEP, {"dilation": (2, 1)}), (BOX, {"dilation": (2, 1), "stride": (3, 2)})],
    ),
]


@pytest.mark.parametrize(("chain", "options", "steps"), CHAINS)
def test_chains_with_windows_of_their_own(chain, options, steps):
    wanted = PICTURE[:, :, None]
    for weights, window in steps:
        wanted = naive.filtered(wanted, weights, **window)
    got = applied(chain, *options.split())
    assert got.shape == wanted.shape[:2]
    assert np.allclose(got, wanted[:, :, 0], rtol=0, atol=1e-9)


def test_points_and_pools_in_a_chain():
    sums = expected([[1, -1]], padding="valid")
    assert (applied("1 -1 | relu", "--padding", "valid") == np.maximum(sums, 0)).all()
    assert (np.abs(sums) == 5).any()  # what lies on the threshold is in it
    assert (applied("1 -1 | abs | threshold:5", "--padding", "valid") == (np.abs(sums) > 5)).all()
    pooled = naive.max_pooled(PICTURE[:, :, None], (2, 3), (2, 3))[:, :, 0]
    assert (applied("max-pool:2x3", "--padding", "full", "--stride", "1") == pooled).all()
    assert applied("avg-pool:2,stride=1").shape == (5, 6)
    assert np.allclose(applied("square | sqrt"), np.abs(PICTURE), rtol=0, atol=1e-9)
    assert (applied("identity") == PICTURE).all()


# ---------------------------------------------------------------------------------------------- values

TINY = np.array([[0, 10, 255, 3], [7, 255, 0, 128], [200, 1, 90, 91]], np.uint8)
GAIN = [[-1, 0, 3]]  # sums from -255 to 765, odd and even


@pytest.mark.parametrize("rule", ["clip", "abs", "offset", "stretch"])
@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535)])
def test_each_range(rule, dtype, white):
    pixels = TINY.astype(dtype) * (257 if white > 255 else 1)
    save("a.png", pixels)
    sums = naive.filtered(pixels[:, :, None], GAIN)
    low, high = sums.min(), sums.max()
    wanted = {
        "clip": sums,
        "abs": np.abs(sums),
        "offset": sums / 2 + white / 2,
        "stretch": (sums - low) / (high - low) * white,
    }[rule]
    assert convcli("apply", "-k", "-1 0 3", "a.png", "--range", rule, "-o", "x.png").code == 0
    assert (load("x.png") == levels(wanted, white)).all()


@pytest.mark.parametrize("extension", ["npy", "tif"])
def test_range_none_gives_the_sums(extension):
    save("a.png", TINY)
    assert convcli("apply", "-k", "-1 0 3", "a.png", "--range", "none", "-o", f"x.{extension}").code == 0
    got = np.load("x.npy") if extension == "npy" else load("x.tif")[:, :, 0]
    assert got.dtype.kind == "f"
    assert (got == naive.filtered(TINY[:, :, None], GAIN)[:, :, 0]).all()


@pytest.mark.parametrize(
    ("filter_", "rule"),
    [
        ("1 0 -1", "abs"),
        ("1 0 -2", "clip"),
        ("box:3", "clip"),
        ("laplacian", "abs"),
        ("sobel-x | box:3", "abs"),
        ("sobel", "clip"),
    ],
)
def test_range_auto(filter_, rule):
    save("a.png", TINY)
    convcli("apply", filter_, "a.png", "-o", "auto.png")
    convcli("apply", filter_, "a.png", "-o", "said.png", "--range", rule)
    assert (load("auto.png") == load("said.png")).all()
    assert load("auto.png").any()


def test_rounding_is_half_to_even_and_once():
    save("a.png", np.array([[1, 3, 5, 7, 9, 254, 255]], np.uint8))
    convcli("apply", "1/2", "a.png", "-o", "x.png")
    assert load("x.png").ravel().tolist() == [0, 2, 2, 4, 4, 127, 128]
    convcli("apply", "1/2 | 2", "a.png", "-o", "y.png")  # nothing is rounded or clipped between the steps
    assert load("y.png").ravel().tolist() == [1, 3, 5, 7, 9, 254, 255]
    convcli("apply", "9 | 1/9", "a.png", "-o", "z.png")
    assert load("z.png").ravel().tolist() == [1, 3, 5, 7, 9, 254, 255]


def test_a_stretched_flat_picture_is_not_a_mishap():
    save("a.png", np.full((5, 5), 9, np.uint8))
    ran = convcli("apply", "box:3", "a.png", "--range", "stretch", "-o", "x.png")
    assert (ran.code, ran.errors) == (0, [])
    assert len({*load("x.png").ravel().tolist()}) == 1


@pytest.mark.parametrize(
    ("dtype", "depth", "extension", "factor"),
    [
        ("uint8", "16", "png", 257),
        ("uint8", "16", "tif", 257),
        ("uint8", "8", "png", 1),
        ("uint16", "8", "png", 1 / 257),
        ("uint16", "8", "jpg", None),
        ("uint16", "16", "png", 1),
        ("uint16", "keep", "tif", 1),
        ("uint8", "float", "tif", 1),
        ("uint8", "float", "npy", 1),
        ("uint8", "float", "txt", 1),
        ("uint16", "float", "pfm", None),
        ("uint8", "16", "pgm", 257),
    ],
)
def test_depth(dtype, depth, extension, factor):
    pixels = samples(5, 6, dtype=dtype)
    save("a.png", pixels)
    ran = convcli("apply", "identity", "a.png", "--depth", depth, "-o", f"x.{extension}")
    assert (ran.code, ran.errors) == (0, [])
    if factor is None:
        return
    readers = {"npy": np.load, "txt": np.loadtxt}
    got = readers.get(extension, lambda name: load(name)[:, :, 0])(f"x.{extension}")
    assert (got == np.rint(pixels.astype(float) * factor)).all()


@pytest.mark.parametrize(
    ("mode", "depth", "rule", "extension", "says"),
    [
        ("RGB", "float", "auto", "png", "PNG"),
        ("L", "float", "auto", "jpg", "JPEG"),
        ("L", "16", "auto", "jpg", "16 bits"),
        ("RGB", "16", "auto", "bmp", "16 bits"),
        ("LA", "16", "auto", "tif", "16 bits"),
        ("L", "keep", "none", "png", "PNG"),
        ("RGBA", "keep", "auto", "jpg", "alpha"),
        ("RGBA", "keep", "auto", "bmp", "--alpha drop"),
        ("RGB", "keep", "auto", "pgm", "PGM"),
        ("RGB", "keep", "clip", "txt", "channel"),
        ("RGB", "keep", "auto", "csv", "channel"),
        ("CMYK", "keep", "auto", "png", "PNG"),
    ],
)
def test_file_types_that_cannot_hold_the_result(desk, mode, depth, rule, extension, says):
    shape = (6, 7) if mode == "L" else (6, 7, len(mode))
    save("a.tif", samples(*shape), mode)
    before = listing(desk)
    line = refused("apply", "box:3", "a.tif", "--depth", depth, "--range", rule, "-o", f"x.{extension}", code=1)
    assert line.startswith("convcli: a.tif: ")
    assert "cannot hold" in line
    assert says in line
    assert listing(desk) == before


# -------------------------------------------------------------------------------------- channels and alpha


def test_channels():
    pixels = samples(8, 9, 3)
    save("a.png", pixels)
    weights = np.array(EDGE)
    each = levels(np.abs(naive.filtered(pixels, weights)))
    assert convcli("apply", EDGE_TEXT, "a.png", "-o", "each.png", "--channels", "each").code == 0
    assert (load("each.png") == each).all()
    for words in ("r,g", "g,r", "rg", "R,G"):
        assert convcli("apply", EDGE_TEXT, "a.png", "-o", "some.png", "-f", "--channels", words).code == 0
        assert (load("some.png") == np.dstack([each[:, :, :2], pixels[:, :, 2:]])).all(), words
    convcli("apply", EDGE_TEXT, "a.png", "-o", "gray.png", "--channels", "gray")
    assert mode_of("gray.png") == "L"
    assert (load("gray.png") == levels(np.abs(naive.filtered(naive.luma(pixels), weights)))).all()
    convcli("apply", EDGE_TEXT, "a.png", "-o", "inner.png", "--channels", "b", "--padding", "valid", "--stride", "2,3")
    assert (load("inner.png")[:, :, :2] == pixels[1:-1:2, 1:-1:3, :2]).all()  # what is under the anchor


@pytest.mark.parametrize(("mode", "words"), [("L", "r"), ("RGB", "a"), ("RGB", "c,m"), ("RGBA", "a,k")])
def test_channels_that_are_not_there(mode, words):
    save("a.png", samples(*((6, 7) if mode == "L" else (6, 7, len(mode)))))
    line = refused("apply", "box:3", "a.png", "--channels", words, code=1)
    assert "no channel of this picture is called" in line


@pytest.mark.parametrize("rule", ["auto", "keep", "filter", "drop"])
@pytest.mark.parametrize("filter_", ["box:3", EDGE_TEXT])
def test_alpha(rule, filter_):
    pixels = samples(8, 9, 4)
    pixels[..., 3] = np.maximum(pixels[..., 3], 1)
    save("a.png", pixels)
    assert convcli("apply", filter_, "a.png", "-o", "x.png", "--alpha", rule).code == 0
    got = load("x.png").astype(float)
    weights = BOX if filter_ == "box:3" else np.array(EDGE)
    colours, alpha = pixels[:, :, :3].astype(float), pixels[:, :, 3:].astype(float)
    plain = np.clip(np.rint(np.abs(naive.filtered(colours, weights))), 0, 255)
    blurred = naive.filtered(alpha, weights)
    if rule == "auto" and filter_ == "box:3":
        wanted = np.dstack([naive.filtered(colours * alpha, weights) / blurred, blurred])
    else:
        wanted = {
            "keep": [plain, alpha],
            "auto": [plain, alpha],
            "filter": [plain, blurred.clip(0, 255)],
            "drop": [plain],
        }
        wanted = np.dstack(wanted[rule])
    assert mode_of("x.png") == ("RGB" if rule == "drop" else "RGBA")
    assert np.abs(got - wanted).max() <= 0.5 + 1e-3


def test_bias_never_touches_alpha():
    pixels = samples(6, 7, 4, low=1)
    save("a.png", pixels)
    for rule in ("auto", "keep", "filter"):
        convcli("apply", "box:3", "a.png", "-f", "-o", "plain.png", "--alpha", rule)
        convcli("apply", "box:3", "a.png", "-f", "-o", "more.png", "--alpha", rule, "--bias", 20)
        assert (load("plain.png")[..., 3] == load("more.png")[..., 3]).all()
        assert (load("plain.png")[..., :3] != load("more.png")[..., :3]).any()


@pytest.mark.parametrize(
    "words",
    [
        "box:3",
        "sobel-x",
        "gaussian:1.4 | sobel",
        "blur --stride 2 --padding full",
        "box:3 --padding-mode constant:40 --bias 7",
        "box:3 --channels gray",
        "sharpen --range offset",
        "emboss --op convolve --padding-mode zeros",
        "max-pool:2",
        "harris",
    ],
)
def test_an_opaque_picture_is_filtered_as_one_without_alpha(words):
    pixels = samples(11, 12, 3)
    save("rgb.png", pixels)
    save("rgba.png", np.dstack([pixels, np.full((11, 12), 255, np.uint8)]))
    filter_, _, options = words.partition(" --")
    options = f"--{options}".split() if options else []
    assert convcli("apply", filter_, "rgb.png", "rgba.png", "-o", "out", *options).code == 0
    plain, opaque = load("out/rgb.png"), load("out/rgba.png")
    assert opaque.shape[2] == plain.shape[2] + 1
    assert (opaque[:, :, :-1] == plain).all()
    assert (opaque[:, :, -1] == 255).all()


@pytest.mark.parametrize("mode", ["zeros", "constant:40", "reflect", "wrap"])
def test_one_clear_pixel_changes_nothing_far_from_it(mode):
    """What stands outside is as opaque as outside a picture without alpha."""
    pixels = samples(11, 12, 3)
    alpha = np.full((11, 12, 1), 255, np.uint8)
    alpha[5, 6] = 9
    save("rgb.png", pixels)
    save("rgba.png", np.concatenate([pixels, alpha], axis=2))
    assert convcli("apply", "box:3", "rgb.png", "rgba.png", "-o", "out", "--padding-mode", mode).code == 0
    plain, clear = load("out/rgb.png"), load("out/rgba.png")
    far = np.ones((11, 12), bool)
    far[4:7, 5:8] = False
    assert (clear[far][:, :3] == plain[far]).all()
    assert (clear[far][:, 3] == 255).all()
    assert (clear[4:7, 5:8, 3] < 255).all()


# ---------------------------------------------------------------------------------- modes and metadata

MODES = {
    "L": ("png", "L"),
    "LA": ("png", "LA"),
    "RGB": ("png", "RGB"),
    "RGBA": ("png", "RGBA"),
    "P": ("png", "RGB"),
    "1": ("png", "L"),
    "I;16": ("png", "I;16"),
    "I": ("tif", "I"),
    "F": ("tif", "F"),
    "CMYK": ("tif", "CMYK"),
}


def picture_of(mode: str) -> Image.Image:
    if mode in ("P", "1"):
        return Image.fromarray(samples(9, 10, 3)).convert(mode)
    if mode in ("I;16", "I", "F"):
        dtype = {"I;16": "uint16", "I": "int32", "F": "float32"}[mode]
        return Image.fromarray(samples(9, 10, dtype="uint16").astype(dtype))
    channels = len(mode)
    return Image.frombytes(mode, (10, 9), samples(9, 10, channels, low=1).tobytes())


@pytest.mark.parametrize("mode", MODES)
def test_modes_are_kept(mode):
    extension, wanted = MODES[mode]
    image = picture_of(mode)
    image.save(f"a.{extension}")
    ran = convcli("apply", "identity", f"a.{extension}")
    assert (ran.code, ran.errors) == (0, [])
    with Image.open(f"a.identity.{extension}") as got:
        assert got.mode == wanted
        same = np.asarray(image.convert(wanted) if mode in ("P", "1") else image)
        assert (np.asarray(got) == same).all()
    assert f" {wanted} -> " in ran.lines[0]
    assert convcli("apply", "gaussian:1", f"a.{extension}").code == 0
    assert mode_of(f"a.gaussian-1.{extension}") == wanted


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_the_orientation_is_applied_once(orientation):
    pixels = samples(5, 8, 3)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    save("a.png", pixels, exif=exif)
    upright = {1: pixels, 3: pixels[::-1, ::-1], 6: pixels[::-1].swapaxes(0, 1), 7: pixels.swapaxes(0, 1)[::-1, ::-1]}
    assert convcli("apply", "identity", "a.png", "-o", "x.png").code == 0
    assert (load("x.png") == upright[orientation]).all()
    with Image.open("x.png") as im:
        assert im.getexif().get(0x0112, 1) == 1
        assert im.getexif()[0x010F] == "Maker"
    ran = convcli("apply", "identity", "x.png", "-o", "y.png")
    assert f"{upright[orientation].shape[0]}x{upright[orientation].shape[1]} RGB -> y.png" in ran.lines[0]
    assert (load("y.png") == upright[orientation]).all()


@pytest.mark.parametrize("extension", ["png", "jpg", "tif"])
def test_metadata_travels(extension):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "a test")
    save("a.png", samples(6, 7, 3), icc_profile=profile, exif=exif, dpi=(300, 200), pnginfo=text)
    ran = convcli("apply", "box:3", "a.png", "-o", f"x.{extension}")
    lost = {"jpg": ["  JPEG cannot keep text"], "tif": ["  TIFF cannot keep text"]}.get(extension, [])
    assert (ran.code, ran.errors, ran.lines[1:]) == (0, [], lost)
    with Image.open(f"x.{extension}") as im:
        assert im.info["icc_profile"] == profile
        assert im.getexif()[0x010F] == "Maker"
        assert [round(float(value)) for value in im.info["dpi"]] == [300, 200]
        assert extension != "png" or im.text["Title"] == "a test"


def test_an_animation_is_not_cut_to_one_frame_in_silence():
    frames = [Image.fromarray(samples(6, 7, seed=n)) for n in range(3)]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:])
    ran = convcli("apply", "box:3", "a.gif")
    assert ran.code == 0
    assert "3 frames" in "\n".join(ran.lines + ran.errors)


# ------------------------------------------------------------------------------------- what is said


@pytest.mark.parametrize(("bright", "is_told"), [(0, False), (1, False), (2, True), (30, True)])
def test_clipping_is_told_above_one_percent(bright, is_told):
    pixels = np.full(100, 100, np.uint8)
    pixels[:bright] = 200
    save("a.png", pixels.reshape(10, 10))
    ran = convcli("apply", "2", "a.png")
    assert ran.code == 0
    assert (len(ran.lines) == 2) == is_told
    if is_told:
        assert f"{bright}.0 % rose above white" in ran.lines[1]
        assert "--range stretch" in ran.lines[1]


def test_the_range_it_names_keeps_the_samples():
    """Whatever --range the note offers, with it there is nothing left to note."""
    low, offers = np.full((10, 10), 10, np.uint8), set()
    for n, pixels in enumerate((low, samples(10, 10), 255 - low)):
        save(f"{n}.png", pixels)
        for filter_ in ("2", "1 0 -1", "1 -3 1", "1 -9 7", "0 -1 0", "-2.5"):
            ran = convcli("apply", "-k", filter_, f"{n}.png", "--range", "clip", "-f", "-o", "x.png")
            if len(ran.lines) > 1:
                offered = ran.lines[1].partition("--range ")[2].split()[0]
                offers.add(offered)
                again = convcli("apply", "-k", filter_, f"{n}.png", "--range", offered, "-f", "-o", "x.png")
                assert again.lines[1:] == [], (filter_, ran.lines[1], again.lines[1:])
    assert offers == {"abs", "stretch"}


def test_quiet_prints_nothing_but_errors(desk):
    save("a.png", np.full((9, 9), 200, np.uint8))
    save("b.png", np.full((9, 9), 200, np.uint8))
    for words in (["apply", "-q"], ["-q", "apply"], ["apply", "--quiet"]):
        ran = convcli(*words, "2", "a.png", "b.png", "-f")
        assert (ran.code, ran.out, ran.errors) == (0, b"", [])
    ran = convcli("apply", "-q", "2", "a.png", "nothere.png", "-f")
    assert (ran.code, ran.out, len(ran.errors)) == (1, b"", 1)


def test_verbose_says_how_and_why():
    save("a.png", samples(9, 9))
    plain = convcli("apply", "gaussian:1 | sobel-x", "a.png", "-f").lines
    more = convcli("apply", "gaussian:1 | sobel-x", "a.png", "-f", "-v").lines
    assert len(more) == len(plain) + 2
    assert "gaussian:1: " in more[-2]
    assert "sobel-x: " in more[-1]
    assert convcli("-v", "apply", "gaussian:1 | sobel-x", "a.png", "-f").lines[1:] == more[1:]


@pytest.mark.parametrize("command", [["shape", "--m", "28", "--k", "3"], ["kernels", "list"], ["kernels"]])
@pytest.mark.parametrize("flag", ["-q", "--quiet", "-v", "--verbose", "--debug"])
def test_global_options_go_before_any_command(command, flag):
    ran = convcli(flag, *command)
    assert (ran.code, ran.errors) == (0, [])


@pytest.mark.parametrize("name", ["a.png", "b.txt", "c.npy", "bright.png"])
@pytest.mark.parametrize("extension", ["png", "txt", "npy"])
def test_standard_output_gets_the_result_and_nothing_else(name, extension):
    save("a.png", samples(9, 9))
    save("bright.png", np.full((9, 9), 255, np.uint8))
    Path("b.txt").write_text(TEXT)
    np.save("c.npy", PICTURE)
    if extension == "png" and name[0] in "bc" and name != "bright.png":
        options = ["--depth", "8"]
    else:
        options = []
    filed = convcli("apply", "sharpen", name, "-o", f"x.{extension}", *options)
    streamed = convcli("apply", "sharpen", name, "-o", "-", "--format", extension, *options)
    assert (filed.code, streamed.code) == (0, 0)
    assert streamed.out == Path(f"x.{extension}").read_bytes()


def test_a_note_on_a_streamed_result_goes_to_standard_error():
    save("a.png", np.full((9, 9), 200, np.uint8))
    ran = convcli("apply", "2", "a.png", "-o", "-")
    assert ran.out.startswith(b"\x89PNG")
    assert len(ran.errors) == 1
    assert ran.errors[0].startswith("convcli: warning: a.png: clipped")
    assert convcli("apply", "2", "a.png", "-o", "-", "-q").errors == []


# ------------------------------------------------------------------------------------------- grids

GRIDS = {
    "txt": b"1 -2 3.5\n4 0 1e2\n",
    "csv": b"1,-2,3.5\n4,0,1e2\n",
    "tsv": b"1\t-2\t3.5\n4\t0\t1e2\n",
    "npy": None,
}
NUMBERS = np.array([[1, -2, 3.5], [4, 0, 100]])
PRINTED = {"txt": b"3 -6 10.5\n12 0 300\n", "csv": b"3,-6,10.5\n12,0,300\n", "tsv": b"3\t-6\t10.5\n12\t0\t300\n"}


@pytest.mark.parametrize("source", GRIDS)
@pytest.mark.parametrize("target", GRIDS)
def test_grids_in_and_out(source, target):
    Path(f"a.{source}").write_bytes(GRIDS[source] or b"")
    if source == "npy":
        np.save("a.npy", NUMBERS)
    ran = convcli("apply", "3", f"a.{source}", "-o", f"x.{target}")
    assert (ran.code, ran.errors) == (0, [])
    if target == "npy":
        got = np.load("x.npy")
        assert got.dtype == np.float64
        assert (got == 3 * NUMBERS).all()
    else:
        assert Path(f"x.{target}").read_bytes() == PRINTED[target]


@pytest.mark.parametrize("source", GRIDS)
def test_a_grid_keeps_its_kind(desk, source):
    Path(f"a.{source}").write_bytes(GRIDS[source] or b"")
    if source == "npy":
        np.save("a.npy", NUMBERS)
    assert convcli("apply", "3", f"a.{source}").code == 0
    assert f"a.matrix.{source}" in listing(desk)


def test_standard_input_is_told_by_its_first_bytes():
    pixels = samples(5, 6)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    picture = convcli("apply", "identity", "-", "-o", "-", stdin=buffer.getvalue())
    assert (np.asarray(Image.open(io.BytesIO(picture.out))) == pixels).all()
    buffer = io.BytesIO()
    np.save(buffer, NUMBERS)
    assert (np.load(io.BytesIO(convcli("apply", "3", "-", stdin=buffer.getvalue()).out)) == 3 * NUMBERS).all()
    assert convcli("apply", "3", "-", stdin=GRIDS["csv"]).out == PRINTED["txt"]
    assert convcli("apply", "3", "-", "--format", "csv", stdin=GRIDS["txt"]).out == PRINTED["csv"]
    assert convcli("apply", "3", "-", "-o", "x.csv", stdin=GRIDS["txt"]).code == 0
    assert Path("x.csv").read_bytes() == PRINTED["csv"]


def test_standard_input_has_no_name_for_a_folder(desk):
    assert "standard input has no name" in refused("apply", "1", "-", "-o", "out/", stdin="1 2\n")
    assert listing(desk) == {}


def test_a_grid_of_several_channels():
    grid = np.random.default_rng(3).normal(size=(5, 6, 5))
    np.save("a.npy", grid)
    assert convcli("apply", LOPSIDED_TEXT, "a.npy").code == 0
    assert np.allclose(np.load("a.matrix.npy"), naive.filtered(grid, LOPSIDED), rtol=0, atol=1e-9)
    assert "npy" in refused("apply", "1", "a.npy", "-o", "x.txt", code=1)


def test_a_grid_as_a_picture():
    ran = convcli("apply", "1", "-", "-o", "x.png", "--depth", "8", "--range", "clip", stdin="0.5 1.5 2.5 300 -3\n")
    assert ran.code == 0
    assert load("x.png").ravel().tolist() == [0, 2, 2, 255, 0]
    assert "cannot hold" in refused("apply", "1", "-", "-o", "y.png", stdin="1 2\n", code=1)


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# nothing\n", "hello", "1 2\n3\n", "1,,2\n", "\x00\x01", "1 nan\n", "1 0x10\n"]
)
def test_text_that_is_no_grid(text):
    line = refused("apply", "1", "-", stdin=text, code=1)
    assert line.startswith("convcli: standard input: ")


# --------------------------------------------------------------------------------- banks and planes


def test_a_bank_makes_a_file_for_each_map(desk):
    pixels, bank = samples(8, 9, 3), np.random.default_rng(2).integers(-3, 4, (4, 3, 3, 2)).astype(float)
    save("a.png", pixels)
    np.save("bank.npy", bank)
    sums = naive.filtered(pixels, bank)
    assert convcli("apply", "bank.npy", "a.png", "--range", "clip").code == 0
    for n in range(4):
        assert mode_of(f"a.bank.{n}.png") == "L"
        assert (load(f"a.bank.{n}.png")[:, :, 0] == levels(sums[:, :, n])).all()
    assert convcli("apply", "bank.npy", "a.png", "-o", "maps.npy", "--stride", 2).code == 0
    assert (np.load("maps.npy") == sums[::2, ::2]).all()
    assert convcli("apply", "bank.npy", "a.png", "--maps", "stack", "--range", "none").code == 0
    assert (np.load("a.bank.npy") == sums).all()
    assert convcli("apply", "bank.npy", "a.png", "-o", "out/", "--padding", "valid").code == 0
    assert {name for name in listing(desk) if name.startswith("out")} == {f"out/a.{n}.png" for n in range(4)}
    assert load("out/a.0.png").shape == (6, 8, 1)


def test_planes_are_summed_to_one_map():
    pixels, planes = samples(8, 9, 3), np.random.default_rng(2).integers(-3, 4, (3, 3, 3)).astype(float)
    save("a.png", pixels)
    np.save("k.npy", planes)
    assert convcli("apply", "k.npy", "a.png", "--range", "clip", "--bias", 9).code == 0
    assert mode_of("a.k.png") == "L"
    assert (load("a.k.png") == levels(naive.filtered(pixels, planes, bias=9))).all()
    save("l.png", samples(8, 9))
    assert "3 planes" in refused("apply", "k.npy", "l.png", code=1)


def test_maps_of_a_grid_and_of_one_plane():
    bank = np.random.default_rng(2).integers(-3, 4, (2, 1, 3, 3)).astype(float)
    np.save("bank.npy", bank)
    Path("a.txt").write_text(TEXT)
    assert convcli("apply", "bank.npy", "a.txt", "-o", "x.npy").code == 0
    assert (np.load("x.npy") == naive.filtered(PICTURE[:, :, None], bank)).all()


def test_several_maps_do_not_fit_into_standard_output(desk):
    save("a.png", samples(8, 9))
    np.save("bank.npy", np.ones((2, 1, 3, 3)))
    before = listing(desk)
    for options in ([], ["--format", "png"]):
        ran = convcli("apply", "bank.npy", "a.png", "-o", "-", *options)
        assert ran.out == b""
        assert ran.code in (1, 2)
        assert len(ran.errors) == 1
    stack = convcli("apply", "bank.npy", "a.png", "-o", "-", "--format", "npy")
    assert np.load(io.BytesIO(stack.out)).shape == (8, 9, 2)
    assert listing(desk) == before


def test_text_is_never_answered_with_binary():
    """A grid came in as text, so that standard output is a text: an array only goes there when asked for."""
    np.save("bank.npy", np.ones((2, 1, 3, 3)))
    ran = convcli("apply", "bank.npy", "-", stdin=TEXT)
    assert (ran.code, ran.out, len(ran.errors)) == (1, b"", 1)
    assert "npy" in ran.errors[0]


# ------------------------------------------------------------------------------------------- report

ITEM = [
    *("input", "output", "status", "in", "out", "mode"),
    *("stages", "receptive_field", "range", "seconds", "message"),
]
STAGE = [
    *("step", "op", "kernel", "stride", "dilation", "padding", "padding_mode", "unread"),
    *("in", "out", "weights", "macs", "method", "why", "receptive_field"),
]


def no_constants(word):
    raise AssertionError(f"{word} is not JSON")


def test_the_report_of_the_contract():
    save("a.png", samples(30, 40, 3))
    save("b.png", samples(30, 40))
    Path("b.sobel-x.png").touch()
    words = [
        "a.png",
        "nothere.png",
        "b.png",
        "--stride",
        "2",
        "--skip-existing",
        "--report",
        "r.json",
        "--method",
        "direct",
    ]
    ran = convcli("apply", "sobel-x", *words)
    assert ran.code == 1
    report = json.loads(Path("r.json").read_text(), parse_constant=no_constants)
    assert list(report) == ["convcli", "items", "summary"]
    assert report["convcli"] == convcli("--version").lines[0].split()[1]
    assert [item["input"] for item in report["items"]] == ["a.png", "nothere.png", "b.png"]
    assert [item["status"] for item in report["items"]] == ["written", "failed", "skipped"]
    assert [list(item) for item in report["items"]] == [ITEM] * 3
    seconds = report["summary"].pop("seconds")
    assert report["summary"] == {"written": 1, "skipped": 1, "failed": 1}
    assert 0 < seconds < 60
    first, failed, skipped = report["items"]
    assert "nothere.png" in failed["message"]
    assert (skipped["message"], skipped["stages"]) == (None, [])
    (stage,) = first.pop("stages")
    assert list(stage) == STAGE
    assert isinstance(stage.pop("why"), str)
    assert stage == {
        "step": "sobel-x",
        "op": "correlate",
        "kernel": [3, 3],
        "stride": [2, 2],
        "dilation": [1, 1],
        "padding": [1, 1, 1, 1],
        "padding_mode": "reflect",
        "unread": [1, 1],
        "in": [30, 40, 3],
        "out": [15, 20, 3],
        "weights": 9,
        "macs": 15 * 20 * 3 * 9,
        "method": "direct",
        "receptive_field": [3, 3],
    }
    sums = naive.filtered(load("a.png"), [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], stride=(2, 2))
    assert first["range"] == {
        "rule": "abs",
        "min": sums.min(),
        "max": sums.max(),
        "low": 0,
        "high": int((np.abs(sums) > 255).sum()),
    }
    assert first["output"] == "a.sobel-x.png"
    assert (first["in"], first["out"], first["mode"]) == ([30, 40, 3], [15, 20, 3], ["RGB", "RGB"])
    assert first["receptive_field"] == [3, 3]
    assert first["message"] is None
    assert 0 <= first["seconds"] <= seconds + 0.01


def test_the_report_of_floats_is_json():
    """JSON has no Infinity, whatever Python's writer thinks."""
    Path("a.txt").write_text(TEXT)
    assert convcli("apply", "box:3", "a.txt", "--report", "r.json").code == 0
    (item,) = json.loads(Path("r.json").read_text(), parse_constant=no_constants)["items"]
    sums = expected(BOX)
    assert item["range"]["rule"] == "none"
    assert item["range"]["min"] == pytest.approx(sums.min())
    assert item["range"]["max"] == pytest.approx(sums.max())


def test_the_report_of_a_chain():
    save("a.png", samples(30, 40, 3))
    assert convcli("apply", "box:3 | box:3 | relu | max-pool:2", "a.png", "--report", "r.json").code == 0
    (item,) = json.loads(Path("r.json").read_text())["items"]
    assert [stage["step"] for stage in item["stages"]] == ["box:3", "box:3", "relu", "max-pool:2"]
    assert [stage["out"] for stage in item["stages"]] == [[30, 40, 3]] * 3 + [[15, 20, 3]]
    assert all(list(stage) == STAGE for stage in item["stages"])
    assert [stage["receptive_field"] for stage in item["stages"]] == [[3, 3], [5, 5], [5, 5], [6, 6]]
    assert item["receptive_field"] == [6, 6]


def test_the_report_of_a_bank():
    save("a.png", samples(30, 40, 3))
    np.save("bank.npy", np.ones((16, 3, 3, 3)))
    assert convcli("apply", "bank.npy", "a.png", "-o", "x.npy", "--report", "r.json", "--padding", "valid").code == 0
    (item,) = json.loads(Path("r.json").read_text())["items"]
    assert item["stages"][0]["weights"] == 432  # 448 parameters with a bias for each map
    assert item["stages"][0]["macs"] == 432 * 28 * 38
    assert item["out"] == [28, 38, 16]


def test_report_kinds():
    save("a,1.png", samples(9, 9))
    save('say "b".png', samples(9, 9))
    names = ["a,1.png", 'say "b".png', "not here.png"]
    convcli("apply", "box:3", *names, "-f", "--report", "r.csv")
    rows = list(csv.DictReader(io.StringIO(Path("r.csv").read_bytes().decode(), newline="")))
    assert [row["input"] for row in rows] == names
    assert [row["status"] for row in rows] == ["written", "written", "failed"]
    assert [row["out"] for row in rows] == ["9x9x1", "9x9x1", ""]
    convcli("apply", "box:3", *names, "-f", "--report", "r.txt")
    text = Path("r.txt").read_text().splitlines()
    assert len(text) == 5
    assert text[-1].startswith("2 written, 0 skipped, 1 failed")
    convcli("apply", "box:3", *names, "-o", "new", "--dry-run", "--report", "r.txt", "-f")
    assert Path("r.txt").read_text().splitlines()[-1].startswith("0 written, 2 planned, 0 skipped, 1 failed")
    for extra, count in ((["--report-format", "lines"], 3), ([], 3)):
        ran = convcli("apply", "box:3", *names, "-f", "--report", "-", *extra)
        assert [json.loads(line)["input"] for line in ran.lines] == names
        assert len(ran.lines) == count
    whole = convcli("apply", "box:3", *names, "-f", "--report", "-", "--report-format", "json")
    assert [item["input"] for item in json.loads(whole.out)["items"]] == names
    table = convcli("apply", "box:3", *names, "-f", "--report", "-", "--report-format", "csv")
    assert len(list(csv.reader(io.StringIO(table.out.decode())))) == 4


def test_a_report_and_a_result_cannot_share_standard_output():
    save("a.png", samples(9, 9))
    ran = convcli("apply", "box:3", "a.png", "-o", "-", "--report", "-")
    assert (ran.code, ran.out, len(ran.errors)) == (2, b"", 1)


@pytest.mark.parametrize(
    "words",
    [
        ["grid.csv", "--report", "grid.csv"],
        ["grid.csv", "-o", "x.csv", "--report", "x.csv"],
        ["grid.csv", "--report", "./grid.csv", "-f"],
    ],
)
def test_a_report_never_replaces_an_input_or_a_result(desk, words):
    Path("grid.csv").write_text("1,2\n3,4\n")
    before = listing(desk)
    ran = convcli("apply", "1", *words)
    assert listing(desk) == before
    assert (ran.code, len(ran.errors)) == (2, 1)


def test_a_report_that_cannot_be_written_is_told_before_the_work(desk):
    save("a.png", samples(9, 9))
    before = listing(desk)
    line = refused("apply", "box:3", "a.png", "--report", "nowhere/r.json", code=3)
    assert "nowhere/r.json" in line
    assert listing(desk) == before


# ------------------------------------------------------------------------------------------ dry runs

DRY = [
    (["sobel-x"], []),
    (["box:3"], ["--stride", "2", "--padding", "valid"]),
    (["gaussian:1 | sobel"], ["--channels", "gray"]),
    (["box:3"], ["--depth", "16", "--alpha", "drop"]),
    (["identity"], ["--range", "none"]),
    (["max-pool:2"], ["--format", "tif", "-o", "out/"]),
]


@pytest.mark.parametrize(("filter_", "options"), DRY)
def test_a_dry_run_plans_what_is_then_written(desk, filter_, options):
    images = []
    for mode, (extension, _) in MODES.items():
        name = f"{mode.replace(';', '')}-in.{extension}"
        picture_of(mode).save(name)
        images.append(name)
    picture_of("P").save("colour.gif")
    Path("grid.csv").write_text("1,2\n3,4\n5,6\n")
    images += ["colour.gif", "grid.csv"]
    before = listing(desk)
    words = ["apply", *filter_, *images, *options, "--report", "-"]
    dry = convcli(*words, "--dry-run")
    assert listing(desk) == before
    wet = convcli(*words)
    planned, done = ([json.loads(line) for line in ran.lines] for ran in (dry, wet))
    assert {item["status"] for item in planned} <= {"planned", "failed"}
    assert [item["status"].replace("planned", "written") for item in planned] == [item["status"] for item in done]
    assert sum(item["status"] == "written" for item in done) >= len(images) // 2
    for plan, item in zip(planned, done, strict=True):
        for key in ("input", "output", "in", "out", "mode", "receptive_field", "message"):
            assert plan[key] == item[key], (plan["input"], key)
        if item["status"] == "written":
            assert Path(item["output"]).exists()
    assert dry.code == wet.code


def test_a_dry_run_decodes_nothing(desk):
    save("a.png", samples(60, 60, 3))
    Path("cut.png").write_bytes(Path("a.png").read_bytes()[:200])
    ran = convcli("apply", "box:3", "cut.png", "--dry-run", "-o", "new/")
    assert (ran.code, ran.errors) == (0, [])
    assert ran.lines == ["cut.png  60x60 RGB -> new/cut.png  60x60 RGB  (3x3, same, reflect; separable, planned)"]
    assert not Path("new").exists()


def test_a_dry_run_finds_what_would_fail(desk):
    save("a.png", samples(6, 6))
    Path("a.box-3.png").touch()
    Path("text.png").write_text("no")
    before = listing(desk)
    ran = convcli("apply", "box:3", "text.png", "nothere.png", "--dry-run")
    assert (ran.code, len(ran.errors)) == (1, 2)
    assert "does not fit" in refused("apply", "box:9", "a.png", "--padding", "valid", "--dry-run", code=1)
    assert "exists" in "".join(convcli("apply", "box:3", "a.png", "--dry-run").errors)
    assert listing(desk) == before


def test_a_dry_run_of_a_stream_shows_the_plan():
    save("a.png", samples(6, 6))
    for ran in (
        convcli("apply", "box:3", "a.png", "-o", "-", "--dry-run"),
        convcli("apply", "box:3", "-", "--dry-run", stdin=TEXT),
    ):
        assert ran.code == 0
        assert "planned" in "\n".join(ran.lines + ran.errors)


# ------------------------------------------------------------------------------------- names of files

NAMES = [
    "with space.png",
    "new\nline.png",
    "tab\t.png",
    "\x1b[31mred.png",
    "ünïcödé 漢字 🙂.png",
    "a;b&c.png",
    "%s%d{}.png",
    "'q\".png",
    "-dash.png",
    "--help",
    "right\u202eto-left.png",
    os.fsdecode(b"caf\xe9.png"),
    "back\\slash.png",
    "é" * 100 + ".png",
    "a|b.png",
]


@pytest.mark.parametrize("name", NAMES)
def test_file_names(desk, name):
    save("plain", samples(6, 7), format="PNG")
    os.rename("plain", name)
    ran = convcli("apply", "box:3", "-o", "out/", "--", name)
    assert (ran.code, ran.errors, len(ran.lines)) == (0, [], 1)
    assert ran.lines[0].isprintable()
    suffix = "" if name.endswith(".png") else ".png"
    assert os.listdir("out") == [name + suffix]
    again = convcli("apply", "box:3", "-o", "out/", "--report", "r.json", "--", name)
    assert (again.code, len(again.errors)) == (1, 1)
    assert again.errors[0].isprintable()
    assert again.errors[0].startswith("convcli: ")
    assert json.loads(Path("r.json").read_bytes())["items"][0]["input"] == name


@pytest.mark.parametrize("kind", ["json", "csv", "txt", "-"])
@pytest.mark.parametrize("name", ["new\nline.png", "\x1b[31mred.png", os.fsdecode(b"caf\xe9.png"), "ü.png"])
def test_reports_of_odd_names(name, kind):
    save("plain.png", samples(6, 7))
    os.rename("plain.png", name)
    report = kind if kind == "-" else f"r.{kind}"
    ran = convcli("apply", "box:3", name, "--report", report)
    assert (ran.code, ran.errors) == (0, [])
    text = (ran.out if kind == "-" else Path(report).read_bytes()).decode("utf-8")
    if kind in ("txt", "-"):
        lines = text.splitlines()
        assert len(lines) == {"txt": 3, "-": 1}[kind]
        assert all(line.isprintable() for line in lines)
    elif kind == "csv":
        assert len(list(csv.reader(io.StringIO(text, newline="")))) == 2
    else:
        assert json.loads(text)["items"][0]["input"] == name


def test_a_name_with_a_leading_dash_asks_for_two_dashes(desk):
    save("plain.png", samples(6, 7))
    os.rename("plain.png", "-dash.png")
    assert refused("apply", "box:3", "-dash.png").endswith(
        "(a file that begins with - goes behind --, or as ./-dash.png)"
    )
    assert "no option is called -d" in refused("apply", "box:3", "-dish.png")
    assert convcli("apply", "box:3", "./-dash.png").code == 0
    assert set(listing(desk)) == {"-dash.png", "-dash.box-3.png"}


def test_a_name_as_long_as_names_can_be(desk):
    name = "n" * 249 + ".png"
    save(name, samples(6, 7))
    assert convcli("apply", "box:3", name, "-o", "out/").code == 0
    assert os.listdir("out") == [name]
    before = listing(desk)
    line = refused("apply", "box:3", name, code=3)  # 6 letters more do not fit
    assert "too long" in line
    assert listing(desk) == before


# -------------------------------------------------------------------------------------- outputs that fail


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("nowhere/x.png", "there is no folder"),
        ("file/x.png", "there is no folder"),
        ("file/", "file"),
        ("file/deep/", "file"),
        ("folder.png/../nowhere/x.png", "there is no folder"),
    ],
)
def test_outputs_that_cannot_be(desk, output, says):
    save("a.png", samples(6, 7))
    Path("file").touch()
    Path("folder.png").mkdir()
    before = listing(desk)
    line = refused("apply", "box:3", "a.png", "-o", output, code=3)
    assert says in line
    assert listing(desk) == before


def test_many_results_into_a_file(desk):
    save("a.png", samples(6, 7))
    save("b.png", samples(6, 7))
    Path("notes.txt").write_text("mine")
    before = listing(desk)
    line = refused("apply", "box:3", "a.png", "b.png", "-o", "notes.txt", code=3)
    assert "notes.txt" in line
    assert "folder" in line or "directory" in line
    assert listing(desk) == before


def test_more_pixels_than_allowed(desk):
    save("a.png", samples(60, 70))
    line = refused("apply", "box:3", "a.png", "--max-pixels", "4199", code=1)
    assert "--max-pixels" in line
    assert convcli("apply", "box:3", "a.png", "--max-pixels", "4200").code == 0


# ------------------------------------------------------------------------- found by attack, and to stay found


@pytest.mark.parametrize(
    "words",
    [
        ("sobel-x", "--padding", "1000000000"),
        ("sobel-x", "--padding", "20000"),
        ("sobel-x", "--dilation", "1000000000000"),
        ("1 1", "--dilation", "200000000"),
        ("gaussian:1", "--dilation", "1500"),
        ("box:3", "--padding", "0,0,0,100000000"),
        ("box:3 | max-pool:2,padding=1,stride=1 | box:3", "--padding", "14000"),
    ],
)
def test_what_a_small_picture_would_blow_up_to_is_refused_at_once(desk, words):
    save("a.png", samples(3, 3))
    line = refused("apply", words[0], "a.png", *words[1:], code=1)
    assert "--max-pixels" in line or "less padding or dilation" in line


def test_a_chain_has_an_end(desk):
    save("a.png", samples(3, 3))
    assert "at most" in refused("apply", " | ".join(["identity"] * 300), "a.png")


@pytest.mark.parametrize("chain", ["gaussian:20", "log:3", "gabor", "high-pass", "gaussian:1 | gaussian:1"])
def test_a_flat_picture_stretched_is_flat(desk, chain):
    save("a.png", np.full((60, 70, 3), 77, np.uint8))
    assert convcli("apply", chain, "a.png", "-o", "b.png", "--range", "stretch").code == 0
    assert len(np.unique(load("b.png"))) == 1


def test_large_whole_sums_are_printed_exactly(desk):
    Image.fromarray(np.array([[16777217, 2147483647], [123456789, -5]], np.int32)).save("a.tif")
    assert (
        convcli("apply", "identity", "a.tif", "-o", "-", "--format", "txt").out
        == b"16777217 2147483647\n123456789 -5\n"
    )
    save("b.png", np.array([[65535, 65534], [65533, 65531]], np.uint16))
    convcli("apply", "1001", "b.png", "-o", "b.npy")
    assert np.load("b.npy").ravel().tolist() == [65600535, 65599534, 65598533, 65596531]


def test_a_wrong_word_for_an_option_is_told_with_the_right_ones(desk):
    save("a.png", samples(6, 7))
    says = 'convcli: range "abso" is not known; did you mean abs? (auto, clip, abs, offset, stretch, none)'
    assert refused("apply", "box:3", "a.png", "--range", "abso") == says
    says = 'convcli: op "up" is not known (correlate, convolve)'
    assert refused("kernels", "show", "box:3", "--op", "up") == says
    says = 'convcli: method "refrence" is not known; did you mean reference? ('
    assert refused("apply", "box:3", "a.png", "--method", "refrence").startswith(says)
    for option in ("--range", "--method", "--channels", "--stride"):
        line = refused("apply", "box:3", "a.png", option, "r\ng" * 40)
        assert line.startswith(f"convcli: {option[2:]}")
        assert len(line) < 160, "a long value is shown by its beginning"
    says = 'convcli: kernels has no command "lst"; did you mean list? (list, plot, show)'
    assert refused("kernels", "lst") == says


def test_a_folder_of_kernels_that_is_not_there():
    for words in (("apply", "box:3", "a.png"), ("explain", "box:3"), ("kernels", "list"), ("kernels", "show", "box:3")):
        assert refused(*words, "--kernel-dir", "nowhere") == 'convcli: kernel-dir: there is no folder "nowhere"'


def test_what_is_missing_is_told_with_its_place():
    assert refused("apply", "box:3", "a.png", "--stride") == "convcli: --stride wants a value (--help lists them)"
    assert refused("classify") == "convcli: NET is missing (convcli classify NET IMAGE...)"
    assert refused("classify", "net.npz") == "convcli: IMAGE... is missing (convcli classify NET IMAGE...)"


def test_a_report_that_is_there_is_told_with_what_would_help(desk):
    save("a.png", samples(6, 7))
    Path("r.json").write_text("mine")
    says = "convcli: r.json: exists already (-f overwrites)"
    assert refused("apply", "box:3", "a.png", "--report", "r.json", code=1) == says


def test_several_channels_of_a_grid_are_told(desk):
    save("a.png", samples(6, 7, 3))
    assert "-> a.npy  6x7x3 grid  (" in convcli("apply", "box:3", "a.png", "-o", "a.npy").lines[0]


def test_help_lists_options_alone():
    lines = convcli("apply", "--help").lines
    assert lines[lines.index("Other:") + 1].lstrip().startswith("-h")


def test_an_option_cannot_forge_a_line(desk):
    save("a.png", samples(3, 3))
    assert "forged" in refused("apply", "box:3", "a.png", "--stride", "3\nconvcli: forged")


@pytest.mark.parametrize(
    "words",
    [("-o", "b.txt", "-f", "-q"), ("-ob.txt", "-fq"), ("-qf", "-o=b.txt"), ("-fqob.txt",), ("--output=b.txt", "-qf")],
)
def test_short_options_may_be_written_in_any_way(desk, words):
    Path("a.txt").write_text("1 2 3\n4 5 6\n")
    Path("b.txt").write_text("old")
    assert convcli("apply", *words, "1 0 -1", "a.txt", "--padding", "valid").code == 0
    assert Path("b.txt").read_text() == "-2\n-2\n"
