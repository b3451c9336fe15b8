"""MLflow shows what the folders hold, once: no run or point is doubled by a kill, a second run or a second grid."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmark.spec import Plan
from benchmark.store import RunStore
from benchmark.tracking.background_mirror import BackgroundMirror
from benchmark.tracking.experiment import tracking_uri, ui_command
from benchmark.tracking.mirror import Mirror
from tests.toy import Toy, until


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated MLflow database without runs: making one takes seconds, copying it none."""
    store = RunStore(tmp_path_factory.mktemp("mlflow"))
    Mirror(Plan("none", "", (), {}, "", ""), store, tracking_uri(store, None)).sync()
    with closing(sqlite3.connect(store.mlflow_database())) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the tables lie in the log beside the file until then
    return store.mlflow_database()


@pytest.fixture
def tracked(toy: Toy, empty_database: Path) -> Toy:
    toy.root.mkdir()
    shutil.copy(empty_database, RunStore(toy.root).mlflow_database())
    return toy


def mirror(toy: Toy, grid: str, *words: str) -> Mirror:
    store = RunStore(toy.root)
    return Mirror(toy.plan(grid, *words), store, tracking_uri(store, None), check=True)


def rows(toy: Toy, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(RunStore(toy.root).mlflow_database())) as database:
        return database.execute(query).fetchall()


def tags(toy: Toy, name: str) -> dict[str, str]:
    """Tags of the run with this name."""
    found = rows(toy, f"select t.key, t.value from tags t join runs r using (run_uuid) where r.name = '{name}'")
    return dict(found)


def points(toy: Toy) -> int:
    """How many points the curves of stage runs have."""
    query = "select count(*) from metrics m join runs using (run_uuid) where m.key = 'train/score' and name like '% %'"
    return int(rows(toy, query)[0][0])


def content(toy: Toy) -> dict[str, Any]:
    """Everything that must not change when the same state is mirrored again."""
    return {
        "runs": rows(toy, "select run_uuid, name, status, lifecycle_stage from runs order by 1"),
        "metrics": rows(toy, "select run_uuid, key, step, value, timestamp from metrics order by 1, 2, 3"),
        "params": rows(toy, "select run_uuid, key, value from params order by 1, 2"),
        "tags": rows(toy, "select run_uuid, key, value from tags order by 1, 2"),
    }


def test_a_cell_shows_the_curve_of_its_environments_own_metric(tracked: Toy) -> None:
    file = tracked.configs / "env" / "far_south.yaml"
    text = file.read_text(encoding="utf-8")
    tracked.write("env/far_south", text.replace("size: 5", "size: 5, headline: points"))
    words = ("seeds=1", "methods=[plain]", "executor=inline")
    tracked.drive("toy", *words)
    mirror(tracked, "toy", *words).sync()
    shown = rows(tracked, "select r.name from runs r join metrics m using (run_uuid) where m.key = 'train/score'")
    cells = {name for (name,) in shown if "/" in name}
    assert cells == {"north/plain/0"}, "the other is scored by its points, of which its curve has none"


def test_a_grid_is_an_experiment_a_cell_is_a_run_and_stages_are_nested(tracked: Toy) -> None:
    tracked.drive("toy", "seeds=1", "envs=[north]", "executor=inline")
    plan = tracked.plan("toy", "seeds=1", "envs=[north]")
    mirror(tracked, "toy", "seeds=1", "envs=[north]").sync()
    location = rows(tracked, "select artifact_location from experiments where name = 'toy'")
    assert location == [((tracked.root / "mlflow-artifacts" / "toy").as_uri(),)]
    kinds = Counter(kind for (kind,) in rows(tracked, "select value from tags where key = 'kind'"))
    assert kinds == {"cell": 3, "stage": len(plan.stages)}
    assert rows(tracked, "select distinct status from runs") == [("FINISHED",)]

    cell = tags(tracked, "north/taught/0")
    wanted = {"environment": "north", "method": "taught", "seed": "0", "grid": "toy", "cell": "north/taught/0"}
    assert wanted.items() <= cell.items()
    result = RunStore(tracked.root).result(plan.cells[1].stages["exam"])
    assert result is not None
    assert (cell["commit"], cell["stage_key"]) == (str(result["commit"]), plan.cells[1].stages["exam"])
    study = tags(tracked, f"study {plan.cells[1].stages['study']}")
    assert (study["method"], study["cell"]) == ("taught, taught_less", "north/taught/0, north/taught_less/0")
    for name, key in plan.cells[1].stages.items():
        stage = tags(tracked, f"{plan.stages[key].kind} {key}")
        assert stage["stage_key"] == cell[f"stage.{name}"] == key
    practise = tags(tracked, f"practise {plan.cells[1].stages['practise']}")
    parent = rows(tracked, "select run_uuid from runs where name = 'north/taught/0'")[0][0]
    assert practise["mlflow.parentRunId"] == parent


