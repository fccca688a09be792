"""`convcli shape`: the contract's example, the source documents' examples, and what the text says."""

import csv
import io
import json
import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from convcli.cli.shape import command
from convcli.errors import ConvError, GeometryError


def run(line, colour=False):
    """What the command prints, its words written as in a shell. Errors are raised."""
    words = shlex.split(line)
    return CliRunner().invoke(command, words, catch_exceptions=False, color=colour, standalone_mode=False).stdout


def layers(*texts):
    """Options for the layers of a stack."""
    return "".join(f' --layer "{text}"' for text in texts)


def values(text):
    """The lines of a single window's report, by name."""
    return {line[:17].strip(): line[17:] for line in text.splitlines() if line[:17].strip()}


SMALL_NET = ["conv 4 k3 s2 p1", "conv 8 k3 s2 p1", "conv 16 k3 s2 p1", "conv 32 k3 s2 p1", "conv 2 k3 s2 p1", "flatten"]


def test_json_of_the_contract():
    assert json.loads(run("--m 28 --k 3 --stride 2 --json")) == {
        "input": [1, 28, 28],
        "layers": [
            {
                "layer": "conv",
                "in": [1, 28, 28],
                "out": [1, 13, 13],
                "kernel": [3, 3],
                "stride": [2, 2],
                "padding": [0, 0, 0, 0],
                "dilation": [1, 1],
                "groups": 1,
                "unread": [1, 1],
                "weights": 9,
                "biases": 1,
                "parameters": 10,
                "macs": 1521,
                "receptive_field": [3, 3],
                "jump": [2, 2],
                "start": [1.0, 1.0],
            }
        ],
        "output": [1, 13, 13],
        "parameters": 10,
        "macs": 1521,
        "dense_parameters": 132665,
    }


# Worked examples of the lectures: what is asked, the output, and other facts of the first layer.
EXAMPLES = [
    ("--m 4 --k 2", [1, 3, 3], {}),
    ("--m 4 --k 2 --stride 2", [1, 2, 2], {"unread": [0, 0]}),
    ("--m 4 --k 2 --stride 3", [1, 1, 1], {"unread": [2, 2]}),  # 1.667 is 1
    ("--m 4 --k 2 --stride 3 --padding 1", [1, 2, 2], {"unread": [1, 1]}),
    ("--m 5 --k 3 --stride 3", [1, 1, 1], {"unread": [2, 2]}),
    ("--m 3 --k 2 --padding full", [1, 4, 4], {"padding": [1, 1, 1, 1]}),
    ("--m 100 --k 3 --padding full", [1, 102, 102], {"padding": [2, 2, 2, 2]}),
    ("--m 100 --k 3 --padding full --stride 2", [1, 51, 51], {"unread": [1, 1]}),
    ("--m 7 --k 3 --dilation 2", [1, 3, 3], {"receptive_field": [5, 5]}),
    ("--m 28 --k 3 --stride 2 --padding same", [1, 14, 14], {"padding": [1, 1, 1, 1], "start": [0.0, 0.0]}),
    ("--m 10 --k 5 --padding same --in-channels 3 --out-channels 5", [5, 10, 10], {"weights": 375, "biases": 5}),
    ("--m 32 --k 3x5 --channels 3 --out-channels 7", [7, 30, 28], {"parameters": 7 * (3 * 5 * 3 + 1)}),
    ("--m 28 --k 3 --out-channels 4", [4, 26, 26], {"parameters": 40}),
    ("--m 9 --k 3 --channels 3 --out-channels 16", [16, 7, 7], {"parameters": 448}),
    ("--m 9 --k 3 --channels 3 --out-channels 16 --no-bias", [16, 7, 7], {"parameters": 432, "biases": 0}),
    (
        "--m 224 --k 7 --stride 2 --padding 3 --channels 3 --out-channels 64",
        [64, 112, 112],
        {"weights": 9408, "macs": 9408 * 112 * 112, "unread": [1, 1]},
    ),
    (
        "--input 480x640 --kernel-size 3x5 --stride 2,3 --padding 1,2 --dilation 1,2"
        " --channels 4 --out-channels 6 --groups 2",
        [6, 240, 212],
        {"unread": [1, 2], "weights": 6 * 2 * 15, "groups": 2, "receptive_field": [3, 9], "start": [0.0, 2.0]},
    ),
    ("--m 9x8 --k 4x3 --padding same --anchor 3,0", [1, 9, 8], {"padding": [3, 0, 0, 2]}),
    ("--m 9x8 --k 4x3 --padding 0,1,2,3", [1, 7, 11], {"padding": [0, 1, 2, 3], "start": [1.5, -1.0]}),
]


