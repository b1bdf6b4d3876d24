"""The comparison page: places, links, lessons, runs that fail or are cancelled, scores, batch."""

import csv
import io
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from pages.ui import cache
from pages.ui.comparison import batch, entries, running
from pages.ui.comparison.lessons import FIRST, lessons
from pages.ui.comparison.measures import SCORES
from segcore import TECHNIQUES, run
from segcore.metrics import best_matching, boundary_f1
from segcore.samples import get_sample
from segcore.technique import ignore

PAGE = "pages/comparison.py"
SMALL = {"sample": "cells", "cells.size": "128", "1": "thresholding", "2": "watershed"}


@pytest.fixture
def compare(visit):
    """`compare(**link)` opens the comparison of two quick techniques on a small scene."""

    def start(link=None, **more):
        return visit(PAGE, **(SMALL if link is None else link), **more)

    return start


def panels(seen, key="compare.panels"):
    """What the panel component was given: header, and the labels of every panel."""
    blob = next(e.proto for e in seen.page if getattr(e, "key", None) == key).bytes
    length = struct.unpack("<I", blob[:4])[0]
    header = json.loads(blob[4 : 4 + length])
    files, start = {}, 4 + length
    for file in header["files"]:
        files[file["digest"]] = blob[start : start + file["length"]]
        start += file["length"]
    for panel in header["panels"]:
        if "labels" in panel:
            told = panel["labels"]
            kind = {1: np.uint8, 2: "<u2", 4: "<u4"}[told["bytes"]]
            flat = np.frombuffer(zlib.decompress(files[told["digest"]]), kind)
            panel["map"] = flat.reshape(told["height"], told["width"])
    return header


def titles(seen):
    return [panel["title"] for panel in panels(seen)["panels"]]


def open_tab(seen, title):
    return seen.put(**{"compare.tabs": title})


def address(seen):
    """What stands behind the question mark, whether it was given or written."""
    return {n: v[0] if isinstance(v, list) else v for n, v in seen.link.items()}


def places(seen):
    return seen.state["compare.places"]


# The grid -----------------------------------------------------------------------------------------


def test_a_first_visit_shows_the_first_lesson_done(visit):
    seen = visit(PAGE, sample="cells", **{"cells.size": "128"})
    assert seen.sentences == []
    assert [key for _, key in places(seen)] == [key for key, _ in FIRST.wanted]
    assert titles(seen)[-1] == "Ground truth"
    assert all("map" in panel for panel in panels(seen)["panels"])
    assert address(seen)["1.inverted"] == "true"
    assert any(FIRST.question in caption.value for caption in seen.page.caption)


def test_panels_hold_the_labels_that_the_techniques_give(compare):
    seen = compare(**{"1.inverted": "true"})
    image = get_sample("cells").draw(size=128).image
    shown = panels(seen)["panels"]
    for panel, key, settings in zip(
        shown, ("thresholding", "watershed"), ({"inverted": True}, {}), strict=False
    ):
        labels = run(key, image, show=ignore, **settings).segmentation.labels
        assert np.array_equal(panel["map"], labels)
    assert np.array_equal(shown[2]["map"], get_sample("cells").draw(size=128).instances)


def test_the_link_restores_places_settings_view_and_reference(compare):
    link = SMALL | {
        "1.method": "fixed",
        "1.level": "90",
        "2": "thresholding",
        "3": "kmeans",
        "3.n_clusters": "3",
        "view": "outlines",
        "reference": "2",
        "cells.seed": "7",
    }
    seen = compare(link)
    assert seen.sentences == []
    header = panels(seen)
    assert (header["view"], header["pinned"]) == ("outlines", "2")
    assert "Level: 90" in header["panels"][0]["note"]
    assert len(header["panels"][2]["names"]) == 4
    assert address(seen) == link


def test_what_is_wrong_in_a_link_is_said_and_the_rest_is_taken(compare):
    seen = compare(**{"1.level": "900", "3": "magic", "reference": "7", "view": "upside", "x": "1"})
    said = " ".join(seen.sentences)
    assert titles(seen) == ["1 · Thresholding", "2 · Watershed", "Ground truth"]
    for word in ("level must be", "magic", "view must be", "more places"):
        assert word in said


def test_one_technique_alone_is_no_comparison(visit):
    seen = visit(PAGE, **{"sample": "cells", "cells.size": "128", "1": "kmeans"})
    assert "one alone" in seen.sentences[0]
    assert len(places(seen)) == len(FIRST.wanted)


def test_the_same_technique_stands_twice_with_other_settings(compare):
    seen = compare().put(**{"compare.open.1": True})
    seen.press("compare.1.thresholding.Duplicate").change("compare.1.thresholding.inverted", True)
    first, _, third, _ = panels(seen)["panels"]
    assert first["title"] == "1 · Thresholding"
    assert third["title"] == "3 · Thresholding"
    assert np.array_equal(first["map"], 1 - third["map"])
    assert address(seen)["1.inverted"] == "true"
    assert "3.inverted" not in address(seen)


