"""How well a network finds things that it never saw: average precision of masks and boxes."""

import numpy as np

from segcore.catalog import get_technique
from segcore.metrics import AveragePrecision, ReferenceInstance, ScoredInstance, instance_f
from segcore.networks.inference import stretch_contrast, to_input
from segcore.networks.network import LoadModel, Network
from segcore.networks.rcnn import find_objects, pasted, resolve, to_size, view
from segcore.result import Image
from segcore.training.evaluate import Scores
from segcore.training.recipes import Recipe
from segcore.training.sets import DataSet, Things
from segcore.training.things import to_truth

CERTAIN = 0.5  # least score, and least probability of a mask's pixel, where one answer is asked for


def evaluate_things(recipe: Recipe, data: DataSet, load_model: LoadModel) -> Scores:
    """COCO's average precision of masks, before their overlaps are resolved, and of boxes.

    Beside it stands, as `f50`, what a page shows: hits among hits, misses and inventions (IoU
    above 0.5) of the labels at the settings' defaults, mean over the images.

    Args:
        recipe: names the technique and its weights.
        data: the set.
        load_model: gives the network.
    """
    architecture = get_technique(recipe.network).network
    if architecture is None or architecture.build is None:
        raise TypeError(f"{recipe.network} is no network of ours.")
    network = load_model(architecture.build, recipe.name)
    masks, boxes = AveragePrecision(data.most_things), AveragePrecision(data.most_things)
    found = []
    for example in data.val():
        things = data.to_things(example.targets)
        found.append(_measure(network, example.image, things, data.names, (masks, boxes)))
    of_masks, of_boxes = masks.result(), boxes.result()
    return {
        "ap50": round(of_masks.ap50, 4),
        "ap": round(of_masks.ap, 4),
        "box_ap50": round(of_boxes.ap50, 4),
        "f50": round(float(np.mean(found)), 4),
        "each": {one.name: round(one.ap50, 4) for one in of_masks.classes},
    }


def _measure(
    network: Network,
    image: Image,
    things: Things,
    names: tuple[str, ...],
    pools: tuple[AveragePrecision, AveragePrecision],
) -> float:
    """Adds an image to the pools of masks and of boxes; the hit rate of its labels."""
    numbers, classes = things
    size = image.shape[1], image.shape[0]
    seen = to_input(image, network.side)
    seen = stretch_contrast(seen) if network.stretched else seen
    objects, masks = find_objects(network, view(network, seen))
    boxes = to_size(objects.boxes, seen, size)
    truth = to_truth(numbers, classes, least_area=1)
    named = [names[label - 1] for label in truth["labels"].tolist()]
    for pool, predicted, real in (
        (pools[0], [pasted(m, b, size, CERTAIN) for m, b in zip(masks, boxes, strict=True)],
         list(truth["masks"].numpy().astype(bool))),
        (pools[1], boxes.tolist(), truth["boxes"].tolist()),
    ):  # fmt: skip
        pool.update(
            [
                ScoredInstance(region, names[c], float(s))
                for region, c, s in zip(predicted, objects.classes, objects.scores, strict=True)
            ],
            [ReferenceInstance(region, name) for region, name in zip(real, named, strict=True)],
        )
    sure = objects.scores >= CERTAIN
    labels, _ = resolve(masks[sure], boxes[sure], size, CERTAIN)
    return instance_f(labels, numbers.astype(np.int32))
