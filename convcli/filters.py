"""What a filter is, once its file is read and its parameters are numbers.

A `Kernel` is weights. A `Filter` is steps over one picture and a formula that joins them; a plain kernel is
a filter of one step. A chain is a tuple of `Link`: filters run one after the other, each with what its text
said about its own window.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from convcli.errors import FilterError
from convcli.geometry import Window

__all__ = ["LOW", "RANKED", "Filter", "Kernel", "Link", "Point", "Pool", "Step", "adjusted", "check_anchor"]

NONE = MappingProxyType({})
RANKED, LOW = 256, 32  # taps on a side up to which any rank is counted; beyond it, the largest rank that is


@dataclass(frozen=True, eq=False)
class Kernel:
    """Weights as drawn: `matrix * scale`.

    matrix: (kh, kw), every channel alone; (C, kh, kw), one plane for each input channel, summed to one map;
    (O, C, kh, kw), a bank that gives O maps (PyTorch's layout). float64, read-only, finite.
    scale: kept apart so that whole numbers stay whole: a box is ones and 1/9.
    anchor: (y, x) tap that lies over the output position; default (k - 1) // 2 on each axis.
    labels: what the maps of a bank are called; none, or one for each.
    """

    matrix: np.ndarray
    scale: float = 1.0
    anchor: tuple[int, int] | None = None
    title: str = ""
    source: str = ""
    labels: tuple[str, ...] = ()

    def __post_init__(self):
        matrix = np.array(self.matrix, dtype=np.float64, order="C")
        if matrix.ndim not in (2, 3, 4) or matrix.size == 0:
            raise FilterError(f"weights have shape {matrix.shape}, wanted (kh, kw), (C, kh, kw) or (O, C, kh, kw)")
        with np.errstate(over="ignore"):
            if not np.isfinite(matrix).all() or not np.isfinite(matrix * self.scale).all():
                raise FilterError("weights must be finite numbers")
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)
        anchor = self.anchor or tuple((k - 1) // 2 for k in self.taps)
        if not all(0 <= a < k for a, k in zip(anchor, self.taps, strict=True)):
            raise FilterError(
                f"anchor {anchor[0]},{anchor[1]} lies outside the kernel of {self.taps[0]}x{self.taps[1]}"
            )
        object.__setattr__(self, "anchor", tuple(anchor))
        if self.labels and len(self.labels) != (self.maps or 1):
            raise FilterError(f"maps: {len(self.labels)} names for {self.maps or 1} map{'s' * ((self.maps or 1) > 1)}")

    @property
    def taps(self) -> tuple[int, int]:
        """Rows and columns of weights."""
        return self.matrix.shape[-2:]

    @property
    def planes(self) -> int | None:
        """Input channels it sums over; None for a matrix that takes each channel alone."""
        return None if self.matrix.ndim == 2 else self.matrix.shape[-3]

    @property
    def maps(self) -> int | None:
        """Feature maps it gives; None for a matrix that keeps the channels."""
        return {2: None, 3: 1, 4: self.matrix.shape[0]}[self.matrix.ndim]

    @cached_property
    def weights(self) -> np.ndarray:
        """The effective weights, matrix times scale, read-only."""
        weights = self.matrix * self.scale
        weights.flags.writeable = False
        return weights

    @cached_property
    def sum(self) -> float:
        """Sum of the effective weights (exact for whole numbers)."""
        with np.errstate(over="ignore"):
            return float(self.matrix.sum()) * self.scale

    @property
    def is_whole(self) -> bool:
        """True where the matrix, scale left aside, holds whole numbers only."""
        return bool((self.matrix == np.rint(self.matrix)).all())

    @property
    def is_zero_sum(self) -> bool:
        """True where every map's weights cancel, up to rounding: such a result is signed around zero."""
        return self.scale == 0 or bool(_cancel(self.by_map).all())

    @property
    def bank(self) -> np.ndarray:
        """(O, C, kh, kw): the matrix as that of a bank; where it takes each channel alone, of one map and plane."""
        return self.matrix.reshape(self.maps or 1, self.planes or 1, *self.taps)

    @property
    def by_map(self) -> np.ndarray:
        """The weights of each map in a row of its own."""
        return self.matrix.reshape(self.maps or 1, -1)

    @cached_property
    def rank(self) -> int | None:
        """Rank of the matrix (of the largest plane): 1 means two 1-D passes do.

        None where a side is longer than `RANKED` and the rank is more than `LOW`: the singular values of large
        matrices take many seconds. A low rank shows in a few random sums of the columns, twice as many as it counts
        (Halko, Martinsson and Tropp 2011).
        """
        matrix = self.matrix
        if max(self.taps) > RANKED:
            matrix = matrix @ np.random.default_rng(0).standard_normal((self.taps[1], 2 * LOW))
        rank = int(np.max(np.linalg.matrix_rank(matrix)))
        return rank if max(self.taps) <= RANKED or rank <= LOW else None

    @property
    def symmetry(self) -> str:
        """`even` or `odd` under a turn by 180 degrees, `none` otherwise."""
        turned = self.matrix[..., ::-1, ::-1]
        return "even" if (turned == self.matrix).all() else "odd" if (turned == -self.matrix).all() else "none"

    def turned(self) -> "Kernel":
        """The kernel turned by 180 degrees, anchor included: correlating with it is convolving."""
        anchor = tuple(k - 1 - a for k, a in zip(self.taps, self.anchor, strict=True))
        return self.changed(matrix=self.matrix[..., ::-1, ::-1], anchor=anchor)

    def under(self, window: Window) -> "Kernel":
        """The kernel as it meets the samples: with the window's anchor, and turned where that is asked for."""
        kernel = self if window.anchor is None else self.changed(anchor=window.anchor)
        return kernel.turned() if window.op == "convolve" else kernel

    def normalized(self) -> "Kernel":
        """Weights divided by their sum, or by the sum of the positive ones where they cancel; map by map.

        Raises FilterError where neither sum is positive enough to divide by.
        """
        maps = self.by_map
        total = np.where(_cancel(maps), np.maximum(maps, 0).sum(axis=1), maps.sum(axis=1))
        if (np.abs(total) <= 1e-12 * np.abs(maps).sum(axis=1)).any():
            raise FilterError("the weights sum to zero and none is positive: nothing to normalize by")
        if len(total) == 1:
            return self.changed(scale=1 / float(total[0]))
        return self.changed(matrix=self.matrix / total[:, None, None, None], scale=1.0)

    def changed(self, **parts) -> "Kernel":
        """A kernel with some parts replaced."""
        return replace(self, **parts)


def _cancel(maps: np.ndarray) -> np.ndarray:
    """For each row of weights, whether they sum to zero."""
    with np.errstate(over="ignore"):
        return np.abs(maps.sum(axis=1)) <= 1e-9 * np.abs(maps).sum(axis=1)


class Point(NamedTuple):
    """A step that changes each sample by itself: relu, abs, square, sqrt, threshold (with its value)."""

    name: str
    value: float | None = None


class Pool(NamedTuple):
    """A step that keeps the largest sample (`max`) or the mean (`avg`) under a window; pairs are (y, x)."""

    kind: str
    size: tuple[int, int]


class Step(NamedTuple):
    """One step of a filter: an action on `of`, a formula over `image` and the names of earlier steps."""

    name: str
    action: Kernel | Point | Pool
    of: str = "image"


class Filter(NamedTuple):
    """Steps in order, and the formula that joins them (None: the last step is the result).

    params: the values it was made with. input: `each`, `gray` or `rgb`. range: what its file says about
    showing the result, or None.
    """

    name: str
    steps: tuple[Step, ...]
    result: str | None = None
    params: Mapping[str, float] = NONE
    input: str = "each"
    range: str | None = None
    title: str = ""
    source: str = ""

    @property
    def is_single(self) -> bool:
        """True for one action and nothing else; a composite otherwise."""
        return len(self.steps) == 1 and self.result is None

    @property
    def kernel(self) -> Kernel | None:
        """The kernel of a filter that is one kernel and nothing else."""
        return self.steps[0].action if self.is_single and isinstance(self.steps[0].action, Kernel) else None

    def normalized(self) -> "Filter":
        """The filter with its kernel normalized; point and pooling steps as they are."""
        if not self.is_single:
            raise FilterError(f"{self.name} has several steps: there is no one sum to normalize by")
        if self.kernel is None:
            return self
        return self._replace(steps=(self.steps[0]._replace(action=self.kernel.normalized()),))

    def scaled(self, factor: float) -> "Filter":
        """The filter with its weights multiplied; of a composite the result is, which for weights is the same."""
        if self.kernel is not None:
            kernel = self.kernel.changed(scale=self.kernel.scale * factor)
            return self._replace(steps=(self.steps[0]._replace(action=kernel),))
        if self.is_single:
            return self
        return self._replace(result=f"({self.result or self.steps[-1].name}) * {factor!r}")


class Link(NamedTuple):
    """One filter of a chain and the words of its text that belong to its window (stride, bias, ...)."""

    filter: Filter
    window: Mapping[str, Any] = NONE


def check_anchor(links: tuple[Link, ...], anchor: tuple[int, int] | None) -> None:
    """Raises FilterError where an anchor has no kernel to lie in, or lies outside of one."""
    if anchor is None:
        return
    for link in links:
        if not link.filter.is_single:
            raise FilterError(f"{link.filter.name} has several kernels, and no one anchor (leave --anchor out)")
        if link.filter.kernel is not None:
            link.filter.kernel.changed(anchor=anchor)


def adjusted(links: tuple[Link, ...], normalize: bool = False, scale: float = 1.0) -> tuple[Link, ...]:
    """The links with every filter's weights divided by their sum, then multiplied by `scale`."""

    if (normalize or scale != 1) and all(
        link.filter.is_single and not isinstance(link.filter.steps[0].action, Kernel) for link in links
    ):
        raise FilterError("there are no weights to normalize or scale")

    def change(one: Filter) -> Filter:
        one = one.normalized() if normalize else one
        return one.scaled(scale) if scale != 1 else one

    return tuple(link._replace(filter=change(link.filter)) for link in links)
