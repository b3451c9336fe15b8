"""From a number in a table back to what it rests on: seeds, stages, settings, commits, logs, MLflow runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any, NoReturn

from benchmark.cli.show import duration, headlines, score, table
from benchmark.errors import BadInput
from benchmark.grid import select
from benchmark.plurals import plural
from benchmark.spec import IMPORTED, Cell, Outcome, Plan, cell_outcome, headline_of, provenance_of
from benchmark.store import RunStore
from benchmark.tracking.mlflow_database import LinkedRuns

_NUMBER = re.compile(r"[-−]?\d+(\.\d+)?|[-−]?\.\d+")


def is_number(word: str) -> bool:
    """Whether a word is a number as a table prints it."""
    return _NUMBER.fullmatch(word) is not None


@dataclass(frozen=True)
class Trace:
    """What one number of a table rests on: the cells of one environment and method, all seeds or one.

    metric: of the cells' results; mostly the headline of the environment.
    """

    plan: Plan
    store: RunStore
    cells: tuple[Cell, ...]
    outcomes: dict[str, Outcome]  # of all stages, by key
    mlflow: LinkedRuns
    metric: str

    @property
    def name(self) -> str:
        first = self.cells[0]
        return f"{first.environment}/{first.method}" if self.is_mean else first.name

    @property
    def is_mean(self) -> bool:
        first = self.cells[0]
        planned = [c for c in self.plan.cells if (c.environment, c.method) == (first.environment, first.method)]
        return len(self.cells) == len(planned)

    @cached_property
    def own(self) -> dict[str, Outcome]:
        """Cell name -> outcome."""
        return {cell.name: cell_outcome(self.plan, cell, self.outcomes) for cell in self.cells}

    @property
    def others(self) -> list[str]:
        """The further metrics of the results, in their order."""
        metrics = dict.fromkeys(name for outcome in self.own.values() for name in outcome.metrics)
        return [name for name in metrics if name != self.metric]

    @cached_property
    def value(self) -> float | None:
        """The mean of the metric over the cells that are done."""
        numbers = headlines(self.own.values(), self.metric)
        return fmean(numbers) if numbers else None

    @cached_property
    def keys(self) -> list[str]:
        """The stages that the number rests on, parents first; diagnostics are left out."""
        needed = set().union(*(self.plan.required(cell) for cell in self.cells))
        return [key for key in self.plan.stages if key in needed]

    def settings(self) -> dict[str, Any]:
        """What the grid has otherwise than the defaults, for this environment and method."""
        settings, first = self.plan.settings, self.cells[0]
        changes = (settings.get("changes") or {}).get(first.environment, {})
        search = (settings.get("search") or {}).get(first.method, {}).get("values", {})
        tuned = settings.get("tuned") or {}
        values = tuned.get("values", {}).get(first.environment, {}).get(first.method, {})
        return {
            "preset": settings.get("preset"),
            "teacher_seeds": settings.get("teacher_seeds"),
            "changed": dict(changes),
            "search": dict(search),
            "tuned": {"name": tuned["name"], "values": dict(values)} if values else None,
        }

    def to_json(self) -> dict[str, Any]:
        """{name, metric, value, done, planned, provenance, imported, settings, cells: …, stages: …}; absolute paths."""
        return {
            "name": self.name,
            "metric": self.metric,
            "value": self.value,
            "done": len(headlines(self.own.values(), self.metric)),
            "planned": len(self.cells),
            "provenance": provenance_of(self.plan, self.cells[0].method, self.cells[0].environment),
            "imported": self.plan.settings.get(IMPORTED),
            "settings": self.settings(),
            "cells": {cell.name: self._cell_json(cell) for cell in self.cells},
            "stages": {key: self._stage_json(key) for key in self.keys},
        }

    def _cell_json(self, cell: Cell) -> dict[str, Any]:
        outcome = self.own[cell.name]
        return {
            "seed": cell.seed,
            "state": outcome.state,
            "reason": outcome.reason,
            "metrics": dict(outcome.metrics),
            "stages": {name: key for name, key in cell.stages.items() if key in self.keys},
            "mlflow_runs": self.mlflow.of_cell(cell.name, cell.stages.get(self.plan.result, "")),
        }

    def _stage_json(self, key: str) -> dict[str, Any]:
        outcome, result = self.outcomes[key], self.store.result(key) or {}
        return {
            "stage": "+".join(self.plan.names(key)),
            "state": outcome.state,
            "folder": str(self.store.folder(key)),
            "log": str(self.store.root / outcome.log) if outcome.log else None,
            "commit": result.get("commit"),
            "commits": result.get("commits"),
            "device": outcome.device,
            "deterministic": outcome.deterministic,
            "seconds": outcome.seconds,
            "finished": outcome.finished,
            "mlflow_runs": self.mlflow.of_stage(key),
        }

    def text(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        first, facts = self.cells[0], self.to_json()
        number = "no number yet" if self.value is None else score(self.value)
        of = f", {_mean_of(facts)}" if self.is_mean and len(self.cells) > 1 else ""
        yield f"{self.name}: {self.metric} {number}{of} (grid {self.plan.grid}; {facts['provenance']})"
        if self.plan.origin is not None:
            yield f"  imported from {self.plan.origin}; nothing of it was computed here"
        yield from _settings_lines(facts["settings"])
        rows = [
            (
                cell["seed"],
                _shown(cell["metrics"].get(self.metric), cell["state"]),
                ", ".join(cell["mlflow_runs"]),
            )
            for cell in facts["cells"].values()
        ]
        yield table(("seed", self.metric, "MLflow run" if any(row[2] for row in rows) else ""), rows)
        yield f"  stages, in {self.store.root}"
        commits = sorted({one["commit"] for one in facts["stages"].values() if one["commit"]})
        numbers = {commit: f"[{number}]" for number, commit in enumerate(commits, 1)} if len(commits) > 1 else {}
        header = ("stage", "seed", "folder", "finished", "took", "device", "code" if numbers else "")
        yield table(header, self._stage_rows(facts, numbers), "    ")
        yield from (f"  {numbers.get(commit, 'computed by')} commit {commit}" for commit in commits)
        if first.stages and self.plan.origin is None:
            yield "  each has spec.json (settings), provenance.json (machine, packages), log.txt"

    def _stage_rows(self, facts: dict[str, Any], numbers: dict[str, str]) -> Iterator[Sequence[str]]:
        """numbers: of the commits, where there are several."""
        for key, one in facts["stages"].items():
            seed = str(self.plan.stages[key].params.get("seed", ""))
            took = duration(one["seconds"]) if one["state"] == "done" else one["state"]
            if self.plan.origin is not None and not one["seconds"]:
                took = one["state"]  # nobody said how long it took
            moment = str(one["finished"] or "")[:16].replace("T", " ")
            yield one["stage"], seed, key, moment, took, one["device"] or "", numbers.get(one["commit"], "")


def trace(plan: Plan, store: RunStore, word: str, database: Path | None) -> list[Trace]:
    """What a word names: environment/method, a cell, or whatever is printed as this number in a table of results.

    That is a score of a seed or a mean over seeds; where no score is printed so, another metric of the same games.
    database: of a local MLflow store. Raises BadInput where there is nothing of that name or number.
    """
    outcomes, runs = store.outcomes(plan), LinkedRuns(database, plan.grid)

    def of(cells: Sequence[Cell]) -> Trace:
        return Trace(plan, store, tuple(cells), outcomes, runs, headline_of(plan, cells[0].environment))

    pairs: dict[tuple[str, str], list[Cell]] = {}
    for cell in plan.cells if is_number(word) else select(plan, [word], ""):
        pairs.setdefault((cell.environment, cell.method), []).append(cell)
    if not is_number(word):
        return [of(cells) for cells in pairs.values()]
    every = [of(cells) for cells in pairs.values()]
    every += [of([cell]) for cells in pairs.values() if len(cells) > 1 for cell in cells]
    others = [replace(one, metric=name) for one in every for name in one.others]
    number = word.replace("−", "-")  # the minus of a report
    return _printed(every, number) or _printed(others, number) or _not_found(every, number, plan)


def listed(found: Sequence[Trace], word: str) -> str:
    """Several entries that print one number."""
    metrics = dict.fromkeys(one.metric for one in found)
    lines = [f"{word} is {' or '.join(metrics)} of"]
    for one in found:
        facts = one.to_json()
        which = f", {one.metric}" if len(metrics) > 1 else ""
        lines.append(f"  {one.name}{which}" + (f", {_mean_of(facts)}" if one.is_mean else ""))
    return "\n".join([*lines, "name one of them to see what its result rests on"])


def _mean_of(facts: Mapping[str, Any]) -> str:
    return f"mean of {facts['done']} of {plural(facts['planned'], 'seed')}"


def _printed(every: Sequence[Trace], word: str) -> list[Trace]:
    """Those whose value is printed so, with as many decimals."""
    places = len(word.partition(".")[2])
    return [one for one in every if one.value is not None and f"{one.value:.{places}f}" == f"{float(word):.{places}f}"]


def _not_found(every: Sequence[Trace], word: str, plan: Plan) -> NoReturn:
    places = len(word.partition(".")[2])
    values = [(one, one.value) for one in every if one.value is not None]
    near = min(values, key=lambda pair: abs(pair[1] - float(word)), default=None)
    hint = "nothing is done yet"
    if near is not None:
        value = f"{near[1]:.{places}f}" if places else score(near[1])
        hint = f"the nearest is {near[0].name} with {value} (results of seeds and their means are found, no intervals)"
    raise BadInput(f"no result of grid {plan.grid!r} is printed as {word}: {hint}")


def _settings_lines(settings: dict[str, Any]) -> Iterator[str]:
    if settings["preset"]:
        yield f"  preset {settings['preset']}, see configs/preset/{settings['preset']}/"
    if settings["teacher_seeds"]:
        few = settings["teacher_seeds"]
        yield f"  teachers of {plural(few, 'seed')} serve all"
    for kind in ("search", "tuned"):
        found = settings[kind] or {}
        for key, value in (found["values"] if kind == "tuned" and found else found).items():
            yield f"  {key}={value} ({'one of the values that are searched' if kind == 'search' else found['name']})"
    if settings["changed"]:
        yield "  settings that differ from the defaults"
        rows = [(key, _plain(before), "→", _plain(now)) for key, (before, now) in settings["changed"].items()]
        yield table(("", "", "", ""), rows, "    ").partition("\n")[2]


def _plain(value: Any) -> str:
    return "null" if value is None else str(value)


def _shown(value: Any, state: str) -> str:
    return score(value) if isinstance(value, float) else state
