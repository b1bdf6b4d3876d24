"""Sample images: scenes with settings and exact ground truth, photographs, and drawn lessons.

Nothing is fetched: scenes are drawn by segcore.scenes, and only those images of `skimage.data` are
listed that lie in its wheel. Each is made anew on every call; the pages cache what they show.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import skimage.data

from segcore.errors import SettingError
from segcore.result import Image
from segcore.scenes.cells import cells
from segcore.scenes.scene import Scene
from segcore.scenes.shapes import shapes
from segcore.scenes.street import street
from segcore.technique import Setting, Value, read_settings

Plane = npt.NDArray[np.float64]  # H×W of real numbers


@dataclass(frozen=True)
class Sample:
    """An image that ships with the dashboard.

    Attributes:
        key: its name in links and in the files of the techniques.
        title: what a picker calls it.
        good_for: what it teaches, in one clause.
        credit: author and licence, in one line.
        load: makes the image, uint8 RGB H×W×3, read-only; of a scene that of its default settings.
        scene: what draws it at a width and height in pixels, if it is a scene, else None.
        settings: what can be set about a scene: those of the function, and `size`.
    """

    key: str
    title: str
    good_for: str
    credit: str
    load: Callable[[], Image]
    scene: Callable[..., Scene] | None = None
    settings: tuple[Setting, ...] = ()

    def draw(self, **settings: Value) -> Scene:
        """The scene, at its own size; settings that are not given have their defaults.

        Raises:
            SettingError: a value breaks its setting's rule.
            ValueError: the sample is no scene.
        """
        if self.scene is None:
            raise ValueError(f"The sample {self.key} is an image, not a scene that can be drawn.")
        chosen = {setting.name: setting.default for setting in self.settings} | settings
        width = SIZE.check(chosen.pop("size"))
        return self.scene(width, _height(width), **chosen)


def get_sample(key: str) -> Sample:
    """The sample with this key.

    Raises:
        SettingError: there is none.
    """
    if key not in SAMPLES:
        raise SettingError("sample", "one of " + ", ".join(SAMPLES), key)
    return SAMPLES[key]


def _load_photograph(name: str) -> Image:
    """The image that `skimage.data` has under this name; of a stereo pair the left one."""
    photograph = getattr(skimage.data, name)()
    pixels = photograph[0] if isinstance(photograph, tuple) else photograph
    return _to_image(pixels if pixels.dtype == np.uint8 else pixels * 255.0)  # bool, or 0 to 1


def _to_image(pixels: npt.NDArray[Any]) -> Image:
    """`pixels` (H×W×3, or H×W to be repeated; values around 0 to 255) as a read-only image."""
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    image = np.ascontiguousarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))
    image.setflags(write=False)
    return image


# Drawn scenes ------------------------------------------------------------------------------------
# A shape is the signed distance of every pixel to its outline, negative inside. `_cover` turns it
# into the share of each pixel that the shape covers, so that outlines are anti-aliased.


def _cover(distance: Plane, softness: float = 1.0) -> Plane:
    """Share, 0 to 1, of each pixel inside an outline that is `softness` pixels wide."""
    share: Plane = np.clip(0.5 - distance / softness, 0.0, 1.0)
    return share


def _ellipse(
    grid: Plane,
    centre: tuple[float, float],
    radii: tuple[float, float],
    tilt: float = 0.0,
    waves: Sequence[tuple[int, float, float]] = (),
) -> Plane:
    """Signed distance (to first order) of the pixels in `grid` (2×H×W: y, x) to an ellipse.

    Args:
        grid: coordinates of the pixels.
        centre: (x, y) of the centre in pixels.
        radii: radius along the axis that `tilt` turns, and across it, in pixels.
        tilt: angle from x to y in radians.
        waves: (count, depth, phase) of waves along the outline; depth as a share of the radius.
    """
    x, y = grid[1] - centre[0], grid[0] - centre[1]
    along = (x * np.cos(tilt) + y * np.sin(tilt)) / radii[0]
    across = (y * np.cos(tilt) - x * np.sin(tilt)) / radii[1]
    angle = np.arctan2(across, along)
    outline = np.ones_like(angle)
    for count, depth, phase in waves:
        outline += depth * np.cos(count * angle + phase)
    distance: Plane = (np.hypot(along, across) - outline) * min(radii)
    return distance


def _grain(rng: np.random.Generator, shape: tuple[int, int], sigma: float, width: float) -> Plane:
    """Gaussian noise of standard deviation `sigma`, its grains about `width` pixels wide."""
    noise = np.asarray(cv2.GaussianBlur(rng.standard_normal(shape), (0, 0), width))
    scaled: Plane = noise * (sigma / noise.std())
    return scaled


def _draw_touching() -> Image:
    """Berries on unevenly lit paper; all but the first of each group touch another."""
    rng, side = np.random.default_rng(5), 512
    y, x = np.indices((side, side), dtype=np.float64)
    berries = _place_touching_discs(rng, side, np.linspace(50, 15, 34))

    paper = 228 - 40 * np.hypot(x - 150, y - 120) / side + _grain(rng, (side, side), 2, 6)
    pixels = paper[:, :, None] * (1.0, 0.985, 0.945)
    shadow = np.zeros((side, side))
    for cx, cy, r in berries:
        cv2.circle(shadow, (round(cx + 0.16 * r), round(cy + 0.2 * r)), round(r), 1, cv2.FILLED)
    pixels *= 1 - 0.3 * np.asarray(cv2.GaussianBlur(shadow, (0, 0), 7))[:, :, None]

    for cx, cy, r in berries:
        near = np.s_[int(cy - r) - 1 : int(cy + r) + 3, int(cx - r) - 1 : int(cx + r) + 3]
        dx, dy = (x[near] - cx) / r, (y[near] - cy) / r
        dz = np.sqrt(np.maximum(0, 1 - dx**2 - dy**2))
        # Lambert's law: the light comes from the upper left, in front of the image.
        light = np.maximum(0, -0.45 * dx - 0.55 * dy + 0.70 * dz)[:, :, None]
        skin = rng.normal((76, 90, 152), 7) * rng.uniform(0.88, 1.12)
        berry = skin * (0.38 + 0.62 * light) + 26 * light**24
        pixels[near] += (berry - pixels[near]) * _cover((np.hypot(dx, dy) - 1) * r)[:, :, None]
    return _to_image(pixels + rng.normal(0, 3, (side, side, 1)))


def _place_touching_discs(rng: np.random.Generator, side: int, radii: Plane) -> Plane:
    """Discs (x, y, radius) in a square; every sixth stands alone, the others touch one before."""
    discs = np.empty((0, 3))
    for index, radius in enumerate(radii):
        centres = rng.uniform(radius + 8, side - radius - 8, (6000, 2))
        apart = np.hypot(*(centres[:, None, :] - discs[:, :2]).transpose(2, 0, 1)) - discs[:, 2]
        gap = apart.min(axis=1, initial=2 * side) - radius
        fits = gap > 22 if index % 6 == 0 else (gap > -2.5) & (gap < -1)
        if fits.any():
            discs = np.vstack((discs, (*centres[fits.argmax()], radius)))
    return discs


def _draw_weak_edge() -> Image:
    """A slice of computed tomography: the dark seam between two organs fades out half-way."""
    rng, shape = np.random.default_rng(3), (384, 480)
    y, x = grid = np.indices(shape, dtype=np.float64)
    body = _ellipse(grid, (240, 196), (222, 168), waves=[(2, 0.03, 0.3), (3, 0.02, 1.0)])
    wall = _ellipse(grid, (240, 192), (196, 142), waves=[(2, 0.03, 0.3), (4, 0.02, 0.4)])
    both = _ellipse(
        grid, (246, 172), (150, 100), waves=[(2, 0.05, 0.5), (3, 0.05, 2.2), (5, 0.02, 1.0)]
    )
    seam = x - (250 + 20 * np.sin((y - 60) / 46) + 0.1 * (y - 190))  # negative on its left
    fading = 1 - np.exp(-(((y - 178) / 26) ** 4))
    spine = _ellipse(grid, (240, 296), (34, 27), waves=[(3, 0.08, np.pi / 2)])

    layers = [  # from the back to the front: share of each pixel, grey
        (_cover(body, 2), 62),
        (_cover(body + 5, 2), 48),
        (_cover(wall, 3), 96),
        (_cover(wall + 9, 3), 70),
        (_cover(both, 2), 152),
        (_cover(np.maximum(both, -seam), 2), 141),
        (np.exp(-((seam / 2.6) ** 2)) * fading * _cover(both), 86),
        (_cover(spine, 2), 205),
        (_cover(spine + 8, 4), 172),
        (_cover(_ellipse(grid, (240, 300), (11, 10)), 2), 80),
        (_cover(_ellipse(grid, (286, 268), (13, 13)), 2), 168),
    ]
    for turn in np.linspace(-2.6, -0.5, 9):  # ribs, along the body's outline
        dx, dy = 206 * np.cos(turn), 153 * np.sin(turn)
        tilt = np.arctan2(153 * np.cos(turn), -206 * np.sin(turn))
        layers.append((_cover(_ellipse(grid, (240 + dx, 192 + dy), (11, 5), tilt), 2), 196))

    pixels = np.full(shape, 12.0)
    for share, grey in layers:
        pixels += (grey - pixels) * share
    pixels += _cover(both) * _grain(rng, shape, 3, 5)
    blurred = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.8))
    return _to_image(blurred + _grain(rng, shape, 4, 0.8))


def _draw_textures() -> Image:
    """Brick, grass and gravel of equal mean and contrast, so that only texture tells them apart."""
    y, x = grid = np.indices((512, 512), dtype=np.float64)
    photographs = [getattr(skimage.data, name)() for name in ("brick", "grass", "gravel")]
    brick, grass, gravel = [128 + 42 * (p - p.mean()) / p.std() for p in photographs]
    horizon = 262 - 0.35 * (x - 256) + 46 * np.sin(x / 62) - y  # negative below
    patch = _ellipse(grid, (250, 262), (128, 128), waves=[(3, 0.125, 0.6), (5, 0.07, 0.0)])
    mosaic = brick + (grass - brick) * _cover(horizon)
    return _to_image(mosaic + (gravel - mosaic) * _cover(patch))


# Scenes with settings ----------------------------------------------------------------------------


def _height(width: int) -> int:
    return width * 3 // 4


SIZE = Setting(
    "size",
    int,
    512,
    options=(128, 256, 512, 1024),
    option_labels={width: f"{width}×{_height(width)}" for width in (128, 256, 512, 1024)},
    label="Size",
    help="Pixels of the image. The same scene is drawn anew, not enlarged.",
)


def _scene(key: str, title: str, good_for: str, scene: Callable[..., Scene], seed: int) -> Sample:
    """A scene that opens with this seed.

    Networks are trained and measured on smaller ones, so that none has seen this scene before.
    """
    settings = [
        replace(setting, default=seed) if setting.name == "seed" else setting
        for setting in read_settings(scene)
    ]

    def load() -> Image:
        return sample.draw().image

    credit = "Drawn by this dashboard"
    sample = Sample(key, title, good_for, credit, load, scene, (*settings, SIZE))
    return sample


# The list ----------------------------------------------------------------------------------------


def _photograph(key: str, title: str, good_for: str, credit: str) -> Sample:
    return Sample(key, title, good_for, credit, partial(_load_photograph, key))


_UNSTATED = "scikit-image, which states neither author nor licence"

_IN_TEACHING_ORDER = (
    _scene(
        "street",
        "Street (drawn)",
        "Eleven classes and every pixel's true one; weather, hour and crowd are yours to set",
        street,
        seed=4_000_012,
    ),
    _scene(
        "cells",
        "Cell nuclei (drawn)",
        "Nuclei that touch and overlap, in three stains, with the true outline of each",
        cells,
        seed=4_000_003,
    ),
    _scene(
        "shapes",
        "Discs, boxes and stars (drawn)",
        "Three kinds of shapes that colour tells apart, until you take it away",
        shapes,
        seed=4_000_004,
    ),
    _photograph(
        "coins",
        "Coins (Pompeii)",
        "Uneven light: where one global threshold fails",
        "Brooklyn Museum Collection; no known copyright restrictions",
    ),
    Sample(
        "touching",
        "Touching berries (drawn)",
        "A threshold finds them, but it takes a watershed to count them",
        "Drawn by segcore",
        _draw_touching,
    ),
    Sample(
        "weak_edge",
        "Two organs, weak edge (drawn)",
        "A gap in the boundary, through which a growing region leaks",
        "Drawn by segcore",
        _draw_weak_edge,
    ),
    Sample(
        "textures",
        "Brick, grass and gravel",
        "Equal brightness everywhere: only texture tells the regions apart",
        "Mosaic of brick and gravel (CC0Textures) and grass (linolafett, DeviantArt); CC0",
        _draw_textures,
    ),
    _photograph(
        "page",
        "Scanned page",
        "A shadow across dark letters: global against adaptive thresholds",
        _UNSTATED,
    ),
    _photograph(
        "text",
        "Handwritten formula",
        "Thin dark strokes and faint ruled lines, out of focus at the edges",
        "Wikipedia (Corner.png); public domain",
    ),
    _photograph(
        "camera",
        "Photographer",
        "A dark figure before a bright sky: two clear peaks in the histogram",
        "Lav Varshney; CC0",
    ),
    _photograph(
        "cell",
        "Cell in saline",
        "One bright object on a banded background: a fair test of automatic thresholds",
        "Müller, Schürmann, Girardo, Cojoc and Guck (2018); CC0",
    ),
    _photograph(
        "immunohistochemistry",
        "Stained colon tissue",
        "Brown and blue stains: clusters in colour space",
        "Center for Microscopy and Molecular Imaging (CMMI); no known copyright restrictions",
    ),
    _photograph(
        "coffee",
        "Coffee cup",
        "Smooth porcelain on grained wood: ellipses, highlights and shadows",
        "Rachel Michetti, courtesy of Pikolo Espresso Bar; CC0",
    ),
    _photograph(
        "chelsea",
        "Cat (Chelsea)",
        "Fur against a similar ground: soft outlines that clusters cut through",
        "Stefan van der Walt; CC0",
    ),
    _photograph(
        "astronaut",
        "Astronaut (Eileen Collins)",
        "Skin, orange cloth and flags: many colours and one person to find",
        "NASA Great Images; public domain",
    ),
    _photograph(
        "rocket",
        "Rocket launch",
        "Smooth dusk sky behind thin towers and bright lamps: superpixels of every size",
        "SpaceX; public domain",
    ),
    _photograph(
        "stereo_motorcycle",
        "Motorcycle",
        "One red object in a crowded room: colour against shape",
        "Middlebury stereo benchmark, Scharstein et al. (2014); licence not stated",
    ),
    _photograph(
        "colorwheel",
        "Colour wheel",
        "Every hue and saturation: what a range in HSV lets through",
        _UNSTATED,
    ),
    _photograph(
        "retina",
        "Human retina",
        "Thin branching vessels on a ground that darkens towards its rim",
        "Mikael Häggström (2014), Wikimedia Commons; CC0",
    ),
    _photograph(
        "microaneurysms",
        "Microaneurysms (detail of a retina)",
        "Tiny dark lesions beside vessels just as dark, in a very small image",
        "High-Resolution Fundus Image Database, Andreas Maier; CC0",
    ),
    _photograph(
        "shepp_logan_phantom",
        "Head phantom (Shepp and Logan)",
        "Noise-free ellipses of six greys: thresholds that must come out exactly",
        "After Shepp and Logan (1974); licence not stated by scikit-image",
    ),
    _photograph(
        "hubble_deep_field",
        "Hubble deep field",
        "Hundreds of faint, small objects of all sizes: counting and noise",
        "NASA, HubbleSite; public domain",
    ),
    _photograph(
        "moon",
        "Surface of the Moon",
        "Low contrast: hardly any threshold or edge stands out",
        _UNSTATED,
    ),
    _photograph(
        "horse",
        "Silhouette of a horse",
        "Two values only: every technique should find the same shape",
        "Andreas Preuss (marauder), openclipart; CC0",
    ),
    _photograph(
        "brick",
        "Brick wall",
        "One regular texture: its joints are edges but no objects",
        "CC0Textures (Bricks25); CC0",
    ),
    _photograph(
        "grass",
        "Grass",
        "One random texture: where an over-segmentation shows",
        "linolafett, DeviantArt (Grass-01); CC0",
    ),
    _photograph(
        "gravel",
        "Gravel",
        "Many stones, touching and alike: hard even to outline by hand",
        "CC0Textures (Gravel04); CC0",
    ),
)

SAMPLES: Mapping[str, Sample] = MappingProxyType({s.key: s for s in _IN_TEACHING_ORDER})
