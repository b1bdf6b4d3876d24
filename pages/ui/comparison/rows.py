"""The places of the grid with what is known of each, and which of them is the reference."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.ui import cache
from pages.ui.comparison.address import REFERENCE, TRUTH
from pages.ui.comparison.entries import Entry, describe, entries
from pages.ui.comparison.painting import Paints, matching_paints, own_paints
from pages.ui.comparison.running import Job, Outcome, State, Work
from pages.ui.comparison.truth import Truth
from pages.ui.component import Packed, pack
from pages.ui.picker import Picture
from segcore.result import Segmentation


@dataclass(frozen=True, eq=False)
class Row:
    """A technique with its settings, and its result so far.

    Attributes:
        title: what the page calls it.
        note: the settings in a few words.
        job: what runs.
        state: its outcome, why there is none, or None while it still has to run.
        entry: the place of the grid; None for a value of a sweep.
    """

    title: str
    note: str
    job: Job
    state: State
    entry: Entry | None = None

    @property
    def outcome(self) -> Outcome | None:
        return self.state if isinstance(self.state, Outcome) else None

    @property
    def is_named(self) -> bool:
        """Whether the names of its segments say what they are: networks know classes."""
        return self.job.technique.network is not None


def rows_of_grid(picture: Picture, work: Work) -> list[Row]:
    """One row per place."""
    places = entries()
    jobs = [Job(entry.technique, entry.values, picture) for entry in places]
    return [
        Row(
            f"{number} · {entry.technique.title}",
            describe(entry.technique, job.settings),
            job,
            state,
            entry,
        )
        for number, (entry, job, state) in enumerate(
            zip(places, jobs, work.look_all(jobs), strict=True), start=1
        )
    ]


def finished(rows: Sequence[Row]) -> list[tuple[Row, Outcome]]:
    """The rows that have a result, with it."""
    return [(row, row.outcome) for row in rows if row.outcome is not None]


# The reference -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Reference:
    """What gives the others their colours.

    Attributes:
        key: of its panel; None while nobody pinned one.
        name: names it in the cache.
        segmentation: its labels.
    """

    key: str | None
    name: Hashable
    segmentation: Segmentation


def reference_of(rows: Sequence[Row], truth: Truth | None) -> Reference | None:
    """The pinned one; else the truth, else the first that is there; None before there is any."""
    pinned = st.session_state.get(REFERENCE, 0)
    for row, outcome in finished(rows):
        if row.entry is not None and row.entry.number == pinned:
            return Reference(panel_key(row), row.job.name, outcome.segmentation)
    if truth is not None:
        return Reference(TRUTH if pinned == TRUTH else None, truth.name, truth.segmentation)
    if first := finished(rows):
        row, outcome = first[0]
        return Reference(None, row.job.name, outcome.segmentation)
    return None


def panel_key(row: Row) -> str:
    """What a row's panel is called in messages."""
    return str(row.entry.number) if row.entry is not None else row.title


def pin(key: str) -> None:
    """Makes a panel the reference; "" lets it go."""
    st.session_state[REFERENCE] = TRUTH if key == TRUTH else int(key or 0)


# What the panels need ----------------------------------------------------------------------------


def packed(name: Hashable, result: Outcome | Segmentation) -> Packed:
    """The label map as it travels; made once."""
    return cache.pictures.get(("packed", name), lambda: pack(result.labels))


def paints(name: Hashable, result: Segmentation, reference: Reference | None) -> Paints:
    """The colours of a result, those of the reference where they answer to one another."""
    if reference is None or reference.name == name:
        return own_paints(result)
    return cache.scores.get(
        ("paints", name, reference.name), lambda: matching_paints(result, reference.segmentation)
    )


def names_of(segmentation: Segmentation | Outcome, nothing: str = "background") -> list[str]:
    """Label -> what the segment is called."""
    names = [nothing] * (1 + max((s.label for s in segmentation.segments), default=0))
    for segment in segmentation.segments:
        names[segment.label] = segment.name
    return names
