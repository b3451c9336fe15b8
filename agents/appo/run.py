"""One attempt at a run: from a snapshot to the last frame, or until the job stops it."""

from __future__ import annotations

import shutil

import numpy as np
import torch

from agents.appo.bridge import Bridge
from agents.appo.ledger import Ledger
from agents.appo.runner import emptied, running
from agents.appo.settings import configuration, splits, workers
from agents.appo.shared_memory import free
from agents.appo.task import Snapshot, Task
from agents.job import Job
from agents.train import Curve


def learn(job: Job, curve: Curve, ledger: Ledger, start: Snapshot) -> None:
    """Go on from ``start`` to the end; the ledger's network then has the final weights."""
    params, settings = job.params, job.params["learner"]
    distill = params["distill"] * settings["distill_cost"]
    taught = distill > 0 or params["shaping"] > 0
    folder = emptied(job.folder / "sample_factory")
    task = Task(
        env=params["env"]["name"],
        options=params["env"]["options"],
        layout=ledger.net.layout,
        copies=settings["num_envs"] // (workers(settings) * splits(settings)),
        seed=of_this_attempt(job.stream("train episodes"), start["frames"]),
        network=params["network"],
        teacher=job.parents["pretrain"] / "teacher.pt" if taught else None,
        distill=distill,
        shaping=params["shaping"],
        form=settings["shaping_reward"],
        lr=settings["lr"],
        frames=settings["frames"],
        total=curve.total,
        start=folder / "start.pt",
    )
    torch.save(dict(start), task.start)
    bridge = Bridge(job, curve, ledger, start, folder)
    try:
        with running(configuration(settings, task, ledger.net, folder, job.device), bridge, bridge.look) as runner:
            runner.run()
    finally:
        free(folder)  # of an attempt that was still going down when this one began
        shutil.rmtree(folder, ignore_errors=True)


def of_this_attempt(seed: int, frames: int) -> int:
    """A seed of its own for whatever is played from ``frames`` on."""
    return int(np.random.SeedSequence([seed, frames]).generate_state(1, np.uint64)[0] >> np.uint64(1))
