"""How a house is painted: walls, roofs, windows, balconies, shops and doors."""

from itertools import pairwise

import numpy as np

from segcore.scenes.street.buildings import FLOOR, House, Wall
from segcore.scenes.street.canvas import BUILDING, Canvas, Points
from segcore.scenes.street.dice import Dice, Numbers
from segcore.scenes.street.ground import FAR
from segcore.scenes.street.light import TOWARDS, Colour, mix, scale

_GLASS: Colour = (70, 88, 106)
_LAMPLIGHT: tuple[Colour, ...] = (
    (255, 214, 132),
    (255, 196, 104),
    (250, 232, 186),
    (226, 236, 255),
)


def paint_house(canvas: Canvas, house: House, dice: Dice) -> None:
    """Draws a house with all that belongs to it."""
    if not _is_seen(canvas, house):
        return
    canvas.mark = BUILDING
    if house.end is not None:
        _paint_end(canvas, house, house.end)
    if house.pitched:
        _paint_roof(canvas, house)
    _paint_wall(canvas, house)
    _paint_windows(canvas, house, dice)
    {"shop": _paint_shop, "door": _paint_doors, "arcade": _paint_arcade}[house.ground](
        canvas, house, dice
    )


def _is_seen(canvas: Canvas, house: House) -> bool:
    """Whether the far corner of its front, which comes into the frame first, is in the frame."""
    if house.end is None:
        return True
    front = house.front
    inner = front.x + 1.2 * front.normal[0]  # awnings and balconies stand out
    outer = inner + house.end.run[0] * FAR
    return canvas.camera.sees(min(inner, outer), max(inner, outer), front.z + front.length)


def _paint_wall(canvas: Canvas, house: House) -> None:
    front = house.front
    _stripes(canvas, front, house.wall, np.array([[0.0, 0.0, front.length, front.height]]))
    lit = canvas.light.lit
    plinth = front.place(np.array([(0.0, 0.0, front.length, 0.5)]))
    canvas.fill_many(plinth, lit(scale(house.wall, 0.72), front.normal, front.distance))
    if house.courses and canvas.camera.size(1.0, front.distance) > 9.0:
        up = np.arange(0.7, front.height - 0.3, 0.3)
        rows = np.stack([up * 0, up, up * 0 + front.length, up + 0.05], 1)
        canvas.fill_many(
            front.place(rows), lit(scale(house.wall, 0.86), front.normal, front.distance)
        )
    if house.cornice:
        tone = lit(mix(house.wall, house.trim, 0.7), front.normal, front.distance)
        top = [(0.0, front.height - 0.45, front.length, front.height)]
        canvas.fill_many(front.place(np.array(top), 0.0), tone)
        under = [(0.0, front.height - 0.6, front.length, front.height - 0.45)]
        canvas.fill_many(
            front.place(np.array(under)), lit(scale(house.wall, 0.6), front.normal, front.distance)
        )
        floor = FLOOR * 1.05
        canvas.fill_many(front.place(np.array([(0.0, floor, front.length, floor + 0.22)])), tone)


def _stripes(canvas: Canvas, wall: Wall, colour: Colour, rectangle: Points) -> None:
    """A wall in pieces along the street, each with the haze of its own distance."""
    near, far = max(1.0, wall.z), wall.z + wall.length * wall.run[1]
    pieces = 1 if far - near < 1.0 else max(1, min(4, round((far - near) / (0.25 * near + 2.0))))
    cuts = np.linspace(near, far, pieces + 1)
    for z0, z1 in pairwise(cuts):
        part = rectangle.copy()
        if wall.run[1]:
            part[:, 0], part[:, 2] = z0 - wall.z, z1 - wall.z
        seen = canvas.light.lit(colour, wall.normal, float(z0 + z1) / 2)
        canvas.fill_many(wall.place(part), seen)


