"""Time of every technique against the same result made by direct calls of OpenCV or scikit-image.

    python -m tests.benchmarks.techniques

"Direct" is what somebody would write who wants the labels and nothing else, from the functions of
the libraries; before anything is timed, its labels are shown to be those of the technique. The
three ways take turns, so that whatever else the machine does weighs on them alike.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import flood

from segcore import TECHNIQUES, run
from segcore.result import Image, Labels
from segcore.samples import get_sample
from segcore.technique import ignore
from tests.benchmarks.table import median, ms, print_load, print_table, verdict

Array: TypeAlias = npt.NDArray[Any]

SAMPLE, SIZE = "coffee", (1024, 768)
SECONDS = 2.5  # that the repetitions of one row may take
MOST = 60  # repetitions
MEAN_SECONDS = 2.5  # goal for region growing by the mean of the region
SEED = (300, 600)  # on the saucer: its region is a seventh of the picture
SQUARE = np.ones((3, 3), np.uint8)


def disk(diameter: int) -> Array:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))


# Direct calls ------------------------------------------------------------------------------------


def direct_thresholding(image: Image) -> Array:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return cv2.threshold(gray, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]


def direct_canny(image: Image) -> Array:
    """Regions from cv2.Canny: thresholds by Otsu of the gradient, closed, filled, counted."""
    gray = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 1.4)
    gx, gy = (
        cv2.Sobel(gray, cv2.CV_16S, dx, 1 - dx, borderType=cv2.BORDER_REPLICATE) for dx in (1, 0)
    )
    steepness = cv2.add(cv2.absdiff(gx, 0.0), cv2.absdiff(gy, 0.0)).view(np.uint16)
    high, _ = cv2.threshold(steepness, 0, 1, cv2.THRESH_OTSU)
    edges = cv2.Canny(gx, gy, high // 2, high)
    filled = cv2.copyMakeBorder(
        cv2.morphologyEx(edges, cv2.MORPH_CLOSE, disk(3)), *(1,) * 4, cv2.BORDER_CONSTANT
    )
    cv2.floodFill(filled, None, (0, 0), 1)
    return parts_of_area(cv2.compare(filled[1:-1, 1:-1], 1, cv2.CMP_NE), 200)


def parts_of_area(mask: Array, min_area: int) -> Array:
    """Connected components (8) of at least `min_area` pixels, each with a label of its own."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    labels_kept = np.where(stats[:, cv2.CC_STAT_AREA] >= min_area, np.arange(count), 0)
    labels_kept[0] = 0
    return labels_kept[labels]


def direct_flood(image: Image) -> Array:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return flood(gray, SEED[::-1], tolerance=25)


def direct_watershed(image: Image) -> Array:
    """Markers at the h-maxima of the distance, by scikit-image's reconstruction."""
    smooth = cv2.GaussianBlur(image, (0, 0), 1.5)
    gray = cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY)
    mean, side = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY
    opened, distance = opened_distance(cv2.adaptiveThreshold(gray, 255, mean, side, 101, -8))
    lowered = reconstruction(np.maximum(distance - 3, 0), distance)
    sure = local_maxima(lowered).astype(np.uint8)
    flooded = flooded_from(smooth, opened, sure)
    areas = np.bincount(flooded.ravel())
    return np.where(areas >= 100, np.arange(len(areas)), 0)[flooded]


def direct_watershed_article(image: Image) -> Array:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    _, binary = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    opened, distance = opened_distance(binary)
    _, sure = cv2.threshold(distance, 0.7 * distance.max(), 255, cv2.THRESH_BINARY)
    return flooded_from(image, opened, sure.astype(np.uint8))


def opened_distance(binary: Array) -> tuple[Array, Array]:
    opened = cv2.morphologyEx(binary, cv2.MORPH_OPEN, SQUARE, iterations=2)
    return opened, cv2.distanceTransform(opened, cv2.DIST_L2, 5)


