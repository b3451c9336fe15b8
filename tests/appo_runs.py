"""Small runs of APPO for the tests: games, networks, settings, a learner without processes and a batch for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from sample_factory.algo.utils.context import global_model_factory
from sample_factory.algo.utils.env_info import extract_env_info
from sample_factory.algo.utils.model_sharing import ParameterServer
from sample_factory.algo.utils.shared_buffers import alloc_trajectory_tensors
from sample_factory.cfg.arguments import preprocess_cfg
from sample_factory.model.model_utils import get_rnn_size

import envs
from agents.appo.games import Games
from agents.appo.learner import TaughtLearner
from agents.appo.runner import make_actor
from agents.appo.settings import configuration
from agents.appo.task import Snapshot, Task
from agents.networks import build
from agents.networks.seeded import seeded
from agents.teacher import publish
from envs.base import Layout
from tests.plain_job import PlainJob

RTFM = {"name": "multi", "demb": 8, "drnn": 8, "drep": 12, "channels": [8, 8]}
NETHACK = {"name": "nethack", "channels": [2, 3, 4], "screen": 6, "text": 5, "core": 8}
GAMES = {
    "rtfm-s1": {"items": False, "goal": "monster", "start": "fair"},
    "nethack-score": {"max_steps": 40},
}
UNROLLS, STEPS = 4, 5
"""Of ``batch_of``."""
SETTINGS: dict[str, Any] = {
    "name": "appo", "frames": 400, "num_envs": 4, "workers": 0, "unroll": 5, "batch": 40, "epochs": 1,
    "discount": 0.99, "reward_scale": 1.0, "reward_clip": 1.0, "vtrace": True, "clip": 0.1, "value_clip": 1.0,
    "normalise_returns": False, "baseline_cost": 0.125, "entropy_cost": 0.01, "lr": 1e-3, "adam_eps": 1e-6,
    "grad_norm": 4.0, "distill_cost": 1.0, "shaping_reward": "distance", "log_every": 80,
}  # fmt: skip


def params(
    game: str = "rtfm-s1", seed: int = 3, changes: dict[str, Any] | None = None, **method: Any
) -> dict[str, Any]:
    """Parameters of a policy's stage; changes: of the learner's settings."""
    train, test = (f"{game}-train", f"{game}-test") if game == "rtfm-s1" else (game, game)
    return {
        "env": {"id": game, "name": train, "options": GAMES[game]},
        "curve": {"name": test, "episodes": 4, "every": 160, "random_actions": 0.0},
        "network": RTFM if game == "rtfm-s1" else NETHACK,
        "learner": SETTINGS | (changes or {}),
        "initialise": False, "distill": 0.0, "shaping": 0.0, "until": 1.0, "seed": seed,
    } | method  # fmt: skip


def teacher(folder: Path, layout: Layout, network: dict[str, Any], seed: int = 7) -> Path:
    """A teacher.pt with random weights."""
    net = build(layout, network, seed)
    publish(PlainJob({}, folder), "teacher.pt", net, network=network)
    return folder / "teacher.pt"


def layout_of(game: str) -> Layout:
    env = envs.make("rtfm-s1-train" if game == "rtfm-s1" else game, 1, **GAMES[game])
    env.close()
    return env.layout


def task(folder: Path, layout: Layout, game: str = "nethack-score", **changes: Any) -> Task:
    """A task whose start has a network's first weights."""
    given = params(game)
    network = given["network"]
    start = folder / "start.pt"
    net = build(layout, network, seed=5)
    torch.save(Snapshot(weights=net.state_dict(), optimiser=None, returns=None, frames=0, updates=0), start)
    entries: dict[str, Any] = {
        "env": given["env"]["name"], "options": given["env"]["options"], "layout": layout, "copies": 4, "seed": 1,
        "network": network, "teacher": None, "distill": 0.0, "shaping": 0.0, "form": "distance", "lr": 1e-3,
        "frames": 400, "total": 400, "start": start,
    }  # fmt: skip
    return Task(**entries | changes)


def alone(task: Task, folder: Path, **changes: Any) -> TaughtLearner:
    """Sample Factory's learner as its own process would have it, initialised."""
    net = build(task.layout, task.network, seed=0)
    cfg = configuration(SETTINGS | changes, task, net, folder, "cpu")
    info = extract_env_info(Games(task, 0), cfg)
    assert preprocess_cfg(cfg, info)
    global_model_factory().register_actor_critic_factory(make_actor)
    versions = torch.zeros([1], dtype=torch.int32)
    learner = TaughtLearner(cfg, info, versions, 0, ParameterServer(0, versions, True))
    learner.init()
    return learner


def screens(layout, *lead):
    """Random frames [*lead, …]."""
    draw = torch.Generator().manual_seed(1)
    frames = {
        name: torch.randint(int(field.low), int(field.high) + 1, (*lead, *field.shape), generator=draw).to(field.dtype)
        for name, field in layout.observation.items()
    }
    return frames | {"valid": torch.ones(*lead, layout.num_actions)}


def batch_of(learner, layout):
    """A batch as actors send it, with episodes that end inside of unrolls and at the end of one."""
    cfg = learner.cfg
    info = extract_env_info(Games(cfg.task, 0), cfg)
    batch = alloc_trajectory_tensors(info, UNROLLS, STEPS, get_rnn_size(cfg), "cpu", False)
    draw = torch.Generator().manual_seed(2)
    for name, field in screens(layout, UNROLLS, STEPS + 1).items():
        batch["obs"][name][:] = field
    ends = torch.zeros(UNROLLS, STEPS, dtype=torch.bool)
    ends[0, 2] = ends[1, 0] = ends[1, 3] = ends[2, STEPS - 1] = True
    batch["dones"][:] = ends
    net = learner.actor_critic
    with torch.no_grad(), seeded(2):  # actions are drawn from PyTorch's own generator
        state = torch.randn(UNROLLS, get_rnn_size(cfg), generator=draw)
        for step in range(STEPS + 1):
            batch["rnn_states"][:, step] = state
            out = net({name: field[:, step] for name, field in batch["obs"].items()}, state)
            state = out["new_rnn_states"]
            if step < STEPS:
                for name in ("actions", "action_logits", "log_prob_actions", "values"):
                    batch[name][:, step] = out[name].view_as(batch[name][:, step])
                state = torch.where(ends[:, step, None], 0, state)
    batch["rewards"][:] = torch.randn(UNROLLS, STEPS, generator=draw)
    batch["policy_version"][:] = 0
    batch["policy_id"][:] = 0
    return batch
