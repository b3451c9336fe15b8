"""The frozen pretrained network: the one way in which demonstrations reach the learner."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.algorithms.rollout import Unroll
from agents.job import Job
from agents.networks import Multi, build
from agents.networks.seeded import seeded
from agents.pretraining.decoder import Decoder, asked, read_out
from envs.base import EnvError, Layout, Observation

HEADS = ("policy_head.", "baseline_head.")


def digest(tensors: dict[str, Tensor]) -> str:
    """sha256 over names and contents, to prove which weights are in use."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        sha.update(name.encode())
        sha.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()[:16]


def trunk(net: nn.Module) -> dict[str, Tensor]:
    """Every weight but the policy's and the baseline's heads."""
    return {name: tensor for name, tensor in net.state_dict().items() if not name.startswith(HEADS)}


def publish(job: Job, name: str, net: nn.Module, **facts: Any) -> str:
    """Publish a network's weights with what is worth knowing of them; returns the digest of its trunk."""
    sha = digest(trunk(net))
    saved = {"weights": net.state_dict(), "trunk_sha": sha, **facts}
    job.publish(name, lambda path: torch.save(saved, path))
    return sha


class Teacher:
    """A pretrained network with fixed weights.

    The file may name ``heads`` that were pretrained as well, and hold the ``decoder`` of a dynamics model.
    Raises RuntimeError if the file's trunk does not fit the network, or is not the one that was saved.
    """

    def __init__(self, path: Path, layout: Layout, network: dict[str, Any], device: torch.device) -> None:
        saved = torch.load(path, map_location=device, weights_only=True)
        self.net: Multi = build(layout, network, seed=0).to(device)
        self.net.load_state_dict(saved["weights"])
        self.sha = digest(trunk(self.net))
        if self.sha != saved["trunk_sha"]:
            raise RuntimeError(
                f"{path}: the trunk's hash is {self.sha}, but {saved['trunk_sha']} was saved; delete the run folder"
            )
        self.heads: tuple[str, ...] = tuple(saved.get("heads", ()))
        self.decoder: Decoder | None = None
        if "decoder" in saved:
            with seeded(0):
                self.decoder = Decoder(self.net, layout, saved["head"]).to(device)
            self.decoder.load_state_dict(saved["decoder"])
            self.decoder.requires_grad_(False)
        self.net.requires_grad_(False)
        self.seen, self.seen_sum = 0, 0.0

    def initialise(self, net: nn.Module) -> None:
        """Start a policy from the pretrained trunk and the heads that were pretrained with it; others stay its own."""
        weights = trunk(self.net)
        missing = set(trunk(net)) ^ set(weights)
        if missing:
            raise RuntimeError(
                f"teacher and policy differ in {sorted(missing)}; were they built from the same network settings?"
            )
        weights |= {name: tensor for name, tensor in self.net.state_dict().items() if name.startswith(self.heads)}
        net.load_state_dict(weights, strict=False)

    def distance(self, rep: Tensor, batch: Observation) -> Tensor:
        """Mean squared distance of a policy's representation [B, drep] to the teacher's on the same frames: [B].

        methods.md 5.1: mean over dimensions of (rep − rep_T)²; the gradient reaches ``rep`` only.
        """
        with torch.no_grad():
            target = self.net.features(batch).rep
        return (rep - target).square().mean(dim=1)

    @torch.no_grad()
    def reward(self, form: str, rep: Tensor, unroll: Unroll) -> Tensor:
        """What the teacher pays for every step of an unroll, before its weight η: [T, B] (methods.md 6.3).

        rep: the policy's representations of the unroll's first T observations, [T·B, drep].
        form "distance": −mean_d (rep − rep_T)² of the step's observation. "likelihood": the mean log-likelihood of the
        next grid's tokens, minus its mean over all steps met so far; 0 at an episode's end, whose last observation
        demonstrations do not show. "literal": the mean distance of the whole batch, the same for every step, as the
        release has it. Raises EnvError for another form, or a likelihood without a dynamics model.
        """
        steps = unroll.rewards.shape
        first = {name: field[:-1].flatten(0, 1) for name, field in unroll.observation.items()}
        if form == "likelihood":
            return self._log_likelihood(first, unroll)
        distance = self.distance(rep, first).view(steps)
        if form == "distance":
            return -distance
        if form == "literal":
            return -distance.mean().expand(steps)
        raise EnvError(f"learner.shaping_reward is {form!r}, expected distance, likelihood or literal")

    def _log_likelihood(self, first: Observation, unroll: Unroll) -> Tensor:
        if self.decoder is None:
            raise EnvError("learner.shaping_reward is likelihood, which needs a dynamics model: pretrain=dynamics")
        layout = self.net.layout
        grid = unroll.observation[layout.grid][1:].flatten(0, 1)
        logits, tokens = read_out(self.net, self.decoder(self.net.features(first)), grid)
        wanted = asked(layout, grid)
        per_token = torch.zeros(wanted.shape, device=logits.device)
        per_token[wanted] = -F.cross_entropy(logits, tokens, reduction="none")
        likelihood = per_token.flatten(1).sum(1) / wanted.flatten(1).sum(1)
        likelihood = likelihood.view(unroll.rewards.shape)
        known = likelihood[~unroll.done]
        self.seen += known.numel()
        self.seen_sum += known.double().sum().item()
        return torch.where(unroll.done, 0.0, likelihood - self.seen_sum / max(1, self.seen))

    def state_dict(self) -> dict[str, float]:
        """The running mean of the likelihood; the weights are fixed."""
        return {"seen": self.seen, "seen_sum": self.seen_sum}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.seen, self.seen_sum = state["seen"], state["seen_sum"]
