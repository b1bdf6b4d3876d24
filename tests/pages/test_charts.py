"""Charts: every chart value becomes a figure that Plotly takes, with the numbers that it holds."""

import base64
import json

import numpy as np
import plotly.graph_objects as go
import pytest

from pages.ui.charts import diagram_width, figure
from segcore import TECHNIQUES, run
from segcore.charts import (
    Block,
    Curve,
    Diagram,
    Frames,
    Histogram,
    HueWheel,
    Marker,
    Scatter,
    Series,
    Surface,
    Table,
)
from segcore.images import fit
from segcore.networks.network import Network
from segcore.samples import get_sample
from segcore.weights.hub import is_hub
from tests.segcore.weights.hub_stand_ins import install_hub, make_hub

RNG = np.random.default_rng(0)
X = np.arange(256)
MARKS = (Marker(70.0, "T = 70"), Marker(75, "next"), Marker(-3.0, "σ < 0 & <b>"))
LINES = tuple(Series(f"line {n}", X, RNG.random(256)) for n in range(7))
POINTS = RNG.random((50, 3))
COLORS = RNG.integers(0, 256, (50, 3), dtype=np.uint8)
HEIGHTS = RNG.integers(0, 256, (300, 200), dtype=np.uint8)
AXES = ("L", "a", "b")

DIAGRAM = Diagram(
    (3, 192, 256),
    (
        Block("Encoder 1", (16, 192, 256), 2_800),
        Block("Encoder 2", (32, 96, 128), 1_385_952),
        Block("Position <b> embedding", (32, 48), 512),
        Block("Classifier", (11,), 0),
    ),
    ((0, 3), (1, 2)),
)

CHARTS = {
    "histogram": Histogram(X, RNG.integers(0, 99, 256), "grey level"),
    "histogram with marks and curves": Histogram(X, X, "x", MARKS, LINES, "variance"),
    "histogram of nothing": Histogram(np.zeros(0), np.zeros(0), "x"),
    "curve": Curve(LINES[:1], "x", "y", MARKS),
    "curves": Curve(LINES, "x", "y"),
    "curve of nothing": Curve((), "x", "y"),
    "curve with gaps": Curve((Series("a", X, np.where(X % 9, X, np.nan)),), "x", "y"),
    "scatter": Scatter(POINTS, COLORS, AXES),
    "scatter with centres": Scatter(POINTS, COLORS, AXES, POINTS[:3], COLORS[:3], None),
    "scatter with paths": Scatter(
        POINTS.astype(np.float32), COLORS, AXES, POINTS[:3], None, RNG.random((4, 3, 3))
    ),
    "scatter with ellipsoids": Scatter(
        *(POINTS, COLORS, AXES, POINTS[:2], COLORS[:2]),
        ellipsoids=np.stack([np.diag([0.04, 0.01, 0.09]), np.zeros((3, 3))]),
    ),
    "scatter of nothing": Scatter(POINTS[:0], COLORS[:0], AXES),
    "surface": Surface(HEIGHTS, "grey level"),
    "surface with outline": Surface(HEIGHTS.astype(float), "z", HEIGHTS > 200),
    "flat surface": Surface(np.zeros((1, 1)), "z", np.ones((1, 1), bool)),
    "long surface": Surface(np.zeros((1, 5000)), "z", np.zeros((1, 5000), bool)),
    "wheel": HueWheel(RNG.integers(0, 99, 180), ((170, 10), (60, 80), (5, 5))),
    "empty wheel": HueWheel(np.zeros(180), ()),
    "network": DIAGRAM,
    "network of one block": Diagram((3, 1, 1), (Block("Only", (1, 1, 1), 4),)),
}


def checked(chart):
    """The figure, after Plotly has looked at every name and value in it."""
    return go.Figure(figure(chart).to_dict())


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_every_chart_is_a_valid_figure(chart):
    made = json.loads(checked(chart).to_json())
    sent = json.loads(figure(chart).to_json())
    assert [trace["type"] for trace in sent["data"]] == [trace["type"] for trace in made["data"]]
    assert made["layout"]["height"] > 0
    assert all(trace["type"] for trace in made["data"])
    assert made["data"] or isinstance(chart, Curve)


@pytest.mark.parametrize("chart", [Frames((HEIGHTS,), ("one",)), Table(("a",), ((1,),))])
def test_frames_and_tables_are_no_figures(chart):
    with pytest.raises(TypeError, match=r"pages\.ui\.steps"):
        figure(chart)


@pytest.mark.parametrize("key", TECHNIQUES)
def test_every_chart_of_a_technique_is_a_valid_figure(key, tmp_path, monkeypatch):
    make_hub(tmp_path, [o for s in TECHNIQUES[key].settings for o in s.downloads if is_hub(o)][:1])
    install_hub(tmp_path, monkeypatch.setattr)
    image = fit(get_sample(TECHNIQUES[key].sample).load(), 128)
    network = TECHNIQUES[key].network
    helpers = (
        {"load_model": untrained}
        if network is not None and (network.build or network.parts)
        else {}
    )
    pictures = [step.picture for step in run(key, image, **helpers).steps]
    charts = [p for p in pictures if not isinstance(p, np.ndarray | Frames | Table)]
    assert all(json.loads(checked(chart).to_json())["data"] for chart in charts)


def untrained(build, name):
    """A network that has learned nothing: its charts are as large as those of one that has."""
    return Network(build(3).eval(), ("a", "b", "c"), 96)


def values(numbers):
    return np.asarray(numbers, dtype=float).tolist()


