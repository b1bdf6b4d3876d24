"""Pictures of arrays: colours for labels, overlays, outlines, displays of numbers, encoded files.

Everything here returns uint8 RGB (H×W×3) or the bytes of a file and leaves its inputs untouched.
JPEG invents colours, so label maps travel as PNG.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from segcore.errors import ImageError, SettingError
from segcore.result import Image, Labels, Segment, count_labels

Colors: TypeAlias = npt.NDArray[np.uint8]  # (n + 1, 3) RGB: the row of a label is its colour
Color: TypeAlias = tuple[int, int, int]  # RGB
Picture: TypeAlias = npt.NDArray[Any]  # a mask, grey, RGB, a label map or real numbers
Floats: TypeAlias = npt.NDArray[np.float64]

BACKGROUND: Color = (48, 48, 48)  # label 0: neutral, so that it reads as "nothing"
RIDGE: Color = (255, 255, 255)  # negative labels: cv2.watershed marks its ridge lines with -1
UNDEFINED: Color = (128, 128, 128)  # NaN: a grey that neither colour map contains

# A palette ---------------------------------------------------------------------------------------

# The qualitative set of Okabe and Ito (2008), "Color Universal Design", without its black, which
# is lost on dark photographs; ordered so that each differs from the last in hue and lightness.
# Sky blue comes first: a single segment is seen on skin, soil, stone and print.
OKABE_ITO: tuple[Color, ...] = (
    (86, 180, 233),  # sky blue
    (230, 159, 0),  # orange
    (0, 114, 178),  # blue
    (240, 228, 66),  # yellow
    (204, 121, 167),  # reddish purple
    (0, 158, 115),  # bluish green
    (213, 94, 0),  # vermillion
)

N_COLORS = 1024  # labels beyond it start again with the first colour

# Linear sRGB to cone responses to Oklab (Ottosson 2020, "A perceptual color space for image
# processing").
RGB_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
CONES_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
# What linear sRGB looks like without one kind of cone (Machado, Oliveira and Fernandes 2009,
# "A physiologically-based model for simulation of color vision deficiency", severity 1).
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
)


def palette(n: int) -> Colors:
    """Colours of the labels 0 to n, (n + 1, 3); label 0, the background, is a dark grey.

    A label has the same colour in every palette. The first seven are those of Okabe and Ito
    (2008); each further one is chosen to lie far, in Oklab, from all before it, as seen with
    normal vision, deuteranopia and protanopia. After `N_COLORS` labels the colours repeat.
    """
    size = 64 if n <= 64 else 256 if n <= 256 else N_COLORS
    table = np.empty((n + 1, 3), np.uint8)
    table[0] = BACKGROUND
    table[1:] = np.resize(_distinct_colors(size), (n, 3))
    return table


# The classes of a street, near to what they look like: road users are loud, what stands is quiet.
# They were moved until the two most alike lay farther apart than those of a palette of eleven, as
# seen with normal vision, deuteranopia and protanopia.
CLASS_COLORS: Mapping[str, Color] = MappingProxyType(
    {
        "Sky": (107, 227, 255),
        "Building": (132, 67, 10),
        "Pole": (255, 209, 178),
        "Road": (99, 104, 170),
        "Pavement": (255, 132, 201),
        "Tree": (18, 131, 79),
        "Sign": (237, 255, 72),
        "Fence": (143, 165, 141),
        "Car": (21, 59, 255),
        "Pedestrian": (236, 24, 80),
        "Bicyclist": (250, 133, 32),
    }
)


def class_colors(segments: Iterable[Segment]) -> dict[int, Color]:
    """Label -> colour of the segments whose class has one, so that a road is a road everywhere.

    Things have none: two cars of one colour could not be told apart.
    """
    known = (s for s in segments if not s.is_thing and s.name in CLASS_COLORS)
    return {segment.label: CLASS_COLORS[segment.name] for segment in known}


def segment_colors(segments: Sequence[Segment], highest: int = 0) -> Colors:
    """Colours of a result's labels (n + 1, 3): that of its class, else that of the palette.

    Args:
        segments: the segments of the result.
        highest: the table ends at this label, or at the greatest of the segments if that is more.
    """
    table = palette(max([highest, *(segment.label for segment in segments)]))
    for label, color in class_colors(segments).items():
        table[label] = color
    return table


@cache
def _distinct_colors(size: int) -> Colors:
    """The first `size` colours of one endless sequence: a greedy farthest-point choice."""
    candidates, seen = _candidate_colors()
    chosen = [np.array(color) for color in OKABE_ITO]
    nearest = np.full(len(candidates), np.inf)
    for color in (np.array(BACKGROUND), *chosen):
        np.minimum(nearest, _squared_distance(seen, _appearances(color)), out=nearest)
    while len(chosen) < size:
        best = int(nearest.argmax())
        chosen.append(candidates[best])
        np.minimum(nearest, _squared_distance(seen, seen[..., best]), out=nearest)
    colors = np.array(chosen, dtype=np.uint8)
    colors.setflags(write=False)
    return colors


def _candidate_colors() -> tuple[npt.NDArray[np.int64], Floats]:
    """A grid of 16 levels per channel without greys, near-blacks and near-whites, and its looks."""
    levels = np.arange(0, 256, 17)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    seen = _appearances(grid)
    lightness, chroma = seen[0, 0], np.hypot(seen[0, 1], seen[0, 2])
    kept = (lightness > 0.48) & (lightness < 0.95) & (chroma > 0.05)
    return grid[kept], seen[..., kept]


def _appearances(colors: npt.NDArray[Any]) -> Floats:
    """Oklab (3 views, 3, …) of sRGB colours (…, 3): normal, deuteranopic and protanopic vision."""
    encoded = colors.T / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    seen = np.stack([linear, DEUTERANOPIA @ linear, PROTANOPIA @ linear]).clip(0, 1)
    oklab = [CONES_TO_OKLAB @ np.cbrt(RGB_TO_CONES @ view) for view in seen]
    return np.stack(oklab)


def _squared_distance(seen: Floats, other: Floats) -> Floats:
    """Squared Oklab distances (n,) of `seen` (3, 3, n) from one colour, the least of three views.

    A dichromat's colours lie in a plane, so distances there are always the smaller ones, and
    would alone decide; normal distances are halved to weigh on the choice as well.
    """
    apart = seen - other[..., np.newaxis]
    normal, deuteranopic, protanopic = np.einsum("vcn,vcn->vn", apart, apart)
    least: Floats = np.minimum(normal / 4, np.minimum(deuteranopic, protanopic))
    return least


# Labels ------------------------------------------------------------------------------------------


def colorize(labels: Labels, colors: Colors | None = None) -> Image:
    """Each pixel of a label map (H×W) in its label's colour, as RGB.

    Args:
        labels: label map; negative labels, the ridge lines of cv2.watershed, become white.
        colors: (n + 1, 3) uint8, the colour of each label from 0 up; the palette by default.

    Raises:
        ImageError: the label map is empty, or has a label that `colors` has no row for.
    """
    _check_picture(labels, labels.ndim == 2, "a label map must be height × width")
    lowest, highest = int(labels.min()), int(labels.max())
    if colors is None:
        colors = palette(max(0, min(highest, N_COLORS)))
        if highest > N_COLORS:
            labels = np.where(labels > 0, (labels - 1) % N_COLORS + 1, labels)
    elif highest >= len(colors):
        raise ImageError(f"Label {highest} has no colour: the table ends at {len(colors) - 1}.")
    if lowest < -1:
        labels = np.maximum(labels, -1)
    # One take of 4 bytes per pixel is three times as fast as a take of rows of three bytes; -1
    # wraps round to the last row.
    table = np.zeros((len(colors) + 1, 4), np.uint8)
    table[:-1, :3] = colors
    table[-1, :3] = RIDGE
    packed = np.take(table.view(np.uint32).ravel(), labels, mode="wrap")
    return _uint8(cv2.cvtColor(packed.view(np.uint8).reshape(*labels.shape, 4), cv2.COLOR_RGBA2RGB))


def overlay(
    image: Image,
    labels: Labels,
    opacity: float = 0.5,
    colors: Colors | None = None,
    *,
    background: bool = False,
) -> Image:
    """The image with its segments tinted in their colours.

    Args:
        image: uint8 RGB H×W×3.
        labels: label map H×W.
        opacity: 0 shows the image alone, 1 the colours alone.
        colors: see `colorize`.
        background: whether label 0 is tinted as well; else its pixels stay as they are.

    Raises:
        SettingError: the opacity is not between 0 and 1.
        ImageError: image and label map do not fit each other.
    """
    if not 0 <= opacity <= 1:
        raise SettingError("opacity", "a number from 0 to 1", opacity)
    _check_fit(image, labels)
    tinted = cv2.addWeighted(image, 1 - opacity, colorize(labels, colors), opacity, 0)
    if background:
        return _uint8(tinted)
    return _uint8(cv2.copyTo(image, (labels <= 0).view(np.uint8), tinted))


CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))  # a pixel and its 4-neighbours


def outlines(
    image: Image,
    labels: Labels,
    width: int = 1,
    *,
    color: Color | None = None,
    colors: Colors | None = None,
    casing: bool = True,
) -> Image:
    """The image with the inner boundary of every segment drawn on it.

    The inner boundary of a segment are its own pixels with a 4-neighbour of another label, so the
    background is left untouched, and segments that touch are parted by two lines.

    Args:
        image: uint8 RGB H×W×3.
        labels: label map H×W.
        width: width of the line in pixels, drawn inwards.
        color: one colour for all lines; else each has its segment's colour.
        colors: see `colorize`.
        casing: whether the next pixel inwards is darkened, as map makers do, so that a line can
            be seen on ground of its own colour.

    Raises:
        SettingError: the width is less than one pixel.
        ImageError: image and label map do not fit each other.
    """
    if width < 1:
        raise SettingError("width", "a whole number of pixels from 1 up", width)
    _check_fit(image, labels)
    inside = (labels > 0).view(np.uint8)
    boundary = _boundary(labels)
    if width > 1:
        boundary = _uint8(cv2.dilate(boundary, CROSS, iterations=width - 1))
    drawn = image.copy()
    if casing:
        beyond = _uint8(cv2.dilate(boundary, CROSS))
        cv2.copyTo(cv2.convertScaleAbs(image, alpha=0.4), beyond & inside, drawn)
    if color is not None:
        labels, colors = inside.astype(np.int32), np.array([color, color], np.uint8)
    return _uint8(cv2.copyTo(colorize(labels, colors), boundary & inside, drawn))


def _boundary(labels: Labels) -> npt.NDArray[np.uint8]:
    """1 where a pixel has a 4-neighbour of another label, else 0."""
    edge = np.zeros(labels.shape, bool)
    beside = labels[:, 1:] != labels[:, :-1]
    below = labels[1:] != labels[:-1]
    edge[:, 1:] |= beside
    edge[:, :-1] |= beside
    edge[1:] |= below
    edge[:-1] |= below
    return edge.view(np.uint8)


def areas(labels: Labels) -> npt.NDArray[np.int64]:
    """Number of pixels (n + 1,) of each label from 0 to the greatest, n."""
    return count_labels(labels)


def mean_colors(image: Image, labels: Labels) -> Colors:
    """Mean colour (n + 1, 3) of the pixels of each label; black for a label without pixels.

    Raises:
        ImageError: image and label map do not fit each other.
    """
    _check_fit(image, labels)
    flat = labels.ravel()
    sums = [np.bincount(flat, weights=image[:, :, channel].ravel()) for channel in range(3)]
    means = np.stack(sums, axis=1) / np.maximum(areas(labels), 1)[:, np.newaxis]
    return np.rint(means).astype(np.uint8)


# Any array of a step -----------------------------------------------------------------------------


def to_rgb(picture: Picture, segments: Sequence[Segment] = ()) -> Image:
    """A step's array as a picture.

    - H×W×3 uint8 is RGB and stays as it is.
    - H×W bool is black and white, uint8 is grey, int32 and int64 are a label map in the palette,
      or in the colours of the segments, if there are some.
    - Any other H×W of real numbers is scaled to a colour map: around 0 from blue over white to
      orange if both signs occur, else from its least (dark) to its greatest value in viridis.
      NaN is grey; an infinity has the colour of the end of the scale.

    Raises:
        ImageError: the array is empty or of none of these forms.
    """
    is_rgb = picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8
    is_flat = picture.ndim == 2 and picture.dtype.kind in "biuf"
    rule = "a picture must be height × width of real numbers, or height × width × 3 of uint8"
    _check_picture(picture, is_rgb or is_flat, rule)
    if is_rgb:
        return picture
    if picture.dtype == np.bool_:
        return _uint8(cv2.cvtColor(picture.view(np.uint8) * np.uint8(255), cv2.COLOR_GRAY2RGB))
    if picture.dtype == np.uint8:
        return _uint8(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB))
    if picture.dtype in (np.int32, np.int64):
        return colorize(picture, segment_colors(segments, int(picture.max())) if segments else None)
    return _real_numbers(picture.astype(np.float64))


def _real_numbers(values: Floats) -> Image:
    """Real numbers (H×W) through a colour map that suits their signs."""
    finite = np.isfinite(values)
    if not finite.any():
        low = high = 0.0
    else:
        low = float(values.min(where=finite, initial=np.inf))
        high = float(values.max(where=finite, initial=-np.inf))
    undefined = np.isnan(values)
    values = np.where(undefined, low, values).clip(low, high)
    if low < 0 < high:
        # An odd number of steps, so that 0 has the middle one, white, to itself.
        index, color_map = 127 + np.rint(values / max(-low, high) * 127), _diverging()
    else:
        span = high - low or 1.0
        index, color_map = np.rint((values - low) / span * 255), _viridis()
    rgb = _uint8(cv2.applyColorMap(index.astype(np.uint8), color_map))
    rgb[undefined] = UNDEFINED
    return rgb


@cache
def _viridis() -> Colors:
    """Viridis (van der Walt and Smith 2015), (256, 1, 3): dark blue, green, yellow."""
    ramp = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    return _uint8(cv2.applyColorMap(ramp, cv2.COLORMAP_VIRIDIS))[..., ::-1].copy()


@cache
def _diverging() -> Colors:
    """Blue over white at 127 to orange, (256, 1, 3), between two colours of Okabe and Ito."""
    at = np.arange(256)
    ends = np.array([(0, 114, 178), (255, 255, 255), (213, 94, 0)])
    ramps = [np.interp(at, (0, 127, 254), ends[:, channel]) for channel in range(3)]
    table: Colors = np.rint(np.stack(ramps, axis=-1)).astype(np.uint8)
    return table.reshape(256, 1, 3)


# Files -------------------------------------------------------------------------------------------


def png(picture: Picture) -> bytes:
    """The picture (uint8 or uint16, grey or RGB) as a PNG file, without loss.

    Raises:
        ImageError: the picture cannot be stored as a PNG.
    """
    # At 1024×768 this pair gave the smallest files for labels, overlays and photographs alike, a
    # tenth to a half below OpenCV's own settings, in the same time; level 3 takes twice as long.
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    fast += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH]
    return _encoded(".png", picture, fast)


def jpeg(picture: Picture, quality: int = 90) -> bytes:
    """The picture (uint8, grey or RGB) as a JPEG file, for photographs and overlays of them.

    Colour is kept at full resolution, as thin coloured outlines would fade otherwise.

    Args:
        picture: uint8 H×W or H×W×3.
        quality: 1 to 100.

    Raises:
        SettingError: the quality is out of its range.
        ImageError: the picture cannot be stored as a JPEG; its sides may be 65,500 at most.
    """
    if not 1 <= quality <= 100:
        raise SettingError("quality", "a whole number from 1 to 100", quality)
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return _encoded(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality, *sampling])


def _encoded(extension: str, picture: Picture, parameters: Sequence[int]) -> bytes:
    # OpenCV would convert other types on its own, with a warning on the console.
    depths = ("uint8", "uint16") if extension == ".png" else ("uint8",)
    is_flat_or_rgb = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
    rule = f"a picture for a {extension} file must be grey or RGB of {' or '.join(depths)}"
    _check_picture(picture, is_flat_or_rgb and picture.dtype.name in depths, rule)
    refusal = f"A picture of {picture.shape[1]}×{picture.shape[0]} cannot be stored as {extension}."
    try:
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
        done, data = cv2.imencode(extension, bgr, parameters)
    except cv2.error as error:
        raise ImageError(refusal) from error
    if not done:
        raise ImageError(refusal)
    return data.tobytes()


# Checks ------------------------------------------------------------------------------------------


def _check_picture(picture: Picture, is_right: bool, rule: str) -> None:
    if not is_right:
        found = "×".join(map(str, picture.shape))
        raise ImageError(
            f"{rule[0].upper()}{rule[1:]}, but this one is {found} of {picture.dtype}."
        )
    if picture.size == 0:
        raise ImageError("A picture must have at least one pixel.")


def _check_fit(image: Image, labels: Labels) -> None:
    if image.dtype != np.uint8 or image.shape != (*labels.shape, 3):
        raise ImageError(
            f"The image must be uint8 RGB of the label map's size {labels.shape}, "
            f"but is {image.dtype} {image.shape}."
        )


def _uint8(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """An array of OpenCV, whose type stubs leave the dtype open, as the uint8 array that it is."""
    return np.asarray(array, np.uint8)
