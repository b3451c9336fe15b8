"""One stage, computed: what it leaves behind when it finishes, fails, is stopped, or is already done."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark import stages
from benchmark.errors import BadInput
from benchmark.job import StageJob, Stopped
from benchmark.lease import Claim
from benchmark.seeding import stream
from benchmark.spec import Resources, Stage
from benchmark.store import RunStore

OFTEN = Resources(checkpoint_s=0.0)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def target(monkeypatch: pytest.MonkeyPatch, function: Callable[[StageJob], Any]) -> str:
    """A dotted name for a function of a test."""
    monkeypatch.setattr(stages, "_target_of_a_test", function, raising=False)
    return "benchmark.stages._target_of_a_test"


def registered(store: RunStore, name: str, **params: Any) -> str:
    stage = Stage("policy", name, {"env": {"id": "rtfm-s1"}, "seed": 3, **params})
    store.register(stage)
    return stage.key


def test_a_finished_stage_leaves_result_curve_provenance_and_log(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(job: StageJob) -> dict[str, float]:
        print("hello from the stage")
        job.log(10, win_rate=0.25, diverged=float("nan"))
        job.progress(10, 10, win_rate=0.25)
        job.checkpoint(lambda: {"x": 1})
        return {"win_rate": 0.25}

    key = registered(store, target(monkeypatch, compute))
    assert stages.run_stage(key, store.root, OFTEN) == "done"
    outcome = store.outcome(key)
    assert (outcome.metrics, outcome.device, outcome.attempts) == ({"win_rate": 0.25}, "cpu", 1)
    assert store.curve(key) == [{"frames": 10, "win_rate": 0.25, "diverged": None}]
    assert "hello from the stage" in store.log_file(key).read_text()
    provenance = store.provenance(key)
    assert provenance is not None
    assert {"commit", "dirty", "packages", "hardware", "command"} <= set(provenance)
    assert store.checkpoints(key).newest() is None, "a finished stage needs no checkpoint"
    assert store.held(key) is None


def test_a_done_stage_is_left_as_it_is(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    key = registered(store, target(monkeypatch, lambda job: calls.append(1) or {}))
    assert [stages.run_stage(key, store.root) for _ in range(2)] == ["done", "done"]
    assert calls == [1]


def test_a_held_stage_is_not_computed_twice(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key = registered(store, target(monkeypatch, lambda job: {}))
    claim = Claim.acquire(store.claims(key))
    assert claim is not None
    assert stages.run_stage(key, store.root) == "held"
    claim.release()
    assert stages.run_stage(key, store.root) == "done"


@pytest.mark.parametrize(
    ("compute", "reason"),
    [
        (lambda job: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda job: None, "TypeError: the target returned NoneType, expected a dict of metrics"),
        (lambda job: {"x": [1]}, "TypeError: the target's metric 'x' is list, expected a number or a string"),
        (lambda job: {"x": float("inf")}, "ValueError: the target's metric 'x' is inf, expected a finite number"),
        (lambda job: exit(3), "SystemExit: 3"),
    ],
)
def test_a_failed_stage_says_why_in_one_line_and_in_its_log(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, compute: Callable[[StageJob], Any], reason: str
) -> None:
    key = registered(store, target(monkeypatch, compute))
    assert stages.run_stage(key, store.root) == "failed"
    assert (store.outcome(key).reason, store.outcome(key).failures) == (reason, 1)
    assert "Traceback" in store.log_file(key).read_text()
    assert stages.run_stage(key, store.root) == "failed"
    assert (store.outcome(key).failures, store.outcome(key).attempts) == (2, 2)


@pytest.mark.parametrize("name", ["benchmark.nowhere.train", "benchmark.stages.no_such_function"])
def test_a_target_that_does_not_exist_is_a_failure_of_its_stage(store: RunStore, name: str) -> None:
    key = registered(store, name)
    assert stages.run_stage(key, store.root) == "failed"
    assert name.rsplit(".", 2)[-2 if "nowhere" in name else -1] in str(store.outcome(key).reason)


def test_parents_come_first(store: RunStore) -> None:
    parent = Stage("teacher", "t", {"seed": 0})
    child = Stage("policy", "p", {"seed": 0}, {"teacher": parent.key})
    store.register(parent)
    store.register(child)
    with pytest.raises(BadInput, match=rf"needs teacher \({parent.key}\) to be done first"):
        stages.run_stage(child.key, store.root)


def test_streams_depend_on_environment_seed_and_purpose_only(store: RunStore) -> None:
    def job(**params: Any) -> StageJob:
        stage = store.stage(registered(store, "t", **params))
        claim = Claim.acquire(store.claims(stage.key))
        assert claim is not None
        return StageJob(store, stage, OFTEN, claim, threading.Event())

    assert job(distill=0.0).stream("weights") == job(distill=1.0).stream("weights") == stream("rtfm-s1", 3, "weights")


def counting(stop_after: list[int]) -> Callable[[StageJob], dict[str, float]]:
    """Counts to six in steps that can be resumed; asks itself to stop after some of them."""

    def compute(job: StageJob) -> dict[str, float]:
        state = job.resume() or {"total": 0}
        while state["total"] < 6:
            state["total"] += 1
            job.log(state["total"], total=state["total"])
            job.progress(state["total"], 6)
            if stop_after and state["total"] == stop_after[0]:
                stop_after.pop(0)
                job._stop.set()
            job.checkpoint(lambda: dict(state))
        return {"total": state["total"]}

    return compute


def test_a_stopped_stage_continues_where_it_was(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    stops = [2, 5]
    key = registered(store, target(monkeypatch, counting(stops)))
    ends = [stages.run_stage(key, store.root, Resources(checkpoint_s=1e9)) for _ in range(3)]
    assert ends == ["stopped", "stopped", "done"]
    assert [row["total"] for row in store.curve(key)] == [1, 2, 3, 4, 5, 6]
    assert store.outcome(key).resumed_from == (2, 5)


def test_a_stage_continued_by_another_commit_says_so(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key = registered(store, target(monkeypatch, counting([1, 2, 4])))
    source = stages.provenance.collect()
    for commit in ("aaa", "bbb", "bbb", "ccc"):
        clean = {**source, "commit": commit, "dirty": commit == "ccc", "diff_sha256": "123"}
        monkeypatch.setattr(stages.provenance, "collect", lambda clean=clean: clean)
        stages.run_stage(key, store.root)
    result = store.result(key)
    assert result is not None
    assert (result["commit"], result["commits"]) == ("ccc+123", ["aaa", "bbb", "ccc+123"])
    log = store.log_file(key).read_text()
    assert log.count("note: the checkpoint was computed by commit") == 2
    assert "note: the checkpoint was computed by commit aaa, it is continued by bbb" in log


def test_rows_after_the_checkpoint_are_cut(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key = registered(store, target(monkeypatch, counting([3])))
    assert stages.run_stage(key, store.root, OFTEN) == "stopped"
    with store.curve_file(key).open("a") as file:
        file.write('{"frames": 4, "total": 4}\n{"frames": 5, "tot')  # written, then killed before a checkpoint
    assert stages.run_stage(key, store.root, OFTEN) == "done"
    assert [row["total"] for row in store.curve(key)] == [1, 2, 3, 4, 5, 6]


def test_a_repeat_without_a_checkpoint_starts_a_new_curve(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    fails = [True, False]

    def compute(job: StageJob) -> dict[str, float]:
        job.log(1, x=1.0)
        if fails.pop(0):
            raise RuntimeError("late")
        return {}

    key = registered(store, target(monkeypatch, compute))
    assert [stages.run_stage(key, store.root) for _ in range(2)] == ["failed", "done"]
    assert len(store.curve(key)) == 1


def test_a_damaged_checkpoint_costs_one_interval_and_is_noted(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key = registered(store, target(monkeypatch, counting([4])))
    stages.run_stage(key, store.root, OFTEN)
    newest = max((store.folder(key) / "checkpoint").iterdir())
    newest.write_bytes(b"torn")
    assert stages.run_stage(key, store.root, OFTEN) == "done"
    assert store.outcome(key).resumed_from == (3,)
    assert "it is damaged; trying the previous" in store.log_file(key).read_text()
    assert [row["total"] for row in store.curve(key)] == [1, 2, 3, 4, 5, 6]


def test_a_curve_that_lost_rows_is_computed_anew(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key = registered(store, target(monkeypatch, counting([4])))
    stages.run_stage(key, store.root, OFTEN)
    store.curve_file(key).write_text("")
    assert stages.run_stage(key, store.root, OFTEN) == "done"
    assert [row["total"] for row in store.curve(key)] == [1, 2, 3, 4, 5, 6]
    assert store.outcome(key).resumed_from == ()


def test_whoever_was_overtaken_stops_without_writing(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def compute(job: StageJob) -> dict[str, float]:
        (store.claims(key) / "2.json").write_text(json.dumps({"released": True}))
        job.checkpoint(lambda: pytest.fail("the folder belongs to somebody else"))
        return {}

    key = registered(store, target(monkeypatch, compute))
    assert stages.run_stage(key, store.root, OFTEN) == "held"


def test_a_stage_without_checkpoints_stops_at_its_next_progress(store: RunStore) -> None:
    stage = store.stage(registered(store, "t"))
    claim, stop = Claim.acquire(store.claims(stage.key)), threading.Event()
    assert claim is not None
    job = StageJob(store, stage, OFTEN, claim, stop)
    job.progress(1, 2)
    stop.set()
    with pytest.raises(Stopped):
        job.progress(2, 2)


def test_one_planned_stage_runs_from_the_command_line(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = registered(store, target(monkeypatch, lambda job: {}))
    bad = registered(store, "benchmark.nowhere.train")
    codes = [stages.main([key, "--root", str(store.root)]) for key in (good, bad, "0" * 16)]
    assert codes == [0, 1, 2]
    captured = capsys.readouterr()
    assert f"done: {store.folder(good)}" in captured.out
    assert "failed: ModuleNotFoundError" in captured.out
    assert captured.err.startswith(f"stages: stage {'0' * 16} is not in")
