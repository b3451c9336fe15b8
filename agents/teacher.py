"""The frozen dynamics model: the one way in which demonstrations reach the learner."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from agents.networks import Multi, build
from envs.base import Layout, Observation

HEADS = ("policy_head.", "baseline_head.")


def digest(tensors: dict[str, Tensor]) -> str:
    """sha256 over names and contents, to prove which weights are in use."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        sha.update(name.encode())
        sha.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()[:16]


def trunk(net: nn.Module) -> dict[str, Tensor]:
    """Every weight but the policy's and the baseline's, which no pretraining touches."""
    return {name: tensor for name, tensor in net.state_dict().items() if not name.startswith(HEADS)}


def save(net: nn.Module, path: Path, **facts: Any) -> None:
    """Write a network's weights with what is worth knowing of them."""
    torch.save({"weights": net.state_dict(), **facts}, path)


class Teacher:
    """A pretrained network with fixed weights.

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
        self.net.requires_grad_(False)

    def initialise(self, net: nn.Module) -> None:
        """Start a policy from the pretrained trunk; its heads keep their own weights."""
        weights = trunk(self.net)
        missing = set(trunk(net)) ^ set(weights)
        if missing:
            raise RuntimeError(
                f"teacher and policy differ in {sorted(missing)}; were they built from the same network settings?"
            )
        net.load_state_dict(weights, strict=False)

    def distance(self, rep: Tensor, batch: Observation) -> Tensor:
        """Mean squared distance between a policy's representation [B, drep] and the teacher's on the same frames.

        methods.md 5.1: mean over steps, columns and dimensions of (rep − rep_T)²; the gradient reaches ``rep`` only.
        """
        with torch.no_grad():
            target = self.net.features(batch).rep
        return (rep - target).square().mean()
