"""The image picker: samples, scenes, uploads, camera. The chosen image stays over all pages.

Uploaded bytes are kept in the session, since Streamlit drops a file uploader's files when the page
changes. Nothing leaves the server, and nothing is kept after the session ends.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from pages.ui import cache
from pages.ui.widgets import current_settings, draw_in_pairs, set_settings
from segcore.catalog import TECHNIQUES
from segcore.errors import ImageError, SettingError
from segcore.images import fit, image_size, read_image
from segcore.result import Image, Point
from segcore.samples import SAMPLES, Sample, get_sample
from segcore.scenes.scene import Scene
from segcore.technique import Setting

SIDES = {512: "512 px", 1024: "1024 px", 2048: "2048 px", 4096: "4096 px"}
SIDE = 1024
MOST_UPLOADS = 12
MOST_BYTES = 80_000_000  # of a session's uploads together
CHOSEN = "image.chosen"  # in the session once a person has picked an image
NAME_WIDTH = 195  # pixels: leaves room in the sidebar for the cross beside an upload's name
FIRST_SAMPLE = "camera"


@dataclass(frozen=True, eq=False)
class Picture:
    """The image that the person works on.

    Attributes:
        name: what the page calls it.
        digest: sha256 of its file, or the sample's key, for a scene followed by its settings; with
            `side` it names the pixels.
        image: working copy, uint8 RGB, long side at most `side`.
        full_size: (width, height) of the image itself.
        side: working size in pixels. A scene is never reduced to it: it has a size of its own.
        sample: key of the sample, None for a person's own image.
        scene: what was drawn, if it is a scene: `image` is the scene's own, pixel by pixel.
    """

    name: str
    digest: str
    image: Image
    full_size: tuple[int, int]
    side: int
    sample: str | None
    scene: Scene | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the working copy."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True)
class Upload:
    """A file that the person brought."""

    name: str
    data: bytes
    size: tuple[int, int]


def pick_image() -> Picture:
    """Draws the picker and returns the chosen image; a refused file changes nothing."""
    st.session_state.setdefault("source", "Samples")
    picture = current_picture()
    uploads = _uploads()
    with st.container(key="picker"):
        source = st.segmented_control(
            "Image",
            ["Samples", "Upload", "Camera"],
            key="source",
            required=True,
            on_change=_source_changed,
            persist_state="session",
            width="stretch",
        )
        if source == "Samples":
            _pick_sample()
        elif source == "Upload":
            _pick_file()
        else:
            _take_photograph()
        if uploads:
            _list_uploads(uploads)
        _show(picture)
    return picture


def choose_sample(key: str) -> None:
    """Makes a sample the current image, as if the person had picked it; a scene as it opens."""
    sample = get_sample(key)
    set_settings(sample, {})
    st.session_state.update(sample=sample.key, source="Samples", upload=None)
    st.session_state[CHOSEN] = True
    forget_points()


def suggest_sample(key: str) -> None:
    """Makes a sample the current image as long as nobody has chosen one."""
    if not st.session_state.get(CHOSEN):
        st.session_state["sample"] = get_sample(key).key


def forget_points() -> None:
    """Points belong to the image they were clicked on."""
    for name in _points():
        st.session_state[name] = ()


def _points() -> list[str]:
    """Where the session keeps clicked points: under the names of settings that are points."""
    kinds = {s.name for t in TECHNIQUES.values() for s in t.settings if s.type is tuple}
    return [str(n) for n in st.session_state if str(n).rpartition(".")[2] in kinds]


def _uploads() -> dict[str, Upload]:
    found: dict[str, Upload] = st.session_state.setdefault("uploads", {})
    return found


def _source_changed() -> None:
    """Samples shows the sample again, the other two the person's own image, if there is one."""
    shown = st.session_state.get("upload")
    own = shown or next(reversed(_uploads()), None)
    st.session_state["upload"] = None if st.session_state["source"] == "Samples" else own
    if st.session_state["upload"] != shown:
        forget_points()


def _sample_changed() -> None:
    st.session_state["upload"] = None
    st.session_state[CHOSEN] = True
    forget_points()


