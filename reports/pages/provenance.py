"""Which code, packages and machines made the numbers, and the runs themselves."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from typing import Any

from reports.frame import GridData
from reports.page import Block, Facts, Folded, Page, Text
from reports.tables import Cell, Column, Table
from reports.text import duration, plural

SHOWN_PACKAGES = ("torch", "numpy", "hydra-core", "mlflow", "gymnasium", "submitit", "pandas", "scipy", "matplotlib")
"""Packages named at the top; all of them are in the folded table."""


def page(data: GridData) -> Page:
    """Provenance."""
    if not data.provenance:
        return Page("provenance", "Provenance", (Text("No run has recorded where it comes from yet."),))
    blocks: list[Block] = []
    commits = Counter(_commit(facts) for facts in data.provenance.values())
    if len(commits) > 1:
        blocks.append(Text(f"The runs come from {len(commits)} different states of the code.", "warning"))
    blocks += [
        Facts(facts(data, commits)),
        Folded("All packages", package_table(data)),
        Folded(f"All {plural(len(data.stages), 'run')}", run_table(data)),
    ]
    return Page("provenance", "Provenance", tuple(blocks))


def _commit(found: Any) -> str:
    name = str(found.get("commit") or "no commit")[:12]
    return f"{name} with uncommitted changes {found.get('diff_sha256')}" if found.get("dirty") else name


def _listed(counts: Counter[str]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{name} ({plural(n, 'run')})" for name, n in counts.most_common())


def facts(data: GridData, commits: Counter[str]) -> tuple[tuple[str, str], ...]:
    """Commit, how to repeat it, Python, packages, hardware, determinism."""
    found = list(data.provenance.values())
    packages = Counter(
        ", ".join(f"{name} {f['packages'][name]}" for name in SHOWN_PACKAGES if name in f.get("packages", {}))
        for f in found
    )
    done = data.stages[data.stages["state"] == "done"]
    loose = int((~done["deterministic"].astype(bool)).sum())
    resumed = int((done["resumed"] > 0).sum())
    repeats = "every run repeats bit for bit on its device class"
    return (
        ("Commit", _listed(commits)),
        ("To repeat", f"`{command(data)}`"),
        ("Python", _listed(Counter(str(f.get("python")) for f in found))),
        ("Packages", _listed(packages)),
        ("Hardware", _listed(Counter(_hardware(f.get("hardware", {})) for f in found))),
        ("Determinism", f"{plural(loose, 'run')} need not repeat bit for bit" if loose else repeats),
        ("Interrupted", f"{plural(resumed, 'run')} continued from a checkpoint"),
    )


def command(data: GridData) -> str:
    """The command line that plans exactly these cells, whatever the grid's file says by now."""
    given = data.plan.settings
    of_plan = [data.search.get(cell.method, {}).get("method", cell.method) for cell in data.plan.cells]
    words: dict[str, Any] = {
        "envs": data.environments,
        "methods": list(dict.fromkeys(of_plan)),
        "seeds": sorted(set(data.cells["seed"])),
        "preset": given.get("preset"),
        "teacher_seeds": given.get("teacher_seeds"),
        "tuned": data.tuned.get("name"),
        "search": searched(data) or None,
        **(given.get("overrides") or {}),
    }
    assignments = [f"{key}={_hydra(value)}" for key, value in words.items()]
    return shlex.join(["python", "run_all.py", "--grid", data.plan.grid, *assignments])


def searched(data: GridData) -> dict[str, dict[str, list[Any]]]:
    """Method -> dotted key -> values, as a grid's file lists them; empty for a grid that does not search."""
    found: dict[str, dict[str, list[Any]]] = {}
    for about in data.search.values():
        for key, value in about["values"].items():
            values = found.setdefault(str(about["method"]), {}).setdefault(key, [])
            if value not in values:
                values.append(value)
    return found


def _hydra(value: Any) -> str:
    """A value as Hydra reads it from the command line."""
    if isinstance(value, list | tuple):
        return f"[{','.join(_hydra(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{_hydra(item)}' for key, item in value.items())}}}"
    return value if isinstance(value, str) else json.dumps(value)


def _hardware(found: Any) -> str:
    memory = f", {found['memory'] / 2**30:.0f} GiB" if "memory" in found else ""
    return f"{found.get('processor') or found.get('machine', 'unknown')}, {found.get('cores', '?')} cores{memory}"


def package_table(data: GridData) -> Table:
    """Every installed package of the newest run."""
    newest = max(data.provenance.values(), key=lambda facts: float(facts.get("created", 0)))
    rows = tuple((Cell(name), Cell(version)) for name, version in newest.get("packages", {}).items())
    columns = (Column("Package", numeric=False), Column("Version", numeric=False))
    return Table("packages", "Installed packages of the newest run", columns, rows)


def run_table(data: GridData) -> Table:
    """Every run of the grid with its folder."""
    rows = tuple(
        (
            Cell(row["key"], href=f"../../{row['key']}/" if row["attempts"] else None, runs=(row["key"],)),
            Cell(row["kind"]),
            Cell(data.environment_label(row["environment"])),
            *_users(data, row["key"]),
            Cell(row["state"]),
            Cell(duration(float(row["seconds"]))),
            Cell(str(row["device"] or "–")),
            Cell(str(row["attempts"])),
        )
        for row in data.stages.to_dict("records")
    )
    columns = (
        Column("Key", numeric=False), Column("Stage", numeric=False), Column("Environment", numeric=False),
        Column("Methods", numeric=False), Column("Seeds"), Column("State", numeric=False), Column("Time"),
        Column("Device", numeric=False), Column("Attempts"),
    )  # fmt: skip
    return Table("runs", "Runs of the grid", columns, rows)


def _users(data: GridData, key: str) -> tuple[Cell, Cell]:
    """The methods and the seeds that a run serves."""
    users = data.plan.users[key]
    methods = list(dict.fromkeys(cell.method for cell in users))
    seeds = dict.fromkeys(str(cell.seed) for cell in users)
    return Cell(data.method_names(methods, users[0].environment)), Cell(", ".join(seeds))
