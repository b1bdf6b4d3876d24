"""Where a street is drawn: a pinhole camera, and pixels that carry a colour and an identity.

Everything is drawn twice as large as it is asked for and reduced in the end. The pixels have four
channels, RGB and identity, and are drawn by one call, so that labels can never differ from what is
seen. Identities up to the number of classes are "stuff" of that class, greater ones are things.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from segcore.scenes.street.light import Colour, Light

SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST = range(1, 12)
NAMES = (
    "Sky",
    "Building",
    "Pole",
    "Road",
    "Pavement",
    "Tree",
    "Sign",
    "Fence",
    "Car",
    "Pedestrian",
    "Bicyclist",
)

FRAME_WIDTH, FRAME_HEIGHT = 256, 192  # the scene's own unit of length in the image
NEAREST = 1.0  # metres; what is nearer is cut off
OVERSAMPLING = 2
_SHIFT = 4  # OpenCV draws with sixteenths of a pixel
_MOST_IDENTITIES = 255

Points = npt.NDArray[np.float64]
Fixed = npt.NDArray[np.int32]  # pixels with _SHIFT binary places
Flat = tuple[float, float]
Point3 = tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along the street.

    Attributes:
        x, height: where it is, in metres from the middle of the road and above it.
        focal: focal length in units of the frame.
        u, v: the vanishing point of the street in the frame.
    """

    x: float
    height: float
    focal: float
    u: float
    v: float

    def size(self, length: float, distance: float) -> float:
        """A length in metres at a distance, in units of the frame."""
        return self.focal * length / max(distance, NEAREST)

    def sees(self, left: float, right: float, distance: float) -> bool:
        """Whether something from X = left to X = right is in the frame, higher or lower."""
        size = self.size(1.0, distance)
        return (right - self.x) * size > -self.u and (left - self.x) * size < FRAME_WIDTH - self.u

    def ground(self, x: float, distance: float) -> Flat:
        """Where a point on the ground is seen in the frame."""
        size = self.size(1.0, distance)
        return (self.u + (x - self.x) * size, self.v + self.height * size)


@dataclass
class Silhouette:
    """A thing that was drawn: its class and how many pixels it had before others hid it."""

    kind: int
    area: int = 0