def test_variants_of_a_search_have_runs_under_their_own_names(tracked: Toy) -> None:
    words = ("executor=inline", "search={taught:{method.distill:[1.0,1e-5],learner.lr:[0.5]}}")
    tracked.drive("search", *words)
    mirror(tracked, "search", *words).sync()
    cell = tags(tracked, "north/taught@distill=1e-05,lr=0.5/0")
    assert (cell["method"], cell["kind"]) == ("taught@distill=1e-05,lr=0.5", "cell")
    study = next(key for key, stage in tracked.plan("search", *words).stages.items() if stage.kind == "study")
    sharing = "taught@distill=1.0,lr=0.5, taught@distill=1e-05,lr=0.5"
    assert tags(tracked, f"study {study}")["method"] == sharing
    before = content(tracked)
    mirror(tracked, "search", *words).sync()
    assert content(tracked) == before, "found again by their names"


def test_a_diagnostic_that_is_added_later_is_linked_from_the_cell_s_run(tracked: Toy) -> None:
    for words in (("executor=inline", "diagnostics=[]"), ("executor=inline",)):
        tracked.arm("inspect", "raise", times=9)
        tracked.drive("inspected", *words)
        mirror(tracked, "inspected", *words).sync()
    key = tracked.plan("inspected").cells[1].stages["inspect"]
    assert tags(tracked, "north/taught/0")["stage.inspect"] == tags(tracked, f"inspect {key}")["stage_key"] == key
    assert rows(tracked, "select status from runs where name = 'north/taught/0'") == [("FINISHED",)]
    assert rows(tracked, f"select status from runs where name = 'inspect {key}'") == [("FAILED",)]


def test_curves_lie_against_frames_and_results_at_their_end(tracked: Toy) -> None:
    tracked.drive("one", "executor=inline")
    mirror(tracked, "one").sync()
    of_run = "select step, value from metrics m join runs using (run_uuid) where m.key = 'train/score'"
    curve = rows(tracked, f"{of_run} and name like 'practise %' order by step")
    store = RunStore(tracked.root)
    stored = next(rows for rows in map(store.curve, tracked.plan("one").stages) if rows)
    assert curve == [(row["frames"], row["train/score"]) for row in stored]
    assert rows(tracked, f"{of_run} and name = 'north/plain/0' order by step") == curve, "the cell shows it too"
    ends = rows(
        tracked,
        "select distinct step from metrics m join runs using (run_uuid) where name = 'north/plain/0' and key = 'score'",
    )
    assert ends == [(1000,)]


def test_mirroring_again_adds_nothing(tracked: Toy) -> None:
    tracked.drive("three", "executor=inline")
    mirror(tracked, "three").sync()
    before = content(tracked)
    same = mirror(tracked, "three")
    same.sync()
    same.sync()
    assert content(tracked) == before


def test_a_lost_cursor_doubles_no_point(tracked: Toy) -> None:
    """Killed between writing points and noting so: the same points are written again, and MLflow knows them."""
    tracked.drive("one", "executor=inline")
    mirror(tracked, "one").sync()
    before = content(tracked)["metrics"]
    with closing(sqlite3.connect(RunStore(tracked.root).mlflow_database())) as database:
        database.execute("update tags set value = '0' where key = 'rows'")
        database.commit()
    mirror(tracked, "one").sync()
    assert content(tracked)["metrics"] == before


def test_failures_and_their_repair_are_shown(tracked: Toy) -> None:
    tracked.arm("practise", "raise", at=5, times=9)
    tracked.drive("one", "executor=inline", "executor.checkpoint_s=0")
    mirror(tracked, "one").sync()
    assert rows(tracked, "select status from runs where name = 'north/plain/0'") == [("FAILED",)]
    assert tags(tracked, "north/plain/0")["reason"] == "practise: RuntimeError: the toy was told to fail"
    assert points(tracked) == 5
    tracked.disarm()
    tracked.drive("one", "executor=inline", mode="retry")
    mirror(tracked, "one").sync()
    assert rows(tracked, "select distinct status from runs") == [("FINISHED",)]
    assert points(tracked) == 10


