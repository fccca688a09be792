"""Several pictures in one file, written by us and read by others: samples, times, loops, pages."""

import struct
from io import BytesIO

import numpy as np
import pytest
from data import picture
from PIL import Image, ImageSequence

from convcli import raster
from convcli.raster import FormatError, Metadata, Raster, encode_frames
from convcli.raster.gif import write as write_gif


def frames(mode: str = "RGB", count: int = 5, **info) -> list[Raster]:
    """A few colours, and a patch of others that moves and grows."""
    channels = len(mode.partition(";")[0].removeprefix("I")) or 1
    dtype = "uint16" if mode.endswith("16") else "uint8"
    ground = picture(17, 23, channels, dtype) // 120 * 120
    made = []
    for n in range(count):
        pixels = ground.copy()
        pixels[2 + n : 6 + 2 * n, 3:9] = picture(4 + n, 6, channels, dtype, seed=n)[: 15 - 2 - n]
        made.append(Raster(pixels, mode, info=Metadata(shown=40 + 30 * n, **info)))
    return made


def written(made: list[Raster], format: str, **options) -> bytes:
    target = BytesIO()
    assert encode_frames(iter(made), len(made), format, target, **options) == ()
    return target.getvalue()


def seen(data: bytes) -> list[tuple[np.ndarray, float | None]]:
    """What Pillow makes of it: RGBA and milliseconds."""
    with Image.open(BytesIO(data)) as im:
        return [(np.asarray(f.convert("RGBA")), f.info.get("duration")) for f in ImageSequence.Iterator(im)]


