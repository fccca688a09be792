"""A small network that tells pictures apart: convolutions with relu between them, and the mathematics of learning.

Five layers of 3 x 3 kernels with stride 2 and padding 1 make 4, 8, 16 and 32 maps and one for each class: 28 x 28
pixels become 14 x 14, 7 x 7, 4 x 4, 2 x 2 and one number for each class, its score. Where more than one position is
left, the scores are their mean.

A layer correlates: with stride s and padding p, y[i] = b + sum over the taps u of w[u] x[s i + u - p]. Let g be the
slope of the loss at y. Then the chain rule gives three more sums:

    for the weights   sum over i of g[i] x[s i + u - p]   the input, correlated with the slopes
    for the input     sum over i of g[i] w[j - s i + p]   a true convolution of the slopes, set s apart
    for the bias      sum over i of g[i]

so that one function, `correlate`, is nearly the whole of it. Weights are (O, C, kh, kw) as in PyTorch; stacks of N
pictures are (C, H, W, N): the pictures lie side by side in memory, and what is done to one sample is done to N of
them in one go.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np

from convcli.layers import Layer

__all__ = [
    "Gradients",
    "Network",
    "correlate",
    "cross_entropy",
    "gradients",
    "input_slopes",
    "layers",
    "new",
    "probabilities",
    "scores",
    "weight_slopes",
]

MAPS = (4, 8, 16, 32)  # of all layers but the last, which has one for each class
TAPS, STRIDE, PADDING = 3, 2, 1


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """What was learned.

    weights: (O, C, 3, 3) for each layer. biases: (O,). size: (height, width) of the pictures. mean, std: of the samples
    it learned from, with white at 1; taken out of every picture first.
    """

    classes: tuple[str, ...]
    size: tuple[int, int]
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    mean: float = 0.0
    std: float = 1.0

    def standard(self, pictures: np.ndarray) -> np.ndarray:
        """Pictures (N, H, W) with white at 1 as the first layer wants them: (1, H, W, N), around 0, float32."""
        return np.ascontiguousarray(((pictures - self.mean) / self.std).astype(np.float32).transpose(1, 2, 0))[None]

    @property
    def parameters(self) -> list[np.ndarray]:
        """The arrays that learning changes: weights and bias of each layer in turn."""
        return [array for pair in zip(self.weights, self.biases, strict=True) for array in pair]


Gradients = list[np.ndarray]  # one for each of the network's parameters, of its shape


def new(classes: tuple[str, ...], size: tuple[int, int], rng: np.random.Generator) -> Network:
    """A network that has learned nothing.

    Its weights are normal with variance 2 / (C kh kw), which keeps the size of the samples from layer to layer through
    relu (He and others 2015, "Delving deep into rectifiers", section 2.2), its biases zero.
    """
    maps = (1, *MAPS, len(classes))
    shapes = [(after, before, TAPS, TAPS) for before, after in pairwise(maps)]
    weights = [rng.normal(0, sqrt(2 / (c * kh * kw)), (o, c, kh, kw)).astype(np.float32) for o, c, kh, kw in shapes]
    return Network(classes, size, tuple(weights), tuple(np.zeros(len(w), np.float32) for w in weights))


def layers(network: Network) -> list[Layer]:
    """The network in the words of `convcli shape`.

    >>> [str(layer) for layer in layers(new(("3", "7"), (28, 28), np.random.default_rng(1)))][-2:]
    ['relu', 'conv 2 k3 s2 p1']
    """
    convs = [Layer.parse(f"conv {len(w)} k{TAPS} s{STRIDE} p{PADDING}") for w in network.weights]
    return [layer for conv in convs for layer in (conv, Layer.parse("relu"))][:-1]


def scores(network: Network, x: np.ndarray) -> np.ndarray:
    """The scores (N, classes) of a stack that `Network.standard` gave."""
    for n, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        x = correlate(np.maximum(x, 0) if n else x, w, STRIDE, PADDING) + b[:, None, None, None]
    return x.mean(axis=(1, 2)).T


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Scores (N, classes) as probabilities: the softmax, exp(s) over the sum of all exp(s).

    >>> probabilities(np.array([[1000.0, 1000.0]])).tolist()
    [[0.5, 0.5]]
    """
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))  # the largest taken off all: no exp overflows
    return raised / raised.sum(axis=1, keepdims=True)


