"""What a person's own picture shows: a network answers with the names it knows, whatever it sees.

So on the pages of things it is asked before a network of ours is, once for each picture. The answer
chooses the weights; where none of ours fit, a classical technique answers instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import streamlit as st

from pages.ui import link, models
from pages.ui.navigation import page_of_category
from pages.ui.picker import Picture
from pages.ui.result import Finished
from pages.ui.widgets import current_settings, state_key
from segcore.catalog import in_category
from segcore.technique import Setting, Technique, Value

ASKING = ("instance", "panoptic")  # categories whose networks name what they count
OTHER = "other"
SUBJECTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "street": ("A street", "streets"),
        "animals": ("Cats or dogs", "cats and dogs"),
        "cells": ("Cells", "cells"),
        OTHER: ("Something else", "it"),
    }
)
"""Subject -> what a page calls it, and what "weights for …" are called."""

WEIGHTS: Mapping[str, str] = MappingProxyType(
    {"street": "street", "animals": "pets", "cells": "nuclei"}
)
"""Subject -> the weights that know it."""


@dataclass(frozen=True)
class Subject:
    """A person's answer.

    Attributes:
        key: one of SUBJECTS; None before there is an answer.
        fits: whether the technique has weights for it.
    """

    key: str | None
    fits: bool


def asks(technique: Technique, picture: Picture, settings: Mapping[str, Value]) -> bool:
    """Whether one must say what the picture shows: it is one's own, and the weights are ours.

    Who chooses weights that others publish, which know some ninety things, has said enough.
    """
    if picture.sample is not None or technique.network is None or technique.category not in ASKING:
        return False
    return models.published_name(technique, settings) is None


def settle(technique: Technique, picture: Picture) -> Subject | None:
    """What the person said of this picture; None if nothing is asked.

    The first time that a technique sees the picture, the answer chooses its weights. Weights that
    are chosen after that are an answer as well.
    """
    settings = current_settings(technique)
    if not asks(technique, picture, settings):
        return None
    state, setting = st.session_state, _weights(technique)
    place = _key(picture)
    key: str | None = state.get(place)
    if key is None:
        return Subject(None, fits=False)
    seen = f"{place}.{technique.key}"
    own = WEIGHTS.get(key)
    if seen not in state and own in (setting.options or ()):
        state[state_key(technique, setting)] = own
    elif seen in state and state[seen] != settings["weights"]:
        key = next((k for k, weights in WEIGHTS.items() if weights == settings["weights"]), key)
        state[place] = key
    state[seen] = current_settings(technique)["weights"]
    return Subject(key, WEIGHTS.get(key) in (setting.options or ()))


def _key(picture: Picture) -> str:
    """Where the session keeps the answer."""
    return f"subject.{picture.digest}"


def _weights(technique: Technique) -> Setting:
    return next(setting for setting in technique.settings if setting.name == "weights")


def draw_question(picture: Picture, subject: Subject) -> None:
    """The control, above the settings of the technique."""
    widget = f"subject.widget.{picture.digest}"
    st.session_state[widget] = subject.key
    st.selectbox(
        "What does the picture show?",
        list(SUBJECTS),
        format_func=lambda key: SUBJECTS[key][0],
        key=widget,
        placeholder="Please choose",
        on_change=_answered,
        args=(picture, widget),
        help="A network answers with the names that it knows, whatever it is shown.",
    )


def _answered(picture: Picture, widget: str) -> None:
    """Keeps the answer; every technique is to choose its weights by it anew."""
    place, key = _key(picture), st.session_state[widget]
    for name in [n for n in st.session_state if str(n).startswith(f"{place}.")]:
        del st.session_state[name]
    st.session_state[place] = key


def say_question() -> None:
    """In the place of a result, as long as there is no answer."""
    st.info(
        "Say beside the picture what it shows. Each of our networks knows a few things and nothing "
        "else, and would find them in anything.",
        icon=":material/help:",
    )


def say_no_weights(technique: Technique, subject: Subject, instead: Finished | None) -> None:
    """That no weights of ours fit, what is shown instead, and where there are some."""
    words = SUBJECTS[subject.key or OTHER][1]
    sentences = [f"No weights of {technique.title} fit here: none of ours has learned {words}."]
    if instead is not None:
        count = len(instead.run.segmentation.segments)
        sentences.append(
            f"What you see is no network but **{instead.technique.title}**, a classical technique: "
            f"it parts what differs in brightness from its surroundings into {count} objects, and "
            "names none."
        )
    if _weights(technique).downloads:
        sentences.append("Weights that others publish know more; see “Trained on”.")
    st.info(" ".join(sentences), icon=":material/block:")
    with st.container(horizontal=True):
        _draw_other(technique, subject)
        if instead is not None:
            draw_link(instead, f"All settings of {instead.technique.title}")


def _draw_other(technique: Technique, subject: Subject) -> None:
    """A link to the first technique that has weights for it, if one has."""
    weights = WEIGHTS.get(subject.key or "")
    for category in ("instance", "semantic"):
        page = page_of_category(category)
        for other in in_category(category):
            if other is technique or page is None or weights not in (_weights(other).options or ()):
                continue
            label = f"{other.title} knows {SUBJECTS[subject.key or OTHER][1]}"
            address = {"technique": other.key, "weights": str(weights)}
            st.page_link(page.path, label=label, icon=page.icon, query_params=address)
            return


def draw_link(finished: Finished, label: str) -> None:
    """A link to the page of a technique, with the picture and the settings of a run."""
    technique = finished.technique
    page = page_of_category(technique.category)
    if page is not None:
        address = {
            "technique": technique.key,
            **link.picture_values(finished.picture),
            **link.changed_settings(technique, finished.settings),
        }
        st.page_link(page.path, label=label, icon=page.icon, query_params=address)
