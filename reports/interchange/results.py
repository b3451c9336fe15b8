"""What travels between stores: every cell's scores, its learning curve, and what the grid says of itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from benchmark.errors import BadInput, unknown
from benchmark.spec import IMPORTED
from reports.extra import COST_COLUMNS, policy_key
from reports.frame import GridData
from reports.rows import UNSAID

CELL = ("environment", "method", "seed")
"""What names a row. Every file of scores has these columns."""

TEXTS = ("provenance", "status", "reason", "device", "commit", "finished", "run")
FLAGS = ("deterministic", "dirty")
NUMBERS = ("seconds", *COST_COLUMNS)
"""What may be known of a cell beside its metrics: words, yes or no, numbers. Every other column is a metric.

run: the key of the run folder that the scores were computed in.
"""

KNOWN = (*CELL, *TEXTS, *FLAGS, *NUMBERS)

POINT = (*CELL, "frames", "metric", "value")
"""The columns of a file of curves: one row per number that a policy's training logged."""

USUAL = "win_rate"
"""The headline of results that do not name theirs, where they have it."""


@dataclass(frozen=True)
class Results:
    """Results apart from the store that they were computed in.

    scores: a row per planned cell: CELL, those of KNOWN that are known, and a column per metric, which is NaN where the
    cell is not done or does not report it. curves: POINT. facts: grid, description, headline, settings, environments,
    methods and evaluated_on as in GridData; whatever of it is known.
    """

    scores: pd.DataFrame
    curves: pd.DataFrame
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """The names of the scores, in the order of the columns."""
        return [str(name) for name in self.scores.columns if name not in KNOWN]

    def headline_of(self, environment: str) -> str:
        """The metric that tables show of an environment: its own, if the results have that, or that of all."""
        own = self.named_headline(environment)
        return own if own is not None and own in self.metrics else self.headline()

    def named_headline(self, environment: str) -> str | None:
        """The metric that the results name for the environment, or for all; None where they name none."""
        about = (self.facts.get("environments") or {}).get(environment) or {}
        return about.get("headline", self.facts.get("headline"))

    def decided(self, asked: str | None = None) -> Results:
        """The same, whose facts name the metric of every environment; where one is asked for, that one for all.

        Raises BadInput as `headline` does.
        """
        environments = {
            name: {
                key: value for key, value in about.items() if key != "headline" or (value in self.metrics and not asked)
            }
            for name, about in (self.facts.get("environments") or {}).items()
        }
        return replace(self, facts={**self.facts, "headline": self.headline(asked), "environments": environments})

    def headline(self, asked: str | None = None) -> str:
        """The metric of all environments without their own: asked for, or the results' own, or usual, or the only one.

        Raises BadInput for one that the results do not have, and where nobody says which of several it is.
        """
        own = self.facts.get("headline")
        if asked is not None or own in self.metrics:
            name = str(asked if asked is not None else own)
            if name not in self.metrics:
                raise unknown("metric", name, self.metrics)
            return name
        if USUAL in self.metrics:
            return USUAL
        if len(self.metrics) != 1:
            raise BadInput(f"which metric tables show is not said; name it with --metric: {', '.join(self.metrics)}")
        return self.metrics[0]

    def label(self, group: str, name: str) -> str:
        """An environment's or a method's name for readers; group: environments or methods."""
        about = (self.facts.get(group) or {}).get(name) or {}
        return str(about.get("label", name))


def ordered(metrics: Iterable[str], known: Collection[str] = KNOWN) -> list[str]:
    """The columns of a table of scores: what a reader looks for first, then what is known of how it came about."""
    first = [name for name in (*CELL, "status", "reason") if name in known]
    return [*first, *metrics, *(name for name in KNOWN if name in known and name not in first)]


def of_grid(data: GridData) -> Results:
    """A grid's results as they lie in its store; how they were computed, of those cells that are done."""
    plan = data.plan
    names = dict.fromkeys(
        name
        for key in data.cells["key"]
        for name, value in data.metrics(str(key)).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    )
    metrics = list(dict.fromkeys([*data.headlines(), *names]))
    finished = dict(zip(data.stages["key"], data.stages["finished"], strict=True))
    cells = data.cells
    scores = cells.assign(
        dirty=cells["dirty"].mask(cells["commit"].isna()),
        device=cells["device"].mask(cells["device"] == UNSAID),
        finished=cells["key"].map(finished),
        run=pd.Series(_runs(data), dtype=object),
    )
    ways = [name for name in KNOWN if name not in (*CELL, "status", "reason", "provenance")]
    scores[ways] = scores[ways].mask(scores["status"] != "done")
    return Results(
        scores=scores.reindex(columns=ordered(metrics)).reset_index(drop=True),
        curves=_curves(data),
        facts={
            "grid": plan.grid,
            "description": plan.description,
            "headline": plan.headline,
            "settings": dict(plan.settings),
            "environments": {name: dict(about) for name, about in plan.environments.items()},
            "methods": {name: dict(about) for name, about in plan.methods.items()},
            "evaluated_on": dict(data.evaluated_on),
        },
    )


def _runs(data: GridData) -> list[str | None]:
    """The run folder behind every score: the first one, where results have been imported since."""
    found = []
    for key in data.cells["key"]:
        imported = data.provenance.get(key, {}).get(IMPORTED) or {}
        found.append(imported.get("run") if imported else key)
    return found


def _curves(data: GridData) -> pd.DataFrame:
    """What the training of every cell's own policy logged."""
    parts = []
    for cell in data.plan.cells:
        key = policy_key(data.plan, cell)
        rows = data.curves.tidy(key) if key is not None else pd.DataFrame()
        if len(rows):
            parts.append(rows.assign(environment=cell.environment, method=cell.method, seed=cell.seed))
    if not parts:
        return pd.DataFrame(columns=list(POINT))
    rows = pd.concat(parts, ignore_index=True)
    return rows.astype({"frames": int}).reindex(columns=list(POINT))
