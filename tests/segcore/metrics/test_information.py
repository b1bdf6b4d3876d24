"""Against scikit-image and brute force.

Where scikit-image 0.26 answers otherwise than we do (each line has a test below):

| case | scikit-image | here |
|---|---|---|
| adapted Rand, any maps | precision and recall the other way round than its text says | as said |
| adapted Rand, no pair joined in one map, e.g. single pixels | NaN or infinite, a warning | 1 |
| adapted Rand, no pair joined in either | NaN, a warning | error 0 |
| either, no pixel that counts | NaN, a warning | error 0, variation 0 |
"""

import itertools

import numpy as np
import pytest
from skimage import metrics as sk

from segcore.errors import MetricError
from segcore.metrics import adapted_rand_error, variation_of_information

SEEDS = range(25)


def partitions(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A coarse random partition, and one of which some regions are split, merged and noisy."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(2, 60, 2)
    coarse = rng.integers(0, rng.integers(1, 30), (height // 4 + 1, width // 5 + 1))
    reference = coarse[np.arange(height)[:, None] // 4, np.arange(width) // 5]
    prediction = rng.permutation(reference.max() + 1)[reference]
    prediction[prediction % 5 == 1] += 1
    prediction[: height // 2] += 40
    noise = rng.random(reference.shape) < 0.1
    return np.where(noise, rng.integers(0, 9, reference.shape), prediction), reference


@pytest.mark.parametrize("ignore_index", [0, None, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_adapted_rand_error_equals_scikit_image(seed, ignore_index):
    prediction, reference = partitions(seed)
    if (reference != ignore_index).sum() < 2:
        return
    ignored = () if ignore_index is None else (ignore_index,)
    error, first, second = sk.adapted_rand_error(reference, prediction, ignore_labels=ignored)
    ours = adapted_rand_error(prediction, reference, ignore_index)
    # scikit-image divides the first by the pairs of the reference: that is the recall.
    np.testing.assert_allclose(ours, (error, second, first), atol=1e-9)
    if ignore_index == 0:
        assert ours == adapted_rand_error(prediction, reference)


@pytest.mark.parametrize("ignore_index", [None, 0, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_variation_of_information_equals_scikit_image(seed, ignore_index):
    prediction, reference = partitions(seed)
    if not (reference != ignore_index).any():
        return
    ignored = () if ignore_index is None else (ignore_index,)
    over, under = sk.variation_of_information(reference, prediction, ignore_labels=ignored)
    ours = variation_of_information(prediction, reference, ignore_index)
    np.testing.assert_allclose(ours, (over, under), atol=1e-9)
    assert ours.total == pytest.approx(over + under, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_adapted_rand_error_equals_counting_pairs(seed):
    rng = np.random.default_rng(seed)
    prediction, reference = rng.integers(0, 4, (2, 5, 6))
    counted = [(p, r) for p, r in zip(prediction.flat, reference.flat, strict=True) if r]
    pairs = list(itertools.combinations(counted, 2))
    both = sum(a == b for a, b in pairs)
    precision = both / sum(a[0] == b[0] for a, b in pairs)
    recall = both / sum(a[1] == b[1] for a, b in pairs)
    f1 = 2 * precision * recall / (precision + recall)
    ours = adapted_rand_error(prediction, reference)
    np.testing.assert_allclose(ours, (1 - f1, precision, recall), atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_variation_of_information_equals_the_entropies(seed):
    def entropy(symbols):
        shares = np.unique(symbols, return_counts=True)[1] / len(symbols)
        return -(shares * np.log2(shares)).sum()

    prediction, reference = np.random.default_rng(seed).integers(0, 6, (2, 400))
    joint = entropy(prediction * 6 + reference)
    ours = variation_of_information(prediction, reference)
    np.testing.assert_allclose(
        ours, (joint - entropy(reference), joint - entropy(prediction)), atol=1e-12
    )


def test_splitting_is_over_and_merging_is_under():
    whole, halves = np.ones((4, 6), int), np.repeat([[1, 1, 1, 2, 2, 2]], 4, 0)
    assert variation_of_information(halves, whole) == (1, 0)
    assert variation_of_information(whole, halves) == (0, 1)
    split, merged = adapted_rand_error(halves, whole), adapted_rand_error(whole, halves)
    assert split.precision == 1
    assert split.recall < 0.5
    assert merged.recall == 1
    assert merged.precision < 0.5


def test_scikit_image_says_precision_but_gives_recall():
    whole, halves = np.ones((4, 6), int), np.repeat([[1, 1, 1, 2, 2, 2]], 4, 0)
    _, first, second = sk.adapted_rand_error(whole, halves)
    assert (first < 0.5, second) == (True, 1)


SINGLE = np.arange(1, 13).reshape(3, 4)
VOID = np.zeros((3, 4), int)


@pytest.mark.parametrize(
    ("prediction", "reference", "ours"),
    [
        (SINGLE, np.ones((3, 4), int), (1, 1, 0)),
        (np.ones((3, 4), int), SINGLE, (1, 0, 1)),
        (SINGLE, SINGLE, (0, 1, 1)),
        (SINGLE, VOID, (0, 1, 1)),
    ],
)
def test_degenerate_partitions(prediction, reference, ours):
    assert adapted_rand_error(prediction, reference) == ours
    with np.errstate(all="ignore"):
        theirs = sk.adapted_rand_error(reference, prediction)
    assert not np.isfinite(theirs).all()


def test_no_pixel_that_counts_leaves_nothing_open():
    assert variation_of_information(SINGLE, VOID, ignore_index=0) == (0, 0)
    with np.errstate(all="ignore"):
        theirs = sk.variation_of_information(VOID, SINGLE, ignore_labels=(0,))
    assert np.isnan(theirs).all()


def test_one_pixel():
    one = np.array([[3]])
    assert adapted_rand_error(one, one) == (0, 1, 1)
    assert variation_of_information(one, one) == (0, 0)


@pytest.mark.parametrize("metric", [adapted_rand_error, variation_of_information])
def test_what_cannot_be_compared_is_refused(metric):
    labels = np.ones((2, 3), int)
    for wrong, words in ((labels.T, "shape"), (labels / 2, "float64"), (-labels, "-1")):
        with pytest.raises(MetricError, match=words):
            metric(wrong, labels)
