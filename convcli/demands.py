"""What is asked of a fit, held against the pictures: their channels, their sizes, and the constraints."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convcli import fitting
from convcli.errors import ConvError, GeometryError, InputError
from convcli.geometry import Geometry, Window
from convcli.moments import Pair

__all__ = ["check_constraints", "check_pairs", "check_size", "fitted", "told_size"]

SELECTS = ("each", "gray", "sum")
MOST = 3000  # weights: their moments are so many squared, and a minute's work
MOST_SAMPLES = 1 << 25  # under one row of windows
LEAST, LARGEST = 1e-60, 1e60  # that the largest sample may be: squares of sums of squares are still numbers then


def check_pairs(pairs: Sequence[Pair], select: str) -> None:
    """Raises ConvError and InputError for pictures that cannot be compared."""
    if select not in SELECTS:
        raise ConvError(f'channels: "{select}" is none of {", ".join(SELECTS)}')
    for pair in pairs:
        before, after = pair.before.shape[2], pair.after.shape[2]
        if select == "gray" and (before not in (1, 3) or after != 1):
            raise ConvError(f"gray makes one channel of red, green and blue, not {after} of {before}")
        if select == "each" and before != after:
            remedy = "sum finds a plane for each" + ", gray takes the luma" * ((before, after) == (3, 1))
            raise ConvError(f"{before} and {after} channels do not go together one by one (--channels {remedy})")
        first = pairs[0]
        if (before, after) != (first.before.shape[2], first.after.shape[2]):
            raise ConvError(
                f"the pairs differ: {first.before.shape[2]} to {first.after.shape[2]} channels, and {before} to {after}"
            )
        if pair.before.dtype.kind == "f" and not np.isfinite(pair.before).all():
            raise InputError(f"{pair.names[0]}: holds numbers that are not finite")
        for name, samples in zip(pair.names, (pair.before, pair.after), strict=True):
            if samples.dtype.kind == "f":
                _check_peak(name, samples)


def _check_peak(name: str, samples: np.ndarray) -> None:
    """Raises InputError where squares are too large or too small for floats; NaN is nobody's largest."""
    peak = float(max(np.fmax.reduce(samples, axis=None), -np.fmin.reduce(samples, axis=None)))
    if np.isinf(peak):
        raise InputError(f"{name}: holds numbers that are infinite (nan stands for what is unknown)")
    if peak > LARGEST or 0 < peak < LEAST:
        raise InputError(
            f"{name}: its largest number is {peak:.3g}, whose square is too {'large' if peak > 1 else 'small'} to be"
            f" added up (multiply it by {10.0 ** -round(np.log10(peak)):g})"
        )


def check_constraints(rank: int | None, symmetry: str | None, ridge: float) -> None:
    """Raises ConvError for constraints that mean nothing."""
    if symmetry is not None and symmetry not in fitting.SYMMETRIES:
        raise ConvError(f'symmetry "{symmetry}" is none of {", ".join(fitting.SYMMETRIES)}')
    if rank is not None and rank < 1:
        raise ConvError(f"rank {rank} is too small (at least 1)")
    if rank is not None and symmetry is not None:
        raise ConvError("rank and symmetry do not go together (choose one)")
    if not 0 <= ridge < float("inf"):
        raise ConvError(f"ridge {ridge:g} is not a number from 0 on")


def check_size(size: tuple[int, int], planes: int) -> None:
    """Raises ConvError for a kernel with more weights than are ever found."""
    weights = size[0] * size[1] * planes
    if weights > MOST:
        raise ConvError(f"a {size[0]}x{size[1]} kernel has {weights} weights to find, over the limit of {MOST}")


def told_size(pair: Pair, window: Window, summed: bool) -> tuple[int, int] | None:
    """The size of kernel that the sizes of a pair tell, or None where they fit any."""
    if window.anchor is not None:
        raise ConvError("an anchor wants a size (give --k)")
    if window.padding == "same":
        if summed:
            raise ConvError("planes want a size (give --k)")
        return None
    if window.stride != (1, 1):
        raise ConvError(f"stride and padding {window.padding} leave several sizes (give --k)")
    found = []
    for axis, name in enumerate(("high", "wide")):
        before, after = pair.before.shape[axis], pair.after.shape[axis]
        if window.padding == "full":
            reach = after - before
        else:
            reach = before - after + (0 if window.padding == "valid" else sum(window.padding[2 * axis : 2 * axis + 2]))
        taps, rest = divmod(reach, window.dilation[axis])
        if rest or taps < 0:
            raise GeometryError(f"{pair.names[1]}: is {after} {name}, and no kernel makes that of {before}")
        found.append(taps + 1)
    return tuple(found)


def fitted(pair: Pair, window: Window, taps: tuple[int, int]) -> Geometry:
    """The geometry of a window of that size over a pair. Raises GeometryError where another size comes out."""
    anchor = window.anchor
    if window.op == "convolve":
        anchor = tuple(k - 1 - a for k, a in zip(taps, anchor or [(k - 1) // 2 for k in taps], strict=True))
    size, wanted = pair.before.shape[:2], pair.after.shape[:2]
    geometry = window.fit(size, taps, anchor)
    if geometry.out != wanted:
        made, there = ("x".join(map(str, numbers)) for numbers in (geometry.out, wanted))
        raise GeometryError(
            f"{pair.names[1]}: is {there}, and a {taps[0]}x{taps[1]} kernel makes {made} of {size[0]}x{size[1]}"
            f"{_remedy(size, wanted, window, taps, anchor)}"
        )
    width = geometry.x.lo + geometry.x.size + geometry.x.hi
    if geometry.y.reach * width > MOST_SAMPLES:
        raise GeometryError(
            f"the window sees {geometry.y.reach} rows of {width} pixels at once, more than memory is meant for"
            " (use less padding or dilation)"
        )
    return geometry


def _remedy(size, wanted, window: Window, taps, anchor) -> str:
    """The stride or the padding that would have given the size, in words."""
    for padding in dict.fromkeys((window.padding, "same", "valid", "full")):
        for stride in dict.fromkeys((window.stride, (1, 1), *((a, b) for a in range(1, 17) for b in range(1, 17)))):
            try:
                made = replace(window, padding=padding, stride=stride).fit(size, taps, anchor).out
            except GeometryError:
                continue
            if made == wanted:
                words = [f"--padding {padding}"] * (padding != window.padding)
                words += [f"--stride {','.join(map(str, dict.fromkeys(stride)))}"] * (stride != window.stride)
                return f" ({' '.join(words)} makes that)"
    return ""
