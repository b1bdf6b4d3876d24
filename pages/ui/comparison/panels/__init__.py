"""The picture component of the comparison: panels of one image that zoom, move and answer together.

The image travels once and every result as its label map, so that the browser itself paints fill,
outlines or labels, and knows the segment under the pointer in every panel at once.

A person can
- zoom with the wheel, with two fingers, with + and -; 0 shows all of it again;
- move by dragging or with the arrow keys;
- read the segment under the pointer in all panels; without a mouse, Shift with the arrow keys moves
  a crosshair that is read out;
- pin a panel as the reference that gives the others their colours;
- see it all in full screen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import streamlit as st

from pages.ui.comparison.painting import Paints
from pages.ui.component import Packed, blob, component, digest

View: TypeAlias = Literal["overlay", "outlines", "labels"]

_mount = component("segmentation_panels", Path(__file__).parent)


@dataclass(frozen=True, eq=False)
class Panel:
    """One place of the grid.

    Attributes:
        key: names it in messages.
        title: what stands above the picture.
        note: a line below the title, such as time and number of segments.
        labels: what is painted; None while there is no result.
        paints: (n + 1, 4) RGBA of every label.
        names: what the segment under the pointer is called: label -> name.
        sentence: stands in the picture's place while there is no result.
        is_busy: whether a result is on its way.
    """

    key: str
    title: str
    note: str = ""
    labels: Packed | None = None
    paints: Paints | None = None
    names: Sequence[str] = ()
    sentence: str = ""
    is_busy: bool = False


def panels(
    shown: Sequence[Panel],
    *,
    image: bytes,
    size: tuple[int, int],
    key: str,
    view: View = "overlay",
    opacity: float = 0.55,
    pinned: str | None = None,
    on_pin: Callable[[str], None] | None = None,
    max_height: int | None = None,
) -> None:
    """Shows panels of one image.

    Args:
        shown: the panels in their order.
        image: JPEG file of the image, as `fitted` makes it.
        size: (width, height) in pixels of the image itself, which positions refer to.
        key: the component's key, unique in the session; zoom and position live in the browser as
            long as the key is shown.
        view: how labels are painted.
        opacity: of the fill.
        pinned: key of the panel that is the reference.
        on_pin: makes panels pinnable: told the key of the panel, or "" if it was let go.
        max_height: largest height of a panel in CSS pixels.
    """
    files = [image, *(panel.labels.data for panel in shown if panel.labels is not None)]
    header = {
        "size": size,
        "view": view,
        "opacity": opacity,
        "pinned": pinned,
        "pinnable": on_pin is not None,
        "maxHeight": max_height,
        "image": digest(image),
        "panels": [_described(panel) for panel in shown],
    }
    data = blob(header, files)
    if on_pin is None:
        _mount(key=key, data=data)
        return
    keys = {panel.key for panel in shown}

    def notify() -> None:
        message = st.session_state[key].get("pin")
        # What a browser sends is a stranger's word.
        if isinstance(message, str) and (message in keys or not message):
            on_pin(message)

    _mount(key=key, data=data, on_pin_change=notify)


def _described(panel: Panel) -> dict[str, Any]:
    told: dict[str, Any] = {
        "key": panel.key,
        "title": panel.title,
        "note": panel.note,
        "sentence": panel.sentence,
        "busy": panel.is_busy,
    }
    if panel.labels is not None and panel.paints is not None:
        told["labels"] = panel.labels.described()
        told["paints"] = np.ascontiguousarray(panel.paints).tobytes().hex()
        told["names"] = list(panel.names)
    return told
