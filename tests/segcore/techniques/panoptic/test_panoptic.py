"""The merge of Panoptic FPN, against its rule written pixel by pixel."""

import numpy as np
import pytest

from segcore.networks.rcnn import pasted
from segcore.scenes.street import NAMES
from segcore.techniques.panoptic.panoptic import THINGS, drop_small, fill_stuff, put_down

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


def test_stuff_fills_what_no_thing_took_and_things_of_the_branch_stay_void():
    classes = np.array([[NAMES.index("Road"), NAMES.index("Car"), NAMES.index("Sky")]])
    taken = np.array([[False, False, True]])
    assert fill_stuff(classes, taken, NAMES).tolist() == [[NAMES.index("Road") + 1, 0, 0]]
    assert set(THINGS) <= set(NAMES)


def test_specks_of_stuff_are_dropped():
    stuff = np.array([[1, 1, 1, 2], [1, 3, 3, 0]], np.int32)
    assert drop_small(stuff, 2).tolist() == [[1, 1, 1, 0], [1, 3, 3, 0]]
    assert drop_small(stuff, 0).tolist() == stuff.tolist()
    assert not drop_small(stuff, 5).any()
