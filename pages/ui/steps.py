"""The step strip: every step of a run as a small picture or chart with its caption."""

import hashlib

import numpy as np
import streamlit as st

from pages.ui import cache
from pages.ui.charts import figure
from segcore.charts import Frames
from segcore.render import jpeg, png, thumbnail, to_rgb
from segcore.result import Run, Step

SHARP = 480  # pixels that the picture of a card is wide


def picture_file(picture: np.ndarray, name: tuple[object, ...], width: int = 0) -> bytes:
    """A step's array as a file for the browser: flat pictures without loss, others as JPEG.

    Args:
        picture: mask, labels, grey, real numbers or RGB, as a step shows it.
        name: names the picture in the cache.
        width: pixels to reduce it to; 0 leaves its size.
    """

    def make() -> bytes:
        flat = picture.dtype in (np.bool_, np.int32)
        rgb = to_rgb(picture)
        if width:
            rgb = thumbnail(rgb, width, nearest=flat)
        return png(rgb) if flat else jpeg(rgb)

    return cache.pictures.get((*name, width), make)


def draw_steps(run: Run, name: tuple[object, ...]) -> None:
    """Draws the steps of a run in the order of the computation.

    Args:
        run: the run.
        name: names the run in the cache.
    """
    with st.container(key="steps"):  # laid out as a grid by style.css
        for number, step in enumerate(run.steps, start=1):
            with st.container(gap="small"):
                _draw_step(number, step, (*name, "step", number))


def _draw_step(number: int, step: Step, name: tuple[object, ...]) -> None:
    st.markdown(f"**{number}. {step.title}**")
    if isinstance(step.picture, np.ndarray):
        st.image(picture_file(step.picture, name, SHARP), width="stretch", alt=step.caption)
    elif isinstance(step.picture, Frames):
        _scrub(step.picture, name)
    else:
        st.plotly_chart(
            figure(step.picture),
            key="chart." + hashlib.sha256(f"{number}{step.title}".encode()).hexdigest()[:12],
            config={"displayModeBar": False},
            alt=step.caption,
        )
    st.caption(step.caption)


@st.fragment
def _scrub(frames: Frames, name: tuple[object, ...]) -> None:
    """A process over time, moved through by a slider; it opens on its end."""
    slot = st.empty()
    last = len(frames.names) - 1
    index = last
    if last:
        index = st.select_slider(
            "Time",
            options=range(last + 1),
            value=last,
            format_func=lambda i: frames.names[i],
            label_visibility="collapsed",
        )
    file = picture_file(frames.pictures[index], (*name, index), SHARP)
    slot.image(file, width="stretch", alt=frames.names[index])
