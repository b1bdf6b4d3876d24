"""What the dashboard's own browser components share: their frame, blobs, and label maps.

A component is a folder with `__init__.py` and three files of its name: `.html`, `.css`, `.js`.
There is no build step: `base.js` and `base.css` are set before the component's own text, and the
line `<!-- full screen -->` in its page becomes the button of `full.html`.
"""

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import streamlit as st

from segcore.result import Labels

LARGEST = 2048  # pixels of the long side that a browser gets: nine such panels take 110 MB there

_HERE = Path(__file__).parent


def component(name: str, folder: Path, *parts: str) -> Any:
    """The component whose files lie in a folder, as Streamlit mounts it.

    Args:
        name: its name in Streamlit, unique in the app.
        folder: its files are named as the folder is.
        parts: names of further files of JavaScript in the folder, which become one with its own.
    """

    def read(path: Path) -> str:
        return path.read_text("utf-8")

    stem = folder / folder.name
    full = read(_HERE / "full.html")
    extra = (folder / part for part in parts)
    return st.components.v2.component(
        name,
        html=read(stem.with_suffix(".html")).replace("<!-- full screen -->", full),
        css=read(_HERE / "base.css") + read(stem.with_suffix(".css")),
        js="\n".join(map(read, (_HERE / "base.js", stem.with_suffix(".js"), *extra))),
    )


# Blobs -------------------------------------------------------------------------------------------


def digest(data: bytes) -> str:
    """Names a file, so that the browser keeps what it has decoded already."""
    return blake2b(data, digest_size=8).hexdigest()


def blob(header: Mapping[str, object], files: Sequence[bytes]) -> bytes:
    """uint32 (little-endian) length of the header, the header as JSON, the files one by one.

    Streamlit hands bytes to the browser as they are only when they are all there is. The header
    gets the length and the digest of each file as `files`.
    """
    described = [{"length": len(data), "digest": digest(data)} for data in files]
    text = json.dumps({**header, "files": described}, ensure_ascii=False).encode()
    return b"".join([struct.pack("<I", len(text)), text, *files])


# Label maps --------------------------------------------------------------------------------------


class Packed(NamedTuple):
    """A label map as it travels: not as PNG, since a canvas may change the values of a picture.

    Attributes:
        data: zlib of the labels row by row, little-endian unsigned.
        width, height: its size in pixels.
        bytes_each: bytes of one label: 1, 2 or 4.
    """

    data: bytes
    width: int
    height: int
    bytes_each: int

    def described(self) -> dict[str, object]:
        """What a header says of it."""
        return {
            "digest": digest(self.data),
            "width": self.width,
            "height": self.height,
            "bytes": self.bytes_each,
        }


def pack(labels: Labels | npt.NDArray[Any]) -> Packed:
    """A label map H×W without negative labels; it is reduced to LARGEST pixels a side."""
    height, width = labels.shape
    if max(height, width) > LARGEST:
        scale = LARGEST / max(height, width)
        rows = np.arange(max(1, round(height * scale))) * height // max(1, round(height * scale))
        columns = np.arange(max(1, round(width * scale))) * width // max(1, round(width * scale))
        labels = labels[rows[:, None], columns]
    kind = np.min_scalar_type(int(labels.max(initial=0))).newbyteorder("<")
    narrow = np.ascontiguousarray(labels, dtype=kind)
    data = zlib.compress(narrow.tobytes(), level=1)
    return Packed(data, narrow.shape[1], narrow.shape[0], kind.itemsize)


def fitted(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The image (uint8 RGB) at the size of its packed label maps."""
    height, width = image.shape[:2]
    if max(height, width) <= LARGEST:
        return image
    scale = LARGEST / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
