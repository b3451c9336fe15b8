"""Stage target: inverse dynamics, which action leads from an observation to the next (methods.md 6.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.demonstrations import Demonstrations
from agents.job import Job
from agents.networks.base import IMPOSSIBLE
from agents.networks.cpu import tune_process
from agents.networks.distinct import distinct
from agents.networks.seeded import seeded
from agents.networks.text import TextEncoder
from agents.pretraining.fit import Fit
from agents.pretraining.lesson import read
from agents.pretraining.windows import Windows
from agents.saved import load_saved
from envs.base import EnvError, Layout, Observation, cells


class Inverse(nn.Module):
    """q(a | o, o'): what changed in every cell, and the texts, through one hidden layer.

    As in the networks that read them, an empty place of SILG's grid has an embedding and one of a frame has none.
    demb, drnn: widths of the embeddings and of each LSTM direction. hidden: width of the layer.
    """

    def __init__(self, layout: Layout, *, demb: int, drnn: int, hidden: int) -> None:
        super().__init__()
        self.layout = layout
        height, width = layout.board
        self.emb = nn.Embedding(layout.vocabulary, demb, padding_idx=layout.pad)
        self.name_emb = self.emb
        if layout.grid_vocab is not None:
            nothing = layout.pad if layout.history > 1 else None
            self.name_emb = nn.Embedding(layout.grid_vocab, demb, padding_idx=nothing)
        self.text = TextEncoder((), demb, drnn)  # its BiLSTM alone
        self.hidden = nn.Linear(2 * height * width * demb + 2 * drnn, hidden)
        self.action = nn.Linear(hidden, layout.num_actions)

    def forward(self, now: Observation, grid: Tensor) -> Tensor:
        """Masked logits [B, actions] of the move from observations ``now`` to the next grids [B, H, W, K, L]."""
        before, after = self._cells(cells(now[self.layout.grid], self.layout)), self._cells(grid)
        contents = torch.cat([before, after - before], 2).flatten(1)
        texts = torch.stack([self._read(now[field], now[f"{field}_len"]) for field in self.layout.texts]).sum(0)
        logits = self.action(torch.tanh(self.hidden(torch.cat([contents, texts], 1))))
        return logits - (1 - now["valid"]) * IMPOSSIBLE

    def _cells(self, grid: Tensor) -> Tensor:
        """Sum of every cell's embeddings: [B, H·W, demb]."""
        return cast(Tensor, self.name_emb(grid.flatten(1, 2).flatten(2).long())).sum(2)

    def _read(self, tokens: Tensor, length: Tensor) -> Tensor:
        """BiLSTM states of texts, summed over their tokens: [B, 2 drnn]. tokens: [B, W]; length: [B, 1]."""
        first, inverse = distinct(torch.cat([tokens, length], 1))
        states = self.text.encode(self.emb, torch.cat([tokens[first], length[first]], 1)).states
        read = torch.arange(states.shape[1], device=length.device) < length[first]
        return (states * read[:, :, None]).sum(1).index_select(0, inverse)

    @torch.no_grad()
    def label(self, data: Demonstrations, windows: Tensor, batch: int, device: torch.device) -> Tensor:
        """The most probable action of every window, int64 [W]; the data's own actions are not looked at."""
        parts = [
            self(data.batch(index, device), data.cells(self.layout, index + 1, device)).argmax(-1).cpu()
            for index in windows.split(batch)
        ]
        return torch.cat(parts)


class ActionsOfInteraction:
    """The task: name the action that was played in each window."""

    score = "valid/accuracy"

    def __init__(self, data: Demonstrations, net: Inverse, batch: int, device: torch.device) -> None:
        if data.actions is None:
            raise EnvError("the interaction that an inverse model learns from was stored without its actions")
        self.data, self.actions, self.net, self.batch, self.device = data, data.actions.long(), net, batch, device
        self.modules = nn.ModuleDict({"inverse": net}).to(device)

    def predict(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, actions] and true actions [B] of windows; one that has a successor always has an action."""
        grid = self.data.cells(self.net.layout, index + 1, self.device)
        return self.net(self.data.batch(index, self.device), grid), self.actions[index].to(self.device)

    def loss(self, index: Tensor, update: int) -> Tensor:
        """Mean cross-entropy."""
        return F.cross_entropy(*self.predict(index))

    def validate(self, index: Tensor) -> dict[str, float]:
        """Share of right actions, and the mean cross-entropy."""
        right, loss = 0, 0.0
        for part in index.split(self.batch):
            logits, actions = self.predict(part)
            right += int((logits.argmax(-1) == actions).sum())
            loss += F.cross_entropy(logits, actions, reduction="sum").item()
        return {"valid/accuracy": right / len(index), "valid/loss": loss / len(index)}


def build(layout: Layout, sizes: dict[str, int], seed: int) -> Inverse:
    """An inverse model, initialised from ``seed`` alone; sizes: demb, drnn, hidden."""
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

    Returns the published weights' accuracy on held-out episodes, what the fit took, and whether it had converged.
    """
    tune_process()
    params, settings = job.params, job.params["training"]
    device = torch.device(job.device)
    layout, data, fitted, held_out = read(job, "interaction")
    sizes = {name: params["network"][name] for name in ("demb", "drnn")} | {"hidden": settings["hidden"]}
    net = build(layout, sizes, job.stream("inverse weights"))
    task = ActionsOfInteraction(data, net, settings["batch"], device)
    source = Windows(fitted, settings["batch"], job.stream("inverse order"))
    fit = Fit(job, task, source, held_out, settings)
    fit.run(job.resume())
    job.publish("inverse.pt", lambda path: torch.save({"weights": net.state_dict(), "sizes": sizes}, path))
    return fit.facts()
