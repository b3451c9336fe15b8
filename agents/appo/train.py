"""Stage target: learn a policy by Sample Factory's APPO, with whatever help the method gives it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch

import envs
from agents.appo.ledger import Ledger
from agents.appo.settings import check
from agents.appo.task import Snapshot
from agents.job import Job
from agents.networks import build
from agents.networks.cpu import tune_process
from agents.train import Curve, help_from, results
from envs.base import EnvError, Layout


def train(job: Job) -> dict[str, Any]:
    """Train for the share ``until`` of ``learner.frames`` environment steps and publish ``policy.pt``.

    Parents, result and files are those of ``agents.train.train``. The processes do not wait for each other, so a repeat
    gives other numbers. With ``learner.workers`` 0 there is one process, and it gives the same, unless it was
    interrupted: a continued run plays other games.
    """
    if find_spec("sample_factory") is None:
        raise EnvError("learner.name is appo, which needs Sample Factory: pip install --no-deps sample-factory==2.1.1")
    tune_process()
    params, settings = job.params, job.params["learner"]
    check(settings, params["shaping"])
    net = build(_layout(job), params["network"], job.stream("weights")).to(torch.device(job.device))
    teacher = help_from(job, net)
    ledger = Ledger(net, settings)
    curve = Curve(job, ledger)
    state = job.resume()
    job.repeatable = job.repeatable and not settings["workers"] and state is None
    if state is None:
        curve.evaluate()
        start = Snapshot(weights=net.state_dict(), optimiser=None, returns=None, frames=0, updates=0)
    else:
        start = state["learner"]
        net.load_state_dict(start["weights"])
        ledger.load_state_dict(state["ledger"])
        curve.load_state_dict(state["curve"])
    ledger.frames, ledger.updates = start["frames"], start["updates"]
    if ledger.frames < curve.total:
        from agents.appo.run import learn  # loads Sample Factory

        learn(job, curve, ledger, start)
    return results(job, net, ledger.frames, ledger.updates, teacher) | curve.last


def _layout(job: Job) -> Layout:
    """Of the training games."""
    env = job.params["env"]
    game = envs.make(env["name"], 1, "cpu", job.stream("train episodes"), **env["options"])
    game.close()
    return game.layout
