r"""Watershed: flooding a landscape from markers

Idea
Read an image as a landscape and let water rise from a *marker* in every valley. Where the waters
of two markers meet, a dam is built: the *watershed line*. Everything depends on the markers, so
most of the steps serve to find them:

1. a threshold and an opening give the objects $X$;
2. outside the dilated $X$ all is **sure background**;
3. the distance map $d(p) = \min_{q \notin X} \lVert p - q \rVert$ peaks in the middle of each
   object, even where objects touch, and its peaks are **sure foreground**;
4. only what lies between, the **unknown**, is flooded.

Which peaks count? The classical rule keeps $d(p) > s \cdot \max d$. The *h-maxima* keep every peak
that rises more than $h$ above the saddle to a higher one, whatever its height: they are the
regional maxima of $\mathrm{HMAX}_h(d) = R^{\delta}_{d}(d - h)$, the reconstruction by dilation of
$d - h$ under $d$.

Used for
Counting and parting things that touch: cells and nuclei, grains, coins, tablets, ore. With clicked
markers, cutting out by hand.

When it fails
*Too few objects.* On `coins` the classical rule finds two objects, and neither is a coin. The light
is uneven, so Otsu's threshold takes a bright corner along; the distance is greatest there, and no
coin reaches $0.7$ of it. One large object has the same effect: on `touching` the rule finds 13 of
34 berries, h-maxima find all.

*Too many objects.* Weak markers break objects up (over-segmentation): with little smoothing and a
small $h$, every bump of a ragged outline becomes a peak, and every peak floods an object of its
own. Smooth, or raise $h$.

References
S. Beucher and C. Lantuéjoul, *Use of watersheds in contour detection*, 1979.
G. Borgefors, *Distance transformations in digital images*, 1986.
L. Vincent and P. Soille, *Watersheds in digital spaces*, 1991 (immersion).
F. Meyer, *Color image segmentation*, 1992 (the ordered queue that OpenCV floods with).
L. Vincent, *Morphological grayscale reconstruction in image analysis*, 1993.
P. Soille, *Morphological Image Analysis*, 2nd ed., 2003 (h-maxima).
"""

from typing import Annotated

import cv2
import numpy as np
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from segcore.charts import Surface
from segcore.ops.heights import Heights, background_distance, h_maxima_transform
from segcore.ops.labels import drop_small
from segcore.result import Gray, Image, Labels, Point, Segmentation, regions
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

SQUARE = np.ones((3, 3), np.uint8)


