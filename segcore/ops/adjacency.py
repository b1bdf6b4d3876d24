"""Regions and their neighbours: which of them touch, how alike they are, and how they merge.

Regions are numbered 0 to n - 1. Two are neighbours where a pixel of one lies left, right, above or
below a pixel of the other. What merges with what is kept as a forest: every node has a parent, a
root is its own, and each link has the level at which it was made, so that any state on the way can
be looked at afterwards.
"""

import heapq
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from segcore.result import Image

Numbers: TypeAlias = npt.NDArray[np.intp]
Reals: TypeAlias = npt.NDArray[np.float64]


class RegionGraph(NamedTuple):
    """Regions and which of them touch.

    Attributes:
        areas: (n,) pixels of each region.
        sums: (n, d) sum of the features of its pixels.
        pairs: (m, 2) neighbours, the lower number first, every pair once.
    """

    areas: Reals
    sums: Reals
    pairs: Numbers

    def differences(self, pairs: Numbers) -> Reals:
        """Euclidean distance (m,) between the mean features of each pair (m, 2) of regions."""
        means = self.sums / self.areas[:, None]
        apart: Reals = np.linalg.norm(means[pairs[:, 0]] - means[pairs[:, 1]], axis=1)
        return apart

    def merged(self, numbers: Numbers) -> "RegionGraph":
        """The graph with its regions drawn together: `numbers` (n,) tells the new one of each."""
        areas = np.bincount(numbers, self.areas)
        sums = [np.bincount(numbers, column) for column in self.sums.T]
        return RegionGraph(areas, np.stack(sums, axis=1), unique_pairs(numbers[self.pairs]))


class MergeForest(NamedTuple):
    """Which node was merged into which, and when.

    Attributes:
        parent: (n,) number of the node that each was merged into; a root is its own parent.
        level: (n,) level of that merge, ascending from the leaves up; infinity for a root.
    """

    parent: Numbers
    level: Reals


# Graphs ------------------------------------------------------------------------------------------


def region_graph(labels: npt.NDArray[Any], features: npt.NDArray[Any]) -> RegionGraph:
    """The regions of a label map and which of them touch.

    Args:
        labels: H×W, every number from 0 to n - 1 occurs.
        features: H×W×d, such as colours.
    """
    flat = labels.ravel()
    sums = [np.bincount(flat, plane.ravel()) for plane in cv2.split(features)]
    beside, below = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    first = np.concatenate([labels[:, :-1][beside], labels[:-1][below]])
    second = np.concatenate([labels[:, 1:][beside], labels[1:][below]])
    pairs = unique_pairs(np.stack([first, second], axis=1).astype(np.intp))
    return RegionGraph(np.bincount(flat).astype(np.float64), np.stack(sums, axis=1), pairs)


def unique_pairs(pairs: Numbers) -> Numbers:
    """The pairs (m, 2) of two different numbers, the lower one first, sorted, each once."""
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    n = int(high.max(initial=0)) + 1
    codes = np.unique((low * n + high)[low != high])
    return np.stack(np.divmod(codes, n), axis=1)


def absorb_small(graph: RegionGraph, min_area: float) -> Numbers:
    """Joins every region of fewer than `min_area` pixels to the neighbour most like it.

    All small ones join at once; what is still too small then joins again, with its new mean. Of
    neighbours equally like it a region joins the one with the lowest number.

    Returns:
        (n,) the new number of each region, from 0 up in the order of the lowest that are joined.
    """
    numbers = np.arange(len(graph.areas))
    while True:
        both_ways = np.concatenate([graph.pairs, graph.pairs[:, ::-1]])
        both_ways = both_ways[graph.areas[both_ways[:, 0]] < min_area]
        if len(both_ways) == 0:
            return numbers
        small, other = both_ways.T
        order = np.lexsort((other, graph.differences(both_ways), small))
        _, best = np.unique(small[order], return_index=True)
        joined = connected_numbers(both_ways[order[best]], len(graph.areas))
        numbers, graph = joined[numbers], graph.merged(joined)


