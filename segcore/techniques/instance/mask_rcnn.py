r"""Mask R-CNN: find each thing, then draw its outline

Idea
Detection first, segmentation second. A **backbone** with a **feature pyramid** makes maps of the
image at four sizes, fine ones for small things and coarse ones for large. At every place of every
map three **anchors**, boxes of fixed shapes, get a score of "is anything here?" and a correction:
the likeliest become **proposals**. **RoIAlign** reads a grid of features in each proposal, without
rounding its edges to whole pixels, and a small network says the class $c$, or background, and
corrects the box once more. Boxes that overlap a better one of their class too much,
$$\mathrm{IoU}(a, b) = \frac{|a \cap b|}{|a \cup b|} > t,$$
give way: **non-maximum suppression**. For each box left, a second head draws 28×28 pixels of mask,
one per class; that of the class found is enlarged and pasted into the image.

The two pretrained ones are torchvision's, with the paper's ResNet50 and its pyramid; they know some
eighty things on photographs. The second differs in its training and has deeper heads.

Used for
Counting and following: cars and people in driving and security, cells in medicine, fruit on trees,
parts on a belt, products on a shelf, houses from satellites; robots that grasp one thing of many.

When it fails
Things that it never learned do not exist for it, and what merely looks like one does: trained on
drawn streets it finds little in the photograph `coffee`, and what it finds is wrong. In a crowd one
box suppresses its neighbour, and 28×28 pixels cannot hold a bicycle's spokes.

References
K. He, G. Gkioxari, P. Dollár, R. Girshick, *Mask R-CNN*, 2017. S. Ren et al., *Faster R-CNN*, 2015.
T.-Y. Lin et al., *Feature pyramid networks for object detection*, 2017.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt

from segcore.charts import Frames
from segcore.networks.boxes import list_rivals, object_at
from segcore.networks.detector import find_boxes, thin_out
from segcore.networks.inference import look_at
from segcore.networks.network import LoadModel, Network
from segcore.networks.pictures import diagram, feature_maps
from segcore.networks.published import LoadPublished
from segcore.networks.published_rcnn import open_rcnn, view_as_published, without_background
from segcore.networks.rcnn import (
    MOST_OVERLAP,
    Candidates,
    View,
    anatomy,
    build_rcnn,
    most_objects,
    paste,
    predict_masks,
    read_for_masks,
    resolve,
    to_size,
    view,
)
from segcore.networks.settings import LeastMask, LeastScore, MostOverlap, ThingWeights, Zoom
from segcore.result import Image, Point, Segment, Segmentation, count_labels
from segcore.technique import (
    Architecture,
    Choice,
    Download,
    Label,
    Only,
    Points,
    Preset,
    Show,
    Technique,
    check_inside,
    ignore,
)
from segcore.weights import load_network
from segcore.weights.pretrained import load_published

PUBLISHED = {
    "maskrcnn_resnet50_fpn": "ResNet50, photographs (COCO)",
    "maskrcnn_resnet50_fpn_v2": "ResNet50, version 2, photographs (COCO)",
}


def segment(
    image: Image,
    *,
    weights: Annotated[ThingWeights, Download(**PUBLISHED)] = "street",
    score: LeastScore = 0.5,
    nms: MostOverlap = MOST_OVERLAP,
    mask: LeastMask = 0.5,
    classes: Annotated[
        str,
        Choice("all", "Sign", "Car", "Pedestrian", "Bicyclist"),
        Only(weights="street"),
        "Which things are wanted; the others are thrown away at the end.",
    ] = "all",
    zoom: Zoom = 1.0,
    seeds: Annotated[
        tuple[Point, ...],
        Points(1),
        Label("Thing to follow"),
        "Click a thing, and the steps show what the network sees of it; else the likeliest one.",
    ] = (),
    show: Show = ignore,
    load_model: LoadModel = load_network,
    load_pretrained: LoadPublished = load_published,
) -> Segmentation:
    check_inside(seeds, image, "seeds")
    size = image.shape[1], image.shape[0]
    wanted = classes if weights == "street" else "all"
    if weights in PUBLISHED:
        network = without_background(load_pretrained(open_rcnn, weights))
        seen, inside = view_as_published(network, image, zoom, show=show)
    else:
        network = load_model(build_rcnn, f"mask_rcnn_{weights}")
        seen = look_at(image, network, zoom, show=show)
        inside = view(network, seen)
    show(
        "Feature pyramid",
        lambda: _pyramid(inside),
        f"The same {inside.pyramid['0'].shape[1]} channels at {len(inside.pyramid)} sizes (those "
        "that vary most): meaning comes down from the coarse maps, places from the fine ones.",
    )
    found = find_boxes(network, seen, inside, score, show=show)
    winners = thin_out(network, seen, found, nms, show=show)
    show(
        "Who gave way to whom",
        lambda: list_rivals(found, winners, network.names, wanted),
        "One row for each suppressed box. What it gave way to is numbered as in the result.",
    )
    stays = winners == np.arange(len(found))
    found = _wanted(found[stays], wanted, network)[: most_objects(network)]
    masks = predict_masks(network, inside, found)
    places = to_size(found.boxes, seen, size)
    show(
        "What RoIAlign reads of one",
        lambda: _crop(network, inside, found, object_at(places, seeds)),
        "Features of the thing to follow on a grid of 14×14, interpolated between the pixels of "
        "its map, whatever the size and place of its box.",
    )
    show(
        "Its mask, 28×28",
        lambda: _one(masks, object_at(places, seeds)),
        "Probability of the thing at each place of its box, the box stretched to a square.",
    )
    show(
        "Its mask in the image",
        lambda: _in_place(masks, places, size, object_at(places, seeds)),
        "Enlarged to the box; what reaches the mask threshold belongs to the thing.",
    )
    numbers, layers = resolve(masks, places, size, mask)
    show(
        "Overlaps",
        lambda: layers.astype(np.int32),
        "How many masks lie on a pixel: where there are several, the best score takes it.",
    )
    show("Things", numbers.copy, "One number for each thing, the likeliest first.")
    show(
        "The network",
        lambda: diagram(anatomy(network.module), *seen.shape[:2]),
        "Every part with the size of its result and how many numbers it learned; the heads are "
        "followed for one box.",
    )
    visible = np.flatnonzero(count_labels(numbers)[1:])
    return Segmentation(
        numbers,
        tuple(
            Segment(
                int(index) + 1,
                network.names[found.classes[index]],
                True,
                float(found.scores[index]),
                tuple(places[index].tolist()),
            )
            for index in visible
        ),
    )


def _wanted(found: Candidates, classes: str, network: Network) -> Candidates:
    """Those of a class, or all."""
    if classes not in network.names:
        return found
    return found[found.classes == network.names.index(classes)]


# Pictures ----------------------------------------------------------------------------------------


def _pyramid(inside: View) -> Frames:
    return Frames(
        tuple(feature_maps(maps) for maps in inside.pyramid.values()),
        tuple(f"{maps.shape[3]}×{maps.shape[2]}" for maps in inside.pyramid.values()),
    )


def _crop(network: Network, inside: View, found: Candidates, index: int) -> npt.NDArray[np.uint8]:
    import torch

    if not len(found):
        return np.zeros((14, 14), np.uint8)
    box = torch.from_numpy(found.boxes[index : index + 1].copy())
    return feature_maps(read_for_masks(network, inside, box))


def _one(masks: npt.NDArray[np.float32], index: int) -> npt.NDArray[np.float32]:
    return masks[index] if len(masks) else np.zeros((28, 28), np.float32)


def _in_place(
    masks: npt.NDArray[np.float32],
    places: npt.NDArray[np.float32],
    size: tuple[int, int],
    index: int,
) -> npt.NDArray[np.uint8]:
    page = np.zeros(size[::-1], np.uint8)
    if len(masks):
        place, part = paste(masks[index], places[index], size)
        page[place] = (255 * part).astype(np.uint8)
    return page


TECHNIQUE = Technique(
    "Mask R-CNN",
    year=2017,
    segment=segment,
    sample="street",
    fails=Preset("Photographs are not its streets", {"weights": "street", "score": 0.2}, "coffee"),
    presets=(
        Preset("Nuclei, one by one", {"weights": "nuclei"}, "cells"),
        Preset("A cat", {"weights": "pets"}, "chelsea"),
        Preset("Nobody gives way", {"nms": 0.9, "score": 0.3}, "street"),
    ),
    network=Architecture(
        build_rcnn,
        paper_network="Mask R-CNN on ResNet-50 with a feature pyramid",
        paper_parameters=44_400_000,
        paper_score="mask AP 0.336, mask AP50 0.552 on COCO's 5,000 validation images (minival)",
        smaller="A backbone of nine layers instead of 50, and 64 channels instead of 256, so "
        "that it trains in half an hour and answers in a fraction of a second on a processor.",
    ),
)
