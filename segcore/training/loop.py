"""The training loop: AdamW, learning-rate cycles, averaged weights, checkpoints.

Everything that is random hangs on the recipe's seed and the number of the step, so that a training
that was broken off goes on from its last checkpoint exactly as if it had not been.
"""

import copy
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from segcore.training.objective import Objective
from segcore.training.recipes import Recipe

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
    objective: Objective,
    *,
    work: Path,
    report: Report,
    fast: bool,
) -> tuple[nn.Module, float]:
    """Trains a module by its recipe, from the last checkpoint if there is one.

    Args:
        module: the network as it starts; it is changed.
        recipe: how to train it.
        objective: gives the batches and says how wrong the network is about one.
        work: folder of the checkpoint.
        report: told every 20 steps.
        fast: whether to compute in bfloat16.

    Returns:
        the averaged network in evaluation mode, and the processor time in seconds.
    """
    module.to(memory_format=torch.channels_last).train()
    average = copy.deepcopy(module)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.0, weight_decay=1e-2)
    state = _State(recipe, module, average, optimizer, work / f"{recipe.name}.checkpoint")
    step, spent = state.read()
    begun, saved, losses = time.process_time() - spent, time.monotonic(), list[float]()
    with ThreadPoolExecutor(1) as reader:
        batch = reader.submit(objective.batch, step)
        for step in range(step, recipe.total):  # noqa: B020  # goes on where the checkpoint stood
            given = batch.result()
            batch = reader.submit(objective.batch, step + 1)
            _set_rate(optimizer, recipe, step)
            losses.append(_learn(module, optimizer, objective.loss(module, given, fast)))
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


def _set_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int) -> None:
    """Up over the first tenth of a cycle, then down as half a cosine (Smith 2017)."""
    _, done = recipe.place(step)
    share = done / 0.1 if done < 0.1 else 0.5 + 0.5 * np.cos(np.pi * (done - 0.1) / 0.9)
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate * max(float(share), 0.002)


def _learn(module: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> float:
    """One step down the gradient; the loss before it."""
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(module.parameters(), 2.0)
    optimizer.step()
    return loss.item()


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
