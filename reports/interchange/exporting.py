"""A grid of a store written for other people and programs."""

from __future__ import annotations

from pathlib import Path

from reports.frame import load
from reports.interchange import files, marl_eval
from reports.interchange.results import of_grid


def export(root: Path, grid: str, place: Path, format: str | None = None) -> list[str]:
    """Write a grid's results; returns the files that were written, and in words what they do not have.

    format: csv, parquet or marl-eval; without one, marl-eval for a .json file and csv else. Raises BadInput.
    """
    results = of_grid(load(root, grid))
    chosen: files.Format = "csv"
    if format == "marl-eval" or (format is None and place.suffix == ".json"):
        chosen = "marl-eval"
    elif format == "parquet":
        chosen = "parquet"
    written = [str(path) for path in files.write(results, place, chosen)]
    return [*written, *(marl_eval.left_out(results) if chosen == "marl-eval" else [])]
