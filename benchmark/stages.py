"""Computing one planned stage: `run_stage(key, root)`, or `python -m benchmark.stages KEY [--root DIR]`.

Needs the standard library, numpy and torch only, so a machine without the harness's other packages can compute.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from benchmark import provenance
from benchmark.errors import BadInput
from benchmark.files import FULL, Unusable, Unwritable, unwritable
from benchmark.job import StageJob, Stopped
from benchmark.lease import Claim, Process
from benchmark.log_file import open_log
from benchmark.spec import Resources, Stage
from benchmark.store import RunStore
from benchmark.transient import is_transient

WATCH_S = 0.25
BEAT_S = 5.0
ABANDONED_S = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)

# done: its result is in the store. failed: its target raised. stopped: can be continued. held: another process has it.
Ended = Literal["done", "failed", "stopped", "held"]


def run_stage(
    key: str,
    root: Path,
    resources: Resources = Resources(),  # noqa: B008 - immutable
    stop_file: Path | None = None,
    driver: Process | None = None,
) -> Ended:
    """Compute the stage with this key, or continue it from its newest checkpoint; a done stage is left as it is.

    It stops early (after a checkpoint) on SIGINT, SIGTERM or SIGUSR2, when `stop_file` appears, when the process
    `driver` that launched it is gone, or when another process has taken the stage over.

    Raises BadInput when the stage is unknown or a parent is not done, and Unwritable where not even a failure can be
    recorded, on a full disk.
    """
    store = RunStore(root)
    stage = store.stage(key)
    if store.is_done(key):
        if store.held(key) is None:
            store.tidy(key)
        return "done"
    missing = [f"{name} ({parent})" for name, parent in stage.parents.items() if not store.is_done(parent)]
    if missing:
        raise BadInput(f"stage {key} ({stage.kind}) needs {', '.join(missing)} to be done first; run the parents")
    stop = threading.Event()
    try:
        with _signals(stop):
            claim = Claim.acquire(store.claims(key), give_up=lambda: stop.is_set() or _unwanted(stop_file, driver))
            if claim is None:
                return "held"
            try:
                if store.is_done(key):  # somebody finished between the look and the claim
                    return "done"
                with _watch(claim, stop, stop_file, driver):
                    return _compute(store, stage, resources, claim, stop)
            finally:
                claim.release()
    except Unwritable as error:  # no more than its folder has been touched
        failures = store.status(key).get("failures", 0) + 1
        store.fail(key, str(error), failures, is_transient(error))
        return "failed"


def _compute(store: RunStore, stage: Stage, resources: Resources, claim: Claim, stop: threading.Event) -> Ended:
    key = stage.key
    with (
        open_log(store.log_file(key)) as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        source = provenance.collect()
        commit = provenance.revision(source)
        print(f"--- attempt {claim.number}, {_now()}, process {os.getpid()} on {resources.device}")
        print(f"commit {commit}{' (with uncommitted changes)' if source['dirty'] else ''}")
        store.tidy(key)
        for note in store.set_aside_damaged(key):
            print(note)
        job = StageJob(store, stage, resources, claim, stop, commit)
        try:
            job.write_status()
            store.write_provenance(key, source)
            metrics = _metrics(_resolve(stage.target, resources.device)(job))
            job.finish_curve()
            if not claim.beat():
                raise Stopped
            result = {
                "key": key,
                "metrics": metrics,
                "seconds": round(job.seconds(), 3),
                "device": resources.device,
                "deterministic": job.repeatable,
                "attempts": claim.number,
                "resumed_from": job.resumed_from,
                "commit": commit,
                "commits": job.commits,
                "finished": _now(),
            }
            store.publish_result(key, result)
        except (Stopped, KeyboardInterrupt) as why:
            if store.is_done(key) or not claim.beat():
                print("another process has taken this stage over")
                return "held"
            job.write_status(state="stopped")
            print(f"stopped, to be continued, {_now()}")
            if isinstance(why, KeyboardInterrupt):
                raise
            return "stopped"
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            if not claim.beat():
                print("another process has taken this stage over")
                return "held"
            job.failed(_one_line(error, store.folder(key)), is_transient(error))
            return "failed"
        finally:
            job.close()
        with contextlib.suppress(OSError):
            store.tidy(key)
        print(f"done in {result['seconds']} s")
        return "done"


def _resolve(target: str, device: str) -> Callable[[StageJob], Any]:
    """The function with this dotted name. A CPU stage computes with one torch thread: sums depend on their number."""
    module, _, name = target.rpartition(".")
    function: Callable[[StageJob], Any] = getattr(importlib.import_module(module), name)
    torch = sys.modules.get("torch")
    if torch is not None and device == "cpu":
        torch.set_num_threads(1)
    return function


def _metrics(returned: Any) -> dict[str, Any]:
    """What a target returned, if it is a flat dict of finite numbers, strings or nulls."""
    if not isinstance(returned, Mapping):
        raise TypeError(f"the target returned {type(returned).__name__}, expected a dict of metrics")
    for name, value in returned.items():
        if value is not None and type(value) not in (bool, int, float, str):
            raise TypeError(f"the target's metric {name!r} is {type(value).__name__}, expected a number or a string")
        if type(value) is float and not math.isfinite(value):
            raise ValueError(f"the target's metric {name!r} is {value}, expected a finite number")
    return dict(returned)


@contextlib.contextmanager
def _watch(claim: Claim, stop: threading.Event, stop_file: Path | None, driver: Process | None) -> Iterator[None]:
    """A thread that keeps the claim alive and asks the stage to stop when nobody waits for it any more."""
    over = threading.Event()

    def watch() -> None:
        beat = time.monotonic()
        abandoned: float | None = None
        while not over.wait(WATCH_S):
            now = time.monotonic()
            if _unwanted(stop_file, driver):
                stop.set()
            if driver is not None and driver.alive() is False:
                abandoned = abandoned or now
                if now - abandoned > ABANDONED_S:
                    os._exit(1)  # it offers no checkpoint in time: nobody is left to end it, the last one must do
            if now - beat >= BEAT_S:
                beat = now
                if not claim.beat():
                    stop.set()

    thread = threading.Thread(target=watch, name="stage-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _unwanted(stop_file: Path | None, driver: Process | None) -> bool:
    """Whether nobody waits for the stage any more."""
    asked = stop_file is not None and os.path.lexists(stop_file)
    return asked or (driver is not None and driver.alive() is False)


@contextlib.contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """Let the stop signals ask for a stop. A second SIGINT interrupts at once; the launcher's own handler hears too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in STOP_SIGNALS}

    def handle(number: int, frame: Any) -> None:
        if number == signal.SIGINT and stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        heard = previous[signal.Signals(number)]
        if callable(heard) and heard is not signal.default_int_handler:
            heard(number, frame)

    for number in STOP_SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, heard in previous.items():
            signal.signal(number, heard)


