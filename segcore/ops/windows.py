"""Windows and the means of what is in them: balls in a colour space, discs in an image as well.

Mean shift asks for the means in very many windows at a time, so these are laid out for that: the
balls are summed up beforehand, all at once; the discs are gathered point by point, for all windows
together.
"""

import math
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.fft import irfftn, next_fast_len, rfftn

from segcore.ops.adjacency import Numbers, Reals
from segcore.ops.feature_space import Points

BALL_CELLS = 4  # radius of the ball in cells of the colour lattice, where its size allows
LATTICE = 96  # cells along the widest feature at most


# Balls in a colour space -------------------------------------------------------------------------


class ColorLattice(NamedTuple):
    """Pixels and sums of features in the ball around each point of a lattice in colour space.

    Attributes:
        sums: float64 (a, b, c, 4): number of pixels, and the sum of each feature.
        low: (3,) position of the first point.
        pitch: distance of neighbouring points.
    """

    sums: Reals
    low: Points
    pitch: float

    def means(self, positions: Points) -> Points:
        """Means (n, 3) in the balls around positions, interpolated from the eight points around."""
        place = (positions - self.low) / self.pitch
        corner = place.astype(np.intp)
        part = place - corner
        _, b, c, _ = self.sums.shape
        first = (corner[:, 0] * b + corner[:, 1]) * c + corner[:, 2]
        flat, total = self.sums.reshape(-1, 4), np.zeros((len(positions), 4))
        for step in np.ndindex(2, 2, 2):
            weight = np.where(step, part, 1 - part).prod(axis=1)
            beyond = (step[0] * b + step[1]) * c + step[2]
            total += weight[:, None] * flat.take(first + beyond, axis=0)
        pixels = total[:, :1]  # an empty ball holds rounding errors, and stays where it is
        means = total[:, 1:] / np.maximum(pixels, 1e-6)
        return np.where(pixels > 1e-6, means, positions).astype(np.float32)


def sum_in_balls(
    points: Points, counts: npt.NDArray[np.float32], bandwidth: float
) -> tuple[ColorLattice, Points, Numbers]:
    """What is in the balls round all points of a lattice: the colours, convolved with a ball.

    Args:
        points: (n, 3) distinct colours.
        counts: (n,) pixels of each.
        bandwidth: radius of the ball.

    Returns:
        the lattice, the mean (m, 3) of the colours in each cell that has any, and the cell (n,) of
        each of the colours (n, 3).
    """
    low = points.min(axis=0)
    pitch = max(bandwidth / BALL_CELLS, float((points.max(axis=0) - low).max()) / LATTICE)
    cells = np.rint((points - low) / pitch).astype(np.intp)
    shape = tuple(cells.max(axis=0) + 2)  # a corner beyond the last cell, to interpolate
    cell = (cells[:, 0] * shape[1] + cells[:, 1]) * shape[2] + cells[:, 2]
    weighted = [counts, *(counts * column for column in points.T)]
    sums = np.stack([np.bincount(cell, w, math.prod(shape)) for w in weighted])
    filled = np.flatnonzero(sums[0])
    number = np.zeros(math.prod(shape), np.intp)
    number[filled] = np.arange(len(filled))

    reach = math.ceil(bandwidth / pitch)
    along = np.arange(-reach, reach + 1) ** 2
    distance = np.sqrt(along[:, None, None] + along[:, None] + along)
    ball = np.clip(bandwidth / pitch + 0.5 - distance, 0, 1)  # a soft rim, one cell wide
    size = [next_fast_len(side + 2 * reach, real=True) for side in shape]
    spectrum = rfftn(sums.reshape(4, *shape), size, axes=(1, 2, 3)) * rfftn(ball, size)
    inside = tuple(slice(reach, reach + side) for side in shape)
    full = irfftn(spectrum, size, axes=(1, 2, 3))[:, *inside]
    lattice = ColorLattice(np.ascontiguousarray(np.moveaxis(full, 0, -1)), low, pitch)
    starts = (sums[1:, filled] / sums[0, filled]).T.astype(np.float32)
    return lattice, starts, number[cell]


