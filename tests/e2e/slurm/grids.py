"""The toy benchmark on a cluster, and what must hold of a grid that went through it."""

from __future__ import annotations

import math
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from benchmark.spec import Plan
from benchmark.store import RunStore
from tests.e2e.slurm.cluster import Cluster
from tests.toy import PROJECT, Toy, until

MANY = """\
name: many
envs: [north, far_south]
methods: [plain, taught, taught_less]
seeds: [0, 1, 2]
teacher_seeds: 1
preset: null
overrides: ['learner.updates=20']
"""
STAGES = 40
"""Of the grid `many`, in 20 chains."""
CHECKPOINT_S = 1.0
MIDDLE = 10
"""Of the updates of a `practise` of the grid `many`."""
# Small jobs, looked at often.
EXECUTOR = {
    "time_min": 60, "mem_gb": 0.5, "cpus": 1, "signal_s": 20, "poll_s": 0.5, "lost_after_s": 20.0,
    "checkpoint_s": CHECKPOINT_S, "max_failures": 2, "max_crashes": 5, "backoff_s": 0.1,
}  # fmt: skip


class SlurmToy(Toy):
    """A toy benchmark whose `executor=slurm` is a small cluster."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.step_s = 0.0

    @classmethod
    def on(cls, cluster: Cluster, folder: Path) -> SlurmToy:
        toy = cls.build(folder)
        assert isinstance(toy, SlurmToy)
        real = yaml.safe_load((PROJECT / "configs" / "executor" / "slurm.yaml").read_text(encoding="utf-8"))
        toy.write("executor/slurm", yaml.safe_dump({**real, **EXECUTOR}))
        toy.write("grid/many", MANY)
        toy.environ |= cluster.environ
        return toy

    def slow(self, step_s: float) -> None:
        super().slow(step_s)
        self.step_s = step_s

    @property
    def store(self) -> RunStore:
        return RunStore(self.root)

    def done(self) -> int:
        """How many stages have a result."""
        return len(list(self.root.glob("*/result.json")))

    def redone(self) -> dict[str, int]:
        """Key of a `practise` -> how many of its updates were begun more often than once, counted so often."""
        again: Counter[str] = Counter()
        for (key, _), times in self.work().items():
            again[key] += times - 1
        return dict(again)

    def interval(self) -> int:
        """Updates from one checkpoint to the next, at most; an update that was only begun counts."""
        return math.ceil(CHECKPOINT_S / self.step_s)


def unbroken(folder: Path, *words: str) -> dict[str, bytes]:
    """The results of a grid, computed inline by this process."""
    toy = SlurmToy.build(folder)
    toy.write("grid/many", MANY)
    before = {name: os.environ.get(name) for name in toy.environ}
    os.environ.update(toy.environ)
    try:
        toy.drive(*words, "executor=inline")
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return toy.results()


def states(store: RunStore, plan: Plan) -> dict[str, int]:
    return dict(Counter(outcome.state for outcome in store.outcomes(plan).values()))


def commits(store: RunStore, plan: Plan) -> dict[str, int]:
    """Key -> how often an attempt at the stage has come to its end and published, by its own log."""
    return {
        key: sum(line.startswith("done in ") for line in store.log_file(key).read_text(encoding="utf-8").splitlines())
        for key in plan.stages
        if store.log_file(key).exists()
    }


def attempts(store: RunStore, plan: Plan) -> dict[str, int]:
    return {key: outcome.attempts for key, outcome in store.outcomes(plan).items()}


@contextmanager
def deadly_sbatch(folder: Path, environ: dict[str, str]) -> Iterator[Path]:
    """Once, sbatch kills who called it with signal 9, right after Slurm has taken the job; yields a file made then."""
    real, struck = shutil.which("sbatch", path=environ["PATH"]), folder / "struck"
    command = folder / "bin" / "sbatch"
    command.parent.mkdir()
    command.write_text(f'#!/bin/bash\n{real} "$@" && mkdir {struck} 2>/dev/null && kill -9 $PPID\n', encoding="utf-8")
    command.chmod(0o755)
    path = environ["PATH"]
    environ["PATH"] = f"{command.parent}{os.pathsep}{path}"
    yield struck
    environ["PATH"] = path


def jobs(cluster: Cluster) -> set[str]:
    """Every job and array task of which the controller knows, also those that are over."""
    return set(cluster.ask("squeue", "-h", "-r", "-t", "all", "-o", "%i").split())


def waiting_or_running(cluster: Cluster) -> set[str]:
    """The jobs that are not over; of an array, each of its tasks: 12_3."""
    return set(cluster.ask("squeue", "-h", "-r", "-o", "%i").split())


def caught_at_work(cluster: Cluster, toy: SlurmToy, node: str) -> dict[str, str]:
    """Wait for stages that hold in the middle of their work on a node: key -> the job that computes it."""
    found: dict[str, str] = {}

    def caught() -> bool:
        found.clear()
        lines = cluster.ask("squeue", "-h", "-r", "-t", "RUNNING", "-w", node, "-o", "%A %i").splitlines()
        here = dict(line.split() for line in lines)
        for key, updates in Counter(key for key, _ in toy.work()).items():
            job = (toy.store.held(key) or {}).get("slurm") or {}
            if job.get("id") in here and updates == MIDDLE + 1:
                found[key] = here[job["id"]]
        return bool(found)

    until(caught)
    return found
