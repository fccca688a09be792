"""FILTER arguments: what each text means, which of two files of one name counts, and what the errors offer."""

import os
from pathlib import Path

import pytest

from convcli import library
from convcli.border import Border
from convcli.errors import ConvError, FilterError
from convcli.filters import Point, Pool
from convcli.geometry import Window

MINE = 'title = "mine"\nsource = "s"\nweights = [[{}]]\n[params.a]\ndefault = 1\n[params.b]\ndefault = 2\n'


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """An empty working folder, and no kernels but the packaged ones."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("CONVCLI_KERNELS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def kernel_file(folder: Path, name: str, weight: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(MINE.format(weight))
    return path


def one(text, *folders):
    """The only link of a text."""
    (link,) = library.parse(text, folders)
    return link


STEPS = [
    ("sobel-x", "sobel-x", {}, {}),
    (" gaussian:2 ", "gaussian:2", {"sigma": 2.0}, {}),
    ("gaussian:sigma=1/2", "gaussian:sigma=1/2", {"sigma": 0.5}, {}),
    ("gaussian : sigma = 2", "gaussian : sigma = 2", {"sigma": 2.0}, {}),
    ("motion:15,angle=-45", "motion:15,angle=-45", {"length": 15.0, "angle": -45.0}, {}),
    ("box:stride=2,size=5", "box:stride=2,size=5", {"size": 5.0}, {"stride": (2, 2)}),
    ("box:stride=2x1", "box:stride=2x1", {"size": 3.0}, {"stride": (2, 1)}),
    (
        "sobel-x:dilation=3,padding=valid",
        "sobel-x:dilation=3,padding=valid",
        {},
        {"dilation": (3, 3), "padding": "valid"},
    ),
    ("sobel-x:padding=1x2", "sobel-x:padding=1x2", {}, {"padding": (1, 1, 2, 2)}),
    ("sobel-x:padding=0x1x2x3", "sobel-x:padding=0x1x2x3", {}, {"padding": (0, 1, 2, 3)}),
    ("sobel-x:padding_mode=constant:3", "sobel-x:padding_mode=constant:3", {}, {"border": Border("constant", 3.0)}),
    ("sobel-x:padding-mode=clamp", "sobel-x:padding-mode=clamp", {}, {"border": Border("edge")}),
    ("sobel-x:bias=-1.5,op=convolve", "sobel-x:bias=-1.5,op=convolve", {}, {"bias": -1.5, "op": "convolve"}),
    ("1 0 -1; 2 0 -2", "matrix", {}, {}),
    ("[[1, 0], [0, 1]]", "matrix", {}, {}),
    ("3x1: 1 0 -1", "matrix", {}, {}),
    ("1 0 -1; 2 0 -2: stride=2", "matrix", {}, {"stride": (2, 2)}),
    ("3x1: 1 0 -1: op=convolve", "matrix", {}, {"op": "convolve"}),
]


@pytest.mark.parametrize(("text", "name", "params", "window"), STEPS)
def test_steps(text, name, params, window):
    link = one(text)
    assert link.filter.name == name
    assert {key: link.filter.params[key] for key in params} == params
    assert link.window == window
    Window(**link.window)


POINTWISE = [
    ("relu", Point("relu"), {}),
    ("abs", Point("abs"), {}),
    ("square", Point("square"), {}),
    ("sqrt", Point("sqrt"), {}),
    ("threshold:128", Point("threshold", 128.0), {}),
    ("threshold:value=-1/2", Point("threshold", -0.5), {}),
    ("max-pool:2", Pool("max", (2, 2)), {"stride": (2, 2), "padding": (0, 0, 0, 0)}),
    ("avg-pool:2x3", Pool("avg", (2, 3)), {"stride": (2, 3), "padding": (0, 0, 0, 0)}),
    ("max-pool:size=3,stride=1,padding=1", Pool("max", (3, 3)), {"stride": (1, 1), "padding": (1, 1, 1, 1)}),
    ("avg-pool:3,padding_mode=edge,dilation=2", Pool("avg", (3, 3)),
     {"stride": (3, 3), "padding": (0, 0, 0, 0), "border": Border("edge"), "dilation": (2, 2)}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "action", "window"), POINTWISE)
def test_point_and_pooling_steps(text, action, window):
    link = one(text)
    (step,) = link.filter.steps
    assert (step.action, step.of, link.filter.result) == (action, "image", None)
    assert link.filter.name == text
    assert link.window == window
    Window(**link.window)


def test_chains():
    links = library.parse("gaussian:1.4 | sobel|relu |\n max-pool:2")
    assert [link.filter.name for link in links] == ["gaussian:1.4", "sobel", "relu", "max-pool:2"]


def test_composites_find_their_kernels():
    steps = one("harris:sigma=2").filter.steps
    gaussian = one("gaussian:2").filter.kernel
    assert [step.name for step in steps] == ["gx", "gy", "sxx", "sxy", "syy"]
    assert (steps[2].action.weights == gaussian.weights).all()


def test_identity_is_a_kernel():
    assert one("identity").filter.kernel.matrix.tolist() == [[1]]


def test_files():
    Path("k.txt").write_text("1 2\n3 4\n")
    Path("plain").write_text("5 6\n")
    Path("a: b.csv").write_text("7,8\n")
    kernel_file(Path(), "own", 9)
    for text, name, weights in [
        ("k.txt", "k", [[1, 2], [3, 4]]),
        ("./k.txt", "k", [[1, 2], [3, 4]]),
        (str(Path("k.txt").resolve()), "k", [[1, 2], [3, 4]]),
        ("k.txt:stride=2", "k", [[1, 2], [3, 4]]),
        ("plain", "plain", [[5, 6]]),
        ("./plain:stride=2", "plain", [[5, 6]]),
        ("a: b.csv", "a: b", [[7, 8]]),
        ("own.toml", "own", [[9]]),
        ("./own.toml:3,b=4", "own", [[9]]),
    ]:
        link = one(text)
        assert link.filter.name == name
        assert link.filter.kernel.matrix.tolist() == weights
        assert link.window == ({"stride": (2, 2)} if "stride" in text else {})
    assert one("own.toml:3,b=4").filter.params == {"a": 3.0, "b": 4.0}


def test_a_file_does_not_shadow_a_kernel():
    Path("sobel-x").write_text("5 6\n")
    assert one("sobel-x").filter.kernel.taps == (3, 3)
    assert one("./sobel-x").filter.kernel.taps == (1, 2)


def test_the_first_folder_counts(folders, monkeypatch):
    given, listed, own = folders / "given", [folders / "one", folders / "two"], folders / "config/convcli/kernels"
    monkeypatch.setenv("CONVCLI_KERNELS", os.pathsep.join(["", *map(str, listed), str(folders / "none")]))
    order = [given, *listed, own]
    for number, folder in reversed([*enumerate(order, 2)]):  # from the last searched to the first
        kernel_file(folder, "sobel-x", number)
        assert one("sobel-x", given).filter.kernel.matrix.tolist() == [[number]]
    found = {entry.name: entry for entry in library.entries([given])}
    assert found["sobel-x"].path == given / "sobel-x.toml"
    assert found["sobel-x"].found.title == "mine"
    assert found["sobel-y"].path.parent == library.packaged()
    assert one("sobel-x").filter.kernel.matrix.tolist() == [[3]]


def test_steps_of_a_composite_come_from_the_same_folders(folders):
    kernel_file(folders / "given", "sobel-x", 5)
    assert one("sobel", folders / "given").filter.steps[0].action.matrix.tolist() == [[5]]


def test_entries_carry_what_is_wrong(folders):
    (folders / "given").mkdir()
    (folders / "given" / "bad.toml").write_text('title = 3\nsource = "s"\n')
    (folders / "given" / "._bad.toml").write_bytes(b"\0\0")
    found = {entry.name: entry.found for entry in library.entries([folders / "given"])}
    assert str(found["bad"]) == f"{folders}/given/bad.toml: title: wanted text"
    assert "._bad" not in found
    assert [*found] == sorted(found)
    assert set(library.names([folders / "given"])) == {*found, *library.POINTS, *library.POOLS}


def test_no_home_is_no_fault(monkeypatch):
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does where nobody knows the user
    assert "sobel-x" in library.names()


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CONFIG_HOME": "/c"}, ["/c/convcli/kernels"]),
        ("linux", {"XDG_CONFIG_HOME": "c", "HOME": "/h"}, ["/h/.config/convcli/kernels"]),
        ("linux", {"XDG_CONFIG_HOME": "", "HOME": "/h"}, ["/h/.config/convcli/kernels"]),
        ("darwin", {"HOME": "/h"}, ["/h/Library/Application Support/convcli/kernels"]),
        ("win32", {"APPDATA": "/a"}, ["/a/convcli/kernels"]),
        ("win32", {"APPDATA": ""}, []),
    ],
)
def test_the_users_own_folder(monkeypatch, platform, variables, expected):
    monkeypatch.setattr(library.sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert library._user_folders() == expected


WRONG = [
    ("", "the filter is empty"),
    (" | sobel", "step 1 of the chain is empty"),
    ("sobel |", "step 2 of the chain is empty"),
    ("sobelx", 'no kernel is called "sobelx"; did you mean sobel-x'),
    ("Sobel_X", "did you mean sobel-x"),
    ("nothing-like-it", 'no kernel is called "nothing-like-it" (convcli kernels list)'),
    ("a\x1b[31m", 'no kernel is called "a\\x1b[31m"'),
    ("x" * 300, "no kernel is called"),
    ("a\0b", "no kernel is called"),
    (":3", 'no kernel is called ""'),
    ("gaussian:sgima=2", 'gaussian:sgima=2: no parameter is called "sgima"; did you mean sigma? (parameters: sigma)'),
    ("gaussian:300", "gaussian:300: sigma 300 is out of range (0.1 to 200 px)"),
    ("gaussian:abc", 'gaussian:abc: sigma: "abc" is not a number'),
    ("gaussian:0.5px", 'sigma: "0.5px" is not a number'),
    ("gaussian:", '"gaussian:" lacks a value'),
    ("gaussian:sigma=", "lacks a value"),
    ("gaussian:=2", "2 wants a name"),
    ("motion:9,45", "45 wants a name, only the first parameter has none"),
    ("gaussian:1,sigma=2", "sigma is given twice"),
    ("gaussian:sigma=1,sigma=2", "sigma is given twice"),
    ("gaussian:stride=1,stride=2", "stride is given twice"),
    ("sobel-x:2", "sobel-x:2: sobel-x takes no parameters"),
    ("sobel-x:a=2", 'no parameter is called "a" (it takes none)'),
    ("sobel-x:dilation=0", "sobel-x:dilation=0: dilation: 0 is too small (at least 1)"),
    ("sobel-x:op=flip", 'op: "flip" is neither correlate nor convolve'),
    ("sobel-x:padding=most", "padding"),
    ("sobel-x:padding_mode=mirror", "mirror means two things"),
    ("box:2.5", "box:2.5: size: size is 2.5, not a whole number"),
    ("1 2; 3", "matrix: row 2 has 1 value, row 1 has 2"),
    ("1 2; 3 4:stride=0", "stride: 0 is too small"),
    ("relu:2", "relu takes no parameters"),
    ("relu:stride=2", "relu takes no stride"),
    ("threshold", "threshold wants a value, as in threshold:128"),
    ("threshold:x", '"x" is not a number'),
    ("max-pool", "max-pool wants a size, as in max-pool:2"),
    ("max-pool:0", "max-pool: 0 is too small"),
    ("max-pool:2,op=convolve", "max-pool takes no op"),
    ("max-pool:2,3", "3 wants a name"),
    ("none.txt", "none.txt: no such file or directory"),
    ("none.toml:2", "none.toml: no such file or directory"),
    ("none/sobel-x", "none/sobel-x: no such file or directory"),
    ("photo.png", "photo.png: is a picture, not a kernel (the filter comes first: convcli apply FILTER IMAGE)"),
    (".", "no kernel is called"),
    ("./", ".: is a folder"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[repr(text[:24]) for text, _ in WRONG])
def test_wrong(text, message):
    with pytest.raises(ConvError) as caught:
        library.parse(text)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_matrix_files_take_no_parameters():
    Path("k.txt").write_text("1 2\n")
    with pytest.raises(FilterError, match=r"k\.txt:sigma=2: a matrix has no parameters"):
        library.parse("k.txt:sigma=2")


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ("me", "me: step a: me is made of steps itself (a step takes a single kernel)"),
        ("sobel", "me: step a: sobel is made of steps itself"),
        ("k.txt", "me: step a: k.txt: a step takes a kernel by its name, not a file"),
        ("plain", "me: step a: plain: a step takes a kernel by its name, not a file"),
        ("box:3,stride=2", "me: step a: box:3,stride=2: stride cannot be set here"),
        ("box:300000", "me: step a: box:300000: size 300000 is out of range"),
        ("nobody", 'me: step a: no kernel is called "nobody"'),
    ],
)
def test_what_a_step_of_a_file_cannot_be(folders, kernel, message):
    for name in ("k.txt", "plain"):
        Path(name).write_text("1 2\n")
    text = (
        f'title = "t"\nsource = "s"\n[[step]]\nname = "a"\nkernel = "{kernel}"\n[[step]]\nname = "b"\nkernel = "box"\n'
    )
    (folders / "me.toml").write_text(text)
    with pytest.raises(FilterError) as caught:
        library.parse("me", [folders])
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("kernel", ["relu", "threshold:2 + 1", "max-pool:1 + 1", "1 0 -1; 2 0 -2", "box:size=3"])
def test_what_a_step_of_a_file_can_be(folders, kernel):
    (folders / "me.toml").write_text(f'title = "t"\nsource = "s"\n[[step]]\nname = "a"\nkernel = "{kernel}"\n')
    assert len(one("me", folders).filter.steps) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sobel-x", "sobel-x"),
        ("gaussian:2", "gaussian-2"),
        ("gaussian:sigma=1.4 | sobel", "gaussian-sigma=1.4+sobel"),
        ("1 0 -1", "matrix"),
        ("max-pool:2 | relu", "max-pool-2+relu"),
        (" | ".join(["gaussian:sigma=1.25"] * 9), "gaussian-sigma=1.25+gaussian-sigma=1.25+gaussian-sigma=1.25"),
    ],
)
def test_slug(text, expected):
    assert library.slug(library.parse(text)) == expected


def test_slug_of_strange_names():
    for stem, expected in {"ядро": "filtered", "a/../b c": "b-c", ".hidden": "hidden", "x" * 99: "x" * 60}.items():
        path = Path(f"{stem}.txt")
        Path("a").mkdir(exist_ok=True)
        path.write_text("1 2\n")
        assert library.slug(library.parse(str(path))) == expected
