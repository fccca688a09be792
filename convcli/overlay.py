"""A picture with marks on it."""

import numpy as np

from convcli.formats import WHITE
from convcli.raster import Canvas, Raster

__all__ = ["marked"]

SAMPLES = 1 << 20  # that become floats at once
BRIGHT, DARK = (255, 230, 0), (0, 0, 0)  # a bright ring between two dark ones is seen on any ground


def marked(picture: Raster, points: np.ndarray) -> Raster:
    """The picture in RGB at 8 bits, transparent parts white, with a ring around each point (fields `x`, `y`).

    Samples that have no white of their own (floats, 32 bits) are shown from their least to their largest. The rings
    grow with the picture, so that they are still seen when it is shown on a screen.
    """
    height, width = picture.pixels.shape[:2]
    canvas = Canvas(height, width)
    ends, rows = _ends(picture), max(1, SAMPLES // picture.pixels[0].size)
    for top in range(0, height, rows):
        canvas.paste(top, 0, _shown(picture.pixels[top : top + rows], picture, ends))
    line = max(1, round(max(height, width) / 1200))
    radius = 4 * line
    for colour, reach, thick in ((DARK, radius + line, 3 * line), (BRIGHT, radius, line)):
        for x, y in zip(points["x"].tolist(), points["y"].tolist(), strict=True):
            canvas.circle(y, x, reach, colour, thick)
    info = picture.info if picture.mode.startswith("RGB") else picture.info._replace(icc=None)
    return Raster(canvas.pixels, "RGB", info=info)


def _ends(picture: Raster) -> tuple[float, float] | None:
    """The least and the largest sample of a picture without a white of its own, infinities left out; None with one."""
    pixels = picture.pixels
    if pixels.dtype.kind != "f":
        return (float(pixels.min()), float(pixels.max())) if picture.mode == "I" else None
    finite = np.isfinite(pixels)
    low, high = (float(find(pixels, where=finite, initial=end)) for find, end in ((np.min, np.inf), (np.max, -np.inf)))
    return (low, high) if low <= high else (0.0, 0.0)


def _shown(pixels: np.ndarray, picture: Raster, ends: tuple[float, float] | None) -> np.ndarray:
    """Some rows of the picture as (h, W, 1 or 3) uint8."""
    colours = pixels[:, :, : pixels.shape[2] - picture.alpha]
    if ends:
        return _bytes((colours - ends[0]) / (ends[1] - ends[0] or 1.0))
    white = WHITE[picture.mode]
    if pixels.dtype == np.uint8 and not picture.alpha:
        return colours
    shown = colours / np.float32(white)
    if picture.alpha:
        shown = 1 - (1 - shown) * (pixels[:, :, -1:] / np.float32(white))
    return _bytes(shown)


def _bytes(levels: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(np.nan_to_num(levels), 0, 1) * 255).astype(np.uint8)
