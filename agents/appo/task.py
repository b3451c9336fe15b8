"""What every process of a run has to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from torch import Tensor

from envs.base import Layout


class Snapshot(TypedDict):
    """What learning goes on from: the policy network's weights, Adam's state (None at the very beginning), the running
    moments of returns (None there, and where returns are not normalised), and how many frames and updates it has learnt
    from.
    """

    weights: dict[str, Tensor]
    optimiser: dict[str, Any] | None
    returns: dict[str, Tensor] | None
    frames: int
    updates: int


@dataclass(frozen=True)
class Task:
    """One run of APPO, from ``start`` on.

    env, options: of the training games; layout: theirs. copies: games that are stepped together. seed: of this
    attempt, so that a continued run does not meet the episodes again that it has played. network: as for ``build``.
    teacher: a teacher.pt, where there is distillation or shaping; distill: its weight in the loss; shaping, form: η and
    the form of its reward. lr falls linearly to 0 over ``frames``; learning ends at ``total``. start: a file with
    the ``Snapshot`` to learn on from.
    """

    env: str
    options: Mapping[str, Any]
    layout: Layout
    copies: int
    seed: int
    network: Mapping[str, Any]
    teacher: Path | None
    distill: float
    shaping: float
    form: str
    lr: float
    frames: int
    total: int
    start: Path
