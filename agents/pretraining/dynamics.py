"""Stage target: the dynamics model, which predicts the next observation of demonstrations (methods.md 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import envs
from agents.demonstrations import Demonstrations
from agents.job import Job
from agents.networks import Multi, build
from agents.networks.cpu import tune_process
from agents.pretraining.decoder import Decoder
from agents.pretraining.windows import Windows, split
from agents.teacher import digest, save, trunk
from envs.base import Layout, Observation

BOS = 1
"""The token before a cell's first; the id of the original."""
SHOWN = ("valid/accuracy", "valid/copy_accuracy")
"""What the live display shows of the best weights so far."""


class Dynamics:
    """A trunk with its decoder, and what is asked of the two."""

    def __init__(self, layout: Layout, network: dict[str, Any], head: str, seed: int, device: torch.device) -> None:
        self.layout, self.device = layout, device
        self.net: Multi = build(layout, network, seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 1)
            self.decoder = Decoder(self.net, layout, head)
        self.modules = nn.ModuleDict({"net": self.net, "decoder": self.decoder}).to(device)

    def predict(self, observation: Observation, target: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [R, V] and true tokens [R] of the next grid; padding is not asked for.

        target: the next grid's tokens [B, H, W, K, L].
        """
        return self._read_out(self.decoder(self.net.features(observation)), target)

    def _read_out(self, vectors: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """vectors: of every cell, [B, H·W, demb]."""
        tokens, asked = target.flatten(1, 2).flatten(2), self.asked(target)
        before = torch.cat([torch.full_like(tokens[..., :1], BOS), tokens[..., :-1]], dim=-1)
        frame, cell, _ = asked.nonzero(as_tuple=True)
        table = self.net.name_emb.weight
        logits = (F.embedding(before[asked], table) + vectors[frame, cell]) @ table.T
        if self.layout.grid_vocab is None:  # padding is never the answer, and its embedding stays zero
            logits = logits.index_fill(1, torch.tensor([self.layout.pad], device=self.device), -torch.inf)
        return logits, tokens[asked]

    def fit_prior(self, grids: Iterator[Tensor], lr: float) -> None:
        """Fit the biases of head "rep" to the average of ``grids``; every other weight stays as it is."""
        bias = self.decoder.cell.bias
        optimiser = torch.optim.Adam([bias], lr=lr)
        for target in grids:
            vectors = bias.view(1, self.decoder.cells, -1).expand(len(target), -1, -1)
            optimiser.zero_grad()
            F.cross_entropy(*self._read_out(vectors, target)).backward(inputs=[bias])
            optimiser.step()

    def asked(self, target: Tensor) -> Tensor:
        """Which tokens count: all but padding; every entity id counts, the background's too. Bool [B, H·W, K·L]."""
        tokens = target.flatten(1, 2).flatten(2)
        return torch.ones_like(tokens, dtype=torch.bool) if self.layout.grid_vocab else tokens != self.layout.pad

    @torch.no_grad()
    def accuracy(self, data: Demonstrations, windows: Tensor, batch: int) -> dict[str, float]:
        """Token accuracy over ``windows``, beside what copying the last frame gets.

        accuracy, copy_accuracy: over all tokens asked for. accuracy_changed: over tokens that differ from the last
        frame, where copying is never right. loss: mean cross-entropy.
        """
        right = copied = asked = changed = right_changed = 0
        loss = 0.0
        for index in windows.split(batch):
            now, target = data.batch(index, self.device), data.field(self.layout.grid, index + 1, self.device)
            logits, tokens = self.predict(now, target)
            before = now[self.layout.grid].flatten(1, 2).flatten(2)[self.asked(target)]
            hit, moved = logits.argmax(-1) == tokens, before != tokens
            loss += F.cross_entropy(logits, tokens, reduction="sum").item()
            right, asked = right + int(hit.sum()), asked + len(tokens)
            copied, changed = copied + int((~moved).sum()), changed + int(moved.sum())
            right_changed += int((hit & moved).sum())
        row = {"valid/accuracy": right / asked, "valid/copy_accuracy": copied / asked, "valid/loss": loss / asked}
        return row | ({"valid/accuracy_changed": right_changed / changed} if changed else {})


class Fit:
    """One run of supervised training, with the best weights so far by accuracy on held-out episodes."""

    def __init__(self, job: Job, model: Dynamics, data: Demonstrations) -> None:
        self.settings, self.model, self.data = job.params["training"], model, data
        fitted, self.held_out = split(data, self.settings["validation"])
        self.windows = Windows(fitted, self.settings["batch"], job.stream("pretraining order"))
        self.prior_windows = Windows(fitted, self.settings["batch"], job.stream("prior order"))
        self.optimiser = torch.optim.Adam(model.modules.parameters(), lr=self.settings["lr"])
        self.update, self.loss_sum = 0, 0.0
        self.best: dict[str, float] = {}
        self.best_weights: dict[str, Tensor] = {}

    def prior(self) -> None:
        """Let the biases of head "rep" reach the average grid first; the order of its windows is its own."""
        grid, device = self.model.layout.grid, self.model.device
        grids = (
            self.data.field(grid, self.prior_windows.next() + 1, device) for _ in range(self.settings["prior_updates"])
        )
        self.model.fit_prior(grids, self.settings["prior_lr"])

    def step(self) -> dict[str, float] | None:
        """One update; returns a row for the curve when a validation was due."""
        index, device = self.windows.next(), self.model.device
        target = self.data.field(self.model.layout.grid, index + 1, device)
        loss = F.cross_entropy(*self.model.predict(self.data.batch(index, device), target))
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.modules.parameters(), self.settings["grad_norm"])
        self.optimiser.step()
        self.update, self.loss_sum = self.update + 1, self.loss_sum + loss.item()
        every = self.settings["validate_every"]
        if self.update % every and self.update < self.settings["updates"]:
            return None
        row = {"train/loss": self.loss_sum / (self.update % every or every)}
        row |= self.model.accuracy(self.data, self.held_out, self.settings["batch"])
        self.loss_sum = 0.0
        if row["valid/accuracy"] > self.best.get("valid/accuracy", -1.0):
            self.best = row | {"best_update": self.update}
            self.best_weights = {name: tensor.clone() for name, tensor in self.model.net.state_dict().items()}
        return row

    def state_dict(self) -> dict[str, Any]:
        return {
            "modules": self.model.modules.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "windows": self.windows.state_dict(),
            "progress": [self.update, self.loss_sum, self.best, self.best_weights],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.modules.load_state_dict(state["modules"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.windows.load_state_dict(state["windows"])
        self.update, self.loss_sum, self.best, self.best_weights = state["progress"]


def train(job: Job) -> dict[str, Any]:
    """Fit a dynamics model to the parent's demonstrations; publish ``teacher.pt``, the best on held-out episodes.

    Returns the published weights' accuracies beside those of copying the last frame, and their hash.
    """
    tune_process()
    params = job.params
    device = torch.device(job.device)
    layout = envs.make(params["env"]["name"], 1, device, **params["env"]["options"]).layout
    data = Demonstrations.load(job.parents["demonstrations"] / "demonstrations.pt")
    model = Dynamics(layout, params["network"], params["head"], job.stream("pretraining weights"), device)
    fit = Fit(job, model, data)
    state = job.resume()
    if state is not None:
        fit.load_state_dict(state)
    elif params["head"] == "rep":
        fit.prior()
    while fit.update < fit.settings["updates"]:
        job.checkpoint(fit.state_dict)
        row = fit.step()
        if row is not None:
            job.log(fit.update, **row)
        job.progress(fit.update, fit.settings["updates"], **{key: fit.best[key] for key in SHOWN if key in fit.best})
    model.net.load_state_dict(fit.best_weights)
    sha = digest(trunk(model.net))
    job.publish("teacher.pt", lambda path: save(model.net, path, trunk_sha=sha))
    return fit.best | {"updates": fit.update, "windows": len(fit.windows.windows), "trunk_sha": sha}
