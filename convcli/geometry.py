"""Sizes: what goes in, what comes out, what the window reads. Integers only, y before x, no pictures.

For one axis of `size` samples under `taps` weights, with `lo` and `hi` samples of padding:

    reach  = dilation (taps - 1) + 1                    samples under the window, holes included
    out    = floor((size + lo + hi - reach) / stride) + 1
    unread = (size + lo + hi - reach) mod stride        samples at the end that no window covers

(Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", relationship 6 and section 5.)
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from convcli.border import Border
from convcli.errors import GeometryError

__all__ = ["Axis", "Field", "Geometry", "Window"]


class Axis(NamedTuple):
    """One axis of a sliding window: all lengths in samples, the anchor as a tap index."""

    size: int
    taps: int
    anchor: int = 0
    stride: int = 1
    dilation: int = 1
    lo: int = 0
    hi: int = 0

    @property
    def reach(self) -> int:
        """Samples from the first tap to the last, both included."""
        return self.dilation * (self.taps - 1) + 1

    @property
    def out(self) -> int:
        """How many windows fit.

        >>> Axis(28, 3, stride=2).out, Axis(28, 3, 1, 2, 1, 1, 1).out, Axis(7, 3, dilation=2).out
        (13, 14, 3)
        """
        return (self.size + self.lo + self.hi - self.reach) // self.stride + 1

    @property
    def unread(self) -> int:
        """Samples at the end, padding included, that no window covers."""
        return (self.size + self.lo + self.hi - self.reach) % self.stride

    @property
    def filling(self) -> tuple[int, int]:
        """The nearest padding (lo, hi) that leaves nothing unread.

        >>> Axis(28, 3, stride=2).filling, Axis(4, 2, stride=3, lo=1, hi=1).filling
        ((0, 1), (1, 0))
        """
        less, more = self.unread, self.stride - self.unread
        if less == 0:
            return (self.lo, self.hi)
        if less <= self.hi and less <= more:
            return (self.lo, self.hi - less)
        return (self.lo, self.hi + more)

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """The half-open range of input positions that outputs start..stop-1 read; it may leave 0..size.

        >>> Axis(10, 3, 1, 2, 1, 1, 1).needs(0, 2)
        (-1, 4)
        """
        return (start * self.stride - self.lo, (stop - 1) * self.stride - self.lo + self.reach)


@dataclass(frozen=True, slots=True)
class Window:
    """What was asked for, before sizes are known: each pair is (y, x), padding a word or four numbers."""

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: str | tuple[int, int, int, int] = "same"
    border: Border = field(default_factory=Border)
    op: str = "correlate"
    bias: float = 0.0
    anchor: tuple[int, int] | None = None

    def __post_init__(self):
        for name, least in (("stride", 1), ("dilation", 1), ("anchor", 0)):
            for value in getattr(self, name) or ():
                if value < least:
                    dense = " (1 is dense, without holes)" if name == "dilation" else ""
                    raise GeometryError(f"{name} {value} is too small, at least {least}{dense}")
        if self.op not in ("correlate", "convolve"):
            raise GeometryError(f"op {self.op} is neither correlate nor convolve")
        if self.padding not in ("same", "valid", "full"):
            if isinstance(self.padding, str):
                raise GeometryError(f"padding {self.padding} is none of same, valid, full or pixels")
            if min(self.padding) < 0:
                raise GeometryError(f"padding {min(self.padding)} is too small, at least 0")

    def fit(self, size: tuple[int, int], taps: tuple[int, int], anchor: tuple[int, int] | None = None) -> "Geometry":
        """The geometry of this window over a picture of `size` (height, width) under `taps` (rows, columns).

        `anchor` is that of the weights as they are applied (`convolve` has turned it already); default
        (taps - 1) // 2 on each axis. Raises GeometryError where no window fits, or the anchor lies outside.
        """
        axes = []
        for k in (0, 1):
            n, taps_k, stride, dilation = size[k], taps[k], self.stride[k], self.dilation[k]
            at = (taps_k - 1) // 2 if anchor is None else anchor[k]
            if not 0 <= at < taps_k:
                raise GeometryError(f"anchor {at} lies outside the kernel of {taps[0]}x{taps[1]}")
            reach = dilation * (taps_k - 1) + 1
            if self.padding == "same":
                lo, hi = dilation * at, reach - 1 - dilation * at
            elif self.padding == "valid":
                lo, hi = 0, 0
            elif self.padding == "full":
                lo, hi = reach - 1, reach - 1
            else:
                lo, hi = self.padding[2 * k : 2 * k + 2]
            if n + lo + hi < reach or n < 1:
                grown = f" ({taps_k} taps, dilation {dilation})" if dilation > 1 else ""
                padded = f" + {lo} + {hi} of padding" if lo or hi else ""
                raise GeometryError(
                    f"the kernel does not fit: it is {reach} {('high', 'wide')[k]}{grown}, "
                    f"the input {n}{padded} (pad more, or use a smaller kernel or dilation)"
                )
            axes.append(Axis(n, taps_k, at, stride, dilation, lo, hi))
        return Geometry(axes[0], axes[1], self.border)


class Geometry(NamedTuple):
    """A window fitted to a picture: an axis for y, one for x, and what stands outside."""

    y: Axis
    x: Axis
    border: Border = Border()

    @property
    def out(self) -> tuple[int, int]:
        """Height and width of the result."""
        return (self.y.out, self.x.out)

    @property
    def unread(self) -> tuple[int, int]:
        """Rows at the bottom and columns at the right that no window covers."""
        return (self.y.unread, self.x.unread)

    @property
    def kernel(self) -> tuple[int, int]:
        """Rows and columns of taps."""
        return (self.y.taps, self.x.taps)

    @property
    def stride(self) -> tuple[int, int]:
        """Steps of the window, y and x."""
        return (self.y.stride, self.x.stride)

    @property
    def dilation(self) -> tuple[int, int]:
        """Distance of neighbouring taps, y and x."""
        return (self.y.dilation, self.x.dilation)

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Top, bottom, left, right, in pixels."""
        return (self.y.lo, self.y.hi, self.x.lo, self.x.hi)

    def check_pooling(self) -> None:
        """Raises GeometryError where a pooling window could lie in the padding alone: the libraries' rule."""
        for axis in (self.y, self.x):
            pad = max(axis.lo, axis.hi)
            if 2 * pad > axis.taps:
                raise GeometryError(f"padding {pad} is more than half of the pooling window of {axis.taps}")


