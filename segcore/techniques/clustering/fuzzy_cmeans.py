r"""Fuzzy C-Means: every pixel belongs to every cluster, more or less

Idea
K-Means decides for each pixel; Fuzzy C-Means weighs. Pixel $x_i$ has a membership
$u_{ij} \in [0, 1]$ in each of $c$ clusters, and these sum to 1. Wanted is the least
$$J_m = \sum_i \sum_j u_{ij}^m \, \lVert x_i - \mu_j \rVert^2 , \qquad m > 1 .$$
For fixed centres the best memberships, and for fixed memberships the best centres are
$$u_{ij} = \Bigl( \sum_l \bigl( d_{ij} / d_{il} \bigr)^{2/(m-1)} \Bigr)^{-1}, \qquad
\mu_j = \frac{\sum_i u_{ij}^m x_i}{\sum_i u_{ij}^m}, \qquad d_{ij} = \lVert x_i - \mu_j \rVert ,$$
and taking turns lowers $J_m$ until it rests. The fuzzifier $m$ sets how soft the borders are: near
1 it is K-Means; as it grows, every membership tends to $1/c$. Usual is 2. Giving each pixel its
strongest cluster *hardens* the result; where even that one is weak, the *map of doubt* is bright.

Used for
Tissue in magnetic resonance images, where a pixel holds two tissues at once; shades without a sharp
border, in remote sensing as in colour.

When it fails
On `hubble_deep_field` nearly every pixel is dark sky. Each pulls only a little on the far centres,
but together they outweigh the galaxies: two of the four clusters part the noise of the sky, where
K-Means gives all of it to one. And as in K-Means, clusters count as round, and $c$ must be given.

References
J. C. Dunn, *A fuzzy relative of the ISODATA process and its use in detecting compact well-separated
clusters*, 1973 (for $m = 2$).
J. C. Bezdek, *Pattern recognition with fuzzy objective function algorithms*, 1981 (any $m$, and the
partition coefficient).
R. N. Davé, *Validating fuzzy partitions obtained through c-shells clustering*, 1996 (the
coefficient made comparable between numbers of clusters).
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Annotated, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.charts import Curve, Marker, Scatter, Series
from segcore.ops.feature_space import (
    SPACE_AXES,
    WeightedPoints,
    brightness,
    cloud_sample,
    coarse_points,
    distinct_points,
    features_to_rgb,
    kmeans_plus_plus,
)
from segcore.result import Gray, Image, Segmentation, regions
from segcore.technique import Choice, Label, Preset, Range, Show, Study, Technique, ignore

Features: TypeAlias = npt.NDArray[np.float32]  # (n, d) points, or (c, d) centres
Counts: TypeAlias = npt.NDArray[np.float32]  # (n,) pixels that a point stands for
Shares: TypeAlias = npt.NDArray[np.float32]  # (c, n) memberships, each column sums to 1
Reals: TypeAlias = npt.NDArray[np.float64]


def segment(
    image: Image,
    *,
    n_clusters: Annotated[int, Range(2, 12), "Centres, and so segments, to look for."] = 4,
    m: Annotated[
        float,
        Range(1.05, 4.0, step=0.05),
        Label("Fuzzifier m"),
        "How soft the borders between clusters are: near 1 hard, at 4 hardly a border.",
    ] = 2.0,
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
    max_iter: Annotated[
        int, Range(1, 300), Label("Most iterations"), "Where the run stops at the latest."
    ] = 200,
    tol: Annotated[
        float,
        Range(0.001, 1.0, step=0.001),
        Label("Tolerance ε"),
        "The run stops when no centre moves farther than this, in units of the colour space.",
    ] = 0.01,
    seed: Annotated[int, Range(0, 9999), "Start of the random choices."] = 0,
    show: Show = ignore,
) -> Segmentation:
    shape = image.shape[:2]
    cloud = distinct_points(image, space, position_weight)
    run = fuzzy_descent(cloud, n_clusters, m, max_iter, tol, seed, show)
    dark_to_bright = np.argsort(brightness(features_to_rgb(run.path[-1], space)), kind="stable")
    path = run.path[:, dark_to_bright]
    show(
        "Paths of the centres",
        lambda: Scatter(
            *cloud_sample(image, cloud.points[cloud.inverse]),
            SPACE_AXES[space],
            path[-1, :, :3],
            features_to_rgb(path[-1], space),
            path[:, :, :3],
        ),
        "Every pixel pulls at every centre, as strongly as its membership says.",
    )
    show(
        "Objective",
        lambda: fuzzy_objective_curve(run, cloud.inverse.size),
        f"The first {run.n_binned} iterations ran on {run.n_bins:,} bins of like colours, whose "
        "own width does not count; the others on every pixel. Neither line rises.",
    )
    shares, _ = memberships(np.asfortranarray(cloud.points), path[-1], m)
    for number, share in enumerate(shares, start=1):
        show(
            f"Membership in cluster {number}",
            partial(gray_map, share, cloud, shape),
            "White belongs to it wholly, black not at all.",
        )
    show(
        "Doubt",
        lambda: gray_map(doubt(shares), cloud, shape),
        "Black has one clear cluster; white belongs equally to all.",
    )
    strongest = shares.argmax(axis=0).astype(np.int32) + 1
    labels = strongest[cloud.inverse].reshape(shape)
    show("Clusters", labels, "Hardened: each pixel in the cluster of its strongest membership.")
    return regions(labels, "Cluster")


# Taking turns ------------------------------------------------------------------------------------


class FuzzyDescent(NamedTuple):
    """The way of the centres from the start to rest.

    Attributes:
        path: float32 (t + 1, c, d): the start, and the centres after each of t iterations.
        objectives: t values of the objective, for the centres before each iteration.
        n_binned: how many of the iterations ran on bins.
        n_bins: the number of bins.
    """

    path: Features
    objectives: tuple[float, ...]
    n_binned: int
    n_bins: int


def fuzzy_descent(
    cloud: WeightedPoints,
    n_clusters: int,
    m: float,
    max_iter: int,
    tol: float,
    seed: int,
    show: Show,
) -> FuzzyDescent:
    """Descends on bins, then on every pixel.

    The arguments are the settings of `segment`. There are no more centres than distinct points.
    """
    k = min(n_clusters, len(cloud.points))
    bins = coarse_points(cloud, k)
    path = [kmeans_plus_plus(*bins, k, np.random.default_rng(seed))]
    objectives: list[float] = []
    n_binned = 0
    stages = ((bins, max_iter - 1), (cloud[:2], max_iter))  # one iteration at least on every pixel
    for (points, counts), most in stages:
        n_binned = len(objectives)
        turns = fuzzy_turns(points, counts, path[-1], m, tol)
        for objective, centers in islice(turns, most - n_binned):
            objectives.append(objective)
            path.append(centers)
            show.progress(len(objectives) / max_iter)
    return FuzzyDescent(np.stack(path), tuple(objectives), n_binned, len(bins[0]))


def fuzzy_turns(
    points: Features, counts: Counts, centers: Features, m: float, tol: float
) -> Iterator[tuple[float, Features]]:
    """Takes turns at memberships and centres until no centre moves farther than `tol`.

    Args:
        points: (n, d).
        counts: (n,), how many pixels each point stands for.
        centers: (c, d), the start.
        m: fuzzifier, above 1.
        tol: a distance in the units of the points.

    Yields:
        the objective of the centres before, and the centres (c, d) after each iteration.
    """
    points = np.asfortranarray(points)
    block = 1 << 14  # points whose memberships stay in the processor's cache
    while True:
        objective = 0.0
        sizes, sums = np.zeros((len(centers), 1)), np.zeros(centers.shape)
        for first in range(0, len(points), block):
            part = slice(first, first + block)
            shares, distances = memberships(points[part], centers, m)
            weights = counts[part] * shares**m
            objective += float((weights * distances).sum(dtype=np.float64))
            sizes += weights.sum(axis=1, keepdims=True, dtype=np.float64)
            sums += weights @ points[part]
        # Near m = 1 a centre can be left without any weight: it stays where it is.
        means = np.where(sizes > 0, sums / np.where(sizes > 0, sizes, 1), centers)
        shift = np.sqrt(((means - centers) ** 2).sum(axis=1)).max()
        centers = means.astype(np.float32)
        yield objective, centers
        if shift <= tol:
            return


def memberships(points: Features, centers: Features, m: float) -> tuple[Shares, Shares]:
    """The memberships of points (n, d) in the clusters of centres (c, d), for fuzzifier m.

    Each distance is taken relative to the least one of its point: the quotients are at most 1, so
    that no power overflows however near m is to 1. A point on a centre belongs to it alone.

    Returns:
        memberships and squared distances, float32 (c, n) each.
    """
    distances = np.full((len(centers), len(points)), 1e-12, np.float32)  # never 0 / 0
    for number, center in enumerate(centers):
        for column, value in zip(points.T, center, strict=True):
            distances[number] += (column - value) ** 2
    shares = (distances.min(axis=0) / distances) ** (1 / (m - 1))
    shares /= shares.sum(axis=0)
    return shares, distances


# Pictures ----------------------------------------------------------------------------------------


def doubt(shares: Shares) -> npt.NDArray[np.float32]:
    """How weak the strongest membership is, (n,): 0 if it is 1, and 1 if it is only 1/c."""
    lowest = 1 / len(shares)
    return (1 - shares.max(axis=0)) / max(1 - lowest, lowest)


def gray_map(
    values: npt.NDArray[np.float32], cloud: WeightedPoints, shape: tuple[int, ...]
) -> Gray:
    """Values from 0 to 1 of each distinct point (n,) as a grey picture (H×W), 1 white."""
    return np.rint(255 * values).astype(np.uint8)[cloud.inverse].reshape(shape)


def fuzzy_objective_curve(run: FuzzyDescent, n_pixels: int) -> Curve:
    """The objective per pixel in each iteration."""
    turns = np.arange(1, len(run.objectives) + 1)
    values = np.array(run.objectives) / n_pixels
    binned = Series("On bins", turns[: run.n_binned], values[: run.n_binned])
    full = Series("On every pixel", turns[run.n_binned :], values[run.n_binned :])
    return Curve((binned, full), "Iteration", "Objective per pixel")


# How fuzzy, and how many? ------------------------------------------------------------------------


def study_fuzziness(
    image: Image,
    *,
    n_clusters: int,
    m: float,
    space: str,
    position_weight: float,
    max_iter: int,
    tol: float,
    seed: int,
    show: Show,
) -> None:
    """Shows the partition coefficient against m and against the number of clusters.

    Both are computed on bins of like colour. The arguments are the settings of `segment`.
    """
    cloud = distinct_points(image, space, position_weight)
    fuzzifiers = np.array([1.05, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2.0, 2.25, 2.5, 3.0, 3.5, 4.0])
    numbers = np.arange(2.0, 11.0)
    tried = [(n_clusters, value) for value in fuzzifiers] + [(int(c), m) for c in numbers]
    found = []
    for done, (c, fuzzifier) in enumerate(tried):
        k = min(c, len(cloud.points))
        points, counts = coarse_points(cloud, k)
        path = [kmeans_plus_plus(points, counts, k, np.random.default_rng(seed))]
        turns = fuzzy_turns(points, counts, path[0], fuzzifier, tol)
        for _, centers in islice(turns, max_iter):
            path.append(centers)
            show.progress(done / len(tried))
        shares, _ = memberships(points, path[-1], fuzzifier)
        found.append(partition_coefficients(shares, counts))
    show.progress(1.0)
    against_m, against_c = np.split(np.array(found), [len(fuzzifiers)])
    caption = "1 where every pixel belongs to one cluster, 1/c where it belongs equally to all."
    show(
        "Partition coefficient against m",
        coefficient_curve(fuzzifiers, against_m, "Fuzzifier m", m),
        caption + " It only says how fuzzy the result is, not whether it is right.",
    )
    show(
        "Partition coefficient against the number of clusters",
        coefficient_curve(numbers, against_c, "Number of clusters c", n_clusters),
        caption + " Normalised, from 0 to 1, numbers of clusters can be compared: a peak says that "
        "the colours fall into that many groups.",
    )


def partition_coefficients(shares: Shares, counts: Counts) -> tuple[float, float]:
    """The partition coefficient (Bezdek 1981) and what it is normalised (Davé 1996).

    Args:
        shares: (c, n) memberships of points.
        counts: (n,), how many pixels each stands for.

    Returns:
        the mean over the pixels of the sum of squared memberships, from 1/c to 1; and the same
        stretched to 0 to 1.
    """
    c = len(shares)
    weights = counts.astype(np.float64)
    coefficient = float(np.average((shares.astype(np.float64) ** 2).sum(axis=0), weights=weights))
    return coefficient, (c * coefficient - 1) / (c - 1) if c > 1 else 1.0


def coefficient_curve(x: Reals, found: Reals, x_label: str, now: float) -> Curve:
    """Both coefficients (n, 2) over x (n,), with the present setting marked."""
    lines = (Series("Coefficient", x, found[:, 0]), Series("Normalised", x, found[:, 1]))
    return Curve(lines, x_label, "Partition coefficient", (Marker(now, "now"),))


TECHNIQUE = Technique(
    "Fuzzy C-Means",
    year=1981,
    segment=segment,
    sample="immunohistochemistry",
    fails=Preset("Noise of the sky", {"n_clusters": 4}, sample="hubble_deep_field"),
    presets=(
        Preset("Almost K-Means", {"m": 1.05}, sample="immunohistochemistry"),
        Preset("Tissues of a slice", {"n_clusters": 5}, sample="weak_edge"),
    ),
    studies=(Study("How fuzzy, and how many clusters?", study_fuzziness),),
)
