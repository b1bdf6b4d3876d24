"""How far two masks, or the classes of two label maps, cover the same pixels.

The page of a class map wants every score from one count of pixels, so that many images pool by
adding: `confusion_matrix` counts, `class_iou`, `class_dice` and `pixel_accuracy` read the counts,
and `Confusion` gathers them over images.

Sources: P. Jaccard (1901) for the index that the field calls IoU; L. R. Dice (1945) and
T. Sørensen (1948) for the coefficient; M. Everingham et al. (2010), "The PASCAL Visual Object
Classes Challenge", for counting the pixels of all images before the IoU of a class is taken.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segcore.errors import MetricError
from segcore.metrics.counts import (
    Counts,
    Scores,
    check_masks,
    count_overlaps,
    counted_pixels,
)


def iou(prediction: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Intersection over union of two masks: |P ∩ R| / |P ∪ R| (Jaccard, 1901).

    Rewards every shared pixel and counts each wrong one, too much or too little, in full.

    Args:
        prediction: bool, H×W or any shape.
        reference: bool of the same shape.

    Returns:
        0 to 1; 1 for two empty masks, which agree in every pixel.

    Raises:
        MetricError: shapes differ, or a mask is not of dtype bool.
    """
    predicted, true = check_masks(prediction, reference)
    union = np.count_nonzero(predicted | true)
    return np.count_nonzero(predicted & true) / union if union else 1.0


