"""What results are held against: the ground truth of a scene, or a label map that a person brings.

A scene answers three questions: which class every pixel has, which object, or both.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import streamlit as st

from pages.ui import cache
from pages.ui.comparison.label_file import read_label_file, resized
from pages.ui.picker import Picture, verbatim
from segcore.errors import ImageError
from segcore.result import Labels, Segment, Segmentation, regions
from segcore.scenes.scene import Scene

KINDS = {"classes": "Classes", "objects": "Objects", "both": "Classes and objects"}
KIND, VOID = "compare.kind", "compare.void"  # in the session
_FILES = "compare.truths"  # digest of an upload -> the PNG that a person gave for it
MOST_FILES = 12
MOST_BYTES = 40_000_000  # of a session's label maps together


@dataclass(frozen=True, eq=False)
class Truth:
    """A reference.

    Attributes:
        name: names it in the cache.
        segmentation: its labels and what they are called.
        ignore_index: 0 if that is void, whose pixels do not count; None if it is background, which
            is a region like any other.
        is_named: whether names say what a segment is, so that a class can be held against its own.
    """

    name: Hashable
    segmentation: Segmentation
    ignore_index: int | None
    is_named: bool

    @property
    def has_background(self) -> bool:
        return self.ignore_index is None and bool((self.segmentation.labels == 0).any())


def find_truth(picture: Picture) -> Truth | None:
    """The reference of this image, as the session wants it; None if there is none."""
    if picture.scene is not None:
        kinds = kinds_of(picture.scene)
        if st.session_state.get(KIND) not in kinds:
            st.session_state[KIND] = kinds[0]
        return truth_of_scene(picture, picture.scene, st.session_state[KIND])
    data = st.session_state.get(_FILES, {}).get(picture.digest)
    return None if data is None else _truth_of_file(picture, data)


def kinds_of(scene: Scene) -> tuple[str, ...]:
    """Which questions a scene answers, the one that it is about first."""
    if _has_stuff(scene):
        return tuple(KINDS)
    return ("objects", "classes") if scene.things else ("classes",)


def truth_of_scene(picture: Picture, scene: Scene, kind: str) -> Truth:
    """The answer of a scene to one of its questions."""
    name = ("truth", picture.digest, kind)
    # Where everything has a class, what has none is void; beside objects alone, it is background.
    void = 0 if _has_stuff(scene) else None
    if kind == "objects":
        return Truth(name, scene.separate, None, is_named=True)
    if kind == "classes":
        return Truth(name, scene.semantic, void, is_named=True)
    return Truth(name, _both(scene), void, is_named=True)


def _has_stuff(scene: Scene) -> bool:
    """Whether the scene has classes of other than countable objects."""
    return bool(set(scene.names) - {thing.name for thing in scene.things})


def _both(scene: Scene) -> Segmentation:
    """Every object under a label of its own, behind those of the classes."""
    offset = len(scene.names)
    labels: Labels = np.where(scene.instances > 0, scene.instances + offset, scene.labels)
    stuff = tuple(s for s in regions(labels, _names(scene)).segments if s.label <= offset)
    things = tuple(Segment(t.label + offset, t.name, is_thing=True) for t in scene.things)
    return Segmentation(labels, (*stuff, *things))


def _names(scene: Scene) -> tuple[str, ...]:
    """Names of all labels of `_both`; `regions` wants one for each."""
    highest = max((thing.label for thing in scene.things), default=0)
    return (*scene.names, *[""] * highest)


# A person's own ----------------------------------------------------------------------------------


def _truth_of_file(picture: Picture, data: bytes) -> Truth:
    void = 0 if st.session_state.get(VOID, False) else None
    name = ("truth", picture.digest, picture.side, sha256(data).hexdigest())

    def make() -> Labels:
        small: Labels = resized(read_label_file(data, picture.full_size), picture.size)
        labels = small.astype(np.int32)
        labels.setflags(write=False)
        return labels

    labels = cache.images.get(name, make)
    return Truth((*name, void), regions(labels), void, is_named=False)


def draw_truth(picture: Picture) -> None:
    """Which truth of a scene; or a place for a label map of one's own image."""
    if picture.scene is not None:
        kinds = kinds_of(picture.scene)
        if len(kinds) > 1:
            st.segmented_control(
                "Ground truth",
                kinds,
                format_func=KINDS.__getitem__,
                key=KIND,
                required=True,
                persist_state="session",
                help="Which class every pixel has, which object, or both at once.",
            )
        return
    given = st.session_state.get(_FILES, {})
    if picture.digest in given:
        _draw_given(picture)
    else:
        _draw_uploader(picture)


def _draw_given(picture: Picture) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Scored against your label map.")
        st.toggle(
            "0 is void",
            key=VOID,
            persist_state="session",
            help="Pixels of value 0 do not count. Otherwise they are the background, a region like "
            "any other.",
        )
        st.button(
            "Remove the label map",
            key="compare.truth.remove",
            icon=":material/close:",
            type="tertiary",
            on_click=_forget,
            args=(picture.digest,),
        )


def _draw_uploader(picture: Picture) -> None:
    width, height = picture.full_size
    number = st.session_state.setdefault("compare.truth.uploader", 0)
    key = f"compare.truth.uploader.{number}"
    with st.expander("Score against a label map of your own", icon=":material/fact_check:"):
        st.caption(
            f"A grey or palette PNG of {width}×{height} px. The value of a pixel is its label: "
            "0 is background, every other number one region."
        )
        st.file_uploader(
            "Label map",
            type="png",
            key=key,
            on_change=_receive,
            args=(key, picture),
            label_visibility="collapsed",
        )
    for sentence in st.session_state.pop("compare.truth.refused", ()):
        st.error(verbatim(sentence))


def _receive(key: str, picture: Picture) -> None:
    """Takes in a label map, if it is one of this image; else what was there stays."""
    file = st.session_state[key]
    if file is None:
        return
    data = file.getvalue()
    try:
        read_label_file(data, picture.full_size)
    except ImageError as error:
        st.session_state["compare.truth.refused"] = [str(error)]
    else:
        files: dict[Hashable, bytes] = st.session_state.setdefault(_FILES, {})
        files[picture.digest] = data
        while len(files) > MOST_FILES or (
            len(files) > 1 and sum(map(len, files.values())) > MOST_BYTES
        ):
            del files[next(iter(files))]
    st.session_state["compare.truth.uploader"] += 1


def _forget(digest: str) -> None:
    st.session_state.get(_FILES, {}).pop(digest, None)
