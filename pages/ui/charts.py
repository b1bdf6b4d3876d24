"""Drawing the chart values of segcore.charts with Plotly."""

from typing import Any

import cv2
import numpy as np
import plotly.graph_objects as go

from segcore.charts import Chart, Curve, Frames, Histogram, HueWheel, Marker, Scatter, Surface

HEIGHT = 300
ACCENTS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00")
FILL = "#8aa0b0"


def figure(chart: Chart) -> go.Figure:
    """The chart as a Plotly figure; Frames are no figure but pictures to scrub through."""
    match chart:
        case Histogram():
            drawn = _histogram(chart)
        case Curve():
            drawn = _curve(chart)
        case Scatter():
            drawn = _scatter(chart)
        case Surface():
            drawn = _surface(chart)
        case HueWheel():
            drawn = _wheel(chart)
        case Frames():
            raise TypeError("Frames are drawn by pages.ui.steps, picture by picture.")
    drawn.update_layout(
        height=HEIGHT,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        hovermode="x" if isinstance(chart, Histogram | Curve) else "closest",
    )
    return drawn


def is_interactive_3d(chart: object) -> bool:
    """Whether a person turns the chart with the mouse."""
    return isinstance(chart, Scatter | Surface)


def _mark(drawn: go.Figure, markers: tuple[Marker, ...]) -> None:
    for index, marker in enumerate(markers):
        drawn.add_vline(
            marker.position,
            line={"color": ACCENTS[0], "width": 2, "dash": "dash"},
            annotation={
                "text": marker.label,
                "font": {"color": ACCENTS[0], "size": 12},
                "yshift": -16 * (index % 4),
            },
        )


def _histogram(chart: Histogram) -> go.Figure:
    drawn = go.Figure(
        go.Bar(
            x=chart.x,
            y=chart.counts,
            marker={"color": FILL, "line": {"width": 0}},
            name="pixels",
            showlegend=False,
        )
    )
    for color, series in zip(ACCENTS[1:], chart.curves, strict=False):
        line = {"color": color, "width": 2}
        drawn.add_scatter(x=series.x, y=series.y, name=series.name, yaxis="y2", line=line)
    _mark(drawn, chart.markers)
    drawn.update_layout(
        bargap=0,
        xaxis_title=chart.x_label,
        yaxis={"title": "pixels", "rangemode": "tozero"},
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "rangemode": "tozero",
            "title": chart.curve_label,
            "visible": bool(chart.curves),
            "showticklabels": False,
        },
    )
    return drawn


def _curve(chart: Curve) -> go.Figure:
    drawn = go.Figure()
    for index, series in enumerate(chart.series):
        line = {"color": ACCENTS[(index + 1) % len(ACCENTS)], "width": 2}
        drawn.add_scatter(x=series.x, y=series.y, name=series.name, line=line, mode="lines")
    _mark(drawn, chart.markers)
    drawn.update_layout(
        xaxis_title=chart.x_label, yaxis_title=chart.y_label, showlegend=len(chart.series) > 1
    )
    return drawn


def _css(colors: Any) -> list[str]:
    return [f"rgb({r},{g},{b})" for r, g, b in colors]


def _scatter(chart: Scatter) -> go.Figure:
    x, y, z = np.asarray(chart.points).T
    marker = {"size": 2, "color": _css(chart.colors)}
    drawn = go.Figure(go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, name="pixels"))
    if chart.paths is not None:
        for center in np.moveaxis(np.asarray(chart.paths), 1, 0):
            line = {"color": "#888", "width": 4}
            px, py, pz = center.T
            drawn.add_scatter3d(x=px, y=py, z=pz, mode="lines", line=line)
    if chart.centers is not None:
        cx, cy, cz = np.asarray(chart.centers).T
        colors = _css(chart.center_colors) if chart.center_colors is not None else ACCENTS[0]
        marker = {"size": 8, "color": colors, "line": {"color": "#000", "width": 2}}
        drawn.add_scatter3d(x=cx, y=cy, z=cz, mode="markers", marker=marker, name="centres")
    names = dict(zip(("xaxis_title", "yaxis_title", "zaxis_title"), chart.axes, strict=True))
    drawn.update_layout(scene=names, showlegend=False)
    return drawn


SURFACE_SIDE = 160  # a browser turns about 25,000 points smoothly


def _surface(chart: Surface) -> go.Figure:
    heights = np.asarray(chart.heights, dtype=np.float32)
    height, width = heights.shape
    scale = min(1.0, SURFACE_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(heights, size, interpolation=cv2.INTER_AREA)
    x = np.linspace(0, width - 1, size[0])
    y = np.linspace(0, height - 1, size[1])
    drawn = go.Figure(go.Surface(z=small, x=x, y=y, colorscale="Viridis", showscale=False))
    if chart.outline is not None:
        rows, columns = np.nonzero(chart.outline)
        keep = slice(None, None, max(1, len(rows) // 6000))
        rows, columns = rows[keep], columns[keep]
        lift = heights[rows, columns] + 0.01 * float(np.ptp(heights))
        marker = {"size": 2, "color": ACCENTS[0]}
        drawn.add_scatter3d(x=columns, y=rows, z=lift, mode="markers", marker=marker)
    drawn.update_layout(
        showlegend=False,
        scene={
            "xaxis": {"title": "x"},
            "yaxis": {"title": "y", "autorange": "reversed"},
            "zaxis": {"title": chart.z_label},
            "aspectratio": {"x": 1, "y": height / width if height < 4 * width else 4, "z": 0.35},
            "camera": {"eye": {"x": 0.7, "y": 1.0, "z": 1.1}},
        },
    )
    return drawn


def _wheel(chart: HueWheel) -> go.Figure:
    hues = np.arange(180)
    wheel = np.stack([hues, np.full(180, 220), np.full(180, 230)], axis=-1).astype(np.uint8)
    colors = cv2.cvtColor(wheel[None], cv2.COLOR_HSV2RGB)[0]
    counts = np.asarray(chart.counts, dtype=np.float64)
    # The square root lets rare hues be seen beside common ones.
    radius = np.sqrt(counts / counts.max()) if counts.any() else counts
    bars = go.Barpolar(r=radius, theta=hues * 2, width=2, marker={"color": _css(colors)})
    drawn = go.Figure(bars)
    for first, last in chart.arcs:
        length = (last - first) % 180
        angles = (first + np.linspace(-0.5, length + 0.5, 60)) * 2
        line = {"color": ACCENTS[1], "width": 7}
        drawn.add_scatterpolar(r=np.full(60, 1.08), theta=angles, mode="lines", line=line)
    drawn.update_layout(
        showlegend=False,
        polar={
            "radialaxis": {"visible": False, "range": [0, 1.12]},
            "angularaxis": {"rotation": 90, "direction": "clockwise", "dtick": 45},
        },
    )
    return drawn
