"""`convcli apply` over folders, trees and lists: what is taken, where it goes, what is said, how it ends."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image
from test_apply_command import convcli, listing, refused, samples, save

from convcli import batch, inputs, raster
from convcli.cli import progress

pytestmark = pytest.mark.usefixtures("desk")

PROGRAM = [sys.executable, "-m", "convcli"]


@pytest.fixture
def tree() -> list[str]:
    """A tree of pictures and what else lies in folders; its pictures in the order they are taken."""
    for name in ("pics/p10.png", "pics/P1.PNG", "pics/p2.png", "pics/b/x.tif", "pics/b/deep/y.bmp", "pics/a/z.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        save(name, samples(5, 6, 3, seed=len(name)))
    for name in ("pics/notes.txt", "pics/b/side.xmp", "pics/plain", "pics/.hidden.png", "pics/.trash/t.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("no picture")
    os.symlink("..", "pics/b/loop")
    os.symlink("../pics", "pics/again")
    os.mkfifo("pics/pipe.png")
    return ["pics/P1.PNG", "pics/p2.png", "pics/p10.png", "pics/a/z.png", "pics/b/x.tif", "pics/b/deep/y.bmp"]


def outputs(folder: str = "out") -> list[str]:
    return sorted(listing(Path(folder)))


def said(ran) -> list[str]:
    """The inputs that have a line, in the order of the lines."""
    return [line.split("  ")[0].split(" -> ")[0] for line in ran.lines if re.match(r"\S+ .*->", line)]


# ------------------------------------------------------------------------------------------ what is taken


def test_a_folder_gives_its_own_pictures(desk, tree):
    save("pics/link.png", samples(5, 6))
    os.rename("pics/link.png", "elsewhere.png")
    os.symlink("../elsewhere.png", "pics/link.png")  # a link to a file is a picture
    ran = convcli("apply", "box:3", "pics", "-o", "out")
    assert (ran.code, ran.errors) == (0, [])
    assert said(ran) == ["pics/P1.PNG", "pics/link.png", "pics/p2.png", "pics/p10.png"]
    assert outputs() == ["P1.PNG", "link.png", "p10.png", "p2.png"]
    assert ran.lines[-1] == "4 written; left aside: 2 files that are no pictures"


@pytest.mark.parametrize("name", ["pics", "pics/", "./pics", "pics/../pics"])
def test_a_tree_is_mirrored(desk, tree, name):
    ran = convcli("apply", "box:3", name, "-r", "-o", "out")
    assert (ran.code, ran.errors) == (0, [])
    assert said(ran) == [name.removesuffix("/") + path.removeprefix("pics") for path in tree]
    assert outputs() == sorted(path.removeprefix("pics/") for path in tree)
    assert ran.lines[-1] == "6 written; left aside: 3 files that are no pictures, 2 links to folders"


def test_a_results_folder_inside_is_no_input(desk, tree):
    for _ in range(2):
        assert convcli("apply", "box:3", "pics", "-r", "-o", "pics/out", "-f").code == 0
    assert outputs("pics/out") == sorted(path.removeprefix("pics/") for path in tree)
    os.chdir("pics")
    assert convcli("apply", "box:3", ".", "-r", "-o", "out/").code == 1  # they are there, and nothing says -f
    assert "out" not in os.listdir("out")


def test_a_folder_is_filtered_in_place_when_that_is_said(desk, tree):
    assert "is an input" in refused("apply", "box:3", "pics", "-r", "-o", "pics")
    before = listing(desk)
    assert convcli("apply", "identity", "pics", "-r", "-o", "pics", "-f").code == 0
    assert set(listing(desk)) == set(before)
    assert listing(desk) != before


def test_a_link_to_a_folder_that_is_named_is_followed(desk, tree):
    os.symlink("pics/a", "here")
    assert said(convcli("apply", "box:3", "here", "-o", "out")) == ["here/z.png"]


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        (["--include", "*.png"], ["P1.PNG", "a/z.png", "p10.png", "p2.png"]),
        (["--include", "P*"], ["P1.PNG", "p10.png", "p2.png"]),
        (["--include", "*.tif", "--include", "*.bmp"], ["b/deep/y.bmp", "b/x.tif"]),
        (["--include", "b/*"], ["b/x.tif"]),
        (["--include", "b/**"], ["b/deep/y.bmp", "b/x.tif"]),
        (["--include", "**/?.*"], ["a/z.png", "b/deep/y.bmp", "b/x.tif"]),
        (["--include", "/*.png"], ["P1.PNG", "p10.png", "p2.png"]),
        (["--include", "*/*.png"], ["a/z.png"]),
        (["--exclude", "b"], ["P1.PNG", "a/z.png", "p10.png", "p2.png"]),
        (["--exclude", "deep/", "--exclude", "p2.png"], ["P1.PNG", "a/z.png", "b/x.tif", "p10.png"]),
        (["--exclude", "z.png/"], ["P1.PNG", "a/z.png", "b/deep/y.bmp", "b/x.tif", "p10.png", "p2.png"]),
        (["--exclude", "b/deep"], ["P1.PNG", "a/z.png", "b/x.tif", "p10.png", "p2.png"]),
        (["--include", "*.png", "--exclude", "p[0-9].*"], ["a/z.png", "p10.png"]),
    ],
    ids=" ".join,
)
def test_patterns(desk, tree, options, taken):
    assert convcli("apply", "box:3", "pics", "-r", "-o", "out", *options).code == 0
    assert outputs() == sorted(taken)


def test_an_ending_that_is_spelled_out_is_tried(desk):
    Path("in").mkdir()
    Path("in/grid.txt").write_text("1 2 3\n")
    Path("in/scan.raw").write_bytes(Path(save("a.png", samples(4, 5))).read_bytes())
    ran = convcli("apply", "identity", "in", "-o", "out", "--include", "*.txt", "--include", "scan.raw")
    assert (ran.code, outputs()) == (0, ["grid.txt", "scan.png"])  # .raw is no format, so it gets its own


def test_patterns_do_not_touch_what_is_named(desk, tree):
    ran = convcli("apply", "box:3", "pics/p2.png", "pics/a", "--exclude", "*.png", "-o", "out")
    assert (ran.code, outputs()) == (1, ["p2.png"])
    assert ran.errors == ["convcli: pics/a: no pictures in it that --include and --exclude let through"]


def test_a_folder_without_pictures_is_told(desk):
    Path("empty").mkdir()
    Path("deep/sub").mkdir(parents=True)
    save("deep/sub/a.png", samples(4, 5))
    save("b.png", samples(4, 5))
    ran = convcli("apply", "box:3", "empty", "deep", "b.png", "-o", "out")
    assert ran.code == 1
    assert ran.errors == [
        f"convcli: {name}: no pictures in it (-r looks into its folders)" for name in ("empty", "deep")
    ]
    assert ran.lines[-1] == "1 written, 2 failed"
    assert convcli("apply", "box:3", "empty", "-r", "-o", "out").errors == ["convcli: empty: no pictures in it"]


def test_a_folder_that_cannot_be_read_costs_itself_alone(desk, tree):
    real = os.scandir

    def refusing(path):
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied")
        return real(path)

    with patch("os.scandir", refusing):
        ran = convcli("apply", "box:3", "pics", "-r", "-o", "out")
    assert (ran.code, ran.errors) == (1, ["convcli: pics/b/deep/: permission denied"])
    assert len(outputs()) == 5


def test_links_that_lead_nowhere_are_told(desk):
    Path("in").mkdir()
    os.symlink("nothing", "in/gone.png")
    os.symlink("round.png", "in/round.png")
    os.symlink("nothing", "in/notes")
    ran = convcli("apply", "box:3", "in", "-o", "out")
    assert [line.split(": ")[1] for line in ran.errors] == ["in/gone.png", "in/round.png"]


def test_a_very_deep_tree(desk):
    """What is too deep for the system's names is told."""
    top = Path("in")
    top.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=fd)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    save("in/a.png", samples(4, 5))
    ran = convcli("apply", "box:3", "in", "-r", "-o", "out")
    assert (ran.code, outputs()) == (1, ["a.png"])
    assert ran.errors[0].endswith(": file name too long")
    subprocess.run(["rm", "-rf", "in"], check=True)


