"""Trees, bushes and hedges."""

from dataclasses import dataclass

import numpy as np

from segcore.scenes.street.canvas import TREE, Canvas
from segcore.scenes.street.dice import Dice
from segcore.scenes.street.ground import Shade
from segcore.scenes.street.light import Colour, mix, scale

_GREENS: tuple[Colour, ...] = (
    (84, 122, 52), (66, 104, 54), (104, 130, 58), (58, 92, 62), (126, 134, 66), (78, 110, 40),
)  # fmt: skip
_AUTUMN: tuple[Colour, ...] = ((196, 128, 44), (176, 78, 40), (208, 170, 62), (150, 96, 52))
_BLOSSOM: Colour = (226, 176, 188)
_BARK: tuple[Colour, ...] = ((92, 72, 56), (74, 64, 56), (112, 100, 86), (150, 146, 138))


@dataclass(frozen=True)
class Tree:
    """A tree: `shape` is "round", "tall", "cone", "bush" or "bare"."""

    x: float
    z: float
    height: float
    width: float
    shape: str
    leaf: Colour
    bark: Colour

    @property
    def shade(self) -> Shade:
        angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        crown = 0.42 * self.width * np.stack([np.cos(angles), np.sin(angles)], 1)
        low = 0.0 if self.shape in ("bush", "cone") else 0.35 * self.height
        return Shade(crown + np.array([self.x, self.z]), low, 0.95 * self.height)


def plan_tree(x: float, z: float, season: str, dice: Dice) -> Tree:
    shape = dice.pick(("round", "round", "round", "tall", "cone", "bush"))
    if season == "winter" and shape != "cone" and dice.chance(0.7):
        shape = "bare"
    height, width = {
        "round": (dice.number(4.5, 9.0), dice.number(3.2, 5.6)),
        "tall": (dice.number(7.0, 12.0), dice.number(1.8, 2.8)),
        "cone": (dice.number(4.0, 9.0), dice.number(2.4, 3.8)),
        "bush": (dice.number(1.2, 2.4), dice.number(1.6, 3.0)),
        "bare": (dice.number(4.5, 8.0), dice.number(3.0, 5.0)),
    }[shape]
    leaf = dice.pick(_GREENS)
    if season == "autumn" and shape != "cone" and dice.chance(0.7):
        leaf = dice.pick(_AUTUMN)
    if season == "spring" and shape == "round" and dice.chance(0.35):
        leaf = _BLOSSOM
    leaf = scale(leaf, dice.number(0.8, 1.2))
    return Tree(x, z, height, width, shape, leaf, dice.pick(_BARK))


def paint_tree(canvas: Canvas, tree: Tree, dice: Dice) -> None:
    canvas.mark = TREE
    if tree.shape == "bare":
        _paint_bare(canvas, tree, dice)
        return
    if tree.shape != "bush":
        _paint_trunk(canvas, tree, dice)
    if tree.shape == "cone":
        _paint_cone(canvas, tree, dice)
    else:
        _paint_crown(canvas, tree, dice)


def _paint_trunk(canvas: Canvas, tree: Tree, dice: Dice) -> None:
    thick = 0.03 * tree.height + 0.04
    top = tree.height * (0.3 if tree.shape == "cone" else 0.6)
    lean = dice.number(-0.15, 0.15)
    x, z = tree.x, tree.z
    light = canvas.light
    trunk = [(x - thick, 0, z), (x + thick, 0, z), (x + lean + thick * 0.6, top, z),
             (x + lean - thick * 0.6, top, z)]  # fmt: skip
    canvas.fill(trunk, light.lit(tree.bark, distance=z))
    # The side away from the sun.
    side = -1 if light.direction[0] > 0 else 1
    shaded = [(x, 0, z), (x + side * thick, 0, z), (x + lean + side * thick * 0.6, top, z),
              (x + lean, top, z)]  # fmt: skip
    canvas.fill(shaded, light.lit(scale(tree.bark, 0.65), distance=z))
    for way in (-1, 1):
        tip = x + way * tree.width * 0.3
        branch = [
            (x - 0.06, top * 0.62, z),
            (x + 0.06, top * 0.62, z),
            (tip, tree.height * 0.75, z),
        ]
        canvas.fill(branch, light.lit(scale(tree.bark, 0.8), distance=z))