def connected_numbers(pairs: Numbers, n: int) -> Numbers:
    """Number (n,) of the connected group that each of n nodes is in, pairs (m, 2) being joined."""
    links = coo_array((np.ones(len(pairs), np.int8), tuple(pairs.T)), shape=(n, n))
    return connected_components(links, directed=False)[1].astype(np.intp)


def merge_alike(graph: RegionGraph, limit: float) -> MergeForest:
    """Merges the two neighbours most like each other, again and again, while they are alike.

    After each merge the mean of the new region is compared with those of its neighbours. Of equal
    distances the one between the lowest numbers comes first.

    Args:
        graph: n regions.
        limit: distance of the means from which neighbours stay apart.

    Returns:
        forest of n leaves, the regions, and a node for each merge; its levels are distances. A
        merge of means can bring them nearer to others than they were: its level is then the
        greatest so far.
    """
    areas, sums = graph.areas.tolist(), graph.sums.tolist()
    around: list[set[int]] = [set() for _ in areas]
    for a, b in graph.pairs.tolist():
        around[a].add(b)
        around[b].add(a)
    waiting = [
        (distance, a, b)
        for distance, (a, b) in zip(
            graph.differences(graph.pairs).tolist(), graph.pairs.tolist(), strict=True
        )
        if distance < limit
    ]
    heapq.heapify(waiting)
    parent, level, latest = list(range(len(areas))), [np.inf] * len(areas), 0.0
    while waiting:
        distance, a, b = heapq.heappop(waiting)
        if parent[a] != a or parent[b] != b:
            continue  # one of them has been merged with another in the meantime
        new, latest = len(parent), max(latest, distance)
        parent[a] = parent[b] = new
        level[a] = level[b] = latest
        parent.append(new)
        level.append(np.inf)
        areas.append(areas[a] + areas[b])
        sums.append([s + t for s, t in zip(sums[a], sums[b], strict=True)])
        around.append((around[a] | around[b]) - {a, b})
        for other in around[new]:
            around[other] -= {a, b}
            around[other].add(new)
            mean_apart = [
                s / areas[new] - t / areas[other]
                for s, t in zip(sums[new], sums[other], strict=True)
            ]
            distance = sum(d * d for d in mean_apart) ** 0.5
            if distance < limit:
                heapq.heappush(waiting, (distance, other, new))
    return MergeForest(np.array(parent, np.intp), np.array(level))


# Forests -----------------------------------------------------------------------------------------


def find_roots(parent: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The root (n,) of each node of a forest, where `parent` (n,) of a root is itself."""
    while True:
        farther = np.take(parent, parent)
        if np.array_equal(farther, parent):
            return farther
        parent = farther


def roots_at(forest: MergeForest, level: float) -> Numbers:
    """The root (n,) of each node when only the merges up to a level have been made."""
    made = forest.level <= level
    return find_roots(np.where(made, forest.parent, np.arange(len(made))))


# Pictures ----------------------------------------------------------------------------------------


def paint_means(image: Image, labels: npt.NDArray[Any]) -> Image:
    """The image (uint8 H×W×3) with each pixel in the mean colour of its region (H×W, from 0 up)."""
    return np.take(mean_colors_of(image, labels), labels, axis=0)


def mean_colors_of(image: Image, labels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Mean colour (n, 3) of the pixels of each label from 0 up; black for one without pixels."""
    flat = labels.ravel()
    areas = np.maximum(np.bincount(flat), 1)
    means = [np.bincount(flat, plane.ravel()) / areas for plane in cv2.split(image)]
    return np.rint(np.stack(means, axis=1)).astype(np.uint8)


def draw_borders(image: Image, labels: npt.NDArray[Any]) -> Image:
    """The image with a bright line where one region ends and the next begins, one pixel wide."""
    border = np.zeros(labels.shape, bool)
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[1:] |= labels[1:] != labels[:-1]
    drawn = image.copy()
    drawn[border] = (255, 235, 0)
    return drawn
