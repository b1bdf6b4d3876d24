"""How well a panoptic network does on scenes that it never saw: PQ, and the AP of its things."""

import numpy as np

from segcore.metrics import PanopticQuality
from segcore.metrics.panoptic import PanopticScores
from segcore.networks.network import LoadModel
from segcore.result import Segment, Segmentation
from segcore.run import run
from segcore.technique import ignore
from segcore.techniques.panoptic.panoptic import THINGS
from segcore.training.evaluate import Scores
from segcore.training.recipes import Recipe
from segcore.training.sets import DataSet, Example


def evaluate_panoptic(recipe: Recipe, data: DataSet, load_model: LoadModel) -> Scores:
    """Panoptic quality (Kirillov et al. 2019) at the settings' defaults, over all classes.

    Args:
        recipe: names the technique and its weights.
        data: the set.
        load_model: gives the network.
    """
    quality = PanopticQuality()
    for example in data.val():
        done = run(
            recipe.network, example.image, weights=recipe.data, show=ignore, load_model=load_model
        )
        quality.update(done.segmentation, reference(example, data))
    return _summary(quality.result())


def reference(example: Example, data: DataSet) -> Segmentation:
    """The panoptic truth of an example whose targets are codes."""
    numbers, classes = data.to_things(example.targets)
    first = len(data.names)
    stuff = example.targets >> 8
    labels = np.where(numbers > 0, numbers.astype(np.int32) + first, stuff).astype(np.int32)
    segments = [
        Segment(int(label), data.names[label - 1])
        if label <= first
        else Segment(int(label), THINGS[classes[label - first - 1]], True)
        for label in np.unique(labels)
        if label > 0
    ]
    return Segmentation(labels, tuple(segments))


def _summary(scores: PanopticScores) -> Scores:
    rounded = {
        name: round(value, 4)
        for name, value in (
            ("pq", scores.overall.pq),
            ("sq", scores.overall.sq),
            ("rq", scores.overall.rq),
            ("pq_things", scores.things.pq),
            ("pq_stuff", scores.stuff.pq),
        )
    }
    return {**rounded, "each": {one.name: round(one.pq, 4) for one in scores.classes}}
