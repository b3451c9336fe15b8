"""Measuring how fast stages are that nothing computed so far is like: each for half a minute, in a scratch folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from benchmark.cli.show import duration
from benchmark.cost.estimate import Estimator
from benchmark.cost.history import History, Record, Workload, write_probes
from benchmark.cost.price import price
from benchmark.errors import BadInput
from benchmark.executors import ExecutorConfig
from benchmark.lease import Claim
from benchmark.spec import Plan, Stage
from benchmark.store import RunStore
from benchmark.surroundings import job_variables

MEASURE_S = 30.0
"""About so long a stage is measured: several times what a process takes to start."""
PARENT_S = 5.0
"""So long at most is each of the stages computed that it reads from: how much they hold changes its speed a little."""
MOST_MORE = 10.0
"""Work grows by this factor at most from one measurement to the next, since its start is not told from its work yet."""

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
    estimator = Estimator(history)
    unmeasured = _unmeasured(plan, store, config, estimator)
    if not unmeasured:
        say("nothing to probe: finished stages or earlier probes are like every stage to compute")
        return
    say(f"probing {len(unmeasured)} kinds of stages here, a minute or less for each; Ctrl-C keeps what is measured")
    failures: list[str] = []
    with _scratch(store) as scratch:
        bench = _Bench(plan, scratch)
        records = {(record.workload.family, record.device): record for record in history.probes}
        for number, (key, device) in enumerate(unmeasured.items(), 1):
            about = f"probe {number} of {len(unmeasured)}, {plan.stages[key].kind} of {plan.environment(key)}"
            try:
                record = bench.measure(key, device, measure_s, estimator)
            except _Failed as why:
                failures.append(f"{about}: not measured, {why}")
                say(failures[-1])
                continue
            records[record.workload.family, record.device] = record
            write_probes(store, records.values())
            estimator = Estimator(History(store))
            say(f"{about}: {duration(estimator.estimate(plan.stages[key], device).seconds or 0.0)} in full")
    if len(failures) == len(unmeasured):
        raise BadInput(f"--probe could not measure anything; {failures[0]}")


def _unmeasured(plan: Plan, store: RunStore, config: ExecutorConfig, estimator: Estimator) -> dict[str, str]:
    """Of each family and device without a record one stage, parents first, with its device."""
    priced = price(plan, store, config, estimator)
    chosen: dict[tuple[str, str], str] = {}
    for key in priced.unmeasured:
        family, device = estimator.history.workload(plan.stages[key]).family, priced.stages[key].resources.device
        chosen.setdefault((family, device), key)
    return {key: device for (_, device), key in chosen.items()}


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

    def measure(self, key: str, device: str, measure_s: float, estimator: Estimator) -> Record:
        """A stage with little work, then with more until it takes about `measure_s` or has all its work.

        The first and the last tell the time of each unit from the time that every run needs once. estimator: of what
        is known so far. Raises _Failed.
        """
        stage = self.plan.stages[key]
        parents = {name: self._as_parent(parent, device, estimator) for name, parent in stage.parents.items()}
        first = last = self._computed(self._changed(stage, _little(stage), parents), device)
        whole = Workload.of(stage).amount(stage.budget)
        while whole is not None and last.seconds < measure_s / 2 and _amount(last, stage) < whole:
            factor = min(MOST_MORE, measure_s / max(last.seconds, 0.01))
            last = self._computed(self._changed(stage, min(whole, _amount(last, stage) * factor), parents), device)
        if last is first:
            return first
        share = _amount(first, stage) / (_amount(last, stage) - _amount(first, stage))
        return replace(
            last,
            fixed_s=_fixed(first.seconds, last.seconds, share),
            fixed_disk=_fixed(first.disk, last.disk, share),
        )

    def _as_parent(self, key: str, device: str, estimator: Estimator) -> Stage:
        """A planned stage with as much of its work as takes PARENT_S at most; with little, where that is not known."""
        stage = self.plan.stages[key]
        parents = {name: self._as_parent(parent, device, estimator) for name, parent in stage.parents.items()}
        known, amount = estimator.estimate(stage, device), Workload.of(stage).amount(stage.budget)
        if amount is None or known.seconds is None or known.basis == "kind":
            return self._changed(stage, _little(stage), parents)
        return self._changed(stage, max(_little(stage), amount * PARENT_S / max(known.seconds, PARENT_S)), parents)

    def _changed(self, stage: Stage, amount: float, parents: Mapping[str, Stage]) -> Stage:
        """The stage with so much work, upon these parents."""
        params = stage.budget.set(stage.params, amount) if stage.budget else stage.params
        made = replace(stage, params=params, parents={name: parent.key for name, parent in parents.items()})
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


def _little(stage: Stage) -> float:
    """The amount of work that is enough to see that a stage runs, but not more than it has."""
    return min(stage.budget.small, stage.budget.amount(stage.params)) if stage.budget else 0.0


def _amount(record: Record, stage: Stage) -> float:
    """How much work of a stage was measured."""
    return record.workload.amount(stage.budget) or 0.0


def _fixed(first: float, last: float, share: float) -> float:
    """What both measurements hold once; share: the work of the first by what the last did more.

    Where the last, with more work, took less, noise is all that was measured: then nothing is called fixed, so that
    work is rather priced too high.
    """
    return min(max(0.0, first - (last - first) * share), first) if last >= first else 0.0
