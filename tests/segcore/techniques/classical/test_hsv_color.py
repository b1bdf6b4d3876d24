from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage import data

from segcore.charts import HueWheel
from segcore.errors import SettingError
from segcore.result import Image
from segcore.samples import get_sample
from segcore.technique import Recorder
from segcore.techniques.classical.hsv_color import TECHNIQUE

AS_IN_ARTICLE = TECHNIQUE.presets[0].settings
NO_CLEANING = {"opening": 1, "closing": 1, "min_area": 0}
PHOTOGRAPHS = ["astronaut", "coffee", "chelsea", "immunohistochemistry"]


def photograph(name: str) -> Image:
    image: Image = getattr(data, name)()
    image.setflags(write=False)
    return image


def select(image: Image, **settings: Any) -> npt.NDArray[np.bool_]:
    return TECHNIQUE.segment(image, **TECHNIQUE.complete(settings)).labels > 0


def steps(image: Image, **settings: Any) -> dict[str, Any]:
    recorder = Recorder()
    TECHNIQUE.segment(image, show=recorder, **TECHNIQUE.complete(settings))
    return {step.title: step for step in recorder.steps}


def plain(*colors: tuple[int, int, int], side: int = 20) -> Image:
    """Squares of these RGB colours side by side."""
    return np.hstack([np.full((side, side, 3), color, np.uint8) for color in colors])


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_as_in_the_article(name: str) -> None:
    image = photograph(name)
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    expected = cv2.inRange(hsv, (0, 120, 70), (10, 255, 255))
    assert np.array_equal(select(image, **AS_IN_ARTICLE), expected > 0)
    shown = steps(image, **AS_IN_ARTICLE)
    assert np.array_equal(shown["All three in range"].picture, expected)
    assert np.array_equal(shown["Saturation"].picture, hsv[..., 1])
    assert np.array_equal(shown["Value"].picture, hsv[..., 2])


def test_red_is_at_both_ends() -> None:
    image = photograph("astronaut")
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    low = cv2.inRange(hsv, (0, 120, 70), (10, 255, 255))
    high = cv2.inRange(hsv, (170, 120, 70), (179, 255, 255))
    assert high.any()
    both = select(image, hue_from=170, hue_to=10, **NO_CLEANING)
    assert np.array_equal(both, (low | high) > 0)


def test_every_limit_counts() -> None:
    image = photograph("immunohistochemistry")
    limits = {"saturation_min": 40, "saturation_max": 150, "value_min": 90, "value_max": 180}
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    expected = cv2.inRange(hsv, (5, 40, 90), (30, 150, 180)) > 0
    assert np.array_equal(select(image, hue_from=5, hue_to=30, **limits, **NO_CLEANING), expected)
    shown = steps(image, hue_from=5, hue_to=30, **limits, **NO_CLEANING)
    parts = [shown[f"{name} in range"].picture for name in ("Hue", "Saturation", "Value")]
    assert np.array_equal(parts[0], cv2.inRange(hsv[..., 0], 5, 30))
    assert np.array_equal(np.minimum.reduce(parts) > 0, expected)


def test_cleaning_is_that_of_opencv() -> None:
    image = photograph("coffee")
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    mask = cv2.inRange(hsv, (0, 120, 70), (10, 255, 255))
    for operation, diameter in ((cv2.MORPH_OPEN, 5), (cv2.MORPH_CLOSE, 9)):
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
        mask = cv2.morphologyEx(mask, operation, disk)
    assert np.array_equal(select(image, opening=5, closing=9, min_area=0), mask > 0)

    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    large = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] >= 200]
    assert 0 < len(large) < count - 1
    assert np.array_equal(select(image, opening=5, closing=9, min_area=200), np.isin(parts, large))


def test_hue_plane_has_full_saturation() -> None:
    picture = steps(photograph("coffee"))["Hue"].picture
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    assert (hsv[..., 1:] == 255).all()
    hue = cv2.cvtColor(photograph("coffee"), cv2.COLOR_RGB2HSV)[..., 0]
    assert np.abs((hsv[..., 0].astype(int) - hue + 90) % 180 - 90).max() <= 1


def test_wheel_counts_only_what_has_a_hue() -> None:
    image = plain((250, 10, 10), (200, 200, 200), (120, 100, 100), (10, 10, 250))
    wheel = steps(image, hue_from=170, hue_to=10)["Hue wheel"].picture
    assert isinstance(wheel, HueWheel)
    assert wheel.arcs == ((170, 10),)
    assert {hue: wheel.counts[hue] for hue in np.flatnonzero(wheel.counts)} == {0: 400, 120: 400}
    everything = steps(image, saturation_min=0, value_min=0)["Hue wheel"].picture
    assert everything.counts.sum() == 1200  # exact grey has no hue at all


