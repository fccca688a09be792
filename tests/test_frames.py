"""`apply` over animations and pages: every frame filtered, times and loops kept, nothing left out in silence."""

import json
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from scipy import ndimage
from test_apply_command import convcli, listing, load, refused, samples

from convcli import apply

pytestmark = pytest.mark.usefixtures("desk")


def moving(name: str, count: int = 3, mode: str = "RGB", **options) -> list[np.ndarray]:
    """An animation or pages of seeded noise; colours few enough for a GIF."""
    depth = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pictures = [samples(9, 11, *depth, seed=n) // 64 * 64 for n in range(count)]
    images = [Image.fromarray(pixels) for pixels in pictures]
    if not name.endswith("tif"):
        options = {"duration": [50 + 30 * n for n in range(count)], "loop": 0} | options
    images[0].save(name, save_all=True, append_images=images[1:], **options)
    return pictures


def frames_of(name: str | Path) -> list[np.ndarray]:
    with Image.open(name) as im:
        return [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(im)]


def times_of(name: str | Path) -> list[float]:
    with Image.open(name) as im:
        return [frame.info["duration"] for frame in ImageSequence.Iterator(im)]


def box(pixels: np.ndarray) -> np.ndarray:
    size = (3, 3, 1)[: pixels.ndim]
    return np.rint(ndimage.uniform_filter(pixels.astype(float), size, mode="mirror")).astype(np.uint8)


@pytest.mark.parametrize(("extension", "options"), [("png", {}), ("webp", {"lossless": True})])
def test_every_frame_of_an_animation_is_filtered(extension, options):
    pictures = moving(f"a.{extension}", **options)
    ran = convcli("apply", "box:3", f"a.{extension}", "-o", "b.png")
    assert (ran.code, ran.errors) == (0, [])
    mode = {"png": "RGB", "webp": "RGBA"}[extension]  # Pillow gives every animated WebP alpha
    assert f"9x11 {mode}, 3 frames -> b.png  9x11 {mode}, 3 frames" in ran.lines[0]
    assert times_of("b.png") == [50, 80, 110]
    for got, before in zip(frames_of("b.png"), pictures, strict=True):
        assert np.abs(got[..., :3].astype(int) - box(before)).max() <= 0


def test_a_gif_stays_a_gif_with_its_times_and_its_loop():
    pictures = moving("a.gif", loop=4)
    ran = convcli("apply", "identity", "a.gif")
    assert (ran.code, ran.errors, len(ran.lines)) == (0, [], 1)
    with Image.open("a.identity.gif") as im:
        assert im.info["loop"] == 4
    assert times_of("a.identity.gif") == [50, 80, 110]
    for got, before in zip(frames_of("a.identity.gif"), pictures, strict=True):
        np.testing.assert_array_equal(got[..., :3], before)


def test_what_a_frame_leaves_behind_is_what_is_seen():
    """Frames that are parts, laid over others or cleared: each is filtered as the eye sees it."""
    whole = Image.new("RGBA", (10, 8), (200, 0, 0, 255))
    part = Image.new("RGBA", (10, 8), (0, 0, 0, 0))
    part.paste((0, 160, 0, 255), (2, 2, 6, 5))
    for disposal in (1, 2):
        whole.save("a.gif", save_all=True, append_images=[part, whole], duration=40, disposal=disposal)
        assert convcli("apply", "identity", "a.gif", "-f", "-o", "b.gif").code == 0
        assert convcli("apply", "identity", "a.gif", "-f", "-o", "b.png").code == 0
        for name in ("b.gif", "b.png"):
            for got, want in zip(frames_of(name), frames_of("a.gif"), strict=True):
                np.testing.assert_array_equal(got[..., 3], want[..., 3])
                np.testing.assert_array_equal(got * (got[..., 3:] > 0), want * (want[..., 3:] > 0))


def test_pages_of_different_sizes_and_modes_stay_what_they_are():
    first, second = samples(6, 9, dtype="uint16"), samples(8, 5, 3)
    Image.fromarray(first).save("a.tif", save_all=True, append_images=[Image.fromarray(second)], dpi=(72, 300))
    ran = convcli("apply", "box:3", "a.tif", "-v")
    assert (ran.code, ran.errors) == (0, [])
    assert "6x9 I;16, 2 frames -> a.box-3.tif  6x9 I;16, 2 frames" in ran.lines[0]
    with Image.open("a.box-3.tif") as im:
        want = np.rint(ndimage.uniform_filter(first.astype(float), 3, mode="mirror"))
        np.testing.assert_array_equal(np.asarray(im), want)
        assert im.info["dpi"] == (72, 300)
        im.seek(1)
        np.testing.assert_array_equal(np.asarray(im), box(second))


@pytest.mark.parametrize(("which", "number"), [("first", 0), ("1", 0), ("3", 2)])
@pytest.mark.parametrize("extension", ["png", "tif"])
def test_one_frame_can_be_asked_for(which, number, extension):
    pictures = moving(f"a.{extension}")
    ran = convcli("apply", "identity", f"a.{extension}", "--frames", which, "-o", "b.png")
    assert (ran.code, ran.errors) == (0, [])
    assert "frames" not in ran.out.decode()
    np.testing.assert_array_equal(load("b.png"), pictures[number])


def test_a_format_with_room_for_one_picture_gets_the_first_and_a_line():
    pictures = moving("a.gif")
    ran = convcli("apply", "identity", "a.gif", "-o", "b.bmp")
    assert (ran.code, ran.errors) == (0, [])
    assert ran.lines[1:] == ["  3 frames, only the first is filtered, BMP holds one (--frames N picks another)"]
    np.testing.assert_array_equal(load("b.bmp"), pictures[0])
    assert "only the first" in refused("apply", "identity", "a.gif", "-o", "c.bmp", "--strict", code=1)
    line = refused("apply", "identity", "a.gif", "-o", "c.bmp", "--frames", "all", code=1)
    assert line.endswith("BMP cannot hold 3 frames (png, webp, tiff, gif can, or --frames first)")
    line = refused("apply", "identity", "a.gif", "-o", "c.npy", "--frames", "all", "--dry-run", code=1)
    assert "NPY cannot hold 3 frames" in line
    assert not Path("c.bmp").exists()


def test_pages_are_no_animation():
    moving("a.tif")
    ran = convcli("apply", "identity", "a.tif", "-o", "b.png")
    assert ran.lines[1:] == ["  3 pages, only the first is filtered, PNG holds one (--frames N picks another)"]
    assert "(tiff can, or --frames first)" in refused(
        "apply", "box:3", "a.tif", "-o", "c.png", "--frames", "all", code=1
    )


def test_frames_count_against_the_limit_before_anything_is_decoded():
    moving("a.gif")
    line = refused("apply", "box:3", "a.gif", "--max-pixels", "200", code=1)
    assert "3 frames of 9 x 11 are 0.000297 MP, over the limit of 0.000200 MP" in line
    assert convcli("apply", "box:3", "a.gif", "--max-pixels", "200", "--frames", "first").code == 0
    assert convcli("apply", "box:3", "a.gif", "--max-pixels", "297").code == 0


def test_a_damaged_frame_leaves_no_file(desk):
    moving("a.png", 4)
    data = bytearray(Path("a.png").read_bytes())
    at = data.rindex(b"fdAT") + 12
    data[at] ^= 255
    Path("a.png").write_bytes(data)
    before = listing(desk)
    assert "check sum of the fdAT chunk" in refused("apply", "box:3", "a.png", code=1)
    ran = convcli("apply", "box:3", "a.png", "-o", "-")
    assert (ran.code, ran.out, len(ran.errors)) == (1, b"", 1)
    assert listing(desk) == before


def test_words_for_frames():
    moving("a.gif")
    for word in ("none", "0", "-1", "1.5", "last"):
        assert "frames" in refused("apply", "box:3", "a.gif", "--frames", word)
    assert "there is no frame 4, the last is 3" in refused("apply", "box:3", "a.gif", "--frames", "4", code=1)
    Image.fromarray(samples(4, 5)).save("b.png")
    assert "there is no frame 2, the last is 1" in refused("apply", "box:3", "b.png", "--frames", "2", code=1)
    assert convcli("apply", "box:3", "b.png", "--frames", "all").code == 0


def test_one_stretch_serves_all_frames():
    dark, light = (np.full((9, 11), 20, np.uint8), np.full((9, 11), 100, np.uint8))
    images = [Image.fromarray(pixels) for pixels in (dark, light)]
    images[0].save("a.png", save_all=True, append_images=images[1:], duration=50)
    assert convcli("apply", "identity", "a.png", "--range", "stretch", "-o", "b.png").code == 0
    assert [int(frame[0, 0, 0]) for frame in frames_of("b.png")] == [0, 255]


def test_reports_and_plans_count_frames():
    moving("a.gif")
    planned = convcli("apply", "box:3", "a.gif", "--dry-run")
    assert "9x11 RGBA, 3 frames -> a.box-3.gif  9x11 RGBA, 3 frames" in planned.lines[0]
    assert not Path("a.box-3.gif").exists()
    assert convcli("apply", "sobel-x", "a.gif", "--report", "r.json", "--range", "clip").code == 0
    (item,) = json.loads(Path("r.json").read_text())["items"]
    assert (item["frames"], item["in"], item["status"]) == (3, [9, 11, 4], "written")
    assert item["range"]["low"] > 0


def test_clipping_is_counted_over_all_frames():
    images = [Image.fromarray(np.full((9, 11), value, np.uint8)) for value in (0, 100, 200)]
    images[0].save("a.png", save_all=True, append_images=images[1:], duration=50)
    ran = convcli("apply", "1.5", "a.png", "--padding", "valid")
    assert ran.lines[1:] == ["  clipped samples: 33.3 % rose above white (--range stretch keeps them)"]


def test_feature_maps_of_an_animation_are_animations():
    pictures = moving("a.png")
    np.save("bank.npy", np.stack([np.eye(3)[None] * [[[1]], [[0]], [[0]]], np.ones((3, 1, 1)) * np.eye(3) / 9]))
    ran = convcli("apply", "bank.npy", "a.png", "--range", "clip")
    assert (ran.code, ran.errors) == (0, [])
    for index in (0, 1):
        assert times_of(f"a.bank.{index}.png") == [50, 80, 110]
        for got, before in zip(frames_of(f"a.bank.{index}.png"), pictures, strict=True):
            sums = apply(before, "bank.npy")[:, :, index]
            np.testing.assert_array_equal(got[..., 0], np.clip(np.rint(sums), 0, 255))


def test_animations_on_standard_streams():
    pictures = moving("a.png")
    ran = convcli("apply", "identity", "-", "-o", "-", stdin=Path("a.png").read_bytes())
    assert (ran.code, ran.errors) == (0, [])
    for got, before in zip(frames_of(BytesIO(ran.out)), pictures, strict=True):
        np.testing.assert_array_equal(got[..., :3], before)


def test_an_animation_may_replace_itself():
    pictures = moving("a.gif")
    assert convcli("apply", "box:3", "a.gif", "-o", "a.gif", "-f").code == 0
    assert len(frames_of("a.gif")) == len(pictures)


def test_what_stands_in_for_an_animation_stays_beside_it():
    pictures = moving("a.png", 4, default_image=True)
    assert convcli("apply", "identity", "a.png", "-o", "b.png").code == 0
    with Image.open("b.png") as im:
        assert (im.n_frames, im.default_image) == (4, True)
    for got, before in zip(frames_of("b.png"), pictures, strict=True):
        np.testing.assert_array_equal(got[..., :3], before)
    assert convcli("apply", "identity", "a.png", "-o", "b.gif").code == 0
    assert len(frames_of("b.gif")) == 3


def test_an_animation_that_is_cut_is_never_taken_for_a_shorter_one():
    """It is refused; but a GIF that ends between two frames, or before its end mark, is only told."""
    for name in ("a.gif", "a.png", "a.webp"):
        moving(name)
        data = Path(name).read_bytes()
        _, *starts = [found.start() for found in re.finditer(rb"!\xf9\x04", data)] if name == "a.gif" else [0]
        for end in {*range(40, len(data), 7), *starts, len(data) - 1}:
            Path(f"cut-{name}").write_bytes(data[:end])
            ran = convcli("apply", "identity", f"cut-{name}", "-f", "-o", "b.png")
            if name == "a.gif" and end in (*starts, len(data) - 1):
                assert (ran.code, ran.errors) == (0, []), end
                assert ran.lines[1:] == ["  the file has no end mark: frames may be missing"], end
            else:
                assert (ran.code, len(ran.errors), ran.lines) == (1, 1, []), (name, end)
        assert len(starts) == (2 if name == "a.gif" else 0)
    Path("c.gif").write_bytes(Path("a.gif").read_bytes() + b"behind the end")
    assert len(convcli("apply", "identity", "c.gif").lines) == 1


def test_sheets_of_maps_move():
    pictures = moving("a.gif")
    words = ("--maps", "montage", "--range", "offset", "--alpha", "drop")
    for name in ("b.gif", "b.png"):
        ran = convcli("apply", "edges-4", "a.gif", "-o", name, *words)
        assert (ran.code, ran.errors, times_of(name)) == (0, [], [50, 80, 110])
    sheets = frames_of("b.png")  # b.gif has fewer colours
    assert (sheets[0] != sheets[1]).any()
    for sheet, pixels in zip(sheets, pictures, strict=True):
        Image.fromarray(pixels).save("one.png")
        assert convcli("apply", "edges-4", "one.png", "-o", "sheet.png", "-f", *words).code == 0
        np.testing.assert_array_equal(sheet, frames_of("sheet.png")[0])


def test_pages_that_cannot_stand_in_one_file_are_told():
    alpha = Image.frombytes("LA", (7, 6), samples(6, 7, 2).tobytes())
    Image.fromarray(samples(6, 7, dtype="uint16")).save("a.tif", save_all=True, append_images=[alpha])
    line = refused("apply", "box:3", "a.tif", "--depth", "16", code=1)
    assert line.endswith("frame 2 needs PNG, the first TIFF (--frames picks one)")
    assert convcli("apply", "box:3", "a.tif", "--depth", "16", "--frames", "2").code == 0
