import cv2
import numpy as np
import pytest
import skimage.data
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from segcore.charts import Surface
from segcore.errors import SettingError
from segcore.samples import SAMPLES
from segcore.technique import Recorder
from segcore.techniques.classical.watershed import TECHNIQUE, sure_foreground

# Centre x, y and radius in pixels of each coin, drawn round it by hand on the enlarged picture.
COINS = [
    *[(45, 54, 21), (100, 56, 19), (156, 51, 23), (216, 51, 23), (276, 53, 20), (335, 44, 29)],
    *[(46, 124, 20), (103, 126, 19), (154, 128, 19), (206, 125, 20), (271, 119, 25)],
    *[(336, 125, 19), (44, 197, 19), (102, 196, 21), (154, 198, 19), (213, 193, 24)],
    *[(273, 194, 22), (347, 187, 32), (46, 260, 28), (114, 266, 21), (173, 262, 27)],
    *[(244, 264, 24), (301, 263, 25), (358, 268, 22)],
]
PRESETS = {preset.title: preset for preset in (*TECHNIQUE.presets, TECHNIQUE.fails)}
ARTICLE = PRESETS["As in the article"].settings
SQUARE = np.ones((3, 3), np.uint8)

# For scenes of two tones: no blur, one threshold, nothing left out.
PLAIN = {"sigma": 0.0, "threshold": "otsu", "min_area": 0}


def run(image, **settings):
    """The segmentation and its steps by title, on an image that nobody may change."""
    image = image.copy()
    image.setflags(write=False)
    recorder = Recorder()
    result = TECHNIQUE.segment(image, **TECHNIQUE.complete(settings), show=recorder)
    return result, {step.title: step for step in recorder.steps}


def rgb(gray):
    return np.dstack([gray] * 3)


def coins():
    return rgb(skimage.data.coins())


def draw_discs(*discs, shape=(120, 160)):
    gray = np.full(shape, 20, np.uint8)
    for x, y, radius in discs:
        cv2.circle(gray, (x, y), radius, 200, cv2.FILLED)
    return rgb(gray)


def scatter_discs():
    """Dark discs of many sizes on a bright ground, some of them touching, in coloured noise."""
    rng = np.random.default_rng(3)
    image = np.full((240, 320, 3), 190, np.uint8)
    for x, y, radius in rng.integers((0, 0, 8), (320, 240, 26), (40, 3)):
        cv2.circle(image, (int(x), int(y)), int(radius), rng.integers(40, 110, 3).tolist(), -1)
    return np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8)


IMAGES = {
    "coins": coins(),
    "discs": scatter_discs(),
    "astronaut": skimage.data.astronaut(),
    "camera": rgb(skimage.data.camera()),
}


# The article's own calls --------------------------------------------------------------------------


