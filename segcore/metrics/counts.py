"""Counting which labels of a prediction and of a reference meet, and in how many pixels."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.errors import MetricError

Counts: TypeAlias = npt.NDArray[np.int64]
Scores: TypeAlias = npt.NDArray[np.float64]

# As many counters of 8 bytes as this are cheaper to run over than the pixels are to sort.
MOST_COUNTERS = 1 << 22


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Every pair of labels that share pixels: a contingency table without its zeros.

    The pairs are in the order of their rows, those of a row in the order of their columns.

    Attributes:
        prediction: int64 (p,) the labels that occur in the prediction, ascending.
        reference: int64 (r,) the labels that occur in the reference, ascending.
        rows: int64 (k,) the place of each pair's label in `reference`.
        columns: int64 (k,) the place of each pair's label in `prediction`.
        pixels: int64 (k,) the number of pixels, at least 1, that a pair shares.
    """

    prediction: Counts
    reference: Counts
    rows: Counts
    columns: Counts
    pixels: Counts

    @property
    def prediction_areas(self) -> Counts:
        """Counted pixels (p,) of each label of the prediction."""
        return _sums(self.columns, self.pixels, len(self.prediction))

    @property
    def reference_areas(self) -> Counts:
        """Counted pixels (r,) of each label of the reference."""
        return _sums(self.rows, self.pixels, len(self.reference))

    @property
    def ious(self) -> Scores:
        """Intersection over union (k,) of each pair."""
        areas = self.prediction_areas[self.columns] + self.reference_areas[self.rows]
        return self.pixels / (areas - self.pixels)


def count_overlaps(
    prediction: npt.ArrayLike, reference: npt.ArrayLike, ignore_index: int | None = None
) -> Overlaps:
    """Counts the pixels of every pair of labels that meet.

    Args:
        prediction: whole numbers from 0 up, of any shape.
        reference: the same of the same shape.
        ignore_index: pixels where the reference has this label are not counted.

    Raises:
        MetricError: shapes differ, or a counted label is negative or no whole number.
    """
    predicted, true = counted_pixels(prediction, reference, ignore_index)
    columns, prediction_labels = _number(predicted)
    rows, reference_labels = _number(true)
    width = max(len(prediction_labels), 1)
    cells = rows * width + columns
    if len(reference_labels) * width <= MOST_COUNTERS:
        every = np.bincount(cells)
        found = np.flatnonzero(every)
        pixels = every[found]
    else:
        found, pixels = np.unique(cells, return_counts=True)
    return Overlaps(prediction_labels, reference_labels, found // width, found % width, pixels)


def counted_pixels(
    prediction: npt.ArrayLike, reference: npt.ArrayLike, ignore_index: int | None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The labels of the pixels that count, flat, of the prediction and of the reference.

    Raises:
        MetricError: shapes differ, or a counted label is negative or no whole number.
    """
    predicted, true = check_labels(prediction, reference)
    flat_prediction, flat_reference = predicted.ravel(), true.ravel()
    if ignore_index is not None:
        counts = flat_reference != ignore_index
        if not counts.all():
            flat_prediction, flat_reference = flat_prediction[counts], flat_reference[counts]
    for name, labels in (("prediction", flat_prediction), ("reference", flat_reference)):
        if labels.size and labels.min() < 0:
            raise MetricError(f"Labels count from 0 up, but the {name} has {labels.min()}.")
    return flat_prediction, flat_reference


def check_labels(
    prediction: npt.ArrayLike, reference: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The two as arrays of whole numbers; a mask counts as labels 0 and 1.

    Raises:
        MetricError: shapes differ, or one does not consist of whole numbers.
    """
    checked = []
    for name, given in (("prediction", prediction), ("reference", reference)):
        labels = np.asarray(given)
        if labels.dtype.kind not in "biu":
            raise MetricError(f"Labels are whole numbers, but the {name} is {labels.dtype}.")
        if labels.dtype.kind == "b":
            labels = labels.view(np.uint8)
        # NumPy counts in int64 and takes every type that fits into it.
        checked.append(labels.astype(np.int64) if labels.dtype == np.uint64 else labels)
    check_shapes(*checked)
    return checked[0], checked[1]


def check_masks(
    prediction: npt.ArrayLike, reference: npt.ArrayLike
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """The two as bool arrays.

    Raises:
        MetricError: shapes differ, or one is not of dtype bool.
    """
    predicted, true = np.asarray(prediction), np.asarray(reference)
    for name, mask in (("prediction", predicted), ("reference", true)):
        if mask.dtype != np.bool_:
            raise MetricError(f"A mask is of dtype bool, but the {name} is {mask.dtype}.")
    check_shapes(predicted, true)
    return predicted, true


def check_shapes(prediction: npt.NDArray[Any], reference: npt.NDArray[Any]) -> None:
    """Raises a MetricError if the shapes differ: nothing is ever broadcast."""
    if prediction.shape != reference.shape:
        raise MetricError(
            "Prediction and reference must be of one shape, "
            f"but are {prediction.shape} and {reference.shape}."
        )


def _number(labels: npt.NDArray[Any]) -> tuple[Counts, Counts]:
    """For each pixel the place of its label among those that occur, and those, ascending."""
    if labels.max(initial=0) >= MOST_COUNTERS:
        found, places = np.unique(labels, return_inverse=True)
        return places, found.astype(np.int64)
    occurs = np.bincount(labels) > 0
    return np.take(np.cumsum(occurs) - 1, labels), np.flatnonzero(occurs)


def _sums(places: Counts, pixels: Counts, length: int) -> Counts:
    # Sums of whole numbers stay exact in float64 up to 2^53, more pixels than fit in memory.
    return np.bincount(places, weights=pixels, minlength=length).astype(np.int64)
