r"""Mean shift: uphill to where the pixels are densest

Idea
Put a window on a pixel, move it to the mean of all pixels inside, and repeat until it stands
still. With a ball of radius $h$ as the window, the step from $x$ is
$$m(x) - x = \frac{1}{n_x} \sum_{|x_i - x| \le h} (x_i - x) .$$
It points up the gradient of the density that Epanechnikov's kernel estimates,
$\hat f(x) \propto \sum_i \max(0,\, 1 - |x_i - x|^2 / h^2)$. So the window climbs a hill and stops
on its top, a *mode*. All pixels that end there, its *basin of attraction*, are one cluster. Nobody
says how many clusters there are, only how near is near: the bandwidth $h$.

With *position and colour* the window is a disc in the image and a ball in the colour space. Modes
paint the image in flat colours with sharp borders, and neighbours whose modes are nearer than half
the colour bandwidth (a whole one would chain what differs) are one region. With *colour only* the
disc has no end: one convolution of the colour histogram with a ball gives the means of all windows,
and modes nearer than the bandwidth merge.

The estimate of the colour bandwidth follows scikit-learn: how far it is from a pixel to the nearest
tenth of all others (the *quantile*), here as the median over a sample, which rare colours do not
disturb. The spatial one is a rule of thumb, a fiftieth of the diagonal.

Used for
Simplifying photographs before anything else looks at them, following an object by its colours,
maps of stains or land cover where nobody knows the number of classes.

When it fails
No valley, no border. On `chelsea` with *colour only*, the tabby's fur, its eyes and the ground pass
into one another: they are one hill, and 93% of the pixels end on its top. A smaller bandwidth
breaks the hill up at chance bumps and the cat with it. Position as well as colour finds the eyes
and the stripes. That in turn fails on `textures`, where grass and gravel fall into hundreds of
regions: a ball of colours knows no weave.

References
K. Fukunaga and L. D. Hostetler, *The estimation of the gradient of a density function, with
applications in pattern recognition*, 1975.
Y. Cheng, *Mean shift, mode seeking, and clustering*, 1995.
D. Comaniciu and P. Meer, *Mean shift: a robust approach toward feature space analysis*, 2002.
"""

import math
from collections.abc import Callable
from typing import Annotated, NamedTuple, TypeAlias

import cv2
import numpy as np
from scipy.spatial import KDTree
from skimage.measure import label as label_equal

from segcore.charts import Frames, Histogram, Marker, Scatter
from segcore.ops.adjacency import (
    Numbers,
    Reals,
    absorb_small,
    connected_numbers,
    mean_colors_of,
    region_graph,
)
from segcore.ops.feature_space import (
    SPACE_AXES,
    SPACE_RANGE,
    Points,
    brightness,
    cloud_sample,
    distinct_points,
    features_to_rgb,
    to_features,
)
from segcore.ops.labels import order_labels
from segcore.ops.windows import frame_grid, nearest_grid_points, sum_in_balls
from segcore.result import Image, Segmentation, regions
from segcore.technique import Choice, Label, Only, Preset, Range, Show, Technique, ignore

Window: TypeAlias = Callable[[Points], Points]  # positions (n, d) to the means of what is near

SAMPLE = 1000  # pixels that the bandwidth is estimated from
MAX_ITER = 300
STANDSTILL = 0.001  # shift, as a share of the bandwidths, that counts as none
LOOKS = 5_000_000  # points in all windows together at most: what an iteration costs
GRID = 150_000  # windows at most


