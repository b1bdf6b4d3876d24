"""The things of a result, one by one: a table beside the picture, and what gave way to what.

It is there for every result with countable segments, whatever technique they come from. A row that
is chosen stands out in the picture, and a thing that is clicked there has its row chosen.
"""

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import streamlit as st

from pages.ui import cache
from pages.ui.result import DIM, Finished, fill, keep
from pages.ui.steps import draw_table
from pages.ui.viewer import Pane, viewer
from segcore.charts import Table
from segcore.export import boxes
from segcore.render import Colors, areas, jpeg, segment_colors
from segcore.result import Image, Labels, Run, Segment, Segmentation

HIGH = 460  # pixels of the picture and of the table, at the most
SIDE = 768  # pixels of the picture's long side at least, so that its lines and numbers are fine
OPACITY = 0.4
LETTERS = 1300  # pixels of a picture on which numbers have the font's own size, 22 px
LEAST_SIDE = 20  # pixels that a thing must be wide and high for its number to stand on it
ROW = 35  # pixels of a row of the table


def things_of(result: Segmentation) -> list[Segment]:
    """The countable segments, in the order of the legend."""
    return [segment for segment in result.segments if segment.is_thing]


def draw_things(finished: Finished) -> None:
    """Counts per class, the picture beside the table, and what was suppressed."""
    result = finished.run.segmentation
    things = things_of(result)
    _draw_counts(things)
    chosen = _Chosen(finished, [thing.label for thing in things])
    left, right = st.columns([9, 11], gap="medium")
    with right:
        labels = chosen.read(_draw_rows(finished, things, chosen))
    with left:
        _draw_picture(finished, labels, chosen)
    _draw_rivals(finished.run)


def _draw_counts(things: Sequence[Segment]) -> None:
    counts = Counter(thing.name for thing in things)
    if len(counts) == len(things) > 1:  # each has a name of its own, so these are no classes
        st.markdown(f"**{len(things)} things**")
        return
    words = (f"{name} × **{count}**" for name, count in counts.most_common())
    st.markdown(" · ".join(words) if counts else "**Nothing** was found with these settings.")


# Choosing ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Chosen:
    """Which things stand out: rows of the table, which a click in the picture replaces.

    Streamlit lets nobody set the rows of a table that is there; so a click begins a new table.
    """

    finished: Finished
    labels: Sequence[int]

    @property
    def _clicks(self) -> tuple[int, list[int]]:
        """How many clicks there were on this result, and the row that the last one chose."""
        name, number, rows = st.session_state.get("things.clicked", (None, 0, []))
        return (number, rows) if name == self.finished.name else (0, [])

    @property
    def key(self) -> str:
        return f"things.{hash(self.finished.name)}.{self._clicks[0]}"

    @property
    def default(self) -> Any:
        return {"selection": {"rows": self._clicks[1], "columns": [], "cells": []}}

    def read(self, selection: Any) -> list[int]:
        """The labels of the rows that are chosen, or in which a cell is."""
        rows = {*selection["rows"], *(row for row, _ in selection["cells"])}
        return [self.labels[row] for row in sorted(rows) if row < len(self.labels)]

    def click(self, x: int, y: int) -> None:
        """Chooses the thing at a pixel; where there is none, none."""
        label = int(self.finished.run.segmentation.labels[y, x])
        rows = [self.labels.index(label)] if label in self.labels else []
        st.session_state["things.clicked"] = (self.finished.name, self._clicks[0] + 1, rows)


# The table ---------------------------------------------------------------------------------------


def _draw_rows(finished: Finished, things: Sequence[Segment], chosen: _Chosen) -> Any:
    """The table; returns which rows and cells are chosen."""
    event: Any = st.dataframe(
        _columns(finished.run.segmentation, things),
        column_config={
            "No.": st.column_config.NumberColumn(
                help="Its label: the value of its pixels in the downloads", width=50
            ),
            " ": st.column_config.ImageColumn(help="Its colour", width=40),
            "Score": st.column_config.NumberColumn(format="%.2f", width=60),
            "Box": st.column_config.TextColumn(
                help="Left, top – right, bottom in pixels: as the technique predicted it, else "
                "around the pixels"
            ),
            "Area": st.column_config.NumberColumn(help="In pixels", width=65),
            "Share": st.column_config.NumberColumn(
                format="%.2f%%", help="Of the picture", width=70
            ),
        },
        hide_index=True,
        height=min(HIGH, ROW * (len(things) + 1) + 3),
        key=chosen.key,
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        selection_default=chosen.default,
        alt="Every thing with its class, score, box and area",
    )
    st.caption("Choose a row, or click a thing in the picture: it stands out there.")
    return event["selection"]


