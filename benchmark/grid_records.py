"""What belongs to a grid and not to one stage: its plan, its report, and what was foretold of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import BadInput
from benchmark.files import Damaged, read_json, write_json
from benchmark.places import Places
from benchmark.recipes import packed
from benchmark.records import read_plan
from benchmark.spec import Plan


class GridRecords(Places):
    """The files of `<root>/grids/<name>/`."""

    def write_plan(self, plan: Plan) -> None:
        write_json(self.grid_folder(plan.grid) / "plan.json", packed(plan), indent=None)

    def plan(self, grid: str) -> Plan:
        """The plan of the last run of a grid. Raises BadInput where there was none, Damaged where it is not whole."""
        plan = read_plan(self.grid_folder(grid) / "plan.json")
        if plan is None:
            raise BadInput(f"grid {grid!r} has not been run in {self.root} (runs: {', '.join(self.grids()) or 'none'})")
        return plan

    def grids(self) -> list[str]:
        folder = self.root / "grids"
        return sorted(path.parent.name for path in folder.glob("*/plan.json"))

    def note_finished(self, grid: str, state: str, report: Sequence[Path]) -> None:
        """Remember that the grid's report and mirror show this state."""
        names = [str(path.relative_to(self.root)) for path in report]
        write_json(self.grid_folder(grid) / "finished.json", {"state": state, "report": names})

    def finished(self, grid: str, state: str) -> list[Path]:
        """The report's files if they show this state, else none."""
        noted = self._noted(grid)
        report = [self.root / name for name in noted["report"]]
        return report if noted["state"] == state and all(path.exists() for path in report) else []

    def report_files(self, grid: str) -> list[Path]:
        """Files and folders of the grid's last report, whatever state it shows."""
        report = [*(self.root / name for name in self._noted(grid)["report"]), self.grid_folder(grid) / "figures"]
        return [path for path in report if path.exists()]

    def _noted(self, grid: str) -> dict[str, Any]:
        try:
            noted = read_json(self.grid_folder(grid) / "finished.json", {"state": "", "report": []})
        except Damaged:
            noted = None
        return noted or {"state": "", "report": []}

    def forecast(self, grid: str) -> dict[str, dict[str, Any]]:
        """Key -> {"seconds", "basis"}, for the stages of a grid of which it was foretold before they began.

        A damaged file foretells nothing: no run and no report waits for it to be repaired.
        """
        try:
            data = read_json(self.grid_folder(grid) / "forecast.json", {"stages": {}})
        except Damaged:
            data = None
        return dict(data["stages"]) if data else {}

    def write_forecast(self, grid: str, stages: dict[str, dict[str, Any]]) -> None:
        write_json(self.grid_folder(grid) / "forecast.json", {"stages": stages})
