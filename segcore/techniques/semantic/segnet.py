r"""SegNet: the decoder is told where each maximum stood

Idea
**Max pooling** keeps the greatest of each 2×2 values and forgets where it stood. SegNet writes that
place down: the **pooling indices**, two bits per value. Its decoder **unpools** by them,
$$y_{p} = \begin{cases} x_{q} & p = \arg\max_{r \in 2\times 2(q)} \mathrm{enc}_{r} \\
0 & \text{else} \end{cases}$$
so that every value returns to the very pixel it came from, and outlines stay where they were. Three
quarters of the enlarged map are zeros; convolutions fill the gaps. The decoder mirrors the encoder
stage by stage. No map is handed over, only places: where a U-Net stores 16 bits per value for its
shortcuts, SegNet stores two.

Used for
Road scenes in cars and robots with little memory, its first purpose; also floods, fields and roads
from the air. The same indices, there called switches, show which pixels made a network decide
(Zeiler & Fergus 2014).

When it fails
The indices say where something was greatest, not what stood beside it. Thin or faint things that
lose against their neighbour in the 2×2 are gone for good, so poles break and signs are lost where a
U-Net keeps them. And like every network it knows only what it was shown: on `coffee` every pixel
becomes a part of a street.

References
V. Badrinarayanan, A. Kendall, R. Cipolla, *SegNet: A deep convolutional encoder-decoder
architecture for image segmentation*, 2017.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from segcore.networks.answer import answer_classes
from segcore.networks.inference import compute_scores, look_at
from segcore.networks.layers import conv_norm_relu
from segcore.networks.network import LoadModel
from segcore.networks.pictures import feature_maps, sheet
from segcore.networks.settings import StreetWeights, Zoom
from segcore.result import Image, Segmentation
from segcore.technique import Architecture, Preset, Show, Technique, ignore
from segcore.weights import load_network

if TYPE_CHECKING:
    import torch
    from torch import nn

# One colour for each place in a 2×2, row by row: blue, orange, green, purple.
PLACES = ((68, 119, 170), (238, 153, 51), (34, 136, 51), (170, 51, 119))


def build(n_outputs: int) -> nn.Module:
    """The paper's encoder and its mirror image, with four stages of two convolutions each."""
    from torch import nn

    # Every channel brings indices of its own, and the finest say where an outline runs.
    pairs = ((16, 32), (48, 48), (96, 96), (160, 160))

    class SegNet(nn.Module):
        """Only indices go over from encoder to decoder, never a map."""

        skips = tuple((f"encoders.{level}", f"decoders.{3 - level}") for level in range(4))

        def __init__(self) -> None:
            super().__init__()
            self.encoders = nn.ModuleList()
            self.decoders = nn.ModuleList()
            width = 3
            for first, second in pairs:
                self.encoders.append(_convolutions(width, first, second))
                back = (second, first, width) if width > 3 else (second, first)
                self.decoders.insert(0, _convolutions(*back))
                width = second
            self.classifier = nn.Conv2d(pairs[0][0], n_outputs, 3, padding=1)

        def forward(self, x: torch.Tensor, show: Show = ignore) -> torch.Tensor:
            pooled = []
            for level, encoder in enumerate(self.encoders):
                x = encoder(x)
                show(
                    f"Encoder {level + 1}",
                    partial(feature_maps, x),
                    f"{x.shape[1]} maps of {x.shape[3]}×{x.shape[2]} (those that vary most).",
                )
                size = x.shape[2:]
                x, indices = nn.functional.max_pool2d(x, 2, ceil_mode=True, return_indices=True)
                pooled.append((indices, size))
                show(
                    f"Pooling indices {level + 1}",
                    partial(_places, x, indices, size[1]),
                    "Where in each 2×2 the maximum stood: blue upper left, orange upper right, "
                    "green lower left, purple lower right. Along outlines they line up; where "
                    "all four are equal, the first counts.",
                )
            for decoder in self.decoders:
                indices, size = pooled.pop()
                sparse = nn.functional.max_unpool2d(x, indices, (2, 2), output_size=size)
                x = decoder(sparse)
                show(
                    f"Unpooled, {size[1]}×{size[0]}",
                    partial(_sparse_and_dense, sparse, x),
                    "Upper row: each value back at the pixel it came from, zeros between. Lower "
                    "row: what the decoder's convolutions make of it, without gaps.",
                )
            scores: torch.Tensor = self.classifier(x)
            return scores

    return SegNet()


def _convolutions(*widths: int) -> nn.Module:
    from torch import nn

    return nn.Sequential(*map(conv_norm_relu, widths, widths[1:]))


def _places(x: torch.Tensor, indices: torch.Tensor, width: int) -> npt.NDArray[np.uint8]:
    """Six sheets of indices in colour, of the maps that vary most.

    Args:
        x: (1, channels, h, w), what was pooled.
        indices: of the same shape, places of the maxima in a map `width` pixels wide, row by row.
        width: of the map before pooling.
    """
    order = x[0].float().flatten(1).std(1, correction=0).argsort(descending=True, stable=True)[:6]
    chosen = indices[0, order.sort().values]
    codes = (chosen // width % 2 * 2 + chosen % width % 2).numpy().astype(np.uint8)
    palette = np.full((256, 3), 255, np.uint8)  # lines between the tiles stay white
    palette[:4] = PLACES
    return palette[sheet(list(codes), columns=3)]


def _sparse_and_dense(sparse: torch.Tensor, dense: torch.Tensor) -> npt.NDArray[np.uint8]:
    return np.vstack([feature_maps(sparse, 6), feature_maps(dense, 6)])


def segment(
    image: Image,
    *,
    weights: StreetWeights = "street",
    zoom: Zoom = 1.0,
    show: Show = ignore,
    load_model: LoadModel = load_network,
) -> Segmentation:
    network = load_model(build, f"segnet_{weights}")
    seen = look_at(image, network, zoom, show=show)
    scores = compute_scores(network, seen, show=show)
    return answer_classes(network, image, seen, scores, show=show)


TECHNIQUE = Technique(
    "SegNet",
    year=2017,
    segment=segment,
    sample="street",
    fails=Preset("Streets are all it knows", {"weights": "street"}, "coffee"),
    presets=(Preset("Learned from photographs", {"weights": "camvid"}, "street"),),
    network=Architecture(
        build,
        paper_network="SegNet on VGG-16",
        paper_parameters=29_500_000,
        paper_score="mIoU 0.601 on CamVid, eleven classes, after training on 3,500 road scenes",
        smaller="Four stages of two convolutions in place of thirteen convolutions in five stages, "
        "16 to 160 channels in place of 64 to 512, and no start from a network that had learned "
        "to name photographs.",
    ),
)
