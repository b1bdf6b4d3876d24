"""How well contours lie on contours: the boundary F1 score.

A contour consists of the pixels on both sides of every change of label, so that the score does not
depend on which side is called foreground. The edge of the image is no contour: nobody had to find
it. Sources: D. R. Martin, C. C. Fowlkes and J. Malik (2004), "Learning to Detect Natural Image
Boundaries Using Local Brightness, Color, and Texture Cues", for precision and recall of
boundaries; G. Csurka, D. Larlus and F. Perronnin (2013), "What is a good evaluation measure for
semantic segmentation?", for their F1 class by class and for the tolerance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.errors import MetricError
from segcore.metrics.counts import Counts, Scores, check_labels, counted_pixels
from segcore.metrics.overlap import mean_of_known
from segcore.result import Mask

_Index: TypeAlias = tuple[slice, slice]

TOLERANCE = 0.0075  # of the image's diagonal


def boundary_f1(
    prediction: npt.ArrayLike,
    reference: npt.ArrayLike,
    tolerance: float | None = None,
    ignore_index: int | None = None,
) -> float:
    """F1 of the contours of two masks, or of two label maps whatever their labels are called.

    Rewards outlines in the right place, which IoU hardly sees on a large object. Precision is the
    share of the predicted contour within the tolerance of the reference's, recall the reverse.

    Args:
        prediction: bool or whole numbers, H×W.
        reference: the same, of the same shape.
        tolerance: distance in pixels; None is 0.75% of the diagonal (Csurka et al., 2013).
        ignore_index: label of the reference whose pixels do not count, nor do changes to it.

    Returns:
        0 to 1; 0 with a contour in only one of the two. Without one in either, two masks score 1
        if both are empty or both are full, else 0; two label maps, one region each, score 1.

    Raises:
        MetricError: shapes differ or are not H×W, labels are no whole numbers, or the tolerance
            is negative.
    """
    masks = np.asarray(prediction).dtype == np.asarray(reference).dtype == np.bool_
    predicted, true, void, tolerance = _prepared(prediction, reference, tolerance, ignore_index)
    frame = _Frame.around(true.shape, tolerance)
    predicted_contour = frame.keys(np.flatnonzero(_contour(predicted, void)))
    true_contour = frame.keys(np.flatnonzero(_contour(true, void)))
    score = float(_f1(predicted_contour, true_contour, frame, n_groups=1)[0])
    if not np.isnan(score):
        return score
    valid = slice(None) if void is None else ~void
    # Two label maps of one region each agree, whatever it is called; a full mask is not an empty.
    return float(not masks or np.array_equal(predicted[valid], true[valid]))


def class_boundary_f1(
    prediction: npt.ArrayLike,
    reference: npt.ArrayLike,
    n_classes: int,
    tolerance: float | None = None,
    ignore_index: int | None = None,
) -> Scores:
    """Boundary F1 of each class of one image, each taken as a mask.

    Args:
        prediction: classes from 0 up, H×W.
        reference: the same of the same shape.
        n_classes: number of classes; greater labels are not scored.
        tolerance: distance in pixels; None is 0.75% of the diagonal (Csurka et al., 2013).
        ignore_index: label of the reference whose pixels do not count, nor do changes to it; it
            is no class either.

    Returns:
        float64 (n_classes,) 0 to 1; NaN for a class absent from both or ignored. A class without
        a contour in either fills the image where it is, and scores 1 if it does so in both.

    Raises:
        MetricError: as `boundary_f1`.
    """
    predicted, true, void, tolerance = _prepared(prediction, reference, tolerance, ignore_index)
    occurs = np.zeros(n_classes, bool)
    for labels in counted_pixels(predicted, true, ignore_index):
        occurs |= np.bincount(labels, minlength=n_classes)[:n_classes] > 0
    frame = _Frame.around(true.shape, tolerance)
    predicted_contours = _class_contours(predicted, void, frame, n_classes)
    true_contours = _class_contours(true, void, frame, n_classes)
    scores = _f1(predicted_contours, true_contours, frame, n_classes)
    for label in np.flatnonzero(np.isnan(scores) & occurs):
        masks = [labels == label for labels in (predicted, true)]
        if void is not None:
            masks = [mask & ~void for mask in masks]
        scores[label] = np.array_equal(*masks)
    if ignore_index is not None and 0 <= ignore_index < n_classes:
        scores[ignore_index] = np.nan
    return scores


def mean_boundary_f1(
    prediction: npt.ArrayLike,
    reference: npt.ArrayLike,
    tolerance: float | None = None,
    ignore_index: int | None = None,
) -> float:
    """Mean over the classes of one image of their boundary F1 (Csurka et al., 2013).

    Rewards outlines in the right place that also separate the right classes.

    Args:
        prediction: classes from 0 up, H×W.
        reference: the same of the same shape.
        tolerance: distance in pixels; None is 0.75% of the diagonal.
        ignore_index: label of the reference whose pixels do not count, nor do changes to it.

    Returns:
        0 to 1. A class in only one of the two counts as 0, one in neither does not count; NaN if
        no pixel counts.

    Raises:
        MetricError: as `boundary_f1`.
    """
    predicted, true = check_labels(prediction, reference)
    n_classes = 1 + int(max(predicted.max(initial=0), true.max(initial=0)))
    return mean_of_known(class_boundary_f1(predicted, true, n_classes, tolerance, ignore_index))


def _prepared(
    prediction: npt.ArrayLike,
    reference: npt.ArrayLike,
    tolerance: float | None,
    ignore_index: int | None,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Mask | None, float]:
    """The two label maps, the void if there is any, and the tolerance in pixels, all checked."""
    predicted, true = check_labels(prediction, reference)
    if true.ndim != 2:
        raise MetricError(f"Contours need label maps of H×W, but these are {true.shape}.")
    if tolerance is None:
        tolerance = TOLERANCE * float(np.hypot(*true.shape))
    if not tolerance >= 0:
        raise MetricError(f"The tolerance must be at least 0 pixels, but is {tolerance}.")
    void = None if ignore_index is None else true == ignore_index
    return predicted, true, void if void is not None and void.any() else None, tolerance


@dataclass(frozen=True)
class _Frame:
    """Numbers for pixels of several groups, far enough apart that no search runs into others.

    Every row ends in a margin of `reach` pixels and every group in one of as many rows, so that
    numbers up to `reach` to the left, right, above or below of a pixel are no other row's pixel
    and no other group's.

    Attributes:
        width: width of the image in pixels.
        tolerance: radius in pixels of the discs that are searched.
        reach: the same in whole pixels.
        stride: difference of the numbers of two pixels one below the other.
        area: difference of the numbers of one pixel in two groups in succession.
    """

    width: int
    tolerance: float
    reach: int
    stride: int
    area: int

    @classmethod
    def around(cls, shape: tuple[int, ...], tolerance: float) -> "_Frame":
        height, width = shape
        tolerance = min(tolerance, float(np.hypot(height, width)))
        reach = int(tolerance)
        stride = width + reach
        return cls(width, tolerance, reach, stride, (height + reach) * stride)

    def keys(self, pixels: Counts) -> Counts:
        """Numbers in group 0 of pixels that are numbered row by row without margins."""
        return pixels + pixels // self.width * (self.stride - self.width)


def _contour(labels: npt.NDArray[Any], void: Mask | None) -> Mask:
    """Pixels (bool H×W) with another label above, below, left or right of them, none of it void."""
    contour = np.zeros(labels.shape, bool)
    for here, there, change in _changes(labels, void):
        contour[here] |= change
        contour[there] |= change
    return contour


def _class_contours(
    labels: npt.NDArray[Any], void: Mask | None, frame: _Frame, n_classes: int
) -> Counts:
    """The contours of all classes as numbers of a frame, a class being a group; ascending."""
    pixels = np.arange(labels.size).reshape(labels.shape)
    parts = []
    for here, there, change in _changes(labels, void):
        ends = [frame.keys(pixels[side][change]) for side in (here, there)]
        # A change of label belongs to the contour of either class, with the pixels on both sides.
        for side in (here, there):
            classes = labels[side][change].astype(np.int64)
            known = classes < n_classes
            parts += [(classes * frame.area + end)[known] for end in ends]
    # A pixel counts once, on however many sides its label changes. Sorting takes half the time of
    # numpy.unique, which goes through a hash table first.
    keys = np.sort(np.concatenate(parts))
    return keys[np.diff(keys, prepend=-1) > 0]


def _changes(
    labels: npt.NDArray[Any], void: Mask | None
) -> Iterator[tuple[_Index, _Index, npt.NDArray[np.bool_]]]:
    """Where to cut out pixels and their neighbours, and which pairs of them differ in label."""
    for here, there in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:, :], np.s_[:-1, :])):
        change = labels[here] != labels[there]
        if void is not None:
            change &= ~(void[here] | void[there])
        yield here, there, change


def _f1(prediction: Counts, reference: Counts, frame: _Frame, n_groups: int) -> Scores:
    """F1 of the contours of each group: 0 without pixels in one of the two, NaN in neither."""

    def count(keys: Counts) -> Counts:
        return np.bincount(keys // frame.area, minlength=n_groups)

    predicted, true = count(prediction), count(reference)
    close_predicted = count(prediction[_near(prediction, reference, frame)])
    close_true = count(reference[_near(reference, prediction, frame)])
    # 2 P R / (P + R) with the denominators of P and R multiplied away
    hits = 2 * close_predicted * close_true
    total = close_predicted * true + close_true * predicted
    scores = np.divide(hits, total, out=np.zeros(n_groups), where=total > 0)
    scores[(predicted == 0) & (true == 0)] = np.nan
    return scores


def _near(keys: Counts, others: Counts, frame: _Frame) -> npt.NDArray[np.bool_]:
    """Which pixels have one of the others, ascending, of their group within the tolerance."""
    near = np.zeros(len(keys), bool)
    if not len(others):
        return near
    far = np.arange(len(keys))
    # The disc around a pixel row by row, the nearest rows first: they settle most of the pixels.
    for row in sorted(range(-frame.reach, frame.reach + 1), key=abs):
        half = int(np.sqrt(frame.tolerance**2 - row**2))
        first = keys[far] + (row * frame.stride - half)
        found = others[np.minimum(np.searchsorted(others, first), len(others) - 1)]
        hit = (found >= first) & (found <= first + 2 * half)
        near[far[hit]] = True
        far = far[~hit]
    return near
