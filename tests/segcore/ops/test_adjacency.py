"""Region graphs against counts by hand and by brute force, and the promises of merging."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from skimage import data

from segcore.ops.adjacency import (
    RegionGraph,
    absorb_small,
    connected_numbers,
    draw_borders,
    draw_regions,
    find_root,
    find_roots,
    mean_colors_of,
    merge_alike,
    paint_means,
    region_graph,
    unique_pairs,
)

#   0 0 1
#   0 2 1
#   3 3 1
LABELS = np.array([[0, 0, 1], [0, 2, 1], [3, 3, 1]])
VALUES = np.array([[1, 2, 10], [3, 7, 20], [40, 60, 30]], np.float32)[..., None]


def chain(*values, area=10):
    """A row of regions, each beside the next, with these means."""
    n = len(values)
    pairs = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)
    return RegionGraph(np.full(n, float(area)), np.array(values, float)[:, None] * area, pairs)


def noise(seed=0, n=12, shape=(30, 40)):
    """A label map of n numbers, each present, and features of three channels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n, shape)
    labels.ravel()[:n] = np.arange(n)
    return labels, rng.normal(size=(*shape, 3)).astype(np.float32)


# Graphs -------------------------------------------------------------------------------------------


def test_region_graph_by_hand():
    graph = region_graph(LABELS, VALUES)
    np.testing.assert_array_equal(graph.areas, [3, 3, 1, 2])
    np.testing.assert_array_equal(graph.sums, [[6], [60], [7], [100]])
    # 0 and 3 touch below each other, 1 and 3 beside, and 2 lies between all.
    np.testing.assert_array_equal(graph.pairs, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
    np.testing.assert_allclose(graph.differences(graph.pairs), [18, 5, 48, 13, 30, 43])


def test_corners_are_no_neighbours():
    graph = region_graph(np.array([[0, 1], [2, 3]]), np.zeros((2, 2, 1), np.float32))
    np.testing.assert_array_equal(graph.pairs, [[0, 1], [0, 2], [1, 3], [2, 3]])


def test_region_graph_by_brute_force():
    labels, features = noise(n=40)
    graph = region_graph(labels, features)
    touching = set()
    for y, x in np.ndindex(labels.shape):
        for other in labels[y : y + 2, x].tolist() + labels[y, x : x + 2].tolist():
            if other != labels[y, x]:
                touching.add((min(other, labels[y, x]), max(other, labels[y, x])))
    assert [tuple(pair) for pair in graph.pairs.tolist()] == sorted(touching)
    for number in range(40):
        inside = labels == number
        assert graph.areas[number] == inside.sum()
        np.testing.assert_allclose(graph.sums[number], features[inside].sum(axis=0), atol=1e-4)


def test_unique_pairs():
    pairs = np.array([[3, 1], [1, 3], [2, 2], [0, 5], [1, 3], [0, 0]])
    np.testing.assert_array_equal(unique_pairs(pairs), [[0, 5], [1, 3]])
    assert unique_pairs(np.empty((0, 2), np.intp)).shape == (0, 2)
    assert unique_pairs(np.array([[0, 0]])).shape == (0, 2)


def test_merged_graph_is_that_of_the_merged_labels():
    labels, features = noise(1)
    numbers = np.random.default_rng(2).integers(0, 5, 12)
    numbers[:5] = np.arange(5)
    merged = region_graph(labels, features).merged(numbers)
    expected = region_graph(numbers[labels], features)
    np.testing.assert_array_equal(merged.areas, expected.areas)
    np.testing.assert_allclose(merged.sums, expected.sums, atol=1e-3)
    np.testing.assert_array_equal(merged.pairs, expected.pairs)


def test_nearest_neighbors_by_brute_force():
    graph = region_graph(*noise(3, n=30))
    nearest, distance = graph.nearest_neighbors()
    means = graph.sums / graph.areas[:, None]
    for number in range(30):
        others = [b if a == number else a for a, b in graph.pairs.tolist() if number in (a, b)]
        apart = np.linalg.norm(means[others] - means[number], axis=1)
        assert nearest[number] == others[apart.argmin()]
        assert distance[number] == pytest.approx(apart.min())


def test_nearest_neighbors_of_equals_and_of_none():
    nearest, distance = chain(5, 5, 5, 9).nearest_neighbors()
    np.testing.assert_array_equal(nearest, [1, 0, 1, 2])
    np.testing.assert_array_equal(distance, [0, 0, 0, 4])
    nearest, distance = chain(5).nearest_neighbors()
    assert (nearest[0], distance[0]) == (0, np.inf)


def test_connected_numbers():
    first, second = np.array([4, 1]), np.array([0, 3])
    np.testing.assert_array_equal(connected_numbers(first, second, 6), [0, 1, 2, 1, 0, 3])
    empty = np.empty(0, np.intp)
    np.testing.assert_array_equal(connected_numbers(empty, empty, 3), [0, 1, 2])


# Merging ------------------------------------------------------------------------------------------


def test_small_regions_join_the_neighbour_most_like_them():
    graph = chain(0, 60, 100)._replace(areas=np.array([50.0, 3.0, 50.0]))
    graph = graph._replace(sums=graph.areas[:, None] * [[0], [60], [100]])
    np.testing.assert_array_equal(absorb_small(graph, 4), [0, 1, 1])
    np.testing.assert_array_equal(absorb_small(graph, 3), [0, 1, 2])


def test_small_regions_join_until_none_is_left():
    labels, features = noise(4, n=500, shape=(40, 50))
    for min_area in (0, 2, 5, 40, 300):
        numbers = absorb_small(region_graph(labels, features), min_area)
        merged = numbers[labels]
        areas = np.bincount(merged.ravel())
        assert areas.min() >= min_area
        assert set(numbers) == set(range(len(areas)))
        assert len(areas) > 1
        if min_area == 0:
            np.testing.assert_array_equal(numbers, np.arange(500))


def test_one_region_too_small_stays():
    graph = region_graph(np.zeros((2, 3), int), np.zeros((2, 3, 1), np.float32))
    np.testing.assert_array_equal(absorb_small(graph, 100), [0])
    np.testing.assert_array_equal(merge_alike(graph, [5.0])[0], [0])


def test_no_neighbours_are_left_that_are_alike():
    labels, features = noise(5, n=300, shape=(60, 70))
    graph = region_graph(labels, features)
    levels = [0.1, 0.13, 0.16, 0.2]
    states = merge_alike(graph, levels)
    counts = []
    for level, numbers in zip(levels, states, strict=True):
        merged = graph.merged(numbers)
        assert (merged.differences(merged.pairs) >= level).all()
        counts.append(len(merged.areas))
    assert 300 > counts[0] > counts[1] > counts[2] > counts[3] > 1
    for finer, coarser in pairwise(states):
        assert len(set(zip(finer.tolist(), coarser.tolist(), strict=True))) == finer.max() + 1


def test_a_slope_is_not_merged_as_one_chain():
    # All neighbours are nearer than 1.5, but the ends are 31 apart.
    slope = chain(*range(32))
    numbers = merge_alike(slope, [1.5])[-1]
    means = np.bincount(numbers, np.arange(32)) / np.bincount(numbers)
    assert numbers.max() + 1 >= 8
    assert (np.diff(means) >= 1.5).all()


def test_all_regions_of_one_colour_become_one():
    labels = np.arange(400).reshape(20, 20)
    graph = region_graph(labels, np.full((20, 20, 3), 7, np.float32))
    assert set(merge_alike(graph, [1.0])[0]) == {0}


def test_a_limit_of_0_merges_nothing():
    np.testing.assert_array_equal(merge_alike(chain(1, 1, 1), [0.0])[0], [0, 1, 2])


# Forests ------------------------------------------------------------------------------------------


def test_roots_of_a_forest():
    parent = [1, 2, 2, 3, 3, 0]
    np.testing.assert_array_equal(find_roots(np.array(parent)), [2, 2, 2, 3, 3, 2])
    assert [find_root(parent, node) for node in range(6)] == [2, 2, 2, 3, 3, 2]


def test_roots_of_a_long_path():
    parent = np.maximum(np.arange(1000) - 1, 0)
    before = parent.copy()
    assert not find_roots(parent).any()
    np.testing.assert_array_equal(parent, before)


# Pictures -----------------------------------------------------------------------------------------


def test_mean_colors():
    image = data.astronaut()[100:150, 200:260]
    labels = cv2.resize(np.arange(6).reshape(2, 3) + 1.0, (60, 50), interpolation=0).astype(int)
    means = mean_colors_of(image, labels)
    assert means.dtype == np.uint8
    np.testing.assert_array_equal(means[0], 0)  # no pixel has label 0
    for label in range(1, 7):
        exact = image[labels == label].mean(axis=0)
        assert np.abs(means[label] - exact).max() <= 0.5
    np.testing.assert_array_equal(paint_means(image, labels), means[labels])


def test_borders_are_drawn_on_one_side_of_each_border():
    image = np.full((3, 3, 3), 9, np.uint8)
    drawn = (draw_borders(image, LABELS) != image).any(axis=2)
    np.testing.assert_array_equal(drawn, [[0, 0, 1], [0, 1, 1], [1, 1, 1]])
    assert (image == 9).all()
    both = draw_regions(image, LABELS)
    np.testing.assert_array_equal(both, draw_borders(paint_means(image, LABELS), LABELS))