def test_a_click_selects_its_colour() -> None:
    image = plain((200, 40, 40), (40, 200, 40), (40, 40, 200))
    for number in range(3):
        wanted = np.arange(60) // 20 == number
        found = select(image, source="picked", seeds=((20 * number + 10, 9),))
        assert np.array_equal(found, np.broadcast_to(wanted, found.shape))


def test_a_click_on_red_passes_through_zero() -> None:
    rose, red, orange, green = (220, 30, 42), (220, 42, 30), (220, 130, 30), (30, 220, 30)
    image = plain(rose, red, orange, green)
    shown = steps(image, source="picked", seeds=((10, 10),), hue_tolerance=4)
    first, last = shown["Hue wheel"].picture.arcs[0]
    assert first > last
    found = select(image, source="picked", seeds=((10, 10),), hue_tolerance=4)
    assert found[10, [10, 30, 50, 70]].tolist() == [True, True, False, False]


def test_a_second_click_widens_the_ranges() -> None:
    image = plain((220, 60, 30), (220, 110, 30), (220, 160, 30), (30, 160, 30))
    settings = {"source": "picked", "hue_tolerance": 2}
    one = select(image, seeds=((10, 10),), **settings)
    two = select(image, seeds=((10, 10), (50, 10)), **settings)
    assert one[10, [10, 30, 50, 70]].tolist() == [True, False, False, False]
    assert two[10, [10, 30, 50, 70]].tolist() == [True, True, True, False]


def test_a_click_on_grey_asks_for_no_hue() -> None:
    image = plain((128, 128, 128), (130, 126, 128), (126, 128, 131), (200, 20, 20))
    settings = {"source": "picked", "seeds": ((10, 10),), "saturation_tolerance": 20}
    assert select(image, **settings)[10, [10, 30, 50, 70]].tolist() == [True, True, True, False]


def test_a_click_at_the_border_uses_what_is_inside() -> None:
    image = plain((200, 40, 40), (40, 40, 200))
    for point in ((0, 0), (0, 19), (39, 0), (39, 19)):
        found = select(image, source="picked", seeds=(point,))
        assert found.sum() == 400
        assert found[point[1], point[0]]


def test_without_a_click_the_most_colourful_spot_stands_in() -> None:
    image = plain((128, 128, 128), (150, 120, 110), (230, 20, 20), (60, 60, 90))
    found = select(image, source="picked")
    assert found[10, [10, 30, 50, 70]].tolist() == [False, False, True, False]
    caption = steps(image, source="picked")["Clicked points"].caption
    assert "Nothing is clicked" in caption


def test_a_click_outside_is_refused() -> None:
    with pytest.raises(SettingError, match="seeds must be points inside the image"):
        select(plain((1, 2, 3)), source="picked", seeds=((20, 0),))


def test_grey_has_no_hue() -> None:
    image = photograph(TECHNIQUE.fails.sample or "")
    black_cloth = np.s_[300:340, 400:500]
    assert not select(image)[black_cloth].any()
    assert select(image, **TECHNIQUE.fails.settings)[black_cloth].mean() > 0.9


def test_the_suit_is_found() -> None:
    found = select(photograph("astronaut"))
    assert found[330:350, 90:140].all()  # the chest
    assert not found[:150].any()  # everything above the shoulders


def test_the_cats_eyes_are_found() -> None:
    preset = next(p for p in TECHNIQUE.presets if p.sample == "chelsea")
    found = select(photograph("chelsea"), **preset.settings)
    eyes = np.zeros(found.shape, np.uint8)
    cv2.ellipse(eyes, (170, 116), (38, 36), 0, 0, 360, 1, -1)
    cv2.ellipse(eyes, (318, 134), (30, 32), 0, 0, 360, 1, -1)
    assert found.sum() > 2500
    assert (found & (eyes == 0)).sum() < 0.02 * found.sum()


@pytest.mark.parametrize("preset", TECHNIQUE.presets, ids=lambda p: p.title)
def test_presets_select_a_part(preset: Any) -> None:
    image = get_sample(preset.sample or TECHNIQUE.sample).load()
    assert 0.01 < select(image, **preset.settings).mean() < 0.6


def test_a_range_that_starts_at_zero_loses_a_part_of_the_red() -> None:
    preset = next(p for p in TECHNIQUE.presets if p.sample == "stereo_motorcycle")
    image = get_sample("stereo_motorcycle").load()
    both = select(image, **preset.settings)
    first_end = select(image, **preset.settings | {"hue_from": 0})
    assert 0.5 * both.sum() < first_end.sum() < 0.85 * both.sum()
