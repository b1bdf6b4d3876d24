"""Every sample loads without a network; scenes can be set; drawn ones teach what they are for."""

import hashlib
import socket
from typing import Any

import cv2
import numpy as np
import pytest
import scipy.ndimage
import skimage.data

from segcore.errors import SettingError
from segcore.samples import SAMPLES, SIZE, get_sample
from segcore.scenes.cells import cells
from segcore.scenes.shapes import shapes
from segcore.scenes.street import street
from segcore.technique import read_settings
from segcore.training import sets

SCENES = {"street": street, "cells": cells, "shapes": shapes}
ORDER = [
    *SCENES,
    "coins",
    "touching",
    "weak_edge",
    "textures",
    "page",
    "text",
    "camera",
    "cell",
    "immunohistochemistry",
    "coffee",
    "chelsea",
    "astronaut",
    "rocket",
    "stereo_motorcycle",
    "colorwheel",
    "retina",
    "microaneurysms",
    "shepp_logan_phantom",
    "hubble_deep_field",
    "moon",
    "horse",
    "brick",
    "grass",
    "gravel",
]
DRAWN = ("touching", "weak_edge", "textures", *SCENES)


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("The network was used.")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_order() -> None:
    assert list(SAMPLES) == ORDER


@pytest.mark.usefixtures("_no_network")
@pytest.mark.parametrize("key", ORDER)
def test_sample_loads_from_the_disk(key: str) -> None:
    image = SAMPLES[key].load()
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert min(image.shape[:2]) >= 100
    assert image.flags.c_contiguous
    assert not image.flags.writeable
    assert np.ptp(image) > 80  # there is something to see


@pytest.mark.parametrize("key", ORDER)
def test_sample_is_described(key: str) -> None:
    sample = get_sample(key)
    assert sample.key == key
    assert sample.title
    assert sample.good_for
    assert sample.credit
    for text in (sample.title, sample.good_for, sample.credit):
        assert text == text.strip()
        assert "\n" not in text
        assert not text.endswith(".")
    assert len(sample.title) <= 40
    assert sample.good_for[0].isupper()
    assert len(sample.good_for) <= 90


def test_titles_are_distinct() -> None:
    assert len({sample.title for sample in SAMPLES.values()}) == len(SAMPLES)


@pytest.mark.parametrize("key", ["astronaut", "coffee", "retina", "hubble_deep_field"])
def test_colour_photographs_are_unchanged(key: str) -> None:
    np.testing.assert_array_equal(SAMPLES[key].load(), getattr(skimage.data, key)())


@pytest.mark.parametrize("key", ["coins", "page", "brick", "microaneurysms"])
def test_gray_photographs_are_repeated(key: str) -> None:
    gray = getattr(skimage.data, key)()
    for channel in np.moveaxis(SAMPLES[key].load(), 2, 0):
        np.testing.assert_array_equal(channel, gray)


def test_other_types_span_the_range() -> None:
    np.testing.assert_array_equal(SAMPLES["horse"].load()[..., 0], skimage.data.horse() * 255)
    np.testing.assert_array_equal(
        np.unique(SAMPLES["shepp_logan_phantom"].load()), [0, 25, 51, 76, 102, 255]
    )
    left = skimage.data.stereo_motorcycle()[0]
    np.testing.assert_array_equal(SAMPLES["stereo_motorcycle"].load(), left)


def test_unknown_sample() -> None:
    with pytest.raises(
        SettingError, match=r"sample must be one of street, .* is 'nonesuch'"
    ) as got:
        get_sample("nonesuch")
    assert got.value.setting == "sample"
    with pytest.raises(TypeError):
        SAMPLES["mine"] = SAMPLES["coins"]


# Scenes ------------------------------------------------------------------------------------------


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest) -> Any:
    return SAMPLES[request.param]


def test_a_scene_has_the_settings_of_its_function_and_a_size(scene: Any) -> None:
    *own, size = scene.settings
    declared = read_settings(SCENES[scene.key])
    assert [setting.name for setting in own] == [setting.name for setting in declared]
    assert [s for s in own if s.name != "seed"] == [s for s in declared if s.name != "seed"]
    assert size is SIZE
    for setting in scene.settings:
        assert setting.check(setting.default) == setting.default
        assert setting.help


