"""Nine techniques at 1024×768 in the comparison: the first picture, all of them, and a bystander.

    python -m tests.benchmarks.grid

One session opens a grid of nine techniques, networks among them, on a drawn street, and then five
more, each of another street, so that no result comes out of the cache. Meanwhile a bystander moves
a threshold twice a second; the same is timed alone, before and after. PyTorch is loaded once before
the clock starts, as on a server that somebody has used today.
"""

import asyncio
import json
import struct
import time
from dataclasses import dataclass
from typing import Any

from pages.ui.cache import IMAGES_MB, PICTURES_MB, RUNS_MB
from pages.ui.comparison.address import TRUTH
from tests.benchmarks.bystander import PERIOD, bystand
from tests.benchmarks.session import Rerun, session
from tests.benchmarks.table import median, ms, p90, print_load, print_table, verdict
from tests.server import Server, serve

NINE = (
    "thresholding",
    "hsv_color",
    "watershed",
    "kmeans",
    "slic",
    "felzenszwalb",
    "unet",
    "deeplab",
    "mask_rcnn",
)
GRIDS = 6
SOON = 1.0  # seconds to the first picture
GOAL = 5.0  # of the bystander's median, against alone
SECONDS_ALONE = 6.0


@dataclass(frozen=True)
class Filling:
    """How a grid filled: seconds to the first result, to the last, and what was wrong."""

    first: float
    last: float
    results: int
    errors: int


def panels_of(data: bytes) -> list[dict[str, Any]]:
    """What the component was told of each technique's panel; see pages.ui.comparison.panels."""
    (length,) = struct.unpack("<I", data[:4])
    shown: list[dict[str, Any]] = json.loads(data[4 : 4 + length])["panels"]
    return [panel for panel in shown if panel["key"] != TRUTH]  # the truth needs no run


def filling(rerun: Rerun) -> Filling:
    """Counts the panels that have labels each time that the component was given new data."""
    counts = [
        (when, sum("labels" in panel for panel in panels_of(data)))
        for when, data in rerun.pictures
        if len(data) > 4
    ]
    most = max(count for _, count in counts)
    first = next(when for when, count in counts if count)
    last = next(when for when, count in counts if count == most)
    return Filling(first, last, most, len(rerun.errors))


async def fill(server: Server, seed: int) -> Filling:
    """A visitor who follows the link of a grid, until all of it is there."""
    places = {str(place): key for place, key in enumerate(NINE, start=1)}
    link = {"sample": "street", "street.seed": seed, "street.size": 1024, **places}
    async with session(server, "comparison", **link) as visitor:
        return filling(await visitor.open())


async def measure(
    server: Server,
) -> tuple[list[Rerun], list[Rerun], list[Filling], dict[str, float]]:
    """The bystander alone and beside the grids, how these filled, and the server's memory."""
    await fill(server, 7_000_000)
    memory = {"after one grid": server.resident_mb()}
    before = await bystand(server, SECONDS_ALONE / 2)
    busy = asyncio.create_task(_fill_all(server))
    among: list[Rerun] = []
    while not busy.done():
        among += await bystand(server, 4 * PERIOD)
    fillings = await busy
    memory[f"after {1 + GRIDS}"] = server.resident_mb()
    after = await bystand(server, SECONDS_ALONE / 2)
    return before + after, among, fillings, memory


async def _fill_all(server: Server) -> list[Filling]:
    return [await fill(server, 7_000_001 + number) for number in range(GRIDS)]


def report(
    alone: list[Rerun], among: list[Rerun], fillings: list[Filling], memory: dict[str, float]
) -> None:
    print(f"Grids of {len(NINE)} techniques, seconds from the link to the picture")
    rows = [
        [f"grid {number}", f"{one.first:.2f}", f"{one.last:.2f}", str(one.results), str(one.errors)]
        for number, one in enumerate(fillings, start=1)
    ]
    print_table(["", "first result", "all", "results", "errors"], rows)
    first = median([one.first for one in fillings])
    whole = all(one.results == len(NINE) and not one.errors for one in fillings)
    print(f"First result, median {first:.2f} s. Goal: {SOON:g} s: {verdict(first <= SOON)}")
    print(f"All nine without an error: {verdict(whole)}\n")
    print("A bystander's threshold, from the change to its picture, ms")
    times = {"alone": [r.picture for r in alone], "beside the grids": [r.picture for r in among]}
    print_table(
        ["", "changes", "median", "p90", "worst"],
        [[n, str(len(t)), ms(median(t)), ms(p90(t)), ms(max(t))] for n, t in times.items()],
    )
    ratio = median(times["beside the grids"]) / median(times["alone"])
    print(f"Beside ÷ alone: {ratio:.2f}. Goal: at most {GOAL:g}: {verdict(ratio <= GOAL)}\n")
    caps = RUNS_MB + PICTURES_MB + IMAGES_MB
    (_, early), (_, late) = memory.items()
    print(", ".join(f"{name} {value:.0f} MB" for name, value in memory.items()))
    print(
        f"Growth {late - early:+.0f} MB. Goal: no more than the caches may hold, {caps} MB: "
        f"{verdict(late - early <= caps)}"
    )


def main() -> None:
    print_load()
    start = time.monotonic()
    with serve("app.py") as server:
        report(*asyncio.run(measure(server)))
    print(f"It took {time.monotonic() - start:.0f} s.")


if __name__ == "__main__":
    main()
