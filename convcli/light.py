"""Levels to light and back: the curve of sRGB, by which a level of half white is a fifth of its light.

The curve is that of IEC 61966-2-1. Light has the scale of the levels, 0 to white. Sums below zero and above white go
on by the same curve, mirrored at zero, so that no sign and nothing bright is lost before the range rule.
"""

import numpy as np

from convcli.errors import ConvError
from convcli.signal import Signal

__all__ = ["as_levels", "as_light", "check_light", "level_signal", "light_signal"]

_KNEE, _SLOPE, _SHARE, _POWER = 0.04045, 12.92, 0.055, 2.4


def check_light(dtype: str, colours: str) -> None:
    """Nothing, or a ConvError where samples are no levels on the curve; colours: letters of the channels, if known."""
    if dtype not in ("uint8", "uint16"):
        raise ConvError(f"linear light is for levels of 8 or 16 bits, and these are {dtype} (leave --linear out)")
    if colours == "cmyk":
        raise ConvError("linear light is for gray and RGB, and inks are no light (leave --linear out)")


def as_light(levels: np.ndarray | float, white: float) -> np.ndarray:
    """Light of levels, in float64.

    >>> float(as_light(0.0, 255)), float(as_light(255.0, 255)), round(float(as_light(128.0, 255)), 2)
    (0.0, 255.0, 55.04)
    """
    share = np.abs(np.asarray(levels, np.float64)) / white
    light = np.where(share <= _KNEE, share / _SLOPE, ((share + _SHARE) / (1 + _SHARE)) ** _POWER)
    return np.copysign(light * white, levels)


def as_levels(light: np.ndarray, white: float, out: np.ndarray) -> np.ndarray:
    """`out`, with the levels that have this light; in its dtype."""
    np.abs(light, out=out)
    out /= white
    is_dark = out <= _KNEE / _SLOPE
    dark = out[is_dark]
    np.power(out, 1 / _POWER, out=out)
    out *= 1 + _SHARE
    out -= _SHARE
    out[is_dark] = dark * _SLOPE
    out *= white
    return np.copysign(out, light, out=out)


def light_signal(signal: Signal) -> Signal:
    """The signal of light: of the levels' bounds, in float64, since the curve back is steep near black."""
    return signal.but(dtype="float64", real="float64", whole=False)


def level_signal(signal: Signal, white: float) -> Signal:
    """The signal of levels made of light: float32 holds those of 8 bits."""
    low, high = (float(as_levels(np.array(bound), white, np.empty(()))) for bound in (signal.low, signal.high))
    return signal.but(dtype="float32" if white <= 255 else "float64", low=low, high=high, whole=False)
