"""Regions of a mask against SciPy and scikit-image, on noise and on masks of photographs."""

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage import data, measure, morphology

from segcore.ops.regions import fill_holes, label_components, remove_small

RNG = np.random.default_rng(2)
MASKS = {
    "coins": data.coins() > 110,
    "outlines of coins": cv2.Canny(data.coins(), 100, 200) > 0,
    "horse": ~data.horse(),
    "sparse": RNG.random((61, 83)) < 0.2,
    "half": RNG.random((90, 64)) < 0.5,
    "dense": RNG.random((64, 97)) < 0.8,
    "large": RNG.random((600, 800)) < 0.4,
    "empty": np.zeros((9, 12), bool),
    "full": np.ones((9, 12), bool),
    "one pixel": np.ones((1, 1), bool),
    "row": RNG.random((1, 50)) < 0.5,
    "column": RNG.random((50, 1)) < 0.5,
}


@pytest.fixture(params=MASKS)
def mask(request):
    return MASKS[request.param]


def test_fill_holes_equals_scipy(mask):
    filled = fill_holes(mask)
    assert filled.dtype == bool
    assert np.array_equal(filled, ndimage.binary_fill_holes(mask))


def test_fill_holes_fills_what_is_closed_only():
    ring = np.zeros((7, 7), bool)
    ring[1:6, 1:6] = True
    ring[2:5, 2:5] = False
    assert fill_holes(ring).sum() == 25
    ring[1, 3] = False
    assert fill_holes(ring).sum() == 15
    touching_the_border = ring[2:]
    assert fill_holes(touching_the_border).sum() == touching_the_border.sum()


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("min_area", [0, 1, 2, 5, 40, 10**6])
def test_remove_small_equals_skimage(mask, min_area, connectivity):
    left = remove_small(mask, min_area, connectivity)
    # scikit-image names the greatest area that goes, not the smallest that stays.
    expected = morphology.remove_small_objects(
        mask, max_size=max(min_area - 1, 0), connectivity=connectivity // 4
    )
    assert left.dtype == bool
    assert np.array_equal(left, expected)


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_label_components_are_in_the_order_of_reading(mask, connectivity, threads):
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        labels = label_components(mask, connectivity)
    finally:
        cv2.setNumThreads(before)
    assert labels.dtype == np.int32
    # scikit-image numbers components by their first pixel, row by row.
    assert np.array_equal(labels, measure.label(mask, connectivity=connectivity // 4))


def test_any_value_but_zero_is_foreground_and_nothing_is_written(mask):
    values = np.where(mask, 255, 0).astype(np.uint8)
    values.setflags(write=False)
    assert np.array_equal(fill_holes(values), fill_holes(mask))
    assert np.array_equal(remove_small(values, 3), remove_small(mask, 3))
    assert np.array_equal(label_components(values), label_components(mask))
