"""Before a trunk is fitted, its decoder is told what does not depend on the frame."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.pretraining.screens.prediction import Average
from agents.pretraining.screens.windows import View, followed
from agents.recordings.stream import WindowStream


def average(stream: WindowStream, view: View, minibatches: int) -> Average:
    """What the next screens of a stream's coming minibatches show; the stream is left where it was.

    Counting gives at once what the prior's updates approach elsewhere.
    """
    height, width = view.layout.board
    characters = view.layout.vocabulary
    shape = (height * width, characters)
    first = torch.arange(height * width, device=view.device) * characters
    total, changed = torch.zeros(2, height * width * characters, dtype=torch.int64, device=view.device)
    frames, before = 0, stream.state_dict()

    def count(into: Tensor, places: Tensor) -> None:
        into += places.bincount(minlength=len(into))

    for _ in range(minibatches):
        shown = view(stream.next())
        screens, asked = view.screens(shown), followed(shown)
        now, then = (part[asked].flatten(1).long() for part in (screens[:-1], screens[1:]))
        frames += len(then)
        count(total, (then + first).flatten())
        count(changed, (then + first)[then != now])
    stream.load_state_dict(before)
    return Average(frames, total.view(shape), changed.view(shape))
