"""A kernel file as it stands, parameters still open, and the filter it becomes with numbers in their places.

A definition knows its size without numpy. Weights are bounded in number, so a file from a stranger can do no harm.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from convcli.checks import MAX_SIDE
from convcli.errors import ConvError, FilterError, hint, printable
from convcli.formula import Formula

if TYPE_CHECKING:  # numpy comes with the first kernel that is built
    from convcli.filters import Filter, Kernel

__all__ = ["WINDOW_WORDS", "Definition", "Draft", "Parameter"]

NONE = MappingProxyType({})
MAX_TAPS = 4_000_000
WINDOW_WORDS = ("stride", "dilation", "padding", "padding_mode", "bias", "op")


class Parameter(NamedTuple):
    """A number that the user may give, its bounds included."""

    name: str
    default: float
    min: float | None = None
    max: float | None = None
    unit: str = ""
    help: str = ""

    @property
    def limits(self) -> str:
        """The bounds in words, with the unit.

        >>> Parameter("sigma", 1, 0.1, 200, "px").limits, Parameter("k", 1, min=0).limits
        ('0.1 to 200 px', 'at least 0')
        """
        match self.min, self.max:
            case None, None:
                words = ""
            case least, None:
                words = f"at least {least:g}"
            case None, most:
                words = f"at most {most:g}"
            case least, most:
                words = f"{least:g} to {most:g}"
        return f"{words} {self.unit}".strip()

    def check(self, value: float) -> float:
        """The value again. Raises FilterError where it lies outside the bounds."""
        least = -math.inf if self.min is None else self.min
        most = math.inf if self.max is None else self.max
        if not least <= value <= most or not math.isfinite(value):
            limits = f" ({self.limits})" if self.limits else ""
            raise FilterError(f"{self.name} {value:g} is out of range{limits}")
        return value


class Draft(NamedTuple):
    """A step as it is written: the name of a filter, formulas for its parameters, its variants, and what it looks at.

    The key of a parameter is empty where it is the first, given without its name.
    """

    name: str
    kernel: str
    args: tuple[tuple[str, Formula], ...]
    changes: str
    of: str

    def filled(self, values: dict[str, float]) -> str:
        """The filter expression with numbers for its parameters."""
        numbers = [(f"{key}=" if key else "") + _spell(formula.evaluate(values)) for key, formula in self.args]
        return (f"{self.kernel}:{','.join(numbers)}" if numbers else self.kernel) + self.changes


class Definition(NamedTuple):
    """A kernel file. Of `rows`, `formula` and `steps` one is there, the others are empty.

    rows: weights as drawn, in lists two to four deep. formula: weights from the taps' places, on a matrix whose
    sides `sides` (y, x) give, as a radius or as a size. sum: of all weights, or of each map of a bank; maps: what the
    maps of a bank are called.
    """

    name: str
    title: str
    source: str
    rows: Sequence = ()
    formula: Formula | None = None
    sides: tuple[Formula, ...] = ()
    steps: tuple[Draft, ...] = ()
    result: str | None = None
    scale: float = 1.0
    sum: tuple[float, ...] | None = None
    maps: tuple[str, ...] = ()
    anchor: tuple[int, int] | None = None
    input: str = "each"
    range: str | None = None
    tags: tuple[str, ...] = ()
    params: Mapping[str, Parameter] = NONE

    def values(self, params: dict[str, float] | None = None) -> dict[str, float]:
        """A value for every parameter: those given, checked against their bounds, and the defaults."""
        for name in params or ():
            if name not in self.params:
                known = f"(parameters: {', '.join(self.params)})" if self.params else "(it takes none)"
                raise FilterError(
                    f'no parameter is called "{printable(name)}"{hint(name, [*self.params, *WINDOW_WORDS])} {known}'
                )
        given = {name: self.params[name].default for name in self.params} | (params or {})
        return {name: self.params[name].check(float(value)) for name, value in given.items()}

    def size(self, params: dict[str, float] | None = None) -> tuple[int, int] | None:
        """Rows and columns of taps; None for a composite, whose steps have sizes of their own."""
        if self.steps:
            return None
        values, rows = self.values(params), self.rows
        if self.formula:
            taps = tuple(_taps(side, values) for side in self.sides)
        else:
            while isinstance(rows[0][0], list):
                rows = rows[0]
            taps = (len(rows), len(rows[0]))
        if max(taps) > MAX_SIDE or taps[0] * taps[1] > MAX_TAPS:
            raise FilterError(
                f"{taps[0]}x{taps[1]} taps are too many (at most {MAX_SIDE} on a side, {MAX_TAPS} in all)"
            )
        return taps

    def build(self, params: dict[str, float], lookup: Callable[[str], "Filter"]) -> "Filter":
        """The filter with these parameters; `lookup` gives the filters that steps name, single ones only."""
        from convcli.filters import Filter, Step

        values, result = self.values(params), self.result
        if self.steps:
            steps = tuple(
                Step(draft.name, self._action(draft, values, lookup), _bound(draft.of, values)) for draft in self.steps
            )
            result = result and _bound(result, values)
        else:
            steps = (Step(self.name, self._kernel(values)),)
        return Filter(self.name, steps, result, values, self.input, self.range, self.title, self.source)

    def _action(self, draft: Draft, values: dict[str, float], lookup: Callable[[str], "Filter"]):
        try:
            found = lookup(draft.filled(values))
        except ConvError as error:
            raise error.at(f"step {draft.name}") from None
        if len(found.steps) != 1 or found.result is not None:
            raise FilterError(f"step {draft.name}: {found.name} is made of steps itself (a step takes a single kernel)")
        return found.steps[0].action

    def _kernel(self, values: dict[str, float]) -> "Kernel":
        import numpy as np

        from convcli.filters import Kernel

        taps = self.size(values)
        with np.errstate(all="ignore"):  # Kernel refuses what is not finite
            matrix, factor = self._drawn(values, taps) if self.formula else (self.rows, 1.0)
            kernel = Kernel(matrix, self.scale * factor, self.anchor, self.title, self.source, self.maps)
            if self.sum is not None:
                _check_sums(kernel, self.sum)
        return kernel

    def _drawn(self, values: dict[str, float], taps: tuple[int, int]):
        """A matrix and the factor it is to be multiplied with, which `unit` round the whole formula leaves apart."""
        import numpy as np

        anchor = self.anchor or tuple((k - 1) // 2 for k in taps)
        y, x = (places - at for places, at in zip(np.indices(taps, dtype=float), anchor, strict=True))
        delta = ((x == 0) & (y == 0)).astype(float)
        inner = self.formula.inside("unit")
        matrix = (inner or self.formula).evaluate({"x": x, "y": y, "delta": delta, **values})
        matrix = np.broadcast_to(matrix, taps)
        total = matrix.sum() if inner else 1.0
        if total == 0 or not np.isfinite(total):
            raise FilterError(f"formula: the weights sum to {total:g}, and unit divides by that")
        return matrix, 1 / float(total)


def _check_sums(kernel: "Kernel", declared: tuple[float, ...]) -> None:
    """Raises FilterError where the weights of a map do not add up to what the file says."""
    import numpy as np

    maps = kernel.by_map * kernel.scale
    if len(declared) not in (1, len(maps)):
        raise FilterError(f"sum: {len(declared)} numbers for {len(maps)} map{'s' * (len(maps) > 1)}")
    wanted = np.broadcast_to(declared, len(maps))
    for n, (total, size, said) in enumerate(zip(maps.sum(axis=1), np.abs(maps).sum(axis=1), wanted, strict=True)):
        if not abs(total - said) <= 1e-6 * size + 1e-12:
            place = f"map {n}: " if len(maps) > 1 else ""
            raise FilterError(f"{place}weights sum to {total:.9g}, the file says sum = {said:g}")


def _bound(text: str, values: dict[str, float]) -> str:
    """A formula with numbers in the place of parameters.

    >>> _bound("a - k * a1", {"a": -1.0, "k": 0.05})
    '(-1) - 0.05 * a1'
    """

    def spelled(match: re.Match) -> str:
        text = _spell(values[match[0]]) if match[0] in values else match[0]
        return f"({text})" if text.startswith("-") else text

    return re.sub(r"(?<![\w.])[A-Za-z_]\w*", spelled, text)


def _spell(value: float) -> str:
    return repr(value).removesuffix(".0")


def _taps(side: Formula, values: dict[str, float]) -> int:
    """Taps along one axis, from a radius or a size."""
    value = side.evaluate(values)
    taps = 2 * value + 1 if side.what == "radius" else value
    wrong = "not a whole number (ceil, floor and rint make one)" if value != int(value) else ""
    if not 1 <= taps <= MAX_SIDE:
        wrong = f"too {'small' if taps < 1 else 'large'} (1 to {MAX_SIDE} taps on a side)"
    if wrong:
        raise FilterError(f"{side.what}: {side.text[:60]} is {value:g}, {wrong}")
    return int(taps)
