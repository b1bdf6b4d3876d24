"""Tuned networks give the labels of plain ones, in the way that a timing found."""

import numpy as np
import pytest
import torch

from segcore import TECHNIQUES
from segcore.networks import tuning
from segcore.networks.network import PLAIN, Network, Way
from segcore.networks.tuning import WAYS, fastest_way, is_bfloat16_faster, tuned
from segcore.networks.unet import build_unet
from segcore.result import Image
from segcore.run import run
from segcore.samples import get_sample
from segcore.scenes.street import NAMES as STREET
from segcore.technique import ignore
from segcore.weights import load_network


def street() -> Image:
    return get_sample("street").load()


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_labels(way, monkeypatch):
    monkeypatch.setattr(tuning, "fastest_way", lambda *_: way)
    network = tuned(load_network(build_unet, "unet_street"))
    assert network.way == way
    plain = run("unet", street(), show=ignore).segmentation.labels
    same = run("unet", street(), show=ignore, load_model=lambda *_: network).segmentation.labels
    assert (plain == same).mean() >= (1.0 if way == PLAIN else 0.995)


def test_the_fastest_way_is_chosen(monkeypatch):
    seconds = {PLAIN: 3.0, WAYS[1]: 1.0, WAYS[2]: 2.0}
    monkeypatch.setattr(tuning, "_seconds", lambda *given: seconds[given[1]])
    module = torch.nn.Conv2d(3, 2, 1)
    assert fastest_way(module) == Way(channels_last=True)
    assert not is_bfloat16_faster(module)
    seconds[WAYS[2]] = 0.5
    assert fastest_way(module).bfloat16
    assert is_bfloat16_faster(module)


def test_a_way_that_changes_labels_is_not_taken(monkeypatch):
    labels = np.zeros((10, 100), np.int64)
    jumping = labels.copy()
    jumping[0, :6] = 1  # 0.6 % of the pixels
    given = {PLAIN: labels, WAYS[1]: labels, WAYS[2]: jumping}
    monkeypatch.setattr(tuning, "_labels", lambda *args: given[args[1]])
    monkeypatch.setattr(tuning, "_seconds", lambda *args: 0.0 if args[1].bfloat16 else 1.0)
    network = Network(torch.nn.Conv2d(3, 2, 1), ("A", "B"), 64)
    assert not tuned(network).way.bfloat16
    jumping[0, :2] = 0
    assert tuned(network).way.bfloat16


def test_the_module_that_is_tuned_stays_as_it_was():
    module = torch.nn.Conv2d(3, 8, 3, padding=1).train()
    before = module.weight.clone()
    fastest_way(module)
    assert module.training
    assert np.array_equal(before.detach().numpy(), module.weight.detach().numpy())
    assert module.weight.is_contiguous()


OURS = [t.key for t in TECHNIQUES.values() if (n := t.network) and (n.build or n.parts)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", OURS)
def test_every_way_shows_its_steps(key, way, monkeypatch):
    monkeypatch.setattr(tuning, "fastest_way", lambda *_: way)
    torch.manual_seed(0)
    steps = run(
        *(key, street()),
        load_model=lambda build, _: tuned(Network(build(11).eval(), STREET, 64)),
    ).steps
    assert len(steps) >= 4
    for step in steps:
        if isinstance(step.picture, np.ndarray):
            assert np.isfinite(step.picture.astype(np.float64)).all(), step.title
