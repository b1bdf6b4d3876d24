"""What all scores are drawn with: numbers with their meaning, pictures, three colours."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import streamlit as st

from pages.ui.painting import DIM, Finished, keep
from pages.ui.viewer import Pane, viewer
from segcore.export import labels_png
from segcore.metrics import PanopticMatch
from segcore.metrics.boundary import TOLERANCE
from segcore.render import outlines, overlay
from segcore.result import Image, Labels, Segmentation

# What is right, what is missing, what is too much; colours of Okabe and Ito, see segcore.render.
HIT, MISSED, INVENTED = 1, 2, 3
THREE_COLORS = {"right": (86, 180, 233), "missed": (240, 228, 66), "too much": (213, 94, 0)}
HIGH = 300  # pixels that a picture of this tab is high at the most
TALL = 320  # pixels that a table is high


def draw_numbers(numbers: Sequence[tuple[str, float, str]]) -> None:
    """Title, value (NaN if there is nothing to score) and meaning of each score, side by side."""
    for column, (title, value, meaning) in zip(st.columns(len(numbers)), numbers, strict=True):
        column.metric(title, "–" if np.isnan(value) else f"{value:.3f}")
        column.caption(meaning)


def draw_panes(finished: Finished, panes: Mapping[str, bytes]) -> None:
    """Pictures of the whole image, beside one another: title -> JPEG file."""
    files = [Pane(data, "image/jpeg", title) for title, data in panes.items()]
    viewer(
        files,
        size=finished.picture.size,
        key="viewer.truth",
        mode="side",
        max_height=HIGH,
    )


def draw_download(finished: Finished, truth: Segmentation, values: str) -> None:
    """The true labels as a file; `values` says what the value of a pixel means."""
    st.download_button(
        "Ground truth",
        lambda: labels_png(truth),
        f"{finished.picture.sample or 'scene'}-ground-truth.png",
        "image/png",
        key="download.truth",
        icon=":material/download:",
        on_click="ignore",
        help=f"PNG, lossless; the value of a pixel: {values}.",
    )


def reach(labels: Labels) -> str:
    """How far an outline may be off to count as right, in words."""
    pixels = TOLERANCE * float(np.hypot(*labels.shape))
    return f"{pixels:.1f} px of the true ones ({TOLERANCE:.2%} of the diagonal)"


def dimmed(image: Image) -> Image:
    """The image in dark grey, so that colours stand out from it."""
    gray = cv2.convertScaleAbs(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), alpha=DIM)
    return np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB), np.uint8)


def paint_three(image: Image, which: Labels) -> Image:
    """The image in dim grey; where `which` is HIT, MISSED or INVENTED, in three colours."""
    colors = np.array([(0, 0, 0), *THREE_COLORS.values()], np.uint8)
    return overlay(dimmed(image), which, 0.85, colors)


def paint_match(
    image: Image, prediction: Segmentation, reference: Segmentation, match: PanopticMatch
) -> Image:
    """Segments as a whole: right and invented ones as found, missed ones as they really are.

    Each has an outline, since many that touch have one colour. Missed ones lie upon right ones,
    such as a car on what was called road, and invented ones upon both.
    """
    right = keep(prediction.labels, [pair.prediction.label for pair in match.matched])
    missed = keep(reference.labels, [segment.label for segment in match.missed])
    invented = keep(prediction.labels, [segment.label for segment in match.invented])
    which = np.where(right > 0, HIT, 0)
    which[missed > 0] = MISSED
    which[invented > 0] = INVENTED
    page = paint_three(image, which.astype(np.int32))
    for labels, color in zip((right, missed, invented), THREE_COLORS.values(), strict=True):
        page = outlines(page, labels, color=color, casing=False)
    return page


def draw_three_colors(*, of_segments: bool = False) -> None:
    """What the three colours say, of pixels or of whole segments."""
    swatch = '<span><i style="background:rgb{}"></i>{}</span>'.format
    names = ("right", "missed", "invented") if of_segments else THREE_COLORS
    items = map(swatch, THREE_COLORS.values(), names)
    st.html(f'<div class="seg-legend">{"".join(items)}</div>')


def draw_pairs(match: PanopticMatch, key: str, names: Sequence[str] = ()) -> None:
    """Every segment: which true one it answers to, and their IoU.

    Args:
        match: which segments answer to one another.
        key: of the widget.
        names: names of segments that are left out, such as a background.
    """
    rows = [
        (one.prediction.name, "right", one.iou, one.prediction.label, one.reference.label)
        for one in match.matched
    ]
    lone: list[tuple[str, str, float | None, int | None, int | None]] = [
        *((one.name, "missed", None, None, one.label) for one in match.missed),
        *((one.name, "invented", None, one.label, None) for one in match.invented),
        *((one.name, "on void", None, one.label, None) for one in match.excused),
    ]
    every = [row for row in (*rows, *lone) if row[0] not in names]
    heads = ("Class", "Verdict", "IoU", "No. in the result", "No. in the truth")
    st.dataframe(
        {head: [row[place] for row in every] for place, head in enumerate(heads)},
        column_config={"IoU": st.column_config.NumberColumn(format="%.2f")},
        hide_index=True,
        height=TALL,
        placeholder="–",
        key=key,
        alt="Every segment with its partner",
    )
