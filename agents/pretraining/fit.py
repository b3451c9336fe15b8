"""Supervised training on demonstrations: minibatches, validation, the best weights, resuming."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from agents.job import Job

Batch = TypeVar("Batch")
"""A minibatch of windows, as the source gives it and the task takes it."""
BatchGiven = TypeVar("BatchGiven", covariant=True)
BatchTaken = TypeVar("BatchTaken", contravariant=True)
HeldOut = TypeVar("HeldOut")
"""The held-out windows, as the task takes them."""
HeldOutTaken = TypeVar("HeldOutTaken", contravariant=True)


class Source(Protocol[BatchGiven]):
    """Minibatches of the windows to fit, without end.

    size: windows in a minibatch. windows: how many there are to draw from.
    """

    @property
    def size(self) -> int: ...

    @property
    def windows(self) -> int: ...

    def next(self) -> BatchGiven:
        """The next minibatch."""

    def state_dict(self) -> dict[str, Any]:
        """What the minibatches to come depend on."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from there."""


class Task(Protocol[BatchTaken, HeldOutTaken]):
    """What is fitted, and what is asked of it.

    modules: everything that is optimised. score: the metric of ``validate`` that should become large.
    """

    modules: nn.ModuleDict
    score: str

    def loss(self, batch: BatchTaken, update: int) -> Tensor:
        """The loss on a minibatch of windows; ``update`` counts from 0."""

    def validate(self, held_out: HeldOutTaken) -> dict[str, float]:
        """Metrics on held-out windows, by name, such as ``valid/accuracy``; called without gradient."""


class Fit(Generic[Batch, HeldOut]):
    """One run of Adam on a task, with the best weights so far by its score on held-out windows.

    settings: lr, updates, validate_every, grad_norm; with ``patience``, it ends after so many validations without a
    better score.
    """

    def __init__(
        self,
        job: Job,
        task: Task[Batch, HeldOut],
        source: Source[Batch],
        held_out: HeldOut,
        settings: Mapping[str, Any],
    ) -> None:
        self.job, self.task, self.source, self.held_out, self.settings = job, task, source, held_out, settings
        self.optimiser = torch.optim.Adam(task.modules.parameters(), lr=settings["lr"])
        self.update, self.loss_sum, self.waited = 0, 0.0, 0
        self.best: dict[str, float] = {}
        self.best_weights: dict[str, Tensor] = {}

    @property
    def converged(self) -> bool:
        """Whether the score has stopped improving."""
        return self.waited >= self.settings.get("patience", float("inf"))

    def run(self, state: Mapping[str, Any] | None) -> None:
        """Fit from the beginning, or from a checkpoint's state, to the end; the modules then hold the best weights."""
        if state is not None:
            self.load_state_dict(state)
        while self.update < self.settings["updates"] and not self.converged:
            self.job.checkpoint(self.state_dict)
            row = self._step()
            if row is not None:
                self.job.log(self.update, **row)
            shown = {self.task.score: self.best[self.task.score]} if self.best else {}
            self.job.progress(self.update, self.settings["updates"], **shown)
        self.task.modules.load_state_dict(self.best_weights)

    def facts(self, frames_before: int = 0) -> dict[str, Any]:
        """The best weights' metrics and what it took: updates, windows to draw from, frames that were fitted, those
        before the first update included."""
        cost = {
            "updates": self.update,
            "windows": self.source.windows,
            "fitted_frames": frames_before + self.update * self.source.size,
        }
        return self.best | cost | ({"converged": self.converged} if "patience" in self.settings else {})

    def _step(self) -> dict[str, float] | None:
        """One update; returns a row for the curve when a validation was due."""
        loss = self.task.loss(self.source.next(), self.update)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.task.modules.parameters(), self.settings["grad_norm"])
        self.optimiser.step()
        self.update, self.loss_sum = self.update + 1, self.loss_sum + loss.item()
        every = self.settings["validate_every"]
        if self.update % every and self.update < self.settings["updates"]:
            return None
        with torch.no_grad():
            row = {"train/loss": self.loss_sum / (self.update % every or every)} | self.task.validate(self.held_out)
        if not all(math.isfinite(value) for value in row.values()):
            raise RuntimeError(f"pretraining diverged: {row} after {self.update} updates; lower its lr")
        self.loss_sum = 0.0
        self.waited += 1
        if not self.best or row[self.task.score] > self.best[self.task.score]:
            self.waited = 0
            self.best = row | {"best_update": self.update}
            self.best_weights = {name: tensor.clone() for name, tensor in self.task.modules.state_dict().items()}
        return row

    def state_dict(self) -> dict[str, Any]:
        return {
            "modules": self.task.modules.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "windows": self.source.state_dict(),
            "progress": [self.update, self.loss_sum, self.waited, self.best, self.best_weights],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.task.modules.load_state_dict(state["modules"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.source.load_state_dict(state["windows"])
        self.update, self.loss_sum, self.waited, self.best, self.best_weights = state["progress"]
