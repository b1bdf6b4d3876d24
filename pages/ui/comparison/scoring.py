"""Scores of all rows, made once each, with progress and cancel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.ui import cache, gate
from pages.ui.comparison.measures import ALL, PartScores, measure, measure_part
from pages.ui.comparison.rows import Row, finished
from pages.ui.comparison.running import Outcome
from pages.ui.comparison.truth import Truth
from pages.ui.progress import Progress, is_cancelled, resume


@dataclass(frozen=True, eq=False)
class Scored:
    """A row with its scores.

    Attributes:
        row: the row.
        outcome: its result.
        values: key of SCORES -> value; NaN where there is nothing to score.
        by_name: whether classes were held against their own.
        both_empty: whether neither result nor truth has any of the part looked at.
    """

    row: Row
    outcome: Outcome
    values: Mapping[str, float]
    by_name: bool
    both_empty: bool


def score_all(rows: Sequence[Row], truth: Truth, part: str) -> list[Scored]:
    """The scores of every row that has a result; of those there were, if a person cancelled."""
    done = finished(rows)
    name = ("scores", truth.name, part, *(row.job.name for row, _ in done))
    if is_cancelled(name):
        st.info("Cancelled. These are the scores that were there.", icon=":material/cancel:")
        st.button("Go on", key="compare.scores.resume", on_click=resume)
        return [score(row, result, truth, part) for row, result in done if _is_there(row, truth)]
    slot = st.empty()
    progress = Progress(name, slot)
    scored = []
    for number, (row, result) in enumerate(done, start=1):
        if _is_there(row, truth):
            scored.append(score(row, result, truth, part))
            continue
        with gate.runs.turn("scores", progress.waiting):
            scored.append(score(row, result, truth, part))
        progress(number / len(done))
    slot.empty()
    return scored


def score(row: Row, outcome: Outcome, truth: Truth, part: str) -> Scored:
    """The scores of one row."""
    result, is_named = outcome.segmentation, row.is_named
    whole = cache.scores.get(_name(row, truth), lambda: measure(result, truth, is_named=is_named))
    if part == ALL:
        of_part = PartScores(whole.values["mean_iou"], whole.mean_dice)
    else:
        of_part = cache.scores.get(
            (*_name(row, truth), part),
            lambda: measure_part(result, truth, part, is_named=is_named),
        )
    values = {"iou": of_part.iou, "dice": of_part.dice, **whole.values}
    return Scored(row, outcome, values, whole.by_name, of_part.both_empty)


def _name(row: Row, truth: Truth) -> tuple[object, ...]:
    return ("measure", row.job.name, truth.name)


def _is_there(row: Row, truth: Truth) -> bool:
    return _name(row, truth) in cache.scores
