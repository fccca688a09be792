"""Whole commands: convcli against vips, convert, gm, gmic and an OpenCV script, those installed, from file to file.

    python benchmarks/commands.py [--rounds 5]

Each runs a Sobel derivative along x (as far as the tool has one) on a 512-pixel PNG, a 12 MP JPEG, a 12 MP PNG and a
folder of forty 2.8 MP JPEGs. A ratio below 1 means that convcli is faster.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import which

import numpy as np
from PIL import Image
from timing import machine, side_by_side

OPENCV = """
import sys, cv2
from concurrent.futures import ThreadPoolExecutor
def one(path):
    out = sys.argv[1] + '/' + path.rsplit('/', 1)[1]
    cv2.imwrite(out, cv2.convertScaleAbs(cv2.Sobel(cv2.imread(path), cv2.CV_16S, 1, 0)))
with ThreadPoolExecutor(2) as pool:
    list(pool.map(one, sys.argv[2:]))
"""
VIPS = "3 3 1 0\n-1 0 1\n-2 0 2\n-1 0 1\n"
MATRIX = "3x3: -1,0,1 -2,0,2 -1,0,1"


def commands(folder: Path, inputs: list[Path]) -> dict[str, list[list[str]]]:
    """What each tool runs for these inputs; the tools that are not installed are left out."""
    out, mask = folder / "out", folder / "sobel.mat"
    out.mkdir(exist_ok=True)
    mask.write_text(VIPS)
    names = [str(path) for path in inputs]
    tools = {
        "convcli": [
            [str(Path(sys.executable).parent / "convcli"), "apply", "sobel-x", *names, "-o", f"{out}/", "-f", "-q"]
        ]
    }
    if _has_module("cv2"):
        tools["opencv"] = [[sys.executable, "-c", OPENCV, str(out), *names]]
    if which("vips"):
        tools["vips"] = [["vips", "conv", name, f"{out}/{Path(name).name}", str(mask)] for name in names]
    if (
        which("convert")
        and "ImageMagick" in subprocess.run(["convert", "-version"], capture_output=True, text=True).stdout
    ):
        tools["convert"] = [
            ["convert", name, "-morphology", "Correlate", MATRIX, f"{out}/{Path(name).name}"] for name in names
        ]
    if which("gm"):
        weights = "-1,0,1,-2,0,2,-1,0,1"
        tools["gm"] = [["gm", "convert", name, "-convolve", weights, f"{out}/{Path(name).name}"] for name in names]
    if which("gmic"):
        steps = ["(-1,0,1;-2,0,2;-1,0,1)", "correlate[0]", "[1]", "remove[1]", "abs", "cut", "0,255", "output"]
        tools["gmic"] = [["gmic", "-v", "0", name, *steps, f"{out}/{Path(name).name}"] for name in names]
    return tools


def _has_module(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"{machine()}; milliseconds: best (median), ratio of best times, convcli / peer\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, inputs in pictures(folder).items():
            sides = {
                tool: lambda runs=runs: [subprocess.run(run, check=True, capture_output=True) for run in runs]
                for tool, runs in commands(folder, inputs).items()
            }
            seen = side_by_side(sides, rounds, 60)
            own = seen["convcli"][0]
            cells = [
                f"{tool} {best * 1e3:.0f} ({median * 1e3:.0f}), {own / best:.2f}"
                for tool, (best, median) in seen.items()
            ]
            print(f"{title}: " + "; ".join(cells), flush=True)


def pictures(folder: Path) -> dict[str, list[Path]]:
    """The inputs: smooth noise, which compresses about as photographs do."""
    rng = np.random.default_rng(4)

    def made(name: str, width: int, height: int) -> Path:
        rough = rng.integers(0, 256, (height // 6, width // 6, 3), dtype=np.uint8)
        fine = np.asarray(Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
        fine = np.clip(fine + rng.integers(-4, 5, fine.shape), 0, 255).astype(np.uint8)
        Image.fromarray(fine).save(folder / name, quality=90)
        return folder / name

    return {
        "512-pixel PNG": [made("small.png", 512, 512)],
        "12 MP JPEG": [made("large.jpg", 4000, 3000)],
        "12 MP PNG": [made("large.png", 4000, 3000)],
        "forty 2.8 MP JPEGs": [made(f"p{n}.jpg", 1936, 1456) for n in range(40)],
    }


if __name__ == "__main__":
    main()
