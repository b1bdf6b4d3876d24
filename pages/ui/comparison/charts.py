"""Charts of the comparison. Plain dictionaries, see pages.ui.charts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pages.ui.charts import ACCENTS, FILL, Ready
from pages.ui.comparison.measures import Score
from pages.ui.score_charts import SCALE

BAR, CELL = 30, 34  # pixels that a bar, a row of the matrix is high


def score_bars(names: Sequence[str], values: Sequence[float], score: Score) -> Ready:
    """One score of all techniques, the best one in colour; NaN leaves a gap."""
    known = [value for value in values if not np.isnan(value)]
    best = (min if score.is_error else max)(known, default=None)
    unit = f" {score.unit}" if score.unit else ""
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": list(names),
        "x": np.asarray(values, np.float64),
        "texttemplate": "%{x:.3f}",
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": f"%{{y}}: {score.title} %{{x:.3f}}{unit}<extra></extra>",
        "marker": {
            "color": [ACCENTS[1] if value == best else FILL for value in values],
            "line": {"width": 0},
        },
    }
    high = 1.0 if not score.unit else max([*known, 1.0])
    layout = {
        "height": BAR * len(names) + 64,
        "margin": {"l": 8, "r": 44, "t": 8, "b": 8},
        "bargap": 0.35,
        "showlegend": False,
        "xaxis": {"range": [0, high], "fixedrange": True, "title": {"text": _axis(score)}},
        "yaxis": {"autorange": "reversed", "fixedrange": True, "ticksuffix": " "},
    }
    return Ready({"data": [bars], "layout": layout})


def speed_and_quality(
    names: Sequence[str], seconds: Sequence[float], values: Sequence[float], score: Score
) -> Ready:
    """Run time (logarithmic) against a score; what is up on the left is both good and quick."""
    points = {
        "type": "scatter",
        "mode": "markers+text",
        "x": np.maximum(np.asarray(seconds, np.float64) * 1000, 0.1),
        "y": np.asarray(values, np.float64),
        "text": [name.partition(" ")[0] for name in names],
        "customdata": list(names),
        "textposition": "top center",
        "cliponaxis": False,  # the number above the uppermost point
        "hovertemplate": f"%{{customdata}}<br>%{{x:.3g}} ms, {score.title} %{{y:.3f}}"
        "<extra></extra>",
        "marker": {"size": 12, "color": ACCENTS[1]},
    }
    layout = {
        "height": max(260, BAR * len(names) + 64),
        "margin": {"l": 8, "r": 16, "t": 28, "b": 8},
        "showlegend": False,
        "xaxis": {"type": "log", "title": {"text": "run time in ms"}, "dtick": 1},
        # Turned round for an error, so that better is always up.
        "yaxis": {
            "title": {"text": _axis(score)},
            "autorange": "reversed" if score.is_error else True,
        },
    }
    return Ready({"data": [points], "layout": layout})


def _axis(score: Score) -> str:
    unit = f" in {score.unit}" if score.unit else ""
    return f"{score.title}{unit}, {'less' if score.is_error else 'more'} is better"


def agreement_heatmap(names: Sequence[str], matrix: npt.NDArray[np.float64]) -> Ready:
    """How far every two results agree, (n, n) from 0 to 1."""
    short = [name.partition(" ")[0] for name in names]
    cells = {
        "type": "heatmap",
        "x": short,
        "y": list(names),
        "z": matrix,
        "customdata": [[f"{row} and {column}" for column in names] for row in names],
        "text": [[f"{value:.2f}" for value in row] for row in matrix],
        "texttemplate": "%{text}",
        "hovertemplate": "%{customdata}: %{z:.3f}<extra></extra>",
        "colorscale": SCALE,
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
    }
    layout = {
        "height": CELL * len(names) + 60,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {"side": "top", "showgrid": False, "fixedrange": True, "type": "category"},
        "yaxis": {
            "autorange": "reversed",
            "showgrid": False,
            "fixedrange": True,
            "ticksuffix": " ",
            "type": "category",
        },
    }
    return Ready({"data": [cells], "layout": layout})


def sweep_curve(
    texts: Sequence[str], values: Sequence[float], label: str, title: str, chosen: str | None
) -> Ready:
    """What came out for every value of a setting; the value that is set now is ringed."""
    is_scale = all(map(_is_number, texts))
    x = [float(text) for text in texts] if is_scale else list(texts)
    marker: dict[str, Any] = {
        "size": [15 if text == chosen else 9 for text in texts],
        "color": [ACCENTS[0] if text == chosen else ACCENTS[1] for text in texts],
    }
    line = {
        "type": "scatter",
        # Between two options there is nothing that a line could stand for.
        "mode": "lines+markers" if is_scale else "markers",
        "x": x,
        "y": np.asarray(values, np.float64),
        "line": {"color": ACCENTS[1], "width": 2},
        "marker": marker,
        "hovertemplate": f"{label} %{{x}}: %{{y:.3f}}<extra></extra>",
    }
    layout = {
        "height": 300,
        "margin": {"l": 8, "r": 8, "t": 16, "b": 8},
        "showlegend": False,
        "xaxis": {"title": {"text": label}},
        "yaxis": {"title": {"text": title}, "rangemode": "tozero"},
    }
    return Ready({"data": [line], "layout": layout})


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
