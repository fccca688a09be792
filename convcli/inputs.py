"""The files a run is about: those named, those in folders, those in a list.

A folder gives its pictures, in an order that is the same everywhere: by name, numbers by their size (`p2` before
`p10`), and what lies in the folders below it after its own. A file is a picture by its ending: the known ones, and any
that an --include spells out. Hidden files and folders are left alone, links to folders are not followed, and the folder
that results go to is no input. A file that is named is always an input.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from convcli.errors import ConvError, InputError, printable, reason
from convcli.formats import is_picture_name
from convcli.naming import STREAM, called, source

__all__ = ["Choice", "Found", "Input", "find", "read_list"]

LONGEST = 1 << 28  # bytes of a list of names


class Input(NamedTuple):
    """A file to be read. below: its path in the folder it was found in, None where it was named itself.

    fault: why it is none after all; it is told when its turn comes, and the others go on.
    """

    path: str
    below: str | None = None
    fault: str | None = None


class Found(NamedTuple):
    """The inputs in their order, and how many of what else lay in the folders."""

    inputs: list[Input]
    aside: Counter[str]


class Choice(NamedTuple):
    """What is taken from folders: the folders below too, names that match, names that do not.

    A pattern is matched with the name, and one with a slash in it with the path below the folder, where `*` and `?`
    stop at slashes and `**` does not; a slash at the end means folders. Capitals do not count.
    """

    recursive: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def find(names: Iterable[str], choice: Choice, output: str | None, is_written: bool = True) -> Found:
    """All inputs; `output` is the folder for the results, which gives none where it lies inside another.

    is_written: False where the results are no files. Raises ConvError where a folder is named, and its results are
    files and have no folder.
    """
    found, aside = [], Counter()
    for name in names:
        if not os.path.isdir(name):
            found.append(Input(name))
            continue
        if is_written and output in (None, STREAM):
            raise ConvError(f"{printable(name)}: is a folder, and its results need one too (-o FOLDER)")
        count = len(found)
        found += _inside(name, choice, _identity(output) if is_written else None, aside)
        if len(found) == count:
            found.append(Input(name, fault=_why_empty(choice)))
    return Found(found, aside)


def read_list(name: str) -> list[str]:
    """The names in a file, or in standard input for `-`, each ended by a NUL byte."""
    place = called(name)
    try:
        data = source(name, LONGEST)
        if isinstance(data, Path):
            with open(data, "rb") as stream:
                data = stream.read(LONGEST + 1)
    except OSError as error:
        raise ConvError(f"{place}: {reason(error)} (it is to hold the names of the images)") from None
    except ValueError:
        raise ConvError(f"{place}: is no file name") from None
    if len(data) > LONGEST:
        raise ConvError(f"{place}: is over {LONGEST >> 20} MB, too long for a list of names")
    if b"\0" not in data and b"\n" in data.strip():
        raise ConvError(f"{place}: its names stand on lines (end each with NUL: find -print0, tr '\\n' '\\0')")
    names = data.removesuffix(b"\0").split(b"\0")
    if names == [b""]:
        raise InputError(f"{place}: holds no names")
    return [os.fsdecode(name) for name in names]


def _inside(folder: str, choice: Choice, avoided: tuple | None, aside: Counter[str]) -> Iterator[Input]:
    """The inputs in a folder; what else is there is counted."""
    waiting = [""]
    while waiting:
        at = waiting.pop()
        place = os.path.join(folder, at)
        files, folders = [], []
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    below, kind = at + entry.name, _kind(entry)
                    if entry.name.startswith(".") or kind == "other":
                        continue
                    if _matches(below, choice.exclude, kind != "file") or (kind != "file" and not choice.recursive):
                        continue
                    if kind == "link":
                        aside["link to a folder", "links to folders"] += 1
                    elif kind == "folder":
                        if avoided is None or _identity(entry.path) != avoided:
                            folders.append(entry.name)
                    elif _is_taken(below, choice.include):
                        files.append(entry.name)
                    elif not is_picture_name(entry.name):
                        aside["file that is no picture", "files that are no pictures"] += 1
        except OSError as error:
            yield Input(place, fault=reason(error))
            continue
        yield from (Input(os.path.join(place, name), at + name) for name in _sorted(files))
        waiting += [f"{at}{name}/" for name in reversed(_sorted(folders))]


def _is_taken(below: str, include: tuple[str, ...]) -> bool:
    """True for a picture's name that is wanted, and for any with an ending that is asked for in letters."""
    if is_picture_name(below):
        return not include or _matches(below, include)
    spelled = [glob for glob in include if not re.search(r"[*?\[/]", os.path.splitext(glob)[1] or "*")]
    return _matches(below, tuple(spelled))


def _matches(below: str, globs: tuple[str, ...], is_folder: bool = False) -> bool:
    """True where a pattern matches the name, or the path where the pattern has a slash."""
    parts = below.casefold().split("/")
    for glob in globs:
        wanted = glob.casefold().removesuffix("/").split("/")
        if glob.endswith("/") and not is_folder:
            continue
        if fnmatchcase(parts[-1], wanted[0]) if len(wanted) == 1 else _along(parts, wanted[wanted[0] in ("", ".") :]):
            return True
    return False


def _along(parts: list[str], globs: list[str]) -> bool:
    """True where a path matches a pattern, folder by folder; `**` stands for any number of them."""
    if not globs:
        return not parts
    if globs[0] == "**":
        return any(_along(parts[n:], globs[1:]) for n in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], globs[0]) and _along(parts[1:], globs[1:])


def _kind(entry: os.DirEntry) -> str:
    """`file`, `folder`, `link` to a folder, or `other`; a link that leads nowhere is a file that cannot be read."""
    try:
        if entry.is_file():
            return "file"
        if entry.is_dir():
            return "link" if entry.is_symlink() else "folder"
        return "file" if entry.is_symlink() and not os.path.exists(entry.path) else "other"
    except OSError:  # links in a circle
        return "file"


def _identity(path: str) -> tuple[int, int] | None:
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return None
    return info.st_dev, info.st_ino


def _sorted(names: list[str]) -> list[str]:
    """The names as people count; those that are alike so (`1` and `01`) as their letters stand in the alphabet."""
    return sorted(sorted(names), key=lambda name: re.sub("[0-9]+", _weighed, name))


def _weighed(digits: re.Match) -> str:
    """A number as text that sorts by size: how many digits it has comes first."""
    number = digits[0].lstrip("0")
    return f"{len(number):03}{number}"


def _why_empty(choice: Choice) -> str:
    if choice.include or choice.exclude:
        return "no pictures in it that --include and --exclude let through"
    return f"no pictures in it{'' if choice.recursive else ' (-r looks into its folders)'}"
