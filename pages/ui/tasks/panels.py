"""The three panels: labels with bars, boxes on the image, masks on the image."""

import html
from collections import Counter
from collections.abc import Iterator

import numpy as np
import streamlit as st

from pages.ui import cache
from pages.ui.picker import Picture
from pages.ui.tasks.answers import Answer
from pages.ui.tasks.subjects import Way
from segcore.images import fit
from segcore.networks.boxes import draw_boxes
from segcore.render import CLASS_COLORS, Color, jpeg, outlines, overlay, palette, segment_colors
from segcore.result import Classification, Detections, Segmentation

LONGEST = 720  # pixels of the longer side of a panel's picture
FRAMED = 640  # the same of one with boxes, whose words are to be read in a panel
LETTERS = 0.6
LIKELY = 0.5  # probability from which a label is said
MOST_BARS = 12  # names with a bar, where there are many


def draw_plain(picture: Picture) -> None:
    """The image alone."""
    data = cache.pictures.get(
        ("task", picture.digest, picture.side), lambda: jpeg(fit(picture.image, LONGEST))
    )
    _image(data, "The image")


def draw_bars(answer: Answer[Classification]) -> None:
    """Every name with its probability as a bar, the likeliest first; of many the likeliest."""
    found = answer.found
    order = np.argsort(-found.scores, kind="stable")[:MOST_BARS]
    rows = []
    for index in order:
        chance = float(found.scores[index])
        off = "" if chance >= LIKELY else ' class="off"'
        rows.append(
            f"<span{off}>{html.escape(found.names[index])}</span>"
            f"<i{off}><b style='width:{chance:.1%}'></b></i><em{off}>{chance:.0%}</em>"
        )
    st.html(f'<div class="seg-bars" role="list">{"".join(rows)}</div>')
    others = len(found.names) - len(order)
    if others:
        share = float(found.scores.sum() - found.scores[order].sum())
        st.caption(f"and {others:,} more names with {max(0.0, share):.0%} together")


def draw_detections(picture: Picture, answer: Answer[Detections]) -> None:
    """The image with a box around every object.

    Boxes are titled where there is room, and where there are several classes: a word that stands at
    all of them would only hide the picture. `draw_key` says what the colours mean.
    """
    found = answer.found
    texts = found.names if len(set(found.names)) > 1 else ()

    def make() -> bytes:
        colors = box_colors(found.names)
        return jpeg(
            draw_boxes(
                *(picture.image, found.boxes, colors, texts),
                side=FRAMED,
                light=1.0,
                letters=LETTERS,
            )
        )

    _image(cache.pictures.get((answer.name, "panel"), make), "Boxes around objects")


def draw_key(names: tuple[str, ...]) -> None:
    """The colours of the boxes, and how many there are of each class."""
    if names:
        st.html(f'<div class="seg-legend" role="list">{"".join(_keys(names))}</div>')


def _keys(names: tuple[str, ...]) -> Iterator[str]:
    """The legend's entries: colour, class, and how many; the most frequent class first."""
    colors = dict(zip(names, box_colors(names), strict=True))
    for name, count in Counter(names).most_common():
        red, green, blue = colors[name]
        yield (
            f'<span role="listitem"><i style="background:rgb({red},{green},{blue})"></i>'
            f"{html.escape(name)} <b>{count}</b></span>"
        )


def box_colors(names: tuple[str, ...]) -> list[Color]:
    """One colour per class: its own, if it has one, else that of the palette."""
    classes = sorted(set(names))
    table = palette(len(classes))
    known = {
        name: CLASS_COLORS.get(name) or (int(row[0]), int(row[1]), int(row[2]))
        for name, row in zip(classes, table[1:], strict=True)
    }
    return [known[name] for name in names]


def draw_masks(picture: Picture, way: Way, answer: Answer[Segmentation]) -> None:
    """The image with its segments in their colours, single objects outlined."""
    found = answer.found

    def make() -> bytes:
        colors = segment_colors(found.segments)
        painted = overlay(picture.image, found.labels, 0.55, colors)
        if any(segment.is_thing for segment in found.segments):
            width = max(1, round(max(picture.size) / 500))
            painted = outlines(painted, found.labels, width, colors=colors)
        return jpeg(fit(painted, LONGEST))

    _image(cache.pictures.get((answer.name, "panel"), make), f"Masks by {way.title}")


def _image(data: bytes, alt: str) -> None:
    st.image(data, width="stretch", output_format="JPEG", alt=alt)
