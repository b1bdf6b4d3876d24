"""Pictures of boxes and masks for the steps of networks that find things."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Table
from segcore.networks.rcnn import Boxes, Candidates, box_overlaps
from segcore.render import palette
from segcore.result import Image

SIDE = 768  # pixels of the long side, so that lines are thin against what they frame
Color = tuple[int, int, int]
GONE: Color = (150, 150, 150)  # of a box that gave way
CASING: Color = (0, 0, 0)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def class_colors(names: Sequence[str]) -> list[Color]:
    """One colour for each class, the same in every picture."""
    return [(int(r), int(g), int(b)) for r, g, b in palette(len(names))[1:]]


def draw_boxes(
    image: Image,
    boxes: Boxes,
    colors: Sequence[Color],
    texts: Sequence[str] = (),
    *,
    side: int = SIDE,
    light: float = 0.75,
    letters: float = 0.42,
) -> Image:
    """The image with frames on it, a dark rim around each, and words above all frames.

    Args:
        image: uint8 RGB h×w×3.
        boxes: (n, 4) in its pixels; the first lie on top.
        colors: one for each box.
        texts: what stands at each box, if anything, in ASCII letters.
        side: long side in pixels of what comes back.
        light: share of its brightness that the image keeps, so that frames stand out.
        letters: size of the words; 1 is 22 pixels high.
    """
    scale = side / max(image.shape[:2])
    size = [max(1, round(n * scale)) for n in image.shape[1::-1]]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    page = cv2.convertScaleAbs(cv2.resize(image, size, interpolation=how), alpha=light)
    corners = np.rint(boxes * scale).astype(int).tolist()
    order = list(reversed(range(len(corners))))
    for index in order:
        left, top, right, bottom = corners[index]
        end = max(left, right - 1), max(top, bottom - 1)
        cv2.rectangle(page, (left, top), end, CASING, 4)
        cv2.rectangle(page, (left, top), end, colors[index], 2)
    for index in order:
        if index < len(texts):
            _write(page, texts[index], corners[index][:2], colors[index], letters)
    return np.asarray(page, np.uint8)


def _write(page: Image, text: str, corner: Sequence[int], color: Color, letters: float) -> None:
    """A word in a plate of the box's colour, on its upper edge, inside the image."""
    thickness = max(1, round(letters * 3))
    (width, height), below = cv2.getTextSize(text, FONT, letters, thickness)
    left = min(max(0, corner[0]), max(0, page.shape[1] - width - 4))
    top = max(0, corner[1] - height - below - 2)
    plate = (left + width + 4, top + height + below + 2)
    cv2.rectangle(page, (left, top), plate, color, cv2.FILLED)
    is_light = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 140
    ink = (0, 0, 0) if is_light else (255, 255, 255)
    where = (left + 2, top + height + 1)
    cv2.putText(page, text, where, FONT, letters, ink, thickness, cv2.LINE_AA)


def draw_found(image: Image, found: Candidates, names: Sequence[str]) -> Image:
    """Boxes with class and score, in the colours of the classes."""
    colors = class_colors(names)
    texts = [f"{names[c]} {s:.2f}" for c, s in zip(found.classes, found.scores, strict=True)]
    return draw_boxes(image, found.boxes, [colors[c] for c in found.classes], texts)


def draw_rivals(
    image: Image, found: Candidates, winners: npt.NDArray[np.int64], names: Sequence[str]
) -> Image:
    """What stays in colour; what gave way in grey, tied by a line to the box it gave way to."""
    colors = class_colors(names)
    stays = winners == np.arange(len(winners))
    order = np.argsort(~stays, kind="stable")
    page = draw_boxes(
        image,
        found.boxes[order],
        [colors[found.classes[i]] if stays[i] else GONE for i in order],
    )
    scale = page.shape[1] / image.shape[1]
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2 * scale
    for loser in np.flatnonzero(~stays):
        start, end = (
            tuple(np.rint(middles[i]).astype(int).tolist()) for i in (loser, winners[loser])
        )
        cv2.line(page, start, end, (255, 255, 255), 1, cv2.LINE_AA)
    return page


def list_rivals(
    found: Candidates, winners: npt.NDArray[np.int64], names: Sequence[str], only: str = "all"
) -> Table:
    """Every box that gave way: what it was, the thing that it gave way to, and their IoU.

    Args:
        found: boxes, the best first.
        winners: for each the index of the one that it gave way to, see `suppress`.
        names: of the classes.
        only: name of the class that is wanted; anything else wants all of them.
    """
    wanted = np.array([only not in names or names[c] == only for c in found.classes], np.bool_)
    stays = winners == np.arange(len(winners))
    numbers = np.cumsum(stays & wanted)
    rows = []
    for loser in np.flatnonzero(~stays & wanted):
        best = winners[loser]
        overlap = box_overlaps(found.boxes[best], found.boxes[loser : loser + 1])[0]
        word, score = names[found.classes[loser]], float(found.scores[loser])
        rows.append((word, score, int(numbers[best]), float(found.scores[best]), float(overlap)))
    return Table(
        ("Class", "Score", "Gave way to no.", "Score of that", "IoU of the two"), tuple(rows)
    )


def object_at(boxes: Boxes, points: Sequence[tuple[int, int]]) -> int:
    """Index of the smallest box around the point, or else 0, the likeliest.

    Args:
        boxes: (n, 4) in pixels of the image.
        points: none or one (x, y) in pixels of the image.
    """
    if not points or not len(boxes):
        return 0
    x, y = points[0]
    inside = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
    if not inside.any():
        return 0
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return int(np.argmin(np.where(inside, areas, np.inf)))
