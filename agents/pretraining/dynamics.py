"""Stage target: the dynamics model, which predicts the next observation of demonstrations (methods.md 4)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.demonstrations import Demonstrations
from agents.job import Job
from agents.networks import Multi, build
from agents.networks.cpu import tune_process
from agents.networks.seeded import seeded
from agents.pretraining.decoder import Decoder, VectorDecoder, asked, read_out
from agents.pretraining.fit import Fit
from agents.pretraining.lesson import read
from agents.pretraining.prior import fit_prior
from agents.pretraining.windows import Windows
from agents.teacher import publish
from envs.base import Layout


class Dynamics:
    """A trunk with the decoder of the next grid, fitted to the windows of demonstrations."""

    score = "valid/accuracy"

    def __init__(
        self,
        data: Demonstrations,
        layout: Layout,
        network: dict[str, Any],
        head: str,
        batch: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.data, self.layout, self.batch, self.device = data, layout, batch, device
        self.net: Multi = build(layout, network, seed)
        with seeded(seed + 1):
            self.decoder = Decoder(self.net, layout, head)
        self.modules = nn.ModuleDict({"net": self.net, "decoder": self.decoder}).to(device)

    def predict(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [R, V] and true tokens [R] of the grids after the frames ``index``; padding is not asked for."""
        grid = self.data.field(self.layout.grid, index + 1, self.device)
        return read_out(self.net, self.decoder(self.net.features(self.data.batch(index, self.device))), grid)

    def loss(self, index: Tensor, update: int) -> Tensor:
        """Mean cross-entropy of the next tokens."""
        return F.cross_entropy(*self.predict(index))

    def validate(self, index: Tensor) -> dict[str, float]:
        """Token accuracy over windows, beside what copying the last frame gets.

        accuracy, copy_accuracy: over all tokens asked for. accuracy_changed: over tokens that differ from the last
        frame, where copying is never right. loss: mean cross-entropy.
        """
        right = copied = total = changed = right_changed = 0
        loss = 0.0
        for part in index.split(self.batch):
            logits, tokens = self.predict(part)
            grid, before = (self.data.field(self.layout.grid, part + ahead, self.device) for ahead in (1, 0))
            before = before.flatten(1, 2).flatten(2)[asked(self.layout, grid)]
            hit, moved = logits.argmax(-1) == tokens, before != tokens
            loss += F.cross_entropy(logits, tokens, reduction="sum").item()
            right, total = right + int(hit.sum()), total + len(tokens)
            copied, changed = copied + int((~moved).sum()), changed + int(moved.sum())
            right_changed += int((hit & moved).sum())
        row = {"valid/accuracy": right / total, "valid/copy_accuracy": copied / total, "valid/loss": loss / total}
        return row | ({"valid/accuracy_changed": right_changed / changed} if changed else {})


def train(job: Job) -> dict[str, Any]:
    """Fit a dynamics model to the parent's demonstrations; publish ``teacher.pt``, the best on held-out episodes.

    Returns the published weights' accuracies beside those of copying the last frame, and their hash.
    """
    tune_process()
    params, settings, head = job.params, job.params["training"], job.params["settings"]["head"]
    device = torch.device(job.device)
    layout, data, fitted, held_out = read(job, "demonstrations", params["language"])
    weights = job.stream("pretraining weights")
    model = Dynamics(data, layout, params["network"], head, settings["batch"], weights, device)
    fit = Fit(job, model, fitted, held_out, settings, "pretraining order")
    state, prior_frames = job.resume(), 0
    if isinstance(model.decoder.cell, VectorDecoder):
        order = Windows(fitted, settings["batch"], job.stream("prior order"))
        prior_frames = settings["prior_updates"] * order.size
        if state is None:
            fit_prior(model.net, model.decoder.cell, data, order, 1, settings)
    fit.run(state)
    sha = publish(job, "teacher.pt", model.net, head=head, decoder=model.decoder.state_dict())
    return fit.facts(prior_frames) | {"trunk_sha": sha}
