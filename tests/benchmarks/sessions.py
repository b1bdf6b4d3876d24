"""Twenty people who move a slider twice a second, against one alone.

    python -m tests.benchmarks.sessions

The people are sessions without a browser (see session.py), in this process; the server runs in
another. Each has a blur of its own, so that nobody's result comes out of the cache of somebody
else. A change counts from the moment that it is due: a server that falls behind cannot hide it, and
a change that it has not answered a little after the end counts as one that takes for ever. What
counts is the new picture: like a person, a session moves on without waiting for the steps, which
follow when the hand rests.
"""

import asyncio
import itertools
import math
import time
from collections.abc import Sequence

from tests.benchmarks.session import Rerun, Session, session
from tests.benchmarks.table import median, ms, p90, print_load, print_table, verdict
from tests.server import Server, serve

PEOPLE = 20
SECONDS = 20.0
SECONDS_ALONE = 8.0
PATIENCE = 3.0  # seconds after the end that late answers are waited for
PERIOD = 0.5
GOAL = 3.0
LINK = {"technique": "thresholding", "sample": "camera", "method": "fixed"}
LEVELS = itertools.cycle(range(30, 220))


async def visit(server: Server, person: int, start: asyncio.Barrier, seconds: float) -> list[Rerun]:
    """One person's reruns; `seconds` of each count from when the change was due."""
    async with session(server, "classical", **LINK, blur=person / 10) as visitor:
        opened = await visitor.open()
        await visitor.move("thresholding.level", next(LEVELS))
        await start.wait()
        phase = PERIOD * (person % PEOPLE) / PEOPLE
        return [opened, *await move_on(visitor, time.perf_counter() + phase, seconds)]


async def move_on(visitor: Session, first: float, seconds: float) -> list[Rerun]:
    reruns = []
    for turn in range(round(seconds / PERIOD)):
        due = first + turn * PERIOD
        if time.perf_counter() > first + seconds + PATIENCE:
            reruns.append(Rerun(seconds=math.inf, picture=math.inf))
            continue
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        late = time.perf_counter() - due
        rerun = await visitor.move("thresholding.level", next(LEVELS), to_end=False)
        rerun.seconds += late
        rerun.picture += late
        reruns.append(rerun)
    return reruns


async def visits(server: Server, people: Sequence[int], seconds: float) -> list[list[Rerun]]:
    """What each of some people at once sees; the first rerun of each is the opening of the page."""
    start = asyncio.Barrier(len(people))
    return await asyncio.gather(*(visit(server, person, start, seconds) for person in people))


def row(title: str, seen: list[list[Rerun]]) -> list[str]:
    reruns = [rerun for one in seen for rerun in one[1:]]
    pictures = [rerun.picture for rerun in reruns]
    errors = sum(len(rerun.errors) for one in seen for rerun in one)
    late = sum(picture > PERIOD for picture in pictures)
    cells = [median(pictures), p90(pictures), max(pictures)]
    return [title, str(len(reruns)), *map(ms, cells), str(late), str(errors)]


def report(alone: list[list[Rerun]], together: list[list[Rerun]], cpu: float) -> None:
    head = ["", "changes", "picture", "p90", "worst", "> 0.5 s", "errors"]
    rows = [row("one", alone), row(f"{PEOPLE} at once", together)]
    print(f"A change every {PERIOD} s each, from its being due to …, medians in ms")
    print_table(head, rows)
    answered = sum(math.isfinite(rerun.picture) for one in together for rerun in one[1:])
    print(
        f"{PEOPLE} at once ask for {PEOPLE / PERIOD:.0f} reruns a second. The server answered "
        f"{answered} changes with {1000 * cpu / max(answered, 1):.0f} ms of processor time each: "
        f"at most {answered / cpu:.0f} a second if Python's lock lets one processor work at a time."
    )
    texts = {e for one in (*alone, *together) for rerun in one for e in rerun.errors}
    print("".join(f"error: {text}\n" for text in sorted(texts)), end="")
    one, many = (
        median([rerun.picture for person in seen for rerun in person[1:]])
        for seen in (alone, together)
    )
    ratio = many / one
    print(
        f"Picture, {PEOPLE} at once ÷ one: {ratio:.2f} (inf: never). "
        f"Goal: at most {GOAL:g}, and no error: {verdict(ratio <= GOAL and not texts)}"
    )


async def measure(server: Server) -> tuple[list[list[Rerun]], list[list[Rerun]], float]:
    """What one sees and what many see, and the server's processor seconds for the many."""
    # Half of the time alone comes before and half after: the machine may be busier at one of them.
    before = await visits(server, [0], SECONDS_ALONE / 2)
    start = server.cpu_seconds()
    together = await visits(server, range(1, PEOPLE + 1), SECONDS)
    cpu = server.cpu_seconds() - start
    after = await visits(server, [PEOPLE + 1], SECONDS_ALONE / 2)
    return before + after, together, cpu


def main() -> None:
    print_load()
    with serve("app.py") as server:
        report(*asyncio.run(measure(server)))


if __name__ == "__main__":
    main()
