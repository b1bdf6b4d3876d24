"""Against scikit-learn, torchmetrics and counting pixel by pixel.

Where scikit-learn 1.9 and torchmetrics 1.9 answer otherwise than we do (tests at the end):

| case | library | its answer | here |
|---|---|---|---|
| two empty masks | scikit-learn's jaccard_score, f1_score | 0, a warning | 1 |
| two empty masks | torchmetrics' binary_jaccard_index, binary_f1_score | 0 | 1 |
| class absent from both | either, by class | 0 | NaN |
| class absent from both | scikit-learn's mean over all classes | counts as 0 | left out |
"""

import warnings

import numpy as np
import pytest
import sklearn.exceptions
from sklearn import metrics as sk

from segcore.errors import MetricError, SegcoreError
from segcore.metrics import (
    Confusion,
    class_dice,
    class_iou,
    confusion_matrix,
    dice,
    iou,
    mean_iou,
    pixel_accuracy,
)
from segcore.metrics.counts import count_overlaps

SEEDS = range(20)


def two_maps(seed: int, n_classes: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """A reference and a prediction that is right in about half of the pixels."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 40, 2)
    # Some seeds leave classes out on one side or both.
    reference = rng.choice(rng.permutation(n_classes)[: rng.integers(1, n_classes + 1)], shape)
    noise = rng.choice(rng.permutation(n_classes)[: rng.integers(1, n_classes + 1)], shape)
    return np.where(rng.random(shape) < 0.5, reference, noise), reference


@pytest.mark.parametrize("seed", SEEDS)
def test_masks_equal_scikit_learn(seed):
    predicted, true = (labels > 2 for labels in two_maps(seed))
    expected = {
        iou: sk.jaccard_score(true.ravel(), predicted.ravel(), zero_division=1),
        dice: sk.f1_score(true.ravel(), predicted.ravel(), zero_division=1),
    }
    for metric, value in expected.items():
        assert metric(predicted, true) == pytest.approx(value, abs=1e-12)
        assert metric(true, predicted) == metric(predicted, true)


def test_masks_by_hand():
    predicted = np.array([[1, 1, 0], [0, 0, 0]], bool)
    true = np.array([[0, 1, 1], [0, 0, 1]], bool)
    assert iou(predicted, true) == 1 / 4
    assert dice(predicted, true) == 2 / 5


@pytest.mark.parametrize(
    ("predicted", "true", "score"), [(0, 0, 1.0), (1, 1, 1.0), (0, 1, 0.0), (1, 0, 0.0)]
)
@pytest.mark.parametrize("metric", [iou, dice])
@pytest.mark.parametrize("shape", [(3, 4), (1, 1)])
def test_empty_and_full_masks(metric, predicted, true, score, shape):
    assert metric(np.full(shape, predicted, bool), np.full(shape, true, bool)) == score


@pytest.mark.parametrize("seed", SEEDS)
def test_confusion_matrix_equals_scikit_learn(seed):
    predicted, true = two_maps(seed)
    matrix = confusion_matrix(predicted, true, 7)
    assert matrix.dtype == np.int64
    expected = sk.confusion_matrix(true.ravel(), predicted.ravel(), labels=range(7))
    np.testing.assert_array_equal(matrix, expected)
    counted = true != 3
    if counted.any():
        expected = sk.confusion_matrix(true[counted], predicted[counted], labels=range(7))
        np.testing.assert_array_equal(confusion_matrix(predicted, true, 7, 3), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.uint64])
def test_the_type_of_whole_numbers_does_not_matter(dtype):
    predicted, true = two_maps(1, 120)
    np.testing.assert_array_equal(
        confusion_matrix(predicted.astype(dtype), true.astype(dtype), 120),
        confusion_matrix(predicted, true, 120),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_class_scores_equal_scikit_learn(seed):
    predicted, true = two_maps(seed)
    matrix = confusion_matrix(predicted, true, 7)
    present = np.union1d(predicted, true)
    for ours, theirs in ((class_iou, sk.jaccard_score), (class_dice, sk.f1_score)):
        scores = ours(matrix)
        expected = theirs(
            true.ravel(), predicted.ravel(), labels=present, average=None, zero_division=0
        )
        np.testing.assert_allclose(scores[present], expected, atol=1e-12)
        assert np.isnan(np.delete(scores, present)).all()
    assert pixel_accuracy(matrix) == pytest.approx(
        sk.accuracy_score(true.ravel(), predicted.ravel())
    )
    assert mean_iou(predicted, true) == pytest.approx(np.nanmean(class_iou(matrix)), abs=1e-12)


@pytest.mark.parametrize("ignore_index", [0, 3, 255])
@pytest.mark.parametrize("seed", SEEDS)
def test_mean_iou_equals_the_definition_pixel_by_pixel(seed, ignore_index):
    predicted, true = two_maps(seed)
    if ignore_index == 255:
        true[:, ::3] = 255
    scores = []
    for label in set(range(7)) - {ignore_index}:
        hits = misses = inventions = 0
        for p, t in zip(predicted.flat, true.flat, strict=True):
            if t != ignore_index:
                hits += p == label and t == label
                misses += p != label and t == label
                inventions += p == label and t != label
        if hits + misses + inventions:
            scores.append(hits / (hits + misses + inventions))
    expected = np.mean(scores) if scores else np.nan
    np.testing.assert_allclose(mean_iou(predicted, true, ignore_index), expected, atol=1e-12)
    pooled = Confusion(7, ignore_index)
    pooled.update(predicted, true)
    np.testing.assert_allclose(pooled.result().mean_iou, expected, atol=1e-12)


def test_pooling_counts_all_pixels_together():
    maps = [two_maps(seed) for seed in SEEDS]
    pooled = Confusion(7, ignore_index=0)
    for predicted, true in maps:
        pooled.update(predicted, true)
    result = pooled.result()
    predicted, true = (
        np.concatenate([m.ravel() for m in side]) for side in zip(*maps, strict=True)
    )
    np.testing.assert_array_equal(result.matrix, confusion_matrix(predicted, true, 7, 0))
    assert result.mean_iou == pytest.approx(mean_iou(predicted, true, 0), abs=1e-12)
    assert np.isnan(result.iou[0])
    assert np.isnan(result.dice[0])
    assert not np.isnan(result.iou[1:]).any()
    assert result.mean_dice == pytest.approx(np.mean(result.dice[1:]))
    counted = true != 0
    assert result.pixel_accuracy == pytest.approx((predicted == true)[counted].mean())
    # A result stays as it is while the counting goes on.
    before = result.matrix.copy()
    pooled.update(predicted, true)
    np.testing.assert_array_equal(result.matrix, before)


def test_predicting_the_ignored_class_is_a_miss_and_no_class():
    true = np.array([[1, 1, 2, 0]])
    predicted = np.array([[1, 0, 2, 2]])
    assert mean_iou(predicted, true, ignore_index=0) == (1 / 2 + 1) / 2
    matrix = confusion_matrix(predicted, true, 3, 0)
    np.testing.assert_array_equal(class_iou(matrix, 0), [np.nan, 1 / 2, 1])
    np.testing.assert_array_equal(class_dice(matrix, 0), [np.nan, 2 / 3, 1])
    # Without saying so a class appears that was predicted and never right.
    np.testing.assert_array_equal(class_iou(matrix), [0, 1 / 2, 1])


def test_nothing_that_counts_scores_nan_without_a_warning():
    void = np.zeros((2, 3), int)
    pooled = Confusion(3, ignore_index=0)
    pooled.update(void + 1, void)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = pooled.result()
        assert np.isnan([mean_iou(void + 1, void, 0), result.mean_iou, result.mean_dice]).all()
        assert np.isnan(result.pixel_accuracy)
        assert np.isnan(result.iou).all()


def test_labels_far_apart_need_no_table_as_long_as_the_greatest():
    true = np.array([[5, 2**40], [2**40, 7]])
    predicted = np.array([[5, 2**40], [7, 7]])
    assert mean_iou(predicted, true) == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_pairs_too_many_to_count_one_by_one_are_sorted(seed, monkeypatch):
    maps = two_maps(seed)
    counted = count_overlaps(*maps)
    monkeypatch.setattr("segcore.metrics.counts.MOST_COUNTERS", 1)
    for name, values in vars(count_overlaps(*maps)).items():
        np.testing.assert_array_equal(values, getattr(counted, name))


def test_what_is_ignored_may_have_any_label():
    true = np.array([[1, -1, 1]])
    assert mean_iou(np.array([[1, -9, 0]]), true, ignore_index=-1) == (1 / 2 + 0) / 2


@pytest.mark.parametrize(
    ("predicted", "true", "words"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), "shape"),
        (np.zeros((1, 3), int), np.zeros((2, 3), int), "shape"),
        (np.zeros((2, 3)), np.zeros((2, 3), int), "prediction is float64"),
        (np.zeros((2, 3), int), np.zeros((2, 3), np.float32), "reference is float32"),
        (np.full((2, 3), -4), np.zeros((2, 3), int), "prediction has -4"),
        (np.zeros((2, 3), int), np.full((2, 3), -4), "reference has -4"),
    ],
)
def test_what_cannot_be_compared_is_refused(predicted, true, words):
    for call in (mean_iou, lambda p, t: confusion_matrix(p, t, 3)):
        with pytest.raises(MetricError, match=words) as caught:
            call(predicted, true)
        assert isinstance(caught.value, (SegcoreError, ValueError))


@pytest.mark.parametrize("side", ["prediction", "reference"])
def test_a_class_out_of_range_is_refused(side):
    maps = {"prediction": np.zeros((2, 3), int), "reference": np.zeros((2, 3), int)}
    maps[side][1, 1] = 3
    with pytest.raises(MetricError, match=f"labels end at 2, but the {side} has 3"):
        confusion_matrix(**maps, n_classes=3)


@pytest.mark.parametrize("metric", [iou, dice])
def test_only_masks_are_taken_as_masks(metric):
    mask = np.zeros((2, 3), bool)
    with pytest.raises(MetricError, match="reference is int64"):
        metric(mask, mask.astype(int))
    with pytest.raises(MetricError, match="shape"):
        metric(mask, mask.T)


@pytest.mark.parametrize("ignore_index", [None, 2, 255])
@pytest.mark.parametrize("seed", range(10))
def test_equals_torchmetrics(seed, ignore_index):
    import torch
    from torchmetrics.functional import classification as tm

    predicted, true = two_maps(seed)
    if ignore_index == 255:
        true[0, :] = 255
    counted = true != ignore_index if ignore_index is not None else np.ones(true.shape, bool)
    if not counted.any():
        return
    maps = torch.from_numpy(predicted), torch.from_numpy(true)
    options = {"num_classes": 7, "ignore_index": ignore_index}
    matrix = confusion_matrix(predicted, true, 7, ignore_index)
    theirs = tm.multiclass_confusion_matrix(*maps, **options)
    np.testing.assert_array_equal(matrix, theirs)
    by_class = tm.multiclass_jaccard_index(*maps, average="none", **options)
    known = ~np.isnan(class_iou(matrix, ignore_index))
    np.testing.assert_allclose(class_iou(matrix, ignore_index)[known], by_class[known], atol=1e-6)
    mean = tm.multiclass_jaccard_index(*maps, average="macro", **options)
    assert mean_iou(predicted, true, ignore_index) == pytest.approx(float(mean), abs=1e-6)
    by_class = tm.multiclass_f1_score(*maps, average="none", **options)
    np.testing.assert_allclose(class_dice(matrix, ignore_index)[known], by_class[known], atol=1e-6)


def test_where_libraries_answer_otherwise():
    import torch
    from torchmetrics.functional import classification as tm

    empty = np.zeros(6, bool)
    for metric, theirs, torchs in (
        (iou, sk.jaccard_score, tm.binary_jaccard_index),
        (dice, sk.f1_score, tm.binary_f1_score),
    ):
        assert metric(empty, empty) == 1
        with pytest.warns(sklearn.exceptions.UndefinedMetricWarning):
            assert theirs(empty, empty) == 0
        masks = torch.from_numpy(empty).int()
        assert torchs(masks, masks) == 0
    labels = np.array([0, 0, 2])
    np.testing.assert_array_equal(class_iou(confusion_matrix(labels, labels, 3)), [1, np.nan, 1])
    with pytest.warns(sklearn.exceptions.UndefinedMetricWarning):
        by_class = sk.jaccard_score(labels, labels, labels=range(3), average=None)
    np.testing.assert_array_equal(by_class, [1, 0, 1])
    assert np.mean(by_class) != mean_iou(labels, labels) == 1
    maps = torch.from_numpy(labels), torch.from_numpy(labels)
    assert tm.multiclass_jaccard_index(*maps, 3, average="none").tolist() == [1, 0, 1]
