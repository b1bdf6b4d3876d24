"""Cars, vans, buses: low-poly bodies, seen from any side that faces along or across the street."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from segcore.scenes.street.canvas import CAR, Canvas, Point3
from segcore.scenes.street.dice import Dice
from segcore.scenes.street.ground import Shade
from segcore.scenes.street.light import Colour, Vector, mix, scale

_PAINTS: tuple[Colour, ...] = (
    (196, 36, 40), (32, 72, 150), (230, 230, 228), (44, 46, 50), (150, 154, 158), (96, 100, 106),
    (60, 104, 76), (214, 178, 60), (122, 78, 52), (104, 156, 190), (176, 90, 44), (92, 36, 60),
    (190, 186, 170), (70, 120, 60),
)  # fmt: skip
_GLASS: Colour = (48, 60, 72)
_TYRE: Colour = (30, 30, 32)
_RIM: Colour = (160, 162, 166)
_PLATE: Colour = (236, 232, 214)


@dataclass(frozen=True)
class Shape:
    """A body, from the rear at 0 to the front at `length`.

    Attributes:
        length, width: metres.
        body: profile (along, up) of the upper edge of the lower body, from rear to front.
        cabin: (rear, front) of the cabin at the belt line and (rear, front) at the roof.
        belt, roof: heights.
        wheels: where the axles are.
        wheel: radius.
        windows: edges of the side windows, as shares of the cabin's length.
    """

    length: float
    width: float
    body: tuple[tuple[float, float], ...]
    cabin: tuple[float, float, float, float]
    belt: float
    roof: float
    wheels: tuple[float, ...]
    wheel: float
    windows: tuple[float, ...]


SHAPES: dict[str, Shape] = {
    "hatchback": Shape(
        3.9, 1.72, ((0.0, 0.86), (0.1, 0.95), (2.75, 0.92), (3.75, 0.74), (3.9, 0.58)),
        (0.08, 2.95, 0.45, 2.05), 0.92, 1.47, (0.72, 3.12), 0.31, (0.12, 0.5, 0.9),
    ),
    "saloon": Shape(
        4.6, 1.8, ((0.0, 0.84), (0.15, 0.97), (0.95, 0.97), (3.3, 0.92), (4.45, 0.74), (4.6, 0.58)),
        (0.75, 3.4, 1.35, 2.55), 0.95, 1.43, (0.9, 3.72), 0.32, (0.16, 0.5, 0.86),
    ),
    "estate": Shape(
        4.6, 1.8, ((0.0, 0.84), (0.08, 0.96), (3.3, 0.92), (4.45, 0.74), (4.6, 0.58)),
        (0.06, 3.45, 0.35, 2.6), 0.95, 1.48, (0.85, 3.72), 0.32, (0.06, 0.34, 0.62, 0.9),
    ),
    "suv": Shape(
        4.5, 1.92, ((0.0, 0.98), (0.08, 1.12), (3.2, 1.08), (4.35, 0.98), (4.5, 0.74)),
        (0.06, 3.3, 0.3, 2.65), 1.1, 1.74, (0.85, 3.6), 0.38, (0.08, 0.36, 0.64, 0.92),
    ),
    "van": Shape(
        5.2, 2.0, ((0.0, 1.2), (4.3, 1.2), (5.05, 0.98), (5.2, 0.66)),
        (0.02, 4.75, 0.08, 3.95), 1.2, 2.3, (0.95, 4.2), 0.36, (0.74, 0.93),
    ),
    "truck": Shape(
        7.4, 2.4, ((0.0, 1.15), (5.4, 1.15), (7.3, 1.15), (7.4, 0.8)),
        (5.55, 7.38, 5.6, 7.1), 1.15, 2.55, (1.2, 5.9), 0.46, (0.2, 0.85),
    ),
    "bus": Shape(
        10.5, 2.5, ((0.0, 1.15), (10.4, 1.15), (10.5, 1.1)),
        (0.02, 10.48, 0.06, 10.35), 1.15, 3.0, (2.2, 7.9), 0.48,
        (0.01, 0.15, 0.3, 0.45, 0.6, 0.75, 0.87, 0.99),
    ),
}  # fmt: skip
_FLOOR = 0.24
# By heading: the directions in X and Z of "along", rear to front, and "across".
_AXES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "ahead": ((0.0, 1.0), (1.0, 0.0)),
    "back": ((0.0, -1.0), (-1.0, 0.0)),
    "right": ((1.0, 0.0), (0.0, -1.0)),
    "left": ((-1.0, 0.0), (0.0, 1.0)),
}
_CIRCLE = [(math.cos(turn * math.pi / 7), math.sin(turn * math.pi / 7)) for turn in range(14)]


@dataclass(frozen=True)
class Vehicle:
    """A vehicle whose middle is at (x, z) and which looks "ahead", "back", "left" or "right"."""

    x: float
    z: float
    heading: str
    shape: Shape
    paint: Colour
    braking: bool
    cargo: Colour | None

    @property
    def reach(self) -> tuple[float, float]:
        """Half its extent in X and Z."""
        half = (self.shape.width / 2, self.shape.length / 2)
        return half if self.heading in ("ahead", "back") else half[::-1]

    @property
    def shade(self) -> Shade:
        x, z = self.reach
        corners = np.array([(-x, -z), (x, -z), (x, z), (-x, z)]) * 0.97
        return Shade(corners + np.array([self.x, self.z]), 0.0, 0.85 * self.shape.roof)


def plan_vehicle(x: float, z: float, heading: str, dice: Dice) -> Vehicle:
    names = ("hatchback",) * 4 + ("saloon",) * 3 + ("estate", "suv", "suv", "van", "van")
    big = ("truck", "bus") if heading in ("ahead", "back") and dice.chance(0.1) else names
    name = dice.pick(big)
    paint = scale(dice.pick(_PAINTS), dice.number(0.85, 1.12))
    cargo = dice.pick(((220, 218, 210), (186, 60, 48), (70, 110, 160))) if name == "truck" else None
    return Vehicle(x, z, heading, SHAPES[name], paint, dice.chance(0.5), cargo)


class _Body:
    """Draws the faces of one vehicle, which turns along, across and up into the street."""

    def __init__(self, canvas: Canvas, vehicle: Vehicle) -> None:
        self.canvas = canvas
        self.light = canvas.light
        self.vehicle = vehicle
        self.shape = vehicle.shape
        self.along, self.across = _AXES[vehicle.heading]
        self.away = vehicle.z
        self.fine = canvas.camera.size(1.0, vehicle.z - vehicle.reach[1]) > 5.0
        camera = canvas.camera
        x, z = camera.x - vehicle.x, -vehicle.z
        # Where the camera is, in the vehicle's own axes.
        self.eye_along = x * self.along[0] + z * self.along[1] + self.shape.length / 2
        self.eye_across = x * self.across[0] + z * self.across[1]

    def place(self, points: Sequence[Point3]) -> list[Point3]:
        """Points (along from the rear, across from the middle, up) in the street."""
        ax, az = self.along
        cx, cz = self.across
        x, z, half = self.vehicle.x, self.vehicle.z, self.shape.length / 2
        return [
            (x + (a - half) * ax + c * cx, up, z + (a - half) * az + c * cz) for a, c, up in points
        ]

    def normal(self, along: float, across: float, up: float) -> Vector:
        return (
            along * self.along[0] + across * self.across[0],
            up,
            along * self.along[1] + across * self.across[1],
        )

    def fill(self, points: Sequence[Point3], colour: Colour, normal: Vector) -> None:
        self.canvas.fill(self.place(points), self.light.lit(colour, normal, self.away))

    def glow(self, points: Sequence[Point3], colour: Colour) -> None:
        self.canvas.fill(self.place(points), self.light.glowing(colour, self.away))

    def block(self, span: tuple[float, float], half: float, low: float, high: float,
              colour: Colour) -> None:  # fmt: skip
        """A box: the faces that can be seen."""
        rear, front = span
        side = 1.0 if self.eye_across > 0 else -1.0
        if self.eye_along < rear or self.eye_along > front:
            a = rear if self.eye_along < rear else front
            facing = -1.0 if a == rear else 1.0
            self.fill([(a, -half, low), (a, half, low), (a, half, high), (a, -half, high)], colour,
                      self.normal(facing, 0, 0))  # fmt: skip
        if abs(self.eye_across) > half:
            c = side * half
            self.fill([(rear, c, low), (front, c, low), (front, c, high), (rear, c, high)], colour,
                      self.normal(0, side, 0))  # fmt: skip


def paint_vehicle(canvas: Canvas, vehicle: Vehicle, dice: Dice) -> None:
    with canvas.thing(CAR):
        body = _Body(canvas, vehicle)
        plate = dice.pick((_PLATE, _PLATE, (240, 206, 80)))
        _paint_underside(body)
        _paint_lower(body)
        _paint_cabin(body)
        if vehicle.cargo is not None:
            _paint_cargo(body, vehicle.cargo)
        _paint_face(body, plate)
        if body.fine and abs(body.eye_across) > body.shape.width / 2:
            _paint_flank(body)


def _paint_underside(body: _Body) -> None:
    """Wheels on the far side and the dark under the floor, seen through below."""
    shape = body.shape
    half = shape.width / 2 - 0.04
    body.block((0.35, shape.length - 0.35), half * 0.96, 0.1, 0.4, (24, 24, 26))
    ends = (shape.wheels[0] - shape.wheel * 0.6, shape.wheels[1] + shape.wheel * 0.6)
    a = ends[0] if body.eye_along < 0 else ends[1]
    for c in (-half, half - 0.22):
        tyre = [(a, c, 0.0), (a, c + 0.22, 0.0), (a, c + 0.22, 0.5), (a, c, 0.5)]
        body.fill(tyre, _TYRE, body.normal(-1, 0, 0))


def _paint_lower(body: _Body) -> None:
    shape, paint = body.shape, body.vehicle.paint
    half = shape.width / 2
    profile = [(0.0, _FLOOR), *shape.body, (shape.length, _FLOOR)]
    strips = list(pairwise(profile))
    if body.eye_along < shape.length / 2:
        strips = strips[::-1]  # the far end first
    for (a0, y0), (a1, y1) in strips:
        length = math.hypot(a1 - a0, y1 - y0) or 1.0
        facing = ((y0 - y1) / length, (a1 - a0) / length)
        middle = ((a0 + a1) / 2, (y0 + y1) / 2)
        eye = (body.eye_along - middle[0], body.canvas.camera.height - middle[1])
        if facing[0] * eye[0] + facing[1] * eye[1] <= 0:
            continue
        quad = [(a0, -half, y0), (a0, half, y0), (a1, half, y1), (a1, -half, y1)]
        body.fill(quad, paint, body.normal(facing[0], 0, facing[1]))
    if abs(body.eye_across) > half:
        c = half if body.eye_across > 0 else -half
        side = [(a, c, y) for a, y in profile]
        body.fill(side, scale(paint, 0.94), body.normal(0, math.copysign(1.0, c), 0.1))


def _paint_cabin(body: _Body) -> None:
    """The greenhouse: glass all round under a roof, with pillars of the paint's colour."""
    shape, paint = body.shape, body.vehicle.paint
    rear, front, roof_rear, roof_front = shape.cabin
    low, high = shape.belt - 0.02, shape.roof
    half = shape.width / 2 - 0.05
    top = half - 0.16 * (high - low) / 0.55 if high < 1.9 else half - 0.06
    seen_half = abs(body.eye_across)
    if body.eye_along < rear or body.eye_along > front:
        back = body.eye_along < rear
        a0, a1 = (rear, roof_rear) if back else (front, roof_front)
        facing = -1.0 if back else 1.0
        quad = [(a0, -half, low), (a0, half, low), (a1, top, high), (a1, -top, high)]
        body.fill(quad, paint, body.normal(facing * 0.8, 0, 0.5))
        _paint_glass(body, quad, (0.07, 0.93), (0.08 if high < 1.9 else 0.3, 0.86), facing)
    if seen_half > half:
        side = 1.0 if body.eye_across > 0 else -1.0
        quad = [(rear, side * half, low), (front, side * half, low),
                (roof_front, side * top, high), (roof_rear, side * top, high)]  # fmt: skip
        body.fill(quad, paint, body.normal(0, side, 0.25))
        for start, end in pairwise(shape.windows):
            _paint_glass(body, quad, (start, end - 0.025), (0.06, 0.84), 0.0)
    if body.canvas.camera.height > high:
        body.fill([(roof_rear, -top, high), (roof_rear, top, high), (roof_front, top, high),
                   (roof_front, -top, high)], scale(paint, 1.05), (0.0, 1.0, 0.0))  # fmt: skip


