r"""CNN with global average pooling: one answer for the whole image

Idea
Convolutions turn the image into a coarse grid of features $f_k(x, y)$: 256 maps that answer to
fur, wheels, sky. **Global average pooling** keeps one number of each, its mean over all $N$ places;
where something was is thrown away on purpose. A linear layer then scores each class $c$:
$$S_c = \sum_k w_{ck}\,\frac1N \sum_{x,y} f_k(x, y) = \frac1N \sum_{x,y} M_c(x, y),\qquad
M_c(x, y) = \sum_k w_{ck}\, f_k(x, y)$$
Sum and mean may change places, so every score is the mean of a map $M_c$, the **class activation
map**: a network that was told nothing but the names shows where it saw them. A street shows many
things, so each class has a yes or no of its own (sigmoid, $1/(1+e^{-S_c})$); an animal is a cat or
a dog, so the classes share one (softmax).

The pretrained ones are torchvision's and know the thousand classes of ImageNet, one of which is
right. **ResNet50** ends as described. **MobileNetV3** has two layers after the mean, so that its
maps, made by asking these of each place, have no mean that is the score. **ViT-B/16** is no
convolutional network: it cuts the image into patches and asks one token more for the class.

Used for
Sorting photographs, screening X-rays, saying whether a part is faulty: wherever one answer for the
image is enough. Labels cost a second each, masks minutes. Class activation maps are the first
check of what such a network really looks at.

When it fails
It cannot say how many or how much, and it must choose among the names that it knows: with the
weights for pets the cup of `coffee` is a cat or a dog. The maps are coarse, one value for
16×16 pixels: no outline comes from them.

References
M. Lin, Q. Chen, S. Yan, *Network in network*, 2013.
B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba, *Learning deep features for discriminative
localization*, 2016.
K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, 2016.
A. Howard et al., *Searching for MobileNetV3*, 2019.
A. Dosovitskiy et al., *An image is worth 16×16 words*, 2021.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import cv2
import numpy as np
import numpy.typing as npt

from segcore.charts import Frames
from segcore.networks.answer import show_network
from segcore.networks.inference import compute_scores, look_at
from segcore.networks.layers import conv_norm_relu
from segcore.networks.network import LoadModel
from segcore.networks.pictures import feature_maps, profile
from segcore.networks.published import LoadPublished, published
from segcore.networks.published_classifier import (
    classify_as_published,
    crop_as_published,
    open_classifier,
)
from segcore.networks.settings import TrainedOn, Zoom
from segcore.result import Classification, Image
from segcore.task import Task
from segcore.technique import Architecture, Choice, Download, Only, Preset, Show, ignore
from segcore.weights import load_network
from segcore.weights.pretrained import load_published

if TYPE_CHECKING:
    import torch
    from torch import nn

WIDTHS = (16, 32, 64, 128, 256)  # channels at 1, 1/2, 1/4, 1/8 and 1/16 of the image's size
ONE_OF_SIZE = {"vit_b_16": "ViT-B/16, photographs (ImageNet)"}
RESIZED = {
    "mobilenet_v3_small": "MobileNetV3 small, photographs (ImageNet)",
    "mobilenet_v3_large": "MobileNetV3 large, photographs (ImageNet)",
    "resnet50": "ResNet50, photographs (ImageNet)",
}
PUBLISHED = RESIZED | ONE_OF_SIZE
ONE_OF = ("pets", *PUBLISHED)  # weights of which one class is right; of the others several may be
MOST = 12  # classes in a picture


def build(n_outputs: int) -> nn.Module:
    """The contracting half of our U-Net, less its last convolution, and a linear layer.

    Its layers have the names and shapes of the U-Net's, so that a training can start from them.
    """
    import torch
    from torch import nn

    class PooledCNN(nn.Module):
        """Five levels, each half the size of the one before; then the mean over all places."""

        def __init__(self) -> None:
            super().__init__()
            before = (3, *WIDTHS)
            self.encoders = nn.ModuleList(
                nn.Sequential(
                    conv_norm_relu(i, o), *([conv_norm_relu(o, o)] if o < WIDTHS[-1] else [])
                )
                for i, o in zip(before, WIDTHS, strict=False)
            )
            # A small thing moves a mean by little: each feature is brought to its own scale first.
            self.standardize = nn.BatchNorm1d(WIDTHS[-1], affine=False)
            self.head = nn.Linear(WIDTHS[-1], n_outputs)

        def forward(
            self, x: torch.Tensor, show: Show = ignore, pooled: bool = True
        ) -> torch.Tensor:
            """Scores (batch, n), or with `pooled` off the maps (batch, n, h, w) they are means of.

            The maps are right in evaluation mode only, in which `standardize` is linear.
            """
            for level, encoder in enumerate(self.encoders):
                x = encoder(nn.functional.max_pool2d(x, 2) if level else x)
                show(
                    f"Level {level + 1}",
                    partial(feature_maps, x),
                    f"{x.shape[1]} maps of {x.shape[3]}×{x.shape[2]} (those that vary most): "
                    "from edges and colours to parts of things.",
                )
            means = x.mean((2, 3))
            show(
                "All that is left of the image",
                partial(profile, means),
                f"The mean of each of the {x.shape[1]} maps. Where anything was is gone.",
            )
            if pooled:
                return torch.as_tensor(self.head(self.standardize(means)))
            places = x.permute(0, 2, 3, 1)
            rows = self.head(self.standardize(places.flatten(0, 2)))
            maps: torch.Tensor = rows.reshape(*places.shape[:3], -1).permute(0, 3, 1, 2)
            return maps

    return PooledCNN()


def classify(
    image: Image,
    *,
    weights: Annotated[
        TrainedOn,
        Choice(street="Street scenes, drawn", pets="Cats and dogs (Oxford pets)"),
        Download(**PUBLISHED),
    ] = "street",
    zoom: Annotated[Zoom, Only(weights=("street", "pets", *RESIZED))] = 1.0,
    show: Show = ignore,
    load_model: LoadModel = load_network,
    load_pretrained: LoadPublished = load_published,
) -> Classification:
    if weights in PUBLISHED:
        network = load_pretrained(open_classifier, weights)
        zoom = 1.0 if weights in ONE_OF_SIZE else zoom
        seen = crop_as_published(image, weights, zoom, show=show)
        scores, maps = classify_as_published(network, seen, weights, show=show)
        names = tuple(published(weights).meta["categories"])
    else:
        network = load_model(build, f"pooled_cnn_{weights}")
        seen = look_at(image, network, zoom, show=show)
        maps = compute_scores(network, seen, show=show, pooled=False)[0]
        scores, names = maps.mean((1, 2)), network.names
    chances = (scores.softmax(0) if weights in ONE_OF else scores.sigmoid()).numpy()
    best = int(chances.argmax())
    show(
        "Class activation maps",
        lambda: _activation_frames(seen, maps.numpy(), names, chances),
        "Orange: what speaks for the class, on the same scale for all. Where nothing but one layer "
        "follows the mean over all places, the mean of each map, with what speaks against it, is "
        "the score; no mask was needed to learn it.",
    )
    show(
        "The clearest map",
        maps[best].numpy(),
        f"The map of {names[best]} as it is: {maps.shape[2]}×{maps.shape[1]} numbers.",
    )
    show_network(network, seen, show=show)
    return Classification(names, chances)


HEAT = np.array([255, 140, 0], np.float32)  # RGB of what speaks for a class


def _activation_frames(
    seen: Image,
    maps: npt.NDArray[np.float32],
    names: tuple[str, ...],
    chances: npt.NDArray[np.float32],
) -> Frames:
    """The image in grey, orange where the map is high: for each likely class, the likeliest last.

    Args:
        seen: uint8 RGB h×w×3.
        maps: (n, h', w').
        names, chances: n of each.
    """
    order = np.argsort(chances, kind="stable")[-MOST:]
    top = max(float(maps[order].max()), 1e-6)
    gray = cv2.cvtColor(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    pictures = []
    for index in order:
        heat = cv2.resize(maps[index].clip(0, None) / top, (seen.shape[1], seen.shape[0]))
        weight = np.sqrt(heat)[..., None] * 0.85
        pictures.append(np.asarray(gray * (1 - weight) + HEAT * weight, np.uint8))
    return Frames(tuple(pictures), tuple(f"{names[i]} {chances[i]:.0%}" for i in order))


TASK = Task(
    "CNN with global average pooling",
    year=2013,
    answer=classify,
    fails=Preset("A cup is a cat or a dog", {"weights": "pets"}, "coffee"),
    presets=(Preset("A cat", {"weights": "pets"}, "chelsea"),),
    network=Architecture(
        build,
        paper_network="Network in network (2013)",
        paper_parameters=967_000,
        paper_score="8.8% of CIFAR-10's test images wrong",
        smaller="About as large as the paper's; its layers are those of our U-Net on the way down.",
    ),
)
