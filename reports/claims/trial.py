"""A claim of one's own, tried on a grid that does not register it; and as the file that would register it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import yaml

from reports.claims.evaluate import evaluate
from reports.claims.results import ClaimsReport
from reports.frame import GridData

NAME = "trial"


def claim(
    text: str,
    method: str,
    against: Sequence[str],
    environments: Sequence[str],
    *,
    name: str = NAME,
    metric: str = "win_rate",
    low: float | None = 0.0,
    high: float | None = 1.0,
    margin: float = 0.05,
    alpha: float = 0.05,
    direction: Literal["greater", "less"] = "greater",
) -> dict[str, Any]:
    """One claim in the shape of a file of configs/claims/ (benchmark/claims.py), in a family of its own.

    name: of the claim and its family, in small letters, digits and dashes. low, high: the metric's range, None where
    it has no end. margin: the least difference that counts, in the metric's unit. alpha: of the family, which Holm's
    procedure shares among the claim's comparisons.
    """
    return {
        "about": "a claim of one's own",
        "metrics": {metric: {"low": low, "high": high, "margin": margin}},
        "environments": dict.fromkeys(environments, metric),
        "families": {name: alpha},
        "seeds": 10,
        "claims": {
            name: {
                "text": text,
                "source": "one's own",
                "family": name,
                "exploratory": False,
                "direction": direction,
                "method": method,
                "against": list(against),
                "environments": list(environments),
            }
        },
    }


def tried(data: GridData, content: Mapping[str, Any]) -> ClaimsReport:
    """The claim's status on the grid's results, as exploratory: it was not registered before them.

    Raises ValueError that names a method or an environment that the grid does not have.
    """
    for about in content["claims"].values():
        for what, names, known in (
            ("method", [about["method"], *about["against"]], data.methods),
            ("environment", about["environments"], data.environments),
        ):
            for name in names:
                if name not in known:
                    raise ValueError(f"{what} {name!r} is not in grid {data.plan.grid!r}, which has {', '.join(known)}")
    digest = hashlib.sha256(as_file(content).encode()).hexdigest()
    marked = {name: {**about, "exploratory": True} for name, about in content["claims"].items()}
    claims = {"name": NAME, "sha256": digest, "content": {**content, "claims": marked}}
    plan = replace(data.plan, settings={**data.plan.settings, "claims": claims})
    report = evaluate(replace(data, plan=plan, registrations=()))
    assert report is not None
    return replace(report, trial=True)


def as_file(content: Mapping[str, Any]) -> str:
    """The YAML of configs/claims/NAME.yaml that registers the claim with the next grid, before its results."""
    return str(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=120))
