"""What holds for every drawn scene."""

import numpy as np
import pytest

from segcore.scenes.scene import Scene


def check_truth(scene: Scene, width: int, height: int) -> None:
    assert scene.image.shape == (height, width, 3)
    assert scene.image.dtype == np.uint8
    assert scene.labels.shape == scene.instances.shape == (height, width)
    assert scene.labels.dtype == scene.instances.dtype == np.int32
    assert [thing.label for thing in scene.things] == np.unique(
        scene.instances[scene.instances > 0]
    ).tolist()
    np.testing.assert_array_equal(scene.labels > 0, scene.instances > 0)
    for thing in scene.things:
        visible = scene.instances == thing.label
        assert thing.is_thing
        assert {scene.names[label - 1] for label in np.unique(scene.labels[visible])} == {
            thing.name
        }
        rows, columns = np.nonzero(visible)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert thing.box == box


@pytest.fixture(name="check_truth")
def give_check_truth():
    return check_truth
