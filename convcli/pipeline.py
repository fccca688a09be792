"""What a chain means: which channels each filter sees, what becomes of alpha, where the stride goes.

`compile_chain` turns links into a `Program`. The colours walk through the chain as one stream; alpha weighs
the colours of smoothing kernels; whatever is not filtered is sampled at the end, once, under the anchor.
"""

from dataclasses import replace
from functools import reduce
from math import inf, prod
from typing import NamedTuple

import numpy as np

from convcli.border import Border
from convcli.errors import ConvError
from convcli.filters import Filter, Kernel, Link, Point, Pool
from convcli.formula import Formula
from convcli.geometry import Field, Window
from convcli.graph import Graph, Program, Stage
from convcli.light import as_light, check_light
from convcli.signal import Signal

__all__ = ["Layout", "check_window", "compile_chain", "has_own_window"]

SAFE_GAIN = 16.0  # times the 3e-5 of a level that float32 may be off at 255: still within a thousandth


class Layout(NamedTuple):
    """What the channels of a picture are, in the order they come.

    colours: letters of the colour channels (`rgb`, `l`, `cmyk`), empty for nameless ones. alpha: the last channel
    is alpha. select: `each`, `gray`, or the letters of the channels to filter. alpha_rule: `auto`, `keep`, `filter`.
    linear: what is filtered is the light that the levels stand for.
    """

    colours: str = ""
    alpha: bool = False
    white: float = 255.0
    select: str = "each"
    alpha_rule: str = "auto"
    linear: bool = False


class Stream(NamedTuple):
    """A node, and what it has seen of the picture."""

    node: int
    field: Field = Field()


def compile_chain(links, signal: Signal, window: Window, layout: Layout | None = None, method="auto") -> Program:
    """The program that runs `links` over a picture of `signal`, `window` being every step's default.

    The window's stride belongs to the last step that has a window; pooling steps have their own window otherwise.
    Raises ConvError and its children where sizes, planes, channels or the method do not fit.
    """
    later = prod(max(_gain(link.filter), 1.0) for link in links[1:])
    if later > SAFE_GAIN:  # what an early step rounds off, a late one would show
        signal = signal.but(real="float64")
    chain = _Chain(Graph(signal, (layout or Layout()).white), layout or Layout(), method)
    last = max((n for n, link in enumerate(links) if not isinstance(link.filter.steps[0].action, Point)), default=-1)
    for n, link in enumerate(links):
        own, action = link.window, link.filter.steps[0].action
        if not has_own_window(link.filter):
            default = window if n == last else replace(window, stride=(1, 1))
        else:
            default = Window(padding="valid", border=Border("zeros"))
            if n == last and isinstance(action, Pool) and own.get("stride") == action.size and window.stride != (1, 1):
                own = {**own, "stride": window.stride}  # a stride that was asked for beats the usual one
        chain.follow(link.filter, replace(default, **own))
    return chain.finish(window.border)


def _letters(select: str) -> list[str]:
    """The letters of a list of channels, `r,g` or `rg`."""
    letters = select.lower().replace(" ", "")
    letters = letters.split(",") if "," in letters else list(letters)
    if not letters:
        raise ConvError("channels: none is named (each, gray, or a list such as r,g)")
    return letters


def _gain(filter_: Filter) -> float:
    """How much a filter may enlarge an error in its input; squares, roots and the like have no limit."""
    slopes = {"image": 1.0}
    for step in filter_.steps:
        into = Formula.parse(step.of, [*slopes, "white"], filter_.name).slope(slopes)
        if isinstance(step.action, Kernel):
            slopes[step.name] = into * float(np.abs(step.action.weights).sum())
        elif isinstance(step.action, Point) and step.action.name in ("square", "sqrt"):
            slopes[step.name] = inf
        else:
            slopes[step.name] = into
    if filter_.result is None:
        return slopes[filter_.steps[-1].name]
    return Formula.parse(filter_.result, [*slopes, "white"], filter_.name).slope(slopes)


def check_window(links: tuple[Link, ...], window: Window) -> None:
    """Raises ConvError for parts of a window that no step of a chain of points and pools would use."""
    if not all(has_own_window(link.filter) for link in links):
        return
    has_pool = any(isinstance(link.filter.steps[0].action, Pool) for link in links)
    usual = Window()
    for word in ("stride", "dilation", "op", "bias", "anchor"):
        if getattr(window, word) != getattr(usual, word) and not (word == "stride" and has_pool):
            remedy = "put it behind the step's name, as in max-pool:2,dilation=2" if has_pool else "leave it out"
            raise ConvError(f"no step of this chain takes the {word} ({remedy})")


def has_own_window(filter_: Filter) -> bool:
    """True for point and pooling steps, which the window of the command does not reach."""
    return filter_.is_single and isinstance(filter_.steps[0].action, Point | Pool)


