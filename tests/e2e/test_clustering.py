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


def test_progress_floats_and_moves_nothing(seen):
    page, expect = seen("clustering?technique=kmeans&sample=retina")
    expect(page.locator("[data-decoded]").first).to_be_visible()
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
    page.get_by_role("slider", name="Number of clusters").press("End")
    page.wait_for_function("() => window.tops[true].size > 0")
    with_it, without = page.evaluate("() => [[...window.tops[true]], [...window.tops[false]]]")
    assert set(with_it) == set(without)
    assert len(without) == 1
