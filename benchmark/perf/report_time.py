"""How long a report takes and how much memory: a grid of many seeds whose policies have logged many points.

    python -m benchmark.perf.report_time [--seeds 100] [--points 2000] [--cores 2] [--keep FOLDER]

Ten methods on two environments: 100 seeds are 2,000 runs. The runs are written to a temporary folder (some 1.3 MB for a
run of 2,000 points) by nobody's training: the numbers in them are drawn. Prints, of a fresh process that builds the
report, the seconds of each part, of all, and the largest memory that it, or the browser that prints its PDF, had.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmark.provenance import PROJECT
from benchmark.store import RunStore
from reports.build import build
from tests.synthetic import ENVIRONMENTS, TEN_METHODS, make_plan, write_runs

GRID = "synthetic"
METRICS: tuple[str, ...] = (
    "loss/policy",
    "loss/baseline",
    "loss/entropy",
    "loss/distill",
    "grad_norm",
    "train/win_rate",
)
METRICS += ("train/episode_return", "train/episode_length")
TEST_EVERY = 10
"""Points between two plays of the evaluation games."""

FRAMES = 2_000_000


def write_store(root: Path, seeds: int, points: int) -> int:
    """Finished runs of the grid; returns how many policies there are."""
    plan = make_plan(ENVIRONMENTS, TEN_METHODS, tuple(range(seeds)))
    store = write_runs(root, plan, points=0)
    policies = [key for key, stage in plan.stages.items() if stage.kind == "policy"]
    for number, key in enumerate(policies):
        _write_curve(store.curve_file(key), np.random.default_rng(number), points)
    return len(policies)


def _write_curve(path: Path, rng: np.random.Generator, points: int) -> None:
    frames = np.linspace(FRAMES / points, FRAMES, points).astype(int).tolist()
    level = rng.uniform(0.3, 0.9) * (1 - np.exp(-4 * np.linspace(0, 1, points)))
    logged = rng.standard_normal((points, len(METRICS)))
    logged[:, METRICS.index("train/win_rate")] = np.clip(level + 0.03 * logged[:, 0], 0, 1)
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(logged.tolist()):
            file.write(json.dumps({"frames": frames[number], **dict(zip(METRICS, row, strict=True))}) + "\n")
            if number % TEST_EVERY == 0:
                tested = {"test/win_rate": round(float(level[number]), 3), "test/episode_return": -0.1}
                file.write(json.dumps({"frames": frames[number], **tested}) + "\n")


class Clock:
    """Seconds of each part of the report, by what it says it is doing."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._doing, self._since = "", time.perf_counter()

    def listen(self, done: int, total: int, words: str) -> None:
        """What `build` calls: what came before this call belongs to what the call before named."""
        now = time.perf_counter()
        self.seconds[self._doing] = self.seconds.get(self._doing, 0.0) + now - self._since
        self._doing, self._since = (words if done < total else f"after {words}"), now


def measure(root: Path) -> None:
    """Build the report and print the seconds of its parts."""
    clock, begin = Clock(), time.perf_counter()
    note = build(root, GRID, clock.listen).note
    clock.listen(0, 1, "")
    for words, seconds in clock.seconds.items():
        if seconds >= 0.05:
            print(f"{words:32} {seconds:7.2f} s")
    print(f"{'the whole report':32} {time.perf_counter() - begin:7.2f} s{f'  ({note})' if note else ''}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.report_time")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--points", type=int, default=2_000)
    parser.add_argument("--cores", type=int, default=2, help="that the report may use")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the runs here, or use those that are here")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = given.keep or Path(temporary)
        if not RunStore(root).grid_folder(GRID).exists():
            begin = time.perf_counter()
            policies = write_store(root, given.seeds, given.points)
            print(f"{policies} runs × {given.points} points, written in {time.perf_counter() - begin:.0f} s")
        command = [sys.executable, "-m", "benchmark.perf.report_time", "--measure", str(root)]
        begin = time.perf_counter()
        cores = sorted(os.sched_getaffinity(0))[: given.cores]
        subprocess.run(command, check=True, cwd=PROJECT, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        print(f"{f'fresh process, {len(cores)} cores':32} {time.perf_counter() - begin:7.2f} s")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{'computing, on all cores':32} {used.ru_utime + used.ru_stime:7.2f} s")
        print(f"{'largest memory of a process':32} {used.ru_maxrss * 1024 / 1e9:7.2f} GB")


if __name__ == "__main__":
    main()
