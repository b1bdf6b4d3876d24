"""Tags of images: the rule of what counts as shown, the loss, what is taken over, the scores."""

import csv

import cv2
import numpy as np
import pytest
import torch

from segcore import ImageError, weights
from segcore.networks.network import Network
from segcore.networks.unet import build_unet
from segcore.scenes.street import NAMES as STREET
from segcore.scenes.street import street
from segcore.tasks.classification.pooled_cnn import build
from segcore.training import tags
from segcore.training.recipes import Recipe
from segcore.training.sets import Example, to_codes
from segcore.training.tags import (
    TAGS,
    Joined,
    Tags,
    begin_at_chance,
    class_balance,
    evaluate_tags,
    take_over,
    to_tags,
)


@pytest.fixture
def streets():
    scenes = [street(128, 96, seed=seed, crowd=crowd) for seed, crowd in ((1, 0.6), (2, 0.0))]
    return [Example(scene.image, to_codes(scene)) for scene in scenes]


def recipe(data, **changes):
    plan = {"batch": 2, "windows": ((1.0, (96, 64)),)} | changes
    return Recipe("pooled_cnn", data, 10, **plan)


def test_a_class_counts_from_three_pixels_in_a_thousand():
    channels = np.full((100, 100), 255, np.uint8)
    channels.ravel()[:30] = 2
    channels.ravel()[30:59] = 4
    assert to_tags(channels, 6).tolist() == [0, 0, 1, 0, 0, 0]


def test_tags_of_a_street_are_those_of_its_labels(streets):
    data = TAGS["street"]
    crowded, empty = (to_tags(data.to_channels(e.targets), len(STREET)) for e in streets)
    shares = np.bincount(streets[0].targets.ravel() >> 8, minlength=12)[1:] / (128 * 96)
    assert np.array_equal(crowded > 0, shares >= 0.003)
    things = [STREET.index(name) for name in ("Car", "Pedestrian", "Bicyclist")]
    assert crowded[things].any()
    assert not empty[things].any()


def test_a_step_lowers_the_loss(streets):
    torch.manual_seed(1)
    objective, module = Tags(recipe("street"), streets, TAGS["street"]), build(11).train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    images, truth = batch = objective.batch(0)
    assert images.shape == (2, 3, 64, 96)
    assert truth.shape == (2, 11)
    assert set(truth.unique().tolist()) <= {0.0, 1.0}
    losses = []
    for _ in range(2):
        loss = objective.loss(module, batch, fast=False)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.isfinite(losses).all()
    assert losses[1] < losses[0]


