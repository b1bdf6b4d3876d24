"""A Chromium for the benchmarks, and what their pages measure about themselves."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import CHROMIUM, CHROMIUM_ARGS

# Runs in every page before anything of Streamlit does. All times are those of performance.now().
PROBE = """
(() => {
  const bench = (window.bench = { messages: [], sent: [], keyed: 0 });
  const Original = window.WebSocket;
  window.WebSocket = class extends Original {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        bench.messages.push([performance.now(), data.byteLength ?? data.size]);
      });
    }
    send(data) {
      bench.sent.push(performance.now());
      super.send(data);
    }
  };
  window.addEventListener("keydown", (event) => (bench.keyed = event.timeStamp), true);

  /** Resolves when nothing came from the server for so many milliseconds, and all is drawn. */
  bench.quiet = async (pause) => {
    const last = () => bench.messages.at(-1)?.[0] ?? 0;
    while (performance.now() - last() < pause) await new Promise((go) => setTimeout(go, 20));
    await new Promise((go) => requestIdleCallback(go, { timeout: 1000 }));
  };
  /** Resolves when the rerun that a press caused has ended as well, and nothing more comes. */
  bench.rested = async (pause) => {
    const state = () => document.querySelector(".stApp").dataset.testScriptState;
    const isBusy = () => !bench.messages.length || state() !== "notRunning";
    do {
      while (isBusy()) await new Promise((go) => setTimeout(go, 20));
      await bench.quiet(pause);
    } while (isBusy());
  };
  /** Resolves to the time at which the picture component has painted other pictures. */
  bench.picture = () =>
    new Promise((found) => {
      const read = (mark) => mark?.detail.join(" ");
      const before = read(performance.getEntriesByName("seg-viewer-decoded")[0]);
      const observer = new PerformanceObserver((list) => {
        for (const mark of list.getEntries()) {
          const { name, startTime } = mark;
          if (name !== "seg-viewer-decoded" || read(mark) === before) continue;
          observer.disconnect();
          found([startTime, startTime]);
        }
      });
      observer.observe({ type: "mark" });
    });
  /** Resolves to the times at which the text of st.write is another one, and is painted. */
  bench.text = () =>
    new Promise((found) => {
      const read = () => document.querySelector(".stMain .stMarkdown")?.textContent;
      const before = read();
      const observer = new MutationObserver(() => {
        if (read() === before) return;
        observer.disconnect();
        const changed = performance.now();
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => found([changed, performance.now()]);
          port2.postMessage(null);
        });
      });
      const whole = { subtree: true, childList: true, characterData: true };
      observer.observe(document.body, whole);
    });
  bench.arm = (what) => {
    bench.messages = [];
    bench.sent = [];
    const late = (_, refuse) => setTimeout(() => refuse(new Error(`No new ${what}.`)), 30000);
    bench.done = Promise.race([bench[what](), new Promise(late)]);
    bench.done.catch(() => {}); // it is reported to the one who waits for it
  };
})();
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine.

    Raises:
        RuntimeError: there is none.
    """
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        raise RuntimeError("Chromium is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        try:
            yield browser
        finally:
            browser.close()


def open_page(browser: Browser, url: str) -> Page:
    """A page of 1400×900 in a window of its own, with the probe in it."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.add_init_script(PROBE)
    page.goto(url)
    return page


def cpu_clock(page: Page) -> Callable[[], float]:
    """A function that tells the processor time, in seconds, of the page's main thread."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def read() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return next(float(m["value"]) for m in metrics if m["name"] == "TaskDuration")

    return read


def quiet(page: Page, pause: int = 200) -> None:
    """Waits until the server has sent nothing for so many milliseconds."""
    page.evaluate("pause => bench.quiet(pause)", pause)


def measure(page: Page) -> dict[str, Any]:
    """What the page saw since it was armed, once the awaited thing is there."""
    result: dict[str, Any] = page.evaluate(
        """async () => {
             const [there, painted] = await bench.done;
             await bench.rested(150);
             const { keyed, sent, messages } = bench;
             return { keyed, sent, messages, there, painted };
           }"""
    )
    return result
