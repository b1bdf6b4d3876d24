"""Streets: exact truth, one scene at every size, and as hard as the networks are measured on."""

from functools import cache

import cv2
import numpy as np
import pytest

from segcore.errors import SettingError
from segcore.scenes.street import (
    NAMES,
    choose_light,
    draw,
    read_truth,
    reduce_identities,
    street,
)

THINGS = {"Sign", "Car", "Pedestrian", "Bicyclist"}
HARD_SEEDS = range(1_000_000, 1_000_120)


@cache
def truths():
    """What is known of the first scenes that networks are measured on."""
    return [read_truth(draw(256, 192, seed, 0.5, "mixed", "mixed")) for seed in HARD_SEEDS]


def check_truth(scene, width, height):
    assert scene.image.shape == (height, width, 3)
    assert scene.image.dtype == np.uint8
    assert scene.labels.shape == scene.instances.shape == (height, width)
    assert scene.labels.dtype == scene.instances.dtype == np.int32
    assert set(np.unique(scene.labels)) <= set(range(12))
    found = np.unique(scene.instances[scene.instances > 0]).tolist()
    assert [thing.label for thing in scene.things] == found
    for thing in scene.things:
        visible = scene.instances == thing.label
        assert thing.is_thing
        assert thing.name in THINGS
        assert np.unique(scene.labels[visible]).tolist() == [NAMES.index(thing.name) + 1]
        rows, columns = np.nonzero(visible)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert thing.box == box
    things = np.isin(scene.labels, [NAMES.index(name) + 1 for name in THINGS])
    np.testing.assert_array_equal(things, scene.instances > 0)


@pytest.mark.parametrize("weather", ["clear", "cloudy", "haze", "rain"])
@pytest.mark.parametrize("time", ["day", "dusk", "night"])
def test_labels_instances_and_things_agree(weather, time):
    for seed in range(3):
        check_truth(street(seed=seed, weather=weather, time=time), 256, 192)


@pytest.mark.parametrize(
    ("width", "height"), [(16, 16), (300, 50), (50, 300), (17, 91), (16, 400), (333, 222)]
)
def test_every_size_from_16_works(width, height):
    for seed in range(4):
        check_truth(street(width, height, seed=seed, time="dusk", weather="rain"), width, height)


def test_the_same_settings_draw_the_same_pixels():
    for weather, time in (("clear", "night"), ("rain", "dusk")):
        one = street(seed=11, weather=weather, time=time)
        again = street(seed=11, weather=weather, time=time)
        np.testing.assert_array_equal(one.image, again.image)
        np.testing.assert_array_equal(one.instances, again.instances)


def test_another_seed_is_another_street():
    one, other = street(seed=1), street(seed=2)
    assert (one.labels != other.labels).mean() > 0.1