def test_a_killed_and_continued_stage_is_shown_once(tracked: Toy) -> None:
    tracked.arm("practise", "hold", at=6)
    running = tracked.start_driver("one", "executor.checkpoint_s=0")
    key = tracked.plan("one").cells[0].stages["practise"]
    store = RunStore(tracked.root)
    until(lambda: tracked.work().total() == 7)
    mirror(tracked, "one").sync()
    assert rows(tracked, f"select status from runs where name = 'practise {key}'") == [("RUNNING",)]
    running.kill()
    running.communicate()
    until(lambda: store.status(key)["state"] == "stopped")
    until(lambda: store.held(key) is None)
    mirror(tracked, "one").sync()
    assert rows(tracked, "select distinct status from runs") == [("KILLED",)]
    tracked.drive("one", "executor=inline")
    mirror(tracked, "one").sync()
    assert rows(tracked, "select distinct status from runs") == [("FINISHED",)]
    assert points(tracked) == 10
    kinds = Counter(kind for (kind,) in rows(tracked, "select value from tags where key = 'kind'"))
    assert kinds == {"cell": 1, "stage": 2}


def test_two_commands_mirror_at_once_without_doubles(tracked: Toy) -> None:
    tracked.drive("three", "executor=inline")
    mirror(tracked, "three", "name=other").sync()  # so that both find a database in use
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: one.sync(), [mirror(tracked, "three"), mirror(tracked, "three")]))
    kinds = Counter(kind for (kind,) in rows(tracked, "select value from tags where key = 'kind'"))
    assert kinds == {"cell": 2, "stage": 4}
    assert points(tracked) == 10


def test_a_forced_repeat_replaces_the_stage_runs(tracked: Toy) -> None:
    tracked.drive("one", "executor=inline")
    mirror(tracked, "one").sync()
    tracked.drive("one", "executor=inline", mode="force")
    mirror(tracked, "one").sync()
    active = "select count(*) from runs where lifecycle_stage = 'active' and name like 'practise %'"
    assert rows(tracked, active) == [(1,)]
    assert rows(tracked, active.replace("'active'", "'deleted'")) == [(1,)]


def test_other_people_s_runs_of_the_same_stage_are_left_alone(tracked: Toy) -> None:
    """On a shared server the same stage may have been computed by somebody else, at another time, elsewhere."""
    tracked.drive("one", "executor=inline")
    mirror(tracked, "one").sync()
    with closing(sqlite3.connect(RunStore(tracked.root).mlflow_database())) as database:
        database.execute("update tags set value = 'elsewhere:/runs' where key = 'store'")
        database.execute("update tags set value = '1234' where key = 'created'")
        database.commit()
    mirror(tracked, "one").sync()
    assert rows(tracked, "select lifecycle_stage, count(*) from runs group by 1") == [("active", 6)]


def test_a_second_grid_adds_cells_and_reuses_stage_runs(tracked: Toy) -> None:
    tracked.drive("one", "executor=inline")
    mirror(tracked, "one").sync()
    mirror(tracked, "one", "name=other").sync()
    kinds = Counter(kind for (kind,) in rows(tracked, "select value from tags where key = 'kind'"))
    assert kinds == {"cell": 2, "stage": 2}


def test_the_report_is_an_artifact_of_the_grid(tracked: Toy, tmp_path: Path) -> None:
    tracked.drive("one", "executor=inline")
    page = tmp_path / "report.html"
    page.write_text("<p>", encoding="utf-8")
    one = mirror(tracked, "one")
    one.sync([page])
    one.sync([page])
    assert len(list((tracked.root / "mlflow-artifacts").rglob("report/report.html"))) == 1


def test_trouble_with_mlflow_is_one_warning_and_no_failure(toy: Toy) -> None:
    toy.root.mkdir()
    store = RunStore(toy.root)
    store.mlflow_database().write_text("this is no database", encoding="utf-8")
    warnings: list[str] = []
    background = BackgroundMirror(mirror(toy, "one"), warnings.append)
    assert background.sync() is False
    assert background.sync() is False
    assert len(warnings) == 1
    assert warnings[0].startswith(f"MLflow at sqlite:///{store.mlflow_database()} was not written (")


def test_the_address_is_the_one_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RunStore(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(store, None) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert tracking_uri(store, None) == "http://server:5000"
    assert tracking_uri(store, "sqlite:///x.db") == "sqlite:///x.db"
    assert ui_command("sqlite:///x.db").endswith("mlflow ui --backend-store-uri sqlite:///x.db")
