"""Charts as plain values: a technique says what to draw, pages/ui draws it, mostly with Plotly.

Every chart is a small frozen record of arrays, so that segcore needs no plotting library and a
test can read the numbers that a page draws.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Marker:
    """A named position on the x axis of a chart, such as a threshold."""

    position: float
    label: str


@dataclass(frozen=True, eq=False)
class Series:
    """A named line over the x axis of a chart; x and y are 1-D of equal length."""

    name: str
    x: Numbers
    y: Numbers


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts per bin, with markers, and curves on a second axis of their own.

    Attributes:
        x: (n,) centre of each bin.
        counts: (n,) how many fall into it.
        x_label: what the x axis measures, with its unit.
        markers: positions that decide, such as thresholds.
        curves: lines drawn over the same x axis, scaled on the right.
        curve_label: what the right axis measures.
    """

    x: Numbers
    counts: Numbers
    x_label: str
    markers: tuple[Marker, ...] = ()
    curves: tuple[Series, ...] = ()
    curve_label: str = ""


@dataclass(frozen=True, eq=False)
class Curve:
    """One or more lines over a common x axis, with markers."""

    series: tuple[Series, ...]
    x_label: str
    y_label: str
    markers: tuple[Marker, ...] = ()


@dataclass(frozen=True, eq=False)
class Scatter:
    """Points in a space of three axes, with named centres and the paths that led to them.

    Attributes:
        points: (n, 3) positions.
        colors: (n, 3) uint8 RGB, one per point.
        axes: names of the three axes.
        centers: (k, 3) positions, or None.
        center_colors: (k, 3) uint8 RGB, or None.
        paths: (t, k, 3) the centres over t iterations, or None.
        ellipsoids: (k, 3, 3) covariances, drawn round the centres at two standard deviations, or
            None.
    """

    points: Numbers
    colors: Numbers
    axes: tuple[str, str, str]
    centers: Numbers | None = None
    center_colors: Numbers | None = None
    paths: Numbers | None = None
    ellipsoids: Numbers | None = None


@dataclass(frozen=True, eq=False)
class Surface:
    """An image seen as a landscape.

    Attributes:
        heights: H×W; the drawing thins it to a size that a browser turns smoothly.
        z_label: what the height measures.
        outline: H×W mask of pixels to draw as a line upon the surface, or None.
    """

    heights: Numbers
    z_label: str
    outline: Numbers | None = None


@dataclass(frozen=True, eq=False)
class HueWheel:
    """A histogram of hues round the colour circle, with the chosen arcs.

    Attributes:
        counts: (180,) pixels for each of OpenCV's hues (two degrees each).
        arcs: chosen hue ranges (first, last), inclusive; first > last passes through 0.
    """

    counts: Numbers
    arcs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Frames:
    """A process over time: pictures of equal size that a person scrubs through.

    Attributes:
        pictures: arrays as a step shows them (masks, labels, grey or RGB).
        names: one short name per picture, such as "iteration 4".
    """

    pictures: tuple[Numbers, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """One part of a network.

    Attributes:
        name: what the diagram calls it.
        shape: (channels, height, width) of its result.
        parameters: how many numbers it learned.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class Diagram:
    """A network as a row of blocks, in the order in which they compute.

    Attributes:
        shape: (channels, height, width) of what goes in.
        blocks: the parts.
        skips: (from, to): pairs of indices of blocks whose results meet over a shortcut.
    """

    shape: tuple[int, int, int]
    blocks: tuple[Block, ...]
    skips: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Table:
    """Facts in rows, where a picture would not show them one by one.

    Attributes:
        columns: what stands above each column.
        rows: for each row one value per column: words, or a number, which is shown with two digits
            behind the point unless it is whole.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]


Chart: TypeAlias = Histogram | Curve | Scatter | Surface | HueWheel | Frames | Diagram | Table
