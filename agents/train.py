"""Stage target: learn a policy by reinforcement learning, with whatever help the method gives it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import torch

import envs
from agents.algorithms.learners import LEARNERS
from agents.curriculum import begin
from agents.evaluate import play, summary
from agents.job import Job
from agents.networks import Network, build
from agents.networks.cpu import tune_process
from agents.teacher import Teacher, publish
from envs.base import EnvError


def train(job: Job) -> dict[str, Any]:
    """Train for the share ``until`` of ``learner.frames`` environment steps and publish ``policy.pt``.

    Parents: ``curriculum`` where the policy goes on from an easier environment; ``pretrain`` where the method
    initialises from a teacher, is distilled towards it or paid by it. Returns the last row of the curve, the frames
    and the hash of the weights (and of the teacher's).
    """
    tune_process()
    params, settings = job.params, job.params["learner"]
    device = torch.device(job.device)
    env = envs.make(
        params["env"]["name"], settings["num_envs"], device, job.stream("train episodes"), **params["env"]["options"]
    )
    net = build(env.layout, params["network"], job.stream("weights")).to(device)
    teacher = help_from(job, net)
    if settings["name"] not in LEARNERS:
        raise EnvError(f"learner.name is {settings['name']!r}, expected {' or '.join(LEARNERS)}")
    learner = LEARNERS[settings["name"]](
        net, env, settings, job.stream("actions"), teacher, params["distill"], params["shaping"]
    )
    curve = Curve(job, learner)

    state = job.resume()
    if state is None:
        curve.evaluate()
    else:
        job.repeatable = job.repeatable and env.layout.resume == "exact"
        learner.load_state_dict(state["learner"])
        curve.load_state_dict(state["curve"])
    while learner.frames < curve.total:
        job.checkpoint(lambda: {"learner": learner.state_dict(), "curve": curve.state_dict()})
        learner.iterate()
        curve.advance()
    return results(job, net, learner.frames, learner.updates, teacher) | curve.last


def help_from(job: Job, net: Network) -> Teacher | None:
    """The teacher of the parent ``pretrain``, if there is one; ``net`` is made to start where the method starts.

    Raises EnvError where the method needs a teacher and has none.
    """
    params = job.params
    teacher = None
    if "pretrain" in job.parents:
        path = job.parents["pretrain"] / "teacher.pt"
        teacher = Teacher(path, net.layout, params["network"], torch.device(job.device))
    elif params["initialise"] or params["distill"] > 0 or params["shaping"] > 0:
        raise EnvError(
            f"initialise is {params['initialise']}, distill {params['distill']} and shaping {params['shaping']}, "
            "but there is no pretraining to take a teacher from"
        )
    if teacher is not None and params["initialise"]:
        teacher.initialise(net)  # whose pretraining itself went on from the curriculum; its heads would not fit
    else:
        begin(net, job)
    return teacher


def results(job: Job, net: Network, frames: int, updates: int, teacher: Teacher | None) -> dict[str, Any]:
    """Publish ``policy.pt``; what a policy's stage returns beside the last row of its curve."""
    network, tokenizer = dict(job.params["network"]), net.layout.tokenizer
    sha = publish(job, "policy.pt", net, network=network, tokenizer=tokenizer, frames=frames)
    facts = net.facts() | {"frames": frames, "updates": updates, "weights_sha": sha}
    return facts if teacher is None else facts | {"teacher_sha": teacher.sha}


SHOWN = ("train/win_rate", "train/episode_return")
"""What the live display has of a curve."""


class Learning(Protocol):
    """What a curve shows of a learner, whoever it is. frames: environment steps learnt from so far."""

    net: Network
    settings: Mapping[str, Any]
    frames: int

    def report(self) -> dict[str, float]:
        """Mean losses and training episodes since the last report."""


class Curve:
    """The rows of metrics.jsonl: training episodes and losses, and now and then a look at the test split."""

    def __init__(self, job: Job, learner: Learning) -> None:
        self.job, self.learner = job, learner
        self.last: dict[str, float] = {}
        self.next_log = learner.settings["log_every"]
        self.next_test = job.params["curve"]["every"]
        self.total = math.ceil(job.params["until"] * learner.settings["frames"])

    def advance(self) -> None:
        """Called after every unroll; writes what is due."""
        frames, total = self.learner.frames, self.total
        finished = frames >= total
        if frames >= self.next_log or finished:
            self.next_log = frames + self.learner.settings["log_every"]
            self._log(self.learner.report())
        if frames >= self.next_test or finished:
            self.next_test = frames + self.job.params["curve"]["every"]
            self.evaluate()
        self.job.progress(min(frames, total), total, **{key: self.last[key] for key in SHOWN if key in self.last})

    def evaluate(self) -> None:
        """Play the curve's fixed list of test games greedily; no decision reads the result."""
        params, test = self.job.params, self.job.params["curve"]
        env = envs.make(
            test["name"],
            test["episodes"],
            torch.device(self.job.device),
            self.job.stream("curve episodes"),
            **params["env"]["options"],
        )
        episodes = play(
            self.learner.net, env, test["random_actions"], self.job.stream("curve actions"), test.get("sampled", False)
        )
        env.close()
        self._log({f"test/{name}": value for name, value in summary(episodes).items()})

    def _log(self, row: dict[str, float]) -> None:
        self.last |= row
        self.job.log(self.learner.frames, **row)

    def state_dict(self) -> dict[str, Any]:
        return {"last": self.last, "next_log": self.next_log, "next_test": self.next_test}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
