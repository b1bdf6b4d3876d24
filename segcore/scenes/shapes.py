"""Discs, boxes and stars: small scenes that a network learns within seconds.

A shape is the signed distance of every pixel to its outline, negative inside, after I. Quilez,
"2D distance functions". From that one number come the exact mask, the smooth edge, the lit rim and
the soft shadow that the shape throws on what lies behind it.
"""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from segcore.result import Image, Labels
from segcore.scenes.frame import HIGH, WIDE, Frame, Places, Plane, grain
from segcore.scenes.scene import Scene, checked, find_things
from segcore.technique import Choice, Label, Range

NAMES = ("Disc", "Box", "Star")

Colour = npt.NDArray[np.float32]  # (3,), 0 to 1


def shapes(
    width: int = 256,
    height: int = 192,
    *,
    seed: Annotated[int, Range(0, 9_999_999), "Another seed is another scene."] = 1,
    crowd: Annotated[float, Range(0, 1), "How many shapes there are."] = 0.4,
    touching: Annotated[bool, "Let shapes touch and overlap; otherwise all stand apart."] = True,
    texture: Annotated[float, Range(0, 1), "Strength of patterns, light and shadow."] = 0.5,
    colour: Annotated[
        str,
        Choice(by_class="Colour tells the class", random="Random colours"),
        Label("Colours"),
        "With random colours only the outline tells what a shape is.",
    ] = "by_class",
    noise: Annotated[float, Range(0, 1), "Noise of the camera."] = 0.1,
) -> Scene:
    """Shapes on a plain ground and which pixel belongs to which; the front one owns an overlap.

    The same settings show the same scene at every size.

    Args:
        width, height: size of the image in pixels, at least 16.

    Raises:
        SettingError: a setting or the size breaks its rule.
    """
    settings = {"seed": seed, "crowd": crowd, "touching": touching, "texture": texture}
    checked(shapes, width=width, height=height, colour=colour, noise=noise, **settings)
    rng = np.random.default_rng(seed)
    frame = Frame(width, height)
    light = complex(np.exp(1j * rng.uniform(-2.6, -0.5)))  # from above, left or right
    placed = _place(rng, crowd, touching)
    grounds = _choose_grounds(rng)
    canvas = _draw_ground(frame, rng, grounds, light, texture)
    instances = np.zeros((height, width), np.int32)
    for index, shape in enumerate(placed, start=1):
        look = _choose_look(rng, shape, grounds[0], colour)
        _draw(frame, canvas, instances, index, shape, look, light, texture)
    classes = np.array([0, *(shape.label for shape in placed)], np.int32)
    things = find_things(instances, [NAMES[shape.label - 1] for shape in placed])
    image = _photograph(rng, canvas, noise)
    return Scene(image, classes[instances], instances, NAMES, things)


