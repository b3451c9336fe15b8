"""Differences between methods: Welch over seeds, paired over seeds, and game by game."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reports.coefficients import unequal_warning
from reports.frame import GridData
from reports.page import Page, Text
from reports.pages.results import shared_teachers, unreliable
from reports.stats import Difference, SharedGames, mean_interval, paired_difference, shared_games, welch_difference
from reports.tables import Cell, Column, Table
from reports.text import interval, signed

REFERENCE = "tabula_rasa"
"""What every method is compared with, where the grid has it; otherwise the grid's first method."""


@dataclass(frozen=True)
class Contrast:
    """One method against the reference on one environment; pairs are (method, reference).

    means, ranges: over finished seeds, NaN without any. unreliable: a side's seeds are all equal, or their t interval
    leaves the range of the metric (rule 6). paired: over the seeds that both have finished, None without such. games:
    of those seeds, the two policies game by game on their shared list.
    """

    environment: str
    method: str
    reference: str
    means: tuple[float, float]
    ranges: tuple[tuple[float, float], tuple[float, float]]
    welch: Difference
    unreliable: bool
    paired: Difference | None
    games: tuple[SharedGames, ...]
    runs: tuple[str, ...]


def reference(data: GridData) -> str:
    """The method that the others are compared with."""
    return REFERENCE if REFERENCE in data.methods else data.methods[0]


def contrasts(data: GridData) -> list[Contrast]:
    """Every planned and available method against the reference, by environment."""
    base = reference(data)
    found = []
    for environment in data.environments:
        for method in data.methods:
            planned = data.group(environment, method)
            if method != base and not (planned["status"] == "unavailable").all():
                found.append(_contrast(data, environment, method, base))
    return found


def _contrast(data: GridData, environment: str, method: str, base: str) -> Contrast:
    first, second = (data.done(environment, m).set_index("seed") for m in (method, base))
    a, b = first[data.headline], second[data.headline]
    seeds = first.index.intersection(second.index)
    games = []
    for seed in seeds:
        won = [data.won(rows.loc[seed, "episodes_file"]) for rows in (first, second)]
        if won[0] is not None and won[1] is not None and won[0].size == won[1].size:
            games.append(shared_games(won[0], won[1]))
    return Contrast(
        environment,
        method,
        base,
        (float(a.mean()), float(b.mean())),
        ((float(a.min()), float(a.max())), (float(b.min()), float(b.max()))),
        welch_difference(a.to_numpy(float), b.to_numpy(float)),
        any(unreliable(mean_interval(side.to_numpy(float)), data.counts_wins) for side in (a, b)),
        paired_difference(a[seeds].to_numpy(float), b[seeds].to_numpy(float)) if len(seeds) else None,
        tuple(games),
        (*first["key"], *second["key"]),
    )


def page(data: GridData) -> Page:
    """Comparisons with the reference."""
    if data.search:
        return Page("comparisons", "Comparisons", (Text("Candidates of a search are compared under Tuning."),))
    found = contrasts(data)
    base = data.method_label(reference(data))
    text = Text(
        f"Each method minus {base}, in {data.headline_label}. Everything here is exploratory: intervals are not "
        f"adjusted for the {len(found)} comparisons, and an interval that includes 0 does not show that two methods "
        "are equal."
    )
    if not found:
        return Page("comparisons", "Comparisons", (Text("The grid has no two methods to compare."),))
    return Page(
        "comparisons",
        "Comparisons",
        (text, *shared_teachers(data), *unequal_warning(data), contrast_table(data, found)),
    )


def contrast_table(data: GridData, found: list[Contrast]) -> Table:
    """One row per contrast."""
    return Table(
        id="differences",
        caption=f"Difference in {data.headline_label} to {data.method_names([reference(data)])}",
        columns=(
            Column("Environment", numeric=False),
            Column("Method", numeric=False),
            Column("Seeds", "method, reference"),
            Column("Difference", "Welch 95% interval"),
            Column("Excludes 0", numeric=False),
            Column("d", "effect size"),
            Column("Paired by seed", "95% t interval"),
            Column("Games won by one only", "method : reference"),
        ),
        rows=tuple(_row(data, contrast) for contrast in found),
        notes=(
            "Welch: the seeds of the two methods as independent groups. Paired: the same seed plays the same "
            "evaluation games with both methods, and starts from the same weights, so what the two share cancels; "
            "the mean of the per-seed differences. d: the difference in pooled standard deviations over seeds; with "
            "few seeds it is itself very noisy.",
            "†: unreliable, because a method's seeds are all equal or its t interval leaves the range of a win rate.",
            "Games won by one only: evaluation games that exactly one of the two policies won, summed over shared "
            "seeds.",
        ),
        headers=2,
    )


def _row(data: GridData, contrast: Contrast) -> tuple[Cell, ...]:
    welch, paired = contrast.welch, contrast.paired
    verdict = {True: "yes", False: "no", None: "undefined"}[welch.excludes_zero]
    only = (sum(g.only_first for g in contrast.games), sum(g.only_second for g in contrast.games))
    games = sum(g.games for g in contrast.games)
    return (
        Cell(data.environment_label(contrast.environment)),
        data.method_entry(contrast.method, contrast.environment),
        Cell(f"{welch.n[0]}, {welch.n[1]}"),
        _difference(welch, contrast.runs, " †" if contrast.unreliable else ""),
        Cell(verdict, mark="" if welch.excludes_zero is not None else "weak"),
        Cell(signed(welch.effect, 2)),
        _difference(paired, contrast.runs) if paired else Cell("–", "no seed finished by both", "weak"),
        Cell(f"{only[0]} : {only[1]}", f"of {games}", runs=contrast.runs) if games else Cell("–", mark="weak"),
    )


def _difference(found: Difference, runs: tuple[str, ...], flag: str = "") -> Cell:
    if math.isnan(found.difference):
        return Cell("–", found.why or "", "weak")
    spread = interval(found.interval, sign=True) + flag if found.why is None else found.why
    return Cell(signed(found.difference), spread, runs=runs)
