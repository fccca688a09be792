"""The methods: one file each, one row of the table each.

A method is a module with two functions:

    refusal(kernel, geometry, signal) -> str | None
        why this method cannot do the job, in words for the user; None when it can.
    build(kernel, geometry, dtype) -> run
        what can be worked out before the first sample; `dtype` is that of the sums, as the plan chose it.

and `run(block, out, scratch)` fills `out` with the sums of `kernel.matrix`, neither scaled, rounded nor clipped:

    block: (rows, columns, C) of `dtype`, contiguous: the input under `n` rows of output, padding included;
        never written to.
    out: (n, geometry.x.out, C) of `dtype`, contiguous; C is O for a kernel with planes.
    scratch: a `Scratch`, memory that the next strip finds again.
"""

from importlib import import_module
from types import ModuleType

__all__ = ["METHODS", "load"]

METHODS = {
    "direct": "shifted copies of the picture, weighted and added up",
    "separable": "a kernel of rank one as two passes, down and along",
    "reference": "the definition, one output sample after the other (slow)",
}


def load(name: str) -> ModuleType:
    """The module of a method; imported when first asked for, since some cost more than the work they save."""
    return import_module(f"convcli.engine.{name}")
