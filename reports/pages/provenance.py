"""Which code, packages and machines made the numbers, how to make them again, and the checklist of a reviewer."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from typing import Any

from reports.audit import audit, words
from reports.frame import GridData
from reports.page import Block, Facts, Folded, Page, Text
from reports.pages.checklist import checklist
from reports.tables import Cell, Column, Table
from reports.text import plural

SHOWN_PACKAGES = ("torch", "numpy", "hydra-core", "mlflow", "gymnasium", "submitit", "pandas", "scipy", "matplotlib")
"""Packages named at the top; all of them are in the folded table."""


def page(data: GridData) -> Page:
    """Provenance."""
    if not data.provenance:
        nothing = Text("No run has recorded where it comes from yet.")
        return Page("provenance", "Provenance", (nothing, rebuild_table(data), checklist(data)))
    blocks: list[Block] = []
    commits = Counter(_commit(facts) for facts in data.provenance.values())
    if len(commits) > 1:
        blocks.append(Text(f"The runs come from {len(commits)} different states of the code.", "warning"))
    blocks += [
        Facts(facts(data, commits)),
        Text("Determinism, as the finished runs declare it, and what their weights show:"),
        Facts(words(audit(data))),
        rebuild_table(data),
        checklist(data),
        Folded("All packages", package_table(data)),
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
    """Commit, Python, packages, hardware."""
    found = list(data.provenance.values())
    packages = Counter(
        ", ".join(f"{name} {f['packages'][name]}" for name in SHOWN_PACKAGES if name in f.get("packages", {}))
        or "not recorded"
        for f in found
    )
    return (
        ("Commit", _listed(commits)),
        ("Python", _listed(Counter(str(f.get("python") or "not recorded") for f in found))),
        ("Packages", _listed(packages)),
        ("Hardware", _listed(Counter(_hardware(f.get("hardware", {})) for f in found))),
    )


def rebuild_table(data: GridData) -> Table:
    """What makes this report again, from its pages down to its runs."""
    grid, imported = shlex.quote(data.plan.grid), data.plan.origin is not None
    registered, claims = data.plan.settings.get("claims"), "the run folders and the registered claims"
    rows = (
        *([] if imported else [("The runs, then the report", command(data), "every stage that is not there yet")]),
        ("Every page, table and figure", f"python run_all.py report --grid {grid}", "the run folders alone"),
        *([("The claims of page 1", f"python run_all.py check --grid {grid}", claims)] if registered else []),
        ("A number of a table", f"python run_all.py trace NUMBER --grid {grid}", "its runs, settings and commits"),
        ("The notebooks", f"make report GRID={grid}", "the run folders alone"),
    )
    columns = (Column("What", numeric=False), Column("Command", numeric=False), Column("It reads", numeric=False))
    return Table(
        "rebuild",
        "How to make it again",
        columns,
        tuple((Cell(what), Cell(f"`{how}`"), Cell(reads)) for what, how, reads in rows),
        (
            "Beside every table and figure lies a JSON file with the keys of the runs behind it and the SHA-256 of its "
            "files. Equal run folders give equal pages.",
        ),
    )


def command(data: GridData) -> str:
    """The command line that plans exactly these cells, whatever the grid's file says by now."""
    given = data.plan.settings
    of_plan = [data.search.get(cell.method, {}).get("method", cell.method) for cell in data.plan.cells]
    file = given.get("file") or data.plan.grid
    words: dict[str, Any] = {
        **({} if file == data.plan.grid else {"name": data.plan.grid}),
        "envs": data.environments,
        "methods": list(dict.fromkeys(of_plan)),
        "seeds": sorted(set(data.cells["seed"])),
        "preset": given.get("preset"),
        "teacher_seeds": given.get("teacher_seeds"),
        "tuned": data.tuned.get("name"),
        "claims": (given.get("claims") or {}).get("name"),
        "search": searched(data) or None,
        **(given.get("overrides") or {}),
    }
    assignments = [f"{key}={_hydra(value)}" for key, value in words.items()]
    return shlex.join(["python", "run_all.py", "--grid", file, *assignments])


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
