import math
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.spatial.distance import pdist
from skimage.measure import label as connected
from sklearn.cluster import MeanShift
from sklearn.neighbors import NearestNeighbors

from segcore import run
from segcore.charts import Frames, Histogram, Scatter
from segcore.images import fit
from segcore.ops.feature_space import distinct_points, to_features
from segcore.ops.windows import frame_grid, sum_in_balls
from segcore.result import Image, Labels
from segcore.samples import get_sample
from segcore.technique import Recorder, ignore
from segcore.techniques.clustering.mean_shift import (
    TECHNIQUE,
    ascend,
    distinct_modes,
    estimate_bandwidth,
    merge_modes,
    neighbor_distances,
)
from tests.segcore.techniques.clustering.planted import accuracy, planted

COLOR_ONLY = {"spatial": "color_only"}


def segment(image: Image, **settings: Any) -> Labels:
    return run("mean_shift", image, show=ignore, **settings).segmentation.labels


def steps(image: Image, **settings: Any) -> dict[str, Any]:
    return {step.title: step for step in run("mean_shift", image, **settings).steps}


def photograph(name: str, side: int) -> Image:
    return fit(get_sample(name).load(), side)


@pytest.mark.parametrize("seed", range(20))
def test_four_planted_colours_are_four_clusters(seed):
    image, truth = planted(seed)
    labels = segment(image, seed=seed, **COLOR_ONLY)
    assert np.array_equal(np.unique(labels), [1, 2, 3, 4])
    assert accuracy(labels, truth) >= 0.99


@pytest.mark.parametrize("space", ["lab", "hsv"])
def test_planted_colours_in_other_spaces(space):
    image, truth = planted(3)
    assert accuracy(segment(image, space=space, **COLOR_ONLY), truth) >= 0.99


def test_position_and_colour_parts_regions_of_one_colour():
    image = np.full((90, 120, 3), 200, np.uint8)
    image[20:70, 10:40] = image[20:70, 80:110] = (200, 40, 40)
    noise = np.random.default_rng(0).normal(0, 4, image.shape)
    noisy = np.rint(image + noise).clip(0, 255).astype(np.uint8)
    labels = segment(noisy, color="given", color_bandwidth=20.0)
    assert labels.max() == 3
    left, right, ground = labels[45, 25], labels[45, 95], labels[5, 5]
    assert ground == 3  # the brightest
    assert left != right
    assert np.mean(labels[20:70, 10:40] == left) > 0.98
    assert np.mean(labels[20:70, 80:110] == right) > 0.98
    apart = segment(image, **COLOR_ONLY)
    assert apart[45, 25] == apart[45, 95] != apart[5, 5]


# The bandwidth -----------------------------------------------------------------------------------


def test_neighbor_distances_are_those_of_nearest_neighbours():
    image = photograph("coffee", 36)  # fewer pixels than the sample takes: all of them count
    points = image.reshape(-1, 3).astype(float)
    nth = int(0.1 * (len(points) - 1))
    found = NearestNeighbors(n_neighbors=nth + 1).fit(points).kneighbors(points)[0][:, -1]
    assert np.allclose(np.sort(neighbor_distances(image, "rgb", 0.1, 0)), np.sort(found))
    assert estimate_bandwidth(image, "rgb", 0.1, 0) == pytest.approx(np.median(found))


def test_bandwidth_of_one_colour_is_not_zero():
    assert estimate_bandwidth(np.zeros((5, 5, 3), np.uint8), "rgb", 0.1, 0) == pytest.approx(5.1)


def test_a_wider_window_finds_fewer_modes():
    image = photograph("stereo_motorcycle", 200)
    counts = [segment(image, quantile=q, **COLOR_ONLY).max() for q in (0.03, 0.1, 0.3)]
    assert counts[0] > counts[1] > counts[2] > 1


def test_given_bandwidth_equal_to_the_estimate_changes_nothing():
    image = photograph("coffee", 150)
    bandwidth = estimate_bandwidth(image, "rgb", 0.1, 0)
    for spatial in ("color_only", "estimated"):
        given = segment(image, spatial=spatial, color="given", color_bandwidth=bandwidth)
        assert np.array_equal(given, segment(image, spatial=spatial))


# Windows that climb ------------------------------------------------------------------------------


