r"""K-Means: every pixel joins the nearest of k centres

Idea
Take every pixel as a point, its colour being its coordinates. Wanted are $k$ centres
$\mu_1, \dots, \mu_k$ to which the pixels $x_i$ lie as near as can be:
$$J = \sum_i \min_j \lVert x_i - \mu_j \rVert^2 .$$
Lloyd's algorithm takes turns. *Assign*: every pixel joins its nearest centre. *Update*: every
centre moves to the mean of its pixels. Neither can raise $J$, so the turns come to rest, but in the
nearest valley, not always in the deepest; hence several starts, of which the best is kept. *Random*
starts are pixels drawn blindly. *k-means++* draws each by its squared distance from those before,
which spreads them.

With a position weight the place of a pixel joins its colour, and clusters hold together in the
picture. In HSV hue and saturation form a disc, so that the reds on both sides of 0° are one colour.

Used for
Colour quantisation, the stains of a tissue section, crops against soil, land cover seen from
satellites; and as the start of finer methods, such as Gaussian mixtures.

When it fails
On `coins` the light falls from the upper left. Two clusters should be ground and coins, but
K-Means sees brightness only, and joins the bright edge of the ground with the coins. It also takes
clusters for round and equally wide, and cannot say how many there are: elbow and silhouette are
hints, not answers.

References
S. P. Lloyd, *Least squares quantization in PCM*, 1982 (written in 1957).
J. MacQueen, *Some methods for classification and analysis of multivariate observations*, 1967.
D. Arthur and S. Vassilvitskii, *k-means++: the advantages of careful seeding*, 2007.
P. J. Rousseeuw, *Silhouettes: a graphical aid to the interpretation and validation of cluster
analysis*, 1987.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from segcore.charts import Curve, Frames, Marker, Scatter, Series
from segcore.ops.feature_space import (
    SPACE_AXES,
    WeightedPoints,
    brightness,
    cloud_sample,
    coarse_points,
    distinct_points,
    features_to_rgb,
    kmeans_plus_plus,
    squared_distances,
)
from segcore.result import Image, Labels, Segmentation, regions
from segcore.technique import Choice, Label, Preset, Range, Show, Study, Technique, ignore

Features: TypeAlias = npt.NDArray[np.float32]  # (n, d) points, or (k, d) centres
Counts: TypeAlias = npt.NDArray[np.float32]  # (n,) pixels that a point stands for


def segment(
    image: Image,
    *,
    n_clusters: Annotated[int, Range(2, 12), "Centres, and so segments, to look for."] = 4,
    space: Annotated[
        str,
        Choice(rgb="RGB", lab="CIELAB", hsv="HSV, hue as a circle"),
        Label("Colour space"),
        "Which colours count as near: in CIELAB those that look alike, in HSV those of like hue.",
    ] = "rgb",
    position_weight: Annotated[
        float,
        Range(0.0, 2.0, step=0.05),
        "0 looks at colour only; at 1 the image is as long as black is far from white.",
    ] = 0.0,
    init: Annotated[
        str,
        Choice("k-means++", "random"),
        Label("Starting centres"),
        "Drawn far apart, or pixels drawn blindly.",
    ] = "k-means++",
    n_init: Annotated[
        int, Range(1, 20), Label("Number of starts"), "The start that ends lowest is kept."
    ] = 10,
    max_iter: Annotated[
        int, Range(1, 200), Label("Most iterations"), "Where a run stops at the latest."
    ] = 100,
    tol: Annotated[
        float,
        Range(0.0, 5.0, step=0.01),
        Label("Tolerance ε"),
        "A run stops when no centre moves farther than this, in units of the colour space.",
    ] = 0.1,
    seed: Annotated[int, Range(0, 9999), "Start of the random choices."] = 0,
    show: Show = ignore,
) -> Segmentation:
    shape, axes = image.shape[:2], SPACE_AXES[space]
    cloud = distinct_points(image, space, position_weight)
    show(
        "Pixels as points",
        lambda: Scatter(*cloud_sample(image, cloud.points[cloud.inverse]), axes),
        f"{cloud.inverse.size:,} pixels have {len(cloud.points):,} different values. What lies "
        "together here has like colours, wherever it lies in the picture.",
    )
    run = best_descent(cloud, n_clusters, init, n_init, max_iter, tol, seed, show)
    dark_to_bright = np.argsort(brightness(features_to_rgb(run.path[-1], space)), kind="stable")
    path = run.path[:, dark_to_bright]
    show(
        "Starting centres",
        lambda: Scatter(
            *cloud_sample(image, cloud.points[cloud.inverse]),
            axes,
            path[0, :, :3],
            features_to_rgb(path[0], space),
        ),
        f"The start, out of {n_init}, from which the descent ends lowest.",
    )
    show(
        "Assignment",
        lambda: assignment_frames(cloud, path, shape),
        "Every pixel in the cluster of its nearest centre, as the centres move.",
    )
    show(
        "Paths of the centres",
        lambda: Scatter(
            *cloud_sample(image, cloud.points[cloud.inverse]),
            axes,
            path[-1, :, :3],
            features_to_rgb(path[-1], space),
            path[:, :, :3],
        ),
        "From the start to the mean of the cluster, where no update moves a centre any more.",
    )
    show(
        "Objective",
        lambda: objective_curve(run, cloud.inverse.size),
        f"It never rises. The first {run.n_binned} iterations ran on {run.n_bins:,} bins of like "
        f"colours, the last {len(run.objectives) - run.n_binned} on every pixel.",
    )
    labels = label_map(cloud, path[-1], shape)
    show(
        "Mean colours",
        lambda: features_to_rgb(path[-1], space)[labels - 1],
        f"The picture in {len(path[-1])} colours: every pixel in that of its centre.",
    )
    show("Clusters", labels, "Labels go from the darkest centre to the brightest.")
    return regions(labels, "Cluster")


def label_map(cloud: WeightedPoints, centers: Features, shape: tuple[int, ...]) -> Labels:
    """Label map (H×W) with the number from 1 up of the centre nearest to each pixel."""
    numbers = nearest(np.asfortranarray(cloud.points), centers).astype(np.int32) + 1
    return numbers[cloud.inverse].reshape(shape)


# Lloyd's algorithm -------------------------------------------------------------------------------


class Descent(NamedTuple):
    """The way of the centres from a start to rest.

    Attributes:
        path: float32 (t + 1, k, d): the start, and the centres after each of t iterations.
        objectives: t sums of squared distances, one after each iteration.
        n_binned: how many of the iterations ran on bins.
        n_bins: the number of bins.
    """

    path: Features
    objectives: tuple[float, ...]
    n_binned: int
    n_bins: int


def best_descent(
    cloud: WeightedPoints,
    n_clusters: int,
    init: str,
    n_init: int,
    max_iter: int,
    tol: float,
    seed: int,
    show: Show,
) -> Descent:
    """The lowest of `n_init` descents: each runs on bins, the best goes on with every pixel.

    The arguments are the settings of `segment`. There are no more centres than distinct points.
    """
    k = min(n_clusters, len(cloud.points))
    bins = coarse_points(cloud, k)
    energy = np.einsum("n,nd,nd", cloud.counts, cloud.points, cloud.points, dtype=np.float64)
    rng = np.random.default_rng(seed)
    best: list[tuple[float, Features]] = []
    for number in range(n_init):
        show.progress(number / n_init / 2)
        start = starting_centers(*bins, k, init, rng)
        # Bins cannot tell smaller movements from their own width.
        turns = islice(lloyd(*bins, start, max(tol, 0.1), energy), max(1, max_iter - 1))
        run = [(np.inf, start), *turns]
        if not best or run[-1][0] < best[-1][0]:
            best = run
    best = best[:max_iter]  # one iteration at least is left for the pixels
    n_binned = len(best) - 1
    descent = lloyd(cloud.points, cloud.counts, best[-1][1], tol, energy)
    for turn in islice(descent, max_iter - n_binned):
        best.append(turn)
        show.progress(0.5 + len(best) / max_iter / 2)
    objectives, path = zip(*best, strict=True)
    return Descent(np.stack(path), objectives[1:], n_binned, len(bins[0]))


def starting_centers(
    points: Features, counts: Counts, k: int, init: str, rng: np.random.Generator
) -> Features:
    """k distinct points (k, d) of (n, d): spread by k-means++, or drawn like random pixels."""
    if init == "k-means++":
        return kmeans_plus_plus(points, counts, k, rng)
    shares = counts / counts.sum(dtype=np.float64)
    return points[rng.choice(len(points), k, replace=False, p=shares)]


def lloyd(
    points: Features, counts: Counts, centers: Features, tol: float, energy: float
) -> Iterator[tuple[float, Features]]:
    """Takes turns at assignment and update until no centre moves farther than `tol`.

    Args:
        points: (n, d).
        counts: (n,), how many pixels each point stands for.
        centers: (k, d), the start.
        tol: a distance in the units of the points.
        energy: sum of the squared lengths of all pixels; thus the spread of the pixels within a
            bin counts too, and objectives of bins and of pixels are comparable.

    Yields:
        the objective and the centres (k, d) after each iteration.
    """
    columns = np.asfortranarray(points)
    parts = [counts * column.astype(np.float64) for column in points.T] + [counts]
    labels = np.zeros(len(points), np.uint8)
    totals = np.zeros((len(centers), len(parts)))  # per cluster: sums of the features, and pixels
    totals[0] = [part.sum(dtype=np.float64) for part in parts]
    while True:
        before, labels = labels, nearest(columns, centers)
        moved = np.flatnonzero(labels != before)  # soon few: only they change the totals
        for column, part in enumerate(parts):
            totals[:, column] += np.bincount(labels[moved], part[moved], len(centers))
            totals[:, column] -= np.bincount(before[moved], part[moved], len(centers))
        sums, sizes = totals[:, :-1], totals[:, -1]
        means = sums / np.maximum(sizes, 1)[:, None]
        # The sum of |x - mean|² is that of |x|² less the number of pixels times |mean|².
        objective = max(0.0, float(energy - (sums * means).sum()))
        empty = np.flatnonzero(sizes == 0)
        if len(empty):  # a centre that nobody is nearest to starts anew at the farthest point
            gaps = squared_distances(points, centers[labels])
            means[empty] = points[np.argsort(gaps)[-len(empty) :]]
        shift = np.sqrt(((means - centers) ** 2).sum(axis=1)).max()
        centers = means.astype(np.float32)
        yield objective, centers
        if shift <= tol:
            return


def nearest(points: Features, centers: Features) -> npt.NDArray[np.uint8]:
    """Index (n,) of the centre (k, d) nearest to each point (n, d); of equals the first.

    |x - c|² is least where x·c - |c|²/2 is greatest. Points in Fortran order are the fastest.
    """
    origin = centers.mean(axis=0)  # small numbers keep float32 exact enough
    shifted = centers - origin
    half = (shifted**2).sum(axis=1, keepdims=True) / 2
    labels = np.zeros(len(points), np.uint8)
    # So small a product OpenBLAS computes in one thread; sharing it out costs more than it saves.
    block = (1 << 18) // centers.size
    for first in range(0, len(points), block):
        part = slice(first, first + block)
        scores = shifted @ (points[part] - origin).T - half
        best, chosen = scores[0], labels[part]
        for number, score in enumerate(scores[1:], start=1):
            closer = (score > best).view(np.uint8)
            # Numbers only rise here: a maximum is an assignment, and many times as fast as one.
            np.maximum(chosen, closer * np.uint8(number), out=chosen)
            np.maximum(best, score, out=best)
    return labels


# Pictures ----------------------------------------------------------------------------------------


def assignment_frames(cloud: WeightedPoints, path: Features, shape: tuple[int, ...]) -> Frames:
    """The label map at the start and after iterations 1, 2, 4, … and the last."""
    last = len(path) - 1
    times = [0, *(1 << n for n in range(last.bit_length()) if 1 << n < last), last]
    names = ["start", *(f"iteration {time}" for time in times[1:])]
    return Frames(tuple(label_map(cloud, path[time], shape) for time in times), tuple(names))


def objective_curve(run: Descent, n_pixels: int) -> Curve:
    """The objective per pixel after each iteration."""
    turns = np.arange(1, len(run.objectives) + 1)
    line = Series("Objective", turns, np.array(run.objectives) / n_pixels)
    switch = Marker(run.n_binned + 0.5, "every pixel")
    return Curve((line,), "Iteration", "Mean squared distance to the centre", (switch,))


# How many clusters? ------------------------------------------------------------------------------


@dataclass(frozen=True)
class PartOfProgress:
    """Shows nothing, and passes progress on as a part, from `start` on, of that of `show`."""

    show: Show
    start: float
    length: float

    def __call__(self, title: str, picture: Any, caption: str) -> None: ...

    def progress(self, fraction: float) -> None:
        self.show.progress(self.start + self.length * fraction)


def choose_n_clusters(
    image: Image,
    *,
    n_clusters: int,
    space: str,
    position_weight: float,
    init: str,
    n_init: int,
    max_iter: int,
    tol: float,
    seed: int,
    show: Show,
) -> None:
    """Shows the elbow and the silhouette for 2 to 10 clusters; arguments as in `segment`."""
    cloud = distinct_points(image, space, position_weight)
    n_pixels = cloud.inverse.size
    rng = np.random.default_rng(seed)
    sample = cloud.points[rng.choice(cloud.inverse, min(2000, n_pixels), replace=False)]
    distances = cdist(sample, sample)
    tried = np.arange(2, 11)
    objectives, silhouettes = [], []
    for done, k in enumerate(tried):
        part = PartOfProgress(show, done / len(tried), 1 / len(tried))
        run = best_descent(cloud, int(k), init, n_init, max_iter, tol, seed, part)
        objectives.append(run.objectives[-1] / n_pixels)
        silhouettes.append(mean_silhouette(distances, nearest(sample, run.path[-1])))
    show.progress(1.0)
    chosen = Marker(n_clusters, "now")
    bend, best = int(tried[elbow(objectives)]), int(tried[int(np.argmax(silhouettes))])
    show(
        "Elbow",
        Curve(
            (Series("Objective", tried, np.array(objectives)),),
            "Number of clusters",
            "Mean squared distance to the centre",
            (chosen, Marker(bend, "elbow")),
        ),
        f"More clusters always lie nearer. The curve bends most at {bend}: beyond it, a further "
        "cluster gains little.",
    )
    show(
        "Silhouette",
        Curve(
            (Series("Silhouette", tried, np.array(silhouettes)),),
            "Number of clusters",
            "Mean silhouette, -1 to 1",
            (chosen, Marker(best, "best")),
        ),
        f"How much nearer {len(sample):,} random pixels lie to their own cluster than to the next "
        f"one. It is highest at {best}.",
    )


def elbow(objectives: list[float]) -> int:
    """Index of the value farthest below the straight line from the first to the last."""
    line = np.linspace(objectives[0], objectives[-1], len(objectives))
    return int(np.argmax(line - objectives))


def mean_silhouette(distances: npt.NDArray[np.float64], labels: npt.NDArray[np.uint8]) -> float:
    """Mean of (b - a) / max(a, b) over the points of a sample (Rousseeuw 1987).

    a is the mean distance of a point to the others of its cluster, b that to the nearest other
    cluster. A point alone in its cluster counts 0, and so does every point of a single cluster.

    Args:
        distances: (n, n) between all points.
        labels: (n,) cluster of each.
    """
    found, own = np.unique(labels, return_inverse=True)
    if len(found) < 2:
        return 0.0
    member = labels[:, None] == found
    sizes, rows = member.sum(axis=0), np.arange(len(labels))
    sums = distances @ member
    alone = sizes[own] == 1
    a = sums[rows, own] / np.where(alone, 1, sizes[own] - 1)
    means = sums / sizes
    means[rows, own] = np.inf
    b = means.min(axis=1)
    return float(np.where(alone, 0, (b - a) / np.maximum(np.maximum(a, b), 1e-12)).mean())


TECHNIQUE = Technique(
    "K-Means",
    year=1967,
    segment=segment,
    sample="immunohistochemistry",
    fails=Preset("Light taken for colour", {"n_clusters": 2}, sample="coins"),
    presets=(
        Preset(
            "As in the article",
            {
                "n_clusters": 3,
                "space": "rgb",
                "position_weight": 0.0,
                "init": "random",
                "n_init": 10,
                "max_iter": 100,
                "tol": 0.2,
            },
        ),
        Preset("Compact regions", {"space": "lab", "position_weight": 0.5}, sample="astronaut"),
    ),
    studies=(Study("How many clusters?", choose_n_clusters),),
)
