"""What a machine may do to a run: a full disk, folders that cannot be written, its own loss, a clock that is set."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import run_all
from benchmark import lease, stages
from benchmark.files import write_json
from benchmark.job import StageJob
from benchmark.spec import Resources, Stage
from benchmark.store import RunStore
from tests.toy import PATIENCE_S, Toy, until

OFTEN = Resources(checkpoint_s=0.0)


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of its own at this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """A file that leaves only so many bytes free."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
        file.truncate(file.tell() - leave)
    return ballast


def remount(folder: Path, how: str) -> None:
    """Busy is what a killed job leaves it for a moment."""
    until(lambda: subprocess.run(["mount", "-o", f"remount,{how}", str(folder)]).returncode == 0)


@pytest.fixture
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of the grid `three`, computed in peace."""
    peaceful = Toy.build(tmp_path_factory.mktemp("peace"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in peaceful.environ.items():
            patch.setenv(name, value)
        peaceful.drive("three", "executor=inline")
    return peaceful.results()


def grow(job: StageJob) -> dict[str, int]:
    """A state that grows to hundreds of kilobytes."""
    state = job.resume() or {"text": "", "step": 0}
    while state["step"] < 4:
        state = {"text": state["text"] + "x" * 60_000, "step": state["step"] + 1}
        job.log(state["step"], size=len(state["text"]))
        job.checkpoint(state.copy)
    return {"size": len(state["text"])}


# a full disk


def test_a_checkpoint_that_does_not_fit_is_a_passing_failure_that_names_the_remedy(tmp_path: Path) -> None:
    with small_disk(tmp_path / "runs", kilobytes=800) as root:
        store, stage = RunStore(root), Stage("policy", f"{__name__}.grow", {"env": {"id": "e"}, "seed": 0})
        store.register(stage)
        ballast = fill(root, leave=300_000)
        assert stages.run_stage(stage.key, root, OFTEN) == "failed"
        outcome = store.outcome(stage.key)
        assert (outcome.state, outcome.transient, outcome.failures) == ("failed", True, 1)
        reason = str(outcome.reason)
        assert reason.startswith(f"cannot write {store.folder(stage.key) / 'checkpoint'}")
        assert f"free in {store.folder(stage.key) / 'checkpoint'}; free some space there" in reason
        begun = store.checkpoints(stage.key).number()
        ballast.unlink()
        assert stages.run_stage(stage.key, root, OFTEN) == "done"
        assert store.outcome(stage.key).metrics == {"size": 240_000}
        assert len(store.outcome(stage.key).resumed_from) == 1, f"of {begun} checkpoints the newest whole one"
        assert [row["frames"] for row in store.curve(stage.key)] == [1, 2, 3, 4]


def test_a_library_s_own_words_for_a_full_disk_are_understood(tmp_path: Path) -> None:
    with small_disk(tmp_path / "runs", kilobytes=200) as root:
        fill(root)
        with pytest.raises(OSError, match=r"cannot write .*weights.pt: No space left on device; 0 bytes free in"):
            RunStore(root).publish("", "weights.pt", _raise_as_torch_does)


def _raise_as_torch_does(path: Path) -> None:
    path.touch()
    raise RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")


def test_on_a_full_disk_a_run_ends_in_one_line_and_the_same_command_continues(
    toy: Toy, expected: dict[str, bytes]
) -> None:
    """Nothing at all can be written, not even what became of the stage: that is the driver's own trouble to tell."""
    with small_disk(toy.root, kilobytes=2000) as root:
        toy.arm("practise", "wait", at=6)
        words = ("executor.checkpoint_s=0", f"tracking.uri=sqlite:///{toy.folder}/mlflow.db")
        running = toy.start("--grid", "three", *words)
        until(lambda: [*root.glob("*/checkpoint/000006-*.json")])
        ballast = fill(root)
        toy.disarm()
        _, err = running.communicate(timeout=PATIENCE_S)
        assert running.returncode == 2
        assert "Traceback" not in err
        (line,) = [line for line in err.splitlines() if line.startswith("run_all: ")]
        assert f"run_all: cannot write {root}/" in line
        assert "0 bytes free in " in line
        assert "free some space there" in line
        ballast.unlink()
        outcomes, _ = toy.drive("three", "executor=inline")
        assert {outcome.state for outcome in outcomes.values()} == {"done"}
        assert toy.results() == expected
        practised = next(outcome for outcome in outcomes.values() if outcome.resumed_from)
        assert practised.resumed_from == (600,), "continued from the newest checkpoint"


# folders that cannot be written


