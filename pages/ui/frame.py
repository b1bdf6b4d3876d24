"""The frame that every page shares: title, navigation, image picker, style."""

import gc
from functools import cache
from pathlib import Path

import streamlit as st

from pages.ui.navigation import draw_navigation
from pages.ui.picker import Picture, pick_image

TITLE = "Segmentation dashboard"
# An icon by name would be fetched from a font server; this one is drawn by us and lies here.
_ICON = Path(__file__).with_name("pictures") / "icon.png"
_STYLE = Path(__file__).with_name("style.css").read_text("utf-8")


@cache
def _freeze_once() -> None:
    """Moves what is loaded at start out of the garbage collector's sight.

    Streamlit's objects live as long as the server; looking through them at every collection
    cost more than most techniques.
    """
    gc.collect()
    gc.freeze()


def frame(title: str) -> Picture:
    """Draws the frame of a page and returns the image that the person works on."""
    _freeze_once()
    st.set_page_config(f"{title} · {TITLE}", page_icon=_ICON, layout="wide")
    st.html(f"<style>{_STYLE}</style>")
    with st.sidebar:
        draw_navigation()
        st.divider()
        return pick_image()
