"""The kernel and the bias that turn one picture into another, and how well they do it.

Moments are gathered in one pass over the pictures, the weights solved for, and a second pass filters the pictures
before with what was found, by the engine itself, and compares with the pictures after.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor, log10

import numpy as np

from convcli import demands, fitting
from convcli.comparison import Comparison, Span, compare, span
from convcli.errors import InputError
from convcli.filters import Kernel
from convcli.geometry import Window
from convcli.moments import Pair, gather

__all__ = ["Fit", "learn"]

LARGEST = 15  # taps on a side that are tried where no size is given
STILL = 1.005  # how much more residual a smaller kernel may leave
ROUNDING, FINE = 3e-4, 1e-9  # of a level, of the spread of numbers: what digits beyond it would tell is nothing
UNDER, CHANCE = (*range(1, 33), 64, 100, 256), 1e-6  # denominators, and how likely any weights may be to have one
LOOSE = 0.05  # of the largest weight: a standard error that is worth a word


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What was found.

    kernel: as drawn, anchor included; window: with the bias, so that both make a step of `apply`. errors: the standard
    errors of the weights, in their shape. unknowns: how many numbers were free. every: of so many strips one was
    used. condition: of the windows, see `fitting.Spectrum`. is_simple: the weights are multiples of the kernel's scale
    within these errors, and were taken as such. notes: what is doubtful, a line each.
    """

    kernel: Kernel
    window: Window
    select: str
    errors: np.ndarray
    unknowns: int
    every: int
    condition: float
    residual: Comparison
    is_simple: bool = False
    notes: tuple[str, ...] = ()

    @property
    def bias(self) -> float:
        """What is added to every sum, in the levels of the picture before."""
        return self.window.bias


def learn(
    pairs: Sequence[Pair],
    window: Window,
    size: tuple[int, int] | None = None,
    *,
    select: str = "each",
    bias: float | None = None,
    rank: int | None = None,
    symmetry: str | None = None,
    ridge: float = 0.0,
    threads: int = 1,
) -> Fit:
    """The fit for a kernel of `size` (rows, columns), or for the smallest square one that does as well as larger ones.

    select: `each`, every channel alone under one matrix; `sum`, a plane for each channel; `gray`, the luma.
    bias: given, or None to find it. rank, symmetry: of each plane. ridge: see `fitting.solve`.
    Raises GeometryError where sizes do not fit each other, InputError where the pairs do not determine the weights.
    """
    demands.check_pairs(pairs, select)
    demands.check_constraints(rank, symmetry, ridge)
    pairs = [replace(pair, gray=select == "gray" and pair.before.shape[2] == 3) for pair in pairs]
    channels, results = pairs[0].channels, pairs[0].after.shape[2]
    summed = select == "sum" and (channels, results) != (1, 1)
    centre = float(pairs[0].before.mean(dtype=np.float64))
    size = size or demands.told_size(pairs[0], window, summed)
    tried = size or (LARGEST, LARGEST)
    demands.check_size(tried, channels if summed else 1)
    geometries = [demands.fitted(pair, window, tried) for pair in pairs]
    moments, every = gather(pairs, geometries, summed, centre, threads)
    taps = len(moments) - 1 - (results if summed else 1)
    if size is None:
        size = _smallest(moments, centre, bias)
        moments, taps = fitting.inner_part(moments, tried, size), size[0] * size[1]
    shape = (channels if summed else 1, *size)
    allowed = fitting.basis(symmetry, shape)
    spectrum = fitting.spectrum(moments, allowed, centre, bias)
    _check_enough(pairs, moments, taps, spectrum, bias, ridge, shape)
    solution = fitting.solve(moments, allowed, centre, bias=bias, ridge=ridge, rank=rank, shape=shape)
    kernel, window = _drawn(solution, shape, results if summed else None, window, pairs)
    spanned = span(pairs)
    residual = compare(pairs, spanned, kernel, window, select, threads)
    errors = _errors(solution, moments[taps, taps], residual, pairs[0].factor)
    errors = _as_drawn(errors, shape, results if summed else None, window.op)
    fit = Fit(kernel, window, select, errors, solution.freedom, every, spectrum.condition, residual)
    if residual.is_rounded and residual.is_exact and not ridge:
        fit = _simplified(fit, bias, pairs, spanned, threads)
    return replace(fit, notes=_doubts(fit, solution, pairs))


def _errors(solution, fitted: float, residual: Comparison, factor: float) -> np.ndarray:
    """(O, T): standard errors, as if what is left over were noise; fitted: rows that were fitted."""
    maps, rows = len(solution.weights), residual.known / len(solution.weights)
    squares = residual.squares if len(residual.squares) == maps else residual.squares.sum(keepdims=True)
    noise = np.sqrt(squares * (fitted / max(rows, 1)) / max(fitted - solution.freedom, 1)) * factor
    return solution.spread * noise[:, None]


def _as_drawn(weights: np.ndarray, shape, results: int | None, op: str) -> np.ndarray:
    """Weights (O, T) as they are applied in the shape a kernel file has them."""
    weights = weights.reshape(-1, *shape)
    if op == "convolve":
        weights = weights[..., ::-1, ::-1]
    return weights[0, 0] if results is None else weights[0] if results == 1 else weights


