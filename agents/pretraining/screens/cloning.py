"""Stage target: behaviour cloning from recorded screens (Torabi et al. 2018; methods.md 6.4): "inverse RL".

An inverse model names the actions of recordings, whose keys are not looked at, and the policy learns to play them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.curriculum import begin
from agents.job import Job
from agents.networks import Network, build
from agents.networks.cpu import tune_process
from agents.pretraining.cloning import CLONED
from agents.pretraining.fit import Fit
from agents.pretraining.screens import inverse
from agents.pretraining.screens.windows import View, followed, outputs, read
from agents.recordings.stream import Window
from agents.teacher import publish


class Labelled(NamedTuple):
    """A window, and the label of every step that has one, int64 [N], in the order of ``followed``."""

    window: Window
    labels: Tensor


class Cloning:
    """The task: play the action with which the inverse model labels each step of a window."""

    score = "valid/accuracy"

    def __init__(self, view: View, labeller: inverse.Inverse, net: Network, entropy_cost: float) -> None:
        self.view, self.labeller, self.net, self.entropy_cost = view, labeller, net, entropy_cost
        self.modules = nn.ModuleDict({"net": net}).to(view.device)

    def labelled(self, window: Window) -> Labelled:
        """A window as ``validate`` takes it."""
        shown = self.view(window)
        return Labelled(window, self.labeller.label(shown)[followed(shown)])

    def logits(self, shown: Window) -> Tensor:
        """The policy's logits [N, actions] for every step that has a label; all actions are possible."""
        logits: Tensor = self.net.policy_head(outputs(self.net, shown)[followed(shown)])
        return logits

    def loss(self, window: Window, update: int) -> Tensor:
        """Mean cross-entropy with the labels − entropy_cost × mean entropy."""
        shown = self.view(window)
        labels = self.labeller.label(shown)[followed(shown)]
        log_policy = self.logits(shown).log_softmax(-1)
        error = F.nll_loss(log_policy, labels, reduction="sum")
        entropy = -(log_policy.exp() * log_policy).sum()
        return (error - self.entropy_cost * entropy) / max(1, len(labels))

    def validate(self, held_out: list[Labelled]) -> dict[str, float]:
        """Agreement with the labels: of the greedy policy (accuracy), of always the one that is most frequent among
        them (majority); and the loss, the mean cross-entropy without the entropy's bonus."""
        right, loss = 0, 0.0
        for window, labels in held_out:
            logits = self.logits(self.view(window))
            right += int((logits.argmax(-1) == labels).sum())
            loss += F.cross_entropy(logits, labels, reduction="sum").item()
        every = torch.cat([labels for _, labels in held_out])
        majority = int(every.bincount().max()) / len(every)
        return {"valid/accuracy": right / len(every), "valid/majority": majority, "valid/loss": loss / len(every)}


def train(job: Job) -> dict[str, Any]:
    """Clone the parent's recordings as the parent's inverse model reads them; publish ``teacher.pt`` with its head.

    Returns the published weights' agreement with the labels beside that of the usual label, and their trunk's hash.
    """
    tune_process()
    params, settings = job.params, job.params["training"]
    lesson = read(job, "demonstrations", "pretraining order", params["language"])
    labeller = inverse.load(job.parents["inverse"] / "inverse.pt", lesson.view.layout, lesson.view.device)
    net = build(lesson.view.layout, params["network"], job.stream("pretraining weights"))
    begin(net, job)
    task = Cloning(lesson.view, labeller, net, params["settings"]["entropy_cost"])
    held_out = [task.labelled(window) for window in lesson.held_out]
    fit = Fit(job, task, lesson.fitted, held_out, settings)
    fit.run(job.resume())
    sha = publish(job, "teacher.pt", net, heads=list(CLONED))
    return lesson.facts(job, fit) | net.facts() | {"trunk_sha": sha}
