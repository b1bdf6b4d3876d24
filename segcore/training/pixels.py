"""Semantic segmentation as a training objective: the right class for every pixel."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from segcore.networks.inference import to_tensor
from segcore.training.augment import IGNORE
from segcore.training.batches import windows
from segcore.training.recipes import Recipe
from segcore.training.sets import DataSet, Example


class Pixels:
    """Random windows, and cross entropy with Dice over their pixels."""

    def __init__(self, recipe: Recipe, examples: Sequence[Example], data: DataSet) -> None:
        self._recipe, self._examples, self._data = recipe, examples, data
        self._balance = class_weights(examples, data)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        return make_batch(self._examples, self._data, self._recipe, step)

    def loss(self, module: nn.Module, batch: tuple[Tensor, Tensor], fast: bool) -> Tensor:
        images, targets = batch
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            scores = module(images.contiguous(memory_format=torch.channels_last))
        return segmentation_loss(scores.float(), targets, self._balance, self._recipe.dice)


def make_batch(
    examples: Sequence[Example], data: DataSet, recipe: Recipe, step: int
) -> tuple[Tensor, Tensor]:
    """The batch of a step: images (batch, 3, h, w) around 0, channels (batch, h, w) int64."""
    images, targets = zip(*windows(examples, data, recipe, step), strict=True)
    channels = np.stack([data.to_channels(target) for target in targets])
    return torch.cat([to_tensor(image) for image in images]), torch.from_numpy(
        channels.astype(np.int64)
    )


def class_weights(examples: Sequence[Example], data: DataSet) -> Tensor:
    """One weight per channel, the rarer the greater: frequency^-0.25, mean 1 over the pixels."""
    some = range(0, len(examples), max(1, len(examples) // 200))
    counts = np.zeros(len(data.names))
    for index in some:
        channels = data.to_channels(examples[index].targets)
        counts += np.bincount(channels[channels != IGNORE], minlength=len(counts))[: len(counts)]
    share = np.maximum(counts, 1.0) / counts.sum()
    weights = share**-0.25
    return torch.from_numpy((weights / (weights * share).sum()).astype(np.float32))


def segmentation_loss(scores: Tensor, targets: Tensor, balance: Tensor, dice: float) -> Tensor:
    """Weighted cross entropy, plus `dice` times the soft Dice loss (Milletari et al. 2016).

    Args:
        scores: (batch, channels, h, w).
        targets: (batch, h, w), channels or IGNORE.
        balance: weight of each channel.
        dice: weight of the Dice loss, which counts every class alike, however rare.
    """
    loss = nn.functional.cross_entropy(scores, targets, balance, ignore_index=IGNORE)
    if dice == 0:
        return loss
    channels = torch.arange(scores.shape[1])[:, None, None]
    known = (targets != IGNORE)[:, None]
    truth = (targets[:, None] == channels).float()
    probabilities = scores.softmax(1) * known
    both = (probabilities * truth).sum((0, 2, 3))
    each = probabilities.sum((0, 2, 3)) + truth.sum((0, 2, 3))
    present = truth.amax((0, 2, 3)) > 0
    return loss + dice * (1.0 - (2.0 * both + 1.0) / (each + 1.0))[present].mean()
