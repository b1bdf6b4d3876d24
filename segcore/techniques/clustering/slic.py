r"""SLIC superpixels: k-means that looks only around the corner

Idea
A *superpixel* is a small, connected patch of like pixels: a better unit than the pixel for what
comes after. SLIC (*simple linear iterative clustering*) finds $k$ of them by k-means in five
dimensions, colour in CIELAB and position, with two changes.

*Distance.* With $S = \sqrt{N / k}$, the side of a superpixel if all of the $N$ pixels were shared
out evenly,
$$D^2 = \Delta L^2 + \Delta a^2 + \Delta b^2 + \frac{m^2}{S^2}\,(\Delta x^2 + \Delta y^2) .$$
The *compactness* $m$ says how large a step of colour ($\Delta E$) weighs as much as a distance of
$S$: a large $m$ gives tiles, a small one clings to every edge.

*Search.* The starts lie on a grid, and a centre hardly leaves its place. So a pixel is compared
not with all $k$ centres, but only with those of the 25 grid cells around its own: the time does not
grow with $k$.

Nothing in k-means keeps a cluster in one piece. Pieces that are too small are given to the
neighbour of the most similar colour. Neighbouring superpixels may then be **merged into regions**,
the most similar first, until no two means are nearer than a $\Delta E$ that you set.

Used for
Few hundred patches instead of a million pixels: as nodes for graph cuts and random fields, for
colour and texture statistics that keep to borders, for labelling by hand with one click per patch,
in tissue slides, satellite and street images.

When it fails
All superpixels are about equally large, whatever the image needs. On `retina` only the wide vessels
get superpixels of their own. A thin one finds no centre of its colour: its pixels go to the patches
on either side, and in the mean colours it is gone. More superpixels help, but they also cut the
even ground to pieces.

References
R. Achanta, A. Shaji, K. Smith, A. Lucchi, P. Fua and S. Süsstrunk, *SLIC superpixels*, EPFL
technical report, 2010; *SLIC superpixels compared to state-of-the-art superpixel methods*, 2012.
C. Y. Ren and I. Reid, *gSLIC: a real-time implementation of SLIC superpixel segmentation*, 2011
(a fixed number of centres around each pixel).
"""

import math
from typing import Annotated, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from skimage.measure import label as connected_parts

from segcore.charts import Curve, Frames, Series
from segcore.ops.adjacency import (
    absorb_small,
    draw_borders,
    draw_regions,
    mean_colors_of,
    merge_alike,
    paint_means,
    region_graph,
)
from segcore.ops.feature_space import brightness, to_features
from segcore.ops.labels import order_labels, relabel
from segcore.result import Image, Labels, Segmentation, regions
from segcore.technique import Label, Only, Preset, Range, Show, Technique, ignore

Floats: TypeAlias = npt.NDArray[np.float32]
Indices: TypeAlias = npt.NDArray[np.intp]


