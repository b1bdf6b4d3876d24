"""The article of a technique: what its docstring teaches, and the samples that show it."""

import re

import streamlit as st

from pages.ui.picker import choose_sample
from pages.ui.widgets import set_settings
from segcore.samples import SAMPLES
from segcore.task import Task
from segcore.technique import Preset, Technique


def apply_preset(technique: Technique, preset: Preset) -> None:
    """Sets all settings as the preset says, and its sample, if it has one."""
    if preset.sample is not None:
        choose_sample(preset.sample)
    # Last, as another image takes the points with it, and a preset may bring its own.
    set_settings(technique, preset.settings)


def best(technique: Technique) -> Preset:
    """The defaults on the sample that shows the technique at its best."""
    return Preset("At its best", {}, technique.sample)


def preset_button(technique: Technique, preset: Preset, title: str, icon: str, place: str) -> None:
    """A button that applies a preset; `place` tells two buttons of one preset apart."""
    sample = f" on “{SAMPLES[preset.sample].title}”" if preset.sample else ""
    st.button(
        title,
        key=f"{technique.key}.{place}.{preset.title}",
        icon=icon,
        on_click=apply_preset,
        args=(technique, preset),
        help=f"Sets every setting{sample}.",
    )


def with_formulas(text: str) -> str:
    """Markdown in which every display formula stands alone, as Streamlit's Markdown wants it."""
    return re.sub(r"\s*\$\$(.+?)\$\$\s*", r"\n\n$$\n\1\n$$\n\n", text, flags=re.DOTALL)


def draw_article(method: Technique | Task) -> None:
    """Draws the sections of the article in two columns: the idea, and what to know of it.

    Of a technique, buttons show it at its best and at its worst.
    """
    article = method.article
    technique = method if isinstance(method, Technique) else None
    idea, rest = st.columns([3, 2], gap="large")
    with idea:
        st.markdown(f"#### {article.title}\n{with_formulas(article.idea)}")
    with rest:
        st.markdown(f"#### Used for\n{with_formulas(article.used_for)}")
        if technique is not None:
            at_best = best(technique)
            preset_button(technique, at_best, "Show it at its best", ":material/thumb_up:", "a")
        st.markdown(f"#### When it fails\n{with_formulas(article.when_it_fails)}")
        if technique is not None:
            failure = technique.fails
            preset_button(technique, failure, "Show it fail", ":material/thumb_down:", "a")
    st.markdown("#### References\n" + article.references.replace("\n", "  \n"))
