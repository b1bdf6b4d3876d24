"""Pictures of a network's inside, and its diagram."""

import numpy as np
import pytest
import torch
from torch import nn

import segcore
from segcore.networks.pictures import diagram, entropy, feature_maps, sheet


def test_a_sheet_holds_the_maps_that_vary_most():
    x = torch.zeros(1, 20, 4, 5)
    varying = [3, 7, 11]
    for channel in varying:
        x[0, channel] = torch.arange(20.0).reshape(4, 5) * (channel + 1)
    page = feature_maps(x, 3)
    assert page.shape == (4, 3 * 5 + 2)
    assert page[0, 0] == 0
    assert page[3, 4] == 255


def test_few_maps_make_a_short_sheet():
    assert feature_maps(torch.randn(1, 2, 4, 5)).shape == (4, 11)
    assert sheet([np.zeros((3, 3), np.uint8)] * 7).shape == (7, 6 * 4 - 1)


def test_entropy_is_0_when_sure_and_1_when_not():
    sure = np.zeros((4, 2, 2), np.float32)
    sure[1] = 1.0
    assert np.allclose(entropy(sure), 0.0, atol=1e-6)
    assert np.allclose(entropy(np.full((4, 2, 2), 0.25, np.float32)), 1.0, atol=1e-6)


NETWORKS = [
    t.key
    for t in segcore.TECHNIQUES.values()
    if t.category == "semantic" and t.network.build is not None
]


@pytest.mark.parametrize("key", NETWORKS)
def test_a_diagram_counts_every_parameter_once(key):
    module = segcore.TECHNIQUES[key].network.build(11)
    drawn = diagram(module, 96, 128)
    assert sum(block.parameters for block in drawn.blocks) == sum(
        p.numel() for p in module.parameters()
    )
    assert drawn.shape == (3, 96, 128)
    assert len({block.name for block in drawn.blocks}) == len(drawn.blocks)
    assert all(a < b for a, b in drawn.skips)


@pytest.mark.parametrize("key", NETWORKS)
def test_a_network_has_at_most_two_million_parameters(key):
    module = segcore.TECHNIQUES[key].network.build(11)
    assert sum(p.numel() for p in module.parameters()) <= 2_000_000


@pytest.mark.parametrize("key", NETWORKS)
def test_scores_come_at_the_size_of_the_input(key):
    module = segcore.TECHNIQUES[key].network.build(5).eval()
    with torch.inference_mode():
        for size in ((32, 32), (48, 112), (80, 64)):
            assert module(torch.zeros(2, 3, *size)).shape == (2, 5, *size)


def test_shapes_in_a_diagram_are_those_of_a_real_pass():
    class Tiny(nn.Module):
        skips = (("first", "second"),)

        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
            self.second = nn.Conv2d(4, 2, 1)

        def forward(self, x):
            return self.second(self.first(x))

    first, second = diagram(Tiny(), 32, 48).blocks
    assert (first.name, first.shape, first.parameters) == ("First", (4, 16, 24), 112)
    assert (second.name, second.shape) == ("Second", (2, 16, 24))
    assert diagram(Tiny(), 32, 48).skips == ((0, 1),)
