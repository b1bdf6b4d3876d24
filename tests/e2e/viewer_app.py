"""A small page round the picture component, set up by the address: ?mode=side&clickable=1 …"""

import time
from itertools import count

import cv2
import numpy as np
import skimage.data
import streamlit as st

from pages.ui.viewer import Pane, viewer

st.set_page_config(layout="wide")
started = time.time()
state = st.session_state
state.setdefault("runs", count(1))
state.setdefault("seeds", [])
query = st.query_params
size = int(query.get("width", 640)), int(query.get("height", 480))
shown = int(query.get("shown", size[0])), int(query.get("shown_height", size[1]))


@st.cache_data
def encode(width: int, height: int, level: int | None) -> bytes:
    """A photograph, or the same above a level, as JPEG of about 0.25 bytes a pixel."""
    image = cv2.resize(skimage.data.coffee(), (width, height), interpolation=cv2.INTER_AREA)
    if level is not None:
        image = np.where(image.max(axis=2, keepdims=True) >= level, image, np.uint8(24))
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def add_seed(x: int, y: int) -> None:
    state.seeds.append((x, y))


def show() -> None:
    level = st.slider("Level", 0, 255, 100)
    mode = query.get("mode", "slider")
    panes = [
        Pane(encode(*shown, None), "image/jpeg", "Before"),
        Pane(encode(*shown, level), "image/jpeg", "After"),
    ]
    viewer(
        panes[1:] if mode == "single" else panes,
        size=size,
        key="viewer",
        mode=mode,
        points=state.seeds,
        others=[[(20, 30), (600, 400)]] if "others" in query else (),
        on_click=add_seed if "clickable" in query else None,
        hint="Click inside what is to grow: each seed starts a region of its own, in order.",
    )
    time.sleep(float(query.get("work", 0)))  # what a technique would compute
    st.text(f"runs {next(state.runs)}")
    st.text(f"seeds {state.seeds}")
    st.text(f"started {started}")
    st.text(f"bytes {sum(len(pane.data) for pane in panes)}")


(st.fragment(show) if "fragment" in query else show)()
