"""Networks that come with a processor of their library: the way in, and the way out.

The processor prepares the image exactly as the publisher did when he trained and measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segcore.networks.network import Network
from segcore.result import Image, Labels

if TYPE_CHECKING:
    import torch

STEP = 32  # pixels: the strides of the networks divide it
LAYOUT = {"input_data_format": "channels_last"}  # of an image 1 pixel high nobody could guess it


def prepare(network: Network, image: Image, zoom: float = 1.0) -> Any:
    """What the processor makes of an image: `pixel_values` (1, 3, h, w) and more.

    Args:
        network: holds the processor.
        image: uint8 RGB H×W×3.
        zoom: the size that the network sees, against that which its publisher chose.
    """
    options: dict[str, Any] = {"return_tensors": "pt", **LAYOUT}
    if zoom != 1.0:
        sides = {name: side for name, side in dict(network.processor.size).items() if side}
        options["size"] = {
            name: max(STEP, round(side * zoom / STEP) * STEP) for name, side in sides.items()
        }
    return network.processor(images=image.copy(), **options)  # a copy: torch must not write to it


def as_seen(network: Network, x: torch.Tensor) -> Image:
    """A prepared image (1, 3, h, w) as uint8 RGB h×w×3, its normalisation undone."""
    processor = network.processor
    pixels = x[0].permute(1, 2, 0).float().numpy()
    pixels = pixels * np.float32(processor.image_std) + np.float32(processor.image_mean)
    return np.asarray((pixels * 255.0).round().clip(0, 255), np.uint8)


def run_prepared(network: Network, x: torch.Tensor, **options: object) -> Any:
    """What the network's module answers to a prepared image, computed in the network's own way.

    Args:
        network: its module takes the image and the options.
        x: (1, 3, h, w), as `prepare` makes it.
        **options: what else the module takes, such as `show`.
    """
    import torch

    way = network.way
    layout = torch.channels_last if way.channels_last else torch.contiguous_format
    x = x.contiguous(memory_format=layout)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=way.bfloat16):
        answer = network.module(x, **options)
    return answer.float() if isinstance(answer, torch.Tensor) else answer


def enlarged_winners(scores: torch.Tensor, size: tuple[int, int]) -> Labels:
    """The class, from 0, with the highest score at every pixel of an image.

    The library enlarges all scores at once, which of 150 classes would take gigabytes on a large
    photograph. One class at a time gives the same labels.

    Args:
        scores: (1, classes, h, w), float32.
        size: (width, height) of the image.
    """
    import torch

    best = winners = None
    for channel in range(scores.shape[1]):
        large = torch.nn.functional.interpolate(
            scores[:, channel : channel + 1], size=size[::-1], mode="bilinear", align_corners=False
        )[0, 0]
        if best is None or winners is None:
            best, winners = large, torch.zeros(large.shape, dtype=torch.int32)
            continue
        winners[large > best] = channel
        best = torch.maximum(best, large)
    return np.asarray(winners.numpy() if winners is not None else np.zeros(size[::-1]), np.int32)
