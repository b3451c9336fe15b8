"""The main table, every seed's score, the other metrics, and the final scores as figures."""

from __future__ import annotations

import math
from dataclasses import replace

from reports.figures import final_scores
from reports.frame import GridData
from reports.page import Block, Gallery, Page, Text
from reports.pages.crossed import crossed
from reports.stats import NO_SPREAD, ONE_SEED, Mean, Standing, mean_interval, standings, wilson_interval
from reports.tables import Cell, Column, Mark, Table
from reports.text import interval, number, plural

HIDDEN = ("episodes",)
"""Result metrics that describe the evaluation, not the policy."""

MARKS: dict[Standing, Mark] = {"best": "best", "tied": "tied", "unknown": "unknown"}


def page(data: GridData) -> Page:
    """Results on held-out games."""
    figures = tuple(figure for name in data.environments if (figure := final_scores(data, name)) is not None)
    blocks: list[Block] = [
        Text(
            "The replicate is the training seed: a seed's evaluation games are averaged first, and intervals are "
            f"over seeds. The score is the last checkpoint's on {data.games_label}; no checkpoint is chosen by it."
        ),
        *shared_teachers(data),
        main_table(data),
        *([Gallery(figures)] if figures else []),
        seed_table(data),
        *other_metrics(data),
    ]
    return Page("results", "Results", tuple(blocks))


def shared_teachers(data: GridData) -> list[Block]:
    """A warning where several seeds learn from one teacher."""
    teachers, seeds = data.plan.settings.get("teacher_seeds"), len(set(data.cells["seed"]))
    if teachers is None or teachers >= seeds:
        return []
    return [
        Text(
            f"Demonstrations and teachers of {plural(teachers, 'seed')} serve all {seeds} seeds: the intervals of "
            "methods that are taught leave out how much the teacher itself varies, and are too narrow for claims about "
            "a newly trained teacher.",
            "warning",
        )
    ]


def unreliable(summary: Mean, counts_wins: bool) -> bool:
    """Whether the t interval must not be trusted: all seeds equal, or it covers win rates that cannot be (rule 6)."""
    leaves = counts_wins and summary.interval is not None and summary.interval.leaves(0.0, 1.0)
    return leaves or summary.why == NO_SPREAD


def main_table(data: GridData) -> Table:
    """Environment × method: mean, 95% t interval, n of n planned."""
    entries: dict[tuple[str, str], Cell] = {}
    for environment in data.environments:
        groups = [data.done(environment, method) for method in data.methods]
        marks = standings([group[data.headline].to_numpy(float) for group in groups])
        alone = sum(len(group) > 0 for group in groups) < 2
        for method, mark in zip(data.methods, marks, strict=True):
            entry = _entry(data, environment, method, mark)
            entries[environment, method] = replace(entry, mark="") if alone and entry.mark != "weak" else entry
    return crossed(
        data,
        "main",
        f"{data.headline_label.capitalize()} on {data.games_label}",
        entries,
        (
            "Mean over seeds, [95% t interval of the mean], finished seeds / planned seeds. Under each method's name: "
            "where it comes from (see Protocol); methods that are ours, not the paper's, stand last.",
            "Bold: the highest mean of the environment, and every method that cannot be told from it, which means that "
            "the 95% Welch interval of the difference includes 0. `?`: no interval can be computed, so nothing is "
            "known. These comparisons are exploratory and not adjusted for their number; with few seeds, large "
            "differences stay undetected.",
            "†: not to be relied on, because the interval leaves the range of a win rate (it is shown as computed, "
            "not cut off) or because all seeds are equal. Read the seeds one by one in the next table.",
        ),
    )


def _entry(data: GridData, environment: str, method: str, standing: Standing) -> Cell:
    planned, done = data.group(environment, method), data.done(environment, method)
    summary = mean_interval(done[data.headline].to_numpy(float))
    of_planned = f"{summary.n}/{len(planned)}"
    if summary.n == 0:
        counts = planned["status"].value_counts()
        why = ", ".join(f"{n} {status}" if len(counts) > 1 else str(status) for status, n in counts.items())
        return Cell("–", f"{why or 'not planned'} · {of_planned}", "weak")
    if summary.why is None:
        spread = interval(summary.interval)
    else:
        spread = {ONE_SEED: "interval undefined", NO_SPREAD: "all seeds equal"}[summary.why]
    flag = " †" if unreliable(summary, data.counts_wins) else ""
    text = number(summary.mean)
    return Cell(text, f"{spread}{flag} · {of_planned}", MARKS.get(standing, ""), runs=tuple(done["key"]))


def seed_table(data: GridData) -> Table:
    """Every seed's win rate with the Wilson interval of its evaluation games."""
    seeds = sorted(set(data.cells["seed"]))
    rows = []
    for environment in data.environments:
        for method in data.methods:
            group = data.group(environment, method).set_index("seed")
            if group.empty or (group["status"] == "unavailable").all():
                continue
            entries = []
            for seed in seeds:
                if seed not in group.index:
                    entries.append(Cell("–", "not planned", "weak"))
                    continue
                row = group.loc[seed]
                value = row[data.headline]
                if row["status"] != "done" or math.isnan(value):
                    entries.append(Cell("–", str(row["status"]), "weak"))
                else:
                    games = data.games(group.loc[[seed]])[0]
                    noise = interval(wilson_interval(round(value * games), games)) if games else ""
                    entries.append(Cell(number(value), noise, runs=(row["key"],)))
            rows.append((Cell(data.environment_label(environment)), data.method_entry(method, environment), *entries))
    lengths = sorted(set(data.games(data.cells)) - {0})
    note = (
        f"[95% Wilson interval] of one seed's {' or '.join(map(str, lengths))} evaluation games: the noise of playing "
        "finitely many games, not the spread between seeds."
    )
    return Table(
        id="seeds",
        caption=f"Every seed's {data.headline_label} on {data.games_label}",
        columns=(
            Column("Environment", numeric=False), Column("Method", numeric=False), *(Column(f"Seed {s}") for s in seeds)
        ),
        rows=tuple(rows),
        notes=(note,) if lengths else (),
        headers=2,
    )  # fmt: skip


def other_metrics(data: GridData) -> list[Table]:
    """The remaining result metrics, mean with t interval; empty where there are none."""
    known = {name for metrics in data.stages["metrics"][data.stages["kind"] == data.plan.result] for name in metrics}
    names = [n for n in data.cells.columns if n in known and n != data.headline and n not in HIDDEN]
    names = [n for n in names if data.cells[n].notna().any()]
    if not names:
        return []
    rows = []
    for environment in data.environments:
        for method in data.methods:
            done = data.done(environment, method)
            if done.empty:
                continue
            entries = []
            for name in names:
                summary = mean_interval(done[name].dropna().to_numpy(float))
                spread = interval(summary.interval) if summary.why is None else summary.why
                entries.append(Cell(number(summary.mean), spread, runs=tuple(done["key"])))
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
                *(Column(c, numeric=False) for c in columns), *(Column(n.replace("_", " ").capitalize()) for n in names)
            ),
            rows=tuple(rows),
            notes=("Mean over finished seeds, [95% t interval].",),
            headers=2,
        )
    ]  # fmt: skip
