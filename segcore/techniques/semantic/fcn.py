r"""Fully convolutional network (FCN): one score per class, from blocks to outlines

Idea
A network that names what is in a picture ends in layers that see all of it at once. Turn these
into **1×1 convolutions** and the same network reads a picture of any size and gives a coarse map of
scores, here one position for every 32×32 pixels. It knows *what* and hardly *where*. Shallower
layers know *where*: each gives a score map of its own, and what they see is added, coarse to fine:
$$f_{s} = \mathrm{score}_{s} + \mathrm{up}_{2}(f_{2s}), \qquad s = 16, 8, 4, 2$$
where $\mathrm{up}_2$ doubles a map by bilinear interpolation. The last $f_s$, enlarged to full
size, is the answer, called **FCN-32s, 16s, 8s** by its finest stride. The paper stops at 8. Our
images have half the side of the paper's, and poles two pixels wide, so we go on to 4 and 2.

The two pretrained ones are torchvision's: a **residual network** that stops shrinking at an eighth
of the size, so that one score map, enlarged eight times, is enough. They know the twenty objects of
PASCAL VOC on photographs.

Used for
The ancestor of every network on this page: before it, a window was slid over the picture, or
superpixels were classified. Still a sound choice for land cover from satellites, free space for
robots, tissue types: wherever regions are large.

When it fails
What is narrower than the finest stride. With stride 32 the poles, signs and people of `street` melt
into blocks. Scores are only *added*: a fine layer can correct an outline, but it has no way to look
again at what the coarse one saw, as the decoder of a U-Net does.

References
J. Long, E. Shelhamer, T. Darrell, *Fully convolutional networks for semantic segmentation*, 2015.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from segcore.networks.answer import answer_classes
from segcore.networks.inference import compute_scores, look_at
from segcore.networks.layers import conv_norm_relu
from segcore.networks.network import LoadModel
from segcore.networks.pictures import feature_maps
from segcore.networks.published import (
    LoadPublished,
    score_as_published,
    see_as_published,
    split_backbone,
    walk_backbone,
)
from segcore.networks.settings import StreetWeights, Zoom
from segcore.result import Image, Labels, Segmentation
from segcore.technique import (
    Architecture,
    Choice,
    Download,
    Label,
    Only,
    Preset,
    Show,
    Technique,
    ignore,
)
from segcore.weights import load_network
from segcore.weights.pretrained import load_published

if TYPE_CHECKING:
    import torch
    from torch import nn

FINEST = 2  # stride of the finest score map
PUBLISHED = {
    "fcn_resnet50": "ResNet50, photographs (COCO)",
    "fcn_resnet101": "ResNet101, photographs (COCO)",
}


def build(n_outputs: int) -> nn.Module:
    """Six stages of convolutions, from stride 1 to 32; all but the first give scores."""
    from torch import nn

    widths = (16, 64, 128, 128, 128, 128)

    class FCN(nn.Module):
        """Its answer at any stride is a sum of scores, so a coarser one is had by stopping early.

        For that every partial sum must be an answer. The paper trains one network per stride, each
        from the one before. Here one training does it all: of eight images in a batch one learns
        from the scores of stride 32 alone and one from those down to stride 8.
        """

        skips = tuple((f"stages.{5 - place}", f"scores.{place}") for place in range(1, 5))

        def __init__(self) -> None:
            super().__init__()
            self.stages = nn.ModuleList(
                [conv_norm_relu(3, widths[0]), *map(_two_convolutions, widths, widths[1:])]
            )
            self.scores = nn.ModuleList(nn.Conv2d(w, n_outputs, 1) for w in widths[:0:-1])
            for numbers in self.scores[1:].parameters():
                nn.init.zeros_(numbers)  # as in the paper: finer scores start by adding nothing

        def forward(
            self, x: torch.Tensor, show: Show = ignore, stride: int = FINEST
        ) -> torch.Tensor:
            size = x.shape[2:]
            maps = []
            for level, stage in enumerate(self.stages):
                x = stage(nn.functional.max_pool2d(x, 2, ceil_mode=True) if level else x)
                show(
                    f"Stage {level + 1}, stride {2**level}",
                    partial(feature_maps, x),
                    f"{x.shape[1]} maps of {x.shape[3]}×{x.shape[2]} (those that vary most): "
                    "each stage halves the size and sees twice as far.",
                )
                maps.append(x)
            sums: list[torch.Tensor] = []
            for place, score in enumerate(self.scores):
                at = 32 >> place
                # Sums in bfloat16 would lose what the finer scores are for.
                scores = score(maps.pop()).float()
                show(
                    f"Scores at stride {at}",
                    partial(feature_maps, scores),
                    "One map per class, by a 1×1 convolution of this stage alone: bright speaks "
                    "for the class, dark against it.",
                )
                if self.training:
                    scores = scores * _learns(place, scores)
                if sums:
                    scores = scores + _enlarged(sums[-1], 2, scores.shape[2:])
                sums.append(scores)
                show(
                    f"FCN-{at}s",
                    partial(_to_labels, scores, at, size),
                    f"The answer of all strides down to {at}: the class with the highest sum.",
                )
                if at == stride:
                    break
            show(
                "From blocks to outlines",
                partial(_side_by_side, sums, size),
                "The answers from stride 32 on, row by row: each finer score map corrects the "
                "outlines of the sum before it.",
            )
            return _enlarged(sums[-1], stride, size)

    return FCN()


def _two_convolutions(inputs: int, outputs: int) -> nn.Module:
    from torch import nn

    return nn.Sequential(conv_norm_relu(inputs, outputs), conv_norm_relu(outputs, outputs))


def _learns(place: int, scores: torch.Tensor) -> torch.Tensor:
    """Which images (batch, 1, 1, 1) learn with the scores at this place, counted from stride 32."""
    import torch

    image = torch.arange(len(scores), device=scores.device)
    learns = (image % 4 < 3) | (image // 4 % 2 * 2 >= place)
    return learns[:, None, None, None]


def _enlarged(scores: torch.Tensor, factor: int, size: torch.Size) -> torch.Tensor:
    """Scores `factor` times as large, less what juts out, where halving has rounded up."""
    from torch import nn

    large = nn.functional.interpolate(scores, scale_factor=factor, mode="bilinear")
    return large[:, :, : size[0], : size[1]]


def _to_labels(scores: torch.Tensor, stride: int, size: torch.Size) -> Labels:
    best = _enlarged(scores, stride, size)[0].argmax(0)
    return np.asarray(best.numpy() + 1, np.int32)


def _side_by_side(sums: list[torch.Tensor], size: torch.Size) -> Labels:
    """The labels of every sum of scores, three in a row, with void between them."""
    height, width = size
    gap = 2
    rows = -(-len(sums) // 3)
    columns = min(3, len(sums))
    page = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap), np.int32)
    for place, scores in enumerate(sums):
        top, left = place // 3 * (height + gap), place % 3 * (width + gap)
        page[top : top + height, left : left + width] = _to_labels(scores, 32 >> place, size)
    return page


def open_fcn(network: Any) -> nn.Module:
    """Torchvision's FCN with its numbers, showing its steps, up to the scores before enlarging."""
    from torch import nn

    class ResidualFCN(nn.Module):
        """Without the second head, which only helps in training."""

        def __init__(self) -> None:
            super().__init__()
            self.stages, self.handed_on = split_backbone(network.backbone)
            *head, scores = network.classifier.children()
            self.head, self.scores = nn.Sequential(*head), scores

        def forward(self, x: torch.Tensor, show: Show = ignore) -> torch.Tensor:
            x = self.head(walk_backbone(self.stages, self.handed_on, x, show=show)["out"])
            show(
                "What the scores are made of",
                partial(feature_maps, x),
                f"{x.shape[1]} maps after one more 3×3 convolution; 1×1 convolutions weigh them.",
            )
            scores: torch.Tensor = self.scores(x)
            return scores

    return ResidualFCN()


