"""Canny's stages against OpenCV pixel for pixel, and the regions against SciPy and scikit-image."""

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage import data, measure, morphology

import segcore
from segcore import run
from segcore.charts import Histogram
from segcore.samples import get_sample
from segcore.technique import ignore
from segcore.techniques.classical.canny_edges import (
    direction_colors,
    fixed_levels,
    gradient_magnitude,
    link_edges,
    sobel_gradients,
    suppress_non_maxima,
)

PHOTOGRAPHS = [
    "astronaut",
    "camera",
    "cell",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "page",
    "rocket",
    "text",
]
KINDS = [(aperture, l2_norm) for aperture in (3, 5, 7) for l2_norm in (False, True)]
SHAPES = [(1, 1), (1, 2), (2, 1), (1, 40), (40, 1), (2, 2), (3, 3), (5, 4), (17, 33), (120, 90)]


def photograph(name):
    image = getattr(data, name)()[:600, :600]
    return np.ascontiguousarray(image if image.ndim == 3 else np.dstack([image] * 3))


def to_gray(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def noise_images():
    """Noise of few and of many grey levels, in all shapes: the former is full of equal values."""
    rng = np.random.default_rng(11)
    for shape in SHAPES:
        for levels in (1, 2, 3, 8, 256):
            gray = rng.integers(0, levels, shape) * (255 // max(levels - 1, 1))
            yield np.dstack([gray.astype(np.uint8)] * 3)


def edges(image, **settings):
    done = run("canny_edges", image, show=ignore, output="edges", **settings)
    return done.segmentation.labels.astype(bool)


def steps(image, **settings):
    done = run("canny_edges", image, **settings)
    return {step.title: step.picture for step in done.steps}


def opencv(image, low, high, sigma=0.0, aperture=3, l2_norm=False):
    gray = to_gray(image)
    if sigma > 0:
        gray = cv2.GaussianBlur(gray, (0, 0), sigma)
    return cv2.Canny(gray, low, high, apertureSize=aperture, L2gradient=l2_norm) > 0


# Edges --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_edges_of_photographs_equal_opencv(name):
    image = photograph(name)
    rng = np.random.default_rng(len(name))
    for aperture, l2_norm in KINDS:
        for sigma in (0.0, round(float(rng.uniform(0.5, 3.0)), 1)):
            low, high = (int(v) for v in rng.integers(0, 600 if aperture == 3 else 2001, 2))
            chosen = {"sigma": sigma, "aperture": aperture, "l2_norm": l2_norm}
            ours = edges(image, thresholds="fixed", low=low, high=high, **chosen)
            expected = opencv(image, low, high, **chosen)
            assert np.array_equal(ours, expected), (low, high, chosen)


@pytest.mark.parametrize(("aperture", "l2_norm"), KINDS)
def test_edges_of_noise_equal_opencv(aperture, l2_norm):
    rng = np.random.default_rng(aperture)
    found = 0
    for image in noise_images():
        for low, high in [(0, 0), *rng.integers(0, 2001, (3, 2)).tolist()]:
            chosen = {"sigma": 0.0, "aperture": aperture, "l2_norm": l2_norm}
            ours = edges(image, thresholds="fixed", low=low, high=high, **chosen)
            expected = opencv(image, low, high, aperture=aperture, l2_norm=l2_norm)
            assert np.array_equal(ours, expected), (image.shape, low, high)
            found += int(expected.sum())
    assert found > 1000


@pytest.mark.parametrize(("aperture", "l2_norm"), KINDS)
def test_stages_equal_opencv_beyond_the_range_of_the_settings(aperture, l2_norm):
    """Larger apertures reach magnitudes that only thresholds above 2000 part."""
    rng = np.random.default_rng(3)
    images = [photograph("coffee"), photograph("gravel"), *noise_images()]
    for image in images:
        gx, gy = sobel_gradients(to_gray(image), aperture)
        magnitude = gradient_magnitude(gx, gy, l2_norm)
        thin = suppress_non_maxima(gx, gy, magnitude)
        top = {3: 2100, 5: 25_000, 7: 32_000}[aperture]
        low, high = (int(v) for v in rng.integers(0, top, 2))
        weak_above, strong_above = fixed_levels(low, high, aperture, l2_norm)
        candidates = thin & (magnitude > weak_above)
        ours = link_edges(candidates, candidates & (magnitude > strong_above))
        expected = opencv(image, low, high, aperture=aperture, l2_norm=l2_norm)
        assert np.array_equal(ours, expected), (image.shape, low, high)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_article_preset_is_the_article_call(name):
    image = photograph(name)
    preset = next(
        p for p in segcore.TECHNIQUES["canny_edges"].presets if p.title == "As in the article"
    )
    done = run("canny_edges", image, **preset.settings)
    assert np.array_equal(done.segmentation.labels > 0, cv2.Canny(to_gray(image), 100, 200) > 0)
    assert [segment.name for segment in done.segmentation.segments] == ["Edges"]


@pytest.mark.parametrize(("aperture", "l2_norm"), KINDS)
def test_automatic_thresholds(aperture, l2_norm):
    """High is Otsu's threshold of the magnitude, low half of it; the edges are OpenCV's."""
    for name in ("coins", "coffee", "moon"):
        image = photograph(name)
        chosen = {"sigma": 1.0, "aperture": aperture, "l2_norm": l2_norm}
        pictures = steps(image, thresholds="automatic", **chosen)
        low, high = (int(marker.position) for marker in pictures["Thresholds"].markers)
        assert low == high // 2
        magnitude = np.floor(pictures["Gradient magnitude"]).astype(int)
        assert_otsu(magnitude, high)

        scale = 16 if aperture == 7 else 1  # cv2.Canny divides by it
        expected = opencv(image, scale * low, scale * high, **chosen)
        assert np.array_equal(edges(image, thresholds="automatic", **chosen), expected)


def assert_otsu(values, threshold):
    """No cut parts the values into classes of greater between-class variance."""
    counts = np.bincount(values.ravel())
    below = np.cumsum(counts)
    mass = np.cumsum(counts * np.arange(len(counts)))
    cuts = np.flatnonzero((below > 0) & (below < below[-1]))
    low, all_low = below[cuts], mass[cuts]
    gap = all_low / low - (mass[-1] - all_low) / (below[-1] - low)
    variance = (low / below[-1]) * (1 - low / below[-1]) * gap**2
    assert variance[cuts == threshold].item() == pytest.approx(variance.max(), rel=1e-9)


# Stages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["camera", "coffee", "text"])
@pytest.mark.parametrize("sigma", [0.4, 1.4, 5.0])
def test_grey_and_blur_equal_opencv(name, sigma):
    image = photograph(name)
    pictures = steps(image, sigma=sigma)
    assert np.array_equal(pictures["Grayscale"], to_gray(image))
    blurred = cv2.GaussianBlur(to_gray(image), (0, 0), sigma)
    assert np.array_equal(pictures["Gaussian blur"], blurred)
    assert "Gaussian blur" not in steps(image, sigma=0.0)


@pytest.mark.parametrize(("aperture", "l2_norm"), KINDS)
def test_gradients_equal_opencv_in_real_numbers(aperture, l2_norm):
    """Equal to Sobel filters in 64-bit floats: 16 bits never saturate, not even on stripes."""
    stripes = np.zeros((40, 40), np.uint8)
    stripes[:, 20:] = 255
    images = [photograph("rocket"), np.dstack([stripes] * 3), np.dstack([stripes.T] * 3)]
    strongest = 0.0
    for image in [*images, *noise_images()]:
        pictures = steps(image, sigma=0.0, aperture=aperture, l2_norm=l2_norm)
        x, y = (sobel_in_floats(to_gray(image), dx, 1 - dx, aperture) for dx in (1, 0))
        assert np.array_equal(pictures["Gradient in x"], x)
        assert np.array_equal(pictures["Gradient in y"], y)
        magnitude = np.hypot(x, y) if l2_norm else np.abs(x) + np.abs(y)
        assert np.allclose(pictures["Gradient magnitude"], magnitude, rtol=1e-6)
        strongest = max(strongest, float(np.abs(x).max()))
    assert strongest >= 255 * {3: 4, 5: 48, 7: 40}[aperture]


def sobel_in_floats(gray, dx, dy, aperture):
    border = cv2.BORDER_REPLICATE
    gradient = cv2.Sobel(gray, cv2.CV_64F, dx, dy, ksize=aperture, borderType=border)
    return np.rint(gradient / 16) if aperture == 7 else gradient


def test_gradients_equal_spatial_gradient():
    gray = to_gray(photograph("chelsea"))
    expected = cv2.spatialGradient(gray, ksize=3, borderType=cv2.BORDER_REPLICATE)
    for ours, theirs in zip(sobel_gradients(gray, 3), expected, strict=True):
        assert ours.dtype == np.int16
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(("aperture", "l2_norm"), KINDS)
def test_non_maximum_suppression_equals_opencv_without_thresholds(aperture, l2_norm):
    for image in [photograph("grass"), photograph("astronaut"), *noise_images()]:
        pictures = steps(image, sigma=0.0, aperture=aperture, l2_norm=l2_norm)
        expected = opencv(image, 0, 0, aperture=aperture, l2_norm=l2_norm)
        thin = pictures["Non-maximum suppression"]
        assert np.array_equal(thin > 0, expected)
        assert np.array_equal(thin[thin > 0], pictures["Gradient magnitude"][thin > 0])


def test_strips_of_rows_leave_no_seam():
    """Images so wide or so tall that the work is done in many strips."""
    rng = np.random.default_rng(5)
    for shape in ((3, 70_000), (70_000, 3), (1000, 700)):
        gray = rng.integers(0, 256, shape, dtype=np.uint8)
        gx, gy = sobel_gradients(gray, 3)
        magnitude = gradient_magnitude(gx, gy, False)
        thin = suppress_non_maxima(gx, gy, magnitude) & (magnitude > 0)
        assert np.array_equal(thin, cv2.Canny(gray, 0, 0) > 0)


def test_double_threshold_and_hysteresis():
    pictures = steps(photograph("coins"), thresholds="fixed", low=60, high=150)
    thin, classes = pictures["Non-maximum suppression"], pictures["Double threshold"]
    assert np.array_equal(classes > 0, thin > 60)
    assert np.array_equal(classes == 255, thin > 150)
    assert set(np.unique(classes)) == {0, 100, 255}
    eight = np.ones((3, 3), bool)
    grown = ndimage.binary_propagation(classes == 255, structure=eight, mask=classes > 0)
    assert np.array_equal(pictures["Hysteresis"], grown)
    assert (classes == 255).sum() < grown.sum() < (classes > 0).sum()


def test_histogram_counts_every_pixel_and_marks_the_thresholds():
    for l2_norm in (False, True):
        chosen = {"thresholds": "fixed", "low": 300, "high": 50, "l2_norm": l2_norm}
        pictures = steps(photograph("camera"), **chosen)
        chart = pictures["Thresholds"]
        assert isinstance(chart, Histogram)
        assert chart.counts.sum() == 512 * 512
        assert [marker.position for marker in chart.markers] == [50, 300]
        mean = np.average(chart.x, weights=chart.counts)
        assert mean == pytest.approx(pictures["Gradient magnitude"].mean(), abs=chart.x[0])


def test_direction_has_the_colours_that_its_caption_names():
    towards = {"right": (255, 0, 0), "down": (128, 255, 0), "left": (0, 255, 255)}
    towards["up"] = (128, 0, 255)
    ramp = np.tile(np.arange(0, 250, 10, dtype=np.uint8), (25, 1))
    ramps = {"right": ramp, "down": ramp.T, "left": ramp[:, ::-1], "up": ramp.T[::-1]}
    for name, gray in ramps.items():
        gx, gy = sobel_gradients(np.ascontiguousarray(gray), 3)
        strength = gradient_magnitude(gx, gy, False)
        picture = direction_colors(gx, gy, strength).astype(int)
        assert np.abs(picture[12, 12] - towards[name]).max() <= 2, name
    assert not direction_colors(gx * 0, gy * 0, strength * 0).any()


# Regions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("closing", "min_area"), [(1, 0), (3, 200), (5, 30), (11, 1)])
@pytest.mark.parametrize("name", ["coins", "coffee"])
def test_regions_equal_scipy_and_skimage(name, closing, min_area):
    image = cv2.copyMakeBorder(photograph(name), *[20] * 4, cv2.BORDER_REPLICATE)
    # A border of one colour: SciPy and OpenCV differ in what they take to lie outside.
    image[:20], image[-20:], image[:, :20], image[:, -20:] = 0, 0, 0, 0
    done = run("canny_edges", image, closing=closing, min_area=min_area)
    pictures = {step.title: step.picture for step in done.steps}

    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (closing, closing))
    closed = ndimage.binary_closing(pictures["Hysteresis"], disk)
    assert closing == 1 or np.array_equal(pictures["Closing"], closed)
    filled = ndimage.binary_fill_holes(closed)
    assert np.array_equal(pictures["Filling"], filled)
    large = morphology.remove_small_objects(filled, max_size=max(min_area - 1, 0), connectivity=2)
    assert np.array_equal(done.segmentation.labels, measure.label(large, connectivity=2))
    assert filled.sum() > pictures["Hysteresis"].sum()


def test_default_finds_every_coin():
    done = run("canny_edges", get_sample("coins").load()).segmentation
    assert len(done.segments) == 24
    assert [segment.name for segment in done.segments][:2] == ["Region 1", "Region 2"]
    shapes = measure.regionprops(done.labels)
    assert min(region.extent for region in shapes) > 0.7  # a disk covers π/4 of its box
    assert min(region.solidity for region in shapes) > 0.93


def test_failure_preset_leaves_coins_open_and_loses_others():
    technique = segcore.TECHNIQUES["canny_edges"]
    image = get_sample(technique.fails.sample).load()
    coins = run("canny_edges", image).segmentation.labels
    failed = run("canny_edges", image, **technique.fails.settings).segmentation.labels

    covered = np.array([(failed[coins == coin] > 0).mean() for coin in range(1, 25)])
    assert (covered > 0.9).sum() == 13
    assert (covered == 0).sum() == 9
    assert ((covered > 0) & (covered < 0.2)).sum() == 2  # rings around nothing
    rings = [region for region in measure.regionprops(failed) if region.extent < 0.1]
    assert len(rings) == 2
    assert all(region.euler_number == 1 for region in rings)  # open: they enclose no hole


def test_degenerate_images():
    for image in noise_images():
        for output in ("edges", "regions"):
            done = run("canny_edges", image, output=output, min_area=1)
            assert done.segmentation.labels.shape == image.shape[:2]
            assert len(done.steps) >= 4
            if np.ptp(image) == 0:
                assert not done.segmentation.labels.any()
                assert done.segmentation.segments == ()
