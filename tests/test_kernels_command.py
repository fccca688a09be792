"""`convcli kernels`: the list, one kernel for people and for programs, and files that mean the same again."""

import io
import json
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from data import printed

from convcli import library, matrix
from convcli.cli.kernels import command
from convcli.errors import ConvError, FilterError
from convcli.filters import Kernel

pytestmark = pytest.mark.usefixtures("desk")


def run(line):
    """What the command prints. Errors are raised."""
    return printed(command, line).decode()


def drawn(line):
    """The matrix as it is shown, in cells: what stands between the title and the facts."""
    return [row.split() for row in run(line).split("\n\n")[1].splitlines()]


def facts(line):
    """The labelled lines, by label; lines that go on are joined."""
    found = {}
    for row in run(line).split("\n\n")[-1].splitlines():
        label, text = row[:11].strip(), row[11:]
        if label:
            found.setdefault(label, []).append(text)
        else:
            last = [*found.values()][-1]
            last[-1] += " " + text
    return {label: "; ".join(texts) for label, texts in found.items()}


def test_list_is_aligned_and_complete():
    lines = run("list").split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == [entry.name for entry in library.entries()]
    assert "sobel-x                3x3  Sobel derivative along x" in lines
    assert any(line.split()[:2] == ["harris", "steps"] for line in lines)
    assert any(line.split()[:2] == ["gaussian", "9x9"] for line in lines)
    column = lines[0].index(library.entries()[0].found.title)
    assert [line[column:] for line in lines] == [entry.found.title for entry in library.entries()]
    assert max(map(len, run("list").splitlines())) <= 80


def test_list_is_what_is_meant_by_default():
    assert run("") == run("list")
    assert run("--json") == run("list --json")


def test_list_says_where_others_come_from(desk):
    long = "word " * 30
    Path("mine").mkdir()
    Path("mine/own.toml").write_text(f'title = "{long}"\nsource = "s"\nweights = [[1, 2]]\n')
    Path("mine/bad.toml").write_text("title = 3\n")
    lines = {line.split()[0]: line for line in run("--kernel-dir mine").splitlines() if line}
    assert lines["own"].split()[1] == "1x2"
    assert lines["own"].endswith("...  [mine/own.toml]")
    assert "?  mine/bad.toml: source is missing" in lines["bad"]
    assert "[" not in lines["sobel-x"]


def test_list_as_json():
    Path("mine").mkdir()
    Path("mine/bad.toml").write_text("title = 3\n")
    found = {entry["name"]: entry for entry in json.loads(run("list --json --kernel-dir mine"))}
    assert found["bad"] == {"name": "bad", "path": "mine/bad.toml", "error": "mine/bad.toml: source is missing"}
    gaussian = found["gaussian"]
    assert gaussian["size"] == [9, 9]
    assert gaussian["params"]["sigma"] == {
        "default": 1.0, "min": 0.1, "max": 200.0, "unit": "px", "help": "standard deviation"
    }  # fmt: skip
    assert Path(gaussian["path"]).is_file()
    assert found["harris"]["size"] is None


def test_list_needs_no_array_library():
    script = (
        "import sys\nfrom convcli.cli.kernels import command\n"
        "command.main(['list'], standalone_mode=False)\n"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'scipy', 'PIL')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, cwd=Path(__file__).parents[1]
    )
    assert done.returncode == 0, done.stderr
    assert b"sobel-x" in done.stdout


def test_show():
    assert run("show sobel-x").startswith(
        "sobel-x  Sobel derivative along x\n\n  -1   0   1\n  -2   0   2\n  -1   0   1\n\n"
    )
    assert facts("show sobel-x")["sum"] == "0"
    assert facts("show sobel-x")["rank"] == "1 (a column times a row)"
    assert facts("show sobel-x")["symmetry"] == "odd under half a turn"
    assert facts("show sobel-x")["source"].startswith("Sobel and Feldman 1968")
    found = facts("show '1 2 3 4; 5 6 7 9'")
    assert found.pop("planner").startswith("direct in int16: whole weights, sums of at most 9435 are exact")
    assert found == {
        "size": "2x4",
        "anchor": "0,1",
        "sum": "37",
        "rank": "2",
        "symmetry": "none",
    }


