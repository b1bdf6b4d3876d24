r"""HSV colour: what the thing is painted, apart from how it is lit

Idea
Red, green and blue all change when a shadow falls. Hue, saturation and value part the paint from
the light. With $M = \max(R, G, B)$, $m = \min(R, G, B)$ and the chroma $C = M - m$,
$$V = M, \qquad S = \frac{C}{M}, \qquad
H = 60^\circ \cdot \begin{cases}
(G - B)/C & \text{if } M = R\\
2 + (B - R)/C & \text{if } M = G\\
4 + (R - G)/C & \text{if } M = B
\end{cases}$$
A pixel is selected if $H$, $S$ and $V$ each lie in a range; opening and closing then tidy the mask.

Hue is an angle, so its range may pass through $0^\circ$. Red sits there: OpenCV counts hue from 0
to 179, and red is both 0 to 10 and 170 to 179. The usual recipe takes only the first of the two.

Used for
Anything with a colour of its own: ripe fruit on a sorting line, traffic signs, stained tissue, a
green screen, a ball for a robot to follow. It needs no training and runs at the speed of video.

When it fails
Grey has no hue. As $C \to 0$ the formula divides noise by noise: let near-grey pixels in, and on
`astronaut` the black cloth and helmet turn "orange" and the plain backdrop breaks out in a rash. A
lowest saturation and value keep them out, and the pale and dark parts of the suit with them.
Coloured light also shifts every hue.

References
A. R. Smith, *Color gamut transform pairs*, 1978.
J. Serra, *Image analysis and mathematical morphology*, 1982 (opening and closing).
"""

from collections.abc import Sequence
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import HueWheel
from segcore.ops.colour import HUES, HsvRange, hue_arc, in_hsv_range, mean_hue
from segcore.ops.regions import remove_small
from segcore.result import Image, Point, Segmentation, foreground
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


def segment(
    image: Image,
    *,
    source: Annotated[
        str,
        Choice(range="Ranges", picked="Clicked colours"),
        Label("Colour from"),
        "Set the ranges by hand, or click the colour in the image.",
    ] = "range",
    hue_from: Annotated[
        int,
        Range(0, 179),
        Only(source="range"),
        "First hue, in steps of two degrees. Larger than the last one, the range passes through 0.",
    ] = 0,
    hue_to: Annotated[int, Range(0, 179), Only(source="range"), "Last hue, included."] = 10,
    saturation_min: Annotated[
        int, Range(0, 255), Only(source="range"), "Paler pixels are left out: grey has no hue."
    ] = 120,
    saturation_max: Annotated[
        int, Range(0, 255), Only(source="range"), "More vivid pixels are left out."
    ] = 255,
    value_min: Annotated[
        int, Range(0, 255), Only(source="range"), "Darker pixels are left out."
    ] = 70,
    value_max: Annotated[
        int, Range(0, 255), Only(source="range"), "Brighter pixels are left out."
    ] = 255,
    seeds: Annotated[
        tuple[Point, ...],
        Points(16),
        Only(source="picked"),
        Label("Clicked points"),
        "Click the colour in the image; every further click widens the ranges to take it in.",
    ] = (),
    hue_tolerance: Annotated[
        int, Range(0, 90), Only(source="picked"), "How far the hue may be from a clicked one."
    ] = 6,
    saturation_tolerance: Annotated[
        int,
        Range(0, 255),
        Only(source="picked"),
        "How far the saturation may be from a clicked one.",
    ] = 80,
    value_tolerance: Annotated[
        int, Range(0, 255), Only(source="picked"), "How far the value may be from a clicked one."
    ] = 100,
    opening: Annotated[
        int,
        Range(1, 31, step=2),
        "Diameter in pixels of the disk that opens the mask: smaller specks go. 1 is none.",
    ] = 3,
    closing: Annotated[
        int,
        Range(1, 31, step=2),
        "Diameter in pixels of the disk that closes the mask: narrower gaps fill. 1 is none.",
    ] = 5,
    min_area: Annotated[
        int, Range(0, 5000), "Connected parts of fewer pixels than this are dropped."
    ] = 100,
    show: Show = ignore,
) -> Segmentation:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    show(
        "Hue",
        lambda: pure_hues(hsv),
        "Every hue at full strength. Exact grey has none: it counts as 0, red.",
    )
    show("Saturation", hsv[..., 1], "From grey (black here) to pure colour (white).")
    show("Value", hsv[..., 2], "The largest of R, G and B: the light without the colour.")
    if source == "picked":
        check_inside(seeds, image, "seeds")
        spots = seeds or (most_colorful_point(hsv),)
        wanted = range_around(hsv, spots, hue_tolerance, saturation_tolerance, value_tolerance)
        show("Clicked points", lambda: with_crosses(image, spots), describe_clicks(seeds, spots))
    else:
        saturations, values = (saturation_min, saturation_max), (value_min, value_max)
        wanted = HsvRange((hue_from, hue_to), saturations, values)
    show(
        "Hue wheel",
        lambda: HueWheel(hue_counts(hsv, wanted), (wanted.hue,)),
        "How many pixels have each hue, and the selected arc. Only pixels in the saturation and "
        "value ranges count: the hue of greyer ones is noise.",
    )
    for name in HsvRange._fields:
        show(
            f"{name.capitalize()} in range",
            lambda name=name: in_hsv_range(hsv, only_range(name, wanted)),
            describe_range(name, wanted),
        )

    mask: npt.NDArray[Any] = in_hsv_range(hsv, wanted)
    show("All three in range", mask, "White where hue, saturation and value all fit.")
    mask = open_and_close(mask, opening, closing)
    if min_area > 1:
        mask = remove_small(mask, min_area)
    show("Cleaned mask", mask, "Opening drops specks, closing fills gaps, then small parts go.")
    show("Selection", lambda: spotlight(image, mask), "The selected colour; all else is darkened.")
    return foreground(mask, "Selected colour")