@pytest.mark.parametrize(("asked", "output", "first"), EXAMPLES)
def test_examples(asked, output, first):
    report = json.loads(run(f"{asked} --json"))
    assert report["output"] == output == report["layers"][0]["out"]
    assert {name: report["layers"][0][name] for name in first} == first


def test_the_small_net():
    report = json.loads(run("--m 28 --channels 1 --json" + layers(*SMALL_NET)))
    assert [row["out"] for row in report["layers"]] == [[4, 14, 14], [8, 7, 7], [16, 4, 4], [32, 2, 2], [2, 1, 1], [2]]
    assert [row["parameters"] for row in report["layers"]] == [40, 296, 1168, 4640, 578, 0]
    assert report["layers"][4]["receptive_field"] == [63, 63]
    assert report["output"] == [2]
    assert report["parameters"] == 6722
    assert report["dense_parameters"] == 784 * 2 + 2


def test_two_layers_of_three_see_five():
    report = json.loads(run("--m 100 --json" + layers("conv 1 k3", "conv 1 k3")))
    assert [row["receptive_field"] for row in report["layers"]] == [[3, 3], [5, 5]]


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ("--m 28 --k 3 --stride 2 -q", "13\n"),
        ("--m 480x640 --k 3x5 --padding 1,2 --stride 2 --quiet", "240x320\n"),
        ("--m 10x11 --k 3x4 -q", "8\n"),
        ("--m 1000000000 --k 3 --stride 7 --padding same -q", "142857143\n"),
    ],
)
def test_quiet_prints_the_bare_size(args, text):
    assert run(args) == text


def test_quiet_prints_the_length_of_a_vector():
    assert run("--m 28 -q" + layers("conv 2 k3", "flatten")) == "1352\n"


def test_csv_has_the_numbers_of_the_json():
    args = "--m 28x30" + layers("conv 4 k3x5 s2x1 p0,1,2,3", "relu", "linear 3")
    rows = list(csv.DictReader(io.StringIO(run(args + " --csv"))))
    expected = json.loads(run(args + " --json"))["layers"]
    assert [row["layer"] for row in rows] == ["conv", "relu", "linear"]
    for row, layer in zip(rows, expected, strict=True):
        for side in ("y", "x"):
            at = "yx".index(side)
            for name in ("kernel", "stride", "dilation", "unread", "receptive_field", "jump", "start"):
                assert row[f"{name}_{side}"] == ("" if layer[name] is None else str(layer[name][at]))
        for name in ("weights", "biases", "parameters", "macs"):
            assert row[name] == str(layer[name])
    assert [rows[0][f"padding_{side}"] for side in ("top", "bottom", "left", "right")] == ["0", "1", "2", "3"]
    assert [rows[0][f"out_{side}"] for side in ("channels", "height", "width")] == ["4", "14", "31"]
    assert [rows[2][f"out_{side}"] for side in ("channels", "height", "width")] == ["3", "", ""]


def test_text_of_one_window():
    text = run("--m 28 --k 3 --stride 2")
    assert "floor((28 + 0 + 0 - 3) / 2) + 1 = floor(12.5) + 1 = 13" in text
    facts = values(text)
    assert facts["input"] == "28x28, 1 channel"
    assert facts["output"] == "13x13, 1 channel"
    assert facts["padding"] == "0 on every side"
    assert facts["unread"] == "1 row at the bottom, 1 column at the right"
    assert "--padding 0,1,0,1 leaves nothing, and gives 14x14" in text
    assert facts["weights"] == "9 = 1 map x 1 channel x 3x3"
    assert facts["biases"] == "1"
    assert facts["parameters"] == "10"
    assert facts["multiply-adds"] == "1,521 = 9 weights x 13x13 positions"
    assert facts["receptive field"] == "3x3, the first centred on 1,1, its neighbours 2 apart"
    assert facts["fully connected"] == "132,665 parameters, 13,266 times as many"
    assert "784 x 169 + 169" in text