# Where they stand --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """A shape in the frame.

    Attributes:
        label: 1 disc, 2 box, 3 star.
        centre: x + iy in units of the frame.
        radius: distance in units of the farthest point from the centre.
        turn: complex number of length 1 that the shape is turned by.
        form: breadth over length of a box, depth of a star's notches; 0 to 1.
    """

    label: int
    centre: complex
    radius: float
    turn: complex
    form: float


def _place(rng: np.random.Generator, crowd: float, touching: bool) -> list[Shape]:
    """Shapes that keep apart or, if touching, leave at least a good part of each other in sight."""
    n = 3 + round(8 * crowd)
    middle, size = complex(WIDE, HIGH) / 2, 36 - 10 * crowd
    placed: list[Shape] = []
    labels = np.concatenate([rng.permutation(3) + 1 for _ in range(n // 3 + 1)])[:n]
    for label in labels:
        radius, turn = size * rng.uniform(0.72, 1.3), complex(np.exp(2j * np.pi * rng.random()))
        anywhere = rng.uniform(12, WIDE - 12, 30) + 1j * rng.uniform(12, HIGH - 12, 30)
        beside = _beside(rng, placed, radius) if touching and rng.random() < 0.65 else anywhere[:0]
        first = middle + 24 * np.exp(2j * np.pi * rng.random(1)) if not placed else anywhere[:0]
        for centre in np.concatenate((first, beside, anywhere)):
            if _fits(complex(centre), radius, placed, touching):
                shape = Shape(int(label), complex(centre), radius, turn, float(rng.random()))
                placed.append(shape)
                break
    return placed


def _beside(rng: np.random.Generator, placed: list[Shape], radius: float) -> npt.NDArray[Any]:
    """Places from where a shape of this radius reaches a little into one that stands already."""
    if not placed:
        return np.empty(0, np.complex128)
    other = placed[rng.integers(len(placed))]
    distance = (other.radius + radius) * rng.uniform(0.68, 0.85, 12)
    beside = other.centre + distance * np.exp(2j * np.pi * rng.random(12))
    x, y = beside.real, beside.imag
    return np.asarray(beside[(x > 8) & (x < WIDE - 8) & (y > 8) & (y < HIGH - 8)])


def _fits(centre: complex, radius: float, placed: list[Shape], touching: bool) -> bool:
    share, gap = (0.66, 0.0) if touching else (1.0, 4.0)
    return all(
        abs(centre - other.centre) >= share * (radius + other.radius) + gap for other in placed
    )


# How they look -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """What a shape is painted with.

    Attributes:
        colour: RGB, 0 to 1.
        second: RGB of the pattern.
        pattern: one of PATTERNS.
        pitch: units from one stripe or dot to the next.
        turn: complex number of length 1 that the pattern is turned by.
    """

    colour: Colour
    second: Colour
    pattern: str
    pitch: float
    turn: complex


PATTERNS = ("plain", "stripes", "dots", "weave")
HUES = (0.995, 0.57, 0.13)  # of discs, boxes and stars: coral, blue, amber


def _rgb(hue: float, saturation: float, value: float) -> Colour:
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), np.float32)


def _choose_grounds(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Two colours that the ground runs between: pale, or deep and dark."""
    hue, drift = rng.random(), rng.uniform(-0.08, 0.08)
    if rng.random() < 0.6:
        strength, value = rng.uniform(0.03, 0.16), rng.uniform(0.86, 0.97)
    else:
        strength, value = rng.uniform(0.2, 0.45), rng.uniform(0.2, 0.34)
    return _rgb(hue, strength, value), _rgb(hue + drift, strength * 1.2, value * 0.86)


def _choose_look(rng: np.random.Generator, shape: Shape, ground: Colour, colour: str) -> Look:
    hue, strength, value = rng.random(), rng.uniform(0.35, 0.85), rng.uniform(0.45, 0.97)
    if colour == "by_class":
        hue = HUES[shape.label - 1] + rng.uniform(-0.035, 0.035)
        strength, value = rng.uniform(0.62, 0.82), rng.uniform(0.8, 0.97)
    own = _rgb(hue, strength, value)
    if np.abs(own - ground).max() < 0.3:  # it would hardly be seen
        own = _rgb(hue, strength, 0.9 if ground.max() < 0.5 else 0.5)
    second = _rgb(hue + 0.02, strength * 0.45, min(1.0, value * 1.12))
    if rng.random() < 0.4:
        second = _rgb(hue - 0.02, min(1.0, strength * 1.15), value * 0.68)
    turn = complex(np.exp(1j * np.pi * rng.random()))
    pattern = PATTERNS[rng.integers(len(PATTERNS))]
    return Look(own, second, pattern, shape.radius * rng.uniform(0.3, 0.5), turn)


def _disc(w: Places, shape: Shape) -> Plane:
    return np.abs(w) - np.float32(shape.radius)


def _box(w: Places, shape: Shape) -> Plane:
    """A box with rounded corners; its diagonal is twice the radius."""
    corner = 0.08 * shape.radius
    half = np.exp(1j * (np.pi / 4 - 0.28 * shape.form)) * (shape.radius - 0.4 * corner)
    w = w * np.complex64(shape.turn)
    x = np.abs(w.real) - np.float32(half.real - corner)
    y = np.abs(w.imag) - np.float32(half.imag - corner)
    outside = np.hypot(np.maximum(x, 0), np.maximum(y, 0))
    return outside + np.minimum(np.maximum(x, y), 0) - np.float32(corner)


def _star(w: Places, shape: Shape) -> Plane:
    """A star of five points: its mirror images are folded onto one straight edge."""
    w = w * np.complex64(shape.turn)
    fifth = 2 * np.pi / 5
    angle = np.abs((np.angle(w) + fifth / 2) % fifth - fifth / 2)
    folded = np.abs(w) * np.exp(1j * angle)
    notch = (0.42 + 0.14 * shape.form) * complex(np.exp(0.5j * fifth))
    along = (notch - 1) / abs(notch - 1)
    # The component of the offset from the tip across the edge, positive away from the centre.
    across = ((folded - shape.radius) * along.conjugate()).imag
    distance: Plane = -across
    return distance