# ----------------------------------------------------------------------------------------------- lists


@pytest.mark.parametrize("where", ["file", "-"])
def test_a_list_of_names(desk, where):
    names = [save(name, samples(4, 5, seed=n)) for n, name in enumerate(["b.png", "a\nline.png", "-x.png", "ü.png"])]
    data = b"".join(name.encode() + b"\0" for name in names)
    Path("list").write_bytes(data)
    ran = convcli("apply", "box:3", "--files0-from", "list" if where == "file" else "-", "-o", "out", stdin=data)
    assert (ran.code, ran.errors) == (0, [])
    assert said(ran)[0] == "b.png"
    assert "a\\nline.png" in said(ran)[1]
    assert outputs() == sorted(names)


def test_a_list_after_names_and_with_folders(desk, tree):
    save("first.png", samples(4, 5))
    Path("list").write_bytes(b"pics/a\0nothere.png")  # the last NUL may be missing
    ran = convcli("apply", "-k", "box:3", "first.png", "--files0-from", "list", "-o", "out")
    assert (ran.code, said(ran)) == (1, ["first.png", "pics/a/z.png"])
    assert ran.errors == ["convcli: nothere.png: no such file or directory"]


def test_a_list_of_one_name_is_a_list(desk):
    save("a.png", samples(4, 5))
    Path("list").write_bytes(b"a.png\0")
    assert convcli("apply", "box:3", "--files0-from", "list", "-o", "out").code == 0
    assert outputs() == ["a.png"]


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"", 1, "list: holds no names"),
        (b"a.png\nb.png\n", 2, "list: its names stand on lines (end each with NUL: find -print0, tr '\\n' '\\0')"),
        (b"\0a.png\0", 1, '"": an empty name is no file'),
    ],
)
def test_lists_that_are_none(desk, data, code, says):
    save("a.png", samples(4, 5))
    Path("list").write_bytes(data)
    assert refused("apply", "box:3", "--files0-from", "list", "-o", "out", code=code) == f"convcli: {says}"


