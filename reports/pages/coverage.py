"""What was planned, what there is of it, and why the rest is not there."""

from __future__ import annotations

from reports.frame import STATUSES, GridData
from reports.page import Block, Page, Text
from reports.pages.crossed import crossed
from reports.pages.verdict import coverage
from reports.tables import Cell, Column, Mark, Table

ABSENT = tuple(status for status in STATUSES if status != "done")


def page(data: GridData) -> Page:
    """Coverage and failures."""
    blocks: list[Block] = [Text(f"{coverage(data)}."), coverage_table(data)]
    if (data.cells["status"] != "done").any():
        blocks.append(absence_table(data))
    else:
        blocks.append(Text("Every planned cell is done."))
    return Page("coverage", "Coverage and failures", tuple(blocks))


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
                Cell(str(log), href=f"../../{log}") if log else Cell("–", mark="weak"),
            )
        )
    return Table(
        id="absent",
        caption="Cells without a result",
        columns=tuple(Column(c, numeric=False) for c in ("Environment", "Method", "Seeds", "Status", "Reason", "Log")),
        rows=tuple(rows),
        headers=2,
    )


def _one_line(reason: str, limit: int = 300) -> str:
    text = " ".join(reason.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
