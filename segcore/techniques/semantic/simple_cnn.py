r"""A small convolutional network: sharp eyes, eight pixels of view

Idea
A **convolution** slides one small set of weights over the image, so that a pattern is found
wherever it stands. Each of its channels answers to a pattern of its own:
$$y_c = \max\Big(0,\; b_c + \sum_{k}\sum_{i,j=-1}^{1} w_{c,k,i,j}\; x_k(u+i,\, v+j)\Big)$$
Here are only two: 64 channels from the colours, **max-pooling** that keeps the strongest answer of
every 2×2 pixels, 128 channels from those 64, enlarged again by 2. A 1×1 convolution turns the 128
numbers of each pixel into one score per class, softmax into probabilities.

The **receptive field** is all that a pixel's class can depend on. A convolution of size $k$ after
steps $s_1, s_2, \dots$ widens it by $(k-1)\prod s$: here $1 \to 3 \to 4 \to 8$ pixels. Through a
hole of 8×8, a grey wall and a grey road are the same thing.

Used for
Where colour and fine texture tell the class by themselves: defects on even material, crops against
soil, coloured markers. And as the first network that one writes and trains, in seconds.

When it fails
Wherever one must know what stands around. On `street` walls become road and panes of glass sky, in
speckles, since neighbours are decided apart. Seen at twice the size it gets worse: the hole then
shows half as much. Compare the other networks, which see the scene: no longer training closes
that gap.

References
Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document
recognition*, 1998 (convolution and pooling). F. Ning, D. Delhomme, Y. LeCun, F. Piano, L. Bottou,
P. Barbano, *Toward automatic phenotyping of developing embryos from videos*, 2005 (a convolutional
network labels pixels).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from segcore.networks.answer import answer_classes
from segcore.networks.inference import compute_scores, look_at
from segcore.networks.network import LoadModel
from segcore.networks.pictures import feature_maps
from segcore.networks.settings import StreetWeights, Zoom
from segcore.result import Image, Segmentation
from segcore.technique import Architecture, Preset, Show, Technique, ignore
from segcore.weights import load_network

if TYPE_CHECKING:
    import torch
    from torch import nn


def build(n_outputs: int) -> nn.Module:
    """Two convolutions with a pooling between them, and a classifier of single pixels."""
    import torch
    from torch import nn

    class SimpleCNN(nn.Module):
        """Conv 3×3 (64), max-pool 2, conv 3×3 (128), upsample 2, conv 1×1 to the classes."""

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 64, 3, padding=1)
            self.second = nn.Conv2d(64, 128, 3, padding=1)
            self.classifier = nn.Conv2d(128, n_outputs, 1)

        def forward(self, x: torch.Tensor, show: Show = ignore) -> torch.Tensor:
            x = torch.relu(self.first(x))
            show(
                "First convolution",
                partial(feature_maps, x),
                "12 of 64 maps (those that vary most): edges and colours, from 3×3 pixels each.",
            )
            x = nn.functional.max_pool2d(x, 2)
            show(
                "Max-pooled",
                partial(feature_maps, x),
                "The strongest answer of every 2×2 pixels: half the size, and less depends on the "
                "exact place.",
            )
            x = torch.relu(self.second(x))
            show(
                "Second convolution",
                partial(feature_maps, x),
                "12 of 128 maps: corners, stripes and textures, put together from what the first "
                "found.",
            )
            # Upsampling repeats pixels and the classifier looks at single ones, so that the order
            # of the two changes no number; this one takes half the time.
            scores: torch.Tensor = nn.functional.interpolate(self.classifier(x), scale_factor=2.0)
            show(
                "Scores, upsampled",
                partial(feature_maps, scores),
                "One map per class, each pixel repeated 2×2 times: outlines are steps of two "
                "pixels.",
            )
            return scores

    return SimpleCNN()


def segment(
    image: Image,
    *,
    weights: StreetWeights = "street",
    zoom: Zoom = 1.0,
    show: Show = ignore,
    load_model: LoadModel = load_network,
) -> Segmentation:
    network = load_model(build, f"simple_cnn_{weights}")
    seen = look_at(image, network, zoom, show=show)
    show(
        "What decides a pixel",
        lambda: receptive_fields(seen),
        "The receptive fields of 16 pixels, lit up: each is decided by its 8×8 pixels alone. "
        "Try to name their classes from that alone.",
    )
    scores = compute_scores(network, seen, show=show)
    return answer_classes(network, image, seen, scores, show=show)


def receptive_fields(seen: Image) -> Image:
    """The image darkened, but for what some of its pixels, four in a row, are decided by."""
    side, step = 1, 1
    for kernel, stride in ((3, 1), (2, 2), (3, 1)):  # convolution, pooling, convolution
        side += (kernel - 1) * step
        step *= stride
    light = np.zeros(seen.shape[:2], bool)
    # Both sides of the image are multiples of 16, and fields begin at odd rows and columns, since
    # they reach three pixels beyond a pooled pair.
    for top in range(seen.shape[0] // 8 + 1, seen.shape[0] - side, seen.shape[0] // 4):
        for left in range(seen.shape[1] // 8 + 1, seen.shape[1] - side, seen.shape[1] // 4):
            light[top : top + side, left : left + side] = True
    picture = np.where(light[..., None], seen, seen // 5)
    times = max(1, 512 // max(seen.shape[:2]))  # single pixels are to be seen
    return np.repeat(np.repeat(picture, times, axis=0), times, axis=1)


TECHNIQUE = Technique(
    "Simple CNN",
    year=2005,
    segment=segment,
    sample="street",
    fails=Preset("Twice the size, half the view", {"zoom": 2.0}, "street"),
    presets=(
        Preset("As in the article", {"weights": "street"}, "street"),
        Preset("Learned from photographs", {"weights": "camvid"}, "street"),
    ),
    network=Architecture(
        build,
        paper_network="LeNet-5 (1998)",
        paper_parameters=60_000,
        paper_score="0.95% of handwritten digits misread (MNIST)",
        smaller="It is no smaller: as many numbers as LeNet-5 had in 1998, spent on the class of "
        "every pixel instead of one digit per image.",
    ),
)
