"""The training loop: batches of random windows, AdamW, one learning-rate cycle, averaged weights.

Everything that is random hangs on the recipe's seed and the number of the step, so that a training
that was broken off goes on from its last checkpoint exactly as if it had not been.
"""

import copy
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from segcore.networks.inference import stretch_contrast
from segcore.training.augment import IGNORE, augment
from segcore.training.recipes import Recipe
from segcore.training.sets import DataSet, Example

CHECKPOINT_SECONDS = 60.0
AVERAGE = 0.997  # share of the averaged weights that each step keeps

Report: TypeAlias = "Callable[[Progress], None]"


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Attributes:
        step: batches done.
        steps: batches in all.
        loss: mean loss of the batches since the last report.
        seconds: processor time used since the very start.
    """

    step: int
    steps: int
    loss: float
    seconds: float


def train(
    module: nn.Module,
    recipe: Recipe,
    data: DataSet,
    *,
    work: Path,
    report: Report,
    fast: bool,
) -> tuple[nn.Module, float]:
    """Trains a module by its recipe, from the last checkpoint if there is one.

    Args:
        module: the network as it starts; it is changed.
        recipe: how to train it.
        data: what to train it on.
        work: folder of the checkpoint.
        report: told every 20 steps.
        fast: whether to compute in bfloat16.

    Returns:
        the averaged network in evaluation mode, and the processor time in seconds.
    """
    examples = data.train()
    module.to(memory_format=torch.channels_last).train()
    average = copy.deepcopy(module)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.0, weight_decay=1e-2)
    state = _State(recipe, module, average, optimizer, work / f"{recipe.name}.checkpoint")
    step, spent = state.read()
    balance = class_weights(examples, data)
    begun, saved, losses = time.process_time() - spent, time.monotonic(), list[float]()
    with ThreadPoolExecutor(1) as reader:
        batch = reader.submit(make_batch, examples, data, recipe, step)
        for step in range(step, recipe.total):  # noqa: B020  # goes on where the checkpoint stood
            images, targets = batch.result()
            batch = reader.submit(make_batch, examples, data, recipe, step + 1)
            _set_rate(optimizer, recipe, step)
            losses.append(_learn(module, optimizer, images, targets, balance, recipe.dice, fast))
            _average(average, module, step)
            if (step + 1) % 20 == 0:
                spent = time.process_time() - begun
                report(Progress(step + 1, recipe.total, float(np.mean(losses)), spent))
                losses.clear()
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                state.write(step + 1, time.process_time() - begun)
                saved = time.monotonic()
    spent = time.process_time() - begun
    state.write(recipe.total, spent)
    return average.eval(), spent


def make_batch(
    examples: Sequence[Example], data: DataSet, recipe: Recipe, step: int
) -> tuple[Tensor, Tensor]:
    """The batch of a step: images (batch, 3, h, w) around 0, channels (batch, h, w) int64."""
    rng = np.random.default_rng([recipe.seed, step])
    size = _window(recipe, step)
    images, targets = [], []
    for index in rng.integers(len(examples), size=recipe.batch):
        example = examples[int(index)]
        given = stretch_contrast(example.image) if data.stretched else example.image
        image, target = augment(given, example.targets, size, recipe.augmentation, rng)
        images.append(image)
        targets.append(data.to_channels(target))
    batch = torch.from_numpy(np.stack(images).astype(np.float32)).permute(0, 3, 1, 2)
    return (batch / 255.0 - 0.5) / 0.25, torch.from_numpy(np.stack(targets).astype(np.int64))


def _window(recipe: Recipe, step: int) -> tuple[int, int]:
    cycle, done = recipe.place(step)
    for share, size in recipe.windows:
        if done < share and cycle == 0:
            return size
        done -= share
    return recipe.windows[-1][1]


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


def _set_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int) -> None:
    """Up over the first tenth of a cycle, then down as half a cosine (Smith 2017)."""
    _, done = recipe.place(step)
    share = done / 0.1 if done < 0.1 else 0.5 + 0.5 * np.cos(np.pi * (done - 0.1) / 0.9)
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate * max(float(share), 0.002)


def _learn(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    targets: Tensor,
    balance: Tensor,
    dice: float,
    fast: bool,
) -> float:
    """One step down the gradient; the loss before it."""
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=fast):
        scores = module(images)
    loss = segmentation_loss(scores.float(), targets, balance, dice)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(module.parameters(), 2.0)
    optimizer.step()
    return loss.item()


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


def _average(average: nn.Module, module: nn.Module, step: int) -> None:
    """Moves the averaged weights, and the statistics of normalisation, towards the present ones."""
    keep = min(AVERAGE, (step + 1) / (step + 10))
    with torch.no_grad():
        for slow, quick in zip(_tensors(average), _tensors(module), strict=True):
            if slow.is_floating_point():
                slow.lerp_(quick, 1.0 - keep)
            else:
                slow.copy_(quick)


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


@dataclass(frozen=True)
class _State:
    """Everything that a training must remember, and the file that it is kept in."""

    recipe: Recipe
    module: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    path: Path

    def write(self, step: int, seconds: float) -> None:
        tensors = {f"module.{n}": t for n, t in self.module.state_dict().items()}
        tensors |= {f"average.{n}": t for n, t in self.average.state_dict().items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{n}": t for n, t in moments.items()}
        facts = {"step": str(step), "seconds": str(seconds), "recipe": self._recipe()}
        begun = self.path.with_suffix(".begun")
        save_file({n: t.contiguous() for n, t in tensors.items()}, begun, facts)
        begun.replace(self.path)

    def read(self) -> tuple[int, float]:
        """(steps done, seconds spent), after the state of the checkpoint is put in place."""
        if not self.path.is_file():
            return 0, 0.0
        with safe_open(self.path, "pt") as file:
            facts = file.metadata()
            if facts["recipe"] != self._recipe():
                return 0, 0.0  # the recipe has changed since: it is another training
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for prefix, target in (("module.", self.module), ("average.", self.average)):
            target.load_state_dict(_with_prefix(tensors, prefix))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _with_prefix(tensors, "optimizer.").items():
            index, _, moment = name.partition(".")
            moments.setdefault(int(index), {})[moment] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        return int(facts["step"]), float(facts["seconds"])

    def _recipe(self) -> str:
        return json.dumps(asdict(self.recipe))


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
