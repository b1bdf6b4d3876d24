"""Which techniques stand in the grid; each place has settings of its own, the same twice or not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import streamlit as st

from pages.ui.widgets import current_settings, set_settings
from segcore.catalog import TECHNIQUES
from segcore.technique import Setting, Technique, Value

LEAST, MOST = 2, 9
_PLACES = "compare.places"  # in the session: (number, key of the technique) of every place

Wanted: TypeAlias = tuple[str, Mapping[str, Value]]  # key of a technique, its settings


@dataclass(frozen=True, eq=False)
class Entry:
    """A place in the grid.

    It is what pages.ui.widgets calls configurable: its widgets are no other place's and not those
    of the technique's own page.

    Attributes:
        number: tells it from the other places of this session, 1 to MOST.
        technique: what runs there.
    """

    number: int
    technique: Technique

    @property
    def key(self) -> str:
        return f"compare.{self.number}.{self.technique.key}"

    @property
    def settings(self) -> tuple[Setting, ...]:
        return self.technique.settings

    @property
    def values(self) -> dict[str, Value]:
        """The values of all settings."""
        return current_settings(self)


def entries() -> tuple[Entry, ...]:
    """The places in their order; none on a first visit."""
    places: tuple[tuple[int, str], ...] = st.session_state.get(_PLACES, ())
    return tuple(Entry(number, TECHNIQUES[key]) for number, key in places)


def set_entries(wanted: Iterable[Wanted]) -> None:
    """Fills the grid anew; settings that are not given have their defaults."""
    places = tuple(enumerate(wanted, start=1))[:MOST]
    st.session_state[_PLACES] = tuple((number, key) for number, (key, _) in places)
    for number, (key, settings) in places:
        set_settings(Entry(number, TECHNIQUES[key]), settings)


def add(technique: Technique, settings: Mapping[str, Value]) -> None:
    """One more place at the end; nothing happens if all are taken."""
    places = st.session_state.get(_PLACES, ())
    if len(places) >= MOST:
        return
    number = min(set(range(1, MOST + 1)) - {taken for taken, _ in places})
    st.session_state[_PLACES] = (*places, (number, technique.key))
    set_settings(Entry(number, technique), settings)


def add_from_page(technique: Technique) -> None:
    """One more place, with the settings that the technique's own page has."""
    add(technique, current_settings(technique))


def duplicate(entry: Entry) -> None:
    """The same once more, for another value of one of its settings."""
    add(entry.technique, entry.values)


def take_over(entry: Entry) -> None:
    """Gives a place the settings that the technique's own page has."""
    set_settings(entry, current_settings(entry.technique))


def hand_over(entry: Entry) -> None:
    """Gives the technique's own page the settings of a place."""
    set_settings(entry.technique, entry.values)


def remove(entry: Entry) -> None:
    """Takes a place out of the grid; the last ones stay, as one alone compares with nothing."""
    places = st.session_state.get(_PLACES, ())
    if len(places) > LEAST:
        st.session_state[_PLACES] = tuple(p for p in places if p[0] != entry.number)


def keep(places: Iterable[Entry]) -> None:
    """Keeps the settings of places whose widgets are not drawn: Streamlit would forget them."""
    for entry in places:
        set_settings(entry, entry.values)


def describe(technique: Technique, values: Mapping[str, Value]) -> str:
    """The settings that matter and differ from their defaults, in a few words."""
    told = []
    for setting in technique.settings:
        value = values[setting.name]
        if value != setting.default and setting.applies(values):
            told.append(f"{setting.label}: {in_words(setting, value)}")
    return ", ".join(told) or "defaults"


def in_words(setting: Setting, value: Value) -> str:
    """A value as a page calls it."""
    if setting.options is not None:
        return setting.option_labels[value]
    if setting.type is tuple:
        return f"{len(value)} point{'s' * (len(value) != 1)}"
    if setting.type is bool:
        return "on" if value else "off"
    return f"{value:.4g}" if setting.type is float else str(value)