def test_the_rank_of_a_large_kernel_is_counted_while_it_is_low():
    assert facts("show log:50")["rank"] == "3"  # its weights are made to sum to zero
    assert facts("show gaussian:50")["rank"] == "1 (a column times a row)"
    assert facts("show disk:200")["rank"] == "more than 32 (counted further up to 256x256)"
    assert json.loads(run("show disk:200 --json"))["rank"] is None
    assert facts("show disk:50")["rank"] == str(np.linalg.matrix_rank(library.parse("disk:50")[0].filter.kernel.matrix))


def test_a_low_rank_is_that_of_all_singular_values():
    rng = np.random.default_rng(4)
    for rank, shape in ((0, (300, 9)), (1, (257, 400)), (7, (300, 8)), (9, (9, 300)), (32, (270, 290))):
        matrix = rng.normal(size=(shape[0], rank)) @ rng.normal(size=(rank, shape[1]))
        assert Kernel(matrix).rank == rank == np.linalg.matrix_rank(matrix)
        bank = np.stack([matrix, matrix * 2, matrix * 0])
        assert Kernel(bank).rank == rank
    assert Kernel(rng.normal(size=(270, 33))).rank is None


def test_no_weight_is_less_than_nothing():
    """A weight that rounds to zero has no sign."""
    assert drawn("show '1 -0.00001; 0.5 0.25'") == [["1.000", "0.000"], ["0.500", "0.250"]]


def test_show_keeps_fractions():
    assert drawn("show box") == [["1"] * 3] * 3 + [["x", "1/9"]]
    assert drawn("show blur") == [["0", "1", "0"], ["1", "4", "1"], ["0", "1", "0"], ["x", "1/8"]]
    assert facts("show blur")["sum"] == "1"


def test_show_aligns_numbers():
    assert run("show -- '-1 0.5 12; 3 .25 -0.001'").splitlines()[2:4] == [
        "  -1.00   0.50  12.00",
        "   3.00   0.25   0.00",
    ]


def test_show_parameters():
    shown = facts("show motion:15,angle=-45")
    assert shown["parameter"] == (
        "length = 15 (1 to 1000 px) length of the streak; "
        "angle = -45 (-360 to 360 deg) direction, counter-clockwise: 0 is level, 45 rises to the right"
    )


def test_show_composites():
    shown = run("show harris:sigma=2,k=0.06")
    assert "  gx  = sobel-x of image / (8 * white)\n" in shown
    assert "  sxx = gaussian:sigma=2 of gx * gx\n" in shown
    assert facts("show harris:k=0.06")["result"] == "sxx * syy - sxy**2 - 0.06 * (sxx + syy)**2"
    assert facts("show harris")["range"] == "stretch"


def test_show_banks_and_points():
    assert drawn("show '[[[[1, 2]], [[3, 4]]]]'") == [
        ["map", "0,", "plane", "0:"], ["1", "2"], ["map", "0,", "plane", "1:"], ["3", "4"]
    ]  # fmt: skip
    assert facts("show '[[[[1, 2]], [[3, 4]]]]'")["size"] == "1x2, 2 planes, 1 map"
    assert facts("show '[[[1]], [[2]]]'")["size"] == "1x1, 2 planes"
    assert "step without weights" in run("show max-pool:2")


def test_show_large_kernels_by_their_middle():
    for name in ("gaussian:20", "gabor", "box:201", "motion:200"):
        page = run(f"show {name}").splitlines()
        assert max(map(len, page)) <= 80
        assert len(page) <= 46
    assert "(the middle of 161x161; --format txt has all of it)" in run("show gaussian:20")
    assert "1.00" in run("show gaussian:20")


def test_show_as_applied():
    assert drawn("show blur --as-applied")[1] == ["0.1250", "0.5000", "0.1250"]
    kernel = ("2", "1", "0"), ("1", "1", "-1"), ("0", "-1", "-2")
    assert drawn("show emboss --as-applied --op convolve") == [*map(list, kernel)]
    assert drawn("show emboss --op convolve") == [*map(list, kernel)]
    assert drawn("show emboss:op=convolve --as-applied") == [*map(list, kernel)]
    assert drawn("show emboss --op correlate") == drawn("show emboss")
    assert facts("show '1 2' --op convolve")["anchor"] == "0,1"


