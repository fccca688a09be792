"""What is loaded when: a person who asks for help, a size or a list does not wait for numpy."""

import json
import subprocess
import sys

import pytest

HEAVY = ("numpy", "scipy", "PIL")
SCRIPT = """
import json, sys, io, contextlib
words = json.loads(sys.argv[1])
before = set(sys.modules)
if words == ["import"]:
    import convcli
else:
    from convcli.cli import root
    with contextlib.redirect_stdout(io.StringIO()) as said:
        try:
            root.main(words, prog_name="convcli", standalone_mode=False)
        except SystemExit:
            pass
    assert said.getvalue(), "it said nothing"
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def loaded(*words: str) -> set[str]:
    """The top names of what a command makes a fresh interpreter load."""
    run = [sys.executable, "-c", SCRIPT, json.dumps(words)]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stdout))


@pytest.mark.parametrize(
    "words",
    [
        ("import",),
        ("--help",),
        ("--version",),
        ("apply", "--help"),
        ("learn", "--help"),
        ("shape", "--m", "28", "--k", "3", "--stride", "2"),
        ("shape", "--m", "28", "--json", "--layer", "conv 8 k3", "--layer", "max-pool 2", "--layer", "linear 10"),
        ("kernels", "list"),
        ("kernels", "list", "--json"),
    ],
)
def test_nothing_heavy_is_loaded(words):
    names = loaded(*words)
    assert "convcli" in names
    assert names.isdisjoint(HEAVY)


def test_the_import_alone_is_light():
    assert loaded("import").isdisjoint({*HEAVY, "click", "concurrent", "json", "argparse"})


def test_a_grid_needs_no_pillow_and_no_fft(tmp_path):
    grid = tmp_path / "a.txt"
    grid.write_text("1 2 3\n4 5 6\n")
    names = loaded("apply", "1 0 -1", str(grid))
    assert "numpy" in names  # the tool of this test works
    assert names.isdisjoint({"PIL", "scipy"})


def test_short_options_are_known_without_a_search_for_near_names(tmp_path):
    (tmp_path / "a.txt").write_text("1 2 3\n4 5 6\n")
    names = loaded("apply", "1 0 -1", str(tmp_path / "a.txt"), "-o", str(tmp_path / "b.txt"), "-f", "-j", "1")
    assert (tmp_path / "b.txt").exists()
    assert "difflib" not in names
