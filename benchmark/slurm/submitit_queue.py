"""A real Slurm as a Queue: submitit writes an array's files and calls sbatch; squeue, sacct, scancel do the rest."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import BadInput
from benchmark.jobs import Work
from benchmark.lease import OURS
from benchmark.slurm.queue import REST, NotNow, Refused, Seen, Task, Unreachable

COMMAND_S = 30.0  # a command that takes longer counts as unanswered
MAX_TIMEOUTS = 10**6  # how often submitit lets a job go back into the queue at its time limit
_AT_ONCE = 200  # names or ids in one command

# What sbatch says when it has certainly not been heard, or the batch may be taken another time …
_NOT_NOW = re.compile(
    r"controller \((connect|shutdown) failure|Connection refused|temporarily un|submissions disabled"
    r"|presently disabled|standby mode|generating job credential|authentication error|munge|I/O error writing"
    r"|Unable to create job record|connect to database|inactive or drain|MaxSubmit|GrpSubmit|MaxJobs|GrpJobs",
    re.IGNORECASE,
)
# … when nobody can tell whether it has been taken …
_NO_ANSWER = re.compile(
    r"Unable to contact slurm controller|timed out|Zero Bytes|Communication|Message (send|receive) failure"
    r"|Unexpected message|Transport endpoint|zero length|Could not make sense|killed for an unknown reason",
    re.IGNORECASE,
)
# … and its one sentence for too many jobs and for jobs that are too large: only a line before it can tell which.
_POLICY = "violates accounting/QOS policy"
_TOO_LARGE = re.compile(r"(QOS|Assoc)(Max|Min|Grp)")
_PREFIX = re.compile(r"^sbatch: (error: |fatal: )?(Batch job submission failed: )?")

# Variables that win over the lines of a script: those of a job in which the driver may run, and a user's defaults.
_OF_A_JOB = ("SLURM_", "SLURMD_", "SRUN_", "SUBMITIT_", "PMI_", "PMIX_")
_OF_THE_CLUSTER = ("SLURM_CONF", "SLURM_CLUSTERS")
_DEFAULTS = {f"SBATCH_{name}": f"slurm_{name.lower()}" for name in ("ACCOUNT", "CONSTRAINT", "PARTITION", "QOS")}
_OF_COMMANDS = ("SQUEUE_", "SACCT_", "SCANCEL_")


class SubmititQueue:
    """job: makes the callable of a work; submitit pickles it, and calls its `checkpoint` before a job is requeued."""

    def __init__(self, job: Callable[[Work], Callable[[], object]]) -> None:
        self._job = job

    def submit(self, name: str, folder: Path, works: Sequence[Work], parameters: Mapping[str, Any]) -> str:
        import submitit
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        _require("srun")
        executor = submitit.AutoExecutor(folder=folder, cluster="slurm", slurm_max_num_timeout=MAX_TIMEOUTS)
        executor.update_parameters(name=name, **parameters)
        try:
            with _login_environment(parameters), _undisturbed():
                jobs = executor.submit_array([self._job(work) for work in works])
        except (FailedJobError, FailedSubmissionError) as error:
            raise not_submitted(str(error)) from error
        return str(jobs[0].job_id).partition("_")[0]

    def handed_over(self, folder: Path, works: int) -> str | None:
        pickles = [path.name for path in folder.glob("*_submitted.pkl")]
        return pickles[0].partition("_")[0] if len(pickles) == works else None

    def listing(self) -> Mapping[Task, Seen]:
        return {task: seen for task, (_, seen) in self._listed().items()}

    def endings(self, names: Collection[str]) -> Mapping[Task, str]:
        """The controller remembers jobs for some minutes; the accounting, if there is one, for longer, but it lags."""
        found: dict[Task, str] = {}
        for some in _portions(sorted(names)):
            which = f"--name={','.join(some)}"
            known = _states("squeue", "-h", "-r", "-t", "all", which, "-o", "%i|%T|%r|%j")
            if {name for name, _ in known} != set(some):
                fields = "JobID,State,ExitCode,JobName"
                found |= _states("sacct", "-X", "-n", "-P", "-S", "now-30days", which, "-o", fields)
            found |= known
        return found

    def cancel(self, tasks: Collection[Task]) -> None:
        listed = self._listed()
        for some in _portions([listed[task][0] for task in tasks if task in listed]):
            _answer("scancel", "--quiet", *some)

    def _listed(self) -> dict[Task, tuple[str, Seen]]:
        """Our jobs in the queue, with their ids. `-r`: one line for each waiting job of an array."""
        _require("squeue")
        found: dict[Task, tuple[str, Seen]] = {}
        for line in _answer("squeue", "-h", "-r", "-u", str(os.getuid()), "-o", "%i|%T|%r|%j"):
            job, state, reason, name = line.split("|", 3)
            if name.startswith(OURS):  # one without a place was submitted alone
                found |= {(name, place): (job, Seen(state, reason)) for place in _places(job) or [0]}
        return found


def not_submitted(words: str) -> Refused | NotNow | Unreachable:
    """What it means that sbatch failed with these words. What the controller has judged it will judge alike again."""
    lines = [_PREFIX.sub("", line).strip() for line in words.splitlines()]
    line = "; ".join(dict.fromkeys(line for line in lines if line)) or "sbatch failed without a word"
    if _NOT_NOW.search(words) or (_POLICY in words and not _TOO_LARGE.search(words)):
        return NotNow(line)
    if _NO_ANSWER.search(words) or not words.strip():
        return Unreachable(line)
    return Refused(line)


def _states(*command: str) -> dict[Task, str]:
    """Of a command that prints `id|state|cause|name`; nothing where it cannot be had."""
    found: dict[Task, str] = {}
    with contextlib.suppress(Unreachable):
        for line in _answer(*command):
            job, state, cause, name = line.split("|", 3)
            word = " ".join((state.split()[0], *_in_brackets(cause)))  # of "CANCELLED by 1000"
            found |= {(name, place): word for place in _places(job) or [REST]}
    return found


def _in_brackets(cause: str) -> list[str]:
    """Slurm's reason, or its `exit code:signal`; nothing where it says nothing."""
    numbers = re.fullmatch(r"(\d+):(\d+)", cause)
    if numbers is not None:
        code, number = map(int, numbers.groups())
        cause = f"signal {number}" if number else f"exit code {code}" if code else ""
    return [f"({cause})"] if cause not in ("", "None") else []


