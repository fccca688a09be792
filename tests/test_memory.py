"""What a command holds at once: the source, its result, and little else."""

import subprocess
import sys
import weakref

import numpy as np
import pytest
from PIL import Image

from convcli.raster.ahead import Ahead

# a child's peak begins at that of the process it was forked from, so a small one stands between
LAUNCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak(*args: str) -> int:
    """Bytes that an interpreter holds at most."""
    ran = subprocess.run([sys.executable, "-c", LAUNCH, sys.executable, *args], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout) * 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts in kilobytes, as Linux does")
def test_a_large_picture_is_held_twice_and_a_half(tmp_path):
    """Decoded by Pillow and taken over; then source and result. Measured: 2.5 times the decoded bytes."""
    lines = np.arange(6000, dtype=np.uint8)[None, :, None] + np.arange(3, dtype=np.uint8)
    pixels = np.repeat(lines, 4000, axis=0)
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=1)
    floor = peak("-c", "import numpy, PIL.Image, click")
    most = peak("-m", "convcli", "apply", "sobel-x", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), "-q")
    assert most - floor < 2.6 * pixels.nbytes


def test_a_picture_that_was_taken_is_nobody_elses(tmp_path):
    pixels = np.random.default_rng(3).integers(0, 256, (301, 407, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    begun = Ahead((str(tmp_path / "a.png"),), "PNG")
    begun.thread.join()
    pictures = begun.take(str(tmp_path / "a.png"))
    first = next(pictures)
    held = weakref.ref(first.pixels)
    pictures.close()
    del first
    assert held() is None, begun
