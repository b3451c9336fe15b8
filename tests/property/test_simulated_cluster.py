"""The real driver and the real Slurm launcher over a simulated cluster: whatever goes wrong, the grid ends as it must.

The rules that hold at every step (parents first, one computation at a time, one commit, little computed again) are
checked by `Runs`, those of the queue by `Cluster`; here it is said how a grid ends.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import files
from benchmark.configs import Configs
from benchmark.execute import Driver
from benchmark.executors import SlurmConfig
from benchmark.grid import make_plan
from benchmark.provenance import PROJECT
from benchmark.request import read_request
from benchmark.slurm.batches import Batch, Ledger
from benchmark.slurm.launcher import SlurmLauncher
from benchmark.spec import Outcome, Plan
from benchmark.validate import Schema
from tests import synthetic
from tests.simulated_cluster import TICK_S, Cluster, Troubles
from tests.simulated_runs import Clock, DriverKilled, Killer, Runs, View

TROUBLES = Troubles(
    preempted=0.002, shot=0.001, cancelled=0.0002, node_failures=0.0005, restarts=0.003, outages=0.005,
    requests_lost=0.1, replies_lost=0.1, not_now=0.05, deaf=0.3, no_requeue=0.3, wordless=0.3, driver_killed=0.002,
    transient=0.2, permanent=0.02, late_s=20.0, last_word_s=60.0,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _a_disk_that_needs_no_flush() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_flush", lambda path: None)
        yield


class KillableLedger(Ledger):
    """The driver may be killed before and after each of its steps."""

    def __init__(self, folder: Path, killer: Killer) -> None:
        super().__init__(folder)
        self._killer = killer

    def write(self, batch: Batch) -> None:
        self._killer.point()
        super().write(batch)
        self._killer.point()

    def remove(self, name: str) -> None:
        self._killer.point()
        super().remove(name)


class World:
    """A plan, a cluster with its troubles, and one driver after the other."""

    def __init__(
        self, plan: Plan, root: Path, seed: int, troubles: Troubles, machines: int, slots: int, max_jobs: int
    ) -> None:
        self.plan, self.root, self.clock = plan, root, Clock()
        rng = random.Random(seed)
        self.rng, self.killer = rng, Killer(rng, troubles.driver_killed)
        fate = {key: rng.random() for key in plan.stages}
        raises = troubles.permanent + troubles.transient
        self.runs = Runs(
            plan,
            self.clock,
            rng,
            seconds={key: rng.uniform(5.0, 200.0) for key in plan.stages},
            checkpoint_s=20.0,
            late_s=troubles.late_s,
            transient={key: rng.randint(1, 2) for key in plan.stages if troubles.permanent <= fate[key] < raises},
            permanent={key for key in plan.stages if fate[key] < troubles.permanent},
        )
        self.config = SlurmConfig(
            kind="slurm", checkpoint_s=20.0, max_failures=4, max_crashes=10**6, backoff_s=5.0, partition=None,
            account=None, constraint=None, qos=None, time_min=8, mem_gb=1.0, cpus=1, gpus=0, max_time_min=60,
            max_mem_gb=8.0, growth=2.0, parallelism=max(2, machines * slots // 2), max_jobs=max_jobs,
            array_size=max(2, max_jobs // 3), signal_s=60, poll_s=TICK_S, lost_after_s=90.0,
        )  # fmt: skip
        self.cluster = Cluster(
            self.runs, troubles, rng, self.killer, machines, slots, self.config.array_size, max_jobs, 60.0
        )
        self.drivers = 0

    def run(self) -> dict[str, Outcome]:
        """Run the grid, with as many drivers as it takes. The outcomes of its stages, as the last driver says."""
        while True:
            self.drivers += 1
            view = View(self.runs, self.root, self.killer)
            launcher = SlurmLauncher(view, self.config, "grid", self.cluster, self.clock)  # type: ignore[arg-type]
            launcher._ledger = KillableLedger(view.launches() / "slurm", self.killer)
            try:
                return self._drive(view, launcher)
            except DriverKilled:
                self.pass_time(self.rng.uniform(0.0, 120.0))
            finally:
                if launcher._lease is not None:
                    launcher._lease.release()  # which the system does for a process that is gone

    def _drive(self, view: View, launcher: SlurmLauncher) -> dict[str, Outcome]:
        """What `Driver.run` does, with time that passes at once."""
        driver = Driver(self.plan, view, self.config, launcher, clock=self.clock)  # type: ignore[arg-type]
        driver.begin()
        while driver.step():
            self.pass_time(TICK_S)
            assert self.clock() < 1000 * 3600, self.unfinished(driver)
        driver.end()
        return driver.outcomes()

    def pass_time(self, seconds: float) -> None:
        end = self.clock() + seconds
        while self.clock() < end:
            self.clock.now += TICK_S
            self.cluster.tick()

    def unfinished(self, driver: Driver) -> str:
        keys = sorted(driver.to_compute(), key=list(self.plan.stages).index)[:5]
        return f"{len(driver.to_compute())} stages are still to be computed: " + "; ".join(
            f"{key} {self.runs.status(key)} {self.runs.interruptions.get(key, [])[-2:]}" for key in keys
        )

    def must_end_as(self) -> dict[str, str]:
        """Stages that always raise have failed, those below them are blocked, all others are done."""
        ends: dict[str, str] = {}
        for key, stage in self.plan.stages.items():
            below = any(ends[parent] != "done" for parent in stage.parents.values())
            ends[key] = "blocked" if below else "failed" if key in self.runs.permanent else "done"
        return ends

    def check(self) -> None:
        """Run the grid through all troubles, once more in peace, and a third time, for nothing."""
        must = self.must_end_as()
        done = {key for key, state in must.items() if state == "done"}
        assert done == {key for key, outcome in self.run().items() if outcome.state == "done"}
        assert not list((self.root / ".jobs" / "slurm").glob("*.json")), "the ledger keeps what is dealt with"

        self.killer.rate, self.cluster.troubles = 0.0, Troubles()
        self.pass_time(900.0)  # jobs that the controller had forgotten run again: stages that always fail too
        submitted = self.cluster.submitted.copy()
        assert {key: outcome.state for key, outcome in self.run().items()} == must
        assert set(self.cluster.submitted - submitted) <= self.runs.permanent

        submitted = self.cluster.submitted.copy()
        self.run()
        assert self.cluster.submitted == submitted, "a run of what has ended submits something"


def small_plan(environments: int, methods: int, seeds: int) -> Plan:
    return synthetic.make_plan(
        {f"env-{number}": f"Environment {number}" for number in range(environments)},
        dict(list(synthetic.TEN_METHODS.items())[:methods]),
        tuple(range(seeds)),
        probe=True,
    )


def rates(highest: float) -> st.SearchStrategy[float]:
    return st.sampled_from([0.0, highest / 10, highest])


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 10), st.integers(1, 3)),
    machines=st.integers(1, 4),
    slots=st.integers(1, 4),
    max_jobs=st.integers(3, 40),
    troubles=st.builds(
        Troubles, preempted=rates(0.02), shot=rates(0.01), cancelled=rates(0.003), node_failures=rates(0.005),
        restarts=rates(0.05), outages=rates(0.05), requests_lost=rates(0.3), replies_lost=rates(0.3),
        not_now=rates(0.3), deaf=rates(1.0), no_requeue=rates(1.0), wordless=rates(1.0), driver_killed=rates(0.02),
        transient=rates(0.5), permanent=rates(0.2), late_s=rates(30.0), last_word_s=rates(120.0),
    ),
)  # fmt: skip
def test_any_small_cluster(
    seed: int, shape: tuple[int, int, int], machines: int, slots: int, max_jobs: int, troubles: Troubles
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        World(small_plan(*shape), Path(folder), seed, troubles, machines, slots, max_jobs).check()


def test_five_thousand_cells_of_the_paper(tmp_path: Path) -> None:
    configs = Configs(PROJECT / "configs")
    schema = Schema(configs.read("schema"), configs.shown("schema"))
    words = ["envs=[rtfm_s1,messenger_s2]", "seeds=278"]
    plan = make_plan(configs, schema, read_request(configs, schema, "paper", words))
    assert len(plan.cells) >= 5000
    world = World(plan, tmp_path, 5, TROUBLES, machines=60, slots=8, max_jobs=1000)
    world.check()
