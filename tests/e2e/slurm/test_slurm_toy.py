"""The toy grid on a real Slurm, in peace: computed once, as configured, picked up again, failures contained."""

from __future__ import annotations

import pytest

from tests.e2e.slurm import grids
from tests.e2e.slurm.cluster import Cluster
from tests.e2e.slurm.grids import SlurmToy
from tests.toy import PATIENCE_S, until


def test_a_grid_is_computed_once_with_the_numbers_of_an_inline_run_and_a_repeat_submits_nothing(
    cluster: Cluster, toy: SlurmToy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = grids.jobs(cluster)
    done = toy.run("--grid", "many", "executor=slurm", "executor.array_size=5")
    assert done.returncode == 0, done.stdout + done.stderr
    plan = toy.plan("many")
    assert len(plan.stages) == grids.STAGES
    assert set(grids.attempts(toy.store, plan).values()) == {1}
    assert grids.commits(toy.store, plan) == dict.fromkeys(plan.stages, 1)
    assert set(toy.work().values()) == {1}
    assert toy.results() == grids.unbroken(tmp_path_factory.mktemp("inline"), "many")

    submitted = grids.jobs(cluster)
    assert len(submitted - before) == 20, "one for each chain of stages"
    again = toy.run("--grid", "many", "executor=slurm")
    assert (again.returncode, again.stderr) == (0, "")
    assert f"{grids.STAGES} done before, 0 to compute" in again.stdout
    assert grids.jobs(cluster) == submitted


def test_a_driver_submits_and_leaves_and_a_later_one_goes_on_from_there(cluster: Cluster, toy: SlurmToy) -> None:
    toy.arm("practise", "wait", at=5)
    words = ("--grid", "toy", "seeds=1", "envs=[north]", "executor=slurm")
    left = toy.run("run", "--detach", *words)
    assert left.returncode == 0, left.stdout + left.stderr
    assert "2 jobs are in the queue and go on by themselves" in left.stdout
    plan = toy.plan("toy", "seeds=1", "envs=[north]")
    shown = toy.run("status", *words)
    assert shown.returncode == 0, shown.stderr
    assert "queued" in shown.stdout or "running" in shown.stdout
    toy.disarm()
    until(lambda: toy.done() == 4)  # nobody was there
    assert grids.states(toy.store, plan) == {"done": 4, "missing": 4}

    assert toy.run(*words).returncode == 0
    assert grids.states(toy.store, plan) == {"done": 8}
    assert set(grids.attempts(toy.store, plan).values()) == {1}
    assert set(toy.work().values()) == {1}


def test_a_driver_that_is_told_to_leave_leaves_its_jobs_to_the_next(cluster: Cluster, toy: SlurmToy) -> None:
    toy.arm("practise", "wait", at=5, times=2)
    running = toy.start("--grid", "one", "seeds=2", "executor=slurm")
    until(lambda: len(toy.work()) == 12)
    running.terminate()
    out, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert "left; 2 jobs go on in the queue, and the same command continues" in out
    toy.disarm()
    assert toy.run("--grid", "one", "seeds=2", "executor=slurm").returncode == 0
    assert set(toy.work().values()) == {1}
    assert set(grids.attempts(toy.store, toy.plan("one", "seeds=2")).values()) == {1}


def test_every_stage_is_given_what_is_configured_for_it(cluster: Cluster, toy: SlurmToy) -> None:
    wanted = ("executor.partition=low", "executor.extra={nice: 7}", "executor.mem_gb=0.25")
    line = "executor.resources=[{stages: 'north/plain/practise', gpus: 1, cpus: 2, mem_gb: 1.5, time_min: 90}]"
    done = toy.run("--grid", "one", "executor=slurm", *wanted, line)
    assert done.returncode == 0, done.stdout + done.stderr
    fields = "JobID,Partition,ReqCPUS,ReqMem,TimelimitRaw,ReqTRES,JobName"
    name = f"ldd-{toy.plan('one').grid}-"

    def recorded() -> list[list[str]]:
        lines = cluster.ask("sacct", "-X", "-n", "-P", "-S", "now-1hours", "-o", fields).splitlines()
        found = [line.split("|") for line in lines]
        return [one for one in found if one[1] == "low" and one[-1].startswith(name)]

    until(lambda: len(recorded()) == 2)
    practise, exam = recorded()
    assert practise[2:5] == ["2", "1.50G", "90"] or practise[2:5] == ["2", "1536M", "90"]
    assert "gres/gpu=1" in practise[5]
    assert exam[2:5] == ["1", "256M", "60"]
    assert "gres/gpu" not in exam[5]
    shown = cluster.ask("squeue", "-h", "-t", "all", "-p", "low", "-j", practise[0], "-o", "%y")
    assert shown == "7"


def test_a_failing_stage_blocks_what_needs_it_and_nothing_else(cluster: Cluster, toy: SlurmToy) -> None:
    toy.arm("study", "raise", times=9)
    words = ("--grid", "toy", "seeds=1", "envs=[north]", "executor=slurm")
    done = toy.run(*words)
    assert done.returncode == 1, done.stdout + done.stderr
    plan = toy.plan("toy", "seeds=1", "envs=[north]")
    assert grids.states(toy.store, plan) == {"done": 3, "failed": 1, "blocked": 4}
    assert "failed; it blocks 2 cells, such as north/taught/0: RuntimeError: the toy was told to fail" in done.stdout
    before = grids.jobs(cluster)
    assert toy.run(*words).returncode == 1
    assert grids.jobs(cluster) == before, "what failed is not repeated until asked"


def test_what_slurm_refuses_is_said_in_one_line(toy: SlurmToy) -> None:
    done = toy.run("--grid", "one", "executor=slurm", "executor.partition=nowhere")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "partition=nowhere" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_half_written_file_of_submitits_costs_nothing(cluster: Cluster, toy: SlurmToy) -> None:
    """It makes a job fail after its work, when submitit wants to store what the job returned."""
    toy.arm("practise", "wait", at=5)
    driver = toy.start("--grid", "one", "executor=slurm")
    until(lambda: len(toy.work()) == 6)
    submitted = list(toy.store.launches().glob("slurm/*/*_submitted.pkl"))
    for path in submitted:
        path.with_name(path.name.replace("_submitted.pkl", "_0_result.pkl.save_tmp")).touch()
    toy.disarm()
    out, err = driver.communicate(timeout=PATIENCE_S)
    assert len(submitted) == 1
    assert driver.returncode == 0, out + err
    assert set(toy.work().values()) == {1}
    job = submitted[0].name.split("_")[0]
    until(lambda: cluster.ask("squeue", "-h", "-t", "all", "-j", job, "-o", "%T") == "FAILED")  # its work is done
