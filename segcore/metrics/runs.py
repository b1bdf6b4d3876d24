"""Masks as run lengths: hundreds of objects of an image in little memory.

The runs go down the columns, as in COCO's uncompressed RLE (T.-Y. Lin et al., 2014), so that
`{"size": [runs.height, runs.width], "counts": runs.counts.tolist()}` is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.errors import MetricError
from segcore.metrics.counts import Counts
from segcore.result import Mask


@dataclass(frozen=True, eq=False)
class RunLengths:
    """A mask as the lengths of its runs down the columns.

    Attributes:
        height: height of the mask in pixels.
        width: width of the mask in pixels.
        counts: int64 (n,) pixels outside, inside, outside, … in turn; only the first may be 0.

    Raises:
        MetricError: the counts are no such sequence or do not add up to the mask's pixels.
    """

    height: int
    width: int
    counts: Counts

    def __post_init__(self) -> None:
        if self.counts[:1].min(initial=0) < 0 or self.counts[1:].min(initial=1) < 1:
            raise MetricError("Run lengths are at least 1, only the first of them may be 0.")
        if self.counts.sum() != self.height * self.width:
            raise MetricError(
                f"Run lengths of a mask of {self.height}×{self.width} pixels must add up to "
                f"{self.height * self.width}, but add up to {self.counts.sum()}."
            )

    @property
    def area(self) -> int:
        """Pixels inside."""
        return int(self.counts[1::2].sum())


def encode_mask(mask: npt.ArrayLike) -> RunLengths:
    """Run lengths of a mask.

    Args:
        mask: bool H×W.

    Raises:
        MetricError: the mask is not bool H×W.
    """
    pixels = np.asarray(mask)
    if pixels.dtype != np.bool_ or pixels.ndim != 2 or not pixels.size:
        raise MetricError(f"A mask is bool H×W, but this is {pixels.dtype} {pixels.shape}.")
    height, width = pixels.shape
    starts, values = _runs(pixels.view(np.uint8))
    # Runs of a mask take turns; the first is outside, of no pixels if the mask begins inside.
    edges = np.concatenate([[0] if values[:1].any() else [], starts, [pixels.size]])
    return RunLengths(height, width, _lengths(edges))


def encode_labels(labels: npt.ArrayLike) -> dict[int, RunLengths]:
    """Run lengths of the mask of every label but 0 of a label map, in one pass over its pixels.

    Args:
        labels: whole numbers from 0 up, H×W.

    Returns:
        By label, ascending.

    Raises:
        MetricError: the labels are not whole numbers from 0 to 2^31 - 1, H×W.
    """
    pixels = np.asarray(labels)
    if pixels.dtype.kind not in "iu" or pixels.ndim != 2 or not pixels.size:
        raise MetricError(
            f"A label map is H×W of whole numbers, but this is {pixels.dtype} {pixels.shape}."
        )
    if pixels.min() < 0 or pixels.max() > np.iinfo(np.int32).max:
        raise MetricError(f"Labels count from 0 to 2^31 - 1, not {pixels.min()}-{pixels.max()}.")
    height, width = pixels.shape
    starts, values = _runs(pixels.astype(np.int32, copy=False))
    stops = np.append(starts[1:], pixels.size)
    order = np.argsort(values, kind="stable")
    found, firsts = np.unique(values[order], return_index=True)
    masks = {}
    for label, runs in zip(found, np.split(order, firsts[1:]), strict=True):
        if label:
            ends = np.stack([starts[runs], stops[runs]], axis=1).ravel()
            edges = np.concatenate([[0], ends, [pixels.size] if ends[-1] < pixels.size else []])
            masks[int(label)] = RunLengths(height, width, _lengths(edges))
    return masks


def decode_mask(runs: RunLengths) -> Mask:
    """The mask, bool H×W, of run lengths."""
    inside = np.arange(len(runs.counts)) % 2 == 1
    return np.repeat(inside, runs.counts).reshape(runs.width, runs.height).T


def intersections(some: Sequence[RunLengths], others: Sequence[RunLengths]) -> Counts:
    """Pixels that each of some masks shares with each of others.

    The work grows with the runs, not with the pixels.

    Returns:
        int64 (len(some), len(others)).

    Raises:
        MetricError: the masks are not all of one size.
    """
    sizes = {(runs.height, runs.width) for runs in [*some, *others]}
    if len(sizes) > 1:
        raise MetricError(f"Masks of one image must be of one size, but are {sorted(sizes)}.")
    shared = np.zeros((len(some), len(others)), np.int64)
    if not others:
        return shared
    stops = [np.cumsum(runs.counts) for runs in others]
    last = np.concatenate([edges[1::2] for edges in stops])
    first = last - np.concatenate([runs.counts[1::2] for runs in others])
    owner = np.repeat(np.arange(len(others)), [len(edges) // 2 for edges in stops])
    order = np.argsort(first, kind="stable")
    first, last, owner = first[order], last[order], owner[order]
    furthest = np.maximum.accumulate(last)
    for row, runs in zip(shared, some, strict=True):
        # The area of the mask up to any pixel, linear between the ends of its runs, says how much
        # of it lies in any run of another. All of it is whole and far below 2^53: exact.
        edges = np.cumsum(runs.counts)
        areas = np.cumsum(np.where(np.arange(len(edges)) % 2, runs.counts, 0))
        # Only runs that begin before the mask ends and end after it begins can meet it.
        meet = slice(
            np.searchsorted(furthest, edges[0], side="right"), np.searchsorted(first, edges[-1])
        )
        covered = np.interp(last[meet], edges, areas) - np.interp(first[meet], edges, areas)
        row[:] = np.bincount(owner[meet], weights=covered, minlength=len(others))
    return shared


def _runs(pixels: npt.NDArray[Any]) -> tuple[Counts, npt.NDArray[Any]]:
    """First pixel and value of each run of equal values down the columns."""
    flat = cv2.transpose(pixels).ravel()  # a tenth of the time of NumPy's ravel(order="F")
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate([[0], starts])
    return starts, flat[starts]


def _lengths(edges: npt.NDArray[Any]) -> Counts:
    return edges[1:].astype(np.int64) - edges[:-1].astype(np.int64)