def test_text_of_unequal_axes():
    text = run("--m 480x641 --k 3x4 --stride 2,3 --dilation 2 --padding 1,2 --channels 2 --out-channels 5")
    facts = values(text)
    assert "2 x (3 - 1) + 1 = 5" in text
    assert "2 x (4 - 1) + 1 = 7" in text
    assert facts["height"] == "floor((480 + 1 + 1 - 5) / 2) + 1 = floor(238.5) + 1 = 239"
    assert facts["width"] == "floor((641 + 2 + 2 - 7) / 3) + 1 = floor(212.666) + 1 = 213"
    assert facts["output"] == "239x213, 5 channels"
    assert facts["padding"] == "1 top, 1 bottom, 2 left, 2 right"
    assert facts["unread"] == "1 row at the bottom (padding), 2 columns at the right (padding)"
    assert "--padding 1,0,2,3 leaves nothing, and gives 239x214" in text
    assert facts["anchor"].startswith("tap 1,1: an even kernel")
    assert facts["weights"] == "120 = 5 maps x 2 channels x 3x4"


def test_the_padding_it_offers_leaves_nothing():
    for args in ("--m 28 --k 3 --stride 2", "--m 11x17 --k 2x3 --stride 5,4 --padding 1,2", "--m 9 --k 2 --stride 5"):
        words = next(line for line in run(args).splitlines() if "leaves nothing" in line).split()
        report = json.loads(run(f"{args.partition(' --padding')[0]} {words[0]} {words[1]} --json"))
        assert report["layers"][0]["unread"] == [0, 0]
        assert words[-1] == "x".join(map(str, report["output"][1:]))


def test_rows_that_are_skipped_between_windows():
    assert values(run("--m 9x8 --k 2x3 --stride 4,3"))["skipped"] == "2 rows between neighbouring windows"
    assert "skipped" not in run("--m 9x8 --k 3 --stride 3")
    assert "skipped" not in run("--m 3 --k 2 --stride 5")  # a single window has no neighbour


def test_half_of_the_unread_is_padding():
    text = run("--m 10x10 --k 3 --stride 5,1 --padding 0,1,0,0")
    assert values(text)["unread"] == "3 rows at the bottom (1 of them padding)"


def test_the_anchor_is_told_where_it_is_not_the_middle():
    assert "anchor" not in run("--m 9 --k 3")
    assert values(run("--m 9 --k 3 --anchor 2,0"))["anchor"] == "tap 2,0"


TABLE = """
  layer              output  unread  params  mult-adds  field  jump  start
  input             1x28x28
1 conv 4 k3 s2 p1   4x14x14       1      40      7,056      3     2      0
2 conv 8 k3 s2 p1     8x7x7       1     296     14,112      7     4      0
3 relu                8x7x7                                 7     4      0
4 max-pool 2 s2 p0    8x3x3       1                        11     8      2
5 flatten                72                                11
6 linear 10              10             730        720     27
"""


def test_table_of_a_stack():
    text = run("--m 28" + layers(*SMALL_NET[:2], "relu", "max-pool 2", "flatten", "linear 10"))
    table, legend, totals = text.split("\n\n")
    assert table.split("\n") == TABLE.strip("\n").split("\n")
    assert "unread: rows" in legend
    facts = values(totals)
    assert facts["parameters"] == "1,066"
    assert facts["multiply-adds"] == "21,888"
    assert facts["receptive field"] == "27x27"
    assert facts["fully connected"] == "7,850 parameters, 7.4 times as many"


NETS = {
    "small": "--m 28" + layers(*SMALL_NET),
    "vgg": "--m 224 --channels 3"
    + layers("conv 64 k3 p1", "relu", "conv 64 k3 p1", "relu", "max-pool 2", "conv 512 k3 p1", "max-pool 2")
    + layers("conv 512 k3 psame", "flatten", "linear 4096", "relu", "linear 1000"),
    "rectangles": "--m 480x640 --channels 3"
    + layers("conv 64 k7x5 s2x3 psame", "depthwise 128 k3 s2x1 p2,3 d2 no-bias", "avg-pool 3x2 s2"),
}


@pytest.mark.parametrize("net", NETS)
def test_a_table_fits_80_columns_and_keeps_its_words(net):
    text = run(NETS[net])
    assert max(map(len, text.splitlines())) <= 80
    table = text.partition("\n\n")[0].split()
    asked = re.findall(r"\b[kd][0-9]\S*|no-bias", NETS[net].replace('"', " "))
    assert asked
    assert [word for word in asked if word not in table] == []


