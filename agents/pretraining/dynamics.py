"""Stage target: the dynamics model, which predicts the next observation of demonstrations (methods.md 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.curriculum import begin
from agents.demonstrations import Demonstrations
from agents.job import Job
from agents.networks import build
from agents.networks.cpu import tune_process
from agents.networks.seeded import seeded
from agents.pretraining.decoder import Decoder, VectorDecoder
from agents.pretraining.fit import Fit
from agents.pretraining.lesson import read
from agents.pretraining.prior import fit_prior
from agents.pretraining.windows import Windows
from agents.teacher import publish
from envs.base import Layout

BACKGROUND = 0
"""The id of an empty place among entities."""


class Dynamics:
    """A trunk with the decoder of the next grid, fitted to the windows of demonstrations."""

    def __init__(
        self,
        data: Demonstrations,
        layout: Layout,
        network: dict[str, Any],
        settings: Mapping[str, Any],
        seed: int,
        device: torch.device,
    ) -> None:
        """settings: head, predict_avatar, batch."""
        self.data, self.layout, self.batch, self.device = data, layout, settings["batch"], device
        self.net = build(layout, network, seed)
        with seeded(seed + 1):
            self.decoder = Decoder(self.net, settings["head"], settings["predict_avatar"])
        self.score = self.decoder.readout.score
        self.modules = nn.ModuleDict({"net": self.net, "decoder": self.decoder}).to(device)

    def predict(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [R, V] and true tokens [R] of the grids after the frames ``index``; padding is not asked for."""
        vectors = self.decoder(self.net.features(self.data.batch(index, self.device)))
        return self.decoder.readout.read(vectors, self.data.cells(self.layout, index + 1, self.device))

    def loss(self, index: Tensor, update: int) -> Tensor:
        """Mean cross-entropy of the next tokens."""
        return F.cross_entropy(*self.predict(index))

    def validate(self, index: Tensor) -> dict[str, float]:
        """Token accuracy over windows, beside what copying the last frame gets.

        accuracy, copy_accuracy: over all tokens asked for. accuracy_changed: over tokens that differ from the last
        frame, where copying is never right. Where cells hold entities, accuracy_entities and copy_accuracy_entities:
        over tokens that are not the background. loss: mean cross-entropy; log_likelihood: its negative.
        """
        readout, entities = self.decoder.readout, self.layout.grid_vocab is not None
        counts: Counter[str] = Counter()
        loss = 0.0
        for part in index.split(self.batch):
            logits, tokens = self.predict(part)
            grid, before = (self.data.cells(self.layout, part + ahead, self.device) for ahead in (1, 0))
            copied = readout.tokens(before)[readout.asked(grid)] == tokens
            right, something = logits.argmax(-1) == tokens, tokens != BACKGROUND
            loss += F.cross_entropy(logits, tokens, reduction="sum").item()
            flags = {
                "all": torch.ones_like(right), "right": right, "copied": copied, "changed": ~copied,
                "right changed": right & ~copied, "entities": something, "right entities": right & something,
                "copied entities": copied & something,
            }  # fmt: skip
            counts.update({name: int(flag.sum()) for name, flag in flags.items()})
        row = {
            "valid/accuracy": counts["right"] / counts["all"],
            "valid/copy_accuracy": counts["copied"] / counts["all"],
            "valid/loss": loss / counts["all"],
            "valid/log_likelihood": -loss / counts["all"],
        }
        if counts["changed"]:
            row["valid/accuracy_changed"] = counts["right changed"] / counts["changed"]
        if entities and counts["entities"]:
            row["valid/accuracy_entities"] = counts["right entities"] / counts["entities"]
            row["valid/copy_accuracy_entities"] = counts["copied entities"] / counts["entities"]
        return row


def train(job: Job) -> dict[str, Any]:
    """Fit a dynamics model to the parent's demonstrations; publish ``teacher.pt``, the best on held-out episodes.

    Returns the published weights' accuracies beside those of copying the last frame, and their hash.
    """
    tune_process()
    params, settings = job.params, {**job.params["training"], **job.params["settings"]}
    device = torch.device(job.device)
    layout, data, fitted, held_out = read(job, "demonstrations", params["language"])
    model = Dynamics(data, layout, params["network"], settings, job.stream("pretraining weights"), device)
    begin(model.net, job)
    source = Windows(fitted, settings["batch"], job.stream("pretraining order"))
    fit = Fit(job, model, source, held_out, settings)
    state, prior_frames = job.resume(), 0
    if isinstance(model.decoder.cell, VectorDecoder):
        order = Windows(fitted, settings["batch"], job.stream("prior order"))
        prior_frames = settings["prior_updates"] * order.size
        if state is None:
            fit_prior(layout, model.decoder.cell, model.decoder.readout, data, order, 1, settings)
    fit.run(state)
    facts = {name: settings[name] for name in ("head", "predict_avatar")}
    sha = publish(job, "teacher.pt", model.net, **facts, decoder=model.decoder.state_dict())
    return fit.facts(prior_frames) | model.net.facts() | {"trunk_sha": sha}
