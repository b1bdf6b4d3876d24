"""A tour through the dashboard in a real browser: what a person does, from the link to the files.

Every tab that a test opens is watched: no request may leave this machine, no script may fail, and
the console may say nothing but what Streamlit itself says. Starting a tab takes longer than most
of what is tested, so the tests share one; every address that is opened is a new session.
"""

import csv
import io
import json
import re
import subprocess
import sys
from urllib.parse import quote, urlsplit

import cv2
import numpy as np
import PIL.Image
import pytest

from pages.ui.link import ON_ITS_WAY
from segcore import read_image, run
from segcore.catalog import in_category
from segcore.samples import SAMPLES, get_sample

expect = pytest.importorskip("playwright.sync_api").expect

TITLES = {technique.key: technique.title for technique in in_category("classical")}
TABS = ("Steps", "Article", "Script", "Downloads")
VIEWER = "[data-testid=viewer]"
SIDEBAR = "[data-testid=stSidebar]"
IDLE = "[data-test-script-state=notRunning]"
SMALL = "microaneurysms"  # 102×102 pixels: where only the layout counts
# Streamlit looks for its own addresses below the page's before it finds them at the top, and it
# drops the pictures of a page that is left while the browser still asks for them.
EXPECTED_404 = re.compile(r"/_stcore/(health|host-config)$|/media/[0-9a-f]+\.\w+$")
ALL_SHOWN = "() => [...document.images].every((image) => image.complete && image.naturalWidth)"


class Tour:
    """A browser tab with the dashboard, and what a person does there."""

    def __init__(self, page, url):
        self.page = page
        self.url = url
        self.asked = []  # addresses
        self.said = []  # what went wrong
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("console", self._listen)

    def _listen(self, message):
        address = message.location["url"]
        if message.type == "error" and not EXPECTED_404.search(address):
            self.said.append(f"{message.text} {address}")

    def check(self):
        self.page.wait_for_function(ALL_SHOWN)
        addresses = [urlsplit(address) for address in self.asked]
        hosts = {a.hostname for a in addresses if a.scheme not in ("data", "blob")}
        assert hosts <= {"127.0.0.1", "localhost"}
        assert self.said == []

    # Doing ---------------------------------------------------------------------------------------

    def open(self, **link):
        """Opens a link and waits until its picture is painted and nothing is computed."""
        query = "&".join(f"{quote(name)}={quote(text)}" for name, text in link.items())
        self.page.goto(f"{self.url}/classical?{query}")
        return self.wait()

    def wait(self):
        self.page.wait_for_selector(f"{VIEWER}[data-decoded]")
        self.page.wait_for_selector(IDLE)
        return self

    def choose(self, name):
        """Chooses one of the options that lie open."""
        self.page.get_by_role("radio", name=name, exact=True).click()

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def open_tab(self, name):
        """Opens a tab below the picture; returns what it holds."""
        self.page.get_by_role("tab", name=name).click()
        panel = self.page.get_by_role("tabpanel", name=name)
        expect(panel).to_be_visible()
        self.wait()
        return panel

    def upload(self, *files):
        self.choose("Upload")
        given = [{"name": n, "mimeType": "image/png", "buffer": data} for n, data in files]
        self.page.locator("input[type=file]").set_input_files(given)

    def download(self, name):
        with self.page.expect_download() as waiting:
            self.press(name)
        return waiting.value.path().read_bytes()

    def click_picture(self, x, y):
        """Clicks at a part (0 to 1) of the picture; returns the pixel that is hit."""
        box = self.panes.first.bounding_box()
        # Browsers tell clicks at whole CSS pixels.
        at = round(box["x"] + x * box["width"]), round(box["y"] + y * box["height"])
        self.page.mouse.click(*at)
        width, height = self.size
        return (
            int((at[0] - box["x"]) / box["width"] * width),
            int((at[1] - box["y"]) / box["height"] * height),
        )

    # Seeing --------------------------------------------------------------------------------------

    @property
    def viewer(self):
        return self.page.locator(VIEWER)

    @property
    def panes(self):
        return self.page.locator("[data-testid=viewer-pane]")

    @property
    def points(self):
        """Numbers of the points on the first pane."""
        return self.panes.first.locator(".point")

    @property
    def pictures(self):
        """Names of the pictures that are painted, before and after."""
        return self.viewer.get_attribute("data-decoded")

    @property
    def size(self):
        """Width and height of the image in pixels."""
        style = "view => ['--width', '--height'].map(n => +view.style.getPropertyValue(n))"
        return tuple(self.viewer.evaluate(style))

    def slider(self, name):
        return self.page.get_by_role("slider", name=name)

    def expect_other_pictures(self, before):
        expect(self.viewer).not_to_have_attribute("data-decoded", before)
        self.wait()

    def expect_link(self, **link):
        query = "&".join(f"{name}={text}" for name, text in link.items())
        expect(self.page).to_have_url(f"{self.url}/classical?{query}")