def test_large_counts_are_cut_short():
    table = run(NETS["vgg"])
    assert "1.79k      86.7M" in table
    assert "1.85G" in table


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("--k 3", "size of the input is missing .*--m 28"),
        ("--m 28", "size of the kernel is missing .*--k 3"),
        ("--m 4 --k 7", "^conv 1 k7 s1 p0: .*7 high, the input 4"),
        ("--m 9 --k 3 --kernel box", "--k and --kernel exclude each other"),
        ("--m 9 --k 3 --layer relu", "--k and --layer exclude each other"),
        ("--m 9 --image a.png --k 3", "--m and --image exclude each other"),
        ("--image a.png --k 3 --channels 3", "--image and --in-channels exclude each other"),
        ("--m 9 --k 3 -q --json", "-q and --json exclude each other"),
        ("--m 9 --stride 2 --layer 'conv 1 k3'", "--stride does not go with --layer: .*s2"),
        ("--m 9 --no-bias --layer 'conv 1 k3'", "--no-bias does not go with --layer: .*no-bias"),
        ("--m 9 --out-channels 2 --kernel box", "--out-channels does not go with --kernel"),
        ("--m 9 --layer 'conv 1 k3' --layer 'conf 2 k3'", r"layer 2 \(conf 2 k3\): .*did you mean conv"),
        ("--m 9 --k 3 --groups 2", "1 channels do not divide into 2 groups"),
        ("--m 9 --k 3 --anchor 3,0", "anchor 3 lies outside the kernel of 3x3"),
    ],
)
def test_errors(args, words):
    with pytest.raises(ConvError, match=words) as caught:
        run(args)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("--m 9 --k 3 --dilation 0", "dilation"),
        ("--m 9 --k 3 --stride 1,2,3", "stride"),
        ("--m 0 --k 3", "input"),
        ("--m 9 --k x", "kernel-size"),
        ("--m 9 --k 3 --padding some", "padding"),
        ("--m 9 --k 3 --channels 0", "channels"),
    ],
)
def test_words_that_are_no_numbers(args, words):
    with pytest.raises((ConvError, click.UsageError), match=words):
        run(args)


def test_the_table_up_to_the_layer_that_cannot_fit():
    args = shlex.split("--m 8" + layers("conv 4 k3", "max-pool 2", "conv 4 k5", "relu"))
    result = CliRunner().invoke(command, args)
    assert isinstance(result.exception, GeometryError)
    assert str(result.exception).startswith("layer 3 (conv 4 k5): the kernel does not fit")
    assert result.exception.exit_code == 2
    lines = result.stdout.splitlines()
    assert lines[2].startswith("1 conv 4 k3 s1 p0")
    assert lines[-1].startswith("2 max-pool 2 s2 p0")
    for form in ("-q", "--json", "--csv"):
        assert CliRunner().invoke(command, [*args, form]).stdout == ""


def test_colour_changes_no_letter():
    for line in ("--m 28 --k 4 --stride 3", NETS["small"]):
        coloured = run(line, colour=True)
        assert "\x1b[1m" in coloured
        assert click.unstyle(coloured) == run(line)


def test_it_starts_without_numpy():
    heavy = "('numpy', 'PIL', 'scipy', 'json', 'csv', 'difflib')"
    code = f"import sys, convcli.cli.shape; print([m for m in {heavy} if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_help_has_an_example_and_a_line_for_every_option():
    text = run("--help")
    assert "convcli shape --m 28 --k 3 --stride 2" in text
    assert max(map(len, text.splitlines())) <= 80
    assert all(param.help for param in command.params)


def of_kernel(line, chain):
    return json.loads(run(f'{line} --kernel "{chain}" --json'))


def test_a_filter_keeps_the_channels_and_shares_its_weights():
    report = of_kernel("--m 20x31 --channels 3 --stride 2,3", "sobel-x")
    (row,) = report["layers"]
    assert row["layer"] == "sobel-x"
    assert report["output"] == [3, 9, 10]
    assert (row["weights"], row["biases"], row["groups"]) == (9, 0, 3)
    assert (row["stride"], row["padding"], row["unread"]) == ([2, 3], [0, 0, 0, 0], [1, 1])
    assert (row["receptive_field"], row["jump"], row["start"]) == ([3, 3], [2, 3], [1.0, 1.0])


