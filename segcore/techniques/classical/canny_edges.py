r"""Canny edges: thin lines where the brightness jumps

Idea
Canny asked three things of an edge detector: miss no edge, put each in its place, answer once per
edge. His stages follow from that.

1. Blur with a Gaussian of width $\sigma$, since a derivative amplifies noise.
2. Take the gradient $(g_x, g_y)$. Its magnitude $\sqrt{g_x^2 + g_y^2}$, or the cheaper
   $|g_x| + |g_y|$, says how steep the edge is; its direction
   $\theta = \operatorname{atan2}(g_y, g_x)$ points across it.
3. *Non-maximum suppression* keeps a pixel only if it is stronger than both neighbours along
   $\pm\theta$, rounded to 45°: ridges shrink to lines one pixel wide.
4. A *double threshold* calls a pixel strong above `high` and weak above `low`.
5. *Hysteresis* keeps weak pixels only where a chain of them reaches a strong one: lines stay
   whole, specks of noise go.

`high` can be Otsu's threshold of the magnitudes and `low` half of it: Canny advises a ratio from
two to three. Edges are no regions yet. A closing bridges small gaps, closed contours are filled,
and small parts dropped.

Used for
Outlines of parts to be measured, lane marks, document borders; the first stage of the Hough
transform and of matching shapes.

When it fails
Nothing in the method closes a contour. On `coins`, thresholds too high for the blur lose nine of
the 24 outlines and break two: one gap is enough, and the coin stays an empty ring. A wider closing
bridges gaps, but soon welds neighbours together. Texture is the other failure: on grass and gravel
there are edges everywhere, and none of them is an object's.

References
J. Canny, *A computational approach to edge detection*, 1986.
I. Sobel and G. Feldman, *A 3×3 isotropic gradient operator for image processing*, 1968.
N. Otsu, *A threshold selection method from gray-level histograms*, 1979.
"""

import math
from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Histogram, Marker
from segcore.ops.labels import drop_small
from segcore.ops.regions import fill_holes, label_components
from segcore.result import Image, Mask, Segmentation, foreground, regions
from segcore.technique import Choice, Label, Only, Preset, Range, Show, Technique, ignore

Derivative: TypeAlias = npt.NDArray[np.int16]  # H×W
Magnitude: TypeAlias = npt.NDArray[np.signedinteger[Any]]  # H×W, |gx| + |gy| or gx² + gy²


def segment(
    image: Image,
    *,
    output: Annotated[
        str,
        Choice("regions", "edges"),
        "Close and fill the edges into regions, or stop at the edge pixels.",
    ] = "regions",
    thresholds: Annotated[
        str,
        Choice("automatic", "fixed", automatic="Automatic from the image"),
        "High = Otsu's threshold of the gradient magnitude and low = half of it, or both by hand.",
    ] = "automatic",
    low: Annotated[
        int,
        Range(0, 2000),
        Label("Low threshold"),
        Only(thresholds="fixed"),
        "A pixel stronger than this continues an edge. The lower of the two counts as low.",
    ] = 100,
    high: Annotated[
        int,
        Range(0, 2000),
        Label("High threshold"),
        Only(thresholds="fixed"),
        "A pixel stronger than this starts an edge. A jump by one grey level counts 4 with "
        "aperture 3, 48 with 5 and, as OpenCV divides these thresholds by 16, 640 with 7.",
    ] = 200,
    sigma: Annotated[
        float,
        Range(0.0, 5.0, step=0.1),
        Label("Blur σ"),
        "Standard deviation of the Gaussian in pixels; 0 leaves the image as it is.",
    ] = 1.4,
    closing: Annotated[
        int,
        Range(1, 31, step=2),
        Label("Closing size"),
        Only(output="regions"),
        "Diameter in pixels of the disk that bridges gaps between edges; 1 bridges none.",
    ] = 3,
    min_area: Annotated[
        int,
        Range(0, 5000),
        Label("Minimum area"),
        Only(output="regions"),
        "Regions of fewer pixels are dropped.",
    ] = 200,
    aperture: Annotated[
        int, Choice(3, 5, 7), "Side of the Sobel filters in pixels: larger ones smooth more."
    ] = 3,
    l2_norm: Annotated[
        bool,
        Label("Euclidean magnitude"),
        "Measure the gradient by √(gx² + gy²) instead of |gx| + |gy|: fair to diagonal edges.",
    ] = False,
    show: Show = ignore,
) -> Segmentation:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    show("Grayscale", gray, "One brightness per pixel: edges of equal brightness are lost here.")
    if sigma > 0:
        gray = cv2.GaussianBlur(gray, (0, 0), sigma)
        show("Gaussian blur", gray, f"σ = {sigma:g} px: noise fades, and so does fine detail.")

    gx, gy = sobel_gradients(gray, aperture)
    show("Gradient in x", gx, "Change from left to right: orange brightens, blue darkens.")
    show("Gradient in y", gy, "Change from top to bottom: orange brightens, blue darkens.")
    magnitude = gradient_magnitude(gx, gy, l2_norm)
    show(
        "Gradient magnitude",
        lambda: edge_strength(magnitude, l2_norm),
        f"How steep the brightness is: {'√(gx² + gy²)' if l2_norm else '|gx| + |gy|'}.",
    )
    show(
        "Gradient direction",
        lambda: direction_colors(gx, gy, edge_strength(magnitude, l2_norm)),
        "Hue: where it gets brighter. Red right, green down, cyan left, violet up; black is flat.",
    )
    thin = suppress_non_maxima(gx, gy, magnitude)
    show(
        "Non-maximum suppression",
        lambda: edge_strength(magnitude * thin, l2_norm),
        "Only pixels stronger than both neighbours across the edge stay: ridges become lines.",
    )

    if thresholds == "automatic":
        weak_above, strong_above = otsu_levels(magnitude, l2_norm)
    else:
        weak_above, strong_above = fixed_levels(low, high, aperture, l2_norm)
    show(
        "Thresholds",
        lambda: strength_histogram(
            edge_strength(magnitude, l2_norm),
            edge_strength(np.array([weak_above, strong_above]), l2_norm),
        ),
        "How many pixels are how steep, and where the two thresholds cut.",
    )
    candidates = thin & (magnitude > weak_above)
    strong = candidates & (magnitude > strong_above)
    show(
        "Double threshold",
        lambda: np.uint8(100) * candidates + np.uint8(155) * strong,
        "White is strong: surely an edge. Grey is weak: an edge if it belongs to a strong one.",
    )
    edges = link_edges(candidates, strong)
    show("Hysteresis", edges, "Strong pixels, and the weak ones that a chain joins to them.")
    if output == "edges":
        return foreground(edges, "Edges")
    return fill_contours(edges, closing, min_area, show)


