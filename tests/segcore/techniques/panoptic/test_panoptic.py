"""The merge of two networks' answers, against its rules written pixel by pixel."""

import numpy as np
import pytest

from segcore.networks.network import Network
from segcore.networks.rcnn import pasted
from segcore.run import run
from segcore.samples import get_sample
from segcore.scenes.street import NAMES
from segcore.technique import ignore
from segcore.techniques.panoptic.panoptic import agreements, drop_small, fill_stuff, put_down
from segcore.weights import load_network

THINGS = ("Sign", "Car", "Pedestrian", "Bicyclist")

SIZE = (48, 32)


def some_masks(seed, count=9):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-6, 40, (count, 2))
    boxes = np.hstack([corners, corners + rng.uniform(2, 26, (count, 2))]).astype(np.float32)
    return rng.random((count, 28, 28)).astype(np.float32) ** 0.3, boxes


@pytest.mark.parametrize("least_free", [0.0, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_things_are_put_down_as_the_rule_says(seed, least_free):
    masks, boxes = some_masks(seed)
    taken = np.zeros(SIZE[::-1], int)
    for index, (mask, box) in enumerate(zip(masks, boxes, strict=True)):
        whole = pasted(mask, box, SIZE, 0.5)
        free = whole & (taken == 0)
        if free.sum() and free.sum() / whole.sum() >= least_free:
            taken[free] = index + 1
    placed = put_down(masks, boxes, SIZE, least_free)
    assert np.array_equal(placed.numbers, taken)
    anywhere = np.any([pasted(m, b, SIZE, 0.5) for m, b in zip(masks, boxes, strict=True)], axis=0)
    assert np.array_equal(placed.fates == 255, taken > 0)
    assert np.array_equal(placed.fates > 0, anywhere)


def test_nothing_found_puts_nothing_down():
    placed = put_down(np.zeros((0, 28, 28), np.float32), np.zeros((0, 4), np.float32), SIZE, 0.5)
    assert not placed.numbers.any()


@pytest.mark.parametrize("seed", range(4))
def test_agreement_is_the_share_of_a_mask_with_the_class_of_the_thing(seed):
    masks, boxes = some_masks(seed)
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 3, SIZE[::-1], dtype=np.int32)
    kinds = rng.integers(0, 3, len(masks))
    found = agreements(masks, boxes, kinds, classes)
    for index, share in enumerate(found):
        whole = pasted(masks[index], boxes[index], SIZE, 0.5)
        same = (whole & (classes == kinds[index])).sum()
        assert share == pytest.approx(same / whole.sum() if whole.any() else 0.0)
    assert len(set(found.tolist())) > 3


def test_nothing_found_agrees_with_nobody():
    nothing = np.zeros((0, 28, 28), np.float32), np.zeros((0, 4), np.float32)
    assert agreements(*nothing, np.zeros(0, np.int64), np.zeros((4, 4), np.int32)).shape == (0,)


def test_stuff_fills_what_no_thing_took_and_unfound_things_stay_void():
    classes = np.array([[NAMES.index("Road"), NAMES.index("Car"), NAMES.index("Sky")]])
    taken = np.array([[False, False, True]])
    filled = fill_stuff(classes, taken, NAMES, THINGS)
    assert filled.tolist() == [[NAMES.index("Road") + 1, 0, 0]]


def test_specks_of_stuff_are_dropped():
    stuff = np.array([[1, 1, 1, 2], [1, 3, 3, 0]], np.int32)
    assert drop_small(stuff, 2).tolist() == [[1, 1, 1, 0], [1, 3, 3, 0]]
    assert drop_small(stuff, 0).tolist() == stuff.tolist()
    assert not drop_small(stuff, 5).any()


# The whole way -----------------------------------------------------------------------------------


def things(**settings):
    result = run("panoptic", get_sample("street").load(), show=ignore, **settings).segmentation
    return [segment for segment in result.segments if segment.is_thing], result


def test_both_shipped_networks_are_asked_and_no_other():
    asked = []

    def load(build, name) -> Network:
        asked.append(name)
        return load_network(build, name)

    found, result = things(load_model=load)
    assert sorted(asked) == ["mask_rcnn_street", "unet_street"]
    assert {segment.name for segment in found} <= set(THINGS)
    stuff = [segment.name for segment in result.segments if not segment.is_thing]
    assert {"Road", "Sky"} <= set(stuff) <= set(NAMES) - set(THINGS)
    assert all(segment.label > len(NAMES) for segment in found)


def test_a_thing_that_nobody_confirms_is_given_up():
    (all_of_them, _), (none, result) = things(agreement=0.0), things(agreement=1.0)
    assert len(none) < len(all_of_them)
    assert not result.labels.flags.writeable
