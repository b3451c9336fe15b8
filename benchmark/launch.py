"""Starting jobs through submitit's own executors, and ending them: the one code path for `inline` and `local`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.files import read_json, write_json
from benchmark.lease import Process
from benchmark.provenance import PROJECT
from benchmark.spec import Resources
from benchmark.stages import run_stages
from benchmark.store import RunStore


@dataclass(frozen=True)
class ExecutorConfig:
    """How stages are run; it changes no result. The fields and their meaning stand in configs/executor/*.yaml."""

    kind: str
    device: str
    checkpoint_s: float
    max_failures: int
    max_crashes: int
    backoff_s: float
    grace_s: float = 0.0
    timeout_min: int = 0
    workers: int | None = None

    @property
    def slots(self) -> int:
        """Jobs at once: one inline, else as many as asked for, else one per usable core."""
        return 1 if self.kind == "inline" else self.workers or len(os.sched_getaffinity(0))

    @property
    def resources(self) -> Resources:
        return Resources(self.device, self.checkpoint_s)


@dataclass
class Running:
    """A job in progress: the stages it computes in turn, and submitit's handle."""

    keys: tuple[str, ...]
    job: Any

    def over(self) -> bool:
        """Whether it has ended, in whatever way. An inline job is computed by this call."""
        return bool(self.job.done())

    def words(self) -> str:
        """The last lines that the job's process printed itself, for a death that left no other trace."""
        lines: list[str] = []
        for path in (self.job.paths.stdout, self.job.paths.stderr):
            if path.exists():
                lines += path.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        return "\n".join(lines)


class Launcher:
    """Submits jobs and asks them to stop. Its folder holds submitit's files and dies with it."""

    def __init__(self, store: RunStore, config: ExecutorConfig) -> None:
        self.store, self.config = store, config
        self._executor: Any = None
        self.folder = store.launches() / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.stop_file = self.folder / "stop"

    def submit(self, keys: Sequence[str]) -> Running:
        """Start one job that computes these stages in turn."""
        arguments = (tuple(keys), self.store.root, self.config.resources, self.stop_file, Process.current())
        if self._executor is None:
            self._executor = self._make()
        with _child_environment(self.config.device):
            job = self._executor.submit(run_stages, *arguments)
        return Running(tuple(keys), job)

    def _make(self) -> Any:
        import submitit

        _bury_the_dead(self.store.launches())
        write_json(self.folder / "driver.json", vars(Process.current()))
        cluster = {"inline": "debug"}.get(self.config.kind, self.config.kind)
        executor = submitit.AutoExecutor(folder=self.folder, cluster=cluster)
        gpus = 1 if self.config.device == "cuda" else 0
        executor.update_parameters(timeout_min=self.config.timeout_min, gpus_per_node=gpus, name="ldd-bench")
        return executor

    def ask_to_stop(self) -> None:
        """Ask all jobs to save a checkpoint and end; they look every quarter of a second."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.stop_file.touch()

    def kill(self, running: Running) -> None:
        """End a job that does not listen. Its stage can be continued from its newest checkpoint."""
        if self.config.kind == "local":
            controller = int(running.job.job_id)
            for process in (*_children(controller), controller):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def _child_environment(device: str) -> Iterator[None]:
    """What a job's process inherits: one computing thread on a CPU, a trace when it crashes, no signals of a terminal.

    Ctrl-C and a closed terminal reach every process in it; blocked in the children, they are the driver's alone, which
    asks them to stop. A blocked signal is delivered to the driver as soon as the child has started.
    """
    wanted = {"PYTHONFAULTHANDLER": "1", "PYTHONPATH": os.pathsep.join(_import_path())}
    if device == "cpu":
        wanted |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
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


def _import_path() -> list[str]:
    """A job finds the same modules as this process, from whatever folder either was started."""
    path = [str(PROJECT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return list(dict.fromkeys(entry for entry in path if entry))


def _bury_the_dead(launches: Path) -> None:
    """Remove the folders of commands that were killed and could not do so themselves."""
    for folder in launches.glob("*-*"):
        driver = read_json(folder / "driver.json")
        if driver is not None and Process(**driver).alive() is False:
            shutil.rmtree(folder, ignore_errors=True)