def _pick_sample() -> None:
    st.selectbox(
        "Sample",
        list(SAMPLES),
        format_func=lambda key: SAMPLES[key].title,
        key="sample",
        on_change=_sample_changed,
        persist_state="session",
        label_visibility="collapsed",
    )


def _pick_file() -> None:
    # The key counts up after every drop, which empties the uploader: the list below it is ours.
    number = st.session_state.setdefault("uploader", 0)
    st.file_uploader(
        "Images",
        accept_multiple_files=True,
        key=f"uploader.{number}",
        on_change=_receive,
        args=(f"uploader.{number}",),
        label_visibility="collapsed",
    )
    for sentence in st.session_state.pop("refused", ()):
        st.error(sentence)


def _take_photograph() -> None:
    st.camera_input(
        "Camera", key="camera", on_change=_receive, args=("camera",), label_visibility="collapsed"
    )
    for sentence in st.session_state.pop("refused", ()):
        st.error(sentence)


def _receive(key: str) -> None:
    """Takes in dropped files; the last good one becomes the current image."""
    given: Any = st.session_state[key]
    files = given if isinstance(given, list) else [given] if given is not None else []
    refused = []
    for file in files:
        try:
            _take_in(file.name, file.getvalue())
        except ImageError as error:
            refused.append(f"{_short(file.name)}: {error}")
    st.session_state["refused"] = refused
    if key.startswith("uploader."):
        st.session_state["uploader"] += 1


def _take_in(name: str, data: bytes) -> None:
    """Checks a file by reading it, before anything that is shown changes."""
    digest = hashlib.sha256(data).hexdigest()
    side: int = st.session_state["side"]
    cache.images.get((digest, side), lambda: read_image(data, side))
    uploads = _uploads()
    uploads[digest] = Upload(_short(name), data, image_size(data))
    while len(uploads) > MOST_UPLOADS or sum(len(u.data) for u in uploads.values()) > MOST_BYTES:
        del uploads[next(iter(uploads))]  # the oldest one; the new one alone always fits
    st.session_state["upload"] = digest
    st.session_state[CHOSEN] = True
    forget_points()


def _short(name: str) -> str:
    """A file's name, cut in the middle and made harmless in Markdown."""
    return verbatim(name if len(name) <= 40 else f"{name[:24]}…{name[-14:]}")


def verbatim(text: str) -> str:
    """Markdown that shows `text` as it is: no link, no picture, no formula comes out of it."""
    # Addresses become links even with every sign escaped; a space of no width keeps them apart.
    text = re.sub(r"(www)(?=\.)|(https?)(?=:)|(?=@)", "\\g<0>\u200b", text, flags=re.IGNORECASE)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


def _list_uploads(uploads: dict[str, Upload]) -> None:
    chosen = st.session_state.get("upload")
    for digest, upload in reversed(uploads.items()):
        with st.container(horizontal=True, vertical_alignment="center", gap=None):
            st.button(
                upload.name,
                key=f"use.{digest}",
                type="primary" if digest == chosen else "tertiary",
                on_click=_use,
                args=(digest,),
                icon=":material/image:",
                width=NAME_WIDTH,
            )
            st.button(
                "",
                key=f"drop.{digest}",
                type="tertiary",
                on_click=_drop,
                args=(digest,),
                icon=":material/close:",
                help="Remove this image",
            )


def _use(digest: str) -> None:
    st.session_state["upload"] = digest
    forget_points()


def _drop(digest: str) -> None:
    _uploads().pop(digest, None)
    if st.session_state.get("upload") == digest:
        st.session_state["upload"] = next(reversed(_uploads()), None)
        forget_points()


