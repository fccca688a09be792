"""A layer in short words, in any order after the first: `conv 64 k7 s2 p3`, `max-pool 3 s2 p1`."""

import re
from dataclasses import dataclass, field

from convcli.errors import ConvError, hint, printable
from convcli.geometry import Window
from convcli.words import amount, integer, pair, spell, spell_padding

__all__ = ["KINDS", "Layer"]

# Which words each kind takes: the parser reads this table, and so do its messages.
KINDS = {
    "conv": "OUT kK sS pP dD gG no-bias",
    "depthwise": "OUT kK sS pP dD no-bias",
    "max-pool": "K sS pP dD",
    "avg-pool": "K sS pP dD",
    "relu": "",
    "flatten": "",
    "linear": "OUT no-bias",
}
_LONG = {"k": "kernel", "s": "stride", "p": "padding", "d": "dilation", "g": "groups"}
_WORD = re.compile(r"(kernel|stride|padding|dilation|groups|[kspdg]|)(=?)([0-9].*|same|valid|full|)")


@dataclass(frozen=True, slots=True)
class Layer:
    """What was asked of one layer; pairs are (y, x).

    out: feature maps of `conv` and `depthwise` (None there: as many as come in), numbers of `linear`.
    taps: rows and columns of the window; None for kinds without one.
    """

    kind: str
    out: int | None = None
    taps: tuple[int, int] | None = None
    window: Window = field(default_factory=lambda: Window(padding="valid"))
    groups: int = 1
    bias: bool = True
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> "Layer":
        """The layer that the words mean. Raises ConvError for words it does not know, twice or not at all.

        >>> Layer.parse("max-pool 3 s2").window.stride, Layer.parse("conv k3 8 psame").out
        ((2, 2), 8)
        """
        kind, *words = text.lower().split() or [""]
        if kind not in KINDS:
            known = f"{hint(kind, KINDS)} (layers are {', '.join(KINDS)})"
            raise ConvError(f'layer "{printable(kind)}" is not known{known}')
        given = _words(kind, words)
        takes = KINDS[kind].split()
        if "OUT" in takes and "OUT" not in given and kind != "depthwise":
            raise ConvError(f'{kind} lacks its number of outputs (such as "{kind} 16{" k3" * (kind == "conv")}")')
        is_pool = kind.endswith("-pool")
        if len(takes) > 2 and "k" not in given:
            raise ConvError(f"{kind} lacks its kernel size (such as {'2' if is_pool else 'k3'})")
        taps = pair(given["k"], "kernel", 1) if "k" in given else None
        stride = pair(given["s"], "stride", 1) if "s" in given else taps if is_pool else (1, 1)
        dilation = pair(given.get("d", "1"), "dilation")  # Window refuses 0, and says what 1 means
        return cls(
            kind,
            integer(given["OUT"], "outputs", 1) if "OUT" in given else None,
            taps,
            Window(stride, dilation, amount(given.get("p", "valid"))),
            integer(given.get("g", "1"), "groups", 1),
            "no-bias" not in given,
            " ".join(text.split()),
        )

    def __str__(self) -> str:
        padding = self.window.padding
        return self.text or self.spelled((0, 0, 0, 0) if padding == "valid" else padding)

    @property
    def is_pool(self) -> bool:
        """True for layers without weights that slide a window."""
        return self.kind.endswith("-pool")

    def spelled(self, padding: str | tuple[int, int, int, int]) -> str:
        """The layer in its shortest words, with this padding.

        >>> Layer.parse("conv p=same 4 stride=2 kernel=3x5").spelled((1, 1, 2, 2))
        'conv 4 k3x5 s2 p1,2'
        """
        words = [self.kind] + [str(self.out)] * (self.out is not None)
        if self.taps:
            words += [
                "k"[self.is_pool :] + spell(self.taps),
                f"s{spell(self.window.stride)}",
                f"p{padding if isinstance(padding, str) else spell_padding(padding)}",
            ]
        words += [f"d{spell(self.window.dilation)}"] * (self.window.dilation != (1, 1))
        words += [f"g{self.groups}"] * (self.groups > 1)
        words += ["no-bias"] * ("OUT" in KINDS[self.kind] and not self.bias)
        return " ".join(words)


def _words(kind: str, words: list[str]) -> dict[str, str]:
    """The values of the words after the kind, by short name; a lone `k` or `p` takes the word after it."""
    takes = [word if word in ("OUT", "no-bias") else word[0].lower() for word in KINDS[kind].split()]
    given: dict[str, str] = {}
    queue = iter(words)
    for word in queue:
        match = _WORD.fullmatch(word)
        if word == "no-bias":
            name, value = "no-bias", "yes"
        elif not match or not (match[1] or match[3]):
            near = hint(word, ["no-bias", "same", "valid", "full", *_LONG.values()])
            raise ConvError(f'"{printable(word)}" is not known{near} ({_grammar(kind)})')
        else:
            value = match[3] or next(queue, "")
            bare = "p" if value in ("same", "valid", "full") else "k" if kind.endswith("-pool") else "OUT"
            name = match[1][:1] or bare
        if name not in takes:
            raise ConvError(f'{kind} takes no {_LONG.get(name, name)}, "{printable(word)}" ({_grammar(kind)})')
        if name in given:
            raise ConvError(f'{_LONG.get(name, name)} is given twice, "{printable(word)}" ({_grammar(kind)})')
        given[name] = value
    return given


def _grammar(kind: str) -> str:
    return f"{kind} takes {KINDS[kind].replace(' ', ', ')}" if KINDS[kind] else f"{kind} stands alone"
