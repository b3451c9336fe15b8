"""What was planned, what there is of it, and why the rest is not there."""

from __future__ import annotations

import pandas as pd

from reports.figures.coverage import coverage_figure
from reports.frame import GridData
from reports.lead import coverage
from reports.page import Block, Folded, Gallery, Page, Text
from reports.pages.crossed import crossed
from reports.rows import STATUSES
from reports.tables import Cell, Column, Mark, Table
from reports.text import plural

ABSENT = tuple(status for status in STATUSES if status != "done")


def page(data: GridData) -> Page:
    """Coverage and failures."""
    figures = tuple(figure for name in data.environments if (figure := coverage_figure(data, name)) is not None)
    blocks: list[Block] = [Text(f"{coverage(data)}."), coverage_table(data)]
    if figures:
        blocks.append(Gallery(figures))
    if (data.cells["status"] != "done").any():
        blocks.append(absence_table(data))
    else:
        blocks.append(Text("Every planned cell is done."))
    return Page("coverage", "Coverage and failures", (*blocks, *retry_blocks(data)))


def coverage_table(data: GridData) -> Table:
    """Environment × method: finished of planned seeds, and what became of the others."""
    entries = {}
    for environment in data.environments:
        for method in data.methods:
            group = data.group(environment, method)
            counts = group["status"].value_counts()
            others = ", ".join(f"{counts[s]} {s}" for s in ABSENT if counts.get(s, 0))
            done = int(counts.get("done", 0))
            runs = tuple(group[group["status"] == "done"]["key"])
            mark: Mark = "" if done == len(group) else "weak"
            entries[environment, method] = Cell(f"{done}/{len(group)}", others, mark, runs=runs)
    return crossed(
        data,
        "coverage",
        "Finished cells of planned cells",
        entries,
        (
            "failed: a run of its own failed; blocked: a run that it shares failed; missing: not computed yet; "
            "unavailable: cannot be run with this version.",
        ),
    )


def absence_table(data: GridData) -> Table:
    """Every cell that is not done, equal reasons of one environment and method in one row."""
    absent = data.cells[data.cells["status"] != "done"].fillna({"reason": "no reason recorded", "log": ""})
    groups = absent.groupby(["environment", "method", "status", "reason", "log"], sort=False)["seed"]
    rows = []
    for (environment, method, status, reason, log), seeds in groups:
        rows.append(
            (
                Cell(data.environment_label(str(environment))),
                data.method_entry(str(method), str(environment)),
                Cell(", ".join(str(seed) for seed in sorted(seeds))),
                Cell(str(status)),
                Cell(_one_line(str(reason))),
                _log_entry(log),
            )
        )
    return Table(
        id="absent",
        caption="Cells without a result",
        columns=tuple(Column(c, numeric=False) for c in ("Environment", "Method", "Seeds", "Status", "Reason", "Log")),
        rows=tuple(rows),
        headers=2,
    )


def retry_blocks(data: GridData) -> list[Block]:
    """The stages that were begun more than once, with their logs; a sentence where there are none."""
    again = data.stages[data.stages["attempts"] > 1]
    if again.empty:
        return [Text("No stage was begun more than once.")]
    count = int((again["attempts"] - 1).sum())
    times = "once" if count == 1 else f"{count} times"
    summary = f"{plural(len(again), 'stage')} of {len(data.stages)} begun again, {times} in all"
    return [Folded(summary, retry_table(data, again))]


def retry_table(data: GridData, again: pd.DataFrame) -> Table:
    """One row per stage that was begun more than once."""
    users = {key: list(dict.fromkeys(cell.method for cell in data.plan.users[key])) for key in again["key"]}
    return Table(
        id="retries",
        caption="Stages that were begun more than once",
        columns=(
            Column("Environment", numeric=False), Column("Stage", numeric=False), Column("Methods", numeric=False),
            Column("Seeds"), Column("Attempts"), Column("Continued", "from a checkpoint"),
            Column("Now", numeric=False), Column("Log", numeric=False),
        ),
        rows=tuple(
            (
                Cell(data.environment_label(row["environment"])),
                Cell(row["kind"]),
                Cell(data.method_names(users[row["key"]], row["environment"])),
                Cell(", ".join(map(str, sorted({cell.seed for cell in data.plan.users[row["key"]]})))),
                Cell(str(row["attempts"]), runs=(row["key"],)),
                Cell(str(row["resumed"]) if row["state"] == "done" else "–"),
                Cell(row["state"]),
                _log_entry(row["log"]),
            )
            for row in again.to_dict("records")
        ),
        notes=(
            "An attempt ends by a failure, a limit of time, a machine that goes away, or a person who stops the run. "
            "A stage is shown under the name that it has for the first cell that needs it.",
        ),
        headers=2,
    )  # fmt: skip


def _log_entry(log: object) -> Cell:
    return Cell(log, href=f"../../{log}") if isinstance(log, str) and log else Cell("–", mark="weak")


def _one_line(reason: str, limit: int = 300) -> str:
    text = " ".join(reason.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
