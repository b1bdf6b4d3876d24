"""Fuzzy C-Means against scikit-fuzzy, on planted colours, and where a naive formula divides by 0.

That it is faster than scikit-fuzzy is measured by tests/benchmarks/clustering.py.
"""

from itertools import islice
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skfuzzy
from threadpoolctl import threadpool_limits

from segcore.charts import Curve, Scatter
from segcore.ops.feature_space import brightness, distinct_points, to_features
from segcore.result import Image, Labels
from segcore.run import run, study
from segcore.samples import get_sample
from segcore.technique import Recorder, ignore
from segcore.techniques.clustering.fuzzy_cmeans import (
    TECHNIQUE,
    doubt,
    fuzzy_turns,
    memberships,
    partition_coefficients,
)
from tests.segcore.techniques.clustering.planted import accuracy, planted

PHOTOGRAPHS = ["astronaut", "chelsea", "coffee", "rocket", "retina", "immunohistochemistry"]
STUDY = "How fuzzy, and how many clusters?"
Array = npt.NDArray[Any]


def photograph(name: str, size: tuple[int, int] = (128, 96)) -> Image:
    image = cv2.resize(get_sample(name).load(), size, interpolation=cv2.INTER_AREA)
    image.setflags(write=False)
    return image


def segment(image: Image, **settings: Any) -> Labels:
    return TECHNIQUE.segment(image, **TECHNIQUE.complete(settings)).labels


def steps(image: Image, **settings: Any) -> dict[str, Any]:
    recorder = Recorder()
    TECHNIQUE.segment(image, show=recorder, **TECHNIQUE.complete(settings))
    return {step.title: step.picture for step in recorder.steps}


def textbook(points: Array, centers: Array, m: float) -> tuple[Array, float]:
    """Memberships (n, c) and objective, by the formulas as they stand in Bezdek (1981)."""
    distances = np.linalg.norm(points[:, None].astype(np.float64) - centers, axis=-1)
    ratios = (distances[:, :, None] / distances[:, None, :]) ** (2 / (m - 1))
    shares = 1 / ratios.sum(axis=-1)
    return shares, float((shares**m * distances**2).sum())


# Against the library and the formulas ------------------------------------------------------------


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_objective_and_centers_against_scikit_fuzzy(name: str) -> None:
    image = photograph(name)
    points = to_features(image, "rgb").astype(np.float64)
    with threadpool_limits(1):  # on a busy machine its threads wait for one another
        twin = skfuzzy.cmeans(points.T, 4, 2, error=1e-5, maxiter=1000, seed=0)
    expected, objectives = twin[0], twin[4]
    centers = steps(image)["Paths of the centres"].centers
    assert textbook(points, centers, 2.0)[1] <= 1.001 * objectives[-1]
    expected = expected[np.argsort(brightness(expected))]
    assert np.abs(centers - expected).max() < 1


@pytest.mark.parametrize("m", [1.2, 2.0, 3.0])
@pytest.mark.parametrize("depth", [3, 5])
def test_memberships_are_those_of_the_textbook(m: float, depth: int) -> None:
    rng = np.random.default_rng(depth)
    points = rng.uniform(0, 255, (500, depth)).astype(np.float32)
    centers = rng.uniform(0, 255, (6, depth)).astype(np.float32)
    shares, distances = memberships(points, centers, m)
    expected, _ = textbook(points, centers, m)
    assert shares == pytest.approx(expected.T, abs=1e-5)
    assert distances == pytest.approx(((points - centers[:, None]) ** 2).sum(axis=-1), rel=1e-4)


@pytest.mark.parametrize("m", [1.05, 1.5, 2.0, 4.0])
def test_result_is_a_fixed_point(m: float) -> None:
    image = photograph("coffee")
    points = to_features(image, "rgb")
    shown = steps(image, m=m, tol=0.001, max_iter=300)
    centers = shown["Paths of the centres"].centers
    weights = memberships(points, centers, m)[0].astype(np.float64) ** m
    means = weights @ points / weights.sum(axis=1, keepdims=True)
    assert np.abs(means - centers).max() < 0.01
    full = shown["Objective"].series[1].y
    assert full[-1] == pytest.approx(textbook(points, centers, m)[1] / len(points), rel=1e-4)


