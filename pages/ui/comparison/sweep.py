"""One setting swept: one technique over the values of one of its settings, and what that does."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from pages.ui.comparison.charts import sweep_curve
from pages.ui.comparison.entries import Entry, in_words, set_entries
from pages.ui.comparison.grid import image_file, panel_of, panel_view
from pages.ui.comparison.measures import SCORES
from pages.ui.comparison.panels import panels
from pages.ui.comparison.rows import Row, finished, reference_of
from pages.ui.comparison.running import Job, Work
from pages.ui.comparison.scores import QUIET, draw_part
from pages.ui.comparison.scoring import score_all
from pages.ui.comparison.truth import Truth
from pages.ui.picker import Picture
from pages.ui.progress import resume
from segcore.technique import Setting, Technique, Value

FEWEST, MOST = 5, 9
FAR = 100  # ends of a range that are this many times apart are swept by equal factors
PLACE, SETTING, COUNT, CHART = (
    f"compare.sweep.{n}" for n in ("place", "setting", "count", "chart")
)


def sweepable(technique: Technique, values: dict[str, Value]) -> list[Setting]:
    """The settings that matter now and have values to walk through."""
    walks = (s for s in technique.settings if s.type is not tuple and s.applies(values))
    return [s for s in walks if s.type is bool or s.options is not None or s.low is not None]


def values_of(setting: Setting, count: int) -> list[Value]:
    """Values of a setting in their order: all options, or `count` from end to end of a range."""
    if setting.options is not None:
        return list(setting.options)[:MOST]
    if setting.type is bool:
        return [False, True]
    low, high, step = float(setting.low or 0), float(setting.high or 0), float(setting.step or 1)
    even = np.geomspace if low > 0 and high / low >= FAR else np.linspace
    ideal = even(low, high, count)
    on_grid = low + np.rint((ideal - low) / step) * step
    found = sorted({setting.type(round(float(v), 10)) for v in np.clip(on_grid, low, high)})
    return [setting.check(value) for value in found]


def draw_sweep(rows: Sequence[Row], truth: Truth | None, picture: Picture, work: Work) -> None:
    """Small multiples over the values of a setting, and the curve below them."""
    entry, setting, count = _choose([row for row in rows if row.entry is not None])
    if entry is None or setting is None:
        st.caption("This technique has no setting that could be swept.")
        return
    swept = _rows_of(entry, setting, values_of(setting, count), picture, work)
    _draw_panels(swept, truth, picture, work)
    if work.left and work.is_cancelled:
        st.button("Run the rest", key="compare.sweep.resume", on_click=resume)
    _draw_curve(swept, truth, entry, setting)
    if len(swept) > 1:
        st.button(
            "Compare these in the grid",
            key="compare.sweep.take",
            icon=":material/grid_view:",
            on_click=set_entries,
            args=([(entry.technique.key, dict(row.job.settings)) for row in swept],),
            help="Puts these in the place of what stands in the grid now.",
        )


def _choose(rows: Sequence[Row]) -> tuple[Entry | None, Setting | None, int]:
    """The technique, its setting, and how many values."""
    places = {str(row.entry.number): row for row in rows if row.entry is not None}
    if st.session_state.get(PLACE) not in places:
        st.session_state[PLACE] = next(iter(places))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Technique",
            list(places),
            format_func=lambda number: places[number].title,
            key=PLACE,
            width=260,
            persist_state="session",
        )
        entry = places[st.session_state[PLACE]].entry
        if entry is None:
            return None, None, FEWEST
        known = {setting.name: setting for setting in sweepable(entry.technique, entry.values)}
        if not known:
            return entry, None, FEWEST
        if st.session_state.get(SETTING) not in known:
            st.session_state[SETTING] = next(iter(known))
        st.selectbox(
            "Setting",
            list(known),
            format_func=lambda name: known[name].label,
            key=SETTING,
            width=260,
            persist_state="session",
        )
        setting = known[st.session_state[SETTING]]
        st.session_state.setdefault(COUNT, FEWEST)
        if setting.options is None and setting.type is not bool:
            st.slider(
                "Values",
                min_value=FEWEST,
                max_value=MOST,
                key=COUNT,
                width=180,
                persist_state="session",
            )
    return entry, setting, int(st.session_state[COUNT])


def _rows_of(
    entry: Entry, setting: Setting, values: Sequence[Value], picture: Picture, work: Work
) -> list[Row]:
    jobs = [
        Job(entry.technique, {**entry.values, setting.name: value}, picture) for value in values
    ]
    return [
        Row(in_words(setting, value), setting.label, job, state)
        for value, job, state in zip(values, jobs, work.look_all(jobs), strict=True)
    ]


def _draw_panels(swept: Sequence[Row], truth: Truth | None, picture: Picture, work: Work) -> None:
    reference = reference_of(swept, truth)
    panels(
        [panel_of(row, reference, work) for row in swept],
        image=image_file(picture),
        size=picture.size,
        key="compare.sweep",
        view=panel_view() or "overlay",
        opacity=st.session_state.get("view.opacity", 0.5),
        max_height=420,
    )


def _draw_curve(swept: Sequence[Row], truth: Truth | None, entry: Entry, setting: Setting) -> None:
    done = finished(swept)
    if not done:
        return
    title, values = "segments", [float(len(result.segments)) for _, result in done]
    titles: list[Row] = [row for row, _ in done]
    if truth is not None:
        part = draw_part(truth)
        key = _choose_score()
        scored = score_all(swept, truth, part)
        titles, values = [one.row for one in scored], [one.values[key] for one in scored]
        score = SCORES[key]
        title = f"{score.title}, {'less' if score.is_error else 'more'} is better"
        _say_best(scored_titles=[row.title for row in titles], values=values, key=key)
    st.plotly_chart(
        sweep_curve(
            [row.title for row in titles],
            values,
            setting.label,
            title,
            in_words(setting, entry.values[setting.name]),
        ),
        key="compare.sweep.curve",
        config=QUIET,
        alt=f"{title} over {setting.label}",
    )


def _choose_score() -> str:
    titles: dict[str, Any] = {key: score.title for key, score in SCORES.items()}
    st.session_state.setdefault(CHART, "iou")
    st.segmented_control(
        "Score",
        list(titles),
        format_func=titles.__getitem__,
        key=CHART,
        required=True,
        persist_state="session",
    )
    return str(st.session_state[CHART])


def _say_best(scored_titles: Sequence[str], values: Sequence[float], key: str) -> None:
    known = [(value, title) for value, title in zip(values, scored_titles, strict=True)
             if not np.isnan(value)]  # fmt: skip
    if known:
        value, title = (min if SCORES[key].is_error else max)(known)
        st.caption(f"Best on this image: **{title}** with {SCORES[key].title} {value:.3f}.")
