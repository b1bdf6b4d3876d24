"""The picture component of the dashboard: before and after, side by side, and clicks on pixels.

One `st.components.v2` component draws every picture that people compare or click. A rerun updates
it in place: the old picture stays until the new one is decoded, and the divider stays where it is.

A person can
- move the divider of a slider by dragging anywhere on the picture, or with the arrow keys;
- set a point by a click on any pane of a clickable picture, or with the keyboard: the arrow keys
  move a crosshair by one pixel (with Shift by ten), Enter or Space sets the point. A drag that
  begins on a clickable slider's picture would be ambiguous, so there the divider moves by its
  round handle only;
- read the pixel under the pointer below the picture; side by side, it is marked on the other panes;
- see it all in full screen.
"""

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal, TypeAlias

import streamlit as st

Mode: TypeAlias = Literal["slider", "side", "single"]

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "segmentation_viewer",
    html=(_HERE / "viewer.html").read_text("utf-8"),
    css=(_HERE / "viewer.css").read_text("utf-8"),
    js=(_HERE / "viewer.js").read_text("utf-8"),
)


@dataclass(frozen=True)
class Pane:
    """One picture, encoded as the browser is to get it.

    Attributes:
        data: the file, such as JPEG for a photograph or PNG for flat colours.
        mime: its type, such as "image/jpeg".
        caption: the label in its corner; screen readers get it as the text of the picture.
    """

    data: bytes
    mime: str
    caption: str


def viewer(
    panes: Sequence[Pane],
    *,
    size: tuple[int, int],
    key: str,
    mode: Mode,
    points: Sequence[tuple[int, int]] = (),
    clickable: bool = False,
    on_click: Callable[[int, int], None] | None = None,
    hint: str = "Click to add a point",
    max_height: int | None = None,
) -> tuple[int, int] | None:
    """Shows one or more pictures of the same content, and tells which pixel was clicked.

    Args:
        panes: exactly two for "slider" (left, right), one for "single", one or more for "side".
        size: (width, height) in pixels of the image that points refer to. The panes may have other
            sizes; they are drawn over the same box.
        key: the component's key, unique in the session. The picture, its divider and full screen
            live on in the browser as long as the key is shown.
        mode: "slider" lays the second pane over the first, with a divider; "side" sets the panes
            next to each other, or below each other where it is narrow; "single" shows one.
        points: (x, y) in pixels of the image; drawn on every pane, numbered from 1.
        clickable: whether a click on the picture, or a key press on its crosshair, is sent.
        on_click: called with the (x, y) that was clicked before the page reruns.
        hint: what a click does, in a few words below a clickable picture.
        max_height: largest height of a picture in CSS pixels; 70% of the window at the most.

    Returns:
        The (x, y) that was clicked, in the one rerun that the click caused, otherwise None. Each
        click causes one rerun.

    Raises:
        ValueError: the number of panes does not suit the mode, or the size is not positive.
    """
    _check(len(panes), size, mode)
    header: dict[str, object] = {
        "mode": mode,
        "size": size,
        "points": [(int(x), int(y)) for x, y in points],
        "clickable": clickable,
        "hint": hint if clickable else "",
        "maxHeight": max_height,
    }
    blob = _pack(header, panes)
    if not clickable:
        _mount(key=key, data=blob)
        return None

    def notify() -> None:
        click = read_click(st.session_state[key].get("click"), size)
        if click is not None and on_click is not None:
            on_click(*click)

    result = _mount(key=key, data=blob, on_click_change=notify)
    return read_click(result.get("click"), size)


def _check(n_panes: int, size: tuple[int, int], mode: Mode) -> None:
    right = {"slider": n_panes == 2, "side": n_panes >= 1, "single": n_panes == 1}
    if not right[mode]:
        raise ValueError(f"{n_panes} panes do not suit the mode {mode!r}.")
    if min(size) < 1:
        raise ValueError(f"size must be positive, but is {size}.")


def _pack(header: dict[str, object], panes: Sequence[Pane]) -> bytes:
    """One blob: uint32 (little-endian) length of the header, the header as JSON, the files.

    Streamlit hands bytes to the browser as they are only when they are all there is. The digests
    let the browser keep a picture that it has decoded already.
    """
    described = [
        {
            "mime": pane.mime,
            "caption": pane.caption,
            "length": len(pane.data),
            "digest": blake2b(pane.data, digest_size=8).hexdigest(),
        }
        for pane in panes
    ]
    text = json.dumps(header | {"panes": described}).encode()
    return b"".join([struct.pack("<I", len(text)), text, *(pane.data for pane in panes)])


def read_click(click: object, size: tuple[int, int]) -> tuple[int, int] | None:
    """The clicked pixel; None if it is not one of an image of this size.

    The browser is not to be trusted, and a click may still refer to the image shown before.
    """
    match click:
        case {"x": int(x), "y": int(y), "size": [int(width), int(height)]}:
            inside = 0 <= x < width and 0 <= y < height
            return (x, y) if inside and (width, height) == size else None
        case _:
            return None
