"""Everything goes wrong on the way through a real Slurm, and nothing is lost and nothing computed twice."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.e2e.slurm import grids
from tests.e2e.slurm.cluster import NODES, Cluster
from tests.e2e.slurm.grids import SlurmToy
from tests.toy import PATIENCE_S, until


def test_a_toy_grid_survives_kills_preemption_a_cancelled_job_a_dead_node_and_a_dead_controller(
    cluster: Cluster, toy: SlurmToy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    toy.slow(0.4)
    toy.arm("practise", "hold", at=grids.MIDDLE, times=1000)
    command = ("--grid", "many", "executor=slurm")
    with grids.deadly_sbatch(toy.folder, toy.environ) as struck:
        driver = toy.start(*command)
        driver.communicate(timeout=PATIENCE_S)
    assert struck.exists()
    assert driver.returncode == -9
    orphans = grids.waiting_or_running(cluster)
    assert orphans, "Slurm has its jobs, but what they are to compute was never handed over"

    driver = toy.start(*command)
    on_n2 = grids.caught_at_work(cluster, toy, "n2")
    assert not orphans & set(on_n2.values()), "who could not be helped was cancelled"
    cluster.kill_node("n2")
    until(lambda: cluster.node_state("n2").startswith("down"))

    cancelled = grids.caught_at_work(cluster, toy, "n1")
    cluster.slurm("scancel", next(iter(cancelled.values())))
    cluster.start_node("n2")

    driver.kill()
    driver.communicate()
    driver = toy.start(*command)

    preempted = grids.caught_at_work(cluster, toy, "n1")
    intruder = cluster.sbatch("--partition=high", "--nodelist=n1", "--cpus-per-task=2", "--wrap=sleep 3")
    until(lambda: intruder not in grids.waiting_or_running(cluster))

    for node in NODES:
        grids.caught_at_work(cluster, toy, node)
    cluster.kill_controller()
    begun = toy.work().total()
    toy.disarm()
    until(lambda: toy.work().total() >= begun + 8)  # who is at work hears nothing of it
    cluster.start_controller()

    out, err = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 0, out + err
    plan = toy.plan("many")
    attempts = grids.attempts(toy.store, plan)
    assert grids.states(toy.store, plan) == {"done": grids.STAGES}
    assert grids.commits(toy.store, plan) == dict.fromkeys(plan.stages, 1)
    assert toy.results() == grids.unbroken(tmp_path_factory.mktemp("inline"), "many")

    redone = toy.redone()
    interruptions = {key: attempts[key] - 1 for key in redone}
    assert all(redone[key] <= toy.interval() * interruptions[key] for key in redone), (redone, interruptions)
    assert all(interruptions[key] >= 1 for key in (*on_n2, *preempted, next(iter(cancelled))))
    whys = Counter(one["why"] for key in plan.stages for one in toy.store.interruptions(key))
    assert whys["cancelled"] == 1
    assert whys["never"] >= 1, "the first batch, that nobody brought its work"

    submitted = grids.jobs(cluster)
    assert toy.run(*command).returncode == 0
    assert grids.jobs(cluster) == submitted