def _smallest(moments: np.ndarray, centre: float, bias: float | None) -> tuple[int, int]:
    """The side of the smallest odd kernel whose residual is hardly more than that of larger ones."""
    known = moments[-2, -2]
    varied = max(moments[-1, -1] - moments[-1, -2] ** 2 / max(known, 1.0), 0.0)  # less than nothing is rounding
    sides = [side for side in range(1, LARGEST + 1, 2) if side == 1 or known >= 20 * side * side]
    left = {}  # the variance of the noise, as each side has it
    for side in sides:
        part = fitting.inner_part(moments, (LARGEST, LARGEST), (side, side))
        solution = fitting.solve(part, np.eye(side * side), centre, bias=bias)
        left[side] = fitting.squares_left(part, centre, solution) / max(known - solution.freedom, 1)
    chance = 3 * np.sqrt(2 * sides[-1] ** 2) / max(known, 1)  # by which larger ones may look better
    most = left[sides[-1]] * (STILL + chance) + 1e-12 * varied / max(known, 1)
    return next((side, side) for side in sides if left[side] <= most)


def _check_enough(pairs, moments, taps: int, spectrum, bias, ridge: float, shape) -> None:
    """Raises InputError where the moments do not determine the unknowns."""
    known, unknowns = round(moments[taps, taps]), spectrum.size + (bias is None)
    if known < 1 or (not ridge and known < unknowns):
        raise InputError(
            f"{pairs[0].names[1]}: {known} samples between black and white do not determine {unknowns} unknowns"
            " (add pairs, or take a smaller --k)"
        )
    if spectrum.rank < spectrum.size and not ridge:
        what = f"{shape[1]}x{shape[2]} windows"
        flat = "is flat" if spectrum.rank == 0 else f"tells {spectrum.rank} of {spectrum.size} weights apart"
        raise InputError(
            f"{pairs[0].names[0]}: cannot determine the kernel: in its {what} the picture before {flat}"
            " (add pairs with more detail, take a smaller --k, a --symmetry, or --ridge 1e-6)"
        )


def _drawn(solution, shape, results: int | None, window: Window, pairs) -> tuple[Kernel, Window]:
    """The kernel as drawn and the window with the bias, in as many digits as make a difference."""
    weights = _as_drawn(solution.weights, shape, results, window.op)
    peak = max(max(-float(pair.before.min()), float(pair.before.max())) for pair in pairs) or 1.0
    after = pairs[0].after
    unit = (ROUNDING if after.dtype.kind in "iu" else FINE * (float(np.nanstd(after)) or 1.0)) * pairs[0].factor
    digits = 1 - floor(log10(unit / (np.sqrt(weights.size) * peak)))
    bias = round(solution.bias, 1 - floor(log10(unit)))
    return Kernel(np.round(weights, digits) + 0.0, anchor=window.anchor), replace(window, bias=bias + 0.0, anchor=None)


def _simplified(fit: Fit, bias: float | None, pairs: Sequence[Pair], spanned: Span, threads: int) -> Fit:
    """The fit with its weights as multiples of 1, 1/2, ..., where that is no chance and agrees with no fewer samples.

    People draw such weights, and only they give the halves that rounding takes to one side or to the other.
    """
    weights, reach = fit.kernel.weights, 30 * float(fit.errors.max())  # such halves are no independent noise
    for under in UNDER:
        whole = np.rint(weights * under)
        off = float(np.abs(whole / under - weights).max())
        if off > reach or (2 * off * under) ** weights.size > CHANCE:
            continue
        kernel = fit.kernel.changed(matrix=whole + 0.0, scale=1 / under)
        for near in dict.fromkeys((round(2 * fit.bias) / 2 + 0.0, fit.bias)) if bias is None else (bias,):
            window = replace(fit.window, bias=near)
            residual = compare(pairs, spanned, kernel, window, fit.select, threads)
            if residual.is_exact and residual.agreed >= fit.residual.agreed:
                return replace(fit, kernel=kernel, window=window, residual=residual, is_simple=True)
    return fit


def _doubts(fit: Fit, solution, pairs) -> tuple[str, ...]:
    """What a reader should know before the kernel is trusted."""
    notes, residual = [], fit.residual
    largest = float(np.abs(fit.kernel.weights).max())
    if not residual.is_exact:
        notes.append(residual.verdict)
    if largest and float(fit.errors.max()) > LOOSE * largest:
        notes.append(
            f"the pair tells the weights only to within {fit.errors.max():.2g}"
            " (smooth or small pictures: add pairs, take a smaller --k, a --symmetry or --ridge)"
        )
    spread = float(np.ptp(solution.biases))
    if spread > 0.5 * pairs[0].factor and residual.is_rounded:
        notes.append(f"each map would have a bias of its own, they differ by {spread:.3g}, and apply adds one to all")
    if not residual.spread:
        notes.append("the picture after is flat, and a bias alone makes it")
    if _looks_stretched(fit, pairs):
        notes.append("black and white are reached and not passed, as by --range stretch, which scales the weights")
    if fit.every > 1:
        notes.append(f"fitted on one strip of {fit.every}: the others would add time, not digits")
    return tuple(notes)


def _looks_stretched(fit: Fit, pairs: Sequence[Pair]) -> bool:
    """True where a bias makes the sums reach from black to white and no further."""
    if pairs[0].ends is None or not fit.residual.is_exact or abs(fit.bias) < pairs[0].factor:
        return False
    reached = all((pair.after.min(), pair.after.max()) == pair.ends for pair in pairs)
    return reached and fit.residual.beyond <= 0.75
