"""From the drawn canvas to a photograph: reflections, rain, bloom, lens, sensor."""

import cv2
import numpy as np
import numpy.typing as npt

from segcore.result import Image
from segcore.scenes.street.canvas import FRAME_HEIGHT, FRAME_WIDTH, OVERSAMPLING, ROAD, Canvas
from segcore.scenes.street.dice import Dice

Photo = npt.NDArray[np.uint8]


def develop(canvas: Canvas, noise: float, dice: Dice) -> Image:
    """The image (H, W, 3) of what was drawn."""
    height, width = (size // OVERSAMPLING for size in canvas.pixels.shape[:2])
    small = cv2.resize(canvas.pixels, (width, height), interpolation=cv2.INTER_AREA)
    image = np.ascontiguousarray(small[..., :3])
    light = canvas.light
    if light.wet:
        _reflect(canvas, image)
    if light.lamps_on:
        image = _bloom(canvas, image, 0.75 if light.time == "night" else 0.45)
    if light.wet:
        image = _rain(canvas, image, dice)
    return _photograph(canvas, image, noise, dice)


def _reflect(canvas: Canvas, image: Photo) -> None:
    """Mirrors in the wet road what stands above it."""
    unit = canvas.scale / OVERSAMPLING
    horizon = (canvas.origin[1] + 0.5) / OVERSAMPLING + canvas.camera.v * unit
    height, width = image.shape[:2]
    matrix = np.array([[1.0, 0, 0], [0, -1.0, 2 * horizon - 1]])
    mirrored = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    mirrored = cv2.GaussianBlur(mirrored, (0, 0), 0.8 * unit, sigmaY=4.5 * unit)
    road = canvas.pixels[::OVERSAMPLING, ::OVERSAMPLING, 3] == ROAD
    mixed = cv2.addWeighted(image, 0.62, mirrored, 0.38, 0.0)
    image[road] = mixed[road]


def _bloom(canvas: Canvas, image: Photo, strength: float) -> Photo:
    """Lets what is very bright shine into its surroundings."""
    height, width = image.shape[:2]
    unit = canvas.scale / OVERSAMPLING
    size = (max(1, round(width / unit / 2)), max(1, round(height / unit / 2)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    bright = cv2.subtract(small, (150, 150, 150, 0))
    glow = cv2.addWeighted(
        cv2.GaussianBlur(bright, (0, 0), 1.6), 1.1, cv2.GaussianBlur(bright, (0, 0), 5.0), 1.6, 0
    )
    large = cv2.resize(glow, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.addWeighted(image, 1.0, large, strength, 0.0)


def _rain(canvas: Canvas, image: Photo, dice: Dice) -> Photo:
    """Slanted bright streaks."""
    unit = canvas.scale / OVERSAMPLING
    origin = (canvas.origin + 0.5) / OVERSAMPLING
    slant = dice.number(-0.25, 0.25)
    drops = dice.numbers(dice.whole(120, 260), 3)
    start = origin + drops[:, :2] * (FRAME_WIDTH, FRAME_HEIGHT) * unit
    run = (5.0 + 9.0 * drops[:, 2:]) * unit
    lines = np.stack([start, start + run * (slant, 1.0)], 1)
    layer = np.zeros_like(image)
    fixed = (lines * 16).round().astype(np.int32)
    thick = max(1, round(0.5 * unit))
    cv2.polylines(layer, list(fixed), False, (46, 48, 52), thick, cv2.LINE_AA, 4)
    return cv2.add(image, layer)


def _photograph(canvas: Canvas, image: Photo, noise: float, dice: Dice) -> Image:
    """Lens and sensor: softness, exposure, colour cast, vignette, noise."""
    unit = canvas.scale / OVERSAMPLING
    softness = dice.number(0.0, 0.4) * unit
    if softness > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), softness)
    gamma = dice.number(0.88, 1.14)
    ramp = (np.arange(256) / 255.0) ** gamma
    gains = [dice.number(0.95, 1.05) for _ in range(3)]
    table = np.stack([np.clip(255 * ramp * gain, 0, 255) for gain in gains], 1)
    image = cv2.LUT(image, table.round().astype(np.uint8)[None])
    height, width = image.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    fall = 1.0 - dice.number(0.02, 0.14) * (x * x + y * y) / 1.4
    values = image * fall[..., None]
    if noise > 0:
        dark = 1.5 if canvas.light.time == "night" else 1.0
        values += dice.normal(height, width, 3) * np.float32(22.0 * noise * dark)
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
