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

This is the detector inside our Mask R-CNN, with its weights; only the masks are left out. The
pretrained ones are torchvision's: three of this kind, and **SSDlite**, which asks only once: at
every place of maps of six sizes, boxes of fixed shapes get a class straight away, with no proposals
and no second look. That is faster and finds fewer small things.

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
K. He, G. Gkioxari, P. Dollár, R. Girshick, *Mask R-CNN*, 2017. W. Liu et al., *SSD: Single shot
multibox detector*, 2016. M. Sandler et al., *MobileNetV2*, 2018 (SSDlite).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from segcore.networks.boxes import draw_found
from segcore.networks.detector import find_boxes, thin_out
from segcore.networks.inference import look_at
from segcore.networks.network import LoadModel
from segcore.networks.published import LoadPublished
from segcore.networks.published_rcnn import (
    find_at_once,
    open_rcnn,
    open_ssd,
    view_as_published,
    without_background,
)
from segcore.networks.rcnn import MOST_OVERLAP, build_rcnn, to_size, view
from segcore.networks.settings import LeastScore, MostOverlap, ThingWeights, Zoom
from segcore.result import Detections, Image
from segcore.task import Task
from segcore.technique import Architecture, Download, Preset, Show, ignore
from segcore.weights import load_network
from segcore.weights.pretrained import load_published

MOST = 100  # objects of an image, as COCO counts them
AT_ONCE = {"ssdlite320_mobilenet_v3_large": "SSDlite, MobileNetV3, photographs (COCO)"}
PUBLISHED = AT_ONCE | {
    "fasterrcnn_mobilenet_v3_large_320_fpn": "MobileNetV3, small images, photographs (COCO)",
    "fasterrcnn_mobilenet_v3_large_fpn": "MobileNetV3, photographs (COCO)",
    "fasterrcnn_resnet50_fpn_v2": "ResNet50, version 2, photographs (COCO)",
}


def detect(
    image: Image,
    *,
    weights: Annotated[ThingWeights, Download(**PUBLISHED)] = "street",
    score: LeastScore = 0.5,
    overlap: MostOverlap = MOST_OVERLAP,
    zoom: Zoom = 1.0,
    show: Show = ignore,
    load_model: LoadModel = load_network,
    load_pretrained: LoadPublished = load_published,
) -> Detections:
    if weights in AT_ONCE:
        network = without_background(load_pretrained(open_ssd, weights))
        seen, found = find_at_once(network, image, zoom, score, show=show)
    elif weights in PUBLISHED:
        network = without_background(load_pretrained(open_rcnn, weights))
        seen, inside = view_as_published(network, image, zoom, show=show)
        found = find_boxes(network, seen, inside, score, show=show)
    else:
        network = load_model(build_rcnn, f"mask_rcnn_{weights}")
        seen = look_at(image, network, zoom, show=show)
        found = find_boxes(network, seen, view(network, seen), score, show=show)
    winners = thin_out(network, seen, found, overlap, show=show)
    kept = found[winners == np.arange(len(found))][:MOST]
    show(
        "What is left",
        lambda: draw_found(seen, kept, network.names),
        f"{len(kept)} boxes are left: of those that mean the same thing, the best of each class.",
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
        paper_network="Faster R-CNN on VGG-16",
        paper_parameters=137_000_000,
        paper_score="mAP 0.732 on PASCAL VOC 2007, trained on 2007 and 2012",
        smaller="A backbone a hundredth of VGG-16's size, so that it trains in minutes and answers "
        "in a fraction of a second on a processor.",
    ),
    weights="mask_rcnn",
)
