"""The loop learns, and goes on from a checkpoint as if it had never stopped."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from segcore.scenes.shapes import shapes
from segcore.training import loop
from segcore.training.augment import IGNORE, Augmentation
from segcore.training.loop import Progress, train
from segcore.training.pixels import Pixels, class_weights, make_batch, segmentation_loss
from segcore.training.recipes import Recipe
from segcore.training.sets import DataSet, Example


def examples():
    scenes = (shapes(32, 32, seed=seed) for seed in range(12))
    return [Example(s.image, s.labels.astype(np.uint8)) for s in scenes]


DATA = DataSet("shapes", ("Background", "Disc", "Box", "Star"), 32, examples, examples, "", "")
RECIPE = Recipe(
    "tiny",
    "shapes",
    steps=40,
    batch=4,
    windows=((0.5, (32, 16)), (0.5, (32, 32))),
    learning_rate=1e-2,
    augmentation=Augmentation((0.8, 1.2), light=0.05, colour=0.0, blur=0.0),
)


def tiny():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, padding=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1)
    )


def run(work, recipe=RECIPE, report=print):
    work.mkdir(exist_ok=True)
    objective = Pixels(recipe, examples(), DATA)
    return train(tiny(), recipe, objective, work=work, report=report, fast=False)


def test_the_loss_falls_and_progress_is_told(tmp_path):
    told: list[Progress] = []
    average, seconds = run(tmp_path, replace(RECIPE, steps=120), told.append)
    assert [at.step for at in told] == [20, 40, 60, 80, 100, 120]
    assert told[-1].loss < 0.7 * told[0].loss
    assert 0 < told[0].seconds < told[-1].seconds <= seconds
    assert not average.training


class StoppedError(Exception):
    """What a test breaks a training off with."""


def test_a_broken_off_training_ends_with_the_same_weights(tmp_path, monkeypatch):
    whole, _ = run(tmp_path / "never")

    def stop(at):
        if at.step == 20:
            raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
        with pytest.raises(StoppedError):
            run(tmp_path / "broken", RECIPE, stop)
    again, _ = run(tmp_path / "broken")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_a_checkpoint_of_another_recipe_is_not_used(tmp_path):
    told: list[Progress] = []
    run(tmp_path)
    run(tmp_path, replace(RECIPE, seed=2), told.append)
    assert told[0].step == 20


def test_a_batch_hangs_on_the_seed_and_the_step():
    first = make_batch(examples(), DATA, RECIPE, 3)
    again = make_batch(examples(), DATA, RECIPE, 3)
    other = make_batch(examples(), DATA, RECIPE, 4)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert first[0].shape == (4, 3, 16, 32)
    assert make_batch(examples(), DATA, RECIPE, 39)[0].shape == (4, 3, 32, 32)


def test_the_rate_rises_and_falls_in_every_cycle():
    recipe = replace(RECIPE, steps=100, restarts=(50,))
    optimizer = torch.optim.AdamW(tiny().parameters())

    def rate(step):
        loop._set_rate(optimizer, recipe, step)
        return optimizer.param_groups[0]["lr"]

    rates = [rate(step) for step in range(recipe.total)]
    assert rates[10] == rates[105] == max(rates) == recipe.learning_rate
    assert rates[0] < 0.1 * rates[10]
    assert rates[99] < 0.01 * rates[10]
    assert rates[149] < 0.01 * rates[10]
    assert recipe.place(0) == (0, 0.0)
    assert recipe.place(125) == (1, 0.5)
    assert recipe.place(150) == (1, 1.0)
    assert make_batch(examples(), DATA, recipe, 101)[0].shape == (4, 3, 32, 32)


def test_rare_classes_weigh_more():
    weights = class_weights(examples(), DATA)
    counts = np.bincount(np.concatenate([e.targets.ravel() for e in examples()]), minlength=4)
    assert np.array_equal(np.argsort(weights.numpy()), np.argsort(-counts))


def test_the_loss_ignores_what_nobody_asks():
    scores = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(1))
    targets = torch.randint(0, 4, (2, 6, 6), generator=torch.Generator().manual_seed(2))
    targets[:, :3] = IGNORE
    changed = scores.clone()
    changed[:, :, :3] += torch.randn(2, 4, 3, 6)
    balance = torch.ones(4)
    assert torch.allclose(
        segmentation_loss(scores, targets, balance, 0.5),
        segmentation_loss(changed, targets, balance, 0.5),
    )
    right = 20.0 * nn.functional.one_hot(targets % 255, 4).permute(0, 3, 1, 2).float()
    assert segmentation_loss(right, targets, balance, 0.5) < 0.02