def segment(
    image: Image,
    *,
    markers: Annotated[
        str,
        Choice(
            distance="Distance > share of its maximum",
            h_maxima="h-maxima of the distance",
            clicked="Clicked points",
        ),
        "What the flood starts from: one marker becomes one object.",
    ] = "h_maxima",
    share: Annotated[
        float,
        Range(0.05, 0.95, step=0.05),
        Only(markers="distance"),
        "Pixels farther from the background than this share of the greatest distance are markers.",
    ] = 0.7,
    h: Annotated[
        float,
        Range(0.5, 20.0, step=0.5),
        Label("h"),
        Only(markers="h_maxima"),
        "How far in pixels a peak of the distance must rise above the saddle to a higher one.",
    ] = 3.0,
    seeds: Annotated[
        tuple[Point, ...],
        Points(),
        Only(markers="clicked"),
        "One click per object; clicks that touch are one marker. Without any there is no object.",
    ] = (),
    objects: Annotated[
        str,
        Choice(bright="Brighter than the background", dark="Darker than the background"),
        "Which side of the threshold is foreground.",
    ] = "bright",
    threshold: Annotated[
        str,
        Choice(otsu="Otsu, one for all", local="Local mean"),
        "One level for the whole image, or for each pixel the mean of its surroundings, which "
        "copes with uneven light.",
    ] = "local",
    block_size: Annotated[
        int,
        Range(3, 301, step=2),
        Only(threshold="local"),
        "Side of the square that the local mean is taken over, in pixels: more than an object.",
    ] = 101,
    offset: Annotated[
        int,
        Range(0, 50),
        Only(threshold="local"),
        "Grey levels by which an object must differ from the local mean.",
    ] = 8,
    sigma: Annotated[
        float,
        Range(0.0, 5.0, step=0.5),
        Label("Smoothing σ"),
        "Standard deviation in pixels of a Gaussian applied to the image first; 0 for none.",
    ] = 1.5,
    opening_iterations: Annotated[
        int, Range(0, 10), "Erosions, then as many dilations (3×3): specks and bridges vanish."
    ] = 2,
    dilation_iterations: Annotated[
        int, Range(0, 10), "How far in pixels from the objects the sure background begins."
    ] = 3,
    landscape: Annotated[
        str,
        Choice(
            image="Image, as OpenCV does",
            gradient="Gradient magnitude",
            distance="Distance, upside down",
        ),
        "What is flooded: steps of colour, edges of brightness, or the shape of the objects alone.",
    ] = "image",
    min_area: Annotated[
        int, Range(0, 2000, step=10), Label("Minimum area"), "Smaller objects are left out, in px."
    ] = 100,
    show: Show = ignore,
) -> Segmentation:
    if markers == "clicked":
        check_inside(seeds, image, "seeds")
    smooth = image
    if sigma > 0:
        smooth = cv2.GaussianBlur(image, (0, 0), sigma)
        show("Smoothed", smooth, f"A Gaussian of {sigma:g} px takes the texture off the objects.")
    gray = cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY)
    show("Grayscale", gray, "One brightness per pixel, 0.299 R + 0.587 G + 0.114 B.")
    binary = binarize(gray, objects, threshold, block_size, offset, show)
    opened = cv2.morphologyEx(binary, cv2.MORPH_OPEN, SQUARE, iterations=opening_iterations)
    show("Opening", opened, "Specks and thin bridges are gone, large shapes are as they were.")
    dilated = cv2.dilate(opened, SQUARE, iterations=dilation_iterations)
    show("Sure background", dilated, "Black: too far from every object to belong to one.")
    distance = background_distance(opened)
    show("Distance transform", distance, f"To the background, {distance.max():.1f} px at most.")

    sure = sure_foreground(distance, markers, share, h, seeds, show)
    unknown = cv2.subtract(dilated, sure)
    show("Unknown", unknown, "White: neither sure foreground nor sure background.")
    count, sources = number_markers(sure, unknown)
    show("Markers", sources, marker_caption(count, markers, seeds))
    flooded = flood(smooth, distance, sources, landscape)
    show(
        "Landscape",
        lambda: Surface(
            relief(smooth, distance, landscape), HEIGHTS[landscape], outline=flooded == -1
        ),
        "Water rises from the markers, the lowest places first; a dam stands where floods meet.",
    )
    show("Flooded", flooded, "Each marker has filled its basin; white lines part the basins.")
    show("Watershed lines", lambda: draw_lines(image, flooded), "Red: the dams, on the image.")

    result = regions(take_objects(flooded, min_area), "Object", is_thing=True)
    show(
        "Objects",
        lambda: result.labels,
        f"{len(result.segments)} objects from {count} markers, each of {min_area} px or more.",
    )
    return result


SIDES = {"bright": "brighter than", "dark": "at most as bright as"}


def binarize(
    gray: Gray, objects: str, threshold: str, block_size: int, offset: int, show: Show
) -> Gray:
    """Foreground (255) by Otsu's level (1979), or by the mean of a square around each pixel."""
    bright = objects == "bright"
    side = cv2.THRESH_BINARY if bright else cv2.THRESH_BINARY_INV
    if threshold == "otsu":
        level, binary = cv2.threshold(gray, 0, 255, side + cv2.THRESH_OTSU)
        show("Binary", binary, f"White: {SIDES[objects]} Otsu's level, {level:g}.")
        return binary
    shift = -offset if bright else offset
    mean = cv2.ADAPTIVE_THRESH_MEAN_C
    binary = cv2.adaptiveThreshold(gray, 255, mean, side, block_size, shift)
    show("Binary", binary, f"White: {SIDES[objects]} the local mean {-shift:+d}.")
    return binary


