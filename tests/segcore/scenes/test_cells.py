"""Drawn nuclei: exact ground truth, the same at every size, touching only where asked."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from segcore.errors import SettingError
from segcore.scenes.cells import NAMES, cells
from segcore.scenes.scene import Scene

STAINS = ("fluorescence", "stained", "brightfield")


def touching_share(scene: Scene) -> float:
    """Share of the nuclei that have a pixel of another among their four neighbours."""
    ids = scene.instances
    touch: set[int] = set()
    for one, other in ((ids[:, 1:], ids[:, :-1]), (ids[1:], ids[:-1])):
        meets = (one != other) & (one > 0) & (other > 0)
        touch |= {*one[meets].tolist(), *other[meets].tolist()}
    return len(touch) / len(scene.things)


@pytest.mark.parametrize("stain", STAINS)
@pytest.mark.parametrize("crowd", [0.0, 0.5, 1.0])
def test_labels_instances_and_things_agree(check_truth, stain, crowd):
    scene = cells(seed=7, stain=stain, crowd=crowd)
    check_truth(scene, 256, 192)
    assert scene.names == NAMES
    assert scene.things


@pytest.mark.parametrize(
    ("width", "height"), [(16, 16), (17, 91), (200, 31), (64, 64), (333, 222), (16, 400)]
)
@pytest.mark.parametrize("stain", STAINS)
def test_every_size_from_16_works(check_truth, width, height, stain):
    check_truth(cells(width, height, seed=3, stain=stain, crowd=0.8), width, height)


@pytest.mark.parametrize("stain", STAINS)
def test_the_same_settings_draw_the_same_pixels(stain):
    one, again = cells(seed=11, stain=stain), cells(seed=11, stain=stain)
    np.testing.assert_array_equal(one.image, again.image)
    np.testing.assert_array_equal(one.instances, again.instances)
    assert one.things == again.things
    assert (cells(seed=12, stain=stain).instances != one.instances).any()


@pytest.mark.parametrize("stain", STAINS)
@pytest.mark.parametrize("seed", range(3))
def test_every_size_shows_the_same_scene(stain, seed):
    sizes = ((64, 48), (192, 144), (576, 432))
    scenes = [cells(*size, seed=seed, stain=stain, crowd=0.7, noise=0) for size in sizes]
    for small, large in pairwise(scenes):
        # Every third pixel of the large one has its centre where the small one has one too.
        assert np.mean(large.instances[1::3, 1::3] == small.instances) > 0.999
        height, width = small.labels.shape
        image = cv2.resize(large.image, (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(image.astype(float) - small.image).mean() < 8


def test_another_shape_of_image_shows_the_middle():
    whole, middle = cells(256, 192, seed=5), cells(192, 192, seed=5)
    np.testing.assert_array_equal(whole.instances[:, 32:224], middle.instances)


@pytest.mark.parametrize("stain", STAINS)
def test_a_crowd_touches_and_single_nuclei_do_not(stain):
    crowded = [touching_share(cells(seed=seed, stain=stain, crowd=1.0)) for seed in range(8)]
    sparse = [touching_share(cells(seed=seed, stain=stain, crowd=0.0)) for seed in range(8)]
    assert np.mean(crowded) > 0.6
    assert max(sparse) == 0


@pytest.mark.parametrize("stain", STAINS)
def test_a_greater_crowd_covers_more(stain):
    covers = [
        np.mean(
            [(cells(seed=seed, stain=stain, crowd=crowd).labels > 0).mean() for seed in range(8)]
        )
        for crowd in (0.0, 0.5, 1.0)
    ]
    assert covers[0] < 0.06
    assert covers[0] < 0.6 * covers[1] < 0.6 * covers[2]


def test_nuclei_shine_in_fluorescence_and_are_dark_under_a_lamp():
    for seed in range(6):
        for stain, sign in (("fluorescence", 1), ("stained", -1), ("brightfield", -1)):
            scene = cells(seed=seed, stain=stain)
            grey, inside = scene.image.mean(axis=2), scene.labels > 0
            assert sign * (grey[inside].mean() - grey[~inside].mean()) > 10


def test_mixed_takes_a_look_by_the_seed():
    taken = set()
    for seed in range(24):
        mixed = cells(64, 48, seed=seed)
        alike = [
            stain
            for stain in STAINS
            if np.array_equal(cells(64, 48, seed=seed, stain=stain).image, mixed.image)
        ]
        assert len(alike) == 1
        taken.update(alike)
    assert taken == set(STAINS)


def test_noise_changes_the_image_and_not_the_truth():
    clean, noisy = cells(seed=2, noise=0.0), cells(seed=2, noise=1.0)
    np.testing.assert_array_equal(clean.instances, noisy.instances)
    difference = noisy.image.astype(float) - clean.image
    assert difference.std() > 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 15),
        ("height", 5000),
        ("width", 64.0),
        ("seed", -1),
        ("seed", 10_000_000),
        ("stain", "green"),
        ("crowd", 1.01),
        ("crowd", float("nan")),
        ("noise", -0.1),
        ("noise", True),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name, value):
    with pytest.raises(SettingError) as caught:
        cells(**{name: value})
    assert caught.value.setting == name
