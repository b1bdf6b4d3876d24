import colorsys

import cv2
import numpy as np
import pytest

from segcore.ops.colour import HsvRange, hue_arc, in_hsv_range, mean_hue, principal_colors

EVERY_HUE = np.dstack([np.arange(180, dtype=np.uint8)[None]] * 3)
EVERY_HUE[..., 1:] = 200


@pytest.mark.parametrize("first", [0, 1, 90, 170, 179])
@pytest.mark.parametrize("last", [0, 10, 90, 179])
def test_hue_range_goes_round_from_first_to_last(first: int, last: int) -> None:
    mask = in_hsv_range(EVERY_HUE, HsvRange((first, last), (0, 255), (0, 255)))
    walked = {(first + step) % 180 for step in range((last - first) % 180 + 1)}
    assert set(np.flatnonzero(mask)) == walked
    assert set(np.unique(mask)) <= {0, 255}


def test_saturation_and_value_hold_on_both_sides_of_zero() -> None:
    hsv = np.uint8([[[175, 50, 200], [175, 150, 200], [5, 150, 20], [5, 150, 200]]])
    mask = in_hsv_range(hsv, HsvRange((170, 10), (100, 255), (100, 255)))
    assert mask.tolist() == [[0, 255, 0, 255]]


@pytest.mark.parametrize(
    ("hues", "expected"),
    [([10, 20], 15), ([178, 2], 0), ([176, 178, 179, 3], 179), ([90], 90), ([0, 60, 120], None)],
)
def test_mean_hue_is_circular(hues: list[int], expected: int | None) -> None:
    assert mean_hue(np.array(hues), np.ones(len(hues))) == expected


def test_mean_hue_of_grey_is_none() -> None:
    assert mean_hue(np.array([0, 0, 3]), np.zeros(3)) is None


def test_mean_hue_follows_the_weights() -> None:
    assert mean_hue(np.array([10, 100]), np.array([1.0, 0.0])) == 10


@pytest.mark.parametrize(
    ("hues", "tolerance", "expected"),
    [
        ([20], 5, (15, 25)),
        ([2], 5, (177, 7)),
        ([178, 4], 3, (175, 7)),
        ([4, 178, 1], 0, (178, 4)),
        ([30, 10, 20], 2, (8, 32)),
        ([7, 7], 1, (6, 8)),
        ([50], 90, (0, 179)),
        ([0, 60, 120], 30, (0, 179)),
        ([0, 60, 120], 0, (0, 120)),
        ([], 10, (0, 179)),
    ],
)
def test_hue_arc(hues: list[int], tolerance: int, expected: tuple[int, int]) -> None:
    assert hue_arc(hues, tolerance) == expected


def test_every_hue_near_a_given_one_lies_in_the_arc() -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        hues = rng.integers(0, 180, rng.integers(1, 5)).tolist()
        tolerance = int(rng.integers(0, 40))
        mask = in_hsv_range(EVERY_HUE, HsvRange(hue_arc(hues, tolerance), (0, 255), (0, 255)))
        near = {(h + d) % 180 for h in hues for d in range(-tolerance, tolerance + 1)}
        assert near <= set(np.flatnonzero(mask))


def test_hue_is_that_of_smith() -> None:
    rng = np.random.default_rng(5)
    rgb = rng.integers(0, 256, (1, 200, 3), dtype=np.uint8)
    ours = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)[0].astype(float)
    for (h, s, v), pixel in zip(ours, rgb[0] / 255, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        assert abs((h - hue * 180 + 90) % 180 - 90) <= 0.52
        assert (s, v) == pytest.approx((saturation * 255, value * 255), abs=0.52)


def test_principal_colors_tell_opposite_features_apart() -> None:
    features = np.ones((4, 6, 5), np.float32)
    features[:, :3] = -1
    picture = principal_colors(features, (8, 12))
    assert picture.shape == (8, 12, 3)
    red = picture[..., 0].astype(int)
    assert abs(red[0, 0] - red[0, -1]) > 100
    assert (picture[..., 1:] == 127).all()


def test_principal_colors_of_one_feature_and_one_point() -> None:
    assert principal_colors(np.zeros((1, 1, 1), np.float32), (1, 1)).tolist() == [[[127] * 3]]
