"""Before a trunk is fitted, its decoder learns what does not depend on the frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional as F

from agents.demonstrations import Demonstrations
from agents.pretraining.decoder import VectorDecoder
from agents.pretraining.readout import Readout
from agents.pretraining.windows import Windows
from envs.base import Layout


def fit_prior(
    layout: Layout,
    decoder: VectorDecoder,
    readout: Readout,
    data: Demonstrations,
    windows: Windows,
    ahead: int,
    settings: Mapping[str, Any],
) -> None:
    """Fit a decoder's biases to the average grid of windows; every other weight stays as it is.

    ahead: 1 for grids of the next frame, 0 for those of the window's own. settings: prior_updates, prior_lr. It reads
    prior_updates × windows.size frames.
    """
    bias, device = decoder.linear.bias, decoder.linear.bias.device
    optimiser = torch.optim.Adam([bias], lr=settings["prior_lr"])
    for _ in range(settings["prior_updates"]):
        grid = data.cells(layout, windows.next() + ahead, device)
        optimiser.zero_grad()
        F.cross_entropy(*readout.read(decoder.average(len(grid)), grid)).backward(inputs=[bias])
        optimiser.step()
