"""A picture's way through a chain as a graph of recipes, built from sizes alone and run strip by strip.

`Graph` grows by one node for each elementary operation; `Program` is the finished graph. No pixel is needed
until `Program.run` binds the recipes to an array.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from convcli import planner, pointwise
from convcli.border import Border
from convcli.engine.blas import one_thread
from convcli.engine.pooling import MaxPooled
from convcli.engine.strips import Convolved, Picture, Rows, Sink, walk
from convcli.errors import ConvError, GeometryError
from convcli.filters import Kernel, Point
from convcli.formula import Formula
from convcli.geometry import Field, Geometry
from convcli.light import level_signal, light_signal
from convcli.planner import Plan
from convcli.signal import Signal

__all__ = ["Graph", "Program", "Stage"]

STRIP_BYTES = 1 << 23  # working memory of a strip: it stays in the second-level cache of a core
ALL_BYTES = 1 << 24  # of all steps together
MOST_BYTES = 1 << 29  # of the rows that one window sees
MOST_PADDING = 1 << 24  # columns
SMALL = 1 << 21  # multiply-adds and samples below which a second thread costs more than it saves


class Stage(NamedTuple):
    """One step of the report: what ran, over which geometry, by which plan (None: no multiply-adds).

    field: what one of its samples sees of the picture.
    """

    step: str
    op: str
    geometry: Geometry | None
    plan: Plan | None
    size_in: tuple[int, int, int]
    size_out: tuple[int, int, int]
    weights: int = 0
    field: Field = Field()


class Node(NamedTuple):
    """A recipe: `make(*rows)` over the Rows of the nodes in `inputs`; and the signal it gives.

    has_mean: it pads with the mean of its input, which `make` takes as `outside`. undivided: where it gives whole sums
    over a whole number, a node that gives the sums, and the number.
    """

    inputs: tuple[int, ...]
    make: Callable[..., Rows]
    signal: Signal
    has_mean: bool = False
    undivided: "tuple[Node, int] | None" = None


class Program(NamedTuple):
    """A finished graph: node 0 is the picture, `result` the node to ask for.

    alpha: the last channel of the result is alpha. colours: letters of the other channels, empty for feature
    maps. is_signed: zero-sum weights left the result around zero. field: what one output pixel sees.
    """

    nodes: tuple[Node, ...]
    result: int
    stages: tuple[Stage, ...]
    colours: str
    alpha: bool
    is_signed: bool
    field: Field

    @property
    def signal(self) -> Signal:
        """The signal of the result."""
        return self.nodes[self.result].signal

    @property
    def undivided(self) -> "tuple[Program, int] | None":
        """Where the result is whole sums over a whole number: the program that gives the sums, and the number."""
        if self.nodes[self.result].undivided is None:
            return None
        node, share = self.nodes[self.result].undivided
        return self._replace(nodes=(*self.nodes[: self.result], node, *self.nodes[self.result + 1 :])), share

    @property
    def macs(self) -> int:
        """Multiply-adds of all stages."""
        return sum(stage.plan.macs for stage in self.stages if stage.plan)

    @property
    def method(self) -> str:
        """The methods of its stages, each once."""
        return ", ".join(dict.fromkeys(stage.plan.method for stage in self.stages if stage.plan)) or "none"

    def __str__(self) -> str:
        return "\n".join(f"{stage.step}: {stage.plan or stage.op}" for stage in self.stages)

    @property
    def strip(self) -> int:
        """Rows of output in a strip, in whole grains of the last step.

        As many as fit in STRIP_BYTES at the widest step and in ALL_BYTES at all of them together.
        """
        plans = [stage.plan for stage in self.stages if stage.plan]
        grain = plans[-1].blocks.grain if plans else 1
        if any(plan.method == "reference" for plan in plans):  # a row takes long, and a signal waits for the strip
            return 1
        sizes = [plan.row_bytes for plan in plans] or [1 << 14]
        fitting = min(STRIP_BYTES // max(sizes), ALL_BYTES // sum(sizes))
        if any(plan.blocks.grain > 1 for plan in plans[:-1]):
            fitting = max(fitting, 64)  # what an early step makes for the sake of its grain is then little of it all
        return max(fitting // grain, 1) * grain if grain > 1 else max(8, fitting)

    def run(self, pixels: np.ndarray, threads: int, sink: Sink) -> None:
        """Gives every strip of the result of `pixels` (H, W, C) to a sink; see `walk`."""
        means: dict[int, np.ndarray] = {}  # found by the first thread's, and shared
        threads = threads if self.macs + pixels.size > SMALL else 1
        height, strip = self.signal.height, self.strip
        is_single = len(self.nodes) == 2  # it reads the picture itself, of which no strip has to be made first
        with one_thread():
            each = [self.open(pixels, means) for _ in range(max(1, min(threads, -(-height // strip))))]
            walk(each, height, strip, sink, is_single)

    def open(self, pixels: np.ndarray, means: dict[int, np.ndarray] | None = None) -> Rows:
        """The result as Rows, fresh, for one thread; means: those that another thread has found, by node."""
        means = {} if means is None else means
        made: list[Rows] = [Picture(pixels, self.nodes[0].signal)]
        for index, node in enumerate(self.nodes[1:], 1):
            inputs = [made[i] for i in node.inputs]
            if node.has_mean:
                if index not in means:
                    means[index] = _mean(inputs[0])
                made.append(node.make(*inputs, outside=means[index]))
            else:
                made.append(node.make(*inputs))
        return made[self.result]


class Graph:
    """A graph under construction; every method adds nodes and gives the number of the last one."""

    def __init__(self, signal: Signal, white: float):
        self.nodes = [Node((), Picture, signal)]
        self.stages: list[Stage] = []
        self.white = white

    def signal(self, node: int) -> Signal:
        """The signal of a node."""
        return self.nodes[node].signal

    def pick(self, node: int, channels: list[int]) -> int:
        """Some channels of a node; the node itself where that is all of them in order."""
        if channels == list(range(self.signal(node).channels)):
            return node
        signal = self.signal(node).but(channels=len(channels))
        return self._add((node,), lambda of: pointwise.Picked(signal, of, channels), signal)

    def join(self, nodes: list[int], order: list[int]) -> int:
        """All channels of several nodes, `order` naming them one after the other."""
        if len(nodes) == 1:
            return self.pick(nodes[0], order)
        signals = [self.signal(node) for node in nodes]
        signal = signals[0].but(
            channels=len(order),
            dtype=str(np.result_type(*(s.dtype for s in signals))),
            low=min(s.low for s in signals),
            high=max(s.high for s in signals),
            whole=all(s.whole for s in signals),
        )
        return self._add(tuple(nodes), lambda *of: pointwise.Joined(signal, *of, order=order), signal)

    def gray(self, node: int) -> int:
        """Luma of a node with three channels; a node with one channel as it is."""
        channels = self.signal(node).channels
        if channels == 1:
            return node
        if channels != 3:
            raise ConvError(f"gray is made of red, green and blue, and the picture has {channels} channels")
        signal = self.signal(node).but(channels=1, dtype=self.signal(node).fraction, whole=False)
        return self._add((node,), lambda of: pointwise.Gray(signal, of), signal)

    def light(self, node: int) -> int:
        """Levels as light, on the scale of the levels."""
        signal, white = light_signal(self.signal(node)), self.white
        return self._add((node,), lambda of: pointwise.Lit(signal, of, white), signal)

    def levels(self, node: int) -> int:
        """Light as levels again."""
        signal, white = level_signal(self.signal(node), self.white), self.white
        return self._add((node,), lambda of: pointwise.Unlit(signal, of, white), signal)

    def point(self, node: int, point: Point) -> int:
        """A point step."""
        signal = pointwise.point_signal(point, self.signal(node), self.white)
        return self._add((node,), lambda of: pointwise.Mapped(signal, of, point, self.white), signal)

    def widened(self, node: int) -> int:
        """The node, as one whose sums are kept in float64 where they are not whole."""
        signal = self.signal(node)
        return node if signal.real == "float64" else self._add((node,), lambda of: of, signal.but(real="float64"))

    def compute(self, text: str, named: dict[str, int], where: str, real: str) -> int:
        """A formula over named nodes and `white`; the node itself where the formula is a bare name.

        real: the dtype of sums made of it, and of the value, but that whole numbers up to 2^12 have products that
        float32 holds exactly.
        """
        if text in named:
            return named[text]
        formula = Formula.parse(text, [*named, "white"], where)
        names = [name for name in named if name in formula.names]
        signals = {name: self.signal(named[name]) for name in names}
        if not signals:
            raise ConvError(f"{where}: the formula {text} names neither the image nor a step")
        if len({signal.shape for signal in signals.values()}) > 1:
            sizes = ", ".join(f"{name} is {s.height}x{s.width}x{s.channels}" for name, s in signals.items())
            raise ConvError(f"{where}: pictures of different sizes meet in one formula: {sizes}")
        first = signals[names[0]]
        exact = all(signal.whole and signal.peak <= 2**12 for signal in signals.values())
        dtype = "float32" if exact else real
        signal = first.but(dtype=dtype, low=-np.inf, high=np.inf, whole=False, real=real)
        values = {"white": self.white}

        def make(*of):
            return pointwise.Computed(signal, *of, formula=formula, names=names, values=values)

        return self._add(tuple(named[name] for name in names), make, signal)

    def convolve(
        self, node: int, kernel: Kernel, geometry: Geometry, bias=0.0, outside=None, method="auto"
    ) -> tuple[int, Plan]:
        """A convolution, and its plan. outside: what stands outside where the border is flat (default: its value)."""
        signal, (height, out_width) = self.signal(node), geometry.out
        chosen = planner.choose(geometry, kernel, signal, bias, method)
        rows = (chosen.blocks.grain - 1) * geometry.y.stride + geometry.y.reach
        width = geometry.x.lo + geometry.x.size + geometry.x.hi
        size = rows * width * signal.channels * np.dtype(chosen.numbers.dtype).itemsize
        if size > MOST_BYTES or width - geometry.x.size > MOST_PADDING:
            raise GeometryError(
                f"the window sees {geometry.y.reach} rows of {width} pixels at once, more than memory is meant for"
                " (use less padding or dilation)"
            )
        out = Signal(
            height,
            out_width,
            kernel.maps or signal.channels,
            chosen.numbers.dtype if kernel.scale == 1 and not bias else chosen.real,
            chosen.low,
            chosen.high,
            chosen.whole,
            signal.real,
        )
        flat = geometry.border.value if outside is None else outside

        def make(of, outside=flat):
            return Convolved(out, of, kernel, geometry, chosen, bias, outside)

        has_mean = geometry.border.mode == "mean" and any(geometry.padding)
        undivided, share = None, chosen.share(kernel, bias)
        if share:
            sums = out.but(dtype=chosen.numbers.dtype, low=chosen.low * share, high=chosen.high * share, whole=True)
            whole = kernel.changed(scale=1.0)
            undivided = Node((node,), lambda of: Convolved(sums, of, whole, geometry, chosen, 0.0, flat), sums), share
        return self._add((node,), make, out, has_mean, undivided), chosen

    def max_pool(self, node: int, geometry: Geometry) -> int:
        """A sliding maximum."""
        height, width = geometry.out
        signal = self.signal(node).but(height=height, width=width)
        geometry.check_pooling()
        return self._add((node,), lambda of: MaxPooled(signal, of, geometry), signal)

    def sample(self, node: int, field: Field, size: tuple[int, int], border: Border, outside: float) -> int:
        """The samples under the anchors of a field, on a grid of `size`; the node itself where that is all of it.

        outside: what stands outside where the border is flat; the mean of the samples where that is asked for.
        """
        old = self.signal(node)
        if field.at == (0, 0) and field.jump == (1, 1) and size == old.size:
            return node
        has_mean = border.mode == "mean"
        signal = old.but(height=size[0], width=size[1], low=min(old.low, outside), high=max(old.high, outside))
        if has_mean or (border.is_flat and not (old.low <= outside <= old.high and outside == int(outside))):
            signal = signal.but(dtype="float64", whole=False)

        def make(of, outside=outside):
            return pointwise.Sampled(signal, of, field.at, field.jump, border, outside)

        return self._add((node,), make, signal, has_mean)

    def weigh(self, colour: int, alpha: int, outside: float) -> int:
        """Colours times alpha, with alpha as the last channel; outside: the opaque colour of a flat border."""
        old, over = self.signal(colour), self.signal(alpha)
        bounds = [bound * self.white for bound in (0, 1, old.low, old.high, outside)]
        whole = old.whole and over.whole and max(map(abs, bounds)) < 2**31
        signal = old.but(
            channels=old.channels + 1,
            dtype="int32" if whole else old.real,
            low=min(bounds),
            high=max(bounds),
            whole=whole,
        )
        return self._add((colour, alpha), lambda c, a: pointwise.Weighted(signal, c, a), signal)

    def unweigh(self, node: int, gain: float, bias: float) -> int:
        """Filtered colours over filtered alpha, which stays the last channel."""
        old = self.signal(node)
        signal = old.but(dtype=old.real, low=-np.inf, high=np.inf, whole=False)
        return self._add((node,), lambda of: pointwise.Unweighted(signal, of, gain, bias, self.white), signal)

    def _add(self, inputs: tuple[int, ...], make, signal: Signal, has_mean: bool = False, undivided=None) -> int:
        self.nodes.append(Node(inputs, make, signal, has_mean, undivided))
        return len(self.nodes) - 1


@np.errstate(all="ignore")
def _mean(rows: Rows) -> np.ndarray:
    """Mean of each channel, in float64."""
    height, width, channels = rows.signal.shape
    total = np.zeros(channels)
    for start in range(0, height, 64):
        total += rows.read(start, min(start + 64, height)).sum(axis=(0, 1), dtype=np.float64)
    return total / (height * width)