def segment(
    image: Image,
    *,
    space: Annotated[
        str,
        Choice(rgb="RGB", lab="CIELAB", hsv="HSV, hue as a circle"),
        Label("Colour space"),
        "Which colours count as near: in CIELAB those that look alike, in HSV those of like hue.",
    ] = "rgb",
    spatial: Annotated[
        str,
        Choice("estimated", "given", color_only="Colour only"),
        Label("Spatial bandwidth"),
        "How far a window reaches in the image; at its end it is everywhere: colour only.",
    ] = "estimated",
    spatial_bandwidth: Annotated[
        int, Range(2, 64), Only(spatial="given"), Label("Radius in the image"), "In pixels."
    ] = 20,
    color: Annotated[
        str,
        Choice("estimated", "given"),
        Label("Colour bandwidth"),
        "How far a window reaches in the colour space.",
    ] = "estimated",
    color_bandwidth: Annotated[
        float,
        Range(1.0, 100.0, step=0.5),
        Only(color="given"),
        Label("Radius in the colour space"),
        "In its units: from black to white it is 255, in CIELAB 100.",
    ] = 25.0,
    quantile: Annotated[
        float,
        Range(0.01, 0.5, step=0.01),
        Only(color="estimated"),
        "Share of the pixels that a window should reach from a typical pixel.",
    ] = 0.1,
    min_area: Annotated[
        int,
        Range(1, 2000),
        Label("Smallest area"),
        "In pixels: a smaller region joins the neighbour most like it, a smaller cluster the "
        "nearest mode.",
    ] = 100,
    seed: Annotated[
        int,
        Range(0, 9999),
        Only(color="estimated"),
        "Start of the random sample that the bandwidth is estimated from.",
    ] = 0,
    show: Show = ignore,
) -> Segmentation:
    if color == "estimated":
        color_bandwidth = estimate_bandwidth(image, space, quantile, seed)
    show(
        "Colour bandwidth",
        lambda: bandwidth_histogram(image, space, quantile, seed, color_bandwidth),
        f"How far from a pixel's colour {quantile:.0%} of all pixels lie, over a sample; the "
        f"bandwidth is {color} at {color_bandwidth:.1f}.",
    )
    if spatial == "color_only":
        return cluster_colors(image, space, color_bandwidth, min_area, show)
    radius = float(spatial_bandwidth)
    if spatial == "estimated":
        radius = max(5.0, math.hypot(*image.shape[:2]) / 50)
    return grow_basins(image, space, radius, color_bandwidth, min_area, show)


def neighbor_distances(image: Image, space: str, quantile: float, seed: int) -> Reals:
    """Distance in the colour space from each of some pixels to its `quantile` nearest of them."""
    pixels = image.reshape(-1, 3)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(pixels), min(SAMPLE, len(pixels)), replace=False)
    points = to_features(pixels[None, chosen], space).astype(np.float64)
    squares = (points**2).sum(axis=1)
    squared = squares[:, None] + squares - 2 * points @ points.T
    nth = int(quantile * (len(points) - 1))
    return np.sqrt(np.maximum(np.partition(squared, nth, axis=1)[:, nth], 0))


def estimate_bandwidth(image: Image, space: str, quantile: float, seed: int) -> float:
    """Median of `neighbor_distances`; at least a fiftieth of the way from black to white.

    The median, as pixels of rare colours have their neighbours far away in other clusters.
    """
    distances = neighbor_distances(image, space, quantile, seed)
    return max(float(np.median(distances)), SPACE_RANGE[space] / 50)


class Ascent(NamedTuple):
    """Windows on their way to the modes.

    Attributes:
        snapshots: iteration -> (n, d) where they were after it: 0, 1, 2, 4 … and the last.
    """

    snapshots: dict[int, Points]

    @property
    def modes(self) -> Points:
        """Where each of the n windows ended."""
        return self.snapshots[max(self.snapshots)]


def ascend(starts: Points, mean_in_window: Window, bandwidths: Points, show: Show) -> Ascent:
    """Moves windows to the means in them, again and again, until they stand still.

    Args:
        starts: (n, d) where the windows stand first.
        mean_in_window: the means (m, d) of the data in the windows at positions (m, d).
        bandwidths: (d,) unit of the shifts along each axis.
        show: is told the progress.
    """
    position, moving, iteration = starts.copy(), np.arange(len(starts)), 0
    snapshots = {0: starts}
    while len(moving) and iteration < MAX_ITER:
        iteration += 1
        before = position[moving]
        position[moving] = after = mean_in_window(before)
        shift = (after - before) / bandwidths
        moving = moving[np.einsum("nd,nd->n", shift, shift) > STANDSTILL**2]
        show.progress(1 - len(moving) / len(starts))
        if iteration.bit_count() == 1:
            snapshots[iteration] = position.copy()
    snapshots[iteration] = position
    return Ascent(snapshots)


# Colour only -------------------------------------------------------------------------------------


