"""The grid: what stands in it, and its panels."""

from collections.abc import Sequence

import streamlit as st

from pages.ui import cache
from pages.ui.comparison.address import TRUTH, VIEW, VIEWS
from pages.ui.comparison.entries import (
    LEAST,
    MOST,
    Entry,
    add_from_page,
    duplicate,
    entries,
    hand_over,
    keep,
    remove,
    set_entries,
    take_over,
)
from pages.ui.comparison.lessons import Lesson, lessons
from pages.ui.comparison.painting import tinted
from pages.ui.comparison.panels import Panel, View, panels
from pages.ui.comparison.rows import (
    Reference,
    Row,
    names_of,
    packed,
    paints,
    panel_key,
    pin,
    reference_of,
)
from pages.ui.comparison.running import Outcome, Refused, Work
from pages.ui.comparison.truth import Truth
from pages.ui.component import fitted
from pages.ui.navigation import page_of_category
from pages.ui.picker import Picture, choose_sample
from pages.ui.progress import resume
from pages.ui.viewer import Pane, viewer
from pages.ui.widgets import draw_settings, points_settings
from segcore.catalog import CATEGORIES, in_category
from segcore.render import jpeg
from segcore.result import Segmentation

OPACITY = "view.opacity"  # as on the pages of the techniques
ORIGINAL = "image"


# What stands in the grid -------------------------------------------------------------------------


def draw_choice(rows: Sequence[Row]) -> None:
    """Lessons, a menu of techniques, and one menu per place."""
    with st.container(horizontal=True, gap="small", key="compare-places"):
        _draw_lessons()
        _draw_adding(len(rows))
        open_ones = [row for row in rows if row.entry is not None and _draw_place(row, row.entry)]
    keep(row.entry for row in rows if row.entry is not None and row not in open_ones)
    lesson = _lesson_now()
    if lesson is not None:
        st.caption(f"**{lesson.title}.** {lesson.question}")


def _draw_lessons() -> None:
    with st.popover("Lessons", icon=":material/school:"):
        for lesson in lessons():
            st.button(
                lesson.title,
                key=f"compare.lesson.{lesson.title}",
                on_click=start_lesson,
                args=(lesson,),
                help=lesson.question,
                width="stretch",
            )


def start_lesson(lesson: Lesson) -> None:
    """Puts up a lesson's grid on its sample."""
    choose_sample(lesson.sample)
    set_entries(lesson.wanted)
    pin("")
    resume()


def _lesson_now() -> Lesson | None:
    """The lesson whose grid this still is."""
    now = [(entry.technique, entry.values) for entry in entries()]
    for lesson in lessons():
        wanted = [(key, settings) for key, settings in lesson.wanted]
        if [technique.key for technique, _ in now] == [key for key, _ in wanted] and all(
            values == technique.complete(settings)
            for (technique, values), (_, settings) in zip(now, wanted, strict=True)
        ):
            return lesson
    return None


def _draw_adding(taken: int) -> None:
    with st.popover("Add", icon=":material/add:", disabled=taken >= MOST):
        st.caption("With the settings that its own page has now.")
        for category in CATEGORIES.values():
            st.markdown(f"**{category.title}**")
            with st.container(horizontal=True, gap="small"):
                for technique in in_category(category.key):
                    st.button(
                        technique.title,
                        key=f"compare.add.{technique.key}",
                        on_click=add_from_page,
                        args=(technique,),
                    )


def _draw_place(row: Row, entry: Entry) -> bool:
    """The menu of a place; whether it is open, which is when its widgets are there."""
    is_bad = isinstance(row.state, Refused)
    menu = st.popover(
        row.title, key=f"compare.open.{entry.number}", on_change="rerun",
        icon=":material/error:" if is_bad else None,
    )  # fmt: skip
    if menu.open:
        with menu:
            draw_settings(entry)
            if points_settings(entry, entry.values):
                st.caption("Points are set on the technique's own page, and taken over from there.")
            _draw_buttons(entry)
    return bool(menu.open)


def _draw_buttons(entry: Entry) -> None:
    actions = (
        ("Duplicate", ":material/content_copy:", duplicate, len(entries()) >= MOST),
        ("Remove", ":material/delete:", remove, len(entries()) <= LEAST),
        ("Take over its page's settings", ":material/download:", take_over, False),
    )
    st.divider()
    for title, icon, act, is_off in actions:
        st.button(
            title,
            key=f"{entry.key}.{title}",
            icon=icon,
            on_click=act,
            args=(entry,),
            disabled=is_off,
            width="stretch",
        )
    page = page_of_category(entry.technique.category)
    if page is not None and st.button(
        "Open on its page",
        key=f"{entry.key}.page",
        icon=":material/open_in_new:",
        on_click=hand_over,
        args=(entry,),
        width="stretch",
    ):
        st.session_state[f"technique.{entry.technique.category}"] = entry.technique.key
        st.switch_page(page.path)


# The panels --------------------------------------------------------------------------------------


def draw_grid(rows: Sequence[Row], truth: Truth | None, picture: Picture, work: Work) -> None:
    """All results beside one another, or two of them under a slider."""
    view = _draw_view(rows, truth, work)
    reference = reference_of(rows, truth)
    if view is None:
        _draw_slider(rows, truth, picture, reference)
        return
    shown = [panel_of(row, reference, work) for row in rows]
    if truth is not None:
        shown.append(_panel_of_truth(truth, reference))
    panels(
        shown,
        image=image_file(picture),
        size=picture.size,
        key="compare.panels",
        view=view,
        opacity=st.session_state[OPACITY],
        pinned=reference.key if reference is not None else None,
        on_pin=pin,
        max_height=640,
    )


