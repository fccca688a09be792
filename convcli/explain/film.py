"""A scene as an animation for slides: the window walks over the padded grid, and the result fills.

One picture for each stop, drawn when it is asked for.
"""

from collections.abc import Iterator

import numpy as np

from convcli.errors import ConvError
from convcli.explain.scene import Scene
from convcli.explain.trace import spell, total
from convcli.matrix import spell_scale
from convcli.raster import Canvas, Metadata, Raster

__all__ = ["count", "frames", "results"]

MOST = 1024  # stops
SHOWN, LAST = 300.0, 2500.0  # milliseconds of a stop, and of the last one
WIDTH = 1280
_EDGE, _GAP, _HEAD = 28, 40, 26
_INK, _SOFT, _LINE, _ACCENT = (29, 31, 36), (96, 101, 112), (200, 198, 190), (11, 110, 110)
_WHITE, _PAD = (255, 255, 255), (243, 236, 220)


def count(scene: Scene) -> int:
    """How many pictures there are: one for each sample of the result. Raises ConvError where they are too many."""
    rows, columns = scene.geometry.out
    if rows * columns > MOST:
        raise ConvError(
            f"a walk of {rows * columns} stops is too long for an animation (at most {MOST}; --m shows less)"
        )
    return rows * columns


def frames(scene: Scene, title: str) -> Iterator[Raster]:
    """The pictures in the order of the result. Of a kernel that takes each channel alone the first channel is shown,
    of a bank the first map.
    """
    film = _Film(scene, title)
    stops = count(scene)
    for n in range(stops):
        info = Metadata(shown=LAST if n == stops - 1 else SHOWN)
        yield Raster(film.draw(n), "RGB", info=info)


def results(scene: Scene) -> list[float]:
    """The numbers that fill the result, in the order of the walk."""
    return _Film(scene, "").values