def segment(
    image: Image,
    *,
    n_clusters: Annotated[
        int,
        Range(2, 4000),
        Label("Superpixels"),
        "How many patches to start from, on a grid. On coarse noise the result has more.",
    ] = 400,
    compactness: Annotated[
        float,
        Range(1.0, 100.0, step=1.0),
        "Colour difference (ΔE) that weighs as much as a superpixel's side: more is squarer.",
    ] = 10.0,
    max_iter: Annotated[
        int,
        Range(1, 50),
        Label("Iterations"),
        "Most rounds of assigning pixels and moving centres; it ends when no centre moves.",
    ] = 10,
    sigma: Annotated[
        float,
        Range(0.0, 5.0, step=0.1),
        Label("Smoothing σ"),
        "Standard deviation in pixels of a Gaussian applied first: noise frays no borders.",
    ] = 0.0,
    connected: Annotated[
        bool, Label("Connected"), "Give small pieces away, so that each superpixel is one piece."
    ] = True,
    min_share: Annotated[
        float,
        Range(0.1, 1.0, step=0.05),
        Only(connected=True),
        Label("Smallest piece"),
        "Pieces below this share of the mean area join the neighbour of the most similar colour.",
    ] = 0.25,
    merge_below: Annotated[
        float,
        Range(0.0, 50.0, step=0.5),
        Label("Merge below ΔE"),
        "Neighbours merge while their mean colours are nearer than this; 0 merges none.",
    ] = 0.0,
    show: Show = ignore,
) -> Segmentation:
    height, width = image.shape[:2]
    lab = to_features(image, "lab").reshape(height, width, 3)
    if sigma > 0:
        lab = cv2.GaussianBlur(lab, (0, 0), sigma)
    show(
        "Lightness and colour",
        lambda: np.hstack([lab[..., 0] - 50, lab[..., 1], lab[..., 2]]),
        "CIELAB: L* (from its middle), a* green to red, b* blue to yellow. Distances in it are "
        "about as large as they look.",
    )
    grid = lay_grid(height, width, n_clusters)
    space = sort_into_cells(lab, grid, compactness / grid.side)
    starts = start_centers(lab, grid, space.scale, show)
    show(
        "Grid of starts",
        lambda: draw_starts(image, starts, grid, space.scale),
        f"{grid.n_rows} × {grid.n_columns} centres, {grid.side:.0f} px apart. Red: the 25 cells "
        "whose centres the pixels of the one in the middle are compared with.",
    )
    superpixels = cluster_locally(image, grid, space, starts, max_iter, show)
    if connected:
        superpixels = connect(superpixels, lab, min_share * grid.side**2, show)
    labels = relabel(superpixels + 1) - 1
    show(
        "Superpixels",
        lambda: draw_borders(image, labels),
        f"{labels.max() + 1} patches of {labels.size / (labels.max() + 1):.0f} px on average.",
    )
    show(
        "Mean colours",
        lambda: paint_means(image, labels),
        "Each superpixel in its mean colour: what a later stage sees instead of the pixels.",
    )
    if merge_below > 0:
        labels = merge_superpixels(image, labels, lab, merge_below, show)
    labels = order_labels(labels + 1, brightness(mean_colors_of(image, labels)))
    return regions(labels, "Superpixel" if merge_below == 0 else "Region")


class Grid(NamedTuple):
    """The cells that the starts lie in the middle of, numbered row by row.

    Attributes:
        n_rows, n_columns: number of cells down and across.
        cell: (H, W) number of the cell that each pixel lies in.
        side: mean side of a cell in pixels, S in the formula.
    """

    n_rows: int
    n_columns: int
    cell: Indices
    side: float

    def around(self, cell: int) -> Indices:
        """The cells of the 5×5 square around a cell, as many as the image has, the cell first.

        With 3×3 a pixel often finds no centre of its own colour where stripes are narrower than
        the cells.
        """
        row, column = divmod(cell, self.n_columns)
        rows = np.arange(max(row - 2, 0), min(row + 3, self.n_rows))[:, None]
        columns = np.arange(max(column - 2, 0), min(column + 3, self.n_columns))
        away = np.hypot(rows - row, columns - column).ravel()
        return (rows * self.n_columns + columns).ravel()[np.argsort(away, kind="stable")]


def lay_grid(height: int, width: int, n_clusters: int) -> Grid:
    """A grid of about `n_clusters` cells, as square as they come, none smaller than a pixel."""
    n_rows = min(height, max(1, round(math.sqrt(n_clusters * height / width))))
    n_columns = min(width, max(1, round(n_clusters / n_rows)))
    row, column = np.arange(height) * n_rows // height, np.arange(width) * n_columns // width
    side = math.sqrt(height * width / (n_rows * n_columns))
    return Grid(n_rows, n_columns, row[:, None] * n_columns + column, side)


class PixelSpace(NamedTuple):
    """The pixels in five dimensions, those of one cell after those of another.

    Attributes:
        points: (6, H*W) L*, a*, b*, the position y and x times m / S, and a row of ones.
        pixel: (H*W,) which pixel of the image each point is.
        ends: (cells + 1,) where the points of each cell begin, and those of the last end.
        scale: m / S.
    """

    points: Floats
    pixel: Indices
    ends: Indices
    scale: float

    def to_image(self, numbers: Indices, shape: tuple[int, ...]) -> Indices:
        """The numbers (H*W,) of the points, as an image."""
        picture = np.empty_like(numbers)
        picture[self.pixel] = numbers
        return picture.reshape(shape)


