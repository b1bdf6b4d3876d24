"""Discs, boxes and stars: exact ground truth, the same at every size, apart where asked."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from segcore.errors import SettingError
from segcore.scenes.scene import Scene
from segcore.scenes.shapes import NAMES, shapes


def any_touch(scene: Scene) -> bool:
    """Whether two shapes are among each other's eight neighbours."""
    ids = scene.instances.astype(np.float32)
    greatest = cv2.dilate(ids, np.ones((3, 3), np.uint8))
    return bool(((greatest != ids) & (ids > 0) & (greatest > 0)).any())


@pytest.mark.parametrize("touching", [True, False])
@pytest.mark.parametrize("crowd", [0.0, 0.5, 1.0])
def test_labels_instances_and_things_agree(check_truth, touching, crowd):
    scene = shapes(seed=7, touching=touching, crowd=crowd)
    check_truth(scene, 256, 192)
    assert scene.names == NAMES


@pytest.mark.parametrize(
    ("width", "height"), [(16, 16), (17, 91), (200, 31), (64, 64), (333, 222), (16, 400)]
)
def test_every_size_from_16_works(check_truth, width, height):
    for seed in range(4):
        check_truth(shapes(width, height, seed=seed, texture=1.0), width, height)


def test_the_same_settings_draw_the_same_pixels():
    one, again = shapes(seed=11), shapes(seed=11)
    np.testing.assert_array_equal(one.image, again.image)
    np.testing.assert_array_equal(one.instances, again.instances)
    assert one.things == again.things
    assert (shapes(seed=12).instances != one.instances).any()


@pytest.mark.parametrize("seed", range(6))
def test_every_size_shows_the_same_scene(seed):
    sizes = ((64, 48), (192, 144), (576, 432))
    scenes = [shapes(*size, seed=seed, noise=0) for size in sizes]
    for small, large in pairwise(scenes):
        # Every third pixel of the large one has its centre where the small one has one too.
        assert np.mean(large.instances[1::3, 1::3] == small.instances) > 0.999
        height, width = small.labels.shape
        image = cv2.resize(large.image, (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(image.astype(float) - small.image).mean() < 8


def test_another_shape_of_image_shows_the_middle():
    whole, middle = shapes(256, 192, seed=5), shapes(192, 192, seed=5)
    np.testing.assert_array_equal(whole.labels[:, 32:224], middle.labels)


@pytest.mark.parametrize("crowd", [0.0, 0.4, 1.0])
def test_shapes_touch_only_where_asked(crowd):
    touching = [any_touch(shapes(seed=seed, crowd=crowd, touching=True)) for seed in range(12)]
    apart = [any_touch(shapes(seed=seed, crowd=crowd, touching=False)) for seed in range(12)]
    assert np.mean(touching) > 0.5
    assert not any(apart)


def test_a_small_scene_has_a_few_shapes_and_every_class_is_common():
    scenes = [shapes(64, 64, seed=seed) for seed in range(40)]
    counts = [len(scene.things) for scene in scenes]
    assert min(counts) >= 2
    assert max(counts) <= 7
    for label in (1, 2, 3):
        assert np.mean([(scene.labels == label).any() for scene in scenes]) > 0.8


def hue(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels.reshape(-1, 1, 3), cv2.COLOR_RGB2HSV)[:, 0, 0]


def test_colour_tells_the_class_only_where_asked():
    spread = {}
    for colour in ("by_class", "random"):
        hues = [
            np.median(hue(scene.image[scene.instances == thing.label]))
            for scene in (shapes(seed=seed, colour=colour, noise=0) for seed in range(20))
            for thing in scene.things
            if thing.name == "Box"
        ]
        spread[colour] = np.std(hues)
    assert spread["by_class"] < 6  # of OpenCV's hues, which run from 0 to 179
    assert spread["random"] > 25


def test_texture_and_noise_change_the_image_and_not_the_truth():
    plain = shapes(seed=2, texture=0.0, noise=0.0)
    for settings in ({"texture": 1.0, "noise": 0.0}, {"texture": 0.0, "noise": 1.0}):
        other = shapes(seed=2, **settings)
        np.testing.assert_array_equal(plain.instances, other.instances)
        inside = plain.instances > 0
        assert np.abs(other.image.astype(float) - plain.image)[inside].mean() > 8


def test_without_texture_a_face_has_one_colour():
    scene = shapes(seed=2, texture=0.0, noise=0.0, touching=False)
    for thing in scene.things:
        core = cv2.erode((scene.instances == thing.label).astype(np.uint8), np.ones((5, 5)))
        assert np.ptp(scene.image[core > 0], axis=0).max() <= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 15),
        ("height", 5000),
        ("seed", 0.5),
        ("crowd", -0.1),
        ("touching", 1),
        ("texture", 2.0),
        ("colour", "blue"),
        ("noise", float("inf")),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name, value):
    with pytest.raises(SettingError) as caught:
        shapes(**{name: value})
    assert caught.value.setting == name
