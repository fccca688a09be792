"""Runs the commands in the documentation and holds what it shows against what they print.

    python docs/run.py            says where they differ, and ends with 1 if they do
    python docs/run.py --write    writes what they print into the documents

A block marked `console` is a shell session: each line that begins with `$ ` is a command, what follows is what it
prints, standard error included. A block marked `python` is run as a script. All blocks of a document share one
folder that holds the samples. Times are compared as `N ms`, since no two runs take the same. What a network has learned
hangs on the last digits of sums, which differ from machine to machine: its losses and scores are shown as they were
printed once, and not compared.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMES = re.compile(r"\b[0-9.]+ (ms|s)\b")
LEARNED = re.compile(  # a row of losses, one of right and wrong, or a line of counts
    r"^( *\d+(  +\d+\.\d+){2,}|  +\S+(  +\d+){2,}|\d+ as .*|[\d.]+ % right: .*)$", re.MULTILINE
)


def session(text: str, folder: Path) -> str:
    """The session with what its commands print now."""
    shown = []
    for command in re.findall(r"^\$ (.*(?:\n> .*)*)", text, re.MULTILINE):
        run = subprocess.run(
            ["bash", "-c", command.replace("\n> ", "\n")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            env={**environment(), "COLUMNS": "80"},
        )
        shown.append(f"$ {command}\n" + TIMES.sub(r"N \1", run.stdout))
    return "".join(shown)


def environment() -> dict[str, str]:
    """The environment, with the interpreter's own scripts first."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def main() -> int:
    """Checks or writes every document; the exit code."""
    write, faults = "--write" in sys.argv[1:], 0
    for document in DOCUMENTS:
        old = document.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(ROOT / "samples", folder / "samples")

            def renewed(match: re.Match, folder=folder, document=document) -> str:
                kind, text = match.groups()
                if kind == "python":
                    if subprocess.run([sys.executable, "-c", text], cwd=folder, timeout=120).returncode:
                        raise SystemExit(f"{document.name}: the block that begins with {text.splitlines()[0]!r} fails")
                    return match.group()
                now = session(text, folder)
                is_same = LEARNED.sub("", now) == LEARNED.sub("", text)
                return match.group() if is_same else f"```console\n{now}```"

            new = BLOCK.sub(renewed, old)
        if new == old:
            continue
        if write:
            document.write_text(new, encoding="utf-8")
            print(f"{document.name}: written")
            continue
        faults += 1
        print(f"{document.name}: not what the commands print (python docs/run.py --write)")
        print("\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), "document", "commands", lineterm="")))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
