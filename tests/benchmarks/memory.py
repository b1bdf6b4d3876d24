"""Memory of the server after many changes of a setting: the caches must stop it from growing.

    python -m tests.benchmarks.memory

One session without a browser (see session.py) changes a setting 500 times, to another value each
time, so that every change makes a result and pictures that the caches may keep.
"""

import asyncio
import itertools
from collections.abc import Iterator

from pages.ui.cache import IMAGES_MB, PICTURES_MB, RUNS_MB
from tests.benchmarks.session import session
from tests.benchmarks.table import print_load, print_table, verdict
from tests.server import Server, serve

CHANGES = 500
LOOKS = (0, 20, 50, 100, 200, 300, 400, CHANGES)
LINK = {"technique": "thresholding", "sample": "camera", "method": "fixed"}
CAPS = {"results": RUNS_MB, "pictures": PICTURES_MB, "images": IMAGES_MB}


def settings() -> Iterator[tuple[str, float]]:
    """Two sliders in turn, no pair of values twice."""
    for blur, level in zip(itertools.count(1), itertools.cycle(range(30, 220)), strict=False):
        yield "thresholding.level", level
        yield "thresholding.blur", blur % 100 / 10


async def measure(server: Server) -> tuple[dict[int, float], int]:
    """Resident megabytes after so many changes, and how many error messages came."""
    seen: dict[int, float] = {}
    async with session(server, "classical", **LINK) as visitor:
        errors = len((await visitor.open()).errors)
        changes = settings()
        for count in range(CHANGES + 1):
            if count in LOOKS:
                seen[count] = server.resident_mb()
            if count < CHANGES:
                errors += len((await visitor.move(*next(changes))).errors)
    return seen, errors


def main() -> None:
    print_load()
    with serve("app.py") as server:
        seen, errors = asyncio.run(measure(server))
    print("Resident memory of the server, MB (10⁶ bytes)")
    print_table(
        ["changes", *map(str, seen)], [["resident", *(f"{value:.0f}" for value in seen.values())]]
    )
    early, late = seen[LOOKS[1]], seen[CHANGES]
    caps = sum(CAPS.values())
    names = ", ".join(f"{name} {size}" for name, size in CAPS.items())
    print(f"After {CHANGES} changes against {LOOKS[1]}: {late - early:+.0f} MB, {errors} errors.")
    print(f"Goal: no more than the caches may hold, {caps} MB ({names}), and no error: ", end="")
    print(verdict(late - early <= caps and errors == 0))


if __name__ == "__main__":
    main()
