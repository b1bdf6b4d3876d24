"""Boxes on a picture as small as a panel, with titles that can be read there."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from segcore.render import Color
from segcore.result import Image

WIDE = 640  # pixels that the picture is wide
FONT, SCALE, THICKNESS = cv2.FONT_HERSHEY_SIMPLEX, 0.6, 2
CASING: Color = (0, 0, 0)


def draw_boxes(
    image: Image, boxes: npt.NDArray[np.float32], names: Sequence[str], colors: Sequence[Color]
) -> Image:
    """The image, 640 pixels wide, with a titled frame around each box; the first ones lie on top.

    Args:
        image: uint8 RGB H×W×3.
        boxes: (n, 4) left, top, right, bottom in pixels of the image.
        names: n words of ASCII letters.
        colors: n colours, RGB.
    """
    scale = WIDE / image.shape[1]
    size = (WIDE, max(1, round(image.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    drawn = np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
    corners = np.rint(boxes * scale).astype(int).tolist()
    order = list(reversed(range(len(corners))))
    for index in order:
        left, top, right, bottom = corners[index]
        end = max(left, right - 1), max(top, bottom - 1)
        cv2.rectangle(drawn, (left, top), end, CASING, 4)
        cv2.rectangle(drawn, (left, top), end, colors[index], 2)
    for index in order:
        _write(drawn, names[index], corners[index][0], corners[index][1], colors[index])
    return drawn


def _write(drawn: Image, title: str, x: int, y: int, color: Color) -> None:
    """A title in a plate on the upper edge of a box, inside the image."""
    (wide, high), below = cv2.getTextSize(title, FONT, SCALE, THICKNESS)
    left = min(max(0, x), max(0, drawn.shape[1] - wide - 4))
    top = max(0, y - high - below - 2)
    plate = (left + wide + 4, top + high + below + 2)
    cv2.rectangle(drawn, (left, top), plate, color, cv2.FILLED)
    is_light = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 140
    ink = (0, 0, 0) if is_light else (255, 255, 255)
    where = (left + 2, top + high + 1)
    cv2.putText(drawn, title, where, FONT, SCALE, ink, THICKNESS, cv2.LINE_AA)
