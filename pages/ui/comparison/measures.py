"""Scores of one result against a reference, agreement of two, and which pixels are right.

Labels of a result have to be told which labels of the reference they answer to: by the names of
their classes where both have them, else by the best one-to-one matching.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pages.ui.comparison.truth import Truth
from segcore.metrics import (
    adapted_rand_error,
    best_matching,
    boundary_f1,
    class_iou,
    confusion_matrix,
    dice,
    iou,
    panoptic_quality,
    variation_of_information,
)
from segcore.metrics.overlap import mean_of_known
from segcore.result import Labels, Mask, Segment, Segmentation, regions

ALL, FOREGROUND = "All of it", "Foreground"  # parts of a reference, beside its classes by name
MOST_PARTS = 24  # classes that are offered one by one
RIGHT, MISSED, WRONG = 1, 2, 3


@dataclass(frozen=True)
class Score:
    """A score of the table.

    Attributes:
        title: what a column calls it.
        rewards: what it rewards, in one line.
        paper: who proposed it.
        is_error: whether less is better.
        unit: "bits", or nothing for a score from 0 to 1.
    """

    title: str
    rewards: str
    paper: str
    is_error: bool = False
    unit: str = ""


SCORES: Mapping[str, Score] = {
    "iou": Score(
        "IoU",
        "Shared pixels over all that either has; each wrong pixel counts in full.",
        "Jaccard 1901",
    ),
    "dice": Score(
        "Dice",
        "Twice the shared pixels over the sum of both areas: as IoU, but kinder to halves.",
        "Dice 1945",
    ),
    "mean_iou": Score(
        "Mean IoU",
        "IoU averaged over the labels of the truth: the smallest weighs as much as the largest.",
        "Everingham et al. 2010; matching after Kuhn 1955",
    ),
    "boundary": Score(
        "Boundary F1",
        "Outlines in the right place, within 0.75% of the diagonal, whatever lies between them.",
        "Martin et al. 2004; Csurka et al. 2013",
    ),
    "pq": Score(
        "PQ",
        "Segments found (IoU above 0.5) times how well they are covered, each as much as any.",
        "Kirillov et al. 2019",
    ),
    "rand": Score(
        "Rand error",
        "Pairs of pixels kept together or apart as in the truth; a merge of two large regions "
        "costs most.",
        "Arganda-Carreras et al. 2015, after Rand 1971",
        is_error=True,
    ),
    "over": Score(
        "VI over",
        "Over-segmentation: what knowing the truth leaves open about the result, as it was split.",
        "Meilă 2003; Nunez-Iglesias et al. 2013",
        is_error=True,
        unit="bits",
    ),
    "under": Score(
        "VI under",
        "Under-segmentation: what the result leaves open about the truth, as regions were merged.",
        "Meilă 2003; Nunez-Iglesias et al. 2013",
        is_error=True,
        unit="bits",
    ),
}

EMPTY = (
    "Two empty masks score 1: they agree in every pixel, and a 0 would punish the right answer, "
    "that there is nothing to find."
)


@dataclass(frozen=True, eq=False)
class Measured:
    """Every score of one result but those that look at a part.

    Attributes:
        values: key of SCORES -> value; NaN where there is nothing to score.
        by_name: whether classes were held against their own, not against their best match.
        mean_dice: Dice averaged over the labels that `mean_iou` is averaged over.
    """

    values: Mapping[str, float]
    by_name: bool
    mean_dice: float


@dataclass(frozen=True)
class PartScores:
    """IoU and Dice of a part.

    Attributes:
        iou, dice: 0 to 1.
        both_empty: whether neither result nor reference has any of it.
    """

    iou: float
    dice: float
    both_empty: bool = False


def class_name(segment: Segment) -> str:
    """What a segment is: "Car 3" is a car."""
    return re.sub(r"\s+\d+$", "", segment.name)


def answers_by_name(result: Segmentation, truth: Truth, *, is_named: bool) -> bool:
    """Whether classes of the result are those of the truth, each of which is one label there.

    Args:
        result: the result.
        truth: the reference.
        is_named: whether the names of the result say what its segments are, as a network's do.
    """
    names = [segment.name for segment in truth.segmentation.segments]
    if not (is_named and truth.is_named) or len(set(names)) < len(names):
        return False
    return not result.segments or bool(set(names) & set(map(class_name, result.segments)))


def parts_of(truth: Truth) -> list[str]:
    """Parts of the reference that scores may look at; the one to begin with comes first."""
    names = [segment.name for segment in truth.segmentation.segments]
    single = names if 1 < len(set(names)) == len(names) <= MOST_PARTS else []
    return [*([FOREGROUND] if truth.has_background else []), ALL, *single]


def aligned(result: Segmentation, truth: Truth, *, by_name: bool) -> Labels:
    """The result in the labels of the truth (int32 H×W); one too high where it has no partner."""
    reference = truth.segmentation
    stray = 1 + int(reference.labels.max(initial=0))
    table = np.full(1 + int(result.labels.max(initial=0)), stray, np.int32)
    if by_name:
        label_of = {segment.name: segment.label for segment in reference.segments}
        for segment in result.segments:
            table[segment.label] = label_of.get(class_name(segment), stray)
        if truth.ignore_index is None:
            table[0] = 0
    else:
        matched = best_matching(result.labels, reference.labels, truth.ignore_index)
        for pair in matched.pairs:
            table[pair.prediction] = pair.reference
    found: Labels = table[result.labels]
    return found


def measure(result: Segmentation, truth: Truth, *, is_named: bool) -> Measured:
    """Every score of a result but IoU and Dice of a part.

    Args:
        result: the result.
        truth: the reference, of the same size.
        is_named: whether the names of the result say what its segments are.
    """
    reference, void = truth.segmentation.labels, truth.ignore_index
    by_name = answers_by_name(result, truth, is_named=is_named)
    ious = _ious(aligned(result, truth, by_name=by_name), truth, by_name=by_name)
    information = variation_of_information(result.labels, reference, void)
    values = {
        "mean_iou": mean_of_known(ious),
        "boundary": boundary_f1(result.labels, reference, ignore_index=void),
        "pq": _panoptic(result, truth, is_named=is_named and truth.is_named),
        "rand": adapted_rand_error(result.labels, reference, void).error,
        "over": information.over,
        "under": information.under,
    }
    # Dice is 2 IoU / (1 + IoU), label by label.
    return Measured(values, by_name, mean_of_known(2 * ious / (1 + ious)))


def measure_part(result: Segmentation, truth: Truth, part: str, *, is_named: bool) -> PartScores:
    """IoU and Dice of one of `parts_of(truth)` other than ALL."""
    by_name = answers_by_name(result, truth, is_named=is_named)
    predicted, true = masks(result, aligned(result, truth, by_name=by_name), truth, part)
    nothing = not (predicted.any() or true.any())
    return PartScores(iou(predicted, true), dice(predicted, true), nothing)


def _ious(found: Labels, truth: Truth, *, by_name: bool) -> npt.NDArray[np.float64]:
    """IoU of every label that counts; NaN for one that is nowhere.

    By name, that are the classes in either of the two; else the labels of the reference, the
    background among them.
    """
    reference, void = truth.segmentation.labels, truth.ignore_index
    stray = 1 + int(reference.max(initial=0))
    ious = class_iou(confusion_matrix(found, reference, stray + 1, void), void)[:stray]
    if by_name:
        return ious[1:]
    occurs = np.bincount(reference.ravel(), minlength=stray)[:stray] > 0
    return np.where(occurs, ious, np.nan)


def masks(result: Segmentation, found: Labels, truth: Truth, part: str) -> tuple[Mask, Mask]:
    """What the result and the reference have of a part, without the void.

    The foreground of a result is what it does not call background. Clusterings call nothing so:
    theirs is all but the segment that answers to the true background.
    """
    reference = truth.segmentation.labels
    if part == FOREGROUND:
        has_background = bool((result.labels == 0).any())
        return (result.labels > 0 if has_background else found != 0), reference > 0
    label = next(s.label for s in truth.segmentation.segments if s.name == part)
    counts = reference != truth.ignore_index if truth.ignore_index is not None else True
    return (found == label) & counts, reference == label


def _panoptic(result: Segmentation, truth: Truth, *, is_named: bool) -> float:
    """PQ by class where both have names; else of segments, whatever they are."""
    if is_named:
        named = tuple(
            Segment(s.label, class_name(s), s.is_thing, s.score, s.box) for s in result.segments
        )
        return panoptic_quality(Segmentation(result.labels, named), truth.segmentation).overall.pq
    shift = int(truth.ignore_index is None)
    predicted, true = (_anonymous(s.labels, shift) for s in (result, truth.segmentation))
    return panoptic_quality(predicted, true).things.pq


def _anonymous(labels: Labels, shift: int) -> Segmentation:
    """Every label but 0 as an object of one class; 0 as the background behind them, if shifted."""
    objects = regions(labels + shift, "Segment")
    return Segmentation(
        objects.labels,
        tuple(
            Segment(s.label, "Background") if s.label <= shift else Segment(s.label, "S", True)
            for s in objects.segments
        ),
    )


def right_and_wrong(result: Segmentation, truth: Truth, part: str, *, is_named: bool) -> Labels:
    """RIGHT, MISSED or WRONG for every pixel (int32 H×W), 0 where there is nothing to say.

    Of all of it, a pixel is missed that has no label which answers to one of the truth, and wrong
    that has another's.
    """
    by_name = answers_by_name(result, truth, is_named=is_named)
    found, reference = aligned(result, truth, by_name=by_name), truth.segmentation.labels
    which = np.zeros(reference.shape, np.int32)
    if part == ALL:
        stray = 1 + int(reference.max(initial=0))
        nothing = (found == stray) | ((found == 0) & (truth.ignore_index == 0))
        which[...] = np.where(found == reference, RIGHT, np.where(nothing, MISSED, WRONG))
        if truth.ignore_index is not None:
            which[reference == truth.ignore_index] = 0
        return which
    predicted, true = masks(result, found, truth, part)
    which[predicted & true] = RIGHT
    which[true & ~predicted] = MISSED
    which[predicted & ~true] = WRONG
    return which


# Without a truth ---------------------------------------------------------------------------------


def agreement(one: Labels, other: Labels) -> float:
    """F1 of the pairs of pixels that two results keep together, 0 to 1, the same either way round.

    One minus the adapted Rand error (Arganda-Carreras et al. 2015), of all pixels.
    """
    return 1 - adapted_rand_error(one, other, None).error


def most_typical(matrix: npt.NDArray[np.float64]) -> int:
    """Index of the result that agrees most, on average, with all others; of (n, n) agreements."""
    others = matrix.copy()
    np.fill_diagonal(others, 0)
    return int(others.sum(axis=1).argmax())
