"""Felzenszwalb–Huttenlocher against scikit-image's labels, a textbook loop, and the theorems."""

from itertools import pairwise

import numpy as np
import pytest
from skimage import data
from skimage.segmentation import felzenszwalb

from segcore.charts import Frames, Histogram
from segcore.images import fit
from segcore.ops.adjacency import mean_colors_of
from segcore.ops.feature_space import brightness
from segcore.ops.labels import relabel
from segcore.samples import get_sample
from segcore.technique import Recorder, ignore
from segcore.techniques.clustering import felzenszwalb as module
from segcore.techniques.clustering.felzenszwalb import (
    EDGES,
    TECHNIQUE,
    edge_weights,
    edges_in_order,
    join_small,
    merge_components,
)
from tests.segcore.techniques.clustering.label_pictures import (
    DRAWINGS,
    boundary_recall,
    label_picture,
)


def run(image, **settings):
    """The result and the recorded steps by title."""
    recorder = Recorder()
    result = TECHNIQUE.segment(image, **TECHNIQUE.complete(settings), show=recorder)
    return result, {step.title: step for step in recorder.steps}


def labels_of(image, **settings):
    return TECHNIQUE.segment(image, **TECHNIQUE.complete(settings)).labels


def photograph(name, side=200):
    return fit(np.ascontiguousarray(getattr(data, name)()), side)


def in_order(weights):
    return np.argsort(weights, axis=None, kind="stable")[: np.isfinite(weights).sum()]


def textbook(image, scale, min_size):
    """The algorithm as the paper lists it, without smoothing: one edge after the other."""
    weights = edge_weights(image.astype(np.float64))
    _, height, width = weights.shape
    component = np.arange(height * width)
    inside = np.zeros(height * width)
    edges = []
    for number in in_order(weights).tolist():
        direction, y, x = np.unravel_index(number, weights.shape)
        down, right = EDGES[direction]
        edges.append((y * width + x, (y + down) * width + x + right, weights.flat[number]))
    for first, second, weight in edges:
        a, b = component[first], component[second]
        if a != b:
            sizes = (component == a).sum(), (component == b).sum()
            if weight < min(inside[a] + scale / sizes[0], inside[b] + scale / sizes[1]):
                component[component == b] = a
                inside[a] = weight
    for first, second, _ in edges:
        a, b = component[first], component[second]
        if a != b and min((component == a).sum(), (component == b).sum()) < min_size:
            component[component == b] = a
    return relabel(component.reshape(height, width) + 1)


# Against scikit-image and the textbook ------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"scale": 100, "sigma": 0.8, "min_size": 20},
        {"scale": 1000, "sigma": 0.5, "min_size": 50},
        {"scale": 50, "sigma": 2.0, "min_size": 200},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_equals_scikit_image(name, settings):
    image = photograph(name)
    chosen = TECHNIQUE.complete(settings)
    expected = felzenszwalb(image, **chosen)
    assert expected.max() > 2
    np.testing.assert_array_equal(relabel(labels_of(image, **settings)), relabel(expected + 1))


@pytest.mark.parametrize("name", DRAWINGS)
def test_boundary_recall_is_not_below_that_of_scikit_image(name):
    image, truth = label_picture(name)
    for scale, sigma in ((100, 0.8), (300, 1.5)):
        theirs = felzenszwalb(image, scale=scale, sigma=sigma, min_size=50)
        ours = labels_of(image, scale=scale, sigma=sigma, min_size=50)
        assert boundary_recall(ours, truth) >= boundary_recall(theirs, truth)
    assert boundary_recall(ours, truth) > 0.5


def odd_pictures():
    rng = np.random.default_rng(0)
    yield "noise", rng.integers(0, 256, (14, 18, 3), dtype=np.uint8)
    yield "few values, many ties", rng.integers(0, 3, (15, 15, 3), dtype=np.uint8) * 10
    yield "stripes", np.repeat(rng.integers(0, 256, (1, 20, 3), dtype=np.uint8), 12, axis=0)
    yield "constant", np.full((9, 11, 3), 50, np.uint8)
    yield "row", rng.integers(0, 256, (1, 60, 3), dtype=np.uint8)
    yield "column", rng.integers(0, 256, (60, 1, 3), dtype=np.uint8)
    yield "photograph", photograph("chelsea", 24)
    yield "one pixel", np.full((1, 1, 3), 9, np.uint8)


