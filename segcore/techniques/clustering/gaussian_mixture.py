r"""Gaussian mixture: every pixel belongs to every cluster, more or less

Idea
The colours are taken for a random sample from $k$ normal distributions, mixed in the shares
$\pi_j$:
$$p(x) = \sum_{j=1}^{k} \pi_j\, \mathcal N(x \mid \mu_j, \Sigma_j) .$$
K-Means knows centres only. Here a cluster also has a covariance $\Sigma_j$: it may be wide or
narrow, round or long. Nobody knows which distribution a pixel came from, so *expectation
maximisation* (EM) guesses and corrects in turn. The E-step computes *responsibilities*, the
probability that component $j$ made pixel $i$; the M-step fits each component to the pixels,
weighted by them:
$$r_{ij} = \frac{\pi_j\, \mathcal N(x_i \mid \mu_j, \Sigma_j)}{p(x_i)}, \qquad
\mu_j = \frac{\sum_i r_{ij} x_i}{\sum_i r_{ij}}, \quad
\Sigma_j = \frac{\sum_i r_{ij} (x_i - \mu_j)(x_i - \mu_j)^\top}{\sum_i r_{ij}}
+ \varepsilon I .$$
With $\varepsilon = 0$ no iteration makes the image less likely. But then a component that shrinks
onto a single colour makes the likelihood infinite: the regularisation $\varepsilon$ forbids it.

K-Means gives the start. At first, pixels of nearly equal colour share their responsibilities, cell
by cell (Verbeek et al.); then every colour has its own.

Used for
Background models of fixed cameras, tissue classes in magnetic resonance images, colour models of
object and ground in graph cuts.

When it fails
A wide component lies on *both* sides of a narrow one. On `retina` with three components, one is
narrow, the even red ground. Whatever is darker and whatever is brighter is likelier under the wide
one: vessels and fovea share a cluster with the bright disc, whose colours are far from theirs.
K-Means cannot make this mistake.

References
A. P. Dempster, N. M. Laird and D. B. Rubin, *Maximum likelihood from incomplete data via the EM
algorithm*, 1977.
J. J. Verbeek, J. R. J. Nunnink and N. Vlassis, *Accelerated EM-based clustering of large data
sets*, 2006.
G. Schwarz, *Estimating the dimension of a model*, 1978 (BIC).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.charts import Curve, Frames, Marker, Scatter, Series
from segcore.ops.cluster import kmeans_centers
from segcore.ops.feature_space import (
    SPACE_AXES,
    Points,
    WeightedPoints,
    brightness,
    cloud_sample,
    distinct_points,
    features_to_rgb,
    to_features,
)
from segcore.result import Image, Segmentation, regions
from segcore.technique import Choice, Label, Preset, Range, Show, Study, Technique, ignore

Reals: TypeAlias = npt.NDArray[np.float64]
Responsibilities: TypeAlias = npt.NDArray[np.float32]  # (k, n), each column adds up to 1
Moments: TypeAlias = tuple[Reals, Reals]  # (10, m) moments and (m,) pixels of m cells of colours

CELL_LEVELS = 64  # cells along the widest feature
# Colours at a time. They stay in the processor's cache, and OpenBLAS computes so small a product in
# one thread: sharing it out costs more than it saves.
CHUNK = 1 << 11
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # entries of a symmetric 3×3 matrix
MOST_COMPONENTS = 10
MIN_VARIANCE = 1e-6  # of a cluster of one colour, in squared units of the colour space


def segment(
    image: Image,
    *,
    n_clusters: Annotated[
        int, Range(1, MOST_COMPONENTS), "Normal distributions in the mixture."
    ] = 4,
    space: Annotated[
        str,
        Choice(rgb="RGB", lab="CIELAB", hsv="HSV, hue as a circle"),
        Label("Colour space"),
        "Where the clouds of colours are looked for: a normal distribution is one only there.",
    ] = "rgb",
    covariance_type: Annotated[
        str,
        Choice("full", diag="Diagonal"),
        "Full: ellipsoids in any direction. Diagonal: only along the axes of the colour space.",
    ] = "full",
    reg_covar: Annotated[
        float,
        Range(0.0, 25.0, step=0.1),
        Label("Regularisation"),
        "Added to every variance (squared units of the space), so that none shrinks to nothing.",
    ] = 1.0,
    n_init: Annotated[
        int, Range(1, 10), Label("Starts"), "Runs from different starts; the likeliest is kept."
    ] = 3,
    max_iter: Annotated[
        int, Range(1, 300), Label("Most iterations"), "Each run ends after as many at the latest."
    ] = 100,
    tol: Annotated[
        float,
        Range(0.0001, 0.01, step=0.0001),
        Label("Tolerance"),
        "A run ends when an iteration adds less than this to the mean log-likelihood of a pixel.",
    ] = 0.0005,
    seed: Annotated[int, Range(0, 9999), "Start of the random choices in K-Means."] = 0,
    show: Show = ignore,
) -> Segmentation:
    colors = distinct_points(image, space)
    starts = kmeans_starts(image, space, n_clusters, n_init, seed)
    fit = fit_mixture(colors, starts, FitRules(covariance_type, reg_covar, max_iter, tol), show)
    order = np.argsort(brightness(features_to_rgb(fit.mixtures[-1].means, space)), kind="stable")
    mixture = Mixture(*(parameter[order] for parameter in fit.mixtures[-1]))
    show(
        "Iterations",
        lambda: iteration_frames(fit, colors, image, space),
        "Every pixel in the mean of its likeliest component, from the start by K-Means on.",
    )
    show(
        "Log-likelihood",
        lambda: likelihood_curve(fit),
        "Mean logarithm of the density of a pixel's colour: what EM climbs.",
    )
    show(
        "Ellipsoids",
        lambda: mixture_cloud(image, space, mixture, [m.means[order] for m in fit.mixtures], seed),
        "A sample of the pixels; each component's mean, its way there, and its ellipsoid of two "
        "standard deviations.",
    )
    responsibilities = expect_all(colors.points, mixture)
    show(
        "Responsibilities",
        lambda: responsibility_frames(responsibilities, colors, image),
        "Probability that a pixel came from a component: white is certain, black is ruled out.",
    )
    show(
        "Doubt",
        lambda: entropy(responsibilities)[colors.inverse].reshape(image.shape[:2]),
        "Entropy of the responsibilities in bits: 0 is certain, 1 is as open as a coin toss.",
    )
    best = responsibilities.argmax(axis=0).astype(np.int32)
    labels = np.take(best + 1, colors.inverse).reshape(image.shape[:2])
    show("Clusters", labels, "Each pixel goes to its likeliest component; dark ones come first.")
    return regions(labels, "Cluster")


# The mixture -------------------------------------------------------------------------------------


class Mixture(NamedTuple):
    """A mixture of k normal distributions in three dimensions.

    Attributes:
        weights: (k,), adding up to 1.
        means: (k, 3).
        covariances: (k, 3, 3).
    """

    weights: Reals
    means: Reals
    covariances: Reals


class FitRules(NamedTuple):
    """How a mixture is fitted, see the settings of the same names."""

    covariance_type: str
    reg_covar: float
    max_iter: int
    tol: float


class MixtureFit(NamedTuple):
    """The course of EM.

    Attributes:
        mixtures: the start and the mixture after each iteration.
        log_likelihoods: mean log-likelihood per pixel of all of `mixtures` but the last; while
            the pixels of a cell share their responsibilities, a lower bound of it.
        n_coarse: how many iterations worked on cells.
    """

    mixtures: list[Mixture]
    log_likelihoods: list[float]
    n_coarse: int


def kmeans_starts(
    image: Image, space: str, n_clusters: int, n_init: int, seed: int
) -> list[Points]:
    """Centres (k, 3) from K-Means, k at most `n_clusters`: the best of five runs, then of one each.

    Single runs end in different optima more often, and a start that differs is what is wanted.
    """
    features = to_features(image, space).reshape(*image.shape[:2], 3)
    runs = [(seed, 5), *((seed + number, 1) for number in range(1, n_init))]
    found = [kmeans_centers(features, n_clusters, own, attempts=times) for own, times in runs]
    return [np.unique(centers, axis=0) for centers in found]


def fit_mixture(
    colors: WeightedPoints,
    starts: Sequence[Points],
    rules: FitRules,
    show: Show,
    span: tuple[float, float] = (0.0, 1.0),
) -> MixtureFit:
    """The likeliest of the mixtures that EM finds from the clusters of each of `starts` (k, 3).

    All runs work on cells of like colours, the last iterations of the best one on every colour.

    Args:
        colors: the distinct colours of an image.
        starts: centres of clusters.
        rules: see there.
        show: is told the progress.
        span: the fractions of the whole progress that the fit begins and ends at.

    Source: Dempster et al. 1977; Verbeek et al. 2006 for the cells.
    """
    cells = draw_together(colors)
    marks = np.linspace(*span, len(starts) + 2).tolist()
    fits = []
    for start, stretch in zip(starts, pairwise(marks), strict=False):
        fit = MixtureFit([start_mixture(cells, start, rules)], [], 0)
        fits.append(
            run_em(fit, partial(in_chunks, *cells), rules.max_iter - 1, rules, show, stretch)
        )
    best = max(fits, key=lambda fit: fit.log_likelihoods[-1:])
    best = best._replace(n_coarse=len(best.log_likelihoods))
    every_color = partial(all_colors, colors)
    return run_em(best, every_color, rules.max_iter, rules, show, (marks[-2], marks[-1]))


def run_em(
    fit: MixtureFit,
    cells: Callable[[], Iterable[Moments]],
    max_iter: int,
    rules: FitRules,
    show: Show,
    span: tuple[float, float],
) -> MixtureFit:
    """Continues a fit until it gains no more than the tolerance, or has had `max_iter` iterations.

    `cells` gives all cells anew for each iteration.
    """
    mixtures, log_likelihoods = list(fit.mixtures), list(fit.log_likelihoods)
    before = -math.inf
    while len(log_likelihoods) < max_iter:
        better, log_likelihood = em_iteration(cells(), mixtures[-1], rules)
        mixtures.append(better)
        log_likelihoods.append(log_likelihood)
        show.progress(span[0] + (span[1] - span[0]) * len(log_likelihoods) / max_iter)
        if log_likelihood - before < rules.tol:
            break
        before = log_likelihood
    return fit._replace(mixtures=mixtures, log_likelihoods=log_likelihoods)


def color_moments(points: Points) -> Reals:
    """1, the coordinates and their products (10, n): a log density is a linear function of them."""
    moments = np.ones((10, len(points)))
    moments[1:4] = points.T
    for row, (a, b) in enumerate(PAIRS, start=4):
        np.multiply(moments[1 + a], moments[1 + b], out=moments[row])
    return moments


def all_colors(colors: WeightedPoints) -> Iterator[Moments]:
    """Every distinct colour as a cell of its own, some at a time."""
    for first in range(0, len(colors.points), CHUNK):
        part = slice(first, first + CHUNK)
        yield color_moments(colors.points[part]), colors.counts[part].astype(np.float64)


def in_chunks(moments: Reals, pixels: Reals) -> Iterator[Moments]:
    """Cells, some at a time."""
    for first in range(0, len(pixels), CHUNK):
        part = slice(first, first + CHUNK)
        yield moments[:, part], pixels[part]


def draw_together(colors: WeightedPoints) -> Moments:
    """The mean moments of the pixels in each cell of a regular grid, and how many there are."""
    low = colors.points.min(axis=0)
    size = max(float((colors.points.max(axis=0) - low).max()) / CELL_LEVELS, 1e-6)
    steps = ((colors.points - low) / size).astype(np.int64)
    cell = steps @ (CELL_LEVELS + 1) ** np.arange(3)
    pixels = np.bincount(cell, colors.counts).astype(np.float64)
    filled = np.flatnonzero(pixels)
    moments = color_moments(colors.points)
    sums = np.stack([np.bincount(cell, colors.counts * moment)[filled] for moment in moments])
    return sums / pixels[filled], pixels[filled]


def start_mixture(cells: Moments, centers: Points, rules: FitRules) -> Mixture:
    """The mixture whose components are the cells nearest to each centre (k, 3)."""
    moments, pixels = cells
    nearest = np.argmax(centers @ moments[1:4] - (centers**2).sum(axis=1)[:, None] / 2, axis=0)
    sums = ((np.arange(len(centers))[:, None] == nearest) * pixels) @ moments.T
    return maximize(sums[sums[:, 0] > 0], rules)


def em_iteration(
    cells: Iterable[Moments], mixture: Mixture, rules: FitRules
) -> tuple[Mixture, float]:
    """One E-step and one M-step: a better mixture, and the mean log-likelihood of the given one."""
    sums, log_likelihood = np.zeros((len(mixture.weights), 10)), 0.0
    for moments, pixels in cells:
        responsibilities, log_density = expect(moments, mixture)
        sums += (responsibilities * pixels) @ moments.T
        log_likelihood += float(pixels @ log_density)
    return maximize(sums, rules), log_likelihood / float(sums[:, 0].sum())


def expect(moments: Reals, mixture: Mixture) -> tuple[Responsibilities, Reals]:
    """E-step: the responsibilities (k, m) for cells of colours, and their log densities (m,)."""
    joint = log_density_weights(mixture) @ moments
    # Relative to the greatest of a column, so that far from every component nothing underflows.
    highest = joint.max(axis=0)
    shares = np.exp((joint - highest).astype(np.float32))
    totals = shares.sum(axis=0)
    return shares / totals, highest + np.log(totals)


def log_density_weights(mixture: Mixture) -> Reals:
    """Weights (k, 10) of the moments in log(π_j N(x | μ_j, Σ_j)), one row per component."""
    weights, means, covariances = mixture
    precisions = np.linalg.inv(covariances)
    linear = np.einsum("kab,kb->ka", precisions, means)
    squared = np.einsum("ka,ka->k", linear, means) + np.linalg.slogdet(covariances)[1]
    constant = np.log(weights) - (squared + 3 * math.log(2 * math.pi)) / 2
    products = [precisions[:, a, b] * (-0.5 if a == b else -1.0) for a, b in PAIRS]
    return np.column_stack([constant, linear, *products])


def maximize(sums: Reals, rules: FitRules) -> Mixture:
    """M-step: the mixture of components whose pixels have these sums of moments (k, 10)."""
    pixels = sums[:, 0] + 10 * np.finfo(np.float64).eps  # one that lost every pixel stays finite
    moments = sums / pixels[:, None]
    means = moments[:, 1:4]
    covariances = np.zeros((len(sums), 3, 3))
    for (a, b), product in zip(PAIRS, moments[:, 4:].T, strict=True):
        if a == b or rules.covariance_type == "full":
            covariances[:, a, b] = covariances[:, b, a] = product - means[:, a] * means[:, b]
    covariances += np.eye(3) * max(rules.reg_covar, MIN_VARIANCE)
    return Mixture(pixels / pixels.sum(), means, covariances)


def expect_all(points: Points, mixture: Mixture) -> Responsibilities:
    """The responsibilities (k, n) for each of n colours."""
    parts = [points[first : first + CHUNK] for first in range(0, len(points), CHUNK)]
    return np.hstack([expect(color_moments(part), mixture)[0] for part in parts])


# How many components? ----------------------------------------------------------------------------


def compare_bic(
    image: Image,
    *,
    n_clusters: int,
    space: str,
    covariance_type: str,
    reg_covar: float,
    n_init: int,
    max_iter: int,
    tol: float,
    seed: int,
    show: Show,
) -> None:
    """Shows Schwarz's BIC, -2 ln L + p ln n, of mixtures of 1 to 10 components."""
    colors = distinct_points(image, space)
    rules = FitRules(covariance_type, reg_covar, max_iter, tol)
    per_component = 10 if covariance_type == "full" else 7  # share, mean and covariance
    n_pixels = len(colors.inverse)
    tried = np.arange(1, MOST_COMPONENTS + 1)
    scores = []
    for n_components, span in zip(tried.tolist(), pairwise([0, *tried]), strict=True):
        starts = kmeans_starts(image, space, n_components, n_init, seed)
        part = (span[0] / MOST_COMPONENTS, span[1] / MOST_COMPONENTS)
        mixture = fit_mixture(colors, starts, rules, show, part).mixtures[-1]
        _, log_likelihood = em_iteration(all_colors(colors), mixture, rules)
        n_parameters = per_component * len(mixture.weights) - 1
        scores.append(n_parameters * math.log(n_pixels) / n_pixels - 2 * log_likelihood)
    least = int(tried[np.argmin(scores)])
    markers = (Marker(least, f"least at {least}"), Marker(n_clusters, f"now {n_clusters}"))
    show(
        "BIC for 1 to 10 components",
        Curve((Series("BIC", tried, np.array(scores)),), "components", "BIC per pixel", markers),
        "Misfit plus a price for every parameter: the least is best. Photographs have so many "
        "pixels, and so few true normal distributions, that it often falls on; look for the bend.",
    )


