"""The semantic page in Chromium: a network's answer, its inside, its scores, another scene."""

import re

import pytest


@pytest.fixture
def seen(serve, page):
    """`seen(address)` opens an address and returns the page and Playwright's expect."""
    from playwright.sync_api import expect

    expect.set_options(timeout=90_000)
    page.set_default_timeout(90_000)

    def open_address(address):
        page.goto(f"{serve('app.py')}/{address}")
        expect(page.locator("[data-decoded]").first).to_be_visible()
        return page, expect

    return open_address


def test_a_network_shows_its_inside_and_its_build(seen):
    page, expect = seen("semantic?technique=unet&street.size=256")
    strip = page.locator("[class*='st-key-steps-run']")
    expect(strip).to_contain_text("Encoder 5")
    expect(strip).to_contain_text("Probability of each class")
    expect(strip.get_by_test_id("stPlotlyChart")).to_have_count(1)
    expect(strip.get_by_test_id("stPlotlyChart")).to_contain_text("Encoder 1")
    expect(page.get_by_test_id("stMain")).to_contain_text(re.compile(r"segments.*Road"))


def test_scores_against_the_truth_follow_the_scene(seen):
    page, expect = seen("semantic?technique=unet&street.size=256")
    page.get_by_role("tab", name="Scores").click()
    metric = page.get_by_test_id("stMetric").filter(has_text="Mean IoU")
    value = metric.get_by_test_id("stMetricValue")
    expect(value).to_have_text(re.compile(r"0\.\d{3}"))
    before = value.inner_text()
    page.get_by_test_id("stSidebar").get_by_role("spinbutton", name="Seed").fill("5")
    page.keyboard.press("Enter")
    expect(value).not_to_have_text(before)
    expect(page).to_have_url(re.compile(r"street\.seed=5"))


def test_other_weights_are_named_with_their_terms(seen):
    page, expect = seen("semantic?technique=unet&weights=camvid&street.size=256")
    expect(page.get_by_text("research and personal use only").first).to_be_visible()
    page.get_by_role("tab", name="Model card").click()
    expect(page.get_by_text("unet_camvid")).to_be_visible()
    expect(page.get_by_text("31,000,000")).to_be_visible()


def test_nuclei_are_counted(seen):
    page, expect = seen("semantic?technique=unet&weights=nuclei&sample=cells&cells.size=256")
    page.get_by_role("tab", name="Scores").click()
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ segments")).first).to_be_visible()


def test_a_network_learns_while_one_watches(seen, page, serve):
    from playwright.sync_api import expect

    expect.set_options(timeout=90_000)
    page.goto(f"{serve('app.py')}/training")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(re.compile(r"\d+ s of 60 s · step [1-9]"))).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Weights")).to_be_enabled()
