"""Stacks of layers: what each one makes of its input, what it costs, and how far one output number sees.

Every number follows from sizes alone, so a picture of a billion rows costs no more than one of ten.
"""

from dataclasses import dataclass, replace
from math import prod

from convcli.errors import ConvError, GeometryError, printable
from convcli.geometry import Field, Geometry
from convcli.layers import Layer

__all__ = ["LayerError", "Report", "Row", "stack"]


class LayerError(GeometryError):
    """A layer that cannot follow those before it; `report` holds what came out up to there."""

    def __init__(self, message: str, report: "Report | None" = None):
        super().__init__(message)
        self.report = report


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
        seen = now.field._replace(size=tuple(size + (n - 1) * jump for size, n, jump in spans))
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
    if layer.is_pool:
        window.check_pooling()
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
