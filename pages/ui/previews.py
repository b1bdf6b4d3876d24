"""Pictures for a slider that moves, ahead of the page's rerun.

A rerun of a page takes Streamlit some 50 ms before and after the script has made its picture, even
on a page of one slider and one picture. So the browser asks for the picture of a new value by a
request of its own, while Streamlit sends the value, runs the page and draws the rest: legend,
steps, charts. Both make the picture by the same code and share their caches, so the work is done
once. Where the request fails or is refused, the picture comes with the rerun.

While a slider has the keyboard's focus and the page rests, the browser also asks for the pictures
that the next key press may call for, one step up and one down, if they cost but a moment. A press
then paints what is there already, and asks whether it still holds, by its ETag.

A WebSocket instead of requests was slower: 70 ms to the picture against 52 in one run that took
them in turns.
"""

import math
import secrets
import time
from collections.abc import Callable, Mapping
from threading import Event
from typing import Protocol
from weakref import WeakValueDictionary

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from segcore.errors import SegcoreError

# Seconds that a browser takes to paint a picture; that a page waits for a hand to rest, if it moved
# twice in HURRY; between two looks at whether the waiting is over.
PAINTING, REST, HURRY, TICK = 0.06, 0.55, 0.7, 0.01

_DOOR = "preview.door"  # in the session


class File(Protocol):
    """An encoded picture, such as the viewer's Pane."""

    @property
    def data(self) -> bytes: ...

    @property
    def mime(self) -> str: ...

    @property
    def digest(self) -> str: ...


Make = Callable[[Mapping[str, str]], File]


class TooLongError(Exception):
    """The picture takes longer than a request may."""


class Door:
    """Where one session's browser asks for pictures; nobody else knows the token.

    Attributes:
        make: makes the picture for the sliders' values, by their keys.
        sent: digest of the picture that was sent last.
        asked: when the browser asked last, and the time before, in seconds of time.monotonic().
    """

    def __init__(self, make: Make) -> None:
        self.token = secrets.token_urlsafe(16)
        self.make = make
        self.sent = ""
        self.asked = (-math.inf, -math.inf)


_doors: WeakValueDictionary[str, Door] = WeakValueDictionary()  # a door ends with its session
_served = Event()  # set once there is a server that answers


def routes() -> list[Route]:
    """What the server answers beside Streamlit's own addresses."""
    _served.set()
    address = f"{_base()}/preview/{{token}}"
    return [
        Route(address, _answer, methods=["GET"]),
        Route(f"{address}/next", _foresee, methods=["GET"]),
    ]


def _base() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def let_paint() -> None:
    """Holds a page back while the browser paints the picture that it has just asked for.

    A browser that is handed everything at once paints the picture last. While a slider keeps
    moving, the page waits until the hand rests.
    """
    door: Door | None = st.session_state.get(_DOOR)
    if door is not None:
        wait(lambda: time.monotonic() - door.asked[0] < _patience(*door.asked))


def _patience(last: float, before: float) -> float:
    return REST if last - before < HURRY else PAINTING


def wait(goes_on: Callable[[], bool]) -> None:
    """Waits as long as that holds; what the person does meanwhile ends the run at once."""
    while goes_on():
        time.sleep(TICK)
        st.session_state.get(_DOOR)  # where Streamlit stops a run that is out of date


def came_ahead(digest: str) -> bool:
    """Whether the picture of this run is the one that was sent last, ahead of it; asked once."""
    door: Door | None = st.session_state.get(_DOOR)
    if door is None:
        return False
    sent, door.sent = door.sent, ""
    return sent == digest


def offer(make: Make) -> str | None:
    """Lets the session's browser ask for pictures; returns the address, None without a server."""
    if not _served.is_set():  # such as in a test without a browser
        return None
    if _DOOR not in st.session_state:
        st.session_state[_DOOR] = Door(make)
    door: Door = st.session_state[_DOOR]
    door.make = make
    _doors[door.token] = door
    return f"{_base()}/preview/{door.token}"


def _answer(request: Request) -> Response:
    """The picture for what a person has just done; that it is the one that the browser has."""
    door = _doors.get(request.path_params["token"])
    if door is None:
        return Response(status_code=204)
    door.asked = (time.monotonic(), door.asked[0])
    file = _make(door, request)
    if file is not None:
        door.sent = file.digest
    return _respond(request, file)


def _foresee(request: Request) -> Response:
    """The picture for what a person may do next; the page does not wait for it to be painted."""
    door = _doors.get(request.path_params["token"])
    return _respond(request, None if door is None else _make(door, request))


def _respond(request: Request, file: File | None) -> Response:
    """The file, or that it is the one that the browser has; nothing if there is none."""
    if file is None:
        return Response(status_code=204)
    tag = f'"{file.digest}"'
    headers = {"ETag": tag, "Cache-Control": "no-store"}
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(file.data, media_type=file.mime, headers=headers)


def _make(door: Door, request: Request) -> File | None:
    """The picture; None where only the rerun can tell what is wrong."""
    try:
        return door.make(request.query_params)
    except (SegcoreError, TooLongError, ValueError):
        return None
