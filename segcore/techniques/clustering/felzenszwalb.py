r"""Felzenszwalb–Huttenlocher: a graph of pixels, merged from its weakest edges

Idea
Every pixel is a node, and an edge joins it to each of its eight neighbours. The weight $w$ of an
edge is the difference of the two colours in grey levels,
$w(p, q) = \lVert I(p) - I(q) \rVert_2$ over red, green and blue (as in the authors' program; their
paper cuts each channel by itself). At first each pixel is a component of its own. Then the edges
are taken once, from the lightest to the heaviest, and an edge between two components $A$ and $B$
merges them if it is lighter than what both tolerate:
$$w < \min\Bigl(\mathrm{Int}(A) + \frac{k}{|A|},\; \mathrm{Int}(B) + \frac{k}{|B|}\Bigr) .$$
$\mathrm{Int}(C)$ is the heaviest edge that merged anything inside $C$: so a ragged component
tolerates more at its border than an even one, and *the threshold adapts to the texture*. The second
term helps small components, which have no inside to speak of: the *scale* $k$ sets how large a
component grows before it becomes choosy. It sets no size: a small region with a strong border
stays.

At the end, components below a minimum size join across their lightest edge.

One pass decides everything, yet the authors prove that the components are neither too fine (no two
neighbours lack a border between them) nor too coarse (no finer division has that property).

Used for
A fast first cut of photographs: the regions from which *selective search* proposes objects, layers
for stereo and optical flow, patches to label by hand.

When it fails
A single edge decides. On `weak_edge` the seam between two organs fades out half-way. There edges
are no heavier than the grain of the organs, and one of them joins both for good, however clear the
rest of the seam is. $k = 100$ keeps them apart, but breaks the image into 93 regions instead of 51.

References
P. F. Felzenszwalb and D. P. Huttenlocher, *Efficient graph-based image segmentation*, 2004.
J. B. Kruskal, *On the shortest spanning subtree of a graph*, 1956 (edges in ascending order).
J. R. R. Uijlings, K. E. A. van de Sande, T. Gevers and A. W. M. Smeulders, *Selective search for
object recognition*, 2013.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Frames, Histogram, Series
from segcore.ops.adjacency import (
    draw_borders,
    draw_regions,
    find_root,
    find_roots,
    mean_colors_of,
)
from segcore.ops.feature_space import brightness
from segcore.ops.labels import order_labels, relabel
from segcore.result import Image, Labels, Segmentation, regions
from segcore.technique import Label, Preset, Range, Show, Technique, ignore

Floats: TypeAlias = npt.NDArray[np.float64]
Weights: TypeAlias = Floats  # 4×H×W, infinite where an edge would leave the image
Indices: TypeAlias = npt.NDArray[np.intp]

# Where the edges of a pixel lead (down, right); those to the other four neighbours are theirs.
EDGES = ((0, 1), (1, 0), (1, 1), (1, -1))
BATCHES = 24  # of edges
ROUNDS = 3  # of taking many edges at once, until the rest of a batch is left to a loop


def segment(
    image: Image,
    *,
    scale: Annotated[
        int,
        Range(10, 3000, step=10),
        Label("Scale k"),
        "Larger components form, the larger it is: what a component tolerates beyond its own "
        "roughness is k / area, in grey levels.",
    ] = 300,
    sigma: Annotated[
        float,
        Range(0.0, 5.0, step=0.1),
        Label("Smoothing σ"),
        "Standard deviation in pixels of a Gaussian applied first: 0.8 hides what a camera adds.",
    ] = 0.8,
    min_size: Annotated[
        int,
        Range(20, 5000, step=10),
        Label("Minimum size"),
        "Components of fewer pixels join a neighbour, across the lightest edge first.",
    ] = 100,
    show: Show = ignore,
) -> Segmentation:
    smooth = image.astype(np.float64)
    if sigma > 0:
        side = 2 * int(4 * sigma + 0.5) + 1  # four deviations to each side, as scikit-image
        border = cv2.BORDER_REFLECT
        smooth = cv2.GaussianBlur(smooth, (side, side), sigma, borderType=border)
        show(
            "Smoothed",
            lambda: np.rint(smooth).astype(np.uint8),
            f"A Gaussian of {sigma:g} px takes noise off the edges, and weak edges with it.",
        )
    weights = edge_weights(smooth)
    show(
        "Edge weights",
        lambda: np.max(weights, axis=0, where=np.isfinite(weights), initial=0),
        "The heaviest of each pixel's edges, in grey levels: components grow in the dark first.",
    )
    order = np.argsort(weights, axis=None, kind="stable")[: np.isfinite(weights).sum()]
    components = merge_components(weights, order, scale, show)
    show(
        "Weights and merges",
        lambda: weight_histogram(weights.ravel()[order], components.level),
        "How many edges have each weight, and how many components are left once they are taken.",
    )
    show(
        "Merging",
        lambda: merge_frames(image, components),
        "Edges up to a weight have been taken. Components are in their mean colours; what is still "
        "yellow throughout has not merged.",
    )
    roots = components.roots_at(np.inf).reshape(image.shape[:2])
    show(
        "Tolerance",
        lambda: np.log10(components.tolerance[roots]),
        "Int(C) + k / |C| in powers of ten, when all edges are taken. Even ground is choosy "
        "(dark), texture and small components are not.",
    )
    found = relabel(roots + 1) - 1
    show(
        "Components",
        lambda: draw_borders(image, found),
        f"{found.max() + 1} components, before the small ones join others.",
    )
    labels = join_small(found, weights, order, min_size)
    show(
        "Regions",
        lambda: draw_regions(image, labels),
        f"{labels.max() + 1} regions in their mean colours.",
    )
    return regions(order_labels(labels + 1, brightness(mean_colors_of(image, labels))))


def edge_weights(pixels: Floats) -> Weights:
    """Euclidean distance of the colours (H×W×3) of each pixel and its neighbours after EDGES."""
    height, width = pixels.shape[:2]
    weights = np.full((len(EDGES), height, width), np.inf)
    for plane, (down, right) in zip(weights, EDGES, strict=True):
        here = np.s_[: height - down, max(-right, 0) : width - max(right, 0)]
        there = np.s_[down:, max(right, 0) : width + min(right, 0)]
        apart = pixels[there] - pixels[here]
        plane[here] = np.sqrt(np.einsum("yxc,yxc->yx", apart, apart))
    return weights


class Edges(NamedTuple):
    """Edges of the graph: three arrays (m,), ascending in weight.

    Attributes:
        first, second: the nodes that each joins: pixels, row by row, or the roots of components.
        weight: in grey levels.
    """

    first: npt.NDArray[Any]
    second: npt.NDArray[Any]
    weight: Floats

    def at(self, chosen: Indices) -> "Edges":
        return Edges(self.first[chosen], self.second[chosen], self.weight[chosen])

    def between(self, component: npt.NDArray[Any]) -> "Edges":
        """The edges between the components that their nodes are in."""
        return Edges(np.take(component, self.first), np.take(component, self.second), self.weight)


def edges_in_order(weights: Weights, order: Indices) -> Iterator[Edges]:
    """The edges `order`, indices into `weights`, in batches."""
    _, height, width = weights.shape
    step = np.array([down * width + right for down, right in EDGES])
    # Among the lightest most edges merge, among the heaviest few: later batches are larger.
    ends = (len(order) * np.linspace(0, 1, BATCHES + 1) ** 2).astype(np.intp)
    for start, end in pairwise(ends):
        edges = order[start:end]
        plane, pixel = np.divmod(edges, height * width)
        yield Edges(pixel, pixel + np.take(step, plane), np.take(weights, edges))


# Merging -----------------------------------------------------------------------------------------


class Components:
    """Components of pixels while they merge. What is known of one stands at its root.

    Attributes:
        parent: (n,) the pixel that each was merged into, itself at a root.
        level: (n,) weight of the edge that did it, infinity at a root.
        area: (n,) pixels.
        tolerance: (n,) Int(C) + k / |C|.
    """

    def __init__(self, n_pixels: int, scale: float) -> None:
        self.scale = scale
        self.parent = np.arange(n_pixels)
        self.level = np.full(n_pixels, np.inf)
        self.area = np.ones(n_pixels, np.intp)
        self.tolerance = np.full(n_pixels, float(scale))
        self.earliest = np.empty(n_pixels, np.intp)

    def roots_at(self, level: float) -> Indices:
        """The root (n,) of each pixel, as it was when edges up to a weight had been taken."""
        return find_roots(np.where(self.level <= level, self.parent, np.arange(len(self.parent))))

    def take_edges(self, edges: Edges) -> None:
        """Takes the next edges between pixels, and merges what they join if it is tolerated."""
        edges = edges.between(self.roots_at(np.inf))
        # Most lie inside a component by now. And one that tolerates less than the lightest of
        # them will never merge again, as weights only rise.
        tolerance = np.minimum(self.tolerance[edges.first], self.tolerance[edges.second])
        chosen = (edges.first != edges.second) & (tolerance > edges.weight.min(initial=np.inf))
        edges = edges.at(np.flatnonzero(chosen))
        for _ in range(ROUNDS):
            edges = self.take_lightest(edges)
        self.take_one_by_one(edges)

    def take_lightest(self, edges: Edges) -> Edges:
        """Takes the edges between roots that come first at both ends; returns those still to take.

        Nothing can happen to either end before such an edge is due, so all of them can be taken
        at once.
        """
        number = np.arange(len(edges.first))
        ends = np.stack([edges.first, edges.second], axis=1).ravel()
        # Written from the last edge to the first, so that what remains is a root's first edge.
        self.earliest[ends[::-1]] = np.repeat(number, 2)[::-1]
        earliest = edges.between(self.earliest)
        is_first = (earliest.first == number) & (earliest.second == number)
        a, b, weight = edges.at(np.flatnonzero(is_first))
        merges = np.flatnonzero(weight < np.minimum(self.tolerance[a], self.tolerance[b]))
        a, b, weight = a[merges], b[merges], weight[merges]
        a, b = np.where(self.area[a] < self.area[b], (b, a), (a, b))  # the larger one stays root
        self.parent[b], self.level[b] = a, weight
        self.area[a] += self.area[b]
        self.tolerance[a] = weight + self.scale / self.area[a]
        edges = edges.between(self.parent)
        return edges.at(np.flatnonzero(~is_first & (edges.first != edges.second)))

    def take_one_by_one(self, edges: Edges) -> None:
        """Takes edges between roots in their order: Kruskal's loop, with the rule of tolerance."""
        nodes, ends = np.unique(np.stack(edges[:2]), return_inverse=True)
        parent, level = list(range(len(nodes))), [np.inf] * len(nodes)
        area, tolerance = self.area[nodes].tolist(), self.tolerance[nodes].tolist()
        for first, second, weight in zip(*ends.tolist(), edges.weight.tolist(), strict=True):
            a, b = find_root(parent, first), find_root(parent, second)
            if a != b and weight < tolerance[a] and weight < tolerance[b]:
                if area[a] < area[b]:
                    a, b = b, a  # the larger one stays the root: paths to it stay short
                parent[b], level[b] = a, weight
                area[a] += area[b]
                tolerance[a] = weight + self.scale / area[a]
        self.parent[nodes], self.level[nodes] = nodes[parent], level
        self.area[nodes], self.tolerance[nodes] = area, tolerance


