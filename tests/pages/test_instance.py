"""The instance page: things one by one, what gave way, what an upload shows, and no network."""

import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from scipy import ndimage

from pages.ui import cache
from pages.ui.classical_things import SMALLEST, things_are_bright
from pages.ui.painting import run_name
from pages.ui.things import pack_things
from segcore import TECHNIQUES, read_image, run
from segcore.charts import Table
from segcore.metrics import average_precision, reference_instances, scored_instances
from segcore.render import segment_colors
from segcore.result import Segment, Segmentation
from segcore.samples import get_sample
from tests.pages.conftest import take_apart

INSTANCE = "pages/instance.py"
STREET = {"sample": "street", "street.size": "128"}
FEW = {"nms": "0.1"}  # the greedy suppression leaves few things


@pytest.fixture
def rcnn(visit, finders):
    """`rcnn(**link)` on the instance page with random weights, on a small street."""
    return lambda **link: visit(INSTANCE, **(STREET | FEW | link))


def shown(seen):
    """The run that the page shows. Another one could differ in the last digit of a score."""
    key, digest, side, settings = seen.state["last"]
    name = run_name(TECHNIQUES[key], SimpleNamespace(digest=digest, side=side), settings)
    return cache.runs.get(name, lambda: pytest.fail("This is not what the page has run."))


def texts(seen):
    return "\n".join(part.value for part in (*seen.page.markdown, *seen.page.main.caption))


def labels_of(header):
    """The label map that the component of things was given."""
    packed = header["labels"]
    file = next(file["file"] for file in header["files"] if file["digest"] == packed["digest"])
    labels = np.frombuffer(zlib.decompress(file), f"<u{packed['bytes']}")
    return labels.reshape(packed["height"], packed["width"])


def panes(seen, key):
    """The captions and digests of a picture component's panes."""
    return [(pane["caption"], pane["digest"]) for pane in seen.given(key)["panes"]]


def legend(seen):
    return next(part.value for part in seen.page.main.get("html") if "seg-legend" in part.value)


# Things -------------------------------------------------------------------------------------------


def test_things_of_one_class_are_one_entry_of_the_legend_and_rows_of_a_table(rcnn):
    seen = rcnn().open_tab("Things")
    assert seen.sentences == []
    result = shown(seen).segmentation
    count = len(result.segments)
    assert count > 1
    assert f"Sign × {count} <b>" in legend(seen)
    header = seen.given("things")
    rows = header["rows"]
    assert [row["label"] for row in rows] == [s.label for s in result.segments]
    assert {row["name"] for row in rows} == {"Sign"}
    assert [row["score"] for row in rows] == [s.score for s in result.segments]
    assert [row["area"] for row in rows] == [
        (result.labels == s.label).sum() for s in result.segments
    ]
    assert rows[0]["box"] == [round(edge) for edge in result.segments[0].box]
    assert np.array_equal(labels_of(header), np.maximum(result.labels, 0))
    for row in rows:
        x, y, away = row["middle"]
        assert result.labels[y, x] == row["label"]
        assert away >= 1


def test_what_was_suppressed_stands_with_what_it_gave_way_to_and_why(rcnn):
    seen = rcnn().open_tab("Things")
    done = shown(seen)
    table = next(step.picture for step in done.steps if isinstance(step.picture, Table))
    drawn = seen.page.dataframe[0].value
    assert drawn.shape == (len(table.rows), 5)
    assert len(table.rows) > 0
    scores = {s.label: s.score for s in done.segmentation.segments}
    for name, score, winner, winners_score, overlap in table.rows:
        assert name == "Sign"
        assert score <= winners_score
        assert scores.get(winner, winners_score) == winners_score
        assert 0.1 < overlap <= 1


def test_the_things_of_a_technique_without_scores_are_all_there(visit):
    seen = visit(technique="watershed", sample="coins").open_tab("Things")
    rows = seen.given("things")["rows"]
    segments = run("watershed", get_sample("coins").load()).segmentation.segments
    assert [row["name"] for row in rows] == [segment.name for segment in segments]
    assert {row["score"] for row in rows} == {None}


def test_stuff_and_ridge_lines_are_background_of_things():
    labels = np.array([[1, -1, 2, 2], [1, -1, 2, 2], [1, 3, 3, 0]], np.int32)
    segments = (Segment(1, "Road"), Segment(2, "Car", True), Segment(3, "Car", True, 0.5))
    result = Segmentation(labels, segments)
    header = take_apart(pack_things(np.full((3, 4, 3), 9, np.uint8), result))
    assert labels_of(header).tolist() == [[0, 0, 2, 2], [0, 0, 2, 2], [0, 3, 3, 0]]
    assert [(row["label"], row["area"], row["box"]) for row in header["rows"]] == [
        (2, 4, [2, 0, 4, 2]),
        (3, 2, [1, 2, 3, 3]),
    ]
    colors = np.frombuffer(bytes.fromhex(header["colors"]), np.uint8).reshape(-1, 3)
    assert np.array_equal(colors, segment_colors(segments))


