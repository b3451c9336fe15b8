"""Demonstrations and the dynamics models fitted to them: is there anything to distil from?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.frame import GridData
from reports.page import Block, Page, Text
from reports.tables import Cell, Column, Table
from reports.text import count, number, signed

DEMONSTRATIONS, PRETRAIN = "demonstrations", "pretrain"
"""The stages that this page describes."""

ACCURACY, COPY, CHANGED = "valid/accuracy", "valid/copy_accuracy", "valid/accuracy_changed"


def page(data: GridData) -> Page:
    """Demonstrations and teacher quality."""
    blocks: list[Block] = []
    teachers = _stages(data, PRETRAIN)
    if len(teachers):
        blocks.append(teacher_table(data, teachers))
    demonstrations = _stages(data, DEMONSTRATIONS)
    if len(demonstrations):
        blocks.append(demonstration_table(data, demonstrations))
    if not blocks:
        blocks.append(Text("No method of this grid that can be run uses demonstrations."))
    return Page("teachers", "Demonstrations and teachers", tuple(blocks))


def _stages(data: GridData, kind: str) -> pd.DataFrame:
    return data.stages[data.stages["kind"] == kind]


def _users(data: GridData, key: str) -> tuple[Cell, Cell]:
    """The methods and the seeds that a stage serves."""
    users = data.plan.users[key]
    methods = dict.fromkeys(data.method_label(cell.method) for cell in users)
    seeds = dict.fromkeys(str(cell.seed) for cell in users)
    return Cell(", ".join(methods)), Cell(", ".join(seeds))


def teacher_table(data: GridData, rows: pd.DataFrame) -> Table:
    """Validation accuracy of every pretrained model, beside the accuracy of copying the last frame."""
    entries = []
    for row in rows.to_dict("records"):
        metrics: dict[str, Any] = row["metrics"]
        start = (Cell(data.environment_label(row["environment"])), *_users(data, row["key"]))
        if row["state"] != "done":
            entries.append((*start, Cell("–", row["state"], "weak"), *(Cell("–", mark="weak") for _ in range(4))))
            continue
        accuracy, copy = (float(metrics.get(name, float("nan"))) for name in (ACCURACY, COPY))
        runs = (row["key"],)
        entries.append(
            (
                *start,
                Cell(number(accuracy, 4), runs=runs),
                Cell(number(copy, 4), runs=runs),
                Cell(signed(accuracy - copy, 4), runs=runs),
                Cell(number(float(metrics.get(CHANGED, float("nan"))), 4), runs=runs),
                Cell(count(float(metrics.get("best_update", float("nan")))), _of(metrics), runs=runs),
            )
        )
    return Table(
        id="teachers",
        caption="Teacher quality: token accuracy of the next observation on held-out demonstrations",
        columns=(
            Column("Environment", numeric=False),
            Column("Methods", numeric=False),
            Column("Seed"),
            Column("Teacher"),
            Column("Copying the last frame"),
            Column("Gain"),
            Column("On changed tokens", "copying: 0"),
            Column("Best update"),
        ),
        rows=tuple(entries),
        notes=(
            "Most of a grid does not change in one step, so a high accuracy means little by itself: a model that "
            "only copies reaches the second column. Changed tokens are those that copying gets wrong. The weights "
            "are those of the update with the best validation accuracy.",
        ),
        headers=3,
    )


def _of(metrics: dict[str, Any]) -> str:
    return f"of {count(float(metrics['updates']))}" if "updates" in metrics else ""


def demonstration_table(data: GridData, rows: pd.DataFrame) -> Table:
    """How well the demonstrator plays, and how much of it there is."""
    entries = []
    for row in rows.to_dict("records"):
        metrics: dict[str, Any] = row["metrics"]
        source = str(data.plan.stages[row["key"]].params.get("source", "–"))
        start = (Cell(data.environment_label(row["environment"])), *_users(data, row["key"]), Cell(source))
        if row["state"] != "done":
            entries.append((*start, Cell("–", row["state"], "weak"), *(Cell("–", mark="weak") for _ in range(3))))
            continue
        runs = (row["key"],)
        rate, length = (float(metrics.get(name, float("nan"))) for name in ("win_rate", "episode_length"))
        episodes, frames = (float(metrics.get(name, float("nan"))) for name in ("episodes", "frames"))
        numbers = (number(rate), number(length, 1), count(episodes), count(frames))
        entries.append((*start, *(Cell(text, runs=runs) for text in numbers)))
    labels = ("Win rate", "Mean length", "Episodes", "Frames")
    return Table(
        id="demonstrations",
        caption="Demonstrations",
        columns=(
            Column("Environment", numeric=False),
            Column("Methods", numeric=False),
            Column("Seed"),
            Column("Player", numeric=False),
            *(Column(label) for label in labels),
        ),
        rows=tuple(entries),
        notes=("Wins and losses are kept. These frames are not on the axis of the learning curves.",),
        headers=3,
    )
