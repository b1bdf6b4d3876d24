r"""DeepLab: kernels with holes look near and far at once

Idea
To know what a pixel is one must see far around it. Shrinking the maps does that, and loses where
things are. An **atrous** convolution (French *à trous*, with holes) looks far without shrinking:
its nine taps stand $r$ pixels apart,
$$y(p) = b + \sum_{i,j=-1}^{1} w_{i,j}\; x\big(p + r\,(i, j)\big)$$
so that rate $r$ spans $2r + 1$ pixels with the nine weights of a 3×3 kernel. The last stages of
this network stay at an eighth of the image and widen their rates instead.

How far is far enough? A pole needs little, a road much. **Atrous spatial pyramid pooling** (ASPP)
asks at once: one branch sees the pixel alone, three look at rates 3, 6 and 12 (24, 48 and 96 pixels
of the image to each side), one takes the mean of the whole image. A 1×1 convolution weighs their
answers. That is DeepLabv3; the small **decoder** that lays the result over sharp early maps, to get
the outlines back, is what v3+ added.

Among the pretrained ones, which are torchvision's, are v3 with three backbones and their light
relative **LR-ASPP**: one branch looks at each pixel, another at the mean of the whole image, and
the second is not put beside the first but gates it, channel by channel, by a factor from 0 to 1.

Used for
Street scenes for driving, portraits cut out on phones, land cover from satellites: scenes where
objects come in many sizes.

When it fails
The rates are fixed in pixels. On `street` seen at half the size poles, signs and far people are
thinner than a pixel of the low-level maps, and sink into what stands behind them; at twice the size
every rate reaches half as far into the scene. The zoom at which it does best is the one that it was
trained on. Near the border wide rates look past the image, where there is nothing: their maps show
bands.

References
L.-C. Chen, G. Papandreou, F. Schroff, H. Adam, *Rethinking atrous convolution for semantic image
segmentation*, 2017 (v3). L.-C. Chen, Y. Zhu, G. Papandreou, F. Schroff, H. Adam, *Encoder-decoder
with atrous separable convolution for semantic image segmentation*, 2018 (v3+). A. Howard et al.,
*Searching for MobileNetV3*, 2019 (LR-ASPP).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import cv2
import numpy as np
import numpy.typing as npt

from segcore.networks.answer import answer_classes
from segcore.networks.inference import compute_scores, look_at
from segcore.networks.layers import conv_norm_relu
from segcore.networks.network import LoadModel
from segcore.networks.pictures import as_squares, feature_maps
from segcore.networks.published import (
    LoadPublished,
    score_as_published,
    see_as_published,
)
from segcore.networks.published_deeplab import open_deeplab
from segcore.networks.settings import StreetWeights, Zoom
from segcore.result import Image, Segmentation
from segcore.technique import (
    Architecture,
    Download,
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

ASPP_RATES = (3, 6, 12)  # distance between the taps of a branch, in pixels of its maps
OUTPUT_STRIDE = 8  # pixels of the image for one of those maps
PUBLISHED = {
    "lraspp_mobilenet_v3_large": "LR-ASPP MobileNetV3, photographs (COCO)",
    "deeplabv3_mobilenet_v3_large": "MobileNetV3, photographs (COCO)",
    "deeplabv3_resnet50": "ResNet50, photographs (COCO)",
    "deeplabv3_resnet101": "ResNet101, photographs (COCO)",
}


def build(n_outputs: int) -> nn.Module:
    """DeepLabv3+ with a residual backbone of our own, at a thirtieth of the paper's size."""
    import torch
    from torch import nn

    class DeepLab(nn.Module):
        """Backbone to an eighth of the size, ASPP, and a decoder that meets the map at a half."""

        skips = (
            ("low_level", "detail"),
            *(("stages.3", part) for part in ("pyramid.1", "pyramid.2", "pyramid.3", "scene")),
            *((f"pyramid.{index}", "merge") for index in range(4)),
            ("merge", "decoder"),
        )

        def __init__(self) -> None:
            super().__init__()
            self.low_level = nn.Sequential(conv_norm_relu(3, 24, stride=2), conv_norm_relu(24, 32))
            self.stages = nn.ModuleList(
                (
                    nn.Sequential(Residual(32, 64, stride=2), Residual(64, 64)),
                    Residual(64, 128, stride=2),
                    Residual(128, 128, dilation=2),
                    Residual(128, 128, dilation=4),
                )
            )
            self.pyramid = nn.ModuleList(
                (_pixelwise(128, 64), *(conv_norm_relu(128, 64, dilation=r) for r in ASPP_RATES))
            )
            # No normalisation: it would compare the one value per image only across the batch.
            self.scene = nn.Sequential(nn.Conv2d(128, 64, 1), nn.ReLU(inplace=True))
            self.merge = _pixelwise(5 * 64, 64)
            self.detail = _pixelwise(32, 16)
            self.decoder = nn.Sequential(conv_norm_relu(64 + 16, 40), conv_norm_relu(40, 40))
            self.classifier = nn.Conv2d(40, n_outputs, 1)

        def forward(self, x: torch.Tensor, show: Show = ignore) -> torch.Tensor:
            low_level = x = self.low_level(x)
            show(
                "Low-level maps",
                partial(feature_maps, x),
                "Edges and colours at half the size: sharp, but without meaning. They wait for the "
                "decoder.",
            )
            for stage in self.stages:
                x = stage(x)
            show(
                "Backbone",
                partial(feature_maps, x),
                f"12 of {x.shape[1]} maps at an eighth of the size. The last two stages do not "
                "shrink any further: their kernels have holes of 2 and 4 pixels instead.",
            )
            x = self.look_around(x, show=show)
            large = nn.functional.interpolate(x, size=low_level.shape[2:], mode="bilinear")
            x = torch.cat([large, self.detail(low_level)], dim=1)
            show(
                "Decoder: meaning meets detail",
                partial(_two_sources, x),
                "Upper rows: the merged branches, enlarged four times. Lower row: low-level maps, "
                "cut down to 16 so that they sharpen outlines and do not outvote the meaning.",
            )
            x = self.decoder(x)
            show(
                "Decoded",
                partial(feature_maps, x),
                "Two convolutions put both together: the outlines are back, at half the size.",
            )
            scores: torch.Tensor = nn.functional.interpolate(
                self.classifier(x), scale_factor=2.0, mode="bilinear"
            )
            return scores

        def look_around(self, x: torch.Tensor, show: Show = ignore) -> torch.Tensor:
            """Atrous spatial pyramid pooling: (batch, 128, h, w) -> (batch, 64, h, w)."""
            answers = []
            for rate, branch in zip((0, *ASPP_RATES), self.pyramid, strict=True):
                answers.append(branch(x))
                show(
                    f"ASPP branch, rate {rate}" if rate else "ASPP branch, 1×1",
                    partial(feature_maps, answers[-1]),
                    f"What the taps {rate * OUTPUT_STRIDE} pixels of the image to each side answer."
                    if rate
                    else "What each pixel says without looking around.",
                )
            scene = self.scene(x.mean((2, 3), keepdim=True))
            show(
                "ASPP branch, whole image",
                partial(as_squares, scene),
                "64 numbers from the mean over the whole image, one grey square each, the same for "
                "every pixel: what kind of scene this is.",
            )
            merged: torch.Tensor = self.merge(torch.cat([*answers, scene.expand_as(answers[0])], 1))
            show(
                "Branches merged",
                partial(feature_maps, merged),
                "A 1×1 convolution weighs the five answers for every pixel.",
            )
            return merged

    class Residual(nn.Module):
        """Two convolutions whose result is added to what came in (He et al. 2016)."""

        def __init__(
            self, inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1
        ) -> None:
            super().__init__()
            self.first = conv_norm_relu(inputs, outputs, stride=stride, dilation=dilation)
            self.second = nn.Sequential(
                nn.Conv2d(outputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
                nn.BatchNorm2d(outputs),
            )
            self.shortcut = (
                nn.Identity()
                if inputs == outputs
                else nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.second(self.first(x)) + self.shortcut(x))

    return DeepLab()


def _pixelwise(inputs: int, outputs: int) -> nn.Module:
    """A 1×1 convolution, batch normalisation and a ReLU."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def segment(
    image: Image,
    *,
    weights: Annotated[StreetWeights, Download(**PUBLISHED)] = "street",
    zoom: Zoom = 1.0,
    show: Show = ignore,
    load_model: LoadModel = load_network,
    load_pretrained: LoadPublished = load_published,
) -> Segmentation:
    if weights in PUBLISHED:
        network = load_pretrained(open_deeplab, weights)
        seen = see_as_published(image, weights, zoom, show=show)
        scores = score_as_published(network, seen, weights, show=show)
        return answer_classes(network, image, seen, scores, show=show)
    network = load_model(build, f"deeplab_{weights}")
    seen = look_at(image, network, zoom, show=show)
    show(
        "How far each rate looks",
        lambda: draw_taps(seen),
        "The nine taps of each branch for the pixel in the middle: rate 3 in yellow, 6 in orange, "
        "12 in red. Taps beyond the edge of the image see nothing.",
    )
    scores = compute_scores(network, seen, show=show)
    return answer_classes(network, image, seen, scores, show=show)


# Pictures of the steps ---------------------------------------------------------------------------


def draw_taps(seen: Image) -> Image:
    """The image, twice as large and darkened, with the taps of every rate round its middle."""
    drawn = cv2.resize(seen // 2, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    middle_x, middle_y = seen.shape[1], seen.shape[0]
    for rate, color in zip(
        ASPP_RATES, ((255, 230, 60), (255, 150, 30), (255, 60, 60)), strict=True
    ):
        reach = 2 * rate * OUTPUT_STRIDE
        corners = (middle_x - reach, middle_y - reach), (middle_x + reach, middle_y + reach)
        cv2.rectangle(drawn, *corners, color, 1)
        for across in (-reach, 0, reach):
            for down in (-reach, 0, reach):
                tap = middle_x + across, middle_y + down
                cv2.circle(drawn, tap, 5, color, cv2.FILLED, cv2.LINE_AA)
    return np.asarray(drawn, np.uint8)


def _two_sources(x: torch.Tensor) -> npt.NDArray[np.uint8]:
    """Twelve of the merged maps above six of the low-level ones."""
    return np.vstack([feature_maps(x[:, :64]), feature_maps(x[:, 64:], 6)])


TECHNIQUE = Technique(
    "DeepLab",
    year=2017,
    segment=segment,
    sample="street",
    fails=Preset("Poles too thin to see", {"zoom": 0.5}, "street"),
    presets=(
        Preset("Learned from photographs", {"weights": "camvid"}, "street"),
        Preset("Twice the size: rates look half as far", {"zoom": 2.0}, "street"),
    ),
    network=Architecture(
        build,
        paper_network="DeepLabv3+ on Xception-65",
        paper_parameters=41_000_000,
        paper_score="mIoU 0.878 on PASCAL VOC 2012 test, after learning from ImageNet and COCO",
        smaller="A backbone of twelve convolutions and a shortcut at half the size instead of a "
        "quarter, so that it trains in minutes and still sees thin poles in images of 256 pixels.",
    ),
)
