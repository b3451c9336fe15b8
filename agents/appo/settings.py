"""Our settings in Sample Factory's words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.appo.task import Task
from agents.appo.tether import Tether
from agents.networks import Network
from envs.base import EnvError

ENV = "ldd"
FORMS = ("distance", "literal")
"""The teacher's rewards that compare representations; the others need its predictions."""
NEVER = 10**9
"""Seconds or frames that no run reaches."""


def workers(settings: Mapping[str, Any]) -> int:
    """Processes that play; 0: none but this one."""
    return max(1, int(settings["workers"]))


def splits(settings: Mapping[str, Any]) -> int:
    """Groups of games that a process steps in turn: two, so that one plays while the other waits for its actions."""
    return 2 if settings["workers"] and settings["num_envs"] // workers(settings) % 2 == 0 else 1


def check(settings: Mapping[str, Any], shaping: float) -> None:
    """Raises EnvError for settings that do not go together."""
    envs, unroll, batch = settings["num_envs"], settings["unroll"], settings["batch"]
    if envs % workers(settings):
        raise EnvError(f"learner.num_envs = {envs} does not divide among learner.workers = {settings['workers']}")
    if unroll < 2 or batch % unroll:
        raise EnvError(
            f"learner.batch = {batch} does not consist of unrolls of learner.unroll = {unroll} frames, 2 at least"
        )
    if not settings["workers"] and batch % (envs * unroll):
        raise EnvError(
            f"without processes (learner.workers = 0) learner.batch = {batch} must be a multiple of "
            f"learner.num_envs × learner.unroll = {envs * unroll}"
        )
    if settings["vtrace"] and settings["normalise_returns"]:
        raise EnvError("learner.vtrace and learner.normalise_returns do not go together; set one of them to false")
    if shaping > 0 and settings["shaping_reward"] not in FORMS:
        raise EnvError(
            f"learner.shaping_reward is {settings['shaping_reward']!r}, expected {' or '.join(FORMS)} with appo"
        )


def configuration(settings: Mapping[str, Any], task: Task, net: Network, folder: Path, device: str) -> Any:
    """Sample Factory's configuration; its own defaults for whatever is not ours.

    settings: the keys of configs/learner/appo.yaml. net: any network of the run, for its sizes. folder: where Sample
    Factory may write.
    """
    from sample_factory.cfg.arguments import parse_sf_args
    from sample_factory.utils.attr_dict import AttrDict

    parser, _ = parse_sf_args([f"--env={ENV}"])
    cfg = AttrDict(vars(parser.parse_args([f"--env={ENV}"])))
    serial = settings["workers"] == 0
    cfg |= {
        "task": task,
        "tether": Tether.here(task.seed),
        "train_dir": str(folder),
        "experiment": "run",
        "device": "gpu" if device == "cuda" else "cpu",
        # who plays
        "serial_mode": serial,
        "async_rl": not serial,
        "num_workers": workers(settings),
        "num_envs_per_worker": splits(settings),
        "worker_num_splits": splits(settings),
        "decorrelate_envs_on_one_worker": False,  # it would play thousands of uncounted random steps
        "set_workers_cpu_affinity": False,  # every run of a machine would choose the same cores
        "env_gpu_observations": False,
        # what is learnt from
        "rollout": settings["unroll"],
        "recurrence": settings["unroll"],
        "batch_size": settings["batch"],
        "num_epochs": settings["epochs"],
        "gamma": settings["discount"],
        "reward_scale": settings["reward_scale"],
        "reward_clip": math.inf,  # actors do not clip: the learner does, once the teacher's reward is in the sum
        "learner_reward_clip": settings["reward_clip"],  # our own word
        "normalize_returns": settings["normalise_returns"],
        "normalize_input": False,
        # how
        "with_vtrace": settings["vtrace"],
        "ppo_clip_ratio": settings["clip"],
        "ppo_clip_value": settings["value_clip"],
        "value_loss_coeff": settings["baseline_cost"],
        "exploration_loss_coeff": settings["entropy_cost"],
        "learning_rate": settings["lr"],
        "adam_eps": settings["adam_eps"],
        "max_grad_norm": settings["grad_norm"] or 0.0,
        # what is carried from frame to frame: the policy's state and its teacher's
        "use_rnn": net.state_size > 0,
        "rnn_type": "gru",  # the kind whose state is as wide as it says
        "rnn_size": net.state_size,
        "rnn_num_layers": 1 if task.teacher is None else 2,
        # the end and the checkpoints are ours
        "train_for_env_steps": NEVER * NEVER,
        "save_every_sec": NEVER,
        "save_best_every_sec": NEVER,
        "experiment_summaries_interval": NEVER,
    }
    return cfg
