"""How time and memory grow with the picture and with the kernel; every run is a process of its own.

    python benchmarks/growth.py

Memory is the peak of the process above that of an interpreter that has imported numpy, Pillow and click, as a multiple
of the decoded picture.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from timing import best, machine

# a child's peak begins at that of the process it was forked from, so a small one stands between
LAUNCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6)
"""


def peak(command: list[str]) -> tuple[float, float]:
    """Seconds and peak megabytes of a command."""
    run = subprocess.run([sys.executable, "-c", LAUNCH, *command], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"failed: {' '.join(command)}\n{run.stderr}")
    seconds, most = map(float, run.stdout.split())
    return seconds, most


def main() -> None:
    """Prints both tables."""
    Image.MAX_IMAGE_PIXELS = None
    rng = np.random.default_rng(3)
    _, floor = peak([sys.executable, "-c", "import numpy, PIL.Image, click"])
    convcli = [str(Path(sys.executable).parent / "convcli"), "apply"]
    print(f"{machine()}; interpreter with numpy, Pillow and click: {floor:.0f} MB\n")
    print("| picture | filter | seconds | peak MB | of the decoded bytes |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for size in (1, 4, 12, 24, 100):
            height = round((size * 1e6 * 2 / 3) ** 0.5)
            small = rng.integers(0, 256, (height // 8, height * 3 // 16, 3), dtype=np.uint8)
            picture = Path(folder, "picture.png")
            Image.fromarray(small).resize((height * 3 // 2, height), Image.Resampling.BICUBIC).save(picture)
            decoded = height * (height * 3 // 2) * 3 / 1e6
            for name in ("sobel-x", "gaussian:5", "disk:15", "harris") if size == 24 else ("sobel-x",):
                seconds, most = peak([*convcli, name, str(picture), "-o", str(Path(folder, "out.png")), "-f", "-q"])
                print(f"| {size} MP RGB | {name} | {seconds:.2f} | {most:.0f} | {(most - floor) / decoded:.2f} |")
        image = np.asarray(Image.open(picture).resize((2000, 1500)))
    print("\n| taps | one pass down and along, ms | dense, ms |\n|---|---|---|")
    import convcli as library

    for taps in (3, 5, 9, 15, 31, 51, 101):
        line = rng.random(taps)
        times = []
        for weights in (np.outer(line, line) / line.sum() ** 2, rng.random((taps, taps)) / taps**2):
            seconds = best(lambda weights=weights: library.correlate(image, weights, range="clip"), 3)
            times.append(f"{seconds * 1e3:.0f}")
        print(f"| {taps} | {' | '.join(times)} |", flush=True)


if __name__ == "__main__":
    main()
