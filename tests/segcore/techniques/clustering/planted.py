"""A picture whose clusters are known: four colours far apart, each with noise."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from segcore.result import Image, Labels

COLORS, APART, NOISE = 4, 100, 8


def planted(seed: int, shape: tuple[int, int] = (120, 160)) -> tuple[Image, Labels]:
    """Four regions of at least 5% each, of colours at least 100 apart, with noise of sd 8.

    Returns:
        the image, and which region (1 to 4) each pixel is in.
    """
    rng = np.random.default_rng(seed)
    while True:
        colors = rng.uniform(0, 255, (COLORS, 3))
        gaps = np.linalg.norm(colors[:, None] - colors, axis=-1)
        if gaps[~np.eye(COLORS, dtype=bool)].min() >= APART:
            break
    y, x = np.indices(shape)
    while True:
        sites = rng.uniform(0, 1, (COLORS, 2)) * shape
        truth = np.stack([np.hypot(y - sy, x - sx) for sy, sx in sites]).argmin(axis=0)
        if np.bincount(truth.ravel(), minlength=COLORS).min() >= 0.05 * truth.size:
            break
    image = np.rint(colors[truth] + rng.normal(0, NOISE, (*shape, 3))).clip(0, 255)
    return image.astype(np.uint8), truth.astype(np.int32) + 1


def accuracy(labels: Labels, truth: Labels) -> float:
    """Share of right pixels, under the best pairing of labels."""
    counts = np.zeros((labels.max() + 1, truth.max() + 1))
    np.add.at(counts, (labels.ravel(), truth.ravel()), 1)
    rows, columns = linear_sum_assignment(-counts)
    return float(counts[rows, columns].sum() / truth.size)
