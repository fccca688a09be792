"""Variants at the end of a step: what they do to weights and anchor, where they may stand, and what they refuse."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from data import picture, weights

import convcli
from convcli import library
from convcli.cli import root
from convcli.errors import ConvError, FilterError
from convcli.filters import Kernel
from convcli.variants import Variant, divide, varied

pytestmark = pytest.mark.usefixtures("desk")

HEAD = 'title = "t"\nsource = "s"\n'


def kernel(text):
    return convcli.kernel(text)


def run(*words):
    """What a command prints. Errors are raised."""
    return CliRunner().invoke(root, words, catch_exceptions=False, standalone_mode=False).output


COMPASS = ("n", "ne", "e", "se", "s", "sw", "w", "nw")
SAME = [
    *((f"kirsch-n@{45 * n}", f"kirsch-{point}") for n, point in enumerate(COMPASS)),
    *((f"robinson-e@{45 * (n - 2)}", f"robinson-{point}") for n, point in enumerate(COMPASS)),
    *((f"emboss-n@{45 * n}", f"emboss-{point}") for n, point in enumerate(COMPASS)),
    ("sobel-x@45", "sobel-45"),
    ("sobel-x@90", "sobel-y"),
    ("sobel-x@135", "sobel-135"),
    ("sobel-x^T", "sobel-y"),
    ("sobel-x*-1", "sobel-left"),
    ("sobel-x@180", "sobel-left"),
    ("sobel-top@0", "sobel-top"),
    ("top-edge^T", "left-edge"),
    ("top-edge@180", "bottom-edge"),
    ("roberts-1@90", "roberts-2"),
    ("line-0@-45", "line-45"),
    ("prewitt-x@+90", "prewitt-y"),
    ("scharr-x@450", "scharr-y"),
    ("gaussian-dx:2@90", "gaussian-dy:2"),
    ("gaussian-dx:sigma=2^T", "gaussian-dy:2"),
    ("gaussian-dx:2@180", "gaussian-dx:2*-1"),
    ("box:3*9", "1 1 1; 1 1 1; 1 1 1"),
    ("farid-x @ 90 * -1/2", "farid-y*-0.5"),
    ("1 2 3; 4 5 6 @90", "4 1; 5 2; 6 3"),
    ("[[1,2,3],[4,5,6]]^T", "1 4; 2 5; 3 6"),
    ("[[1,2,3],[4,5,6]]*2", "2 4 6; 8 10 12"),
    ("1 2 3; 4 5 6; 7 8 9 @45", "4 1 2; 7 5 3; 8 9 6"),
    ("1 2 3; 4 5 6; 7 8 9@45^T", "4 7 8; 1 5 9; 2 3 6"),
    ("1 2 3; 4 5 6; 7 8 9^T@45", "2 1 4; 3 5 7; 6 9 8"),
]


@pytest.mark.parametrize(("text", "same"), SAME)
def test_a_variant_is_the_kernel_one_would_write(text, same):
    found, wanted = kernel(text), kernel(same)
    assert found.weights == pytest.approx(wanted.weights, rel=1e-12, abs=1e-16)
    assert not np.signbit(found.weights[found.weights == 0]).any()


@pytest.mark.parametrize("side", [1, 3, 5, 7, 9])
def test_eighths_go_round(side):
    one = Kernel(weights(side, side, seed=side), anchor=(0, side - 1))
    turned = one
    for n in range(1, 9):
        turned = varied(turned, (Variant("@", 45.0),))
        at_once = varied(one, (Variant("@", 45.0 * n),))
        assert (turned.matrix == at_once.matrix).all()
        assert turned.anchor == at_once.anchor
        if n % 2 == 0:
            assert (turned.matrix == np.rot90(one.matrix, -n // 2)).all()
        elif side > 1:
            assert (turned.matrix != one.matrix).any()
    assert (turned.matrix == one.matrix).all()
    assert turned.anchor == one.anchor


@pytest.mark.parametrize(
    ("variants", "same"),
    [
        ("@90", lambda p: np.rot90(p, -1)),
        ("@180", lambda p: np.rot90(p, 2)),
        ("@270", lambda p: np.rot90(p)),
        ("^T", lambda p: p.swapaxes(0, 1)),
    ],
)
@pytest.mark.parametrize("anchor", [None, (0, 3), (1, 0)])
def test_a_turned_kernel_does_to_a_turned_picture_what_it_did(variants, same, anchor):
    """Anchor included: even and oblong kernels, with the reflection at the borders."""
    pixels, one = picture(9, 14, 2), Kernel(weights(2, 4, seed=4), anchor=anchor)
    turned = varied(one, divide(f"k{variants}")[1])
    assert (convcli.apply(same(pixels), turned) == same(convcli.apply(pixels, one))).all()


def test_planes_and_banks_turn_matrix_by_matrix():
    bank = Kernel(weights(3, 2, 5, 5, seed=1))
    turned = varied(bank, (Variant("@", 45.0), Variant("^")))
    for o in range(3):
        for c in range(2):
            alone = varied(Kernel(bank.matrix[o, c]), (Variant("@", 45.0), Variant("^")))
            assert (turned.matrix[o, c] == alone.matrix).all()


def test_weights_stay_whole_where_the_factor_is():
    assert kernel("sobel-x*-3").is_whole
    assert kernel("sobel-x*-3").scale == 1
    assert kernel("sobel-x*1/8").scale == 0.125
    assert kernel("sobel-x*1/8").is_whole


@pytest.mark.parametrize(
    ("text", "rest", "words"),
    [
        ("sobel-x", "sobel-x", ""),
        ("gaussian-dx:2@90*-1", "gaussian-dx:2", "@90*-1"),
        ("a ^ t @ 45.0", "a", "^T@45"),
        ("mine.toml*1/8", "mine.toml", "*0.125"),
        ("k@2x.txt", "k@2x.txt", ""),
        ("sobel-x@90:stride=2", "sobel-x@90:stride=2", ""),
        ("sobel-x@", "sobel-x@", ""),
        ("padding_mode=constant:3@90", "padding_mode=constant:3", "@90"),
    ],
)
def test_dividing(text, rest, words):
    left, variants = divide(text)
    assert (left, "".join(map(str, variants))) == (rest, words)


def test_files_and_windows(desk):
    (desk / "k.txt").write_text("1 2\n3 4\n")
    (desk / "k@2x.csv").write_text("5,6\n")
    (desk / "mine.toml").write_text(HEAD + "weights = [[1, 2]]\nanchor = [0, 1]\n[params.a]\ndefault = 1")
    assert kernel("k.txt@90").weights.tolist() == [[3, 1], [4, 2]]
    assert kernel("k@2x.csv^T").weights.tolist() == [[5], [6]]
    assert kernel("./mine.toml:a=3@90").weights.tolist() == [[1], [2]]
    assert kernel("mine.toml@90").anchor == (1, 0)
    (link,) = library.parse("sobel-x:stride=2,padding_mode=constant:3@90")
    assert link.window["stride"] == (2, 2)
    assert link.window["border"].value == 3
    assert link.filter.kernel.weights.tolist() == kernel("sobel-y").weights.tolist()


def test_names_titles_and_slugs(desk):
    (desk / "k.txt").write_text("1 2\n3 4\n")
    chain = library.parse("gaussian-dx:2 @ 90 * -1 | sobel-x^T | k.txt@90 | 1 0; 0 2 *-1")
    assert [link.filter.name for link in chain] == ["gaussian-dx:2@90*-1", "sobel-x^T", "k@90", "matrix*-1"]
    assert chain[0].filter.title == "Derivative of Gaussian along x, turned by 90 degrees, times -1"
    assert library.slug(chain[:2]) == "gaussian-dx-2@90-times--1+sobel-x-T"
    assert library.slug(library.parse("sobel-x@-45")) == "sobel-x@-45"


WRONG = [
    ("sobel-x@30", "sobel-x@30: @30 is no multiple of 45 degrees (gabor:theta=A and motion:angle=A take any angle)"),
    ("1 2 3@45", "matrix@45: @45 is for squares with an odd side, not 1x3 (@90, @180 and @270 turn any)"),
    ("roberts-1@-135", "@-135 is for squares with an odd side, not 2x2"),
    ("sobel@90", "sobel@90: sobel is made of steps, and only a single kernel has variants"),
    ("harris:0.04*-1", "harris:0.04 is made of steps"),
    ("relu@90", "relu@90: relu has no weights that could be turned or multiplied"),
    ("max-pool:2^T", "max-pool has no weights"),
    ("sobel-x@1.2.3", 'sobel-x@1.2.3: angle: "1.2.3" is not a number'),
    ("sobel-x*1/0", 'factor: "1/0" divides by zero'),
    ("sobel-x*1e400", "out of range"),
    ("sobel-x@90:stride=2", "(@ANGLE, ^T and *FACTOR stand at the end of a step, as in gaussian-dx:2@90)"),
    ("sobel-x@north", "(@ANGLE, ^T and *FACTOR stand at the end"),
    ("1 0 -1*2", 'matrix: row 1, column 3: "-1*2" is not a number'),
    ("@90", 'no kernel is called ""'),
    ("box:3@1e3000", "out of range"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text for text, _ in WRONG])
def test_wrong(text, message):
    with pytest.raises(ConvError) as caught:
        library.parse(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_steps_of_kernel_files(desk):
    steps = {
        "a": ("kirsch-n@45", "kirsch-ne"),
        "b": ("gaussian-dx:sigma=2*s@90*-1", "gaussian-dy:3*-1"),
        "c": ("box:s*2", "box:3"),
        "d": ("sobel-x*-1", "sobel-left"),
        "e": ("1 2; 3 4 @90", "3 1; 4 2"),
        "f": ("gaussian-dx:2 * s ^T", "gaussian-dy:3"),
    }
    body = "".join(f'[[step]]\nname = "{name}"\nkernel = "{text}"\n' for name, (text, _) in steps.items())
    (desk / "mine.toml").write_text(f'{HEAD}result = "a + b + c + d + e + f"\n[params.s]\ndefault = 1.5\n{body}')
    (link,) = library.parse("mine.toml")
    for step, (_, same) in zip(link.filter.steps, steps.values(), strict=True):
        assert step.action.weights == pytest.approx(kernel(same).weights)
    assert "b = gaussian-dx:sigma=3@90*-1 of image" in run("kernels", "show", "mine.toml")


@pytest.mark.parametrize("text", ["sobel@90", "relu^T", "sobel-x@30"])
def test_wrong_steps_of_kernel_files_say_where(desk, text):
    (desk / "mine.toml").write_text(f'{HEAD}[[step]]\nname = "a"\nkernel = "{text}"\n')
    with pytest.raises(FilterError, match=r"^mine\.toml: step a: "):
        library.parse("mine.toml")


def test_a_compass_is_one_file(desk):
    """The strongest of eight directions from one file and seven variants of it, as the shipped eight files give."""
    steps = "".join(f'[[step]]\nname = "d{n}"\nkernel = "mine@{45 * n}"\n' for n in range(8))
    (desk / "mine.toml").write_text(HEAD + "weights = [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]]\nsum = 0")
    (desk / "compass.toml").write_text(f'{HEAD}result = "maximum({", ".join(f"d{n}" for n in range(8))})"\n{steps}')
    (compass,) = library.parse("compass", [desk])
    pixels = picture(17, 23, 3)
    assert (convcli.apply(pixels, compass.filter) == convcli.apply(pixels, "kirsch")).all()


def test_the_command_says_and_writes_the_variant(desk):
    Path("p.csv").write_text("\n".join(",".join(map(str, row)) for row in picture(5, 7)[:, :, 0]))
    run("apply", "sobel-x@90", "p.csv", "--report", "r.json")
    assert Path("p.sobel-x@90.csv").exists()
    assert json.loads(Path("r.json").read_text())["items"][0]["stages"][0]["step"] == "sobel-x@90"
    run("apply", "sobel-y", "p.csv")
    assert Path("p.sobel-x@90.csv").read_text() == Path("p.sobel-y.csv").read_text()


def test_saved_variants_are_kernels(desk):
    for form in ("toml", "txt", "csv", "npy"):
        run("kernels", "show", "1 2 3; 4 5 6@90*-1/2", "-o", f"k.{form}")
        assert kernel(f"k.{form}").weights.tolist() == [[-2, -0.5], [-2.5, -1], [-3, -1.5]]


def test_sizes_of_variants():
    layers = json.loads(run("shape", "--m", "20x30", "--kernel", "1 2 3@90", "--json"))["layers"]
    assert layers[0]["kernel"] == [3, 1]
