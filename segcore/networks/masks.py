"""Masks of things, among each other and against the classes of pixels: who agrees, who gives way.

Masks are those of Mask R-CNN, 28×28 in the box of each thing, see segcore.networks.rcnn.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segcore.networks.rcnn import Boxes, paste
from segcore.result import Labels


def agreements(
    masks: npt.NDArray[np.float32],
    boxes: Boxes,
    kinds: npt.NDArray[np.int64],
    classes: Labels,
) -> npt.NDArray[np.float64]:
    """The share (n,) of each mask whose pixels have the class of the thing; 0 of an empty mask.

    Args:
        masks: (n, 28, 28).
        boxes: (n, 4) in pixels of the image.
        kinds: (n,) classes of the things.
        classes: H×W, the semantic answer.
    """
    shares = np.zeros(len(masks))
    for index, (mask, box) in enumerate(zip(masks, boxes, strict=True)):
        place, part = paste(mask, box, classes.shape[::-1])
        inside = part >= 0.5
        if inside.any():
            shares[index] = (classes[place][inside] == kinds[index]).mean()
    return shares


@dataclass(frozen=True, eq=False)
class Placed:
    """Things that were put down one after another.

    Attributes:
        numbers: H×W, 0 for none, else 1 + the place of the thing in the order of scores.
        fates: uint8 H×W: 255 where a thing lies, 128 where one had to give way, 0 elsewhere.
    """

    numbers: Labels
    fates: npt.NDArray[np.uint8]


def put_down(
    masks: npt.NDArray[np.float32], boxes: Boxes, size: tuple[int, int], least_free: float
) -> Placed:
    """Puts masks down, the likeliest first, each on what is still free.

    Args:
        masks: (n, 28, 28), the likeliest first.
        boxes: (n, 4) in pixels of the image.
        size: (width, height) of the image.
        least_free: least share of a mask that must be free; else it is dropped.
    """
    numbers = np.zeros(size[::-1], np.int32)
    fates = np.zeros(size[::-1], np.uint8)
    for index, (mask, box) in enumerate(zip(masks, boxes, strict=True)):
        place, part = paste(mask, box, size)
        inside = part >= 0.5
        free = inside & (numbers[place] == 0)
        fates[place][inside] = np.maximum(fates[place][inside], 128)
        if free.any() and free.sum() >= least_free * inside.sum():
            numbers[place][free] = index + 1
            fates[place][free] = 255
    return Placed(numbers, fates)
