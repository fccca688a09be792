"""Stacks of layers: what each one makes of its input, what it costs, and how far one output number sees.

A layer is written in short words, in any order after the first: `conv 64 k7 s2 p3`, `max-pool 3 s2 p1`. Every
number follows from sizes alone, so a picture of a billion rows costs no more than one of ten.
"""

import re
from dataclasses import dataclass, field, replace
from math import prod

from convcli.errors import ConvError, GeometryError, hint, printable
from convcli.geometry import Field, Geometry, Window
from convcli.words import amount, integer, pair

__all__ = ["KINDS", "Layer", "LayerError", "Report", "Row", "spell", "spell_padding", "stack"]

# Which words each kind takes: the parser reads this table, and so do its messages.
KINDS = {
    "conv": "OUT kK sS pP dD gG no-bias",
    "depthwise": "OUT kK sS pP dD no-bias",
    "max-pool": "K sS pP dD",
    "avg-pool": "K sS pP dD",
    "relu": "",
    "flatten": "",
    "linear": "OUT no-bias",
}
_LONG = {"k": "kernel", "s": "stride", "p": "padding", "d": "dilation", "g": "groups"}
_WORD = re.compile(r"(kernel|stride|padding|dilation|groups|[kspdg]|)(=?)([0-9].*|same|valid|full|)")


class LayerError(GeometryError):
    """A layer that cannot follow those before it; `report` holds what came out up to there."""

    def __init__(self, message: str, report: "Report | None" = None):
        super().__init__(message)
        self.report = report


@dataclass(frozen=True, slots=True)
class Layer:
    """What was asked of one layer; pairs are (y, x).

    out: feature maps of `conv` and `depthwise` (None there: as many as come in), numbers of `linear`.
    taps: rows and columns of the window; None for kinds without one.
    """

    kind: str
    out: int | None = None
    taps: tuple[int, int] | None = None
    window: Window = field(default_factory=lambda: Window(padding="valid"))
    groups: int = 1
    bias: bool = True
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> "Layer":
        """The layer that the words mean. Raises ConvError for words it does not know, twice or not at all.

        >>> Layer.parse("max-pool 3 s2").window.stride, Layer.parse("conv k3 8 psame").out
        ((2, 2), 8)
        """
        kind, *words = text.lower().split() or [""]
        if kind not in KINDS:
            known = f"{hint(kind, KINDS)} (layers are {', '.join(KINDS)})"
            raise ConvError(f'layer "{printable(kind)}" is not known{known}')
        given = _words(kind, words)
        takes = KINDS[kind].split()
        if "OUT" in takes and "OUT" not in given and kind != "depthwise":
            raise ConvError(f'{kind} lacks its number of outputs (such as "{kind} 16{" k3" * (kind == "conv")}")')
        if len(takes) > 2 and "k" not in given:
            raise ConvError(f"{kind} lacks its kernel size (such as {'2' if _is_pool(kind) else 'k3'})")
        taps = pair(given["k"], "kernel", 1) if "k" in given else None
        stride = pair(given["s"], "stride", 1) if "s" in given else taps if _is_pool(kind) else (1, 1)
        dilation = pair(given.get("d", "1"), "dilation")  # Window refuses 0, and says what 1 means
        return cls(
            kind,
            integer(given["OUT"], "outputs", 1) if "OUT" in given else None,
            taps,
            Window(stride, dilation, amount(given.get("p", "valid"))),
            integer(given.get("g", "1"), "groups", 1),
            "no-bias" not in given,
            " ".join(text.split()),
        )

    def __str__(self) -> str:
        padding = self.window.padding
        return self.text or self.spelled((0, 0, 0, 0) if padding == "valid" else padding)

    def spelled(self, padding: str | tuple[int, int, int, int]) -> str:
        """The layer in its shortest words, with this padding.

        >>> Layer.parse("conv p=same 4 stride=2 kernel=3x5").spelled((1, 1, 2, 2))
        'conv 4 k3x5 s2 p1,2'
        """
        words = [self.kind] + [str(self.out)] * (self.out is not None)
        if self.taps:
            words += [
                "k"[_is_pool(self.kind) :] + spell(self.taps),
                f"s{spell(self.window.stride)}",
                f"p{padding if isinstance(padding, str) else spell_padding(padding)}",
            ]
        words += [f"d{spell(self.window.dilation)}"] * (self.window.dilation != (1, 1))
        words += [f"g{self.groups}"] * (self.groups > 1)
        words += ["no-bias"] * ("OUT" in KINDS[self.kind] and not self.bias)
        return " ".join(words)