def test_lists_that_cannot_be_read(desk):
    assert "nothere: no such file" in refused("apply", "box:3", "--files0-from", "nothere")
    assert ".: is a folder" in refused("apply", "box:3", "--files0-from", ".")
    assert "not both" in refused("apply", "box:3", "-", "--files0-from", "-", "-o", "out", stdin=b"a\0")
    assert "not both" in refused("apply", "box:3", "--files0-from", "-", "-o", "out", stdin=b"-\0")
    assert "empty name" in refused("apply", "box:3", "--files0-from", "")
    with patch.object(inputs, "LONGEST", 1000):
        assert "too long for a list" in refused("apply", "box:3", "--files0-from", "/dev/zero", "-o", "out")


# ------------------------------------------------------------------------------------------ collisions


@pytest.mark.parametrize(
    ("first", "second", "options"),
    [
        ("in/a.png", "in/A.png", []),
        ("in/a.png", "in/a.tif", ["--format", "png"]),
        ("in/caf\xe9.png", "in/cafe\u0301.png", []),
        ("in/Stra\xdfe.png", "in/STRASSE.png", []),
        ("in/sub/a.png", "in/SUB/a.png", ["-r"]),
    ],
)
def test_results_that_would_be_one_file(desk, first, second, options):
    for name in (first, second):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        save(name, samples(4, 5))
    if len(listing(Path("in"))) < 2:
        pytest.skip("one file for this file system")
    line = refused("apply", "box:3", "in", "-o", "out", *options)
    assert "would both be written to" in line
    assert not Path("out").exists()


