"""A picture with marks on it."""

import numpy as np

from convcli.formats import WHITE
from convcli.raster import Canvas, Raster

__all__ = ["marked"]

BRIGHT, DARK = (255, 230, 0), (0, 0, 0)  # a bright ring between two dark ones is seen on any ground


def marked(picture: Raster, points: np.ndarray) -> Raster:
    """The picture in RGB at 8 bits, transparent parts white, with a ring around each point (fields `x`, `y`).

    Samples that have no white of their own (floats, 32 bits) are shown from their least to their largest. The rings
    grow with the picture, so that they are still seen when it is shown on a screen.
    """
    height, width = picture.pixels.shape[:2]
    canvas = Canvas(height, width)
    canvas.paste(0, 0, _shown(picture))
    line = max(1, round(max(height, width) / 1200))
    radius = 4 * line
    for colour, reach, thick in ((DARK, radius + line, 3 * line), (BRIGHT, radius, line)):
        for x, y in zip(points["x"].tolist(), points["y"].tolist(), strict=True):
            canvas.circle(y, x, reach, colour, thick)
    info = picture.info if picture.mode.startswith("RGB") else picture.info._replace(icc=None)
    return Raster(canvas.pixels, "RGB", info=info)


def _shown(picture: Raster) -> np.ndarray:
    """The picture as (H, W, 1 or 3) uint8."""
    pixels = picture.pixels
    colours = pixels[:, :, : pixels.shape[2] - picture.alpha]
    if pixels.dtype.kind == "f" or picture.mode == "I":
        finite = colours[np.isfinite(colours)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        return _bytes((colours - low) / (high - low or 1.0))
    white = WHITE[picture.mode]
    if pixels.dtype == np.uint8 and not picture.alpha:
        return colours
    shown = colours / np.float32(white)
    if picture.alpha:
        shown = 1 - (1 - shown) * (pixels[:, :, -1:] / np.float32(white))
    return _bytes(shown)


def _bytes(levels: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(np.nan_to_num(levels), 0, 1) * 255).astype(np.uint8)
