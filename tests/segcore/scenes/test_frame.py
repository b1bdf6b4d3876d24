"""The frame of flat scenes: the same places at every size."""

import numpy as np
import pytest

from segcore.scenes.frame import HIGH, WIDE, Frame, grain


def test_the_own_size_of_the_frame_has_one_pixel_per_unit():
    frame = Frame(WIDE, HIGH)
    assert frame.scale == 1
    assert frame.places[0, 0] == 0.5 + 0.5j
    assert frame.places[-1, -1] == WIDE - 0.5 + (HIGH - 0.5) * 1j


@pytest.mark.parametrize(("width", "height"), [(64, 64), (400, 100), (16, 300), (1024, 768)])
def test_every_image_is_filled_and_shows_the_middle(width, height):
    frame = Frame(width, height)
    places = frame.places
    assert places.shape == (height, width)
    assert places.real.min() >= 0
    assert places.real.max() <= WIDE
    assert places.imag.min() >= 0
    assert places.imag.max() <= HIGH
    assert abs(places.mean() - complex(WIDE, HIGH) / 2) < 1e-3


@pytest.mark.parametrize("coarse", [1, 2, 4])
@pytest.mark.parametrize(("width", "height"), [(64, 64), (256, 192), (512, 300)])
def test_a_field_is_shown_at_its_place(width, height, coarse):
    frame = Frame(width, height)
    x = (np.arange(WIDE // coarse) + 0.5) * coarse
    y = (np.arange(HIGH // coarse) + 0.5) * coarse
    inner = (slice(height // 8, -height // 8), slice(width // 8, -width // 8))
    for field, expected in zip(
        np.meshgrid(x, y), (frame.places.real, frame.places.imag), strict=True
    ):
        # Bicubic weights do not keep a ramp quite straight: up to a twentieth of a sample is lost.
        np.testing.assert_allclose(frame.show(field)[inner], expected[inner], atol=0.06 * coarse)


def test_a_window_holds_every_pixel_in_reach():
    frame = Frame(100, 80)
    for centre in (128 + 96j, 10 + 180j, -4 + 50j, 400 + 96j):
        near = np.abs(frame.places - centre) <= 20
        window = np.zeros_like(near)
        window[frame.around(centre, 20)] = True
        assert not (near & ~window).any()
        assert window.sum() <= (2 * 20 * frame.scale + 4) ** 2


def test_a_blur_is_as_wide_at_every_size():
    for width in (128, 256, 512, 1024):
        frame = Frame(width, width * 3 // 4)
        step = (frame.places.real > 128).astype(np.float32)
        row = frame.blur(step, 12)[step.shape[0] // 2]
        at = np.interp((0.1587, 0.8413), row, frame.places[0].real)  # one deviation off the edge
        np.testing.assert_allclose(at, (116, 140), atol=1.5)


@pytest.mark.parametrize("sigma", [0.9, 4.0, 18.0])
def test_grain_has_mean_0_and_deviation_1(sigma):
    field = grain(np.random.default_rng(1), sigma)
    assert abs(field.mean()) < 1e-4
    assert abs(field.std() - 1) < 1e-4