def test_a_chain_is_a_stack_and_the_stride_is_for_its_last_window():
    report = of_kernel("--m 40x50 --stride 3 --padding same", "box:3,stride=2 | sobel-x | relu | max-pool:2")
    assert [row["out"] for row in report["layers"]] == [[1, 20, 25], [1, 20, 25], [1, 20, 25], [1, 7, 8]]
    assert [row["stride"] for row in report["layers"]] == [[2, 2], [1, 1], None, [3, 3]]
    assert [row["padding"] for row in report["layers"]] == [[1, 1, 1, 1], [1, 1, 1, 1], None, [0, 0, 0, 0]]
    assert [row["receptive_field"] for row in report["layers"]] == [[3, 3], [7, 7], [7, 7], [9, 9]]
    assert [row["jump"] for row in report["layers"]] == [[2, 2], [2, 2], [2, 2], [6, 6]]


def test_a_composite_is_its_steps_and_what_joins_them():
    report = of_kernel("--m 40x51 --stride 2", "box:3 | sobel")
    assert [row["out"] for row in report["layers"]] == [[1, 38, 49], [1, 18, 24], [1, 18, 24], [1, 18, 24]]
    assert [row["weights"] for row in report["layers"]] == [9, 9, 9, 0]
    assert report["layers"][-1]["in"] == [1, 38, 49]
    assert [row["receptive_field"] for row in report["layers"]] == [[3, 3], None, None, [5, 5]]
    assert report["layers"][-1]["jump"] == [2, 2]
    table = run('--m 40x51 --stride 2 --kernel "box:3 | sobel"')
    assert re.search(r"4 sobel = .* 1x18x24", table)


@pytest.mark.parametrize("chain", ["sobel-x", "box:4 | abs", "sobel | gaussian:1", "max-pool:3 | laplacian"])
@pytest.mark.parametrize("padding", ["same", "full", "1,2"])
def test_it_says_what_apply_compiles(chain, padding):
    """The last row is what the code under `apply` makes of the whole chain."""
    from convcli.geometry import Window
    from convcli.library import parse
    from convcli.pipeline import compile_chain
    from convcli.signal import Signal
    from convcli.words import amount

    window = Window((2, 3), (1, 2), amount(padding))
    program = compile_chain(parse(chain), Signal.of((30, 41, 1), "uint8"), window)
    report = of_kernel(f"--m 30x41 --stride 2,3 --dilation 1,2 --padding {padding}", chain)
    height, width, channels = program.signal.shape
    assert report["output"] == [channels, height, width]
    assert report["macs"] == program.macs
    last = report["layers"][-1]
    assert (last["receptive_field"], last["jump"]) == (list(program.field.size), list(program.field.jump))
    assert last["start"] == list(program.field.start)


def test_a_bank_sums_the_channels_into_maps(tmp_path):
    import numpy as np

    np.save(tmp_path / "bank.npy", np.ones((5, 3, 2, 4)))
    line = f"--m 20x31 --channels 3 --kernel '{tmp_path / 'bank.npy'}'"
    report = json.loads(run(f"{line} --json"))
    assert report["output"] == [5, 19, 28]
    assert (report["layers"][0]["weights"], report["layers"][0]["groups"]) == (120, 1)
    assert values(run(line))["weights"] == "120 = 5 maps x 3 channels x 2x4"
    with pytest.raises(ConvError, match=r"3 planes.*1 channel"):
        run(line.replace("--channels 3", "--channels 1"))


def test_a_filter_that_does_not_fit():
    with pytest.raises(GeometryError, match=r"step 2 \(sobel-x\): the kernel does not fit.*3 wide, the input 2"):
        run('--m 9x4 --kernel "box:3 | sobel-x"')
    with pytest.raises(GeometryError, match=r"^sobel-x: the kernel does not fit"):
        run("--m 2 --kernel sobel-x")


def test_text_of_a_filter():
    text = run("--m 20 --channels 3 --kernel sobel-x")
    assert values(text)["weights"] == "9 = 3x3, the same for every channel"
    assert values(text)["output"] == "18x18, 3 channels"
    assert "--padding same" in text.splitlines()[-1]
    assert "apply" not in run("--m 20 --kernel sobel-x --padding 0")


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 3)])
def test_a_picture_gives_its_size_and_colours(tmp_path, mode, channels):
    from PIL import Image

    path = tmp_path / "a picture.png"
    Image.new(mode, (31, 20)).save(path)
    report = json.loads(run(f"--image '{path}' --k 3 --out-channels 2 --json"))
    assert report["input"] == [channels, 20, 31]
    assert report["output"] == [2, 18, 29]
    assert of_kernel(f"--image '{path}'", "sobel-x")["output"] == [channels, 18, 29]