def _paint_glass(
    body: _Body,
    quad: Sequence[Point3],
    span: tuple[float, float],
    rise: tuple[float, float],
    facing: float,
) -> None:
    """A pane between shares of a quadrilateral's length and height, with the sky in it."""

    def inside(share: float, up: float) -> Point3:
        weights = ((1 - share) * (1 - up), share * (1 - up), share * up, (1 - share) * up)
        a, c, y = (
            sum(w * corner[i] for w, corner in zip(weights, quad, strict=True)) for i in range(3)
        )
        return (a, c, y)

    normal = body.normal(facing, 0, 0.4)
    pane = [inside(span[0], rise[0]), inside(span[1], rise[0]), inside(span[1], rise[1]),
            inside(span[0], rise[1])]  # fmt: skip
    body.fill(pane, _GLASS, normal)
    if body.fine:
        sky = mix(body.light.lit(_GLASS, normal, body.away), body.light.skyline, 0.38)
        middle = (rise[0] + rise[1]) * 0.55
        start = span[0] + 0.3 * (span[1] - span[0])
        gleam = [inside(start, middle), inside(span[1], middle), inside(span[1], rise[1]),
                 inside(span[0], rise[1])]  # fmt: skip
        body.canvas.fill(body.place(gleam), sky)


def _paint_cargo(body: _Body, colour: Colour) -> None:
    half = body.shape.width / 2
    body.block((0.0, 5.35), half, 0.95, 3.2, colour)
    if abs(body.eye_across) > half:
        c = half if body.eye_across > 0 else -half
        stripe = [(0.6, c, 1.6), (4.8, c, 1.6), (4.8, c, 2.2), (0.6, c, 2.2)]
        body.fill(stripe, mix(colour, (30, 40, 60), 0.6), body.normal(0, math.copysign(1.0, c), 0))


