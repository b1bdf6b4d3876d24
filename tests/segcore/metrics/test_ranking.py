"""The average precision of a ranking is that of scikit-learn and torchmetrics, ties included."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torchmetrics.functional.classification import binary_average_precision

from segcore import MetricError
from segcore.metrics.ranking import ranking_precision


@pytest.mark.parametrize("levels", [2, 5, 10_000])
def test_it_is_that_of_the_libraries(levels):
    rng = np.random.default_rng(levels)
    for _ in range(20):
        scores = rng.integers(0, levels, 60).astype(np.float32) / levels
        truth = rng.random(60) < rng.uniform(0.05, 0.95)
        truth[0] = True
        own = ranking_precision(scores, truth)
        assert own == pytest.approx(average_precision_score(truth, scores), abs=1e-6)
        other = binary_average_precision(torch.tensor(scores), torch.tensor(truth, dtype=torch.int))
        assert own == pytest.approx(other.item(), abs=1e-6)


def test_plain_cases():
    truth = np.array([True, True, False, False])
    assert ranking_precision(np.array([0.9, 0.8, 0.2, 0.1]), truth) == 1.0
    assert ranking_precision(np.array([0.1, 0.2, 0.8, 0.9]), truth) == pytest.approx(
        (1 / 3 + 2 / 4) / 2
    )
    # A guess that ignores the image gets the share of the images that show the class.
    assert ranking_precision(np.zeros(4), truth) == 0.5
    assert np.isnan(ranking_precision(np.zeros(4), np.zeros(4, bool)))


@pytest.mark.parametrize(
    ("scores", "truth"),
    [
        (np.zeros(3), np.zeros(4, bool)),
        (np.zeros((2, 2)), np.zeros((2, 2), bool)),
        (np.zeros(3), np.zeros(3, int)),
        (np.array([0.1, np.nan]), np.array([True, False])),
    ],
)
def test_what_cannot_be_ranked_is_refused(scores, truth):
    with pytest.raises(MetricError):
        ranking_precision(scores, truth)
