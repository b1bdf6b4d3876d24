"""Pedestrians and bicyclists: flat figures of tapered limbs that face the camera."""

import math
from dataclasses import dataclass

import numpy as np

from segcore.scenes.street.canvas import BICYCLIST, PEDESTRIAN, Canvas, Flat
from segcore.scenes.street.dice import Dice
from segcore.scenes.street.ground import Shade
from segcore.scenes.street.light import Colour, scale

_SKINS: tuple[Colour, ...] = (
    (238, 198, 168),
    (224, 172, 136),
    (176, 122, 86),
    (120, 80, 58),
    (88, 58, 44),
)
_HAIRS: tuple[Colour, ...] = (
    (40, 30, 26),
    (84, 56, 36),
    (178, 140, 84),
    (150, 148, 146),
    (126, 62, 36),
)
_CLOTHES: tuple[Colour, ...] = (
    (188, 48, 48), (52, 84, 148), (232, 228, 220), (46, 48, 54), (84, 122, 70), (214, 170, 60),
    (128, 70, 120), (112, 116, 122), (196, 140, 110), (70, 140, 150), (96, 72, 52), (226, 120, 60),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = (
    (44, 56, 88), (38, 38, 42), (96, 88, 76), (120, 122, 126), (150, 134, 108), (70, 46, 40),
)  # fmt: skip


_DOME = [(math.cos(turn * math.pi / 8), math.sin(turn * math.pi / 8)) for turn in range(9)]


@dataclass(frozen=True)
class Person:
    """Somebody on foot.

    Attributes:
        x, z: where the feet are.
        height: metres.
        facing: -1 or 1 for walking to the left or right, 0 along the street.
        stride: half the distance between the feet as a share of the height.
        skin, hair, coat, trousers: colours.
        extra: "", "bag", "hat", "skirt", "backpack" or "umbrella".
        build: how broad, about 1.
    """

    x: float
    z: float
    height: float
    facing: int
    stride: float
    skin: Colour
    hair: Colour
    coat: Colour
    trousers: Colour
    extra: str
    build: float

    @property
    def shade(self) -> Shade:
        return _spot(self.x, self.z, 0.26, 0.14, self.height)


def _spot(x: float, z: float, half: float, deep: float, height: float) -> Shade:
    corners = np.array([(-half, -deep), (half, -deep), (half, deep), (-half, deep)])
    return Shade(corners + np.array([x, z]), 0.0, height)


def plan_person(x: float, z: float, child: bool, wet: bool, dice: Dice) -> Person:
    height = dice.number(1.0, 1.35) if child else dice.number(1.55, 1.92)
    facing = dice.pick((-1, 0, 0, 1))
    extras = ("", "", "bag", "hat", "skirt", "backpack")
    extra = "umbrella" if wet and dice.chance(0.55) else dice.pick(extras)
    return Person(
        x,
        z,
        height,
        facing,
        dice.number(0.03, 0.17),
        skin=dice.pick(_SKINS),
        hair=dice.pick(_HAIRS),
        coat=scale(dice.pick(_CLOTHES), dice.number(0.85, 1.15)),
        trousers=scale(dice.pick(_TROUSERS), dice.number(0.85, 1.15)),
        extra=extra,
        build=dice.number(0.88, 1.22),
    )


class _Figure:
    """Draws in metres across and up from a point on the ground, at one distance."""

    def __init__(self, canvas: Canvas, x: float, z: float, unit: float = 1.0) -> None:
        self.canvas = canvas
        self.away = z
        self.size = canvas.camera.size(unit, z)
        self.u, self.v = canvas.camera.ground(x, z)

    def at(self, x: float, y: float) -> Flat:
        return (self.u + x * self.size, self.v - y * self.size)

    def lit(self, colour: Colour) -> Colour:
        return self.canvas.light.lit(colour, distance=self.away)

    def shape(self, points: list[Flat], colour: Colour) -> None:
        self.canvas.fill_flat([self.at(x, y) for x, y in points], self.lit(colour))

    def limb(self, start: Flat, end: Flat, width: float, tip: float, colour: Colour) -> None:
        """A tapered stroke from `width` to `tip` metres thick."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = math.hypot(dx, dy) or 1.0
        nx, ny = -dy / length / 2, dx / length / 2
        self.shape(
            [
                (start[0] + nx * width, start[1] + ny * width),
                (end[0] + nx * tip, end[1] + ny * tip),
                (end[0] - nx * tip, end[1] - ny * tip),
                (start[0] - nx * width, start[1] - ny * width),
            ],
            colour,
        )

    def ball(self, x: float, y: float, radius: float, colour: Colour) -> None:
        u, v = self.at(x, y)
        self.canvas.disc(u, v, radius * self.size, self.lit(colour))


def paint_person(canvas: Canvas, person: Person) -> None:
    with canvas.thing(PEDESTRIAN):
        figure = _Figure(canvas, person.x, person.z, person.height)
        _paint_legs(figure, person)
        _paint_arm(figure, person, -1.0)
        _paint_torso(figure, person)
        _paint_arm(figure, person, 1.0)
        _paint_head(figure, person)
        if person.extra == "umbrella":
            _paint_umbrella(figure, person)


# All lengths below are shares of the person's height.


def _paint_legs(figure: _Figure, person: Person) -> None:
    hip, broad = 0.5, 0.1 * person.build
    for way, tone in ((-1.0, 0.7), (1.0, 1.0)):
        if person.facing:
            foot = (way * person.stride * person.facing, 0.02)
            knee = (foot[0] * 0.45 + 0.035 * person.facing, 0.27)
            start = (way * 0.01, hip)
        else:
            foot = (way * 0.055 * person.build, 0.02 + max(0.0, way) * person.stride * 0.3)
            knee = (way * 0.055 * person.build, 0.27)
            start = (way * 0.045, hip)
        bare = person.extra == "skirt"
        colour = scale(person.skin if bare else person.trousers, tone)
        figure.limb(start, knee, broad, broad * 0.8, colour)
        figure.limb(knee, foot, broad * 0.78, broad * 0.55, colour)
        toe = (foot[0] + 0.05 * (person.facing or way * 0.3), 0.015)
        figure.limb(
            (foot[0] - 0.02 * person.facing, 0.025), toe, 0.05, 0.04, scale((50, 44, 42), tone)
        )
    if person.extra == "skirt":
        figure.shape([(-0.07, 0.56), (0.07, 0.56), (0.13, 0.3), (-0.13, 0.3)], person.trousers)


def _paint_torso(figure: _Figure, person: Person) -> None:
    b = person.build * (0.78 if person.facing else 1.0)
    right = [(0.1 * b, 0.46), (0.105 * b, 0.6), (0.125 * b, 0.76), (0.07 * b, 0.83)]
    coat = [*right, *((-x, y) for x, y in reversed(right))]
    figure.shape(coat, person.coat)
    side = -1.0 if figure.canvas.light.direction[0] > 0 else 1.0
    shaded = [(0.03 * side, 0.46), (0.1 * b * side, 0.46), (0.105 * b * side, 0.6),
              (0.125 * b * side, 0.76), (0.05 * side, 0.82)]  # fmt: skip
    figure.shape(shaded, scale(person.coat, 0.74))
    if person.extra == "backpack":
        x = -person.facing * 0.11
        figure.limb((x, 0.56), (x, 0.78), 0.12, 0.12, scale(person.trousers, 1.3))


def _paint_arm(figure: _Figure, person: Person, way: float) -> None:
    swing = person.stride * 0.9 * person.facing * way
    if person.facing:
        shoulder, elbow, hand = (
            (0.0, 0.78),
            (-swing * 0.5, 0.62),
            (-swing + 0.04 * person.facing, 0.48),
        )
    else:
        x = way * 0.125 * person.build
        shoulder, elbow, hand = (x, 0.78), (x * 1.2, 0.62), (x * 1.15, 0.47)
    if person.extra == "umbrella" and way > 0:
        elbow, hand = (0.13, 0.64), (0.1, 0.78)
    colour = scale(person.coat, 0.86 if way > 0 else 0.66)
    figure.limb(shoulder, elbow, 0.062, 0.055, colour)
    figure.limb(elbow, hand, 0.055, 0.042, colour)
    figure.ball(hand[0], hand[1], 0.024, person.skin)
    if person.extra == "bag" and way > 0:
        x, y = hand
        top, bottom = y - 0.02, y - 0.17
        bag = [(x - 0.06, top), (x + 0.06, top), (x + 0.07, bottom), (x - 0.07, bottom)]
        figure.shape(bag, scale(person.trousers, 1.4))


def _paint_head(figure: _Figure, person: Person) -> None:
    figure.limb((0.0, 0.81), (0.0, 0.88), 0.05, 0.05, scale(person.skin, 0.85))
    x = 0.015 * person.facing
    figure.ball(-x, 0.925, 0.07, person.hair)
    if person.facing or person.stride < 0.1:  # otherwise seen from behind
        figure.ball(x + 0.004, 0.91, 0.055, person.skin)
    if person.extra == "hat":
        right = [(0.1, 0.945), (0.065, 0.96), (0.055, 1.01)]
        figure.shape([*right, *((-x, y) for x, y in reversed(right))], scale(person.coat, 0.7))


def _paint_umbrella(figure: _Figure, person: Person) -> None:
    figure.limb((0.1, 0.76), (0.06, 1.08), 0.014, 0.014, (60, 60, 62))
    dome = [(0.06 + 0.34 * x, 1.02 + 0.2 * y) for x, y in _DOME]
    figure.shape(dome, person.coat)
    figure.shape([*dome[:4], (0.1, 1.02)], scale(person.coat, 0.78))


# Bicyclists --------------------------------------------------------------------------------------


_TURNS = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURNS), np.sin(_TURNS)], 1)


@dataclass(frozen=True)
class Rider:
    """Somebody on a bicycle; `facing` is -1 or 1 to the left or right, 0 along the street."""

    x: float
    z: float
    facing: int
    pedal: float
    frame: Colour
    helmet: Colour
    person: Person

    @property
    def shade(self) -> Shade:
        half, deep = (0.85, 0.15) if self.facing else (0.2, 0.7)
        return _spot(self.x, self.z, half, deep, 1.5)


def plan_rider(x: float, z: float, facing: int, dice: Dice) -> Rider:
    person = plan_person(x, z, False, False, dice)
    return Rider(
        x,
        z,
        facing,
        dice.number(0, 2 * math.pi),
        frame=dice.pick(
            ((190, 40, 40), (40, 90, 160), (36, 38, 40), (220, 220, 216), (60, 140, 90))
        ),
        helmet=dice.pick(((230, 230, 226), (200, 48, 44), (44, 46, 50), (240, 200, 60))),
        person=person,
    )


def paint_rider(canvas: Canvas, rider: Rider) -> None:
    with canvas.thing(BICYCLIST):
        figure = _Figure(canvas, rider.x, rider.z)
        if rider.facing:
            _paint_bicycle(figure, rider)
            _paint_side_rider(figure, rider)
        else:
            _paint_rider_behind(figure, rider)


def _paint_bicycle(figure: _Figure, rider: Rider) -> None:
    way, canvas = rider.facing, figure.canvas
    dark = figure.lit((28, 28, 30))
    for x in (-0.52, 0.52):
        hub = np.array(figure.at(x, 0.34))
        canvas.tint(hub + _CIRCLE * 0.34 * figure.size, dark, 0.35)
        outer, inner = hub + _CIRCLE * 0.35 * figure.size, hub + _CIRCLE * 0.28 * figure.size
        ring = np.stack([outer, np.roll(outer, -1, 0), np.roll(inner, -1, 0), inner], 1)
        canvas.fill_heap(ring, dark)
    hub_rear, hub_front = (-0.52 * way, 0.34), (0.52 * way, 0.34)
    crank, seat, head = (-0.08 * way, 0.32), (-0.22 * way, 0.86), (0.36 * way, 0.86)
    stem = (0.34 * way, 1.02)
    tubes = ((hub_rear, crank), (crank, seat), (crank, head), (seat, head), (hub_rear, seat))
    for start, end in (*tubes, (hub_front, head), (head, stem)):
        figure.limb(start, end, 0.05, 0.05, rider.frame)
    figure.limb((-0.34 * way, 0.92), (-0.1 * way, 0.92), 0.07, 0.05, (34, 32, 32))
    figure.limb((0.26 * way, 1.04), (0.44 * way, 1.0), 0.05, 0.05, (34, 32, 32))


def _paint_side_rider(figure: _Figure, rider: Rider) -> None:
    way, person = rider.facing, rider.person
    hip, shoulder, hand = (-0.2 * way, 0.94), (0.1 * way, 1.42), (0.36 * way, 1.06)
    for turn, tone in ((math.pi, 0.7), (0.0, 1.0)):
        angle = rider.pedal + turn
        foot = (-0.08 * way + 0.17 * math.cos(angle) * way, 0.32 + 0.17 * math.sin(angle))
        knee = ((hip[0] + foot[0]) / 2 + 0.22 * way, (hip[1] + foot[1]) / 2 + 0.1)
        colour = scale(person.trousers, tone)
        figure.limb(hip, knee, 0.17, 0.14, colour)
        figure.limb(knee, foot, 0.13, 0.1, colour)
        heel, toe = (foot[0] - 0.05 * way, foot[1]), (foot[0] + 0.14 * way, foot[1] - 0.02)
        figure.limb(heel, toe, 0.09, 0.06, scale((60, 52, 48), tone))
    figure.limb(hip, shoulder, 0.26, 0.3, person.coat)
    figure.limb(
        (shoulder[0], shoulder[1] - 0.05),
        ((shoulder[0] + hand[0]) / 2, 1.18),
        0.11,
        0.1,
        scale(person.coat, 0.76),
    )
    figure.limb(((shoulder[0] + hand[0]) / 2, 1.18), hand, 0.09, 0.07, person.skin)
    head = (0.18 * way, 1.62)
    figure.limb(shoulder, head, 0.1, 0.1, person.skin)
    figure.ball(head[0], head[1], 0.12, person.skin)
    _paint_helmet(figure, head, rider.helmet)


def _paint_helmet(figure: _Figure, head: Flat, colour: Colour) -> None:
    dome = [(head[0] + 0.155 * x, head[1] + 0.02 + 0.14 * y) for x, y in _DOME]
    figure.shape(dome, colour)


def _paint_rider_behind(figure: _Figure, rider: Rider) -> None:
    person = rider.person
    figure.limb((0.0, 0.0), (0.0, 0.7), 0.07, 0.06, (28, 28, 30))
    figure.limb((0.0, 0.62), (0.0, 0.95), 0.09, 0.08, rider.frame)
    figure.limb((-0.3, 1.04), (0.3, 1.04), 0.05, 0.05, (34, 32, 32))
    lift = 0.14 * math.cos(rider.pedal)
    for way in (-1.0, 1.0):
        foot = (way * 0.11, 0.22 + way * lift)
        knee = (way * 0.17, 0.62 + way * lift * 0.7)
        colour = scale(person.trousers, 1.0 if way > 0 else 0.8)
        figure.limb((way * 0.09, 0.98), knee, 0.18, 0.14, colour)
        figure.limb(knee, foot, 0.13, 0.1, colour)
        figure.limb(foot, (way * 0.12, foot[1] - 0.06), 0.1, 0.09, (52, 46, 44))
        figure.limb((way * 0.2, 1.4), (way * 0.3, 1.06), 0.1, 0.08, scale(person.coat, 0.76))
    b = person.build
    right = [(0.16 * b, 0.92), (0.22 * b, 1.38), (0.12, 1.48)]
    figure.shape([*right, *((-x, y) for x, y in reversed(right))], person.coat)
    figure.shape([(0.02, 0.92), *right[:2], (0.06, 1.46)], scale(person.coat, 0.8))
    figure.limb((0.0, 1.46), (0.0, 1.56), 0.1, 0.1, scale(person.skin, 0.85))
    figure.ball(0.0, 1.62, 0.115, person.hair)
    _paint_helmet(figure, (0.0, 1.62), rider.helmet)
    if figure.canvas.light.lamps_on:
        u, v = figure.at(0.0, 0.78)
        figure.canvas.disc(
            u, v, 0.06 * figure.size, figure.canvas.light.glowing((255, 40, 36), figure.away)
        )
