"""The mathematics of learning, against differences of the loss, the engine, and PyTorch where it is there."""

from dataclasses import replace

import numpy as np
import pytest
from data import weights

import convcli
from convcli import network
from convcli.network import Network

SIZES = [(28, 28), (9, 14), (33, 40), (1, 1)]


def net_of(size=(9, 14), classes=3, dtype=np.float64, seed=1) -> Network:
    """A network with biases that are not zero; float64, so that small differences can be told."""
    rng = np.random.default_rng(seed)
    net = network.new(tuple(map(str, range(classes))), size, rng)
    biases = tuple(rng.normal(0, 0.3, len(b)).astype(dtype) for b in net.biases)
    return replace(net, weights=tuple(w.astype(dtype) for w in net.weights), biases=biases)


def stack_of(size, count=5, channels=1, seed=2) -> np.ndarray:
    return np.random.default_rng([seed, *size]).normal(0, 1, (channels, *size, count))


@pytest.mark.parametrize("size", SIZES)
def test_gradients_are_the_differences_of_the_loss(size):
    net, x, labels = net_of(size), stack_of(size), np.array([0, 2, 1, 1, 0])
    loss, _, slopes = network.gradients(net, x, labels)
    assert loss == pytest.approx(network.cross_entropy(network.scores(net, x), labels)[0], rel=1e-12)
    rng = np.random.default_rng(3)
    for array, slope in zip(net.parameters, slopes, strict=True):
        assert slope.shape == array.shape
        for place in rng.integers(0, array.shape, (6, array.ndim)):
            place, kept, ends = tuple(place), array[tuple(place)], []
            for nudge in (1e-6, -1e-6):
                array[place] = kept + nudge
                ends.append(network.cross_entropy(network.scores(net, x), labels)[0])
            array[place] = kept
            assert slope[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("size", SIZES)
def test_scores_and_gradients_are_those_of_torch(size):
    torch = pytest.importorskip("torch")
    net, x, labels = net_of(size), stack_of(size), np.array([0, 2, 1, 1, 0])
    layers = []
    for w, b in zip(net.weights, net.biases, strict=True):
        conv = torch.nn.Conv2d(w.shape[1], len(w), 3, stride=2, padding=1, dtype=torch.float64)
        conv.weight.data, conv.bias.data = torch.tensor(w), torch.tensor(b)
        layers += [conv, torch.nn.ReLU()]
    theirs = torch.nn.Sequential(*layers[:-1])
    seen = theirs(torch.tensor(x.transpose(3, 0, 1, 2).copy())).mean(dim=(2, 3))
    expected = torch.nn.functional.cross_entropy(seen, torch.tensor(labels))
    expected.backward()
    loss, scores, slopes = network.gradients(net, x, labels)
    np.testing.assert_allclose(scores, seen.detach().numpy(), atol=1e-12)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    for slope, parameter in zip(slopes, theirs.parameters(), strict=True):
        np.testing.assert_allclose(slope, parameter.grad.numpy(), atol=1e-12)


def test_a_layer_is_what_the_engine_makes_of_it():
    x, bank = stack_of((9, 14), channels=3), weights(4, 3, 3, 3, whole=False)
    expected = convcli.apply(x.transpose(3, 1, 2, 0), bank, stride=2, padding=1, padding_mode="zeros")
    np.testing.assert_allclose(network.correlate(x, bank, 2, 1), expected.transpose(3, 1, 2, 0), atol=1e-12)


@pytest.mark.parametrize("size", [(9, 14), (10, 7), (2, 2), (1, 4)])
def test_the_slope_for_the_input_is_a_true_convolution(size):
    """The engine convolves the slopes, put where their windows lay in the picture, with maps and channels exchanged."""
    bank = weights(4, 3, 3, 3, whole=False)
    out = [(n + 2 - 3) // 2 + 1 for n in size]
    g = stack_of(tuple(out), channels=4)
    spread = np.zeros((5, *size, 4))
    spread[:, ::2, ::2] = g.transpose(3, 1, 2, 0)
    expected = convcli.apply(spread, bank.swapaxes(0, 1), op="convolve", padding=1, padding_mode="zeros")
    np.testing.assert_allclose(network.input_slopes(g, bank, size), expected.transpose(3, 1, 2, 0), atol=1e-12)


def test_the_slope_for_the_weights_is_a_correlation_with_the_input():
    """Of one picture and map: the padded picture under the slopes as a kernel with dilation 2."""
    x, g = stack_of((9, 14), count=1), stack_of((5, 7), count=1, seed=8)
    found = network.weight_slopes(network._windows(x, (3, 3), 2, 1), g)
    padded = np.pad(x[0, :, :, 0], 1)[:11, :15]
    expected = convcli.correlate(padded, g[0, :, :, 0], dilation=2, padding="valid")
    assert expected.shape == (3, 3)
    np.testing.assert_allclose(found[0, 0], expected, atol=1e-12)


def test_probabilities_add_up_whatever_the_scores():
    found = network.probabilities(np.array([[1e4, -1e4, 0], [1.0, 2.0, 3.0]]))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found[1], np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum())


def test_a_new_network_keeps_the_size_of_samples():
    net = replace(network.new(tuple("abcdefgh"), (64, 64), np.random.default_rng(4)), mean=0.25, std=0.5)
    pictures = np.random.default_rng(5).normal(0.25, 0.5, (40, 64, 64))
    assert 0.2 < network.scores(net, net.standard(pictures)).std() < 2
    assert [w.shape for w in net.weights] == [(4, 1, 3, 3), (8, 4, 3, 3), (16, 8, 3, 3), (32, 16, 3, 3), (8, 32, 3, 3)]
    assert net.standard(pictures).shape == (1, 64, 64, 40)
    assert abs(net.standard(pictures).std() - 1) < 0.05
