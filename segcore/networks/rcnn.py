"""Mask R-CNN in small, on torchvision's own classes, and its run taken apart into its stages.

He et al. (2017), "Mask R-CNN", on feature pyramids (Lin et al. 2017): a backbone makes maps at four
sizes; a small network proposes boxes; every box is classified and corrected, and gets a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.networks.inference import to_tensor
from segcore.networks.layers import conv_norm_relu
from segcore.networks.network import Network
from segcore.networks.published import split_backbone, walk_backbone
from segcore.result import Image, Mask

if TYPE_CHECKING:
    import torch
    from torch import nn

Boxes: TypeAlias = npt.NDArray[np.float32]  # (n, 4): left, top, right, bottom in pixels
Pyramid: TypeAlias = "dict[str, torch.Tensor]"  # finest first, each (1, 64, h, w)

WIDTHS = (32, 64, 96, 112)  # channels at 1/4, 1/8, 1/16 and 1/32 of the image's size
STRIDE = 32  # pixels of the image to one of the coarsest map
PYRAMID = 64  # channels of every level of the pyramid
ANCHORS = (12, 24, 48, 96)  # sides in pixels, one per level
RATIOS = (0.4, 1.0, 2.2)  # height to width is 1 : ratio; people are tall, cars are broad
CANONICAL = 80  # side in pixels of the boxes that are read from the level of 1/16
LEAST_SCORE = 0.05  # boxes below this score are not looked at
MOST_OVERLAP = 0.4  # IoU of two boxes of a class that both stay; half is the paper's
MOST_OBJECTS = 500  # objects of an image, the best first
MOST_RIVALS = 2000  # boxes that suppression compares, the best first


def build_rcnn(n_outputs: int) -> nn.Module:
    """torchvision's MaskRCNN with a residual backbone of our own, 1.4 million parameters.

    Args:
        n_outputs: number of classes of things, without the background.
    """
    from torch import nn
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
    from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

    class Backbone(nn.Module):
        """Four stages of residual blocks (He et al. 2016) and the pyramid over them."""

        out_channels = PYRAMID

        def __init__(self) -> None:
            super().__init__()
            self.stem = conv_norm_relu(3, 24, stride=2)
            before = (24, *WIDTHS)
            self.stages = nn.ModuleList(
                nn.Sequential(_residual(i, o, stride=2), *(_residual(o, o) for _ in range(more)))
                for i, o, more in zip(before, WIDTHS, (0, 1, 1, 0), strict=False)
            )
            self.pyramid = FeaturePyramidNetwork(list(WIDTHS), PYRAMID)

        def forward(self, x: torch.Tensor) -> Pyramid:
            x = self.stem(x)
            levels = {}
            for level, stage in enumerate(self.stages):
                x = levels[str(level)] = stage(x)
            pyramid: Pyramid = self.pyramid(levels)
            return pyramid

    class SmallMaskRCNN(MaskRCNN):  # type: ignore[misc]  # torchvision has no types
        """torchvision's network, with a dense part of its answer for the tuning to look at."""

        def glance(self, x: torch.Tensor) -> torch.Tensor:
            return glance(self, x)

    def pool(size: int) -> nn.Module:
        levels = [str(level) for level in range(len(WIDTHS))]
        aligned: nn.Module = MultiScaleRoIAlign(levels, size, 2, canonical_scale=CANONICAL)
        return aligned

    return SmallMaskRCNN(
        Backbone(),
        rpn_anchor_generator=AnchorGenerator(tuple((side,) for side in ANCHORS), (RATIOS,) * 4),
        rpn_pre_nms_top_n_train=400,
        rpn_post_nms_top_n_train=300,
        rpn_batch_size_per_image=128,
        box_roi_pool=pool(7),
        box_head=TwoMLPHead(PYRAMID * 7 * 7, 112),
        box_predictor=FastRCNNPredictor(112, n_outputs + 1),
        box_batch_size_per_image=64,
        mask_roi_pool=pool(14),
        mask_head=MaskRCNNHeads(PYRAMID, (PYRAMID,) * 3, 1),
        mask_predictor=MaskRCNNPredictor(PYRAMID, 48, n_outputs + 1),
        box_detections_per_img=MOST_OBJECTS,
    )