def open_and_close(mask: npt.NDArray[Any], opening: int, closing: int) -> npt.NDArray[Any]:
    """The mask opened, then closed, with disks of these diameters; a diameter of 1 does nothing."""
    for operation, diameter in ((cv2.MORPH_OPEN, opening), (cv2.MORPH_CLOSE, closing)):
        if diameter > 1:
            disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
            mask = cv2.morphologyEx(mask, operation, disk)
    return mask


# Colours picked by clicking ----------------------------------------------------------------------

CLICK_RADIUS = 2  # a click stands for the 5×5 pixels around it: single pixels are noisy


def range_around(
    hsv: Image,
    points: Sequence[Point],
    hue_tolerance: int,
    saturation_tolerance: int,
    value_tolerance: int,
) -> HsvRange:
    """The range that takes in the colour at every point, and as much more as the tolerances say."""
    hues, saturations, values = [], [], []
    for x, y in points:
        top, left = max(0, y - CLICK_RADIUS), max(0, x - CLICK_RADIUS)
        near = hsv[top : y + CLICK_RADIUS + 1, left : x + CLICK_RADIUS + 1]
        hue, saturation, value = np.moveaxis(near.astype(np.float64), -1, 0)
        # The chroma as weight: the greyer a pixel, the less its hue can be trusted.
        hues.append(mean_hue(hue, saturation * value))
        saturations.append(round(saturation.mean()))
        values.append(round(value.mean()))
    return HsvRange(
        hue_arc([hue for hue in hues if hue is not None], hue_tolerance),
        widened(saturations, saturation_tolerance),
        widened(values, value_tolerance),
    )


def widened(levels: Sequence[int], tolerance: int) -> tuple[int, int]:
    """From the lowest to the highest level, and `tolerance` further on both sides, in 0 to 255."""
    return max(0, min(levels) - tolerance), min(255, max(levels) + tolerance)


