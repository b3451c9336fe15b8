"""How a grid stands: its cells and stages as the store has them now, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark import lease
from benchmark.cli.show import duration, failure_lines, method_table, short, table
from benchmark.cli.submitted import Submitted, submitted
from benchmark.cost.price import price
from benchmark.executors import ExecutorConfig
from benchmark.plurals import plural
from benchmark.spec import Outcome, Plan, cell_outcome
from benchmark.store import RunStore

# A cell's or stage's state in a word, in the order in which they are listed.
STATES = ("done", "running", "queued", "submitted", "gone", "stopped", "failed", "blocked", "missing", "unavailable")


@dataclass(frozen=True)
class Status:
    """A grid at one moment.

    stages: key -> outcome. cells: name -> outcome. submitted: the stages that a scheduler has been given, key -> job.
    seconds_left: on the clock, at the parallelism of the executor; None where nothing is known of a stage that is to be
    computed. driver: who feeds the queue of this grid, if anybody.
    """

    plan: Plan
    store: RunStore
    stages: Mapping[str, Outcome]
    cells: Mapping[str, Outcome]
    submitted: Mapping[str, Submitted]
    seconds_left: float | None
    driver: str | None

    def stage_state(self, key: str) -> str:
        """One of STATES."""
        return state_of(self.stages[key], self.submitted.get(key))

    def cell_state(self, name: str) -> str:
        """One of STATES."""
        outcome = self.cells[name]
        return self.stage_state(outcome.key) if outcome.state in ("missing", "stopped") else outcome.state

    def pairs(self) -> dict[str, dict[str, list[str]]]:
        """Method -> environment -> the states of the cells."""
        found: dict[str, dict[str, list[str]]] = {}
        for cell in self.plan.cells:
            own = found.setdefault(cell.method, {}).setdefault(cell.environment, [])
            own.append(self.cell_state(cell.name))
        return found

    def running(self) -> list[str]:
        """Keys of the stages that are being computed."""
        return [key for key in self.plan.stages if self.stages[key].state == "running"]

    def totals(self) -> Iterator[str]:
        """A line about the cells and one about the stages."""
        yield f"{plural(len(self.cells), 'cell')}: {counted([self.cell_state(name) for name in self.cells])}"
        left = self.seconds_left
        words = f"; about {duration(left)} left" if left else ""
        yield f"{plural(len(self.stages), 'stage')}: {counted([self.stage_state(key) for key in self.stages])}{words}"
        gone = sum(self.stage_state(key) == "gone" for key in self.stages)
        if gone:
            who = "the next run" if self.driver is None else "their driver"
            yield f"{gone} gone: submitted, no longer in the queue; {who} sees to it"
        if self.driver is not None:
            yield f"{self.driver} feeds the queue"

    def running_rows(self) -> Iterator[tuple[str, str, str, str, str, str]]:
        """Per running stage: its label, how much of it is done, units per second, time left, values, and where."""
        for key in self.running():
            now = self.stages[key]
            amount = f"{short(now.done)}/{short(now.total)}" if now.total else ""
            left = duration((now.total - now.done) / now.rate) if now.rate > 0 and now.total else ""
            shown = ", ".join(f"{name} {value:.3g}" for name, value in now.shown.items())
            rate = f"{short(now.rate)}/s" if now.rate > 0 else ""
            yield self.plan.label(key), amount, rate, left, shown, where(self.store, key)

    def speed(self) -> str:
        """The stages that run, by their name, with the sum of their speeds."""
        rates: dict[str, list[float]] = {}
        for key in self.running():
            rates.setdefault("+".join(self.plan.names(key)), []).append(self.stages[key].rate)
        speeds = {name: f" ({short(sum(own))}/s together)" if sum(own) else "" for name, own in rates.items()}
        return ", ".join(f"{len(own)} × {name}{speeds[name]}" for name, own in rates.items())

    def failures(self) -> list[str]:
        return failure_lines(self.plan, self.cells, self.stages, self.store)

    def text(self) -> str:
        """For a file or a pipe: a table of words, what runs, and why cells failed."""
        entries = {m: {e: counted(states) for e, states in own.items()} for m, own in self.pairs().items()}
        parts = [f"grid {self.plan.grid} in {self.store.root}\n{method_table(self.plan, entries)}"]
        parts.append("\n".join(self.totals()))
        if self.running():
            header = (f"running: {self.speed()}", "", "", "left", "", "")
            parts.append(table(header, self.running_rows(), indent=""))
        parts.append("\n".join(self.failures()))
        return "\n\n".join(filter(None, parts))

    def to_json(self) -> dict[str, Any]:
        """Cell name -> {state, reason, log, metrics, stages: name -> {key, state, done, total, rate}}.

        log: relative to the root. done, total, rate: of a running stage, in its own units and units per second.
        """
        shown: dict[str, Any] = {}
        for cell in self.plan.cells:
            outcome = self.cells[cell.name]
            shown[cell.name] = {
                "state": self.cell_state(cell.name),
                "reason": outcome.reason,
                "log": outcome.log,
                "metrics": dict(outcome.metrics),
                "stages": {name: self._stage_json(key) for name, key in cell.stages.items()},
            }
        return shown

    def _stage_json(self, key: str) -> dict[str, Any]:
        outcome, state = self.stages[key], self.stage_state(key)
        progress = {"done": outcome.done, "total": outcome.total, "rate": outcome.rate}
        return {"key": key, "state": state, **(progress if state == "running" else {})}


def look(plan: Plan, store: RunStore, executor: ExecutorConfig) -> Status:
    """The state of a plan's cells now."""
    jobs = submitted(plan, store)
    outcomes = store.outcomes(plan)
    cells = {cell.name: cell_outcome(plan, cell, outcomes) for cell in plan.cells}
    cost = price(plan, store, executor)
    place = store.grid_folder(plan.grid) / "driver"
    driver = lease.holder(place) if lease.seems_held(place) else None
    return Status(
        plan,
        store,
        outcomes,
        cells,
        jobs,
        None if cost.unknown else cost.wall_s,
        None if driver is None else lease.words(driver),
    )


def state_of(outcome: Outcome, job: Submitted | None) -> str:
    """One of STATES, for a stage whose job may have been submitted; one that stopped says more than its job's end."""
    if job is None or outcome.state not in ("missing", "stopped"):
        return outcome.state
    return outcome.state if outcome.state == "stopped" and job.state == "gone" else job.state


def counted(states: Sequence[str]) -> str:
    """`2 done, 1 missing`."""
    counts = Counter(states)
    return ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])


def where(store: RunStore, key: str) -> str:
    """Which process computes a stage, on which machine, for which job."""
    claim = store.held(key)
    return lease.words(claim) if claim else ""
