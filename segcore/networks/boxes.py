"""Pictures of boxes and masks for the steps of networks that find things."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

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
Corner: TypeAlias = tuple[int, int]  # x, y


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
    """The image with frames on it, a dark rim around each, and words on top of all frames.

    Words never cover one another: where they would, the first box has its words and a later one
    is told by its colour alone, see `place_words`.

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
    for index in reversed(range(len(corners))):
        left, top, right, bottom = corners[index]
        end = max(left, right - 1), max(top, bottom - 1)
        cv2.rectangle(page, (left, top), end, CASING, 4)
        cv2.rectangle(page, (left, top), end, colors[index], 2)
    plates = [_plate_size(text, letters) for text in texts[: len(corners)]]
    places = place_words(plates, corners, (size[0], size[1]))
    for text, color, plate, place in zip(texts, colors, plates, places, strict=False):
        if place is not None:
            _write(page, text, place, plate, color, letters)
    return np.asarray(page, np.uint8)


def place_words(
    plates: Sequence[Corner], frames: Sequence[Sequence[int]], size: Corner
) -> list[Corner | None]:
    """Where the words of each box stand, so that none cover others; the first box chooses first.

    The places, best first: above its upper edge, below its lower one, inside at the top and at the
    bottom, each from the left and from the right end.

    Args:
        plates: width and height of the words of each box.
        frames: left, top, right, bottom of each box.
        size: width and height of the image, which no words leave.

    Returns:
        Left upper corner of each; None for words that fit nowhere.
    """
    taken: list[tuple[int, int, int, int]] = []
    places: list[Corner | None] = []
    for (width, height), frame in zip(plates, frames, strict=False):
        place = None
        for left, top in _corners_at(frame, width, height, size):
            right, bottom = left + width, top + height
            inside = left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1]
            if inside and all(
                right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
                for other in taken
            ):
                place = left, top
                taken.append((left, top, right, bottom))
                break
        places.append(place)
    return places


def _corners_at(frame: Sequence[int], width: int, height: int, size: Corner) -> Iterator[Corner]:
    """The places at a box that words of this size may take; sideways they stay in the image."""
    left, top, right, bottom = frame
    for y in (top - height, bottom, top, bottom - height):
        for x in (left, right - width):
            yield min(max(0, x), max(0, size[0] - width)), y


def _plate_size(text: str, letters: float) -> Corner:
    """Width and height that a text takes with the plate behind it."""
    (width, height), below = cv2.getTextSize(text, FONT, letters, _thickness(letters))
    return width + 4, height + below + 2


def _thickness(letters: float) -> int:
    return max(1, round(letters * 3))


def _write(
    page: Image, text: str, place: Corner, plate: Corner, color: Color, letters: float
) -> None:
    """A text on a plate of the box's colour."""
    left, top = place
    end = left + plate[0] - 1, top + plate[1] - 1
    cv2.rectangle(page, place, end, color, cv2.FILLED)
    is_light = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 140
    ink = (0, 0, 0) if is_light else (255, 255, 255)
    thickness = _thickness(letters)
    (_, height), _ = cv2.getTextSize(text, FONT, letters, thickness)
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
