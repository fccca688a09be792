"""Convolution over pictures and grids of numbers: what the commands do, from Python.

    out = convcli.apply(pixels, "gaussian:2 | sobel", stride=2)
    size = convcli.shape((28, 28), kernel=3, stride=2)

Importing this is cheap: numpy and the rest arrive with the first call that needs them.
"""

from convcli.errors import ConvError, FilterError, GeometryError, InputError, OutputError

__all__ = [
    "ConvError",
    "FilterError",
    "GeometryError",
    "InputError",
    "OutputError",
    "apply",
    "convolve",
    "corners",
    "correlate",
    "kernel",
    "learn",
    "open",
    "plan",
    "save",
    "shape",
]


def __getattr__(name: str):
    if name in __all__:
        from convcli import api

        return getattr(api, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("convcli")
    raise AttributeError(f"module 'convcli' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