def test_a_technique_that_finds_nothing_says_so(rcnn):
    seen = rcnn(score="0.95")
    assert "Nothing was found with these settings." in legend(seen)
    assert "Things" not in [tab.label for tab in seen.page.tabs]


# Scores -------------------------------------------------------------------------------------------


def test_scores_are_those_of_coco_and_of_the_panoptic_paper(rcnn):
    seen = rcnn().open_tab("Scores")
    labels = [metric.label for metric in seen.page.metric]
    assert labels == [
        *("Mask AP50", "Mask AP", "Box AP50", "Box AP"),
        *("Objects found", "PQ", "SQ", "RQ"),
    ]
    scene, result = get_sample("street").draw(size=128), shown(seen).segmentation
    expected = average_precision([scored_instances(result)], [reference_instances(scene.separate)])
    values = dict(zip(labels, [metric.value for metric in seen.page.metric], strict=True))
    assert values["Mask AP50"] == f"{expected.ap50:.3f}"
    assert [caption for caption, _ in panes(seen, "viewer.truth")] == [
        *("Ground truth", "Result", "Right and wrong objects")
    ]
    pairs = seen.page.dataframe[0].value["Verdict"].value_counts()
    assert pairs.get("right", 0) + pairs["missed"] == len(scene.things)
    assert pairs.get("right", 0) + pairs["invented"] == len(result.segments)


def test_of_one_wanted_class_no_other_is_missed(rcnn):
    seen = rcnn(classes="Car", score="0.05").open_tab("Scores")
    cars = [t for t in get_sample("street").draw(size=128).things if t.name == "Car"]
    table = seen.page.dataframe[0].value
    assert set(table["Class"]) == {"Car"}
    assert (table["Verdict"] != "invented").sum() == len(cars)


# What an upload shows -----------------------------------------------------------------------------


def test_an_upload_is_asked_what_it_shows_before_any_network_is(rcnn, finders, png):
    seen = rcnn()
    assert finders == ["mask_rcnn_street"]
    seen.upload(("mine.png", png))
    (sentence,) = seen.sentences
    assert sentence.startswith("Say what the picture shows.")
    assert [pane["caption"] for pane in seen.viewer["panes"]] == ["Image"]
    assert finders == ["mask_rcnn_street"]
    ask(seen, "animals")
    assert finders[1:] == ["mask_rcnn_pets"]
    assert seen.state["mask_rcnn.weights"] == "pets"
    assert seen.sentences == []
    seen.change("mask_rcnn.weights", "nuclei")  # that is an answer as well
    assert seen.state[question(seen)] == "cells"
    assert finders[2:] == ["mask_rcnn_nuclei"]


def question(seen):
    return f"subject.{seen.state['upload']}.widget"


def ask(seen, shows):
    return seen.change(question(seen), shows)


def test_where_no_weights_fit_a_classical_answer_stands_and_says_so(rcnn, png):
    seen = ask(rcnn().upload(("mine.png", png)), "other")
    image = read_image(png)
    expected = run(
        "watershed",
        image,
        objects="bright" if things_are_bright(image) else "dark",
        threshold="otsu",
        landscape="distance",
        h=2.0,
        min_area=SMALLEST,
    ).segmentation
    (sentence,) = seen.sentences
    assert "none of ours has learned what it shows" in sentence
    assert "**Watershed**, a classical technique" in sentence
    assert f"into {len(expected.segments)} objects" in sentence
    assert f"{len(expected.segments)} segment" in legend(seen)
    assert "Model card" not in [tab.label for tab in seen.page.tabs]
    seen.open_tab("Script")
    assert "watershed" in seen.page.code[0].value


def test_a_sample_is_never_asked(rcnn, png):
    seen = rcnn().upload(("mine.png", png)).change("source", "Samples")
    assert seen.sentences == []
    assert not any(key.startswith("subject.") for key in seen.drawn)


# Without a network --------------------------------------------------------------------------------


def test_the_same_picture_without_a_network(rcnn):
    seen = rcnn(sample="coins", weights="nuclei", side="512").open_tab("Without a network")
    image = get_sample("coins").load()
    watershed = len(run("watershed", image).segmentation.segments)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    level, _ = cv2.threshold(gray, 0, 255, cv2.THRESH_OTSU)
    parts, _ = ndimage.label(gray > level, np.ones((3, 3)))
    components = (np.bincount(parts.ravel())[1:] >= SMALLEST).sum()
    captions = [caption for caption, _ in panes(seen, "viewer.without")]
    assert captions[1:] == [f"Watershed: {watershed}", f"Connected parts: {components}"]
    assert captions[0].startswith("Mask R-CNN: ")
    assert f"{watershed} things" in texts(seen)
    seen.press("without.cells").open_tab("Without a network")
    assert "The scene has" in texts(seen)


@pytest.mark.parametrize("seed", [4_000_003, 7, 8])
def test_the_side_of_the_things_is_the_one_that_is_not_on_the_rim(seed):
    scene = get_sample("cells").draw(seed=seed)
    gray = cv2.cvtColor(scene.image, cv2.COLOR_RGB2GRAY)
    true = gray[scene.instances > 0].mean() > gray[scene.instances == 0].mean()
    assert things_are_bright(scene.image) == true
