"""What all scores are drawn with: numbers with their meaning, pictures, three colours."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import streamlit as st

from pages.ui.result import DIM, Finished
from pages.ui.viewer import Pane, viewer
from segcore.export import labels_png
from segcore.metrics.boundary import TOLERANCE
from segcore.render import overlay
from segcore.result import Image, Labels, Segmentation

# What is right, what is missing, what is too much; colours of Okabe and Ito, see segcore.render.
HIT, MISSED, INVENTED = 1, 2, 3
_COLORS = {"right": (86, 180, 233), "missed": (240, 228, 66), "too much": (213, 94, 0)}
HIGH = 300  # pixels that a picture of this tab is high at the most


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
    colors = np.array([(0, 0, 0), *_COLORS.values()], np.uint8)
    return overlay(dimmed(image), which, 0.85, colors)


def draw_three_colors() -> None:
    """What the three colours say."""
    swatch = '<span><i style="background:rgb{}"></i>{}</span>'.format
    items = (swatch(color, name) for name, color in _COLORS.items())
    st.html(f'<div class="seg-legend">{"".join(items)}</div>')