def flooded_from(image: Image, opened: Array, sure: Array) -> Array:
    """cv2.watershed between the sure foreground and the sure background; lines are background."""
    around = cv2.dilate(opened, SQUARE, iterations=3)
    _, markers = cv2.connectedComponents(sure)
    markers += 1
    markers[(around > 0) & (sure == 0)] = 0
    return np.maximum(cv2.watershed(image, markers) - 1, 0)


def direct_hsv(image: Image) -> Array:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    mask = cv2.inRange(hsv, (0, 120, 70), (10, 255, 255))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disk(3))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disk(5))
    return parts_of_area(mask, 100) > 0


def direct_gabor(image: Image) -> Array:
    """16 filters, energies smoothed on a grid of every third pixel, cv2.kmeans on every tenth."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    plane, (height, width) = gray.astype(np.float32), gray.shape
    grid = (width // 3, height // 3)
    energies = []
    for kernel in gabor_kernels():
        response = cv2.filter2D(plane, -1, kernel)
        mean, spread = (value.item() for value in cv2.meanStdDev(response))
        energy = np.abs(np.tanh((response - np.float32(mean)) * np.float32(0.25 / spread)))
        thin = cv2.resize(energy, grid, interpolation=cv2.INTER_AREA)
        scale = (12 * grid[0] / width, 12 * grid[1] / height)
        energies.append(cv2.GaussianBlur(thin, (0, 0), scale[0], sigmaY=scale[1]))
    features = np.stack(energies, axis=-1)
    features = (features - features.mean(axis=(0, 1))) / features.std(axis=(0, 1))

    every = math.ceil(math.sqrt(grid[0] * grid[1] / 10_000))
    points = features[::every, ::every].reshape(-1, features.shape[-1])
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-3)
    cv2.setRNGSeed(0)
    centers = cv2.kmeans(points, 3, None, stop, 5, cv2.KMEANS_PP_CENTERS)[2]
    scores = features @ centers.T - (centers**2).sum(axis=1) / 2
    return cv2.resize(scores, (width, height)).argmax(axis=-1) + 1


def gabor_kernels() -> list[Array]:
    """Four directions of each of four wavelengths in octaves, without their sums."""
    kernels = []
    for wavelength in (2, 4, 8, 16):
        sigma = 3 / math.pi * math.sqrt(math.log(2) / 2) * wavelength
        side = 2 * math.ceil(3 * sigma) + 1
        window = cv2.getGaussianKernel(side, sigma)
        for turn in range(4):
            angle = math.pi * turn / 4
            kernel = cv2.getGaborKernel((side, side), sigma, angle, wavelength, 1, 0)
            kernel -= window @ window.T * kernel.sum()
            kernels.append((kernel / np.abs(kernel).sum()).astype(np.float32))
    return kernels


# Cases -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A technique with settings, the direct calls, and how much slower it may be."""

    key: str
    name: str = "defaults"
    settings: Mapping[str, Any] = field(default_factory=dict)
    direct: Callable[[Image], Array] | None = None
    extra: float = 0.001  # seconds that a run without steps may take more than the direct calls
    limit: float | None = None  # seconds that a run may take, where there is nothing to compare


def preset(key: str, title: str) -> Mapping[str, Any]:
    return next(p.settings for p in TECHNIQUES[key].presets if p.title == title)


ONE_SEED = {"seeds": (SEED,)}
CASES = (
    Case("thresholding", direct=direct_thresholding),
    Case("canny_edges", direct=direct_canny, extra=0.012),
    Case("region_growing", "one seed, its value", ONE_SEED, direct_flood),
    Case(
        "region_growing",
        "one seed, mean",
        {**ONE_SEED, "criterion": "mean"},
        limit=MEAN_SECONDS,
    ),
    Case("region_growing", "twelve seeds, means", {"criterion": "mean"}, limit=MEAN_SECONDS),
    Case("watershed", direct=direct_watershed),
    Case(
        "watershed",
        "as in the article",
        preset("watershed", "As in the article"),
        direct_watershed_article,
    ),
    Case("hsv_color", direct=direct_hsv),
    Case("gabor_texture", direct=direct_gabor),
)


