"""Weighted sums of shifted arrays, in as few numpy passes as the weights allow.

Taps of equal size are added before the one multiplication they share, and a size of one is not multiplied. Floats are
multiplied and added in one pass, where the library for products can do that. What a sum costs is counted in passes
over its output, so that callers can compare.
"""

from collections.abc import Callable, Hashable, Iterable
from math import sqrt

import numpy as np

from convcli.engine import Lay, Tape, blas
from convcli.engine.scratch import Scratch

__all__ = [
    "EXACT",
    "TOLERANCE",
    "Limits",
    "Terms",
    "add_group",
    "group",
    "laid_by_map",
    "number",
    "passes",
    "phases",
    "rounding",
    "rows_in_cache",
    "slack",
    "weighted_sum",
]

CACHED = 1 << 21  # bytes of one array among the three or four of a pass

Limits = tuple[tuple[str, float], ...]  # dtypes, and the largest whole sum that is exact in each
EXACT: Limits = (("int16", 2**15 - 1), ("uint16", 2**16 - 1), ("int32", 2**31 - 1), ("float64", 2**53))  # of additions
TOLERANCE = 1e-3  # of a level: what a sum may be off when it is not whole

Terms = list[tuple[float, list[tuple[bool, Hashable]]]]


def group(taps: Iterable[tuple[Hashable, float]]) -> Terms:
    """Taps by the size of their weights: [(size, [(is positive, tap), ...]), ...], zeros left out.

    A group whose weights are all negative has a negative size and positive taps: it is subtracted whole. A positive
    group comes first and size 1 last, which saves a negation and a pass.
    """
    sizes: dict[float, list] = {}
    for tap, weight in taps:
        if weight:
            sizes.setdefault(abs(float(weight)), []).append((bool(weight > 0), tap))
    terms = []
    for size, signed in sizes.items():
        if any(plus for plus, _ in signed):
            terms.append((size, sorted(signed, key=lambda tap: not tap[0])))
        else:
            terms.append((-size, [(True, tap) for _, tap in signed]))
    return sorted(terms, key=lambda term: (term[0] < 0, abs(term[0]) == 1))


def passes(terms: Terms, dtype: str) -> int:
    """Passes of `weighted_sum` in a dtype; for floats those with the library."""
    if dtype in blas.REALS:
        begins_with_sum = any(len(taps) > 1 for _, taps in terms)
        is_scaled_alone = begins_with_sum and len(terms) == 1 and terms[0][0] != 1
        return sum(len(taps) for _, taps in terms) - begins_with_sum + is_scaled_alone
    done = max(len(terms) - 1, 0)
    for n, (size, taps) in enumerate(terms):
        is_scaled = size != 1 and (n == 0 or size != -1)
        done += len(taps) - 1 + (is_scaled or (n == 0 and len(taps) == 1))
    return done


def rounding(bound: float, taps: int) -> float:
    """How far off a float32 sum of so many taps, at most `bound`, may be: roundings add up as random steps do."""
    return 2.0**-24 * bound * (1 + sqrt(taps))


def slack(white: float) -> float:
    """What a sum may be off by rounding, where levels go up to white: TOLERANCE, and less where a level is small."""
    return min(TOLERANCE, 4e-6 * white)


def weighted_sum(
    terms: Terms, under: Callable[[Hashable], np.ndarray], out: np.ndarray, scratch: Scratch, tape: Tape
) -> None:
    """Puts on the tape what fills `out` (rows, width) with the sum of weight * under(tap) over all taps.

    `under` gives arrays of that shape. A few rows at a time go through all passes, so that what one wrote the next
    finds in the cache.
    """
    if not terms:
        tape.append((out.fill, (0,)))
        return
    views = [(size, [(plus, under(tap)) for plus, tap in taps]) for size, taps in terms]
    rows, fill = rows_in_cache(out), _sum_scaled if blas.can_add_scaled(out.dtype) else _sum
    for top in range(0, len(out), rows):
        part = slice(top, top + rows)
        share = scratch.take("share", out[part].shape, out.dtype) if len(views) > 1 else None
        fill([(size, [(plus, view[part]) for plus, view in taps]) for size, taps in views], out[part], share, tape)


