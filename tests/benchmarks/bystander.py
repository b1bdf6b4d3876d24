"""People who keep the server busy without a pause, and one bystander who moves a threshold.

    python -m tests.benchmarks.bystander [clustering | semantic]

clustering: ten people move the number of clusters of K-Means on, as soon as the picture of the last
move is there, each with a seed of its own. semantic: eight people fill streets of their own with
ever more cars and have U-Net segment each, while two networks are trained live. So nobody's result
comes out of the cache. The bystander's pictures are timed alone on the server before, and after.
"""

import asyncio
import itertools
import math
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

from pages.ui.trainings import Training
from segcore.training.lesson import plan_lesson
from tests.benchmarks.session import Rerun, session
from tests.benchmarks.table import median, ms, p90, print_load, print_table, verdict
from tests.server import Server, serve

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


async def segment(server: Server, person: int, end: float) -> list[Rerun]:
    """One person who keeps U-Net busy until `end`."""
    link = {"technique": "unet", "street.seed": 5_000_000 + person}
    crowds = itertools.cycle(percent / 100 for percent in range(101))  # each a new street
    async with session(server, "semantic", **link) as visitor:
        reruns = [await visitor.open()]
        while time.perf_counter() < end:
            reruns.append(await visitor.move("street.crowd", next(crowds), to_end=False))
    return reruns


@dataclass(frozen=True)
class Load:
    """What keeps the server busy."""

    title: str
    people: int
    trainings: int
    keep_busy: Callable[[Server, int, float], Coroutine[Any, Any, list[Rerun]]]


LOADS = {
    "clustering": Load("K-Means", 10, 0, cluster),
    "semantic": Load("U-Net, and 2 trainings", 8, 2, segment),
}


@contextmanager
def live_trainings(number: int) -> Iterator[None]:
    """Trainings in processes of their own, as the dashboard starts them."""
    trainings = [Training(plan_lesson(task="random", network="unet")) for _ in range(number)]
    threads = [Thread(target=training.run, daemon=True) for training in trainings]
    for thread in threads:
        thread.start()
    while any(training.state in ("waiting", "loading") for training in trainings):
        time.sleep(0.1)
    try:
        yield
    finally:
        for training in trainings:
            training.end("The benchmark is over.")
        for thread in threads:
            thread.join()


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


async def measure(server: Server, load: Load) -> tuple[list[Rerun], list[Rerun], list[list[Rerun]]]:
    """The bystander alone and among the others, and what the others saw."""
    # The first network that anybody opens loads PyTorch: that is not what is measured here.
    await load.keep_busy(server, load.people, time.perf_counter())
    before = await bystand(server, SECONDS_ALONE / 2)
    with live_trainings(load.trainings):
        end = time.perf_counter() + SECONDS + 2 * PERIOD
        busy = (load.keep_busy(server, person, end) for person in range(load.people))
        among, *others = await asyncio.gather(bystand(server, SECONDS), *busy)
    after = await bystand(server, SECONDS_ALONE / 2)
    return before + after, among, others


def report(load: Load, alone: list[Rerun], among: list[Rerun], others: list[list[Rerun]]) -> None:
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
        row(f"bystander among {load.people}", among),
        row(f"each of the {load.people}, {load.title}", moves),
    ]
    print("From a change to its picture, ms")
    print_table(["", "changes", "median", "p90", "worst", "errors"], rows)
    ratio = median([r.picture for r in among]) / median([r.picture for r in alone])
    errors = sum(len(r.errors) for r in (*alone, *among, *moves))
    print(
        f"Bystander among {load.people} ÷ alone: {ratio:.2f}. "
        f"Goal: at most {GOAL:g}, and no error: {verdict(ratio <= GOAL and not errors)}"
    )


def main() -> None:
    load = LOADS[sys.argv[1] if len(sys.argv) > 1 else "clustering"]
    print_load()
    with serve("app.py") as server:
        report(load, *asyncio.run(measure(server, load)))


if __name__ == "__main__":
    main()
