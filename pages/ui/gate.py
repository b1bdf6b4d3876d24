"""A gate for long runs: they take turns, so that short ones never wait behind all of them.

On a server with few cores, ten long runs at once take as long as ten in a row, and everything else
crawls meanwhile. So a run of a technique whose last run was long waits for one of a few places, one
less than the machine has cores; short ones pass.
"""

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

LONG = 0.1  # seconds from which a run counts as long
POLL = 0.05  # seconds between two looks at the queue


class Gate:
    """Lets at most `places` long runs through at once, in the order of their coming."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._queue: deque[object] = deque()  # those inside come first
        self._seconds: dict[Hashable, float] = {}

    def seconds(self, kind: Hashable) -> float | None:
        """How long the last run of this kind took; None if there was none."""
        return self._seconds.get(kind)

    def is_short(self, kind: Hashable, limit: float | None = None) -> bool:
        """Whether there was a run of this kind, and the last one took less than `limit` (LONG)."""
        return self._seconds.get(kind, math.inf) < (LONG if limit is None else limit)

    @contextmanager
    def turn(self, kind: Hashable, waiting: Callable[[int], None]) -> Iterator[None]:
        """Waits for a place if the last run of this kind was long, and times this one.

        Args:
            kind: what tells long from short, such as the technique's key.
            waiting: told again and again how many are before; what it raises ends the waiting.
        """
        ticket = object()
        is_long = self._seconds.get(kind, 0.0) >= LONG
        try:
            if is_long:
                self._wait(ticket, waiting)
            start = time.perf_counter()
            yield
            self._seconds[kind] = time.perf_counter() - start
        finally:
            if is_long:
                with self._lock:
                    self._queue.remove(ticket)

    def _wait(self, ticket: object, waiting: Callable[[int], None]) -> None:
        with self._lock:
            self._queue.append(ticket)
        while True:
            with self._lock:
                before = self._queue.index(ticket)
            if before < self._places:
                return
            waiting(before - self._places + 1)
            time.sleep(POLL)


runs = Gate(max(1, (os.cpu_count() or 2) - 1))
