"""Masks that are put down and compared with classes, against the rules written pixel by pixel."""

import numpy as np
import pytest

from segcore.networks.masks import agreements, put_down
from segcore.networks.rcnn import pasted

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
