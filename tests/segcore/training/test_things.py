"""Things as torchvision learns them, sets of things, pictures of several animals."""

import csv
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from segcore.networks.network import Network
from segcore.networks.rcnn import build_rcnn
from segcore.scenes.shapes import shapes
from segcore.training import animals, sets
from segcore.training.augment import Augmentation
from segcore.training.evaluate_panoptic import reference
from segcore.training.evaluate_things import evaluate_things
from segcore.training.kinds import KINDS, kind_of, set_of
from segcore.training.recipes import Recipe, get_recipe
from segcore.training.sets import DataSet, Example, codes_to_things, to_codes
from segcore.training.thing_sets import numbered
from segcore.training.things import Things, to_truth

CODES = np.zeros((8, 10), np.uint16)
CODES[:, :4] = 256 * 4  # road, no thing
CODES[1:4, 1:4], CODES[2:7, 5:9], CODES[6:8, 0:2] = 256 * 9 + 3, 256 * 7 + 1, 256 * 9 + 8


def test_codes_become_things_with_their_classes():
    numbers, classes = codes_to_things(("Sign", "Car"))(CODES)
    assert list(classes) == [0, 1, 1]
    assert numbers.max() == 3
    assert (numbers == 1).sum() == 20
    assert np.array_equal(numbers > 0, CODES % 256 > 0)


def test_boxes_labels_and_masks_of_things():
    numbers, classes = codes_to_things(("Sign", "Car"))(CODES)
    truth = to_truth(numbers, classes, least_area=5)
    assert truth["boxes"].tolist() == [[5, 2, 9, 7], [1, 1, 4, 4]]  # the third is too small
    assert truth["labels"].tolist() == [1, 2]
    assert truth["masks"].shape == (2, 8, 10)
    assert truth["masks"].sum((1, 2)).tolist() == [20, 9]
    nothing = to_truth(np.zeros((4, 5), np.uint16), [])
    assert nothing["boxes"].shape == (0, 4)
    assert nothing["masks"].shape == (0, 4, 5)


def test_numbers_with_gaps_are_things_of_one_class():
    numbers, classes = numbered(np.array([[0, 7, 7], [0, 300, 2]], np.uint16))
    assert numbers.tolist() == [[0, 2, 2], [0, 3, 1]]
    assert classes == [0, 0, 0]
    numbers, classes = numbered(np.array([[5, 5], [5, 9]], np.uint16))  # no background
    assert numbers.tolist() == [[1, 1], [1, 2]]
    assert len(classes) == 2


def test_the_panoptic_truth_has_stuff_by_class_and_things_by_number():
    truth = reference(Example(np.zeros((8, 10, 3), np.uint8), CODES), "street")
    names = [(s.name, s.is_thing) for s in truth.segments]
    assert names == [("Road", False), ("Sign", True), ("Car", True), ("Car", True)]
    assert set(np.unique(truth.labels)) - {0} == {s.label for s in truth.segments}


def examples():
    scenes = (shapes(64, 64, seed=seed) for seed in range(6))
    return [Example(s.image, to_codes(s)) for s in scenes]


NAMES = ("Disc", "Box", "Star")
DATA = DataSet("shapes", NAMES, 64, examples, examples, "", "",
               to_things=codes_to_things(NAMES, NAMES))  # fmt: skip
RECIPE = Recipe("mask_rcnn", "shapes", 10, batch=2, windows=((1.0, (64, 64)),),
                augmentation=Augmentation((0.8, 1.2), light=0.05, colour=0.0))  # fmt: skip


def test_the_loss_of_a_step_is_the_same_again_and_falls():
    torch.manual_seed(0)
    module = build_rcnn(len(NAMES)).train()
    objective = Things(RECIPE, examples(), DATA)
    batch = objective.batch(3)
    optimizer = torch.optim.AdamW(module.parameters(), 2e-3)
    before = objective.loss(module, batch, False)
    assert torch.equal(before, objective.loss(module, batch, False))
    for _ in range(6):
        loss = objective.loss(module, batch, False)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert objective.loss(module, batch, False) < 0.8 * before


def test_a_network_that_knows_nothing_scores_nothing():
    torch.manual_seed(0)
    network = Network(build_rcnn(len(NAMES)).eval(), NAMES, 64)
    recipe = replace(get_recipe("mask_rcnn_street"), data="shapes")
    scores = evaluate_things(recipe, DATA, lambda _build, _name: network)
    assert scores["ap50"] < 0.05
    assert set(scores["each"]) == set(NAMES)


def test_every_kind_has_the_sets_of_its_recipes():
    assert kind_of(get_recipe("unet_street")).sets is sets.SETS
    for key, kind in KINDS.items():
        recipe = next(r for r in (get_recipe(f"{key}_{name}") for name in kind.sets))
        assert set_of(recipe).key == recipe.data


# Animals -----------------------------------------------------------------------------------------


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    monkeypatch.setattr(sets, "DATA", tmp_path)
    animals._photographs.cache_clear()
    rng = np.random.default_rng(1)
    folder = tmp_path / "pets" / "val"
    folder.mkdir(parents=True)
    for index, name in enumerate(("a", "b", "c")):
        truth = np.full((60, 80), 2, np.uint8)
        cv2.circle(truth, (40, 30), 18, 3, -1)
        cv2.circle(truth, (40, 30), 14, 1, -1)
        cv2.imwrite(str(folder / f"{name}.png"), truth)
        image = rng.integers(60 * index, 60 * index + 50, (60, 80, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{name}.jpg"), image)
    with (tmp_path / "pets" / "index.csv").open("w", newline="") as file:
        rows = [("split", "id", "species"), ("val", "a", "cat"), ("val", "b", "dog")]
        rows.append(("val", "c", "cat"))
        csv.writer(file).writerows(rows)
    yield
    animals._photographs.cache_clear()


def test_a_border_goes_to_what_is_nearer():
    truth = np.array([[1, 3, 3, 3, 2]], np.uint8)
    assert animals.to_animal(truth).tolist() == [[1, 1, 1, 0, 0]]


def test_pictures_hold_two_to_five_animals_whose_pixels_are_theirs(photographs):
    for seed in range(8):
        example = animals.draw_animals_to_measure(seed)
        again = animals.draw_animals_to_measure(seed)
        assert np.array_equal(example.image, again.image)
        assert np.array_equal(example.targets, again.targets)
        found = np.unique(example.targets)
        found = found[found > 0]
        assert 1 <= len(found) <= 5  # one may be hidden by another
        assert set((found >> 8).tolist()) <= {1, 2}
        assert len(set((found & 255).tolist())) == len(found)
