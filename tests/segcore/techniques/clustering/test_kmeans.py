"""K-Means against scikit-learn and OpenCV, on planted colours, and at the edges.

That it is faster than scikit-learn is measured by tests/benchmarks/clustering.py.
"""

from itertools import islice
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage import data
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from segcore.charts import Curve, Frames, Scatter
from segcore.ops.feature_space import distinct_points, features_to_rgb, to_features
from segcore.render import mean_colors
from segcore.result import Image, Labels
from segcore.run import study
from segcore.samples import get_sample
from segcore.technique import Recorder, ignore
from segcore.techniques.clustering.kmeans import (
    TECHNIQUE,
    best_descent,
    elbow,
    lloyd,
    mean_silhouette,
    nearest,
)
from tests.segcore.techniques.clustering.planted import accuracy, planted

AS_IN_ARTICLE = next(p.settings for p in TECHNIQUE.presets if p.title == "As in the article")
PHOTOGRAPHS = [
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "retina",
    "immunohistochemistry",
    "hubble_deep_field",
    "stereo_motorcycle",
]
Points = npt.NDArray[Any]


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


def sklearn_objective(points: Points, k: int, init: Any = "k-means++", n_init: int = 1) -> float:
    with threadpool_limits(1):  # on a busy machine its threads wait for one another
        twin = KMeans(k, init=init, n_init=n_init, random_state=0).fit(points.astype(np.float64))
    return float(twin.inertia_)


def squares(points: Points, labels: Labels) -> float:
    """Sum of squared distances to the means of the clusters."""
    flat, points = labels.ravel(), points.astype(np.float64)
    return sum(
        float(((points[flat == n] - points[flat == n].mean(axis=0)) ** 2).sum())
        for n in np.unique(flat)
    )


# Against the libraries ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_objective_of_ten_starts_against_scikit_learn(name: str) -> None:
    image = photograph(name)
    points = to_features(image, "rgb")
    for k in range(2, 9):
        expected = sklearn_objective(points, k, n_init=10)
        assert squares(points, segment(image, n_clusters=k, n_init=10)) <= 1.01 * expected


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("space", ["rgb", "lab", "hsv"])
def test_objective_from_the_same_centers_as_scikit_learn(name: str, space: str) -> None:
    image = photograph(name)
    points = to_features(image, space)
    for k in (3, 6):
        shown = steps(image, n_clusters=k, n_init=1, space=space, seed=k)
        start = shown["Starting centres"].centers
        assert squares(points, shown["Clusters"]) <= 1.01 * sklearn_objective(points, k, start)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_as_in_the_article(name: str) -> None:
    image = photograph(name, (256, 192))
    points = to_features(image, "rgb")
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 0.2)
    cv2.setRNGSeed(1)
    expected, _, _ = cv2.kmeans(points, 3, None, stop, 10, cv2.KMEANS_RANDOM_CENTERS)
    found = squares(points, segment(image, **AS_IN_ARTICLE))
    assert found == pytest.approx(expected, rel=0.01)


# Lloyd's algorithm -------------------------------------------------------------------------------


def test_result_is_a_fixed_point() -> None:
    image = photograph("astronaut")
    shown = steps(image, n_clusters=6, tol=0.0, max_iter=200)
    points, labels = to_features(image, "rgb"), shown["Clusters"].ravel()
    centers = shown["Paths of the centres"].centers
    for number, center in enumerate(centers, start=1):
        assert points[labels == number].mean(axis=0) == pytest.approx(center, abs=0.01)
    distances = ((points[:, None] - centers) ** 2).sum(axis=-1)
    assert np.take_along_axis(distances, labels[:, None] - 1, 1).ravel() == pytest.approx(
        distances.min(axis=1), abs=0.1
    )


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_objective_never_rises_and_is_that_of_every_pixel(weight: float) -> None:
    image = photograph("coffee")
    shown = steps(image, n_clusters=7, position_weight=weight, tol=0.0, init="random", n_init=1)
    (line,) = shown["Objective"].series
    assert len(line.y) == len(shown["Paths of the centres"].paths) - 1 > 5
    assert (np.diff(line.y) <= 1e-6 * line.y[0]).all()
    points = to_features(image, "rgb", weight)
    assert line.y[-1] * len(points) == pytest.approx(squares(points, shown["Clusters"]), rel=1e-4)


def test_bins_start_and_pixels_finish() -> None:
    cloud = distinct_points(photograph("chelsea", (320, 240)), "rgb")
    run = best_descent(cloud, 5, "k-means++", 3, 100, 0.1, 0, ignore)
    assert run.n_bins < len(cloud.points)
    assert 1 <= run.n_binned < len(run.objectives)
    assert run.path.shape == (len(run.objectives) + 1, 5, 3)
    half_a_step = (run.objectives[run.n_binned - 1], run.objectives[run.n_binned])
    assert half_a_step[1] == pytest.approx(half_a_step[0], rel=0.02)