class Canvas:
    """Pixels, and the means to draw on them in metres or in units of the frame."""

    def __init__(self, width: int, height: int, camera: Camera, light: Light) -> None:
        self.camera = camera
        self.light = light
        # The frame covers the image; what stands over is cut off on both sides alike.
        self.scale = OVERSAMPLING * max(width / FRAME_WIDTH, height / FRAME_HEIGHT)
        size = np.array([width, height]) * OVERSAMPLING
        self.origin = (size - self.scale * np.array([FRAME_WIDTH, FRAME_HEIGHT])) / 2 - 0.5
        self.pixels = np.zeros((int(size[1]), int(size[0]), 4), np.uint8)
        # From metres to fixed places in one step.
        self._unit = self.scale * (1 << _SHIFT)
        self._left, self._top = (float(value) * (1 << _SHIFT) for value in self.origin)
        self._u = self._left + camera.u * self._unit
        self._v = self._top + camera.v * self._unit
        self.mark = 0
        self.things: list[Silhouette] = []
        self._extent: list[float] | None = None

    @property
    def horizon(self) -> int:
        """First row of pixels below the horizon."""
        return max(0, math.ceil(self.origin[1] + self.scale * self.camera.v))

    @contextmanager
    def thing(self, kind: int) -> Iterator[None]:
        """What is drawn inside belongs to one new thing of a class."""
        outer = self.mark
        if len(self.things) + len(NAMES) >= _MOST_IDENTITIES:
            self.mark = kind
            yield
        else:
            self.things.append(Silhouette(kind))
            self.mark = len(NAMES) + len(self.things)
            self._extent = [np.inf, np.inf, -np.inf, -np.inf]
            yield
            self.things[-1].area = self._count()
            self._extent = None
        self.mark = outer

    def _count(self) -> int:
        """Pixels of the thing that is being drawn."""
        if self._extent is None or not np.isfinite(self._extent).all():
            return 0
        height, width = self.pixels.shape[:2]
        left, top, right, bottom = (int(value) >> _SHIFT for value in self._extent)
        part = self.pixels[
            max(0, top - 2) : min(height, bottom + 3), max(0, left - 2) : min(width, right + 3), 3
        ]
        return int(np.count_nonzero(part == self.mark))

    def _project(self, points: Points) -> Fixed:
        """Points (…, 3) in metres; what is too near is moved ahead, onto the nearest plane."""
        size = self.camera.focal * self._unit / np.maximum(points[..., 2], NEAREST)
        fixed = np.empty((*points.shape[:-1], 2), np.int32)
        fixed[..., 0] = np.rint(self._u + (points[..., 0] - self.camera.x) * size)
        fixed[..., 1] = np.rint(self._v + (self.camera.height - points[..., 1]) * size)
        return fixed

    def _place(self, flat: Points) -> Fixed:
        """Points (…, 2) of the frame."""
        fixed = np.empty(flat.shape, np.int32)
        fixed[..., 0] = np.rint(self._left + flat[..., 0] * self._unit)
        fixed[..., 1] = np.rint(self._top + flat[..., 1] * self._unit)
        return fixed

    def _paint(self, fixed: Sequence[Fixed], colour: Colour) -> None:
        if self._extent is not None:
            for polygon in fixed:
                self._stretch(*cv2.boundingRect(polygon))
        cv2.fillPoly(self.pixels, fixed, (*colour, self.mark), cv2.LINE_8, _SHIFT)

    def _stretch(self, left: float, top: float, width: float, height: float) -> None:
        """Takes a box, in fixed places, into the extent of the thing that is being drawn."""
        if self._extent is not None:
            old = self._extent
            self._extent = [
                min(old[0], left),
                min(old[1], top),
                max(old[2], left + width),
                max(old[3], top + height),
            ]

    def fill(self, points: Iterable[Point3], colour: Colour) -> None:
        """Fills a polygon of a few points in metres."""
        # For a handful of points plain Python is several times faster than NumPy.
        focal, x0, y0 = self.camera.focal * self._unit, self.camera.x, self.camera.height
        fixed = []
        for x, y, z in points:
            size = focal / (z if z > NEAREST else NEAREST)
            fixed.append((round(self._u + (x - x0) * size), round(self._v + (y0 - y) * size)))
        self._paint((np.array(fixed, np.int32),), colour)

    def fill_flat(self, points: Iterable[Flat], colour: Colour) -> None:
        """Fills a polygon of a few points in units of the frame."""
        unit, left, top = self._unit, self._left, self._top
        fixed = [(round(left + u * unit), round(top + v * unit)) for u, v in points]
        self._paint((np.array(fixed, np.int32),), colour)

    def fill_many(self, points: Points, colour: Colour) -> None:
        """Fills polygons (M, N, 3) in metres that do not overlap."""
        if points.size:
            self._paint(tuple(self._project(points)), colour)

    def fill_heap(self, polygons: Points, colour: Colour) -> None:
        """Fills polygons (M, N, 2) of the frame that may overlap."""
        fixed, ink = self._place(polygons), (*colour, self.mark)
        self._stretch(*cv2.boundingRect(fixed.reshape(-1, 2)))
        for polygon in fixed:  # together, the overlaps would count as holes
            cv2.fillPoly(self.pixels, (polygon,), ink, cv2.LINE_8, _SHIFT)

    def disc(self, u: float, v: float, radius: float, colour: Colour) -> None:
        """Fills a disc in units of the frame."""
        x, y, size = self._left + u * self._unit, self._top + v * self._unit, radius * self._unit
        self._stretch(x - size, y - size, 2 * size, 2 * size)
        centre = (round(x), round(y))
        ink = (*colour, self.mark)
        cv2.circle(self.pixels, centre, max(1, round(size)), ink, -1, cv2.LINE_8, _SHIFT)

    def tint(self, polygon: Points, colour: Colour, share: float) -> None:
        """Mixes a colour into what is seen through a polygon, and marks it as its own.

        The polygon is (N, 3) in metres or (N, 2) in units of the frame.

        A railing or a wheel with spokes is one object to an eye and to whoever labels by hand.
        """
        fixed = self._project(polygon) if polygon.shape[1] == 3 else self._place(polygon)
        left, top, wide, high = (int(side) >> _SHIFT for side in cv2.boundingRect(fixed))
        left, top = max(left - 1, 0), max(top - 1, 0)
        part = self.pixels[top : top + high + 3, left : left + wide + 3]
        if not part.size:
            return
        self._stretch(*cv2.boundingRect(fixed))
        inside = np.zeros(part.shape[:2], np.uint8)
        corner = np.array([left, top], np.int32) << _SHIFT
        cv2.fillPoly(inside, [fixed - corner], 1, cv2.LINE_8, _SHIFT)
        paint = np.array([*colour, 0.0])
        mixed = part[inside == 1] * (1.0 - share) + paint * share
        mixed[:, 3] = self.mark
        part[inside == 1] = np.clip(mixed, 0, 255).astype(np.uint8)

    def silhouette(self, polygons: Sequence[Points]) -> npt.NDArray[np.uint8]:
        """Mask, 0 or 255, at the size of the image, of polygons (N, 3) in metres."""
        height, width = self.pixels.shape[:2]
        mask = np.zeros((height // OVERSAMPLING, width // OVERSAMPLING), np.uint8)
        for polygon in polygons:  # together, the overlaps would count as holes
            fixed = self._project(polygon) // OVERSAMPLING
            cv2.fillPoly(mask, [fixed], 255, cv2.LINE_8, _SHIFT)
        return mask
