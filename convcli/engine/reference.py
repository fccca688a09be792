"""The definition in loops: what every other method has to equal, and what `--method reference` runs."""

import numpy as np

from convcli.filters import Kernel
from convcli.geometry import Geometry
from convcli.signal import Signal

__all__ = ["refusal", "run"]


def refusal(geometry: Geometry, kernel: Kernel, signal: Signal) -> str | None:
    """None: the definition has no limits but patience."""
    return None


def run(block: np.ndarray, kernel: Kernel, geometry: Geometry) -> np.ndarray:
    """z[i, j] = sum over u, v of w[u, v] x[i sy + u dy, j sx + v dx], summed in Python's own numbers."""
    y, x = geometry.y, geometry.x
    rows = (len(block) - y.reach) // y.stride + 1
    matrix = kernel.matrix
    channels = range(block.shape[2])
    if kernel.planes is None:  # each channel alone: a bank whose map c sees channel c only
        maps = [[(c, matrix)] for c in channels]
    else:
        bank = matrix.reshape(-1, *matrix.shape[-3:])
        maps = [list(enumerate(planes)) for planes in bank]
    samples, out = block.tolist(), np.empty((rows, x.out, len(maps)), dtype=np.float64)
    for o, planes in enumerate(maps):
        for i in range(rows):
            for j in range(x.out):
                out[i, j, o] = sum(
                    w * samples[i * y.stride + u * y.dilation][j * x.stride + v * x.dilation][c]
                    for c, plane in planes
                    for u, line in enumerate(plane.tolist())
                    for v, w in enumerate(line)
                )
    return out.astype(block.dtype)
