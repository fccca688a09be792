"""Option types and options that several commands share; text becomes numbers here and nowhere below."""

import os
import re

import click

from convcli import words
from convcli.border import MODES, Border
from convcli.errors import ConvError, hint
from convcli.geometry import Window

__all__ = [
    "AMOUNT",
    "BORDER",
    "COUNT",
    "FRAMES",
    "NUMBER",
    "PAIR",
    "SIZE",
    "Choice",
    "Sectioned",
    "Words",
    "check_values",
    "complete_filter",
    "filter_options",
    "folder_option",
    "value_options",
    "window_of",
    "window_options",
]


class Words(click.ParamType):
    """A type whose text one of our own readers reads; its errors keep their own words.

    known: words that the text may be, for those who complete it.
    """

    def __init__(self, name, read, known=()):
        self.name, self.read, self.known = name, read, known

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return value
        try:
            return self.read(value, param.opts[-1].lstrip("-"))
        except ConvError as error:
            raise click.UsageError(str(error), ctx) from None

    def shell_complete(self, ctx, param, incomplete):
        return [_item(word) for word in self.known if word.startswith(incomplete)]


class Choice(click.Choice):
    """One of some words; a wrong one is told as all else is, with the nearest right ones."""

    def convert(self, value, param, ctx):
        if value in self.choices:
            return value
        near = f"{hint(value, self.choices)} ({', '.join(self.choices)})"
        raise click.UsageError(f"{param.opts[-1].lstrip('-')} {words.quoted(value)} is not known{near}", ctx)


PAIR = Words("pair", lambda text, what: words.pair(text, what, 1))
SIZE = Words("size", lambda text, what: words.pair(text, what, 0))
AMOUNT = Words("amount", lambda text, what: words.amount(text), ("same", "valid", "full"))
BORDER = Words("border", lambda text, what: Border.parse(text), tuple(MODES))
NUMBER = Words("number", words.number)
COUNT = Words("count", lambda text, what: words.integer(text, what, 1))
FRAMES = Words("frames", words.which)


def _folder(text: str, what: str) -> str:
    if not os.path.isdir(text):
        raise ConvError(f'{what}: there is no folder "{text}"')
    return text


folder_option = click.option(
    "--kernel-dir",
    "folders",
    type=Words("folder", _folder),
    metavar="DIR",
    multiple=True,
    help="A folder of kernel files that comes first.",
)


def complete_filter(ctx, param, incomplete: str) -> list:
    """What the FILTER that somebody types may become; of several arguments the first is one, unless -k was given."""
    if param.nargs == -1 and (ctx.params.get("kernel") or ctx.params.get(param.name)):
        return [_item(incomplete, type="file")]
    from convcli.completion import offers

    found = offers(incomplete, tuple(ctx.params.get("folders") or ()))
    return [_item(offer.text, help=offer.help, is_open=offer.is_open) for offer in found]


def _item(text: str, **parts):
    """What click hands to a shell."""
    from click.shell_completion import CompletionItem  # for shells alone

    return CompletionItem(text, **parts)


class Sectioned(click.Command):
    """A command whose help lists its options under headings: {heading: names of the options below it}."""

    def __init__(self, *args, sections=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.sections = sections or {}

    def format_options(self, ctx, formatter):
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        rest = {option.name: record for option in options if (record := option.get_help_record(ctx))}
        for heading, names in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([rest.pop(name) for name in names])
        with formatter.section("Other"):
            formatter.write_dl(list(rest.values()))


def window_options(padding: str = "same", padding_mode: str = "reflect", help_only: bool = False):
    """A decorator: the options of the window, with a command's own defaults for what stands outside.

    help_only: the defaults are told and left to the command, which gets None.
    """
    options = [
        click.option("--stride", type=PAIR, default="1", metavar="S|SY,SX", help="Step of the window.  [1]"),
        click.option(
            "--dilation", type=PAIR, default="1", metavar="D|DY,DX", help="Distance of taps; 1 is dense.  [1]"
        ),
        click.option(
            "--padding",
            type=AMOUNT,
            default=None if help_only else padding,
            metavar="PAD",
            help=f"same, valid, full, P, PY,PX or TOP,BOTTOM,LEFT,RIGHT.  [{padding}]",
        ),
        click.option(
            "--padding-mode",
            "border",
            type=BORDER,
            default=None if help_only else padding_mode,
            metavar="MODE",
            help=f"reflect, edge, symmetric, wrap, zeros, constant:V or mean.  [{padding_mode}]",
        ),
        click.option("--anchor", type=SIZE, metavar="Y,X", help="Tap over the output position.  [(k-1)//2]"),
        click.option(
            "--op",
            type=Choice(["correlate", "convolve"]),
            default="correlate",
            help="Weights as drawn, or turned by 180 degrees.  [correlate]",
        ),
    ]

    return _together(options)


def _together(options: list):
    def decorate(function):
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


# what becomes of the filter, and of the sums: options of every command that does, or tells, what apply does
filter_options = _together(
    [
        click.option(
            "-k",
            "--kernel",
            metavar="FILTER",
            shell_complete=complete_filter,
            help="The filter as an option, for one that begins with a minus sign.",
        ),
        folder_option,
        click.option("--normalize", is_flag=True, help="Divide the weights by their sum."),
        click.option("--scale", type=NUMBER, default="1", metavar="S", help="Multiply the weights: 2, or 1/8.  [1]"),
    ]
)
value_options = _together(
    [
        click.option("--bias", type=NUMBER, default="0", metavar="B", help="Added to every output sample.  [0]"),
        click.option(
            "--range",
            "rule",
            type=Choice(["auto", "clip", "abs", "offset", "stretch", "none"]),
            default="auto",
            help="How sums become levels: as they are, absolute, around mid-grey, their own span, or as floats."
            "  [auto]",
        ),
        click.option(
            "--depth", type=Choice(["keep", "8", "16", "float"]), default="keep", help="Of the result.  [keep]"
        ),
        click.option(
            "--channels",
            "select",
            default="each",
            metavar="WHICH",
            help="each, gray, or a list: r,g; others pass through.  [each]",
        ),
        click.option(
            "--alpha",
            type=Choice(["auto", "keep", "filter", "drop"]),
            default="auto",
            help="auto weighs colours by it where the filter smooths.  [auto]",
        ),
        click.option("--linear", is_flag=True, help="Filter the light that the levels stand for (sRGB)."),
    ]
)


def check_values(asked: dict) -> None:
    """Raises UsageError for values of `filter_options` and `value_options` that no picture could make sense of."""
    if asked["rule"] == "none" and asked["depth"] in ("8", "16"):
        raise click.UsageError(f"range none gives floats, depth {asked['depth']} holds none (leave one of them out)")
    if asked["select"] not in ("each", "gray"):
        letters = asked["select"].lower().replace(" ", "")
        is_list = re.fullmatch("[rgbcmykla](,?[rgbcmykla])*", letters)
        if not is_list or any(letters.count(letter) > 1 for letter in letters if letter != ","):
            told = words.quoted(asked["select"])
            raise click.UsageError(f"channels: {told} is neither each, gray nor a list such as r,g")


WINDOW = ("stride", "dilation", "padding", "border", "anchor", "op")


def window_of(asked: dict, bias: float = 0.0) -> Window:
    """The window that the options of `window_options` ask for."""
    return Window(**{name: asked[name] for name in WINDOW}, bias=bias)
