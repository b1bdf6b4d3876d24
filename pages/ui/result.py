"""The result of a run: before and after, how it is painted, the points on it, its legend."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from pages.ui import previews
from pages.ui.foresight import OPACITY, offer_preview
from pages.ui.legend import draw_facts
from pages.ui.painting import PAINTS, Finished, View, after, among, before, class_names, pictures_of
from pages.ui.picker import Picture
from pages.ui.points import adder, clicked_setting, draw_buttons
from pages.ui.viewer import Mode, viewer
from pages.ui.widgets import points_settings
from segcore.result import Segmentation

MODES: dict[Mode, str] = {"slider": "Slider", "side": "Side by side"}


def draw_picture(finished: Finished) -> bool:
    """Before and after, as the session says; where points can be set, a click sets one.

    Returns:
        Whether the browser had the picture already, ahead of this run.
    """
    technique, settings = finished.technique, finished.settings
    mode: Mode = st.session_state.setdefault("view.mode", "slider")
    view = _current_view(finished)
    panes = (before(finished.picture), after(finished, view))
    preview = offer_preview(finished, view)
    is_there = previews.came_ahead(panes[-1].digest)
    clicked = clicked_setting(technique, settings)
    if clicked is None:
        viewer(panes, size=finished.picture.size, key="viewer", mode=mode, preview=preview)
        return is_there
    first, *others = (settings[s.name] for s in points_settings(technique, settings))
    viewer(
        panes,
        size=finished.picture.size,
        key="viewer",
        mode=mode,
        points=first,
        others=others,
        on_click=adder(technique, clicked),
        hint=clicked.help,
        preview=preview,
    )
    return is_there


def draw_image(picture: Picture) -> None:
    """The image alone, while there is no result of it."""
    alone = replace(before(picture), caption="Image")
    viewer((alone,), size=picture.size, key="viewer", mode="single")


def draw_view_controls(result: Segmentation) -> None:
    """How the picture is shown: divider or side by side, paint, opacity, which classes."""
    with st.container(horizontal=True, vertical_alignment="center", key="view"):
        st.segmented_control(
            "View",
            list(MODES),
            format_func=MODES.__getitem__,
            key="view.mode",
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        st.segmented_control(
            "Paint",
            list(PAINTS),
            format_func=PAINTS.__getitem__,
            key="view.paint",
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
        _draw_classes(result)


def draw_shown(finished: Finished) -> None:
    """What stands against the image: the result, or one of the steps that is a picture."""
    steps = finished.run.steps
    st.selectbox(
        "After shows",
        [0, *pictures_of(finished)],
        format_func=lambda i: f"Step {i}: {steps[i - 1].title}" if i else "The result",
        key=_shown_key(finished),
        help="Any step can be compared with the image as well.",
    )


def draw_details(finished: Finished) -> None:
    """What belongs below the picture: undo and clear of its points, and the legend."""
    draw_buttons(finished.technique, finished.settings)
    draw_facts(finished, _chosen_classes(finished.run.segmentation))


def _shown_key(finished: Finished) -> str:
    return f"view.shown.{finished.technique.key}"


def _current_view(finished: Finished) -> View:
    """What the session says about the look of a result."""
    state = st.session_state
    shown = state.setdefault(_shown_key(finished), 0)
    if shown and shown not in pictures_of(finished):  # other settings take other steps
        shown = state[_shown_key(finished)] = 0
    return View(
        paint=state.setdefault("view.paint", "fill"),
        opacity=state.setdefault(OPACITY, 0.5),
        shown=shown,
        classes=state.setdefault("view.classes", frozenset()),
    )


# Choosing classes --------------------------------------------------------------------------------


def _chosen_classes(result: Segmentation) -> tuple[str, ...]:
    """Those classes of the result that the person chose to see; none means all."""
    return among(result, st.session_state.setdefault("view.classes", frozenset()))


def _draw_classes(result: Segmentation) -> None:
    """A menu of the classes to show. It remembers those that are not in this result, too."""
    names = class_names(result)
    if not names:
        return
    st.session_state["view.classes.here"] = list(_chosen_classes(result))
    with st.popover("Classes", type="tertiary"):
        st.pills(
            "Show only",
            names,
            selection_mode="multi",
            key="view.classes.here",
            on_change=_choose_classes,
            args=(names,),
            help="The others are drawn dim. With none chosen, all are shown.",
        )


def _choose_classes(names: Sequence[str]) -> None:
    wanted = st.session_state["view.classes"].difference(names)
    st.session_state["view.classes"] = wanted.union(st.session_state["view.classes.here"])
