"""Every run of the grid with its key and folder."""

from __future__ import annotations

from reports.frame import GridData
from reports.page import Folded, Page
from reports.tables import Cell, Column, Table
from reports.text import duration, plural


def page(data: GridData) -> Page:
    """Run keys."""
    folded = Folded(f"All {plural(len(data.stages), 'run')}", run_table(data))
    return Page("runs", "Every run", (folded,), appendix=True)


def run_table(data: GridData) -> Table:
    """Every run of the grid with its folder."""
    rows = tuple(
        (
            Cell(row["key"], href=f"../../{row['key']}/" if row["attempts"] else None, runs=(row["key"],)),
            Cell(row["kind"]),
            Cell(data.environment_label(row["environment"])),
            *_users(data, row["key"]),
            Cell(row["state"]),
            Cell(duration(float(row["seconds"]))),
            Cell(str(row["device"] or "–")),
            Cell(str(row["attempts"])),
        )
        for row in data.stages.to_dict("records")
    )
    columns = (
        Column("Key", numeric=False), Column("Stage", numeric=False), Column("Environment", numeric=False),
        Column("Methods", numeric=False), Column("Seeds"), Column("State", numeric=False), Column("Time"),
        Column("Device", numeric=False), Column("Attempts"),
    )  # fmt: skip
    return Table("runs", "Runs of the grid", columns, rows)


def _users(data: GridData, key: str) -> tuple[Cell, Cell]:
    """The methods and the seeds that a run serves."""
    users = data.plan.users[key]
    methods = list(dict.fromkeys(cell.method for cell in users))
    seeds = dict.fromkeys(str(cell.seed) for cell in users)
    return Cell(data.method_names(methods, users[0].environment)), Cell(", ".join(seeds))
