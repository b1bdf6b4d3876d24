"""Scores of a panoptic result: what was found and how well, stuff and things apart and together."""

from typing import Any

import streamlit as st

from pages.ui import cache
from pages.ui.painting import Finished, fill
from pages.ui.score_views import (
    TALL,
    draw_download,
    draw_numbers,
    draw_pairs,
    draw_panes,
    draw_three_colors,
    paint_match,
)
from segcore.metrics import PanopticScores, Quality, panoptic_quality
from segcore.render import jpeg
from segcore.scenes.scene import Scene

OPACITY = 0.7


def draw_panoptic_scores(finished: Finished, scene: Scene) -> None:
    """Numbers, pictures, every class, and every segment with its partner."""
    result, truth = finished.run.segmentation, scene.panoptic
    compared = cache.scores.get(
        (*finished.name, "panoptic scores"), lambda: panoptic_quality(result, truth)
    )
    draw_numbers(_numbers(compared))
    draw_download(
        finished, truth, "0 nothing, up to the number of classes the class of stuff, else a thing"
    )
    image = finished.picture.image

    def make() -> tuple[bytes, bytes, bytes]:
        true, found = (fill(image, one, one.labels, OPACITY) for one in (truth, result))
        return jpeg(true), jpeg(found), jpeg(paint_match(image, result, truth, compared.matches[0]))

    files = cache.pictures.get((*finished.name, "right and wrong segments"), make)
    titles = ("Ground truth", "Result", "Right and wrong segments")
    draw_panes(finished, dict(zip(titles, files, strict=True)))
    draw_three_colors(of_segments=True)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### Each class")
        _draw_classes(compared)
    with right:
        st.markdown("##### Each segment")
        draw_pairs(compared.matches[0], "scores.pairs")


def _numbers(compared: PanopticScores) -> list[tuple[str, float, str]]:
    overall, things, stuff = compared.overall, compared.things, compared.stuff
    return [
        (
            "PQ",
            overall.pq,
            "Panoptic quality: of each class SQ × RQ, averaged over the classes. A segment counts "
            "as found if it overlaps a true one of its class by an IoU above 0.5.",
        ),
        ("SQ", overall.sq, "Segmentation quality: how well what was found is covered, mean IoU."),
        ("RQ", overall.rq, "Recognition quality: F1 of finding it. Misses and inventions cost."),
        ("PQ of things", things.pq, _parts(things)),
        ("PQ of stuff", stuff.pq, _parts(stuff)),
    ]


def _parts(quality: Quality) -> str:
    if not quality.n_classes:
        return "None is in the truth or in the result."
    return f"SQ {quality.sq:.3f}, RQ {quality.rq:.3f} over {quality.n_classes} classes."


def _draw_classes(compared: PanopticScores) -> None:
    classes = compared.classes
    columns: dict[str, list[Any]] = {
        "Class": [one.name for one in classes],
        "Kind": ["thing" if one.is_thing else "stuff" for one in classes],
        "PQ": [one.pq for one in classes],
        "SQ": [one.sq for one in classes],
        "RQ": [one.rq for one in classes],
        "Right": [one.tp for one in classes],
        "Missed": [one.fn for one in classes],
        "Invented": [one.fp for one in classes],
    }
    st.dataframe(
        columns,
        column_config={
            name: st.column_config.NumberColumn(format="%.2f") for name in ("PQ", "SQ", "RQ")
        },
        hide_index=True,
        height=TALL,
        key="scores.classes",
        alt="Panoptic quality of each class",
    )
