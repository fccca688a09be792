"""The frequency response: by how much a kernel multiplies a wave, for each direction and pace of it."""

import numpy as np

__all__ = ["response"]


def response(weights: np.ndarray, size: int = 257) -> np.ndarray:
    """The magnitude for frequencies from -0.5 to 0.5 cycles per pixel, (size, size), zero in the middle.

    weights: one matrix (kh, kw). Rows are frequencies along y, columns along x. Half a cycle per pixel is the fastest
    wave that pixels can hold. Straight from the definition, sum of w exp(-2 pi i (u x + v y)), so that both ends are
    in it; where the anchor lies changes the phase alone. Correlating and convolving have the same magnitude up to a
    turn by 180 degrees, and for real weights that changes nothing.
    """
    paces = np.linspace(-0.5, 0.5, size)
    down, across = (np.exp(-2j * np.pi * np.outer(paces, np.arange(k))) for k in weights.shape)
    return np.abs(down @ weights @ across.T)
