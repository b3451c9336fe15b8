"""How the numbers came about: seeds, settings, what each method switches, what the preset reduces."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reports.frame import GridData
from reports.page import Block, Facts, Page, Text
from reports.tables import Cell, Column, Table

SWITCHES = ("pretrain", "demos", "head", "initialise", "distill")
"""The keys of a method's configuration that the table shows, in order; others follow."""

NOT_SWITCHES = ("label", "provenance", "unavailable", "unavailable_on", "id", "name")


UNUSED_WITHOUT_PRETRAINING = ("demos", "head")
"""Switches that mean nothing to a method without pretraining."""


def page(data: GridData) -> Page:
    """Protocol."""
    blocks: list[Block] = [Facts(settings(data)), method_table(data)]
    changes = data.plan.settings.get("changes")
    if changes:
        blocks.append(change_table(data, changes))
    elif data.plan.settings.get("preset"):
        blocks.append(Text(f"The preset `{data.plan.settings['preset']}` reduces the paper's settings.", "warning"))
    return Page("protocol", "Protocol", tuple(blocks))


def settings(data: GridData) -> tuple[tuple[str, str], ...]:
    """The grid's own settings."""
    given = data.plan.settings
    teacher_seeds = given.get("teacher_seeds")
    episodes = sorted({int(n) for n in data.cells.get("episodes", []) if n == n})
    return (
        ("Grid", data.plan.grid),
        ("Preset", str(given.get("preset") or "none")),
        ("Overrides", ", ".join(f"`{key}={_value(v)}`" for key, v in (given.get("overrides") or {}).items()) or "none"),
        ("Seeds", ", ".join(str(seed) for seed in sorted(set(data.cells["seed"])))),
        (
            "Teacher seeds",
            "every seed has its own demonstrations and teacher"
            if teacher_seeds is None
            else f"demonstrations and teachers of {teacher_seeds} seed(s) serve all seeds",
        ),
        (
            "Evaluation",
            f"{' or '.join(map(str, episodes)) or 'unknown number of'} held-out games per seed, a fixed list",
        ),
        ("Headline", f"`{data.headline}` of stage `{data.plan.result}`"),
    )


def method_table(data: GridData) -> Table:
    """What each method switches on, and where its code comes from."""
    configs = {m: data.plan.methods.get(m, {}) for m in data.methods}
    found = dict.fromkeys(k for c in configs.values() for k, v in c.items() if not isinstance(v, dict | list))
    switches = [s for s in SWITCHES if s in found] + [k for k in found if k not in (*SWITCHES, *NOT_SWITCHES)]
    rows = []
    for method, config in configs.items():
        idle = UNUSED_WITHOUT_PRETRAINING if config.get("pretrain") == "none" else ()
        values = [
            Cell(_value(config[s])) if s in config and s not in idle else Cell("–", mark="weak") for s in switches
        ]
        absent = Cell(str(config["unavailable"])) if config.get("unavailable") else Cell("yes")
        rows.append((Cell(data.method_label(method)), Cell(data.method_provenance(method)), *values, absent))
    return Table(
        id="methods",
        caption="Methods",
        columns=tuple(Column(c, numeric=False) for c in ("Method", "Provenance", *switches, "Can be run")),
        rows=tuple(rows),
        notes=(
            "released: the authors published this method's code, which ours follows; reimplemented: written from "
            "the paper's description; ours: not in the paper.",
        ),
    )


def change_table(data: GridData, changes: Mapping[str, Mapping[str, Sequence[Any]]]) -> Table:
    """The settings that preset and overrides set otherwise than the paper: environment -> key -> (paper's, here)."""
    rows = [
        (Cell(data.environment_label(environment)), Cell(f"`{key}`"), Cell(_value(paper)), Cell(_value(here)))
        for environment, of_environment in changes.items()
        for key, (paper, here) in of_environment.items()
    ]
    return Table(
        id="changes",
        caption="Settings that differ from the paper's",
        columns=tuple(Column(c, numeric=False) for c in ("Environment", "Setting", "Paper", "Here")),
        rows=tuple(rows),
        notes=("Results at other settings than the paper's say nothing about the paper's numbers.",),
        headers=2,
    )


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
