"""What is known of a picture's samples before one of them is read: sizes, dtype, bounds.

A `Signal` travels ahead of the samples through every step. Its bounds are what lets the planner prove that
a sum fits 16-bit integers, and the last step prove that nothing needs clipping.
"""

from math import inf, isfinite
from typing import NamedTuple

__all__ = ["Signal", "is_narrow"]

_WHOLE = {"bool": (0, 1), "uint8": (0, 255), "uint16": (0, 65535), "int16": (-32768, 32767)}
_WHOLE["int32"] = (-(2**31), 2**31 - 1)


def is_narrow(peak: float) -> bool:
    """True where float32 holds samples of that size, rounded three or four times, to a thousandth of a level."""
    return peak <= 2**11


class Signal(NamedTuple):
    """Height, width and channels; the dtype of the samples; their bounds; whether all are whole numbers.

    real: the dtype for sums that are not whole: float32 where 24 bits keep them within 1e-3 of a level
    (8-bit pictures and float32 ones), float64 otherwise.
    """

    height: int
    width: int
    channels: int
    dtype: str
    low: float = -inf
    high: float = inf
    whole: bool = False
    real: str = "float32"

    @classmethod
    def of(cls, shape: tuple[int, ...], dtype: str) -> "Signal":
        """The signal of an array of `shape` (H, W) or (H, W, C).

        >>> Signal.of((5, 7), "uint8").high
        255
        """
        low, high = _WHOLE.get(dtype, (-inf, inf))
        real = "float32" if dtype in ("bool", "uint8", "float32") else "float64"
        channels = shape[2] if len(shape) == 3 else 1
        return cls(shape[0], shape[1], channels, dtype, low, high, dtype in _WHOLE, real)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return (self.height, self.width, self.channels)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return (self.height, self.width)

    @property
    def peak(self) -> float:
        """The largest absolute value a sample can have; inf where unknown."""
        return max(abs(self.low), abs(self.high))

    @property
    def fraction(self) -> str:
        """The dtype for samples of this size with a fractional part."""
        is_wide = self.is_bounded and not is_narrow(self.peak)
        return "float64" if self.real == "float64" or is_wide else "float32"

    @property
    def is_bounded(self) -> bool:
        """True where both bounds are known."""
        return isfinite(self.low) and isfinite(self.high)

    def but(self, **parts) -> "Signal":
        """The signal with some parts replaced."""
        return self._replace(**parts)
