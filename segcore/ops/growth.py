"""Regions that grow at once and compete for pixels, sweep by sweep over whole fronts.

No Python loop visits pixels: a sweep takes in every bordering pixel that is near enough, and the
nearest region gets it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.result import Mask, Point

Picture: TypeAlias = npt.NDArray[Any]  # what is compared: grey, uint8 H×W, or CIELAB, float32 H×W×3
Floats: TypeAlias = npt.NDArray[np.float32]
Indices: TypeAlias = npt.NDArray[np.intp]


class GrowthRule(NamedTuple):
    """Which pixels may join: see the settings of the same names; `max_area` is in pixels."""

    criterion: str
    tolerance: int
    connectivity: int
    max_area: int


class Claims(NamedTuple):
    """Claims of regions to pixels on their borders: three arrays (n,).

    Attributes:
        pixel: index into the framed picture, row by row.
        region: label of the region that claims it.
        distance: distance of the pixel to what the criterion compares it with.
    """

    pixel: Indices
    region: Indices
    distance: Floats

    def at(self, chosen: Indices) -> "Claims":
        pixel, region, distance = self
        return Claims(pixel.take(chosen), region.take(chosen), distance.take(chosen))

    def where(self, condition: Mask) -> "Claims":
        return self.at(np.flatnonzero(condition))


class RegionGrowth:
    """Regions while they grow. Arrays over pixels are flat and have a frame one pixel wide.

    Attributes:
        owner: label of the region that has the pixel, 0 = free, -1 = frame.
        arrival: sweep in which the pixel joined.
        reference: (n + 1, channels) value of each region's seed, or mean of the region.
    """

    def __init__(self, picture: Picture, starts: Sequence[Point], rule: GrowthRule) -> None:
        height, width = picture.shape[:2]
        stride = width + 2
        self.rule, self.shape, self.n_sweeps = rule, (height + 2, stride), 0
        self.is_limited = rule.max_area < height * width
        values = np.atleast_3d(picture).astype(np.float32)
        self.values = np.pad(values, ((1, 1), (1, 1), (0, 0))).reshape(-1, values.shape[2])
        self.owner = np.pad(np.zeros((height, width), np.int32), 1, constant_values=-1).ravel()
        self.arrival = np.zeros_like(self.owner)
        beside, corner = (-stride, -1, 1, stride), (-stride - 1, 1 - stride, stride - 1, stride + 1)
        self.around = np.array((beside + corner)[: rule.connectivity])

        pixel = np.array([(y + 1) * stride + x + 1 for x, y in starts])
        region = np.arange(1, len(starts) + 1)
        self.seeds = Claims(pixel, region, np.zeros(len(starts), np.float32))
        self.reference = np.pad(self.values.take(pixel, axis=0), ((1, 0), (0, 0)))
        self.sums = np.zeros(self.reference.shape)
        self.areas = np.zeros(len(starts) + 1, np.intp)

    def distances(self, pixel: Indices, other: Floats) -> Floats:
        apart = self.values.take(pixel, axis=0) - other
        return np.sqrt(np.einsum("pc,pc->p", apart, apart))

    def admit(self, claims: Claims) -> Claims:
        """Gives every claimed pixel to the nearest region; returns the claims that are granted."""
        if len(self.areas) > 2 or self.is_limited:
            claims = claims.at(np.lexsort((claims.region, claims.distance)))
        _, nearest = np.unique(claims.pixel, return_index=True)  # the first claim to each pixel
        joined = claims.at(nearest)
        if self.is_limited:
            joined = self.within_size(joined)
        self.owner[joined.pixel] = joined.region
        self.arrival[joined.pixel] = self.n_sweeps
        self.n_sweeps += 1
        self.areas += np.bincount(joined.region, minlength=len(self.areas))
        if self.rule.criterion == "mean":
            values = self.values.take(joined.pixel, axis=0)
            for channel in range(values.shape[1]):
                gain = np.bincount(joined.region, values[:, channel], len(self.areas))
                self.sums[:, channel] += gain
            self.reference = (self.sums / np.maximum(self.areas, 1)[:, None]).astype(np.float32)
        return joined

    def within_size(self, claims: Claims) -> Claims:
        """The nearest claims of every region, as many as it has room for."""
        claims = claims.at(np.lexsort((claims.pixel, claims.distance, claims.region)))
        rank = np.arange(len(claims.pixel)) - np.searchsorted(claims.region, claims.region)
        return claims.where(rank < self.rule.max_area - self.areas.take(claims.region))

    def border(self, joined: Claims) -> Claims:
        """Claims to the free neighbours of the pixels that have joined."""
        pixel = (joined.pixel[:, None] + self.around).ravel()
        free = np.flatnonzero(self.owner.take(pixel) == 0)
        pixel, source = pixel.take(free), free // len(self.around)
        region = joined.region.take(source)
        if self.rule.criterion == "neighbor":
            other = self.values.take(joined.pixel.take(source), axis=0)
        else:
            other = self.reference.take(region, axis=0)
        claims = Claims(pixel, region, self.distances(pixel, other))
        if self.rule.criterion == "mean":
            return claims  # what is too far now may come near as the mean moves
        return claims.where(claims.distance <= self.rule.tolerance)

    def measure_again(self, waiting: Sequence[Claims]) -> Claims:
        """The claims that still can be granted, at their distances of now."""
        claims = Claims(*map(np.concatenate, zip(*waiting, strict=True)))
        has_room = self.areas.take(claims.region) < self.rule.max_area
        claims = claims.where((self.owner.take(claims.pixel) == 0) & has_room)
        if self.rule.criterion != "mean":
            return claims
        other = self.reference.take(claims.region, axis=0)
        return claims._replace(distance=self.distances(claims.pixel, other))
