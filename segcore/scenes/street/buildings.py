"""Houses along both sides of a street and across its end: how they are planned."""

from dataclasses import dataclass

import numpy as np

from segcore.scenes.street.canvas import Points
from segcore.scenes.street.dice import Dice
from segcore.scenes.street.ground import Shade, Street
from segcore.scenes.street.light import LEFTWARD, RIGHTWARD, TOWARDS, Colour, Vector, scale

_WALLS: tuple[Colour, ...] = (
    (158, 84, 64), (134, 72, 58), (178, 112, 82), (112, 62, 54),  # brick
    (226, 208, 172), (214, 184, 132), (204, 152, 122), (186, 196, 204), (232, 226, 214),  # plaster
    (160, 186, 160), (128, 152, 176), (216, 170, 168),
    (150, 150, 150), (128, 130, 134), (174, 172, 166), (104, 106, 112),  # concrete
)  # fmt: skip
_ROOFS: tuple[Colour, ...] = (
    (128, 66, 52),
    (92, 60, 54),
    (74, 78, 88),
    (96, 100, 108),
    (60, 62, 66),
)
_TRIMS: tuple[Colour, ...] = ((236, 232, 224), (246, 246, 244), (94, 76, 62), (62, 66, 70))
_SHOPS: tuple[Colour, ...] = (
    (168, 40, 44), (30, 92, 70), (36, 66, 128), (212, 160, 48), (70, 50, 84), (48, 48, 52),
    (196, 96, 44), (220, 216, 206),
)  # fmt: skip

FLOOR = 3.1  # metres


@dataclass(frozen=True)
class Wall:
    """An upright rectangle: a point is `along` metres from the corner and `up` above the ground."""

    x: float
    z: float
    run: tuple[float, float]  # the direction of "along" in X and Z
    length: float
    height: float
    normal: Vector

    def place(self, rectangles: Points, out: float = 0.0) -> Points:
        """Rectangles (M, 4: along0, up0, along1, up1), `out` metres before the wall, in space."""
        along = rectangles[:, (0, 2, 2, 0)]
        quads = np.empty((len(rectangles), 4, 3))
        quads[..., 0] = self.x + along * self.run[0] + out * self.normal[0]
        quads[..., 1] = rectangles[:, (1, 1, 3, 3)]
        quads[..., 2] = self.z + along * self.run[1] + out * self.normal[2]
        return quads

    @property
    def distance(self) -> float:
        """To its middle, but nearer for long walls, whose near part fills the picture."""
        return max(1.0, self.z) + 0.35 * self.length * self.run[1]


@dataclass(frozen=True)
class House:
    """A house with a front on the street.

    Attributes:
        front: the wall on the street.
        end: the wall that looks at the camera, or None where the front does.
        floors: number of storeys.
        wall, trim, roof, shop: colours.
        style: how the windows look: "sash", "wide", "strip" or "glass".
        pitched: whether the roof is pitched.
        ground: what is at street level: "shop", "door" or "arcade".
        balconies, cornice, awning, courses: whether it has them; courses are lines of bricks.
    """

    front: Wall
    end: Wall | None
    floors: int
    wall: Colour
    trim: Colour
    roof: Colour
    shop: Colour
    style: str
    pitched: bool
    ground: str
    balconies: bool
    cornice: bool
    awning: bool
    courses: bool

    @property
    def shade(self) -> Shade:
        front, depth = self.front, 9.0
        dx, dz = front.run[0] * front.length, front.run[1] * front.length
        back = (-front.normal[0] * depth, -front.normal[2] * depth)
        corners = [(0.0, 0.0), (dx, dz), (dx + back[0], dz + back[1]), back]
        return Shade(np.array(corners) + np.array([front.x, front.z]), 0.0, front.height)


def plan_houses(street: Street, dice: Dice) -> list[House]:
    """The houses of both sides and those across the end."""
    houses: list[House] = []
    for side in (-1, 1):
        z = dice.number(-4.0, 3.0)
        setback = dice.pick((0.0, 0.0, 0.0, 2.5))
        taste = dice.whole(0, 2)  # neighbours resemble each other
        while z < street.end - 6.0:
            length = dice.number(6.5, 17.0)
            x = street.front(side) + side * setback
            if not dice.chance(0.17) or z < 1.0:
                houses.append(_plan_house(x, z, side, length, taste, dice))
            z += length + (0.0 if dice.chance(0.8) else dice.number(0.8, 3.0))
    return houses + (_plan_row(street, dice) if street.closed else [])


def _plan_row(street: Street, dice: Dice) -> list[House]:
    """Houses across the end of the street, which look at the camera."""
    row: list[House] = []
    x = -70.0
    while x < 70.0:
        length = dice.number(8.0, 18.0)
        if not dice.chance(0.1):
            row.append(_plan_house(x, street.end + 9.0, 0, length, dice.whole(0, 2), dice))
        x += length
    return row


def _plan_house(x: float, z: float, side: int, length: float, taste: int, dice: Dice) -> House:
    floors = dice.whole(*((2, 3), (3, 5), (3, 8))[taste])
    height = floors * FLOOR + dice.number(0.6, 1.4)
    end = None
    if side == 0:
        front = Wall(x, z, (1.0, 0.0), length, height, TOWARDS)
    else:
        normal = RIGHTWARD if side < 0 else LEFTWARD
        front = Wall(x, z, (0.0, 1.0), length, height, normal)
        end = Wall(x, z, (float(side), 0.0), dice.number(8, 11), height, TOWARDS)
    wall = scale(dice.pick(_WALLS), dice.number(0.82, 1.12))
    modern = taste == 2 and dice.chance(0.6)
    return House(
        front,
        end,
        floors,
        wall,
        trim=dice.pick(_TRIMS),
        roof=scale(dice.pick(_ROOFS), dice.number(0.9, 1.15)),
        shop=dice.pick(_SHOPS),
        style=dice.pick(("strip", "glass", "wide")) if modern else dice.pick(("sash", "wide")),
        pitched=not modern and dice.chance(0.65),
        ground=dice.pick(("shop", "shop", "door", "arcade"))
        if taste
        else dice.pick(("shop", "door")),
        balconies=dice.chance(0.3),
        cornice=dice.chance(0.6),
        awning=dice.chance(0.45),
        courses=dice.chance(0.4),
    )
