"""Supervised training on windows of demonstrations: minibatches, validation, the best weights, resuming."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from agents.job import Job
from agents.pretraining.windows import Windows


class Task(Protocol):
    """What is fitted, and what is asked of it.

    modules: everything that is optimised. score: the metric of ``validate`` that should become large.
    """

    modules: nn.ModuleDict
    score: str

    def loss(self, index: Tensor, update: int) -> Tensor:
        """The loss on a minibatch of windows, int64 [B]; ``update`` counts from 0."""

    def validate(self, index: Tensor) -> dict[str, float]:
        """Metrics on held-out windows, by name, such as ``valid/accuracy``; called without gradient."""


class Fit:
    """One run of Adam on a task, with the best weights so far by its score on held-out windows.

    settings: lr, batch, updates, validate_every, grad_norm; with ``patience``, it ends after so many validations
    without a better score. purpose: of the random stream that orders the windows.
    """

    def __init__(
        self, job: Job, task: Task, fitted: Tensor, held_out: Tensor, settings: Mapping[str, Any], purpose: str
    ) -> None:
        self.job, self.task, self.settings, self.held_out = job, task, settings, held_out
        self.windows = Windows(fitted, settings["batch"], job.stream(purpose))
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
            "windows": len(self.windows.windows),
            "fitted_frames": frames_before + self.update * self.windows.size,
        }
        return self.best | cost | ({"converged": self.converged} if "patience" in self.settings else {})

    def _step(self) -> dict[str, float] | None:
        """One update; returns a row for the curve when a validation was due."""
        loss = self.task.loss(self.windows.next(), self.update)
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
            "windows": self.windows.state_dict(),
            "progress": [self.update, self.loss_sum, self.waited, self.best, self.best_weights],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.task.modules.load_state_dict(state["modules"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.windows.load_state_dict(state["windows"])
        self.update, self.loss_sum, self.waited, self.best, self.best_weights = state["progress"]