def _words(kind: str, words: list[str]) -> dict[str, str]:
    """The values of the words after the kind, by short name; a lone `k` or `p` takes the word after it."""
    takes = [word if word in ("OUT", "no-bias") else word[0].lower() for word in KINDS[kind].split()]
    given: dict[str, str] = {}
    queue = iter(words)
    for word in queue:
        match = _WORD.fullmatch(word)
        if word == "no-bias":
            name, value = "no-bias", "yes"
        elif not match or not (match[1] or match[3]):
            near = hint(word, ["no-bias", "same", "valid", "full", *_LONG.values()])
            raise ConvError(f'"{printable(word)}" is not known{near} ({_grammar(kind)})')
        else:
            value = match[3] or next(queue, "")
            bare = "p" if value in ("same", "valid", "full") else "k" if _is_pool(kind) else "OUT"
            name = match[1][:1] or bare
        if name not in takes:
            raise ConvError(f'{kind} takes no {_LONG.get(name, name)}, "{printable(word)}" ({_grammar(kind)})')
        if name in given:
            raise ConvError(f'{_LONG.get(name, name)} is given twice, "{printable(word)}" ({_grammar(kind)})')
        given[name] = value
    return given


def _grammar(kind: str) -> str:
    return f"{kind} takes {KINDS[kind].replace(' ', ', ')}" if KINDS[kind] else f"{kind} stands alone"


def _is_pool(kind: str) -> bool:
    return kind.endswith("-pool")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report: shapes are (channels, height, width), or (numbers,) once there is no picture.

    layer: its kind, or the name of a filter's step. text: the words, with the padding in pixels.
    geometry: None for layers without a window. field: None where no single field can be told.
    """

    layer: str
    text: str
    input: tuple[int, ...]
    out: tuple[int, ...]
    geometry: Geometry | None = None
    groups: int | None = None
    weights: int = 0
    biases: int = 0
    macs: int = 0
    field: Field | None = None

    @property
    def parameters(self) -> int:
        """Weights and biases together."""
        return self.weights + self.biases

    def as_dict(self) -> dict:
        """The row as JSON has it: the same keys for every layer, None where one means nothing."""
        window, seen = self.geometry, self.field
        placed = seen if len(self.out) == 3 else None  # numbers of a vector do not lie beside each other
        return {
            "layer": self.layer,
            "in": list(self.input),
            "out": list(self.out),
            "kernel": window and list(window.kernel),
            "stride": window and list(window.stride),
            "padding": window and list(window.padding),
            "dilation": window and list(window.dilation),
            "groups": self.groups,
            "unread": window and list(window.unread),
            "weights": self.weights,
            "biases": self.biases,
            "parameters": self.parameters,
            "macs": self.macs,
            "receptive_field": seen and list(seen.size),
            "jump": placed and list(placed.jump),
            "start": placed and list(placed.start),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What a stack makes of an input of (channels, height, width)."""

    input: tuple[int, int, int]
    rows: tuple[Row, ...] = ()

    @property
    def output(self) -> tuple[int, ...]:
        """Shape of the last layer's output; the input's where there is none."""
        return self.rows[-1].out if self.rows else self.input

    @property
    def weights(self) -> int:
        """Weights of all layers."""
        return sum(row.weights for row in self.rows)

    @property
    def biases(self) -> int:
        """Biases of all layers."""
        return sum(row.biases for row in self.rows)

    @property
    def parameters(self) -> int:
        """Weights and biases of all layers."""
        return self.weights + self.biases

    @property
    def macs(self) -> int:
        """Multiply-adds of all layers, biases left aside."""
        return sum(row.macs for row in self.rows)

    @property
    def dense_parameters(self) -> int:
        """Parameters of one fully connected layer from every input number to every output number.

        >>> stack((1, 28, 28), [Layer.parse("conv 1 k3 s2")]).dense_parameters
        132665
        """
        return prod(self.input) * prod(self.output) + prod(self.output)

    def as_dict(self) -> dict:
        """The report as JSON has it."""
        return {
            "input": list(self.input),
            "layers": [row.as_dict() for row in self.rows],
            "output": list(self.output),
            "parameters": self.parameters,
            "macs": self.macs,
            "dense_parameters": self.dense_parameters,
        }


