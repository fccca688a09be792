"""A picture that is read while the program is imported: the same result, and everything told in its turn."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_apply_command import convcli

from convcli import raster
from convcli.errors import InputError
from convcli.raster import ahead

pytestmark = pytest.mark.usefixtures("desk")


def noise(name: str, **options) -> np.ndarray:
    pixels = np.random.default_rng(3).integers(0, 256, (301, 407, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(name, **options)
    assert os.path.getsize(name) > ahead.LEAST
    return pixels


def test_large_jpegs_and_pngs_are_worth_it():
    noise("a.png")
    Image.open("a.png").save("a.jpg", quality=100, subsampling=0)
    Image.open("a.png").save("a.tif")
    Image.new("L", (40, 40)).save("small.png")
    Path("folder.png").mkdir()
    found = [
        name
        for name in ("a.png", "a.jpg", "a.tif", "small.png", "folder.png", "none.png", "a\0.png")
        if ahead.is_worth_it(name)
    ]
    assert found == ["a.png", "a.jpg"]


def test_what_is_taken_is_what_is_read():
    pixels = noise("a.png")
    interval = sys.getswitchinterval()
    first, *others = ahead.Ahead("a.png").take()
    assert np.array_equal(first.pixels, pixels)
    assert others == []
    assert sys.getswitchinterval() == interval
    again = raster.read(Path("a.png"))
    assert (first.mode, first.info, first.notes) == (again.mode, again.info, again.notes)


def test_a_failure_waits_for_whoever_takes_the_picture():
    noise("a.png")
    whole = Path("a.png").read_bytes()
    Path("a.png").write_bytes(whole[:-5000])
    begun = ahead.Ahead("a.png")
    with pytest.raises(InputError, match=r"a\.png"):
        next(begun.take())
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
        ahead.Ahead, "take", lambda self, plain=ahead.Ahead.take: taken.append(self.name) or plain(self)
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
        ahead, "frames", lambda path, *given, **more: begun.append(path.name) or raster.frames(path, *given, **more)
    )
    assert convcli("apply", "box:5", "a.png", "-o", "b.png").code == 0
    assert begun == ["a.png"]
    assert convcli("apply", "box:5", "a.png", "-o", *words.split()).code == 0
    assert begun == ["a.png"]
    if Path("c.png").exists():
        assert Path("b.png").read_bytes() == Path("c.png").read_bytes()
