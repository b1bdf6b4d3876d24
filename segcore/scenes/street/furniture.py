"""Poles, lamps, signs, traffic lights and fences."""

from dataclasses import dataclass

import numpy as np

from segcore.scenes.street.canvas import FENCE, POLE, SIGN, Canvas, Points
from segcore.scenes.street.dice import Dice
from segcore.scenes.street.light import LEFTWARD, RIGHTWARD, TOWARDS, Colour, mix, scale

_RED: Colour = (196, 30, 36)
_BLUE: Colour = (30, 84, 168)
_WHITE: Colour = (236, 236, 232)
_GREEN: Colour = (24, 112, 72)
_YELLOW: Colour = (240, 196, 40)
_BLACK: Colour = (36, 36, 38)
_METALS: tuple[Colour, ...] = (
    (128, 132, 136),
    (92, 98, 102),
    (58, 64, 62),
    (150, 152, 150),
    (70, 84, 78),
)
SIGN_KINDS = (
    "limit",
    "no_entry",
    "blue",
    "triangle",
    "parking",
    "stop",
    "board",
    "yield",
    "priority",
)
FENCE_KINDS = ("railing", "boards", "wall", "mesh", "guard")


def _upright(canvas: Canvas, x: float, z: float, low: float, high: float, half: float,
             colour: Colour) -> None:  # fmt: skip
    """A thin post with a lit and a shaded half."""
    light = canvas.light
    canvas.fill(
        [(x - half, low, z), (x + half, low, z), (x + half, high, z), (x - half, high, z)],
        light.lit(colour, distance=z),
    )
    side = 1.0 if light.direction[0] > 0 else -1.0
    canvas.fill(
        [(x, low, z), (x - side * half, low, z), (x - side * half, high, z), (x, high, z)],
        light.lit(scale(colour, 0.68), distance=z),
    )


@dataclass(frozen=True)
class Lamp:
    """A street lamp whose arm reaches towards the road."""

    x: float
    z: float
    height: float
    arm: float  # signed length
    metal: Colour


def paint_lamp(canvas: Canvas, lamp: Lamp) -> None:
    canvas.mark = POLE
    x, z, top = lamp.x, lamp.z, lamp.height
    _upright(canvas, x, z, 0.0, top, 0.13, lamp.metal)
    _upright(canvas, x, z, 0.0, 0.9, 0.18, lamp.metal)
    tip = x + lamp.arm
    seen = canvas.light.lit(lamp.metal, distance=z)
    arm = [(x, top - 0.16, z), (tip, top + 0.1, z), (tip, top + 0.22, z), (x, top, z)]
    canvas.fill(arm, seen)
    reach = 0.42 if lamp.arm >= 0 else -0.42
    low, high = (tip - reach, top - 0.04, z), (tip + reach, top + 0.02, z)
    rim = [(tip + reach, top + 0.26, z), (tip - reach, top + 0.26, z)]
    canvas.fill([low, high, *rim], seen)
    if canvas.light.lamps_on:
        bulb = [low, high, (tip + reach * 0.8, top + 0.16, z), (tip - reach, top + 0.14, z)]
        canvas.fill(bulb, canvas.light.glowing((255, 232, 170), z))


def paint_bollard(canvas: Canvas, x: float, z: float, colour: Colour) -> None:
    canvas.mark = POLE
    _upright(canvas, x, z, 0.0, 1.0, 0.13, colour)
    if canvas.camera.size(0.26, z) > 1.2:
        ring = [(x - 0.13, 0.72, z), (x + 0.13, 0.72, z), (x + 0.13, 0.86, z), (x - 0.13, 0.86, z)]
        canvas.fill(ring, canvas.light.lit(_WHITE, distance=z))


# Signs -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sign:
    """A sign on a post: its middle is `height` metres up, `size` metres across."""

    x: float
    z: float
    height: float
    size: float
    kind: str
    metal: Colour


def paint_sign(canvas: Canvas, sign: Sign, dice: Dice) -> None:
    canvas.mark = POLE
    _upright(canvas, sign.x, sign.z, 0.0, sign.height + 0.3, 0.085, sign.metal)
    with canvas.thing(SIGN):
        _paint_face(canvas, sign, dice)


