"""What a job of a grid does: compute its stages in turn, and go back into the queue when it is told to leave."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import BadInput
from benchmark.files import Unwritable
from benchmark.lease import Process
from benchmark.spec import Resources
from benchmark.stages import Ended, run_stage
from benchmark.store import RunStore

LEAVE = signal.SIGUSR2  # submitit's word for a time limit or a preemption
ENOUGH_S = 600.0  # between that word and the end, with all that clusters grant beyond a limit


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
            before = self._progress()
            ended: dict[str, Ended] = {}
            for key in self.keys:
                if told.is_set():
                    break
                ended[key] = self._run(key)
                if ended[key] != "done":
                    break
        unfinished = len(ended) < len(self.keys) or "stopped" in ended.values()
        if told.is_set() and unfinished and not {"held", "failed"} & set(ended.values()):
            if self._progress() == before:
                _wait_for_slurm()
            _requeue(submitit_handler)
        return ended

    def _progress(self) -> list[tuple[bool, int]]:
        """Of each stage, whether it is done and the number of its newest checkpoint."""
        store = RunStore(self.root)
        return [(store.is_done(key), store.checkpoints(key).number()) for key in self.keys]

    def _run(self, key: str) -> Ended:
        """What cannot be begun (its file is damaged, or a parent's result is) fails, so that its reason is known.

        What has failed for good is left so: a controller that crashed can start a job again that had ended.
        """
        outcome = RunStore(self.root).outcome(key)
        if outcome.state == "failed" and not outcome.transient:
            return "failed"
        try:
            return run_stage(key, self.root, self.resources, self.stop_file, self.driver)
        except Unwritable:
            raise  # nor could that be
        except BadInput as error:
            store = RunStore(self.root)
            store.fail(key, str(error), store.status(key).get("failures", 0) + 1, transient=True)
            return "failed"

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


def _wait_for_slurm() -> None:
    """Leave it to Slurm: back in the queue, a job that has got no further in a whole turn would do the same again.

    At a time limit Slurm ends it, and the driver asks for more time; a preempted one Slurm itself puts back.
    """
    if os.environ.get("SUBMITIT_EXECUTOR") == "slurm":
        time.sleep(ENOUGH_S)


def _requeue(submitit_handler: Any) -> None:
    """On Slurm, let submitit put this job back into the queue, which ends the process; elsewhere the driver repeats."""
    if os.environ.get("SUBMITIT_EXECUTOR") == "slurm" and callable(submitit_handler):
        submitit_handler(LEAVE, None)
