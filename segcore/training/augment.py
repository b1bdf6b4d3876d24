"""Random changes of a training image and its targets, so that no two passes show the same."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from segcore.result import Image

# H×W class numbers, IGNORE where nothing is learned; of nuclei uint16 numbers of instances.
Targets: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

IGNORE = 255


@dataclass(frozen=True)
class Augmentation:
    """How much an image may change.

    Attributes:
        scale: smallest and largest factor of its size.
        untouched: share of the images that keep their own size.
        turn: greatest rotation in degrees, either way.
        quarter_turns: whether quarter turns and upside down are as good as upright.
        light: greatest change of brightness and contrast, as a share.
        colour: greatest change of each channel, as a share.
        blur: share of the images that are blurred.
    """

    scale: tuple[float, float] = (0.7, 1.6)
    untouched: float = 0.0
    turn: float = 0.0
    quarter_turns: bool = False
    light: float = 0.3
    colour: float = 0.1
    blur: float = 0.1


def augment(
    image: Image,
    targets: Targets,
    size: tuple[int, int],
    how: Augmentation,
    rng: np.random.Generator,
    *,
    mirrored: bool = True,
) -> tuple[Image, Targets]:
    """A random window of a randomly changed image, and the targets in it.

    Args:
        image: uint8 RGB H×W×3.
        targets: class numbers, or numbers of instances, H×W.
        size: (width, height) of the window.
        how: how much may change.
        rng: decides.
        mirrored: whether both are mirrored outside the image; otherwise it is grey there, and the
            targets are 0, since a thing and its mirror image would be one.
    """
    turns = int(rng.integers(4)) if how.quarter_turns else 0
    image, targets = np.rot90(image, turns), np.rot90(targets, turns)
    matrix = _placement((image.shape[1], image.shape[0]), size, how, rng)
    border = cv2.BORDER_REFLECT_101 if mirrored else cv2.BORDER_CONSTANT
    window = cv2.warpAffine(
        np.ascontiguousarray(image),
        matrix,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=border,
        borderValue=(127, 127, 127),
    )
    learned = cv2.warpAffine(
        np.ascontiguousarray(targets),
        matrix,
        size,
        flags=cv2.INTER_NEAREST,
        borderMode=border,
        borderValue=0,
    )
    return _relit(window, how, rng), np.asarray(learned)


def _placement(
    given: tuple[int, int],
    size: tuple[int, int],
    how: Augmentation,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """The affine map (2×3) from the image into the window: mirrored, turned, scaled, shifted."""
    keep = rng.random() < how.untouched
    scale = 1.0 if keep else float(np.exp(rng.uniform(*np.log(how.scale))))
    turn = 0.0 if keep else rng.uniform(-how.turn, how.turn)
    matrix = np.asarray(cv2.getRotationMatrix2D((0.0, 0.0), turn, scale), np.float64)
    if rng.random() < 0.5:
        matrix[:, 0] *= -1.0
    middle = matrix[:, :2] @ (np.array(given) / 2.0 - 0.5)
    slack = (np.array(given) * scale - np.array(size)) / 2.0
    # An image larger than the window may be shifted until their edges meet; a smaller one too.
    shift = rng.uniform(-1.0, 1.0, 2) * np.abs(slack)
    matrix[:, 2] = np.array(size) / 2.0 - 0.5 - middle + np.where(keep, np.rint(shift), shift)
    if keep:
        matrix[:, 2] = np.rint(matrix[:, 2])
    return matrix


def _relit(image: Image, how: Augmentation, rng: np.random.Generator) -> Image:
    """Other light, other colours, sometimes out of focus."""
    gain = 1.0 + rng.uniform(-how.light, how.light)
    channels = gain * (1.0 + rng.uniform(-how.colour, how.colour, 3))
    offset = 255.0 * rng.uniform(-how.light, how.light) / 2.0
    gamma = float(np.exp(rng.uniform(-how.light, how.light)))
    values = np.arange(256.0)[:, None]
    curve = 255.0 * (values / 255.0) ** gamma * channels + offset
    table = curve.clip(0, 255).astype(np.uint8).reshape(1, 256, 3)
    changed = cv2.LUT(image, table)
    if rng.random() < how.blur:
        changed = cv2.GaussianBlur(changed, (0, 0), rng.uniform(0.4, 1.2))
    return np.asarray(changed, np.uint8)
