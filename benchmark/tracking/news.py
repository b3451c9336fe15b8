"""Which cells of a plan the mirror has to look at: those with a stage in whose folder something has happened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from benchmark.files import Damaged, read_json, write_json
from benchmark.spec import Cell, Outcome, Plan, blocked
from benchmark.store import RunStore


class News:
    """What has changed since it was last shown, at the cost of one look at each unfinished stage's folder.

    Cells whose stages are all done are remembered in the grid's folder, for the commands to come, together with the
    store of MLflow that shows them. check: do not rely on that.
    """

    def __init__(self, plan: Plan, store: RunStore, uri: str, check: bool) -> None:
        self._plan, self._store, self._uri, self._check = plan, store, uri, check
        self._read: dict[str, Outcome] = {}
        self._outcomes: Mapping[str, Outcome] = {}
        self._touched: dict[str, object] = {}
        self._shown: dict[str, object] = {}  # cell -> the state that is shown
        self._finished: dict[str, str] | None = None  # cell -> one word for its finished state
        self._era = ""
        self._remembered = 0

    def look(self) -> Mapping[str, Outcome]:
        """The outcomes of all stages. A done stage is not read again, nor one in whose folder nothing has happened."""
        for key in self._plan.stages:
            before = self._read.get(key)
            if before is not None and before.state == "done":
                continue
            touched = self._store.touched(key)
            if before is None or touched != self._touched[key] or before.state == "running":
                self._read[key], self._touched[key] = self._store.outcome(key), touched
        self._outcomes = blocked(self._plan, self._read)
        return self._outcomes

    def cells(self, era: str) -> Iterator[Cell]:
        """Those whose state is not shown yet in this store of MLflow."""
        self._era = era
        if self._finished is None:
            self._finished = self._recall()
            self._remembered = len(self._finished)
        for cell in self._plan.cells:
            if cell.stages and self._shown.get(cell.name) != self._state(cell):
                if self._is_finished(cell) and self._finished.get(cell.name) == self._word(cell):
                    self.shown(cell)
                else:
                    yield cell

    def shown(self, cell: Cell) -> None:
        """The cell's state is shown now."""
        self._shown[cell.name] = self._state(cell)
        if self._finished is not None and self._is_finished(cell):
            self._finished[cell.name] = self._word(cell)

    def remember(self) -> None:
        """Let later commands know which cells are finished and shown."""
        if self._finished is not None and len(self._finished) != self._remembered:
            content = {"uri": self._uri, "era": self._era, "cells": self._finished}
            write_json(self._store.mirrored_file(self._plan.grid), content, durable=False)
            self._remembered = len(self._finished)

    def _recall(self) -> dict[str, str]:
        try:
            memory = read_json(self._store.mirrored_file(self._plan.grid), {"uri": "", "era": "", "cells": {}})
        except Damaged:
            return {}
        if self._check or memory is None or (memory["uri"], memory["era"]) != (self._uri, self._era):
            return {}
        return dict(memory["cells"])

    def _state(self, cell: Cell) -> object:
        """What of a cell is shown: while it is equal, there is nothing to do."""
        return tuple(self._stage_state(self._outcomes[key]) for key in cell.stages.values())

    def _stage_state(self, outcome: Outcome) -> object:
        curve = self._store.curve_size(outcome.key) if outcome.state in ("running", "stopped", "failed") else 0
        return outcome.state, outcome.attempts, outcome.failures, outcome.reason, curve

    def _is_finished(self, cell: Cell) -> bool:
        return all(self._outcomes[key].state == "done" for key in cell.stages.values())

    def _word(self, cell: Cell) -> str:
        """Another one where a stage has been discarded and computed again."""
        facts = json.dumps([[key, self._store.done_at(key)] for key in cell.stages.values()])
        return hashlib.sha256(facts.encode()).hexdigest()[:16]
