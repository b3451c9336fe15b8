"""The log of one cell: which stage's, its text, and following it while it grows."""

from __future__ import annotations

import codecs
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from benchmark.errors import BadInput, unknown
from benchmark.executors import ExecutorConfig
from benchmark.spec import Cell, Outcome, Plan
from benchmark.store import RunStore

LOOK_S = 0.5


@dataclass(frozen=True)
class Log:
    """The log of a stage. name: what the cell calls the stage."""

    plan: Plan
    store: RunStore
    cell: Cell
    name: str

    @property
    def key(self) -> str:
        return self.cell.stages[self.name]

    @property
    def path(self) -> Path:
        return self.store.log_file(self.key)

    def title(self) -> str:
        """`policy rtfm-s1/ldd/0, running: /…/log.txt`."""
        return f"{self.name} {self.cell.name}, {self.store.outcome(self.key).state}: {self.path}"

    def text(self) -> str:
        """All of it. Raises BadInput where there is none yet."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            name = self.cell.name
            if self.plan.origin is not None:
                raise BadInput(f"{name} has no log here: it is imported from {self.plan.origin}") from None
            raise BadInput(f"{self.name} {name} has no log yet; `why {name}` says what it waits for") from None

    def to_json(self) -> dict[str, Any]:
        """{cell, stage, key, state, path, text}."""
        return {
            "cell": self.cell.name,
            "stage": self.name,
            "key": self.key,
            "state": self.store.outcome(self.key).state,
            "path": str(self.path),
            "text": self.text(),
        }

    def follow(self, executor: ExecutorConfig, out: TextIO, pause: Callable[[float], None] = time.sleep) -> int:
        """Print it and what is added, over all attempts, until the stage is done or nothing computes it any more.

        That is when it, or a stage that it rests on, has failed for good; of the latter, the reason is printed. Waits
        where it has not begun. executor: how often a failure is repeated. Returns the exit code: 0, or 1.
        """
        told = False
        for piece in self._pieces(executor, pause):
            if piece:
                out.write(piece)
                out.flush()
            elif not self.path.exists() and not told:
                print(f"{self.name} {self.cell.name} has not begun; waiting (Ctrl-C leaves)", file=sys.stderr)
                told = True
        outcome = self._outcomes()[self.key]
        if outcome.state == "blocked":
            retry = f"when that is corrected: `retry {self.cell.name}`"
            print(f"{self.name} {self.cell.name} is blocked: {outcome.reason}; {retry}", file=sys.stderr)
        return 0 if outcome.state == "done" else 1

    @cached_property
    def _own(self) -> Plan:
        """The cell alone."""
        return self.plan.only((self.cell,))

    def _outcomes(self) -> Mapping[str, Outcome]:
        """Of the stages of the cell."""
        return self.store.outcomes(self._own)

    def _is_over(self, outcomes: Mapping[str, Outcome], executor: ExecutorConfig, key: str) -> bool:
        """Whether a stage is done, or will not be computed by any run as it is: it or what it rests on has failed."""
        outcome = outcomes[key]
        if outcome.state == "blocked":
            parents = [one for one in self.plan.stages[key].parents.values() if outcomes[one].state != "done"]
            return any(self._is_over(outcomes, executor, parent) for parent in parents)
        return outcome.state == "done" or (outcome.state == "failed" and not executor.repeats(outcome))

    def _pieces(self, executor: ExecutorConfig, pause: Callable[[float], None]) -> Iterator[str]:
        """What is new at every look, up to the last look after the end."""
        place, inode = 0, 0
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        while True:
            over = self._is_over(self._outcomes(), executor, self.key)  # first: what is written until then is shown
            if self.path.exists():
                with self.path.open("rb") as file:
                    now = self.path.stat()
                    if now.st_ino != inode or now.st_size < place:  # discarded by `--mode force`, and begun anew
                        place, inode = 0, now.st_ino
                    file.seek(place)
                    data = file.read()
                    place += len(data)
                yield decoder.decode(data)
            else:
                yield ""
            if over:
                return
            pause(LOOK_S)


def log_of(plan: Plan, store: RunStore, cell: Cell, stage: str | None) -> Log:
    """The log of a stage of a cell: the one named, else the one that failed, else that runs, else the last with a log.

    Without any log, the first stage that is not done. Raises BadInput for a stage that the cell does not have.
    """
    if cell.unavailable is not None:
        raise BadInput(f"{cell.name} has no log: {cell.unavailable}")
    if stage is not None:
        if stage not in cell.stages:
            raise unknown("stage", stage, cell.stages)
        return Log(plan, store, cell, stage)
    outcomes = {name: store.outcome(key) for name, key in cell.stages.items()}
    required = plan.required(cell)
    ordered = sorted(outcomes, key=lambda name: cell.stages[name] not in required)  # diagnostics come last
    for state in ("failed", "running"):
        for name in ordered:
            if outcomes[name].state == state:
                return Log(plan, store, cell, name)
    with_log = [name for name, key in cell.stages.items() if key in required and store.log_file(key).exists()]
    waiting = [name for name in ordered if outcomes[name].state != "done"]
    return Log(plan, store, cell, (with_log[-1:] or waiting[:1] or ordered[-1:])[0])
