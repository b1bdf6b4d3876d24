"""Images and their targets change together."""

import numpy as np
import pytest

from segcore.training.augment import Augmentation, augment

STILL = Augmentation(scale=(1.0, 1.0), light=0.0, colour=0.0, blur=0.0)


def striped():
    """Targets in stripes, and an image that says the target in its red channel."""
    targets = np.repeat(np.arange(8, dtype=np.uint8), 6)[None].repeat(40, 0)
    image = np.zeros((40, 48, 3), np.uint8)
    image[..., 0] = targets * 30
    return image, targets


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "how",
    [
        STILL,
        Augmentation((1.0, 1.0), quarter_turns=True, light=0.0, colour=0.0, blur=0.0),
        Augmentation((0.5, 2.0), untouched=1.0, light=0.0, colour=0.0, blur=0.0),
    ],
)
def test_every_target_stays_on_its_pixel(how, seed):
    image, targets = striped()
    window, learned = augment(image, targets, (40, 40), how, np.random.default_rng(seed))
    assert window.shape == (40, 40, 3)
    # Shifts are whole numbers only where an image keeps its size, so allow the border between two.
    agree = np.rint(window[..., 0] / 30) == learned
    assert agree.mean() > (0.999 if how.untouched else 0.85)


def test_light_and_blur_change_the_image_alone():
    image, targets = striped()
    how = Augmentation((1.0, 1.0), untouched=1.0, light=0.5, colour=0.3, blur=1.0)
    rng = np.random.default_rng(3)
    window, learned = augment(image, targets, (48, 40), how, rng)
    plain, same = augment(
        image, targets, (48, 40), Augmentation((1.0, 1.0), 1.0), np.random.default_rng(3)
    )
    assert np.array_equal(learned, same)
    assert not np.array_equal(window, plain)


def test_the_input_stays_as_it_is_and_a_seed_repeats():
    image, targets = striped()
    before = image.copy(), targets.copy()
    how = Augmentation(turn=30.0, quarter_turns=True)
    first = augment(image, targets, (64, 32), how, np.random.default_rng(9))
    again = augment(image, targets, (64, 32), how, np.random.default_rng(9))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert np.array_equal(image, before[0])
    assert np.array_equal(targets, before[1])


def test_numbers_of_instances_survive():
    image = np.zeros((30, 30, 3), np.uint8)
    numbers = np.full((30, 30), 1234, np.uint16)
    _, learned = augment(image, numbers, (50, 50), Augmentation(turn=20.0), np.random.default_rng())
    assert learned.dtype == np.uint16
    assert set(np.unique(learned)) == {1234}