def naive_climb(image: Image, radius: float, bandwidth: float, x: float, y: float) -> Any:
    """The way of one window, as the definition says: all pixels of the image are looked at."""
    rows, columns = np.indices(image.shape[:2])
    color = image[int(y), int(x)].astype(float)
    for _ in range(300):
        beside = np.hypot(columns - np.rint(x), rows - np.rint(y)) <= radius
        inside = beside & (((image - color) ** 2).sum(axis=2) <= bandwidth**2)
        before = np.array([x, y, *color])
        x, y, color = columns[inside].mean(), rows[inside].mean(), image[inside].mean(axis=0)
        if np.allclose(before, [x, y, *color], atol=1e-4):
            break
    return np.array([x, y, *color])


def test_windows_in_the_image_climb_as_defined():
    image = photograph("coffee", 40)
    height, width = image.shape[:2]
    grid = frame_grid(to_features(image, "rgb"), (height, width), 5.0, 30.0)
    y, x = np.indices((height, width), dtype=np.float32)
    starts = np.column_stack([x.ravel(), y.ravel(), image.reshape(-1, 3)]).astype(np.float32)
    modes = ascend(starts, grid.means, np.float32([5, 5, 30, 30, 30]), ignore).modes
    chosen = np.random.default_rng(0).choice(len(starts), 60, replace=False)
    naive = np.array([naive_climb(image, 5.0, 30.0, *starts[i, :2]) for i in chosen])
    # A pixel right at the rim of a ball may fall to either side in single precision.
    equal = np.abs(modes[chosen] - naive).max(axis=1) < 0.1
    assert equal.mean() > 0.95


@pytest.mark.parametrize("name", ["coffee", "astronaut", "immunohistochemistry"])
def test_filter_does_to_a_photograph_what_that_of_opencv_does(name):
    # OpenCV's window is a square, and stops as soon as it has the same pixel in its middle.
    image = photograph(name, 96)
    bandwidth = estimate_bandwidth(image, "rgb", 0.1, 0)
    shown = steps(image, spatial="given", spatial_bandwidth=8)["Filtered image"].picture
    ours = shown.astype(float) - image
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 0.01)
    theirs = cv2.pyrMeanShiftFiltering(image, 8, bandwidth, maxLevel=0, termcrit=stop) * 1.0 - image
    assert np.abs(ours - theirs).mean() < 0.8 * np.abs(theirs).mean()
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.75


def color_modes(image: Image, bandwidth: float) -> tuple[Any, Any]:
    """The modes and the number of pixels of each, none given up."""
    colors = distinct_points(image, "rgb")
    lattice, starts, start_of = sum_in_balls(colors.points, colors.counts, bandwidth)
    ascent = ascend(starts, lattice.means, np.full(3, bandwidth, np.float32), ignore)
    pixels = np.bincount(start_of[colors.inverse])
    peaks, peak_of, areas = distinct_modes(ascent.modes, pixels, bandwidth)
    modes, mode_of = merge_modes(peaks, areas, bandwidth, 1)
    return modes, np.bincount(mode_of[peak_of], pixels)


@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_modes_are_those_of_scikit_learn(name):
    image = photograph(name, 48)
    bandwidth = estimate_bandwidth(image, "rgb", 0.1, 0)
    modes, areas = color_modes(image, bandwidth)
    points = image.reshape(-1, 3).astype(float)
    theirs = MeanShift(bandwidth=bandwidth, bin_seeding=True).fit(points).cluster_centers_
    for mode in modes[areas > 0.1 * len(points)]:
        assert np.linalg.norm(theirs - mode, axis=1).min() < bandwidth / 4


def test_modes_lie_a_bandwidth_apart():
    modes, _ = color_modes(photograph("stereo_motorcycle", 160), 20.0)
    assert len(modes) > 5
    assert pdist(modes).min() >= 20


def test_merging_gives_up_small_modes_to_the_nearest():
    peaks = np.float32([[0, 0, 0], [5, 0, 0], [50, 0, 0], [90, 0, 0]])
    modes, mode_of = merge_modes(peaks, np.array([100.0, 40.0, 60.0, 9.0]), 10.0, 10)
    assert modes[:, 0].tolist() == [0, 50]
    assert mode_of.tolist() == [0, 0, 1, 1]
    lone, all_of_it = merge_modes(peaks[:1], np.array([3.0]), 10.0, 10)  # nothing else is left
    assert len(lone) == 1
    assert all_of_it.tolist() == [0]