def _one_line(error: BaseException, folder: Path) -> str:
    """What a person is told about an exception of a target; of a full disk, where that is."""
    if isinstance(error, OSError) and error.errno in FULL:
        error = unwritable(Path(error.filename or folder / "a file"), error)
    text = " ".join(str(error).split())
    if isinstance(error, Unusable):
        return text
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 failed or not computed, 2 bad input, 130 stopped (run it again to continue)."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.stages", description="Compute one planned stage.")
    parser.add_argument("key", help="the stage's key; `run_all.py plan` lists them")
    parser.add_argument("--root", type=Path, default=Path("runs"), help="folder of the runs (default: runs)")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="where to compute (default: cpu)")
    options = parser.parse_args(arguments)
    try:
        ended = run_stage(options.key, options.root, Resources(device=options.device))
    except BadInput as error:
        print(f"stages: {error}", file=sys.stderr)
        return 2
    folder = RunStore(options.root).folder(options.key)
    words = {
        "done": f"done: {folder}",
        "failed": f"failed: {RunStore(options.root).outcome(options.key).reason}; see {folder / 'log.txt'}",
        "stopped": "stopped; the same command continues",
        "held": "another process computes this stage now",
    }
    print(words[ended])
    return {"done": 0, "failed": 1, "stopped": 130, "held": 1}[ended]


if __name__ == "__main__":
    sys.exit(main())
