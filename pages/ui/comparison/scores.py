"""Scores against a truth: table, bars, speed against quality, right and wrong; and agreement."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

from pages.ui import cache
from pages.ui.comparison.charts import agreement_heatmap, score_bars, speed_and_quality
from pages.ui.comparison.grid import image_file
from pages.ui.comparison.measures import (
    ALL,
    EMPTY,
    FOREGROUND,
    SCORES,
    agreement,
    most_typical,
    parts_of,
    right_and_wrong,
)
from pages.ui.comparison.panels import Panel, panels
from pages.ui.comparison.rows import Row, finished
from pages.ui.comparison.running import Outcome
from pages.ui.comparison.scoring import Scored, score_all
from pages.ui.comparison.truth import Truth
from pages.ui.component import Packed, pack
from pages.ui.picker import Picture
from pages.ui.score_views import THREE_COLORS, draw_three_colors

PART, CHART = "compare.part", "compare.chart"  # in the session
QUIET = {"displayModeBar": False}


def draw_scores(rows: Sequence[Row], truth: Truth | None, picture: Picture) -> None:
    """Everything that a truth allows to say."""
    if truth is None:
        st.info(
            "Nobody has said what is right in this image. Drawn scenes know it; for an image of "
            "your own, bring a label map above. How far the techniques agree stands in the next "
            "tab.",
            icon=":material/fact_check:",
        )
        return
    part = draw_part(truth)
    scored = score_all(rows, truth, part)
    if not scored:
        st.caption("Nothing is done yet.")
        return
    _draw_table(scored)
    _draw_notes(scored, truth, part)
    _draw_charts(scored)
    _draw_right_and_wrong(scored, truth, part, picture)
    _draw_meanings()


def draw_part(truth: Truth) -> str:
    """What IoU and Dice look at."""
    parts = parts_of(truth)
    if st.session_state.get(PART) not in parts:
        st.session_state[PART] = parts[0]
    st.selectbox(
        "IoU, Dice and the map of hits look at",
        parts,
        key=PART,
        width=280,
        persist_state="session",
    )
    return str(st.session_state[PART])


def table_of(scored: Sequence[Scored]) -> dict[str, list[Any]]:
    """One row per technique: what it is, how quick, how many segments, every score."""
    columns: dict[str, list[Any]] = {
        "Technique": [one.row.title for one in scored],
        "Settings": [one.row.note for one in scored],
        "ms": [1000 * one.outcome.seconds for one in scored],
        "Segments": [len(one.outcome.segments) for one in scored],
    }
    for key, score in SCORES.items():
        columns[score.title] = [one.values[key] for one in scored]
    return columns


def _draw_table(scored: Sequence[Scored]) -> None:
    config: dict[str, Any] = {
        "Technique": st.column_config.TextColumn(pinned=True),
        # As narrow as lets the last score be seen on a laptop; the panels tell them in full.
        "Settings": st.column_config.TextColumn(width=120),
        "ms": st.column_config.NumberColumn(format="%.0f", help="Run time in milliseconds"),
    }
    for score in SCORES.values():
        better = "Less is better." if score.is_error else "More is better."
        config[score.title] = st.column_config.NumberColumn(
            format="%.3f", help=f"{score.rewards} {better} {score.paper}"
        )
    st.dataframe(
        table_of(scored),
        column_config=config,
        hide_index=True,
        height="content",
        key="compare.table",
        alt="Scores of every technique",
    )


def _draw_notes(scored: Sequence[Scored], truth: Truth, part: str) -> None:
    """By which rule labels were told which they answer to."""
    notes = []
    by_name = [one.row.title for one in scored if one.by_name]
    matched = [one.row.title for one in scored if not one.by_name]
    if by_name:
        notes.append(
            f"**By name:** {', '.join(by_name)} and the truth both name their classes, so each is "
            "held against its own; one that is only invented counts as 0."
        )
    if matched:
        zero = "void, which does not count" if truth.ignore_index == 0 else "background, a label"
        notes.append(
            f"**By best match:** the labels of {', '.join(matched)} have no names of their own "
            "here. Each answers to at most one of the truth, so that the sum of IoU is greatest; "
            f"a label of the truth without a partner counts as 0. Label 0 is {zero}."
        )
    if part == FOREGROUND and matched:
        notes.append(
            "**Foreground** is all that a result does not call background; of a clustering, which "
            "has none, all but the segment that best matches the true background."
        )
    if part == ALL:
        notes.append("**All of it:** IoU and Dice are means over the labels of the truth.")
    empty = [one.row.title for one in scored if one.both_empty]
    notes.append(EMPTY + (f" Here: {', '.join(empty)}." if empty else ""))
    for note in notes:
        st.caption(note)


def _draw_charts(scored: Sequence[Scored]) -> None:
    titles = {key: score.title for key, score in SCORES.items()}
    st.session_state.setdefault(CHART, "iou")
    st.segmented_control(
        "Charts of",
        list(titles),
        format_func=titles.__getitem__,
        key=CHART,
        required=True,
        persist_state="session",
    )
    key = str(st.session_state[CHART])
    names = [one.row.title for one in scored]
    values = [one.values[key] for one in scored]
    seconds = [one.outcome.seconds for one in scored]
    left, right = st.columns(2, gap="large")
    with left:
        st.plotly_chart(
            score_bars(names, values, SCORES[key]),
            key="compare.bars",
            config=QUIET,
            alt=f"{SCORES[key].title} of every technique",
        )
    with right:
        st.plotly_chart(
            speed_and_quality(names, seconds, values, SCORES[key]),
            key="compare.speed",
            config=QUIET,
            alt=f"Run time against {SCORES[key].title}",
        )


def _draw_right_and_wrong(
    scored: Sequence[Scored], truth: Truth, part: str, picture: Picture
) -> None:
    st.markdown(f"##### Hits, misses and false alarms: {part.lower()}")
    colors = np.full((4, 4), 255, np.uint8)
    colors[1:, :3] = list(THREE_COLORS.values())
    colors[0, 3] = 0
    names = ["", *THREE_COLORS]
    panels(
        [
            Panel(
                one.row.title,
                one.row.title,
                f"IoU {one.values['iou']:.3f}",
                _map_of(one, truth, part),
                colors,
                names,
            )
            for one in scored
        ],
        image=image_file(picture),
        size=picture.size,
        key="compare.hits",
        opacity=0.75,
        max_height=420,
    )
    draw_three_colors()
    if part == ALL:
        st.caption(
            "Missed: no label, or one that answers to nothing. Too much: a label that answers to "
            "something else."
        )


def _map_of(one: Scored, truth: Truth, part: str) -> Packed:
    name = ("right and wrong", one.row.job.name, truth.name, part)
    result, is_named = one.outcome.segmentation, one.row.is_named
    return cache.pictures.get(
        name, lambda: pack(right_and_wrong(result, truth, part, is_named=is_named))
    )


def _draw_meanings() -> None:
    st.markdown("##### What each score rewards")
    lines = [
        f"| **{score.title}** | {score.rewards} | "
        f"{'0 is best' if score.is_error else '1 is best'} | {score.paper} |"
        for score in SCORES.values()
    ]
    with st.container(key="scrolls-scores"):  # see style.css
        st.markdown("\n".join(["| | rewards | | source |", "|:--|:--|:--|:--|", *lines]))


# Without a truth ---------------------------------------------------------------------------------


def agreement_of(rows: Sequence[Row]) -> tuple[list[Row], npt.NDArray[np.float64]]:
    """The rows that have a result, and how far every two agree (n, n)."""
    done = finished(rows)
    matrix = np.eye(len(done))
    for i, (one, first) in enumerate(done):
        for j, (other, second) in enumerate(done[:i]):
            matrix[i, j] = matrix[j, i] = _agreement(one, first, other, second)
    return [row for row, _ in done], matrix


def _agreement(one: Row, first: Outcome, other: Row, second: Outcome) -> float:
    name = ("agreement", frozenset((one.job.name, other.job.name)))
    return cache.scores.get(name, lambda: agreement(first.labels, second.labels))


def draw_agreement(rows: Sequence[Row]) -> None:
    """How far every two agree, and who is the most typical; no truth is needed."""
    done, matrix = agreement_of(rows)
    if len(done) < 2:
        st.caption("Nothing is done yet.")
        return
    names = [row.title for row in done]
    typical = most_typical(matrix)
    others = (matrix[typical].sum() - 1) / (len(done) - 1)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.plotly_chart(
            agreement_heatmap(names, matrix),
            key="compare.agreement",
            config=QUIET,
            alt="Agreement of every two techniques",
        )
    with right:
        st.metric("Most typical", names[typical], help="Agrees most, on average, with all others")
        st.caption(f"It agrees with the others to {others:.3f} on average.")
        st.caption(
            "Agreement is the F1 of pairs of pixels that two results keep together: 1 minus the "
            "adapted Rand error (Arganda-Carreras et al. 2015, after Rand 1971). It rewards the "
            "same regions, whatever they are called. To agree is not to be right: five techniques "
            "can share one mistake."
        )
