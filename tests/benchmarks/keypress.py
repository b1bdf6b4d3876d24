"""From a key press on a slider to the new picture, against a page of nothing but text.

    python -m tests.benchmarks.keypress

Both pages take turns in one Chromium, each on a server of its own with the same configuration. A
press counts from the time that the browser gives the key event. The picture counts when it has been
decoded and painted, the text when it is in the document (and, for comparison, when it has been
painted as well).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page

from tests.benchmarks.chromium import chromium, cpu_clock, measure, open_page, quiet
from tests.benchmarks.table import median, p90, print_load, print_table, verdict
from tests.server import Server, serve

LINK = "classical?technique=thresholding&sample=camera&method=fixed"
PRESSES = 30
WARM_UP = 4
GOAL = 1.5


@dataclass(frozen=True)
class Press:
    """One key press, in milliseconds since the key went down.

    Attributes:
        sent: the browser sent the new value.
        first: the first message of the rerun came, which the server sends when the run begins.
        data: the largest message came: that of the rerun's picture, where there is one. The picture
            is there before, if the browser got it ahead of the rerun, see pages/ui/previews.py.
        there: the picture or the text was there.
        painted: the same, painted.
        last: the last message of the rerun came.
    """

    sent: float
    first: float
    data: float
    there: float
    painted: float
    last: float


def press(page: Page, what: str) -> Press:
    """Presses the right arrow on the page's slider, and waits for what it changes."""
    page.evaluate("what => bench.arm(what)", what)
    page.keyboard.press("ArrowRight")
    seen: dict[str, Any] = measure(page)
    key = seen["keyed"]
    messages = seen["messages"]
    data = max(messages, key=lambda message: message[1])[0]
    times = (seen["sent"][0], messages[0][0], data, seen["there"], seen["painted"], messages[-1][0])
    return Press(*(time - key for time in times))


@dataclass(frozen=True)
class Side:
    """One of the two pages, on its server, and what was measured of it.

    Attributes:
        what: "picture" or "text": what a key press changes.
        clocks: name -> function that tells a processor time in seconds.
        presses: in the order in which they were made.
        cpu: name -> processor seconds per press.
    """

    what: str
    page: Page
    clocks: dict[str, Callable[[], float]]
    presses: list[Press] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)


def open_side(what: str, browser: Browser, server: Server, link: str, ready: str) -> Side:
    """Opens a page and puts the focus on its slider."""
    page = open_page(browser, f"{server.url}/{link}")
    page.wait_for_selector(ready)
    quiet(page, 1000)
    page.get_by_role("slider", name="Level").focus()
    return Side(what, page, {"server": server.cpu_seconds, "page": cpu_clock(page)})


def take_turns(sides: Sequence[Side]) -> None:
    for _ in range(WARM_UP):
        for side in sides:
            press(side.page, side.what)
    starts = [{name: clock() for name, clock in side.clocks.items()} for side in sides]
    for _ in range(PRESSES):
        for side in sides:
            side.presses.append(press(side.page, side.what))
    for side, start in zip(sides, starts, strict=True):
        for name, clock in side.clocks.items():
            side.cpu[name] = (clock() - start[name]) / PRESSES


def report(picture: Side, text: Side) -> None:
    print(f"Key press to …, {PRESSES} presses each, ms")
    there = [press.there for press in picture.presses]
    rows = [["picture painted", f"{median(there):.0f}", f"{p90(there):.0f}", "", ""]]
    for title, times in (
        ("text in the document", [press.there for press in text.presses]),
        ("text painted", [press.painted for press in text.presses]),
    ):
        ratios = (f"{f(there) / f(times):.2f}" for f in (median, p90))
        rows.append([title, f"{median(times):.0f}", f"{p90(times):.0f}", *ratios])
    print_table(["", "median", "p90", "picture ÷ text", "of the p90"], rows)
    ratio = median(there) / median([press.there for press in text.presses])
    print(f"Goal: picture at most {GOAL} times the text in the document: {verdict(ratio <= GOAL)}")
    print("\nWhen it happens, medians in ms since the key went down")
    sides = (picture, text)
    times: dict[str, Callable[[Press], float]] = {
        "the browser sends the value": lambda p: p.sent,
        "first message: the server starts the rerun": lambda p: p.first,
        "largest message: the rerun's picture": lambda p: p.data,
        "picture painted, text in the document": lambda p: p.there,
        "last message: the whole rerun": lambda p: p.last,
    }
    rows = [
        [title, *(f"{median([when(press) for press in side.presses]):.0f}" for side in sides)]
        for title, when in times.items()
    ]
    for title, name in (
        ("processor time of the server per press", "server"),
        ("processor time of the page's main thread per press", "page"),
    ):
        rows.append([title, *(f"{side.cpu[name] * 1000:.0f}" for side in sides)])
    print_table(["", "picture", "text"], rows)


def main() -> None:
    print_load()
    with (
        serve("app.py") as app,
        serve("tests/benchmarks/text_page.py") as plain,
        chromium() as browser,
    ):
        drawn = "[data-testid=viewer][data-decoded]"
        picture = open_side("picture", browser, app, LINK, drawn)
        text = open_side("text", browser, plain, "", ".stMain .stMarkdown")
        take_turns((picture, text))
        report(picture, text)


if __name__ == "__main__":
    main()
