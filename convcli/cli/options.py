"""Option types and options that several commands share; text becomes numbers here and nowhere below."""

import click

from convcli import words
from convcli.border import Border
from convcli.errors import ConvError
from convcli.geometry import Window

__all__ = ["AMOUNT", "BORDER", "NUMBER", "PAIR", "SIZE", "WHOLE", "window_of"]


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
WHOLE = Words("whole", lambda text, what: words.integer(text, what, 1))


def window_of(
    *, stride=(1, 1), dilation=(1, 1), padding="same", padding_mode=None, op="correlate", bias=0.0, anchor=None
):
    """The window that the options of a command, or the words of a step, ask for."""
    return Window(stride, dilation, padding, padding_mode or Border(), op, bias, anchor)
