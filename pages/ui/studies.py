"""Studies of a technique: questions about a setting that take a while, answered on request."""

from collections.abc import Hashable, Mapping

import streamlit as st

from pages.ui import cache
from pages.ui.picker import Picture
from pages.ui.progress import is_cancelled, resume, run_patiently
from pages.ui.steps import draw_steps
from segcore.run import study
from segcore.technique import Recorder, Study, Technique, Value


def draw_studies(technique: Technique, picture: Picture, settings: Mapping[str, Value]) -> None:
    """A button for each question, and the answers that were asked for."""
    chosen = tuple(settings.items())
    for question in technique.studies:
        name = ("study", technique.key, question.title, picture.digest, picture.side, chosen)
        if name in cache.runs or st.session_state.get("study") == name:
            _answer(technique, question, picture, settings, name)
        else:
            _ask(question, name)


def _ask(question: Study, name: Hashable) -> None:
    st.button(
        question.title,
        key=f"study.{question.title}",
        icon=":material/query_stats:",
        on_click=_asked,
        args=(name,),
        help="Runs the technique many times on this image, with the settings as they are now.",
    )


def _asked(name: Hashable) -> None:
    resume()
    st.session_state["study"] = name


def _answer(
    technique: Technique,
    question: Study,
    picture: Picture,
    settings: Mapping[str, Value],
    name: Hashable,
) -> None:
    st.markdown(f"#### {question.title}")
    if is_cancelled(name):
        st.session_state.pop("study", None)
        st.info("Cancelled.", icon=":material/cancel:")
        _ask(question, name)
        return
    answer = run_patiently(
        name,
        question,
        lambda told: study(
            technique.key, question.title, picture.image, show=Recorder(told), **settings
        ),
    )
    draw_steps(answer, key=f"study.{question.title}")
