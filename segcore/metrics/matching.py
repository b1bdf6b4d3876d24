"""Scores of label maps whose labels have no names: which region answers to which.

`best_matching` names unnamed clusters after the classes they fit best; `instance_f` counts the
objects that were found.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import maximum_bipartite_matching, min_weight_full_bipartite_matching

from segcore.errors import MetricError
from segcore.metrics.counts import Overlaps, count_overlaps


@dataclass(frozen=True)
class LabelPair:
    """Two labels that answer to one another.

    Attributes:
        prediction: label in the prediction.
        reference: label in the reference.
        iou: intersection over union of the two, more than 0.
    """

    prediction: int
    reference: int
    iou: float


@dataclass(frozen=True)
class Matching:
    """One-to-one matching of the labels of a prediction with those of a reference.

    Attributes:
        pairs: the matched labels, by ascending label of the reference.
        mean_iou: mean over all labels of the reference, 0 for one without a partner.
    """

    pairs: tuple[LabelPair, ...]
    mean_iou: float


def best_matching(
    prediction: npt.ArrayLike, reference: npt.ArrayLike, ignore_index: int | None = None
) -> Matching:
    """The one-to-one matching of labels with the greatest sum of IoU (Kuhn, 1955).

    Rewards clusters that cover one class each; a class cut into many keeps only its best piece.
    Every label takes part, 0 as well: leave the void of a reference out with `ignore_index=0`.

    The assignment problem of H. W. Kuhn (1955), "The Hungarian Method for the Assignment Problem",
    solved by R. Jonker and A. Volgenant (1987) on the pairs that meet alone, so that thousands of
    regions on both sides fit into memory.

    Args:
        prediction: whole numbers from 0 up, H×W or any shape.
        reference: the same of the same shape.
        ignore_index: label of the reference whose pixels do not count.

    Returns:
        The pairs and their mean IoU, 0 to 1; NaN, and no pairs, if no pixel counts.

    Raises:
        MetricError: shapes differ, or a counted label is negative or no whole number.
    """
    overlaps = count_overlaps(prediction, reference, ignore_index)
    n_reference, n_prediction = len(overlaps.reference), len(overlaps.prediction)
    if not n_reference:
        return Matching((), float("nan"))
    ious = overlaps.ious
    # A column of its own for every row stands for "no partner" and costs as much as an IoU of 0;
    # the costs are shifted by 1 because a cost of 0 would mean that the two do not meet.
    alone = np.arange(n_reference)
    costs = sparse.csr_array(
        (
            np.concatenate([2 - ious, np.full(n_reference, 2.0)]),
            (
                np.concatenate([overlaps.rows, alone]),
                np.concatenate([overlaps.columns, n_prediction + alone]),
            ),
        )
    )
    rows, columns = min_weight_full_bipartite_matching(costs)
    rows, columns = (side[columns < n_prediction].astype(np.int64) for side in (rows, columns))
    # The pairs that meet are in the order of their rows and columns.
    cells = overlaps.rows * n_prediction + overlaps.columns
    matched = ious[np.searchsorted(cells, rows * n_prediction + columns)].tolist()
    predicted, true = overlaps.prediction[columns].tolist(), overlaps.reference[rows].tolist()
    pairs = tuple(map(LabelPair, predicted, true, matched))
    return Matching(pairs, float(sum(matched) / n_reference))


def instance_f(
    prediction_labels: npt.ArrayLike, reference_labels: npt.ArrayLike, threshold: float = 0.5
) -> float:
    """Objects found, TP / (TP + FP + FN): "average precision" of results without scores.

    Rewards each object that was found about right, large or small, and punishes those split,
    merged, missed or invented. The measure of the Data Science Bowl 2018 (J. C. Caicedo et al.,
    2019) at one threshold, and of StarDist (U. Schmidt et al., 2018).

    Args:
        prediction_labels: instances from 1 up, 0 = background, H×W or any shape.
        reference_labels: the same of the same shape.
        threshold: an object is found if the IoU with a predicted one is *greater*; from 0.5 up no
            two can be, below it as many objects as possible are matched one-to-one.

    Returns:
        0 to 1; 1 if there is no object in either.

    Raises:
        MetricError: shapes differ, a label is negative or no whole number, or the threshold is
            not from 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise MetricError(f"The threshold must be from 0 to 1, but is {threshold}.")
    overlaps = count_overlaps(prediction_labels, reference_labels)
    objects = np.count_nonzero(overlaps.prediction) + np.count_nonzero(overlaps.reference)
    if not objects:
        return 1.0
    found = _count_found(overlaps, threshold)
    return found / (objects - found)


def _count_found(overlaps: Overlaps, threshold: float) -> int:
    """The greatest number of objects matched one-to-one with an IoU above the threshold."""
    objects = (overlaps.reference[overlaps.rows] > 0) & (overlaps.prediction[overlaps.columns] > 0)
    fits = objects & (overlaps.ious > threshold)
    graph = sparse.csr_array(
        (np.ones(np.count_nonzero(fits), bool), (overlaps.rows[fits], overlaps.columns[fits])),
        shape=(len(overlaps.reference), len(overlaps.prediction)),
    )
    return int(np.count_nonzero(maximum_bipartite_matching(graph) >= 0))
