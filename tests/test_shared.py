"""Pixels that stay in Pillow's memory, with a fourth sample beside three colours that means nothing."""

import gc
import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image
from test_apply_command import convcli, samples

from convcli import arguments, job, raster
from convcli.finish import Finish
from convcli.geometry import Window
from convcli.job import Request
from convcli.raster import memory

pytestmark = pytest.mark.usefixtures("desk")


def image(mode: str, height: int, width: int) -> Image.Image:
    """An image of noise."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), samples(height, width, bands).tobytes())


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (31, 200)])
def test_it_is_what_pillow_gives(mode, size):
    im = image(mode, *size)
    copied, found = np.asarray(im).reshape(*size, -1), memory.shared(im)
    assert np.array_equal(found[:, :, : copied.shape[2]], copied)
    assert not found.flags.writeable


def test_it_stays_when_the_image_is_gone():
    im = image("RGB", 40, 30)
    copied, found = np.asarray(im), memory.shared(im)
    im.close()
    del im
    gc.collect()
    others = [image("RGB", 40, 30) for _ in range(50)]  # would get the memory if it were free
    assert np.array_equal(found[:, :, :3], copied), len(others)


def test_not_everything_is_there_to_be_shared():
    assert memory.shared(image("LA", 4, 4)) is None
    assert memory.shared(Image.new("I;16", (4, 4))) is None
    assert memory.shared(Image.new("RGB", (3000, 2000))) is None, "of several pieces"
    with patch.object(Image.Image, "__arrow_c_array__", side_effect=ValueError):
        assert memory.shared(image("RGB", 4, 4)) is None


def test_lines_with_gaps_are_left_alone():
    before = Image.core.get_alignment()
    try:
        Image.core.set_alignment(64)
        assert memory.shared(image("RGB", 7, 5)) is None
    finally:
        Image.core.set_alignment(before)


# ---------------------------------------------------------------- through the command

CHAINS = [
    ("sobel-x",),
    ("sobel-x", "--range", "clip"),
    ("sobel-x", "--range", "offset", "--stride", "2,3"),
    ("laplacian", "--range", "stretch"),
    ("gaussian:2", "--padding-mode", "constant:300"),
    ("0 -1 0; -1 5 -1; 0 -1 0", "--bias", "40", "--padding", "2,0,1,3", "--padding-mode", "zeros"),
    ("1 2; 3 4", "--scale", "1/4", "--padding-mode", "mean", "--dilation", "3,2"),
    ("box:5", "--op", "convolve", "--anchor", "0,4"),
    ("gaussian:1 | sobel",),
    ("box:3,stride=2 | relu | max-pool:2",),
    ("harris",),
    ("gabor:theta=30", "--channels", "r,b"),
    ("gaussian:2", "--channels", "gray"),
    ("gaussian:2", "--linear"),
    ("edges-4",),
    ("disk:9", "--method", "fft"),
]


@pytest.mark.parametrize("ending", ["jpg", "png"])
@pytest.mark.parametrize("words", CHAINS, ids=" ".join)
def test_results_and_what_is_told_are_those_of_a_copy(words, ending):
    image("RGB", 61, 83).save("a.jpg", quality=95, subsampling=0)
    image("RGB", 61, 83).save("b.png")

    def run(folder: str):
        ran = convcli("apply", *words, "a.jpg", "b.png", "-o", f"{folder}/", "--format", ending)
        told = [line.replace(f"{folder}/", "").rpartition("; ")[0] or line for line in ran.lines]
        return ran.code, told, {path.name: path.read_bytes() for path in Path(folder).iterdir()}

    with patch.object(memory, "shared", return_value=None):
        code, told, files = run("copied")
    assert code == 0, told
    assert files
    assert run("shared") == (code, told, files)


def test_a_jpeg_goes_from_memory_to_memory():
    image("RGB", 61, 83).save("a.jpg", quality=95)
    with (
        patch.object(memory, "shared", wraps=memory.shared) as shared,
        patch.object(Image, "frombuffer", wraps=Image.frombuffer) as taken,
    ):
        assert convcli("apply", "sobel-x", "a.jpg", "-o", "b.jpg").code == 0
    assert shared.call_count == 1
    assert [call.args[0] for call in taken.call_args_list] == ["RGBX"]


def test_the_report_is_that_of_a_copy():
    image("RGB", 40, 50).save("a.jpg", quality=95)

    def report(folder: str) -> dict:
        assert convcli("apply", "sobel-x", "a.jpg", "-o", f"{folder}/", "--report", "r.json", "-f").code == 0
        (item,) = json.loads(Path("r.json").read_text())["items"]
        return {key: value for key, value in item.items() if key not in ("seconds", "output")}

    with patch.object(memory, "shared", return_value=None):
        copied = report("copied")
    assert report("shared") == copied


@pytest.mark.parametrize("turn", [1, 3, 6])
def test_turned_pictures_are_turned(turn):
    im = image("RGB", 20, 30)
    exif = Image.Exif()
    exif[274] = turn
    im.save("a.jpg", quality=95, exif=exif)
    (first,) = raster.frames(Path("a.jpg"), shares=True)
    assert np.array_equal(first.pixels, raster.read(Path("a.jpg")).pixels)
    assert (first.spare is None) == (turn != 1)


def test_who_asks_for_a_picture_may_write_to_it():
    image("RGB", 20, 30).save("a.jpg")
    assert raster.read(Path("a.jpg")).pixels.flags.writeable


# ---------------------------------------------------------------- when the fourth goes along


def prepared(text: str, **asked) -> job.Job:
    """The job for a JPEG of this size."""
    image("RGB", 20, 30).save("a.jpg")
    (picture,) = raster.frames(Path("a.jpg"), shares=True)
    request = Request(arguments.links_of(text), Window(), **{"measures": False, **asked})
    return job.prepare(request, picture, picture.pixels.shape)


@pytest.mark.parametrize("text", ["sobel-x", "gaussian:2", "gaussian:1 | sobel-y", "box:3 | max-pool:2", "box:3 | abs"])
def test_where_each_colour_goes_its_own_way_it_goes_along(text):
    made = prepared(text)
    assert made.spared.signal.channels == 4
    assert made.program.signal.channels == 3


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("harris", {}),
        ("sobel", {}),  # its sums have no bounds that are known
        ("edges-4", {}),
        ("sobel-x", {"format": "PNG"}),
        ("sobel-x", {"measures": True}),
        ("sobel-x", {"range": "stretch"}),
        ("sobel-x", {"range": "clip"}),  # whether another range would keep more is looked for
        ("sobel-x", {"select": "gray"}),
        ("sobel-x", {"select": "g"}),
        ("gaussian:2", {"linear": True}),
    ],
)
def test_where_it_would_count_it_does_not(text, asked):
    assert prepared(text, **asked).spared is None


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
@pytest.mark.parametrize("rule", ["abs", "clip"])
def test_what_means_nothing_is_not_counted(dtype, rule):
    sums = np.random.default_rng(4).integers(-400, 700, (9, 11, 4)).astype(dtype)
    whole = Finish(rule, 255.0, 255.0, "uint8", proven=(-400.0, 700.0), measures=False)
    out = np.zeros(sums.shape, "uint8")
    told = whole._replace(spare=True).apply(sums.copy(), out)
    three = np.zeros((9, 11, 3), "uint8")
    wanted = whole.apply(sums[:, :, :3].copy(), three)
    assert (told.low, told.high, told.samples) == (wanted.low, wanted.high, 9 * 11 * 3)
    assert wanted.high > 0
    assert np.array_equal(out[:, :, :3], three)


def test_a_filter_for_three_colours_sees_three():
    Path("tint.toml").write_text('title = "a"\nsource = "b"\ninput = "rgb"\nweights = [[1, 2, 1]]\nscale = "1/4"\n')
    assert prepared("tint.toml").spared is None
