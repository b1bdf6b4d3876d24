import colorsys

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage import data
from skimage.color import rgb2lab

from segcore.ops.feature_space import (
    SPACE_AXES,
    SPACE_RANGE,
    WeightedPoints,
    bin_points,
    brightness,
    cloud_sample,
    coarse_points,
    count_colors,
    distinct_points,
    features_to_rgb,
    kmeans_plus_plus,
    squared_distances,
    to_features,
)
from segcore.result import Image

SPACES = ["rgb", "lab", "hsv"]
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (90, 130, 3), dtype=np.uint8)
ODD = [
    np.full((1, 1, 3), 7, np.uint8),
    NOISE[:1],
    NOISE[:, :1],
    np.zeros((20, 30, 3), np.uint8),
    NOISE // 64 * 64,
    NOISE,
    data.chelsea()[::4, ::4],
]


def color(*rgb: int) -> Image:
    return np.uint8([[rgb]])


def test_rgb_is_the_pixels() -> None:
    features = to_features(NOISE, "rgb")
    assert features.dtype == np.float32
    assert np.array_equal(features, NOISE.reshape(-1, 3))


def test_lab_against_scikit_image() -> None:
    features = to_features(NOISE, "lab")
    assert features.dtype == np.float32
    assert np.abs(features - rgb2lab(NOISE).reshape(-1, 3)).max() < 0.5


def test_hsv_against_the_standard_library() -> None:
    expected = []
    for r, g, b in NOISE.reshape(-1, 3)[:2000] / 255:
        hue, saturation, value = colorsys.rgb_to_hsv(r, g, b)
        turn = 2 * np.pi * hue
        expected.append((saturation * np.cos(turn), saturation * np.sin(turn), value))
    features = to_features(NOISE, "hsv")
    assert features.dtype == np.float32
    assert features[:2000] == pytest.approx(255 * np.array(expected), abs=0.05)


def test_hue_is_a_circle() -> None:
    just_above, just_below = (to_features(color(*c), "hsv") for c in ((255, 0, 9), (255, 9, 0)))
    assert np.linalg.norm(just_above - just_below) < 20
    cyan = to_features(color(0, 255, 255), "hsv")
    assert np.linalg.norm(just_above - cyan) > 500
    assert to_features(color(90, 90, 90), "hsv") == pytest.approx(np.float32([[0, 0, 90]]))


@pytest.mark.parametrize("space", SPACES)
def test_colours_there_and_back(space: str) -> None:
    back = features_to_rgb(to_features(NOISE, space), space)
    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - NOISE.reshape(-1, 3)).max() <= 1
    assert len(SPACE_AXES[space]) == 3


