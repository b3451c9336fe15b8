"""Stage target: how often does the last policy win on held-out games? And the player that answers it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import envs
from agents.job import Job
from agents.networks import Network
from agents.networks.cpu import tune_process
from agents.policy import load, player
from envs.base import BatchedEnv

Episodes = dict[str, Tensor]
"""One entry per episode [E]: ``won`` bool, ``episode_return`` float32, ``episode_length`` int64, ``truncated`` bool,
and the ``details`` of the environment's layout, which are numbers.
"""


@torch.no_grad()
def play(net: Network, env: BatchedEnv, random_actions: float = 0.0, seed: int = 0, sampled: bool = False) -> Episodes:
    """Play one episode in every copy, greedily (argmax) as a rule; ``random_actions``, ``seed``, ``sampled``: of
    ``player``.

    Copy i always holds the same game for the same environment seed, so the list of games is fixed and every policy
    meets the same ones, however long its episodes are.
    """
    observation = env.reset()
    act = player(net, env.num_envs, random_actions, seed, sampled)
    episodes: Episodes = {}
    running = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
    while running.any():
        observation, _, done, info = env.step(act(observation))
        for name in ("won", "episode_return", "episode_length", "truncated", *env.layout.details):
            episodes[name] = torch.where(running & done, info[name], episodes.get(name, torch.zeros_like(info[name])))
        running &= ~done
    return episodes


def summary(episodes: Episodes) -> dict[str, float]:
    """Win rate, mean return and mean length of a list of episodes, and the means of its details under their names."""
    means = {name: values.double().mean().item() for name, values in episodes.items() if name != "truncated"}
    return {"win_rate": means.pop("won")} | means


def evaluate(job: Job) -> dict[str, Any]:
    """Play ``episodes`` fixed games of the test split with the parent's policy; raw episodes go to episodes.npz.

    The list is the same for all methods of an environment and seed (statistics.md rule 3). Where the stage says
    ``sampled``, the policy's actions are drawn by their probabilities (NetHack, methods.md 7). Returns the summary and
    how the games were played; ``details`` names those means that only this environment has, where it has any:
    "score, depth, turns".
    """
    tune_process()
    params = job.params
    sampled = params.get("sampled", False)
    device = torch.device(job.device)
    env = envs.make(
        params["env"]["name"], params["episodes"], device, job.stream("test episodes"), **params["env"]["options"]
    )
    net, frames = load(job.parents["policy"] / "policy.pt", env.layout, device)
    episodes = play(net, env, params["random_actions"], job.stream("test actions"), sampled)
    env.close()
    arrays = {name: values.cpu().numpy() for name, values in episodes.items()}
    job.publish("episodes.npz", lambda path: write_arrays(path, arrays))
    result = summary(episodes)
    job.log(frames, **result)
    mode = "sampled" if sampled else "argmax"
    if params["random_actions"]:
        mode += f", {params['random_actions']:.0%} random"
    how: dict[str, Any] = {"episodes": params["episodes"], "policy_mode": mode}
    if env.layout.details:
        how["details"] = ", ".join(env.layout.details)
    return result | how


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """np.savez_compressed to exactly ``path`` (given a name, numpy would append a suffix)."""
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
