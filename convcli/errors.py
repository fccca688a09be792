"""What can go wrong, as exceptions with the exit code each one ends in.

A message names the thing, what was given and what would be right, in lower case and in one line. Inner
code raises the fact; the door that knows the file puts its name in front with `at`.
"""

__all__ = [
    "ConvError",
    "FilterError",
    "GeometryError",
    "InputError",
    "OutputError",
    "confession",
    "hint",
    "printable",
    "reason",
]


class ConvError(Exception):
    """Any fault that is the user's to mend: wrong words, wrong numbers, wrong sizes."""

    exit_code = 2

    def at(self, place: object) -> "ConvError":
        """The same error with the place it happened at put in front of the message."""
        return type(self)(f"{printable(place)}: {self}")


class FilterError(ConvError):
    """A filter, kernel file or parameter that cannot be used."""


class GeometryError(ConvError):
    """Sizes that do not fit each other."""


class InputError(ConvError):
    """A picture or grid that cannot be read; the others of a batch go on."""

    exit_code = 1


class OutputError(ConvError):
    """A result that cannot be written; nothing after it would fare better."""

    exit_code = 3


def hint(word: str, known) -> str:
    """`; did you mean A or B?` when known words are near, else nothing."""
    import difflib  # late: only a mistake pays for it

    if len(word) > 60:  # no slip of the finger, and long to compare
        return ""
    known = list(known)
    swapped = [name for name in known if sorted(name) == sorted(word)]
    near = swapped + difflib.get_close_matches(word, known, n=3, cutoff=0.6)
    squeezed = {name.replace("-", ""): name for name in known}
    plain = word.lower().replace("-", "").replace("_", "").replace(" ", "")
    if plain in squeezed:
        near = [squeezed[plain], *near]
    near = list(dict.fromkeys(near))[:3]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def confession(bug: Exception) -> str:
    """What is said of a fault that is ours, in one line."""
    said = printable(next(iter(str(bug).splitlines()), ""))
    return f"this is a bug: {type(bug).__name__}: {said} (convcli --debug shows more; please report it)"


def reason(error: OSError) -> str:
    """The system's words for an error, in lower case like ours."""
    text = "is a folder" if isinstance(error, IsADirectoryError) else error.strerror or str(error)
    return text[:1].lower() + text[1:]


def printable(name: object) -> str:
    """The name with control characters and undecodable bytes escaped, so that it cannot forge a line."""
    text = str(name)
    if text.isprintable():  # surrogates and control characters are not printable
        return text
    return "".join(
        c if c.isprintable() else f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else _escape(c)
        for c in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
