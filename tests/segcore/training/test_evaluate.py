"""Measuring: exact on a network that cheats, and the streets stay hard for a narrow view."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from segcore.networks.network import Network
from segcore.scenes.street import street
from segcore.training import evaluate as module
from segcore.training.augment import IGNORE
from segcore.training.evaluate import evaluate, evaluate_sizes
from segcore.training.recipes import get_recipe
from segcore.training.sets import SETS, VAL_SEED, Example, to_codes
from segcore.weights import load_network, read_card


class ByColour(nn.Module):
    """Reads the class off the red channel, in which a test has written it."""

    def forward(self, x, **_):
        red = ((x[:, 0] * 0.25 + 0.5) * 255.0).round()
        return -(red[:, None] - torch.arange(11.0)[:, None, None]).abs()


def written(targets):
    image = np.zeros((*targets.shape, 3), np.uint8)
    image[..., 0] = np.where(targets == IGNORE, 3, targets)
    labels = np.where(targets == IGNORE, 0, targets.astype(np.uint16) + 1)
    return Example(image, (256 * labels).astype(np.uint16))


def test_a_network_that_is_always_right_scores_one():
    targets = np.arange(11, dtype=np.uint8).repeat(64 * 64 // 11 + 1)[: 64 * 64].reshape(64, 64)
    targets[:4, :4] = IGNORE
    data = replace(SETS["street"], side=64, val=lambda: [written(targets), written(targets[::-1])])
    network = Network(ByColour(), data.names, 64)
    scores = evaluate(get_recipe("unet_street"), data, lambda *_: network)
    assert scores["miou"] == 1.0
    assert scores["pixel_accuracy"] == 1.0
    assert set(scores["iou"]) == set(data.names)


def test_pixels_of_no_class_do_not_count():
    targets = np.zeros((64, 64), np.uint8)
    targets[:, :32] = IGNORE
    data = replace(SETS["street"], val=lambda: [written(targets)])
    network = Network(ByColour(), data.names, 64)
    assert evaluate(get_recipe("unet_street"), data, lambda *_: network)["miou"] == 1.0


def streets():
    seeds = range(VAL_SEED, VAL_SEED + 12)
    return [Example(s.image, to_codes(s)) for s in map(draw, seeds)]


def draw(seed):
    return street(256, 192, seed=seed)


def test_streets_are_hard_for_eyes_of_eight_pixels():
    recipe = get_recipe("simple_cnn_street")
    assert read_card(recipe.name)["scores"]["miou"] <= 0.55
    scores = evaluate(recipe, replace(SETS["street"], val=streets), load_network)
    assert scores["miou"] <= 0.55


def test_a_card_tells_about_the_score_that_its_file_has():
    recipe = get_recipe("unet_street")
    told = read_card(recipe.name)["scores"]
    scores = evaluate(recipe, replace(SETS["street"], val=streets), load_network)
    assert scores["pixel_accuracy"] == pytest.approx(told["pixel_accuracy"], abs=0.04)
    assert scores["miou"] == pytest.approx(told["miou"], abs=0.1)  # twelve of 500 scenes


def test_sizes_are_measured_at_their_own_size(monkeypatch):
    monkeypatch.setattr(module, "SIZES", ((64, 48), (128, 96)))
    found = evaluate_sizes(get_recipe("unet_street"), load_network, scenes=2)
    assert list(found) == ["64×48", "128×96"]
    assert 0 < found["64×48"] < found["128×96"] < 1