def test_the_same_step_gives_the_same_batch(streets):
    objective = Tags(recipe("street"), streets, TAGS["street"])
    first, again, other = (objective.batch(step) for step in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def animals(*species):
    image = np.zeros((8, 8, 3), np.uint8)
    return [Example(image + 40 * kind, np.full((8, 8), kind, np.uint8)) for kind in species]


def test_the_rarer_animal_weighs_as_much():
    data = TAGS["pets"]
    assert class_balance(animals(0, 0, 0, 1), data).tolist() == pytest.approx([2 / 3, 2.0])
    objective = Tags(recipe("pets"), animals(0, 0, 0, 1), data)

    class Certain(torch.nn.Module):
        def forward(self, x):
            return torch.tensor([[30.0, 0.0]] * len(x))

    right = objective.loss(Certain(), (torch.zeros(1, 3, 8, 8), torch.tensor([[1.0, 0.0]])), False)
    wrong = objective.loss(Certain(), (torch.zeros(1, 3, 8, 8), torch.tensor([[0.0, 1.0]])), False)
    assert right.item() == pytest.approx(0, abs=1e-6)
    assert wrong.item() > 20


def test_what_fits_is_taken_over_from_the_unet(monkeypatch):
    unet = build_unet(11).eval()
    file = weights.to_file(Network(unet, STREET, 64))
    monkeypatch.setattr(tags, "read_weights", {"unet_street": file}.__getitem__)
    module = build(11)
    before = module.head.weight.clone()
    assert take_over(module, "unet_street") == len(module.encoders.state_dict())
    assert torch.equal(module.head.weight, before)
    own, other = module.encoders[3][1][0].weight, unet.encoders[3][1][0].weight
    torch.testing.assert_close(own, other.half().float())


def test_a_network_begins_with_how_frequent_classes_are(streets):
    module = build(11)
    begin_at_chance(module, streets, TAGS["street"])
    shown = np.mean([to_tags(TAGS["street"].to_channels(e.targets), 11) for e in streets], axis=0)
    said = module.head.bias.sigmoid().detach().numpy()
    np.testing.assert_allclose(said, shown.clip(0.01, 0.99), atol=1e-5)


def test_where_one_is_right_none_is_preferred():
    module = build(2)
    before = module.head.bias.clone()
    begin_at_chance(module, animals(0, 0, 1), TAGS["pets"])
    assert torch.equal(module.head.bias, before)


class Fixed(torch.nn.Module):
    """Scores that hang on the mean brightness of the image alone."""

    def __init__(self, count):
        super().__init__()
        self.count = count

    def forward(self, x, **_):
        light = x.mean().reshape(1, 1, 1, 1)
        return torch.cat([-light, light], 1)[:, [0, 1] * (self.count // 2 + 1)][:, : self.count]


def test_accuracy_counts_images_and_classes(monkeypatch):
    data = tags.replace(TAGS["pets"], val=lambda: animals(0, 0, 0, 1, 0, 1))
    network = Network(Fixed(2), data.names, 64)
    found = evaluate_tags(recipe("pets"), data, lambda *_: network)
    assert found == {"accuracy": 0.6667, "balanced_accuracy": 0.5}
    dark_and_light = [Example(np.full((8, 8, 3), v, np.uint8), np.full((8, 8), k, np.uint8))
                      for v, k in ((0, 0), (9, 0), (250, 1))]  # fmt: skip
    data = tags.replace(data, val=lambda: dark_and_light)
    found = evaluate_tags(recipe("pets"), data, lambda *_: network)
    assert found == {"accuracy": 1.0, "balanced_accuracy": 1.0}


def test_precision_is_said_for_every_class_with_chance_beside_it(streets):
    data = tags.replace(TAGS["street"], val=lambda: streets)
    network = Network(Fixed(11), STREET, 64)
    found = evaluate_tags(recipe("street"), data, lambda *_: network)
    assert list(found) == ["map", "accuracy", "chance", "ap"]
    assert list(found["ap"]) == list(STREET)
    assert found["ap"]["Road"] == 1.0
    assert 0 < found["chance"] < 1


def test_accuracy_counts_yes_and_no_and_one_half_is_a_yes(streets, monkeypatch):
    data = tags.replace(TAGS["street"], val=lambda: streets)
    monkeypatch.setattr(Fixed, "forward", lambda *_, **__: torch.zeros(1, 11, 1, 1))
    found = evaluate_tags(recipe("street"), data, lambda *_: Network(Fixed(11), STREET, 64))
    assert found["accuracy"] == found["chance"]
    monkeypatch.setattr(Fixed, "forward", lambda *_, **__: torch.full((1, 11, 1, 1), -0.1))
    found = evaluate_tags(recipe("street"), data, lambda *_: Network(Fixed(11), STREET, 64))
    assert found["accuracy"] == pytest.approx(1 - found["chance"], abs=1e-3)


def test_pets_are_read_with_their_species(tmp_path, monkeypatch):
    monkeypatch.setattr(tags, "DATA", tmp_path)
    with pytest.raises(ImageError, match=r"index\.csv is missing"):
        TAGS["pets"].train()
    (tmp_path / "pets" / "train").mkdir(parents=True)
    with (tmp_path / "pets" / "index.csv").open("w", newline="") as file:
        rows = [("split", "id", "species"), ("train", "a", "dog"), ("val", "b", "cat")]
        csv.writer(file).writerows(rows)
    with pytest.raises(ImageError, match=r"a\.jpg of .* cannot be read"):
        TAGS["pets"].train()
    cv2.imwrite(str(tmp_path / "pets" / "train" / "a.jpg"), np.zeros((6, 9, 3), np.uint8))
    (only,) = TAGS["pets"].train()
    assert only.image.shape == (6, 9, 3)
    assert TAGS["pets"].names[only.targets[0, 0]] == "Dog"


def test_joined_sequences_are_one():
    parts = Joined(animals(0, 1), animals(1))
    assert len(parts) == 3
    assert [example.targets[0, 0] for example in parts] == [0, 1, 1]
    assert len(parts[1:]) == 2
