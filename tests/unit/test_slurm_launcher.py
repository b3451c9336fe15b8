"""The Slurm launcher over a queue that does what a test says: what it submits, takes for over, and keeps."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmark.cli.progress import Display
from benchmark.errors import BadInput
from benchmark.execute import Driver, prepare
from benchmark.executors import SlurmConfig
from benchmark.jobs import Ending, Job, Work
from benchmark.lease import Claim
from benchmark.records import UNBEGUN
from benchmark.slurm.flights import SETTLE_S
from benchmark.slurm.launcher import WAIT_S, SlurmLauncher
from benchmark.slurm.queue import REST, NotNow, Refused, Seen, Task, Unreachable
from benchmark.spec import Resources
from benchmark.store import RunStore
from tests.toy import Toy

CONFIG = SlurmConfig(
    kind="slurm",
    checkpoint_s=60.0,
    max_failures=3,
    max_crashes=5,
    backoff_s=1.0,
    partition="main",
    account=None,
    constraint=None,
    qos=None,
    time_min=60,
    mem_gb=2.0,
    cpus=1,
    gpus=0,
    max_time_min=200,
    max_mem_gb=64.0,
    growth=2.0,
    parallelism=8,
    max_jobs=100,
    array_size=50,
    signal_s=30,
    poll_s=1.0,
    lost_after_s=90.0,
)
PLAIN = Resources(cpus=1, mem_gb=2.0, time_min=60)


@dataclass
class ToyQueue:
    """A queue that never moves by itself. `says`: what sbatch raises next time; `deaf`: whether nothing is answered."""

    jobs: dict[Task, Seen] = field(default_factory=dict)
    last_words: dict[Task, str] = field(default_factory=dict)
    submitted: list[tuple[str, Sequence[Work], Mapping[str, Any]]] = field(default_factory=list)
    cancelled: list[Task] = field(default_factory=list)
    says: list[BaseException | None] = field(default_factory=list)
    takes_all_the_same: bool = False
    deaf: bool = False
    complete: bool = True

    def submit(self, name: str, folder: Path, works: Sequence[Work], parameters: Mapping[str, Any]) -> str:
        error = self.says.pop(0) if self.says else None
        if error is None or self.takes_all_the_same:
            self.submitted.append((name, works, parameters))
            self.jobs |= {(name, index): Seen("PENDING", "Priority") for index in range(len(works))}
        if error is not None:
            raise error
        return str(len(self.submitted))

    def handed_over(self, folder: Path, works: int) -> str | None:
        return "7" if self.complete else None

    def listing(self) -> Mapping[Task, Seen]:
        if self.deaf:
            raise Unreachable("Unable to contact slurm controller (connect failure)")
        return dict(self.jobs)

    def endings(self, names: Collection[str]) -> Mapping[Task, str]:
        return {task: word for task, word in self.last_words.items() if task[0] in names}

    def cancel(self, tasks: Collection[Task]) -> None:
        self.cancelled += tasks
        for task in tasks:
            self.jobs.pop(task, None)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """A store, a queue that outlives drivers, and the driver's launcher."""

    def __init__(self, root: Path) -> None:
        self.store, self.queue, self.clock = RunStore(root), ToyQueue(), Clock()

    def launcher(self, grid: str = "night", **changes: Any) -> SlurmLauncher:
        return SlurmLauncher(self.store, replace(CONFIG, **changes), grid, self.queue, self.clock)

    def driver_dies(self, launcher: SlurmLauncher) -> None:
        """The process is gone: its lease ends, and nothing else of it happens."""
        assert launcher._lease is not None
        launcher._lease.release()

    def status(self, key: str, **changes: Any) -> None:
        """What a stage's process writes."""
        self.store.write_status(key, {**UNBEGUN, "attempt": 1, **changes})

    def finish(self, key: str) -> None:
        done = {"key": key, "metrics": {}, "seconds": 1.0, "device": "cpu", "deterministic": True, "attempts": 1}
        self.store.publish_result(key, {**done, "resumed_from": [], "commit": "", "commits": [], "finished": ""})

    def leaves(self, job: Job, word: str | None = None) -> Task:
        """The job leaves the queue; `word`: what Slurm says of it afterwards."""
        name, _, index = job.name.rpartition("_")
        task = (name, int(index))
        del self.queue.jobs[task]
        if word is not None:
            self.queue.last_words[task] = word
        return task


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "runs")


