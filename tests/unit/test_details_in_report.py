"""What an evaluation measures besides what all do stands beside the results of that environment, and only there."""

from __future__ import annotations

import json
from pathlib import Path

from reports.frame import load
from reports.pages import results, seeds
from tests.synthetic import make_plan, write_runs

BOTH = {"rtfm-s1": "RTFM S1", "nethack-score": "NetHack"}


def test_score_and_depth_of_nethack_stand_beside_its_results(tmp_path: Path) -> None:
    plan = make_plan(BOTH, headlines={"nethack-score": "episode_return"}, seeds=(0, 1))
    write_runs(tmp_path, plan, points=3)
    for cell in plan.cells:
        if cell.environment == "nethack-score":
            path = tmp_path / cell.stages["evaluate"] / "result.json"
            result = json.loads(path.read_text())
            result["metrics"] |= {"score": 100.0 + cell.seed, "depth": 2.0, "details": "score, depth"}
            path.write_text(json.dumps(result))
    data = load(tmp_path, "synthetic")
    (table,) = [one for one in results.page(data).tables() if one.id != "main"]
    assert table.caption == "What else the evaluation measured, NetHack"
    assert [column.label for column in table.columns] == ["Method", "Finished", "Score", "Depth"]
    assert [cell.plain for cell in table.rows[0]] == [
        "Tabula rasa released", "2 seeds", "100.5 [94.1, 106.9]", "2.000 all seeds are equal"
    ]  # fmt: skip
    (other,) = seeds.other_metrics(data)
    assert [column.label for column in other.columns][3:] == ["Win rate", "Episode return", "Episode length"]
