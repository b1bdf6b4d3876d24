"""The picture component in a real browser: divider, clicks, updates, full screen, sizes."""

import base64
import math
import re

import cv2
import numpy as np
import pytest

from pages.ui.viewer import Pane, read_clicks, viewer

APP = "tests/e2e/viewer_app.py"
PANE = "[data-testid=viewer-pane]"
DARK = 40  # the picture "After" is darker than this nearly everywhere at level 255


class Viewed:
    """The test page: what a person sees of it and does to it."""

    def __init__(self, page, url, query=""):
        page.goto(f"{url}/?{query}")
        page.wait_for_selector("[data-testid=viewer][data-decoded]")
        self.page = page
        self.size = tuple(map(int, page.locator(".readout").inner_text().split(" × ")))

    def text(self, name):
        found = self.page.locator("[data-testid=stText]", has_text=re.compile(f"^{name} "))
        return found.inner_text().removeprefix(name).strip()

    def runs(self):
        return int(self.text("runs"))

    def wait_for_run(self, before):
        self.page.get_by_text(f"runs {before + 1}", exact=True).wait_for()
        self.page.wait_for_timeout(150)  # long enough for a second rerun to show itself
        assert self.runs() == before + 1

    def decoded(self):
        return self.page.locator("[data-testid=viewer]").get_attribute("data-decoded")

    def set_level(self, key):
        """Presses a key on the page's own slider, and waits until the new picture is painted."""
        before = self.decoded()
        self.page.get_by_role("slider", name="Level").press(key)
        self.page.wait_for_function(
            """before => document.querySelector(".stBidiComponent [data-testid]").shadowRoot
                 .querySelector("[data-testid=viewer]").dataset.decoded !== before""",
            arg=before,
        )

    def box(self, index=0):
        return self.page.locator(PANE).nth(index).bounding_box()

    def click(self, x, y, index=0):
        """Clicks a whole CSS pixel at a part (0..1) of the picture; returns the pixel hit."""
        box = self.box(index)
        at = (
            math.ceil(box["x"] + x * (box["width"] - 1)),
            math.ceil(box["y"] + y * (box["height"] - 1)),
        )
        before = self.runs()
        self.page.mouse.click(*at)
        self.wait_for_run(before)
        return (
            int((at[0] - box["x"]) / box["width"] * self.size[0]),
            int((at[1] - box["y"]) / box["height"] * self.size[1]),
        )

    def drag(self, start, end, y=0.8):
        box = self.box()
        height = box["y"] + y * box["height"]
        self.page.mouse.move(box["x"] + start * box["width"], height)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + end * box["width"], height, steps=5)
        self.page.mouse.up()

    def divider(self):
        return float(self.page.locator(".range").input_value())

    def dark_share(self):
        """Part of the picture's width that shows "After", read off the screen."""
        png = self.page.screenshot(clip=self.box())
        gray = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
        row = gray[int(0.2 * len(gray)) : int(0.4 * len(gray))]  # clear of handle and labels
        return float((np.median(row, axis=0) < DARK).mean())


@pytest.fixture
def view(serve, page):
    return lambda query="": Viewed(page, serve(APP), query)


# Divider ------------------------------------------------------------------------------------------


def test_dragging_anywhere_moves_the_divider(view):
    seen = view()
    seen.set_level("End")
    shown = seen.dark_share()
    seen.drag(0.9, 0.25)
    assert seen.divider() == pytest.approx(25, abs=0.5)
    assert seen.dark_share() > shown + 0.15
    seen.drag(0.1, 1.0)
    assert seen.divider() == 100
    assert seen.dark_share() < 0.35  # the cup's own shadow


def test_arrow_keys_move_the_divider(view):
    seen = view()
    handle = seen.page.get_by_role("slider", name="Divider between Before and After")
    handle.press("ArrowRight")
    handle.press("ArrowRight")
    assert seen.divider() == 51
    handle.press("Home")
    clip = seen.page.locator(PANE).nth(1).evaluate("pane => getComputedStyle(pane).clipPath")
    assert clip == "inset(0px 0px 0px 0%)"
    assert seen.runs() == 1


def test_the_divider_stays_where_it_is_over_a_rerun(view):
    seen = view()
    seen.drag(0.5, 0.7)
    seen.set_level("ArrowRight")
    assert seen.divider() == pytest.approx(70, abs=0.5)