def test_settings_are_taken_over_from_the_techniques_own_page(compare, visit):
    seen = visit(technique="thresholding", sample="cells", **{"cells.size": "128", "level": "33"})
    seen.put(**{"thresholding.method": "fixed", "thresholding.level": 33})
    seen.go(PAGE, **SMALL).press("compare.add.thresholding")
    assert "Level: 33" in panels(seen)["panels"][2]["note"]
    assert address(seen)["3.level"] == "33"


def test_places_end_at_nine_and_at_two(compare):
    seen = compare(**{str(n): "thresholding" for n in range(3, 10)})
    assert seen.page.button(key="compare.add.kmeans").disabled is False
    seen.press("compare.add.kmeans")
    assert len(places(seen)) == entries.MOST
    seen = compare().put(**{"compare.open.2": True})
    assert seen.page.button(key="compare.2.watershed.Remove").disabled
    seen.press("compare.add.thresholding").press("compare.2.watershed.Remove")
    assert titles(seen) == ["1 · Thresholding", "2 · Thresholding", "Ground truth"]


def test_settings_outlive_menus_that_are_closed(compare):
    seen = compare().put(**{"compare.open.1": True})
    seen.change("compare.1.thresholding.inverted", True)
    seen.put(**{"compare.open.1": False}).run()
    assert panels(seen)["panels"][0]["note"].endswith("Inverted: on")


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.title)
def test_every_lesson_has_techniques_and_settings_that_exist(lesson):
    assert 2 <= len(lesson.wanted) <= entries.MOST
    assert get_sample(lesson.sample)
    for key, settings in lesson.wanted:
        assert TECHNIQUES[key].complete(settings)


def test_a_lesson_puts_up_its_grid(compare):
    lesson = next(lesson for lesson in lessons() if lesson.title == "All thresholds")
    seen = compare().press("compare.lesson.All thresholds")
    assert seen.state["sample"] == lesson.sample
    assert len(panels(seen)["panels"]) == len(lesson.wanted)
    assert "Ground truth" not in titles(seen)


def test_the_slider_sets_one_against_another(compare):
    seen = compare(view="slider")
    assert "compare.viewer" in seen.drawn
    seen.change("compare.slider.left", "1").change("compare.slider.right", "truth")
    assert seen.sentences == []


# Runs ---------------------------------------------------------------------------------------------


def test_a_refused_run_says_why_in_its_place_and_the_others_stand(compare):
    link = SMALL | {"2": "region_growing", "2.seeds": "5-5"}
    seen = compare(link).put(**{"compare.2.region_growing.seeds": ((9000, 5),)})
    first, second, _ = panels(seen)["panels"]
    assert "map" in first
    assert "points inside the image" in second["sentence"]
    assert not second["busy"]


def test_results_that_no_cache_can_hold_end_in_a_sentence(compare, monkeypatch):
    monkeypatch.setattr(cache, "runs", cache.Cache(0))
    seen = compare()
    assert all("no room" in panel["sentence"] for panel in panels(seen)["panels"][:2])


def test_what_was_cancelled_waits_until_it_is_asked_for(compare, monkeypatch):
    monkeypatch.setattr(cache, "runs", cache.Cache(cache.RUNS_MB))
    monkeypatch.setattr(running, "is_cancelled", lambda _: True)
    seen = compare(**{"cells.seed": "11"})
    assert [p["sentence"] for p in panels(seen)["panels"][:2]] == ["Cancelled", "Cancelled"]
    assert any(button.label == "Run the other 2" for button in seen.page.button)
    monkeypatch.undo()
    assert all("map" in panel for panel in panels(seen.run())["panels"])


def test_an_outcome_is_as_small_as_its_labels_and_as_true():
    image = get_sample("cells").draw(size=128).image
    done = run("watershed", image)
    small = running.shrunk(done)
    assert small.labels.dtype == np.uint8
    assert np.array_equal(small.segmentation.labels, done.segmentation.labels)
    assert small.segmentation.labels.dtype == np.int32
    assert not small.labels.flags.writeable


def test_quick_ones_come_first_and_networks_last(compare):
    compare()
    seen = compare(**{"3": "kmeans"})
    jobs = [
        running.Job(TECHNIQUES[key], TECHNIQUES[key].complete({}), None)
        for key in ("unet", "kmeans", "thresholding")
    ]
    ordered = [job.technique.key for job in sorted(jobs, key=running._expected)]
    assert ordered == ["thresholding", "kmeans", "unet"]
    assert seen.sentences == []


# Scores -------------------------------------------------------------------------------------------


