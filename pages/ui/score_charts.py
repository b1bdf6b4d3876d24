"""Charts of scores: bars per class, and the confusion matrix. Plain dictionaries, see charts."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from pages.ui.charts import ACCENTS, FILL, Ready

BAR = 15  # pixels that a bar is high
# From nothing, in which the page's own colour shows, to blue.
SCALE = [[0, "rgba(138,160,176,0.12)"], [0.005, "#dbe8f1"], [0.5, "#4f9cc8"], [1, "#005a8f"]]
CELL = 30  # pixels that a row of the confusion matrix is high


def class_bars(names: Sequence[str], series: Mapping[str, npt.ArrayLike]) -> Ready:
    """Scores from 0 to 1 as bars, one group per class.

    Args:
        names: the classes, from above.
        series: name of a score -> (n,) its values; NaN leaves a gap.
    """
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": title,
            "y": list(names),
            "x": np.asarray(values, np.float64),
            "texttemplate": "%{x:.2f}",
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": f"%{{y}}: {title} %{{x:.3f}}<extra></extra>",
            "marker": {"color": color, "line": {"width": 0}},
        }
        for (title, values), color in zip(series.items(), (ACCENTS[1], FILL), strict=False)
    ]
    layout = {
        "height": BAR * len(series) * len(names) + 12 * len(names) + 70,
        "margin": {"l": 8, "r": 28, "t": 8, "b": 8},
        "bargap": 0.3,
        "showlegend": len(series) > 1,
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1, "x": 0},
        "xaxis": {"range": [0, 1], "dtick": 0.2, "fixedrange": True},
        "yaxis": {"autorange": "reversed", "fixedrange": True, "ticksuffix": " "},
    }
    return Ready({"data": bars, "layout": layout})


def confusion_heatmap(
    rows: Sequence[str], columns: Sequence[str], matrix: npt.NDArray[np.int64]
) -> Ready:
    """The confusion matrix: each row, a class of the reference, in percent of its pixels.

    Args:
        rows: classes of the reference.
        columns: classes of the prediction.
        matrix: (rows, columns) pixels.
    """
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.where(totals > 0, matrix * 100 / np.maximum(totals, 1), np.nan)
    cells = {
        "type": "heatmap",
        "x": list(columns),
        "y": list(rows),
        "z": shares,
        "customdata": matrix,
        "text": [[f"{share:.0f}" if share >= 0.5 else "" for share in row] for row in shares],
        "texttemplate": "%{text}",
        "hovertemplate": "%{customdata:,} pixels of %{y} were called %{x}: %{z:.1f}%"
        "<extra></extra>",
        "hoverongaps": False,
        "colorscale": SCALE,
        "zmin": 0,
        "zmax": 100,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
    }
    layout = {
        "height": CELL * len(rows) + 110,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {
            "side": "top",
            "tickangle": -45,
            "showgrid": False,
            "fixedrange": True,
            "title": {"text": "called"},
        },
        "yaxis": {
            "autorange": "reversed",
            "showgrid": False,
            "fixedrange": True,
            "ticksuffix": " ",
            "title": {"text": "is"},
        },
    }
    return Ready({"data": [cells], "layout": layout})
