"""What the finished stages were expected to take before they began, and what they took."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from reports.figures.forecast import forecast_figure
from reports.frame import GridData
from reports.page import Block, Gallery, Text
from reports.tables import Cell, Column, Table
from reports.text import duration, listed, plural, signed

BASES = {
    "exact": "by finished stages with the same settings, of other seeds or methods",
    "rate": "by the speed of stages with the same code, task and network",
    "kind": "by a rough guess from the same kind of stage elsewhere",
}


def blocks(data: GridData) -> list[Block]:
    """Predicted and actual cost: a sentence, a figure and a table; only a sentence where nothing was foretold."""
    stages = foretold(data)
    if stages.empty:
        return [Text("No prediction was recorded for any of the finished stages.")]
    drawn = forecast_figure(data, stages)
    told = Text(summary(stages, int((data.stages["state"] == "done").sum())))
    return [told, *([Gallery((drawn,))] if drawn else []), table(data, stages)]


def foretold(data: GridData) -> pd.DataFrame:
    """The finished stages of which it was foretold, with `predicted` (seconds) and `basis`."""
    told = data.stages["key"].map(data.forecast)
    rows = data.stages[(data.stages["state"] == "done") & told.notna()]
    return rows.assign(
        predicted=[float(data.forecast[key]["seconds"]) for key in rows["key"]],
        basis=[str(data.forecast[key]["basis"]) for key in rows["key"]],
    )


def summary(stages: pd.DataFrame, done: int) -> str:
    """The error of the whole, and what it rests on."""
    predicted, actual = float(stages["predicted"].sum()), float(stages["seconds"].sum())
    counts = stages["basis"].value_counts()
    bases = [f"{counts[basis]} {words}" for basis, words in BASES.items() if basis in counts]
    return (
        f"Predicted before they began: {duration(predicted)} of computing for {len(stages)} of "
        f"{plural(done, 'finished stage')}; they took {duration(actual)}: an error of {error(predicted, actual)}. "
        f"Foretold were {listed(bases)}."
    )


def error(predicted: float, actual: float) -> str:
    """Predicted − actual as a share of actual: `+12%` for a prediction that was too high."""
    return f"{signed(100 * (predicted - actual) / actual, 0)}%" if actual > 0 else "–"


def table(data: GridData, stages: pd.DataFrame) -> Table:
    """A row per environment and kind of stage, then the total."""
    return Table(
        id="forecast",
        caption="Computing time, predicted and actual",
        columns=(
            Column("Environment", numeric=False), Column("Stage", numeric=False), Column("Runs"),
            Column("Predicted"), Column("Actual"), Column("Error"), Column("Typical", "error of a run"),
        ),
        rows=tuple(_rows(data, stages)),
        notes=(
            "A prediction is written before the stage begins and never changed. Stages that nothing here was like when "
            "they began have none. Error: predicted − actual, as a share of actual. Typical: the median over runs of "
            "its size.",
        ),
        headers=2,
    )  # fmt: skip


def _rows(data: GridData, stages: pd.DataFrame) -> Iterator[tuple[Cell, ...]]:
    for environment in data.environments:
        for kind in data.pipeline:
            group = stages[(stages["environment"] == environment) & (stages["kind"] == kind)]
            if not group.empty:
                yield (Cell(data.environment_label(environment)), Cell(kind), *_entries(group))
    yield (Cell("All"), Cell(""), *_entries(stages))


def _entries(group: pd.DataFrame) -> tuple[Cell, ...]:
    predicted, actual = float(group["predicted"].sum()), float(group["seconds"].sum())
    known = group[group["seconds"] > 0]
    typical = float(((known["predicted"] - known["seconds"]).abs() / known["seconds"]).median())
    return (
        Cell(str(len(group)), runs=tuple(group["key"])),
        Cell(duration(predicted)),
        Cell(duration(actual)),
        Cell(error(predicted, actual)),
        Cell(f"{typical:.0%}" if typical == typical else "–"),
    )
