"""Drawing the chart values of segcore.charts with Plotly.

Every figure is put together as one plain dictionary and goes to the browser as it is: at every
move of a slider, letting Plotly build it would take 20 ms a chart with `add_…` and `update_…` calls
and 4 ms in one piece. Instead, a test lets Plotly check the figures of every kind.
"""

import base64
import html
from collections.abc import Iterator
from typing import Any, TypeAlias

import cv2
import numpy as np
import plotly.graph_objects as go

from segcore.charts import (
    Block,
    Chart,
    Curve,
    Diagram,
    Frames,
    Histogram,
    HueWheel,
    Marker,
    Scatter,
    Surface,
    Table,
)

HEIGHT = 300
ACCENTS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00")
FILL = "#8aa0b0"

Drawing: TypeAlias = tuple[list[dict[str, Any]], dict[str, Any]]  # traces, layout


def figure(chart: Chart) -> go.Figure:
    """The chart as a Plotly figure; Frames and Tables are none."""
    match chart:
        case Histogram():
            traces, layout = _histogram(chart)
        case Curve():
            traces, layout = _curve(chart)
        case Scatter():
            traces, layout = _scatter(chart)
        case Surface():
            traces, layout = _surface(chart)
        case HueWheel():
            traces, layout = _wheel(chart)
        case Diagram():
            traces, layout = _network(chart)
        case Frames():
            raise TypeError("Frames are drawn by pages.ui.steps, picture by picture.")
        case Table():
            raise TypeError("Tables are drawn by pages.ui.steps.")
    common = {
        "height": HEIGHT,
        "margin": {"l": 8, "r": 8, "t": 40, "b": 8},
        "legend": {"orientation": "h", "yanchor": "top", "y": -0.25, "x": 0},
    }
    return Ready({"data": traces, "layout": common | layout})


class Ready(go.Figure):  # type: ignore[misc]  # Plotly has no type information
    """A figure that is its dictionary: nothing is checked or copied."""

    def __init__(self, drawing: dict[str, Any]) -> None:
        # Not calling the base is the point: it would check and copy every value.
        object.__setattr__(self, "_drawing", drawing)

    def to_dict(self) -> dict[str, Any]:
        drawing: dict[str, Any] = self._drawing
        return drawing


def _marks(markers: tuple[Marker, ...]) -> dict[str, Any]:
    """Dashed lines over the whole height of a chart, with their names above it."""
    shapes, names = [], []
    for index, marker in enumerate(markers):
        place = {"x": marker.position, "xref": "x", "yref": "paper"}
        line = {"color": ACCENTS[0], "width": 2, "dash": "dash"}
        ends = {"x0": marker.position, "x1": marker.position, "y0": 0, "y1": 1}
        shapes.append({"type": "line", "xref": "x", "yref": "paper", "line": line, **ends})
        text = {"text": marker.label, "font": {"color": ACCENTS[0], "size": 12}}
        # Names of neighbours stand on two lines in turn, so that they do not run into each other.
        lift = {"y": 1, "yanchor": "bottom", "yshift": 14 * (index % 2), "showarrow": False}
        names.append(place | text | lift)
    return {"shapes": shapes, "annotations": names}


def _histogram(chart: Histogram) -> Drawing:
    bars = {
        "type": "bar",
        "x": chart.x,
        "y": chart.counts,
        "marker": {"color": FILL, "line": {"width": 0}},
        "name": "pixels",
        "showlegend": False,
    }
    lines = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": series.x,
            "y": series.y,
            "name": series.name,
            "yaxis": "y2",
            "line": {"color": ACCENTS[(index + 1) % len(ACCENTS)], "width": 2},
        }
        for index, series in enumerate(chart.curves)
    ]
    layout = {
        "bargap": 0,
        "hovermode": "x",
        "xaxis": {"title": {"text": chart.x_label}},
        "yaxis": {"title": {"text": "pixels"}, "rangemode": "tozero"},
        "yaxis2": {
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "rangemode": "tozero",
            "title": {"text": chart.curve_label},
            "visible": bool(chart.curves),
            "showticklabels": False,
        },
    }
    return [bars, *lines], layout | _marks(chart.markers)


