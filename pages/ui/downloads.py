"""Downloads of a result: made only when somebody asks for one."""

from collections.abc import Callable, Mapping

import streamlit as st

from pages.ui.picker import Picture
from segcore.export import coco_json, labels_png, overlay_png, segments_csv
from segcore.result import Segmentation
from segcore.snippet import snippet
from segcore.technique import Technique, Value


def draw_downloads(technique: Technique, picture: Picture, result: Segmentation) -> None:
    """A button for each form in which a result can be taken away."""
    stem = f"{picture.sample or 'image'}-{technique.key}"
    width, height = picture.size
    st.caption(f"All at the working size of {width}×{height} px.")
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
            "COCO",
            "JSON: one annotation per segment, with its mask as run-length encoding",
            "coco.json",
            "application/json",
            lambda: coco_json(result, file_name=f"{stem}.png"),
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
                width=140,
            )
            st.caption(text)


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
        st.caption(
            f"`python {technique.key}.py IMAGE LABELS.png` gives the labels that this page shows. "
            "It needs no part of the dashboard."
        )
    st.code(script, language="python", height=560)
