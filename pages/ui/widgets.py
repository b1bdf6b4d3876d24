"""Widgets built from the settings of a technique or of a scene; nothing here knows one by name."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol

import numpy as np
import streamlit as st

from segcore.technique import Setting, Value

IN_SIGHT = 5  # settings shown at once; the rest is folded away
NOTCHES = 2000  # values that a slider can have: among more, nobody finds the one that is meant

HALF = 110  # pixels: two beside each other fit in the sidebar
SHORT = 8  # letters of an option that fit in a menu of half its width

Changed = Callable[[Setting], None]  # told which setting a person has changed


class Configurable(Protocol):
    """What has settings, and a key that tells its own from those of others."""

    @property
    def key(self) -> str: ...

    @property
    def settings(self) -> tuple[Setting, ...]: ...


def state_key(owner: Configurable, setting: Setting) -> str:
    """Where the session keeps a setting's value: one per owner, since ranges differ."""
    return f"{owner.key}.{setting.name}"


def current_settings(owner: Configurable) -> dict[str, Value]:
    """The values of all settings, as the session has them."""
    state = st.session_state
    return {s.name: state.get(state_key(owner, s), s.default) for s in owner.settings}


def set_settings(owner: Configurable, settings: Mapping[str, Value]) -> None:
    """Sets every setting: those not named get their default."""
    for setting in owner.settings:
        value = settings.get(setting.name, setting.default)
        st.session_state[state_key(owner, setting)] = value


def points_settings(owner: Configurable, settings: Mapping[str, Value]) -> tuple[Setting, ...]:
    """The settings that are made by clicking the image and that matter now."""
    return tuple(s for s in owner.settings if s.type is tuple and s.applies(settings))


def draw_settings(owner: Configurable) -> dict[str, Value]:
    """Draws a widget for every setting that matters and returns the values of all."""
    folded: list[Setting] = []
    drawn = 0
    for setting in owner.settings:
        # Read anew each time: the widget before may just have decided whether this one matters.
        if setting.type is tuple or not setting.applies(current_settings(owner)):
            _keep(owner, setting)
        elif drawn < IN_SIGHT:
            _draw(owner, setting)
            drawn += 1
        else:
            folded.append(setting)
    if folded:
        with st.expander("More settings", icon=":material/tune:"):
            for setting in folded:
                _draw(owner, setting)
    return current_settings(owner)


def draw_in_pairs(owner: Configurable, changed: Changed) -> None:
    """Draws every setting that matters where there is little room: two to a row, if they fit."""
    menus: list[Setting] = []
    sliders: list[Setting] = []
    for setting in owner.settings:
        if setting.type is tuple or not setting.applies(current_settings(owner)):
            _keep(owner, setting)
        elif setting.options is not None and max(map(len, setting.option_labels.values())) <= SHORT:
            menus.append(setting)
        elif setting.options is None and setting.step and not _is_written(setting):
            sliders.append(setting)
        else:
            _draw(owner, setting, changed=changed)
    left_over = [alike.pop() for alike in (menus, sliders) if len(alike) % 2]
    ordered = [*menus, *sliders, *left_over]
    for start in range(0, len(ordered), 2):
        with st.container(horizontal=True, gap="small"):
            for setting in ordered[start : start + 2]:
                _draw(owner, setting, changed=changed, width=HALF)


def _keep(owner: Configurable, setting: Setting) -> None:
    """Keeps the value of a setting without a widget: Streamlit forgets what it does not draw."""
    key = state_key(owner, setting)
    if key in st.session_state:
        st.session_state[key] = st.session_state[key]


def _draw(
    owner: Configurable,
    setting: Setting,
    *,
    changed: Changed | None = None,
    width: int | Literal["stretch"] = "stretch",
) -> None:
    key = state_key(owner, setting)
    st.session_state.setdefault(key, setting.default)
    common: dict[str, Any] = {
        "label": setting.label,
        "key": key,
        "help": setting.help or None,
        "persist_state": "session",
        "width": width,
    }
    if changed is not None:
        common |= {"on_change": changed, "args": (setting,)}
    if setting.options is not None:
        _draw_choice(setting, common)
    elif setting.type is bool:
        st.toggle(**common)
    elif setting.type is str:
        st.text_input(**common)
    elif _is_written(setting):
        _draw_number(setting, common, changed)
    else:
        st.slider(**_range(setting), **common)


def _range(setting: Setting) -> dict[str, Any]:
    kind = setting.type
    ends = {"min_value": setting.low, "max_value": setting.high, "step": setting.step}
    return {name: kind(value) for name, value in ends.items()}


def sliders(owner: Configurable, settings: Mapping[str, Value]) -> Iterator[Setting]:
    """The settings that matter now and have a slider."""
    for setting in owner.settings:
        if setting.applies(settings) and _is_slid(setting):
            yield setting


def _is_slid(setting: Setting) -> bool:
    return setting.options is None and setting.type in (int, float) and not _is_written(setting)


def _draw_choice(setting: Setting, common: dict[str, Any]) -> None:
    """Two or three short options lie open; more are a list."""
    options = list(setting.options or ())
    labels = setting.option_labels
    # An option that does not fit is cut off, and nobody knows that it is there: a frame takes about
    # as much as five letters, and on a beamer of 1024 pixels the column has room for some 22.
    letters = sum(len(labels[option]) + 5 for option in options)
    if len(options) <= 3 and letters <= 22 and common["width"] == "stretch":
        st.segmented_control(
            options=options,
            format_func=labels.__getitem__,
            required=True,
            **common,
        )
    else:
        st.selectbox(options=options, format_func=labels.__getitem__, **common)


def _is_written(setting: Setting) -> bool:
    """Whether it is a whole number with so many values that one is typed, not slid to."""
    if setting.type is not int or setting.low is None or setting.high is None:
        return False
    return setting.options is None and setting.high - setting.low > NOTCHES * (setting.step or 1)


def _draw_number(setting: Setting, common: dict[str, Any], changed: Changed | None) -> None:
    """A number to type, with dice beside it: such numbers are seeds, and any other is as good."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.number_input(**_range(setting), **common)
        st.button(
            "",
            key=f"{common['key']}.dice",
            icon=":material/casino:",
            help="Throw the dice: another number by chance",
            on_click=_throw,
            args=(common["key"], setting, changed),
        )


def _throw(key: str, setting: Setting, changed: Changed | None) -> None:
    ends = _range(setting)
    values = range(ends["min_value"], ends["max_value"] + 1, ends["step"])
    st.session_state[key] = values[np.random.default_rng().integers(len(values))]
    if changed is not None:
        changed(setting)
