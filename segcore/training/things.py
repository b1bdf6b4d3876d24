"""Instance segmentation as a training objective: a box, a class and a mask for every thing."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from segcore.networks.inference import to_tensor
from segcore.networks.rcnn import to_batch
from segcore.training.augment import Targets
from segcore.training.batches import windows
from segcore.training.recipes import Recipe
from segcore.training.sets import DataSet, Example

LEAST_AREA = 12  # pixels that a thing must have in a window to be learned

# What torchvision's detectors learn from: boxes (n, 4), labels (n,) from 1, masks (n, h, w).
Truth: TypeAlias = dict[str, Tensor]
Batch: TypeAlias = tuple[int, list[Tensor], list[Truth]]


class Things:
    """Random windows, and the five losses of Mask R-CNN over their things (He et al. 2017)."""

    def __init__(self, recipe: Recipe, examples: Sequence[Example], data: DataSet) -> None:
        self._recipe, self._examples, self._data = recipe, examples, data

    def batch(self, step: int) -> Batch:
        """The step, images (3, h, w) and what is on them."""
        seen = windows(self._examples, self._data, self._recipe, step, mirrored=False)
        truths = [to_truth(*self._data.to_things(targets)) for _, targets in seen]
        return step, [to_tensor(image)[0] for image, _ in seen], truths

    def loss(self, module: Any, batch: Batch, fast: bool) -> Tensor:
        step, images, truths = batch
        # torchvision draws the boxes that it learns from; which, hangs on the step.
        torch.manual_seed(1_000_003 * self._recipe.seed + step)
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            return _thing_loss(module, images, truths)


def _thing_loss(module: Any, images: Sequence[Tensor], truths: list[Truth]) -> Tensor:
    """The sum of the losses."""
    padded = to_batch(images)
    pyramid = module.backbone(padded.tensors.contiguous(memory_format=torch.channels_last))
    proposals, of_proposals = module.rpn(padded, pyramid, truths)
    _, of_things = module.roi_heads(pyramid, proposals, padded.image_sizes, truths)
    losses = [*of_proposals.values(), *of_things.values()]
    return torch.stack([loss.float() for loss in losses]).sum()


def to_truth(numbers: Targets, classes: Sequence[int], *, least_area: int = LEAST_AREA) -> Truth:
    """Boxes, labels and masks of things.

    Args:
        numbers: H×W, the number of the thing from 1, 0 for none.
        classes: index of the class of each.
        least_area: pixels of a thing that counts.
    """
    areas = np.bincount(numbers.ravel(), minlength=len(classes) + 1)[1:]
    large = np.flatnonzero(areas >= least_area)
    masks = numbers[None] == (large + 1)[:, None, None]
    rows, columns = masks.any(2), masks.any(1)
    boxes = np.stack([*_ends(columns), *_ends(rows)], 1)[:, [0, 2, 1, 3]]
    labels = np.asarray(classes, np.int64)[large] + 1
    return {
        "boxes": torch.from_numpy(boxes.astype(np.float32)),
        "labels": torch.from_numpy(labels),
        "masks": torch.from_numpy(masks.astype(np.uint8)),
    }


def _ends(lit: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> tuple[Targets, Targets]:
    """First lit place of each row, and the one after its last."""
    return lit.argmax(1), lit.shape[1] - lit[:, ::-1].argmax(1)