@pytest.mark.parametrize("max_iter", [1, 2, 5])
def test_most_iterations(max_iter: int) -> None:
    shown = steps(photograph("retina"), n_clusters=8, init="random", tol=0.0, max_iter=max_iter)
    assert len(shown["Objective"].series[0].x) == max_iter


def test_tolerance_is_the_last_movement() -> None:
    image = photograph("astronaut")
    lengths = []
    for tol in (0.01, 0.5, 5.0):
        paths = steps(image, n_clusters=8, n_init=1, tol=tol)["Paths of the centres"].paths
        assert np.linalg.norm(paths[-1] - paths[-2], axis=-1).max() <= tol
        lengths.append(len(paths))
    assert lengths[0] > lengths[1] > lengths[2]


def test_the_best_of_several_starts_is_kept() -> None:
    image, truth = planted(0)
    points = to_features(image, "rgb")
    settings = {"n_clusters": 4, "init": "random"}
    ones = [squares(points, segment(image, n_init=1, seed=seed, **settings)) for seed in range(12)]
    best = squares(points, truth)
    assert max(ones) > 2 * best  # a poor start ends in another valley
    for seed in range(12):
        found = squares(points, segment(image, n_init=20, seed=seed, **settings))
        assert found == pytest.approx(best, rel=0.01)


def test_a_center_without_pixels_starts_anew() -> None:
    groups = np.float32([[0, 0, 0], [100, 0, 0], [0, 100, 0]])
    points = np.repeat(groups, 50, axis=0)
    points += np.random.default_rng(0).normal(0, 2, points.shape).astype(np.float32)
    counts = np.ones(150, np.float32)
    energy = float((points.astype(np.float64) ** 2).sum())
    lost = np.float32([[5, 5, 5], [90, 0, 0], [900, 900, 900]])
    *_, (objective, centers) = islice(lloyd(points, counts, lost, 0.01, energy), 50)
    found = ((centers[:, None] - groups) ** 2).sum(axis=-1).argmin(axis=1)
    assert found.tolist() == [0, 1, 2]
    assert objective / 150 < 20


@pytest.mark.parametrize(("depth", "k"), [(3, 1), (3, 2), (3, 12), (5, 7)])
@pytest.mark.parametrize("offset", [0, 250])
def test_nearest_center(depth: int, k: int, offset: int) -> None:
    rng = np.random.default_rng(k)
    points = (offset + rng.uniform(0, 5, (40_000, depth))).astype(np.float32)
    centers = (offset + rng.uniform(0, 5, (k, depth))).astype(np.float32)
    distances = ((points[:, None].astype(np.float64) - centers) ** 2).sum(axis=-1)
    labels = nearest(points, centers)
    chosen = np.take_along_axis(distances, labels[:, None].astype(np.intp), 1).ravel()
    assert np.abs(chosen - distances.min(axis=1)).max() < 1e-4
    assert np.array_equal(labels, nearest(np.asfortranarray(points), centers))


def test_of_equally_near_centers_the_first_is_chosen() -> None:
    points = np.float32([[0, 0, 0], [4, 0, 0]])
    centers = np.float32([[2, 1, 0], [2, -1, 0], [2, 1, 0]])
    assert nearest(points, centers).tolist() == [0, 0]


# Segments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_planted_colours_come_back(seed: int) -> None:
    image, truth = planted(seed)
    labels = segment(image, n_clusters=4, seed=seed)
    assert accuracy(labels, truth) >= 0.99


@pytest.mark.parametrize("space", ["rgb", "lab", "hsv"])
@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("weight", [0.0, 0.05])
def test_fewer_colours_than_clusters(space: str, init: str, weight: float) -> None:
    image = np.repeat(np.uint8([[[200, 30, 30], [20, 20, 90], [10, 230, 40]]]), 6, axis=1)
    image = np.repeat(image, 5, axis=0)
    labels = segment(image, n_clusters=3, space=space, init=init, position_weight=weight)
    assert np.array_equal(labels, np.repeat([[2, 1, 3]], 6, axis=1).repeat(5, axis=0))
    if weight == 0:
        assert np.array_equal(segment(image, n_clusters=9, space=space, init=init), labels)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 60)])
def test_one_colour_is_one_segment(shape: tuple[int, int]) -> None:
    labels = segment(np.full((*shape, 3), 250, np.uint8), n_clusters=5)
    assert (labels == 1).all()


