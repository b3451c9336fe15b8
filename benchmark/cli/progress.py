"""The live display of a running grid: a table that refreshes itself on a terminal, one line per event elsewhere."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchmark.cli.show import duration, log_words, score
from benchmark.execute import Driver
from benchmark.jobs import WORDS, Why
from benchmark.plurals import plural
from benchmark.spec import Cell, Outcome, headline_of

REFRESH_PER_S = 2.0
CELLS_PER_S = 2000.0  # of more cells the table is made less often, so that showing costs little
_COLOURS = {"done": "green", "running": "cyan", "failed": "red", "blocked": "red", "waiting": "bright_black"}


class Display:
    """Shows a Driver. `listen` is the driver's listener; `live()` is entered while it runs."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.driver: Driver | None = None
        self._begun = time.monotonic()
        self._known: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    def live(self) -> AbstractContextManager[Any]:
        if not self.console.is_terminal:
            return nullcontext()
        return Live(
            get_renderable=self.render, console=self.console, refresh_per_second=self._per_second(), transient=True,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def listen(self, word: str, about: str) -> None:
        """Print what a person should see scroll by: ends and trouble; starts are seen in the table."""
        assert self.driver is not None
        if word in ("stopping", "leaving", "trouble"):
            self._warn(self._of_the_run(word, about))
        elif word != "done":
            self._trouble_of_a_stage(word, about)
        elif not self.console.is_terminal:
            self._say_done(about)

    def _of_the_run(self, word: str, about: str) -> str:
        assert self.driver is not None
        jobs = self.driver.jobs()
        if word == "trouble":
            return f"Slurm: {about}; looking again every few seconds, Ctrl-C leaves"
        if word == "leaving":
            return "leaving; the jobs go on in the queue" if jobs else "leaving"
        some = plural(jobs, "job saves a checkpoint", "jobs save a checkpoint")
        return f"stopping: {some}; Ctrl-C again kills" if jobs else "stopping"

    def _say_done(self, key: str) -> None:
        assert self.driver is not None
        states = self.driver.states
        metric = headline_of(self.driver.plan, self.driver.plan.environment(key))
        value = states[key].metrics.get(metric)
        result = f", {metric} {score(value)}" if isinstance(value, float) else ""
        done = sum(state.state == "done" for state in states.values())
        line = f"[{done}/{len(states)}] {self.driver.plan.label(key)} done in {duration(states[key].seconds)}{result}"
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _trouble_of_a_stage(self, word: str, key: str) -> None:
        assert self.driver is not None
        outcome = self.driver.states[key]
        words = {
            "failed": f"failed: {outcome.reason}{log_words(outcome, self.driver.store)}",
            "retrying": f"raised {outcome.reason}; attempt {outcome.failures + 1} follows",
            "continuing": "was told to leave and has saved; it continues",
            "crashed": self._how_it_ended(key) if word == "crashed" else "",
            "unbegun": "lost its job before that began; it gets another",
            "killing": "did not stop in time and is killed; it continues from its last checkpoint",
        }
        if word in words:
            self._warn(f"{self.driver.plan.label(key)} {words[word]}", "red" if word == "failed" else "yellow")

    def _how_it_ended(self, key: str) -> str:
        assert self.driver is not None
        last = self.driver.store.interruptions(key)[-1]
        goes_on = "continues from its checkpoint" if last["checkpoint"] else "begins again"
        why: Why = last["why"]
        return f"has lost its job ({WORDS[why]}); it {goes_on}"

    def _warn(self, text: str, style: str = "yellow") -> None:
        self.console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def render(self) -> RenderableType:
        """The table: one row per cell, running ones first, as many as fit."""
        driver = self.driver
        if driver is None:
            return Text("")
        plan = driver.plan
        active = {key: driver.store.outcome(key) for key in driver.active()}
        rows = [self._row(cell, active) for cell in plan.cells if cell.unavailable is None]
        order = {"running": 0, "failed": 1, "blocked": 1, "waiting": 2, "done": 3}
        rows.sort(key=lambda row: order[row[1]])
        room = max(3, self.console.height - 6)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("cell", "stage", "progress", "", "rate", "left", ""):
            table.add_column(name, no_wrap=True, justify="right" if name in ("rate", "left") else "left")
        for columns, state in rows[:room]:
            table.add_row(*columns, style=_COLOURS[state])
        hidden = f"… and {plural(len(rows) - room, 'more cell')}" if len(rows) > room else ""
        return Group(table, Text(hidden, style="bright_black"), self._overall(active))

    def _row(self, cell: Cell, active: dict[str, Outcome]) -> tuple[list[RenderableType], str]:
        """Columns, and the state that colours and sorts them; diagnostics are only shown once the result is there."""
        assert self.driver is not None
        plan, states = self.driver.plan, self.driver.states
        result, (needed, further) = states[cell.stages[plan.result]], self._parts(cell)
        if result.state == "done":
            metric = headline_of(plan, cell.environment)
            value = result.metrics.get(metric)
            shown = f"{metric} {score(value)}" if isinstance(value, float) else ""
            found = [
                self._stage_words(name, key, active) for name, key in further.items() if states[key].state != "done"
            ]
            state = "failed" if any(word.endswith("failed") for word in found) else "done"
            return [cell.name, ", ".join(["done", *found]), "", "", "", "", shown], state
        failed = next((name for name, key in needed.items() if key in self.driver.given_up), None)
        if failed is not None:
            return [cell.name, f"{failed} failed", "", "", "", "", ""], "failed"
        name = next((n for n, key in needed.items() if key in active and active[key].state == "running"), None)
        if name is None:
            name = next(n for n, key in needed.items() if states[key].state != "done")
            word = "is queued" if needed[name] in active else "waits"
            return [cell.name, f"{name} {word}", "", "", "", "", ""], "waiting"
        now = active[needed[name]]
        shown = "  ".join(f"{metric} {value:.3g}" for metric, value in now.shown.items())
        left = duration((now.total - now.done) / now.rate) if now.rate > 0 and now.total else ""
        amount = f"{_short(now.done)}/{_short(now.total)}" if now.total else ""
        bar: RenderableType = ProgressBar(total=now.total, completed=now.done, width=16) if now.total else ""
        rate = f"{_short(now.rate)}/s" if now.rate > 0 else ""
        return [cell.name, name, bar, amount, rate, left, shown], "running"

    def _parts(self, cell: Cell) -> tuple[dict[str, str], dict[str, str]]:
        """Name -> key of the stages that the cell's result rests on, and of its diagnostics; found out once."""
        if cell.name not in self._known:
            assert self.driver is not None
            required = self.driver.plan.required(cell)
            needed = {name: key for name, key in cell.stages.items() if key in required}
            self._known[cell.name] = needed, {n: key for n, key in cell.stages.items() if key not in required}
        return self._known[cell.name]

    def _per_second(self) -> float:
        return min(REFRESH_PER_S, CELLS_PER_S / max(1, len(self.driver.plan.cells))) if self.driver else REFRESH_PER_S

    def _stage_words(self, name: str, key: str, active: dict[str, Outcome]) -> str:
        """`probe failed`, `probe runs` or `probe waits`."""
        assert self.driver is not None
        runs = key in active and active[key].state == "running"
        return f"{name} {'failed' if key in self.driver.given_up else 'runs' if runs else 'waits'}"

    def _overall(self, active: dict[str, Outcome]) -> RenderableType:
        assert self.driver is not None
        states = self.driver.states
        done = sum(state.state == "done" for state in states.values())
        left = self.driver.seconds_left(active)
        line = Table.grid(padding=(0, 1))
        words = f"{done}/{plural(len(states), 'stage')}, {duration(time.monotonic() - self._begun)} so far"
        line.add_row(
            ProgressBar(total=len(states), completed=done, width=30),
            Text(words + (f", about {duration(left)} left" if left is not None else "")),
        )
        return line


def _short(number: float) -> str:
    """1234567 as 1.2M, for a narrow column."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            return f"{number / (1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{number:.0f}"
