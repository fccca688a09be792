"""What needs a real process: how it ends, what its streams do, and the help as it is printed."""

import fcntl
import os
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import click
import digits
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from convcli import netfile, network
from convcli.cli import root

SCRIPT = Path(sys.executable).with_name("convcli")
PROGRAM = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "convcli"]


@pytest.fixture(autouse=True)
def desk(desk, monkeypatch):
    """A folder to work in, with a picture."""
    monkeypatch.delenv("COLUMNS", raising=False)
    Image.fromarray(np.random.default_rng(4).integers(0, 256, (20, 30), np.uint8)).save("a.png")
    return desk


def convcli(*words: str, program=None, **options) -> subprocess.CompletedProcess:
    """A process of the program, ended; its streams as text."""
    options = {"capture_output": True, "stdin": subprocess.DEVNULL, **options}
    if "input" in options:
        del options["stdin"]
    return subprocess.run([*(program or PROGRAM), *words], timeout=60, text=True, errors="surrogateescape", **options)


def shell(line: str, **options) -> subprocess.CompletedProcess:
    """A line for the shell, `convcli` meaning the program; its own exit code is that of the last command."""
    spelled = f'convcli() {{ {" ".join(map(shlex.quote, PROGRAM))} "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", spelled], capture_output=True, text=True, timeout=60, start_new_session=True, **options
    )


def size_of(name: str) -> tuple[int, int]:
    with Image.open(name) as im:
        im.load()
        return im.size


def one_line(stderr: str) -> str:
    """The message, which is one line of ours."""
    assert stderr.count("\n") == 1, stderr
    assert stderr.startswith("convcli: ")
    assert "Traceback" not in stderr
    return stderr.strip()


# ------------------------------------------------------------------------------------------ exit codes


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("apply box:3 a.png", 0, None),
        ("apply box:3 nothere.png", 1, "nothere.png"),
        ("apply sobelx a.png", 2, "sobel-x"),
        ("apply box:3 a.png -o a.png/x.png", 3, "a.png/x.png"),
        ("apply box:3 a.png -o /dev/full --format png", 3, "/dev/full: No space left on device"),
    ],
)
def test_exit_codes(words, code, says):
    ran = convcli(*words.split())
    assert ran.returncode == code
    if says is None:
        assert ran.stderr == ""
        assert ran.stdout.startswith("a.png  20x30 L -> a.box-3.png  20x30 L  (3x3, same, reflect; ")
    else:
        assert says.lower() in one_line(ran.stderr).lower()
        assert os.listdir() == ["a.png"]


@pytest.mark.parametrize(
    "words",
    [
        "apply box:3 a.png -o -",
        "apply box:3 a.png -o - --format txt",
        "apply box:3 a.png",
        "shape --m 28 --k 3",
        "kernels list",
    ],
)
def test_a_full_disk_behind_standard_output(words):
    with open("/dev/full", "w") as full:
        ran = convcli(*words.split(), capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert ran.returncode == 3
    assert "no space left" in one_line(ran.stderr).lower()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("apply box:3 a.png", 0),
        ("apply box:3 missing.png a.png -o out/", 1),
        ("apply box:3 missing.png", 1),
        ("apply nonsense a.png", 2),
        ("shape --m 28", 2),
        ("apply box:3 a.png -o missing/b.png", 3),
    ],
)
def test_a_full_disk_behind_standard_error(words, code):
    """Nobody can be told, but the work goes on and the code says how it went."""
    with open("/dev/full", "w") as full:
        ran = convcli(*words.split(), capture_output=False, stdout=subprocess.DEVNULL, stderr=full)
    assert ran.returncode == code
    assert Path("out/a.png").exists() == ("out/" in words)


def test_a_file_that_may_not_grow():
    """The size limit of the shell is an error of the write, not a silent death; nothing partial stays."""
    Image.fromarray(np.random.default_rng(4).integers(0, 256, (200, 300), np.uint8)).save("big.png")
    Path("big.box-3.png").write_bytes(b"precious")
    ran = shell("ulimit -f 8; convcli apply box:3 big.png -f")
    assert ran.returncode == 3
    assert "big.box-3.png: file too large" in one_line(ran.stderr).lower()
    assert sorted(os.listdir()) == ["a.png", "big.box-3.png", "big.png"]
    assert Path("big.box-3.png").read_bytes() == b"precious"


PLANTED = (
    "import sys, convcli.library as l; l.parse = lambda *a: 1 / 0; from convcli.cli import main; main(sys.argv[1:])"
)


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_a_bug(debug):
    ran = convcli(*debug, "apply", "box:3", "a.png", program=[sys.executable, "-c", PLANTED])
    if debug:
        assert ran.returncode != 0
        assert "Traceback" in ran.stderr
        assert "ZeroDivisionError" in ran.stderr
    else:
        assert ran.returncode == 70
        assert "--debug" in one_line(ran.stderr)
    assert ran.stdout == ""


def test_debug_in_any_place_ends_with_the_code_of_a_bug():
    ran = convcli("apply", "box:3", "--debug", "a.png", program=[sys.executable, "-c", PLANTED])
    assert "Traceback" in ran.stderr
    assert ran.returncode == 70


