"""The smoke grid on a real Slurm: the methods themselves, a third of it in peace and the rest disturbed.

Beside it, since it does little but wait, a job of the toy benchmark runs into its time limit.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.spec import Resources
from benchmark.stages import run_stage
from benchmark.store import RunStore
from tests.e2e.slurm import grids
from tests.e2e.slurm.cluster import Cluster
from tests.e2e.slurm.grids import SlurmToy
from tests.toy import PATIENCE_S, PROJECT, until

STAGES = {"rtfm-s1": 36, "all": 105}
EXECUTOR = ("executor=slurm", "executor.cpus=1", "executor.mem_gb=4", "executor.poll_s=1", "executor.lost_after_s=20")
LIMITED = ("one",)


@pytest.fixture(scope="module")
def limited(shared_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmToy]:
    """A toy benchmark one of whose jobs may run for two minutes and is not done before Slurm tells it to leave.

    It runs on the node to which nothing happens. Slurm tells it 20 to 50 s before the end: when it has begun also on a
    machine that starts it slowly.
    """
    toy = SlurmToy.on(shared_cluster, tmp_path_factory.mktemp("limited"))
    toy.arm("practise", "hold", at=5)
    toy.start("--grid", *LIMITED, "executor=slurm", "executor.time_min=2", "executor.extra={nodelist: n1}")
    yield toy
    toy.close()
    shared_cluster.clear()


class Smoke:
    """The smoke grid below a root, computed by commands of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._commands: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "run_all.py", "--grid", "smoke", *EXECUTOR, "--root", str(self.root), *words]
        environ = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
        pipe = subprocess.PIPE
        running = subprocess.Popen(
            command, cwd=PROJECT, env=environ, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )
        self._commands.append(running)
        return running

    def run(self, *words: str) -> str:
        """What a command said that ended well."""
        return self.end(self.start(*words))

    def end(self, running: subprocess.Popen[str]) -> str:
        out, err = running.communicate(timeout=3 * PATIENCE_S)
        assert running.returncode == 0, out + err
        return out

    def close(self) -> None:
        for running in self._commands:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.communicate()

    @property
    def store(self) -> RunStore:
        return RunStore(self.root)

    def at_work(self, cluster: Cluster, node: str) -> dict[str, str]:
        """Wait for stages that are being computed on a node: key -> job."""
        found: dict[str, str] = {}

        def caught() -> bool:
            lines = cluster.ask("squeue", "-h", "-r", "-t", "RUNNING", "-w", node, "-o", "%A %i").splitlines()
            here = dict(line.split() for line in lines)
            held = {key: (self.store.held(key) or {}).get("slurm") or {} for key in self.unfinished()}
            found.update({key: here[job["id"]] for key, job in held.items() if job.get("id") in here})
            return bool(found)

        until(caught)
        return found

    def strike(self, cluster: Cluster, blow: Callable[[str], None]) -> None:
        """Deal a blow to a job at work on n2; again, where the stage was done before that came."""
        done = True
        while done:
            key, job = next(iter(self.at_work(cluster, "n2").items()))
            blow(job)
            done = self.store.is_done(key)

    def unfinished(self) -> list[str]:
        plan = self.store.plan("smoke")
        return [key for key in plan.stages if not self.store.is_done(key)]

    def numbers(self, key: str) -> tuple[object, bytes]:
        return numbers(self.store, key)


def numbers(store: RunStore, key: str) -> tuple[object, bytes]:
    """What a repeat must reproduce to the bit: a stage's metrics and its curve."""
    result = store.result(key)
    assert result is not None
    return result["metrics"], store.curve_file(key).read_bytes()


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smoke]:
    smoke = Smoke(tmp_path_factory.mktemp("smoke"))
    yield smoke
    smoke.close()


def computed_here(smoke: Smoke, keys: list[str], folder: Path) -> dict[str, tuple[object, bytes]]:
    """The numbers of some stages when this process computes them without a break, from the same parents."""
    shutil.copytree(smoke.root, folder, ignore=shutil.ignore_patterns("mlflow*", ".jobs", "grids"))
    store = RunStore(folder)
    for key in keys:
        store.discard(key)
        store.register(smoke.store.stage(key))
        assert run_stage(key, folder, Resources()) == "done"
    return {key: numbers(store, key) for key in keys}


def test_the_smoke_grid_in_peace(cluster: Cluster, limited: SlurmToy, smoke: Smoke, tmp_path: Path) -> None:
    smoke.run("envs=[rtfm_s1]")
    plan = smoke.store.plan("smoke")
    assert len(plan.stages) == STAGES["rtfm-s1"]
    assert grids.attempts(smoke.store, plan) == dict.fromkeys(plan.stages, 1)
    assert grids.commits(smoke.store, plan) == dict.fromkeys(plan.stages, 1)
    cell = list(next(cell for cell in plan.cells if cell.method == "ldd").stages.values())
    assert computed_here(smoke, cell, tmp_path / "here") == {key: smoke.numbers(key) for key in cell}


def test_the_smoke_grid_disturbed(cluster: Cluster, limited: SlurmToy, smoke: Smoke, tmp_path: Path) -> None:
    driver = smoke.start("executor.checkpoint_s=0.5")
    until(lambda: len(smoke.store.plan("smoke").stages) == STAGES["all"])
    smoke.at_work(cluster, "n2")
    driver.kill()
    driver.communicate()
    driver = smoke.start("executor.checkpoint_s=0.5")

    def preempt(job: str) -> None:
        intruder = cluster.sbatch("--partition=high", "--nodelist=n2", "--cpus-per-task=2", "--wrap=sleep 1")
        until(lambda: intruder not in grids.waiting_or_running(cluster))

    def cancel(job: str) -> None:
        cluster.slurm("scancel", job, check=False)  # it may be over
        until(lambda: job not in grids.waiting_or_running(cluster))

    def unplug(job: str) -> None:
        cluster.kill_node("n2")
        cluster.start_node("n2")

    smoke.strike(cluster, preempt)
    smoke.strike(cluster, cancel)
    until(lambda: len(smoke.unfinished()) < 60)
    smoke.strike(cluster, unplug)

    smoke.end(driver)
    plan = smoke.store.plan("smoke")
    assert grids.states(smoke.store, plan) == {"done": STAGES["all"]}
    assert grids.commits(smoke.store, plan) == dict.fromkeys(plan.stages, 1)
    repeats = {key: attempts - 1 for key, attempts in grids.attempts(smoke.store, plan).items() if attempts > 1}
    assert sum(repeats.values()) >= 3, "each blow has struck"
    disturbed = list(repeats)
    assert computed_here(smoke, disturbed, tmp_path / "here") == {key: smoke.numbers(key) for key in disturbed}

    submitted = grids.jobs(cluster)
    assert f"{STAGES['all']} done before, 0 to compute" in smoke.run()
    assert grids.jobs(cluster) == submitted


def test_a_job_at_its_time_limit_saves_goes_back_into_the_queue_and_continues(
    limited: SlurmToy, tmp_path: Path
) -> None:
    plan = limited.plan(*LIMITED)
    until(lambda: grids.states(limited.store, plan) == {"done": 2})
    key = next(key for key, stage in plan.stages.items() if stage.kind == "practise")
    outcome = limited.store.outcome(key)
    assert outcome.attempts > 1
    assert len(outcome.resumed_from) == outcome.attempts - 1
    assert limited.redone() == {key: 0}, "it saved when it was told, so nothing was lost"
    assert limited.store.interruptions(key) == [], "a job that goes back into the queue by itself needs nobody"
    assert limited.results() == grids.unbroken(tmp_path, *LIMITED)