@pytest.mark.parametrize("space", ["rgb", "lab", "hsv"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_labels_go_from_dark_to_bright_whatever_the_seed(space: str, seed: int) -> None:
    image = photograph("astronaut")
    labels = segment(image, n_clusters=6, space=space, seed=seed)
    colors = mean_colors(image, labels)[1:]
    grays = cv2.cvtColor(colors[None], cv2.COLOR_RGB2GRAY)[0].astype(int)
    assert (np.diff(grays) >= -3).all()  # in HSV a mean is not exactly the mean colour
    again = segment(image, n_clusters=6, space=space, seed=seed + 50)
    assert (labels == again).mean() > 0.8


def test_hue_is_a_circle() -> None:
    """Reds on both sides of 0°, dim as well as bright, are one cluster; a cyan is another."""
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


def test_light_is_taken_for_colour_on_the_failing_sample() -> None:
    image = get_sample(TECHNIQUE.fails.sample).load()
    labels = segment(image, **TECHNIQUE.fails.settings)
    ground = np.s_[2:10, 150:200]  # between no coins, at the upper border
    coin = np.s_[120:130, 48:58]
    assert (labels[coin] == 2).mean() > 0.9
    assert (labels[ground] == 2).mean() > 0.9
    assert (labels[295:, 100:200] == 1).mean() > 0.9


# Steps -------------------------------------------------------------------------------------------


def test_assignment_can_be_scrubbed_through() -> None:
    image = photograph("retina")
    shown = steps(image, n_clusters=8, init="random", n_init=1, tol=0.0, seed=3)
    frames, paths = shown["Assignment"], shown["Paths of the centres"].paths
    last = len(paths) - 1
    times = [0, *(2**n for n in range(9) if 2**n < last), last]
    assert isinstance(frames, Frames)
    assert frames.names == ("start", *(f"iteration {time}" for time in times[1:]))
    for time, picture in zip(times, frames.pictures, strict=True):
        expected = nearest(to_features(image, "rgb"), paths[time]).reshape(picture.shape) + 1
        assert np.array_equal(picture, expected)
    assert np.array_equal(frames.pictures[-1], shown["Clusters"])


@pytest.mark.parametrize("space", ["rgb", "lab", "hsv"])
def test_charts_and_mean_colours(space: str) -> None:
    image = photograph("coffee")
    shown = steps(image, n_clusters=5, space=space, position_weight=0.2)
    cloud, paths = shown["Pixels as points"], shown["Paths of the centres"]
    assert isinstance(cloud, Scatter)
    assert cloud.points.shape == cloud.colors.shape == (3000, 3)
    assert np.abs(features_to_rgb(cloud.points, space).astype(int) - cloud.colors).max() <= 1
    assert paths.paths.shape[1:] == (5, 3)
    assert np.array_equal(paths.centers, paths.paths[-1])
    assert np.array_equal(shown["Starting centres"].centers, paths.paths[0])
    colors = paths.center_colors[shown["Clusters"] - 1]
    assert np.array_equal(shown["Mean colours"], colors)


def test_progress_rises_and_can_cancel() -> None:
    fractions: list[float] = []
    TECHNIQUE.segment(
        photograph("chelsea"), show=Recorder(fractions.append), **TECHNIQUE.complete({})
    )
    assert fractions == sorted(fractions)
    assert len(fractions) > 10

    def cancel(fraction: float) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TECHNIQUE.segment(photograph("chelsea"), show=Recorder(cancel), **TECHNIQUE.complete({}))


# How many clusters? ------------------------------------------------------------------------------


def test_study_finds_the_number_of_planted_colours() -> None:
    image, _ = planted(3, (60, 80))
    fractions: list[float] = []
    answer = study("kmeans", "How many clusters?", image, show=Recorder(fractions.append))
    shown = {step.title: step.picture for step in answer.steps}
    for title, name in (("Elbow", "elbow"), ("Silhouette", "best")):
        chart = shown[title]
        assert isinstance(chart, Curve)
        assert chart.series[0].x.tolist() == list(range(2, 11))
        assert next(m.position for m in chart.markers if m.label == name) == 4
    assert (np.diff(shown["Elbow"].series[0].y) < 0).all()
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert len(fractions) > 90  # a person may cancel at any of them


def test_silhouette_against_scikit_learn() -> None:
    points = to_features(data.chelsea()[::30, ::30], "lab")
    distances = np.linalg.norm(points[:, None] - points, axis=-1).astype(np.float64)
    labels = KMeans(5, n_init=1, random_state=0).fit_predict(points).astype(np.uint8)
    labels[7] = 9  # alone in its cluster
    expected = silhouette_score(points, labels)
    assert mean_silhouette(distances, labels) == pytest.approx(expected, abs=1e-4)


def test_silhouette_of_a_single_cluster_is_nothing() -> None:
    assert mean_silhouette(np.zeros((4, 4)), np.zeros(4, np.uint8)) == 0
    assert mean_silhouette(np.zeros((4, 4)), np.uint8([0, 0, 1, 1])) == 0


def test_elbow_is_where_the_curve_bends() -> None:
    assert elbow([100.0, 60.0, 20.0, 15.0, 11.0, 8.0]) == 2
    assert elbow([5.0, 5.0, 5.0]) == 0
