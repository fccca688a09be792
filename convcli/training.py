"""How a network learns from an album: in minibatches, shifted a little, with a share of the pictures held out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import ceil, cos, inf, pi, sqrt
from typing import NamedTuple

import numpy as np

from convcli import network
from convcli.album import Album
from convcli.errors import ConvError, InputError
from convcli.network import Network

__all__ = ["Epoch", "Lesson", "Plan", "classify", "learn"]

EPOCHS, STEPS, MOST = 8, 700, 60  # where nobody says how many: enough for so many steps, but not less nor more passes
WARM = 0.25  # share of the steps in which the rate rises
AT_ONCE, SAMPLES = 256, 1 << 22  # pictures that are copied and judged together, and samples of these
MEMORY = (0.9, 0.999)  # of slopes and of their squares


class Plan(NamedTuple):
    """What training is asked for. epochs: None means enough. rate: the largest. held_out: share of each class.

    shift: pixels by which a picture is moved at most, at random, each time it is shown.
    """

    epochs: int | None = None
    batch: int = 64
    rate: float = 0.01
    held_out: float = 0.2
    seed: int = 0
    shift: int = 1


class Epoch(NamedTuple):
    """One pass over the pictures: loss and accuracy while learning, and of those held out (None where none are)."""

    number: int
    loss: float
    accuracy: float
    held_loss: float | None
    held_accuracy: float | None


class Lesson(NamedTuple):
    """What came of it. confusion: (classes, classes), the true class down, the answer along, of `judged` pictures.

    judged: those held out, or those learned from where none are. learned: pictures learned from.
    """

    network: Network
    epochs: tuple[Epoch, ...]
    confusion: np.ndarray
    learned: int
    held_out: int

    @property
    def accuracy(self) -> float:
        """The share of the judged pictures that were told right."""
        return float(np.trace(self.confusion) / self.confusion.sum())


def learn(
    album: Album,
    plan: Plan | None = None,
    step: Callable[[int, int, float, float, float], None] = lambda *facts: None,
    epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Lesson:
    """The network that an album teaches; one album and one plan give one network.

    step: is called in an epoch with its number, how many there are, the share done, loss and accuracy so far. epoch:
    after each.
    Adam (Kingma and Ba 2015, algorithm 1) with a rate that rises for a quarter of the steps and falls along a cosine.
    Raises ConvError where the loss grows beyond all numbers.
    """
    plan = plan or Plan()
    rng = np.random.default_rng(plan.seed)
    shown, held = _split(album.labels, plan.held_out, rng)
    mean, std = _spread(album.pictures, shown)
    if std == 0:
        raise ConvError("all pictures are one flat colour, there is nothing to learn")
    net = network.new(album.classes, album.pictures.shape[1:], rng)
    net = replace(net, mean=mean, std=std)
    batches = ceil(len(shown) / plan.batch)
    count = plan.epochs or min(MOST, max(EPOCHS, ceil(STEPS / batches)))
    adam, epochs = _Adam(net.parameters, plan.rate, count * batches), []
    for number in range(1, count + 1):
        order, loss, right, done = rng.permutation(len(shown)), 0.0, 0, 0
        for some in np.array_split(shown[order], batches):
            labels = album.labels[some]
            x = net.standard(_shifted(album.pictures[some], plan.shift, rng))
            with np.errstate(all="ignore"):  # what overflows is told in words
                one, seen, slopes = network.gradients(net, x, labels)
            _check_loss(one, number, plan)
            adam.step(slopes)
            loss, done = loss + one * len(some), done + len(some)
            right += int((seen.argmax(axis=1) == labels).sum())
            step(number, count, done / len(shown), loss / done, right / done)
        *judged, guesses = _judge(net, album, held) if len(held) else (None, None, None)
        _check_loss(judged[0] or 0, number, plan)
        epochs.append(Epoch(number, loss / done, right / done, *judged))
        epoch(epochs[-1])
    answers = held if len(held) else shown
    if guesses is None:
        guesses = np.concatenate([classify(net, run).argmax(axis=1) for run in _runs(album.pictures, answers)])
    confusion = np.zeros((len(album.classes),) * 2, int)
    np.add.at(confusion, (album.labels[answers], guesses), 1)
    return Lesson(net, tuple(epochs), confusion, len(shown), len(held))


def classify(net: Network, pictures: np.ndarray) -> np.ndarray:
    """The probabilities (N, classes) of pictures (N, H, W) with white at 1. Raises InputError for another size."""
    scores = _scores(net, pictures)
    if not np.isfinite(scores).all():
        raise InputError("the network's numbers grow beyond all bounds on it")
    return network.probabilities(scores)


class _Adam:
    """Steps against the slopes: a running mean of each slope, divided by the root of that of its square."""

    def __init__(self, parameters: list[np.ndarray], rate: float, steps: int):
        self.parameters, self.rate, self.steps, self.taken = parameters, rate, steps, 0
        self.means = [np.zeros_like(array) for array in parameters]
        self.squares = [np.zeros_like(array) for array in parameters]

    def step(self, slopes: network.Gradients) -> None:
        """Nothing; the parameters have moved, in place."""
        self.taken += 1
        done = self.taken / self.steps
        rate = self.rate * (done / WARM if done < WARM else (1 + cos(pi * (done - WARM) / (1 - WARM))) / 2)
        fades = [1 - memory**self.taken for memory in MEMORY]  # both means begin at zero, and are too small at first
        for array, slope, mean, square in zip(self.parameters, slopes, self.means, self.squares, strict=True):
            mean += (1 - MEMORY[0]) * (slope - mean)
            square += (1 - MEMORY[1]) * (slope**2 - square)
            array -= rate * (mean / fades[0]) / (np.sqrt(square / fades[1]) + 1e-8)


def _split(labels: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the pictures to learn from, and of those held out: the share of each class, and one of it at least."""
    shown, held = [], []
    for label in range(labels.max() + 1):
        own = rng.permutation(np.flatnonzero(labels == label))
        count = min(max(1, round(share * len(own))), len(own) - 1) if share else 0
        held.append(own[:count])
        shown.append(own[count:])
    return np.concatenate(shown), np.concatenate(held)


