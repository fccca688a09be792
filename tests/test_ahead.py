"""A picture that is read while the program is imported: the same result, and everything told in its turn."""

import os
import sys
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from PIL import Image
from test_apply_command import convcli

from convcli import raster
from convcli.errors import InputError
from convcli.raster import ahead, reading

pytestmark = pytest.mark.usefixtures("desk")


def noise(name: str, **options) -> np.ndarray:
    pixels = np.random.default_rng(3).integers(0, 256, (301, 407, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(name, **options)
    assert os.path.getsize(name) > ahead.LEAST
    return pixels


def wait(begun: ahead.Ahead) -> ahead.Ahead:
    """The same when it has nothing left to do."""
    begun.thread.join()
    return begun


def test_large_jpegs_and_pngs_are_worth_it():
    noise("a.png")
    Image.open("a.png").save("a.jpg", quality=100, subsampling=0)
    Image.open("a.png").save("a.tif")
    Image.new("L", (40, 40)).save("small.png")
    Path("folder.png").mkdir()
    names = ("a.png", "a.jpg", "a.tif", "small.png", "folder.png", "none.png", "a\0.png")
    assert [ahead.kind_worth_it(name) for name in names] == ["PNG", "JPEG", *[None] * 5]


def test_what_is_taken_is_what_is_read():
    pixels = noise("a.png")
    interval = sys.getswitchinterval()
    first, *others = wait(ahead.Ahead(("a.png",), "PNG")).take("a.png")
    assert np.array_equal(first.pixels, pixels)
    assert others == []
    assert sys.getswitchinterval() == interval
    again = raster.read(Path("a.png"))
    assert (first.mode, first.info, first.notes) == (again.mode, again.info, again.notes)


def test_a_failure_waits_for_whoever_takes_the_picture():
    noise("a.png")
    whole = Path("a.png").read_bytes()
    Path("a.png").write_bytes(whole[:-5000])
    begun = ahead.Ahead(("a.png",), "PNG")
    with pytest.raises(InputError, match=r"a\.png"):
        next(wait(begun).take("a.png"))
    ran = convcli("apply", "box:3", "a.png")
    assert (ran.code, len(ran.errors)) == (1, 1)
    assert ran.errors[0].startswith("convcli: a.png: ")
    ran = convcli("apply", "no-such-filter", "a.png")  # the filter is asked for first
    assert (ran.code, len(ran.errors)) == (2, 1)
    assert "no-such-filter" in ran.errors[0]
    assert os.listdir() == ["a.png"]


def test_the_command_gives_what_it_gives_without(monkeypatch):
    noise("a.png")
    taken = []
    monkeypatch.setattr(
        ahead.Ahead, "take", lambda self, name, plain=ahead.Ahead.take: taken.append(name) or plain(wait(self), name)
    )
    assert convcli("apply", "box:5", "a.png", "-o", "b.png").code == 0
    assert taken == ["a.png"]
    monkeypatch.setattr(ahead, "LEAST", 1 << 30)
    assert convcli("apply", "box:5", "a.png", "-o", "c.png").code == 0
    assert taken == ["a.png"]
    assert Path("b.png").read_bytes() == Path("c.png").read_bytes()
    assert convcli("apply", "box:5", "a.png", "-o", "b.png").code == 1  # there already
    assert convcli("apply", "box:5", "a.png", "--max-pixels", "1000", "-o", "d.png").code == 1


@pytest.mark.parametrize(
    "words", ["b.png --skip-existing", "b.png --on-exists=skip", "c.png --skip-existing", "c.png --dry-run"]
)
def test_what_may_not_be_needed_is_not_read_ahead(monkeypatch, words):
    noise("a.png")
    begun = []
    monkeypatch.setattr(
        ahead, "frames_begun", lambda path, *given: begun.append(path.name) or reading.frames_begun(path, *given)
    )
    assert convcli("apply", "box:5", "a.png", "-o", "b.png").code == 0
    assert begun == ["a.png"]
    assert convcli("apply", "box:5", "a.png", "-o", *words.split()).code == 0
    assert begun == ["a.png"]
    if Path("c.png").exists():
        assert Path("b.png").read_bytes() == Path("c.png").read_bytes()


def test_the_next_pictures_are_decoded_too(monkeypatch):
    """Until enough is decoded, or one is not worth it."""
    for name in ("a.png", "b.png", "c.png", "e.png"):
        noise(name)
    Image.new("L", (40, 40)).save("d.png")
    names = ("a.png", "b.png", "c.png", "d.png", "e.png")
    for enough, wanted in ((1, 1), (301 * 407, 1), (301 * 407 + 1, 2), (1 << 30, 3)):
        monkeypatch.setattr(ahead, "ENOUGH", enough)
        begun = wait(ahead.Ahead(names, "PNG"))
        taken = [begun.take(name) for name in names]
        assert [one is not None for one in taken] == [n < wanted for n in range(5)]
        for name, frames in zip(names, taken[:wanted], strict=False):
            assert np.array_equal(next(frames).pixels, raster.read(Path(name)).pixels)
        assert begun.take("a.png") is None  # once


def test_nothing_is_begun_when_all_is_there_to_run(monkeypatch):
    for name in ("a.png", "b.png"):
        noise(name)
    begun, at = [], Event()

    def slow(path, *given):
        begun.append(path.name)
        assert at.wait(20)
        yield from reading.frames_begun(path, *given)

    monkeypatch.setattr(ahead, "frames_begun", slow)
    one = ahead.Ahead(("a.png", "b.png"), "PNG")
    assert one.take("b.png") is None
    frames = one.take("a.png")
    at.set()
    if frames:  # the thread was there before us
        next(frames)
    wait(one)
    assert "b.png" not in begun


def test_a_batch_gives_what_it_gives_without(monkeypatch):
    names = [f"{letter}.png" for letter in "abcdef"]
    for n, name in enumerate(names):
        Image.fromarray(np.roll(noise(name), 7 * n, axis=1)).save(name)
    Path("c.png").write_bytes(Path("c.png").read_bytes()[:-5000])
    with_it = convcli("apply", "sobel-x", *names, "-o", "with/", "-j", "2")
    monkeypatch.setattr(ahead, "LEAST", 1 << 30)
    without = convcli("apply", "sobel-x", *names, "-o", "without/", "-j", "2")
    assert (with_it.code, len(with_it.errors)) == (without.code, len(without.errors)) == (1, 1)
    assert with_it.errors == without.errors
    assert sorted(os.listdir("with")) == sorted(os.listdir("without")) == [n for n in names if n != "c.png"]
    for name in os.listdir("with"):
        assert Path("with", name).read_bytes() == Path("without", name).read_bytes()


def test_a_file_called_like_standard_input_is_not_read_ahead():
    pixels = noise("a.png")
    Image.fromarray(255 - pixels).save("-", format="PNG")
    assert ahead.kind_worth_it("a.png") == "PNG"
    assert ahead.kind_worth_it("-") is None


def test_without_a_thread_nothing_is_read_ahead(monkeypatch):
    noise("a.png")

    class None_(ahead.Thread):
        def start(self):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ahead, "Thread", None_)
    assert convcli("apply", "box:5", "a.png", "-o", "b.png", "-j", "1").code == 0
    assert Path("b.png").exists()


def test_what_is_not_wanted_is_let_go(monkeypatch):
    """A result that is there already makes its picture unwanted, which was decoded all the same."""
    made = []
    monkeypatch.setattr(
        ahead.Ahead, "__init__", lambda self, *of, plain=ahead.Ahead.__init__: made.append(self) or plain(self, *of)
    )
    monkeypatch.setattr(ahead.Ahead, "take", lambda self, name, plain=ahead.Ahead.take: plain(wait(self), name))
    for name in ("a.png", "b.png"):
        noise(name)
    Path("out").mkdir()
    Path("out/b.png").write_bytes(b"precious")
    assert convcli("apply", "box:5", "a.png", "b.png", "-o", "out/", "-j", "1").code == 1
    assert [one._begun for one in made] == [{}]
    assert Path("out/b.png").read_bytes() == b"precious"
