"""Things in Chromium: an upload is asked what it shows, three types stand in a row."""

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
    expect(page.get_by_text("Say beside the picture what it shows")).to_be_visible()
    page.get_by_role("combobox", name=re.compile("What does the picture show")).click()
    page.get_by_role("option", name="Something else").click()
    expect(page.get_by_text(re.compile("no network but Watershed"))).to_contain_text("3 objects")


def test_three_types_stand_side_by_side_and_on_a_phone_below_one_another(opened):
    for width, height in ((1400, 900), (400, 800)):
        page, expect = opened("types?street.size=128", width=width, height=height)
        panes = page.locator(".pane[data-decoded]")
        expect(panes).to_have_count(3)
        tops = [panes.nth(place).bounding_box()["y"] for place in range(3)]
        assert (len(set(tops)) == 1) == (width == 1400), tops