def image_file(picture: Picture) -> bytes:
    """The image as the panels want it."""
    name = ("panels", picture.digest, picture.side)
    return cache.pictures.get(name, lambda: jpeg(fitted(picture.image)))


def panel_of(row: Row, reference: Reference | None, work: Work) -> Panel:
    """The panel of a row: its result, a spinner, or the sentence that says why there is none."""
    key = panel_key(row)
    if isinstance(row.state, Refused):
        return Panel(key, row.title, row.note, sentence=row.state.sentence)
    if row.state is None:
        if work.is_cancelled:
            return Panel(key, row.title, row.note, sentence="Cancelled")
        return Panel(key, row.title, row.note, sentence="Waiting for its turn", is_busy=True)
    return Panel(
        key,
        row.title,
        f"{facts(row.state)} · {row.note}",
        packed(row.job.name, row.state),
        paints(row.job.name, row.state.segmentation, reference),
        names_of(row.state),
    )


def _panel_of_truth(truth: Truth, reference: Reference | None) -> Panel:
    result = truth.segmentation
    count = len(result.segments)
    return Panel(
        TRUTH,
        "Ground truth",
        f"{count} segment{'s' * (count != 1)}",
        packed(truth.name, result),
        paints(truth.name, result, reference),
        names_of(result, "void" if truth.ignore_index == 0 else "background"),
    )


def facts(outcome: Outcome) -> str:
    """Run time and number of segments."""
    seconds, count = outcome.seconds, len(outcome.segments)
    time = f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
    return f"{time} · {count:,} segment{'s' * (count != 1)}"


def _draw_view(rows: Sequence[Row], truth: Truth | None, work: Work) -> View | None:
    """How results are painted, None for two under a slider; and how many are still to come."""
    st.session_state.setdefault(VIEW, "overlay")
    st.session_state.setdefault(OPACITY, 0.5)
    with st.container(horizontal=True, vertical_alignment="center", key="compare-view"):
        st.segmented_control(
            "View",
            list(VIEWS),
            format_func=VIEWS.__getitem__,
            key=VIEW,
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        with st.popover("Opacity", type="tertiary"):
            st.slider(
                "Opacity of the fill",
                min_value=0.0,
                max_value=1.0,
                step=0.05,
                key=OPACITY,
                persist_state="session",
            )
        done = sum(row.state is not None for row in rows)
        if work.left and work.is_cancelled:
            st.button(f"Run the other {work.left}", icon=":material/play_arrow:", on_click=resume)
        elif work.left:
            st.caption(f"{done} of {len(rows)} done")
        else:
            st.caption(_said(rows, truth))
    return panel_view()


def panel_view() -> View | None:
    """How panels are painted; None while the session shows two pictures under a slider."""
    views: dict[str, View] = {"overlay": "overlay", "outlines": "outlines", "labels": "labels"}
    return views.get(st.session_state.get(VIEW, "overlay"))


def _said(rows: Sequence[Row], truth: Truth | None) -> str:
    """What the colours mean."""
    reference = reference_of(rows, truth)
    if reference is None:
        return ""
    pinned = next((row.title for row in rows if panel_key(row) == reference.key), None)
    named = pinned or ("the ground truth" if truth is not None else rows[0].title)
    return f"Segments have the colour of what they match best in {named}."


# Two of them -------------------------------------------------------------------------------------


def _draw_slider(
    rows: Sequence[Row], truth: Truth | None, picture: Picture, reference: Reference | None
) -> None:
    """One picture against another."""
    sources: dict[str, tuple[str, object, Segmentation | None]] = {
        ORIGINAL: ("Image", ORIGINAL, None)
    }
    if truth is not None:
        sources[TRUTH] = ("Ground truth", truth.name, truth.segmentation)
    for row in rows:
        if row.outcome is not None:
            sources[panel_key(row)] = (row.title, row.job.name, row.outcome.segmentation)
    keys = list(sources)
    chosen = []
    for column, side, default in zip(
        st.columns(2), ("Left", "Right"), (keys[-2:] + keys)[:2], strict=True
    ):
        name = f"compare.slider.{side.lower()}"
        if st.session_state.get(name) not in keys:
            st.session_state[name] = default
        chosen.append(
            column.selectbox(
                side,
                keys,
                format_func=lambda key: sources[key][0],
                key=name,
                persist_state="session",
                label_visibility="collapsed",
            )
        )
    panes = [_pane(*sources[key], picture, reference) for key in chosen]
    viewer(panes, size=picture.size, key="compare.viewer", mode="slider")


def _pane(
    title: str,
    name: object,
    result: Segmentation | None,
    picture: Picture,
    reference: Reference | None,
) -> Pane:
    if result is None:
        return Pane(image_file(picture), "image/jpeg", title)
    opacity: float = st.session_state[OPACITY]
    return Pane(painted(name, result, picture, reference, opacity), "image/jpeg", title)


def painted(
    name: object,
    result: Segmentation,
    picture: Picture,
    reference: Reference | None,
    opacity: float,
) -> bytes:
    """A result over the image as a JPEG file, in the colours of the panels."""
    colors = paints(name, result, reference)
    key = ("tinted", name, reference.name if reference is not None else None, opacity)
    return cache.pictures.get(
        key, lambda: jpeg(tinted(picture.image, result.labels, colors, opacity))
    )