def test_two_folders_with_the_same_name_inside(desk):
    for name in ("one/s/a.png", "two/s/a.png"):
        Path(name).parent.mkdir(parents=True)
        save(name, samples(4, 5))
    line = refused("apply", "box:3", "one", "two", "-r", "-o", "out")
    assert line.startswith("convcli: one/s/a.png and two/s/a.png would both be written to out/s/a.png")
    assert refused("apply", "box:3", "one/s/a.png", "one/s/a.png", "-o", "out").endswith(
        "a.png: is named twice, for out/a.png"
    )
    assert not Path("out").exists()


def test_results_that_need_another_ending_do_not_meet(desk):
    """a.jpg cannot hold 16 bits and becomes a.png, which is there already."""
    Path("in").mkdir()
    save("in/a.png", samples(4, 5))
    save("in/a.jpg", samples(4, 5))
    line = refused("apply", "box:3", "in", "-o", "out", "--depth", "16")
    assert "in/a.jpg and in/a.png would both be written to out/a.png" in line


@pytest.mark.parametrize("output", [None, "-"])
def test_a_folder_needs_a_folder(desk, tree, output):
    words = ["-o", output] if output else []
    assert refused("apply", "box:3", "pics", *words).endswith("its results need one too (-o FOLDER)")


def test_a_folder_of_one_picture_has_a_folder_of_results(desk, tree):
    assert convcli("apply", "box:3", "pics/a", "-o", "out").code == 0
    assert outputs() == ["z.png"]


# ------------------------------------------------------------------------------ many at once, and again


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_any_number_of_jobs_gives_the_same_bytes_and_the_same_order(desk, jobs):
    for n in range(9):
        Path(f"in/{n % 3}").mkdir(parents=True, exist_ok=True)
        save(f"in/{n % 3}/{n}.png", samples(5 + 40 * (n % 2), 7, 3, seed=n))
    Path("in/1/bad.png").write_text("no")
    convcli("apply", "gaussian:1", "in", "-r", "-o", "one", "-j", 1, "--report", "one.json")
    ran = convcli("apply", "gaussian:1", "in", "-r", "-o", "out", "-j", jobs, "--report", "r.json")
    assert ran.code == 1
    assert listing(Path("out")) == listing(Path("one"))
    names = [item["input"] for item in json.loads(Path("r.json").read_text())["items"]]
    assert names == [item["input"] for item in json.loads(Path("one.json").read_text())["items"]]
    assert names == sorted(names)
    assert said(ran) == [name for name in names if "bad" not in name]


def test_a_run_is_resumed(desk, tree):
    assert convcli("apply", "box:3", "pics", "-r", "-o", "out").code == 0
    done = listing(Path("out"))
    for name in ("P1.PNG", "b/x.tif"):
        Path("out", name).unlink()
    ran = convcli("apply", "box:3", "pics", "-r", "-o", "out", "--skip-existing")
    assert (ran.code, ran.lines[-1].partition(";")[0]) == (0, "2 written, 4 skipped")
    assert listing(Path("out")) == done


def test_a_fault_of_ours_costs_its_own_picture(desk):
    names = [save(f"{n}.png", samples(5 + n, 6)) for n in range(4)]
    real = raster.frames

    def broken(source, *rest, **options):
        if str(source) == "1.png":
            raise ZeroDivisionError("so")
        if str(source) == "2.png":
            raise MemoryError
        return real(source, *rest, **options)

    with patch.object(batch.raster, "frames", broken):
        ran = convcli("apply", "box:3", *names, "-o", "out")
    assert (ran.code, outputs()) == (70, ["0.png", "3.png"])
    assert ran.errors[0].startswith("convcli: 1.png: this is a bug: ZeroDivisionError: so (")
    assert ran.errors[1:] == ["convcli: 2.png: not enough memory"]
    with patch.object(batch.raster, "frames", broken):
        ran = convcli("--debug", "apply", "box:3", "1.png", "-o", "out")
    assert "ZeroDivisionError: so" in ran.errors
    assert ran.errors[0].startswith("Traceback")


