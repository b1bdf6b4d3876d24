"""How well things and stuff together are answered on scenes that no network saw: PQ."""

import numpy as np

from segcore.metrics import PanopticQuality
from segcore.metrics.panoptic import PanopticScores
from segcore.networks.network import LoadModel
from segcore.result import Segment, Segmentation
from segcore.run import run
from segcore.technique import ignore
from segcore.training.evaluate import Scores
from segcore.training.sets import SETS, Example
from segcore.training.thing_sets import THING_SETS


def evaluate_panoptic(key: str, load_model: LoadModel) -> Scores:
    """Panoptic quality (Kirillov et al. 2019) at the settings' defaults, over all classes.

    Args:
        key: names the set.
        load_model: gives the networks.
    """
    quality = PanopticQuality()
    for example in SETS[key].val():
        done = run("panoptic", example.image, weights=key, show=ignore, load_model=load_model)
        quality.update(done.segmentation, reference(example, key))
    return _summary(quality.result())


def reference(example: Example, key: str) -> Segmentation:
    """The panoptic truth of an example of that set, whose targets are codes."""
    names, things = SETS[key].names, THING_SETS[key]
    numbers, classes = things.to_things(example.targets)
    first = len(names)
    stuff = example.targets >> 8
    labels = np.where(numbers > 0, numbers.astype(np.int32) + first, stuff).astype(np.int32)
    segments = [
        Segment(int(label), names[label - 1])
        if label <= first
        else Segment(int(label), things.names[classes[label - first - 1]], True)
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