def opencv_stages(image, side):
    """The stages of the article, by the titles of the steps, from the plain calls of OpenCV."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    _, binary = cv2.threshold(gray, 0, 255, side + cv2.THRESH_OTSU)
    opened = cv2.morphologyEx(binary, cv2.MORPH_OPEN, SQUARE, iterations=2)
    sure_background = cv2.dilate(opened, SQUARE, iterations=3)
    distance = cv2.distanceTransform(opened, cv2.DIST_L2, 5)
    _, foreground = cv2.threshold(distance, 0.7 * distance.max(), 255, 0)
    foreground = np.uint8(foreground)
    unknown = sure_background - foreground
    _, markers = cv2.connectedComponents(foreground)
    markers = markers + 1
    markers[unknown == 255] = 0
    flooded = cv2.watershed(image, markers.copy())
    lines = image.copy()
    lines[flooded == -1] = (255, 0, 0)
    return {
        "Grayscale": gray,
        "Binary": binary,
        "Opening": opened,
        "Sure background": sure_background,
        "Distance transform": distance,
        "Sure foreground": foreground,
        "Unknown": unknown,
        "Markers": markers,
        "Flooded": flooded,
        "Watershed lines": lines,
    }


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize(
    ("objects", "side"), [("dark", cv2.THRESH_BINARY_INV), ("bright", cv2.THRESH_BINARY)]
)
def test_article_preset_equals_opencv_in_every_stage(name, objects, side):
    stages = opencv_stages(IMAGES[name], side)
    result, steps = run(IMAGES[name], **{**ARTICLE, "objects": objects})
    for title, expected in stages.items():
        assert steps[title].picture.dtype == expected.dtype, title
        np.testing.assert_array_equal(steps[title].picture, expected, err_msg=title)
    flooded = stages["Flooded"]
    np.testing.assert_array_equal(result.labels, np.where(flooded > 1, flooded - 1, 0))
    assert [*steps] == [*list(stages)[:8], "Landscape", *list(stages)[8:], "Objects"]


def test_article_preset_is_the_article():
    article = TECHNIQUE.complete(ARTICLE)
    assert article["objects"] == "dark"
    assert (article["markers"], article["share"]) == ("distance", 0.7)
    assert (article["opening_iterations"], article["dilation_iterations"]) == (2, 3)


# Coins --------------------------------------------------------------------------------------------


def coin_scores(labels):
    """IoU of each coin with the segment that covers most of it; no segment serves two coins."""
    y, x = np.ogrid[: labels.shape[0], : labels.shape[1]]
    scores, taken = [], set()
    for left, top, radius in COINS:
        coin = (x - left) ** 2 + (y - top) ** 2 <= radius**2
        sizes = np.bincount(labels[coin], minlength=2)
        own = 1 + int(sizes[1:].argmax())
        if own in taken or sizes[own] == 0:
            scores.append(0.0)
            continue
        taken.add(own)
        segment = labels == own
        scores.append(np.count_nonzero(coin & segment) / np.count_nonzero(coin | segment))
    return np.array(scores)


@pytest.mark.parametrize("settings", [{}, PRESETS["All 24 coins"].settings])
def test_all_coins_are_found(settings):
    result, steps = run(coins(), **settings)
    assert abs(len(result.segments) - 24) <= 1
    assert np.count_nonzero(coin_scores(result.labels) >= 0.7) >= 22
    assert f"{len(result.segments)} objects" in steps["Objects"].caption
    np.testing.assert_array_equal(steps["Objects"].picture, result.labels)


@pytest.mark.parametrize("landscape", ["gradient", "distance"])
def test_all_coins_are_found_on_other_landscapes(landscape):
    result, _ = run(coins(), landscape=landscape)
    assert abs(len(result.segments) - 24) <= 1
    assert np.count_nonzero(coin_scores(result.labels) >= 0.7) >= 22


def test_the_classical_rule_fails_on_coins():
    assert TECHNIQUE.fails.sample == "coins"
    result, steps = run(coins(), **TECHNIQUE.fails.settings)
    assert len(result.segments) == 2
    assert coin_scores(result.labels).max() < 0.5
    # The highest peak lies in the bright corner, not in a coin.
    y, x = np.unravel_index(steps["Distance transform"].picture.argmax(), result.labels.shape)
    assert all(np.hypot(x - left, y - top) > radius for left, top, radius in COINS)


def test_weak_markers_oversegment_coins():
    preset = PRESETS["Over-segmentation by weak markers"]
    assert preset.sample == "coins"
    result, _ = run(coins(), **preset.settings)
    assert len(result.segments) >= 40
    assert np.count_nonzero(coin_scores(result.labels) >= 0.7) < 22


def test_h_maxima_find_the_berries_that_the_classical_rule_loses():
    image = SAMPLES["touching"].load()
    classical, _ = run(image, **ARTICLE)
    assert len(classical.segments) == 13
    result, _ = run(image, **PRESETS["All 34 berries"].settings)
    assert len(result.segments) == 34


# Markers ------------------------------------------------------------------------------------------


def test_share_loses_small_objects_and_h_maxima_do_not():
    image = draw_discs((50, 60, 40), (130, 60, 10))
    assert len(run(image, **PLAIN, markers="distance", share=0.7)[0].segments) == 1
    assert len(run(image, **PLAIN, markers="distance", share=0.2)[0].segments) == 2
    assert len(run(image, **PLAIN, markers="h_maxima", h=3.0)[0].segments) == 2


@pytest.mark.parametrize("landscape", ["image", "gradient", "distance"])
def test_h_is_the_depth_of_the_saddle_between_touching_objects(landscape):
    # Two discs of radius 30 whose centres lie 44 apart: the saddle is sqrt(30² - 22²) = 20.4 high,
    # 9.6 below the peaks.
    image = draw_discs((50, 60, 30), (94, 60, 30))
    parted, _ = run(image, **PLAIN, h=8.0, landscape=landscape)
    assert len(parted.segments) == 2
    assert parted.labels[60, 50] != parted.labels[60, 94]
    whole, _ = run(image, **PLAIN, h=12.0, landscape=landscape)
    assert len(whole.segments) == 1
    assert whole.labels[60, 50] == whole.labels[60, 94] == 1


def integer_distance(image):
    _, steps = run(image, objects="dark", sigma=0.0)
    return np.rint(steps["Distance transform"].picture)


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("h", [1.0, 2.0, 5.0])
def test_h_maxima_equal_those_of_skimage(name, h):
    distance = integer_distance(IMAGES[name])
    found = sure_foreground(distance, "h_maxima", 0.7, h, (), show=Recorder())
    # skimage keeps peaks that rise by h or more, and of each only the pixels of full height; on
    # whole numbers "more than h" is "h + 1 or more".
    tops = h_maxima(distance, h + 1) > 0
    assert not tops[found == 0].any()
    count, groups = cv2.connectedComponents(found)
    assert count > 1
    assert set(np.unique(groups[tops])) == set(range(1, count))


def test_every_click_is_an_object():
    image = draw_discs((40, 60, 25), (110, 60, 25))
    settings = {**PLAIN, "markers": "clicked"}
    one, _ = run(image, **settings, seeds=((110, 60),))
    assert len(one.segments) == 1
    assert one.labels[60, 110] == 1
    assert one.labels[60, 40] == 0
    two, _ = run(image, **settings, seeds=((110, 60), (40, 60)))
    assert len(two.segments) == 2
    assert np.count_nonzero(two.labels == two.labels[60, 40]) == pytest.approx(625 * np.pi, rel=0.1)


def test_clicks_that_touch_are_one_marker():
    image = draw_discs((40, 60, 25))
    settings = {**PLAIN, "markers": "clicked"}
    single, _ = run(image, **settings, seeds=((40, 60),))
    for seeds in [((40, 60), (40, 60)), ((40, 60), (44, 60), (48, 60))]:
        result, _ = run(image, **settings, seeds=seeds)
        np.testing.assert_array_equal(result.labels, single.labels)
    apart, _ = run(image, **settings, seeds=((30, 60), (50, 60)))
    assert len(apart.segments) == 2


def test_a_click_on_sure_background_stays_a_disc():
    result, _ = run(draw_discs((40, 60, 25)), **PLAIN, markers="clicked", seeds=((120, 30),))
    assert 0 < np.count_nonzero(result.labels) <= 37


def test_no_click_gives_no_object_and_asks_for_one():
    result, steps = run(coins(), markers="clicked")
    assert result.segments == ()
    assert not result.labels.any()
    assert "click" in steps["Markers"].caption


def test_seeds_outside_the_image_are_refused():
    with pytest.raises(SettingError, match="seeds must be points inside the image"):
        run(coins(), markers="clicked", seeds=((10, 10), (384, 10)))
    run(coins(), markers="distance", seeds=((384, 10),))  # seeds do not matter here


# Other settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("objects", ["bright", "dark"])
def test_local_threshold_and_smoothing_equal_opencv(objects):
    image = IMAGES["discs"]
    _, steps = run(image, objects=objects, threshold="local", block_size=51, offset=7, sigma=2.5)
    smooth = cv2.GaussianBlur(image, (0, 0), 2.5)
    gray = cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY)
    side, shift = (cv2.THRESH_BINARY, -7) if objects == "bright" else (cv2.THRESH_BINARY_INV, 7)
    expected = cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, side, 51, shift)
    np.testing.assert_array_equal(steps["Smoothed"].picture, smooth)
    np.testing.assert_array_equal(steps["Binary"].picture, expected)
    assert 0 < np.count_nonzero(expected) < expected.size


@pytest.mark.parametrize("landscape", ["gradient", "distance"])
def test_other_landscapes_equal_skimage(landscape):
    result, steps = run(IMAGES["discs"], objects="dark", landscape=landscape, min_area=0)
    gray = steps["Grayscale"].picture
    if landscape == "distance":
        heights = -steps["Distance transform"].picture
    else:
        heights = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    expected = watershed(heights, steps["Markers"].picture, watershed_line=True)
    np.testing.assert_array_equal(result.labels, np.maximum(expected - 1, 0))
    np.testing.assert_array_equal(steps["Flooded"].picture == -1, expected == 0)


def test_bright_and_dark_objects_are_treated_alike():
    image = draw_discs((40, 60, 25), (110, 60, 25))
    bright, _ = run(image, **PLAIN, objects="bright")
    dark, _ = run(220 - image, **PLAIN, objects="dark")
    assert len(bright.segments) == 2
    np.testing.assert_array_equal(bright.labels, dark.labels)


def test_iterations_equal_opencv():
    _, steps = run(IMAGES["discs"], opening_iterations=0, dilation_iterations=7)
    binary = steps["Binary"].picture
    np.testing.assert_array_equal(steps["Opening"].picture, binary)
    expected = cv2.dilate(binary, SQUARE, iterations=7)
    np.testing.assert_array_equal(steps["Sure background"].picture, expected)


def test_small_objects_are_left_out_and_numbers_stay_close():
    image = draw_discs((30, 30, 20), (70, 30, 8), (120, 60, 25))
    everything, _ = run(image, **PLAIN)
    assert [s.name for s in everything.segments] == ["Object 1", "Object 2", "Object 3"]
    large, steps = run(image, **{**PLAIN, "min_area": 400})
    assert [(s.label, s.name) for s in large.segments] == [(1, "Object 1"), (2, "Object 2")]
    assert all(s.is_thing for s in large.segments)
    assert large.labels[30, 70] == 0
    assert "2 objects from 3 markers" in steps["Objects"].caption


@pytest.mark.parametrize("landscape", ["image", "gradient", "distance"])
def test_landscape_is_drawn_with_its_lines(landscape):
    _, steps = run(coins(), landscape=landscape)
    surface = steps["Landscape"].picture
    assert isinstance(surface, Surface)
    np.testing.assert_array_equal(surface.outline, steps["Flooded"].picture == -1)
    inner = np.zeros(surface.heights.shape, bool)
    inner[2:-2, 2:-2] = True
    ridge, basin = surface.outline & inner, ~surface.outline & inner
    assert surface.heights[ridge].mean() > surface.heights[basin].mean()


# Odd images ---------------------------------------------------------------------------------------


def test_more_than_255_objects():
    gray = np.zeros((400, 400), np.uint8)
    for row in range(2, 400, 20):
        for column in range(2, 400, 20):
            gray[row : row + 15, column : column + 15] = 255
    result, _ = run(rgb(gray), **PLAIN)
    assert len(result.segments) == 400
    np.testing.assert_array_equal(np.unique(result.labels), np.arange(401))
    centers = result.labels[9::20, 9::20]
    np.testing.assert_array_equal(np.sort(centers, axis=None), np.arange(1, 401))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 40)])
@pytest.mark.parametrize("value", [0, 128, 255, "noise"])
@pytest.mark.parametrize("landscape", ["image", "gradient", "distance"])
def test_tiny_and_constant_images(shape, value, landscape):
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, shape) if value == "noise" else np.full(shape, value)
    image = rgb(gray.astype(np.uint8))
    for markers in ("distance", "h_maxima", "clicked"):
        for objects in ("bright", "dark"):
            settings = {"markers": markers, "objects": objects, "seeds": ((0, 0),), "offset": 0}
            for threshold in ("otsu", "local"):
                result, steps = run(image, **settings, threshold=threshold, landscape=landscape)
                assert result.labels.shape == shape
                assert result.labels.dtype == np.int32
                assert result.labels.min() >= 0
                assert np.isfinite(steps["Distance transform"].picture).all()
                assert np.isfinite(steps["Landscape"].picture.heights).all()


def test_an_image_without_background_is_one_object():
    image = np.full((40, 60, 3), 90, np.uint8)
    result, steps = run(image, **{**ARTICLE, "objects": "bright"})
    assert steps["Binary"].picture.all()
    assert steps["Distance transform"].picture.max() == 100
    # OpenCV draws a line along the border of the image.
    np.testing.assert_array_equal(result.labels[1:-1, 1:-1], 1)
    assert len(result.segments) == 1


def test_recording_changes_nothing():
    image = coins()
    image.setflags(write=False)
    quiet = TECHNIQUE.segment(image, **TECHNIQUE.complete({}))
    recorded, _ = run(image)
    np.testing.assert_array_equal(quiet.labels, recorded.labels)
    np.testing.assert_array_equal(image, coins())
