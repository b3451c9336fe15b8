"""Stage target: how well can a linear map read the expert's next move from what a trunk makes of a frame?

A diagnostic of pretraining, before any reinforcement learning (Alain & Bengio 2016); no decision reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import envs
from agents.collect import record
from agents.curriculum import begin
from agents.demonstrations import Demonstrations
from agents.job import Job
from agents.networks import Network, build
from agents.networks.base import IMPOSSIBLE
from agents.networks.cpu import tune_process
from agents.teacher import Teacher
from envs.base import Layout

BATCH = 512
"""Frames that a trunk sees at a time."""
NOISE = 1e-6
"""A column that varies by less than this share of its largest value varies by rounding alone."""


@dataclass(frozen=True)
class Rows:
    """What is read, and what is to be read from it: one row per frame.

    features: float32 [M, D] by name. valid: [M, A], 0 where a move is impossible. moves: int64 [M], the expert's.
    """

    features: dict[str, Tensor]
    valid: Tensor
    moves: Tensor


class LinearMap:
    """Multinomial logistic regression with a ridge: mean cross-entropy + l2/2 · |weight|², the bias free.

    Columns are standardised by the rows that it is fitted to; one that is constant there stays 0. As in the policy's
    own head, impossible moves are masked, in the fit and in the answers.
    """

    def __init__(self, features: Tensor, valid: Tensor, moves: Tensor, l2: float, iterations: int) -> None:
        """features: [M, D]; valid, moves: as in Rows. iterations: of L-BFGS from zero, at most. Computes in float64."""
        rows = features.double()
        self.mean, deviation = rows.mean(0), rows.std(0, correction=0)
        largest = torch.maximum(rows.amax(0), -rows.amin(0))
        self.scale = torch.where(deviation > NOISE * largest, 1 / deviation, 0)
        rows.sub_(self.mean).mul_(self.scale)
        self.weight = rows.new_zeros(features.shape[1], valid.shape[1], requires_grad=True)
        self.bias = rows.new_zeros(valid.shape[1], requires_grad=True)
        optimiser = torch.optim.LBFGS(
            [self.weight, self.bias], max_iter=iterations, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
        )

        def objective() -> Tensor:
            optimiser.zero_grad()
            error = F.cross_entropy(self._logits(rows, valid), moves)
            loss = error + 0.5 * l2 * self.weight.square().sum()
            loss.backward()
            return loss

        optimiser.step(objective)

    @torch.no_grad()
    def accuracy(self, features: Tensor, valid: Tensor, moves: Tensor) -> float:
        """Share of rows whose most probable move is the expert's."""
        rows = features.double().sub_(self.mean).mul_(self.scale)
        return share(self._logits(rows, valid).argmax(1) == moves)

    def _logits(self, rows: Tensor, valid: Tensor) -> Tensor:
        return rows @ self.weight + self.bias - (1 - valid.double()) * IMPOSSIBLE


def probe(job: Job) -> dict[str, Any]:
    """Fit linear maps on expert games of the training split and score them on the test split's.

    The trunk is the parent's ``pretrain``, or without one the network that a policy would start from, which a parent
    ``curriculum`` may have trained. Returns the accuracy of both splits for its features: ``rep``; ``pooled``, the last
    map's maximum over space; ``spatial``, the whole map, where the representation is not that map itself. Beside them,
    that of the most frequent possible move.
    """
    tune_process()
    params, settings = job.params, job.params["probe"]
    device = torch.device(job.device)
    layout = envs.make(params["env"]["name"], 1, device, **params["env"]["options"]).layout
    net = trunk_to_read(job, layout, device)
    fitted = rows_of(net, games(job, params["env"]["name"], settings["episodes"], "probe episodes"), device)
    tested = rows_of(net, games(job, params["test"]["name"], settings["test_episodes"], "probe test episodes"), device)
    result: dict[str, Any] = {}
    for name, features in fitted.features.items():
        linear = LinearMap(features, fitted.valid, fitted.moves, settings["l2"], settings["iterations"])
        result[f"{name}/train_accuracy"] = linear.accuracy(features, fitted.valid, fitted.moves)
        result[f"{name}/test_accuracy"] = linear.accuracy(tested.features[name], tested.valid, tested.moves)
    counts = fitted.moves.bincount(minlength=layout.num_actions) * tested.valid
    result["majority/test_accuracy"] = share(counts.argmax(1) == tested.moves)
    return result | {"frames": len(fitted.moves), "test_frames": len(tested.moves)}


def trunk_to_read(job: Job, layout: Layout, device: torch.device) -> Network:
    """The pretrained network, or the policy's own as reinforcement learning would find it."""
    network = job.params["network"]
    if "pretrain" in job.parents:
        return Teacher(job.parents["pretrain"] / "teacher.pt", layout, network, device).net
    net = build(layout, network, job.stream("weights")).to(device)
    begin(net, job)
    return net


def games(job: Job, name: str, episodes: int, purpose: str) -> Demonstrations:
    """The expert's play, one episode per copy."""
    env = envs.make(name, episodes, torch.device(job.device), job.stream(purpose), **job.params["env"]["options"])
    return record(env, env.expert(), terminal=False, job=job)[0]


@torch.no_grad()
def rows_of(net: Network, data: Demonstrations, device: torch.device) -> Rows:
    """What a trunk makes of every frame, beside the expert's move."""
    assert data.actions is not None, "recorded games have their actions"
    every = torch.arange(len(data.episode))
    seen = [net.features(data.batch(index, device)) for index in every.split(BATCH)]
    maps = torch.cat([features.conv.flatten(2) for features in seen])
    features = {"rep": torch.cat([features.rep for features in seen]), "pooled": maps.amax(2)}
    if net.rep_size != maps[0].numel():
        features["spatial"] = maps.flatten(1)
    return Rows(features, data.field("valid", every, device), data.actions.long().to(device))


def share(right: Tensor) -> float:
    """Mean of booleans."""
    return right.double().mean().item()