@pytest.mark.parametrize("scale", [10, 100, 1000])
@pytest.mark.parametrize("image", [pytest.param(i, id=name) for name, i in odd_pictures()])
def test_equals_the_textbook(image, scale):
    found = labels_of(image, scale=scale, sigma=0.0, min_size=20)
    np.testing.assert_array_equal(relabel(found), textbook(image, scale, 20))


@pytest.mark.parametrize(("rounds", "batches"), [(0, 1), (0, 24), (50, 1), (1, 7), (3, 200)])
def test_taking_many_edges_at_once_changes_nothing(monkeypatch, rounds, batches):
    image = photograph("coffee", 120)
    expected = labels_of(image, scale=150)
    monkeypatch.setattr(module, "ROUNDS", rounds)
    monkeypatch.setattr(module, "BATCHES", batches)
    np.testing.assert_array_equal(labels_of(image, scale=150), expected)


# The graph ----------------------------------------------------------------------------------------


def test_edge_weights_by_hand():
    pixels = np.zeros((2, 3, 3))
    pixels[0, 1] = (3, 4, 0)
    pixels[1, 2] = (0, 0, 12)
    right, below, lower_right, lower_left = edge_weights(pixels)
    inf = np.inf
    np.testing.assert_allclose(right, [[5, 5, inf], [0, 12, inf]])
    np.testing.assert_allclose(below, [[0, 5, 12], [inf, inf, inf]])
    np.testing.assert_allclose(lower_right, [[0, 13, inf], [inf, inf, inf]])
    np.testing.assert_allclose(lower_left, [[inf, 5, 0], [inf, inf, inf]])


def test_edges_come_once_each_in_ascending_order():
    image = photograph("astronaut", 40)
    height, width = image.shape[:2]
    pixels = image.astype(np.float64)
    weights = edge_weights(pixels)
    batches = list(edges_in_order(weights, in_order(weights)))
    assert len(batches) == module.BATCHES
    first, second, weight = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert (np.diff(weight) >= 0).all()
    expected = 4 * height * width - 3 * (height + width) + 2
    assert len({*zip(first.tolist(), second.tolist(), strict=True)}) == len(first) == expected
    flat = pixels.reshape(-1, 3)
    np.testing.assert_allclose(weight, np.linalg.norm(flat[first] - flat[second], axis=1))
    apart = [abs(f(first, width) - f(second, width)) for f in (np.floor_divide, np.mod)]
    np.testing.assert_array_equal(np.maximum(*apart), 1)


# What the authors prove, and the rest of the promises ---------------------------------------------


def test_components_are_neither_too_fine_nor_joined_for_nothing():
    image = photograph("coffee", 120)
    weights = edge_weights(image.astype(np.float64))
    order = in_order(weights)
    components = merge_components(weights, order, 200, ignore)
    roots = components.roots_at(np.inf)
    assert 5 < len(np.unique(roots)) < 2000
    np.testing.assert_array_equal(
        np.bincount(roots)[np.unique(roots)], [components.area[root] for root in np.unique(roots)]
    )
    for edges in edges_in_order(weights, order):
        between = edges.between(roots)
        crossing = between.at(np.flatnonzero(between.first != between.second))
        tolerance = np.minimum(
            components.tolerance[crossing.first], components.tolerance[crossing.second]
        )
        # Theorem 1: between any two components every edge is evidence of a border.
        assert (crossing.weight >= tolerance).all()
    merged = np.isfinite(components.level)
    assert merged.sum() == len(roots) - len(np.unique(roots))  # a forest: one link less than nodes
    inner = np.zeros(len(roots))
    np.maximum.at(inner, roots[merged], components.level[merged])
    for root in np.unique(roots):
        limit = inner[root] + 200 / components.area[root]
        assert components.tolerance[root] == pytest.approx(limit)


