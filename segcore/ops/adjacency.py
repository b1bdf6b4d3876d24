"""Regions and their neighbours: which of them touch, how alike they are, and how they merge.

Regions are numbered 0 to n - 1. Two are neighbours where a pixel of one lies left, right, above or
below a pixel of the other.
"""

from collections.abc import Sequence
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

    def nearest_neighbors(self) -> tuple[Numbers, Reals]:
        """The neighbour (n,) most like each region, and the distance (n,) of their means.

        Of equal distances the pair that comes first in `pairs` counts. A region without neighbours
        has itself, at an infinite distance.
        """
        apart = self.differences(self.pairs)
        order = np.argsort(apart, kind="stable")
        pairs = self.pairs[order]
        nearest = np.arange(len(self.areas))
        distance = np.full(len(self.areas), np.inf)
        # Written from the last pair to the first, so that what remains is a region's first pair.
        ends = pairs.ravel()[::-1]
        nearest[ends] = pairs[:, ::-1].ravel()[::-1]
        distance[ends] = np.repeat(apart[order], 2)[::-1]
        return nearest, distance

    def merged(self, numbers: Numbers) -> "RegionGraph":
        """The graph with its regions drawn together: `numbers` (n,) tells the new one of each."""
        areas = np.asarray(np.bincount(numbers, self.areas), np.float64)
        sums = [np.bincount(numbers, column) for column in self.sums.T]
        return RegionGraph(areas, np.stack(sums, axis=1), unique_pairs(numbers[self.pairs]))


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
    codes = np.sort((low * n + high)[low != high])
    codes = codes[np.diff(codes, prepend=-1) > 0]  # np.unique is ten times slower
    return np.stack(np.divmod(codes, n), axis=1)


def absorb_small(graph: RegionGraph, min_area: float) -> Numbers:
    """Joins every region of fewer than `min_area` pixels to the neighbour most like it.

    All small ones join at once; what is still too small then joins again, with its new mean.

    Returns:
        (n,) the new number of each region, from 0 up in the order of the lowest that are joined.
    """
    numbers = np.arange(len(graph.areas))
    while True:
        nearest, distance = graph.nearest_neighbors()
        small = np.flatnonzero((graph.areas < min_area) & np.isfinite(distance))
        if len(small) == 0:
            return numbers
        joined = connected_numbers(small, nearest[small], len(nearest))
        numbers, graph = joined[numbers], graph.merged(joined)


def merge_alike(graph: RegionGraph, levels: Sequence[float]) -> list[Numbers]:
    """Merges neighbours whose means are alike, until at each level none are nearer than it.

    In each round those pairs merge of which each is the other's nearest neighbour, and with them
    the regions whose nearest neighbour is one of the two: never a long chain of small differences
    at once. Then their means are compared anew.

    Args:
        graph: n regions.
        levels: ascending distances of means.

    Returns:
        for each level the new number (n,) of each region, from 0 up in the order of the lowest
        that are merged.
    """
    numbers, states = np.arange(len(graph.areas)), []
    for level in levels:
        while True:
            nearest, distance = graph.nearest_neighbors()
            is_mutual = np.take(nearest, nearest) == np.arange(len(nearest))
            merging = np.flatnonzero((distance < level) & is_mutual[nearest])
            if len(merging) == 0:
                break
            joined = connected_numbers(merging, nearest[merging], len(nearest))
            numbers, graph = joined[numbers], graph.merged(joined)
        states.append(numbers)
    return states


def connected_numbers(first: Numbers, second: Numbers, n: int) -> Numbers:
    """Number (n,) of the connected group of each of n nodes, where first[i], second[i] are joined.

    The groups are numbered from 0 up in the order of their lowest nodes.
    """
    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(n, n))
    return connected_components(links, directed=False)[1].astype(np.intp)


# Forests -----------------------------------------------------------------------------------------


def find_root(parent: list[int], node: int) -> int:
    """The root of one node of a forest; a root is its own parent, so it can still be merged."""
    while parent[node] != node:
        node = parent[node]
    return node


def find_roots(parent: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The root (n,) of each node of a forest, given the parent (n,) of each; a root is its own."""
    while True:
        farther = np.take(parent, parent)
        if np.array_equal(farther, parent):
            return farther
        parent = farther


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


def draw_regions(image: Image, labels: npt.NDArray[Any]) -> Image:
    """Each region in its mean colour, with its borders."""
    return draw_borders(paint_means(image, labels), labels)


def draw_borders(image: Image, labels: npt.NDArray[Any]) -> Image:
    """The image with a bright line where one region ends and the next begins, one pixel wide."""
    border = np.zeros(labels.shape, bool)
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[1:] |= labels[1:] != labels[:-1]
    drawn = image.copy()
    drawn[border] = (255, 235, 0)
    return drawn
