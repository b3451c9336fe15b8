"""What one analysis says: a word for every claim and every comparison that has results."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Literal

import numpy as np

from reports.claims import evaluate
from reports.contrasts import reference
from reports.frame import GridData
from reports.robustness.alternatives import Analysis, finished

RESAMPLES = 1_999
"""Of the gates, which are held against .05: this page asks for them once per analysis and once per seed."""


DECIDED = frozenset({"SUPPORTED", "REFUTED", "holds", "fails", "higher", "lower"})
"""What a claim or a comparison can be said to be; every other word leaves it open."""


@dataclass(frozen=True)
class Key:
    """A claim by its id, or two methods on an environment. exploratory: of no registered claim."""

    kind: Literal["claim", "comparison"]
    id: str = ""
    environment: str = ""
    method: str = ""
    against: str = ""
    exploratory: bool = False


def verdicts(data: GridData, analysis: Analysis) -> dict[Key, str]:
    """Status of every claim, verdict of every comparison; without claims in the plan, which of two means is higher."""
    report = evaluate(data, analysis.scores, analysis.compare, RESAMPLES, analysis.scale)
    if report is None:
        return _directions(data, analysis)
    found = {Key("claim", id=claim.id, exploratory=claim.exploratory): str(claim.status) for claim in report.claims}
    comparisons = [(one, claim.exploratory) for claim in report.claims for one in claim.comparisons]
    comparisons += [(one, True) for one in report.exploratory]
    for one, exploratory in comparisons:
        if not isnan(one.difference.difference):
            key = Key("comparison", "", one.environment, one.method, one.against, exploratory)
            found.setdefault(key, str(one.verdict))
    return found


def _directions(data: GridData, analysis: Analysis) -> dict[Key, str]:
    base = reference(data)
    found = {}
    for environment in data.environments:
        for method in (name for name in data.methods if name != base):
            first, second = (_scores(data, analysis, environment, name) for name in (method, base))
            if first.size and second.size:
                difference = analysis.compare(first, second, 0.95)
                word = {None: "undefined", False: "not told apart"}.get(difference.excludes_zero)
                word = word or ("higher" if difference.difference > 0 else "lower")
                found[Key("comparison", "", environment, method, base, True)] = word
    return found


def _scores(
    data: GridData, analysis: Analysis, environment: str, method: str
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    scores = finished(data, environment, method)[2]
    if analysis.scores is not None:
        scores = np.asarray(analysis.scores(environment, method), np.float64).ravel()
    return scores if analysis.scale is None else analysis.scale(environment, scores)
