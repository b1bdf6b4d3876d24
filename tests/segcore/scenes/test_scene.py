"""What every drawn scene shares: checked settings, things with their boxes, two segmentations."""

from typing import Annotated

import numpy as np
import pytest

from segcore.errors import SettingError
from segcore.result import Segment
from segcore.scenes.scene import Scene, checked, find_things
from segcore.technique import Range

INSTANCES = np.array([[0, 1, 1, 0], [0, 1, 3, 3], [0, 0, 3, 3]], np.int32)
THINGS = (
    Segment(1, "Cat", is_thing=True, box=(1.0, 0.0, 3.0, 2.0)),
    Segment(3, "Dog", is_thing=True, box=(2.0, 1.0, 4.0, 3.0)),
)


def draw(width: int, height: int, *, fog: Annotated[float, Range(0, 1)] = 0.5) -> Scene:
    labels = np.array([0, 1, 0, 2], np.int32)[INSTANCES]
    image = np.zeros((*labels.shape, 3), np.uint8)
    return Scene(image, labels, INSTANCES.copy(), ("Cat", "Dog"), THINGS)


def test_a_thing_that_is_hidden_is_left_out():
    assert find_things(INSTANCES, ("Cat", "Bird", "Dog")) == THINGS
    assert find_things(np.zeros((4, 4), np.int32), ()) == ()


def test_right_settings_come_back_in_their_own_type():
    settings = checked(draw, width=np.int64(64), height=16, fog=1)
    assert settings == {"width": 64, "height": 16, "fog": 1.0}
    assert type(settings["width"]) is int
    assert type(settings["fog"]) is float


@pytest.mark.parametrize(
    ("name", "value"), [("width", 15), ("height", 4097), ("height", "64"), ("fog", 1.1)]
)
def test_a_wrong_setting_is_refused_by_name(name, value):
    with pytest.raises(SettingError) as caught:
        checked(draw, **{"width": 64, "height": 64, "fog": 0.5, name: value})
    assert caught.value.setting == name


def test_a_scene_is_read_only_and_answers_both_questions():
    scene = draw(64, 64)
    for array in (scene.image, scene.labels, scene.instances):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    assert [segment.name for segment in scene.semantic.segments] == ["Cat", "Dog"]
    assert [segment.is_thing for segment in scene.semantic.segments] == [False, False]
    assert scene.separate.segments == THINGS
    np.testing.assert_array_equal(scene.separate.labels, INSTANCES)
