r"""Thresholding: one brightness decides

Idea
A threshold $t$ calls every pixel brighter than $t$ foreground. All the skill is in choosing $t$.

*Otsu* tries every level and keeps the one that parts the histogram into the two most distinct
classes: with the shares $\omega_0, \omega_1$ and the means $\mu_0, \mu_1$ of the two sides, it
maximises the between-class variance
$$\sigma_b^2(t) = \omega_0(t)\,\omega_1(t)\,\bigl(\mu_0(t) - \mu_1(t)\bigr)^2 .$$
*Multi-Otsu* does the same for three to five classes. *Triangle* draws a line from the histogram's
peak to its far end and takes the level farthest from that line: good when one class is rare.
*Adaptive* and *Sauvola* give every pixel a threshold of its own, from the mean $m$ (and the
standard deviation $s$) of the window around it; Sauvola's is
$t = m\,\bigl(1 + k\,(s/128 - 1)\bigr)$, low where nothing is written.

Used for
Printed pages before character recognition, parts on a conveyor belt, cells in a bright field:
wherever object and background differ in brightness and the light is under control.

When it fails
On `page` the light falls off to one side. No single level is right for both: Otsu turns the dark
corner into one blot. A local threshold (adaptive, Sauvola) reads the page.

References
J. M. S. Prewitt and M. L. Mendelsohn, *The analysis of cell images*, 1966 (histogram thresholds).
N. Otsu, *A threshold selection method from gray-level histograms*, 1979.
G. W. Zack, W. E. Rogers and S. A. Latt, *Automatic measurement of sister chromatid exchange
frequency*, 1977 (triangle).
P.-S. Liao, T.-S. Chen and P.-C. Chung, *A fast algorithm for multilevel thresholding*, 2001.
J. Sauvola and M. Pietikäinen, *Adaptive document image binarization*, 2000.
"""

from typing import Annotated, Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Histogram, Marker, Series
from segcore.result import Gray, Image, Segmentation, foreground, regions
from segcore.technique import Choice, Label, Only, Preset, Range, Show, Technique, ignore

Threshold: TypeAlias = npt.NDArray[Any]  # 0-d for the whole image, or H×W: one for each pixel
Counts: TypeAlias = npt.NDArray[np.int64]  # pixels of each brightness, (256,)


