"""A sheet to draw on: what plots, montages, overlays and animations are made of.

Order is y, x as everywhere; colours are (red, green, blue) from 0 to 255.
"""

from functools import cache
from typing import TYPE_CHECKING

from convcli.raster.opening import pillow

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Canvas"]

Colour = tuple[int, int, int]
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


class Canvas:
    """A sheet of `height` x `width` pixels in one colour."""

    def __init__(self, height: int, width: int, background: Colour = WHITE):
        from PIL import ImageDraw

        self._image = pillow().new("RGB", (width, height), background)
        self._draw = ImageDraw.Draw(self._image)

    @property
    def pixels(self) -> "np.ndarray":
        """What was drawn, (H, W, 3) uint8."""
        import numpy as np

        return np.asarray(self._image)

    def paste(self, y: int, x: int, pixels: "np.ndarray") -> None:
        """Puts a picture down, (h, w), (h, w, 1) or (h, w, 3) uint8, its first corner at y, x."""
        import numpy as np

        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        self._image.paste(pillow().fromarray(np.ascontiguousarray(pixels)), (x, y))

    def box(self, y: int, x: int, height: int, width: int, fill: Colour | None, edge: Colour | None = None) -> None:
        """A rectangle, filled, outlined or both."""
        self._draw.rectangle((x, y, x + width - 1, y + height - 1), fill=fill, outline=edge)

    def line(self, points: list[tuple[float, float]], colour: Colour = BLACK, width: int = 1) -> None:
        """Straight lines from point (y, x) to point."""
        self._draw.line([(x, y) for y, x in points], fill=colour, width=width)

    def circle(self, y: float, x: float, radius: float, colour: Colour = BLACK, width: int = 1) -> None:
        """The outline of a circle."""
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour, width=width)

    def text(self, y: float, x: float, words: str, size: float = 12, colour: Colour = BLACK, hold: str = "la") -> None:
        """Words in one line. hold: which point of them is at y, x, as Pillow has it: `la` left top, `mm` the middle."""
        self._draw.text((x, y), words, fill=colour, font=_font(size), anchor=hold)

    def width_of(self, words: str, size: float = 12) -> float:
        """Pixels that words take."""
        return self._draw.textlength(words, font=_font(size))

    def cut(self, words: str, room: float, size: float = 12) -> str:
        """The words, or as many of their letters as `room` pixels take."""
        from bisect import bisect  # few draw words

        if self.width_of(words, size) <= room:
            return words
        lengths = range(1, len(words) + 1)
        count = bisect(lengths, room, key=lambda length: self.width_of(f"{words[:length]}...", size))
        return f"{words[:count]}..."


@cache  # unpacking it takes longer than writing a word
def _font(size: float):
    from PIL import ImageFont

    return ImageFont.load_default(size)
