"""One side of a comparison, by its name: a grid, a store, files of results, a report's data, a commit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from benchmark.errors import BadInput
from benchmark.store import RunStore
from reports.frame import load
from reports.interchange import checking, files
from reports.interchange.checking import Source
from reports.interchange.results import KNOWN, Results, of_grid

PROJECT = Path(__file__).resolve().parents[2]
"""Whose commits are meant."""

COMMITTED = "reports/results/{grid}"
"""Where the project keeps reports under version control."""

CELLS, METRICS = "data/cells.csv", "data/metrics.csv"
"""Of a report: its cells, and what each of their stages reports."""


@dataclass(frozen=True)
class Side:
    """name: as it was asked for. source: what it is, in words."""

    name: str
    source: str
    results: Results


def side(root: Path, grid: str | None, name: str, project: Path = PROJECT) -> Side:
    """What a name stands for: a grid of `root`, a path, or a commit of the project, in this order.

    grid: which one is meant of a store's or a commit's. Raises BadInput where there is nothing of that name.
    """
    store, path = RunStore(root), Path(name)
    if name in store.grids():
        return _of_grid(name, store, name)
    if (path / "grids").is_dir():
        other = RunStore(path)
        return _of_grid(name, other, _only(other, grid))
    if (path / CELLS).is_file():
        return Side(
            name,
            f"the data of the report in {path}",
            _of_report(lambda file: (path / file).read_text(encoding="utf-8"), name),
        )
    if path.exists():
        return Side(name, f"results in {path}", files.read(path)[0])
    commit = _commit(name, project)
    if commit is None:
        grids = ", ".join(store.grids()) or "none"
        raise BadInput(
            f"--compare {name!r} is no grid of {store.root} ({grids}), no file or folder, and no commit here"
        )
    if grid is None:
        raise BadInput(f"--compare {name}: a commit has results of many grids; name one with --grid")
    return _of_commit(name, commit, store, grid, project)


def _of_grid(name: str, store: RunStore, grid: str) -> Side:
    data = load(store.root, grid)
    origin = f", imported from {data.plan.origin}" if data.plan.origin else ""
    return Side(name, f"grid {grid} in {store.root}{origin}", of_grid(data))


def _only(store: RunStore, grid: str | None) -> str:
    grids = store.grids()
    if grid is None and len(grids) != 1:
        listed = ", ".join(grids) or "none"
        raise BadInput(f"--compare {store.root}: which of its grids is not said ({listed}); name one with --grid")
    return grids[0] if grid is None else grid


def _commit(name: str, project: Path) -> str | None:
    """The whole hash of a revision, or None where it is none."""
    found = _git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.strip() if found else None


def _git(project: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=project, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace")


def _of_commit(name: str, commit: str, store: RunStore, grid: str, project: Path) -> Side:
    """The cells of the store's grid that this commit computed; without any, the report that it has of the grid."""
    if grid in store.grids():
        results = of_grid(load(store.root, grid))
        own = results.scores["commit"] == commit
        if (own & (results.scores["status"] == "done")).any():
            kept = replace(results, scores=_without(results, ~own))
            return Side(name, f"grid {grid} in {store.root}, what commit {commit[:12]} computed of it", kept)
    folder = COMMITTED.format(grid=grid)
    shown = _git(project, "show", f"{commit}:{folder}/{CELLS}")
    if shown is None:
        raise BadInput(
            f"--compare {name}: commit {commit[:12]} computed nothing of {grid} in {store.root}, and has no {folder}"
        )
    results = _of_report(lambda file: _git(project, "show", f"{commit}:{folder}/{file}") or "", f"{name}:{folder}")
    return Side(name, f"{folder} as of commit {commit[:12]}", results)


def _without(results: Results, others: pd.Series[bool]) -> pd.DataFrame:
    """The scores, in which these cells are missing."""
    scores = results.scores.copy()
    done = others & (scores["status"] == "done")
    scores.loc[done, "status"] = "missing"
    scores.loc[done, "reason"] = "computed by another commit"
    scores.loc[others, results.metrics] = float("nan")
    return scores


def _of_report(read: Callable[[str], str], name: str) -> Results:
    """The scores in the data of a report, which has further columns. read: the text of a file of it."""
    cells = files.csv_table(read(CELLS), Source(f"{name}/{CELLS}", "line", 2))
    told = files.csv_table(read(METRICS), Source(f"{name}/{METRICS}", "line", 2))
    metrics = dict.fromkeys(told["metric"][told["key"].isin(cells["key"])])
    raw = cells.rename(columns={"key": "run"})
    kept = raw[[column for column in raw.columns if column in KNOWN or column in metrics]]
    return Results(checking.scores(kept, Source(f"{name}/{CELLS}", "line", 2)), files.no_curves())
