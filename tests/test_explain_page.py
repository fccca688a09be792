"""`convcli explain --html`: one page that needs nothing else, and whose sums are those of `convcli apply`.

What runs in a page is tested in Chromium with the network off; where there is none, or no selenium, that is skipped.
"""

import json
import re
import shutil

import numpy as np
import pytest
from data import weights
from PIL import Image
from test_apply_command import convcli, refused

from convcli.explain import scene
from convcli.filters import Kernel
from convcli.geometry import Window

pytestmark = pytest.mark.usefixtures("desk")


def text_of(grid, end="\n") -> str:
    return end.join(" ".join(map(repr, row)) for row in np.asarray(grid).tolist())


def written(*words, stdin="") -> str:
    ran = convcli("explain", *words, "--html", "page.html", "-f", stdin=stdin)
    assert (ran.code, ran.out, ran.errors) == (0, b"", []), ran.errors
    with open("page.html", encoding="utf-8") as file:
        return file.read()


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


# ---------------------------------------------------------------- the file


def test_a_page_needs_nothing_else():
    page = written("sobel-x")
    assert "http" not in page.lower().replace("http-equiv", "")
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)""", page) == []
    assert "url(" not in page
    assert "import" not in re.findall(r"<script>(.*)</script>", page, re.S)[0]
    assert len(page) < 100_000


def test_a_name_cannot_break_out_of_its_place(desk):
    name = "<script>alert(1)<&'\".txt"  # a slash cannot be in a name
    (desk / name).write_text("1 2\n3 4\n")
    page = written("[[1]]", name)
    assert "alert(1)" in data_of(page)["title"]
    assert "<script>alert" not in page
    assert page.count("<script") == page.count("</script>") == 2


def test_it_shows_the_part_of_a_picture_around_the_place(desk):
    pixels = np.arange(40 * 50, dtype=np.uint32).reshape(40, 50) % 251
    Image.fromarray(pixels.astype(np.uint8)).save("p.png")
    data = data_of(written("box:3", "p.png", "--at", "20,15"))
    grid = np.array(data["planes"])
    assert grid.shape == (1, 12, 12)
    top, left = (int(n) for n in re.search(r"Rows (\d+) to \d+ and columns (\d+)", data["about"]).groups())
    assert (grid[0] == pixels[top : top + 12, left : left + 12]).all()
    assert data["start"] == (15 - top) * 12 + 20 - left
    assert data["white"] == 255
    assert np.array(data_of(written("box:3", "p.png", "--m", "5x9"))["planes"]).shape == (1, 5, 9)
    assert np.array(data_of(written("box:3", "p.png", "--at", "49,39"))["planes"])[0, -1, -1] == pixels[-1, -1]


def test_colours_are_named_and_alpha_is_left_out(desk):
    Image.fromarray(np.full((4, 5, 4), 9, np.uint8), "RGBA").save("p.png")
    assert data_of(written("box:3", "p.png"))["lanes"] == ["red", "green", "blue"]
    assert data_of(written("box:3", "p.png", "--channels", "g,b"))["names"] == ["green", "blue"]
    assert data_of(written("box:3", "p.png", "--channels", "gray"))["names"] == ["gray"]


def test_without_a_picture_it_makes_a_grid_of_its_own(desk):
    assert np.array(data_of(written("box:3", "--m", "8"))["planes"]).shape == (1, 8, 8)
    np.save("k.npy", weights(2, 3, 3, 3))
    data = data_of(written("k.npy"))
    assert np.array(data["planes"]).shape == (3, 7, 7)
    assert data["lanes"] == ["map 0", "map 1"]


def test_a_page_that_is_there_is_kept(desk):
    (desk / "page.html").write_text("mine")
    ran = convcli("explain", "box:3", "--html", "page.html")
    assert (ran.code, ran.errors) == (1, ["convcli: page.html: exists already (-f overwrites)"])
    assert (desk / "page.html").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sobel"], "one kernel"),
        (["box:3 | box:3"], "one kernel"),
        (["max-pool:2"], "one kernel"),
        (["box:17"], "too large"),
        (["box:3", "--m", "40"], "32x32"),
        (["box:3", "--m", "0"], "1x1"),
        (["box:3", "--at", "1,1"], "IMAGE"),
        (["box:3", "g.txt", "--at", "5,1"], "g.txt: at 5,1 lies outside"),
        (["box:3", "g.txt", "--padding", "valid", "--dilation", "2"], "does not fit"),
        (["box:3", "g.txt", "--json"], "--json"),
        (["box:3", "--linear"], "--linear"),
        (["box:3", "--range", "abs"], "--range"),
        (["box:3", "--matrix", "--m", "3"], "--matrix"),
        (["planes.npy", "g.txt"], "planes"),
        (["box:3", "g.txt", "--channels", "r"], "channels"),
    ],
)
def test_what_no_page_shows(words, says, desk):
    np.save("planes.npy", np.ones((3, 3, 3)))
    (desk / "g.txt").write_text("1 2 3\n4 5 6\n")
    assert says in refused("explain", *words, "--html", "x.html")
    assert not (desk / "x.html").exists()
    assert ".html" in refused("explain", "box:3", "--html", "x.txt")


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("kind", ["--html", "--gif"])
def test_numbers_that_are_not_finite_are_not_walked_over(kind, wrong, desk):
    grid = np.random.default_rng(8).normal(size=(40, 50))
    grid[33, 44] = wrong
    np.save("g.npy", grid)
    target = desk / f"x.{kind[2:]}"
    said = refused("explain", "box:3", "g.npy", "--at", "41,30", kind, target)
    assert f"g.npy: is {wrong} at column 44, row 33, and a walk takes finite numbers (--at and --m show" in said
    assert not target.exists()
    ran = convcli("explain", "box:3", "g.npy", "--at", "41,30", "--m", "3x4", kind, target)
    assert (ran.code, ran.errors) == (0, [])
    assert convcli("explain", "box:3", "g.npy", kind, target, "-f").code == 0  # the middle


def test_no_more_of_a_picture_is_touched_than_is_shown():
    picture = np.broadcast_to(np.arange(3, dtype=np.uint8), (1 << 20, 1 << 20, 3))  # as floats more than any memory
    walked = scene.cut(picture, 255.0, Kernel(np.ones((3, 3))), Window(), (1 << 19, 7), None, "rgb", "gray")
    assert walked.planes.shape == (1, 12, 12)
    assert np.allclose(walked.planes, 0.587 + 2 * 0.114, rtol=0, atol=1e-12)
    assert walked.origin == ((1 << 19) - 5, 2)


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def chromium():
    selenium = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    browser, driver = (
        next(filter(None, map(shutil.which, names)), None)
        for names in (("chromium", "chromium-browser", "google-chrome"), ("chromedriver",))
    )
    if not browser or not driver:
        pytest.skip("no Chromium and its driver here")
    options = selenium.ChromeOptions()
    options.binary_location = browser
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = selenium.Chrome(options=options, service=Service(driver))
    driver.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    yield driver
    driver.quit()


class Page:
    """A page that was written, open in the browser."""

    def __init__(self, driver, desk):
        self.driver, self.url = driver, (desk / "page.html").as_uri()

    def open(self, *words, stdin="") -> "Page":
        written(*words, stdin=stdin)
        self.driver.get(self.url)
        return self

    def run(self, script: str, *values):
        return self.driver.execute_script(script, *values)

    def set(self, **fields) -> None:
        """Types into the fields named, `stride_y` standing for stride-y."""
        for name, value in fields.items():
            self.run(
                "const field = document.getElementById(arguments[0]); field.value = arguments[1];"
                "field.dispatchEvent(new Event('input', {bubbles: true}))",
                name.replace("_", "-"),
                str(value),
            )

    def weigh(self, matrix, plane: int = 0) -> None:
        """Types weights into the cells of the kernel."""
        cells = np.asarray(matrix).ravel().tolist()
        self.run(
            "const inputs = document.querySelectorAll('#weights table')[arguments[0]].querySelectorAll('input');"
            "arguments[1].forEach((w, n) => { inputs[n].value = w;"
            "inputs[n].dispatchEvent(new Event('input', {bubbles: true})) })",
            plane,
            [str(cell) for cell in cells],
        )

    def press(self, key: str) -> None:
        self.run("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: arguments[0], bubbles: true}))", key)

    @property
    def result(self) -> np.ndarray:
        """The numbers of the map, filled or not."""
        rows = self.run(
            "return [...document.querySelectorAll('#out tr')].slice(1)"
            ".map((tr) => [...tr.querySelectorAll('td')].map((td) => Number(td.dataset.value)))"
        )
        return np.array(rows)

    @property
    def filled(self) -> int:
        return self.run("return document.querySelectorAll('#out td:not(.empty)').length")

    @property
    def total(self) -> float:
        """The sum that the page tells of its stop."""
        return float(self.run("return document.getElementById('total').dataset.value"))

    def text(self, name: str) -> str:
        return self.run("return document.getElementById(arguments[0]).textContent", name)

    def complaints(self) -> list:
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture
def page(chromium, desk):
    opened = Page(chromium, desk)
    yield opened
    assert opened.complaints() == []
    assert opened.run("return performance.getEntriesByType('resource').length") == 0


def applied(filter_, *options, stdin) -> np.ndarray:
    ran = convcli("apply", "-k", filter_, "-", "-o", "out.npy", "-f", *options, stdin=stdin)
    assert (ran.code, ran.errors) == (0, []), ran.errors
    return np.load("out.npy")


MODES = ["reflect", "edge", "symmetric", "wrap", "zeros", "constant:7", "mean"]


def drawn(seed: int):
    """A grid, a kernel and a window, awkward ones."""
    rng = np.random.default_rng([seed, 11])
    grid = rng.integers(-9, 10, rng.integers(3, 9, 2))
    matrix = rng.integers(-4, 5, rng.integers(1, 5, 2))
    dilation, stride = rng.integers(1, 3, 2), rng.integers(1, 4, 2)
    least = int(max(0, *(dilation * (np.array(matrix.shape) - 1) + 1 - grid.shape)))
    pads = [int(pad) for pad in rng.integers(0, 4, 4) + least]
    padding = ["same", "full", pads][seed % 3]
    return grid, matrix, stride, dilation, padding, MODES[seed % 7], ("correlate", "convolve")[seed % 2]


def options_of(stride, dilation, padding, mode, op, bias) -> list[str]:
    words = padding if isinstance(padding, str) else ",".join(map(str, padding))
    return [
        *("--stride", f"{stride[0]},{stride[1]}", "--dilation", f"{dilation[0]},{dilation[1]}"),
        *("--padding", words, "--padding-mode", mode, "--op", op, "--bias", str(bias)),
    ]


@pytest.mark.parametrize("seed", range(14))
def test_the_map_of_a_page_is_what_apply_gives(seed, page):
    grid, matrix, stride, dilation, padding, mode, op = drawn(seed)
    options, filter_ = options_of(stride, dilation, padding, mode, op, 2.5), text_of(matrix, ";")
    page.open("-k", filter_, "-", *options, stdin=text_of(grid))
    page.press("End")
    wanted = applied(filter_, *options, stdin=text_of(grid))
    assert np.allclose(page.result, wanted, rtol=0, atol=1e-9)
    assert page.filled == wanted.size
    assert page.total == pytest.approx(wanted[-1, -1], abs=1e-9)


@pytest.mark.parametrize("seed", range(14, 28))
def test_the_map_follows_every_change(seed, page):
    """Opened plain; then weights, window and padding are typed in."""
    grid, matrix, stride, dilation, padding, mode, op = drawn(seed)
    page.open("-k", text_of(np.zeros_like(matrix), ";"), "-", "--padding", "full", stdin=text_of(grid))
    name, _, value = mode.partition(":")
    page.weigh(matrix)
    page.set(stride_y=stride[0], stride_x=stride[1], dilation_y=dilation[0], dilation_x=dilation[1])
    page.set(mode=name, op=op, bias=-1.25, scale="1/4", **({"value": value} if value else {}))
    if isinstance(padding, str):
        page.set(padding=padding)
    else:
        page.set(padding="sides", top=padding[0], bottom=padding[1], left=padding[2], right=padding[3])
    options = options_of(stride, dilation, padding, mode, op, -1.25)
    wanted = applied(text_of(matrix, ";"), *options, "--scale", "1/4", stdin=text_of(grid))
    assert page.result.shape == wanted.shape
    assert np.allclose(page.result, wanted, rtol=0, atol=1e-9)
    assert [int(n) for n in re.findall(r"\+ 1 = (\d+)", page.text("size"))][:2] == list(wanted.shape)


def test_planes_are_summed_into_one_map(page):
    bank, grid = weights(2, 3, 2, 3), np.random.default_rng(2).integers(0, 9, (5, 6, 3)).astype(float)
    np.save("bank.npy", bank)
    np.save("grid.npy", grid)
    page.open("bank.npy", "grid.npy", "--stride", "2,1")
    ran = convcli("apply", "bank.npy", "grid.npy", "-o", "out.npy", "--stride", "2,1", "-q")
    assert ran.code == 0
    wanted = np.load("out.npy")
    assert (page.result == wanted[:, :, 0]).all()
    page.set(lane=1)
    assert (page.result == wanted[:, :, 1]).all()
    assert page.run("return document.querySelectorAll('.plane').length") == 3
    page.press("Home")
    sums = page.run("return [...document.querySelectorAll('.times b')].map((b) => read(b.textContent))")
    assert sum(sums) == page.total == wanted[0, 0, 1]


def test_it_plays_to_the_end_and_fills_the_map(page):
    from selenium.webdriver.support.ui import WebDriverWait

    page.open("box:3", "-", stdin=text_of(np.arange(12).reshape(3, 4)))
    assert page.filled == 1
    page.set(speed=30)
    page.press(" ")
    assert page.text("play") == "Pause"
    WebDriverWait(page.driver, 20, 0.05).until(lambda _: page.text("play") == "Play")
    assert page.filled == 12
    wanted = applied("box:3", stdin=text_of(np.arange(12).reshape(3, 4)))
    assert np.allclose(page.result, wanted, rtol=0, atol=1e-12)


def test_keys_buttons_and_the_slider_move_it(page):
    from selenium.webdriver.common.by import By

    page.open("box:3", "-", stdin=text_of(np.arange(20).reshape(4, 5)))
    for key, stop in [("ArrowRight", 1), ("ArrowDown", 6), ("ArrowLeft", 5), ("ArrowUp", 0), ("ArrowLeft", 0)]:
        page.press(key)
        assert page.filled == stop + 1
    page.press("End")
    assert page.filled == 20
    page.press("ArrowRight")
    assert page.filled == 20
    page.set(scrub=7)
    assert page.filled == 8
    for name, stop in [("step", 8), ("back", 7), ("last", 19), ("first", 0)]:
        page.driver.find_element(By.ID, name).click()
        assert page.filled == stop + 1
    assert page.total == page.result[0, 0]
    assert page.text("where").startswith("Stop 1 of 20: row 0, column 0")


def test_what_does_not_fit_is_said_and_start_over_mends_it(page):
    page.open("box:3", "-", stdin=text_of(np.arange(6).reshape(2, 3)))
    page.set(padding="valid")
    assert "does not fit" in page.text("refusal")
    assert page.run("return document.getElementById('stage').hidden")
    page.press("ArrowRight")  # nothing is there to move
    page.run("document.getElementById('reset').click()")
    assert page.run("return document.getElementById('refusal').hidden")
    assert page.result.shape == (2, 3)
    page.set(stride_y="0")  # no such stride: the last good one stays
    page.set(bias="")
    assert page.result.shape == (2, 3)


def test_a_photograph_begins_at_the_place_asked_for(page, desk):
    rng = np.random.default_rng(7)
    Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save("p.png")
    words = ("laplacian", "p.png", "--at", "11,7", "--stride", "2")
    page.open(*words)
    told = json.loads(convcli("explain", *words, "--json").out)
    assert page.total == told["channels"][0]["sum"]
    page.set(lane=2)
    assert page.total == told["channels"][2]["sum"]


@pytest.mark.parametrize("width", [390, 800, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen_and_the_scheme(width, scheme, page):
    screen = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        page.open("1 2 1; 2 4 2; 1 2 1", "--m", "12")
        assert page.run("return document.documentElement.scrollWidth") <= width
        # the picture's padded grid and the map are there whole, without scrolling sideways
        assert page.run("return [...document.querySelectorAll('.scroll')].every((e) => e.scrollWidth <= e.clientWidth)")
        colour = page.run("return getComputedStyle(document.body).backgroundColor")
        level = np.mean([int(n) for n in re.findall(r"\d+", colour)[:3]])
        assert level > 200 if scheme == "light" else level < 60
        assert page.run("return getComputedStyle(document.querySelector('.window')).transitionDuration") == "0s"
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_everything_to_touch_has_a_name(page):
    np.save("bank.npy", weights(2, 3, 3, 3))
    page.open("bank.npy")
    nameless = page.run(
        "return [...document.querySelectorAll('input, select, button')].filter((e) => !(e.labels && e.labels.length)"
        " && !e.getAttribute('aria-label') && !e.textContent.trim()).map((e) => e.outerHTML)"
    )
    assert nameless == []