def _paint_end(canvas: Canvas, house: House, end: Wall) -> None:
    """The side wall, with its gable and a few small windows."""
    if end.z < 1.0:
        return
    lit = canvas.light.lit
    tone = lit(scale(house.wall, 0.94), TOWARDS, end.z)
    canvas.fill_many(end.place(np.array([(0.0, 0.0, end.length, end.height)])), tone)
    if house.pitched:
        middle, ridge = end.length / 2, end.height + 0.36 * end.length
        gable = [
            (end.x, end.height, end.z),
            (end.x + end.run[0] * end.length, end.height, end.z),
            (end.x + end.run[0] * middle, ridge, end.z),
        ]
        canvas.fill(gable, tone)
    if canvas.camera.size(1.0, end.z) > 4.0:
        floors = np.arange(1, house.floors) * FLOOR
        windows = np.stack([floors * 0 + 3.2, floors + 1.0, floors * 0 + 4.2, floors + 2.3], 1)
        canvas.fill_many(end.place(windows), lit(scale(_GLASS, 0.7), TOWARDS, end.z))


def _paint_roof(canvas: Canvas, house: House) -> None:
    front = house.front
    depth = house.end.length / 2 if house.end is not None else 4.5
    rise = 0.72 * depth
    inward = (-front.normal[0] * depth, -front.normal[2] * depth)
    eaves = front.place(np.array([(0.0, front.height, front.length, front.height)]))[0, :2]
    # Eaves that stand out a little, with a gutter.
    eaves = eaves + np.array([front.normal[0], 0.0, front.normal[2]]) * 0.35
    ridge = eaves[::-1] + np.array([inward[0], rise, inward[1]])
    slope = (front.normal[0] * 0.6, 0.8, front.normal[2] * 0.6)
    canvas.fill_many(
        np.concatenate([eaves, ridge])[None], canvas.light.lit(house.roof, slope, front.distance)
    )
    gutter = np.concatenate([eaves, eaves[::-1] + np.array([0.0, 0.22, 0.0])])
    canvas.fill_many(
        gutter[None], canvas.light.lit(scale(house.roof, 0.6), front.normal, front.distance)
    )
    if front.length > 8.0:
        _paint_chimney(canvas, house, ridge[1])


def _paint_chimney(canvas: Canvas, house: House, ridge: Points) -> None:
    x, y, z = ridge
    colour = scale(house.wall, 0.8)
    z = max(z + 1.5, 2.0)
    left, right, low, high = x - 0.45, x + 0.45, y - 0.5, y + 1.3
    block = [(left, low, z), (right, low, z), (right, high, z), (left, high, z)]
    canvas.fill(block, canvas.light.lit(colour, TOWARDS, z))


def _grid(house: House) -> Points:
    """Windows (M, 4) of the upper floors."""
    front = house.front
    width, gap, low, high = {
        "sash": (1.05, 1.5, 0.85, 2.45),
        "wide": (1.9, 1.1, 0.95, 2.35),
        "strip": (front.length - 1.0, 0.0, 1.0, 2.45),
        "glass": (1.35, 0.16, 0.25, 2.95),
    }[house.style]
    columns = max(1, int((front.length - 0.8) / (width + gap)))
    pitch = front.length / columns
    left = (np.arange(columns) + 0.5) * pitch - width / 2
    bottom = np.arange(1, house.floors) * FLOOR + 0.15
    along, up = np.meshgrid(left, bottom)
    along, up = along.ravel(), up.ravel()
    return np.stack([along, up + low, along + width, up + high], 1)


def _paint_windows(canvas: Canvas, house: House, dice: Dice) -> None:
    front = house.front
    windows = _grid(house)
    if front.run[1]:  # what is behind the camera is not there
        windows = windows[windows[:, 2] + front.z > 1.2]
    if not len(windows):
        return
    fine = canvas.camera.size(1.0, front.distance) > 6.0
    lit = canvas.light.lit
    away = front.distance
    if fine and house.style != "glass":
        margin = np.array([-0.13, -0.13, 0.13, 0.13])
        canvas.fill_many(front.place(windows + margin), lit(house.trim, front.normal, away))
    _paint_panes(canvas, front, windows, dice)
    if fine:
        _paint_bars(canvas, house, windows)
    if house.balconies and house.style in ("sash", "wide") and fine:
        _paint_balconies(canvas, house, windows, dice)


