"""Broken pictures by the thousand, through whole runs of `convcli apply`.

    python tests/fuzz.py [--minutes 5] [--seed 0] [--from FOLDER]... [--keep FOLDER]

Files of every kind and mode are rendered and taken from the folders named, damaged, and given to the program by the
hundred, as a folder, with filters and options drawn by chance. Every run has to end by itself, with 0 or 1, with one
line for each picture that failed and none besides; no picture may take ten seconds; every result that is told has to be
there and to be decoded by others, and nothing else may be there. What is not so is printed, its files are kept, and the
exit code is 1. `tests/test_fuzz.py` does some of it in the suite.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import mutations
import numpy as np
from PIL import Image

from convcli import formats

BATCH = 120
SECONDS, KILOBYTES = 10, 2**20  # for one picture; for the whole process
FILTERS = ["box:3", "sobel", "gaussian:1.5", "max-pool:2", "sobel-x | gaussian:1", "identity", "edges-4", "1 2; 3 5"]
OPTIONS = [
    [],
    ["--frames", "all"],
    ["--frames", "first", "--format", "png"],
    ["--frames", "2"],
    ["--depth", "16", "--format", "tif"],
    ["--linear", "--format", "jpg", "--alpha", "drop"],
    ["--padding", "valid", "--stride", "2", "--range", "stretch"],
    ["--channels", "gray", "--format", "webp"],
    ["--format", "gif"],
    ["--range", "none", "--format", "npy"],
    ["--strict"],
    ["--maps", "stack", "--format", "tif"],
]
HOUSE = Path(__file__).parents[1]


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="folders", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--keep", default="fuzz-found", metavar="FOLDER")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    rng, seeds = np.random.default_rng(asked.seed), seeds_of(asked.folders)
    end, told, faults = time.monotonic() + 60 * asked.minutes, Counter(), 0
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            words = drawn(Path(folder, "in"), seeds, rng)
            counts, wrong = tried(Path(folder), words)
            told += counts
            if wrong:
                faults += 1
                place = Path(asked.keep, str(faults))
                shutil.copytree(folder, place, dirs_exist_ok=True)
                print(f"{place}: convcli {' '.join(words)}", *wrong, sep="\n  ", flush=True)
    print(f"{told.total()} pictures: {told['written']} written, {told['failed']} refused; {faults} runs went wrong")
    return min(faults, 1)


def seeds_of(folders: list[str]) -> list[tuple[str, bytes]]:
    """Names and bytes of whole files: those rendered, and those of up to a megabyte in the folders."""
    found = list(mutations.rendered().items())
    for folder in folders:
        paths = [path for path in sorted(Path(folder).rglob("*")) if formats.is_picture_name(path.name)]
        found += [(path.name, path.read_bytes()) for path in paths if path.is_file() and path.stat().st_size < 2**20]
    return found


def drawn(folder: Path, seeds: list[tuple[str, bytes]], rng: np.random.Generator) -> list[str]:
    """The words of a run, over a folder that is filled; one file in ten is whole, and one has another's ending."""
    folder.mkdir()
    for number in range(BATCH):
        (name, data), (other, stuff) = (seeds[int(rng.integers(len(seeds)))] for _ in range(2))
        if rng.random() < 0.9:
            data = mutations.mutated(data, rng, stuff)
        ending = Path(other if rng.random() < 0.1 else name).suffix
        (folder / f"{number}{ending}").write_bytes(data)
    words = [
        "apply",
        str(rng.choice(FILTERS)),
        "in",
        "-o",
        "out",
        "-j",
        "2",
        "-q",
    ]
    return [*words, "--report", "r.json", *OPTIONS[int(rng.integers(len(OPTIONS)))]]


def tried(folder: Path, words: list[str]) -> tuple[Counter, list[str]]:
    """How many pictures of a run were written and failed, and what is wrong with it."""
    command = [sys.executable, "-m", "convcli", *words]
    env = {**os.environ, "PYTHONPATH": str(HOUSE)}
    with open(folder / "said", "w+b") as said:
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        ended, patience = None, time.monotonic() + 20 * SECONDS
        while ended is None or ended[0] == 0:
            ended = os.wait4(process.pid, os.WNOHANG)
            if time.monotonic() > patience:
                process.kill()
                os.wait4(process.pid, 0)
                return Counter(), ["does not end"]
            time.sleep(0.02)
        code, most = os.waitstatus_to_exitcode(ended[1]), ended[2].ru_maxrss
        process.returncode = code
    lines = (folder / "said").read_bytes().decode("utf-8", "replace").split("\n")[:-1]
    if code not in (0, 1) or not (folder / "r.json").exists():
        return Counter(), [f"ends with {code}", *lines[-8:]]
    items = json.loads((folder / "r.json").read_text())["items"]
    failed = [item for item in items if item["status"] == "failed"]
    wrong = [f"{len(items)} items of {BATCH}"] * (len(items) != BATCH)
    wrong += [f"{len(lines)} lines for {len(failed)} failures"] * (len(lines) != len(failed))
    wrong += [f"ends with {code}, {len(failed)} failures"] * (code != bool(failed))
    wrong += [f"no line of ours: {line!r}" for line in lines if not is_ours(line)]
    wrong += [f"{item['input']}: took {item['seconds']:.1f} s" for item in items if item["seconds"] > SECONDS]
    wrong += [f"{most >> 10} MB"] * (most > KILOBYTES)
    names = {name for item in items if item["status"] == "written" for name in item["output"].split(", ")}
    there = {str(path.relative_to(folder)) for path in (folder / "out").rglob("*")}
    wrong += [f"is not there: {name}" for name in names - there] + [f"left behind: {name}" for name in there - names]
    wrong += [f"cannot be decoded: {name}" for name in names & there if not is_whole(folder / name)]
    return Counter(item["status"] for item in items), wrong


def is_ours(line: str) -> bool:
    """True for a short line in our form."""
    return line.startswith("convcli: in/") and line.isprintable() and len(line) <= 300 and "this is a bug" not in line


def is_whole(path: Path) -> bool:
    """True where somebody else can decode all of it."""
    try:
        if path.suffix == ".npy":
            np.load(path)
            return True
        if path.suffix in (".txt", ".csv", ".tsv"):
            return path.stat().st_size > 0
        with Image.open(path) as im:
            for number in range(getattr(im, "n_frames", 1)):
                im.seek(number)
                im.load()
    except Exception:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
