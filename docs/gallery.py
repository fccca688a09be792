"""Renders the gallery of the filters: python docs/gallery.py

Writes docs/gallery.md and a picture for every kernel file into docs/gallery/, from the samples, with `convcli apply`
as people run it: each with its defaults, unless the table below says otherwise.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import convcli
from convcli import library
from convcli.cli.apply import command
from convcli.errors import ConvError
from convcli.library import Entry

HERE = Path(__file__).parent
PICTURES = HERE / "gallery"
SIZE, COLUMNS = (160, 240), 3  # of a picture, and how many stand side by side

SECTIONS = (  # heading, what is said of it, and the tags that lead there, all of them; the first that fits
    ("As it was", "", {"identity"}),
    ("Blur", "Weights that sum to 1 keep the brightness.", {"blur"}),
    ("Sharpen", "", {"sharpen"}),
    ("Compass sets", "One mask for each direction; black is another direction's.", {"edge", "compass"}),
    ("Derivatives", "Where grey is zero, white is positive; where black is zero, the size is shown.", {"derivative"}),
    ("Edges", "", {"edge"}),
    ("Corners", "On the turned chessboard.", {"corner"}),
    ("Lines and textures", "", {"line"}),
    ("Local statistics", "Of the pixels around each pixel.", {"statistics"}),
    ("Emboss", "As if lit from one side; grey is flat.", {"artistic"}),
    ("Others", "", set()),
)
SHOWN = {  # where the defaults would show little
    "shift": ["shift:dx=60,dy=20", "--padding-mode", "zeros"],
    "box": ["box:7"],
    "gaussian": ["gaussian:2.5"],
    "corner": ["corner", "--scale", "1/8"],
    "kirsch": ["kirsch", "--scale", "1/4"],
    "scharr": ["scharr", "--scale", "1/4"],
    "scharr-x": ["scharr-x", "--scale", "1/4"],
    "scharr-y": ["scharr-y", "--scale", "1/4"],
}
_LARGE = "weights are large: unscaled, strong edges are white"
NOTES = {
    "corner": _LARGE,
    "kirsch": _LARGE,
    "scharr": _LARGE,
    "scharr-x": _LARGE,
    "scharr-y": _LARGE,
    "edges-4": "top, left and the two diagonals",
    "diag1-edge": "weights sum to 1: edges on the picture",
    "diag2-edge": "weights sum to 1: edges on the picture",
    "sobel-angle": "black and white are one direction, -180 and 180 degrees; where the picture is flat it is chance",
}


def section_of(entry: Entry) -> str:
    """The heading that an entry belongs under."""
    return next(heading for heading, _, tags in SECTIONS if tags <= set(entry.found.tags))


def grounds(folder: Path) -> dict[str, Path]:
    """The pictures that are filtered, by the heading they are for; the one without a heading for all others."""
    samples, found = HERE.parent / "samples", {}
    still = convcli.apply(convcli.open(samples / "still-life.png").pixels, "box:2,stride=2", range="clip")
    found[""] = folder / "still-life.png"
    convcli.save(still, found[""])
    board = convcli.open(samples / "chessboard.png").pixels
    top, left = ((n - part) // 2 for n, part in zip(board.shape, SIZE, strict=False))
    found["Corners"] = folder / "chessboard.png"
    convcli.save(board[top : top + SIZE[0], left : left + SIZE[1]], found["Corners"])
    return found


def render(entry: Entry, ground: Path, folder: Path) -> None:
    """Writes the picture of an entry; of a bank the maps in rows of two, half as high and wide."""
    target, filter_ = PICTURES / f"{entry.name}.webp", library.parse(entry.name)[0].filter
    words = [*SHOWN.get(entry.name, [entry.name]), str(ground), "-q", "-f"]
    if filter_.kernel is None or (filter_.kernel.maps or 1) == 1:
        command.main([*words, "-o", str(target), "--quality", "82"], standalone_mode=False)
        return
    place = folder / entry.name
    command.main([*words, "-o", f"{place}/"], standalone_mode=False)
    maps = [
        convcli.apply(convcli.open(path).pixels, "box:2,stride=2", range="clip") for path in sorted(place.iterdir())
    ]
    rows = [np.hstack(maps[n : n + 2]) for n in range(0, len(maps) - 1, 2)]
    convcli.save(np.vstack(rows), target)


def cell(entry: Entry) -> str:
    """A picture with its name, its title and, where it needs one, a note."""
    words = f"`{' '.join(SHOWN.get(entry.name, [entry.name]))}`<br>{entry.found.title}"
    note = NOTES.get(entry.name)
    return f"![{entry.found.title}](gallery/{entry.name}.webp)<br>{words}{f'<br>*{note}*' if note else ''}"


def page(entries: list[Entry]) -> Iterator[str]:
    """The lines of the document."""
    yield "# Gallery"
    yield ""
    yield f"What the {len(entries)} filters of `kernels/` make of the samples, with their defaults unless more is said."
    yield "Sums that are small beside the picture's levels are stretched: grey is zero, black the least, white the"
    yield "largest. Of others black is zero. `convcli kernels show NAME` has the weights and their sources. This page"
    yield "and its pictures are written by `python docs/gallery.py`, with `convcli apply`."
    for heading, words, _ in SECTIONS:
        inside = [entry for entry in entries if section_of(entry) == heading]
        if not inside:
            continue
        yield from ("", f"## {heading}", "", *((words, "") if words else ()))
        yield "|" + " |" * COLUMNS
        yield "|" + "---|" * COLUMNS
        for start in range(0, len(inside), COLUMNS):
            row = [cell(entry) for entry in inside[start : start + COLUMNS]]
            yield "| " + " | ".join(row + [""] * (COLUMNS - len(row))) + " |"


def main() -> None:
    """Renders everything anew; pictures of filters that are gone go too."""
    entries = [entry for entry in library.entries() if entry.path.parent == library.packaged()]
    for entry in entries:
        if isinstance(entry.found, ConvError):
            raise entry.found
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bases = grounds(folder)
        for entry in entries:
            render(entry, bases.get(section_of(entry), bases[""]), folder)
    (HERE / "gallery.md").write_text("\n".join(page(entries)) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in PICTURES.iterdir())
    print(f"{len(entries)} pictures, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
