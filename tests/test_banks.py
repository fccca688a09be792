"""Banks of kernels and their maps: files, stacks and sheets, one picture or many, held against PyTorch."""

from pathlib import Path

import naive
import numpy as np
import pytest
from click.testing import CliRunner
from data import picture, weights
from PIL import Image

import convcli
from convcli import heat, library, montage
from convcli.cli import root
from convcli.errors import ConvError, FilterError
from convcli.filters import Kernel

pytestmark = pytest.mark.usefixtures("desk")

HEAD = 'title = "t"\nsource = "s"\n'
FOUR = ("top-edge", "left-edge", "diag1-edge", "diag2-edge")


def run(*words):
    """What a command prints. Errors are raised."""
    ran = CliRunner().invoke(root, [str(word) for word in words], catch_exceptions=False, standalone_mode=False)
    assert ran.return_value in (None, 0), ran.output
    return ran.stdout


def photo(name: str, pixels: np.ndarray) -> Path:
    """A picture file with these pixels (H, W, C)."""
    Image.fromarray(np.ascontiguousarray(pixels if pixels.shape[2] > 1 else pixels[:, :, 0])).save(name)
    return Path(name)


def levels(path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.array(opened)


def rounded(sums: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(sums), 0, 255).astype(np.uint8)


# ---------------------------------------------------------------- the shipped bank


@pytest.mark.parametrize("channels", [1, 3])
def test_edges_4_is_its_four_kernels_over_luma(channels):
    pixels = picture(11, 14, channels)
    gray = pixels if channels == 1 else naive.luma(pixels)
    found = convcli.apply(pixels, "edges-4")
    assert found.shape == (11, 14, 4)
    for n, name in enumerate(FOUR):
        wanted = naive.filtered(gray, convcli.kernel(name).weights)[:, :, 0]
        assert found[:, :, n] == pytest.approx(wanted, abs=1e-3)


def test_edges_4_knows_the_names_of_its_maps():
    kernel = convcli.kernel("edges-4")
    assert kernel.labels == ("top", "left", "diagonal rising", "diagonal falling")
    assert kernel.weights.shape == (4, 1, 3, 3)
    assert convcli.kernel("edges-4@90").labels == kernel.labels
    assert (convcli.kernel("edges-4@180").matrix[0, 0] == convcli.kernel("bottom-edge").matrix).all()


def test_a_saved_bank_is_the_bank(desk):
    run("kernels", "show", "edges-4@90", "-o", "mine.toml")
    saved, bank = convcli.kernel("mine.toml"), convcli.kernel("edges-4@90")
    assert (saved.weights == bank.weights).all()
    assert saved.labels == bank.labels
    run("kernels", "show", "edges-4", "-o", "mine.npy")
    assert np.load("mine.npy").shape == (4, 1, 3, 3)


def test_shape_counts_the_bank():
    assert "36 = 4 maps x 1 channel x 3x3" in run("shape", "--m", "28", "--channels", "3", "--kernel", "edges-4")


# ---------------------------------------------------------------- bank files


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("weights = [[[[1]]], [[[2]]]]\nsum = [1, 3]", "map 1: weights sum to 2, the file says sum = 3"),
        ("weights = [[[[1]]], [[[2]]]]\nsum = [1, 2, 3]", "sum: 3 numbers for 2 maps"),
        ("weights = [[1, 2]]\nsum = [3, 3]", "sum: 2 numbers for 1 map"),
        ("weights = [[1, 2]]\nsum = []", "sum: wanted a list"),
        ("weights = [[1, 2]]\nsum = ['a']", 'sum: value 1: "a" is not a number'),
        ("weights = [[[[1]]], [[[2]]]]\nmaps = ['a']", "maps: 1 names for 2 maps"),
        ("weights = [[1]]\nmaps = ['a', 'b']", "maps: 2 names for 1 map"),
        ("weights = [[[[1]]]]\nmaps = 'a'", "maps: wanted a list of texts"),
        ("maps = ['a']\n[[step]]\nname = 'a'\nkernel = 'box'", "maps does not go with [[step]]"),
    ],
)
def test_wrong_bank_files(desk, body, message):
    (desk / "mine.toml").write_text(HEAD + body)
    with pytest.raises(FilterError) as caught:
        library.parse("mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert message in str(caught.value)


def test_a_bank_as_a_step_gives_all_its_maps(desk):
    photo("p.png", picture(9, 13, 3))
    (desk / "mine.toml").write_text(
        f'{HEAD}input = "gray"\nresult = "abs(m) / 2"\n[[step]]\nname = "m"\nkernel = "edges-4"\n'
    )
    run("apply", "mine.toml", "p.png", "-o", "out/")
    sums = convcli.apply(levels("p.png"), "edges-4")
    for n in range(4):
        assert abs(levels(f"out/p.{n}.png") - rounded(abs(sums[:, :, n]) / 2).astype(int)).max() <= 1


# ---------------------------------------------------------------- how maps are written


def test_a_file_each(desk):
    pixels = picture(9, 13, 3)
    photo("p.png", pixels)
    run("apply", "edges-4 | relu", "p.png", "--stride", "2,1")
    sums = convcli.apply(pixels, "edges-4 | relu", stride=(2, 1))
    for n in range(4):
        assert (levels(f"p.edges-4+relu.{n}.png") == rounded(sums[:, :, n])).all()
    assert not Path("p.edges-4+relu.4.png").exists()


def test_a_stack_of_numbers_and_a_stack_of_pages(desk):
    pixels = picture(9, 13, 3)
    photo("p.png", pixels)
    sums = convcli.apply(pixels, "edges-4")
    run("apply", "edges-4", "p.png", "--maps", "stack")
    assert np.load("p.edges-4.npy") == pytest.approx(sums, abs=1e-3)
    run("apply", "edges-4", "p.png", "--maps", "stack", "-o", "s.tif")
    run("apply", "edges-4", "p.png", "--maps", "stack", "--depth", "float", "-o", "f.tif")
    with Image.open("s.tif") as pages, Image.open("f.tif") as floats:
        assert pages.n_frames == floats.n_frames == 4
        for n in range(4):
            pages.seek(n)
            floats.seek(n)
            assert (np.asarray(pages) == rounded(sums[:, :, n])).all()
            assert np.asarray(floats) == pytest.approx(sums[:, :, n], abs=1e-3)
    assert [path.name for path in desk.glob("*.tif")] in (["s.tif", "f.tif"], ["f.tif", "s.tif"])


def test_a_sheet_holds_every_map_as_its_file_would(desk):
    pixels = picture(160, 170, 3)
    photo("p.png", pixels)
    said = run("apply", "edges-4", "p.png", "--maps", "montage")
    assert "-> p.edges-4.png  160x170 montage of 4 maps" in said
    sheet = levels("p.edges-4.png")
    assert sheet.shape[2] == 3
    assert (sheet[:4] == 255).all()  # light all around
    sums = convcli.apply(pixels, "edges-4", range="clip")
    for n in range(4):
        assert _places(sheet, sums[:, :, n])


def _places(sheet: np.ndarray, tile: np.ndarray) -> list[tuple[int, int]]:
    """Where on a sheet a gray tile lies."""
    gray, (high, wide) = sheet[:, :, 0], tile.shape
    corners = np.argwhere((gray[: 1 - high, : 1 - wide] == tile[0, 0]) & (gray[high - 1 :, wide - 1 :] == tile[-1, -1]))
    return [(int(y), int(x)) for y, x in corners if (gray[y : y + high, x : x + wide] == tile).all()]


def test_sheets_go_into_any_picture_format_and_stream(desk):
    photo("p.png", picture(9, 13))
    run("apply", "edges-4", "p.png", "--maps", "montage", "-o", "m.jpg")
    assert levels("m.jpg").ndim == 3
    out = CliRunner().invoke(root, ["apply", "edges-4", "p.png", "--maps", "montage", "-o", "-"]).stdout_bytes
    assert out.startswith(b"\x89PNG")
    dry = run("apply", "edges-4", "p.png", "--maps", "montage", "--dry-run")
    assert dry.startswith("p.png  9x13 L -> p.edges-4.png  9x13 montage of 4 maps")
    assert not Path("p.edges-4.png").exists()


def test_frames_have_maps_too(desk):
    frames = [Image.fromarray(picture(9, 13, 1, seed=n)[:, :, 0].copy()) for n in range(3)]
    frames[0].save("a.png", save_all=True, append_images=frames[1:], duration=[70, 80, 90])
    run("apply", "edges-4", "a.png", "-o", "out/")
    run("apply", "edges-4", "a.png", "--maps", "montage", "-o", "m.png")
    for name in ("out/a.3.png", "m.png"):
        with Image.open(name) as moving:
            assert moving.n_frames == 3
            moving.seek(1)
            assert moving.info["duration"] == 80
    refused = CliRunner().invoke(root, ["apply", "edges-4", "a.png", "--maps", "stack", "-o", "s.tif"])
    assert "pages for frames or for maps, not for both (--frames first, or --maps files)" in refused.stderr
    run("apply", "edges-4", "a.png", "--maps", "stack", "--frames", "first", "-o", "s.tif")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--range", "none"), "a montage is a picture of 8 bits, and range none asks for other ones"),
        (("--depth", "16"), "a montage is a picture of 8 bits, and depth 16 asks for other ones"),
        (("--format", "csv"), "CSV cannot hold a montage, a picture in colours"),
    ],
)
def test_what_a_sheet_cannot_be(desk, words, message):
    photo("p.png", picture(9, 13))
    ran = CliRunner().invoke(root, ["apply", "edges-4", "p.png", "--maps", "montage", *words], standalone_mode=False)
    assert message in ran.stderr + str(ran.exception)
    assert [path.name for path in desk.iterdir()] == ["p.png"]


