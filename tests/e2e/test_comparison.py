"""The comparison in Chromium: panels move and answer together by mouse, keyboard and fingers.

Its link restores it, a batch gives files, and the report needs no network.
"""

import csv
import io
import re
import zipfile

import cv2
import numpy as np
import pytest

from segcore import read_image, run

GRID = (
    "comparison?sample=street&street.size=256&1=thresholding&2=kmeans&3=thresholding"
    "&3.inverted=true&4=watershed"
)


@pytest.fixture
def grid(serve, open_page):
    """`grid(address=GRID, **size)` opens it and waits for all panels; the page and expect."""
    from playwright.sync_api import expect

    expect.set_options(timeout=90_000)

    def open_grid(address=GRID, n_panels=5, **options):
        page = open_page(**options)
        page.set_default_timeout(90_000)
        page.goto(f"{serve('app.py')}/{address}")
        expect(page.get_by_test_id("panels").first).to_have_attribute("data-done", str(n_panels))
        return page, expect

    return open_grid


def transforms(page):
    """Zoom and position of every canvas of the grid, in whole pixels."""
    grid = page.get_by_test_id("panels").first
    return grid.locator("canvas").evaluate_all(
        "all => all.map((canvas) => {"
        "  const at = new DOMMatrix(getComputedStyle(canvas).transform);"
        "  return [at.a.toFixed(2), Math.round(at.e), Math.round(at.f)].join();"
        "})"
    )


def drive_by_keyboard(page, expect):
    """Zoom, move, a crosshair that is read out, all of it again."""
    before = transforms(page)
    page.locator(".grid").first.focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    assert len({*transforms(page), before[0]}) == 2
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator(".spoken").first).to_have_text(re.compile(r"K-Means: Cluster \d; .*truth:"))
    page.keyboard.press("0")


def test_panels_zoom_move_and_answer_together(grid):
    page, expect = grid()
    second = page.get_by_test_id("panel").nth(1).locator(".frame")
    box = second.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    names = page.locator(".name")
    expect(names.nth(0)).to_have_text(re.compile("Foreground|background"))
    expect(names.nth(1)).to_have_text(re.compile(r"Cluster \d"))
    expect(names.nth(4)).to_have_text(re.compile("Road|Car|Building|Sky|Tree"))
    before = transforms(page)
    assert len(set(before)) == 1
    page.mouse.wheel(0, -400)
    expect(page.locator(".scale").first).not_to_have_text("1.0×")
    zoomed = transforms(page)
    assert len(set(zoomed)) == 1
    assert zoomed != before
    page.mouse.down()
    page.mouse.move(middle[0] - 30, middle[1] - 20)
    page.mouse.up()
    moved = transforms(page)
    assert len(set(moved)) == 1
    assert moved != zoomed
    drive_by_keyboard(page, expect)
    assert transforms(page) == before
    page.get_by_role("button", name=re.compile(r"Pin as the reference.*K-Means")).click()
    expect(page).to_have_url(re.compile("reference=2"))
    expect(page.get_by_test_id("panel").nth(1)).to_have_attribute("data-pinned", "")


def test_a_phone_shows_one_column_and_two_fingers_zoom_every_panel(grid):
    small = GRID.replace("&4=watershed", "")
    page, expect = grid(small, 4, width=400, height=800, has_touch=True, is_mobile=True)
    boxes = [frame.bounding_box() for frame in page.locator(".frame").all()]
    assert len({round(box["x"]) for box in boxes}) == 1
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 400 for box in boxes)
    assert min(box["width"] for box in boxes) > 320
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")
    page.locator(".frame").first.scroll_into_view_if_needed()
    fingers = Fingers(page, page.locator(".frame").first)
    before = transforms(page)
    fingers.move([(0.4, 0.5), (0.6, 0.5)], [(0.2, 0.5), (0.8, 0.5)])
    expect(page.locator(".scale").first).to_have_text("3.0×")
    zoomed = transforms(page)
    assert len(set(zoomed)) == 1
    assert page.evaluate("visualViewport.scale") == 1  # the page itself stays as it is
    fingers.move([(0.5, 0.5)], [(0.3, 0.4)])
    moved = transforms(page)
    assert len(set(moved)) == 1
    assert moved != zoomed
    fingers.move([(0.1, 0.5), (0.9, 0.5)], [(0.45, 0.5), (0.55, 0.5)])
    assert transforms(page) == before