@pytest.fixture
def driver(scene: Scene) -> SlurmLauncher:
    launcher = scene.launcher()
    assert launcher.adopt() == []
    return launcher


def works(*chains: str, given: Resources = PLAIN) -> list[Work]:
    """`"a b"`: one job that computes stage a, then stage b."""
    return [Work(tuple(chain.split()), given) for chain in chains]


def ended(launcher: SlurmLauncher, *jobs: Job) -> list[str | None]:
    found = launcher.ended(jobs)
    return [found[job].why if job in found else None for job in jobs]


# what is submitted


def test_alike_works_are_one_array_and_others_another(driver: SlurmLauncher, scene: Scene) -> None:
    large = replace(PLAIN, device="cuda", gpus=1, time_min=120)
    jobs = driver.submit([*works("a", "b"), *works("c", given=large)])
    (first, small, asked), (second, big, more) = scene.queue.submitted
    assert [work.keys for work in small] == [("a",), ("b",)]
    assert [work.keys for work in big] == [("c",)]
    assert (asked["timeout_min"], asked["gpus_per_node"], more["timeout_min"], more["gpus_per_node"]) == (
        60,
        None,
        120,
        1,
    )
    assert [job.name for job in jobs] == [f"{first}_0", f"{first}_1", f"{second}_0"]
    assert first.startswith("ldd-night-")


def test_an_array_is_cut_to_the_size_that_the_cluster_allows(driver: SlurmLauncher, scene: Scene) -> None:
    assert len(driver.submit(works(*(f"s{number}" for number in range(120))))) == 120
    assert [len(some) for _, some, _ in scene.queue.submitted] == [50, 50, 20]


def test_room_is_what_the_grid_may_have_in_the_queue(driver: SlurmLauncher, scene: Scene) -> None:
    assert driver.room() == 100
    job, *_ = driver.submit(works("a", "b", "c"))
    assert driver.room() == 97
    scene.leaves(job)
    scene.finish("a")
    assert ended(driver, job) == ["over"]
    driver.ended([])
    assert driver.room() == 98


def test_there_is_no_room_while_slurm_does_not_answer(driver: SlurmLauncher, scene: Scene) -> None:
    scene.queue.deaf = True
    driver.ended([])
    assert driver.room() == 0
    assert driver.trouble is not None
    scene.queue.deaf = False
    driver.ended([])
    assert driver.room() == 100
    assert driver.trouble is None


def test_why_jobs_wait_is_said_where_it_is_not_for_their_turn(driver: SlurmLauncher, scene: Scene) -> None:
    jobs = driver.submit(works("a", "b", "c"))
    assert ended(driver, *jobs) == [None] * 3
    assert driver.trouble is None
    for task in list(scene.queue.jobs)[:2]:
        scene.queue.jobs[task] = Seen("PENDING", "ReqNodeNotAvail, UnavailableNodes:n1")
    assert ended(driver, *jobs) == [None] * 3
    assert driver.trouble == "2 jobs wait: ReqNodeNotAvail, UnavailableNodes:n1"


def test_parameters_of_sbatch_are_passed_on(driver: SlurmLauncher, scene: Scene) -> None:
    scene.driver_dies(driver)
    launcher = scene.launcher(extra={"nice": 100}, setup=["module load cuda"], account="lab")
    launcher.adopt()
    launcher.submit(works("a"))
    asked = scene.queue.submitted[0][2]
    assert asked["slurm_additional_parameters"] == {"requeue": True, "nice": 100}
    assert asked["slurm_setup"][-1] == "module load cuda"
    assert any(line.startswith("export PYTHONPATH=") for line in asked["slurm_setup"])
    assert (asked["slurm_account"], asked["slurm_partition"], asked["slurm_use_srun"]) == ("lab", "main", True)


