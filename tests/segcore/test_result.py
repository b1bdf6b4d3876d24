"""Results are checked when they are made, and nobody can change them afterwards."""

import numpy as np
import pytest

from segcore.result import Classification, Detections

SCORES = np.array([0.9, 0.1], np.float32)
BOXES = np.array([[0, 0, 4, 3], [2, 2, 2, 5]], np.float32)


def test_scores_and_boxes_are_frozen():
    classes = Classification(("Cat", "Dog"), SCORES.copy())
    found = Detections(BOXES.copy(), ("Car", "Car"), SCORES.copy())
    for array in (classes.scores, found.scores, found.boxes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    "scores",
    [SCORES[:1], SCORES.astype(float), np.array([0.5, np.nan], np.float32), SCORES + 1],
    ids=["too few", "float64", "NaN", "above 1"],
)
def test_wrong_scores_are_refused(scores):
    with pytest.raises(ValueError, match=r"scores must be float32 \(2,\)|from 0 to 1"):
        Classification(("Cat", "Dog"), scores)


@pytest.mark.parametrize(
    "boxes", [BOXES[:1], BOXES.astype(int), BOXES[:, [2, 1, 0, 3]], BOXES * np.float32(np.nan)]
)
def test_wrong_boxes_are_refused(boxes):
    with pytest.raises(ValueError, match=r"boxes must be float32 \(2, 4\)|Every box must have"):
        Detections(boxes, ("Car", "Car"), SCORES.copy())


def test_nothing_found_is_an_answer():
    nothing = Detections(np.zeros((0, 4), np.float32), (), np.zeros(0, np.float32))
    assert len(nothing.names) == 0