DISTANCES: tuple[Callable[[Places, Shape], Plane], ...] = (_disc, _box, _star)


def _draw(
    frame: Frame,
    canvas: Plane,
    instances: Labels,
    index: int,
    shape: Shape,
    look: Look,
    light: complex,
    texture: float,
) -> None:
    """Draws a shape over what is there: its shadow, its face, its rim, and its instance."""
    fall = 0.16 * shape.radius
    window = frame.around(shape.centre, shape.radius + 2.2 * fall)
    w = frame.places[window] - np.complex64(shape.centre)
    if not w.size:
        return
    measure = DISTANCES[shape.label - 1]
    distance = measure(w, shape)
    inside = distance < 0
    if not inside.any():
        return
    shadow = measure(w + np.complex64(light * fall), shape)
    shade = (0.5 - shadow / (1.6 * fall)).clip(0, 1)
    below = canvas[window]
    below *= 1 - (0.55 * texture * shade * shade * (3 - 2 * shade))[:, :, None]

    cover = (0.5 - distance * np.float32(frame.scale)).clip(0, 1)
    face = _paint(w, look, texture, frame.scale)
    lit = (w * np.complex64(light.conjugate())).real / np.float32(shape.radius)  # -1 to 1
    rim = np.exp(-((distance / np.float32(0.07 * shape.radius) + 1) ** 2)) * lit
    face *= (1 + texture * (0.24 * lit + 0.22 * rim))[:, :, None]
    below += (face - below) * cover[:, :, None]
    instances[window][inside] = index


def _paint(w: Places, look: Look, texture: float, scale: float) -> Plane:
    """Colours (H×W×3) of the face of a shape, for places relative to its centre."""
    v = w * np.complex64(look.turn * 2 * np.pi / look.pitch)
    if look.pattern == "stripes":
        wave = np.cos(v.real)
    elif look.pattern == "dots":
        wave = np.cos(v.real) + np.cos(v.imag) - 0.8
    elif look.pattern == "weave":
        wave = np.sin(3.1 * v.real + 2 * np.sin(1.7 * v.imag)) * np.sin(2.3 * v.imag + v.real)
    else:
        return np.broadcast_to(look.colour, (*w.shape, 3)).copy()
    # As steep as the pixels allow, so that an edge of the pattern is one pixel wide.
    steep = max(1.0, look.pitch * scale / 6)
    mix = (0.5 + 0.5 * steep * wave).clip(0, 1) * min(1.0, 1.6 * texture)
    face: Plane = look.colour + mix[:, :, None] * (look.second - look.colour)
    return face


def _draw_ground(
    frame: Frame,
    rng: np.random.Generator,
    grounds: tuple[Colour, Colour],
    light: complex,
    texture: float,
) -> Plane:
    """The ground (H×W×3, 0 to 1): lit from one side, of paper, cloth or with faint stripes."""
    off = frame.places - np.complex64(complex(WIDE, HIGH) / 2)
    towards = (off * np.complex64(light.conjugate())).real / 160
    ground = grounds[0] + (0.5 - 0.5 * towards)[:, :, None] * (grounds[1] - grounds[0])
    kind, turn, pitch = rng.integers(4), np.exp(1j * np.pi * rng.random()), rng.uniform(9, 22)
    v = off * np.complex64(turn * 2 * np.pi / pitch)
    if kind == 0:
        pattern = frame.show(grain(rng, 1.0))
    elif kind == 1:
        pattern = (2 * np.cos(v.real)).clip(-1, 1)
    elif kind == 2:
        pattern = (4 * (np.cos(v.real) + np.cos(v.imag) - 1.3)).clip(-1, 1)
    else:
        pattern = np.zeros_like(towards)
    ground *= (1 + 0.05 * texture * (pattern + 1.4 * towards))[:, :, None]
    return ground.astype(np.float32)


def _photograph(rng: np.random.Generator, canvas: Plane, noise: float) -> Image:
    """`canvas` (H×W×3, 0 to 1) as 8-bit RGB with the noise of a camera."""
    seen = 255 * canvas
    if noise:
        seen += 45 * noise * rng.standard_normal(seen.shape, dtype=np.float32)
    image: Image = np.rint(seen.clip(0, 255)).astype(np.uint8)
    return image