def glance(network: Any, x: torch.Tensor) -> torch.Tensor:
    """Objectness (1, 2, h, w) at the finest level, of background and of anything."""
    finest = next(iter(network.backbone(x).values()))
    best = network.rpn.head([finest])[0][0].amax(1, keepdim=True)
    scores: torch.Tensor = best * best.new_tensor([-0.5, 0.5])[:, None, None]
    return scores


def _residual(inputs: int, outputs: int, *, stride: int = 1) -> nn.Module:
    """Two convolutions whose result is added to what came in (He et al. 2016)."""
    import torch
    from torch import nn

    class Residual(nn.Module):
        """max(0, x + f(x)); x is projected where its shape changes."""

        def __init__(self) -> None:
            super().__init__()
            self.change = nn.Sequential(
                conv_norm_relu(inputs, outputs, stride=stride),
                nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
            )
            same = inputs == outputs and stride == 1
            self.project = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.project(x) + self.change(x))

    return Residual()


def anatomy(network: Any) -> nn.Module:
    """The parts of a Mask R-CNN in a row, for its diagram: one box goes through the heads."""
    from torch import nn

    class First(nn.Module):
        """A part whose answer is several maps, reduced to the first of them."""

        def __init__(self, part: nn.Module) -> None:
            super().__init__()
            self.part = part

        def forward(self, given: Any) -> Any:
            result = self.part(given)
            return next(iter(result.values() if isinstance(result, dict) else result))

    class Anatomy(nn.Module):
        """From the image to one box and one mask, in the order of a run."""

        def __init__(self) -> None:
            super().__init__()
            heads = network.roi_heads
            self.stages, self.levels, pyramid = _take_apart(network.backbone)
            handed_on = [place for place, level in enumerate(self.levels) if level]
            self.skips = tuple((f"stages.{place}", "pyramid") for place in handed_on[:-1])
            self.pyramid = First(pyramid)
            self.objectness = First(First(network.rpn.head))
            self.box_head, self.box_class = heads.box_head, First(heads.box_predictor)
            self.mask_head, self.mask = heads.mask_head, heads.mask_predictor

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps = walk_backbone(self.stages, self.levels, x)
            finest = self.pyramid(maps)
            self.objectness([finest])
            self.box_class(self.box_head(finest.new_empty((1, finest.shape[1], 7, 7))))
            read = finest.new_empty((1, finest.shape[1], 14, 14))
            mask: torch.Tensor = self.mask(self.mask_head(read))
            return mask

    return Anatomy()


def _take_apart(backbone: Any) -> tuple[nn.ModuleList, tuple[str, ...], nn.Module]:
    """The stages of a backbone, the level of the pyramid each hands on to, and the pyramid."""
    from torch import nn

    if hasattr(backbone, "body"):  # torchvision's own
        return *split_backbone(backbone.body), backbone.fpn
    stages = nn.ModuleList([backbone.stem, *backbone.stages])
    return stages, ("", *map(str, range(len(WIDTHS)))), backbone.pyramid


def to_batch(images: torch.Tensor | Sequence[torch.Tensor]) -> Any:
    """Images (3, h, w) of one size as torchvision's classes take them: padded, with their sizes.

    They are neither resized nor normalised, as torchvision's own first part would do to them.
    """
    import torch
    from torchvision.models.detection.image_list import ImageList

    height, width = images[0].shape[-2:]
    missing = (0, -width % STRIDE, 0, -height % STRIDE)
    padded = [torch.nn.functional.pad(image, missing) for image in images]
    return ImageList(torch.stack(padded), [(height, width)] * len(padded))


