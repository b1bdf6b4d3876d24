r"""Panoptic FPN: stuff and things from one pyramid, merged by rule

Idea
A **Mask R-CNN** finds the things, each with a class, a score and a mask. A small **semantic
branch** on the same feature pyramid gives every pixel the likeliest of all classes: the levels are
enlarged to one size and added up. The two answers contradict each other, and a **merge** settles
it. Things go first, the likeliest before the others: a mask $m$ of which too much is taken already,
$$\frac{|m \setminus \mathrm{taken}|}{|m|} < t,$$
is dropped, else it keeps what is free. Stuff fills what is left; where the branch sees a thing that
nobody found, and where stuff is only a speck, the pixel stays **void**: better no answer than one
that was made up.

Used for
Driving above all, which needs the road and every car on it; robots that move among furniture and
people; maps from satellites with fields and single houses; microscope images with tissue and cells.

When it fails
A thing that Mask R-CNN misses leaves a hole, and one that it invents is stamped over the stuff.
Trained on drawn streets it takes the photograph `coffee` for walls, roads and cars: what is void
there is the only honest part.

References
A. Kirillov, R. Girshick, K. He, P. Dollár, *Panoptic feature pyramid networks*, 2019. A. Kirillov
et al., *Panoptic segmentation*, 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt

from segcore.networks.boxes import draw_found
from segcore.networks.inference import look_at, to_classes, to_probabilities
from segcore.networks.layers import conv_norm_relu
from segcore.networks.network import LoadModel, Network
from segcore.networks.pictures import diagram, entropy, feature_maps
from segcore.networks.rcnn import (
    PYRAMID,
    WIDTHS,
    Boxes,
    Candidates,
    Pyramid,
    View,
    anatomy,
    build_rcnn,
    find_objects,
    paste,
    to_size,
    view,
)
from segcore.networks.settings import LeastScore, Zoom
from segcore.result import Image, Labels, Mask, Segment, Segmentation, count_labels
from segcore.technique import (
    Architecture,
    Choice,
    Label,
    Preset,
    Range,
    Show,
    Technique,
    ignore,
)
from segcore.weights import load_network

if TYPE_CHECKING:
    import torch
    from torch import nn

THINGS = ("Sign", "Car", "Pedestrian", "Bicyclist")
WIDTH = 48  # channels of the semantic branch


def build(n_outputs: int) -> nn.Module:
    """Our Mask R-CNN with a semantic branch on its pyramid.

    Args:
        n_outputs: number of all classes, stuff and things.
    """
    import torch
    from torch import nn

    class Branch(nn.Module):
        """Every level enlarged to 1/4 and summed; then, beside a look at the image, to 1/2.

        The paper stops at 1/4. Our images are small, and a pole is two pixels wide.
        """

        def __init__(self) -> None:
            super().__init__()
            self.levels = nn.ModuleList(_enlarging(level) for level in range(len(WIDTHS)))
            self.edges = conv_norm_relu(3, 16, stride=2)
            self.join = conv_norm_relu(WIDTH + 16, WIDTH)
            self.classifier = nn.Conv2d(WIDTH, n_outputs, 1)

        def forward(self, pyramid: Pyramid, x: torch.Tensor, show: Show = ignore) -> torch.Tensor:
            size = pyramid["0"].shape[2:]
            added = torch.zeros(())
            for level, maps in zip(self.levels, pyramid.values(), strict=True):
                # Sizes that are no multiples of 32 come back a pixel too large.
                added = added + level(maps)[:, :, : size[0], : size[1]]
            show(
                "Semantic branch",
                lambda: feature_maps(added),
                "All levels of the pyramid enlarged to a quarter of the image's size and added up "
                "(the maps that vary most).",
            )
            edges = self.edges(x)
            large = nn.functional.interpolate(added, size=edges.shape[2:], mode="bilinear")
            scores = self.classifier(self.join(torch.cat([large, edges], 1)))
            full: torch.Tensor = nn.functional.interpolate(
                scores, size=x.shape[2:], mode="bilinear"
            )
            return full

    network = build_rcnn(len(THINGS))
    network.semantic = Branch()
    return network


def _enlarging(level: int) -> nn.Module:
    """Convolutions that each double the size, `level` of them; one that keeps it at level 0."""
    from torch import nn

    if level == 0:
        return conv_norm_relu(PYRAMID, WIDTH)
    steps = []
    for step in range(level):
        steps += [
            conv_norm_relu(WIDTH if step else PYRAMID, WIDTH),
            nn.Upsample(scale_factor=2, mode="bilinear"),
        ]
    return nn.Sequential(*steps)


def segment(
    image: Image,
    *,
    weights: Annotated[
        str,
        Choice(street="Street scenes, drawn"),
        Label("Trained on"),
        "What the network learned: it knows these classes and no other.",
    ] = "street",
    score: LeastScore = 0.5,
    overlap: Annotated[
        float,
        Range(0.0, 1.0, 0.05),
        Label("Free share"),
        "Least share of a thing's mask that no likelier thing has taken.",
    ] = 0.5,
    smallest_stuff: Annotated[
        float,
        Range(0.0, 20.0, 0.5),
        Label("Smallest stuff in ‰"),
        "Stuff of a class that covers less of the image, in thousandths, is void.",
    ] = 1.0,
    zoom: Zoom = 1.0,
    show: Show = ignore,
    load_model: LoadModel = load_network,
) -> Segmentation:
    network = load_model(build, f"panoptic_{weights}")
    size = image.shape[1], image.shape[0]
    seen = look_at(image, network, zoom, show=show)
    inside = view(network, seen)
    show(
        "Feature pyramid",
        lambda: feature_maps(inside.pyramid["0"]),
        "Its finest level (the maps that vary most): both halves of the network read from it.",
    )
    classes = _classify_pixels(network, inside, seen, size, show=show)
    show("Semantic answer", lambda: classes + 1, "The likeliest class of every pixel.")
    found, masks = find_objects(network, inside, score=score)
    show(
        "Things by score",
        lambda: draw_found(seen, found, THINGS),
        f"{len(found)} things reach the score. The likeliest is put down first.",
    )
    things = put_down(masks, to_size(found.boxes, seen, size), size, overlap)
    show(
        "Masks that were cut or dropped",
        things.fates.copy,
        "White: what a thing keeps. Grey: what it had to leave to a likelier one, or all of it, "
        "where too little was free.",
    )
    show("Things put down", things.numbers.copy, "One number for each thing that stays.")
    stuff = fill_stuff(classes, things.numbers > 0, network.names)
    show("Stuff filled in", stuff.copy, "The semantic answer where no thing lies; no things of it.")
    stuff = drop_small(stuff, smallest_stuff / 1000.0 * stuff.size)
    show(
        "Void",
        lambda: (stuff == 0) & (things.numbers == 0),
        "White: nobody answers, since a thing was seen but not found, or the stuff is a speck.",
    )
    result = _merged(stuff, things, found, network.names)
    show("Panoptic labels", result.labels, "Stuff by class, and a number for each thing.")
    show(
        "The network",
        lambda: diagram(anatomy(network.module), *seen.shape[:2]),
        "The half that finds things, block by block; the semantic branch stands on the pyramid.",
    )
    return result


def _classify_pixels(
    network: Network, inside: View, seen: Image, size: tuple[int, int], *, show: Show
) -> Labels:
    """The likeliest class, from 0, of every pixel of the image."""
    import torch

    module: Any = network.module
    with (
        torch.inference_mode(),
        torch.autocast("cpu", torch.bfloat16, enabled=network.way.bfloat16),
    ):
        scores = module.semantic(inside.pyramid, inside.images.tensors, show=show)
    probabilities = to_probabilities(scores[:, :, : seen.shape[0], : seen.shape[1]].float())
    show(
        "Uncertainty",
        lambda: entropy(probabilities),
        "Entropy of the semantic branch over the classes: bright where it hesitates.",
    )
    return to_classes(probabilities, size)


# The merge ---------------------------------------------------------------------------------------


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


def fill_stuff(classes: Labels, taken: Mask, names: tuple[str, ...]) -> Labels:
    """1 + the class of every pixel that is stuff and not taken; 0 for all others."""
    is_stuff = np.array([name not in THINGS for name in names])
    return np.where(is_stuff[classes] & ~taken, classes + 1, 0).astype(np.int32)


def drop_small(stuff: Labels, least: float) -> Labels:
    """The labels whose segment has at least so many pixels; 0 for the others."""
    counts = count_labels(stuff)
    kept = np.where(counts >= least, np.arange(len(counts)), 0)
    return kept.astype(np.int32)[stuff]


def _merged(
    stuff: Labels, things: Placed, found: Candidates, names: tuple[str, ...]
) -> Segmentation:
    """Stuff has the labels of its classes, things those behind."""
    first = len(names)
    labels = np.where(things.numbers > 0, things.numbers + first, stuff).astype(np.int32)
    segments = []
    for label in np.flatnonzero(count_labels(labels)):
        if label > first:
            index = int(label) - first - 1
            name, chance = THINGS[found.classes[index]], float(found.scores[index])
            segments.append(Segment(int(label), name, True, chance))
        elif label > 0:
            segments.append(Segment(int(label), names[label - 1]))
    return Segmentation(labels, tuple(segments))


TECHNIQUE = Technique(
    "Panoptic FPN",
    year=2019,
    segment=segment,
    sample="street",
    fails=Preset("Streets are all it knows", {"score": 0.2}, "coffee"),
    presets=(
        Preset("Everything that might be a thing", {"score": 0.1, "overlap": 0.2}, "street"),
        Preset("Specks are void", {"smallest_stuff": 15.0}, "street"),
    ),
    network=Architecture(
        build,
        paper_parameters=46_000_000,
        paper_score="PQ 40.9 on COCO test-dev (ResNet-101)",
        smaller="The pyramid of our small Mask R-CNN with a branch of 48 channels instead of 128, "
        "so that it trains in under an hour on one thread of a processor.",
    ),
)
