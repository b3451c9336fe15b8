"""What each method costs beside its reinforcement learning, and what the grid cost in time, stage by stage."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from benchmark.spec import IMPORTED
from reports import forecast
from reports.extra import INTERACTION, names
from reports.frame import GridData
from reports.hours import device_word, disk, hours_tables, volume
from reports.page import Facts, Page, Text
from reports.rows import UNSAID
from reports.tables import Cell, Column, Table
from reports.text import count, duration, plural

WORK = {"frames": "frames", "updates": "updates", "episodes": "games"}
"""Metric that says how much a stage did -> its unit; the first that a stage reports counts, except as below."""

WORK_OF = {"inverse": "updates", "pretrain": "updates"}
"""Stages that report frames or games beside what they really do."""

STAGES = (
    ("curriculum", "Easier stage"),
    ("demonstrator", "Demonstrator"),
    ("demonstrations", "Demonstrations"),
    ("interaction", "Own interaction"),
    ("inverse", "Inverse model"),
    ("pretrain", "Pretraining"),
)
"""What can come before a policy, by its name in the pipeline, and how the table calls it."""


def page(data: GridData) -> Page:
    """Cost."""
    stages = data.stages[data.stages["state"] == "done"]
    if stages.empty:
        return Page("cost", "Cost", (Text("No stage is finished yet."),))
    facts = Facts(totals(data, stages))
    tables = (*hours_tables(data, stages), extra_table(data), cost_table(data, stages))
    return Page("cost", "Cost", (facts, *forecast.blocks(data), *tables))


def totals(data: GridData, stages: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """Computing time, elapsed time, what sharing saved, disk, energy."""
    computed = float(stages["seconds"].sum(min_count=1))
    unshared = float((stages["seconds"] * stages["cells"]).sum(min_count=1))
    items = [
        ("Of that on GPUs", on_gpus(stages)),
        ("Without shared stages", f"{duration(unshared)}, had every cell computed its own"),
    ]
    if data.plan.origin is None:  # imported results tell it per cell, with what cells share in each
        items.insert(0, ("Computing time", f"{duration(computed)} in {plural(len(stages), 'finished stage')}"))
    imported = {key for key, stage in data.plan.stages.items() if stage.kind == IMPORTED}
    started = [
        float(facts["created"]) for key, facts in data.provenance.items() if "created" in facts and key not in imported
    ]
    finished = [datetime.fromisoformat(str(time)).timestamp() for time in stages["finished"].dropna()]
    if started and finished:
        elapsed = max(finished) - min(started)
        items.append(("First start to last result", f"{duration(elapsed)}, pauses and other grids included"))
    devices = sorted({str(device) for device in stages["device"].dropna()})
    items.append(("Devices", ", ".join(filter(None, devices)) or "not recorded"))
    size = disk(data, list(stages["key"]))
    items.append(
        ("Disk", "not known: run folders are not here" if size is None else f"{volume(size)} of finished runs")
    )
    items.append(("Energy", "not measured"))
    return tuple(items)


def on_gpus(stages: pd.DataFrame) -> str:
    """GPU hours, or that there are none."""
    if (stages["device"] == UNSAID).all():
        return "unknown"
    gpu = stages[stages["device"].map(lambda device: device_word(str(device)) == "GPU")]
    if gpu.empty:
        return "none"
    return f"{float(gpu['seconds'].sum()) / 3600:.2f} GPU hours in {plural(len(gpu), 'stage')}"


def extra_table(data: GridData) -> Table:
    """Environment × method: what is paid before reinforcement learning, beside what reinforcement learning takes."""
    stages = [(name, label) for name, label in STAGES if any(name in cell.stages for cell in data.plan.cells)]
    rows = []
    for environment in data.environments:
        for method in data.methods:
            group = data.group(environment, method)
            if (group["status"] == "unavailable").all():
                continue
            runs = tuple(dict.fromkeys(key for keys in group["keys"] for key in keys if data.metrics(key)))
            fitted = Cell(_mean(group["fitted_frames"]), runs=runs)
            total = Cell(_mean(group["extra_frames"]), _share(group), runs=runs)
            rows.append(
                (
                    Cell(data.environment_label(environment)),
                    data.method_entry(method, environment),
                    Cell(_mean(group["rl_frames"]), _mean_duration(group["rl_seconds"]), runs=runs),
                    *(_stage_entry(data, group, name) for name, _ in stages),
                    fitted,
                    total,
                    Cell(_mean_duration(group["extra_seconds"]), runs=runs),
                )
            )
    return Table(
        id="extra",
        caption="What each method costs: mean per seed",
        columns=(
            Column("Environment", numeric=False),
            Column("Method", numeric=False),
            Column("RL", "frames, time"),
            *(Column(label, f"{WORK[WORK_OF.get(name, 'frames')]}, time") for name, label in stages),
            Column("Fitted", "frames"),
            Column("Extra in all", "frames, of RL's"),
            Column("Extra", "time"),
        ),
        rows=tuple(rows),
        notes=(
            "A stage that several methods share counts in full for each of them, because each would need it alone. "
            "Fitted: frames that pretraining (and the inverse model) learnt from, updates × batch, each as often as it "
            "was used. Extra in all: frames of the easier stage that a policy goes on from, of demonstrations, own "
            "interaction and the demonstrator's training, and fitted frames; the second axis of the learning curves.",
            "No cost of a method: the probes (a diagnostic), the evaluation games, and the search for its settings; "
            "their time stands in the next table, or in the report of the grid that searched. –: not finished, or not "
            "recorded.",
        ),
        headers=2,
    )


def _stage_entry(data: GridData, group: pd.DataFrame, name: str) -> Cell:
    """Mean work and time of a stage over a method's seeds; `0` for a method that does without it."""
    cells = {cell.name: cell for cell in data.plan.cells}
    users = [cells[f"{row.environment}/{row.method}/{row.seed}"] for row in group.itertuples()]
    used = [(cell, cell.stages[name]) for cell in users if name in cell.stages]
    if not used:
        return Cell("0", mark="weak")
    if name == INTERACTION and all(names(cell, key) != [INTERACTION] for cell, key in used):
        return Cell("0", "the demonstrations", "weak")
    keys = [key for _, key in used]
    work = pd.Series([data.metrics(key).get(WORK_OF.get(name, "frames"), np.nan) for key in keys], dtype=float)
    seconds = group.get(f"seconds_{name}", pd.Series(dtype=float))
    return Cell(_mean(work), _mean_duration(seconds), runs=tuple(key for key in keys if data.metrics(key)))


def _mean(values: pd.Series[float]) -> str:
    return count(float(values.mean()))


def _mean_duration(values: pd.Series[float]) -> str:
    return duration(float(values.mean()))


def _share(group: pd.DataFrame) -> str:
    share = float((group["extra_frames"] / group["rl_frames"]).mean())
    return f"{share:.0%}" if np.isfinite(share) else ""


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
                    Cell(duration(float(seconds.sum(min_count=1)))),
                    Cell(duration(float(seconds.mean()))),
                    _speed(kind, group),
                    Cell(str(int((group["attempts"] - 1).clip(lower=0).sum()))),
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
            "A stage that several cells share is counted once, under the name that it has for the first of them; "
            "diagnostics are included. Speed is everything a stage does, evaluation and saving "
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
