"""The step strip: every step of a run as a small picture or chart with its caption."""

import hashlib
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import streamlit as st

from pages.ui import cache
from pages.ui.charts import diagram_width, figure
from segcore.charts import Diagram, Frames, Table
from segcore.render import class_colors, jpeg, png, to_rgb
from segcore.result import Run, Segment, Step

SHARP = 400  # pixels that the picture of a card is wide
MOST_ROWS, TABLE_HIGH = 8, 320  # rows of a table that does not scroll; pixels of one that does


def picture_file(picture: np.ndarray, width: int = 0, segments: Sequence[Segment] = ()) -> bytes:
    """A step's array as a file for the browser: flat pictures without loss, others as JPEG.

    It is cached by its content: most steps stay as they are when one setting moves.

    Args:
        picture: mask, labels, grey, real numbers or RGB, as a step shows it.
        width: pixels to reduce it to; 0 leaves its size.
        segments: those of the run, whose classes may have colours of their own.
    """
    own = class_colors(segments)
    named = tuple(segment for segment in segments if segment.label in own)
    flat = picture.dtype in (np.bool_, np.int32)
    small = _reduced(picture, width, flat) if 0 < width < picture.shape[1] else picture
    digest = hashlib.sha256(small.tobytes()).hexdigest()
    name = ("step", digest, small.shape, small.dtype.str, named)
    return cache.pictures.get(name, lambda: (png if flat else jpeg)(to_rgb(small, named)))


def _reduced(picture: np.ndarray, width: int, flat: bool) -> np.ndarray:
    """The array at a lower resolution; no label and no mask value is invented.

    It is reduced before it gets colours, which are three times as much to reduce, and here, since
    st.image resizes bilinearly what is wider than 1460 px.
    """
    height, full = picture.shape[:2]
    size = (width, max(1, round(height * width / full)))
    plain = picture.view(np.uint8) if picture.dtype == np.bool_ else picture
    if plain.dtype not in (np.uint8, np.int16, np.uint16, np.int32, np.float32):
        plain = plain.astype(np.float32)
    if plain.dtype == np.int32:  # OpenCV takes labels as real numbers only
        rows = np.arange(size[1]) * height // size[1]
        return picture[rows[:, None], np.arange(width) * full // width]
    method = cv2.INTER_NEAREST_EXACT if flat else cv2.INTER_AREA
    return cv2.resize(plain, size, interpolation=method).astype(picture.dtype, copy=False)


def draw_steps(run: Run, key: str = "run") -> None:
    """Draws the steps of a run in the order of the computation; `key` tells two strips apart."""
    with st.container(key=f"steps-{key}"):  # laid out as a grid by style.css
        for number, step in enumerate(run.steps, start=1):
            is_wide = isinstance(step.picture, Diagram | Table)
            with st.container(gap="small", key=f"wide-{key}-{number}" if is_wide else None):
                _draw_step(number, step, key, run.segmentation.segments)


def _draw_step(number: int, step: Step, key: str, segments: Sequence[Segment]) -> None:
    if isinstance(step.picture, np.ndarray):
        _image(st, step.picture, step.caption, segments)
    elif isinstance(step.picture, Frames):
        _scrub(step.picture, f"{key}.{number}", segments)
    elif isinstance(step.picture, Table):
        draw_table(step.picture, f"table.{key}.{number}", step.caption)
    else:
        chart = step.picture
        st.plotly_chart(
            figure(chart),
            width=diagram_width(chart) if isinstance(chart, Diagram) else "stretch",
            key="chart." + hashlib.sha256(f"{key}{number}{step.title}".encode()).hexdigest()[:12],
            config={"displayModeBar": False},
            alt=step.caption,
        )
    st.caption(f"**{number}. {step.title}.** {step.caption}")


def draw_table(table: Table, key: str, alt: str) -> None:
    """The rows of a table, which a person may sort; a long one scrolls."""
    columns: dict[str, list[str | float]] = {
        name: [row[place] for row in table.rows] for place, name in enumerate(table.columns)
    }
    numbers = {
        name: st.column_config.NumberColumn(format="%.2f")
        for name, values in columns.items()
        if any(isinstance(value, float) for value in values)
    }
    st.dataframe(
        columns,
        column_config=numbers,
        hide_index=True,
        height="content" if len(table.rows) <= MOST_ROWS else TABLE_HIGH,
        key=key,
        alt=alt,
    )


@st.fragment
def _scrub(frames: Frames, key: str, segments: Sequence[Segment]) -> None:
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
            key=f"scrub.{key}.{last}",
            label_visibility="collapsed",
        )
    _image(slot, frames.pictures[index], frames.names[index], segments)


def _image(place: Any, picture: np.ndarray, alt: str, segments: Sequence[Segment]) -> None:
    """The picture as it was encoded: left alone, st.image turns every opaque PNG into a JPEG."""
    file = picture_file(picture, SHARP, segments)
    form = "PNG" if file.startswith(b"\x89PNG") else "JPEG"
    place.image(file, width="stretch", output_format=form, alt=alt)
