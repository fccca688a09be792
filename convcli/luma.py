"""The gray of a picture: what red, green and blue are worth, and levels over white."""

import numpy as np

from convcli.errors import ConvError

__all__ = ["LUMA", "levels_over_white"]

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601-7, table 2: what Pillow's mode L is made with
SAMPLES = 1 << 20  # that become levels at once


@np.errstate(all="ignore")  # a float picture may hold infinities
def levels_over_white(pixels: np.ndarray, white: float, alpha: bool = False) -> np.ndarray:
    """Luma from 0 to 1, (H, W) float32; what is transparent lies on white.

    A level over white is rounded once, so that 8 bits and the same levels in 16 give the same floats.
    """
    height, width, channels = pixels.shape
    colours = channels - alpha
    if colours not in (1, 3):
        raise ConvError(f"gray is made of red, green and blue, and the picture has {colours} channels")
    gray = np.empty((height, width), np.float32)
    rows = -(-SAMPLES // width)
    for start in range(0, height, rows):
        strip = np.divide(pixels[start : start + rows], white, dtype=np.float32, casting="unsafe")
        planes = [strip[:, :, n] for n in range(channels)]
        part = planes[0] if colours == 1 else sum(weight * plane for weight, plane in zip(LUMA, planes, strict=False))
        gray[start : start + rows] = 1 - (1 - part) * planes[-1] if alpha else part
    return gray