def test_grids_of_numbers_have_sheets_in_their_own_span(desk):
    grid = weights(6, 7, 2, whole=False)
    np.save("g.npy", grid)
    np.save("bank.npy", weights(3, 2, 2, 3))
    run("apply", "bank.npy", "g.npy", "--maps", "montage")
    sums = convcli.apply(grid, np.load("bank.npy"), range=None)
    stretched = (sums - sums.min()) / (sums.max() - sums.min()) * 255
    sheet = levels("g.bank.png")
    for n in range(3):
        tile = np.rint(stretched[:, :, n]).astype(np.uint8)
        times = 160 // 7  # as much as makes it 160 pixels wide
        assert _places(sheet, tile.repeat(times, 0).repeat(times, 1))


def test_what_has_no_maps_is_written_as_ever(desk):
    photo("p.png", picture(9, 13, 3))
    for maps in ("montage", "stack"):
        run("apply", "sobel-x", "p.png", "--maps", maps, "-o", f"{maps}.png")
    assert (levels("montage.png") == levels("stack.png")).all()
    assert levels("stack.png").shape == (9, 13, 3)


# ---------------------------------------------------------------- the sheet itself


@pytest.mark.parametrize("count", [1, 2, 4, 5, 16, 17, 64, 65, 200])
@pytest.mark.parametrize("size", [(3, 5), (100, 20), (700, 900)], ids=str)
def test_sheets_of_any_number_and_size(count, size):
    if count > 64 and size == (700, 900):
        pytest.skip("one large one is enough")
    maps = np.zeros((*size, count), np.uint8)
    maps[:, :, -1] = 200
    sheet = montage.sheet(maps, Kernel(weights(count, 3, 3, 5, whole=False)), "a title", "a fact")
    assert sheet.dtype == np.uint8
    assert max(sheet.shape) < 3400
    tall, wide = (np.ptp(at) + 1 for at in np.nonzero((sheet == 200).all(axis=2)))  # the last tile, whole
    ratio = tall * size[1] / (wide * size[0])
    assert 0.9 < ratio < 1.1
    assert max(tall, wide) >= 48


