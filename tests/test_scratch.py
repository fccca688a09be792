"""Working memory: used again when nobody looks at it any more, and never by two at once."""

import mmap
from pathlib import Path

import numpy as np
import pytest

import convcli
from convcli.engine.scratch import LARGE, MAPPED, Scratch, forget, fresh


def place(memory: np.ndarray) -> int:
    return memory.__array_interface__["data"][0]


@pytest.mark.parametrize("size", [LARGE, MAPPED])
def test_memory_in_use_is_nobody_elses(size):
    held = [fresh(size + n) for n in range(20)]
    views = [fresh(size)[5:9].view("uint8").reshape(2, 2) for _ in range(5)]  # a view keeps all of it
    arrays = held + views
    assert not any(np.shares_memory(a, b) for n, a in enumerate(arrays) for b in arrays[:n])


@pytest.mark.parametrize("size", [3 * LARGE, 3 * MAPPED])
def test_memory_is_used_again(size):
    memory = fresh(size)
    first = place(memory)
    del memory
    again = [fresh(size) for _ in range(4)]
    assert first in [place(one) for one in again]
    assert fresh(size).nbytes == size


def test_what_is_kept_has_a_limit():
    from convcli.engine import scratch

    held = [fresh(scratch.MOST // 3) for _ in range(5)]
    assert sum(memory.nbytes for memory in scratch._kept) <= scratch.MOST
    for n, memory in enumerate(held):
        memory[:] = n
    assert [int(memory[-1]) for memory in held] == [0, 1, 2, 3, 4]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux")
def test_what_is_forgotten_is_the_systems_again():
    """All of it, though memory of that size has been given back before, after which a C library keeps some."""

    def pages() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1])

    del [np.ones(MAPPED * 16, np.uint8)][:]
    forget()
    before = pages()
    held = [fresh(MAPPED * 3) for _ in range(4)]
    for memory in held:
        memory[:] = 1
    most = pages()
    del held, memory
    forget()
    assert (most - before, pages() - before) == (
        pytest.approx(12 * MAPPED / mmap.PAGESIZE, rel=0.05),
        pytest.approx(0, abs=100),
    )


def test_where_the_system_maps_nothing_there_is_memory_still(monkeypatch):
    def none(*args, **kwargs):
        raise OSError(12, "Cannot allocate memory")

    forget()
    monkeypatch.setattr(mmap, "mmap", none)
    memory = fresh(MAPPED)
    memory[:] = 7
    assert (memory.size, memory.sum()) == (MAPPED, 7 * MAPPED)
    forget()


def test_a_name_is_the_same_memory_and_grows():
    scratch = Scratch()
    small = scratch.take("a", (3, 5), "int16")
    assert small.shape == (3, 5)
    assert np.shares_memory(small, scratch.take("a", (5, 3), "uint16"))
    large = scratch.take("a", (7, 50), "float64")
    assert not np.shares_memory(small, large)
    assert np.shares_memory(large, scratch.take("a", (3, 5), "int16"))
    assert not np.shares_memory(large, scratch.take("b", (7, 50), "float64"))


def test_a_result_in_use_is_nobody_elses():
    pixels = np.random.default_rng(5).integers(0, 256, (300, 411, 3), np.uint8)  # large enough to be kept
    ways = {
        "itself": lambda out: out,
        "a row": lambda out: out[7],
        "bytes": lambda out: memoryview(out),
        "of another kind": lambda out: np.frombuffer(out, np.int8),
    }
    for name, look in ways.items():
        seen = look(convcli.apply(pixels, "gaussian:2"))
        before = bytes(seen)
        for kernel in ("sobel-x", "box:5", "sharpen"):
            convcli.apply(pixels, kernel)
        assert bytes(seen) == before, name


def test_the_memory_of_a_result_is_used_again():
    pixels = np.zeros((300, 411, 3), np.uint8)
    first = place(convcli.apply(pixels, "identity"))
    assert first in {place(convcli.apply(pixels, "identity")) for _ in range(3)}