def _paint_face(body: _Body, plate: Colour) -> None:
    """Lights, bumper and number plate of the end that looks at the camera."""
    shape = body.shape
    back = body.eye_along < 0
    if not back and body.eye_along < shape.length:
        return
    a = -0.01 if back else shape.length + 0.01
    half = shape.width / 2
    normal = body.normal(-1.0 if back else 1.0, 0, 0)

    def patch(c0: float, c1: float, y0: float, y1: float, colour: Colour, *, shines: bool) -> None:
        quad = [(a, c0, y0), (a, c1, y0), (a, c1, y1), (a, c0, y1)]
        if shines:
            body.glow(quad, colour)
        else:
            body.fill(quad, colour, normal)

    patch(-half, half, _FLOOR, _FLOOR + 0.2, (46, 46, 48), shines=False)
    top = shape.body[0][1] if back else shape.body[-1][1]
    high, low = top - 0.04, top - (0.24 if back else 0.2)
    on = body.light.lamps_on or (back and body.vehicle.braking)
    for c0, c1 in ((-half + 0.04, -half + 0.36), (half - 0.36, half - 0.04)):
        if back:
            patch(c0, c1, low, high, (250, 44, 36) if on else (150, 24, 24), shines=on)
        else:
            tone = (255, 250, 226) if on else (214, 220, 224)
            patch(c0, c1, low, high, tone, shines=on)
    if not back:
        patch(-half + 0.42, half - 0.42, low - 0.03, high, (34, 34, 36), shines=False)
    patch(-0.26, 0.26, low - 0.15, low - 0.02, plate, shines=False)


