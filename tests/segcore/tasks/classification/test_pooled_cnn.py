"""The classifier: its score is the mean of its map, and its maps show where the evidence lies."""

import numpy as np
import pytest
import torch

from segcore import classify
from segcore.charts import Frames
from segcore.networks.inference import to_tensor
from segcore.networks.network import Network
from segcore.networks.unet import build_unet
from segcore.tasks.classification.pooled_cnn import WIDTHS, build
from segcore.technique import Recorder


def test_a_score_is_the_mean_of_its_map(load_model):
    module = load_model(build, "pooled_cnn_street").module
    image = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    with torch.inference_mode():
        maps, scores = module(to_tensor(image), pooled=False), module(to_tensor(image))
    assert maps.shape == (1, 11, 4, 6)
    torch.testing.assert_close(maps.mean((2, 3)), scores)


def test_a_street_shows_many_things_and_an_animal_is_one(load_model):
    image = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    street = classify("pooled_cnn", image, load_model=load_model)
    pets = classify("pooled_cnn", image, weights="pets", load_model=load_model)
    assert len(street.names) == 11
    assert pets.names == ("Cat", "Dog")
    assert float(pets.scores.sum()) == pytest.approx(1, abs=1e-6)
    assert float(street.scores.sum()) != pytest.approx(1, abs=0.2)


def test_the_map_lights_up_where_the_evidence_is():
    """Of a network that looks for red alone, the map is high on the red half of the image."""
    module = build(2)
    for parameter in module.parameters():
        parameter.data.zero_()
    with torch.no_grad():
        for level, block in enumerate(module.encoders):
            for layer in block:
                layer[0].weight[0, 0, 1, 1] = 1.0  # hands on the first channel: red at first
                layer[1].weight.fill_(1.0)
            assert block[0][0].weight.shape[0] == WIDTHS[level]
        module.head.weight[0, 0] = 1.0
    network = Network(module.eval(), ("Red", "Nothing"), 64)
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, :32, 0] = 255
    show = Recorder()
    found = classify("pooled_cnn", image, show=show, load_model=lambda *_: network)
    assert found.scores[0] > 0.5 == found.scores[1]
    frames = next(step.picture for step in show.steps if step.title == "Class activation maps")
    assert isinstance(frames, Frames)
    assert frames.names[-1].startswith("Red")
    picture = frames.pictures[-1].astype(int)
    warmth = picture[..., 0] - picture[..., 2]
    assert warmth[:, :20].min() > 100
    assert warmth[:, 44:].max() == 0


def test_a_training_can_start_from_the_unet():
    own, other = build(11).state_dict(), build_unet(11).state_dict()
    shared = [n for n, tensor in own.items() if n in other and other[n].shape == tensor.shape]
    assert all(name.startswith("encoders.") for name in shared)
    assert {name for name in own if name.startswith("encoders.")} == set(shared)


def test_it_is_small():
    assert sum(part.numel() for part in build(11).parameters()) < 1_000_000
