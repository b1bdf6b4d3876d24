"""From maps to boxes, step by step: what Faster R-CNN and Mask R-CNN have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.charts import Frames
from segcore.networks.boxes import draw_boxes, draw_found, draw_rivals
from segcore.networks.network import Network
from segcore.networks.rcnn import Candidates, View, classify, keep_proposals, propose, suppress
from segcore.result import Image
from segcore.technique import Show, ignore

if TYPE_CHECKING:
    import torch

SHOWN = 60  # boxes without a class in a picture; more hide the image
YELLOW = (240, 228, 66)


def find_boxes(
    network: Network, seen: Image, inside: View, score: float, *, show: Show = ignore
) -> Candidates:
    """The boxes with a class, the best first, before any gives way to another.

    Args:
        network: a Mask R-CNN or Faster R-CNN of torchvision's classes.
        seen: uint8 RGB h×w×3, the image as the network sees it.
        inside: what the network makes of it.
        score: least probability of a thing.
        show: receives the steps.
    """
    show(
        "Objectness",
        lambda: _objectness(inside),
        f"Probability of anything at all, by level of the pyramid: the best of the "
        f"{inside.objectness[0].shape[1]} anchors at every place.",
    )
    boxes, chances = propose(network, inside)
    show(
        f"The {SHOWN} likeliest of {len(boxes):,} boxes",
        lambda: _draw_best(seen, boxes, chances),
        "Every anchor proposes a box; the same thing is proposed many times over.",
    )
    proposals = keep_proposals(network, inside, boxes, chances)
    show(
        f"The {SHOWN} likeliest of {len(proposals):,} proposals",
        lambda: draw_boxes(seen, proposals[:SHOWN].numpy(), [YELLOW] * SHOWN),
        "Of boxes that overlap by more than 0.7 only the likeliest is left: what may be a thing is "
        "now covered once or twice.",
    )
    found = classify(network, inside, proposals)
    return found[found.scores >= score]


def thin_out(
    network: Network, seen: Image, found: Candidates, most_overlap: float, *, show: Show = ignore
) -> npt.NDArray[np.int64]:
    """Which box gives way to which, see `suppress`; shows what was found and what stays.

    Args:
        network: gives the names of the classes.
        seen: uint8 RGB h×w×3, the image as the network sees it.
        found: boxes that reach the score, the best first.
        most_overlap: greatest IoU of two boxes of a class that both stay.
        show: receives the steps.
    """
    show(
        "Boxes with class and score",
        lambda: draw_found(seen, found, network.names),
        f"Each box was classified and moved: {len(found)} reach the score. Many mean the same "
        "thing.",
    )
    winners = suppress(found, most_overlap)
    stays = np.count_nonzero(winners == np.arange(len(found)))
    show(
        "Suppression",
        lambda: draw_rivals(seen, found, winners, network.names),
        f"{len(found) - stays} boxes, grey, overlap a better one of their class by more than "
        f"{most_overlap:.2f} and give way to it, along the line. {stays} stay.",
    )
    return winners


def _objectness(inside: View) -> Frames:
    planes = [maps[0].amax(0).sigmoid().numpy() for maps in inside.objectness]
    return Frames(
        tuple(np.asarray(plane * 255, np.uint8) for plane in planes),
        tuple(f"{plane.shape[1]}×{plane.shape[0]}" for plane in planes),
    )


def _draw_best(seen: Image, boxes: torch.Tensor, chances: torch.Tensor) -> Image:
    order = chances.argsort(descending=True, stable=True)[:SHOWN]
    return draw_boxes(seen, boxes[order].numpy(), [YELLOW] * SHOWN)