def sobel_gradients(gray: npt.NDArray[Any], aperture: int) -> tuple[Derivative, Derivative]:
    """Derivatives of brightness (uint8 H×W) in x and y (Sobel & Feldman 1968)."""
    # Aperture 7 would not fit 16 bits; cv2.Canny scales it in the same way.
    scale = 1 / 16 if aperture == 7 else 1
    border = cv2.BORDER_REPLICATE
    gx = cv2.Sobel(gray, cv2.CV_16S, 1, 0, ksize=aperture, scale=scale, borderType=border)
    gy = cv2.Sobel(gray, cv2.CV_16S, 0, 1, ksize=aperture, scale=scale, borderType=border)
    return np.asarray(gx, np.int16), np.asarray(gy, np.int16)


def gradient_magnitude(gx: Derivative, gy: Derivative, l2_norm: bool) -> Magnitude:
    """|gx| + |gy| as int16, or gx² + gy² as int32: the square orders pixels as its root does."""
    if l2_norm:
        magnitude: Magnitude = np.square(gx, dtype=np.int32)
        magnitude += np.square(gy, dtype=np.int32)
    else:
        magnitude = np.abs(gx)
        magnitude += np.abs(gy)
    return magnitude


def suppress_non_maxima(gx: Derivative, gy: Derivative, magnitude: Magnitude) -> Mask:
    """Where the magnitude is greatest across the edge: lines one pixel wide, bool H×W."""
    padded = np.pad(magnitude, 1)  # outside the image there is no edge: magnitude 0
    thin = np.empty(magnitude.shape, dtype=bool)
    for rows in row_strips(magnitude):
        thin[rows] = find_ridges(gx[rows], gy[rows], padded[rows.start : rows.stop + 2])
    return thin


