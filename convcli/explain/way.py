"""How one sample of a result came to be: every window, product and formula on the way back to the picture.

What is traced is the program that `apply` runs: the Rows it opens say what they read, and give the values. So a
trace has no rules of its own about padding, alpha or strides.
"""

import re

import numpy as np

from convcli import levels
from convcli.border import locate
from convcli.engine.pooling import MaxPooled
from convcli.engine.strips import Convolved, Picture, Rows
from convcli.errors import ConvError
from convcli.explain.ending import ended
from convcli.explain.trace import Ending, Part, Stop, Term, Trace, spell
from convcli.graph import Stage
from convcli.job import Job
from convcli.luma import LUMA
from convcli.pointwise import Computed, Gray, Joined, Lit, Mapped, Picked, Sampled, Unlit, Unweighted, Weighted
from convcli.raster import Raster

__all__ = ["trace"]


def trace(job: Job, picture: Raster, at: tuple[int, int], threads: int = 1) -> Trace:
    """How the sample at row and column `at` of the result comes to be.

    Raises ConvError where the result has no such sample.
    """
    program, (y, x) = job.program, at
    height, width = program.signal.size
    if not (0 <= y < height and 0 <= x < width):
        raise ConvError(
            f"at {x},{y} lies outside the result of {width} columns and {height} rows"
            f" (columns 0 to {width - 1}, then rows 0 to {height - 1})"
        )
    pixels = picture.pixels[:, :, : program.nodes[0].signal.channels]
    with np.errstate(all="ignore"):  # a float picture may hold infinities
        finish = job.finish
        if finish.rule == "stretch":
            finish = finish._replace(bounds=levels.bounds(program, pixels, finish.alpha, threads))
        rows = program.open(pixels)
        way = _Way(program.stages, _letters(picture)[: pixels.shape[2]])
        way.visit(rows, y, x)
        names, values = way.names(rows), _samples(rows, [y], [x])[0, 0]
        endings = ended(finish, names, values)
    if "A" in job.mode and not program.alpha:
        endings += (Ending("alpha", picture.white, finish.white, finish.white, finish.white),)
    is_whole = not finish.dtype.startswith("float")
    size_in = picture.pixels.shape[:2]
    stops = tuple(reversed(way.stops))
    return Trace(
        at,
        size_in,
        (height, width),
        stops,
        endings,
        finish.rule,
        finish.white_in,
        finish.white,
        finish.bounds or (0.0, finish.white_in),
        is_whole,
    )


