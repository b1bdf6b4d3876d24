"""Downloads of a result: made only when somebody asks for one."""

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from pages.ui import models
from pages.ui.picker import Picture, full_size, scale_points
from pages.ui.progress import Quiet, is_cancelled, resume, run_patiently
from segcore.export import coco_json, labels_png, overlay_png, panoptic_zip, segments_csv
from segcore.networks.published import published
from segcore.render import png
from segcore.result import Segmentation
from segcore.run import run
from segcore.snippet import snippet
from segcore.technique import Technique, Value
from segcore.weights import read_weights
from segcore.weights.hub import folder_of, is_hub, zip_repository
from segcore.weights.pretrained import describe, read_published


def draw_downloads(
    technique: Technique, picture: Picture, settings: Mapping[str, Value], result: Segmentation
) -> None:
    """A button for each form in which a result can be taken away."""
    stem = f"{picture.sample or 'image'}-{technique.key}"
    if picture.size != picture.full_size:
        width, height = picture.full_size
        if st.toggle(
            f"At full size, {width}×{height} px",
            key="download.full",
            help="Runs the technique on the whole image. Settings in pixels, such as a window, "
            "keep their values and so cover a smaller part of it: the result may differ.",
        ):
            picture, result = _at_full_size(technique, picture, settings) or (picture, result)
    width, height = picture.size
    st.caption(f"All at {width}×{height} px.")
    forms: tuple[tuple[str, str, str, str, Callable[[], bytes | str]], ...] = (
        (
            "Labels",
            "PNG, lossless: the value of a pixel is its label, 0 = background; 16 bits if needed",
            "labels.png",
            "image/png",
            lambda: labels_png(result),
        ),
        (
            "Overlay",
            "PNG: the image with its segments tinted",
            "overlay.png",
            "image/png",
            lambda: overlay_png(picture.image, result),
        ),
        (
            "Segments",
            "CSV: label, name, area, share, box, centre and mean colour of each segment",
            "segments.csv",
            "text/csv",
            lambda: segments_csv(result, picture.image),
        ),
        (
            "Image",
            "PNG: the image itself, as it was worked on",
            "image.png",
            "image/png",
            lambda: png(picture.image),
        ),
        (
            "COCO",
            "JSON: one annotation per segment, with its mask as run-length encoding",
            "coco.json",
            "application/json",
            lambda: coco_json(result, file_name=f"{stem}.png"),
        ),
    )
    if any(segment.is_thing for segment in result.segments):
        forms += (
            (
                "COCO panoptic",
                "ZIP: a PNG whose colours are the ids of the segments, and JSON that names them",
                "panoptic.zip",
                "application/zip",
                lambda: panoptic_zip(result, stem),
            ),
        )
    for title, text, ending, mime, make in forms:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                title,
                make,
                f"{stem}-{ending}",
                mime,
                key=f"download.{ending}",
                icon=":material/download:",
                on_click="ignore",
                width=170,
            )
            st.caption(text)


def _at_full_size(
    technique: Technique, picture: Picture, settings: Mapping[str, Value]
) -> tuple[Picture, Segmentation] | None:
    """The same run on the image as it came, with clicked points moved to their places there.

    Nothing, if the person cancelled it.
    """
    full = full_size(picture)
    moved = {
        setting.name: scale_points(settings[setting.name], picture.size, full.size)
        for setting in technique.settings
        if setting.type is tuple
    }
    chosen = {**settings, **moved}
    name = ("full", technique.key, picture.digest, tuple(chosen.items()))
    if is_cancelled(name):
        st.info("Cancelled. These are the files at the working size.", icon=":material/cancel:")
        st.button("Run it", key="download.resume", on_click=resume, icon=":material/play_arrow:")
        return None
    helpers = models.collaborators(technique)
    done = run_patiently(
        name,
        (technique.key, "full"),
        lambda told: run(technique.key, full.image, show=Quiet(told), **chosen, **helpers),
    )
    return full, done.segmentation


def draw_script(technique: Technique, settings: Mapping[str, Value], picture: Picture) -> None:
    """The exported script, to copy and to download."""
    script = snippet(technique.key, working_side=picture.side, **settings)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download the script",
            script,
            f"{technique.key}.py",
            "text/x-python",
            key="download.script",
            icon=":material/download:",
            on_click="ignore",
        )
        beside = but = ""
        if technique.network is not None:
            beside = " with the weights beside it"
            but = ", but for pixels that rounding decides: the server computes as is fastest there"
            _draw_weights(technique, settings)
        st.caption(
            f"`python {technique.key}.py IMAGE LABELS.png`{beside} gives the labels that this page "
            f"shows{but}. It needs no part of the dashboard."
        )
    st.code(script, language="python", height=560)


def _draw_weights(technique: Technique, settings: Mapping[str, Value]) -> None:
    """Every file of weights that the script of a network reads; of the Hub, an archive of them."""
    names = models.weights_files(technique, settings)
    is_published = models.published_name(technique, settings) is not None
    for name in names:
        several = len(names) > 1
        make, file = _weights_file(name, is_published)
        st.download_button(
            f"Download `{name}`" if several else "Download the weights",
            make,
            file,
            "application/octet-stream",
            key=f"download.weights.{name}" if several else "download.weights",
            icon=":material/download:",
            on_click="ignore",
        )


def _weights_file(name: str, is_published: bool) -> tuple[Callable[[], bytes], str]:
    """What makes the file, and its name."""
    if is_published and is_hub(name):
        return partial(zip_repository, name), f"{folder_of(name)}.zip"
    if is_published:
        return partial(_read_published, name), describe(name).file
    return partial(read_weights, name), f"{name}.safetensors"


def _read_published(name: str) -> bytes:
    return read_published(published(name))
