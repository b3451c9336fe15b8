"""Who played the demonstrations, how well, how much of it there is, and which files had to be left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.decimals import decimals
from benchmark.spec import SKIPPED
from reports.frame import GridData
from reports.page import Text
from reports.tables import Cell, Column, Table
from reports.text import count, listed, plural
from reports.variants import Variant, finished, mean_entry, seeds_entry, values

INTERACTION = "interaction"
"""The stage in which the learner itself plays; its games are fitted, but demonstrate nothing."""


START = Column("Environment", numeric=False), Column("Methods", numeric=False), Column("Seeds")
"""The first columns of a table of variants."""


def start(data: GridData, variant: Variant) -> tuple[Cell, Cell, Cell]:
    """What a variant has there."""
    methods = data.method_names(variant.methods, variant.environment)
    return Cell(data.environment_label(variant.environment)), Cell(methods), seeds_entry(data, variant)


def demonstration_table(data: GridData, rows: Sequence[tuple[str, Variant]]) -> Table:
    """How well whoever plays plays, and how much of it there is; rows: stage and variant."""
    counted = any(values(data, variant, SKIPPED).size for _, variant in rows)
    any_wins = any(data.counts_wins(variant.environment) for _, variant in rows)
    return Table(
        id="demonstrations",
        caption="Demonstrations, and the interaction of inverse models",
        columns=(
            *START,
            Column("Player", numeric=False),
            Column(data.headline_label(*(variant.environment for _, variant in rows)).capitalize()),
            Column("Mean length"),
            Column("Episodes", "per seed"),
            Column("Frames", "per seed"),
            *([Column("Files left out", "all seeds")] if counted else []),
        ),
        rows=tuple((*_row(data, *row), *([_left_out(data, row[1])] if counted else [])) for row in rows),
        notes=(
            f"{'Wins and losses are kept' if any_wins else 'Games are kept whatever they scored'}. What these frames "
            "cost stands under Cost, and on the second axis of the learning curves. Mean over finished seeds, [95% t "
            "interval].",
            *(
                [
                    "Files left out: recordings that are damaged, lost or broken off; nothing is learnt from them. "
                    "Those of an archive that its registration left out are in its list, and are not counted here. Of "
                    "an archive's games the return is the score that its list tells, and the length is that of the "
                    "recording; of games played here, both are the environment's."
                ]
                if counted
                else []
            ),
        ),
        headers=2,
    )


def _row(data: GridData, stage: str, variant: Variant) -> tuple[Cell, ...]:
    params = data.plan.stages[variant.keys[0]].params
    source = str(params.get("source", "–"))
    if source == "expert":
        source = str(params.get("player", source))
    metric = data.headline(variant.environment)
    amounts = (_mean_count(data, variant, name) for name in ("episodes", "frames"))
    return (
        *start(data, variant),
        Cell(source, "own interaction" if stage == INTERACTION else ""),
        mean_entry(data, variant, metric, decimals(values(data, variant, metric))),
        mean_entry(data, variant, "episode_length", 1),
        *amounts,
    )


def _mean_count(data: GridData, variant: Variant, name: str) -> Cell:
    found = values(data, variant, name)
    return _amount(data, variant, found.mean()) if found.size else Cell("–", mark="weak")


def _left_out(data: GridData, variant: Variant) -> Cell:
    found = values(data, variant, SKIPPED)
    return _amount(data, variant, found.sum()) if found.size else Cell("–", mark="weak")


def _amount(data: GridData, variant: Variant, number: np.floating) -> Cell:
    return Cell(count(float(number)), runs=finished(data, variant))


def left_out(data: GridData) -> list[Text]:
    """A warning that says which stages left files out, and where each of these is named; empty where none did."""
    found = [
        f"{plural(int(metrics[SKIPPED]), 'file')} in {label} (`{key}/log.txt`)"
        for key, label, state, metrics in data.stages[["key", "label", "state", "metrics"]].itertuples(index=False)
        if state == "done" and metrics.get(SKIPPED, 0) > 0
    ]
    if not found:
        return []
    return [Text(f"Left out: {listed(found)}. The log names each, and says what is wrong with it.", "warning")]