# From the image to boxes -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class View:
    """What a network makes of an image before it looks at single boxes.

    Attributes:
        images: the image as torchvision's classes hold it, padded to multiples of 32.
        pyramid: maps of every level, float32; those of our own network are at 1/4, 1/8, 1/16 and
            1/32 of the image's size.
        objectness: for every level, scores (1, anchors, h, w) of "there is something here".
        deltas: for every level, how each anchor is to move, (1, 4 · anchors, h, w).
    """

    images: Any
    pyramid: Pyramid
    objectness: list[torch.Tensor]
    deltas: list[torch.Tensor]


def view(network: Network, seen: Image) -> View:
    """The pyramid and the objectness of an image that a network of ours sees.

    Args:
        network: a Mask R-CNN as `build_rcnn` makes it.
        seen: uint8 RGB h×w×3.
    """
    return view_batch(network, to_batch(to_tensor(seen)))


def view_batch(network: Network, images: Any) -> View:
    """The pyramid and the objectness of one image, computed in the network's own way.

    Args:
        network: a Mask R-CNN or Faster R-CNN of torchvision's classes.
        images: the image as those classes hold it.
    """
    import torch

    module, way = _module(network), network.way
    if way.channels_last:
        images.tensors = images.tensors.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=way.bfloat16):
        pyramid = module.backbone(images.tensors)
        objectness, deltas = module.rpn.head(list(pyramid.values()))
    return View(
        images,
        {name: maps.float() for name, maps in pyramid.items()},
        [maps.float() for maps in objectness],
        [maps.float() for maps in deltas],
    )


def propose(network: Network, seen: View) -> tuple[torch.Tensor, torch.Tensor]:
    """All boxes that the anchors move to, and their objectness, before any is dropped.

    Returns:
        boxes (n, 4) and scores (n,), level by level.
    """
    import torch
    from torchvision.models.detection.rpn import concat_box_prediction_layers

    rpn = _module(network).rpn
    with torch.inference_mode():
        anchors = rpn.anchor_generator(seen.images, list(seen.pyramid.values()))
        scores, deltas = concat_box_prediction_layers(seen.objectness, seen.deltas)
        boxes = rpn.box_coder.decode(deltas, anchors)[:, 0]
    return boxes, scores[:, 0]


def keep_proposals(
    network: Network, seen: View, boxes: torch.Tensor, scores: torch.Tensor
) -> torch.Tensor:
    """The proposals (n, 4) that survive torchvision's selection, the likeliest first.

    Of each level some of the best are kept; of those that overlap by an IoU above 0.7 only the
    best; of all some of the best again. How many, the network says; mostly it is a thousand.
    """
    import torch

    sizes = [maps[0].numel() for maps in seen.objectness]
    with torch.inference_mode():
        kept, _ = _module(network).rpn.filter_proposals(
            boxes[None], scores[None], seen.images.image_sizes, sizes
        )
    proposals: torch.Tensor = kept[0]
    return proposals


@dataclass(frozen=True, eq=False)
class Candidates:
    """Boxes that a class was found in; a box may stand here once for every class.

    Attributes:
        boxes: (n, 4) in pixels of what the network sees.
        classes: (n,) indices of the network's names.
        scores: (n,) probabilities, the greatest first.
    """

    boxes: Boxes
    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, chosen: Any) -> Self:
        return type(self)(self.boxes[chosen], self.classes[chosen], self.scores[chosen])


def classify(network: Network, seen: View, proposals: torch.Tensor) -> Candidates:
    """Class and better place of every proposal, from 7×7 features that RoIAlign reads in it."""
    import torch
    from torchvision.ops import clip_boxes_to_image

    heads, way = _module(network).roi_heads, network.way
    with torch.inference_mode():
        features = heads.box_roi_pool(seen.pyramid, [proposals], seen.images.image_sizes)
        with torch.autocast("cpu", torch.bfloat16, enabled=way.bfloat16):
            scores, deltas = heads.box_predictor(heads.box_head(features))
        boxes = heads.box_coder.decode(deltas.float(), [proposals])
        boxes = clip_boxes_to_image(boxes, seen.images.image_sizes[0])[:, 1:]
        chances = scores.float().softmax(-1)[:, 1:]
    classes = np.broadcast_to(np.arange(chances.shape[1]), chances.shape)
    found = Candidates(
        boxes.reshape(-1, 4).numpy(), classes.reshape(-1), chances.reshape(-1).numpy()
    )
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    found = found[(found.scores > LEAST_SCORE) & (sides.min(1, initial=np.inf) >= 0.01)]
    return found[np.argsort(-found.scores, kind="stable")[:MOST_RIVALS]]