class Field(NamedTuple):
    """What one output sample sees of the first input, through all layers so far; pairs are (y, x).

    `size` is the receptive field, `jump` the distance of neighbouring outputs and `start` the coordinate of
    the centre of output 0, all in samples of the first input (Araujo, Norris and Sim, "Computing receptive
    fields of convolutional neural networks", Distill 2019; dilation put in). `at` is the sample under the
    anchors of output 0; it may lie outside, and differs from `start` for even kernels by half a sample.
    """

    size: tuple[int, int] = (1, 1)
    jump: tuple[int, int] = (1, 1)
    start: tuple[float, float] = (0.0, 0.0)
    at: tuple[int, int] = (0, 0)

    def through(self, geometry: Geometry) -> "Field":
        """The field after one more window.

        >>> one = Field().through(Window(padding="valid").fit((9, 9), (3, 3)))
        >>> one.through(Window(padding="valid").fit((7, 7), (3, 3)))
        Field(size=(5, 5), jump=(1, 1), start=(2.0, 2.0), at=(2, 2))
        """
        axes = zip(self.size, self.jump, self.start, self.at, (geometry.y, geometry.x), strict=True)
        along = (
            (
                size + (axis.reach - 1) * jump,
                jump * axis.stride,
                start + ((axis.reach - 1) / 2 - axis.lo) * jump,
                at + (axis.dilation * axis.anchor - axis.lo) * jump,
            )
            for size, jump, start, at, axis in axes
        )
        return Field(*zip(*along, strict=True))

    def beside(self, other: "Field") -> "Field":
        """What two samples that meet in one formula see together; they lie on the same grid."""
        ends = [
            (min(a - (n - 1) / 2, b - (m - 1) / 2), max(a + (n - 1) / 2, b + (m - 1) / 2))
            for a, n, b, m in zip(self.start, self.size, other.start, other.size, strict=True)
        ]
        size = tuple(int(high - low) + 1 for low, high in ends)
        return Field(size, self.jump, tuple((low + high) / 2 for low, high in ends), self.at)

    def since(self, earlier: "Field") -> "Field":
        """The field with an earlier layer's output as its first input; only `jump` and `at` are meant."""
        jump = tuple(j // e for j, e in zip(self.jump, earlier.jump, strict=True))
        at = tuple((a - b) // e for a, b, e in zip(self.at, earlier.at, earlier.jump, strict=True))
        return Field(jump=jump, at=at)