def rows_in_cache(block: np.ndarray) -> int:
    """How many rows of a block make arrays short enough for the cache and long enough to be worth a call."""
    return max(1, CACHED // max(block[0].nbytes, 1))


def _sum(terms: list, out: np.ndarray, share: np.ndarray | None, tape: Tape) -> None:
    """Puts the sum of size * (+- array) over all terms into `out`; `share` is room for one term."""
    for n, (size, taps) in enumerate(terms):
        factor = abs(size) if n else size  # a later negative group is subtracted
        is_there = n and factor == 1 and len(taps) == 1
        total = taps[0][1] if is_there else _total(taps, factor, share if n else out, tape)
        if n:
            tape.append((np.add if size > 0 else np.subtract, (out, total, out)))


def _sum_scaled(terms: list, out: np.ndarray, share: np.ndarray | None, tape: Tape) -> None:
    """The same for floats: a group is scaled while it is added, and the first, if it is a sum, with the second."""
    (size, taps), *others = sorted(terms, key=lambda term: len(term[1]) == 1)
    waits = len(taps) > 1 and others != []
    _total(taps, 1 if waits else size, out, tape)
    before = size if waits else 1
    for size, taps in others:
        total = _total(taps, 1, share, tape) if len(taps) > 1 else taps[0][1]
        blas.add_scaled(before, out, size, total, tape)
        before = 1


def _total(taps: list, factor: float, total: np.ndarray, tape: Tape) -> np.ndarray:
    """Where factor * the sum of (+- array) will be."""
    (_, first), *others = taps
    for plus, tap in others:
        tape.append((np.add if plus else np.subtract, (first, tap, total)))
        first = total
    if factor != 1 or not others:
        tape.append((np.multiply, (first, number(factor, total.dtype), total)))
    return total


def add_group(total: np.ndarray, size: float, out: np.ndarray, tape: Tape) -> None:
    """Puts on the tape: size * total is added to `out`; the total may be lost."""
    if blas.can_add_scaled(out.dtype):
        blas.add_scaled(1, out, size, total, tape)
    else:
        if abs(size) != 1:
            tape.append((np.multiply, (total, number(abs(size), out.dtype), total)))
        tape.append((np.add if size > 0 else np.subtract, (out, total, out)))


def number(value: float, dtype: np.dtype) -> np.ndarray:
    """A number for a tape: as an array, or numpy would make one in every call, in which other threads wait.

    Integers wrap round, as their sums do, and come out right where the sum fits.
    """
    return np.array(value, dtype if dtype.kind == "f" else np.int64).astype(dtype)


def phases(block: np.ndarray, stride: int, scratch: Scratch, tape: Tape, name: str = "phase") -> list[np.ndarray]:
    """Every stride-th column of (rows, columns, C) from each start, as contiguous (rows, columns * C) arrays.

    A stride would make every pass a gather; dealt out once, each tap reads one phase in a straight line.
    """
    if stride == 1 and block.flags.c_contiguous:
        return [block.reshape(len(block), -1)]
    lines = []
    for start in range(min(stride, block.shape[1])):
        phase = block[:, start::stride]
        line = scratch.take(f"{name} {start}", phase.shape, phase.dtype)
        whole = phase.strides[2] == phase.itemsize  # a pixel at a time takes half as long as its samples
        tape.append((np.copyto, (_pixels(line), _pixels(phase)) if whole else (line, phase)))
        lines.append(line.reshape(len(block), -1))
    return lines


def _pixels(block: np.ndarray) -> np.ndarray:
    """The block (rows, columns, C), channels side by side, as (rows, columns) of whole pixels."""
    return block.view(np.dtype((np.void, block.shape[2] * block.itemsize)))[:, :, 0]


def laid_by_map(is_bank: bool, stride: int, lay_map: Callable[..., None]) -> Lay:
    """The `lay` of a method that sums one map at a time over the phases of the planes.

    lay_map(o, planes, out, channels, scratch, tape): puts map o over `planes`, a list of phases for each, into `out`
    (rows, columns * channels). is_bank: the kernel has planes; else all channels are one plane and map 0.
    """

    def lay(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
        if not is_bank:
            lines = [phases(block, stride, scratch, tape)]
            lay_map(0, lines, out.reshape(len(out), -1), block.shape[2], scratch, tape)
            return
        planes = [phases(block[:, :, c : c + 1], stride, scratch, tape, f"plane {c}") for c in range(block.shape[2])]
        plane = scratch.take("map", out.shape[:2], out.dtype)
        for o in range(out.shape[2]):
            lay_map(o, planes, plane, 1, scratch, tape)
            tape.append((np.copyto, (out[:, :, o], plane)))

    return lay
