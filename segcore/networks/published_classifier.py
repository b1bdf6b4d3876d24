"""Torchvision's classifiers, step by step: MobileNetV3, ResNet (He et al. 2016), ViT.

Each computes what torchvision's own forward pass does, in the same order, with the same modules,
and asks its last layers about each place as well.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segcore.networks.network import Network
from segcore.networks.pictures import feature_maps, profile, stretched
from segcore.networks.published import LONGEST, published, split_backbone, walk_backbone
from segcore.result import Image
from segcore.technique import Show, ignore

if TYPE_CHECKING:
    import torch
    from torch import nn

SHOWN_BLOCKS = 4  # of a transformer's; one looks like the next


def crop_as_published(image: Image, name: str, zoom: float, *, show: Show = ignore) -> Image:
    """The middle of the image, in the size that the published classifier sees.

    Args:
        image: uint8 RGB H×W×3; of one longer than four times its other side only the middle is
            resized, since the rest is cut off in any case.
        name: torchvision's name of the model.
        zoom: size against that which torchvision documents.
        show: receives the step.

    Returns:
        uint8 RGB h×h×3, resized and cut as the preset of the weights does it.
    """
    import torch
    from torchvision.transforms.functional import center_crop, resize

    preset = published(name).transforms()
    most = LONGEST * min(image.shape[:2])
    top, left = (max(0, n - most) // 2 for n in image.shape[:2])
    pixels = torch.tensor(image[top : top + most, left : left + most]).permute(2, 0, 1).contiguous()
    side = round(preset.resize_size[0] * zoom)
    large = resize(pixels, [side], interpolation=preset.interpolation, antialias=preset.antialias)
    middle = center_crop(large, [round(preset.crop_size[0] * zoom)])
    seen = np.ascontiguousarray(middle.permute(1, 2, 0).numpy())
    show(
        "What the network sees",
        seen,
        f"The middle of the image, {seen.shape[1]}×{seen.shape[0]} pixels.",
    )
    return seen


def classify_as_published(
    network: Network, seen: Image, name: str, *, show: Show = ignore
) -> tuple[torch.Tensor, torch.Tensor]:
    """The scores (n,) of all classes, and the same asked of each place, (n, h, w), float32.

    Args:
        network: its module is one of `open_classifier`.
        seen: uint8 RGB, as `crop_as_published` makes it.
        name: torchvision's name of the model.
        show: receives what goes on inside.
    """
    import torch
    from torchvision.transforms.functional import convert_image_dtype, normalize

    preset, way = published(name).transforms(), network.way
    pixels = convert_image_dtype(torch.from_numpy(seen).permute(2, 0, 1), torch.float)
    layout = torch.channels_last if way.channels_last else torch.contiguous_format
    x = normalize(pixels, preset.mean, preset.std)[None].contiguous(memory_format=layout)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=way.bfloat16):
        scores, places = network.module(x, show=show)
    return scores[0].float(), places[0].float()


def open_classifier(network: Any) -> nn.Module:
    """Torchvision's classifier with its numbers, showing its steps.

    Its module gives the scores (1, n) and what the last layers say of each place, (1, n, h, w).
    """
    return _open_transformer(network) if hasattr(network, "encoder") else _open_cnn(network)


def _open_cnn(network: Any) -> nn.Module:
    """A ResNet or a MobileNetV3: convolutions, the mean over all places, and what follows."""
    from torch import nn
    from torchvision.models._utils import IntermediateLayerGetter

    parts = OrderedDict(network.named_children())
    names = list(parts)
    before = OrderedDict((name, parts[name]) for name in names[: names.index("avgpool")])
    if len(before) == 1:  # MobileNetV3 keeps its blocks in one part
        before = OrderedDict(next(iter(before.values())).named_children())
    body = IntermediateLayerGetter(nn.Sequential(before), {next(reversed(before)): "last"})

    class PublishedCNN(nn.Module):
        """The same parts in the same order."""

        def __init__(self) -> None:
            super().__init__()
            self.stages, self.handed_on = split_backbone(body)
            self.pool: nn.Module = parts["avgpool"]
            self.head: nn.Module = parts[names[-1]]

        def forward(
            self, x: torch.Tensor, show: Show = ignore
        ) -> tuple[torch.Tensor, torch.Tensor]:
            x = walk_backbone(self.stages, self.handed_on, x, show=show)["last"]
            means = self.pool(x).flatten(1)
            show(
                "All that is left of the image",
                partial(profile, means),
                f"The mean of each of the {x.shape[1]} maps. Where anything was is gone.",
            )
            rows = self.head(x.permute(0, 2, 3, 1).flatten(0, 2))
            places = rows.reshape(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)
            return self.head(means), places

        def glance(self, x: torch.Tensor) -> torch.Tensor:
            """The scores alone, for the tuning to look at."""
            return self(x)[0]

    return PublishedCNN()


def _open_transformer(network: Any) -> nn.Module:
    """A ViT: patches as tokens, and one more token that is asked for the class."""
    import torch
    from torch import nn

    side: int = network.image_size

    class PublishedViT(nn.Module):
        """The same parts in the same order."""

        def __init__(self) -> None:
            super().__init__()
            self.patches: nn.Module = network.conv_proj
            self.class_token: nn.Parameter = network.class_token
            self.positions: nn.Parameter = network.encoder.pos_embedding
            self.blocks = nn.ModuleList(network.encoder.layers)
            self.norm: nn.Module = network.encoder.ln
            self.head: nn.Module = network.heads

        def forward(
            self, x: torch.Tensor, show: Show = ignore
        ) -> tuple[torch.Tensor, torch.Tensor]:
            maps = self.patches(x)
            size = maps.shape[2:]
            show(
                "Patches as tokens",
                partial(feature_maps, maps),
                f"{size[0] * size[1]} tokens of {maps.shape[1]} numbers, one per patch; here 12 of "
                "those numbers as maps, one pixel per patch.",
            )
            tokens = torch.cat([self.class_token, maps.flatten(2).transpose(1, 2)], 1)
            tokens, before = tokens + self.positions, tokens
            for number, block in enumerate(self.blocks, 1):
                before, tokens = tokens, block(tokens)
                if number % max(1, len(self.blocks) // SHOWN_BLOCKS) == 0:
                    show(
                        f"After block {number}",
                        partial(_as_maps, tokens, size),
                        f"The tokens after {number} of {len(self.blocks)} blocks, laid out as maps "
                        "(those numbers that vary most).",
                    )
            show(
                "Where the token of the class looks",
                partial(_attention, self.blocks[-1], before, size),
                "How much it takes from every patch in the last block, mean of its heads: bright "
                "is much.",
            )
            tokens = self.norm(tokens)
            places = self.head(tokens[:, 1:]).transpose(1, 2).unflatten(2, size)
            return self.head(tokens[:, 0]), places

        def glance(self, x: torch.Tensor) -> torch.Tensor:
            """The scores alone of an image of the one size that it takes, for the tuning."""
            return self(nn.functional.interpolate(x, size=(side, side)))[0]

    return PublishedViT()


def _as_maps(tokens: torch.Tensor, size: torch.Size) -> npt.NDArray[np.uint8]:
    return feature_maps(tokens[:, 1:].transpose(1, 2).reshape(1, -1, *size))


def _attention(block: Any, tokens: torch.Tensor, size: torch.Size) -> npt.NDArray[np.uint8]:
    """What the first token takes from the others, uint8 (rows, columns)."""
    import torch

    with torch.inference_mode():
        x = block.ln_1(tokens.float())
        _, weights = block.self_attention(x[:, :1], x, x, need_weights=True)
    return stretched(weights[0, 0, 1:].reshape(size).numpy())
