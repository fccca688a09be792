"""The methods: one file each, one row of the table each.

A method is a module with six functions:

    refusal(kernel, geometry, signal) -> str | None
        why this method cannot do the job, in words for the user; None when it can.
    exact(kernel) -> ((dtype, limit), ...)
        the dtypes in which it sums whole numbers, the quickest first, and the largest sum that is exact in each.
    rounding(kernel, geometry, signal, bound) -> float
        how far off a float32 sum may be, in levels, where no sum is above `bound`; inf where float64 is not enough.
    cost(kernel, geometry, channels, numbers) -> float
        nanoseconds for each sample of the result on one thread, from `convcli.engine.costs`.
    blocks(kernel, geometry, channels, numbers) -> Blocks
        the shape of memory it wants to work on.
    build(kernel, geometry, channels, numbers) -> lay
        what can be worked out before the first sample, and `lay(block, out, scratch, tape)`, which puts on the tape the
        calls that write the sums of `kernel.matrix` into `out`, neither scaled, rounded nor clipped:

            block: (rows, columns, C) of `numbers.dtype`, or of another where `blocks` allows that, contiguous: the
                input under `n` rows of output, padding included; never written to.
            out: (n, geometry.x.out, C) of that dtype, contiguous; C is O for a kernel with planes.
            scratch: a `Scratch`, memory that the next strip finds again.
            tape: a list of (function, arguments).

        Every strip that lies in the same memory runs the same tape: what is between two numpy calls keeps other threads
        waiting, and so it is done once.

        Where `blocks` asks for planes, `lay` is called once for each channel, with the same scratch: block is
        (1, rows, columns) and out (1, n, geometry.x.out); `build` gets the number of all channels.
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

__all__ = ["METHODS", "Blocks", "Lay", "Numbers", "Tape", "load", "play"]

Tape = list[tuple[Callable[..., object], tuple]]
Lay = Callable[..., None]


class Numbers(NamedTuple):
    """What the plan proved of the sums: their dtype, whether they are whole, whether samples have bounds."""

    dtype: str
    whole: bool = False
    bounded: bool = True


class Blocks(NamedTuple):
    """The memory a method works on.

    grain: the rows of a block are a multiple of it and start at one, so that a method whose rounding depends on the
    shape of its blocks gives the same sums for every strip. planar: channels one after the other, not side by side.
    arrays: as large as a strip that it goes through, two of them as wide as the padded input, and of one plane where it
    is planar. raw: a block may have the dtype of the picture, for the method makes copies of its samples anyway.
    """

    grain: int = 1
    planar: bool = False
    arrays: int = 5
    raw: bool = False


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


def play(tape: Tape) -> None:
    """Makes the calls of a tape, one after the other."""
    for call, args in tape:
        call(*args)
