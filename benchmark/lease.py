"""Exclusive right to compute a stage: a numbered claim with a heartbeat, so that no two processes compute the same.

Claims are files `claims/<number>.json`, created by an exclusive link. A claim is live while its process is; a process
on another machine counts as alive while its heartbeat (the file's modification time) is fresh. Whoever finds the
newest claim dead creates the next number, which only one can; the old holder, should it wake, sees it and stops.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.files import read_json, write_json

STALE_S = 60.0


@dataclass(frozen=True)
class Process:
    """A process that can be told from a later one with the same number. host: machine, boot and process namespace."""

    host: str
    pid: int
    start: int

    @classmethod
    def current(cls) -> Process:
        return cls(_host(), os.getpid(), _start(os.getpid()) or 0)

    def alive(self) -> bool | None:
        """Whether it still runs; None when it belongs to another machine, where nobody here can know."""
        if self.host != _host():
            return None
        return _start(self.pid) == self.start


@cache
def _host() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot = namespace = ""
    return f"{platform.node()}/{boot}/{namespace}"


def _start(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None if there is none, or only its unreaped remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


@dataclass
class Claim:
    """The right to compute one stage. number: how many claims there have been, this one included."""

    path: Path
    number: int

    @classmethod
    def acquire(cls, folder: Path) -> Claim | None:
        """Claim the stage, or None when another process holds it."""
        newest = count(folder)  # once: whoever claims after this look takes the number that is tried below
        if _live(folder, newest) is not None:
            return None
        number = newest + 1
        path = folder / f"{number}.json"
        content = {**asdict(Process.current()), "since": time.time(), "released": False}
        return cls(path, number) if write_json(path, content, exclusive=True) else None

    def beat(self) -> bool:
        """Show that the holder lives. False: somebody else took over, so stop without writing anything more."""
        with contextlib.suppress(OSError):
            os.utime(self.path)
        return count(self.path.parent) == self.number

    def release(self) -> None:
        content = read_json(self.path)
        if content is not None:
            write_json(self.path, {**content, "released": True})


def count(folder: Path) -> int:
    """The number of claims so far, which is the number of attempts at the stage."""
    if not folder.is_dir():
        return 0
    return max((int(path.stem) for path in folder.glob("[0-9]*.json")), default=0)


def holder(folder: Path) -> dict[str, Any] | None:
    """The newest claim's content if its holder lives, else None."""
    return _live(folder, count(folder))


def _live(folder: Path, number: int) -> dict[str, Any] | None:
    if number == 0:
        return None
    path = folder / f"{number}.json"
    content: dict[str, Any] | None = read_json(path)
    if content is None or content["released"]:
        return None
    alive = Process(content["host"], content["pid"], content["start"]).alive()
    if alive is None:
        alive = time.time() - path.stat().st_mtime < STALE_S
    return content if alive else None
