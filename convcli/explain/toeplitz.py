"""The matrix that a convolution is."""

import numpy as np

from convcli.border import Border, locate
from convcli.errors import ConvError, GeometryError
from convcli.filters import Kernel
from convcli.geometry import Window

__all__ = ["toeplitz"]

MOST = 1 << 24  # entries of a matrix: 128 MB of float64


def toeplitz(kernel: Kernel, size: tuple[int, int], window: Window) -> np.ndarray:
    """The matrix (H' W', H W) that times the picture, row after row as one column, is the convolved picture.

    Doubly blocked Toeplitz for padding with zeros; stride drops rows, dilation spreads the entries, and a border
    that repeats the picture adds to the entries of the samples it repeats. Raises ConvError for what no matrix
    holds: a border that adds a constant, kernels with planes, more than 2^24 entries.
    """
    if kernel.planes is not None:
        raise ConvError("the matrix is shown for kernels of one plane")
    if window.bias:
        raise ConvError("a bias is added after the matrix, which has no place for it (leave the bias out)")
    kernel = kernel.under(window)
    geometry = window.fit(size, kernel.taps, kernel.anchor)
    if any(geometry.padding) and geometry.border.mode == "constant" and geometry.border.value:
        raise ConvError("padding with a constant adds to the sums and is no matrix (use another --padding-mode)")
    (rows, columns), (height, width) = geometry.out, size
    if rows * columns * height * width > MOST:
        raise GeometryError(f"the matrix has {rows * columns} x {height * width} entries, over the limit of {MOST}")
    matrix = np.zeros((rows * columns, height * width))
    if any(geometry.padding) and geometry.border.mode == "mean":
        outside = np.full(height * width, 1 / (height * width))
    else:
        outside = None
    for (u, v), weight in np.ndenumerate(kernel.weights):
        if not weight:
            continue
        ys = _sources(geometry.y, u, geometry.border)
        xs = _sources(geometry.x, v, geometry.border)
        for i, y in enumerate(ys):
            for j, x in enumerate(xs):
                if y >= 0 and x >= 0:
                    matrix[i * columns + j, y * width + x] += weight
                elif outside is not None:
                    matrix[i * columns + j] += weight * outside
    return matrix


def _sources(axis, tap: int, border: Border) -> list[int]:
    """The sample that a tap reads at every output position; -1 where that is a flat border."""
    places = (i * axis.stride - axis.lo + tap * axis.dilation for i in range(axis.out))
    if border.is_flat:
        return [place if 0 <= place < axis.size else -1 for place in places]
    return [int(locate(border.mode, place, axis.size)) for place in places]