def _curve(chart: Curve) -> Drawing:
    lines = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": series.x,
            "y": series.y,
            "name": series.name,
            "line": {"color": ACCENTS[(index + 1) % len(ACCENTS)], "width": 2},
        }
        for index, series in enumerate(chart.series)
    ]
    layout = {
        "hovermode": "x",
        "showlegend": len(chart.series) > 1,
        "xaxis": {"title": {"text": chart.x_label}},
        "yaxis": {"title": {"text": chart.y_label}},
    }
    return lines, layout | _marks(chart.markers)


def _numbers(values: Any) -> dict[str, str]:
    """Many numbers as Plotly's typed array: a third of their size as text."""
    array = np.ascontiguousarray(values, dtype=np.float32)
    shape = {"shape": ", ".join(map(str, array.shape))} if array.ndim > 1 else {}
    return {"dtype": "f4", "bdata": base64.b64encode(array.tobytes()).decode(), **shape}


def _css(colors: Any) -> list[str]:
    return [f"rgb({r},{g},{b})" for r, g, b in colors]


def _cloud(points: Any, **looks: Any) -> dict[str, Any]:
    x, y, z = np.asarray(points).T
    place = {"x": _numbers(x), "y": _numbers(y), "z": _numbers(z)}
    return {"type": "scatter3d", "mode": "markers", **place, **looks}


def _scatter(chart: Scatter) -> Drawing:
    # Plotly's own camera looks along the diagonal, which in RGB is that of the greys: end on. From
    # this far, with few numbers, nothing is cut off where a card is 240 pixels wide.
    eye, center = {"x": 2.3, "y": -2.15, "z": 0.95}, {"x": -0.14, "y": -0.14, "z": -0.15}
    camera = {"eye": eye, "center": center}
    axes = {
        axis: {"title": {"text": name, "font": {"size": 10}}, "nticks": 4}
        for axis, name in zip(("xaxis", "yaxis", "zaxis"), chart.axes, strict=True)
    }
    return list(_scatter_traces(chart)), {"showlegend": False, "scene": axes | {"camera": camera}}


def _scatter_traces(chart: Scatter) -> Iterator[dict[str, Any]]:
    pixels: dict[str, Any] = {"size": 2, "color": _css(chart.colors)}
    if chart.centers is not None:
        pixels |= {"opacity": 0.3}  # centres lie in the midst of the pixels
    yield _cloud(chart.points, marker=pixels, name="pixels")
    if chart.paths is not None:
        for path in np.moveaxis(np.asarray(chart.paths), 1, 0):
            yield _cloud(path, mode="lines", line={"color": "#888888", "width": 4})
    if chart.centers is None:
        return
    one_color = [ACCENTS[0]] * len(chart.centers)
    colors = one_color if chart.center_colors is None else _css(chart.center_colors)
    marker = {"size": 8, "color": colors, "line": {"color": "#000000", "width": 2}}
    yield _cloud(chart.centers, marker=marker, name="centres")
    if chart.ellipsoids is not None:
        for ellipsoid in zip(chart.centers, chart.ellipsoids, colors, strict=True):
            yield _ellipsoid(*ellipsoid)


def _ellipsoid(center: Any, covariance: Any, color: str) -> dict[str, Any]:
    """The ellipsoid two standard deviations round a centre, as a translucent hull of points."""
    values, axes = np.linalg.eigh(covariance)
    polar, azimuth = np.meshgrid(np.linspace(0, np.pi, 13), np.arange(0, 2 * np.pi, np.pi / 12))
    sphere = [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)]
    half_axes = axes * (2 * np.sqrt(np.maximum(values, 0)))
    x, y, z = half_axes @ np.reshape(sphere, (3, -1)) + np.reshape(center, (3, 1))
    looks = {"color": color, "opacity": 0.25, "hoverinfo": "skip", "alphahull": 0}
    return {"type": "mesh3d", "x": x, "y": y, "z": z, **looks}


