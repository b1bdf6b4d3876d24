"""Whose network classifies and detects: ours, or one that others publish and a button downloads."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import streamlit as st

from pages.ui import pretrained
from pages.ui.card import draw_published
from pages.ui.picker import verbatim
from pages.ui.tasks.answers import Answer
from pages.ui.tasks.subjects import CLASSIFIER, DETECTOR, Subject
from segcore.catalog import TASKS
from segcore.errors import SegcoreError, SettingError
from segcore.weights.pretrained import describe

T = TypeVar("T")

NETWORKS = {"classification": TASKS[CLASSIFIER], "detection": TASKS[DETECTOR]}
OURS = "ours"
ELSE = "The networks that others publish, above, know other things."
MISSING = "Train it as README.md says, or take another picture."


def published_for(kind: str) -> Mapping[str, str]:
    """The weights that others publish for a task, by name, and what a page calls them."""
    setting = next(s for s in NETWORKS[kind].settings if s.name == "weights")
    return {name: setting.option_labels[name] for name in setting.downloads}


def key_of(kind: str, shows: str) -> str:
    """Key of the control that says whose network answers."""
    return f"tasks.{kind}.{shows}"


def _choose(kind: str, subject: Subject) -> str | None:
    """The control; the weights that are chosen, None where no network of ours is to be asked."""
    own = None if kind in subject.missing else subject.weights
    published = published_for(kind)
    titles = {OURS: "By our own network" if own else "No network of ours", **published}
    chosen: str = st.selectbox(
        "Whose network",
        list(titles),
        format_func=lambda name: titles[name],
        key=key_of(kind, subject.key),
        persist_state="session",
        label_visibility="collapsed",
    )
    return own if chosen == OURS else chosen


def say_missing(sentence: str) -> None:
    """In the place of an answer, why there is none."""
    st.info(sentence, icon=":material/block:")


def ask_network(kind: str, subject: Subject, ask: Callable[[str], Answer[T]]) -> Answer[T] | None:
    """The answer of the network that is chosen; where there is none, why, or what to download."""
    weights = _choose(kind, subject)
    if weights is None:
        say_missing(f"{subject.missing[kind]} {ELSE}")
        return None
    task, settings = NETWORKS[kind], {"weights": weights}
    wanted = pretrained.missing(task, settings)
    if wanted is not None:
        pretrained.draw_offer(wanted, task, settings, f".{kind}")
        return None
    try:
        answer = ask(weights)
    except SegcoreError as error:
        if weights in published_for(kind):
            st.error(verbatim(str(error)))
            pretrained.draw_again(task, settings, f".{kind}")
        else:
            say_missing(f"{verbatim(str(error))} {MISSING}")
        return None
    if weights in published_for(kind):
        draw_published(describe(weights))
    return answer


def draw_kept(subject: Subject) -> None:
    """What was downloaded, where a network of others is chosen."""
    for kind, task in NETWORKS.items():
        chosen = st.session_state.get(key_of(kind, subject.key))
        if chosen in published_for(kind):
            pretrained.draw_kept(task, {"weights": chosen})
            return


# Link --------------------------------------------------------------------------------------------


def take_from_link(kind: str, name: str, shows: str) -> str:
    """Takes over published weights from a link; the sentence if it has none of that name."""
    published = published_for(kind)
    if name not in published:
        return str(SettingError(kind, "one of " + ", ".join(published), name))
    st.session_state[key_of(kind, shows)] = name
    return ""


def to_link(subject: Subject) -> dict[str, str]:
    """What a link says of the networks of others that are chosen."""
    chosen = {kind: str(st.session_state.get(key_of(kind, subject.key))) for kind in NETWORKS}
    return {kind: name for kind, name in chosen.items() if name in published_for(kind)}