def test_show_as_json():
    shown = json.loads(run("show box:2 --json"))
    assert (shown["size"], shown["anchor"], shown["matrix"], shown["scale"]) == ([2, 2], [0, 0], [[1, 1], [1, 1]], 0.25)
    assert (shown["weights"], shown["sum"], shown["rank"]) == ([[0.25, 0.25], [0.25, 0.25]], 1, 1)
    assert shown["params"]["size"]["value"] == 2
    composite = json.loads(run("show sobel --json"))
    assert composite["steps"][0] == {"name": "gx", "kernel": "sobel-x", "of": "image"}
    assert composite["result"] == "hypot(gx, gy)"
    assert json.loads(run("show threshold:3 --json"))["steps"] == [
        {"name": "threshold", "kernel": "threshold:3", "of": "image"}
    ]


def test_title_and_source_of_a_json_file_are_shown_and_saved():
    Path("k.json").write_text('{"weights": [[1, -1]], "title": "Steps along x", "source": "measured"}')
    shown = json.loads(run("show k.json --json"))
    assert (shown["title"], shown["source"]) == ("Steps along x", "measured")
    run("show k.json -o saved.toml")
    saved = json.loads(run("show saved.toml --json"))
    assert (saved["title"], saved["source"]) == ("Steps along x", "measured")


@pytest.mark.parametrize("form", ["toml", "csv", "txt", "npy"])
@pytest.mark.parametrize("name", ["sobel-x", "box:5", "farid-x", "gaussian:0.7"])
def test_saved_kernels_mean_the_same(form, name):
    expected = library.parse(name)[0].filter.kernel.weights
    run(f"show {name} -o k.{form}")
    np.testing.assert_array_equal(library.parse(f"k.{form}")[0].filter.kernel.weights, expected)
    if form != "npy":
        assert run(f"show {name} --format {form}") == Path(f"k.{form}").read_text()


def test_saved_kernels_keep_anchor_range_and_planes():
    text = 'title = "a \\"b\\""\nsource = "s"\ninput = "rgb"\nrange = "abs"\nanchor = [0, 0]\n'
    planes = "".join(f'[[plane]]\nof = "{c}"\nweights = [[{n}, 1.5]]\n' for n, c in enumerate("rgb"))
    Path("a.toml").write_text(text + planes)
    run("show a.toml -o b.toml")
    first, second = (library.parse(f"{name}.toml")[0].filter for name in "ab")
    assert (second.title, second.input, second.range) == ('a "b"', "rgb", "abs")
    assert second.kernel.anchor == first.kernel.anchor == (0, 0)
    np.testing.assert_array_equal(second.kernel.weights, first.kernel.weights)
    with pytest.raises(FilterError, match="a text holds one matrix"):
        run("show a.toml --format csv")


def test_npy_goes_to_a_pipe():
    words = ["show", "sobel-y", "--format", "npy"]
    data = CliRunner().invoke(command, words, catch_exceptions=False).stdout_bytes
    assert np.load(io.BytesIO(data)).tolist() == [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]


def test_files_are_not_overwritten():
    Path("k.txt").write_text("1 2\n")
    with pytest.raises(ConvError, match="exists"):
        run("show sobel-x -o k.txt")
    assert Path("k.txt").read_text() == "1 2\n"
    run("show sobel-x -o k.txt -f")
    assert matrix.read(Path("k.txt")).taps == (3, 3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("show sobelx", "did you mean sobel-x"),
        ("show 'sobel | relu'", "sobel | relu is a chain, show takes one filter"),
        ("show harris --format toml", "harris is more than one kernel"),
        ("show relu -o k.txt", "relu is more than one kernel"),
        ("show box -o k.foo", '"foo" is no format of kernels (toml, csv, txt, npy)'),
        ("show box -o none/k.txt", "none/k.txt: "),
        ("show gaussian:sigma=300", "out of range"),
    ],
)
def test_errors(line, message):
    with pytest.raises(ConvError) as caught:
        run(line)
    assert message in str(caught.value)


def test_names_are_completed():
    show = command.commands["show"]
    (argument,) = (param for param in show.params if param.param_type_name == "argument")
    context = click.Context(show)
    assert {item.value for item in argument.shell_complete(context, "sobel-")} >= {"sobel-x", "sobel-y"}
    assert [item.value for item in argument.shell_complete(context, "max-")] == ["max-pool", "max-pool:"]


def test_every_command_has_help_with_an_example():
    for words in ([], *([name] for name in command.commands)):
        text = CliRunner().invoke(command, [*words, "--help"], catch_exceptions=False).stdout
        assert "convcli kernels" in text
        assert "Example" in text