def test_on_a_clickable_slider_only_the_handle_moves_the_divider(view):
    seen = view("clickable")
    seen.drag(0.2, 0.4)
    assert seen.divider() == 50
    seen.drag(0.5, 0.7, y=0.5)
    assert seen.divider() == pytest.approx(70, abs=0.5)
    seen.page.wait_for_timeout(300)
    assert seen.text("seeds") == "[]"  # neither drag was a click
    assert seen.runs() == 1


# Clicks -------------------------------------------------------------------------------------------

LOOK = """point => ["borderTopColor", "borderTopLeftRadius"].map(
  (name) => getComputedStyle(point)[name])"""  # lightness and shape
PARTS = [(0, 0), (0.31, 0.62), (1, 1)]


@pytest.mark.parametrize(
    ("mode", "width", "scale"),
    [
        ("slider", 1400, 1),
        ("side", 1400, 1),
        ("single", 1400, 2),
        ("slider", 400, 2),
        ("side", 400, 1),
    ],
)
def test_a_click_gives_the_pixel_under_the_pointer(serve, open_page, mode, width, scale):
    page = open_page(width, 1300, device_scale_factor=scale)
    # The panes are half as large as the image that clicks refer to.
    seen = Viewed(page, serve(APP), f"clickable&mode={mode}&shown=320&shown_height=240")
    last = page.locator(PANE).count() - 1
    hits = [seen.click(*part, index=last if mode == "side" else 0) for part in PARTS]
    assert seen.text("seeds") == str(hits)


def test_a_click_is_told_once(view):
    seen = view("clickable")
    hit = seen.click(0.3, 0.3)
    seen.set_level("ArrowRight")
    assert seen.text("seeds") == str([hit])


def test_the_same_pixel_can_be_clicked_twice(view):
    seen = view("clickable")
    assert seen.click(0.3, 0.3) == seen.click(0.3, 0.3)
    assert seen.text("seeds").count("(") == 2


@pytest.mark.parametrize("where", ["", "&fragment"])
def test_no_click_is_lost_while_the_page_computes(view, where):
    seen = view("clickable&work=0.7" + where)
    box = seen.box()
    for part in [0.2, 0.3, 0.4, 0.6]:
        seen.page.mouse.click(box["x"] + part * box["width"], box["y"] + 10)
        seen.page.wait_for_timeout(100)
    seen.page.wait_for_timeout(2500)
    xs = [int(x) for x in re.findall(r"\((\d+),", seen.text("seeds"))]
    assert xs == pytest.approx([128, 192, 256, 384], abs=1)


def test_without_clickable_a_click_does_nothing(view):
    seen = view("mode=single")
    seen.page.locator(PANE).click()
    seen.page.wait_for_timeout(300)
    assert seen.runs() == 1


@pytest.mark.parametrize("key", ["Enter", " "])
def test_the_keyboard_sets_a_point(view, key):
    seen = view("clickable&mode=side")
    panes = seen.page.get_by_role("application")
    for stroke in ["ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowLeft", "Shift+ArrowDown"]:
        panes.press(stroke)
    assert seen.page.locator(".spoken").inner_text() == "x 312, y 249"
    assert seen.page.locator(".cross").first.is_visible()
    panes.press(key)
    seen.wait_for_run(1)
    assert seen.text("seeds") == "[(312, 249)]"


def test_the_crosshair_stops_at_the_edge(view):
    seen = view("clickable&mode=single&width=8&height=5")
    panes = seen.page.get_by_role("application")
    for stroke in ["Shift+ArrowRight", "Shift+ArrowDown", "Enter"]:
        panes.press(stroke)
    seen.wait_for_run(1)
    assert seen.text("seeds") == "[(7, 4)]"


@pytest.mark.parametrize("mode", ["slider", "side"])
def test_points_are_drawn_where_they_were_set(view, mode):
    seen = view(f"clickable&mode={mode}")
    hits = [seen.click(x, y) for x, y in [(0.2, 0.3), (0.97, 0.04)]]
    for pane in range(2):
        box = seen.box(pane)
        for number, hit in enumerate(hits, 1):
            point = seen.page.locator(PANE).nth(pane).locator(f".point[data-number='{number}']")
            ring = point.bounding_box()
            for axis, length, side in [(0, "width", "x"), (1, "height", "y")]:
                middle = ring[side] + ring[length] / 2 - box[side]
                expected = (hit[axis] + 0.5) / seen.size[axis] * box[length]
                assert middle == pytest.approx(expected, abs=0.6)