def test_a_limit_of_the_cluster_means_waiting(driver: SlurmLauncher, scene: Scene) -> None:
    scene.queue.says = [None, NotNow("QOSMaxSubmitJobPerUserLimit")]
    jobs = driver.submit([*works("a"), *works("b", given=replace(PLAIN, cpus=2))])
    assert [job.work.keys for job in jobs] == [("a",)]
    assert driver.room() == 0
    assert driver.trouble == "QOSMaxSubmitJobPerUserLimit"
    assert len(list(scene.store.launches().glob("slurm/*.json"))) == 1
    scene.clock.now += WAIT_S
    assert driver.room() == 99


def test_a_refusal_is_one_line_that_says_what_was_asked_for(driver: SlurmLauncher, scene: Scene) -> None:
    scene.queue.says = [Refused("Invalid partition name specified")]
    with pytest.raises(BadInput, match=r"partition=main.*Invalid partition name specified.*executor\."):
        driver.submit(works("a"))
    assert list(scene.store.launches().glob("slurm/*")) == []


# after a limit was hit


def note(scene: Scene, key: str, *ends: tuple[str, int]) -> None:
    for why, checkpoint in ends:
        scene.store.note_interruption(
            key, {"why": why, "checkpoint": checkpoint, "job": "ldd-night-0_0", "in_a_row": 1}
        )


@pytest.mark.parametrize(
    ("ends", "time_min", "mem_gb"),
    [
        ([("timeout", 0)], 120, 2.0),
        ([("timeout", 0), ("timeout", 0)], 200, 2.0),  # no more than max_time_min
        ([("timeout", 3), ("timeout", 5)], 60, 2.0),  # it saved each time, so it only needs another turn
        ([("memory", 3), ("node", 3), ("memory", 4)], 60, 8.0),
        ([("node", 0), ("lost", 0), ("cancelled", 0)], 60, 2.0),
    ],
)
def test_a_stage_that_hit_a_limit_gets_more(
    driver: SlurmLauncher, scene: Scene, ends: list[tuple[str, int]], time_min: int, mem_gb: float
) -> None:
    note(scene, "a", *ends)
    driver.submit(works("a"))
    asked = scene.queue.submitted[0][2]
    assert (asked["timeout_min"], asked["mem_gb"]) == (time_min, mem_gb)


def test_where_the_cluster_has_no_more_it_stays_as_configured(driver: SlurmLauncher, scene: Scene) -> None:
    note(scene, "a", ("memory", 0))
    scene.queue.says = [Refused("Memory required by task is not available")]
    assert driver.submit(works("a")) == []
    assert len(driver.submit(works("a"))) == 1
    assert scene.queue.submitted[0][2]["mem_gb"] == 2.0


@pytest.mark.parametrize("reason", ["PartitionTimeLimit", "PartitionConfig"])
def test_a_job_that_would_wait_for_ever_is_refused_too(driver: SlurmLauncher, scene: Scene, reason: str) -> None:
    (job,) = driver.submit(works("a"))
    task = next(iter(scene.queue.jobs))
    scene.queue.jobs[task] = Seen("PENDING", reason)
    with pytest.raises(BadInput, match=rf"wait for ever .{reason}"):
        driver.ended([job])
    assert scene.queue.cancelled == [task]


def test_a_larger_job_that_would_wait_for_ever_is_asked_for_as_configured(driver: SlurmLauncher, scene: Scene) -> None:
    note(scene, "a", ("timeout", 0))
    (job,) = driver.submit(works("a"))
    task = next(iter(scene.queue.jobs))
    scene.queue.jobs[task] = Seen("PENDING", "PartitionTimeLimit")
    assert ended(driver, job) == [None]
    scene.queue.last_words[task] = "CANCELLED"
    assert ended(driver, job) == ["cancelled"]
    driver.submit(works("a"))
    assert scene.queue.submitted[-1][2]["timeout_min"] == 60


# what counts as over


def test_a_job_in_the_queue_is_alive_whatever_its_state(driver: SlurmLauncher, scene: Scene) -> None:
    (job,) = driver.submit(works("a"))
    for state in ("PENDING", "RUNNING", "COMPLETING", "REQUEUED", "PENDING", "RUNNING"):
        scene.queue.jobs[next(iter(scene.queue.jobs))] = Seen(state)
        scene.queue.last_words[next(iter(scene.queue.jobs))] = "NODE_FAIL"  # of an earlier start
        scene.clock.now += 3600
        assert ended(driver, job) == [None]