def all_cases() -> tuple[Case, ...]:
    """The cases above, and every other technique of the catalogue with nothing to compare.

    Those whose weights are all downloaded are not measured.
    """
    left_out = {case.key for case in CASES} | {
        key
        for key, technique in TECHNIQUES.items()
        if (n := technique.network) is not None and n.build is None and not n.parts
    }
    return CASES + tuple(Case(key) for key in TECHNIQUES if key not in left_out)


# Measuring ---------------------------------------------------------------------------------------


def photograph() -> Image:
    image = cv2.resize(get_sample(SAMPLE).load(), SIZE, interpolation=cv2.INTER_AREA)
    image.setflags(write=False)
    return image


def same_regions(ours: Labels, direct: Array) -> bool:
    """Whether two label maps have the same regions, whatever their numbers; 0 is background."""
    pairs = np.unique(np.stack([ours.ravel(), direct.ravel().astype(np.int64)]), axis=1)
    a, b = pairs
    unique = len(np.unique(a)) == len(np.unique(b)) == pairs.shape[1]
    return unique and bool(((a == 0) == (b == 0)).all())


def measure(case: Case, image: Image) -> list[str]:
    """A row of the table.

    Raises:
        RuntimeError: the direct calls give other labels.
    """
    ways: list[Callable[[], object]] = [
        lambda: run(case.key, image, show=ignore, **case.settings),
        lambda: run(case.key, image, **case.settings),
    ]
    labels = run(case.key, image, show=ignore, **case.settings).segmentation.labels
    direct = case.direct
    if direct is not None:
        if not same_regions(labels, direct(image)):
            raise RuntimeError(f"{case.key}, {case.name}: the direct calls give other labels.")
        ways.append(lambda: direct(image))
    times = take_turns(ways)
    off, on = median(times[0]), median(times[1])
    title = f"{case.key}, {case.name}"
    count = str(len(times[0]))
    if direct is None:
        goal = "–" if case.limit is None else verdict(max(off, on) < case.limit)
        return [title, "no library twin", ms(off), "–", ms(on), "–", count, goal]
    base = median(times[2])
    good = off <= max(1.15 * base, base + case.extra) and on <= max(1.5 * base, base + 0.015)
    ratios = (f"{off / base:.2f}", f"{on / base:.2f}")
    return [title, ms(base), ms(off), ratios[0], ms(on), ratios[1], count, verdict(good)]


def take_turns(ways: list[Callable[[], object]]) -> list[list[float]]:
    """Seconds of every way; each round begins with another one."""
    times: list[list[float]] = [[] for _ in ways]
    end = time.perf_counter() + SECONDS
    least = 3 if len(ways) == 3 else 1  # nothing to compare: one look at a slow technique will do
    while len(times[0]) < MOST and (time.perf_counter() < end or len(times[0]) < least):
        first = len(times[0]) % len(ways)
        for index in (*range(first, len(ways)), *range(first)):
            start = time.perf_counter()
            ways[index]()
            times[index].append(time.perf_counter() - start)
    return times


def main() -> None:
    print_load()
    image = photograph()
    head = ["technique", "direct ms", "steps off", "ratio", "steps on", "ratio", "times", "goal"]
    print(f"`{SAMPLE}` at {SIZE[0]}×{SIZE[1]}, medians in ms")
    print_table(head, [measure(case, image) for case in all_cases()])
    print(
        "Goal: steps off at most the larger of 1.15 times the direct calls and 1 ms more (Canny: "
        "12 ms more); steps on at most the larger of 1.5 times and 15 ms more; region growing by "
        f"the mean in under {MEAN_SECONDS:g} s."
    )


if __name__ == "__main__":
    main()
