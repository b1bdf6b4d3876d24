"""What the settings of Mask R-CNN do, and what there is to see where there is nothing."""

import numpy as np
import pytest

from segcore import run
from segcore.scenes.cells import cells
from segcore.scenes.street import street
from segcore.technique import ignore


@pytest.fixture(scope="module")
def scene():
    return street(256, 192, seed=11, crowd=0.8)


def found(image, **settings):
    return run("mask_rcnn", image, show=ignore, **settings).segmentation


def test_it_finds_most_cars_of_a_street(scene):
    segments = found(scene.image).segments
    cars = [t for t in scene.things if t.name == "Car" and (t.box[3] - t.box[1]) > 20]
    assert sum(s.name == "Car" for s in segments) >= 0.7 * len(cars) > 0
    assert [s.score for s in segments] == sorted((s.score for s in segments), reverse=True)
    assert all(s.is_thing and s.box is not None for s in segments)


def test_a_lower_score_finds_more_and_keeps_what_was_found(scene):
    few, many = found(scene.image, score=0.8), found(scene.image, score=0.2)
    assert len(few.segments) < len(many.segments)
    assert [s.box for s in few.segments] == [s.box for s in many.segments][: len(few.segments)]


def test_a_higher_threshold_of_suppression_keeps_more(scene):
    strict, lax = found(scene.image, nms=0.1), found(scene.image, nms=0.9)
    assert len(strict.segments) < len(lax.segments)


def test_a_higher_threshold_of_the_mask_draws_thinner(scene):
    thin, thick = found(scene.image, mask=0.9), found(scene.image, mask=0.1)
    assert np.count_nonzero(thin.labels) < np.count_nonzero(thick.labels)


def test_only_the_class_that_is_wanted(scene):
    every = found(scene.image)
    cars = found(scene.image, classes="Car")
    assert {s.name for s in cars.segments} == {"Car"}
    assert len(cars.segments) == sum(s.name == "Car" for s in every.segments)


def test_the_thing_that_is_clicked_is_followed(scene):
    segment = found(scene.image).segments[-1]
    middle = tuple(int(sum(segment.box[i::2]) / 2) for i in (0, 1))
    steps = run("mask_rcnn", scene.image, seeds=(middle,)).steps
    place = next(s.picture for s in steps if s.title == "Its mask in the image")
    first = next(
        s.picture for s in run("mask_rcnn", scene.image).steps if s.title == "Its mask in the image"
    )
    assert place[middle[1], middle[0]] > 0
    assert not np.array_equal(place, first)


def test_an_empty_image_has_nothing(scene):
    flat = np.full((192, 256, 3), 120, np.uint8)
    result = found(flat)
    assert result.segments == ()
    assert not result.labels.any()


def test_a_field_of_three_hundred_nuclei():
    tiles = [cells(256, 256, seed=seed) for seed in range(9)]
    image = np.vstack([np.hstack([t.image for t in tiles[i : i + 3]]) for i in (0, 3, 6)])
    count = sum(len(t.things) for t in tiles)
    result = found(image, weights="nuclei", zoom=2.0)
    assert count >= 250
    assert len(result.segments) >= 0.5 * count


def test_one_giant_thing_and_a_twelve_megapixel_image(scene):
    cat = np.zeros((8, 8, 3), np.uint8)
    assert found(cat, weights="pets").labels.shape == (8, 8)
    large = np.kron(scene.image, np.ones((16, 16, 1), np.uint8))
    result = found(large)
    assert result.labels.shape == (3072, 4096)
    small = found(scene.image)
    assert abs(len(result.segments) - len(small.segments)) <= 3
