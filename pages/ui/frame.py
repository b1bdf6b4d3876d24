"""The frame that every page shares: title, navigation, image picker, style."""

import gc
import html
import sys
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st

from pages.ui.navigation import draw_navigation
from pages.ui.picker import Picture, pick_image

TITLE = "Segmentation dashboard"
# An icon by name would be fetched from a font server; this one is drawn by us and lies here.
_ICON = Path(__file__).with_name("pictures") / "icon.png"
_STYLE = Path(__file__).with_name("style.css").read_text("utf-8")


@cache
def _tune_once() -> None:
    """Three settings of the process that cost nothing and matter to every run.

    What is loaded at start lives as long as the server: looking through it at every garbage
    collection cost more than most techniques, so it is moved out of the collector's sight.

    glibc gives every block over 128 KB back to the system when it is freed, so that each array of
    an image's size is paid for in page faults, until a larger block has once been freed: after
    this one it keeps up to 32 MB. Canny's run fell from 25 to 14 ms.

    Among ten long runs, a short one waits for its turn at Python's lock again and again: turns of
    1 ms instead of 5 keep it short.
    """
    gc.collect()
    gc.freeze()
    np.empty(31 << 20, np.uint8)
    sys.setswitchinterval(0.001)


def frame(title: str) -> None:
    """Draws the frame of a page that works on no image: title, style, navigation."""
    _tune_once()
    st.set_page_config(f"{title} · {TITLE}", page_icon=_ICON, layout="wide")
    st.html(f"<style>{_STYLE}</style>")
    # Beside the button that opens the sidebar, where there is no sidebar to say it; see style.css.
    st.html(f'<div class="seg-title">{html.escape(title)}</div>')
    with st.sidebar:
        draw_navigation()


def frame_with_image(title: str) -> Picture:
    """Draws the frame with the image picker and returns the image that the person works on."""
    frame(title)
    with st.sidebar:
        st.divider()
        return pick_image()