def test_a_job_whose_stages_are_done_is_over_at_once(driver: SlurmLauncher, scene: Scene) -> None:
    (job,) = driver.submit(works("a b"))
    scene.finish("a")
    scene.finish("b")
    assert ended(driver, job) == [None]  # its process has not left yet
    scene.leaves(job)
    assert driver.ended([job]) == {job: Ending("over")}


def test_a_stage_that_failed_says_so_itself(driver: SlurmLauncher, scene: Scene) -> None:
    (job,) = driver.submit(works("a"))
    scene.status("a", state="failed", reason="ValueError: no")
    scene.leaves(job, "RUNNING")  # the accounting lags
    assert ended(driver, job) == ["over"]


def test_an_earlier_failure_is_not_this_jobs_word(driver: SlurmLauncher, scene: Scene) -> None:
    """The stage failed, was submitted again, and the new job has left the queue without having begun."""
    scene.status("a", state="failed", reason="OSError: full", attempt=1)
    (job,) = driver.submit(works("a"))
    scene.leaves(job)
    assert ended(driver, job) == [None]
    scene.clock.now += 100
    assert ended(driver, job) == ["never"]


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("TIMEOUT", "timeout"),
        ("OUT_OF_MEMORY", "memory"),
        ("CANCELLED", "cancelled"),
        ("NODE_FAIL", "node"),
        ("PREEMPTED", "node"),
    ],
)
def test_slurms_last_word_says_why(driver: SlurmLauncher, scene: Scene, word: str, why: str) -> None:
    (job,) = driver.submit(works("a"))
    scene.status("a", state="running")
    scene.leaves(job, word)
    assert ended(driver, job) == [why]


@pytest.mark.parametrize("word", ["COMPLETED", "FAILED"])
def test_a_job_that_ended_by_itself_has_a_word_of_its_stage_which_may_be_seen_late(
    driver: SlurmLauncher, scene: Scene, word: str
) -> None:
    first, second = driver.submit(works("a", "b"))
    for job in (first, second):
        scene.status(job.work.keys[0], state="running")
        scene.leaves(job, word)
    assert ended(driver, first, second) == [None, None]
    scene.status("a", state="failed", reason="ValueError: no")
    assert ended(driver, first, second) == ["over", None]
    scene.clock.now += SETTLE_S
    assert ended(driver, second) == ["over"]


def test_of_cancelled_jobs_slurm_may_have_forgotten_which(driver: SlurmLauncher, scene: Scene) -> None:
    jobs = driver.submit(works("a", "b"))
    name, _ = scene.leaves(jobs[0], "TIMEOUT")
    scene.leaves(jobs[1])
    scene.status("a", state="running")
    scene.queue.last_words[name, REST] = "CANCELLED"
    assert ended(driver, *jobs) == ["timeout", "cancelled"]


def test_without_a_last_word_a_job_is_lost_after_a_while(driver: SlurmLauncher, scene: Scene) -> None:
    (job,) = driver.submit(works("a"))
    scene.status("a", state="running")
    scene.leaves(job, "RUNNING")
    assert ended(driver, job) == [None]
    scene.clock.now += 89
    assert ended(driver, job) == [None]
    scene.clock.now += 1
    assert ended(driver, job) == ["lost"]


def test_a_job_that_comes_back_was_not_lost(driver: SlurmLauncher, scene: Scene) -> None:
    """A controller that was restarted from an old state does not list a job, and then requeues it."""
    (job,) = driver.submit(works("a"))
    scene.status("a", state="running")
    task = scene.leaves(job)
    assert ended(driver, job) == [None]
    scene.clock.now += 80
    scene.queue.jobs[task] = Seen("PENDING")
    assert ended(driver, job) == [None]
    del scene.queue.jobs[task]
    scene.clock.now += 80
    assert ended(driver, job) == [None]