def segment(
    image: Image,
    *,
    weights: Annotated[StreetWeights, Download(**PUBLISHED)] = "street",
    stride: Annotated[
        int,
        Choice(2, 4, 8, 16, 32),
        Only(weights=("street", "camvid")),
        Label("Finest stride"),
        "Pixels between two positions of the finest score map that is used: 32 is blocky, the "
        "paper ends at 8.",
    ] = FINEST,
    zoom: Zoom = 1.0,
    show: Show = ignore,
    load_model: LoadModel = load_network,
    load_pretrained: LoadPublished = load_published,
) -> Segmentation:
    if weights in PUBLISHED:
        network = load_pretrained(open_fcn, weights)
        seen = see_as_published(image, weights, zoom, show=show)
        scores = score_as_published(network, seen, weights, show=show)
        return answer_classes(network, image, seen, scores, show=show)
    network = load_model(build, f"fcn_{weights}")
    seen = look_at(image, network, zoom, show=show)
    scores = compute_scores(network, seen, show=show, stride=stride)
    return answer_classes(network, image, seen, scores, show=show)


TECHNIQUE = Technique(
    "Fully convolutional network",
    year=2015,
    segment=segment,
    sample="street",
    fails=Preset("Stride 32: what, and roughly where", {"stride": 32}, "street"),
    presets=(
        Preset("FCN-8s, where the paper ends", {"stride": 8}, "street"),
        Preset("FCN-16s", {"stride": 16}, "street"),
        Preset("Learned from photographs", {"weights": "camvid"}, "street"),
    ),
    network=Architecture(
        build,
        paper_network="FCN-8s on VGG-16",
        paper_parameters=134_000_000,
        paper_score="mIoU 0.622 on PASCAL VOC 2012 test, twenty objects and background",
        smaller="The paper widens a network that had learned to name a million photographs. Ours "
        "starts from random numbers, with 64 to 128 channels in place of 64 to 4096.",
    ),
)
