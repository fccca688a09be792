"""Option types and options that several commands share; text becomes numbers here and nowhere below."""

import click

from convcli import words
from convcli.border import Border
from convcli.errors import ConvError
from convcli.geometry import Window

__all__ = ["AMOUNT", "BORDER", "COUNT", "NUMBER", "PAIR", "SIZE", "Sectioned", "Words", "window_of", "window_options"]


class Words(click.ParamType):
    """A type whose text one of our own readers reads; its errors keep their own words."""

    def __init__(self, name, read):
        self.name, self.read = name, read

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return value
        try:
            return self.read(value, param.opts[-1].lstrip("-"))
        except ConvError as error:
            raise click.UsageError(str(error), ctx) from None


PAIR = Words("pair", lambda text, what: words.pair(text, what, 1))
SIZE = Words("size", lambda text, what: words.pair(text, what, 0))
AMOUNT = Words("amount", lambda text, what: words.amount(text))
BORDER = Words("border", lambda text, what: Border.parse(text))
NUMBER = Words("number", words.number)
COUNT = Words("count", lambda text, what: words.integer(text, what, 1))


class Sectioned(click.Command):
    """A command whose help lists its options under headings: {heading: names of the options below it}."""

    def __init__(self, *args, sections=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.sections = sections or {}

    def format_options(self, ctx, formatter):
        rest = {p.name: p.get_help_record(ctx) for p in self.get_params(ctx) if p.get_help_record(ctx)}
        for heading, names in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([rest.pop(name) for name in names])
        with formatter.section("Other"):
            formatter.write_dl(list(rest.values()))


def window_options(padding: str = "same", padding_mode: str = "reflect"):
    """A decorator: the options of the window, with a command's own defaults for what stands outside."""
    options = [
        click.option("--stride", type=PAIR, default="1", metavar="S|SY,SX", help="Step of the window.  [1]"),
        click.option(
            "--dilation", type=PAIR, default="1", metavar="D|DY,DX", help="Distance of taps; 1 is dense.  [1]"
        ),
        click.option(
            "--padding",
            type=AMOUNT,
            default=padding,
            metavar="PAD",
            help=f"same, valid, full, P, PY,PX or TOP,BOTTOM,LEFT,RIGHT.  [{padding}]",
        ),
        click.option(
            "--padding-mode",
            "border",
            type=BORDER,
            default=padding_mode,
            metavar="MODE",
            help=f"reflect, edge, symmetric, wrap, zeros, constant:V or mean.  [{padding_mode}]",
        ),
        click.option("--anchor", type=SIZE, metavar="Y,X", help="Tap over the output position.  [(k-1)//2]"),
        click.option(
            "--op",
            type=click.Choice(["correlate", "convolve"]),
            default="correlate",
            help="Weights as drawn, or turned by 180 degrees.  [correlate]",
        ),
    ]

    def decorate(function):
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


WINDOW = ("stride", "dilation", "padding", "border", "anchor", "op")


def window_of(asked: dict, bias: float = 0.0) -> Window:
    """The window that the options of `window_options` ask for."""
    return Window(**{name: asked[name] for name in WINDOW}, bias=bias)