def _face(sign: Sign, corners: int, share: float, turn: float = 0.0) -> Points:
    """A regular polygon on a sign's face."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + turn
    radius = sign.size / 2 * share
    x = sign.x + radius * np.cos(angles)
    y = sign.height + radius * np.sin(angles)
    return np.stack([x, y, np.full(corners, sign.z)], 1)


_FACES: dict[str, tuple[tuple[int, float, float, Colour], ...]] = {
    "limit": ((20, 1.0, 0.0, _RED), (20, 0.76, 0.0, _WHITE)),
    "no_entry": ((20, 1.0, 0.0, _WHITE), (20, 0.94, 0.0, _RED)),
    "blue": ((20, 1.0, 0.0, _WHITE), (20, 0.93, 0.0, _BLUE)),
    "triangle": ((3, 1.25, np.pi / 2, _RED), (3, 0.8, np.pi / 2, _WHITE)),
    "yield": ((3, 1.25, -np.pi / 2, _RED), (3, 0.72, -np.pi / 2, _WHITE)),
    "parking": ((4, 1.3, np.pi / 4, _WHITE), (4, 1.2, np.pi / 4, _BLUE)),
    "stop": ((8, 1.06, np.pi / 8, _WHITE), (8, 0.98, np.pi / 8, _RED)),
    "priority": ((4, 1.15, 0.0, _WHITE), (4, 0.9, 0.0, _YELLOW)),
}


def _paint_face(canvas: Canvas, sign: Sign, dice: Dice) -> None:
    light = canvas.light
    if sign.kind == "board":
        colour = dice.pick((_BLUE, _GREEN, _WHITE, _YELLOW))
        paint_board(canvas, sign.x, sign.z, sign.height, (1.7, 0.95), colour, dice)
        return
    for corners, share, turn, colour in _FACES[sign.kind]:
        canvas.fill_many(
            _face(sign, corners, share, turn)[None], light.lit(colour, TOWARDS, sign.z)
        )
    if canvas.camera.size(sign.size, sign.z) > 6.0:
        _paint_symbol(canvas, sign)


# Bars (left, bottom, right, top) as shares of the sign's size.
_SYMBOLS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "limit": ((-0.2, -0.16, -0.04, 0.16), (0.05, -0.16, 0.2, 0.16)),
    "no_entry": ((-0.34, -0.08, 0.34, 0.08),),
    "blue": ((-0.06, -0.3, 0.06, 0.1), (-0.2, 0.02, 0.2, 0.12)),
    "triangle": ((-0.05, -0.12, 0.05, 0.22), (-0.05, -0.24, 0.05, -0.16)),
    "parking": (
        (-0.18, -0.3, -0.06, 0.3),
        (-0.1, 0.18, 0.18, 0.3),
        (0.08, 0.0, 0.2, 0.26),
        (-0.1, -0.04, 0.18, 0.06),
    ),
    "stop": ((-0.36, -0.12, -0.2, 0.12), (-0.14, -0.12, 0.02, 0.12), (0.08, -0.12, 0.34, 0.12)),
}


def _paint_symbol(canvas: Canvas, sign: Sign) -> None:
    """What stands on a sign, in a few strokes."""
    dark = sign.kind in ("limit", "triangle")
    colour = canvas.light.lit(_BLACK if dark else _WHITE, TOWARDS, sign.z)
    x, y, z, unit = sign.x, sign.height, sign.z, sign.size
    bars = _SYMBOLS.get(sign.kind, ())
    for x0, y0, x1, y1 in bars:
        _paint_box(
            canvas, (x + x0 * unit, x + x1 * unit), (y + y0 * unit, y + y1 * unit), z, colour
        )


def _paint_box(
    canvas: Canvas, across: tuple[float, float], up: tuple[float, float], z: float, seen: Colour
) -> None:
    """A rectangle that faces the camera."""
    (x0, x1), (y0, y1) = across, up
    canvas.fill([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)], seen)


def paint_board(
    canvas: Canvas,
    x: float,
    z: float,
    y: float,
    size: tuple[float, float],
    colour: Colour,
    dice: Dice,
) -> None:
    """A direction board with lines of writing and arrows."""
    light = canvas.light
    half, tall = size[0] / 2, size[1] / 2
    ink = _BLACK if min(colour) > 20 and sum(colour) > 400 else _WHITE
    for margin, tone in ((0.0, ink), (0.05, colour)):
        across = (x - half + margin, x + half - margin)
        up = (y - tall + margin, y + tall - margin)
        _paint_box(canvas, across, up, z, light.lit(tone, TOWARDS, z))
    seen = light.lit(ink, TOWARDS, z)
    rows = max(1, int(size[1] / 0.42))
    for row in range(rows):
        middle = y + tall - (row + 0.5) * size[1] / rows
        end = x - half + 0.25 + (size[0] - 0.9) * dice.number(0.4, 1.0)
        _paint_box(canvas, (x - half + 0.2, end), (middle - 0.08, middle + 0.08), z, seen)
        tip, back = x + half - 0.15, x + half - 0.4
        arrow = [(tip, middle, z), (back, middle + 0.15, z), (back, middle - 0.15, z)]
        canvas.fill(arrow, seen)


@dataclass(frozen=True)
class Gantry:
    """Two posts and a beam over the road, with boards."""

    z: float
    half: float
    height: float
    colour: Colour
    metal: Colour


def paint_gantry(canvas: Canvas, gantry: Gantry, dice: Dice) -> None:
    canvas.mark = POLE
    z, top = gantry.z, gantry.height
    for side in (-1, 1):
        _upright(canvas, side * gantry.half, z, 0.0, top + 0.3, 0.15, gantry.metal)
    beam = canvas.light.lit(gantry.metal, distance=z)
    _paint_box(canvas, (-gantry.half, gantry.half), (top, top + 0.3), z, beam)
    for x in (-0.5 * gantry.half, 0.5 * gantry.half):
        with canvas.thing(SIGN):
            size = (0.72 * gantry.half, 1.9)
            paint_board(canvas, x, z, top + 0.2, size, gantry.colour, dice)


@dataclass(frozen=True)
class TrafficLight:
    """Traffic lights on a post; `lit` is 0 for red, 1 for amber, 2 for green."""

    x: float
    z: float
    height: float
    lit: int
    metal: Colour


_BULBS: tuple[Colour, ...] = ((250, 60, 48), (255, 190, 50), (70, 240, 130))
_CORNERS = np.linspace(0, 2 * np.pi, 10, endpoint=False)
_DISC = np.stack([np.cos(_CORNERS), np.sin(_CORNERS), _CORNERS * 0], 1)  # looks at the camera


def paint_traffic_light(canvas: Canvas, light: TrafficLight) -> None:
    canvas.mark = POLE
    x, z, top = light.x, light.z, light.height
    _upright(canvas, x, z, 0.0, top, 0.11, light.metal)
    with canvas.thing(SIGN):
        for half, edge, tone in ((0.24, 0.05, (20, 20, 22)), (0.19, 0.0, (52, 54, 56))):
            up = (top - 0.05 - edge, top + 1.11 + edge)
            _paint_box(canvas, (x - half, x + half), up, z, canvas.light.lit(tone, TOWARDS, z))
        for place, colour in enumerate(_BULBS):
            if place == light.lit:
                seen = canvas.light.glowing(colour, z)
            else:
                seen = canvas.light.lit(scale(colour, 0.25), TOWARDS, z)
            disc = 0.14 * _DISC + np.array([x, top + 0.9 - 0.35 * place, z])
            canvas.fill_many(disc[None], seen)


# Fences ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fence:
    """A piece of fence from (x0, z0) to (x1, z1)."""

    x0: float
    z0: float
    x1: float
    z1: float
    height: float
    kind: str
    colour: Colour

    @property
    def distance(self) -> float:
        return (self.z0 + self.z1) / 2

    def panel(self, low: float, high: float, start: float = 0.0, end: float = 1.0) -> Points:
        """A quadrilateral (4, 3) between two shares of the height and two of the length."""
        xs = (self.x0 + (self.x1 - self.x0) * start, self.x0 + (self.x1 - self.x0) * end)
        zs = (self.z0 + (self.z1 - self.z0) * start, self.z0 + (self.z1 - self.z0) * end)
        y0, y1 = low * self.height, high * self.height
        return np.array(
            [(xs[0], y0, zs[0]), (xs[1], y0, zs[1]), (xs[1], y1, zs[1]), (xs[0], y1, zs[0])]
        )


def paint_fence(canvas: Canvas, fence: Fence) -> None:
    canvas.mark = FENCE
    across = abs(fence.x1 - fence.x0) > abs(fence.z1 - fence.z0)
    normal = TOWARDS if across else (RIGHTWARD if fence.x0 < 0 else LEFTWARD)
    away = fence.distance
    seen = canvas.light.lit(fence.colour, normal, away)
    dark = canvas.light.lit(scale(fence.colour, 0.62), normal, away)
    length = max(abs(fence.x1 - fence.x0), abs(fence.z1 - fence.z0))
    if fence.kind in ("railing", "mesh"):
        canvas.tint(fence.panel(0.04, 1.0), dark, 0.5 if fence.kind == "mesh" else 0.55)
        _paint_pales(canvas, fence, length, 0.16 if fence.kind == "railing" else 0.5, 0.2, seen)
        for low in (0.04, 0.92) if fence.kind == "railing" else (0.04, 0.35, 0.65, 0.94):
            canvas.fill_many(fence.panel(low, low + 0.07)[None], seen)
    elif fence.kind == "boards":
        canvas.fill_many(fence.panel(0.0, 1.0)[None], dark)
        _paint_pales(canvas, fence, length, 0.22, 0.74, seen)
    elif fence.kind == "wall":
        canvas.fill_many(fence.panel(0.0, 1.0)[None], seen)
        canvas.fill_many(fence.panel(0.46, 0.5)[None], dark)
        cap = canvas.light.lit(mix(fence.colour, (220, 216, 206), 0.55), normal, away)
        canvas.fill_many(fence.panel(0.9, 1.06)[None], cap)
    else:  # a guard rail
        canvas.tint(fence.panel(0.0, 0.6), dark, 0.6)
        _paint_pales(canvas, fence, length, 1.0, 0.12, dark)
        canvas.fill_many(fence.panel(0.55, 1.0)[None], seen)
        canvas.fill_many(fence.panel(0.74, 0.8)[None], dark)


def _paint_pales(
    canvas: Canvas, fence: Fence, length: float, pitch: float, share: float, seen: Colour
) -> None:
    """Upright pales as far as they can be told apart."""
    if canvas.camera.size(pitch, fence.distance) < 0.8:
        return
    count = max(1, round(length / pitch))
    starts = np.arange(count) / count
    canvas.fill_many(np.stack([fence.panel(0.0, 1.0, s, s + share / count) for s in starts]), seen)
