"""The picture component of the comparison: panels of one image that zoom, move and answer together.

The image travels once and every result as its label map, so that the browser itself paints fill,
outlines or labels, and knows the segment under the pointer in every panel at once. Label maps are
packed without loss (zlib) and not as PNG: a canvas does not promise to give back the very values of
a picture.

A person can
- zoom with the wheel, with two fingers, with + and -; 0 shows all of it again;
- move by dragging or with the arrow keys;
- read the segment under the pointer in all panels; without a mouse, Shift with the arrow keys moves
  a crosshair that is read out;
- pin a panel as the reference that gives the others their colours;
- see it all in full screen.
"""

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import streamlit as st

from pages.ui.comparison.painting import Paints
from segcore.result import Labels

View: TypeAlias = Literal["overlay", "outlines", "labels"]

LARGEST = 2048  # pixels of the long side that a browser gets: nine such panels take 110 MB there

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "segmentation_panels",
    html=(_HERE / "panels.html").read_text("utf-8"),
    css=(_HERE / "panels.css").read_text("utf-8"),
    js=(_HERE / "panels.js").read_text("utf-8"),
)


class Packed(NamedTuple):
    """A label map as it travels.

    Attributes:
        data: zlib of the labels row by row, little-endian unsigned.
        width, height: its size in pixels.
        bytes_each: bytes of one label: 1, 2 or 4.
    """

    data: bytes
    width: int
    height: int
    bytes_each: int


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


def pack(labels: Labels | npt.NDArray[Any]) -> Packed:
    """A label map of any unsigned type, H×W, at most LARGEST pixels wide and high."""
    height, width = labels.shape
    if max(height, width) > LARGEST:
        scale = LARGEST / max(height, width)
        rows = np.arange(max(1, round(height * scale))) * height // max(1, round(height * scale))
        columns = np.arange(max(1, round(width * scale))) * width // max(1, round(width * scale))
        labels = labels[rows[:, None], columns]
    kind = np.min_scalar_type(int(labels.max(initial=0))).newbyteorder("<")
    narrow = np.ascontiguousarray(labels, dtype=kind)
    data = zlib.compress(narrow.tobytes(), level=1)
    return Packed(data, narrow.shape[1], narrow.shape[0], kind.itemsize)


def fitted(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The image (uint8 RGB) at the size of its packed label maps."""
    height, width = image.shape[:2]
    if max(height, width) <= LARGEST:
        return image
    scale = LARGEST / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


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
        "image": _digest(image),
        "files": [{"length": len(data), "digest": _digest(data)} for data in files],
        "panels": [_described(panel) for panel in shown],
    }
    text = json.dumps(header, ensure_ascii=False).encode()
    blob = b"".join([struct.pack("<I", len(text)), text, *files])
    if on_pin is None:
        _mount(key=key, data=blob)
        return
    keys = {panel.key for panel in shown}

    def notify() -> None:
        message = st.session_state[key].get("pin")
        # What a browser sends is a stranger's word.
        if isinstance(message, str) and (message in keys or not message):
            on_pin(message)

    _mount(key=key, data=blob, on_pin_change=notify)


def _described(panel: Panel) -> dict[str, Any]:
    told: dict[str, Any] = {
        "key": panel.key,
        "title": panel.title,
        "note": panel.note,
        "sentence": panel.sentence,
        "busy": panel.is_busy,
    }
    if panel.labels is not None and panel.paints is not None:
        told["labels"] = {
            "digest": _digest(panel.labels.data),
            "width": panel.labels.width,
            "height": panel.labels.height,
            "bytes": panel.labels.bytes_each,
        }
        told["paints"] = np.ascontiguousarray(panel.paints).tobytes().hex()
        told["names"] = list(panel.names)
    return told


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()
