"""The things of a result, one by one: a picture beside a table, and what gave way to what.

It is there for every result with countable segments, whatever technique they come from. Picture
and table are one `st.components.v2` component, which gets the image, the label map and the rows
once; what is pointed at or chosen after that needs no rerun.

A person can
- point at a thing in the picture: its outline is drawn bright, it is named, its row stands out;
- point at a row, or reach it by the arrow keys: the same;
- click a thing or a row, or press Enter or Space on a row: it is chosen, and all that are not
  chosen become dim; the same again, Escape, or a click beside the things, lets go;
- sort the rows by any column;
- see it all in full screen.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import streamlit as st

from pages.ui import cache
from pages.ui.component import blob, component, digest, fitted, pack
from pages.ui.painting import Finished, keep
from pages.ui.steps import draw_table
from segcore.charts import Table
from segcore.export import boxes
from segcore.render import areas, jpeg, segment_colors
from segcore.result import Image, Labels, Run, Segment, Segmentation

_mount = component("segmentation_things", Path(__file__).parent)


def things_of(result: Segmentation) -> list[Segment]:
    """The countable segments, in the order of the legend."""
    return [segment for segment in result.segments if segment.is_thing]


def draw_things(finished: Finished) -> None:
    """Counts per class, the picture beside the table, and what was suppressed."""
    result = finished.run.segmentation
    _draw_counts(things_of(result))
    data = cache.pictures.get(
        (*finished.name, "things"), lambda: pack_things(finished.picture.image, result)
    )
    _mount(key="things", data=data)
    _draw_rivals(finished.run)


def _draw_counts(things: Sequence[Segment]) -> None:
    counts = Counter(thing.name for thing in things)
    if len(counts) == len(things) > 1:  # each has a name of its own, so these are no classes
        st.markdown(f"**{len(things)} things**")
        return
    words = (f"{name} × **{count}**" for name, count in counts.most_common())
    st.markdown(" · ".join(words) if counts else "**Nothing** was found with these settings.")


# What the browser gets ---------------------------------------------------------------------------


def pack_things(image: Image, result: Segmentation) -> bytes:
    """Image, label map of the things, and a row for each, as the component takes them.

    Args:
        image: uint8 RGB H×W×3.
        result: labels and segments. What is no thing is background here.
    """
    things = things_of(result)
    labels = np.maximum(keep(result.labels, [thing.label for thing in things]), 0)
    packed, photo = pack(labels), jpeg(fitted(image))
    header = {
        "size": (image.shape[1], image.shape[0]),
        "image": digest(photo),
        "labels": packed.described(),
        "colors": segment_colors(result.segments).tobytes().hex(),
        "rows": _rows(labels, things),
    }
    return blob(header, [photo, packed.data])


def _rows(labels: Labels, things: Sequence[Segment]) -> list[dict[str, object]]:
    """What the table says of each thing, its pixels' box, and where its number can stand."""
    sizes, around = areas(labels), boxes(labels)
    return [
        {
            "label": thing.label,
            "name": thing.name,
            "score": thing.score,
            "area": int(sizes[thing.label]),
            "box": [round(float(edge)) for edge in thing.box or around[thing.label]],
            "around": (edges := around[thing.label].tolist()),
            "middle": _middle(labels, thing.label, edges),
        }
        for thing in things
        if thing.label < len(sizes) and sizes[thing.label]
    ]


def _middle(labels: Labels, label: int, around: Sequence[int]) -> tuple[int, int, float]:
    """The pixel (x, y) of a thing that lies farthest from its edge, and how far that is."""
    left, top, right, bottom = around
    inside = np.pad(labels[top:bottom, left:right] == label, 1)
    away = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    y, x = np.unravel_index(int(away.argmax()), away.shape)
    return left + int(x) - 1, top + int(y) - 1, float(away[y, x])


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
