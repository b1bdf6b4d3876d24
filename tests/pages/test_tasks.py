"""The page of the three tasks: what each answers about one picture, and what it cannot tell."""

import json
import re

import numpy as np
import pytest

from pages.ui import cache
from pages.ui.subject import OF_SAMPLE
from pages.ui.tasks import answers, facts
from pages.ui.tasks.panels import box_colors
from pages.ui.tasks.subjects import SUBJECTS, base_name
from segcore import TASKS, TECHNIQUES, weights
from segcore.networks.network import Network
from segcore.render import CLASS_COLORS
from segcore.result import Classification, Detections, Segment, Segmentation
from segcore.samples import SAMPLES, get_sample

TASKS_PAGE = "pages/tasks.py"
THINGS = ("Sign", "Car", "Pedestrian", "Bicyclist")


@pytest.fixture(scope="session")
def _random_tasks(tmp_path_factory):
    """A folder with random weights of a classifier and a detector of streets."""
    import hashlib

    import torch

    from segcore.scenes.street import NAMES as STREET

    folder = tmp_path_factory.mktemp("tasks")
    for key, names in (("pooled_cnn", STREET), ("faster_rcnn", THINGS)):
        torch.manual_seed(2)
        module = TASKS[key].network.build(len(names)).eval()
        name = TASKS[key].weights_name("street")
        file = weights.to_file(Network(module, names, 128))
        (folder / f"{name}.safetensors").write_bytes(file)
        card = {"sha256": hashlib.sha256(file).hexdigest()}
        (folder / f"{name}.json").write_text(json.dumps(card))
    return folder


@pytest.fixture(scope="session")
def _kept():
    """Networks and runs of the random weights, for all tests together."""
    return cache.Cache(cache.NETWORKS_MB), cache.Cache(cache.RUNS_MB)