def test_no_answer_is_not_an_end(driver: SlurmLauncher, scene: Scene) -> None:
    (job,) = driver.submit(works("a"))
    scene.leaves(job, "TIMEOUT")
    scene.queue.deaf = True
    scene.clock.now += 3600
    assert ended(driver, job) == [None]
    scene.queue.deaf = False
    assert ended(driver, job) == ["timeout"]


def test_nothing_is_over_while_its_stage_is_computed(driver: SlurmLauncher, scene: Scene) -> None:
    """The controller has forgotten a running job: the claim tells that it lives."""
    (job,) = driver.submit(works("a"))
    claim = Claim.acquire(scene.store.claims("a"))
    assert claim is not None
    scene.status("a", state="running")
    scene.leaves(job, "NODE_FAIL")
    scene.clock.now += 3600
    assert ended(driver, job) == [None]
    claim.release()
    assert ended(driver, job) == ["node"]


def test_the_last_words_of_a_dead_job_can_be_read(driver: SlurmLauncher, scene: Scene) -> None:
    first, second = driver.submit(works("a", "b"))
    folder = scene.store.launches() / "slurm" / scene.queue.submitted[0][0]
    folder.mkdir()
    (folder / "12_1_0_log.err").write_text("ModuleNotFoundError: No module named 'torch'\n", encoding="utf-8")
    (folder / "12_0_0_log.err").write_text("of the other\n", encoding="utf-8")
    scene.leaves(second, "FAILED")
    assert ended(driver, second) == [None]
    scene.clock.now += SETTLE_S
    words = "ModuleNotFoundError: No module named 'torch'\nSlurm's last word: FAILED"
    assert driver.ended([first, second]) == {second: Ending("never", words)}


def test_of_a_job_that_could_not_begin_slurms_word_is_known(driver: SlurmLauncher, scene: Scene) -> None:
    """A line of `executor.setup` has ended it without a word."""
    (job,) = driver.submit(works("a"))
    scene.leaves(job, "FAILED (exit code 3)")
    assert ended(driver, job) == [None]
    scene.clock.now += SETTLE_S
    assert driver.ended([job]) == {job: Ending("never", "Slurm's last word: FAILED (exit code 3)")}


@pytest.mark.parametrize("word", ["FAILED (NonZeroExitCode)", ""])
def test_why_a_job_could_not_begin_is_in_its_stages_log(toy: Toy, word: str) -> None:
    """Its own files are removed with its batch. A stage of which nothing is known has no log, and none is named."""
    scene, plan, output = Scene(toy.root), toy.plan("one"), io.StringIO()
    prepare(plan, scene.store, "cached")
    display = Display(Console(file=output, width=999))
    config, place = replace(CONFIG, max_crashes=0), scene.launcher(plan.grid)
    driver = display.driver = Driver(plan, scene.store, config, place, display.listen, clock=scene.clock)
    driver.begin()
    driver.step()
    (task,) = scene.queue.jobs
    scene.queue.jobs.clear()
    scene.queue.last_words = {task: word} if word else {}
    driver.step()
    scene.clock.now += CONFIG.lost_after_s
    assert not driver.step()
    driver.end()
    log = scene.store.log_file(plan.cells[0].stages["practise"])
    assert "it could not be begun" in output.getvalue()
    assert (f"(log: {log})" in output.getvalue(), "log" in output.getvalue(), log.exists()) == (bool(word),) * 3
    if word:
        assert log.read_text(encoding="utf-8").endswith(f"Slurm's last word: {word}\n")
    assert list(scene.store.launches().glob("slurm/*")) == []


# drivers come and go


def test_the_next_driver_finds_the_jobs_by_name(driver: SlurmLauncher, scene: Scene) -> None:
    first, second, _ = driver.submit(works("a", "b", "c"))
    scene.leaves(first)
    scene.finish("a")
    assert ended(driver, first, second) == ["over", None]
    driver.close()
    after = scene.launcher()
    jobs = after.adopt()
    assert [job.work.keys for job in jobs] == [("b",), ("c",)]
    assert [job.work.resources for job in jobs] == [PLAIN, PLAIN]
    assert ended(after, *jobs) == [None, None]
    assert len(scene.queue.submitted) == 1


