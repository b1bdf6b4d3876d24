"""A network that is ready to use: its module, its classes and how it likes to be run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import nn

# From the number of output channels to a torch module; Any, since torch is not loaded here.
Build: TypeAlias = Callable[[int], Any]


@dataclass(frozen=True)
class Way:
    """How a network computes: the order of its numbers in memory, and their precision."""

    channels_last: bool = False
    bfloat16: bool = False


PLAIN = Way()


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network.

    Attributes:
        module: from a tensor (1, 3, h, w), as `to_input` makes it, to scores (1, channels, h, w).
        names: what each channel stands for; a first one called "Background" gets the label 0.
        side: long side in pixels of the images that the network was trained on.
        stretched: whether it learned from images of stretched contrast and so needs them.
        way: how to compute; the plain one gives the same labels on every machine, and
            segcore.networks.tuning finds the fastest on this one.
        processor: what prepares its images and finishes its answers, where the library that it
            comes from has that.
    """

    module: nn.Module
    names: tuple[str, ...]
    side: int
    stretched: bool = False
    way: Way = PLAIN
    processor: Any = None


LoadModel: TypeAlias = Callable[[Build, str], Network]
"""From the way to build a module and the name of its weights, such as unet_street."""