def suppress(found: Candidates, most_overlap: float) -> npt.NDArray[np.int64]:
    """Greedy non-maximum suppression within each class: who gives way to whom.

    The best box stays and takes out all of its class that overlap it by more; then the best of
    those left; and so on.

    Args:
        found: boxes, the best first.
        most_overlap: greatest IoU of two boxes of a class that both stay.

    Returns:
        (n,) for each box the index of the one that it gives way to, its own if it stays.
    """
    winners = np.full(len(found), -1, np.int64)
    for index in range(len(found)):
        if winners[index] >= 0:
            continue
        winners[index] = index
        rivals = np.flatnonzero((winners < 0) & (found.classes == found.classes[index]))
        overlaps = box_overlaps(found.boxes[index], found.boxes[rivals])
        winners[rivals[overlaps > most_overlap]] = index
    return winners


def box_overlaps(box: npt.NDArray[np.float32], others: Boxes) -> npt.NDArray[np.float32]:
    """IoU of a box (4,) with each of others (n, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.maximum(high - low, 0).prod(1)
    areas = (others[:, 2:] - others[:, :2]).prod(1)
    union = (box[2:] - box[:2]).prod() + areas - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)


# From boxes to masks -----------------------------------------------------------------------------


def predict_masks(network: Network, seen: View, found: Candidates) -> npt.NDArray[np.float32]:
    """For each box, how likely each of 28×28 places in it belongs to the object, (n, 28, 28)."""
    import torch

    heads, way = _module(network).roi_heads, network.way
    boxes = torch.from_numpy(found.boxes.copy())
    with torch.inference_mode():
        features = read_for_masks(network, seen, boxes)
        with torch.autocast("cpu", torch.bfloat16, enabled=way.bfloat16):
            scores = heads.mask_predictor(heads.mask_head(features)).float()
        own = scores[torch.arange(len(scores)), torch.from_numpy(found.classes + 1)]
        masks: npt.NDArray[np.float32] = own.sigmoid().numpy()
    return masks


def read_for_masks(network: Network, seen: View, boxes: torch.Tensor) -> torch.Tensor:
    """What RoIAlign reads in each box (n, 4) for its mask: (n, channels, 14, 14)."""
    pool = _module(network).roi_heads.mask_roi_pool
    features: torch.Tensor = pool(seen.pyramid, [boxes], seen.images.image_sizes)
    return features


def most_objects(network: Network) -> int:
    """How many objects of an image the network gives at most, the likeliest."""
    most: int = _module(network).roi_heads.detections_per_img
    return most


def _module(network: Network) -> Any:
    """The module, whose parts torchvision gives no types."""
    return network.module


def to_size(boxes: Boxes, seen: Image, size: tuple[int, int]) -> Boxes:
    """Boxes in pixels of what the network sees, in pixels of an image of (width, height)."""
    scale = np.array([size[0] / seen.shape[1], size[1] / seen.shape[0]] * 2, np.float32)
    return np.asarray(boxes * scale, np.float32)


def paste(
    mask: npt.NDArray[np.float32], box: npt.NDArray[np.float32], size: tuple[int, int]
) -> tuple[tuple[slice, slice], npt.NDArray[np.float32]]:
    """A mask enlarged to its box, where the box lies in the image.

    A rim of zeros is put around the mask first, so that it fades out at the edge of the box; that
    and the rounding are torchvision's, to the pixel.

    Args:
        mask: (28, 28).
        box: (4,) in pixels of the image.
        size: (width, height) of the image.

    Returns:
        (rows, columns) of the image, and the mask there; both are empty for a box outside.
    """
    padded = np.pad(mask, 1)
    middle, half = (box[:2] + box[2:]) * 0.5, (box[2:] - box[:2]) * 0.5
    half = half * (padded.shape[0] / mask.shape[0])
    low, high = (middle - half).astype(np.int64), (middle + half).astype(np.int64)
    whole = np.maximum(high - low + 1, 1)
    start = np.maximum(low, 0)
    end = np.maximum(np.minimum(high + 1, size), start)
    columns, rows = (slice(a, b) for a, b in zip(start.tolist(), end.tolist(), strict=True))
    part = _enlarged(padded, (whole[1], whole[0]), start - low, end - low)
    return (rows, columns), part


def _enlarged(
    mask: npt.NDArray[np.float32],
    whole: tuple[int, int],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """Rows and columns from `start` to `end` (x, y) of a mask enlarged to (height, width).

    Only that part is computed: a box may reach far out of the image.
    """
    side = mask.shape[0]
    rows = _between(whole[0], side, np.arange(start[1], end[1]))
    columns = _between(whole[1], side, np.arange(start[0], end[0]))
    return np.asarray(rows @ mask @ columns.T, np.float32)


def _between(length: int, side: int, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Weights (places, side) of linear interpolation when `side` values become `length`.

    In single precision, as torch counts: a pixel that a mask reaches by a millionth is a pixel.
    """
    step, half = np.float32(side) / np.float32(length), np.float32(0.5)
    at = (step * (places.astype(np.float32) + half) - half).clip(0, side - 1)[:, None]
    return np.maximum(0, 1 - np.abs(at - np.arange(side, dtype=np.float32)))


