"""A scene as one page that needs nothing else: no network, no library, no second file.

`page.html` beside this file holds the markup, the styles and the arithmetic; here its data are put in.
"""

import json
from pathlib import Path

from convcli.border import PICTURES
from convcli.errors import printable
from convcli.explain.scene import Scene
from convcli.matrix import spell_scale

__all__ = ["render"]


def render(scene: Scene, filter_text: str, source: str | None) -> str:
    """The page; source: the picture's name, None for the built-in grid."""
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    before, after = template.split("{{data}}")
    return before + _embedded(_data(scene, filter_text, source)) + after


def _embedded(data: dict) -> str:
    """JSON that may stand in a page: nothing in it can end the element it stands in, whatever a file is called."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(scene: Scene, filter_text: str, source: str | None) -> dict:
    kernel, window, geometry = scene.kernel, scene.window, scene.geometry
    _, height, width = scene.planes.shape
    what = f" over {printable(source)}" if source else ""
    banks = kernel.bank
    each = kernel.planes is None
    columns = geometry.out[1]
    return {
        "title": f"{printable(filter_text)}{what}",
        "about": _about(scene, source, (height, width)),
        "planes": scene.planes.tolist(),
        "names": scene.names,
        "white": scene.white,
        "each": each,
        "lanes": scene.names if each else [f"map {n}" for n in range(len(banks))] if len(banks) > 1 else ["sum"],
        "start": scene.start[0] * columns + scene.start[1],
        "patterns": {mode: picture.replace(".", "\u00b7") for mode, picture in PICTURES.items()},
        "settings": {
            "weights": banks.tolist(),
            "scale": kernel.scale,
            "scaleText": spell_scale(kernel.scale),
            "bias": window.bias,
            "taps": kernel.taps,
            "anchor": window.anchor or kernel.anchor,
            "stride": window.stride,
            "dilation": window.dilation,
            "padding": window.padding if isinstance(window.padding, str) else "sides",
            "sides": geometry.padding,
            "mode": window.border.mode,
            "value": window.border.value,
            "op": window.op,
        },
    }


def _about(scene: Scene, source: str | None, size: tuple[int, int]) -> str:
    """What the grid is, in a sentence or two."""
    if source is None:
        grid = "A small grid of numbers."
    elif size == scene.whole:
        grid = f"The whole picture, {size[0]} rows of {size[1]} columns."
    else:
        (top, left), (height, width) = scene.origin, scene.whole
        grid = (
            f"Rows {top} to {top + size[0] - 1} and columns {left} to {left + size[1] - 1} of a picture of"
            f" {height} rows and {width} columns; what stands outside is made of this part alone."
        )
    kept = "The kernel walks over it from left to right and from top to bottom, and leaves a sum at every stop"
    return f"{grid} {kept}: plain sums, before any range rule."
