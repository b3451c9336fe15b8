"""Processes of this machine, told apart by number and start time: a number alone may be somebody else's tomorrow."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """start: clock ticks since the machine's start."""

    pid: int
    start: int

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has this number now, if any; what its parent has not yet buried does not count."""
        fields = _stat(pid)
        return None if fields is None or fields[0] in ("Z", "X") else cls(pid, int(fields[19]))

    def alive(self) -> bool:
        return Process.of(self.pid) == self

    def signal(self, number: int) -> None:
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def end(self, patience_s: float) -> None:
        """Ask it to end, and end it when it has not after so many seconds."""
        self.signal(signal.SIGTERM)
        if not wait(lambda: not self.alive(), patience_s):
            self.signal(signal.SIGKILL)
            wait(lambda: not self.alive(), 5)

    def program(self) -> str:
        """File name of what it executes; empty where nobody may know."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid}/exe").readlink().name
        return ""

    def folder(self) -> Path | None:
        """Its working folder."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid}/cwd").readlink()
        return None

    def environment(self) -> dict[str, str]:
        """The environment it was started with."""
        try:
            text = Path(f"/proc/{self.pid}/environ").read_bytes().decode(errors="replace")
        except OSError:
            return {}
        return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def every() -> Iterator[Process]:
    for path in Path("/proc").glob("[0-9]*"):
        process = Process.of(int(path.name))
        if process is not None:
            yield process


def with_descendants(ancestors: set[Process]) -> set[Process]:
    """These processes, and whatever they have started that still has an unbroken line of parents to them."""
    parents = {process: int((_stat(process.pid) or "00")[1]) for process in every()}
    family, numbers = set(ancestors), {process.pid for process in ancestors}
    while children := {process for process, parent in parents.items() if parent in numbers} - family:
        family |= children
        numbers |= {process.pid for process in children}
    return family


def wipe_out(find: Callable[[], set[Process]]) -> set[Process]:
    """Kill all of them in one moment, as a machine without power does; returns who they were.

    They are frozen first, again and again until no new one is found: a parent that outlives its child, if only for a
    millisecond, reports its death.
    """
    frozen: set[Process] = set()
    while fresh := find() - frozen:
        for process in fresh:
            process.signal(signal.SIGSTOP)
        frozen |= fresh
    for process in frozen:
        process.signal(signal.SIGKILL)
    if not wait(lambda: not any(process.alive() for process in frozen), 60):
        raise TimeoutError(f"could not be killed: {sorted(process.pid for process in frozen if process.alive())}")
    return frozen


def wait(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until a condition holds; False when it does not within so many seconds."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the third: state, parent, …"""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
