"""Against Hungarian matching on the full table of IoU, and against counting by definition.

Where another implementation, as its source reads, answers otherwise than `instance_f` (our answers
are tested below):

| case | implementation | its answer | here |
|---|---|---|---|
| IoU equal to the threshold | StarDist's `matching`: at least | found | not found: greater |
| no object in either | StarDist's `matching` | 0 | 1 |
"""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from segcore.errors import MetricError
from segcore.metrics import LabelPair, best_matching, instance_f

SEEDS = range(15)


def partitions(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random blocks, and the same under other names with some split, merged, moved and noisy."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(2, 60, 2)
    coarse = rng.integers(0, rng.integers(1, 30), (height // 4 + 1, width // 5 + 1))
    reference = coarse[np.arange(height)[:, None] // 4, np.arange(width) // 5]
    prediction = rng.permutation(reference.max() + 1)[reference]
    prediction[prediction % 5 == 1] += 1
    prediction[: height // 2, : rng.integers(0, width)] += 40
    noise = rng.random(reference.shape) < 0.1
    return np.where(noise, rng.integers(0, 9, reference.shape), prediction), reference


def iou_table(prediction, reference, ignore_index=None):
    """Labels of the reference, of the prediction, and the IoU of every pair, by definition."""
    counted = reference != (-1 if ignore_index is None else ignore_index)
    rows, columns = np.unique(reference[counted]), np.unique(prediction[counted])
    table = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            one, other = (reference == row) & counted, (prediction == column) & counted
            table[i, j] = (one & other).sum() / (one | other).sum()
    return rows, columns, table


@pytest.mark.parametrize("ignore_index", [None, 0])
@pytest.mark.parametrize("seed", SEEDS)
def test_best_matching_equals_hungarian_on_the_full_table(seed, ignore_index):
    prediction, reference = partitions(seed)
    rows, columns, table = iou_table(prediction, reference, ignore_index)
    matching = best_matching(prediction, reference, ignore_index)
    if not len(rows):
        assert matching.pairs == ()
        assert np.isnan(matching.mean_iou)
        return
    best = table[linear_sum_assignment(table, maximize=True)].sum()
    assert matching.mean_iou == pytest.approx(best / len(rows), abs=1e-12)
    place = {label: i for i, label in enumerate(rows)}, {c: j for j, c in enumerate(columns)}
    for pair in matching.pairs:
        expected = table[place[0][pair.reference], place[1][pair.prediction]]
        assert pair.iou == pytest.approx(expected, abs=1e-12)
        assert pair.iou > 0
    assert sum(pair.iou for pair in matching.pairs) == pytest.approx(best, abs=1e-9)
    for side in ("prediction", "reference"):
        labels = [getattr(pair, side) for pair in matching.pairs]
        assert len(set(labels)) == len(labels)
    order = [pair.reference for pair in matching.pairs]
    assert order == sorted(order)


def test_clusters_under_other_names_are_all_matched():
    reference = np.arange(12).reshape(3, 4) // 2
    names = np.array([7, 3, 0, 9, 1, 4])
    matching = best_matching(names[reference], reference)
    assert matching.pairs == tuple(LabelPair(int(names[r]), r, 1.0) for r in range(6))
    assert matching.mean_iou == 1


def test_greedy_would_be_worse():
    """The best single pair must be given up for the best sum."""
    #      prediction 1  2
    # reference 1:    3  3
    # reference 2:    3  0
    reference = np.array([1] * 6 + [2] * 3)
    prediction = np.array([1] * 3 + [2] * 3 + [1] * 3)
    matching = best_matching(prediction, reference)
    assert [(p.prediction, p.reference) for p in matching.pairs] == [(2, 1), (1, 2)]
    assert matching.mean_iou == 1 / 2


def test_classes_without_a_cluster_count_as_zero_and_clusters_without_a_class_not():
    reference, prediction = np.array([[1, 1, 2, 2]]), np.array([[5, 5, 5, 5]])
    assert best_matching(prediction, reference).mean_iou == 1 / 4
    assert best_matching(reference, prediction).mean_iou == 1 / 2
    assert len(best_matching(reference, prediction).pairs) == 1


def test_the_void_of_a_reference_can_be_left_out():
    reference, prediction = np.array([[0, 0, 1, 1]]), np.array([[2, 2, 2, 2]])
    assert best_matching(prediction, reference, ignore_index=0).mean_iou == 1
    assert np.isnan(best_matching(prediction, 0 * reference, ignore_index=0).mean_iou)


def slow_instance_f(prediction, reference, threshold) -> float:
    rows, columns, table = iou_table(prediction, reference)
    table = table[rows > 0][:, columns > 0]
    found = (table > threshold)[linear_sum_assignment(table > threshold, maximize=True)].sum()
    objects = sum(table.shape)
    return found / (objects - found) if objects else 1.0


@pytest.mark.parametrize("threshold", [0, 0.1, 0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("seed", SEEDS)
def test_instance_f_equals_counting(seed, threshold):
    prediction, reference = partitions(seed)
    expected = slow_instance_f(prediction, reference, threshold)
    assert instance_f(prediction, reference, threshold) == pytest.approx(expected, abs=1e-12)
    if threshold == 0.5:
        assert instance_f(prediction, reference) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [
        ([0, 0, 0], [0, 0, 0], 1),
        ([1, 0, 0], [0, 0, 0], 0),
        ([0, 0, 0], [1, 1, 2], 0),
        ([3, 3, 9], [1, 1, 2], 1),
        ([0, 0, 2], [1, 1, 2], 1 / 2),  # one found, one missed
        ([7, 8, 2], [1, 1, 2], 1 / 4),  # split into two halves of IoU 1/2, which is not more
        ([4, 4, 4], [1, 1, 2], 1 / 2),  # merged: the larger has IoU 2/3
    ],
)
def test_instance_f_by_hand(prediction, reference, score):
    assert instance_f(np.array([prediction]), np.array([reference])) == score


def test_below_one_half_no_object_is_found_twice():
    reference, prediction = np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]])
    assert instance_f(prediction, reference, 0.4) == 1 / 2


def test_what_cannot_be_compared_is_refused():
    labels = np.ones((2, 3), int)
    for metric in (best_matching, instance_f):
        for wrong, words in ((labels.T, "shape"), (labels / 2, "float64"), (-labels, "-1")):
            with pytest.raises(MetricError, match=words):
                metric(wrong, labels)
    for threshold in (-0.1, 1.1, float("nan")):
        with pytest.raises(MetricError, match="threshold"):
            instance_f(labels, labels, threshold)
