"""Pixels as points of a feature space: a colour space and, weighted, the position.

Three colour spaces, whose names are the values of `space` below:

- "rgb": red, green and blue, 0 to 255 each.
- "lab": CIELAB (CIE 1976, of sRGB and D65): L* 0 to 100, a* and b* about -100 to 100, made so
  that a distance of about 2 is just seen. OpenCV's tables are right to within half of 1.
- "hsv": hue and saturation as a disc, value as its height, (S·cos H, S·sin H, V) with S and V from
  0 to 255: hue is an angle, and so 359° and 0° are neighbours.
"""

import math
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from segcore.result import Image

Points: TypeAlias = npt.NDArray[np.float32]  # (n, d): d features of n pixels or colours
Colors: TypeAlias = npt.NDArray[np.uint8]  # (n, 3), RGB

SPACE_RANGE = {"rgb": 255.0, "lab": 100.0, "hsv": 255.0}  # from black to white on the main axis
SPACE_AXES = {
    "rgb": ("Red", "Green", "Blue"),
    "lab": ("L* (dark to light)", "a* (green to red)", "b* (blue to yellow)"),
    "hsv": ("S·cos H", "S·sin H", "Value"),
}


class WeightedPoints(NamedTuple):
    """The distinct points of an image: what is computed for them holds for every pixel.

    Attributes:
        points: float32 (n, d), as from `to_features`.
        counts: float32 (n,), how many pixels each stands for.
        inverse: int32 (H*W,), the point of each pixel: `points[inverse]` are all features.
    """

    points: Points
    counts: npt.NDArray[np.float32]
    inverse: npt.NDArray[np.int32]


def to_features(image: Image, space: str, position_weight: float = 0.0) -> Points:
    """The pixels of an image, row by row, as points of a feature space.

    Args:
        image: uint8 H×W×3, RGB.
        space: "rgb", "lab" or "hsv", see above.
        position_weight: 0 for colour only; at 1 it counts as much to cross the longer side of the
            image as to go from black to white in one channel (255, for "lab" 100). Positions are
            thus relative to the image: a smaller copy gives the same regions.

    Returns:
        float32 (H*W, 3), or (H*W, 5) with x and y as the last two.
    """
    if space == "rgb":
        colors = image.astype(np.float32)
    elif space == "lab":
        colors = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    else:
        hue, saturation, value = cv2.split(
            cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
        )
        across, along = cv2.polarToCart(255 * saturation, hue, angleInDegrees=True)
        colors = cv2.merge([across, along, 255 * value])
    features = colors.reshape(-1, 3)
    if position_weight == 0:
        return features
    height, width = image.shape[:2]
    y, x = np.indices((height, width), dtype=np.float32)
    scale = np.float32(position_weight * SPACE_RANGE[space] / max(height, width))
    return np.column_stack([features, x.ravel() * scale, y.ravel() * scale])


def features_to_rgb(centers: npt.NDArray[Any], space: str) -> Colors:
    """The colours of points of a feature space; a point outside the RGB cube goes to its border.

    Args:
        centers: (k, d); only the first three features count, positions have no colour.
        space: "rgb", "lab" or "hsv", see above.

    Returns:
        uint8 (k, 3).
    """
    colors = np.asarray(centers, np.float32)[None, :, :3]
    if space == "lab":
        colors = 255 * cv2.cvtColor(colors, cv2.COLOR_Lab2RGB)
    elif space == "hsv":
        across, along, value = cv2.split(colors)
        saturation, hue = cv2.cartToPolar(across, along, angleInDegrees=True)
        hue[hue >= 360] = 0
        saturation, value = (np.clip(v / 255, 0, 1) for v in (saturation, value))
        colors = 255 * cv2.cvtColor(cv2.merge([hue, saturation, value]), cv2.COLOR_HSV2RGB)
    return np.clip(np.rint(colors[0]), 0, 255).astype(np.uint8)


def count_colors(image: Image) -> tuple[Colors, npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """The distinct colours of an image.

    A table of all 2^24 colours instead of sorting the pixels: three times as fast on a photograph,
    and of its memory only what the image touches is used.

    Returns:
        colors: uint8 (n, 3), RGB.
        counts: int64 (n,), pixels of each.
        inverse: int32 (H*W,), the colour of each pixel: `colors[inverse]` is the image.
    """
    padded = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA).reshape(-1, 4)
    codes = padded.view("<u4").ravel() & 0xFFFFFF  # four bytes as one number, less the alpha
    found = np.zeros(1 << 24, np.bool_)
    found[codes] = True
    present = np.flatnonzero(found).astype("<u4")
    numbers = np.empty(1 << 24, np.int32)
    numbers[present] = np.arange(len(present), dtype=np.int32)
    inverse = np.take(numbers, codes)
    return present.view(np.uint8).reshape(-1, 4)[:, :3], np.bincount(inverse), inverse


