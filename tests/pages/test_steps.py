"""The step strip: pictures small enough for a card, flat ones without loss, encoded once."""

import cv2
import numpy as np
import pytest

from pages.ui import cache
from pages.ui.steps import SHARP, picture_file
from segcore.render import colorize, to_rgb

RNG = np.random.default_rng(0)
LABELS = np.repeat(np.repeat(RNG.integers(0, 9, (90, 150), dtype=np.int32), 7, 0), 7, 1)
PICTURES = {
    "mask": LABELS > 4,
    "labels": LABELS,
    "grey": (LABELS * 20).astype(np.uint8),
    "16 bits": (LABELS * 900).astype(np.uint16),
    "real numbers": LABELS / 8,
    "half": (LABELS / 8).astype(np.float16),
    "long": LABELS.astype(np.int64),
    "RGB": np.dstack([LABELS * 20] * 3).astype(np.uint8),
    "one pixel": np.ones((1, 1), np.uint8),
    "a row": np.arange(2000, dtype=np.float32)[None],
    "a column": np.arange(2000, dtype=np.float32)[:, None],
    "not finite": np.array([[0.0, np.nan], [np.inf, -np.inf]]),
}


def decode(file):
    return cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
@pytest.mark.parametrize("width", [0, SHARP])
def test_every_kind_of_picture_becomes_a_file_of_the_right_size(picture, width):
    shown = decode(picture_file(picture, width))
    height, full = picture.shape[:2]
    if 0 < width < full:
        assert shown.shape[1] == width
        assert shown.shape[0] == max(1, round(height * width / full))
    else:
        assert shown.shape[:2] == (height, full)


@pytest.mark.parametrize("name", ["mask", "labels"])
def test_flat_pictures_are_without_loss(name):
    picture = PICTURES[name]
    assert np.array_equal(decode(picture_file(picture)), to_rgb(picture))
    small = decode(picture_file(picture, SHARP))
    colors = {tuple(c) for c in to_rgb(picture).reshape(-1, 3).tolist()}
    assert {tuple(c) for c in small.reshape(-1, 3).tolist()} == colors  # none is invented
    assert picture_file(picture).startswith(b"\x89PNG")


def test_a_label_keeps_its_colour_at_every_size():
    small = decode(picture_file(LABELS, SHARP))
    rows = np.arange(small.shape[0]) * LABELS.shape[0] // small.shape[0]
    columns = np.arange(SHARP) * LABELS.shape[1] // SHARP
    assert np.array_equal(small, colorize(LABELS)[rows[:, None], columns])


def test_a_picture_is_encoded_once_and_one_changed_pixel_is_another(monkeypatch):
    picture = RNG.integers(0, 256, (40, 50), dtype=np.uint8)
    first = picture_file(picture)
    assert picture_file(picture.copy()) is first
    picture[3, 4] ^= 255
    assert picture_file(picture) is not first
    assert not np.array_equal(decode(picture_file(picture)), decode(first))


def test_arrays_of_equal_bytes_but_another_shape_or_type_do_not_mix():
    square = np.arange(16, dtype=np.uint8).reshape(4, 4)
    assert decode(picture_file(square)).shape != decode(picture_file(square.reshape(2, 8))).shape
    mask = square.astype(bool)
    assert picture_file(mask) != picture_file(mask.view(np.uint8))
    assert len(cache.pictures.get("unknown", lambda: b"x")) == 1
