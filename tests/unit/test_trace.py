"""From a number back to seeds, stages, settings, commits, logs and MLflow runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchmark.cli.trace import Trace, listed, trace
from benchmark.errors import BadInput
from benchmark.spec import Plan
from benchmark.store import RunStore
from benchmark.tracking.mlflow_database import LinkedRuns
from tests.toy import Toy
from tests.unit.test_status import RESULT


def scored(toy: Toy, *scores: float, words: tuple[str, ...] = ()) -> tuple[Plan, RunStore]:
    """A grid of one method of which the first seeds are done, with these scores."""
    changes = ("envs=[north]", "methods=[taught]", "seeds=3", *words)
    plan, store = toy.plan("toy", *changes), RunStore(toy.root)
    for cell, score in zip(plan.cells, scores, strict=False):
        for key in cell.stages.values():
            store.register(plan.stages[key])
            store.publish_result(key, {"key": key, **RESULT, "metrics": {"score": score}})
    return plan, store


def one(plan: Plan, store: RunStore, word: str, database: Path | None = None) -> Trace:
    (found,) = trace(plan, store, word, database)
    return found


def test_a_mean_leads_to_every_seed_its_stages_and_commit(toy: Toy) -> None:
    plan, store = scored(toy, 0.5, 0.75)
    found = one(plan, store, "north/taught")
    facts = found.to_json()
    assert (facts["name"], facts["value"], facts["done"], facts["planned"]) == ("north/taught", 0.625, 2, 3)
    assert [cell["state"] for cell in facts["cells"].values()] == ["done", "done", "missing"]
    exam = plan.cells[0].stages["exam"]
    assert facts["stages"][exam]["folder"] == str(store.folder(exam))
    assert facts["stages"][exam]["commit"] == RESULT["commit"]
    text = found.text()
    assert text.splitlines()[0] == "north/taught: score 0.625, mean of 2 of 3 seeds (grid toy; released)"
    row = next(line for line in text.splitlines() if exam in line)
    assert row.split()[:2] == ["exam", "0"]
    assert row.split()[3:] == ["2026-11-20", "10:11", "2", "s", "cpu"]
    assert f"  computed by commit {RESULT['commit']}" in text.splitlines()


def test_settings_that_differ_from_the_defaults_are_shown(toy: Toy) -> None:
    plan, store = scored(toy, 0.5, words=("study.lr=0.3", "tuned=small"))
    found = one(plan, store, "north/taught/0")
    lines = [line.split() for line in found.text().splitlines()]
    assert ["study.lr", "0.1", "→", "0.3"] in lines
    assert ["method.distill=0.25", "(small)"] in lines
    assert found.to_json()["settings"]["changed"] == {"study.lr": [0.1, 0.3]}


def test_a_number_is_found_where_it_is_printed(toy: Toy) -> None:
    plan, store = scored(toy, 0.5, 0.7512)
    assert [found.name for found in trace(plan, store, "0.751", None)] == ["north/taught/1"]
    assert [found.name for found in trace(plan, store, "0.626", None)] == ["north/taught"]
    both = trace(plan, store, ".6", None)
    assert [found.name for found in both] == ["north/taught"]
    with pytest.raises(BadInput, match=r"is printed as 0\.9: the nearest is north/taught/1 with 0\.8"):
        trace(plan, store, "0.9", None)


def test_a_number_that_several_entries_print_lists_them(toy: Toy) -> None:
    plan, store = scored(toy, 0.5, 0.5)
    assert listed(trace(plan, store, "0.500", None), "0.500").splitlines() == [
        "0.500 is score of",
        "  north/taught, mean of 2 of 3 seeds",
        "  north/taught/0",
        "  north/taught/1",
        "name one of them to see what its result rests on",
    ]


def test_nothing_done_is_said(toy: Toy) -> None:
    plan, store = scored(toy)
    with pytest.raises(BadInput, match=r"no result of grid 'toy' is printed as 0\.5: nothing is done yet"):
        trace(plan, store, "0.5", None)
    assert "no number yet" in one(plan, store, "north/taught").text()


def test_mlflow_runs_are_read_from_a_local_store(toy: Toy, tmp_path: Path) -> None:
    plan, store = scored(toy, 0.5)
    exam, cell = plan.cells[0].stages["exam"], plan.cells[0].name
    database = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            f"""
            CREATE TABLE experiments (experiment_id INTEGER, name TEXT);
            CREATE TABLE runs (run_uuid TEXT, experiment_id INTEGER, lifecycle_stage TEXT);
            CREATE TABLE tags (run_uuid TEXT, key TEXT, value TEXT);
            INSERT INTO experiments VALUES (1, 'toy'), (2, 'other');
            INSERT INTO runs VALUES ('s', 2, 'active'), ('c', 1, 'active'), ('x', 2, 'active'), ('d', 1, 'deleted');
            INSERT INTO tags VALUES ('s', 'kind', 'stage'), ('s', 'stage_key', '{exam}'),
                ('c', 'kind', 'cell'), ('c', 'stage_key', '{exam}'), ('c', 'cell', '{cell}'),
                ('x', 'kind', 'cell'), ('x', 'stage_key', '{exam}'), ('x', 'cell', '{cell}'),
                ('d', 'kind', 'stage'), ('d', 'stage_key', '{exam}');
            """
        )
    facts = one(plan, store, cell, database).to_json()
    assert facts["stages"][exam]["mlflow_runs"] == ["s"]
    assert facts["cells"][cell]["mlflow_runs"] == ["c"]
    (tmp_path / "other.db").write_text("no database")
    assert LinkedRuns(tmp_path / "other.db", "toy").of_stage(exam) == []
