"""The U-Net: encoder, decoder, and the skip connections between them.

Ronneberger et al. (2015), "U-Net: Convolutional networks for biomedical image segmentation": what
it is for, and why it is built so, stands in segcore.techniques.semantic.unet. Semantic segmentation
runs it by itself, panoptic segmentation beside a Mask R-CNN.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.networks.layers import conv_norm_relu
from segcore.networks.pictures import feature_maps
from segcore.technique import Show, ignore

if TYPE_CHECKING:
    import torch
    from torch import nn


def build_unet(n_outputs: int, width: int = 16) -> nn.Module:
    """The U-Net of the paper at a quarter of its width (64), with batch normalisation."""
    import torch
    from torch import nn

    widths = tuple(width * 2**level for level in range(5))

    class UNet(nn.Module):
        """Five levels; each halves the size and doubles the channels."""

        skips = tuple((f"encoders.{level}", f"decoders.{3 - level}") for level in range(4))

        def __init__(self) -> None:
            super().__init__()
            self.encoders = nn.ModuleList(
                _two_convolutions(before, after)
                for before, after in zip((3, *widths), widths, strict=False)
            )
            self.enlargers = nn.ModuleList(
                nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in widths[-2::-1]
            )
            self.decoders = nn.ModuleList(
                _two_convolutions(2 * width, width) for width in widths[-2::-1]
            )
            self.classifier = nn.Conv2d(widths[0], n_outputs, 1)

        def forward(self, x: torch.Tensor, show: Show = ignore) -> torch.Tensor:
            levels = []
            for level, encoder in enumerate(self.encoders):
                x = encoder(nn.functional.max_pool2d(x, 2) if level else x)
                show(
                    f"Encoder {level + 1}",
                    partial(feature_maps, x),
                    f"{x.shape[1]} maps of {x.shape[3]}×{x.shape[2]} (those that vary most): "
                    "each step down halves the size, sees twice as far and holds more meaning.",
                )
                levels.append(x)
            levels.pop()
            for enlarge, decoder in zip(self.enlargers, self.decoders, strict=True):
                skip = levels.pop()
                x = torch.cat([enlarge(x), skip], dim=1)
                show(
                    f"Enlarged beside the skip, {x.shape[3]}×{x.shape[2]}",
                    partial(_halves, x),
                    "Upper row: the meaning that comes up from below, blurred. Lower row: what the "
                    "encoder handed over at this size, sharp.",
                )
                x = decoder(x)
                show(
                    f"Decoder, {x.shape[3]}×{x.shape[2]}",
                    partial(feature_maps, x),
                    "Both put together: maps that know what and where.",
                )
            scores: torch.Tensor = self.classifier(x)
            return scores

    return UNet()


def _two_convolutions(inputs: int, outputs: int) -> nn.Module:
    from torch import nn

    return nn.Sequential(conv_norm_relu(inputs, outputs), conv_norm_relu(outputs, outputs))


def _halves(x: torch.Tensor) -> npt.NDArray[np.uint8]:
    """Six maps of the first half of the channels above six of the second."""
    middle = x.shape[1] // 2
    return np.vstack([feature_maps(x[:, :middle], 6), feature_maps(x[:, middle:], 6)])
