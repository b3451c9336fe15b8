"""The frozen pretrained network: the one way in which demonstrations reach the learner."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.algorithms.rollout import Unroll
from agents.job import Job
from agents.networks import Network, build
from agents.networks.seeded import seeded
from agents.pretraining.decoder import Decoder
from agents.saved import load_saved
from envs.base import EnvError, Layout, Observation, cells

HEADS = ("policy_head.", "baseline_head.")
SHAPING = ("distance", "likelihood", "literal", "agreement")
"""The forms of a teacher's reward."""


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


def gap(rep: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of representations, both [B, D]: [B]."""
    return (rep - target).square().mean(dim=1)


class Teacher:
    """A pretrained network with fixed weights.

    The file may name ``heads`` that were pretrained as well, and hold the ``decoder`` of a dynamics model.
    Raises RuntimeError if the file's trunk does not fit the network, or is not the one that was saved.
    """

    def __init__(self, path: Path, layout: Layout, network: dict[str, Any], device: torch.device) -> None:
        saved = load_saved(path, device)
        self.net: Network = build(layout, network, seed=0).to(device)
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
                self.decoder = Decoder(self.net, saved["head"], saved["predict_avatar"]).to(device)
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

    @torch.no_grad()
    def follow(self, unroll: Unroll) -> Tensor:
        """The teacher's own representations of the first T observations of an unroll: [T·B, rep_size], no gradient.

        A recurrent teacher goes on from ``unroll.teacher_state``, which then holds its state after them.
        """
        seen = {name: field[:-1] for name, field in unroll.observation.items()}
        features, after = self.net.sequence(seen, unroll.starts[:-1], unroll.teacher_state)
        unroll.teacher_state.copy_(after)
        return features.rep

    @staticmethod
    def compares(form: str) -> bool:
        """Whether this form of the teacher's reward compares representations."""
        return form in ("distance", "literal")

    @torch.no_grad()
    def reward(self, form: str, rep: Tensor, unroll: Unroll, targets: Tensor | None) -> Tensor:
        """What the teacher pays for every step of an unroll, before its weight η: [T, B] (methods.md 6.3).

        rep: the policy's representations of the unroll's first T observations, [T·B, drep]. targets: those of
        ``follow``, for the forms that compare.
        form "distance": −mean_d (rep − rep_T)² of the step's observation. "likelihood": the mean log-likelihood of the
        next grid's tokens, minus its mean over all steps met so far; 0 at an episode's end, whose last observation
        demonstrations do not show. "literal": the mean distance of the whole batch, the same for every step, as SILG's
        release has it. "agreement": the share of the next grid's tokens that the dynamics model names, as Messenger's
        release has it; 0 at an episode's end. Raises EnvError for another form, or where it needs a dynamics model.
        """
        steps = unroll.rewards.shape
        first = unroll.frames()
        if form == "likelihood":
            return self._log_likelihood(first, unroll)
        if form == "agreement":
            return self._agreement(first, unroll)
        if not self.compares(form):
            raise EnvError(f"learner.shaping_reward is {form!r}, expected {', '.join(SHAPING[:-1])} or {SHAPING[-1]}")
        assert targets is not None, "comparing forms are given the teacher's representations"
        distance = gap(rep, targets).view(steps)
        return -distance if form == "distance" else -distance.mean().expand(steps)

    def _log_likelihood(self, first: Observation, unroll: Unroll) -> Tensor:
        likelihood = -self._per_frame("likelihood", first, unroll, partial(F.cross_entropy, reduction="none"))
        known = likelihood[~unroll.done]
        self.seen += known.numel()
        self.seen_sum += known.double().sum().item()
        return torch.where(unroll.done, 0.0, likelihood - self.seen_sum / max(1, self.seen))

    def _agreement(self, first: Observation, unroll: Unroll) -> Tensor:
        right = self._per_frame("agreement", first, unroll, lambda logits, tokens: logits.argmax(-1) == tokens)
        return torch.where(unroll.done, 0.0, right)

    def _per_frame(
        self, form: str, first: Observation, unroll: Unroll, score: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """Mean over the next grid's tokens of their score [R] by logits [R, V] and tokens [R]: [T, B]."""
        if self.decoder is None:
            raise EnvError(
                f"learner.shaping_reward is {form}, which needs the decoder of a dynamics model (pretrain=dynamics; a "
                "teacher of NetHack keeps none); expected distance or literal"
            )
        layout, readout = self.net.layout, self.decoder.readout
        grid = cells(unroll.observation[layout.grid][1:].flatten(0, 1), layout)
        wanted = readout.asked(grid)
        per_token = torch.zeros(wanted.shape, device=grid.device)
        per_token[wanted] = score(*readout.read(self.decoder(self.net.features(first)), grid)).float()
        return (per_token.flatten(1).sum(1) / wanted.flatten(1).sum(1)).view(unroll.rewards.shape)

    def state_dict(self) -> dict[str, float]:
        """The running mean of the likelihood; the weights are fixed."""
        return {"seen": self.seen, "seen_sum": self.seen_sum}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.seen, self.seen_sum = state["seen"], state["seen_sum"]