def test_a_histogram_draws_its_numbers():
    chart = CHARTS["histogram with marks and curves"]
    drawn = checked(chart)
    bars, *lines = drawn.data
    assert values(bars.y) == values(chart.counts)
    assert [values(line.y) for line in lines] == [values(s.y) for s in chart.curves]
    assert {line.yaxis for line in lines} == {"y2"}
    assert [shape.x0 for shape in drawn.layout.shapes] == [m.position for m in MARKS]
    assert [a.text for a in drawn.layout.annotations][:2] == ["T = 70", "next"]
    assert drawn.layout.xaxis.title.text == "x"
    assert drawn.layout.yaxis2.title.text == "variance"


def test_names_of_marks_that_are_close_do_not_run_into_each_other():
    first, second, *_ = checked(CHARTS["curve"]).layout.annotations
    assert first.yshift != second.yshift


def test_a_scatter_draws_points_paths_and_centres():
    chart = CHARTS["scatter with paths"]
    points, *paths, centers = checked(chart).data
    assert len(numbers(points.x)) == 50
    assert list(points.marker.color[:1]) == ["rgb({},{},{})".format(*COLORS[0])]
    for path, expected in zip(paths, np.moveaxis(chart.paths[..., 2], 0, 1), strict=True):
        assert numbers(path.z) == pytest.approx(expected)
    assert numbers(centers.x) == pytest.approx(chart.centers[:, 0])


def numbers(sent):
    """Numbers as the page sends them: Plotly's typed arrays, in the browser's byte order."""
    return np.frombuffer(base64.b64decode(sent["bdata"]), np.dtype("<f4"))


def test_an_ellipsoid_reaches_two_standard_deviations():
    chart = CHARTS["scatter with ellipsoids"]
    hull, point = checked(chart).data[-2:]
    for numbers, center, sigma in zip(
        (hull.x, hull.y, hull.z), POINTS[0], (0.2, 0.1, 0.3), strict=True
    ):
        assert max(numbers) == pytest.approx(center + 2 * sigma, abs=1e-6)
        assert min(numbers) == pytest.approx(center - 2 * sigma, abs=1e-6)
    assert np.ptp(point.x) == 0


def test_a_surface_is_thinned_and_keeps_its_place():
    ground, line = checked(
        Surface(np.tile(np.arange(4000.0), (2000, 1)), "z", np.eye(2000, 4000))
    ).data
    assert len(ground.x) * len(ground.y) < 30_000
    assert (ground.x[0], ground.x[-1]) == (0, 3999)
    assert len(numbers(line.x)) <= 12_000
    assert numbers(line.x).max() > 1900
    flat = checked(Surface(np.full((50, 40), 7.0), "z")).data[0]
    assert set(numbers(flat.z)) == {7.0}
    assert flat.z["shape"] == "50, 40"


def test_a_wheel_draws_each_hue_in_its_colour_and_arcs_through_zero():
    chart = CHARTS["wheel"]
    bars, *arcs = checked(chart).data
    assert len(bars.r) == 180
    assert np.argmax(bars.r) == np.argmax(chart.counts)
    red, green, blue = (bars.marker.color[hue] for hue in (0, 60, 120))
    assert [max(range(3), key=rgb(c).__getitem__) for c in (red, green, blue)] == [0, 1, 2]
    first = np.asarray(arcs[0].theta)  # from 340° over 0° to 20°
    assert first.min() == pytest.approx(339)
    assert first.max() == pytest.approx(381)
    assert np.ptp(np.asarray(arcs[2].theta)) == pytest.approx(2)  # one hue is two degrees wide


def rgb(css):
    return [int(part) for part in css[4:-1].split(",")]


# Networks -----------------------------------------------------------------------------------------


def test_a_network_is_a_row_of_blocks_that_say_what_they_are():
    drawn = checked(DIAGRAM)
    (boxes,) = drawn.data
    image, first, second, tokens, last = boxes.y
    assert image == first == second + 1  # one halving is one unit
    assert first > second > tokens > last > 0
    assert boxes.width[1] < boxes.width[2]  # more channels
    assert list(boxes.text) == ["3", "16", "32", "48", "11"]
    notes = [note.text for note in drawn.layout.annotations if note.text]
    assert notes[1] == "<b>Encoder 1</b><br>256×192<br>2.8 k"
    assert "1.39 M" in notes[2]
    assert notes[3].startswith("<b>Position<br>&lt;b&gt;<br>embedding</b><br>32 tokens<br>512")
    assert notes[4] == "<b>Classifier</b><br><br>"
    assert boxes.hovertext[3].endswith("<br>48 maps of 32 tokens<br>512 parameters")
    assert boxes.hovertext[2] == "Encoder 2<br>32 maps of 128×96<br>1,385,952 parameters"


def test_skips_lead_from_block_to_block_and_do_not_cross():
    drawn = checked(DIAGRAM)
    long, short = sorted(drawn.layout.shapes, key=lambda shape: shape.path)
    assert long.path.startswith("M1,")  # the image is block 0
    assert " 4," in long.path
    assert short.path.startswith("M2,")
    assert top(long) > top(short) > max(drawn.data[0].y)
    assert top(long) < drawn.layout.yaxis.range[1]
    heads = [note.x for note in drawn.layout.annotations if note.showarrow]
    assert sorted(heads) == [3, 4]


def top(shape):
    return max(float(point.split(",")[1]) for point in shape.path.replace("C", "").split()[1:-1])


def test_a_longer_network_is_wider():
    longer = Diagram(DIAGRAM.shape, DIAGRAM.blocks * 3)
    assert diagram_width(longer) - diagram_width(DIAGRAM) == 2 * len(DIAGRAM.blocks) * 66
