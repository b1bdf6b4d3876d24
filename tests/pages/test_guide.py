"""The guide page: answers move the techniques, each is tried on the image, and links carry both."""

import re
import sys

import pytest
from huggingface_hub import constants

from pages.ui import cache
from segcore import TECHNIQUES, guide, weights
from segcore.guide import SHOWN, cautions, recommend
from tests.segcore.weights.hub_stand_ins import install_hub

GUIDE = "pages/guide.py"
ANSWERS = {"subject": "other", "goal": "foreground", "cue": "brightness", "light": "uneven"}


@pytest.fixture
def seen(visit):
    """`seen(**link)` on the guide, with a small image."""

    def start(**link):
        return visit(GUIDE, **{"sample": "coins", "side": "512"} | link)

    return start


def cards(seen):
    """Titles of the techniques that were tried, in their order."""
    links = seen.page.main.get("page_link")
    labels = [link.proto.label for link in links]
    return [label.strip("*").partition(". ")[2] for label in labels if label.startswith("**")]


def titles(answers):
    return [TECHNIQUES[one.technique].title for one in recommend(answers)[:SHOWN] if one.points]


def test_answers_from_the_link_rank_and_try_the_techniques(seen):
    page = seen(**ANSWERS)
    assert cards(page) == titles(ANSWERS)
    assert page.sentences == []
    assert page.link.items() >= ANSWERS.items()


def test_an_answer_moves_the_techniques(seen):
    page = seen()
    assert cards(page) == titles({})
    page.change("guide.goal", "regions").change("guide.cue", "texture")
    assert cards(page) == titles({"goal": "regions", "cue": "texture"})
    assert cards(page)[0] == "Gabor texture"
    assert page.link["cue"] == "texture"


def test_what_no_rule_speaks_for_is_named_and_not_tried(seen, monkeypatch):
    others = tuple(rule for rule in guide.RULES if rule.technique != "segformer")
    monkeypatch.setattr(guide, "RULES", others)
    page = seen()
    assert cards(page) == ["K-Means", "Felzenszwalb–Huttenlocher graph"]
    labels = [link.proto.label for link in page.page.main.get("page_link")]
    assert any(label.startswith("SegFormer: Used for: ") for label in labels)


def test_questions_that_do_not_matter_are_not_asked(seen):
    page = seen()
    assert "guide.touching" not in page.drawn
    page.change("guide.goal", "objects")
    assert "guide.touching" in page.drawn
    assert "guide.count" not in page.drawn


def test_a_card_leads_to_its_page_with_these_settings(seen):
    page = seen(**ANSWERS)
    first = next(
        link.proto for link in page.page.main.get("page_link") if link.proto.label.startswith("**1")
    )
    assert first.page == "classical"
    for part in ("technique=thresholding", "sample=coins", "side=512", "method=sauvola"):
        assert part in first.query_string


def test_every_trial_is_made_once(seen, monkeypatch):
    runs = cache.Cache(cache.RUNS_MB)
    monkeypatch.setattr(cache, "runs", runs)
    page = seen(**ANSWERS)
    from pages.ui import guide

    monkeypatch.setattr(guide, "run", lambda *_, **__: pytest.fail("It runs again."))
    page.change("guide.priority", "speed")


def test_cautions_are_said(seen):
    answers = {"subject": "other", "goal": "regions", "cue": "meaning"}
    page = seen(**answers)
    assert set(cautions(answers)) <= set(page.sentences)


def test_what_cannot_run_says_why_and_the_others_are_tried(seen, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setattr(cache, "networks", cache.Cache(1))
    monkeypatch.setattr(cache, "runs", cache.Cache(cache.RUNS_MB))
    page = seen(subject="animals", goal="foreground", cue="brightness")
    assert any("unet_pets.safetensors is missing" in s for s in page.sentences)
    assert "Thresholding" in cards(page)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A machine on which nothing was downloaded."""
    install_hub(tmp_path / "hub", monkeypatch.setattr)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def captions(page):
    """The small print, as a person reads it."""
    texts = (caption.value for caption in page.page.main.caption)
    return [re.sub(r"\\(?=[!-/:-@[-`{-~])|\u200b", "", text) for text in texts]


DOWNLOADED = {
    "segformer": {"subject": "other", "goal": "classes", "labels": "none"},
    "mask2former": {"subject": "other", "goal": "everything", "labels": "none"},
    "segment_anything": {"subject": "other", "goal": "foreground", "cue": "meaning"},
}


@pytest.mark.parametrize("key", DOWNLOADED)
def test_what_is_a_download_is_not_tried_but_said_and_leads_to_its_page(seen, empty, key):
    page = seen(**DOWNLOADED[key])
    assert cards(page)[0] == TECHNIQUES[key].title
    told = [text for text in captions(page) if text.startswith(":material/download:")]
    assert told[0].endswith(
        "Its weights are not on this machine yet; on its page press “Ask 127.0.0.1 how many MB "
        "it is”."
    )
    first = next(
        link.proto for link in page.page.main.get("page_link") if link.proto.label.startswith("**1")
    )
    assert first.page == TECHNIQUES[key].category
    assert f"technique={key}" in first.query_string


@pytest.mark.parametrize("key", DOWNLOADED)
def test_without_its_library_one_sentence_says_how_to_add_it(seen, empty, monkeypatch, key):
    monkeypatch.setitem(sys.modules, "transformers", None)
    page = seen(**DOWNLOADED[key])
    assert cards(page)[0] == TECHNIQUES[key].title
    told = [text for text in captions(page) if text.startswith(":material/extension_off:")]
    assert told
    assert all("“pip install 'transformers>=5,<6'”" in text for text in told)
    assert page.sentences == list(cautions(DOWNLOADED[key]))


def test_a_wrong_link_is_told(seen):
    page = seen(goal="everything at once", colour="red")
    assert any("goal must be one of foreground" in s for s in page.sentences)
    assert any("colour" in s for s in page.sentences)
    assert cards(page) == titles({})
