"""APPO with its processes, as the harness computes it: kills, stops and continuation, and nobody left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sample_factory")
pytest.importorskip("nle")

import psutil

from agents.appo import train
from agents.appo.learner import TaughtLearner, TaughtWorker
from agents.appo.shared_memory import SHARED
from agents.appo.surroundings import LONGEST, SHORT
from benchmark.spec import Stage
from benchmark.store import RunStore
from tests.appo_runs import params
from tests.plain_job import PlainJob
from tests.toy import PATIENCE_S, until

PROJECT = Path(__file__).resolve().parents[2]
COMPUTE = """
import sys
from pathlib import Path
from benchmark.spec import Resources
from benchmark.stages import run_stage
print(run_stage(sys.argv[1], Path(sys.argv[2]), Resources(checkpoint_s=0.5)))
"""
OTHERS = {"learner_proc0", "inference_proc0", "rollout_proc0", "rollout_proc1"}
KEEPER = "torch_shm_manag"


def lives(process: psutil.Process) -> bool:
    """Whether it runs; not what is left of it where nobody asks how it ended."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def is_pythons_own(process: psutil.Process) -> bool:
    """Whether it watches over shared memory: that one stays as long as we do."""
    try:
        return "resource_tracker" in " ".join(process.cmdline())
    except psutil.Error:
        return False


