"""Torchvision's detectors, opened: Mask R-CNN and Faster R-CNN, and SSDlite, which asks only once.

The first two run through the stages of segcore.networks.rcnn, since the small network of our own is
of the same classes. Resizing and normalisation are those of the published module itself.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from segcore.charts import Frames
from segcore.networks.network import Network
from segcore.networks.pictures import feature_maps
from segcore.networks.rcnn import Candidates, View, glance, view_batch
from segcore.result import Image
from segcore.technique import Show, ignore

if TYPE_CHECKING:
    import torch
    from torch import nn


def open_rcnn(network: Any) -> nn.Module:
    """Torchvision's Mask R-CNN or Faster R-CNN as parts, which are called one by one."""
    from torch import nn

    class PublishedRCNN(nn.Module):
        """The parts under torchvision's own names."""

        def __init__(self) -> None:
            super().__init__()
            self.transform: nn.Module = network.transform
            self.backbone: nn.Module = network.backbone
            self.rpn: nn.Module = network.rpn
            self.roi_heads: nn.Module = network.roi_heads

        def glance(self, x: torch.Tensor) -> torch.Tensor:
            """A dense part of its answer, for the tuning to look at."""
            return glance(self, x)

    return PublishedRCNN()


def open_ssd(network: Any) -> nn.Module:
    """Torchvision's SSDlite as parts, which are called one by one."""
    from torch import nn

    class PublishedSSD(nn.Module):
        """The parts under torchvision's own names, and what it does with its scores."""

        def __init__(self) -> None:
            super().__init__()
            self.transform: nn.Module = network.transform
            self.backbone: nn.Module = network.backbone
            self.head: nn.Module = network.head
            self.anchor_generator: nn.Module = network.anchor_generator
            self.box_coder = network.box_coder
            self.most_of_a_class: int = network.topk_candidates

        def glance(self, x: torch.Tensor) -> torch.Tensor:
            """Scores (1, classes, boxes, 1), for the tuning to look at."""
            answer = self.head(list(self.backbone(x).values()))
            return answer["cls_logits"].transpose(1, 2)[..., None]

    return PublishedSSD()


def without_background(network: Network) -> Network:
    """The network with the names of its things alone: torchvision's first one is the background."""
    return replace(network, names=network.names[1:])


def prepare(
    network: Network, image: Image, zoom: float, *, show: Show = ignore
) -> tuple[Image, Any]:
    """The image as torchvision's own first part makes it: normalised, resized, padded.

    Args:
        network: a published detector.
        image: uint8 RGB H×W×3.
        zoom: size against that which torchvision documents.
        show: receives the step.

    Returns:
        uint8 RGB h×w×3, what the network sees, and the same as torchvision's classes hold it.
    """
    import torch

    module: Any = network.module
    part = copy.copy(module.transform)
    part.min_size = (round(part.min_size[-1] * zoom),)
    part.max_size = round(part.max_size * zoom)
    if part.fixed_size is not None:
        part.fixed_size = tuple(round(side * zoom) for side in part.fixed_size)
    elif min(image.shape[:2]) * part.max_size < max(image.shape[:2]):
        # Torchvision fails where the shorter side would be less than a pixel.
        part.fixed_size = tuple(min(part.max_size, side) for side in image.shape[1::-1])
    with torch.inference_mode():
        images, _ = part([torch.tensor(image).permute(2, 0, 1).contiguous() / 255.0])
    height, width = images.image_sizes[0]
    mean, std = torch.tensor(part.image_mean), torch.tensor(part.image_std)
    x = images.tensors[0, :, :height, :width].permute(1, 2, 0) * std + mean
    seen = np.asarray((x * 255.0).round().clamp(0, 255).numpy(), np.uint8)
    show("What the network sees", seen, f"The image at {width}×{height} pixels.")
    return seen, images


def view_as_published(
    network: Network, image: Image, zoom: float, *, show: Show = ignore
) -> tuple[Image, View]:
    """What a published Mask R-CNN or Faster R-CNN sees of an image, and what it makes of it.

    Args:
        network: its module is one of `open_rcnn`.
        image: uint8 RGB H×W×3.
        zoom: size against that which torchvision documents.
        show: receives the step.
    """
    seen, images = prepare(network, image, zoom, show=show)
    return seen, view_batch(network, images)


def find_at_once(
    network: Network, image: Image, zoom: float, score: float, *, show: Show = ignore
) -> tuple[Image, Candidates]:
    """The boxes that SSDlite finds, the best first, before any gives way to another.

    Args:
        network: its module is one of `open_ssd`.
        image: uint8 RGB H×W×3.
        zoom: size against that which torchvision documents.
        score: least probability of a thing.
        show: receives the steps.

    Returns:
        what the network sees, uint8 RGB h×w×3, and the boxes in its pixels.
    """
    import torch
    from torchvision.ops import clip_boxes_to_image

    seen, images = prepare(network, image, zoom, show=show)
    parts: Any = network.module
    way = network.way
    layout = torch.channels_last if way.channels_last else torch.contiguous_format
    x = images.tensors.contiguous(memory_format=layout)
    with torch.inference_mode():
        with torch.autocast("cpu", torch.bfloat16, enabled=way.bfloat16):
            inside = list(parts.backbone(x).values())
            answer = parts.head(inside)
        maps = [level.float() for level in inside]  # the anchors take their precision from them
        chances = answer["cls_logits"][0].float().softmax(-1)[:, 1:]
        anchors = parts.anchor_generator(images, maps)[0]
        boxes = parts.box_coder.decode_single(answer["bbox_regression"][0].float(), anchors)
        boxes = clip_boxes_to_image(boxes, images.image_sizes[0])
    sizes = [m.shape[3] for m in maps]
    show(
        "Maps of six sizes",
        lambda: Frames(tuple(feature_maps(m) for m in maps), tuple(f"{n}×{n}" for n in sizes)),
        "Each is half as large as the one before (those that vary most): fine ones find small "
        "things, coarse ones large things.",
    )
    show(
        "Anything at all",
        lambda: _anything(chances, maps),
        f"Probability of the likeliest class, of the best of {len(anchors):,} boxes at each place: "
        "no proposals, every box gets its class at once.",
    )
    return seen, _likeliest(boxes, chances, score, parts.most_of_a_class)


def _anything(chances: torch.Tensor, maps: list[torch.Tensor]) -> Frames:
    """The likeliest class of the likeliest box, grey, one map for each size."""
    sizes = [(int(m.shape[2]), int(m.shape[3])) for m in maps]
    places = [height * width for height, width in sizes]
    best = chances.amax(1).reshape(sum(places), -1).amax(1).numpy()
    levels = np.split(np.asarray(best * 255, np.uint8), np.cumsum(places)[:-1])
    return Frames(
        tuple(level.reshape(size) for level, size in zip(levels, sizes, strict=True)),
        tuple(f"{width}×{height}" for height, width in sizes),
    )


def _likeliest(boxes: torch.Tensor, chances: torch.Tensor, score: float, most: int) -> Candidates:
    """Of each class the likeliest boxes that reach a score, all classes together, by score.

    Args:
        boxes: (n, 4).
        chances: (n, classes).
        score: least probability.
        most: boxes of a class.
    """
    best, rows = chances.topk(min(most, len(chances)), dim=0)
    classes = np.broadcast_to(np.arange(best.shape[1]), best.shape).reshape(-1)
    found = Candidates(boxes[rows.reshape(-1)].numpy(), classes, best.reshape(-1).numpy())
    found = found[found.scores >= score]
    return found[np.argsort(-found.scores, kind="stable")]
