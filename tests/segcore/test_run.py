"""Running techniques, studies, and the catalogue that finds them."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import segcore
from segcore import ImageError, SettingError, run
from segcore.catalog import CATEGORIES, TECHNIQUES, in_category
from segcore.run import study
from segcore.technique import Recorder, ignore

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def test_the_classical_techniques_have_their_agreed_keys():
    agreed = {"thresholding", "canny_edges", "region_growing", "watershed"}
    agreed |= {"hsv_color", "gabor_texture"}
    assert agreed <= TECHNIQUES.keys()
    assert {t.key for t in in_category("classical")} == agreed


def test_the_catalogue_is_read_only_and_in_the_order_of_publication():
    years = [technique.year for technique in segcore.TECHNIQUES.values()]
    assert years == sorted(years)
    with pytest.raises(TypeError):
        segcore.TECHNIQUES["new"] = None
    assert all(category.title and category.summary for category in CATEGORIES.values())


@pytest.mark.parametrize("name", ["nope", "", "<script>", "thresholding "])
def test_an_unknown_technique_is_refused_with_the_known_ones(name):
    with pytest.raises(SettingError, match="thresholding"):
        run(name, IMAGE)


@pytest.mark.parametrize(
    "image",
    [
        None,
        "image.png",
        IMAGE.astype(np.float32),
        IMAGE[..., 0],
        IMAGE[..., :2],
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
    ],
    ids=["none", "text", "real", "grey", "two channels", "empty", "alpha"],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ImageError, match=r"^The image must be .*\.$"):
        run("thresholding", image)


def test_an_image_in_pieces_is_taken():
    pieces = IMAGE[::2, ::-1]
    expected = run("thresholding", pieces.copy()).segmentation.labels
    assert np.array_equal(run("thresholding", pieces).segmentation.labels, expected)


def test_a_technique_gets_an_image_that_it_cannot_write_to(monkeypatch):
    def vandal(image, *, show=ignore):
        image[0, 0] = 0

    vandal.__module__ = TECHNIQUES["thresholding"].segment.__module__
    broken = replace(TECHNIQUES["thresholding"], segment=vandal)
    monkeypatch.setattr(sys.modules["segcore.run"], "get_technique", {"broken": broken}.get)
    with pytest.raises(ValueError, match="read-only"):
        run("broken", IMAGE)


def test_steps_off_records_nothing():
    assert run("thresholding", IMAGE, show=ignore).steps == ()
    assert len(run("thresholding", IMAGE).steps) >= 4


def test_an_unknown_study_is_refused():
    with pytest.raises(SettingError, match="study"):
        study("thresholding", "Why?", IMAGE, show=Recorder())