def segment(
    image: Image,
    *,
    method: Annotated[
        str,
        Choice(
            "otsu",
            "fixed",
            "triangle",
            "multi_otsu",
            "adaptive_mean",
            "adaptive_gaussian",
            "sauvola",
            multi_otsu="Multi-Otsu",
            adaptive_gaussian="Adaptive Gaussian",
        ),
        "How the level is found: for the whole image, or for each pixel from its surroundings.",
    ] = "otsu",
    level: Annotated[
        int, Range(0, 255), Only(method="fixed"), "Pixels brighter than this are foreground."
    ] = 127,
    n_classes: Annotated[
        int, Range(3, 5), Only(method="multi_otsu"), "Brightness classes to part the image into."
    ] = 3,
    window: Annotated[
        int,
        Range(3, 151, step=2),
        Only(method=("adaptive_mean", "adaptive_gaussian", "sauvola")),
        "Side of the square around a pixel that its threshold is computed from, in pixels.",
    ] = 51,
    offset: Annotated[
        int,
        Range(-50, 50),
        Only(method=("adaptive_mean", "adaptive_gaussian")),
        "Grey levels taken off the local mean: more makes fewer pixels dark.",
    ] = 10,
    k: Annotated[
        float,
        Range(0.0, 0.5, step=0.01),
        Label("Sauvola's k"),
        Only(method="sauvola"),
        "How far the threshold drops below the mean where the contrast is low.",
    ] = 0.2,
    inverted: Annotated[
        bool,
        Only(method=("otsu", "fixed", "triangle", "adaptive_mean", "adaptive_gaussian", "sauvola")),
        "Take the dark pixels as foreground instead of the bright ones.",
    ] = False,
    blur: Annotated[
        float,
        Range(0.0, 10.0, step=0.1),
        "Standard deviation in pixels of a Gaussian applied first, against noise.",
    ] = 0.0,
    show: Show = ignore,
) -> Segmentation:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    show(
        "Grayscale", gray, "One brightness per pixel, 0.299 R + 0.587 G + 0.114 B: colour is gone."
    )
    if blur > 0:
        gray = cv2.GaussianBlur(gray, (0, 0), blur)
        show("Smoothed", gray, f"A Gaussian of {blur:g} px evens out noise within each side.")
    counts = cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel().astype(np.int64)

    if method == "multi_otsu":
        return segment_multi_otsu(gray, counts, n_classes, show)
    if method == "otsu":
        threshold = otsu_level(counts)
    elif method == "triangle":
        threshold = triangle_level(counts)
    elif method == "sauvola":
        threshold = sauvola_threshold(gray, window, k)
    elif method == "fixed":
        threshold = np.asarray(level)
    else:
        threshold = adaptive_threshold(gray, window, offset, method == "adaptive_gaussian")

    show(
        "Histogram",
        lambda: Histogram(
            np.arange(256),
            counts,
            "brightness",
            markers=threshold_markers(threshold),
            curves=(Series("between-class variance", np.arange(256), otsu_curve(counts)),)
            if method == "otsu"
            else (),
            curve_label="variance between the classes",
        ),
        "How many pixels have each brightness, and where the threshold cuts.",
    )
    show(
        "Distance to the threshold",
        lambda: gray.astype(np.float32) - threshold.astype(np.float32),
        "How far each pixel is above or below its threshold. Pale pixels are close calls.",
    )
    mask = gray <= threshold if inverted else gray > threshold
    side = "darker" if inverted else "brighter"
    show("Mask", mask, f"White: {side} than the threshold. This is the segmentation.")
    return foreground(mask)


def otsu_curve(counts: Counts) -> npt.NDArray[np.float64]:
    """Between-class variance (256,) for a cut after each level; 0 where a side is empty."""
    below = np.cumsum(counts)
    mass = np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = mass / below - (mass[-1] - mass) / above
        variance = (below / below[-1]) * (above / below[-1]) * gap**2
    return np.where((below == 0) | (above == 0), 0.0, variance)


def otsu_level(counts: Counts) -> Threshold:
    """Otsu's level (0-d): the first that maximises the between-class variance (Otsu 1979)."""
    return np.asarray(np.argmax(otsu_curve(counts)), dtype=np.float64)


def triangle_level(counts: Counts) -> Threshold:
    """Level (0-d) farthest from the line between the peak and the far end (Zack et al. 1977)."""
    filled = np.flatnonzero(counts)
    left, right = max(int(filled[0]) - 1, 0), min(int(filled[-1]) + 1, 255)
    peak = int(np.argmax(counts))
    flipped = peak - left < right - peak  # always walk up the longer side, from the left
    if flipped:
        counts, left, peak = counts[::-1], 255 - right, 255 - peak
    x = np.arange(left, peak + 1)
    distance = counts[peak] * x + (left - peak) * counts[x]
    distance[0] = 0
    level = left + int(np.argmax(distance)) - 1 if (distance > 0).any() else left - 1
    return np.asarray(255 - level if flipped else level, dtype=np.float64)


def adaptive_threshold(gray: Gray, window: int, offset: int, gaussian: bool) -> Threshold:
    """A threshold for every pixel, int16 H×W: the mean of its window, less the offset."""
    border = cv2.BORDER_REPLICATE | cv2.BORDER_ISOLATED
    if gaussian:
        # The mean is taken in real numbers and rounded once, as cv2.adaptiveThreshold does.
        mean = cv2.GaussianBlur(gray.astype(np.float32), (window, window), 0, borderType=border)
        mean = cv2.convertScaleAbs(mean)
    else:
        mean = cv2.boxFilter(gray, cv2.CV_8U, (window, window), borderType=border)
    return mean.astype(np.int16) - np.int16(offset)


