"""Torchvision's DeepLabv3 (Chen et al. 2017) and LR-ASPP (Howard et al. 2019), step by step.

Each computes what torchvision's own forward pass does, in the same order, with the same modules.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from segcore.networks.pictures import as_squares, feature_maps
from segcore.networks.published import split_backbone, walk_backbone
from segcore.technique import Show, ignore

if TYPE_CHECKING:
    import torch
    from torch import nn


def open_deeplab(network: Any) -> nn.Module:
    """Torchvision's DeepLabv3 or LR-ASPP, showing its steps, up to the scores before enlarging."""
    import torch
    from torch import nn

    class PublishedDeepLab(nn.Module):
        """Without the second head, which only helps in training."""

        def __init__(self) -> None:
            super().__init__()
            self.stages, self.handed_on = split_backbone(network.backbone)
            aspp, *decoder, scores = network.classifier.children()
            self.pyramid: nn.ModuleList = aspp.convs
            self.merge: nn.Module = aspp.project
            kernels = [branch[0] for branch in aspp.convs[:-1]]  # the last one takes the mean
            self.rates = [k.dilation[0] if max(k.kernel_size) > 1 else 0 for k in kernels]
            self.decoder, self.scores = nn.Sequential(*decoder), scores

        def forward(self, x: torch.Tensor, show: Show = ignore) -> torch.Tensor:
            x = walk_backbone(self.stages, self.handed_on, x, show=show)["out"]
            answers = [branch(x) for branch in self.pyramid]
            for rate, answer in zip(self.rates, answers, strict=False):
                show(
                    f"ASPP branch, rate {rate}" if rate else "ASPP branch, 1×1",
                    partial(feature_maps, answer),
                    f"What the nine taps answer, {rate} pixels of these maps apart."
                    if rate
                    else "What each pixel says without looking around.",
                )
            show(
                "ASPP branch, whole image",
                partial(as_squares, answers[-1][:, :, :1, :1]),
                f"{answers[-1].shape[1]} numbers from the mean over the whole image, one grey "
                "square each, the same for every pixel.",
            )
            x = self.merge(torch.cat(answers, 1))
            show(
                "Branches merged",
                partial(feature_maps, x),
                "A 1×1 convolution weighs the five answers for every pixel.",
            )
            scores: torch.Tensor = self.scores(self.decoder(x))
            return scores

    class LiteRASPP(nn.Module):
        """Meaning at a sixteenth of the size, gated by the whole image, and scores at an eighth."""

        def __init__(self) -> None:
            super().__init__()
            self.stages, self.handed_on = split_backbone(network.backbone)
            head = network.classifier
            self.pixels, self.gate = head.cbr, head.scale
            self.fine_scores, self.coarse_scores = head.low_classifier, head.high_classifier

        def forward(self, x: torch.Tensor, show: Show = ignore) -> torch.Tensor:
            maps = walk_backbone(self.stages, self.handed_on, x, show=show)
            x, gate = self.pixels(maps["high"]), self.gate(maps["high"])
            show(
                "The gate",
                partial(as_squares, gate),
                f"{gate.shape[1]} factors from the mean over the whole image, one grey square "
                "each: which channels matter in this scene.",
            )
            x = x * gate
            show("Gated", partial(feature_maps, x), "Each channel times its factor.")
            x = nn.functional.interpolate(
                x, size=maps["low"].shape[2:], mode="bilinear", align_corners=False
            )
            fine, coarse = self.fine_scores(maps["low"]), self.coarse_scores(x)
            show(
                "Scores from early maps",
                partial(feature_maps, fine),
                "One map per class from the sharp maps of an early stage: these give outlines.",
            )
            show(
                "Scores from late maps",
                partial(feature_maps, coarse),
                "One map per class from the gated maps: these give the meaning. Both are added.",
            )
            scores: torch.Tensor = fine + coarse
            return scores

    is_lite = hasattr(network.classifier, "low_classifier")
    return LiteRASPP() if is_lite else PublishedDeepLab()
