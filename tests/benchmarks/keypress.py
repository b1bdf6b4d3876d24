"""From a key press on a slider to the new picture, against a page of nothing but text.

    python -m tests.benchmarks.keypress

The pages take turns in one Chromium, pictures and text each on a server of its own with the same
configuration. A press counts from the time that the browser gives the key event. The picture counts
when it has been decoded and painted, the text when it is in the document (and, for comparison, when
it has been painted as well).

An arrow key moves a slider by a step, for which the browser has got ready while the page was at
rest; Page Up and Page Down move it by a tenth of its range, and the picture is asked for after the
press. No value comes twice, so that every picture is made anew.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from playwright.sync_api import Browser, Page

from tests.benchmarks.chromium import chromium, cpu_clock, measure, open_page, quiet
from tests.benchmarks.table import median, p90, print_load, print_table, verdict
from tests.server import Server, serve

LINK = "classical?technique=thresholding&sample=camera&method=fixed"
READY = {"picture": "[data-testid=viewer][data-decoded]", "text": ".stMain .stMarkdown"}
# Where to start, and keys to press again and again; of several in one only the last one is timed.
ONE_STEP = ("level=20", ["ArrowRight"])
A_TENTH = (
    "level=3&inverted=true",
    [
        *["PageUp"] * 9,
        "ArrowRight ArrowRight PageDown",
        *["PageDown"] * 8,
        "ArrowRight ArrowRight PageUp",
        *["PageUp"] * 8,
        "ArrowRight ArrowRight PageDown",
        *["PageDown"] * 8,
    ],
)
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


def press(page: Page, keys: str, what: str) -> Press:
    """Presses a key on the page's slider, after others, and waits for what it changes."""
    *before, key = keys.split()
    for other in before:
        page.keyboard.press(other)
        quiet(page, 500)
    page.evaluate("what => bench.arm(what)", what)
    page.keyboard.press(key)
    seen: dict[str, Any] = measure(page)
    key = seen["keyed"]
    messages = seen["messages"]
    data = max(messages, key=lambda message: message[1])[0]
    times = (seen["sent"][0], messages[0][0], data, seen["there"], seen["painted"], messages[-1][0])
    return Press(*(time - key for time in times))


@dataclass(frozen=True)
class Side:
    """One of the pages, on its server, and what was measured of it.

    Attributes:
        title: what it is.
        keys: the keys to press, for ever.
        what: "picture" or "text": what a key press changes.
        clocks: name -> function that tells a processor time in seconds.
        presses: in the order in which they were made.
        cpu: name -> processor seconds per press.
    """

    title: str
    what: str
    keys: Iterator[str]
    page: Page
    clocks: dict[str, Callable[[], float]]
    presses: list[Press] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    def press(self) -> Press:
        return press(self.page, next(self.keys), self.what)


def open_side(
    title: str, what: str, start: tuple[str, list[str]], browser: Browser, server: Server
) -> Side:
    """Opens a page and puts the focus on its slider."""
    values, keys = start
    link = f"{LINK}&{values}" if what == "picture" else ""
    page = open_page(browser, f"{server.url}/{link}")
    page.wait_for_selector(READY[what])
    quiet(page, 1000)
    page.get_by_role("slider", name="Level").focus()
    clocks = {"server": server.cpu_seconds, "page": cpu_clock(page)}
    return Side(title, what, cycle(keys), page, clocks)


def take_turns(sides: Sequence[Side]) -> None:
    for _ in range(WARM_UP):
        for side in sides:
            side.press()
    starts = [{name: clock() for name, clock in side.clocks.items()} for side in sides]
    for _ in range(PRESSES):
        for side in sides:
            side.presses.append(side.press())
    for side, start in zip(sides, starts, strict=True):
        for name, clock in side.clocks.items():
            side.cpu[name] = (clock() - start[name]) / PRESSES


def report(pictures: Sequence[Side], text: Side) -> None:
    print(f"Key press to …, {PRESSES} presses each, ms")
    shown = [press.there for press in text.presses]
    painted = [press.painted for press in text.presses]
    rows = [
        ["text in the document", f"{median(shown):.0f}", f"{p90(shown):.0f}", "1", ""],
        ["text painted", f"{median(painted):.0f}", f"{p90(painted):.0f}", "", "1"],
    ]
    for side in pictures:
        there = [press.there for press in side.presses]
        ratios = (f"{median(there) / median(times):.2f}" for times in (shown, painted))
        rows.append([side.title, f"{median(there):.0f}", f"{p90(there):.0f}", *ratios])
    print_table(["", "median", "p90", "÷ text", "÷ text painted"], rows)
    for side in pictures:
        ratio = median([press.there for press in side.presses]) / median(shown)
        print(f"Goal: {side.title} at most {GOAL} times the text: {verdict(ratio <= GOAL)}")
    print("\nWhen it happens, medians in ms since the key went down")
    sides = (*pictures, text)
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
    print_table(["", *(side.title for side in sides)], rows)


def main() -> None:
    print_load()
    with (
        serve("app.py") as app,
        serve("tests/benchmarks/text_page.py") as plain,
        chromium() as browser,
    ):
        one = open_side("picture, one step", "picture", ONE_STEP, browser, app)
        far = open_side("picture, a tenth", "picture", A_TENTH, browser, app)
        text = open_side("text", "text", ONE_STEP, browser, plain)
        take_turns((one, far, text))
        report((one, far), text)


if __name__ == "__main__":
    main()