def current_picture() -> Picture:
    """The image that the session has chosen; on a first visit the first sample."""
    side: int = st.session_state.setdefault("side", SIDE)
    upload = _uploads().get(st.session_state.get("upload") or "")
    if upload is not None:
        digest: str = st.session_state["upload"]
        image = cache.images.get((digest, side), lambda: read_image(upload.data, side))
        return Picture(upload.name, digest, image, upload.size, side, None)
    sample = get_sample(st.session_state.setdefault("sample", FIRST_SAMPLE))
    if sample.scene is not None:
        return _picture_of_scene(sample)
    full = cache.images.get(sample.key, sample.load)
    image = cache.images.get((sample.key, side), lambda: fit(full, side))
    return Picture(
        sample.title, sample.key, image, (full.shape[1], full.shape[0]), side, sample.key
    )


def _picture_of_scene(sample: Sample) -> Picture:
    settings = current_settings(sample)
    chosen = (f"{s.name}={s.to_text(settings[s.name])}" for s in sample.settings)
    digest = f"{sample.key}?{'&'.join(chosen)}"
    scene = cache.images.get(digest, lambda: sample.draw(**settings))
    size = (scene.image.shape[1], scene.image.shape[0])
    # The usual working size, which is at least as large as any scene: so neither the link nor the
    # exported script says another one.
    return Picture(sample.title, digest, scene.image, size, SIDE, sample.key, scene)


def _scene_changed(setting: Setting) -> None:
    """Another seed is another image; any other setting leaves its points where they are."""
    st.session_state[CHOSEN] = True
    if setting.name == "seed":
        forget_points()
    else:
        _size_changed()


def _size_changed() -> None:
    """Points are pixels of the working copy: they move with its size."""
    before: tuple[int, int] = st.session_state["shown"]
    now = current_picture().size
    for name in _points():
        st.session_state[name] = scale_points(st.session_state[name], before, now)


def scale_points(
    points: Sequence[Point], before: tuple[int, int], after: tuple[int, int]
) -> tuple[Point, ...]:
    """Points of an image of size (width, height) `before`, where they lie at the size `after`."""
    return tuple((x * after[0] // before[0], y * after[1] // before[1]) for x, y in points)


def full_size(picture: Picture) -> Picture:
    """The same image as it came, not reduced to the working size. It is not kept in a cache."""
    if picture.scene is not None:
        return picture
    if picture.sample is not None:
        image = get_sample(picture.sample).load()
    else:
        image = read_image(_uploads()[picture.digest].data)
    return replace(picture, image=image, side=max(picture.full_size))


def _show(picture: Picture) -> None:
    full_width, full_height = picture.full_size
    text = f"{full_width}×{full_height} px"
    if picture.size != picture.full_size:
        text += f", worked on at {picture.size[0]}×{picture.size[1]}"
    if picture.sample is not None:
        sample = SAMPLES[picture.sample]
        st.caption(f"{sample.good_for}. {text}.")
    else:
        st.caption(f"{picture.name}: {text}. A link to this page cannot carry your own image.")
    st.session_state["shown"] = picture.size
    if picture.scene is not None:
        _set_scene(SAMPLES[str(picture.sample)])
    else:
        _set_side(picture)


def _set_scene(sample: Sample) -> None:
    with st.expander("Scene", expanded=True, icon=":material/landscape:", type="compact"):
        draw_in_pairs(sample, _scene_changed)
        st.caption(sample.credit)


def _set_side(picture: Picture) -> None:
    with st.expander("Working size", icon=":material/aspect_ratio:"):
        st.selectbox(
            "Long side",
            list(SIDES),
            format_func=lambda side: SIDES[side],
            key="side",
            on_change=_size_changed,
            persist_state="session",
            help="Larger images are reduced to this before any technique sees them: "
            "more pixels show more detail and take longer.",
        )
        if picture.sample is not None:
            st.caption(SAMPLES[picture.sample].credit)


def restore_image(values: dict[str, str]) -> None:
    """Takes `sample` and `side` from a link; a scene's settings become its defaults.

    Raises:
        SettingError: there is no such sample or working size.
    """
    if "side" in values:
        if values["side"] not in map(str, SIDES):
            raise SettingError("side", "one of " + ", ".join(map(str, SIDES)), values["side"])
        st.session_state["side"] = int(values["side"])
    if "sample" in values:
        choose_sample(values["sample"])