def row_strips(picture: npt.NDArray[Any]) -> Iterator[slice]:
    """Slices of rows, some 32,000 pixels each: long formulas run three times as fast in cache."""
    height, width = picture.shape
    step = max(1, 2**15 // width)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def find_ridges(gx: Derivative, gy: Derivative, padded: Magnitude) -> Mask:
    """Where the magnitude, given with a frame of one pixel, exceeds both neighbours across.

    Of two equals the first stays along a row or a column, and neither along a diagonal: the rule
    of cv2.Canny.
    """
    height, width = gx.shape

    def beside(dx: int, dy: int) -> Magnitude:
        return padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    here = beside(0, 0)
    flat, steep, falling, rising = gradient_sectors(gx, gy)
    return (
        (flat & (here > beside(-1, 0)) & (here >= beside(1, 0)))
        | (steep & (here > beside(0, -1)) & (here >= beside(0, 1)))
        | (falling & (here > beside(-1, -1)) & (here > beside(1, 1)))
        | (rising & (here > beside(1, -1)) & (here > beside(-1, 1)))
    )


def gradient_sectors(gx: Derivative, gy: Derivative) -> tuple[Mask, Mask, Mask, Mask]:
    """Where the gradient runs along the row, the column, the falling and the rising diagonal.

    The sectors part at 22.5° and 67.5°, in whole numbers as in cv2.Canny.
    """
    x = np.abs(gx).astype(np.int32)
    y = np.abs(gy).astype(np.int32) << 15
    tan = round(math.tan(math.pi / 8) * 2**15)  # tan 22.5°; tan 67.5° is greater by 2
    flat = y < x * tan
    steep = y > x * (tan + 2 * 2**15)
    diagonal = ~(flat | steep)
    rising = (gx ^ gy) < 0  # the signs differ
    return flat, steep, diagonal & ~rising, diagonal & rising


def otsu_levels(magnitude: Magnitude, l2_norm: bool) -> tuple[int, int]:
    """Half of Otsu's threshold (1979) of the gradient magnitude, and the whole of it."""
    if l2_norm:
        strength = np.sqrt(magnitude, dtype=np.float32).astype(np.uint16)
    else:
        strength = magnitude.view(np.uint16)
    otsu, _ = cv2.threshold(strength, 0, 1, cv2.THRESH_OTSU)
    low, high = int(otsu) // 2, int(otsu)  # Canny (1986) advises a ratio from two to three
    return (low**2, high**2) if l2_norm else (low, high)


def fixed_levels(low: int, high: int, aperture: int, l2_norm: bool) -> tuple[int, int]:
    """What to compare the magnitude with, from thresholds in the units of cv2.Canny."""
    scale = 16 if aperture == 7 else 1
    lower, upper = min(low, high) / scale, max(low, high) / scale
    return (int(lower**2), int(upper**2)) if l2_norm else (int(lower), int(upper))


def link_edges(candidates: Mask, strong: Mask) -> Mask:
    """The 8-connected components of the candidates that hold a strong pixel, bool H×W."""
    count, chains = cv2.connectedComponents(candidates.view(np.uint8), connectivity=8)
    at = np.flatnonzero(candidates)  # few pixels: looking up only these saves half of the time
    chain = np.ravel(chains)[at]
    has_strong = np.zeros(count, dtype=bool)
    has_strong[chain[strong.ravel()[at]]] = True
    edges = np.zeros_like(candidates)
    np.put(edges, at, has_strong[chain])
    return edges


def fill_contours(edges: Mask, closing: int, min_area: int, show: Show) -> Segmentation:
    """Closes gaps between edges, fills closed contours and drops what is small."""
    closed: npt.NDArray[Any] = edges.view(np.uint8)
    if closing > 1:
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (closing, closing))
        closed = cv2.morphologyEx(closed, cv2.MORPH_CLOSE, disk)
        show("Closing", closed != 0, f"Gaps that a disk of {closing} px cannot enter are bridged.")
    filled = fill_holes(closed)
    show("Filling", filled, "What no path joins to the image border. An open contour stays empty.")
    labels = drop_small(label_components(filled), min_area)
    show("Regions", labels, f"Connected parts; those of fewer than {min_area} pixels are dropped.")
    return regions(labels)


def edge_strength(magnitude: npt.NDArray[Any], l2_norm: bool) -> npt.NDArray[Any]:
    """The magnitude in the units of the gradient, for pictures."""
    return np.sqrt(magnitude, dtype=np.float32) if l2_norm else magnitude


def direction_colors(gx: Derivative, gy: Derivative, strength: npt.NDArray[Any]) -> Image:
    """A picture of the gradient: its direction as hue, its magnitude as brightness."""
    picture = np.empty((*gx.shape, 3), np.uint8)
    scale = 255 / max(float(strength.max()), 1.0)
    for rows in row_strips(gx):
        x, y = gx[rows].astype(np.float32), gy[rows].astype(np.float32)
        hue = cv2.convertScaleAbs(cv2.phase(x, y, angleInDegrees=True), alpha=0.5)  # 0 to 180
        value = cv2.convertScaleAbs(strength[rows], alpha=scale)
        hsv = cv2.merge([hue, np.full_like(hue, 255), value])
        picture[rows] = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return picture


def strength_histogram(strength: npt.NDArray[Any], thresholds: npt.NDArray[Any]) -> Histogram:
    """Histogram of the gradient magnitude with the low and the high threshold marked."""
    n_bins, top = 128, float(max(strength.max(), thresholds.max())) + 1
    counts = cv2.calcHist([strength.astype(np.float32)], [0], None, [n_bins], [0, top]).ravel()
    low, high = (float(threshold) for threshold in thresholds)
    return Histogram(
        (np.arange(n_bins) + 0.5) * (top / n_bins),
        counts,
        "gradient magnitude",
        markers=(Marker(low, f"low {low:g}"), Marker(high, f"high {high:g}")),
    )


ARTICLE = {"output": "edges", "thresholds": "fixed", "low": 100, "high": 200, "sigma": 0.0}

TECHNIQUE = Technique(
    "Canny edges",
    year=1986,
    segment=segment,
    sample="coins",
    fails=Preset(
        "Open contours",
        {"thresholds": "fixed", "low": 100, "high": 200, "sigma": 2.5},
        sample="coins",
    ),
    presets=(
        Preset("As in the article", ARTICLE),
        Preset("Texture: edges everywhere", {"output": "edges"}, sample="textures"),
    ),
)