class _Way:
    """The way back from a result: stops are noted after what they read, each once."""

    def __init__(self, stages: tuple[Stage, ...], letters: tuple[str, ...]):
        self.stages = {id(stage.geometry): stage for stage in stages if stage.geometry}
        self.letters, self.stops, self.seen = letters, [], set()

    def visit(self, rows: Rows, y: int, x: int) -> None:
        """Notes how `rows` has made its sample, behind everything that went into it."""
        if isinstance(rows, Picture) or (id(rows), y, x) in self.seen:
            return
        self.seen.add((id(rows), y, x))
        if isinstance(rows, Convolved | MaxPooled):
            stop = self._windowed(rows, y, x)
            if stop.focus is not None:
                self.visit(rows.of, *stop.focus)
            self.stops.append(stop)
            return
        place = (y, x)
        if isinstance(rows, Sampled):
            place = _sampled(rows, y, x)
        if place is not None:
            for of in reversed(rows.of):  # the order is turned round at the end
                self.visit(of, *place)
        stop = self._pointwise(rows, y, x, place)
        if stop is not None:
            self.stops.append(stop)

    def names(self, rows: Rows) -> tuple[str, ...]:
        """Names of the channels of a Rows."""
        if isinstance(rows, Picture):
            return self.letters
        if isinstance(rows, Convolved):
            own = self.names(rows.of)
            return {2: own, 3: ("sum",), 4: tuple(f"map {n}" for n in range(rows.signal.channels))}[
                rows.kernel.matrix.ndim
            ]
        if isinstance(rows, MaxPooled):
            return self.names(rows.of)
        own = [self.names(of) for of in rows.of]
        if isinstance(rows, Picked):
            picked = own[0][rows.channels] if isinstance(rows.channels, slice) else [own[0][c] for c in rows.channels]
            return tuple(picked)
        if isinstance(rows, Joined):
            joined = [name for names in own for name in names]
            return tuple(joined[source] for source in rows.order)
        if isinstance(rows, Gray):
            return ("gray",)
        if isinstance(rows, Weighted):
            return (*(f"{name} x alpha" for name in own[0]), "alpha")
        if isinstance(rows, Unweighted):
            return tuple(name.removesuffix(" x alpha") for name in own[0])
        return own[0]

    def title(self, rows: Rows) -> str:
        """What a Rows is called: the step's name, or what it does."""
        if isinstance(rows, Picked | Joined):
            return self.title(rows.of[0])
        if isinstance(rows, Convolved | MaxPooled):
            if id(rows.geometry) in self.stages:
                return self.stages[id(rows.geometry)].step
            return "every stride-th sample" if rows.geometry.kernel == (1, 1) else "the same filter over alpha"
        if isinstance(rows, Computed):
            return rows.formula.text
        if isinstance(rows, Mapped):
            return rows.name if rows.threshold is None else f"{rows.name}:{spell(rows.threshold)}"
        if isinstance(rows, Sampled):
            return f"{' and '.join(self.names(rows))} passed through"
        names = {
            Gray: "gray",
            Lit: "light",
            Unlit: "levels",
            Weighted: "colours times alpha",
            Unweighted: "colours over alpha",
        }
        return names.get(type(rows), "the picture")

    def _windowed(self, rows: Convolved | MaxPooled, y: int, x: int) -> Stop:
        geometry, of = rows.geometry, rows.of
        ys = [y * geometry.y.stride - geometry.y.lo + u * geometry.y.dilation for u in range(geometry.y.taps)]
        xs = [x * geometry.x.stride - geometry.x.lo + v * geometry.x.dilation for v in range(geometry.x.taps)]
        height, width = of.signal.size
        outside = np.array([[not (0 <= r < height and 0 <= c < width) for c in xs] for r in ys])
        is_max, border = isinstance(rows, MaxPooled), geometry.border
        mode = "edge" if border.is_flat or is_max else border.mode
        inner_ys, inner_xs = ([int(locate(mode, i, n)) for i in line] for line, n in ((ys, height), (xs, width)))
        samples = _samples(of, inner_ys, inner_xs)
        if is_max:
            samples[outside] = -np.inf
        elif border.is_flat:
            samples[outside] = rows.outside
        anchor = (geometry.y.anchor, geometry.x.anchor)
        if outside[anchor] and (border.is_flat or is_max):
            anchor = _nearest(~outside, anchor)
        focus = None if anchor is None else (inner_ys[anchor[0]], inner_xs[anchor[1]])
        stage, names, sources = self.stages.get(id(geometry)), self.names(rows), self.names(of)
        matrix, scale = None, 1.0
        if not is_max:  # whole numbers stay whole, their scale apart
            is_whole = rows.kernel.is_whole
            matrix, scale = (rows.kernel.matrix, rows.scale) if is_whole else (rows.kernel.weights, 1.0)
        values = _samples(rows, [y], [x])[0, 0]
        parts = []
        for n, (name, value) in enumerate(zip(names, values, strict=True)):
            if matrix is None or matrix.ndim == 2:
                terms = [Term(sources[n], samples[:, :, n], matrix)]
            else:
                planes = matrix if matrix.ndim == 3 else matrix[n]
                terms = [Term(sources[c], samples[:, :, c], plane) for c, plane in enumerate(planes)]
            parts.append(Part(name, float(value), tuple(terms)))
        return Stop(
            self.title(rows),
            "max" if is_max else "kernel",
            (y, x),
            rows.signal.size,
            tuple(parts),
            source=self.title(of),
            op=stage.op if stage else "correlate",
            geometry=geometry,
            scale=scale,
            bias=0.0 if is_max else rows.bias,
            rows=tuple(ys),
            columns=tuple(xs),
            outside=outside,
            focus=focus,
        )

    def _pointwise(self, rows: Rows, y: int, x: int, place: tuple[int, int] | None) -> Stop | None:
        """The stop of a step that looks at one place; None where it only hands samples on."""
        names, values = self.names(rows), _samples(rows, [y], [x])[0, 0]
        inputs = [_samples(of, [place[0]], [place[1]])[0, 0] for of in rows.of] if place else []
        if isinstance(rows, Computed):
            kind, words = "formula", _formula_words(rows, inputs)
        elif isinstance(rows, Mapped):
            kind, words = "point", [_point_words(rows, value) for value in inputs[0]]
        elif isinstance(rows, Gray):
            kind = "gray"
            words = [" + ".join(f"{share} x {spell(v)}" for share, v in zip(LUMA, inputs[0], strict=True))]
        elif isinstance(rows, Weighted):
            kind, words = "weigh", [*(f"{spell(v)} x {spell(inputs[1][0])}" for v in inputs[0]), "as it is"]
        elif isinstance(rows, Unweighted):
            kind, words = "unweigh", _unweigh_words(rows, inputs[0])
        elif isinstance(rows, Sampled):
            kind = "sample"
            words = [f"column {place[1]}, row {place[0]} of the input" if place else "outside the input"] * len(names)
        elif isinstance(rows, Lit | Unlit):
            kind = "light" if isinstance(rows, Lit) else "unlight"
            words = [f"{'light of level' if kind == 'light' else 'level of light'} {spell(v)}" for v in inputs[0]]
        elif isinstance(rows, Picked | Joined):
            return None
        else:
            raise TypeError(type(rows))
        parts = (Part(*part) for part in zip(names, map(float, values), [()] * len(names), words, strict=True))
        source = self.title(rows.of[0]) if len(rows.of) == 1 else "its inputs"
        return Stop(self.title(rows), kind, (y, x), rows.signal.size, tuple(parts), source, focus=place)


