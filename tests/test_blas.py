"""Products take one thread while strips run side by side, and a program that uses numpy gets its threads back."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import convcli
from convcli import graph
from convcli.engine import blas


def test_threads_are_one_inside_and_as_before_afterwards(monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    library = blas._library()
    if library is None:
        pytest.skip("numpy has another library for products")
    before = library.get()
    library.set(3)
    try:
        with blas.one_thread():
            assert library.get() == 1
            with blas.one_thread():  # another picture, in another thread
                assert library.get() == 1
            assert library.get() == 1
        assert library.get() == 3
        with pytest.raises(ZeroDivisionError), blas.one_thread():
            raise ZeroDivisionError
        assert library.get() == 3
        seen = []
        monkeypatch.setattr(graph, "walk", lambda *of: seen.append(library.get()))
        convcli.apply(np.full((40, 50), 7, np.uint8), "gaussian:3", range="clip")
        assert seen == [1]
        assert library.get() == 3
    finally:
        library.set(before)


def test_the_command_has_said_so_before_numpy_is_there(tmp_path):
    """Looking for the library would be time that every command pays; only sums of floats ask for it."""
    code = """
import os, sys
from convcli.cli import main
leave = os._exit
os._exit = lambda n: (print(sys.modules["convcli.engine.blas"]._library.cache_info(), file=sys.stderr), leave(n))
main(["apply", "sobel-x", "a.png", "-o", "b.png"])
"""
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    bare = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=bare)
    assert "misses=0" in ran.stderr


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "width"), [(7, 61), (1, 1000), (40, 1), (3, 333)])
def test_scaled_sums(dtype, rows, width):
    """Rows may lie apart, in what is added and in the sum; what is between them stays as it was."""
    if not blas.can_add_scaled(np.dtype(dtype)):
        pytest.skip("numpy has another library for products")
    rng = np.random.default_rng(rows)
    picture, sums = (rng.normal(size=(2 * rows, width + 9)).astype(dtype) for _ in range(2))
    before, array, out, tape = sums.copy(), picture[::2, 4:-5], sums[1::2, 7:-2], []
    blas.add_scaled(-1.5, out, 0.3, array, tape)
    assert (sums == before).all()  # nothing is done until the tape runs
    for call, args in tape:
        call(*args)
    wanted = before.copy()
    wanted[1::2, 7:-2] = -1.5 * wanted[1::2, 7:-2] + 0.3 * array
    np.testing.assert_allclose(sums, wanted, atol=8 * np.finfo(dtype).eps)
    untouched = np.ones(sums.shape, bool)
    untouched[1::2, 7:-2] = False
    assert (sums == before)[untouched].all()


def test_a_sum_keeps_what_it_adds():
    """The tape is all that knows the arrays; their memory must not go before it ran."""
    if not blas.can_add_scaled(np.dtype("float32")):
        pytest.skip("numpy has another library for products")
    array, out, tape = np.full((200, 999), 3, np.float32), np.zeros((200, 999), np.float32), []
    holders = sys.getrefcount(array)
    blas.add_scaled(1.0, out, 2.0, array, tape)
    assert sys.getrefcount(array) > holders
    tape.clear()
    assert sys.getrefcount(array) == holders


def test_only_single_and_double_precision_are_scaled():
    assert not blas.can_add_scaled(np.dtype("int32"))
    assert not blas.can_add_scaled(np.dtype("float16"))