def test_a_sheet_shrinks_by_means():
    maps = np.zeros((960, 8, 1), np.uint8)
    maps[1::2, :, 0] = 255
    tile = montage.sheet(maps)[:, :, 0]
    assert (tile == 128).sum() == 480 * 8  # pairs of 0 and 255, and half of 8 columns made as broad as 8 again


def test_a_sheet_draws_its_kernels_in_one_scale():
    bank = Kernel([[[[0.0, 4.0]]], [[[2.0, -4.0]]]])
    sheet = montage.sheet(np.full((200, 200, 2), 7, np.uint8), bank)
    colours = heat.diverging(np.array([0.0, 4.0, 2.0, -4.0]), 4.0)
    at = [np.argwhere((sheet == colour).all(axis=2)).mean(axis=0) for colour in colours]
    assert all(abs(place[0] - at[0][0]) < 4 for place in at[:2])  # side by side
    assert at[0][1] < at[1][1]
    assert at[2][1] < at[3][1]


def test_a_sheet_without_maps_to_spare_says_so(monkeypatch):
    monkeypatch.setattr(montage, "MOST", 3)
    few, many = (montage.sheet(np.full((4, 4, n), 9, np.uint8)) for n in (3, 5))
    assert (few == 9).sum() == (many == 9).sum()


