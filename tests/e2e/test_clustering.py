"""What the clustering page adds, in Chromium: a study on request, a step over time."""

import re

import pytest


@pytest.fixture
def seen(serve, page):
    """`seen(address)` opens an address and returns the page and Playwright's expect."""
    from playwright.sync_api import expect

    expect.set_options(timeout=60_000)
    page.set_default_timeout(60_000)

    def open_address(address):
        page.goto(f"{serve('app.py')}/{address}")
        return page, expect

    return open_address


def test_a_study_answers_on_request(seen):
    page, expect = seen("clustering?technique=kmeans&sample=coffee&side=512")
    expect(page.locator("[data-decoded]").first).to_be_visible()
    page.get_by_role("tab", name="Studies").click()
    page.get_by_role("button", name="How many clusters?").click()
    strip = page.locator("[class*='st-key-steps-study']")
    expect(strip.get_by_test_id("stPlotlyChart")).to_have_count(2)
    expect(strip).to_contain_text("Silhouette")


def test_the_iterations_can_be_scrubbed(seen):
    page, expect = seen("clustering?technique=kmeans&sample=coffee&side=512")
    slider = page.locator("[class*='st-key-scrub']").get_by_role("slider").first
    expect(slider).to_be_visible()
    picture = page.locator("[class*='st-key-steps-run'] img").first
    expect(picture).to_have_attribute("alt", re.compile("iteration"))
    slider.focus()
    slider.press("Home")
    expect(picture).to_have_attribute("alt", "start")
