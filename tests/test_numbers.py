"""Every number that a command takes: nonsense is refused in a line, and what is huge or tiny has a meaning or is too.

Nothing here may need a second of work or a gigabyte, whatever is asked for.
"""

import os
import resource
import shutil

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from convcli.cli import root
from convcli.cli.options import Words
from convcli.errors import ConvError

WINDOW = "--stride --dilation --padding --padding-mode --anchor"
CASES = {  # commands, and their options that take numbers; --at is where the picture is
    "apply box:3 a.png -f -o out.png": f"{WINDOW} --scale --bias --frames --quality -j --max-pixels",
    "shape --m 28 --k 3": "--m --k --stride --padding --dilation --anchor --in-channels --out-channels --groups",
    "shape --layer conv-4-k3 --layer linear-10": "--m --in-channels",
    "corners a.png": "--sigma --k --max --quality --min-distance --max-pixels",
    "corners a.png --method sobel": "--max --quality --min-distance",
    "explain box:3 a.png --at 3,4": f"{WINDOW} --at --m --scale --bias --max-pixels",
    "explain 1.5 --html out.html -f": f"{WINDOW} --at --m --scale --bias",
    "explain 1.5 --gif out.gif --m 2 -f": f"{WINDOW} --at --scale --bias",
    "explain box:3 --matrix --m 5": f"{WINDOW} --m --scale --bias",
    "learn a.png b.png --k 1 -f -o out.toml": f"{WINDOW} --k --bias --rank --ridge",
    "learn --classes kinds --epochs 1 -f -o out.npz": "--held-out --epochs --batch --rate --seed",
}
NONSENSE = ["", " ", "abc", "nan", "inf", "-inf", "1e400", "١٢", "²", "½", "0x10", "1_000", "1/0", "1 2", "−1", "0,,5"]
NONSENSE += ["9" * 400, "1,2,3,4,5"]
EXTREME = ["-1", "0", "-0", "1", "2.5", "1e-300", "1e308", "-1e308", "70000", "2147483648", "9" * 18]
IN_WORDS = {  # filters, layers: a number in the middle of words
    "apply box:{} a.png -f -o out.png",
    "apply gaussian:{} a.png -f -o out.png",
    "apply gabor:theta={} a.png -f -o out.png",
    "apply gabor:sigma={} a.png -f -o out.png",
    "apply blur:{} a.png -f -o out.png",
    "apply disk:{} a.png -f -o out.png",
    "apply box:3,stride={} a.png -f -o out.png",
    "apply box:3,dilation={} a.png -f -o out.png",
    "apply box:3,padding={} a.png -f -o out.png",
    "apply box:3,bias={} a.png -f -o out.png",
    "apply threshold:{} a.png -f -o out.png",
    "apply max-pool:{} a.png -f -o out.png",
    "apply sobel-x*{} a.png -f -o out.png",
    "apply sobel-x@{} a.png -f -o out.png",
    "apply [[1,{}]] a.png -f -o out.png",
    "kernels show gaussian:{}",
    "kernels plot log:{} -f -o out.png",
    "shape --m 28 --layer conv-{}-k3",
    "shape --m 28 --layer conv-4-k{}",
    "shape --m 28 --layer conv-4-k3-s{}",
    "shape --m 28 --layer conv-4-k3-p{}",
    "shape --m 28 --layer conv-4-k3-d{}",
    "shape --m 28 --layer conv-4-k3-g{}",
    "shape --m 28 --layer max-pool-{}",
    "shape --m 28 --layer linear-{}",
}


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as the program does


@pytest.fixture(scope="module", autouse=True)
def desk(tmp_path_factory):
    """A folder to work in, with small pictures; and two gigabytes at most."""
    folder, old, rng = tmp_path_factory.mktemp("numbers"), os.getcwd(), np.random.default_rng(5)
    os.chdir(folder)
    for name in ("a.png", "b.png", *(f"kinds/{kind}/{n}.png" for kind in "xy" for n in range(6))):
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 11), np.uint8)).save(name)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as pages:
        now = int(pages.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 2**31, limits[1]))
    pixels = Image.MAX_IMAGE_PIXELS  # which --max-pixels loosens
    yield
    Image.MAX_IMAGE_PIXELS = pixels
    resource.setrlimit(resource.RLIMIT_AS, limits)
    os.chdir(old)
    shutil.rmtree(folder)


def tried(words: list[str]) -> str | None:
    """Nothing where it is accepted, and the line where it is refused."""
    ran = CliRunner().invoke(root, words, standalone_mode=False)
    error = ran.exception
    if error is None and not ran.return_value:
        return None
    if isinstance(error, click.ClickException):
        line = error.format_message()
    elif error is None:
        line = ran.stderr.removesuffix("\n")
        assert ran.return_value == 1, line
    else:
        assert isinstance(error, ConvError), (words, error)
        line = str(error)
    assert line
    assert line.replace(words[-1], "").isprintable()
    assert len(line) < 400
    assert "bug" not in line
    assert "not enough memory" not in line
    return line


def spelled(command: str) -> list[str]:
    """The words of a command; the words of a layer stand between dashes here."""
    words = command.split()
    layers = [n + 1 for n, word in enumerate(words) if word == "--layer"]
    return [word.replace("-", " ") if n in layers and word[:3] != "max" else word for n, word in enumerate(words)]


def given(option: str, text: str) -> list[str]:
    """An option with its value, which may begin with a minus sign."""
    return [f"{option}={text}"] if option.startswith("--") else [option, text]


OPTIONS = [(command, option) for command, options in CASES.items() for option in options.split()]


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_nonsense_is_refused_in_a_line(command, option):
    for text in NONSENSE:
        assert tried([*spelled(command), *given(option, text)]), f"{option} {text!r} was accepted"


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_huge_and_tiny_numbers_mean_something_or_are_refused(command, option):
    for text in EXTREME:
        if (option, text) != ("--epochs", "70000"):  # a night's work, and one may want it
            tried([*spelled(command), *given(option, text)])


@pytest.mark.parametrize("command", sorted(IN_WORDS))
def test_numbers_in_filters_and_layers(command):
    for text in (text for text in NONSENSE if "," not in text and len(text) < 100):
        words = [word.replace("{}", text) for word in spelled(command)]
        assert tried(words), words
    for text in EXTREME:
        tried([word.replace("{}", text) for word in spelled(command)])


def test_no_option_is_forgotten():
    """Every option whose text is read as something of ours stands in the table."""
    known = {(command.split()[0], option) for command, option in OPTIONS}

    def commands(command, path=()):
        inner = getattr(command, "commands", None) or (
            {name: command.get_command(None, name) for name in command.list_commands(None)}
            if isinstance(command, click.Group)
            else {}
        )
        if not inner:
            yield path, command
        for name, one in inner.items():
            yield from commands(one, (*path, name))

    for path, command in commands(root):
        for param in command.params:
            if isinstance(param, click.Option) and isinstance(param.type, Words) and param.type.name != "folder":
                assert any((path[0], name) in known for name in param.opts), (path, param.opts)