def test_points_of_another_kind_look_different_and_are_numbered_by_themselves(view):
    seen = view("clickable&others&mode=side")
    seen.click(0.5, 0.5)
    for pane in range(2):
        points = seen.page.locator(PANE).nth(pane).locator(".point")
        told = [(p.get_attribute("data-number"), p.evaluate(LOOK)) for p in points.all()]
        assert [number for number, _ in told] == ["1", "1", "2"]
        ours, *others = (look for _, look in told)
        assert others[0] == others[1]
        assert all(a != b for a, b in zip(ours, others[0], strict=True))


def test_the_pixel_under_the_pointer_is_marked_on_the_other_pane(view):
    seen = view("mode=side")
    box = seen.box()
    seen.page.mouse.move(int(box["x"] + 0.25 * box["width"]), int(box["y"] + 0.5 * box["height"]))
    x, y = map(int, re.findall(r"\d+", seen.page.locator(".readout").inner_text()))
    assert (x, y) == pytest.approx((160, 240), abs=2)
    assert [seen.page.locator(".cross").nth(i).is_visible() for i in range(2)] == [False, True]
    assert float(
        seen.page.locator(".cross")
        .nth(1)
        .evaluate("c => parseFloat(c.style.getPropertyValue('--x'))")
    ) == pytest.approx((x + 0.5) / 6.4)


# Updates ------------------------------------------------------------------------------------------

WATCH = """() => {
  const root = document.querySelector(".stBidiComponent [data-testid]").shadowRoot
    .querySelector("[data-testid=viewer]");
  const images = [...root.querySelectorAll("img")];
  const seen = { root, images, frames: 0, empty: 0, removed: 0, heights: new Set() };
  window.seen = seen;
  new MutationObserver((changes) => {
    for (const change of changes) seen.removed += change.removedNodes.length;
  }).observe(root.querySelector(".panes"), { childList: true });
  const look = () => {
    seen.frames += 1;
    seen.empty += images.filter((image) => !(image.complete && image.naturalWidth > 0)).length;
    seen.heights.add(root.getBoundingClientRect().height);
    requestAnimationFrame(look);
  };
  look();
}"""

SEEN = """() => ({
  frames: seen.frames, empty: seen.empty, removed: seen.removed, heights: seen.heights.size,
  kept: seen.images.every((image) => image.isConnected),
  sources: seen.images.map((image) => image.src),
  painted: performance.getEntriesByName("seg-viewer-decoded")[0].detail.join(" "),
})"""


def test_an_update_keeps_the_nodes_and_shows_no_empty_frame(view):
    seen = view()
    seen.page.evaluate(WATCH)
    before = seen.page.evaluate(SEEN)
    for key in ["ArrowRight", "PageUp", "End", "ArrowLeft", "Home"]:
        seen.set_level(key)
    after = seen.page.evaluate(SEEN)
    assert after["frames"] > before["frames"]
    assert (after["empty"], after["removed"], after["heights"]) == (0, 0, 1)
    assert after["kept"]
    assert after["sources"][0] == before["sources"][0]  # the same bytes: not decoded again
    assert after["sources"][1] != before["sources"][1]
    assert after["painted"] == seen.decoded()


def test_no_painted_frame_lacks_the_picture(view):
    seen = view("mode=single&width=1024&height=768")
    box = seen.box()
    clip = seen.page.context.new_cdp_session(seen.page)
    frames = []

    def keep(event):
        frames.append(event["data"])
        clip.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    clip.on("Page.screencastFrame", keep)
    clip.send("Page.startScreencast", {"format": "jpeg", "quality": 60})
    for key in ["End", "Home"] * 4:
        seen.set_level(key)
    clip.send("Page.stopScreencast")
    assert len(frames) > 8
    brightness = {round(_mean_inside(frame, box)) for frame in frames}
    assert max(brightness) < 160  # the empty box is nearly white
    assert len(brightness) >= 2  # both pictures were among the frames


def _mean_inside(frame, box):
    image = cv2.imdecode(np.frombuffer(base64.b64decode(frame), np.uint8), cv2.IMREAD_GRAYSCALE)
    scale = image.shape[1] / 1400
    top, left = int((box["y"] + 50) * scale), int((box["x"] + 50) * scale)
    bottom = int((box["y"] + box["height"] - 50) * scale)
    right = int((box["x"] + box["width"] - 50) * scale)
    return image[top:bottom, left:right].mean()


# Full screen --------------------------------------------------------------------------------------


