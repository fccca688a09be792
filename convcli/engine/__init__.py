"""The methods: one file each, one row of the table each.

A method is a module with three functions:

    refusal(kernel, geometry, signal) -> str | None
        why this method cannot do the job, in words for the user; None when it can.
    cost(kernel, geometry, channels, numbers) -> float
        nanoseconds for each sample of the result on one thread, from `convcli.engine.costs`.
    build(kernel, geometry, numbers) -> Sums
        what can be worked out before the first sample.
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

__all__ = ["METHODS", "Numbers", "Sums", "load"]


class Numbers(NamedTuple):
    """What the plan proved of the sums: their dtype, whether they are whole, whether samples have bounds."""

    dtype: str
    whole: bool = False
    bounded: bool = True


class Sums(NamedTuple):
    """What a method gives: `fill(block, out, scratch)` and the grain it wants.

    `fill` writes the sums of `kernel.matrix` into `out`, neither scaled, rounded nor clipped:
        block: (rows, columns, C) of the plan's dtype, contiguous: the input under `n` rows of output, padding
            included; never written to.
        out: (n, geometry.x.out, C) of that dtype, contiguous; C is O for a kernel with planes.
        scratch: a `Scratch`, memory that the next strip finds again.
    grain: `n` is always a multiple of it and starts at one, so that a method whose rounding depends on the shape
        of its blocks gives the same sums for every strip.
    """

    fill: Callable
    grain: int = 1


METHODS = {
    "direct": "shifted copies of the picture, weighted and added up",
    "separable": "a kernel of rank one as two passes, down and along",
    "toeplitz": "banded matrices times blocks of rows",
    "fft": "products of spectra, tile by tile",
    "reference": "the definition, one output sample after the other (slow)",
}


def load(name: str) -> ModuleType:
    """The module of a method; imported when first asked for, since some cost more than the work they save."""
    return import_module(f"convcli.engine.{name}")
