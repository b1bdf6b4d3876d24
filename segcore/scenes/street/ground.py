"""Road and pavements: surface, joints, lane marks, crossings, shadows, pools of lamplight."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from segcore.scenes.street.canvas import OVERSAMPLING, PAVEMENT, ROAD, Canvas, Points
from segcore.scenes.street.dice import Dice
from segcore.scenes.street.light import UPWARD, Colour, mix, scale

FAR = 400.0  # metres; where the ground ends for a camera
_PIECES = (1.0, 12.0, 20.0, 28.0, 38.0, 50.0, 66.0, 90.0, 130.0, FAR)  # each has one haze
_DETAIL = 45.0  # metres; beyond, joints and patches are less than a pixel
_GRAIN = 12.0  # texture pixels in a metre
_TILE = 256  # size of the texture, which repeats
_TURNS = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURNS), _TURNS * 0, np.sin(_TURNS)], 1)  # lies on the ground
_UNIT = 100  # value of the shade map that leaves a colour as it is


@dataclass(frozen=True)
class Street:
    """The plan of a street: widths in metres, distances ahead in metres.

    Attributes:
        road: half the width of the road.
        left, right: width of the pavements.
        kerb: width of the kerb stones.
        parking: width of the parking lane on each side, 0 where there is none.
        crossings: where zebra crossings begin.
        end: distance at which houses or trees close the view.
        closed: whether houses do so.
    """

    road: float
    left: float
    right: float
    kerb: float
    parking: tuple[float, float]
    crossings: tuple[float, ...]
    end: float
    closed: bool

    def edge(self, side: int) -> float:
        """X of the kerb on the left (-1) or the right (+1)."""
        return side * self.road

    def front(self, side: int) -> float:
        """X of the line that houses or their gardens begin at."""
        return side * (self.road + (self.left if side < 0 else self.right))


@dataclass(frozen=True)
class Shade:
    """What casts a shadow: a footprint (N, 2) of X and Z, from `low` to `high` metres up."""

    footprint: Points
    low: float
    high: float


def flat(rectangles: Sequence[tuple[float, float, float, float]] | Points) -> Points:
    """Rectangles (x0, z0, x1, z1) as quadrilaterals (M, 4, 3) on the ground."""
    x0, z0, x1, z1 = np.asarray(rectangles, np.float64).reshape(-1, 4).T
    quads = np.zeros((len(x0), 4, 3))
    quads[:, :, 0] = np.stack([x0, x1, x1, x0], 1)
    quads[:, :, 2] = np.stack([z0, z0, z1, z1], 1)
    return quads


def paint_ground(canvas: Canvas, street: Street, dice: Dice) -> None:
    """Fills everything below the horizon."""
    canvas.mark = PAVEMENT
    far = canvas.light.lit((120, 120, 116), UPWARD, FAR)
    canvas.pixels[canvas.horizon :] = (*far, PAVEMENT)
    asphalt, paving = _surfaces(dice)
    canvas.mark = PAVEMENT
    _strip(canvas, -FAR, FAR, paving)
    _paint_joints(canvas, street, paving, dice)
    canvas.mark = ROAD
    _strip(canvas, -street.road, street.road, asphalt)
    _paint_patches(canvas, street, asphalt, dice)
    _paint_marks(canvas, street, asphalt, dice)
    canvas.mark = PAVEMENT
    kerb = mix(paving, (200, 200, 196), 0.45)
    for side in (-1, 1):
        x0, x1 = sorted((street.edge(side), street.edge(side) + side * street.kerb))
        _strip(canvas, x0, x1, kerb)


def _surfaces(dice: Dice) -> tuple[Colour, Colour]:
    """Colours of the road and of the pavement; either may be the brighter one."""
    grey = dice.number(78, 146)
    asphalt = (grey + dice.number(-6, 10), grey + dice.number(-4, 4), grey + dice.number(-8, 12))
    stones = dice.pick(
        ((168, 160, 150), (150, 148, 146), (172, 150, 128), (150, 108, 92), (118, 116, 118))
    )
    return asphalt, scale(stones, dice.number(0.85, 1.15))


def _strip(canvas: Canvas, x0: float, x1: float, colour: Colour) -> None:
    """A strip of ground from the camera to the horizon, in pieces that fade with distance."""
    for z0, z1 in pairwise(_PIECES):
        seen = canvas.light.lit(colour, UPWARD, (z0 + min(z1, 200.0)) / 2)
        canvas.fill_many(flat([(x0, z0, x1, z1)]), seen)


def _paint_joints(canvas: Canvas, street: Street, paving: Colour, dice: Dice) -> None:
    """The gaps between the slabs of both pavements, and a bright slab here and there."""
    step = dice.pick((0.9, 1.2, 1.8, 3.0))
    z = np.arange(1.0, _DETAIL * 0.7, step)
    dark = canvas.light.lit(scale(paving, 0.8), UPWARD, 8.0)
    for side in (-1, 1):
        x0, x1 = sorted((street.edge(side), street.front(side)))
        canvas.fill_many(
            flat(np.stack([z * 0 + x0, z, z * 0 + x1, z + 0.035 + z * 0.002], 1)), dark
        )
        columns = np.arange(x0, x1, step)
        canvas.fill_many(
            flat([(x, 1.0, x + 0.04, _DETAIL * 0.5) for x in columns]),
            dark,
        )


def _paint_patches(canvas: Canvas, street: Street, asphalt: Colour, dice: Dice) -> None:
    """Repairs, tyre tracks, manhole covers and cracks."""
    for _ in range(dice.whole(2, 6)):
        x, z = dice.number(-street.road, street.road - 1.5), dice.number(3, _DETAIL)
        width, length = dice.number(0.6, 2.2), dice.number(1.0, 7.0)
        patch = scale(asphalt, dice.number(0.78, 1.16))
        right = min(x + width, street.road)
        canvas.fill_many(
            flat([(x, z, right, z + length)]), canvas.light.lit(patch, UPWARD, z + length / 2)
        )
    for _ in range(dice.whole(1, 4)):
        x, z = dice.number(-0.8, 0.8) * street.road, dice.number(4, 26)
        for radius, tone in ((0.42, 0.62), (0.34, 0.8)):
            ring = _CIRCLE * radius + (x, 0.0, z)
            canvas.fill_many(ring[None], canvas.light.lit(scale(asphalt, tone), UPWARD, z))
    for _ in range(dice.whole(0, 3)):
        _paint_crack(canvas, street, asphalt, dice)


def _paint_crack(canvas: Canvas, street: Street, asphalt: Colour, dice: Dice) -> None:
    x, z = dice.number(-0.8, 0.8) * street.road, dice.number(3, 10)
    dark = canvas.light.lit(scale(asphalt, 0.62), UPWARD, z)
    for _ in range(dice.whole(4, 9)):
        x1 = min(max(x + dice.number(-0.5, 0.5), -street.road), street.road - 0.05)
        z1 = z + dice.number(0.4, 1.4)
        canvas.fill([(x, 0, z), (x + 0.05, 0, z), (x1 + 0.05, 0, z1), (x1, 0, z1)], dark)
        x, z = x1, z1


def _paint_marks(canvas: Canvas, street: Street, asphalt: Colour, dice: Dice) -> None:
    """Middle line, edge lines, zebra crossings with stop lines, parking bays."""
    paint = mix(asphalt, dice.pick(((238, 238, 232), (238, 238, 232), (236, 196, 72))), 0.82)
    style = dice.pick(("dashed", "dashed", "double", "none"))
    half = 0.08
    if style == "dashed":
        starts = np.arange(dice.number(0, 6), 150.0, dice.pick((6.0, 8.0, 9.0)))
        for z in starts[np.diff(starts, prepend=-9) > 0]:
            if not any(-4 < z - crossing < 5 for crossing in street.crossings):
                _mark(canvas, (-half, z, half, z + 3.4), paint)
    elif style == "double":
        for x in (-0.2, 0.08):
            _long_mark(canvas, x, x + 0.12, paint)
    white = mix(asphalt, (236, 236, 232), 0.8)
    if dice.chance(0.5):
        for side in (-1, 1):
            x = street.edge(side) - side * (0.3 + street.parking[(side + 1) // 2])
            _long_mark(canvas, x - 0.06, x + 0.06, white)
    for side in (-1, 1):
        _paint_bays(canvas, street, side, white)
    for crossing in street.crossings:
        _paint_zebra(canvas, street, crossing, white, dice)


def _mark(canvas: Canvas, rectangle: tuple[float, float, float, float], paint: Colour) -> None:
    seen = canvas.light.lit(paint, UPWARD, (rectangle[1] + rectangle[3]) / 2)
    canvas.fill_many(flat([rectangle]), seen)


def _long_mark(canvas: Canvas, x0: float, x1: float, paint: Colour) -> None:
    for z0, z1 in ((1.0, 14.0), (14.0, 40.0), (40.0, 140.0)):
        _mark(canvas, (x0, z0, x1, z1), paint)


def _paint_bays(canvas: Canvas, street: Street, side: int, white: Colour) -> None:
    width = street.parking[(side + 1) // 2]
    if width:
        x0, x1 = sorted((street.edge(side), street.edge(side) - side * width))
        z = np.arange(2.0, 60.0, 6.0)
        bays = np.stack([z * 0 + x0, z, z * 0 + x1, z + 0.14], 1)
        canvas.fill_many(flat(bays), canvas.light.lit(white, UPWARD, 20.0))


def _paint_zebra(canvas: Canvas, street: Street, z: float, white: Colour, dice: Dice) -> None:
    length = dice.number(2.6, 3.6)
    x = np.arange(-street.road + 0.3, street.road - 0.4, 1.0)
    bars = np.stack([x, x * 0 + z, x + 0.5, x * 0 + z + length], 1)
    canvas.fill_many(flat(bars), canvas.light.lit(white, UPWARD, z))
    _mark(canvas, (0.1, z - 1.4, street.road - 0.1, z - 1.05), white)


# Shade -------------------------------------------------------------------------------------------


def cast(shade: Shade, sun: tuple[float, float, float]) -> Points:
    """The outline (N, 3) on the ground of a shadow."""
    steep = max(sun[1], 0.25)  # no shadow is longer than four times what casts it
    shift = np.array([-sun[0], -sun[2]]) / steep
    corners = np.concatenate(
        [shade.footprint + shift * shade.low, shade.footprint + shift * shade.high]
    )
    outline = cv2.convexHull(corners.astype(np.float32))[:, 0].astype(np.float64)
    return np.stack([outline[:, 0], outline[:, 0] * 0, outline[:, 1]], 1)


def shade_ground(
    canvas: Canvas, shades: Sequence[Shade], lamps: Sequence[tuple[float, float]], dice: Dice
) -> None:
    """Multiplies the ground with its texture, the shadows on it and the light of lamps (x, z)."""
    top = canvas.horizon // OVERSAMPLING
    ground = canvas.pixels[top * OVERSAMPLING :]
    if not len(ground):
        return
    # All of it is soft, so that the size of the image is fine enough.
    light, unit = canvas.light, canvas.scale / OVERSAMPLING
    shadows = canvas.silhouette([cast(shade, light.direction) for shade in shades])[top:]
    feet = [np.insert(shade.footprint, 1, 0.0, axis=1) for shade in shades if shade.low < 0.5]
    contacts = canvas.silhouette(feet)[top:]
    softness = (0.4 if light.weather == "clear" else 1.2) * unit
    dark = cv2.GaussianBlur(shadows, (0, 0), softness) * np.float32(light.shadow / 255)
    touch = cv2.GaussianBlur(contacts, (0, 0), 0.7 * unit) * np.float32(0.45 / 255)
    surface = _texture(canvas, top, dice) * (1 - dark) * (1 - touch)
    pools = _lamp_pools(canvas, lamps, top)
    # A shadow is blue, since the sky still shines into it; lamplight is yellow.
    tones = ((0.0, 1.5), (0.02, 1.2), (0.07, 0.7))
    channels = [(surface + dark * blue + pools * warm) * _UNIT for blue, warm in tones]
    factors = cv2.convertScaleAbs(cv2.merge([*channels, np.full_like(surface, _UNIT)]))
    large = cv2.resize(factors, ground.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    cv2.multiply(ground, large, ground, 1 / _UNIT)


def _lamp_pools(
    canvas: Canvas, lamps: Sequence[tuple[float, float]], top: int
) -> npt.NDArray[np.float32]:
    """Extra light, about 0 to 1, under the lamps."""
    if not lamps:
        return np.zeros((1, 1), np.float32)
    rings = [_CIRCLE * 3.2 + (x, 0.0, z) for x, z in lamps]
    mask = canvas.silhouette(rings)[top:]
    small = cv2.resize(mask, (max(1, mask.shape[1] // 2), max(1, mask.shape[0] // 2)))
    soft = cv2.GaussianBlur(small, (0, 0), max(0.5, canvas.scale * 0.9))
    return cv2.resize(soft, mask.shape[::-1]).astype(np.float32) / 255


def _texture(canvas: Canvas, top: int, dice: Dice) -> npt.NDArray[np.float32]:
    """Grain and stains of the ground in perspective, around 1, at the size of the image."""
    grains = cv2.GaussianBlur(dice.normal(_TILE, _TILE), (0, 0), 0.8)
    stains = cv2.resize(dice.normal(16, 16), (_TILE, _TILE), interpolation=cv2.INTER_CUBIC)
    tile = cv2.convertScaleAbs(128 + 13 * grains + 9 * stains)
    camera, unit = canvas.camera, canvas.scale / OVERSAMPLING
    left, first = (canvas.origin + 0.5) / OVERSAMPLING - 0.5
    # From a pixel to the frame, and from the frame to the ground.
    to_frame = np.array(
        [[1 / unit, 0, -left / unit], [0, 1 / unit, (top - first) / unit], [0, 0, 1]]
    )
    to_ground = np.array(
        [
            [camera.height, camera.x, -camera.height * camera.u - camera.x * camera.v],
            [0, 0, camera.focal * camera.height],
            [0, 1, -camera.v],
        ]
    )
    height, width = (
        canvas.pixels.shape[0] // OVERSAMPLING - top,
        canvas.pixels.shape[1] // OVERSAMPLING,
    )
    warped = cv2.warpPerspective(
        tile,
        np.diag([_GRAIN, _GRAIN, 1.0]) @ to_ground @ to_frame,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_WRAP,
    )
    # Far away a pixel sees many grains, so that their mean is left.
    below = (np.arange(height, dtype=np.float32) + np.float32(top - first)) / np.float32(unit)
    weight = np.clip((below - np.float32(camera.v)) / 60, 0, 1)[:, None] / 128
    return 1 + (warped.astype(np.float32) - 128) * weight
