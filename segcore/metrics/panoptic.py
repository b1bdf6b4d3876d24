"""Panoptic quality: which segments were found, and how well, things and stuff in one score.

Source: A. Kirillov, K. He, R. Girshick, C. Rother and P. Dollár (2019), "Panoptic Segmentation",
with the treatment of void and crowds as in the authors' evaluation for COCO.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segcore.errors import MetricError
from segcore.metrics.counts import Counts, count_overlaps
from segcore.result import Segment, Segmentation, count_labels


@dataclass(frozen=True)
class SegmentPair:
    """A predicted segment and the segment of the reference that it matches.

    Attributes:
        prediction: the predicted segment.
        reference: the segment of the reference, of the same name.
        iou: their intersection over union without void, more than 0.5.
    """

    prediction: Segment
    reference: Segment
    iou: float


@dataclass(frozen=True)
class PanopticMatch:
    """How the segments of one image were matched.

    Attributes:
        matched: true positives.
        missed: false negatives: segments of the reference without a partner.
        invented: false positives: predicted segments without a partner.
        excused: predicted segments without a partner that lie mostly on void or on a crowd of
            their name, and do not count.
    """

    matched: tuple[SegmentPair, ...]
    missed: tuple[Segment, ...]
    invented: tuple[Segment, ...]
    excused: tuple[Segment, ...]


@dataclass(frozen=True)
class Quality:
    """Panoptic, segmentation and recognition quality, 0 to 1; means over classes, each its own.

    Attributes:
        pq: panoptic quality.
        sq: segmentation quality: mean IoU of what was found.
        rq: recognition quality: F1 of finding it.
        n_classes: number of classes in the means; without any the three are NaN.
    """

    pq: float
    sq: float
    rq: float
    n_classes: int


@dataclass(frozen=True)
class ClassQuality:
    """Counts of one class over all images, and the qualities made of them.

    Attributes:
        name: name of the class.
        is_thing: whether its segments are countable objects.
        iou_sum: sum of the IoU of its matched segments.
        tp: number of matched segments.
        fp: number of predicted segments without a partner.
        fn: number of segments of the reference without a partner.
    """

    name: str
    is_thing: bool
    iou_sum: float
    tp: int
    fp: int
    fn: int

    @property
    def sq(self) -> float:
        """Mean IoU of the matched segments; 0 if none is."""
        return self.iou_sum / self.tp if self.tp else 0.0

    @property
    def rq(self) -> float:
        """TP / (TP + FP/2 + FN/2)."""
        return self.tp / (self.tp + (self.fp + self.fn) / 2)

    @property
    def pq(self) -> float:
        """SQ × RQ."""
        return self.sq * self.rq


@dataclass(frozen=True)
class PanopticScores:
    """Panoptic quality over all images that were counted.

    Attributes:
        overall: means over all classes.
        things: means over the classes of countable objects.
        stuff: means over the other classes.
        classes: the classes with at least one segment that counts, in alphabetical order.
        matches: how the segments were matched, one entry per image.
    """

    overall: Quality
    things: Quality
    stuff: Quality
    classes: tuple[ClassQuality, ...]
    matches: tuple[PanopticMatch, ...]


class PanopticQuality:
    """Panoptic quality of many images: segments are counted per class over all of them."""

    def __init__(self) -> None:
        self._matches: list[PanopticMatch] = []

    def update(
        self, prediction: Segmentation, reference: Segmentation, crowd: Collection[int] = ()
    ) -> PanopticMatch:
        """Matches the segments of one image and counts them; see `match_segments`."""
        self._matches.append(match_segments(prediction, reference, crowd))
        return self._matches[-1]

    def result(self) -> PanopticScores:
        """Scores of all images so far.

        Whether a class is a thing is what the reference says; of a class that the reference never
        has, what the prediction says.
        """
        pairs = [pair for match in self._matches for pair in match.matched]
        missed = [segment for match in self._matches for segment in match.missed]
        invented = [segment for match in self._matches for segment in match.invented]
        of_reference = [*(pair.reference for pair in pairs), *missed]
        is_thing = {segment.name: segment.is_thing for segment in [*invented, *of_reference]}
        classes = tuple(
            ClassQuality(
                name,
                is_thing[name],
                iou_sum=sum(pair.iou for pair in pairs if pair.reference.name == name),
                tp=sum(pair.reference.name == name for pair in pairs),
                fp=sum(segment.name == name for segment in invented),
                fn=sum(segment.name == name for segment in missed),
            )
            for name in sorted(is_thing)
        )
        return PanopticScores(
            overall=_means(classes),
            things=_means(quality for quality in classes if quality.is_thing),
            stuff=_means(quality for quality in classes if not quality.is_thing),
            classes=classes,
            matches=tuple(self._matches),
        )


def panoptic_quality(
    prediction: Segmentation, reference: Segmentation, crowd: Collection[int] = ()
) -> PanopticScores:
    """Panoptic quality PQ = SQ × RQ of one image; `PanopticQuality` pools many (Kirillov, 2019).

    Rewards segments of the right class that overlap the right one by more than half, each as much
    as any other, weighed by how well they overlap.

    Args:
        prediction: labels H×W and segments; 0 is unlabelled.
        reference: the same of the same shape; 0 is void.
        crowd: labels of the reference that stand for crowds, not for single objects.

    Returns:
        The scores, 0 to 1, with the matched segments in `matches[0]`. A class without a segment
        in either is left out of the means; without any class these are NaN. A class without a
        match has an SQ of 0, so that the mean PQ is not the product of the means.

    Raises:
        MetricError: as `match_segments`.
    """
    pooled = PanopticQuality()
    pooled.update(prediction, reference, crowd)
    return pooled.result()


def match_segments(
    prediction: Segmentation, reference: Segmentation, crowd: Collection[int] = ()
) -> PanopticMatch:
    """Which predicted segment matches which of the reference: same name, IoU > 0.5.

    No segment can match two. Pixels that are void in the reference belong to no union. A predicted
    segment without a partner is excused if more than half of it lies on void or on a crowd of its
    name; crowds need no partner. Stuff is uncountable: several segments of one name are one.

    Args:
        prediction: labels H×W and segments; 0 is unlabelled: its pixels count as missed.
        reference: the same of the same shape; 0 is void.
        crowd: labels of the reference that stand for crowds, not for single objects.

    Raises:
        MetricError: shapes differ, a label is negative or no whole number, or a label other than
            0 has no segment.
    """
    overlaps = count_overlaps(
        _with_stuff_joined(prediction, ()), _with_stuff_joined(reference, crowd)
    )
    predicted = _segments_of(overlaps.prediction, prediction, "prediction")
    true = _segments_of(overlaps.reference, reference, "reference")
    names = {name: n for n, name in enumerate({one.name for one in [*predicted, *true]})}
    names_predicted = np.array([names[one.name] if one.label else -1 for one in predicted], int)
    names_true = np.array([names[one.name] if one.label else -2 for one in true], int)
    is_crowd = np.isin(overlaps.reference, list(crowd))

    rows, columns, pixels = overlaps.rows, overlaps.columns, overlaps.pixels
    areas = overlaps.prediction_areas
    same_name = names_true[rows] == names_predicted[columns]
    on_void = _sum_where(overlaps.reference[rows] == 0, columns, pixels, len(areas))
    on_crowd = _sum_where(same_name & is_crowd[rows], columns, pixels, len(areas))
    unions = (areas - on_void)[columns] + overlaps.reference_areas[rows] - pixels
    # A pair on void alone has no union; it is never of one name.
    ious = pixels / np.maximum(unions, 1)
    hits = np.flatnonzero(same_name & ~is_crowd[rows] & (ious > 0.5))

    missing = (overlaps.reference > 0) & ~is_crowd
    missing[rows[hits]] = False
    alone = overlaps.prediction > 0
    alone[columns[hits]] = False
    excused = alone & (2 * (on_void + on_crowd) > areas)
    return PanopticMatch(
        matched=tuple(
            SegmentPair(predicted[columns[k]], true[rows[k]], float(ious[k])) for k in hits
        ),
        missed=tuple(true[k] for k in np.flatnonzero(missing)),
        invented=tuple(predicted[k] for k in np.flatnonzero(alone & ~excused)),
        excused=tuple(predicted[k] for k in np.flatnonzero(excused)),
    )


def _with_stuff_joined(segmentation: Segmentation, crowd: Collection[int]) -> npt.NDArray[Any]:
    """The label map with the stuff of one name under the label of its first segment."""
    first: dict[str, int] = {}
    joined = {
        segment.label: first.setdefault(segment.name, segment.label)
        for segment in segmentation.segments
        if not segment.is_thing and segment.label not in crowd
    }
    labels = segmentation.labels
    if len(first) == len(joined) or labels.min(initial=0) < 0:
        return labels
    table = np.arange(max(len(count_labels(labels)), max(joined) + 1))
    table[list(joined)] = list(joined.values())
    return np.take(table, labels)


def _segments_of(labels: Counts, segmentation: Segmentation, side: str) -> list[Segment]:
    """The segment of each label, a nameless one for 0."""
    segments = {segment.label: segment for segment in segmentation.segments}
    unknown = [int(label) for label in labels if label and label not in segments]
    if unknown:
        raise MetricError(f"Every label needs a segment, but {unknown[0]} of the {side} has none.")
    return [segments[int(label)] if label else Segment(0, "") for label in labels]


def _sum_where(where: npt.NDArray[np.bool_], places: Counts, pixels: Counts, length: int) -> Counts:
    return np.bincount(places[where], weights=pixels[where], minlength=length).astype(np.int64)


def _means(classes: Iterable[ClassQuality]) -> Quality:
    chosen = list(classes)
    if not chosen:
        return Quality(float("nan"), float("nan"), float("nan"), 0)
    return Quality(
        pq=float(np.mean([one.pq for one in chosen])),
        sq=float(np.mean([one.sq for one in chosen])),
        rq=float(np.mean([one.rq for one in chosen])),
        n_classes=len(chosen),
    )
