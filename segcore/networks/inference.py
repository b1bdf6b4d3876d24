"""From an image to the scores of a network, and from scores to labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from segcore.networks.network import Network
from segcore.result import Image, Labels, Segmentation, regions
from segcore.technique import Show, ignore

if TYPE_CHECKING:
    import torch

Probabilities: TypeAlias = npt.NDArray[np.float32]  # channels×h×w, each pixel sums to 1

MULTIPLE = 16  # strides of the networks divide it, or they round up by themselves
FEWEST = 32  # pixels of the shorter side: the deepest maps keep at least one


# Percentiles of the values that a stretched image has at 0 and at 255.
FAINTEST = 1.0
BRIGHTEST = 99.7


def stretch_contrast(image: Image) -> Image:
    """The image with its range of values stretched to 0-255, the same for all three channels.

    Microscopes set their own exposure: what is faint in one image is bright in the next, and tells
    nothing about what it is.
    """
    counts = np.bincount(image.ravel(), minlength=256)
    shares = 100.0 * np.cumsum(counts) / image.size
    low, high = np.searchsorted(shares, (FAINTEST, BRIGHTEST))
    table = (np.arange(256.0) - low) * (255.0 / max(high - low, 8))
    return np.asarray(cv2.LUT(image, table.clip(0, 255).astype(np.uint8)), np.uint8)


def to_input(image: Image, side: float) -> Image:
    """The image in the size that a network sees: long side about `side`, both multiples of 16."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = [max(FEWEST, round(n * scale / MULTIPLE) * MULTIPLE) for n in (width, height)]
    if size == [width, height]:
        return image
    how = cv2.INTER_AREA if size[0] < width else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def look_at(image: Image, network: Network, zoom: float, *, show: Show = ignore) -> Image:
    """The image as the network sees it, which is the first step of nearly every network.

    Args:
        image: uint8 RGB H×W×3.
        network: says how large its training images were, and whether their contrast was stretched.
        zoom: size against that of the training images.
        show: receives the step.
    """
    seen = to_input(image, network.side * zoom)
    if network.stretched:
        seen = stretch_contrast(seen)
    show("What the network sees", seen, f"The image at {seen.shape[1]}×{seen.shape[0]} pixels.")
    return seen


def to_tensor(seen: Image) -> torch.Tensor:
    """An image as a network of ours takes it: (1, 3, h, w), float32, about -2 to 2."""
    import torch

    x = torch.from_numpy(seen.astype(np.float32)).permute(2, 0, 1)[None]
    return (x / 255.0 - 0.5) / 0.25


def compute_scores(
    network: Network, seen: Image, *, show: Show = ignore, **options: object
) -> torch.Tensor:
    """The network's scores (1, channels, h, w), float32, for an image of the size it sees.

    Args:
        network: the network, which computes in its own way.
        seen: uint8 RGB h×w×3, both sides multiples of 16.
        show: receives what goes on inside.
        **options: what else the network's module takes, such as a stride to stop at.
    """
    import torch

    x = to_tensor(seen)
    way = network.way
    if way.channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=way.bfloat16):
        scores: torch.Tensor = network.module(x, show=show, **options)
    return scores.float()


def to_probabilities(scores: torch.Tensor) -> Probabilities:
    """Softmax of scores (1, channels, h, w) over the channels."""
    probabilities: Probabilities = scores[0].softmax(0).numpy()
    return probabilities


def to_classes(probabilities: Probabilities, size: tuple[int, int]) -> Labels:
    """The most probable channel, 0 to channels - 1, of every pixel of an image.

    The probabilities are enlarged one channel at a time and only the best so far is kept, so that
    twelve megapixels cost two planes and not as many as there are classes.

    Args:
        probabilities: channels×h×w.
        size: (width, height) of the image.
    """
    classes: npt.NDArray[np.uint8] | None = None
    best = np.empty(0, np.float32)
    for channel, plane in enumerate(probabilities):
        large = cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
        if classes is None:
            classes, best = np.zeros(large.shape, np.uint8), large
            continue
        cv2.copyTo(np.full_like(classes, channel), cv2.compare(large, best, cv2.CMP_GT), classes)
        cv2.max(large, best, dst=best)
    return np.zeros(size[::-1], np.int32) if classes is None else classes.astype(np.int32)


def to_segmentation(
    probabilities: Probabilities, names: tuple[str, ...], size: tuple[int, int]
) -> Segmentation:
    """One segment per class that is somewhere the most probable one.

    Args:
        probabilities: channels×h×w.
        names: what each channel stands for; a first one called "Background" gets the label 0.
        size: (width, height) of the image.
    """
    classes = to_classes(probabilities, size)
    if names[0] == "Background":
        return regions(classes, names[1:])
    return regions(classes + 1, names)
