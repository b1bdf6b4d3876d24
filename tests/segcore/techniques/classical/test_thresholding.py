"""Thresholding against OpenCV and scikit-image, on photographs and on noise."""

import cv2
import numpy as np
import pytest
from skimage import data, filters

from segcore import run
from segcore.charts import Histogram

GRAYS = {
    "camera": data.camera(),
    "coins": data.coins(),
    "page": data.page(),
    "moon": data.moon(),
    "text": data.text(),
    "noise": np.random.default_rng(1).integers(0, 256, (90, 120), dtype=np.uint8),
}


@pytest.fixture(params=GRAYS, scope="module")
def gray(request):
    return GRAYS[request.param]


def labels(gray, **settings):
    return run("thresholding", np.dstack([gray] * 3), **settings).segmentation.labels


def opencv(gray, kind, level=0):
    return cv2.threshold(gray, level, 1, kind)[1]


def test_article_preset_is_the_article_call(gray):
    assert np.array_equal(
        labels(gray, method="fixed", level=127), opencv(gray, cv2.THRESH_BINARY, 127)
    )


@pytest.mark.parametrize("level", [0, 1, 90, 254, 255])
def test_fixed(gray, level):
    expected = opencv(gray, cv2.THRESH_BINARY, level)
    assert np.array_equal(labels(gray, method="fixed", level=level), expected)
    assert np.array_equal(labels(gray, method="fixed", level=level, inverted=True), 1 - expected)


@pytest.mark.parametrize(
    ("method", "flag"), [("otsu", cv2.THRESH_OTSU), ("triangle", cv2.THRESH_TRIANGLE)]
)
def test_global_levels_equal_opencv(gray, method, flag):
    level, expected = cv2.threshold(gray, 0, 1, cv2.THRESH_BINARY | flag)
    done = run("thresholding", np.dstack([gray] * 3), method=method)
    assert np.array_equal(done.segmentation.labels, expected)
    chart = next(step.picture for step in done.steps if step.title == "Histogram")
    assert chart.markers[0].position == level


@pytest.mark.parametrize("flag", ["otsu", "triangle"])
def test_global_levels_on_random_histograms(flag):
    rng = np.random.default_rng(5)
    kind = cv2.THRESH_OTSU if flag == "otsu" else cv2.THRESH_TRIANGLE
    for _ in range(200):
        low, high = sorted(rng.integers(0, 256, 2))
        gray = rng.integers(low, high + 1, (12, 17), dtype=np.uint8)
        expected = opencv(gray, cv2.THRESH_BINARY | kind)
        assert np.array_equal(labels(gray, method=flag), expected), (low, high)


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("adaptive_mean", cv2.ADAPTIVE_THRESH_MEAN_C),
        ("adaptive_gaussian", cv2.ADAPTIVE_THRESH_GAUSSIAN_C),
    ],
)
@pytest.mark.parametrize(("window", "offset"), [(3, 0), (11, 2), (51, 10), (25, -7)])
def test_adaptive(gray, method, kind, window, offset):
    expected = cv2.adaptiveThreshold(gray, 1, kind, cv2.THRESH_BINARY, window, offset)
    assert np.array_equal(labels(gray, method=method, window=window, offset=offset), expected)


@pytest.mark.parametrize(("window", "k"), [(3, 0.2), (25, 0.2), (51, 0.0), (15, 0.5)])
def test_sauvola(gray, window, k):
    expected = gray > filters.threshold_sauvola(gray, window, k)
    assert np.array_equal(labels(gray, method="sauvola", window=window, k=k), expected)


@pytest.mark.parametrize("n_classes", [3, 4, 5])
def test_multi_otsu(gray, n_classes):
    done = run("thresholding", np.dstack([gray] * 3), method="multi_otsu", n_classes=n_classes)
    chart = next(step.picture for step in done.steps if step.title == "Histogram")
    levels = filters.threshold_multiotsu(gray, n_classes)
    assert [marker.position for marker in chart.markers] == list(levels)
    expected = 1 + np.digitize(gray, levels, right=True)
    assert np.array_equal(done.segmentation.labels, expected)


def test_multi_otsu_on_fewer_levels_than_classes():
    gray = np.repeat(np.uint8([[3, 200]]), 5, axis=0)
    assert set(np.unique(labels(gray, method="multi_otsu", n_classes=5))) == {1, 2}


def test_blur_is_opencvs(gray):
    smooth = cv2.GaussianBlur(gray, (0, 0), 2.0)
    assert np.array_equal(labels(gray, blur=2.0), labels(smooth))


def test_otsu_curve_peaks_at_the_threshold(gray):
    chart = next(
        step.picture
        for step in run("thresholding", np.dstack([gray] * 3)).steps
        if isinstance(step.picture, Histogram)
    )
    (curve,) = chart.curves
    assert curve.x[np.argmax(curve.y)] == chart.markers[0].position
    assert chart.counts.sum() == gray.size


def test_page_fails_with_one_level_and_reads_with_a_local_one():
    """The lesson of the article: Otsu blots the dark corner, Sauvola finds mostly paper there."""
    gray = data.page()
    corner = np.s_[: gray.shape[0] // 3, -gray.shape[1] // 8 :]
    corners = {
        "otsu": labels(gray, method="otsu", inverted=True),
        "sauvola": labels(gray, method="sauvola", window=25, inverted=True),
    }
    dark = {name: max(quarter_shares(mask)) for name, mask in corners.items()}
    assert dark["otsu"] > 0.6, (dark, corner)
    assert dark["sauvola"] < 0.3


def quarter_shares(mask):
    """Share of foreground in each tile of a 4×4 grid: printed text covers a fraction of paper."""
    return [tile.mean() for row in np.array_split(mask, 4) for tile in np.array_split(row, 4, 1)]