@pytest.fixture(scope="module")
def url(serve, tmp_path_factory):
    """The dashboard's server; after the last test, it must have logged nothing but its start."""
    yield serve("app.py")
    logs = [log.read_text() for log in tmp_path_factory.getbasetemp().glob("streamlit*/app-*.log")]
    assert logs
    for log in logs:
        said = [line for line in log.splitlines() if line.strip()]
        assert [
            line for line in said if not re.search("started on|now view|URL:|Stopping", line)
        ] == []


@pytest.fixture(scope="module")
def shared(browser, url):
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield Tour(context.new_page(), url)
    context.close()


@pytest.fixture
def tour(shared):
    """The tab that all tests share, as it was at first."""
    shared.page.set_viewport_size({"width": 1400, "height": 900})
    shared.page.emulate_media(color_scheme="light")
    shared.asked.clear()
    shared.said.clear()
    yield shared
    shared.check()


@pytest.fixture(scope="module")
def photograph():
    """A file that a person may bring: 300×200 pixels, three discs on a slope of light."""
    y, x = np.mgrid[:200, :300]
    image = np.dstack([x // 4, y // 2, (x + y) // 8]).astype(np.uint8)
    for center in [(60, 60), (150, 130), (240, 70)]:
        cv2.circle(image, center, 35, (230, 200, 90), -1)
    return cv2.imencode(".png", image)[1].tobytes()


# Arriving -----------------------------------------------------------------------------------------


def test_a_deep_link_on_a_fresh_server_shows_its_result_at_once(serve, url, open_page):
    fresh = Tour(open_page(), serve("app.py", STREAMLIT_SERVER_HEADLESS="true"))
    assert fresh.url != url
    fresh.open(technique="canny_edges", sample="coins", sigma="2.0")
    expect(fresh.page.get_by_role("dialog")).to_have_count(0)
    expect(fresh.page.get_by_text("Page not found")).to_have_count(0)
    result = run("canny_edges", get_sample("coins").load(), sigma=2.0).segmentation
    expect(fresh.page.get_by_text(f"{len(result.segments)} segments ·")).to_be_visible()
    fresh.expect_link(technique="canny_edges", sample="coins", sigma="2.0")
    assert fresh.page.title().startswith("Classical")
    fresh.check()


def test_from_the_home_page_to_a_technique(tour):
    tour.page.goto(tour.url)
    cards = tour.page.locator("[data-testid=stMain] [data-testid=stPageLink]")
    cards.filter(has_text="Canny edges").click()
    tour.wait()
    tour.expect_link(technique="canny_edges", sample="coins")
    expect(tour.page.get_by_role("radio", name="Canny edges")).to_be_checked()


def test_a_link_gives_another_person_the_same_picture(tour, open_page):
    tour.open(technique="thresholding", sample="coins")
    before = tour.pictures
    tour.slider("Blur").press("End")
    tour.expect_other_pictures(before)
    tour.expect_link(technique="thresholding", sample="coins", blur="10.0")
    other = Tour(open_page(), tour.url)
    other.page.goto(tour.page.url)
    assert other.wait().pictures == tour.pictures
    other.check()


def test_back_undoes_a_setting(tour):
    tour.open(technique="thresholding", sample="coins")
    before = tour.pictures
    tour.slider("Blur").press("End")
    tour.expect_other_pictures(before)
    tour.expect_link(technique="thresholding", sample="coins", blur="10.0")
    tour.page.wait_for_timeout(1000 * ON_ITS_WAY)  # at once, it could be an address told late
    tour.page.go_back()
    expect(tour.viewer).to_have_attribute("data-decoded", before)
    expect(tour.slider("Blur")).to_have_value("0")


HOSTILE = {
    "level": "<script>hacked=1</script>",
    "![x](http://evil.example/x)": "1",
    "blur": "http://evil.example",
    "sample": "![x](//evil.example)",
    "<img src=x onerror='window.hacked=1'>": "x" * 5000,
}


def test_a_hostile_link_is_shown_as_text(tour):
    tour.open(technique="thresholding", **HOSTILE)
    warnings = tour.page.locator("[data-testid=stAlert]")
    expect(warnings).to_have_count(len(HOSTILE))
    told = "".join(warnings.all_inner_texts()).replace("\u200b", "")
    assert HOSTILE["level"] in told
    assert "![x](http://evil.example/x)" in told
    expect(warnings.locator("a, img, script, .katex")).to_have_count(0)
    assert tour.page.evaluate("window.hacked") is None
    tour.expect_link(technique="thresholding", sample="camera")


# Images -------------------------------------------------------------------------------------------


def test_an_upload_stays_while_pages_are_switched(tour, photograph):
    tour.open(technique="thresholding", sample="coins")
    before = tour.pictures
    tour.upload(("three discs.png", photograph))
    tour.expect_other_pictures(before)
    assert tour.size == (300, 200)
    mine = tour.pictures
    tour.expect_link(technique="thresholding")
    sidebar = tour.page.locator(SIDEBAR)
    sidebar.get_by_role("link", name="Home").click()
    expect(tour.page.get_by_role("heading", level=1)).to_be_visible()
    expect(sidebar.get_by_role("button", name="three discs.png")).to_be_visible()
    sidebar.get_by_role("link", name="Classical").click()
    expect(tour.viewer).to_have_attribute("data-decoded", mine)
    tour.wait()
    tour.expect_link(technique="thresholding")


def test_a_hostile_file_is_one_sentence(tour, photograph):
    tour.open(technique="thresholding", sample="coins")
    before = tour.pictures
    name = "<script>alert(1)</script>.jpg"
    page = b"<!doctype html><script>window.hacked = 1</script>"
    tour.upload((name, page))
    sentence = f"{name}: The file is a web page (HTML): save the image itself, not the page"
    expect(tour.page.get_by_role("alert")).to_contain_text(sentence)
    expect(tour.page.get_by_role("alert")).to_have_count(1)
    assert tour.wait().pictures == before
    assert tour.page.evaluate("window.hacked") is None
    tour.upload((name, photograph))  # the sentence goes with the next file
    tour.expect_other_pictures(before)
    expect(tour.page.get_by_role("alert")).to_have_count(0)
    use = tour.page.get_by_role("button", name=name)
    remove = tour.page.locator("[class*=st-key-drop] button")
    assert remove.first.bounding_box()["y"] == pytest.approx(use.bounding_box()["y"], abs=3)


def test_the_camera_is_asked_for_only_when_it_is_chosen(tour):
    tour.open()
    tour.page.evaluate(COUNT_QUESTIONS)
    before = tour.pictures
    for source in ("Upload", "Samples"):
        tour.choose(source)
        tour.wait()
    assert tour.page.evaluate("window.asked") == 0
    tour.choose("Camera")
    expect(tour.page.get_by_test_id("stCameraInput")).to_be_visible()
    tour.page.wait_for_function("window.asked > 0")  # so it is counted
    assert tour.wait().pictures == before


COUNT_QUESTIONS = """() => {
  const devices = navigator.mediaDevices;
  const ask = devices.getUserMedia.bind(devices);
  window.asked = 0;
  devices.getUserMedia = (what) => {
    window.asked += 1;
    return ask(what);
  };
}"""


# Settings and views -------------------------------------------------------------------------------


def test_a_slider_moved_by_the_keyboard_changes_the_picture_in_place(tour):
    tour.open(technique="thresholding", sample="coins", method="fixed")
    tour.slider("Divider").press("End")
    tour.viewer.evaluate("view => { view.here = true; }")
    for key in ["PageUp", "Home", "ArrowRight"]:
        before = tour.pictures
        tour.slider("Level").press(key)
        tour.expect_other_pictures(before)
    tour.expect_link(technique="thresholding", sample="coins", method="fixed", level="1")
    assert tour.viewer.evaluate("view => view.here")  # the same element, with its divider
    expect(tour.slider("Divider")).to_have_value("100")


def test_the_divider_is_dragged(tour):
    tour.open(technique="thresholding", sample="coins")
    box = tour.panes.first.bounding_box()
    middle = box["y"] + box["height"] / 2
    tour.page.mouse.move(box["x"] + box["width"] / 2, middle)
    tour.page.mouse.down()
    tour.page.mouse.move(box["x"] + 0.2 * box["width"], middle, steps=4)
    tour.page.mouse.up()
    assert float(tour.slider("Divider").input_value()) == pytest.approx(20, abs=1)


def test_seeds_are_clicked_undone_and_cleared(tour):
    tour.open(technique="region_growing", sample="weak_edge")
    link = {"technique": "region_growing", "sample": "weak_edge"}
    before = tour.pictures
    x, y = tour.click_picture(0.3, 0.45)
    tour.expect_other_pictures(before)
    expect(tour.points).to_have_count(1)
    assert tour.points.first.get_attribute("data-number") == "1"
    tour.expect_link(**link, seeds=f"{x}-{y}")
    one = tour.pictures
    second = tour.click_picture(0.7, 0.25)
    tour.expect_other_pictures(one)
    expect(tour.points).to_have_count(2)
    tour.expect_link(**link, seeds=f"{x}-{y}_{second[0]}-{second[1]}")
    tour.press("Undo")
    expect(tour.viewer).to_have_attribute("data-decoded", one)
    tour.expect_link(**link, seeds=f"{x}-{y}")
    tour.press("Clear")
    expect(tour.points).to_have_count(0)
    expect(tour.viewer).to_have_attribute("data-decoded", before)
    tour.expect_link(**link)


def test_presets_and_the_article_set_settings_and_sample(tour):
    tour.open(technique="thresholding", sample="coins", method="fixed")
    before = tour.pictures
    tour.press("Presets")
    tour.press("It fails: uneven light")
    tour.expect_other_pictures(before)
    tour.expect_link(technique="thresholding", sample="page")
    menu = tour.page.locator(SIDEBAR).get_by_role("combobox").first
    expect(menu).to_have_value(SAMPLES["page"].title)
    tour.open_tab("Article")
    before = tour.pictures
    tour.press("Show it at its best")
    tour.expect_other_pictures(before)
    tour.expect_link(technique="thresholding", sample="camera")


PROSE = """article => {
  const copy = article.cloneNode(true);
  for (const node of copy.querySelectorAll(".katex, code")) node.remove();
  return copy.textContent;
}"""


def test_articles_are_typeset(tour):
    tour.open(technique="thresholding", sample=SMALL)
    for title in TITLES.values():
        tour.choose(title)
        article = tour.open_tab("Article")
        expect(article.get_by_role("heading").first).to_contain_text(f"{title}:")
        expect(article.locator(".katex").first).to_be_visible()
        expect(article.locator(".katex-error")).to_have_count(0)
        for sign in ("$", "\\", "**", "`"):
            assert sign not in article.evaluate(PROSE), title


def test_a_long_run_is_cancelled_and_taken_up_again(tour):
    slow = {"criterion": "mean", "space": "lab", "n_seeds": "64", "tolerance": "60"}
    tour.open(technique="region_growing", sample="camera", side="2048", **slow)
    before = tour.pictures
    noise = np.random.default_rng(0).integers(0, 256, (2048, 2048, 3), dtype=np.uint8)
    tour.upload(("noise.jpg", cv2.imencode(".jpg", cv2.blur(noise, (5, 5)))[1].tobytes()))
    # The bar beside the button moves all the time, so it is not waited for until it stands still.
    tour.page.get_by_role("button", name="Cancel", exact=True).click(force=True)
    expect(tour.page.get_by_text("Cancelled.")).to_be_visible()
    tour.page.wait_for_selector(IDLE)
    tour.choose("Samples")
    expect(tour.viewer).to_have_attribute("data-decoded", before)


def test_progress_floats_and_moves_nothing(tour):
    slow = {"criterion": "mean", "space": "lab", "n_seeds": "64", "tolerance": "60"}
    tour.open(technique="region_growing", sample="retina", side="2048", **slow)
    page = tour.page
    expect(page.get_by_role("tab", name="Steps")).to_be_visible()
    expect(page.locator("[class*='st-key-progress-']")).to_have_count(0)
    page.evaluate("""() => {
      window.tops = {true: new Set(), false: new Set()};  // of the tabs, with and without progress
      const look = () => {
        const shown = document.querySelector('[class*="st-key-progress-"]') !== null;
        window.tops[shown].add(document.querySelector('[role=tablist]').getBoundingClientRect().top);
        requestAnimationFrame(look);
      };
      look();
    }""")
    page.get_by_role("slider", name="Tolerance").press("ArrowLeft")
    page.wait_for_function("() => window.tops[true].size > 0")
    with_it, without = page.evaluate("() => [[...window.tops[true]], [...window.tops[false]]]")
    assert set(with_it) == set(without)
    assert len(without) == 1


# Files --------------------------------------------------------------------------------------------


@pytest.fixture
def with_upload(tour, photograph):
    """The tour with a person's own image, and the result that it must show."""
    tour.open(technique="thresholding", sample="coins", method="fixed", blur="1.5")
    before = tour.pictures
    tour.upload(("three discs.png", photograph))
    tour.expect_other_pictures(before)
    image = read_image(photograph, 1024)
    return tour, run("thresholding", image, method="fixed", blur=1.5).segmentation


def test_downloads_are_the_result(with_upload):
    tour, result = with_upload
    tour.open_tab("Downloads")
    labels = np.array(PIL.Image.open(io.BytesIO(tour.download("Labels"))))
    assert np.array_equal(labels, result.labels)
    overlay = PIL.Image.open(io.BytesIO(tour.download("Overlay")))
    assert overlay.size == (300, 200)
    rows = list(csv.DictReader(io.StringIO(tour.download("Segments").decode())))
    assert [int(row["area_px"]) for row in rows] == [(result.labels == 1).sum()]
    coco = json.loads(tour.download("COCO"))
    assert [a["area"] for a in coco["annotations"]] == [(result.labels == 1).sum()]


def test_the_script_gives_the_same_labels_without_the_dashboard(with_upload, photograph, tmp_path):
    tour, result = with_upload
    tour.open_tab("Script")
    (tmp_path / "script.py").write_bytes(tour.download("Download the script"))
    (tmp_path / "image.png").write_bytes(photograph)
    subprocess.run(
        [sys.executable, "-I", "script.py", "image.png", "labels.png"],
        cwd=tmp_path,
        check=True,
        timeout=60,
    )
    labels = cv2.imread(str(tmp_path / "labels.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(labels, result.labels)


# Everybody, everywhere ----------------------------------------------------------------------------


DIVIDER = "Divider between Before and After"
ORDER = ["Slider", "Fill", DIVIDER, "Full screen", "Presets", "Method", "Blur", "Steps"]
FOCUSED = """() => {
  let node = document.activeElement;
  while (node.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  return node.getAttribute("aria-label") || node.innerText;
}"""


def test_tab_reaches_views_divider_settings_and_tabs_in_this_order(tour):
    tour.open(technique="thresholding", sample="coins")
    technique = tour.page.get_by_role("radio", name="Thresholding")
    technique.focus()
    reached = []
    while len(reached) < 25 and ORDER[-1] not in reached:
        tour.page.keyboard.press("Tab")
        # What a person calls it stands on a line of its own, between the names of icons.
        reached += tour.page.evaluate(FOCUSED).splitlines()
    assert [name for name in reached if name in ORDER] == ORDER
    before = tour.pictures
    technique.press("ArrowRight")
    tour.page.keyboard.press("Space")
    tour.expect_other_pictures(before)


def test_nothing_scrolls_sideways_on_a_telephone(tour):
    tour.page.set_viewport_size({"width": 400, "height": 800})
    tour.open(technique="thresholding", sample=SMALL)
    for title in TITLES.values():
        tour.choose(title)
        for tab in TABS:
            tour.open_tab(tab)
            width = tour.page.evaluate("document.scrollingElement.scrollWidth")
            assert width <= 400, (title, tab)


CUT_OFF = """() => [...document.querySelectorAll("[role=radiogroup]")]
  .filter((group) => group.clientWidth && group.scrollWidth > group.clientWidth + 1)
  .map((group) => group.getAttribute("aria-label"))"""


def test_no_option_is_cut_off_on_a_beamer(tour):
    tour.page.set_viewport_size({"width": 1024, "height": 768})
    tour.open(technique="thresholding", sample=SMALL)
    tour.open_tab("Downloads")
    for title in TITLES.values():
        tour.choose(title)
        tour.wait()
        assert tour.page.evaluate(CUT_OFF) == [], title


def test_light_and_dark_as_the_system_has_it(tour):
    tour.open(technique="thresholding", sample=SMALL)
    brightness = {}
    for scheme in ("light", "dark"):
        tour.page.emulate_media(color_scheme=scheme)
        expect(tour.page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
        shot = np.frombuffer(tour.page.screenshot(), np.uint8)
        brightness[scheme] = np.median(cv2.imdecode(shot, cv2.IMREAD_GRAYSCALE))
    assert brightness["light"] > 200
    assert brightness["dark"] < 60