def _runs(pictures: np.ndarray, which: np.ndarray) -> Iterator[np.ndarray]:
    """Some of the pictures (N, H, W), a few hundred at a time: an album is not held twice."""
    count = max(1, min(AT_ONCE, SAMPLES // pictures[0].size))
    return (pictures[which[n : n + count]] for n in range(0, len(which), count))


def _spread(pictures: np.ndarray, which: np.ndarray) -> tuple[float, float]:
    """The mean and the standard deviation of the samples of some pictures."""
    count = len(which) * pictures[0].size
    mean = sum(float(run.sum(dtype=np.float64)) for run in _runs(pictures, which)) / count
    off = (np.subtract(run, mean, dtype=np.float64) for run in _runs(pictures, which))
    return mean, sqrt(sum(float(np.square(some, out=some).sum()) for some in off) / count)


def _shifted(pictures: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Every picture moved by up to `most` pixels down and along; its edge is repeated where it left."""
    if not most:
        return pictures
    n, *size = pictures.shape
    wide = np.pad(pictures, ((0, 0), (most, most), (most, most)), "edge")
    places = np.lib.stride_tricks.sliding_window_view(wide, size, axis=(1, 2))
    return places[np.arange(n), *rng.integers(0, 2 * most + 1, (2, n))]


def _scores(net: Network, pictures: np.ndarray) -> np.ndarray:
    """The scores (N, classes)."""
    if pictures.shape[1:] != net.size:
        sizes = [f"{size[0]}x{size[1]}" for size in (pictures.shape[1:], net.size)]
        raise InputError(f"is {sizes[0]}, and the network learned from {sizes[1]}")
    with np.errstate(all="ignore"):
        return network.scores(net, net.standard(pictures))


def _check_loss(loss: float, number: int, plan: Plan) -> None:
    """Nothing, or a ConvError that says in which epoch the loss grew beyond all numbers."""
    if not np.isfinite(loss):
        raise ConvError(f"the loss is no number any more in epoch {number} (a smaller rate than {plan.rate:g})")


def _judge(net: Network, album: Album, which: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Loss and accuracy of some of an album's pictures, and the class each is taken for; inf where a score is none."""
    scores = np.concatenate([_scores(net, run) for run in _runs(album.pictures, which)])
    labels = album.labels[which]
    with np.errstate(all="ignore"):
        loss = network.cross_entropy(scores, labels)[0]
    guesses = scores.argmax(axis=1)
    return loss if np.isfinite(scores).all() else inf, float((guesses == labels).mean()), guesses