def _paint_panes(canvas: Canvas, wall: Wall, windows: Points, dice: Dice) -> None:
    """Panes in three kinds: dark, with the sky in them, and lit from inside."""
    light, away = canvas.light, wall.distance
    kinds = dice.numbers(len(windows))
    lit_share = {"day": 0.03, "dusk": 0.35, "night": 0.45}[light.time]
    shining = kinds < lit_share
    mirrored = ~shining & (kinds > 0.6)
    canvas.fill_many(
        wall.place(windows[~shining & ~mirrored]), light.lit(_GLASS, wall.normal, away)
    )
    sky = mix(light.skyline, _GLASS, 0.45)
    canvas.fill_many(wall.place(windows[mirrored]), light.glowing(sky, away))
    lamp = scale(dice.pick(_LAMPLIGHT), 0.62 if light.time == "day" else 1.0)
    canvas.fill_many(wall.place(windows[shining]), light.glowing(lamp, away))
    # The upper part is in the shade of the lintel.
    shaded = windows[~shining].copy()
    shaded[:, 1] = shaded[:, 3] - 0.22
    canvas.fill_many(wall.place(shaded), light.lit(scale(_GLASS, 0.55), wall.normal, away))


def _paint_bars(canvas: Canvas, house: House, windows: Points) -> None:
    """Mullions and sills."""
    front = house.front
    lit = canvas.light.lit
    if house.style in ("sash", "wide"):
        middle = (windows[:, 0] + windows[:, 2]) / 2
        upright = np.stack([middle - 0.05, windows[:, 1], middle + 0.05, windows[:, 3]], 1)
        tone = lit(house.trim, front.normal, front.distance)
        canvas.fill_many(front.place(upright), tone)
        sill = windows.copy()
        sill[:, 3] = sill[:, 1] - 0.02
        sill[:, 1] -= 0.2
        sill[:, (0, 2)] += (-0.2, 0.2)
        canvas.fill_many(
            front.place(sill), lit(scale(house.trim, 1.08), front.normal, front.distance)
        )
    if house.style == "strip":
        along = np.arange(0.5, front.length - 0.5, 1.6)
        first = max(1.0 - front.z, 0.0) if front.run[1] else 0.0
        along = along[along > first]
        low, high = windows[:, 1].min(), windows[:, 3].max()
        posts = np.stack([along, along * 0 + low, along + 0.12, along * 0 + high], 1)
        canvas.fill_many(front.place(posts), lit(house.wall, front.normal, front.distance))


def _paint_balconies(canvas: Canvas, house: House, windows: Points, dice: Dice) -> None:
    front = house.front
    lit = canvas.light.lit
    chosen = windows[dice.numbers(len(windows)) < 0.45]
    if not len(chosen):
        return
    slab = chosen.copy()
    slab[:, 3] = slab[:, 1] - 0.1
    slab[:, 1] = slab[:, 3] - 0.95
    slab[:, (0, 2)] += (-0.3, 0.3)
    out, at_wall = front.place(slab, 0.8), front.place(slab)
    under = np.stack([at_wall[:, 0], at_wall[:, 1], out[:, 1], out[:, 0]], 1)
    near = np.stack([at_wall[:, 0], out[:, 0], out[:, 3], at_wall[:, 3]], 1)
    canvas.fill_many(under, lit(scale(house.wall, 0.5), front.normal, front.distance))
    for quad_near, quad_out in zip(near, out, strict=True):
        canvas.fill_many(quad_near[None], lit(scale(house.trim, 0.8), TOWARDS, front.distance))
        canvas.fill_many(
            quad_out[None], lit(mix(house.trim, house.wall, 0.3), front.normal, front.distance)
        )


def _bays(front: Wall, width: float, gap: float) -> Numbers:
    """Left edges of bays at street level, those behind the camera left out."""
    count = max(1, int(front.length / (width + gap)))
    pitch = front.length / count
    left: Numbers = (np.arange(count, dtype=np.float64) + 0.5) * pitch - width / 2
    return left[left + front.z * front.run[1] > 1.0] if front.run[1] else left


