"""Semantic networks that torchvision publishes, run exactly as torchvision documents it.

Resizing, normalisation, classes and the size of the training images are read from the enum of the
weights: `published(name)` finds it by torchvision's own name of the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from segcore.charts import Frames
from segcore.networks.network import Network
from segcore.networks.pictures import feature_maps
from segcore.result import Image
from segcore.technique import Show, ignore

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torchvision.models import WeightsEnum

# From torchvision's module to one of the same numbers that shows what goes on inside.
Wrap: TypeAlias = Callable[[Any], Any]
LoadPublished: TypeAlias = Callable[[Wrap, str], Network]
"""From the way to wrap a module and torchvision's name of the model, such as fcn_resnet50."""

# An image that is longer than so many times its height is seen smaller: one of 1×40 pixels would
# otherwise grow to ten megapixels.
LONGEST = 4


def published(name: str) -> WeightsEnum:
    """Torchvision's description of the weights that it offers as the best ones of a model.

    Args:
        name: torchvision's name of the model, such as fcn_resnet50.

    Raises:
        ValueError: torchvision has no model of that name.
    """
    from torchvision.models import get_model_weights

    weights: WeightsEnum = get_model_weights(name)["DEFAULT"]
    return weights


def title_of(category: str) -> str:
    """A class of torchvision as a legend shows it: `__background__` -> "Background"."""
    words = category.strip("_").replace("_", " ")
    return words[:1].upper() + words[1:]


def see_as_published(image: Image, name: str, zoom: float, *, show: Show = ignore) -> Image:
    """The image in the size that the published network sees.

    Args:
        image: uint8 RGB H×W×3.
        name: torchvision's name of the model.
        zoom: the shorter side against that which torchvision documents.
        show: receives the step.

    Returns:
        uint8 RGB h×w×3, resized as the preset of the weights does it.
    """
    import torch
    from torchvision.transforms.functional import resize

    preset = published(name).transforms()
    shorter, longer = sorted(image.shape[:2])
    side = round(preset.resize_size[0] * zoom)
    side = min(side, math.ceil(LONGEST * side * shorter / longer))
    pixels = torch.tensor(image).permute(2, 0, 1).contiguous()
    small = resize(pixels, [side], interpolation=preset.interpolation, antialias=preset.antialias)
    seen = np.ascontiguousarray(small.permute(1, 2, 0).numpy())
    show("What the network sees", seen, f"The image at {seen.shape[1]}×{seen.shape[0]} pixels.")
    return seen


def score_as_published(
    network: Network, seen: Image, name: str, *, show: Show = ignore
) -> torch.Tensor:
    """The scores (1, channels, h, w), float32, of a published network.

    Args:
        network: its module gives the scores at the size of its deepest maps.
        seen: uint8 RGB h×w×3, as `see_as_published` makes it.
        name: torchvision's name of the model.
        show: receives what goes on inside.
    """
    import torch

    x = published(name).transforms(resize_size=None)(torch.from_numpy(seen).permute(2, 0, 1))[None]
    way = network.way
    layout = torch.channels_last if way.channels_last else torch.contiguous_format
    x = x.contiguous(memory_format=layout)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=way.bfloat16):
        coarse = network.module(x, show=show).float()
        show(
            "Score of each class",
            partial(score_frames, coarse, network.names),
            f"One map of {coarse.shape[3]}×{coarse.shape[2]} per class, all on one scale: bright "
            "speaks for the class. They are enlarged to what the network saw.",
        )
        scores: torch.Tensor = torch.nn.functional.interpolate(
            coarse, size=x.shape[2:], mode="bilinear", align_corners=False
        )
    return scores.float()


def score_frames(scores: torch.Tensor, names: tuple[str, ...]) -> Frames:
    """One grey map per class, from the lowest score of all (black) to the highest (white)."""
    maps = scores[0].numpy()
    low, high = float(maps.min()), float(maps.max())
    grey = np.asarray((maps - low) * (255.0 / max(high - low, 1e-6)), np.uint8)
    order = np.argsort(maps.mean(axis=(1, 2)), kind="stable")
    return Frames(tuple(grey[c] for c in order), tuple(names[c] for c in order))


# The inside of a torchvision backbone -------------------------------------------------------------


def split_backbone(backbone: Any) -> tuple[nn.ModuleList, tuple[str, ...]]:
    """The stages of a backbone, and under what name each hands its maps on ("" if it does not).

    Layers without parts of their own, which stand at the beginning, are one stage; so are blocks
    that follow one another with as many channels, up to the one whose maps are handed on.

    Args:
        backbone: torchvision's IntermediateLayerGetter.
    """
    from torch import nn

    handed_on: dict[str, str] = backbone.return_layers
    stages: list[list[nn.Module]] = []
    names: list[str] = []
    kind: object = None
    for key, part in backbone.items():
        is_layer = not any(True for _ in part.children())
        now = "layers" if is_layer else getattr(part, "out_channels", key)
        if not stages or now != kind or names[-1]:
            stages.append([])
            names.append("")
        stages[-1].append(part)
        names[-1] = handed_on.get(key, "")
        kind = now
    return nn.ModuleList(nn.Sequential(*parts) for parts in stages), tuple(names)


def walk_backbone(
    stages: nn.ModuleList, names: tuple[str, ...], x: torch.Tensor, show: Show = ignore
) -> dict[str, torch.Tensor]:
    """The maps that the stages hand on, by name."""
    maps = {}
    for number, (stage, name) in enumerate(zip(stages, names, strict=True), 1):
        x = stage(x)
        show(
            f"Backbone, stage {number}",
            partial(feature_maps, x),
            f"{x.shape[1]} maps of {x.shape[3]}×{x.shape[2]} (those that vary most): the deeper "
            "the stage, the farther each pixel sees and the more it means.",
        )
        if name:
            maps[name] = x
    return maps
