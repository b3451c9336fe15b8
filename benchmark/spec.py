"""The nouns of the harness: Stage, Cell, Plan, Outcome, Resources, and the key that is a stage's identity."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

# Part of every key: raise it only when the meaning of the hashed text changes, for it orphans all stored results.
KEY_FORMAT = 1

# The kind, and the target, of a stage whose results were computed elsewhere and read from a file; nothing computes it.
IMPORTED = "imported"

# What a stage's result calls the number of files that it left out: damaged, lost, or of a game that failed.
SKIPPED = "skipped"

State = Literal["done", "running", "failed", "stopped", "blocked", "missing", "unavailable"]


def canonical(value: Any) -> str:
    """The one text of a plain JSON value: keys sorted, no spaces, ASCII; equal values give equal texts.

    Whole numbers and floats are distinct (`1` and `1.0` are different texts, so different keys); the configuration
    check turns an int into a float where the default is a float, so `lr=1` and `lr=1.0` still name the same stage.

    Raises ValueError that names the place of a NaN, an infinity, a key that is no string, or any other object.
    """
    _require_plain(value, "value")
    return _CANONICAL.encode(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _require_plain(value: Any, where: str) -> None:
    if type(value) in (str, int, bool) or value is None:
        return
    if isinstance(value, Mapping):
        for name, item in value.items():
            if type(name) is not str:
                raise ValueError(f"{where}: key {name!r} is {type(name).__name__}, expected a string")
            _require_plain(item, f"{where}.{name}")
    elif type(value) is list:
        for index, item in enumerate(value):
            _require_plain(item, f"{where}[{index}]")
    elif type(value) is float:
        if not math.isfinite(value):
            raise ValueError(f"{where}: {value} is not a finite number and has no JSON text")
    else:
        raise ValueError(f"{where}: {type(value).__name__} is not a plain JSON value")


@dataclass(frozen=True)
class Budget:
    """Which of a stage's params say how much work it is, so that its time can be told from that of less or more work.

    key: dotted name of a number, at least 1. times: dotted name of a number that multiplies it, or None. small: so much
    is enough to see how fast it is.
    """

    key: str
    small: int
    times: str | None = None

    def amount(self, params: Mapping[str, Any]) -> float:
        """Raises KeyError that names what the params lack."""
        return float(_at(params, self.key)) * (1.0 if self.times is None else float(_at(params, self.times)))

    def set(self, params: Mapping[str, Any], amount: float) -> dict[str, Any]:
        """The params with the whole number of units nearest to this amount of work, one unit at least."""
        factor = 1.0 if self.times is None else float(_at(params, self.times))
        return _changed(params, self.key.split("."), max(1, round(amount / factor)))


def _at(params: Mapping[str, Any], name: str) -> Any:
    value: Any = params
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise KeyError(name)
        value = value[part]
    return value


def _changed(params: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    inside = value if len(path) == 1 else _changed(params[path[0]], path[1:], value)
    return {**params, path[0]: inside}


def without_places(params: Mapping[str, Any]) -> dict[str, Any]:
    """The params that are part of a stage's identity."""
    return {name: value for name, value in params.items() if not name.startswith("@")}


@dataclass(frozen=True)
class Stage:
    """One unit of work. Everything that can change its result is in here, and nothing else.

    kind: its name in the pipeline. target: dotted name of the function that computes it. params: plain JSON values; one
    whose name begins with `@` says where an input lies on this machine and is no part of the identity (what is in the
    input is: `data` in configs/config.yaml).
    parents: name in the pipeline -> key of the stage whose results it reads. version: raised when the target's code
    changes what it computes. budget: how to read its amount of work in its params; known where it was planned, and no
    part of its identity.
    """

    kind: str
    target: str
    params: Mapping[str, Any]
    parents: Mapping[str, str] = field(default_factory=dict)
    version: int = 1
    budget: Budget | None = field(default=None, compare=False)

    @cached_property
    def key(self) -> str:
        """16 hexadecimal digits: the identity of the stage, and the name of its run folder."""
        text = canonical({"format": KEY_FORMAT, **self._content(), "params": without_places(self.params)})
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]

    def _content(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "target": self.target,
            "params": dict(self.params),
            "parents": dict(self.parents),
            "version": self.version,
        }

    def to_json(self) -> dict[str, Any]:
        return {**self._content(), "key": self.key}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Stage:
        """Raises ValueError when the stored key is not the key of the stored content (a file edited by hand)."""
        stage = cls(data["kind"], data["target"], data["params"], data["parents"], data["version"])
        if stage.key != data["key"]:
            raise ValueError(f"stage {data['key']}: its content has key {stage.key}; the specification was edited")
        return stage


