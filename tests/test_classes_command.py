"""`convcli learn --classes` and `convcli classify` as their user meets them, with folders of digits."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
import time
import tracemalloc
from io import StringIO

import digits
import numpy as np
import pytest
import test_apply_command
from test_apply_command import convcli

from convcli import album, netfile, training
from convcli.errors import ConvError


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """120 threes and 120 sevens, and more that nobody learns from; the network that was learned, and what was said."""
    folder = tmp_path_factory.mktemp("digits")
    digits.write(folder / "taught", 120)
    digits.write(folder / "fresh", 60, seed=2)
    ran = convcli("learn", "--classes", folder / "taught", "-o", folder / "net.npz", "--epochs", 12, "--batch", 32)
    assert (ran.code, ran.errors) == (0, [])
    return folder, ran


def refused(*words, **more) -> str:
    """What is said of words that have to fail, without the name in front."""
    return test_apply_command.refused(*words, **more).removeprefix("convcli: ")


def told(shelf, *words) -> list:
    ran = convcli("classify", shelf[0] / "net.npz", *words)
    assert (ran.code, ran.errors) == (0, [])
    return ran.lines


def test_pictures_that_nobody_learned_from_are_told_apart(shelf):
    for which, other in ("37", "73"):
        lines = told(shelf, *sorted((shelf[0] / "fresh" / which).iterdir()), "-q")
        assert len(lines) == 60
        assert lines.count(other) <= 2


def test_the_report_says_what_was_learned(shelf):
    lines = shelf[1].lines
    assert lines[0] == "240 pictures of 28x28: 3 (120), 7 (120)"
    assert sum(line[:5].strip().isdigit() for line in lines[2:20]) == 12
    assert lines[-1] == f"written to {shelf[0] / 'net.npz'}"
    assert "6,722 parameters, 58,608 multiply-adds for a picture" in lines
    (three, seven) = (list(map(int, line.split()[1:])) for line in lines[-4:-2])
    assert sum(three) == sum(seven) == 24
    right = three[0] + seven[1]
    assert any(line.endswith(f"% right: {right} of 48 held-out pictures") for line in lines)
    assert right >= 46
    assert max(map(len, lines)) <= 80


def test_one_seed_gives_one_file_and_another_seed_another(tmp_path):
    folder = digits.write(tmp_path / "d", 20)
    files = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        ran = convcli("learn", "--classes", folder, "-o", tmp_path / f"{name}.npz", "--seed", seed, "--epochs", 2, "-q")
        assert (ran.code, ran.out, ran.errors) == (0, b"", [])
        files.append((tmp_path / f"{name}.npz").read_bytes())
    assert files[0] == files[1] != files[2]


def test_json_has_everything(tmp_path):
    folder = digits.write(tmp_path / "d", 15, classes="37")
    ran = convcli("learn", "--classes", folder, "--epochs", 3, "--held-out", "0.4", "--json")
    assert (ran.code, ran.errors) == (0, [])
    found = json.loads(ran.out)
    assert found["output"] == f"{folder}.npz"
    assert (found["classes"], found["size"], found["skipped"]) == (["3", "7"], [28, 28], 0)
    assert (found["pictures"], found["learned"], found["held_out"]) == ({"3": 15, "7": 15}, 18, 12)
    assert [epoch["number"] for epoch in found["epochs"]] == [1, 2, 3]
    assert np.sum(found["confusion"]) == 12
    assert found["accuracy"] == np.trace(found["confusion"]) / 12
    assert found["network"]["parameters"] == 6722
    assert netfile.read(tmp_path / "d.npz").classes == ("3", "7")


def test_without_pictures_held_out_it_is_said_whom_it_is_judged_by(tmp_path):
    folder = digits.write(tmp_path / "d", 5)
    ran = convcli("learn", "--classes", folder, "--epochs", 2, "--held-out", 0)
    assert any(line.endswith("of 10 the pictures it learned from (none were held out)") for line in ran.lines)
    assert not any("None" in line for line in ran.lines)


# ---------------------------------------------------------------- what is said of a picture


def test_a_table_csv_and_json_say_the_same(shelf):
    names = [str(shelf[0] / "fresh" / place) for place in ("3/1.png", "7/2.png")]
    lines = told(shelf, *names)
    assert [line.split()[:2] for line in lines[:2]] == [[names[0], "3"], [names[1], "7"]]
    assert lines[2] == "1 as 3, 1 as 7"
    rows = list(csv.DictReader(StringIO("\n".join(told(shelf, *names, "--csv")))))
    items = json.loads("\n".join(told(shelf, *names, "--json")))["items"]
    for line, row, item in zip(lines, rows, items, strict=False):
        assert (row["input"], row["class"]) == (item["input"], item["class"])
        assert (item["status"], item["message"]) == ("classified", None)
        assert float(row["probability"]) == pytest.approx(item["probability"], abs=1e-6)
        assert float(row[row["class"]]) == float(row["probability"])
        assert sum(item["probabilities"].values()) == pytest.approx(1)
        assert float(line.split()[2]) == pytest.approx(100 * item["probability"], abs=0.1)
    assert [len(rows), len(items)] == [2, 2]


def test_the_samples_are_a_three_and_a_seven(shelf):
    assert told(shelf, "samples/digit-3.png", "samples/digit-7.png", "-q") == ["3", "7"]


def test_a_picture_comes_through_standard_input_too(shelf):
    data = (shelf[0] / "fresh/7/0.png").read_bytes()
    ran = convcli("classify", shelf[0] / "net.npz", "-", "-q", stdin=data)
    assert (ran.code, ran.out) == (0, b"7\n")


def test_a_folder_gives_its_pictures(shelf, tmp_path):
    fresh = shelf[0] / "fresh"
    for n, name in enumerate(("p10.png", "p9.png", "deep/q.png", ".hidden.png")):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes((fresh / "7" / f"{n}.png").read_bytes())
    (tmp_path / "in" / "notes.txt").write_text("1 2\n")
    for words, wanted in (
        ([], ["p9.png", "p10.png"]),
        (["-r"], ["p9.png", "p10.png", "deep/q.png"]),
    ):
        items = json.loads("\n".join(told(shelf, tmp_path / "in", *words, "--json")))["items"]
        assert [item["input"] for item in items] == [str(tmp_path / "in" / name) for name in wanted]
        assert [item["status"] for item in items] == ["classified"] * len(wanted)
    assert told(shelf, tmp_path / "in")[-1] == "2 as 7"


def test_an_empty_folder_is_told_and_the_rest_goes_on(shelf, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    ran = convcli("classify", shelf[0] / "net.npz", tmp_path / "in", "samples/digit-7.png", "-q")
    assert (ran.code, ran.lines) == (1, ["7"])
    assert ran.errors == [f"convcli: {tmp_path / 'in'}: no pictures in it (-r looks into its folders)"]


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(shelf, tmp_path):
    (tmp_path / "torn.png").write_bytes((shelf[0] / "fresh/7/0.png").read_bytes()[:100])
    (tmp_path / "wide.png").write_bytes(digits.encoded(np.zeros((28, 30), np.uint8)))
    names = [tmp_path / "torn.png", tmp_path / "none.png", tmp_path / "wide.png", "samples/digit-7.png"]
    ran = convcli("classify", shelf[0] / "net.npz", *names)
    assert ran.code == 1
    assert [line.partition(": ")[2] for line in ran.errors][1:] == [
        f"{names[1]}: no such file or directory",
        f"{names[2]}: is 28x30, and the network learned from 28x28",
    ]
    assert ran.errors[0].startswith(f"convcli: {names[0]}: damaged image: file ends after 100 bytes")
    assert ran.lines[-1] == "1 as 7, 3 failed"
    items = json.loads(convcli("classify", shelf[0] / "net.npz", *names, "--json").out)["items"]
    assert [item["status"] for item in items] == ["failed"] * 3 + ["classified"]


def test_a_network_that_is_none_is_refused(tmp_path):
    (tmp_path / "net.npz").write_bytes(b"PK\3\4")
    line = refused("classify", tmp_path / "net.npz", "samples/digit-7.png")
    assert line == f"{tmp_path / 'net.npz'}: is no network, or damaged (convcli learn --classes writes one)"


def test_colours_and_transparency_are_seen_as_luma_on_white():
    rng = np.random.default_rng(3)
    from convcli.raster import Raster

    colour = rng.integers(0, 256, (4, 5, 4), np.uint8)
    share = colour[..., 3:] / 255
    luma = (colour[..., :3] / 255 * share + 1 - share) @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(album.plane(Raster(colour, "RGBA")), luma, atol=1e-12)
    deep = rng.integers(0, 65536, (4, 5, 1), np.uint16)
    np.testing.assert_allclose(album.plane(Raster(deep, "I;16")), deep[..., 0] / 65535, atol=1e-12)


# ---------------------------------------------------------------- what is refused, and what is left out


def test_folders_that_teach_nothing_are_refused(tmp_path):
    folder = tmp_path / "d"
    assert refused("learn", "--classes", folder) == f"{folder}: no such file or directory"
    folder.mkdir()
    two = "and two classes at least are told apart (a sub-folder for each)"
    assert refused("learn", "--classes", folder) == f"{folder}: has no sub-folders, {two}"
    digits.write(folder, 2, classes="3")
    (folder / ".hidden").mkdir()
    assert refused("learn", "--classes", folder) == f"{folder}: has one sub-folder, {two}"
    (folder / "7").mkdir()
    (folder / "7" / "notes.csv").write_text("1,2\n")
    assert refused("learn", "--classes", folder) == f"{folder / '7'}: holds no pictures"
    (folder / "7" / "more").mkdir()
    deeper = "its sub-folders do not count: name the folder that holds the classes"
    assert refused("learn", "--classes", folder) == f"{folder / '7'}: holds no pictures ({deeper})"
    (folder / "7" / "a.png").write_bytes(digits.encoded(np.zeros((28, 29), np.uint8)))
    assert refused("learn", "--classes", folder) == (
        f"{folder / '7/a.png'}: is 28x29, and {folder / '3/0.png'} is 28x28 (all pictures need one size)"
    )
    (folder / "7" / "a.png").write_bytes(b"no picture")
    ran = convcli("learn", "--classes", folder)
    assert (ran.code, len(ran.errors)) == (2, 2)
    assert ran.errors[1] == f"convcli: {folder / '7'}: holds no picture that can be read"
    for which in "37":
        for path in (folder / which).glob("*.png"):
            path.write_bytes(digits.encoded(np.full((9, 9), 8, np.uint8)))
    assert refused("learn", "--classes", folder).endswith("all pictures are one flat colour, there is nothing to learn")
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.png", "b.png"], "--classes takes its pictures from the folder, and no other arguments"),
        (["--k", "5"], "--k does not go with --classes"),
        (["--held-out", "1"], "held-out is 1, wanted a share from 0 to less than 1"),
        (["--rate", "-1"], "rate is -1, wanted more than 0 and at most 1000"),
        (["--epochs", "0"], "epochs: 0 is too small (at least 1)"),
        (["-o", "net.toml"], "net.toml: a network goes into a file that ends in .npz"),
    ],
)
def test_words_that_make_no_sense_are_refused(tmp_path, words, said):
    assert refused("learn", "--classes", digits.write(tmp_path / "d", 2), *words) == said


def test_options_of_classes_want_classes():
    assert refused("learn", "a.png", "b.png", "--epochs", 3) == "--epochs goes with --classes FOLDER"


def test_a_rate_that_is_too_large_is_told(tmp_path):
    pictures = album.read(digits.write(tmp_path / "d", 20))
    with pytest.raises(ConvError, match=r"the loss is no number any more in epoch [12] \(a smaller rate than 1e\+12\)"):
        training.learn(pictures, training.Plan(rate=1e12))


@pytest.mark.parametrize("share", [0.3, 0])
def test_each_picture_is_judged_once_a_pass_and_the_last_time_counts(tmp_path, monkeypatch, share):
    pictures, judged, scores = album.read(digits.write(tmp_path / "d", 20)), [], training._scores
    monkeypatch.setattr(training, "_scores", lambda net, run: judged.append(len(run)) or scores(net, run))
    monkeypatch.setattr(training, "AT_ONCE", 5)
    lesson = training.learn(pictures, training.Plan(epochs=3, held_out=share))
    assert sum(judged) == (3 * lesson.held_out or lesson.learned)
    assert lesson.confusion.sum(axis=1).tolist() == ([6, 6] if share else [20, 20])
    if share:
        assert lesson.accuracy == lesson.epochs[-1].held_accuracy
    answers = training.classify(lesson.network, pictures.pictures).argmax(axis=1)
    if not share:
        assert lesson.accuracy == (answers == pictures.labels).mean()


@pytest.mark.parametrize("share", [0.3, 0])
def test_a_score_that_is_no_number_is_no_answer(tmp_path, monkeypatch, share):
    """Though the loss may be one: minus infinity is no probability at all."""
    pictures, scores = album.read(digits.write(tmp_path / "d", 5)), training._scores
    monkeypatch.setattr(training, "_scores", lambda net, run: scores(net, run) + np.array([0, -np.inf]))
    with pytest.raises(ConvError, match="no number any more" if share else "grow beyond all bounds"):
        training.learn(pictures, training.Plan(epochs=1, held_out=share))


def test_a_network_that_learned_nothing_is_told(tmp_path):
    """With a rate so large that relu passes nothing on, every picture gets the same answer."""
    folder = digits.write(tmp_path / "d", 20)
    ran = convcli("learn", "--classes", folder, "--rate", 10, "--batch", 4, "--epochs", 3)
    assert (ran.code, ran.errors) == (0, [])
    assert any(line.startswith("always saying 3 would be right as often") for line in ran.lines)


def test_an_output_that_is_there_stays(tmp_path):
    folder, output = digits.write(tmp_path / "d", 3), tmp_path / "d.npz"
    output.write_bytes(b"mine")
    assert refused("learn", "--classes", folder, code=1) == f"{output}: exists already (-f overwrites)"
    assert output.read_bytes() == b"mine"
    assert convcli("learn", "--classes", folder, "-f", "-q", "--epochs", 1).code == 0
    assert netfile.read(output).size == (28, 28)


def test_pictures_that_cannot_be_read_are_left_out(tmp_path):
    folder = digits.write(tmp_path / "d", 6)
    for n in range(13):
        (folder / "7" / f"torn{n:02}.png").write_bytes(b"")
    ran = convcli("learn", "--classes", folder, "--epochs", 1)
    assert ran.code == 1
    assert ran.errors[0] == f"convcli: {folder / '7/torn00.png'}: empty file"
    assert ran.errors[10:] == [f"convcli: {folder}: 13 pictures could not be read"]
    assert ran.lines[0] == "12 pictures of 28x28: 3 (6), 7 (6)"
    assert netfile.read(tmp_path / "d.npz").classes == ("3", "7")


def test_many_classes_of_another_size_are_learned(tmp_path):
    rng = np.random.default_rng(6)
    for n in range(30):
        folder = tmp_path / "d" / f"class number {n}"
        folder.mkdir(parents=True)
        for m in range(2):
            (folder / f"{m}.png").write_bytes(digits.encoded(rng.integers(0, 256, (40, 33, 3), np.uint8)))
    ran = convcli("learn", "--classes", tmp_path / "d", "--epochs", 1)
    assert (ran.code, ran.errors) == (0, [])
    assert max(map(len, ran.lines)) <= 80
    assert len(netfile.read(tmp_path / "d.npz").weights[-1]) == 30


# ---------------------------------------------------------------- training itself


def test_classes_share_what_is_held_out():
    labels = np.repeat([0, 1, 2], [1, 7, 50])
    shown, held = training._split(labels, 0.2, np.random.default_rng(1))
    assert sorted([*shown, *held]) == list(range(58))
    assert np.bincount(labels[held], minlength=3).tolist() == [0, 1, 10]


def test_shifts_move_by_a_pixel_and_repeat_the_edge():
    pictures = np.random.default_rng(1).random((50, 5, 6))
    moved, seen = training._shifted(pictures, 1, np.random.default_rng(2)), set()
    for one, other in zip(pictures, moved, strict=True):
        padded = np.pad(one, 1, "edge")
        places = {(y, x) for y in range(3) for x in range(3) if (padded[y : y + 5, x : x + 6] == other).all()}
        assert len(places) == 1
        seen |= places
    assert len(seen) == 9


# ---------------------------------------------------------------- at a terminal


def _at_terminal(folder, *words, until=b""):
    """The code of a process whose standard error is a terminal, and what it said; interrupted once it said `until`."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "convcli", "learn", "--classes", str(folder), *map(str, words)]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    said, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            said += os.read(master, 1 << 16)
        except OSError:  # the other end is closed
            break
        if until and until in said:
            run.send_signal(signal.SIGINT)
            until = b""
    os.close(master)
    return run.wait(60), said.decode()


