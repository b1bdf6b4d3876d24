"""The comparison in Chromium: panels move together and answer together; the report needs no one."""

import re

import pytest

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


def test_a_phone_shows_one_column(grid):
    page, _ = grid(GRID.replace("&4=watershed", ""), 4, width=400, height=800)
    boxes = [frame.bounding_box() for frame in page.locator(".frame").all()]
    assert len({round(box["x"]) for box in boxes}) == 1
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 400 for box in boxes)
    assert min(box["width"] for box in boxes) > 320
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")


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
    for word in ("3 · Thresholding", "Inverted on", "Boundary F1", "Agreement", "3.inverted=true"):
        assert word in text
    alone.locator("summary").first.click()
    assert "def segment(" in alone.locator("pre").first.inner_text()
