r"""U-Net and Mask R-CNN, merged: stuff and things in one answer

Idea
Two networks look at the image, and neither knows of the other. A **semantic network**, the U-Net,
gives every pixel the likeliest of all classes, but cannot tell one car from the next. A **Mask
R-CNN** finds the things, each with a class, a score and a mask, and says nothing of road and sky.
The two contradict each other, and a **merge** settles it, by the rule of Panoptic FPN. Things go
first, the likeliest before the others: a mask $m$ of which too much is taken already,
$$\frac{|m \setminus \mathrm{taken}|}{|m|} < t,$$
is dropped, else it keeps what is free. Stuff fills what is left. Where the semantic network sees a
thing that nobody found, and where stuff of a class is but a speck, the pixel stays **void**: better
no answer than one that was made up.

One rule is ours, since two witnesses are better than one: a thing is put down only if the semantic
network, too, sees its class in a good part of its mask. At an agreement of 0 it is left out, and
the merge is the paper's.

Used for
Driving above all, which needs the road and every car on it; robots that move among furniture and
people; maps from satellites with fields and single houses; microscope images with tissue and cells.

When it fails
A thing that Mask R-CNN misses leaves a hole, and one that it invents is stamped over the stuff.
Both networks learned drawn streets, and take the photograph `coffee` for walls, roads and cars:
what is void there is the only honest part.

References
A. Kirillov, R. Girshick, K. He, P. Dollár, *Panoptic feature pyramid networks*, 2019. A. Kirillov
et al., *Panoptic segmentation*, 2019.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt

from segcore.charts import Table
from segcore.networks.boxes import draw_found
from segcore.networks.inference import (
    Probabilities,
    compute_scores,
    look_at,
    to_classes,
    to_probabilities,
)
from segcore.networks.masks import Placed, agreements, put_down
from segcore.networks.network import LoadModel, Network
from segcore.networks.pictures import diagram, entropy
from segcore.networks.rcnn import (
    Boxes,
    Candidates,
    anatomy,
    build_rcnn,
    find_objects,
    to_size,
    view,
)
from segcore.networks.settings import LeastScore, Share, TrainedOn, Zoom
from segcore.networks.unet import build_unet
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


def segment(
    image: Image,
    *,
    weights: Annotated[
        TrainedOn,
        Choice(street="Street scenes, drawn"),
        "What both networks learned: they know these classes and no other.",
    ] = "street",
    score: LeastScore = 0.5,
    agreement: Annotated[
        Share,
        "Least share of a thing's mask that the semantic network gives the same class. At 0, as in "
        "the paper, Mask R-CNN is believed by itself.",
    ] = 0.3,
    overlap: Annotated[
        Share,
        Label("Free share"),
        "Least share of a thing's mask that no likelier thing has taken.",
    ] = 0.7,
    smallest_stuff: Annotated[
        float,
        Range(0.0, 20.0, 0.5),
        Label("Smallest stuff in ‰"),
        "Stuff of a class that covers less of the image, in thousandths, is void.",
    ] = 8.0,
    zoom: Zoom = 1.0,
    show: Show = ignore,
    load_model: LoadModel = load_network,
) -> Segmentation:
    semantic = load_model(build_unet, f"unet_{weights}")
    finder = load_model(build_rcnn, f"mask_rcnn_{weights}")
    size = image.shape[1], image.shape[0]
    probabilities = _ask_semantic(semantic, image, zoom, show=show)
    classes = to_classes(probabilities, size)
    show("Semantic answer", lambda: classes + 1, "The likeliest class of every pixel.")
    found, masks, boxes = _ask_finder(finder, image, zoom, score, show=show)
    agreed = agreements(masks, boxes, _indices(finder, semantic)[found.classes], classes)
    show(
        "Who agrees",
        lambda: _list_agreements(found, agreed, agreement, finder.names),
        "For each thing, the share of its mask that the semantic network gives the same class.",
    )
    stays = agreed >= agreement
    found, masks, boxes = found[stays], masks[stays], boxes[stays]
    show(
        "Things that both networks see",
        lambda: draw_found(look_at(image, finder, zoom), found, finder.names),
        f"{np.count_nonzero(~stays)} things were given up, {len(found)} go on.",
    )
    things = put_down(masks, boxes, size, overlap)
    show(
        "Masks that were cut or dropped",
        things.fates.copy,
        "White: what a thing keeps. Grey: what it had to leave to a likelier one, or all of it, "
        "where too little was free.",
    )
    show("Things put down", things.numbers.copy, "One number for each thing that stays.")
    stuff = fill_stuff(classes, things.numbers > 0, semantic.names, finder.names)
    show("Stuff filled in", stuff.copy, "The semantic answer where no thing lies; no things of it.")
    stuff = drop_small(stuff, smallest_stuff / 1000.0 * stuff.size)
    show(
        "Void",
        lambda: (stuff == 0) & (things.numbers == 0),
        "White: nobody answers, since a thing was seen but not found, or the stuff is a speck.",
    )
    result = _merged(stuff, things, found, (semantic.names, finder.names))
    show("Panoptic labels", result.labels, "Stuff by class, and a number for each thing.")
    show(
        "The U-Net",
        lambda: diagram(semantic.module, *look_at(image, semantic, zoom).shape[:2]),
        "Block by block; its own page shows what goes on inside.",
    )
    show(
        "The Mask R-CNN",
        lambda: diagram(anatomy(finder.module), *look_at(image, finder, zoom).shape[:2]),
        "Block by block, its heads for one box; its own page shows what goes on inside.",
    )
    return result


# The two networks --------------------------------------------------------------------------------


def _ask_semantic(network: Network, image: Image, zoom: float, *, show: Show) -> Probabilities:
    """How likely each class is at every pixel of what the semantic network sees."""
    seen = look_at(image, network, zoom)
    show(
        "What the U-Net sees",
        seen,
        f"The image at {seen.shape[1]}×{seen.shape[0]} pixels, for the class of every pixel.",
    )
    probabilities = to_probabilities(compute_scores(network, seen))
    show(
        "Uncertainty",
        lambda: entropy(probabilities),
        "Entropy of the semantic network over the classes: bright where it hesitates.",
    )
    return probabilities


def _ask_finder(
    network: Network, image: Image, zoom: float, score: float, *, show: Show
) -> tuple[Candidates, npt.NDArray[np.float32], Boxes]:
    """The things, the likeliest first, their masks (n, 28, 28) and their boxes in the image."""
    seen = look_at(image, network, zoom)
    show(
        "What Mask R-CNN sees",
        seen,
        f"The image at {seen.shape[1]}×{seen.shape[0]} pixels, so that small things are found.",
    )
    found, masks = find_objects(network, view(network, seen), score=score)
    show(
        "Things by score",
        lambda: draw_found(seen, found, network.names),
        f"{len(found)} things reach the score. The likeliest is put down first.",
    )
    return found, masks, to_size(found.boxes, seen, (image.shape[1], image.shape[0]))


def _indices(finder: Network, semantic: Network) -> npt.NDArray[np.int64]:
    """Where the classes of things stand among all classes."""
    return np.array([semantic.names.index(name) for name in finder.names])


def _list_agreements(
    found: Candidates,
    agreed: npt.NDArray[np.float64],
    least: float,
    names: tuple[str, ...],
) -> Table:
    rows = [
        (names[kind], float(score), float(share), "stays" if share >= least else "is given up")
        for kind, score, share in zip(found.classes, found.scores, agreed, strict=True)
    ]
    return Table(("Class", "Score", "Agreement", "Verdict"), tuple(rows))


# The merge ---------------------------------------------------------------------------------------


def fill_stuff(
    classes: Labels, taken: Mask, names: tuple[str, ...], things: tuple[str, ...]
) -> Labels:
    """1 + the class of every pixel that is stuff and not taken; 0 for all others.

    Args:
        classes: H×W, indices of `names`.
        taken: H×W, where things lie.
        names: all classes.
        things: those of them that can be counted.
    """
    is_stuff = np.array([name not in things for name in names])
    return np.where(is_stuff[classes] & ~taken, classes + 1, 0).astype(np.int32)


def drop_small(stuff: Labels, least: float) -> Labels:
    """The labels whose segment has at least so many pixels; 0 for the others."""
    counts = count_labels(stuff)
    kept = np.where(counts >= least, np.arange(len(counts)), 0)
    return kept.astype(np.int32)[stuff]


def _merged(
    stuff: Labels,
    things: Placed,
    found: Candidates,
    names: tuple[tuple[str, ...], tuple[str, ...]],
) -> Segmentation:
    """Stuff has the labels of its classes, things those behind.

    Args:
        stuff: H×W, 1 + index of the class, 0 for none.
        things: those that were put down.
        found: classes and scores of the things.
        names: names of all classes, and of the things among them.
    """
    first = len(names[0])
    labels = np.where(things.numbers > 0, things.numbers + first, stuff).astype(np.int32)
    segments = []
    for label in np.flatnonzero(count_labels(labels)):
        if label > first:
            index = int(label) - first - 1
            name, chance = names[1][found.classes[index]], float(found.scores[index])
            segments.append(Segment(int(label), name, True, chance))
        elif label > 0:
            segments.append(Segment(int(label), names[0][label - 1]))
    return Segmentation(labels, tuple(segments))


TECHNIQUE = Technique(
    "U-Net + Mask R-CNN",
    year=2019,
    segment=segment,
    sample="street",
    fails=Preset("Streets are all they know", {"score": 0.2, "agreement": 0.0}, "coffee"),
    presets=(
        Preset("The paper's rule alone", {"agreement": 0.0}, "street"),
        Preset(
            "Everything that might be a thing",
            {"score": 0.1, "agreement": 0.0, "overlap": 0.2},
            "street",
        ),
        Preset("Specks are void", {"smallest_stuff": 15.0}, "street"),
    ),
    network=Architecture(
        None,
        paper_network="Panoptic FPN on ResNet-101",
        paper_parameters=65_000_000,
        paper_score="PQ 0.409 on COCO test-dev",
        smaller="The paper reads both answers from the pyramid of one large network. Ours come "
        "from two small ones, which see the image twice, and each can be looked at and trained by "
        "itself. The merge is the paper's, but for the agreement.",
        parts=("unet", "mask_rcnn"),
    ),
)
