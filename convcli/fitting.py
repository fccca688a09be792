"""Least squares from moments: the weights and the bias, how well they are known, and under which constraint.

The moments are those of rows `[taps, 1, results]` with a centre taken off, see `moments`. A symmetry leaves the
weights w = B u, for an orthonormal basis B; of a rank, columns and rows are solved for in turn.
"""

from typing import NamedTuple

import numpy as np

from convcli.errors import ConvError

__all__ = ["SYMMETRIES", "Solution", "Spectrum", "basis", "inner_part", "solve", "spectrum", "squares_left"]


def _turned(w):
    return w[..., ::-1, ::-1]


def _in_all_turns(w):
    turns = [np.rot90(w, n, (-2, -1)) for n in range(4)]
    return turns + [turn[..., ::-1] for turn in turns]


_IMAGES = {  # what a symmetry makes of weights; those it allows are the mean of theirs
    "even": lambda w: [w, _turned(w)],
    "odd": lambda w: [w, -_turned(w)],
    "horizontal": lambda w: [w, w[..., ::-1]],
    "vertical": lambda w: [w, w[..., ::-1, :]],
    "isotropic": _in_all_turns,
}
SYMMETRIES = tuple(_IMAGES)

NOISE = 1e-15  # of the largest eigenvalue, for each unknown: what rounding makes of zero
ROUNDS, STILL = 200, 1e-13  # of solving for columns and rows in turn


class Solution(NamedTuple):
    """The weights (O, T) and the bias of all results; biases: (O,), of each alone.

    spread: (O, T), the standard errors of the weights for noise of variance 1; freedom: how many numbers were free.
    """

    weights: np.ndarray
    bias: float
    biases: np.ndarray
    spread: np.ndarray
    freedom: int


class Spectrum(NamedTuple):
    """What the windows tell of the weights: `rank` of `size` unknowns.

    condition: how many times further the windows spread along one combination of taps than along another.
    """

    rank: int
    size: int
    condition: float


def basis(symmetry: str | None, shape: tuple[int, int, int]) -> np.ndarray:
    """(T, p): orthonormal columns that span the weights (C, kh, kw) of a symmetry; all of them without one.

    Raises ConvError where a symmetry leaves nothing, or is one of squares alone.
    """
    taps = int(np.prod(shape))
    if symmetry is None:
        return np.eye(taps)
    if symmetry == "isotropic" and shape[1] != shape[2]:
        raise ConvError(f"isotropic weights are square, not {shape[1]}x{shape[2]}")
    images = _IMAGES[symmetry](np.eye(taps).reshape(taps, *shape))
    orbits = sum(images).reshape(taps, taps)  # row n: the taps that go with tap n, and the signs they go with
    first = [n for n, row in enumerate(orbits) if row.any() and np.flatnonzero(row)[0] == n]
    if not first:
        raise ConvError(f"of {shape[1]}x{shape[2]} weights none but zeros are {symmetry}")
    return (orbits[first] / np.linalg.norm(orbits[first], axis=1, keepdims=True)).T


