"""The link that restores a grid: `?sample=street&1=kmeans&1.n_clusters=6&2=unet&reference=2`."""

from collections.abc import Mapping

import streamlit as st

from pages.ui import link
from pages.ui.comparison.entries import LEAST, MOST, Wanted, entries, set_entries
from pages.ui.picker import Picture
from segcore.catalog import TECHNIQUES
from segcore.errors import SettingError

VIEWS = {"overlay": "Fill", "outlines": "Outlines", "labels": "Labels", "slider": "Slider"}
VIEW, REFERENCE = "compare.view", "compare.reference"  # in the session
TRUTH = "truth"  # what REFERENCE is while the ground truth is pinned; else a place, 0 for none


def restore() -> None:
    """Takes over what the address says, once."""
    link.follow(_read)


def _read(given: Mapping[str, list[str]]) -> list[str]:
    values, errors = link.restore_picture(given)
    view, reference = values.pop("view", "overlay"), values.pop("reference", "")
    wanted: list[Wanted] = []
    for place in map(str, range(1, MOST + 1)):
        key = values.pop(place, None)
        if key in TECHNIQUES:
            wanted.append((str(key), _read_settings(str(key), f"{place}.", values, errors)))
        elif key is not None:
            errors.append(str(SettingError(f"Technique {place}", _known(), key)))
    errors += [str(SettingError("A name", "a place from 1 to 9, or a setting", n)) for n in values]
    if len(wanted) >= LEAST:
        set_entries(wanted)
    elif wanted:
        errors.append(f"A comparison takes at least {LEAST} techniques, but this is one alone.")
    errors += _read_view(view, reference)
    return errors


def _known() -> str:
    return "one of " + ", ".join(TECHNIQUES)


def _read_settings(
    key: str, prefix: str, values: dict[str, str], errors: list[str]
) -> dict[str, object]:
    """Takes the settings of one place out of `values`."""
    given = {name: values.pop(name) for name in list(values) if name.startswith(prefix)}
    settings, wrong = link.read_settings(TECHNIQUES[key], given, prefix)
    errors += wrong + link.drop_outside(TECHNIQUES[key], settings)
    return settings


def _read_view(view: str, reference: str) -> list[str]:
    errors = []
    if view in VIEWS:
        st.session_state[VIEW] = view
    else:
        errors.append(str(SettingError("view", "one of " + ", ".join(VIEWS), view)))
    places = [str(number) for number, _ in enumerate(entries(), start=1)]
    if reference in ("", TRUTH):
        st.session_state[REFERENCE] = reference or 0
    elif reference in places:
        st.session_state[REFERENCE] = int(reference)
    else:
        rule = "one of " + ", ".join([TRUTH, *places])
        errors.append(str(SettingError("reference", rule, reference)))
    return errors


def write(picture: Picture) -> None:
    """Makes the comparison as it is now the address."""
    link.send(values_now(picture))


def values_now(picture: Picture) -> dict[str, str]:
    """What the address says of image, places, settings, view and reference."""
    values = link.picture_values(picture)
    numbers = []
    for place, entry in enumerate(entries(), start=1):
        numbers.append(entry.number)
        values[str(place)] = entry.technique.key
        for name, text in link.changed_settings(entry, entry.values).items():
            values[f"{place}.{name}"] = text
    view, reference = st.session_state.get(VIEW, "overlay"), st.session_state.get(REFERENCE, 0)
    if view != "overlay":
        values["view"] = view
    if reference == TRUTH:
        values["reference"] = TRUTH
    elif reference in numbers:
        values["reference"] = str(numbers.index(reference) + 1)
    return values