def test_threads_that_the_system_does_not_give(desk):
    names = [save(f"{n}.png", samples(5, 6)) for n in range(5)]
    from threading import Thread

    real, started = Thread.start, []

    def scarce(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real(thread)

    with patch.object(Thread, "start", scarce):
        assert convcli("apply", "box:3", *names, "-o", "out", "-j", 4).code == 0
    assert outputs() == names


def test_a_report_of_many_is_what_json_makes_of_it(desk, tree):
    Path("pics/bad.png").write_text("no")
    for kind in ("json", "csv", "txt"):
        assert convcli("apply", "box:3", "pics", "-r", "-o", "out", "-f", "--report", f"r.{kind}").code == 1
    text = Path("r.json").read_text()
    items = json.loads(text)["items"]
    assert text.splitlines()[1:-1] == [json.dumps(item) + "," * (n < 6) for n, item in enumerate(items)]
    assert len(items) == 7
    assert len(Path("r.csv").read_text().splitlines()) == 8
    lines = Path("r.txt").read_text().splitlines()
    assert len(lines) == 9
    assert lines[-1].startswith("6 written, 0 skipped, 1 failed, ")
    assert len({line.index("written" if "written" in line else "failed") for line in lines[1:-1]}) == 1


def test_a_report_of_nothing(desk):
    assert json.loads("".join(batch_report([])))["items"] == []
    assert len(json.loads("".join(batch_report([{"a": "\0"}, {"a": 'b"\n'}])))["items"]) == 2


def batch_report(items):
    from convcli import report

    return report.render(items, {}, 0.0, "json")


# ------------------------------------------------------------------------------------------------ the bar


class Clock:
    """Time that goes by when it is told to."""

    now = 0.0

    def __call__(self):
        return self.now


def test_the_bar_tells_rate_and_time_left(capsys):
    clock = Clock()
    bar = progress.Bar(100, is_shown=True, clock=clock)
    for _ in range(30):
        clock.now += 0.25
        with bar.item("written"):
            print("a line")
    with bar.item("failed"):
        pass
    bar.clear()
    out, err = capsys.readouterr()
    looks = err.split("\r\x1b[K")
    assert looks[0].endswith("2 of 100, 4.0/s, 0:25 left\x1b[K")  # nothing in the first half second
    assert "31 of 100, 1 failed, 4.1/s, 0:17 left" in looks[-2]
    assert looks[-1] == ""
    assert out == "a line\n" * 30


@pytest.mark.parametrize("columns", [80, 50, 40, 20, 2, 1])
def test_the_bar_fits_the_window(monkeypatch, capsys, columns):
    clock = Clock()
    bar = progress.Bar(10, is_shown=True, clock=clock)
    monkeypatch.setattr(progress, "_columns", lambda: columns)
    clock.now = 1.0
    with bar.item("written"):
        pass
    look = capsys.readouterr().err.removeprefix("\r").removesuffix("\x1b[K")
    assert len(look) <= columns - 1
    assert look.endswith("1 of 10, 1.0/s, 0:09 left"[: columns - 1])  # words are worth more than the bar


def test_without_a_terminal_there_is_no_bar(desk):
    names = [save(f"{n}.png", samples(5, 6)) for n in range(3)]
    for mode in ("auto", "off"):
        assert convcli("apply", "box:3", *names, "-o", "out", "-f", "--progress", mode).errors == []
    with patch.object(progress, "PLAIN_PAUSE", 0.0):
        ran = convcli("apply", "box:3", *names, "-o", "out", "-f", "--progress", "on")
        assert [line.split(",")[0] for line in ran.errors] == ["1 of 3", "2 of 3"]
        assert convcli("apply", "box:3", *names, "-o", "out", "-f", "--progress", "on", "-q").errors == []


def on_a_terminal(*words: str, is_stdout_one: bool = True, patience: float = 0.0, **environment) -> str:
    """What a command shows on a terminal of its own."""
    code = f"from convcli.cli import main, progress; progress.PATIENCE = {patience}; main({list(words)!r})"
    keeper, side = pty.openpty()
    stdout = side if is_stdout_one else subprocess.DEVNULL
    env = {**os.environ, "TERM": "xterm", **environment}
    process = subprocess.Popen([sys.executable, "-c", code], stdin=side, stdout=stdout, stderr=side, env=env)
    os.close(side)
    seen = b""
    try:
        while piece := os.read(keeper, 65536):
            seen += piece
    except OSError:  # the other side is closed
        pass
    os.close(keeper)
    assert process.wait(30) == 0
    return seen.decode()


def test_on_a_terminal_the_bar_comes_and_goes(desk):
    names = [save(f"{n}.png", samples(60, 60)) for n in range(6)]
    text = on_a_terminal("apply", "box:3", *names, "-o", "out", "-j", "1")
    assert re.search(r"\r\S+ \d of 6, ", text)
    rows = [re.split(r"\r\x1b\[K", row)[-1] for row in text.replace("\r\n", "\n").split("\n")]
    assert [row.split("  ")[0] for row in rows[:6]] == names
    assert rows[6:] == ["6 written", ""]
    quiet = ("apply", "box:3", *names, "-o", "out", "-f")
    assert on_a_terminal(*quiet, "-q") == ""
    assert "of 6" not in on_a_terminal(*quiet, "--progress", "off")
    assert "of 6" not in on_a_terminal(*quiet, patience=60.0)
    assert "\x1b[K" not in on_a_terminal(*quiet, TERM="dumb")
    assert "of 6" in on_a_terminal(*quiet, is_stdout_one=False)


# ------------------------------------------------------------------------------------------------ signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_signal_says_how_far_it_came(desk, number, jobs):
    Path("in").mkdir()
    for n in range(3):
        save(f"in/a{n}.png", samples(6, 7))
    for n in range(5):
        save(f"in/b{n}.png", np.zeros((1500, 1500, 3), np.uint8))
    words = ["apply", "disk:70", "in", "-o", "out", "--method", "direct", "-j", jobs, "--report", "r.json"]
    patient = "import sys; from convcli import cli; cli._insist = lambda number: None; cli.main(sys.argv[1:])"
    with subprocess.Popen([sys.executable, "-c", patient, *words], stdout=-1, stderr=-1, text=True) as process:
        for _ in range(3):
            assert "in/a" in process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)  # all five would take longer
    assert process.returncode == -number
    assert (out, errors) == ("", "convcli: interrupted: 3 of 8 written\n")
    assert outputs() == ["a0.png", "a1.png", "a2.png"]
    assert json.loads(Path("r.json").read_text())["summary"]["written"] == 3
    ran = convcli("apply", "identity", "in", "-o", "out", "--skip-existing", "-q")
    assert (ran.code, len(outputs())) == (0, 8)