def inner_part(moments: np.ndarray, full: tuple[int, int], inner: tuple[int, int]) -> np.ndarray:
    """The moments of smaller windows in the middle of larger ones (one plane), whose sides differ by even numbers."""
    y, x = ((a - b) // 2 for a, b in zip(full, inner, strict=True))
    taps = np.arange(full[0] * full[1]).reshape(full)[y : y + inner[0], x : x + inner[1]]
    kept = np.concatenate((taps.ravel(), np.arange(full[0] * full[1], len(moments))))
    return moments[np.ix_(kept, kept)]


def spectrum(moments: np.ndarray, allowed: np.ndarray, centre: float, bias: float | None = None) -> Spectrum:
    """What the moments tell of weights within a basis."""
    squares = allowed.T @ _reduced(moments, len(allowed), centre, bias)[0][: len(allowed), : len(allowed)] @ allowed
    values = np.linalg.eigvalsh(squares)
    least, most = float(values[0]), float(values[-1])
    rank = int((values > NOISE * len(values) * most).sum()) if most > 0 else 0
    return Spectrum(rank, len(values), float(np.sqrt(most / least)) if rank == len(values) else np.inf)


def solve(
    moments: np.ndarray,
    allowed: np.ndarray,
    centre: float,
    *,
    bias: float | None = None,
    ridge: float = 0.0,
    rank: int | None = None,
    shape: tuple[int, int, int] | None = None,
) -> Solution:
    """The weights within a basis that leave the smallest squares, and the bias where it is not given.

    ridge: R adds R n v |w|^2 to the sum of n squares, v being the mean variance of the taps, so that R has no unit.
    rank: of each plane of the weights of `shape` (C, kh, kw).
    """
    taps = len(allowed)
    squares, means = _reduced(moments, taps, centre, bias)
    weights, spread, freedom = _weights(squares, allowed, ridge, rank, shape)
    if bias is not None:
        return Solution(weights, bias, np.full(len(weights), bias), spread, freedom)
    biases = means[taps:] - weights @ means[:taps]
    if len(biases) > 1:  # one is added to all results; the best for all is the mean of the best for each
        best = float(biases.mean())
        weights, spread, freedom = _weights(_reduced(moments, taps, centre, best)[0], allowed, ridge, rank, shape)
    return Solution(weights, float(biases.mean()), biases, spread, freedom + 1)


def squares_left(moments: np.ndarray, centre: float, solution: Solution) -> float:
    """The sum of the squared residuals of all results, as the moments have it."""
    taps = solution.weights.shape[1]
    rows = np.zeros((len(solution.weights), len(moments)))
    rows[:, :taps] = solution.weights
    rows[:, taps] = solution.bias + centre * (solution.weights.sum(axis=1) - 1)
    rows[:, taps + 1 :] = -np.eye(len(rows))
    return float(max(np.einsum("oi,ij,oj->", rows, moments, rows), 0.0))


def _reduced(moments: np.ndarray, taps: int, centre: float, bias: float | None) -> tuple[np.ndarray, np.ndarray]:
    """The moments of taps and results without the constant, which their means or the given bias stand for."""
    rest = np.delete(np.arange(len(moments)), taps)
    if bias is None:
        means = moments[taps] / max(moments[taps, taps], 1.0)
        about = moments - np.outer(means, means) * moments[taps, taps]
        return about[np.ix_(rest, rest)], means[rest] + centre
    shift = np.where(np.arange(len(moments)) < taps, centre, centre - bias)
    shift[taps] = 0
    across = np.outer(shift, moments[taps])
    raw = moments + across + across.T + np.outer(shift, shift) * moments[taps, taps]
    return raw[np.ix_(rest, rest)], np.zeros(len(rest))


def _weights(squares, allowed, ridge: float, rank: int | None, shape) -> tuple[np.ndarray, np.ndarray, int]:
    """Weights (O, T), their standard errors for unit noise, and how many numbers were free for one result."""
    taps = len(allowed)
    inner, cross = squares[:taps, :taps], squares[:taps, taps:]
    inner_ridged = inner + ridge * np.trace(inner) / taps * np.eye(taps)
    inverse = allowed @ np.linalg.pinv(allowed.T @ inner_ridged @ allowed, 1e-16, hermitian=True) @ allowed.T
    weights = (inverse @ cross).T
    if rank is None or rank >= min(shape[1:]):
        spread = np.sqrt(np.maximum(np.diag(inverse @ inner @ inverse), 0))
        return weights, np.tile(spread, (len(weights), 1)), allowed.shape[1]
    found = [_of_rank(inner_ridged, column, start, rank, shape) for column, start in zip(cross.T, weights, strict=True)]
    spread = []
    for columns, rows in found:
        tangent = np.concatenate((_beside(rows, shape[1]), _over(columns, shape[2])), axis=1)
        inverse = tangent @ np.linalg.pinv(tangent.T @ inner_ridged @ tangent, 1e-12, hermitian=True) @ tangent.T
        spread.append(np.sqrt(np.maximum(np.diag(inverse @ inner @ inverse), 0)))
    freedom = shape[0] * rank * (shape[1] + shape[2] - rank)
    weights = [np.einsum("cru,crv->cuv", columns, rows).ravel() for columns, rows in found]
    return np.array(weights), np.array(spread), freedom


def _of_rank(inner, cross, start, rank: int, shape) -> tuple[np.ndarray, np.ndarray]:
    """Columns (C, R, kh) and rows (C, R, kw) whose products leave the smallest squares, from `start` on."""
    left, sizes, right = np.linalg.svd(start.reshape(shape), full_matrices=False)
    columns, rows = (left * sizes[:, None, :]).transpose(0, 2, 1)[:, :rank], right[:, :rank]
    before = np.inf
    for _ in range(ROUNDS):
        rows = _orthonormal(rows)
        columns = _solved(_beside(rows, shape[1]), inner, cross).reshape(*columns.shape[:2], -1)
        columns = _orthonormal(columns)
        design = _over(columns, shape[2])
        rows = _solved(design, inner, cross).reshape(*rows.shape[:2], -1)
        weights = design @ rows.ravel()
        left_over = weights @ inner @ weights - 2 * weights @ cross  # what depends on the weights
        if before - left_over <= STILL * abs(left_over):
            break
        before = left_over
    return columns, rows


def _orthonormal(stack: np.ndarray) -> np.ndarray:
    """Orthonormal vectors that span what the vectors of each plane span."""
    return np.swapaxes(np.linalg.qr(np.swapaxes(stack, 1, 2))[0], 1, 2)


def _solved(design, inner, cross) -> np.ndarray:
    return np.linalg.pinv(design.T @ inner @ design, 1e-15, hermitian=True) @ (design.T @ cross)


def _beside(rows: np.ndarray, high: int) -> np.ndarray:
    """(T, C R kh): what one more in each column does to the weights, beside given rows."""
    planes, rank, wide = rows.shape
    table = np.einsum("cd,uw,crv->cuvdrw", np.eye(planes), np.eye(high), rows)
    return table.reshape(planes * high * wide, planes * rank * high)


def _over(columns: np.ndarray, wide: int) -> np.ndarray:
    """(T, C R kw): what one more in each row does to the weights, under given columns."""
    planes, rank, high = columns.shape
    table = np.einsum("cd,vw,cru->cuvdrw", np.eye(planes), np.eye(wide), columns)
    return table.reshape(planes * high * wide, planes * rank * wide)
