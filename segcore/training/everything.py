"""Panoptic segmentation as a training objective: things as Mask R-CNN, and a class per pixel."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from segcore.networks.inference import to_tensor
from segcore.training.batches import windows
from segcore.training.pixels import class_weights, segmentation_loss
from segcore.training.recipes import Recipe
from segcore.training.sets import DataSet, Example
from segcore.training.things import Truth, thing_loss, to_truth

Batch: TypeAlias = tuple[int, list[Tensor], list[Truth], Tensor]


class Everything:
    """The losses of Mask R-CNN and that of its semantic branch (Kirillov et al. 2019)."""

    def __init__(self, recipe: Recipe, examples: Sequence[Example], data: DataSet) -> None:
        self._recipe, self._examples, self._data = recipe, examples, data
        self._balance = class_weights(examples, data)

    def batch(self, step: int) -> Batch:
        """The step, images (3, h, w), the things on them, and channels (batch, h, w)."""
        seen = windows(self._examples, self._data, self._recipe, step, mirrored=False)
        truths = [to_truth(*self._data.to_things(targets)) for _, targets in seen]
        channels = np.stack([self._data.to_channels(targets) for _, targets in seen])
        images = [to_tensor(image)[0] for image, _ in seen]
        return step, images, truths, torch.from_numpy(channels.astype(np.int64))

    def loss(self, module: Any, batch: Batch, fast: bool) -> Tensor:
        step, images, truths, channels = batch
        torch.manual_seed(1_000_003 * self._recipe.seed + step)  # see segcore.training.things
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            of_things, pyramid, x = thing_loss(module, images, truths)
            scores = module.semantic(pyramid, x)
        height, width = channels.shape[1:]
        of_pixels = segmentation_loss(
            scores[:, :, :height, :width].float(), channels, self._balance, self._recipe.dice
        )
        return of_things + of_pixels
