"""The main table, and the final scores as figures."""

from __future__ import annotations

from dataclasses import replace

from reports.contrasts import unreliable
from reports.details import detail_table
from reports.evidence import scored, too_few
from reports.figures.scores import final_scores
from reports.frame import GridData
from reports.page import Block, Gallery, Page, Text
from reports.pages.crossed import crossed
from reports.stats import NO_SPREAD, ONE_SEED, Standing, mean_interval, standings
from reports.tables import Cell, Mark, Table
from reports.text import in_words, interval, listed, number, plural

MARKS: dict[Standing, Mark] = {"best": "best", "tied": "tied", "unknown": "unknown"}


def page(data: GridData) -> Page:
    """Results on held-out games."""
    figures = tuple(figure for name in data.environments if (figure := final_scores(data, name)) is not None)
    blocks: list[Block] = [
        Text(
            "The replicate is the training seed: a seed's evaluation games are averaged first, and intervals are over "
            f"seeds. {scored(data)}"
        ),
        *too_few(data),
        *shared_teachers(data),
        *other_metrics_of_claims(data),
        main_table(data),
        *(table for name in data.environments if (table := detail_table(data, name)) is not None),
        *([Gallery(figures)] if figures else []),
    ]
    return Page("results", "Results", tuple(blocks))


def other_metrics_of_claims(data: GridData) -> list[Block]:
    """Where the claims score an environment of the grid by another metric than this page."""
    claims = data.plan.settings.get("claims")
    metrics = claims["content"]["environments"] if claims else {}
    places: dict[tuple[str, str], list[str]] = {}
    where = "everywhere" if len(data.headlines()) == 1 else "there"
    for environment in data.environments:
        own = data.headline(environment)
        if (metric := metrics.get(environment, own)) != own:
            places.setdefault((metric, own), []).append(data.environment_label(environment))
    return [
        Text(
            f"The claims are about {in_words(metric)} on {listed(names)}, not about {in_words(own)}, "
            f"which this page shows {where}; the numbers that decide them stand under Comparisons.",
            "note",
        )
        for (metric, own), names in places.items()
    ]


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


def main_table(data: GridData) -> Table:
    """Environment × method: mean, 95% t interval, n of n planned."""
    leaves = "because the interval leaves the range of a win rate (it is shown as computed, not cut off) or "
    any_wins = any(map(data.counts_wins, data.environments))
    entries: dict[tuple[str, str], Cell] = {}
    for environment in data.environments:
        groups = [data.scores(environment, method) for method in data.methods]
        marks = standings(groups)
        alone = sum(group.size > 0 for group in groups) < 2
        for method, mark in zip(data.methods, marks, strict=True):
            entry = _entry(data, environment, method, mark)
            entries[environment, method] = replace(entry, mark="") if alone and entry.mark != "weak" else entry
    return crossed(
        data,
        "main",
        f"{data.headline_label().capitalize()} on {data.games_label}",
        entries,
        (
            "Mean over seeds, [95% t interval of the mean], finished seeds / planned seeds. Under each method's name: "
            "where it comes from (see Protocol); methods that are ours, not the paper's, stand last.",
            "Bold: the highest mean of the environment, and every method that cannot be told from it, which means that "
            "the 95% Welch interval of the difference includes 0. `?`: no interval can be computed, so nothing is "
            "known. These comparisons are exploratory and not adjusted for their number; with few seeds, large "
            "differences stay undetected.",
            f"†: not to be relied on, {leaves if any_wins else ''}because all seeds are equal. The appendix has the "
            "seeds one by one.",
        ),
    )


def _entry(data: GridData, environment: str, method: str, standing: Standing) -> Cell:
    planned, done = data.group(environment, method), data.done(environment, method)
    summary, digits = mean_interval(data.scores(environment, method)), data.digits(environment)
    absent = planned.drop(done.index)["status"]
    rest = absent.replace("done", f"without {data.headline_label(environment)}").value_counts()
    counted = [f"{n} {status}" for status, n in rest.items()]
    of_planned = f"{summary.n}/{len(planned)}"
    if summary.n == 0:
        why = ", ".join(counted) if len(counted) > 1 else "".join(map(str, rest.index))
        return Cell("–", f"{why or 'not planned'} · {of_planned}", "weak")
    if summary.why is None:
        spread = interval(summary.interval, digits)
    else:
        spread = {ONE_SEED: "interval undefined", NO_SPREAD: "all seeds equal"}[summary.why]
    flag = " †" if unreliable(summary, data.counts_wins(environment)) else ""
    seeds = ", ".join([of_planned, *counted])
    told = f"{spread}{flag} · {seeds}"
    return Cell(number(summary.mean, digits), told, MARKS.get(standing, ""), runs=tuple(done["key"]))
