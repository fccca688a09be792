"""What travels with a picture, before and after a whole command: kept, or told to be lost, in every pair of formats."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from data import blocks, turned
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin
from test_apply_command import convcli, refused, samples

pytestmark = pytest.mark.usefixtures("desk")

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>\xc3\xa9</a></x:xmpmeta>'
EVERY = ("png", "jpg", "webp", "tif", "avif")
HOLDS = {  # of a picture whose metadata is all there is: what has to be there again
    "png": {"icc", "exif", "xmp", "dpi", "text"},
    "jpg": {"icc", "exif", "xmp", "dpi"},
    "webp": {"icc", "exif", "xmp"},
    "tif": {"icc", "exif", "xmp", "dpi"},
    "avif": {"icc", "exif", "xmp"},
    "gif": set(),
    "bmp": {"dpi"},
    "ppm": set(),
}
WORDS = {"icc": "the colour profile", "exif": "EXIF", "xmp": "XMP", "dpi": "the resolution", "text": "text"}


def exif_of(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x8298] = "Maker", "Model", "(c) nobody"
    exif[0x0112] = orientation
    exif.get_ifd(0x8769).update(
        {0x9003: "2024:01:02 03:04:05", 0x829A: TiffImagePlugin.IFDRational(1, 250), 0x927C: b"\1\2\3maker"}
    )
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.5)})
    again = Image.Exif()  # Pillow writes directories into a TIFF only where they came out of a file
    again.load(exif.tobytes())
    return again


def photograph(name: str, pixels: np.ndarray, orientation: int = 1) -> None:
    """A picture file that says all that its format can."""
    options = {"icc_profile": PROFILE, "exif": exif_of(orientation), "xmp": XMP, "quality": 95}
    if name.endswith("png"):
        text = PngImagePlugin.PngInfo()
        text.add_text("Title", "a test")
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"] = text
    if name.endswith("tif"):
        options["exif"][700] = XMP
    if not name.endswith(("webp", "avif")):
        options["dpi"] = (300, 150)
    Image.fromarray(pixels).save(name, **options)


def said(name: str | Path) -> set[str]:
    """What a file says about its picture, by our words."""
    with Image.open(BytesIO(Path(name).read_bytes())) as im:
        im.load()
        exif = im.getexif()
        found = {
            "icc": im.info.get("icc_profile") == PROFILE,
            "xmp": im.info.get("xmp") == XMP,
            "dpi": [round(float(value)) for value in im.info.get("dpi", ())] == [300, 150],
            "text": getattr(im, "text", {}).get("Title") == "a test",
            "exif": exif.get(0x010F) == "Maker" and exif.get(0x8298) == "(c) nobody",
        }
        if found["exif"]:
            camera, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
            assert (camera[0x9003], float(camera[0x829A]) * 250) == ("2024:01:02 03:04:05", 1)
            assert [float(value) for value in place[2]] == [52, 31, 12.5]
    return {word for word, is_there in found.items() if is_there}


@pytest.mark.parametrize("target", HOLDS)
@pytest.mark.parametrize("source", EVERY)
def test_what_is_said_is_kept_or_told_to_be_lost(source, target):
    photograph(f"a.{source}", samples(12, 15, 3))
    before = said(f"a.{source}")
    assert before >= {"icc", "exif", "xmp"}
    ran = convcli("apply", "box:3", f"a.{source}", "-o", f"b.{target}")
    assert (ran.code, ran.errors) == (0, [])
    after, lines = said(f"b.{target}"), " ".join(ran.lines[1:])
    assert after >= HOLDS[target] & before
    for word in before - after:
        assert WORDS[word] in lines, (word, ran.lines)
    for word in after:
        assert WORDS[word] not in lines, (word, ran.lines)
    if before - after:
        assert "cannot keep" in refused("apply", "box:3", f"a.{source}", "-o", f"c.{target}", "--strict", code=1)
        assert not Path(f"c.{target}").exists()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", EVERY)
def test_every_orientation_is_applied_once_and_reset(extension, orientation):
    upright = blocks()
    photograph(f"a.{extension}", turned(upright, orientation), orientation)
    name = f"a.{extension}"
    for turn in range(2):  # the result of a result is not turned again
        ran = convcli("apply", "identity", name, "-o", f"b{turn}.{extension}", "--quality", "95")
        assert (ran.code, ran.errors, len(ran.lines)) == (0, [], 1)
        name = f"b{turn}.{extension}"
        with Image.open(name) as im:
            assert (im.size, im.getexif().get(0x0112, 1)) == ((48, 32), 1)
            got = np.asarray(im.convert("RGB")).astype(int)
        assert np.abs(got - upright)[8::16, 8::16].max() < 30


@pytest.mark.parametrize("extension", ["png", "webp"])
def test_frames_are_turned_and_described_as_one(extension):
    frames = [Image.fromarray(samples(8, 12, 3, seed=n)) for n in range(3)]
    options = {"lossless": True, "xmp": XMP} if extension == "webp" else {}
    frames[0].save(f"a.{extension}", save_all=True, append_images=frames[1:], exif=exif_of(6), duration=40, **options)
    ran = convcli("apply", "identity", f"a.{extension}", "-o", f"b.{extension}")
    assert (ran.code, ran.errors, len(ran.lines)) == (0, [], 1)
    assert said(f"b.{extension}") == said(f"a.{extension}") > set()
    with Image.open(f"b.{extension}") as im:
        assert (im.size, im.n_frames) == ((8, 12), 3)


def test_a_resolution_that_every_file_claims_is_not_missed():
    Image.fromarray(samples(6, 7, 3)).save("a.jpg", dpi=(72, 72))
    assert len(convcli("apply", "box:3", "a.jpg", "-o", "b.webp", "--strict").lines) == 1


def test_numbers_are_expected_to_be_bare():
    photograph("a.png", samples(6, 7, 3))
    assert len(convcli("apply", "box:3", "a.png", "-o", "b.npy", "--strict").lines) == 1


def test_compressed_tiffs_keep_all_of_it():
    photograph("a.tif", samples(12, 15, 3))
    for compression in ("fast", "default", "best"):
        ran = convcli("apply", "box:3", "a.tif", "-o", "b.tif", "-f", "--compression", compression, "--strict")
        assert (ran.code, ran.errors) == (0, [])
        assert said("b.tif") == {"icc", "exif", "xmp", "dpi"}


def test_comments_of_gif_and_jpeg():
    Image.fromarray(samples(6, 7) // 64).convert("P").save("a.gif", comment=b"one\xe9")
    for name in ("b.gif", "c.jpg", "d.png"):
        ran = convcli("apply", "identity", "a.gif", "-o", name)
        assert (ran.code, len(ran.lines)) == (0, 1)
        with Image.open(name) as im:
            assert im.info["comment" if name != "d.png" else "Comment"] in (b"one\xe9", "one\xe9")
    assert "BMP cannot keep text" in convcli("apply", "identity", "d.png", "-o", "e.bmp").lines[1]
