"""What the evaluation of an environment measures besides what every environment has: of NetHack, score and depth."""

from __future__ import annotations

import pandas as pd

from reports.frame import GridData
from reports.stats import mean_interval
from reports.tables import Cell, Column, Table
from reports.text import in_words, interval, number, plural

DETAILS = "details"
"""What an evaluation's result calls the names of these numbers, separated by commas."""


def details(data: GridData, environment: str) -> list[str]:
    """The names of these numbers, in the order of the results; empty for an environment that has none."""
    of_runs = (str(data.metrics(key).get(DETAILS, "")) for key in data.done(environment)["key"])
    return list(dict.fromkeys(name.strip() for names in of_runs for name in names.split(",") if name.strip()))


def detail_table(data: GridData, environment: str) -> Table | None:
    """Method × number: mean over seeds with its t interval; None for an environment without such numbers."""
    names = details(data, environment)
    if not names:
        return None
    rows = [
        (
            data.method_entry(method, environment),
            Cell(plural(len(done), "seed")),
            *(mean_of(data, environment, name, done) for name in names),
        )
        for method in data.methods
        if len(done := data.done(environment, method).dropna(subset=names))
    ]
    return Table(
        id=f"details-{environment}",
        caption=f"What else the evaluation measured, {data.environment_label(environment)}",
        columns=(
            Column("Method", numeric=False),
            Column("Finished", numeric=False),
            *(Column(in_words(name).capitalize()) for name in names),
        ),
        rows=tuple(rows),
        notes=(f"On the same games. {MEAN}",),
    )


MEAN = "Mean over finished seeds, [95% t interval]."


def mean_of(data: GridData, environment: str, name: str, done: pd.DataFrame) -> Cell:
    """A result metric over finished cells of one method: the mean, its 95% t interval or why it has none under it."""
    summary, digits = mean_interval(done[name].dropna().to_numpy(float)), data.digits(environment, name)
    spread = interval(summary.interval, digits) if summary.why is None else summary.why
    return Cell(number(summary.mean, digits), spread, runs=tuple(done["key"]))