@pytest.mark.parametrize("space", SPACES)
def test_position_has_no_colour(space: str) -> None:
    with_position = to_features(NOISE, space, 0.7)
    assert with_position.shape == (NOISE.size // 3, 5)
    assert np.array_equal(
        features_to_rgb(with_position, space), features_to_rgb(with_position[:, :3], space)
    )


def test_points_outside_the_cube_go_to_its_border() -> None:
    assert features_to_rgb(np.array([[300.0, -4.0, 20.0]]), "rgb").tolist() == [[255, 0, 20]]
    assert features_to_rgb(np.array([[120.0, 0.0, 0.0]]), "lab").tolist() == [[255, 255, 255]]
    assert features_to_rgb(np.array([[400.0, 0.0, 300.0]]), "hsv").tolist() == [[255, 0, 0]]


@pytest.mark.parametrize("space", SPACES)
def test_positions_span_the_range_of_the_space(space: str) -> None:
    features = to_features(np.zeros((60, 120, 3), np.uint8), space, 0.5)
    x, y = features[:, 3].reshape(60, 120), features[:, 4].reshape(60, 120)
    step = 0.5 * SPACE_RANGE[space] / 120
    assert x[10, 40] - x[10, 39] == pytest.approx(step, rel=1e-3)
    assert y[40, 10] - y[39, 10] == pytest.approx(step, rel=1e-3)
    assert np.ptp(x[:, 5]) == np.ptp(y[5]) == 0


def test_a_smaller_copy_has_the_same_positions() -> None:
    large, small = (to_features(np.zeros((s, 2 * s, 3), np.uint8), "rgb", 1) for s in (100, 25))
    assert large[:, 3:].max(axis=0) == pytest.approx(small[:, 3:].max(axis=0), rel=0.05)


@pytest.mark.parametrize("image", ODD)
def test_colours_are_counted(image: Image) -> None:
    colors, counts, inverse = count_colors(image)
    expected, expected_counts = np.unique(image.reshape(-1, 3), axis=0, return_counts=True)
    order = np.lexsort(colors.T[::-1])
    assert np.array_equal(colors[order], expected)
    assert np.array_equal(counts[order], expected_counts)
    assert inverse.dtype == np.int32
    assert np.array_equal(colors[inverse], image.reshape(-1, 3))


@pytest.mark.parametrize("weight", [0.0, 0.4])
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("image", ODD)
def test_distinct_points_stand_for_every_pixel(image: Image, space: str, weight: float) -> None:
    points, counts, inverse = distinct_points(image, space, weight)
    assert points.dtype == counts.dtype == np.float32
    expected = to_features(image, space, weight)
    assert points[inverse] == pytest.approx(expected, abs=1e-4)
    assert np.array_equal(np.bincount(inverse), counts)
    if weight == 0:
        assert len(points) == len(np.unique(image.reshape(-1, 3), axis=0))


@pytest.mark.parametrize(("depth", "levels"), [(3, 8), (3, 48), (5, 6), (5, 64), (1, 4)])
def test_bins_are_weighted_means(depth: int, levels: int) -> None:
    rng = np.random.default_rng(depth)
    points = rng.uniform(-50, 200, (1500, depth)).astype(np.float32)
    counts = rng.integers(1, 9, 1500).astype(np.float32)
    means, weights = bin_points(points, counts, levels)
    assert means.dtype == weights.dtype == np.float32
    assert (weights > 0).all()
    assert len(means) <= min(1500, levels**depth)
    assert weights.sum() == counts.sum()
    assert weights @ means / weights.sum() == pytest.approx(
        counts @ points / counts.sum(), abs=0.01
    )
    size = np.ptp(points, axis=0).max() / levels
    gaps = np.abs(points[:, None] - means).max(axis=-1).min(axis=1)
    assert gaps.max() < size * 1.001  # every point shares its bin with a mean


def test_points_of_one_bin_become_its_mean() -> None:
    points = np.float32([[0, 0], [1, 3], [100, 48], [98, 46], [40, 0]])
    means, weights = bin_points(points, np.float32([3, 1, 1, 1, 2]), 10)
    found = {tuple(mean): weight for mean, weight in zip(means.tolist(), weights, strict=True)}
    assert found == {(0.25, 0.75): 4, (40, 0): 2, (99, 47): 2}


def test_equal_points_are_one_bin() -> None:
    means, weights = bin_points(np.full((9, 3), 200, np.float32), np.ones(9, np.float32), 48)
    assert means.tolist() == [[200, 200, 200]]
    assert weights.tolist() == [9]


def cloud_of(points: npt.NDArray[np.float32]) -> WeightedPoints:
    return WeightedPoints(points, np.ones(len(points), np.float32), np.arange(len(points)))


def test_coarse_points_are_few_but_not_too_few() -> None:
    rng = np.random.default_rng(3)
    photograph = distinct_points(data.chelsea(), "rgb")
    points, counts = coarse_points(photograph, 8)
    assert 800 <= len(points) < len(photograph.points) / 3
    assert counts.sum() == photograph.counts.sum()
    scattered = cloud_of(rng.uniform(0, 255, (60_000, 3)).astype(np.float32))
    assert len(coarse_points(scattered, 8)[0]) < 20_000
    two = np.repeat(np.float32([[0, 0, 0], [255, 255, 255]]), 5000, axis=0)
    narrow = cloud_of((two + rng.uniform(0, 4, two.shape)).astype(np.float32))
    assert len(coarse_points(narrow, 8)[0]) == 10_000


def test_spread_starts_find_every_far_group() -> None:
    rng = np.random.default_rng(4)
    corners = np.float32([[0, 0], [1000, 0], [0, 1000], [1000, 1000], [500, 5000]])
    points = np.repeat(corners, 200, axis=0) + rng.normal(0, 5, (1000, 2)).astype(np.float32)
    counts = rng.integers(1, 50, 1000).astype(np.float32)
    for seed in range(20):
        starts = kmeans_plus_plus(points, counts, 5, np.random.default_rng(seed))
        nearest = ((starts[:, None] - corners) ** 2).sum(-1).argmin(axis=1)
        assert set(nearest) == set(range(5))


def test_starts_are_distinct_points() -> None:
    points = np.unique(RNG.integers(0, 6, (40, 3)), axis=0).astype(np.float32)
    counts = np.ones(len(points), np.float32)
    starts = kmeans_plus_plus(points, counts, len(points), np.random.default_rng(0))
    assert sorted(map(tuple, starts)) == sorted(map(tuple, points))
    again = kmeans_plus_plus(points, counts, 4, np.random.default_rng(1))
    assert np.array_equal(again, kmeans_plus_plus(points, counts, 4, np.random.default_rng(1)))


def test_starts_are_drawn_by_weight() -> None:
    points = np.float32([[0], [1], [2]])
    counts = np.float32([1, 1, 98])
    firsts = [
        kmeans_plus_plus(points, counts, 1, np.random.default_rng(seed)).item()
        for seed in range(300)
    ]
    assert firsts.count(2) > 270


def test_squared_distances() -> None:
    points = RNG.uniform(0, 255, (50, 5)).astype(np.float32)
    found = squared_distances(points, points[7])
    assert found == pytest.approx(((points - points[7]) ** 2).sum(axis=1), rel=1e-5)
    assert np.flatnonzero(found == 0).tolist() == [7]


def test_sample_of_the_cloud() -> None:
    features = to_features(NOISE, "rgb", 0.3)
    points, colors = cloud_sample(NOISE, features, most=500, seed=2)
    assert points.shape == colors.shape == (500, 3)
    assert colors.dtype == np.uint8
    assert np.array_equal(points, colors)
    assert np.array_equal(points, cloud_sample(NOISE, features, most=500, seed=2)[0])
    assert not np.array_equal(points, cloud_sample(NOISE, features, most=500, seed=3)[0])
    everything, _ = cloud_sample(NOISE, features, most=10**6)
    assert np.array_equal(everything, NOISE.reshape(-1, 3))  # each pixel once


def test_brightness_is_opencv_grey() -> None:
    gray = cv2.cvtColor(NOISE, cv2.COLOR_RGB2GRAY).ravel()
    assert np.abs(brightness(NOISE.reshape(-1, 3)) - gray).max() < 0.6