def test_a_bar_at_a_terminal_and_an_end_in_the_middle(tmp_path):
    folder = digits.write(tmp_path / "d", 40)
    code, said = _at_terminal(folder, "--epochs", 100_000, until=b"loss")
    assert code == -signal.SIGINT
    assert "epoch 1" in said
    assert "right" in said
    assert "Traceback" not in said
    assert sorted(tmp_path.iterdir()) == [folder]


def test_quiet_draws_no_bar(tmp_path):
    assert _at_terminal(digits.write(tmp_path / "d", 3), "--epochs", 2, "-q") == (0, "")


def test_pictures_are_held_once(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    for name in "ab":
        (tmp_path / name).mkdir()
        for n in range(100):
            np.save(tmp_path / name / f"{n}.npy", rng.random((90, 110), np.float32))
    (tmp_path / "b" / "3.npy").write_bytes(b"none")
    monkeypatch.setattr(training, "SAMPLES", 1 << 16)
    tracemalloc.start()
    try:
        read = album.read(tmp_path)
        held = [read.pictures.base.nbytes, tracemalloc.get_traced_memory()[1]]
        training.learn(read, training.Plan(epochs=1, batch=1))
        held.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert (read.skipped, len(read.labels), read.pictures.shape) == (1, 199, (199, 90, 110))
    for place, name in ((0, "a/0"), (99, "a/99"), (100, "b/0"), (198, "b/99")):
        assert (read.pictures[place] == np.load(tmp_path / f"{name}.npy")).all()
    assert max(held) < 1.5 * held[0], held