def most_colorful_point(hsv: Image) -> Point:
    """Centre of the window of a click's size whose mean chroma is the largest."""
    chroma = cv2.multiply(cv2.extractChannel(hsv, 1), cv2.extractChannel(hsv, 2), scale=1 / 255)
    side = 2 * CLICK_RADIUS + 1
    sums = cv2.boxFilter(chroma, cv2.CV_16U, (side, side), normalize=False)
    x, y = cv2.minMaxLoc(sums)[3]
    return x, y


# Pictures for the steps --------------------------------------------------------------------------


def pure_hues(hsv: Image) -> Image:
    """The hues of an HSV image in RGB at full saturation and value."""
    table = np.full((1, 256, 3), 255, np.uint8)
    table[0, :, 0] = np.arange(256) % HUES
    colors = cv2.cvtColor(table, cv2.COLOR_HSV2RGB).reshape(256, 1, 3)
    return cv2.applyColorMap(cv2.extractChannel(hsv, 0), colors)


def hue_counts(hsv: Image, wanted: HsvRange) -> npt.NDArray[np.int64]:
    """Pixels (180,) of each hue among those in the saturation and value ranges, save exact grey."""
    least = max(1, wanted.saturation[0])
    vivid = in_hsv_range(hsv, HsvRange(ANY_COLOR.hue, (least, wanted.saturation[1]), wanted.value))
    return cv2.calcHist([hsv], [0], vivid, [HUES], [0, HUES]).ravel().astype(np.int64)


ANY_COLOR = HsvRange((0, HUES - 1), (0, 255), (0, 255))


def only_range(name: str, wanted: HsvRange) -> HsvRange:
    """`wanted` in the one of its three ranges called `name`, no restriction in the others."""
    return ANY_COLOR._replace(**{name: getattr(wanted, name)})


def describe_range(name: str, wanted: HsvRange) -> str:
    first, last = getattr(wanted, name)
    if first > last and name == "hue":
        return f"White: hue from {first} up to 179, or from 0 up to {last}: the range passes 0."
    return f"White: {name} from {first} to {last}."


def describe_clicks(seeds: Sequence[Point], points: Sequence[Point]) -> str:
    if seeds:
        return "The mean colour of the 5×5 pixels at each click; the ranges reach around them all."
    x, y = points[0]
    return f"Nothing is clicked yet, so the most colourful spot stands in, at ({x}, {y})."


def with_crosses(image: Image, points: Sequence[Point]) -> Image:
    """The image with a cross at each point."""
    marked = image.copy()
    size = max(9, min(image.shape[:2]) // 25)
    for color, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        for point in points:
            cv2.drawMarker(marked, point, color, cv2.MARKER_CROSS, size, thickness)
    return marked


def spotlight(image: Image, mask: npt.NDArray[Any]) -> Image:
    """The image as it is where the mask is set, dark elsewhere."""
    return cv2.copyTo(image, mask.astype(np.uint8), image >> 2)


TECHNIQUE = Technique(
    "HSV colour",
    year=1978,
    segment=segment,
    sample="astronaut",
    fails=Preset(
        "Near-grey pixels let in", {"saturation_min": 0, "value_min": 0}, sample="astronaut"
    ),
    presets=(
        Preset(
            "As in the article",
            {
                "hue_from": 0,
                "hue_to": 10,
                "saturation_min": 120,
                "value_min": 70,
                "opening": 1,
                "closing": 1,
                "min_area": 0,
            },
        ),
        Preset(
            "Red, both ends",
            {"hue_from": 170, "hue_to": 6, "saturation_min": 120, "value_min": 70},
            sample="stereo_motorcycle",
        ),
        Preset(
            "A cat's eyes, clicked",
            {
                "source": "picked",
                "seeds": ((160, 138), (320, 140)),
                "hue_tolerance": 4,
                "saturation_tolerance": 60,
                "value_tolerance": 80,
            },
            sample="chelsea",
        ),
        Preset(
            "Brown stain",
            {"hue_from": 5, "hue_to": 20, "saturation_min": 50, "value_min": 50},
            sample="immunohistochemistry",
        ),
    ),
)