@pytest.mark.parametrize("settings", [{}, {"m": 1.3, "space": "lab"}, {"position_weight": 0.4}])
def test_objective_never_rises(settings: dict[str, Any]) -> None:
    shown = steps(photograph("chelsea", (256, 192)), n_clusters=6, **settings)
    binned, full = shown["Objective"].series
    assert len(binned.x) > 5
    assert len(full.x) >= 1
    assert np.concatenate([binned.x, full.x]).tolist() == list(
        range(1, len(shown["Paths of the centres"].paths))
    )
    for line in (binned, full):
        assert (np.diff(line.y) <= 1e-6 * line.y[:-1]).all()


@pytest.mark.parametrize("max_iter", [1, 2, 30])
def test_most_iterations(max_iter: int) -> None:
    shown = steps(photograph("retina"), n_clusters=8, tol=0.001, max_iter=max_iter)
    assert len(shown["Paths of the centres"].paths) == max_iter + 1
    assert len(shown["Objective"].series[1].x) >= 1


def test_near_one_it_is_k_means_and_far_from_it_all_belong_to_all() -> None:
    image = photograph("coffee")
    hard, soft = (
        np.stack([shown[f"Membership in cluster {n}"] for n in range(1, 5)])
        for shown in (steps(image, m=1.05), steps(image, m=4.0))
    )
    assert (hard.max(axis=0) > 250).mean() > 0.9
    assert np.median(soft.max(axis=0)) < 140


# Numbers at the edge -----------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1.05, 1.1, 2.0, 4.0])
def test_a_point_on_a_center_belongs_to_it(m: float) -> None:
    centers = np.float32([[0, 0, 0], [255, 255, 255], [10, 200, 90]])
    shares, distances = memberships(centers, centers, m)
    assert shares == pytest.approx(np.eye(3), abs=1e-4)
    assert np.diag(distances) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("m", [1.05, 2.0, 4.0])
def test_equal_centers_share_equally(m: float) -> None:
    centers = np.float32([[50, 50, 50], [50, 50, 50], [200, 0, 0]])
    points = np.float32([[50, 50, 50], [60, 40, 50]])
    shares, _ = memberships(points, centers, m)
    assert shares[0] == pytest.approx(shares[1])
    assert shares.sum(axis=0) == pytest.approx(1)
    assert shares[:, 0] == pytest.approx([0.5, 0.5, 0], abs=1e-4)


def test_a_center_that_weighs_nothing_stays() -> None:
    points = np.random.default_rng(0).uniform(0, 1, (200, 3)).astype(np.float32)
    centers = np.float32([[0.5, 0.5, 0.5], [5000, 5000, 5000]])
    turns = fuzzy_turns(points, np.ones(200, np.float32), centers, 1.05, 0.001)
    *_, (objective, found) = islice(turns, 5)
    assert np.array_equal(found[1], centers[1])
    assert found[0] == pytest.approx(points.mean(axis=0), abs=1e-3)
    assert np.isfinite(objective)


@pytest.mark.parametrize("m", [1.05, 1.1, 2.0, 4.0])
@pytest.mark.parametrize("space", ["rgb", "lab", "hsv"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 60)])
def test_one_colour_is_one_segment(shape: tuple[int, int], space: str, m: float) -> None:
    image = np.full((*shape, 3), 250, np.uint8)
    shown = steps(image, n_clusters=5, m=m, space=space)
    assert (shown["Clusters"] == 1).all()
    assert (shown["Membership in cluster 1"] == 255).all()
    assert (shown["Doubt"] == 0).all()


