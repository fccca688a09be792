"""Arithmetic as text, read by an allow-list and worked out over numbers or arrays.

A formula can name, add, compare and call what the tables below hold, and nothing else: no attributes, no
subscripts, no strings. Text from a stranger can therefore neither run code nor, with every constant a float
and every size bounded, keep the machine busy.
"""

import ast
import math
import operator
import re
from collections.abc import Iterable
from typing import NamedTuple

from convcli.errors import FilterError, hint, printable

__all__ = ["FUNCTIONS", "Formula"]

MAX_LENGTH, MAX_DEPTH, MAX_NODES = 2000, 40, 500

# How many values each function takes; the two open-ended ones are folded into pairs when the text is read.
FUNCTIONS = {
    **dict.fromkeys(("exp", "sqrt", "cos", "sin", "tan", "log", "abs", "floor", "ceil", "rint", "unit", "zero"), 1),
    **dict.fromkeys(("hypot", "arctan2", "minimum", "maximum"), 2),
    "where": 3,
}
_OPEN_ENDED = ("minimum", "maximum")
_CONSTANTS = {"pi": math.pi}

# Python's reader would take strings, `0x10` and `1_000`, and warn on standard error about `1or 2`.
_FOREIGN = r"(?ai)[^\w .,+\-*/<>=!()]|\b[0-9][0-9.]*(?!e[0-9+-])[a-z_]\w*"  # compiled when it is first asked for


def _power(base, exponent):
    """Of two floats without the complex numbers that `**` would give; an overflow is an error."""
    is_plain = isinstance(base, float) and isinstance(exponent, float)
    return math.pow(base, exponent) if is_plain else base**exponent


# By the names that Python's syntax tree gives them.
_ARITHMETIC = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "Pow": _power,
    "UAdd": operator.pos,
    "USub": operator.neg,
}
_COMPARISONS = {
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Eq": operator.eq,
    "NotEq": operator.ne,
}


def _refuse(value: float) -> float:
    raise FilterError("unit and zero are for arrays: the taps of a kernel")


# Over plain numbers; the functions that are not here have their name in `math`, and all but two in numpy.
_PLAIN = {
    "abs": abs,
    "rint": round,
    "arctan2": math.atan2,
    "minimum": min,
    "maximum": max,
    "where": lambda condition, then, otherwise: then if condition else otherwise,
    "unit": _refuse,
    "zero": _refuse,
}


class Formula(NamedTuple):
    """A formula that has been read: what it is for, the names it needs, the functions it calls, and its tree.

    A node of the tree is a number, a name, or a tuple of an operation and its parts.
    """

    text: str
    what: str
    names: frozenset[str]
    calls: frozenset[str]
    tree: float | str | tuple

    @classmethod
    def parse(cls, text: str, names: Iterable[str], what: str) -> "Formula":
        """The formula that a text spells, over the names given and pi; `what` begins every error about it.

        >>> Formula.parse("2 * hypot(x, y) < r", ["x", "y", "r"], "formula").evaluate({"x": 3.0, "y": 4.0, "r": 11.0})
        1.0
        """
        text = " ".join(text.split())
        if len(text) > MAX_LENGTH:
            raise FilterError(f"{what}: the formula has {len(text)} characters (at most {MAX_LENGTH})")
        if foreign := re.search(_FOREIGN, text):
            raise FilterError(f'{what}: cannot read "{printable(foreign[0])}" in {_short(text)}')
        reader = _Reader(text, frozenset(names), what)
        tree = reader.read()
        return cls(text, what, frozenset(reader.used), frozenset(reader.called), tree)

    def inside(self, function: str) -> "Formula | None":
        """The formula that one call of `function` goes round, None where the call is not the outermost thing.

        >>> Formula.parse("unit(1 + x)", ["x"], "formula").inside("unit").tree
        ('Add', 1.0, 'x')
        """
        if isinstance(self.tree, tuple) and self.tree[0] == function:
            return Formula(self.text, self.what, self.names, self.calls, self.tree[1])
        return None

    def slope(self, slopes: dict[str, float]) -> float:
        """How much the value may change when each name changes by its own slope; inf where nothing is known.

        >>> Formula.parse("hypot(x, y) / 2", ["x", "y"], "formula").slope({"x": 8.0, "y": 8.0})
        8.0
        """

        def of(node) -> float:
            if not isinstance(node, tuple):
                return slopes.get(node, 0.0) if isinstance(node, str) else 0.0
            operation, *parts = node
            each = [of(part) for part in parts]
            if not any(each):
                return 0.0
            if operation in ("Add", "Sub", "UAdd", "USub", "abs", "hypot"):
                return sum(each)
            if operation in ("maximum", "minimum"):
                return max(each)
            factors = [abs(part) for part in parts if isinstance(part, float)]
            if operation == "Mult" and factors:
                return sum(each) * factors[0]
            if operation == "Div" and isinstance(parts[1], float) and parts[1]:
                return each[0] / abs(parts[1])
            return math.inf

        return of(self.tree)

    def evaluate(self, values: dict):
        """The value over `values`: a float where all of them are numbers, else an array.

        Arrays of float32 give float32; of integers float64. Raises FilterError where plain numbers have no
        finite result (`1/0`, `sqrt(-1)`); in arrays that is a nan or inf in its place.
        """
        values = {name: _as_float(values[name]) for name in self.names}
        try:
            if any(not isinstance(value, float) for value in values.values()):
                import numpy as np  # late: sizes of kernels are found without it

                with np.errstate(all="ignore"):
                    return _work_out(self.tree, values)
            value = _work_out(self.tree, values)
            if not math.isfinite(value):
                raise ValueError
        except FilterError as error:
            raise error.at(self.what) from None
        except (ArithmeticError, ValueError):
            raise FilterError(f"{self.what}: {_short(self.text)} has no finite value{_where(values)}") from None
        return value


