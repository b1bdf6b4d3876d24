"""Grouping pixels by nearness in a space of features.

Features are float32 (h, w, d), d numbers on a grid that may be thinner than the image.
"""

import math
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Features: TypeAlias = npt.NDArray[np.float32]


def with_positions(features: Features, weight: float) -> Features:
    """The features and, as two more, the position: so that regions hold together.

    Args:
        features: (h, w, d), each with mean 0 and spread 1.
        weight: of both coordinates together against all features together; 0 adds nothing.
    """
    if weight == 0:
        return features
    height, width, depth = features.shape
    y, x = (np.linspace(-1, 1, side) * math.sqrt(3) for side in (height, width))  # spread 1
    grid = np.stack(np.meshgrid(x, y), axis=-1) * (weight * math.sqrt(depth / 2))
    return np.concatenate([features, grid.astype(np.float32)], axis=-1)


def kmeans_centers(
    features: Features, n_clusters: int, seed: int, *, most: int = 10_000, attempts: int = 5
) -> Features:
    """Centres of the best of some K-Means runs from k-means++ starts, on a regular subsample.

    Args:
        features: (h, w, d).
        n_clusters: how many centres; fewer come back where there are fewer points.
        seed: the same seed gives the same centres. OpenCV's generator is one per thread, so runs
            in other threads do not disturb it.
        most: about how many points take part at most.
        attempts: number of runs.

    Returns:
        (k, d); where points are equal, centres may be too.

    Source: Lloyd 1982; Arthur & Vassilvitskii 2007 (k-means++).
    """
    height, width, depth = features.shape
    every = math.ceil(math.sqrt(height * width / most))
    points = features[::every, ::every].reshape(-1, depth)
    if len(points) == 1:
        return points  # OpenCV would take a single row for a column of numbers
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-3)
    cv2.setRNGSeed(seed)
    k = min(n_clusters, len(points))
    return cv2.kmeans(points, k, None, stop, attempts, cv2.KMEANS_PP_CENTERS)[2]


def nearest_centers(
    features: Features, centers: Features, shape: tuple[int, ...]
) -> npt.NDArray[np.int32]:
    """Number from 1 up of the centre (k, d) nearest to each pixel of an image of shape (H, W).

    |f - c|² is least where f·c - |c|²/2 is greatest, and as that is linear in f, it can be
    interpolated between the points of the grid: borders come out smooth, not in blocks.
    """
    height, width = shape
    scores: npt.NDArray[Any] = features @ centers.T - (centers**2).sum(axis=1) / 2
    best = np.full(shape, -np.inf, np.float32)
    labels = np.zeros(shape, np.int32)
    for number in range(len(centers)):
        coarse = np.ascontiguousarray(scores[..., number])
        score = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        labels[score > best] = number + 1
        np.maximum(best, score, out=best)
    return labels
