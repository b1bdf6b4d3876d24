"""What stands where in a street."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from segcore.scenes.street.buildings import plan_houses
from segcore.scenes.street.canvas import FRAME_HEIGHT, FRAME_WIDTH, Camera, Canvas
from segcore.scenes.street.dice import Dice
from segcore.scenes.street.facades import paint_house
from segcore.scenes.street.furniture import (
    FENCE_KINDS,
    SIGN_KINDS,
    Fence,
    Gantry,
    Lamp,
    Sign,
    TrafficLight,
    paint_bollard,
    paint_fence,
    paint_gantry,
    paint_lamp,
    paint_sign,
    paint_traffic_light,
)
from segcore.scenes.street.ground import Shade, Street
from segcore.scenes.street.light import Colour
from segcore.scenes.street.people import paint_person, paint_rider, plan_person, plan_rider
from segcore.scenes.street.plants import paint_tree, plan_tree
from segcore.scenes.street.vehicles import paint_vehicle, plan_vehicle

_METALS: tuple[Colour, ...] = (
    (128, 132, 136),
    (92, 98, 102),
    (58, 64, 62),
    (150, 152, 150),
    (70, 84, 78),
)
_FENCES: tuple[Colour, ...] = (
    (58, 62, 60), (140, 142, 140), (122, 86, 58), (92, 68, 50), (206, 202, 194), (70, 96, 70),
    (152, 138, 120), (44, 60, 80),
)  # fmt: skip


@dataclass(frozen=True)
class Prop:
    """Something that stands in the street, `distance` metres ahead.

    Attributes:
        paint: draws it.
        shade: what casts its shadow, if it has one.
        span: from which X to which it reaches, where all of it is at one distance.
    """

    distance: float
    paint: Callable[[Canvas], None]
    shade: Shade | None = None
    span: tuple[float, float] = (-math.inf, math.inf)


@dataclass
class Plan:
    """All that a scene holds, in no order; the scenery is behind all props."""

    street: Street
    scenery: list[Prop] = field(default_factory=list)  # houses, and what is seen between them
    props: list[Prop] = field(default_factory=list)
    lamps: list[tuple[float, float]] = field(default_factory=list)


def plan_camera(street: Street, dice: Dice) -> Camera:
    height = dice.number(1.35, 2.3) if dice.chance(0.8) else dice.number(2.3, 3.6)
    x = dice.number(-0.62, 0.62) * street.road
    return Camera(
        x,
        height,
        focal=dice.number(190.0, 260.0),
        u=FRAME_WIDTH * (0.5 + dice.number(-0.16, 0.16)),
        v=FRAME_HEIGHT * dice.number(0.42, 0.56),
    )


def plan_street(dice: Dice) -> Street:
    road = dice.number(3.4, 6.0)
    parking = tuple(2.2 if road > 4.2 and dice.chance(0.6) else 0.0 for _ in range(2))
    crossings = tuple(z for z in (dice.number(7, 13), dice.number(16, 25)) if dice.chance(0.5))
    return Street(
        road,
        left=dice.number(2.2, 4.8),
        right=dice.number(2.2, 4.8),
        kerb=0.22,
        parking=(parking[0], parking[1]),
        crossings=crossings,
        end=dice.number(60.0, 120.0),
        closed=dice.chance(0.7),
    )


def plan_scene(street: Street, seed: int, crowd: float, wet: bool) -> Plan:
    """The whole scene; each part has its own dice, so that the crowd leaves the houses alone."""
    plan = Plan(street)
    panes = Dice(seed, "panes")
    for house in plan_houses(street, Dice(seed, "houses")):
        painter = partial(paint_house, house=house, dice=panes)
        plan.scenery.append(Prop(house.front.z, painter, house.shade))
    _plan_trees(plan, seed)
    _plan_lamps(plan, Dice(seed, "lamps"))
    _plan_signs(plan, seed)
    _plan_fences(plan, Dice(seed, "fences"))
    places = _Places()
    _plan_vehicles(plan, places, seed, crowd)
    _plan_riders(plan, places, seed, crowd)
    _plan_people(plan, places, seed, crowd, wet)
    return plan


def _plan_trees(plan: Plan, seed: int) -> None:
    street, dice = plan.street, Dice(seed, "trees")
    season = dice.pick(("summer", "summer", "spring", "autumn", "autumn", "winter"))

    leaves = Dice(seed, "leaves")

    def plant(where: list[Prop], x: float, z: float) -> None:
        tree = plan_tree(x, z, season, dice)
        span = (x - tree.width, x + tree.width)
        where.append(Prop(z, partial(paint_tree, tree=tree, dice=leaves), tree.shade, span))

    for side in (-1, 1):
        if dice.chance(0.6):  # an avenue
            z, pitch = dice.number(7.0, 14.0), dice.number(7.0, 14.0)
            while z < street.end - 8.0:
                plant(plan.props, street.edge(side) + side * 0.9, z)
                z += pitch * dice.number(0.9, 1.3)
        for _ in range(dice.whole(3, 7)):  # gardens and yards
            z = dice.number(8.0, street.end)
            plant(plan.scenery, street.front(side) + side * dice.number(2.0, 9.0), z)
    if not street.closed:
        for _ in range(26):
            x = dice.number(-46.0, 46.0)
            plant(plan.scenery, x, street.end + dice.number(2.0, 14.0))


def _plan_lamps(plan: Plan, dice: Dice) -> None:
    street = plan.street
    pitch, height = dice.number(14.0, 24.0), dice.number(4.2, 7.5)
    metal, arm = dice.pick(_METALS), dice.number(0.0, 1.8)
    for side in (-1, 1):
        if not dice.chance(0.85):
            continue
        z = dice.number(6.0, 6.0 + pitch)
        while z < 36.0:
            lamp = Lamp(street.edge(side) + side * 0.55, z, height, -side * arm, metal)
            plan.props.append(
                Prop(z, partial(paint_lamp, lamp=lamp), _pole_shade(lamp.x, z, height))
            )
            plan.lamps.append((lamp.x + lamp.arm, z))
            z += pitch
    if dice.chance(0.35):
        side, z, step = dice.sign(), dice.number(4.0, 9.0), dice.number(1.6, 2.6)
        colour = dice.pick(_METALS)
        for number in range(dice.whole(4, 9)):
            x, away = street.edge(side) + side * 0.45, z + number * step
            plan.props.append(
                Prop(
                    away,
                    partial(paint_bollard, x=x, z=away, colour=colour),
                    _pole_shade(x, away, 1.0),
                )
            )


def _pole_shade(x: float, z: float, height: float) -> Shade:
    corners = np.array([(-0.08, -0.08), (0.08, -0.08), (0.08, 0.08), (-0.08, 0.08)])
    return Shade(corners + np.array([x, z]), 0.0, height)


def _plan_signs(plan: Plan, seed: int) -> None:
    street, dice, faces = plan.street, Dice(seed, "signs"), Dice(seed, "faces")
    for _ in range(dice.whole(2, 5)):
        side = dice.sign()
        z = dice.number(5.5, 16.0)
        kind = dice.pick(SIGN_KINDS)
        x = street.edge(side) + side * dice.number(0.35, 0.9)
        sign = Sign(x, z, dice.number(2.1, 2.7), dice.number(0.85, 1.15), kind, dice.pick(_METALS))
        painter = partial(paint_sign, sign=sign, dice=faces)
        plan.props.append(Prop(z, painter, _pole_shade(x, z, sign.height)))
    for crossing in street.crossings:
        if dice.chance(0.5):
            lit = dice.whole(0, 2)
            for side in (-1, 1):
                light = TrafficLight(
                    street.edge(side) + side * 0.5, crossing - 0.6, 2.5, lit, (54, 58, 60)
                )
                painter = partial(paint_traffic_light, light=light)
                plan.props.append(Prop(light.z, painter, _pole_shade(light.x, light.z, 3.5)))
    if dice.chance(0.14):
        colour = dice.pick(((30, 84, 168), (24, 112, 72), (236, 236, 232)))
        gantry = Gantry(dice.number(14, 26), street.road + 0.8, 5.2, colour, dice.pick(_METALS))
        painter = partial(paint_gantry, gantry=gantry, dice=faces)
        plan.props.append(Prop(gantry.z, painter))


def _plan_fences(plan: Plan, dice: Dice) -> None:
    street = plan.street
    for side in (-1, 1):
        if dice.chance(0.55):  # before the houses
            kind, colour = dice.pick(FENCE_KINDS[:4]), dice.pick(_FENCES)
            height = dice.number(1.0, 1.8)
            x = street.front(side) - side * 0.05
            z0 = dice.number(2.0, 14.0)
            _add_fence(plan, x, z0, z0 + dice.number(8.0, 24.0), height, kind, colour)
        if dice.chance(0.4):  # along the kerb
            kind, colour = dice.pick(("railing", "railing", "mesh", "guard")), dice.pick(_FENCES)
            x = street.edge(side) + side * 0.3
            z0 = dice.number(3.0, 16.0)
            _add_fence(
                plan, x, z0, z0 + dice.number(6.0, 18.0), dice.number(0.8, 1.1), kind, colour
            )


def _add_fence(
    plan: Plan, x: float, start: float, end: float, height: float, kind: str, colour: Colour
) -> None:
    """A fence along the street, in pieces, so that people can stand before and behind it."""
    z = start
    while z < end:
        piece = Fence(x, z, x, min(z + 2.0, end), height, kind, colour)
        plan.props.append(Prop(piece.distance, partial(paint_fence, fence=piece)))
        z += 2.0


# What moves --------------------------------------------------------------------------------------


class _Places:
    """Keeps vehicles and people from standing in one another."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, float, float, float]] = []

    def take(self, x: float, z: float, half: tuple[float, float]) -> bool:
        """Whether the place was free; it is taken then."""
        box = (x - half[0], z - half[1], x + half[0], z + half[1])
        for other in self.taken:
            if box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]:
                return False
        self.taken.append(box)
        return True


