"""The methods: one file each, one row of the table each.

A method is a module with two functions:

    run(block, kernel, geometry) -> array
        block: (rows, columns, C), the input under `n` rows of output, padding included, in the dtype that
        the plan chose; never written to. Gives (n, geometry.x.out, C), or (n, geometry.x.out, O) for a kernel
        with planes, in the same dtype: sums of `kernel.matrix`, neither scaled, rounded nor clipped.
    refusal(geometry, kernel, signal) -> str | None
        why this method cannot do the job, in words for the user; None when it can.
"""

from importlib import import_module
from types import ModuleType

__all__ = ["METHODS", "load"]

METHODS = {
    "direct": "shifted copies of the picture, weighted and added up",
    "reference": "the definition, one output sample after the other (slow)",
}


def load(name: str) -> ModuleType:
    """The module of a method; imported when first asked for, since some cost more than the work they save."""
    return import_module(f"convcli.engine.{name}")