@pytest.mark.parametrize("m", [1.05, 1.1, 2.0])
@pytest.mark.parametrize("space", ["rgb", "lab", "hsv"])
@pytest.mark.parametrize("n_clusters", [3, 9])
def test_fewer_colours_than_clusters(n_clusters: int, space: str, m: float) -> None:
    image = np.repeat(np.uint8([[[200, 30, 30], [20, 20, 90], [10, 230, 40]]]), 6, axis=1)
    labels = segment(image.repeat(5, axis=0), n_clusters=n_clusters, space=space, m=m)
    assert np.array_equal(labels, np.repeat([[2, 1, 3]], 6, axis=1).repeat(5, axis=0))


# Segments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_planted_colours_come_back(seed: int) -> None:
    image, truth = planted(seed)
    labels = segment(image, n_clusters=4, seed=seed)
    assert accuracy(labels, truth) >= 0.99


def test_result_does_not_depend_on_the_seed() -> None:
    image = photograph("immunohistochemistry")
    first = segment(image, seed=0)
    for seed in (1, 2, 3):
        assert (segment(image, seed=seed) == first).mean() > 0.99


@pytest.mark.parametrize("space", ["rgb", "lab", "hsv"])
def test_labels_go_from_dark_to_bright(space: str) -> None:
    colors = steps(photograph("astronaut"), n_clusters=6, space=space)[
        "Paths of the centres"
    ].center_colors
    assert (np.diff(brightness(colors)) >= 0).all()


def test_hue_is_a_circle() -> None:
    rng = np.random.default_rng(0)
    hues = np.where(np.arange(60) < 40, rng.choice([2, 177], (30, 60)), 90)
    values = rng.integers(215, 256, (30, 60))
    hsv = np.dstack([hues, np.full_like(hues, 230), values]).astype(np.uint8)
    labels = segment(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), n_clusters=2, space="hsv")
    assert len(np.unique(labels[:, :40])) == len(np.unique(labels[:, 40:])) == 1
    assert labels[0, 0] != labels[0, -1]


def test_position_parts_what_colour_does_not() -> None:
    image = np.full((40, 120, 3), 90, np.uint8)
    image[:, :30] = image[:, 90:] = 100
    by_color = segment(image, n_clusters=2)
    by_place = segment(image, n_clusters=2, position_weight=1.0)
    assert np.array_equal(by_color, np.where(image[..., 0] == 90, 1, 2))
    assert len(np.unique(by_place[:, :60])) == len(np.unique(by_place[:, 60:])) == 1


def test_the_sky_is_parted_on_the_failing_sample() -> None:
    """Its two greatest clusters are noise about one colour; K-Means has one for all the sky."""
    image = get_sample(TECHNIQUE.fails.sample).load()
    shown = steps(image, **TECHNIQUE.fails.settings)
    shares = np.bincount(shown["Clusters"].ravel(), minlength=5)[1:] / shown["Clusters"].size
    assert shares[:2].min() > 0.2
    assert shares[:2].sum() > 0.85
    dark, less_dark = shown["Paths of the centres"].centers[:2]
    assert np.abs(dark - less_dark).max() < 15
    hard = run("kmeans", image, show=ignore, n_clusters=4).segmentation.labels
    assert (hard == 1).mean() > 0.85


# Steps -------------------------------------------------------------------------------------------


def test_maps_of_membership_and_doubt() -> None:
    image = photograph("retina")
    shown = steps(image, n_clusters=3, m=1.8)
    centers = shown["Paths of the centres"].centers
    shares, _ = textbook(to_features(image, "rgb"), centers, 1.8)
    for number in range(3):
        expected = 255 * shares[:, number].reshape(image.shape[:2])
        found = shown[f"Membership in cluster {number + 1}"]
        assert found.dtype == np.uint8
        assert found == pytest.approx(expected, abs=1)
    weakness = (1 - shares.max(axis=1)) / (1 - 1 / 3)
    assert shown["Doubt"].ravel() == pytest.approx(255 * weakness, abs=1)
    strongest = shares.argmax(axis=1).reshape(image.shape[:2]) + 1
    assert (shown["Clusters"] == strongest).mean() > 0.999