def test_the_module_is_the_program():
    ran = convcli(
        "apply", "1 0 -1", "-", "--padding", "valid", program=[sys.executable, "-m", "convcli"], input="1 5 3\n"
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "-2\n", "")
    usage = convcli("--help", program=[sys.executable, "-m", "convcli"]).stdout
    assert usage.startswith("Usage: convcli ")


@pytest.mark.parametrize("wish", ["error", "always", "default"])
def test_warnings_of_libraries_are_no_lines_of_ours(wish):
    env = {**os.environ, "PYTHONWARNINGS": wish}
    ran = convcli(
        "learn", "a.png", "a.png", "--k", "1", "--bias", "1e308", program=[sys.executable, "-m", "convcli"], env=env
    )
    assert (ran.returncode, one_line(ran.stderr)) == (2, "convcli: weights must be finite numbers")


def test_nothing_asked():
    """The page of help, as it is, on standard error: there is nothing wrong in it to put `convcli:` before."""
    ran = convcli()
    assert ran.returncode == 2
    assert (ran.stdout + ran.stderr).startswith("Usage: convcli ")
    assert "Examples:" in ran.stdout + ran.stderr


# --------------------------------------------------------------------------------------------- streams


def test_streams_and_pipes():
    ran = shell("printf '1 2 3\\n4 5 6\\n' | convcli apply box:3 - | convcli apply '1 -1' - --padding valid -o -")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [len(line.split()) for line in ran.stdout.splitlines()] == [2, 2]
    ran = shell(
        "convcli apply box:3 - -o - < a.png | convcli apply identity - -o b.png && convcli apply box:3 a.png -q"
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert Path("b.png").read_bytes() == Path("a.box-3.png").read_bytes()


def test_standard_input_that_is_empty():
    ran = convcli("apply", "box:3", "-", input="")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert one_line(ran.stderr).startswith("convcli: standard input: ")


def test_standard_input_that_is_closed():
    ran = shell("convcli apply box:3 - <&-")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "standard input" in one_line(ran.stderr)
    ran = shell("convcli apply box:3 a.png <&-")  # who does not ask for it does not need it
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("words", ["apply box:3 a.png -o -", "shape --m 28 --k 3"])
def test_standard_output_that_is_closed(words):
    ran = shell(f"convcli {words} >&-")
    assert ran.returncode == 3
    one_line(ran.stderr)


def test_work_without_any_streams():
    """Without streams the files are as with them, and no message ends up in one of them."""
    convcli("apply", "box:3", "a.png", "-o", "want.png")
    for closed in (">&-", "2>&-", "<&- >&- 2>&-"):
        ran = shell(f"convcli apply box:3 a.png -o got.png -f -q {closed}")
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", ""), closed
        assert Path("got.png").read_bytes() == Path("want.png").read_bytes(), closed
    assert shell("convcli apply box:3 nothere.png 2>&-").returncode == 1


@pytest.mark.parametrize("words", ["kernels list", "apply box:3 a.png -o -", "apply box:3 a.png", "apply --help"])
def test_a_reader_that_has_gone(words):
    reader, writer = os.pipe()
    os.close(reader)
    ran = convcli(*words.split(), capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (-signal.SIGPIPE, "")
    if words == "apply box:3 a.png":  # it was done before it was told
        assert size_of("a.box-3.png") == (30, 20)


def test_names_on_a_stream_that_knows_ascii_only():
    os.rename("a.png", "ü.png")
    ran = convcli("apply", "box:3", "ü.png", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert Path("ü.box-3.png").exists()
    again = convcli("apply", "box:3", "ü.png", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert again.returncode == 1
    one_line(again.stderr)


# --------------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize(
    ("number", "method"),
    [
        (signal.SIGINT, "direct"),
        (signal.SIGTERM, "direct"),
        (signal.SIGHUP, "direct"),
        (signal.SIGINT, "reference"),
        (signal.SIGTERM, "reference"),
    ],
)
def test_a_signal_ends_it_as_a_signal_and_leaves_nothing_behind(number, method):
    """The first picture is done when the signal comes; the second one would take many seconds."""
    Image.fromarray(np.zeros((2000, 2000, 3), np.uint8)).save("big.png", compress_level=1)
    Path("out").mkdir()
    Path("out/big.png").write_bytes(b"precious")
    filter_ = {"direct": "disk:60", "reference": "box:15"}[method]
    words = ["apply", filter_, "a.png", "big.png", "--method", method, "-o", "out", "-f", "-j", "1"]
    process = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().startswith("a.png  20x30 L -> out/a.png")
        time.sleep(0.2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=2)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -number
    assert "Traceback" not in errors
    assert errors.count("\n") <= 1
    assert sorted(os.listdir("out")) == ["a.png", "big.png"]
    assert Path("out/big.png").read_bytes() == b"precious"
    assert size_of("out/a.png") == (30, 20)
    assert sorted(os.listdir()) == ["a.png", "big.png", "out"]


def test_an_interrupt_while_the_program_is_still_being_loaded(desk):
    Path("click.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(30)\n")
    env = {**os.environ, "PYTHONPATH": str(desk)}
    with subprocess.Popen(
        [sys.executable, "-m", "convcli", "--version"], stdout=-1, stderr=-1, text=True, env=env
    ) as process:
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (-signal.SIGINT, "")


def test_a_hangup_that_was_set_aside_does_not_end_it():
    """nohup."""
    Image.fromarray(np.zeros((900, 900), np.uint8)).save("b.png")
    words = "apply disk:30 a.png b.png --method direct -j 1"
    ran = shell(f"trap '' HUP; convcli {words} | {{ read line; kill -HUP 0; cat; }}; exit ${{PIPESTATUS[0]}}")
    assert ran.returncode == 0
    assert "2 written" in ran.stdout
    assert Path("b.disk-30.png").exists()


def test_a_signal_while_it_waits_for_input():
    process = subprocess.Popen([*PROGRAM, "apply", "1", "-"], stdin=subprocess.PIPE, stdout=-1, stderr=-1, text=True)
    process.stdin.write("1 2 3\n")
    process.stdin.flush()
    while unread(process.stdin):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.wait(10)  # its input stays open: an end of that would be one more thing to tell
    out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (-signal.SIGTERM, "", "")


def unread(pipe) -> int:
    """How many bytes that went into a pipe have not come out of it."""
    (size,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
    return size


# ------------------------------------------------------------------------------------------------ help


def commands(group: click.Group, path=()) -> dict[tuple[str, ...], click.Command]:
    """Every command below a group, by the words that call it."""
    found = {path: group}
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        found |= commands(command, (*path, name)) if isinstance(command, click.Group) else {(*path, name): command}
    return found


def page(*path: str, width: int = 80) -> str:
    """The help of a command, on a terminal of that width."""
    return CliRunner().invoke(root, [*path, "--help"], prog_name="convcli", terminal_width=width).output


PAGES = commands(root)


def test_there_are_commands():
    assert {("apply",), ("shape",), ("kernels",), ("kernels", "show"), ("explain",)} <= set(PAGES)


@pytest.mark.parametrize("path", PAGES, ids=" ".join)
def test_help_has_an_example_and_fits(path):
    text = page(*path)
    assert text.startswith(f"Usage: {' '.join(('convcli', *path))}")
    assert max(map(len, text.splitlines())) <= 80
    _, examples, rest = re.split(r"^ *(Examples?:)\n", text, maxsplit=1, flags=re.MULTILINE)
    assert examples
    lines = rest.split("\n\n")[0].splitlines()
    name = " ".join(("convcli", *path))
    assert [line for line in lines if name not in line] == []
    assert all(line.startswith("    ") for line in lines)
    assert "\b" not in text
    assert PAGES[path].get_short_help_str(200)
    assert not PAGES[path].get_short_help_str(200).endswith("...")


def examples() -> list[str]:
    lines = [line.strip() for path in PAGES for line in page(*path).splitlines()]
    return sorted({line for line in lines if re.match(r"convcli [a-z]|printf ", line)})


@pytest.mark.parametrize("line", examples())
def test_the_examples_of_the_help_work(line):
    Path("photos").mkdir(exist_ok=True)
    for name in ("photo.png", "b.jpg", "before.png", "after.png", "photos/a.png"):
        Image.fromarray(np.random.default_rng(5).integers(0, 256, (24, 32, 3), np.uint8)).save(name)
    if "digits" in line:
        digits.write(Path("digits"), 3)
    if line.startswith("convcli classify"):
        net = network.new(("3", "7"), (28, 28), np.random.default_rng(1))
        Path("digits.npz").write_bytes(netfile.encode(net))
        for which, name in (("3", "three.png"), ("7", "seven.png")):
            Path(f"digits/{which}/0.png").rename(name)
    if "|" in line and not line.startswith("convcli apply"):  # a pipe
        if "jq" in line:
            line = line.partition("|")[0]
        ran = shell(line)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout
        return
    words = [
        name for word in shlex.split(line)[1:] for name in ([*map(str, Path().glob(word))] if "*." in word else [word])
    ]
    ended = CliRunner().invoke(root, words, standalone_mode=False, catch_exceptions=False)
    assert ended.return_value in (None, 0)
    assert ended.output or Path(words[-1]).exists()


@pytest.mark.parametrize("columns", ["40", "1", "0", "wide", ""])
def test_narrow_terminals(columns):
    ran = convcli("apply", "--help", env={**os.environ, "COLUMNS": columns})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "--padding-mode" in ran.stdout
    if columns == "40":
        text = ran.stdout.partition("Examples:")[0] + ran.stdout.partition("The filter:")[2]
        assert max(map(len, text.splitlines())) <= 50  # click's least


def test_a_report_of_sizes_does_not_depend_on_the_terminal():
    wide = convcli("shape", "--m", "28", "--k", "3")
    narrow = convcli("shape", "--m", "28", "--k", "3", env={**os.environ, "COLUMNS": "40"})
    assert wide.stdout == narrow.stdout
