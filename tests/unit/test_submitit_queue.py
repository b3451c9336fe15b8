"""Slurm's commands as a queue: what is read from what they print, and what sbatch's errors mean."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.errors import BadInput
from benchmark.jobs import Work
from benchmark.slurm.queue import REST, NotNow, Refused, Seen, Unreachable
from benchmark.slurm.submitit_queue import SubmititQueue, not_submitted
from benchmark.spec import Resources

Commands = Callable[..., Path]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Slurm's commands as shell scripts; each notes its arguments in the returned file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    notes = tmp_path / "notes"
    notes.touch()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def define(**scripts: str) -> Path:
        for name, script in scripts.items():
            path = folder / name
            path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{notes}"\n{script}\n', encoding="utf-8")
            path.chmod(0o755)
        return notes

    return define


@pytest.fixture
def queue() -> SubmititQueue:
    return SubmititQueue(lambda work: print)


LISTED = r"""printf '%s\n' '12_0|RUNNING|None|ldd-night-1' '12_10|PENDING|Priority|ldd-night-1' \
    '13|PENDING|Resources|ldd-b-2' '14|RUNNING|None|my | own job' '15_[x]|PENDING|None|theirs'"""


def test_our_jobs_in_the_queue(queue: SubmititQueue, commands: Commands) -> None:
    notes = commands(squeue=LISTED)
    assert queue.listing() == {
        ("ldd-night-1", 0): Seen("RUNNING", "None"),
        ("ldd-night-1", 10): Seen("PENDING", "Priority"),
        ("ldd-b-2", 0): Seen("PENDING", "Resources"),
    }
    assert f"-r -u {os.getuid()}" in notes.read_text(encoding="utf-8")


def test_jobs_are_cancelled_by_the_id_that_the_queue_shows_now(queue: SubmititQueue, commands: Commands) -> None:
    notes = commands(squeue=LISTED, scancel="")
    queue.cancel([("ldd-night-1", 10), ("ldd-b-2", 0), ("ldd-gone-3", 0)])
    assert notes.read_text(encoding="utf-8").splitlines()[-1] == "scancel --quiet 12_10 13"


def test_the_last_word_on_a_job(queue: SubmititQueue, commands: Commands) -> None:
    """The controller's is the newer one; the accounting is only asked for what the controller has forgotten."""
    notes = commands(
        squeue="echo '12_0|TIMEOUT|None|ldd-night-1'",
        sacct="printf '%s\\n' '12_0|RUNNING|0:0|ldd-night-1' '13_[0,2-3%8]|CANCELLED by 9|0:0|ldd-b-2' "
        "'13|CANCELLED|0:0|ldd-b-2'",
    )
    assert queue.endings(["ldd-night-1"]) == {("ldd-night-1", 0): "TIMEOUT"}
    assert "sacct" not in notes.read_text(encoding="utf-8")
    cancelled = {("ldd-b-2", place): "CANCELLED" for place in (0, 2, 3, REST)}
    assert queue.endings(["ldd-night-1", "ldd-b-2"]) == {("ldd-night-1", 0): "TIMEOUT", **cancelled}


def test_the_last_word_names_the_cause_where_slurm_knows_it(queue: SubmititQueue, commands: Commands) -> None:
    commands(
        squeue="printf '%s\\n' '12_0|FAILED|NonZeroExitCode|ldd-a-1' '12_1|COMPLETED|None|ldd-a-1'",
        sacct="printf '%s\\n' '13_0|FAILED|3:0|ldd-b-2' '13_1|OUT_OF_MEMORY|0:125|ldd-b-2'",
    )
    assert queue.endings(["ldd-a-1", "ldd-b-2"]) == {
        ("ldd-a-1", 0): "FAILED (NonZeroExitCode)",
        ("ldd-a-1", 1): "COMPLETED",
        ("ldd-b-2", 0): "FAILED (exit code 3)",
        ("ldd-b-2", 1): "OUT_OF_MEMORY (signal 125)",
    }


def test_there_may_be_no_accounting(queue: SubmititQueue, commands: Commands) -> None:
    commands(squeue="exit 0", sacct="echo 'Slurm accounting storage is disabled' >&2; exit 1")
    assert queue.endings(["ldd-night-1"]) == {}