def _samples(rows: Rows, ys: list[int], xs: list[int]) -> np.ndarray:
    """The samples (len(ys), len(xs), C) as float64."""
    out = np.empty((len(ys), len(xs), rows.signal.channels))
    first, last = min(ys), max(ys) + 1
    if last - first <= 4 * len(ys):  # rows that are read together are made together
        block = rows.read(first, last)
        out[:] = block[np.array(ys) - first][:, xs]
        return out
    for n, y in enumerate(ys):
        out[n] = rows.read(y, y + 1)[0, xs]
    return out


def _letters(picture: Raster) -> tuple[str, ...]:
    """Names of the channels of a picture."""
    channels = picture.pixels.shape[2]
    if picture.mode == "grid":
        return ("value",) if channels == 1 else tuple(f"channel {n}" for n in range(channels))
    plain = picture.mode.partition(";")[0].removesuffix("A")
    words = {"RGB": ("red", "green", "blue"), "CMYK": ("cyan", "magenta", "yellow", "black")}.get(plain, ("gray",))
    return (*words, "alpha")[:channels]


def _nearest(inside: np.ndarray, anchor: tuple[int, int]) -> tuple[int, int] | None:
    """The tap nearest to the anchor that lies inside, None where none does."""
    ys, xs = np.nonzero(inside)
    if not len(ys):
        return None
    nearest = int(np.argmin((ys - anchor[0]) ** 2 + (xs - anchor[1]) ** 2))
    return int(ys[nearest]), int(xs[nearest])


def _sampled(rows: Sampled, y: int, x: int) -> tuple[int, int] | None:
    """Where a Sampled looks; None outside a flat border."""
    height, width = rows.of[0].signal.size
    y, x = rows.at[0] + y * rows.jump[0], rows.at[1] + x * rows.jump[1]
    if rows.border.is_flat:
        return (y, x) if 0 <= y < height and 0 <= x < width else None
    return int(locate(rows.border.mode, y, height)), int(locate(rows.border.mode, x, width))


def _formula_words(rows: Computed, inputs: list[np.ndarray]) -> list[str]:
    """The formula for each channel, its names replaced by their numbers."""
    words = []
    for c in range(rows.signal.channels):
        values = rows.values | {name: float(value[c]) for name, value in zip(rows.names, inputs, strict=True)}
        spelled = {name: spell(v) if v >= 0 else f"({spell(v)})" for name, v in values.items()}
        text = re.sub(r"\b[A-Za-z_]\w*\b", lambda m, s=spelled: s.get(m[0], m[0]), rows.formula.text)
        words.append(re.sub(r"(?<=[(,] |.\()\((-[^()]*)\)(?=[,)])", r"\1", text))
    return words


def _point_words(rows: Mapped, value: float) -> str:
    """What a point step does to a value."""
    if rows.threshold is not None:
        sign = ">" if value > rows.threshold else "<="
        return f"{spell(value)} {sign} {spell(rows.threshold)}"
    return {"relu": f"maximum({spell(value)}, 0)", "square": f"{spell(value)} x {spell(value)}"}.get(
        rows.name, f"{rows.name}({spell(value)})"
    )


def _unweigh_words(rows: Unweighted, values: np.ndarray) -> list[str]:
    alpha, bias = values[-1] / rows.gain, f" + {spell(rows.bias)}" if rows.bias else ""
    over = [f"{spell(value)} / {spell(alpha)}" if alpha > rows.least else "0" for value in values[:-1]]
    return [*(f"{words}{bias}" for words in over), f"{spell(values[-1])} / {spell(rows.gain)}"]
