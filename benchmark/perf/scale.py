"""What large grids cost on paper: wall seconds, computing seconds and peak memory of whole commands.

    python -m benchmark.perf.scale [--cells 100000] [--folders 10000]

`plan` of so many cells that can be run (the paper's methods on its two built environments, with many seeds), writing
and reading the plan of them as `run` does, and `status` of a root with so many run folders: eight in ten done, the
others failed, running, or stopped. No other stage of that grid has a run folder.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmark.configs import Configs
from benchmark.grid import make_plan
from benchmark.lease import Claim
from benchmark.perf.price_time import finish
from benchmark.provenance import PROJECT
from benchmark.records import UNBEGUN
from benchmark.request import read_request
from benchmark.spec import Plan, Stage
from benchmark.store import RunStore
from benchmark.validate import Schema

GRID, CHANGES, PAIRS = "paper", "envs=[rtfm_s1,messenger_s2]", 18


def report(what: str, wall_s: float, computing_s: float, peak_kb: int) -> None:
    print(f"{what:44} {wall_s:8.2f} {computing_s:12.2f} {peak_kb / 1024:8.0f}", flush=True)


def command(what: str, *words: str) -> None:
    """Run a command of run_all.py. Raises CalledProcessError."""
    line = [sys.executable, str(PROJECT / "run_all.py"), *words]
    begin = time.perf_counter()
    child = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    _, code, used = os.wait4(child.pid, 0)
    if code:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(code), line)
    report(what, time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss)


def timed(what: str, work: Callable[[], object]) -> None:
    begin, computed = time.perf_counter(), time.process_time()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report(what, time.perf_counter() - begin, time.process_time() - computed, peak)


def plan_of(seeds: int) -> Plan:
    configs = Configs(PROJECT / "configs")
    schema = Schema(configs.read("schema"), configs.shown("schema"))
    return make_plan(configs, schema, read_request(configs, schema, GRID, [CHANGES, f"seeds={seeds}"]))


def leave_unfinished(store: RunStore, stage: Stage, number: int) -> list[Claim]:
    """Write a run folder without a result; returns the claim where the stage is to seem to be running."""
    store.register(stage)
    state = ("failed", "stopped", "running")[number % 3]
    reason = "ValueError: made up" if state == "failed" else None
    store.write_status(stage.key, {**UNBEGUN, "state": state, "reason": reason, "done": 5, "total": 10, "attempt": 1})
    claim = Claim.acquire(store.claims(stage.key)) if state == "running" else None
    return [claim] if claim else []


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.scale")
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=10_000)
    given = parser.parse_args()
    print(f"{'':44} {'wall s':>8} {'computing s':>12} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder))
        root = f"--root={folder}"
        seeds = -(-given.cells // PAIRS)
        command(f"plan, {seeds * PAIRS} cells", "plan", f"--grid={GRID}", CHANGES, f"seeds={seeds}", root)
        few = -(-given.folders // 65)  # what a seed's cells need, shared stages counted once
        plan = plan_of(few)
        claims = []
        for number, stage in enumerate(plan.stages.values()):
            if number % 5:
                finish(store, stage, number)
            else:
                claims += leave_unfinished(store, stage, number // 5)
        for which in ("first", "second"):
            what = f"status, {len(plan.stages)} run folders, {which} time"
            command(what, "status", f"--grid={GRID}", CHANGES, f"seeds={few}", root)
        plan = plan_of(seeds)  # last, for a process that is started takes over the peak memory of this one
        timed(f"plan.json written, {len(plan.stages)} stages", lambda: store.write_plan(plan))
        timed("plan.json read, beside the one in memory", lambda: store.plan(plan.grid))


if __name__ == "__main__":
    main()
