"""Scores of separate objects, such as nuclei, against the ground truth of a scene."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

from pages.ui import cache
from pages.ui.charts import figure
from pages.ui.result import Finished
from pages.ui.score_views import (
    HIT,
    INVENTED,
    MISSED,
    draw_download,
    draw_numbers,
    draw_panes,
    draw_three_colors,
    paint_three,
    reach,
)
from segcore.charts import Curve, Series
from segcore.metrics import (
    PanopticMatch,
    boundary_f1,
    dice,
    instance_f,
    panoptic_quality,
)
from segcore.render import jpeg, overlay
from segcore.result import Image, Labels, Segment, Segmentation
from segcore.scenes.scene import Scene

THRESHOLDS = np.arange(0.5, 0.96, 0.05)  # of the IoU, as the Data Science Bowl 2018 takes them


@dataclass(frozen=True, eq=False)
class Objects:
    """Separate objects beside the true ones.

    Attributes:
        found: (10,) TP / (TP + FP + FN) at each of THRESHOLDS.
        quality: panoptic quality of the objects alone.
        match: which objects answer to one another at an IoU of 0.5; labels are one too high.
        dice: of all objects together against the background.
        boundary: F of the outlines.
    """

    found: npt.NDArray[np.float64]
    quality: float
    match: PanopticMatch
    dice: float
    boundary: float


def compare_objects(prediction: Labels, reference: Labels) -> Objects:
    """Every score of separate objects (int32 H×W, 0 = background) against the true ones."""
    panoptic = panoptic_quality(_beside_background(prediction), _beside_background(reference))
    return Objects(
        np.array([instance_f(prediction, reference, float(t)) for t in THRESHOLDS]),
        panoptic.things.pq,
        panoptic.matches[0],
        dice(prediction > 0, reference > 0),
        boundary_f1(prediction, reference),
    )


def _beside_background(labels: Labels) -> Segmentation:
    """Objects of one class, on a background that is a segment as well: none of it is void."""
    found = (int(label) for label in np.flatnonzero(np.bincount(labels.ravel())) if label)
    things = (Segment(label + 1, "Object", is_thing=True) for label in found)
    return Segmentation(labels + 1, (Segment(1, "Background"), *things))


def draw_object_scores(finished: Finished, scene: Scene) -> None:
    """Numbers, pictures, and how the share of objects found falls with the threshold."""
    result = finished.run.segmentation
    compared = cache.scores.get(
        (*finished.name, "scores"), lambda: compare_objects(result.labels, scene.instances)
    )
    draw_numbers(_object_numbers(compared, scene))
    draw_download(finished, scene.separate, "0 background, else the number of the object")
    image = finished.picture.image

    def make() -> tuple[bytes, bytes, bytes]:
        truth, found = (overlay(image, labels, 0.7) for labels in (scene.instances, result.labels))
        return jpeg(truth), jpeg(found), jpeg(_paint_objects(finished, scene, compared))

    files = cache.pictures.get((*finished.name, "right and wrong objects"), make)
    titles = ("Ground truth", "Result", "Right and wrong objects")
    draw_panes(finished, dict(zip(titles, files, strict=True)))
    draw_three_colors()
    line = Series("found", THRESHOLDS, compared.found)
    st.plotly_chart(
        figure(Curve((line,), "IoU from which an object counts as found", "objects found")),
        key="scores.thresholds",
        config={"displayModeBar": False},
        alt="Share of the objects found over the threshold of the IoU",
    )


def _object_numbers(compared: Objects, scene: Scene) -> list[tuple[str, float, str]]:
    match = compared.match
    right = sum(pair.reference.is_thing for pair in match.matched)
    missed, invented = (sum(s.is_thing for s in part) for part in (match.missed, match.invented))
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
            compared.quality,
            "How many are found times how well they are covered: all objects weigh the same.",
        ),
    ]


def _paint_objects(finished: Finished, scene: Scene, compared: Objects) -> Image:
    """Objects as a whole: right ones and invented ones as found, missed ones as they are."""
    match = compared.match
    found = _paint(finished.run.segmentation.labels, [p.prediction for p in match.matched], HIT)
    invented = _paint(finished.run.segmentation.labels, match.invented, INVENTED)
    missed = _paint(scene.instances, match.missed, MISSED)
    which = np.where(found > 0, found, np.where(invented > 0, invented, missed))
    return paint_three(finished.picture.image, which)


def _paint(labels: Labels, segments: Iterable[Segment], value: int) -> Labels:
    """`value` where one of the things is, else 0; their labels are one too high."""
    table = np.zeros(int(labels.max()) + 1, np.int32)
    table[[segment.label - 1 for segment in segments if segment.is_thing]] = value
    painted: Labels = table[labels]
    return painted