@pytest.mark.parametrize("format", ["GIF", "PNG"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_frames_come_back_as_they_were(format, mode):
    made = frames(mode)
    if format == "GIF" and "A" in mode:  # alpha is on or off there
        made = [
            Raster(np.dstack([m.pixels[..., :-1], m.pixels[..., -1] // 128 * 255]), mode, info=m.info) for m in made
        ]
    got = seen(written(made, format))
    assert [shown for _, shown in got] == [40, 70, 100, 130, 160]
    for (rgba, _), one in zip(got, made, strict=True):
        want = np.asarray(Image.fromarray(one.pixels.squeeze()).convert("RGBA"))
        is_seen = want[..., 3:] > 0
        np.testing.assert_array_equal(rgba * is_seen, want * is_seen)


@pytest.mark.parametrize(("plays", "gif"), [(0, 0), (1, None), (3, 2)])
def test_an_animation_plays_as_often_as_it_was_told_to(plays, gif):
    for format, want in (("GIF", gif), ("PNG", plays), ("WEBP", plays)):
        with Image.open(BytesIO(written(frames(plays=plays), format))) as im:
            assert im.info.get("loop") == want


def test_webp_keeps_size_times_and_alpha():
    made = frames("RGBA")
    smooth = [Raster(np.full_like(m.pixels, (90, 140, 30, 255 - n)), "RGBA", info=m.info) for n, m in enumerate(made)]
    got = seen(written(smooth, "WEBP"))
    assert [shown for _, shown in got] == [40, 70, 100, 130, 160]
    for n, (rgba, _) in enumerate(got):
        assert rgba.shape == (17, 23, 4)
        assert np.abs(rgba.astype(int) - smooth[n].pixels).max() <= 3


def test_metadata_belongs_to_the_whole_animation():
    info = {"exif": Image.Exif().tobytes()[6:], "xmp": b"<x>a</x>"}
    for format in ("PNG", "WEBP"):
        with Image.open(BytesIO(written(frames(**info), format))) as im:
            assert im.info["xmp"] == info["xmp"]
            assert im.info["exif"].removeprefix(b"Exif\0\0") == info["exif"]


def test_colours_that_a_gif_has_no_place_for_are_told():
    noise = [Raster(picture(40, 50, 3, seed=n), "RGB", info=Metadata(shown=45)) for n in range(2)]
    target = BytesIO()
    notes = encode_frames(iter(noise), 2, "GIF", target)
    assert notes == (
        "GIF holds 256 colours in a picture: those nearest are taken",
        "GIF counts time in hundredths of a second",
    )
    for (rgba, _), one in zip(seen(target.getvalue()), noise, strict=True):
        assert np.abs(rgba[..., :3].astype(int) - one.pixels).mean() < 20


def test_a_gif_holds_exactly_256_colours_and_255_beside_nothing():
    colours = np.zeros((16, 17, 3), np.uint8)
    colours.reshape(-1, 3)[:256, 1] = np.arange(256)
    target = BytesIO()
    assert write_gif(target, [(colours, 50)]) == ()
    np.testing.assert_array_equal(seen(target.getvalue())[0][0][..., :3], colours)
    clear = np.dstack([colours, np.full((16, 17), 255, np.uint8)])
    clear[-1, -1] = (9, 9, 9, 0)
    clear[colours[..., 1] == 255] = (0, 7, 0, 255)
    target = BytesIO()
    assert write_gif(target, [(clear, 50)]) == ()
    np.testing.assert_array_equal(seen(target.getvalue())[0][0][..., :3][:-1], clear[:-1, :, :3])


def test_a_frame_like_the_one_before_costs_little():
    one = frames()[0]
    for format in ("GIF", "PNG", "WEBP"):
        assert len(written([one] * 6, format)) < len(written([one] * 2, format)) + 4 * 160
        assert len(seen(written([one] * 6, format))) == 6


@pytest.mark.parametrize("compression", ["fast", "default", "best"])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "I;16", "RGB;16", "RGBA;16", "I", "F"])
def test_pages_of_a_tiff_keep_size_depth_and_metadata(mode, compression):
    dtype = {"I": "int32", "F": "float32"}.get(mode, "uint16" if mode.endswith("16") else "uint8")
    channels = 1 if mode in ("I", "F", "I;16") else len(mode.partition(";")[0])
    pages = [Raster(picture(7 + n, 5 - n, channels, dtype), mode, info=Metadata(dpi=(300, 72 + n))) for n in range(3)]
    data = written(pages, "TIFF", compression=compression, threads=2)
    got = list(raster.frames(data))
    for one, page in zip(got, pages, strict=True):
        np.testing.assert_array_equal(one.pixels, page.pixels)
        assert (one.mode, one.info.dpi, one.notes) == (mode, page.info.dpi, ())
    assert raster.header(data, None).frames == 3


def test_other_readers_see_the_same_16_bit_pages():
    cv2 = pytest.importorskip("cv2")
    pages = [Raster(picture(9, 11, 3, "uint16", seed=n), "RGB;16") for n in range(2)]
    for compression in ("fast", "default"):
        data = np.frombuffer(written(pages, "TIFF", compression=compression), np.uint8)
        ok, got = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED)
        assert ok
        for one, page in zip(got, pages, strict=True):
            np.testing.assert_array_equal(one[..., ::-1], page.pixels)


def test_what_animations_cannot_hold_is_refused():
    with pytest.raises(
        FormatError, match=r"JPEG holds one picture, and there are 5 \(PNG, WEBP, TIFF, GIF hold more\)"
    ):
        encode_frames(iter(frames()), 5, "JPEG", BytesIO())
    sizes = [Raster(picture(4 + n, 5), "L") for n in range(2)]
    for format in ("GIF", "PNG", "WEBP"):
        with pytest.raises(FormatError, match=r"the first is 4x5 L, number 2 5x5 L \(TIFF holds different ones\)"):
            encode_frames(iter(sizes), 2, format, BytesIO())


def test_only_one_picture_more_is_asked_for_than_is_written():
    """A file that grows while the pictures come: nobody holds them all."""
    for format, ahead in (("TIFF", 0), ("PNG", 0), ("GIF", 1)):
        target, sizes = BytesIO(), []

        def one_by_one(target=target, sizes=sizes):
            for frame in frames():
                sizes.append(target.tell())
                yield frame

        encode_frames(one_by_one(), 5, format, target)
        grown = np.diff(sizes)
        assert (grown[1 + ahead :] > 0).all(), (format, sizes)


def test_times_that_are_no_milliseconds_survive_in_a_png():
    made = [Raster(one.pixels, "RGB", info=Metadata(shown=1000 / 3)) for one in frames(count=2)]
    data = written(made, "PNG")
    at = data.index(b"fcTL") + 4
    assert struct.unpack_from(">HH", data, at + 20) == (1, 3)


def test_what_animations_lose_is_told():
    target = BytesIO()
    assert encode_frames(iter(frames("RGB")), 5, "TIFF", target) == ("TIFF cannot keep times",)
    soft = frames("RGBA", 2)
    assert "GIF has alpha on or off: less than half of it is off" in encode_frames(iter(soft), 2, "GIF", BytesIO())
    got = seen(written([Raster(one.pixels // 255 * 255, "RGBA", info=one.info) for one in soft], "GIF"))
    assert len(got) == 2
