r"""Gabor texture: regions told apart by their weave

Idea
Brick, grass and gravel may be equally bright. What differs is how the brightness *waves*: in which
direction, and how fast. A Gabor filter is a wave under a Gaussian window,
$$g(x, y) = \exp\!\Bigl(-\frac{x'^2 + \gamma^2 y'^2}{2\sigma^2}\Bigr)
\cos\!\Bigl(\frac{2\pi x'}{\lambda} + \psi\Bigr), \qquad
\begin{aligned} x' &= x\cos\theta + y\sin\theta\\ y' &= y\cos\theta - x\sin\theta \end{aligned}$$
and answers where the image waves with wavelength $\lambda$ along $\theta$. No wave can be
confined better in place and in frequency at once.

A bank of filters covers the directions evenly and the wavelengths in octaves. Each response $r$
swings about its mean $\bar r$, so its *energy* is taken, $|\tanh(\alpha\,(r - \bar r)/s)|$ with $s$
the spread of $r$ and $\alpha = 0.25$, and smoothed by a Gaussian over several waves. Every pixel
then has one number per filter, and K-Means groups them.

Used for
Fabric and wood inspection, land use in aerial pictures, rock and tissue sections; iris
recognition encodes the phase of such responses.

When it fails
The filters must fit the grain. With wavelengths of 16 px and more, `textures` loses what parts
grass from gravel: both become one region, and the courses of bricks fall apart into two. Too narrow
a smoothing (4 px) likewise makes bricks and joints regions of their own. Too wide a one (40 px)
blurs the borders: from brick to grass the energy passes through all values in between, and the
strip along that border is taken for gravel.

References
D. Gabor, *Theory of communication*, 1946.
J. G. Daugman, *Uncertainty relation for resolution in space, spatial frequency, and orientation*,
1985.
A. K. Jain and F. Farrokhnia, *Unsupervised texture segmentation using Gabor filters*, 1991.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Curve, Marker, Series
from segcore.ops.cluster import kmeans_centers, nearest_centers, with_positions
from segcore.ops.colour import principal_colors
from segcore.ops.labels import order_labels
from segcore.result import Gray, Image, Labels, Segmentation, regions
from segcore.technique import Choice, Label, Only, Preset, Range, Show, Technique, ignore

Floats: TypeAlias = npt.NDArray[np.float32]
Kernel: TypeAlias = npt.NDArray[Any]  # n×n, n odd


def segment(
    image: Image,
    *,
    bank: Annotated[
        str,
        Choice(bank="A bank of filters", single="One filter"),
        Label("Filters"),
        "Many directions and wavelengths at once, or a single filter set by hand.",
    ] = "bank",
    n_orientations: Annotated[
        int, Range(1, 8), Only(bank="bank"), "Directions, evenly spread over 180°."
    ] = 4,
    n_wavelengths: Annotated[
        int, Range(1, 4), Only(bank="bank"), "Wavelengths, each twice the one before."
    ] = 4,
    shortest: Annotated[
        int,
        Range(2, 16),
        Only(bank="bank"),
        Label("Shortest wavelength"),
        "In pixels, from crest to crest. It should match the finest grain that matters.",
    ] = 2,
    size: Annotated[
        int, Range(3, 63, step=2), Only(bank="single"), "Side of the filter in pixels."
    ] = 21,
    sigma: Annotated[
        float,
        Range(0.5, 20.0, step=0.5),
        Only(bank="single"),
        Label("Window σ"),
        "Standard deviation in pixels of the Gaussian window.",
    ] = 8.0,
    theta: Annotated[
        int,
        Range(0, 179),
        Only(bank="single"),
        Label("Direction θ"),
        "Direction in degrees in which the wave runs, across its stripes.",
    ] = 45,
    wavelength: Annotated[
        float,
        Range(2.0, 64.0, step=0.5),
        Only(bank="single"),
        Label("Wavelength λ"),
        "From crest to crest, in pixels.",
    ] = 10.0,
    gamma: Annotated[
        float,
        Range(0.1, 2.0, step=0.05),
        Only(bank="single"),
        Label("Aspect γ"),
        "Below 1 the window is longer along the stripes than across them.",
    ] = 0.5,
    psi: Annotated[
        int,
        Range(0, 359),
        Only(bank="single"),
        Label("Phase ψ"),
        "In degrees: 0 answers lines, 90 answers edges.",
    ] = 0,
    smoothing: Annotated[
        float,
        Range(1.0, 40.0, step=0.5),
        Label("Smoothing σ"),
        "Standard deviation in pixels of the Gaussian over the energy: wide enough for several "
        "waves, narrow enough for the borders.",
    ] = 12.0,
    n_clusters: Annotated[int, Range(2, 8), "Textures to tell apart."] = 3,
    position_weight: Annotated[
        float,
        Range(0.0, 1.0, step=0.05),
        "How much nearness in the image counts: 0 not at all, 1 as much as all filters together.",
    ] = 0.0,
    seed: Annotated[int, Range(0, 9999), "Start of the random choices in K-Means."] = 0,
    show: Show = ignore,
) -> Segmentation:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    show("Grayscale", gray, "Texture is sought in the brightness alone.")
    plane: npt.NDArray[Any]
    if bank == "single":
        angle, phase = math.radians(theta), math.radians(psi)
        kernels = [cv2.getGaborKernel((size, size), sigma, angle, wavelength, gamma, phase)]
        plane, wavelengths = gray, [wavelength]
    else:
        wavelengths = [shortest * 2.0**octave for octave in range(n_wavelengths)]
        kernels = gabor_bank(wavelengths, n_orientations)
        plane = gray.astype(np.float32)
    show(
        "Filters",
        lambda: contact_sheet(kernels, len(wavelengths)),
        "A filter answers where its orange falls on light and its blue on dark. Each row is one "
        "wavelength, each column one direction.",
    )
    if len(kernels) > 1:
        show(
            "Responses",
            lambda: contact_sheet([middle_response(plane, k) for k in kernels], len(wavelengths)),
            "The middle of the image through every filter, in the order of the filters above.",
        )
    features = texture_features(plane, kernels, smoothing, show)
    show(
        "Smoothed energies",
        lambda: contact_sheet(list(np.moveaxis(features, -1, 0)), len(wavelengths)),
        f"Averaged by a Gaussian of {smoothing:g} px, then brought to mean 0 and spread 1, so that "
        "every filter has the same say. Orange is above the mean, blue below.",
    )
    if len(kernels) > 1:
        show(
            "Features as colours",
            lambda: principal_colors(features, gray.shape),
            "The three directions in which the energies vary most, as red, green and blue.",
        )

    points = with_positions(features, position_weight)
    centers = kmeans_centers(points, n_clusters, seed)
    labels = nearest_centers(points, centers, gray.shape)
    labels = order_labels(labels, mean_brightness(labels, gray))
    if len(kernels) > 1:
        show(
            "Energy of each region",
            lambda: energy_curve(features, labels, wavelengths),
            "The mark of each texture: its mean energy in every filter, against the image's mean. "
            "Within a wavelength the directions follow in turn.",
        )
    show(
        "Regions",
        labels,
        "K-Means found the centres on about 10,000 evenly spread pixels; then every pixel took the "
        "nearest centre. Labels go from dark to bright.",
    )
    return regions(labels, "Texture")


# Filters -----------------------------------------------------------------------------------------

# σ/λ of a window that lets one octave of frequencies pass, to half its height (Daugman 1985).
SIGMA_PER_WAVELENGTH = 3 / math.pi * math.sqrt(math.log(2) / 2)


def gabor_bank(wavelengths: Sequence[float], n_orientations: int) -> list[Kernel]:
    """Even Gabor filters, all directions of the first wavelength first.

    The window is round (γ = 1): with four directions neighbours then meet at half their height.
    """
    kernels = []
    for wavelength in wavelengths:
        sigma = SIGMA_PER_WAVELENGTH * wavelength
        side = 2 * math.ceil(3 * sigma) + 1
        window = cv2.getGaussianKernel(side, sigma)
        for turn in range(n_orientations):
            angle = math.pi * turn / n_orientations
            kernel = cv2.getGaborKernel((side, side), sigma, angle, wavelength, 1, 0)
            # Without its sum, the filter is blind to plain brightness.
            kernel = kernel - window @ window.T * kernel.sum()
            kernels.append((kernel / np.abs(kernel).sum()).astype(np.float32))
    return kernels


# Features ----------------------------------------------------------------------------------------

ALPHA = 0.25  # of tanh(αr), as in Jain and Farrokhnia 1991
FLAT = 0.05  # grey levels; a response that varies less is the rounding of an even image


def texture_features(
    plane: npt.NDArray[Any], kernels: Sequence[Kernel], smoothing: float, show: Show
) -> Floats:
    """Smoothed energy of every filter, (h, w, d), each with mean 0 and spread 1.

    The grid is thinner than the image (H×W), by what the smoothing leaves no detail for.
    """
    energies = []
    for number, kernel in enumerate(kernels):
        response = cv2.filter2D(plane, -1, kernel)
        energy = tanh_energy(response)
        if number == len(kernels) // 2:
            show("Response of one filter", response, describe_response(plane))
            show("Its energy", energy, "How strongly it swings, whether up or down.")
        energies.append(smooth_and_thin(energy, smoothing))
        show.progress((number + 1) / (len(kernels) + 1))
    features = np.stack(energies, axis=-1)
    spread = features.std(axis=(0, 1))
    return (features - features.mean(axis=(0, 1))) / np.where(spread > 1e-6, spread, np.inf)


def tanh_energy(response: npt.NDArray[Any]) -> Floats:
    """|tanh| of a response (H×W) in units of its spread; 0 for an even image."""
    mean, spread = (float(value[0, 0]) for value in cv2.meanStdDev(response))
    gain = ALPHA / spread if spread > FLAT else 0.0
    scaled = (response - np.float32(mean)) * np.float32(gain)
    return np.abs(np.tanh(scaled))


def smooth_and_thin(energy: Floats, smoothing: float) -> Floats:
    """Gaussian mean of an energy at every few pixels only: σ leaves nothing finer than σ/4."""
    height, width = energy.shape
    every = max(1, int(smoothing / 4))
    h, w = max(1, height // every), max(1, width // every)
    thin = cv2.resize(energy, (w, h), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(thin, (0, 0), smoothing * w / width, sigmaY=smoothing * h / height)


def mean_brightness(labels: Labels, gray: Gray) -> npt.NDArray[np.float64]:
    """Mean of the pixels of each label from 1 up; infinite where a label has none."""
    counts = np.bincount(labels.ravel())
    sums = np.bincount(labels.ravel(), weights=gray.ravel())
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)[1:]


# Pictures for the steps --------------------------------------------------------------------------

TILE = 128  # pixels, the longest side of a picture on a contact sheet


def contact_sheet(pictures: Sequence[npt.NDArray[Any]], rows: int) -> Floats:
    """Pictures in `rows` of equal length, each scaled to -1 … 1 and centred on its tile."""
    tiles = [shrunk(picture / max(1e-9, np.abs(picture).max())) for picture in pictures]
    height = max(tile.shape[0] for tile in tiles) + 4
    width = max(tile.shape[1] for tile in tiles) + 4
    columns = len(tiles) // rows
    sheet = np.zeros((rows * height, columns * width), np.float32)
    for number, tile in enumerate(tiles):
        top = number // columns * height + (height - tile.shape[0]) // 2
        left = number % columns * width + (width - tile.shape[1]) // 2
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def shrunk(picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The picture with no side longer than a tile."""
    factor = min(1.0, TILE / max(picture.shape))
    size = [max(1, round(side * factor)) for side in picture.shape[::-1]]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def middle_response(plane: npt.NDArray[Any], kernel: Kernel) -> npt.NDArray[Any]:
    """The response of a filter in the middle of the image, the size of a tile at most."""
    top, left = (max(0, (side - TILE) // 2) for side in plane.shape)
    # With half a filter more on every side it is the same as in the response of the whole image.
    margin = len(kernel) // 2
    y, x = max(0, top - margin), max(0, left - margin)
    part = plane[y : top + TILE + margin, x : left + TILE + margin]
    return cv2.filter2D(part, -1, kernel)[top - y :, left - x :][:TILE, :TILE]


def describe_response(plane: npt.NDArray[Any]) -> str:
    if plane.dtype == np.uint8:
        return "The image through the filter, in 8 bits: below 0 turns black, above 255 white."
    return "The image through the filter in the middle of the bank. It swings about zero."


def energy_curve(features: Floats, labels: Labels, wavelengths: Sequence[float]) -> Curve:
    """Mean of every feature in every region, with a mark where each wavelength begins."""
    height, width, depth = features.shape
    coarse = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    x = np.arange(1, depth + 1)
    found = [label for label in np.unique(coarse) if label > 0]
    series = (Series(f"Texture {n}", x, features[coarse == n].mean(axis=0)) for n in found)
    start = depth // len(wavelengths)
    marks = (Marker(1 + i * start, f"{length:g} px") for i, length in enumerate(wavelengths))
    return Curve(tuple(series), "filter", "mean energy, in spreads", tuple(marks))


TECHNIQUE = Technique(
    "Gabor texture",
    year=1991,
    segment=segment,
    sample="textures",
    fails=Preset("Wavelengths too long", {"shortest": 16}, sample="textures"),
    presets=(
        Preset(
            "As in the article",
            {
                "bank": "single",
                "size": 21,
                "sigma": 8.0,
                "theta": 45,
                "wavelength": 10.0,
                "gamma": 0.5,
                "psi": 0,
                "smoothing": 20.0,
                "n_clusters": 2,
            },
        ),
        Preset("Borders blurred", {"shortest": 8, "smoothing": 40.0}, sample="textures"),
    ),
)
