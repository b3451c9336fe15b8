"""The status of a grid on a terminal: a coloured matrix of methods and environments, what runs, and what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmark.cli.status import STATES, Status

# State -> its sign in an entry of the matrix, and its colour. A missing cell has none: it is what is left.
SIGNS = {
    "running": ("▶", "cyan"),
    "queued": ("◷", "blue"),
    "submitted": ("◌", "blue"),
    "gone": ("∅", "yellow"),
    "stopped": ("‖", "yellow"),
    "failed": ("✗", "bold red"),
    "blocked": ("⊘", "red"),
}

_ROWS = 20  # of what runs, and of what failed


def print_status(status: Status) -> None:
    """Print it to the terminal."""
    Console(highlight=False).print(picture(status))


def picture(status: Status) -> RenderableType:
    """The matrix, its legend, the totals, what runs and what failed."""
    parts: list[RenderableType | None] = [Text(f"grid {status.plan.grid} in {status.store.root}"), _matrix(status)]
    parts += [_legend(status), Text(""), *map(Text, status.totals())]
    if status.running():
        parts += [Text(""), _running(status), _rest(len(status.running()))]
    failures = status.failures()
    if failures:
        parts += [Text(""), *(Text(line, style="red") for line in failures[:_ROWS]), _rest(len(failures))]
    return Group(*(part for part in parts if part is not None))


def _rest(lines: int) -> RenderableType | None:
    """What is left out of a long list."""
    return Text(f"… and {lines - _ROWS} more (--json has all)", style="bright_black") if lines > _ROWS else None


def _matrix(status: Status) -> Table:
    pairs = status.pairs()
    environments = list(dict.fromkeys(cell.environment for cell in status.plan.cells))
    matrix = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    matrix.add_column("", no_wrap=True)
    for environment in environments:
        matrix.add_column(environment, overflow="fold")
    for method, own in pairs.items():
        matrix.add_row(method, *(_entry(own[name]) if name in own else "" for name in environments))
    return matrix


def _entry(states: Sequence[str]) -> Text:
    """`3/5 ▶1 ✗1`: done of planned, and the others that are not simply missing."""
    counts = Counter(states)
    if counts["unavailable"] == len(states):
        return Text("n/a", style="bright_black")
    done = counts["done"]
    style = "green" if done == len(states) else "bright_black" if not done else ""
    entry = Text(f"{done}/{len(states)}", style=style)
    for state, (sign, colour) in SIGNS.items():
        if counts[state]:
            entry.append(f" {sign}{counts[state]}", style=colour)
    return entry


def _legend(status: Status) -> Text:
    """The signs that occur, with their words."""
    states = {status.cell_state(name) for name in status.cells}
    legend = Text("done/planned", style="bright_black")
    for state in STATES:
        if state in SIGNS and state in states:
            sign, colour = SIGNS[state]
            legend.append(f"   {sign} {state}", style=colour)
    if "unavailable" in states:
        legend.append("   n/a: `plan` says why")
    return legend


def _running(status: Status) -> Table:
    running = Table(box=None, pad_edge=False, header_style="bold", title=f"running: {status.speed()}")
    running.title_justify, running.title_style = "left", "cyan"
    for name in ("stage", "progress", "rate", "left", "", "where"):
        running.add_column(name, no_wrap=name in ("progress", "rate", "left"), overflow="fold")
    for row in islice(status.running_rows(), _ROWS):
        running.add_row(*map(Text, row))
    return running
