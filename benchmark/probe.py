"""Measuring how fast stages are that nothing computed so far is like: each for half a minute, in a scratch folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from benchmark.cost import StagePrice, price
from benchmark.errors import BadInput
from benchmark.estimate import Estimator
from benchmark.executors import ExecutorConfig
from benchmark.history import History, Record, Workload, write_probes
from benchmark.lease import Claim
from benchmark.show import duration
from benchmark.spec import Plan, Stage
from benchmark.store import RunStore
from benchmark.surroundings import job_variables

MEASURE_S = 30.0
"""About so long a stage is measured: several times what a process takes to start."""

Say = Callable[[str], None]


class _Failed(Exception):
    """A stage could not be computed; the message is why."""


def probe(plan: Plan, store: RunStore, config: ExecutorConfig, say: Say, measure_s: float = MEASURE_S) -> None:
    """Measure one stage of every family of the plan's stages that has no record, on this machine.

    What a stage needs is computed with little work first, all in a scratch folder below the root that is deleted; run
    folders are not touched. Each measurement is kept at once, so a probe that was interrupted goes on where it was.
    Raises BadInput where not one stage can be computed, and while another process probes in this root.
    """
    store.require_writable()
    history = History(store)
    unmeasured = _unmeasured(plan, store, config, Estimator(history))
    if not unmeasured:
        say("nothing to probe: finished stages or earlier probes are like every stage to compute")
        return
    failures: list[str] = []
    with _scratch(store) as scratch:
        bench = _Bench(plan, scratch)
        records = {(record.workload.family, record.device): record for record in history.probes}
        for number, (key, one) in enumerate(unmeasured.items(), 1):
            about = f"probe {number} of {len(unmeasured)}, {plan.stages[key].kind} of {plan.environment(key)}"
            try:
                record = bench.measure(key, one.resources.device, measure_s)
            except _Failed as why:
                failures.append(f"{about}: not measured, {why}")
                say(failures[-1])
                continue
            records[record.workload.family, record.device] = record
            write_probes(store, records.values())
            whole = Estimator(History(store)).estimate(plan.stages[key], one.resources.device).seconds
            say(f"{about}: {duration(whole or 0.0)} in full")
    if len(failures) == len(unmeasured):
        raise BadInput(f"--probe could not measure anything; {failures[0]}")


def _unmeasured(plan: Plan, store: RunStore, config: ExecutorConfig, estimator: Estimator) -> dict[str, StagePrice]:
    """Of each family and device without a record one stage, the last of the plan, with its price."""
    priced = price(plan, store, config, estimator)
    chosen: dict[tuple[str, str], str] = {}
    for key in priced.unmeasured:
        family = estimator.history.workload(plan.stages[key]).family
        chosen[family, priced.stages[key].resources.device] = key
    return {key: priced.stages[key] for key in chosen.values()}


@contextlib.contextmanager
def _scratch(store: RunStore) -> Iterator[RunStore]:
    """An empty store below the root, for one probe at a time; deleted at the end. Raises BadInput."""
    folder = store.probe_folder()
    claim = Claim.acquire(folder / "claims")
    if claim is None:
        raise BadInput(f"another process is probing in {store.root}; wait for it, or stop it")
    try:
        yield RunStore(folder / str(claim.number))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Bench:
    """Computes stages of a plan with other amounts of work, each in a process of its own, and times them."""

    def __init__(self, plan: Plan, scratch: RunStore) -> None:
        self.plan, self.scratch = plan, scratch
        self._stages: dict[str, Stage] = {}

    def measure(self, key: str, device: str, measure_s: float) -> Record:
        """A stage with little work, then with as much as takes `measure_s`, but no more than it has.

        Two amounts of work tell the time of each unit from the time that every run needs once. Raises _Failed.
        """
        stage = self.plan.stages[key]
        little = self._computed(self._with(key), device)
        amount = little.workload.amount(stage.budget)
        whole = Workload.of(stage).amount(stage.budget)
        if stage.budget is None or amount is None or whole is None:
            return little
        more = min(whole, amount * measure_s / max(little.seconds, 0.1))
        if more < 2 * amount:
            return little
        much = self._computed(self._with(key, more), device)
        growth = amount / ((much.workload.amount(stage.budget) or more) - amount)
        return replace(
            much,
            fixed_s=_fixed(little.seconds, much.seconds, growth),
            fixed_disk=_fixed(little.disk, much.disk, growth),
        )

    def _with(self, key: str, amount: float | None = None) -> Stage:
        """A planned stage with so much work, or little, upon parents with little work."""
        stage = self.plan.stages[key]
        params = dict(stage.params)
        if stage.budget is not None:
            params = stage.budget.set(params, min(stage.budget.amount(params), amount or stage.budget.small))
        parents = {name: self._with(parent).key for name, parent in stage.parents.items()}
        made = replace(stage, params=params, parents=parents)
        return self._stages.setdefault(made.key, made)

    def _computed(self, stage: Stage, device: str) -> Record:
        """Compute a stage after its parents, unless it is done. Raises _Failed."""
        for parent in stage.parents.values():
            self._computed(self._stages[parent], device)
        result = self.scratch.result(stage.key)
        if result is None:
            self.scratch.register(stage)
            _run(stage.key, self.scratch, device)
            result = self.scratch.result(stage.key)
        if result is None:
            raise _Failed(f"{stage.kind}: {self.scratch.outcome(stage.key).reason or 'its process died'}")
        return Record(Workload.of(stage), device, 1, result["seconds"], self.scratch.size(stage.key))


def _run(key: str, scratch: RunStore, device: str) -> None:
    """One stage in a process of its own, as a grid's jobs are; on Ctrl-C it is killed, for it has nothing to save."""
    command = [sys.executable, "-m", "benchmark.stages", key, "--root", str(scratch.root), "--device", device]
    environ = {**os.environ, **job_variables(device)}
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _fixed(little: float, much: float, growth: float) -> float:
    """What both measurements hold once, where the second did 1/growth times as much more work as the first did."""
    return min(max(0.0, little - (much - little) * growth), little)
