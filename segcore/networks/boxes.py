"""Pictures of boxes and masks for the steps of networks that find things."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Table
from segcore.networks.rcnn import Boxes, Candidates, box_overlaps
from segcore.render import palette
from segcore.result import Image

SIDE = 768  # pixels of the long side at least, so that lines are thin against what they frame
Color = tuple[int, int, int]
GONE: Color = (150, 150, 150)  # of a box that gave way


def class_colors(names: Sequence[str]) -> list[Color]:
    """One colour for each class, the same in every picture."""
    return [(int(r), int(g), int(b)) for r, g, b in palette(len(names))[1:]]


def draw_boxes(
    image: Image,
    boxes: Boxes,
    colors: Sequence[Color],
    texts: Sequence[str] = (),
) -> Image:
    """The image, enlarged where it is small and darkened, with frames on it.

    Args:
        image: uint8 RGB h×w×3.
        boxes: (n, 4) in its pixels; the first lie on top.
        colors: one for each box.
        texts: what stands at each box, if anything.
    """
    scale = max(1, -(-SIDE // max(image.shape[:2])))
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    page = np.ascontiguousarray(cv2.convertScaleAbs(large, alpha=0.75))
    for index in reversed(range(len(boxes))):
        left, top, right, bottom = (round(float(v) * scale) for v in boxes[index])
        cv2.rectangle(page, (left, top), (right - 1, bottom - 1), colors[index], 2)
        if index < len(texts):
            _write(page, texts[index], (left, top), colors[index])
    return np.asarray(page, np.uint8)


def _write(page: Image, text: str, corner: tuple[int, int], color: Color) -> None:
    """A word in a plate of the box's colour, on its upper edge, or below where that is cut off."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
    left = min(max(0, corner[0] - 1), max(0, page.shape[1] - width - 6))
    bottom = max(corner[1], height + 6)
    cv2.rectangle(page, (left, bottom - height - 6), (left + width + 6, bottom), color, -1)
    ink = (0, 0, 0) if sum(color) > 360 else (255, 255, 255)
    cv2.putText(
        page,
        text,
        (left + 3, bottom - 4),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.42,
        ink,
        1,
        cv2.LINE_AA,
    )


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
