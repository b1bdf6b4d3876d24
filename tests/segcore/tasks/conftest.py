"""Networks with random numbers: the rules hold for any weights, and none need be trained."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from segcore.networks.network import Network
from segcore.scenes.street import NAMES as STREET

KNOWN = {
    "pooled_cnn_street": STREET,
    "pooled_cnn_pets": ("Cat", "Dog"),
    "mask_rcnn_street": ("Sign", "Car", "Pedestrian", "Bicyclist"),
    "mask_rcnn_nuclei": ("Nucleus",),
    "mask_rcnn_pets": ("Cat", "Dog"),
}


SURENESS, DOUBT = 120, 16.0


@cache
def _drawn_by_lot(build: Callable[[int], Any], name: str) -> Network:
    import torch

    torch.manual_seed(3)
    module = build(len(KNOWN[name]))
    for parameter_name, parameter in module.named_parameters():
        # Untrained, a detector is unsure of everything; so it finds a few things, and is sure.
        if parameter_name.endswith("cls_score.weight"):
            parameter.data.mul_(SURENESS)
        elif parameter_name.endswith("cls_score.bias"):
            parameter.data[0] += DOUBT
    return Network(module.eval(), KNOWN[name], 128)


@pytest.fixture
def load_model() -> Callable[[Callable[[int], Any], str], Network]:
    return _drawn_by_lot
