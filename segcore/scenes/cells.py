"""Cell nuclei under a microscope: touching and overlapping, in three looks.

Nuclei are ellipses bent by a few waves along their outline. They are laid out first (which size,
how elongated, in which clumps), and each then adds its amount of dye to one plane, so that where
two overlap both are seen. Last comes what the microscope makes of the dye: in fluorescence it
shines; under a lamp it takes away light by the law of Beer and Lambert, I = I₀ exp(-amount).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.result import Image, Labels
from segcore.scenes.frame import HIGH, WIDE, Frame, Places, Plane, Window, grain
from segcore.scenes.scene import Scene, checked, find_things
from segcore.technique import Choice, Range

NAMES = ("Nucleus",)

Complex = npt.NDArray[np.complex128]
Real = npt.NDArray[np.floating[Any]]


def cells(
    width: int = 256,
    height: int = 192,
    *,
    seed: Annotated[int, Range(0, 9_999_999), "Another seed is another scene."] = 1,
    stain: Annotated[
        str,
        Choice("mixed", "fluorescence", "stained", "brightfield"),
        "How the nuclei are made visible; mixed leaves it to the seed.",
    ] = "mixed",
    crowd: Annotated[
        float, Range(0, 1), "How many nuclei there are, and how much they touch and overlap."
    ] = 0.5,
    noise: Annotated[float, Range(0, 1), "Noise of the light and of the camera."] = 0.2,
) -> Scene:
    """Nuclei in a microscope image and which pixel belongs to which; the front one owns an overlap.

    The same settings show the same scene at every size.

    Args:
        width, height: size of the image in pixels, at least 16.

    Raises:
        SettingError: a setting or the size breaks its rule.
    """
    checked(cells, width=width, height=height, seed=seed, stain=stain, crowd=crowd, noise=noise)
    rng = np.random.default_rng(seed)
    look = str(rng.choice(list(LOOKS), p=(0.5, 0.38, 0.12)))
    look = look if stain == "mixed" else stain
    frame = Frame(width, height)
    pixels, instances = LOOKS[look](frame, rng, crowd)
    image = _photograph(frame, rng, pixels, noise)
    labels = (instances > 0).astype(np.int32)
    things = find_things(instances, NAMES * int(instances.max(initial=0)))
    return Scene(image, labels, instances, NAMES, things)


# Where the nuclei lie ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Tissue:
    """Where in the frame there is tissue, as a sum of a few broad waves.

    Attributes:
        waves: complex (n,), how the phase of each grows along x and y, per unit.
        phases: (n,) in radians.
        level: tissue is where the sum exceeds this; about -1 is nearly everywhere.
    """

    waves: Complex
    phases: Real
    level: float

    def __call__(self, places: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """How far inside the tissue each place is, negative outside; about -2 to 2."""
        total = np.full(places.shape, -self.level)
        for wave, phase in zip(self.waves, self.phases, strict=True):
            total += np.cos((places * wave.conjugate()).real + phase) / np.sqrt(len(self.waves) / 2)
        return total

    def seen(self, frame: Frame) -> Plane:
        """The same of every pixel (H×W)."""
        x, y = np.arange(2, WIDE, 4), np.arange(2, HIGH, 4)  # such broad waves need no more
        return frame.show(self(x[None, :] + 1j * y[:, None]))


def _lay_tissue(rng: np.random.Generator, level: float) -> Tissue:
    angles, lengths = rng.uniform(0, 2 * np.pi, 5), rng.uniform(140, 400, 5)
    waves = 2 * np.pi / lengths * np.exp(1j * angles)
    return Tissue(waves, rng.uniform(0, 2 * np.pi, 5), level)


@dataclass(frozen=True)
class Nuclei:
    """Outlines of n nuclei, the hindmost first.

    Around its centre, `straight` w + `mirrored` w̄ maps a nucleus to the unit disc, deformed by
    waves: z = r·u with |u| = 1 is inside where r < 1 + Re Σ waves[k] u^(k+2).

    Attributes:
        centres: complex (n,), in units of the frame, as x + iy.
        straight, mirrored: complex (n,), the two parts of the map, per unit.
        waves: complex (n, 3), depth and phase of two, three and four waves along the outline.
        radii: (n, 2), half of the length and of the breadth, in units.
    """

    centres: Complex
    straight: Complex
    mirrored: Complex
    waves: Complex
    radii: Real

    def __len__(self) -> int:
        return len(self.centres)

    def reach(self, which: Any, towards: Complex) -> Real:
        """Units from the centre to the outline of nuclei `which` in directions of length 1."""
        z = self.straight[which] * towards + self.mirrored[which] * towards.conj()
        u = z / np.abs(z)
        bent = self.waves[which] * np.stack((u**2, u**3, u**4), axis=-1)
        units: Real = (1 + bent.sum(axis=-1).real) / np.abs(z)
        return units

    def at(self, centres: Complex) -> "Nuclei":
        return Nuclei(centres, self.straight, self.mirrored, self.waves, self.radii)

    def only(self, kept: Any) -> "Nuclei":
        parts = (self.centres, self.straight, self.mirrored, self.waves, self.radii)
        return Nuclei(*(part[kept] for part in parts))

    def swollen(self, factors: Real) -> "Nuclei":
        """The same outlines, so many times as large, and more angular."""
        return Nuclei(
            self.centres,
            self.straight / factors,
            self.mirrored / factors,
            self.waves * 2.5,
            self.radii * factors[:, None],
        )


@dataclass(frozen=True)
class Habit:
    """What the nuclei of one scene have in common.

    Attributes:
        diameter: typical diameter in units.
        spread: how much diameters differ, as the deviation of their logarithm.
        elongation: typical length over breadth.
        disorder: how far directions differ, as a deviation in radians.
        bend: depth of the waves along an outline.
    """

    diameter: float
    spread: float
    elongation: float
    disorder: float
    bend: float


def _grow(rng: np.random.Generator, habit: Habit, n: int) -> Nuclei:
    """`n` nuclei of random shape, all at the origin."""
    diameter = habit.diameter * np.exp(habit.spread * rng.standard_normal(n).clip(-2.2, 1.6))
    stretch = np.sqrt(1 + (habit.elongation - 1) * rng.gamma(4, 0.25, n).clip(0, 2.5))
    radii = np.stack((diameter / 2 * stretch, diameter / 2 / stretch), axis=1)
    tilt = rng.uniform(0, np.pi) + habit.disorder * rng.standard_normal(n)
    turn = np.exp(1j * tilt)
    long, short = 1 / radii[:, 0], 1 / radii[:, 1]
    depths = habit.bend * np.array((0.9, 0.8, 0.5)) * rng.uniform(0.2, 1, (n, 3))
    waves = depths * np.exp(2j * np.pi * rng.random((n, 3)))
    origin = np.zeros(n, np.complex128)
    return Nuclei(origin, turn.conj() * (long + short) / 2, turn * (long - short) / 2, waves, radii)


def _place(rng: np.random.Generator, habit: Habit, crowd: float, tissue: Tissue) -> Nuclei:
    """Nuclei in clumps: of those that would lie too deep in one before them, none is kept."""
    area = np.pi / 4 * habit.diameter**2
    wanted = (0.03 + 0.57 * crowd**1.2) * rng.uniform(0.6, 1.15) * WIDE * HIGH / area
    n = int(np.clip(wanted, 2, 160))
    nuclei = _grow(rng, habit, 3 * n + 6)
    closeness = 1.12 - 0.37 * crowd  # least distance of two centres, as a share of touching
    nuclei = nuclei.at(_scatter(rng, nuclei, crowd, closeness))
    allowed = (tissue(nuclei.centres) > 0) & _within_reach(nuclei.centres)
    allowed[0] = True
    nuclei = nuclei.only(_thin_out(nuclei, allowed, crowd, closeness, n))
    return nuclei.only(rng.permutation(len(nuclei)))


def _scatter(rng: np.random.Generator, nuclei: Nuclei, crowd: float, closeness: float) -> Complex:
    """Centres: some anywhere, the others beside one that was placed before."""
    n = len(nuclei)
    centres = rng.uniform(-8, WIDE + 8, n) + 1j * rng.uniform(-8, HIGH + 8, n)
    centres[0] = complex(WIDE, HIGH) / 2 + 12 * complex(*rng.uniform(-1, 1, 2))
    joins = rng.random(n) < 0.15 + 0.75 * crowd
    towards = np.exp(2j * np.pi * rng.random(n))
    gap, parents = rng.uniform(closeness, max(1.0, closeness), n), rng.random(n)
    start = max(1, n // 5)
    while start < n:  # each turn doubles the crowd, so that clumps of several form
        new = np.arange(start, min(n, 2 * start))
        parent = (parents[new] * start).astype(int)
        apart = nuclei.reach(parent, towards[new]) + nuclei.reach(new, -towards[new])
        beside = centres[parent] + towards[new] * apart * gap[new]
        centres[new] = np.where(joins[new], beside, centres[new])
        start *= 2
    return centres


def _within_reach(centres: Complex) -> npt.NDArray[np.bool_]:
    x, y = centres.real, centres.imag
    return (x > -8) & (x < WIDE + 8) & (y > -8) & (y < HIGH + 8)


def _thin_out(
    nuclei: Nuclei, allowed: npt.NDArray[np.bool_], crowd: float, closeness: float, most: int
) -> list[int]:
    """Up to `most` of the allowed nuclei, none too close to another."""
    span = nuclei.centres[None, :] - nuclei.centres[:, None]
    distance = np.abs(span)
    first, second = np.nonzero(np.triu(distance < 2.5 * nuclei.radii.max(), 1))
    towards = span[first, second] / np.maximum(distance[first, second], 1e-9)
    touching = nuclei.reach(first, towards) + nuclei.reach(second, -towards)
    if crowd < 0.25:  # circles around them: then none touch, however they are turned
        around = 1.15 * (nuclei.radii[first, 0] + nuclei.radii[second, 0])
        touching += (1 - 4 * crowd) * np.maximum(0, around - touching)
    clash = np.zeros((len(nuclei), len(nuclei)), bool)
    clash[first, second] = distance[first, second] < closeness * touching
    kept: list[int] = []
    for index in np.flatnonzero(allowed):
        if len(kept) < most and not clash[kept, index].any():
            kept.append(int(index))
    return kept


# How much dye they hold --------------------------------------------------------------------------


@dataclass(frozen=True)
class Dye:
    """How the dye spreads inside n nuclei; all arrays are (n,).

    Attributes:
        level: amount of dye.
        blur: breadth of the edge in units.
        dome: how much less dye is at the edge, as in a sphere; below 0 there is more.
        chromatin: contrast of the granules.
        nucleoli: dye in the nucleoli, as a share of that around them; below 0 there is less.
    """

    level: Real
    blur: Real
    dome: Real
    chromatin: Real
    nucleoli: Real

    def of(self, index: int) -> tuple[float, ...]:
        parts = (self.level, self.blur, self.dome, self.chromatin, self.nucleoli)
        return tuple(float(part[index]) for part in parts)


def _outlines(
    frame: Frame, nuclei: Nuclei, blur: Real
) -> Iterator[tuple[int, Window, Places, Plane]]:
    """Of each nucleus in the image: index, window, z (see Nuclei) and depth below its outline.

    The depth is a share of the radius: 1 in the centre, 0 on the outline, negative outside. The
    window holds the whole nucleus, its edge `blur` (n,) units broad.
    """
    bulge = np.abs(nuclei.waves).sum(axis=1) + 0.5 * blur / nuclei.radii[:, 1]
    reach = (1 + bulge) * nuclei.radii[:, 0]
    for index, centre in enumerate(nuclei.centres):
        window = frame.around(centre, reach[index])
        w = frame.places[window] - np.complex64(centre)
        if not w.size:
            continue
        # Python's own numbers keep single precision; NumPy's would turn every plane to double.
        z = complex(nuclei.straight[index]) * w + complex(nuclei.mirrored[index]) * w.conj()
        radius = np.abs(z)
        u = z / np.maximum(radius, 1e-6)
        second, third, fourth = nuclei.waves[index].tolist()
        depth = 1 - radius + ((second + (third + fourth * u) * u) * u * u).real
        yield index, window, z, depth


def _fill(frame: Frame, rng: np.random.Generator, nuclei: Nuclei, dye: Dye) -> tuple[Plane, Labels]:
    """The amount of dye (H×W) and the nucleus that each pixel belongs to (H×W)."""
    amount = np.zeros((frame.height, frame.width), np.float32)
    instances = np.zeros((frame.height, frame.width), np.int32)
    granules = np.zeros_like(amount)
    if dye.chromatin.any():
        granules = frame.show(grain(rng, 0.9) + 0.7 * grain(rng, 2.2))
    turns = np.exp(2j * np.pi * rng.random((len(nuclei), 3)))
    spots = rng.uniform(0, 0.62, turns.shape) * turns
    n_spots = rng.integers(0, 4, len(nuclei))
    dye = replace(dye, blur=np.maximum(dye.blur, 1 / frame.scale))  # at least one pixel
    for index, window, z, depth in _outlines(frame, nuclei, dye.blur):
        level, blur, dome, chromatin, nucleoli = dye.of(index)
        units = depth * float(nuclei.radii[index, 1])
        cover = (units / blur + 0.5).clip(0, 1)
        inside = 1 + dome * (np.minimum(2.2 * depth.clip(0, 1), 1) - 1)
        inside *= 1 + chromatin * granules[window]
        for spot in spots[index, : n_spots[index]].tolist():
            off = z - spot
            inside += nucleoli * np.exp(-(off.real**2 + off.imag**2) / 0.035)
        new = level * cover * np.maximum(inside, 0.1)
        before = amount[window]
        amount[window] = before + new - 0.6 * np.minimum(before, new)
        instances[window][depth > 0] = index + 1
    return amount, instances


# What the microscope shows -----------------------------------------------------------------------


def _fluorescence(frame: Frame, rng: np.random.Generator, crowd: float) -> tuple[Plane, Labels]:
    """Dye that shines in the dark, around it the glow of what is out of focus."""
    habit = Habit(
        diameter=float(np.exp(rng.uniform(np.log(9), np.log(36)))),
        spread=rng.uniform(0.12, 0.3),
        elongation=rng.uniform(1.1, 1.7),
        disorder=float(rng.choice((0.3, 3.0))),
        bend=rng.uniform(0.03, 0.13),
    )
    nuclei = _place(rng, habit, crowd, _lay_tissue(rng, rng.uniform(-2, -0.2)))
    n = len(nuclei)
    level = np.exp(rng.uniform(0.1, 0.45) * rng.standard_normal(n)).clip(0.3, 2.2)
    blur = rng.uniform(0.8, 2.0) + habit.diameter * 0.3 * (rng.random(n) < 0.12)
    dye = Dye(
        level=level / np.percentile(level, 90),
        blur=blur,
        dome=rng.uniform(0.1, 0.45) + 0.1 * rng.random(n),
        chromatin=rng.uniform(0.02, 0.2) * rng.uniform(0.5, 1.5, n),
        nucleoli=np.full(n, rng.uniform(-0.45, 0.1)),
    )
    light, instances = _fill(frame, rng, nuclei, dye)
    light += 0.8 * _debris(frame, rng, int(rng.integers(0, 14)))
    glow = frame.blur(light, habit.diameter * 0.8) * rng.uniform(0.08, 0.3)
    cloud = _lay_tissue(rng, 0.0).seen(frame)
    base = rng.uniform(0.01, 0.05) * (1.5 + 0.7 * cloud)
    total = frame.blur(light, rng.uniform(0.4, 1.0)) + glow + base
    tint = TINTS[rng.choice(len(TINTS), p=(0.6, 0.15, 0.1, 0.08, 0.07))]
    exposure = float(np.exp(rng.uniform(np.log(75), np.log(225))))
    return exposure * total[:, :, None] * np.array(tint, np.float32), instances


# Colour of the light: grey as most cameras see it, or as a print shows the dye (DAPI, GFP, …).
TINTS = ((1, 1, 1), (0.25, 0.45, 1.1), (0.2, 1.0, 0.45), (0.1, 0.8, 1.0), (1.0, 0.35, 0.25))


@dataclass(frozen=True)
class Stain:
    """Light that two dyes take away: optical density in red, green and blue."""

    nucleus: tuple[float, float, float]
    tissue: tuple[float, float, float]
    glass: tuple[float, float, float]


STAINS = (
    Stain((0.62, 1.05, 0.26), (0.16, 0.28, 0.07), (0.22, 0.28, 0.14)),  # violet throughout
    Stain((0.75, 0.95, 0.42), (0.10, 0.62, 0.30), (0.04, 0.06, 0.05)),  # haematoxylin and eosin
    Stain((0.62, 1.25, 0.45), (0.06, 0.16, 0.12), (0.07, 0.07, 0.12)),  # magenta on clear glass
)


def _stained(frame: Frame, rng: np.random.Generator, crowd: float) -> tuple[Plane, Labels]:
    """A thin slice of tissue with dark nuclei, fibres and borders of cells, as pathology sees."""
    stain = STAINS[rng.choice(3, p=(0.4, 0.45, 0.15))]
    habit = Habit(
        diameter=float(np.exp(rng.uniform(np.log(11), np.log(34)))),
        spread=rng.uniform(0.15, 0.3),
        elongation=rng.uniform(1.15, 2.3),
        disorder=float(rng.choice((0.25, 0.6, 3.0))),
        bend=rng.uniform(0.05, 0.16),
    )
    tissue = _lay_tissue(rng, rng.uniform(-2.2, -0.4))
    nuclei = _place(rng, habit, crowd, tissue)
    n = len(nuclei)
    dark = rng.random(n) < rng.uniform(0.1, 0.8)  # dense, or pale with a dark rim and nucleoli
    dye = Dye(
        level=np.where(dark, 1.15, 0.75) * rng.uniform(0.75, 1.25, n) * rng.uniform(0.8, 1.2),
        blur=rng.uniform(0.8, 1.8) + habit.diameter * 0.25 * (rng.random(n) < 0.1),
        dome=np.where(dark, 0.1, -0.35) * rng.uniform(0.3, 1.2, n),
        chromatin=np.where(dark, 0.1, 0.22) * rng.uniform(0.5, 1.3, n),
        nucleoli=np.where(dark, 0.1, 0.7) * rng.uniform(0.3, 1.2, n),
    )
    amount, instances = _fill(frame, rng, nuclei, dye)
    eosin = _draw_tissue(frame, rng, nuclei, tissue)
    eosin *= 1 - 0.6 * amount.clip(0, 1)
    density = (
        amount[:, :, None] * _jitter(rng, stain.nucleus)
        + eosin[:, :, None] * _jitter(rng, stain.tissue)
        + _jitter(rng, stain.glass)
    )
    return 250 * np.exp(-frame.blur(density, rng.uniform(0.3, 0.8))), instances


def _jitter(rng: np.random.Generator, colour: tuple[float, ...]) -> npt.NDArray[np.float32]:
    return (np.array(colour) * rng.uniform(0.85, 1.15, 3)).astype(np.float32)


def _draw_tissue(frame: Frame, rng: np.random.Generator, nuclei: Nuclei, tissue: Tissue) -> Plane:
    """Amount (H×W) of the dye that shows what lies between the nuclei."""
    inside = (1.5 * tissue.seen(frame) + 0.9).clip(0, 1)
    mottle = frame.show(grain(rng, 1.2)) * 0.07 + frame.show(grain(rng, 12)) * 0.15
    cytoplasm = 0.85 + rng.uniform(0.04, 0.24) * _draw_fibres(frame, rng) + mottle
    cytoplasm += rng.uniform(0, 0.5) * _draw_borders(frame, nuclei)
    amount: Plane = inside * np.maximum(cytoplasm, 0.1)
    return amount


def _draw_fibres(frame: Frame, rng: np.random.Generator) -> Plane:
    """Wavy fibres (H×W) of mean 0 and deviation 1: grains, drawn out along one direction."""
    turned = frame.places * np.complex64(np.exp(1j * rng.uniform(0, np.pi)))
    across = turned.imag + frame.show(rng.uniform(2, 6) * grain(rng, 24))
    x, y = turned.real * rng.uniform(0.06, 0.16) + 99, across * rng.uniform(0.5, 1.2) + 99
    fibres: Plane = cv2.remap(
        grain(rng, 1.1), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return fibres


def _draw_borders(frame: Frame, nuclei: Nuclei) -> Plane:
    """The lines, 0 to 1, that are as far from one nucleus as from the next (H×W)."""
    seeds = np.full((HIGH, WIDE), 255, np.uint8)
    x = nuclei.centres.real.astype(int).clip(0, WIDE - 1)
    y = nuclei.centres.imag.astype(int).clip(0, HIGH - 1)
    seeds[y, x] = 0
    _, nearest = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    lines = np.zeros((HIGH, WIDE), np.float32)
    lines[:, 1:] = nearest[:, 1:] != nearest[:, :-1]
    lines[1:] = np.maximum(lines[1:], nearest[1:] != nearest[:-1])
    return frame.show(1.8 * cv2.GaussianBlur(lines, (0, 0), 0.9)).clip(0, 1)


def _brightfield(frame: Frame, rng: np.random.Generator, crowd: float) -> tuple[Plane, Labels]:
    """A smear of loose cells in grey: every nucleus lies in its own pale cytoplasm."""
    habit = Habit(
        diameter=rng.uniform(8, 18),
        spread=rng.uniform(0.15, 0.3),
        elongation=rng.uniform(1.1, 1.5),
        disorder=3.0,
        bend=rng.uniform(0.04, 0.12),
    )
    nuclei = _place(rng, habit, 0.7 * crowd, _lay_tissue(rng, rng.uniform(-1.2, 0.2)))
    n = len(nuclei)
    flat = np.zeros(n)
    bodies = nuclei.swollen(rng.uniform(1.8, 3.4, n))
    pale = Dye(rng.uniform(0.1, 0.28, n), flat + 1.2, flat - 0.25, flat + 0.16, flat)
    dye = Dye(
        level=rng.uniform(0.55, 1.0, n),
        blur=flat + rng.uniform(0.9, 2.0),
        dome=flat + 0.15,
        chromatin=flat + 0.12,
        nucleoli=flat + rng.uniform(0, 0.3),
    )
    cytoplasm, _ = _fill(frame, rng, bodies, pale)
    amount, instances = _fill(frame, rng, nuclei, dye)
    amount += cytoplasm + 0.5 * _debris(frame, rng, int(rng.integers(2, 16)))
    shade = 232 * np.exp(-frame.blur(amount, rng.uniform(0.3, 0.7)))
    return np.repeat(shade[:, :, None], 3, axis=2), instances


def _debris(frame: Frame, rng: np.random.Generator, n: int) -> Plane:
    """Amount (H×W) of dye in `n` specks that are no nuclei."""
    habit = Habit(diameter=2.2, spread=0.4, elongation=1.6, disorder=3.0, bend=0.2)
    places = rng.uniform(0, WIDE, n) + 1j * rng.uniform(0, HIGH, n)
    specks = _grow(rng, habit, n).at(places)
    flat = np.zeros(n)
    dye = Dye(rng.uniform(0.3, 1.0, n), flat + 1.0, flat, flat, flat)
    return _fill(frame, rng, specks, dye)[0]


# The shares of `mixed` follow the Data Science Bowl 2018, with more of the rarer looks.
LOOKS = {"fluorescence": _fluorescence, "stained": _stained, "brightfield": _brightfield}


def _photograph(frame: Frame, rng: np.random.Generator, pixels: Plane, noise: float) -> Image:
    """`pixels` (H×W×3, values around 0 to 255) as a camera takes them: darker corners and noise."""
    off = frame.places - np.complex64(complex(WIDE, HIGH) / 2 + 20 * complex(*rng.normal(size=2)))
    vignette = 1 - rng.uniform(0, 0.3) * (off.real**2 + off.imag**2) / 160**2
    seen = pixels * vignette[:, :, None].astype(np.float32)
    if noise:
        shape = (frame.height, frame.width, 3 if rng.random() < 0.5 else 1)
        # Photons arrive at random: the deviation grows as the root of the brightness.
        deviation = noise * np.sqrt(3 + 1.2 * np.maximum(seen, 0))
        seen += deviation * rng.standard_normal(shape, dtype=np.float32)
    image: Image = np.rint(seen.clip(0, 255)).astype(np.uint8)
    return image