def cluster_colors(
    image: Image, space: str, bandwidth: float, min_area: int, show: Show
) -> Segmentation:
    """Clusters of all pixels whose colours climb to the same mode, wherever they are."""
    colors = distinct_points(image, space)
    lattice, starts, start_of = sum_in_balls(colors.points, colors.counts, bandwidth)
    ascent = ascend(starts, lattice.means, np.full(3, bandwidth, np.float32), show)
    shape, cell_of_pixel = image.shape, np.take(start_of, colors.inverse)
    show(
        "Iterations",
        lambda: color_frames(ascent, 0, space, cell_of_pixel, shape),
        "Every pixel in the colour that its window has climbed to.",
    )
    pixels = np.bincount(cell_of_pixel)
    peaks, peak_of, areas = distinct_modes(ascent.modes, pixels, bandwidth)
    modes, mode_of = merge_modes(peaks, areas, bandwidth, min_area)
    show(
        "Modes",
        lambda: ascent_cloud(image, space, ascent.snapshots, modes),
        "A sample of the pixels, the paths of some windows, and the modes.",
    )
    show(
        "Basins of attraction",
        lambda: (peak_of[cell_of_pixel] + 1).reshape(shape[:2]).astype(np.int32),
        f"Pixels whose windows stopped on the same of {len(peaks)} peaks.",
    )
    cluster = np.take(mode_of[peak_of] + 1, cell_of_pixel).reshape(shape[:2])
    labels = order_labels(cluster, brightness(features_to_rgb(modes, space)))
    show("Clusters", labels, "Peaks nearer than the bandwidth are one mode; dark ones come first.")
    return regions(labels, "Cluster")


def distinct_modes(
    modes: Points, pixels: Numbers, bandwidth: float
) -> tuple[Points, Numbers, Reals]:
    """Ends of paths (n, 3) that are equal but for rounding, drawn together.

    Returns:
        peaks (m, 3), the peak (n,) of each end, and the pixels (m,) of each peak.
    """
    rounded = np.rint(modes / (bandwidth / 20)).astype(np.int64)
    number = np.unique(rounded, axis=0, return_inverse=True)[1].ravel().astype(np.intp)
    areas = np.bincount(number, pixels).astype(np.float64)
    sums = [np.bincount(number, pixels * column) for column in modes.T]
    return (np.stack(sums, axis=1) / areas[:, None]).astype(np.float32), number, areas


def merge_modes(
    peaks: Points, areas: Reals, bandwidth: float, min_area: int
) -> tuple[Points, Numbers]:
    """Modes (k, 3), at least a bandwidth apart, and the number of the mode of each peak (m, 3).

    Peaks become modes in the order of their areas (m,), in pixels. Each takes all that are nearer
    than the bandwidth and still free; what has fewer than `min_area` pixels then is given up, and
    its peaks go to the nearest mode.
    """
    tree = KDTree(peaks)
    owner = np.full(len(peaks), -1)
    heads: list[int] = []
    for peak in np.argsort(-areas, kind="stable"):
        if owner[peak] < 0:
            near = np.array(tree.query_ball_point(peaks[peak], bandwidth))
            owner[near[owner[near] < 0]] = len(heads)
            heads.append(int(peak))
    total = np.bincount(owner, areas)
    stays = np.flatnonzero(total >= min(min_area, total.max()))
    modes = peaks[np.array(heads)[stays]]
    number = np.full(len(heads), -1)
    number[stays] = np.arange(len(stays))
    nearest = KDTree(modes).query(peaks)[1]
    return modes, np.where(number[owner] >= 0, number[owner], nearest)


# Position and colour -----------------------------------------------------------------------------


def grow_basins(
    image: Image, space: str, radius: float, bandwidth: float, min_area: int, show: Show
) -> Segmentation:
    """Connected regions of pixels whose windows climb to modes of like colours."""
    height, width = image.shape[:2]
    # A grid s times as coarse has s² times fewer windows, with s² times fewer points in each.
    looks = height * width * math.pi * radius**2
    scale = max(1.0, (looks / LOOKS) ** 0.25, math.sqrt(height * width / GRID))
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    coarse = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    points = to_features(coarse, space)
    grid = frame_grid(points, coarse.shape[:2], max(1.0, radius / scale), bandwidth)
    y, x = np.indices(grid.shape, dtype=np.float32)
    starts = np.column_stack([x.ravel(), y.ravel(), points])
    bandwidths = np.array([grid.radius] * 2 + [bandwidth] * 3, np.float32)
    ascent = ascend(starts, grid.means, bandwidths, show)
    show(
        "Iterations",
        lambda: color_frames(ascent, 2, space, np.arange(len(points)), coarse.shape),
        f"The image on a grid of {size[0]}×{size[1]} points, each in the colour that its window "
        f"has climbed to. A window reaches {radius:.0f} pixels far.",
    )
    show(
        "Paths",
        lambda: draw_paths(image, ascent, grid.shape),
        "The ways of some windows through the image, with a dot where they ended: uphill, never "
        "across a strong edge.",
    )
    colors_only = {iteration: points[:, 2:] for iteration, points in ascent.snapshots.items()}
    show(
        "Modes",
        lambda: ascent_cloud(image, space, colors_only, None),
        "A sample of the pixels, the paths of some windows in colour space, and their modes.",
    )
    features = to_features(image, space).reshape(image.shape)
    source = nearest_grid_points(features, points.reshape(coarse.shape))
    modes = ascent.modes[:, 2:]
    show(
        "Filtered image",
        lambda: features_to_rgb(modes, space)[source],
        "Every pixel in the mode of the most similar of the four points of the grid around it.",
    )
    parts = label_equal(
        join_alike(modes.reshape(coarse.shape), bandwidth / 2)[source],
        background=-1,
        connectivity=1,
    )
    show(
        "Basins of attraction",
        lambda: parts.astype(np.int32),
        "Neighbours whose modes are nearer than half the colour bandwidth are one region.",
    )
    graph = region_graph(parts - 1, features)
    merged = absorb_small(graph, min_area)[parts - 1]
    labels = order_labels(merged + 1, brightness(mean_colors_of(image, merged)))
    show("Regions", labels, f"Regions under {min_area} pixels have joined a neighbour.")
    return regions(labels, "Region")


