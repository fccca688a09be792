"""Timing that a shared machine cannot spoil much: both sides in turn, medians, and ratios of the best times."""

import os
import platform
import statistics
import time

__all__ = ["best", "machine", "side_by_side"]


def best(run, rounds: int) -> float:
    """The least seconds of some calls."""
    least = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - start)
    return least


def side_by_side(sides: dict, rounds: int = 7, budget: float = 6.0) -> dict[str, tuple[float, float]]:
    """(best, median) seconds of each callable, run in turn A B B A after one warm-up of each.

    There and back again, or one side would always find the caches as the same other one left them.

    rounds: at most; fewer where `budget` seconds are spent before.
    """
    times = {name: [] for name in sides}
    for run in sides.values():
        run()
    began = time.perf_counter()
    for n in range(rounds):
        for name, run in list(sides.items())[:: 1 if n % 2 == 0 else -1]:
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
        if n >= 2 and time.perf_counter() - began > budget:
            break
    return {name: (min(seen), statistics.median(seen)) for name, seen in times.items()}


def machine() -> str:
    """A line on the machine and the versions."""
    import numpy

    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            name = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, Python {platform.python_version()}, numpy {numpy.__version__}"
