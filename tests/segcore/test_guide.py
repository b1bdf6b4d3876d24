"""The guide: every way through its questions ends well, and no technique is out of its reach."""

import pytest

from segcore import TECHNIQUES, SettingError
from segcore.guide import (
    CAUTIONS,
    QUESTIONS,
    RULES,
    SHOWN,
    all_paths,
    cautions,
    open_questions,
    recommend,
)
from segcore.technique import Preset, Technique

PATHS = list(all_paths())
NAMED = {rule.technique for rule in RULES}


def test_every_path_answers_the_questions_that_are_asked():
    assert len(PATHS) == len({tuple(path.items()) for path in PATHS}) > 500
    for path in PATHS:
        assert [question.key for question in open_questions(path)] == list(path)


def test_every_path_ends_in_ranked_techniques_with_reasons():
    for path in PATHS:
        found = [one for one in recommend(path) if one.points]
        assert len(found) >= 2, path
        assert [one.points for one in found] == sorted((o.points for o in found), reverse=True)
        assert len({one.technique for one in found}) == len(found)
        for one in found:
            assert one.reasons
            assert all(reason.endswith((".", "?")) for reason in one.reasons)
            TECHNIQUES[one.technique].complete(one.settings)


def test_every_technique_is_worth_trying_on_some_path():
    reached = {one.technique for path in PATHS for one in recommend(path)[:SHOWN] if one.points}
    assert reached == TECHNIQUES.keys() & NAMED
    assert {one.technique for one in recommend(PATHS[0])} >= TECHNIQUES.keys() - NAMED


def test_a_technique_that_no_rule_names_is_offered_last(monkeypatch):
    def segment(image): ...

    segment.__module__ = "segcore.techniques.classical.thresholding"
    known = Technique("New", 2026, segment, Preset("It fails"))
    monkeypatch.setattr("segcore.guide.TECHNIQUES", {**TECHNIQUES, "new": known})
    last = recommend(PATHS[0])[-1]
    assert (last.technique, last.points) == ("new", 0)
    assert last.reasons[0].startswith("Used for: ")


@pytest.mark.parametrize(
    ("answers", "first"),
    [
        ({"subject": "other", "goal": "foreground", "cue": "colour"}, "hsv_color"),
        ({"subject": "other", "goal": "foreground", "cue": "brightness"}, "thresholding"),
        ({"subject": "other", "goal": "objects", "touching": "touching"}, "watershed"),
        ({"subject": "other", "goal": "regions", "cue": "texture"}, "gabor_texture"),
        ({"subject": "animals", "goal": "classes"}, "unet"),
        ({"subject": "street", "goal": "classes", "priority": "quality"}, "unet"),
        ({"subject": "other", "goal": "classes", "labels": "few"}, "unet"),
        ({"subject": "other", "goal": "classes", "labels": "none"}, "segformer"),
        ({"subject": "other", "goal": "everything", "labels": "none"}, "mask2former"),
        ({"subject": "other", "goal": "objects", "cue": "meaning"}, "mask2former"),
        ({"subject": "other", "goal": "foreground", "cue": "meaning"}, "segment_anything"),
    ],
)
def test_plain_cases_get_what_a_teacher_would_say(answers, first):
    assert recommend(answers)[0].technique == first


def test_reasons_come_with_the_settings_they_speak_of():
    answers = {"goal": "foreground", "cue": "brightness", "light": "uneven"}
    best = recommend(answers)[0]
    assert (best.technique, best.settings) == ("thresholding", {"method": "sauvola"})
    assert recommend({**answers, "light": "even"})[0].settings == {}


def test_every_rule_for_published_weights_says_that_they_are_a_download():
    """Of each technique the weightiest reason that speaks on a path, which stands on its card."""
    said = 0
    for path in PATHS:
        for one in recommend(path):
            complete = TECHNIQUES[one.technique].complete(one.settings)
            chosen = [
                s for s in TECHNIQUES[one.technique].settings if complete[s.name] in s.downloads
            ]
            if chosen and one.points:
                assert "download" in " ".join(one.reasons[:2]), (path, one)
                said += 1
    assert said > 100


def test_photographs_of_streets_are_left_to_weights_that_saw_some():
    found = {one.technique: one for one in recommend({"subject": "street", "goal": "classes"})}
    labels = TECHNIQUES["segformer"].settings[0].option_labels
    assert labels[found["segformer"].settings["weights"]] == "Street photographs (Cityscapes)"


def test_answers_to_questions_that_are_not_asked_count_for_nothing():
    asked = {"subject": "street", "goal": "classes"}
    assert recommend({**asked, "labels": "few", "touching": "touching"}) == recommend(asked)
    assert "labels" not in [question.key for question in open_questions(asked)]


def test_wrong_answers_are_refused_by_name():
    with pytest.raises(SettingError, match="no_such_question"):
        recommend({"no_such_question": "yes"})
    with pytest.raises(SettingError, match="goal must be one of foreground"):
        cautions({"goal": "everything at once"})


def test_every_caution_is_said_on_some_path():
    said = {sentence for path in PATHS for sentence in cautions(path)}
    assert said == {sentence for _, sentence in CAUTIONS}


def test_rules_name_only_questions_and_options_that_there_are():
    known = {question.key: question.options.keys() for question in QUESTIONS}
    conditions = [rule.when for rule in RULES] + [when for when, _ in CAUTIONS]
    conditions += [question.when for question in QUESTIONS]
    for when in conditions:
        for key, options in when.items():
            assert set(options) <= known[key], when
    assert NAMED - TECHNIQUES.keys() <= {"mask_rcnn", "panoptic"}
