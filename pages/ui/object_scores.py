"""Scores of separate objects, such as nuclei, against the ground truth of a scene."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import streamlit as st

from pages.ui import cache
from pages.ui.charts import figure
from pages.ui.painting import Finished, fill, keep
from pages.ui.score_views import (
    draw_download,
    draw_numbers,
    draw_pairs,
    draw_panes,
    draw_three_colors,
    paint_match,
    reach,
)
from segcore.charts import Curve, Series
from segcore.export import boxes as tight_boxes
from segcore.metrics import (
    PanopticMatch,
    PrecisionScores,
    Quality,
    ReferenceInstance,
    ScoredInstance,
    SegmentPair,
    average_precision,
    boundary_f1,
    dice,
    instance_f,
    panoptic_quality,
    reference_instances,
    scored_instances,
)
from segcore.metrics.precision import Box
from segcore.render import jpeg
from segcore.result import Image, Segment, Segmentation
from segcore.scenes.scene import Scene

BACKGROUND = "Background"
OPACITY = 0.7
THRESHOLDS = np.arange(0.5, 0.96, 0.05)  # of the IoU, as the Data Science Bowl 2018 takes them


@dataclass(frozen=True, eq=False)
class Objects:
    """Separate objects beside the true ones.

    Attributes:
        found: (10,) TP / (TP + FP + FN) at each of THRESHOLDS, whatever the classes.
        quality: panoptic quality of the objects alone, mean over their classes.
        match: which objects answer to one another: one class, IoU above 0.5; labels are one too
            high, and the background is matched as well.
        dice: of all objects together against the background.
        boundary: F of the outlines.
        masks, boxes: average precision, if the objects have scores.
    """

    found: npt.NDArray[np.float64]
    quality: Quality
    match: PanopticMatch
    dice: float
    boundary: float
    masks: PrecisionScores | None
    boxes: PrecisionScores | None


def compare_objects(result: Segmentation, truth: Segmentation) -> Objects:
    """Every score of separate objects (0 = background) against the true ones."""
    panoptic = panoptic_quality(_beside_background(result), _beside_background(truth))
    prediction, reference = result.labels, truth.labels
    has_scores = any(segment.score is not None for segment in result.segments)
    return Objects(
        np.array([instance_f(prediction, reference, float(t)) for t in THRESHOLDS]),
        panoptic.things,
        panoptic.matches[0],
        dice(prediction > 0, reference > 0),
        boundary_f1(prediction, reference),
        _precision_of_masks(result, truth) if has_scores else None,
        _precision_of_boxes(result, truth) if has_scores else None,
    )


def _beside_background(objects: Segmentation) -> Segmentation:
    """Objects on a background that is a segment as well: none of it is void."""
    moved = (replace(segment, label=segment.label + 1) for segment in objects.segments)
    return Segmentation(objects.labels + 1, (Segment(1, BACKGROUND), *moved))


def _precision_of_masks(result: Segmentation, truth: Segmentation) -> PrecisionScores:
    return average_precision([scored_instances(result)], [reference_instances(truth)])


def _precision_of_boxes(result: Segmentation, truth: Segmentation) -> PrecisionScores:
    found, true = (
        [(segment, _box(segment, around)) for segment in side.segments]
        for side, around in (
            (result, tight_boxes(result.labels)),
            (truth, tight_boxes(truth.labels)),
        )
    )
    return average_precision(
        [[ScoredInstance(box, one.name, float(one.score or 0)) for one, box in found]],
        [[ReferenceInstance(box, one.name) for one, box in true]],
    )


def _box(segment: Segment, around: npt.NDArray[np.int64]) -> Box:
    """The box that was predicted, else the one around the pixels."""
    left, top, right, bottom = segment.box or around[segment.label].tolist()
    return left, top, right, bottom


def only_classes(truth: Segmentation, names: Collection[str]) -> Segmentation:
    """The true objects of some classes: those that were asked for."""
    chosen = tuple(segment for segment in truth.segments if segment.name in names)
    return Segmentation(keep(truth.labels, [segment.label for segment in chosen]), chosen)


def draw_object_scores(finished: Finished, scene: Scene, names: Collection[str]) -> None:
    """Numbers, pictures, and how the share of objects found falls with the threshold.

    Args:
        finished: the run.
        scene: the truth.
        names: classes that the run was asked for; objects of others are not missed.
    """
    result = finished.run.segmentation
    truth = only_classes(scene.separate, names)
    compared = cache.scores.get((*finished.name, "scores"), lambda: compare_objects(result, truth))
    if compared.masks is not None and compared.boxes is not None:
        draw_numbers(_precision_numbers(compared.masks, compared.boxes))
        draw_numbers(_quality_numbers(compared))
    else:
        draw_numbers(_object_numbers(compared, scene))
    draw_download(finished, truth, "0 background, else the number of the object")
    image = finished.picture.image

    def make() -> tuple[bytes, bytes, bytes]:
        true, found = (fill(image, one, one.labels, OPACITY) for one in (truth, result))
        return jpeg(true), jpeg(found), jpeg(_paint_objects(image, result, truth, compared.match))

    files = cache.pictures.get((*finished.name, "right and wrong objects"), make)
    titles = ("Ground truth", "Result", "Right and wrong objects")
    draw_panes(finished, dict(zip(titles, files, strict=True)))
    draw_three_colors(of_segments=True)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### Found, as the threshold rises")
        line = Series("found", THRESHOLDS, compared.found)
        st.plotly_chart(
            figure(Curve((line,), "IoU from which an object counts as found", "objects found")),
            key="scores.thresholds",
            config={"displayModeBar": False},
            alt="Share of the objects found over the threshold of the IoU",
        )
    with right:
        st.markdown("##### Each object")
        draw_pairs(_without_background(compared.match), "scores.pairs")


def _precision_numbers(
    masks: PrecisionScores, boxes: PrecisionScores
) -> list[tuple[str, float, str]]:
    rule = "COCO's average precision, mean over the classes"
    return [
        (
            "Mask AP50",
            masks.ap50,
            f"{rule}: rewards finding each thing (IoU of the masks from 0.5 up), and scores that "
            "put the right ones first. Masks as shown, overlaps resolved.",
        ),
        ("Mask AP", masks.ap, "The same, averaged over IoU 0.50, 0.55, …, 0.95: rewards outlines."),
        ("Box AP50", boxes.ap50, f"{rule}, of the boxes as they were predicted."),
        ("Box AP", boxes.ap, "The same, averaged over IoU 0.50, 0.55, …, 0.95."),
    ]


def _quality_numbers(compared: Objects) -> list[tuple[str, float, str]]:
    right, missed, invented = _counts(compared.match)
    quality = compared.quality
    return [
        (
            "Objects found",
            right / max(1, right + missed + invented),
            f"{right} right (IoU > 0.5 and the right class), {missed} missed, {invented} invented: "
            "the share of the right ones.",
        ),
        ("PQ", quality.pq, "Panoptic quality: of each class SQ × RQ, averaged over the classes."),
        ("SQ", quality.sq, "How well those found are covered: mean IoU."),
        ("RQ", quality.rq, "F1 of finding them."),
    ]


def _counts(match: PanopticMatch) -> tuple[int, int, int]:
    """Things that are right, missed and invented."""
    right = sum(pair.reference.is_thing for pair in match.matched)
    missed, invented = (sum(s.is_thing for s in part) for part in (match.missed, match.invented))
    return right, missed, invented


def _object_numbers(compared: Objects, scene: Scene) -> list[tuple[str, float, str]]:
    right, missed, invented = _counts(compared.match)
    quality = compared.quality
    return [
        (
            "Objects found",
            float(compared.found[0]),
            f"{right} right (IoU > 0.5), {missed} missed, {invented} invented: the share of the "
            "right ones. Rewards taking touching objects apart.",
        ),
        (
            "Dice",
            compared.dice,
            "All objects together against the background: two that grew into one cost nothing.",
        ),
        (
            "Boundary F",
            compared.boundary,
            f"Outlines within {reach(scene.labels)}, those between touching objects as well.",
        ),
        (
            "Panoptic quality",
            quality.pq,
            f"How well those found are covered (SQ {quality.sq:.3f}) times how many are found (RQ "
            f"{quality.rq:.3f}): all objects weigh the same.",
        ),
    ]


def _without_background(match: PanopticMatch) -> PanopticMatch:
    """The match of the things, with their own labels."""

    def own(segments: Iterable[Segment]) -> tuple[Segment, ...]:
        return tuple(_own(segment) for segment in segments if segment.is_thing)

    pairs = (pair for pair in match.matched if pair.reference.is_thing)
    return PanopticMatch(
        tuple(SegmentPair(_own(p.prediction), _own(p.reference), p.iou) for p in pairs),
        own(match.missed),
        own(match.invented),
        own(match.excused),
    )


def _own(segment: Segment) -> Segment:
    return replace(segment, label=segment.label - 1)


def _paint_objects(
    image: Image, result: Segmentation, truth: Segmentation, match: PanopticMatch
) -> Image:
    return paint_match(image, result, truth, _without_background(match))