def test_no_answer_is_no_empty_queue(queue: SubmititQueue, commands: Commands) -> None:
    commands(squeue="echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(Unreachable, match="Unable to contact"):
        queue.listing()


def test_where_there_is_no_slurm(queue: SubmititQueue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="there is no squeue here; run on a login node"):
        queue.listing()


@pytest.mark.parametrize(
    ("words", "means"),
    [
        ("invalid partition specified: nope\nBatch job submission failed: Invalid partition name specified", Refused),
        ("Batch job submission failed: Invalid account or account/partition combination specified", Refused),
        ("Memory specification can not be satisfied", Refused),
        (
            "QOSMaxWallDurationPerJobLimit\nBatch job submission failed: Job violates accounting/QOS policy",
            Refused,
        ),
        (
            "QOSMaxSubmitJobPerUserLimit\nBatch job submission failed: Job violates accounting/QOS policy",
            NotNow,
        ),
        ("AssocMaxSubmitJobLimit\nBatch job submission failed: Job violates accounting/QOS policy", NotNow),
        ("Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size)", NotNow),
        ("Slurm temporarily unable to accept job, sleeping and retrying", NotNow),
        ("Batch job submission failed: Unable to contact slurm controller (connect failure)", NotNow),
        ("Batch job submission failed: Unable to contact slurm controller (receive failure)", Unreachable),
        ("Batch job submission failed: Socket timed out on send/recv operation", Unreachable),
        ("", Unreachable),
    ],
)
def test_what_sbatchs_words_mean(words: str, means: type[Exception]) -> None:
    error = not_submitted("\n".join(f"sbatch: error: {line}" for line in words.splitlines()))
    assert type(error) is means
    assert "\n" not in str(error)
    assert "sbatch: error" not in str(error)


def submit(queue: SubmititQueue, folder: Path, works: int = 2) -> str:
    some = [Work((f"s{number}",), Resources()) for number in range(works)]
    return queue.submit("ldd-night-1", folder, some, {"slurm_partition": "main", "timeout_min": 60})


@pytest.mark.parametrize("works", [1, 3])
def test_submitting_puts_every_jobs_work_in_place(
    queue: SubmititQueue, commands: Commands, tmp_path: Path, works: int
) -> None:
    """An array of one is no array for submitit: its job's id has no place in it."""
    commands(sbatch="echo Submitted batch job 12", srun="")
    assert submit(queue, tmp_path / "batch", works) == "12"
    assert queue.handed_over(tmp_path / "batch", works) == "12"
    assert queue.handed_over(tmp_path / "batch", works + 1) is None
    script = next((tmp_path / "batch").glob("*_submission.sh")).read_text(encoding="utf-8")
    assert "#SBATCH --job-name=ldd-night-1\n" in script
    assert "#SBATCH --partition=main\n" in script
    assert "srun" in script


def test_sbatch_is_called_as_from_a_login_shell(
    queue: SubmititQueue, commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver may run in a job itself, and a user's defaults would win over what a script says."""
    for name in ("SLURM_MEM_PER_NODE", "SBATCH_PARTITION", "SBATCH_ACCOUNT", "SBATCH_JOB_NAME", "SLURM_CONF"):
        monkeypatch.setenv(name, "mine")
    notes = commands(
        sbatch="env | grep -E '^(SLURM|SBATCH)_' | sort >> \"$0.env\"; echo Submitted batch job 12", srun=""
    )
    submit(queue, tmp_path / "batch")
    seen = (notes.parent / "bin" / "sbatch.env").read_text(encoding="utf-8").split()
    assert seen == ["SBATCH_ACCOUNT=mine", "SLURM_CONF=mine"]
    assert os.environ["SBATCH_JOB_NAME"] == "mine"


def test_a_refused_batch_is_said_to_the_caller_only(
    queue: SubmititQueue, commands: Commands, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    commands(sbatch="echo 'sbatch: error: Batch job submission failed: Invalid qos specification' >&2; exit 1", srun="")
    with pytest.raises(Refused, match=r"^Invalid qos specification$"):
        submit(queue, tmp_path / "batch")
    assert capfd.readouterr() == ("", "")


def test_an_answer_that_nobody_understands_is_none(queue: SubmititQueue, commands: Commands, tmp_path: Path) -> None:
    commands(sbatch="echo queued", srun="")
    with pytest.raises(Unreachable):
        submit(queue, tmp_path / "batch")
