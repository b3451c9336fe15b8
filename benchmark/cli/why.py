"""Why a cell will be computed or will not: a reason for each of its stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark import lease
from benchmark.cli.differences import Difference, Stored
from benchmark.cli.show import abbreviated, duration, score
from benchmark.cli.status import state_of
from benchmark.cli.submitted import submitted
from benchmark.executors import ExecutorConfig
from benchmark.plurals import noun, plural
from benchmark.spec import IMPORTED, Cell, Outcome, Plan, cell_outcome, headline_of
from benchmark.store import RunStore


@dataclass(frozen=True)
class Why:
    """One stage of a cell.

    state: one of status.STATES. reasons: done, running, queued, submitted, gone, stopped, failed, repeated (failed, but
    to be tried again), blocked; or why it has no result: new, seed, config, code, parent. words: the same for a person.
    log: its log file, where it has one.
    """

    stage: str
    key: str
    state: str
    reasons: tuple[str, ...]
    words: str
    log: str | None = None
    difference: Difference | None = None

    def to_json(self) -> dict[str, Any]:
        difference = None if self.difference is None else self.difference.to_json()
        return {
            "key": self.key,
            "state": self.state,
            "reasons": list(self.reasons),
            "words": self.words,
            "log": self.log,
            "difference": difference,
        }


class Explainer:
    """Looks at the store once, and explains cells of a plan."""

    def __init__(self, plan: Plan, store: RunStore, executor: ExecutorConfig) -> None:
        self.plan, self.store, self.executor = plan, store, executor
        self.submitted = submitted(plan, store)
        self.outcomes = store.outcomes(plan)
        self.stored = Stored(plan, store)

    def verdict(self, cell: Cell) -> str:
        """What happens to the cell, in one line."""
        if cell.unavailable is not None:
            return f"cannot be computed: {cell.unavailable}"
        outcome = cell_outcome(self.plan, cell, self.outcomes)
        if outcome.state == "done":
            left = [name for name, key in cell.stages.items() if self.outcomes[key].state != "done"]
            rest = f"; {', '.join(left)}, on which it does not rest, is not done" if left else ""
            return f"is done, and will not be computed again{self._headline(cell, outcome)}{rest}"
        if self.plan.origin is not None:
            return f"is {outcome.state} in {self.plan.origin}, which it was imported from; nothing computes it here"
        required = self.plan.required(cell)
        stages = [one for one in self.stages(cell) if one.key in required]
        if any("failed" in one.reasons for one in stages):
            return f"will not be computed: {outcome.reason}; when that is corrected: `retry {cell.name}`"
        todo = [one for one in stages if one.state != "done"]
        share = f"{len(todo)} of the {plural(len(stages), 'stage')} it rests on"
        for state, words in _VERDICTS.items():
            own = [one.stage for one in todo if one.state == state]
            if own:
                return f"{words}: {', '.join(own)}; {share} {noun(len(todo), 'is', 'are')} not done"
        return f"will be computed by the next run: {share} {noun(len(todo), 'has', 'have')} no result"

    def stages(self, cell: Cell) -> list[Why]:
        """A reason for each stage, parents first."""
        return [self._stage(cell, name, key) for name, key in cell.stages.items()]

    def text(self, cell: Cell) -> str:
        """The verdict, and a paragraph per stage; what several stages have in common is said at the first of them."""
        lines = [f"{cell.name} {self.verdict(cell)}"]
        stages = self.stages(cell)
        width = max((len(one.stage) for one in stages), default=0)
        said: set[str] = set()
        shown: set[str] = set()
        for one in stages:
            lines.append(f"  {one.stage:{width}}  {one.words}")
            if one.difference is not None and one.difference.size:
                own = list(one.difference.own_lines())
                more = [line for line in own if line not in said]
                more += ["and as above"] if len(more) < len(own) else []
                for name, parent in one.difference.changed_parents().items():
                    above = self.plan.stages[one.key].parents.get(name) in shown
                    more += [f"parent {name}: {line}" for line in (["changed, see above"] if above else parent.lines())]
                said.update(own)
                shown.add(one.key)
                lines += [f"  {'':{width}}    {line}" for line in more]
        return "\n".join(lines)

    def to_json(self, cell: Cell) -> dict[str, Any]:
        """{verdict, stages: name -> {key, state, reasons, words, log, difference}}."""
        return {"verdict": self.verdict(cell), "stages": {one.stage: one.to_json() for one in self.stages(cell)}}

    def _headline(self, cell: Cell, outcome: Outcome) -> str:
        metric = headline_of(self.plan, cell.environment)
        value = outcome.metrics.get(metric)
        return f": {metric} {score(value)}" if isinstance(value, float) else ""

    def _stage(self, cell: Cell, name: str, key: str) -> Why:
        outcome = self.outcomes[key]
        log = str(self.store.root / outcome.log) if outcome.log else None
        if self.plan.stages[key].kind == IMPORTED:
            return Why(name, key, outcome.state, (outcome.state,), self._imported(key, outcome), log)
        job = self.submitted.get(key)
        state = state_of(outcome, job)
        if job is not None and state != outcome.state:
            return Why(name, key, state, (state,), job.words(), log)
        if outcome.state == "missing":
            return self._without_result(cell, name, key)
        words = _WORDS[outcome.state](self, key, outcome)
        again = outcome.state == "failed" and self.executor.repeats(outcome)
        return Why(name, key, outcome.state, ("repeated" if again else outcome.state,), words, log)

    def _without_result(self, cell: Cell, name: str, key: str) -> Why:
        found = self.stored.nearest(cell, name)
        if found is None:
            words, reasons = "no result: nothing of this kind has been computed here", ["new"]
            return Why(name, key, "missing", tuple(reasons), words)
        about = f"stage {found.stored}{self._finished(found.stored)}"
        reasons = found.reasons()
        if reasons == ["seed"]:
            before, now = self._seeds(found)
            return Why(
                name,
                key,
                "missing",
                ("seed",),
                f"no result for seed {now}; seed {before} has one: {about}",
                None,
                found,
            )
        causes = {"config": "settings", "code": "code", "parent": "a parent"}
        words = f"no result: {' and '.join(causes[one] for one in reasons)} changed since {about}"
        return Why(name, key, "missing", tuple(reasons), words, None, found)

    def _seeds(self, difference: Difference) -> tuple[Any, Any]:
        """The two seeds, of the stage itself or, where that has the same, of the first parent that has not."""
        if "seed" in difference.settings:
            return difference.settings["seed"]
        return self._seeds(next(iter(difference.parents.values())))

    def _finished(self, key: str) -> str:
        finished = self.store.outcome(key).finished
        return f" ({_moment(finished)})" if finished else ""

    # words for what became of a stage

    def _done(self, key: str, outcome: Outcome) -> str:
        result: Mapping[str, Any] = self.store.result(key) or {}
        commit = abbreviated(result.get("commit")) or "unknown"
        return f"done {_moment(outcome.finished)} in {duration(outcome.seconds)} on {outcome.device}, commit {commit}"

    def _imported(self, key: str, outcome: Outcome) -> str:
        if outcome.state == "failed":
            return f"failed where it was computed, with {outcome.reason}"
        if outcome.state != "done":
            return "has no result where it was computed, or none that was imported"
        known = outcome.finished is not None and outcome.seconds > 0
        return f"imported from {self.plan.origin}" + (f"; {self._done(key, outcome)}" if known else "")

    def _running(self, key: str, outcome: Outcome) -> str:
        claim = self.store.held(key)
        amount = f", {outcome.done / outcome.total:.0%} of it done" if outcome.total else ""
        return f"is being computed by {lease.words(claim) if claim else 'a process that has just ended'}{amount}"

    def _stopped(self, key: str, outcome: Outcome) -> str:
        ends = self.store.interruptions(key)
        last = f"; its last job ended by {_ENDS.get(ends[-1]['why'], ends[-1]['why'])}" if ends else ""
        saved = "from its newest checkpoint" if self.store.checkpoints(key).number() else "from its beginning"
        return f"stopped after {plural(outcome.attempts, 'attempt')}{last}; the next run continues {saved}"

    def _failed(self, key: str, outcome: Outcome) -> str:
        attempts, log = plural(outcome.attempts, "attempt"), self.store.log_file(key)
        words = f"failed in {attempts} with {outcome.reason} (log: {log}); "
        if self.executor.repeats(outcome):
            return f"{words}this can go away, so the next run tries again"
        if outcome.transient:
            return f"{words}this can go away: when it has, `retry`"
        remedy = "correct the cause, then `retry`; or run with other settings, which make another stage"
        return f"{words}this does not go away by itself: {remedy}"

    def _blocked(self, key: str, outcome: Outcome) -> str:
        return f"blocked: {outcome.reason}" + (f" (log: {self.store.root / outcome.log})" if outcome.log else "")


_VERDICTS = {"running": "is being computed", "queued": "waits in the queue", "submitted": "has been submitted"}
_WORDS = {
    "done": Explainer._done,
    "running": Explainer._running,
    "stopped": Explainer._stopped,
    "failed": Explainer._failed,
    "blocked": Explainer._blocked,
}
_ENDS = {
    "timeout": "its time limit",
    "memory": "its memory limit",
    "cancelled": "being cancelled",
    "node": "the death of its machine",
    "lost": "disappearing without a word",
    "never": "never having begun",
    "over": "a crash",
}


def _moment(iso: str | None) -> str:
    """`2026-11-20 10:11 UTC`."""
    return f"{iso[:16].replace('T', ' ')} UTC" if iso else "at an unknown time"
