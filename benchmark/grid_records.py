"""What belongs to a grid and not to one stage: its plan, its report, and what was foretold of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmark.errors import BadInput
from benchmark.files import Damaged, read_json, set_aside, write_json
from benchmark.places import Places
from benchmark.recipes import packed
from benchmark.records import read_plan
from benchmark.spec import Plan


class GridRecords(Places):
    """The files of `<root>/grids/<name>/`."""

    def write_plan(self, plan: Plan) -> None:
        """Write the plan, and register its claims where they, its seeds or its settings are not the last registered."""
        self._register(plan)
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

    def _register(self, plan: Plan) -> None:
        before, claims = self.registrations(plan.grid), plan.settings.get("claims")
        now = {
            **{name: claims[name] if claims else None for name in ("name", "sha256", "content")},
            "seeds": sorted({cell.seed for cell in plan.cells}),
            "settings": _settings(plan),
        }
        last = before[-1] if before else {**now, "sha256": None}
        if all(last.get(name) == now[name] for name in ("sha256", "seeds", "settings")):
            return
        seen = [entry["results"] for entry in before]
        now["results"] = max([self._results(plan), *seen])
        now["at"] = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(self._registrations_file(plan.grid), {"registrations": [*before, now]})

    def _results(self, plan: Plan) -> int:
        """How many results there are of a plan and of the one that it replaces, whose settings may have been others."""
        try:
            replaced = read_plan(self.grid_folder(plan.grid) / "plan.json")
        except Damaged:
            replaced = None
        plans = [plan] if replaced is None else [plan, replaced]
        keys = {cell.stages[one.result] for one in plans for cell in one.cells if cell.stages}
        return sum(self.artefact(key, "result.json").exists() for key in keys)

    def registrations(self, grid: str) -> list[dict[str, Any]]:
        """What the claims of a grid were, first to last: name, sha256, content (None: no claims); seeds and settings:
        of the plan; results: how many of its cells, or of a plan before it, had a result then; at: UTC.

        A damaged file is set aside.
        """
        path = self._registrations_file(grid)
        try:
            data = read_json(path, {"registrations": []})
        except Damaged:
            set_aside(path)
            data = None
        return list(data["registrations"]) if data else []

    def _registrations_file(self, grid: str) -> Path:
        return self.grid_folder(grid) / "registrations.json"

    def claim_record(self, grid: str) -> dict[str, dict[str, Any]]:
        """Claim -> {status, sha256: of the claims file, at}, as `check` has recorded them; empty before the first.

        Raises Damaged.
        """
        data = read_json(self._claims_file(grid), {"claims": {}})
        return dict(data["claims"]) if data else {}

    def write_claim_record(self, grid: str, claims: dict[str, dict[str, Any]]) -> None:
        write_json(self._claims_file(grid), {"claims": claims})

    def _claims_file(self, grid: str) -> Path:
        return self.grid_folder(grid) / "claims.json"

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


def _settings(plan: Plan) -> dict[str, Any]:
    """What a plan changes of the files' settings, for all of its cells; tuned coefficients by their file's digest."""
    given = plan.settings
    names = ("preset", "overrides", "teacher_seeds")
    return {**{name: given.get(name) for name in names}, "tuned": (given.get("tuned") or {}).get("sha256")}
