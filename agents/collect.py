"""Stage target: let somebody play the training environment and keep what was seen (methods.md 3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import envs
from agents import policy
from agents.demonstrations import NO_ACTION, Demonstrations, narrow
from agents.job import Job
from agents.networks.cpu import tune_process
from envs.base import BatchedEnv, EnvError, Expert, Observation


def collect(job: Job) -> dict[str, Any]:
    """Play one episode in each of ``episodes`` copies and publish ``demonstrations.pt``; wins and losses are kept.

    source: expert (the environment's own), random (uniform over valid actions), checkpoint (the parent policy, greedy
    but for the share ``random_actions``). terminal: keep the last observation of an episode too. Returns the player's
    win rate, return and length, and the number of frames.
    """
    tune_process()
    params = job.params
    device = torch.device(job.device)
    env = envs.make(
        params["env"]["name"],
        params["episodes"],
        device,
        job.stream("demonstration episodes"),
        **params["env"]["options"],
    )
    demonstrations, means = record(env, player(job, env), terminal=params["terminal"], job=job)
    env.close()
    job.publish("demonstrations.pt", demonstrations.save)
    frames = len(demonstrations.episode)
    job.log(frames, **means)
    return means | {"frames": frames, "episodes": params["episodes"]}


def player(job: Job, env: BatchedEnv) -> Expert:
    """Who demonstrates."""
    source = job.params["source"]
    if source == "expert":
        return env.expert()
    if source == "random":
        generator = torch.Generator(env.device).manual_seed(job.stream("demonstration actions"))
        return lambda observation: torch.multinomial(observation["valid"], 1, generator=generator).squeeze(1)
    if source == "checkpoint":
        net, _ = policy.load(job.parents["demonstrator"] / "policy.pt", env.layout, env.device)
        return policy.player(net, env.num_envs, job.params["random_actions"], job.stream("demonstration actions"))
    raise EnvError(f"method.demos is {source!r}, expected expert, random or checkpoint")


@torch.no_grad()
def record(env: BatchedEnv, act: Expert, terminal: bool, job: Job) -> tuple[Demonstrations, dict[str, float]]:
    """Play the first episode of every copy to its end; returns the frames in playing order and the episodes' means."""
    observation = env.reset()
    running = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
    frames: list[Observation] = []
    episode: list[Tensor] = []
    actions: list[Tensor] = []
    won = total_return = total_length = 0.0

    def keep(seen: Observation, rows: Tensor, played: Tensor) -> None:
        frames.append({name: narrow(field[rows]).cpu() for name, field in seen.items()})
        episode.append(rows.cpu())
        actions.append(narrow(played).cpu())

    while running.any():
        rows, chosen = running.nonzero().squeeze(1), act(observation)
        keep(observation, rows, chosen[rows])
        observation, _, done, info = env.step(chosen)
        ended = (running & done).nonzero().squeeze(1)
        if terminal:
            keep(info["final_obs"], ended, torch.full_like(ended, NO_ACTION))
        won += info["won"][ended].sum().item()
        total_return += info["episode_return"][ended].double().sum().item()
        total_length += info["episode_length"][ended].sum().item()
        running &= ~done
        job.progress(env.num_envs - int(running.sum()), env.num_envs)
    order = torch.cat(episode).argsort(stable=True)
    whole = {name: torch.cat([part[name] for part in frames])[order] for name in frames[0]}
    means = {
        "win_rate": won / env.num_envs,
        "episode_return": total_return / env.num_envs,
        "episode_length": total_length / env.num_envs,
    }
    return Demonstrations(whole, torch.cat(episode)[order], torch.cat(actions)[order]), means
