"""The end of the way: how a sum becomes the level that is written."""

import numpy as np

from convcli.explain.trace import Ending
from convcli.finish import Finish

__all__ = ["ended"]


def ended(finish: Finish, names: tuple[str, ...], values: np.ndarray) -> tuple[Ending, ...]:
    """Each channel of one sample through the range rule, and as `finish` writes it."""
    written = np.empty((1, 1, len(values)), finish.dtype)
    finish.apply(values.reshape(1, 1, -1).copy(), written)
    factor = finish.white / finish.white_in
    endings = []
    for n, (name, value) in enumerate(zip(names, map(float, values), strict=True)):
        is_alpha = finish.alpha and n == len(values) - 1
        ranged = value
        if finish.rule != "none":
            ranged = _ranged("clip" if is_alpha else finish.rule, value, factor, finish)
        is_rounded = finish.rule != "none" and not finish.dtype.startswith("float")
        rounded = float(np.rint(ranged)) if is_rounded else ranged
        endings.append(Ending(name, value, ranged, rounded, float(written[0, 0, n])))
    return tuple(endings)


def _ranged(rule: str, value: float, factor: float, finish: Finish) -> float:
    """A value under a range rule, before it is rounded and clipped."""
    if rule == "abs":
        return abs(value) * factor
    if rule == "offset":
        return value * factor / 2 + finish.white / 2
    if rule == "stretch":
        first, last = finish.bounds
        return (value - first) * finish.white / (last - first) if last > first else 0.0
    return value * factor