def sure_foreground(
    distance: Heights,
    markers: str,
    share: float,
    h: float,
    seeds: tuple[Point, ...],
    show: Show,
) -> Gray:
    """Pixels (255) that certainly belong to an object; each connected group is one marker."""
    if markers == "distance":
        level = share * distance.max()
        sure = cv2.threshold(distance, level, 255, cv2.THRESH_BINARY)[1].astype(np.uint8)
        show("Sure foreground", sure, f"White: more than {level:.1f} px from the background.")
    elif markers == "h_maxima":
        lowered = h_maxima_transform(distance, h)
        show("H-maxima transform", lowered, f"Every peak is cut by {h:g} px; low ones vanish.")
        sure = local_maxima(lowered).view(np.uint8) * np.uint8(255)
        show("Sure foreground", sure, "White: the flat tops that are left.")
    else:
        sure = np.zeros(distance.shape, np.uint8)
        for seed in seeds:
            cv2.circle(sure, seed, 3, 255, cv2.FILLED)
        show("Sure foreground", sure, "White: a disc of 3 px around every click.")
    return sure


def marker_caption(count: int, markers: str, seeds: tuple[Point, ...]) -> str:
    if markers == "clicked" and not seeds:
        return "No marker yet, so no object: click the objects in the image."
    return f"{count} markers, one background, and the unknown (0) still to be flooded."


def number_markers(sure: Gray, unknown: Gray) -> tuple[int, Labels]:
    """How many markers there are, and their map: 0 unknown, 1 background, the markers from 2."""
    count, sources = cv2.connectedComponents(sure)
    sources += 1
    sources[unknown == 255] = 0
    return count - 1, sources


HEIGHTS = {
    "image": "step of colour in grey levels",
    "gradient": "gradient magnitude",
    "distance": "minus distance in px",
}


def relief(image: Image, distance: Heights, landscape: str) -> Heights:
    """Heights (float32 H×W) of the landscape that is flooded."""
    if landscape == "distance":
        return -distance
    if landscape == "gradient":
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        across, down = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
        return cv2.magnitude(across, down)
    # OpenCV floods by the greatest difference of a channel between neighbours.
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    steps = cv2.morphologyEx(image, cv2.MORPH_GRADIENT, cross)
    red, green, blue = cv2.split(steps)
    return cv2.max(red, cv2.max(green, blue)).astype(np.float32)


def flood(image: Image, distance: Heights, sources: Labels, landscape: str) -> Labels:
    """Label of the marker that each pixel is flooded from, -1 on the watershed lines.

    OpenCV floods `sources` in place, and draws a line along the border of the image as well.
    """
    if landscape == "image":
        return cv2.watershed(image, sources)
    flooded: Labels = watershed(relief(image, distance, landscape), sources, watershed_line=True)
    flooded[flooded == 0] = -1
    return flooded


def take_objects(flooded: Labels, min_area: int) -> Labels:
    """Labels of the objects from 1 up: the background, 1, and the lines, -1, become 0."""
    labels = np.maximum(flooded, 1)
    labels -= 1
    return drop_small(labels, min_area) if min_area > 0 else labels


def draw_lines(image: Image, flooded: Labels) -> Image:
    picture = image.copy()
    picture.reshape(-1, 3)[np.flatnonzero(flooded == -1)] = (255, 0, 0)
    return picture


ARTICLE = {
    "markers": "distance",
    "share": 0.7,
    "objects": "dark",
    "threshold": "otsu",
    "sigma": 0.0,
    "opening_iterations": 2,
    "dilation_iterations": 3,
    "landscape": "image",
    "min_area": 0,
}

TECHNIQUE = Technique(
    "Watershed",
    year=1979,
    segment=segment,
    sample="coins",
    fails=Preset("One rule for all sizes", {**ARTICLE, "objects": "bright"}, "coins"),
    presets=(
        Preset("As in the article", ARTICLE, "touching"),
        Preset(
            "All 24 coins",
            {"markers": "h_maxima", "h": 3.0, "threshold": "local", "sigma": 1.5, "min_area": 100},
            "coins",
        ),
        Preset(
            "All 34 berries",
            {"h": 3.0, "objects": "dark", "threshold": "otsu", "landscape": "distance"},
            "touching",
        ),
        Preset(
            "Over-segmentation by weak markers",
            {"markers": "h_maxima", "h": 0.5, "sigma": 0.5, "min_area": 0},
            "coins",
        ),
    ),
)
