"""Stage target: inverse dynamics of screens, which key leads from one to the next (methods.md 6.4)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from nle import nethack
from torch import Tensor, nn
from torch.nn import functional as F

from agents.job import Job
from agents.networks.cpu import tune_process
from agents.networks.nethack import ScreenEncoder
from agents.networks.seeded import seeded
from agents.pretraining.fit import Fit
from agents.pretraining.screens.windows import View, followed, read
from agents.recordings.stream import Window
from agents.saved import load_saved
from envs.base import EnvError, Layout

KEYS = 256
OUTSIDE = -1
"""Stands for a key that is none of the environment's actions."""
HIDDEN_LAYERS = 2


class Inverse(nn.Module):
    """q(a | o, o'): one encoder for both screens, and a perceptron of both vectors (methods.md 6.4, NetHack).

    layout: of the environment whose actions are named. sizes: of the encoder, and ``hidden``, the width of two layers.
    """

    def __init__(self, layout: Layout, *, hidden: int, **sizes: Any) -> None:
        super().__init__()
        self.encoder = ScreenEncoder(layout, **sizes)
        widths = [2 * self.encoder.size] + [hidden] * HIDDEN_LAYERS
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        self.action = nn.Linear(hidden, layout.num_actions)

    def forward(self, shown: Window) -> Tensor:
        """Logits [L - 1, B, actions] of the steps between a window's frames."""
        frames = {name: field.flatten(0, 1) for name, field in shown.observation.items()}
        vectors = self.encoder(frames).unflatten(0, shown.real.shape)
        step = torch.cat([vectors[:-1], vectors[1:]], -1)
        for layer in self.hidden:
            step = F.elu(layer(step))
        logits: Tensor = self.action(step)
        return logits

    @torch.no_grad()
    def label(self, shown: Window) -> Tensor:
        """The most probable action of every step, int64 [L - 1, B]; the window's own keys are not looked at."""
        return self(shown).argmax(-1)


def action_of_key(layout: Layout) -> Tensor:
    """The action of each key code, or OUTSIDE: int64 [256]. Of two actions with one key, it is the first."""
    actions = torch.full((KEYS,), OUTSIDE)
    for action, name in reversed(list(enumerate(layout.actions))):
        kind, _, key = name.partition(".")
        actions[int(getattr(nethack, kind)[key])] = action
    return actions


class ActionsOfKeys:
    """The task: name the action that was played between two screens. Keys that are no action are not asked for."""

    score = "valid/accuracy"

    def __init__(self, view: View, net: Inverse) -> None:
        self.view, self.net = view, net
        self.actions = action_of_key(view.layout).to(view.device)
        self.modules = nn.ModuleDict({"inverse": net}).to(view.device)

    def predict(self, window: Window) -> tuple[Tensor, Tensor]:
        """Logits [N, actions] and true actions [N] of the steps that are asked for."""
        shown = self.view(window)
        actions = self.actions[shown.keys[:-1]]
        asked = followed(shown) & (actions != OUTSIDE)
        return self.net(shown)[asked], actions[asked]

    def loss(self, window: Window, update: int) -> Tensor:
        """Mean cross-entropy."""
        logits, actions = self.predict(window)
        return F.cross_entropy(logits, actions, reduction="sum") / max(1, len(actions))

    def validate(self, held_out: list[Window]) -> dict[str, float]:
        """Share of right actions, and the mean cross-entropy."""
        right, total, loss = 0, 0, 0.0
        for window in held_out:
            logits, actions = self.predict(window)
            right, total = right + int((logits.argmax(-1) == actions).sum()), total + len(actions)
            loss += F.cross_entropy(logits, actions, reduction="sum").item()
        if not total:
            raise EnvError(
                "the held-out interaction that an inverse model learns from shows none of the environment's actions: "
                "raise interaction.episodes"
            )
        return {"valid/accuracy": right / total, "valid/loss": loss / total}


def build(layout: Layout, sizes: dict[str, Any], seed: int) -> Inverse:
    """An inverse model, initialised from ``seed`` alone; sizes: channels, screen, text, hidden."""
    with seeded(seed):
        return Inverse(layout, **sizes)


def load(path: Path, layout: Layout, device: torch.device) -> Inverse:
    """The inverse model of an ``inverse.pt``."""
    saved = load_saved(path, device)
    net = build(layout, saved["sizes"], seed=0).to(device)
    net.load_state_dict(saved["weights"])
    return net


def train(job: Job) -> dict[str, Any]:
    """Fit an inverse model to the parent's interaction until it stops improving; publish ``inverse.pt``.

    Returns the published weights' accuracy on held-out games, what the fit took, and whether it had converged.
    """
    tune_process()
    params, settings = job.params, job.params["training"]
    lesson = read(job, "interaction", "inverse order")
    sizes = {name: params["network"][name] for name in ("channels", "screen", "text")} | {"hidden": settings["hidden"]}
    net = build(lesson.view.layout, sizes, job.stream("inverse weights"))
    fit = Fit(job, ActionsOfKeys(lesson.view, net), lesson.fitted, lesson.held_out, settings)
    fit.run(job.resume())
    job.publish("inverse.pt", lambda path: torch.save({"weights": net.state_dict(), "sizes": sizes}, path))
    return lesson.facts(job, fit)
