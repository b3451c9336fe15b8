"""Before a trunk is fitted, its decoder is told what does not depend on the frame: the average screen."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.pretraining.screens.windows import View
from agents.recordings.stream import WindowStream


def average(stream: WindowStream, view: View, minibatches: int) -> Tensor:
    """How often each character stands in each cell of a stream's coming minibatches: int64 [H·W, characters].

    The stream is left where it was. Counting gives the biases that the prior's updates approach elsewhere.
    """
    height, width = view.layout.board
    characters = view.layout.vocabulary
    counts = torch.zeros(height * width * characters, dtype=torch.int64, device=view.device)
    first = torch.arange(height * width, device=view.device) * characters
    before = stream.state_dict()
    for _ in range(minibatches):
        shown = view(stream.next())
        frames = view.screens(shown)[shown.real].flatten(1).long()
        counts += (frames + first).flatten().bincount(minlength=len(counts))
    stream.load_state_dict(before)
    return counts.view(-1, characters)