SURFACE_SIDE = 160  # a browser turns about 25,000 points smoothly
OUTLINE_POINTS = 6000


def _surface(chart: Surface) -> Drawing:
    heights = np.asarray(chart.heights, dtype=np.float32)
    height, width = heights.shape
    scale = min(1.0, SURFACE_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    ground = {
        "type": "surface",
        "x": np.linspace(0, width - 1, size[0]),
        "y": np.linspace(0, height - 1, size[1]),
        "z": _numbers(cv2.resize(heights, size, interpolation=cv2.INTER_AREA)),
        "colorscale": "Viridis",
        "showscale": False,
    }
    layout = {
        "showlegend": False,
        "scene": {
            "xaxis": {"title": {"text": "x"}},
            "yaxis": {"title": {"text": "y"}, "autorange": "reversed"},
            "zaxis": {"title": {"text": chart.z_label}},
            "aspectmode": "manual",
            "aspectratio": {"x": 1, "y": min(4.0, max(0.25, height / width)), "z": 0.35},
            "camera": {"eye": {"x": 0.0, "y": -1.1, "z": 1.1}},
        },
    }
    if chart.outline is None:
        return [ground], layout
    rows, columns = np.nonzero(chart.outline)
    thinned = slice(None, None, max(1, len(rows) // OUTLINE_POINTS))
    rows, columns = rows[thinned], columns[thinned]
    lifted = heights[rows, columns] + 0.01 * float(np.ptp(heights))
    line = np.stack([columns, rows, lifted], axis=-1)
    return [ground, _cloud(line, marker={"size": 2, "color": ACCENTS[0]})], layout


def _wheel(chart: HueWheel) -> Drawing:
    hues = np.arange(180)
    wheel = np.stack([hues, np.full(180, 220), np.full(180, 230)], axis=-1).astype(np.uint8)
    counts = np.asarray(chart.counts, dtype=np.float64)
    bars = {
        "type": "barpolar",
        # The square root lets rare hues be seen beside common ones.
        "r": np.sqrt(counts / counts.max()) if counts.any() else counts,
        "theta": hues * 2,
        "width": 2,
        "marker": {"color": _css(cv2.cvtColor(wheel[None], cv2.COLOR_HSV2RGB)[0])},
    }
    arcs = [
        {
            "type": "scatterpolar",
            "mode": "lines",
            "r": np.full(60, 1.08),
            "theta": (first + np.linspace(-0.5, (last - first) % 180 + 0.5, 60)) * 2,
            "line": {"color": ACCENTS[1], "width": 7},
        }
        for first, last in chart.arcs
    ]
    layout = {
        "showlegend": False,
        "polar": {
            "radialaxis": {"visible": False, "range": [0, 1.12]},
            "angularaxis": {"rotation": 90, "direction": "clockwise", "dtick": 45},
        },
    }
    return [bars, *arcs], layout


# A network ---------------------------------------------------------------------------------------

COLUMN = 66  # pixels from one block of a network to the next
HALVING = 26  # pixels by which a block is lower whose maps have half the side
ABOVE, APART = 0.75, 0.45  # of a halving: room for the number of maps, and between two skips
BELOW = 64  # pixels for what stands below the blocks


def diagram_width(chart: Diagram) -> int:
    """Pixels that a diagram needs, so that no two names run into each other."""
    return COLUMN * (len(chart.blocks) + 1) + 20


def _network(chart: Diagram) -> Drawing:
    """Blocks from left to right: the larger its maps the higher, the more of them the wider."""
    blocks = [Block("Image", chart.shape, 0), *chart.blocks]
    lowest = min(map(_side, blocks))
    # One unit of height is one halving; the smallest maps keep a block that can be seen.
    sides = [(_width(block), 1.5 + float(np.log2(_side(block) / lowest))) for block in blocks]
    top = max(high for _, high in sides)
    marks = [
        {
            "x": index,
            "y": 0,
            "text": _describe(block),
            "showarrow": False,
            "yanchor": "top",
            "yshift": -4,
            "font": {"size": 10.5},
        }
        for index, block in enumerate(blocks)
    ]
    boxes = {
        "type": "bar",
        "x": np.arange(len(blocks)),
        "y": [high for _, high in sides],
        "width": [wide for wide, _ in sides],
        "marker": {"color": [FILL, *[ACCENTS[1]] * len(chart.blocks)], "line": {"width": 0}},
        "text": [f"{_maps(block)[0]:,}" for block in blocks],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "hovertext": [_hover(block) for block in blocks],
        "hoverinfo": "text",
    }
    shapes = []
    # Each higher than the last, so that the one over most blocks spans the others.
    for order, (start, end) in enumerate(sorted(chart.skips, key=lambda skip: skip[1] - skip[0])):
        lift = top + ABOVE + APART * (order + 1)
        shapes.append(_shortcut(start + 1, end + 1, sides, lift))
        marks.append(_arrow_head(end + 1, sides[end + 1][1] + ABOVE))
    hidden = {"visible": False, "fixedrange": True}
    ceiling = top + ABOVE + APART * (len(chart.skips) + 0.3)
    layout = {
        "height": round(HALVING * ceiling) + 8 + BELOW,
        "showlegend": False,
        "margin": {"l": 8, "r": 8, "t": 8, "b": BELOW},
        "xaxis": hidden | {"range": [-0.6, len(blocks) - 0.4]},
        "yaxis": hidden | {"range": [0, ceiling]},
        "shapes": shapes,
        "annotations": marks,
    }
    return [boxes], layout


def _maps(block: Block) -> tuple[int, tuple[int, ...]]:
    """How many maps a block makes, and their (height, width); tokens are maps of one row.

    A transformer's result is (tokens, numbers per token), everything else begins with the maps.
    """
    match block.shape:
        case (tokens, numbers):
            return numbers, (tokens,)
        case (channels, *size):
            return channels, tuple(size)
    return 1, ()


def _side(block: Block) -> float:
    """Side of a square as large as the block's maps; 1 for a block that has none."""
    return float(np.sqrt(np.prod(_maps(block)[1])))


def _width(block: Block) -> float:
    """Width of a block, in columns: the logarithm of the number of its maps."""
    return min(0.86, 0.12 + 0.085 * float(np.log2(_maps(block)[0])))


def _describe(block: Block) -> str:
    """What stands below a block: its name, the size of its maps, how many numbers it learned."""
    words = html.escape(block.name)
    name = words if len(block.name) <= 10 else words.replace(" ", "<br>")
    learned = _short(block.parameters) if block.parameters else ""
    return f"<b>{name}</b><br>{_size(block)}<br>{learned}"


def _hover(block: Block) -> str:
    number, size = _maps(block)
    maps = f"{number:,} maps of {_size(block)}" if size else f"{number:,} numbers"
    return f"{html.escape(block.name)}<br>{maps}<br>{block.parameters:,} parameters"


def _size(block: Block) -> str:
    """`(16, 96, 128)` -> "128×96"; `(192, 64)` -> "192 tokens"."""
    _, size = _maps(block)
    return f"{size[0]} tokens" if len(size) == 1 else "×".join(map(str, reversed(size)))


def _short(count: int) -> str:
    """590,080 -> 590 k."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return str(count)


def _shortcut(
    start: int, end: int, sides: list[tuple[float, float]], lift: float
) -> dict[str, Any]:
    """A line up from one block, across, and down to another."""
    low, high = (sides[block][1] + ABOVE for block in (start, end))
    path = f"M{start},{low} C{start},{lift} {start},{lift} {start + 0.5},{lift} "
    path += f"L{end - 0.5},{lift} C{end},{lift} {end},{lift} {end},{high}"
    return {"type": "path", "path": path, "line": {"color": ACCENTS[0], "width": 2}}


def _arrow_head(x: int, y: float) -> dict[str, Any]:
    looks = {"arrowhead": 2, "arrowsize": 1.1, "arrowwidth": 2, "arrowcolor": ACCENTS[0]}
    tail = {"ax": 0, "ay": -9, "text": "", "showarrow": True}
    return {"x": x, "y": y, "yanchor": "bottom"} | looks | tail