class _Chain:
    """The streams of one compilation, and the filters that move them on."""

    def __init__(self, graph: Graph, layout: Layout, method: str):
        self.graph, self.layout, self.method = graph, layout, method
        self.letters, self.is_signed, self.is_summed = layout.colours, False, False
        channels = graph.signal(0).channels
        self.wanted = list(range(channels - layout.alpha))
        self.alpha = Stream(graph.pick(0, [channels - 1])) if layout.alpha else None
        if layout.select not in ("each", "gray"):
            self.wanted = sorted({self._channel(letter) for letter in _letters(layout.select)})
        self.colour = Stream(graph.pick(0, self.wanted))
        if layout.linear:
            check_light(graph.signal(0).dtype, layout.colours)
            self.colour = self.colour._replace(node=graph.light(self.colour.node))
        if layout.select == "gray":
            self._to_gray()

    def _channel(self, letter: str) -> int:
        if len(letter) != 1 or letter not in self.layout.colours:
            known = ",".join(self.letters) or "they have no names"
            if letter == "a" and self.layout.alpha:
                known += "; --alpha filter is for alpha"
            raise ConvError(f'no channel of this picture is called "{letter}" ({known})')
        return self.layout.colours.index(letter)

    def _to_gray(self) -> None:
        self.colour = self.colour._replace(node=self.graph.gray(self.colour.node))
        self.letters = "l"
        self.wanted = list(range(self.graph.signal(0).channels - self.layout.alpha))  # nothing is left to pass through

    def follow(self, filter_: Filter, window: Window) -> None:
        """One filter of the chain over the colours; alpha goes along where the filter smooths."""
        if filter_.input == "gray":
            self._to_gray()
        elif filter_.input == "rgb" and self.graph.signal(self.colour.node).channels != 3:
            raise ConvError(f"{filter_.name} needs a picture of red, green and blue")
        if self.layout.linear:
            window = replace(window, border=self._lit(window.border))
        action = filter_.steps[0].action
        if filter_.kernel is not None and filter_.kernel.is_zero_sum:
            self.is_signed = True
        if filter_.is_single and self._is_weighted(action):
            self._weighted(action, window, filter_.name)
            return
        self.colour = self._filtered(filter_, self.colour, window)
        if any(isinstance(step.action, Kernel) and step.action.planes is not None for step in filter_.steps):
            maps = self.graph.signal(self.colour.node).channels
            self.letters, self.is_summed = ("l" if maps == 1 else ""), True
        elif self.alpha is not None and self.layout.alpha_rule == "filter":
            stages = len(self.graph.stages)
            self.alpha = self._filtered(filter_, self.alpha, replace(window, bias=0.0))
            del self.graph.stages[stages:]  # what is done to alpha is no step of its own

    def _lit(self, border: Border) -> Border:
        """The border with its value, which is a level, as light."""
        return border._replace(value=float(as_light(border.value, self.layout.white)))

    def _filtered(self, filter_: Filter, stream: Stream, window: Window) -> Stream:
        """One filter over one stream."""
        if filter_.is_single:
            return self._act(filter_.steps[0].action, stream, window, filter_.name)
        return self._composite(filter_, stream, window)

    def _is_weighted(self, action) -> bool:
        # colours that pass through keep their alpha, or what it hid would show
        if self.alpha is None or self.layout.alpha_rule != "auto" or self.layout.select not in ("each", "gray"):
            return False
        smooths = isinstance(action, Kernel) and action.planes is None and not action.is_zero_sum
        return smooths or (isinstance(action, Pool) and action.kind == "avg")

    def _weighted(self, action: Kernel | Pool, window: Window, name: str) -> None:
        """Colours weighted by alpha, both filtered, and divided again: no halo of what nobody sees."""
        graph, channels = self.graph, self.graph.signal(self.colour.node).channels
        alpha = self._sampled(self.alpha, window.border, self.layout.white)
        both = Stream(graph.weigh(self.colour.node, alpha, window.border.value), self.colour.field)
        outside = np.full(channels + 1, window.border.value * self.layout.white)
        outside[-1] = self.layout.white  # outside is as opaque as outside a picture without alpha
        summed = self._act(action, both, replace(window, bias=0.0), name, outside)
        gain = action.sum if isinstance(action, Kernel) else 1.0
        divided = graph.unweigh(summed.node, gain, window.bias)
        self.colour = Stream(graph.pick(divided, list(range(channels))), summed.field)
        self.alpha = Stream(graph.pick(divided, [channels]), summed.field)

    def _act(self, action: Kernel | Point | Pool, stream: Stream, window: Window, name: str, outside=None) -> Stream:
        """One action over one stream, with its stage in the report."""
        graph, size_in = self.graph, self.graph.signal(stream.node).shape
        if isinstance(action, Point):
            node = graph.point(stream.node, action)
            size = graph.signal(node).shape
            graph.stages.append(Stage(name, action.name, None, None, size_in, size, field=stream.field))
            return stream._replace(node=node)
        if isinstance(action, Pool) and action.kind == "max":
            geometry = window.fit(size_in[:2], action.size)
            node, seen = graph.max_pool(stream.node, geometry), stream.field.through(geometry)
            graph.stages.append(Stage(name, "max-pool", geometry, None, size_in, graph.signal(node).shape, field=seen))
            return Stream(node, seen)
        if isinstance(action, Pool):  # a mean is a kernel of ones
            kernel, op, method = Kernel(np.ones(action.size), 1 / np.prod(action.size)), "avg-pool", "auto"
        else:
            kernel, op, method = action.under(window), window.op, self.method
        geometry = window.fit(size_in[:2], kernel.taps, kernel.anchor)
        node, plan = graph.convolve(stream.node, kernel, geometry, window.bias, outside, method)
        weights = int(kernel.matrix.size) if isinstance(action, Kernel) else 0
        seen = stream.field.through(geometry)
        graph.stages.append(Stage(name, op, geometry, plan, size_in, graph.signal(node).shape, weights, seen))
        return Stream(node, seen)

    def _composite(self, filter_: Filter, stream: Stream, window: Window) -> Stream:
        """Steps that meet in a formula. Those that only the result needs take the stride; the others run densely."""
        dense = replace(window, stride=(1, 1), bias=0.0, anchor=None)
        streams, real = {"image": stream}, self.graph.signal(stream.node).real
        # a difference of squares loses half its digits
        inner_real = real
        if _gain(filter_) > SAFE_GAIN:
            inner_real = "float64"
            streams["image"] = stream._replace(node=self.graph.widened(stream.node))
        result = filter_.result or filter_.steps[-1].name
        inner = {name for step in filter_.steps for name in self._names(step.of, filter_)}
        outer = self._names(result, filter_)
        strided = {"image"} if window.stride == (1, 1) else set()
        for step in filter_.steps:
            of, own = self._formula(step.of, streams, filter_.name, inner_real), dense
            if isinstance(step.action, Pool):
                own = replace(dense, padding="same")
            elif isinstance(step.action, Kernel) and step.name not in inner:
                own = replace(dense, stride=window.stride)
            streams[step.name] = self._act(step.action, of, own, f"{filter_.name}/{step.name}")
            strided |= {step.name} if own.stride == window.stride else set()
        ends = {
            name: end if name in strided else self._sparse(end, window)
            for name, end in streams.items()
            if name in outer
        }
        joined = self._formula(result, ends, filter_.name, real)
        return self._sparse(joined, replace(window, stride=(1, 1)), window.bias) if window.bias else joined

    def _names(self, text: str, filter_: Filter) -> set[str]:
        """The pictures that a formula of a composite names."""
        known = ["image", *(step.name for step in filter_.steps)]
        return {name for name in Formula.parse(text, [*known, "white"], filter_.name).names if name in known}

    def _sparse(self, stream: Stream, window: Window, bias: float = 0.0) -> Stream:
        """Every stride-th sample, with a bias: a kernel of a single one."""
        window = replace(window, dilation=(1, 1), padding="valid", anchor=None)
        geometry = window.fit(self.graph.signal(stream.node).size, (1, 1))
        node, _ = self.graph.convolve(stream.node, Kernel(np.ones((1, 1))), geometry, bias)
        return Stream(node, stream.field.through(geometry))

    def _formula(self, text: str, streams: dict[str, Stream], where: str, real: str) -> Stream:
        """A formula over streams; it has seen what they have seen together."""
        node = self.graph.compute(text, {name: stream.node for name, stream in streams.items()}, where, real)
        named = Formula.parse(text, [*streams, "white"], where).names
        return Stream(node, reduce(Field.beside, (streams[name].field for name in streams if name in named)))

    def _sampled(self, kept: Stream, border: Border, outside: float) -> int:
        """A stream that was left behind, sampled where the colours stand now."""
        field, size = self.colour.field.since(kept.field), self.graph.signal(self.colour.node).size
        return self.graph.sample(kept.node, field, size, border, outside)

    def finish(self, border: Border) -> Program:
        """The program, with all channels joined in the picture's own order."""
        graph, channels = self.graph, self.graph.signal(0).channels
        if self.layout.linear:
            self.colour = self.colour._replace(node=graph.levels(self.colour.node))
        parts, order = [self.colour.node], list(range(graph.signal(self.colour.node).channels))
        passed = [c for c in range(channels - (self.alpha is not None)) if c not in self.wanted]
        if passed:
            if self.is_summed:
                raise ConvError("channels cannot pass through a kernel that sums channels (leave --channels out)")
            parts.append(self._sampled(Stream(graph.pick(0, passed)), border, border.value))
            order = [(self.wanted + passed).index(c) for c in range(len(order) + len(passed))]
        has_alpha = self.alpha is not None and not (self.is_summed and self.letters == "")  # maps have none
        if has_alpha:
            parts.append(self._sampled(self.alpha, border, self.layout.white))
            order.append(len(order))
        result = graph.join(parts, order)
        return Program(
            tuple(graph.nodes), result, tuple(graph.stages), self.letters, has_alpha, self.is_signed, self.colour.field
        )