def test_the_table_holds_every_score_and_each_is_explained(compare):
    seen = compare()
    table = seen.page.dataframe[0].value
    assert list(table.columns[4:]) == [score.title for score in SCORES.values()]
    scene = get_sample("cells").draw(size=128)
    labels = run("watershed", scene.image, show=ignore).segmentation.labels
    row = table[table["Technique"] == "2 · Watershed"].iloc[0]
    assert row["Mean IoU"] == pytest.approx(best_matching(labels, scene.instances).mean_iou)
    assert row["Boundary F1"] == pytest.approx(boundary_f1(labels, scene.instances))
    text = " ".join(part.value for part in (*seen.page.markdown, *seen.page.main.caption))
    for score in SCORES.values():
        assert score.rewards in text
        assert score.paper in text
    assert "Two empty masks score 1" in text
    assert "By best match" in text


def test_scores_follow_what_one_looks_at(compare):
    seen = compare()
    before = seen.page.dataframe[0].value
    after = seen.change("compare.part", "All of it").page.dataframe[0].value
    assert list(after["IoU"]) == list(after["Mean IoU"]) != list(before["IoU"])
    assert list(after["PQ"]) == list(before["PQ"])


def test_without_a_truth_there_is_agreement(compare):
    link = {"sample": "coins", "side": "512", "1": "thresholding", "2": "thresholding"}
    seen = compare(link, **{"3": "canny_edges"})
    assert "Nobody has said what is right" in seen.sentences[0]
    open_tab(seen, "Agreement")
    assert seen.page.metric[0].value == "1 · Thresholding"


def test_a_label_map_of_ones_own_is_scored_or_refused_in_a_sentence(compare, png):
    seen = compare().upload(("blobs.png", png))
    assert len(panels(seen)["panels"]) == 2
    right = cv2.imencode(".png", np.tile(np.uint8([[1], [2]]), (20, 60)))[1].tobytes()
    for data, sentence in ((png[:100], "damaged"), (png, "colour picture"), (right, None)):
        uploader = next(f for f in seen.page.file_uploader if f.label == "Label map")
        uploader.set_value([("labels.png", data, "image/png")])
        seen.run()
        if sentence is not None:
            assert sentence in seen.sentences[0]
            assert len(panels(seen)["panels"]) == 2
    assert len(panels(seen)["panels"]) == 3
    assert len(seen.page.dataframe[0].value) == 2
    seen.press("compare.truth.remove")
    assert len(panels(seen)["panels"]) == 2


# A sweep, a report, a batch -----------------------------------------------------------------------


def test_a_sweep_shows_every_option_and_fills_the_grid_if_asked(compare):
    seen = open_tab(compare(), "One setting swept")
    options = TECHNIQUES["thresholding"].settings[0].options
    swept = panels(seen, "compare.sweep")["panels"]
    assert len(swept) == len(options)
    assert all("map" in panel for panel in swept)
    seen.press("compare.sweep.take")
    assert len(places(seen)) == len(options)


def test_the_report_is_offered_with_all_scores_made(compare):
    seen = open_tab(compare(), "Report")
    assert "compare.report" in seen.drawn
    assert seen.sentences == []


@dataclass
class File:
    name: str
    data: bytes

    def getvalue(self):
        return self.data


def labels_file(labels):
    return cv2.imencode(".png", labels.astype(np.uint8))[1].tobytes()


def test_a_batch_is_a_zip_of_labels_and_a_table(png):
    true = np.zeros((40, 60), np.uint8)
    true[:20] = 1
    given = batch.pair_up(
        [File("../a b.png", png), File("=1.png", png), File("text.png", b"no image")],
        [File("=1_labels.png", labels_file(true))],
    )
    jobs = [
        (TECHNIQUES[key], TECHNIQUES[key].complete(settings))
        for key, settings in (
            ("thresholding", {}),
            ("region_growing", {"seeds": ((900, 900),)}),
        )
    ]
    told = []
    with zipfile.ZipFile(io.BytesIO(batch.run_batch(given, jobs, told.append, print))) as archive:
        names = archive.namelist()
        rows = list(csv.DictReader(io.StringIO(archive.read("results.csv").decode())))
        found = cv2.imdecode(np.frombuffer(archive.read(names[0]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert names == ["01-_a_b/1-thresholding.png", "02-_1/1-thresholding.png", "results.csv"]
    assert found.dtype == np.uint16
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
    labels = run("thresholding", image, show=ignore).segmentation.labels
    assert np.array_equal(found, labels)
    first, outside, second, _, broken = rows
    assert (first["segments"], first["iou"], first["error"]) == ("1", "", "")
    assert "points inside the image" in outside["error"]
    expected = best_matching(labels, true).mean_iou
    assert float(second["mean_iou"]) == pytest.approx(expected, abs=1e-6)
    assert "not an image" in broken["error"]
    assert told == sorted(told)
    assert told[-1] == pytest.approx(4 / 6)


def test_a_batch_runs_when_it_is_asked_for(compare, png):
    seen = open_tab(compare(), "Batch")
    assert "compare.batch.run" not in seen.drawn
    seen.page.file_uploader(key="compare.batch.images").set_value([("a.png", png, "image/png")])
    seen.run().press("compare.batch.run")
    assert "compare.batch.zip" in seen.drawn
    assert len(seen.page.dataframe[0].value) == 2
