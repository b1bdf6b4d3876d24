"""Settings read from a signature, and the recording of steps."""

from typing import Annotated

import numpy as np
import pytest

from segcore.charts import Frames
from segcore.errors import SettingError
from segcore.technique import (
    Choice,
    Label,
    Only,
    Points,
    Range,
    Recorder,
    Setting,
    check_inside,
    ignore,
    read_article,
    read_settings,
)


def example(
    image,
    *,
    n_clusters: Annotated[int, Range(2, 10), "How many."] = 3,
    window: Annotated[int, Range(3, 9, step=2), "Odd."] = 5,
    sigma: Annotated[float, Range(0.0, 2.0), Only(mode="a"), Label("Blur"), "px."] = 1.0,
    mode: Annotated[str, Choice("a", "b", b="Second"), "Which."] = "a",
    connectivity: Annotated[int, Choice(4, 8), "Neighbours."] = 8,
    inverted: Annotated[bool, "Turn."] = False,
    seeds: Annotated[tuple, Points(2), "Click."] = (),
    load_model=None,
    show=ignore,
):
    return None


SETTINGS = {setting.name: setting for setting in read_settings(example)}


def test_settings_are_the_annotated_keywords_in_order():
    assert list(SETTINGS) == [
        *("n_clusters", "window", "sigma", "mode", "connectivity", "inverted", "seeds")
    ]
    assert SETTINGS["n_clusters"].label == "Number of clusters"
    assert SETTINGS["sigma"].label == "Blur"
    assert SETTINGS["mode"].options == ("a", "b")
    assert SETTINGS["mode"].option_labels == {"a": "A", "b": "Second"}
    assert SETTINGS["n_clusters"].options is None
    assert SETTINGS["sigma"].help == "px."


def test_only():
    assert SETTINGS["sigma"].applies({"mode": "a"})
    assert not SETTINGS["sigma"].applies({"mode": "b"})


@pytest.mark.parametrize(
    ("name", "value", "checked"),
    [
        ("n_clusters", np.int64(4), 4),
        ("sigma", 1, 1.0),
        ("seeds", [[1, 2], (np.int32(3), 4)], ((1, 2), (3, 4))),
        ("connectivity", 4, 4),
    ],
)
def test_values_come_back_in_the_settings_own_type(name, value, checked):
    result = SETTINGS[name].check(value)
    assert result == checked
    assert type(result) is type(checked)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("n_clusters", 1, "a whole number from 2 to 10"),
        ("n_clusters", 2.0, "a whole number"),
        ("n_clusters", True, "a whole number"),
        ("n_clusters", "3", "a whole number"),
        ("window", 4, "an odd whole number from 3 to 9"),
        ("sigma", float("nan"), "a number from 0 to 2"),
        ("sigma", 2.1, "a number from 0 to 2"),
        ("mode", "c", "one of a, b"),
        ("connectivity", 6, "one of 4, 8"),
        ("inverted", 1, "true or false"),
        ("seeds", ((1, 2),) * 3, "at most 2 points"),
        ("seeds", ((1, -2),), "whole numbers from 0 up"),
        ("seeds", ((1, 2.5),), "points"),
        ("seeds", "1-2", "points"),
        ("seeds", 7, "points"),
    ],
)
def test_a_wrong_value_is_refused_by_name_rule_and_value(name, value, rule):
    with pytest.raises(SettingError) as error:
        SETTINGS[name].check(value)
    assert name in str(error.value)
    assert rule in str(error.value)
    assert error.value.value is value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("n_clusters", "three"),
        ("n_clusters", "3.5"),
        ("n_clusters", ""),
        ("n_clusters", "1e999"),
        ("sigma", "nan"),
        ("sigma", "inf"),
        ("inverted", "yes"),
        ("mode", "<script>"),
        ("seeds", "1-2-3"),
        ("seeds", "a-b"),
        ("seeds", "1"),
        ("seeds", "9" * 5000 + "-1"),
    ],
)
def test_a_wrong_text_in_a_link_is_refused(name, text):
    with pytest.raises(SettingError, match=name) as error:
        SETTINGS[name].from_text(text)
    assert len(str(error.value)) < 200


def test_texts_of_points():
    assert SETTINGS["seeds"].to_text(((1, 2), (30, 4))) == "1-2_30-4"
    assert SETTINGS["seeds"].from_text("1-2_30-4") == ((1, 2), (30, 4))
    assert SETTINGS["seeds"].from_text("") == ()


def test_a_default_outside_its_own_range_is_a_programming_error():
    def wrong(image, *, k: Annotated[int, Range(1, 3)] = 4): ...

    with pytest.raises(TypeError, match="default"):
        read_settings(wrong)


def test_a_condition_on_an_unknown_setting_is_a_programming_error():
    def wrong(image, *, k: Annotated[int, Range(1, 3), Only(mod="a")] = 2): ...

    with pytest.raises(TypeError, match="k names a setting"):
        read_settings(wrong)


def test_an_unknown_mark_is_a_programming_error():
    def wrong(image, *, k: Annotated[int, 3.5] = 2): ...

    with pytest.raises(TypeError, match="no known kind"):
        read_settings(wrong)


def test_a_recorded_step_does_not_change_with_its_array():
    recorder = Recorder()
    array = np.zeros((2, 2))
    recorder("Copied", array, "A.")
    recorder("Made", lambda: array + 1, "B.")
    recorder("Frames", Frames((array,), ("0",)), "C.")
    array[:] = 9
    assert recorder.steps[0].picture.max() == 0
    assert recorder.steps[1].picture.max() == 1
    assert recorder.steps[2].picture.pictures[0].max() == 0
    assert not recorder.steps[0].picture.flags.writeable
    assert recorder.seconds > 0


def test_a_picture_behind_a_function_is_not_made_when_nobody_looks():
    ignore("Title", lambda: pytest.fail("made"), "Caption.")


def test_progress_is_handed_on_and_may_cancel():
    seen = []
    Recorder(seen.append).progress(1.7)
    assert seen == [1.0]
    Recorder().progress(0.5)

    def cancel(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Recorder(cancel).progress(0.1)


def test_points_must_lie_in_the_image_and_are_called_what_their_setting_is():
    image = np.zeros((10, 20, 3), np.uint8)
    check_inside([(0, 0), (19, 9)], image, "corner")
    with pytest.raises(SettingError, match=r"^corner must .* x from 0 to 19 and y from 0 to 9"):
        check_inside([(20, 9)], image, "corner")


def test_an_article_needs_its_sections():
    text = (
        "Title\n\nIdea\nI.\n\nUsed for\nU.\n\nWhen it fails\nOn `page`.\n\nReferences\nR, 2000.\n"
    )
    article = read_article(text)
    assert (article.title, article.idea, article.references) == ("Title", "I.", "R, 2000.")
    with pytest.raises(ValueError, match="When it fails"):
        read_article(text.replace("When it fails", "When it works"))


def test_rule_of_a_setting_without_range_of_its_own():
    assert Setting("flag", bool, False).rule == "true or false"