def resolve(
    masks: npt.NDArray[np.float32],
    boxes: Boxes,
    size: tuple[int, int],
    threshold: float,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint16]]:
    """One object per pixel: where several masks lie, the one of the best score wins.

    Args:
        masks: (n, 28, 28), the best first.
        boxes: (n, 4) in pixels of the image.
        size: (width, height) of the image.
        threshold: least probability of a pixel that belongs to an object.

    Returns:
        the number of the object from 1, 0 for none, and how many masks lie there; both H×W.
    """
    numbers = np.zeros(size[::-1], np.int32)
    layers = np.zeros(size[::-1], np.uint16)
    for index in reversed(range(len(masks))):
        place, part = paste(masks[index], boxes[index], size)
        inside = part >= threshold
        numbers[place][inside] = index + 1
        layers[place] += inside
    return numbers, layers


def pasted(
    mask: npt.NDArray[np.float32],
    box: npt.NDArray[np.float32],
    size: tuple[int, int],
    threshold: float,
) -> Mask:
    """The whole mask of one object, H×W, also where others cover it."""
    whole = np.zeros(size[::-1], np.bool_)
    place, part = paste(mask, box, size)
    whole[place] = part >= threshold
    return whole


def find_objects(
    network: Network, seen: View, *, score: float = LEAST_SCORE, most_overlap: float = MOST_OVERLAP
) -> tuple[Candidates, npt.NDArray[np.float32]]:
    """The whole way from the pyramid to objects, without a look at what lies between.

    Args:
        network: a Mask R-CNN as `build_rcnn` makes it.
        seen: what it makes of an image.
        score: least probability of an object.
        most_overlap: greatest IoU of two boxes of a class that both stay.

    Returns:
        the objects, the likeliest first, and their masks (n, 28, 28).
    """
    proposals = keep_proposals(network, seen, *propose(network, seen))
    found = classify(network, seen, proposals)
    found = found[found.scores >= score]
    found = found[suppress(found, most_overlap) == np.arange(len(found))][: most_objects(network)]
    return found, predict_masks(network, seen, found)
