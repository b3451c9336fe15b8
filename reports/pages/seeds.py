"""Every seed's score, and the other metrics of the same games."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from reports.details import MEAN, details, mean_of
from reports.evidence import nothing_finished
from reports.frame import GridData
from reports.page import Page, Text
from reports.stats import wilson_interval
from reports.tables import Cell, Column, Table
from reports.text import in_words, interval, number, plural

HIDDEN = ("episodes",)
"""Result metrics that describe the evaluation, not the policy."""


def page(data: GridData) -> Page:
    """Every seed."""
    if nothing_finished(data):
        return Page("every-seed", "Every seed", (Text("No run is finished."),), appendix=True)
    return Page("every-seed", "Every seed", (seed_table(data), *other_metrics(data)), appendix=True)


def seed_table(data: GridData) -> Table:
    """Every seed's score; a win rate with the Wilson interval of its evaluation games."""
    seeds = sorted(set(data.cells["seed"]))
    rows = []
    for environment in data.environments:
        for method in data.methods:
            group = data.group(environment, method)
            if group.empty or (group["status"] == "unavailable").all():
                continue
            of_seed = dict(zip(group["seed"], _seeds(data, environment, group), strict=True))
            entries = [of_seed.get(seed, Cell("–", "not planned", "weak")) for seed in seeds]
            rows.append((data.environment_entry(environment), data.method_entry(method, environment), *entries))
    lengths = sorted(set(data.games(data.cells)) - {0})
    note = (
        f"[95% Wilson interval] of one seed's {' or '.join(map(str, lengths))} evaluation games: the noise of playing "
        "finitely many games, not the spread between seeds."
    )
    return Table(
        id="seeds",
        caption=f"Every seed's {data.headline_label()} on {data.games_label}",
        columns=(
            Column("Environment", numeric=False), Column("Method", numeric=False), *(Column(f"Seed {s}") for s in seeds)
        ),
        rows=tuple(rows),
        notes=(note,) if lengths else (),
        headers=2,
    )  # fmt: skip


def _seeds(data: GridData, environment: str, group: pd.DataFrame) -> Iterator[Cell]:
    """An entry per cell of a group: its score with the noise of its games, or what became of it."""
    scores, games_of, digits = group[data.headline(environment)], data.games(group), data.digits(environment)
    for key, status, value, games in zip(group["key"], group["status"], scores, games_of, strict=True):
        if status != "done" or math.isnan(value):
            yield Cell("–", str(status), "weak")
        else:
            noise = interval(wilson_interval(round(value * games), games)) if games else ""
            yield Cell(number(value, digits), noise, runs=(key,))


def other_metrics(data: GridData) -> list[Table]:
    """The remaining result metrics, mean with t interval; empty where there are none.

    What stands under Results is left out, and so are wins where no score counts them and no game was won.
    """
    known = {name for metrics in data.stages["metrics"][data.stages["kind"] == data.plan.result] for name in metrics}
    names = [n for n in data.cells.columns if n in known and [n] != data.headlines() and n not in HIDDEN]
    told = {name for environment in data.environments for name in details(data, environment)}
    names = [n for n in names if n not in told and data.cells[n].notna().any()]
    wins = any(map(data.counts_wins, data.environments)) or (data.cells.get("win_rate", pd.Series(0.0)) > 0).any()
    names = names if wins else [n for n in names if n != "win_rate"]
    if not names:
        return []
    rows = []
    for environment in data.environments:
        for method in data.methods:
            done = data.done(environment, method)
            if done.empty:
                continue
            entries = [mean_of(data, environment, name, done) for name in names]
            seeds = Cell(plural(len(done), "seed"))
            rows.append(
                (Cell(data.environment_label(environment)), data.method_entry(method, environment), seeds, *entries)
            )
    columns = ("Environment", "Method", "Finished")
    return [
        Table(
            id="metrics",
            caption="Other metrics of the same games",
            columns=(
                *(Column(c, numeric=False) for c in columns), *(Column(in_words(n).capitalize()) for n in names)
            ),
            rows=tuple(rows),
            notes=(MEAN,),
            headers=2,
        )
    ]  # fmt: skip
