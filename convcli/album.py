"""Folders of pictures, a sub-folder for each class, as one stack."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from convcli import formats, raster
from convcli.errors import ConvError, InputError, printable, reason
from convcli.luma import levels_over_white
from convcli.naming import placed

__all__ = ["Album", "plane", "read"]

# What is taken for a picture; tables of numbers beside the pictures are somebody's notes.
SUFFIXES = {
    f".{extension}"
    for name, form in formats.FORMATS.items()
    if name not in ("TXT", "CSV", "TSV")
    for extension in form.extensions
} | {".pbm", ".tif"}


class Album(NamedTuple):
    """Pictures with their classes.

    pictures: (N, H, W), float32, white at 1. labels: (N,), indices of `classes`. skipped: how many could not be read.
    """

    classes: tuple[str, ...]
    pictures: np.ndarray
    labels: np.ndarray
    skipped: int = 0


def read(folder: Path, tell: Callable[[str], None] = lambda message: None, tick: Callable = lambda done, total: None):
    """The Album of a folder: its sub-folders are the classes, in the order of their names, hidden ones left out.

    tell: is called with a line for each picture that cannot be read, which is then left out. tick: with how many are
    read, and of how many. Raises ConvError where there are fewer than two classes, one is empty, or sizes differ.
    """
    shelves = _shelves(folder)
    total = sum(len(paths) for paths in shelves.values())
    pictures, first, labels, skipped = None, None, [], 0
    for label, paths in enumerate(shelves.values()):
        for path in paths:
            tick(len(labels) + skipped, total)
            try:
                picture = plane(raster.read(path))
            except InputError as error:
                tell(placed(error, str(path)))
                skipped += 1
                continue
            if first is None:
                if total * picture.size > raster.MAX_PIXELS:
                    raise ConvError(
                        f"{printable(folder)}: {total} pictures of {picture.size} pixels are too much to hold"
                    )
                first, pictures = path, np.empty((total, *picture.shape), np.float32)
            elif picture.shape != pictures.shape[1:]:
                sizes = [f"{shape[0]}x{shape[1]}" for shape in (picture.shape, pictures.shape[1:])]
                raise ConvError(
                    f"{printable(path)}: is {sizes[0]}, and {printable(first)} is {sizes[1]}"
                    " (all pictures need one size)"
                )
            pictures[len(labels)] = picture
            labels.append(label)
        if not labels or labels[-1] != label:
            raise ConvError(f"{printable(folder / list(shelves)[label])}: holds no picture that can be read")
    return Album(tuple(shelves), pictures[: len(labels)], np.array(labels), skipped)


def plane(picture: raster.Raster) -> np.ndarray:
    """The luma (H, W) of a picture, float32, white at 1; what is transparent lies on white. Raises InputError."""
    colours = picture.pixels.shape[2] - picture.alpha
    if colours not in (1, 3):
        raise InputError(f"has {colours} channels ({picture.mode}), wanted gray or red, green and blue")
    luma = levels_over_white(picture.pixels, picture.white, picture.alpha)
    if not np.isfinite(luma).all():
        raise InputError("holds samples that are not finite")
    return luma


def _shelves(folder: Path) -> dict[str, list[Path]]:
    """The pictures of each class, by name of the class."""
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        shelves = {path.name: _pictures(path) for path in inside}
    except (OSError, ValueError) as error:
        raise ConvError(f"{printable(folder)}: {reason(error) if isinstance(error, OSError) else error}") from None
    if len(shelves) < 2:
        found = f"has {'one sub-folder' if shelves else 'no sub-folders'}"
        raise ConvError(
            f"{printable(folder)}: {found}, and two classes at least are told apart (a sub-folder for each)"
        )
    for path in inside:
        if not shelves[path.name]:
            deeper = any(child.is_dir() for child in path.iterdir())
            remedy = " (its sub-folders do not count: name the folder that holds the classes)" if deeper else ""
            raise ConvError(f"{printable(path)}: holds no pictures{remedy}")
    return shelves


def _pictures(folder: Path) -> list[Path]:
    """The pictures in a folder by their endings, in the order of their names."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(path for path in found if path.is_file())
