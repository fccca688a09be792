"""Renders the pictures of the documentation from the samples: python docs/pictures.py"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import convcli
from convcli.overlay import marked

HERE = Path(__file__).parent
PANELS = (  # what the README shows, with the range that an 8-bit picture of it wants
    ("identity", "clip"),
    ("gaussian:4", "clip"),
    ("sobel", "clip"),
    ("sobel-x", "offset"),
    ("emboss-nw", "offset"),
    ("box:5,stride=5", "clip"),
)


def main() -> None:
    """Every picture."""
    filters()
    corners()


def corners() -> None:
    """The board with all its corners, and the still life with its strongest, side by side."""
    panels = []
    for name, rows, most in (("chessboard.png", slice(None), None), ("still-life.png", slice(60, 316), 120)):
        picture = convcli.open(HERE.parent / "samples" / name)
        picture = replace(picture, pixels=picture.pixels[rows])
        panels.append(marked(picture, convcli.corners(picture.pixels, max=most)).pixels)
    Image.fromarray(np.hstack(panels)).save(HERE / "corners.png", optimize=True)


def filters() -> None:
    """The still life and what five filters make of it, half the size, in two rows of three; maps; a plot."""
    original = convcli.open(HERE.parent / "samples" / "still-life.png").pixels
    size = (original.shape[1] // 2, original.shape[0] // 2)
    panels = [
        np.asarray(Image.fromarray(convcli.apply(original, name, range=rule)).resize(size, Image.Resampling.BOX))
        for name, rule in PANELS
    ]
    Image.fromarray(np.vstack([np.hstack(panels[:3]), np.hstack(panels[3:])])).save(HERE / "filters.png", optimize=True)
    sheet = ["apply", "edges-4 | relu | max-pool:2", HERE.parent / "samples" / "still-life.png"]
    sheet += ["--maps", "montage", "-o", HERE / "maps.png", "-f", "-q", "--compression", "best"]
    subprocess.run([sys.executable, "-m", "convcli", *sheet], check=True)
    plot = ["kernels", "plot", "log:1", "-o", HERE / "plot.png", "-f"]
    subprocess.run([sys.executable, "-m", "convcli", *plot], check=True)


if __name__ == "__main__":
    main()