# Regions -----------------------------------------------------------------------------------------


def test_regions_are_connected_and_not_too_small():
    labels = segment(photograph("astronaut", 240), min_area=60)
    assert labels.min() == 1
    assert len(np.unique(connected(labels, connectivity=1))) == labels.max()
    assert np.bincount(labels.ravel())[1:].min() >= 60


def test_clusters_are_not_too_small():
    image = photograph("astronaut", 240)
    assert np.bincount(segment(image, min_area=1, **COLOR_ONLY).ravel())[1:].min() < 300
    assert np.bincount(segment(image, min_area=300, **COLOR_ONLY).ravel())[1:].min() >= 300


@pytest.mark.parametrize("settings", [{}, COLOR_ONLY])
def test_labels_go_from_dark_to_bright(settings):
    image = photograph("coffee", 200)
    labels = segment(image, **settings)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    means = np.bincount(labels.ravel(), gray.ravel())[1:] / np.bincount(labels.ravel())[1:]
    slack = 20 if settings else 1.5  # a mode is not the mean of its cluster
    assert (np.diff(means) > -slack).all()


def test_large_images_run_on_a_coarser_grid_and_keep_sharp_borders():
    image, truth = planted(5)
    image, truth = (np.kron(a, np.ones((5, 5, 1)[: a.ndim], a.dtype)) for a in (image, truth))
    found = steps(image, spatial="given", spatial_bandwidth=40)
    assert found["Iterations"].picture.pictures[0].shape[0] < image.shape[0] / 2
    assert accuracy(found["Regions"].picture, truth) > 0.98


# What a person sees ------------------------------------------------------------------------------


def test_steps_with_position():
    image = photograph("coffee", 120)
    found = steps(image)
    frames, cloud = found["Iterations"].picture, found["Modes"].picture
    assert isinstance(frames, Frames)
    assert frames.names[:4] == ("iteration 0", "iteration 1", "iteration 2", "iteration 4")
    assert isinstance(cloud, Scatter)
    assert cloud.paths.shape[0] == len(frames.names)
    assert np.array_equal(cloud.paths[-1], cloud.centers)
    assert found["Filtered image"].picture.shape == image.shape
    assert found["Basins of attraction"].picture.max() >= found["Regions"].picture.max()


def test_steps_with_colour_only():
    image = photograph("coffee", 120)
    found = steps(image, **COLOR_ONLY)
    clusters = found["Clusters"].picture
    assert len(found["Modes"].picture.centers) == clusters.max()
    assert found["Basins of attraction"].picture.max() >= clusters.max()
    first, *_, last = found["Iterations"].picture.pictures
    assert len(np.unique(last.reshape(-1, 3), axis=0)) < len(
        np.unique(first.reshape(-1, 3), axis=0)
    )


def test_the_estimate_is_told():
    image = photograph("coffee", 120)
    step = steps(image)["Colour bandwidth"]
    bandwidth = estimate_bandwidth(image, "rgb", 0.1, 0)
    assert isinstance(step.picture, Histogram)
    assert step.picture.markers[0].position == bandwidth
    assert f"estimated at {bandwidth:.1f}" in step.caption
    assert (
        "given at 12.5"
        in steps(image, color="given", color_bandwidth=12.5)["Colour bandwidth"].caption
    )


@pytest.mark.parametrize("settings", [{}, COLOR_ONLY])
def test_progress_rises_and_can_cancel(settings):
    image, said = photograph("coffee", 120), []
    run("mean_shift", image, show=Recorder(said.append), **settings)
    assert len(said) > 5
    assert said == sorted(said)

    def cancel(fraction):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        run("mean_shift", image, show=Recorder(cancel), **settings)


def test_it_fails_as_its_article_says():
    cat = get_sample("chelsea").load()
    shares = np.bincount(segment(cat, **TECHNIQUE.fails.settings).ravel()) / cat[..., 0].size
    assert shares.max() == pytest.approx(0.93, abs=0.02)
    pupil, iris, cheek = (145, 195), (128, 172), (200, 100)  # row, column
    with_position = segment(cat)
    assert len({with_position[place] for place in (pupil, iris, cheek)}) == 3
    assert segment(get_sample("textures").load()).max() > 500
    assert math.isclose(shares.sum(), 1)