def test_the_bank_of_a_chain_is_the_last_that_gives_so_many():
    chain = [link.filter for link in library.parse("gaussian:1 | edges-4 | relu | sobel-x")]
    assert montage.bank_of(chain, 4) is chain[1].kernel
    assert montage.bank_of(chain, 3) is None


# ---------------------------------------------------------------- many pictures


def test_a_stack_of_pictures_through_a_bank_is_each_of_them():
    stack = np.stack([picture(9, 12, 2, seed=n) for n in range(5)])
    bank = weights(3, 2, 2, 3)
    found = convcli.apply(stack, bank, stride=(1, 2))
    assert found.shape == (5, 9, 6, 3)
    for n, one in enumerate(stack):
        assert (found[n] == convcli.apply(one, bank, stride=(1, 2))).all()


def test_64_digits_through_four_kernels():
    """The course's example: 64x1x28x28 with four 3x3 kernels gives 64x4x26x26."""
    digits = np.stack([picture(28, 28, 1, seed=n) for n in range(64)])
    found = convcli.apply(digits, "edges-4", padding="valid")
    assert found.shape == (64, 26, 26, 4)
    kernels = [library.parse(name)[0].filter.kernel.weights for name in FOUR]
    for n in (0, 37, 63):
        for m, kernel in enumerate(kernels):
            wanted = naive.filtered(digits[n], kernel, padding="valid")
            assert found[n, :, :, m] == pytest.approx(wanted[:, :, 0], abs=1e-3)


def test_many_files_through_a_bank(desk):
    for n in range(3):
        photo(f"p{n}.png", picture(8, 9 + n, 3, seed=n))
    run("apply", "edges-4", "p0.png", "p1.png", "p2.png", "-o", "out/", "-q")
    run("apply", "edges-4", "p0.png", "p1.png", "p2.png", "-o", "sheets/", "--maps", "montage", "-q")
    assert len([*Path("out").iterdir()]) == 12
    assert sorted(path.name for path in Path("sheets").iterdir()) == ["p0.png", "p1.png", "p2.png"]
    for n in range(3):
        sums = convcli.apply(levels(f"p{n}.png"), "edges-4")
        assert (levels(f"out/p{n}.3.png") == rounded(sums[:, :, 3])).all()


@pytest.mark.parametrize("seed", range(40))
def test_against_torch_in_its_own_layout(seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng([11, seed])
    count, channels, maps = (int(n) for n in rng.integers(1, 6, 3))
    taps = tuple(int(n) for n in rng.integers(1, 6, 2))
    stride, dilation, padding = (tuple(int(n) for n in rng.integers(low, 4, 2)) for low in (1, 1, 0))
    stack = np.stack([picture(19, 16, channels, "float32", seed=n) for n in range(count)])
    bank = rng.normal(0, 0.5, (maps, channels, *taps)).astype(np.float32)
    bias = float(rng.normal())
    wanted = torch.nn.functional.conv2d(
        torch.from_numpy(stack.transpose(0, 3, 1, 2).copy()).double(),
        torch.from_numpy(bank).double(),
        torch.full((maps,), bias).double(),
        stride,
        padding,
        dilation,
    )
    found = convcli.correlate(
        stack, bank, stride=stride, padding=padding, dilation=dilation, bias=bias, padding_mode="zeros"
    )
    assert found == pytest.approx(wanted.numpy().transpose(0, 2, 3, 1), abs=2e-5)


def test_a_stack_wants_a_bank_or_takes_channels_alone():
    stack = np.stack([picture(6, 7, 3, seed=n) for n in range(2)])
    assert convcli.apply(stack, "box:3").shape == (2, 6, 7, 3)
    with pytest.raises(ConvError, match="2 planes"):
        convcli.apply(stack, weights(3, 2, 3, 3))
