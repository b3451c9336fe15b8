"""How a planned stage differs from one that is stored: in settings, in code, in parents and, in turn, in theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark.configs import leaves
from benchmark.errors import BadInput
from benchmark.files import Damaged
from benchmark.spec import Cell, Plan, Stage, without_places
from benchmark.store import RunStore

_DATA = "data_sha256."
_SHOWN = 60  # characters of a value


@dataclass(frozen=True)
class Difference:
    """From a stored stage to a planned one; each pair is (stored, now), and what is equal is left out.

    settings: dotted parameter -> values; None stands for one that is not there. parents: those that are other stages.
    """

    stored: str
    settings: Mapping[str, tuple[Any, Any]]
    version: tuple[int, int] | None
    target: tuple[str, str] | None
    parents: Mapping[str, Difference] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """In how many places they differ, the seed left out."""
        own = sum(key != "seed" for key in self.settings) + (self.version is not None) + (self.target is not None)
        return own + sum(parent.size for parent in self.parents.values())

    def reasons(self) -> list[str]:
        """Of `config`, `code` and `parent`, those that are the case; `seed` where that alone differs."""
        found = {
            "config": any(key != "seed" for key in self.settings),
            "code": self.version is not None or self.target is not None,
            "parent": any(parent.size for parent in self.parents.values()),
        }
        return [reason for reason, holds in found.items() if holds] or ["seed"]

    def own_lines(self) -> Iterator[str]:
        """One line per place in which the stages themselves differ."""
        for key, (before, now) in self.settings.items():
            if key.startswith(_DATA):
                yield f"data file {key.removeprefix(_DATA)}: {_file(before)} → {_file(now)}"
            else:
                yield f"{key}: {_value(before)} → {_value(now)}"
        if self.version is not None:
            yield f"code version: {self.version[0]} → {self.version[1]}"
        if self.target is not None:
            yield f"code: {self.target[0]} → {self.target[1]}"

    def lines(self) -> Iterator[str]:
        """`own_lines`, then those of the parents that differ, and in turn of theirs."""
        yield from self.own_lines()
        for name, parent in self.changed_parents().items():
            yield from (f"parent {name}: {line}" for line in parent.lines())

    def changed_parents(self) -> dict[str, Difference]:
        """Those that differ in more than the seed."""
        return {name: parent for name, parent in self.parents.items() if parent.size}

    def to_json(self) -> dict[str, Any]:
        return {
            "stored": self.stored,
            "settings": {key: list(pair) for key, pair in self.settings.items()},
            "version": self.version,
            "target": self.target,
            "parents": {name: parent.to_json() for name, parent in self.parents.items()},
        }


class Stored:
    """The finished stages of a store, to compare those of a plan with. before: the plan of the grid's last run."""

    def __init__(self, plan: Plan, store: RunStore) -> None:
        self.plan, self.store = plan, store
        self.before = store.plan(plan.grid) if plan.grid in store.grids() else None
        self._known: dict[str, Stage | None] = {}
        self._alike: dict[tuple[str, str | None], list[Stage]] | None = None
        self._compared: dict[tuple[str, str], Difference] = {}

    def nearest(self, cell: Cell, name: str) -> Difference | None:
        """From the finished stage that is most like this stage of a cell; None where none is of its kind and task.

        That is one that differs in its seed alone; else what the same cell had in the grid's last run; else the one
        that differs in fewest places, leaving out what other cells of this plan have now.
        """
        stage = self.plan.stages[cell.stages[name]]
        found = [self.compare(other, stage) for other in self._finished_like(stage)]
        siblings = [one for one in found if not one.size]
        if siblings:
            return siblings[0]
        before = self._before(cell, name)
        if before is not None and before != stage.key and self.store.is_done(before):
            known = self._stage(before)
            if known is not None:
                return self.compare(known, stage)
        others = [one for one in found if one.stored not in self.plan.stages]
        return min(others, key=lambda one: (one.size, "seed" in one.settings), default=None)

    def compare(self, stored: Stage, now: Stage) -> Difference:
        pair = stored.key, now.key
        if pair not in self._compared:
            self._compared[pair] = self._compare(stored, now)
        return self._compared[pair]

    def _compare(self, stored: Stage, now: Stage) -> Difference:
        before, after = (leaves(without_places(stage.params)) for stage in (stored, now))
        settings = {
            key: (before.get(key), after.get(key))
            for key in {**before, **after}
            if (key in before) != (key in after) or before[key] != after[key]
        }
        parents = {}
        for name in {**stored.parents, **now.parents}:
            old, new = stored.parents.get(name), now.parents.get(name)
            if old != new:
                parents[name] = self._parent(old, new)
        version = None if stored.version == now.version else (stored.version, now.version)
        target = None if stored.target == now.target else (stored.target, now.target)
        return Difference(stored.key, settings, version, target, parents)

    def _parent(self, old: str | None, new: str | None) -> Difference:
        """From one parent to another, either of which may not be there, or not be known any more."""
        stored, now = (None if key is None else self._stage(key) for key in (old, new))
        if stored is None or now is None:
            return Difference(old or "", {"stage": (old, new)}, None, None)
        return self.compare(stored, now)

    def _before(self, cell: Cell, name: str) -> str | None:
        cells = self.before.cells if self.before is not None else ()
        return next((one.stages.get(name) for one in cells if one.name == cell.name), None)

    def _finished_like(self, stage: Stage) -> list[Stage]:
        """Those of the same kind in the same environment, newest first."""
        if self._alike is None:
            self._alike = {}
            finished = {key: written for key, written in self.store.written().items() if written is not None}
            for key in sorted(finished, key=lambda key: finished[key], reverse=True):
                known = self._stage(key)
                if known is not None:
                    self._alike.setdefault(_about(known), []).append(known)
        return self._alike.get(_about(stage), [])

    def _stage(self, key: str) -> Stage | None:
        """A stage by its key; None where its run folder is gone or damaged."""
        if key in self.plan.stages:
            return self.plan.stages[key]
        if key not in self._known:
            try:
                self._known[key] = self.store.stage(key)
            except (BadInput, Damaged, ValueError):
                self._known[key] = None
        return self._known[key]


def _about(stage: Stage) -> tuple[str, str | None]:
    env = stage.params.get("env")
    return stage.kind, str(env.get("id")) if isinstance(env, Mapping) else None


def _value(value: Any) -> str:
    text = "not set" if value is None else str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _file(digest: Any) -> str:
    return "not read" if digest is None else f"content {str(digest)[:8]}"
