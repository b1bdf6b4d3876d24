"""Widgets built from the settings of a technique; nothing here knows any technique by name."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from segcore.technique import Setting, Technique, Value

IN_SIGHT = 5  # settings shown at once; the rest is folded away


def state_key(technique: Technique, setting: Setting) -> str:
    """Where the session keeps a setting's value: one per technique, since ranges differ."""
    return f"{technique.key}.{setting.name}"


def current_settings(technique: Technique) -> dict[str, Value]:
    """The values of all settings, as the session has them."""
    state = st.session_state
    return {s.name: state.get(state_key(technique, s), s.default) for s in technique.settings}


def set_settings(technique: Technique, settings: Mapping[str, Value]) -> None:
    """Sets every setting: those not named get their default."""
    for setting in technique.settings:
        value = settings.get(setting.name, setting.default)
        st.session_state[state_key(technique, setting)] = value


def points_setting(technique: Technique, settings: Mapping[str, Value]) -> Setting | None:
    """The setting that is made by clicking the image, if there is one that matters now."""
    points = (s for s in technique.settings if s.type is tuple)
    return next((s for s in points if s.applies(settings)), None)


def draw_settings(technique: Technique) -> dict[str, Value]:
    """Draws a widget for every setting that matters and returns the values of all."""
    folded: list[Setting] = []
    drawn = 0
    for setting in technique.settings:
        # Read anew each time: the widget before may just have decided whether this one matters.
        if setting.type is tuple or not setting.applies(current_settings(technique)):
            _keep(technique, setting)
        elif drawn < IN_SIGHT:
            _draw(technique, setting)
            drawn += 1
        else:
            folded.append(setting)
    if folded:
        with st.expander("More settings", icon=":material/tune:"):
            for setting in folded:
                _draw(technique, setting)
    return current_settings(technique)


def _keep(technique: Technique, setting: Setting) -> None:
    """Keeps the value of a setting without a widget: Streamlit forgets what it does not draw."""
    key = state_key(technique, setting)
    if key in st.session_state:
        st.session_state[key] = st.session_state[key]


def _draw(technique: Technique, setting: Setting) -> None:
    key = state_key(technique, setting)
    st.session_state.setdefault(key, setting.default)
    common: dict[str, Any] = {
        "label": setting.label,
        "key": key,
        "help": setting.help or None,
        "persist_state": "session",
    }
    if setting.options is not None:
        _draw_choice(setting, common)
    elif setting.type is bool:
        st.toggle(**common)
    elif setting.type is str:
        st.text_input(**common)
    else:
        kind = setting.type
        st.slider(
            min_value=kind(setting.low),
            max_value=kind(setting.high),
            step=kind(setting.step),
            **common,
        )


def _draw_choice(setting: Setting, common: dict[str, Any]) -> None:
    """Two or three short options lie open; more are a list."""
    options = list(setting.options or ())
    labels = setting.option_labels
    # An option that does not fit is cut off, and nobody knows that it is there: a frame takes about
    # as much as five letters, and on a beamer of 1024 pixels the column has room for some 22.
    if len(options) <= 3 and sum(len(labels[option]) + 5 for option in options) <= 22:
        st.segmented_control(
            options=options,
            format_func=labels.__getitem__,
            required=True,
            width="stretch",
            **common,
        )
    else:
        st.selectbox(options=options, format_func=labels.__getitem__, **common)