def test_a_scene_is_loaded_as_it_is_drawn_by_default(scene: Any) -> None:
    defaults = {setting.name: setting.default for setting in scene.settings}
    width = defaults.pop("size")
    drawn = SCENES[scene.key](width, width * 3 // 4, **defaults)
    for image in (scene.load(), scene.draw().image):
        np.testing.assert_array_equal(image, drawn.image)


@pytest.mark.parametrize("width", SIZE.options or ())
def test_a_scene_is_the_same_at_every_size(scene: Any, width: int) -> None:
    """Its labels are those of the default size, but for pixels along the outlines."""
    drawn, usual = scene.draw(size=width), scene.draw()
    assert drawn.image.shape == (width * 3 // 4, width, 3)
    assert drawn.labels.shape == drawn.instances.shape == drawn.image.shape[:2]
    assert SIZE.option_labels[width] == f"{width}×{width * 3 // 4}"
    rows = np.arange(192) * drawn.labels.shape[0] // 192
    columns = np.arange(256) * width // 256
    sampled = drawn.labels[rows[:, None], columns]
    assert (sampled == usual.labels[::2, ::2]).mean() > 0.88


@pytest.mark.parametrize("name", ["noise", "crowd", "seed"])
def test_settings_reach_the_scene(scene: Any, name: str) -> None:
    other = {"noise": 0.9, "crowd": 1.0, "seed": 3}[name]
    changed, usual = scene.draw(**{name: other}, size=128), scene.draw(size=128)
    assert (changed.image != usual.image).any()
    assert (changed.labels != usual.labels).any() == (name != "noise")


def test_no_network_has_seen_the_scenes_that_open(scene: Any) -> None:
    seed = next(setting.default for setting in scene.settings if setting.name == "seed")
    assert seed >= max(sets.N_STREETS, sets.VAL_SEED + sets.N_MEASURED)


def test_a_setting_of_a_scene_that_is_wrong(scene: Any) -> None:
    for wrong in ({"size": 300}, {"size": 512.0}, {"seed": -1}, {"crowd": 2.0}):
        with pytest.raises(SettingError) as got:
            scene.draw(**wrong)
        assert got.value.setting in wrong


def test_a_photograph_is_no_scene() -> None:
    for key in set(ORDER) - set(SCENES):
        assert SAMPLES[key].scene is None
        assert SAMPLES[key].settings == ()
    with pytest.raises(ValueError, match="coins is an image, not a scene"):
        SAMPLES["coins"].draw()


# What the drawn samples teach --------------------------------------------------------------------


@pytest.mark.parametrize("key", DRAWN)
def test_drawn_samples_are_the_same_every_time(key: str) -> None:
    first, second = (hashlib.sha256(SAMPLES[key].load().tobytes()).digest() for _ in range(2))
    assert first == second


def otsu_of_touching() -> Any:
    gray = cv2.cvtColor(SAMPLES["touching"].load(), cv2.COLOR_RGB2GRAY)
    _, mask = cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))


def test_touching_berries_merge_under_a_threshold_and_part_by_distance() -> None:
    mask = otsu_of_touching()
    merged, _ = cv2.connectedComponents(mask)
    assert 2 <= merged - 1 <= 8
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    peaks = (scipy.ndimage.maximum_filter(distance, 21) == distance) & (distance > 8)
    _, berries = scipy.ndimage.label(scipy.ndimage.binary_dilation(peaks, iterations=3))
    assert 30 <= berries <= 36


def test_touching_berries_differ_in_size_on_shaded_paper() -> None:
    image, mask = SAMPLES["touching"].load(), otsu_of_touching()
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    assert distance.max() > 45
    paper = cv2.GaussianBlur(image[..., 1], (0, 0), 3)[cv2.dilate(mask, np.ones((41, 41))) == 0]
    assert np.ptp(paper.astype(int)) > 20


def grow(gray: Any, seed: tuple[int, int], tolerance: int) -> Any:
    """The connected pixels around the seed (y, x) that are about as bright as its surroundings."""
    level = np.median(gray[seed[0] - 9 : seed[0] + 10, seed[1] - 9 : seed[1] + 10])
    labels, _ = scipy.ndimage.label(np.abs(gray.astype(int) - level) <= tolerance)
    near = labels[seed[0] - 9 : seed[0] + 10, seed[1] - 9 : seed[1] + 10]
    return labels == np.bincount(near[near > 0]).argmax()


def test_a_region_leaks_through_the_gap_of_the_weak_edge_only() -> None:
    gray = SAMPLES["weak_edge"].load()[..., 0]
    left, right = np.s_[110:240, 130:235], np.s_[110:240, 280:370]
    leaked = grow(gray, (160, 160), 15)
    assert leaked[left].mean() > 0.95
    assert leaked[right].mean() > 0.9

    stopped = gray.copy()
    stopped[150:205, 235:285] = 0  # the gap, closed
    held = grow(stopped, (160, 160), 15)
    assert held[left].mean() > 0.95
    assert held[right].mean() == 0


def test_textures_have_equal_brightness_and_contrast() -> None:
    gray = SAMPLES["textures"].load()[..., 0].astype(float)
    brick, grass, gravel = gray[:140, :], gray[420:, :], gray[210:320, 190:310]
    for texture in (brick, grass, gravel):
        assert texture.mean() == pytest.approx(128, abs=8)
        assert texture.std() == pytest.approx(42, abs=9)
