"""`convcli kernels show` on a terminal: colours where they are wanted, and the same letters with and without."""

import os
import re
import subprocess
import sys

import pytest

from convcli import heat, library
from convcli.cli import matrices

pty = pytest.importorskip("pty")

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def shown(*words, terminal=True, **environment):
    """What a fresh process prints to a terminal, or to a pipe."""
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLORTERM", "WT_SESSION")}
    run = [sys.executable, "-m", "convcli", "kernels", "show", *words]
    if not terminal:
        return subprocess.run(run, env=clean | environment, capture_output=True, timeout=60).stdout.decode()
    ours, theirs = pty.openpty()
    with subprocess.Popen(run, env=clean | environment, stdout=theirs, stdin=subprocess.DEVNULL) as process:
        os.close(theirs)
        data = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not part:
                break
            data += part
        os.close(ours)
    assert process.returncode == 0
    return data.decode().replace("\r\n", "\n")


def test_a_terminal_gets_the_same_letters_in_colours():
    plain = shown("log:1.2", terminal=False, TERM="xterm-256color", COLORTERM="truecolor")
    assert "\x1b" not in plain
    for environment, code in (({"COLORTERM": "truecolor"}, "48;2;"), ({"COLORTERM": ""}, "48;5;")):
        coloured = shown("log:1.2", TERM="xterm-256color", **environment)
        assert code in coloured
        letters = "\n".join(line.rstrip() for line in COLOUR.sub("", coloured).split("\n"))
        assert letters == "\n".join(line.rstrip() for line in plain.split("\n"))


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        ((), {"NO_COLOR": "1", "COLORTERM": "truecolor"}),
        ((), {"TERM": "dumb", "COLORTERM": "truecolor"}),
        ((), {"TERM": "linux"}),
        (("--json",), {"COLORTERM": "truecolor"}),
        (("--format", "csv"), {"COLORTERM": "truecolor"}),
    ],
)
def test_where_no_colour_belongs_there_is_none(words, environment):
    text = shown("sobel-x", *words, **{"TERM": "xterm-256color", **environment})
    assert "-2" in text
    assert "\x1b" not in text


def test_every_cell_has_the_colour_of_its_weight():
    kernel = library.parse("-1 0 4")[0].filter.kernel
    (line,) = matrices.drawn(kernel, 1 << 24)
    papers = re.findall(r"48;2;(\d+);(\d+);(\d+)m\s+(\S+) ", line)
    wanted = [tuple(map(str, heat.diverging(value, 4))) for value in kernel.matrix[0]]
    assert [tuple(paper[:3]) for paper in papers] == wanted
    assert [paper[3] for paper in papers] == ["-1", "0", "4"]
    inks = re.findall(r"38;2;(\d+);", line)
    assert inks == ["0", "0", "255"]


def test_the_nearest_of_256_colours():
    assert matrices._nearest((255, 0, 0)) == 16 + 5 * 36
    assert matrices._nearest((95, 135, 175)) == 16 + 36 + 2 * 6 + 3
    assert matrices._nearest((247, 247, 247)) == 231
    assert matrices._nearest((118, 118, 118)) == 243
