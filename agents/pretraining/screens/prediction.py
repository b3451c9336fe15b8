"""What a decoder says of the characters of a terminal, and what it is told before it learns."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor, nn
from torch.nn import functional as F

from agents.pretraining.decoder import VectorDecoder
from envs.base import Layout, Observation


class Prediction(Protocol):
    """A distribution over characters for each cell of N screens."""

    def error(self, screens: Tensor) -> Tensor:
        """Cross-entropy with screens, int64 [N, H·W], summed over all cells."""

    def best(self) -> Tensor:
        """The most probable characters: int64 [N, H·W]."""


class Average(NamedTuple):
    """What stands in the cells of frames on average.

    frames: how many were looked at. characters: how often each character stood in each cell, int64 [H·W, characters].
    changes: the same, but only where the cell had another character in the frame before.
    """

    frames: int
    characters: Tensor
    changes: Tensor


class Softmax(NamedTuple):
    """logits: [N, H·W, characters]."""

    logits: Tensor

    def error(self, screens: Tensor) -> Tensor:
        return F.cross_entropy(self.logits.flatten(0, 1), screens.flatten(), reduction="sum")

    def best(self) -> Tensor:
        return self.logits.argmax(-1)


class DenseDecoder(nn.Module):
    """The paper's: one linear map from the vector to the logits of all characters in all cells (methods.md 1.6).

    For a vector of 512 it has 252 million weights; they take 1 GB, and 4 GB with Adam's.
    """

    def __init__(self, layout: Layout, inputs: int) -> None:
        super().__init__()
        height, width = layout.board
        self.vectors = VectorDecoder(inputs, height * width, layout.vocabulary)

    def forward(self, vectors: Tensor, present: Observation) -> Softmax:
        return Softmax(self.vectors(vectors))

    def start_from(self, average: Average) -> None:
        """Predict the average screen to begin with; a character that was never in a cell counts as seen once."""
        seen = average.characters + 1
        self.vectors.linear.bias.data.copy_((seen / seen.sum(1, keepdim=True)).log().flatten())
