"""Progress and cancel of anything that may take longer than a moment."""

import time
from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui import cache, gate
from pages.ui.previews import TooLongError

T = TypeVar("T")

PATIENCE = 0.4  # seconds before a run shows its progress: shorter ones would only flicker
PACE = 0.1  # seconds between two drawings of the bar


class Progress:
    """A bar with a button that cancels, once a run has taken a while.

    Drawing is also where Streamlit stops a run whose settings have changed meanwhile.

    Args:
        name: names the run, so that the page knows which one was cancelled.
        slot: the empty place where the bar appears.
    """

    def __init__(self, name: Hashable, slot: DeltaGenerator) -> None:
        self._name = name
        self._slot = slot
        self._next = time.perf_counter() + PATIENCE
        self._bar: DeltaGenerator | None = None

    def __call__(self, fraction: float) -> None:
        self._draw(fraction, f"{fraction:.0%} done")

    def waiting(self, before: int) -> None:
        """Says that the run waits for its turn, and how many are before it."""
        self._draw(0.0, f"Waiting for {before} other run{'s' * (before != 1)} to end")

    def _draw(self, fraction: float, text: str) -> None:
        if time.perf_counter() < self._next:
            return
        if self._bar is None:
            # Two runs may take long in one go: a result, and its download at full size.
            number = hash(self._name)
            with self._slot.container(border=True, key=f"progress-{number}"):  # see style.css
                self._bar = st.progress(0.0)
                st.button(
                    "Cancel",
                    key=f"cancel.{number}",
                    icon=":material/cancel:",
                    on_click=_cancel,
                    args=(self._name,),
                )
        self._bar.progress(fraction, text)
        self._next = time.perf_counter() + PACE


def run_patiently(name: Hashable, kind: Hashable, work: Callable[[Progress], T]) -> T:
    """A result from the cache, or made now, in its turn and with its progress on the page.

    Args:
        name: names the run in the cache.
        kind: what tells long runs from short ones, see pages.ui.gate.
        work: makes the run and tells its progress.
    """
    slot = st.empty()
    progress = Progress(name, slot)

    def make() -> T:
        with gate.runs.turn(kind, progress.waiting):
            return work(progress)

    done = cache.runs.get(name, make)
    slot.empty()
    return done


def run_briefly(name: Hashable, kind: Hashable, work: Callable[[Callable[[float], None]], T]) -> T:
    """A result from the cache, or made now if that takes but a moment; nothing is drawn.

    Args:
        name: names the run in the cache.
        kind: what tells long runs from short ones, see pages.ui.gate.
        work: makes the run and tells its progress.

    Raises:
        TooLongError: the last run of this kind took long, there was none, or this one takes long.
    """
    end = time.perf_counter() + gate.LONG

    def told(_: float) -> None:
        if time.perf_counter() > end:
            raise TooLongError

    def make() -> T:
        if not gate.runs.is_short(kind):
            raise TooLongError
        with gate.runs.turn(kind, told):
            return work(told)

    return cache.runs.get(name, make)


class Quiet:
    """Receives the steps of a run and keeps none, but tells its progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, title: str, picture: object, caption: str) -> None: ...

    def progress(self, fraction: float) -> None:
        self._progress(fraction)


def is_cancelled(name: Hashable) -> bool:
    """Whether the person cancelled this run and has not asked for it again."""
    return bool(st.session_state.get("cancelled") == name)


def resume() -> None:
    """Forgets what was cancelled, so that it runs again."""
    st.session_state.pop("cancelled", None)


def _cancel(name: Hashable) -> None:
    st.session_state["cancelled"] = name