def test_full_screen_shows_the_component_and_leaves_again(view):
    seen = view()
    root = seen.page.locator("[data-testid=viewer]")
    small = seen.box()
    seen.page.get_by_role("button", name="Full screen", exact=True).click()
    seen.page.get_by_role("button", name="Leave full screen").wait_for()
    assert root.evaluate("root => root.matches(':fullscreen')")
    large = seen.box()
    assert large["height"] > small["height"]
    assert large["y"] + large["height"] <= 900
    assert large["width"] / large["height"] == pytest.approx(4 / 3, rel=0.01)
    seen.page.get_by_role("button", name="Leave full screen").click()
    seen.page.get_by_role("button", name="Full screen", exact=True).wait_for()
    assert seen.box() == small


def test_refused_full_screen_breaks_nothing(view):
    seen = view()
    seen.page.evaluate(
        "() => { Element.prototype.requestFullscreen = () => Promise.reject(TypeError('no')); }"
    )
    seen.page.get_by_role("button", name="Full screen", exact=True).click()
    seen.drag(0.5, 0.3)
    assert seen.divider() == pytest.approx(30, abs=0.5)


# Sizes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(1, 5000), (5000, 1), (1, 1)])
def test_a_strip_of_pixels_can_be_seen_and_clicked(view, width, height):
    seen = view(f"clickable&mode=single&width={width}&height={height}")
    box = seen.box()
    assert min(box["width"], box["height"]) >= 40
    assert box["height"] <= 0.7 * 900 + 1
    assert box["width"] <= 1400
    x, y = seen.click(0.75, 0.75)
    assert seen.text("seeds") == f"[({x}, {y})]"
    assert x >= 0.7 * width - 1
    assert y >= 0.7 * height - 1


@pytest.mark.parametrize(("width", "pixelated"), [(100, True), (800, False)])
def test_only_a_small_picture_shows_its_pixels(view, width, pixelated):
    seen = view(f"mode=single&width={width}&height={width}")
    rendering = seen.page.locator("img").evaluate("img => getComputedStyle(img).imageRendering")
    assert (rendering == "pixelated") == pixelated


@pytest.mark.parametrize(("width", "side_by_side"), [(1400, True), (500, False)])
def test_panes_stand_in_one_column_where_it_is_narrow(serve, open_page, width, side_by_side):
    seen = Viewed(open_page(width, 900), serve(APP), "mode=side")
    first, second = seen.box(0), seen.box(1)
    assert (first["y"] == second["y"]) == side_by_side
    assert (first["x"] == second["x"]) != side_by_side
    assert first["width"] / first["height"] == pytest.approx(4 / 3, rel=0.01)


# The Python side ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "n_panes", "size", "message"),
    [
        ("slider", 1, (4, 3), "1 panes do not suit"),
        ("single", 2, (4, 3), "2 panes do not suit"),
        ("side", 0, (4, 3), "0 panes do not suit"),
        ("single", 1, (0, 3), "size must be positive"),
    ],
)
def test_wrong_arguments_are_refused(mode, n_panes, size, message):
    panes = [Pane(b"", "image/png", "Picture")] * n_panes
    with pytest.raises(ValueError, match=message):
        viewer(panes, size=size, key="viewer", mode=mode)


SIZE = (640, 480)


@pytest.mark.parametrize(
    "message",
    [
        None,
        7,
        {"view": "a", "first": 0},
        {"view": "a", "first": "0", "clicks": [[1, 2, *SIZE]]},
        {"view": "a", "first": 0, "clicks": [[1, 2]]},
        {"view": "a", "first": 0, "clicks": [["1", 2, *SIZE]]},
        {"view": "a", "first": 0, "clicks": [[-1, 2, *SIZE], [640, 2, *SIZE], [1, 480, *SIZE]]},
        {"view": "a", "first": 0, "clicks": [[1, 2, 320, 240]]},
    ],
)
def test_a_click_on_no_pixel_of_this_image_is_ignored(message):
    assert read_clicks(message, SIZE, None)[0] == []


def test_clicks_sent_again_are_told_once():
    one, two = [639, 479, *SIZE], [0, 0, *SIZE]
    clicks, heard = read_clicks({"view": "a", "first": 0, "clicks": [one]}, SIZE, None)
    assert clicks == [(639, 479)]
    clicks, heard = read_clicks({"view": "a", "first": 0, "clicks": [one, two]}, SIZE, heard)
    assert (clicks, heard) == ([(0, 0)], ("a", 2))
    assert read_clicks({"view": "a", "first": 0, "clicks": [one, two]}, SIZE, heard)[0] == []
    assert read_clicks({"view": "a", "first": 2, "clicks": [one]}, SIZE, heard)[0] == [(639, 479)]
    assert read_clicks({"view": "b", "first": 0, "clicks": [one]}, SIZE, heard)[0] == [(639, 479)]