def test_a_signal_leaves_no_hidden_name_where_files_have_to_have_one(desk):
    """As on a system without nameless files: a worker's file is under way when the signal comes."""
    for n in range(4):
        save(f"{n}.png", samples(1500, 1500, 3))
    code = """
import os, sys, time
from convcli import files
files._write_nameless = lambda *_: False
real = files._complete
def slow(fd, fill, old):
    real(fd, fill, old)
    os.write(1, b"under way\\n")
    time.sleep(30)
files._complete = slow
from convcli.cli import main
main(sys.argv[1:])
"""
    words = ["apply", "identity", *(f"{n}.png" for n in range(4)), "-o", "out", "-q", "-j", "2"]
    with subprocess.Popen([sys.executable, "-c", code, *words], stdout=-1, stderr=-1, text=True) as process:
        for _ in range(2):
            assert process.stdout.readline() == "under way\n"
        assert len(os.listdir("out")) == 2
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM
    assert os.listdir("out") == []


def test_no_message_is_lost_where_libtiff_is_listened_to(desk):
    """What a decoder writes comes in pieces, and what another thread tells meanwhile may come between them."""
    code = """
import os, sys
from convcli import library
from convcli.raster import opening
def parse(*_):
    with opening.heard():
        os.write(2, b"LZWDecode: ")
        print("convcli: a message", file=sys.stderr)
        os.write(2, b"corrupted table.\\n")
library.parse = parse
from convcli.cli import main
main(["apply", "box:3", "a.png"])
"""
    save("a.png", samples(4, 5))
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stderr == "convcli: a message\nconvcli: damaged TIFF file: LZWDecode: corrupted table\n"


