"""Ten people who cluster without a pause, and one bystander who moves a threshold.

    python -m tests.benchmarks.bystander

Every person moves the number of clusters of K-Means on, as soon as the picture of the last move is
there, each with a seed of its own, so that nobody's result comes out of the cache of another. The
bystander's pictures are timed alone on the server before, during and after.
"""

import asyncio
import itertools
import math
import time

from tests.benchmarks.server import Server, serve
from tests.benchmarks.session import Rerun, session
from tests.benchmarks.table import median, ms, p90, print_load, print_table, verdict

PEOPLE = 10
SECONDS = 20.0
SECONDS_ALONE = 6.0
PERIOD = 0.5
GOAL = 5.0
LEVELS = itertools.cycle(range(30, 220))


async def cluster(server: Server, person: int, end: float) -> list[Rerun]:
    """One person who keeps K-Means busy until `end`."""
    link = {"technique": "kmeans", "sample": "astronaut", "seed": person}
    clusters = itertools.cycle((8, 3, 6, 2, 7, 5))
    async with session(server, "clustering", **link) as visitor:
        reruns = [await visitor.open()]
        while time.perf_counter() < end:
            reruns.append(await visitor.move("kmeans.n_clusters", next(clusters), to_end=False))
    return reruns


async def bystand(server: Server, seconds: float) -> list[Rerun]:
    """The bystander's moves, twice a second."""
    link = {"technique": "thresholding", "sample": "camera", "method": "fixed"}
    async with session(server, "classical", **link) as visitor:
        await visitor.open()
        first = time.perf_counter() + PERIOD
        reruns = []
        for turn in range(round(seconds / PERIOD)):
            await asyncio.sleep(max(0.0, first + turn * PERIOD - time.perf_counter()))
            move = visitor.move("thresholding.level", next(LEVELS), to_end=False)
            reruns.append(await move)
    return reruns


async def measure(server: Server) -> tuple[list[Rerun], list[Rerun], list[list[Rerun]]]:
    """The bystander alone and among the others, and what the others saw."""
    before = await bystand(server, SECONDS_ALONE / 2)
    end = time.perf_counter() + SECONDS + 2 * PERIOD
    among, *others = await asyncio.gather(
        bystand(server, SECONDS), *(cluster(server, person, end) for person in range(PEOPLE))
    )
    after = await bystand(server, SECONDS_ALONE / 2)
    return before + after, among, others


def report(alone: list[Rerun], among: list[Rerun], others: list[list[Rerun]]) -> None:
    def row(title: str, reruns: list[Rerun]) -> list[str]:
        times = [rerun.picture or math.inf for rerun in reruns]
        errors = sum(len(rerun.errors) for rerun in reruns)
        return [
            title,
            str(len(times)),
            ms(median(times)),
            ms(p90(times)),
            ms(max(times)),
            str(errors),
        ]

    moves = [rerun for one in others for rerun in one[1:]]
    rows = [
        row("bystander alone", alone),
        row(f"bystander among {PEOPLE}", among),
        row(f"each of the {PEOPLE}, K-Means", moves),
    ]
    print("From a change to its picture, ms")
    print_table(["", "changes", "median", "p90", "worst", "errors"], rows)
    ratio = median([r.picture for r in among]) / median([r.picture for r in alone])
    errors = sum(len(r.errors) for r in (*alone, *among, *moves))
    print(
        f"Bystander among {PEOPLE} ÷ alone: {ratio:.2f}. "
        f"Goal: at most {GOAL:g}, and no error: {verdict(ratio <= GOAL and not errors)}"
    )


def main() -> None:
    print_load()
    with serve("app.py") as server:
        report(*asyncio.run(measure(server)))


if __name__ == "__main__":
    main()
