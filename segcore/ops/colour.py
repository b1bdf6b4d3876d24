"""Colours: ranges and means of hue, and features made visible.

Hue, saturation and value are in OpenCV's scale: hue 0 to 179 (two degrees each), the rest 0 to 255.
Hue is an angle, so ranges and means of it go round a circle: 179 and 0 are neighbours.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

HUES = 180


class HsvRange(NamedTuple):
    """A box in hue, saturation and value; every (first, last) includes both ends.

    Attributes:
        hue: 0 to 179; first > last passes through 0, as red does.
        saturation: 0 to 255.
        value: 0 to 255.
    """

    hue: tuple[int, int]
    saturation: tuple[int, int]
    value: tuple[int, int]


def in_hsv_range(hsv: npt.NDArray[np.uint8], wanted: HsvRange) -> npt.NDArray[np.uint8]:
    """Mask (uint8 H×W, 0 or 255) of the pixels of an HSV image (uint8 H×W×3) in a range."""
    first, last = wanted.hue
    (low_s, high_s), (low_v, high_v) = wanted.saturation, wanted.value
    if first <= last:
        return cv2.inRange(hsv, (first, low_s, low_v), (last, high_s, high_v))
    below = cv2.inRange(hsv, (first, low_s, low_v), (HUES - 1, high_s, high_v))
    above = cv2.inRange(hsv, (0, low_s, low_v), (last, high_s, high_v))
    return cv2.bitwise_or(below, above)


def mean_hue(hues: npt.NDArray[Any], weights: npt.NDArray[Any]) -> int | None:
    """Weighted circular mean of hues (0 to 179): the direction of the sum of their unit vectors.

    Returns:
        hue from 0 to 179, or None where the vectors cancel out and no direction is left.
    """
    turns = np.exp(2j * np.pi / HUES * hues)
    total = np.sum(weights * turns)
    if abs(total) <= 1e-6 * np.sum(weights):
        return None
    return round(float(np.angle(total)) * HUES / (2 * np.pi)) % HUES


def hue_arc(hues: Sequence[int], tolerance: int) -> tuple[int, int]:
    """The shortest arc (first, last) round the circle that covers all hues ± `tolerance`.

    first > last passes through 0. No hues at all, or an arc that closes, give the whole circle.
    """
    if not hues:
        return 0, HUES - 1
    ordered = sorted(hues)
    # The arc is what remains when the widest gap between neighbours is left out.
    gaps = [
        (after - before) % HUES
        for before, after in zip(ordered[-1:] + ordered, ordered, strict=False)
    ]
    start = int(np.argmax(gaps))
    first, last = ordered[start], ordered[start - 1]
    if (last - first) % HUES + 2 * tolerance + 1 >= HUES:
        return 0, HUES - 1
    return (first - tolerance) % HUES, (last + tolerance) % HUES


def principal_colors(features: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The first three principal components of features (h, w, d) as red, green and blue.

    Two spreads below and above the mean of a component are dark and full; components that the
    features do not have stay at mid-grey.

    Args:
        features: real numbers, each with mean 0.
        shape: (H, W) of the picture, to which the features are enlarged.

    Returns:
        uint8 (H, W, 3).
    """
    points = features.reshape(-1, features.shape[-1])
    _, axes = np.linalg.eigh(points.T @ points)
    parts = np.zeros((*features.shape[:2], 3), np.float32)
    parts[..., : axes.shape[1]] = features @ axes[:, ::-1][:, :3]
    spread = parts.std(axis=(0, 1))
    spread = np.maximum(spread, 1e-3 * spread.max() + 1e-9)  # what is weaker is rounding
    colors = np.clip(127.5 + 64 * parts / spread, 0, 255).astype(np.uint8)
    return cv2.resize(colors, shape[1::-1], interpolation=cv2.INTER_LINEAR)