# Pictures of the steps ---------------------------------------------------------------------------


def iteration_frames(fit: MixtureFit, colors: WeightedPoints, image: Image, space: str) -> Frames:
    """The image in the means of the components at the start, after iterations 1, 2, 4 … last."""
    last = len(fit.mixtures) - 1
    chosen = [0, *(1 << n for n in range(last.bit_length()) if 1 << n < last), last]
    pictures = []
    for mixture in (fit.mixtures[index] for index in chosen):
        likeliest = expect_all(colors.points, mixture).argmax(axis=0)
        means = features_to_rgb(mixture.means, space)
        pictures.append(means[likeliest[colors.inverse]].reshape(image.shape))
    return Frames(tuple(pictures), ("start", *(f"iteration {index}" for index in chosen[1:])))


def likelihood_curve(fit: MixtureFit) -> Curve:
    iterations = np.arange(len(fit.log_likelihoods))
    series = Series("log-likelihood", iterations, np.array(fit.log_likelihoods))
    switch = (Marker(fit.n_coarse, "every colour by itself"),) if fit.n_coarse else ()
    return Curve((series,), "iteration", "nats per pixel", switch)


def mixture_cloud(
    image: Image, space: str, mixture: Mixture, path: list[Reals], seed: int
) -> Scatter:
    """A sample of the pixels, the components and the way (t × (k, 3)) of their means."""
    points, colors = cloud_sample(image, to_features(image, space), seed=seed)
    return Scatter(
        points,
        colors,
        SPACE_AXES[space],
        centers=mixture.means,
        center_colors=features_to_rgb(mixture.means, space),
        paths=np.stack(path),
        ellipsoids=mixture.covariances,
    )


def responsibility_frames(
    responsibilities: Responsibilities, colors: WeightedPoints, image: Image
) -> Frames:
    """One grey picture per component, 0 to 255 for responsibilities from 0 to 1."""
    levels = np.rint(255 * responsibilities).astype(np.uint8)
    maps = tuple(np.take(level, colors.inverse).reshape(image.shape[:2]) for level in levels)
    return Frames(maps, tuple(f"component {number}" for number in range(1, len(maps) + 1)))


def entropy(responsibilities: Responsibilities) -> Responsibilities:
    """Entropy (n,) in bits of each column of probabilities (k, n)."""
    safe = np.maximum(responsibilities, np.finfo(np.float32).tiny)
    return -(responsibilities * np.log2(safe)).sum(axis=0)


TECHNIQUE = Technique(
    "Gaussian mixture",
    year=1977,
    segment=segment,
    sample="immunohistochemistry",
    fails=Preset("Both sides of the narrow one", {"n_clusters": 3}, sample="retina"),
    studies=(Study("How many components? (BIC)", compare_bic),),
)
