"""Sky: gradient, clouds, sun or moon, stars."""

import cv2
import numpy as np
import numpy.typing as npt

from segcore.scenes.street.canvas import FRAME_HEIGHT, FRAME_WIDTH, SKY, Canvas
from segcore.scenes.street.dice import Dice
from segcore.scenes.street.light import Light

Plane = npt.NDArray[np.float32]

_WIDTH, _HEIGHT = FRAME_WIDTH // 2, FRAME_HEIGHT // 2  # clouds are soft: half the frame will do


def paint_sky(canvas: Canvas, dice: Dice) -> None:
    """Fills what is above the horizon."""
    light = canvas.light
    horizon = canvas.camera.v / 2
    rows = np.arange(_HEIGHT, dtype=np.float32)[:, None, None] / max(horizon, 1.0)
    ramp = np.clip(rows, 0, 1) ** 1.3
    sky = np.array(light.zenith, np.float32) * (1 - ramp) + np.array(light.skyline) * ramp
    sky = np.broadcast_to(sky, (_HEIGHT, _WIDTH, 3)).astype(np.float32)
    if light.time == "night" and light.weather == "clear":
        sky = sky + _stars(dice)
    if light.weather != "rain":
        sky = sky + _sun(canvas)
    sky = _add_clouds(sky, light, horizon, dice)
    small = np.full((_HEIGHT, _WIDTH, 4), SKY, np.uint8)
    small[..., :3] = np.clip(sky, 0, 255)
    double = canvas.scale * 2
    matrix = np.array([[double, 0, canvas.origin[0]], [0, double, canvas.origin[1]]])
    above = canvas.pixels[: canvas.horizon + 2]
    size = above.shape[1::-1]
    cv2.warpAffine(small, matrix, size, above, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)


def _sun(canvas: Canvas) -> Plane:
    """Disc and halo of the sun or the moon, where it stands ahead."""
    light, camera = canvas.light, canvas.camera
    ahead = light.direction[2]
    if ahead < 0.2:
        return np.zeros((1, 1, 3), np.float32)
    u = (camera.u + camera.focal * light.direction[0] / ahead) / 2
    v = (camera.v - camera.focal * light.direction[1] / ahead) / 2
    y, x = np.mgrid[:_HEIGHT, :_WIDTH].astype(np.float32)
    far = np.hypot(x - u, y - v)
    night = light.time == "night"
    disc = np.clip((4.0 if night else 5.0) - far, 0, 1) * (190 if night else 255)
    halo = np.exp(-far / (9 if night else 26)) * (50 if night else 110)
    tone = np.array((0.9, 0.95, 1.0) if night else (1.0, 0.86, 0.6), np.float32)
    return (disc + halo)[..., None] * tone


def _stars(dice: Dice) -> Plane:
    field = dice.numbers(_HEIGHT, _WIDTH)
    return (np.clip(field - 0.994, 0, 1) * 18000).astype(np.float32)[..., None]


def _cloud_field(dice: Dice, height: int, width: int) -> Plane:
    """Fractal noise, 0 to 1, of clouds that lie flat."""
    field = np.zeros((height, width), np.float32)
    for octave in range(5):
        rows, columns = 3 << octave, 2 << octave
        grains = dice.numbers(rows, columns).astype(np.float32)
        field += cv2.resize(grains, (width, height), interpolation=cv2.INTER_CUBIC) / (1 << octave)
    return np.clip((field - 0.45) / 1.1, 0, 1)


def _add_clouds(sky: Plane, light: Light, horizon: float, dice: Dice) -> Plane:
    field = _cloud_field(dice, _HEIGHT, _WIDTH)
    level = 0.95 - 0.75 * light.clouds
    cover = np.clip((field - level) / 0.28, 0, 1)
    # Clouds thin out towards the horizon, where the haze hides them.
    cover *= np.clip(1.15 - np.arange(_HEIGHT, dtype=np.float32)[:, None] / horizon, 0.1, 0.92)
    thickness = cv2.GaussianBlur(field, (0, 0), 3.0)
    # Lit from above: where a cloud is thicker than a little higher up, it lies in its own shade.
    higher = cv2.copyMakeBorder(thickness[:-4], 4, 0, 0, 0, cv2.BORDER_REPLICATE)
    shaded = np.clip((higher - thickness) * 3 + 0.55, 0, 1)[..., None]
    bright, dark = _cloud_colours(light)
    colour = np.array(dark, np.float32) * (1 - shaded) + np.array(bright, np.float32) * shaded
    return sky * (1 - cover[..., None]) + colour * cover[..., None]


def _cloud_colours(light: Light) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Colours of a cloud's lit and shaded side."""
    if light.time == "night":
        return (70, 74, 92), (26, 30, 44)
    if light.time == "dusk":
        return (
            ((250, 172, 128), (120, 92, 122)) if not light.wet else ((150, 128, 130), (84, 80, 96))
        )
    if light.weather == "clear":
        return (252, 252, 252), (196, 206, 220)
    if light.wet:
        return (176, 182, 190), (112, 120, 132)
    return (236, 238, 240), (164, 172, 184)