@pytest.mark.parametrize(("width", "height"), [(128, 96), (512, 384), (1024, 768)])
@pytest.mark.parametrize("seed", [1_000_000, 1_000_001, 1_000_002])
def test_every_size_shows_the_same_scene(width, height, seed):
    usual, other = street(seed=seed, noise=0.0), street(width, height, seed=seed, noise=0.0)
    small = min(usual.labels, other.labels, key=np.size)
    large = max(usual.labels, other.labels, key=np.size)
    # Every pixel of the small image is compared with a pixel from the middle of its own in the
    # large one.
    step = large.shape[0] // small.shape[0]
    assert (small == large[step // 2 :: step, step // 2 :: step]).mean() > 0.94
    as_usual = cv2.resize(other.image, (256, 192), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(as_usual - usual.image).mean() < 8


def test_other_proportions_show_the_middle():
    whole, wide = street(seed=5), street(256, 96, seed=5)
    assert (whole.labels[48:144] == wide.labels).mean() > 0.99


def test_the_arrays_are_read_only():
    scene = street(64, 48)
    for array in (scene.image, scene.labels, scene.instances):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


# Settings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("seed", 10_000_000),
        ("seed", 1.5),
        ("crowd", 1.01),
        ("crowd", float("nan")),
        ("weather", "snow"),
        ("time", "noon"),
        ("noise", -0.1),
        ("width", 15),
        ("height", 0),
    ],
)
def test_wrong_settings_are_refused_by_name(name, value):
    with pytest.raises(SettingError, match=f"^{name} must be") as error:
        street(**{name: value})
    assert error.value.setting == name


def test_crowd_fills_the_street_and_leaves_the_houses_alone():
    empty, some, full = (street(seed=3, crowd=crowd, noise=0.0) for crowd in (0.0, 0.5, 1.0))
    moving = [sum(thing.name != "Sign" for thing in scene.things) for scene in (empty, some, full)]
    assert moving[0] == 0
    assert moving[0] < moving[1] < moving[2]
    same = (empty.labels == 2) == (some.labels == 2)
    assert same[some.instances == 0].mean() > 0.99


def test_times_of_day_differ_in_brightness():
    for seed in range(5):
        day, dusk, night = (
            street(seed=seed, weather="cloudy", time=time).image.mean()
            for time in ("day", "dusk", "night")
        )
        assert night < dusk < day


def test_night_lights_windows_and_day_does_not():
    day = street(seed=3, weather="clear", time="day", noise=0.0)
    night = street(seed=3, weather="clear", time="night", noise=0.0)
    houses = day.labels == 2
    np.testing.assert_array_equal(houses, night.labels == 2)

    def spread(scene):
        """How much brighter than the middle the brightest tenth of the houses is."""
        grey = scene.image.mean(2)[houses]
        return np.percentile(grey, 97) / np.median(grey)

    assert spread(night) > 1.5 * spread(day)


def test_haze_takes_what_is_far_but_never_all_of_it():
    for seed in range(4):
        light = choose_light(seed, "haze", "day")
        red = np.array([light.lit((200, 0, 0), distance=z) for z in (5, 20, 60, 120, 1000)])
        away = np.abs(red - light.haze).sum(1)
        assert (np.diff(away) <= 1e-9).all()
        assert away[0] > 0.85 * np.abs(np.array(light.lit((200, 0, 0))) - light.haze).sum()
        assert away[-1] > 0.25 * np.abs(np.array(light.lit((200, 0, 0))) - light.haze).sum()
        clear = choose_light(seed, "clear", "day")
        assert clear.fade(60) < 0.5 * light.fade(60)


def test_a_wet_road_mirrors_what_stands_above_it():
    likeness = {"cloudy": [], "rain": []}
    for weather, found in likeness.items():
        for seed in range(6):
            settings = {"seed": seed, "crowd": 0.0, "weather": weather, "time": "dusk"}
            horizon = draw(256, 192, **settings).camera.v
            scene = street(noise=0.0, **settings)
            grey = cv2.GaussianBlur(scene.image.mean(2), (0, 0), 1, sigmaY=5)
            rows = np.arange(int(horizon) + 25, min(192, int(2 * horizon)))
            road = (scene.labels[rows] == 4).all(0)
            mirrored = grey[np.round(2 * horizon - 1 - rows).astype(int)]
            if road.sum() > 20:
                found.append(
                    np.corrcoef(grey[rows][:, road].ravel(), mirrored[:, road].ravel())[0, 1]
                )
    assert np.mean(likeness["rain"]) > np.mean(likeness["cloudy"]) + 0.1


def test_noise_is_as_strong_as_asked():
    clean = street(seed=4, weather="cloudy", time="day", noise=0.0).image.astype(float)
    deviations = []
    for noise in (0.1, 0.5):
        noisy = street(seed=4, weather="cloudy", time="day", noise=noise).image
        middle = (clean > 60) & (clean < 190)  # where nothing is cut off
        deviations.append((noisy - clean)[middle].std())
    assert deviations[0] == pytest.approx(2.2, rel=0.1)
    assert deviations[1] == pytest.approx(11.0, rel=0.1)


# Hardness ----------------------------------------------------------------------------------------


def test_every_class_is_common():
    present = np.zeros(12)
    for truth in truths():
        present[np.unique(truth.labels)] += 1
    shares = dict(zip(NAMES, present[1:] / len(HARD_SEEDS), strict=True))
    assert min(shares.values()) >= 0.3, shares


def test_void_is_rare():
    assert np.mean([(truth.labels == 0).mean() for truth in truths()]) < 0.005


def test_a_pixel_belongs_to_what_covers_half_of_it():
    square = {
        (5, 5, 5, 2): 5,  # three of one
        (2, 5, 5, 5): 5,
        (2, 2, 5, 2): 2,
        (2, 20, 2, 20): 20,  # two and two: the nearer one
        (20, 2, 20, 2): 20,
        (1, 9, 9, 4): 9,  # two of one, and two others
        (7, 7, 7, 7): 7,
    }
    full = np.hstack([np.array(four, np.uint8).reshape(2, 2) for four in square])
    assert reduce_identities(full).tolist() == [list(square.values())]


@pytest.mark.parametrize("left", range(8))
def test_a_thin_thing_is_as_wide_wherever_it_stands(left):
    full = np.full((2, 40), 2, np.uint8)
    full[:, left : left + 5] = 30  # two and a half pixels
    assert np.count_nonzero(reduce_identities(full) == 30) == 3


def test_many_things_are_partly_hidden():
    hidden = np.concatenate([truth.hidden for truth in truths()])
    assert hidden.min() >= 0
    assert hidden.max() <= 0.85  # of what hardly shows nobody could say what it is
    assert (hidden > 0.05).mean() >= 0.4


def test_half_of_the_pedestrians_are_small():
    heights = [
        thing.box[3] - thing.box[1]
        for truth in truths()
        for thing in truth.things
        if thing.name == "Pedestrian"
    ]
    assert len(heights) > 300
    assert np.mean(np.array(heights) < 24) >= 0.5


def test_colour_alone_does_not_tell_the_class():
    """A class is guessed from the colour alone, by counts from other scenes."""
    images = [street(seed=seed) for seed in HARD_SEEDS[:40]]
    colours = [(scene.image // 32).astype(int) @ (64, 8, 1) for scene in images]
    counts = np.zeros((512, 12))
    for colour, scene in zip(colours[:30], images[:30], strict=True):
        np.add.at(counts, (colour.ravel(), scene.labels.ravel()), 1)
    guess = counts[:, 1:].argmax(1) + 1
    inside, outside = np.zeros(12), np.zeros(12)
    for colour, scene in zip(colours[30:], images[30:], strict=True):
        predicted = guess[colour]
        for label in range(1, 12):
            inside[label] += ((predicted == label) & (scene.labels == label)).sum()
            outside[label] += ((predicted == label) | (scene.labels == label)).sum()
    assert (inside[1:] / np.maximum(outside[1:], 1)).mean() < 0.3