@pytest.fixture
def random_tasks(_random_tasks, _kept, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", _random_tasks)
    monkeypatch.setattr(weights, "DIGESTS", weights.read_digests())
    monkeypatch.setattr(cache, "networks", _kept[0])
    monkeypatch.setattr(cache, "runs", _kept[1])


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setattr(cache, "networks", cache.Cache(1))
    monkeypatch.setattr(cache, "runs", cache.Cache(cache.RUNS_MB))


def texts(seen):
    return "\n".join(part.value for part in (*seen.page.main.markdown, *seen.page.main.caption))


def bars(seen):
    return [h.value for h in seen.page.main.get("html") if "seg-bars" in h.value]


# The page -----------------------------------------------------------------------------------------


def test_a_street_is_answered_three_times(visit, random_tasks):
    seen = visit(TASKS_PAGE, **{"street.size": "128"})
    assert seen.state["subject.street.widget"] == "street"
    (bar,) = bars(seen)
    assert set(re.findall(r">([A-Z][a-z]+)<", bar)) == set(CLASS_COLORS)
    said = texts(seen)
    scene = get_sample("street").draw(size=128)
    cars = sum(thing.name == "Car" for thing in scene.things)
    assert f"the truth is known: **{cars}** cars" in said
    assert said.count("How many cars?") == said.count("How much of the picture is road?") == 3
    assert "11 probabilities" in said
    assert said.count("M parameters") == 3
    assert seen.sentences == []


def test_below_the_boxes_stands_how_many_there_are_of_each_class(visit, random_tasks, monkeypatch):
    names = ("Sign", "Car", "Car")
    boxes = np.array([[0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]], np.float32)
    found = Detections(boxes, names, np.array([0.9, 0.8, 0.7], np.float32))
    monkeypatch.setattr(answers, "detect", lambda *_, **__: found)
    seen = visit(TASKS_PAGE, **{"street.size": "128", "street.seed": "77"})
    keys = [h.value for h in seen.page.main.get("html") if "seg-legend" in h.value]
    assert len(keys) == 1
    assert re.findall(r"(\w+) <b>(\d+)</b>", keys[0]) == [("Car", "2"), ("Sign", "1")]


def test_a_way_without_weights_says_so_and_the_others_stay(visit, random_tasks):
    seen = visit(TASKS_PAGE, **{"street.size": "128"})
    ways = [way.key for way in SUBJECTS["street"].at_hand]
    assert ways[seen.state["tasks.way.street"]] == "mask_rcnn"  # the only one whose weights exist
    seen.change("tasks.way.street", ways.index("unet"))
    assert len(seen.sentences) == 1
    assert "unet_street.safetensors is missing" in seen.sentences[0]
    assert len(bars(seen)) == 1
    assert seen.link["way"] == str(ways.index("unet") + 1)


def test_the_link_holds_the_picture_and_the_answers(visit, random_tasks):
    link = {"sample": "street", "street.size": "128", "shows": "street"}
    seen = visit(TASKS_PAGE, **link)
    assert seen.link == link | {"way": "2"}  # the first one whose weights are there
    wrong = visit(TASKS_PAGE, **link | {"shows": "nothing", "colour": "red"})
    assert any("shows must be one of street" in sentence for sentence in wrong.sentences)
    assert any("colour" in sentence for sentence in wrong.sentences)
    alone = visit(TASKS_PAGE, sample="street", detection="ssdlite320_mobilenet_v3_large")
    assert any("detection must come with shows, one of str" in text for text in alone.sentences)


def test_steps_and_articles_are_behind_their_tabs(visit, random_tasks):
    seen = visit(TASKS_PAGE, **{"street.size": "128"})
    assert "**Answers with**" in texts(seen)
    seen.put(**{"tasks.tabs": "Steps of the classifier"})
    assert any("Class activation maps" in step for step in seen.steps)
    seen.put(**{"tasks.tabs": "How the detector works"})
    assert "region proposal network" in texts(seen)


@pytest.mark.parametrize("sample", ["chelsea", "cells"])
def test_without_weights_it_says_so_and_shows_nothing_made_up(visit, no_weights, sample):
    seen = visit(TASKS_PAGE, sample=sample, side="512")
    assert bars(seen) == []
    assert len(seen.sentences) == 3
    missing = [sentence for sentence in seen.sentences if "is missing" in sentence]
    assert len(missing) == (3 if sample == "chelsea" else 2)
    assert "How many" not in texts(seen)


def test_what_no_network_knows_gets_a_classical_answer(visit, no_weights):
    seen = visit(TASKS_PAGE, sample="coins", side="512")
    assert seen.state["subject.coins.widget"] == "other"
    assert len(seen.sentences) == 2
    assert all(s.startswith("No network of ours knows") for s in seen.sentences)
    said = texts(seen)
    assert "nothing learned" in said
    assert "segments; whether each is a thing is yours to say" in said
    seen.change("tasks.way.other", 1)
    assert seen.link["way"] == "2"


def test_of_an_own_image_the_person_is_asked(visit, no_weights, png):
    seen = visit(TASKS_PAGE).upload(("mine.png", png))
    assert any(s.startswith("Say what the picture shows") for s in seen.sentences)
    seen.change(f"subject.{seen.state['upload']}.widget", "other")
    assert all(s.startswith("No network of ours knows") for s in seen.sentences)


# Subjects -----------------------------------------------------------------------------------------


def test_every_subject_can_be_asked():
    assert set(OF_SAMPLE) <= SAMPLES.keys()
    assert set(OF_SAMPLE.values()) | {"other"} == set(SUBJECTS)
    for subject in SUBJECTS.values():
        assert subject.at_hand
        for way in subject.at_hand:
            TECHNIQUES[way.key].complete(way.settings)
        for task in TASKS.values():
            chosen = next(s for s in task.settings if s.name == "weights").options
            assert subject.weights in chosen or task.category in subject.missing


# What can be said ---------------------------------------------------------------------------------

STREET = SUBJECTS["street"]
WAYS = {way.key: way for way in STREET.at_hand}


def test_classes_cannot_count_and_boxes_can():
    classes = Classification(("Sky", "Car"), np.array([0.2, 0.97], np.float32))
    assert "Car 97% is the same for one and for twenty" in facts.count_by_classes(classes, STREET)
    boxes = np.array([[0, 0, 4, 4], [2, 2, 9, 9], [1, 1, 2, 2]], np.float32)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    found = Detections(boxes, ("Car", "Car", "Sign"), scores)
    assert "**2**" in facts.count_by_boxes(found, STREET)
    assert facts.size_of_boxes(found) == "63 bytes: 3 boxes of 21"
    assert facts.size_of_classes(classes) == "8 bytes: 2 probabilities"
    assert "cannot be counted" in facts.share_by_boxes(found, STREET, (10, 10))


def test_boxes_of_animals_cover_too_much():
    found = Detections(
        np.array([[0, 0, 5, 10], [-3, 0, 5, 4]], np.float32),
        ("Cat", "Dog"),
        np.array([0.9, 0.8], np.float32),
    )
    assert "cover 50.0%" in facts.share_by_boxes(found, SUBJECTS["animals"], (10, 10))


def test_classes_of_pixels_measure_and_only_objects_are_counted():
    labels = np.zeros((10, 10), np.int32)
    labels[:3], labels[5, :4] = 1, 2
    semantic = Segmentation(labels.copy(), (Segment(1, "Road"), Segment(2, "Car")))
    way = WAYS["unet"]
    assert "one and the same class" in facts.count_by_labels(semantic, way, STREET)
    assert "**30.0%**" in facts.share_by_labels(semantic, STREET)
    things = (Segment(1, "Car", True), Segment(2, "Car", True))
    instances = Segmentation(labels.copy(), things)
    assert "**2**, one segment each" in facts.count_by_labels(instances, way, STREET)
    assert "left out as background" in facts.share_by_labels(instances, STREET)
    nuclei = Segmentation(labels.copy(), (Segment(1, "Nucleus 1", True),))
    assert "**30.0%**" in facts.share_by_labels(nuclei, SUBJECTS["cells"])
    assert facts.size_of_labels(semantic).startswith("100 bytes: 1 a pixel · as PNG ")


def test_the_truth_is_said_only_of_what_was_drawn():
    scene = get_sample("street").draw(size=128)
    share = (scene.labels == scene.names.index("Road") + 1).mean()
    assert f"road on **{share:.1%}**" in facts.truth(scene, STREET)
    assert facts.truth(scene, SUBJECTS["cells"]) is None
    assert base_name("Nucleus 12") == "Nucleus"


def test_a_class_has_its_own_colour_or_one_of_the_palette():
    colors = box_colors(("Car", "Cat", "Car"))
    assert colors[0] == colors[2] == CLASS_COLORS["Car"] != colors[1]
