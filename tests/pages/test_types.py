"""The three types side by side: whose question each answers, and what it leaves open."""

import re

import numpy as np
import pytest

from pages.ui.types import KINDS, TYPES
from segcore.catalog import get_technique
from segcore.samples import get_sample

PAGE = "pages/types.py"


@pytest.fixture
def types(visit, finders):
    """`types(**link)` on the page with random weights, on a small street."""
    return lambda **link: visit(PAGE, **(link or {"sample": "street", "street.size": "128"}))


def captions(seen):
    header = seen.given("viewer.types")
    return [pane["caption"] for pane in header["panes"]] if header else []


def texts(seen):
    return [part.value for part in seen.page.main.markdown]


def test_one_image_three_questions_three_answers(types, finders):
    seen = types()
    assert seen.sentences == []
    assert captions(seen) == [
        "Semantic: Which pixels are car?",
        "Instance: Which car?",
        "Panoptic: What is every pixel, and which one?",
    ]
    assert sorted(finders) == ["mask_rcnn_street", "unet_street"]
    semantic, instance, panoptic = (
        next(text for text in texts(seen) if words in text)
        for words in ("it cannot say", "gets no answer", "is void")
    )
    assert re.match(r"[\d.]+% of the picture is car; \d+ classes in all", semantic)
    things = int(re.match(r"0 cars and (\d+) other things?, each", instance)[1])
    assert things > 0
    assert re.match(r"\d+ kinds? of stuff and \d+ things?, 0 cars among them", panoptic)
    assert any("**Definition**" in text and "**Applications**" in text for text in texts(seen))
    assert seen.link == {"sample": "street", "street.size": "128"}


def test_cells_have_two_types_and_the_third_is_said_to_be_missing(types):
    seen = types(**{"sample": "cells", "cells.size": "128"})
    assert captions(seen) == ["Semantic: Which pixels are nucleus?", "Instance: Which nucleus?"]
    assert seen.sentences == [
        "No panoptic weights of ours know this kind of picture: take a street."
    ]


def test_of_another_picture_it_is_asked_first(types, finders, png):
    seen = types(sample="coins")
    assert seen.sentences[0].startswith("None of our networks knows such a picture.")
    assert captions(seen) == finders == []
    seen.upload(("mine.png", png))
    assert seen.sentences[0].startswith("Say what the picture shows")
    assert captions(seen) == finders == []
    seen.change(f"subject.{seen.state['upload']}.widget", "cells")
    assert len(captions(seen)) == 2
    assert len(finders) == 2


def test_what_is_said_on_one_page_holds_on_the_others(types, finders, png):
    seen = types().upload(("mine.png", png))
    seen.change(f"subject.{seen.state['upload']}.widget", "cells").go("pages/instance.py")
    assert "mask_rcnn_nuclei" in finders
    assert seen.state["mask_rcnn.weights"] == "nuclei"
    seen.go("pages/tasks.py")
    assert not any(s.startswith("Say what the picture shows") for s in seen.sentences)


def test_a_link_says_what_another_sample_shows(types):
    seen = types(sample="coins", shows="cells")
    assert len(captions(seen)) == 2
    assert seen.link == {"sample": "coins", "shows": "cells"}
    seen = types(sample="coins", shows="dragons")
    assert seen.sentences[0].startswith("In the link, shows must be one of street, animals, cells")


def test_a_network_whose_weights_are_missing_leaves_the_others(types, finders):
    seen = types(sample="chelsea", side="512")
    assert len(seen.sentences) == 2
    assert any("unet_pets.safetensors is missing" in sentence for sentence in seen.sentences)
    assert captions(seen) == ["Instance: Which animal?"]


def test_every_way_is_a_technique_of_its_type_with_settings_that_it_has():
    for kind in KINDS.values():
        for name, (key, settings) in kind.ways.items():
            technique = get_technique(key)
            assert technique.category == name
            assert technique.complete(settings)["weights"] == settings["weights"]
        assert list(kind.questions) == list(TYPES)


def test_a_panoptic_truth_is_made_of_stuff_and_things():
    scene = get_sample("street").draw(size=256)
    truth = scene.panoptic
    things = [segment for segment in truth.segments if segment.is_thing]
    assert [thing.name for thing in things] == [thing.name for thing in scene.things]
    assert {s.name for s in truth.segments if not s.is_thing}.isdisjoint(t.name for t in things)
    assert sorted(np.unique(truth.labels[truth.labels > 0])) == sorted(
        s.label for s in truth.segments
    )