def _paint_flank(body: _Body) -> None:
    """Wheels, doors and lights on the side that looks at the camera."""
    shape = body.shape
    side = 1.0 if body.eye_across > 0 else -1.0
    c = side * (shape.width / 2 + 0.01)
    normal = body.normal(0, side, 0)
    for axle in shape.wheels:
        for radius, tone in (
            (1.22, (22, 22, 24)),
            (1.0, _TYRE),
            (0.58, _RIM),
            (0.18, (70, 72, 76)),
        ):
            r = radius * shape.wheel
            wheel = [(axle + r * x, c, max(0.0, shape.wheel + r * y))
                     for x, y in _CIRCLE]  # fmt: skip
            body.fill(wheel, tone, normal)
    dark = scale(body.vehicle.paint, 0.6)
    rear, front = shape.cabin[:2]
    for share in shape.windows[1:-1]:
        a = rear + (front - rear) * share
        door = [(a, c, 0.38), (a + 0.035, c, 0.38), (a + 0.035, c, shape.belt), (a, c, shape.belt)]
        body.fill(door, dark, normal)
    a0, a1 = shape.wheels[0] + shape.wheel * 1.2, shape.wheels[1] - shape.wheel * 1.2
    y0, y1 = _FLOOR, _FLOOR + 0.12
    sill = [(a0, c, y0), (a1, c, y0), (a1, c, y1), (a0, c, y1)]
    body.fill(sill, (44, 44, 46), normal)
    for a0, a1, tone in (
        (0.02, 0.22, (170, 26, 26)),
        (shape.length - 0.3, shape.length - 0.04, (228, 226, 210)),
    ):
        y = (shape.body[0][1] if a0 < 1 else shape.body[-1][1]) - 0.1
        body.fill(
            [(a0, c, y - 0.12), (a1, c, y - 0.12), (a1, c, y + 0.03), (a0, c, y + 0.03)],
            tone,
            normal,
        )
