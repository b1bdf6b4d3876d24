"""A label map that a person brings: a PNG whose pixel values are the labels."""

import io
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from segcore.errors import ImageError
from segcore.images import DECODER_ERRORS, PILLOW_LOCK, image_size

MODES = ("1", "L", "P", "I", "I;16")  # one number per pixel; of a palette, its place there
MOST_LABEL = 65535


def read_label_file(data: bytes, full_size: tuple[int, int]) -> npt.NDArray[np.uint16]:
    """The labels in a PNG, 0 = background, H×W at the size of the file.

    Args:
        data: content of the file.
        full_size: (width, height) in pixels of the image that it is about.

    Raises:
        ImageError: the file is no PNG of one number per pixel, or not of that size.
    """
    if not data.startswith(b"\x89PNG"):
        raise ImageError("The file is not a PNG: save the label map without loss, as a PNG.")
    size = image_size(data)  # from the header: nothing too large is decoded
    if size != full_size:
        raise ImageError(
            f"The label map has {size[0]}×{size[1]} pixels, but the image has "
            f"{full_size[0]}×{full_size[1]}: each pixel needs its label."
        )
    try:
        with PILLOW_LOCK, PIL.Image.open(io.BytesIO(data), formats=("PNG",)) as file:
            mode, values = file.mode, np.asarray(file)
    except DECODER_ERRORS as error:
        raise ImageError("The label map is damaged: save it anew as a PNG.") from error
    if mode not in MODES or values.ndim != 2:
        raise ImageError(
            f"The label map is a colour picture ({mode}), but it takes one number per pixel: "
            "save it as a grey or palette PNG."
        )
    if values.min() < 0 or values.max() > MOST_LABEL:
        raise ImageError(f"Labels go from 0 to {MOST_LABEL}, but this file has {values.max()}.")
    return values.astype(np.uint16)


def resized(labels: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    """Labels (uint8 or uint16 H×W) at another (width, height): none is invented."""
    if (labels.shape[1], labels.shape[0]) == size:
        return labels
    return np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT))