def merge_components(weights: Weights, order: Indices, scale: float, show: Show) -> Components:
    """The components of the pixels when all edges have been taken."""
    components = Components(weights[0].size, scale)
    for number, edges in enumerate(edges_in_order(weights, order), 1):
        components.take_edges(edges)
        show.progress(number / BATCHES)
    return components


def join_small(components: Labels, weights: Weights, order: Indices, min_size: int) -> Labels:
    """Joins, across the lightest edges first, what they part if one side is below `min_size`.

    Args:
        components: H×W, numbered from 0 up.
        weights, order: the edges of the graph.
        min_size: in pixels.

    Returns:
        H×W, numbered from 0 up in the order of their first pixels.
    """
    areas = np.bincount(components.ravel())
    small, area, parent = areas < min_size, areas.tolist(), list(range(len(areas)))
    for edges in edges_in_order(weights, order):
        across = edges.between(components)
        asked = (small[across.first] | small[across.second]) & (across.first != across.second)
        across = across.at(np.flatnonzero(asked))
        for first, second in zip(across.first.tolist(), across.second.tolist(), strict=True):
            a, b = find_root(parent, first), find_root(parent, second)
            if a != b and (area[a] < min_size or area[b] < min_size):
                if area[a] < area[b]:
                    a, b = b, a
                parent[b] = a
                area[a] += area[b]
    return relabel(find_roots(np.array(parent))[components] + 1) - 1


