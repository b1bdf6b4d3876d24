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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import streamlit as st

from pages.ui.component import component, digest

Mode: TypeAlias = Literal["slider", "side", "single"]
Heard: TypeAlias = tuple[str, int]  # a view in a browser, and how many of its clicks were told

_mount = component("segmentation_viewer", Path(__file__).parent, "preview.js")


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

    @property
    def digest(self) -> str:
        """Names the content: a browser keeps a picture that it has decoded already."""
        return digest(self.data)


@dataclass(frozen=True)
class Preview:
    """Where the browser gets the last pane for other values of the sliders, ahead of the rerun.

    Attributes:
        url: the address; the values are its query, by the sliders' keys.
        values: key of a slider on the page -> its value in the panes that are given.
        foresees: whether the panes that the next key press may call for are worth asking for.
    """

    url: str
    values: Mapping[str, float]
    foresees: bool = False


def viewer(
    panes: Sequence[Pane],
    *,
    size: tuple[int, int],
    key: str,
    mode: Mode,
    points: Sequence[tuple[int, int]] = (),
    others: Sequence[Sequence[tuple[int, int]]] = (),
    on_click: Callable[[int, int], None] | None = None,
    hint: str = "Click to add a point",
    max_height: int | None = None,
    preview: Preview | None = None,
) -> None:
    """Shows one or more pictures of the same content, and tells which pixels are clicked.

    Args:
        panes: exactly two for "slider" (left, right), one for "single", one or more for "side".
        size: (width, height) in pixels of the image that points refer to. The panes may have other
            sizes; they are drawn over the same box.
        key: the component's key, unique in the session. The picture, its divider and full screen
            live on in the browser as long as the key is shown.
        mode: "slider" lays the second pane over the first, with a divider; "side" sets the panes
            next to each other, or below each other where it is narrow; "single" shows one.
        points: (x, y) in pixels of the image; drawn on every pane, numbered from 1.
        others: points of further kinds, each kind numbered for itself; square and dark.
        on_click: makes the picture clickable: called with the (x, y) that was clicked, in pixels of
            the image, before the page reruns. Each click causes one rerun; clicks made while the
            page computes are told one by one, in their order, none twice.
        hint: what a click does, in a few words below a clickable picture.
        max_height: largest height of a picture in CSS pixels; 70% of the window at the most.
        preview: where the last pane comes from at once when a slider of the page moves.

    Raises:
        ValueError: the number of panes does not suit the mode, or the size is not positive.
    """
    _check(len(panes), size, mode)
    header: dict[str, object] = {
        "mode": mode,
        "size": size,
        "points": _whole(points),
        "others": [_whole(kind) for kind in others],
        "clickable": on_click is not None,
        "hint": hint,
        "maxHeight": max_height,
        "heard": st.session_state.get(_heard(key)),
        "preview": None if preview is None else asdict(preview),
    }
    blob = _pack(header, panes)
    if on_click is None:
        _mount(key=key, data=blob)
        return

    def notify() -> None:
        message = st.session_state[key].get("clicks")
        clicks, st.session_state[_heard(key)] = read_clicks(
            message, size, st.session_state.get(_heard(key))
        )
        for x, y in clicks:
            on_click(x, y)

    _mount(key=key, data=blob, on_clicks_change=notify)


def _whole(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(int(x), int(y)) for x, y in points]


def _heard(key: str) -> str:
    """Where the session keeps which clicks of a component it has been told."""
    return f"{key} clicks heard"


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
            "digest": pane.digest,
        }
        for pane in panes
    ]
    text = json.dumps(header | {"panes": described}).encode()
    return b"".join([struct.pack("<I", len(text)), text, *(pane.data for pane in panes)])


def read_clicks(
    message: object, size: tuple[int, int], heard: Heard | None
) -> tuple[list[tuple[int, int]], Heard | None]:
    """The clicks in a message that are new, and what has been heard then.

    Streamlit keeps only the latest message that arrives while a fragment runs. So the browser sends
    every click again until it learns, from `heard`, that it was told.

    Args:
        message: {"view": name of the browser's view, "first": number of its first click in the
            message, "clicks": [[x, y, width, height], …]}. What is no such message is ignored, and
            so is a click on no pixel, or on an image of another size, such as the one shown before.
        size: (width, height) of the image shown now.
        heard: the view last heard and the number of its clicks told so far.
    """
    match message:
        case {"view": str(view), "first": int(first), "clicks": [*clicks]}:
            known = heard[1] if heard is not None and heard[0] == view else 0
            new = clicks[max(known - first, 0) :]
            found = [pixel for click in new if (pixel := _read_pixel(click, size)) is not None]
            return found, (view, max(known, first + len(clicks)))
        case _:
            return [], heard


def _read_pixel(click: object, size: tuple[int, int]) -> tuple[int, int] | None:
    match click:
        case [int(x), int(y), int(width), int(height)]:
            inside = 0 <= x < width and 0 <= y < height
            return (x, y) if inside and (width, height) == size else None
        case _:
            return None
