"""Runs of many techniques on one image: the page is drawn, then one run at a time, then again.

A rerun after every run costs a few hundredths of a second and buys three things: results appear
as they finish, a person can change anything meanwhile, and a run that takes long takes its turn in
the gate alone, so that other sessions get theirs between two of them.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import streamlit as st

from pages.ui import cache, gate, models
from pages.ui.painting import run_name
from pages.ui.picker import Picture
from pages.ui.progress import Progress, is_cancelled
from segcore.errors import SettingError, WeightsError
from segcore.result import Labels, Run, Segment, Segmentation
from segcore.run import run
from segcore.technique import Technique, Value

SOON = 0.15  # seconds of short runs that are done before their pictures are drawn
_GOES_ON = "compare.goes on"  # in the session while no person, but the last run, causes the next
_TRIED = "compare.tried"  # name of a run -> why there is no result, since a person did anything


@dataclass(frozen=True, eq=False)
class Outcome:
    """A result without its steps, as small as its labels allow: nine must fit beside one another.

    Attributes:
        labels: H×W, of the smallest unsigned type that holds them.
        segments: as in Segmentation.
        seconds: what the run took.
    """

    labels: npt.NDArray[Any]
    segments: tuple[Segment, ...]
    seconds: float

    @property
    def segmentation(self) -> Segmentation:
        wide: Labels = self.labels.astype(np.int32)
        return Segmentation(wide, self.segments)


@dataclass(frozen=True)
class Refused:
    """Why there is no result, in one sentence."""

    sentence: str


@dataclass(frozen=True, eq=False)
class Job:
    """A technique with settings on an image."""

    technique: Technique
    settings: Mapping[str, Value]
    picture: Picture

    @property
    def name(self) -> Hashable:
        """Names its outcome in the cache."""
        return ("outcome", run_name(self.technique, self.picture, self.settings))


State: TypeAlias = Outcome | Refused | None  # None: it still has to run


def shrunk(done: Run) -> Outcome:
    """The outcome of a run."""
    labels = done.segmentation.labels
    kind = np.min_scalar_type(int(labels.max(initial=0)))
    narrow = labels.astype(kind)
    narrow.setflags(write=False)
    return Outcome(narrow, done.segmentation.segments, done.seconds)


def compute(job: Job, tell: Callable[[float], None], waiting: Callable[[int], None]) -> Outcome:
    """The outcome from the cache, or made now, in its turn.

    Args:
        job: what to run.
        tell: told the fraction done; it may raise to end the run.
        waiting: told how many runs are before this one; it may raise.

    Raises:
        SettingError: the settings do not suit the image.
        WeightsError: the network has no weights.
    """

    def make() -> Outcome:
        helpers = models.collaborators(job.technique)
        key = job.technique.key
        with gate.runs.turn(key, waiting):
            return shrunk(run(key, job.picture.image, show=_Told(tell), **job.settings, **helpers))

    return cache.runs.get(job.name, make)


class _Told:
    """Receives the steps of a run and keeps none, but tells its progress."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell = tell

    def __call__(self, title: str, picture: object, caption: str) -> None: ...

    def progress(self, fraction: float) -> None:
        self._tell(fraction)


class Work:
    """All that a page wants to have run: it asks with `look` and, at its very end, goes on."""

    def __init__(self) -> None:
        tried: dict[Hashable, str] = st.session_state.setdefault(_TRIED, {})
        # What was refused may have changed, so everything is tried again whenever a person acts.
        if not st.session_state.pop(_GOES_ON, False):
            tried.clear()
        self._tried = tried
        self._name: Hashable = None
        self._wanted: dict[Hashable, Job] = {}
        self._missing: dict[Hashable, Job] = {}

    @property
    def is_cancelled(self) -> bool:
        """Whether the person cancelled what is left; another grid starts anew."""
        return is_cancelled(self._name)

    def look_all(self, jobs: Sequence[Job]) -> list[State]:
        """What `look` says of each; the first ones that are asked for name the work."""
        if self._name is None:
            self._name = ("comparison", *(job.name for job in jobs))
        return [self.look(job) for job in jobs]

    @property
    def left(self) -> int:
        """How many still have to run."""
        return len(self._missing)

    def look(self, job: Job) -> State:
        """The outcome, if it is there; else the job is noted down."""
        self._wanted[job.name] = job
        try:
            return cache.runs.get(job.name, _absent)
        except LookupError:
            pass
        if job.name in self._tried:
            return Refused(self._tried[job.name])
        self._missing[job.name] = job
        return None

    def go_on(self, once: Mapping[str, Any]) -> None:
        """Runs the next ones, the quick ones first, and draws the page again.

        Args:
            once: what the session had to say once, and has to say again in the next run.
        """
        if not self._missing or self.is_cancelled:
            return
        total, jobs = len(self._wanted), sorted(self._missing.values(), key=_expected)
        slot = st.empty()
        progress = Progress(self._name, slot)
        start = time.perf_counter()
        for done, job in enumerate(jobs, start=total - len(jobs)):
            self._run(job, progress, done, total)
            rest = jobs[done + 1 - (total - len(jobs)) :]
            if not rest or not _is_short(rest[0]) or time.perf_counter() - start > SOON:
                break
        st.session_state.update(once)
        st.session_state[_GOES_ON] = True
        st.rerun()

    def _run(self, job: Job, progress: Progress, done: int, total: int) -> None:
        # An outcome that is not there when the page is drawn again did not fit into the cache.
        self._tried[job.name] = (
            "The server has no room for a result of this size: choose a smaller working size."
        )
        try:
            compute(job, lambda part: progress((done + part) / total), progress.waiting)
        except (SettingError, WeightsError) as error:
            self._tried[job.name] = str(error)


def _absent() -> State:
    raise LookupError


def _expected(job: Job) -> tuple[bool, float]:
    """Networks last, as PyTorch may have to be loaded first; then by what the last run took."""
    seconds = gate.runs.seconds(job.technique.key)
    return job.technique.network is not None, seconds or 0.0


def _is_short(job: Job) -> bool:
    seconds = gate.runs.seconds(job.technique.key)
    return seconds is not None and seconds < gate.LONG
