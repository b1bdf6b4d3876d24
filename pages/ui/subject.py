"""What a picture shows: a network answers with the names it knows, whatever it sees.

So every page on which networks of ours name things asks it. What a sample shows is known; of a
person's own picture it is asked once, and the answer holds on all pages. On the page of a technique
it chooses the weights, and where none of ours fit, a classical technique answers instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import streamlit as st

from pages.ui import link, models
from pages.ui.navigation import page_of_category
from pages.ui.painting import Finished
from pages.ui.picker import Picture
from pages.ui.widgets import current_settings, state_key
from segcore.catalog import in_category
from segcore.errors import SettingError
from segcore.technique import Setting, Technique, Value

ASKING = ("instance", "panoptic")  # categories whose networks name what they count
OTHER = "other"


@dataclass(frozen=True)
class Kind:
    """A kind of pictures.

    Attributes:
        title: what a page calls it.
        words: what a sentence calls it.
        weights: those of ours that know it; None if none do.
    """

    title: str
    words: str
    weights: str | None


SUBJECTS: Mapping[str, Kind] = MappingProxyType(
    {
        "street": Kind("A street", "streets", "street"),
        "animals": Kind("Cats or dogs", "cats and dogs", "pets"),
        "cells": Kind("Cells", "cells", "nuclei"),
        OTHER: Kind("Something else", "what it shows", None),
    }
)

OF_SAMPLE: Mapping[str, str] = MappingProxyType(
    {"street": "street", "chelsea": "animals", "cells": "cells"}
)
"""Sample -> what it shows; the others show something else."""

_GIVEN = "subject.given"  # what a link says, until its picture is there


# Asking ------------------------------------------------------------------------------------------


def answer(picture: Picture) -> str | None:
    """The key of what a picture shows: as the person or a link says, else as the sample is known.

    None if nobody has said it of a picture of one's own.
    """
    state, place = st.session_state, _key(picture)
    given = state.pop(_GIVEN, None)
    if given is not None:
        state[place] = given
    said: str | None = state.get(place)
    return said if said is not None else _known(picture)


def _known(picture: Picture) -> str | None:
    return OF_SAMPLE.get(picture.sample, OTHER) if picture.sample is not None else None


def _key(picture: Picture) -> str:
    """Where the session keeps the answer."""
    return f"subject.{picture.sample or picture.digest}"


def ask(picture: Picture) -> str | None:
    """Draws the question; returns the answer, see `answer`."""
    widget = f"{_key(picture)}.widget"
    st.session_state[widget] = answer(picture)
    st.segmented_control(
        "What does the picture show?",
        list(SUBJECTS),
        format_func=lambda key: SUBJECTS[key].title,
        key=widget,
        on_change=_answered,
        args=(picture, widget),
        help="A network answers with the names that it knows, whatever it is shown.",
        wrap=True,  # beside the picture there is too little room for one line
    )
    return answer(picture)


def _answered(picture: Picture, widget: str) -> None:
    """Keeps the answer; every technique is to choose its weights by it anew."""
    place, key = _key(picture), st.session_state[widget]
    for name in [n for n in st.session_state if str(n).startswith(f"{place}.weights.")]:
        del st.session_state[name]
    st.session_state[place] = key


def say_question() -> None:
    """In the place of a result, as long as there is no answer."""
    st.info(
        "Say what the picture shows. Each of our networks knows a few things and nothing else, and "
        "would find them in anything.",
        icon=":material/help:",
    )


def restore(values: dict[str, str]) -> list[str]:
    """Takes `shows` out of a link's values, for the picture that is shown next.

    Returns:
        A sentence, if it is nothing that a picture can show.
    """
    shows = values.pop("shows", None)
    if shows is None:
        return []
    if shows not in SUBJECTS:
        return [str(SettingError("shows", "one of " + ", ".join(SUBJECTS), shows))]
    st.session_state[_GIVEN] = shows
    return []


def link_values(picture: Picture) -> dict[str, str]:
    """The part of a link that says what a picture shows, if that is not known anyhow."""
    shows = answer(picture)
    return {} if shows is None or shows == _known(picture) else {"shows": shows}


# Choosing weights --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """A person's answer on the page of a technique.

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
    key = answer(picture)
    if key is None:
        return Subject(None, fits=False)
    seen = f"{place}.weights.{technique.key}"
    own = SUBJECTS[key].weights
    if seen not in state and own in (setting.options or ()):
        state[state_key(technique, setting)] = own
    elif seen in state and state[seen] != settings["weights"]:
        fitting = (name for name, kind in SUBJECTS.items() if kind.weights == settings["weights"])
        key = next(fitting, key)
        state[place] = key
    state[seen] = current_settings(technique)["weights"]
    return Subject(key, SUBJECTS[key].weights in (setting.options or ()))


def _weights(technique: Technique) -> Setting:
    return next(setting for setting in technique.settings if setting.name == "weights")


def say_no_weights(technique: Technique, subject: Subject, instead: Finished | None) -> None:
    """That no weights of ours fit, what is shown instead, and where there are some."""
    words = SUBJECTS[subject.key or OTHER].words
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
    kind = SUBJECTS[subject.key or OTHER]
    for category in ("instance", "semantic"):
        page = page_of_category(category)
        for other in in_category(category):
            if (
                other is technique
                or page is None
                or kind.weights not in (_weights(other).options or ())
            ):
                continue
            label = f"{other.title} knows {kind.words}"
            address = {"technique": other.key, "weights": str(kind.weights)}
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
