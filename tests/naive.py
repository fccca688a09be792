"""The definition, written once more from the page `semantics.md` alone: slow, obvious, none of convcli's code.

What stands outside is a list of indices, made by laying copies of the picture side by side as the page draws
them; a convolution is a loop over taps. Everything is float64, or Python's own numbers for `exact=True`.
"""

import numpy as np

FLAT = ("zeros", "constant", "mean")


def line(mode: str, n: int, lo: int, hi: int) -> list[int | None]:
    """Which of the samples 0..n-1 stands at each position -lo..n+hi-1; None where no sample does."""
    there = list(range(n))
    if mode in FLAT:
        return [None] * lo + there + [None] * hi
    if mode == "edge":
        return [0] * lo + there + [n - 1] * hi
    period = {
        "wrap": there,
        "symmetric": there + there[::-1],
        "reflect": there + there[1:-1][::-1],
    }[mode]
    copies = period * (lo // len(period) + 1)
    left = copies[len(copies) - lo :]
    right = (period * ((n + hi) // len(period) + 1))[n : n + hi]
    return left + there + right


def padded(picture, pads, mode="reflect", value=0.0, exact=False) -> np.ndarray:
    """(H, W, C) grown by `pads` = top, bottom, left, right; `value` stands outside for `constant`."""
    picture = np.asarray(picture).astype(object if exact else np.float64)
    height, width, channels = picture.shape
    outside = [value if mode == "constant" else 0] * channels
    if mode == "mean":
        outside = [picture[:, :, c].sum() / (height * width) for c in range(channels)]
    rows, columns = line(mode, height, *pads[:2]), line(mode, width, *pads[2:])
    grown = np.empty((len(rows), len(columns), channels), picture.dtype)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            grown[i, j] = outside if row is None or column is None else picture[row, column]
    return grown


def amounts(padding, taps, dilation, anchor) -> tuple[int, int, int, int]:
    """Top, bottom, left, right in samples, for a word or four numbers; the anchor as the weights are applied."""
    if not isinstance(padding, str):
        return tuple(padding)
    pads = []
    for k, d, a in zip(taps, dilation, anchor, strict=True):
        reach = d * (k - 1) + 1
        pads += {"valid": [0, 0], "full": [reach - 1, reach - 1], "same": [d * a, reach - 1 - d * a]}[padding]
    return tuple(pads)


def filtered(
    picture,
    weights,
    stride=(1, 1),
    dilation=(1, 1),
    padding="same",
    mode="reflect",
    value=0.0,
    op="correlate",
    anchor=None,
    bias=0.0,
    exact=False,
) -> np.ndarray:
    """(H', W', C) for weights (kh, kw); (H', W', 1) for (C, kh, kw); (H', W', O) for (O, C, kh, kw)."""
    weights = np.asarray(weights)
    kh, kw = weights.shape[-2:]
    anchor = ((kh - 1) // 2, (kw - 1) // 2) if anchor is None else anchor
    if op == "convolve":
        weights = weights[..., ::-1, ::-1]
        anchor = (kh - 1 - anchor[0], kw - 1 - anchor[1])
    pads = amounts(padding, (kh, kw), dilation, anchor)
    x = padded(picture, pads, mode, value, exact)
    (sy, sx), (dy, dx) = stride, dilation
    rows = (x.shape[0] - dy * (kh - 1) - 1) // sy + 1
    columns = (x.shape[1] - dx * (kw - 1) - 1) // sx + 1
    channels = x.shape[2]
    # every result is a bank: maps[o][c] are the weights of map o over channel c
    if weights.ndim == 2:
        maps = [[weights if c == o else np.zeros_like(weights) for c in range(channels)] for o in range(channels)]
    else:
        maps = weights.reshape(-1, *weights.shape[-3:])
    z = np.empty((rows, columns, len(maps)), x.dtype)
    for o, planes in enumerate(maps):
        total = 0 if exact else 0.0
        for c, plane in enumerate(planes):
            for u in range(kh):
                for v in range(kw):
                    seen = x[u * dy : u * dy + (rows - 1) * sy + 1 : sy, v * dx : v * dx + (columns - 1) * sx + 1 : sx]
                    weight = int(plane[u, v]) if exact else float(plane[u, v])
                    if weight:
                        total = total + weight * seen[:, :, c]
        z[:, :, o] = total + bias
    return z


def max_pooled(picture, size, stride, dilation=(1, 1), pads=(0, 0, 0, 0)) -> np.ndarray:
    """(H', W', C): the largest sample under each window, the picture grown by samples that never win."""
    x = padded(picture, pads, "constant", -np.inf)
    (kh, kw), (sy, sx), (dy, dx) = size, stride, dilation
    rows = (x.shape[0] - dy * (kh - 1) - 1) // sy + 1
    columns = (x.shape[1] - dx * (kw - 1) - 1) // sx + 1
    z = np.empty((rows, columns, x.shape[2]))
    for i in range(rows):
        for j in range(columns):
            window = x[i * sy : i * sy + dy * (kh - 1) + 1 : dy, j * sx : j * sx + dx * (kw - 1) + 1 : dx]
            z[i, j] = window.max(axis=(0, 1))
    return z


def luma(picture) -> np.ndarray:
    """(H, W, 1) from (H, W, 3): ITU-R BT.601."""
    return (np.asarray(picture, np.float64) @ np.array([0.299, 0.587, 0.114]))[:, :, None]


def convolved_fully(a, b) -> np.ndarray:
    """The full convolution of two matrices: each sample of one spreads the other."""
    a, b = np.asarray(a), np.asarray(b)
    z = np.zeros((a.shape[0] + b.shape[0] - 1, a.shape[1] + b.shape[1] - 1), np.result_type(a, b))
    for (i, j), sample in np.ndenumerate(a):
        z[i : i + b.shape[0], j : j + b.shape[1]] += sample * b
    return z