@dataclass(frozen=True)
class Cell:
    """One environment × method × seed of a grid.

    stages: name in the pipeline -> key, parents first; empty when the cell is unavailable, with the reason.
    """

    environment: str
    method: str
    seed: int
    stages: Mapping[str, str] = field(default_factory=dict)
    unavailable: str | None = None

    @property
    def name(self) -> str:
        return f"{self.environment}/{self.method}/{self.seed}"


@dataclass(frozen=True)
class Plan:
    """All cells of a grid and the stages they share.

    stages: key -> Stage, parents before children. result: the pipeline's stage whose metrics are a cell's result.
    headline: the metric that tables show, see `headline_of`. settings: seeds, teacher_seeds, preset and overrides as
    asked for; changes: environment -> dotted key -> [default, here], also of environments that only lend stages;
    only_in: override -> environments, where not all have its key; search: method -> {method: the one it varies, values:
    dotted key -> value}; tuned: None, or {name, sha256, values: environment -> method -> dotted key -> value}; claims:
    None, or {name, sha256, content}, see benchmark.claims. environments, methods: what the composed configuration says
    of each (label, provenance, options, switches), by name, without what is tuned for one environment; of one that is
    not available, what its file says.
    """

    grid: str
    description: str
    cells: tuple[Cell, ...]
    stages: Mapping[str, Stage]
    result: str
    headline: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def users(self) -> dict[str, tuple[Cell, ...]]:
        """Stage key -> the cells that need it."""
        cells: dict[str, list[Cell]] = {key: [] for key in self.stages}
        for cell in self.cells:
            for key in dict.fromkeys(cell.stages.values()):
                cells[key].append(cell)
        return {key: tuple(users) for key, users in cells.items()}

    @property
    def origin(self) -> str | None:
        """Which file a grid was imported from, in words; None for one whose results are computed here."""
        found = self.settings.get(IMPORTED)
        return f"{found['file']} (SHA-256 {found['sha256'][:12]})" if found else None

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """Stage key -> the keys of the stages that read its results."""
        children: dict[str, list[str]] = {key: [] for key in self.stages}
        for key, stage in self.stages.items():
            for parent in dict.fromkeys(stage.parents.values()):
                children[parent].append(key)
        return {key: tuple(keys) for key, keys in children.items()}

    def environment(self, key: str) -> str:
        """The environment that a stage is about: its own, not that of the cells that need it."""
        own = self.stages[key].params.get("env")
        return str(own["id"]) if isinstance(own, Mapping) and "id" in own else self.users[key][0].environment

    def names(self, key: str) -> tuple[str, ...]:
        """What the cells that need a stage call it: one name as a rule, more where equal work has several uses."""
        found = (name for cell in self.users[key] for name, its_key in cell.stages.items() if its_key == key)
        return tuple(dict.fromkeys(found))

    def required(self, cell: Cell) -> frozenset[str]:
        """The keys of the stages that the cell's result rests on, its own included; the others are diagnostics."""
        found: set[str] = set()
        waiting = [cell.stages[self.result]] if cell.stages else []
        while waiting:
            key = waiting.pop()
            if key not in found:
                found.add(key)
                waiting += self.stages[key].parents.values()
        return frozenset(found)

    def label(self, key: str) -> str:
        """A stage in a person's words: its name, environment, the methods that share it, and its seed."""
        users = self.users[key]
        methods = list(dict.fromkeys(cell.method for cell in users))
        seeds = list(dict.fromkeys(cell.seed for cell in users))
        shared = methods[0] if len(methods) == 1 else f"{len(methods)} methods"
        seed = str(seeds[0]) if len(seeds) == 1 else f"{len(seeds)} seeds"
        return f"{'+'.join(self.names(key))} {self.environment(key)}/{shared}/{seed}"

    def only(self, cells: tuple[Cell, ...]) -> Plan:
        """The same plan restricted to some of its cells and the stages that they need."""
        needed = {key for cell in cells for key in cell.stages.values()}
        return replace(self, cells=cells, stages={k: s for k, s in self.stages.items() if k in needed})

    def facts(self) -> dict[str, Any]:
        """All but the stages, as JSON."""
        return {
            "grid": self.grid,
            "description": self.description,
            "result": self.result,
            "headline": self.headline,
            "settings": dict(self.settings),
            "environments": {name: dict(data) for name, data in self.environments.items()},
            "methods": {name: dict(data) for name, data in self.methods.items()},
            "cells": [{**vars(cell), "stages": dict(cell.stages)} for cell in self.cells],
        }

    def to_json(self) -> dict[str, Any]:
        return {**self.facts(), "stages": {key: stage.to_json() for key, stage in self.stages.items()}}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], stages: Mapping[str, Stage]) -> Plan:
        return cls(
            **{name: facts[name] for name in ("grid", "description", "result", "headline", "settings")},
            environments=facts["environments"],
            methods=facts["methods"],
            cells=tuple(Cell(**cell) for cell in facts["cells"]),
            stages=stages,
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        return cls.from_facts(data, {key: Stage.from_json(stage) for key, stage in data["stages"].items()})


@dataclass(frozen=True)
class Outcome:
    """What became of a stage, or of a cell.

    reason: one line, where it failed, is blocked or unavailable. log: path of its log, relative to the store's root.
    done, total, rate, shown: its progress (units of the stage, units per second, values for the display).
    failures: exceptions of its target so far. transient: whether the last one's cause can go away, so that it is worth
    a repeat. seconds: computing time of the finished stage over all attempts.
    """

    key: str
    state: State
    metrics: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    log: str | None = None
    done: int = 0
    total: int = 0
    rate: float = 0.0
    shown: Mapping[str, float] = field(default_factory=dict)
    attempts: int = 0
    failures: int = 0
    transient: bool = False
    seconds: float = 0.0
    device: str | None = None
    deterministic: bool = True
    resumed_from: tuple[int, ...] = ()
    finished: str | None = None


@dataclass(frozen=True)
class Resources:
    """What a job is given. It never changes a result, so it is in no key.

    checkpoint_s: seconds between two checkpoints. cpus, gpus, mem_gb, time_min: of one job, where a scheduler asks;
    None leaves it to the scheduler's own default.
    """

    device: str = "cpu"
    checkpoint_s: float = 60.0
    cpus: int = 1
    gpus: int = 0
    mem_gb: float | None = None
    time_min: int | None = None


def blocked(plan: Plan, outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """The outcomes, in which every unfinished stage below a failed one is blocked and says by which."""
    result: dict[str, Outcome] = {}
    for key, stage in plan.stages.items():
        outcome = outcomes[key]
        if outcome.state in ("missing", "stopped"):
            bad = next((result[p] for p in stage.parents.values() if result[p].state in ("failed", "blocked")), None)
            if bad is not None:
                reason = bad.reason if bad.state == "blocked" else f"{plan.label(bad.key)} failed: {bad.reason}"
                outcome = replace(outcome, state="blocked", reason=reason, log=bad.log)
        result[key] = outcome
    return result


def cell_outcome(plan: Plan, cell: Cell, outcomes: Mapping[str, Outcome]) -> Outcome:
    """What became of a cell, from the outcomes of its stages (after `blocked`).

    failed: a stage that only this cell uses failed; blocked: one that it shares with other cells did. Diagnostics, on
    which its result does not rest, decide nothing.
    """
    if cell.unavailable is not None:
        return Outcome("", "unavailable", reason=cell.unavailable)
    result = outcomes[cell.stages[plan.result]]
    if result.state == "done":
        return result
    required = plan.required(cell)
    stages = {name: outcomes[key] for name, key in cell.stages.items() if key in required}
    for name, outcome in stages.items():
        if outcome.state == "failed":
            state: State = "failed" if len(plan.users[outcome.key]) == 1 else "blocked"
            return replace(outcome, state=state, reason=f"{name}: {outcome.reason}")
    for state in ("running", "stopped"):
        for outcome in stages.values():
            if outcome.state == state:
                return outcome
    return replace(result, state="missing")


def headline_of(plan: Plan, environment: str) -> str:
    """The metric that tables show of an environment: its own `headline`, or the plan's."""
    return str(plan.environments.get(environment, {}).get("headline", plan.headline))


def provenance_of(plan: Plan, method: str, environment: str | None = None) -> str:
    """Where a method comes from, on an environment: released, reimplemented, ours, …; `unknown` where no file says.

    Without an environment: on those of the plan; where the words differ, each of them, joined by " / ".
    """
    words = plan.methods.get(method, {}).get("provenance", "unknown")
    if not isinstance(words, Mapping):
        return str(words)
    environments = plan.environments if environment is None else [environment]
    return " / ".join(dict.fromkeys(str(words.get(name, words["default"])) for name in environments))
