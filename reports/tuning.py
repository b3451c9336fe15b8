"""Which candidate of a search is chosen, for every environment and method: a rule without exceptions, in one place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from reports.frame import GridData
from reports.text import in_words


@dataclass(frozen=True)
class Candidate:
    """One combination of values.

    scores: the headline of every finished seed. games: evaluation games behind them, over all finished seeds; 0 where
    the headline is no win rate, or the games are not known. planned: how many seeds it should have. failed: how many
    of them have failed for good. frames: of reinforcement learning per seed, NaN if unknown.
    """

    method: str
    values: Mapping[str, Any]
    scores: tuple[float, ...]
    planned: int
    games: int = 0
    failed: int = 0
    frames: float = float("nan")
    runs: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """NaN without a finished seed."""
        return float(np.mean(self.scores)) if self.scores else float("nan")

    @property
    def whole(self) -> bool:
        """Every planned seed is finished."""
        return 0 < self.planned == len(self.scores)

    @property
    def settled(self) -> bool:
        """Nothing more will come of it: its seeds are finished or have failed."""
        return self.planned > 0 and len(self.scores) + self.failed >= self.planned


@dataclass(frozen=True)
class Search:
    """All candidates of a method on an environment, as they were listed."""

    environment: str
    method: str
    candidates: tuple[Candidate, ...]

    @property
    def chosen(self) -> Candidate | None:
        """See `choose`."""
        return choose(self.candidates)


ERRORS = 2.0
"""A candidate replaces the default where its win rate is higher by more than so many standard errors."""


def choose(candidates: Sequence[Candidate]) -> Candidate | None:
    """The default, which is the first listed, or the best of those that are clearly better; see `rule`.

    Where games are not counted, or the default has failed for good, the highest mean; of equal ones the first listed.
    A candidate with a failed seed cannot be chosen. None while a candidate is unsettled, and where all have failed.
    """
    whole = [candidate for candidate in candidates if candidate.whole]
    if not whole or not all(candidate.settled for candidate in candidates):
        return None
    default = candidates[0]
    if default.whole and all(candidate.games for candidate in whole):
        whole = [default, *(candidate for candidate in whole if _beats(candidate, default))]
        return max(whole, key=lambda candidate: (candidate is not default, candidate.mean))
    return max(whole, key=lambda candidate: candidate.mean)


def _beats(candidate: Candidate, default: Candidate) -> bool:
    return candidate.mean - default.mean > ERRORS * standard_error(candidate, default)


def standard_error(first: Candidate, second: Candidate) -> float:
    """Of the difference of two win rates, binomial over the evaluation games of the tuning seeds; both need games."""
    return math.sqrt(sum(c.mean * (1 - c.mean) / c.games for c in (first, second)))


def rule(data: GridData) -> str:
    """The rule of `choose` in one sentence."""
    metrics = data.headlines()
    if len(metrics) == 1:
        return _rule(metrics[0])
    return " ".join(f"By {in_words(metric)}: {_rule(metric)[0].lower()}{_rule(metric)[1:]}" for metric in metrics)


def _rule(metric: str) -> str:
    best = f"the highest mean {in_words(metric)} over the tuning seeds; of equal ones the first listed"
    if metric != "win_rate":
        return f"{best[0].upper()}{best[1:]}, which is the default (the paper's, where it has one)."
    return (
        "The default (the first listed, the paper's where it has one) stays unless another candidate's win rate is "
        "higher by more than twice the standard error of the difference, binomial over all evaluation games of the "
        f"tuning seeds; among those that are, and where the default failed, {best}."
    )


def searches(data: GridData) -> list[Search]:
    """Every search of the grid that can be run, by environment and method."""
    found: dict[tuple[str, str], list[Candidate]] = {}
    for environment in data.environments:
        for method in dict.fromkeys(cell.method for cell in data.plan.cells):
            group = data.group(environment, method)
            if method not in data.search or (group["status"] == "unavailable").all():
                continue
            done, about = data.done(environment, method), data.search[method]
            games = data.games(done)
            candidate = Candidate(
                method,
                dict(about["values"]),
                tuple(float(score) for score in data.scores(environment, method)),
                len(group),
                sum(games) if all(games) else 0,
                int(group["status"].isin(("failed", "blocked")).sum()),
                float(group["rl_frames"].mean()),
                tuple(done["key"]),
            )
            found.setdefault((environment, str(about["method"])), []).append(candidate)
    return [Search(environment, method, tuple(those)) for (environment, method), those in found.items()]


def tuned(data: GridData, found: Sequence[Search]) -> dict[str, Any]:
    """The content of a file for `configs/tuned/`: what was chosen, from which candidates, measured on what."""
    commits = sorted({str(f["commit"]) for f in data.provenance.values() if f.get("commit")})
    metrics = data.headlines()
    values: dict[str, Any] = {environment: {} for environment in data.environments}
    candidates: dict[str, Any] = {environment: {} for environment in data.environments}
    for search in found:
        candidates[search.environment][search.method] = [
            _record(candidate, data.headline(search.environment)) for candidate in search.candidates
        ]
        if search.chosen is not None:
            values[search.environment][search.method] = dict(search.chosen.values)
    return {
        "selected_on": {
            "grid": data.plan.grid,
            "split": ", ".join(data.evaluated_on.values()),
            "metric": metrics[0] if len(metrics) == 1 else {name: data.headline(name) for name in data.environments},
            "seeds": sorted({int(seed) for seed in data.cells["seed"]}),
            "commit": ", ".join(commits) or "unknown",
            "preset": data.plan.settings.get("preset"),
            "overrides": dict(data.plan.settings.get("overrides") or {}),
            "rule": rule(data),
        },
        "values": {environment: chosen for environment, chosen in values.items() if chosen},
        "candidates": {environment: listed for environment, listed in candidates.items() if listed},
    }


def _record(candidate: Candidate, metric: str) -> dict[str, Any]:
    score = {metric: round(candidate.mean, 6)} if candidate.scores else {}
    return {**candidate.values, **score, "n": len(candidate.scores)}


def to_yaml(content: Mapping[str, Any]) -> str:
    """As a file that a person can read; keys stay in their order."""
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110))