def _places(job: str) -> list[int]:
    """The places in their batch of the jobs with this id: 12_3 -> 3; 12_[3,5-7%4] -> 3 5 6 7; none in 12."""
    _, array, places = job.partition("_")
    if not array:
        return []
    ranges = (part.partition("-") for part in places.strip("[]").partition("%")[0].split(","))
    return [place for first, _, last in ranges for place in range(int(first), int(last or first) + 1)]


def _portions(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _answer(*command: str) -> list[str]:
    """The lines that a command prints. Ctrl-C in the terminal is not for it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_COMMANDS)}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_S,
            env=environment,
            start_new_session=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unreachable(f"{command[0]}: {error}") from error
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines() or [f"{command[0]} failed without a word"]
        raise Unreachable(last[-1])
    return done.stdout.decode(errors="replace").splitlines()


def require_commands() -> None:
    """Raises BadInput where Slurm's commands are not to be had."""
    for command in ("sbatch", "srun", "squeue", "scancel"):
        _require(command)


def _require(command: str) -> None:
    if shutil.which(command) is None:
        raise BadInput(f"executor=slurm needs Slurm's commands, but there is no {command} here; run on a login node")


@contextlib.contextmanager
def _login_environment(parameters: Mapping[str, Any]) -> Iterator[None]:
    """sbatch as from a login shell: what a script says holds; a user's default holds where it says nothing."""

    def wins(name: str) -> bool:
        if name.startswith("SBATCH_"):
            return name not in _DEFAULTS or parameters.get(_DEFAULTS[name]) is not None
        return name.startswith(_OF_A_JOB) and name not in _OF_THE_CLUSTER

    away = {name: value for name, value in os.environ.items() if wins(name)}
    for name in away:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(away)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """No Ctrl-C of the terminal for sbatch, and none of its words, which come with the exception, for the terminal."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
