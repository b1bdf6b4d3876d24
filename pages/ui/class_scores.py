"""Scores of a class map against the ground truth of a scene."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import streamlit as st

from pages.ui import cache
from pages.ui.painting import Finished
from pages.ui.score_charts import class_bars, confusion_heatmap
from pages.ui.score_views import (
    HIT,
    INVENTED,
    MISSED,
    dimmed,
    draw_download,
    draw_numbers,
    draw_panes,
    draw_three_colors,
    paint_three,
    reach,
)
from segcore.metrics import ClassScores, Confusion, class_boundary_f1
from segcore.metrics.overlap import mean_of_known
from segcore.render import Colors, colorize, jpeg, overlay, segment_colors
from segcore.result import Image, Labels, Mask, Segment, Segmentation
from segcore.scenes.scene import Scene

ALL = "All classes"


@dataclass(frozen=True, eq=False)
class Comparison:
    """A class map beside the truth, both in the labels of the scene.

    Attributes:
        names: names[label - 1] is what a class of the scene is called.
        zero: what the label 0 of the prediction means.
        prediction: int32 H×W; 0 = background, or no class that the scene has.
        asked: bool H×W, the pixels that count.
        scores: pooled over these pixels, label 0 included.
        boundary: (classes + 1,) boundary F of each label, NaN for one that is nowhere.
        strange: names of predicted classes that the scene does not have.
    """

    names: tuple[str, ...]
    zero: str
    prediction: Labels
    asked: Mask
    scores: ClassScores
    boundary: npt.NDArray[np.float64]
    strange: tuple[str, ...]

    @property
    def present(self) -> list[int]:
        """Labels of the classes that are in the truth or in the result."""
        seen = self.scores.matrix.sum(axis=0) + self.scores.matrix.sum(axis=1)
        return [int(label) for label in np.flatnonzero(seen) if label > 0]

    @property
    def colors(self) -> Colors:
        """Colour of each label of the scene."""
        return segment_colors(
            [Segment(label, name) for label, name in enumerate(self.names, start=1)]
        )


def compare(result: Segmentation, scene: Scene, *, has_background: bool) -> Comparison:
    """Every score of a class map against a scene.

    Args:
        result: its segments are classes, matched with those of the scene by name.
        scene: the truth.
        has_background: whether the network may answer "background"; else what the scene does not
            name is not asked for and does not count.
    """
    label_of = {name: label for label, name in enumerate(scene.names, start=1)}
    table = np.zeros(1 + max((s.label for s in result.segments), default=0), np.int32)
    for segment in result.segments:
        table[segment.label] = label_of.get(segment.name, 0)
    prediction: Labels = table[result.labels]
    n_labels, ignored = len(scene.names) + 1, None if has_background else 0
    confusion = Confusion(n_labels, ignored)
    confusion.update(prediction, scene.labels)
    return Comparison(
        scene.names,
        "Background" if has_background else "none of these",
        prediction,
        np.full(scene.labels.shape, True) if has_background else scene.labels > 0,
        confusion.result(),
        class_boundary_f1(prediction, scene.labels, n_labels, ignore_index=ignored),
        tuple(s.name for s in result.segments if s.name not in label_of),
    )


def draw_class_scores(finished: Finished, scene: Scene, *, has_background: bool) -> None:
    """Numbers, pictures, a chart per class and the confusion matrix."""
    result = finished.run.segmentation
    compared = cache.scores.get(
        (*finished.name, "scores"), lambda: compare(result, scene, has_background=has_background)
    )
    draw_numbers(_numbers(compared))
    if compared.strange:
        st.caption(
            f"{', '.join(compared.strange)}: no class of this scene; its pixels count as "
            f"{compared.zero}."
        )
    st.caption(
        "Means are over the classes that are in the truth or in the result: one that is only "
        "invented counts as 0, one that is nowhere does not count."
    )
    _draw_pictures(finished, scene, compared)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### Each class")
        _draw_bars(compared)
    with right:
        st.markdown("##### What is taken for what, in percent of each row")
        _draw_confusion(compared)


def _numbers(compared: Comparison) -> list[tuple[str, float, str]]:
    """Title, value and meaning of each score."""
    scores = compared.scores
    return [
        (
            "Mean IoU",
            mean_of_known(scores.iou[1:]),
            "Overlap over union, averaged over the classes: the rarest counts as much as the "
            "largest.",
        ),
        (
            "Pixel accuracy",
            scores.pixel_accuracy,
            "Share of right pixels: the large classes decide, small things hardly matter.",
        ),
        (
            "Mean Dice",
            mean_of_known(scores.dice[1:]),
            "Twice the overlap over the sum of both areas: as IoU, but kinder to halves.",
        ),
        (
            "Boundary F",
            mean_of_known(compared.boundary[1:]),
            f"Outlines within {reach(compared.prediction)}, averaged over the classes: rewards "
            "sharp edges, which IoU hardly sees.",
        ),
    ]


def _draw_pictures(finished: Finished, scene: Scene, compared: Comparison) -> None:
    """Truth, result, and where they differ, in all classes or in a chosen one."""
    options = [ALL, *(compared.names[label - 1] for label in compared.present)]
    if st.session_state.get("scores.class") not in options:
        st.session_state["scores.class"] = ALL
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Right and wrong in", options, key="scores.class", width=220, persist_state="session"
        )
        values = ", ".join(f"{n} {name}" for n, name in enumerate(compared.names, start=1))
        draw_download(finished, scene.semantic, f"0 nothing, {values}")
    image = finished.picture.image

    def make() -> tuple[bytes, bytes, bytes]:
        truth, found = (
            overlay(image, labels, 0.7, compared.colors)
            for labels in (scene.labels, compared.prediction)
        )
        wrong = _paint_wrong(image, scene.labels, compared, chosen)
        return jpeg(truth), jpeg(found), jpeg(wrong)

    files = cache.pictures.get((*finished.name, "right and wrong", chosen), make)
    title = "Wrong pixels" if chosen == ALL else f"{chosen}: right and wrong"
    draw_panes(finished, dict(zip(("Ground truth", "Result", title), files, strict=True)))
    if chosen == ALL:
        st.caption("Wrong pixels have the colour of the class that they were taken for.")
    else:
        draw_three_colors()


def _paint_wrong(image: Image, reference: Labels, compared: Comparison, chosen: str) -> Image:
    """Wrong pixels on the dim image; of one class its hits, misses and false alarms."""
    prediction = compared.prediction
    if chosen == ALL:
        wrong = compared.asked & (prediction != reference)
        colors = colorize(prediction, compared.colors)
        return np.asarray(cv2.copyTo(colors, wrong.view(np.uint8), dimmed(image)), np.uint8)
    label = compared.names.index(chosen) + 1
    found, true = prediction == label, reference == label
    which = np.zeros(reference.shape, np.int32)
    which[found & true] = HIT
    which[true & ~found] = MISSED
    which[found & ~true & compared.asked] = INVENTED
    return paint_three(image, which)


def _draw_bars(compared: Comparison) -> None:
    present, scores = compared.present, compared.scores
    st.plotly_chart(
        class_bars(
            [compared.names[label - 1] for label in present],
            {"IoU": scores.iou[present], "Dice": scores.dice[present]},
        ),
        key="scores.classes",
        config={"displayModeBar": False},
        alt="IoU and Dice of each class",
    )


def _draw_confusion(compared: Comparison) -> None:
    matrix, names = compared.scores.matrix, [compared.zero, *compared.names]
    rows = [label for label in range(len(names)) if matrix[label].any()]
    columns = [label for label in range(len(names)) if label in rows or matrix[:, label].any()]
    st.plotly_chart(
        confusion_heatmap(
            [names[label] for label in rows],
            [names[label] for label in columns],
            matrix[np.ix_(rows, columns)],
        ),
        key="scores.confusion",
        config={"displayModeBar": False},
        alt="Confusion matrix: rows are the ground truth, columns the result",
    )
