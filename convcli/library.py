"""Where filters come from: the text of a FILTER argument -> links, names looked up in the kernel folders.

A text is a chain of steps with `|` between them. A step is a matrix, a file, a name, or one of the point and
pooling steps below, with parameters behind a colon; some of their words belong to the step's window. Variants of
its kernel stand at its end.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from convcli import kernelfile, matrix, variants
from convcli.definition import Definition
from convcli.errors import ConvError, FilterError, hint, printable
from convcli.spelling import Spelling, spelling
from convcli.variants import Variant
from convcli.words import integer, number, pair

if TYPE_CHECKING:  # numpy comes with the first kernel, not with a list of names
    from convcli.filters import Filter, Link

__all__ = [
    "POINTS",
    "POOLS",
    "Entry",
    "definition",
    "entries",
    "locate",
    "names",
    "packaged",
    "parse",
    "slug",
]

MAX_STEPS = 64  # of a chain

POINTS = ("relu", "abs", "square", "sqrt", "threshold")
POOLS = {"max-pool": "max", "avg-pool": "avg"}


class Entry(NamedTuple):
    """A kernel file of a folder: its name, its path, and its definition or what is wrong with it."""

    name: str
    path: Path
    found: Definition | ConvError


def parse(text: str, folders: Sequence[str | Path] = ()) -> "tuple[Link, ...]":
    """The links of a chain; `folders` are searched before the usual ones.

    >>> [link.filter.name for link in parse("gaussian:1.4 | sobel-x:stride=2")]
    ['gaussian:1.4', 'sobel-x:stride=2']
    """
    steps = [step.strip() for step in text.split("|")]
    if len(steps) > MAX_STEPS:
        raise FilterError(f"the chain has {len(steps)} steps (at most {MAX_STEPS})")
    for n, step in enumerate(steps, 1):
        if not step:
            raise FilterError("the filter is empty" if len(steps) == 1 else f"step {n} of the chain is empty")
    return tuple(_link(step, folders) for step in steps)


def definition(step: str, folders: Sequence[str | Path] = ()) -> Definition | None:
    """The kernel file behind a step, its parameters still open; None where the step is no such file's.

    Raises FilterError where no kernel is called so.
    """
    return _definition(spelling(step), folders)


def locate(name: str, folders: Sequence[str | Path] = ()) -> Path:
    """The path of the kernel file of that name, the first one there is."""
    for folder in _searched(folders):
        path = folder / f"{name}.toml"
        if os.path.exists(path):  # unlike Path.exists, it takes a name of any length
            return path
    near, remedy = hint(name, names(folders)), "convcli kernels list"
    if "," in name and "=" in name:
        near, remedy = "", f"the words of a step follow a colon: {name.replace(',', ':', 1)}"
    if re.search("[@^*]", name):
        near, remedy = "", "@ANGLE, ^T and *FACTOR stand at the end of a step, as in gaussian-dx:2@90"
    short, remedy = (text if len(text) <= 120 else f"{text[:40]}..." for text in (name, remedy))
    raise FilterError(f'no kernel is called "{printable(short)}"{near} ({printable(remedy)})')


def entries(folders: Sequence[str | Path] = ()) -> list[Entry]:
    """All kernel files by name, the first of each name."""
    found = {}
    for path in _files(folders):
        if path.stem not in found:
            try:
                found[path.stem] = Entry(path.stem, path, _read(path))
            except ConvError as error:
                found[path.stem] = Entry(path.stem, path, error)
    return [found[name] for name in sorted(found)]


def names(folders: Sequence[str | Path] = ()) -> list[str]:
    """All names that a step can begin with: kernels, point and pooling steps."""
    return sorted({*(path.stem for path in _files(folders)), *POINTS, *POOLS})


def packaged() -> Path:
    """The folder of the kernels that come with the program."""
    inside = Path(__file__).parent / "kernels"  # in a wheel; in the source tree it stands beside the package
    return inside if inside.is_dir() else inside.parent.parent / "kernels"


def slug(links: "Iterable[Link]") -> str:
    """A short part for file names.

    >>> slug(parse("gaussian:2 | sobel-x")), slug(parse("1 0 -1"))
    ('gaussian-2+sobel-x', 'matrix')
    """
    spelled = (link.filter.name.replace("*", "-times-") for link in links)  # *-1 and *1 remain two names
    parts = (re.sub(r"[^A-Za-z0-9._=+@-]+", "-", name).strip(".-") for name in spelled)
    return "+".join(part for part in parts if part)[:60].strip(".-+") or "filtered"


def _searched(extra: Sequence[str | Path]) -> list[Path]:
    """The kernel folders in order: those given, $CONVCLI_KERNELS, the user's own, the packaged one."""
    listed = [part for part in os.environ.get("CONVCLI_KERNELS", "").split(os.pathsep) if part]
    return [*map(Path, (*extra, *listed, *_user_folders())), packaged()]


def _files(folders: Sequence[str | Path]) -> Iterator[Path]:
    """The kernel files of all folders in order; hidden ones are some editor's or system's."""
    for folder in _searched(folders):
        yield from (path for path in folder.glob("*.toml") if not path.name.startswith("."))


def _user_folders() -> list[str]:
    """The user's configuration folder for kernels, or none where there is no home."""
    if sys.platform == "win32":
        base = os.environ.get("APPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Application Support")
    else:
        base = os.environ.get("XDG_CONFIG_HOME", "")
        base = base if os.path.isabs(base) else os.path.expanduser("~/.config")  # a relative one does not count
    return [os.path.join(base, "convcli", "kernels")] if os.path.isabs(base) else []


