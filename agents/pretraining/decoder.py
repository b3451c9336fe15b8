"""The throw-away half of a pretrained model: from what the trunk made of a frame to the contents of a grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.networks import Features, Network
from agents.pretraining.readout import readout
from envs.base import EnvError


class VectorDecoder(nn.Module):
    """The vectors of all cells, linear in one vector of a frame: [B, inputs] -> [B, H·W, width].

    Its weights start at zero and its biases are first fitted to the average grid (``fit_prior``): otherwise the first
    thing that the trunk learns is to write the unchanging cells with a constant vector, saturating its tanh for good.
    """

    def __init__(self, inputs: int, cells: int, width: int) -> None:
        super().__init__()
        self.cells = cells
        self.linear = nn.Linear(inputs, cells * width)
        nn.init.zeros_(self.linear.weight)

    def forward(self, vector: Tensor) -> Tensor:
        return self.linear(vector).unflatten(1, (self.cells, -1))

    def average(self, frames: int) -> Tensor:
        """The vectors without any input, for so many frames."""
        return self.linear.bias.view(1, self.cells, -1).expand(frames, -1, -1)


class Decoder(nn.Module):
    """Vectors of the cells of the next grid, [B, H·W, width], from the features of the present frame.

    head "paper": a cell's vector is linear in its own features of the last map and the representation; where the map
    has no place for each cell (EMMA), all are linear in the representation, which is the whole map.
    head "rep" (ours): all cells' vectors are linear in the representation only, so that nothing predicts past it.
    avatar: of ``readout``. Raises EnvError for another head.
    """

    def __init__(self, net: Network, head: str, avatar: bool) -> None:
        super().__init__()
        if head not in ("paper", "rep"):
            raise EnvError(f"method.head is {head!r}, expected paper or rep")
        height, width = net.layout.board
        channels, *places = net.map_shape
        self.readout = readout(net, avatar)
        self.by_cell = head == "paper" and places == [height, width]
        self.cell: nn.Linear | VectorDecoder = (
            nn.Linear(channels + net.rep_size, self.readout.width)
            if self.by_cell
            else VectorDecoder(net.rep_size, height * width, self.readout.width)
        )

    def forward(self, features: Features) -> Tensor:
        if not self.by_cell:
            return self.cell(features.rep)
        spatial = features.conv.flatten(2).transpose(1, 2)
        rep = features.rep[:, None].expand(-1, spatial.shape[1], -1)
        return self.cell(torch.cat([spatial, rep], dim=2))