def dice(prediction: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Dice coefficient, or F1 of the pixels, of two masks: 2 |P ∩ R| / (|P| + |R|) (Dice, 1945).

    Rewards what IoU rewards, in the same order (Dice = 2 IoU / (1 + IoU)), but kinder to half hits.

    Args:
        prediction: bool, H×W or any shape.
        reference: bool of the same shape.

    Returns:
        0 to 1; 1 for two empty masks, which agree in every pixel.

    Raises:
        MetricError: shapes differ, or a mask is not of dtype bool.
    """
    predicted, true = check_masks(prediction, reference)
    areas = np.count_nonzero(predicted) + np.count_nonzero(true)
    return 2 * np.count_nonzero(predicted & true) / areas if areas else 1.0


def mean_iou(
    prediction: npt.ArrayLike, reference: npt.ArrayLike, ignore_index: int | None = None
) -> float:
    """Mean over the classes of one image of their IoU, labels meaning the same in both.

    Rewards rare classes as much as frequent ones.

    Args:
        prediction: whole numbers from 0 up, H×W or any shape.
        reference: the same of the same shape.
        ignore_index: label of the reference whose pixels do not count; it is no class either.

    Returns:
        0 to 1. A class that is in only one of the two counts as 0, one in neither does not count;
        NaN if no pixel counts.

    Raises:
        MetricError: shapes differ, or a counted label is negative or no whole number.
    """
    overlaps = count_overlaps(prediction, reference, ignore_index)
    of_pair = overlaps.reference[overlaps.rows]
    same = (of_pair == overlaps.prediction[overlaps.columns]) & (of_pair != ignore_index)
    classes = np.union1d(overlaps.reference, overlaps.prediction)
    n_classes = np.count_nonzero(classes != ignore_index)
    return float(overlaps.ious[same].sum() / n_classes) if n_classes else float("nan")


def confusion_matrix(
    prediction: npt.ArrayLike,
    reference: npt.ArrayLike,
    n_classes: int,
    ignore_index: int | None = None,
) -> Counts:
    """Pixels of each class of the reference (rows) that were given each class (columns).

    Matrices of several images add up.

    Args:
        prediction: classes 0 to n_classes - 1, H×W or any shape.
        reference: the same of the same shape.
        n_classes: number of classes, the background or void included if it has a label.
        ignore_index: label of the reference, within the classes or not, whose pixels do not
            count.

    Returns:
        int64 (n_classes, n_classes).

    Raises:
        MetricError: shapes differ, or a counted label is no whole number or out of range.
    """
    predicted, true = counted_pixels(prediction, reference, ignore_index)
    for name, labels in (("prediction", predicted), ("reference", true)):
        if labels.size and labels.max() >= n_classes:
            raise MetricError(
                f"With {n_classes} classes labels end at {n_classes - 1}, "
                f"but the {name} has {labels.max()}."
            )
    cells = true.astype(np.int64) * n_classes + predicted
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def class_iou(matrix: Counts, ignore_index: int | None = None) -> Scores:
    """IoU of each class from a confusion matrix.

    Args:
        matrix: (n, n) pixels, reference × prediction, as `confusion_matrix` counts them.
        ignore_index: class that is none: what was predicted as it is only missed elsewhere.

    Returns:
        float64 (n,) 0 to 1; NaN for a class absent from both, so that `numpy.nanmean` is the
        mean IoU.
    """
    hits, areas = _hits_and_areas(matrix, ignore_index)
    return np.divide(hits, areas - hits, out=np.full(len(hits), np.nan), where=areas > 0)


def class_dice(matrix: Counts, ignore_index: int | None = None) -> Scores:
    """Dice coefficient of each class from a confusion matrix.

    Args:
        matrix: (n, n) pixels, reference × prediction, as `confusion_matrix` counts them.
        ignore_index: class that is none: what was predicted as it is only missed elsewhere.

    Returns:
        float64 (n,) 0 to 1; NaN for a class absent from both.
    """
    hits, areas = _hits_and_areas(matrix, ignore_index)
    return np.divide(2 * hits, areas, out=np.full(len(hits), np.nan), where=areas > 0)


def pixel_accuracy(matrix: Counts) -> float:
    """Share of the counted pixels that have the right class.

    Rewards large classes: a picture that is nine tenths sky scores 0.9 for saying "sky".

    Args:
        matrix: (n, n) pixels, reference × prediction, as `confusion_matrix` counts them.

    Returns:
        0 to 1; NaN if no pixel was counted.
    """
    counted = matrix.sum()
    return float(np.trace(matrix) / counted) if counted else float("nan")


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores of a class map, pooled over the images that were counted.

    Attributes:
        matrix: int64 (n, n) pixels, reference × prediction.
        iou: float64 (n,) of each class; NaN for one absent from both or ignored.
        dice: float64 (n,) of each class; NaN likewise.
        mean_iou: mean over the classes that are not NaN; NaN if there is none.
        mean_dice: the same of `dice`.
        pixel_accuracy: share of the counted pixels that are right; NaN if none was counted.
    """

    matrix: Counts
    iou: Scores
    dice: Scores
    mean_iou: float
    mean_dice: float
    pixel_accuracy: float


class Confusion:
    """Confusion matrix that grows image by image; the scores are those of all pixels together.

    Args:
        n_classes: number of classes, the background or void included if it has a label.
        ignore_index: label of the reference, within the classes or not, that does not count.
    """

    def __init__(self, n_classes: int, ignore_index: int | None = None) -> None:
        self.ignore_index = ignore_index
        self.matrix: Counts = np.zeros((n_classes, n_classes), np.int64)

    def update(self, prediction: npt.ArrayLike, reference: npt.ArrayLike) -> None:
        """Counts the pixels of one image, or of a batch; see `confusion_matrix`."""
        self.matrix += confusion_matrix(prediction, reference, len(self.matrix), self.ignore_index)

    def result(self) -> ClassScores:
        """Scores of all pixels counted so far."""
        ious = class_iou(self.matrix, self.ignore_index)
        dices = class_dice(self.matrix, self.ignore_index)
        return ClassScores(
            matrix=self.matrix.copy(),
            iou=ious,
            dice=dices,
            mean_iou=mean_of_known(ious),
            mean_dice=mean_of_known(dices),
            pixel_accuracy=pixel_accuracy(self.matrix),
        )


def mean_of_known(scores: Scores) -> float:
    """Mean of the scores that are not NaN; NaN, without a warning, if there is none."""
    known = scores[~np.isnan(scores)]
    return float(known.mean()) if known.size else float("nan")


def _hits_and_areas(matrix: Counts, ignore_index: int | None) -> tuple[Counts, Counts]:
    """Of each class the right pixels, and its pixels in the reference plus in the prediction."""
    hits, areas = np.diagonal(matrix).copy(), matrix.sum(axis=0) + matrix.sum(axis=1)
    if ignore_index is not None and 0 <= ignore_index < len(matrix):
        hits[ignore_index] = areas[ignore_index] = 0
    return hits, areas