# Discs in an image, balls in its colour space -----------------------------------------------------


class PixelGrid(NamedTuple):
    """The image on a grid, so framed that every window lies inside.

    Attributes:
        pixels: complex128 (m,): the three features and a 1, float32 each, in 16 bytes, which are
            gathered as one; the features of the frame are out of reach.
        shape: height and width of the grid without its frame.
        radius: radius of the disc in points of the grid.
        bandwidth: radius of the ball in colour space.
    """

    pixels: npt.NDArray[np.complex128]
    shape: tuple[int, int]
    radius: float
    bandwidth: float

    def means(self, positions: Points) -> Points:
        """Mean positions and colours (n, 5) in the windows around some (x, y, three features)."""
        down, across = disc_reach(self.shape, self.radius)
        stride = self.shape[1] + 2 * across
        middle = np.rint(positions[:, :2])
        first = ((middle[:, 1] + down) * stride + middle[:, 0] + across).astype(np.intp)
        color = np.ones((len(positions), 4), np.float32)
        color[:, :3] = positions[:, 2:]
        sums, offsets = np.zeros_like(color), np.zeros_like(middle)
        for dy, dx in product(range(-down, down + 1), range(-across, across + 1)):
            if math.hypot(dx, dy) > self.radius:
                continue
            window = self.pixels.take(first + (dy * stride + dx))
            pixel = window.view(np.float32).reshape(-1, 4)
            gap = pixel - color
            is_near = np.einsum("nc,nc->n", gap, gap) <= self.bandwidth**2
            pixel *= is_near[:, None]
            sums += pixel
            offsets[:, 0] += is_near * np.float32(dx)
            offsets[:, 1] += is_near * np.float32(dy)
        found = np.maximum(sums[:, 3:], 1)
        means = np.hstack([middle + offsets / found, sums[:, :3] / found])
        return np.where(sums[:, 3:] > 0, means, positions)


def disc_reach(shape: tuple[int, int], radius: float) -> tuple[int, int]:
    """How many points up and down, left and right a disc reaches from a point of the grid."""
    return min(int(radius), shape[0] - 1), min(int(radius), shape[1] - 1)


def frame_grid(
    points: Points, shape: tuple[int, int], radius: float, bandwidth: float
) -> PixelGrid:
    """The features (h*w, 3) of the pixels of a grid, framed for windows of a radius."""
    (height, width), (down, across) = shape, disc_reach(shape, radius)
    framed = np.full((height + 2 * down, width + 2 * across, 4), 1e6, np.float32)
    inside = framed[down : down + height, across : across + width]
    inside[..., :3] = points.reshape(height, width, 3)
    inside[..., 3] = 1
    return PixelGrid(framed.view(np.complex128).ravel(), shape, radius, bandwidth)


def nearest_grid_points(features: Points, grid: Points) -> Numbers:
    """Of the four points of a grid (h, w, 3) around each pixel (H, W, 3) the one of like features.

    Returns:
        (H, W) index of the point, row by row.
    """
    corners = []
    for full, few in zip(features.shape[:2], grid.shape[:2], strict=True):
        place = (np.arange(full) + 0.5) * few / full - 0.5
        low = np.clip(np.floor(place), 0, few - 1).astype(np.intp)
        corners.append((low, np.minimum(low + (place > low), few - 1)))
    least = np.full(features.shape[:2], np.inf, np.float32)
    nearest = np.zeros(features.shape[:2], np.intp)
    for rows in corners[0]:
        for columns in corners[1]:
            gap = features - grid[rows][:, columns]
            distance = np.einsum("hwc,hwc->hw", gap, gap)
            index = rows[:, None] * grid.shape[1] + columns
            np.copyto(nearest, index, where=distance < least)
            np.minimum(least, distance, out=least)
    return nearest