def test_a_batch_goes_when_all_its_jobs_are_dealt_with(driver: SlurmLauncher, scene: Scene) -> None:
    jobs = driver.submit(works("a", "b"))
    (scene.store.launches() / "slurm" / scene.queue.submitted[0][0]).mkdir()
    for job, key in zip(jobs, "ab", strict=True):
        scene.leaves(job)
        scene.finish(key)
    assert ended(driver, *jobs) == ["over", "over"]
    assert len(list(scene.store.launches().glob("slurm/*"))) == 2  # the driver may die before it has noted them
    driver.ended([])
    assert list(scene.store.launches().glob("slurm/*")) == []


def test_two_drivers_of_a_grid_are_refused_and_of_two_grids_are_not(driver: SlurmLauncher, scene: Scene) -> None:
    second = scene.launcher()
    with pytest.raises(BadInput, match="grid night is being run by process"):
        second.adopt()
    second.close()  # takes nothing away from the first
    assert driver.ended([]) == {}
    assert scene.launcher("day").adopt() == []
    driver.close()
    assert scene.launcher().adopt() == []


def test_a_driver_that_was_taken_over_leaves(driver: SlurmLauncher, scene: Scene) -> None:
    scene.driver_dies(driver)  # as it seems to the other, while it only slept
    scene.launcher().adopt()
    with pytest.raises(BadInput, match="taken over"):
        driver.ended([])


def test_a_driver_that_was_taken_over_leaves_the_ledger_to_the_next(driver: SlurmLauncher, scene: Scene) -> None:
    (job,) = driver.submit(works("a"))
    scene.leaves(job)
    scene.finish("a")
    assert ended(driver, job) == ["over"]
    scene.driver_dies(driver)
    after = scene.launcher()
    assert len(after.adopt()) == 1
    driver.close()
    assert len(list(scene.store.launches().glob("slurm/*.json"))) == 1
    after.close()


def test_a_driver_shows_that_it_lives_before_each_array(driver: SlurmLauncher, scene: Scene) -> None:
    """One whose first sbatch took so long that another took over submits no second one."""
    take = scene.queue.submit

    def slow(*batch: Any) -> str:
        scene.driver_dies(driver)
        scene.launcher().adopt()
        return take(*batch)

    scene.queue.submit = slow  # type: ignore[method-assign]
    with pytest.raises(BadInput, match="taken over"):
        driver.submit([*works("a"), *works("b", given=replace(PLAIN, cpus=2))])
    assert [[work.keys for work in some] for _, some, _ in scene.queue.submitted] == [[("a",)]]


def test_a_driver_killed_before_sbatch_leaves_nothing_in_the_way(driver: SlurmLauncher, scene: Scene) -> None:
    scene.queue.says = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        driver.submit(works("a", "b"))
    scene.driver_dies(driver)
    after = scene.launcher()
    jobs = after.adopt()
    assert ended(after, *jobs) == [None, None]  # it may still come: sbatch itself may have been slow
    scene.clock.now += 90
    assert ended(after, *jobs) == ["never", "never"]
    after.ended([])
    assert list(scene.store.launches().glob("slurm/*")) == []


def test_a_driver_killed_after_sbatch_loses_nothing(driver: SlurmLauncher, scene: Scene) -> None:
    scene.queue.says, scene.queue.takes_all_the_same = [KeyboardInterrupt()], True
    with pytest.raises(KeyboardInterrupt):
        driver.submit(works("a", "b"))
    scene.driver_dies(driver)
    after = scene.launcher()
    jobs = after.adopt()
    assert ended(after, *jobs) == [None, None]
    assert scene.queue.cancelled == []
    scene.driver_dies(after)
    assert len(scene.launcher().adopt()) == 2


def test_jobs_that_never_got_their_work_are_cancelled(driver: SlurmLauncher, scene: Scene) -> None:
    """sbatch was answered, but the process was killed before submitit had put the jobs' files in place."""
    scene.queue.says, scene.queue.takes_all_the_same = [KeyboardInterrupt()], True
    with pytest.raises(KeyboardInterrupt):
        driver.submit(works("a", "b"))
    scene.driver_dies(driver)
    scene.queue.complete = False
    after = scene.launcher()
    jobs = after.adopt()
    assert ended(after, *jobs) == [None, None]
    assert len(scene.queue.cancelled) == 2
    scene.queue.last_words = dict.fromkeys(scene.queue.cancelled, "CANCELLED")
    assert ended(after, *jobs) == ["never", "never"]


