"""Frames learnt from per second, and memory: Sample Factory's APPO by its number of processes, and our own V-trace.

    python -m benchmark.perf.appo_speed [--env nethack-score] [--network nethack_small] [--copies 32] [--workers 0 1 2]
        [--seconds 60] [--teacher]

Each plays and learns the environment for so many seconds after its first update, so that the start of processes does
not count. "CPU" is per second of processor time of all its processes, which another load on the machine does not
change; "wall" is what a clock shows; "peak" the largest sum of their resident memory (shared memory counted in each).
--teacher: with distillation towards a teacher of random weights, which APPO's actors carry along.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import torch
import yaml

import agents.train
import envs
from agents.appo import train as appo
from agents.networks import build
from agents.teacher import publish
from envs.base import EnvError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
UNROLL = 32


class Measured(BaseException):
    """It has run for long enough."""


def usage() -> tuple[float, float]:
    """(seconds of processor time, bytes of memory) of this process and all below it."""
    cpu = memory = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            times = process.cpu_times()
            cpu += times.user + times.system
            memory += process.memory_info().rss
        except psutil.Error:
            continue
    return cpu, memory


@dataclass
class Stopwatch:
    """A job that only looks at the clock."""

    params: Mapping[str, Any]
    folder: Path
    seconds: float
    parents: Mapping[str, Path] = field(default_factory=dict)
    device: str = "cpu"
    repeatable: bool = True
    begun: tuple[float, float, int] | None = None
    peak: float = 0.0
    by_cpu: float = 0.0
    by_wall: float = 0.0

    def stream(self, purpose: str) -> int:
        return len(purpose)

    def log(self, frames: int, **metrics: float) -> None: ...

    def progress(self, done: int, total: int, **shown: float) -> None:
        if done == 0:
            return
        now, (cpu, memory) = time.perf_counter(), usage()
        self.peak = max(self.peak, memory)
        if self.begun is None:
            self.begun = now, cpu, done
        elif now - self.begun[0] >= self.seconds:
            self.by_wall = (done - self.begun[2]) / (now - self.begun[0])
            self.by_cpu = (done - self.begun[2]) / (cpu - self.begun[1])
            raise Measured

    def resume(self) -> None: ...

    def checkpoint(self, state: Callable[[], dict[str, Any]]) -> None: ...

    def publish(self, name: str, write: Callable[[Path], None]) -> Path:
        write(self.folder / name)
        return self.folder / name


def read(group: str, name: str, **changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((CONFIGS / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return settings | changes


def measure(learner: Mapping[str, Any], given: argparse.Namespace) -> Stopwatch:
    params: dict[str, Any] = {
        "env": {"name": given.env, "options": {}},
        "curve": {"name": given.env, "episodes": 1, "every": 10**12, "random_actions": 0.0},
        "network": read("network", given.network),
        "learner": learner,
        "initialise": False,
        "distill": float(given.teacher),
        "shaping": 0.0,
        "until": 1.0,
    }
    with tempfile.TemporaryDirectory() as folder:
        job = Stopwatch(params, Path(folder), given.seconds)
        if given.teacher:
            layout = envs.make(given.env, 1).layout
            publish(job, "teacher.pt", build(layout, params["network"], seed=1))
            job.parents = {"pretrain": job.folder}
        try:
            (appo.train if learner["name"] == "appo" else agents.train.train)(job)
        except Measured:
            return job
    raise RuntimeError("it ended before it was measured")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.appo_speed")
    parser.add_argument("--env", default="nethack-score")
    parser.add_argument("--network", default="nethack_small", help="a file of configs/network/")
    parser.add_argument("--copies", type=int, default=32)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=60.0, help="time spent per figure, without the start")
    parser.add_argument("--teacher", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    common = {"frames": 10**12, "num_envs": given.copies, "unroll": UNROLL, "log_every": 10**12}
    batch = given.copies * UNROLL
    learners = {"vtrace (own)": read("learner", "vtrace", **common)}
    learners |= {
        f"appo, {workers} workers": read("learner", "appo_small", **common, workers=workers, batch=batch)
        for workers in given.workers
    }
    print(f"{given.env}, {given.network}, {given.copies} copies, {UNROLL} steps, {batch} frames an update")
    print(f"{'learner':18} {'frames/s (wall)':>16} {'frames/CPU-s':>13} {'CPUs':>6} {'peak (MB)':>10}")
    try:
        for name, learner in learners.items():
            job = measure(learner, given)
            row = f"{name:18} {job.by_wall:16,.0f} {job.by_cpu:13,.0f} {job.by_wall / job.by_cpu:6.2f}"
            print(f"{row} {job.peak / 2**20:10,.0f}", flush=True)
    except EnvError as error:
        print(f"appo_speed: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