def sauvola_threshold(gray: Gray, window: int, k: float) -> Threshold:
    """Sauvola's threshold for every pixel, float64 H×W (Sauvola & Pietikäinen 2000)."""
    size, border = (window, window), cv2.BORDER_REFLECT_101
    total = cv2.boxFilter(gray, cv2.CV_64F, size, normalize=False, borderType=border)
    squares = cv2.sqrBoxFilter(gray, cv2.CV_64F, size, normalize=False, borderType=border)
    mean = total / window**2
    deviation = np.sqrt(np.maximum(squares / window**2 - mean * mean, 0))
    return mean * (1 + k * (deviation / 127.5 - 1))


def threshold_markers(threshold: Threshold) -> tuple[Marker, ...]:
    """What a histogram marks: the one threshold, or the span of the local ones."""
    if threshold.ndim == 0:
        return (Marker(float(threshold), f"threshold {float(threshold):g}"),)
    low, high = float(threshold.min()), float(threshold.max())
    return (Marker(low, f"lowest {low:.0f}"), Marker(high, f"highest {high:.0f}"))


def segment_multi_otsu(gray: Gray, counts: Counts, n_classes: int, show: Show) -> Segmentation:
    """Parts the image into `n_classes` brightness classes, labelled 1 (darkest) upwards."""
    levels = multi_otsu_levels(counts, n_classes)
    show(
        "Histogram",
        lambda: Histogram(
            np.arange(256),
            counts,
            "brightness",
            markers=tuple(Marker(float(level), f"threshold {level}") for level in levels),
        ),
        "How many pixels have each brightness, and where the thresholds cut.",
    )
    table = np.searchsorted(levels, np.arange(256), side="left").astype(np.uint8)
    classes = cv2.LUT(gray, table)
    show(
        "Mean of each class",
        lambda: cv2.LUT(gray, class_means(counts, table)),
        "Every pixel in the mean brightness of its class: the image in a few grey levels.",
    )
    labels = classes.astype(np.int32) + 1
    show("Classes", labels, "One label per class, from the darkest to the brightest.")
    return regions(labels, "Class")


def multi_otsu_levels(counts: Counts, n_classes: int) -> npt.NDArray[np.int64]:
    """The levels that part a histogram into classes of greatest between-class variance.

    Dynamic programming over the last level of each class, on a table of what every stretch of
    levels adds to the variance (Liao et al. 2001). An image with fewer levels than classes gets
    one class per level.
    """
    used = np.flatnonzero(counts)
    if len(used) <= n_classes:
        return used[:-1]
    share = np.concatenate([[0.0], np.cumsum(counts / counts.sum())])
    mass = np.concatenate([[0.0], np.cumsum(np.arange(256) * (counts / counts.sum()))])
    first, last = np.ogrid[:256, :256]
    weight = share[last + 1] - share[first]
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = (mass[last + 1] - mass[first]) ** 2 / weight
    gain = np.where((last >= first) & (weight > 0), gain, -np.inf)

    best, cuts = gain[0], []
    for _ in range(n_classes - 1):
        # total[a, b]: the classes so far end at a, the next one is a + 1 … b.
        total = best[:-1, None] + gain[1:]
        cuts.append(np.argmax(total, axis=0))
        best = total.max(axis=0)
    end, levels = 255, []
    for cut in reversed(cuts):
        end = int(cut[end])
        levels.append(end)
    return np.array(levels[::-1])


def class_means(counts: Counts, table: Gray) -> Gray:
    """Lookup table (256,) uint8 from a level to the mean level of its class."""
    sizes = np.bincount(table, weights=counts)
    sums = np.bincount(table, weights=counts * np.arange(256))
    return np.rint(sums / np.maximum(sizes, 1)).astype(np.uint8)[table]


TECHNIQUE = Technique(
    "Thresholding",
    year=1966,
    segment=segment,
    sample="camera",
    fails=Preset("Uneven light", {"method": "otsu"}, sample="page"),
    presets=(
        Preset("As in the article", {"method": "fixed", "level": 127}),
        Preset(
            "A page in uneven light",
            {"method": "sauvola", "window": 25, "inverted": True},
            sample="page",
        ),
    ),
)
