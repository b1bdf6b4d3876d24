"""The only place that caches: results by digest, shared by all sessions, bounded in bytes.

Streamlit's own caches are not used for results: `st.cache_data` copies every result by pickling it
and hashes large arrays from a sample of their values, so that an edited pixel can give a stale
result. Here a key is the sha256 of the image's bytes with the settings, and results are read-only.
"""

import sys
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
from cachetools import LRUCache

from segcore.charts import Frames
from segcore.networks.network import Network
from segcore.result import Run

T = TypeVar("T")

RUNS_MB = 256
PICTURES_MB = 96
IMAGES_MB = 192
SCORES_MB = 32
NETWORKS_MB = 128
EMBEDDINGS_MB = 64  # of images that are clicked on: 4 MB each
PUBLISHED_MB = 1024
MOST_PUBLISHED = 3  # networks that others have trained: one alone may have a quarter of a gigabyte


def _size(value: Any) -> int:
    """Bytes that a cached value holds on to; every kind of value that is cached is named here."""
    match value:
        case bytes():
            return len(value)
        case np.ndarray():
            return value.nbytes
        case Run():
            steps = sum(_size(step.picture) for step in value.steps)
            return _size(value.segmentation.labels) + steps
        case Frames():
            return sum(map(_size, value.pictures))
        case Network():
            return sum(tensor.nbytes for tensor in value.module.state_dict().values())
        case tuple():
            return sum(map(_size, value))
    return sys.getsizeof(value) + sum(
        v.nbytes for v in getattr(value, "__dict__", {}).values() if isinstance(v, np.ndarray)
    )


class Cache:
    """A least-recently-used cache, safe for many sessions at once.

    Args:
        megabytes: how much it holds.
        most: how many values it holds, if that is bounded too.
    """

    def __init__(self, megabytes: int, most: int | None = None) -> None:
        self._most = most
        self._values: LRUCache[Hashable, Any] = LRUCache(megabytes * 1_000_000, getsizeof=_size)
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`, made now if it is not there; what `make` raises is not kept."""
        with self._lock:
            if key in self._values:
                found: T = self._values[key]
                return found
        # Made outside the lock: one person's long run must not hold up the others.
        made = make()
        with self._lock:
            # A value larger than the whole cache is given back but not kept.
            if _size(made) <= self._values.maxsize:
                self._values[key] = made
            while self._most is not None and len(self._values) > self._most:
                self._values.popitem()
        return made

    def __contains__(self, key: Hashable) -> bool:
        with self._lock:
            return key in self._values


runs = Cache(RUNS_MB)
pictures = Cache(PICTURES_MB)
images = Cache(IMAGES_MB)
scores = Cache(SCORES_MB)
networks = Cache(NETWORKS_MB)
embeddings = Cache(EMBEDDINGS_MB)
published = Cache(PUBLISHED_MB, MOST_PUBLISHED)