def test_doubt_spans_0_to_1() -> None:
    shares = np.float32([[1, 0.25, 0.5], [0, 0.25, 0.5], [0, 0.25, 0], [0, 0.25, 0]])
    assert doubt(shares) == pytest.approx([0, 1, 2 / 3])
    assert doubt(np.ones((1, 5), np.float32)) == pytest.approx(0)


def test_cloud_shows_the_way_of_the_centers() -> None:
    cloud = steps(photograph("coffee"), n_clusters=5, position_weight=0.2)["Paths of the centres"]
    assert isinstance(cloud, Scatter)
    assert cloud.points.shape == cloud.colors.shape == (3000, 3)
    assert cloud.paths.shape[1:] == cloud.centers.shape == (5, 3)
    assert np.array_equal(cloud.paths[-1], cloud.centers)


def test_progress_rises_and_can_cancel() -> None:
    fractions: list[float] = []
    TECHNIQUE.segment(
        photograph("chelsea"), show=Recorder(fractions.append), **TECHNIQUE.complete({})
    )
    assert fractions == sorted(fractions)
    assert len(fractions) > 10

    def cancel(fraction: float) -> None:
        if fraction > 0.05:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TECHNIQUE.segment(photograph("chelsea"), show=Recorder(cancel), **TECHNIQUE.complete({}))


# How fuzzy, and how many? ------------------------------------------------------------------------


def test_partition_coefficient() -> None:
    counts = np.float32([3, 1])
    hard = np.float32([[1, 0], [0, 1], [0, 0], [0, 0]])
    assert partition_coefficients(hard, counts) == pytest.approx((1, 1))
    assert partition_coefficients(np.full((4, 2), 0.25, np.float32), counts) == pytest.approx(
        (0.25, 0)
    )
    mixed = np.float32([[1, 0.5], [0, 0.5]])
    assert partition_coefficients(mixed, counts) == pytest.approx((0.875, 0.75))
    assert partition_coefficients(np.ones((1, 2), np.float32), counts) == (1, 1)


def test_study_against_scikit_fuzzy_and_on_planted_colours() -> None:
    image, _ = planted(3, (60, 80))
    fractions: list[float] = []
    answer = study("fuzzy_cmeans", STUDY, image, show=Recorder(fractions.append))
    against_m, against_c = (step.picture for step in answer.steps)
    assert isinstance(against_m, Curve)
    coefficient = against_m.series[0]
    assert (np.diff(coefficient.y) < 0).all()
    assert 0.25 < coefficient.y[-1] < coefficient.y[0] <= 1
    points = to_features(image, "rgb").astype(np.float64)
    twin = skfuzzy.cmeans(points.T, 4, 2, error=1e-5, maxiter=1000, seed=0)
    at_two = coefficient.y[coefficient.x.tolist().index(2.0)]
    assert at_two == pytest.approx(twin[6], abs=0.005)
    normalised = against_c.series[1]
    assert normalised.x[int(np.argmax(normalised.y))] == 4
    assert fractions[-1] == 1
    assert len(fractions) > 50


def test_study_of_one_colour_is_finite() -> None:
    answer = study("fuzzy_cmeans", STUDY, np.full((9, 9, 3), 40, np.uint8), show=Recorder())
    for step in answer.steps:
        for line in step.picture.series:
            assert line.y.tolist() == [1.0] * len(line.x)


def test_positions_make_every_pixel_a_point() -> None:
    image = photograph("coffee")
    assert len(distinct_points(image, "rgb", 0.5).points) == image.shape[0] * image.shape[1]
    shown = steps(image, position_weight=0.5)
    assert shown["Clusters"].shape == image.shape[:2]
    assert len(np.unique(shown["Clusters"])) == 4
