"""The definition in loops: what every other method has to equal, and what `--method reference` runs."""

import numpy as np

from convcli.engine import Blocks, Lay, Numbers, Tape, sums
from convcli.engine.scratch import Scratch
from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["blocks", "build", "cost", "exact", "refusal", "rounding"]


def refusal(kernel: Kernel, geometry: Geometry, signal: Signal) -> str | None:
    """None: the definition has no limits but patience."""
    return None


def exact(kernel: Kernel) -> sums.Limits:
    """The limits of additions."""
    return sums.EXACT


def rounding(kernel: Kernel, geometry: Geometry, signal: Signal, bound: float) -> float:
    """A rounding for each tap that is not zero."""
    return sums.rounding(bound * abs(kernel.scale), int(np.count_nonzero(kernel.matrix)))


def cost(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> float:
    """Some 100 ns for each multiply-add: it never pays."""
    return 100.0 * kernel.matrix.size


def blocks(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Blocks:
    """Any rows, channels side by side."""
    return Blocks()


def build(kernel: Kernel, geometry: Geometry, channels: int, numbers: Numbers) -> Lay:
    """z[i, j] = sum over u, v of w[u, v] x[i sy + u dy, j sx + v dx], summed in Python's own numbers."""
    y, x = geometry.y, geometry.x
    bank = None if kernel.planes is None else kernel.bank.tolist()

    def fill(block: np.ndarray, out: np.ndarray, scratch: Scratch) -> None:
        samples = block.tolist()
        for o in range(out.shape[2]):
            # a plain matrix takes each channel alone: map o sees channel o
            planes = [(o, kernel.matrix.tolist())] if bank is None else list(enumerate(bank[o]))
            for i in range(out.shape[0]):
                for j in range(out.shape[1]):
                    out[i, j, o] = sum(
                        w * samples[i * y.stride + u * y.dilation][j * x.stride + v * x.dilation][c]
                        for c, plane in planes
                        for u, line in enumerate(plane)
                        for v, w in enumerate(line)
                    )

    def lay(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
        tape.append((fill, (block, out, scratch)))

    return lay
