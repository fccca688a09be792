"""One direction: a module imports from lower floors only, and foreign packages stay in their rooms.

The syntax trees are walked, so that imports inside functions count as well.
"""

import ast
import re
import sys
from pathlib import Path

import pytest

import convcli

ROOT = Path(convcli.__file__).parent

# lowest first; `__init__` of a package goes by the package's name, convcli's own by `convcli`
FLOORS = """
    errors   signal   engine.scratch   engine.costs   engine
    words   formula   formats   files   smallfile   naming   workers   npy   png   engine.blas   engine.pocketfft
    engine.sums   engine.pairs   heat   frequency
    border   grid   checks   inputs
    geometry   light   luma
    filters   layers   fitting
    stack   variants   network
    engine.bands   engine.columns   engine.factors
    engine.direct   engine.toeplitz   engine.fft   engine.reference
    engine.separable   netfile
    planner   definition   matrix
    engine.strips
    kernelfile   exports   spelling   engine.pooling   pointwise   peaks   subpixel   points
    library   finish
    completion   graph   explain.toeplitz   explain.trace   explain.scene   explain
    pipeline   moments   arguments
    levels   comparison   detector   demands
    report   learning
    explain.ending   explain.story   explain.page
    raster.picture   raster.opening
    raster.metadata   raster.memory
    raster.modes   raster.gif
    raster.reading   raster.tiff   raster.canvas
    raster.writing   raster.ahead
    raster.animation
    raster
    panel
    plot   montage   overlay   album
    job   training   explain.film
    sequence
    api   targets   explain.way
    batch
    cli.matrices   cli.options   cli.progress   cli.shells   cli.sizes   cli.talk
    cli.classes   cli.kernel
    cli.plots
    cli.apply   cli.classify   cli.corners   cli.explain   cli.kernels   cli.learn   cli.shape
    cli
    convcli
    __main__
"""
FLOOR = {name: n for n, line in enumerate(FLOORS.strip().splitlines()) for name in line.split()}

# who may import what from outside; numpy is for everybody who is not below
FOREIGN = {"click": ("cli",), "PIL": ("raster",), "scipy": ()}
WITHOUT_NUMPY = (
    "errors",
    "signal",
    "words",
    "border",
    "geometry",
    "layers",
    "formats",
    "files",
    "smallfile",
    "naming",
    "inputs",
    "convcli",
    "engine",
)


def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module, by its name without `convcli.`."""
    trees = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "convcli"
        trees[name] = ast.parse(path.read_text(), str(path))
    return trees


def imports(tree: ast.Module, known) -> tuple[set[str], set[str]]:
    """Our modules that a tree imports, and the foreign packages."""
    own, foreign = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they go"
            # a name taken from a package may be one of its modules
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("convcli.") in known else node.module for name in names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] == "convcli":
                own.add(name.removeprefix("convcli."))
            else:
                foreign.add(name.partition(".")[0])
    return own, foreign


def upward(name: str, own: set[str]) -> set[str]:
    """What a module imports from its own floor or above; a package may gather its own rooms."""
    return {other for other in own if FLOOR.get(other, 99) >= FLOOR[name]}


TREES = modules()


def test_every_module_has_a_floor_and_every_floor_its_modules():
    names = FLOORS.split()
    assert len(names) == len(set(names))
    assert set(TREES) - set(FLOOR) == set(), "new here: say in the table on which floor"
    assert set(FLOOR) - set(TREES) == set(), "gone: take it out of the table"


@pytest.mark.parametrize("name", TREES)
def test_imports_go_down(name):
    own, _ = imports(TREES[name], TREES)
    if name in FLOOR:
        assert upward(name, own) == set()


def test_the_page_shows_these_floors():
    """docs/architecture.md has a row for some floors each; in a row, imports go to the left."""
    page = (Path(__file__).parent.parent / "docs" / "architecture.md").read_text()
    table = page.partition("| floor, ")[2].partition("\n\n")[0].splitlines()[2:]
    rows = [re.findall("`([^`]+)`", row.split("|")[2]) for row in table]
    named = [name for row in rows for name in row]
    assert len(named) == len(set(named))

    def place(name: str) -> int:
        """Where a module stands, or the package that stands for it."""
        return named.index(name if name in named else name.partition(".")[0])

    for name in set(TREES) - {"__main__"}:
        assert place(name) >= max((place(other) for other in imports(TREES[name], TREES)[0]), default=0), name


@pytest.mark.parametrize("name", TREES)
def test_foreign_packages_stay_in_their_rooms(name):
    _, foreign = imports(TREES[name], TREES)
    for package, rooms in FOREIGN.items():
        is_room = any(name == room or name.startswith(f"{room}.") for room in rooms)
        assert package not in foreign or is_room, f"{package} is for {', '.join(rooms)}"
    if name in WITHOUT_NUMPY:
        assert "numpy" not in foreign
    others = foreign - set(FOREIGN) - {"numpy"} - set(sys.stdlib_module_names)
    assert others == set(), "a dependency that pyproject.toml does not name"


@pytest.mark.parametrize("name", TREES)
def test_modules_are_imported_by_name_only_where_that_is_the_point(name):
    """A name made up at run time is an import that no tree shows: methods, commands and Pillow's formats."""
    made = [
        ast.unparse(node.args[0])
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__")
    ]
    prefixes = {"engine": "f'convcli.engine.", "cli": "f'convcli.cli."}
    prefix = prefixes.get(name, "f'PIL." if name.startswith("raster.") else "nowhere")
    assert [text for text in made if not text.startswith(prefix)] == []


@pytest.mark.parametrize("name", TREES)
def test_all_is_stated_and_true(name):
    tree = TREES[name]
    stated = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert ast.get_docstring(tree), "a module says what it is"
    if name == "__main__" or name.startswith("cli"):
        return
    assert len(stated) == 1, "__all__ is stated once"
    if name == "convcli":  # its names arrive with the first call
        return
    defined = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            defined |= {alias.asname or alias.name for alias in node.names}
    assert set(stated[0]) <= defined
    assert sorted(stated[0]) == sorted(set(stated[0]))


# ---------------------------------------------------------------- the walk itself can fail


@pytest.mark.parametrize(
    ("name", "code", "found"),
    [
        ("geometry", "from convcli.filters import Kernel", {"filters"}),
        ("geometry", "from convcli import api", {"api"}),
        ("geometry", "import convcli.engine.direct", {"engine.direct"}),
        ("geometry", "def f():\n    from convcli import errors, planner", {"planner"}),
        ("geometry", "import convcli", {"convcli"}),
        ("geometry", "from convcli import __version__", {"convcli"}),
        ("geometry", "from convcli.errors import ConvError\nimport numpy", set()),
        ("geometry", "from convcli.geometry import Axis", {"geometry"}),
        ("planner", "from convcli.engine import Numbers, strips", {"engine.strips"}),
        ("report", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from convcli import api", {"api"}),
    ],
)
def test_the_walk_sees_what_goes_up(name, code, found):
    own, _ = imports(ast.parse(code), TREES)
    assert upward(name, own) == found


def test_the_walk_sees_foreign_packages():
    _, foreign = imports(
        ast.parse("import PIL.Image as i\ndef f():\n    from scipy import fft\n    import click"), TREES
    )
    assert foreign == {"PIL", "scipy", "click"}