class Fingers:
    """Touches on an element, as the operating system tells them; places are parts of it."""

    def __init__(self, page, element):
        self.devtools = page.context.new_cdp_session(page)
        self.box = element.bounding_box()

    def move(self, start, end, steps=6):
        """Puts fingers down at the places of `start` and moves them to those of `end`."""
        self._send("touchStart", start)
        for step in range(1, steps + 1):
            self._send("touchMove", start + (np.array(end) - start) * step / steps)
        self._send("touchEnd", [])

    def _send(self, kind, places):
        box = self.box
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": number}
            for number, (x, y) in enumerate(np.asarray(places).tolist())
        ]
        self.devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def painted(page):
    """What stands in every panel, and a sum over its pixels that depends on their places."""
    return (
        page.get_by_test_id("panels")
        .first.get_by_test_id("panel")
        .evaluate_all(
            """all => all.map((panel) => {
          const canvas = panel.querySelector("canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const sum = data.reduce((sum, value, i) => (31 * sum + value) % 1000003, 0);
          const note = panel.querySelector(".note").textContent.replace(/^[\\d.]+ m?s · /, "");
          return [panel.querySelector(".title").textContent, note, sum, "pinned" in panel.dataset];
        })"""
        )
    )


def test_the_whole_grid_is_restored_by_its_link(grid):
    page, expect = grid()
    first = painted(page)
    page.get_by_role("button", name=re.compile(r"Pin as the reference.*K-Means")).click()
    expect(page).to_have_url(re.compile("reference=2"))
    page.get_by_test_id("stMain").get_by_text("Outlines", exact=True).click()
    expect(page).to_have_url(re.compile("view=outlines"))
    page.wait_for_selector("[data-test-script-state=notRunning]")
    here = painted(page)
    again, _ = grid(page.url.rpartition("/")[2])
    assert painted(again) == here
    assert here != first
    assert [pinned for *_, pinned in here] == [False, True, False, False, False]
    assert again.url == page.url


def test_a_batch_over_several_uploads_gives_labels_and_a_table(grid):
    page, expect = grid("comparison?sample=cells&cells.size=128&1=thresholding&2=watershed", 3)
    files = {}
    for name, gray in (("left", 60), ("right", 200)):
        image = np.full((48, 64, 3), 20, np.uint8)
        cv2.circle(image, (20 if name == "left" else 44, 24), 12, (gray, gray, gray), -1)
        files[f"{name}.png"] = cv2.imencode(".png", image)[1].tobytes()
    page.get_by_role("tab", name="Batch").click()
    page.locator("input[type=file]").first.set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files.items()]
    )
    page.get_by_role("button", name="Run 2 × 2").click()
    button = page.get_by_role("button", name="Download the ZIP")
    expect(page.get_by_test_id("stDataFrame").last).to_be_visible()
    with page.expect_download() as download:
        button.click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("results.csv").decode())))
        found = {row["file"]: archive.read(row["file"]) for row in rows}
    assert [(row["image"], row["technique"]) for row in rows] == [
        ("01-left", "thresholding"),
        ("01-left", "watershed"),
        ("02-right", "thresholding"),
        ("02-right", "watershed"),
    ]
    labels = cv2.imdecode(np.frombuffer(found[rows[2]["file"]], np.uint8), cv2.IMREAD_UNCHANGED)
    expected = run("thresholding", read_image(files["right.png"])).segmentation.labels
    assert np.array_equal(labels, expected)


def test_the_report_opens_without_a_network_and_shows_everything(grid, open_page, tmp_path):
    page, _ = grid(GRID.replace("&4=watershed", ""), 4)
    page.get_by_role("tab", name="Report").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    alone = open_page(offline=True)
    said = []
    alone.on("console", lambda message: said.append(message.text))
    alone.on("request", lambda request: said.append(request.url))
    alone.goto(file.as_uri())
    widths = alone.evaluate("[...document.images].map((image) => image.naturalWidth)")
    assert widths == [256] * 5
    assert alone.evaluate("getComputedStyle(document.querySelector('.grid')).display") == "grid"
    assert [url for url in said if not url.startswith(("file:", "data:"))] == []
    text = alone.locator("body").inner_text()
    for word in ("3 · Thresholding", "Inverted: on", "Boundary F1", "Agreement", "3.inverted=true"):
        assert word in text
    alone.locator("summary").first.click()
    assert "def segment(" in alone.locator("pre").first.inner_text()