def distinct_points(image: Image, space: str, position_weight: float = 0.0) -> WeightedPoints:
    """The distinct points of an image in a feature space, and how many pixels each stands for.

    Without positions these are the distinct colours, on a photograph a third of the pixels or
    fewer; with them every pixel is a point of its own. Arguments as in `to_features`.
    """
    if position_weight == 0:
        colors, counts, inverse = count_colors(image)
        return WeightedPoints(to_features(colors[None], space), counts.astype(np.float32), inverse)
    points = to_features(image, space, position_weight)
    pixels = np.arange(len(points), dtype=np.int32)
    return WeightedPoints(points, np.ones(len(points), np.float32), pixels)


def bin_points(
    points: Points, counts: npt.NDArray[np.float32], levels: int
) -> tuple[Points, npt.NDArray[np.float32]]:
    """Points that share a bin of a regular grid, drawn together into their mean.

    Args:
        points: (n, d).
        counts: (n,), the weight of each.
        levels: bins along the feature of the widest range; the others have bins of the same size.

    Returns:
        float32 (m, d) weighted means of the m bins that are not empty, and float32 (m,) weights.
    """
    low = points.min(axis=0)
    extent = points.max(axis=0) - low
    size = max(float(extent.max()) / levels, 1e-6)
    bins = np.zeros(len(points), np.int64)
    total = 1
    for column, first, span in zip(points.T, low, extent, strict=True):
        side = min(levels, int(span / size) + 1)
        bins = bins * side + np.minimum((column - first) / size, side - 1).astype(np.int64)
        total *= side
    if total > 1 << 22:  # more than is worth a table
        _, bins = np.unique(bins, return_inverse=True)
    weights = np.bincount(bins, counts)
    sums = [np.bincount(bins, counts * column) for column in points.T]
    filled = np.flatnonzero(weights)
    means = np.stack([column[filled] for column in sums], axis=1) / weights[filled, None]
    return means.astype(np.float32), weights[filled].astype(np.float32)


def coarse_points(cloud: WeightedPoints, n_clusters: int) -> tuple[Points, npt.NDArray[np.float32]]:
    """A few thousand bins that stand for the points of an image where many runs are tried.

    Where the points lie so close that there are fewer than a hundred bins for each of the
    `n_clusters` to be found, they are all given back themselves.

    Returns:
        float32 (n, d) points and float32 (n,) counts, as from `bin_points`.
    """
    fine, coarse = (48, 24) if cloud.points.shape[1] == 3 else (16, 8)
    points, counts = bin_points(cloud.points, cloud.counts, fine)
    if len(points) > 20_000:  # noise: points everywhere
        points, counts = bin_points(points, counts, coarse)
    if len(points) < 100 * n_clusters:
        return cloud.points, cloud.counts
    return points, counts


def kmeans_plus_plus(
    points: Points, counts: npt.NDArray[np.float32], n_clusters: int, rng: np.random.Generator
) -> Points:
    """Starting centres far apart: each is drawn by its squared distance from those before it.

    Of a few draws for each centre the one that leaves the points nearest to a centre is kept (the
    greedy variant, which its authors recommend).

    Args:
        points: (n, d), distinct, at least `n_clusters` of them.
        counts: (n,), the weight of each.
        n_clusters: how many centres to choose.
        rng: source of the random draws.

    Returns:
        float32 (k, d), distinct points of the given ones.

    Source: Arthur & Vassilvitskii 2007.
    """
    trials = 2 + int(math.log(n_clusters))
    drawn = int(rng.choice(len(points), p=counts / counts.sum(dtype=np.float64)))
    chosen = [drawn]
    gaps = squared_distances(points, points[drawn])
    for _ in range(n_clusters - 1):
        weights = (counts * gaps).astype(np.float64)
        candidates = rng.choice(len(points), trials, p=weights / weights.sum())
        closer = [np.minimum(gaps, squared_distances(points, points[c])) for c in candidates]
        best = int(np.argmin([(counts * gap).sum(dtype=np.float64) for gap in closer]))
        chosen.append(int(candidates[best]))
        gaps = closer[best]
    return points[chosen]


def squared_distances(points: Points, center: Points) -> npt.NDArray[np.float32]:
    """|p - c|² for every point (n, d) and one centre (d,): float32 (n,), 0 only where equal."""
    difference = points - center
    distances: npt.NDArray[np.float32] = np.einsum("nd,nd->n", difference, difference)
    return distances


def cloud_sample(
    image: Image, features: Points, most: int = 3000, seed: int = 0
) -> tuple[Points, Colors]:
    """A random sample of the pixels for a picture of the cloud that they form.

    Args:
        image: uint8 H×W×3, RGB.
        features: (H*W, d), of the image's pixels row by row; d at least 3.
        most: number of pixels at most.
        seed: the same seed gives the same pixels.

    Returns:
        float32 (n, 3) the first three features, and uint8 (n, 3) the colour of each.
    """
    pixels = image.reshape(-1, 3)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(pixels), min(most, len(pixels)), replace=False))
    return features[chosen, :3], pixels[chosen]


def brightness(colors: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Luma (Rec. ITU-R BT.601) of RGB colours (k, 3), as OpenCV's grey: 0.299 R + 0.587 G + …"""
    luma: npt.NDArray[np.float64] = np.asarray(colors, np.float64) @ (0.299, 0.587, 0.114)
    return luma
