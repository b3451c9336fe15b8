"""The coefficients of a method as its stages were really given them in one cell, tuned values included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.spec import Cell, Plan
from reports.extra import policy_key

POLICY = ("initialise", "distill", "shaping")
"""Parameters of the policy stage that make a method."""

PRETRAIN = "pretrain"
"""The stage whose `settings` are the coefficients of a kind of pretraining, and the prefix of their names."""


def applied(plan: Plan, cell: Cell) -> dict[str, Any]:
    """POLICY, and `pretrain_<name>` for the pretraining's language and own settings; only what the stages say."""
    policy, pretrain = policy_key(plan, cell), cell.stages.get(PRETRAIN)
    params = plan.stages[policy].params if policy else {}
    found = {name: params[name] for name in POLICY if name in params}
    about = plan.stages[pretrain].params if pretrain else {}
    settings = about.get("settings")
    own = {**({"language": about["language"]} if "language" in about else {}), **_plain(settings)}
    return found | {f"{PRETRAIN}_{name}": value for name, value in own.items()}


def _plain(settings: Any) -> dict[str, Any]:
    content = settings if isinstance(settings, Mapping) else {}
    return {name: value for name, value in content.items() if not isinstance(value, Mapping | list)}
