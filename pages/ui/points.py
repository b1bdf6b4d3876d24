"""Points that are set by clicking the picture: what a click sets, how to undo it and to clear all.

A technique may have several settings of points, such as places that belong to a thing and places
that do not. Then a control above the picture says which of them a click sets.
"""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from pages.ui.widgets import Configurable, points_settings, state_key
from segcore.result import Point
from segcore.technique import Setting, Value


def clicked_setting(owner: Configurable, settings: Mapping[str, Value]) -> Setting | None:
    """The setting that a click on the picture sets; None if there is none that matters now."""
    offered = {setting.name: setting for setting in points_settings(owner, settings)}
    if not offered:
        return None
    key = _chosen_key(owner)
    if st.session_state.get(key) not in offered:  # other settings may have other points
        st.session_state[key] = next(iter(offered))
    return offered[st.session_state[key]]


def adder(owner: Configurable, setting: Setting) -> Callable[[int, int], None]:
    """What a click on pixel (x, y) does: it adds the point, as long as there is room for one."""
    key = state_key(owner, setting)

    def add(x: int, y: int) -> None:
        now = st.session_state.get(key, ())
        st.session_state[key] = (*now, (x, y))[: setting.most]

    return add


def draw_choice(owner: Configurable, settings: Mapping[str, Value]) -> None:
    """Above the picture: what a click sets, where that is not clear."""
    offered = {setting.name: setting for setting in points_settings(owner, settings)}
    if len(offered) < 2:
        return
    clicked_setting(owner, settings)  # the control shows what the session has
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("A click sets", width="content")
        st.segmented_control(
            "A click sets",
            list(offered),
            format_func=lambda name: offered[name].label,
            key=_chosen_key(owner),
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )


def draw_buttons(owner: Configurable, settings: Mapping[str, Value]) -> None:
    """Below the picture: undo and clear of what a click sets, and how many points there are."""
    setting = clicked_setting(owner, settings)
    if setting is None:
        return
    key, given = state_key(owner, setting), settings[setting.name]
    offered = points_settings(owner, settings)
    which = f"Points of “{setting.label}”" if len(offered) > 1 else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Undo",
            icon=":material/undo:",
            key="points.undo",
            disabled=not given,
            on_click=_set_points,
            args=(key, given[:-1]),
            help=which,
        )
        st.button(
            "Clear",
            icon=":material/delete:",
            key="points.clear",
            disabled=not given,
            on_click=_set_points,
            args=(key, ()),
            help=which,
        )
        st.caption(_count(offered, settings))


def _count(offered: Sequence[Setting], settings: Mapping[str, Value]) -> str:
    """`2 points set`, or `The thing: 2 · Not the thing: 1`."""
    if len(offered) > 1:
        return " · ".join(f"{setting.label}: {len(settings[setting.name])}" for setting in offered)
    count = len(settings[offered[0].name])
    return f"{count} point{'s' * (count != 1)} set"


def _chosen_key(owner: Configurable) -> str:
    """Where the session keeps the name of the setting that a click sets."""
    return f"view.clicks.{owner.key}"


def _set_points(key: str, points: tuple[Point, ...]) -> None:
    st.session_state[key] = points
