"""What the grid cost in time, stage by stage."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from reports.frame import GridData
from reports.page import Block, Facts, Page, Text
from reports.tables import Cell, Column, Table
from reports.text import count, duration

WORK = {"frames": "frames", "updates": "updates", "episodes": "games"}
"""Metric that says how much a stage did -> its unit; the first that a stage reports counts, except as below."""

WORK_OF = {"pretrain": "updates"}
"""Stages that report frames or games beside what they really do."""


def page(data: GridData) -> Page:
    """Cost."""
    stages = data.stages[data.stages["state"] == "done"]
    if stages.empty:
        return Page("cost", "Cost", (Text("No stage is finished yet."),))
    blocks: list[Block] = [Facts(totals(data, stages)), cost_table(data, stages)]
    return Page("cost", "Cost", tuple(blocks))


def totals(data: GridData, stages: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """Computing time, elapsed time, what sharing saved."""
    computed = float(stages["seconds"].sum())
    unshared = float((stages["seconds"] * stages["cells"]).sum())
    items = [
        ("Computing time", f"{duration(computed)} in {len(stages)} finished stages"),
        ("Without shared stages", f"{duration(unshared)}, had every cell computed its own"),
    ]
    started = [float(facts["created"]) for facts in data.provenance.values() if "created" in facts]
    finished = [datetime.fromisoformat(str(time)).timestamp() for time in stages["finished"].dropna()]
    if started and finished:
        elapsed = max(finished) - min(started)
        items.append(("First start to last result", f"{duration(elapsed)}, pauses and other grids included"))
    devices = sorted({str(device) for device in stages["device"].dropna()})
    items.append(("Devices", ", ".join(devices)))
    return tuple(items)


def cost_table(data: GridData, stages: pd.DataFrame) -> Table:
    """Seconds and speed per environment and kind of stage."""
    rows = []
    for environment in data.environments:
        for kind in data.pipeline:
            group = stages[(stages["environment"] == environment) & (stages["kind"] == kind)]
            if group.empty:
                continue
            seconds, runs = group["seconds"], tuple(group["key"])
            rows.append(
                (
                    Cell(data.environment_label(environment)),
                    Cell(kind),
                    Cell(str(len(group)), runs=runs),
                    Cell(duration(float(seconds.sum()))),
                    Cell(duration(float(seconds.mean()))),
                    _speed(kind, group),
                    Cell(str(int(group["attempts"].sum() - len(group)))),
                )
            )
    return Table(
        id="cost",
        caption="Computing time of finished stages",
        columns=(
            Column("Environment", numeric=False), Column("Stage", numeric=False), Column("Runs"), Column("Total"),
            Column("Mean per run"), Column("Speed", "median per second"), Column("Extra attempts"),
        ),
        rows=tuple(rows),
        notes=(
            "A stage that several cells share is counted once. Speed is everything a stage does, evaluation and saving "
            "included, on a machine that runs other jobs beside it.",
        ),
        headers=2,
    )  # fmt: skip


def _speed(kind: str, group: pd.DataFrame) -> Cell:
    for name, unit in WORK.items():
        if name != WORK_OF.get(kind, name):
            continue
        work = np.array([float(metrics.get(name, np.nan)) for metrics in group["metrics"]])
        seconds = group["seconds"].to_numpy(float)
        known = np.isfinite(work) & (seconds > 0)
        if known.any():
            rate = float(np.median(work[known] / seconds[known]))
            return Cell(count(rate) if rate >= 10 else f"{rate:.1f}", unit)
    return Cell("–", mark="weak")
