r"""Region growing: from seeds outwards

Idea
A region starts at a *seed* pixel and takes in bordering pixels as long as they are alike. What
"alike" means is the criterion: the distance $\delta$ of a bordering pixel $p$ must not exceed the
tolerance $T$,
$$\delta(p) = |I(p) - r| \le T, \qquad
r = I(\text{seed}), \quad r = \operatorname{mean}_{q \in R} I(q) \quad\text{or}\quad r = I(q),\;
q \text{ a neighbour of } p \text{ in } R .$$
The *seed value* is the flood fill of paint programs. The *running mean* (Adams & Bischof) forgets
an unlucky seed. The *neighbour* follows slow shading, but walks over any edge in small steps.

Several regions grow at once, in sweeps. In a sweep every region takes in the neighbouring pixels
with $\delta$ up to a level; a pixel that several claim goes to the one with the smallest $\delta$,
of equals to the one seeded first. The level starts at 0 and opens to the next whole grey level with
a claim, up to $T$, whenever a sweep finds no more. $\delta$ is measured when a neighbour of the
pixel joins, and again when the level opens. Adams and Bischof take in one pixel at a time, always
the nearest. Here those of a sweep join together, as Mehnert and Jackway do with ties, and the mean
follows after the sweep.

A grey level is 1/255 of the way from black to white. In CIELAB that way is $\Delta E = 100$, so a
tolerance of 25 is a $\Delta E$ of about 10.

Where you set no seeds, each is put in the middle of the largest disc without edges that no earlier
one reaches: in even ground, as Shih and Cheng advise.

Used for
One click, one object: a tumour in a scan, a lake in an aerial photograph, a flat part on a belt.

When it fails
Regions leak. On `weak_edge` two organs touch where the seam between them fades out: one seed fills
both. Up to a tolerance of 10 it stays inside but leaves hundreds of holes; at 11 it is through.

References
R. Adams and L. Bischof, *Seeded region growing*, 1994.
A. Mehnert and P. Jackway, *An improved seeded region growing algorithm*, 1997.
F. Y. Shih and S. Cheng, *Automatic seeded region growing for color image segmentation*, 2005.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Curve, Frames, Histogram, Marker, Series
from segcore.ops.growth import GrowthRule, Picture, RegionGrowth
from segcore.result import Image, Labels, Point, Segment, Segmentation
from segcore.technique import (
    Choice,
    Label,
    Only,
    Points,
    Preset,
    Range,
    Show,
    Technique,
    check_inside,
    ignore,
)

GrayPlane: TypeAlias = npt.NDArray[np.uint8]  # H×W
Floats: TypeAlias = npt.NDArray[np.float32]
Indices: TypeAlias = npt.NDArray[np.intp]


def segment(
    image: Image,
    *,
    seeds: Annotated[
        tuple[Point, ...],
        Points(),
        "Click where regions start. Without clicks, seeds are set for you.",
    ] = (),
    n_seeds: Annotated[
        int,
        Range(1, 64),
        Only(seeds=((),)),
        Label("Automatic seeds"),
        "Most seeds that are set where you set none.",
    ] = 12,
    criterion: Annotated[
        str,
        Choice(seed="Seed value", mean="Mean of the region", neighbor="Neighbour"),
        "What a bordering pixel is compared with before it may join.",
    ] = "seed",
    tolerance: Annotated[
        int, Range(0, 255), "Greatest distance that joins, in grey levels: 255 is black to white."
    ] = 25,
    space: Annotated[
        str,
        Choice(gray="Grey", lab="CIELAB"),
        "Compare brightness only, or colours as different as they look.",
    ] = "gray",
    connectivity: Annotated[
        int,
        Choice(4, 8),
        "Neighbours of a pixel: 4 side by side, or 8 with those corner to corner.",
    ] = 8,
    max_size: Annotated[
        int,
        Range(1, 100),
        Label("Largest region"),
        "Per cent of the image at which a region stops: a guard against leaks.",
    ] = 100,
    blur: Annotated[
        float,
        Range(0.0, 10.0, step=0.1),
        "Standard deviation in pixels of a Gaussian applied first: noise leaves fewer holes.",
    ] = 0.0,
    show: Show = ignore,
) -> Segmentation:
    check_inside(seeds, image, "seeds")
    if blur > 0:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    picture = growing_space(image, space, show)
    max_area = max(1, picture.shape[0] * picture.shape[1] * max_size // 100)
    rule = GrowthRule(criterion, tolerance, connectivity, max_area)

    starts = tuple(dict.fromkeys(seeds))  # a seed given twice starts one region
    if not starts:
        starts = automatic_seeds(picture, n_seeds, rule, show)
    show("Seeds", lambda: draw_seeds(image, starts), "Where the regions start, in their order.")
    show(
        "Local contrast" if criterion == "neighbor" else "Distance to the most similar seed",
        lambda: dissimilarity(picture, starts, criterion).astype(np.float32),
        "In grey levels. Growth crosses the dark and stops where it is bright.",
    )
    show(
        "Histogram",
        lambda: dissimilarity_histogram(dissimilarity(picture, starts, criterion), tolerance),
        "How many pixels are how far off. A good tolerance stands in a valley.",
    )
    labels = flood_apart(picture, starts, rule, show)
    if labels is None:
        labels = grow_together(picture, starts, rule, show)
    show("Regions", labels, "One label per seed; what no region reached stays background.")
    found = range(1, len(starts) + 1)
    return Segmentation(labels, tuple(Segment(label, f"Region {label}") for label in found))


def growing_space(image: Image, space: str, show: Show) -> Picture:
    """Grey, or CIELAB stretched by 2.55, so that black to white is a distance of 255 in both."""
    if space == "gray":
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        show("Grayscale", gray, "One brightness per pixel: it alone is compared.")
        return gray
    show(
        "CIELAB",
        lambda: np.hstack(cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2LAB))),
        "Lightness, green to red and blue to yellow: distances are as large as they look.",
    )
    lab = cv2.cvtColor(np.multiply(image, np.float32(1 / 255)), cv2.COLOR_RGB2LAB)
    return np.multiply(lab, np.float32(2.55), out=lab)


def channel_norm(values: Picture) -> Picture:
    """Euclidean norm of every pixel over its channels, H×W; one channel stays as it is."""
    if values.ndim == 2:
        return values
    return cv2.sqrt(cv2.transform(cv2.multiply(values, values), np.ones((1, 3))))


def distance_to(picture: Picture, seed: Point) -> Picture:
    """Distance of every pixel to the value of a seed, in grey levels, H×W."""
    value = picture[seed[1], seed[0]]
    if picture.ndim == 2:
        return cv2.LUT(picture, abs(np.arange(256) - int(value)).astype(np.uint8))
    return channel_norm(cv2.subtract(picture, (*value.tolist(), 0.0)))


def automatic_seeds(
    picture: Picture, n_seeds: int, rule: GrowthRule, show: Show
) -> tuple[Point, ...]:
    """From 1 to `n_seeds` points in the middle of even ground that no earlier one reaches."""
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.5)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    steepness = cv2.convertScaleAbs(channel_norm(cv2.magnitude(across, down)))
    _, even = cv2.threshold(steepness, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    # The image border counts as an edge, so that no seed stands right at it.
    room = cv2.distanceTransform(np.pad(even, 1), cv2.DIST_L2, 5)[1:-1, 1:-1].copy()
    show("Room", room, "Distance in pixels to the nearest edge: a seed wants room around it.")

    starts: list[Point] = []
    rule = rule._replace(criterion="seed")
    while len(starts) < n_seeds:
        _, radius, _, (x, y) = cv2.minMaxLoc(room)
        if starts and radius == 0:
            break
        starts.append((x, y))
        room *= flood_alone(smooth, 1, (x, y), rule) == 0
        cv2.circle(room, (x, y), math.ceil(radius), 0.0, cv2.FILLED)
    return tuple(starts)


# Regions that never meet -------------------------------------------------------------------------


def flood_fill(
    plane: GrayPlane, seeds: Mapping[int, Point], tolerance: int, rule: GrowthRule
) -> GrayPlane:
    """Label (H×W) of the seed whose flood fill reaches the pixel, else 0; first come, first served.

    The flood compares with the seed's value, or with the neighbour's, as the rule says.
    """
    height, width = plane.shape
    mask = np.zeros((height + 2, width + 2), np.uint8)
    flags = rule.connectivity | cv2.FLOODFILL_MASK_ONLY
    if rule.criterion == "seed":
        flags |= cv2.FLOODFILL_FIXED_RANGE
    for label, seed in seeds.items():
        cv2.floodFill(plane, mask, seed, 0, tolerance, tolerance, flags | label << 8)
    return mask[1:-1, 1:-1]


def flood_alone(picture: Picture, label: int, seed: Point, rule: GrowthRule) -> GrayPlane:
    """`label` (H×W) where the region of a seed ends up without others, else 0."""
    if picture.ndim == 2:
        return flood_fill(picture, {label: seed}, rule.tolerance, rule)
    within = np.less_equal(distance_to(picture, seed), rule.tolerance).view(np.uint8)
    return flood_fill(within, {label: seed}, 0, rule)


def flood_apart(
    picture: Picture, starts: Sequence[Point], rule: GrowthRule, show: Show
) -> Labels | None:
    """The regions as one flood fill each, or None if they do not grow independently of each other.

    They do if the criterion stays the same on the way, no two meet and none is stopped by its size.
    Steps from colour to colour are left to the others too: cv2.floodFill knows no distance of them.
    """
    if rule.criterion == "mean" or (rule.criterion == "neighbor" and picture.ndim == 3):
        return None
    taken = np.zeros(picture.shape[:2], np.uint8)
    for label, seed in enumerate(starts, 1):
        region = flood_alone(picture, label, seed, rule)
        meets = cv2.countNonZero(cv2.min(taken, region)) > 0
        if meets or cv2.countNonZero(region) > rule.max_area:
            return None
        taken = cv2.max(taken, region)
    show(
        "Growth",
        lambda: flood_frames(picture, starts, taken, rule),
        "No two regions meet, so each is a flood fill: here as the tolerance opens to its value.",
    )
    return taken.astype(np.int32)


# Regions that compete ----------------------------------------------------------------------------


def grow_together(
    picture: Picture, starts: Sequence[Point], rule: GrowthRule, show: Show
) -> Labels:
    """Label map of regions that grow at once, ring by ring, as a level opens to the tolerance."""
    growth = RegionGrowth(picture, starts, rule)
    # One region whose criterion does not change ends up the same in any order.
    in_any_order = len(starts) == 1 and rule.criterion != "mean" and not growth.is_limited
    level = rule.tolerance if in_any_order else 0
    front, waiting = growth.border(growth.admit(growth.seeds)), []
    while True:
        near = front.distance <= level
        # A region that is stopped by its size leaves pixels that another one may have claimed.
        waiting.append(front if growth.is_limited else front.where(~near))
        if near.any():
            front = growth.border(growth.admit(front.where(near)))
            if growth.n_sweeps % 64 == 0:
                show.progress(growth.areas.sum() / growth.owner.size)
            continue
        front, waiting = growth.measure_again(waiting), []
        nearest = front.distance.min(initial=np.inf)
        if nearest > rule.tolerance:
            break
        level = min(rule.tolerance, max(level + 1, math.ceil(nearest)))

    labels = growth.owner.reshape(growth.shape)[1:-1, 1:-1].copy()
    arrival = growth.arrival.reshape(growth.shape)[1:-1, 1:-1]
    show(
        "Growth",
        lambda: sweep_frames(labels, arrival),
        "All regions take in a ring of pixels per sweep, the most similar ones first.",
    )
    show(
        "Size of the regions",
        lambda: sweep_curve(labels, arrival, None),
        "Pixels of each region after each sweep. A sudden rise is a region that broke through.",
    )
    if rule.criterion == "mean":
        show(
            "Mean of the regions",
            lambda: sweep_curve(labels, arrival, np.atleast_3d(picture)[..., 0]),
            "What each region compares with: the mean drifts as other pixels are taken in.",
        )
    return labels


# Pictures of the steps ---------------------------------------------------------------------------


def draw_seeds(image: Image, starts: Sequence[Point]) -> Image:
    """The image with numbered dots at the seeds."""
    drawn = image.copy()
    radius = max(2, round(math.hypot(*image.shape[:2]) / 150))
    for label, (x, y) in enumerate(starts, 1):
        beside = (x + radius + 2, y + radius)
        for color, more in (((0, 0, 0), 1), ((255, 220, 0), 0)):  # light on a dark outline
            cv2.circle(drawn, (x, y), radius + more, color, cv2.FILLED)
            font = cv2.FONT_HERSHEY_SIMPLEX
            cv2.putText(drawn, str(label), beside, font, radius / 8, color, 1 + 2 * more)
    return drawn


def dissimilarity(picture: Picture, starts: Sequence[Point], criterion: str) -> Picture:
    """Distance of each pixel to the most similar seed; by neighbour, contrast within 3×3 pixels."""
    if criterion == "neighbor":
        ring = np.ones((3, 3), np.uint8)
        return channel_norm(cv2.morphologyEx(picture, cv2.MORPH_GRADIENT, ring))
    nearest = distance_to(picture, starts[0])
    for seed in starts[1:]:
        nearest = cv2.min(nearest, distance_to(picture, seed))
    return nearest


def dissimilarity_histogram(distances: Picture, tolerance: int) -> Histogram:
    bins = 1 + max(255, math.ceil(distances.max()))
    counts = cv2.calcHist([distances], [0], None, [bins], [-0.5, bins - 0.5]).ravel()
    marker = Marker(float(tolerance), f"tolerance {tolerance}")
    return Histogram(np.arange(bins), counts, "distance in grey levels", markers=(marker,))


def flood_frames(
    picture: Picture, starts: Sequence[Point], taken: GrayPlane, rule: GrowthRule
) -> Frames:
    """Regions that never meet (`taken`), at an eighth of the tolerance, two eighths, …"""
    seeds = dict(enumerate(starts, 1))
    levels = sorted({round(rule.tolerance * part / 8) for part in range(1, 9)})
    if picture.ndim == 2:
        grown = [flood_fill(picture, seeds, level, rule) for level in levels]
    else:
        distance = np.zeros(taken.shape, np.float32)
        for label, seed in seeds.items():
            np.copyto(distance, distance_to(picture, seed), where=taken == label)
        within = (np.multiply(taken, distance <= level) for level in levels)
        grown = [flood_fill(plane, seeds, 0, rule) for plane in within]
    kind = np.int32 if len(starts) > 1 else np.bool_
    names = tuple(f"tolerance {level}" for level in levels)
    return Frames(tuple(labels.astype(kind) for labels in grown), names)


def sweep_frames(labels: Labels, arrival: Labels) -> Frames:
    """The regions after ten sweeps, between which about as many pixels joined each time."""
    total = np.cumsum(np.bincount(arrival[labels > 0]))
    sweeps = np.unique(np.searchsorted(total, np.linspace(0.1, 1, 10) * total[-1]))
    frames = tuple(np.where(arrival <= sweep, labels, 0) for sweep in sweeps)
    return Frames(frames, tuple(f"sweep {sweep}" for sweep in sweeps))


def sweep_curve(labels: Labels, arrival: Labels, values: Picture | None) -> Curve:
    """Area over the sweeps of the ten largest regions, or the mean of `values` (H×W) in them."""
    regions = np.argsort(-np.bincount(labels.ravel())[1:], kind="stable")[:10] + 1
    series = []
    for region in np.sort(regions):
        inside = labels == region
        when, n_sweeps = arrival[inside], arrival.max() + 1
        y = np.cumsum(np.bincount(when, minlength=n_sweeps)).astype(np.float64)
        if values is not None:
            y = np.cumsum(np.bincount(when, values[inside], n_sweeps)) / y
        # A line of a few hundred points shows all that a screen can.
        x = np.unique(np.linspace(0, len(y) - 1, 300).astype(np.intp))
        series.append(Series(f"Region {region}", x, y[x]))
    return Curve(tuple(series), "sweep", "pixels" if values is None else "mean in grey levels")


TECHNIQUE = Technique(
    "Region growing",
    year=1994,
    segment=segment,
    sample="camera",
    fails=Preset("A leak", {"seeds": ((180, 170),), "tolerance": 25}, sample="weak_edge"),
    presets=(
        Preset("Colours", {"space": "lab", "criterion": "mean", "tolerance": 30}, sample="coffee"),
        Preset("One click", {"seeds": ((180, 170),), "tolerance": 10}, sample="weak_edge"),
    ),
)
