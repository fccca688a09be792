"""What a picture is, once it is numbers."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from convcli.errors import ConvError
from convcli.formats import WHITE

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FormatError", "Header", "Metadata", "Raster"]


class FormatError(ConvError):
    """A picture that the format asked for cannot hold; the others of a batch go on."""

    exit_code = 1


class Metadata(NamedTuple):
    """What travels with a picture: EXIF from its byte order on, upright and without a thumbnail; dpi as x, y.

    shown: milliseconds, of a picture in an animation; None for one that stands in where a PNG cannot move. plays: how
    often the animation is shown, 0 for ever. sampling: of a JPEG, how its colours are stored: 0 for every pixel, 1 for
    pairs, 2 for squares of four; None where nobody knows.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: tuple[tuple[str, str], ...] = ()
    shown: float | None = 0
    plays: int = 0
    sampling: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """A picture.

    pixels: (H, W, C), upright. mode: Pillow's name, or "LA;16", "RGB;16", "RGBA;16", or "grid" for any array of
    numbers. format: of the file it came from. notes: what was changed or lost on the way in, a line each. frames: how
    many were asked for together, this one among them. spare: the memory of the pixels where it has a fourth sample
    beside red, green and blue, which means nothing, (H, W, 4).
    """

    pixels: "np.ndarray"
    mode: str
    format: str = ""
    info: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()
    frames: int = 1
    spare: "np.ndarray | None" = None

    @property
    def white(self) -> float:
        """The level that is white."""
        return WHITE[self.mode]

    @property
    def alpha(self) -> bool:
        """True where the last channel is alpha."""
        return "A" in self.mode


class Header(NamedTuple):
    """What `read` would give, without the pixels: height and width of the upright picture."""

    height: int
    width: int
    channels: int
    mode: str
    format: str
    frames: int = 1

    white, alpha, spare = Raster.white, Raster.alpha, None

    @property
    def colours(self) -> int:
        """Channels that are not alpha."""
        return self.channels - self.alpha
