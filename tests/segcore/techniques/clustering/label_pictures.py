"""Ten pictures whose regions are known, and how much of their boundaries a result finds."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.result import Image

SHAPE = (240, 320)
Truth = npt.NDArray[np.int64]


def touching_discs(radius: int, rng: np.random.Generator) -> Truth:
    """Discs in rows, each touching its neighbours, on a background."""
    y, x = np.indices(SHAPE)
    labels = np.zeros(SHAPE, np.int64)
    middles = np.arange(radius, max(SHAPE), round(1.95 * radius))
    for number, (cy, cx) in enumerate((cy, cx) for cy in middles for cx in middles):
        shift = rng.uniform(-0.2, 0.2) * radius
        labels[(y - cy) ** 2 + (x - cx - shift) ** 2 <= radius**2] = number + 1
    return labels


def stars(points: int, rng: np.random.Generator) -> Truth:
    """A dozen stars, some before others."""
    canvas = np.zeros(SHAPE, np.uint8)
    for number in range(1, 13):
        radius = rng.uniform(25, 50) * np.where(np.arange(2 * points) % 2, 1, 0.45)
        angle = np.arange(2 * points) * np.pi / points + rng.uniform(0, 6)
        middle = rng.uniform((20, 20), np.array(SHAPE[::-1]) - 20)
        corners = middle + np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], number)
    return canvas.astype(np.int64)


def stripes(width: int, rng: np.random.Generator) -> Truth:
    """Oblique stripes of seven colours in turn."""
    y, x = np.indices(SHAPE)
    angle = rng.uniform(0.3, 1.2)
    return ((x * np.cos(angle) + y * np.sin(angle)) // width).astype(np.int64) % 7


def blobs(width: float, rng: np.random.Generator) -> Truth:
    """Where smoothed noise of one of six kinds is the greatest."""
    noise = (rng.standard_normal(SHAPE) for _ in range(6))
    return np.stack([cv2.GaussianBlur(plane, (0, 0), width) for plane in noise]).argmax(axis=0)


# What is drawn, and the standard deviation of the noise put on top.
DRAWINGS: Mapping[str, tuple[Callable[[np.random.Generator], Truth], float]] = {
    "small discs": (partial(touching_discs, 14), 10),
    "discs": (partial(touching_discs, 24), 5),
    "large discs, strong noise": (partial(touching_discs, 34), 20),
    "stars of five": (partial(stars, 5), 8),
    "stars of seven, noise": (partial(stars, 7), 15),
    "stars of nine, no noise": (partial(stars, 9), 0),
    "narrow stripes": (partial(stripes, 9), 6),
    "stripes, noise": (partial(stripes, 17), 15),
    "small blobs": (partial(blobs, 6.0), 10),
    "blobs, strong noise": (partial(blobs, 14.0), 25),
}


def label_picture(name: str) -> tuple[Image, Truth]:
    """The picture of this name and the label map that it was drawn from."""
    draw, noise = DRAWINGS[name]
    rng = np.random.default_rng(list(DRAWINGS).index(name))
    truth = draw(rng)
    colors = rng.integers(30, 226, (truth.max() + 1, 3))
    pixels = colors[truth] + rng.normal(0, noise, (*SHAPE, 3))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8), truth


def boundary_recall(labels: npt.NDArray[Any], truth: Truth, tolerance: float = 2.0) -> float:
    """Share of the true boundary pixels with a boundary of the labels at most so many px away."""
    found = _boundary(labels)
    if not found.any():
        return 0.0
    distance = cv2.distanceTransform((~found).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float((distance[_boundary(truth)] <= tolerance).mean())


def _boundary(labels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    boundary = np.zeros(labels.shape, bool)
    boundary[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    boundary[:-1] |= labels[1:] != labels[:-1]
    return boundary


def neighbours(labels: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Pairs of labels that touch side by side."""
    beside = np.stack([labels[:, :-1].ravel(), labels[:, 1:].ravel()])
    below = np.stack([labels[:-1].ravel(), labels[1:].ravel()])
    pairs = np.unique(np.sort(np.concatenate([beside, below], axis=1), axis=0), axis=1)
    yield from ((int(a), int(b)) for a, b in pairs.T if a != b)
