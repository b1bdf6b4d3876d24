"""Layers that several networks are built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def conv_norm_relu(inputs: int, outputs: int, *, dilation: int = 1, stride: int = 1) -> nn.Module:
    """A 3×3 convolution, batch normalisation (Ioffe & Szegedy 2015) and a ReLU.

    Args:
        inputs: number of channels that come in.
        outputs: number of channels that go out.
        dilation: distance in pixels between the taps of the kernel.
        stride: the result has 1/stride of the height and width.
    """
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