def sort_into_cells(lab: Floats, grid: Grid, scale: float) -> PixelSpace:
    """The pixels of an image (CIELAB, H×W×3) as points that are sorted by their cells."""
    y, x = np.indices(grid.cell.shape, dtype=np.float32) * np.float32(scale)
    planes = np.stack([*cv2.split(lab), y, x, np.ones_like(x)]).reshape(6, -1)
    pixel = np.argsort(grid.cell.astype(np.uint16), axis=None, kind="stable")  # a radix sort
    ends = np.concatenate([[0], np.cumsum(np.bincount(grid.cell.ravel()))])
    return PixelSpace(np.take(planes, pixel, axis=1), pixel, ends, scale)


def start_centers(lab: Floats, grid: Grid, scale: float, show: Show) -> Floats:
    """Centres (k, 5): of the 3×3 pixels around each cell's middle the one of lowest gradient.

    So a start lies neither on an edge nor on a pixel that is mere noise. In cells below 4 px the
    pixel in the middle is taken: starts could meet.
    """
    central = np.array([[-1, 0, 1]], np.float32)
    steps = [cv2.filter2D(lab, -1, kernel) for kernel in (central, central.T)]
    gradient = sum(plane * plane for step in steps for plane in cv2.split(step))
    show(
        "Gradient", lambda: np.sqrt(gradient), "ΔE across each pixel: starts avoid what is bright."
    )
    height, width = gradient.shape
    y = ((np.arange(grid.n_rows) + 0.5) * height / grid.n_rows).astype(np.intp)
    x = ((np.arange(grid.n_columns) + 0.5) * width / grid.n_columns).astype(np.intp)
    y, x = (middle.ravel() for middle in np.meshgrid(y, x, indexing="ij"))
    if grid.side >= 4:
        down, right = np.divmod([4, 1, 3, 5, 7, 0, 2, 6, 8], 3)  # of equals the nearest first
        y = np.clip(y + down[:, None] - 1, 0, height - 1)
        x = np.clip(x + right[:, None] - 1, 0, width - 1)
        best = np.argmin(gradient[y, x], axis=0)
        y, x = (np.take_along_axis(near, best[None], axis=0)[0] for near in (y, x))
    return np.column_stack([lab[y, x], y * scale, x * scale]).astype(np.float32)


def cluster_locally(
    image: Image, grid: Grid, space: PixelSpace, centers: Floats, max_iter: int, show: Show
) -> Indices:
    """Number (H×W) of the centre that each pixel ends up with."""
    near = [grid.around(cell) for cell in range(len(centers))]
    path = [centers]
    for iteration in range(max_iter):
        nearest = nearest_around(space, near, path[-1])
        path.append(move_centers(space, nearest, path[-1]))
        show.progress((iteration + 1) / max_iter)
        if np.array_equal(path[-1], path[-2]):
            break
    show(
        "Superpixels over the iterations",
        lambda: iteration_frames(image, space, near, path),
        "Every pixel goes to the nearest of 25 centres, every centre to the mean of its pixels.",
    )
    show(
        "Movement of the centres",
        lambda: movement_curve(path, space.scale),
        "When it is near 0, further iterations change little: ten are enough on most images.",
    )
    return space.to_image(nearest, grid.cell.shape)


def nearest_around(space: PixelSpace, near: list[Indices], centers: Floats) -> Indices:
    """Number (H*W,) of the nearest centre to each point, among the centres near its cell.

    |p - c|² is least where p·c - |c|²/2 is greatest: a product of matrices.
    """
    factors = np.column_stack([centers, -(centers**2).sum(axis=1) / 2])
    nearest = np.empty(len(space.pixel), np.intp)
    for cell, others in enumerate(near):
        # Some points at a time: they stay in the processor's cache, and BLAS does not spread such
        # a small product over threads, which wait for each other on a busy machine.
        for start in range(space.ends[cell], space.ends[cell + 1], 1024):
            part = slice(start, min(start + 1024, space.ends[cell + 1]))
            scores = factors[others] @ space.points[:, part]
            # To find the greatest and then where it stands is faster than argmax alone.
            nearest[part] = others[(scores == scores.max(axis=0)).argmax(axis=0)]
    return nearest


