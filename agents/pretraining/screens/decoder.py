"""The throw-away half of a pretrained model of screens."""

from __future__ import annotations

from agents.pretraining.screens.cells import CellDecoder
from agents.pretraining.screens.prediction import DenseDecoder
from envs.base import EnvError, Layout

HEADS = ("paper", "rep")
DECODERS = ("cells", "dense")

Decoder = CellDecoder | DenseDecoder


def build_decoder(layout: Layout, inputs: int, decoder: str, head: str) -> Decoder:
    """A decoder from vectors [N, inputs] and the present screens.

    decoder "cells" (ours): ``CellDecoder``; with head "paper" a cell sees what it shows at present, with "rep" only
    where the cursor is. decoder "dense": the paper's, which sees the vector alone, whatever the head. Raises EnvError.
    """
    if head not in HEADS:
        raise EnvError(f"method.head is {head!r}, expected {' or '.join(HEADS)}")
    if decoder not in DECODERS:
        raise EnvError(f"pretraining.decoder is {decoder!r}, expected {' or '.join(DECODERS)}")
    return CellDecoder(layout, inputs, head == "paper") if decoder == "cells" else DenseDecoder(layout, inputs)
