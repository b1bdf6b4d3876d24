import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import linear_sum_assignment
from skimage import data

from segcore.charts import Curve
from segcore.result import Image, Labels
from segcore.technique import Recorder
from segcore.techniques.classical.gabor_texture import (
    TECHNIQUE,
    gabor_bank,
    middle_response,
    texture_features,
)

AS_IN_ARTICLE = TECHNIQUE.presets[0].settings


def segment(image: Image, **settings: Any) -> Labels:
    return TECHNIQUE.segment(image, **TECHNIQUE.complete(settings)).labels


def steps(image: Image, **settings: Any) -> dict[str, Any]:
    recorder = Recorder()
    TECHNIQUE.segment(image, show=recorder, **TECHNIQUE.complete(settings))
    return {step.title: step for step in recorder.steps}


def rgb(gray: npt.NDArray[Any]) -> Image:
    image = np.dstack([np.rint(gray).clip(0, 255).astype(np.uint8)] * 3)
    image.setflags(write=False)
    return image


def mosaic() -> tuple[Image, Labels]:
    """Brick, grass and gravel of equal mean and contrast round a point, and which is where."""
    y, x = np.mgrid[:512, :512] - 256
    angle = np.arctan2(y, x) + 0.4 * np.sin(np.hypot(x, y) / 60)
    truth = (angle % (2 * np.pi) / (2 * np.pi) * 3).astype(np.int32).clip(0, 2) + 1
    photographs = (getattr(data, name)().astype(float) for name in ("brick", "grass", "gravel"))
    equal = np.stack([128 + 42 * (p - p.mean()) / p.std() for p in photographs])
    return rgb(np.take_along_axis(equal, truth[None] - 1, axis=0)[0]), truth


def gratings() -> tuple[Image, Labels]:
    """Waves of 8 px: to the right on the left, downwards on the right, and faster ones below."""
    y, x = np.mgrid[:240, :320]
    truth = np.where(y >= 160, 3, np.where(x < 160, 1, 2)).astype(np.int32)
    phase = np.choose(truth - 1, [x / 8, y / 8, (x + y) / 5.6])
    return rgb(128 + 80 * np.sin(2 * np.pi * phase)), truth


def accuracy(labels: Labels, truth: Labels) -> float:
    """Share of right pixels, under the best pairing of labels."""
    counts = np.zeros((labels.max() + 1, truth.max() + 1))
    np.add.at(counts, (labels.ravel(), truth.ravel()), 1)
    rows, columns = linear_sum_assignment(-counts)
    return float(counts[rows, columns].sum() / truth.size)


@pytest.mark.parametrize("name", ["brick", "coffee", "astronaut"])
def test_as_in_the_article(name: str) -> None:
    image = getattr(data, name)()
    image = image if image.ndim == 3 else rgb(image)
    kernel = cv2.getGaborKernel((21, 21), 8.0, np.pi / 4, 10.0, 0.5, 0)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    shown = steps(image, **AS_IN_ARTICLE)
    filtered = cv2.filter2D(gray, cv2.CV_8UC3, kernel)
    assert filtered.dtype == np.uint8
    assert np.array_equal(shown["Response of one filter"].picture, filtered)
    sheet = shown["Filters"].picture[2:-2, 2:-2]
    assert sheet == pytest.approx(kernel / np.abs(kernel).max(), abs=1e-6)


def test_one_filter_tells_what_it_answers_from_what_it_does_not() -> None:
    image, truth = mosaic()
    labels = segment(image, **AS_IN_ARTICLE)
    assert set(np.unique(labels)) == {1, 2}
    assert accuracy(labels, np.where(truth == 1, 1, 2)) > 0.85  # brick, or grass and gravel


def test_one_filter_with_each_setting() -> None:
    image = data.coffee()
    settings = {"size": 31, "sigma": 4.5, "theta": 30, "wavelength": 7.5, "gamma": 1.2, "psi": 90}
    kernel = cv2.getGaborKernel((31, 31), 4.5, math.radians(30), 7.5, 1.2, math.pi / 2)
    expected = cv2.filter2D(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), -1, kernel)
    shown = steps(image, bank="single", **settings)
    assert np.array_equal(shown["Response of one filter"].picture, expected)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_defaults_separate_brick_grass_and_gravel(seed: int) -> None:
    image, truth = mosaic()
    assert accuracy(segment(image, seed=seed), truth) > 0.92


@pytest.mark.parametrize("smoothing", [8.0, 16.0, 24.0])
def test_smoothing_need_not_be_exact(smoothing: float) -> None:
    image, truth = mosaic()
    assert accuracy(segment(image, smoothing=smoothing), truth) > 0.9


def test_directions_and_wavelengths_tell_gratings_apart() -> None:
    image, truth = gratings()
    assert accuracy(segment(image, smoothing=8.0), truth) > 0.95


def test_wavelengths_too_long_fail() -> None:
    image, truth = mosaic()
    assert accuracy(segment(image, **TECHNIQUE.fails.settings), truth) < 0.85