def test_a_pipe_that_closes_ends_a_batch_quietly(desk):
    names = [save(f"{n}.png", samples(5, 6)) for n in range(30)]
    words = [*PROGRAM, "apply", "box:3", *names, "-o", "out", "-j", "2"]
    with subprocess.Popen(words, stdout=-1, stderr=-1, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode in (-signal.SIGPIPE, 0)
    for name in outputs():
        with Image.open(f"out/{name}") as im:
            im.load()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("after", [0, 30])
def test_a_signal_that_is_swallowed_ends_it_all_the_same(desk, number, after):
    """Somebody's bare `except` may stand anywhere: whether the program then goes on for long or comes to its end."""
    code = f"""
import time
from convcli import library
def parse(*_):
    try:
        print("here", flush=True)
        time.sleep(30)
    except BaseException:
        time.sleep({after})
    return real("box:3", ())
real, library.parse = library.parse, parse
from convcli.cli import main
main(["apply", "box:3", "a.png"])
"""
    save("a.png", samples(4, 5))
    with subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout.readline() == "here\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (-number, "")


def test_a_second_signal_ends_it_at_once(desk):
    code = """
import time
from convcli import library
def parse(*_):
    try:
        print("here", flush=True)
        time.sleep(30)
    except BaseException:
        print("there", flush=True)
        while True:
            time.sleep(30)
library.parse = parse
from convcli import cli
cli._insist = lambda number: None
cli.main(["apply", "box:3", "a.png"])
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True) as process:
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (-signal.SIGINT, "")


def test_pictures_of_many_kinds_one_after_the_other_are_each_planned_as_they_are(desk):
    rng = np.random.default_rng(8)
    kinds = {"l": (31, 43), "rgb": (31, 43, 3), "blank": (31, 43, 4), "clear": (31, 43, 4), "small": (9, 43, 3)}
    os.makedirs("in")
    for name, shape in kinds.items():
        for n in range(2):
            pixels = rng.integers(0, 256, shape, dtype=np.uint8)
            if name == "blank":  # read before `clear`, from which its alpha alone tells it
                pixels[:, :, 3] = 255
            Image.fromarray(pixels).save(f"in/{n}-{name}.png")
    first, *more = (Image.fromarray(rng.integers(0, 256, (31, 43, 3), dtype=np.uint8)).quantize(9) for _ in range(3))
    for name, rest in ("moves", more), ("rests", []):  # the first stays a GIF, the second has more colours than one
        first.save(f"in/{name}.gif", save_all=True, append_images=rest, transparency=3, disposal=2)
    assert convcli("apply", "gaussian:1", "in", "-o", "many", "-j", 1).code == 0
    for name in os.listdir("in"):
        assert convcli("apply", "gaussian:1", f"in/{name}", "-o", "alone/").code == 0
    assert len(listing(desk / "many")) == len(os.listdir("in"))
    assert listing(desk / "alone") == listing(desk / "many")
