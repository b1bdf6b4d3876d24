"""Clustering against the libraries: time and objective on photographs of 1024×768 pixels.

    python -m tests.benchmarks.clustering [kmeans | one_start | fuzzy_cmeans] [PHOTOGRAPH …]

K-Means with ten starts each against scikit-learn's best of ten, for 2 to 8 clusters in RGB; with
one start from the same centres; Fuzzy C-Means against scikit-fuzzy. Without arguments everything is
measured, which takes about twenty minutes on two cores.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import skfuzzy
from sklearn.cluster import KMeans

from segcore import run
from segcore.ops.feature_space import brightness, to_features
from segcore.result import Image
from segcore.samples import get_sample
from segcore.technique import ignore
from segcore.techniques.clustering.fuzzy_cmeans import memberships
from segcore.techniques.clustering.kmeans import nearest
from tests.benchmarks.table import median, print_table, verdict

SIZE = (1024, 768)
PHOTOGRAPHS = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "retina",
    "immunohistochemistry",
    "hubble_deep_field",
    "stereo_motorcycle",
)
Points = npt.NDArray[np.float32]


def photograph(name: str) -> Image:
    image = get_sample(name).load()
    shrinks = image.shape[1] >= SIZE[0]
    image = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    image.setflags(write=False)
    return image


def pictures(key: str, image: Image, **settings: Any) -> dict[str, Any]:
    return {step.title: step.picture for step in run(key, image, **settings).steps}


def in_turns(ours: Callable[[], object], theirs: Callable[[], object], times: int) -> list[float]:
    """Median seconds of both; they take turns, so that a busy machine slows them alike."""
    taken: list[list[float]] = [[], []]
    for _ in range(times):
        for work, found in zip((ours, theirs), taken, strict=True):
            start = time.perf_counter()
            work()
            found.append(time.perf_counter() - start)
    return [median(found) for found in taken]


def squares(points: Points, centers: Points) -> float:
    """Sum of squared distances to the nearest centre."""
    gaps = points - centers.astype(np.float32)[nearest(points, centers.astype(np.float32))]
    return float((gaps.astype(np.float64) ** 2).sum())


def fuzzy_objective(points: Points, centers: Points) -> float:
    shares, distances = memberships(points, centers, 2.0)
    return float((shares.astype(np.float64) ** 2 * distances).sum())


def quiet(key: str, image: Image, **settings: Any) -> Callable[[], object]:
    return lambda: run(key, image, show=ignore, **settings)


def row(
    title: str, ours: float, theirs: float, ratio: float, limit: float, goal: float
) -> list[str]:
    good = theirs >= goal * ours and ratio <= limit
    speed = f"{theirs / ours:.1f}"
    return [title, f"{ours:.2f}", f"{theirs:.2f}", speed, f"{ratio:.5f}", verdict(good)]


def kmeans_rows(name: str) -> Iterator[list[str]]:
    """Ten starts on both sides."""
    image = photograph(name)
    points = to_features(image, "rgb")
    for k in range(2, 9):
        twin = KMeans(k, n_init=10, random_state=0)
        fit = partial(twin.fit, points)
        ours, theirs = in_turns(quiet("kmeans", image, n_clusters=k, n_init=10), fit, 1)
        centers = pictures("kmeans", image, n_clusters=k, n_init=10)["Paths of the centres"].centers
        ratio = squares(points, centers) / squares(points, twin.cluster_centers_)
        yield row(f"{name}, k = {k}", ours, theirs, ratio, 1.01, 5)


def one_start_rows(name: str) -> Iterator[list[str]]:
    """One start from the same centres; ours also draws them, scikit-learn is given them."""
    image = photograph(name)
    points = to_features(image, "rgb")
    for k in range(2, 9):
        shown = pictures("kmeans", image, n_clusters=k, n_init=1)
        twin = KMeans(k, init=shown["Starting centres"].centers, n_init=1)
        fit = partial(twin.fit, points)
        ours, theirs = in_turns(quiet("kmeans", image, n_clusters=k, n_init=1), fit, 7)
        found = squares(points, shown["Paths of the centres"].centers)
        ratio = found / squares(points, twin.cluster_centers_)
        yield row(f"{name}, k = {k}", ours, theirs, ratio, 1.01, 1.5)


def fuzzy_rows(name: str) -> Iterator[list[str]]:
    """m = 2, four clusters."""
    image = photograph(name)
    points = to_features(image, "rgb")
    wide = points.astype(np.float64).T
    found: list[Any] = []
    ours, theirs = in_turns(
        quiet("fuzzy_cmeans", image),
        lambda: found.extend(skfuzzy.cmeans(wide, 4, 2, error=1e-5, maxiter=1000, seed=0)),
        1,
    )
    centers = pictures("fuzzy_cmeans", image)["Paths of the centres"].centers
    expected = found[0][np.argsort(brightness(found[0]))].astype(np.float32)
    ratio = fuzzy_objective(points, centers) / fuzzy_objective(points, expected)
    yield [*row(name, ours, theirs, ratio, 1.001, 20), f"{np.abs(centers - expected).max():.2f}"]


HEAD = ("photograph", "ours s", "library s", "faster", "objective", "goal")
PARTS: dict[str, tuple[str, Callable[[str], Iterator[list[str]]], Sequence[str]]] = {
    "kmeans": ("K-Means, ten starts: 5 times as fast, within 1%", kmeans_rows, HEAD),
    "one_start": ("K-Means, one start: 1.5 times as fast, within 1%", one_start_rows, HEAD),
    "fuzzy_cmeans": (
        "Fuzzy C-Means: 20 times as fast, within 0.1%; centres within 1 grey level",
        fuzzy_rows,
        (*HEAD, "centres"),
    ),
}


def main(arguments: Sequence[str]) -> None:
    parts = [part for part in PARTS if part in arguments] or list(PARTS)
    names = [name for name in PHOTOGRAPHS if name in arguments] or list(PHOTOGRAPHS)
    for part in parts:
        title, rows, head = PARTS[part]
        print(f"{title} ({SIZE[0]}×{SIZE[1]})")
        print_table(head, [row for name in names for row in rows(name)])


if __name__ == "__main__":
    main(sys.argv[1:])
