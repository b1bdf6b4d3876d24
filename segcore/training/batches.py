"""The random windows of a step, which every objective makes its batch from."""

from collections.abc import Sequence

import numpy as np

from segcore.networks.inference import stretch_contrast
from segcore.result import Image
from segcore.training.augment import Targets, augment
from segcore.training.recipes import Recipe
from segcore.training.sets import DataSet, Example


def windows(
    examples: Sequence[Example],
    data: DataSet,
    recipe: Recipe,
    step: int,
    *,
    mirrored: bool = True,
) -> list[tuple[Image, Targets]]:
    """Images and targets of a step; the same step of the same recipe gives the same.

    Args:
        examples: what they are drawn from, each as often as any other.
        data: says whether the contrast is stretched.
        recipe: how many, how large and how changed.
        step: number of the step from 0.
        mirrored: whether images go on mirrored outside their frame; otherwise grey, targets 0.
    """
    rng = np.random.default_rng([recipe.seed, step])
    size, found = recipe.window(step), []
    for index in rng.integers(len(examples), size=recipe.batch):
        example = examples[int(index)]
        image = stretch_contrast(example.image) if data.stretched else example.image
        found.append(
            augment(image, example.targets, size, recipe.augmentation, rng, mirrored=mirrored)
        )
    return found