def stack(shape: tuple[int, int, int], layers) -> Report:
    """What `layers`, one after the other, make of an input of `shape` (channels, height, width).

    Raises LayerError, which names the layer and holds the report up to it.
    """
    layers = list(layers)
    now = _Place(shape, Field(), shape[1:])
    rows: list[Row] = []
    for number, layer in enumerate(layers, 1):
        try:
            row, now = _through(layer, now)
        except (ConvError, OverflowError) as error:
            place = f"layer {number} ({layer})" if len(layers) > 1 else layer
            reason = "its numbers are too large to count" if isinstance(error, OverflowError) else error
            raise LayerError(f"{printable(place)}: {reason}", Report(shape, tuple(rows))) from None
        rows.append(row)
    return Report(shape, tuple(rows))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a stack has got to: the shape, what one number sees, and the grid the numbers once lay on."""

    shape: tuple[int, ...]
    field: Field
    grid: tuple[int, int]


def _through(layer: Layer, now: _Place) -> tuple[Row, _Place]:
    """The row of one layer, and the place after it."""
    if layer.taps:
        return _slide(layer, now)
    text = layer.spelled("valid")
    if layer.kind == "linear":
        # Every output sees what any input saw. Padding counts as seen, as it does for windows, and the
        # samples that windows left unread do not.
        spans = zip(now.field.size, now.grid, now.field.jump, strict=True)
        seen = replace(now.field, size=tuple(size + (n - 1) * jump for size, n, jump in spans))
        weights, out = prod(now.shape) * layer.out, (layer.out,)
        row = Row("linear", text, now.shape, out, None, None, weights, layer.out * layer.bias, weights, seen)
        return row, _Place(out, seen, (1, 1))
    out = (prod(now.shape),) if layer.kind == "flatten" else now.shape  # each number sees what it saw before
    return Row(layer.kind, text, now.shape, out, field=now.field), replace(now, shape=out)


def _slide(layer: Layer, now: _Place) -> tuple[Row, _Place]:
    """The row of a layer with a window, and the place after it."""
    if len(now.shape) != 3:
        raise GeometryError(f"{layer.kind} needs rows and columns, and the layers before it left a vector")
    channels, *size = now.shape
    window = layer.window.fit(tuple(size), layer.taps, layer.window.anchor)
    seen = now.field.through(window)
    text = layer.spelled(window.padding)
    if _is_pool(layer.kind):
        for axis in (window.y, window.x):  # the libraries' rule: no window may lie in the padding alone
            pad = max(axis.lo, axis.hi)
            if 2 * pad > axis.taps:
                raise GeometryError(f"padding {pad} is more than half of the pooling window of {axis.taps}")
        out = (channels, *window.out)
        return Row(layer.kind, text, now.shape, out, window, field=seen), _Place(out, seen, window.out)
    groups = channels if layer.kind == "depthwise" else layer.groups
    maps = layer.out or channels
    for count, what in ((channels, "channels"), (maps, "maps")):
        if count % groups:
            raise GeometryError(f"{count} {what} do not divide into {groups} groups")
    out = (maps, *window.out)
    weights = maps * (channels // groups) * prod(layer.taps)
    macs = weights * prod(window.out)
    row = Row(layer.kind, text, now.shape, out, window, groups, weights, maps * layer.bias, macs, seen)
    return row, _Place(out, seen, window.out)


def spell(pair_: tuple) -> str:
    """A pair in its shortest words: one number where both are equal.

    >>> spell((3, 3)), spell((480, 640))
    ('3', '480x640')
    """
    return str(pair_[0]) if pair_[0] == pair_[1] else f"{pair_[0]}x{pair_[1]}"


def spell_padding(padding: tuple[int, int, int, int]) -> str:
    """Top, bottom, left and right in the shortest words that `--padding` takes.

    >>> spell_padding((1, 1, 1, 1)), spell_padding((1, 1, 2, 2)), spell_padding((0, 1, 2, 2))
    ('1', '1,2', '0,1,2,2')
    """
    top, bottom, left, right = padding
    if len(set(padding)) == 1:
        return str(top)
    return f"{top},{left}" if (top, left) == (bottom, right) else ",".join(map(str, padding))
