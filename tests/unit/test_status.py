"""How a grid stands: counts, what runs where, what waits in a queue; as words, as a picture and as JSON."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.cli.matrix import picture
from benchmark.cli.status import Status, look
from benchmark.jobs import Work
from benchmark.lease import Claim
from benchmark.slurm.batches import Ledger
from benchmark.spec import Plan, Resources
from benchmark.store import UNBEGUN, RunStore
from tests.toy import Toy

RESULT = {
    "metrics": {"score": 0.5},
    "seconds": 2.0,
    "device": "cpu",
    "deterministic": True,
    "attempts": 1,
    "resumed_from": [],
    "finished": "2026-11-20T10:11:12+00:00",
    "commit": "1234567890abcdef+dead",
}


def finish(store: RunStore, plan: Plan, *keys: str) -> None:
    """Publish a result of these stages."""
    for key in keys:
        store.register(plan.stages[key])
        store.publish_result(key, {"key": key, **RESULT})


def squeue(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A scheduler's queue on this machine: what its command does."""
    command = folder / "bin" / "squeue"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)


def status(toy: Toy, plan: Plan) -> Status:
    return look(plan, RunStore(toy.root), toy.request().executor)


@pytest.fixture
def mixed(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Status:
    """Of six cells in the north: one is done, one runs, one is in a queue, one has failed, one has stopped."""
    plan, store = toy.plan("toy", "envs=[north]", "methods=[plain]", "seeds=6"), RunStore(toy.root)
    cells = [cell.stages for cell in plan.cells]
    finish(store, plan, *cells[0].values())
    for number, state in ((1, "running"), (3, "failed"), (4, "stopped")):
        key = cells[number]["practise"]
        store.register(plan.stages[key])
        reason = "RuntimeError: no" if state == "failed" else None
        shown = {"score": 0.25}
        now = {"state": state, "reason": reason, "done": 500, "total": 2000, "rate": 100.0, "shown": shown}
        store.write_status(key, {**UNBEGUN, **now})
    assert Claim.acquire(store.claims(cells[1]["practise"])) is not None
    ledger = Ledger(store.launches() / "slurm")
    batch = ledger.new("toy", [Work((cells[2]["practise"], cells[2]["exam"]), Resources())], [(0, 0)])
    ledger.write(batch)
    squeue(toy.folder, monkeypatch, f"echo '7|PENDING|Priority|{batch.name}'")
    return status(toy, plan)


def test_every_cell_is_in_one_state(mixed: Status) -> None:
    states = [mixed.cell_state(cell.name) for cell in mixed.plan.cells]
    assert states == ["done", "running", "queued", "failed", "stopped", "missing"]


def test_the_text_counts_and_says_what_runs_and_what_failed(mixed: Status) -> None:
    text = mixed.text()
    assert "plain  released  1 done, 1 running, 1 queued, 1 stopped, 1 failed, 1 missing" in text
    assert "6 cells: 1 done, 1 running, 1 queued, 1 stopped, 1 failed, 1 missing" in text
    assert "running: 1 × practise (100/s together)" in text
    row = next(line for line in text.splitlines() if line.startswith("practise north/plain/1"))
    for part in ("500/2000", "100/s", "15 s", "score 0.25", "process "):
        assert part in row
    assert "north/plain/3 failed: practise: RuntimeError: no" in text


def test_the_picture_shows_done_of_planned_and_signs_for_the_rest(mixed: Status) -> None:
    output = io.StringIO()
    Console(file=output, width=80, force_terminal=False).print(picture(mixed))
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("plain" in line and "1/6 ▶1 ◷1 ‖1 ✗1" in line for line in lines)
    assert any("done/planned   ▶ running   ◷ queued   ‖ stopped   ✗ failed" in line for line in lines)


def test_the_json_has_the_progress_of_running_stages(mixed: Status) -> None:
    cells = mixed.to_json()
    practise = cells["north/plain/1"]["stages"]["practise"]
    assert {name: practise[name] for name in ("state", "done", "total", "rate")} == {
        "state": "running",
        "done": 500,
        "total": 2000,
        "rate": 100.0,
    }
    assert cells["north/plain/2"]["state"] == "queued"
    assert cells["north/plain/0"]["metrics"] == {"score": 0.5}


def test_time_left_is_known_once_every_kind_of_stage_has_been_computed(toy: Toy) -> None:
    plan, store = toy.plan("toy", "envs=[north]", "methods=[plain]", "seeds=5"), RunStore(toy.root)
    assert status(toy, plan).seconds_left is None
    finish(store, plan, *plan.cells[0].stages.values())
    assert status(toy, plan).seconds_left == pytest.approx(8.0), "4 cells, 2 stages of 2 s each, 2 at once"
    assert "10 stages: 2 done, 8 missing; about 8 s left" in status(toy, plan).text()


def test_who_feeds_the_queue_is_said(toy: Toy) -> None:
    plan, store = toy.plan("toy", "envs=[north]"), RunStore(toy.root)
    claim = Claim.acquire(store.grid_folder("toy") / "driver")
    assert claim is not None
    assert " feeds the queue" in status(toy, plan).text()
    claim.release()
    assert " feeds the queue" not in status(toy, plan).text()


def test_a_job_is_in_the_queue_or_gone_or_nobody_can_tell(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger alone says only that it was submitted."""
    plan, store = toy.plan("toy", "envs=[north]", "methods=[plain]", "seeds=2"), RunStore(toy.root)
    first, second = (cell.stages["practise"] for cell in plan.cells)
    ledger = Ledger(store.launches() / "slurm")
    batch = ledger.new("toy", [Work((key,), Resources()) for key in (first, second)], [(0,), (0,)])
    batch.job = "7"
    ledger.write(batch)

    def states() -> list[str]:
        now = status(toy, plan)
        return [now.stage_state(key) for key in (first, second)]

    squeue(toy.folder, monkeypatch, f"echo '7_1|PENDING|Priority|{batch.name}'")
    assert states() == ["gone", "queued"]
    assert "1 gone: submitted, no longer in the queue; the next run sees to it" in status(toy, plan).text()
    store.register(plan.stages[first])
    store.write_status(first, {**UNBEGUN, "state": "stopped"})
    assert states() == ["stopped", "queued"], "how its attempt ended says more"

    squeue(toy.folder, monkeypatch, "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    assert states() == ["submitted", "submitted"]
    monkeypatch.setenv("PATH", str(toy.folder))
    assert states() == ["submitted", "submitted"], "there is no Slurm here"
    monkeypatch.undo()


def test_a_batch_that_is_being_submitted_is_not_gone(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, store = toy.plan("one"), RunStore(toy.root)
    key = plan.cells[0].stages["practise"]
    ledger = Ledger(store.launches() / "slurm")
    ledger.write(ledger.new("one", [Work((key,), Resources())], [(0,)]))
    squeue(toy.folder, monkeypatch, "exit 0")
    claim = Claim.acquire(store.grid_folder("one") / "driver")
    assert claim is not None
    assert status(toy, plan).stage_state(key) == "submitted"
    claim.release()
    assert status(toy, plan).stage_state(key) == "gone", "its driver died between the ledger and sbatch"
