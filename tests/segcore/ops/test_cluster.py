from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from segcore.ops.cluster import kmeans_centers, nearest_centers, with_positions

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(40, 50, 3)).astype(np.float32)


def test_centers_are_those_of_three_groups() -> None:
    wanted = np.float32([[0, 0], [10, 0], [0, 10]])
    features = wanted[RNG.integers(0, 3, (60, 70))] + RNG.normal(0, 0.1, (60, 70, 2))
    centers = kmeans_centers(features.astype(np.float32), 3, seed=4)
    distances = np.linalg.norm(centers[:, None] - wanted, axis=2)
    assert sorted(distances.argmin(axis=0)) == [0, 1, 2]
    assert distances.min(axis=0).max() < 0.05


def test_same_seed_same_centers_whatever_other_threads_do() -> None:
    alone = [kmeans_centers(NOISE, 6, seed, attempts=1) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(
            pool.map(lambda seed: kmeans_centers(NOISE, 6, seed % 8, attempts=1), range(32))
        )
    for seed, centers in enumerate(together):
        assert np.array_equal(centers, alone[seed % 8])
    assert any(not np.array_equal(alone[0], other) for other in alone[1:])


def test_objective_is_that_of_opencv_on_all_points() -> None:
    centers = kmeans_centers(NOISE, 4, seed=0)
    points = NOISE.reshape(-1, 3)
    distances = ((points[:, None] - centers) ** 2).sum(-1).min(1)
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-3)
    best, _, _ = cv2.kmeans(points, 4, None, stop, 5, cv2.KMEANS_PP_CENTERS)
    assert distances.sum() == pytest.approx(best, rel=0.01)


@pytest.mark.parametrize("shape", [(1, 1, 5), (1, 2, 5), (3, 1, 1), (1, 1, 1)])
def test_fewer_points_than_clusters(shape: tuple[int, int, int]) -> None:
    features = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    centers = kmeans_centers(features, 8, seed=0)
    assert sorted(map(tuple, centers)) == sorted(map(tuple, features.reshape(-1, shape[2])))


def test_equal_points_all_get_the_first_label() -> None:
    features = np.full((9, 9, 4), 2, np.float32)
    labels = nearest_centers(features, kmeans_centers(features, 3, seed=0), (18, 27))
    assert (labels == 1).all()


def test_subsample_is_spread_over_rows_and_columns() -> None:
    features = np.zeros((300, 300, 1), np.float32)
    features[:, 150:] = 1
    few = kmeans_centers(features, 2, seed=0, most=100)
    assert np.sort(few.ravel()).tolist() == [0, 1]


def test_nearest_center_on_the_grid_of_the_features() -> None:
    centers = NOISE[::13, ::17].reshape(-1, 3)
    labels = nearest_centers(NOISE, centers, NOISE.shape[:2])
    distances = ((NOISE[:, :, None] - centers) ** 2).sum(-1)
    assert labels.dtype == np.int32
    assert np.array_equal(labels, distances.argmin(-1) + 1)


def test_labels_are_interpolated_between_thin_features() -> None:
    features = np.float32([[[0], [1]]])
    labels = nearest_centers(features, np.float32([[0.0], [1.0]]), (3, 100))
    assert labels.shape == (3, 100)
    assert (labels[:, :50] == 1).all()
    assert (labels[:, 50:] == 2).all()


def test_positions_weigh_as_much_as_the_features() -> None:
    features = (NOISE - NOISE.mean((0, 1))) / NOISE.std((0, 1))
    points = with_positions(features, 0.5)
    assert points.dtype == np.float32
    assert np.array_equal(points[..., :3], features)
    ratio = points[..., 3:].var(axis=(0, 1)).sum() / features.var(axis=(0, 1)).sum()
    assert ratio == pytest.approx(0.5**2, rel=0.1)
    assert np.array_equal(points[0, :, 3], points[-1, :, 3])


def test_no_weight_leaves_the_features_alone() -> None:
    assert with_positions(NOISE, 0.0) is NOISE
