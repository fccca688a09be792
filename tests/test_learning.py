"""Learning from arrays: against naive sums, under constraints, with what is promised of errors and threads."""

import tracemalloc

import naive
import numpy as np
import pytest

import convcli
from convcli import comparison, fitting, moments
from convcli.border import Border
from convcli.errors import ConvError, GeometryError, InputError
from convcli.geometry import Window


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(0.5, 1.0, shape)


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, 1, *shape]).normal(0, 0.5, shape)


@pytest.mark.parametrize("mode", ["reflect", "edge", "symmetric", "wrap", "zeros", "constant", "mean"])
@pytest.mark.parametrize("seed", range(6))
def test_a_kernel_from_floats(mode, seed):
    rng = np.random.default_rng([seed, 5])
    taps, stride, dilation = (tuple(int(n) for n in rng.integers(1, most, 2)) for most in (6, 4, 3))
    kernel, before = weights(*taps, seed=seed), pixels(33, 41, 2, seed=seed)
    anchor = tuple(int(rng.integers(k)) for k in taps)
    window = {
        "stride": stride,
        "dilation": dilation,
        "padding": ["same", "full", "valid", (1, 3, 0, 2)][seed % 4],
        "op": ["correlate", "convolve"][seed // 2 % 2],
        "anchor": anchor if seed % 4 == 0 else None,
    }
    after = naive.filtered(before, kernel, **window, mode=mode, value=-2.5, bias=1.5)
    border = "constant:-2.5" if mode == "constant" else mode
    fit = convcli.learn(before, after, taps, **window, padding_mode=border)
    assert np.abs(fit.kernel.weights - kernel).max() < 1e-7
    assert abs(fit.bias - 1.5) < 1e-7
    assert fit.kernel.anchor == (anchor if seed % 4 == 0 else tuple((k - 1) // 2 for k in taps))
    assert fit.residual.is_exact
    assert fit.notes == ()


@pytest.mark.parametrize("level", [0.1, 1 / 3, 3.3, 1e3])
@pytest.mark.parametrize("seed", range(4))
def test_a_flat_picture_after_wants_one_tap(seed, level):
    """Its variance is nothing, and less than that once it is rounded."""
    fit = convcli.learn(pixels(20, 31, seed=seed) * 10.0 ** (3 * seed - 5), np.full((20, 31), level))
    assert fit.kernel.taps == (1, 1)
    assert fit.bias == pytest.approx(level)
    assert "the picture after is flat, and a bias alone makes it" in fit.notes


def test_whole_numbers_are_looked_for_row_by_row():
    """Of a large picture no copy is made, and none of its rows is left out."""
    after = np.random.default_rng(8).integers(0, 256, (500, 300, 2)).astype(np.float64)
    spans = []
    for place, value in (((499, 299, 1), 7.0), ((499, 299, 1), 7.5), ((250, 0, 0), np.nan)):
        after[place] = value
        tracemalloc.start()
        spans.append(comparison.span([moments.Pair(after, after)]))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < after.nbytes / 20
        after[place] = 7
    assert [span.is_whole for span in spans] == [True, False, False]
    assert {(span.low, span.high, span.samples) for span in spans} == {(0, 255, after.size)}
    assert comparison.span([moments.Pair(after, after.astype(np.int16))]).is_whole


def test_noise_is_met_by_the_standard_errors():
    """Over many draws the weights are off by as much as their errors say."""
    kernel, off = weights(3, 2), []
    for seed in range(40):
        before = pixels(20, 25, seed=seed)
        noise = np.random.default_rng(seed).normal(0, 0.3, before.shape)
        fit = convcli.learn(before, naive.filtered(before[:, :, None], kernel)[:, :, 0] + noise, (3, 2))
        off.append((fit.kernel.weights - kernel) / fit.errors)
        assert abs(fit.residual.rms - 0.3) < 0.05
    assert 0.85 < np.std(off) < 1.15


def test_the_condition_is_that_of_the_windows():
    before, kernel = pixels(12, 14), weights(2, 3)
    fit = convcli.learn(before, naive.filtered(before[:, :, None], kernel, padding="valid"), (2, 3), padding="valid")
    windows = np.lib.stride_tricks.sliding_window_view(before, (2, 3)).reshape(-1, 6)
    values = np.linalg.svd(windows - windows.mean(axis=0), compute_uv=False)
    assert fit.condition == pytest.approx(values[0] / values[-1], rel=1e-9)


def test_the_answer_is_that_of_lstsq():
    """Also where samples are clipped, and where the picture after is no filtered one at all."""
    before = np.random.default_rng(3).integers(0, 256, (30, 31), np.uint8)
    after = np.random.default_rng(4).integers(0, 256, (30, 31), np.uint8)
    after[::3, ::2] = 0
    after[5:9] = 255
    grown = naive.padded(before[:, :, None], (1, 1, 1, 2))[:, :, 0]
    table = np.lib.stride_tricks.sliding_window_view(grown, (3, 4)).reshape(-1, 12)
    table, wanted = np.column_stack((table, np.ones(len(table)))), after.ravel().astype(float)
    known = (wanted > 0) & (wanted < 255)
    best, squares, *_ = np.linalg.lstsq(table[known], wanted[known], rcond=None)
    fit = convcli.learn(before, after, (3, 4))
    assert np.allclose(fit.kernel.weights.ravel(), best[:12], rtol=0, atol=1e-6)
    assert fit.bias == pytest.approx(best[12], abs=1e-3)
    assert fit.residual.rms == pytest.approx(np.sqrt(squares[0] / known.sum()), rel=1e-5)
    assert fit.residual.known == known.sum()
    variance = np.linalg.inv(table[known].T @ table[known]) * squares[0] / (known.sum() - 13)
    assert np.allclose(fit.errors.ravel(), np.sqrt(np.diag(variance))[:12], rtol=1e-4)


def test_ridge_is_what_it_says():
    before, after = pixels(20, 22), pixels(20, 22, seed=9)
    fit = convcli.learn(before, after, 3, ridge=0.5, bias=0)
    grown = naive.padded(before[:, :, None], (1, 1, 1, 1))[:, :, 0]
    table = np.lib.stride_tricks.sliding_window_view(grown, (3, 3)).reshape(-1, 9)
    pull = 0.5 * (table**2).sum() / 9
    best = np.linalg.solve(table.T @ table + pull * np.eye(9), table.T @ after.ravel())
    assert np.allclose(fit.kernel.weights.ravel(), best, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("symmetry", "same", "unknowns"),
    [
        ("even", lambda w: w[::-1, ::-1], 8),
        ("odd", lambda w: -w[::-1, ::-1], 7),
        ("horizontal", lambda w: w[:, ::-1], 9),
        ("vertical", lambda w: w[::-1], 10),
    ],
)
def test_symmetries(symmetry, same, unknowns):
    kernel, before = weights(3, 5), pixels(30, 33)
    kernel = kernel + same(kernel)
    noise = np.random.default_rng(1).normal(0, 0.1, before.shape)
    after = naive.filtered(before[:, :, None], kernel)[:, :, 0] + noise
    fit = convcli.learn(before, after, (3, 5), symmetry=symmetry, bias=0)
    assert np.array_equal(same(fit.kernel.weights), fit.kernel.weights)
    assert np.abs(fit.kernel.weights - kernel).max() < 0.05
    assert fit.unknowns == unknowns
    free = convcli.learn(before, after, (3, 5), bias=0)
    assert fit.errors.max() < free.errors.max()
    assert fit.residual.rms >= free.residual.rms


def test_isotropic_weights_stay_in_all_turns():
    before = pixels(40, 41)
    fit = convcli.learn(before, pixels(40, 41, seed=2), 5, symmetry="isotropic", bias=0)
    found = fit.kernel.weights
    for turned in (found.T, found[::-1], found[:, ::-1]):
        assert np.array_equal(turned, found)
    assert (fit.unknowns, len(np.unique(found))) == (6, 6)
    assert fitting.basis("isotropic", (1, 4, 4)).shape == (16, 3)


@pytest.mark.parametrize("symmetry", fitting.SYMMETRIES)
def test_a_basis_is_orthonormal(symmetry):
    table = fitting.basis(symmetry, (2, 3, 3))
    assert np.allclose(table.T @ table, np.eye(table.shape[1]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("rank", [1, 2])
def test_rank(rank):
    columns, rows = weights(rank, 5), weights(rank, 4, seed=3)
    kernel, before = columns.T @ rows, pixels(40, 45)
    noise = np.random.default_rng(1).normal(0, 0.2, before.shape)
    after = naive.filtered(before[:, :, None], kernel)[:, :, 0] + noise
    fit = convcli.learn(before, after, (5, 4), rank=rank)
    assert np.linalg.matrix_rank(fit.kernel.weights, 1e-6) == rank
    assert np.abs(fit.kernel.weights - kernel).max() < 0.03
    assert fit.unknowns == rank * (9 - rank) + 1
    free = convcli.learn(before, after, (5, 4))
    assert np.linalg.norm(fit.errors) < np.linalg.norm(free.errors)
    # nothing of that rank nearby does better
    for seed in range(20):
        shaken = fit.kernel.weights @ (np.eye(4) + 1e-3 * weights(4, 4, seed=seed))
        left = after - naive.filtered(before[:, :, None], shaken, bias=fit.bias)[:, :, 0]
        assert (left**2).mean() > fit.residual.rms**2
    exact = convcli.learn(before, after - noise, (5, 4), rank=rank)
    assert np.abs(exact.kernel.weights - kernel).max() < 1e-6


def test_rank_of_every_plane_and_map():
    before = pixels(30, 31, 3)
    kernel = np.einsum("ocu,ocv->ocuv", weights(2, 3, 3), weights(2, 3, 4))
    fit = convcli.learn(before, naive.filtered(before, kernel), (3, 4), channels="sum", rank=1)
    assert np.abs(fit.kernel.weights - kernel).max() < 1e-6
    assert fit.errors.shape == (2, 3, 3, 4)


def test_one_bias_for_all_maps():
    """The weights are those that leave the least under the one bias that `apply` adds to all maps."""
    before, kernel, biases = pixels(20, 30, 2), weights(3, 2, 2, 2), np.array([1.0, 2.0, 6.0])
    after = naive.filtered(before, kernel) + biases
    fit = convcli.learn(before, after, 2, channels="sum")
    assert fit.bias == pytest.approx(3, abs=1e-6)
    assert not fit.residual.is_exact
    wide = naive.padded(before, (0, 1, 0, 1))
    rows = [wide[y : y + 2, x : x + 2].transpose(2, 0, 1).ravel() for y, x in np.ndindex(20, 30)]
    wanted = np.linalg.lstsq(np.array(rows), after.reshape(600, 3) - fit.bias, rcond=None)[0]
    assert np.abs(fit.kernel.weights.reshape(3, 8) - wanted.T).max() < 1e-6
    assert np.abs(fit.kernel.weights - kernel).max() > 1e-3  # a bias of its own would have left each map its kernel


def test_biases_that_differ_are_told():
    levels = np.random.default_rng(8).integers(0, 60, (20, 30, 2)).astype(np.uint8)
    for steps, is_told in (((100, 108, 140), True), ((100, 100, 100), False)):
        sums = naive.filtered(levels.astype(float), weights(3, 2, 2, 2) / 3) + np.array(steps)
        fit = convcli.learn(levels, np.rint(sums).clip(0, 255).astype(np.uint8), 2, channels="sum")
        assert any("a bias of its own, they differ by 40" in note for note in fit.notes) == is_told
        assert any("a bias of its own" in note for note in fit.notes) == is_told


def test_several_pairs_and_any_number_of_threads():
    kernel = weights(3, 3)
    befores = [pixels(300, 200, seed=1), pixels(31, 90, seed=2)]
    afters = [naive.filtered(one[:, :, None], kernel)[:, :, 0] + pixels(*one.shape, seed=3) for one in befores]
    one, two = (convcli.learn(befores, afters, 3, threads=threads) for threads in (1, 3))
    assert np.array_equal(one.kernel.weights, two.kernel.weights)
    assert one.residual.known == 300 * 200 + 31 * 90


def test_unknown_samples_count_for_nothing():
    before, kernel = pixels(20, 30), weights(3, 3)
    after = naive.filtered(before[:, :, None], kernel)[:, :, 0]
    after[4:9, 3] = np.nan
    fit = convcli.learn(before, after, 3)
    assert np.abs(fit.kernel.weights - kernel).max() < 1e-7
    assert fit.residual.known == 595


def test_strips_are_left_out_where_there_are_many(monkeypatch):
    monkeypatch.setattr(moments, "WORK", 2e5)
    before, kernel = pixels(900, 100), weights(3, 3)
    fit = convcli.learn(before, naive.filtered(before[:, :, None], kernel)[:, :, 0], 3)
    assert np.abs(fit.kernel.weights - kernel).max() < 1e-7
    assert fit.every > 1
    assert any("one strip of" in note for note in fit.notes)


def test_memory_does_not_grow_with_the_picture():
    window = Window(border=Border("edge")).fit((50, 60), (3, 3))
    pair = moments.Pair(pixels(50, 60, 3), pixels(50, 60, 3, seed=1))
    total, every = moments.gather([pair], [window], False, 0.0, 1)
    assert (total.shape, every) == ((11, 11), 1)
    assert total[9, 9] == 50 * 60 * 3


@pytest.mark.parametrize(
    ("before", "after", "options", "error"),
    [
        (pixels(9, 9), pixels(9, 8), {"k": 3}, GeometryError),
        (pixels(9, 9), [], {"k": 3}, ConvError),
        (pixels(9, 9), pixels(9, 9, 1, 1), {"k": 3}, ConvError),
        (pixels(9, 9) > 0, pixels(9, 9), {"k": 3}, ConvError),
        (pixels(9, 9, 3), pixels(9, 9), {"k": 3}, ConvError),
        (pixels(9, 9), pixels(9, 9), {"k": 3, "channels": "all"}, ConvError),
        (pixels(9, 9), pixels(9, 9), {"k": 3, "symmetry": "round"}, ConvError),
        (pixels(9, 9), pixels(9, 9), {"k": "3"}, ConvError),
        (pixels(9, 9), pixels(9, 9), {"k": 3, "rank": 0}, ConvError),
        (pixels(9, 9), pixels(9, 9), {"k": 3, "ridge": -1}, ConvError),
        (np.zeros((9, 9)), pixels(9, 9), {"k": 3}, InputError),
        (np.where(pixels(9, 9) > 1, np.nan, 1.0), pixels(9, 9), {"k": 3}, InputError),
    ],
)
def test_what_cannot_be_done_is_refused(before, after, options, error):
    with pytest.raises(error) as caught:
        convcli.learn(before, after, **options)
    assert type(caught.value) is error
    assert str(caught.value).isprintable()
