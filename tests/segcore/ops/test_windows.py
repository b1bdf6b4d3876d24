import numpy as np
import pytest

from segcore.images import fit
from segcore.ops.feature_space import distinct_points, to_features
from segcore.ops.windows import frame_grid, nearest_grid_points, sum_in_balls
from segcore.samples import get_sample


def photograph(name, side):
    return fit(get_sample(name).load(), side)


@pytest.mark.parametrize("space", ["rgb", "lab", "hsv"])
@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_means_in_balls_are_those_of_all_pixels_inside(name, space):
    image = photograph(name, 120)
    colors = distinct_points(image, space)
    bandwidth = 25.0
    lattice, starts, _ = sum_in_balls(colors.points, colors.counts, bandwidth)
    chosen = starts[np.random.default_rng(0).choice(len(starts), 150)]
    pixels = to_features(image, space).astype(float)
    inside = [((pixels - place) ** 2).sum(axis=1) <= bandwidth**2 for place in chosen.astype(float)]
    exact = np.array([pixels[rows].mean(axis=0) for rows in inside])
    # The rim of the ball is soft, and means in between the points of the lattice are interpolated.
    error = np.linalg.norm(lattice.means(chosen) - exact, axis=1) / bandwidth
    assert np.median(error) < 0.04
    assert np.mean(error < 0.15) > 0.9


def test_cells_hold_the_mean_of_their_colours():
    colors = distinct_points(photograph("coffee", 100), "rgb")
    _, starts, start_of = sum_in_balls(colors.points, colors.counts, 20.0)
    assert np.array_equal(np.unique(start_of), np.arange(len(starts)))
    for cell in (0, len(starts) // 2, len(starts) - 1):
        own = start_of == cell
        mean = np.average(colors.points[own], axis=0, weights=colors.counts[own])
        assert np.allclose(starts[cell], mean, atol=1e-3)
    assert np.abs(starts[start_of] - colors.points).max() <= 20.0 / 4 + 1e-3


def test_a_window_in_an_empty_ball_stays():
    points = np.float32([[0, 0, 0], [200, 0, 0]])
    lattice, starts, _ = sum_in_balls(points, np.float32([9, 1]), 10.0)
    assert np.allclose(lattice.means(starts), starts)
    between = np.float32([[100, 0, 0]])
    assert np.array_equal(lattice.means(between), between)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (7, 9)])
@pytest.mark.parametrize("radius", [1.0, 2.5, 20.0])
def test_means_in_discs_are_those_of_all_pixels_inside(shape, radius):
    rng = np.random.default_rng(1)
    colors = rng.integers(0, 99, (*shape, 3)).astype(np.float32)
    grid = frame_grid(colors.reshape(-1, 3), shape, radius, 60.0)
    y, x = np.indices(shape)
    positions = np.column_stack([x.ravel(), y.ravel(), colors.reshape(-1, 3)]).astype(np.float32)
    for place, mean in zip(positions, grid.means(positions), strict=True):
        inside = np.hypot(x - place[0], y - place[1]) <= radius
        inside &= ((colors - place[2:]) ** 2).sum(axis=2) <= 60**2
        expected = [x[inside].mean(), y[inside].mean(), *colors[inside].mean(axis=0)]
        assert np.allclose(mean, expected, atol=1e-4)


def test_a_window_without_pixels_of_its_colour_stays():
    grid = frame_grid(np.zeros((12, 3), np.float32), (3, 4), 2.0, 10.0)
    lost = np.float32([[1, 1, 200, 200, 200]])
    assert np.array_equal(grid.means(lost), lost)


def test_nearest_grid_points_of_an_equal_grid_are_the_pixels():
    features = np.random.default_rng(0).random((5, 7, 3)).astype(np.float32)
    assert np.array_equal(nearest_grid_points(features, features).ravel(), np.arange(35))


def test_nearest_grid_points_go_by_colour_between_the_points():
    grid = np.zeros((1, 2, 3), np.float32)
    grid[0, 1] = 100
    features = np.zeros((1, 10, 3), np.float32)
    features[0, 4:] = 90  # the border lies off the middle, where the coarse points part
    assert nearest_grid_points(features, grid).tolist() == [[0] * 4 + [1] * 6]
