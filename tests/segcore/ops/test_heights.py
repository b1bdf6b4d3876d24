"""Landscapes against SciPy and scikit-image, on masks of photographs and on noise."""

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage import data
from skimage.morphology import reconstruction

from segcore.ops.heights import background_distance, h_maxima_transform

RNG = np.random.default_rng(4)
MASKS = {
    "coins": data.coins() > 110,
    "horse": ~data.horse(),
    "sparse": RNG.random((61, 83)) < 0.2,
    "dense": RNG.random((64, 97)) < 0.98,
    "empty": np.zeros((9, 12), bool),
    "row": RNG.random((1, 50)) < 0.5,
}


@pytest.fixture(params=MASKS)
def mask(request):
    return MASKS[request.param].view(np.uint8)


def test_the_distance_is_euclidean_but_for_two_percent(mask):
    exact = ndimage.distance_transform_edt(mask)
    np.testing.assert_allclose(background_distance(mask), exact, rtol=0.02)


def test_without_background_everything_is_farther_than_any_background_could_be():
    full = np.ones((9, 12), np.uint8)
    np.testing.assert_array_equal(background_distance(full), np.full((9, 12), 21, np.float32))


@pytest.mark.parametrize("h", [0.5, 3.0, 200.0])
def test_h_maxima_transform_equals_reconstruction_by_dilation(mask, h):
    heights = cv2.GaussianBlur(background_distance(mask), (0, 0), 0.7)
    expected = reconstruction(np.maximum(heights - np.float32(h), 0), heights)
    np.testing.assert_array_equal(h_maxima_transform(heights, h), expected)


def test_h_maxima_transform_follows_long_ridges():
    heights = np.zeros((41, 300), np.float32)
    for row in range(0, 40, 4):
        heights[row, :] = 5
        heights[row : row + 5, -1 if row % 8 == 0 else 0] = 5
    heights[0, 0] = 6  # one peak at the end of a path of three thousand pixels
    lowered = h_maxima_transform(heights, 1.0)
    np.testing.assert_array_equal(lowered, np.minimum(heights, 5))
