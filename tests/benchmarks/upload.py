"""From the upload of a 24-megapixel photograph to its first picture on the page.

    python -m tests.benchmarks.upload

The photograph is a sample, enlarged and roughened so that its JPEG is as large as that of a camera.
The clock starts when the file is handed to the page's file input and stops when the picture
component has decoded and painted it. Each repetition uploads another file.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page

from segcore import read_image
from segcore.images import image_size
from segcore.samples import get_sample
from tests.benchmarks.chromium import chromium, measure, open_page, quiet
from tests.benchmarks.table import median, ms, print_load, print_table
from tests.server import serve

SIZE = (6000, 4000)
SIDE = 1024  # working size of the page
REPETITIONS = 4  # the first is left out: it also pays for what is loaded at first use
LINK = "classical?technique=thresholding"


def photographs() -> Iterator[bytes]:
    """JPEG files of the same motif with another grain each."""
    enlarged = cv2.resize(get_sample("coffee").load(), SIZE, interpolation=cv2.INTER_CUBIC)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 14, (SIZE[1], SIZE[0], 1)).astype(np.float32)
    grain = cv2.GaussianBlur(noise, (0, 0), 0.6).astype(np.int16)
    for shift in range(REPETITIONS):
        rough = enlarged + np.roll(grain, 100 * shift, axis=0)[..., None]
        bgr = np.clip(rough, 0, 255).astype(np.uint8)[..., ::-1]
        yield cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 94])[1].tobytes()


def upload(page: Page, file: Path) -> tuple[float, float]:
    """Seconds until the server had the file, and until its picture was painted."""
    page.evaluate("bench.arm('picture')")
    start = page.evaluate("performance.now()")
    # The uploader of the run before stays in the page until this run has ended.
    page.wait_for_function("document.querySelectorAll('input[type=file]').length === 1")
    page.locator("input[type=file]").set_input_files(file)
    seen = measure(page)
    received = page.evaluate(
        """start => Math.max(...performance.getEntriesByType("resource")
             .filter(({ name, startTime }) => name.includes("/upload_file/") && startTime >= start)
             .map(({ responseEnd }) => responseEnd))""",
        start,
    )
    return (received - start) / 1000, (seen["there"] - start) / 1000


def through_the_page(files: list[Path]) -> list[tuple[float, float]]:
    with serve("app.py") as server, chromium() as browser:
        page = open_page(browser, f"{server.url}/{LINK}")
        page.wait_for_selector("[data-testid=viewer][data-decoded]")
        page.get_by_text("Upload", exact=True).click()
        page.wait_for_selector("input[type=file]", state="attached")
        quiet(page, 1000)
        return [upload(page, file) for file in files]


def seconds_to_read(data: bytes, max_side: int | None) -> float:
    start = time.perf_counter()
    read_image(data, max_side)
    return time.perf_counter() - start


def main() -> None:
    print_load()
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, data in enumerate(photographs()):
            files.append(Path(folder) / f"photograph-{number}.jpg")
            files[-1].write_bytes(data)
        seen = through_the_page(files)[1:]
        content = [file.read_bytes() for file in files[1:]]
    width, height = image_size(content[0])
    alone = {
        f"read_image to {SIDE} px": [seconds_to_read(data, SIDE) for data in content],
        "read_image, full size": [seconds_to_read(data, None) for data in content],
    }
    received, painted = (list(times) for times in zip(*seen, strict=True))
    rows = {
        "upload → the server has the file": received,
        "upload → first picture painted": painted,
    } | alone
    megabytes = median([len(data) for data in content]) / 1e6
    print(f"A JPEG of {width}×{height} px, {megabytes:.1f} MB, {len(content)} times, ms")
    print_table(
        ["", "median", "least", "most"],
        [[title, ms(median(t)), ms(min(t)), ms(max(t))] for title, t in rows.items()],
    )


if __name__ == "__main__":
    main()
