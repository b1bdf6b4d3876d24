"""Average precision of detected objects, as COCO defines it.

Source: T.-Y. Lin et al. (2014), "Microsoft COCO: Common Objects in Context", and its evaluation:
IoU thresholds 0.50, 0.55, …, 0.95, precision read at 101 levels of recall, at most 100 objects per
image and class, objects of all sizes.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.errors import MetricError
from segcore.metrics.counts import Counts, Scores
from segcore.metrics.overlap import mean_of_known
from segcore.metrics.runs import RunLengths, encode_labels, encode_mask, intersections
from segcore.result import Mask, Segmentation

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Region: TypeAlias = RunLengths | Mask | Box

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MAX_DETECTIONS = 100  # of a class on an image, as COCO counts

_Flags: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ScoredInstance:
    """A detected object.

    Attributes:
        region: its mask, bool H×W or as run lengths, or its box (left, top, right, bottom).
        name: name of its class.
        score: confidence; only the order of scores counts.
    """

    region: Region
    name: str
    score: float


@dataclass(frozen=True, eq=False)
class ReferenceInstance:
    """An object of the reference.

    Attributes:
        region: its mask, bool H×W or as run lengths, or its box (left, top, right, bottom).
        name: name of its class.
        is_crowd: whether it stands for a crowd: it need not be found, and any number of objects
            may be found inside without being wrong.
    """

    region: Region
    name: str
    is_crowd: bool = False


@dataclass(frozen=True)
class ClassPrecision:
    """Average precision of one class over all images, 0 to 1; NaN for one without references.

    Attributes:
        name: name of the class.
        ap: mean over the IoU thresholds 0.50, 0.55, …, 0.95.
        ap50: at IoU 0.5.
        ap75: at IoU 0.75.
        n_references: number of objects to be found, without crowds.
        n_predictions: number of detected objects, of each image as many as count.
    """

    name: str
    ap: float
    ap50: float
    ap75: float
    n_references: int
    n_predictions: int


@dataclass(frozen=True)
class PrecisionScores:
    """Average precision over all images: means over the classes that have references.

    Attributes:
        ap: mean over the IoU thresholds 0.50, 0.55, …, 0.95; NaN if no class has references.
        ap50: at IoU 0.5; NaN likewise.
        ap75: at IoU 0.75; NaN likewise.
        classes: every class that occurs, in alphabetical order.
    """

    ap: float
    ap50: float
    ap75: float
    classes: tuple[ClassPrecision, ...]


@dataclass(frozen=True, eq=False)
class _ClassMatches:
    """What one image adds to one class.

    Attributes:
        scores: (d,) of the detected objects, best first.
        found: (thresholds, d) whether each found an object, or lies in a crowd.
        excused: (thresholds, d) whether what it found is a crowd.
        n_references: number of objects to be found.
    """

    scores: Scores
    found: _Flags
    excused: _Flags
    n_references: int


class AveragePrecision:
    """Average precision of many images; keeps scores and hits, no masks.

    Args:
        most: objects of a class that count on an image, the best first. COCO's number is too small
            for images that hold hundreds.
    """

    def __init__(self, most: int = MAX_DETECTIONS) -> None:
        self._most = most
        self._matches: defaultdict[str, list[_ClassMatches]] = defaultdict(list)

    def update(
        self, predictions: Sequence[ScoredInstance], references: Sequence[ReferenceInstance]
    ) -> None:
        """Matches the objects of one image; see `average_precision`."""
        predicted_regions = [_encoded(one.region) for one in predictions]
        true_regions = [_encoded(one.region) for one in references]
        if len({isinstance(one, RunLengths) for one in [*predicted_regions, *true_regions]}) > 1:
            raise MetricError("Objects of one image must have masks all or boxes all.")
        scores = np.array([one.score for one in predictions], np.float64)
        if not np.isfinite(scores).all():
            raise MetricError("Scores must be finite numbers.")
        names = {one.name for one in predictions} | {one.name for one in references}
        for name in sorted(names):
            chosen = np.array([k for k, one in enumerate(predictions) if one.name == name], int)
            # A stable sort: of equal scores the first given comes first.
            chosen = chosen[np.argsort(-scores[chosen], kind="stable")][: self._most]
            wanted = [k for k, one in enumerate(references) if one.name == name]
            is_crowd = np.array([references[k].is_crowd for k in wanted], bool)
            ious = _ious(
                [predicted_regions[k] for k in chosen], [true_regions[k] for k in wanted], is_crowd
            )
            found, excused = _match(ious, is_crowd)
            n_references = int(np.count_nonzero(~is_crowd))
            self._matches[name].append(_ClassMatches(scores[chosen], found, excused, n_references))

    def result(self) -> PrecisionScores:
        """Scores of all images so far."""
        classes = tuple(
            _class_precision(name, self._matches[name]) for name in sorted(self._matches)
        )
        return PrecisionScores(
            ap=mean_of_known(np.array([one.ap for one in classes], np.float64)),
            ap50=mean_of_known(np.array([one.ap50 for one in classes], np.float64)),
            ap75=mean_of_known(np.array([one.ap75 for one in classes], np.float64)),
            classes=classes,
        )


def average_precision(
    predictions: Sequence[Sequence[ScoredInstance]],
    references: Sequence[Sequence[ReferenceInstance]],
    *,
    most: int = MAX_DETECTIONS,
) -> PrecisionScores:
    """COCO's average precision of detected objects (Lin et al., 2014).

    Rewards finding every object with a good outline, and scores that put the right ones first.

    Within an image and class the detected objects, best first, take the free object of the
    reference with the greatest IoU, if that is at least the threshold; else a crowd, of which the
    union is the detected object alone, so that they do not count. Detected objects beyond the
    best `most` are dropped. Over all images, the greatest precision at or beyond each of 101 levels
    of recall is averaged.

    Args:
        predictions: for each image its detected objects, all with masks or all with boxes.
        references: for each image, in the same order, the objects to be found.
        most: objects of a class that count on an image.

    Returns:
        The scores, 0 to 1. A class that the reference never has does not count, NaN; one that is
        never detected scores 0.

    Raises:
        MetricError: the numbers of images differ, the objects of an image have masks of several
            sizes or both masks and boxes, a mask is not bool H×W, a box is not (left, top, right,
            bottom) with left ≤ right and top ≤ bottom, or a score is not finite.
    """
    if len(predictions) != len(references):
        raise MetricError(
            "Predictions and references must be of the same images, "
            f"but are of {len(predictions)} and {len(references)}."
        )
    pooled = AveragePrecision(most)
    for of_prediction, of_reference in zip(predictions, references, strict=True):
        pooled.update(of_prediction, of_reference)
    return pooled.result()


def scored_instances(segmentation: Segmentation) -> list[ScoredInstance]:
    """The things of a segmentation as detected objects; the class is the segment's name.

    A segment without a score gets 1, so that the order of the segments decides.
    """
    masks = encode_labels(segmentation.labels)
    return [
        ScoredInstance(masks[one.label], one.name, 1.0 if one.score is None else one.score)
        for one in segmentation.segments
        if one.is_thing and one.label in masks
    ]


def reference_instances(
    segmentation: Segmentation, crowd: Collection[int] = ()
) -> list[ReferenceInstance]:
    """The things of a segmentation as objects to be found; the class is the segment's name.

    Args:
        segmentation: labels and segments of the reference.
        crowd: labels that stand for crowds.
    """
    masks = encode_labels(segmentation.labels)
    return [
        ReferenceInstance(masks[one.label], one.name, one.label in crowd)
        for one in segmentation.segments
        if one.is_thing and one.label in masks
    ]


def _encoded(region: Region) -> RunLengths | Box:
    if isinstance(region, RunLengths):
        return region
    if isinstance(region, np.ndarray) and region.ndim == 2:
        return encode_mask(region)
    corners = np.asarray(region, np.float64)
    if corners.shape != (4,) or not (corners[:2] <= corners[2:]).all():
        raise MetricError(f"A box is (left, top, right, bottom), but this is {region}.")
    left, top, right, bottom = corners.tolist()
    return left, top, right, bottom


def _ious(
    predicted: Sequence[RunLengths | Box], true: Sequence[RunLengths | Box], is_crowd: _Flags
) -> Scores:
    """IoU (p, r); of a crowd, the share of the detected object that lies in it."""
    masks_predicted = [region for region in predicted if isinstance(region, RunLengths)]
    masks_true = [region for region in true if isinstance(region, RunLengths)]
    if masks_predicted or masks_true:
        shared: Counts | Scores = intersections(masks_predicted, masks_true)
        predicted_areas = np.array([runs.area for runs in masks_predicted], np.float64)
        true_areas = np.array([runs.area for runs in masks_true], np.float64)
    else:
        boxes = [np.array(side, np.float64).reshape(-1, 4) for side in (predicted, true)]
        predicted_areas, true_areas = ((b[:, 2:] - b[:, :2]).prod(axis=1) for b in boxes)
        first = np.maximum(boxes[0][:, None, :2], boxes[1][None, :, :2])
        last = np.minimum(boxes[0][:, None, 2:], boxes[1][None, :, 2:])
        shared = np.maximum(last - first, 0).prod(axis=2)
    unions = predicted_areas[:, None] + np.where(is_crowd, 0, true_areas - shared)
    return np.divide(shared, unions, out=np.zeros(shared.shape), where=unions > 0)


def _match(ious: Scores, is_crowd: _Flags) -> tuple[_Flags, _Flags]:
    """Whether each detected object, best first, finds one at each threshold, and if a crowd.

    Args:
        ious: (p, r).
        is_crowd: (r,) whether an object of the reference is a crowd, which is never used up.

    Returns:
        Two of bool (thresholds, p).
    """
    n_predictions, n_references = ious.shape
    found = np.zeros((len(THRESHOLDS), n_predictions), bool)
    excused = np.zeros_like(found)
    if not n_references:
        return found, excused
    free = np.ones((len(THRESHOLDS), n_references), bool)
    every = np.arange(len(THRESHOLDS))
    for k, of_one in enumerate(ious):
        fits = free & (of_one >= THRESHOLDS[:, None])
        # Objects before crowds, then by IoU; of equal ones the last, as COCO's evaluation has it.
        rank = np.where(fits, of_one + np.where(is_crowd, 0, 2), -1)
        best = n_references - 1 - np.argmax(rank[:, ::-1], axis=1)
        found[:, k] = fits.any(axis=1)
        excused[:, k] = found[:, k] & is_crowd[best]
        taken = found[:, k] & ~excused[:, k]
        free[every[taken], best[taken]] = False
    return found, excused


def _class_precision(name: str, matches: Sequence[_ClassMatches]) -> ClassPrecision:
    """Average precision of a class from what each image adds to it."""
    n_references = sum(one.n_references for one in matches)
    scores = np.concatenate([one.scores for one in matches])
    values = np.full(len(THRESHOLDS), np.nan)
    if n_references:
        order = np.argsort(-scores, kind="stable")
        found = np.concatenate([one.found for one in matches], axis=1)[:, order]
        excused = np.concatenate([one.excused for one in matches], axis=1)[:, order]
        hits = np.cumsum(found & ~excused, axis=1)
        counted = np.cumsum(~excused, axis=1)
        values = np.array(
            [
                _mean_precision(h / n_references, h / np.maximum(c, 1))
                for h, c in zip(hits, counted, strict=True)
            ]
        )
    return ClassPrecision(
        name,
        ap=float(values.mean()),
        ap50=float(values[0]),
        ap75=float(values[5]),
        n_references=n_references,
        n_predictions=len(scores),
    )


def _mean_precision(recall: Scores, precision: Scores) -> float:
    """Mean of the greatest precision at or beyond each level of recall, 0 where none gets there."""
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(envelope, 0.0)[places].mean())
