"""The link that restores technique, sample and settings, and the sentence for what is wrong in it.

Streamlit's own `bind="query-params"` is not used: it drops a wrong value without a word, writes the
labels of choices instead of their names, and knows nothing of clicked points.
"""

import math
import reprlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import streamlit as st

from pages.ui.picker import SIDE, Picture, current_picture, restore_image, verbatim
from pages.ui.widgets import Configurable, current_settings, set_settings
from segcore.errors import SettingError
from segcore.samples import SAMPLES, Sample
from segcore.technique import Technique, Value, check_inside

MOST_COMPLAINTS = 4
ON_ITS_WAY = 1.0  # seconds that an address may take to reach the browser
MOST_SENT = 100  # addresses on their way to the browser that are remembered


def technique_key(category: str) -> str:
    """Where the session keeps the technique that was chosen in a category."""
    return f"technique.{category}"


def restore(techniques: Sequence[Technique]) -> None:
    """Takes over the picture, the technique and its settings from the address, once."""
    follow(lambda given: _restore(techniques, given))


def follow(read: Callable[[Mapping[str, list[str]]], list[str]]) -> None:
    """Takes over what the address says, once; a sentence for each thing that is wrong in it.

    A browser may still tell an address that is older than the last one it was sent, when settings
    change quickly. Such an address is one of ours and must not turn the settings back; a moment
    later, the same address means that the person went back.

    Args:
        read: takes over the names and values that stand behind the question mark, and returns the
            sentences.
    """
    given = _address()
    sent: list[dict[str, list[str]]] = st.session_state.setdefault("link.sent", [])
    if sent and given == sent[-1]:
        del sent[:-1]
    elif given in sent and _was_just_sent():
        del sent[: sent.index(given)]
    elif given and not (given == st.session_state.get("link.seen") and _was_just_sent()):
        sent.clear()
        st.session_state["link.errors"] = read(given)
    st.session_state["link.seen"] = given


def _was_just_sent() -> bool:
    """Whether nothing was sent, or so lately that the browser need not have heard of it."""
    sent_at = st.session_state.get("link.sent_at", math.inf)
    return bool(time.monotonic() - sent_at < ON_ITS_WAY or not st.session_state["link.sent"])


def complaints() -> None:
    """Says what was wrong in the link, in the run that read it."""
    sentences = st.session_state.pop("link.errors", ())
    for sentence in sentences[:MOST_COMPLAINTS]:
        # What a link says is a stranger's word: as Markdown it could fetch a picture from anywhere.
        text = f"In the link, {sentence[0].lower()}{sentence[1:]}"
        st.warning(verbatim(text), icon=":material/link_off:")
    more = len(sentences) - MOST_COMPLAINTS
    if more > 0:
        st.warning(f"The link is wrong in {more} more places.", icon=":material/link_off:")


def _restore(techniques: Sequence[Technique], given: Mapping[str, list[str]]) -> list[str]:
    values, errors = restore_picture(given)
    known = {technique.key: technique for technique in techniques}
    key = values.pop("technique", techniques[0].key)
    if key not in known:
        errors.append(str(SettingError("technique", "one of " + ", ".join(known), key)))
        return errors
    st.session_state[technique_key(known[key].category)] = key
    settings, wrong = read_settings(known[key], values)
    errors += wrong + drop_outside(known[key], settings)
    set_settings(known[key], settings)
    return errors


def restore_picture(given: Mapping[str, list[str]]) -> tuple[dict[str, str], list[str]]:
    """Takes over image, size and settings of a scene; the other values, and the sentences."""
    values = {name: texts[0] for name, texts in given.items() if len(texts) == 1}
    twice = [reprlib.repr(name) for name in given if name not in values]
    errors = [f"{name} stands more than once." for name in twice]
    if "sample" not in values:
        values |= _named_by_settings(values)
    picked = SAMPLES.get(values.get("sample", ""))
    for name in ("side", "sample"):
        try:
            restore_image({name: values.pop(name)} if name in values else {})
        except SettingError as error:
            errors.append(str(error))
    errors += _restore_scene(values, picked)
    return values, errors


def _named_by_settings(values: Mapping[str, str]) -> dict[str, str]:
    """The sample of a link that names a scene by nothing but its settings."""
    for sample in SAMPLES.values():
        if sample.scene is not None and any(name.startswith(_prefix(sample)) for name in values):
            return {"sample": sample.key}
    return {}


def _restore_scene(values: dict[str, str], sample: Sample | None) -> list[str]:
    """Takes the settings of the scene that the link names out of `values`."""
    if sample is None or sample.scene is None:
        return []
    prefix = _prefix(sample)
    given = {name: values.pop(name) for name in list(values) if name.startswith(prefix)}
    settings, wrong = read_settings(sample, given, prefix)
    set_settings(sample, settings)
    return wrong


def _prefix(sample: Sample) -> str:
    """What the settings of a scene begin with in a link: a technique's may have the same names."""
    return f"{sample.key}."


def drop_outside(technique: Technique, settings: dict[str, Value]) -> list[str]:
    """Takes out points that do not lie in the image, with a sentence for it."""
    errors = []
    for setting in technique.settings:
        if setting.type is tuple and setting.name in settings:
            try:
                check_inside(settings[setting.name], current_picture().image, setting.name)
            except SettingError as error:
                del settings[setting.name]
                errors.append(str(error))
    return errors


def read_settings(
    owner: Configurable, values: Mapping[str, str], prefix: str = ""
) -> tuple[dict[str, Value], list[str]]:
    """The settings that a link gives, and a sentence for each that is wrong."""
    settings: dict[str, Value] = {}
    errors = []
    known = {prefix + s.name: replace(s, name=prefix + s.name) for s in owner.settings}
    for name, text in values.items():
        try:
            if name not in known:
                rule = "one of " + ", ".join(known)
                raise SettingError(f"A setting of {owner.key}", rule, name)
            settings[name.removeprefix(prefix)] = known[name].from_text(text)
        except SettingError as error:
            errors.append(str(error))
    return settings, errors


def write(technique: Technique, settings: Mapping[str, Value], picture: Picture) -> None:
    """Puts the current view into the address: only what differs from the defaults."""
    values = {"technique": technique.key, **picture_values(picture)}
    send(values | changed_settings(technique, settings))


def picture_values(picture: Picture) -> dict[str, str]:
    """What the address says of the image; nothing of an upload, which no link can carry."""
    values = {}
    if picture.sample is not None:
        sample = SAMPLES[picture.sample]
        values["sample"] = sample.key
        for name, text in changed_settings(sample, current_settings(sample)).items():
            values[_prefix(sample) + name] = text
    if picture.side != SIDE:
        values["side"] = str(picture.side)
    return values


def send(values: Mapping[str, str]) -> None:
    """Makes these names and values the address, if it is another one."""
    link = {name: [text] for name, text in values.items()}
    # The address itself is asked: a page that one comes back to starts with an empty one.
    if _address() != link:
        st.session_state["link.sent_at"] = time.monotonic()
        st.session_state["link.sent"] = [*st.session_state.get("link.sent", []), link][-MOST_SENT:]
        st.query_params.from_dict(dict(values))


def changed_settings(owner: Configurable, settings: Mapping[str, Value]) -> dict[str, str]:
    """The settings that matter and differ from their defaults, as they stand in a link."""
    return {
        setting.name: setting.to_text(settings[setting.name])
        for setting in owner.settings
        if settings[setting.name] != setting.default and setting.applies(settings)
    }


def _address() -> dict[str, list[str]]:
    """What stands behind the question mark."""
    return {name: st.query_params.get_all(name) for name in st.query_params}