def test_regions_go_from_dark_to_bright() -> None:
    image, _ = gratings()
    darker = rgb(image[..., 0] * np.where(np.arange(320) < 160, 0.5, 1.0))
    labels = segment(darker)
    means = [darker[labels == label].mean() for label in np.unique(labels)]
    assert len(means) == 3
    assert means == sorted(means)


@pytest.mark.parametrize("wavelength", [4, 8, 16])
@pytest.mark.parametrize("n_orientations", [1, 4, 6])
def test_filters_pass_their_wavelength_and_direction(wavelength: int, n_orientations: int) -> None:
    side = 256
    for turn, kernel in enumerate(gabor_bank([wavelength], n_orientations)):
        assert abs(kernel.sum()) < 1e-6
        assert np.abs(kernel).sum() == pytest.approx(1, abs=1e-5)
        spectrum = np.abs(np.fft.fft2(kernel, (side, side)))
        fy, fx = (np.fft.fftfreq(side)[i] for i in np.unravel_index(spectrum.argmax(), (side,) * 2))
        assert math.hypot(fx, fy) == pytest.approx(1 / wavelength, rel=0.05)
        turned = (math.atan2(fy, fx) - math.pi * turn / n_orientations) % math.pi
        assert min(turned, math.pi - turned) < 0.05


def test_filters_pass_one_octave() -> None:
    """The response falls to half its height an octave apart, about the filter's own frequency."""
    (kernel,) = gabor_bank([16], 1)
    spectrum = np.abs(np.fft.rfft(kernel.sum(axis=0), 4096))
    passed = np.fft.rfftfreq(4096)[spectrum >= spectrum.max() / 2]
    assert passed.max() / passed.min() == pytest.approx(2, rel=0.1)


def test_brightness_and_contrast_change_nothing() -> None:
    image, _ = gratings()
    labels = segment(image)
    dimmed = rgb(image[..., 0] / 4 + 100)
    assert (segment(dimmed) == labels).mean() > 0.99


def test_features_are_comparable() -> None:
    gray = mosaic()[0][..., 0].astype(np.float32)
    features = texture_features(gray, gabor_bank([4, 8], 3), 12.0, Recorder())
    assert features.shape == (512 // 3, 512 // 3, 6)
    assert features.dtype == np.float32
    assert features.mean(axis=(0, 1)) == pytest.approx(0, abs=1e-4)
    assert features.std(axis=(0, 1)) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("bank", ["bank", "single"])
@pytest.mark.parametrize("level", [0, 117, 255])
def test_an_even_image_is_one_region(bank: str, level: int) -> None:
    labels = segment(np.full((90, 130, 3), level, np.uint8), bank=bank, n_clusters=5)
    assert (labels == 1).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 3)])
def test_fewer_pixels_than_clusters(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    labels = segment(image, n_clusters=8, smoothing=1.0, position_weight=1.0)
    assert labels.shape == shape
    assert 1 <= labels.min() <= labels.max() <= 8


def test_position_holds_regions_together() -> None:
    image = rgb(np.random.default_rng(2).normal(128, 40, (256, 256)))
    parts = [
        sum(
            cv2.connectedComponents((labels == n).astype(np.uint8))[0] - 1
            for n in np.unique(labels)
        )
        for labels in (segment(image), segment(image, position_weight=1.0))
    ]
    assert parts[1] <= 4 < parts[0]


@pytest.mark.parametrize("shape", [(512, 512), (200, 60), (90, 400)])
def test_middle_of_the_response_is_what_the_whole_image_has(shape: tuple[int, int]) -> None:
    plane = np.random.default_rng(3).uniform(0, 255, shape).astype(np.float32)
    for kernel in gabor_bank([4, 16], 3):
        top, left = (max(0, (side - 128) // 2) for side in shape)
        whole = cv2.filter2D(plane, -1, kernel)[top : top + 128, left : left + 128]
        assert middle_response(plane, kernel) == pytest.approx(whole, abs=1e-3)


def test_curve_shows_which_direction_a_region_answers() -> None:
    image, truth = gratings()
    shown = steps(image, shortest=8, n_wavelengths=1, n_orientations=2, smoothing=8.0)
    curve = shown["Energy of each region"].picture
    assert isinstance(curve, Curve)
    assert [marker.label for marker in curve.markers] == ["8 px"]
    labels = shown["Regions"].picture
    by_name = {line.name: line.y for line in curve.series}
    right = by_name[f"Texture {np.bincount(labels[truth == 1]).argmax()}"]
    down = by_name[f"Texture {np.bincount(labels[truth == 2]).argmax()}"]
    assert right[0] > 0.5 > right[1]
    assert down[1] > 0.5 > down[0]


def test_progress_rises_and_can_cancel() -> None:
    fractions: list[float] = []
    recorder = Recorder(fractions.append)
    TECHNIQUE.segment(data.chelsea(), show=recorder, **TECHNIQUE.complete({}))
    assert len(fractions) == 16
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < fractions[-1] <= 1

    def cancel(fraction: float) -> None:
        if fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TECHNIQUE.segment(data.chelsea(), show=Recorder(cancel), **TECHNIQUE.complete({}))
