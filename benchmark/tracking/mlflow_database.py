"""Which runs of a local MLflow store show which stages and cells; read from its tables, since MLflow loads slowly."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_RUNS = """
SELECT kind.value, stage.value, cell.value, runs.run_uuid
FROM runs
JOIN experiments ON experiments.experiment_id = runs.experiment_id
JOIN tags AS kind ON kind.run_uuid = runs.run_uuid AND kind.key = 'kind'
JOIN tags AS stage ON stage.run_uuid = runs.run_uuid AND stage.key = 'stage_key'
LEFT JOIN tags AS cell ON cell.run_uuid = runs.run_uuid AND cell.key = 'cell'
WHERE runs.lifecycle_stage = 'active' AND (kind.value = 'stage' OR experiments.name = ?)
"""


class LinkedRuns:
    """The ids of MLflow runs. Empty where there is no store, or none of this kind."""

    def __init__(self, database: Path | None, grid: str) -> None:
        self._stages: dict[str, list[str]] = {}
        self._cells: dict[tuple[str, str], list[str]] = {}
        if database is None or not database.exists():
            return
        try:
            with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
                rows = connection.execute(_RUNS, (grid,)).fetchall()
        except sqlite3.Error:
            return
        for kind, key, cell, run in rows:
            if kind == "stage":
                self._stages.setdefault(key, []).append(run)
            elif kind == "cell":
                self._cells.setdefault((cell, key), []).append(run)

    def of_stage(self, key: str) -> list[str]:
        return self._stages.get(key, [])

    def of_cell(self, name: str, result: str) -> list[str]:
        """Runs of the grid that show a cell with this result; result: key of the stage."""
        return self._cells.get((name, result), [])