def _paint_shop(canvas: Canvas, house: House, dice: Dice) -> None:
    """Show windows, a door, a board above them and perhaps an awning."""
    front, light = house.front, canvas.light
    away = front.distance
    band = np.array([(0.15, 0.25, front.length - 0.15, 3.0)])
    canvas.fill_many(front.place(band), light.lit(scale(house.shop, 0.75), front.normal, away))
    left = _bays(front, 2.3, 0.35)
    panes = np.stack([left, left * 0 + 0.65, left + 2.3, left * 0 + 2.4], 1)
    if light.lamps_on:
        glass = light.glowing(scale(dice.pick(_LAMPLIGHT), 0.95), away)
    else:
        glass = light.lit(mix(_GLASS, (210, 200, 170), dice.number(0, 0.5)), front.normal, away)
    canvas.fill_many(front.place(panes), glass)
    goods = panes.copy()
    goods[:, 3] = 0.65 + 0.3 + dice.numbers(len(goods)) * 0.8
    goods[:, (0, 2)] += (0.4, -0.5)
    canvas.fill_many(front.place(goods), light.lit(scale(house.shop, 0.6), front.normal, away))
    door = panes[len(panes) // 2 :][:1].copy()
    door[:, 1], door[:, 2] = 0.1, door[:, 0] + 1.1
    canvas.fill_many(front.place(door), light.lit((52, 44, 42), front.normal, away))
    board = np.array([(0.15, 2.5, front.length - 0.15, 3.15)])
    canvas.fill_many(front.place(board), light.lit(house.shop, front.normal, away))
    _paint_writing(canvas, front, dice)
    if house.awning:
        _paint_awning(canvas, house, left)


def _paint_writing(canvas: Canvas, front: Wall, dice: Dice) -> None:
    """Blocks that look like letters from afar."""
    if canvas.camera.size(0.4, front.distance) < 2.0:
        return
    start = dice.number(0.8, max(0.9, front.length * 0.4))
    left = start + np.arange(dice.whole(4, 9)) * 0.42
    left = left[left < front.length - 0.8]
    if front.run[1]:
        left = left[left + front.z > 1.2]
    letters = np.stack(
        [left, left * 0 + 2.65, left + 0.27, 2.95 + 0.1 * dice.numbers(len(left))], 1
    )
    tone = canvas.light.lit((244, 240, 226), front.normal, front.distance)
    canvas.fill_many(front.place(letters), tone)


def _paint_awning(canvas: Canvas, house: House, left: Points) -> None:
    """Slanted cloth in two colours over the show windows."""
    front = house.front
    if not len(left):
        return
    edges = np.arange(left[0] - 0.1, left[-1] + 2.4, 0.55)
    upright = np.stack([edges, edges * 0 + 2.3, edges + 0.55, edges * 0 + 2.75], 1)
    inner, outer = front.place(upright), front.place(upright, 1.0)
    cloth = np.stack([outer[:, 0], outer[:, 1], inner[:, 2], inner[:, 3]], 1)
    slope = (front.normal[0] * 0.5, 0.85, front.normal[2] * 0.5)
    for start, colour in enumerate((house.shop, (238, 234, 224))):
        seen = canvas.light.lit(colour, slope, front.distance)
        canvas.fill_many(cloth[start::2], seen)


def _paint_doors(canvas: Canvas, house: House, dice: Dice) -> None:
    """Windows at street level, one or two doors with steps."""
    front, light = house.front, canvas.light
    away = front.distance
    left = _bays(front, 1.1, 1.3)
    is_door = np.arange(len(left)) % 3 == dice.whole(0, 2)
    windows = np.stack([left, left * 0 + 1.0, left + 1.1, left * 0 + 2.45], 1)[~is_door]
    margin = np.array([-0.13, -0.13, 0.13, 0.13])
    canvas.fill_many(front.place(windows + margin), light.lit(house.trim, front.normal, away))
    _paint_panes(canvas, front, windows, dice)
    doors = np.stack([left, left * 0 + 0.2, left + 1.1, left * 0 + 2.5], 1)[is_door]
    canvas.fill_many(front.place(doors + margin), light.lit(house.trim, front.normal, away))
    canvas.fill_many(front.place(doors), light.lit(house.shop, front.normal, away))
    panels = doors + np.array([0.2, 1.1, -0.2, -0.25])
    canvas.fill_many(front.place(panels), light.lit(scale(house.shop, 0.7), front.normal, away))


def _paint_arcade(canvas: Canvas, house: House, dice: Dice) -> None:
    """A dark passage behind pillars, or garage doors."""
    front, light = house.front, canvas.light
    left = _bays(front, 2.6, 0.6)
    openings = np.stack([left, left * 0 + 0.05, left + 2.6, left * 0 + 2.7], 1)
    tone = dice.pick(((46, 44, 46), (96, 92, 88), (72, 86, 96)))
    canvas.fill_many(front.place(openings), light.lit(tone, front.normal, front.distance))
    lintel = openings.copy()
    lintel[:, 1] = 2.45
    canvas.fill_many(front.place(lintel), light.lit(scale(tone, 0.6), front.normal, front.distance))