def _columns(result: Segmentation, things: Sequence[Segment]) -> dict[str, list[Any]]:
    """One row per thing; without any scores there is no such column."""
    colors, sizes, around = (
        segment_colors(result.segments),
        areas(result.labels),
        boxes(np.maximum(result.labels, 0)),
    )
    columns: dict[str, list[Any]] = {
        "No.": [thing.label for thing in things],
        " ": [_swatch(colors[thing.label]) for thing in things],
        "Class": [thing.name for thing in things],
        "Score": [thing.score for thing in things],
        "Box": [_box(thing.box or around[thing.label]) for thing in things],
        "Area": [int(sizes[thing.label]) for thing in things],
        "Share": [100 * float(sizes[thing.label]) / result.labels.size for thing in things],
    }
    if all(score is None for score in columns["Score"]):
        del columns["Score"]
    return columns


def _swatch(color: np.ndarray) -> str:
    """A square of a colour as an address that needs no server."""
    red, green, blue = map(int, color)
    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
        f'<rect width="20" height="20" rx="4" fill="rgb({red},{green},{blue})"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()


def _box(box: Sequence[float] | np.ndarray) -> str:
    left, top, right, bottom = (f"{value:.0f}" for value in box)
    return f"{left}, {top} – {right}, {bottom}"


# The picture -------------------------------------------------------------------------------------


def _draw_picture(finished: Finished, labels: Sequence[int], chosen: _Chosen) -> None:
    result = finished.run.segmentation
    data = cache.pictures.get(
        (*finished.name, "things", tuple(labels)),
        lambda: jpeg(paint_things(finished.picture.image, result, labels)),
    )
    viewer(
        (Pane(data, "image/jpeg", "Things"),),
        size=finished.picture.size,
        key="viewer.things",
        mode="single",
        on_click=chosen.click,
        hint="Click a thing to choose it",
        max_height=HIGH,
    )


def paint_things(image: Image, result: Segmentation, chosen: Sequence[int] = ()) -> Image:
    """Every thing in its colour, with an outline and its number; all but the chosen ones dim.

    Args:
        image: uint8 RGB H×W×3; it is enlarged where it is small.
        result: labels and segments.
        chosen: labels; none means that all stand out.
    """
    labels = keep(result.labels, [thing.label for thing in things_of(result)])
    scale = max(1, -(-SIDE // max(labels.shape)))
    size = (labels.shape[1] * scale, labels.shape[0] * scale)
    large = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    labels = np.repeat(np.repeat(np.maximum(labels, 0), scale, axis=0), scale, axis=1)
    bright = labels
    if chosen:
        bright = keep(labels, chosen)
        dim = cv2.convertScaleAbs(large, alpha=DIM)
        large = np.asarray(cv2.copyTo(large, (bright > 0).view(np.uint8), dim), np.uint8)
    page = fill(large, result, bright, OPACITY)
    _write_numbers(page, bright, segment_colors(result.segments))
    return page


def _write_numbers(page: Image, labels: Labels, colors: Colors) -> None:
    """The label of each thing that is large enough, where it lies farthest from its edge."""
    scale = max(page.shape) / LETTERS
    for label, (left, top, right, bottom) in enumerate(boxes(labels).tolist()):
        if label == 0 or min(right - left, bottom - top) < LEAST_SIDE:
            continue
        inside = np.pad(labels[top:bottom, left:right] == label, 1)
        away = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, 3)
        y, x = np.unravel_index(int(away.argmax()), away.shape)
        _write(page, str(label), (left + int(x) - 1, top + int(y) - 1), colors[label], scale)


def _write(
    page: Image, text: str, middle: tuple[int, int], color: np.ndarray, scale: float
) -> None:
    """A number in a colour's lighter shade with a dark rim, to be read on any ground."""
    light = tuple(int(255 - (255 - int(c)) * 0.35) for c in color)
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
    corner = (max(0, middle[0] - width // 2), min(page.shape[0] - 1, middle[1] + height // 2))
    for ink, thick in (((0, 0, 0), 5), (light, 2)):
        cv2.putText(page, text, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)


# What gave way -----------------------------------------------------------------------------------


def _draw_rivals(run: Run) -> None:
    """What was suppressed and why, where the technique has recorded it."""
    for number, step in enumerate(run.steps, start=1):
        if isinstance(step.picture, Table):
            count = len(step.picture.rows)
            st.markdown(f"##### {step.title}")
            if count:
                draw_table(step.picture, f"things.table.{number}", step.caption)
                st.caption(step.caption)
            else:
                st.caption("Nothing was suppressed with these settings.")
