"""A program over a picture, to the levels of a file; which range rule, and which level is white."""

from collections.abc import Callable

import numpy as np

from convcli.engine import play
from convcli.engine.scratch import empty, forget
from convcli.engine.strips import copy, taking
from convcli.errors import ConvError
from convcli.finish import Finish, Tally, finite_ends
from convcli.graph import Program

__all__ = ["RULES", "bounds", "render", "resolve", "white_of"]

LARGE = 1 << 26  # bytes of a result from which the next step, its encoder, needs all memory
RULES = ("auto", "clip", "abs", "offset", "stretch", "none")


def render(program: Program, pixels: np.ndarray, finish: Finish, threads: int) -> tuple[np.ndarray, Tally]:
    """The levels (H', W', C') of a program over `pixels` (H, W, C), and what the range rule met."""
    out = empty(program.signal.shape, finish.dtype)
    if finish.rule == "stretch" and finish.bounds is None:
        finish = finish._replace(bounds=bounds(program, pixels, finish.alpha, threads))
    whole = program.undivided
    if whole and finish.takes_whole:
        program, finish = whole[0], finish._replace(share=whole[1])
    tallies: list[Tally] = []

    def levels(block: np.ndarray) -> Callable[[int], None]:
        """What makes levels of a strip that lies in `block`, called with its first row."""
        laid = finish.lay(block)

        def apply(start: int) -> None:
            tallies.append(finish.apply(block, out[start : start + len(block)]))

        def run(start: int) -> None:
            play(laid[0])
            copy(out[start : start + len(block)], laid[1])

        return run if laid else apply

    program.run(pixels, threads, levels)
    if out.nbytes > LARGE:
        forget()
    total = Tally(finish.rule, white=finish.white_in, signed=finish.signed)
    if not tallies:  # what is laid tells nothing: nothing was counted, and the bounds are those that are proven
        (total.min, total.max), total.samples = finish.proven, finish.samples(out)
    for tally in tallies:
        total.add(tally)
    return out, total


def bounds(program: Program, pixels: np.ndarray, alpha: bool, threads: int) -> tuple[float, float]:
    """Smallest and largest sum of the colours: a whole pass of its own, since no float picture is kept."""
    found: list[tuple[float, float]] = []
    colours = slice(0, -1 if alpha else None)
    program.run(pixels, threads, taking(lambda start, block: found.append(finite_ends(block[:, :, colours]))))
    return (min(low for low, _ in found), max(high for _, high in found))


def white_of(dtype: str) -> float:
    """The white level of a dtype: the largest value of unsigned integers and int32, 1.0 for floats."""
    kind = np.dtype(dtype)
    return float(np.iinfo(kind).max) if kind.kind in "iu" else 1.0


def resolve(rule: str, declared: str | None, is_signed: bool, is_float: bool) -> str:
    """`auto` made definite: none for floats, what the filter's file says, abs for zero-sum weights, clip."""
    if rule not in RULES:
        raise ConvError(f'range "{rule}" is none of {", ".join(RULES)}')
    if rule != "auto":
        return rule
    return "none" if is_float else declared or ("abs" if is_signed else "clip")
