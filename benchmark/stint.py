"""What a job of a grid does: compute its stages in turn, and go back into the queue when it is told to leave."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.lease import Process
from benchmark.spec import Resources
from benchmark.stages import Ended, run_stage

LEAVE = signal.SIGUSR2  # submitit's word for a time limit or a preemption


@dataclass(frozen=True)
class Stint:
    """The callable that submitit pickles: keys and places, never data, so a crash of its machine loses nothing.

    stop_file, driver: of a driver that its jobs must not outlive (see `run_stage`).
    """

    keys: tuple[str, ...]
    root: Path
    resources: Resources
    stop_file: Path | None = None
    driver: Process | None = None

    def __call__(self) -> dict[str, Ended]:
        """Compute the stages up to the first that does not finish; how each ended that was begun."""
        with _told_to_leave() as (told, submitit_handler):
            ended: dict[str, Ended] = {}
            for key in self.keys:
                if told.is_set():
                    break
                ended[key] = run_stage(key, self.root, self.resources, self.stop_file, self.driver)
                if ended[key] != "done":
                    break
        unfinished = len(ended) < len(self.keys) or "stopped" in ended.values()
        if told.is_set() and unfinished and not {"held", "failed"} & set(ended.values()):
            _requeue(submitit_handler)
        return ended

    def checkpoint(self) -> Any:
        """What submitit stores for the next start: this very callable, since all state is in the run folders."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


@contextmanager
def _told_to_leave() -> Iterator[tuple[threading.Event, Any]]:
    """Keep submitit's handler from ending the process in the middle of a stage; it is called once that has saved."""
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told, None
        return
    heard = signal.signal(LEAVE, lambda number, frame: told.set())
    try:
        yield told, heard
    finally:
        signal.signal(LEAVE, heard)


def _requeue(submitit_handler: Any) -> None:
    """On Slurm, let submitit put this job back into the queue, which ends the process; elsewhere the driver repeats."""
    if os.environ.get("SUBMITIT_EXECUTOR") == "slurm" and callable(submitit_handler):
        submitit_handler(LEAVE, None)
