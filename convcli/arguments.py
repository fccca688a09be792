"""What Python programs give, turned into filters and windows once, with a message where that cannot be."""

from math import isfinite
from operator import index
from pathlib import Path

import numpy as np

from convcli import library
from convcli.border import Border
from convcli.errors import ConvError, FilterError
from convcli.filters import Filter, Kernel, Link, Step
from convcli.geometry import Window
from convcli.words import amount

__all__ = ["links_of", "pair_of", "weights_of", "window_of"]


def links_of(filter) -> tuple[Link, ...]:
    """The links of a filter: text, a Path, a Filter, a Kernel, or weights."""
    if isinstance(filter, Kernel):
        return (Link(Filter("kernel", (Step("kernel", filter),))),)
    if isinstance(filter, Filter):
        return (Link(filter),)
    if isinstance(filter, str | Path):
        return library.parse(str(filter))
    return links_of(Kernel(weights_of(filter)))


def weights_of(weights) -> np.ndarray:
    """The weights as float64, of whatever shape. Raises FilterError where they are no array of numbers."""
    try:
        array = np.asarray(weights)
        if array.dtype.kind not in "buif":
            raise TypeError
    except (TypeError, ValueError):
        raise FilterError("weights are no rectangular array of numbers") from None
    return array.astype(np.float64)


def window_of(stride, dilation, padding, padding_mode, anchor, op, bias) -> Window:
    """The window of `convcli.apply`, its words checked; raises ConvError and its children."""
    border = padding_mode if isinstance(padding_mode, Border) else Border.parse(padding_mode)
    try:
        bias = float(bias)
    except (TypeError, ValueError):
        raise ConvError(f"bias is {bias!r}, wanted a number") from None
    if not isfinite(bias):
        raise ConvError(f"bias is {bias}, wanted a finite number")
    return Window(
        pair_of(stride, "stride"),
        pair_of(dilation, "dilation"),
        amount(padding) if isinstance(padding, str) else _sides(padding),
        border,
        op,
        bias,
        None if anchor is None else pair_of(anchor, "anchor"),
    )


def _sides(padding) -> tuple[int, int, int, int]:
    """Top, bottom, left, right from one, two or four whole numbers."""
    sides = _whole_numbers(padding, "padding", (1, 2, 4))
    if len(sides) == 4:
        return sides
    return (sides[0], sides[0], sides[-1], sides[-1])


def pair_of(value, what: str) -> tuple[int, int]:
    """Two whole numbers, y and x, from one or two; `what` is how a message calls them."""
    pair = _whole_numbers(value, what, (1, 2))
    return (pair[0], pair[-1])


def _whole_numbers(value, what: str, lengths: tuple[int, ...]) -> tuple[int, ...]:
    """One whole number, or a sequence of as many as `lengths` allows."""
    try:
        numbers = tuple(index(n) for n in (value if np.ndim(value) else (value,)))
    except (TypeError, ValueError):
        raise ConvError(f"{what} is {value!r}, wanted whole numbers") from None
    if len(numbers) not in lengths:
        raise ConvError(f"{what} is {value!r}, wanted a whole number or a pair{' or four' * (4 in lengths)}")
    return numbers