def move_centers(space: PixelSpace, nearest: Indices, centers: Floats) -> Floats:
    """The mean of every centre's points, (k, 5); a centre without points stays."""
    counts = np.bincount(nearest, minlength=len(centers))
    sums = [np.bincount(nearest, row, len(centers)) for row in space.points[:5]]
    means = np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]
    return np.where(counts[:, None] > 0, means, centers).astype(np.float32)


def connect(superpixels: Indices, lab: Floats, min_area: float, show: Show) -> Indices:
    """The connected pieces (H×W, from 0 up), those below `min_area` pixels joined to others."""
    pieces = connected_parts(superpixels, connectivity=1, background=-1) - 1
    graph = region_graph(pieces, lab)
    show(
        "Pieces given away",
        lambda: np.take(graph.areas < min_area, pieces),
        f"White: connected pieces below {min_area:.0f} px. Each joins the neighbour most like it.",
    )
    return np.take(absorb_small(graph, min_area), pieces)


def merge_superpixels(
    image: Image, labels: Labels, lab: Floats, limit: float, show: Show
) -> Labels:
    """Neighbours merged, the most similar first, until no two means are nearer than `limit` ΔE."""
    levels = [limit * step / 8 for step in range(1, 9)]
    states = merge_alike(region_graph(labels, lab), levels)
    show(
        "Merging",
        lambda: Frames(
            tuple(draw_regions(image, np.take(numbers, labels)) for numbers in states),
            tuple(f"ΔE {level:.2g}" for level in levels),
        ),
        "Those merge first that are most like each other; then their means are compared anew.",
    )
    merged = np.take(states[-1].astype(np.int32), labels)
    show(
        "Regions",
        lambda: draw_regions(image, merged),
        f"{merged.max() + 1} regions: no two neighbours' means are nearer than ΔE {limit:g}.",
    )
    return merged


# Pictures of the steps ---------------------------------------------------------------------------


def draw_starts(image: Image, centers: Floats, grid: Grid, scale: float) -> Image:
    """The grid's cells, a dot for each start, and the cells around one in the middle."""
    drawn = draw_borders(image, grid.cell)
    middle = grid.n_rows // 2 * grid.n_columns + grid.n_columns // 2
    near = np.isin(grid.cell, grid.around(middle))
    drawn[near] = drawn[near] // 2 + np.array([127, 0, 0], np.uint8)
    for y, x in np.rint(centers[:, 3:] / scale).astype(np.intp).tolist():
        drawn[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 255
    return drawn


def iteration_frames(
    image: Image, space: PixelSpace, near: list[Indices], path: list[Floats]
) -> Frames:
    """The superpixels after 1, 2, 4, 8, … iterations and after the last."""
    shown = sorted({2**power for power in range(6) if 2**power < len(path)} | {len(path) - 1})
    found = (nearest_around(space, near, path[number - 1]) for number in shown)
    return Frames(
        tuple(draw_borders(image, space.to_image(n, image.shape[:2])) for n in found),
        tuple(f"iteration {number}" for number in shown),
    )


def movement_curve(path: list[Floats], scale: float) -> Curve:
    """Mean distance in pixels that the centres move in each iteration."""
    moves = np.diff(np.stack(path)[:, :, 3:], axis=0) / scale
    mean = np.hypot(moves[..., 0], moves[..., 1]).mean(axis=1)
    line = Series("mean over the centres", np.arange(1, len(path)), mean)
    return Curve((line,), "iteration", "movement in px")


TECHNIQUE = Technique(
    "SLIC superpixels",
    year=2010,
    segment=segment,
    sample="chelsea",
    fails=Preset("Thinner than a superpixel", {"n_clusters": 400}, "retina"),
    presets=(
        Preset("As in the paper", {"n_clusters": 400, "compactness": 10.0}, "astronaut"),
        Preset("Merged into regions", {"n_clusters": 800, "merge_below": 8.0}, "coffee"),
    ),
)