def join_alike(modes: Points, limit: float) -> Numbers:
    """Groups of neighbours nearer than `limit` on a grid (h, w, 3): the number (h*w,) of each."""
    number = np.arange(modes.shape[0] * modes.shape[1]).reshape(modes.shape[:2])
    links = []
    for axis, beyond in ((0, modes.shape[1]), (1, 1)):
        gap = np.diff(modes, axis=axis)
        alike = np.einsum("hwc,hwc->hw", gap, gap) < limit**2
        first = number[: alike.shape[0], : alike.shape[1]][alike]
        links.append((first, first + beyond))
    first, second = np.concatenate(links, axis=1)
    return connected_numbers(first, second, number.size)


# Pictures of the steps ---------------------------------------------------------------------------


def bandwidth_histogram(
    image: Image, space: str, quantile: float, seed: int, bandwidth: float
) -> Histogram:
    """Of `neighbor_distances`, with the bandwidth marked."""
    distances = neighbor_distances(image, space, quantile, seed)
    counts, edges = np.histogram(distances, 40, (0, max(distances.max(), bandwidth) * 1.05))
    middle = (edges[1:] + edges[:-1]) / 2
    marker = Marker(bandwidth, f"bandwidth {bandwidth:.1f}")
    return Histogram(middle, counts, "distance in the colour space", markers=(marker,))


def color_frames(
    ascent: Ascent, first: int, space: str, window: Numbers, shape: tuple[int, ...]
) -> Frames:
    """The image of a shape after the iterations; colours stand from column `first` on.

    `window` is the number of the window of each pixel, row by row.
    """
    pictures = [
        features_to_rgb(points[:, first:], space)[window].reshape(shape)
        for points in ascent.snapshots.values()
    ]
    return Frames(tuple(pictures), tuple(f"iteration {index}" for index in ascent.snapshots))


def ascent_cloud(
    image: Image, space: str, snapshots: dict[int, Points], modes: Points | None
) -> Scatter:
    """A sample of the pixels, paths of up to 60 windows, and the modes or where these ended."""
    points, colors = cloud_sample(image, to_features(image, space))
    some = np.linspace(0, len(snapshots[0]) - 1, 60).astype(np.intp)
    paths = np.stack([snapshot[np.unique(some)] for snapshot in snapshots.values()])
    centers = paths[-1] if modes is None else modes
    return Scatter(
        points, colors, SPACE_AXES[space], centers, features_to_rgb(centers, space), paths
    )


def draw_paths(image: Image, ascent: Ascent, shape: tuple[int, int]) -> Image:
    """The image with the ways of about 600 windows of a grid of a shape through it."""
    drawn = (image // 2 + 64).astype(np.uint8)
    every = max(1, round(math.sqrt(shape[0] * shape[1] / 600)))
    chosen = np.arange(shape[0] * shape[1]).reshape(shape)[every // 2 :: every, every // 2 :: every]
    scale = np.divide(image.shape[1::-1], shape[::-1])
    ways = np.stack([p[chosen.ravel(), :2] for p in ascent.snapshots.values()], axis=1)
    for way in np.rint((ways + 0.5) * scale).astype(np.int32):
        cv2.polylines(drawn, [way], False, (255, 255, 255), 1, cv2.LINE_AA)
        cv2.circle(drawn, way[-1].tolist(), 2, (255, 220, 0), cv2.FILLED, cv2.LINE_AA)
    return drawn


TECHNIQUE = Technique(
    "Mean shift",
    year=1975,
    segment=segment,
    sample="coffee",
    fails=Preset("One hill of fur", {"spatial": "color_only"}, sample="chelsea"),
    presets=(Preset("Colour only", {"spatial": "color_only"}, sample="coffee"),),
)
