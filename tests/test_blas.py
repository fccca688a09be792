"""Products take one thread while strips run side by side, and a program that uses numpy gets its threads back."""

import os
import subprocess
import sys

import numpy as np
import pytest

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
    """Looking for the library would be time that every command pays."""
    code = """
import os, sys
from convcli.cli import main
leave = os._exit
os._exit = lambda n: (print(sys.modules["convcli.engine.blas"]._library.cache_info(), file=sys.stderr), leave(n))
main(["apply", "gaussian:3", "a.txt", "-o", "-"])
"""
    (tmp_path / "a.txt").write_text("1 2 3\n4 5 6\n")
    bare = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=bare)
    assert "misses=0" in ran.stderr
