"""Stage target: behaviour cloning from observation (Torabi et al. 2018; methods.md 6.4): the baseline "inverse RL".

An inverse model names the actions of demonstrations that show observations only, and the policy learns to play them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.curriculum import begin
from agents.demonstrations import Demonstrations
from agents.job import Job
from agents.networks import Network, build
from agents.networks.cpu import tune_process
from agents.pretraining import inverse
from agents.pretraining.fit import Fit
from agents.pretraining.lesson import read
from agents.pretraining.windows import Windows
from agents.teacher import publish

CLONED = ("policy_head.",)
"""The head that is published with the trunk; the baseline has learnt nothing."""


class Labelled:
    """The task: play the action with which each frame is labelled.

    labels: int64, one per frame of ``data``; only those of windows are read. usual: the label that is most frequent
    among the fitted windows.
    """

    score = "valid/accuracy"

    def __init__(
        self, data: Demonstrations, labels: Tensor, usual: int, net: Network, batch: int, entropy_cost: float
    ) -> None:
        self.data, self.labels, self.usual, self.net = data, labels, usual, net
        self.batch, self.entropy_cost = batch, entropy_cost
        self.device = next(net.parameters()).device
        self.modules = nn.ModuleDict({"net": net})

    def predict(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The policy's masked logits [B, actions] and the labels [B]."""
        frames = self.data.batch(index, self.device)
        return self.net.policy(self.net.features(frames).rep, frames["valid"]), self.labels[index].to(self.device)

    def loss(self, index: Tensor, update: int) -> Tensor:
        """Mean cross-entropy with the labels − entropy_cost × mean entropy."""
        logits, labels = self.predict(index)
        log_policy = logits.log_softmax(-1)
        entropy = -(log_policy.exp() * log_policy).sum(-1).mean()
        return F.nll_loss(log_policy, labels) - self.entropy_cost * entropy

    def validate(self, index: Tensor) -> dict[str, float]:
        """Agreement with the labels: of the greedy policy (accuracy), of always the usual one (majority); and the loss.

        loss: the mean cross-entropy, without the entropy's bonus.
        """
        right, loss = 0, 0.0
        for part in index.split(self.batch):
            logits, labels = self.predict(part)
            right += int((logits.argmax(-1) == labels).sum())
            loss += F.cross_entropy(logits, labels, reduction="sum").item()
        majority = (self.labels[index] == self.usual).double().mean().item()
        return {"valid/accuracy": right / len(index), "valid/majority": majority, "valid/loss": loss / len(index)}


def train(job: Job) -> dict[str, Any]:
    """Clone the parent's demonstrations as the parent's inverse model reads them; publish ``teacher.pt`` with its head.

    Returns the published weights' agreement with the labels beside that of the usual label, and their trunk's hash.
    """
    tune_process()
    params, settings = job.params, job.params["training"]
    device = torch.device(job.device)
    layout, data, fitted, held_out = read(job, "demonstrations", params["language"])
    labeller = inverse.load(job.parents["inverse"] / "inverse.pt", layout, device)
    labels = torch.zeros(len(data.episode), dtype=torch.int64)
    labels[data.windows()] = labeller.label(data, data.windows(), settings["batch"], device)
    usual = int(labels[fitted].bincount().argmax())
    net = build(layout, params["network"], job.stream("pretraining weights")).to(device)
    begin(net, job)
    task = Labelled(data, labels, usual, net, settings["batch"], params["settings"]["entropy_cost"])
    source = Windows(fitted, settings["batch"], job.stream("pretraining order"))
    fit = Fit(job, task, source, held_out, settings)
    fit.run(job.resume())
    sha = publish(job, "teacher.pt", net, heads=list(CLONED))
    return fit.facts() | net.facts() | {"trunk_sha": sha}