def test_a_run_folder_that_cannot_be_written_fails_alone_and_is_told_of(toy: Toy) -> None:
    words = ("executor=inline", "seeds=2")
    plan, store = toy.plan("one", *words), RunStore(toy.root)
    bad = plan.cells[0].stages["practise"]
    with small_disk(store.folder(bad), kilobytes=200) as folder:
        store.register(plan.stages[bad])
        remount(folder, "ro")
        outcomes, said = toy.drive("one", *words)
        assert [outcomes[cell.stages["exam"]].state for cell in plan.cells] == ["blocked", "done"]
        assert outcomes[bad].state == "failed"
        assert f"cannot write {folder}/" in str(outcomes[bad].reason)
        assert "mounted read-only; mount it writable" in str(outcomes[bad].reason)
        assert said.count("failed") == 1
        remount(folder, "rw")
        outcomes, _ = toy.drive("one", *words, mode="retry")
        assert {outcome.state for outcome in outcomes.values()} == {"done"}
        assert not list((toy.root / ".unwritable").iterdir()), "what was told is over"


def test_a_run_folder_that_turns_read_only_under_a_killed_job_fails_alone(toy: Toy) -> None:
    """What ended the job cannot be noted in that folder: the driver tells it elsewhere and goes on with the others."""
    words = ("seeds=2", "executor.workers=1", "executor.checkpoint_s=0")
    plan, store = toy.plan("one", *words), RunStore(toy.root)
    bad = plan.cells[0].stages["practise"]
    with small_disk(store.folder(bad), kilobytes=200) as folder:
        toy.arm("practise", "wait", at=5, seed=0)
        running = toy.start_driver("one", *words)
        until(lambda: len(store.curve(bad)) == 5)
        running.send_signal(signal.SIGSTOP)  # it looks when all has happened
        os.kill(store.status(bad)["pid"], signal.SIGKILL)
        until(lambda: store.held(bad) is None)
        remount(folder, "ro")
        running.send_signal(signal.SIGCONT)
        running.communicate(timeout=PATIENCE_S)
        assert running.returncode == 0
        assert [store.outcome(cell.stages["exam"]).state for cell in plan.cells] == ["missing", "done"]
        assert f"cannot write {folder}/" in str(store.outcome(bad).reason)


def test_a_grid_folder_that_cannot_be_written_is_one_line(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    with small_disk(RunStore(toy.root).grid_folder("one"), kilobytes=200) as folder:
        remount(folder, "ro")
        code = run_all.main(["--grid", "one", "--configs", str(toy.configs), "--root", str(toy.root)])
        err = capsys.readouterr().err
    assert code == 2
    assert err.startswith(f"run_all: cannot write {folder}/")
    assert "mounted read-only" in err
    assert err.count("\n") == 1


# a lost machine, a clock that is set


def test_stages_of_a_lost_machine_are_taken_over_once_their_heart_stands_still(
    toy: Toy, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "STALE_S", 0.4)
    monkeypatch.setattr(lease, "LOOK_S", 0.1)
    plan, store = toy.plan("three"), RunStore(toy.root)
    first = plan.cells[0].stages["play"]
    lost = {"host": "node7/boot/pid", "pid": 4711, "start": 1, "since": 0.0, "released": False, "slurm": None}
    write_json(store.claims(first) / "1.json", lost)
    in_the_future = time.time() + 1e6  # a clock that runs ahead does not make it look alive for ever
    os.utime(store.claims(first) / "1.json", (in_the_future, in_the_future))
    outcomes, _ = toy.drive("three", "executor=inline")
    assert {outcome.state for outcome in outcomes.values()} == {"done"}
    assert outcomes[first].attempts == 2
    assert toy.results() == expected


def test_what_another_machine_computes_is_not_computed_here(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of ours: it shows every second that it lives, for five times as long as it may be silent."""
    driver, _ = toy.driver("one", "executor=inline")
    store, key = driver.store, driver.plan.cells[0].stages["practise"]
    claim = store.claims(key) / "1.json"
    there = {"host": "node7/boot/pid", "pid": 4711, "start": 1, "since": 0.0, "released": False, "slurm": None}
    write_json(claim, there)
    seconds = itertools.count(1)
    now = [0]

    def compute_there(rest: float) -> None:
        now[0] = next(seconds)
        os.utime(claim, (now[0], now[0]))
        if now[0] == 5 * lease.STALE_S:
            result: dict[str, Any] = {"metrics": {"skill": 1.0}, "attempts": 1, "seconds": 1.5, "device": "cpu"}
            store.artefact(key, "policy.json").write_text("1.0", encoding="utf-8")
            store.publish_result(key, {**result, "deterministic": True, "resumed_from": [], "finished": "2026-01-01"})

    driver.clock, driver.pause = lambda: now[0], compute_there
    monkeypatch.setattr(lease, "WATCH", lease.Watch(driver.clock))
    outcomes = driver.run()
    assert outcomes[key].metrics == {"skill": 1.0}, "theirs"
    assert toy.computed("practise") == 0
    assert toy.computed("exam") == 1


def test_a_clock_that_is_set_changes_nothing(
    toy: Toy, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    jumps = itertools.cycle([0.0, 4e9, 1e9, 3e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    outcomes, _ = toy.drive("three", "executor=inline", "executor.checkpoint_s=0")
    assert {outcome.state for outcome in outcomes.values()} == {"done"}
    assert toy.results() == expected
    assert toy.computed() == len(outcomes)
