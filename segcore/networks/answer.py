"""The last steps, which every network shares: probabilities, doubts, labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segcore.networks.inference import Probabilities, to_probabilities, to_segmentation
from segcore.networks.network import Network
from segcore.networks.pictures import diagram, entropy, probability_frames
from segcore.result import Image, Segmentation
from segcore.technique import Show, ignore

if TYPE_CHECKING:
    import torch


def answer_classes(
    network: Network, image: Image, seen: Image, scores: torch.Tensor, *, show: Show = ignore
) -> Segmentation:
    """The most probable class of every pixel of the image.

    Args:
        network: what gave the scores.
        image: uint8 RGB H×W×3, the image as it came.
        seen: uint8 RGB h×w×3, the image as the network saw it.
        scores: (1, channels, h, w).
        show: receives the steps.
    """
    probabilities = answer_probabilities(network, scores, show=show)
    size = image.shape[1], image.shape[0]
    result = to_segmentation(probabilities, network.names, size)
    show(
        "Labels", result.labels, "The most probable class of every pixel, at the image's own size."
    )
    show_network(network, seen, show=show)
    return result


def answer_probabilities(
    network: Network, scores: torch.Tensor, *, show: Show = ignore
) -> Probabilities:
    """The probability of every class, h×w, shown with the doubts."""
    probabilities = to_probabilities(scores)
    show(
        "Probability of each class",
        lambda: probability_frames(probabilities, network.names),
        "Softmax of the scores, one map per class: white is certain.",
    )
    show(
        "Uncertainty",
        lambda: entropy(probabilities),
        "Entropy over the classes: bright where the network hesitates, mostly along outlines.",
    )
    return probabilities


def show_network(network: Network, seen: Image, *, show: Show = ignore) -> None:
    """Shows the diagram of the network."""
    show(
        "The network",
        lambda: diagram(network.module, *seen.shape[:2]),
        "Every block with the size of its result and how many numbers it learned.",
    )
