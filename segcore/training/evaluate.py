"""How well weights do on data that they never saw, measured through the technique itself."""

from typing import Any

import numpy as np

from segcore.metrics import Confusion, instance_f
from segcore.networks.network import LoadModel
from segcore.result import Labels
from segcore.run import run
from segcore.scenes.street import NAMES as STREET
from segcore.scenes.street import street
from segcore.technique import ignore
from segcore.training.augment import IGNORE
from segcore.training.recipes import Recipe
from segcore.training.sets import VAL_SEED, DataSet, Example

Scores = dict[str, Any]


def evaluate(
    recipe: Recipe,
    data: DataSet,
    load_model: LoadModel,
    **settings: Any,
) -> Scores:
    """Scores of a network on the part of a set that is kept for measuring.

    The network runs as on a page: the labels come back at the size of the image, and the counts of
    all images are pooled before they are divided.

    Args:
        recipe: names the technique and its weights.
        data: the set.
        load_model: gives the network.
        **settings: settings of the technique that are not at their defaults.
    """
    examples = data.val()
    classes = [name for name in data.names if name not in ("Background", "Rim")]
    confusion = Confusion(len(classes) + 1, ignore_index=IGNORE)
    apart: list[float] = []
    for example in examples:
        labels = _segment(recipe, example, load_model, settings)
        if data.key == "nuclei":
            apart.append(instance_f(labels, example.targets.astype(np.int32)))
            labels = np.minimum(labels, 1)
        confusion.update(labels, _reference(example, data))
    return _summary(confusion, classes) | (
        {"ap50": round(float(np.mean(apart)), 4)} if apart else {}
    )


SIZES = ((128, 96), (256, 192), (512, 384), (1024, 768))


def evaluate_sizes(recipe: Recipe, load_model: LoadModel, *, scenes: int = 60) -> dict[str, float]:
    """mIoU on the same street scenes, drawn and labelled at four sizes.

    Args:
        recipe: names the technique and its weights.
        load_model: gives the network.
        scenes: how many, from the first seed that is kept for measuring on.
    """
    found = {}
    for width, height in SIZES:
        confusion = Confusion(len(STREET) + 1, ignore_index=0)
        for seed in range(VAL_SEED, VAL_SEED + scenes):
            scene = street(width, height, seed=seed)
            example = Example(scene.image, scene.labels.astype(np.uint8))
            confusion.update(_segment(recipe, example, load_model, {}), scene.labels)
        found[f"{width}×{height}"] = round(float(np.nanmean(confusion.result().iou[1:])), 4)
    return found


def _segment(
    recipe: Recipe, example: Example, load_model: LoadModel, settings: dict[str, Any]
) -> Labels:
    done = run(
        recipe.network,
        example.image,
        weights=recipe.data,
        show=ignore,
        load_model=load_model,
        **settings,
    )
    return done.segmentation.labels


def _reference(example: Example, data: DataSet) -> Labels:
    """The labels that a right segmentation has; IGNORE where nobody is asked."""
    if data.key == "nuclei":
        return np.minimum(example.targets, 1).astype(np.int32)
    targets = data.to_channels(example.targets).astype(np.int32)
    if data.names[0] == "Background":
        return targets
    return np.where(targets == IGNORE, IGNORE, targets + 1)


def _summary(confusion: Confusion, classes: list[str]) -> Scores:
    """mIoU over the classes and the IoU of each; of a single class its IoU and Dice."""
    scores = confusion.result()
    if len(classes) == 1:
        return {"iou": round(float(scores.iou[1]), 4), "dice": round(float(scores.dice[1]), 4)}
    each = [round(float(value), 4) for value in scores.iou[1:]]
    return {
        "miou": round(float(np.nanmean(scores.iou[1:])), 4),
        "pixel_accuracy": round(float(scores.pixel_accuracy), 4),
        "iou": dict(zip(classes, each, strict=True)),
    }