def _read(path: Path) -> Definition:
    return kernelfile.parse(matrix.read_text(path), path.stem, path)


def _link(step: str, folders: Sequence[str | Path]) -> "Link":
    spelled = spelling(step)
    return _built(step, spelled, _definition(spelled, folders), folders)


def _built(step: str, spelled: Spelling, found: Definition | None, folders: Sequence[str | Path]) -> "Link":
    """The link of a step that was taken apart, and whose kernel file was read where it has one."""
    from convcli.filters import Filter, Link, Step

    if _is_pointwise(spelled):
        if spelled.variants:
            raise FilterError(f"{printable(step)}: {spelled.head} has no weights that could be turned or multiplied")
        return _point(spelled, step.strip())
    if found:
        try:
            made = found.build(_numbers(spelled.params, found), lambda text: _single(text, folders))
        except ConvError as error:
            raise error.at(step) from None
        made = made if spelled.kind == "file" else made._replace(name=variants.divide(step)[0])
        return Link(_varied(made, spelled.variants), spelled.window)
    if spelled.params and not _is_network(spelled):
        raise FilterError(f"{printable(step)}: a matrix has no parameters")
    if spelled.kind == "matrix":
        name, kernel = "matrix", matrix.parse(spelled.head)
    else:
        name, kernel = Path(spelled.head).stem, matrix.read(Path(spelled.head), _layer(spelled))
    made = Filter(name, (Step(name, kernel),), title=kernel.title, source=kernel.source)
    return Link(_varied(made, spelled.variants), spelled.window)


def _is_network(spelled: Spelling) -> bool:
    return spelled.kind == "file" and spelled.head.lower().endswith(".npz")


def _layer(spelled: Spelling) -> int:
    """Which layer of a network is meant, the first where nothing is said."""
    params = dict(spelled.params)
    layer = params.pop("", None) or params.pop("layer", "1")
    if params:
        raise FilterError(f"{printable(spelled.head)}: a network takes no {next(iter(params))} (layer=2 is its second)")
    return integer(layer, "layer", 1)


def _varied(made: "Filter", changes: tuple[Variant, ...]) -> "Filter":
    """The filter with its one kernel varied, and a name that says so."""
    if not changes:
        return made
    name = made.name + "".join(map(str, changes))
    if made.kernel is None:
        raise FilterError(f"{printable(name)}: {made.name} is made of steps, and only a single kernel has variants")
    try:
        kernel = variants.varied(made.kernel, changes)
    except ConvError as error:
        raise error.at(name) from None
    return made._replace(name=name, steps=(made.steps[0]._replace(action=kernel),), title=kernel.title)


def _is_pointwise(spelled: Spelling) -> bool:
    return spelled.kind == "name" and spelled.head in (*POINTS, *POOLS)


def _definition(spelled: Spelling, folders: Sequence[str | Path]) -> Definition | None:
    """The kernel file of a step, by path or by name; a name that only a plain file has means that file's numbers."""
    if spelled.kind == "file":
        return _read(Path(spelled.head)) if spelled.head.lower().endswith(".toml") else None
    if spelled.kind == "matrix" or _is_pointwise(spelled):
        return None
    if os.path.isfile(spelled.head) and spelled.head not in names(folders):
        return None
    return _read(locate(spelled.head, folders))


def _numbers(params: dict[str, str], found: Definition) -> dict[str, float]:
    """The parameters as numbers, the first one under its name."""
    first = next(iter(found.params), "")
    if "" in params and (not first or first in params):
        raise FilterError(f"{first} is given twice" if first else f"{found.name} takes no parameters")
    return {key or first: number(value, key or first) for key, value in params.items()}


def _single(text: str, folders: Sequence[str | Path]) -> "Filter":
    """The filter that a step of a composite names: never a file, nor a composite, which could be itself."""
    spelled = spelling(text)
    found = _definition(spelled, folders)
    if spelled.kind == "file" or (spelled.kind == "name" and not found and not _is_pointwise(spelled)):
        raise FilterError(f"{printable(text)}: a step takes a kernel by its name, not a file")
    if found and found.steps:
        raise FilterError(f"{spelled.head} is made of steps itself (a step takes a single kernel)")
    if spelled.window:
        raise FilterError(f"{printable(text)}: {' and '.join(spelled.window)} cannot be set here")
    return _built(text, spelled, found, folders).filter


def _point(spelled: Spelling, text: str) -> "Link":
    """A point or pooling step; a pooling window moves by its own size and pads nothing, unless it says so."""
    from convcli.filters import Filter, Link, Point, Pool, Step

    name, params, window = spelled.head, dict(spelled.params), spelled.window
    refused = [word for word in window if name in POINTS or word in ("bias", "op")]
    argument = params.pop("", None) or params.pop({"threshold": "value"}.get(name, "size"), None)
    if refused or params:
        raise FilterError(f"{name} takes no {(refused or list(params))[0]}")
    if name in POOLS:
        if argument is None:
            raise FilterError(f"{name} wants a size, as in {name}:2")
        size = pair(argument, name, 1)
        action, window = Pool(POOLS[name], size), {"stride": size, "padding": (0, 0, 0, 0), **window}
    elif name == "threshold":
        if argument is None:
            raise FilterError("threshold wants a value, as in threshold:128")
        action = Point(name, number(argument, name))
    else:
        if argument is not None:
            raise FilterError(f"{name} takes no parameters")
        action = Point(name)
    return Link(Filter(text, (Step(name, action),)), window)
