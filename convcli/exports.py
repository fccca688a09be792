"""Kernels on their way out: the kinds of files they go to, and what is in them."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from convcli import matrix
from convcli.errors import FilterError, printable

if TYPE_CHECKING:  # numpy comes with the first kernel
    from convcli.filters import Kernel

__all__ = ["FORMATS", "encode", "form_of"]

FORMATS = ("toml", "csv", "txt", "npy")


def form_of(name: str) -> str:
    """The format of the kernel file that a name asks for. Raises FilterError where there is none.

    >>> form_of("a/b.CSV")
    'csv'
    """
    form = Path(name).suffix[1:].lower()
    if form not in FORMATS:
        raise FilterError(f'{printable(name)}: "{printable(form)}" is no format of kernels ({", ".join(FORMATS)})')
    return form


def encode(kernel: "Kernel", form: str, title: str, source: str, **more: str) -> bytes:
    """A kernel as a file of one of the `FORMATS`; title, source and what `more` there is go into a .toml alone."""
    if form == "toml":
        return matrix.to_toml(kernel, title, source, **more).encode()
    if form != "npy":
        return (matrix.to_csv if form == "csv" else matrix.to_text)(kernel).encode()
    import numpy as np

    buffer = BytesIO()
    np.save(buffer, kernel.weights)
    return buffer.getvalue()