def cross_entropy(scores: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss, which is the mean of -log(probability of the true class), and its slope for each score.

    The slope is as simple as it looks: probability minus one for the true class, probability for the others, over N.
    """
    slopes, rows = probabilities(scores), np.arange(len(labels))
    loss = -float(np.log(np.maximum(slopes[rows, labels], 1e-30)).mean())
    slopes[rows, labels] -= 1
    return loss, slopes / len(labels)


def gradients(network: Network, x: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray, Gradients]:
    """The loss of a stack that `Network.standard` gave, its scores, and the slope of the loss for every parameter."""
    inputs, windows = [], []
    for n, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):  # forward
        inputs.append(np.maximum(x, 0) if n else x)
        windows.append(_windows(inputs[-1], w.shape[2:], STRIDE, PADDING))
        x = _products(w, windows[-1]) + b[:, None, None, None]
    seen = x.mean(axis=(1, 2)).T
    loss, slopes = cross_entropy(seen, labels)
    positions = x.shape[1] * x.shape[2]
    g = np.broadcast_to((slopes.T / positions)[:, None, None], x.shape)
    found: Gradients = []
    for n in reversed(range(len(inputs))):  # and back
        w = network.weights[n]
        found += [g.sum(axis=(1, 2, 3)), weight_slopes(windows[n], g)]
        if n:  # relu passes the slope on where it passed the sample
            g = input_slopes(g, w, inputs[n].shape[1:3]) * (inputs[n] > 0)
    return loss, seen, found[::-1]


def correlate(x: np.ndarray, w: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """The sums (O, H', W', N) of a stack (C, H, W, N) under a bank (O, C, kh, kw); zeros stand outside."""
    return _products(w, _windows(x, w.shape[2:], stride, padding))


def weight_slopes(windows: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The slope for the weights (O, C, kh, kw): what stood under each tap, times the slope of the sum it went into."""
    c, kh, kw = windows.shape[:3]
    return (g.reshape(len(g), -1) @ windows.reshape(c * kh * kw, -1).T).reshape(len(g), c, kh, kw)


def input_slopes(g: np.ndarray, w: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The slope (C, H, W, N) for the input of `size` of a layer, from that for its output, (O, H', W', N).

    A true convolution: the slopes, with zeros between them for the stride and around them for what hangs over,
    correlated with the kernel turned by 180 degrees. What was a map is a channel now, so the first two axes change
    places.
    """
    maps, high, wide, count = g.shape
    reach = TAPS - 1
    spread = np.zeros((maps, size[0] + reach, size[1] + reach, count), g.dtype)
    begin = reach - PADDING
    spread[:, begin : begin + high * STRIDE : STRIDE, begin : begin + wide * STRIDE : STRIDE] = g
    return correlate(spread, w[:, :, ::-1, ::-1].swapaxes(0, 1), 1, 0)


def _windows(x: np.ndarray, taps: tuple[int, int], stride: int, padding: int) -> np.ndarray:
    """What lies under each tap: (C, kh, kw, H', W', N)."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0))) if padding else x
    high, wide = ((size - k) // stride + 1 for size, k in zip(x.shape[1:3], taps, strict=True))
    windows = np.empty((len(x), *taps, high, wide, x.shape[3]), x.dtype)
    for u in range(taps[0]):
        for v in range(taps[1]):
            windows[:, u, v] = x[:, u : u + high * stride : stride, v : v + wide * stride : stride]
    return windows


def _products(w: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Every kernel times every window, as one product of matrices: (O, C kh kw) times (C kh kw, H' W' N)."""
    taps = w[0].size
    return (w.reshape(len(w), taps) @ windows.reshape(taps, -1)).reshape(len(w), *windows.shape[3:])