def test_sbatch_without_an_answer_was_not_heard(driver: SlurmLauncher, scene: Scene) -> None:
    scene.queue.says = [Unreachable("Socket timed out")]
    (job,) = driver.submit(works("a"))
    assert ended(driver, job) == [None]
    scene.clock.now += 90
    assert ended(driver, job) == ["never"]


def test_sbatch_without_an_answer_was_heard(driver: SlurmLauncher, scene: Scene) -> None:
    """Its jobs are found by their name. submitit has not given them their files, so they would only wait."""
    scene.queue.says, scene.queue.takes_all_the_same = [Unreachable("Socket timed out")], True
    scene.queue.complete = False
    (job,) = driver.submit(works("a"))
    assert ended(driver, job) == [None]
    assert len(scene.queue.cancelled) == 1
    scene.queue.last_words = dict.fromkeys(scene.queue.cancelled, "CANCELLED")
    assert ended(driver, job) == ["never"]


def test_what_another_grid_computes_is_waited_for(driver: SlurmLauncher, scene: Scene) -> None:
    (theirs,) = driver.submit(works("teacher"))
    day = scene.launcher("day")
    day.adopt()
    waits, own = day.submit(works("teacher", "mine"))
    assert len(scene.queue.submitted) == 2
    assert ended(day, waits, own) == [None, None]
    assert day.room() == 99
    scene.leaves(theirs)
    scene.finish("teacher")
    assert ended(day, waits, own) == ["over", None]
    assert ended(driver, theirs) == ["over"]


def test_what_another_grid_gave_up_is_taken_over(driver: SlurmLauncher, scene: Scene) -> None:
    (theirs,) = driver.submit(works("teacher"))
    day = scene.launcher("day")
    day.adopt()
    (waits,) = day.submit(works("teacher"))
    scene.leaves(theirs, "CANCELLED")
    assert ended(day, waits) == ["never"]
    assert len(day.submit(works("teacher"))) == 1
    assert len(scene.queue.submitted) == 2


def test_a_job_can_be_cancelled(driver: SlurmLauncher, scene: Scene) -> None:
    first, second = driver.submit(works("a", "b"))
    driver.kill(second)
    assert [index for _, index in scene.queue.cancelled] == [1]
    driver.ask_to_stop()
    assert ended(driver, first) == [None]


# what cannot work is said before anything is submitted


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"extra": {"job-name": "x"}}, "executor.extra sets job-name"),
        ({"extra": {"cpus_per_task": 4}}, "executor.cpus"),
        ({"time_min": 1, "signal_s": 60}, "executor.time_min is 1"),
        ({"resources": [{"stages": "*/*/policy", "time_min": 1}], "signal_s": 90}, r"executor.resources\[0\].time_min"),
    ],
)
def test_settings_that_no_job_would_survive(scene: Scene, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        scene.launcher(**changes)


def test_a_driver_that_leaves_at_once_finds_out_first_what_became_of_lost_jobs(toy: Toy) -> None:
    """Else what was lost would count as queued by one such driver after the other."""
    scene, plan = Scene(toy.root), toy.plan("one")
    prepare(plan, scene.store, "cached")
    first = Driver(plan, scene.store, CONFIG, scene.launcher(plan.grid), clock=scene.clock)
    first.run(detach=True)
    assert (first.jobs(), len(scene.queue.submitted)) == (1, 1)
    scene.queue.jobs.clear()

    def pause(seconds: float) -> None:
        scene.clock.now += seconds

    begun = scene.clock.now
    second = Driver(plan, scene.store, CONFIG, scene.launcher(plan.grid), clock=scene.clock, pause=pause)
    second.run(detach=True)
    assert scene.clock.now - begun >= CONFIG.lost_after_s, (
        "nobody says anything, so that is how long it takes to be sure"
    )
    assert (second.jobs(), len(scene.queue.submitted)) == (1, 2), "and then it is submitted again, without a rest"