def test_the_forest_shows_every_state_on_the_way():
    image = photograph("chelsea", 60)
    weights = edge_weights(image.astype(np.float64))
    order = in_order(weights)
    components = merge_components(weights, order, 100, ignore)
    levels = [0.0, 1.0, 3.0, 10.0, 30.0]
    counts = [len(np.unique(components.roots_at(level))) for level in levels]
    assert counts == sorted(counts, reverse=True)
    for level in levels:
        ends = np.searchsorted(weights.ravel()[order], level, side="right")
        until = merge_components(weights, order[:ends], 100, ignore)
        now, then = components.roots_at(level), until.roots_at(np.inf)
        shape = image.shape[:2]
        np.testing.assert_array_equal(
            relabel(now.reshape(shape) + 1), relabel(then.reshape(shape) + 1)
        )


@pytest.mark.parametrize("min_size", [20, 100, 1000, 5000])
def test_no_region_is_smaller_than_the_minimum(min_size):
    found = labels_of(photograph("astronaut"), scale=50, min_size=min_size)
    assert np.bincount(found.ravel())[1:].min() >= min_size
    assert found.min() == 1


def test_small_components_join_across_their_lightest_edge():
    components = np.array([[0, 0, 0, 1, 2, 2, 2]])
    weights = edge_weights(np.array([[0, 0, 0, 40, 100, 100, 100.0]])[..., None] * np.ones(3))
    joined = join_small(components, weights, in_order(weights), 2)
    np.testing.assert_array_equal(joined, [[0, 0, 0, 0, 1, 1, 1]])


def test_rough_regions_tolerate_more():
    """What the rule is for: a rough half stays whole beside an even one, past its own steps."""
    rng = np.random.default_rng(0)
    pixels = np.full((60, 80), 100.0)
    pixels[:, 40:] += 40 + rng.uniform(-20, 20, (60, 40))
    image = np.repeat(np.rint(pixels).astype(np.uint8)[..., None], 3, axis=2)
    _, steps = run(image, scale=2000, sigma=0.0, min_size=20)
    tolerance = steps["Tolerance"].picture
    assert np.median(tolerance[:, 45:]) > np.median(tolerance[:, :35]) + 0.5
    found = labels_of(image, scale=2000, sigma=0.0, min_size=100)
    assert found.max() == 2
    np.testing.assert_array_equal(found, np.repeat([1, 2], 40)[None].repeat(60, axis=0))


def test_labels_ascend_in_brightness():
    image = photograph("coffee")
    result, _ = run(image)
    assert [segment.label for segment in result.segments] == [*range(1, result.labels.max() + 1)]
    assert (np.diff(brightness(mean_colors_of(image, result.labels))[1:]) >= 0).all()


# Steps and where it fails -------------------------------------------------------------------------


def test_steps_tell_of_the_run():
    image = photograph("coffee", 120)
    result, steps = run(image, min_size=20)
    histogram = steps["Weights and merges"].picture
    assert isinstance(histogram, Histogram)
    left = histogram.curves[0].y
    assert all(a >= b for a, b in pairwise(left))
    assert 0 < left[-1] < 10
    frames = steps["Merging"].picture
    assert isinstance(frames, Frames)
    assert len(frames.pictures) == 8
    assert f"{len(result.segments)} regions" in steps["Regions"].caption
    assert "Smoothed" not in run(image, sigma=0.0)[1]


def test_two_organs_are_joined_through_a_gap():
    fails = TECHNIQUE.fails
    image = get_sample(fails.sample).load()
    left, right = (170, 180), (170, 330)
    joined = labels_of(image, **fails.settings)
    assert joined[left] == joined[right]
    assert joined.max() == 51
    apart = labels_of(image, scale=100)
    assert apart[left] != apart[right]
    assert apart.max() == 93
    # Nearly all of both organs, so that it is they which are joined or parted.
    assert min((apart == apart[point]).sum() for point in (left, right)) > 20_000
    assert (joined == joined[left]).sum() > 40_000


def test_recording_changes_nothing_and_progress_can_cancel():
    image = photograph("astronaut", 90)
    image.setflags(write=False)
    result, _ = run(image)
    np.testing.assert_array_equal(result.labels, labels_of(image))
    told = []
    TECHNIQUE.segment(image, **TECHNIQUE.complete({}), show=Recorder(told.append))
    assert told == sorted(told)
    assert len(told) == module.BATCHES

    def cancel(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TECHNIQUE.segment(image, **TECHNIQUE.complete({}), show=Recorder(cancel))
