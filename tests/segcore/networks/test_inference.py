"""The way from an image to what a network sees, and from its scores to labels."""

import cv2
import numpy as np
import pytest

from segcore.networks.inference import (
    look_at,
    stretch_contrast,
    to_classes,
    to_input,
    to_probabilities,
    to_segmentation,
)
from segcore.networks.network import Network


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (192, 256), (300, 401), (37, 900)])
def test_what_a_network_sees_has_sides_that_its_strides_divide(shape):
    image = np.zeros((*shape, 3), np.uint8)
    height, width = to_input(image, 256).shape[:2]
    assert height % 16 == 0
    assert width % 16 == 0
    assert min(height, width) >= 32
    assert max(height, width) == 256


def test_an_image_of_the_right_size_is_seen_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (192, 256, 3), dtype=np.uint8)
    assert to_input(image, 256) is image


def test_a_network_that_learned_from_stretched_images_gets_them():
    faint = np.full((64, 64, 3), 10, np.uint8)
    faint[:, 32:] = 20
    plain, stretched = (Network(None, (), 64, stretched) for stretched in (False, True))
    assert np.array_equal(look_at(faint, plain, 1.0), faint)
    seen = look_at(faint, stretched, 1.0)
    assert set(np.unique(seen[:, :32])) == {0}
    assert set(np.unique(seen[:, 32:])) == {255}
    assert np.array_equal(stretch_contrast(seen), seen)
    assert stretch_contrast(np.full((3, 3, 3), 77, np.uint8)).max() == 0


def test_classes_are_the_greatest_enlarged_probability():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(7), (12, 16)).transpose(2, 0, 1).astype(np.float32)
    size = (70, 51)
    large = np.stack([cv2.resize(p, size, interpolation=cv2.INTER_LINEAR) for p in probabilities])
    assert np.array_equal(to_classes(probabilities, size), large.argmax(0))


def test_a_first_class_called_background_has_the_label_0():
    probabilities = np.zeros((3, 4, 4), np.float32)
    probabilities[0] = 0.4
    probabilities[2, :, 2:] = 1.0
    result = to_segmentation(probabilities, ("Background", "Cat", "Dog"), (4, 4))
    assert [(s.label, s.name) for s in result.segments] == [(2, "Dog")]
    assert result.labels.tolist() == [[0, 0, 2, 2]] * 4
    named = to_segmentation(probabilities, ("Sky", "Cat", "Dog"), (4, 4))
    assert [(s.label, s.name) for s in named.segments] == [(1, "Sky"), (3, "Dog")]


def test_probabilities_sum_to_one():
    import torch

    scores = torch.randn(1, 5, 6, 8, generator=torch.Generator().manual_seed(0))
    assert np.allclose(to_probabilities(scores).sum(0), 1.0, atol=1e-6)
