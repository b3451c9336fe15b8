"""The tidy frame: every planned cell has a row, whatever became of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import BadInput
from benchmark.store import UNBEGUN
from reports.frame import GridData, load
from reports.rows import CELL_COLUMNS
from tests.synthetic import GAMES, make_plan, noisy_level, write_runs

CELL = ["environment", "method", "seed"]


def status(data: GridData, name: str) -> tuple[str, str | None]:
    environment, method, seed = name.split("/")
    row = data.group(environment, method).set_index("seed").loc[int(seed)]
    return row["status"], row["reason"]


def policy(data: GridData, name: str) -> str:
    return next(cell.stages["policy"] for cell in data.plan.cells if cell.name == name)


@pytest.fixture(scope="module")
def partial(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    """A grid with a failed policy, failed demonstrations, a cell that was not computed and an unbuilt environment."""
    root = tmp_path_factory.mktemp("partial")
    environments = {"messenger-s1": "Messenger S1", "rtfm-s1": "RTFM S1", "nethack": "NetHack"}
    plan = make_plan(environments, unavailable={"nethack": "not built yet"})
    failed = {"rtfm-s1/ldd_rep/1": "ValueError: loss is nan", "demonstrations:messenger-s1/0": "EnvError: no board"}
    write_runs(root, plan, skip=frozenset({"rtfm-s1/ldd/2"}), failed=failed)
    return load(root, "synthetic")


def test_no_planned_cell_is_ever_dropped(partial: GridData) -> None:
    assert len(partial.cells) == len(partial.plan.cells) == 27
    assert not partial.cells.duplicated(CELL).any()


def test_a_finished_cell_has_its_metrics_times_and_runs(partial: GridData) -> None:
    row = partial.group("rtfm-s1", "ldd").iloc[0]
    assert row["status"] == "done"
    assert row["win_rate"] == pytest.approx(noisy_level("rtfm-s1", "ldd", 0), abs=1 / GAMES)
    assert row["episodes"] == GAMES
    assert row["seconds"] == pytest.approx(
        row["seconds_demonstrations"] + row["seconds_pretrain"] + row["seconds_policy"] + row["seconds_evaluate"]
    )
    assert row["key"] in row["keys"]
    assert len(row["keys"]) == 4
    assert (row["provenance"], row["commit"][:6], row["dirty"]) == ("released", "012345", False)
    assert (row["initialise"], row["distill"]) == (True, 1.0)


def test_whoever_does_not_finish_says_why_and_has_no_score(partial: GridData) -> None:
    assert status(partial, "rtfm-s1/ldd_rep/1") == ("failed", "policy: ValueError: loss is nan")
    assert status(partial, "messenger-s1/ldd/0") == ("blocked", "demonstrations: EnvError: no board")
    assert status(partial, "rtfm-s1/ldd/2") == ("missing", "2 of 4 stages done")
    assert status(partial, "nethack/ldd/0") == ("unavailable", "not built yet")
    unfinished = partial.cells[partial.cells["status"] != "done"]
    assert unfinished["win_rate"].isna().all()


def test_the_log_of_a_failure_exists(partial: GridData) -> None:
    log = partial.group("rtfm-s1", "ldd_rep").set_index("seed").loc[1, "log"]
    assert (partial.root / str(log)).read_text().startswith("log of policy")


def test_a_cell_in_progress_says_how_far_it_is(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"}, seeds=(0,))
    store = write_runs(tmp_path, plan, skip=frozenset({"rtfm-s1/tabula_rasa/0"}))
    key = plan.cells[0].stages["policy"]
    store.write_status(key, {**UNBEGUN, "state": "stopped", "done": 60, "total": 100, "rate": 1.0, "attempt": 1})
    assert status(load(tmp_path, "synthetic"), "rtfm-s1/tabula_rasa/0") == (
        "missing",
        "0 of 2 stages done, policy stopped at 60%",
    )


def test_a_grid_that_has_not_begun_has_rows_without_scores(tmp_path: Path) -> None:
    write_runs(tmp_path, make_plan(), skip=frozenset(cell.name for cell in make_plan().cells), points=0)
    data = load(tmp_path, "synthetic")
    assert set(data.cells["status"]) == {"missing"}
    assert set(CELL_COLUMNS) <= set(data.cells.columns)
    assert data.curves.keys() == ()
    assert data.done("rtfm-s1").empty


def test_a_failed_policy_has_the_curve_it_got_to_and_is_not_finished(partial: GridData) -> None:
    broken = policy(partial, "rtfm-s1/ldd_rep/1")
    assert set(partial.curves.metrics(broken)) == {"train/win_rate", "test/win_rate"}
    assert partial.curves.points(broken, "train/win_rate")[0][-1] == 90_000
    assert broken not in partial.finished
    assert policy(partial, "rtfm-s1/ldd_rep/2") in partial.finished


def test_shared_stages_appear_once_and_say_how_many_cells_they_serve(partial: GridData) -> None:
    demonstrations = partial.stages[partial.stages["kind"] == "demonstrations"]
    assert len(demonstrations) == 6  # two built environments × three seeds
    assert set(demonstrations["cells"]) == {2}  # LDD and LDD-rep


def test_raw_games_give_back_the_win_rate(partial: GridData) -> None:
    row = partial.done("rtfm-s1", "tabula_rasa").iloc[0]
    won = partial.won(row["episodes_file"])
    assert won is not None
    assert won.dtype == np.bool_
    assert won.mean() == pytest.approx(row["win_rate"])
    assert partial.won(None) is None


@pytest.mark.parametrize("damage", [b"garbage", b"", b"PK\x03\x04 and no more"])
def test_games_that_cannot_be_read_are_named(partial: GridData, tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "episodes.npz").write_bytes(damage)
    elsewhere = replace(partial, root=tmp_path)
    with pytest.raises(BadInput, match=r"run/episodes\.npz cannot be read; move .*/run away and run its grid again$"):
        elsewhere.won("run/episodes.npz")


def test_learning_curves_are_those_of_the_evaluated_stage(partial: GridData) -> None:
    assert partial.curve_keys == {cell.stages["policy"] for cell in partial.plan.cells if cell.stages}
    assert partial.pipeline == ["demonstrations", "pretrain", "policy", "evaluate"]


def test_an_unknown_grid_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'nowhere' has not been run"):
        load(tmp_path, "nowhere")
