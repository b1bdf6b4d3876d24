"""What a network is trained to do: where its batches come from and how wrong it is about one."""

from typing import Any, Protocol

from torch import Tensor, nn


class Objective(Protocol):
    """Batches and their loss; both hang on the recipe and the step alone."""

    def batch(self, step: int) -> Any:
        """The batch of a step, made while the network learns from the one before."""

    def loss(self, module: nn.Module, batch: Any, fast: bool) -> Tensor:
        """How wrong the network is about a batch.

        Args:
            module: the network, in training mode.
            batch: what `batch` made.
            fast: whether to compute in bfloat16.
        """
