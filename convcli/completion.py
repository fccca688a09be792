"""What a FILTER that is not typed to its end may go on with: names, their parameters, words of the window, files.

Without numpy: a person waits for this at every press of the tab key.
"""

import os
from typing import NamedTuple

from convcli import library, matrix
from convcli.border import MODES
from convcli.definition import Definition
from convcli.errors import ConvError

__all__ = ["Offer", "offers"]

_WINDOW = {  # words of the window, what they mean, and values to begin with
    "stride": ("step of the window", ("2",)),
    "dilation": ("distance of taps", ("2",)),
    "padding": ("how much is added outside", ("same", "valid", "full")),
    "padding_mode": ("what stands outside", tuple(mode for mode in MODES if mode != "constant")),
    "bias": ("added to every sum", ("0",)),
    "op": ("weights as drawn, or turned", ("correlate", "convolve")),
}
_SIZE, _VALUE = ("size", "taps on a side", ("2",)), ("value", "from here on samples stay", ("128",))


class Offer(NamedTuple):
    """A text that the whole argument may become, whether more has to follow, and a word of help."""

    text: str
    is_open: bool = False
    help: str = ""


def offers(text: str, folders: tuple[str, ...] = ()) -> list[Offer]:
    """What `text`, the beginning of a FILTER, may become; nothing where there is nothing to say.

    >>> [offer.text for offer in offers("box | gaussian:si")]
    ['box | gaussian:sigma=', 'box | gaussian:sigma=1']
    """
    before, bar, step = text.rpartition("|")
    lead = before + bar + step[: len(step) - len(step.lstrip())]
    step = step.lstrip()
    if not step and bar and not lead.endswith(" "):
        lead += " "
    if step and matrix.is_matrix(step):
        return []
    head, colon, words = step.partition(":")
    try:
        found = _words(head, words, folders) if colon else [*_names(step, folders), *_files(step)]
    except ConvError:
        return []
    return [offer._replace(text=lead + offer.text) for offer in found]


def _names(text: str, folders: tuple[str, ...]) -> list[Offer]:
    """Names that begin so; behind the one that is meant, the colon that its parameters follow."""
    names = [name for name in library.names(folders) if name.startswith(text)]
    found = []
    for name in names:
        definition = _definition(name, folders)
        found.append(Offer(name, help=definition.title if definition else "a step without weights"))
        if name in library.POINTS and name != "threshold":
            continue
        if (name == text or len(names) == 1) and (definition is None or definition.params):
            found.append(Offer(f"{name}:", True, "with parameters"))
    return found


def _definition(name: str, folders: tuple[str, ...]) -> Definition | None:
    """The kernel file of that name; None for steps without one, and for files with a fault."""
    try:
        return library.definition(name, folders)
    except ConvError:
        return None


def _files(text: str) -> list[Offer]:
    """Kernel files and folders whose paths begin so."""
    folder, _, begin = text.rpartition("/")
    place = f"{folder}/" if "/" in text else ""
    try:
        inside = sorted(os.scandir(place or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    found = []
    for entry in inside:
        if not entry.name.startswith(begin) or (entry.name.startswith(".") and not begin.startswith(".")):
            continue
        if entry.is_dir():
            found.append(Offer(f"{place}{entry.name}/", True, "folder"))
        elif entry.name.lower().endswith((".toml", *matrix.SUFFIXES)):
            found.append(Offer(place + entry.name, help="file"))
    return found


def _words(head: str, words: str, folders: tuple[str, ...]) -> list[Offer]:
    """Words behind the colon of a step: keys that are not given yet, values where a key is meant."""
    given, comma, part = words.rpartition(",")
    lead = f"{head}:{given}{comma}"
    taken = {word.partition("=")[0].strip().replace("-", "_") for word in given.split(",")}
    key, equals, value = part.partition("=")
    known = {name: rest for name, *rest in _keys(head.strip(), folders) if name not in taken}
    keys = [name for name in known if (name == key if equals else name.startswith(key))]
    found = [] if equals else [Offer(f"{lead}{name}=", True, known[name][0]) for name in keys]
    if len(keys) == 1:
        (name,) = keys
        values = [each for each in known[name][1] if each.startswith(value)]
        found += [Offer(f"{lead}{name}={each}", help=known[name][0]) for each in values]
    return found


def _keys(head: str, folders: tuple[str, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Every word that may stand behind the colon of that step: its name, its meaning, values to begin with."""
    window = [(word, *rest) for word, rest in _WINDOW.items()]
    if head in library.POOLS:
        return [_SIZE, *(row for row in window if row[0] not in ("bias", "op"))]
    if head in library.POINTS:
        return [_VALUE] if head == "threshold" else []
    definition = library.definition(head, folders)
    params = definition.params.values() if definition else ()
    own = [(each.name, ", ".join(filter(None, (each.help, each.limits))), (f"{each.default:g}",)) for each in params]
    return [*own, *window]
