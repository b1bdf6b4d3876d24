"""Things in Chromium: pointed at and chosen; an upload is asked; three types stand in a row."""

import re

import cv2
import numpy as np
import pytest


@pytest.fixture
def opened(serve, open_page):
    """`opened(address, **size)` opens an address and returns the page and Playwright's expect."""
    from playwright.sync_api import expect

    expect.set_options(timeout=90_000)

    def open_address(address, **size):
        page = open_page(**size)
        page.set_default_timeout(90_000)
        page.goto(f"{serve('app.py')}/{address}")
        return page, expect

    return open_address


BRIGHTNESS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((sum, value) => sum + value, 0) / data.length;
}"""


@pytest.fixture
def coins(opened):
    """`coins(**size)` opens the tab Things of 24 coins; the page, expect and the component."""

    def open_coins(**size):
        page, expect = opened("classical?technique=watershed&sample=coins", **size)
        expect(page.locator("[data-decoded]").first).to_be_visible()
        page.get_by_role("tab", name="Things").click()
        things = page.get_by_test_id("things")
        expect(things).to_have_attribute("data-done", "24")
        # A mouse has no effect below the window's edge, where the picture is at first.
        page.get_by_test_id("things-picture").scroll_into_view_if_needed()
        return page, expect, things

    return open_coins


def on_picture(page, x, y):
    """A place of the picture of things on the screen."""
    box = page.get_by_test_id("things-picture").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def test_a_thing_that_is_pointed_at_or_clicked_stands_out_in_picture_and_table(coins):
    page, expect, things = coins()
    fourth = things.locator("tr[data-label='4']")
    everything, outline = things.locator("canvas.all"), things.locator("canvas.one")
    bright = everything.evaluate(BRIGHTNESS)
    page.mouse.move(*on_picture(page, 0.01, 0.01))
    assert outline.evaluate(BRIGHTNESS) == 0
    page.mouse.move(*on_picture(page, 0.145, 0.18))
    expect(things.locator(".name")).to_have_text("Object 4")
    expect(fourth).to_have_attribute("data-pointed", "")
    assert outline.evaluate(BRIGHTNESS) > 0
    page.mouse.click(*on_picture(page, 0.145, 0.18))
    expect(fourth).to_have_attribute("aria-selected", "true")
    dim = everything.evaluate(BRIGHTNESS)
    assert dim < 0.8 * bright
    page.mouse.click(*on_picture(page, 0.01, 0.01))
    expect(fourth).to_have_attribute("aria-selected", "false")
    assert everything.evaluate(BRIGHTNESS) == bright


def test_rows_of_things_point_choose_and_sort_by_mouse_and_keyboard(coins):
    page, expect, things = coins()
    rows, outline = things.locator("tbody tr"), things.locator("canvas.one")
    rows.nth(1).hover()
    expect(things.locator(".name")).to_have_text("Object 2")
    assert outline.evaluate(BRIGHTNESS) > 0
    rows.nth(1).click()
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    rows.nth(0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(things.locator(".name")).to_have_text("Object 3")
    page.keyboard.press("Enter")
    expect(things).to_have_attribute("data-chosen", "2 3")
    things.get_by_role("button", name="Area").click()
    areas = [int(text) for text in things.locator("tbody td:nth-child(3)").all_inner_texts()]
    assert areas == sorted(areas, reverse=True)
    expect(things.locator("tr[data-label='2']")).to_have_attribute("aria-selected", "true")
    things.get_by_role("button", name="Show all").click()
    expect(things).to_have_attribute("data-chosen", "")


def test_a_finger_chooses_a_thing_on_a_phone(coins):
    page, expect, things = coins(width=400, height=800, has_touch=True)
    page.touchscreen.tap(*on_picture(page, 0.145, 0.18))
    expect(things).to_have_attribute("data-chosen", "4")
    widths = "e => [e.scrollWidth, e.clientWidth]"
    wide, room = page.get_by_test_id("stMain").evaluate(widths)
    assert wide <= room
    picture, table = page.get_by_test_id("things-picture"), things.locator(".scroll")
    assert table.bounding_box()["y"] > picture.bounding_box()["y"]


def test_an_upload_is_asked_what_it_shows_and_gets_an_honest_answer(opened):
    page, expect = opened("classical?technique=thresholding&sample=camera")
    expect(page.locator("[data-decoded]").first).to_be_visible()
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_text("Upload", exact=True).click()
    discs = np.zeros((120, 160, 3), np.uint8)
    for x in (40, 80, 120):
        cv2.circle(discs, (x, 60), 14, (220, 220, 220), -1)
    page.locator("input[type=file]").set_input_files(
        {
            "name": "discs.png",
            "mimeType": "image/png",
            "buffer": cv2.imencode(".png", discs)[1].tobytes(),
        }
    )
    expect(sidebar.get_by_text("discs.png").first).to_be_visible()
    sidebar.get_by_role("link", name="Instance").click()
    expect(page.get_by_text("Say what the picture shows")).to_be_visible()
    page.get_by_test_id("stMain").get_by_text("Something else", exact=True).click()
    expect(page.get_by_text(re.compile("no network but Watershed"))).to_contain_text("3 objects")


def test_three_types_stand_side_by_side_and_on_a_phone_below_one_another(opened):
    for width, height in ((1400, 900), (400, 800)):
        page, expect = opened("types?street.size=128", width=width, height=height)
        panes = page.locator(".pane[data-decoded]")
        expect(panes).to_have_count(3)
        tops = [panes.nth(place).bounding_box()["y"] for place in range(3)]
        assert (len(set(tops)) == 1) == (width == 1400), tops
