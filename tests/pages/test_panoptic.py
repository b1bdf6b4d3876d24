"""The panoptic page: stuff and things at once, their scores, and pictures that it does not know."""

import re

import numpy as np
import pytest

from pages.ui.score_views import HIT, INVENTED, MISSED, THREE_COLORS, paint_match
from segcore import weights
from segcore.metrics import match_segments
from segcore.result import Segment, Segmentation

PANOPTIC = "pages/panoptic.py"


@pytest.fixture
def page(visit, finders):
    """`page(**link)` on the panoptic page with random weights, on a small street.

    Networks that learned nothing agree on nothing, so that agreement is not asked for.
    """
    start = {"sample": "street", "street.size": "128", "agreement": "0.0"}
    return lambda **link: visit(PANOPTIC, **(start | link))


def tabs(seen):
    return [tab.label for tab in seen.page.tabs]


def legend(seen):
    html = next(part.value for part in seen.page.main.get("html") if "seg-legend" in part.value)
    return re.findall(r"</i>([\w ×]+) <b>", html)


def test_stuff_and_things_are_scored_apart_and_together(page):
    seen = page().open_tab("Scores")
    assert seen.sentences == []
    values = {metric.label: metric.value for metric in seen.page.metric}
    assert list(values) == ["PQ", "SQ", "RQ", "PQ of things", "PQ of stuff"]
    classes, pairs = (frame.value for frame in seen.page.dataframe)
    kinds = {"PQ of things": "thing", "PQ of stuff": "stuff"}
    for label, kind in kinds.items():
        assert values[label] == f"{classes[classes['Kind'] == kind]['PQ'].mean():.3f}"
    assert values["PQ"] == f"{classes['PQ'].mean():.3f}"
    np.testing.assert_allclose(classes["PQ"], classes["SQ"] * classes["RQ"])
    verdicts = pairs["Verdict"].value_counts()
    for verdict, column in (("right", "Right"), ("missed", "Missed"), ("invented", "Invented")):
        assert verdicts.get(verdict, 0) == classes[column].sum()
    assert (pairs[pairs["Verdict"] == "right"]["IoU"] > 0.5).all()


def test_the_legend_has_stuff_by_class_and_things_with_their_count(page):
    seen = page().open_tab("Things")
    table = seen.page.dataframe[0].value
    assert table["No."].min() > 11  # behind the classes of stuff
    assert f"Sign × {len(table)}" in legend(seen)
    assert len(set(legend(seen))) == len(legend(seen)) > 1
    assert "Without a network" not in tabs(seen)


def test_the_model_card_has_panoptic_quality_and_names_the_two_networks(page):
    seen = page().open_tab("Model card")
    values = {metric.label: metric.value for metric in seen.page.metric}
    assert values["PQ"] == "0.721"
    shown = "\n".join(text.value for text in seen.page.markdown)
    assert "PQ 0.721" in shown
    parts = [weights.read_card(name) for name in ("unet_street", "mask_rcnn_street")]
    for part in parts:
        for fact in (part["name"], part["sha256"], part["terms"], f"{part['parameters']:,}"):
            assert fact in shown, fact
    assert f"| parameters | {sum(part['parameters'] for part in parts):,} |" in shown


def test_the_script_comes_with_both_files_of_weights(page):
    seen = page().open_tab("Script")
    for name in ("unet_street", "mask_rcnn_street"):
        button = seen.page.download_button(key=f"download.weights.{name}")
        assert button.label == f"Download `{name}`"
    assert seen.sentences == []


def test_the_result_can_be_taken_away_as_coco_panoptic(page, visit):
    assert page().open_tab("Downloads").page.download_button(key="download.panoptic.zip")
    photograph = visit(technique="thresholding", sample="camera").open_tab("Downloads")
    assert "download.panoptic.zip" not in photograph.drawn


def test_only_streets_fit_and_the_page_says_who_knows_the_rest(page, finders, png):
    seen = page().upload(("mine.png", png))
    assert seen.sentences[0].startswith("Say beside the picture")
    question = next(w for w in seen.page.selectbox if w.label == "What does the picture show?")
    question.set_value("animals")
    seen.run()
    (sentence,) = seen.sentences
    assert "none of ours has learned cats and dogs" in sentence
    assert "**Watershed**" in sentence
    links = [link.proto.label for link in seen.page.get("page_link")]
    assert "Mask R-CNN knows cats and dogs" in links
    assert finders == ["unet_street", "mask_rcnn_street"]
    seen.go("pages/instance.py", technique="mask_rcnn", weights="pets")
    assert seen.sentences == []
    assert finders == ["unet_street", "mask_rcnn_street", "mask_rcnn_pets"]


# Right and wrong segments -------------------------------------------------------------------------


def segments(labels, names):
    found = (int(label) for label in np.unique(labels) if label)
    return Segmentation(
        np.asarray(labels, np.int32), tuple(Segment(k, names[k], k > 1) for k in found)
    )


def test_matched_missed_and_invented_are_drawn_apart():
    names = ("", "Road", "Car", "Car")
    truth, result = np.ones((60, 90), np.int32), np.ones((60, 90), np.int32)
    truth[10:30, 10:30], result[10:30, 12:30] = 2, 2  # found
    truth[35:55, 10:30] = 3  # missed: it was called road
    result[10:30, 50:80] = 3  # invented
    result, truth = segments(result, names), segments(truth, names)
    page = paint_match(
        np.zeros((60, 90, 3), np.uint8), result, truth, match_segments(result, truth)
    )
    colors = [np.array(color) * 0.85 for color in THREE_COLORS.values()]
    for place, kind in (((50, 60), HIT), ((20, 20), HIT), ((45, 20), MISSED), ((20, 65), INVENTED)):
        np.testing.assert_allclose(page[place], colors[kind - 1], atol=1)
    assert tuple(page[35, 20]) == THREE_COLORS["missed"]  # outlines are in full colour
    assert tuple(page[10, 65]) == THREE_COLORS["too much"]
