import numpy as np
import pytest
from scipy.spatial.distance import cdist

from segcore.errors import MetricError
from segcore.metrics import boundary_f1, class_boundary_f1, mean_boundary_f1

SEEDS = range(8)


def blocks(seed: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """A coarse random class map and one with a part of it moved by a few pixels."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(8, 45, 2)
    coarse = rng.integers(0, n_classes, (8, 8))
    reference = coarse[np.arange(height)[:, None] // 6, np.arange(width) // 6]
    prediction = np.roll(reference, rng.integers(-3, 4, 2), (0, 1))
    prediction[height // 2 :] = reference[height // 2 :]
    return prediction, reference


def slow_contour(labels: np.ndarray, void: np.ndarray) -> list[tuple[int, int]]:
    height, width = labels.shape
    contour = []
    for y in range(height):
        for x in range(width):
            around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            if not void[y, x] and any(
                0 <= v < height
                and 0 <= u < width
                and not void[v, u]
                and labels[v, u] != labels[y, x]
                for v, u in around
            ):
                contour.append((y, x))
    return contour


def slow_f1(prediction, reference, tolerance, void) -> float:
    """From the definition: every contour pixel against every other."""
    predicted, true = slow_contour(prediction, void), slow_contour(reference, void)
    if not predicted or not true:
        return np.nan if predicted == true else 0.0
    distances = cdist(predicted, true)
    precision = (distances.min(1) <= tolerance).mean()
    recall = (distances.min(0) <= tolerance).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize("tolerance", [0, 1, 1.5, 3, 7, 100, None])
@pytest.mark.parametrize("seed", SEEDS)
def test_equals_the_definition_pixel_by_pixel(seed, tolerance):
    prediction, reference = blocks(seed, 4)
    radius = 0.0075 * np.hypot(*reference.shape) if tolerance is None else tolerance
    nothing = np.zeros(reference.shape, bool)
    expected = slow_f1(prediction, reference, radius, nothing)
    assert boundary_f1(prediction, reference, tolerance) == pytest.approx(expected, abs=1e-12)
    per_class = [slow_f1(prediction == c, reference == c, radius, nothing) for c in range(4)]
    scores = class_boundary_f1(prediction, reference, 5, tolerance)
    np.testing.assert_allclose(scores, [*per_class, np.nan], atol=1e-12)
    assert mean_boundary_f1(prediction, reference, tolerance) == pytest.approx(
        np.nanmean(per_class), abs=1e-12
    )
    for c in range(4):
        mask = boundary_f1(prediction == c, reference == c, tolerance)
        assert mask == pytest.approx(np.nan_to_num(per_class[c], nan=1.0), abs=1e-12)


@pytest.mark.parametrize("ignore_index", [0, 255])
@pytest.mark.parametrize("seed", SEEDS)
def test_void_counts_neither_as_pixel_nor_as_contour(seed, ignore_index):
    prediction, reference = blocks(seed, 4)
    if ignore_index == 255:
        reference = reference.copy()
        reference[3:9, ::4] = 255
    void = reference == ignore_index
    expected = slow_f1(prediction, reference, 2, void)
    score = boundary_f1(prediction, reference, 2, ignore_index)
    assert score == pytest.approx(np.nan_to_num(expected, nan=1.0), abs=1e-12)
    scores = class_boundary_f1(prediction, reference, 4, 2, ignore_index)
    for c in range(4):
        masks = [(labels == c) & ~void for labels in (prediction, reference)]
        if c == ignore_index or not (masks[0] | masks[1]).any():
            assert np.isnan(scores[c])
        else:
            expected = slow_f1(prediction == c, reference == c, 2, void)
            expected = float(np.array_equal(*masks)) if np.isnan(expected) else expected
            assert scores[c] == pytest.approx(expected, abs=1e-12)
    changed = np.where(void, 3 - prediction, prediction)
    assert boundary_f1(changed, reference, 2, ignore_index) == score


def test_by_hand_a_line_moved_by_two_pixels():
    reference, prediction = np.zeros((10, 20), bool), np.zeros((10, 20), bool)
    reference[:, :8] = True
    prediction[:, :10] = True
    # Contours are columns 7 and 8 against 9 and 10: distances 1 and 2 on either side.
    assert boundary_f1(prediction, reference, 0) == 0
    assert boundary_f1(prediction, reference, 1) == 0.5
    assert boundary_f1(prediction, reference, 2) == 1
    # 0.75% of a diagonal of 22 pixels is less than one pixel.
    assert boundary_f1(prediction, reference) == 0


def test_which_side_is_foreground_and_what_labels_are_called_do_not_matter():
    prediction, reference = blocks(5, 4)
    names = np.array([9, 4, 0, 7])
    assert boundary_f1(names[prediction], reference, 1) == boundary_f1(prediction, reference, 1)
    one, other = prediction == 1, reference == 1
    assert 0 < boundary_f1(one, other, 0) < 1
    assert boundary_f1(~one, ~other, 0) == boundary_f1(one, other, 0)
    assert boundary_f1(one, ~other, 0) == boundary_f1(one, other, 0)


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [("empty", "empty", 1), ("full", "full", 1), ("full", "empty", 0), ("empty", "full", 0)]
    + [(a, "part", 0) for a in ("empty", "full")]
    + [("part", a, 0) for a in ("empty", "full")]
    + [("part", "part", 1)],
)
def test_degenerate_masks(prediction, reference, score):
    part = np.zeros((6, 8), bool)
    part[2, 3] = True
    masks = {"empty": np.zeros((6, 8), bool), "full": np.ones((6, 8), bool), "part": part}
    predicted, true = masks[prediction], masks[reference]
    assert boundary_f1(predicted, true, 2) == score
    expected = score if predicted.any() or true.any() else np.nan
    assert class_boundary_f1(predicted, true, 2, 2)[1] == pytest.approx(expected, nan_ok=True)


def test_two_maps_of_one_region_agree_whatever_it_is_called():
    assert boundary_f1(np.full((4, 5), 3), np.full((4, 5), 8)) == 1
    assert mean_boundary_f1(np.full((4, 5), 3), np.full((4, 5), 8)) == 0
    assert mean_boundary_f1(np.full((4, 5), 8), np.full((4, 5), 8)) == 1
    assert np.isnan(mean_boundary_f1(np.full((4, 5), 8), np.zeros((4, 5), int), ignore_index=0))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_the_smallest_images(shape):
    mask = np.zeros(shape, bool)
    mask.flat[0] = True
    assert boundary_f1(mask, mask) == 1
    assert boundary_f1(mask, ~mask, 1) == (0 if shape == (1, 1) else 1)


def test_more_classes_on_neighbouring_rows_than_the_tolerance_reaches():
    """Numbers of pixels of other classes, rows and image edges never count as near."""
    reference = np.zeros((4, 30), int)
    prediction = reference.copy()
    reference[0, 29], prediction[1, 0] = 1, 1  # neighbours if rows were joined end to end
    reference[3, 29], prediction[0, 0] = 2, 3
    np.testing.assert_array_equal(class_boundary_f1(prediction, reference, 4, 6)[1:], [0, 0, 0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros((2, 3), int), np.zeros((3, 2), int)), "shape"),
        ((np.zeros((2, 3)), np.zeros((2, 3), int)), "float64"),
        ((np.zeros((2, 3, 4), int), np.zeros((2, 3, 4), int)), "H×W"),
        ((np.zeros((2, 3), int), np.zeros((2, 3), int), -1), "tolerance"),
        ((np.zeros((2, 3), int), np.zeros((2, 3), int), float("nan")), "tolerance"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, words):
    for metric in (boundary_f1, mean_boundary_f1):
        with pytest.raises(MetricError, match=words):
            metric(*arguments)
