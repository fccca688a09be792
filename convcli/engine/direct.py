"""Shifted copies of the picture, weighted and added up: one numpy pass for each tap that is not zero.

Rows of an interleaved picture are long lines of samples, in which one pixel to the right is C samples
further; so colour costs nothing extra.
"""

import numpy as np

from convcli.engine import Blocks, Fill, Numbers
from convcli.engine.costs import GATHER, PASS
from convcli.engine.scratch import Scratch
from convcli.engine.sums import group, passes, phases, weighted_sum
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["blocks", "build", "cost", "refusal"]


def refusal(kernel: Kernel, geometry: Geometry, signal: Signal) -> str | None:
    """None: any kernel, stride and dilation will do."""
    return None


def cost(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> float:
    """Passes over the result; with a stride along x, the picture is dealt out first."""
    maps = kernel.matrix.reshape(-1, *kernel.matrix.shape[-3:]) if kernel.planes else kernel.matrix[None]
    work = sum(passes(group(np.ndenumerate(planes))) for planes in maps) / len(maps)
    dealt = geometry.y.stride * geometry.x.stride * GATHER * (kernel.planes or 1) / len(maps)
    return work * PASS[numbers.dtype] + (dealt if geometry.x.stride > 1 or kernel.planes else 0)


def blocks(kernel: Kernel, geometry: Geometry, numbers: Numbers) -> Blocks:
    """Any rows, channels side by side."""
    return Blocks()


def build(kernel: Kernel, geometry: Geometry, numbers: Numbers) -> Fill:
    """The sums of `convcli.engine` for one kernel."""
    stride = geometry.x.stride
    if kernel.planes is None:
        terms = group(np.ndenumerate(kernel.matrix[None]))

        def fill(block: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
            planes = [phases(block, stride, scratch)]
            _fill(terms, planes, out.reshape(len(out), -1), block.shape[2], geometry, scratch)

        return fill
    bank = [group(np.ndenumerate(planes)) for planes in kernel.matrix.reshape(-1, *kernel.matrix.shape[-3:])]

    def fill_bank(block: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
        planes = [phases(block[:, :, c : c + 1], stride, scratch, f"plane {c}") for c in range(block.shape[2])]
        plane = scratch.take("map", out.shape[:2], out.dtype)
        for o, terms in enumerate(bank):
            _fill(terms, planes, plane, 1, geometry, scratch)
            out[:, :, o] = plane

    return fill_bank


def _fill(terms, planes: list, out: np.ndarray, channels: int, geometry: Geometry, scratch: Scratch) -> None:
    """Fills `out` (rows, width) with the weighted sum of the taps over `planes`, lists of phases."""
    y, x = geometry.y, geometry.x

    def under(tap: tuple[int, int, int]) -> np.ndarray:
        """The samples that a tap (plane, row, column) meets, one for each sample of `out`."""
        c, u, v = tap
        phase, step = planes[c][v * x.dilation % x.stride], v * x.dilation // x.stride * channels
        top = u * y.dilation
        return phase[top : top + (len(out) - 1) * y.stride + 1 : y.stride, step : step + out.shape[1]]

    weighted_sum(terms, under, out, scratch)
