"""Completion: what a FILTER may go on with, and the three shells, driven as a person drives them."""

import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convcli.cli.shells import Typed, typed
from convcli.completion import offers

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """A working folder with some files, and no kernels but the packaged ones."""
    folder = tmp_path / "work"
    (folder / "lenses").mkdir(parents=True)
    (folder / "lenses" / "soft.csv").write_text("1 2\n")
    (folder / "mine.toml").write_text(
        'title = "mine"\nsource = "s"\nformula = "a"\nradius = "1"\n[params.a]\ndefault = 2.5\nhelp = "height"\n'
    )
    (folder / "my photo.png").write_bytes(b"")
    (folder / "photo.png").write_bytes(b"")
    monkeypatch.chdir(folder)
    return folder


def texts(text, *folders):
    """The texts of what is offered."""
    return [offer.text for offer in offers(text, folders)]


# ---------------------------------------------------------------- what a FILTER may go on with


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sobel-x", ["sobel-x"]),
        ("scharr-", ["scharr-x", "scharr-y"]),
        ("gaussian", ["gaussian", "gaussian:", "gaussian-dx", "gaussian-dy"]),
        ("gab", ["gabor", "gabor:"]),
        ("max", ["max-pool", "max-pool:"]),
        ("thr", ["threshold", "threshold:"]),
        ("rel", ["relu"]),
        ("mi", ["mine.toml"]),
        ("len", ["lenses/"]),
        ("lenses/", ["lenses/soft.csv"]),
        ("gaussian:si", ["gaussian:sigma=", "gaussian:sigma=1"]),
        ("gabor:theta=45,wa", ["gabor:theta=45,wavelength=", "gabor:theta=45,wavelength=6"]),
        ("gabor:wavelength=6,wa", []),
        ("dog:sig", ["dog:sigma1=", "dog:sigma2="]),
        ("box:op=", ["box:op=correlate", "box:op=convolve"]),
        ("box:op=con", ["box:op=convolve"]),
        ("box:3,padding=", ["box:3,padding=same", "box:3,padding=valid", "box:3,padding=full"]),
        ("mine.toml:a", ["mine.toml:a=", "mine.toml:a=2.5"]),
        ("threshold:", ["threshold:value=", "threshold:value=128"]),
        ("relu:", []),
        ("box:3 | scharr-", ["box:3 | scharr-x", "box:3 | scharr-y"]),
        ("box|scharr-", ["box|scharr-x", "box|scharr-y"]),
        ("1 0 -1", []),
        ("none-such", []),
        ("none-such:", []),
        ("../none/such/", []),
    ],
)
def test_offers(text, wanted):
    assert texts(text) == wanted


def test_everything_is_offered_at_the_start():
    found = texts("")
    assert {"sobel-x", "harris", "relu", "max-pool", "mine.toml", "lenses/"} <= set(found)
    assert "my photo.png" not in found
    assert texts("box |")[0] == f"box | {found[0]}"


def test_own_kernels_are_offered(work):
    (work / "lenses" / "own-one.toml").write_text('title = "of my own"\nsource = "s"\nweights = [[1]]\n')
    (work / "lenses" / "own-bad.toml").write_text("broken")
    found = offers("own-", (str(work / "lenses"),))
    assert [(offer.text, offer.help) for offer in found] == [
        ("own-bad", "a step without weights"),
        ("own-one", "of my own"),
    ]


def test_parameters_come_first_and_say_what_they_are():
    first, *rest = offers("gaussian:")
    assert (first.text, first.is_open, first.help) == ("gaussian:sigma=", True, "standard deviation, 0.1 to 200 px")
    assert [offer.text for offer in rest][:2] == ["gaussian:stride=", "gaussian:dilation="]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("convcli app", Typed(["convcli"], "app")),
        ("convcli apply ", Typed(["convcli", "apply"], "")),
        ("convcli apply 'box | so", Typed(["convcli", "apply"], "box | so", "'")),
        ('convcli --kernel="box | so', Typed(["convcli"], "--kernel=box | so", '"', 9)),
        ('convcli \'a b\' "c\\"d" e\\ f', Typed(["convcli", "a b", 'c"d'], "e f")),
        ("convcli \"a\\n\" '' x\\", Typed(["convcli", "a\\n", ""], "x")),
    ],
)
def test_a_line_is_taken_apart(line, wanted):
    assert typed(line) == wanted


# ---------------------------------------------------------------- what the program answers