# Layers of a crown from dark to light: brightness, how far its blobs spread (1 = the whole crown),
# how far they lean to the sun, and their size.
_LAYERS = (
    (0.52, 0.72, 0.0, 0.38),
    (0.78, 0.72, 0.12, 0.26),
    (1.02, 0.66, 0.3, 0.18),
    (1.3, 0.56, 0.5, 0.11),
)
_CORNERS = 11
_TURNS = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURNS), np.sin(_TURNS)], 1)


def _paint_crown(canvas: Canvas, tree: Tree, dice: Dice) -> None:
    """Ragged blobs in layers, the dark ones first and the sunlit ones last."""
    camera, light = canvas.camera, canvas.light
    size = camera.size(1.0, tree.z)
    u, ground = camera.ground(tree.x, tree.z)
    bottom = 0.0 if tree.shape == "bush" else (0.28 if tree.shape == "tall" else 0.36)
    middle = np.array([u, ground - tree.height * (1 + bottom) / 2 * size])
    half = np.array([tree.width / 2, tree.height * (1 - bottom) / 2]) * size
    count = 6 if half.max() < 8 else (12 if half.max() < 25 else 28)
    sun = np.array([0.42 * np.sign(light.direction[0]), -0.5])
    for brightness, reach, shift, grain in _LAYERS:
        angles = dice.numbers(count) * 2 * np.pi
        far = np.sqrt(dice.numbers(count)) * reach
        places = np.stack([np.cos(angles), np.sin(angles)], 1) * far[:, None] + sun * shift
        radii = half.min() * (0.8 + 0.45 * dice.numbers(count)) * grain
        ragged = dice.numbers(count, _CORNERS)
        colour = scale(mix(tree.leaf, (255, 240, 150), 0.1 * shift), brightness)
        seen = light.lit(colour, distance=tree.z)
        reach_out = (radii[:, None] * (0.78 + 0.4 * ragged))[..., None]
        canvas.fill_heap((middle + places * half)[:, None] + _CIRCLE * reach_out, seen)


def _paint_cone(canvas: Canvas, tree: Tree, dice: Dice) -> None:
    """A conifer: layers of ragged skirts."""
    light, z = canvas.light, tree.z
    layers = 6
    side = 1.0 if light.direction[0] > 0 else -1.0
    for layer in range(layers):
        low = tree.height * (0.12 + 0.78 * layer / layers)
        high = min(tree.height, low + tree.height * 0.3)
        half = tree.width / 2 * (1.0 - 0.85 * layer / layers)
        tone = 0.6 + 0.09 * layer
        edge = np.linspace(-half, half, 9)
        drop = low + (dice.numbers(9) - 0.3) * 0.05 * tree.height
        skirt = [(tree.x + e, d, z) for e, d in zip(edge, drop, strict=True)]
        canvas.fill([*skirt, (tree.x, high, z)], light.lit(scale(tree.leaf, tone), distance=z))
        lit_side = [(tree.x + side * abs(e), d, z) for e, d in zip(edge[:4], drop[:4], strict=True)]
        bright = light.lit(scale(tree.leaf, tone * 1.35), distance=z)
        canvas.fill([*lit_side, (tree.x + side * 0.1 * half, high, z)], bright)


def _paint_bare(canvas: Canvas, tree: Tree, dice: Dice) -> None:
    """A tree without leaves: branches that fork four times."""
    seen = canvas.light.lit(tree.bark, distance=tree.z)
    tips = [(tree.x, 0.0, np.pi / 2, tree.height * 0.34, 0.03 * tree.height + 0.05)]
    for generation in range(5):
        grown = []
        for x, y, angle, length, thick in tips:
            x1, y1 = x + length * np.cos(angle), y + length * np.sin(angle)
            limb = [(x - thick, y, tree.z), (x + thick, y, tree.z),
                    (x1 + thick * 0.7, y1, tree.z), (x1 - thick * 0.7, y1, tree.z)]  # fmt: skip
            canvas.fill(limb, seen)
            for turn in (-1, 1):
                bend = turn * dice.number(0.25, 0.55)
                grown.append((x1, y1, angle + bend, length * dice.number(0.62, 0.8), thick * 0.62))
        tips = (
            grown
            if generation
            else [*grown, (grown[0][0], grown[0][1], np.pi / 2, tree.height * 0.2, 0.1)]
        )