class Attempt:
    """One process that computes the stage, in a process group of its own."""

    def __init__(self, store: RunStore, key: str, temporary: Path) -> None:
        self.store, self.key = store, key
        command = [sys.executable, "-c", COMPUTE, key, str(store.root)]
        self.process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=os.environ | {"TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.seen: dict[tuple[str, int], psutil.Process] = {}

    def until(self, what: str, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert self.process.poll() is None, f"{what}: it has ended: {self.process.communicate()}"
            assert time.monotonic() < deadline, f"never {what}: {self.store.log_file(self.key).read_text()}"
            time.sleep(0.1)
            self.look()
        self.look()  # since the last look they may have begun, or been named

    def look(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                self.seen[self._name(child), child.pid] = child

    @staticmethod
    def _name(child: psutil.Process) -> str:
        try:
            return Path(f"/proc/{child.pid}/comm").read_text().strip()  # the kernel keeps 15 letters
        except OSError:
            return "gone"

    def learns(self, beyond: int) -> None:
        """Until it has learnt from more than so many frames, and a checkpoint says so."""

        def reached() -> bool:
            found = self.store.checkpoints(self.key).newest()
            return found is not None and found[0]["learner"]["frames"] > beyond

        self.until("learns", reached)

    def child(self, name: str) -> psutil.Process:
        return next(child for (known, _), child in self.seen.items() if known == name and child.is_running())

    def kill_with_keepers(self) -> None:
        """Take away those who free PyTorch's shared memory, and the first process, whose death the others notice.

        That one is frozen first, so that it has no time to free anything either.
        """
        os.kill(self.process.pid, signal.SIGSTOP)
        keepers = [child for (name, _), child in self.seen.items() if name == KEEPER and child.is_running()]
        assert keepers
        for keeper in keepers:
            keeper.kill()
        os.kill(self.process.pid, signal.SIGKILL)

    def shared(self) -> list[Path]:
        """What its processes have in shared memory."""
        processes = [self.process.pid, *(pid for _, pid in self.seen)]
        return [file for pid in processes for file in SHARED.glob(f"torch_{pid}_*")]

    def ended(self) -> str:
        out, errors = self.process.communicate(timeout=PATIENCE_S)
        return out.strip() or errors

    def leaves_nobody(self) -> None:
        """Until none of its processes is there any more."""
        until(lambda: not any(map(lives, self.seen.values())))


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files whose name is short enough for PyTorch's socket: the processes keep to it."""
    with tempfile.TemporaryDirectory(prefix="appo-", dir=SHORT) as folder:
        assert len(folder) <= LONGEST
        yield Path(folder)


@pytest.fixture
def attempts(tmp_path: Path, temporary: Path) -> Iterator[Callable[..., Attempt]]:
    store = RunStore(tmp_path / "runs")
    changes = {"frames": 10**7, "num_envs": 8, "workers": 2, "batch": 40, "log_every": 200}
    given = params("nethack-score", changes=changes)
    given["curve"]["every"] = 10**6
    stage = Stage("policy", "agents.appo.train.train", given)
    store.register(stage)
    begun: list[Attempt] = []

    def begin(temporary: Path = temporary) -> Attempt:
        begun.append(Attempt(store, stage.key, temporary))
        return begun[-1]

    yield begin
    for attempt in begun:
        if attempt.process.poll() is None:
            os.killpg(attempt.process.pid, signal.SIGKILL)
            attempt.process.communicate()
        for child in attempt.seen.values():
            if child.is_running():
                child.kill()
        for file in attempt.shared():
            file.unlink(missing_ok=True)  # PyTorch's own process may be at it


def test_a_run_survives_kills_and_stops_and_leaves_nobody_behind(attempts, temporary, tmp_path):
    first = attempts()
    first.learns(beyond=0)
    assert {name for name, _ in first.seen} >= OTHERS
    learner = first.child("learner_proc0")
    assert learner.environ()["OMP_NUM_THREADS"] == "1"
    first.kill_with_keepers()
    first.ended()
    first.leaves_nobody()  # though Sample Factory's processes know nothing of their parent's death
    assert first.shared(), "nobody was left to free the memory that they shared"
    reached = first.store.checkpoints(first.key).newest()[0]["learner"]["frames"]

    second = attempts()
    second.learns(beyond=reached)
    assert first.shared() == [], "memory that is lost until the machine is restarted"
    os.kill(second.child("rollout_proc1").pid, signal.SIGKILL)
    assert second.ended() == "failed", "Sample Factory would go on with the other one"
    outcome = second.store.outcome(second.key)
    assert "process rollout_proc1 has ended by itself (exit code -9)" in outcome.reason
    second.leaves_nobody()
    reached = second.store.checkpoints(second.key).newest()[0]["learner"]["frames"]

    long = tmp_path / ("temporary" * 10)
    long.mkdir()
    third = attempts(long)
    third.learns(beyond=reached)
    os.killpg(third.process.pid, signal.SIGTERM)  # as a scheduler does: everybody hears it
    assert third.ended() == "stopped"
    third.leaves_nobody()
    state = third.store.checkpoints(third.key).newest()[0]
    assert state["learner"]["frames"] > reached and state["learner"]["optimiser"]["state"]
    assert not (third.store.folder(third.key) / "sample_factory").exists()
    log = third.store.log_file(third.key).read_text()
    assert log.count("continuing from the checkpoint") == 2
    rows = [row["frames"] for row in third.store.curve(third.key)]
    assert rows == sorted(set(rows)) and rows[0] == 0
    assert rows[-1] <= state["learner"]["frames"]
    for folder in (temporary, long):
        assert not list(folder.glob("nle*")), "games of killed processes would fill the disk"


class FailingLearner(TaughtLearner):
    def _train(self, *batch: Any) -> Any:
        if self.train_step == 2:
            raise ArithmeticError("a loss of a failing learner")
        return super()._train(*batch)


class FailingWorker(TaughtWorker):
    """The process of a learner that fails when it has learnt from two batches."""

    def __init__(self, loop: Any, cfg: Any, env_info: Any, buffers: Any, batcher: Any, policy_id: int) -> None:
        super().__init__(loop, cfg, env_info, buffers, batcher, policy_id)
        self.learner = FailingLearner(cfg, env_info, buffers.policy_versions, policy_id, self.param_server)


def test_a_learner_that_fails_ends_the_stage_with_its_words_in_the_log(tmp_path, monkeypatch, capsys):
    """Its batching thread would keep the dead process alive, and everybody waiting."""
    before = psutil.Process().children(recursive=True)
    monkeypatch.setattr("agents.appo.runner.TaughtWorker", FailingWorker)
    job = PlainJob(params(changes={"frames": 10**7, "workers": 1, "batch": 20}), tmp_path)
    with pytest.raises(RuntimeError, match=r"learner_proc0 has ended by itself \(exit code 1\)"):
        train.train(job)
    assert "a loss of a failing learner" in capsys.readouterr().out
    left = [child for child in psutil.Process().children(recursive=True) if child not in before]
    until(lambda: not [child for child in left if lives(child) and not is_pythons_own(child)])
    assert not (tmp_path / "sample_factory").exists()