def answer(line, shell="zsh", **more):
    """The lines that a shell is answered, each in its fields."""
    run = subprocess.run(
        [sys.executable, "-m", "convcli"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "COMP_LINE": line,
            "_CONVCLI_COMPLETE": f"{shell}_complete",
            **more,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stderr == ""
    return [line.split("\t") for line in run.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("convcli apply sobel-x ", [["file", "", ""]]),
        ("convcli apply -k box pho", [["file", "pho", ""]]),
        ("convcli apply sobel-x --report r", [["file", "r", ""]]),
        ("convcli apply --range=cl", [["word", "--range=clip", ""]]),
        ("convcli apply --method=f", [["word", "--method=fft", ""]]),
        ("convcli apply x.png --padding s", [["word", "same", ""]]),
        ("convcli kernels show scharr-", [["word", "scharr-x", "Scharr derivative along x"],
                                           ["word", "scharr-y", "Scharr derivative along y"]]),
        ("convcli kernels plo", [["word", "plot", "A picture of the weights, and of what they do to waves."]]),
        ("convcli shape --kernel scharr-x", [["word", "scharr-x", "Scharr derivative along x"]]),
        ("convcli none-such ", [["file", "", ""]]),
    ],
)  # fmt: skip
def test_answers(line, wanted):
    assert answer(line) == wanted


def test_bash_is_answered_from_where_it_breaks_words():
    breaks = {"COMP_WORDBREAKS": " \t\n\"'><=;|&(:"}
    assert answer("convcli apply gabor:psi", "bash", **breaks) == [
        ["part", "psi=", "phase: 0 finds lines, 90 finds edges brighter on the side of theta, -360 to 360 deg"],
        ["word", "psi=0", "phase: 0 finds lines, 90 finds edges brighter on the side of theta, -360 to 360 deg"],
    ]
    assert [row[1] for row in answer("convcli apply gabor:psi", "bash", COMP_WORDBREAKS=" ")] == [
        "gabor:psi=",
        "gabor:psi=0",
    ]
    assert [row[1] for row in answer("convcli apply 'box | scharr-", "bash", **breaks)] == [
        "box | scharr-x",
        "box | scharr-y",
    ]
    at = {"COMP_POINT": str(len(b"convcli apply scharr-x"))}
    assert [row[1] for row in answer("convcli apply scharr-x photo.png", "bash", **breaks, **at)] == ["scharr-x"]


def test_a_shell_that_is_not_known_is_told_so():
    run = subprocess.run(
        [sys.executable, "-m", "convcli"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "_CONVCLI_COMPLETE": "tcsh_source"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == ('convcli: _CONVCLI_COMPLETE: "tcsh_source" is none of bash_source, zsh_source, fish_source\n')


def test_completion_is_quick():
    """Nothing heavy is loaded, and only kernel files that can be meant are read."""
    script = (
        "import sys\nfrom convcli.cli import main\ntry:\n    main([])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'scipy', 'PIL'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "COMP_LINE": "convcli apply gabor:",
            "_CONVCLI_COMPLETE": "zsh_complete",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "gabor:theta=" in run.stdout
    assert run.stdout.splitlines()[-1] == "[]"


# ---------------------------------------------------------------- real shells

SHELLS = {  # how each is started without anybody's settings, and the line for its start file
    "bash": (["bash", "--noprofile", "--norc", "-i"], 'eval "$(_CONVCLI_COMPLETE=bash_source convcli)"'),
    "zsh": (["zsh", "-f", "-i"], 'eval "$(_CONVCLI_COMPLETE=zsh_source convcli)"'),
    "fish": (["fish", "--no-config", "-i"], "_CONVCLI_COMPLETE=fish_source convcli | source"),
}
KEYS = [  # what is typed, a tab among it, and the words that stand there then
    ("convcli app\tgaussian:si\t2", ["apply", "gaussian:sigma=2"]),
    ("convcli apply gabor:theta=45,wa\t8", ["apply", "gabor:theta=45,wavelength=8"]),
    ('convcli apply "gaussian:1.4 | sobel-a\t', ["apply", "gaussian:1.4 | sobel-angle"]),
    ("convcli apply 'box:3 | gaussian:si\t2'", ["apply", "box:3 | gaussian:sigma=2"]),
    ("convcli apply --kernel sobel-a\t", ["apply", "--kernel", "sobel-angle"]),
    ("convcli apply sobel-x my\t", ["apply", "sobel-x", "my photo.png"]),
    ("convcli apply min\t", ["apply", "mine.toml"]),
    ("convcli apply box --padding-m\twra\t", ["apply", "box", "--padding-mode", "wrap"]),
    ("convcli kernels plo\tsobel-a\t", ["kernels", "plot", "sobel-angle"]),
    ("convcli explain sobel-a\t", ["explain", "sobel-angle"]),
]


class Session:
    """A shell on a terminal of its own."""

    def __init__(self, words, folder):
        import pty

        self.pid, self.place = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvp(words[0], words)
        self.seen = ""

    def send(self, keys):
        """Types."""
        os.write(self.place, keys.encode())

    def wait(self, pattern, seconds=30):
        """What matches in what was printed since the last time."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen)):
            left = end - time.monotonic()
            assert left > 0, f"{pattern} is not in {self.seen!r}"
            if select.select([self.place], [], [], left)[0]:
                self.seen += os.read(self.place, 65536).decode(errors="replace")
        self.seen = self.seen[found.end() :]
        return found

    def close(self):
        """Ends the shell."""
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.place)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes(shell, work, tmp_path, monkeypatch):
    pytest.importorskip("pty")
    words, line = SHELLS[shell]
    if not shutil.which(words[0]):
        pytest.skip(f"no {shell} here")
    program = tmp_path / "bin" / "convcli"
    program.parent.mkdir()
    quoted = shlex.quote(str(ROOT)), shlex.quote(sys.executable)
    program.write_text('#!/bin/sh\nPYTHONPATH={} exec {} -m convcli "$@"\n'.format(*quoted))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("HISTFILE", "")
    session = Session(words, work)
    try:
        session.send(f"{line}\r")
        session.send("printf '<%s>' rea''dy\r")
        session.wait("<ready>")
        failed = []
        for keys, wanted in KEYS:
            session.send(keys + "\x05 '@@'\x01printf '<%s>' \r")  # to the end of the line, and to its start
            found = session.wait(r"(<convcli>.*?)<@@>")[1]
            if found != "".join(f"<{word}>" for word in ["convcli", *wanted]):
                failed.append((keys, found))
        assert failed == []
    finally:
        session.close()