class _Film:
    """What all pictures of a walk have in common: numbers, sizes and places."""

    @np.errstate(all="ignore")  # sums may be larger than any float
    def __init__(self, scene: Scene, title: str):
        self.scene, self.title, self.geometry, kernel = scene, title, scene.geometry, scene.applied
        planes = 1 if kernel.planes is None else kernel.planes
        self.scale, self.bias = (kernel.scale, scene.window.bias) if kernel.is_whole else (1.0, scene.window.bias)
        weights = kernel.matrix if kernel.is_whole else kernel.weights
        self.weights = weights.reshape(-1, planes, *kernel.taps)[0]
        self.grid, self.names = scene.padded[:planes], scene.names[:planes]
        self.high, self.wide = self.grid.shape[1:]
        self.out = self.geometry.out
        taps = kernel.taps
        self.small = max(18, min(44, 240 // max(taps)))
        middle = max(taps[1] * self.small, 130)
        room = WIDTH - 2 * _EDGE - 2 * _GAP - middle
        self.cell = max(16, min(40, room // (self.wide + self.out[1])))
        self.left_of_middle = _EDGE + self.wide * self.cell + _GAP
        self.left_of_out = self.left_of_middle + middle + _GAP
        self.width = max(self.left_of_out + self.out[1] * self.cell + _EDGE, 720)
        self.plane_height = max(self.high * self.cell, 2 * (taps[0] * self.small + _HEAD) - _HEAD) + _HEAD + 14
        self.top = 64
        body = max(planes * self.plane_height, _HEAD + self.out[0] * self.cell)
        self.height = self.top + body + 56
        windows = [self.window(n) for n in range(self.out[0] * self.out[1])]
        self.sums = [[total((w * p).ravel()) for w, p in zip(window, self.weights, strict=True)] for window in windows]
        self.values = [total(parts) * self.scale + self.bias for parts in self.sums]
        self.peak = max(map(abs, self.values)) or 1.0

    def window(self, n: int) -> np.ndarray:
        """(planes, kh, kw): the samples under the window of stop n."""
        (y, x), (i, j) = (self.geometry.y, self.geometry.x), divmod(n, self.out[1])
        rows = slice(i * y.stride, i * y.stride + y.reach, y.dilation)
        return self.grid[:, rows, j * x.stride : j * x.stride + x.reach : x.dilation]

    @np.errstate(all="ignore")
    def draw(self, n: int) -> np.ndarray:
        """(H, W, 3), the picture of stop n, which comes after stop n - 1."""
        canvas = Canvas(self.height, self.width, _WHITE)
        if n == 0:
            self._begin(canvas)
        else:
            canvas.paste(0, 0, self.lasting)
        i, j = divmod(n, self.out[1])
        at = (self.top + _HEAD + i * self.cell, self.left_of_out + j * self.cell)
        self._cell(canvas, at, self.cell, self.values[n], self._tint(self.values[n]), _INK)
        self.lasting = canvas.pixels.copy()  # what follows goes again with the next stop
        _frame(canvas, *at, self.cell, self.cell, 3)
        for p, (weights, window) in enumerate(zip(self.weights, self.window(n), strict=True)):
            top = self.top + p * self.plane_height
            self._walk(canvas, top + _HEAD, i, j)
            self._small(canvas, top + _HEAD + len(weights) * self.small + 12, "products", weights * window)
        canvas.text(self.height - 40, _EDGE, self._sentence(n), 16, _INK)
        return _few_colours(canvas.pixels)

    def _begin(self, canvas: Canvas) -> None:
        """What stays: the title, the padded grids, the weights, the empty result."""
        canvas.text(20, _EDGE, self.title, 20, _INK)
        for p, (name, weights) in enumerate(zip(self.names, self.weights, strict=True)):
            top = self.top + p * self.plane_height
            canvas.text(top, _EDGE, name, 14, _SOFT)
            self._grid(canvas, top + _HEAD, p)
            self._small(canvas, top, "weights", weights)
        rows, columns = self.out
        canvas.text(self.top, self.left_of_out, f"result, {rows} x {columns}", 14, _SOFT)
        for i in range(rows):
            for j in range(columns):
                y, x = self.top + _HEAD + i * self.cell, self.left_of_out + j * self.cell
                canvas.box(y, x, self.cell + 1, self.cell + 1, None, _LINE)

    def _grid(self, canvas: Canvas, top: int, plane: int) -> None:
        """A padded grid."""
        y, x, grid = self.geometry.y, self.geometry.x, self.grid[plane]
        finite = grid[np.isfinite(grid)]  # a mean outside may be larger than any float
        low, high = (0.0, self.scene.white) if self.scene.white else (float(finite.min()), float(finite.max()))
        for (row, column), value in np.ndenumerate(grid):
            inside = 0 <= row - y.lo < y.size and 0 <= column - x.lo < x.size
            level = _level(value, low, high) if inside else 0
            fill = (level, level, level) if inside else _PAD
            ink = _SOFT if not inside else _INK if level > 118 else _WHITE
            at = (top + row * self.cell, _EDGE + column * self.cell)
            self._cell(canvas, at, self.cell, value, fill, ink)
            if not inside:  # a corner cut off: padding is told without colours too
                canvas.line([(at[0] + 7, at[1]), (at[0], at[1] + 7)], _SOFT)

    def _walk(self, canvas: Canvas, top: int, i: int, j: int) -> None:
        """The window and its taps at row i, column j of the result."""
        y, x = self.geometry.y, self.geometry.x
        first = (top + i * y.stride * self.cell, _EDGE + j * x.stride * self.cell)
        for u in range(y.taps):
            for v in range(x.taps):
                place = (first[0] + u * y.dilation * self.cell, first[1] + v * x.dilation * self.cell)
                _frame(canvas, *place, self.cell, self.cell, 1)
        _frame(canvas, *first, y.reach * self.cell, x.reach * self.cell, 4)

    def _tint(self, value: float) -> tuple[int, ...]:
        """Blue below zero, brown above, the stronger the larger."""
        far, share = (37, 99, 180) if value < 0 else (190, 90, 10), abs(value) / self.peak
        share = round(3 * share) / 3 if share <= 1 else 1.0  # what is not finite is as strong as can be
        return tuple(round(255 + (end - 255) * 0.45 * share) for end in far)

    def _small(self, canvas: Canvas, top: int, name: str, table: np.ndarray) -> None:
        """A table between the grid and the result."""
        canvas.text(top, self.left_of_middle, name, 14, _SOFT)
        for (u, v), value in np.ndenumerate(table):
            at = (top + _HEAD + u * self.small, self.left_of_middle + v * self.small)
            self._cell(canvas, at, self.small, value, _WHITE, _INK)

    def _cell(self, canvas: Canvas, at: tuple[int, int], side: int, value: float, fill, ink) -> None:
        canvas.box(*at, side + 1, side + 1, fill, _LINE)
        text = spell(value) if len(spell(value)) <= 5 else f"{value:.3g}"
        size = min(0.42 * side, 1.5 * side / max(len(text), 1))
        if size >= 6:
            canvas.text(at[0] + side / 2, at[1] + side / 2, text, size, ink, "mm")

    def _sentence(self, n: int) -> str:
        """The sum of stop n in a line."""
        i, j = divmod(n, self.out[1])
        sums, whole = self.sums[n], total(self.sums[n])
        products = (self.weights * self.window(n)).ravel()
        words = f"{len(products)} products add up to {spell(whole)}"
        if len(sums) > 1:
            words = f"{' + '.join(map(spell, sums))} = {spell(whole)}".replace("+ -", "- ")
        elif len(products) <= 9:
            words = f"{' + '.join(map(spell, products))} = {spell(whole)}".replace("+ -", "- ")
        if self.scale != 1:
            words += f", times {spell_scale(self.scale)} = {spell(whole * self.scale)}"
        if self.bias:
            words += f", with the bias {spell(self.bias)} = {spell(self.values[n])}"
        return f"row {i}, column {j}:  {words}"


def _level(value: float, low: float, high: float) -> int:
    """The grey of a value between the lowest and the highest; their difference may be larger than any float."""
    value, low, high = value / 512, low / 512, high / 512
    return int(np.clip(255 * (value - low) / ((high - low) or 1.0), 0, 255))


def _few_colours(pixels: np.ndarray) -> np.ndarray:
    """The picture with sixteen greys, and other colours in steps of twelve: no more than a GIF holds."""
    red, green, blue = planes = np.moveaxis(pixels, 2, 0).astype(np.int16)  # numpy is slow along an axis of three
    span = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    grey = ((red + green + blue) // 3 + 8) // 17 * 17
    stepped = np.where(span <= 12, grey, np.minimum((planes + 6) // 12 * 12, 255))
    return np.moveaxis(stepped, 0, 2).astype(np.uint8, order="C")


def _frame(canvas: Canvas, y: int, x: int, height: int, width: int, thickness: int) -> None:
    """An outline that grows inwards."""
    for n in range(thickness):
        canvas.box(y + n, x + n, height + 1 - 2 * n, width + 1 - 2 * n, None, _ACCENT)
