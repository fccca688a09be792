"""Every window laid out as a row of one matrix (im2col), which times the weights of all maps is one product.

For kernels with planes: a window of a picture with channels side by side is kh runs of kw C samples, and what is copied
once serves all maps (Chellapilla, Puri and Simard 2006).
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcli.engine import Lay, Numbers, Tape
from convcli.engine.costs import COPY, PRODUCT
from convcli.engine.scratch import Scratch
from convcli.filters import Kernel
from convcli.geometry import Geometry

__all__ = ["GRAIN", "build", "cost"]

GRAIN = 8  # rows of output in a product: enough for BLAS, and always as many, for its rounding depends on that
FEW = 8  # maps below which BLAS works no less


def cost(kernel: Kernel, geometry: Geometry, numbers: Numbers) -> float:
    """A multiply-add for each weight of a map, and the copy of the window shared by all maps."""
    taps, maps = kernel.matrix.size / kernel.maps, kernel.maps
    return taps * (PRODUCT[numbers.dtype] * max(1, FEW / maps) + COPY * np.dtype(numbers.dtype).itemsize / 4 / maps)


def build(kernel: Kernel, geometry: Geometry, numbers: Numbers) -> Lay:
    """The sums of `convcli.engine` for a kernel with planes."""
    y, x = geometry.y, geometry.x
    bank = kernel.bank
    weights = np.ascontiguousarray(bank.transpose(2, 3, 1, 0), numbers.dtype).reshape(-1, len(bank))

    def lay(block: np.ndarray, out: np.ndarray, scratch: Scratch, tape: Tape) -> None:
        (down, across, deep), channels = block.strides, block.shape[2]
        shape = (len(out), x.out, y.taps, x.taps, channels)
        steps = (down * y.stride, across * x.stride, down * y.dilation, across * x.dilation, deep)
        windows = as_strided(block, shape, steps, writeable=False)
        columns = scratch.take("columns", (GRAIN, *shape[1:]), block.dtype)
        for top in range(0, len(out), GRAIN):
            part = slice(top, top + GRAIN)
            tape.append((np.copyto, (columns, windows[part])))
            tape.append((np.matmul, (columns.reshape(-1, len(weights)), weights, out[part].reshape(-1, len(bank)))))

    return lay
