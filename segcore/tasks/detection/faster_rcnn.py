r"""Faster R-CNN: first where something is, then what it is

Idea
Two questions, one after the other, on the same maps. The **region proposal network** slides over
the maps and judges, at every place, boxes of a few sizes and shapes (**anchors**): is there
anything in it, and how must it move to fit? The best proposals go to the second stage, which reads
7×7 features inside each (RoIAlign) and gives it a class and a better place:
$$x = x_a + w_a\,t_x,\qquad w = w_a\,e^{t_w}$$
with $x_a, w_a$ of the box before and $t$ what the network says, for $y$ and $h$ alike. Many boxes
end up on the same object, so **non-maximum suppression** keeps the best and drops those of its
class that overlap it by more than a set IoU. What is left is a list: box, class, score.

This is the detector inside our Mask R-CNN, with its weights; only the masks are left out.

Used for
Counting and finding: cars and people before a vehicle, cells on a slide, goods on a shelf, faults
on a part. Boxes take seconds to draw, so that data are many times cheaper than masks.

When it fails
Where objects stand close: on `street` a car half behind another shares its box, and suppression
takes one of the two for a repetition. What cannot be counted has no box: no answer about road or
sky. A diagonal or branching thing fills little of its box.

References
S. Ren, K. He, R. Girshick, J. Sun, *Faster R-CNN: Towards real-time object detection with region
proposal networks*, 2015.
K. He, G. Gkioxari, P. Dollár, R. Girshick, *Mask R-CNN*, 2017.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from segcore.networks.boxes import draw_boxes, draw_found
from segcore.networks.inference import look_at
from segcore.networks.network import LoadModel
from segcore.networks.rcnn import (
    build_rcnn,
    classify,
    keep_proposals,
    propose,
    suppress,
    to_size,
    view,
)
from segcore.networks.settings import Zoom
from segcore.result import Detections, Image
from segcore.task import Task
from segcore.technique import (
    Architecture,
    Choice,
    Label,
    Preset,
    Range,
    Show,
    ignore,
)
from segcore.weights import load_network

MOST = 100  # objects of an image, as COCO counts them
SHOWN = 60  # proposals in a picture; more hide the image
YELLOW = (240, 228, 66)


def detect(
    image: Image,
    *,
    weights: Annotated[
        str,
        Choice(
            street="Street scenes, drawn",
            nuclei="Cell nuclei (DSB 2018)",
            pets="Cats and dogs (Oxford pets)",
        ),
        Label("Trained on"),
        "What the network learned: it knows these classes and no other.",
    ] = "street",
    score: Annotated[
        float, Range(0.05, 0.95, 0.05), Label("Least score"), "Boxes of a lower score are dropped."
    ] = 0.5,
    overlap: Annotated[
        float,
        Range(0.1, 0.9, 0.05),
        Label("Most overlap"),
        "Of two boxes of a class that overlap by a greater IoU, the better one stays.",
    ] = 0.5,
    zoom: Zoom = 1.0,
    show: Show = ignore,
    load_model: LoadModel = load_network,
) -> Detections:
    network = load_model(build_rcnn, f"mask_rcnn_{weights}")
    seen = look_at(image, network, zoom, show=show)
    maps = view(network, seen)
    show(
        "Objectness",
        lambda: maps.objectness[0][0].amax(0).sigmoid().numpy(),
        "The finest of four maps of objectness: how likely one of the anchors at each place holds "
        "a thing, whatever it is.",
    )
    boxes, objectness = propose(network, maps)
    proposals = keep_proposals(network, maps, boxes, objectness)
    show(
        "Proposals",
        lambda: draw_boxes(seen, proposals[:SHOWN].numpy(), [YELLOW] * SHOWN),
        f"The best {min(SHOWN, len(proposals))} of {len(proposals)} boxes that may hold a thing, "
        f"chosen among {len(boxes):,} anchors.",
    )
    found = classify(network, maps, proposals)
    found = found[found.scores >= score]
    show(
        "Classified",
        lambda: draw_found(seen, found[:SHOWN], network.names),
        f"{len(found)} boxes with a class and a score of at least {score:.2f}, moved to fit. "
        "Many mean the same object.",
    )
    winners = suppress(found, overlap)
    kept = found[winners == np.arange(len(found))][:MOST]
    show(
        "After suppression",
        lambda: draw_found(seen, kept, network.names),
        f"{len(kept)} boxes are left: of those that overlap by an IoU above {overlap:.2f}, the "
        "best of each class.",
    )
    names = tuple(network.names[index] for index in kept.classes)
    size = (image.shape[1], image.shape[0])
    return Detections(to_size(kept.boxes, seen, size), names, kept.scores.astype(np.float32))


TASK = Task(
    "Faster R-CNN",
    year=2015,
    answer=detect,
    fails=Preset("Cars behind cars", {"weights": "street"}, "street"),
    presets=(
        Preset("A cat", {"weights": "pets"}, "chelsea"),
        Preset("Touching nuclei", {"weights": "nuclei"}, "cells"),
    ),
    network=Architecture(
        build_rcnn,
        paper_parameters=137_000_000,
        paper_score="mAP 0.732 on PASCAL VOC 2007, trained on 2007 and 2012 (VGG-16)",
        smaller="A backbone a hundredth of VGG-16's size, so that it trains in minutes and answers "
        "in a fraction of a second on a processor.",
    ),
    weights="mask_rcnn",
)