# Pictures of the steps ---------------------------------------------------------------------------


def merge_frames(image: Image, components: Components) -> Frames:
    """The components at up to eight weights, their number falling by about the same factor."""
    levels = np.sort(components.level[np.isfinite(components.level)])
    n_pixels, n_merges = len(components.level), len(levels)
    left = np.geomspace(max(n_pixels / 2, n_pixels - n_merges), n_pixels - n_merges, 8)
    merges = np.clip(np.floor(n_pixels - left + 0.5).astype(np.intp), 0, n_merges)
    chosen = np.unique(np.concatenate([[0.0], levels])[merges])
    shape = image.shape[:2]
    return Frames(
        tuple(draw_regions(image, components.roots_at(level).reshape(shape)) for level in chosen),
        tuple(f"weights up to {level:.3g}" for level in chosen),
    )


def weight_histogram(weights: Floats, levels: Floats) -> Histogram:
    """Edges of each weight, the heaviest 1% left out, and what they leave of the components.

    Args:
        weights: (m,) of the edges.
        levels: (n,) weight at which each pixel was merged into another.
    """
    highest = max(float(np.quantile(weights, 0.99)) if len(weights) else 0.0, 1.0)
    counts, borders = np.histogram(weights, bins=100, range=(0, highest))
    merges, _ = np.histogram(levels, bins=borders)
    left = 100 * (1 - np.cumsum(merges) / len(levels))
    middle = (borders[1:] + borders[:-1]) / 2
    return Histogram(
        middle,
        counts,
        "weight in grey levels",
        curves=(Series("components left", middle, left),),
        curve_label="components left in % of the pixels",
    )


TECHNIQUE = Technique(
    "Felzenszwalb–Huttenlocher graph",
    year=2004,
    segment=segment,
    sample="coffee",
    fails=Preset("One faint edge is enough", {"scale": 300}, "weak_edge"),
    presets=(
        Preset("As in the paper", {"scale": 300, "sigma": 0.8, "min_size": 20}, "astronaut"),
        Preset("Fine", {"scale": 50, "sigma": 0.8, "min_size": 20}, "coffee"),
    ),
)
