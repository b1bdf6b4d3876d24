"""Clicks on the thing and on what is not the thing, in Chromium, with a tiny Segment Anything.

Its files lie where a download would have left them, and nobody answers for the Hub.
"""

import pytest

from segcore import TECHNIQUES
from segcore.techniques.instance.segment_anything import SLIM
from tests.segcore.weights.hub_stand_ins import NOWHERE, make_hub

VIEWER = "[data-testid=viewer][data-decoded]"
IDLE = "[data-test-script-state=notRunning]"
IN_LINK = """([inside, outside]) => {
  const link = new URLSearchParams(location.search);
  const count = (name) => (link.get(name) ?? "").split("_").filter(Boolean).length;
  return count("seeds") === inside && count("not_seeds") === outside;
}"""
HINTS = {
    setting.label: setting.help
    for setting in TECHNIQUES["segment_anything"].settings
    if setting.type is tuple
}
INSIDE, OUTSIDE = ".point:not(.other)", ".point.other"


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    make_hub(folder / "hub", [SLIM])
    return {"HF_HOME": str(folder), "HF_ENDPOINT": NOWHERE}


class Clicked:
    """The page of Segment Anything, and what a person does there."""

    def __init__(self, page, url):
        from playwright.sync_api import expect

        expect.set_options(timeout=90_000)
        page.set_default_timeout(90_000)
        self.page, self.expect = page, expect
        self.open(f"{url}/instance?technique=segment_anything&sample=microaneurysms")

    def open(self, url):
        self.page.goto(url)
        self.page.wait_for_selector(VIEWER)
        self.page.wait_for_selector(IDLE)

    def choose(self, name):
        self.page.get_by_role("radio", name=name, exact=True).click()
        self.expect_hint(name)

    def expect_hint(self, name):
        """What a click does is said below the picture."""
        self.expect(self.page.locator(".hint")).to_have_text(HINTS[name])
        self.page.wait_for_selector(IDLE)

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def click(self, x, y):
        """Clicks at a part (0 to 1) of the picture."""
        box = self.page.get_by_test_id("viewer-pane").first.bounding_box()
        self.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])

    def expect_points(self, inside, outside):
        """How many there are of each kind on the first pane, and in the link."""
        pane = self.page.get_by_test_id("viewer-pane").first
        self.expect(pane.locator(INSIDE)).to_have_count(inside)
        self.expect(pane.locator(OUTSIDE)).to_have_count(outside)
        self.page.wait_for_function(IN_LINK, arg=[inside, outside])
        self.page.wait_for_selector(IDLE)


@pytest.fixture
def seen(serve, open_page, env):
    return lambda **size: Clicked(open_page(**size), serve("app.py", **env))


@pytest.mark.parametrize("width", [1400, 400])
def test_clicks_on_the_thing_and_beside_it_are_set_undone_and_kept_in_the_link(seen, width):
    clicked = seen(width=width)
    clicked.click(0.3, 0.3)
    clicked.expect_points(1, 0)
    clicked.choose("Not the thing")
    clicked.click(0.8, 0.3)
    clicked.expect_points(1, 1)
    clicked.click(0.8, 0.7)
    clicked.expect_points(1, 2)
    clicked.press("Undo")
    clicked.expect_points(1, 1)
    clicked.choose("The thing")
    clicked.press("Clear")
    clicked.expect_points(0, 1)
    clicked.open(clicked.page.url)
    clicked.expect_points(0, 1)


def test_what_a_click_sets_is_chosen_and_set_by_the_keyboard(seen):
    clicked = seen()
    clicked.page.get_by_role("radio", name="The thing", exact=True).focus()
    clicked.page.keyboard.press("ArrowRight")
    clicked.page.keyboard.press("Enter")
    clicked.expect_hint("Not the thing")
    picture = clicked.page.get_by_role("application")
    for key in ("Shift+ArrowLeft", "ArrowUp", "Enter"):
        picture.press(key)
    clicked.expect_points(0, 1)