def _plan_vehicles(plan: Plan, places: _Places, seed: int, crowd: float) -> None:
    street, dice, plates = plan.street, Dice(seed, "vehicles"), Dice(seed, "plates")

    def park(x: float, z: float, heading: str) -> None:
        vehicle = plan_vehicle(x, z, heading, dice)
        nearest = 5.5 + vehicle.reach[1]
        if z > nearest and places.take(x, z, (vehicle.reach[0], vehicle.reach[1] + 0.5)):
            painter = partial(paint_vehicle, vehicle=vehicle, dice=plates)
            plan.props.append(Prop(z - vehicle.reach[1] * 0.5, painter, vehicle.shade))

    for side in (-1, 1):
        if street.parking[(side + 1) // 2]:
            z = dice.number(7.0, 12.0)
            while z < 36.0:
                if dice.chance(1.1 * crowd):
                    heading = "ahead" if side > 0 or dice.chance(0.3) else "back"
                    park(street.edge(side) - side * 1.12, z, heading)
                z += dice.number(5.6, 7.0)
    for _ in range(dice.rate(9.0 * crowd)):
        side = dice.sign()
        lane = (street.road - street.parking[(side + 1) // 2]) * 0.5
        park(side * lane, dice.number(7.5, 34.0), "ahead" if side > 0 else "back")
    for _ in range(dice.rate(0.9 * crowd)):
        park(
            dice.number(-0.5, 0.5) * street.road,
            dice.number(9.0, 20.0),
            dice.pick(("left", "right")),
        )


def _plan_people(plan: Plan, places: _Places, seed: int, crowd: float, wet: bool) -> None:
    street, dice = plan.street, Dice(seed, "people")
    for _ in range(dice.rate(14.0 * crowd)):
        side = dice.sign()
        z = 6.0 + 15.0 * dice.number()
        near, far = street.edge(side) + side * 0.5, street.front(side) - side * 0.4
        x = near + (far - near) * dice.number()
        if street.crossings and dice.chance(0.4):
            x, z = (
                dice.number(-0.9, 0.9) * street.road,
                dice.pick(street.crossings) + dice.number(0.4, 2.4),
            )
        for number in range(dice.pick((1, 1, 1, 2, 2, 3))):
            child = number > 0 and dice.chance(0.35)
            away = z + dice.number(-0.3, 0.3) * number
            person = plan_person(x + 0.62 * number, away, child, wet, dice)
            if not places.take(person.x, away, (0.28, 0.22)):
                continue
            painter, span = partial(paint_person, person=person), (person.x - 1.0, person.x + 1.0)
            plan.props.append(Prop(away, painter, person.shade, span))


def _plan_riders(plan: Plan, places: _Places, seed: int, crowd: float) -> None:
    street, dice = plan.street, Dice(seed, "riders")
    for _ in range(dice.rate(4.5 * crowd)):
        for _ in range(4):  # tries to find a free place
            x, z, facing = _place_rider(street, dice)
            if places.take(x, z, (0.9, 0.3) if facing else (0.35, 0.9)):
                rider = plan_rider(x, z, facing, dice)
                painter = partial(paint_rider, rider=rider)
                plan.props.append(Prop(z, painter, rider.shade, (x - 1.5, x + 1.5)))
                break


def _place_rider(street: Street, dice: Dice) -> tuple[float, float, int]:
    """Where somebody rides, and which way: along the kerb, or across the road."""
    side, facing = dice.sign(), dice.pick((-1, 0, 0, 1))
    x = side * (street.road - dice.number(0.5, 1.2) - street.parking[(side + 1) // 2])
    if facing:
        x = dice.number(-0.8, 0.8) * (street.road + 2.0)
    return x, dice.number(5.5, 15.0), facing


def in_order(props: Sequence[Prop]) -> list[Prop]:
    """The farthest first."""
    return sorted(props, key=lambda prop: -prop.distance)
