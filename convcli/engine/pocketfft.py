"""Transforms in single precision: those that scipy has compiled, without the rest of scipy.

In single precision numpy's own take longer than in double, and scipy's two thirds. `import scipy.fft` takes a fifth of
a second, nearly all of it for what a transform never asks; the one file that computes takes some milliseconds. It is
looked for where scipy lies and tried before it is used. Where it is not there, or does something else, there is none.
"""

import sys
from collections.abc import Callable
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

__all__ = ["Transforms", "transforms"]

PLACE = ("fft", "_pocketfft", "pypocketfft")  # in scipy
ONE_THREAD = 1
AS_IT_IS, BY_LENGTH = 0, 2  # what a result is divided by


class Transforms(NamedTuple):
    """The functions of the library: real to complex, complex to complex, complex to real."""

    r2c: Callable[..., np.ndarray]
    c2c: Callable[..., np.ndarray]
    c2r: Callable[..., np.ndarray]

    @property
    def dtype(self) -> str:
        """Of the tiles."""
        return "float32"

    def forward(self, tiles: np.ndarray, spectra: np.ndarray) -> None:
        """The spectra (n, rows, columns // 2 + 1) complex64 of the tiles (n, rows, columns) float32."""
        self.r2c(tiles, (1, 2), True, AS_IT_IS, spectra, ONE_THREAD)

    def backward(self, spectra: np.ndarray, tiles: np.ndarray) -> None:
        """The tiles of the spectra, which are used up."""
        self.c2c(spectra, (1,), False, BY_LENGTH, spectra, ONE_THREAD)
        self.c2r(spectra, (2,), tiles.shape[2], False, BY_LENGTH, tiles, ONE_THREAD)


@cache
def transforms() -> Transforms | None:
    """The functions, if they are there."""
    try:
        module = sys.modules.get(".".join(("scipy", *PLACE))) or _loaded()
        found = Transforms(module.r2c, module.c2c, module.c2r)
        return found if _is_as_expected(found) else None
    except Exception:  # another scipy has it elsewhere, calls it otherwise, asks for other arguments
        return None


def _loaded() -> ModuleType | None:
    """The module on its own; scipy stays as it was, and can be imported later as ever."""
    for folder in find_spec("scipy").submodule_search_locations:
        for suffix in EXTENSION_SUFFIXES:
            path = Path(folder, *PLACE).with_suffix(suffix)
            if path.is_file():
                spec = spec_from_file_location(".".join(("scipy", *PLACE)), path)
                module = module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    return None


def _is_as_expected(found: Transforms) -> bool:
    """Whether the transform of some samples is numpy's, and its inverse gives them back."""
    samples = np.arange(24, dtype=np.float32).reshape(2, 3, 4) ** 2 % 7
    spectra, back = np.empty((2, 3, 3), np.complex64), np.empty_like(samples)
    found.forward(samples, spectra)
    is_numpys = np.allclose(spectra, np.fft.rfft2(samples), atol=1e-4)
    found.backward(spectra, back)
    return is_numpys and np.allclose(back, samples, atol=1e-4)