class _Reader:
    """One reading of a text: checks the syntax tree and notes what it uses."""

    def __init__(self, text: str, names: frozenset[str], what: str):
        self.text, self.names, self.what = text, names, what
        self.used: set[str] = set()
        self.called: set[str] = set()

    def read(self) -> float | str | tuple:
        """The tree of the text, every node of it allowed."""
        try:
            tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._error(f"cannot read {_short(self.text)}" if self.text else "the formula is empty") from None
        if sum(isinstance(node, ast.expr) for node in ast.walk(tree)) > MAX_NODES:
            raise self._error(f"the formula has more than {MAX_NODES} terms")
        return self._node(tree, 1)

    def _error(self, reason: str) -> FilterError:
        return FilterError(f"{self.what}: {reason}")

    def _node(self, node: ast.expr, depth: int) -> float | str | tuple:
        if depth > MAX_DEPTH:
            raise self._error(f"the formula is nested more than {MAX_DEPTH} deep")
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._constant(value)
            case ast.Name(id=name):
                return self._name(name)
            case ast.BinOp(left=left, op=op, right=right) if type(op).__name__ in _ARITHMETIC:
                return (type(op).__name__, self._node(left, depth + 1), self._node(right, depth + 1))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op).__name__ in _COMPARISONS:
                return (type(op).__name__, self._node(left, depth + 1), self._node(right, depth + 1))
            case ast.UnaryOp(op=op, operand=operand) if type(op).__name__ in _ARITHMETIC:
                return (type(op).__name__, self._node(operand, depth + 1))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, args, depth)
        part = _short(self.text[node.col_offset : node.end_col_offset])
        raise self._error(f"{part} is not arithmetic (numbers, names, + - * / **, one comparison, calls)")

    def _constant(self, value: int | float) -> float:
        """As a float always: powers of floats end in an overflow, powers of integers never end."""
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self._error("a number is out of range")
        return value

    def _name(self, name: str) -> float | str:
        if name in self.names:
            self.used.add(name)
            return name
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in FUNCTIONS:
            raise self._error(f"{name} is a function and wants brackets: {name}(...)")
        known = sorted(self.names) + sorted(_CONSTANTS)
        raise self._error(f'"{name}" is not known here{hint(name, known)} (known: {", ".join(known)})')

    def _call(self, name: str, args: list, depth: int) -> tuple:
        if name not in FUNCTIONS:
            raise self._error(f'"{name}" is not a function{hint(name, FUNCTIONS)} (known: {", ".join(FUNCTIONS)})')
        wanted, is_open = FUNCTIONS[name], name in _OPEN_ENDED
        if len(args) != wanted and not (is_open and len(args) > wanted):
            raise self._error(f"{name} takes {wanted}{' or more' * is_open} values, not {len(args)}")
        self.called.add(name)
        parts = [self._node(arg, depth + 1) for arg in args]
        while len(parts) > wanted:  # pairs of pairs: at most two arrays are held for each
            parts = [(name, *parts[n : n + 2]) if n + 1 < len(parts) else parts[n] for n in range(0, len(parts), 2)]
        return (name, *parts)


def _as_float(value):
    """A float for any single number; an array of at least float precision for an array."""
    if getattr(value, "ndim", 0) == 0:
        return float(value)
    return value if value.dtype.kind == "f" else value.astype(float)


def _short(text: str) -> str:
    return printable(text if len(text) <= 60 else f"{text[:60]} ...")


def _where(values: dict) -> str:
    numbers = [f"{name} = {value:g}" for name, value in sorted(values.items()) if isinstance(value, float)]
    return f" where {', '.join(numbers)}" if numbers else ""


def _work_out(node, values: dict):
    """The value of a node. Plain numbers never meet numpy, whose scalars would widen float32 arrays."""
    if isinstance(node, float):
        return node
    if isinstance(node, str):
        return values[node]
    operation, *parts = node
    parts = [_work_out(part, values) for part in parts]
    if operation in _ARITHMETIC:
        return _ARITHMETIC[operation](*parts)
    if all(isinstance(part, float) for part in parts):
        plain = _COMPARISONS.get(operation) or _PLAIN.get(operation) or getattr(math, operation)
        return float(plain(*parts))
    return _over_arrays(operation, parts)


def _over_arrays(name: str, parts: list):
    """A comparison or function where at least one part is an array."""
    import numpy as np

    kind = np.result_type(*parts, 1.0)
    if name in _COMPARISONS:
        return _COMPARISONS[name](*parts).astype(kind)
    if name == "unit":
        return parts[0] / parts[0].sum()
    if name == "zero":
        return parts[0] - parts[0].mean()
    if name == "where":
        return np.where(parts[0] != 0, *(np.asarray(part, kind) for part in parts[1:]))
    return getattr(np, name)(*parts)
