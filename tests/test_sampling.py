"""How the colours of a JPEG are stored: as they were, unless a quality is asked for."""

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import get_sampling
from test_apply_command import convcli, samples


def sampling(name) -> int:
    with Image.open(name) as im:
        return get_sampling(im)


@pytest.mark.parametrize("stored", [0, 1, 2])
def test_colours_stay_stored_as_they_were(desk, stored):
    Image.fromarray(samples(30, 40, 3)).save("a.jpg", subsampling=stored, quality=70)
    assert convcli("apply", "box:3", "a.jpg", "-o", "b.jpg").code == 0
    assert sampling("b.jpg") == stored
    for quality, asked in (("95", 0), ("60", 2)):
        assert convcli("apply", "box:3", "a.jpg", "-o", "b.jpg", "-f", "--quality", quality).code == 0
        assert sampling("b.jpg") == asked


def test_without_a_jpeg_before_it_every_pixel_has_its_colour(desk):
    Image.fromarray(samples(30, 40, 3)).save("a.png")
    Image.fromarray(np.dstack([samples(30, 40)] * 4), "CMYK").save("c.jpg")
    assert convcli("apply", "box:3", "a.png", "-o", "b.jpg").code == 0
    assert convcli("apply", "box:3", "c.jpg", "-o", "d.jpg").code == 0
    assert sampling("b.jpg") == 0
