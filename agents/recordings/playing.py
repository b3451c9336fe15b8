"""Games played and recorded: a batch of them at once, each on a copy of its own, kept in the order of their numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import envs
from agents import policy
from agents.job import Job
from envs.base import BatchedEnv, EnvError, Expert, Layout

EPISODES = "episodes.json"
AT_ONCE = 32
"""Games that are played together; which games a seed gives depends on it."""
Episode = dict[str, Any]
"""name: of its ttyrec. episode_return, episode_length. missing: why its ttyrec is not kept, else None."""


def play(job: Job, batch: int, folder: Path, scratch: Path, played: Callable[[int], None]) -> None:
    """Record a batch of the stage's games into a new folder: ttyrecs, one xlogfile, and ``EPISODES``.

    It is written in the folder ``scratch`` and renamed, so what has its name is whole. played: told how many games have
    ended, at every step.
    """
    games = range(batch * AT_ONCE, min((batch + 1) * AT_ONCE, job.params["episodes"]))
    raw, kept = scratch / "raw", scratch / "kept"
    shutil.rmtree(scratch, ignore_errors=True)
    source = job.params["source"]
    own = {"player": job.params["player"]} if source == "expert" else {}
    env = envs.make(
        job.params["env"]["name"],
        len(games),
        torch.device(job.device),
        job.stream(f"demonstration episodes {batch}"),
        **job.params["env"]["options"],
        **own,
        record_to=str(raw),
        games=len(games),
    )
    try:
        episodes = _episodes(env, player(job, env, job.stream(f"demonstration actions {batch}")), played)
    finally:
        env.close()
    kept.mkdir(parents=True)
    lines = b""
    for copy, (number, episode) in enumerate(zip(games, episodes, strict=True)):
        episode["name"] = f"nle.{number:07d}.ttyrec3.bz2"
        if episode["missing"] is None:
            line, episode["missing"] = _keep(raw / str(copy), kept / episode["name"])
            lines += line
    if lines:  # NLE refuses an xlogfile without ttyrecs
        (kept / "nle.xlogfile").write_bytes(lines)
    (kept / EPISODES).write_text(json.dumps(episodes, indent=1), encoding="utf-8")
    kept.rename(folder)
    shutil.rmtree(scratch)


def player(job: Job, env: BatchedEnv, seed: int) -> Expert:
    """Who demonstrates, by the param ``source``; what is random is drawn from ``seed``.

    random presses the keys of nethack-score, none of which ends a game. checkpoint is the parent policy, which presses
    those of ``learner_env``, where it was trained, by their probabilities, but for the share ``random_actions``.
    """
    source = job.params["source"]
    if source == "expert":
        return env.expert()
    if source == "random":
        keys = _keys(_layout("nethack-score", env), env)
        generator = torch.Generator(env.device).manual_seed(seed)
        weights = torch.ones(env.num_envs, len(keys), device=env.device)
        return lambda _observation: keys[torch.multinomial(weights, 1, generator=generator).squeeze(1)]
    if source == "checkpoint":
        layout = _layout(job.params["learner_env"], env)
        net, _ = policy.load(job.parents["demonstrator"] / "policy.pt", layout, env.device)
        act = policy.player(net, env.num_envs, job.params["random_actions"], seed, sampled=True)
        keys, valid = _keys(layout, env), torch.ones(env.num_envs, layout.num_actions, device=env.device)
        return lambda observation: keys[act({**observation, "valid": valid})]
    raise EnvError(f"method.demos is {source!r}, expected expert, random or checkpoint")


def _layout(name: str, like: BatchedEnv) -> Layout:
    return envs.make(name, 1, like.device).layout


def _keys(layout: Layout, env: BatchedEnv) -> Tensor:
    """The number that each action of a layout has in ``env``: int64 [A]."""
    return torch.tensor([env.layout.actions.index(name) for name in layout.actions], device=env.device)


@torch.no_grad()
def _episodes(env: BatchedEnv, act: Expert, played: Callable[[int], None]) -> list[Episode]:
    """Play the first game of every copy to its end, or until its player fails."""
    observation = env.reset()
    running = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
    length = torch.zeros(env.num_envs, dtype=torch.int64, device=env.device)
    total = torch.zeros(env.num_envs, device=env.device)
    failed = [""] * env.num_envs
    while running.any():
        observation, _, done, info = env.step(act(observation))
        ended = running & done
        length = torch.where(ended, info["episode_length"], length)
        total = torch.where(ended, info["episode_return"], total)
        for copy in ended.nonzero()[:, 0].tolist():
            failed[copy] = info["failed"][copy]
        running &= ~done
        played(env.num_envs - int(running.sum()))
    rows = zip(total.tolist(), length.tolist(), failed, strict=True)
    return [{"episode_return": gain, "episode_length": steps, "missing": why or None} for gain, steps, why in rows]


def _keep(folder: Path, ttyrec: Path) -> tuple[bytes, str | None]:
    """Move the one game that NLE recorded in a folder; returns its line of the xlogfile, or why there is none.

    NLE's index knows no game without a line (env_nethack.md, trap 1).
    """
    files, lines = sorted(folder.glob("*.ttyrec3.bz2")), [*folder.glob("*.xlogfile")]
    rows = [row for file in lines for row in file.read_bytes().splitlines()]
    if len(files) != 1 or len(rows) != 1:
        return b"", f"NLE left {len(files)} ttyrecs and {len(rows)} lines in the xlogfile"
    head, _, _ = rows[0].rpartition(b"ttyrecname=")
    files[0].rename(ttyrec)
    return head + b"ttyrecname=" + ttyrec.name.encode() + b"\n", None
