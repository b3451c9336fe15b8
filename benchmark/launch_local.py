"""Jobs on this machine by submitit's own executors: the one code path for `inline` and `local`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.capacity import Machine
from benchmark.executors import InlineConfig, LocalConfig
from benchmark.files import read_json, write_json
from benchmark.jobs import Ending, Job, Work
from benchmark.lease import Process
from benchmark.stint import Stint
from benchmark.store import RunStore
from benchmark.surroundings import job_variables


@dataclass(frozen=True, eq=False)
class LocalJob(Job):
    """A job with submitit's handle, and the GPU that it computes on."""

    handle: Any
    gpu: str | None = None


class LocalLauncher:
    """Processes of this machine, or this very process. Its folder holds submitit's files and dies with it."""

    outlives = False
    trouble: str | None = None
    unclear = 0

    def __init__(self, store: RunStore, config: LocalConfig | InlineConfig) -> None:
        self.config = config
        self._inline = isinstance(config, InlineConfig)
        self.poll_s = 0.01 if self._inline else 0.1
        self.grace_s = 0.0 if isinstance(config, InlineConfig) else config.grace_s
        self._store = store
        self._alive: list[LocalJob] = []
        self._executor: Any = None
        self._machine: Machine | None = None
        self.folder = store.launches() / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.stop_file = self.folder / "stop"

    def open(self) -> None:
        """Several drivers may share a grid here: claims tell them what another computes."""

    def adopt(self) -> Sequence[Job]:
        """None: the jobs of a driver that is gone end themselves."""
        return ()

    def room(self) -> int:
        return self.config.slots - len(self._alive)

    def submit(self, works: Sequence[Work]) -> Sequence[Job]:
        return [self._start(work) for work in works[: self.room()]]

    def ended(self, jobs: Sequence[Job]) -> Mapping[Job, Ending]:
        """Those that are over. An inline job is computed by this call."""
        over = [job for job in self._alive if job in jobs and job.handle.done()]
        self._alive = [job for job in self._alive if job not in over]
        return {job: Ending("over", _last_words(job.handle)) for job in over}

    def ask_to_stop(self) -> None:
        """They look every quarter of a second."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.stop_file.touch()

    def kill(self, job: Job) -> None:
        if isinstance(job, LocalJob) and not self._inline:
            controller = int(job.handle.job_id)
            for process in (*_children(controller), controller):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, work: Work) -> LocalJob:
        if self._executor is None:
            self._executor = self._make()
        gpu = self._least_busy() if work.resources.gpus else None
        if gpu is not None and not self._inline:
            self._executor.update_parameters(local_visible_gpus=(int(gpu),))
        stint = Stint(work.keys, self._store.root, work.resources, self.stop_file, Process.current())
        with _child_environment(work.resources.device):
            handle = self._executor.submit(stint)
        job = LocalJob(work, f"{self.folder.name}/{handle.job_id}", handle, gpu)
        self._alive.append(job)
        return job

    def _least_busy(self) -> str | None:
        """The GPU for the next job; None where none is to be seen, which the job itself will say."""
        if self._machine is None or self._machine.gpus:
            self._machine = Machine.here()
        if not self._machine.gpus:
            return None
        return self._machine.least_busy(Counter(job.gpu for job in self._alive if job.gpu is not None))

    def _make(self) -> Any:
        import submitit

        _bury_the_dead(self._store.launches())
        write_json(self.folder / "driver.json", vars(Process.current()))
        executor = submitit.AutoExecutor(folder=self.folder, cluster="debug" if self._inline else "local")
        timeout = {} if isinstance(self.config, InlineConfig) else {"timeout_min": self.config.timeout_min}
        gpus = 1 if self.config.device == "cuda" else 0
        executor.update_parameters(name="ldd-bench", gpus_per_node=gpus, **timeout)
        return executor


def _last_words(handle: Any) -> str:
    """The last lines that the job's process printed itself, for a death that left no other trace."""
    lines: list[str] = []
    for path in (handle.paths.stdout, handle.paths.stderr):
        if path.exists():
            lines += path.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
    return "\n".join(lines)


@contextlib.contextmanager
def _child_environment(device: str) -> Iterator[None]:
    """What a job's process inherits: one computing thread on a CPU, a trace when it crashes, no signals of a terminal.

    Ctrl-C and a closed terminal reach every process in it; blocked in the children, they are the driver's alone, which
    asks them to stop. A blocked signal is delivered to the driver as soon as the child has started.
    """
    wanted = job_variables(device)
    before = {name: os.environ.get(name) for name in wanted}  # other threads may set others meanwhile
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _children(process: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == process:
                found.append(int(path.parent.name))
    return found


def _bury_the_dead(launches: Path) -> None:
    """Remove the folders of commands that were killed and could not do so themselves."""
    for folder in launches.glob("*-*"):
        driver = read_json(folder / "driver.json")
        if driver is not None and Process(**driver).alive() is False:
            shutil.rmtree(folder, ignore_errors=True)
